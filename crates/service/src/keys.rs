//! The server's own keys: one that signs access tokens, one that signs audit checkpoints; wrapped with the master key at rest.
use portcullis_crypto::seal::MasterKey;
use portcullis_crypto::signing::{KeyRing, SigningKey, VerifyingKey};
use portcullis_domain::port::Random;
use portcullis_domain::{Ctx, Error, Result, Timestamp};
use portcullis_store::Db;
use portcullis_store::signing_key::{self, SigningKeyRow};

/// Loaded at start; made on the first one.
pub(crate) struct Keys {
    /// Of access tokens.
    pub tokens: KeyRing,
    /// Of audit checkpoints; its old public halves are kept for ever.
    pub audit: KeyRing,
}

impl Keys {
    /// Reads the keys, and makes those that are missing. Two nodes that start at once read what the first one wrote.
    pub async fn load(db: &Db, cx: Ctx, master: &MasterKey, random: &dyn Random) -> Result<Self> {
        let mut rows = db.read(cx.clone(), &(), all).await?;
        let missing: Vec<SigningKeyRow> = ["token", "audit"]
            .into_iter()
            .filter(|purpose| !rows.iter().any(|r| r.purpose == *purpose))
            .map(|purpose| fresh(purpose, master, cx.now, random))
            .collect();
        if !missing.is_empty() {
            rows = db.write(cx, missing, insert).await?;
        }
        Ok(Self { tokens: ring(&rows, "token", master)?, audit: ring(&rows, "audit", master)? })
    }
}

fn fresh(purpose: &str, master: &MasterKey, now: Timestamp, random: &dyn Random) -> SigningKeyRow {
    let key = SigningKey::generate(random);
    SigningKeyRow {
        id: key.id().to_owned(),
        purpose: purpose.to_owned(),
        public_key: key.verifying().public().to_vec(),
        private_key: key.wrap(master, random),
        created_at: now,
        retired_at: None,
    }
}

/// The newest key signs; all verify.
fn ring(rows: &[SigningKeyRow], purpose: &str, master: &MasterKey) -> Result<KeyRing> {
    let rows: Vec<&SigningKeyRow> = rows.iter().filter(|r| r.purpose == purpose).collect();
    let newest = rows.iter().rev().find(|r| r.retired_at.is_none());
    let newest = newest.ok_or_else(|| Error::internal(format!("no live {purpose} key")))?;
    let signing = SigningKey::unwrap(master, &newest.id, &newest.private_key).map_err(|e| {
        Error::internal(format!("the {purpose} key does not open: is this the master key of this store? ({e})"))
    })?;
    let others = rows.iter().filter_map(|r| VerifyingKey::new(r.public_key.clone().try_into().ok()?).ok()).collect();
    Ok(KeyRing::new(signing, others))
}

async fn all(tx: &mut portcullis_store::Tx, (): &()) -> portcullis_store::Result<Vec<SigningKeyRow>> {
    signing_key::all(tx).await
}
#[allow(clippy::ptr_arg, reason = "a use case takes its command as it was given")]
async fn insert(
    tx: &mut portcullis_store::Tx,
    rows: &Vec<SigningKeyRow>,
) -> portcullis_store::Result<Vec<SigningKeyRow>> {
    // another node may have been faster: its keys are the ones then
    let present = signing_key::all(tx).await?;
    for row in rows.iter().filter(|r| !present.iter().any(|p| p.purpose == r.purpose)) {
        signing_key::insert(tx, row).await?;
    }
    signing_key::all(tx).await
}
