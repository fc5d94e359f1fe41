//! The audit log's rows: appended with each change, sealed (numbered and chained), read, and erased in their private part.
//!
//! What an event says and what is hashed is `portcullis_audit`. On SQLite the writer seals; on PostgreSQL events wait in
//! `audit_pending` for [`seal_pending`], which one node at a time calls.
use std::ops::RangeInclusive;

use portcullis_audit::Prepared;
use uuid::Uuid;

use crate::lease::{self, Lease};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "e.id, e.at, e.actor_type, e.actor_id, e.action, e.resource_type, e.resource_id, e.outcome, e.body, e.hole, \
         e.private, s.seq, s.hash, p.hash, e.organization_id \
         FROM audit_events e \
         LEFT JOIN audit_seals s ON s.tenant = e.tenant AND s.event_id = e.id \
         LEFT JOIN audit_seals p ON p.tenant = s.tenant AND p.seq = s.seq - 1"
    };
}

statements! {
    pub(crate) INSERT_EVENT: write
        "INSERT INTO audit_events (tenant, id, at, actor_type, actor_id, action, resource_type, resource_id, outcome, \
         body, hole, private, organization_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    pub(crate) INSERT_SEAL: write "INSERT INTO audit_seals (tenant, seq, event_id, hash) VALUES ($1, $2, $3, $4)";
    pub(crate) INSERT_PENDING: write "INSERT INTO audit_pending (tenant, event_id) VALUES ($1, $2)";
    pub(crate) HEAD: point "SELECT seq, hash FROM audit_seals WHERE tenant = $1 ORDER BY seq DESC LIMIT 1";
    pub(crate) EXISTS: point "SELECT at FROM audit_events WHERE tenant = $1 AND id = $2";
    PENDING: page
        "SELECT e.id, e.body, e.hole, p.ordinal FROM audit_pending p \
         JOIN audit_events e ON e.tenant = p.tenant AND e.id = p.event_id \
         WHERE p.tenant = $1 ORDER BY p.ordinal LIMIT $2";
    SEALED: write "DELETE FROM audit_pending WHERE tenant = $1 AND ordinal <= $2";
    COUNT: scan "SELECT count(*) FROM audit_events WHERE tenant = $1 AND outcome = $2";
    BY_ID: point concat!("SELECT ", columns!(), " WHERE e.tenant = $1 AND e.id = $2");
    RANGE: page
        "SELECT s.seq, s.hash, e.id, e.body, e.hole, e.private, e.at, e.actor_type, e.actor_id, e.action, e.resource_type, \
         e.resource_id, e.outcome, e.organization_id FROM audit_seals s \
         JOIN audit_events e ON e.tenant = s.tenant AND e.id = s.event_id \
         WHERE s.tenant = $1 AND s.seq >= $2 ORDER BY s.seq LIMIT $3";
    ERASE: write "UPDATE audit_events SET private = '' WHERE tenant = $1 AND id = $2 AND private <> ''";
    INSERT_CHECKPOINT: write
        "INSERT INTO audit_checkpoints (tenant, seq, id, hash, key_id, signature, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, seq) DO NOTHING";
    CHECKPOINTS: page
        "SELECT seq, id, hash, key_id, signature, created_at FROM audit_checkpoints \
         WHERE tenant = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
    CHECKPOINTS_ON: page
        "SELECT seq, id, hash, key_id, signature, created_at FROM audit_checkpoints \
         WHERE tenant = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq LIMIT $4";
}

/// The end of a tenant's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last sealed event; 0 before the first.
    pub seq: i64,
    /// Its hash; zeros before the first.
    pub hash: [u8; 32],
}
impl Head {
    /// Before the first event.
    pub const START: Self = Self { seq: 0, hash: [0; 32] };

    /// The head after this event, whose bytes carry the next number.
    pub(crate) fn next(self, canonical: &[u8]) -> Self {
        Self { seq: self.seq + 1, hash: portcullis_audit::link(&self.hash, canonical) }
    }
}

