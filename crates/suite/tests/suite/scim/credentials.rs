//! Who calls `/scim/v2`: the key of a directory that is switched on, and nobody else; and that key calls nothing else (guard rail 7).
use serde_json::json;

use super::{Directory, GROUPS, USERS, ada, at, directory, id, refused, set_up};
use crate::world::*;

both!(
    sec_12_nobody_but_a_directory_calls,
    sec_08_a_directorys_key_calls_nothing_else,
    sec_19_a_directory_that_is_switched_off_is_dead_at_once,
    sec_11_a_directorys_key_takes_the_right_to_set_it_up,
    a_directory_with_people_is_not_deleted,
    what_is_sent_must_be_scim,
    a_directory_is_told_what_there_is,
    a_caller_that_calls_too_often_waits,
);

const ALL: &[(&str, &str)] = &[
    ("GET", "/scim/v2/ServiceProviderConfig"),
    ("GET", "/scim/v2/ResourceTypes"),
    ("GET", "/scim/v2/ResourceTypes/User"),
    ("GET", "/scim/v2/Schemas"),
    ("GET", "/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"),
    ("GET", USERS),
    ("POST", USERS),
    ("POST", "/scim/v2/Users/.search"),
    ("GET", "/scim/v2/Users/0199c0de-0000-7000-8000-00000000dead"),
    ("PUT", "/scim/v2/Users/0199c0de-0000-7000-8000-00000000dead"),
    ("PATCH", "/scim/v2/Users/0199c0de-0000-7000-8000-00000000dead"),
    ("DELETE", "/scim/v2/Users/0199c0de-0000-7000-8000-00000000dead"),
    ("GET", GROUPS),
    ("POST", GROUPS),
    ("POST", "/scim/v2/Groups/.search"),
    ("GET", "/scim/v2/Groups/0199c0de-0000-7000-8000-00000000dead"),
    ("PUT", "/scim/v2/Groups/0199c0de-0000-7000-8000-00000000dead"),
    ("PATCH", "/scim/v2/Groups/0199c0de-0000-7000-8000-00000000dead"),
    ("DELETE", "/scim/v2/Groups/0199c0de-0000-7000-8000-00000000dead"),
    ("GET", "/scim/v2/Me"),
    ("POST", "/scim/v2/Bulk"),
    ("POST", "/scim/v2/.search"),
    ("GET", "/scim/v2"),
    ("GET", "/scim/v2/Surprises"),
];
async fn each(c: &Client, status: u16) {
    for (method, path) in ALL {
        let a = c.json(method, path, &json!({})).await;
        refused(&a, status, None);
    }
}

async fn sec_12_nobody_but_a_directory_calls(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let (_, user_key) = w.api_key(&w.owner(), json!({ "name": "mine" })).await;
    for (who, c) in [
        ("nobody", w.anonymous()),
        ("the owner's session", w.owner()),
        ("a service key of every scope", w.service()),
        ("a key of the owner", user_key),
        ("nonsense", w.anonymous().with("authorization", "Bearer pcl_nonsense")),
        ("a key that is none", w.anonymous().with("x-api-key", d.key.replace("pcl_", "pcl_x"))),
        ("Basic", w.anonymous().with("authorization", "Basic YTpi")),
    ] {
        println!("{who}");
        each(&c, 401).await;
    }
    assert_eq!(w.anonymous().get(USERS).await.header("www-authenticate"), Some("Bearer"));
    // either header
    w.anonymous().with("x-api-key", &*d.key).get(USERS).await.expect(200);
    refused(&d.calls.with("x-api-key", &*d.key).get(USERS).await, 400, Some("invalidSyntax"));
    // the tenant follows from the key, and is not another
    d.calls.with("x-tenant-id", &*w.tenant).get(USERS).await.expect(200);
    refused(&d.calls.with("x-tenant-id", NOBODY).get(USERS).await, 403, None);
}

