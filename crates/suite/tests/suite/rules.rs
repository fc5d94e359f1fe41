//! Rules of a tenant: they widen and narrow what the roles give, at once, on both surfaces, and never lock the owner out.
use serde_json::{Value, json};

use crate::world::*;

both!(
    a_rule_forbids_making_admins_and_its_notice_reaches_the_caller,
    a_rule_on_the_domain_of_an_address_holds_on_both_surfaces,
    a_permit_widens_what_a_role_gives,
    a_higher_priority_decides_alone,
    inside_a_priority_a_forbid_wins,
    a_rule_that_is_wrong_is_refused_with_its_place,
    a_disabled_policy_says_nothing,
    reordering_changes_who_decides,
    evaluation_says_what_would_happen_and_changes_nothing,
    no_rule_locks_the_owner_out,
    a_broad_permit_gives_nobody_a_built_in_action,
    a_rule_counts_at_the_very_next_request,
    a_rule_may_be_sent_in_parts_and_reads_back_as_text,
    a_notice_may_be_any_text_and_travels_in_a_header_of_ascii,
    rules_of_another_tenant_never_speak,
    a_forbid_that_fails_forbids,
    changes_of_policies_and_rules_are_kept_or_refused_whole,
    the_schema_has_the_tenants_own_words,
);

const NO_ADMINS: &str = r#"forbid (principal, action == Action::"users:create", resource) when { context has roles && context.roles.contains("admin") };"#;
const ASK: &str = "Ask security first";

/// The page's rule with its notice.
async fn forbid_admins(w: &World) -> String {
    let policy = w.policy("no new admins", 100, "").await;
    let rule = json!({
        "policy_text": r#"forbid (principal, action == Action::"users:create", resource) when { context.roles.contains("admin") };"#,
        "notice": ASK,
    });
    w.owner().post(&format!("/v1/policies/{policy}/rules"), rule).await.expect(201);
    policy
}
fn admin() -> Value {
    new_user_with(json!({ "roles": ["user", "admin"] }))
}

async fn a_rule_forbids_making_admins_and_its_notice_reaches_the_caller(w: World) {
    forbid_admins(&w).await;
    for caller in [w.owner(), w.service()] {
        let a = caller.post("/v1/users", admin()).await;
        let e = a.refused(403, "forbidden");
        assert_eq!(e["notices"], json!([ASK]));
        assert_eq!(e["details"]["action"], "users:create");
        assert_eq!(a.header("x-policy-notices"), Some("[\"Ask security first\"]"));
        caller.post("/v1/users", new_user()).await.expect(201);
    }
    // what it does not forbid is as it was: an admin may still be made of a user, by another action
    let plain = w.person("Plain", &["user"]).await;
    w.owner().put(&format!("/v1/users/{}", plain.id), json!({ "roles": ["user", "admin"] })).await.expect(200);
}

async fn a_rule_on_the_domain_of_an_address_holds_on_both_surfaces(w: World) {
    let policy = w.policy("domains", 10, "").await;
    let rule = json!({
        "policy_text": r#"forbid (principal, action == Action::"users:create", resource) when { context has email_domain && context.email_domain == "evil.example" };"#,
        "notice": "Not from there.",
    });
    w.owner().post(&format!("/v1/policies/{policy}/rules"), rule).await.expect(201);
    let a = w.owner().post("/v1/users", new_user_with(json!({ "email": "x@EVIL.example" }))).await;
    assert_eq!(a.refused(403, "forbidden")["notices"], json!(["Not from there."]));

    let rest = w.owner().post("/v1beta1/users", json!({ "email": "x@evil.example" })).await;
    let e = rest.expect(403);
    assert_eq!(e["code"], 7);
    assert!(e["details"].to_string().contains("Not from there."), "{e}");
    assert_eq!(rest.header("x-policy-notices"), Some("[\"Not from there.\"]"));

    let connect = "/raystack.frontier.v1beta1.FrontierService/CreateUser";
    let c = w.owner().post(connect, json!({ "body": { "email": "x@evil.example" } })).await;
    let e = c.expect(403);
    assert_eq!(e["code"], "permission_denied");
    assert!(e["details"].is_array(), "one detail with the notices: {e}");
    assert_eq!(c.header("x-policy-notices"), Some("[\"Not from there.\"]"));
    // an upsert by address is no way around
    let upsert = w.owner().put("/v1beta1/users/x@evil.example", json!({ "email": "x@evil.example" })).await;
    upsert.expect(403);
    // nor a body without an address, whose caller's own is taken
    w.owner().post("/v1beta1/users", json!({ "email": "x@good.example" })).await.expect(200);
}

