//! A machine that acts for itself: of an organization, or of a service key of `/v1` (spec v1beta1 3.10, decision 13).
use serde_json::{Map, Value};

use crate::id::Id;
use crate::organization::{Organization, State};
use crate::role::Roles;
use crate::time::Timestamp;

/// A service user.
#[derive(Clone, Debug)]
pub struct ServiceUser {
    /// Made by us, version 7.
    pub id: Id<ServiceUser>,
    /// Where it belongs; `None`: it was made by a service key of `/v1`, and lies in the platform organization.
    pub organization_id: Option<Id<Organization>>,
    /// For people.
    pub title: String,
    /// A disabled one can do nothing (decision 19).
    pub state: State,
    /// Roles of the tenant: `admin` makes a superuser, `checker` one who may check for others (decision 17).
    pub roles: Roles,
    /// Free JSON.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
