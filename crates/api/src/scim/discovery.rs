//! `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas` (RFC 7644 4): what this server does, and which attributes it keeps.
use axum::response::Response;
use portcullis_domain::{Code, Error, Result};
use portcullis_scim::{discovery, message};
use serde_json::Value;

use super::answer;
use super::call::Call;

pub(crate) async fn config(call: Call) -> Result<Response> {
    Ok(answer::json(200, &discovery::config(&call.app().scim_base())))
}
pub(crate) async fn resource_types(call: Call) -> Result<Response> {
    let all = discovery::resource_types(&call.app().scim_base(), call.app().scim_writes_groups(&call.cx).await?);
    list(&call, all)
}
pub(crate) async fn resource_type(call: Call) -> Result<Response> {
    let all = discovery::resource_types(&call.app().scim_base(), call.app().scim_writes_groups(&call.cx).await?);
    one(&call, all, "resource type")
}
pub(crate) async fn schemas(call: Call) -> Result<Response> {
    let all = discovery::schemas(&call.app().scim_base(), call.app().scim_writes_groups(&call.cx).await?);
    list(&call, all)
}
pub(crate) async fn schema(call: Call) -> Result<Response> {
    let all = discovery::schemas(&call.app().scim_base(), call.app().scim_writes_groups(&call.cx).await?);
    one(&call, all, "schema")
}

fn list(call: &Call, all: Vec<(&'static str, Value)>) -> Result<Response> {
    if call.asked()?.filter.is_some() {
        // RFC 7644 4
        return Err(Error::new(Code::Forbidden, "There is no filter here: all of it is told."));
    }
    let all: Vec<Value> = all.into_iter().map(|(_, shown)| shown).collect();
    Ok(answer::json(200, &message::list(all.len(), 1, all)))
}
fn one(call: &Call, all: Vec<(&'static str, Value)>, what: &'static str) -> Result<Response> {
    let wanted = call.last().replace("%3A", ":").replace("%3a", ":");
    let found = all.into_iter().find(|(id, _)| *id == wanted);
    let (_, shown) = found.ok_or_else(|| Error::not_found(what))?;
    Ok(answer::json(200, &shown))
}
