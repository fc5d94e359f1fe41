//! `POST /v1/auth/introspect`: what a token is worth now, and nothing of what is none of the caller's business (RFC 7662).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::token::{in_seconds, viewer};
use crate::world::*;

both!(
    a_token_is_worth_what_its_session_is_worth_now,
    keys_and_personal_access_tokens_are_looked_at_too,
    sec_02_a_token_of_another_tenant_is_worth_nothing_here,
    who_may_ask_and_how,
);

async fn ask(by: &Client, token: &str) -> Value {
    by.post("/v1/auth/introspect", json!({ "token": token })).await.expect(200)
}
#[track_caller]
fn inactive(answer: &Value) {
    assert_eq!(*answer, json!({ "active": false }), "nothing but that");
}
/// A key that may do nothing but check.
async fn checker(w: &World) -> Client {
    w.api_key(&w.owner(), json!({ "name": unique(), "scopes": ["access:check"] })).await.1
}

async fn a_token_is_worth_what_its_session_is_worth_now(w: World) {
    let (checker, ada) = (checker(&w).await, w.person("Ada", &["user"]).await);
    let signed_in = w.login(&ada.email).await.expect(200);
    let token = signed_in["token"].as_str().unwrap();
    let a = ask(&checker, token).await;
    let ends: portcullis_domain::Timestamp = signed_in["expires_at"].as_str().unwrap().parse().unwrap();
    for (member, value) in [
        ("active", json!(true)),
        ("sub", json!(ada.id)),
        ("sub_type", json!("app/user")),
        ("tenant_id", json!(w.tenant)),
        ("roles", json!(["user"])),
        ("credential", json!("session")),
        ("exp", json!(ends.seconds())),
        ("aud", json!("portcullis")),
        ("iss", json!("http://localhost:7400")),
        ("amr", json!(["pwd"])),
    ] {
        assert_eq!(a[member], value, "{member}: {a}");
    }
    assert!(a["jti"].is_string() && a["iat"].is_i64() && a["sid"].is_string(), "{a}");
    assert!(a.get("email").is_none() && a.get("username").is_none(), "{a}");
    // the roles of now, not those that were signed
    w.owner().put(&format!("/v1/users/{}", ada.id), json!({ "roles": ["user", "approver"] })).await.expect(200);
    assert_eq!(ask(&checker, token).await["roles"], json!(["user", "approver"]));
    w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": false })).await.expect(200);
    inactive(&ask(&checker, token).await);
    let max = w.person("Max", &["user"]).await;
    let one = w.login(&max.email).await.expect(200);
    w.bearer(one["token"].as_str().unwrap()).post("/v1/auth/logout", json!({})).await.expect(204);
    inactive(&ask(&checker, one["token"].as_str().unwrap()).await);
    // no token is worth anything that a call would not take
    let two = w.login(&max.email).await.expect(200);
    inactive(&ask(&checker, two["refresh_token"].as_str().unwrap()).await);
    let (head, rest) = two["token"].as_str().unwrap().split_once('.').unwrap();
    for bad in ["x", "a.b.c", &format!("{head}.{rest}A"), &format!("{}.{}", head, &rest[1..]), "pcl_x", "Bearer x"] {
        inactive(&ask(&checker, bad).await);
    }
    w.clock.pass(3_601);
    inactive(&ask(&checker, two["token"].as_str().unwrap()).await);
}

