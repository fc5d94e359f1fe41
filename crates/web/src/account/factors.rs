//! `/account/factors`: one's second factors and backup codes (spec v1 4.3.2).
use askama::Template;
use axum::response::Response;
use portcullis_crypto::token::Raw;
use portcullis_domain::mfa::{MfaKind, MfaMethod};
use portcullis_domain::{Code, Ctx, Error, Result, value};
use portcullis_service::Answer;
use portcullis_service::backup_code::BackupCodes;
use portcullis_service::totp::{Confirmation, NewTotp};
use serde_json::{Value, json};

use super::{Account, Around, reauthentication};
use crate::field::Field;
use crate::form::Form;
use crate::moment::{ago, date};
use crate::once;
use crate::page::{Frame, page, redirect};
use crate::refusal::Refused;
use crate::second_step::typed;
use crate::seed::Seed;
use crate::texts::{EN, Texts, fill};

pub(super) const PATH: &str = "/account/factors";
const BEGIN: &str = "/account/factors/app";
const CONFIRM: &str = "/account/factors/app/confirm";
const RENEW: &str = "/account/factors/backup-codes";
/// The longest name of a device (spec v1 3.1 MfaMethod).
pub(super) const NAME: usize = 100;

#[derive(Template)]
#[template(path = "account/factors.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    factors: Vec<Row>,
    /// Is there an app?
    app: bool,
    codes_left: String,
    /// Are there passkeys and security keys on this server?
    credentials: bool,
    once: String,
}
struct Row {
    id: String,
    name: String,
    about: String,
    remove: String,
}
impl Row {
    fn of(cx: &Ctx, m: &MfaMethod) -> Self {
        let used = match m.last_used_at {
            Some(at) => fill(EN.key_used, &[("when", &ago(&EN, cx.now, at))]),
            None => EN.key_unused.to_owned(),
        };
        let (alone, named) = match m.kind {
            MfaKind::Totp => (EN.app, EN.app_named),
            MfaKind::Passkey => (EN.passkey, EN.passkey_named),
            MfaKind::SecurityKey => (EN.security_key, EN.security_key_named),
        };
        let name = m.device_name.as_ref().map_or_else(|| alone.to_owned(), |name| fill(named, &[("name", name)]));
        Self {
            id: m.id.to_string(),
            about: fill(EN.factor_about, &[("when", &date(&EN, m.created_at)), ("used", &used)]),
            remove: fill(EN.factor_remove_of, &[("name", &name)]),
            name,
        }
    }
}

/// An app that is being enrolled.
#[derive(Template)]
#[template(path = "account/app.html")]
struct App {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    seed: Seed,
    id: String,
    code: Field,
    name: Field,
    once: String,
}
/// Backup codes, shown once.
#[derive(Template)]
#[template(path = "account/backup_codes.html")]
struct Codes {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    codes: Vec<String>,
    next: &'static str,
}

pub(crate) async fn show(account: Account) -> Result<Response> {
    filled(&account, None).await
}
async fn filled(account: &Account, refused: Option<&Refused>) -> Result<Response> {
    let (app, cx) = (account.visit.app(), &account.cx);
    let (all, left) = app.own_factors(cx).await?;
    let form = Page {
        frame: account.frame(EN.factors, refused),
        t: &EN,
        around: account.around(PATH).await?,
        factors: all.iter().map(|m| Row::of(cx, m)).collect(),
        app: all.iter().any(|m| m.kind == MfaKind::Totp),
        codes_left: fill(EN.codes_left, &[("n", &left.to_string())]),
        credentials: account.visit.knows_passkeys(),
        once: once::number(account),
    };
    Refused::form(refused, &form)
}
/// The list again with what did not work, or first the page that asks who it is.
pub(super) async fn refused(account: &Account, error: Error) -> Result<Response> {
    match error.code() {
        Code::ReauthenticationRequired => reauthentication::first(PATH),
        _ => filled(account, Some(&Refused::of(error, &[])?)).await,
    }
}

