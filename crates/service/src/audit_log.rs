//! Reading, exporting and verifying the audit log.
use portcullis_audit::chain::{Kind, Problem, Start, Verifier};
use portcullis_audit::checkpoint::Checkpoint;
use portcullis_audit::entry::{Row, Seal, entry};
use portcullis_audit::erasure::REDACTED;
use portcullis_audit::export::Exporter;
use portcullis_authz::Target;
use portcullis_domain::audit::Event;
use portcullis_domain::{Ctx, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, audit};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{App, Page, PageRequest};

/// Entries that are read at once.
const STEP: i64 = 1_000;

/// What a list of entries is narrowed by.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the query names of spec v1 4.16")]
pub struct AuditFilter {
    pub actor_id: Option<String>,
    pub actor_type: Option<String>,
    pub resource_type: Option<String>,
    pub resource_id: Option<String>,
    /// Exact, or a prefix with a trailing `*`.
    pub action: Option<String>,
    pub outcome: Option<String>,
    pub http_request_id: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

impl App {
    /// A page of entries (AuditEntry of spec v1 3.5 as JSON), newest first. `audit:list`.
    pub async fn list_audit(&self, cx: &Ctx, filter: &AuditFilter, page: &PageRequest) -> Result<Page<Value>> {
        self.may(cx, "audit:list", Target::tenant()).await?;
        let before = self.page_start(cx, page).await?.and_then(|k| crate::page::text(&k, "id").parse().ok());
        let f = audit::Filter {
            actor_id: filter.actor_id.clone(),
            actor_type: filter.actor_type.clone(),
            resource_type: filter.resource_type.clone(),
            resource_id: filter.resource_id.clone(),
            action: filter.action.clone(),
            outcome: filter.outcome.clone(),
            from: filter.from.map(Timestamp::micros),
            to: filter.to.map(Timestamp::micros),
            before,
            limit: i64::try_from(page.limit + 1).unwrap_or(STEP),
        };
        let rows = self.0.db.scan(cx.clone(), f, list).await?;
        let rows: Vec<Value> = rows.iter().map(shown).collect::<Result<_>>()?;
        let page = self.page(cx, page, rows, |e| json!({ "id": e["id"] })).await?;
        match &filter.http_request_id {
            // one request leaves few events: its filter is applied to the page
            Some(id) => Ok(Page {
                data: page.data.into_iter().filter(|e| e["http_request_id"] == json!(id)).collect(),
                next_cursor: page.next_cursor,
            }),
            None => Ok(page),
        }
    }
    /// One entry. `audit:list`.
    pub async fn get_audit(&self, cx: &Ctx, id: Id<Event>) -> Result<Value> {
        self.may(cx, "audit:list", Target::tenant()).await?;
        let row = self.0.db.read(cx.clone(), &id.uuid(), audit::by_id).await?;
        shown(&row.ok_or_else(|| Error::not_found("audit entry"))?)
    }
    /// A page of checkpoints from a number on, newest first, and the public keys. `audit:list`.
    pub async fn list_checkpoints(
        &self,
        cx: &Ctx,
        from_seq: Option<i64>,
        page: &PageRequest,
    ) -> Result<(Page<Value>, Vec<Value>)> {
        self.may(cx, "audit:list", Target::tenant()).await?;
        let before = self.page_start(cx, page).await?.and_then(|k| k["seq"].as_i64()).unwrap_or(i64::MAX);
        let rows = self.0.db.read(cx.clone(), &before, audit::checkpoints).await?;
        let from = from_seq.unwrap_or(0);
        let rows: Vec<Value> = rows
            .iter()
            .filter(|c| c.seq >= from)
            .take(page.limit + 1)
            .map(|c| checkpoint(cx, c).map(|c| c.to_value()))
            .collect::<Result<_>>()?;
        let page = self.page(cx, page, rows, |c| json!({ "seq": c["seq"] })).await?;
        Ok((page, self.audit_keys()))
    }
    /// The public halves of the audit keys, old ones too.
    pub fn audit_keys(&self) -> Vec<Value> {
        let keys = self.0.keys.audit.verifying().iter();
        keys.map(|k| json!({ "key_id": k.id(), "public_key": k.public_text() })).collect()
    }
    /// Authorises an export and records it; answers its lines in steps. `audit:export`. A filtered export is no chain: its
    /// lines are the entries alone.
    pub async fn export_audit(
        &self,
        cx: &Ctx,
        filter: AuditFilter,
        from_seq: Option<i64>,
        to_seq: Option<i64>,
    ) -> Result<mpsc::Receiver<Result<Vec<u8>>>> {
        self.may(cx, "audit:export", Target::tenant()).await?;
        let event = self.event(cx, "audit.exported", "tenant", cx.tenant_id).with("from_seq", json!(from_seq));
        let event = self.prepare(cx, event.with("to_seq", json!(to_seq)));
        self.0.db.write(cx.clone(), event, record).await?;
        let (send, receive) = mpsc::channel(8);
        let (app, cx) = (self.clone(), cx.clone());
        tokio::spawn(async move {
            let range = Range { from: from_seq.unwrap_or(1).max(1), to: to_seq.unwrap_or(i64::MAX), filter };
            if let Err(e) = app.export_steps(&cx, range, &send).await {
                // the client may have left: then nobody is told
                let _ = send.send(Err(e)).await;
            }
        });
        Ok(receive)
    }
    async fn export_steps(&self, cx: &Ctx, range: Range, send: &mpsc::Sender<Result<Vec<u8>>>) -> Result<()> {
        let mut out = Exporter::new(Vec::new());
        let mut walk = self.walk(cx, range.from).await?;
        while let Some(step) = self.step(cx, &mut walk, range.to).await? {
            for (row, prev) in step.linked() {
                if range.filter.keeps(row)? {
                    out.entry(&entry_row(row, prev)).map_err(Error::internal)?;
                }
                if let Some(c) = step.checkpoints.iter().find(|c| c.seq == row.seq) {
                    out.checkpoint(c).map_err(Error::internal)?;
                }
            }
            if send.send(Ok(std::mem::take(out.get_mut()))).await.is_err() {
                return Ok(());
            }
        }
        let rest = out.finish().map_err(Error::internal)?;
        let _ = send.send(Ok(rest)).await;
        Ok(())
    }
    /// `{ok, checked, first_seq, last_seq, last_checkpoint, problem?}`. `audit:verify`.
    pub async fn verify_audit(
        &self,
        cx: &Ctx,
        from_seq: Option<i64>,
        to_seq: Option<i64>,
        kept: Option<Value>,
    ) -> Result<Value> {
        self.may(cx, "audit:verify", Target::tenant()).await?;
        let kept = match kept {
            None => vec![],
            Some(v) => vec![parse_checkpoint(cx, v)?],
        };
        let report = self.verify_chain(cx, from_seq.unwrap_or(1).max(1), to_seq.unwrap_or(i64::MAX), &kept).await?;
        Ok(report.to_value())
    }
    /// Walks the whole chain of the context's tenant; `kept` are checkpoints from elsewhere.
    pub async fn verify_chain(
        &self,
        cx: &Ctx,
        from: i64,
        to: i64,
        kept: &[Checkpoint],
    ) -> Result<portcullis_audit::chain::Report> {
        let mut walk = self.walk(cx, from).await?;
        let start = match (from, walk.prev) {
            (1, _) => Start::Genesis,
            (_, Some(prev)) => Start::After { seq: from - 1, hash: prev },
            _ => Start::Anywhere,
        };
        let mut v = Verifier::new(cx.tenant_id.uuid(), start, self.0.keys.audit.verifying());
        for c in kept {
            if v.checkpoint(c).is_err() {
                return Ok(v.finish());
            }
        }
        if to < i64::MAX {
            self.erasures_after(cx, to, &mut v).await?;
        }
        while let Some(step) = self.step(cx, &mut walk, to).await? {
            for (row, prev) in step.linked() {
                if v.entry(&entry_row(row, prev)).is_err() {
                    return Ok(v.finish());
                }
                if !columns_agree(row) {
                    let mut report = v.finish();
                    report.problem = Some(Problem { seq: row.seq, kind: Kind::Digest });
                    return Ok(report);
                }
                if let Some(c) = step.checkpoints.iter().find(|c| c.seq == row.seq)
                    && v.checkpoint(c).is_err()
                {
                    return Ok(v.finish());
                }
            }
            tokio::task::yield_now().await;
        }
        // a checkpoint of our own that knows of more than there is: the tail was cut
        for c in walk.checkpoints.iter().filter(|c| to == i64::MAX && c.seq >= walk.next) {
            if v.checkpoint(c).is_err() {
                break;
            }
        }
        Ok(v.finish())
    }
    /// Tells the verifier of erasures that are recorded after the part of the log that it will see.
    async fn erasures_after(&self, cx: &Ctx, to: i64, v: &mut Verifier) -> Result<()> {
        let mut rest = Walk { next: to + 1, prev: None, checkpoints: vec![] };
        while let Some(step) = self.step(cx, &mut rest, i64::MAX).await? {
            for row in &step.rows {
                let e = entry(&row.body, row.hole, &row.private, None).map_err(Error::internal)?;
                for s in e["metadata"]["seqs"].as_array().into_iter().flatten().filter(|_| e["action"] == REDACTED) {
                    if let (Some(a), Some(b)) = (s.as_i64().or(s[0].as_i64()), s.as_i64().or(s[1].as_i64())) {
                        v.erased(a, b);
                    }
                }
            }
        }
        Ok(())
    }
    /// Begins a walk over sealed entries at a number.
    async fn walk(&self, cx: &Ctx, from: i64) -> Result<Walk> {
        let before = audit::Start { seq: from - 1, limit: 1 };
        let prev = match from {
            1 => Some(portcullis_audit::GENESIS),
            _ => self
                .0
                .db
                .read(cx.clone(), &before, audit::range)
                .await?
                .first()
                .filter(|r| r.seq == from - 1)
                .map(|r| r.hash),
        };
        let checkpoints = self.0.db.scan(cx.clone(), (), all_checkpoints).await?;
        let checkpoints = checkpoints.iter().map(|c| checkpoint(cx, c)).collect::<Result<_>>()?;
        Ok(Walk { next: from, prev, checkpoints })
    }
    async fn step(&self, cx: &Ctx, walk: &mut Walk, to: i64) -> Result<Option<Step>> {
        let start = audit::Start { seq: walk.next, limit: STEP };
        let mut rows = self.0.db.scan(cx.clone(), start, audit::range).await?;
        rows.retain(|r| r.seq <= to);
        let Some(last) = rows.last() else { return Ok(None) };
        let checkpoints: Vec<Checkpoint> =
            walk.checkpoints.iter().filter(|c| (walk.next..=last.seq).contains(&c.seq)).cloned().collect();
        let step_prev = walk.prev;
        walk.next = last.seq + 1;
        walk.prev = Some(last.hash);
        Ok(Some(Step { rows, checkpoints, prev: step_prev }))
    }
}

struct Range {
    from: i64,
    to: i64,
    filter: AuditFilter,
}
struct Walk {
    next: i64,
    prev: Option<[u8; 32]>,
    checkpoints: Vec<Checkpoint>,
}
struct Step {
    rows: Vec<audit::SealedRow>,
    checkpoints: Vec<Checkpoint>,
    prev: Option<[u8; 32]>,
}
impl Step {
    /// Each row with the hash of the one before it.
    fn linked(&self) -> impl Iterator<Item = (&audit::SealedRow, Option<[u8; 32]>)> {
        let before = std::iter::once(self.prev).chain(self.rows.iter().map(|r| Some(r.hash)));
        self.rows.iter().zip(before)
    }
}

/// The columns that lists filter by say what the sealed body says.
fn columns_agree(r: &audit::SealedRow) -> bool {
    let Ok(e) = entry(&r.body, r.hole, &r.private, None) else { return false };
    let at = e["created_at"].as_str().and_then(|t| t.parse::<Timestamp>().ok()).map(Timestamp::micros);
    let id = r.id.to_string();
    at == Some(r.columns.at) && e["id"] == id.as_str() && r.columns.texts.iter().all(|(name, v)| e[*name] == v.as_str())
}

impl AuditFilter {
    fn is_empty(&self) -> bool {
        let Self { actor_id, actor_type, resource_type, resource_id, action, outcome, http_request_id, from, to } =
            self;
        [actor_id, actor_type, resource_type, resource_id, action, outcome, http_request_id].iter().all(|f| f.is_none())
            && from.is_none()
            && to.is_none()
    }
    fn keeps(&self, row: &audit::SealedRow) -> Result<bool> {
        if self.is_empty() {
            return Ok(true);
        }
        let e = entry(&row.body, row.hole, &row.private, None).map_err(Error::internal)?;
        let text = |name: &str| e[name].as_str().unwrap_or_default();
        let same = |want: &Option<String>, name: &str| want.as_deref().is_none_or(|w| w == text(name));
        let action = self.action.as_deref().is_none_or(|w| match w.strip_suffix('*') {
            Some(prefix) => text("action").starts_with(prefix),
            None => w == text("action"),
        });
        let at = text("created_at").parse::<Timestamp>().unwrap_or_default();
        Ok(same(&self.actor_id, "actor_id")
            && same(&self.actor_type, "actor_type")
            && same(&self.resource_type, "resource_type")
            && same(&self.resource_id, "resource_id")
            && same(&self.outcome, "outcome")
            && same(&self.http_request_id, "http_request_id")
            && action
            && self.from.is_none_or(|f| at >= f)
            && self.to.is_none_or(|t| at <= t))
    }
}

fn entry_row(r: &audit::SealedRow, prev_hash: Option<[u8; 32]>) -> Row<'_> {
    Row { seq: r.seq, prev_hash, hash: r.hash, body: &r.body, hole: r.hole, private: &r.private }
}
fn shown(r: &audit::AuditRow) -> Result<Value> {
    let seal = r.seq.zip(r.hash).map(|(seq, hash)| Seal { seq, prev_hash: r.prev_hash, hash });
    entry(&r.body, r.hole, &r.private, seal).map_err(Error::internal)
}
/// A stored checkpoint as it was signed.
pub(crate) fn checkpoint(cx: &Ctx, c: &audit::Checkpoint) -> Result<Checkpoint> {
    Ok(Checkpoint {
        id: c.id,
        tenant_id: cx.tenant_id.uuid(),
        seq: c.seq,
        hash: c.hash,
        created_at: Timestamp::from_micros(c.created_at),
        key_id: c.key_id.clone(),
        signature: c
            .signature
            .clone()
            .try_into()
            .map_err(|_| Error::internal("a checkpoint's signature is damaged"))?,
    })
}
fn parse_checkpoint(cx: &Ctx, mut v: Value) -> Result<Checkpoint> {
    if let Some(o) = v.as_object_mut() {
        o.entry("tenant_id").or_insert_with(|| cx.tenant_id.to_string().into());
    }
    let c = Checkpoint::parse(&v.to_string()).map_err(|_| {
        Error::field("checkpoint", "A checkpoint as GET /v1/audit-log/checkpoints answers it, word for word.")
    })?;
    if c.tenant_id == cx.tenant_id.uuid() {
        Ok(c)
    } else {
        Err(Error::field("checkpoint", "This checkpoint is of another tenant."))
    }
}

async fn list(tx: &mut Tx, f: &audit::Filter) -> portcullis_store::Result<Vec<audit::AuditRow>> {
    audit::list(tx, f).await
}
async fn record(tx: &mut Tx, event: &portcullis_audit::Prepared) -> portcullis_store::Result<()> {
    tx.audit(event.clone());
    Ok(())
}
/// Every checkpoint of the tenant; one for each 1,000 events at most, so a bounded share of the log.
async fn all_checkpoints(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<audit::Checkpoint>> {
    let (mut out, mut before) = (vec![], i64::MAX);
    loop {
        let page = audit::checkpoints(tx, &before).await?;
        let Some(last) = page.last() else { return Ok(out) };
        before = last.seq;
        out.extend(page);
    }
}
