//! Answers that are kept for a repetition of the same call (engine.md 16).
use portcullis_domain::Timestamp;

use crate::{P, Result, Tx};

statements! {
    INSERT: write "INSERT INTO idempotency (tenant, slot, fingerprint, answer, created_at) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (tenant, slot) DO NOTHING";
    BY_SLOT: point "SELECT fingerprint, answer, created_at FROM idempotency WHERE tenant = $1 AND slot = $2";
    DELETE: write "DELETE FROM idempotency WHERE tenant = $1 AND slot = $2 AND created_at <= $3";
    OLD: scan "SELECT slot FROM idempotency WHERE tenant = $1 AND created_at <= $2 LIMIT 1000";
}

/// What a key remembers.
#[derive(Clone, Debug)]
pub struct Kept {
    /// HMAC of the whole call.
    pub fingerprint: Vec<u8>,
    /// The answer, sealed with the tenant's data key.
    pub answer: Vec<u8>,
    /// When the call was first made.
    pub created_at: Timestamp,
}

/// What the key in this slot remembers.
pub async fn find(tx: &mut Tx, slot: i64) -> Result<Option<Kept>> {
    tx.one(&BY_SLOT, &[P::Int(slot)], |r| {
        Ok(Kept { fingerprint: r.bytes(0)?, answer: r.bytes(1)?, created_at: r.timestamp(2)? })
    })
    .await
}
/// Keeps an answer; false when another call took the slot first. A row older than `oldest` makes room.
pub async fn keep(
    tx: &mut Tx,
    slot: i64,
    fingerprint: &[u8],
    answer: &[u8],
    oldest: Option<Timestamp>,
) -> Result<bool> {
    if let Some(oldest) = oldest {
        tx.run(&DELETE, &[P::Int(slot), oldest.into()]).await?;
    }
    let now = tx.cx.now;
    Ok(tx.run(&INSERT, &[P::Int(slot), P::Bytes(fingerprint), P::Bytes(answer), now.into()]).await? == 1)
}
/// Up to 1,000 slots that were kept before `oldest`.
pub async fn old(tx: &mut Tx, oldest: &Timestamp) -> Result<Vec<i64>> {
    tx.all(&OLD, &[(*oldest).into()], |r| r.int(0)).await
}
/// Forgets a slot if it was kept before `oldest`.
pub async fn forget(tx: &mut Tx, slot: i64, oldest: Timestamp) -> Result<()> {
    tx.send(&DELETE, &[P::Int(slot), oldest.into()]).await
}
