//! Where somebody is signed in (spec 4.3, 4.3.2).
use axum::response::Response;
use portcullis_domain::session::{Session, SessionOnDevice};
use portcullis_domain::{Code, Id, Result};
use serde_json::{Value, json};

use crate::call::Call;
use crate::op::{Op, Route, Shape};
use crate::render;

static LIST_OWN: Op = Op::get(
    "/v1/users/me/sessions",
    "listOwnSessions",
    "",
    "List where you are signed in.",
    (200, Shape::Json("Sessions")),
);
static END_OTHERS: Op =
    Op::delete("/v1/users/me/sessions", "endOtherSessions", "", "Sign out everywhere but here.", (204, Shape::Empty));
static END_OWN: Op =
    Op::delete("/v1/users/me/sessions/{id}", "endOwnSession", "", "End one of your sessions.", (204, Shape::Empty));
static LIST: Op = Op::get(
    "/v1/users/{id}/sessions",
    "listSessions",
    "users:sessions",
    "List where a user is signed in.",
    (200, Shape::Json("Sessions")),
);
static END_ALL: Op = Op::delete(
    "/v1/users/{id}/sessions",
    "endSessions",
    "users:sessions",
    "Sign a user out everywhere. Their API keys and personal access tokens stay.",
    (204, Shape::Empty),
)
.refuses(&[Code::OwnerProtected]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![LIST_OWN.to(list_own), END_OTHERS.to(end_others), END_OWN.to(end_own), LIST.to(list), END_ALL.to(end_all)]
}

async fn list_own(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let (all, current) = call.app().own_sessions(&call.cx).await?;
    Ok(rendered(&all, Some(current)))
}
async fn end_others(call: Call) -> Result<Response> {
    call.app().end_other_sessions(&call.cx).await?;
    Ok(render::nothing())
}
async fn end_own(call: Call) -> Result<Response> {
    call.app().end_own_session(&call.cx, call.id("id")).await?;
    Ok(render::nothing())
}
async fn list(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let all = call.app().sessions_of_user(&call.cx, call.id("id")).await?;
    Ok(rendered(&all, None))
}
async fn end_all(call: Call) -> Result<Response> {
    call.app().end_sessions_of_user(&call.cx, call.id("id")).await?;
    Ok(render::nothing())
}

fn rendered(all: &[SessionOnDevice], current: Option<Id<Session>>) -> Response {
    let one = |on: &SessionOnDevice| -> Value {
        let s = &on.session;
        json!({
            "id": s.id,
            "created_at": s.created_at,
            "last_seen_at": on.seen_at,
            "expires_at": s.expires_at,
            "amr": s.amr,
            "ip": on.ip,
            "user_agent": Some(&on.user_agent).filter(|agent| !agent.is_empty()),
            "current": current == Some(s.id),
        })
    };
    render::json(200, &json!({ "data": all.iter().map(one).collect::<Vec<_>>() }))
}
