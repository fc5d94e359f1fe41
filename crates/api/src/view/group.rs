//! Groups, their roles and their members.
use portcullis_domain::group::{Group, RoleMapping};
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};
use portcullis_service::group::GroupShown;
use portcullis_service::tenant_group::GroupMember;
use serde::Serialize;

/// Group (spec 3.1).
#[derive(Serialize)]
pub struct GroupView<'a> {
    id: Id<Group>,
    name: &'a str,
    source: &'a str,
    description: Option<&'a str>,
    member_count: u32,
    role_mappings: Vec<GroupRoleView>,
    external_id: Option<&'a str>,
    identity_provider_id: Option<Id<IdentityProvider>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> GroupView<'a> {
    /// With how many are in it; its name is Frontier's title (decision 16).
    pub fn of(shown: &'a GroupShown) -> Self {
        let g = &shown.group;
        Self {
            id: g.id,
            name: &g.title,
            source: g.source_word(),
            description: g.description.as_deref(),
            member_count: shown.members,
            role_mappings: g.role_mappings.iter().map(GroupRoleView::of).collect(),
            external_id: g.external_id.as_deref(),
            identity_provider_id: g.identity_provider_id,
            created_at: g.created_at,
            updated_at: g.updated_at,
        }
    }
}

/// GroupRoleMapping (spec 3.1).
#[derive(Serialize)]
pub struct GroupRoleView {
    role: &'static str,
    created_at: Timestamp,
}
impl GroupRoleView {
    /// A role that each member holds.
    pub fn of(mapping: &RoleMapping) -> Self {
        Self { role: mapping.role.as_str(), created_at: mapping.created_at }
    }
}

/// GroupMember (spec 3.1).
#[derive(Serialize)]
pub struct GroupMemberView<'a> {
    id: Id<User>,
    email: &'a str,
    name: &'a str,
    active: bool,
    membership_source: &'a str,
    joined_at: Timestamp,
}
impl<'a> GroupMemberView<'a> {
    /// Somebody in a group.
    pub fn of(member: &'a GroupMember) -> Self {
        let user = &member.user;
        Self {
            id: user.id,
            email: &user.email,
            name: user.name(),
            active: user.state.is_active(),
            membership_source: &member.source,
            joined_at: member.joined_at,
        }
    }
}
/// All who are in a group.
#[derive(Serialize)]
pub struct GroupMembersView<'a> {
    /// Each.
    pub data: Vec<GroupMemberView<'a>>,
}
