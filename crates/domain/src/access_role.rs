//! Roles of the access graph: named sets of permissions (spec v1beta1 3.5). The built-in roles of a tenant are [`crate::Role`].
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::id::Id;
use crate::organization::{Organization, State};
use crate::time::Timestamp;
use crate::value::Slug;

/// A named set of permissions.
#[derive(Clone, Debug)]
pub struct AccessRole {
    /// Made by us; of a predefined role the same in every tenant.
    pub id: Id<AccessRole>,
    /// The organization that it belongs to; `None`: it may be given everywhere.
    pub organization_id: Option<Id<Organization>>,
    /// Unique where it belongs.
    pub name: Slug,
    /// For people.
    pub title: String,
    /// Slugs.
    pub permissions: Vec<String>,
    /// Namespaces of the objects on which it may be given.
    pub scopes: Vec<String>,
    /// Whether it counts.
    pub state: State,
    /// Free JSON, checked against the MetaSchema `role`.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A role that every tenant begins with; it may be edited.
#[derive(Clone, Copy, Debug)]
pub struct Predefined {
    /// The end of its id.
    number: u8,
    /// Its name.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The one namespace that it is for.
    pub scope: &'static str,
    /// Slugs.
    pub permissions: &'static [&'static str],
}
impl Predefined {
    /// Its id in every tenant.
    pub const fn id(&self) -> Id<AccessRole> {
        Id::from_uuid(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 | self.number as u128))
    }
    /// By name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PREDEFINED.iter().find(|r| r.name == name)
    }
}

/// Who makes an organization holds this on it.
pub const ORGANIZATION_OWNER: &Predefined = &PREDEFINED[0];
/// Who joins an organization holds this on it.
pub const ORGANIZATION_VIEWER: &Predefined = &PREDEFINED[3];
/// Who makes a project holds this on it.
pub const PROJECT_OWNER: &Predefined = &PREDEFINED[5];
/// Who makes a group holds this on it.
pub const GROUP_OWNER: &Predefined = &PREDEFINED[8];
/// Who is added to a group holds this on it.
pub const GROUP_MEMBER: &Predefined = &PREDEFINED[9];

/// The predefined roles (spec v1beta1 5.5).
pub static PREDEFINED: [Predefined; 10] = [
    Predefined {
        number: 1,
        name: "app_organization_owner",
        title: "Owner",
        scope: "app/organization",
        permissions: &["app_organization_administer"],
    },
    Predefined {
        number: 2,
        name: "app_organization_manager",
        title: "Admin",
        scope: "app/organization",
        permissions: &[
            "app_organization_update",
            "app_organization_get",
            "app_organization_projectcreate",
            "app_organization_projectlist",
            "app_organization_groupcreate",
            "app_organization_grouplist",
            "app_organization_serviceusermanage",
            "app_project_get",
            "app_project_update",
        ],
    },
    Predefined {
        number: 3,
        name: "app_organization_accessmanager",
        title: "Access Manager",
        scope: "app/organization",
        permissions: &[
            "app_organization_invitationcreate",
            "app_organization_invitationlist",
            "app_organization_rolemanage",
            "app_organization_policymanage",
        ],
    },
    Predefined {
        number: 4,
        name: "app_organization_viewer",
        title: "Member",
        scope: "app/organization",
        permissions: &["app_organization_get"],
    },
    Predefined {
        number: 5,
        name: "app_billing_manager",
        title: "Billing Manager",
        scope: "app/organization",
        permissions: &["app_organization_billingview", "app_organization_billingmanage"],
    },
    Predefined {
        number: 6,
        name: "app_project_owner",
        title: "Project Owner",
        scope: "app/project",
        permissions: &["app_project_administer"],
    },
    Predefined {
        number: 7,
        name: "app_project_manager",
        title: "Project Manager",
        scope: "app/project",
        permissions: &[
            "app_project_update",
            "app_project_get",
            "app_project_resourcelist",
            "app_organization_projectcreate",
            "app_organization_projectlist",
            "app_organization_grouplist",
        ],
    },
    Predefined {
        number: 8,
        name: "app_project_viewer",
        title: "Project Viewer",
        scope: "app/project",
        permissions: &["app_project_get"],
    },
    Predefined {
        number: 9,
        name: "app_group_owner",
        title: "Group Owner",
        scope: "app/group",
        permissions: &["app_group_administer"],
    },
    Predefined {
        number: 10,
        name: "app_group_member",
        title: "Group Member",
        scope: "app/group",
        permissions: &["app_group_get"],
    },
];
