//! `/sign-out`: ends the session of this browser. Only a form does it: a link in a foreign page must not.
use askama::Template;
use axum::response::Response;
use portcullis_domain::Result;
use portcullis_edge::cookie;

use crate::page::{Frame, page, redirect};
use crate::texts::{EN, Texts};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "sign_out.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
}

/// Asks.
pub(crate) async fn show(visit: Visit) -> Result<Response> {
    let Ok(cx) = visit.caller().await else { return redirect("/sign-in") };
    let brand = visit.app().own_doorway(&cx).await?.brand;
    page(200, &Page { frame: Frame::new(EN.sign_out_ask).of(Some(&brand)), t: &EN })
}
/// Ends it. Whose session has ended already is signed out too.
pub(crate) async fn submit(visit: Visit) -> Result<Response> {
    if let Ok(cx) = visit.caller().await {
        visit.app().sign_out(&cx).await?;
    }
    let mut answer = redirect("/sign-in?done=signed_out")?;
    cookie::put(&mut answer, cookie::clear(&visit.app().settings().public_url))?;
    Ok(answer)
}