/// An event with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its id.
    pub id: Uuid,
    /// When, in microseconds.
    pub at: i64,
    /// `user`, `api_key`, …
    pub actor_type: String,
    /// Whose id, or a word.
    pub actor_id: String,
    /// `user.created`.
    pub action: String,
    /// `user`.
    pub resource_type: String,
    /// Which one.
    pub resource_id: String,
    /// `ok`, `denied`, `failed`.
    pub outcome: String,
    /// The canonical bytes without the number.
    pub body: Vec<u8>,
    /// Where the number goes.
    pub hole: usize,
    /// Values and salt; empty after an erasure.
    pub private: String,
    /// Its number; `None` while it waits for the sealer.
    pub seq: Option<i64>,
    /// Its hash, with the number.
    pub hash: Option<[u8; 32]>,
    /// The hash before it: zeros for the first.
    pub prev_hash: Option<[u8; 32]>,
    /// The organization that it happened in.
    pub organization: Option<Uuid>,
}

impl AuditRow {
    /// An event that is about to be appended.
    pub fn unsealed(event: &Prepared) -> Self {
        Self {
            id: event.id,
            at: event.at,
            actor_type: event.actor_type.into(),
            actor_id: event.actor_id.clone(),
            action: event.action.clone(),
            resource_type: event.resource_type.clone(),
            resource_id: event.resource_id.clone(),
            outcome: event.outcome.into(),
            body: event.body.clone(),
            hole: event.hole,
            private: event.private.clone(),
            seq: None,
            hash: None,
            prev_hash: None,
            organization: event.organization,
        }
    }
}

/// A sealed event as a verifier needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRow {
    /// Its number.
    pub seq: i64,
    /// What the store says that its hash is.
    pub hash: [u8; 32],
    /// Its id.
    pub id: Uuid,
    /// The canonical bytes without the number.
    pub body: Vec<u8>,
    /// Where the number goes.
    pub hole: usize,
    /// Values and salt; empty after an erasure.
    pub private: String,
    /// What the row says beside the body, for filters: a verifier compares the two.
    pub columns: Columns,
}

/// The fields that lists filter by, kept beside the body that says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Microseconds since the epoch.
    pub at: i64,
    /// Text columns by the names of the entry's fields.
    pub texts: [(&'static str, String); 6],
    /// The organization that it happened in.
    pub organization: Option<Uuid>,
}

/// A signed statement that the chain reached this hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The number of the event it stands on.
    pub seq: i64,
    /// Its id.
    pub id: Uuid,
    /// The hash of that event.
    pub hash: [u8; 32],
    /// Which key signed.
    pub key_id: String,
    /// Ed25519.
    pub signature: Vec<u8>,
    /// When, in microseconds.
    pub created_at: i64,
}

/// What [`list`] shows, newest first. All that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Whose.
    pub actor_id: Option<String>,
    /// Of what kind of actor.
    pub actor_type: Option<String>,
    /// On what kind of thing.
    pub resource_type: Option<String>,
    /// On which one.
    pub resource_id: Option<String>,
    /// `user.created`, or everything that begins like `user.*`.
    pub action: Option<String>,
    /// How it went.
    pub outcome: Option<String>,
    /// In this organization.
    pub organization: Option<Uuid>,
    /// From this moment on (microseconds).
    pub from: Option<i64>,
    /// Before this moment (microseconds).
    pub to: Option<i64>,
    /// Only events older than this one: the last of the page before.
    pub before: Option<Uuid>,
    /// At most so many, 1 to 251: a page, and one to see that there is more.
    pub limit: i64,
}

