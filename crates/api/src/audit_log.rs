//! `/v1/audit-log`: reading, exporting and verifying (spec 4.16).
use axum::body::{Body as HttpBody, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use portcullis_domain::{Error, Result, fields};
use portcullis_service::audit_log::AuditFilter;
use serde_json::json;

use crate::call::Call;
use crate::op::{Body, Op, Param, Route, Shape, param};
use crate::query::Query;
use crate::render;

const FILTERS: &[Param] = &[
    param("actor_id", "string", "Who did it."),
    param("actor_type", "string", "user, api_key, service, scim, system or anonymous."),
    param("resource_type", "string", "What kind of thing."),
    param("resource_id", "string", "Which thing."),
    param("action", "string", "An event name; a trailing * matches every name that begins so."),
    param("outcome", "string", "ok, denied or failed."),
    param("http_request_id", "string", "The X-Request-ID of one call."),
    param("from", "date-time", "Not before."),
    param("to", "date-time", "Before."),
];
const RANGE: &[Param] = &[
    FILTERS[0],
    FILTERS[1],
    FILTERS[2],
    FILTERS[3],
    FILTERS[4],
    FILTERS[5],
    FILTERS[6],
    FILTERS[7],
    FILTERS[8],
    param("from_seq", "integer", "From this number on."),
    param("to_seq", "integer", "Up to this number."),
];

static LIST: Op = Op::get(
    "/v1/audit-log",
    "listAuditEntries",
    "audit:list",
    "List audit entries, newest first.",
    (200, Shape::Page("AuditEntry")),
)
.query(FILTERS);
static READ: Op = Op::get(
    "/v1/audit-log/{id}",
    "getAuditEntry",
    "audit:list",
    "Read an audit entry.",
    (200, Shape::Json("AuditEntry")),
);
static CHECKPOINTS: Op = Op::get(
    "/v1/audit-log/checkpoints",
    "listCheckpoints",
    "audit:list",
    "List signed checkpoints, with the public keys in keys.",
    (200, Shape::Page("Checkpoint")),
)
.query(&[param("from_seq", "integer", "From this number on.")]);
static EXPORT: Op = Op::get(
    "/v1/audit-log/export",
    "exportAuditLog",
    "audit:export",
    "Everything in order, as lines of JSON; only an unfiltered range verifies offline.",
    (200, Shape::Ndjson("AuditEntry")),
)
.query(RANGE);
static VERIFY: Op = Op::post(
    "/v1/audit-log/verify",
    "verifyAuditLog",
    "audit:verify",
    "Check the chain and its signatures.",
    Body::Json("Verification"),
    (200, Shape::Json("VerificationResult")),
);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![LIST.to(list), READ.to(get), CHECKPOINTS.to(checkpoints), EXPORT.to(export), VERIFY.to(verify)]
}

fn filter(q: &mut Query) -> AuditFilter {
    AuditFilter {
        actor_id: q.filled("actor_id", 255),
        actor_type: q.filled("actor_type", 64),
        resource_type: q.filled("resource_type", 64),
        resource_id: q.filled("resource_id", 512),
        action: q.filled("action", 128),
        outcome: q.word("outcome", outcome, "One of ok, denied, failed."),
        http_request_id: q.filled("http_request_id", 128),
        from: q.moment("from"),
        to: q.moment("to"),
    }
}

fn outcome(word: &str) -> Option<String> {
    matches!(word, "ok" | "denied" | "failed").then(|| word.to_owned())
}

async fn list(call: Call) -> Result<Response> {
    let (mut q, page) = call.page();
    let filter = filter(&mut q);
    let filter = q.finish(filter)?;
    let entries = call.app().list_audit(&call.cx, &filter, &page).await?;
    Ok(render::page(&entries, |entry| entry))
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let entry = call.app().get_audit(&call.cx, call.id("id")).await?;
    Ok(render::json(200, &entry))
}

async fn checkpoints(call: Call) -> Result<Response> {
    let (mut q, page) = call.page();
    let from_seq = q.integer("from_seq", 1, i64::MAX);
    let from_seq = q.finish(from_seq)?;
    let (page, keys) = call.app().list_checkpoints(&call.cx, from_seq, &page).await?;
    let has_more = page.next_cursor.is_some();
    Ok(render::json(
        200,
        &json!({ "data": page.data, "next_cursor": page.next_cursor, "has_more": has_more, "keys": keys }),
    ))
}

async fn export(call: Call) -> Result<Response> {
    let mut q = call.query();
    let filter = filter(&mut q);
    let (from, to) = (q.integer("from_seq", 1, i64::MAX), q.integer("to_seq", 1, i64::MAX));
    let (filter, from, to) = q.finish((filter, from, to))?;
    let lines = call.app().export_audit(&call.cx, filter, from, to).await?;
    Ok(ndjson(lines, |line| line))
}

/// Lines as they come. An error in the middle breaks the answer off, so that nobody takes a part for the whole.
pub(crate) fn ndjson<T: Send + 'static>(
    lines: tokio::sync::mpsc::Receiver<T>,
    read: fn(T) -> Result<Vec<u8>>,
) -> Response {
    let lines = futures_util::stream::unfold(lines, move |mut lines| async move {
        let line = read(lines.recv().await?);
        let line = line.map(Bytes::from).inspect_err(|e: &Error| tracing::error!(error = ?e, "an answer broke off"));
        Some((line, lines))
    });
    let mut answer = Response::new(HttpBody::from_stream(lines));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    answer
}

async fn verify(mut call: Call) -> Result<Response> {
    let mut f = call.take_fields();
    let from = f.optional("from_seq", fields::integer(1, i64::MAX));
    let to = f.optional("to_seq", fields::integer(1, i64::MAX));
    let checkpoint = f.optional("checkpoint", fields::object).map(serde_json::Value::Object);
    let (from, to, checkpoint) = f.finish(Some((from, to, checkpoint)))?;
    let verdict = call.app().verify_audit(&call.cx, from, to, checkpoint).await?;
    Ok(render::json(200, &verdict))
}
