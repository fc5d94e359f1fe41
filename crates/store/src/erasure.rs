//! People whose traces in the audit log are still to be erased: the row is deleted when it is done.
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::{Result, Tx};

statements! {
    INSERT: write "INSERT INTO erasures (tenant, user_id, after_seq, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    NEXT: page "SELECT user_id, after_seq, created_at FROM erasures WHERE tenant = $1 ORDER BY user_id LIMIT 1";
    ADVANCE: write "UPDATE erasures SET after_seq = $3 WHERE tenant = $1 AND user_id = $2";
    REDACT: write "UPDATE audit_events SET private = $3 WHERE tenant = $1 AND id = $2";
    DONE: write "DELETE FROM erasures WHERE tenant = $1 AND user_id = $2";
}

/// One erasure under way.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// Who was.
    pub user_id: Id<User>,
    /// Everything up to this number is done.
    pub after_seq: i64,
    /// Asked for when.
    pub created_at: Timestamp,
}

/// Asks for the erasure of a person who was just deleted.
pub async fn add(tx: &mut Tx, user: Id<User>) -> Result<()> {
    let now = tx.cx.now;
    tx.send(&INSERT, &[user.into(), 0.into(), now.into()]).await
}
/// The tenant's next one.
pub async fn next(tx: &mut Tx) -> Result<Option<Erasure>> {
    tx.one(&NEXT, &[], |r| Ok(Erasure { user_id: r.id(0)?, after_seq: r.int(1)?, created_at: r.timestamp(2)? })).await
}
/// Notes how far it has come.
pub async fn advance(tx: &mut Tx, user: Id<User>, after: i64) -> Result<()> {
    tx.run(&ADVANCE, &[user.into(), after.into()]).await?;
    Ok(())
}
/// It is done.
pub async fn done(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DONE, &[user.into()]).await?;
    Ok(())
}
/// Puts what an erasure leaves in place of an event's personal part; what is hashed stays. The caller appends the event that
/// says so.
pub async fn redact(tx: &mut Tx, event: uuid::Uuid, private: &str) -> Result<()> {
    tx.send(&REDACT, &[event.into(), private.into()]).await
}
