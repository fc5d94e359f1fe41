//! `/v1/users/me/mfa`, `/v1/users/me/reauthenticate` and `/v1/users/{id}/mfa`: second factors (spec 4.3.2). One's own are person only.
use axum::response::Response;
use portcullis_crypto::token::Raw;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::mfa::MfaMethod;
use portcullis_domain::{Code, Id, Result, Timestamp};
use portcullis_service::Answer;
use portcullis_service::backup_code::BackupCodes;
use portcullis_service::reauthentication::Proof;
use portcullis_service::totp::{Confirmation, NewTotp};
use serde::Serialize;

use crate::auth::word;
use crate::call::Call;
use crate::op::{Body, Op, Route, Shape};
use crate::read::password;
use crate::render;

static LIST: Op =
    Op::get("/v1/users/me/mfa", "listOwnMfa", "", "List your second factors.", (200, Shape::Json("MfaMethods")));
static TOTP: Op = Op::post(
    "/v1/users/me/mfa/totp",
    "enrollTotp",
    "",
    "Begin to enrol an authenticator app: a seed that waits 15 minutes for its confirmation.",
    Body::OptionalJson("Nothing"),
    (200, Shape::Json("NewTotp")),
)
.refuses(&[Code::AlreadyEnrolled, Code::ReauthenticationRequired]);
static CONFIRM: Op = Op::post(
    "/v1/users/me/mfa/totp/confirm",
    "confirmTotp",
    "",
    "End it with a code of the app. Your first factor comes with backup codes.",
    Body::Json("TotpConfirmation"),
    (200, Shape::Json("BackupCodes")),
)
.refuses(&[Code::InvalidCode, Code::NotFound, Code::AlreadyEnrolled]);
static REMOVE: Op = Op::delete(
    "/v1/users/me/mfa/{id}",
    "removeOwnMfa",
    "",
    "Remove one of your factors; the last one takes the backup codes along.",
    (204, Shape::Empty),
)
.refuses(&[Code::ReauthenticationRequired, Code::Conflict]);
static BACKUP_CODES: Op = Op::post(
    "/v1/users/me/mfa/backup-codes",
    "renewBackupCodes",
    "",
    "Make ten new backup codes; the old ones are dead.",
    Body::OptionalJson("Nothing"),
    (200, Shape::Json("BackupCodes")),
)
.refuses(&[Code::ReauthenticationRequired, Code::Conflict]);
static REAUTHENTICATE: Op = Op::post(
    "/v1/users/me/reauthenticate",
    "reauthenticate",
    "",
    "Prove anew that it is you, with your password or a code: what demands a fresh sign-in works for 15 minutes.",
    Body::Json("Reauthentication"),
    (204, Shape::Empty),
)
.refuses(&[Code::InvalidCode]);
static RESET: Op = Op::delete(
    "/v1/users/{id}/mfa",
    "resetMfa",
    "users:reset_mfa",
    "Take the second factors and backup codes of somebody who has lost them; their sessions end. Not one's own.",
    (204, Shape::Empty),
)
.refuses(&[Code::OwnerProtected]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        LIST.to(list),
        TOTP.to(totp),
        CONFIRM.to(confirm),
        REMOVE.to(remove),
        BACKUP_CODES.to(backup_codes),
        REAUTHENTICATE.to(reauthenticate),
        RESET.to(reset),
    ]
}

/// MfaMethod (spec 3.1).
#[derive(Serialize)]
pub(crate) struct MfaMethodView<'a> {
    id: Id<MfaMethod>,
    method_type: &'static str,
    device_name: Option<&'a str>,
    verified: bool,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}
impl<'a> MfaMethodView<'a> {
    /// Only those are listed that were proved.
    pub(crate) fn of(m: &'a MfaMethod) -> Self {
        Self {
            id: m.id,
            method_type: m.kind.as_str(),
            device_name: m.device_name.as_deref(),
            verified: true,
            created_at: m.created_at,
            last_used_at: m.last_used_at,
        }
    }
}

async fn list(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let (all, _) = call.app().own_factors(&call.cx).await?;
    let methods: Vec<MfaMethodView<'_>> = all.iter().map(MfaMethodView::of).collect();
    Ok(render::json(200, &serde_json::json!({ "methods": methods })))
}

async fn totp(mut call: Call) -> Result<Response> {
    let empty = call.take_fields().finish(Some(()));
    let reply = call.reply(|made: &NewTotp| {
        let body = serde_json::json!({ "id": made.id, "secret": &*made.secret, "qr_uri": &*made.qr_uri });
        Answer::new(200, render::bytes(&body))
    });
    call.app().begin_totp(&call.cx, empty, reply).await.map(render::answer)
}

async fn confirm(mut call: Call) -> Result<Response> {
    let confirmation = confirmation(call.take_fields());
    let reply = call.reply(codes);
    call.app().confirm_totp(&call.cx, confirmation, reply).await.map(render::answer)
}
pub(crate) fn confirmation(mut f: Fields) -> Result<Confirmation> {
    let id = f.required("id", "Send the id of the enrolment.", fields::id);
    let code = f.required("code", "Enter the code that the app shows.", word);
    let device_name = f.optional("device_name", fields::line(100, "1 to 100 characters, or null."));
    f.finish(id.zip(code).map(|(id, code)| Confirmation { id, code, device_name }))
}
pub(crate) fn codes(made: &BackupCodes) -> Answer {
    let codes: Vec<&str> = made.codes.iter().map(Raw::expose).collect();
    Answer::new(200, render::bytes(&serde_json::json!({ "codes": codes, "remaining": made.remaining })))
}

async fn remove(call: Call) -> Result<Response> {
    call.app().remove_factor(&call.cx, call.id("id")).await?;
    Ok(render::nothing())
}

async fn backup_codes(mut call: Call) -> Result<Response> {
    let empty = call.take_fields().finish(Some(()));
    let reply = call.reply(codes);
    call.app().renew_backup_codes(&call.cx, empty, reply).await.map(render::answer)
}

async fn reauthenticate(mut call: Call) -> Result<Response> {
    call.limit_passwords()?;
    let proof = proof(call.take_fields());
    call.app().reauthenticate(&call.cx, proof).await?;
    Ok(render::nothing())
}
pub(crate) fn proof(mut f: Fields) -> Result<Proof> {
    let password = f.optional("password", password::present);
    let code = f.optional("code", word);
    if password.is_some() == code.is_some() && f.is_clean() {
        f.wrong("password", "Send your password, or a code of your authenticator app.");
    }
    f.finish(password.map(Proof::Password).or(code.map(Proof::Code)))
}

async fn reset(call: Call) -> Result<Response> {
    call.app().reset_factors(&call.cx, call.id("id")).await?;
    Ok(render::nothing())
}
