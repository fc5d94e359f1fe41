//! Reading, exporting and verifying the audit log.
use std::ops::RangeInclusive;

use portcullis_audit::checkpoint::Checkpoint;
use portcullis_audit::entry::{Row, Seal, entry};
use portcullis_audit::export::Exporter;
use portcullis_authz::Target;
use portcullis_domain::audit::Event;
use portcullis_domain::{Ctx, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, audit};
use serde_json::{Value, json};

use crate::audit_chain::{self, Link, Walk};
use crate::long::{Long, Outlet, Pieces};
use crate::{App, Page, PageRequest};

const EXPORT: &str = "audit:export";

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
            organization: None,
            from: filter.from.map(Timestamp::micros),
            to: filter.to.map(Timestamp::micros),
            before,
            limit: i64::try_from(page.limit + 1).unwrap_or(i64::MAX),
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
            .into_iter()
            .filter(|c| c.seq >= from)
            .take(page.limit + 1)
            .map(|c| audit_chain::checkpoint(cx, c).to_value())
            .collect();
        let page = self.page(cx, page, rows, |c| json!({ "seq": c["seq"] })).await?;
        Ok((page, self.audit_keys()))
    }
    /// The public halves of the audit keys, old ones too.
    pub fn audit_keys(&self) -> Vec<Value> {
        let keys = self.keys();
        keys.audit.keys().iter().map(|k| json!({ "key_id": k.id(), "public_key": k.public_text() })).collect()
    }
    /// Authorises an export and records it; answers its lines in steps. `audit:export`. A filtered export is no chain: its
    /// lines are the entries alone.
    pub async fn export_audit(
        &self,
        cx: &Ctx,
        filter: AuditFilter,
        from_seq: Option<i64>,
        to_seq: Option<i64>,
    ) -> Result<Pieces> {
        self.may(cx, EXPORT, Target::tenant()).await?;
        let place = self.place(cx, Long::Export)?;
        let event = self.event(cx, "audit.exported", "tenant", cx.tenant_id).with("from_seq", json!(from_seq));
        let event = self.prepare(cx, event.with("to_seq", json!(to_seq)));
        self.0.db.write(cx.clone(), event, record).await?;
        let (app, cx) = (self.clone(), cx.clone());
        Ok(place.answer(|out| async move { app.export_steps(&cx, part(from_seq, to_seq), &filter, &out).await }))
    }
    async fn export_steps(
        &self,
        cx: &Ctx,
        part: RangeInclusive<i64>,
        filter: &AuditFilter,
        outlet: &Outlet,
    ) -> Result<()> {
        let mut out = Exporter::new(Vec::new());
        let mut walk = Walk::begin(&self.0.db, cx, &part).await?;
        loop {
            // an export may run for hours: whether its reader may read is asked anew for every step
            let room = outlet.room().await?;
            self.still_may(cx, EXPORT).await?;
            let step = walk.step().await?;
            if step.is_end() {
                room.fill(out.finish().map_err(Error::internal)?);
                return Ok(());
            }
            for link in step.links() {
                let written = match link {
                    Link::Entry(_, row) if !filter.keeps(&row)? => Ok(()),
                    Link::Entry(_, row) => out.entry(&row),
                    Link::Checkpoint(c) => out.checkpoint(c),
                };
                written.map_err(Error::internal)?;
            }
            room.fill(std::mem::take(out.get_mut()));
        }
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
        let part = part(from_seq, to_seq);
        let report = audit_chain::verify(&self.0.db, cx, self.keys().audit.keys(), part, &kept).await?;
        Ok(report.to_value())
    }
}

/// The numbers that were asked for: all where none are given.
fn part(from_seq: Option<i64>, to_seq: Option<i64>) -> RangeInclusive<i64> {
    from_seq.unwrap_or(1).max(1)..=to_seq.unwrap_or(i64::MAX)
}

impl AuditFilter {
    fn is_empty(&self) -> bool {
        let Self { actor_id, actor_type, resource_type, resource_id, action, outcome, http_request_id, from, to } =
            self;
        [actor_id, actor_type, resource_type, resource_id, action, outcome, http_request_id].iter().all(|f| f.is_none())
            && from.is_none()
            && to.is_none()
    }
    fn keeps(&self, row: &Row<'_>) -> Result<bool> {
        if self.is_empty() {
            return Ok(true);
        }
        let e = entry(row.body, row.hole, row.private, None).map_err(Error::internal)?;
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

fn shown(r: &audit::AuditRow) -> Result<Value> {
    let seal = r.seq.zip(r.hash).map(|(seq, hash)| Seal { seq, prev_hash: r.prev_hash, hash });
    entry(&r.body, r.hole, &r.private, seal).map_err(Error::internal)
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
