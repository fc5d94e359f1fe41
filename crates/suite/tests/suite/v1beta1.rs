//! Frontier's API over REST and Connect: the acceptance list of issue 2, point 3, and what its clients rely on (spec v1beta1).
use serde_json::{Value, json};

use crate::world::*;

both!(
    create_user_says_no_in_the_words_of_each_surface,
    a_body_without_an_address_takes_the_callers_own,
    a_generated_name_is_numbered_and_a_sent_one_conflicts,
    rest_writes_zeros_and_connect_leaves_them_out,
    requests_may_be_in_either_spelling_and_unknown_fields_are_ignored,
    a_user_is_found_by_id_address_and_name,
    an_update_by_address_makes_who_is_missing,
    update_replaces_title_avatar_and_metadata_and_nothing_else,
    decision_17_superusers_and_everybody_else,
    self_is_the_caller,
    what_a_person_writes_about_himself_never_feeds_a_policy,
    disabled_users_are_found_in_lists_only,
    lists_have_pages_keywords_and_states,
    metaschemas_have_defaults_and_a_change_counts_at_once_on_both_surfaces,
    metaschemas_that_are_wrong_or_built_in_are_refused,
    errors_have_the_form_of_their_protocol,
    a_call_that_is_not_there_yet_is_unimplemented_and_never_404,
);

const FRONTIER: &str = "/raystack.frontier.v1beta1.FrontierService";
const ADMIN: &str = "/raystack.frontier.v1beta1.AdminService";

/// A refusal over REST and over Connect.
async fn both_refuse(w: &World, caller: &Client, body: Value, status: u16, number: i64, word: &str) {
    let a = caller.post("/v1beta1/users", body.clone()).await;
    let e = a.json();
    assert_eq!((a.status, &e["code"]), (status, &json!(number)), "REST {body}: {e}");
    assert!(e["message"].is_string() && e["details"].is_array(), "{e}");
    let a = caller.post(&format!("{FRONTIER}/CreateUser"), json!({ "body": body })).await;
    let e = a.json();
    assert_eq!((a.status, &e["code"]), (status, &json!(word)), "Connect {body}: {e}");
    assert!(e["message"].is_string());
    let _ = w;
}

async fn create_user_says_no_in_the_words_of_each_surface(w: World) {
    let owner = w.owner().without("x-tenant-id");
    let good = json!({ "name": "john.doe", "email": "john.doe@example.com" });
    owner.post("/v1beta1/users", good.clone()).await.expect(200);
    both_refuse(&w, &owner, good, 409, 6, "already_exists").await;
    both_refuse(&w, &owner, json!({ "name": "other", "email": "JOHN.DOE@example.com" }), 409, 6, "already_exists")
        .await;
    both_refuse(&w, &owner, json!({ "name": "John.Doe", "email": "x@example.com" }), 409, 6, "already_exists").await;
    for bad in [
        json!({ "email": "x y" }),
        json!({ "email": "[email protected]" }),
        json!({ "email": "c@example.com", "name": "9lives" }),
        json!({ "email": "c@example.com", "name": "ab" }),
        json!({ "email": "c@example.com", "name": "with space" }),
        json!({ "email": "c@example.com", "name": "x0199c0de-0000-7000-8000-000000000001".replacen('x', "a", 0) + &"y".repeat(100) }),
        json!({ "email": "c@example.com", "avatar": "http://example.com/a.png" }),
        json!({ "email": "c@example.com", "avatar": "javascript:alert(1)" }),
        json!({ "email": "c@example.com", "title": "x".repeat(201) }),
        json!({ "email": "c@example.com", "metadata": { "label": null } }),
        json!({ "email": "c@example.com", "metadata": { "label": { "a": 7 } } }),
        json!({ "email": "c@example.com", "metadata": { "description": 7 } }),
    ] {
        both_refuse(&w, &owner, bad, 400, 3, "invalid_argument").await;
    }
    let e =
        owner.post("/v1beta1/users", json!({ "email": "c@example.com", "metadata": { "label": null } })).await.json();
    assert!(
        e["message"].as_str().unwrap().starts_with("invalid syntax in body : metadata schema validation failed"),
        "{e}"
    );
    both_refuse(&w, &w.anonymous(), json!({ "email": "c@example.com" }), 401, 16, "unauthenticated").await;
    // no credential comes before a bad body
    both_refuse(&w, &w.anonymous(), json!({ "email": "x y" }), 401, 16, "unauthenticated").await;
    let foreign = w.owner().with("x-tenant-id", NOBODY);
    both_refuse(&w, &foreign, json!({ "email": "c@example.com" }), 403, 7, "permission_denied").await;
    let empty =
        owner.with("content-type", "application/json").send("POST", &format!("{FRONTIER}/CreateUser"), b"").await;
    assert_eq!(empty.expect(400)["code"], "invalid_argument");
    assert_eq!(owner.post(&format!("{FRONTIER}/CreateUser"), json!({})).await.expect(400)["code"], "invalid_argument");
}

