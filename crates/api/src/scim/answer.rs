//! Answers in SCIM's form.
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use portcullis_domain::Error;
use portcullis_edge::headers;
use portcullis_scim::{MEDIA_TYPE, message};
use serde_json::{Map, Value};

use crate::render;

/// An error; the [`Renderer`](portcullis_edge::Renderer) of this surface.
pub(crate) fn error(e: &Error, _request_id: &str) -> Response {
    json(message::status(e), &message::error(e))
}
/// A body of this status.
pub(crate) fn json(status: u16, value: &Value) -> Response {
    let mut answer = Response::new(Body::from(render::bytes(value)));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    answer
}
/// A resource with its ETag.
pub(crate) fn resource(status: u16, revision: i64, members: Map<String, Value>) -> Response {
    let mut answer = json(status, &Value::Object(members));
    answer.headers_mut().insert(header::ETAG, headers::etag(revision));
    answer
}
/// 201, and where it is.
pub(crate) fn created(location: &str, revision: i64, members: Map<String, Value>) -> Response {
    let mut answer = resource(201, revision, members);
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}
/// 304.
pub(crate) fn not_modified(revision: i64) -> Response {
    let mut answer = render::nothing();
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    answer.headers_mut().insert(header::ETAG, headers::etag(revision));
    answer
}
