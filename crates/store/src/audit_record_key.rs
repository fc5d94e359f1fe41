//! Idempotency keys of audit records that others write (spec v1beta1 3.17): which event a key made, of what content.
use uuid::Uuid;

use crate::{Result, Tx};

statements! {
    INSERT: write "INSERT INTO audit_record_keys (tenant, key, event_id, content) VALUES ($1, $2, $3, $4)";
    BY_KEY: point "SELECT event_id, content FROM audit_record_keys WHERE tenant = $1 AND key = $2";
}

/// The event that a key made, and the digest of what was sent with it.
pub async fn find(tx: &mut Tx, key: Uuid) -> Result<Option<(Uuid, [u8; 32])>> {
    tx.one(&BY_KEY, &[key.into()], |r| Ok((r.uuid(0)?, r.array(1)?))).await
}
/// Keeps a key.
pub async fn insert(tx: &mut Tx, key: Uuid, event: Uuid, content: &[u8; 32]) -> Result<()> {
    tx.run(&INSERT, &[key.into(), event.into(), content.into()]).await.map(drop)
}
