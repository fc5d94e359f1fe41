//! Two nodes on one PostgreSQL: what one changes, the other knows at its next request.
use portcullis_service::key_rotation::{Haste, RELOAD_SECONDS};
use serde_json::{Value, json};

use crate::token_keys::{a_month_under_load, kid, of_another_key};
use crate::world::access::*;
use crate::world::authenticator::*;
use crate::world::*;

/// Two nodes on one database, sharing a clock.
async fn two(w: &World) -> Node {
    Node::start(&w.engine.shared(), w.clock.clone(), Options::default()).await
}

on_postgres!(
    a_key_revoked_on_one_node_is_dead_on_the_other_at_once,
    a_spent_refresh_token_ends_its_session_on_both,
    a_user_suspended_on_one_node_is_out_of_the_other_at_once,
    a_rule_made_on_one_node_holds_on_the_other_at_once,
    a_role_taken_on_one_node_is_gone_on_the_other_at_once,
    a_metaschema_and_a_setting_change_on_both,
    only_one_node_seals_and_the_chain_is_one,
    the_same_key_on_two_nodes_makes_one_user,
    the_same_address_on_two_nodes_is_taken_once,
    a_lockout_on_one_node_holds_on_the_other,
    what_is_given_and_taken_on_one_node_counts_on_the_other_at_once,
    sec_18_keys_rotate_on_two_nodes_under_load_without_one_failed_request,
    a_token_of_a_key_that_only_the_other_node_has_read_is_accepted,
    a_key_in_wrong_hands_is_refused_by_the_other_node_within_a_minute,
    nobody_makes_a_node_read_its_keys_all_the_time,
    sec_04_a_code_counts_once_on_two_nodes,
    a_sign_in_made_fresh_on_one_node_is_fresh_on_the_other_at_once,
    a_second_step_begins_on_one_node_and_ends_on_the_other,
);

async fn a_key_revoked_on_one_node_is_dead_on_the_other_at_once(w: World) {
    let b = two(&w).await;
    for _ in 0..10 {
        let (id, key) = w.api_key(&w.owner(), json!({ "name": "k" })).await;
        let there = key.at(b.address);
        there.get("/v1/users").await.expect(200);
        there.get("/v1/users").await.expect(200);
        w.owner().delete(&format!("/v1/api-keys/{id}")).await.expect(204);
        there.get("/v1/users").await.refused(401, "unauthenticated");
    }
}

async fn a_spent_refresh_token_ends_its_session_on_both(w: World) {
    let b = two(&w).await;
    let ada = w.person("Ada", &["user"]).await;
    let refresh = async |by: &Client, of: &Value| {
        by.post("/v1/auth/refresh", json!({ "refresh_token": of["refresh_token"] })).await
    };
    let first = w.login(&ada.email).await.expect(200);
    let second = refresh(&w.anonymous().at(b.address), &first).await.expect(200);
    let there = w.bearer(second["token"].as_str().unwrap()).at(b.address);
    there.get("/v1/users/me/profile").await.expect(200);
    refresh(&w.anonymous(), &first).await.refused(401, "unauthenticated");
    there.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    refresh(&w.anonymous().at(b.address), &second).await.refused(401, "unauthenticated");
}

async fn a_user_suspended_on_one_node_is_out_of_the_other_at_once(w: World) {
    let b = two(&w).await;
    for n in 0..5 {
        let ada = w.person(&format!("Ada{n}"), &["user"]).await;
        let there = ada.client.at(b.address);
        there.get("/v1/users/me/profile").await.expect(200);
        w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": false })).await.expect(200);
        there.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
        there.get("/v1beta1/users/self").await.expect(401);
    }
}

