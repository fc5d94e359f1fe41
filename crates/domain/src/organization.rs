//! An organization: a customer of the tenant (spec v1beta1 3.2).
use serde_json::{Map, Value};

use crate::id::Id;
use crate::time::Timestamp;
use crate::value::Slug;

/// Does something count? What is disabled stays, but gives nothing (decision 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It counts.
    Enabled,
    /// It gives nothing.
    Disabled,
}
impl State {
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Enabled, Self::Disabled].into_iter().find(|v| v.as_str() == s)
    }
    /// Is it enabled?
    pub const fn is_enabled(self) -> bool {
        matches!(self, Self::Enabled)
    }
}

/// An organization.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Made by us, version 7.
    pub id: Id<Organization>,
    /// Unique in the tenant; never changes.
    pub name: Slug,
    /// For people.
    pub title: String,
    /// An address or an image (decision 3).
    pub avatar: Option<String>,
    /// Whether anything below it counts.
    pub state: State,
    /// Free JSON, checked against the MetaSchema `organization`.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Moves with each change.
    pub revision: i64,
}
