//! Role bindings: who holds which role on what (Frontier calls them policies; spec v1beta1 3.6, 5.3).
use uuid::Uuid;

use crate::access_role::AccessRole;
use crate::id::Id;
use crate::time::Timestamp;

/// Who can hold a binding. The order groups bearers by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bearer {
    /// A person.
    User(Uuid),
    /// A machine.
    ServiceUser(Uuid),
    /// All members of a group.
    Group(Uuid),
    /// A personal access token, which never holds more than its user.
    Pat(Uuid),
}
impl Bearer {
    /// Its namespace in the API.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::User(_) => "app/user",
            Self::ServiceUser(_) => "app/serviceuser",
            Self::Group(_) => "app/group",
            Self::Pat(_) => "app/pat",
        }
    }
    /// Its id.
    pub const fn id(self) -> Uuid {
        match self {
            Self::User(id) | Self::ServiceUser(id) | Self::Group(id) | Self::Pat(id) => id,
        }
    }
    /// From the namespace's full name and an id.
    pub fn new(namespace: &str, id: Uuid) -> Option<Self> {
        Some(match namespace {
            "app/user" => Self::User(id),
            "app/serviceuser" => Self::ServiceUser(id),
            "app/group" => Self::Group(id),
            "app/pat" => Self::Pat(id),
            _ => return None,
        })
    }
}

/// How a binding reaches the object (spec v1beta1 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// On the object itself.
    Granted,
    /// A token's on all projects of an organization.
    PatGranted,
}
impl Relation {
    /// The word in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::PatGranted => "pat_granted",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Granted, Self::PatGranted].into_iter().find(|r| r.as_str() == s)
    }
}

/// A role that somebody holds on an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleBinding {
    /// Its id.
    pub id: Id<RoleBinding>,
    /// Which role.
    pub role_id: Id<AccessRole>,
    /// The object's namespace: `app/organization`, `app/project`, `app/group` or one of the tenant's own.
    pub namespace: String,
    /// The object's id.
    pub object_id: Uuid,
    /// Who holds it.
    pub bearer: Bearer,
    /// How it reaches the object.
    pub relation: Relation,
    /// A title for people.
    pub title: String,
    /// Free JSON.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
