//! `/invitation?token=`: the link of an invitation: whom it is for, and a first password (spec v1 9.5).
//!
//! Following the link changes nothing, since programs that read mails follow links; setting the password proves the address too.
//! It signs nobody in: that is asked next, with whatever the tenant demands.
use askama::Template;
use axum::response::Response;
use portcullis_domain::{Code, Result};
use portcullis_service::doorway::Invited;

use crate::field::Field;
use crate::form::Form;
use crate::page::{Frame, page, redirect};
use crate::refusal::{Refused, password_hint};
use crate::return_to::link;
use crate::texts::{EN, Texts, fill};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "invitation.html")]
struct Page<'a> {
    frame: Frame,
    t: &'static Texts,
    explained: String,
    fields: Vec<Field>,
    token: &'a str,
}
#[derive(Template)]
#[template(path = "dead_link.html")]
struct Dead {
    frame: Frame,
    t: &'static Texts,
}

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
fn asking<'a>(invited: &Invited, token: &'a str, refused: Option<&Refused>) -> Page<'a> {
    let least = invited.doorway.password_min_length;
    Page {
        frame: Frame::new(fill(EN.invitation_welcome, &[("name", &invited.name)])).refused(refused),
        t: &EN,
        explained: fill(EN.invitation_explained, &[("tenant", &invited.doorway.name)]),
        fields: vec![
            Field::email("email", EN.email).value(&*invited.email).fixed(),
            Field::password("password", EN.new_password, "new-password")
                .hint(password_hint(least))
                .refused(refused)
                .focus(),
            Field::password("again", EN.new_password_again, "new-password").refused(refused),
        ],
        token,
    }
}
fn dead() -> Result<Response> {
    page(400, &Dead { frame: Frame::new(EN.bad_link), t: &EN })
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
