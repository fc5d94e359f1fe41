//! `/Users`.
use std::sync::Arc;

use axum::response::Response;
use portcullis_domain::Result;
use portcullis_domain::scim::{Provisioned, Search};
use portcullis_edge::headers;
use portcullis_scim::{filter, message, user};
use serde_json::Value;

use super::answer;
use super::call::{Asked, Call};
use crate::render;

pub(crate) async fn list(call: Call) -> Result<Response> {
    let asked = call.asked()?;
    found(&call, asked).await
}
pub(crate) async fn search(call: Call) -> Result<Response> {
    let asked = call.asked_in_body()?;
    found(&call, asked).await
}
async fn found(call: &Call, asked: Asked) -> Result<Response> {
    let search = asked.filter.as_deref().map_or(Ok(Search::Constant(true)), filter::of_users)?;
    let found = call.app().scim_users(&call.cx, search, asked.window).await?;
    let base = call.app().scim_base();
    let shown = |p: &Provisioned| Value::Object(asked.projection.apply(user::write(p, &base)));
    Ok(answer::json(200, &message::list(found.total, asked.start(), found.rows.iter().map(shown).collect())))
}
pub(crate) async fn read(call: Call) -> Result<Response> {
    let asked = call.asked()?;
    let p = call.app().scim_user(&call.cx, call.id()).await?;
    if headers::none_match(call.headers(), p.user.revision) {
        return Ok(answer::not_modified(p.user.revision));
    }
    Ok(shown(&call, &asked, &p))
}
fn shown(call: &Call, asked: &Asked, p: &Provisioned) -> Response {
    let members = user::write(p, &call.app().scim_base());
    answer::resource(200, p.user.revision, asked.projection.apply(members))
}

pub(crate) async fn create(call: Call) -> Result<Response> {
    let asked = call.asked()?;
    let p = call.app().scim_create_user(&call.cx, user::read(&call.body)?).await?;
    let base = call.app().scim_base();
    let members = asked.projection.apply(user::write(&p, &base));
    Ok(answer::created(&format!("{base}/Users/{}", p.user.id), p.user.revision, members))
}
pub(crate) async fn replace(call: Call) -> Result<Response> {
    let (asked, if_match) = (call.asked()?, call.if_match()?);
    let person = user::read(&call.body)?;
    let change = Arc::new(move |_: &Provisioned| Ok(person.clone()));
    let p = call.app().scim_change_user(&call.cx, call.id(), change, if_match).await?;
    Ok(shown(&call, &asked, &p))
}
pub(crate) async fn patch(call: Call) -> Result<Response> {
    let (asked, if_match) = (call.asked()?, call.if_match()?);
    let patch = user::Patch::read(&call.body)?;
    let change = Arc::new(move |before: &Provisioned| patch.apply(before));
    let p = call.app().scim_change_user(&call.cx, call.id(), change, if_match).await?;
    Ok(shown(&call, &asked, &p))
}
pub(crate) async fn delete(call: Call) -> Result<Response> {
    call.app().scim_delete_user(&call.cx, call.id(), call.if_match()?).await?;
    Ok(render::nothing())
}
