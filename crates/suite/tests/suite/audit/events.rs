//! Each change leaves its event; events are listed, filtered and read, and none of them holds a secret.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{busy_day, settled};
use crate::world::tables::{Cell, contains, rows, table_bytes};
use crate::world::*;

both!(
    each_change_writes_its_event,
    an_event_says_who_did_what_from_where_and_what_changed,
    no_secret_is_in_any_event,
    the_log_is_filtered_and_read_entry_by_entry,
    a_refused_write_leaves_no_event_of_success,
);

/// What the contract names and this version can do (spec v1 7.3 to 7.5).
const EXPECTED: &[&str] = &[
    "api_key.created",
    "api_key.revoked",
    "application.authorized",
    "application.code_refused",
    "application.code_reused",
    "application.consented",
    "application.created",
    "application.deleted",
    "application.device_allowed",
    "application.device_denied",
    "application.left",
    "application.refresh_reused",
    "application.secret_rotated",
    "application.session_ended",
    "application.updated",
    "audit.exported",
    "auth.login_failed",
    "auth.login_succeeded",
    "auth.mfa_challenged",
    "auth.mfa_failed",
    "auth.reauthenticated",
    "auth.reauthentication_failed",
    "branding.updated",
    "domain.created",
    "domain.deleted",
    "domain.verified",
    "group.created",
    "group.deleted",
    "group.member_added",
    "group.member_removed",
    "group.role_mapped",
    "group.role_unmapped",
    "group.updated",
    "identity_provider.created",
    "identity_provider.deleted",
    "identity_provider.updated",
    "mfa.backup_codes_regenerated",
    "mfa.enrolled",
    "mfa.removed",
    "mfa.reset",
    "oidc_config.updated",
    "password.change_failed",
    "password.changed",
    "policy.created",
    "policy.deleted",
    "policy.reordered",
    "policy.updated",
    "role.granted",
    "role.taken",
    "rule.created",
    "rule.deleted",
    "rule.reordered",
    "rule.updated",
    "session.revoked",
    "settings.updated",
    "tenant.created",
    "tenant.owner_changed",
    "tenant.updated",
    "user.created",
    "user.deleted",
    "user.invited",
    "user.reactivated",
    "user.suspended",
    "user.updated",
    "users.imported",
];

async fn each_change_writes_its_event(w: World) {
    busy_day(&w).await;
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for row in rows(&w, "audit_events").await {
        let (Cell::Text(action), Cell::Text(kind)) = (&row["action"], &row["resource_type"]) else { panic!("{row:?}") };
        seen.insert(format!("{action:28} {kind}"));
    }
    let actions: BTreeSet<&str> = seen.iter().map(|s| s.split(' ').next().unwrap()).collect();
    for action in EXPECTED {
        assert!(actions.contains(action), "{action} is missing in {actions:?}");
    }
    let list: String = seen.iter().map(|s| format!("{s}\n")).collect();
    golden("audit_events.txt", &list);
    settled(&w).await;
}

async fn an_event_says_who_did_what_from_where_and_what_changed(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let client = w.owner().with("x-request-id", "req.42").with("user-agent", "suite/1");
    client.put(&format!("/v1/users/{}", ada.id), json!({ "name": "Ada L" })).await.expect(200);
    let e = w.events("action=user.updated").await.remove(0);
    for (field, value) in [
        ("actor_id", json!(w.owner_id)),
        ("actor_type", json!("user")),
        ("action", json!("user.updated")),
        ("resource_type", json!("user")),
        ("resource_id", json!(ada.id)),
        ("http_request_id", json!("req.42")),
        ("user_agent", json!("suite/1")),
        ("ip", json!("127.0.0.1")),
        ("outcome", json!("ok")),
        ("redacted", json!(false)),
        ("changes", json!({ "name": { "before": "Ada", "after": "Ada L" } })),
    ] {
        assert_eq!(e[field], value, "{field}: {e}");
    }
    assert!(
        e["seq"].is_i64() && e["hash"].as_str().is_some_and(|h| h.len() == 64) && e["prev_hash"].is_string(),
        "{e}"
    );
    // a key never hides the person who made it
    let (id, key) = w.api_key(&w.owner(), json!({ "name": "k" })).await;
    key.put(&format!("/v1/users/{}", ada.id), json!({ "name": "Ada M" })).await.expect(200);
    let e = w.events("action=user.updated").await.remove(0);
    assert_eq!(e["actor_type"], "api_key", "{e}");
    let text = e.to_string();
    assert!(text.contains(&w.owner_id) && text.contains(&id) || e["actor_id"] == w.owner_id.as_str(), "{e}");
}

