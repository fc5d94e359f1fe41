//! How a page is reached: what is demanded before its handler runs.
//!
//! A form counts only if the browser says that it was sent from a page of ours (`Origin`, which every browser sends with a POST and
//! no script sets). That is all there is against forged forms, for signing in too: a token in the form would have to be bound to
//! something that the visitor has, which before signing in is nothing but a cookie that a neighbour in the domain could set. So the
//! pages' `Referrer-Policy` must not be `no-referrer`: with it browsers say `Origin: null` of our own forms.
use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use portcullis_domain::{Code, Ctx, Error, Result};
use portcullis_edge::{EdgeState, refuse};

use crate::account::Account;
use crate::page::redirect;
use crate::refusal;
use crate::return_to::ReturnTo;
use crate::texts::{EN, fill};
use crate::visit::Visit;

/// A page for anybody.
pub(crate) fn shown<H, F>(handler: H) -> MethodRouter<EdgeState>
where
    H: Fn(Visit) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response>> + Send,
{
    get(move |State(edge): State<EdgeState>, request: Request| entered(edge, request, handler))
}
/// What a form of anybody does.
pub(crate) fn sent<H, F>(handler: H) -> MethodRouter<EdgeState>
where
    H: Fn(Visit) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response>> + Send,
{
    let ours = move |visit: Visit| async move { handler(from_own_page(visit).await?).await };
    post(move |State(edge): State<EdgeState>, request: Request| entered(edge, request, ours))
}
/// A form of a page elsewhere, which does nothing but to be shown by a GET (OpenID Connect Core 1.0 3.1.2.1): no handler of one may look
/// at who is signed in.
pub(crate) fn from_elsewhere<H, F>(handler: H) -> MethodRouter<EdgeState>
where
    H: Fn(Visit) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response>> + Send,
{
    post(move |State(edge): State<EdgeState>, request: Request| entered(edge, request, handler))
}
/// A page for who is signed in; others are asked to sign in first.
pub(crate) fn own_shown<H, F>(handler: H) -> MethodRouter<EdgeState>
where
    H: Fn(Account) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response>> + Send,
{
    shown(move |visit| signed_in(visit, handler))
}
/// What a form does of who is signed in.
pub(crate) fn own_sent<H, F>(handler: H) -> MethodRouter<EdgeState>
where
    H: Fn(Account) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response>> + Send,
{
    sent(move |visit| signed_in(visit, handler))
}

async fn entered<H, F>(edge: EdgeState, request: Request, handler: H) -> Response
where
    H: Fn(Visit) -> F,
    F: Future<Output = Result<Response>>,
{
    let visit = match Visit::enter(edge, request) {
        Ok(visit) => visit,
        Err(error) => return refusal::render(&error, ""),
    };
    let exchange = visit.exchange.clone();
    match handler(visit).await {
        Ok(answer) => answer,
        Err(error) => refuse(refusal::render, &error, &exchange),
    }
}

async fn from_own_page(mut visit: Visit) -> Result<Visit> {
    let own = visit.edge.app.settings().public_url.clone();
    let mut origins = visit.parts.headers.get_all(ORIGIN).iter();
    if origins.next().is_some_and(|o| o.as_bytes() == own.as_bytes()) && origins.next().is_none() {
        return Ok(visit);
    }
    visit.discard().await;
    let message = fill(EN.error_origin, &[("own", &own)]);
    Err(Error::new(Code::Forbidden, message).detail("reason", "origin"))
}

/// Where somebody goes first whose session is restricted (guard rail 8).
fn first(cx: &Ctx, path: &str) -> Option<&'static str> {
    if !cx.principal.credential.is_restricted() {
        return None;
    }
    if cx.principal.mfa_enrolled {
        let page = "/account/reauthenticate";
        (path != page).then_some(page)
    } else {
        let here = path == "/account/factors" || path.starts_with("/account/factors/");
        (!here).then_some("/account/factors?done=factor_first")
    }
}
async fn signed_in<H, F>(mut visit: Visit, handler: H) -> Result<Response>
where
    H: Fn(Account) -> F,
    F: Future<Output = Result<Response>>,
{
    match visit.caller().await {
        Ok(cx) => match first(&cx, visit.parts.uri.path()) {
            None => {
                let doorway = visit.app().own_doorway(&cx).await?;
                handler(Account { cx, visit, doorway }).await
            }
            Some(page) => {
                visit.discard().await;
                redirect(page)
            }
        },
        Err(e) => {
            visit.discard().await;
            if e.code() != Code::Unauthenticated {
                return Err(e);
            }
            redirect(&ReturnTo::of(&visit.parts).sign_in())
        }
    }
}
