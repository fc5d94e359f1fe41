//! Where everything of a provider is, and its keys.
use axum::http::{HeaderValue, header};
use axum::response::Response;
use portcullis_service::provider::Outcome;

use crate::call::Call;
use crate::render::json_answer;

/// Applications may keep it for so long; keys are published longer than that before they sign.
const KEPT: HeaderValue = HeaderValue::from_static("max-age=300");

/// `/.well-known/openid-configuration`, and the same as RFC 8414 places it.
pub(crate) async fn discovery(call: Call) -> Outcome<Response> {
    let mut answer = json_answer(200, &call.provider().await?.metadata());
    answer.headers_mut().insert(header::CACHE_CONTROL, KEPT);
    Ok(answer)
}
/// The public keys.
pub(crate) async fn jwks(call: Call) -> Outcome<Response> {
    let mut answer = json_answer(200, &call.provider().await?.jwks());
    answer.headers_mut().insert(header::CACHE_CONTROL, KEPT);
    Ok(answer)
}
