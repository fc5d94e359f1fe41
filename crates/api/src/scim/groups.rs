//! `/Groups`.
use axum::response::Response;
use portcullis_domain::Result;
use portcullis_domain::scim::{GroupListing, Search};
use portcullis_edge::headers;
use portcullis_scim::{filter, group, message};
use portcullis_service::scim_group::Members;
use serde_json::Value;

use super::answer;
use super::call::{Asked, Call};
use crate::render;

/// Members are read only where they are told.
fn members(asked: &Asked) -> Members {
    if asked.projection.shows("members") { Members::Shown } else { Members::LeftOut }
}

pub(crate) async fn list(call: Call) -> Result<Response> {
    let asked = call.asked()?;
    found(&call, asked).await
}
pub(crate) async fn search(call: Call) -> Result<Response> {
    let asked = call.asked_in_body()?;
    found(&call, asked).await
}
async fn found(call: &Call, asked: Asked) -> Result<Response> {
    let search = asked.filter.as_deref().map_or(Ok(Search::Constant(true)), filter::of_groups)?;
    let found = call.app().scim_groups(&call.cx, search, asked.window, members(&asked)).await?;
    let base = call.app().scim_base();
    let shown = |g: &GroupListing| Value::Object(asked.projection.apply(group::write(g, &base)));
    Ok(answer::json(200, &message::list(found.total, asked.start(), found.rows.iter().map(shown).collect())))
}
pub(crate) async fn read(call: Call) -> Result<Response> {
    let asked = call.asked()?;
    let g = call.app().scim_group(&call.cx, call.id(), members(&asked)).await?;
    if headers::none_match(call.headers(), g.group.revision) {
        return Ok(answer::not_modified(g.group.revision));
    }
    Ok(shown(&call, &asked, &g))
}
fn shown(call: &Call, asked: &Asked, g: &GroupListing) -> Response {
    let shown = group::write(g, &call.app().scim_base());
    answer::resource(200, g.group.revision, asked.projection.apply(shown))
}

pub(crate) async fn create(call: Call) -> Result<Response> {
    let asked = call.asked()?;
    let g = call.app().scim_create_group(&call.cx, group::read(&call.body)?, members(&asked)).await?;
    let base = call.app().scim_base();
    let shown = asked.projection.apply(group::write(&g, &base));
    Ok(answer::created(&format!("{base}/Groups/{}", g.group.id), g.group.revision, shown))
}
pub(crate) async fn replace(call: Call) -> Result<Response> {
    let change = group::read(&call.body);
    changed(call, change).await
}
pub(crate) async fn patch(call: Call) -> Result<Response> {
    let change = group::patch(&call.body);
    changed(call, change).await
}
async fn changed(call: Call, change: Result<portcullis_domain::scim::GroupChange>) -> Result<Response> {
    let (asked, if_match) = (call.asked()?, call.if_match()?);
    let members = members(&asked);
    let g = call.app().scim_change_group(&call.cx, call.id(), change?, if_match, members).await?;
    Ok(shown(&call, &asked, &g))
}
pub(crate) async fn delete(call: Call) -> Result<Response> {
    call.app().scim_delete_group(&call.cx, call.id(), call.if_match()?).await?;
    Ok(render::nothing())
}
