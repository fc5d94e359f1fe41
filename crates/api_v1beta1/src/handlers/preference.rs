//! Preferences and their traits (spec v1beta1 2.3.14, 3.13).
use portcullis_domain::Result;
use portcullis_service::App;
use portcullis_service::preference::{NewPreference, NewScope};
use portcullis_wire_v1beta1::DynamicMessage;

use super::preference_view::{
    CreateCurrentUserPreferencesResponse, CreateOrganizationPreferencesResponse, CreatePreferencesResponse,
    CreateUserPreferencesResponse, DescribePreferencesResponse, ListCurrentUserPreferencesResponse,
    ListOrganizationPreferencesResponse, ListPreferencesResponse, ListUserPreferencesResponse,
};
use super::read::Read;
use super::user::user_ref;
use crate::call::{Call, Outcome};

/// `DescribePreferences`.
pub async fn describe(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let traits = app.describe_preferences(&call.cx).await?;
    Ok(call.answer::<DescribePreferencesResponse>(traits).into())
}

/// `CreatePreferences`: the platform's.
pub async fn set(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<CreatePreferencesResponse>();
    Ok(app.set_preferences(&call.cx, bodies(&request, "preferences"), reply).await?.into())
}

/// `ListPreferences`: the platform's that were set.
pub async fn list(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let all = app.list_preferences(&call.cx).await?;
    Ok(call.answer::<ListPreferencesResponse>(&all).into())
}

/// `CreateOrganizationPreferences`.
pub async fn set_of_organization(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<CreateOrganizationPreferencesResponse>();
    let new = bodies(&request, "bodies");
    Ok(app.set_organization_preferences(&call.cx, request.text("id"), new, reply).await?.into())
}

/// `ListOrganizationPreferences`: those that were set.
pub async fn list_of_organization(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let all = app.list_organization_preferences(&call.cx, request.text("id")).await?;
    Ok(call.answer::<ListOrganizationPreferencesResponse>(&all).into())
}

/// `CreateProjectPreferences`: Frontier never did it (decision 23).
pub async fn set_of_project(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.project_preferences(&call.cx, request.text("id"), "app_project_update").await?;
    Ok(call.empty().into())
}

/// `ListProjectPreferences`: the same.
pub async fn list_of_project(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.project_preferences(&call.cx, request.text("id"), "app_project_get").await?;
    Ok(call.empty().into())
}

/// `CreateGroupPreferences`: the same.
pub async fn set_of_group(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.group_preferences(&call.cx, request.text("id"), "app_group_update").await?;
    Ok(call.empty().into())
}

/// `ListGroupPreferences`: the same.
pub async fn list_of_group(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.group_preferences(&call.cx, request.text("id"), "app_group_get").await?;
    Ok(call.empty().into())
}

/// `CreateUserPreferences`.
pub async fn set_of_user(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<CreateUserPreferencesResponse>();
    let (which, new) = (user_ref(&request.text("id")), bodies(&request, "bodies"));
    Ok(app.set_user_preferences(&call.cx, which, new, reply).await?.into())
}

/// `ListUserPreferences`: all traits of users, with what was set or the default.
pub async fn list_of_user(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let all = app.list_user_preferences(&call.cx, user_ref(&request.text("id")), scope(&request)).await?;
    Ok(call.answer::<ListUserPreferencesResponse>(&all).into())
}

/// `CreateCurrentUserPreferences`.
pub async fn set_mine(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<CreateCurrentUserPreferencesResponse>();
    Ok(app.set_my_preferences(&call.cx, bodies(&request, "bodies"), reply).await?.into())
}

/// `ListCurrentUserPreferences`.
pub async fn list_mine(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let all = app.list_my_preferences(&call.cx, scope(&request)).await?;
    Ok(call.answer::<ListCurrentUserPreferencesResponse>(&all).into())
}

fn bodies(request: &DynamicMessage, field: &str) -> Vec<NewPreference> {
    let one = |m: &DynamicMessage| NewPreference { name: m.text("name"), value: m.text("value"), scope: scope(m) };
    request.inners(field).iter().map(one).collect()
}
fn scope(message: &DynamicMessage) -> NewScope {
    NewScope { kind: message.text("scope_type"), id: message.text("scope_id") }
}
