//! `/v1/groups`: groups of the tenant, who is in them, and the roles that they carry (spec 4.4).
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::{Code, Result};
use portcullis_service::Answer;
use portcullis_service::group::GroupShown;
use portcullis_service::group_role::Mapped;
use portcullis_service::tenant_group::{GroupFilter, GroupMember, GroupPatch, NewGroup};

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape, param};
use crate::render;
use crate::view::{GroupMemberView, GroupMembersView, GroupRoleView, GroupView};

static LIST: Op =
    Op::get("/v1/groups", "listGroups", "groups:list", "List groups, newest first.", (200, Shape::Page("Group")))
        .query(&[
            param("source", "string", "Where they come from: local, scim, oidc or saml."),
            param("q", "string", "Start of a word of the name; 1 to 100 characters."),
        ]);
static READ: Op = Op::get(
    "/v1/groups/{id}",
    "getGroup",
    "groups:read",
    "Read a group; one's own always.",
    (200, Shape::Json("Group")),
);
static CREATE: Op = Op::post(
    "/v1/groups",
    "createGroup",
    "groups:create",
    "Make a group that nobody is in.",
    Body::Json("NewGroup"),
    (201, Shape::Json("Group")),
)
.refuses(&[Code::AlreadyExists]);
static UPDATE: Op = Op::put(
    "/v1/groups/{id}",
    "updateGroup",
    "groups:update",
    "Change a group; what is left out stays. One that carries roles also needs roles:grant for them.",
    Body::Json("GroupPatch"),
    (200, Shape::Json("Group")),
)
.refuses(&[Code::AlreadyExists, Code::ManagedExternally]);
static DELETE: Op = Op::delete(
    "/v1/groups/{id}",
    "deleteGroup",
    "groups:delete",
    "End a group that no rule and no stage names. One that carries roles also needs roles:grant for them.",
    (204, Shape::Empty),
)
.refuses(&[Code::InUse, Code::ManagedExternally]);
static MEMBERS: Op = Op::get(
    "/v1/groups/{id}/members",
    "listGroupMembers",
    "groups:read",
    "Who is in a group.",
    (200, Shape::Json("GroupMembers")),
);
static ADD: Op = Op::post(
    "/v1/groups/{id}/members",
    "addGroupMember",
    "groups:members",
    "Put somebody into a group. One that carries roles also needs roles:grant for them; nobody adds themselves to it.",
    Body::Json("NewGroupMember"),
    (201, Shape::Json("GroupMember")),
)
.refuses(&[Code::AlreadyMember, Code::ManagedExternally, Code::Conflict, Code::Unprocessable]);
static REMOVE: Op = Op::delete(
    "/v1/groups/{id}/members/{user_id}",
    "removeGroupMember",
    "groups:members",
    "Take somebody out of a group. One that carries roles also needs roles:grant for them.",
    (204, Shape::Empty),
)
.refuses(&[Code::ManagedExternally]);
static MAP: Op = Op::post(
    "/v1/groups/{id}/roles",
    "mapGroupRole",
    "groups:roles",
    "Let every member of a group hold a role. Also needs roles:grant; nobody does it to a group that they are in.",
    Body::Json("NewGroupRole"),
    (201, Shape::Json("GroupRoleMapping")),
)
.refuses(&[Code::AlreadyMember, Code::InvalidRoles]);
static UNMAP: Op = Op::delete(
    "/v1/groups/{id}/roles/{role}",
    "unmapGroupRole",
    "groups:roles",
    "Take a role from a group. Also needs roles:grant; nobody does it to a group that they are in.",
    (204, Shape::Empty),
);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        LIST.to(list),
        READ.to(get),
        CREATE.to(create),
        UPDATE.to(update),
        DELETE.to(delete),
        MEMBERS.to(members),
        ADD.to(add),
        REMOVE.to(remove),
        MAP.to(map),
        UNMAP.to(unmap),
    ]
}

async fn list(call: Call) -> Result<Response> {
    let (mut q, page) = call.page();
    let filter =
        GroupFilter { source: q.word("source", source, "One of local, scim, oidc, saml."), q: q.filled("q", 100) };
    let filter = q.finish(filter)?;
    let groups = call.app().list_tenant_groups(&call.cx, &filter, &page).await?;
    Ok(render::page(&groups, GroupView::of))
}
fn source(word: &str) -> Option<String> {
    ["local", "scim", "oidc", "saml"].contains(&word).then(|| word.to_owned())
}

