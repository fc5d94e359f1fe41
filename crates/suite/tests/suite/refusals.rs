//! How `POST /v1/users` says no: every row of the tables of spec v1 4.3.1, and the order in which faults are told (2.3).
use serde_json::{Value, json};

use crate::world::*;

both!(
    each_wrong_field_is_named_with_its_message,
    several_faults_are_told_at_once,
    what_is_taken_is_a_conflict_and_says_who_has_it_to_those_who_may_know,
    roles_that_cannot_be_given_are_422,
    a_manager_who_is_not_here_is_422,
    a_body_that_is_no_json_object_is_told_so,
    a_wrong_media_type_is_415_and_a_body_over_the_limit_413,
    a_credential_that_does_not_work_is_401_with_its_reason,
    the_tenant_header_is_needed_and_must_be_the_credentials_own,
    checks_come_in_the_order_of_the_specification,
    unknown_paths_and_methods_are_told_apart,
    no_refusal_leaves_a_user_behind,
);

/// `(change of a good body, field, message)`.
fn wrong_fields() -> Vec<(Value, &'static str, String)> {
    let said = |s: &str| s.to_owned();
    let email = || said("Enter an e-mail address such as ada@example.com.");
    let roles = || said("A list with at least one of user, approver, admin.");
    let image = || said("A data URI of a PNG, JPEG, GIF or WebP image.");
    let big = format!("data:image/png;base64,{}", "A".repeat(300_000));
    vec![
        (json!({ "email": "example" }), "email", email()),
        (json!({ "email": "" }), "email", email()),
        (json!({ "email": 7 }), "email", email()),
        (json!({ "email": "a@b@c" }), "email", email()),
        (json!({ "email": "\"a b\"@example.com" }), "email", email()),
        (json!({ "email": "Ada <ada@example.com>" }), "email", email()),
        (json!({ "email": format!("{}@example.com", "a".repeat(260)) }), "email", email()),
        (json!({ "name": "" }), "name", said("Enter a name.")),
        (json!({ "name": "   " }), "name", said("Enter a name.")),
        (json!({ "name": "x".repeat(214) }), "name", said("At most 200 characters; this has 214.")),
        (json!({ "password": "seven77" }), "password", said("At least 8 bytes.")),
        (json!({ "password": "x".repeat(257) }), "password", said("At most 256 bytes.")),
        (
            json!({ "password": "password123" }),
            "password",
            said("This password is among the most used ones; choose another."),
        ),
        (json!({ "password": null }), "password", said("Required for auth_provider local.")),
        (json!({ "auth_provider": "oidc" }), "password", said("Leave it out: oidc users sign in at their provider.")),
        (json!({ "auth_provider": "saml" }), "password", said("Leave it out: saml users sign in at their provider.")),
        (json!({ "auth_provider": "magic" }), "auth_provider", said("One of local, oidc, saml.")),
        (json!({ "roles": "user" }), "roles", roles()),
        (json!({ "roles": [1] }), "roles", roles()),
        (json!({ "roles": null }), "roles", roles()),
        (json!({ "avatar_base64": "https://example.com/a.png" }), "avatar_base64", image()),
        (json!({ "avatar_base64": "data:image/svg+xml;base64,PHN2Zz4=" }), "avatar_base64", image()),
        (json!({ "avatar_base64": big }), "avatar_base64", said("At most 262144 bytes; this has 300022.")),
        (json!({ "is_owner": true }), "is_owner", said("Unknown field.")),
        (json!({ "nickname": "x" }), "nickname", said("Unknown field.")),
    ]
}

async fn each_wrong_field_is_named_with_its_message(w: World) {
    for (change, field, message) in wrong_fields() {
        let a = w.owner().post("/v1/users", new_user_with(change.clone())).await;
        a.refused(400, "invalid_input");
        assert_eq!(a.field(field), message, "{change}");
    }
    for (missing, message) in [
        ("email", "Enter an e-mail address such as ada@example.com."),
        ("name", "Enter a name."),
        ("password", "Required for auth_provider local."),
        ("roles", "A list with at least one of user, approver, admin."),
    ] {
        let a = w.owner().post("/v1/users", new_user_without(missing)).await;
        a.refused(400, "invalid_input");
        assert_eq!(a.field(missing), message);
    }
    // its own address, its local part, its name: no password either
    for password in ["bob.builder@example.com", "bob.builder", "Bob The Builder"] {
        let body = json!({ "email": "bob.builder@example.com", "name": "Bob The Builder", "password": password, "roles": ["user"] });
        let a = w.owner().post("/v1/users", body).await;
        a.refused(400, "invalid_input");
        a.field("password");
    }
    let control = w.owner().post("/v1/users", new_user_with(json!({ "name": "a\u{7}b" }))).await;
    control.refused(400, "invalid_input");
    control.field("name");
}

