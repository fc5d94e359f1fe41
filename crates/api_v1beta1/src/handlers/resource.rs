//! Resources of the tenant's own namespaces (spec v1beta1 2.3.12, 3.9).
use portcullis_domain::Result;
use portcullis_service::App;
use portcullis_service::resource::{NewResource, ResourceFilter};
use portcullis_wire_v1beta1::DynamicMessage;

use super::body::Body;
use super::read::Read;
use super::resource_view::{
    CreateProjectResourceResponse, GetProjectResourceResponse, ListProjectResourcesResponse, ListResourcesResponse,
    UpdateProjectResourceResponse,
};
use crate::call::{Call, Outcome};

/// `CreateProjectResource`.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = Body::of(&call, &request).and_then(|mut body| {
        let new = NewResource {
            id: request.text("id"),
            name: body.text("name"),
            title: body.title(),
            namespace: body.text("namespace"),
            principal: body.text("principal"),
            metadata: body.metadata(),
        };
        body.finish(Some(new))
    });
    let reply = call.reply::<CreateProjectResourceResponse>();
    Ok(app.create_resource(&call.cx, request.text("project_id"), new, reply).await?.into())
}

/// `GetProjectResource`, by id or URN.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let found = app.get_resource(&call.cx, &request.text("project_id"), &request.text("id")).await?;
    Ok(call.answer::<GetProjectResourceResponse>(&found).into())
}

/// `UpdateProjectResource`: title and metadata are replaced; name, namespace and owner stay.
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let content = Body::of(&call, &request).and_then(|mut body| {
        let content = (body.title(), body.metadata());
        body.finish(Some(content))
    });
    let found = app.update_resource(&call.cx, &request.text("project_id"), &request.text("id"), content).await?;
    Ok(call.answer::<UpdateProjectResourceResponse>(&found).into())
}

/// `DeleteProjectResource`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_resource(&call.cx, &request.text("project_id"), &request.text("id")).await?;
    Ok(call.empty().into())
}

/// `ListProjectResources`.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let namespace = request.text("namespace");
    let all = app.list_project_resources(&call.cx, request.text("project_id"), &namespace).await?;
    Ok(call.answer::<ListProjectResourcesResponse>(&all).into())
}

/// `ListResources`.
pub async fn list_all(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let filter = ResourceFilter {
        user: request.text("user_id"),
        project: request.text("project_id"),
        organization: request.text("organization_id"),
        namespace: request.text("namespace"),
    };
    let all = app.list_resources(&call.cx, &filter).await?;
    Ok(call.answer::<ListResourcesResponse>(&all).into())
}
