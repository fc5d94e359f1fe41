//! Imports and exports run for long: not longer than the right to them, and not too many at once (spec v1 2.8, checklist 14
//! and 19).
use std::ops::Range;
use std::time::Duration;

use portcullis_domain::Timestamp;
use portcullis_service::app::Settings;
use serde_json::{Value, json};

use crate::world::*;

both!(
    sec_19_an_import_ends_when_its_key_is_revoked,
    sec_19_an_import_ends_when_its_key_expires,
    sec_19_an_import_without_rows_ends_when_its_key_is_revoked,
    sec_14_an_import_without_rows_holds_no_place,
    sec_19_an_export_ends_when_the_right_of_its_reader_does,
    sec_14_a_tenant_has_two_imports_at_once,
    sec_14_a_tenant_has_two_exports_at_once,
    sec_14_a_reader_who_stops_reading_holds_no_place,
);

const LOG: &str = "/v1/audit-log/export";
const USERS: &str = "/v1beta1/admin/users/export";
/// How many users [`full`] makes.
const MANY: usize = 3_500;

fn rows(numbers: Range<usize>) -> String {
    let row = |n| json!({ "email": format!("r{n}@example.com"), "name": "Row", "auth_provider": "oidc" });
    numbers.map(|n| format!("{}\n", row(n))).collect()
}
fn importing(by: &Client) -> Client {
    by.with("content-type", "application/x-ndjson")
}
async fn is_there(w: &World, n: usize) -> bool {
    let page = w.owner().get(&format!("/v1/users?email=r{n}@example.com")).await.expect(200);
    !page["data"].as_array().unwrap().is_empty()
}
/// Two batches are in, the first is told; then `end` ends the right, and a third follows.
async fn an_import_breaks_off(w: &World, key: &Client, code: &str, end: impl AsyncFnOnce()) {
    let mut call = importing(key).open("POST", "/v1/users/import").await;
    call.send(&rows(0..1_000)).await;
    call.read_until("\"line\":500,").await;
    soon("the second batch is in", || is_there(w, 999)).await;
    end().await;
    call.send(&rows(1_000..1_500)).await;
    call.finish().await;
    let (status, text, _) = call.rest().await;
    assert_eq!(status, 200);
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let (last, told) = lines.split_last().unwrap();
    assert_eq!(last["error"]["code"], code, "it says why it ended: {last}");
    assert!(last["error"]["message"].as_str().unwrap().contains(' '), "{last}");
    assert!(!text.contains("\"summary\""), "what broke off has no summary");
    assert!(told.len() == 1_000 && told.iter().all(|l| l["status"] == "created"), "{}", told.len());
    for n in [1_000, 1_250, 1_499] {
        assert!(!is_there(w, n).await, "row {n} was written after the right had ended");
    }
}

async fn sec_19_an_import_ends_when_its_key_is_revoked(w: World) {
    let (id, key) = w.api_key(&w.owner(), json!({ "name": "i", "scopes": ["users:import"] })).await;
    an_import_breaks_off(&w, &key, "unauthenticated", async || {
        w.owner().delete(&format!("/v1/api-keys/{id}")).await.expect(204);
    })
    .await;
}

async fn sec_19_an_import_ends_when_its_key_expires(w: World) {
    let key = expiring_key(&w, "users:import").await;
    an_import_breaks_off(&w, &key, "unauthenticated", async || w.clock.pass(400)).await;
}

/// Sends this again and again while the import goes on; its last line.
async fn drip(mut call: http::Opened, text: &str) -> Value {
    for _ in 0..300 {
        call.send(text).await;
        if tokio::time::timeout(Duration::from_millis(50), call.read_until("\"error\"")).await.is_ok() {
            let (_, text, _) = call.rest().await;
            return serde_json::from_str(text.lines().last().unwrap()).unwrap();
        }
    }
    panic!("the import goes on");
}
async fn impatient(engine: Engine, seconds: u64) -> World {
    let options = Options::default();
    let settings = Settings { reader_patience: Duration::from_secs(seconds), ..options.settings };
    World::on(engine, Options { settings, ..options }).await
}

