//! Authorization codes (RFC 6749 4.1.2, RFC 7636): made for a browser, exchanged once, within a minute, by whom they were made for.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_crypto::refresh_token::RefreshToken;
use portcullis_crypto::token::Purpose;
use portcullis_domain::application::{Application, GrantType, scope};
use portcullis_domain::application_session::{ApplicationSession, AuthorizationCode};
use portcullis_domain::session::{Refresh, Session};
use portcullis_domain::{Code, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, application, application_session};

use super::Provider;
use super::authorize::Person;
use super::consent::remember;
use super::refusal::{OAuthError, Outcome, refused};
use super::request::Asked;
use super::standing::{self, Standing};
use super::token::{OFFLINE_MOST_SECONDS, OFFLINE_SECONDS, TokenAnswer};
use crate::app::Scribe;
use crate::application_session_end::make_room;
use crate::demand::Demand;

/// A code is good for so long.
const CODE_SECONDS: i64 = 60;

impl Provider {
    /// Makes a code for who is signed in: where the browser brings it. `consent`: what they just allowed.
    pub(super) async fn issue(
        &self,
        asked: &Asked,
        cx: &Ctx,
        person: Person,
        consent: Option<Vec<String>>,
    ) -> Result<String> {
        let code = Purpose::AuthorizationCode.generate(&*self.app.0.random);
        let ends_at = cx.now.plus_seconds(CODE_SECONDS);
        let session = ApplicationSession {
            id: self.app.id(cx),
            application_id: asked.application.id,
            user_id: person.user,
            session_id: person.session,
            identity_provider: None,
            began_with: GrantType::AuthorizationCode,
            offline: asked.scopes.iter().any(|s| s == scope::OFFLINE_ACCESS),
            scopes: asked.scopes.clone(),
            amr: person.amr,
            auth_time: person.auth_time,
            nonce: asked.nonce.clone(),
            created_at: cx.now,
            expires_at: ends_at,
            revoked_at: None,
        };
        let kept = AuthorizationCode {
            hash: *code.hash.bytes(),
            redirect_uri: asked.redirect_uri.clone(),
            challenge: asked.challenge.clone(),
            ends_at,
            spent_at: None,
        };
        let seen = asked.application.revision;
        let (demand, scribe) = (self.demand.clone(), self.app.scribe(cx));
        let c = Issue { session, seen, code: kept, consent, demand, scribe };
        self.app.0.db.write(cx.clone(), c, issue).await?;
        let said = [("code", code.raw.expose())];
        Ok(self.answer(&asked.redirect_uri, asked.state.as_deref(), &said))
    }
    /// Exchanges a code for tokens. One that was exchanged before ends what it gave then (RFC 9700 4.2.4, RFC 6749 10.5).
    pub(super) async fn redeem(
        &self,
        application: &Application,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Outcome<TokenAnswer> {
        let wrong = || {
            refused(
                OAuthError::InvalidGrant,
                "The code is not good, or not for this client, redirect_uri and code_verifier.",
            )
        };
        let hash = *Purpose::AuthorizationCode.parse(code).map_err(|_| wrong())?.bytes();
        // whoever guesses takes no turn to write
        self.app.0.db.read(self.cx.clone(), &hash, application_session::by_code).await?.ok_or_else(wrong)?;
        let keys = self.app.keys();
        // before the code is spent: a node that cannot sign leaves it good
        let signing = keys.signing()?;
        let refresh = application
            .may(GrantType::RefreshToken)
            .then(|| RefreshToken::generate_for_application(&*self.app.0.random));
        let c = Redeem {
            application: application.id,
            hash,
            redirect_uri: redirect_uri.to_owned(),
            challenge: challenge(verifier),
            refresh: refresh.as_ref().map(|r| Refresh { family: *r.family().bytes(), hash: *r.hash().bytes() }),
            demand: self.demand.clone(),
            scribe: self.app.scribe(&self.cx),
        };
        let found = self.app.0.db.write(self.cx.clone(), c, redeem).await.map_err(Error::from)?;
        let standing = found.ok_or_else(wrong)?;
        let scopes = standing.session.scopes.clone();
        Ok(self.tokens(signing, &standing, scopes, refresh.map(|r| r.raw())).await?)
    }
}

/// What a verifier of `S256` is compared by (RFC 7636 4.6); `None` for what is no verifier.
fn challenge(verifier: &str) -> Option<String> {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    let fine = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
    fine.then(|| URL_SAFE_NO_PAD.encode(portcullis_crypto::sha256(verifier.as_bytes())))
}

struct Issue {
    /// All but who vouched for the session behind it.
    session: ApplicationSession,
    /// The application's revision that was looked at.
    seen: i64,
    code: AuthorizationCode,
    consent: Option<Vec<String>>,
    demand: Demand,
    scribe: Scribe,
}
async fn issue(tx: &mut Tx, c: &Issue) -> portcullis_store::Result<()> {
    // all of them may have ended while the person looked at a page
    let behind = behind(tx, &c.session, &c.demand).await?;
    let s = ApplicationSession { identity_provider: behind.identity_provider, ..c.session.clone() };
    let found = application::by_id(tx, s.application_id).await?.ok_or_else(|| Error::not_found("application"))?;
    if found.revision != c.seen {
        let moved = "The application was changed at this very moment. Go back to it and try again.";
        return Err(Error::new(Code::Conflict, moved).detail("state", "changed").into());
    }
    if let Some(scopes) = &c.consent {
        remember(tx, &c.scribe, s.user_id, s.application_id, scopes).await?;
    }
    make_room(tx, &c.scribe, s.user_id, s.application_id, s.offline).await?;
    application_session::insert(tx, &s, Some(&c.code)).await?;
    let event = c.scribe.event("application.authorized", "application", s.application_id);
    let event = event.with("user_id", s.user_id.to_string()).with("application_session", s.id.to_string());
    c.scribe.write(tx, event.with("scopes", s.scopes.clone()));
    Ok(())
}

/// The session that somebody is signed in with here, who may still be.
pub(super) async fn behind(tx: &mut Tx, s: &ApplicationSession, demand: &Demand) -> portcullis_store::Result<Session> {
    let live = match standing::person(tx, s.user_id).await? {
        Some(user) => standing::live(tx, s.session_id, &user, demand).await?,
        None => None,
    };
    live.ok_or_else(|| crate::authenticate::refused("revoked").into())
}

struct Redeem {
    application: Id<Application>,
    hash: [u8; 32],
    redirect_uri: String,
    challenge: Option<String>,
    refresh: Option<Refresh>,
    demand: Demand,
    scribe: Scribe,
}
/// `None`: refused, and what that means is written down.
async fn redeem(tx: &mut Tx, c: &Redeem) -> portcullis_store::Result<Option<Standing>> {
    let Some((s, code)) = application_session::by_code(tx, &c.hash).await? else { return Ok(None) };
    // another application learns nothing by it and spends nothing of it
    if s.application_id != c.application {
        return Ok(None);
    }
    if !application_session::spend(tx, s.id).await? {
        if application_session::revoke(tx, s.id).await? {
            let event = c.scribe.event("application.code_reused", "application", c.application);
            let event = event.with("user_id", s.user_id.to_string()).with("application_session", s.id.to_string());
            c.scribe.write(tx, event);
        }
        return Ok(None);
    }
    let now = tx.cx.now;
    // whoever cannot prove that the code is theirs has spent it all the same: it is not tried again
    let proved =
        c.challenge.as_ref().is_some_and(|shown| portcullis_crypto::same(shown.as_bytes(), code.challenge.as_bytes()));
    let (id, user) = (s.id, s.user_id);
    let cause = match proved {
        _ if code.ends_at <= now => "expired",
        false => "code_verifier",
        true if code.redirect_uri != c.redirect_uri => "redirect_uri",
        true => match standing::of(tx, s, &c.demand).await? {
            Some(standing) => return begin(tx, standing, c.refresh.as_ref(), &c.demand).await.map(Some),
            None => "ended",
        },
    };
    let event = c.scribe.event("application.code_refused", "application", c.application).with("cause", cause);
    let event = event.with("user_id", user.to_string()).with("application_session", id.to_string());
    c.scribe.write(tx, event);
    Ok(None)
}
/// Gives a session at an application its first tokens, and its life.
pub(super) async fn begin(
    tx: &mut Tx,
    mut standing: Standing,
    refresh: Option<&Refresh>,
    demand: &Demand,
) -> portcullis_store::Result<Standing> {
    let expires_at = life(tx, &standing, demand).await?;
    application_session::begin(tx, standing.session.id, refresh, expires_at).await?;
    // what looked at the code's own minute looks at the session's life from here on
    standing.session.expires_at = expires_at;
    let begun = standing::of(tx, standing.session, demand).await?;
    begun.ok_or_else(|| Error::internal("a session that ended as it began").into())
}
/// Until when it may be refreshed: as long as the session behind it at most, or so long after each use and after it began.
pub(super) async fn life(tx: &mut Tx, of: &Standing, demand: &Demand) -> portcullis_store::Result<Timestamp> {
    let now = tx.cx.now;
    if of.session.offline {
        let last = of.session.created_at.plus_seconds(OFFLINE_MOST_SECONDS);
        return Ok(now.plus_seconds(OFFLINE_SECONDS).min(last));
    }
    let behind = standing::live(tx, of.session.session_id, &of.user, demand).await?;
    Ok(behind.map_or(now, |s| s.expires_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_of_rfc_7636_appendix_b() {
        let of = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(of.as_deref(), Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        for bad in ["", &"a".repeat(42), &"a".repeat(129), &"ä".repeat(43), &format!("{} ", "a".repeat(43))] {
            assert_eq!(challenge(bad), None, "{bad}");
        }
    }
}