async fn a_body_without_an_address_takes_the_callers_own(w: World) {
    // a user already: 409
    both_refuse(&w, &w.owner(), json!({ "title": "Me" }), 409, 6, "already_exists").await;
    // a caller who has none: 400
    both_refuse(&w, &w.service(), json!({ "title": "Me" }), 400, 3, "invalid_argument").await;
}

async fn a_generated_name_is_numbered_and_a_sent_one_conflicts(w: World) {
    let make = async |body: Value| w.owner().post("/v1beta1/users", body).await.expect(200)["user"]["name"].clone();
    assert_eq!(make(json!({ "email": "20230123@acme.org" })).await, "u20230123_acme_org");
    assert_eq!(make(json!({ "email": "$john-doe@acme.org" })).await, "johndoe_acme_org");
    assert_eq!(make(json!({ "email": "johndoe@acme.org" })).await, "johndoe_acme_org_2");
    assert_eq!(make(json!({ "email": "john+doe@acme.org" })).await, "johndoe_acme_org_3");
    let crash = make(json!({ "email": "+@acme.org" })).await;
    assert!(crash.as_str().is_some_and(|s| !s.is_empty()), "no letter or digit at all: {crash}");
    assert_eq!(make(json!({ "email": "l@acme.org", "name": "Mixed.Case" })).await, "mixed.case");
}

async fn rest_writes_zeros_and_connect_leaves_them_out(w: World) {
    let rest = w.owner().post("/v1beta1/users", json!({ "email": "r@example.com" })).await.expect(200);
    let user = rest["user"].as_object().unwrap();
    assert_eq!((&user["title"], &user["avatar"], &user["metadata"]), (&json!(""), &json!(""), &json!({})));
    let connect =
        w.owner().post(&format!("{FRONTIER}/CreateUser"), json!({ "body": { "email": "c@example.com" } })).await;
    let connect = connect.expect(200);
    let user = connect["user"].as_object().unwrap();
    assert!(!user.contains_key("title") && !user.contains_key("avatar"), "{connect}");
    assert!(user.contains_key("created_at"), "snake_case: {connect}");
}

