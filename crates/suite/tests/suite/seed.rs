//! Both published pages, called as printed: their host, tenant, token and placeholder words replaced, nothing else.
use serde_json::{Value, json};

use crate::world::*;

both!(
    the_v1_page_works_as_printed,
    the_v1_sample_body_with_its_placeholder_words_names_what_is_wrong_with_them,
    the_v1beta1_page_works_as_printed,
    the_v1beta1_call_without_a_name_makes_one_of_the_address,
    one_user_is_seen_through_both_pages,
    a_key_and_a_token_both_create,
    a_created_user_is_in_the_next_list_and_may_sign_in,
);

fn v1_body() -> Value {
    json!({ "email": "ada@example.com", "name": "Ada Example", "password": PASSWORD, "roles": ["user"], "auth_provider": "local" })
}
fn v1beta1_body() -> Value {
    json!({
        "name": "john.doe", "email": "john.doe@example.com", "title": "John Doe",
        "avatar": "https://example.com/avatars/john.jpg", "metadata": { "department": "Engineering" }
    })
}
/// RFC 3339 in UTC with `Z`.
fn is_time(v: &Value) -> bool {
    let t = v.as_str().unwrap_or_default();
    t.len() >= 20 && t.ends_with('Z') && &t[10..11] == "T"
}

async fn the_v1_page_works_as_printed(w: World) {
    // curl --request POST --url …/v1/users with Authorization, Content-Type, X-Tenant-ID
    let a = w.owner().post("/v1/users", v1_body()).await;
    let user = a.expect(201);
    assert_eq!(a.header("content-type"), Some("application/json"));
    for (field, value) in v1_body().as_object().unwrap() {
        if field != "password" {
            assert_eq!(&user[field], value, "{field}");
        }
    }
    for (field, value) in [
        ("active", json!(true)),
        ("email_verified", json!(false)),
        ("is_owner", json!(false)),
        ("avatar_base64", Value::Null),
        ("state", json!("active")),
        ("effective_roles", json!(["user"])),
        ("mfa_enrolled", json!(false)),
        ("external_id", Value::Null),
        ("manager_id", Value::Null),
        ("metadata", json!({})),
        ("identity_provider_id", Value::Null),
        ("last_login_at", Value::Null),
    ] {
        assert_eq!(user.get(field), Some(&value), "{field}");
    }
    assert!(is_time(&user["created_at"]) && user["created_at"] == user["updated_at"], "{user}");
    assert_eq!(user.as_object().unwrap().len(), 19, "every field of 3.1, and no other: {user}");
    let id = user["id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
    assert_eq!(a.header("location"), Some(&*format!("/v1/users/{id}")));
    assert_eq!(a.header("etag"), Some("\"1\""));
    assert_eq!(a.header("cache-control"), Some("no-store"));
    assert!(a.header("x-request-id").is_some());
    assert!(!a.text().contains(PASSWORD) && !a.text().contains("argon2"));
}

async fn the_v1_sample_body_with_its_placeholder_words_names_what_is_wrong_with_them(w: World) {
    let body = json!({ "email": "example", "name": "example", "password": "example", "roles": ["user"], "auth_provider": "local" });
    let a = w.owner().post("/v1/users", body).await;
    let e = a.refused(400, "invalid_input");
    assert_eq!(e["message"], "2 fields need attention: email, password.");
    assert_eq!(a.field("email"), "Enter an e-mail address such as ada@example.com.");
    assert_eq!(a.field("password"), "At least 8 bytes.");
}

async fn the_v1beta1_page_works_as_printed(w: World) {
    // curl -X POST …/v1beta1/users with Authorization and Content-Type; the page knows no tenant header
    let a = w.owner().without("x-tenant-id").post("/v1beta1/users", v1beta1_body()).await;
    let answer = a.expect(200);
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["user"]);
    let user = &answer["user"];
    for (field, value) in v1beta1_body().as_object().unwrap() {
        assert_eq!(&user[field], value, "{field}");
    }
    assert_eq!(user["state"], "enabled");
    assert!(uuid::Uuid::parse_str(user["id"].as_str().unwrap()).is_ok());
    assert!(is_time(&user["created_at"]) && user["updated_at"] == user["created_at"], "{user}");
    assert_eq!(user.as_object().unwrap().len(), 9, "the nine fields of the page: {user}");
}

async fn the_v1beta1_call_without_a_name_makes_one_of_the_address(w: World) {
    let mut body = v1beta1_body();
    body.as_object_mut().unwrap().remove("name");
    let user = w.owner().post("/v1beta1/users", body.clone()).await.expect(200)["user"].clone();
    let slug = user["name"].as_str().unwrap();
    assert!(slug.starts_with("john") && slug.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{slug}");
    assert_eq!(w.owner().get(&format!("/v1beta1/users/{slug}")).await.expect(200)["user"]["id"], user["id"]);
}

async fn one_user_is_seen_through_both_pages(w: World) {
    let made = w.owner().post("/v1beta1/users", v1beta1_body()).await.expect(200)["user"].clone();
    let v1 = w.owner().get(&format!("/v1/users/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(v1["id"], made["id"]);
    assert_eq!((&v1["name"], &v1["email"]), (&json!("John Doe"), &json!("john.doe@example.com")));
    assert_eq!(
        (&v1["auth_provider"], &v1["roles"], &v1["state"]),
        (&json!("local"), &json!(["user"]), &json!("active"))
    );
    assert_eq!((&v1["email_verified"], &v1["avatar_base64"]), (&json!(false), &Value::Null));

    let made = w.owner().post("/v1/users", v1_body()).await.expect(201);
    let frontier = w.owner().get("/v1beta1/users/ada@example.com").await.expect(200)["user"].clone();
    assert_eq!((&frontier["id"], &frontier["title"]), (&made["id"], &json!("Ada Example")));
    assert_eq!(frontier["state"], "enabled");
}

async fn a_key_and_a_token_both_create(w: World) {
    for client in [w.owner(), w.service()] {
        client.post("/v1/users", new_user()).await.expect(201);
        let email = new_user()["email"].clone();
        client.without("x-tenant-id").post("/v1beta1/users", json!({ "email": email })).await.expect(200);
    }
}

async fn a_created_user_is_in_the_next_list_and_may_sign_in(w: World) {
    let id = w.owner().post("/v1/users", v1_body()).await.expect(201)["id"].clone();
    let list = w.owner().get("/v1/users?limit=1").await.expect(200);
    assert_eq!((&list["data"][0]["id"], &list["has_more"]), (&id, &json!(true)));
    let signed_in = w.login("ADA@example.com").await.expect(200);
    assert_eq!(signed_in["tenant_id"], w.tenant);
    let me = w.bearer(signed_in["token"].as_str().unwrap()).get("/v1/users/me/profile").await.expect(200);
    assert_eq!((&me["id"], &me["name"], &me["auth_provider"]), (&id, &json!("Ada Example"), &json!("local")));
}
