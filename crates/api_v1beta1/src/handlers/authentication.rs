//! Signing in and out, and what everyone may know about it: keys and strategies (spec v1beta1 2.3.1, 4.2, 4.3).
use portcullis_domain::{Code, Error, Result};
use portcullis_edge::cookie;
use portcullis_service::access_token::Grant;
use portcullis_service::{Answer, App};
use portcullis_wire_v1beta1::{DynamicMessage, Messages, Object, json};
use serde_json::Value;

use super::read::Read;
use crate::call::{Call, Outcome, Response};
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

/// `Authenticate`. Who is signed in already is done; no strategy is enabled, so none is begun.
pub async fn begin(_: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    if call.cx.principal.credential.is_session() {
        return Ok(call.message(&DynamicMessage::new(Messages::named("AuthenticateResponse"))).into());
    }
    Err(not_enabled())
}

/// `AuthCallback`: as nothing was begun, there is nothing to finish.
pub async fn finish(_: App, _: Call, _: DynamicMessage) -> Result<Outcome> {
    Err(not_enabled())
}
/// The original's text for a strategy that it does not know; that was `internal` from `Authenticate`, which is no fault of the
/// server.
fn not_enabled() -> Error {
    Error::new(Code::InvalidInput, "unsupported authentication method")
}

/// `AuthToken`. Old middleware reads the token from a header.
pub async fn token(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let of = |field| request.text(field);
    let grant = Grant::new(&of("grant_type"), of("client_id"), of("client_secret"), of("assertion"))?;
    let token = app.exchange(&call.cx, grant).await?;
    let answer = call.answer::<AuthTokenResponse>(&token).header("cache-control", "no-store");
    Ok(answer.header("x-user-token", token).into())
}
/// A token.
pub struct AuthTokenResponse;
impl Response for AuthTokenResponse {
    type Of = String;
    const MESSAGE: &'static str = "AuthTokenResponse";
    fn write(token: &String, object: &mut Object<'_>) {
        object.text("access_token", token);
        object.text("token_type", "Bearer");
    }
}

/// `AuthLogout`: ends the caller's session, if there is one, and the browser's cookie in any case.
pub async fn sign_out(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    app.sign_out(&call.cx).await?;
    let cookies = cookie::clear(&app.settings().public_url);
    Ok(cookies.fold(call.empty(), |answer, cookie| answer.header("set-cookie", cookie)).into())
}

#[cfg(test)]
mod tests {
    use super::super::responses::tests::proves;
    use super::*;

    #[test]
    fn the_answer_is_its_message() {
        proves::<AuthTokenResponse>(&"a.b.c".to_owned());
    }
}
