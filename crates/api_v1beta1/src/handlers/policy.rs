//! Policies, which are role bindings here (spec v1beta1 2.3.10, 3.6).
use portcullis_domain::Result;
use portcullis_service::App;
use portcullis_service::role_binding::{NewRoleBinding, RoleBindingFilter};
use portcullis_wire_v1beta1::DynamicMessage;

use super::body::Body;
use super::policy_view::{
    CreatePolicyForProjectResponse, CreatePolicyResponse, GetPolicyResponse, ListPoliciesResponse,
};
use super::read::Read;
use crate::call::{Call, Outcome};

/// `CreatePolicy`.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = Body::of(&call, &request).and_then(|mut body| {
        let new = NewRoleBinding {
            role: body.text("role_id"),
            resource: body.text("resource"),
            principal: body.text("principal"),
            title: body.title(),
            metadata: body.metadata(),
        };
        body.finish(Some(new))
    });
    let reply = call.reply::<CreatePolicyResponse>();
    Ok(app.create_role_binding(&call.cx, new, reply).await?.into())
}

/// `CreatePolicyForProject`.
pub async fn create_for_project(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let project = request.text("project_id");
    let new = Body::of(&call, &request).and_then(|mut body| {
        let new = NewRoleBinding {
            role: body.text("role_id"),
            resource: String::new(),
            principal: body.text("principal"),
            title: body.title(),
            metadata: serde_json::Map::new(),
        };
        body.finish(Some(new))
    });
    let reply = call.reply::<CreatePolicyForProjectResponse>();
    Ok(app.create_role_binding_for_project(&call.cx, project, new, reply).await?.into())
}

/// `GetPolicy`.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let binding = app.get_role_binding(&call.cx, &request.text("id")).await?;
    Ok(call.answer::<GetPolicyResponse>(&binding).into())
}

/// `ListPolicies`.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let filter = RoleBindingFilter {
        organization: request.text("org_id"),
        project: request.text("project_id"),
        group: request.text("group_id"),
        user: request.text("user_id"),
        role: request.text("role_id"),
    };
    let bindings = app.list_role_bindings(&call.cx, &filter).await?;
    Ok(call.answer::<ListPoliciesResponse>(&bindings).into())
}

/// `UpdatePolicy`: Frontier never did it (decision 23).
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.update_role_binding(&call.cx, &request.text("id")).await?;
    Ok(call.empty().into())
}

/// `DeletePolicy`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_role_binding(&call.cx, &request.text("id")).await?;
    Ok(call.empty().into())
}
