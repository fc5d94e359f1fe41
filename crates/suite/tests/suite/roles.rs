//! Nobody gives what they may not give, and nobody raises himself.
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::world::*;

both!(
    sec_11_privileged_fields_are_unknown_wherever_a_user_is_written,
    a_role_needs_the_right_to_grant_it,
    nobody_changes_his_own_roles,
    the_owner_is_protected,
    a_rule_narrows_which_roles_may_be_given,
    taking_a_role_needs_the_right_as_well,
    no_sequence_of_role_edits_lets_a_user_exceed_the_one_who_edited,
);

async fn sec_11_privileged_fields_are_unknown_wherever_a_user_is_written(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let at = format!("/v1/users/{}", ada.id);
    for (field, value) in [
        ("is_owner", json!(true)),
        ("tenant_id", json!(NOBODY)),
        ("state", json!("active")),
        ("active", json!(true)),
        ("email_verified", json!(true)),
        ("id", json!(NOBODY)),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("effective_roles", json!(["admin"])),
        ("password_hash", json!("$argon2id$x")),
        ("mfa_enrolled", json!(true)),
        ("identity_provider_id", json!(NOBODY)),
        ("last_login_at", json!(null)),
    ] {
        let a = w.owner().post("/v1/users", new_user_with(json!({ field: value }))).await;
        a.refused(400, "invalid_input");
        assert_eq!(a.field(field), "Unknown field.");
        let a = w.owner().put(&at, json!({ field: value })).await;
        a.refused(400, "invalid_input");
        a.field(field);
        let a = ada.client.put("/v1/users/me/profile", json!({ field: value })).await;
        a.refused(400, "invalid_input");
        a.field(field);
    }
    for (field, value) in
        [("email", json!("x@example.com")), ("auth_provider", json!("oidc")), ("password", json!(PASSWORD))]
    {
        let a = w.owner().put(&at, json!({ field: value })).await;
        a.refused(400, "invalid_input");
        a.field(field);
    }
    let a = ada
        .client
        .put("/v1/users/me/profile", json!({ "roles": ["admin"], "email": "x@example.com", "metadata": {} }))
        .await;
    a.refused(400, "invalid_input");
    for field in ["roles", "email", "metadata"] {
        a.field(field);
    }
    let seen = w.owner().get(&at).await.expect(200);
    assert_eq!(
        (&seen["roles"], &seen["is_owner"], &seen["email_verified"]),
        (&json!(["user"]), &json!(false), &json!(false))
    );
}

async fn a_role_needs_the_right_to_grant_it(w: World) {
    let helper = w.person("Helper", &["user"]).await;
    let cedar = format!(
        r#"permit (principal == User::"{}", action in [Action::"users:create", Action::"users:update", Action::"users:import"], resource);"#,
        helper.id
    );
    w.policy("helper", 10, &cedar).await;
    let ada = w.person("Ada", &["user"]).await;
    helper.client.post("/v1/users", new_user()).await.expect(201);
    for roles in [json!(["admin"]), json!(["user", "approver"]), json!(["user", "admin"])] {
        let e = helper
            .client
            .post("/v1/users", new_user_with(json!({ "roles": roles })))
            .await
            .refused(422, "invalid_roles");
        assert_eq!(e["details"]["allowed"], json!(["user"]));
        helper
            .client
            .put(&format!("/v1/users/{}", ada.id), json!({ "roles": roles }))
            .await
            .refused(422, "invalid_roles");
        let row = json!({ "email": new_user()["email"], "name": "x", "roles": roles }).to_string();
        let report = helper
            .client
            .with("content-type", "application/x-ndjson")
            .send("POST", "/v1/users/import", row.as_bytes())
            .await
            .lines();
        assert_eq!((&report[0]["status"], &report[0]["code"]), (&json!("invalid"), &json!("invalid_roles")));
    }
    helper.client.put(&format!("/v1/users/{}", ada.id), json!({ "name": "Ada L" })).await.expect(200);
}

async fn nobody_changes_his_own_roles(w: World) {
    let admin = w.person("Admin", &["user", "admin"]).await;
    let (_, key) = w.api_key(&admin.client, json!({ "name": "k" })).await;
    let at = format!("/v1/users/{}", admin.id);
    for client in [&admin.client, &key] {
        for roles in [json!(["user", "approver", "admin"]), json!(["user"])] {
            client.put(&at, json!({ "roles": roles })).await.refused(403, "forbidden");
        }
        client.put(&at, json!({ "roles": ["user", "admin"], "name": "Same roles" })).await.expect(200);
    }
    // nor the owner, nor by a service key that he made
    w.owner()
        .put(&format!("/v1/users/{}", w.owner_id), json!({ "roles": ["user", "approver", "admin"] }))
        .await
        .refused(403, "forbidden");
    w.service()
        .put(&format!("/v1/users/{}", w.owner_id), json!({ "roles": ["user", "approver", "admin"] }))
        .await
        .refused(403, "forbidden");
}

