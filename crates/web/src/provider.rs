//! Signing in at a provider from our pages (spec v1 9.3): the way there, and the way back.
//!
//! A cookie ties the two together, so that nobody is signed in by a link that another browser was given (checklist 4). It is bound to
//! this host, lives as long as a sign-in may take, and also remembers where somebody wanted to go.
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::{Code, Error, Result};
use portcullis_edge::cookie;
use portcullis_service::federation::{SIGN_IN_SECONDS, SignInProvider};
use portcullis_service::federation_end::Return;
use portcullis_service::session::LoggedIn;
use url::form_urlencoded;

use crate::page::redirect;
use crate::return_to::{ReturnTo, link};
use crate::second_step::{self, Waiting};
use crate::sign_in::{enter, slug};
use crate::texts::{EN, fill};
use crate::visit::Visit;

/// No code and no state is longer.
const LONGEST: usize = 4_096;

/// A provider as the sign-in page shows it.
pub(crate) struct Choice {
    pub label: String,
    pub link: String,
}
/// The choices of somebody who wants to go there.
pub(crate) fn choices(providers: &[SignInProvider], from: &Departure) -> Vec<Choice> {
    let of = |p: &SignInProvider| Choice {
        label: fill(EN.sign_in_with, &[("provider", &p.name)]),
        link: link(
            "/sign-in/at",
            &[("provider", &p.id.to_string()), ("tenant", from.tenant()), ("return_to", from.said())],
        ),
    };
    providers.iter().map(of).collect()
}

/// Whence somebody goes to their provider, which is where they end when it does not work.
pub(crate) struct Departure {
    pub tenant: Option<String>,
    pub return_to: ReturnTo,
}
impl Departure {
    fn read(said: impl Fn(&str) -> Option<String>) -> Self {
        let tenant = slug(&said("tenant").unwrap_or_default());
        Self { tenant, return_to: ReturnTo::read(said("return_to").as_deref()) }
    }
    fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or_default()
    }
    fn said(&self) -> &str {
        self.return_to.said()
    }
    fn kept(&self, browser: &str) -> String {
        let query = link("", &[("tenant", self.tenant()), ("return_to", self.said())]);
        format!("{browser}.{}", URL_SAFE_NO_PAD.encode(query.trim_start_matches('?')))
    }
    /// What a browser kept: its proof, and the rest, read as if anybody had written it.
    fn of_cookie(kept: &str) -> Option<(String, Self)> {
        let (browser, query) = kept.split_once('.')?;
        let query = URL_SAFE_NO_PAD.decode(query).ok()?;
        let said = |name: &str| form_urlencoded::parse(&query).find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        Some((browser.to_owned(), Self::read(said)))
    }
    /// Back to the first step, with what went wrong.
    fn again(&self, problem: &str) -> Result<Response> {
        redirect(&link("/sign-in", &[("tenant", self.tenant()), ("return_to", self.said()), ("problem", problem)]))
    }
}
/// The words for what a link says went wrong.
pub(crate) fn problem(word: &str) -> Option<&'static str> {
    Some(match word {
        "provider_failed" => EN.provider_failed,
        "provider_away" => EN.provider_away,
        "provider_left" => EN.provider_left,
        "provider_elsewhere" => EN.provider_elsewhere,
        _ => return None,
    })
}
/// What of an error a page can help with; the rest stays one.
fn problem_of(e: Error) -> Result<&'static str> {
    match e.code() {
        Code::LoginFailed | Code::NotFound | Code::NotConfigured => Ok("provider_failed"),
        Code::UpstreamFailed => Ok("provider_away"),
        _ => Err(e),
    }
}

