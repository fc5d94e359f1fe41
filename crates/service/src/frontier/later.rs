//! Tables that are read, but have no home in this version. Service users and their credentials come first: their rows are taken
//! apart here already, and the two functions are where they are written once there are tables for them.
use portcullis_domain::Timestamp;
use portcullis_domain::organization::State;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Outcome;
use super::row::Row;

/// A service user as Frontier has it.
#[derive(Debug)]
pub(super) struct ServiceUser {
    pub id: Uuid,
    /// `None`: the platform's own, the bootstrap superuser.
    pub organization: Option<Uuid>,
    pub title: String,
    pub state: State,
    pub metadata: Map<String, Value>,
    pub created_at: Timestamp,
}
impl ServiceUser {
    pub fn of(r: &Row) -> Option<Self> {
        Some(Self {
            id: r.id()?,
            organization: r.uuid("org_id").filter(|o| !o.is_nil()),
            title: r.title(),
            state: r.state(),
            metadata: r.metadata().0,
            created_at: r.time("created_at", Timestamp::default()),
        })
    }
}

/// What a credential is verified with; its id is the client id, or the `kid` (frontier-tables.md 2).
#[derive(PartialEq, Eq)]
pub(super) enum Verifier {
    /// bcrypt of the secret's text.
    Secret(String),
    /// SHA3-256 of the token's 32 bytes.
    Token([u8; 32]),
    /// A JWKS with one RSA key.
    Key(Value),
}
impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret(…)",
            Self::Token(_) => "Token(…)",
            Self::Key(_) => "Key(…)",
        })
    }
}
/// A credential of a service user.
#[derive(Debug)]
pub(super) struct Credential {
    pub id: Uuid,
    pub service_user: Uuid,
    pub title: String,
    pub verifier: Verifier,
    pub created_at: Timestamp,
}
impl Credential {
    /// The error says why it cannot work.
    pub fn of(r: &Row) -> Result<Self, &'static str> {
        let key =
            || r.0.get("public_key").filter(|k| k["keys"].as_array().is_some_and(|keys| !keys.is_empty())).cloned();
        let verifier = match (r.str("type"), r.text("secret_hash")) {
            ("opaque_token", Some(hex)) => Verifier::Token(digest(hex).ok_or("its hash is no SHA3-256")?),
            (_, Some(hash)) if hash.starts_with("$2") => Verifier::Secret(hash.to_owned()),
            (_, Some(_)) => return Err("its hash is of a kind that is not known"),
            (_, None) => Verifier::Key(key().ok_or("neither a hash nor a key")?),
        };
        Ok(Self {
            id: r.id().ok_or("no id")?,
            service_user: r.uuid("serviceuser_id").ok_or("no service user")?,
            title: r.title(),
            verifier,
            created_at: r.time("created_at", Timestamp::default()),
        })
    }
}
fn digest(hex: &str) -> Option<[u8; 32]> {
    let bytes = hex.as_bytes();
    if bytes.len() != 64 || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut out = [0; 32];
    for (n, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(out)
}

/// Where a service user is written, once there is a table for them.
pub(super) fn service_user(r: &Row) -> Outcome {
    match ServiceUser::of(r) {
        Some(s) => {
            tracing::debug!(id = %s.id, organization = ?s.organization, title = s.title, state = s.state.as_str(),
                metadata = s.metadata.len(), created_at = %s.created_at, "a service user is not kept yet");
            Outcome::Left("not kept by this version")
        }
        None => Outcome::Problem("no id".into()),
    }
}
/// Where a credential is written, once there is a table for them: the hash or the key as it is, since the id is kept.
pub(super) fn credential(r: &Row) -> Outcome {
    match Credential::of(r) {
        Ok(c) => {
            tracing::debug!(id = %c.id, service_user = %c.service_user, title = c.title, verifier = ?c.verifier,
                created_at = %c.created_at, "a credential is not kept yet");
            Outcome::Left("not kept by this version")
        }
        Err(why) => Outcome::Problem(why.into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0199c0de-0000-7000-8000-000000000001";

    fn credential(v: Value) -> Result<Verifier, &'static str> {
        let mut columns = v.as_object().unwrap().clone();
        columns.insert("id".into(), ID.into());
        columns.insert("serviceuser_id".into(), ID.into());
        Credential::of(&Row(columns)).map(|c| c.verifier)
    }

    #[test]
    fn each_kind_of_credential_is_told_by_what_it_has() {
        let bcrypt = "$2a$14$abcdefghijklmnopqrstuu";
        let token = "ab".repeat(32);
        let jwks = json!({ "keys": [{ "kty": "RSA" }] });
        for kind in [json!("client_credential"), json!(""), Value::Null] {
            let row = json!({ "type": kind, "secret_hash": bcrypt, "public_key": null });
            assert_eq!(credential(row), Ok(Verifier::Secret(bcrypt.into())));
        }
        let row = json!({ "type": "opaque_token", "secret_hash": token, "public_key": null });
        assert_eq!(credential(row), Ok(Verifier::Token([0xab; 32])));
        let row = json!({ "type": "jwt_bearer", "secret_hash": "", "public_key": jwks });
        assert_eq!(credential(row), Ok(Verifier::Key(jwks)));
        for wrong in [
            json!({ "type": "opaque_token", "secret_hash": "xyz" }),
            json!({ "type": "client_credential", "secret_hash": "plain" }),
            json!({ "type": "jwt_bearer", "secret_hash": "", "public_key": null }),
            json!({ "type": "jwt_bearer", "secret_hash": "", "public_key": { "keys": [] } }),
        ] {
            assert!(credential(wrong.clone()).is_err(), "{wrong}");
        }
        assert_eq!(format!("{:?}", Verifier::Secret(bcrypt.into())), "Secret(…)");
    }
}
