//! Roles: the platform-wide ones and those of an organization (spec v1beta1 2.3.6, 3.5).
use portcullis_domain::organization::State;
use portcullis_domain::{Error, Result};
use portcullis_service::App;
use portcullis_service::access_role::{NewRole, RoleFilter};
use portcullis_wire_v1beta1::DynamicMessage;

use super::body::Body;
use super::read::Read;
use super::role_view::{
    CreateOrganizationRoleResponse, CreateRoleResponse, GetOrganizationRoleResponse, ListOrganizationRolesResponse,
    ListRolesResponse, UpdateOrganizationRoleResponse, UpdateRoleResponse,
};
use crate::call::{Call, Outcome};

/// `ListRoles`.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let roles = app.list_roles(&call.cx, &filter(&request)?).await?;
    Ok(call.answer::<ListRolesResponse>(&roles).into())
}

/// `CreateRole`, or its new content when there is one of this name.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = new(&call, &request);
    let reply = call.reply::<CreateRoleResponse>();
    Ok(app.create_role(&call.cx, new, reply).await?.into())
}

/// `UpdateRole`, by id or name.
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let role = app.update_role(&call.cx, request.text("id"), new(&call, &request)).await?;
    Ok(call.answer::<UpdateRoleResponse>(&role).into())
}

/// `DeleteRole`, if nobody holds it.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_role(&call.cx, request.text("id")).await?;
    Ok(call.empty().into())
}

/// `ListOrganizationRoles`: the organization's own.
pub async fn list_of_organization(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let roles = app.list_organization_roles(&call.cx, request.text("org_id"), &filter(&request)?).await?;
    Ok(call.answer::<ListOrganizationRolesResponse>(&roles).into())
}

/// `GetOrganizationRole`.
pub async fn get_of_organization(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let role = app.get_organization_role(&call.cx, request.text("org_id"), request.text("id")).await?;
    Ok(call.answer::<GetOrganizationRoleResponse>(&role).into())
}

/// `CreateOrganizationRole`, or its new content when there is one of this name.
pub async fn create_in_organization(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = new(&call, &request);
    let reply = call.reply::<CreateOrganizationRoleResponse>();
    Ok(app.create_organization_role(&call.cx, request.text("org_id"), new, reply).await?.into())
}

/// `UpdateOrganizationRole`.
pub async fn update_of_organization(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (organization, id, new) = (request.text("org_id"), request.text("id"), new(&call, &request));
    let role = app.update_organization_role(&call.cx, organization, id, new).await?;
    Ok(call.answer::<UpdateOrganizationRoleResponse>(&role).into())
}

/// `DeleteOrganizationRole`, if nobody holds it.
pub async fn delete_of_organization(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_organization_role(&call.cx, request.text("org_id"), request.text("id")).await?;
    Ok(call.empty().into())
}

fn filter(request: &DynamicMessage) -> Result<RoleFilter> {
    let state = match request.text("state").as_str() {
        "" => None,
        word => Some(State::parse(word).ok_or_else(|| Error::field("state", "enabled or disabled."))?),
    };
    Ok(RoleFilter { state, scopes: request.texts("scopes") })
}
fn new(call: &Call, request: &DynamicMessage) -> Result<NewRole> {
    let mut body = Body::of(call, request)?;
    let (name, title, metadata) = (body.name(), body.title(), body.metadata());
    let (permissions, scopes) = (body.texts("permissions"), body.texts("scopes"));
    body.finish(name.map(|name| NewRole { name, title, permissions, scopes, metadata }))
}
