//! Service users as this API shows them.
use portcullis_domain::service_user::ServiceUser;
use portcullis_service::holder::Holder;
use portcullis_service::project_list::MyProjects;
use portcullis_wire_v1beta1::{Object, ServiceUserView};

use super::holder_view::{self, AccessPair};
use super::project_view::ProjectView;
use crate::call::Response;

macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = ServiceUser;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &ServiceUser, object: &mut Object<'_>) {
                object.message("serviceuser", &ServiceUserView(of));
            }
        }
    };
}
macro_rules! many {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = [ServiceUser];
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &[ServiceUser], object: &mut Object<'_>) {
                object.list($field, of.iter().map(ServiceUserView));
            }
        }
    };
}
one!(/** The made service user. */ CreateServiceUserResponse);
one!(/** The service user. */ GetServiceUserResponse);
many!(/** Of an organization. */ ListServiceUsersResponse, "serviceusers");
many!(/** Of an organization. */ ListOrganizationServiceUsersResponse, "serviceusers");
many!(/** Of the tenant. */ ListAllServiceUsersResponse, "service_users");

/// Service users with their roles.
pub struct ListProjectServiceUsersResponse;
impl Response for ListProjectServiceUsersResponse {
    type Of = [Holder<ServiceUser>];
    const MESSAGE: &'static str = "ListProjectServiceUsersResponse";
    fn write(of: &[Holder<ServiceUser>], object: &mut Object<'_>) {
        holder_view::service_users(of, object);
    }
}
/// The projects of a service user.
pub struct ListServiceUserProjectsResponse;
impl Response for ListServiceUserProjectsResponse {
    type Of = MyProjects;
    const MESSAGE: &'static str = "ListServiceUserProjectsResponse";
    fn write(of: &MyProjects, object: &mut Object<'_>) {
        object.list("projects", of.projects.iter().map(ProjectView));
        object.list("access_pairs", of.pairs.iter().map(|pair| AccessPair { field: "project_id", pair }));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use portcullis_domain::organization::State;
    use portcullis_domain::{Id, Roles, Timestamp};
    use serde_json::Map;
    use uuid::Uuid;

    use super::super::project_view::tests::holder;
    use super::super::responses::tests::proves;
    use super::*;

    pub fn service_user() -> ServiceUser {
        ServiceUser {
            id: Id::from_uuid(Uuid::max()),
            organization_id: Some(Id::from_uuid(Uuid::max())),
            title: "CI".into(),
            state: State::Enabled,
            roles: Roles::NONE,
            metadata: Map::new(),
            created_at: Timestamp::from_micros(1),
            updated_at: Timestamp::from_micros(1),
        }
    }

    #[test]
    fn every_answer_is_its_message() {
        let one = service_user();
        let bare = ServiceUser { organization_id: None, title: String::new(), ..one.clone() };
        proves::<CreateServiceUserResponse>(&one);
        proves::<GetServiceUserResponse>(&bare);
        proves::<ListServiceUsersResponse>(&[]);
        proves::<ListOrganizationServiceUsersResponse>(std::slice::from_ref(&one));
        proves::<ListAllServiceUsersResponse>(&[one.clone(), bare]);
        let roles = holder().roles;
        proves::<ListProjectServiceUsersResponse>(&[Holder { who: one, roles }]);
        let pairs = vec![(Uuid::nil(), vec!["get".to_owned()])];
        proves::<ListServiceUserProjectsResponse>(&MyProjects { pairs, ..MyProjects::default() });
    }
}
