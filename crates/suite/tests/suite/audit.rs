//! The audit log: each change leaves its event, and nobody changes the log unseen.
mod chain;
mod erasure;
mod events;
mod export;
mod tables;
mod tampering;

use serde_json::{Value, json};

use crate::world::authenticator::{MFA, challenge, demand, show, with_app};
use crate::world::pages::Browser;
use crate::world::relying::{CALLBACK, decide, decide_device, oauth_refused, relying};
use crate::world::*;

/// What the server says of the chain.
async fn verdict(w: &World) -> Value {
    w.service().post("/v1/audit-log/verify", json!({})).await.expect(200)
}
/// Sealed, verified, and with the requests of the test itself in it.
async fn settled(w: &World) -> i64 {
    w.seal().await;
    let v = verdict(w).await;
    assert_eq!((&v["ok"], v.get("problem").is_none_or(Value::is_null)), (&json!(true), true), "{v}");
    v["last_seq"].as_i64().unwrap()
}

/// What applications do, and people with them.
async fn applications(w: &World) {
    let grants = json!({ "third_party": true, "grants": ["authorization_code", "refresh_token", "device_code"] });
    let (shop, ida) = (relying(w, grants).await, w.person("Ida", &["user"]).await);
    let mut b = Browser::of(w, &ida.email).await;
    let page = b.get(&shop.request(&[])).await.page(200);
    decide(&shop, &mut b, &page, "allow").await;
    let code = shop.code(&b, &[]).await;
    let wrong =
        [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", CALLBACK), ("code_verifier", "x")];
    oauth_refused(&shop.post("oauth2/token", &wrong).await, 400, "invalid_grant");
    let code = shop.code(&b, &[]).await;
    shop.exchange(&code).await.expect(200);
    oauth_refused(&shop.exchange(&code).await, 400, "invalid_grant");
    let tokens = shop.tokens(&b, "openid").await;
    shop.refresh(&tokens["refresh_token"]).await.expect(200);
    oauth_refused(&shop.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
    let tokens = shop.tokens(&b, "openid").await;
    shop.post("oauth2/revoke", &[("token", tokens["refresh_token"].as_str().unwrap())]).await;
    for decision in ["allow", "deny"] {
        let begun = shop.post("oauth2/device_authorization", &[("scope", "openid")]).await.expect(200);
        decide_device(&shop, &mut b, begun["user_code"].as_str().unwrap(), decision).await;
    }
    b.form(&format!("/account/applications/{}/leave", shop.id), &[]).await;
    let at = format!("/v1/applications/{}", shop.id);
    w.owner().patch(&at, json!({ "name": "Other" })).await.expect(200);
    w.owner().post(&format!("{at}/rotate-secret"), json!({})).await.expect(200);
    w.owner().delete(&at).await;
}
/// What people do with second factors.
async fn factors(w: &World) {
    let (eve, app, _) = with_app(w, "Eve", &["user"]).await;
    let again = "/v1/users/me/reauthenticate";
    eve.client.post(again, json!({ "code": app.wrong(&w.clock) })).await.refused(400, "invalid_code");
    eve.client.post(again, json!({ "code": app.now(&w.clock) })).await.expect(204);
    eve.client.post("/v1/users/me/mfa/backup-codes", json!({})).await.expect(200);
    let challenge = challenge(w, &eve.email).await;
    show(&w.anonymous(), &challenge, "totp", &app.wrong(&w.clock)).await.refused(400, "invalid_code");
    let factor = eve.client.get(MFA).await.expect(200)["methods"][0]["id"].as_str().unwrap().to_owned();
    eve.client.delete(&format!("{MFA}/{factor}")).await.expect(204);
    w.owner().delete(&format!("/v1/users/{}/mfa", eve.id)).await.expect(204);
    demand(w, "required").await;
    demand(w, "optional").await;
}

/// Something of everything that changes something.
async fn busy_day(w: &World) {
    let o = w.owner();
    let ada = w.person("Ada", &["user"]).await;
    let at = format!("/v1/users/{}", ada.id);
    o.put(&at, json!({ "name": "Ada L", "roles": ["user", "approver"], "external_id": "x", "manager_id": w.owner_id, "metadata": { "a": "b" } })).await.expect(200);
    o.put(&at, json!({ "roles": ["user"] })).await.expect(200);
    ada.client
        .put("/v1/users/me/profile", json!({ "first_name": "Ada", "display_name": "Countess" }))
        .await
        .expect(200);
    let change = |current: &str| json!({ "current_password": current, "new_password": "velvet-anchor-monsoon" });
    ada.client.post("/v1/users/me/password", change("a-wrong-guess-55")).await.refused(400, "invalid_input");
    ada.client.post("/v1/users/me/password", change(PASSWORD)).await.expect(204);
    w.login(&ada.email).await.refused(401, "invalid_credentials");
    ada.client.post("/v1/auth/logout", json!({})).await.expect(204);
    o.patch(&format!("/v1/tenants/{}/branding", w.tenant), json!({ "name": "Acme" })).await.expect(200);
    let (key, _) = w.api_key(&o, json!({ "name": "k", "scopes": ["users:list"] })).await;
    o.delete(&format!("/v1/api-keys/{key}")).await.expect(204);
    o.post(&format!("{at}/suspend"), json!({ "active": false })).await.expect(200);
    o.post(&format!("{at}/suspend"), json!({ "active": true })).await.expect(200);
    let p = w.policy("p", 1, r#"forbid (principal, action == Action::"users:fly_not", resource);"#.replace("users:fly_not", "users:import").as_str()).await;
    let rules = format!("/v1/policies/{p}/rules");
    let rule = o
        .post(&rules, json!({ "policy_text": "permit (principal, action == Action::\"read\", resource);" }))
        .await
        .expect(201);
    o.patch(&format!("{rules}/{}", rule["id"].as_str().unwrap()), json!({ "notice": "n" })).await.expect(200);
    let ids: Vec<Value> =
        o.get(&rules).await.expect(200)["data"].as_array().unwrap().iter().rev().map(|r| r["id"].clone()).collect();
    o.patch(&format!("{rules}/reorder"), json!({ "ids": ids })).await.expect(204);
    o.delete(&format!("{rules}/{}", rule["id"].as_str().unwrap())).await.expect(204);
    o.patch(&format!("/v1/policies/{p}"), json!({ "priority": 2 })).await.expect(200);
    let ids: Vec<Value> =
        o.get("/v1/policies").await.expect(200)["data"].as_array().unwrap().iter().map(|p| p["id"].clone()).collect();
    o.patch("/v1/policies/reorder", json!({ "ids": ids })).await.expect(204);
    o.delete(&format!("/v1/policies/{p}")).await.expect(204);
    let group = o.post("/v1/groups", json!({ "name": "Crew" })).await.expect(201);
    let group = format!("/v1/groups/{}", group["id"].as_str().unwrap());
    o.put(&group, json!({ "description": "d" })).await.expect(200);
    o.post(&format!("{group}/members"), json!({ "user_id": ada.id })).await.expect(201);
    o.post(&format!("{group}/roles"), json!({ "role": "approver" })).await.expect(201);
    o.delete(&format!("{group}/roles/approver")).await.expect(204);
    o.delete(&format!("{group}/members/{}", ada.id)).await.expect(204);
    o.delete(&group).await.expect(204);
    let rows = b"{\"email\":\"i1@example.com\",\"name\":\"I\"}\n{\"email\":\"ada@example.com\",\"name\":\"Ada M\"}";
    let import = w.service().with("content-type", "application/x-ndjson");
    let report = import.send("POST", "/v1/users/import?on_conflict=update", rows).await.lines();
    o.post(&format!("/v1/users/{}/resend-invite", report[0]["id"].as_str().unwrap()), json!({})).await.expect(200);
    w.second_tenant("Globex").await;
    o.put(&format!("/v1/tenants/{}", w.tenant), json!({ "name": "Acme Ltd" })).await.expect(200);
    let heir = w.person("Heir", &["user", "admin"]).await;
    o.put(&format!("/v1/tenants/{}", w.tenant), json!({ "owner_user_id": heir.id })).await.expect(200);
    heir.client.put(&format!("/v1/tenants/{}", w.tenant), json!({ "owner_user_id": w.owner_id })).await.expect(200);
    o.post("/v1beta1/meta/schemas", json!({ "name": "device", "schema": "{}" })).await.expect(200);
    o.put("/v1beta1/meta/schemas/device", json!({ "name": "device", "schema": "{\"type\":\"object\"}" }))
        .await
        .expect(200);
    o.delete("/v1beta1/meta/schemas/device").await.expect(200);
    factors(w).await;
    applications(w).await;
    let domain = o.post("/v1/domains", json!({ "domain": "example.com" })).await.expect(201);
    let (record, value) = (domain["dns_record"].as_str().unwrap(), domain["dns_value"].as_str().unwrap());
    w.node.names.set(record, &[value]);
    let domain = format!("/v1/domains/{}", domain["id"].as_str().unwrap());
    o.post(&format!("{domain}/verify"), json!({})).await.expect(200);
    let config = json!({ "issuer_url": "https://id.example.net", "client_id": "c" });
    let new = json!({ "name": "Work", "provider_type": "oidc", "config": config });
    let provider = o.post("/v1/identity-providers", new).await.expect(201)["id"].as_str().unwrap().to_owned();
    let provider = format!("/v1/identity-providers/{provider}");
    o.put(&provider, json!({ "enabled": false })).await.expect(200);
    o.delete(&provider).await.expect(204);
    let mut config = config;
    config["client_secret"] = json!("hush");
    o.put("/v1/oidc-config", config).await.expect(200);
    // it is trusted for the domain
    o.delete("/v1/oidc-config").await.expect(204);
    o.delete(&domain).await.expect(204);
    o.get("/v1/audit-log/export").await;
    o.delete(&at).await.expect(204);
    w.seal().await;
    w.node.erase().await;
    w.seal().await;
}