async fn keys_and_personal_access_tokens_are_looked_at_too(w: World) {
    let checker = checker(&w).await;
    let made = w
        .owner()
        .post("/v1/api-keys", json!({ "name": "k", "scopes": ["users:read", "users:list"] }))
        .await
        .expect(201);
    let key = made["raw_key"].as_str().unwrap();
    let a = ask(&checker, key).await;
    assert_eq!((&a["credential"], &a["scope"]), (&json!("api_key"), &json!("users:read users:list")), "{a}");
    assert_eq!((&a["sub"], &a["sid"]), (&json!(w.owner_id), &made["id"]), "{a}");
    assert!(a.get("exp").is_none() && a.get("jti").is_none(), "{a}");
    // to be looked at is no use of a key
    assert_eq!(w.owner().get(&format!("/v1/api-keys/{}", id(&made))).await.expect(200)["last_used_at"], Value::Null);
    w.owner().delete(&format!("/v1/api-keys/{}", id(&made))).await.expect(204);
    inactive(&ask(&checker, key).await);
    let service = ask(&checker, w.service_key()).await;
    assert_eq!((&service["sub_type"], &service["scope"]), (&json!("app/serviceuser"), &json!("*")), "{service}");

    let acme = organization(&w.owner(), "acme-corp").await;
    let pat = json!({ "title": "T", "org_id": acme, "scopes": viewer(), "expires_at": in_seconds(&w, 3_600) });
    let pat = connect(&w.owner(), "CreateCurrentUserPAT", pat).await.expect(200)["pat"].clone();
    let raw = pat["token"].as_str().unwrap();
    let a = ask(&checker, raw).await;
    assert_eq!(
        (&a["credential"], &a["org_id"], &a["sid"]),
        (&json!("personal_access_token"), &json!(acme), &pat["id"]),
        "{a}"
    );
    let exchanged = w.bearer(raw).post("/v1beta1/auth/token", json!({})).await.expect(200);
    let exchanged = exchanged["access_token"].as_str().unwrap();
    let of_it = ask(&checker, exchanged).await;
    assert_eq!((&of_it["sid"], &of_it["sub"]), (&pat["id"], &json!(w.owner_id)), "{of_it}");
    w.owner().post(&format!("/v1beta1/organizations/{acme}/disable"), json!({})).await.expect(200);
    inactive(&ask(&checker, raw).await);
    inactive(&ask(&checker, exchanged).await);
}

async fn sec_02_a_token_of_another_tenant_is_worth_nothing_here(w: World) {
    let other = w.second_tenant("Other").await;
    let (_, theirs) = other.owner.client.parts();
    let theirs =
        theirs.iter().find(|(n, _)| n == "authorization").unwrap().1.strip_prefix("Bearer ").unwrap().to_owned();
    let raw = other.owner.client.post("/v1/api-keys", json!({ "name": "k" })).await.expect(201)["raw_key"].clone();
    // not even of the master tenant's
    for by in [checker(&w).await, w.owner(), w.service()] {
        inactive(&ask(&by, &theirs).await);
        inactive(&ask(&by, raw.as_str().unwrap()).await);
        assert_eq!(ask(&by, w.owner_token()).await["active"], true);
    }
    assert_eq!(ask(&other.owner.client, &theirs).await["active"], true);
}

async fn who_may_ask_and_how(w: World) {
    let (checker, ada) = (checker(&w).await, w.person("Ada", &["user"]).await);
    let body = json!({ "token": w.owner_token() });
    ada.client.post("/v1/auth/introspect", body.clone()).await.refused(403, "forbidden");
    w.anonymous().post("/v1/auth/introspect", body.clone()).await.refused(401, "unauthenticated");
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:read"] })).await;
    narrow.post("/v1/auth/introspect", body.clone()).await.refused(403, "forbidden");
    // the tenant is that of the credential
    checker.without("x-tenant-id").post("/v1/auth/introspect", body.clone()).await.expect(200);
    checker.with("x-tenant-id", NOBODY).post("/v1/auth/introspect", body).await.refused(403, "tenant_mismatch");
    // as RFC 7662 has it: a form
    let form = |by: &Client, text: String| {
        let by = by.with("content-type", "application/x-www-form-urlencoded");
        async move { by.send("POST", "/v1/auth/introspect", text.as_bytes()).await }
    };
    let a = form(&checker, format!("token={}&token_type_hint=access_token", w.owner_token())).await;
    assert_eq!(a.expect(200)["active"], true);
    assert!(a.header("cache-control").is_some_and(|c| c.contains("no-store")));
    form(&checker, "token=a&token=b".into()).await.refused(400, "invalid_input");
    form(&checker, "token_type_hint=x".into()).await.refused(400, "invalid_input");
    form(&checker, "token=a&more=b".into()).await.refused(400, "invalid_input");
    form(&checker, "token=%00%ff".into()).await.refused(400, "invalid_input");
    checker.post("/v1/auth/introspect", json!({ "token": 7 })).await.refused(400, "invalid_input");
    let text = checker.with("content-type", "text/plain");
    text.send("POST", "/v1/auth/introspect", b"token=a").await.refused(415, "unsupported_media_type");
}
