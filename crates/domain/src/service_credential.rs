//! What a service user proves itself with (spec v1beta1 3.10). None of them ends by itself; none is shown twice.
use std::fmt;

use crate::id::Id;
use crate::organization::Organization;
use crate::service_user::ServiceUser;
use crate::time::Timestamp;
use crate::user::User;

/// How it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceCredentialKind {
    /// `Authorization: Basic id:secret`.
    Secret,
    /// `Authorization: Bearer token`, or Basic with the id.
    Token,
    /// A key pair: it signs short-lived JWTs.
    Key,
}
impl ServiceCredentialKind {
    const ALL: [Self; 3] = [Self::Secret, Self::Token, Self::Key];
    /// The word in the database and in audit events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Token => "token",
            Self::Key => "key",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == s)
    }
}

/// A credential of a service user.
#[derive(Clone, Debug)]
pub struct ServiceCredential {
    /// The client id of a secret or token, the `kid` of a key. Unique on the server: it names its tenant.
    pub id: Id<ServiceCredential>,
    /// Whose.
    pub service_user_id: Id<ServiceUser>,
    /// Where that one belongs.
    pub organization_id: Option<Id<Organization>>,
    /// How it is used.
    pub kind: ServiceCredentialKind,
    /// For people.
    pub title: String,
    /// The person who made it, or who stood behind the machine that did.
    pub created_by: Option<Id<User>>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is kept to recognise it.
#[derive(Clone)]
pub enum Verifier {
    /// SHA-256 of a secret or token of ours.
    Sha256([u8; 32]),
    /// bcrypt of a secret that was imported; replaced at its first use (decision 14).
    Bcrypt(String),
    /// SHA3-256 of the 32 bytes that an imported token writes as 64 hexadecimal digits.
    Sha3([u8; 32]),
    /// The public half of a key: one JWK.
    Jwk(String),
}
impl Verifier {
    /// The word in the database.
    pub const fn scheme(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256",
            Self::Bcrypt(_) => "bcrypt",
            Self::Sha3(_) => "sha3-256",
            Self::Jwk(_) => "jwk",
        }
    }
    /// As it is stored.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(hash) | Self::Sha3(hash) => hash,
            Self::Bcrypt(text) | Self::Jwk(text) => text.as_bytes(),
        }
    }
    /// As it was stored.
    pub fn stored(scheme: &str, bytes: Vec<u8>) -> Option<Self> {
        Some(match scheme {
            "sha256" => Self::Sha256(bytes.try_into().ok()?),
            "bcrypt" => Self::Bcrypt(String::from_utf8(bytes).ok()?),
            "sha3-256" => Self::Sha3(bytes.try_into().ok()?),
            "jwk" => Self::Jwk(String::from_utf8(bytes).ok()?),
            _ => return None,
        })
    }
}
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", self.scheme())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let all = [
            Verifier::Sha256([7; 32]),
            Verifier::Bcrypt("$2a$14$x".into()),
            Verifier::Sha3([8; 32]),
            Verifier::Jwk("{}".into()),
        ];
        for v in all {
            let again = Verifier::stored(v.scheme(), v.bytes().to_vec());
            assert!(again.is_some_and(|a| a.scheme() == v.scheme() && a.bytes() == v.bytes()));
        }
        assert!(Verifier::stored("sha256", vec![1]).is_none() && Verifier::stored("md5", vec![]).is_none());
    }

    #[test]
    fn sec_18_debug_shows_no_verifier() {
        assert_eq!(format!("{:?}", Verifier::Bcrypt("$2a$14$x".into())), "Verifier(bcrypt)");
    }
}
