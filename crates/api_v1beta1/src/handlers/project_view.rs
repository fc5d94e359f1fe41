//! Projects as this API shows them.
use portcullis_domain::group::Group;
use portcullis_domain::user::User;
use portcullis_service::holder::Holder;
use portcullis_service::project::ProjectShown;
use portcullis_service::project_list::MyProjects;
use portcullis_wire_v1beta1::{Object, UserView, View};

use super::holder_view::{self, AccessPair};
use crate::call::Response;

/// One project.
pub struct ProjectView<'a>(pub &'a ProjectShown);
impl View for ProjectView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let p = &self.0.project;
        object.id("id", p.id);
        object.text("name", &p.name);
        object.text("title", &p.title);
        object.id("org_id", p.organization_id);
        object.structure("metadata", &p.metadata);
        object.time("created_at", p.created_at);
        object.time("updated_at", p.updated_at);
        object.number("members_count", self.0.members);
    }
}

macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = ProjectShown;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &ProjectShown, object: &mut Object<'_>) {
                object.message("project", &ProjectView(of));
            }
        }
    };
}
macro_rules! many {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = [ProjectShown];
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &[ProjectShown], object: &mut Object<'_>) {
                object.list("projects", of.iter().map(ProjectView));
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
one!(/** The made project. */ CreateProjectResponse);
one!(/** The project. */ GetProjectResponse);
one!(/** The project as it is now. */ UpdateProjectResponse);
many!(/** Projects of the tenant. */ ListProjectsResponse);
many!(/** Projects of a user. */ ListProjectsByUserResponse);
nothing!(/** Nothing. */ EnableProjectResponse);
nothing!(/** Nothing. */ DisableProjectResponse);
nothing!(/** Nothing. */ SetProjectMemberRoleResponse);
nothing!(/** Nothing. */ RemoveProjectMemberResponse);

/// The owners.
pub struct ListProjectAdminsResponse;
impl Response for ListProjectAdminsResponse {
    type Of = [User];
    const MESSAGE: &'static str = "ListProjectAdminsResponse";
    fn write(of: &[User], object: &mut Object<'_>) {
        object.list("users", of.iter().map(UserView));
    }
}
/// Persons with their roles.
pub struct ListProjectUsersResponse;
impl Response for ListProjectUsersResponse {
    type Of = [Holder<User>];
    const MESSAGE: &'static str = "ListProjectUsersResponse";
    fn write(of: &[Holder<User>], object: &mut Object<'_>) {
        holder_view::users(of, object);
    }
}
/// Groups with their roles.
pub struct ListProjectGroupsResponse;
impl Response for ListProjectGroupsResponse {
    type Of = [Holder<Group>];
    const MESSAGE: &'static str = "ListProjectGroupsResponse";
    fn write(of: &[Holder<Group>], object: &mut Object<'_>) {
        holder_view::groups(of, object);
    }
}
/// A page of the caller's projects; `count` is the number on all pages.
pub struct ListProjectsByCurrentUserResponse;
impl Response for ListProjectsByCurrentUserResponse {
    type Of = MyProjects;
    const MESSAGE: &'static str = "ListProjectsByCurrentUserResponse";
    fn write(of: &MyProjects, object: &mut Object<'_>) {
        object.list("projects", of.projects.iter().map(ProjectView));
        object.list("access_pairs", of.pairs.iter().map(|pair| AccessPair { field: "project_id", pair }));
        object.number("count", u32::try_from(of.total).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use portcullis_domain::access_role::AccessRole;
    use portcullis_domain::organization::State;
    use portcullis_domain::project::Project;
    use portcullis_domain::value::Slug;
    use portcullis_domain::{Id, Timestamp};
    use serde_json::Map;
    use uuid::Uuid;

    use super::super::group_view::tests::group;
    use super::super::responses::tests::{proves, user};
    use super::*;

    fn role() -> AccessRole {
        AccessRole {
            id: Id::from_uuid(Uuid::nil()),
            organization_id: None,
            name: Slug::stored("auditor"),
            title: String::new(),
            permissions: vec!["app_project_get".into()],
            scopes: vec![],
            state: State::Enabled,
            metadata: Map::new(),
            created_at: Timestamp::from_micros(1),
            updated_at: Timestamp::from_micros(1),
        }
    }
    pub fn holder() -> Holder<User> {
        Holder { who: user(), roles: vec![role(), role()] }
    }

    pub fn project() -> Project {
        let at = Timestamp::from_micros(1);
        Project {
            id: Id::from_uuid(Uuid::nil()),
            organization_id: Id::from_uuid(Uuid::max()),
            name: Slug::stored("apollo"),
            title: String::new(),
            state: State::Enabled,
            metadata: Map::new(),
            created_at: at,
            updated_at: at,
            revision: 1,
        }
    }

    #[test]
    fn every_answer_is_its_message() {
        let project = project();
        let shown = ProjectShown { project: project.clone(), members: 2 };
        proves::<CreateProjectResponse>(&shown);
        proves::<GetProjectResponse>(&ProjectShown::alone(project));
        proves::<UpdateProjectResponse>(&shown);
        proves::<ListProjectsResponse>(&[]);
        proves::<ListProjectsByUserResponse>(std::slice::from_ref(&shown));
        proves::<EnableProjectResponse>(&());
        proves::<DisableProjectResponse>(&());
        proves::<SetProjectMemberRoleResponse>(&());
        proves::<RemoveProjectMemberResponse>(&());
        proves::<ListProjectAdminsResponse>(&[user()]);
        proves::<ListProjectUsersResponse>(&[holder()]);
        proves::<ListProjectGroupsResponse>(&[Holder { who: group(), roles: vec![role()] }]);
        let pairs = vec![(Uuid::nil(), vec!["get".to_owned()])];
        proves::<ListProjectsByCurrentUserResponse>(&MyProjects { projects: vec![shown], pairs, total: 3 });
    }
}