/// One page, newest first. A filter that matches rarely walks far: run it with [`crate::Db::scan`] unless only
/// `before` is set.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<AuditRow>> {
    let mut text = String::from(concat!("SELECT ", columns!(), " WHERE e.tenant = $1"));
    let mut params: Vec<P<'_>> = Vec::new();
    let prefix = filter.action.as_deref().and_then(|a| a.strip_suffix('*'));
    let exact = filter.action.as_deref().filter(|_| prefix.is_none());
    // every text that begins with the prefix lies between it and the prefix with its last byte raised (ASCII words)
    let end = prefix.and_then(after_prefix);
    let conditions: [(&str, P<'_>); 12] = [
        ("e.actor_id = ", filter.actor_id.as_ref().into()),
        ("e.actor_type = ", filter.actor_type.as_ref().into()),
        ("e.resource_type = ", filter.resource_type.as_ref().into()),
        ("e.resource_id = ", filter.resource_id.as_ref().into()),
        ("e.action = ", exact.into()),
        ("e.action >= ", prefix.into()),
        ("e.action < ", end.as_ref().into()),
        ("e.outcome = ", filter.outcome.as_ref().into()),
        ("e.organization_id = ", filter.organization.into()),
        ("e.at >= ", filter.from.into()),
        ("e.at < ", filter.to.into()),
        ("e.id < ", filter.before.into()),
    ];
    for (condition, value) in conditions.into_iter().filter(|(_, value)| *value != P::Null) {
        params.push(value);
        text.push_str(&format!(" AND {condition}${}", params.len() + 1));
    }
    params.push(filter.limit.clamp(1, 251).into());
    text.push_str(&format!(" ORDER BY e.id DESC LIMIT ${}", params.len() + 1));
    tx.all_dynamic(&text, &params, read_event).await
}

/// How many events of this outcome the tenant has. A scan.
pub async fn count(tx: &mut Tx, outcome: &str) -> Result<i64> {
    Ok(tx.one(&COUNT, &[P::Text(outcome)], |row| row.int(0)).await?.unwrap_or(0))
}
/// The event with this id.
pub async fn by_id(tx: &mut Tx, id: &Uuid) -> Result<Option<AuditRow>> {
    tx.one(&BY_ID, &[(*id).into()], read_event).await
}

/// Where an export or a verification goes on.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The first number wanted.
    pub seq: i64,
    /// At most so many, up to 1,000.
    pub limit: i64,
}
/// Sealed events in their order. A number that is missing in the answer is missing in the store.
pub async fn range(tx: &mut Tx, from: &Start) -> Result<Vec<SealedRow>> {
    let read = |row: &Row<'_>| {
        Ok(SealedRow {
            seq: row.int(0)?,
            hash: row.array(1)?,
            id: row.uuid(2)?,
            body: row.bytes(3)?,
            hole: hole(row, 4)?,
            private: row.text(5)?,
            columns: Columns {
                at: row.int(6)?,
                texts: [
                    ("actor_type", row.text(7)?),
                    ("actor_id", row.text(8)?),
                    ("action", row.text(9)?),
                    ("resource_type", row.text(10)?),
                    ("resource_id", row.text(11)?),
                    ("outcome", row.text(12)?),
                ],
                organization: row.opt_uuid(13)?,
            },
        })
    };
    tx.all(&RANGE, &[from.seq.into(), from.limit.clamp(1, 1_000).into()], read).await
}

/// The end of the tenant's chain; [`Head::START`] if nothing is sealed.
pub async fn head(tx: &mut Tx, _: &()) -> Result<Head> {
    Ok(tx.one(&HEAD, &[], read_head).await?.unwrap_or(Head::START))
}

