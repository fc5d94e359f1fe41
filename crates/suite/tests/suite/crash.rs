//! `kill -9` in the middle of 64 creators: nobody who was told "created" is lost, and the log verifies.
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::webhooks::receiver::Receiver;
use crate::world::*;

/// The program beside this one: `target/debug/deps/suite-…` → `target/debug/portcullis`.
fn binary() -> PathBuf {
    let me = std::env::current_exe().unwrap();
    let found = me.ancestors().skip(1).take(3).map(|d| d.join("portcullis")).find(|p| p.is_file());
    found.expect("build the binary first: cargo build -p portcullis")
}

/// A `portcullis dev` process, killed when it goes.
struct Process {
    child: Child,
    ready: Value,
    _out: BufReader<std::process::ChildStdout>,
}
impl Process {
    fn start(data: &Path) -> Self {
        Self::with(data, &[])
    }
    fn with(data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary())
            .envs(settings.iter().copied())
            .args(["dev", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .env("PORTCULLIS_METRICS__LISTEN", "127.0.0.1:0")
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|e| panic!("the first line is no JSON ({e}): {line:?}"));
        Self { child, ready, _out: out }
    }
    fn client(&self) -> Client {
        let text = |name: &str| self.ready[name].as_str().unwrap().to_owned();
        let address = text("base_url").trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        Client::new(address).with("x-tenant-id", text("tenant_id")).with("x-api-key", text("api_key"))
    }
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_among_64_creators_loses_no_acknowledged_user_and_the_chain_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    for round in 0..3 {
        let process = Process::start(&data);
        let client = process.client();
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let creators: Vec<_> = (0..64)
            .map(|n| {
                let (client, told) = (client.clone(), told.clone());
                tokio::spawn(async move {
                    for i in 0.. {
                        let email = format!("r{round}-c{n}-{i}@crash.example");
                        // no password: hashing would be all that is measured
                        let body = serde_json::json!({ "email": email, "name": "C", "roles": ["user"], "auth_provider": "oidc" });
                        match client.with("content-type", "application/json").try_send("POST", "/v1/users", body.to_string().as_bytes()).await {
                            Ok(a) if a.status == 201 => drop(told.send(email)),
                            Ok(a) => panic!("{} {}", a.status, a.text()),
                            Err(_) => return,
                        }
                    }
                })
            })
            .collect();
        drop(told);
        // in the middle: some hundred are acknowledged, 64 are under way
        for _ in 0..200 + 150 * round {
            acknowledged.insert(heard.recv().await.expect("creators are at work"));
        }
        process.kill();
        while let Some(email) = heard.recv().await {
            acknowledged.insert(email);
        }
        for creator in creators {
            creator.await.unwrap();
        }
    }
    // beside nobody: the store is closed
    let verify = || Command::new(binary()).args(["audit", "verify", "--data-dir"]).arg(&data).output().unwrap();
    let out = verify();
    assert_eq!(
        out.status.code(),
        Some(0),
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );

    let process = Process::start(&data);
    let client = process.client();
    let (mut there, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/users?limit=250{cursor}")).await.expect(200);
        there.extend(page["data"].as_array().unwrap().iter().map(|u| u["email"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged users are lost: {lost:?}", lost.len(), acknowledged.len());
    // each of them, acknowledged or not, has its event, and the other way round
    let created = {
        let (mut n, mut cursor) = (0, String::new());
        loop {
            let page = client.get(&format!("/v1/audit-log?limit=250&action=user.created{cursor}")).await.expect(200);
            n += page["data"].as_array().unwrap().len();
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break n,
            }
        }
    };
    assert_eq!(created, there.len(), "one event for each user, the owner too");
    let v = client.post("/v1/audit-log/verify", serde_json::json!({})).await.expect(200);
    assert_eq!(v["ok"], true, "{v}");
    // and while it runs, from outside
    assert_eq!(verify().status.code(), Some(0));
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_byte_is_found_by_the_command_line_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let process = Process::start(&data);
    for _ in 0..5 {
        process.client().post("/v1/users", new_user()).await.expect(201);
    }
    process.kill();
    let db = rusqlite::Connection::open(data.join("portcullis.db")).unwrap();
    let sql = "UPDATE audit_events SET resource_id = 'x' WHERE id = (SELECT event_id FROM audit_seals ORDER BY seq LIMIT 1 OFFSET 2)";
    assert_eq!(db.execute(sql, []).unwrap(), 1);
    drop(db);
    let out = Command::new(binary()).args(["audit", "verify", "--data-dir"]).arg(&data).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains('3'), "its place: {said}");
    let nothing =
        Command::new(binary()).args(["audit", "verify", "--data-dir"]).arg(dir.path().join("none")).output().unwrap();
    assert_eq!(nothing.status.code(), Some(2), "could not check");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_between_a_change_and_its_delivery_delivers_after_its_restart() {
    const OPEN: [(&str, &str); 2] =
        [("PORTCULLIS_WEBHOOKS__ALLOW_HTTP", "true"), ("PORTCULLIS_WEBHOOKS__ALLOW_PRIVATE", "true")];
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let receiver = Receiver::start().await;
    // nobody delivers in the first process: it is killed right after the change is answered
    let process = Process::with(&data, &[OPEN[0], OPEN[1], ("PORTCULLIS_WORKERS__ENABLED", "false")]);
    let body = serde_json::json!({ "body": { "url": receiver.url("in"), "subscribed_events": ["app.user.created"] } });
    let made = process.client().post("/v1beta1/admin/webhooks", body).await.expect(200);
    let user = process.client().post("/v1/users", new_user()).await.expect(201);
    process.kill();
    assert_eq!(receiver.letters().len(), 0);

    // in the second the receiver is down, and the server is killed while it waits for the next try
    receiver.answer(500);
    let process = Process::with(&data, &OPEN);
    receiver.wait_for(1).await;
    // time to write down that it failed: else the next try waits for the end of the claim, a minute
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    process.kill();

    receiver.answer(200);
    let process = Process::with(&data, &OPEN);
    let letters = receiver.wait_for(2).await;
    let secret = made["webhook"]["secrets"][0]["value"].as_str().unwrap();
    for letter in &letters {
        assert!(letter.is_signed(secret));
        assert_eq!(letter.json()["data"]["target"]["id"], user["id"]);
        assert_eq!(letter.headers["x-portcullis-delivery"], letters[0].headers["x-portcullis-delivery"]);
    }
    process.kill();
}
