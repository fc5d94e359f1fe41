//! `/v1/users`: create, list, read, change, suspend, invite, erase (spec 4.3).
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Result, Role, Roles};
use portcullis_service::Answer;
use portcullis_service::user::{Draft, NewUser, SlugChoice, UserFilter, UserPatch, UserRef, UserShown, UserSort};
use serde_json::Value;

use crate::call::Call;
use crate::op::{Body, Op, Param, Route, Shape, param};
use crate::read::{self, password};
use crate::render;
use crate::view::UserView;

const QUERY: &[Param] = &[
    param("email", "string", "Exactly this address."),
    param("role", "string", "Holding this role: user, approver, admin."),
    param("state", "string", "In this state: invited, active, suspended."),
    param("q", "string", "Start of a word of the name, or of the whole address; 1 to 100 characters."),
    param("external_id", "string", "The id in your own directory."),
    param("auth_provider", "string", "local, oidc or saml."),
    param("group_id", "uuid", "Members of this group of the tenant."),
    param("sort", "string", "created_at, email or name; with a leading - from the end. Newest first without it."),
];

static CREATE: Op = Op::post(
    "/v1/users",
    "createUser",
    "users:create",
    "Create a user. Each role beyond `user` also needs roles:grant.",
    Body::Json("NewUser"),
    (201, Shape::Json("User")),
)
.refuses(&[Code::UserExists, Code::InvalidRoles, Code::Unprocessable]);
static LIST: Op =
    Op::get("/v1/users", "listUsers", "users:list", "List users.", (200, Shape::Page("User"))).query(QUERY);
static READ: Op =
    Op::get("/v1/users/{id}", "getUser", "users:read", "Read a user; oneself always.", (200, Shape::Json("User")));
static UPDATE: Op = Op::put(
    "/v1/users/{id}",
    "updateUser",
    "users:update",
    "Change a user; what is left out stays. Each role given or taken also needs roles:grant.",
    Body::Json("UserPatch"),
    (200, Shape::Json("User")),
)
.refuses(&[Code::UserExists, Code::OwnerProtected, Code::ManagedExternally, Code::InvalidRoles, Code::Unprocessable]);
static DELETE: Op =
    Op::delete("/v1/users/{id}", "deleteUser", "users:delete", "Erase a user for good.", (204, Shape::Empty))
        .refuses(&[Code::OwnerProtected]);
static SUSPEND: Op = Op::post(
    "/v1/users/{id}/suspend",
    "suspendUser",
    "users:suspend",
    "Suspend a user, which ends sessions and keys at once, or let them in again.",
    Body::Json("Suspension"),
    (200, Shape::Json("User")),
)
.refuses(&[Code::OwnerProtected, Code::Conflict]);
static INVITE: Op = Op::post(
    "/v1/users/{id}/resend-invite",
    "resendInvite",
    "users:invite",
    "Send a fresh invitation; earlier ones end.",
    Body::OptionalJson("Nothing"),
    (200, Shape::Json("Invitation")),
)
.refuses(&[Code::AlreadyVerified]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        CREATE.to(create),
        LIST.to(list),
        READ.to(get),
        UPDATE.to(update),
        DELETE.to(delete),
        SUSPEND.to(suspend),
        INVITE.to(resend_invite),
    ]
}

async fn create(mut call: Call) -> Result<Response> {
    let draft = draft(call.take_fields());
    let reply = call.reply(created);
    call.app().create_user(&call.cx, draft, reply).await.map(render::answer)
}

fn created(user: &User) -> Answer {
    render::created(&format!("/v1/users/{}", user.id), Some(user.revision), &UserView::whole(user, user.roles))
}

async fn list(call: Call) -> Result<Response> {
    let (mut q, page) = call.page();
    let filter = UserFilter {
        email: q.read("email", Email::parse),
        role: q.word("role", Role::parse, "One of user, approver, admin."),
        state: q.word("state", UserState::parse, "One of invited, active, suspended."),
        q: q.filled("q", 100),
        external_id: q.filled("external_id", 255),
        auth_provider: q.word("auth_provider", AuthProvider::parse, read::PROVIDERS),
        group: q.id("group_id"),
        keyword: None,
    };
    let sort = q.word("sort", sort, "One of created_at, email, name, with or without a leading -.");
    let (filter, sort) = q.finish((filter, sort.unwrap_or_default()))?;
    let users = call.app().list_users(&call.cx, &filter, sort, &page).await?;
    let roles = call.app().effective_roles(&call.cx).await?;
    Ok(render::page(&users, |user| UserView::listed(user, roles.of(user))))
}

fn sort(word: &str) -> Option<UserSort> {
    Some(match word {
        "-created_at" => UserSort::Newest,
        "created_at" => UserSort::Oldest,
        "email" => UserSort::Email { descending: false },
        "-email" => UserSort::Email { descending: true },
        "name" => UserSort::Name { descending: false },
        "-name" => UserSort::Name { descending: true },
        _ => return None,
    })
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let user = call.app().get_user(&call.cx, &UserRef::Id(call.id("id"))).await?;
    let effective = call.app().effective_roles(&call.cx).await?.of(&user);
    if effective == user.roles {
        return Ok(render::resource(call.headers(), user.revision, &UserView::whole(&user, effective)));
    }
    Ok(shown(&user, effective))
}

