//! Answers and refusals as OAuth writes them (RFC 6749 5.1 and 5.2, RFC 6750 3).
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use portcullis_domain::{Code, Error};
use portcullis_service::provider::{OAuthError, Refusal};
use serde_json::{Value, json};

/// A JSON answer. The layer adds that nothing keeps it.
pub(crate) fn json_answer(status: u16, value: &Value) -> Response {
    let mut answer = Response::new(Body::from(value.to_string()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// A refusal.
pub(crate) fn refusal(refusal: &Refusal) -> Response {
    let status = match refusal.error {
        OAuthError::InvalidClient | OAuthError::InvalidToken => 401,
        OAuthError::InsufficientScope => 403,
        _ => 400,
    };
    let error = refusal.error.as_str();
    let mut answer = json_answer(status, &json!({ "error": error, "error_description": refusal.description }));
    let challenge = match refusal.error {
        OAuthError::InvalidClient => HeaderValue::from_static("Basic realm=\"token\""),
        OAuthError::InvalidToken => HeaderValue::from_static("Bearer error=\"invalid_token\""),
        OAuthError::InsufficientScope => {
            HeaderValue::from_static("Bearer error=\"insufficient_scope\", scope=\"openid\"")
        }
        _ => return answer,
    };
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    answer
}
/// 401 for who shows no token at all (RFC 6750 3.1).
pub(crate) fn no_token() -> Response {
    let mut answer =
        json_answer(401, &json!({ "error": "invalid_request", "error_description": "Send a bearer token." }));
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

/// An error of the server or its limits; the [`Renderer`](portcullis_edge::Renderer) of this surface.
pub(crate) fn error(error: &Error, _request_id: &str) -> Response {
    let word = match error.code() {
        Code::RateLimited | Code::Unavailable => "temporarily_unavailable",
        Code::NotFound => "not_found",
        code if code.http() < 500 => "invalid_request",
        _ => "server_error",
    };
    // RFC 6749 5.2: printable ASCII without quotes and backslashes
    let plain = |c: char| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '?' };
    let description: String = error.message().chars().map(plain).collect();
    json_answer(error.code().http(), &json!({ "error": word, "error_description": description }))
}
