//! What a hostile reader found, each with the call that showed it. They must never work again.
use serde_json::{Value, json};

use crate::world::tables::execute;
use crate::world::*;

both!(
    sec_11_an_import_changes_no_roles_beyond_what_the_caller_may_grant,
    sec_11_nobody_raises_himself_by_an_import,
    sec_11_an_import_needs_the_right_to_change_users_before_it_changes_one,
    sec_11_a_rule_about_one_user_binds_an_import,
    sec_11_a_rule_about_new_users_binds_an_import,
    sec_11_an_import_is_decided_on_the_rules_of_the_moment,
    sec_02_an_import_does_not_tell_who_has_an_address,
    sec_20_the_log_tells_how_an_imported_user_was_made,
    sec_20_a_wrong_password_at_a_change_is_in_the_log,
    sec_11_whoever_writes_rules_gives_no_more_than_he_has,
    sec_11_an_admin_does_not_make_himself_the_owner_by_a_rule,
    sec_11_a_narrower_key_is_not_given_the_answer_to_a_wider_ones_call,
    sec_11_what_feeds_policies_is_not_written_by_creating,
    sec_02_a_plain_user_cannot_tell_what_is_there_from_what_is_not,
    sec_03_the_link_that_makes_an_admin_is_given_to_those_who_may_make_one,
    sec_19_a_reactivated_user_has_none_of_many_keys_back,
    sec_19_a_session_that_begins_while_the_password_changes_does_not_outlive_it,
    sec_20_both_chains_hold_after_an_owner_moved_in_another_tenant,
    sec_20_the_log_of_a_tenant_begins_with_its_making,
    sec_20_an_erasure_ends,
    sec_20_a_refused_change_is_in_the_log,
    sec_14_a_schema_that_could_stop_the_server_is_refused,
    sec_14_a_hash_that_would_take_too_long_is_refused_with_its_limit,
    sec_14_a_stored_hash_that_would_take_too_long_is_not_computed,
    sec_19_of_two_password_changes_at_once_one_wins,
);

async fn import(by: &Client, query: &str, rows: &[Value]) -> Vec<Value> {
    let body: String = rows.iter().map(|r| format!("{r}\n")).collect();
    let by = by.with("content-type", "application/x-ndjson");
    let a = by.send("POST", &format!("/v1/users/import{query}"), body.as_bytes()).await;
    assert_eq!(a.status, 200, "{}", a.text());
    a.lines()
}

async fn sec_11_an_import_changes_no_roles_beyond_what_the_caller_may_grant(w: World) {
    let admin = w.person("Bea", &["user", "admin"]).await;
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "i", "scopes": ["users:import", "users:update"] })).await;
    // neither given …
    let ghost = json!({ "email": "ghost@example.com", "name": "G", "roles": ["user", "admin"] });
    assert_eq!(import(&key, "", &[ghost]).await[0]["code"], "invalid_roles");
    // … nor taken, by naming fewer or by naming none
    for row in [
        json!({ "email": admin.email, "name": "Bea", "roles": ["user"] }),
        json!({ "email": admin.email, "name": "B2" }),
    ] {
        import(&key, "?on_conflict=update", &[row]).await;
        let now = w.owner().get(&format!("/v1/users/{}", admin.id)).await.expect(200);
        assert_eq!(now["roles"], json!(["user", "admin"]), "{now}");
    }
}

async fn sec_11_nobody_raises_himself_by_an_import(w: World) {
    let admin = w.person("Bea", &["user", "admin"]).await;
    let row = json!({ "email": admin.email, "name": "Bea", "roles": ["user", "approver", "admin"] });
    let said = import(&admin.client, "?on_conflict=update", &[row]).await;
    assert_eq!((&said[0]["status"], &said[0]["code"]), (&json!("invalid"), &json!("forbidden")), "{said:?}");
    let now = w.owner().get(&format!("/v1/users/{}", admin.id)).await.expect(200);
    assert_eq!(now["roles"], json!(["user", "admin"]));
}

