//! `/t/{slug}/oauth2/authorize`: an application sends somebody to be signed in (OpenID Connect Core 1.0 3.1.2), and consent where it is
//! somebody else's. What may go back to it is the service's to say.
use askama::Template;
use axum::response::Response;
use portcullis_domain::application::scope;
use portcullis_domain::{Code, Ctx, Error, Result};
use portcullis_service::provider::{Asked, LONGEST, Misfit, OAuthError, Provider, Step, ToAllow};

use crate::page::{Frame, page, redirect, show_on};
use crate::return_to::{ReturnTo, link};
use crate::texts::{EN, Texts, fill};
use crate::visit::Visit;

/// The form's hidden fields: the request, and what says that it is the one that was shown.
const REQUEST: &str = "request";
const SHOWN: &str = "shown";

#[derive(Template)]
#[template(path = "consent.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    explained: String,
    who: String,
    told: Vec<String>,
    action: String,
    request: String,
    shown: String,
}

/// A request comes by GET, or as a form of a page elsewhere, which brings no cookie: then the browser asks once more by GET.
pub(crate) async fn show(visit: Visit) -> Result<Response> {
    let caller = caller(&visit).await?;
    visit.limit_authorizations(caller.as_ref())?;
    let query = visit.parts.uri.query().unwrap_or_default().to_owned();
    let provider = visit.provider().await?;
    let asked = match read(&visit, &provider, &query).await? {
        Ok(asked) => asked,
        Err(answer) => return Ok(answer),
    };
    let step = provider.step(&asked, caller.as_ref()).await?;
    take(&visit, &provider, &asked, caller.as_ref(), query, step).await
}
/// The same, as a form.
pub(crate) async fn again(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let form = visit.form().await?;
    let path = visit.parts.uri.path().to_owned();
    let query = form.query();
    // a longer one could not be asked for by GET, and none is sent
    if query.len() > LONGEST {
        return Err(Error::new(Code::InvalidInput, "This request is too long: at most 2,048 bytes."));
    }
    redirect(&format!("{path}?{query}"))
}
/// What somebody answered who was asked for consent.
pub(crate) async fn decide(mut visit: Visit) -> Result<Response> {
    let form = visit.form().await?;
    let caller = caller(&visit).await?;
    visit.limit_authorizations(caller.as_ref())?;
    let provider = visit.provider().await?;
    let query = form.raw(REQUEST).to_owned();
    let asked = match read(&visit, &provider, &query).await? {
        Ok(asked) => asked,
        Err(answer) => return Ok(answer),
    };
    if form.raw("decision") != "allow" {
        let refused = provider.refusal(&asked, OAuthError::AccessDenied, "The person refused.");
        return show_on(&visit, &refused);
    }
    let step = provider.allow(&asked, caller.as_ref(), form.raw(SHOWN)).await?;
    take(&visit, &provider, &asked, caller.as_ref(), query, step).await
}
/// Takes the next step.
async fn take(
    visit: &Visit,
    provider: &Provider,
    asked: &Asked,
    caller: Option<&Ctx>,
    query: String,
    step: Step,
) -> Result<Response> {
    match step {
        Step::SignIn => sign_in(provider, asked),
        Step::Consent(ask) => consent(visit, provider, asked, caller, ask, query).await,
        Step::Answer(url) => show_on(visit, &url),
    }
}

/// The request, or what is answered when it is none: to the application, if it is known, else to the person.
async fn read(visit: &Visit, provider: &Provider, query: &str) -> Result<Result<Asked, Response>> {
    match provider.authorization_request(query).await {
        Ok(asked) => Ok(Ok(asked)),
        Err(Misfit::Told(url)) => show_on(visit, &url).map(Err),
        Err(Misfit::Untrusted(why)) => Err(Error::new(Code::InvalidInput, why)),
        Err(Misfit::Failed(e)) => Err(e),
    }
}
/// Who is signed in, if anybody is.
pub(crate) async fn caller(visit: &Visit) -> Result<Option<Ctx>> {
    match visit.caller().await {
        Ok(cx) => Ok(Some(cx)),
        Err(e) if e.code() == Code::Unauthenticated => Ok(None),
        Err(e) => Err(e),
    }
}
/// To sign in, and back here: without being asked to do so again.
fn sign_in(provider: &Provider, asked: &Asked) -> Result<Response> {
    let back = format!("{}/oauth2/authorize?{}", provider.path(), provider.way_back(asked));
    let back = ReturnTo::read(Some(&back));
    let hint = asked.login_hint.as_deref().unwrap_or_default();
    let sign_in = link("/sign-in", &[("tenant", provider.slug()), ("return_to", back.said()), ("login_hint", hint)]);
    redirect(&sign_in)
}
async fn consent(
    visit: &Visit,
    provider: &Provider,
    asked: &Asked,
    caller: Option<&Ctx>,
    ask: ToAllow,
    request: String,
) -> Result<Response> {
    let name = &asked.application.name;
    let explained = if ask.unproved { EN.consent_unproved } else { EN.consent_explained };
    let who = caller.and_then(|cx| cx.principal.email.as_ref()).map(ToString::to_string).unwrap_or_default();
    let brand = visit.brand(Some(provider.slug())).await?;
    page(
        200,
        &Page {
            frame: Frame::new(fill(EN.consent, &[("application", name)])).of(brand.as_ref()),
            t: &EN,
            explained: fill(explained, &[("application", name)]),
            who: fill(EN.consent_who, &[("email", &who)]),
            told: ask.scopes.iter().map(|s| in_words(s)).collect(),
            action: format!("{}/oauth2/consent", provider.path()),
            request,
            shown: ask.shown,
        },
    )
}
/// What a scope gives, in words.
pub(crate) fn in_words(word: &str) -> String {
    let plain = match word {
        scope::OPENID => EN.scope_openid,
        scope::PROFILE => EN.scope_profile,
        scope::EMAIL => EN.scope_email,
        scope::ROLES => EN.scope_roles,
        scope::GROUPS => EN.scope_groups,
        scope::OFFLINE_ACCESS => EN.scope_offline,
        own => return fill(EN.scope_own, &[("scope", own)]),
    };
    plain.to_owned()
}
