//! `/sign-in`: the address first, which says where to sign in, then the password (spec v1 9.2).
//!
//! Nothing is kept between the two: each form says all that it is for, so none can be skipped or repeated out of turn (checklist
//! 4). Every address is asked for a password, whoever has it (checklist 15), and shown the providers of its domain.
//! Where a second factor is due, `second_step.rs` goes on.
use askama::Template;
use axum::response::Response;
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Error, Result};
use portcullis_edge::cookie;
use portcullis_service::doorway::Doorway;
use portcullis_service::session::{Given, Hold, LoggedIn, Login, SignedIn};

use crate::field::Field;
use crate::form::Form;
use crate::page::{Frame, page, redirect};
use crate::provider::{Choice, Departure, choices, problem};
use crate::refusal::Refused;
use crate::return_to::{ReturnTo, link};
use crate::second_step::{self, Waiting};
use crate::texts::{EN, Texts, fill};
use crate::visit::Visit;

/// No address and no slug is longer.
const LONGEST: usize = 512;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    /// Fields of this step.
    fields: Vec<Field>,
    button: &'static str,
    /// To begin again with another address; empty in the first step.
    again: String,
    /// For who forgot their password; empty where no mail is sent, and in the first step.
    forgotten: String,
    /// May somebody come in with a passkey alone?
    passkeys: bool,
    /// Where else somebody may prove who they are.
    providers: Vec<Choice>,
    tenant: String,
    return_to: String,
}

/// Where a form or a link wants to sign in.
struct Wanted {
    tenant: Option<String>,
    return_to: ReturnTo,
    /// Can a forgotten password be set anew by mail?
    mail: bool,
    /// Are there passkeys on this server?
    passkeys: bool,
}
impl Wanted {
    fn again(&self) -> String {
        link("/sign-in", &[("tenant", self.tenant()), ("return_to", self.return_to.said())])
    }
    fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or_default()
    }
    fn page(&self, at: Option<&Doorway>, done: Option<&str>, refused: Option<&Refused>) -> Page {
        Page {
            frame: Frame::new(title(at)).of(at.map(|d| &d.brand)).done(done).refused(refused),
            t: &EN,
            fields: vec![],
            button: EN.next,
            again: String::new(),
            forgotten: String::new(),
            passkeys: self.passkeys,
            providers: vec![],
            tenant: self.tenant().to_owned(),
            return_to: self.return_to.said().to_owned(),
        }
    }
}
/// A tenant's slug as it was sent, if one was.
pub(crate) fn slug(said: &str) -> Option<String> {
    (!said.is_empty()).then(|| said.chars().take(LONGEST).collect())
}
fn title(doorway: Option<&Doorway>) -> String {
    doorway.map_or_else(|| EN.sign_in.to_owned(), |d| fill(EN.sign_in_to, &[("tenant", &d.brand.name)]))
}

/// `/`
pub(crate) async fn front(visit: Visit) -> Result<Response> {
    redirect(if visit.caller().await.is_ok() { "/account" } else { "/sign-in" })
}

