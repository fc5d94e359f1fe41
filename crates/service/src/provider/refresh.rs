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
        let family = *shown.family().bytes();
        let found = self.app.0.db.read(self.cx.clone(), &family, by_family).await?;
        let mut scopes = match found.filter(|s| s.application.id == application.id) {
            Some(s) => narrowed(&s.session.scopes, said)?,
            None => return Err(wrong()),
        };
        let next = shown.next(&*self.app.0.random);
        let c = Turn {
            application: application.id,
            family,
            old: *shown.hash().bytes(),
            new: *next.hash().bytes(),
            scribe: self.app.scribe(&self.cx),
        };
        let committed = (c.family, c.new);
        let turned = match self.app.0.db.write(self.cx.clone(), c, turn_over).await.map_err(Error::from) {
            // perhaps only the answer of COMMIT was lost: the client, which has but the old token, would be taken for a thief
            Err(e) if e.code() == Code::Unavailable => {
                let turned = self.app.0.db.read(self.cx.clone(), &committed, turned).await?;
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
    scribe: Scribe,
}
/// `None`: refused, and what that means is written down.
async fn turn_over(tx: &mut Tx, c: &Turn) -> portcullis_store::Result<Option<Standing>> {
    let Some((s, refresh)) = application_session::by_refresh(tx, &c.family).await? else { return Ok(None) };
    if s.application_id != c.application {
        return Ok(None);
    }
    let (id, user) = (s.id, s.user_id);
    let Some(mut standing) = standing::of(tx, s).await? else { return Ok(None) };
    if portcullis_crypto::same(&refresh.hash, &c.old) {
        let expires_at = life(tx, &standing).await?;
        if application_session::turn(tx, id, &c.old, &c.new, expires_at).await? {
            standing.session.expires_at = expires_at;
            return standing::of(tx, standing.session).await;
        }
    }
    if application_session::revoke(tx, id).await? {
        let event = c.scribe.event("application.refresh_reused", "application", c.application);
        let event = event.with("user_id", user.to_string()).with("application_session", id.to_string());
        c.scribe.write(tx, event);
    }
    Ok(None)
}
async fn by_family(tx: &mut Tx, family: &[u8; 32]) -> portcullis_store::Result<Option<Standing>> {
    match application_session::by_refresh(tx, family).await? {
        Some((s, _)) => standing::of(tx, s).await,
        None => Ok(None),
    }
}
/// The session whose refresh token that counts has this hash.
async fn turned(tx: &mut Tx, (family, hash): &([u8; 32], [u8; 32])) -> portcullis_store::Result<Option<Standing>> {
    match application_session::by_refresh(tx, family).await? {
        Some((s, refresh)) if portcullis_crypto::same(&refresh.hash, hash) => standing::of(tx, s).await,
        _ => Ok(None),
    }
}