async fn update(mut call: Call) -> Result<Response> {
    let mut draft = changes(call.take_fields());
    let if_match;
    (draft.command, if_match) = call.if_match(draft.command);
    let user = call.app().update_user(&call.cx, &UserRef::Id(call.id("id")), draft, if_match).await?;
    Ok(shown(&user, call.app().effective_roles(&call.cx).await?.of(&user)))
}
/// What their groups carry is told, too, and does not move a user's revision.
fn shown(user: &User, effective: Roles) -> Response {
    let view = UserView::whole(user, effective);
    if effective == user.roles {
        render::changed(user.revision, &view)
    } else {
        render::varied(user.revision, effective.bits(), &view)
    }
}

async fn delete(call: Call) -> Result<Response> {
    let (command, if_match) = call.if_match(Ok(()));
    command?;
    call.app().delete_user(&call.cx, &UserRef::Id(call.id("id")), if_match).await?;
    Ok(render::nothing())
}

async fn suspend(mut call: Call) -> Result<Response> {
    let mut f = call.take_fields();
    let active = f.required("active", "true or false.", fields::boolean);
    let active = f.finish(active);
    let user = UserRef::Id(call.id("id"));
    let reply = call.reply(|UserShown { user, effective }: &UserShown| {
        let body = render::bytes(&UserView::whole(user, *effective));
        Answer::new(200, body).header("etag", format!("\"{}\"", user.revision))
    });
    call.app().set_user_active(&call.cx, &user, active, reply).await.map(render::answer)
}

async fn resend_invite(mut call: Call) -> Result<Response> {
    call.take_fields().finish(Some(()))?;
    let user = call.id("id");
    let reply = call.reply(|url: &Option<String>| {
        let sent = if url.is_some() {
            "Hand this link to the person; it is shown once."
        } else {
            "The invitation is on its way."
        };
        let mut body = serde_json::json!({ "message": sent });
        if let Some(url) = url {
            body["invitation_url"] = Value::from(url.as_str());
        }
        Answer::new(200, render::bytes(&body))
    });
    call.app().resend_invite(&call.cx, user, reply).await.map(render::answer)
}

/// The facts that authorization reads, read leniently, and the command, read strictly (decision 29).
pub(crate) fn draft(mut f: Fields) -> Draft<NewUser> {
    let email_domain = text(&f, "email").and_then(|e| Email::parse(e).ok()).map(|e| e.domain().to_owned());
    let auth_provider = match f.peek("auth_provider") {
        None | Some(Value::Null) => Some(AuthProvider::Local.as_str().to_owned()),
        Some(v) => v.as_str().and_then(AuthProvider::parse).map(|p| p.as_str().to_owned()),
    };
    let roles = f.peek("roles").cloned().and_then(|v| fields::strings(v).ok());

    let email = f.required("email", portcullis_domain::value::EMAIL_HINT, |v| {
        fields::string(v).map_err(|_| portcullis_domain::value::EMAIL_HINT).and_then(|s| Email::parse(&s))
    });
    let title = f.required("name", "Enter a name.", fields::line(200, "Enter a name."));
    let provider = read::provider(&mut f);
    let password = password::for_provider(&mut f, provider);
    let given = f.required("roles", read::ROLES, |v| fields::strings(v).map_err(|_| read::ROLES));
    let external_id = f.optional("external_id", fields::line(255, "1 to 255 characters."));
    let manager_id = f.optional("manager_id", fields::id);
    let metadata = f.optional("metadata", fields::metadata).unwrap_or_default();
    let avatar = f.optional("avatar_base64", read::image);
    let new = email.zip(title).zip(provider).zip(given).map(|(((email, title), auth_provider), roles)| NewUser {
        email: Some(email),
        slug: SlugChoice::FromId,
        title,
        avatar,
        auth_provider,
        roles,
        password,
        external_id,
        manager_id,
        metadata,
    });
    Draft { roles, email_domain, auth_provider, command: f.finish(new) }
}

pub(crate) fn changes(mut f: Fields) -> Draft<UserPatch> {
    let roles = f.peek("roles").cloned().and_then(|v| fields::strings(v).ok());
    let patch = UserPatch {
        title: f.change("name", fields::line(200, "Enter a name.")),
        roles: f.change("roles", |v| fields::strings(v).map_err(|_| read::ROLES)),
        external_id: f.patch("external_id", fields::line(255, "1 to 255 characters.")),
        manager_id: f.patch("manager_id", fields::id),
        metadata: f.change("metadata", fields::metadata),
        avatar: None,
    };
    Draft { roles, email_domain: None, auth_provider: None, command: f.finish(Some(patch)) }
}

