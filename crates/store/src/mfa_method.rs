//! Rows of second factors.
use portcullis_domain::mfa::{MfaKind, MfaMethod};
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::{Error, P, Result, Row, Tx};

statements! {
    BEGIN: write "INSERT INTO mfa_methods (tenant, id, user_id, kind, seed, created_at, expires_at) \
        VALUES ($1, $2, $3, 'totp', $4, $5, $6)";
    DROP_PENDING: write "DELETE FROM mfa_methods WHERE tenant = $1 AND user_id = $2 AND confirmed_at IS NULL";
    PENDING: point "SELECT seed FROM mfa_methods WHERE tenant = $1 AND id = $2 AND user_id = $3 AND kind = 'totp' \
        AND confirmed_at IS NULL AND expires_at > $4";
    CONFIRM: write "UPDATE mfa_methods SET confirmed_at = $3, expires_at = NULL, last_step = $4, device_name = $5 \
        WHERE tenant = $1 AND id = $2 AND confirmed_at IS NULL";
    TOTP: page "SELECT id, seed FROM mfa_methods WHERE tenant = $1 AND user_id = $2 AND kind = 'totp' \
        AND confirmed_at IS NOT NULL LIMIT 1";
    SPEND: write "UPDATE mfa_methods SET last_step = $3, last_used_at = $4 WHERE tenant = $1 AND id = $2 AND last_step < $3";
    OF_USER: page "SELECT id, user_id, kind, device_name, created_at, last_used_at FROM mfa_methods WHERE tenant = $1 \
        AND user_id = $2 AND confirmed_at IS NOT NULL ORDER BY id LIMIT 250";
    DELETE: write "DELETE FROM mfa_methods WHERE tenant = $1 AND id = $2 AND user_id = $3 AND confirmed_at IS NOT NULL";
    DELETE_OF_USER: write "DELETE FROM mfa_methods WHERE tenant = $1 AND user_id = $2";
    OUTLIVED: page "SELECT id FROM mfa_methods WHERE tenant = $1 AND expires_at IS NOT NULL AND expires_at <= $2 LIMIT 250";
    FORGET: write "DELETE FROM mfa_methods WHERE tenant = $1 AND id = $2 AND confirmed_at IS NULL";
}

fn read(r: &Row<'_>) -> Result<MfaMethod> {
    let kind = r.text(2)?;
    Ok(MfaMethod {
        id: r.id(0)?,
        user_id: r.id(1)?,
        kind: MfaKind::parse(&kind).ok_or_else(|| Error::internal(format!("a factor of an unknown kind: {kind}")))?,
        device_name: r.opt_text(3)?,
        created_at: r.timestamp(4)?,
        last_used_at: r.opt_timestamp(5)?,
    })
}

/// Begins the enrolment of an authenticator app, in place of one that was begun before. The seed is sealed.
pub async fn begin(tx: &mut Tx, user: Id<User>, id: Id<MfaMethod>, seed: &[u8], expires_at: Timestamp) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&DROP_PENDING, &[user.into()]).await?;
    tx.run(&BEGIN, &[id.into(), user.into(), P::Bytes(seed), now.into(), expires_at.into()]).await.map(drop)
}
/// The sealed seed of an enrolment that this user began and that still waits.
pub async fn pending(tx: &mut Tx, user: Id<User>, id: Id<MfaMethod>) -> Result<Option<Vec<u8>>> {
    let now = tx.cx.now;
    tx.one(&PENDING, &[id.into(), user.into(), now.into()], |r| r.bytes(0)).await
}
/// Ends an enrolment with a code of this step, which counts no more.
pub async fn confirm(tx: &mut Tx, id: Id<MfaMethod>, step: i64, device_name: Option<&str>) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&CONFIRM, &[id.into(), now.into(), step.into(), device_name.into()]).await.map(drop)
}
/// A user's authenticator app with its sealed seed.
pub async fn totp(tx: &mut Tx, user: Id<User>) -> Result<Option<(Id<MfaMethod>, Vec<u8>)>> {
    tx.one(&TOTP, &[user.into()], |r| Ok((r.id(0)?, r.bytes(1)?))).await
}
/// Uses a step up; false when it, or a newer one, was used before.
pub async fn spend(tx: &mut Tx, id: Id<MfaMethod>, step: i64) -> Result<bool> {
    let now = tx.cx.now;
    Ok(tx.run(&SPEND, &[id.into(), step.into(), now.into()]).await? == 1)
}
/// What a user has enrolled, in the order of their ids: at most 250.
pub async fn of_user(tx: &mut Tx, user: Id<User>) -> Result<Vec<MfaMethod>> {
    tx.all(&OF_USER, &[user.into()], read).await
}
/// Removes one; false when this user has no such factor.
pub async fn delete(tx: &mut Tx, user: Id<User>, id: Id<MfaMethod>) -> Result<bool> {
    Ok(tx.run(&DELETE, &[id.into(), user.into()]).await? == 1)
}
/// Removes all of a user's factors, those that wait too.
pub async fn delete_of_user(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DELETE_OF_USER, &[user.into()]).await.map(drop)
}
/// Up to 250 enrolments that were begun and not ended in time.
pub async fn outlived(tx: &mut Tx, end: &Timestamp) -> Result<Vec<Id<MfaMethod>>> {
    tx.all(&OUTLIVED, &[(*end).into()], |r| r.id(0)).await
}
/// Forgets one of them.
pub async fn forget(tx: &mut Tx, id: Id<MfaMethod>) -> Result<()> {
    tx.send(&FORGET, &[id.into()]).await
}
