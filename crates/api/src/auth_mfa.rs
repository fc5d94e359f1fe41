//! `/v1/auth/mfa`: the second step of a sign-in (spec 4.2, 9.2).
use axum::response::Response;
use portcullis_crypto::token::Raw;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::{Code, Result};
use portcullis_service::mfa_challenge::Shown;
use portcullis_service::session::Hold;
use serde_json::{Value, json};

use crate::auth::{hold, signed_in, word};
use crate::call::Visit;
use crate::op::{Access, Body, Op, Route, Shape};
use crate::read;
use crate::render;

static CHALLENGE: Op = Op::post(
    "/v1/auth/mfa/challenge",
    "answerMfaChallenge",
    "",
    "Show a code of your authenticator app, or a backup code: the second step of a sign-in.",
    Body::Json("MfaAnswer"),
    (200, Shape::Json("SecondStepResult")),
)
.access(Access::Login)
.refuses(&[Code::InvalidCode, Code::InvalidChallenge]);
static ENROLL: Op = Op::post(
    "/v1/auth/mfa/enroll-via-challenge",
    "enrollViaChallenge",
    "",
    "Enrol the first factor as the second step of a sign-in: generate a seed, then verify a code of the app.",
    Body::Json("MfaEnrollment"),
    (200, Shape::Json("EnrollmentResult")),
)
.access(Access::Login)
.refuses(&[Code::InvalidCode, Code::InvalidChallenge]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![CHALLENGE.open(challenge), ENROLL.open(enroll)]
}

pub(crate) const CHALLENGE_ID: &str = "Send the challenge_id that the sign-in answered.";
const CODE: &str = "Enter a code.";

async fn challenge(mut visit: Visit) -> Result<Response> {
    let (challenge, shown, hold) = answer(visit.take_fields())?;
    visit.may_hold(hold)?;
    let whole = visit.app().answer_challenge(visit.origin(), &challenge, shown, hold).await?;
    signed_in(visit, &whole, done()).await
}
/// What the answer to a second step says besides: that nothing more is due.
pub(crate) fn done() -> Value {
    json!({ "mfa_setup_required": false, "enrollment_required": false, "challenge_id": null })
}
pub(crate) fn answer(mut f: Fields) -> Result<(String, Shown, Hold)> {
    let challenge = f.required("challenge_id", CHALLENGE_ID, word);
    let method = |w: &str| match w {
        "totp" => Some(Shown::Totp as fn(String) -> Shown),
        "backup_code" => Some(Shown::BackupCode as fn(String) -> Shown),
        _ => None,
    };
    let words = "One of totp, backup_code.";
    let method = f.required("method", words, read::word(method, words));
    let code = f.required("code", CODE, word);
    let hold = hold(&mut f);
    let shown = method.zip(code).map(|(method, code)| method(code));
    f.finish(challenge.zip(shown).map(|(challenge, shown)| (challenge, shown, hold)))
}

async fn enroll(mut visit: Visit) -> Result<Response> {
    let (challenge, step, hold) = enrollment(visit.take_fields())?;
    match step {
        Step::Generate => {
            let made = visit.app().generate_by_challenge(visit.origin(), &challenge).await?;
            Ok(render::json(200, &json!({ "secret": &*made.secret, "qr_uri": &*made.qr_uri })))
        }
        Step::Verify(code) => {
            visit.may_hold(hold)?;
            let (whole, made) = visit.app().enrol_by_challenge(visit.origin(), &challenge, &code, hold).await?;
            let codes: Vec<&str> = made.codes.iter().map(Raw::expose).collect();
            signed_in(visit, &whole, json!({ "backup_codes": codes })).await
        }
    }
}
/// A step of an enrolment.
pub(crate) enum Step {
    Generate,
    Verify(String),
}
pub(crate) fn enrollment(mut f: Fields) -> Result<(String, Step, Hold)> {
    let words = "One of generate, verify.";
    let challenge = f.required("challenge_id", CHALLENGE_ID, word);
    let action = f.required("action", words, |v| fields::string(v).map_err(|_| words));
    let step = match action.as_deref() {
        Some("generate") => {
            if f.take("code").is_some_and(|v| !v.is_null()) {
                f.wrong("code", "Leave it out: it belongs to verify.");
            }
            Some(Step::Generate)
        }
        Some("verify") => f.required("code", CODE, word).map(Step::Verify),
        other => {
            f.take("code");
            if other.is_some() {
                f.wrong("action", words);
            }
            None
        }
    };
    let hold = hold(&mut f);
    f.finish(challenge.zip(step).map(|(challenge, step)| (challenge, step, hold)))
}
