//! Rows of sessions.
use std::net::IpAddr;

use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::session::{Held, Refresh, Session, SessionOnDevice};
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, user_id, amr, auth_time, created_at, expires_at, revoked_at, coalesce(refresh_expires_at, expires_at), restricted, \
         identity_provider"
    };
}

statements! {
    INSERT: write "INSERT INTO sessions (tenant, id, user_id, amr, auth_time, ip, user_agent, created_at, expires_at, \
        refresh_expires_at, refresh_family, refresh_hash, cookie_hash, restricted, identity_provider) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    REFRESH: point "SELECT refresh_family, refresh_hash FROM sessions WHERE tenant = $1 AND id = $2 \
        AND refresh_family IS NOT NULL";
    TURN: write "UPDATE sessions SET refresh_hash = $4, refresh_expires_at = $5 WHERE tenant = $1 AND id = $2 AND refresh_hash = $3 \
        AND revoked_at IS NULL";
    BY_ID: point concat!("SELECT ", columns!(), " FROM sessions WHERE tenant = $1 AND id = $2");
    REVOKE: write "UPDATE sessions SET revoked_at = $3 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL";
    LIVE_OF_USER: page concat!("SELECT ", columns!(), " FROM sessions WHERE tenant = $1 AND user_id = $2 AND id > $3 \
        AND revoked_at IS NULL AND expires_at > $4 ORDER BY id LIMIT 1000");
    ON_DEVICES: page concat!("SELECT ", columns!(), ", coalesce(seen_at, created_at), coalesce(seen_ip, ip), \
        coalesce(seen_agent, user_agent) FROM sessions WHERE tenant = $1 AND user_id = $2 AND id > $3 AND revoked_at IS NULL \
        AND expires_at > $4 AND coalesce(refresh_expires_at, expires_at) > $4 ORDER BY id LIMIT 250");
    USED: write "UPDATE sessions SET refresh_expires_at = $3 WHERE tenant = $1 AND id = $2 AND cookie_hash IS NOT NULL \
        AND refresh_expires_at < expires_at";
    PROVED: write "UPDATE sessions SET auth_time = $3, amr = $4, restricted = $5 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL";
    LIVE_OF_PROVIDER: page concat!("SELECT ", columns!(), " FROM sessions WHERE tenant = $1 AND identity_provider = $2 AND id > $3 \
        AND revoked_at IS NULL ORDER BY id LIMIT 1000");
    SEEN: write "UPDATE sessions SET seen_at = $3, seen_ip = $4, seen_agent = $5 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL";
    ADDRESSES: page "SELECT ip FROM sessions WHERE tenant = $1 AND user_id = $2 AND restricted = 0 \
        ORDER BY id DESC LIMIT 250";
    ENDED: scan "SELECT id FROM sessions WHERE tenant = $1 AND expires_at <= $2 LIMIT 1000";
    DELETE: write "DELETE FROM sessions WHERE tenant = $1 AND id = $2";
    DELETE_OF_USER: write "DELETE FROM sessions WHERE tenant = $1 AND user_id = $2";
}

fn read(r: &Row<'_>) -> Result<Session> {
    Ok(Session {
        id: Id::from_uuid(r.uuid(0)?),
        user_id: Id::from_uuid(r.uuid(1)?),
        amr: serde_json::from_str(&r.text(2)?).unwrap_or_default(),
        auth_time: r.timestamp(3)?,
        created_at: r.timestamp(4)?,
        expires_at: r.timestamp(5)?,
        revoked_at: r.opt_int(6)?.map(Timestamp::from_micros),
        idle_at: r.timestamp(7)?,
        restricted: r.bool(8)?,
        identity_provider: r.opt_id(9)?,
    })
}

