//! What a browser brings from an application: an authorization request (RFC 6749 4.1.1, RFC 7636 4.3, OpenID Connect Core 1.0
//! 3.1.2.1). Nothing is sent anywhere before it is proved that the address is the application's own (RFC 6749 10.15, RFC 9700 4.11).
use std::fmt;

use portcullis_domain::application::{Application, GrantType, scope};
use portcullis_domain::{Error, Timestamp};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use super::Provider;
use super::authorize::Person;
use super::refusal::OAuthError;
use super::stamp::About;
use crate::application_uri::is_one_of;

/// A longer request, in bytes, is none of ours: it has to come back through a link to sign in, and through a cookie from a provider.
pub const LONGEST: usize = 2_048;
/// Beside an application's own parameters: when somebody was sent to sign in for it, signed.
const SENT_AT: &str = "signed_in_after";
/// Who was sent to sign in has so many seconds to come back.
const BACK_SECONDS: i64 = 600;

/// A request whose application and address were proved right, and that makes sense.
#[derive(Clone)]
pub struct Asked {
    /// Who asks.
    pub application: Application,
    /// What is asked for: never more than the application may.
    pub scopes: Vec<String>,
    /// Who the application thinks is there.
    pub login_hint: Option<String>,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
    pub(super) prompt: Prompt,
    pub(super) max_age: Option<i64>,
    /// Whom an ID token that was shown names: nobody else is meant (OpenID Connect Core 1.0 3.1.2.2).
    pub(super) hinted: Option<Uuid>,
    /// All that the application sent, as we write it.
    pub(super) request: String,
    /// When this person was sent to sign in for just this request, if that was lately.
    pub(super) sent_at: Option<Timestamp>,
}
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("application", &self.application.id)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
impl Asked {
    /// May this be whom the application asks about?
    pub(super) fn is_about(&self, person: &Person) -> bool {
        self.hinted.is_none_or(|hinted| hinted == person.user.uuid())
    }
}
/// What the person may or has to be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// Nothing at all.
    pub none: bool,
    /// To sign in, whether they are or not.
    pub login: bool,
    /// For consent, whether they gave it or not.
    pub consent: bool,
}

/// Why a request is none.
#[derive(Clone)]
pub enum Misfit {
    /// Nobody is told but the person: who asks, or where the answer would go, is not known.
    Untrusted(&'static str),
    /// The application is told, by sending the browser there.
    Told(String),
    /// This server's own doing.
    Failed(Error),
}
impl fmt::Debug for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted(why) => f.debug_tuple("Untrusted").field(why).finish(),
            Self::Told(_) => f.write_str("Told(…)"),
            Self::Failed(e) => f.debug_tuple("Failed").field(e).finish(),
        }
    }
}
impl From<Error> for Misfit {
    fn from(e: Error) -> Self {
        Self::Failed(e)
    }
}

/// The same words whatever is wrong: who guesses at applications learns nothing (checklist 15).
const UNTRUSTED: &str = "The application that sent you here is not known, or did not say correctly where you came from. Tell those who \
                         run it that client_id or redirect_uri are not as they were registered.";

/// The members of a query, each at most once (RFC 6749 3.1).
struct Query(Vec<(String, String)>);
impl Query {
    fn read(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }
    /// All of it but what we added, as we write it.
    fn written(&self) -> String {
        let own = self.0.iter().filter(|(name, _)| name != SENT_AT);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(own).finish()
    }
    /// What was sent under this name; empty counts as nothing, twice as wrong.
    fn one(&self, name: &'static str) -> Result<Option<&str>, ()> {
        let mut all = self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        match (all.next(), all.next()) {
            (first, None) => Ok(first.filter(|v| !v.is_empty())),
            (_, Some(_)) => Err(()),
        }
    }
}

