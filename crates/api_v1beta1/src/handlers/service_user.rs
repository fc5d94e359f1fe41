//! Service users (spec v1beta1 2.3.4, 3.10). Their credentials are in `service_credential.rs`.
use portcullis_domain::Result;
use portcullis_domain::organization::State;
use portcullis_service::App;
use portcullis_service::service_user::ServiceUserContent;
use portcullis_wire_v1beta1::{DynamicMessage, Messages};

use super::body::Body;
use super::group::state;
use super::read::Read;
use super::service_user_view::{
    CreateServiceUserResponse, GetServiceUserResponse, ListAllServiceUsersResponse,
    ListOrganizationServiceUsersResponse, ListProjectServiceUsersResponse, ListServiceUserProjectsResponse,
    ListServiceUsersResponse,
};
use crate::call::{Call, Outcome};

/// `CreateServiceUser`.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<CreateServiceUserResponse>();
    Ok(app.create_service_user(&call.cx, request.text("org_id"), content(&request), reply).await?.into())
}

/// `GetServiceUser`.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let found = app.get_service_user(&call.cx, &request.text("org_id"), &request.text("id")).await?;
    Ok(call.answer::<GetServiceUserResponse>(&found).into())
}

/// `DeleteServiceUser`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_service_user(&call.cx, &request.text("org_id"), &request.text("id")).await?;
    Ok(call.empty().into())
}

/// `ListServiceUsers`.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let all = app.list_service_users(&call.cx, &request.text("org_id"), state(&request)?).await?;
    Ok(call.answer::<ListServiceUsersResponse>(&all).into())
}

/// `ListOrganizationServiceUsers`.
pub async fn list_of_organization(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let all = app.list_service_users(&call.cx, &request.text("id"), State::Enabled).await?;
    Ok(call.answer::<ListOrganizationServiceUsersResponse>(&all).into())
}

/// `ListProjectServiceUsers`: with the roles, asked for or not (decision 21).
pub async fn list_of_project(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let all = app.list_project_service_users(&call.cx, request.text("id")).await?;
    Ok(call.answer::<ListProjectServiceUsersResponse>(&all).into())
}

/// `ListAllServiceUsers`.
pub async fn list_all(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let all = app.list_all_service_users(&call.cx).await?;
    Ok(call.answer::<ListAllServiceUsersResponse>(&all).into())
}

/// `ListServiceUserProjects`.
pub async fn projects(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (organization, id) = (request.text("org_id"), request.text("id"));
    let permissions = request.texts("with_permissions");
    let projects = app.list_service_user_projects(&call.cx, &organization, &id, &permissions).await?;
    Ok(call.answer::<ListServiceUserProjectsResponse>(&projects).into())
}

/// The `body`, which may be missing: both of its fields may be empty.
fn content(request: &DynamicMessage) -> Result<ServiceUserContent> {
    let empty = || DynamicMessage::new(Messages::named("ServiceUserRequestBody"));
    let mut body = Body::item(request.inner("body").unwrap_or_else(empty), "body.".into());
    let (title, metadata) = (body.title(), body.metadata());
    body.finish(Some(ServiceUserContent { title, metadata }))
}
