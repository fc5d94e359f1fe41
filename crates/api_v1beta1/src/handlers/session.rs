//! Sessions (spec v1beta1 2.3.1, 3.21): where one is signed in, and the end of what one does not know.
use portcullis_domain::Result;
use portcullis_service::App;
use portcullis_wire_v1beta1::DynamicMessage;

use super::read::Read;
use super::session_view::{
    Device, ListSessionsResponse, ListUserSessionsResponse, PingUserSessionResponse, RevokeSessionResponse,
    RevokeUserSessionResponse, Sessions,
};
use crate::call::{Call, Outcome};

/// `ListSessions`: the caller's live ones.
pub async fn list(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let (list, current) = app.list_sessions(&call.cx).await?;
    Ok(call.answer::<ListSessionsResponse>(&Sessions { list, current: Some(current) }).into())
}

/// `RevokeSession`: one of the caller's.
pub async fn revoke(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<RevokeSessionResponse>();
    Ok(app.revoke_session(&call.cx, &request.text("session_id"), reply).await?.into())
}

/// `PingUserSession`: what is known of this call's device from now on.
pub async fn ping(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    app.ping_session(&call.cx).await?;
    let agent = call.cx.user_agent.clone().unwrap_or_default();
    Ok(call.answer::<PingUserSessionResponse>(&Device { ip: call.cx.ip, agent: agent.to_string() }).into())
}

/// `ListUserSessions`: anybody's, for superusers.
pub async fn list_of_user(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let list = app.list_user_sessions(&call.cx, &request.text("user_id")).await?;
    let current = match call.cx.principal.credential {
        portcullis_domain::Credential::Session { id, .. } => Some(id),
        _ => None,
    };
    Ok(call.answer::<ListUserSessionsResponse>(&Sessions { list, current }).into())
}

/// `RevokeUserSession`: anybody's, for superusers.
pub async fn revoke_of_user(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<RevokeUserSessionResponse>();
    Ok(app.revoke_user_session(&call.cx, &request.text("session_id"), reply).await?.into())
}
