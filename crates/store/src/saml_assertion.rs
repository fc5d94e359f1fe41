//! Rows of SAML assertions that were heard: none counts twice.
use portcullis_domain::Timestamp;

use crate::{P, Result, Tx};

statements! {
    INSERT: write "INSERT INTO saml_assertions (tenant, digest, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    OLD: scan "SELECT digest FROM saml_assertions WHERE tenant = $1 AND expires_at <= $2 LIMIT 1000";
    DELETE: write "DELETE FROM saml_assertions WHERE tenant = $1 AND digest = $2";
}

/// Notes one that counts for nothing from `end` on, whoever brings it; false if it was heard before.
pub async fn hear(tx: &mut Tx, digest: &[u8; 32], end: Timestamp) -> Result<bool> {
    Ok(tx.run(&INSERT, &[P::Bytes(digest), end.into()]).await? == 1)
}
/// Up to 1,000 that ended before `end`.
pub async fn old(tx: &mut Tx, end: &Timestamp) -> Result<Vec<[u8; 32]>> {
    tx.all(&OLD, &[(*end).into()], |r| r.array(0)).await
}
/// Forgets one.
pub async fn forget(tx: &mut Tx, digest: &[u8; 32]) -> Result<()> {
    tx.send(&DELETE, &[P::Bytes(digest)]).await
}