async fn several_faults_are_told_at_once(w: World) {
    let a = w.owner().post("/v1/users", new_user_with(json!({ "email": "x", "password": "short" }))).await;
    let e = a.refused(400, "invalid_input");
    assert_eq!(
        e,
        json!({
            "code": "invalid_input", "message": "2 fields need attention: email, password.",
            "details": { "fields": [
                { "field": "email", "message": "Enter an e-mail address such as ada@example.com." },
                { "field": "password", "message": "At least 8 bytes." },
            ] },
            "notices": [],
        })
    );
    let many: serde_json::Map<String, Value> = (0..200).map(|n| (format!("x{n}"), json!(1))).collect();
    let a = w.owner().post("/v1/users", new_user_with(Value::Object(many))).await;
    let e = a.refused(400, "invalid_input");
    assert!(e["details"]["fields"].as_array().unwrap().len() <= 50, "at most 50 (2.4)");
}

async fn what_is_taken_is_a_conflict_and_says_who_has_it_to_those_who_may_know(w: World) {
    let body = new_user_with(json!({ "external_id": "hr-1" }));
    let made = w.owner().post("/v1/users", body.clone()).await.expect(201);
    let upper = body["email"].as_str().unwrap().to_uppercase();
    for email in [body["email"].as_str().unwrap(), &upper] {
        let e = w.owner().post("/v1/users", new_user_with(json!({ "email": email }))).await.refused(409, "user_exists");
        assert_eq!(e["message"], "A user with this e-mail address exists in this tenant.");
        assert_eq!(e["details"], json!({ "field": "email", "user_id": made["id"] }));
    }
    let e =
        w.owner().post("/v1/users", new_user_with(json!({ "external_id": "hr-1" }))).await.refused(409, "user_exists");
    assert_eq!(e["details"], json!({ "field": "external_id", "user_id": made["id"] }));
    // a key that may create but not read learns no id
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:create"] })).await;
    let e = narrow.post("/v1/users", body).await.refused(409, "user_exists");
    assert_eq!(e["details"], json!({ "field": "email" }));
}

async fn roles_that_cannot_be_given_are_422(w: World) {
    let e = w.owner().post("/v1/users", new_user_with(json!({ "roles": ["user", "superuser"] }))).await;
    let e = e.refused(422, "invalid_roles");
    assert_eq!(e["message"], "These roles cannot be given: superuser. You may give: user, approver, admin.");
    assert_eq!(e["details"], json!({ "roles": ["superuser"], "allowed": ["user", "approver", "admin"] }));

    let e = w.owner().post("/v1/users", new_user_with(json!({ "roles": [] }))).await.refused(422, "invalid_roles");
    assert_eq!(e["message"], "Give at least one role.");
    assert_eq!(e["details"], json!({ "roles": [], "allowed": ["user", "approver", "admin"] }));

    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:create"] })).await;
    let e = narrow.post("/v1/users", new_user_with(json!({ "roles": ["admin"] }))).await.refused(422, "invalid_roles");
    assert_eq!(e["message"], "You may not give the role admin.");
    assert_eq!(e["details"], json!({ "roles": ["admin"], "allowed": ["user"] }));
    narrow.post("/v1/users", new_user()).await.expect(201);
    // twice the same is once; the answer has them in the order of the table
    let made =
        w.owner().post("/v1/users", new_user_with(json!({ "roles": ["admin", "user", "admin"] }))).await.expect(201);
    assert_eq!(made["roles"], json!(["user", "admin"]));
    // a role of the other surface is none here (decision 17)
    w.owner().post("/v1/users", new_user_with(json!({ "roles": ["checker"] }))).await.refused(422, "invalid_roles");
}

async fn a_manager_who_is_not_here_is_422(w: World) {
    let other = w.second_tenant("Globex").await;
    for manager in [NOBODY, &other.owner.id] {
        let a = w.owner().post("/v1/users", new_user_with(json!({ "manager_id": manager }))).await;
        a.refused(422, "unprocessable");
        assert_eq!(a.field("manager_id"), "No such user in this tenant.");
    }
    w.owner().post("/v1/users", new_user_with(json!({ "manager_id": w.owner_id }))).await.expect(201);
}