async fn requests_may_be_in_either_spelling_and_unknown_fields_are_ignored(w: World) {
    let body = json!({ "email": "r@example.com", "nickname": "x", "createdAt": 7 });
    w.owner().post("/v1beta1/users", body.clone()).await.expect(200);
    let body = json!({ "body": { "email": "c@example.com", "nickname": "x" }, "later": true });
    w.owner().post(&format!("{FRONTIER}/CreateUser"), body).await.expect(200);
    for query in ["page_size=1", "pageSize=1"] {
        let list = w.owner().get(&format!("/v1beta1/admin/users?{query}")).await.expect(200);
        assert_eq!(list["users"].as_array().unwrap().len(), 1, "{query}");
    }
    // sec_11: what the message does not have changes nothing
    let body = json!({ "email": "m@example.com", "roles": ["admin"], "is_owner": true, "state": "disabled", "id": NOBODY, "email_verified": true });
    let made = w.owner().post("/v1beta1/users", body).await.expect(200)["user"].clone();
    let seen = w.owner().get(&format!("/v1/users/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_ne!(seen["id"], NOBODY);
    assert_eq!(
        (&seen["roles"], &seen["is_owner"], &seen["state"], &seen["email_verified"]),
        (&json!(["user"]), &json!(false), &json!("active"), &json!(false))
    );
}

async fn a_user_is_found_by_id_address_and_name(w: World) {
    let made = w.owner().post("/v1beta1/users", json!({ "email": "a@example.com", "name": "ada.l" })).await.expect(200)
        ["user"]
        .clone();
    for which in [made["id"].as_str().unwrap(), "a@example.com", "A@EXAMPLE.com", "ada.l", "ADA.L"] {
        let rest = w.owner().get(&format!("/v1beta1/users/{which}")).await.expect(200);
        assert_eq!(rest["user"]["id"], made["id"], "{which}");
        let connect = w.owner().post(&format!("{FRONTIER}/GetUser"), json!({ "id": which })).await.expect(200);
        assert_eq!(connect["user"]["id"], made["id"], "{which}");
    }
    for nobody in [NOBODY, "b@example.com", "nobody.here", "%20", "a%2Fb", "' or 1=1", "9"] {
        let a = w.owner().get(&format!("/v1beta1/users/{}", nobody.replace(' ', "%20"))).await;
        assert_eq!(
            a.expect(404)["message"].as_str().unwrap().split(':').next(),
            Some("user doesn't exist"),
            "{nobody}"
        );
    }
}

async fn an_update_by_address_makes_who_is_missing(w: World) {
    let at = "/v1beta1/users/ada@example.com";
    let made =
        w.owner().put(at, json!({ "email": "ada@example.com", "title": "Ada" })).await.expect(200)["user"].clone();
    let again =
        w.owner().put(at, json!({ "email": "ada@example.com", "title": "Ada L" })).await.expect(200)["user"].clone();
    assert_eq!((&made["id"], &again["title"]), (&again["id"], &json!("Ada L")));
    let e = w.owner().put(at, json!({ "email": "eve@example.com" })).await.expect(400);
    assert_eq!((&e["message"], &e["code"]), (&json!("user email can't be updated"), &json!(3)));
    w.owner().put(at, json!({ "title": "no address" })).await.expect(400);
    w.owner().put(&format!("/v1beta1/users/{NOBODY}"), json!({ "email": "x@example.com" })).await.expect(404);
    // a plain user makes nobody this way
    let plain = w.person("Plain", &["user"]).await;
    plain.client.put("/v1beta1/users/new@example.com", json!({ "email": "new@example.com" })).await.expect(403);
    w.owner().get("/v1beta1/users/new@example.com").await.expect(404);
}

async fn update_replaces_title_avatar_and_metadata_and_nothing_else(w: World) {
    let body = json!({ "email": "a@example.com", "name": "ada.l", "title": "Ada", "avatar": "https://example.com/a.jpg", "metadata": { "n": 5 } });
    let made = w.owner().post("/v1beta1/users", body).await.expect(200)["user"].clone();
    let at = format!("/v1beta1/users/{}", made["id"].as_str().unwrap());
    let body = json!({ "email": "other@example.com", "name": "other", "state": "disabled", "metadata": { "m": [1, { "x": null }] } });
    let user = w.owner().put(&at, body).await.expect(200)["user"].clone();
    assert_eq!((&user["email"], &user["name"], &user["state"]), (&made["email"], &made["name"], &json!("enabled")));
    assert_eq!(
        (&user["title"], &user["avatar"], &user["metadata"]),
        (&json!(""), &json!(""), &json!({ "m": [1, { "x": null }] }))
    );
    assert_eq!(user["created_at"], made["created_at"]);
    assert_ne!(user["updated_at"], made["updated_at"]);
    let seen = w.owner().get(&format!("/v1/users/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(seen["metadata"], user["metadata"], "one row");
}

async fn decision_17_superusers_and_everybody_else(w: World) {
    let plain = w.person("Plain", &["user"]).await;
    let admin = w.person("Admin", &["user", "admin"]).await;
    let approver = w.person("Approver", &["user", "approver"]).await;
    let (_, narrow) = w.api_key(&admin.client, json!({ "name": "n", "scopes": ["users:*"] })).await;
    let (_, wide) = w.api_key(&admin.client, json!({ "name": "w", "scopes": ["*"] })).await;
    for (who, client, may) in [
        ("owner", w.owner(), true),
        ("service key *", w.service(), true),
        ("admin", admin.client.clone(), true),
        ("admin's key *", wide, true),
        ("admin's narrow key", narrow, false),
        ("approver", approver.client.clone(), false),
        ("plain", plain.client.clone(), false),
    ] {
        let status = if may { 200 } else { 403 };
        for path in ["/v1beta1/admin/users/self", "/v1beta1/admin/users"] {
            let a = client.get(path).await;
            assert_eq!(a.status, status, "{who} {path}: {}", a.text());
        }
        let a = client.post(&format!("{ADMIN}/ListAllUsers"), json!({})).await;
        assert_eq!(a.status, status, "{who}: {}", a.text());
        if !may {
            assert_eq!(a.json()["code"], "permission_denied");
        }
    }
    // CreateUser of others: "function not available at the moment" on Connect, permission_denied on REST (decision 21)
    let a = plain.client.post(&format!("{FRONTIER}/CreateUser"), json!({ "body": { "email": "x@example.com" } })).await;
    assert_eq!(a.expect(503), json!({ "code": "unavailable", "message": "function not available at the moment" }));
    assert_eq!(plain.client.post("/v1beta1/users", json!({ "email": "x@example.com" })).await.expect(403)["code"], 7);
    assert_eq!(plain.client.get("/v1beta1/users").await.expect(403)["code"], 7);
    assert_eq!(
        w.anonymous().get("/v1beta1/users").await.expect(401)["code"],
        16,
        "decision 21: nobody lists anonymously"
    );
}

async fn self_is_the_caller(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let me = ada.client.get("/v1beta1/users/self").await.expect(200);
    assert_eq!(
        (&me["user"]["id"], &me["user"]["email"], &me["serviceuser"]),
        (&json!(ada.id), &json!(ada.email), &Value::Null)
    );
    let me = ada.client.post(&format!("{FRONTIER}/GetCurrentUser"), json!({})).await.expect(200);
    assert_eq!(me["user"]["id"], ada.id);
    let body = json!({ "email": ada.email, "title": "Countess", "metadata": { "n": 1 } });
    let me = ada.client.put("/v1beta1/users/self", body).await.expect(200);
    assert_eq!((&me["user"]["title"], &me["user"]["metadata"]["n"]), (&json!("Countess"), &json!(1)));
    let e =
        ada.client.put("/v1beta1/users/self", json!({ "email": "eve@example.com", "title": "Eve" })).await.expect(400);
    assert_eq!(e["message"], "user email can't be updated");
    ada.client.put("/v1beta1/users/self", json!({ "title": "x" })).await.expect(400);
    let machine = w.service().get("/v1beta1/users/self").await.expect(200);
    assert!(machine["serviceuser"]["id"].is_string() && machine["user"].is_null(), "{machine}");
    w.anonymous().get("/v1beta1/users/self").await.expect(401);
}

async fn what_a_person_writes_about_himself_never_feeds_a_policy(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let at = format!("/v1/users/{}", ada.id);
    let cedar = r#"permit (principal is User, action == Action::"users:create", resource) when { principal.hasTag("team") && principal.getTag("team") == "hr" };"#;
    w.policy("hr", 10, cedar).await;
    ada.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    let body =
        json!({ "email": ada.email, "title": "Ada", "metadata": { "team": "hr", "attributes": { "team": "hr" } } });
    ada.client.put("/v1beta1/users/self", body).await.expect(200);
    ada.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    w.owner().put(&at, json!({ "metadata": { "attributes": { "team": "hr" } } })).await.expect(200);
    ada.client.post("/v1/users", new_user()).await.expect(201);
    // and the person cannot take it away either, nor lose it by a change
    ada.client.put("/v1beta1/users/self", json!({ "email": ada.email, "title": "Ada" })).await.expect(200);
    ada.client.post("/v1/users", new_user()).await.expect(201);
}

async fn disabled_users_are_found_in_lists_only(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    w.owner().post(&format!("/v1beta1/users/{}/disable", ada.id), json!({})).await.expect(200);
    let name = w.owner().get(&format!("/v1/users/{}", ada.id)).await.expect(200);
    assert_eq!(name["state"], "suspended");
    for which in [ada.id.as_str(), &ada.email] {
        w.owner().get(&format!("/v1beta1/users/{which}")).await.expect(404);
    }
    let list = async |query: &str| {
        let l = w.owner().get(&format!("/v1beta1/users?{query}")).await.expect(200);
        l["users"].as_array().unwrap().iter().map(|u| u["id"].clone()).collect::<Vec<_>>()
    };
    assert!(!list("").await.contains(&json!(ada.id)));
    assert_eq!(list("state=disabled").await, [json!(ada.id)]);
    w.owner().post(&format!("/v1beta1/users/{}/enable", ada.id), json!({})).await.expect(200);
    w.owner().get(&format!("/v1beta1/users/{}", ada.id)).await.expect(200);
    // the owner is not disabled here either
    let e = w.owner().post(&format!("/v1beta1/users/{}/disable", w.owner_id), json!({})).await.expect(400);
    assert_eq!(e["code"], 9, "failed_precondition: {e}");
    w.owner().delete(&format!("/v1beta1/users/{}", w.owner_id)).await.expect(400);
}

async fn lists_have_pages_keywords_and_states(w: World) {
    for n in 0..7 {
        let body =
            json!({ "email": format!("u{n}@list.example"), "name": format!("list-{n}"), "title": format!("List {n}") });
        w.owner().post("/v1beta1/users", body).await.expect(200);
    }
    let mut seen = std::collections::BTreeSet::new();
    for page in 1..=4 {
        let list = w
            .owner()
            .get(&format!("/v1beta1/admin/users?page_size=2&page_num={page}&keyword=LIST.example"))
            .await
            .expect(200);
        assert_eq!(list["count"], list["users"].as_array().unwrap().len(), "of this page");
        for user in list["users"].as_array().unwrap() {
            assert!(seen.insert(user["email"].to_string()));
        }
    }
    assert_eq!(seen.len(), 7);
    for bad in ["page_size=0x", "page_size=5001", "page_num=-1"] {
        w.owner().get(&format!("/v1beta1/admin/users?{bad}")).await.expect(400);
    }
    let query = json!({ "filters": [{ "name": "email", "operator": "like", "stringValue": "list.example" }], "limit": 3, "sort": [{ "name": "email", "order": "desc" }] });
    let found = w.owner().post("/v1beta1/admin/users/search", query).await.expect(200);
    let emails: Vec<&str> = found["users"].as_array().unwrap().iter().map(|u| u["email"].as_str().unwrap()).collect();
    assert_eq!(emails, ["u6@list.example", "u5@list.example", "u4@list.example"]);
    let evil = json!({ "filters": [{ "name": "email; DROP TABLE users", "operator": "eq", "stringValue": "x" }] });
    w.owner().post("/v1beta1/admin/users/search", evil).await.expect(400);
    let csv = w.owner().get("/v1beta1/admin/users/export").await;
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv")));
    assert_eq!(csv.text().lines().count(), 9);
}

async fn metaschemas_have_defaults_and_a_change_counts_at_once_on_both_surfaces(w: World) {
    let list = w.anonymous().get("/v1beta1/meta/schemas").await.expect(200)["metaschemas"].as_array().unwrap().clone();
    let mut names: Vec<&str> = list.iter().map(|m| m["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["group", "organization", "prospect", "role", "user"]);
    let strict = json!({ "name": "user", "schema": r#"{"type":"object","properties":{"department":{"enum":["Engineering"]}},"required":["department"]}"# });
    let user = list.iter().find(|m| m["name"] == "user").unwrap();
    let at = format!("/v1beta1/meta/schemas/{}", user["id"].as_str().unwrap());
    let with = |department: &str| json!({ "department": department });
    w.owner().post("/v1/users", new_user_with(json!({ "metadata": with("Sales") }))).await.expect(201);
    w.owner().put(&at, strict).await.expect(200);
    // the very next call of either surface
    let a = w.owner().post("/v1/users", new_user_with(json!({ "metadata": with("Sales") }))).await;
    a.refused(400, "invalid_input");
    assert!(a.text().contains("metadata"), "{}", a.text());
    w.owner().post("/v1/users", new_user()).await.refused(400, "invalid_input");
    both_refuse(
        &w,
        &w.owner(),
        json!({ "email": "s@example.com", "metadata": with("Sales") }),
        400,
        3,
        "invalid_argument",
    )
    .await;
    w.owner().post("/v1/users", new_user_with(json!({ "metadata": with("Engineering") }))).await.expect(201);
    w.owner()
        .post("/v1beta1/users", json!({ "email": "e@example.com", "metadata": with("Engineering") }))
        .await
        .expect(200);
    // another tenant has its own
    let other = w.second_tenant("Globex").await;
    other.owner.client.post("/v1/users", new_user()).await.expect(201);
}

async fn metaschemas_that_are_wrong_or_built_in_are_refused(w: World) {
    let plain = w.person("Plain", &["user"]).await;
    let body = |name: &str, schema: &str| json!({ "name": name, "schema": schema });
    let at = "/v1beta1/meta/schemas";
    for schema in [
        "[]",
        "7",
        "",
        "{",
        "{\"type\":\"nothing\"}",
        "{\"$ref\":\"https://evil.example/s.json\"}",
        "{\"$ref\":\"file:///etc/passwd\"}",
    ] {
        let e = w.owner().post(at, body("device", schema)).await.expect(400);
        assert_eq!(e["code"], 3, "{schema}: {e}");
    }
    plain.client.post(at, body("device", "{}")).await.expect(403);
    w.anonymous().post(at, body("device", "{}")).await.expect(401);
    w.owner().post(at, body("device", "{}")).await.expect(200);
    w.owner().post(at, body("device", "{}")).await.expect(409);
    let e = w.owner().delete(&format!("{at}/user")).await.expect(400);
    assert_eq!(e["code"], 9, "{e}");
    let connect = w.owner().post(&format!("{FRONTIER}/DeleteMetaSchema"), json!({ "id": "group" })).await.expect(400);
    assert_eq!(connect["code"], "failed_precondition");
    w.owner().delete(&format!("{at}/device")).await.expect(200);
    w.owner().get(&format!("{at}/device")).await.expect(404);
}

async fn errors_have_the_form_of_their_protocol(w: World) {
    let rest = w.owner().get(&format!("/v1beta1/users/{NOBODY}")).await;
    let e = rest.expect(404);
    assert_eq!(e.as_object().unwrap().len(), 3, "code, message, details: {e}");
    assert_eq!((&e["code"], e["details"].is_array()), (&json!(5), true));
    let connect = w.owner().post(&format!("{FRONTIER}/GetUser"), json!({ "id": NOBODY })).await;
    assert_eq!(
        connect.expect(404),
        json!({ "code": "not_found", "message": connect.json()["message"] }),
        "details only when present"
    );
    let broken = w.owner().with("content-type", "application/json").send("POST", "/v1beta1/users", b"{").await;
    assert_eq!(broken.expect(400)["code"], 3);
    let wrong = w.owner().patch("/v1beta1/users", json!({})).await;
    assert_eq!((wrong.expect(405)["code"].clone(), wrong.header("allow").is_some()), (json!(12), true));
    assert_eq!(w.owner().get("/v1beta1/nothing").await.expect(404)["code"], 5);
    let huge = w.owner().post("/v1beta1/users", json!({ "title": "x".repeat(2 << 20) })).await;
    assert_eq!(huge.expect(413)["code"], 8, "resource_exhausted (decision 30)");
    let a = w.anonymous().get("/v1beta1/users/self").await;
    assert!(a.header("www-authenticate").is_some() && a.status == 401);
    assert!(a.header("x-request-id").is_some());
}

async fn a_call_that_is_not_there_yet_is_unimplemented_and_never_404(w: World) {
    for e in portcullis_wire_v1beta1::ENDPOINTS {
        if matches!(e.output, portcullis_wire_v1beta1::endpoint::Output::Stream) {
            continue;
        }
        let a = w.owner().post(e.path, json!({ "id": NOBODY, "body": { "email": "z@example.com" } })).await;
        let code = a.json()["code"].as_str().map(str::to_owned);
        assert!(a.status != 404 || code.as_deref() == Some("not_found"), "{}: {}", e.rpc, a.text());
        assert!(a.status != 500, "{}: {}", e.rpc, a.text());
        if a.status == 501 {
            assert_eq!(code.as_deref(), Some("unimplemented"), "{}", e.rpc);
        }
    }
}
