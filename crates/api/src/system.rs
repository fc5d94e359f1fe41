//! What needs no credential: health, keys, the document and its page (spec 4.1).
use axum::http::{HeaderValue, header};
use axum::response::Response;
use portcullis_domain::{Code, Error, Result};
use serde_json::{Map, Value, json};

use crate::call::Visit;
use crate::op::{Access, Op, Route, Shape};
use crate::{openapi, page, render};

static HEALTH: Op = Op::get("/healthz", "getHealth", "", "Does the database answer?", (200, Shape::Json("Health")))
    .access(Access::Public)
    .refuses(&[Code::Unavailable]);
static READY: Op = Op::get("/readyz", "getReadiness", "", "Is everything ready?", (200, Shape::Json("Readiness")))
    .access(Access::Public)
    .refuses(&[Code::Unavailable]);
static JWKS: Op = Op::get(
    "/.well-known/jwks.json",
    "getJwks",
    "",
    "The public keys of our tokens (RFC 7517).",
    (200, Shape::Json("Jwks")),
)
.access(Access::Public);
static OPENAPI: Op = Op::get("/v1/openapi.json", "getOpenApi", "", "This document.", (200, Shape::Json("OpenApi")))
    .access(Access::Public);
static DOCS: Op =
    Op::get("/docs", "getReference", "", "This document as a page.", (200, Shape::Text("text/html; charset=utf-8")))
        .access(Access::Public);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![HEALTH.open(health), READY.open(ready), JWKS.open(jwks), OPENAPI.open(document), DOCS.open(docs)]
}

async fn health(visit: Visit) -> Result<Response> {
    for (check, state) in visit.app().readiness().await {
        if check == "database" {
            state.map_err(Error::unavailable)?;
        }
    }
    Ok(render::json(200, &json!({ "status": "ok" })))
}

async fn ready(visit: Visit) -> Result<Response> {
    let mut checks = Map::new();
    let mut failed = vec![];
    for (check, state) in visit.app().readiness().await {
        checks.insert(check.into(), Value::from(if state.is_ok() { "ok" } else { "failing" }));
        failed.extend(state.err().map(|why| format!("{check}: {why}")));
    }
    if failed.is_empty() {
        return Ok(render::json(200, &json!({ "status": "ok", "checks": checks })));
    }
    // Why goes to the log; the caller learns which.
    Err(Error::unavailable(failed.join("; ")).detail("status", "failing").detail("checks", checks))
}

async fn jwks(visit: Visit) -> Result<Response> {
    let mut answer = render::json(200, &visit.app().jwks());
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    Ok(answer)
}

async fn document(_: Visit) -> Result<Response> {
    let mut answer = Response::new(openapi::text().into());
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}

async fn docs(_: Visit) -> Result<Response> {
    Ok(page::answer())
}
