//! Rows of people's sessions at applications. Codes and refresh tokens are never here, only their hashes.
use portcullis_domain::application::{Application, GrantType};
use portcullis_domain::application_session::{ApplicationSession, AuthorizationCode};
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::session::{Refresh, Session};
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::row::{words, words_text};
use crate::{Error, P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, application_id, user_id, session_id, scopes, offline, amr, auth_time, nonce, created_at, expires_at, revoked_at, \
         identity_provider, began_with"
    };
}

statements! {
    INSERT: write "INSERT INTO application_sessions (tenant, id, application_id, user_id, session_id, scopes, offline, amr, auth_time, \
        nonce, created_at, expires_at, redirect_uri, challenge, code_hash, code_ends_at, identity_provider, began_with) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
    BY_ID: point concat!("SELECT ", columns!(), " FROM application_sessions WHERE tenant = $1 AND id = $2");
    BY_CODE: point concat!("SELECT ", columns!(), ", code_hash, redirect_uri, challenge, code_ends_at, code_spent_at \
        FROM application_sessions WHERE tenant = $1 AND code_hash = $2");
    BY_REFRESH: point concat!("SELECT ", columns!(), ", refresh_family, refresh_hash FROM application_sessions \
        WHERE tenant = $1 AND refresh_family = $2");
    SPEND: write "UPDATE application_sessions SET code_spent_at = $3 WHERE tenant = $1 AND id = $2 AND code_spent_at IS NULL";
    BEGIN: write "UPDATE application_sessions SET refresh_family = $3, refresh_hash = $4, expires_at = $5 \
        WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL";
    TURN: write "UPDATE application_sessions SET refresh_hash = $4, expires_at = $5 WHERE tenant = $1 AND id = $2 \
        AND refresh_hash = $3 AND revoked_at IS NULL";
    // it is forgotten by when it ended
    REVOKE: write "UPDATE application_sessions SET revoked_at = $3, expires_at = CASE WHEN expires_at > $3 THEN $3 ELSE expires_at END \
        WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL";
    REVOKE_OF_USER: write "UPDATE application_sessions SET revoked_at = $3, expires_at = $3 WHERE tenant = $1 AND user_id = $2 \
        AND session_id <> $4 AND revoked_at IS NULL AND +expires_at > $3";
    // with a plus: the index of ends would be searched instead of the user's
    OFFLINE_OF_USER: page "SELECT id, application_id, user_id FROM application_sessions WHERE tenant = $1 AND user_id = $2 \
        AND offline = 1 AND revoked_at IS NULL AND +expires_at > $3 AND session_id <> $4 ORDER BY application_id, id LIMIT 1000";
    OFFLINE_OF_SESSION: page "SELECT id, application_id, user_id FROM application_sessions WHERE tenant = $1 AND user_id = $2 \
        AND session_id = $4 AND offline = 1 AND revoked_at IS NULL AND +expires_at > $3 ORDER BY application_id, id LIMIT 1000";
    OFFLINE_OF_PROVIDER: page "SELECT id, application_id, user_id FROM application_sessions WHERE tenant = $1 \
        AND identity_provider = $2 AND offline = 1 AND revoked_at IS NULL AND +expires_at > $3 ORDER BY id LIMIT 1000";
    LIVE_OF: page "SELECT id, application_id, user_id FROM application_sessions WHERE tenant = $1 AND user_id = $2 \
        AND application_id = $4 AND offline = $5 AND revoked_at IS NULL AND +expires_at > $3 ORDER BY id DESC LIMIT 1000";
    REVOKE_AT: write "UPDATE application_sessions SET revoked_at = $4, expires_at = $4 WHERE tenant = $1 AND user_id = $2 \
        AND application_id = $3 AND revoked_at IS NULL AND +expires_at > $4";
    // of those that end with a session that has ended nothing is left
    LIVE_AT: page "SELECT DISTINCT application_id FROM application_sessions a WHERE tenant = $1 AND user_id = $2 \
        AND revoked_at IS NULL AND +expires_at > $3 AND (offline = 1 OR EXISTS (SELECT 1 FROM sessions s WHERE s.tenant = $1 \
        AND s.id = a.session_id AND s.revoked_at IS NULL)) ORDER BY application_id LIMIT 250";
    ENDED: scan "SELECT id FROM application_sessions WHERE tenant = $1 AND expires_at <= $2 \
        AND (expires_at <= $3 OR expires_at = code_ends_at) LIMIT 1000";
    DELETE: write "DELETE FROM application_sessions WHERE tenant = $1 AND id = $2";
    DELETE_OF_USER: write "DELETE FROM application_sessions WHERE tenant = $1 AND user_id = $2";
}