async fn sec_11_an_import_needs_the_right_to_change_users_before_it_changes_one(w: World) {
    let user = w.person("Ann", &["user"]).await;
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "i", "scopes": ["users:import"] })).await;
    let rows = [
        json!({ "email": user.email, "name": "Changed" }),
        json!({ "email": "new@example.com", "name": "N", "metadata": { "attributes": { "team": "root" } } }),
        json!({ "email": "fine@example.com", "name": "N" }),
    ];
    let said = import(&key, "?on_conflict=update", &rows).await;
    let status: Vec<&str> = said[..3].iter().map(|l| l["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["invalid", "invalid", "created"], "{said:?}");
}

/// A policy with one rule that tells why.
async fn forbid(w: &World, text: &str) {
    let policy = w.policy(&unique(), 9, "").await;
    let rule = json!({ "policy_text": format!("forbid {text};"), "notice": "Ask the security team." });
    w.owner().post(&format!("/v1/policies/{policy}/rules"), rule).await.expect(201);
}
fn is_refused(line: &Value, code: &str) {
    assert_eq!((&line["status"], &line["code"]), (&json!("invalid"), &json!(code)), "{line}");
    assert_eq!(line["notices"], json!(["Ask the security team."]), "{line}");
}

async fn sec_11_a_rule_about_one_user_binds_an_import(w: World) {
    let (vip, vip2, ann) =
        (w.person("Vip", &["user"]).await, w.person("Vip2", &["user"]).await, w.person("Ann", &["user"]).await);
    forbid(&w, &format!("(principal, action == Action::\"users:update\", resource == User::\"{}\")", vip.id)).await;
    forbid(&w, &format!("(principal, action == Action::\"roles:grant\", resource == User::\"{}\")", vip2.id)).await;
    let rows = [
        json!({ "email": vip.email, "name": "Changed" }),
        json!({ "email": vip.email, "name": "Vip", "roles": ["user", "admin"] }),
        json!({ "email": vip2.email, "name": "Vip2", "roles": ["user", "admin"] }),
        json!({ "email": vip2.email, "name": "Two" }),
        json!({ "email": ann.email, "name": "Ann", "roles": ["user", "admin"] }),
        json!({ "email": "new@example.com", "name": "New", "roles": ["user", "approver"] }),
    ];
    for query in ["?on_conflict=update&dry_run=true", "?on_conflict=update"] {
        for by in [w.owner(), w.service()] {
            let said = import(&by, query, &rows).await;
            is_refused(&said[0], "forbidden");
            is_refused(&said[1], "forbidden");
            is_refused(&said[2], "invalid_roles");
            if query.contains("dry_run") {
                let status: Vec<&str> = said[3..6].iter().map(|l| l["status"].as_str().unwrap()).collect();
                assert_eq!(status, ["updated", "updated", "created"], "{said:?}");
            }
        }
    }
    for (id, name, roles) in [(&vip.id, "Vip", json!(["user"])), (&vip2.id, "Two", json!(["user"]))] {
        let now = w.owner().get(&format!("/v1/users/{id}")).await.expect(200);
        assert_eq!((&now["name"], &now["roles"]), (&json!(name), &roles));
    }
    let now = w.owner().get(&format!("/v1/users/{}", ann.id)).await.expect(200);
    assert_eq!(now["roles"], json!(["user", "admin"]), "the others go on");
}

async fn sec_11_a_rule_about_new_users_binds_an_import(w: World) {
    let create = "(principal, action == Action::\"users:create\", resource)";
    forbid(&w, &format!("{create} when {{ context has email_domain && context.email_domain == \"rival.example\" }}"))
        .await;
    forbid(&w, &format!("{create} when {{ context has auth_provider && context.auth_provider == \"saml\" }}")).await;
    forbid(&w, &format!("{create} when {{ context has roles && context.roles.contains(\"admin\") }}")).await;
    let grant = "(principal, action == Action::\"roles:grant\", resource)";
    forbid(&w, &format!("{grant} when {{ context has email_domain && context.email_domain == \"partner.example\" }}"))
        .await;
    let rows = [
        json!({ "email": "a@rival.example", "name": "A" }),
        json!({ "email": "b@example.com", "name": "B", "auth_provider": "saml" }),
        json!({ "email": "c@example.com", "name": "C", "roles": ["user", "admin"] }),
        json!({ "email": "d@partner.example", "name": "D", "roles": ["user", "approver"] }),
        json!({ "email": "e@partner.example", "name": "E", "auth_provider": "oidc" }),
    ];
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:import", "roles:grant"] })).await;
    for query in ["?dry_run=true", "?on_conflict=update"] {
        for by in [w.owner(), narrow.clone()] {
            let said = import(&by, query, &rows).await;
            said[..3].iter().for_each(|l| is_refused(l, "forbidden"));
            is_refused(&said[3], "invalid_roles");
            assert!(said[4].get("notices").is_none(), "{said:?}");
        }
    }
    let page = w.owner().get("/v1/users").await.expect(200);
    let mut there: Vec<&str> = page["data"].as_array().unwrap().iter().map(|u| u["email"].as_str().unwrap()).collect();
    there.sort_unstable();
    assert_eq!(there, ["e@partner.example", "owner@example.com"]);
}

async fn sec_11_an_import_is_decided_on_the_rules_of_the_moment(w: World) {
    let row =
        |n| json!({ "email": format!("r{n}@example.com"), "name": "Row", "auth_provider": "oidc" }).to_string() + "\n";
    let mut call = w.service().with("content-type", "application/x-ndjson").open("POST", "/v1/users/import").await;
    call.send(&(0..1_000).map(row).collect::<String>()).await;
    call.read_until("\"line\":500,").await;
    forbid(&w, "(principal, action == Action::\"users:create\", resource)").await;
    // the second batch stands on one side or the other, the third on the new one
    call.send(&(1_000..1_500).map(row).collect::<String>()).await;
    call.finish().await;
    let (_, text, whole) = call.rest().await;
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(whole && lines.len() == 1_501, "{whole} {}", lines.len());
    assert!(lines[..500].iter().all(|l| l["status"] == "created"));
    assert!(lines[500..1_000].iter().all(|l| l["status"] == lines[500]["status"]), "a batch is decided at once");
    lines[1_000..1_500].iter().for_each(|l| is_refused(l, "forbidden"));
}

async fn sec_02_an_import_does_not_tell_who_has_an_address(w: World) {
    let ann = w.person("Ann", &["user"]).await;
    let (_, blind) = w.api_key(&w.owner(), json!({ "name": "b", "scopes": ["users:import", "users:update"] })).await;
    let scopes = ["users:import", "users:update", "users:read"];
    // not the owner's, to whom no rule says what they may read
    let admin = w.person("Bea", &["user", "admin"]).await;
    let (_, seeing) = w.api_key(&admin.client, json!({ "name": "s", "scopes": scopes })).await;
    let row = json!({ "email": ann.email, "name": "Ann", "auth_provider": "local" });
    for (query, status) in [
        ("?on_conflict=error", "conflict"),
        ("?on_conflict=skip", "skipped"),
        ("?on_conflict=update", "unchanged"),
        ("?on_conflict=update&dry_run=true", "unchanged"),
        ("?on_conflict=skip&dry_run=true", "skipped"),
        ("?on_conflict=error&dry_run=true", "conflict"),
    ] {
        let said = import(&blind, query, std::slice::from_ref(&row)).await;
        assert_eq!((&said[0]["status"], said[0].get("id")), (&json!(status), None), "{query}: {said:?}");
        let said = import(&seeing, query, std::slice::from_ref(&row)).await;
        assert_eq!((&said[0]["status"], &said[0]["id"]), (&json!(status), &json!(ann.id)), "{query}: {said:?}");
    }
    // whom they made they may know
    let said = import(&blind, "", &[json!({ "email": "new@example.com", "name": "N" })]).await;
    assert!(said[0]["id"].is_string(), "{said:?}");
    // nor does a rule about one user's reading stop at the door
    forbid(&w, &format!("(principal, action == Action::\"users:read\", resource == User::\"{}\")", ann.id)).await;
    let said = import(&seeing, "?on_conflict=skip", &[row, json!({ "email": "new@example.com", "name": "N" })]).await;
    assert!(said[0].get("id").is_none() && said[1]["id"].is_string(), "{said:?}");
}

async fn sec_20_the_log_tells_how_an_imported_user_was_made(w: World) {
    let hash = "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$caQ/WQUCx5CsV1cTujj3GueZC1ZqtDPKVPuHLnSCfY0";
    let rows = [
        json!({ "email": "a@example.com", "name": "A", "password_hash": hash, "email_verified": true, "active": false }),
        json!({ "email": "b@example.com", "name": "B", "auth_provider": "oidc" }),
        json!({ "email": "c@example.com", "name": "C", "password": PASSWORD }),
    ];
    let said = import(&w.owner(), "", &rows).await;
    let events = w.events("action=user.created").await;
    let flag = |n: usize, field: &str| {
        let event = events.iter().find(|e| e["resource_id"] == said[n]["id"]).unwrap();
        event["changes"][field]["after"].clone()
    };
    let flags = |n| ["email_verified", "active", "has_password"].map(|f| flag(n, f));
    assert_eq!(flags(0), [json!(true), json!(false), json!(true)]);
    assert_eq!(flags(1), [Value::Null, Value::Null, Value::Null]);
    assert_eq!(flags(2), [Value::Null, Value::Null, json!(true)]);
    let log = Value::from(events).to_string();
    assert!(!log.contains("$scrypt") && !log.contains("caQ/") && !log.contains(PASSWORD), "{log}");
}

async fn sec_20_a_wrong_password_at_a_change_is_in_the_log(w: World) {
    let ann = w.person("Ann", &["user"]).await;
    let change = json!({ "current_password": "not-this-one-at-all", "new_password": "quite-another-phrase-7" });
    ann.client.post("/v1/users/me/password", change).await.refused(400, "invalid_input");
    let events = w.events("action=password.*").await;
    assert_eq!(events.len(), 1, "{events:?}");
    for (field, value) in
        [("action", "password.change_failed"), ("outcome", "failed"), ("actor_id", &ann.id), ("resource_id", &ann.id)]
    {
        assert_eq!(events[0][field], value, "{field}");
    }
    assert!(!events[0].to_string().contains("not-this-one"));
}

async fn sec_11_whoever_writes_rules_gives_no_more_than_he_has(w: World) {
    let scopes = json!({ "name": "p", "scopes": ["policies:create", "policies:update"] });
    let (_, key) = w.api_key(&w.owner(), scopes).await;
    for action in ["users:create", "users:*", "roles:grant"] {
        let cedar = format!("permit (principal, action in [Action::\"{action}\"], resource);");
        let body = json!({ "name": unique(), "max_duration_seconds": 60, "cedar_policy_set": cedar });
        key.post("/v1/policies", body).await.refused(403, "forbidden");
    }
    // a forbid gives nothing away, nor does a permit of an access action
    for cedar in
        ["forbid (principal, action == Action::\"users:create\", resource);", "permit (principal, action, resource);"]
    {
        let body = json!({ "name": unique(), "max_duration_seconds": 60, "cedar_policy_set": cedar });
        key.post("/v1/policies", body).await.expect(201);
    }
}

async fn sec_11_an_admin_does_not_make_himself_the_owner_by_a_rule(w: World) {
    let tenant = w.second_tenant("Beta").await;
    let admin = tenant.person("Bea", &["user", "admin"]).await;
    let cedar =
        format!("permit (principal == User::\"{}\", action == Action::\"tenants:transfer\", resource);", admin.id);
    let body = json!({ "name": "mine", "max_duration_seconds": 60, "cedar_policy_set": cedar });
    admin.client.post("/v1/policies", body.clone()).await.refused(403, "forbidden");
    // not even when the owner was talked into it
    tenant.owner.client.post("/v1/policies", body).await.expect(201);
    let at = format!("/v1/tenants/{}", tenant.id);
    admin.client.put(&at, json!({ "owner_user_id": admin.id })).await.refused(403, "forbidden");
}

async fn sec_11_a_narrower_key_is_not_given_the_answer_to_a_wider_ones_call(w: World) {
    let call = |c: &Client| c.with("idempotency-key", "abc");
    let body = json!({ "name": "wide", "scopes": ["*"] });
    call(&w.owner()).post("/v1/api-keys", body.clone()).await.expect(201);
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["api_keys:create"] })).await;
    call(&narrow).post("/v1/api-keys", body).await.refused(403, "forbidden");
}

