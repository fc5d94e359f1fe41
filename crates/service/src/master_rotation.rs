//! A new master key (engine.md 24): everything that the old one sealed is sealed with the new one, in steps that may be broken off and
//! repeated. What the tenants' data keys seal stays as it is.
//!
//! Each ciphertext names its key, and a server knows both meanwhile. Which of them seals what is new is read off the audit key: the
//! rotation begins with that, and every node notices when it reads the keys again.
use portcullis_crypto::seal::{KeyId, key_of};
use portcullis_crypto::signing::SigningKey;
use portcullis_domain::{Code, Error, Result};
use portcullis_store::sealed::{ByMaster, SEALED, SealedBy};
use portcullis_store::{Tx, signing_key, tenant};

use crate::App;
use crate::app::Scribe;
use crate::every_tenant::EveryTenant;
use crate::key_rotation::RELOAD_SECONDS;
use crate::keys::all;
use crate::tenancy::open_data_key;

/// A node that runs seals with the new key this long after [`App::begin_master_rotation`] at the latest.
pub const NOTICE_SECONDS: u64 = RELOAD_SECONDS.unsigned_abs() + 15;
/// Who has sealed with another key after so many of those has not heard of the new one at all.
const LOOKS: usize = 3;

impl App {
    /// Has every node seal with the master key of this name from now on: this one at once, the others within [`NOTICE_SECONDS`].
    /// So many ciphertexts were sealed anew.
    pub async fn begin_master_rotation(&self, to: KeyId) -> Result<u64> {
        if !self.0.master_key.seal_with(to) {
            return Err(Error::new(Code::Conflict, format!("This server does not know the master key {to}.")));
        }
        self.reseal_signing_keys().await
    }
    /// Seals with it whatever another one still seals. Where other nodes may run it looks again after each `notice`, which lasts
    /// [`NOTICE_SECONDS`], until there is nothing: one of them may have been late to hear of the new key. 409 when one goes on sealing
    /// with another. Repeated, it goes on where it was.
    pub async fn finish_master_rotation(&self, notice: impl AsyncFn()) -> Result<u64> {
        let (mut resealed, mut looks) = (self.reseal().await?, LOOKS);
        while self.0.db.is_shared() {
            notice().await;
            match self.reseal().await? {
                0 => break,
                _ if looks == 0 => return Err(laggard(self.0.master_key.id())),
                more => resealed += more,
            }
            looks -= 1;
        }
        if let Some(cx) = self.server().await? {
            let c = Over { key: self.0.master_key.id().to_string(), resealed, scribe: self.scribe(&cx) };
            self.0.db.write(cx, c, over).await?;
        }
        Ok(resealed)
    }
    async fn reseal(&self) -> Result<u64> {
        let mut resealed = 0;
        for column in SEALED {
            resealed += match column.by {
                SealedBy::Master(ByMaster::SigningKeys) => self.reseal_signing_keys().await?,
                SealedBy::Master(ByMaster::DataKeys) => self.reseal_data_keys().await?,
                SealedBy::DataKey => 0,
            };
        }
        Ok(resealed)
    }
    async fn reseal_signing_keys(&self) -> Result<u64> {
        let (to, mut anew) = (self.0.master_key.id(), vec![]);
        for row in self.0.db.read(self.nowhere(), &(), all).await? {
            // of a retired key there is no private half
            if row.private_key.is_empty() || key_of(&row.private_key) == Ok(to) {
                continue;
            }
            let key = SigningKey::unwrap(&self.0.master_key, &row.id, &row.private_key)
                .map_err(|e| Error::internal(format!("the {} key: {e}", row.purpose)))?;
            let sealed = key.wrap(&self.0.master_key, &*self.0.random);
            anew.push(Anew { id: row.id, old: row.private_key, new: sealed });
        }
        let resealed = anew.len() as u64;
        if resealed > 0 {
            self.0.db.write(self.nowhere(), anew, reseal_signing_keys).await?;
        }
        Ok(resealed)
    }
    async fn reseal_data_keys(&self) -> Result<u64> {
        let (to, mut resealed, mut every) = (self.0.master_key.id(), 0, EveryTenant::of(&self.0.db));
        while let Some(cx) = every.next(self.nowhere()).await? {
            let Some(old) = self.0.db.read(cx.clone(), &(), data_key).await? else { continue };
            if key_of(&old) == Ok(to) {
                continue;
            }
            let key = open_data_key(&self.0.master_key, cx.tenant_id, &old)?;
            let new = self.0.master_key.wrap(cx.tenant_id.uuid().as_bytes(), &key, &*self.0.random);
            self.0.db.write_bulk(cx, (old, new), reseal_data_key).await?;
            resealed += 1;
        }
        Ok(resealed)
    }
}

fn laggard(key: KeyId) -> Error {
    let message = format!(
        "A server that runs does not seal with the master key {key}: it does not know it, does not reach the database every minute, or is of an \
         older version. Restart it with both keys, and run this again; until then both are needed."
    );
    Error::new(Code::Conflict, message)
}

/// A private half, wrapped by the old and by the new master key.
struct Anew {
    id: String,
    old: Vec<u8>,
    new: Vec<u8>,
}
#[allow(clippy::ptr_arg, reason = "a use case takes its command as it was given")]
async fn reseal_signing_keys(tx: &mut Tx, anew: &Vec<Anew>) -> portcullis_store::Result<()> {
    for key in anew {
        signing_key::reseal(tx, &key.id, &key.old, &key.new).await?;
    }
    Ok(())
}
async fn data_key(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<Vec<u8>>> {
    tenant::data_key(tx).await
}
async fn reseal_data_key(tx: &mut Tx, (old, new): &(Vec<u8>, Vec<u8>)) -> portcullis_store::Result<()> {
    tenant::reseal(tx, old, new).await
}

struct Over {
    key: String,
    resealed: u64,
    scribe: Scribe,
}
async fn over(tx: &mut Tx, c: &Over) -> portcullis_store::Result<()> {
    let event = c.scribe.event("master_key.rotated", "master_key", &c.key);
    c.scribe.write(tx, event.with("resealed", c.resealed));
    Ok(())
}
