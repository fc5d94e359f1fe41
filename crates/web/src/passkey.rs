//! `/sign-in/passkey`: signing in with a passkey alone. The passkey says whose it is; nobody is asked for an address.
use askama::Template;
use axum::response::Response;
use portcullis_domain::{Code, Error, Result};
use portcullis_service::session::Hold;
use portcullis_service::webauthn_answer::AssertionAnswer;

use crate::form::Form;
use crate::page::{Frame, redirect, scripted};
use crate::refusal::Refused;
use crate::return_to::{ReturnTo, link};
use crate::sign_in::{enter, slug};
use crate::texts::{EN, Texts};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "passkey.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    /// What the passkey is asked, as JSON.
    options: String,
    tenant: String,
    return_to: String,
    again: String,
}

struct Wanted {
    tenant: Option<String>,
    return_to: ReturnTo,
}
impl Wanted {
    fn read(form: &Form) -> Self {
        Self { tenant: slug(form.text("tenant")), return_to: ReturnTo::read(Some(form.raw("return_to"))) }
    }
    fn again(&self, done: &str) -> String {
        let tenant = self.tenant.as_deref().unwrap_or_default();
        link("/sign-in", &[("tenant", tenant), ("return_to", self.return_to.said()), ("done", done)])
    }
}

/// Asks for one.
pub(crate) async fn ask(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let wanted = Wanted::read(&visit.form().await?);
    asking(&visit, &wanted, None).await
}
/// Each page asks for something else: what was asked is answered once.
async fn asking(visit: &Visit, wanted: &Wanted, refused: Option<&Refused>) -> Result<Response> {
    let asked = visit.app().ask_passkey(visit.origin(), wanted.tenant.as_deref()).await;
    let options = match asked {
        Err(e) if e.code() == Code::NotFound => return Err(Error::new(Code::NotFound, EN.no_such_tenant)),
        asked => asked?.to_string(),
    };
    let brand = visit.brand(wanted.tenant.as_deref()).await?;
    let form = Page {
        frame: Frame::new(EN.passkey_sign_in).of(brand.as_ref()).refused(refused).script(),
        t: &EN,
        options,
        tenant: wanted.tenant.clone().unwrap_or_default(),
        return_to: wanted.return_to.said().to_owned(),
        again: wanted.again(""),
    };
    Refused::form(refused, &form).map(scripted)
}

/// What the passkey answered.
pub(crate) async fn answer(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let form = visit.form().await?;
    let wanted = Wanted::read(&form);
    let out = async {
        visit.limit_passwords()?;
        let answer = AssertionAnswer::read(&form.json("credential"))
            .map_err(|_| Error::new(Code::InvalidCredential, EN.credential_failed))?;
        visit.app().answer_passkey(visit.origin(), &answer, Hold::Cookie).await
    };
    match out.await {
        Ok(signed_in) => enter(&visit, redirect(wanted.return_to.path())?, signed_in).await,
        Err(e) if e.code() == Code::InvalidChallenge => redirect(&wanted.again("sign_in_again")),
        Err(e) => asking(&visit, &wanted, Some(&Refused::of(e, &[])?)).await,
    }
}
