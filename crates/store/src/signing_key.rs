//! The server's own keys: of access tokens and of the audit log. Private halves are wrapped with the master key.
use portcullis_domain::Timestamp;

use crate::directory::{SIGNING_KEY_INSERT, SIGNING_KEYS};
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
    /// The wrapped private half.
    pub private_key: Vec<u8>,
    /// Made when.
    pub created_at: Timestamp,
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
            retired_at: r.opt_int(5)?.map(Timestamp::from_micros),
        })
    })
    .await
}
/// Writes a new key.
pub async fn insert(tx: &mut Tx, k: &SigningKeyRow) -> Result<()> {
    tx.run(
        &SIGNING_KEY_INSERT,
        &[P::Text(&k.id), P::Text(&k.purpose), P::Bytes(&k.public_key), P::Bytes(&k.private_key), k.created_at.into()],
    )
    .await?;
    Ok(())
}