/// The first step.
pub(crate) async fn show(visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let return_to = ReturnTo::read(visit.query("return_to").as_deref());
    // whom a page of a tenant sent is to sign in again, or there: asked all the same
    if return_to.tenant().is_none() && visit.caller().await.is_ok() {
        return redirect(return_to.path());
    }
    let hint = visit.query("login_hint").filter(|hint| hint.len() <= LONGEST).unwrap_or_default();
    let wanted = Wanted {
        tenant: slug(visit.query("tenant").as_deref().unwrap_or_default()),
        return_to,
        mail: visit.sends_mail(),
        passkeys: visit.knows_passkeys(),
    };
    let doorway = named(&visit, &wanted).await?;
    let done = visit.query("done");
    // a provider led back here
    let refused = visit.query("problem").and_then(|word| problem(&word)).map(|words| Refused::saying(200, words));
    page(200, &first(&wanted, doorway.as_ref(), &hint, done.as_deref(), refused.as_ref()))
}
fn first(wanted: &Wanted, at: Option<&Doorway>, email: &str, done: Option<&str>, refused: Option<&Refused>) -> Page {
    let email = Field::email("email", EN.email).value(email).refused(refused).focus();
    Page { fields: vec![email], ..wanted.page(at, done, refused) }
}
async fn second(
    visit: &Visit,
    wanted: &Wanted,
    at: Option<&Doorway>,
    email: &str,
    refused: Option<&Refused>,
) -> Result<Page> {
    let fields = vec![
        Field::email("email", EN.email).value(email).fixed(),
        Field::password("password", EN.password, "current-password").refused(refused).focus(),
    ];
    let forgotten =
        if wanted.mail { link("/forgotten-password", &[("tenant", wanted.tenant())]) } else { String::new() };
    let from = Departure { tenant: wanted.tenant.clone(), return_to: wanted.return_to.clone() };
    let providers = choices(&visit.app().providers_for(wanted.tenant.as_deref(), email).await?, &from);
    let page = wanted.page(at, None, refused);
    Ok(Page { fields, button: EN.sign_in, again: wanted.again(), forgotten, providers, ..page })
}
/// The tenant that the link names; 404 for one that is not there.
async fn named(visit: &Visit, wanted: &Wanted) -> Result<Option<Doorway>> {
    let Some(slug) = &wanted.tenant else { return Ok(None) };
    let found = visit.app().doorway(visit.origin(), Some(slug), None).await?;
    found.map(Some).ok_or_else(|| Error::new(Code::NotFound, EN.no_such_tenant))
}

/// Either step.
pub(crate) async fn submit(mut visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let form = visit.form().await?;
    let return_to = ReturnTo::read(Some(form.raw("return_to")));
    let tenant = slug(form.text("tenant"));
    let wanted = Wanted { tenant, return_to, mail: visit.sends_mail(), passkeys: visit.knows_passkeys() };
    let email = form.text("email").to_owned();
    if email.len() > LONGEST || Email::parse(&email).is_err() {
        let refused = Refused::field("email", EN.enter_email);
        let doorway = named(&visit, &wanted).await?;
        return refused.page(&first(&wanted, doorway.as_ref(), &email, None, Some(&refused)));
    }
    let doorway = visit.app().doorway(visit.origin(), wanted.tenant.as_deref(), Some(&email)).await?;
    if !form.has("password") {
        return page(200, &second(&visit, &wanted, doorway.as_ref(), &email, None).await?);
    }
    let slug = doorway.as_ref().map(|d| d.slug.clone());
    match signed_in(&visit, &form, &wanted, &email, slug).await? {
        Ok(answer) => Ok(answer),
        Err(refused) => refused.page(&second(&visit, &wanted, doorway.as_ref(), &email, Some(&refused)).await?),
    }
}
async fn signed_in(
    visit: &Visit,
    form: &Form,
    wanted: &Wanted,
    email: &str,
    at: Option<String>,
) -> Result<Result<Response, Refused>> {
    let password = match form.password("password") {
        Ok(password) => password,
        Err(refused) => return Ok(Err(refused)),
    };
    let login = Login { email: email.to_owned(), password, tenant_slug: wanted.tenant.clone(), hold: Hold::Cookie };
    let out = match visit.limit_passwords() {
        Ok(()) => visit.app().login(visit.origin(), login).await,
        Err(e) => Err(e),
    };
    match out {
        Ok(LoggedIn::Whole(signed_in)) => enter(visit, redirect(wanted.return_to.path())?, signed_in).await.map(Ok),
        Ok(LoggedIn::SecondStep(step)) => {
            let challenge = step.challenge_id.expose().to_owned();
            let waiting = Waiting { challenge, tenant: at, return_to: wanted.return_to.clone() };
            second_step::after_first(visit, &step, &waiting).await.map(Ok)
        }
        Err(e) if e.code() == Code::InvalidCredentials => Ok(Err(Refused::saying(401, EN.wrong_credentials))),
        Err(e) => Refused::of(e, &[]).map(Err),
    }
}
/// This answer with the cookie of a new session; one that the browser held before ends.
pub(crate) async fn enter(visit: &Visit, mut answer: Response, signed_in: SignedIn) -> Result<Response> {
    let Given::Cookie(given) = signed_in.given else { return Err(Error::internal("a page was given tokens")) };
    let cookie = cookie::replace(visit.app(), visit.origin(), visit.held(), &given).await?;
    cookie::put(&mut answer, [cookie])?;
    Ok(answer)
}