fn text<'f>(f: &'f Fields, name: &str) -> Option<&'f str> {
    f.peek(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    fn of(v: Value) -> Draft<NewUser> {
        let m: Map<String, Value> = serde_json::from_value(v).unwrap();
        draft(Fields::new(m))
    }
    fn wrong(v: Value) -> Vec<(String, String)> {
        let Err(e) = of(v).command else { return vec![] };
        let list = e.details()["fields"].as_array().unwrap().clone();
        list.iter().map(|f| (f["field"].as_str().unwrap().into(), f["message"].as_str().unwrap().into())).collect()
    }
    fn body(change: Value) -> Value {
        let mut b =
            json!({ "email": "Ada@Example.com", "name": "Ada", "password": "plum-orbit-41", "roles": ["user"] });
        for (k, v) in change.as_object().unwrap() {
            if v == "absent" {
                b.as_object_mut().unwrap().remove(k)
            } else {
                b.as_object_mut().unwrap().insert(k.clone(), v.clone())
            };
        }
        b
    }
    fn one(change: Value) -> (String, String) {
        let mut w = wrong(body(change));
        assert_eq!(w.len(), 1, "{w:?}");
        w.remove(0)
    }

    #[test]
    fn refusals_are_those_of_the_specification() {
        let said = |field: &str, message: &str| (field.to_owned(), message.to_owned());
        let email = said("email", "Enter an e-mail address such as ada@example.com.");
        assert_eq!(one(json!({ "email": "absent" })), email);
        assert_eq!(one(json!({ "email": 7 })), email);
        assert_eq!(one(json!({ "email": "example" })), email);
        assert_eq!(one(json!({ "name": "  " })), said("name", "Enter a name."));
        assert_eq!(one(json!({ "name": "absent" })), said("name", "Enter a name."));
        assert_eq!(one(json!({ "name": "x".repeat(214) })), said("name", "At most 200 characters; this has 214."));
        assert_eq!(one(json!({ "password": "example" })), said("password", "At least 8 bytes."));
        assert_eq!(one(json!({ "password": "x".repeat(257) })), said("password", "At most 256 bytes."));
        assert_eq!(one(json!({ "password": "absent" })), said("password", "Required for auth_provider local."));
        assert_eq!(
            one(json!({ "auth_provider": "oidc" })),
            said("password", "Leave it out: oidc users sign in at their provider.")
        );
        assert_eq!(one(json!({ "auth_provider": "magic" })), said("auth_provider", "One of local, oidc, saml."));
        let roles = said("roles", "A list with at least one of user, approver, admin.");
        assert_eq!(one(json!({ "roles": "absent" })), roles);
        assert_eq!(one(json!({ "roles": "user" })), roles);
        assert_eq!(one(json!({ "roles": [1] })), roles);
        assert_eq!(
            one(json!({ "avatar_base64": "https://example.com/a.png" })),
            said("avatar_base64", "A data URI of a PNG, JPEG, GIF or WebP image.")
        );
    }

    #[test]
    fn sec_11_privileged_fields_are_unknown() {
        for field in ["is_owner", "tenant_id", "state", "email_verified", "id", "active", "created_at", "password_hash"]
        {
            assert_eq!(one(json!({ field: true })), (field.to_owned(), "Unknown field.".to_owned()));
        }
    }

    #[test]
    fn the_published_sample_body_is_two_refusals() {
        let b = json!({ "email": "example", "name": "example", "password": "example", "roles": ["user"], "auth_provider": "local" });
        let fields: Vec<String> = wrong(b).into_iter().map(|(f, _)| f).collect();
        assert_eq!(fields, ["email", "password"]);
    }

    #[test]
    fn facts_for_authorization_are_read_even_from_a_broken_body() {
        let d = of(json!({ "email": "Ada@Example.com", "roles": ["admin", "emperor"], "name": 7 }));
        assert!(d.command.is_err());
        assert_eq!(d.roles.unwrap(), ["admin", "emperor"]);
        assert_eq!((d.email_domain.as_deref(), d.auth_provider.as_deref()), (Some("example.com"), Some("local")));
        let d = of(json!({ "email": "nonsense", "roles": "admin", "auth_provider": "magic" }));
        assert!(d.roles.is_none() && d.email_domain.is_none() && d.auth_provider.is_none());
    }

    #[test]
    fn an_oidc_user_needs_no_password_and_null_is_absent() {
        assert!(of(body(json!({ "auth_provider": "oidc", "password": null }))).command.is_ok());
        assert!(of(body(json!({ "external_id": null, "manager_id": null, "metadata": null, "avatar_base64": null, "auth_provider": null }))).command.is_ok());
    }

    #[test]
    fn a_change_names_no_field_that_cannot_change() {
        let m: Map<String, Value> =
            serde_json::from_value(json!({ "email": "a@b.c", "auth_provider": "oidc" })).unwrap();
        let e = changes(Fields::new(m)).command.unwrap_err();
        assert!(e.message().starts_with("2 fields need attention: "), "{e}");
    }
}
