//! Groups as this API shows them.
use portcullis_domain::group::Group;
use portcullis_domain::user::User;
use portcullis_service::group::GroupShown;
use portcullis_service::group_member::MyGroups;
use portcullis_service::holder::Holder;
use portcullis_wire_v1beta1::{Object, UserView, View};
use uuid::Uuid;

use super::holder_view::{self, AccessPair};
use crate::call::Response;

/// One group; that of the tenant itself lies in the platform organization, the nil UUID (decision 16).
pub struct GroupView<'a> {
    group: &'a Group,
    users: &'a [User],
    members: u32,
}
impl<'a> GroupView<'a> {
    /// With what was asked for of its members.
    pub fn of(shown: &'a GroupShown) -> Self {
        Self { group: &shown.group, users: &shown.users, members: shown.members }
    }
    /// Without members.
    pub const fn alone(group: &'a Group) -> Self {
        Self { group, users: &[], members: 0 }
    }
}
impl View for GroupView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let g = self.group;
        object.id("id", g.id);
        object.text("name", &g.name);
        object.text("title", &g.title);
        object.id("org_id", g.organization_id.map_or(Uuid::nil(), |o| o.uuid()));
        object.structure("metadata", &g.metadata);
        object.time("created_at", g.created_at);
        object.time("updated_at", g.updated_at);
        object.list("users", self.users.iter().map(UserView));
        object.number("members_count", self.members);
    }
}

macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = GroupShown;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &GroupShown, object: &mut Object<'_>) {
                object.message("group", &GroupView::of(of));
            }
        }
    };
}
macro_rules! many {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = [GroupShown];
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &[GroupShown], object: &mut Object<'_>) {
                object.list("groups", of.iter().map(GroupView::of));
            }
        }
    };
}
macro_rules! nothing {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = ();
            const MESSAGE: &'static str = stringify!($name);
            fn write((): &(), _: &mut Object<'_>) {}
        }
    };
}
one!(/** The made group. */ CreateGroupResponse);
one!(/** The group. */ GetGroupResponse);
one!(/** The group as it is now. */ UpdateGroupResponse);
many!(/** Groups of an organization. */ ListOrganizationGroupsResponse);
many!(/** Groups of the tenant. */ ListGroupsResponse);
many!(/** Groups of a user. */ ListUserGroupsResponse);
nothing!(/** Nothing. */ EnableGroupResponse);
nothing!(/** Nothing. */ DisableGroupResponse);
nothing!(/** Nothing. */ SetGroupMemberRoleResponse);

/// Members with their roles.
pub struct ListGroupUsersResponse;
impl Response for ListGroupUsersResponse {
    type Of = [Holder<User>];
    const MESSAGE: &'static str = "ListGroupUsersResponse";
    fn write(of: &[Holder<User>], object: &mut Object<'_>) {
        holder_view::users(of, object);
    }
}
/// The caller's groups.
pub struct ListCurrentUserGroupsResponse;
impl Response for ListCurrentUserGroupsResponse {
    type Of = MyGroups;
    const MESSAGE: &'static str = "ListCurrentUserGroupsResponse";
    fn write(of: &MyGroups, object: &mut Object<'_>) {
        object.list("groups", of.groups.iter().map(GroupView::of));
        object.list("access_pairs", of.pairs.iter().map(|pair| AccessPair { field: "group_id", pair }));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use portcullis_domain::organization::State;
    use portcullis_domain::value::Slug;
    use portcullis_domain::{Id, Timestamp};
    use serde_json::Map;

    use super::super::project_view::tests::holder;
    use super::super::responses::tests::{proves, user};
    use super::*;

    pub fn group() -> Group {
        Group {
            id: Id::from_uuid(Uuid::nil()),
            organization_id: None,
            name: Slug::stored("backend"),
            title: String::new(),
            state: State::Enabled,
            source: "manual".into(),
            identity_provider_id: None,
            external_id: None,
            description: None,
            role_mappings: vec![],
            metadata: Map::new(),
            created_at: Timestamp::from_micros(1),
            updated_at: Timestamp::from_micros(1),
            revision: 1,
        }
    }

    #[test]
    fn every_answer_is_its_message() {
        let shown = GroupShown { group: group(), users: vec![user()], members: 1 };
        proves::<CreateGroupResponse>(&GroupShown::alone(group()));
        proves::<GetGroupResponse>(&shown);
        proves::<UpdateGroupResponse>(&shown);
        proves::<ListOrganizationGroupsResponse>(&[]);
        proves::<ListGroupsResponse>(std::slice::from_ref(&shown));
        proves::<ListUserGroupsResponse>(std::slice::from_ref(&shown));
        proves::<EnableGroupResponse>(&());
        proves::<DisableGroupResponse>(&());
        proves::<SetGroupMemberRoleResponse>(&());
        proves::<ListGroupUsersResponse>(&[holder()]);
        let pairs = vec![(Uuid::nil(), vec!["get".to_owned()])];
        proves::<ListCurrentUserGroupsResponse>(&MyGroups { groups: vec![shown], pairs });
    }
}
