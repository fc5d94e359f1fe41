//! Ends of sessions, each with its event. One that nobody ended, since it was not used or is as old as one may be, is written down by
//! whoever meets it past its end, so that a clock which jumps back does not revive it (spec v1 8).
use std::sync::Arc;

use portcullis_domain::session::Session;
use portcullis_domain::user::User;
use portcullis_domain::{Ctx, Id, Timestamp};
use portcullis_store::{Tx, session};

use crate::app::Scribe;
use crate::tenancy::Tenancy;
use crate::{App, application_session_end};

impl App {
    /// Writes the end of a session down, once. Its caller is refused whether that succeeds or not.
    pub(crate) async fn note_end(&self, tenancy: &Arc<Tenancy>, id: Id<Session>, now: Timestamp) {
        let cx = Ctx::nowhere(now).in_tenant(tenancy.key, tenancy.id);
        let c = Over { id, scribe: self.scribe(&cx) };
        if let Err(e) = self.0.db.write(cx, c, over).await {
            tracing::warn!(error = ?e, "the end of a session was not written down");
        }
    }
}

/// Ends a session, and what applications were given with it to use without it, unless its person just leaves; false when it had ended
/// before. The caller moves the revision: another token of it may be remembered.
pub(crate) async fn end_session(
    tx: &mut Tx,
    scribe: &Scribe,
    id: Id<Session>,
    user: Id<User>,
    cause: &'static str,
) -> portcullis_store::Result<bool> {
    if !application_session_end::is_left_by(cause) {
        application_session_end::of_session(tx, scribe, user, id, cause).await?;
    }
    end_alone(tx, scribe, id, user, cause).await
}
/// Ends a session of one who ends them all: what outlives it is ended at once for all of them.
pub(crate) async fn end_alone(
    tx: &mut Tx,
    scribe: &Scribe,
    id: Id<Session>,
    user: Id<User>,
    cause: &'static str,
) -> portcullis_store::Result<bool> {
    let now = tx.cx.now;
    if !session::revoke(tx, id, now).await? {
        return Ok(false);
    }
    let event = scribe.event("session.revoked", "session", id).with("cause", cause);
    scribe.write(tx, event.with("user_id", user.to_string()));
    Ok(true)
}

struct Over {
    id: Id<Session>,
    scribe: Scribe,
}
async fn over(tx: &mut Tx, c: &Over) -> portcullis_store::Result<()> {
    let now = tx.cx.now;
    // another node may have renewed it meanwhile
    let ended = session::by_id(tx, c.id).await?.filter(|s| s.idle_at.min(s.expires_at) <= now);
    let Some(ended) = ended else { return Ok(()) };
    if end_session(tx, &c.scribe, c.id, ended.user_id, "expired").await? {
        // another of its tokens may be remembered, here or elsewhere
        tx.bump().await?;
    }
    Ok(())
}