fn read(r: &Row<'_>) -> Result<ApplicationSession> {
    Ok(ApplicationSession {
        id: r.id(0)?,
        application_id: r.id(1)?,
        user_id: r.id(2)?,
        session_id: r.id(3)?,
        scopes: words(r.str(4)?),
        offline: r.bool(5)?,
        amr: words(r.str(6)?),
        auth_time: r.timestamp(7)?,
        nonce: r.opt_text(8)?,
        created_at: r.timestamp(9)?,
        expires_at: r.timestamp(10)?,
        revoked_at: r.opt_timestamp(11)?,
        identity_provider: r.opt_id(12)?,
        began_with: GrantType::parse(r.str(13)?)
            .ok_or_else(|| Error::internal("a session at an application that began with an unknown grant"))?,
    })
}
fn read_code(r: &Row<'_>) -> Result<(ApplicationSession, AuthorizationCode)> {
    let code = AuthorizationCode {
        hash: r.array(14)?,
        redirect_uri: r.text(15)?,
        challenge: r.text(16)?,
        ends_at: r.timestamp(17)?,
        spent_at: r.opt_timestamp(18)?,
    };
    Ok((read(r)?, code))
}

/// Writes a new one, with the code that it begins with.
pub async fn insert(tx: &mut Tx, s: &ApplicationSession, code: Option<&AuthorizationCode>) -> Result<()> {
    let (scopes, amr) = (words_text(&s.scopes), words_text(&s.amr));
    tx.send(
        &INSERT,
        &[
            s.id.into(),
            s.application_id.into(),
            s.user_id.into(),
            s.session_id.into(),
            P::Text(&scopes),
            i64::from(s.offline).into(),
            P::Text(&amr),
            s.auth_time.into(),
            s.nonce.as_deref().into(),
            s.created_at.into(),
            s.expires_at.into(),
            code.map(|c| c.redirect_uri.as_str()).into(),
            code.map(|c| c.challenge.as_str()).into(),
            code.map(|c| &c.hash[..]).into(),
            code.map(|c| c.ends_at).into(),
            s.identity_provider.into(),
            P::Text(s.began_with.as_str()),
        ],
    )
    .await
}
/// One of them.
pub async fn by_id(tx: &mut Tx, id: Id<ApplicationSession>) -> Result<Option<ApplicationSession>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// The one that began with the code of this digest.
pub async fn by_code(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<(ApplicationSession, AuthorizationCode)>> {
    tx.one(&BY_CODE, &[hash.into()], read_code).await
}
/// The one whose refresh tokens are of this family, and what the one that counts is compared with.
pub async fn by_refresh(tx: &mut Tx, family: &[u8; 32]) -> Result<Option<(ApplicationSession, Refresh)>> {
    let read = |r: &Row<'_>| Ok((read(r)?, Refresh { family: r.array(14)?, hash: r.array(15)? }));
    tx.one(&BY_REFRESH, &[family.into()], read).await
}
/// Spends its code; false when that was done before.
pub async fn spend(tx: &mut Tx, id: Id<ApplicationSession>) -> Result<bool> {
    let now = tx.cx.now;
    Ok(tx.run(&SPEND, &[id.into(), now.into()]).await? == 1)
}
/// Its first tokens were given.
pub async fn begin(
    tx: &mut Tx,
    id: Id<ApplicationSession>,
    refresh: Option<&Refresh>,
    expires_at: Timestamp,
) -> Result<()> {
    let (family, hash) = (refresh.map(|r| &r.family[..]), refresh.map(|r| &r.hash[..]));
    if tx.run(&BEGIN, &[id.into(), family.into(), hash.into(), expires_at.into()]).await? == 1 {
        return Ok(());
    }
    Err(Error::internal("tokens for a session that has ended"))
}
/// Puts the next refresh token in the place of this one; false when it counts no more.
pub async fn turn(
    tx: &mut Tx,
    id: Id<ApplicationSession>,
    old: &[u8; 32],
    next: &[u8; 32],
    expires_at: Timestamp,
) -> Result<bool> {
    Ok(tx.run(&TURN, &[id.into(), old.into(), next.into(), expires_at.into()]).await? == 1)
}
/// Ends one; false when it had ended before.
pub async fn revoke(tx: &mut Tx, id: Id<ApplicationSession>) -> Result<bool> {
    let now = tx.cx.now;
    Ok(tx.run(&REVOKE, &[id.into(), now.into()]).await? == 1)
}
/// Ends all of a user but those that began with this session (nil for none).
pub async fn revoke_of_user(tx: &mut Tx, user: Id<User>, keep: Id<Session>) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&REVOKE_OF_USER, &[user.into(), now.into(), keep.into()]).await.map(drop)
}

