//! `/v1/api-keys` (spec 4.7).
use axum::response::Response;
use portcullis_domain::api_key::ApiKey;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::{Code, Result};
use portcullis_service::Answer;
use portcullis_service::api_key::{ApiKeyFilter, NewApiKey};

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape, param};
use crate::read;
use crate::render;
use crate::view::ApiKeyView;

static LIST: Op = Op::get(
    "/v1/api-keys",
    "listApiKeys",
    "api_keys:list",
    "List API keys, revoked ones too.",
    (200, Shape::Page("ApiKey")),
)
.query(&[
    param("status", "string", "active, expired or revoked."),
    param("created_by", "uuid", "Made by this user."),
    param("identity_provider_id", "uuid", "Keys of this directory."),
]);
static READ: Op =
    Op::get("/v1/api-keys/{id}", "getApiKey", "api_keys:list", "Read an API key.", (200, Shape::Json("ApiKey")));
static CREATE: Op = Op::post(
    "/v1/api-keys",
    "createApiKey",
    "api_keys:create",
    "Make an API key; raw_key is in this answer only. owner_type service also needs api_keys:create_service. With \
     identity_provider_id, which also needs identity_providers:update and roles:grant, it works under /scim/v2 for that directory and \
     nowhere else.",
    Body::Json("NewApiKey"),
    (201, Shape::Json("ApiKey")),
)
.refuses(&[Code::Unprocessable, Code::Conflict]);
static REVOKE: Op = Op::delete(
    "/v1/api-keys/{id}",
    "revokeApiKey",
    "api_keys:revoke",
    "End an API key at once; again has no effect.",
    (204, Shape::Empty),
);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![LIST.to(list), READ.to(get), CREATE.to(create), REVOKE.to(revoke)]
}

async fn list(call: Call) -> Result<Response> {
    let (mut q, page) = call.page();
    let status = |s: &str| ["active", "expired", "revoked"].into_iter().find(|w| *w == s);
    let filter = ApiKeyFilter {
        status: q.word("status", status, "One of active, expired, revoked."),
        created_by: q.id("created_by"),
        identity_provider_id: q.id("identity_provider_id"),
    };
    let filter = q.finish(filter)?;
    let keys = call.app().list_api_keys(&call.cx, &filter, &page).await?;
    let now = call.cx.now;
    Ok(render::page(&keys, move |key| ApiKeyView::at(key, now)))
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let key = call.app().get_api_key(&call.cx, call.id("id")).await?;
    Ok(render::json(200, &ApiKeyView::at(&key, call.cx.now)))
}

async fn create(mut call: Call) -> Result<Response> {
    let new = new_key(call.take_fields());
    let reply = call.reply(|(key, raw): &(ApiKey, String)| -> Answer {
        render::created(&format!("/v1/api-keys/{}", key.id), None, &ApiKeyView::made(key, raw))
    });
    call.app().create_api_key(&call.cx, new, reply).await.map(render::answer)
}

pub(crate) fn new_key(mut f: Fields) -> Result<NewApiKey> {
    let name = f.required("name", "Enter a name.", fields::line(120, "Enter a name."));
    let scopes = f.optional("scopes", fields::strings).filter(|s| !s.is_empty());
    let expires_at = f.optional("expires_at", read::moment);
    let identity_provider_id = f.optional("identity_provider_id", fields::id);
    let owner = f.optional("owner_type", read::word(owner, "One of user, service.")).unwrap_or(false);
    f.finish(name.map(|name| NewApiKey { name, scopes, expires_at, service: owner, identity_provider_id }))
}

/// Is it a key of a service user?
fn owner(word: &str) -> Option<bool> {
    match word {
        "user" => Some(false),
        "service" => Some(true),
        _ => None,
    }
}

async fn revoke(call: Call) -> Result<Response> {
    call.app().revoke_api_key(&call.cx, call.id("id")).await?;
    Ok(render::nothing())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(v: serde_json::Value) -> Result<NewApiKey> {
        new_key(Fields::new(v.as_object().unwrap().clone()))
    }

    #[test]
    fn only_a_name_is_needed_and_no_scopes_are_all() {
        let key = of(json!({ "name": "ci" })).unwrap();
        assert!(key.scopes.is_none() && !key.service && key.expires_at.is_none());
        assert!(of(json!({ "name": "ci", "scopes": [] })).unwrap().scopes.is_none());
        assert!(of(json!({ "name": "ci", "owner_type": "service", "scopes": ["users:*"] })).unwrap().service);
    }
}
