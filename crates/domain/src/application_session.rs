//! Somebody signed in to an application: what a code stands for, and the tokens that it was exchanged for.
use std::fmt;

use crate::application::{Application, GrantType};
use crate::id::Id;
use crate::identity_provider::IdentityProvider;
use crate::session::Session;
use crate::time::Timestamp;
use crate::user::User;

/// A person's session at an application. Each of its tokens names it, and it is looked at on every use.
#[derive(Clone, Debug)]
pub struct ApplicationSession {
    /// Made by us, version 7.
    pub id: Id<ApplicationSession>,
    /// Where.
    pub application_id: Id<Application>,
    /// Who.
    pub user_id: Id<User>,
    /// The session that they were signed in with.
    pub session_id: Id<Session>,
    /// Who vouched for them there, if they did not sign in here.
    pub identity_provider: Option<Id<IdentityProvider>>,
    /// What it began with: it counts while the application may use that.
    pub began_with: GrantType,
    /// What was given.
    pub scopes: Vec<String>,
    /// Does it outlive that session (scope `offline_access`)?
    pub offline: bool,
    /// How the person had proved who they are (RFC 8176).
    pub amr: Vec<String>,
    /// When they had.
    pub auth_time: Timestamp,
    /// What the application wants to find in its ID tokens.
    pub nonce: Option<String>,
    /// Made when.
    pub created_at: Timestamp,
    /// Ends by itself unless it is refreshed.
    pub expires_at: Timestamp,
    /// Ended before its time.
    pub revoked_at: Option<Timestamp>,
}
impl ApplicationSession {
    /// Was this scope given?
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|s| s == scope)
    }
}

/// The code that it began with (RFC 6749 4.1.2).
#[derive(Clone)]
pub struct AuthorizationCode {
    /// A digest of it.
    pub hash: [u8; 32],
    /// Where it was sent.
    pub redirect_uri: String,
    /// What the proof of whoever brings it is compared with (RFC 7636 4.2, `S256`).
    pub challenge: String,
    /// Good until, exclusive.
    pub ends_at: Timestamp,
    /// When it was exchanged.
    pub spent_at: Option<Timestamp>,
}
impl fmt::Debug for AuthorizationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationCode").field("ends_at", &self.ends_at).finish_non_exhaustive()
    }
}