async fn a_body_that_is_no_json_object_is_told_so(w: World) {
    let owner = w.owner().with("content-type", "application/json");
    for body in [
        "",
        "x",
        "{",
        "[]",
        "7",
        "null",
        "\"a\"",
        "{\"email\": ",
        "{\"a\":1,}",
        "{\"a\":1} {}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":NaN}",
        "\u{feff}{}",
    ] {
        let a = owner.send("POST", "/v1/users", body.as_bytes()).await;
        a.refused(400, "invalid_input");
        let message = a.field("");
        assert!(message.starts_with("The body must be one JSON object"), "{body:?}: {message}");
    }
    owner.send("POST", "/v1/users", b"{\"email\":\"a\xff\"}").await.refused(400, "invalid_input");
}

async fn a_wrong_media_type_is_415_and_a_body_over_the_limit_413(w: World) {
    let body = new_user().to_string();
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "application/problem+json",
    ] {
        let a = w.owner().with("content-type", media).send("POST", "/v1/users", body.as_bytes()).await;
        a.refused(415, "unsupported_media_type");
    }
    w.owner().send("POST", "/v1/users", body.as_bytes()).await.refused(415, "unsupported_media_type");
    let packed = w.owner().with("content-type", "application/json").with("content-encoding", "gzip");
    packed.send("POST", "/v1/users", body.as_bytes()).await.refused(415, "unsupported_media_type");
    let media = w.owner().with("content-type", "Application/JSON;charset=\"UTF-8\"");
    media.send("POST", "/v1/users", body.as_bytes()).await.expect(201);

    let a = w.owner().post("/v1/users", new_user_with(json!({ "name": "x".repeat(2 << 20) }))).await;
    assert_eq!(a.refused(413, "payload_too_large")["details"]["limit_bytes"], 1 << 20);
}

async fn a_credential_that_does_not_work_is_401_with_its_reason(w: World) {
    let nobody = w.anonymous().with("x-tenant-id", &*w.tenant);
    let a = nobody.post("/v1/users", new_user()).await;
    assert_eq!(
        a.refused(401, "unauthenticated"),
        json!({ "code": "unauthenticated", "message": "Sign in or send an API key.", "details": { "reason": "missing" }, "notices": [] })
    );
    assert_eq!(a.header("www-authenticate"), Some("Bearer"));
    for (name, value) in [
        ("authorization", "Bearer nonsense"),
        ("authorization", "Bearer a.b.c"),
        ("authorization", "Bearer "),
        ("authorization", "Basic YTpi"),
        ("authorization", "Negotiate x"),
        ("x-api-key", "nonsense"),
        ("x-api-key", "pcl_000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA000000"),
        ("x-api-key", ""),
    ] {
        let e = nobody.with(name, value).post("/v1/users", new_user()).await.refused(401, "unauthenticated");
        assert!(e["details"]["reason"].is_string(), "{e}");
    }
    // one that was good, but has ended
    let ends = portcullis_domain::Timestamp::from_micros((w.clock.seconds() + 600) * 1_000_000);
    let (_, expiring) = w.api_key(&w.owner(), json!({ "name": "e", "expires_at": ends.to_string() })).await;
    let (id, revoked) = w.api_key(&w.owner(), json!({ "name": "r" })).await;
    expiring.post("/v1/users", new_user()).await.expect(201);
    w.owner().delete(&format!("/v1/api-keys/{id}")).await.expect(204);
    w.clock.pass(601);
    for (client, reason) in [(expiring, "expired"), (revoked, "revoked")] {
        let e = client.post("/v1/users", new_user()).await.refused(401, "unauthenticated");
        assert_eq!(e["details"]["reason"], reason);
    }
    w.clock.pass(3600);
    let e = w.owner().post("/v1/users", new_user()).await.refused(401, "unauthenticated");
    assert_eq!(e["details"]["reason"], "expired");
}

async fn the_tenant_header_is_needed_and_must_be_the_credentials_own(w: World) {
    let other = w.second_tenant("Globex").await;
    let missing =
        [w.owner().without("x-tenant-id"), w.owner().with("x-tenant-id", "acme"), w.owner().with("x-tenant-id", "")];
    for client in missing {
        let a = client.post("/v1/users", new_user()).await;
        a.refused(400, "invalid_input");
        assert_eq!(a.field("X-Tenant-ID"), "Send the tenant's UUID in this header.");
    }
    w.owner().with("x-tenant-id", w.tenant.to_uppercase()).post("/v1/users", new_user()).await.expect(201);
    // a tenant that exists and one that does not: the same answer, word for word
    let mut said = vec![];
    for tenant in [&*other.id, NOBODY] {
        let e =
            w.owner().with("x-tenant-id", tenant).post("/v1/users", new_user()).await.refused(403, "tenant_mismatch");
        said.push(e);
    }
    assert_eq!(said[0], said[1]);
    assert_eq!(
        said[0],
        json!({ "code": "tenant_mismatch", "message": "The credential belongs to another tenant than X-Tenant-ID names.", "details": {}, "notices": [] })
    );
    let both = w.owner().with("x-api-key", "pcl_x");
    both.post("/v1/users", new_user()).await.refused(400, "invalid_input");
}