async fn no_secret_is_in_any_event(w: World) {
    let made = w.owner().post("/v1/api-keys", json!({ "name": "k" })).await.expect(201);
    busy_day(&w).await;
    let log = table_bytes(&w, "audit_events").await;
    for secret in [
        PASSWORD,
        "velvet-anchor-monsoon",
        "a-wrong-guess-55",
        &made["raw_key"].as_str().unwrap()[17..],
        "$argon2",
        w.owner_token(),
        "token=",
    ] {
        assert!(!contains(&log, secret), "{secret} is in the log");
    }
}

async fn the_log_is_filtered_and_read_entry_by_entry(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    w.service().with("x-request-id", "one-call").post("/v1/users", new_user()).await.expect(201);
    let only = async |query: &str| w.events(query).await;
    for (query, field, value) in [
        ("action=user.created", "action", json!("user.created")),
        ("actor_type=service", "actor_type", json!("service")),
        ("resource_type=api_key", "resource_type", json!("api_key")),
        ("outcome=ok", "outcome", json!("ok")),
        ("http_request_id=one-call", "http_request_id", json!("one-call")),
    ] {
        let found = only(query).await;
        assert!(!found.is_empty() && found.iter().all(|e| e[field] == value), "{query}: {found:?}");
    }
    let of_ada = only(&format!("resource_id={}", ada.id)).await;
    assert!(of_ada.iter().all(|e| e["resource_id"] == ada.id) && !of_ada.is_empty());
    assert!(only("action=user.*").await.iter().all(|e| e["action"].as_str().unwrap().starts_with("user.")));
    assert!(
        only("action=user.creat").await.is_empty()
            && only("action=%25").await.is_empty()
            && only("action=%2A").await.len() > 2
    );
    assert!(only("from=2030-01-01T00:00:00Z").await.is_empty() && only("to=2020-01-01T00:00:00Z").await.is_empty());
    let one = of_ada[0].clone();
    assert_eq!(w.owner().get(&format!("/v1/audit-log/{}", one["id"].as_str().unwrap())).await.expect(200), one);
    w.owner().get(&format!("/v1/audit-log/{NOBODY}")).await.refused(404, "not_found");
    for bad in ["outcome=maybe", "from=yesterday", "page=2", "limit=0"] {
        w.owner().get(&format!("/v1/audit-log?{bad}")).await.refused(400, "invalid_input");
    }
    for path in ["/v1/audit-log", "/v1/audit-log/export", "/v1/audit-log/checkpoints"] {
        ada.client.get(path).await.refused(403, "forbidden");
    }
    ada.client.post("/v1/audit-log/verify", json!({})).await.refused(403, "forbidden");
}

async fn a_refused_write_leaves_no_event_of_success(w: World) {
    let before = settled(&w).await;
    w.owner()
        .post("/v1/users", new_user_with(json!({ "email": "owner@example.com" })))
        .await
        .refused(409, "user_exists");
    w.owner().post("/v1/users", new_user_with(json!({ "manager_id": NOBODY }))).await.refused(422, "unprocessable");
    w.owner().put(&format!("/v1/users/{}", w.owner_id), json!({ "name": "Owner" })).await.expect(200);
    w.seal().await;
    let events = w.events("outcome=ok").await;
    let after: Vec<&Value> = events.iter().filter(|e| e["seq"].as_i64() > Some(before)).collect();
    assert!(after.iter().all(|e| e["action"] != "user.created" && e["action"] != "user.updated"), "{after:?}");
}
