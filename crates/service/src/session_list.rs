//! Sessions as their person sees them: where one is signed in, and the end of those that one does not know (spec v1beta1 3.21).
use portcullis_domain::session::{Session, SessionOnDevice};
use portcullis_domain::user::User;
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Result};
use portcullis_store::{Tx, session, user};
use uuid::Uuid;

use crate::app::Scribe;
use crate::application_session_end;
use crate::authenticate::refused;
use crate::authorize::{Gate, person_only};
use crate::holder::bounded;
use crate::personal_token::blocked;
use crate::profile::session_of;
use crate::session_end::end_session;
use crate::user::{UserRef, gate};
use crate::user_change::owner_protected;
use crate::{Answer, App, Reply};

const LIST: &str = "sessions:list";
const REVOKE: &str = "sessions:revoke";

impl App {
    /// The caller's live sessions, with the current one's id.
    pub async fn list_sessions(&self, cx: &Ctx) -> Result<(Vec<SessionOnDevice>, Id<Session>)> {
        let (user, current) = signed_in(cx)?;
        self.allow(cx, &Gate::anyone(LIST)).await?;
        Ok((self.sessions_of(cx, user).await?, current))
    }
    /// Ends one of the caller's sessions; another's is not there.
    pub async fn revoke_session(&self, cx: &Ctx, id: &str, reply: Reply<()>) -> Result<Answer> {
        let (user, _) = signed_in(cx)?;
        let command = async { Ok(Revoke { id: parsed(id)?, of: Some(user), scribe: self.scribe(cx) }) };
        self.answer(cx, Gate::anyone(REVOKE), command, reply, revoke).await
    }
    /// Notes that the caller's session is in use, from the address and with the device of this call.
    pub async fn ping_session(&self, cx: &Ctx) -> Result<()> {
        let (_, current) = signed_in(cx)?;
        self.allow(cx, &Gate::anyone("sessions:ping")).await?;
        self.0.db.write(cx.clone(), current, ping).await.map_err(Error::from)
    }
    /// A user's live sessions. Superusers only.
    pub async fn list_user_sessions(&self, cx: &Ctx, user: &str) -> Result<Vec<SessionOnDevice>> {
        self.allow(cx, &Gate::superuser("users:sessions")).await?;
        let user = user.parse().map_err(|_| Error::field("user_id", "invalid user_id format: must be a valid UUID"))?;
        self.sessions_of(cx, user).await
    }
    /// Ends anybody's session. Superusers only; the owner's, as [`App::end_sessions_of_user`].
    pub async fn revoke_user_session(&self, cx: &Ctx, id: &str, reply: Reply<()>) -> Result<Answer> {
        let command = async { Ok(Revoke { id: parsed(id)?, of: None, scribe: self.scribe(cx) }) };
        self.answer(cx, Gate::superuser("users:sessions"), command, reply, revoke).await
    }
    /// The caller's live sessions, with the current one's id. Person only.
    pub async fn own_sessions(&self, cx: &Ctx) -> Result<(Vec<SessionOnDevice>, Id<Session>)> {
        let (user, current) = person(cx)?;
        Ok((self.sessions_of(cx, user).await?, current))
    }
    /// Ends one of the caller's sessions; another's is not there. Person only.
    pub async fn end_own_session(&self, cx: &Ctx, id: Id<Session>) -> Result<()> {
        let (user, _) = person(cx)?;
        let c = Revoke { id, of: Some(user), scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, revoke).await.map_err(Error::from)
    }
    /// Ends the caller's sessions but this one. Person only.
    pub async fn end_other_sessions(&self, cx: &Ctx) -> Result<()> {
        let (user, current) = person(cx)?;
        let c = EndAll { user, keep: Some(current), scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, end_all).await.map_err(Error::from)
    }
    /// A user's live sessions. `users:sessions`.
    pub async fn sessions_of_user(&self, cx: &Ctx, id: Id<User>) -> Result<Vec<SessionOnDevice>> {
        let found = self.find_user(cx, &UserRef::Id(id)).await?;
        self.allow(cx, &gate("users:sessions", found.as_ref())).await?;
        let user = found.ok_or_else(|| Error::not_found("user"))?;
        self.sessions_of(cx, user.id).await
    }
    /// Ends all of a user's sessions; keys and personal access tokens stay. `users:sessions`.
    pub async fn end_sessions_of_user(&self, cx: &Ctx, id: Id<User>) -> Result<()> {
        let found = self.find_user(cx, &UserRef::Id(id)).await?;
        let gate = gate("users:sessions", found.as_ref());
        let command = async {
            let user = found.ok_or_else(|| Error::not_found("user"))?;
            may_sign_out(cx, &user)?;
            Ok(EndAll { user: user.id, keep: None, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, end_all).await
    }
    async fn sessions_of(&self, cx: &Ctx, user: Id<User>) -> Result<Vec<SessionOnDevice>> {
        let all = self.0.db.read(cx.clone(), &user, all).await?;
        bounded(all.len())?;
        Ok(all)
    }
}

/// The caller's own session: machines have none, and a personal access token is none.
fn signed_in(cx: &Ctx) -> Result<(Id<User>, Id<Session>)> {
    match (&cx.principal.credential, cx.principal.user_id()) {
        (Credential::Session { id, .. }, Some(user)) => Ok((user, *id)),
        (Credential::PersonalToken { .. }, _) => Err(blocked()),
        _ => {
            Err(Error::new(Code::Unauthenticated, "Sign in: only a session has sessions.").detail("reason", "missing"))
        }
    }
}
/// The same, as `/v1` says it.
fn person(cx: &Ctx) -> Result<(Id<User>, Id<Session>)> {
    Ok((cx.principal.user_id().ok_or_else(person_only)?, session_of(cx)?))
}
/// Who could keep the owner signed out could keep what they have.
fn may_sign_out(cx: &Ctx, user: &User) -> Result<()> {
    if user.is_owner && !cx.principal.is_owner && !cx.principal.in_master {
        return Err(owner_protected("Only the owner, and the master tenant's administrators, sign the owner out."));
    }
    Ok(())
}
fn parsed(id: &str) -> Result<Id<Session>> {
    id.parse().map_err(|_| Error::field("session_id", "invalid session_id format: must be a valid UUID"))
}

struct Revoke {
    id: Id<Session>,
    /// Whose it has to be.
    of: Option<Id<User>>,
    scribe: Scribe,
}
async fn revoke(tx: &mut Tx, c: &Revoke) -> portcullis_store::Result<()> {
    let now = tx.cx.now;
    let found = session::by_id(tx, c.id).await?;
    let found = found.filter(|s| c.of.is_none_or(|user| s.user_id == user) && s.expires_at > now);
    let found = found.ok_or_else(|| Error::not_found("session"))?;
    if c.of.is_none()
        && let Some(user) = user::facts(tx, found.user_id).await?
    {
        may_sign_out(&tx.cx, &user)?;
    }
    if !end_session(tx, &c.scribe, c.id, found.user_id, "manual").await? {
        return Err(Error::not_found("session").into());
    }
    tx.bump().await?;
    Ok(())
}
struct EndAll {
    user: Id<User>,
    keep: Option<Id<Session>>,
    scribe: Scribe,
}
async fn end_all(tx: &mut Tx, c: &EndAll) -> portcullis_store::Result<()> {
    if let Some(own) = c.keep {
        // of two who end each other's at once, the second was ended
        let alive = session::by_id(tx, own).await?.is_some_and(|s| s.revoked_at.is_none());
        if !alive {
            return Err(refused("revoked").into());
        }
    }
    // who has nothing to end moves nobody's revision
    if end_sessions(tx, &c.scribe, c.user, "manual", c.keep).await? > 0 {
        tx.bump().await?;
    }
    Ok(())
}
/// Ends every session of a user but this one, here and at applications, each with its event; how many they were here.
pub(crate) async fn end_sessions(
    tx: &mut Tx,
    scribe: &Scribe,
    user: Id<User>,
    cause: &'static str,
    keep: Option<Id<Session>>,
) -> portcullis_store::Result<usize> {
    application_session_end::of_user(tx, scribe, user, cause, keep).await?;
    end_sessions_that(tx, scribe, user, cause, |s| keep != Some(s.id)).await
}
/// The same for those of which this is true.
pub(crate) async fn end_sessions_that(
    tx: &mut Tx,
    scribe: &Scribe,
    user: Id<User>,
    cause: &'static str,
    of: impl Fn(&Session) -> bool,
) -> portcullis_store::Result<usize> {
    let (mut after, mut ended) = (Id::from_uuid(Uuid::nil()), 0);
    loop {
        let page = session::live_of_user(tx, user, after).await?;
        let Some(last) = page.last() else { return Ok(ended) };
        after = last.id;
        for s in page {
            if of(&s) && end_session(tx, scribe, s.id, user, cause).await? {
                ended += 1;
            }
        }
    }
}
async fn ping(tx: &mut Tx, id: &Id<Session>) -> portcullis_store::Result<()> {
    if session::seen(tx, *id).await? {
        return Ok(());
    }
    Err(Error::new(Code::Unauthenticated, "This session has ended: sign in again.").into())
}
async fn all(tx: &mut Tx, user: &Id<User>) -> portcullis_store::Result<Vec<SessionOnDevice>> {
    let (mut out, mut after) = (vec![], Id::from_uuid(Uuid::nil()));
    loop {
        let page = session::on_devices(tx, *user, after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.session.id;
        out.extend(page);
        if bounded(out.len()).is_err() {
            return Ok(out);
        }
    }
}
