//! Organizations and their members as this API shows them.
use portcullis_domain::organization::Organization;
use portcullis_domain::user::User;
use portcullis_service::holder::Holder;
use portcullis_service::organization_member::Added;
use portcullis_service::project::ProjectShown;
use portcullis_wire_v1beta1::{Object, UserView, View};

use super::holder_view;
use super::project_view::ProjectView;
use crate::call::Response;

/// One organization.
pub struct OrganizationView<'a>(pub &'a Organization);
impl View for OrganizationView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let o = self.0;
        object.id("id", o.id);
        object.text("name", &o.name);
        object.text("title", &o.title);
        object.structure("metadata", &o.metadata);
        object.time("created_at", o.created_at);
        object.time("updated_at", o.updated_at);
        object.text("state", o.state.as_str());
        object.text("avatar", o.avatar.as_deref().unwrap_or_default());
    }
}

struct AddedView<'a>(&'a Added);
impl View for AddedView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.id("user_id", self.0.user);
        object.id("role_id", self.0.role);
        object.flag("success", self.0.refused.is_none());
        object.text("error", self.0.refused.unwrap_or_default());
    }
}

macro_rules! response {
    ($(#[$doc:meta])* $name:ident: $of:ty, |$it:ident, $object:ident| $write:expr) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = $of;
            const MESSAGE: &'static str = stringify!($name);
            fn write($it: &$of, $object: &mut Object<'_>) {
                $write;
            }
        }
    };
    ($(#[$doc:meta])* $name:ident: one) => {
        response!($(#[$doc])* $name: Organization, |it, object| object.message("organization", &OrganizationView(it)));
    };
    ($(#[$doc:meta])* $name:ident: nothing) => {
        response!($(#[$doc])* $name: (), |_it, _object| ());
    };
}
response!(/** The made organization. */ CreateOrganizationResponse: one);
response!(/** The organization made for somebody else. */ AdminCreateOrganizationResponse: one);
response!(/** The organization. */ GetOrganizationResponse: one);
response!(/** The organization as it is now. */ UpdateOrganizationResponse: one);
response!(/** Nothing. */ EnableOrganizationResponse: nothing);
response!(/** Nothing. */ DisableOrganizationResponse: nothing);
response!(/** Nothing. */ SetOrganizationMemberRoleResponse: nothing);
response!(/** A page of organizations. */ ListOrganizationsResponse: [Organization],
    |it, object| object.list("organizations", it.iter().map(OrganizationView)));
response!(/** The same with the number of all. */ ListAllOrganizationsResponse: (Vec<Organization>, usize), |it, object| {
    object.list("organizations", it.0.iter().map(OrganizationView));
    object.number("count", u32::try_from(it.1).unwrap_or(u32::MAX));
});
response!(/** The members with what they are. */ ListOrganizationUsersResponse: [Holder<User>],
    |it, object| holder_view::users(it, object));
response!(/** The owners. */ ListOrganizationAdminsResponse: [Holder<User>],
    |it, object| object.list("users", it.iter().map(|h| UserView(&h.who))));
response!(/** The projects in it. */ ListOrganizationProjectsResponse: [ProjectShown],
    |it, object| object.list("projects", it.iter().map(ProjectView)));
response!(/** What became of each. */ AddOrganizationMembersResponse: Vec<Added>,
    |it, object| object.list("results", it.iter().map(AddedView)));
response!(/** Somebody's organizations. Which they may join by their domain is not known yet. */
    ListOrganizationsByUserResponse: [Organization], |it, object| mine(it, object));
response!(/** The caller's. */ ListOrganizationsByCurrentUserResponse: [Organization], |it, object| mine(it, object));

fn mine(organizations: &[Organization], object: &mut Object<'_>) {
    object.list("organizations", organizations.iter().map(OrganizationView));
    object.list("joinable_via_domain", std::iter::empty::<OrganizationView<'_>>());
}

#[cfg(test)]
pub(super) mod tests {
    use portcullis_domain::organization::State;
    use portcullis_domain::value::Slug;
    use portcullis_domain::{Id, Timestamp};
    use serde_json::{Map, json};

    use super::super::responses::tests::{proves, user};
    use super::*;

    pub fn organization() -> Organization {
        Organization {
            id: Id::from_uuid(uuid::Uuid::nil()),
            name: Slug::stored("acme"),
            title: "Acme".into(),
            avatar: None,
            state: State::Disabled,
            metadata: Map::from_iter([("n".to_owned(), json!(5))]),
            created_at: Timestamp::from_micros(1),
            updated_at: Timestamp::from_micros(0),
            revision: 1,
        }
    }

    #[test]
    fn every_answer_is_its_message() {
        let o = organization();
        proves::<CreateOrganizationResponse>(&o);
        proves::<AdminCreateOrganizationResponse>(&o);
        proves::<GetOrganizationResponse>(&o);
        proves::<UpdateOrganizationResponse>(&o);
        proves::<EnableOrganizationResponse>(&());
        proves::<DisableOrganizationResponse>(&());
        proves::<SetOrganizationMemberRoleResponse>(&());
        proves::<ListOrganizationsResponse>(&[]);
        proves::<ListAllOrganizationsResponse>(&(vec![o.clone()], 7));
        proves::<ListOrganizationsByUserResponse>(std::slice::from_ref(&o));
        proves::<ListOrganizationsByCurrentUserResponse>(&[o]);
        proves::<ListOrganizationProjectsResponse>(&[]);
        let members = [Holder { who: user(), roles: vec![] }];
        proves::<ListOrganizationUsersResponse>(&members);
        proves::<ListOrganizationAdminsResponse>(&members);
        let added = |refused| Added { user: user().id, role: Id::from_uuid(uuid::Uuid::max()), refused };
        proves::<AddOrganizationMembersResponse>(&vec![added(None), added(Some("user doesn't exist"))]);
    }
}