/// Keeps a checkpoint; a second one on the same event is ignored.
pub async fn insert_checkpoint(tx: &mut Tx, c: &Checkpoint) -> Result<()> {
    let params: [P<'_>; 6] =
        [c.seq.into(), c.id.into(), (&c.hash).into(), (&c.key_id).into(), (&c.signature).into(), c.created_at.into()];
    tx.send(&INSERT_CHECKPOINT, &params).await
}
/// At most 251 checkpoints on events before the number `before`, newest first.
pub async fn checkpoints(tx: &mut Tx, before: &i64) -> Result<Vec<Checkpoint>> {
    tx.all(&CHECKPOINTS, &[(*before).into(), 251.into()], read_checkpoint).await
}
/// The checkpoints that stand on these numbers, in their order; at most so many, up to 1,000.
pub async fn checkpoints_on(tx: &mut Tx, seqs: RangeInclusive<i64>, limit: i64) -> Result<Vec<Checkpoint>> {
    let params: [P<'_>; 3] = [(*seqs.start()).into(), (*seqs.end()).into(), limit.clamp(1, 1_000).into()];
    tx.all(&CHECKPOINTS_ON, &params, read_checkpoint).await
}
/// The newest checkpoint.
pub async fn latest_checkpoint(tx: &mut Tx, _: &()) -> Result<Option<Checkpoint>> {
    tx.one(&CHECKPOINTS, &[i64::MAX.into(), 1.into()], read_checkpoint).await
}

/// Empties the private part of these events of the tenant; what is hashed stays. The caller appends the event that says so.
/// At most 1,000 at once.
pub async fn erase_private(tx: &mut Tx, events: &Vec<Uuid>) -> Result<()> {
    for id in events {
        tx.send(&ERASE, &[(*id).into()]).await?;
    }
    Ok(())
}

/// One batch of the sealer's work.
#[derive(Clone, Debug)]
pub struct SealPending {
    /// Under which the sealer works.
    pub lease: Lease,
    /// At most so many events, up to 1,000.
    pub limit: i64,
}
/// Numbers and chains the tenant's waiting events in the order in which they were written; how many there were. Always 0 on
/// SQLite. A change that wrote over what another one wrote is numbered after it: its transaction waited for the other. One that only
/// *read* what another wrote over meanwhile comes first for SERIALIZABLE, but neither waited: they may be numbered the other way round.
pub async fn seal_pending(tx: &mut Tx, batch: &SealPending) -> Result<usize> {
    lease::check(tx, &batch.lease).await?;
    let read = |row: &Row<'_>| Ok((row.uuid(0)?, row.bytes(1)?, hole(row, 2)?, row.int(3)?));
    let waiting = tx.all(&PENDING, &[batch.limit.clamp(1, 1_000).into()], read).await?;
    let Some(&(.., last)) = waiting.last() else { return Ok(0) };
    let mut head = head(tx, &()).await?;
    for (id, body, hole, _) in &waiting {
        head = head.next(&portcullis_audit::fill(body, *hole, head.seq + 1));
        tx.send(&INSERT_SEAL, &[head.seq.into(), (*id).into(), (&head.hash).into()]).await?;
    }
    // what came in between is not in this snapshot and stays
    tx.send(&SEALED, &[last.into()]).await?;
    Ok(waiting.len())
}

pub(crate) fn event_params(event: &Prepared) -> [P<'_>; 12] {
    [
        event.id.into(),
        event.at.into(),
        event.actor_type.into(),
        (&event.actor_id).into(),
        (&event.action).into(),
        (&event.resource_type).into(),
        (&event.resource_id).into(),
        event.outcome.into(),
        (&event.body).into(),
        P::Int(event.hole as i64),
        (&event.private).into(),
        event.organization.into(),
    ]
}
pub(crate) fn read_head(row: &Row<'_>) -> Result<Head> {
    Ok(Head { seq: row.int(0)?, hash: row.array(1)? })
}
fn read_checkpoint(row: &Row<'_>) -> Result<Checkpoint> {
    Ok(Checkpoint {
        seq: row.int(0)?,
        id: row.uuid(1)?,
        hash: row.array(2)?,
        key_id: row.text(3)?,
        signature: row.bytes(4)?,
        created_at: row.int(5)?,
    })
}
fn read_event(row: &Row<'_>) -> Result<AuditRow> {
    let seq = row.opt_int(11)?;
    Ok(AuditRow {
        id: row.uuid(0)?,
        at: row.int(1)?,
        actor_type: row.text(2)?,
        actor_id: row.text(3)?,
        action: row.text(4)?,
        resource_type: row.text(5)?,
        resource_id: row.text(6)?,
        outcome: row.text(7)?,
        body: row.bytes(8)?,
        hole: hole(row, 9)?,
        private: row.text(10)?,
        seq,
        hash: row.opt_array(12)?,
        prev_hash: if seq == Some(1) { Some(Head::START.hash) } else { row.opt_array(13)? },
        organization: row.opt_uuid(14)?,
    })
}
fn hole(row: &Row<'_>, column: usize) -> Result<usize> {
    usize::try_from(row.int(column)?).map_err(crate::Error::internal)
}
/// The least text that is greater than all that begin with `prefix`.
fn after_prefix(prefix: &str) -> Option<String> {
    let last = prefix.chars().next_back()?;
    let next = char::from_u32(u32::from(last) + 1)?;
    Some(format!("{}{next}", &prefix[..prefix.len() - last.len_utf8()]))
}
