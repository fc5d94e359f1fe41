//! What comes of an authorization request: signing in, consent, or an answer to the application.
use std::fmt;

use portcullis_domain::application::Kind;
use portcullis_domain::session::Session;
use portcullis_domain::user::User;
use portcullis_domain::{Credential, Ctx, Id, Result, Timestamp};

use super::Provider;
use super::refusal::OAuthError;
use super::request::Asked;
use crate::application_uri::is_on_loopback;

/// Who signed in because an application asked for it is back within so many seconds.
const BACK_SECONDS: i64 = 60;

/// What is to happen next.
#[derive(Clone)]
pub enum Step {
    /// The person has to sign in, whether they are or not.
    SignIn,
    /// The person is to be asked.
    Consent(ToAllow),
    /// The browser goes there with an answer.
    Answer(String),
}
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignIn => "SignIn",
            Self::Consent(_) => "Consent(…)",
            Self::Answer(_) => "Answer(…)",
        })
    }
}
/// What a person is asked to allow.
#[derive(Clone)]
pub struct ToAllow {
    /// What the application would learn and do.
    pub scopes: Vec<String>,
    /// Is it asked since nothing but a program on this device says that it is this application?
    pub unproved: bool,
    /// What the answer has to bring along: it is good for just this.
    pub shown: String,
}

/// Who is signed in.
pub(super) struct Person {
    pub user: Id<User>,
    pub session: Id<Session>,
    pub auth_time: Timestamp,
    pub amr: Vec<String>,
}

impl Provider {
    /// Who is signed in here, as an application may be told. A session of another tenant is none.
    pub(super) fn person_of(&self, caller: Option<&Ctx>) -> Option<Person> {
        let cx = caller.filter(|cx| self.is_of(cx))?;
        // who has a second factor to set up or to give has not proved enough
        let (Credential::Session { id, auth_time, amr, restricted: false }, Some(user)) =
            (&cx.principal.credential, cx.principal.user_id())
        else {
            return None;
        };
        Some(Person { user, session: *id, auth_time: *auth_time, amr: amr.to_vec() })
    }
    /// The person, if they need not sign in (again) for this request.
    pub(super) fn ready(&self, asked: &Asked, caller: Option<&Ctx>) -> Option<Person> {
        let person = self.person_of(caller)?;
        let proved = person.auth_time;
        let came_back = asked.sent_at.is_some_and(|at| proved >= at);
        // who signed in for this very request has a moment to come back
        let most = |max: i64| if came_back { max.max(BACK_SECONDS) } else { max };
        let lately = asked.max_age.is_none_or(|max| proved.plus_seconds(most(max)) > self.cx.now);
        ((came_back || !asked.prompt.login) && lately && asked.is_about(&person)).then_some(person)
    }
    /// The next step for whoever looks at the request.
    pub async fn step(&self, asked: &Asked, caller: Option<&Ctx>) -> Result<Step> {
        let told = |error, why| Ok(Step::Answer(self.refusal(asked, error, why)));
        let (Some(cx), Some(person)) = (caller, self.ready(asked, caller)) else {
            if asked.prompt.none {
                return told(OAuthError::LoginRequired, "Nobody is signed in, or not lately enough, or somebody else.");
            }
            if asked.sent_at.is_some() && self.person_of(caller).is_some_and(|person| !asked.is_about(&person)) {
                return told(OAuthError::LoginRequired, "Somebody else signed in than the id_token_hint names.");
            }
            return Ok(Step::SignIn);
        };
        let unproved = could_be_any_program(asked);
        if unproved || (asked.application.third_party && self.wants_consent(asked, person.user).await?) {
            if asked.prompt.none {
                return told(OAuthError::ConsentRequired, "The person has to be asked.");
            }
            let shown = self.shown(asked, &person);
            return Ok(Step::Consent(ToAllow { scopes: asked.scopes.clone(), unproved, shown }));
        }
        self.issue(asked, cx, person, None).await.map(Step::Answer)
    }
}

/// A public application proves itself by nothing but its address; at one of the loopback interface any program of the device may listen, so
/// its person is asked each time (RFC 8252 8.6).
fn could_be_any_program(asked: &Asked) -> bool {
    asked.application.kind == Kind::Public && is_on_loopback(&asked.redirect_uri)
}
