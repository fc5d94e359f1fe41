//! The pages in a real Chromium: by keyboard alone and without scripts, and with axe-core on each of them. What drives it is in
//! `peers/pages`; `scripts/test` installs what it needs, and without that the test says so and is skipped.
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::world::access::{ORGANIZATION_VIEWER, join, organization};
use crate::world::authenticator::demand;
use crate::world::pages::HERE;
use crate::world::*;

both!(every_page_is_for_everybody, a_passkey_and_a_security_key_sign_in);

/// Where the browser finds the server under its public name.
pub fn hosts(w: &World) -> String {
    format!("localhost:7400 127.0.0.1:{}", w.node.address.port())
}

async fn every_page_is_for_everybody(w: World) {
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
        "hosts": hosts(&w),
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

async fn a_passkey_and_a_security_key_sign_in(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    driven("passkeys.mjs", json!({ "url": HERE, "hosts": hosts(&w), "email": ada.email, "password": PASSWORD })).await;
}

const SKIPPED: &str = "skipped: node, Chromium or the packages of crates/suite/peers/pages are not installed";

/// Runs one of the peers' scripts with this on its standard input.
pub async fn driven(script: &'static str, given: Value) {
    let done = tokio::task::spawn_blocking(move || drive(script, &given)).await.unwrap();
    match done {
        None => println!("{SKIPPED}"),
        Some((fine, said)) => assert!(fine, "{said}"),
    }
}
fn drive(script: &str, given: &Value) -> Option<(bool, String)> {
    let mut running = start(script, Stdio::piped())?;
    running.stdin.take()?.write_all(given.to_string().as_bytes()).ok()?;
    let done = running.wait_with_output().ok()?;
    let said = [done.stdout, done.stderr].concat();
    Some((done.status.success(), String::from_utf8_lossy(&said).into_owned()))
}
/// The same for a script that asks on the way: what it asks for, and the rest of the question; the answer.
pub async fn guided(script: &str, given: &Value, mut answer: impl AsyncFnMut(&str, &Value) -> Value) {
    let Some(mut running) = start(script, Stdio::inherit()) else { return println!("{SKIPPED}") };
    let (mut to, from) = (running.stdin.take().unwrap(), BufReader::new(running.stdout.take().unwrap()));
    let mut said = vec![];
    writeln!(to, "{given}").unwrap();
    // the server is on other threads
    for line in from.lines() {
        let line = line.unwrap();
        let Ok(asked @ Value::Object(_)) = serde_json::from_str::<Value>(&line) else {
            said.push(line);
            continue;
        };
        let answer = answer(asked["ask"].as_str().unwrap(), &asked).await;
        writeln!(to, "{answer}").unwrap();
    }
    assert!(running.wait().unwrap().success(), "{}", said.join("\n"));
}
/// `None`: something that it needs is not there.
fn start(script: &str, remarks: Stdio) -> Option<Child> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/pages");
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let there = peers.join("node_modules/playwright-core").is_dir()
        && (chromium.iter().any(|c| Path::new(c).exists()) || std::env::var_os("CHROMIUM").is_some());
    if !there {
        return None;
    }
    let mut node = Command::new("node");
    node.current_dir(peers).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(remarks);
    node.spawn().ok()
}
