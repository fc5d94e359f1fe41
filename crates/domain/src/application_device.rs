//! Devices without a browser, which wait until somebody confirms them on another one (RFC 8628).
use crate::application::Application;
use crate::application_session::ApplicationSession;
use crate::id::Id;
use crate::time::Timestamp;

/// A device that waits.
#[derive(Clone, Debug)]
pub struct WaitingDevice {
    /// Made by us, version 7.
    pub id: Id<WaitingDevice>,
    /// Which application runs on it.
    pub application_id: Id<Application>,
    /// What it asked for.
    pub scopes: Vec<String>,
    /// How far it is.
    pub state: DeviceState,
    /// Once it was allowed: what it gets.
    pub application_session_id: Option<Id<ApplicationSession>>,
    /// Seconds that it has to wait between two questions.
    pub interval_seconds: i64,
    /// When it last asked.
    pub polled_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
    /// Good until, exclusive.
    pub expires_at: Timestamp,
}

/// How far a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody has looked at it yet.
    Pending,
    /// Somebody confirmed it.
    Allowed,
    /// Somebody refused it.
    Denied,
}
impl DeviceState {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
    /// Reads the word; an unknown one opens no door.
    pub fn read(s: &str) -> Self {
        [Self::Pending, Self::Allowed].into_iter().find(|v| v.as_str() == s).unwrap_or(Self::Denied)
    }
}
