//! `…/mfa/webauthn…`: passkeys and security keys (spec 4.2, 4.3.2). What browsers take and give is W3C's JSON (WebAuthn 5.1.8 to 5.1.10).
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::mfa::MfaKind;
use portcullis_domain::{Code, Error, Result};
use portcullis_service::Answer;
use portcullis_service::session::Hold;
use portcullis_service::webauthn::MadeCredential;
use portcullis_service::webauthn_answer::{AssertionAnswer, RegistrationAnswer};
use serde_json::{Value, json};

use crate::auth::{hold, signed_in, word};
use crate::auth_mfa::{CHALLENGE_ID, done};
use crate::call::{Call, Visit};
use crate::mfa::codes;
use crate::op::{Access, Body, Op, Param, Route, Shape, param};
use crate::{read, render};

const KIND: &[Param] = &[param("method_type", "string", "webauthn_passkey or webauthn_fido.")];
static REGISTER: Op = Op::post(
    "/v1/users/me/mfa/webauthn/register",
    "beginWebauthn",
    "",
    "Begin to enrol a passkey or a security key: what navigator.credentials.create takes as publicKey. It waits 15 minutes.",
    Body::OptionalJson("Nothing"),
    (200, Shape::Json("WebauthnOptions")),
)
.query(KIND)
.refuses(&[Code::ReauthenticationRequired, Code::Conflict, Code::NotImplemented]);
static REGISTERED: Op = Op::post(
    "/v1/users/me/mfa/webauthn/register/complete",
    "completeWebauthn",
    "",
    "End it with what the browser gave. Your first factor comes with backup codes.",
    Body::Json("WebauthnRegistration"),
    (200, Shape::Json("BackupCodes")),
)
.refuses(&[Code::Conflict, Code::NotImplemented]);
static BEGIN: Op = Op::post(
    "/v1/auth/mfa/webauthn/begin",
    "beginWebauthnChallenge",
    "",
    "Ask for a passkey or security key as the second step of a sign-in: what navigator.credentials.get takes as publicKey.",
    Body::Json("WebauthnChallenge"),
    (200, Shape::Json("WebauthnOptions")),
)
.access(Access::Login)
.refuses(&[Code::InvalidChallenge, Code::NotImplemented]);
static COMPLETE: Op = Op::post(
    "/v1/auth/mfa/webauthn/complete",
    "completeWebauthnChallenge",
    "",
    "End the sign-in with what the browser gave. Each request is answered once.",
    Body::Json("WebauthnAssertion"),
    (200, Shape::Json("SecondStepResult")),
)
.access(Access::Login)
.refuses(&[Code::InvalidChallenge, Code::InvalidCredential, Code::NotImplemented]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![REGISTER.to(register), REGISTERED.to(registered), BEGIN.open(begin), COMPLETE.open(complete)]
}

const KINDS: &str = "One of webauthn_passkey, webauthn_fido.";
const CREDENTIAL: &str = "Send what navigator.credentials answered, as its toJSON() gives it.";
fn kind(word: &str) -> Option<MfaKind> {
    MfaKind::parse(word).filter(|kind| kind.is_webauthn())
}

async fn register(mut call: Call) -> Result<Response> {
    let mut query = call.query();
    let kind = query.word("method_type", kind, KINDS);
    let kind = query.finish(kind)?.ok_or_else(|| Error::field("method_type", KINDS));
    let kind = call.take_fields().finish(Some(())).and(kind);
    let reply = call.reply(|options: &Value| Answer::new(200, render::bytes(&json!({ "options": options }))));
    call.app().begin_credential(&call.cx, kind, reply).await.map(render::answer)
}

async fn registered(mut call: Call) -> Result<Response> {
    let made = made(call.take_fields());
    let reply = call.reply(codes);
    call.app().complete_credential(&call.cx, made, reply).await.map(render::answer)
}
pub(crate) fn made(mut f: Fields) -> Result<MadeCredential> {
    let answer = f.required("credential", CREDENTIAL, |v| RegistrationAnswer::read(&v));
    let name = "1 to 100 characters.";
    let device_name = f.required("device_name", name, fields::line(100, name));
    let kind = f.required("method_type", KINDS, read::word(kind, KINDS));
    let made = answer.zip(device_name).zip(kind);
    f.finish(made.map(|((answer, device_name), kind)| MadeCredential { kind, device_name, answer }))
}

async fn begin(mut visit: Visit) -> Result<Response> {
    let mut f = visit.take_fields();
    let challenge = f.required("challenge_id", CHALLENGE_ID, word);
    let challenge = f.finish(challenge)?;
    let options = visit.app().ask_credential(visit.origin(), &challenge).await?;
    Ok(render::json(200, &json!({ "options": options })))
}

async fn complete(mut visit: Visit) -> Result<Response> {
    let (challenge, answer, hold) = used(visit.take_fields())?;
    visit.may_hold(hold)?;
    let whole = visit.app().answer_credential(visit.origin(), &challenge, &answer, hold).await?;
    signed_in(visit, &whole, done()).await
}
pub(crate) fn used(mut f: Fields) -> Result<(String, AssertionAnswer, Hold)> {
    let challenge = f.required("challenge_id", CHALLENGE_ID, word);
    let answer = f.required("credential", CREDENTIAL, |v| AssertionAnswer::read(&v));
    let hold = hold(&mut f);
    f.finish(challenge.zip(answer).map(|(challenge, answer)| (challenge, answer, hold)))
}
