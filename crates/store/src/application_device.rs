//! Rows of devices that wait to be confirmed (RFC 8628). Their codes are never here, only digests.
use portcullis_domain::application::Application;
use portcullis_domain::application_device::{DeviceState, WaitingDevice};
use portcullis_domain::application_session::ApplicationSession;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::row::{words, words_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, application_id, scopes, state, application_session_id, interval_seconds, polled_at, created_at, expires_at"
    };
}

statements! {
    INSERT: write "INSERT INTO application_devices (tenant, id, application_id, device_hash, user_code_hash, scopes, state, \
        interval_seconds, created_at, expires_at, address_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
        ON CONFLICT DO NOTHING";
    BY_DEVICE: point concat!("SELECT ", columns!(), " FROM application_devices WHERE tenant = $1 AND device_hash = $2");
    BY_USER_CODE: point concat!("SELECT ", columns!(), " FROM application_devices WHERE tenant = $1 AND user_code_hash = $2");
    DECIDE: write "UPDATE application_devices SET state = $3, application_session_id = $4, user_id = $5 \
        WHERE tenant = $1 AND id = $2 AND state = 'pending'";
    POLLED: write "UPDATE application_devices SET polled_at = $3, interval_seconds = $4 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM application_devices WHERE tenant = $1 AND id = $2";
    DELETE_OF_USER: write "DELETE FROM application_devices WHERE tenant = $1 AND user_id = $2";
    ENDED: scan "SELECT id FROM application_devices WHERE tenant = $1 AND expires_at <= $2 LIMIT 1000";
    WAITING: scan "SELECT count(*) FROM application_devices WHERE tenant = $1 AND expires_at > $2";
    WAITING_OF: scan "SELECT count(*) FROM application_devices WHERE tenant = $1 AND application_id = $3 AND expires_at > $2";
    WAITING_AT: scan "SELECT count(*) FROM application_devices WHERE tenant = $1 AND address_hash = $3 AND expires_at > $2";
}

fn read(r: &Row<'_>) -> Result<WaitingDevice> {
    Ok(WaitingDevice {
        id: r.id(0)?,
        application_id: r.id(1)?,
        scopes: words(r.str(2)?),
        state: DeviceState::read(r.str(3)?),
        application_session_id: r.opt_id(4)?,
        interval_seconds: r.int(5)?,
        polled_at: r.opt_timestamp(6)?,
        created_at: r.timestamp(7)?,
        expires_at: r.timestamp(8)?,
    })
}

/// What is kept of a device's codes, and of where it began: digests.
#[derive(Clone, Copy)]
pub struct Digests {
    /// Of its own code.
    pub device: [u8; 32],
    /// Of what its person types.
    pub user_code: [u8; 32],
    /// Of the address that it began at, if that is known.
    pub address: Option<[u8; 32]>,
}

/// Writes a new one; false, and nothing written, when what its person would type is taken.
pub async fn insert(tx: &mut Tx, d: &WaitingDevice, digests: &Digests) -> Result<bool> {
    let scopes = words_text(&d.scopes);
    let params = [
        d.id.into(),
        d.application_id.into(),
        (&digests.device).into(),
        (&digests.user_code).into(),
        P::Text(&scopes),
        P::Text(d.state.as_str()),
        d.interval_seconds.into(),
        d.created_at.into(),
        d.expires_at.into(),
        digests.address.as_ref().map(|a| &a[..]).into(),
    ];
    Ok(tx.run(&INSERT, &params).await? == 1)
}
/// The device with this digest of its own code.
pub async fn by_device(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<WaitingDevice>> {
    tx.one(&BY_DEVICE, &[hash.into()], read).await
}
/// The device with this digest of what its person types.
pub async fn by_user_code(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<WaitingDevice>> {
    tx.one(&BY_USER_CODE, &[hash.into()], read).await
}
/// Writes what somebody decided; false when it was decided before.
pub async fn decide(
    tx: &mut Tx,
    id: Id<WaitingDevice>,
    user: Id<User>,
    session: Option<Id<ApplicationSession>>,
) -> Result<bool> {
    let state = if session.is_some() { DeviceState::Allowed } else { DeviceState::Denied };
    Ok(tx.run(&DECIDE, &[id.into(), P::Text(state.as_str()), session.into(), user.into()]).await? == 1)
}
/// Notes that it asked now, and how long it has to wait from here on.
pub async fn polled(tx: &mut Tx, id: Id<WaitingDevice>, interval_seconds: i64) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&POLLED, &[id.into(), now.into(), interval_seconds.into()]).await.map(drop)
}
/// Forgets one.
pub async fn delete(tx: &mut Tx, id: Id<WaitingDevice>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// Forgets all that a user decided on.
pub async fn delete_of_user(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DELETE_OF_USER, &[user.into()]).await.map(drop)
}
/// Up to 1,000 that ended before `end`.
pub async fn ended(tx: &mut Tx, end: &Timestamp) -> Result<Vec<Id<WaitingDevice>>> {
    tx.all(&ENDED, &[(*end).into()], |r| r.id(0)).await
}
/// How many of an application wait now.
pub async fn waiting_of(tx: &mut Tx, application: Id<Application>) -> Result<i64> {
    let now = tx.cx.now;
    Ok(tx.one(&WAITING_OF, &[now.into(), application.into()], |r| r.int(0)).await?.unwrap_or(0))
}
/// How many wait now that began at the address of this digest.
pub async fn waiting_at(tx: &mut Tx, address: &[u8; 32]) -> Result<i64> {
    let now = tx.cx.now;
    Ok(tx.one(&WAITING_AT, &[now.into(), address.into()], |r| r.int(0)).await?.unwrap_or(0))
}
/// How many wait now.
pub async fn waiting(tx: &mut Tx) -> Result<i64> {
    let now = tx.cx.now;
    Ok(tx.one(&WAITING, &[now.into()], |r| r.int(0)).await?.unwrap_or(0))
}
