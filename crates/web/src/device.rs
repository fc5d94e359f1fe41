//! `/t/{slug}/device`: a person confirms a device that has no browser (RFC 8628 3.3). The code is entered, then looked at, then
//! confirmed: a link that holds one does nothing by itself, since somebody else may have sent it (RFC 8628 5.4).
use askama::Template;
use axum::response::Response;
use portcullis_domain::{Ctx, Result};
use portcullis_service::provider::{Decided, Provider, Waiting};

use crate::authorize::{caller, in_words};
use crate::field::Field;
use crate::page::{Frame, page, redirect};
use crate::refusal::Refused;
use crate::return_to::{ReturnTo, link};
use crate::texts::{EN, Texts, fill};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "device.html")]
struct Enter {
    frame: Frame,
    t: &'static Texts,
    action: String,
    /// None once it is done.
    code: Option<Field>,
}
#[derive(Template)]
#[template(path = "device_confirm.html")]
struct Confirm {
    frame: Frame,
    t: &'static Texts,
    explained: String,
    told: Vec<String>,
    action: String,
    user_code: String,
    shown: String,
}

/// Where the code is entered; one that came with the link is filled in.
pub(crate) async fn show(visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let provider = visit.provider().await?;
    if let Err(answer) = person(&visit, &provider).await? {
        return Ok(answer);
    }
    let done = visit.query("done");
    let over = matches!(done.as_deref(), Some("device_allowed" | "device_denied"));
    let code = (!over).then(|| field(&visit.query("user_code").unwrap_or_default(), None));
    let brand = visit.brand(Some(provider.slug())).await?;
    let frame = Frame::new(EN.device).of(brand.as_ref()).done(done.as_deref());
    page(200, &Enter { frame, t: &EN, action: format!("{}/device", provider.path()), code })
}
fn field(said: &str, refused: Option<&Refused>) -> Field {
    let said: String = said.chars().take(32).collect();
    Field::text("user_code", EN.device_code).longest(32).required().focus().value(said).refused(refused)
}
/// A code was entered, or what it stands for decided.
pub(crate) async fn submit(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let form = visit.form().await?;
    let provider = visit.provider().await?;
    let cx = match person(&visit, &provider).await? {
        Ok(cx) => cx,
        Err(answer) => return Ok(answer),
    };
    // guessed as seldom as passwords
    visit.limit_passwords()?;
    let typed = form.text("user_code");
    let decision = form.raw("decision");
    if matches!(decision, "allow" | "deny") {
        let allow = decision == "allow";
        match provider.decide_device(&cx, typed, allow, form.raw("shown")).await? {
            Decided::Done => {
                let done = if allow { "device_allowed" } else { "device_denied" };
                return redirect(&link(&format!("{}/device", provider.path()), &[("done", done)]));
            }
            Decided::Gone => return wrong(&visit, &provider, typed).await,
            Decided::LookAgain => {}
        }
    }
    match provider.waiting(&cx, typed).await? {
        Some(waiting) => confirm(&visit, &provider, &waiting).await,
        None => wrong(&visit, &provider, typed).await,
    }
}
/// Who is signed in here. Others do so first, and come back; and so does who has a second factor to give.
async fn person(visit: &Visit, provider: &Provider) -> Result<Result<Ctx, Response>> {
    let whole = |cx: &Ctx| provider.is_of(cx) && !cx.principal.credential.is_restricted();
    if let Some(cx) = caller(visit).await?.filter(whole) {
        return Ok(Ok(cx));
    }
    let code = visit.query("user_code").unwrap_or_default();
    let back = link(&format!("{}/device", provider.path()), &[("user_code", &code)]);
    let back = ReturnTo::read(Some(&back));
    let said = [("tenant", provider.slug()), ("return_to", back.said()), ("done", "sign_in_first")];
    redirect(&link("/sign-in", &said)).map(Err)
}
async fn confirm(visit: &Visit, provider: &Provider, waiting: &Waiting) -> Result<Response> {
    let brand = visit.brand(Some(provider.slug())).await?;
    let said = [("application", waiting.application.name.as_str()), ("code", waiting.user_code.as_str())];
    page(
        200,
        &Confirm {
            frame: Frame::new(fill(EN.device_confirm, &said)).of(brand.as_ref()),
            t: &EN,
            explained: fill(EN.device_confirm_explained, &said),
            told: waiting.scopes.iter().map(|s| in_words(s)).collect(),
            action: format!("{}/device", provider.path()),
            user_code: waiting.user_code.clone(),
            shown: waiting.shown.clone(),
        },
    )
}
async fn wrong(visit: &Visit, provider: &Provider, typed: &str) -> Result<Response> {
    let brand = visit.brand(Some(provider.slug())).await?;
    let refused = Refused::field("user_code", EN.device_wrong);
    let code = Some(field(typed, Some(&refused)));
    let frame = Frame::new(EN.device).of(brand.as_ref()).refused(Some(&refused));
    refused.page(&Enter { frame, t: &EN, action: format!("{}/device", provider.path()), code })
}
