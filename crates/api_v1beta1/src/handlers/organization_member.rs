//! Who is in an organization, and what lies in it (spec v1beta1 2.3.7, 3.2).
use portcullis_domain::organization::State;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::{Code, Error, Result};
use portcullis_service::App;
use portcullis_wire_v1beta1::DynamicMessage;

use super::group::user_ids;
use super::organization_view::{
    AddOrganizationMembersResponse, ListOrganizationAdminsResponse, ListOrganizationProjectsResponse,
    ListOrganizationUsersResponse, SetOrganizationMemberRoleResponse,
};
use super::read::Read;
use crate::call::{Call, Outcome};
use crate::incoming::Incoming;

/// `ListOrganizationUsers`: of some roles only, if any are named.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    // what is no id is the id of no role
    let roles = request.texts("role_ids").iter().map(|id| id.parse().unwrap_or_default()).collect();
    let members = app.list_organization_users(&call.cx, request.text("id"), &roles).await?;
    Ok(call.answer::<ListOrganizationUsersResponse>(&members).into())
}

/// `ListOrganizationAdmins`.
pub async fn list_admins(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let owners = app.list_organization_admins(&call.cx, request.text("id")).await?;
    Ok(call.answer::<ListOrganizationAdminsResponse>(&owners).into())
}

/// `ListOrganizationProjects`: enabled ones unless others are asked for.
pub async fn list_projects(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let state = match request.text("state").as_str() {
        "" => State::Enabled,
        word => State::parse(word).ok_or_else(|| Error::field("state", "enabled or disabled."))?,
    };
    let count = request.flag("with_member_count");
    let projects = app.list_organization_projects(&call.cx, request.text("id"), state, count).await?;
    Ok(call.answer::<ListOrganizationProjectsResponse>(&projects).into())
}

/// `SetOrganizationMemberRole`.
pub async fn set_role(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let member = request.text("user_id").parse().map_err(|_| Error::not_found("user"))?;
    let (organization, role) = (request.text("org_id"), request.text("role_id"));
    let reply = call.reply::<SetOrganizationMemberRoleResponse>();
    Ok(app.set_organization_member_role(&call.cx, organization, member, role, reply).await?.into())
}

/// `RemoveOrganizationMember`: a person or a machine.
pub async fn remove(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let member = match (request.text("principal_type").as_str(), request.text("principal_id").parse()) {
        ("app/user" | "user", Ok(id)) => Ok(Bearer::User(id)),
        ("app/serviceuser" | "serviceuser", Ok(id)) => Ok(Bearer::ServiceUser(id)),
        _ => Err(Error::new(Code::InvalidInput, "principal_type must be app/user or app/serviceuser.")),
    };
    app.remove_organization_member(&call.cx, request.text("org_id"), member).await?;
    Ok(call.empty().into())
}

/// `AddOrganizationMembers`.
pub async fn add(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let members = request
        .inners("members")
        .iter()
        .filter_map(|m| Some((m.text("user_id").parse().ok()?, m.text("role_id").parse().ok()?)))
        .collect();
    let reply = call.reply::<AddOrganizationMembersResponse>();
    Ok(app.add_organization_members(&call.cx, request.text("org_id"), members, reply).await?.into())
}

/// `AddOrganizationUsers`, of the REST era: `{"user_ids": [...]}`.
pub async fn add_users(app: App, mut call: Call, incoming: Incoming) -> Result<Outcome> {
    let reply = call.reply::<SetOrganizationMemberRoleResponse>();
    Ok(app.add_organization_users(&call.cx, incoming.variable("id"), user_ids(&incoming), reply).await?.into())
}

/// `RemoveOrganizationUser`, of the REST era.
pub async fn remove_user(app: App, call: Call, incoming: Incoming) -> Result<Outcome> {
    let member = incoming.variable("user_id").parse().map(Bearer::User).map_err(|_| Error::not_found("user"));
    app.remove_organization_member(&call.cx, incoming.variable("id"), member).await?;
    Ok(call.empty().into())
}