impl Provider {
    /// Reads an authorization request.
    pub async fn authorization_request(&self, query: &str) -> Result<Asked, Misfit> {
        let q = Query::read(query);
        let request = q.written();
        if request.len() > LONGEST {
            return Err(Misfit::Untrusted("This request is too long: at most 2,048 bytes."));
        }
        let untrusted = || Misfit::Untrusted(UNTRUSTED);
        let client_id = q.one("client_id").ok().flatten().unwrap_or_default();
        let found = self.application(client_id).await?;
        let redirect_uri = q.one("redirect_uri").ok().flatten().ok_or_else(untrusted)?;
        let (application, _) = found.ok_or_else(untrusted)?;
        if !is_one_of(&application.redirect_uris, redirect_uri, application.kind) {
            return Err(untrusted());
        }
        let state = q.one("state").ok().flatten().map(str::to_owned);
        match self.sensible(&q, &application) {
            Ok(rest) => {
                let stamp = q.one(SENT_AT).ok().flatten().unwrap_or_default();
                let sent_at = self.stamped_at(About::SignIn, &[request.as_bytes()], stamp, BACK_SECONDS);
                let hinted = match q.one("id_token_hint").ok().flatten() {
                    Some(token) => self.shown_id_token(token).await?.map(|claims| claims.sub),
                    None => None,
                };
                let redirect_uri = redirect_uri.to_owned();
                Ok(Asked { redirect_uri, state, application, request, sent_at, hinted, ..rest })
            }
            Err((error, why)) => Err(Misfit::Told(self.refusal_at(redirect_uri, state.as_deref(), error, why))),
        }
    }
    fn sensible(&self, q: &Query, application: &Application) -> Result<Asked, (OAuthError, &'static str)> {
        use OAuthError::{InvalidRequest, InvalidScope};
        let one = |name| q.one(name).map_err(|()| (InvalidRequest, "Each parameter is sent once."));
        one("state")?;
        one("id_token_hint")?;
        if !application.may(GrantType::AuthorizationCode) {
            return Err((OAuthError::UnauthorizedClient, "The grant authorization_code is not registered."));
        }
        match one("response_type")? {
            Some("code") => {}
            None => return Err((InvalidRequest, "response_type is missing: code.")),
            Some(_) => return Err((OAuthError::UnsupportedResponseType, "The response_type is code.")),
        }
        if one("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err((InvalidRequest, "The response_mode is query."));
        }
        for (name, error) in [
            ("request", OAuthError::RequestNotSupported),
            ("request_uri", OAuthError::RequestUriNotSupported),
            ("registration", OAuthError::RegistrationNotSupported),
        ] {
            if one(name)?.is_some() {
                return Err((error, "Send plain parameters."));
            }
        }
        let challenge =
            one("code_challenge")?.ok_or((InvalidRequest, "code_challenge is missing (PKCE, RFC 7636)."))?;
        if one("code_challenge_method")? != Some("S256") {
            return Err((InvalidRequest, "The code_challenge_method is S256."));
        }
        let base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if challenge.len() != 43 || !challenge.bytes().all(base64url) {
            return Err((InvalidRequest, "A code_challenge of S256 is 43 characters of base64url."));
        }
        let prompt = prompt(one("prompt")?.unwrap_or_default())?;
        let max_age = match one("max_age")?.map(str::parse::<i64>) {
            None => None,
            Some(Ok(seconds)) if seconds >= 0 => Some(seconds),
            Some(_) => return Err((InvalidRequest, "max_age is a number of seconds.")),
        };
        let said: Vec<&str> = one("scope")?.unwrap_or_default().split_ascii_whitespace().collect();
        let scopes: Vec<String> = application.scopes.iter().filter(|s| said.contains(&s.as_str())).cloned().collect();
        if scopes.is_empty() || (said.contains(&scope::OPENID) && !scopes.iter().any(|s| s == scope::OPENID)) {
            return Err((InvalidScope, "Ask for scopes that are registered for this application."));
        }
        Ok(Asked {
            application: application.clone(),
            scopes,
            login_hint: one("login_hint")?.map(str::to_owned),
            redirect_uri: String::new(),
            state: None,
            nonce: one("nonce")?.map(str::to_owned),
            challenge: challenge.to_owned(),
            prompt,
            max_age,
            hinted: None,
            request: String::new(),
            sent_at: None,
        })
    }
    /// The query with which somebody comes back who is sent to sign in for this request: it says when that was.
    pub fn way_back(&self, asked: &Asked) -> String {
        let stamp = self.stamp(About::SignIn, &[asked.request.as_bytes()]);
        form_urlencoded::Serializer::new(asked.request.clone()).append_pair(SENT_AT, &stamp).finish()
    }
    /// Where the application is told that somebody refused, or that they would have to be asked.
    pub fn refusal(&self, asked: &Asked, error: OAuthError, why: &'static str) -> String {
        self.refusal_at(&asked.redirect_uri, asked.state.as_deref(), error, why)
    }
    fn refusal_at(&self, redirect_uri: &str, state: Option<&str>, error: OAuthError, why: &'static str) -> String {
        self.answer(redirect_uri, state, &[("error", error.as_str()), ("error_description", why)])
    }
    /// An address of an application with an answer in its query; who answers is part of it (RFC 9207).
    pub(super) fn answer(&self, redirect_uri: &str, state: Option<&str>, said: &[(&str, &str)]) -> String {
        let Ok(mut url) = Url::parse(redirect_uri) else { unreachable!("what is registered is a URL") };
        let issuer = self.issuer();
        let state = state.map(|state| ("state", state));
        url.query_pairs_mut().extend_pairs(said.iter().copied().chain(state).chain([("iss", &*issuer)]));
        url.into()
    }
}

fn prompt(text: &str) -> Result<Prompt, (OAuthError, &'static str)> {
    let mut prompt = Prompt::default();
    for word in text.split_ascii_whitespace() {
        match word {
            "none" => prompt.none = true,
            // there is one account in a browser: to choose another is to sign in
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err((OAuthError::InvalidRequest, "prompt is none, login, consent or select_account.")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err((OAuthError::InvalidRequest, "prompt none goes with no other."));
    }
    Ok(prompt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_sent_twice_is_wrong() {
        let q = Query::read("a=1&a=2&b=&c=x");
        assert_eq!((q.one("a"), q.one("b"), q.one("c"), q.one("d")), (Err(()), Ok(None), Ok(Some("x")), Ok(None)));
    }

    #[test]
    fn prompts() {
        let of = |text| prompt(text).ok();
        assert_eq!(of(""), Some(Prompt::default()));
        assert_eq!(of("login consent"), Some(Prompt { none: false, login: true, consent: true }));
        assert_eq!((of("none login"), of("create"), of("none none").map(|p| p.none)), (None, None, Some(true)));
    }
}