async fn sec_08_a_directorys_key_calls_nothing_else(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let body = json!({ "name": "all", "scopes": ["*"], "owner_type": "user", "identity_provider_id": d.id });
    let wide = w.owner().post("/v1/api-keys", body).await.expect(201)["raw_key"].as_str().unwrap().to_owned();
    for key in [&d.key, &wide] {
        w.anonymous().with("authorization", format!("Bearer {key}")).get(USERS).await.expect(200);
        for c in [w.with_key(key), w.bearer(key)] {
            for path in
                ["/v1/users", "/v1/users/me/permissions", "/v1/api-keys", "/v1/audit-log", "/v1beta1/users/self"]
            {
                assert_eq!(c.get(path).await.status, 401, "{path}");
            }
            c.post("/v1/users", new_user()).await.refused(401, "unauthenticated");
            c.post("/v1/access/check", json!({})).await.refused(401, "unauthenticated");
        }
    }
    // nobody is told more of it than that it is none
    let told = w.service().post("/v1/auth/introspect", json!({ "token": d.key })).await;
    if told.status == 200 {
        assert_eq!(told.json()["active"], false);
    }
}

async fn sec_19_a_directory_that_is_switched_off_is_dead_at_once(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("ada").await;
    w.owner().put(&d.path(), json!({ "enabled": false })).await.expect(200);
    each(&d.calls, 401).await;
    refused(&d.calls.get(&at(&p)).await, 401, None);
    w.owner().put(&d.path(), json!({ "enabled": true })).await.expect(200);
    d.calls.get(&at(&p)).await.expect(200);
    // so is a key that was revoked, or has run out, or whose maker was suspended
    let keys = w.owner().get(&format!("/v1/api-keys?identity_provider_id={}", d.id)).await.expect(200);
    assert_eq!(keys["data"].as_array().unwrap().len(), 1);
    assert_eq!((&keys["data"][0]["identity_provider_id"], &keys["data"][0]["scopes"]), (&json!(d.id), &json!([])));
    w.owner().delete(&format!("/v1/api-keys/{}", id(&keys["data"][0]))).await.expect(204);
    refused(&d.calls.get(USERS).await, 401, None);
    let admin = w.person("Ann", &["admin"]).await;
    let body = json!({ "name": "hers", "identity_provider_id": d.id });
    let key = admin.client.post("/v1/api-keys", body).await.expect(201)["raw_key"].as_str().unwrap().to_owned();
    let calls = w.anonymous().with("authorization", format!("Bearer {key}"));
    calls.get(USERS).await.expect(200);
    w.owner().post(&format!("/v1/users/{}/suspend", admin.id), json!({ "active": false })).await.expect(200);
    refused(&calls.get(USERS).await, 401, None);
}

async fn sec_11_a_directorys_key_takes_the_right_to_set_it_up(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let body = json!({ "name": "grab", "identity_provider_id": d.id });
    w.person("Bob", &["user"]).await.client.post("/v1/api-keys", body.clone()).await.refused(403, "forbidden");
    w.person("Eve", &["approver"]).await.client.post("/v1/api-keys", body.clone()).await.refused(403, "forbidden");
    let (_, keys) = w.api_key(&w.owner(), json!({ "name": "keys", "scopes": ["api_keys:*"] })).await;
    keys.post("/v1/api-keys", body).await.refused(403, "forbidden");
    let oidc = json!({ "name": "Work", "provider_type": "oidc", "config": { "issuer_url": "https://id.example.net", "client_id": "c" } });
    let oidc = w.owner().post("/v1/identity-providers", oidc).await.expect(201);
    let rival = w.second_tenant("Rival").await;
    let theirs = set_up(&w, &rival.owner.client, "Theirs", json!({ "domains": [] })).await;
    for other in [id(&oidc), NOBODY, &theirs.id] {
        let a = w.owner().post("/v1/api-keys", json!({ "name": "x", "identity_provider_id": other })).await;
        a.refused(422, "unprocessable");
        assert!(a.field("identity_provider_id").contains("scim"));
    }
    let seen = w.owner().get(&format!("/v1/api-keys?identity_provider_id={}", theirs.id)).await.expect(200);
    assert_eq!(seen["data"], json!([]));
}

async fn a_directory_with_people_is_not_deleted(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("ada").await;
    let g = d.calls.post(GROUPS, json!({ "displayName": "Engineers" })).await.expect(201);
    w.owner().delete(&d.path()).await.refused(409, "in_use");
    d.calls.delete(&at(&p)).await.expect(204);
    w.owner().delete(&d.path()).await.expect(204);
    refused(&d.calls.get(USERS).await, 401, None);
    let key = w.owner().get("/v1/api-keys?status=revoked").await.expect(200)["data"][0].clone();
    assert_eq!(key["identity_provider_id"], json!(d.id));
    // its groups are anybody's now
    let path = format!("/v1/groups/{}", id(&g));
    assert_eq!(w.owner().get(&path).await.expect(200)["source"], "local");
    w.owner().delete(&path).await.expect(204);
}

