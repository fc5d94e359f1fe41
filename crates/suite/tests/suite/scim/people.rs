//! What a directory says of people, and what becomes of it here.
use serde_json::{Value, json};

use super::*;
use crate::world::*;

both!(
    a_person_is_made_read_changed_and_deleted,
    a_person_is_patched_as_directories_do,
    sec_14_a_person_has_few_values_of_anything,
    a_stale_etag_changes_nothing,
    a_manager_is_somebody_of_the_connection,
    what_belongs_to_the_directory_is_not_changed_by_hand,
    sec_11_nothing_but_what_is_the_directorys_is_written,
    every_change_is_told_with_the_directory_as_its_actor,
);

async fn a_person_is_made_read_changed_and_deleted(w: World) {
    let d = directory(&w, "Okta", json!({ "default_roles": ["user", "approver"] })).await;
    let mut body = ada("Ada");
    body["externalId"] = json!("00u1");
    body["displayName"] = json!("Ada L.");
    body["nickName"] = json!("A");
    let made = d.calls.post(USERS, body.clone()).await;
    let (location, tag) = (made.header("location").unwrap().to_owned(), made.header("etag").unwrap().to_owned());
    assert_eq!(made.header("content-type"), Some("application/scim+json"));
    let made = made.expect(201);
    assert!(location.ends_with(&at(&made)) && location == made["meta"]["location"], "{location}");
    assert_eq!((&*tag, &made["meta"]["version"]), ("\"1\"", &json!("\"1\"")));
    assert_eq!(
        (&made["userName"], &made["externalId"], &made["displayName"], &made["active"]),
        (&json!("Ada@corp.example"), &json!("00u1"), &json!("Ada L."), &json!(true))
    );
    assert_eq!(made["emails"], json!([{ "value": "ada@corp.example", "type": "work", "primary": true }]));
    assert!(made.get("nickName").is_none(), "what is not kept is not shown");
    let read = d.calls.get(&at(&made)).await;
    assert_eq!(read.header("etag"), Some("\"1\""));
    assert_eq!(read.expect(200), made);
    let again = d.calls.with("if-none-match", "\"1\"").get(&at(&made)).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    // the same person as /v1 knows them
    let user = w.owner().get(&format!("/v1/users/{}", id(&made))).await.expect(200);
    assert_eq!(
        (&user["email"], &user["name"], &user["roles"], &user["external_id"]),
        (&json!("ada@corp.example"), &json!("Ada L."), &json!(["user", "approver"]), &json!("00u1"))
    );
    assert_eq!((&user["auth_provider"], &user["email_verified"]), (&json!("saml"), &json!(true)));
    refused(&d.calls.post(USERS, body.clone()).await, 409, Some("uniqueness"));
    // what a PUT leaves out is gone
    let changed = d.calls.put(&at(&made), json!({ "userName": "ADA@corp.example", "displayName": "Countess" })).await;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let changed = changed.expect(200);
    assert!(changed.get("externalId").is_none() && changed.get("name").is_none());
    assert_eq!((&changed["userName"], &changed["displayName"]), (&json!("ADA@corp.example"), &json!("Countess")));
    let same = d.calls.put(&at(&made), json!({ "userName": "ADA@corp.example", "displayName": "Countess" })).await;
    assert_eq!(same.header("etag"), Some("\"2\""), "nothing changed");
    d.calls.delete(&at(&made)).await.expect(204);
    refused(&d.calls.delete(&at(&made)).await, 404, None);
    refused(&d.calls.get(&at(&made)).await, 404, None);
    w.owner().get(&format!("/v1/users/{}", id(&made))).await.refused(404, "not_found");
    // and may come again
    d.calls.post(USERS, body).await.expect(201);
}

