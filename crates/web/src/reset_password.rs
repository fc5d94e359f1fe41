//! A forgotten password (spec v1 9.5): `/forgotten-password` asks for a mail, `/reset-password?token=` is where its link leads.
use axum::response::Response;
use portcullis_domain::{Code, Result};
use portcullis_service::doorway::Doorway;
use portcullis_service::password_reset::Forgotten;

use crate::field::Field;
use crate::form::Form;
use crate::link_form::{self, LinkForm};
use crate::page::{Frame, page, redirect};
use crate::refusal::{Refused, no_page, password_hint};
use crate::return_to::link;
use crate::sign_in::slug;
use crate::texts::EN;
use crate::visit::Visit;

/// Whose password it is. 404 where no mail is sent.
pub(crate) async fn ask(visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    sends_mail(&visit)?;
    let tenant = slug(&visit.query("tenant").unwrap_or_default());
    page(200, &asking(&visit, tenant.as_deref(), None).await?)
}
/// Asks for the mail. The answer is the same whoever is meant.
pub(crate) async fn send(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    visit.limit_passwords()?;
    sends_mail(&visit)?;
    let form = visit.form().await?;
    let (email, tenant) = (form.text("email").to_owned(), slug(form.text("tenant")));
    if email.is_empty() {
        let refused = Refused::field("email", EN.enter_email);
        return refused.page(&asking(&visit, tenant.as_deref(), Some(&refused)).await?);
    }
    let back = link("/sign-in", &[("tenant", tenant.as_deref().unwrap_or_default()), ("done", "reset_asked")]);
    visit.app().request_password_reset(visit.origin(), Forgotten { email, tenant_slug: tenant }).await?;
    redirect(&back)
}
fn sends_mail(visit: &Visit) -> Result<()> {
    if visit.sends_mail() { Ok(()) } else { Err(no_page()) }
}
async fn asking(visit: &Visit, tenant: Option<&str>, refused: Option<&Refused>) -> Result<LinkForm> {
    let brand = visit.brand(tenant).await?;
    Ok(LinkForm {
        frame: Frame::new(EN.forgotten).of(brand.as_ref()).refused(refused),
        t: &EN,
        explained: EN.forgotten_explained.to_owned(),
        action: "/forgotten-password",
        fields: vec![Field::email("email", EN.email).refused(refused).focus()],
        hidden: vec![("tenant", tenant.unwrap_or_default().to_owned())],
        button: EN.send_link,
    })
}

/// The new password.
pub(crate) async fn show(visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let token = visit.query("token").unwrap_or_default();
    match visit.app().resetting(visit.origin(), &token).await {
        Ok(doorway) => page(200, &choosing(&doorway, &token, None)),
        Err(e) if e.code() == Code::InvalidToken => link_form::dead(EN.bad_reset_explained),
        Err(e) => Err(e),
    }
}
fn choosing(at: &Doorway, token: &str, refused: Option<&Refused>) -> LinkForm {
    LinkForm {
        frame: Frame::new(EN.reset).of(Some(&at.brand)).refused(refused),
        t: &EN,
        explained: EN.reset_explained.to_owned(),
        action: "/reset-password",
        fields: Field::new_password(password_hint(at.password_min_length), refused).into(),
        hidden: vec![("token", token.to_owned())],
        button: EN.set_password,
    }
}
/// Sets it. All sessions end, and nobody is signed in.
pub(crate) async fn submit(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    visit.limit_passwords()?;
    let form = visit.form().await?;
    let token = form.text("token").to_owned();
    let doorway = match visit.app().resetting(visit.origin(), &token).await {
        Ok(doorway) => doorway,
        Err(e) if e.code() == Code::InvalidToken => return link_form::dead(EN.bad_reset_explained),
        Err(e) => return Err(e),
    };
    match set(&visit, &form, &token).await? {
        Ok(()) => redirect(&link("/sign-in", &[("tenant", &doorway.slug), ("done", "password_set")])),
        // of two at once, the second finds the link used
        Err(refused) if refused.dead_link => link_form::dead(EN.bad_reset_explained),
        Err(refused) => refused.page(&choosing(&doorway, &token, Some(&refused))),
    }
}
async fn set(visit: &Visit, form: &Form, token: &str) -> Result<Result<(), Refused>> {
    let password = match form.new_password("password", "again") {
        Ok(password) => password,
        Err(refused) => return Ok(Err(refused)),
    };
    match visit.app().reset_password(visit.origin(), token, password).await {
        Ok(_) => Ok(Ok(())),
        Err(e) if e.code() == Code::WeakPassword => Ok(Err(Refused::field("password", e.message()))),
        Err(e) => Refused::of(e, &[]).map(Err),
    }
}
