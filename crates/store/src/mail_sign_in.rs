//! Rows of sign-ins that wait for what a mail said (spec v1beta1 4.2).
use portcullis_domain::Timestamp;
use portcullis_domain::value::Email;

use crate::{P, Result, Tx};

statements! {
    INSERT: write "INSERT INTO mail_sign_ins (tenant, hash, strategy, email, tag, return_to, tries, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7)";
    BY_HASH: point "SELECT strategy, email, tag, return_to, tries, expires_at FROM mail_sign_ins WHERE tenant = $1 AND hash = $2";
    TRIED: write "UPDATE mail_sign_ins SET tries = tries + 1 WHERE tenant = $1 AND hash = $2";
    DELETE: write "DELETE FROM mail_sign_ins WHERE tenant = $1 AND hash = $2";
    DELETE_OF: write "DELETE FROM mail_sign_ins WHERE tenant = $1 AND email = $2";
    OUTLIVED: page "SELECT hash FROM mail_sign_ins WHERE tenant = $1 AND expires_at <= $2 LIMIT 250";
}

/// A sign-in that waits.
#[derive(Clone, Debug)]
pub struct MailSignIn {
    /// The word of its strategy.
    pub strategy: String,
    /// To whom the mail went.
    pub email: Email,
    /// A keyed digest of what the mail said.
    pub tag: [u8; 32],
    /// Where its person goes then.
    pub return_to: Option<String>,
    /// Wrong codes so far.
    pub tries: i64,
    /// Dead from then on.
    pub expires_at: Timestamp,
}

/// Writes a new one under the hash of what names it. Tries begin at 0.
pub async fn insert(tx: &mut Tx, hash: &[u8; 32], s: &MailSignIn) -> Result<()> {
    let row = [
        P::Bytes(hash),
        P::Text(&s.strategy),
        P::Text(&s.email),
        P::Bytes(&s.tag),
        s.return_to.as_deref().into(),
        s.expires_at.into(),
    ];
    tx.run(&INSERT, &row).await.map(drop)
}
/// The one that this names, even if its time is over.
pub async fn by_hash(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<MailSignIn>> {
    tx.one(&BY_HASH, &[P::Bytes(hash)], |r| {
        Ok(MailSignIn {
            strategy: r.text(0)?,
            email: Email::stored(r.text(1)?),
            tag: r.array(2)?,
            return_to: r.opt_text(3)?,
            tries: r.int(4)?,
            expires_at: r.timestamp(5)?,
        })
    })
    .await
}
/// Counts a wrong code.
pub async fn tried(tx: &mut Tx, hash: &[u8; 32]) -> Result<()> {
    tx.run(&TRIED, &[P::Bytes(hash)]).await.map(drop)
}
/// Uses one up, or forgets it; false when it was gone before.
pub async fn delete(tx: &mut Tx, hash: &[u8; 32]) -> Result<bool> {
    Ok(tx.run(&DELETE, &[P::Bytes(hash)]).await? == 1)
}
/// Ends all of an address.
pub async fn delete_of(tx: &mut Tx, email: &Email) -> Result<()> {
    tx.run(&DELETE_OF, &[P::Text(email)]).await.map(drop)
}
/// Up to 250 whose time was over before `end`.
pub async fn outlived(tx: &mut Tx, end: &Timestamp) -> Result<Vec<[u8; 32]>> {
    tx.all(&OUTLIVED, &[(*end).into()], |r| r.array(0)).await
}
