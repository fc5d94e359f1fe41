//! What tokens for applications say: ID tokens (OpenID Connect Core 1.0 2) and access tokens (RFC 9068 2.2). Their issuer is the
//! tenant's own (decision 15), so none of them is a credential of this server's API.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an access token for an application says. Times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationClaims {
    /// The tenant's issuer.
    pub iss: String,
    /// The person; of a token that the application got for itself the application.
    pub sub: Uuid,
    /// The application.
    pub aud: Uuid,
    /// The same (RFC 9068 2.2).
    pub client_id: Uuid,
    /// Good until, exclusive.
    pub exp: i64,
    /// Made at.
    pub iat: i64,
    /// The token's own id.
    pub jti: Uuid,
    /// What it was given for, with blanks between.
    pub scope: String,
    /// The session at the application, which is looked at when the token comes back; of a token that the application got for itself
    /// there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_session: Option<Uuid>,
    /// When the person last proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How strongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// How (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// What an ID token says. Times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdClaims {
    /// The tenant's issuer.
    pub iss: String,
    /// The person.
    pub sub: Uuid,
    /// The application.
    pub aud: Uuid,
    /// Good until, exclusive.
    pub exp: i64,
    /// Made at.
    pub iat: i64,
    /// When the person last proved who they are.
    pub auth_time: i64,
    /// What the application sent with its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// How strongly the person proved who they are.
    pub acr: String,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// The session here, which ending-session requests name.
    pub sid: Uuid,
    /// [`at_hash`] of the access token that came along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// What the scopes tell of the person.
    #[serde(flatten)]
    pub person: serde_json::Map<String, serde_json::Value>,
}

/// `at_hash` of an access token: of Ed25519, whose own digest is SHA-512, the left half of that (OpenID Connect Core 1.0 3.1.3.6, as
/// libraries read it for `EdDSA`).
pub fn at_hash(access_token: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..32])
}
