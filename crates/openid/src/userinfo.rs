//! The userinfo endpoint (OpenID Connect Core 1.0 5.3). The token comes in the header only (RFC 6750 2.1).
use axum::response::Response;
use portcullis_edge::credential;
use portcullis_service::authenticate::Presented;
use portcullis_service::provider::{Failure, OAuthError, Outcome, Refusal};

use crate::call::Call;
use crate::render::{json_answer, no_token};

pub(crate) async fn userinfo(call: Call) -> Outcome<Response> {
    let provider = call.provider().await?;
    let token = match credential::presented(&call.parts.headers) {
        Ok(Presented::Bearer(token)) => token,
        Ok(Presented::Nothing) => return Ok(no_token()),
        _ => {
            let refusal = Refusal::new(OAuthError::InvalidToken, "Send the access token as Authorization: Bearer.");
            return Err(Failure::Refused(refusal));
        }
    };
    Ok(json_answer(200, &provider.userinfo(token).await?))
}
