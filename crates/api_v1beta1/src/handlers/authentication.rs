//! Signing in and out, and what everyone may know about it: keys and strategies (spec v1beta1 2.3.1, 4.2, 4.3).
use portcullis_domain::{Code, Error, Result};
use portcullis_edge::cookie;
use portcullis_service::access_token::Grant;
use portcullis_service::authenticate::Origin;
use portcullis_service::federation_end::Return;
use portcullis_service::mail_sign_in::{Asked, Strategy as Mail};
use portcullis_service::session::Given;
use portcullis_service::strategy::{Kind, Strategy, is_provider_state};
use portcullis_service::webauthn_answer::AssertionAnswer;
use portcullis_service::{Answer, App};
use portcullis_wire_v1beta1::{DynamicMessage, Messages, Object, View, json as wire, structure};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::auth_kept::{self, Kept};
use super::read::Read;
use crate::call::{Call, Outcome, Response};
use crate::encoding::Encoding;
use crate::incoming::Incoming;

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
            call.message(&wire::read(Messages::named(message), text.as_bytes()).map_err(Error::internal)?)
        }
    })
}

/// `ListAuthStrategies`: those that work. The original lists both of mail where none is sent, too.
pub async fn strategies(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let strategies = app.strategies(&call.cx).await?;
    Ok(call.answer::<ListAuthStrategiesResponse>(&strategies).into())
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
        object.text("name", &self.0.name);
        object.absent("params");
    }
}

/// `Authenticate`. Who is signed in already is done.
pub async fn begin(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    if call.cx.principal.credential.is_session() {
        return Ok(call.answer::<AuthenticateResponse>(&Begun::default()).into());
    }
    let of = |field| request.text(field);
    match app.strategy(&call.cx, &of("strategy_name")).await? {
        Kind::Mail(strategy) => {
            let (callback_url, return_to) = (of("callback_url"), of("return_to"));
            let asked = Asked { strategy, email: of("email"), callback_url, return_to };
            let state = app.begin_mail_sign_in(&call.cx, asked).await?;
            // a link brings its own: whoever asked for it need not be who reads the mail
            let shown = if strategy == Mail::Code { state.expose() } else { "" };
            let begun = Begun { state: shown.to_owned(), ..Begun::default() };
            Ok(call.answer::<AuthenticateResponse>(&begun).into())
        }
        Kind::Provider(provider) => {
            let there = app.begin_there(&call.cx, provider, of("callback_url")).await?;
            let kept = Kept { verifier: Some(there.kept), return_to: app.listed_return(of("return_to")) };
            let begun = Begun { endpoint: there.begun.authorization_url, state: there.begun.state, options: None };
            let mut answer = call.answer::<AuthenticateResponse>(&begun);
            if request.flag("redirect_onstart") && call.encoding == Encoding::Rest {
                answer = Answer { status: 303, ..answer }.header("location", begun.endpoint);
            }
            Ok(keeping(answer, &app, &kept).into())
        }
        Kind::Passkey => {
            let (state, options) = app.ask_passkey_of(&call.cx, &of("email")).await?;
            let options = json!({ "type": "login", "options": { "publicKey": options } });
            let begun = Begun { state, options: options.as_object().cloned(), endpoint: String::new() };
            let kept = Kept { verifier: None, return_to: app.listed_return(of("return_to")) };
            Ok(keeping(call.answer::<AuthenticateResponse>(&begun), &app, &kept).into())
        }
    }
}
fn keeping(answer: Answer, app: &App, kept: &Kept) -> Answer {
    answer.header("cache-control", "no-store").header("set-cookie", kept.cookie(&app.settings().public_url))
}
/// A sign-in that has begun.
#[derive(Default)]
pub struct Begun {
    /// Where a provider is.
    endpoint: String,
    /// What names it.
    state: String,
    /// What a passkey is asked.
    options: Option<Map<String, Value>>,
}
/// What the client needs to go on.
pub struct AuthenticateResponse;
impl Response for AuthenticateResponse {
    type Of = Begun;
    const MESSAGE: &'static str = "AuthenticateResponse";
    fn write(begun: &Begun, object: &mut Object<'_>) {
        object.text("endpoint", &begun.endpoint);
        object.text("state", &begun.state);
        match &begun.options {
            Some(options) => object.structure("state_options", options),
            None => object.absent("state_options"),
        }
    }
}

