//! `/invitation?token=`: the link of an invitation: whom it is for, and a first password (spec v1 9.5).
//!
//! Following the link changes nothing, since programs that read mails follow links; setting the password proves the address too.
//! It signs nobody in: that is asked next, with whatever the tenant demands.
use axum::response::Response;
use portcullis_domain::{Code, Result};
use portcullis_service::doorway::Invited;

use crate::field::Field;
use crate::form::Form;
use crate::link_form::{self, LinkForm};
use crate::page::{Frame, page, redirect};
use crate::refusal::{Refused, password_hint};
use crate::return_to::link;
use crate::texts::{EN, fill};
use crate::visit::Visit;

/// Whom it is for.
pub(crate) async fn show(visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let token = visit.query("token").unwrap_or_default();
    match visit.app().invited(visit.origin(), &token).await {
        Ok(invited) => page(200, &asking(&invited, &token, None)),
        Err(e) if e.code() == Code::InvalidToken => dead(),
        Err(e) => Err(e),
    }
}
fn asking(invited: &Invited, token: &str, refused: Option<&Refused>) -> LinkForm {
    let email = Field::email("email", EN.email).value(&*invited.email).fixed();
    let mut fields = vec![email];
    fields.extend(Field::new_password(password_hint(invited.doorway.password_min_length), refused));
    LinkForm {
        frame: Frame::new(fill(EN.invitation_welcome, &[("name", &invited.name)]))
            .of(Some(&invited.doorway.brand))
            .refused(refused),
        t: &EN,
        explained: fill(EN.invitation_explained, &[("tenant", &invited.doorway.brand.name)]),
        action: "/invitation",
        fields,
        hidden: vec![("token", token.to_owned())],
        button: EN.set_password,
    }
}
fn dead() -> Result<Response> {
    link_form::dead(EN.bad_link_explained)
}

/// Sets the password.
pub(crate) async fn submit(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    visit.limit_passwords()?;
    let form = visit.form().await?;
    let token = form.text("token").to_owned();
    let invited = match visit.app().invited(visit.origin(), &token).await {
        Ok(invited) => invited,
        Err(e) if e.code() == Code::InvalidToken => return dead(),
        Err(e) => return Err(e),
    };
    match set(&visit, &form, &token).await? {
        Ok(()) => redirect(&link("/sign-in", &[("tenant", &invited.doorway.slug), ("done", "password_set")])),
        // of two at once, the second finds the link used
        Err(refused) if refused.dead_link => dead(),
        Err(refused) => refused.page(&asking(&invited, &token, Some(&refused))),
    }
}
async fn set(visit: &Visit, form: &Form, token: &str) -> Result<Result<(), Refused>> {
    let password = match form.new_password("password", "again") {
        Ok(password) => password,
        Err(refused) => return Ok(Err(refused)),
    };
    let out = async {
        visit.app().verify_email(visit.origin(), token.to_owned()).await?;
        visit.app().set_initial_password(visit.origin(), token.to_owned(), password).await
    };
    match out.await {
        Ok(()) => Ok(Ok(())),
        Err(e) if e.code() == Code::WeakPassword => Ok(Err(Refused::field("password", e.message()))),
        Err(e) => Refused::of(e, &[]).map(Err),
    }
}
