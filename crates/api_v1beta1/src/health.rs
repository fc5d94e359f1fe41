//! `/ping` and gRPC's health check (spec v1beta1 1.2).
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portcullis_domain::{Code, Error, Result};
use portcullis_edge::{EdgeState, body};
use portcullis_wire_v1beta1::PACKAGE;
use prost::Message;
use serde_json::Value;

use crate::encoding::Encoding;
use crate::error;
use crate::grpc::Wire;

/// `GET /ping`.
pub async fn ping() -> Response {
    serving(Encoding::Rest, b"{\"status\":\"SERVING\"}\n")
}

/// `grpc.health.v1.HealthCheckRequest`.
#[derive(Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

/// `POST /grpc.health.v1.Health/Check`: the server as a whole and its two services are known.
pub async fn check(edge: EdgeState, request: Request) -> Response {
    let wire = request.extensions().get::<Wire>().copied();
    let encoding = match wire {
        Some(wire) => wire.encoding(),
        None if body::is_type(request.headers(), "application/json") => Encoding::ConnectJson,
        None if body::is_type(request.headers(), "application/proto") => Encoding::ConnectProto,
        None => {
            let e = Error::new(Code::UnsupportedMediaType, "Send the body as application/json or application/proto.");
            return error::connect(&e, "");
        }
    };
    match asked(&edge, wire, encoding, request).await {
        Ok(service) if is_known(&service) => match encoding {
            Encoding::ConnectProto => serving(encoding, &[8, 1]), // status = 1: SERVING
            Encoding::Rest | Encoding::ConnectJson => serving(encoding, b"{\"status\":\"SERVING\"}"),
        },
        Ok(_) => error::connect(&Error::new(Code::NotFound, "There is no such service."), ""),
        Err(e) => error::connect(&e, ""),
    }
}

async fn asked(edge: &EdgeState, wire: Option<Wire>, encoding: Encoding, request: Request) -> Result<String> {
    let wrong = |what: &'static str| Error::field("", what);
    let mut body = body::read(&edge.config, request.into_body()).await?;
    if let Some(wire) = wire {
        body = wire.open(body)?;
    }
    if encoding == Encoding::ConnectProto {
        let request = HealthCheckRequest::decode(body);
        return request.map(|r| r.service).map_err(|_| wrong("The body is no HealthCheckRequest."));
    }
    match serde_json::from_slice(&body) {
        Ok(Value::Object(request)) => Ok(request.get("service").and_then(Value::as_str).unwrap_or_default().to_owned()),
        _ => Err(wrong("The body must be one JSON object.")),
    }
}

fn is_known(service: &str) -> bool {
    service.is_empty() || ["FrontierService", "AdminService"].iter().any(|s| service == format!("{PACKAGE}.{s}"))
}

fn serving(encoding: Encoding, body: &'static [u8]) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, HeaderValue::from_static(encoding.media()))], body).into_response()
}
