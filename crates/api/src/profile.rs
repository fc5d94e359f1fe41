//! `/v1/users/me`: one's own account (spec 4.3.2). Person only, but for the list of permissions.
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::{Code, Result, Subject};
use portcullis_service::Answer;
use portcullis_service::profile::ProfilePatch;
use serde_json::{Value, json};

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape};
use crate::read::{self, password};
use crate::render;
use crate::view::ProfileView;

static READ: Op =
    Op::get("/v1/users/me/profile", "getProfile", "", "Read your own profile.", (200, Shape::Json("Profile")));
static UPDATE: Op = Op::put(
    "/v1/users/me/profile",
    "updateProfile",
    "",
    "Change your own profile; what is left out stays.",
    Body::Json("ProfilePatch"),
    (200, Shape::Json("Profile")),
);
static PASSWORD: Op = Op::post(
    "/v1/users/me/password",
    "changePassword",
    "",
    "Change your own password; your other sessions end.",
    Body::Json("PasswordChange"),
    (204, Shape::Empty),
)
.refuses(&[Code::WeakPassword]);
static PERMISSIONS: Op = Op::get(
    "/v1/users/me/permissions",
    "listMyPermissions",
    "",
    "The built-in actions that you may do somewhere in the tenant.",
    (200, Shape::Json("Permissions")),
);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![READ.to(read), UPDATE.to(update), PASSWORD.to(change_password), PERMISSIONS.to(permissions)]
}

async fn read(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let user = call.app().profile(&call.cx).await?;
    Ok(render::json(200, &ProfileView::of(&user)))
}

async fn update(mut call: Call) -> Result<Response> {
    let patch = patch(call.take_fields());
    let user = call.app().update_profile(&call.cx, patch).await?;
    Ok(render::json(200, &ProfileView::of(&user)))
}

pub(crate) fn patch(mut f: Fields) -> Result<ProfilePatch> {
    let name = fields::line(100, "1 to 100 characters, or null.");
    let patch = ProfilePatch {
        first_name: f.patch("first_name", &name),
        last_name: f.patch("last_name", &name),
        display_name: f.patch("display_name", &name),
        avatar: f.patch("avatar_base64", read::image),
        title: None,
        metadata: None,
    };
    f.finish(Some(patch))
}

async fn change_password(mut call: Call) -> Result<Response> {
    call.limit_passwords()?;
    let mut f = call.take_fields();
    let current = f.required("current_password", "Enter your present password.", password::present);
    // Whether the new one is good enough is `weak_password` (spec 2.4), which the service says.
    let new = f.required("new_password", "Enter a new password.", password::candidate);
    let change = f.finish(current.zip(new));
    let reply = call.reply(|()| Answer::new(204, vec![]));
    call.app().change_password(&call.cx, change, reply).await.map(render::answer)
}

async fn permissions(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let actions = call.app().my_permissions(&call.cx).await?;
    let p = &call.cx.principal;
    let principal = match p.subject {
        Subject::User(id) => Value::from(id.to_string()),
        Subject::ServiceUser(id) => Value::from(id.to_string()),
        Subject::Directory(_) | Subject::System | Subject::Anonymous => Value::Null,
    };
    let roles: Vec<&str> = p.roles.public().map(portcullis_domain::Role::as_str).collect();
    Ok(render::json(200, &json!({ "principal": principal, "roles": roles, "actions": actions })))
}
