//! `/v1/applications` (decision 15): who may sign people in through this server. What they do then is in `provider*.rs`.
use serde_json::{Value, json};

use crate::world::access::id;
use crate::world::relying::relying;
use crate::world::tables::{Cell, execute, rows};
use crate::world::*;

both!(
    an_application_is_made_read_changed_and_ended,
    what_does_not_fit_together_is_told_at_once,
    sec_09_addresses_that_may_not_be_registered,
    sec_18_a_secret_is_shown_once_and_kept_as_a_hash,
    sec_18_a_rotated_secret_is_another_one,
    sec_02_an_application_of_another_tenant_is_not_there,
    sec_11_only_administrators_keep_applications,
    every_change_is_in_the_log,
    a_repeated_call_makes_one_application,
    a_change_of_something_older_is_refused,
    sec_14_lists_come_in_pages,
    sec_08_one_of_a_kind_that_is_not_known_may_nothing,
);

const CALLBACK: &str = "https://app.example.com/callback";
fn new() -> Value {
    json!({ "name": "Shop", "kind": "confidential", "redirect_uris": [CALLBACK] })
}
fn with(change: Value) -> Value {
    let mut body = new();
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn an_application_is_made_read_changed_and_ended(w: World) {
    let by = w.owner();
    let answer = by.post("/v1/applications", new()).await;
    let made = answer.expect(201);
    let at = format!("/v1/applications/{}", id(&made));
    assert_eq!(answer.header("location"), Some(&*at));
    assert_eq!((&made["client_id"], &made["kind"]), (&made["id"], &json!("confidential")));
    assert_eq!(made["grants"], json!(["authorization_code"]));
    assert_eq!(made["scopes"], json!(["openid", "profile", "email"]));
    assert_eq!((&made["third_party"], &made["created_by"]), (&json!(false), &json!(w.owner_id)));
    let read = by.get(&at).await;
    assert_eq!(read.header("etag"), Some("\"1\""));
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("client_secret").unwrap();
    assert_eq!(read.expect(200), shown);
    assert_eq!(by.get("/v1/applications").await.expect(200)["data"], json!([shown]));

    let change = json!({ "name": "Shop 2", "grants": ["refresh_token", "authorization_code"], "third_party": true });
    let changed = by.patch(&at, change).await.expect(200);
    assert_eq!((&changed["name"], &changed["third_party"]), (&json!("Shop 2"), &json!(true)));
    assert_eq!(changed["grants"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(changed["redirect_uris"], json!([CALLBACK]));
    by.patch(&at, json!({ "kind": "public" })).await.refused(400, "invalid_input");
    assert_eq!(by.delete(&at).await.status, 204);
    by.get(&at).await.refused(404, "not_found");
    by.delete(&at).await.refused(404, "not_found");
    by.patch(&at, json!({ "name": "x" })).await.refused(404, "not_found");
    by.post(&format!("{at}/rotate-secret"), json!({})).await.refused(404, "not_found");
}

async fn what_does_not_fit_together_is_told_at_once(w: World) {
    let by = w.owner();
    let make = |change: Value| {
        let by = by.clone();
        async move { by.post("/v1/applications", with(change)).await }
    };
    let all =
        make(json!({ "kind": "public", "redirect_uris": [], "grants": ["authorization_code", "client_credentials"],
        "scopes": ["offline_access", "a b"] }))
        .await;
    all.refused(400, "invalid_input");
    for field in ["redirect_uris", "grants", "scopes[1]", "scopes"] {
        all.field(field);
    }
    make(json!({ "grants": [] })).await.field("grants");
    make(json!({ "grants": ["refresh_token"] })).await.field("grants");
    make(json!({ "grants": ["password"] })).await.field("grants");
    make(json!({ "kind": "native" })).await.field("kind");
    make(json!({ "name": "" })).await.field("name");
    make(json!({ "scopes": ["openid", "openid"] })).await.field("scopes[1]");
    make(json!({ "redirect_uris": [CALLBACK, CALLBACK] })).await.field("redirect_uris[1]");
    make(json!({ "redirect_uris": vec![CALLBACK; 21] })).await.field("redirect_uris");
    make(json!({ "scopes": (0..51).map(|n| format!("s{n}")).collect::<Vec<_>>() })).await.field("scopes");
    // one that signs nobody in needs no address
    let machine = json!({ "grants": ["client_credentials"], "redirect_uris": [], "scopes": ["orders:read"] });
    let at = format!("/v1/applications/{}", id(&make(machine).await.expect(201)));
    by.patch(&at, json!({ "grants": ["authorization_code"] })).await.field("redirect_uris");
}

async fn sec_09_addresses_that_may_not_be_registered(w: World) {
    for bad in [
        "http://app.example.com/cb",
        "https://app.example.com/cb#x",
        "https://*.example.com/cb",
        "https://u:p@app.example.com/cb",
        "https://app.example.com/a/../cb",
        "javascript:alert(1)",
        "/cb",
    ] {
        for field in ["redirect_uris", "post_logout_redirect_uris"] {
            let mut body = new();
            body[field] = json!([CALLBACK, bad]);
            w.owner().post("/v1/applications", body).await.field(&format!("{field}[1]"));
        }
    }
    let native = json!({ "kind": "public", "redirect_uris": ["http://127.0.0.1/cb"] });
    w.owner().post("/v1/applications", with(native)).await.expect(201);
}

async fn sec_18_a_secret_is_shown_once_and_kept_as_a_hash(w: World) {
    let made = w.owner().post("/v1/applications", new()).await.expect(201);
    let secret = made["client_secret"].as_str().unwrap();
    assert!(secret.starts_with("pca_") && secret.len() == 47, "{secret}");
    let row = rows(&w, "applications").await.remove(0);
    assert_eq!(row["secret_hash"], Cell::Bytes(portcullis_crypto::sha256(secret.as_bytes()).to_vec()));
    let public = w.owner().post("/v1/applications", with(json!({ "kind": "public" }))).await.expect(201);
    assert!(public.get("client_secret").is_none() && public["secret_made_at"].is_null());
    let at = format!("/v1/applications/{}/rotate-secret", id(&public));
    w.owner().post(&at, json!({})).await.refused(409, "conflict");
}

async fn sec_18_a_rotated_secret_is_another_one(w: World) {
    let by = w.owner();
    let made = by.post("/v1/applications", new()).await.expect(201);
    let at = format!("/v1/applications/{}/rotate-secret", id(&made));
    let with_key = by.with("idempotency-key", unique());
    let again = with_key.post(&at, json!({ "overlap_seconds": 3_600 })).await.expect(200);
    assert_ne!(again["client_secret"], made["client_secret"]);
    let end = again["old_secret_ends_at"].as_str().unwrap();
    assert!(end > again["secret_made_at"].as_str().unwrap());
    let replayed = with_key.post(&at, json!({ "overlap_seconds": 3_600 })).await;
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    assert_eq!(replayed.expect(200)["client_secret"], again["client_secret"]);
    for wrong in [json!({ "overlap_seconds": -1 }), json!({ "overlap_seconds": 604_801 }), json!({ "x": 1 })] {
        by.post(&at, wrong).await.refused(400, "invalid_input");
    }
    assert_eq!(by.send("POST", &at, b"").await.status, 200, "without a body the old one ends now");
}

async fn sec_02_an_application_of_another_tenant_is_not_there(w: World) {
    let other = w.second_tenant("Globex").await;
    let theirs = id(&other.owner.client.post("/v1/applications", new()).await.expect(201));
    let at = format!("/v1/applications/{theirs}");
    for id in [&*theirs, NOBODY] {
        let at = format!("/v1/applications/{id}");
        w.owner().get(&at).await.refused(404, "not_found");
        w.owner().patch(&at, json!({ "name": "x" })).await.refused(404, "not_found");
        w.owner().post(&format!("{at}/rotate-secret"), json!({})).await.refused(404, "not_found");
        w.owner().delete(&at).await.refused(404, "not_found");
    }
    assert_eq!(w.owner().get("/v1/applications").await.expect(200)["data"], json!([]));
    assert_eq!(other.owner.client.get(&at).await.expect(200)["name"], "Shop");
}

async fn sec_11_only_administrators_keep_applications(w: World) {
    let at = format!("/v1/applications/{}", id(&w.owner().post("/v1/applications", new()).await.expect(201)));
    for roles in [vec!["user"], vec!["user", "approver"]] {
        let by = w.person(&unique(), &roles).await.client;
        by.get("/v1/applications").await.refused(403, "forbidden");
        by.get(&at).await.refused(403, "forbidden");
        by.post("/v1/applications", new()).await.refused(403, "forbidden");
        by.patch(&at, json!({ "name": "x" })).await.refused(403, "forbidden");
        by.post(&format!("{at}/rotate-secret"), json!({})).await.refused(403, "forbidden");
        by.delete(&at).await.refused(403, "forbidden");
    }
    let admin = w.person("Grace", &["user", "admin"]).await.client;
    admin.patch(&at, json!({ "name": "By an administrator" })).await.expect(200);
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "k", "scopes": ["applications:list"] })).await;
    key.get(&at).await.expect(200);
    key.delete(&at).await.refused(403, "forbidden");
}