/// `AuthCallback`: a session in a cookie; on REST, the way to where its person wanted to go.
pub async fn finish(app: App, call: Call, incoming: Incoming) -> Result<Outcome> {
    let request = incoming.message(&Messages::named(call.endpoint.input))?;
    let of = |field| request.text(field);
    let (name, state, code) = (of("strategy_name"), of("state"), of("code"));
    let options = || request.inner("state_options").map(|m| structure::to_json(&m)).unwrap_or_default();
    let kept = Kept::read(call.kept.as_deref().unwrap_or_default());
    // a provider sends state and code back and knows no strategy
    let there = name.is_empty() && is_provider_state(&state);
    let kind = if there { None } else { Some(app.strategy(&call.cx, &name).await?) };
    let (signed_in, return_to) = match kind {
        Some(Kind::Mail(strategy)) => {
            let entered = app.end_mail_sign_in(&call.cx, strategy, &state, &code).await?;
            (entered.signed_in, entered.return_to)
        }
        None | Some(Kind::Provider(_)) => {
            let issuer = issuer(&incoming, &options());
            let code = if code.is_empty() { Err("no code".to_owned()) } else { Ok(code) };
            let back = Return { code, state, issuer, browser: kept.verifier };
            let signed_in = app.finish_strategy(Origin::of(&call.cx), back).await.map_err(wrong)?;
            (signed_in, kept.return_to.and_then(|page| app.listed_return(page)))
        }
        Some(Kind::Passkey) => {
            let shown = credential(options());
            let shown = AssertionAnswer::read(&shown).map_err(|why| Error::field("state_options", why))?;
            let signed_in = app.answer_passkey_of(&call.cx, &state, &shown).await.map_err(wrong)?;
            (signed_in, kept.return_to.and_then(|page| app.listed_return(page)))
        }
    };
    let Given::Cookie(given) = &signed_in.given else {
        return Err(Error::internal("a strategy gave tokens"));
    };
    let answer = match return_to {
        Some(page) if call.encoding == Encoding::Rest => {
            Answer { status: 303, ..call.empty() }.header("location", page)
        }
        _ => call.empty(),
    };
    let own = &app.settings().public_url;
    let cookie = cookie::replace(&app, Origin::of(&call.cx), call.held.as_deref(), given).await?;
    let answer = answer.header("set-cookie", cookie);
    Ok(if call.kept.is_some() { answer.header("set-cookie", auth_kept::spent(own)) } else { answer }.into())
}
/// Who the provider says it is (RFC 9207): in the query that it sent the browser with, or as a page hands that on.
fn issuer(incoming: &Incoming, options: &Map<String, Value>) -> Option<String> {
    let query = incoming.query.as_deref().unwrap_or_default();
    let said = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "iss").map(|(_, v)| v.into_owned());
    said.or_else(|| options.get("iss")?.as_str().map(str::to_owned)).filter(|iss| iss.len() <= 2_048)
}
/// What a passkey answered: beside `type` as its JSON, in text as the original's pages send it or as it is; or alone.
fn credential(mut options: Map<String, Value>) -> Value {
    match options.remove("options") {
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or_default(),
        Some(value) => value,
        None => Value::Object(options),
    }
}
/// The original answers `invalid_argument` to whatever is wrong with a sign-in (spec v1beta1 4.2).
fn wrong(e: Error) -> Error {
    match e.code() {
        Code::LoginFailed | Code::InvalidChallenge | Code::InvalidCredential => {
            Error::new(Code::InvalidInput, e.message().to_owned())
        }
        _ => e,
    }
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
        proves::<AuthenticateResponse>(&Begun { state: "pce_x".into(), ..Begun::default() });
        let options =
            json!({ "type": "login", "options": { "publicKey": { "timeout": 300_000, "allowCredentials": [] } } });
        let options = options.as_object().cloned();
        proves::<AuthenticateResponse>(&Begun { endpoint: "https://a.example/".into(), state: "s".into(), options });
        let all = [("google", Kind::Passkey), ("mailotp", Kind::Mail(Mail::Code))];
        let all = all.map(|(name, kind)| Strategy { name: name.into(), kind });
        proves::<ListAuthStrategiesResponse>(&all.to_vec());
    }
}
