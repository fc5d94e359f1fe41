//! What others make of this server: `scim2-tester` checks it against the RFCs, from what `/Schemas` tells to patches of each attribute.
//! `scripts/test` installs it, and without that the test says so and is skipped.
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::directory;
use crate::world::*;

both!(scim2_tester_finds_nothing);

async fn scim2_tester_finds_nothing(w: World) {
    let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/scim");
    let python = peer.join(".venv/bin/python");
    if !python.is_file() {
        return println!("skipped: the packages of crates/suite/peers/scim are not installed");
    }
    let d = directory(&w, "scim2-tester", json!({})).await;
    let place = json!({ "url": format!("http://{}/scim/v2", w.node.address), "key": d.key, "domain": "corp.example" });
    // the server runs on this runtime: the peer must not hold it up
    let out = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(python);
        child.current_dir(peer).arg("check.py").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{place}").unwrap();
        child.wait_with_output().unwrap()
    });
    let out = out.await.unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    let checks: Vec<Value> = said.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let of = |status: &str| checks.iter().filter(|c| c["status"] == status).collect::<Vec<_>>();
    for wrong in ["ERROR", "CRITICAL", "DEVIATION"] {
        assert_eq!(of(wrong), Vec::<&Value>::new());
    }
    // one searches several kinds of resources at once, which is optional
    let skipped = of("SKIPPED");
    assert!(skipped.iter().all(|c| c["title"] == "search_with_attributes"), "{skipped:?}");
    for kind in ["User", "Group"] {
        let passed = of("SUCCESS").iter().filter(|c| c["type"] == kind).count();
        assert!(passed >= 12, "{passed} checks of {kind}: {said}");
    }
}
