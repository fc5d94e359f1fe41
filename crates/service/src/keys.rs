//! The server's own keys: those that sign access tokens, one that signs audit checkpoints; wrapped with the master key at rest.
//! When the first are made and retired is in `key_rotation.rs`.
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_crypto::seal::{MasterKey, key_of};
use portcullis_crypto::signing::{KeyRing, KeySet, SigningKey, VerifyingKey};
use portcullis_domain::port::Random;
use portcullis_domain::{Ctx, Error, Result, Timestamp};
use portcullis_store::Db;
use portcullis_store::signing_key::{self, SigningKeyRow};
use tokio::sync::Mutex;

use crate::App;
use crate::key_rotation::PUBLISHED_SECONDS;

/// A token of an unknown key has the keys read again, but not more often: anybody can send such tokens.
const PATIENCE_SECONDS: i64 = 5;

/// The keys as this node last read them.
pub(crate) struct Keys {
    /// What verifies access tokens.
    pub tokens: KeySet,
    /// What verifies audit checkpoints; it only grows.
    pub audit: KeySet,
    /// Moves when a token key is accepted no longer: what was learned from its tokens is forgotten.
    pub epoch: u64,
    signing: Result<Signing>,
}
/// The private halves.
pub(crate) struct Signing {
    /// Of access tokens.
    pub tokens: KeyRing,
    /// Of audit checkpoints.
    pub audit: SigningKey,
}
impl Keys {
    /// What is accepted needs no secret: a node that cannot open the private halves still hears of keys that come and go.
    fn of(rows: &[SigningKeyRow], now: Timestamp, master: &MasterKey, epoch: u64) -> Self {
        let signing = audit(rows, master).and_then(|audit| Ok(Signing { tokens: tokens(rows, now, master)?, audit }));
        let published = |r: &&SigningKeyRow| {
            r.purpose == "token" && r.retired_at.is_none_or(|at| now < at.plus_seconds(PUBLISHED_SECONDS))
        };
        Self {
            tokens: KeySet::new(rows.iter().filter(published).filter_map(public)),
            audit: KeySet::new(rows.iter().filter(|r| r.purpose == "audit").filter_map(public)),
            epoch,
            signing,
        }
    }
    /// The private halves. 503 on a node that cannot open them: it does not know the master key of now, signs nothing, and is not ready.
    pub fn signing(&self) -> Result<&Signing> {
        self.signing.as_ref().map_err(Clone::clone)
    }
}

/// The keys, and when they were read.
pub(crate) struct Keyring {
    current: ArcSwap<Keys>,
    read_at: Mutex<Timestamp>,
}
impl Keyring {
    /// Reads the keys, and makes those that are missing. Two nodes that start at once read what the first one wrote.
    pub async fn load(db: &Db, cx: Ctx, master: &MasterKey, random: &dyn Random) -> Result<Self> {
        let now = cx.now;
        let mut rows = db.read(cx.clone(), &(), all).await?;
        let missing: Vec<SigningKeyRow> = ["token", "audit"]
            .into_iter()
            .filter(|purpose| !rows.iter().any(|r| r.purpose == *purpose))
            .map(|purpose| fresh(purpose, master, now, random))
            .collect();
        if !missing.is_empty() {
            rows = db.write(cx, missing, insert).await?;
        }
        let keys = Keys::of(&rows, now, master, 0);
        keys.signing()?;
        Ok(Self { current: ArcSwap::from_pointee(keys), read_at: Mutex::new(now) })
    }
}

