//! `/scim/v2` (spec v1 4.18): people whom a directory writes, and what becomes of them here.
mod credentials;
mod groups;
mod lists;
mod peer;

use serde_json::{Value, json};

use crate::openid::Stage;
use crate::world::*;

both!(
    a_person_is_made_read_changed_and_deleted,
    a_person_is_patched_as_directories_do,
    sec_19_a_deactivated_person_ends_at_once,
    who_was_suspended_by_hand_stays_so_until_the_directory_changes_its_mind,
    sec_12_a_connection_sees_only_what_it_made,
    sec_12_an_external_id_is_a_name_of_the_connection_alone,
    sec_12_changing_an_address_is_no_takeover,
    sec_12_an_address_is_one_of_a_trusted_domain,
    the_owner_is_neither_deactivated_nor_deleted,
    the_owner_is_not_suspended_by_a_deletion,
    a_stale_etag_changes_nothing,
    a_deletion_may_only_suspend,
    a_manager_is_somebody_of_the_connection,
    what_belongs_to_the_directory_is_not_changed_by_hand,
    sec_11_nothing_but_what_is_the_directorys_is_written,
    every_change_is_told_with_the_directory_as_its_actor,
    whoever_the_directory_made_signs_in_at_their_provider,
);

pub const USERS: &str = "/scim/v2/Users";
pub const GROUPS: &str = "/scim/v2/Groups";

