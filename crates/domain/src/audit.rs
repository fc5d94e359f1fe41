//! What happened: one event for each change (spec v1 3.5, engine.md 13 and 14).
//!
//! Here is what an event says and its canonical bytes. How events are numbered and chained is the store's work.

use serde_json::{Map, Value};

use crate::id::Id;
use crate::time::Timestamp;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Ok,
    /// Refused.
    Denied,
    /// Tried, but did not work.
    Failed,
}
impl Outcome {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// What one use case says about what it did. Who, when and from where are added from its context.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: Id<Event>,
    /// A name of the catalogue: `user.created`.
    pub action: &'static str,
    /// What kind of thing: `user`.
    pub resource_type: &'static str,
    /// Which one.
    pub resource_id: String,
    /// How it went.
    pub outcome: Outcome,
    /// `{field: {before, after}}`; never a secret.
    pub changes: Map<String, Value>,
    /// What else matters.
    pub metadata: Map<String, Value>,
    /// Why, in the person's words.
    pub reasoning: Option<String>,
    /// Notices of the rules that decided.
    pub notices: Vec<String>,
    /// When, if not now.
    pub at: Option<Timestamp>,
}
impl Event {
    /// Something was done to a thing.
    pub fn new(id: Id<Event>, action: &'static str, resource_type: &'static str, resource_id: impl ToString) -> Self {
        Self {
            id,
            action,
            resource_type,
            resource_id: resource_id.to_string(),
            outcome: Outcome::Ok,
            changes: Map::new(),
            metadata: Map::new(),
            reasoning: None,
            notices: vec![],
            at: None,
        }
    }
    /// A field got a value, or lost it (`Null`). Nothing is noted when it stays the same.
    #[must_use]
    pub fn change(mut self, field: &str, before: impl Into<Value>, after: impl Into<Value>) -> Self {
        let (before, after) = (before.into(), after.into());
        if before != after {
            self.changes.insert(field.into(), serde_json::json!({ "before": before, "after": after }));
        }
        self
    }
    /// Adds to `metadata`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}