async fn every_change_is_in_the_log(w: World) {
    let by = w.owner();
    let made = by.post("/v1/applications", new()).await.expect(201);
    let at = format!("/v1/applications/{}", id(&made));
    by.patch(&at, json!({ "name": "Other", "redirect_uris": [CALLBACK] })).await.expect(200);
    by.patch(&at, json!({ "name": "Other" })).await.expect(200);
    by.post(&format!("{at}/rotate-secret"), json!({ "overlap_seconds": 60 })).await.expect(200);
    by.delete(&at).await;
    let events = w.events("action=application.*").await;
    let actions: Vec<&str> = events.iter().rev().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["application.created", "application.updated", "application.secret_rotated", "application.deleted"]
    );
    assert_eq!(events[2]["changes"], json!({ "name": { "before": "Shop", "after": "Other" } }));
    assert!(events.iter().all(|e| e["resource_id"] == made["id"] && !e.to_string().contains("pca_")));
}

async fn a_repeated_call_makes_one_application(w: World) {
    let by = w.owner().with("idempotency-key", unique());
    let first = by.post("/v1/applications", new()).await.expect(201);
    let again = by.post("/v1/applications", new()).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.expect(201), first);
    by.post("/v1/applications", with(json!({ "name": "B" }))).await.refused(422, "idempotency_mismatch");
    assert_eq!(w.owner().get("/v1/applications").await.expect(200)["data"].as_array().unwrap().len(), 1);
}

