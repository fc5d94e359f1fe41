//! Rows of mails: written with the change that they tell of, claimed by a worker, and deleted when nobody will try them again.
//!
//! A claim pushes `due_at` to its own end and counts the try, so that a worker that dies leaves a row which is due again, and
//! whoever comes back late finds another count and changes nothing.
use portcullis_domain::mail::{Mail, Purpose};
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, user_id, purpose, sealed, of_many, attempts, due_at, created_at, expires_at"
    };
}

statements! {
    INSERT: write "INSERT INTO mails (tenant, id, user_id, purpose, sealed, of_many, attempts, due_at, created_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7, $8)";
    DUE: page concat!("SELECT ", columns!(), " FROM mails WHERE tenant = $1 AND of_many = $2 AND due_at <= $3 \
        ORDER BY due_at LIMIT 1");
    CLAIM: write "UPDATE mails SET attempts = attempts + 1, due_at = $4 WHERE tenant = $1 AND id = $2 AND attempts = $3";
    AGAIN: write "UPDATE mails SET due_at = $4 WHERE tenant = $1 AND id = $2 AND attempts = $3";
    DELETE: write "DELETE FROM mails WHERE tenant = $1 AND id = $2 AND attempts = $3";
    FORGET: write "DELETE FROM mails WHERE tenant = $1 AND id = $2";
    OUTLIVED: scan "SELECT id FROM mails WHERE tenant = $1 AND expires_at <= $2 LIMIT 1000";
    DELETE_OF_USER: write "DELETE FROM mails WHERE tenant = $1 AND user_id = $2";
    DELETE_OLDER: write "DELETE FROM mails WHERE tenant = $1 AND user_id = $2 AND purpose = $3";
}

/// A mail that waits.
#[derive(Clone, Debug)]
pub struct MailRow {
    /// Names it; also in the mail itself.
    pub id: Id<Mail>,
    /// Whom it is to, if that is a user: it goes when they do.
    pub user_id: Option<Id<User>>,
    /// What it is for.
    pub purpose: Purpose,
    /// Address, subject and text.
    pub sealed: Vec<u8>,
    /// One of many that were written at once: it waits behind those that somebody waits for.
    pub of_many: bool,
    /// How often somebody began to send it.
    pub attempts: i64,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
    /// Nobody tries from then on.
    pub expires_at: Timestamp,
}

fn read(r: &Row<'_>) -> Result<MailRow> {
    let purpose = r.str(2)?;
    Ok(MailRow {
        id: r.id(0)?,
        user_id: r.opt_id(1)?,
        purpose: Purpose::parse(purpose)
            .ok_or_else(|| crate::Error::internal(format!("a mail of unknown purpose {purpose}")))?,
        sealed: r.bytes(3)?,
        of_many: r.bool(4)?,
        attempts: r.int(5)?,
        due_at: r.timestamp(6)?,
        created_at: r.timestamp(7)?,
        expires_at: r.timestamp(8)?,
    })
}

/// Writes one that is due at once.
pub async fn insert(tx: &mut Tx, m: &MailRow) -> Result<()> {
    let params = [
        m.id.into(),
        m.user_id.into(),
        P::Text(m.purpose.as_str()),
        P::Bytes(&m.sealed),
        m.of_many.into(),
        m.created_at.into(),
        m.expires_at.into(),
    ];
    tx.send(&INSERT, &params).await
}
/// The one that has been due for longest; those of many after all others.
pub async fn due(tx: &mut Tx, (): &()) -> Result<Option<MailRow>> {
    let now = tx.cx.now;
    for of_many in [false, true] {
        if let Some(found) = tx.one(&DUE, &[of_many.into(), now.into()], read).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
/// Takes it until then, as it was seen; false when somebody else did.
pub async fn claim(tx: &mut Tx, seen: &MailRow, until: Timestamp) -> Result<bool> {
    Ok(tx.run(&CLAIM, &[seen.id.into(), seen.attempts.into(), until.into()]).await? == 1)
}
/// Puts it off, if it is still this try's.
pub async fn again(tx: &mut Tx, m: &MailRow, at: Timestamp) -> Result<()> {
    tx.run(&AGAIN, &[m.id.into(), m.attempts.into(), at.into()]).await.map(drop)
}
/// Forgets it, if it is still this try's; false if it is not there any more.
pub async fn delete(tx: &mut Tx, m: &MailRow) -> Result<bool> {
    Ok(tx.run(&DELETE, &[m.id.into(), m.attempts.into()]).await? == 1)
}
/// Up to 1,000 that nobody tries since then.
pub async fn outlived(tx: &mut Tx, since: &Timestamp) -> Result<Vec<Id<Mail>>> {
    tx.all(&OUTLIVED, &[(*since).into()], |r| r.id(0)).await
}
/// Forgets one, whatever became of it.
pub async fn forget(tx: &mut Tx, id: Id<Mail>) -> Result<()> {
    tx.send(&FORGET, &[id.into()]).await
}
/// Forgets all to a user.
pub async fn delete_of_user(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DELETE_OF_USER, &[user.into()]).await.map(drop)
}
/// Forgets those to a user that a newer one stands for.
pub async fn delete_older(tx: &mut Tx, user: Id<User>, purpose: Purpose) -> Result<()> {
    tx.run(&DELETE_OLDER, &[user.into(), P::Text(purpose.as_str())]).await.map(drop)
}
