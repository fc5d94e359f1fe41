//! Whether a person's session at an application still counts: the one place that says so.
use portcullis_domain::application::{Application, GrantType, scope};
use portcullis_domain::application_session::ApplicationSession;
use portcullis_domain::session::Session;
use portcullis_domain::tenant::TenantState;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Id, Timestamp};
use portcullis_store::{Tx, application, application_consent, session, tenant, user};

use super::token::OFFLINE_MOST_SECONDS;
use crate::authenticate::locked_out;
use crate::demand::Demand;

/// One that counts, with those whom it is about as they are now.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// The session at the application, with what of it still counts: scopes that the application still has and that were allowed, and
    /// whether it outlives the session behind it.
    pub session: ApplicationSession,
    /// The application.
    pub application: Application,
    /// The person.
    pub user: User,
    /// When it ends by itself.
    pub ends_at: Timestamp,
}

/// This session at an application, if nothing has ended: it, the application with the grant that it began with, what the person allowed,
/// the person, the tenant, and the session that they were signed in with, unless it may outlive that.
///
/// Who has a second factor to give, or has to have one, shows it before anything goes on: here, or since then in the session behind it.
pub(super) async fn of(
    tx: &mut Tx,
    s: ApplicationSession,
    demand: &Demand,
) -> portcullis_store::Result<Option<Standing>> {
    let now = tx.cx.now;
    let mut ends_at = s.expires_at.min(s.created_at.plus_seconds(OFFLINE_MOST_SECONDS));
    if s.revoked_at.is_some() || ends_at <= now {
        return Ok(None);
    }
    if tenant::revisions(tx).await?.is_none_or(|t| t.state != TenantState::Active) {
        return Ok(None);
    }
    let found = application::by_id(tx, s.application_id).await?;
    let Some(application) = found.filter(|a| a.may(s.began_with)) else { return Ok(None) };
    let Some(user) = person(tx, s.user_id).await? else { return Ok(None) };
    let mut scopes: Vec<String> = s.scopes.iter().filter(|word| application.scopes.contains(word)).cloned().collect();
    if application.third_party {
        // one that was the tenant's own when they signed in has asked for nothing
        let allowed = application_consent::of(tx, user.id, application.id).await?;
        scopes.retain(|word| allowed.contains(word));
    }
    if scopes.is_empty() {
        return Ok(None);
    }
    let given = application.may(GrantType::RefreshToken) && scopes.iter().any(|word| word == scope::OFFLINE_ACCESS);
    let offline = s.offline && given;
    if !offline || demand.is_half(&user, &s.amr) {
        let Some(behind) = live(tx, s.session_id, &user, demand).await? else { return Ok(None) };
        if !offline {
            ends_at = ends_at.min(behind.idle_at).min(behind.expires_at);
        }
    }
    Ok(Some(Standing { session: ApplicationSession { scopes, offline, ..s }, application, user, ends_at }))
}

/// A person who may sign in: active, and not at a provider that is switched off.
pub(super) async fn person(tx: &mut Tx, id: Id<User>) -> portcullis_store::Result<Option<User>> {
    let Some(user) = user::facts(tx, id).await?.filter(|u| u.state == UserState::Active) else { return Ok(None) };
    Ok(if locked_out(tx, &user).await? { None } else { Some(user) })
}
/// A session of this person that has not ended, and is a whole one.
pub(super) async fn live(
    tx: &mut Tx,
    id: Id<Session>,
    user: &User,
    demand: &Demand,
) -> portcullis_store::Result<Option<Session>> {
    let now = tx.cx.now;
    let counts = |s: &Session| s.user_id == user.id && s.revoked_at.is_none() && s.idle_at.min(s.expires_at) > now;
    let found = session::by_id(tx, id).await?;
    Ok(found.filter(|s| counts(s) && !s.restricted && !demand.is_half(user, &s.amr)))
}