async fn sec_11_what_feeds_policies_is_not_written_by_creating(w: World) {
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "c", "scopes": ["users:create"] })).await;
    let body = new_user_with(json!({ "metadata": { "attributes": { "team": "root" } } }));
    key.post("/v1/users", body.clone()).await.refused(403, "forbidden");
    w.owner().post("/v1/users", body).await.expect(201);
}

async fn sec_02_a_plain_user_cannot_tell_what_is_there_from_what_is_not(w: World) {
    let (ann, bob) = (w.person("Ann", &["user"]).await, w.person("Bob", &["user"]).await);
    let (key_of_bob, _) = w.api_key(&bob.client, json!({ "name": "k" })).await;
    for (there, not) in [
        (format!("/v1/users/{}", bob.id), format!("/v1/users/{NOBODY}")),
        (format!("/v1/api-keys/{key_of_bob}"), format!("/v1/api-keys/{NOBODY}")),
        (format!("/v1beta1/users/{}", bob.email), "/v1beta1/users/nobody@example.com".into()),
    ] {
        let (a, b) = (ann.client.get(&there).await, ann.client.get(&not).await);
        assert_eq!((a.status, a.text()), (b.status, b.text()), "{there}");
    }
    let (a, b) = (
        ann.client.delete(&format!("/v1/api-keys/{key_of_bob}")).await,
        ann.client.delete(&format!("/v1/api-keys/{NOBODY}")).await,
    );
    assert_eq!((a.status, a.text()), (b.status, b.text()));
}

