//! The caller's own profile (spec v1beta1 4.4).
use portcullis_domain::api_key::KeyOwner;
use portcullis_domain::{Code, Credential, Ctx, Error, Result, Role, Subject};
use portcullis_service::App;
use portcullis_service::profile::ProfilePatch;
use portcullis_wire_v1beta1::DynamicMessage;

use super::responses::{Caller, GetCurrentAdminUserResponse, GetCurrentUserResponse, UpdateCurrentUserResponse};
use super::user::email_conflict;
use super::user_body::{self, Shape};
use crate::call::{Call, Outcome};
use crate::incoming::Incoming;

/// `GetCurrentUser`: a user for persons and what acts for them, a service user for machines.
pub async fn get(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    Ok(call.answer::<GetCurrentUserResponse>(&caller(&app, &call.cx).await?).into())
}

/// `GetCurrentAdminUser`.
pub async fn get_admin(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    superuser(&call.cx)?;
    Ok(call.answer::<GetCurrentAdminUserResponse>(&caller(&app, &call.cx).await?).into())
}

/// `UpdateCurrentUser`: title, avatar and metadata; the body's address must be the caller's own.
pub async fn update(app: App, call: Call, incoming: Incoming) -> Result<Outcome> {
    let (_, body) = user_body::read(&incoming, Shape::BodyOnly, call.endpoint.input)?;
    let at = incoming.prefixed("email");
    match (&body.email, &call.cx.principal.email) {
        (Some(sent), Some(own)) if sent == own => {}
        (None, _) => return Err(Error::field(at, "Your e-mail address must be there.")),
        _ => return Err(email_conflict(at)),
    }
    let patch = ProfilePatch {
        title: Some(body.title),
        avatar: Some(body.avatar),
        metadata: Some(body.metadata),
        ..ProfilePatch::default()
    };
    let user = app.update_profile(&call.cx, Ok(patch)).await?;
    Ok(call.answer::<UpdateCurrentUserResponse>(&user).into())
}

async fn caller(app: &App, cx: &Ctx) -> Result<Caller> {
    match cx.principal.subject {
        Subject::ServiceUser(_) => app.my_service_user(cx).await.map(|s| Caller::ServiceUser(Box::new(s))),
        _ => app.me(cx).await.map(|user| Caller::User(Box::new(user))),
    }
}

/// 403 for all but superusers (decision 17): an effective `admin`, or a service key with scope `*`; never a narrower key.
/// Calls that would otherwise show less instead of refusing ask this first; rules are the use case's business.
pub fn superuser(cx: &Ctx) -> Result<()> {
    let p = &cx.principal;
    let yes = match &p.credential {
        Credential::Session { .. } => p.roles.has(Role::Admin),
        Credential::ApiKey { owner, scopes, .. } => {
            scopes.is_all() && (p.roles.has(Role::Admin) || matches!(owner, KeyOwner::Service(_)))
        }
        Credential::Service { .. } => p.roles.has(Role::Admin),
        Credential::PersonalToken { .. } | Credential::None => false,
    };
    if yes { Ok(()) } else { Err(Error::new(Code::Forbidden, "Only a superuser of the platform may do this.")) }
}
