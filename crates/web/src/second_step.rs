//! The second step of signing in (spec v1 9.2): a code, or, where the tenant demands a factor and somebody has none, an app to enrol.
//!
//! The form carries the token of a challenge, and what was proved before lies on the server: these pages come after the password or
//! not at all (checklist 4).
use askama::Template;
use axum::response::Response;
use portcullis_crypto::token::Raw;
use portcullis_domain::{Code, Error, Result};
use portcullis_service::mfa_challenge::{SecondStep, Shown};
use portcullis_service::session::Hold;
use portcullis_service::webauthn_answer::AssertionAnswer;

use crate::field::Field;
use crate::form::Form;
use crate::page::{Frame, page, redirect, scripted};
use crate::refusal::Refused;
use crate::return_to::{ReturnTo, link};
use crate::seed::Seed;
use crate::sign_in::{enter, slug};
use crate::texts::{EN, Texts};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "second_step.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    /// What a passkey or security key is asked, as JSON, where there is one.
    options: Option<String>,
    code: Field,
    hidden: [(&'static str, String); 3],
    again: String,
}
#[derive(Template)]
#[template(path = "enrolment.html")]
struct Enrolment {
    frame: Frame,
    t: &'static Texts,
    seed: Seed,
    code: Field,
    hidden: [(&'static str, String); 3],
    again: String,
}
#[derive(Template)]
#[template(path = "backup_codes.html")]
struct Codes<'a> {
    frame: Frame,
    t: &'static Texts,
    codes: Vec<&'a str>,
    next: &'a str,
}

/// A sign-in that waits, and where it was going.
pub(crate) struct Waiting {
    pub challenge: String,
    pub tenant: Option<String>,
    pub return_to: ReturnTo,
}
impl Waiting {
    fn read(form: &Form) -> Self {
        Self {
            challenge: form.text("challenge").to_owned(),
            tenant: slug(form.text("tenant")),
            return_to: ReturnTo::read(Some(form.raw("return_to"))),
        }
    }
    fn hidden(&self) -> [(&'static str, String); 3] {
        let tenant = self.tenant.clone().unwrap_or_default();
        [("challenge", self.challenge.clone()), ("tenant", tenant), ("return_to", self.return_to.said().to_owned())]
    }
    /// The way back to the first step, with what was done.
    fn again(&self, done: &str) -> String {
        let tenant = self.tenant.as_deref().unwrap_or_default();
        link("/sign-in", &[("tenant", tenant), ("return_to", self.return_to.said()), ("done", done)])
    }
}

/// What comes after the password, or the provider.
pub(crate) async fn after_first(visit: &Visit, step: &SecondStep, waiting: &Waiting) -> Result<Response> {
    if step.enrolment { enrolment(visit, waiting, None).await } else { asking(visit, waiting, None).await }
}
async fn asking(visit: &Visit, waiting: &Waiting, refused: Option<&Refused>) -> Result<Response> {
    // each time something else: what was asked is answered once
    let options = match visit.app().ask_credential(visit.origin(), &waiting.challenge).await {
        Ok(options) => Some(options.to_string()),
        Err(e) if matches!(e.code(), Code::InvalidChallenge | Code::NotImplemented) => None,
        Err(e) => return Err(e),
    };
    let brand = visit.brand(waiting.tenant.as_deref()).await?;
    let frame = Frame::new(EN.second_step).of(brand.as_ref()).refused(refused);
    let form = Page {
        frame: if options.is_some() { frame.script() } else { frame },
        options,
        t: &EN,
        code: Field::code("code", EN.code).refused(refused).focus(),
        hidden: waiting.hidden(),
        again: waiting.again(""),
    };
    let answer = Refused::form(refused, &form)?;
    Ok(if form.options.is_some() { scripted(answer) } else { answer })
}

/// A code.
pub(crate) async fn submit(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let form = visit.form().await?;
    let waiting = Waiting::read(&form);
    let out = async {
        let shown = Shown::read(typed(&visit, &form)?);
        visit.app().answer_challenge(visit.origin(), &waiting.challenge, shown, Hold::Cookie).await
    };
    match out.await {
        Ok(signed_in) => enter(&visit, redirect(waiting.return_to.path())?, signed_in).await,
        Err(e) if e.code() == Code::InvalidChallenge => redirect(&waiting.again("sign_in_again")),
        Err(e) => asking(&visit, &waiting, Some(&Refused::of_code(e)?)).await,
    }
}
/// What a passkey or security key answered.
pub(crate) async fn credential(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let form = visit.form().await?;
    let waiting = Waiting::read(&form);
    let out = async {
        let answer = AssertionAnswer::read(&form.json("credential"))
            .map_err(|_| Error::new(Code::InvalidCredential, EN.credential_failed))?;
        visit.limit_passwords()?;
        visit.app().answer_credential(visit.origin(), &waiting.challenge, &answer, Hold::Cookie).await
    };
    match out.await {
        Ok(signed_in) => enter(&visit, redirect(waiting.return_to.path())?, signed_in).await,
        Err(e) if e.code() == Code::InvalidChallenge => redirect(&waiting.again("sign_in_again")),
        Err(e) => asking(&visit, &waiting, Some(&Refused::of(e, &[])?)).await,
    }
}
/// The code of a form; that it is tried is counted as passwords are.
pub(crate) fn typed<'f>(visit: &Visit, form: &'f Form) -> Result<&'f str> {
    match form.text("code") {
        "" => Err(Error::field("code", EN.enter_code)),
        code => visit.limit_passwords().map(|()| code),
    }
}

async fn enrolment(visit: &Visit, waiting: &Waiting, refused: Option<&Refused>) -> Result<Response> {
    // the seed that was scanned stays until its code was right
    let made = match visit.app().seed_by_challenge(visit.origin(), &waiting.challenge).await {
        Ok(made) => made,
        Err(e) if e.code() == Code::InvalidChallenge => return redirect(&waiting.again("sign_in_again")),
        Err(e) => return Err(e),
    };
    let brand = visit.brand(waiting.tenant.as_deref()).await?;
    let form = Enrolment {
        frame: Frame::new(EN.enrolment).of(brand.as_ref()).refused(refused),
        t: &EN,
        seed: Seed::of(&made)?,
        code: Field::digits("code", EN.app_code).refused(refused).focus(),
        hidden: waiting.hidden(),
        again: waiting.again(""),
    };
    Refused::form(refused, &form)
}
/// The first code of an app that is being enrolled.
pub(crate) async fn enrol(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let form = visit.form().await?;
    let waiting = Waiting::read(&form);
    let out = async {
        let code = typed(&visit, &form)?;
        visit.app().enrol_by_challenge(visit.origin(), &waiting.challenge, code, Hold::Cookie).await
    };
    match out.await {
        Ok((signed_in, made)) => {
            let codes = made.codes.iter().map(Raw::expose).collect();
            let brand = visit.brand(waiting.tenant.as_deref()).await?;
            let frame = Frame::new(EN.codes).of(brand.as_ref());
            let shown = Codes { frame, t: &EN, codes, next: waiting.return_to.path() };
            enter(&visit, page(200, &shown)?, signed_in).await
        }
        Err(e) if e.code() == Code::InvalidChallenge => redirect(&waiting.again("sign_in_again")),
        Err(e) => enrolment(&visit, &waiting, Some(&Refused::of_code(e)?)).await,
    }
}
