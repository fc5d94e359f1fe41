//! `/v1/tenants/{id}/settings` (spec v1 3.1, 4.8).
use serde_json::{Value, json};

use crate::world::token::claims;
use crate::world::*;

both!(
    a_tenant_reads_and_changes_its_settings,
    what_is_out_of_bounds_is_refused_and_named,
    settings_count_at_the_next_call,
    sec_02_settings_are_the_tenants_own,
);

fn path(w: &World) -> String {
    format!("/v1/tenants/{}/settings", w.tenant)
}
fn defaults() -> Value {
    json!({
        "mfa_policy": "optional", "registration": "closed", "mfa_trust_provider": true, "redirect_uris": [], "password_min_length": 8, "access_token_seconds": 3_600, "session_idle_seconds": 604_800,
        "session_max_seconds": 2_592_000, "default_duration_seconds": 3_600,
    })
}

async fn a_tenant_reads_and_changes_its_settings(w: World) {
    let read = w.service().get(&path(&w)).await;
    let etag = read.header("etag").unwrap().to_owned();
    assert_eq!(read.expect(200), defaults());
    assert_eq!(w.service().with("if-none-match", &*etag).get(&path(&w)).await.status, 304);
    let by = w.service().with("if-match", &*etag);
    let changed = by.patch(&path(&w), json!({ "mfa_policy": "required_for_admins", "password_min_length": 12 })).await;
    let mut expected = defaults();
    expected["mfa_policy"] = json!("required_for_admins");
    expected["password_min_length"] = json!(12);
    let next = changed.header("etag").unwrap().to_owned();
    assert_eq!(changed.expect(200), expected);
    let again = w.service().get(&path(&w)).await;
    assert_eq!((again.header("etag"), again.expect(200)), (Some(&*next), expected.clone()));
    by.patch(&path(&w), json!({ "access_token_seconds": 600 })).await.refused(412, "precondition_failed");
    // nothing changed: nothing is said
    let same = w.service().patch(&path(&w), json!({ "password_min_length": 12 })).await;
    assert_eq!((same.header("etag"), same.expect(200)), (Some(&*next), expected));
    w.service().patch(&path(&w), json!({})).await.expect(200);
    let events = w.events("action=settings.updated").await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0]["changes"],
        json!({
            "mfa_policy": { "before": "optional", "after": "required_for_admins" },
            "password_min_length": { "before": 8, "after": 12 },
        })
    );
}

async fn what_is_out_of_bounds_is_refused_and_named(w: World) {
    for (field, bad) in [
        ("mfa_policy", json!("off")),
        ("mfa_policy", json!(null)),
        ("registration", json!("anybody")),
        ("password_min_length", json!(7)),
        ("password_min_length", json!(129)),
        ("access_token_seconds", json!(299)),
        ("access_token_seconds", json!(86_401)),
        ("session_idle_seconds", json!(899)),
        ("session_idle_seconds", json!(2_592_001)),
        ("session_max_seconds", json!(3_599)),
        ("session_max_seconds", json!(7_776_001)),
        ("default_duration_seconds", json!(59)),
        ("default_duration_seconds", json!("60")),
        ("mfa_trust_provider", json!("yes")),
        ("redirect_uris", json!("https://app.example.com/")),
        ("redirect_uris[0]", json!(["http://app.example.com/"])),
        ("tenant_id", json!(NOBODY)),
    ] {
        let member = field.split('[').next().unwrap();
        let a = w.owner().patch(&path(&w), json!({ member: bad, "access_token_seconds": bad })).await;
        a.refused(400, "invalid_input");
        a.field(field);
    }
    assert_eq!(w.owner().get(&path(&w)).await.expect(200), defaults());
}

async fn settings_count_at_the_next_call(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let body = json!({ "access_token_seconds": 300, "session_max_seconds": 3_600, "password_min_length": 24 });
    w.owner().patch(&path(&w), body).await.expect(200);
    let signed_in = w.login(&ada.email).await.expect(200);
    let token = claims(signed_in["token"].as_str().unwrap());
    assert_eq!(token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap(), 300);
    let ends: portcullis_domain::Timestamp = signed_in["refresh_expires_at"].as_str().unwrap().parse().unwrap();
    assert!(ends.seconds() <= w.clock.seconds() + 3_600);
    let short = json!({ "current_password": PASSWORD, "new_password": "walnut-ferry-72" });
    ada.client.post("/v1/users/me/password", short).await.refused(400, "weak_password");
    let long = json!({ "current_password": PASSWORD, "new_password": "walnut-ferry-lantern-72-orbit" });
    ada.client.post("/v1/users/me/password", long).await.expect(204);
}

async fn sec_02_settings_are_the_tenants_own(w: World) {
    let rival = w.second_tenant("Rival").await;
    let theirs = format!("/v1/tenants/{}/settings", rival.id);
    let nobodys = format!("/v1/tenants/{NOBODY}/settings");
    let change = json!({ "password_min_length": 9 });
    // not even the master tenant's, and the same as of a tenant that is not there
    for by in [w.owner(), w.service(), w.person("Admin", &["user", "admin"]).await.client] {
        let (a, b) = (by.get(&theirs).await, by.get(&nobodys).await);
        assert_eq!(a.refused(403, "forbidden"), b.refused(403, "forbidden"));
        let (a, b) = (by.patch(&theirs, change.clone()).await, by.patch(&nobodys, change.clone()).await);
        assert_eq!(a.refused(403, "forbidden"), b.refused(403, "forbidden"));
    }
    rival.owner.client.get(&path(&w)).await.refused(403, "forbidden");
    assert_eq!(rival.owner.client.get(&theirs).await.expect(200), defaults());
    for (who, by, status) in [
        ("nobody", w.anonymous().with("x-tenant-id", &*w.tenant), 401),
        ("a user", w.person("Ada", &["user"]).await.client, 403),
        ("an approver", w.person("Appy", &["user", "approver"]).await.client, 403),
        ("a reader's key", w.api_key(&w.owner(), json!({ "name": "r", "scopes": ["settings:read"] })).await.1, 403),
        ("an admin", w.person("Eve", &["user", "admin"]).await.client, 200),
        ("a service key", w.service(), 200),
    ] {
        assert_eq!(by.patch(&path(&w), change.clone()).await.status, status, "{who}");
    }
    // no rule takes them from the owner
    w.policy("lock", 10, r#"forbid (principal, action in [Action::"settings:*"], resource);"#).await;
    w.owner().patch(&path(&w), json!({ "mfa_policy": "optional" })).await.expect(200);
}
