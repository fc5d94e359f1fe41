//! `/t/{slug}/oauth2/end-session`: an application asks to sign somebody out (OpenID Connect RP-Initiated Logout 1.0). Only what proves
//! that it knows this session does so at once; else the person is asked, since anybody can place such a link.
use askama::Template;
use axum::response::Response;
use portcullis_domain::Result;
use portcullis_edge::cookie;
use portcullis_service::provider::{Leaving, Provider};

use crate::authorize::caller;
use crate::form::Form;
use crate::page::{Frame, page, redirect, show_on};
use crate::return_to::link;
use crate::texts::{EN, Texts, fill};
use crate::visit::Visit;

const FIELDS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

#[derive(Template)]
#[template(path = "end_session.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    explained: String,
    action: String,
    hidden: Vec<(&'static str, String)>,
}

/// By GET.
pub(crate) async fn show(visit: Visit) -> Result<Response> {
    let form = Form::read(visit.parts.uri.query().unwrap_or_default().as_bytes());
    entered(&visit, &form).await
}
/// As a form of a page elsewhere, which brings no cookie: then the browser asks once more by GET.
pub(crate) async fn again(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let form = visit.form().await?;
    let said: Vec<(&str, &str)> = FIELDS.iter().map(|name| (*name, form.raw(name))).collect();
    redirect(&link(visit.parts.uri.path(), &said))
}
/// The person said so.
pub(crate) async fn submit(mut visit: Visit) -> Result<Response> {
    let form = visit.form().await?;
    let provider = visit.provider().await?;
    let leaving = read(&provider, &form).await?;
    leave(&visit, &provider, &leaving).await
}

async fn read(provider: &Provider, form: &Form) -> Result<Leaving> {
    let [hint, client_id, redirect, state] = FIELDS.map(|name| Some(form.raw(name)).filter(|v| !v.is_empty()));
    provider.leaving(hint, client_id, redirect, state).await
}
async fn entered(visit: &Visit, form: &Form) -> Result<Response> {
    visit.limit_visits()?;
    let provider = visit.provider().await?;
    let leaving = read(&provider, form).await?;
    let here = caller(visit).await?.filter(|cx| provider.is_of(cx));
    match here {
        // nobody is there to be asked: who proves nothing leads nobody on
        None if leaving.has_hint() => leave(visit, &provider, &leaving).await,
        None => redirect(&signed_out(&provider)),
        Some(cx) if provider.proves(&leaving, &cx) => leave(visit, &provider, &leaving).await,
        Some(_) => {
            let explained = match &leaving.application {
                Some(name) => fill(EN.leave_explained, &[("application", name)]),
                None => EN.leave_explained_nobody.to_owned(),
            };
            let hidden = FIELDS.map(|name| (name, form.raw(name).to_owned())).to_vec();
            let action = format!("{}/oauth2/end-session/confirm", provider.path());
            let brand = visit.brand(Some(provider.slug())).await?;
            let frame = Frame::new(EN.leave_ask).of(brand.as_ref());
            page(200, &Page { frame, t: &EN, explained, action, hidden })
        }
    }
}
/// Ends the session of this browser, if it is one of this tenant, and goes where the application wants it to.
async fn leave(visit: &Visit, provider: &Provider, leaving: &Leaving) -> Result<Response> {
    let here = caller(visit).await?.filter(|cx| provider.is_of(cx));
    let mut answer = match &leaving.redirect {
        Some(url) => show_on(visit, url)?,
        None => redirect(&signed_out(provider))?,
    };
    if let Some(cx) = here {
        visit.app().sign_out(&cx).await?;
        cookie::put(&mut answer, cookie::clear(&visit.app().settings().public_url))?;
    }
    Ok(answer)
}
fn signed_out(provider: &Provider) -> String {
    link("/sign-in", &[("tenant", provider.slug()), ("done", "signed_out")])
}
