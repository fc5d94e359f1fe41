//! An organization with a project in it.
use serde_json::json;

use super::access::{id, organization};
use super::{Client, World};

/// An organization of the tenant's owner, with a project in it.
pub struct Place {
    pub organization: String,
    pub project: String,
}
pub async fn place(w: &World, name: &str) -> Place {
    place_of(&w.owner(), name).await
}
pub async fn place_of(by: &Client, name: &str) -> Place {
    let organization = organization(by, name).await;
    let body = json!({ "name": format!("{name}-web"), "org_id": organization });
    let made = by.post("/v1beta1/projects", body).await.expect(200);
    Place { organization, project: id(&made["project"]) }
}
