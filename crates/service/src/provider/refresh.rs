//! The next tokens for a refresh token of an application (RFC 6749 6): each counts once, as those of sessions do (`refresh.rs` above).
use portcullis_crypto::refresh_token::RefreshToken;
use portcullis_domain::application::Application;
use portcullis_domain::{Code, Error, Id};
use portcullis_store::{Tx, application_session};

use super::Provider;
use super::code::life;
use super::refusal::{OAuthError, Outcome, refused};
use super::standing::{self, Standing};
use super::token::{TokenAnswer, narrowed};
use crate::app::Scribe;
use crate::demand::Demand;

impl Provider {
    pub(super) async fn refresh(
        &self,
        application: &Application,
        raw: &str,
        said: Option<&str>,
    ) -> Outcome<TokenAnswer> {
        let wrong = || refused(OAuthError::InvalidGrant, "The refresh token is not good, or not for this client.");
        let shown = RefreshToken::parse_of_application(raw).map_err(|_| wrong())?;
        // before the token is spent: a node that cannot sign leaves it good, and so does a scope that was never given
        let keys = self.app.keys();
        let signing = keys.signing()?;
        let (family, old) = (*shown.family().bytes(), *shown.hash().bytes());
        let of_family = (family, self.demand.clone());
        let found = self.app.0.db.read(self.cx.clone(), &of_family, by_family).await?;
        let (found, counts) = found.filter(|(s, _)| s.application.id == application.id).ok_or_else(wrong)?;
        let mut scopes = match narrowed(&found.session.scopes, said) {
            Ok(scopes) => scopes,
            // a spent one is a theft, whatever else is asked
            Err(_) if !portcullis_crypto::same(&counts, &old) => vec![],
            Err(refusal) => return Err(refusal),
        };
        let next = shown.next(&*self.app.0.random);
        let c = Turn {
            application: application.id,
            family,
            old,
            new: *next.hash().bytes(),
            demand: self.demand.clone(),
            scribe: self.app.scribe(&self.cx),
        };
        let committed = ByToken { family: c.family, hash: c.new, demand: self.demand.clone() };
        let turned = match self.app.0.db.write(self.cx.clone(), c, turn_over).await.map_err(Error::from) {
            // perhaps only the answer of COMMIT was lost: the client, which has but the old token, would be taken for a thief
            Err(e) if e.code() == Code::Unavailable => {
                let turned = self.app.0.db.read(self.cx.clone(), &committed, by_token).await?;
                Some(turned.ok_or(e)?)
            }
            turned => turned?,
        };
        let standing = turned.ok_or_else(wrong)?;
        // of scopes that were taken away meanwhile none is given
        scopes.retain(|word| standing.session.has(word));
        Ok(self.tokens(signing, &standing, scopes, Some(next.raw())).await?)
    }
}

struct Turn {
    application: Id<Application>,
    family: [u8; 32],
    old: [u8; 32],
    new: [u8; 32],
    demand: Demand,
    scribe: Scribe,
}
/// `None`: refused, and what that means is written down.
async fn turn_over(tx: &mut Tx, c: &Turn) -> portcullis_store::Result<Option<Standing>> {
    let Some((s, refresh)) = application_session::by_refresh(tx, &c.family).await? else { return Ok(None) };
    if s.application_id != c.application {
        return Ok(None);
    }
    let (id, user) = (s.id, s.user_id);
    let Some(mut standing) = standing::of(tx, s, &c.demand).await? else { return Ok(None) };
    if portcullis_crypto::same(&refresh.hash, &c.old) {
        let expires_at = life(tx, &standing, &c.demand).await?;
        if application_session::turn(tx, id, &c.old, &c.new, expires_at).await? {
            standing.session.expires_at = expires_at;
            return standing::of(tx, standing.session, &c.demand).await;
        }
    }
    if application_session::revoke(tx, id).await? {
        let event = c.scribe.event("application.refresh_reused", "application", c.application);
        let event = event.with("user_id", user.to_string()).with("application_session", id.to_string());
        c.scribe.write(tx, event);
    }
    Ok(None)
}
/// The session of this family, and the hash of the token that counts.
async fn by_family(
    tx: &mut Tx,
    (family, demand): &([u8; 32], Demand),
) -> portcullis_store::Result<Option<(Standing, [u8; 32])>> {
    match application_session::by_refresh(tx, family).await? {
        Some((s, refresh)) => Ok(standing::of(tx, s, demand).await?.map(|of| (of, refresh.hash))),
        None => Ok(None),
    }
}
/// A refresh token.
pub(super) struct ByToken {
    pub family: [u8; 32],
    pub hash: [u8; 32],
    pub demand: Demand,
}
/// The session whose refresh token that counts is this.
pub(super) async fn by_token(tx: &mut Tx, c: &ByToken) -> portcullis_store::Result<Option<Standing>> {
    match application_session::by_refresh(tx, &c.family).await? {
        Some((s, refresh)) if portcullis_crypto::same(&refresh.hash, &c.hash) => standing::of(tx, s, &c.demand).await,
        _ => Ok(None),
    }
}
