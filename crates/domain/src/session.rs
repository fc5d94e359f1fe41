//! A signed-in person, on one device.
use std::net::IpAddr;

use crate::id::Id;
use crate::time::Timestamp;
use crate::user::User;

/// A session. Each access token names one, and it is looked at on every call (spec v1 9.6).
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id: the `sid` claim.
    pub id: Id<Session>,
    /// Whose.
    pub user_id: Id<User>,
    /// How the person proved who they are (RFC 8176).
    pub amr: Vec<String>,
    /// When they last did.
    pub auth_time: Timestamp,
    /// Made when.
    pub created_at: Timestamp,
    /// Ends by itself.
    pub expires_at: Timestamp,
    /// Ended before its time.
    pub revoked_at: Option<Timestamp>,
}

/// What renews a session (spec v1 9.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// A digest of what all its refresh tokens share.
    pub family: [u8; 32],
    /// A digest of the one that counts.
    pub hash: [u8; 32],
    /// When that one ends.
    pub expires_at: Timestamp,
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