/// A directory: its path in `/v1`, and what calls with its key.
pub struct Directory {
    pub id: String,
    pub key: String,
    pub calls: Client,
}
impl Directory {
    pub fn path(&self) -> String {
        format!("/v1/identity-providers/{}", self.id)
    }
    pub async fn make(&self, user: Value) -> Value {
        self.calls.post(USERS, user).await.expect(201)
    }
    pub async fn person(&self, name: &str) -> Value {
        self.make(ada(name)).await
    }
    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        self.calls.patch(path, body).await
    }
}
/// Somebody of corp.example.
pub fn ada(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("{name}@corp.example"), "active": true,
        "name": { "givenName": name, "familyName": "Lovelace" }, "emails": [{ "value": format!("{name}@corp.example"), "type": "work", "primary": true }],
    })
}
pub fn at(resource: &Value) -> String {
    let kind = resource["meta"]["resourceType"].as_str().unwrap();
    format!("/scim/v2/{kind}s/{}", resource["id"].as_str().unwrap())
}
pub fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap()
}
/// A refusal in SCIM's form.
#[track_caller]
pub fn refused(a: &Answer, status: u16, scim_type: Option<&str>) -> Value {
    let e = a.json();
    assert_eq!((a.status, e["status"].as_str()), (status, Some(&*status.to_string())), "{e}");
    assert_eq!(e["scimType"].as_str(), scim_type, "{e}");
    assert_eq!(e["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{e}");
    assert!(e["detail"].as_str().is_some_and(|d| d.contains(' ')), "a sentence: {e}");
    assert_eq!(a.header("content-type"), Some("application/scim+json"));
    e
}

/// A directory that is trusted for corp.example.
pub async fn directory(w: &World, name: &str, more: Value) -> Directory {
    let domains = w.owner().get("/v1/domains").await.expect(200)["data"].clone();
    if domains.as_array().unwrap().iter().all(|d| d["domain"] != "corp.example") {
        crate::identity_providers::verified_domain(w, "corp.example").await;
    }
    set_up(w, &w.owner(), name, more).await
}
pub async fn set_up(w: &World, owner: &Client, name: &str, more: Value) -> Directory {
    let mut config = json!({ "domains": ["corp.example"] });
    for (member, value) in more.as_object().unwrap() {
        config[member] = value.clone();
    }
    let body = json!({ "name": name, "provider_type": "scim", "config": config });
    let provider = owner.post("/v1/identity-providers", body).await.expect(201);
    let id = id(&provider).to_owned();
    let body = json!({ "name": name, "owner_type": "service", "identity_provider_id": id });
    let key = owner.post("/v1/api-keys", body).await.expect(201)["raw_key"].as_str().unwrap().to_owned();
    let calls = w.anonymous().with("authorization", format!("Bearer {key}"));
    Directory { id, key, calls }
}

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

/// A tenant with an OpenID provider where people of the directory sign in.
async fn stage(e: Engine, config: Value) -> (Stage, Directory) {
    let s = Stage::on(e).await;
    let d = set_up(&s.w, &s.w.owner(), "Okta", config).await;
    (s, d)
}
/// A session and a key of somebody.
async fn signed_in(s: &Stage, sub: &str) -> Vec<Client> {
    let session = s.person(sub).await;
    let (_, key) = s.w.api_key(&session, json!({ "name": "mine" })).await;
    vec![session, key]
}

async fn sec_19_a_deactivated_person_ends_at_once(e: Engine) {
    let (s, d) = stage(e, json!({})).await;
    let p = d.person("ada").await;
    let state = async || s.w.owner().get(&format!("/v1/users/{}", id(&p))).await.expect(200)["state"].clone();
    let off = json!([{ "op": "replace", "value": { "active": false } }]);
    let on = json!([{ "op": "replace", "value": { "active": true } }]);
    for end in ["patch", "put", "delete"] {
        let hers = signed_in(&s, "ada").await;
        for c in &hers {
            c.get("/v1/users/me/permissions").await.expect(200);
        }
        match end {
            "patch" => drop(d.patch(&at(&p), off.clone()).await.expect(200)),
            "put" => {
                let mut body = ada("ada");
                body["active"] = json!(false);
                d.calls.put(&at(&p), body).await.expect(200);
            }
            _ => drop(d.calls.delete(&at(&p)).await.expect(204)),
        }
        for c in &hers {
            c.get("/v1/users/me/permissions").await.refused(401, "unauthenticated");
        }
        if end == "delete" {
            break;
        }
        assert_eq!(state().await, "suspended");
        s.sign_in(crate::openid::claims(&s.w, "ada")).await.refused(401, "login_failed");
        d.patch(&at(&p), on.clone()).await.expect(200);
        assert_eq!(state().await, "active");
        for c in &hers {
            c.get("/v1/users/me/permissions").await.refused(401, "unauthenticated");
        }
    }
    // who is made inactive never was
    let mut body = ada("bob");
    body["active"] = json!("False");
    let bob = d.make(body).await;
    assert_eq!(bob["active"], false);
    assert_eq!(s.w.owner().get(&format!("/v1/users/{}", id(&bob))).await.expect(200)["state"], "suspended");
}

async fn who_was_suspended_by_hand_stays_so_until_the_directory_changes_its_mind(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("Ada").await;
    let by_hand = format!("/v1/users/{}/suspend", id(&p));
    w.owner().post(&by_hand, json!({ "active": false })).await.expect(200);
    assert_eq!(d.calls.get(&at(&p)).await.expect(200)["active"], false, "it is told as it is");
    // what directories send with each change of a profile
    assert_eq!(d.calls.put(&at(&p), ada("Ada")).await.expect(200)["active"], false);
    let renamed = d.patch(&at(&p), json!([{ "op": "replace", "path": "displayName", "value": "A" }])).await.expect(200);
    assert_eq!(renamed["active"], false);
    assert_eq!(d.calls.put(&at(&p), ada("Ada")).await.expect(200)["active"], false);
    // it says something else, and then that again
    d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": false }])).await.expect(200);
    let on = d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": true }])).await.expect(200);
    assert_eq!(on["active"], true);
}

async fn sec_12_a_connection_sees_only_what_it_made(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let other = set_up(&w, &w.owner(), "Entra", json!({})).await;
    let rival = w.second_tenant("Rival").await;
    let theirs = set_up(&w, &rival.owner.client, "Rival", json!({ "domains": [] })).await;
    let p = d.person("Ada").await;
    let g = d.calls.post(GROUPS, json!({ "displayName": "Engineers" })).await.expect(201);
    let local = w.person("Bob", &["user"]).await;
    let by_hand = w.owner().post("/v1/groups", json!({ "name": "By hand" })).await.expect(201);
    let paths = [at(&p), format!("{USERS}/{}", local.id), format!("{USERS}/{}", w.owner_id)];
    for (n, who) in [&d, &other, &theirs].into_iter().enumerate() {
        for path in paths.iter().skip(usize::from(n == 0)) {
            refused(&who.calls.get(path).await, 404, None);
            refused(&who.calls.put(path, ada("Ada")).await, 404, None);
            refused(&who.patch(path, json!([{ "op": "replace", "path": "active", "value": false }])).await, 404, None);
            refused(&who.calls.delete(path).await, 404, None);
        }
        for path in [at(&g), format!("{GROUPS}/{}", id(&by_hand))].iter().skip(usize::from(n == 0)) {
            refused(&who.calls.get(path).await, 404, None);
            refused(&who.calls.put(path, json!({ "displayName": "Mine" })).await, 404, None);
            let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&p) }] }]);
            refused(&who.patch(path, add).await, 404, None);
            refused(&who.calls.delete(path).await, 404, None);
        }
        for list in [USERS, GROUPS] {
            let seen = who.calls.get(list).await.expect(200);
            assert_eq!(seen["totalResults"], usize::from(n == 0), "{list}: {seen}");
        }
        for filter in [r#"userName eq "ada@corp.example""#, r#"not (userName eq "x")"#, r#"emails.value co "@""#] {
            let path = format!("{USERS}?filter={}", crate::openid::encoded(filter));
            assert_eq!(who.calls.get(&path).await.expect(200)["totalResults"], usize::from(n == 0), "{filter}");
        }
    }
    assert_eq!(d.calls.get(&at(&p)).await.expect(200), p, "nobody changed it");
    // nobody gets somebody else's people into a group
    let mine = other.calls.post(GROUPS, json!({ "displayName": "Others" })).await.expect(201);
    for stranger in [id(&p), &local.id, &w.owner_id, NOBODY] {
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": stranger }] }]);
        refused(&other.patch(&at(&mine), add).await, 400, Some("invalidValue"));
    }
    // an address is one person's, whoever made them
    for taken in ["ada@corp.example", "Bob@example.com"] {
        let body = json!({ "userName": format!("x{taken}@corp.example"), "emails": [{ "value": taken }] });
        let status = if taken.starts_with("ada") { (409, Some("uniqueness")) } else { (400, Some("invalidValue")) };
        refused(&other.calls.post(USERS, body).await, status.0, status.1);
    }
}

