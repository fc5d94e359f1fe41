//! A group of people: of the tenant, or of one organization (spec v1beta1 3.3, decision 16). Its members are those who hold a role on it.
use serde_json::{Map, Value};

use crate::id::Id;
use crate::identity_provider::IdentityProvider;
use crate::organization::{Organization, State};
use crate::role::{Role, Roles};
use crate::time::Timestamp;
use crate::value::{Slug, name_key};

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
    /// Of a group that an identity provider names: which one.
    pub identity_provider_id: Option<Id<IdentityProvider>>,
    /// And what it is called there.
    pub external_id: Option<String>,
    /// For people, at length; of a group of the tenant.
    pub description: Option<String>,
    /// The tenant's roles that each member holds; of a group of the tenant.
    pub role_mappings: Vec<RoleMapping>,
    /// Free JSON, checked against the MetaSchema `group`.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Moves with each change.
    pub revision: i64,
}

/// A role of the tenant that each member of a group holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleMapping {
    /// Which.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

impl Group {
    /// The roles that each member holds. A group of an organization gives none: whoever keeps an organization is not the tenant.
    pub fn roles(&self) -> Roles {
        match self.organization_id {
            None => self.role_mappings.iter().map(|m| m.role).collect(),
            Some(_) => Roles::NONE,
        }
    }
    /// What no two groups of the tenant have in common; a group of an organization has none.
    pub fn title_key(&self) -> Option<String> {
        self.organization_id.is_none().then(|| name_key(&self.title))
    }
    /// Do its name and its members belong to somebody else's directory?
    pub fn is_managed(&self) -> bool {
        matches!(&*self.source, "scim" | "oidc" | "saml")
    }
    /// Does its end too? What a sign-in names ends here, for no sign-in says that a group is no more.
    pub fn ends_elsewhere(&self) -> bool {
        self.source == "scim"
    }
    /// `source` as `/v1` tells it.
    pub fn source_word(&self) -> &str {
        if self.source == MANUAL { "local" } else { &self.source }
    }
}

/// The source of what was made by hand, which `/v1` calls `local`.
pub const MANUAL: &str = "manual";