/// Writes a new session; address and device are those of the transaction's context.
pub async fn insert(tx: &mut Tx, s: &Session, held: &Held) -> Result<()> {
    let (refresh, cookie) = match held {
        Held::Tokens(refresh) => (Some(refresh), None),
        Held::Cookie(hash) => (None, Some(hash)),
    };
    let (ip, agent) = (tx.cx.ip.map(|ip| ip.to_string()), tx.cx.user_agent.clone());
    let amr = serde_json::json!(s.amr).to_string();
    tx.send(
        &INSERT,
        &[
            s.id.into(),
            s.user_id.into(),
            P::Text(&amr),
            s.auth_time.into(),
            ip.as_deref().into(),
            agent.as_deref().into(),
            s.created_at.into(),
            s.expires_at.into(),
            s.idle_at.into(),
            refresh.map(|r| &r.family[..]).into(),
            refresh.map(|r| &r.hash[..]).into(),
            cookie.map(|hash| &hash[..]).into(),
            s.restricted.into(),
            s.identity_provider.into(),
        ],
    )
    .await
}
/// One session.
pub async fn by_id(tx: &mut Tx, id: Id<Session>) -> Result<Option<Session>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// What the tokens of a session are compared with.
pub async fn refresh(tx: &mut Tx, id: Id<Session>) -> Result<Option<Refresh>> {
    let read = |r: &Row<'_>| Ok(Refresh { family: r.array(0)?, hash: r.array(1)? });
    tx.one(&REFRESH, &[id.into()], read).await
}
/// Puts the next refresh token, which ends at `idle_at`, in the place of this one; false when it counts no more.
pub async fn turn(tx: &mut Tx, id: Id<Session>, old: &[u8; 32], next: &[u8; 32], idle_at: Timestamp) -> Result<bool> {
    let params = [id.into(), old.into(), next.into(), idle_at.into()];
    Ok(tx.run(&TURN, &params).await? == 1)
}
/// Ends a session; false when it had ended before.
pub async fn revoke(tx: &mut Tx, id: Id<Session>, now: Timestamp) -> Result<bool> {
    Ok(tx.run(&REVOKE, &[id.into(), now.into()]).await? == 1)
}
/// Up to 1,000 live sessions of a user, after `after` (nil for the first).
pub async fn live_of_user(tx: &mut Tx, user: Id<User>, after: Id<Session>) -> Result<Vec<Session>> {
    let now = tx.cx.now;
    tx.all(&LIVE_OF_USER, &[user.into(), after.into(), now.into()], read).await
}
/// Up to 1,000 sessions that this provider vouched for and nobody ended, after `after` (nil for the first).
pub async fn of_provider(tx: &mut Tx, provider: Id<IdentityProvider>, after: Id<Session>) -> Result<Vec<Session>> {
    tx.all(&LIVE_OF_PROVIDER, &[provider.into(), after.into()], read).await
}
/// The first 250 live sessions of a user after `after` (nil for the first), with their devices.
pub async fn on_devices(tx: &mut Tx, user: Id<User>, after: Id<Session>) -> Result<Vec<SessionOnDevice>> {
    let now = tx.cx.now;
    tx.all(&ON_DEVICES, &[user.into(), after.into(), now.into()], |r| {
        Ok(SessionOnDevice {
            session: read(r)?,
            seen_at: r.timestamp(10)?,
            ip: r.opt_text(11)?.and_then(|ip| ip.parse().ok()),
            user_agent: r.opt_text(12)?.unwrap_or_default(),
        })
    })
    .await
}
/// Notes that a session was seen now, from the address and with the device of the transaction's context; false when it has ended.
/// Its first address stays the one that it was signed in from.
pub async fn seen(tx: &mut Tx, id: Id<Session>) -> Result<bool> {
    let (now, ip, agent) = (tx.cx.now, tx.cx.ip.map(|ip| ip.to_string()), tx.cx.user_agent.clone());
    Ok(tx.run(&SEEN, &[id.into(), now.into(), ip.as_deref().into(), agent.as_deref().into()]).await? == 1)
}
/// Notes that a session's cookie was used: it ends at `idle_at` unless it is used again, or when its time is over, if that is so already.
pub async fn used(tx: &mut Tx, id: Id<Session>, idle_at: Timestamp) -> Result<()> {
    if seen(tx, id).await? {
        tx.run(&USED, &[id.into(), idle_at.into()]).await?;
    }
    Ok(())
}
/// Writes that its person has proved who they are again: how, when, and whether that is enough.
pub async fn proved(tx: &mut Tx, s: &Session) -> Result<()> {
    let amr = serde_json::json!(s.amr).to_string();
    tx.run(&PROVED, &[s.id.into(), s.auth_time.into(), P::Text(&amr), s.restricted.into()]).await.map(drop)
}
/// Forgets all sessions of a user who is erased: they hold addresses and devices.
pub async fn delete_of_user(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DELETE_OF_USER, &[user.into()]).await?;
    Ok(())
}
/// Up to 1,000 sessions that ended by themselves before `end`.
pub async fn ended(tx: &mut Tx, end: &Timestamp) -> Result<Vec<Id<Session>>> {
    tx.all(&ENDED, &[(*end).into()], |r| r.id(0)).await
}
/// Forgets a session.
pub async fn delete(tx: &mut Tx, id: Id<Session>) -> Result<()> {
    tx.send(&DELETE, &[id.into()]).await
}
/// Where a user's latest 250 sessions were signed in from and last seen, as far as sessions are kept.
pub async fn addresses(tx: &mut Tx, user: Id<User>) -> Result<Vec<IpAddr>> {
    let rows = tx.all(&ADDRESSES, &[user.into()], |r| r.opt_text(0)).await?;
    Ok(rows.into_iter().flatten().filter_map(|ip| ip.parse().ok()).collect())
}