async fn a_rule_made_on_one_node_holds_on_the_other_at_once(w: World) {
    let b = two(&w).await;
    let there = w.owner().at(b.address);
    there.post("/v1/users", new_user()).await.expect(201);
    for n in 0..5 {
        let policy =
            w.policy(&format!("p{n}"), 10, r#"forbid (principal, action == Action::"users:create", resource);"#).await;
        there.post("/v1/users", new_user()).await.refused(403, "forbidden");
        there.post("/v1beta1/users", json!({ "email": format!("x{n}@example.com") })).await.expect(403);
        w.owner().delete(&format!("/v1/policies/{policy}")).await.expect(204);
        there.post("/v1/users", new_user()).await.expect(201);
    }
}

async fn a_role_taken_on_one_node_is_gone_on_the_other_at_once(w: World) {
    let b = two(&w).await;
    let ada = w.person("Ada", &["user", "admin"]).await;
    let there = ada.client.at(b.address);
    for _ in 0..5 {
        there.get("/v1/audit-log").await.expect(200);
        w.owner().put(&format!("/v1/users/{}", ada.id), json!({ "roles": ["user"] })).await.expect(200);
        there.get("/v1/audit-log").await.refused(403, "forbidden");
        w.owner().put(&format!("/v1/users/{}", ada.id), json!({ "roles": ["user", "admin"] })).await.expect(200);
    }
}

async fn a_metaschema_and_a_setting_change_on_both(w: World) {
    let b = two(&w).await;
    let there = w.owner().at(b.address);
    there.post("/v1/users", new_user()).await.expect(201);
    let strict = json!({ "name": "user", "schema": r#"{"type":"object","required":["department"]}"# });
    w.owner().put("/v1beta1/meta/schemas/user", strict).await.expect(200);
    there.post("/v1/users", new_user()).await.refused(400, "invalid_input");
}

async fn only_one_node_seals_and_the_chain_is_one(w: World) {
    let b = two(&w).await;
    let there = w.owner().at(b.address);
    let calls: Vec<_> = (0..40)
        .map(|n| {
            let client = if n % 2 == 0 { w.owner() } else { there.clone() };
            tokio::spawn(async move { client.post("/v1/users", new_user()).await.expect(201) })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    // both try at once, again and again: the lease lets one through
    let (mine, theirs) = tokio::join!(w.node.seal(), b.seal());
    assert!(mine == 0 || theirs == 0, "{mine} {theirs}");
    assert_eq!(mine + theirs, 1);
    w.clock.pass(31);
    let (x, y) = tokio::join!(w.node.seal(), b.seal());
    assert!(x == 0 || y == 0);
    let v = there.post("/v1/audit-log/verify", json!({})).await.expect(200);
    assert_eq!(v["ok"], true, "{v}");
    assert!(v["last_seq"].as_i64().unwrap() >= 42, "{v}");
    // while one holds the lease the other does nothing; after it ran out the other goes on
    let (holder, other) = if mine + x > theirs + y { (&w.node, &b) } else { (&b, &w.node) };
    w.owner().post("/v1/users", new_user()).await.expect(201);
    let _ = holder.seal().await;
    w.clock.pass(31);
    w.owner().post("/v1/users", new_user()).await.expect(201);
    assert_eq!(other.seal().await, 1, "a node that went away stops nobody");
    let v = there.post("/v1/audit-log/verify", json!({})).await.expect(200);
    assert_eq!(v["ok"], true, "{v}");
}

async fn the_same_key_on_two_nodes_makes_one_user(w: World) {
    let b = two(&w).await;
    for n in 0..8 {
        let body = new_user();
        let here = w.owner().with("idempotency-key", format!("k{n}"));
        let there = here.at(b.address);
        let (x, y) = tokio::join!(here.post("/v1/users", body.clone()), there.post("/v1/users", body.clone()));
        for a in [&x, &y] {
            assert!(a.status == 201 || a.json()["code"] == "idempotency_in_progress", "{} {}", a.status, a.text());
        }
        assert!(x.status == 201 || y.status == 201);
        let id = there.post("/v1/users", body.clone()).await.expect(201)["id"].clone();
        assert_eq!(here.post("/v1/users", body).await.expect(201)["id"], id);
    }
    assert_eq!(w.owner().get("/v1/users?limit=250").await.expect(200)["data"].as_array().unwrap().len(), 9);
}

async fn the_same_address_on_two_nodes_is_taken_once(w: World) {
    let b = two(&w).await;
    for _ in 0..8 {
        let body = new_user();
        let (here, there) = (w.owner(), w.owner().at(b.address));
        let (x, y) = tokio::join!(here.post("/v1/users", body.clone()), there.post("/v1/users", body.clone()));
        let mut status = [x.status, y.status];
        status.sort_unstable();
        assert_eq!(status, [201, 409], "{} {}", x.text(), y.text());
    }
}

async fn a_lockout_on_one_node_holds_on_the_other(w: World) {
    let b = two(&w).await;
    let wrong = json!({ "email": "owner@example.com", "password": "wrong-password-here" });
    for n in 0..10 {
        let client = if n % 2 == 0 { w.anonymous() } else { w.anonymous().at(b.address) };
        client.post("/v1/auth/login", wrong.clone()).await.refused(401, "invalid_credentials");
    }
    let right = json!({ "email": "owner@example.com", "password": PASSWORD });
    for client in [w.anonymous(), w.anonymous().at(b.address)] {
        client.post("/v1/auth/login", right.clone()).await.refused(429, "rate_limited");
    }
}

/// Along each path of the access graph: a binding, a group, the state of what is above, a machine's credential, a role's words.
async fn what_is_given_and_taken_on_one_node_counts_on_the_other_at_once(w: World) {
    let b = two(&w).await;
    let (ada, max) = (w.person("Ada", &["user"]).await, w.person("Max", &["user"]).await);
    let acme = organization(&ada.client, "acme-corp").await;
    join(&w, &acme, &max.id, ORGANIZATION_VIEWER).await;
    let site = project(&ada.client, &acme, "site").await;
    let team = group(&ada.client, &acme, "team").await;
    let (there, on_site) = (max.client.at(b.address), format!("app/project:{site}"));
    let role = json!({ "name": "reader", "permissions": ["app_project_get"], "scopes": ["app/project"] });
    let roles = format!("/v1beta1/organizations/{acme}/roles");
    let reader = id(&ada.client.post(&roles, role).await.expect(200)["role"]);
    let remove = json!({ "project_id": site, "principal_id": max.id, "principal_type": "app/user" });
    for _ in 0..5 {
        on_project(&ada.client, &site, "app/user", &max.id, &reader).await.expect(200);
        assert!(may(&there, &on_site, "get").await && !may(&there, &on_site, "update").await);
        let more = json!({ "name": "reader", "permissions": ["app_project_update"], "scopes": ["app/project"] });
        ada.client.put(&format!("{roles}/{reader}"), more).await.expect(200);
        assert!(may(&there, &on_site, "update").await);
        let less = json!({ "name": "reader", "permissions": ["app_project_get"], "scopes": ["app/project"] });
        ada.client.put(&format!("{roles}/{reader}"), less).await.expect(200);
        assert!(!may(&there, &on_site, "update").await);
        connect(&ada.client, "RemoveProjectMember", remove.clone()).await.expect(200);
        assert!(!may(&there, &on_site, "get").await);

        on_project(&ada.client, &site, "app/group", &team, PROJECT_MANAGER).await.expect(200);
        in_group(&ada.client, &team, &max.id, GROUP_MEMBER).await.expect(200);
        assert!(may(&there, &on_site, "update").await);
        w.owner().post(&format!("/v1beta1/organizations/{acme}/disable"), json!({})).await.expect(200);
        assert!(!may(&there, &on_site, "update").await);
        w.owner().post(&format!("/v1beta1/organizations/{acme}/enable"), json!({})).await.expect(200);
        assert!(may(&there, &on_site, "update").await);
        let member = format!("/v1beta1/organizations/{acme}/groups/{team}/users/{}", max.id);
        ada.client.delete(&member).await.expect(200);
        assert!(!may(&there, &on_site, "update").await);

        let m = machine(&ada.client, &acme, "CI").await;
        let (credential, ci) = secret(&w, &ada.client, &acme, &m).await;
        let ci = ci.at(b.address);
        assert!(may(&ci, &format!("app/organization:{acme}"), "get").await);
        let at = format!("/v1beta1/organizations/{acme}/serviceusers/{m}/secrets/{credential}");
        ada.client.delete(&at).await.expect(200);
        ci.get("/v1beta1/users/self").await.expect(401);
    }
}

async fn sec_18_keys_rotate_on_two_nodes_under_load_without_one_failed_request(w: World) {
    let b = two(&w).await;
    a_month_under_load(&w, &[&w.node, &b]).await;
}

/// A token of a key that was taken into use at once, and the owner's from before.
async fn compromised(w: &World) -> String {
    w.node.app.rotate_token_key(Haste::Compromised).await.unwrap();
    w.login("owner@example.com").await.expect(200)["token"].as_str().unwrap().to_owned()
}

async fn a_token_of_a_key_that_only_the_other_node_has_read_is_accepted(w: World) {
    let b = two(&w).await;
    w.owner().at(b.address).get("/v1/users").await.expect(200);
    let token = compromised(&w).await;
    w.clock.pass(6);
    w.owner().at(b.address).get("/v1/users").await.expect(200);
    // what is unknown is looked for, and with it comes what is refused from now on
    w.bearer(&token).at(b.address).get("/v1/users").await.expect(200);
    w.owner().at(b.address).get("/v1/users").await.refused(401, "unauthenticated");
    let there = w.anonymous().at(b.address);
    let signed_in = json!({ "email": "owner@example.com", "password": PASSWORD });
    let theirs = there.post("/v1/auth/login", signed_in).await.expect(200);
    assert_eq!(kid(theirs["token"].as_str().unwrap()), kid(&token));
}

async fn a_key_in_wrong_hands_is_refused_by_the_other_node_within_a_minute(w: World) {
    let b = two(&w).await;
    let there = w.owner().at(b.address);
    there.get("/v1/users").await.expect(200);
    compromised(&w).await;
    there.get("/v1/users").await.expect(200);
    w.clock.pass(RELOAD_SECONDS);
    b.app.reload_keys().await.unwrap();
    there.get("/v1/users").await.refused(401, "unauthenticated");
}

async fn nobody_makes_a_node_read_its_keys_all_the_time(w: World) {
    let b = two(&w).await;
    w.clock.pass(6);
    let strange = of_another_key(w.owner_token(), "nobody");
    w.bearer(&strange).at(b.address).get("/v1/users").await.refused(401, "unauthenticated");
    let token = compromised(&w).await;
    // it looked a moment ago
    for _ in 0..3 {
        w.bearer(&strange).at(b.address).get("/v1/users").await.refused(401, "unauthenticated");
        w.bearer(&token).at(b.address).get("/v1/users").await.refused(401, "unauthenticated");
    }
    w.clock.pass(6);
    w.bearer(&token).at(b.address).get("/v1/users").await.expect(200);
}

async fn sec_04_a_code_counts_once_on_two_nodes(w: World) {
    let b = two(&w).await;
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let (here, there) = (w.anonymous(), w.anonymous().at(b.address));
    for _ in 0..10 {
        let (one, two) = (challenge(&w, &ada.email).await, challenge(&w, &ada.email).await);
        let code = app.next(&w.clock);
        let (one, two) = tokio::join!(show(&here, &one, "totp", &code), show(&there, &two, "totp", &code));
        let mut ends = [one.status, two.status];
        ends.sort_unstable();
        assert_eq!(ends, [200, 400], "{} {}", one.text(), two.text());
    }
}

async fn a_sign_in_made_fresh_on_one_node_is_fresh_on_the_other_at_once(w: World) {
    let b = two(&w).await;
    let admin = w.person("Admin", &["user", "admin"]).await;
    let cedar = r#"forbid (principal is User, action == Action::"users:create", resource) unless { context.auth_age_seconds < 60 };"#;
    w.policy("fresh", 10, cedar).await;
    let there = admin.client.at(b.address);
    for _ in 0..5 {
        w.clock.pass(61);
        there.post("/v1/users", new_user()).await.refused(403, "forbidden");
        admin.client.post("/v1/users/me/reauthenticate", json!({ "password": PASSWORD })).await.expect(204);
        there.post("/v1/users", new_user()).await.expect(201);
    }
}

async fn a_second_step_begins_on_one_node_and_ends_on_the_other(w: World) {
    let b = two(&w).await;
    let there = w.anonymous().at(b.address);
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let login = |who: &Person| json!({ "email": who.email, "password": PASSWORD });
    assert!(there.post("/v1/auth/login", login(&ada)).await.expect(200)["token"].is_string());
    // what is enrolled, and what the tenant demands, counts there at once
    let (app, _) = enrol(&w, &ada.client).await;
    let step = there.post("/v1/auth/login", login(&ada)).await.expect(200);
    show(&w.anonymous(), step["challenge_id"].as_str().unwrap(), "totp", &app.next(&w.clock)).await.expect(200);
    demand(&w, "required").await;
    let step = there.post("/v1/auth/login", login(&bob)).await.expect(200);
    assert_eq!(step["enrollment_required"], json!(true));
    demand(&w, "optional").await;
    assert!(there.post("/v1/auth/login", login(&bob)).await.expect(200)["token"].is_string());
}
