//! Identity providers.
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::{Id, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

/// IdentityProvider (spec 3.2).
#[derive(Serialize)]
pub struct IdentityProviderView<'a> {
    id: Id<IdentityProvider>,
    name: &'a str,
    provider_type: &'static str,
    config: Map<String, Value>,
    enabled: bool,
    sync_status: &'static str,
    last_synced_at: Option<Timestamp>,
    sync_error: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> IdentityProviderView<'a> {
    /// Its secrets are masked.
    pub fn of(p: &'a IdentityProvider) -> Self {
        Self {
            id: p.id,
            name: &p.name,
            provider_type: p.kind().as_str(),
            config: p.shown_config(),
            enabled: p.enabled,
            sync_status: p.sync_status.as_str(),
            last_synced_at: p.last_synced_at,
            sync_error: p.sync_error.as_deref(),
            created_at: p.created_at,
            updated_at: p.updated_at,
        }
    }
}

/// OidcConfig (spec 3.2): a view of the default OpenID provider.
#[derive(Serialize)]
pub struct OidcConfigView<'a> {
    id: Id<IdentityProvider>,
    issuer_url: &'a str,
    client_id: &'a str,
    scopes: &'a [String],
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> OidcConfigView<'a> {
    /// Without its secret.
    pub fn of(p: &'a IdentityProvider) -> Self {
        let oidc = p.oidc();
        Self {
            id: p.id,
            issuer_url: oidc.map_or("", |o| &o.issuer_url),
            client_id: oidc.map_or("", |o| &o.client_id),
            scopes: oidc.map_or(&[], |o| &o.scopes),
            created_at: p.created_at,
            updated_at: p.updated_at,
        }
    }
}