/// Begins to enrol an app.
pub(crate) async fn begin_app(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let reply = once::reply(&form, BEGIN, |made: &NewTotp| -> Answer {
        once::keep(&json!({ "id": made.id, "secret": &*made.secret, "uri": &*made.qr_uri }))
    });
    let made = account.visit.app().begin_totp(&account.cx, Ok(()), reply).await;
    match made.and_then(|answer| once::made(&answer)) {
        Ok(made) => {
            let text = |name: &str| made[name].as_str().unwrap_or_default();
            let seed = Seed::drawn(text("secret"), text("uri"))?;
            enrolling(&account, text("id"), seed, "", None).await
        }
        Err(e) => refused(&account, e).await,
    }
}
async fn enrolling(account: &Account, id: &str, seed: Seed, name: &str, refused: Option<&Refused>) -> Result<Response> {
    let form = App {
        frame: account.frame(EN.app, refused),
        t: &EN,
        around: account.around(PATH).await?,
        seed,
        id: id.to_owned(),
        code: Field::digits("code", EN.app_code).refused(refused).focus(),
        name: Field::text("name", EN.app_name).hint(EN.app_name_hint).longest(NAME).value(name).refused(refused),
        once: once::number(account),
    };
    Refused::form(refused, &form)
}
/// Ends it with a code of the app.
pub(crate) async fn confirm_app(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let error = match confirmed(&account, &form).await {
        Ok(made) => return added(&account, &made).await,
        Err(e) => e,
    };
    let Ok(id) = form.text("id").parse() else { return redirect(PATH) };
    match account.visit.app().pending_totp(&account.cx, id).await {
        // the seed that was scanned stays
        Ok(pending) => {
            let refused = Refused::of_code(error)?;
            enrolling(&account, form.text("id"), Seed::of(&pending)?, form.raw("name"), Some(&refused)).await
        }
        Err(e) if e.code() == Code::NotFound => filled(&account, Some(&Refused::saying(400, EN.app_over))).await,
        Err(e) => Err(e),
    }
}
async fn confirmed(account: &Account, form: &Form) -> Result<Value> {
    let name = value::line(form.raw("name"), NAME).map_err(|why| Error::field("name", why))?;
    let confirmation = Confirmation {
        id: form.text("id").parse().map_err(|_| Error::not_found("enrolment"))?,
        code: typed(&account.visit, form)?.to_owned(),
        device_name: Some(name).filter(|name| !name.is_empty()),
    };
    let reply = once::reply(form, CONFIRM, keep_codes);
    let answer = account.visit.app().confirm_totp(&account.cx, Ok(confirmation), reply).await?;
    once::made(&answer)
}
pub(super) fn keep_codes(made: &BackupCodes) -> Answer {
    once::keep(&json!({ "codes": made.codes.iter().map(Raw::expose).collect::<Vec<_>>() }))
}
/// Backup codes, or the list where there are no new ones.
pub(super) async fn added(account: &Account, made: &Value) -> Result<Response> {
    match made["codes"].as_array() {
        Some(codes) if !codes.is_empty() => self::codes(account, made).await,
        _ => redirect("/account/factors?done=factor_added"),
    }
}
async fn codes(account: &Account, made: &Value) -> Result<Response> {
    let codes = made["codes"].as_array().into_iter().flatten();
    let shown = Codes {
        frame: account.frame(EN.codes, None),
        t: &EN,
        around: account.around(PATH).await?,
        codes: codes.map(|code| code.as_str().unwrap_or_default().to_owned()).collect(),
        next: PATH,
    };
    page(200, &shown)
}

/// Makes new backup codes.
pub(crate) async fn renew_codes(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let reply = once::reply(&form, RENEW, keep_codes);
    let made = account.visit.app().renew_backup_codes(&account.cx, Ok(()), reply).await;
    match made.and_then(|answer| once::made(&answer)) {
        Ok(made) => codes(&account, &made).await,
        Err(e) => refused(&account, e).await,
    }
}

/// Removes one. One that is not there is removed.
pub(crate) async fn remove(mut account: Account) -> Result<Response> {
    account.visit.form().await?;
    match account.visit.app().remove_factor(&account.cx, account.visit.id(2)).await {
        Ok(()) => redirect("/account/factors?done=factor_removed"),
        Err(e) if e.code() == Code::NotFound => redirect(PATH),
        Err(e) => refused(&account, e).await,
    }
}
