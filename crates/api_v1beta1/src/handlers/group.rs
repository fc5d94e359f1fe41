//! Groups and their members (spec v1beta1 2.3.5, 2.5, 3.3).
use portcullis_domain::organization::State;
use portcullis_domain::user::User;
use portcullis_domain::{Error, FieldError, Id, Result};
use portcullis_service::App;
use portcullis_service::group::{GroupContent, Shown};
use portcullis_wire_v1beta1::DynamicMessage;
use serde_json::Value;

use super::body::Body;
use super::group_view::{
    CreateGroupResponse, DisableGroupResponse, EnableGroupResponse, GetGroupResponse, ListCurrentUserGroupsResponse,
    ListGroupUsersResponse, ListGroupsResponse, ListOrganizationGroupsResponse, ListUserGroupsResponse,
    SetGroupMemberRoleResponse, UpdateGroupResponse,
};
use super::read::Read;
use super::user::user_ref;
use crate::call::{Call, Outcome};
use crate::incoming::{Incoming, not_json};

/// `CreateGroup`.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let content = content(&call, &request);
    let reply = call.reply::<CreateGroupResponse>();
    Ok(app.create_group(&call.cx, request.text("org_id"), content, reply).await?.into())
}

/// `GetGroup`.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let group = app.get_group(&call.cx, request.text("id"), shown(&request)).await?;
    Ok(call.answer::<GetGroupResponse>(&group).into())
}

/// `UpdateGroup`: name, title and metadata are replaced.
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let group = app.update_group(&call.cx, request.text("id"), content(&call, &request)).await?;
    Ok(call.answer::<UpdateGroupResponse>(&group).into())
}

/// `EnableGroup`.
pub async fn enable(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<EnableGroupResponse>();
    Ok(app.set_group_state(&call.cx, request.text("id"), State::Enabled, reply).await?.into())
}

/// `DisableGroup`: what is held through it counts no longer (decision 19).
pub async fn disable(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<DisableGroupResponse>();
    Ok(app.set_group_state(&call.cx, request.text("id"), State::Disabled, reply).await?.into())
}

/// `DeleteGroup`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_group(&call.cx, request.text("id")).await?;
    Ok(call.empty().into())
}

/// `ListOrganizationGroups`.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (organization, only) = (request.text("org_id"), request.texts("group_ids"));
    let groups = app.list_organization_groups(&call.cx, organization, state(&request)?, &only, shown(&request)).await?;
    Ok(call.answer::<ListOrganizationGroupsResponse>(&groups).into())
}

/// `ListGroups`.
pub async fn list_all(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let groups = app.list_groups(&call.cx, request.text("org_id"), state(&request)?).await?;
    Ok(call.answer::<ListGroupsResponse>(&groups).into())
}

/// `ListGroupUsers`: with the roles, asked for or not (decision 21).
pub async fn list_users(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let users = app.list_group_users(&call.cx, request.text("id")).await?;
    Ok(call.answer::<ListGroupUsersResponse>(&users).into())
}

/// `SetGroupMemberRole`.
pub async fn set_role(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (kind, id, role) = (request.text("principal_type"), request.text("principal_id"), request.text("role_id"));
    let reply = call.reply::<SetGroupMemberRoleResponse>();
    Ok(app.set_group_member_role(&call.cx, request.text("group_id"), (&kind, &id), &role, reply).await?.into())
}

/// `AddGroupUsers`, of the REST era: `{"user_ids": [...]}`.
pub async fn add_users(app: App, mut call: Call, incoming: Incoming) -> Result<Outcome> {
    let reply = call.reply::<SetGroupMemberRoleResponse>();
    Ok(app.add_group_users(&call.cx, incoming.variable("id"), user_ids(&incoming), reply).await?.into())
}

/// `RemoveGroupUser`.
pub async fn remove_user(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.remove_group_user(&call.cx, request.text("id"), user_ref(&request.text("user_id"))).await?;
    Ok(call.empty().into())
}

/// `ListUserGroups`.
pub async fn of_user(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let groups = app.groups_of_user(&call.cx, user_ref(&request.text("id")), &request.text("org_id")).await?;
    Ok(call.answer::<ListUserGroupsResponse>(&groups).into())
}

/// `ListCurrentUserGroups`.
pub async fn mine(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let permissions = request.texts("with_permissions");
    let groups = app.my_groups(&call.cx, &request.text("org_id"), &permissions, shown(&request)).await?;
    Ok(call.answer::<ListCurrentUserGroupsResponse>(&groups).into())
}

fn content(call: &Call, request: &DynamicMessage) -> Result<GroupContent> {
    let mut body = Body::of(call, request)?;
    let (name, title, metadata) = (body.name(), body.title(), body.metadata());
    body.finish(name.map(|name| GroupContent { name, title, metadata }))
}
fn shown(request: &DynamicMessage) -> Shown {
    Shown { members: request.flag("with_members"), count: request.flag("with_member_count") }
}
/// The `state` of a list; what is disabled is shown only to who asks for it.
pub fn state(request: &DynamicMessage) -> Result<State> {
    match request.text("state").as_str() {
        "" => Ok(State::Enabled),
        word => State::parse(word).ok_or_else(|| Error::field("state", "enabled or disabled.")),
    }
}

/// As many as one call may add.
const MOST: usize = 200;

/// `user_ids` of a body that no message has any more.
pub fn user_ids(incoming: &Incoming) -> Result<Vec<Id<User>>> {
    let sent: Value = serde_json::from_slice(&incoming.body).map_err(|e| not_json(&incoming.body, &e))?;
    let list = sent.get("user_ids").or_else(|| sent.get("userIds")).and_then(Value::as_array);
    let sent = list.map(Vec::as_slice).unwrap_or_default();
    if sent.is_empty() || sent.len() > MOST {
        return Err(Error::field("user_ids", format!("Send 1 to {MOST} ids.")));
    }
    let wrong =
        |n: usize| FieldError { field: format!("user_ids[{n}]").into(), message: "This must be a UUID.".into() };
    let (mut ids, mut faults) = (Vec::with_capacity(sent.len()), vec![]);
    for (n, id) in sent.iter().enumerate() {
        match id.as_str().and_then(|id| id.parse().ok()) {
            Some(id) => ids.push(id),
            None => faults.push(wrong(n)),
        }
    }
    if faults.is_empty() { Ok(ids) } else { Err(Error::fields(faults)) }
}