async fn the_owner_is_protected(w: World) {
    let admin = w.person("Admin", &["user", "admin"]).await;
    let at = format!("/v1/users/{}", w.owner_id);
    admin.client.put(&at, json!({ "roles": ["user"] })).await.refused(409, "owner_protected");
    admin.client.delete(&at).await.refused(409, "owner_protected");
    admin.client.post(&format!("{at}/suspend"), json!({ "active": false })).await.refused(409, "owner_protected");
    admin.client.delete(&format!("/v1beta1/users/{}", w.owner_id)).await.expect(400);
    let row = json!({ "email": "owner@example.com", "name": "Gone", "roles": ["user"], "active": false, "password": PASSWORD }).to_string();
    let import = admin.client.with("content-type", "application/x-ndjson");
    let report = import.send("POST", "/v1/users/import?on_conflict=update", row.as_bytes()).await.lines();
    let seen = w.owner().get(&at).await.expect(200);
    assert_eq!(
        (&seen["is_owner"], &seen["roles"], &seen["state"]),
        (&json!(true), &json!(["user", "admin"]), &json!("active")),
        "{report:?}"
    );
}

async fn a_rule_narrows_which_roles_may_be_given(w: World) {
    let policy = w.policy("p", 10, "").await;
    let rule = json!({
        "policy_text": r#"forbid (principal, action == Action::"roles:grant", resource) when { context has role && context.role == "admin" };"#,
        "notice": "Admins come from the board.",
    });
    w.owner().post(&format!("/v1/policies/{policy}/rules"), rule).await.expect(201);
    let a = w.owner().post("/v1/users", new_user_with(json!({ "roles": ["user", "approver", "admin"] }))).await;
    let e = a.refused(422, "invalid_roles");
    assert_eq!(e["details"], json!({ "roles": ["admin"], "allowed": ["user", "approver"] }));
    assert_eq!(e["notices"], json!(["Admins come from the board."]));
    w.owner().post("/v1/users", new_user_with(json!({ "roles": ["user", "approver"] }))).await.expect(201);
}

async fn taking_a_role_needs_the_right_as_well(w: World) {
    let helper = w.person("Helper", &["user"]).await;
    let cedar = format!(r#"permit (principal == User::"{}", action == Action::"users:update", resource);"#, helper.id);
    w.policy("helper", 10, &cedar).await;
    let admin = w.person("Admin", &["user", "admin"]).await;
    helper
        .client
        .put(&format!("/v1/users/{}", admin.id), json!({ "roles": ["user"] }))
        .await
        .refused(422, "invalid_roles");
    assert_eq!(w.owner().get(&format!("/v1/users/{}", admin.id)).await.expect(200)["roles"], json!(["user", "admin"]));
}

/// One try: who tries, on whom, which roles.
#[derive(Clone, Debug)]
struct Edit {
    by: usize,
    on: usize,
    roles: Vec<&'static str>,
    how: usize,
}

async fn no_sequence_of_role_edits_lets_a_user_exceed_the_one_who_edited(w: World) {
    // two who may edit users but grant nothing, one admin, one plain, one approver
    let names = ["Helper", "Helper2", "Plain", "Approver", "Admin"];
    let first: [&[&str]; 5] = [&["user"], &["user"], &["user"], &["user", "approver"], &["user", "admin"]];
    let mut people = vec![];
    for (name, roles) in names.iter().zip(first) {
        people.push(w.person(name, roles).await);
    }
    let cedar = format!(
        r#"permit (principal, action in [Action::"users:create", Action::"users:update", Action::"users:import", Action::"users:suspend"], resource) when {{ principal == User::"{}" || principal == User::"{}" }};"#,
        people[0].id, people[1].id
    );
    w.policy("helpers", 10, &cedar).await;

    let words = proptest::sample::subsequence(vec!["user", "approver", "admin"], 1..=3);
    // the admin may grant: without him nobody who grants takes part
    let edit = (0..4usize, 0..5usize, words, 0..3usize).prop_map(|(by, on, roles, how)| Edit { by, on, roles, how });
    let mut runner = TestRunner::deterministic();
    let edits = proptest::collection::vec(edit, 120).new_tree(&mut runner).unwrap().current();
    for e in &edits {
        let (by, on) = (&people[e.by], &people[e.on]);
        match e.how {
            0 => drop(by.client.put(&format!("/v1/users/{}", on.id), json!({ "roles": e.roles })).await),
            1 => {
                let row = json!({ "email": on.email, "name": "x", "roles": e.roles }).to_string();
                let import = by.client.with("content-type", "application/x-ndjson");
                import.send("POST", "/v1/users/import?on_conflict=update", row.as_bytes()).await;
            }
            _ => {
                let made = by.client.post("/v1/users", new_user_with(json!({ "roles": e.roles }))).await;
                if made.status == 201 {
                    assert_eq!(made.json()["roles"], json!(["user"]), "{e:?}");
                }
            }
        }
    }
    // nobody of them holds a role that nobody of them could give
    for (person, roles) in people.iter().zip(first) {
        let seen = w.owner().get(&format!("/v1/users/{}", person.id)).await.expect(200);
        let held: Vec<&str> = seen["roles"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(held.iter().all(|r| roles.contains(r) || *r == "user"), "{} holds {held:?}", person.email);
        assert_eq!(person.client.get("/v1/audit-log").await.status, if roles.contains(&"admin") { 200 } else { 403 });
    }
}