/// One that is live, at which application, and whose.
pub type Live = (Id<ApplicationSession>, Id<Application>, Id<User>);
fn read_live(r: &Row<'_>) -> Result<Live> {
    Ok((r.id(0)?, r.id(1)?, r.id(2)?))
}
/// The first 1,000 of a user that outlive the session that they began with, but those that began with this one (nil for none).
pub async fn offline_of_user(tx: &mut Tx, user: Id<User>, keep: Id<Session>) -> Result<Vec<Live>> {
    let now = tx.cx.now;
    tx.all(&OFFLINE_OF_USER, &[user.into(), now.into(), keep.into()], read_live).await
}
/// The first 1,000 such that began with this session of a user.
pub async fn offline_of_session(tx: &mut Tx, user: Id<User>, session: Id<Session>) -> Result<Vec<Live>> {
    let now = tx.cx.now;
    tx.all(&OFFLINE_OF_SESSION, &[user.into(), now.into(), session.into()], read_live).await
}
/// The first 1,000 such that began with sessions which this provider vouched for.
pub async fn offline_of_provider(tx: &mut Tx, provider: Id<IdentityProvider>) -> Result<Vec<Live>> {
    let now = tx.cx.now;
    tx.all(&OFFLINE_OF_PROVIDER, &[provider.into(), now.into()], read_live).await
}
/// The newest 1,000 of a user at one application, newest first: those that outlive the session that they began with, or those that do not.
pub async fn live_of(tx: &mut Tx, user: Id<User>, application: Id<Application>, offline: bool) -> Result<Vec<Live>> {
    let now = tx.cx.now;
    tx.all(&LIVE_OF, &[user.into(), now.into(), application.into(), i64::from(offline).into()], read_live).await
}
/// Ends all of a user at one application; how many they were.
pub async fn revoke_at(tx: &mut Tx, user: Id<User>, application: Id<Application>) -> Result<u64> {
    let now = tx.cx.now;
    tx.run(&REVOKE_AT, &[user.into(), application.into(), now.into()]).await
}
/// The first 250 applications at which a user is signed in.
pub async fn live_at(tx: &mut Tx, user: Id<User>) -> Result<Vec<Id<Application>>> {
    let now = tx.cx.now;
    tx.all(&LIVE_AT, &[user.into(), now.into()], |r| r.id(0)).await
}
/// Up to 1,000 that ended a day ago, or whose code nobody brought for an hour.
pub async fn ended(tx: &mut Tx, now: &Timestamp) -> Result<Vec<Id<ApplicationSession>>> {
    let (hour, day) = (now.plus_seconds(-3_600), now.plus_seconds(-86_400));
    tx.all(&ENDED, &[hour.into(), day.into()], |r| r.id(0)).await
}
/// Forgets one.
pub async fn delete(tx: &mut Tx, id: Id<ApplicationSession>) -> Result<()> {
    tx.send(&DELETE, &[id.into()]).await
}
/// Forgets all of a user who is erased.
pub async fn delete_of_user(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DELETE_OF_USER, &[user.into()]).await.map(drop)
}