async fn checks_come_in_the_order_of_the_specification(w: World) {
    let plain = w.person("Plain", &["user"]).await;
    let good = new_user().to_string();
    let bad_fields = r#"{"email":"x"}"#;
    let json = |c: &Client| c.with("content-type", "application/json");
    let nobody = w.anonymous();
    // each call makes every mistake that comes later, and none that comes earlier
    nobody.with("content-type", "text/plain").send("POST", "/v1/nothing", b"x").await.refused(404, "not_found");
    nobody.with("content-type", "text/plain").send("PATCH", "/v1/users", b"x").await.refused(405, "method_not_allowed");
    nobody
        .with("content-type", "text/plain")
        .send("POST", "/v1/users", b"x")
        .await
        .refused(415, "unsupported_media_type");
    json(&nobody).send("POST", "/v1/users", &vec![b'x'; 2 << 20]).await.refused(413, "payload_too_large");
    json(&nobody).send("POST", "/v1/users", b"x").await.refused(401, "unauthenticated");
    json(&plain.client.without("x-tenant-id")).send("POST", "/v1/users", b"x").await.refused(400, "invalid_input");
    json(&plain.client.with("x-tenant-id", NOBODY))
        .send("POST", "/v1/users", b"x")
        .await
        .refused(403, "tenant_mismatch");
    json(&plain.client).send("POST", "/v1/users", b"x").await.refused(400, "invalid_input");
    // permission before idempotency, existence, and fields
    let key = w.owner().with("idempotency-key", "k");
    json(&key).send("POST", "/v1/users", good.as_bytes()).await.expect(201);
    json(&plain.client.with("idempotency-key", "k"))
        .send("POST", "/v1/users", bad_fields.as_bytes())
        .await
        .refused(403, "forbidden");
    json(&plain.client)
        .send("PUT", &format!("/v1/users/{NOBODY}"), bad_fields.as_bytes())
        .await
        .refused(403, "forbidden");
    // idempotency before fields
    json(&key).send("POST", "/v1/users", bad_fields.as_bytes()).await.refused(422, "idempotency_mismatch");
    // existence before fields, fields before meaning, meaning before state
    json(&w.owner()).send("PUT", &format!("/v1/users/{NOBODY}"), br#"{"name":""}"#).await.refused(404, "not_found");
    let body = new_user_with(json!({ "name": "", "roles": ["emperor"] }));
    w.owner().post("/v1/users", body).await.refused(400, "invalid_input");
    let taken: Value = serde_json::from_str(&good).unwrap();
    let body = new_user_with(json!({ "email": taken["email"], "roles": ["emperor"] }));
    w.owner().post("/v1/users", body).await.refused(422, "invalid_roles");
    // precondition before state: the owner cannot be deleted, but first the copy must be fresh
    let owner = format!("/v1/users/{}", w.owner_id);
    w.owner().with("if-match", "\"999\"").delete(&owner).await.refused(412, "precondition_failed");
    w.owner().delete(&owner).await.refused(409, "owner_protected");
}

async fn unknown_paths_and_methods_are_told_apart(w: World) {
    w.owner().get("/v1/nothing").await.refused(404, "not_found");
    w.owner().get("/nothing").await.refused(404, "not_found");
    let a = w.owner().patch("/v1/users", json!({})).await;
    a.refused(405, "method_not_allowed");
    let allow = a.header("allow").unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    // a part of the contract that this version has not: 501, not 404
    w.owner().get("/v1/requests").await.refused(501, "not_implemented");
}

async fn no_refusal_leaves_a_user_behind(w: World) {
    let before = w.owner().get("/v1/users?limit=250").await.expect(200)["data"].as_array().unwrap().len();
    for (change, ..) in wrong_fields() {
        w.owner().post("/v1/users", new_user_with(change)).await.refused(400, "invalid_input");
    }
    let after = w.owner().get("/v1/users?limit=250").await.expect(200)["data"].as_array().unwrap().len();
    assert_eq!(before, after);
}
