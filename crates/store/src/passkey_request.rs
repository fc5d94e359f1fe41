//! Rows of passkeys that are asked for before anybody says who they are: what is asked, as a hash.
use portcullis_domain::Timestamp;

use crate::{P, Result, Tx};

statements! {
    INSERT: write "INSERT INTO passkey_requests (tenant, hash, expires_at) VALUES ($1, $2, $3)";
    TAKE: write "DELETE FROM passkey_requests WHERE tenant = $1 AND hash = $2 AND expires_at > $3";
    DELETE: write "DELETE FROM passkey_requests WHERE tenant = $1 AND hash = $2";
    OUTLIVED: page "SELECT hash FROM passkey_requests WHERE tenant = $1 AND expires_at <= $2 LIMIT 250";
}

/// Writes down that this is asked, until then.
pub async fn insert(tx: &mut Tx, hash: &[u8; 32], expires_at: Timestamp) -> Result<()> {
    tx.run(&INSERT, &[P::Bytes(hash), expires_at.into()]).await.map(drop)
}
/// Ends the request; false when it was answered before, or its time is over.
pub async fn take(tx: &mut Tx, hash: &[u8; 32]) -> Result<bool> {
    let now = tx.cx.now;
    Ok(tx.run(&TAKE, &[P::Bytes(hash), now.into()]).await? == 1)
}
/// Up to 250 that nobody answered in time.
pub async fn outlived(tx: &mut Tx, end: &Timestamp) -> Result<Vec<[u8; 32]>> {
    tx.all(&OUTLIVED, &[(*end).into()], |r| r.array(0)).await
}
/// Forgets one of them.
pub async fn forget(tx: &mut Tx, hash: &[u8; 32]) -> Result<()> {
    tx.send(&DELETE, &[P::Bytes(hash)]).await
}
