//! Projects and who holds roles on them (spec v1beta1 2.3.9, 3.4).
use portcullis_domain::Result;
use portcullis_domain::organization::State;
use portcullis_service::App;
use portcullis_service::project::{NewProject, ProjectContent};
use portcullis_service::project_list::MyProjectsQuery;
use portcullis_wire_v1beta1::{DynamicMessage, Messages};
use url::form_urlencoded;

use super::body::Body;
use super::group::state;
use super::project_view::{
    CreateProjectResponse, DisableProjectResponse, EnableProjectResponse, GetProjectResponse,
    ListProjectAdminsResponse, ListProjectGroupsResponse, ListProjectUsersResponse, ListProjectsByCurrentUserResponse,
    ListProjectsByUserResponse, ListProjectsResponse, RemoveProjectMemberResponse, SetProjectMemberRoleResponse,
    UpdateProjectResponse,
};
use super::read::Read;
use super::user::user_ref;
use crate::call::{Call, Outcome};
use crate::incoming::Incoming;

/// What a page of the caller's projects holds when nothing else is asked for.
const PAGE: usize = 1_000;

/// `CreateProject`: `body.org_id` is an id or a name.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let organization = request.inner("body").map(|b| b.text("org_id")).unwrap_or_default();
    let new = new_project(&call, &request);
    let reply = call.reply::<CreateProjectResponse>();
    Ok(app.create_project(&call.cx, organization, new, reply).await?.into())
}
fn new_project(call: &Call, request: &DynamicMessage) -> Result<NewProject> {
    let mut body = Body::of(call, request)?;
    let name = body.name();
    let content = ProjectContent { title: body.title(), metadata: body.metadata() };
    body.finish(name.map(|name| NewProject { name, content }))
}

/// `GetProject`, by id or name.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let project = app.get_project(&call.cx, request.text("id")).await?;
    Ok(call.answer::<GetProjectResponse>(&project).into())
}

/// `UpdateProject`: title and metadata are replaced; the name stays, whatever the body says.
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let content = Body::of(&call, &request).and_then(|mut body| {
        let content = ProjectContent { title: body.title(), metadata: body.metadata() };
        body.finish(Some(content))
    });
    let project = app.update_project(&call.cx, request.text("id"), content).await?;
    Ok(call.answer::<UpdateProjectResponse>(&project).into())
}

/// `EnableProject`.
pub async fn enable(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<EnableProjectResponse>();
    Ok(app.set_project_state(&call.cx, request.text("id"), State::Enabled, reply).await?.into())
}

/// `DisableProject`.
pub async fn disable(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<DisableProjectResponse>();
    Ok(app.set_project_state(&call.cx, request.text("id"), State::Disabled, reply).await?.into())
}

/// `DeleteProject`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_project(&call.cx, request.text("id")).await?;
    Ok(call.empty().into())
}

/// `ListProjects`.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let projects = app.list_projects(&call.cx, request.text("org_id"), state(&request)?).await?;
    Ok(call.answer::<ListProjectsResponse>(&projects).into())
}

/// `ListProjectAdmins`.
pub async fn list_admins(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let users = app.list_project_admins(&call.cx, request.text("id")).await?;
    Ok(call.answer::<ListProjectAdminsResponse>(&users).into())
}

/// `ListProjectUsers`: with the roles, asked for or not (decision 21). REST may ask for those with one permission (spec 2.5).
pub async fn list_users(app: App, call: Call, incoming: Incoming) -> Result<Outcome> {
    let request = incoming.message(&Messages::named(call.endpoint.input))?;
    let users = app.list_project_users(&call.cx, request.text("id"), &permission_filter(&incoming)).await?;
    Ok(call.answer::<ListProjectUsersResponse>(&users).into())
}
fn permission_filter(incoming: &Incoming) -> String {
    let query = incoming.query.as_deref().unwrap_or_default();
    let mut sent = form_urlencoded::parse(query.as_bytes());
    let found = sent.find(|(name, _)| name == "permission_filter" || name == "permissionFilter");
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// `ListProjectGroups`: with the roles.
pub async fn list_groups(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let groups = app.list_project_groups(&call.cx, request.text("id")).await?;
    Ok(call.answer::<ListProjectGroupsResponse>(&groups).into())
}

/// `SetProjectMemberRole`.
pub async fn set_role(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (kind, id, role) = (request.text("principal_type"), request.text("principal_id"), request.text("role_id"));
    let reply = call.reply::<SetProjectMemberRoleResponse>();
    Ok(app.set_project_member_role(&call.cx, request.text("project_id"), (&kind, &id), &role, reply).await?.into())
}

/// `RemoveProjectMember`.
pub async fn remove_member(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (kind, id) = (request.text("principal_type"), request.text("principal_id"));
    let reply = call.reply::<RemoveProjectMemberResponse>();
    Ok(app.remove_project_member(&call.cx, request.text("project_id"), (&kind, &id), reply).await?.into())
}

/// `ListProjectsByUser`.
pub async fn of_user(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let projects = app.projects_of_user(&call.cx, user_ref(&request.text("id"))).await?;
    Ok(call.answer::<ListProjectsByUserResponse>(&projects).into())
}

/// `ListProjectsByCurrentUser`.
pub async fn mine(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = MyProjectsQuery {
        organization: request.text("org_id"),
        permissions: request.texts("with_permissions"),
        non_inherited: request.flag("non_inherited"),
        count: request.flag("with_member_count"),
        size: Some(request.size("page_size")).filter(|n| *n > 0).unwrap_or(PAGE),
        page: request.size("page_num").max(1),
    };
    let projects = app.my_projects(&call.cx, &query).await?;
    Ok(call.answer::<ListProjectsByCurrentUserResponse>(&projects).into())
}
