//! A device begins (RFC 8628 3.1). Each beginning is counted by address: those of public applications prove nothing.
use axum::response::Response;
use portcullis_service::provider::Outcome;
use serde_json::json;

use crate::call::Call;
use crate::render::json_answer;

pub(crate) async fn begin(mut call: Call) -> Outcome<Response> {
    call.count()?;
    let provider = call.provider().await?;
    let form = call.form().await?;
    let application = call.client(&provider, &form).await?;
    let made = provider.begin_device(&application, form.get("scope")).await?;
    let page = format!("{}/device", provider.issuer());
    Ok(json_answer(
        200,
        &json!({
            "device_code": made.device_code.expose(),
            "user_code": made.user_code,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={}", made.user_code),
            "expires_in": made.expires_in,
            "interval": made.interval,
        }),
    ))
}
