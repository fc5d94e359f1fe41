//! Invitations as this API shows them.
use portcullis_domain::Id;
use portcullis_domain::invitation::Invitation;
use portcullis_service::invitation::MyInvitations;
use portcullis_wire_v1beta1::{Object, View};
use serde_json::Map;

use super::organization_view::OrganizationView;
use crate::call::Response;

/// One invitation; `user_id` is the address.
pub struct InvitationView<'a>(pub &'a Invitation);
impl View for InvitationView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let i = self.0;
        object.id("id", i.id);
        object.text("user_id", &i.email);
        object.id("org_id", i.organization_id);
        ids("group_ids", &i.groups, object);
        object.structure("metadata", &Map::new());
        object.time("created_at", i.created_at);
        object.time("expires_at", i.expires_at);
        ids("role_ids", &i.roles, object);
    }
}
fn ids<T>(name: &'static str, ids: &[Id<T>], object: &mut Object<'_>) {
    let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
    object.texts(name, &texts.iter().map(String::as_str).collect::<Vec<_>>());
}

macro_rules! many {
    ($(#[$doc:meta])* $name:ident: $of:ty) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = $of;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &$of, object: &mut Object<'_>) {
                object.list("invitations", of.iter().map(InvitationView));
            }
        }
    };
}
many!(/** The made invitations, or those that were there. */ CreateOrganizationInvitationResponse: Vec<Invitation>);
many!(/** Into an organization. */ ListOrganizationInvitationsResponse: [Invitation]);
many!(/** To a user. */ ListUserInvitationsResponse: [Invitation]);

/// The invitation.
pub struct GetOrganizationInvitationResponse;
impl Response for GetOrganizationInvitationResponse {
    type Of = Invitation;
    const MESSAGE: &'static str = "GetOrganizationInvitationResponse";
    fn write(of: &Invitation, object: &mut Object<'_>) {
        object.message("invitation", &InvitationView(of));
    }
}
/// Nothing.
pub struct AcceptOrganizationInvitationResponse;
impl Response for AcceptOrganizationInvitationResponse {
    type Of = ();
    const MESSAGE: &'static str = "AcceptOrganizationInvitationResponse";
    fn write((): &(), _: &mut Object<'_>) {}
}
/// The caller's, with the organizations that they are into.
pub struct ListCurrentUserInvitationsResponse;
impl Response for ListCurrentUserInvitationsResponse {
    type Of = MyInvitations;
    const MESSAGE: &'static str = "ListCurrentUserInvitationsResponse";
    fn write(of: &MyInvitations, object: &mut Object<'_>) {
        object.list("invitations", of.invitations.iter().map(InvitationView));
        object.list("orgs", of.organizations.iter().map(OrganizationView));
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::Timestamp;
    use portcullis_domain::value::Email;

    use super::super::organization_view::tests::organization;
    use super::super::responses::tests::proves;
    use super::*;

    #[test]
    fn every_answer_is_its_message() {
        let i = Invitation {
            id: Id::from_uuid(uuid::Uuid::nil()),
            organization_id: Id::from_uuid(uuid::Uuid::nil()),
            email: Email::stored("ada@example.com"),
            groups: vec![],
            roles: vec![Id::from_uuid(uuid::Uuid::max())],
            inviter: None,
            created_at: Timestamp::from_micros(1),
            expires_at: Timestamp::from_micros(2),
        };
        proves::<CreateOrganizationInvitationResponse>(&vec![i.clone()]);
        proves::<GetOrganizationInvitationResponse>(&i);
        proves::<AcceptOrganizationInvitationResponse>(&());
        proves::<ListOrganizationInvitationsResponse>(&[]);
        proves::<ListUserInvitationsResponse>(std::slice::from_ref(&i));
        let mine = MyInvitations { invitations: vec![i], organizations: vec![organization()] };
        proves::<ListCurrentUserInvitationsResponse>(&mine);
    }
}
