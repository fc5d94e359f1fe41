//! `/ping` and the gRPC health check over Connect (spec v1beta1 1.2).
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use portcullis_domain::{Code, Error};
use portcullis_wire_v1beta1::PACKAGE;
use serde_json::Value;

use crate::error;

/// `GET /ping`.
pub async fn ping() -> Response {
    serving("{\"status\":\"SERVING\"}\n")
}

/// `POST /grpc.health.v1.Health/Check`: the server as a whole and its two services are known.
pub async fn check(headers: HeaderMap, body: Bytes) -> Response {
    if !portcullis_edge::body::is_type(&headers, "application/json") {
        let e = Error::new(Code::UnsupportedMediaType, "Send the body as application/json.");
        return error::connect(&e, "");
    }
    let Ok(Value::Object(request)) = serde_json::from_slice(&body) else {
        return error::connect(&Error::field("", "The body must be one JSON object."), "");
    };
    let service = request.get("service").and_then(Value::as_str).unwrap_or_default();
    let known = ["FrontierService", "AdminService"].iter().any(|s| service == format!("{PACKAGE}.{s}"));
    if service.is_empty() || known {
        serving("{\"status\":\"SERVING\"}")
    } else {
        error::connect(&Error::new(Code::NotFound, "There is no such service."), "")
    }
}

fn serving(body: &'static str) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}
