//! `/account/factors/credential`: a passkey or security key to be added (spec v1 4.3.2). The one page of an account that needs a script.
use askama::Template;
use axum::response::Response;
use portcullis_domain::mfa::MfaKind;
use portcullis_domain::{Code, Error, Result, value};
use portcullis_service::webauthn::MadeCredential;
use portcullis_service::webauthn_answer::RegistrationAnswer;
use portcullis_service::{Answer, Reply};
use serde_json::Value;

use super::factors::{NAME, PATH, added, keep_codes, refused};
use super::{Account, Around};
use crate::field::Field;
use crate::form::Form;
use crate::once;
use crate::page::{Frame, redirect, scripted};
use crate::refusal::Refused;
use crate::texts::{EN, Texts};

const CONFIRM: &str = "/account/factors/credential/confirm";

#[derive(Template)]
#[template(path = "account/credential.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    explained: &'static str,
    /// What the authenticator is asked, as JSON.
    options: String,
    name: Field,
    kind: &'static str,
    button: &'static str,
    once: String,
}

fn kind(form: &Form) -> Option<MfaKind> {
    MfaKind::parse(form.text("kind")).filter(|kind| kind.is_webauthn())
}

/// Begins.
pub(crate) async fn begin(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let Some(kind) = kind(&form) else { return redirect(PATH) };
    asking(&account, kind, "", None).await
}
/// Each page asks for something else: what was asked is answered once.
async fn asking(account: &Account, kind: MfaKind, name: &str, wrong: Option<&Refused>) -> Result<Response> {
    let reply = Reply { key: None, render: |options: &Value| Answer::new(200, options.to_string().into_bytes()) };
    let options = match account.visit.app().begin_credential(&account.cx, Ok(kind), reply).await {
        Ok(answer) => String::from_utf8(answer.body.to_vec()).map_err(Error::internal)?,
        Err(e) => return refused(account, e).await,
    };
    let (title, explained, button) = match kind {
        MfaKind::Passkey => (EN.passkey, EN.passkey_explained, EN.passkey_add),
        _ => (EN.security_key, EN.security_key_explained, EN.security_key_add),
    };
    let name = Field::text("name", EN.app_name).hint(EN.credential_name_hint).longest(NAME).required().value(name);
    let form = Page {
        frame: account.frame(title, wrong).script(),
        t: &EN,
        around: account.around(PATH).await?,
        explained,
        options,
        name: name.refused(wrong).focus(),
        kind: kind.as_str(),
        button,
        once: once::number(account),
    };
    Refused::form(wrong, &form).map(scripted)
}

/// Ends it with what was made.
pub(crate) async fn confirm(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let Some(kind) = kind(&form) else { return redirect(PATH) };
    let made = match made(&form, kind) {
        Ok(made) => made,
        Err(e) => return asking(&account, kind, form.raw("name"), Some(&told(e)?)).await,
    };
    let reply = once::reply(&form, CONFIRM, keep_codes);
    let out = account.visit.app().complete_credential(&account.cx, Ok(made), reply).await;
    match out.and_then(|answer| once::made(&answer)) {
        Ok(made) => added(&account, &made).await,
        Err(e) if e.code() == Code::ReauthenticationRequired => refused(&account, e).await,
        Err(e) => asking(&account, kind, form.raw("name"), Some(&told(e)?)).await,
    }
}
/// What is wrong with the name stands beside it; what is wrong with the rest, above.
fn told(e: Error) -> Result<Refused> {
    let refused = Refused::of(e, &["name", "credential"])?;
    let above = refused.of_field("credential").map(|why| Refused::saying(refused.status, why));
    Ok(above.unwrap_or(refused))
}
fn made(form: &Form, kind: MfaKind) -> Result<MadeCredential> {
    let device_name = value::line(form.raw("name"), NAME).map_err(|why| Error::field("name", why))?;
    if device_name.is_empty() {
        return Err(Error::field("name", EN.credential_enter_name));
    }
    let answer = RegistrationAnswer::read(&form.json("credential"));
    let answer = answer.map_err(|_| Error::field("credential", EN.credential_failed))?;
    Ok(MadeCredential { kind, device_name, answer })
}
