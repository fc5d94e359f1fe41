//! What people allow applications of others to learn of them: asked once for each application and scope, remembered, and taken back.
use portcullis_domain::application::Application;
use portcullis_domain::user::User;
use portcullis_domain::{Ctx, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, application, application_consent, application_session};

use super::Provider;
use super::authorize::{Person, Step};
use super::request::Asked;
use super::stamp::About;
use crate::App;
use crate::app::Scribe;
use crate::authorize::person_only;
use crate::profile::session_of;

/// An application at which somebody is signed in, or that they allowed something.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The application.
    pub application: Application,
    /// What they were asked about and allowed; empty for the tenant's own, which mostly ask nothing.
    pub scopes: Vec<String>,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// What somebody was shown is answered within so long.
pub(super) const SHOWN_SECONDS: i64 = 3_600;

impl Provider {
    pub(super) async fn wants_consent(&self, asked: &Asked, user: Id<User>) -> Result<bool> {
        let of = (user, asked.application.id);
        let given = self.app.0.db.read(self.cx.clone(), &of, given).await?;
        Ok(asked.prompt.consent || asked.scopes.iter().any(|s| !given.contains(s)))
    }
    /// Somebody allowed what `shown` was made for: remembered, and answered. If anything of it is different by now they are asked anew.
    pub async fn allow(&self, asked: &Asked, caller: Option<&Ctx>, shown: &str) -> Result<Step> {
        let (Some(cx), Some(person)) = (caller, self.ready(asked, caller)) else {
            return Ok(Step::SignIn);
        };
        let parts = about(asked, &person);
        if self.stamped_at(About::Consent, &slices(&parts), shown, SHOWN_SECONDS).is_none() {
            return self.step(asked, caller).await;
        }
        self.issue(asked, cx, person, Some(asked.scopes.clone())).await.map(Step::Answer)
    }
    /// What the answer of somebody who is shown this request has to bring along.
    pub(super) fn shown(&self, asked: &Asked, person: &Person) -> String {
        self.stamp(About::Consent, &slices(&about(asked, person)))
    }
}

impl App {
    /// The applications that the caller is signed in to or allowed something. Person only.
    pub async fn own_applications(&self, cx: &Ctx) -> Result<Vec<Allowed>> {
        let user = person(cx)?;
        self.0.db.read(cx.clone(), &user, of_user).await.map_err(Error::from)
    }
    /// Takes back what the caller allowed an application, and ends all of its tokens for them. One that is not there has ended. Person
    /// only.
    pub async fn leave_application(&self, cx: &Ctx, id: Id<Application>) -> Result<()> {
        let c = Leave { user: person(cx)?, application: id, scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, leave).await.map_err(Error::from)
    }
}
/// What a person is shown, by whom, and for which request.
fn about(asked: &Asked, person: &Person) -> [Vec<u8>; 6] {
    [
        person.user.uuid().as_bytes().to_vec(),
        person.session.uuid().as_bytes().to_vec(),
        asked.application.id.uuid().as_bytes().to_vec(),
        asked.application.revision.to_be_bytes().to_vec(),
        asked.scopes.join(" ").into_bytes(),
        asked.request.clone().into_bytes(),
    ]
}
pub(super) fn slices(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(Vec::as_slice).collect()
}
fn person(cx: &Ctx) -> Result<Id<User>> {
    session_of(cx)?;
    cx.principal.user_id().ok_or_else(person_only)
}

async fn given(
    tx: &mut Tx,
    (user, application): &(Id<User>, Id<Application>),
) -> portcullis_store::Result<Vec<String>> {
    application_consent::of(tx, *user, *application).await
}
async fn of_user(tx: &mut Tx, user: &Id<User>) -> portcullis_store::Result<Vec<Allowed>> {
    let mut out: Vec<Allowed> = vec![];
    for consent in application_consent::of_user(tx, *user).await? {
        if let Some(application) = application::by_id(tx, consent.application_id).await? {
            out.push(Allowed { application, scopes: consent.scopes, since: Some(consent.created_at) });
        }
    }
    for id in application_session::live_at(tx, *user).await? {
        if out.iter().all(|a| a.application.id != id)
            && let Some(application) = application::by_id(tx, id).await?
        {
            out.push(Allowed { application, scopes: vec![], since: None });
        }
    }
    Ok(out)
}

/// Writes down what somebody allowed an application, beside what they allowed it before.
pub(super) async fn remember(
    tx: &mut Tx,
    scribe: &Scribe,
    user: Id<User>,
    application: Id<Application>,
    scopes: &[String],
) -> portcullis_store::Result<()> {
    let before = application_consent::of(tx, user, application).await?;
    let new = scopes.iter().filter(|word| !before.contains(word));
    let all: Vec<String> = before.iter().chain(new).cloned().collect();
    application_consent::give(tx, user, application, &all).await?;
    let event = scribe.event("application.consented", "application", application);
    scribe.write(tx, event.with("user_id", user.to_string()).with("scopes", scopes.to_vec()));
    Ok(())
}

struct Leave {
    user: Id<User>,
    application: Id<Application>,
    scribe: Scribe,
}
async fn leave(tx: &mut Tx, c: &Leave) -> portcullis_store::Result<()> {
    let withdrawn = application_consent::withdraw(tx, c.user, c.application).await?;
    let ended = application_session::revoke_at(tx, c.user, c.application).await?;
    if withdrawn || ended > 0 {
        let event = c.scribe.event("application.left", "application", c.application);
        c.scribe.write(tx, event.with("user_id", c.user.to_string()).with("consent", withdrawn));
    }
    Ok(())
}
