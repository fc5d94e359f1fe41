//! Endpoints of a tenant that are told what happens, and what becomes of each telling (spec v1beta1 3.16).
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::event_name;
use crate::id::Id;
use crate::organization::State;
use crate::time::Timestamp;

/// An endpoint.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Made by us, version 7.
    pub id: Id<Webhook>,
    /// Where it is; unique in the tenant.
    pub url: String,
    /// For people.
    pub description: String,
    /// Names of events; empty: all that Frontier has a name for.
    pub events: Vec<String>,
    /// What is sent besides, sealed: such headers carry credentials of the receiver.
    pub sealed_headers: Vec<u8>,
    /// The signing secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// Whether it is told anything.
    pub state: State,
    /// Free JSON.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Which events an enabled endpoint wants: what a commit looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The endpoint.
    pub webhook: Id<Webhook>,
    /// As of [`Webhook::events`].
    pub events: Vec<String>,
}
impl Subscription {
    /// Does it want an event of this action?
    pub fn wants(&self, action: &str) -> bool {
        if self.events.is_empty() {
            return event_name::legacy(action).is_some();
        }
        let name = event_name::sent(action);
        self.events.iter().any(|e| e == name)
    }
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It will be tried (again).
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// Nobody tries any more.
    Failed,
}
impl DeliveryState {
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed].into_iter().find(|v| v.as_str() == s)
    }
}

/// One event for one endpoint. It is named by the event's id, which is also what receivers tell repetitions by.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// To whom.
    pub webhook_id: Id<Webhook>,
    /// The audit event that it tells of, from which what is sent is made at each try.
    pub event_id: Uuid,
    /// The event's action.
    pub action: String,
    /// How far it is.
    pub state: DeliveryState,
    /// Tries so far; one under way counts.
    pub attempts: i64,
    /// When the next try is due; `None` when there is none.
    pub due_at: Option<Timestamp>,
    /// What the receiver last answered.
    pub last_status: Option<i64>,
    /// Why the last try did not work.
    pub last_error: Option<String>,
    /// How long the last try took.
    pub duration_ms: Option<i64>,
    /// When the change was.
    pub created_at: Timestamp,
    /// When the receiver took it.
    pub delivered_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_names_no_event_wants_those_that_frontier_knows() {
        let of = |events: &[&str]| Subscription {
            webhook: Id::from_uuid(Uuid::nil()),
            events: events.iter().map(|e| (*e).to_owned()).collect(),
        };
        assert!(of(&[]).wants("user.created") && !of(&[]).wants("auth.login_succeeded"));
        assert!(of(&["app.user.created"]).wants("user.created") && !of(&["app.user.created"]).wants("user.deleted"));
        assert!(of(&["auth.login_succeeded"]).wants("auth.login_succeeded"));
        // an event has one name: the one that is sent
        assert!(!of(&["user.created"]).wants("user.created"));
    }
}