async fn sec_12_an_external_id_is_a_name_of_the_connection_alone(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let other = set_up(&w, &w.owner(), "Entra", json!({})).await;
    let of = |name: &str, external: &str| {
        let mut body = ada(name);
        body["externalId"] = json!(external);
        body
    };
    let by_hand = w.owner().post("/v1/users", new_user_with(json!({ "external_id": "x-1" }))).await.expect(201);
    let a = d.make(of("Ada", "x-1")).await;
    let b = other.make(of("Bob", "x-1")).await;
    refused(&d.calls.post(USERS, of("Eve", "x-1")).await, 409, Some("uniqueness"));
    for (who, whose) in [(&d, &a), (&other, &b)] {
        let found = who.calls.get(&format!("{USERS}?filter=externalId%20eq%20%22x-1%22")).await.expect(200);
        assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &whose["id"]));
        // it is no id of ours
        refused(&who.calls.get(&format!("{USERS}/x-1")).await, 404, None);
    }
    let listed = w.owner().get("/v1/users?external_id=x-1").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 3, "/v1 lists them of every source: {listed}");
    // nor does another's id find anybody
    let mut of_hers = ada("Eve");
    of_hers["externalId"] = a["id"].clone();
    let eve = d.make(of_hers).await;
    assert_ne!(eve["id"], a["id"]);
    let body =
        json!({ "email": "f@example.com", "name": "F", "password": PASSWORD, "roles": ["user"], "external_id": "x-1" });
    w.owner().post("/v1/users", body).await.refused(409, "user_exists");
    assert_eq!(by_hand["external_id"], "x-1");
}

async fn sec_12_changing_an_address_is_no_takeover(e: Engine) {
    let (s, d) = stage(e, json!({})).await;
    let p = d.person("ada").await;
    d.person("bob").await;
    crate::identity_providers::verified_domain(&s.w, "other.example").await;
    let to = |address: &str| json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": address }]);
    refused(&d.patch(&at(&p), to("bob@corp.example")).await, 409, Some("uniqueness"));
    refused(&d.patch(&at(&p), to("owner@example.com")).await, 400, Some("invalidValue"));
    refused(&d.patch(&at(&p), to("ada@other.example")).await, 400, Some("invalidValue"));
    // whoever signs in stays who they are
    let who = async |c: &Client| c.get("/v1/users/me/profile").await.expect(200)["id"].clone();
    let hers = s.person("ada").await;
    d.patch(&at(&p), to("countess@corp.example")).await.expect(200);
    assert_eq!(hers.get("/v1/users/me/profile").await.expect(200)["email"], "countess@corp.example");
    let next = d.person("eve").await;
    d.patch(&at(&next), to("ada@corp.example")).await.expect(200);
    assert_eq!((who(&hers).await, who(&s.person("ada").await).await), (p["id"].clone(), p["id"].clone()));
}

