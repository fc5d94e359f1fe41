//! Roles as this API shows them.
use portcullis_domain::access_role::AccessRole;
use portcullis_wire_v1beta1::{Object, View};
use uuid::Uuid;

use crate::call::Response;

/// One role; the organization of a platform-wide one is the nil UUID.
pub struct RoleView<'a>(pub &'a AccessRole);
impl View for RoleView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let r = self.0;
        object.id("id", r.id);
        object.text("name", &r.name);
        object.texts("permissions", &texts(&r.permissions));
        object.text("title", &r.title);
        object.structure("metadata", &r.metadata);
        object.time("created_at", r.created_at);
        object.time("updated_at", r.updated_at);
        object.id("org_id", r.organization_id.map_or(Uuid::nil(), |o| o.uuid()));
        object.text("state", r.state.as_str());
        object.texts("scopes", &texts(&r.scopes));
    }
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = AccessRole;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &AccessRole, object: &mut Object<'_>) {
                object.message("role", &RoleView(of));
            }
        }
    };
}
macro_rules! many {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = [AccessRole];
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &[AccessRole], object: &mut Object<'_>) {
                object.list("roles", of.iter().map(RoleView));
            }
        }
    };
}
one!(/** The made role, or the one that was there, as it is now. */ CreateRoleResponse);
one!(/** The role as it is now. */ UpdateRoleResponse);
one!(/** The made role, or the one that was there, as it is now. */ CreateOrganizationRoleResponse);
one!(/** The role. */ GetOrganizationRoleResponse);
one!(/** The role as it is now. */ UpdateOrganizationRoleResponse);
many!(/** The platform-wide roles. */ ListRolesResponse);
many!(/** An organization's own roles. */ ListOrganizationRolesResponse);

#[cfg(test)]
mod tests {
    use portcullis_domain::organization::State;
    use portcullis_domain::value::Slug;
    use portcullis_domain::{Id, Timestamp};
    use serde_json::Map;

    use super::super::responses::tests::proves;
    use super::*;

    #[test]
    fn every_answer_is_its_message() {
        let at = Timestamp::from_micros(1);
        let role = |organization_id, permissions| AccessRole {
            id: Id::from_uuid(Uuid::nil()),
            organization_id,
            name: Slug::stored("auditor"),
            title: "Auditor".into(),
            permissions,
            scopes: vec![],
            state: State::Disabled,
            metadata: Map::new(),
            created_at: at,
            updated_at: at,
        };
        let own = role(Some(Id::from_uuid(Uuid::max())), vec!["app_project_get".into()]);
        proves::<CreateRoleResponse>(&own);
        proves::<UpdateRoleResponse>(&own);
        proves::<CreateOrganizationRoleResponse>(&own);
        proves::<GetOrganizationRoleResponse>(&own);
        proves::<UpdateOrganizationRoleResponse>(&own);
        proves::<ListRolesResponse>(&[]);
        proves::<ListOrganizationRolesResponse>(&[role(None, vec![]), own]);
    }
}
