//! What an access token says, and what it must say to be accepted.
use portcullis_domain::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whom a token speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectType {
    /// A person.
    #[serde(rename = "app/user")]
    User,
    /// A machine.
    #[serde(rename = "app/serviceuser")]
    ServiceUser,
    /// A personal access token.
    #[serde(rename = "app/pat")]
    Pat,
}

/// `gen`: who made the token. There is one value; another does not parse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Generation {
    /// This server.
    #[default]
    #[serde(rename = "system")]
    System,
}

/// What an access token says (spec v1 9.6, decision 12; RFC 9068 2.2). Times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The public URL of the server.
    pub iss: String,
    /// The user; of a personal access token the token itself.
    pub sub: Uuid,
    /// `portcullis`, or what is configured.
    pub aud: String,
    /// Good until, exclusive.
    pub exp: i64,
    /// Made at.
    pub iat: i64,
    /// Good from, inclusive.
    pub nbf: i64,
    /// The token's own id.
    pub jti: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// Effective roles at issue. They inform others: the server itself looks at the session.
    pub roles: Vec<String>,
    /// The session, or the credential, that it was made from.
    pub sid: Uuid,
    /// How the person proved who they are (RFC 8176).
    pub amr: Vec<String>,
    /// When.
    pub auth_time: i64,
    /// `system`.
    #[serde(rename = "gen")]
    pub generation: Generation,
    /// `app/user`.
    pub sub_type: SubjectType,
    /// Only where asked for on /v1beta1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Comma list of organization ids, only where asked for on /v1beta1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_ids: Option<String>,
    /// Of a personal access token: its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// What it was exchanged for on /v1beta1 (spec v1beta1 4.3): `session`, `pat`, or a service user's credential. Such a token is not exchanged again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_via: Option<String>,
    /// Of a credential whose secret can be replaced: which secret it was made from. It dies with that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_generation: Option<i64>,
}

/// Why a token was refused. For the log; its holder is only told that it is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN`].
    #[error("the token is too long")]
    TooLong,
    /// Not three base64url parts with a header and claims of ours.
    #[error("not an access token of this server")]
    Malformed,
    /// `typ` is not `at+jwt`: a token made for something else (RFC 9068 4).
    #[error("the token is of another type")]
    WrongType,
    /// `kid` names no key of ours.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// `alg` is not that of the key: `none`, or an attempt at key confusion (RFC 8725 2.1).
    #[error("the algorithm is not that of the key")]
    WrongAlgorithm,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// `iss` is someone else.
    #[error("made by another issuer")]
    WrongIssuer,
    /// `aud` is someone else.
    #[error("made for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is still to come.
    #[error("the token is not valid yet")]
    NotYet,
}

/// What a token must say to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// The only issuer.
    pub issuer: &'a str,
    /// The only audience.
    pub audience: &'a str,
    /// This moment; there is no leeway, since the server's own clock made the token.
    pub now: Timestamp,
}