async fn sec_12_an_address_is_one_of_a_trusted_domain(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    for address in ["ada@example.com", "ada@sub.corp.example", "ada@corp.example.evil.example"] {
        let e = refused(&d.calls.post(USERS, json!({ "userName": address })).await, 400, Some("invalidValue"));
        assert!(e["detail"].as_str().unwrap().contains("not trusted"), "{e}");
    }
    for body in [
        json!({ "userName": "ada" }),
        json!({ "emails": [{ "value": "ada@corp.example" }] }),
        json!({ "userName": "" }),
    ] {
        refused(&d.calls.post(USERS, body).await, 400, Some("invalidValue"));
    }
    let p = d.person("Ada").await;
    // trust that ends is trust for nobody new, and what there is can still be ended
    w.owner().put(&d.path(), json!({ "config": { "domains": [] } })).await.expect(200);
    refused(&d.calls.post(USERS, ada("Bob")).await, 400, Some("invalidValue"));
    d.patch(&at(&p), json!([{ "op": "replace", "path": "displayName", "value": "A" }])).await.expect(200);
    d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": false }])).await.expect(200);
    d.calls.delete(&at(&p)).await.expect(204);
}

async fn the_owner_is_neither_deactivated_nor_deleted(w: World) {
    owner_stays(&w, "delete").await;
}
async fn the_owner_is_not_suspended_by_a_deletion(w: World) {
    owner_stays(&w, "suspend").await;
}
async fn owner_stays(w: &World, on_delete: &str) {
    let d = directory(w, on_delete, json!({ "on_delete": on_delete, "default_roles": ["admin", "user"] })).await;
    let p = d.person(on_delete).await;
    let transfer = json!({ "name": "Acme", "owner_user_id": id(&p) });
    w.owner().put(&format!("/v1/tenants/{}", w.tenant), transfer).await.expect(200);
    refused(&d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": false }])).await, 409, None);
    refused(&d.calls.delete(&at(&p)).await, 409, None);
    let mail = json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "x@corp.example" }]);
    refused(&d.patch(&at(&p), mail).await, 409, None);
    d.patch(&at(&p), json!([{ "op": "replace", "path": "displayName", "value": "The owner" }])).await.expect(200);
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

async fn a_deletion_may_only_suspend(e: Engine) {
    let (s, d) = stage(e, json!({ "on_delete": "suspend" })).await;
    let w = &s.w;
    let mut body = ada("ada");
    body["externalId"] = json!("00u1");
    let p = d.make(body.clone()).await;
    let hers = signed_in(&s, "ada").await;
    d.calls.delete(&at(&p)).await.expect(204);
    hers[0].get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    // gone for the directory, suspended for everybody else
    refused(&d.calls.get(&at(&p)).await, 404, None);
    assert_eq!(d.calls.get(USERS).await.expect(200)["totalResults"], 0);
    let path = format!("/v1/users/{}", id(&p));
    let left = w.owner().get(&path).await.expect(200);
    assert_eq!((&left["state"], &left["external_id"]), (&json!("suspended"), &Value::Null));
    // another connection cannot have her
    let other = set_up(w, &w.owner(), "Entra", json!({})).await;
    refused(&other.calls.post(USERS, body.clone()).await, 409, Some("uniqueness"));
    // and who comes back is who she was
    let back = d.make(body).await;
    assert_eq!((&back["id"], &back["active"], &back["externalId"]), (&p["id"], &json!(true), &json!("00u1")));
    assert_eq!(w.owner().get(&path).await.expect(200)["state"], "active");
    hers[0].get("/v1/users/me/profile").await.refused(401, "unauthenticated");
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

async fn whoever_the_directory_made_signs_in_at_their_provider(e: Engine) {
    let (s, d) = stage(e, json!({})).await;
    let p = d.person("ada").await;
    let user = format!("/v1/users/{}", id(&p));
    assert_eq!(s.w.owner().get(&user).await.expect(200)["auth_provider"], "oidc");
    let hers = s.person("ada").await;
    assert_eq!(hers.get("/v1/users/me/profile").await.expect(200)["id"], p["id"]);
    // the directory finds them as before
    assert_eq!(d.calls.get(&at(&p)).await.expect(200)["userName"], "ada@corp.example");
    // and while the directory is switched off, they sign in as before
    s.w.owner().put(&d.path(), json!({ "enabled": false })).await.expect(200);
    hers.get("/v1/users/me/profile").await.expect(200);
    s.person("ada").await;
}