async fn a_permit_widens_what_a_role_gives(w: World) {
    let plain = w.person("Plain", &["user"]).await;
    plain.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    let cedar = format!(
        r#"@notice("Helpers may.") permit (principal == User::"{}", action == Action::"users:create", resource);"#,
        plain.id
    );
    w.policy("helpers", 10, &cedar).await;
    let a = plain.client.post("/v1/users", new_user()).await;
    a.expect(201);
    assert_eq!(a.header("x-policy-notices"), Some("[\"Helpers may.\"]"));
    // only what was named: no roles, no reading, no other
    let e = plain.client.post("/v1/users", admin()).await.refused(422, "invalid_roles");
    assert_eq!(e["details"]["allowed"], json!(["user"]));
    plain.client.get(&format!("/v1/users/{}", w.owner_id)).await.refused(403, "forbidden");
    let other = w.person("Other", &["user"]).await;
    other.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
}

async fn a_higher_priority_decides_alone(w: World) {
    let forbid = r#"@notice("low") forbid (principal, action == Action::"users:create", resource);"#;
    let permit = r#"@notice("high") permit (principal, action == Action::"users:create", resource);"#;
    let high = w.policy("high", 20, permit).await;
    w.policy("low", 10, forbid).await;
    let a = w.owner().post("/v1/users", new_user()).await;
    a.expect(201);
    assert_eq!(a.header("x-policy-notices"), Some("[\"high\"]"), "the lower group is not looked at");
    w.owner().patch(&format!("/v1/policies/{high}"), json!({ "priority": 5 })).await.expect(200);
    assert_eq!(w.owner().post("/v1/users", new_user()).await.refused(403, "forbidden")["notices"], json!(["low"]));
}

