//! What a second hostile reader found: rights that grow, and calls that cost more than they may.
use serde_json::{Value, json};

use crate::world::*;

both!(
    sec_11_no_rule_of_the_master_tenant_gives_other_tenants_away,
    sec_11_no_rule_of_a_narrow_key_gives_organizations_away,
    sec_11_who_switches_a_permit_on_could_have_written_it,
    sec_11_the_key_of_a_former_owner_does_not_take_the_tenant_back,
    sec_14_a_rule_of_many_conditionals_is_refused_at_once,
    sec_14_metadata_of_many_small_values_is_refused,
    sec_03_a_token_is_no_key,
    sec_14_nobody_is_listened_to_for_a_body,
);

fn policy(name: &str, cedar: &str) -> Value {
    json!({ "name": name, "max_duration_seconds": 60, "cedar_policy_set": cedar })
}

async fn sec_11_no_rule_of_the_master_tenant_gives_other_tenants_away(w: World) {
    let other = w.second_tenant("Beta").await;
    let user = w.person("Ann", &["user"]).await;
    let cedar = format!(
        "permit (principal == User::\"{}\", action in [Action::\"tenants:list\", Action::\"tenants:read\"], resource);",
        user.id
    );
    w.owner().post("/v1/policies", policy("all tenants", &cedar)).await.expect(201);
    user.client.get(&format!("/v1/tenants/{}", other.id)).await.refused(403, "forbidden");
    let seen = user.client.get("/v1/tenants").await;
    assert!(seen.status == 403 || !seen.text().contains(&other.id), "{}", seen.text());
    // the owner, who administers the master tenant, may as before
    w.owner().get(&format!("/v1/tenants/{}", other.id)).await.expect(200);
}

async fn sec_11_no_rule_of_a_narrow_key_gives_organizations_away(w: World) {
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "p", "scopes": ["policies:*"] })).await;
    let cedar = "permit (principal, action == Action::\"app_organization_delete\", resource);";
    key.post("/v1/policies", policy("theirs", cedar)).await.refused(403, "forbidden");
    let forbid = cedar.replace("permit", "forbid");
    key.post("/v1/policies", policy("not theirs", &forbid)).await.expect(201);
    w.owner().post("/v1/policies", policy("ours", cedar)).await.expect(201);
}

async fn sec_11_who_switches_a_permit_on_could_have_written_it(w: World) {
    let user = w.person("Ann", &["user"]).await;
    let cedar = format!("permit (principal == User::\"{}\", action == Action::\"users:create\", resource);", user.id);
    let mut body = policy("switched off", &cedar);
    body["enabled"] = false.into();
    let made = w.owner().post("/v1/policies", body).await.expect(201);
    let at = format!("/v1/policies/{}", made["id"].as_str().unwrap());
    let scopes = json!({ "name": "p", "scopes": ["policies:*"] });
    let (_, key) = w.api_key(&w.owner(), scopes).await;
    key.patch(&at, json!({ "enabled": true })).await.refused(403, "forbidden");
    key.patch(&at, json!({ "description": "still off" })).await.expect(200);
    w.owner().patch(&at, json!({ "enabled": true })).await.expect(200);
    // nor is what counts already raised above what others wrote
    key.patch(&at, json!({ "priority": 900 })).await.refused(403, "forbidden");
}

async fn sec_11_the_key_of_a_former_owner_does_not_take_the_tenant_back(w: World) {
    let tenant = w.second_tenant("Beta").await;
    let next = tenant.person("Bea", &["user", "admin"]).await;
    let made = tenant
        .owner
        .client
        .post("/v1/api-keys", json!({ "name": "s", "owner_type": "service", "scopes": ["*"] }))
        .await;
    let raw = made.expect(201)["raw_key"].as_str().unwrap().to_owned();
    let key = w.anonymous().with("x-tenant-id", &*tenant.id).with("x-api-key", raw);
    let at = format!("/v1/tenants/{}", tenant.id);
    tenant.owner.client.put(&at, json!({ "owner_user_id": next.id })).await.expect(200);
    key.put(&at, json!({ "owner_user_id": tenant.owner.id })).await.refused(403, "forbidden");
    // what it is for goes on
    key.get("/v1/users").await.expect(200);
}

async fn sec_14_a_rule_of_many_conditionals_is_refused_at_once(w: World) {
    let nested = format!("{}true{}", "if true then ".repeat(50), " else true".repeat(50));
    let cedar = format!("permit (principal, action, resource) when {{ {nested} }};");
    let said = w.owner().post("/v1/policies/validate", json!({ "cedar": cedar })).await.expect(200);
    assert!(said["valid"] == false && said["errors"].to_string().contains("at most 8 `if`"), "{said}");
    w.owner().post("/v1/policies", policy("ifs", &cedar)).await.refused(422, "policy_invalid");
}

async fn sec_14_metadata_of_many_small_values_is_refused(w: World) {
    let dense: Vec<Value> = (0..300).map(|n| json!([n])).collect();
    let body = json!({ "email": "a@example.com", "name": "A", "auth_provider": "oidc", "roles": ["user"], "metadata": { "k": dense } });
    let a = w.owner().post("/v1/users", body).await;
    a.refused(400, "invalid_input");
    assert!(a.text().contains("At most 256 values"), "{}", a.text());
    let body = json!({ "name": "ada", "email": "a@example.com", "metadata": { "k": dense } });
    let a = w.owner().post("/v1beta1/users", body).await;
    assert!(a.status == 400 && a.text().contains("At most 256 values"), "{}", a.text());
}

async fn sec_03_a_token_is_no_key(w: World) {
    let as_key = w.anonymous().with("x-api-key", w.owner_token()).with("x-tenant-id", &*w.tenant);
    as_key.get("/v1/users").await.refused(401, "unauthenticated");
    w.owner().get("/v1/users").await.expect(200);
    // also after the token was seen where it belongs
    as_key.get("/v1/users").await.refused(401, "unauthenticated");
}

/// A body is read when it is known who sends it: nobody is told of its faults.
async fn sec_14_nobody_is_listened_to_for_a_body(w: World) {
    let nobody = w.anonymous().with("content-type", "application/json");
    let large = format!("{{\"name\":\"{}", "a".repeat(500_000));
    for path in ["/v1/users", "/v1beta1/users"] {
        let a = nobody.send("POST", path, large.as_bytes()).await;
        assert_eq!(a.status, 401, "{path}: {}", a.text());
    }
}