async fn sec_03_the_link_that_makes_an_admin_is_given_to_those_who_may_make_one(w: World) {
    let rows = [json!({ "email": "boss@example.com", "name": "Boss", "roles": ["user", "admin"] })];
    let id = import(&w.owner(), "", &rows).await[0]["id"].as_str().unwrap().to_owned();
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "inv", "scopes": ["users:invite"] })).await;
    let at = format!("/v1/users/{id}/resend-invite");
    key.post(&at, json!({})).await.refused(422, "invalid_roles");
    w.owner().post(&at, json!({})).await.expect(200);
}

async fn sec_19_a_reactivated_user_has_none_of_many_keys_back(w: World) {
    let user = w.person("Ann", &["user"]).await;
    let mut keys = vec![];
    for n in 0..30 {
        keys.push(w.api_key(&user.client, json!({ "name": format!("k{n}") })).await.1);
    }
    let at = format!("/v1/users/{}/suspend", user.id);
    w.owner().post(&at, json!({ "active": false })).await.expect(200);
    w.owner().post(&at, json!({ "active": true })).await.expect(200);
    for key in &keys {
        key.get("/v1/users/me/permissions").await.refused(401, "unauthenticated");
    }
    user.client.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
}

async fn sec_19_a_session_that_begins_while_the_password_changes_does_not_outlive_it(w: World) {
    const NEW: &str = "quite-another-phrase-7";
    for round in 0..8 {
        let user = w.person(&format!("P{round}"), &["user"]).await;
        let change = json!({ "current_password": PASSWORD, "new_password": NEW });
        let changing = user.client.post("/v1/users/me/password", change);
        let logins = async {
            let mut tokens = vec![];
            for _ in 0..4 {
                tokens.push(w.login(&user.email).await.json()["token"].as_str().map(ToOwned::to_owned));
            }
            tokens
        };
        let (changed, tokens) = tokio::join!(changing, logins);
        changed.expect(204);
        for token in tokens.into_iter().flatten() {
            w.bearer(&token).get("/v1/users/me/profile").await.refused(401, "unauthenticated");
        }
    }
}