async fn what_is_sent_must_be_scim(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let text = ada("ada").to_string();
    let scim = d.calls.with("content-type", "application/scim+json; charset=utf-8");
    scim.send("POST", USERS, text.as_bytes()).await.expect(201);
    for media in ["text/plain", "application/xml", "application/scim+json; charset=latin1"] {
        refused(&d.calls.with("content-type", media).send("POST", USERS, text.as_bytes()).await, 415, None);
    }
    refused(&d.calls.send("POST", USERS, text.as_bytes()).await, 415, None);
    for bad in ["", "{", "[]", "5", r#"{"userName":"a","userName":"b"}"#] {
        refused(&scim.send("POST", USERS, bad.as_bytes()).await, 400, Some("invalidSyntax"));
    }
    let deep = format!("{}{}", r#"{"a":"#.repeat(40), "}".repeat(40));
    refused(&scim.send("POST", USERS, deep.as_bytes()).await, 400, Some("invalidSyntax"));
    let large = json!({ "userName": "x".repeat(2 << 20) }).to_string();
    refused(&scim.send("POST", USERS, large.as_bytes()).await, 413, None);
    for (method, path) in [("POST", "/scim/v2/Schemas"), ("DELETE", USERS), ("PUT", USERS)] {
        let a = d.calls.json(method, path, &json!({})).await;
        refused(&a, 405, None);
        assert!(a.header("allow").is_some());
    }
    for path in ["/scim/v2/Bulk", "/scim/v2/.search"] {
        refused(&d.calls.post(path, json!({})).await, 501, None);
    }
    refused(&d.calls.get("/scim/v2/Me").await, 501, None);
    refused(&d.calls.get("/scim/v2/Surprises").await, 404, None);
}

async fn a_directory_is_told_what_there_is(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let config = d.calls.get("/scim/v2/ServiceProviderConfig").await.expect(200);
    assert_eq!((&config["patch"]["supported"], &config["bulk"]["supported"]), (&json!(true), &json!(false)));
    assert_eq!(config["filter"], json!({ "supported": true, "maxResults": 250 }));
    let names = async |d: &Directory, list: &str| -> Vec<String> {
        let all = d.calls.get(&format!("/scim/v2/{list}")).await.expect(200);
        let all = all["Resources"].as_array().unwrap().clone();
        all.iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&d, "ResourceTypes").await, ["User", "Group"]);
    assert_eq!(names(&d, "Schemas").await, ["User", "EnterpriseUser", "Group"]);
    refused(&d.calls.get("/scim/v2/Schemas?filter=id%20pr").await, 403, None);
    refused(&d.calls.get("/scim/v2/Schemas/urn:x").await, 404, None);
    // a connection that writes no groups has none
    let other = set_up(&w, &w.owner(), "People only", json!({ "group_sync": false })).await;
    assert_eq!(names(&other, "ResourceTypes").await, ["User"]);
    assert_eq!(names(&other, "Schemas").await, ["User", "EnterpriseUser"]);
    refused(&other.calls.get(GROUPS).await, 403, None);
    refused(&other.calls.post(GROUPS, json!({ "displayName": "G" })).await, 403, None);
}

async fn a_caller_that_calls_too_often_waits(e: Engine) {
    let usual = Options::default();
    let edge = portcullis_edge::EdgeConfig { api_per_second: Some(1), ..usual.edge };
    let w = World::on(e, Options { edge, ..Options::default() }).await;
    let tick = || w.clock.pass(5);
    tick();
    let body = json!({ "name": "Okta", "provider_type": "scim", "config": {} });
    let provider = w.owner().post("/v1/identity-providers", body).await.expect(201);
    tick();
    let body = json!({ "name": "k", "owner_type": "service", "identity_provider_id": id(&provider) });
    let key = w.owner().post("/v1/api-keys", body).await.expect(201)["raw_key"].as_str().unwrap().to_owned();
    let calls = w.anonymous().with("authorization", format!("Bearer {key}"));
    let mut last = calls.get(USERS).await;
    for _ in 0..20 {
        last = calls.get(USERS).await;
    }
    refused(&last, 429, None);
    assert!(last.header("retry-after").is_some());
}
