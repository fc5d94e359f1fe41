//! A tenant's chain, read off the store in steps and verified on the way.
//!
//! Nothing here asks for an [`App`](crate::App) or for a key that signs: `portcullis audit verify` walks a store by the same
//! code from outside. What is held at once is one step, however long the log is.
use std::ops::RangeInclusive;

use portcullis_audit::GENESIS;
use portcullis_audit::chain::{Kind, Problem, Report, Start, Verifier};
use portcullis_audit::checkpoint::Checkpoint;
use portcullis_audit::entry::{Row, entry};
use portcullis_audit::erasure::{REDACTED, ranges};
use portcullis_crypto::signing::VerifyingKey;
use portcullis_domain::{Ctx, Error, Result, Timestamp};
use portcullis_store::audit::{self, SealedRow};
use portcullis_store::{Db, Tx};
use serde_json::Value;
use uuid::Uuid;

/// Entries that are read at once; the checkpoints on them are no more.
const STEP: i64 = 1_000;

/// Verifies a part of the chain of the context's tenant; `1..=i64::MAX` is all of it. `keys` are the public halves of the audit
/// keys, old ones too; `kept` are checkpoints from elsewhere.
pub async fn verify(
    db: &Db,
    cx: &Ctx,
    keys: &[VerifyingKey],
    part: RangeInclusive<i64>,
    kept: &[Checkpoint],
) -> Result<Report> {
    let mut walk = Walk::begin(db, cx, &part).await?;
    let mut verifier = Verifier::new(cx.tenant_id.uuid(), walk.start(), keys);
    for checkpoint in kept {
        if verifier.checkpoint(checkpoint).is_err() {
            return Ok(verifier.finish());
        }
    }
    if *part.end() < i64::MAX {
        erasures_after(db, cx, *part.end(), &mut verifier).await?;
    }
    loop {
        let step = walk.step().await?;
        for link in step.links() {
            if let Err(problem) = check(&mut verifier, &link) {
                return Ok(Report { problem: Some(problem), ..verifier.finish() });
            }
        }
        if step.is_end() {
            return Ok(verifier.finish());
        }
        // a thousand hashes are some milliseconds: others have their turn
        tokio::task::yield_now().await;
    }
}

fn check(verifier: &mut Verifier, link: &Link<'_>) -> Result<(), Problem> {
    match link {
        Link::Checkpoint(checkpoint) => verifier.checkpoint(checkpoint),
        Link::Entry(sealed, row) => {
            verifier.entry(row)?;
            if columns_agree(sealed) { Ok(()) } else { Err(Problem { seq: row.seq, kind: Kind::Digest }) }
        }
    }
}

/// The columns that lists filter by are outside the hash; they have to say what the sealed body says.
fn columns_agree(r: &SealedRow) -> bool {
    let Ok(e) = entry(&r.body, r.hole, &r.private, None) else { return false };
    let at = e["created_at"].as_str().and_then(|t| t.parse::<Timestamp>().ok()).map(Timestamp::micros);
    let says = |name: &str, value: &str| e[name].as_str() == Some(value);
    at == Some(r.columns.at)
        && says("id", &r.id.to_string())
        && r.columns.texts.iter().all(|(n, v)| says(n, v))
        && r.columns.organization.is_none_or(|o| organization_agrees(&e, o))
}
/// Metadata that says it may be erased, and rows that are older than the column have none.
fn organization_agrees(e: &Value, column: Uuid) -> bool {
    let text = |name: &str| e[name].as_str().unwrap_or_default();
    match portcullis_audit::organization(text("resource_type"), text("resource_id"), e["metadata"].as_object()) {
        Some(said) => said == column,
        None => e["redacted"] == true,
    }
}

/// Tells the verifier of erasures that are recorded after the part of the log that it will see.
async fn erasures_after(db: &Db, cx: &Ctx, to: i64, verifier: &mut Verifier) -> Result<()> {
    let mut rest = Walk::begin(db, cx, &(to + 1..=i64::MAX)).await?;
    loop {
        let step = rest.step().await?;
        for r in &step.rows {
            let e = entry(&r.body, r.hole, &r.private, None).map_err(Error::internal)?;
            if e["action"] == REDACTED {
                ranges(&e["metadata"]).for_each(|(from, to)| verifier.erased(from, to));
            }
        }
        if step.is_end() {
            return Ok(());
        }
    }
}

/// A way along a part of a chain.
pub(crate) struct Walk<'a> {
    db: &'a Db,
    cx: &'a Ctx,
    at: Place,
    /// The hash of the entry before the next one, where the store has it.
    prev: Option<[u8; 32]>,
}

