//! Signing in and out, and what everyone may know about it: keys and strategies (spec v1beta1 2.3.1, 4.2, 4.3).
use portcullis_domain::{Error, Result};
use portcullis_edge::cookie;
use portcullis_service::access_token::Grant;
use portcullis_service::mail_sign_in::{Asked, Strategy};
use portcullis_service::session::Given;
use portcullis_service::{Answer, App};
use portcullis_wire_v1beta1::{DynamicMessage, Messages, Object, View, json};
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

/// `ListAuthStrategies`: those that work. The original lists both of mail where none is sent, too.
pub async fn strategies(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    Ok(call.answer::<ListAuthStrategiesResponse>(&app.mail_strategies()).into())
}
/// Their names.
pub struct ListAuthStrategiesResponse;
impl Response for ListAuthStrategiesResponse {
    type Of = Vec<Strategy>;
    const MESSAGE: &'static str = "ListAuthStrategiesResponse";
    fn write(of: &Vec<Strategy>, object: &mut Object<'_>) {
        object.list("strategies", of.iter().map(StrategyView));
    }
}
struct StrategyView<'a>(&'a Strategy);
impl View for StrategyView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("name", self.0.as_str());
        object.absent("params");
    }
}

/// `Authenticate`. Who is signed in already is done.
pub async fn begin(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    if call.cx.principal.credential.is_session() {
        return Ok(call.answer::<AuthenticateResponse>(&String::new()).into());
    }
    let of = |field| request.text(field);
    let strategy = app.mail_strategy(&of("strategy_name"))?;
    let asked = Asked { strategy, email: of("email"), callback_url: of("callback_url"), return_to: of("return_to") };
    let state = app.begin_mail_sign_in(&call.cx, asked).await?;
    // a link brings its own: whoever asked for it need not be who reads the mail
    let shown = if strategy == Strategy::Code { state.expose() } else { "" };
    Ok(call.answer::<AuthenticateResponse>(&shown.to_owned()).into())
}
/// What names the sign-in.
pub struct AuthenticateResponse;
impl Response for AuthenticateResponse {
    type Of = String;
    const MESSAGE: &'static str = "AuthenticateResponse";
    fn write(state: &String, object: &mut Object<'_>) {
        object.text("endpoint", "");
        object.text("state", state);
        object.absent("state_options");
    }
}

/// `AuthCallback`: a session in a cookie; on REST, the way to where its person wanted to go.
pub async fn finish(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let of = |field| request.text(field);
    let strategy = app.mail_strategy(&of("strategy_name"))?;
    let entered = app.end_mail_sign_in(&call.cx, strategy, &of("state"), &of("code")).await?;
    let Given::Cookie(given) = &entered.signed_in.given else {
        return Err(Error::internal("a strategy gave tokens"));
    };
    let answer = match entered.return_to {
        Some(page) if call.encoding == Encoding::Rest => {
            Answer { status: 303, ..call.empty() }.header("location", page)
        }
        _ => call.empty(),
    };
    Ok(answer.header("set-cookie", cookie::set(&app.settings().public_url, given)).into())
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
    fn each_answer_is_its_message() {
        proves::<AuthTokenResponse>(&"a.b.c".to_owned());
        proves::<AuthenticateResponse>(&"pce_x".to_owned());
        proves::<ListAuthStrategiesResponse>(&vec![Strategy::Code, Strategy::Link]);
    }
}
