//! What everyone may know about signing in: keys and strategies (spec v1beta1 2.3.1).
use portcullis_domain::{Error, Result};
use portcullis_service::{Answer, App};
use portcullis_wire_v1beta1::{DynamicMessage, Messages, json};
use serde_json::Value;

use crate::call::{Call, Outcome};
use crate::encoding::Encoding;

/// `GetJWKs`. In JSON, a key has only the fields of its type (decision 12), on REST too.
pub async fn jwks(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    Ok(key_set(&call, "GetJWKsResponse", &app.jwks())?.header("cache-control", "max-age=300").into())
}
/// `{"keys": […]}` as this message.
pub fn key_set(call: &Call, message: &'static str, keys: &Value) -> Result<Answer> {
    let text = keys.to_string();
    Ok(match call.encoding {
        Encoding::Rest | Encoding::ConnectJson => Answer::new(200, text.into_bytes()),
        Encoding::ConnectProto => {
            call.message(&json::read(Messages::named(message), text.as_bytes()).map_err(Error::internal)?)
        }
    })
}

/// `ListAuthStrategies`: none in this version; people sign in on `/v1`.
pub async fn strategies(_: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    Ok(call.message(&DynamicMessage::new(Messages::named("ListAuthStrategiesResponse"))).into())
}
