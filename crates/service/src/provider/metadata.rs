//! What this provider is and where (OpenID Connect Discovery 1.0 3, RFC 8414 2).
use portcullis_domain::application::{GrantType, scope};
use serde_json::{Value, json};

use super::Provider;
use super::claims::PERSON;

impl Provider {
    /// The discovery document.
    pub fn metadata(&self) -> Value {
        let issuer = self.issuer();
        let at = |path: &str| format!("{issuer}{path}");
        let own = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"];
        let client_auth = ["client_secret_basic", "client_secret_post"];
        let with_public = ["client_secret_basic", "client_secret_post", "none"];
        json!({
            "issuer": issuer,
            "authorization_endpoint": at("/oauth2/authorize"),
            "token_endpoint": at("/oauth2/token"),
            "userinfo_endpoint": at("/oauth2/userinfo"),
            "jwks_uri": at("/jwks"),
            "revocation_endpoint": at("/oauth2/revoke"),
            "introspection_endpoint": at("/oauth2/introspect"),
            "device_authorization_endpoint": at("/oauth2/device_authorization"),
            "end_session_endpoint": at("/oauth2/end-session"),
            "scopes_supported": scope::STANDARD,
            "claims_supported": own.iter().chain(PERSON).collect::<Vec<_>>(),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": GrantType::ALL.map(GrantType::wire),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "token_endpoint_auth_methods_supported": with_public,
            "revocation_endpoint_auth_methods_supported": with_public,
            "introspection_endpoint_auth_methods_supported": client_auth,
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "claim_types_supported": ["normal"],
            "claims_parameter_supported": false,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
            "require_request_uri_registration": false,
            "authorization_response_iss_parameter_supported": true,
        })
    }
    /// The public keys of its tokens (RFC 7517).
    pub fn jwks(&self) -> Value {
        self.app.jwks()
    }
}
