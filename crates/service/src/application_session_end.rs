//! Ends of what applications were given to use while their person is away (scope `offline_access`). It outlives signing out and the age of
//! the session that it began with; whatever else ends that session ends it too, each with its event. What is not offline needs no end
//! of its own: it is looked at together with the session behind it (`provider/standing.rs`).
use portcullis_domain::Id;
use portcullis_domain::application::Application;
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::session::Session;
use portcullis_domain::user::User;
use portcullis_store::application_session::{self, Live};
use portcullis_store::{Result, Tx};
use uuid::Uuid;

use crate::app::Scribe;

/// Somebody has at most so many of a kind at one application: the oldest end.
const MOST: usize = 100;

/// Does this end of a session leave what outlives it?
pub(crate) fn is_left_by(cause: &str) -> bool {
    matches!(cause, "logout" | "expired" | "replaced" | "too_many")
}
/// Ends what began with this session.
pub(crate) async fn of_session(
    tx: &mut Tx,
    scribe: &Scribe,
    user: Id<User>,
    session: Id<Session>,
    cause: &'static str,
) -> Result<()> {
    loop {
        let page = application_session::offline_of_session(tx, user, session).await?;
        if !end(tx, scribe, page, cause).await? {
            return Ok(());
        }
    }
}
/// Ends everything of a user at applications, but what began with the session that is kept.
pub(crate) async fn of_user(
    tx: &mut Tx,
    scribe: &Scribe,
    user: Id<User>,
    cause: &'static str,
    keep: Option<Id<Session>>,
) -> Result<()> {
    let keep = keep.unwrap_or(Id::from_uuid(Uuid::nil()));
    loop {
        let page = application_session::offline_of_user(tx, user, keep).await?;
        if !end(tx, scribe, page, cause).await? {
            break;
        }
    }
    // the others have ended with their sessions, and codes that nobody brought yet
    application_session::revoke_of_user(tx, user, keep).await
}
/// Ends what began with sessions that this provider vouched for, whether those have ended or not.
pub(crate) async fn of_provider(
    tx: &mut Tx,
    scribe: &Scribe,
    provider: Id<IdentityProvider>,
    cause: &'static str,
) -> Result<()> {
    loop {
        let page = application_session::offline_of_provider(tx, provider).await?;
        if !end(tx, scribe, page, cause).await? {
            return Ok(());
        }
    }
}
/// Ends and forgets the oldest of a user at an application where they are about to have more than [`MOST`] that outlive their session, or
/// that do not: whoever suspends them has so many to end.
pub(crate) async fn make_room(
    tx: &mut Tx,
    scribe: &Scribe,
    user: Id<User>,
    application: Id<Application>,
    offline: bool,
) -> Result<()> {
    let mut live = application_session::live_of(tx, user, application, offline).await?;
    let beyond = live.split_off(live.len().min(MOST - 1));
    let ids: Vec<_> = beyond.iter().map(|(id, ..)| *id).collect();
    end(tx, scribe, beyond, "too_many").await?;
    for id in ids {
        application_session::delete(tx, id).await?;
    }
    Ok(())
}
/// False when there was nothing to end.
async fn end(tx: &mut Tx, scribe: &Scribe, page: Vec<Live>, cause: &'static str) -> Result<bool> {
    let any = !page.is_empty();
    for (id, application, user) in page {
        if application_session::revoke(tx, id).await? {
            let event = scribe.event("application.session_ended", "application", application);
            let event = event.with("user_id", user.to_string()).with("cause", cause);
            scribe.write(tx, event.with("application_session", id.to_string()));
        }
    }
    Ok(any)
}
