//! A signed-in person, on one device.
use std::net::IpAddr;

use crate::id::Id;
use crate::identity_provider::IdentityProvider;
use crate::time::Timestamp;
use crate::user::User;

/// A session. Each access token names one, and it is looked at on every call (spec v1 9.6).
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id: the `sid` claim.
    pub id: Id<Session>,
    /// Whose.
    pub user_id: Id<User>,
    /// Who vouched for them, if they did not sign in here.
    pub identity_provider: Option<Id<IdentityProvider>>,
    /// How the person proved who they are (RFC 8176).
    pub amr: Vec<String>,
    /// When they last did.
    pub auth_time: Timestamp,
    /// Made when.
    pub created_at: Timestamp,
    /// Ends by itself, however often it is renewed.
    pub expires_at: Timestamp,
    /// Ends before that unless it is renewed: by its refresh token, or by any call with its cookie.
    pub idle_at: Timestamp,
    /// Ended before its time.
    pub revoked_at: Option<Timestamp>,
    /// A second factor is due: it reaches only what enrols or shows one (spec v1 9.2).
    pub restricted: bool,
}

/// What a session's client holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// An access token, and a refresh token for the next one (spec v1 9.6).
    Tokens(Refresh),
    /// A cookie of this digest (spec v1 2.2).
    Cookie([u8; 32]),
}
/// The refresh tokens of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// A digest of what all of them share.
    pub family: [u8; 32],
    /// A digest of the one that counts.
    pub hash: [u8; 32],
}

/// A session as its person recognises it.
#[derive(Clone, Debug)]
pub struct SessionOnDevice {
    /// The session.
    pub session: Session,
    /// From where it was last seen.
    pub ip: Option<IpAddr>,
    /// What its client calls itself.
    pub user_agent: String,
    /// When it was last seen.
    pub seen_at: Timestamp,
}