/// `/sign-in/at`: the browser goes to the provider.
pub(crate) async fn go(visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let from = Departure::read(|name| visit.query(name));
    // a page of elsewhere could sign somebody in as somebody else
    if visit.comes_from_another_site() {
        return from.again("");
    }
    let Some(provider) = visit.query("provider").and_then(|id| id.parse().ok()) else { return from.again("") };
    match visit.app().begin_sign_in_here(visit.origin(), provider).await {
        Ok(begun) => {
            let mut answer = redirect(&begun.authorization_url)?;
            let own = &visit.app().settings().public_url;
            cookie::put(
                &mut answer,
                [cookie::bound(own, cookie::SIGN_IN, &from.kept(&begun.browser), SIGN_IN_SECONDS)],
            )?;
            Ok(answer)
        }
        Err(e) => from.again(problem_of(e)?),
    }
}

/// `/sign-in/callback`: the browser is back.
pub(crate) async fn come_back(visit: Visit) -> Result<Response> {
    visit.limit_visits()?;
    let own = visit.app().settings().public_url.clone();
    let kept = cookie::read_bound(&own, cookie::SIGN_IN, &visit.parts.headers).and_then(Departure::of_cookie);
    let said = |name: &str| visit.query(name).filter(|v| v.len() <= LONGEST);
    let (code, error, state) = (said("code"), said("error"), said("state").unwrap_or_default());
    let left = error.as_deref() == Some("access_denied");
    let away = error.as_deref() == Some("temporarily_unavailable");
    let (browser, from) = match kept {
        Some((browser, from)) => (Some(browser), from),
        None => (None, Departure::read(|_| None)),
    };
    let elsewhere = browser.is_none();
    let code = code.ok_or_else(|| word(error.as_deref().unwrap_or_default()));
    let back = Return { code, state, issuer: said("iss"), browser };
    let mut answer = match visit.app().finish_sign_in_here(visit.origin(), back).await {
        Ok(LoggedIn::Whole(signed_in)) => enter(&visit, redirect(from.return_to.path())?, signed_in).await?,
        Ok(LoggedIn::SecondStep(step)) => {
            let challenge = step.challenge_id.expose().to_owned();
            let waiting = Waiting { challenge, tenant: from.tenant, return_to: from.return_to };
            second_step::after_first(&visit, &step, &waiting).await?
        }
        Err(e) => from.again(match problem_of(e)? {
            "provider_failed" if elsewhere => "provider_elsewhere",
            "provider_failed" if left => "provider_left",
            "provider_failed" if away => "provider_away",
            word => word,
        })?,
    };
    cookie::put(&mut answer, [cookie::bound(&own, cookie::SIGN_IN, "", 0)])?;
    Ok(answer)
}
/// An error word of RFC 6749 4.1.2.1, as it may stand in a log.
fn word(said: &str) -> String {
    let fine = (1..=64).contains(&said.len()) && said.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fine { said.to_owned() } else { "nothing that can be read".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_keeps_where_it_wanted_to_go() {
        let from = Departure { tenant: Some("acme".into()), return_to: ReturnTo::read(Some("/account/keys?a=b")) };
        let (browser, read) = Departure::of_cookie(&from.kept("proof")).unwrap();
        assert_eq!((&*browser, read.tenant(), read.said()), ("proof", "acme", "/account/keys?a=b"));
        let (_, none) = Departure::of_cookie(&Departure::read(|_| None).kept("proof")).unwrap();
        assert_eq!((none.tenant(), none.said()), ("", ""));
    }

    #[test]
    fn sec_09_a_cookie_leads_to_pages_of_ours_only() {
        let evil = URL_SAFE_NO_PAD.encode("return_to=https%3A%2F%2Fevil.example%2F&tenant=a");
        let (_, read) = Departure::of_cookie(&format!("proof.{evil}")).unwrap();
        assert_eq!((read.tenant(), read.said()), ("a", ""));
        for bad in ["", "proof", "proof.%%%", "proof.=="] {
            assert!(Departure::of_cookie(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn sec_13_what_a_provider_says_goes_into_no_line_as_it_is() {
        assert_eq!(word("access_denied"), "access_denied");
        for bad in ["", "a b", "a\nb", "<script>", &"a".repeat(65)] {
            assert_eq!(word(bad), "nothing that can be read");
        }
    }
}
