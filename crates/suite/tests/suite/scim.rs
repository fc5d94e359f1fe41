//! `/scim/v2` (spec v1 4.18): people whom a directory writes, and what becomes of them here.
mod credentials;
mod ends;
mod groups;
mod lists;
mod peer;
mod people;
mod trust;

use serde_json::{Value, json};

use crate::openid::Stage;
use crate::world::*;

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