async fn inside_a_priority_a_forbid_wins(w: World) {
    let cedar = r#"
        @notice("p") permit (principal, action == Action::"users:create", resource);
        @notice("f1") forbid (principal, action == Action::"users:create", resource);"#;
    w.policy("one", 10, cedar).await;
    w.policy("two", 10, r#"@notice("f2") forbid (principal, action in [Action::"users:*"], resource);"#).await;
    let e = w.owner().post("/v1/users", new_user()).await.refused(403, "forbidden");
    let notices: Vec<&str> = e["notices"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert!(notices.len() == 2 && notices.contains(&"f1") && notices.contains(&"f2"), "{notices:?}");
}

async fn a_rule_that_is_wrong_is_refused_with_its_place(w: World) {
    let policy = w.policy("p", 1, "").await;
    let rules = format!("/v1/policies/{policy}/rules");
    for text in [
        "forbid (principal, action, resource) when { nonsense",
        "permit (principal, action, resource) when { context.nope == 1 };",
        "permit (principal, action == Action::\"users:fly\", resource);",
        "permit (principal == ?principal, action, resource);",
        "permit (principal is Nobody, action, resource);",
        "permit (principal, action, resource) when { principal.email };",
        "permit (principal, action, resource); permit (principal, action, resource);",
        "",
    ] {
        let e = w.owner().post(&rules, json!({ "policy_text": text })).await.refused(422, "policy_invalid");
        let errors = e["details"]["errors"].as_array().unwrap().clone();
        assert!(!errors.is_empty(), "{text}: {e}");
        for error in errors {
            assert!(error["line"].as_i64() >= Some(1) && error["column"].as_i64() >= Some(1), "{text}: {error}");
            assert!(!error["message"].as_str().unwrap().is_empty(), "{error}");
        }
    }
    let second = json!({ "policy_text": "permit (principal, action, resource)\n  when { oh no };" });
    let e = w.owner().post(&rules, second).await.refused(422, "policy_invalid");
    assert_eq!(e["details"]["errors"][0]["line"], 2, "{e}");
    let whole = json!({ "name": "bad", "max_duration_seconds": 60, "cedar_policy_set": "permit (principal, action, resource);\nforbid (" });
    let e = w.owner().post("/v1/policies", whole).await.refused(422, "policy_invalid");
    assert_eq!(e["details"]["errors"][0]["line"], 2, "{e}");
    let left = w.owner().get(&rules).await.expect(200)["data"].as_array().unwrap().len();
    assert_eq!(left, 0);
}

async fn a_disabled_policy_says_nothing(w: World) {
    let policy = w.policy("p", 10, NO_ADMINS).await;
    w.owner().post("/v1/users", admin()).await.refused(403, "forbidden");
    w.owner().patch(&format!("/v1/policies/{policy}"), json!({ "enabled": false })).await.expect(200);
    w.owner().post("/v1/users", admin()).await.expect(201);
    w.owner().patch(&format!("/v1/policies/{policy}"), json!({ "enabled": true })).await.expect(200);
    w.owner().post("/v1/users", admin()).await.refused(403, "forbidden");
    w.owner().delete(&format!("/v1/policies/{policy}")).await.expect(204);
    w.owner().post("/v1/users", admin()).await.expect(201);
    w.owner().get(&format!("/v1/policies/{policy}")).await.refused(404, "not_found");
}

async fn reordering_changes_who_decides(w: World) {
    let permit = w.policy("p", 10, r#"permit (principal, action == Action::"users:create", resource);"#).await;
    let forbid = w.policy("f", 20, r#"forbid (principal, action == Action::"users:create", resource);"#).await;
    w.owner().post("/v1/users", new_user()).await.refused(403, "forbidden");
    let all = w.owner().get("/v1/policies").await.expect(200);
    let rest: Vec<Value> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["id"].clone())
        .filter(|id| *id != *forbid && *id != *permit)
        .collect();
    let mut ids = vec![json!(permit), json!(forbid)];
    w.owner().patch("/v1/policies/reorder", json!({ "ids": ids })).await.refused(422, "unprocessable");
    ids.extend(rest);
    let twice: Vec<Value> = ids.iter().chain(&ids[..1]).cloned().collect();
    w.owner().patch("/v1/policies/reorder", json!({ "ids": twice })).await.refused(422, "unprocessable");
    w.owner().patch("/v1/policies/reorder", json!({ "ids": ids })).await.expect(204);
    w.owner().post("/v1/users", new_user()).await.expect(201);
    let listed = w.owner().get("/v1/policies").await.expect(200);
    let names: Vec<&str> = listed["data"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["p", "f", "break-glass"]);
}

async fn evaluation_says_what_would_happen_and_changes_nothing(w: World) {
    let plain = w.person("Plain", &["user"]).await;
    let policy = forbid_admins(&w).await;
    let ask = |principal: &str, action: &str, context: Value| json!({ "principal": principal, "resource": format!("tenant:{}", w.tenant), "action": action, "context": context });
    let said = w
        .owner()
        .post("/v1/policies/evaluate", ask("owner@example.com", "users:create", json!({ "roles": ["admin"] })))
        .await
        .expect(200);
    assert_eq!((&said["permitted"], &said["reason_code"]), (&json!(false), &json!("forbidden")), "{said}");
    assert_eq!((&said["notices"], &said["matching_policy_ids"]), (&json!([ASK]), &json!([policy])));
    assert_eq!(said["deciding_priority"], 100);
    let said = w
        .owner()
        .post("/v1/policies/evaluate", ask(&w.owner_id, "users:create", json!({ "roles": ["user"] })))
        .await
        .expect(200);
    assert_eq!((&said["permitted"], &said["reason_code"]), (&json!(true), &json!("permitted")), "{said}");
    // of oneself for free, of others not
    let said =
        plain.client.post("/v1/policies/evaluate", ask(&plain.email, "users:create", json!({}))).await.expect(200);
    assert_eq!((&said["permitted"], &said["reason_code"]), (&json!(false), &json!("no_match")));
    let others = plain.client.post("/v1/policies/evaluate", ask("owner@example.com", "users:create", json!({}))).await;
    let nobody = plain.client.post("/v1/policies/evaluate", ask("nobody@example.com", "users:create", json!({}))).await;
    assert_eq!(others.refused(403, "forbidden"), nobody.refused(403, "forbidden"), "whether a user exists is not told");
    w.owner()
        .post("/v1/policies/evaluate", ask("nobody@example.com", "users:create", json!({})))
        .await
        .refused(422, "unprocessable");
    let events = w.events("action=access.*").await;
    assert!(events.iter().all(|e| e["action"] != "user.created"), "{events:?}");
}

async fn no_rule_locks_the_owner_out(w: World) {
    let cedar = r#"
        forbid (principal, action in [Action::"policies:*", Action::"settings:*", Action::"api_keys:*", Action::"users:*", Action::"roles:*", Action::"audit:*", Action::"tenants:*"], resource);"#;
    let admin_person = w.person("Admin", &["user", "admin"]).await;
    let locked = w.policy("locked", 1000, cedar).await;
    // everybody else is locked out
    admin_person.client.get("/v1/policies").await.refused(403, "forbidden");
    admin_person.client.delete(&format!("/v1/policies/{locked}")).await.refused(403, "forbidden");
    w.owner().post("/v1/users", new_user()).await.refused(403, "forbidden");
    // the owner reads, makes a key, and takes the rule away
    w.owner().get(&format!("/v1/users/{}", w.owner_id)).await.expect(200);
    w.owner().get("/v1/policies").await.expect(200);
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "way out" })).await;
    key.patch(&format!("/v1/policies/{locked}"), json!({ "enabled": false })).await.expect(200);
    w.owner().post("/v1/users", new_user()).await.expect(201);
    admin_person.client.get("/v1/policies").await.expect(200);
}

