//! Checkpoints: a signature over how far a tenant's chain has come (spec v1 3.5). One that is kept elsewhere shows a cut tail.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_crypto::signing::{SigningKey, VerifyingKey};
use portcullis_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{hex, unhex};

/// Entry `seq` of this tenant has this hash, says the audit key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// The entry.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
    /// When it was signed.
    pub created_at: Timestamp,
    /// The key that signed: its RFC 7638 thumbprint.
    pub key_id: String,
    /// Ed25519 over [`Checkpoint::message`].
    pub signature: [u8; 64],
}

/// The text is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint")]
pub struct MalformedCheckpoint;

/// As JSON: the fields of the API, and the tenant, which a line in a file cannot do without.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    created_at: Timestamp,
    hash: String,
    id: Uuid,
    key_id: String,
    seq: i64,
    signature: String,
    tenant_id: Uuid,
}

impl Checkpoint {
    /// Signs.
    pub fn sign(key: &SigningKey, id: Uuid, tenant_id: Uuid, seq: i64, hash: [u8; 32], created_at: Timestamp) -> Self {
        let key_id = key.id().to_owned();
        let mut checkpoint = Self { id, tenant_id, seq, hash, created_at, key_id, signature: [0; 64] };
        checkpoint.signature = key.sign(checkpoint.message().as_bytes());
        checkpoint
    }
    /// What is signed: `portcullis-checkpoint-1`, tenant id, seq, hash in hex and time, a line each but for the last newline.
    pub fn message(&self) -> String {
        let Self { tenant_id, seq, hash, created_at, .. } = self;
        format!("portcullis-checkpoint-1\n{tenant_id}\n{seq}\n{}\n{created_at}", hex(hash))
    }
    /// Did one of these keys, the one that it names, sign it?
    pub fn verify(&self, keys: &[VerifyingKey]) -> bool {
        let key = keys.iter().find(|k| k.id() == self.key_id);
        key.is_some_and(|k| k.verify(self.message().as_bytes(), &self.signature))
    }
    /// As JSON, `tenant_id` included.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self.wire()).unwrap_or_default() // strings and a number: always JSON
    }
    /// A line of `audit-checkpoints.log`, without the newline.
    pub fn to_line(&self) -> String {
        serde_json::to_string(&self.wire()).unwrap_or_default()
    }
    fn wire(&self) -> Wire {
        Wire {
            created_at: self.created_at,
            hash: hex(&self.hash),
            id: self.id,
            key_id: self.key_id.clone(),
            seq: self.seq,
            signature: URL_SAFE_NO_PAD.encode(self.signature),
            tenant_id: self.tenant_id,
        }
    }
    /// Reads such a line, or the same object from elsewhere. The signature is not checked yet.
    pub fn parse(line: &str) -> Result<Self, MalformedCheckpoint> {
        Self::of(serde_json::from_str(line).map_err(|_| MalformedCheckpoint)?)
    }
    pub(crate) fn from_value(value: Value) -> Result<Self, MalformedCheckpoint> {
        Self::of(serde_json::from_value(value).map_err(|_| MalformedCheckpoint)?)
    }
    fn of(wire: Wire) -> Result<Self, MalformedCheckpoint> {
        let signature = URL_SAFE_NO_PAD.decode(&wire.signature).map_err(|_| MalformedCheckpoint)?;
        Ok(Self {
            id: wire.id,
            tenant_id: wire.tenant_id,
            seq: wire.seq,
            hash: unhex(&wire.hash).ok_or(MalformedCheckpoint)?,
            created_at: wire.created_at,
            key_id: wire.key_id,
            signature: signature.try_into().map_err(|_| MalformedCheckpoint)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_crypto::random::OsRandom;

    #[test]
    fn signs_prints_and_reads_itself() {
        let key = SigningKey::generate(&OsRandom);
        let tenant = Uuid::from_u128(7);
        let c = Checkpoint::sign(&key, Uuid::from_u128(1), tenant, 1_000, [0xab; 32], Timestamp::from_micros(0));
        let message =
            format!("portcullis-checkpoint-1\n{tenant}\n1000\n{}\n1970-01-01T00:00:00.000000Z", "ab".repeat(32));
        assert_eq!(c.message(), message);
        let keys = [SigningKey::generate(&OsRandom).verifying().clone(), key.verifying().clone()];
        let read = Checkpoint::parse(&c.to_line()).unwrap();
        assert_eq!(read, c);
        assert!(read.verify(&keys) && !read.verify(&keys[..1]));
        assert_eq!(Checkpoint::from_value(c.to_value()), Ok(c.clone()));
        for bent in [
            Checkpoint { seq: 999, ..c.clone() },
            Checkpoint { hash: [0; 32], ..c.clone() },
            Checkpoint { tenant_id: Uuid::nil(), ..c.clone() },
            Checkpoint { created_at: Timestamp::from_micros(1), ..c.clone() },
            Checkpoint { key_id: keys[0].id().into(), ..c.clone() },
        ] {
            assert!(!bent.verify(&keys), "{bent:?}");
        }
    }

    #[test]
    fn a_bent_line_is_refused() {
        let key = SigningKey::generate(&OsRandom);
        let c = Checkpoint::sign(&key, Uuid::nil(), Uuid::nil(), 1, [0; 32], Timestamp::from_micros(0));
        let line = c.to_line();
        for (i, _) in line.char_indices() {
            assert!(Checkpoint::parse(&line[..i]).is_err(), "cut at {i}");
        }
        for bad in ["", "{}", "null", &line.replace("\"seq\":1", "\"seq\":1,\"x\":1"), &line.replace("00", "0")] {
            assert!(Checkpoint::parse(bad).is_err(), "{bad}");
        }
    }
}
