//! The server's own keys: of access tokens and of the audit log. Private halves are wrapped with the master key.
use portcullis_domain::Timestamp;

use crate::directory::{
    SIGNING_KEY_FORGET, SIGNING_KEY_FORWARD, SIGNING_KEY_INSERT, SIGNING_KEY_RESEAL, SIGNING_KEY_RETIRE, SIGNING_KEYS,
};
use crate::{P, Result, Tx};

/// A stored key.
#[derive(Clone, Debug)]
pub struct SigningKeyRow {
    /// Its thumbprint.
    pub id: String,
    /// `token` or `audit`.
    pub purpose: String,
    /// The raw public half.
    pub public_key: Vec<u8>,
    /// The wrapped private half; nothing once it is retired.
    pub private_key: Vec<u8>,
    /// Made when.
    pub created_at: Timestamp,
    /// Signs from then on; published before.
    pub signs_from: Timestamp,
    /// Signs nothing from then on.
    pub retired_at: Option<Timestamp>,
}

/// All keys, oldest first.
pub async fn all(tx: &mut Tx) -> Result<Vec<SigningKeyRow>> {
    tx.all(&SIGNING_KEYS, &[], |r| {
        Ok(SigningKeyRow {
            id: r.text(0)?,
            purpose: r.text(1)?,
            public_key: r.bytes(2)?,
            private_key: r.bytes(3)?,
            created_at: r.timestamp(4)?,
            signs_from: r.timestamp(5)?,
            retired_at: r.opt_int(6)?.map(Timestamp::from_micros),
        })
    })
    .await
}
/// Writes a new key.
pub async fn insert(tx: &mut Tx, k: &SigningKeyRow) -> Result<()> {
    let (public, private) = (P::Bytes(&k.public_key), P::Bytes(&k.private_key));
    let params = [P::Text(&k.id), P::Text(&k.purpose), public, private, k.created_at.into(), k.signs_from.into()];
    tx.run(&SIGNING_KEY_INSERT, &params).await?;
    Ok(())
}
/// Lets a token key that waits sign from an earlier time on.
pub async fn bring_forward(tx: &mut Tx, id: &str, from: Timestamp) -> Result<()> {
    tx.run(&SIGNING_KEY_FORWARD, &[P::Text(id), from.into()]).await?;
    Ok(())
}
/// Retires a token key: its private half is gone, its public half stays until [`forget`]. False if it was retired before.
pub async fn retire(tx: &mut Tx, id: &str, at: Timestamp) -> Result<bool> {
    Ok(tx.run(&SIGNING_KEY_RETIRE, &[P::Text(id), at.into(), P::Bytes(&[])]).await? == 1)
}
/// Puts the same private half, wrapped with another master key, in the place of this one.
pub async fn reseal(tx: &mut Tx, id: &str, old: &[u8], new: &[u8]) -> Result<()> {
    tx.run(&SIGNING_KEY_RESEAL, &[P::Text(id), P::Bytes(old), P::Bytes(new)]).await?;
    Ok(())
}
/// Removes a retired token key: nothing that it signed is accepted any more.
pub async fn forget(tx: &mut Tx, id: &str) -> Result<()> {
    tx.run(&SIGNING_KEY_FORGET, &[P::Text(id)]).await?;
    Ok(())
}
