//! API keys.
use portcullis_domain::api_key::{ApiKey, KeyOwner};
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};
use serde::Serialize;

/// ApiKey (spec 3.2).
#[derive(Serialize)]
pub struct ApiKeyView<'a> {
    id: Id<ApiKey>,
    name: &'a str,
    prefix: &'a str,
    scopes: &'a [String],
    owner_type: &'static str,
    service_user_id: Option<Id<portcullis_domain::context::ServiceUser>>,
    status: &'static str,
    created_at: Timestamp,
    created_by: Option<Id<User>>,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    revoked_by: Option<Id<User>>,
    identity_provider_id: Option<Id<IdentityProvider>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_key: Option<&'a str>,
}
impl<'a> ApiKeyView<'a> {
    /// As it stands at this moment.
    pub fn at(key: &'a ApiKey, now: Timestamp) -> Self {
        let (owner_type, service_user_id) = match key.owner {
            KeyOwner::User(_) => ("user", None),
            KeyOwner::Service(id) => ("service", Some(id)),
        };
        Self {
            id: key.id,
            name: &key.name,
            prefix: &key.prefix,
            scopes: key.scopes.as_slice(),
            owner_type,
            service_user_id,
            status: key.status(now),
            created_at: key.created_at,
            created_by: key.created_by,
            last_used_at: key.last_used_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            revoked_by: key.revoked_by,
            identity_provider_id: key.identity_provider_id,
            raw_key: None,
        }
    }
    /// Just made: the only answer that holds the raw key.
    pub fn made(key: &'a ApiKey, raw: &'a str) -> Self {
        Self { raw_key: Some(raw), ..Self::at(key, key.created_at) }
    }
}