/// How far a walk has come.
#[derive(Clone, Copy)]
struct Place {
    /// The next entry.
    entry: i64,
    /// The next checkpoint stands on this number or a later one.
    checkpoint: i64,
    /// The last entry that is wanted.
    to: i64,
}

impl<'a> Walk<'a> {
    /// Before the first entry of a part, whose numbers begin at 1.
    pub async fn begin(db: &'a Db, cx: &'a Ctx, part: &RangeInclusive<i64>) -> Result<Self> {
        let (from, to) = (*part.start(), *part.end());
        if from == 1 {
            // a checkpoint on no entry at all is seen by whoever walks from the beginning
            let at = Place { entry: 1, checkpoint: i64::MIN, to };
            return Ok(Self { db, cx, at, prev: Some(GENESIS) });
        }
        let before = db.read(cx.clone(), &audit::Start { seq: from - 1, limit: 1 }, audit::range).await?;
        let prev = before.first().filter(|r| r.seq == from - 1).map(|r| r.hash);
        Ok(Self { db, cx, at: Place { entry: from, checkpoint: from, to }, prev })
    }
    /// Where a verifier of this walk begins.
    fn start(&self) -> Start {
        match self.prev {
            _ if self.at.entry == 1 => Start::Genesis,
            Some(hash) => Start::After { seq: self.at.entry - 1, hash },
            None => Start::Anywhere,
        }
    }
    /// The next entries, and the checkpoints up to the last of them.
    pub async fn step(&mut self) -> Result<Step> {
        let (rows, checkpoints) = self.db.scan(self.cx.clone(), self.at, read).await?;
        let prev = self.prev;
        if let Some(last) = rows.last() {
            self.at.entry = last.seq + 1;
            self.prev = Some(last.hash);
        }
        if let Some(last) = checkpoints.last() {
            self.at.checkpoint = last.seq.saturating_add(1);
        }
        let checkpoints = checkpoints.into_iter().map(|c| checkpoint(self.cx, c)).collect();
        Ok(Step { rows, checkpoints, prev })
    }
}

/// Entries and checkpoints of one snapshot: a checkpoint that is made meanwhile must not seem to stand on an entry that is missing.
async fn read(tx: &mut Tx, at: &Place) -> portcullis_store::Result<(Vec<SealedRow>, Vec<audit::Checkpoint>)> {
    let mut rows = audit::range(tx, &audit::Start { seq: at.entry, limit: STEP }).await?;
    rows.retain(|r| r.seq <= at.to);
    let last = rows.last().map_or(at.to, |r| r.seq);
    let checkpoints = audit::checkpoints_on(tx, at.checkpoint..=last, STEP).await?;
    Ok((rows, checkpoints))
}

/// What one step of a walk finds.
pub(crate) struct Step {
    rows: Vec<SealedRow>,
    checkpoints: Vec<Checkpoint>,
    prev: Option<[u8; 32]>,
}

/// A link of the chain.
pub(crate) enum Link<'a> {
    /// An entry: as it is stored, and as it is hashed.
    Entry(&'a SealedRow, Row<'a>),
    /// A checkpoint.
    Checkpoint(&'a Checkpoint),
}

impl Step {
    /// Has the walk come to its end? Checkpoints of such a step stand on entries that are not there.
    pub fn is_end(&self) -> bool {
        self.rows.is_empty()
    }
    /// All of it in the order of an export: a checkpoint follows its entry.
    pub fn links(&self) -> impl Iterator<Item = Link<'_>> {
        let before = std::iter::once(self.prev).chain(self.rows.iter().map(|r| Some(r.hash)));
        let entries = self.rows.iter().zip(before).map(|(r, prev_hash)| {
            let row = Row { seq: r.seq, prev_hash, hash: r.hash, body: &r.body, hole: r.hole, private: &r.private };
            (r.seq, Link::Entry(r, row))
        });
        let checkpoints = self.checkpoints.iter().map(|c| (c.seq, Link::Checkpoint(c)));
        let mut links: Vec<_> = entries.chain(checkpoints).collect();
        // both are sorted, and the sort is stable
        links.sort_by_key(|(seq, _)| *seq);
        links.into_iter().map(|(_, link)| link)
    }
}

/// A stored checkpoint as it was signed.
pub(crate) fn checkpoint(cx: &Ctx, c: audit::Checkpoint) -> Checkpoint {
    Checkpoint {
        id: c.id,
        tenant_id: cx.tenant_id.uuid(),
        seq: c.seq,
        hash: c.hash,
        created_at: Timestamp::from_micros(c.created_at),
        key_id: c.key_id,
        // one of the wrong length is as good as a wrong one: the verifier says where it is
        signature: c.signature.try_into().unwrap_or([0; 64]),
    }
}
