//! Invitations into organizations (spec v1beta1 2.3.7, 2.3.3, 3.11).
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Error, Result};
use portcullis_service::App;
use portcullis_service::invitation::NewInvitations;
use portcullis_wire_v1beta1::DynamicMessage;

use super::invitation_view::{
    AcceptOrganizationInvitationResponse, CreateOrganizationInvitationResponse, GetOrganizationInvitationResponse,
    ListCurrentUserInvitationsResponse, ListOrganizationInvitationsResponse, ListUserInvitationsResponse,
};
use super::read::Read;
use super::user::user_ref;
use crate::call::{Call, Outcome};

/// `CreateOrganizationInvitation`: `user_ids` are e-mail addresses.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = new(&request);
    let reply = call.reply::<CreateOrganizationInvitationResponse>();
    Ok(app.invite(&call.cx, request.text("org_id"), new, reply).await?.into())
}

/// `GetOrganizationInvitation`.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let invitation = app.get_invitation(&call.cx, request.text("org_id"), &request.text("id")).await?;
    Ok(call.answer::<GetOrganizationInvitationResponse>(&invitation).into())
}

/// `AcceptOrganizationInvitation`.
pub async fn accept(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<AcceptOrganizationInvitationResponse>();
    Ok(app.accept_invitation(&call.cx, request.text("org_id"), &request.text("id"), reply).await?.into())
}

/// `DeleteOrganizationInvitation`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_invitation(&call.cx, request.text("org_id"), &request.text("id")).await?;
    Ok(call.empty().into())
}

/// `ListOrganizationInvitations`: to one address, if `user_id` names it.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (organization, to) = (request.text("org_id"), request.text("user_id"));
    let invitations = app.list_organization_invitations(&call.cx, organization, &to).await?;
    Ok(call.answer::<ListOrganizationInvitationsResponse>(&invitations).into())
}

/// `ListUserInvitations`.
pub async fn of_user(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let invitations = app.list_invitations_to(&call.cx, user_ref(&request.text("id"))).await?;
    Ok(call.answer::<ListUserInvitationsResponse>(&invitations).into())
}

/// `ListCurrentUserInvitations`.
pub async fn mine(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let invitations = app.list_my_invitations(&call.cx).await?;
    Ok(call.answer::<ListCurrentUserInvitationsResponse>(&invitations).into())
}

fn new(request: &DynamicMessage) -> Result<NewInvitations> {
    let list = |field: &'static str| {
        let sent = request.texts(field);
        match sent.len() > NewInvitations::MOST {
            true => Err(Error::field(field, format!("At most {}; this has {}.", NewInvitations::MOST, sent.len()))),
            false => Ok(sent),
        }
    };
    let email = |sent: &String| Email::parse(sent).map_err(|_| Error::new(Code::InvalidInput, "Invalid email"));
    Ok(NewInvitations {
        emails: request.texts("user_ids").iter().map(email).collect::<Result<_>>()?,
        groups: list("group_ids")?,
        roles: list("role_ids")?,
    })
}
