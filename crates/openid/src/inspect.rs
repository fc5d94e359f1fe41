//! An application's own tokens: looked at (RFC 7662), ended (RFC 7009).
use axum::body::Body;
use axum::response::Response;
use portcullis_service::provider::Outcome;
use serde_json::json;

use crate::call::Call;
use crate::render::json_answer;

pub(crate) async fn introspect(mut call: Call) -> Outcome<Response> {
    let provider = call.provider().await?;
    let form = call.form().await?;
    let application = call.client(&provider, &form).await?;
    let answer = match provider.inspect(&application, form.required("token")?).await? {
        Some(mut members) => {
            members["active"] = true.into();
            members
        }
        None => json!({ "active": false }),
    };
    Ok(json_answer(200, &answer))
}

/// 200 whatever the token was: one that is not good has ended (RFC 7009 2.2).
pub(crate) async fn revoke(mut call: Call) -> Outcome<Response> {
    let provider = call.provider().await?;
    let form = call.form().await?;
    let application = call.client(&provider, &form).await?;
    provider.revoke(&application, form.required("token")?).await?;
    Ok(Response::new(Body::empty()))
}