/// Never 304: how many are in it is told, too, and is not what the ETag speaks of.
async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let group = call.app().get_tenant_group(&call.cx, call.id("id")).await?;
    Ok(render::changed(group.group.revision, &GroupView::of(&group)))
}

async fn create(mut call: Call) -> Result<Response> {
    let new = new_group(call.take_fields());
    let reply = call.reply(|made: &GroupShown| -> Answer {
        render::created(&format!("/v1/groups/{}", made.group.id), Some(made.group.revision), &GroupView::of(made))
    });
    call.app().create_tenant_group(&call.cx, new, reply).await.map(render::answer)
}

async fn update(mut call: Call) -> Result<Response> {
    let patch = changes(call.take_fields());
    let (patch, if_match) = call.if_match(patch);
    let group = call.app().update_tenant_group(&call.cx, call.id("id"), patch, if_match).await?;
    Ok(render::changed(group.group.revision, &GroupView::of(&group)))
}

async fn delete(call: Call) -> Result<Response> {
    let (command, if_match) = call.if_match(Ok(()));
    command?;
    call.app().delete_tenant_group(&call.cx, call.id("id"), if_match).await?;
    Ok(render::nothing())
}

async fn members(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let members = call.app().list_tenant_group_members(&call.cx, call.id("id")).await?;
    Ok(render::json(200, &GroupMembersView { data: members.iter().map(GroupMemberView::of).collect() }))
}

async fn add(mut call: Call) -> Result<Response> {
    let mut f = call.take_fields();
    let user = f.required("user_id", "This must be a UUID.", fields::id);
    let user = f.finish(user);
    let group = call.id("id");
    let reply = call.reply(|member: &GroupMember| -> Answer {
        let location = format!("/v1/groups/{}/members/{}", member.group, member.user.id);
        render::created(&location, None, &GroupMemberView::of(member))
    });
    call.app().add_tenant_group_member(&call.cx, group, user, reply).await.map(render::answer)
}

async fn remove(call: Call) -> Result<Response> {
    call.app().remove_tenant_group_member(&call.cx, call.id("id"), call.id("user_id")).await?;
    Ok(render::nothing())
}

async fn map(mut call: Call) -> Result<Response> {
    let mut f = call.take_fields();
    let role = f.required("role", "One of user, approver, admin.", fields::string);
    let role = f.finish(role);
    let group = call.id("id");
    let reply = call.reply(|made: &Mapped| -> Answer {
        let location = format!("/v1/groups/{}/roles/{}", made.group, made.mapping.role);
        render::created(&location, None, &GroupRoleView::of(&made.mapping))
    });
    call.app().map_group_role(&call.cx, group, role, reply).await.map(render::answer)
}

async fn unmap(call: Call) -> Result<Response> {
    let (command, if_match) = call.if_match(Ok(()));
    let if_match = command.map(|()| if_match);
    call.app().unmap_group_role(&call.cx, call.id("id"), call.segment("role"), if_match).await?;
    Ok(render::nothing())
}

const NAME: &str = "Enter a name.";

pub(crate) fn new_group(mut f: Fields) -> Result<NewGroup> {
    let name = f.required("name", NAME, fields::line(120, NAME));
    let description = f.optional("description", fields::text(2_000)).filter(|d| !d.is_empty());
    f.finish(name.map(|name| NewGroup { name, description }))
}
fn changes(mut f: Fields) -> Result<GroupPatch> {
    let patch = GroupPatch {
        name: f.change("name", fields::line(120, NAME)),
        description: f.patch("description", fields::text(2_000)).map(|d| d.filter(|d| !d.is_empty())),
    };
    f.finish(Some(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(v: Value) -> Fields {
        Fields::new(v.as_object().unwrap().clone())
    }

    #[test]
    fn sec_11_what_only_answers_carry_is_unknown() {
        for field in ["id", "source", "roles", "role_mappings", "member_count", "external_id", "slug"] {
            let e = new_group(of(json!({ "name": "HR", field: "admin" }))).unwrap_err();
            assert_eq!(e.details()["fields"][0]["message"], "Unknown field.", "{field}");
        }
    }

    #[test]
    fn a_description_is_cleared_by_null_and_by_nothing() {
        let patch = |v| changes(of(v)).unwrap().description;
        assert_eq!(patch(json!({})), None);
        assert_eq!(patch(json!({ "description": null })), Some(None));
        assert_eq!(patch(json!({ "description": "" })), Some(None));
        assert_eq!(patch(json!({ "description": "All of us" })), Some(Some("All of us".into())));
        assert!(new_group(of(json!({ "name": "x".repeat(121) }))).is_err());
    }
}
