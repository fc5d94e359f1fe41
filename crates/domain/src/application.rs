//! Applications: who signs people in through this server (decision 15; OAuth 2.0 calls them clients, RFC 6749 2).
use crate::id::Id;
use crate::time::Timestamp;
use crate::user::User;

/// An application of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Made by us, version 7. It is the `client_id`.
    pub id: Id<Application>,
    /// For people, 1–120 characters; they read it when they are asked for consent.
    pub name: String,
    /// Can it keep a secret?
    pub kind: Kind,
    /// Where answers may be sent, each compared as a whole.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after signing out, likewise.
    pub post_logout_redirect_uris: Vec<String>,
    /// What its tokens may be asked for with, in the order of [`GrantType::ALL`].
    pub grants: Vec<GrantType>,
    /// What it may ask for at most.
    pub scopes: Vec<String>,
    /// Is it somebody else's, so that people are asked before it learns anything of them?
    pub third_party: bool,
    /// When its secret was made; `None`: it has none.
    pub secret_made_at: Option<Timestamp>,
    /// Until when the secret before that is taken too.
    pub old_secret_ends_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: Option<Id<User>>,
    /// When.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub revision: i64,
}
impl Application {
    /// May it use this grant?
    pub fn may(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }
}

/// What is compared with a secret that was shown: hashes of the one of now, and of the one before while that is taken.
#[derive(Clone, Copy, Default)]
pub struct Secrets {
    /// Of now.
    pub current: Option<[u8; 32]>,
    /// Of before.
    pub old: Option<[u8; 32]>,
}
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// The types of clients (RFC 6749 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In a browser or on a device: whoever has it can read all that is in it, so it has no secret.
    Public,
    /// On a server, which keeps its secret.
    Confidential,
}
impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Public, Self::Confidential];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Confidential => "confidential",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == s)
    }
}

/// What a token is asked for with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantType {
    /// A code that a browser brought (RFC 6749 4.1).
    AuthorizationCode,
    /// A refresh token (RFC 6749 6).
    RefreshToken,
    /// Its own secret, for itself (RFC 6749 4.4).
    ClientCredentials,
    /// A code that somebody confirmed on another device (RFC 8628).
    DeviceCode,
}
impl GrantType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::DeviceCode];
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "device_code",
        }
    }
    /// What a token request's `grant_type` says.
    pub const fn wire(self) -> &'static str {
        match self {
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            other => other.as_str(),
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.as_str() == s)
    }
    /// Reads a `grant_type`.
    pub fn parse_wire(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.wire() == s)
    }
}

/// The scopes that the server itself knows (OpenID Connect Core 1.0 5.4, 11; `roles` and `groups` are ours). Others are the
/// application's own words, for its own servers.
pub mod scope {
    /// An ID token.
    pub const OPENID: &str = "openid";
    /// The name, and what it is made of.
    pub const PROFILE: &str = "profile";
    /// The address, and whether it was proved.
    pub const EMAIL: &str = "email";
    /// Roles of the tenant.
    pub const ROLES: &str = "roles";
    /// Groups of the tenant.
    pub const GROUPS: &str = "groups";
    /// Tokens that outlive the session.
    pub const OFFLINE_ACCESS: &str = "offline_access";
    /// All of them.
    pub const STANDARD: [&str; 6] = [OPENID, PROFILE, EMAIL, ROLES, GROUPS, OFFLINE_ACCESS];

    /// Is this a word that a scope may be: 1–100 characters of RFC 6749 3.3?
    pub fn is_word(s: &str) -> bool {
        let plain = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        (1..=100).contains(&s.len()) && s.bytes().all(plain)
    }
    /// Does the server itself know it?
    pub fn is_standard(s: &str) -> bool {
        STANDARD.contains(&s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        assert!(Kind::ALL.into_iter().all(|k| Kind::parse(k.as_str()) == Some(k)));
        assert!(GrantType::ALL.into_iter().all(|g| GrantType::parse(g.as_str()) == Some(g)));
        assert!(GrantType::ALL.into_iter().all(|g| GrantType::parse_wire(g.wire()) == Some(g)));
        assert_eq!((GrantType::parse("password"), GrantType::parse_wire("device_code")), (None, None));
    }

    #[test]
    fn a_scope_is_one_word() {
        assert!(scope::is_word("https://api.example.com/orders:read") && scope::is_word("!"));
        for bad in ["", "a b", "a\"b", "a\\b", "ä", "a\n", &"a".repeat(101)] {
            assert!(!scope::is_word(bad), "{bad}");
        }
    }
}
