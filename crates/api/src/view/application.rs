//! Applications.
use portcullis_domain::application::Application;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};
use portcullis_service::application::ApplicationMade;
use serde::Serialize;

/// Application (decision 15).
#[derive(Serialize)]
pub struct ApplicationView<'a> {
    id: Id<Application>,
    client_id: Id<Application>,
    name: &'a str,
    kind: &'static str,
    redirect_uris: &'a [String],
    post_logout_redirect_uris: &'a [String],
    grants: Vec<&'static str>,
    scopes: &'a [String],
    third_party: bool,
    secret_made_at: Option<Timestamp>,
    old_secret_ends_at: Option<Timestamp>,
    created_by: Option<Id<User>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
}
impl<'a> ApplicationView<'a> {
    /// As it is kept.
    pub fn of(a: &'a Application) -> Self {
        Self {
            id: a.id,
            client_id: a.id,
            name: &a.name,
            kind: a.kind.as_str(),
            redirect_uris: &a.redirect_uris,
            post_logout_redirect_uris: &a.post_logout_redirect_uris,
            grants: a.grants.iter().map(|g| g.as_str()).collect(),
            scopes: &a.scopes,
            third_party: a.third_party,
            secret_made_at: a.secret_made_at,
            old_secret_ends_at: a.old_secret_ends_at,
            created_by: a.created_by,
            created_at: a.created_at,
            updated_at: a.updated_at,
            client_secret: None,
        }
    }
    /// With its new secret: the only answer that holds it.
    pub fn made(made: &'a ApplicationMade) -> Self {
        Self { client_secret: made.secret.as_ref().map(|s| s.expose()), ..Self::of(&made.application) }
    }
}
