//! `/account/reauthenticate`: who signed in a while ago shows once more that it is them, and goes back to what they wanted.
use askama::Template;
use axum::response::Response;
use portcullis_domain::mfa::MfaKind;
use portcullis_domain::user::AuthProvider;
use portcullis_domain::{Error, Result};
use portcullis_service::reauthentication::Proof;

use super::{Account, Around};
use crate::field::Field;
use crate::form::Form;
use crate::page::{Frame, redirect};
use crate::refusal::Refused;
use crate::return_to::{ReturnTo, link};
use crate::second_step::typed;
use crate::texts::{EN, Texts};

const PATH: &str = "/account/reauthenticate";

#[derive(Template)]
#[template(path = "account/reauthentication.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    password: Field,
    code: Field,
    return_to: String,
    /// May a code be shown instead?
    app: bool,
    /// One factor of two was shown: the other one is due, and no password stands in for it.
    half: bool,
    /// The password is kept by an identity provider.
    elsewhere: bool,
}

/// The way here, and back to this page afterwards.
pub(crate) fn first(then: &str) -> Result<Response> {
    redirect(&link(PATH, &[("return_to", then)]))
}

pub(crate) async fn show(account: Account) -> Result<Response> {
    let return_to = ReturnTo::read(account.visit.query("return_to").as_deref());
    filled(&account, &return_to, None).await
}
async fn filled(account: &Account, return_to: &ReturnTo, refused: Option<&Refused>) -> Result<Response> {
    let around = account.around(PATH).await?;
    let half = account.cx.principal.credential.is_restricted();
    let app = match half {
        true => around.me.mfa_enrolled,
        false => account.visit.app().own_factors(&account.cx).await?.0.iter().any(|m| m.kind == MfaKind::Totp),
    };
    let code = Field::digits("code", EN.app_code).refused(refused);
    let form = Page {
        frame: account.frame(EN.reauthenticate, refused),
        t: &EN,
        password: Field::password("password", EN.password, "current-password").refused(refused).focus(),
        code: if half { code.focus() } else { code },
        return_to: return_to.said().to_owned(),
        app,
        half,
        elsewhere: around.me.auth_provider != AuthProvider::Local,
        around,
    };
    Refused::form(refused, &form)
}

pub(crate) async fn submit(mut account: Account) -> Result<Response> {
    let form = account.visit.form().await?;
    let return_to = ReturnTo::read(Some(form.raw("return_to")));
    match proved(&account, &form).await? {
        Ok(()) => redirect(return_to.path()),
        Err(refused) => filled(&account, &return_to, Some(&refused)).await,
    }
}
async fn proved(account: &Account, form: &Form) -> Result<Result<(), Refused>> {
    let (visit, cx) = (&account.visit, &account.cx);
    if form.has("code") {
        let out = match typed(visit, form) {
            Ok(code) => visit.app().reauthenticate(cx, Ok(Proof::Code(code.to_owned()))).await,
            Err(e) => Err(e),
        };
        return told(out, Refused::of_code);
    }
    let password = match form.password("password") {
        Ok(password) => password,
        Err(refused) => return Ok(Err(refused)),
    };
    let out = match visit.limit_passwords() {
        Ok(()) => visit.app().reauthenticate(cx, Ok(Proof::Password(password))).await,
        Err(e) => Err(e),
    };
    told(out, |e| Refused::of(e, &["password"]))
}
fn told(out: Result<()>, refused: impl FnOnce(Error) -> Result<Refused>) -> Result<Result<(), Refused>> {
    match out {
        Ok(()) => Ok(Ok(())),
        Err(e) => refused(e).map(Err),
    }
}
