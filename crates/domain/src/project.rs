//! A project of an organization: where resources lie (spec v1beta1 3.4).
use serde_json::{Map, Value};

use crate::id::Id;
use crate::organization::{Organization, State};
use crate::time::Timestamp;
use crate::value::Slug;

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Made by us, version 7.
    pub id: Id<Project>,
    /// Where it lies; never changes.
    pub organization_id: Id<Organization>,
    /// Unique in the tenant; never changes.
    pub name: Slug,
    /// For people.
    pub title: String,
    /// Whether bindings on it count.
    pub state: State,
    /// Free JSON.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Moves with each change.
    pub revision: i64,
}
