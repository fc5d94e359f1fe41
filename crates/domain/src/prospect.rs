//! Somebody who might become a customer: who left an address for some activity, such as a newsletter (spec v1beta1 3.16).
use serde_json::{Map, Value};

use crate::id::Id;
use crate::time::Timestamp;
use crate::value::Email;

/// Does the person want to hear of the activity?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No longer.
    Unsubscribed,
    /// Yes.
    Subscribed,
}
impl Status {
    /// All of them, in the order of their numbers in the API, which begin with 1.
    pub const ALL: [Self; 2] = [Self::Unsubscribed, Self::Subscribed];
    /// The word in the database and in searches.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribed => "unsubscribed",
            Self::Subscribed => "subscribed",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == s)
    }
    /// The API's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsubscribed => "STATUS_UNSUBSCRIBED",
            Self::Subscribed => "STATUS_SUBSCRIBED",
        }
    }
}

/// What a prospect says of themselves, or somebody of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Of a person or a company; may be empty.
    pub name: String,
    /// With the activity unique in the tenant.
    pub email: Email,
    /// May be empty.
    pub phone: String,
    /// What it is about: `newsletter`.
    pub activity: String,
    /// Do they want to hear of it?
    pub status: Status,
    /// Where they came from; may be empty.
    pub source: String,
    /// Was the address proved?
    pub verified: bool,
    /// Checked against the tenant's MetaSchema `prospect`.
    pub metadata: Map<String, Value>,
}

/// A prospect.
#[derive(Clone, Debug, PartialEq)]
pub struct Prospect {
    /// Made by us, version 7.
    pub id: Id<Prospect>,
    /// What may change.
    pub content: Content,
    /// When the status last changed.
    pub changed_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
