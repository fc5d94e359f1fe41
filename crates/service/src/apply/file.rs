//! The access file as it is written: what `portcullis apply` reads and `portcullis export` writes. What its words mean is
//! checked in `wanted.rs`.
use portcullis_domain::organization::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The one version of the format.
pub const VERSION: u32 = 1;
/// The set of a file that names none.
pub const SET: &str = "default";

/// A whole file. Who is not named in it is not touched, unless an earlier version of the same set made them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessFile {
    /// [`VERSION`].
    pub version: u32,
    /// Which set of things this file keeps.
    #[serde(default = "set", skip_serializing_if = "is_set")]
    pub set: String,
    /// The tenant's own permissions; their namespaces come with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<PermissionEntry>,
    /// Roles of all organizations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleEntry>,
    /// Organizations with what lies in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<OrganizationEntry>,
    /// Groups of the tenant itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupEntry>,
    /// Policies: the members of `POST /v1/policies`, and `rules`, a list of Cedar texts in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Map<String, Value>>,
    /// Who holds which role on what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<BindingEntry>,
    /// Superusers, and who may check access for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platform_users: Vec<PlatformUserEntry>,
}
impl AccessFile {
    /// A file with nothing in it.
    pub fn empty(set: &str) -> Self {
        Self {
            version: VERSION,
            set: set.into(),
            permissions: vec![],
            roles: vec![],
            organizations: vec![],
            groups: vec![],
            policies: vec![],
            bindings: vec![],
            platform_users: vec![],
        }
    }
}

/// A permission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionEntry {
    /// `service.resource.verb`.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Free.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleEntry {
    /// Unique where the role belongs.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// `service.resource.verb`, slugs, or `namespace:verb`.
    pub permissions: Vec<String>,
    /// The kinds of objects that it may be given on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Free.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationEntry {
    /// Unique in the tenant.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Https URL or image data URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// `enabled` or `disabled`.
    #[serde(default, skip_serializing_if = "Switch::is_enabled")]
    pub state: Switch,
    /// Free.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Roles of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleEntry>,
    /// Its groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupEntry>,
    /// Its projects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<ProjectEntry>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Unique where it lies.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// `enabled` or `disabled`.
    #[serde(default, skip_serializing_if = "Switch::is_enabled")]
    pub state: Switch,
    /// Free.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectEntry {
    /// Unique in the tenant.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// `enabled` or `disabled`.
    #[serde(default, skip_serializing_if = "Switch::is_enabled")]
    pub state: Switch,
    /// Free.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// A role binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindingEntry {
    /// A role of all organizations by name, or `organization/role`.
    pub role: String,
    /// `organization:acme`, `project:web`, `group:acme/developers`, `group:everybody`, or a resource: `compute/order:<id>`.
    pub on: String,
    /// `user:ada@example.com`, `group:acme/developers`, `serviceuser:<id>`.
    pub to: String,
}

/// Somebody of the platform (spec v1beta1 3.14).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformUserEntry {
    /// The address of a user who is there.
    pub user: String,
    /// Superuser (`admin`), or may check access for others (`member`).
    pub relation: PlatformRelation,
}

/// What somebody is to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformRelation {
    /// A superuser: the role `admin` of the tenant (decision 17).
    Admin,
    /// May check access for others: the role `checker`.
    Member,
}

/// On or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// It counts.
    #[default]
    Enabled,
    /// It gives nothing.
    Disabled,
}
impl Switch {
    fn is_enabled(&self) -> bool {
        *self == Self::Enabled
    }
    pub(crate) const fn state(self) -> State {
        match self {
            Self::Enabled => State::Enabled,
            Self::Disabled => State::Disabled,
        }
    }
    pub(crate) const fn of(state: State) -> Self {
        if state.is_enabled() { Self::Enabled } else { Self::Disabled }
    }
}

fn set() -> String {
    SET.into()
}
fn is_set(set: &str) -> bool {
    set == SET
}