async fn sec_19_an_import_without_rows_ends_when_its_key_is_revoked(engine: Engine) {
    // looks again every second
    let w = impatient(engine, 6).await;
    for (text, row) in [("\n", ""), ("{", ""), (" \r\n\n", &*rows(0..1))] {
        let (id, key) = w.api_key(&w.owner(), json!({ "name": "i", "scopes": ["users:import"] })).await;
        let mut call = importing(&key).open("POST", "/v1/users/import").await;
        call.read_until("200 OK").await;
        if !row.is_empty() {
            call.send(row).await;
        }
        w.owner().delete(&format!("/v1/api-keys/{id}")).await.expect(204);
        assert_eq!(drip(call, text).await["error"]["code"], "unauthenticated", "{text:?}");
        assert!(!is_there(&w, 0).await);
    }
    // whoever sends rows, but few, is looked at as well
    let (id, key) = w.api_key(&w.owner(), json!({ "name": "i", "scopes": ["users:import"] })).await;
    let mut call = importing(&key).open("POST", "/v1/users/import").await;
    call.read_until("200 OK").await;
    w.owner().delete(&format!("/v1/api-keys/{id}")).await.expect(204);
    assert_eq!(drip(call, &rows(0..1)).await["error"]["code"], "unauthenticated");
    // what was written before is told first
    let (id, key) = w.api_key(&w.owner(), json!({ "name": "i", "scopes": ["users:import"] })).await;
    let mut call = importing(&key).open("POST", "/v1/users/import").await;
    call.send(&rows(10..510)).await;
    soon("the batch is in", || is_there(&w, 509)).await;
    w.owner().delete(&format!("/v1/api-keys/{id}")).await.expect(204);
    call.read_until("\"error\"").await;
    let (_, text, _) = call.rest().await;
    assert!(text.lines().count() == 501 && text.contains("unauthenticated"), "{}", text.lines().count());
}

async fn sec_14_an_import_without_rows_holds_no_place(engine: Engine) {
    let w = impatient(engine, 1).await;
    for text in ["\n", "{", " "] {
        let call = importing(&w.service()).open("POST", "/v1/users/import").await;
        let last = drip(call, text).await;
        assert_eq!(last["error"]["code"], "invalid_input", "{text:?}: {last}");
    }
    // and while they wait they hold two places, no more
    let mut calls = vec![];
    for _ in 0..2 {
        let mut call = importing(&w.service()).open("POST", "/v1/users/import").await;
        call.read_until("200 OK").await;
        calls.push(call);
    }
    let a_row = async || importing(&w.service()).send("POST", "/v1/users/import", rows(7..8).as_bytes()).await;
    soon("both places are free", async || a_row().await.status == 200).await;
}

async fn expiring_key(w: &World, scope: &str) -> Client {
    let end = Timestamp::from_micros((w.clock.seconds() + 300) * 1_000_000).to_string();
    w.api_key(&w.owner(), json!({ "name": "e", "scopes": [scope], "expires_at": end })).await.1
}

/// A server with so many users that neither their list nor their log fits between it and a reader who does not read.
async fn full(engine: Engine, reader_patience: Duration) -> World {
    let mut options = Options { send_buffer: Some(16 << 10), ..Options::default() };
    options.settings = Settings { reader_patience, ..options.settings };
    let w = World::on(engine, options).await;
    let a = importing(&w.service()).send("POST", "/v1/users/import", rows(0..MANY).as_bytes()).await;
    assert_eq!(a.lines().last().unwrap()["summary"]["created"], MANY);
    for _ in 0..100 {
        w.seal().await;
        let report = w.service().post("/v1/audit-log/verify", json!({})).await.expect(200);
        if report["last_seq"].as_u64().unwrap() > MANY as u64 {
            return w;
        }
        w.clock.pass(1);
    }
    panic!("the log is not sealed");
}
const PATIENT: Duration = Duration::from_secs(60);

async fn sec_19_an_export_ends_when_the_right_of_its_reader_does(engine: Engine) {
    let w = full(engine, PATIENT).await;
    let breaks_off = async |reader: &Client, path: &str, end: End| {
        let mut call = reader.open("GET", path).await;
        call.read_until("example.com").await;
        end.come(&w).await;
        let (status, text, whole) = call.rest().await;
        assert_eq!(status, 200);
        assert!(!whole && !has_summary(&text), "{path}: {whole}, {} lines", text.lines().count());
        let seen = text.lines().count();
        assert!(seen < MANY * 9 / 10, "{path}: {seen} lines came after the right had ended");
        reader.get(path).await
    };
    let (id, key) = w.api_key(&w.owner(), json!({ "name": "e", "scopes": ["audit:export"] })).await;
    breaks_off(&key, LOG, End::Call("DELETE", format!("/v1/api-keys/{id}"), Value::Null))
        .await
        .refused(401, "unauthenticated");
    let admin = w.person("Bea", &["user", "admin"]).await;
    let suspend = End::Call("POST", format!("/v1/users/{}/suspend", admin.id), json!({ "active": false }));
    breaks_off(&admin.client, LOG, suspend).await.refused(401, "unauthenticated");
    let admin = w.person("Cid", &["user", "admin"]).await;
    let forbid = "forbid (principal, action == Action::\"audit:export\", resource);";
    let forbid = json!({ "name": "no", "max_duration_seconds": 60, "priority": 9, "cedar_policy_set": forbid });
    breaks_off(&admin.client, LOG, End::Call("POST", "/v1/policies".into(), forbid)).await.refused(403, "forbidden");
    // the other surface's, by losing the role, and by time
    let demote = End::Call("PUT", format!("/v1/users/{}", admin.id), json!({ "roles": ["user"] }));
    assert_eq!(breaks_off(&admin.client, USERS, demote).await.status, 403);
    let key = expiring_key(&w, "*").await;
    assert_eq!(breaks_off(&key, USERS, End::Pass(400)).await.status, 401);
}

