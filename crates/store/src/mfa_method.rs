//! Rows of second factors.
use portcullis_domain::mfa::{MfaKind, MfaMethod};
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::{Error, P, Result, Row, Tx};

statements! {
    BEGIN: write "INSERT INTO mfa_methods (tenant, id, user_id, kind, seed, created_at, expires_at) \
        VALUES ($1, $2, $3, 'totp', $4, $5, $6)";
    DROP_PENDING: write "DELETE FROM mfa_methods WHERE tenant = $1 AND user_id = $2 AND kind = 'totp' \
        AND confirmed_at IS NULL";
    BEGIN_CREDENTIAL: write "INSERT INTO mfa_methods (tenant, id, user_id, kind, challenge_hash, created_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    DROP_PENDING_CREDENTIAL: write "DELETE FROM mfa_methods WHERE tenant = $1 AND user_id = $2 AND kind <> 'totp' \
        AND confirmed_at IS NULL";
    ASKED: page "SELECT id, challenge_hash FROM mfa_methods WHERE tenant = $1 AND user_id = $2 AND kind = $3 \
        AND confirmed_at IS NULL AND expires_at > $4 LIMIT 1";
    REGISTER: write "UPDATE mfa_methods SET confirmed_at = $3, expires_at = NULL, challenge_hash = NULL, credential_id = $4, \
        public_key = $5, counter = $6, transports = $7, device_name = $8 WHERE tenant = $1 AND id = $2 AND confirmed_at IS NULL";
    BY_CREDENTIAL: point "SELECT id, user_id, kind, public_key, counter FROM mfa_methods \
        WHERE tenant = $1 AND credential_id = $2";
    CREDENTIALS: page "SELECT kind, credential_id, transports FROM mfa_methods WHERE tenant = $1 AND user_id = $2 \
        AND credential_id IS NOT NULL ORDER BY id LIMIT 250";
    USED: write "UPDATE mfa_methods SET counter = $3, last_used_at = $4 WHERE tenant = $1 AND id = $2";
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

fn kind(word: &str) -> Result<MfaKind> {
    MfaKind::parse(word).ok_or_else(|| Error::internal(format!("a factor of an unknown kind: {word}")))
}
fn read(r: &Row<'_>) -> Result<MfaMethod> {
    Ok(MfaMethod {
        id: r.id(0)?,
        user_id: r.id(1)?,
        kind: kind(r.str(2)?)?,
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
/// Begins the enrolment of a passkey or security key, in place of one that was begun before.
pub async fn begin_credential(
    tx: &mut Tx,
    user: Id<User>,
    (id, kind): (Id<MfaMethod>, MfaKind),
    challenge_hash: &[u8; 32],
    expires_at: Timestamp,
) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&DROP_PENDING_CREDENTIAL, &[user.into()]).await?;
    let row = [id.into(), user.into(), P::Text(kind.as_str()), P::Bytes(challenge_hash), now.into(), expires_at.into()];
    tx.run(&BEGIN_CREDENTIAL, &row).await.map(drop)
}
/// The enrolment of this kind that this user began and that still waits, with what was asked.
pub async fn asked(tx: &mut Tx, user: Id<User>, kind: MfaKind) -> Result<Option<(Id<MfaMethod>, [u8; 32])>> {
    let now = tx.cx.now;
    tx.one(&ASKED, &[user.into(), P::Text(kind.as_str()), now.into()], |r| Ok((r.id(0)?, r.array(1)?))).await
}
/// A passkey or security key that ends its enrolment.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// As its authenticator names it.
    pub credential_id: Vec<u8>,
    /// A COSE key.
    pub public_key: Vec<u8>,
    /// How often it was used.
    pub counter: u32,
    /// How a browser reaches it.
    pub transports: Vec<String>,
    /// What its person calls it.
    pub device_name: Option<String>,
}
/// Ends an enrolment with what was made. The id of a credential is taken once in a tenant.
pub async fn register(tx: &mut Tx, id: Id<MfaMethod>, c: &NewCredential) -> Result<()> {
    let (now, transports) = (tx.cx.now, serde_json::json!(c.transports).to_string());
    let row = [
        id.into(),
        now.into(),
        P::Bytes(&c.credential_id),
        P::Bytes(&c.public_key),
        i64::from(c.counter).into(),
        P::Text(&transports),
        c.device_name.as_deref().into(),
    ];
    tx.run(&REGISTER, &row).await.map(drop)
}
/// A passkey or security key, to verify its answer.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its row.
    pub id: Id<MfaMethod>,
    /// Whose.
    pub user_id: Id<User>,
    /// Which of the two.
    pub kind: MfaKind,
    /// A COSE key.
    pub public_key: Vec<u8>,
    /// How often it was used when it was used last.
    pub counter: u32,
}
/// The one that its authenticator names like this, whosever it is.
pub async fn by_credential(tx: &mut Tx, credential_id: &[u8]) -> Result<Option<Credential>> {
    tx.one(&BY_CREDENTIAL, &[P::Bytes(credential_id)], |r| {
        Ok(Credential {
            id: r.id(0)?,
            user_id: r.id(1)?,
            kind: kind(r.str(2)?)?,
            public_key: r.bytes(3)?,
            counter: u32::try_from(r.int(4)?).map_err(Error::internal)?,
        })
    })
    .await
}
/// A credential as a browser is asked for it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which of the two.
    pub kind: MfaKind,
    /// As its authenticator names it.
    pub credential_id: Vec<u8>,
    /// How a browser reaches it.
    pub transports: Vec<String>,
}
/// The passkeys and security keys of a user, in the order of their ids: at most 250.
pub async fn credentials(tx: &mut Tx, user: Id<User>) -> Result<Vec<Known>> {
    tx.all(&CREDENTIALS, &[user.into()], |r| {
        let transports = serde_json::from_str(r.str(2)?).unwrap_or_default();
        Ok(Known { kind: kind(r.str(0)?)?, credential_id: r.bytes(1)?, transports })
    })
    .await
}
/// Writes down that one was used, so often by now.
pub async fn used(tx: &mut Tx, id: Id<MfaMethod>, counter: u32) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&USED, &[id.into(), i64::from(counter).into(), now.into()]).await.map(drop)
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
