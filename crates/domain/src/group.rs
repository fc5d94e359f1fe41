//! A group of people: of the tenant, or of one organization (spec v1beta1 3.3, decision 16). Its members are those who hold a role on it.
use serde_json::{Map, Value};

use crate::id::Id;
use crate::organization::{Organization, State};
use crate::time::Timestamp;
use crate::value::Slug;

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Made by us, version 7.
    pub id: Id<Group>,
    /// Where it lies; `None`: the tenant's.
    pub organization_id: Option<Id<Organization>>,
    /// Unique where it lies.
    pub name: Slug,
    /// For people.
    pub title: String,
    /// A disabled group gives nothing.
    pub state: State,
    /// Where it comes from: `manual`, `scim`, …
    pub source: String,
    /// Free JSON, checked against the MetaSchema `group`.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Moves with each change.
    pub revision: i64,
}
