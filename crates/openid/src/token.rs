//! The token endpoint (RFC 6749 3.2).
use axum::response::Response;
use portcullis_domain::application::GrantType;
use portcullis_service::provider::{Failure, OAuthError, Outcome, Refusal, TokenAnswer, TokenRequest};
use serde_json::json;

use crate::call::Call;
use crate::render::json_answer;

pub(crate) async fn token(mut call: Call) -> Outcome<Response> {
    let provider = call.provider().await?;
    let form = call.form().await?;
    if form.get("grant_type") == Some(GrantType::DeviceCode.wire()) {
        // before anything is looked up: each question of one that waits is written down
        call.count_poll()?;
    }
    let application = call.client(&provider, &form).await?;
    let unknown = Refusal::new(OAuthError::UnsupportedGrantType, "There is no such grant_type here.");
    let grant = GrantType::parse_wire(form.required("grant_type")?).ok_or(Failure::Refused(unknown))?;
    let request = match grant {
        GrantType::AuthorizationCode => TokenRequest::Code {
            code: form.required("code")?,
            redirect_uri: form.required("redirect_uri")?,
            verifier: form.required("code_verifier")?,
        },
        GrantType::RefreshToken => {
            TokenRequest::Refresh { token: form.required("refresh_token")?, scope: form.get("scope") }
        }
        GrantType::ClientCredentials => TokenRequest::Own { scope: form.get("scope") },
        GrantType::DeviceCode => TokenRequest::Device { code: form.required("device_code")? },
    };
    match provider.token(&application, request).await {
        Ok(answer) => Ok(json_answer(200, &rendered(&answer))),
        Err(failure) => {
            // who guesses is counted, and a device that does not wait as long as it was told to
            let counts = |error| matches!(error, OAuthError::InvalidGrant | OAuthError::SlowDown);
            if matches!(&failure, Failure::Refused(refusal) if counts(refusal.error)) {
                call.count()?;
            }
            Err(failure)
        }
    }
}
fn rendered(t: &TokenAnswer) -> serde_json::Value {
    let mut answer = json!({
        "access_token": t.access_token, "token_type": "Bearer", "expires_in": t.expires_in, "scope": t.scopes.join(" "),
    });
    if let Some(refresh) = &t.refresh_token {
        answer["refresh_token"] = refresh.expose().into();
    }
    if let Some(id) = &t.id_token {
        answer["id_token"] = id.as_str().into();
    }
    answer
}