async fn a_person_is_patched_as_directories_do(w: World) {
    let d = directory(&w, "Entra", json!({})).await;
    let p = d.person("Ada").await;
    let patched = async |operation: Value| d.patch(&at(&p), json!([operation])).await.expect(200);
    let off = patched(json!({ "op": "Replace", "path": "active", "value": "False" })).await;
    assert_eq!(off["active"], false);
    assert_eq!(patched(json!({ "op": "replace", "value": { "active": true } })).await["active"], true);
    let named = patched(json!({ "op": "Add", "path": "displayName", "value": "Countess" })).await;
    assert_eq!(named["displayName"], "Countess");
    let moved =
        patched(json!({ "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "Countess@corp.example" }))
            .await;
    assert_eq!(moved["emails"][0]["value"], "countess@corp.example");
    let pathless = json!({ "op": "Add", "value": {
        "externalId": "e-1", "name.familyName": "King", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Engines",
    } });
    let p2 = patched(pathless).await;
    assert_eq!((&p2["externalId"], &p2["name"]["familyName"]), (&json!("e-1"), &json!("King")));
    // several at once, or none of them
    let both = json!([
        { "op": "replace", "path": "displayName", "value": "Ada" },
        { "op": "replace", "path": "surprise", "value": "x" },
    ]);
    refused(&d.patch(&at(&p), both).await, 400, Some("invalidPath"));
    assert_eq!(d.calls.get(&at(&p)).await.expect(200)["displayName"], "Countess");
    refused(&d.patch(&at(&p), json!([{ "op": "replace", "path": "id", "value": "x" }])).await, 400, Some("mutability"));
    refused(&d.patch(&at(&p), json!([{ "op": "remove", "path": "userName" }])).await, 400, Some("invalidValue"));
    refused(&d.calls.patch(&at(&p), json!({})).await, 400, Some("invalidSyntax"));
    let only =
        d.patch(&format!("{}?attributes=displayName", at(&p)), json!([{ "op": "remove", "path": "title" }])).await;
    let shown = only.expect(200);
    assert_eq!(shown.as_object().unwrap().len(), 3, "{shown}");
}

async fn sec_14_a_person_has_few_values_of_anything(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("ada").await;
    let many: Vec<Value> = (0..101).map(|n| json!({ "value": format!("a{n}@corp.example") })).collect();
    let mut body = ada("ada");
    body["emails"] = json!(many);
    refused(&d.calls.post(USERS, body.clone()).await, 400, Some("tooMany"));
    refused(&d.calls.put(&at(&p), body).await, 400, Some("tooMany"));
    let add = json!({ "op": "add", "path": "emails", "value": many[..51] });
    let more = json!({ "op": "add", "path": "emails", "value": many[51..] });
    refused(&d.patch(&at(&p), json!([add, more])).await, 400, Some("tooMany"));
    refused(
        &d.patch(&at(&p), json!(vec![json!({ "op": "remove", "path": "title" }); 101])).await,
        400,
        Some("tooMany"),
    );
    assert_eq!(d.calls.get(&at(&p)).await.expect(200)["emails"].as_array().unwrap().len(), 1);
}

async fn a_stale_etag_changes_nothing(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("Ada").await;
    d.patch(&at(&p), json!([{ "op": "replace", "path": "displayName", "value": "B" }])).await.expect(200);
    let stale = Directory { calls: d.calls.with("if-match", "\"1\""), id: d.id.clone(), key: d.key.clone() };
    refused(&stale.patch(&at(&p), json!([{ "op": "replace", "path": "displayName", "value": "C" }])).await, 412, None);
    refused(&stale.calls.put(&at(&p), ada("Ada")).await, 412, None);
    refused(&stale.calls.delete(&at(&p)).await, 412, None);
    assert_eq!(d.calls.get(&at(&p)).await.expect(200)["displayName"], "B");
    let fresh = d.calls.with("if-match", "\"2\"");
    fresh.put(&at(&p), ada("Ada")).await.expect(200);
    d.calls.with("if-match", "*").delete(&at(&p)).await.expect(204);
}

async fn a_manager_is_somebody_of_the_connection(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let (a, b) = (d.person("Ada").await, d.person("Bob").await);
    const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let manager = |id: &str| json!([{ "op": "add", "path": format!("{EXTENSION}:manager"), "value": { "value": id } }]);
    let managed = d.patch(&at(&a), manager(id(&b))).await.expect(200);
    assert_eq!(managed[EXTENSION]["manager"]["value"], b["id"]);
    assert_eq!(w.owner().get(&format!("/v1/users/{}", id(&a))).await.expect(200)["manager_id"], b["id"]);
    for nobody in [NOBODY, &w.owner_id, "the boss"] {
        refused(&d.patch(&at(&a), manager(nobody)).await, 400, Some("invalidValue"));
    }
    refused(&d.patch(&at(&b), manager(id(&a))).await, 400, Some("invalidValue"));
    let none =
        d.patch(&at(&a), json!([{ "op": "replace", "path": format!("{EXTENSION}:manager"), "value": "" }])).await;
    assert!(none.expect(200).get(EXTENSION).is_none());
}

async fn what_belongs_to_the_directory_is_not_changed_by_hand(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("Ada").await;
    let path = format!("/v1/users/{}", id(&p));
    for theirs in [json!({ "name": "Eve" }), json!({ "external_id": "x" }), json!({ "manager_id": w.owner_id })] {
        let mut body = json!({ "name": "Ada Lovelace", "roles": ["user"] });
        for (name, value) in theirs.as_object().unwrap() {
            body[name] = value.clone();
        }
        w.owner().put(&path, body).await.refused(409, "managed_externally");
    }
    // what it does not know is ours
    let body = json!({ "name": "Ada Lovelace", "roles": ["user", "approver"], "metadata": { "team": "engines" } });
    assert_eq!(w.owner().put(&path, body).await.expect(200)["roles"], json!(["user", "approver"]));
    let row = json!({ "email": "ada@corp.example", "name": "Eve", "auth_provider": "saml" }).to_string();
    let import = w.owner().with("content-type", "application/x-ndjson");
    let out = import.send("POST", "/v1/users/import?on_conflict=update", row.as_bytes()).await;
    assert_eq!(out.lines()[0]["code"], "managed_externally", "{}", out.text());
}

async fn sec_11_nothing_but_what_is_the_directorys_is_written(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let mut body = ada("Ada");
    for (name, value) in [
        ("roles", json!([{ "value": "admin" }])),
        ("password", json!(PASSWORD)),
        ("is_owner", json!(true)),
        ("id", json!(NOBODY)),
        ("meta", json!({ "version": "\"9\"", "created": "2001-01-01T00:00:00Z" })),
        ("groups", json!([{ "value": NOBODY }])),
        ("entitlements", json!([{ "value": "admin" }])),
        ("tenant_id", json!(NOBODY)),
    ] {
        body[name] = value;
    }
    let p = d.make(body.clone()).await;
    assert_ne!(p["id"], NOBODY);
    d.calls.put(&at(&p), body).await.expect(200);
    let grab = json!([{ "op": "add", "path": "roles", "value": [{ "value": "admin" }] }, { "op": "add", "value": { "is_owner": true } }]);
    d.patch(&at(&p), grab).await.expect(200);
    let user = w.owner().get(&format!("/v1/users/{}", id(&p))).await.expect(200);
    assert_eq!((&user["roles"], &user["is_owner"]), (&json!(["user"]), &json!(false)));
    let login = json!({ "email": "ada@corp.example", "password": PASSWORD });
    w.anonymous().post("/v1/auth/login", login).await.refused(401, "invalid_credentials");
}

async fn every_change_is_told_with_the_directory_as_its_actor(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("Ada").await;
    d.patch(&at(&p), json!([{ "op": "replace", "path": "displayName", "value": "A" }])).await.expect(200);
    d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": false }])).await.expect(200);
    d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": true }])).await.expect(200);
    let g = d.calls.post(GROUPS, json!({ "displayName": "Engineers" })).await.expect(201);
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&p) }] }]);
    d.patch(&at(&g), add).await.expect(200);
    d.patch(&at(&g), json!([{ "op": "replace", "path": "displayName", "value": "Makers" }])).await.expect(200);
    d.patch(&at(&g), json!([{ "op": "remove", "path": "members" }])).await.expect(200);
    d.calls.delete(&at(&g)).await.expect(204);
    d.calls.delete(&at(&p)).await.expect(204);
    let events = w.events(&format!("actor_type=scim&actor_id={}", d.id)).await;
    let names: Vec<&str> = events.iter().rev().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "user.created",
            "user.updated",
            "user.suspended",
            "user.reactivated",
            "group.created",
            "group.member_added",
            "group.updated",
            "group.member_removed",
            "group.deleted",
            "user.deleted",
        ]
    );
    for e in &events {
        assert_eq!((&e["actor_name"], &e["credential_type"]), (&json!("Okta"), &json!("scim")), "{e}");
        assert_eq!(e["on_behalf_of"], Value::Null, "{e}");
    }
}