async fn sec_14_a_tenant_has_two_imports_at_once(w: World) {
    let other = w.second_tenant("Beta").await;
    let begin = async || {
        let mut call = importing(&w.service()).open("POST", "/v1/users/import").await;
        call.read_until("200 OK").await;
        call
    };
    let (mut first, second) = (begin().await, begin().await);
    let import = async |by: &Client| importing(by).send("POST", "/v1/users/import", b"").await;
    let refused = import(&w.service()).await;
    let e = refused.refused(429, "rate_limited");
    assert!(e["message"].as_str().unwrap().contains("2 imports"), "{e}");
    assert!(refused.header("retry-after").is_some());
    // who may not import learns nothing of it; another tenant and an export are not in the way
    let plain = w.person("Plain", &["user"]).await;
    import(&plain.client).await.refused(403, "forbidden");
    assert_eq!(import(&other.owner.client).await.status, 200);
    assert_eq!(w.owner().get(LOG).await.status, 200);
    // a place is free when an import ends, however it does
    first.finish().await;
    let (_, text, whole) = first.rest().await;
    assert!(whole && text.contains("\"summary\""), "{text}");
    assert_eq!(import(&w.service()).await.status, 200);
    let _third = begin().await;
    import(&w.service()).await.refused(429, "rate_limited");
    drop(second);
    soon("the place of one who hung up is free", async || import(&w.service()).await.status == 200).await;
}

async fn sec_14_a_tenant_has_two_exports_at_once(engine: Engine) {
    let w = full(engine, PATIENT).await;
    let other = w.second_tenant("Beta").await;
    let begin = async |path: &str| {
        let mut call = w.owner().open("GET", path).await;
        call.read_until("200 OK").await;
        call
    };
    let (first, second) = (begin(LOG).await, begin(USERS).await);
    let refused = w.owner().get(LOG).await;
    let e = refused.refused(429, "rate_limited");
    assert!(e["message"].as_str().unwrap().contains("2 exports"), "{e}");
    assert!(refused.header("retry-after").is_some());
    let e = w.owner().get(USERS).await.expect(429);
    assert!(e["message"].as_str().unwrap().contains("2 exports"), "{e}");
    assert_eq!(other.owner.client.get(LOG).await.status, 200);
    // both go on, and their ends make room
    let (_, text, whole) = first.rest().await;
    assert!(whole && text.lines().last().unwrap().contains("\"summary\""));
    assert_eq!(w.owner().get(LOG).await.status, 200);
    let (_, text, whole) = second.rest().await;
    assert!(whole && text.lines().count() > MANY);
    // as does hanging up
    let (first, _second) = (begin(LOG).await, begin(LOG).await);
    w.owner().get(USERS).await.expect(429);
    drop(first);
    soon("the place of one who hung up is free", async || w.owner().get(LOG).await.status == 200).await;
}

async fn sec_14_a_reader_who_stops_reading_holds_no_place(engine: Engine) {
    let w = full(engine, Duration::from_secs(2)).await;
    for path in [LOG, USERS] {
        let mut stuck = vec![];
        for _ in 0..2 {
            let mut call = w.owner().open("GET", path).await;
            call.read_until("200 OK").await;
            stuck.push(call);
        }
        // on a busy machine this reader may be too slow himself
        soon("both places are free", async || w.owner().try_send("GET", LOG, b"").await.is_ok_and(|a| a.status == 200))
            .await;
        let (_, text, whole) = stuck.remove(0).rest().await;
        assert!(!whole && !has_summary(&text), "{path}: {whole}, {} lines", text.lines().count());
    }
}

/// Is there the line that ends a whole export?
fn has_summary(text: &str) -> bool {
    text.lines().any(|l| l.starts_with("{\"summary\""))
}

/// What ends a right.
enum End {
    Call(&'static str, String, Value),
    Pass(i64),
}
impl End {
    async fn come(&self, w: &World) {
        match self {
            Self::Call(method, path, Value::Null) => assert_eq!(w.owner().send(method, path, b"").await.status, 204),
            Self::Call(method, path, body) => {
                let a = w.owner().json(method, path, body).await;
                assert!(a.status < 300, "{}", a.text());
            }
            Self::Pass(seconds) => w.clock.pass(*seconds),
        }
    }
}
