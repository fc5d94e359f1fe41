//! The pages in a real Chromium: by keyboard alone and without scripts, and with axe-core on each of them. What drives it is in
//! `peers/pages`; `scripts/test` installs what it needs, and without that the test says so and is skipped.
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::access::{ORGANIZATION_VIEWER, join, organization};
use crate::world::authenticator::demand;
use crate::world::pages::HERE;
use crate::world::*;

// the browser sees one engine as it sees the other
#[test]
fn every_page_is_for_everybody() {
    on_sqlite(a_real_browser);
}

async fn a_real_browser(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let acme = organization(&w.owner(), "acme-corp").await;
    join(&w, &acme, &ada.id, ORGANIZATION_VIEWER).await;
    let grace = w.person("Grace", &["user", "approver"]).await;
    // colours that cannot be read as they are, on the darkest and on the lightest ground
    let mut branded = vec![];
    for (name, colour) in [("Yellow", "#ffee00"), ("Navy", "#000033")] {
        let tenant = w.second_tenant(name).await;
        let set = json!({ "name": name, "accent_color": colour, "welcome": "Welcome.", "help": "Trouble? Ask us." });
        tenant.owner.client.patch(&format!("/v1/tenants/{}/branding", tenant.id), set).await.expect(200);
        branded.push(format!("/sign-in?tenant={}", tenant.slug));
    }
    let invited = json!({ "name": "Globex", "owner_email": "hank@globex.example" });
    let made = w.owner().post("/v1/tenants", invited).await.expect(201);
    let given = json!({
        "url": HERE,
        "hosts": format!("localhost:7400 127.0.0.1:{}", w.node.address.port()),
        "email": ada.email,
        "password": PASSWORD,
        "approver": grace.email,
        "branded": branded,
        "seconds": w.clock.seconds(),
        "invitation": made["invitation_url"].as_str().unwrap().strip_prefix(HERE).unwrap(),
    });
    demand(&w, "required_for_admins").await;
    driven("check.mjs", given).await;
}

#[test]
fn a_passkey_and_a_security_key_sign_in() {
    on_sqlite(real_authenticators);
}

async fn real_authenticators(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let hosts = format!("localhost:7400 127.0.0.1:{}", w.node.address.port());
    driven("passkeys.mjs", json!({ "url": HERE, "hosts": hosts, "email": ada.email, "password": PASSWORD })).await;
}

pub async fn driven(script: &'static str, given: Value) {
    let done = tokio::task::spawn_blocking(move || drive(script, &given)).await.unwrap();
    match done {
        None => println!("skipped: node, Chromium or the packages of crates/suite/peers/pages are not installed"),
        Some((fine, said)) => assert!(fine, "{said}"),
    }
}

/// Runs one of the peers' scripts with this on its standard input; `None`: something that it needs is not there.
pub fn drive(script: &str, given: &Value) -> Option<(bool, String)> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/pages");
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let there = peers.join("node_modules/playwright-core").is_dir()
        && (chromium.iter().any(|c| Path::new(c).exists()) || std::env::var_os("CHROMIUM").is_some());
    if !there {
        return None;
    }
    let mut node = Command::new("node");
    node.current_dir(peers).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = node.spawn().ok()?;
    running.stdin.take()?.write_all(given.to_string().as_bytes()).ok()?;
    let done = running.wait_with_output().ok()?;
    let said = [done.stdout, done.stderr].concat();
    Some((done.status.success(), String::from_utf8_lossy(&said).into_owned()))
}
