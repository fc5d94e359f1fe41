//! Tenants: made by the master tenant, entered by invitation, never crossed.
use serde_json::{Value, json};

use crate::world::*;

both!(
    the_master_makes_a_tenant_and_its_owner_enters_by_the_invitation,
    an_invitation_is_used_in_order_and_once,
    an_invitation_ends_after_seven_days_and_a_newer_one_ends_the_older,
    only_the_master_makes_tenants,
    a_slug_is_unique_and_made_from_the_name,
    a_tenant_begins_with_its_owner_its_break_glass_policy_and_its_schemas,
    the_ownership_moves_to_an_active_admin_only,
    a_tenant_reads_and_lists_itself_and_the_master_all,
    the_same_address_may_live_in_two_tenants,
    a_login_without_a_slug_is_of_the_default_tenant,
);

async fn the_master_makes_a_tenant_and_its_owner_enters_by_the_invitation(w: World) {
    let body =
        json!({ "name": "Globex Corp.", "owner_email": "Boss@Globex.example", "owner_name": "Boss", "locale": "de" });
    let a = w.owner().post("/v1/tenants", body).await;
    let made = a.expect(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(a.header("location"), Some(&*format!("/v1/tenants/{id}")));
    assert_eq!(
        (&made["slug"], &made["locale"], &made["is_master"], &made["state"]),
        (&json!("globex-corp"), &json!("de"), &json!(false), &json!("active"))
    );
    assert_eq!(made["owner_email"], "boss@globex.example");
    let link = made["invitation_url"].as_str().unwrap();
    let token = link.split_once("token=").unwrap().1;
    // the link is shown once
    assert!(
        w.owner().get(&format!("/v1/tenants/{id}")).await.expect(200).get("invitation_url").is_none_or(Value::is_null)
    );
    let anyone = w.anonymous();
    let verified = anyone.post("/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
    assert_eq!(verified["email"], "boss@globex.example");
    anyone.post("/v1/auth/set-initial-password", json!({ "token": token, "password": PASSWORD })).await.expect(200);
    let login = json!({ "email": "boss@globex.example", "password": PASSWORD, "tenant_slug": "globex-corp" });
    let signed_in = anyone.post("/v1/auth/login", login).await.expect(200);
    assert_eq!(signed_in["tenant_id"], made["id"]);
    let boss = anyone
        .with("x-tenant-id", id)
        .with("authorization", format!("Bearer {}", signed_in["token"].as_str().unwrap()));
    let me = boss.get(&format!("/v1/users/{}", made["owner_user_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(
        (&me["is_owner"], &me["roles"], &me["state"], &me["email_verified"]),
        (&json!(true), &json!(["user", "admin"]), &json!("active"), &json!(true))
    );
    assert_eq!(me["name"], "Boss");
}

async fn invited(w: &World) -> (Value, String) {
    let body = json!({ "name": format!("T {}", unique()), "owner_email": "boss@globex.example" });
    let made = w.owner().post("/v1/tenants", body).await.expect(201);
    let token = made["invitation_url"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
    (made, token)
}

async fn an_invitation_is_used_in_order_and_once(w: World) {
    let (made, token) = invited(&w).await;
    let anyone = w.anonymous();
    let set = |token: &str, password: &str| json!({ "token": token, "password": password });
    anyone.post("/v1/auth/set-initial-password", set(&token, PASSWORD)).await.refused(400, "email_not_verified");
    let login = json!({ "email": "boss@globex.example", "password": PASSWORD, "tenant_slug": made["slug"] });
    anyone.post("/v1/auth/login", login.clone()).await.refused(401, "invalid_credentials");
    anyone.post("/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
    anyone.post("/v1/auth/set-initial-password", set(&token, "password123")).await.refused(400, "weak_password");
    anyone
        .post("/v1/auth/set-initial-password", set(&token, "boss@globex.example"))
        .await
        .refused(400, "weak_password");
    anyone.post("/v1/auth/set-initial-password", set(&token, PASSWORD)).await.expect(200);
    // sec_03: spent
    anyone
        .post("/v1/auth/set-initial-password", set(&token, "another-canvas-plum"))
        .await
        .refused(400, "invalid_token");
    anyone.post("/v1/auth/verify-email", json!({ "token": token })).await.refused(400, "invalid_token");
    anyone.post("/v1/auth/login", login).await.expect(200);
    for bad in ["", "x", "pci_x", &token[..token.len() - 1], &format!("{token}x"), NOBODY] {
        let a = anyone.post("/v1/auth/verify-email", json!({ "token": bad })).await;
        assert_eq!(a.status, 400, "{bad}: {}", a.text());
    }
}

async fn an_invitation_ends_after_seven_days_and_a_newer_one_ends_the_older(w: World) {
    let (_, old) = invited(&w).await;
    w.clock.pass(7 * 86_400 + 1);
    w.anonymous().post("/v1/auth/verify-email", json!({ "token": old })).await.refused(400, "invalid_token");
    // someone who was imported without a password is invited, and again
    let row = br#"{"email":"new@example.com","name":"New"}"#;
    let lines =
        w.service().with("content-type", "application/x-ndjson").send("POST", "/v1/users/import", row).await.lines();
    let at = format!("/v1/users/{}", lines[0]["id"].as_str().unwrap());
    assert_eq!(w.service().get(&at).await.expect(200)["state"], "invited");
    let invite = async || {
        let a = w.service().post(&format!("{at}/resend-invite"), json!({})).await.expect(200);
        a["invitation_url"].as_str().unwrap().split_once("token=").unwrap().1.to_owned()
    };
    let (first, second) = (invite().await, invite().await);
    w.anonymous().post("/v1/auth/verify-email", json!({ "token": first })).await.refused(400, "invalid_token");
    w.anonymous().post("/v1/auth/verify-email", json!({ "token": second })).await.expect(200);
    w.anonymous()
        .post("/v1/auth/set-initial-password", json!({ "token": second, "password": PASSWORD }))
        .await
        .expect(200);
    w.login("new@example.com").await.expect(200);
    w.service().post(&format!("{at}/resend-invite"), json!({})).await.refused(409, "already_verified");
}

async fn only_the_master_makes_tenants(w: World) {
    let other = w.second_tenant("Globex").await;
    let body = json!({ "name": "X", "owner_email": "x@example.com" });
    other.owner.client.post("/v1/tenants", body.clone()).await.refused(403, "forbidden");
    // no rule of the other tenant lifts it (guard rail 5)
    let cedar = r#"permit (principal, action in [Action::"tenants:*"], resource);"#;
    let all = json!({ "name": "all", "max_duration_seconds": 60, "cedar_policy_set": cedar });
    other.owner.client.post("/v1/policies", all).await;
    other.owner.client.post("/v1/tenants", body.clone()).await.refused(403, "forbidden");
    other.owner.client.get(&format!("/v1/tenants/{}", w.tenant)).await.refused(403, "forbidden");
    other
        .owner
        .client
        .put(&format!("/v1/tenants/{}", w.tenant), json!({ "name": "mine" }))
        .await
        .refused(403, "forbidden");
    let plain = w.person("Plain", &["user"]).await;
    plain.client.post("/v1/tenants", body.clone()).await.refused(403, "forbidden");
    let admin = w.person("Admin", &["user", "admin"]).await;
    admin.client.post("/v1/tenants", body).await.expect(201);
}

async fn a_slug_is_unique_and_made_from_the_name(w: World) {
    let make = |body: Value| {
        let owner = w.owner();
        async move { owner.post("/v1/tenants", body).await }
    };
    let body = |slug: Value| json!({ "name": "Ünïcode & Söhne", "owner_email": "x@example.com", "slug": slug });
    let first = make(body(Value::Null)).await.expect(201)["slug"].clone();
    let second = make(body(Value::Null)).await.expect(201)["slug"].clone();
    assert_ne!(first, second);
    make(body(first.clone())).await.refused(409, "already_exists");
    for bad in ["", "-a", "A b", "a_b", &"x".repeat(64), "ä"] {
        make(body(json!(bad))).await.refused(400, "invalid_input");
    }
    make(json!({ "name": " ", "owner_email": "x" })).await.refused(400, "invalid_input");
    let a = make(json!({ "name": "x", "owner_email": "x@example.com", "aws_role_arn": "arn:aws:iam::1:role/x" })).await;
    a.refused(400, "invalid_input");
    a.field("aws_role_arn");
}

async fn a_tenant_begins_with_its_owner_its_break_glass_policy_and_its_schemas(w: World) {
    let other = w.second_tenant("Globex").await;
    let users = other.owner.client.get("/v1/users").await.expect(200);
    assert_eq!(users["data"].as_array().unwrap().len(), 1);
    let policies = other.owner.client.get("/v1/policies").await.expect(200);
    assert_eq!(policies["data"][0]["name"], "break-glass");
    assert_eq!(
        (&policies["data"][0]["approval_mode"], &policies["data"][0]["rule_count"]),
        (&json!("break_glass"), &json!(1))
    );
    let schemas = other.owner.client.get("/v1beta1/meta/schemas").await.expect(200);
    assert_eq!(schemas["metaschemas"].as_array().unwrap().len(), 5);
    let log = other.owner.client.post("/v1/audit-log/verify", json!({})).await.expect(200);
    assert_eq!(log["ok"], true);
}

async fn the_ownership_moves_to_an_active_admin_only(w: World) {
    let plain = w.person("Plain", &["user"]).await;
    let heir = w.person("Heir", &["user", "admin"]).await;
    let gone = w.person("Gone", &["user", "admin"]).await;
    w.owner().post(&format!("/v1/users/{}/suspend", gone.id), json!({ "active": false })).await.expect(200);
    let other = w.second_tenant("Globex").await;
    let at = format!("/v1/tenants/{}", w.tenant);
    for no in [plain.id.as_str(), &gone.id, &other.owner.id, NOBODY] {
        w.owner().put(&at, json!({ "owner_user_id": no })).await.refused(422, "unprocessable");
    }
    w.owner().put(&at, json!({ "owner_email": "x@example.com" })).await.refused(400, "invalid_input");
    w.owner().put(&at, json!({ "owner_user_id": null, "owner_email": "owner@example.com" })).await.expect(200);
    plain.client.put(&at, json!({ "owner_user_id": plain.id })).await.refused(403, "forbidden");
    // an admin does not crown himself in a tenant that is not the master's
    let their_admin = other.person("Their", &["user", "admin"]).await;
    let theirs = format!("/v1/tenants/{}", other.id);
    their_admin.client.put(&theirs, json!({ "name": "New name" })).await.expect(200);
    their_admin.client.put(&theirs, json!({ "owner_user_id": their_admin.id })).await.refused(403, "forbidden");
    w.owner().put(&at, json!({ "owner_user_id": heir.id })).await.expect(200);
    assert_eq!(w.owner().get(&format!("/v1/users/{}", heir.id)).await.expect(200)["is_owner"], true);
    let old = w.owner().get(&format!("/v1/users/{}", w.owner_id)).await.expect(200);
    assert_eq!((&old["is_owner"], &old["roles"]), (&json!(false), &json!(["user", "admin"])));
    heir.client.put(&format!("/v1/users/{}", w.owner_id), json!({ "roles": ["user"] })).await.expect(200);
    w.owner().get("/v1/audit-log").await.refused(403, "forbidden");
}

async fn a_tenant_reads_and_lists_itself_and_the_master_all(w: World) {
    let other = w.second_tenant("Globex").await;
    let list = async |c: &Client| {
        let l = c.get("/v1/tenants").await.expect(200);
        l["data"].as_array().unwrap().iter().map(|t| t["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&w.owner()).await, [other.id.clone(), w.tenant.clone()]);
    assert_eq!(list(&other.owner.client).await, std::slice::from_ref(&other.id));
    let plain = w.person("Plain", &["user"]).await;
    assert_eq!(
        list(&plain.client).await,
        std::slice::from_ref(&w.tenant),
        "a plain user of the master tenant sees his own"
    );
    plain.client.get(&format!("/v1/tenants/{}", w.tenant)).await.expect(200);
    plain.client.get(&format!("/v1/tenants/{}", other.id)).await.refused(403, "forbidden");
    let a = w.owner().get(&format!("/v1/tenants/{}", other.id)).await;
    let etag = a.header("etag").unwrap().to_owned();
    let at = format!("/v1/tenants/{}", other.id);
    w.owner().with("if-match", "\"99\"").put(&at, json!({ "name": "x" })).await.refused(412, "precondition_failed");
    w.owner().with("if-match", etag.clone()).put(&at, json!({ "name": "x" })).await.expect(200);
    assert_eq!(w.owner().with("if-none-match", etag).get(&at).await.status, 200);
    w.owner().get(&format!("/v1/tenants/{NOBODY}")).await.refused(404, "not_found");
}

async fn the_same_address_may_live_in_two_tenants(w: World) {
    let other = w.second_tenant("Globex").await;
    let here = w.person("Ada", &["user"]).await;
    let there = other.person("Ada", &["user", "admin"]).await;
    assert_eq!(here.email, there.email);
    assert_ne!(here.id, there.id);
    here.client.get("/v1/audit-log").await.refused(403, "forbidden");
    there.client.get("/v1/audit-log").await.expect(200);
    w.owner().delete(&format!("/v1/users/{}", here.id)).await.expect(204);
    there.client.get("/v1/audit-log").await.expect(200);
}

async fn a_login_without_a_slug_is_of_the_default_tenant(w: World) {
    let other = w.second_tenant("Globex").await;
    other.person("Only", &["user"]).await;
    w.login("only@example.com").await.refused(401, "invalid_credentials");
    let here = json!({ "email": "owner@example.com", "password": PASSWORD, "tenant_slug": other.slug });
    w.anonymous().post("/v1/auth/login", here).await.refused(401, "invalid_credentials");
}