async fn a_broad_permit_gives_nobody_a_built_in_action(w: World) {
    let plain = w.person("Plain", &["user"]).await;
    w.policy("broad", 1000, "permit (principal, action, resource);").await;
    w.policy("asked", 999, r#"permit (principal, action in Action::"request_access", resource);"#).await;
    plain.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    plain.client.get("/v1/policies").await.refused(403, "forbidden");
    plain.client.get("/v1/audit-log").await.refused(403, "forbidden");
    plain
        .client
        .post("/v1/tenants", json!({ "name": "x", "owner_email": "x@example.com" }))
        .await
        .refused(403, "forbidden");
    plain.client.post("/v1beta1/users", json!({ "email": "x@example.com" })).await.expect(403);
    // and a broad forbid takes nobody a built-in action
    w.policy("broad no", 1000, "forbid (principal, action, resource);").await;
    w.owner().post("/v1/users", new_user()).await.expect(201);
}

async fn a_rule_counts_at_the_very_next_request(w: World) {
    for n in 0..10 {
        let cedar = r#"forbid (principal, action == Action::"users:create", resource);"#;
        let policy = w.policy(&format!("p{n}"), 10, cedar).await;
        w.owner().post("/v1/users", new_user()).await.refused(403, "forbidden");
        w.owner().post("/v1beta1/users", json!({ "email": format!("n{n}@example.com") })).await.expect(403);
        w.owner().delete(&format!("/v1/policies/{policy}")).await.expect(204);
        w.owner().post("/v1/users", new_user()).await.expect(201);
    }
}

async fn a_rule_may_be_sent_in_parts_and_reads_back_as_text(w: World) {
    let policy = w.policy("p", 1, "").await;
    let parts = json!({
        "effect": "forbid", "principal_scope_type": "is", "principal_entity_type": "User",
        "action_scope_type": "in", "action_ids": ["users:create", "users:delete"],
        "conditions": "when { context.mfa == false }", "notice": "With a second factor only.",
    });
    let rules = format!("/v1/policies/{policy}/rules");
    let made = w.owner().post(&rules, parts).await.expect(201);
    let text = made["policy_text"].as_str().unwrap();
    assert!(text.contains("principal is User") && text.contains("Action::\"users:delete\""), "{text}");
    assert!(text.contains(&format!("@id(\"{}\")", made["id"].as_str().unwrap())), "{text}");
    assert_eq!(
        (&made["effect"], &made["ordinal"], &made["audit_session"]),
        (&json!("forbid"), &json!(1), &json!(true))
    );
    // its text, sent again, is the same rule
    let again = w.owner().post(&rules, json!({ "policy_text": text })).await.expect(201);
    for part in [
        "effect",
        "principal_scope_type",
        "principal_entity_type",
        "action_scope_type",
        "action_ids",
        "resource_scope_type",
        "conditions",
        "notice",
    ] {
        assert_eq!(made.get(part), again.get(part), "{part}");
    }
    w.owner().post("/v1/users", new_user()).await.refused(403, "forbidden");
    // a service key is no User: it passes
    w.service().post("/v1/users", new_user()).await.expect(201);
    // one part changes, the others stay; then the order
    let id = made["id"].as_str().unwrap();
    let changed =
        w.owner().patch(&format!("{rules}/{id}"), json!({ "conditions": "unless { context.mfa }" })).await.expect(200);
    assert!(
        changed["policy_text"].as_str().unwrap().contains("unless") && changed["action_ids"] == made["action_ids"],
        "{changed}"
    );
    let order = json!({ "ids": [again["id"], made["id"]] });
    w.owner().patch(&format!("{rules}/reorder"), order).await.expect(204);
    let list = w.owner().get(&rules).await.expect(200);
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["ordinal"]), (&again["id"], &json!(1)));
    w.owner().delete(&format!("{rules}/{id}")).await.expect(204);
    w.owner().get(&format!("{rules}/{id}")).await.refused(404, "not_found");
}

