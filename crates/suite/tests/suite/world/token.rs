//! Personal access tokens for tests to begin from, and what they are used on.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::Timestamp;
use serde_json::{Value, json};

use super::access::*;
use super::{Client, PASSWORD, Person, World};

/// An organization with two projects, its owner, and a member who holds nothing else.
pub struct Place {
    pub owner: Person,
    pub member: Person,
    pub organization: String,
    pub web: String,
    pub api: String,
}
pub async fn place(w: &World) -> Place {
    let owner = w.person("Olga", &["user"]).await;
    let member = w.person("Max", &["user"]).await;
    let organization = organization(&owner.client, "acme-corp").await;
    join(w, &organization, &member.id, ORGANIZATION_VIEWER).await;
    let web = project(&owner.client, &organization, "web").await;
    let api = project(&owner.client, &organization, "api").await;
    Place { owner, member, organization, web, api }
}
/// So many seconds from now, in RFC 3339.
pub fn in_seconds(w: &World, seconds: i64) -> Value {
    json!(Timestamp::from_micros((w.clock.seconds() + seconds) * 1_000_000).to_string())
}
/// The scope of a member who may look at the organization.
pub fn viewer() -> Value {
    json!([{ "role_id": ORGANIZATION_VIEWER, "resource_type": "app/organization" }])
}
/// A role on these projects; on none: on all.
pub fn on_projects(role: &str, projects: &[&str]) -> Value {
    json!([{ "role_id": role, "resource_type": "app/project", "resource_ids": projects }])
}
/// A token that lives an hour: its id, and its text.
pub async fn token(w: &World, by: &Client, organization: &str, scopes: Value) -> (String, String) {
    token_titled(w, by, organization, scopes, &format!("Token {}", super::unique())).await
}
pub async fn token_titled(w: &World, by: &Client, organization: &str, scopes: Value, title: &str) -> (String, String) {
    let body = json!({ "title": title, "org_id": organization, "scopes": scopes, "expires_at": in_seconds(w, 3_600) });
    let pat = connect(by, "CreateCurrentUserPAT", body).await.expect(200)["pat"].clone();
    (id(&pat), pat["token"].as_str().unwrap().to_owned())
}
/// What an access token says.
pub fn claims(token: &str) -> Value {
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}
/// Somebody of the first tenant in a new session: time has passed.
pub async fn sign_in(w: &World, person: &Person) -> Client {
    let login = json!({ "email": person.email, "password": PASSWORD });
    let signed_in = w.anonymous().post("/v1/auth/login", login).await.expect(200);
    w.bearer(signed_in["token"].as_str().unwrap())
}