async fn a_change_of_something_older_is_refused(w: World) {
    let made = w.owner().post("/v1/applications", new()).await.expect(201);
    let at = format!("/v1/applications/{}", id(&made));
    w.owner().patch(&at, json!({ "name": "Newer" })).await.expect(200);
    let late = w.owner().with("if-match", "\"1\"");
    late.patch(&at, json!({ "name": "Late" })).await.refused(412, "precondition_failed");
    late.delete(&at).await.refused(412, "precondition_failed");
    assert_eq!(w.owner().with("if-match", "\"2\"").delete(&at).await.status, 204);
}

async fn sec_14_lists_come_in_pages(w: World) {
    for n in 0..5 {
        w.owner().post("/v1/applications", with(json!({ "name": format!("App {n}") }))).await.expect(201);
    }
    let (mut names, mut at) = (vec![], "/v1/applications?limit=2".to_owned());
    loop {
        let page = w.owner().get(&at).await.expect(200);
        names.extend(page["data"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        at = format!("/v1/applications?limit=2&cursor={next}");
    }
    assert_eq!(names, ["App 4", "App 3", "App 2", "App 1", "App 0"]);
}

async fn sec_08_one_of_a_kind_that_is_not_known_may_nothing(w: World) {
    let ask = json!({ "grants": ["client_credentials"], "redirect_uris": [], "scopes": ["a"] });
    let app = relying(&w, ask).await;
    app.post("oauth2/token", &[("grant_type", "client_credentials")]).await.expect(200);
    execute(&w, "UPDATE applications SET kind = 'of a later version'").await;
    w.owner().get(&format!("/v1/applications/{}", app.id)).await.refused(500, "internal");
    assert_eq!(app.post("oauth2/token", &[("grant_type", "client_credentials")]).await.status, 500);
    let public = crate::world::relying::Relying { secret: None, ..app };
    assert_eq!(public.post("oauth2/token", &[("grant_type", "client_credentials")]).await.status, 500);
}