impl App {
    /// The keys of now.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.0.keys.current.load_full()
    }
    /// The master key, to seal something new with. 503 on a node that does not know the one of now: what it sealed would be left to the
    /// one before.
    pub(crate) fn sealing(&self) -> Result<&MasterKey> {
        self.keys().signing()?;
        Ok(&self.0.master_key)
    }
    /// Reads the keys again: each node does so every minute ([`crate::key_rotation::RELOAD_SECONDS`]). 503 if they were read, but do not open.
    pub async fn reload_keys(&self) -> Result<()> {
        let mut read_at = self.0.keys.read_at.lock().await;
        self.read_keys(&mut read_at).await?;
        self.keys().signing().map(drop)
    }
    /// The same for a token whose key is unknown: another node may have begun to use one that this node has not read.
    pub(crate) async fn look_for_a_new_key(&self) -> Result<()> {
        let mut read_at = self.0.keys.read_at.lock().await;
        let (last, now) = (*read_at, self.0.clock.now());
        if last <= now && now < last.plus_seconds(PATIENCE_SECONDS) {
            return Ok(());
        }
        self.read_keys(&mut read_at).await
    }
    async fn read_keys(&self, read_at: &mut Timestamp) -> Result<()> {
        let cx = self.nowhere();
        let (now, before) = (cx.now, self.keys());
        // before the read: one that fails is not repeated at once either
        *read_at = now;
        let rows = self.0.db.read(cx, &(), all).await?;
        let mut keys = Keys::of(&rows, now, &self.0.master_key, before.epoch);
        let gone = before.tokens.keys().iter().any(|k| keys.tokens.keys().iter().all(|t| t.id() != k.id()));
        keys.epoch += u64::from(gone);
        self.0.keys.current.store(Arc::new(keys));
        Ok(())
    }
}

/// A new key, which signs from this moment on unless the caller says another.
pub(crate) fn fresh(purpose: &str, master: &MasterKey, now: Timestamp, random: &dyn Random) -> SigningKeyRow {
    let key = SigningKey::generate(random);
    SigningKeyRow {
        id: key.id().to_owned(),
        purpose: purpose.to_owned(),
        public_key: key.verifying().public().to_vec(),
        private_key: key.wrap(master, random),
        created_at: now,
        signs_from: now,
        retired_at: None,
    }
}

/// Token keys that sign or will, in the order in which they do.
pub(crate) fn live_tokens(rows: &[SigningKeyRow]) -> Vec<&SigningKeyRow> {
    let mut live: Vec<_> = rows.iter().filter(|r| r.purpose == "token" && r.retired_at.is_none()).collect();
    live.sort_by(|a, b| (a.signs_from, &a.id).cmp(&(b.signs_from, &b.id)));
    live
}

/// The newest key whose time has come signs, until the next one's comes.
fn tokens(rows: &[SigningKeyRow], now: Timestamp, master: &MasterKey) -> Result<KeyRing> {
    let live = live_tokens(rows);
    // a clock that is behind that of the node which retired the last key: the next one signs a little early
    let at = live.iter().rposition(|r| r.signs_from <= now).unwrap_or(0);
    let later = live.get(at + 1..).unwrap_or_default();
    let current = live.get(at).ok_or_else(|| Error::unavailable("no live token key"))?;
    let mut ring = KeyRing::new(open(current, master)?, vec![]);
    for row in later {
        ring = ring.then(row.signs_from, open(row, master)?);
    }
    Ok(ring)
}
/// The newest key signs.
fn audit(rows: &[SigningKeyRow], master: &MasterKey) -> Result<SigningKey> {
    let newest = rows.iter().rev().find(|r| r.purpose == "audit" && r.retired_at.is_none());
    let newest = newest.ok_or_else(|| Error::unavailable("no live audit key"))?;
    let signing = open(newest, master)?;
    // while the master key is replaced, this key tells which of the two seals
    if let Ok(id) = key_of(&newest.private_key) {
        master.seal_with(id);
    }
    Ok(signing)
}
fn open(row: &SigningKeyRow, master: &MasterKey) -> Result<SigningKey> {
    SigningKey::unwrap(master, &row.id, &row.private_key).map_err(|e| {
        let purpose = &row.purpose;
        Error::unavailable(format!("the {purpose} key does not open: is this the master key of this store? ({e})"))
    })
}
fn public(row: &SigningKeyRow) -> Option<VerifyingKey> {
    VerifyingKey::new(row.public_key.clone().try_into().ok()?).ok()
}

pub(crate) async fn all(tx: &mut portcullis_store::Tx, (): &()) -> portcullis_store::Result<Vec<SigningKeyRow>> {
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