async fn sec_20_both_chains_hold_after_an_owner_moved_in_another_tenant(w: World) {
    let tenant = w.second_tenant("Beta").await;
    let admin = tenant.person("Bea", &["user", "admin"]).await;
    let at = format!("/v1/tenants/{}", tenant.id);
    w.owner().put(&at, json!({ "owner_user_id": admin.id, "name": "Beta II" })).await.expect(200);
    w.seal().await;
    for by in [&w.owner(), &admin.client] {
        let report = by.post("/v1/audit-log/verify", json!({})).await.expect(200);
        assert_eq!(report["ok"], true, "{report}");
        let log = by.get("/v1/audit-log?action=tenant.owner_changed").await.expect(200);
        assert_eq!(log["data"].as_array().unwrap().len(), 1, "each log tells it: {log}");
    }
    // the former owner is none any more, at the next call
    tenant.owner.client.put(&at, json!({ "owner_user_id": tenant.owner.id })).await.refused(403, "forbidden");
    admin.client.put(&at, json!({ "owner_user_id": tenant.owner.id })).await.expect(200);
}

async fn sec_20_the_log_of_a_tenant_begins_with_its_making(w: World) {
    let tenant = w.second_tenant("Beta").await;
    w.seal().await;
    let log = tenant.owner.client.get("/v1/audit-log?limit=250").await.expect(200);
    let names: Vec<&str> = log["data"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    for name in ["tenant.created", "user.created", "user.invited", "policy.created", "rule.created"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
}

async fn sec_20_an_erasure_ends(w: World) {
    let user = w.person("Ann", &["user"]).await;
    w.anonymous().post("/v1/auth/login", json!({ "email": user.email, "password": "wrong" })).await.expect(401);
    w.owner().delete(&format!("/v1/users/{}", user.id)).await.expect(204);
    w.seal().await;
    w.clock.pass(60);
    for _ in 0..10 {
        w.node.erase().await;
        w.seal().await;
    }
    let records = w.events("action=audit.redacted").await;
    assert_eq!(records.len(), 1, "{records:?}");
    let all = w.events("").await;
    assert!(!Value::from(all).to_string().contains(&user.email), "nothing names the person");
    assert_eq!(w.owner().post("/v1/audit-log/verify", json!({})).await.expect(200)["ok"], true);
}

async fn sec_20_a_refused_change_is_in_the_log(w: World) {
    let user = w.person("Ann", &["user"]).await;
    for _ in 0..15 {
        user.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    }
    // nobody waits for the record: it is written when it is written
    let mut seen = vec![];
    for _ in 0..50 {
        seen = w.events("action=access.denied").await;
        if seen.len() == 10 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(seen.len(), 10, "at most ten a minute");
    assert_eq!(seen[0]["actor_id"], user.id);
    assert_eq!(seen[0]["outcome"], "denied");
}

async fn sec_14_a_schema_that_could_stop_the_server_is_refused(w: World) {
    let deep = format!("{}true{}", "{\"not\":".repeat(100), "}".repeat(100));
    let defs: Vec<String> = (0..60)
        .map(|n| format!("\"d{n}\":{{\"allOf\":[{{\"$ref\":\"#/$defs/d{0}\"}},{{\"$ref\":\"#/$defs/d{0}\"}}]}}", n + 1))
        .collect();
    let doubling = format!("{{\"$defs\":{{{},\"d60\":true}},\"$ref\":\"#/$defs/d0\"}}", defs.join(","));
    for schema in [deep, doubling] {
        let body = json!({ "name": "user", "schema": schema });
        w.owner().put("/v1beta1/meta/schemas/user", body).await.expect(400);
    }
    w.owner().post("/v1/users", new_user()).await.expect(201);
}

async fn sec_14_a_hash_that_would_take_too_long_is_refused_with_its_limit(w: World) {
    let tail = "c29tZXNhbHRzb21lc2FsdA$q+mfZMShhqnOF+wPVOqpvjkLbZpxPpvMp9nHHWXBOa4";
    let long =
        "c29tZXNhbHRzb21lc2FsdA$q+mfZMShhqnOF+wPVOqpvjkLbZpxPpvMp9nHHWXBOa5q+mfZMShhqnOF+wPVOqpvjkLbZpxPpvMp9nHHWXBOaw";
    // each number alone would pass
    let bad = [
        (format!("$argon2id$v=19$m=262144,t=16,p=16${tail}"), "m·t at most 1048576"),
        (format!("$argon2i$v=19$m=65537,t=16,p=1${tail}"), "m·t at most 1048576"),
        (format!("$scrypt$ln=18,r=16,p=16${tail}"), "r·p at most 2097152"),
        (format!("$scrypt$ln=18,r=8,p=2${tail}"), "r·p at most 2097152"),
        (format!("$pbkdf2-sha256$i=2000001${tail}"), "at most 2000000 iterations"),
        (format!("$pbkdf2$i=2000000${long}"), "at most 2000000 iterations"),
        ("$2b$16$L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u".into(), "cost of 4 to 15"),
    ];
    let hashes = bad.iter().map(|(hash, _)| hash.clone()).chain([format!("$argon2id$v=19$m=65536,t=16,p=4${tail}")]);
    let rows: Vec<Value> = hashes
        .enumerate()
        .map(|(n, hash)| json!({ "email": format!("h{n}@example.com"), "name": "H", "password_hash": hash }))
        .collect();
    let said = import(&w.owner(), "", &rows).await;
    for ((hash, limit), line) in bad.iter().zip(&said) {
        let field = &line["fields"][0];
        assert_eq!((&line["status"], &field["field"]), (&json!("invalid"), &json!("password_hash")), "{hash}: {line}");
        assert!(field["message"].as_str().unwrap().contains(limit), "{hash}: {line}");
    }
    assert_eq!(said[bad.len()]["status"], "created", "{said:?}");
}

async fn sec_14_a_stored_hash_that_would_take_too_long_is_not_computed(w: World) {
    use argon2::password_hash::{PasswordHasher, phc::PasswordHash};
    let user = w.person("Ann", &["user"]).await;
    // the right hash of the right password, a little dearer than what is taken
    let params = argon2::Params::new(65_537, 16, 1, None).unwrap();
    let hasher = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash: PasswordHash = hasher.hash_password_with_salt(PASSWORD.as_bytes(), b"0123456789abcdef").unwrap();
    let sql = format!("UPDATE users SET password_hash = '{hash}' WHERE email = '{}'", user.email);
    execute(&w, &sql).await;
    w.login(&user.email).await.refused(401, "invalid_credentials");
    let change = json!({ "current_password": PASSWORD, "new_password": "quite-another-phrase-7" });
    user.client.post("/v1/users/me/password", change).await.refused(400, "invalid_input");
}

async fn sec_19_of_two_password_changes_at_once_one_wins(w: World) {
    const NEW: [&str; 2] = ["quite-another-phrase-7", "yet-another-phrase-88"];
    for round in 0..6 {
        let user = w.person(&format!("P{round}"), &["user"]).await;
        let mut sessions = vec![];
        for _ in 0..3 {
            let token = w.login(&user.email).await.expect(200)["token"].as_str().unwrap().to_owned();
            sessions.push(w.bearer(&token));
        }
        let change = async |n: usize| {
            let body = json!({ "current_password": PASSWORD, "new_password": NEW[n] });
            sessions[n].post("/v1/users/me/password", body).await
        };
        let (a, b) = tokio::join!(change(0), change(1));
        let won = usize::from(a.status != 204);
        let lost = [&b, &a][won];
        assert!([&a, &b][won].status == 204 && matches!(lost.status, 400 | 401 | 409), "{} {}", a.text(), b.text());
        // what had begun before either of them is over, but for the session that won
        for (n, session) in sessions.iter().chain([&user.client]).enumerate() {
            let seen = session.get("/v1/users/me/profile").await;
            assert_eq!(seen.status, if n == won { 200 } else { 401 }, "session {n}, {won} won: {}", seen.text());
        }
        for (n, password) in [NEW[won], NEW[1 - won], PASSWORD].iter().enumerate() {
            let login = json!({ "email": user.email, "password": password });
            let seen = w.anonymous().post("/v1/auth/login", login).await;
            assert_eq!(seen.status, if n == 0 { 200 } else { 401 }, "{password}: {}", seen.text());
        }
    }
}