async fn a_notice_may_be_any_text_and_travels_in_a_header_of_ascii(w: World) {
    let policy = w.policy("p", 10, "").await;
    let notice = "Zuerst »fragen«: \"bitte\" 🚦\nzweite Zeile";
    let rule = json!({ "policy_text": NO_ADMINS, "notice": notice });
    w.owner().post(&format!("/v1/policies/{policy}/rules"), rule).await.expect(201);
    let a = w.owner().post("/v1/users", admin()).await;
    assert_eq!(a.refused(403, "forbidden")["notices"], json!([notice]));
    let header = a.header("x-policy-notices").unwrap();
    assert!(header.is_ascii(), "{header}");
    assert_eq!(serde_json::from_str::<Value>(header).unwrap(), json!([notice]));
}

async fn rules_of_another_tenant_never_speak(w: World) {
    let other = w.second_tenant("Globex").await;
    other
        .policy(
            "q",
            999,
            &format!(r#"permit (principal == User::"{}", action in [Action::"users:*"], resource);"#, w.owner_id),
        )
        .await;
    other.policy("p", 1000, r#"forbid (principal, action in [Action::"users:*"], resource);"#).await;
    w.owner().post("/v1/users", new_user()).await.expect(201);
    other.owner.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
}

async fn a_forbid_that_fails_forbids(w: World) {
    // a sum that is too large cannot be evaluated: a permit does not match then, a forbid does
    let when = "when { context.hour + 9223372036854775807 > 0 }";
    let plain = w.person("Plain", &["user"]).await;
    w.policy("q", 20, &format!(r#"permit (principal, action == Action::"users:create", resource) {when};"#)).await;
    plain.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    w.owner().post("/v1/users", new_user()).await.expect(201);
    let forbid = format!(r#"@notice("broken") forbid (principal, action == Action::"users:create", resource) {when};"#);
    w.policy("p", 10, &forbid).await;
    let e = w.owner().post("/v1/users", new_user()).await.refused(403, "forbidden");
    assert_eq!(e["notices"], json!(["broken"]));
}

async fn changes_of_policies_and_rules_are_kept_or_refused_whole(w: World) {
    let policy = w.policy("p", 10, NO_ADMINS).await;
    let at = format!("/v1/policies/{policy}");
    let stored = w.owner().get(&at).await;
    w.owner()
        .post("/v1/policies", json!({ "name": "P", "max_duration_seconds": 60 }))
        .await
        .refused(409, "already_exists");
    let patch = json!({ "name": "other", "default_duration_seconds": 7200 });
    w.owner().patch(&at, patch).await.refused(422, "unprocessable");
    w.owner().patch(&at, json!({ "priority": 1001 })).await.refused(400, "invalid_input");
    w.owner().patch(&at, json!({ "rules": [] })).await.refused(400, "invalid_input");
    w.owner().with("if-match", "\"77\"").patch(&at, json!({ "name": "x" })).await.refused(412, "precondition_failed");
    assert_eq!(w.owner().get(&at).await.expect(200), stored.expect(200));
    let etag = stored.header("etag").unwrap();
    w.owner().with("if-match", etag).patch(&at, json!({ "name": "x" })).await.expect(200);
    assert_eq!(w.owner().with("if-none-match", etag).get(&at).await.status, 200);
}

async fn the_schema_has_the_tenants_own_words(w: World) {
    let schema = async || {
        let a = w.owner().get("/v1/policies/schema").await;
        assert_eq!(a.status, 200);
        a.text()
    };
    let before = schema().await;
    assert!(before.contains("app_project_get") && before.contains("entity AwsAccount") && !before.contains("compute"));
    let body = json!({ "bodies": [{ "key": "compute.order.get" }] });
    w.owner().post("/v1beta1/permissions", body).await.expect(200);
    let after = schema().await;
    assert!(after.contains("entity x_compute_order in"), "{after}");
    assert!(after.contains("\"compute_order_get\""), "{after}");
}
