//! A new access token for a refresh token (spec v1 4.2, 9.6). Each refresh token counts once; whoever shows a spent one has copied it,
//! or was copied from: the session ends.
use portcullis_crypto::refresh_token::RefreshToken;
use portcullis_domain::session::Session;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Code, Credential, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, directory, session, user};

use crate::App;
use crate::app::Scribe;
use crate::authenticate::{Origin, context, refused};
use crate::session::Tokens;
use crate::session_end::end_session;

impl App {
    /// Spends a refresh token for the next one and an access token. 401 for whatever counts no more.
    pub async fn refresh(&self, origin: Origin, raw: &str) -> Result<Tokens> {
        let shown = RefreshToken::parse(raw).map_err(|_| refused("malformed"))?;
        let family = *shown.family().bytes();
        let found = self.0.db.read(self.nowhere(), &family, directory::session_by_refresh).await?;
        let ((tenant, _), id) = found.ok_or_else(|| refused("invalid"))?;
        let tenancy = self.tenancy_of(tenant).await?;
        let now = self.0.clock.now();
        // who has ended, is suspended or lies in a tenant that is going away is refused as at any call
        let principal = self.session_principal(&tenancy, Id::from_uuid(id), now).await?;
        let cx = context(origin, &tenancy, principal, now);
        let (Credential::Session { id, auth_time, amr, .. }, Some(user)) =
            (&cx.principal.credential, cx.principal.user_id())
        else {
            return Err(Error::internal("a session of nobody"));
        };
        let settings = self.compiled(&tenancy).await?.settings.clone();
        // before the token is spent: a node that cannot sign leaves it good
        let keys = self.keys();
        let signing = keys.signing()?;
        let next = shown.next(&*self.0.random);
        let turn = Turn {
            id: *id,
            user,
            old: *shown.hash().bytes(),
            new: *next.hash().bytes(),
            idle: settings.session_idle_seconds,
            scribe: self.scribe(&cx),
        };
        let committed = (turn.id, turn.new);
        let turned = match self.0.db.write(cx.clone(), turn, turn_over).await.map_err(Error::from) {
            // perhaps only the answer of COMMIT was lost: the client, which has but the old token, would be taken for a thief
            Err(e) if e.code() == Code::Unavailable => match self.0.db.read(cx.clone(), &committed, turned).await? {
                Some(end) => Turned::Over(end),
                None => return Err(e),
            },
            turned => turned?,
        };
        let refresh_expires_at = match turned {
            Turned::Over(end) => end,
            Turned::Reused => return Err(refused("revoked")),
            Turned::Ended => return Err(refused("expired")),
        };
        let expires_at = cx.now.plus_seconds(settings.access_token_seconds).min(refresh_expires_at);
        let access = self.access_token(signing, &cx, user, (*id, *auth_time, amr.to_vec()), expires_at);
        Ok(Tokens { access, expires_at, refresh: next.raw(), refresh_expires_at })
    }
}

struct Turn {
    id: Id<Session>,
    user: Id<User>,
    old: [u8; 32],
    new: [u8; 32],
    idle: i64,
    scribe: Scribe,
}
enum Turned {
    /// To the next one, which ends then.
    Over(Timestamp),
    /// The token was spent before: the session has ended. No error, which would undo that.
    Reused,
    /// The token, the session or the user may act no more.
    Ended,
}
async fn turn_over(tx: &mut Tx, c: &Turn) -> portcullis_store::Result<Turned> {
    let now = tx.cx.now;
    let alive = user::facts(tx, c.user).await?.is_some_and(|u| u.state == UserState::Active);
    let session = session::by_id(tx, c.id).await?.filter(|s| alive && s.revoked_at.is_none() && s.expires_at > now);
    let (Some(session), Some(refresh)) = (session, session::refresh(tx, c.id).await?) else { return Ok(Turned::Ended) };
    let end = now.plus_seconds(c.idle).min(session.expires_at);
    if portcullis_crypto::same(&refresh.hash, &c.old) {
        if session.idle_at <= now {
            return Ok(Turned::Ended);
        }
        if session::turn(tx, c.id, &c.old, &c.new, end).await? {
            session::seen(tx, c.id).await?;
            return Ok(Turned::Over(end));
        }
    }
    if end_session(tx, &c.scribe, c.id, c.user, "refresh_reused").await? {
        let event = c.scribe.event("session.refresh_reused", "session", c.id);
        c.scribe.write(tx, event.with("user_id", c.user.to_string()));
        tx.bump().await?;
    }
    Ok(Turned::Reused)
}
/// When the refresh token with this hash ends, if it is the one that counts.
async fn turned(tx: &mut Tx, (id, hash): &(Id<Session>, [u8; 32])) -> portcullis_store::Result<Option<Timestamp>> {
    let (Some(session), Some(refresh)) = (session::by_id(tx, *id).await?, session::refresh(tx, *id).await?) else {
        return Ok(None);
    };
    let counts = session.revoked_at.is_none() && portcullis_crypto::same(&refresh.hash, hash);
    Ok(counts.then_some(session.idle_at))
}
