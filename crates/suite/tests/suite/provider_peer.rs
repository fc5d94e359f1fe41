//! The provider as a certified library sees it: `openid-client`, on Node. `scripts/test` installs it, and without that the test says so
//! and is skipped.
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::pages::HERE;
use crate::world::relying::{CALLBACK, relying};
use crate::world::*;

both!(a_library_signs_somebody_in);

async fn a_library_signs_somebody_in(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let grants = json!({ "grants": ["authorization_code", "refresh_token", "client_credentials"] });
    let shop = relying(&w, grants).await;
    let screen = json!({
        "name": "Television", "kind": "public", "redirect_uris": [], "grants": ["device_code", "refresh_token"], "scopes": ["openid", "email"],
    });
    let screen = relying(&w, screen).await;
    let given = json!({
        "origin": HERE,
        "host": format!("http://{}", w.node.address),
        "issuer": shop.issuer(),
        "now": w.clock.seconds(),
        "email": ada.email,
        "password": PASSWORD,
        "callback": CALLBACK,
        "bye": "https://app.example.com/bye",
        "shop": { "id": shop.id, "secret": shop.secret },
        "tv": { "id": screen.id },
    });
    let done = tokio::task::spawn_blocking(move || drive(&given)).await.unwrap();
    match done {
        None => println!("skipped: node or the packages of crates/suite/peers/relying are not installed"),
        Some((fine, said)) => assert!(fine, "{said}"),
    }
}

/// Runs the peer with this on its standard input; `None`: something that it needs is not there.
fn drive(given: &Value) -> Option<(bool, String)> {
    let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/relying");
    if !peer.join("node_modules/openid-client").is_dir() {
        return None;
    }
    let mut node = Command::new("node");
    node.current_dir(peer).arg("check.mjs").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = node.spawn().ok()?;
    running.stdin.take()?.write_all(given.to_string().as_bytes()).ok()?;
    let done = running.wait_with_output().ok()?;
    let said = [done.stdout, done.stderr].concat();
    Some((done.status.success(), String::from_utf8_lossy(&said).into_owned()))
}
