//! What a second hostile reader found: rights that grow, and calls that cost more than they may.
use serde_json::{Value, json};

use crate::world::access::{self, *};
use crate::world::token::{on_projects, place, token};
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
    sec_11_a_token_takes_over_no_resource_of_its_user,
    sec_11_a_token_makes_no_credential_that_outlives_it,
    sec_11_a_token_changes_no_preference_of_its_user,
    sec_02_projects_of_a_service_user_are_told_of_its_own_organization_only,
    sec_11_the_last_owner_is_not_taken_away_as_a_policy,
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

/// That its user owns a resource gives a token nothing: not through the call that makes resources either.
async fn sec_11_a_token_takes_over_no_resource_of_its_user(w: World) {
    let p = place(&w).await;
    let keys = json!({ "bodies": [{ "key": "compute.order.get" }] });
    w.owner().post("/v1beta1/permissions", keys).await.expect(200);
    let path = format!("/v1beta1/projects/{}/resources", p.web);
    let order = json!({ "name": "order-1", "namespace": "compute/order", "title": "Mine" });
    let made = id(&p.owner.client.post(&path, order).await.expect(200)["resource"]);
    let (_, raw) = token(&w, &p.owner.client, &p.organization, on_projects(PROJECT_VIEWER, &[&p.web])).await;
    let theft = json!({ "name": "order-1", "namespace": "compute/order", "title": "Theirs",
        "principal": format!("app/user:{}", p.member.id) });
    let refused = w.bearer(&raw).post(&path, theft).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    let now = p.owner.client.get(&format!("{path}/{made}")).await.expect(200)["resource"].clone();
    assert_eq!((&now["title"], &now["principal"]), (&json!("Mine"), &json!(format!("app/user:{}", p.owner.id))));
}

async fn sec_11_a_token_makes_no_credential_that_outlives_it(w: World) {
    let p = place(&w).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let scope = json!([{ "role_id": ORGANIZATION_MANAGER, "resource_type": "app/organization" }]);
    let (_, raw) = token(&w, &p.owner.client, &p.organization, scope).await;
    let by = w.bearer(&raw);
    let at = format!("/v1beta1/organizations/{}/serviceusers/{m}", p.organization);
    by.get(&at).await.expect(200);
    for kind in ["secrets", "tokens", "keys"] {
        let refused = by.post(&format!("{at}/{kind}"), json!({ "title": "T" })).await;
        assert_eq!(refused.status, 403, "{kind}: {}", refused.text());
    }
    p.owner.client.post(&format!("{at}/secrets"), json!({ "title": "T" })).await.expect(200);
}

async fn sec_11_a_token_changes_no_preference_of_its_user(w: World) {
    let p = place(&w).await;
    let (_, raw) = token(&w, &p.owner.client, &p.organization, on_projects(PROJECT_VIEWER, &[])).await;
    let theme = json!({ "bodies": [{ "name": "first_name", "value": "Eve" }] });
    let refused = connect(&w.bearer(&raw), "CreateCurrentUserPreferences", theme).await;
    assert_eq!(code(&refused), "permission_denied", "{}", refused.text());
    let invited = connect(&w.bearer(&raw), "ListCurrentUserInvitations", json!({})).await.expect(200);
    assert!(invited.get("invitations").is_none(), "{invited}");
}

async fn sec_02_projects_of_a_service_user_are_told_of_its_own_organization_only(w: World) {
    let p = place(&w).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let rival = w.person("Rita", &["user"]).await;
    let other = organization(&rival.client, "other-corp").await;
    let theirs = project(&rival.client, &other, "secret-plans").await;
    let machine = format!("app/serviceuser:{m}");
    access::policy(&rival.client, "app_project_viewer", &format!("app/project:{theirs}"), &machine).await.expect(200);
    access::policy(&p.owner.client, "app_project_viewer", &format!("app/project:{}", p.web), &machine)
        .await
        .expect(200);
    let at = format!("/v1beta1/organizations/{}/serviceusers/{m}/projects", p.organization);
    let seen = p.owner.client.get(&at).await.expect(200);
    assert_eq!(all(&seen["projects"], "id"), [p.web.as_str()], "{seen}");
}

async fn sec_11_the_last_owner_is_not_taken_away_as_a_policy(w: World) {
    let p = place(&w).await;
    let team = group(&p.owner.client, &p.organization, "team").await;
    for (filter, owner) in [
        (format!("org_id={}", p.organization), "app_organization_owner"),
        (format!("group_id={team}"), "app_group_owner"),
    ] {
        let list = w.owner().get(&format!("/v1beta1/policies?{filter}&role_id={owner}")).await.expect(200);
        let last = id(&list["policies"][0]);
        let refused = w.owner().delete(&format!("/v1beta1/policies/{last}")).await;
        assert!(refused.status == 400 && refused.text().contains("last owner"), "{owner}: {}", refused.text());
    }
    // with another one there it may go
    join(&w, &p.organization, &w.person("Otto", &["user"]).await.id, ORGANIZATION_OWNER).await;
    let list = w.owner().get(&format!("/v1beta1/policies?org_id={}&user_id={}", p.organization, p.owner.id)).await;
    let first = id(&list.expect(200)["policies"][0]);
    w.owner().delete(&format!("/v1beta1/policies/{first}")).await.expect(200);
}
