//! Audit records: written for trusted services, searched, exported (spec v1beta1 2.3.17, 3.17, 3.18).
use std::borrow::Cow;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use portcullis_domain::value::line;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result, Timestamp, fields};
use portcullis_service::App;
use portcullis_service::audit_record::{AuditRecord, Narrow, NewRecord, Party};
use portcullis_service::long::Long;
use portcullis_wire_v1beta1::{DynamicMessage, structure};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::audit_record_view::{CreateAuditRecordResponse, Found, ListAuditRecordsResponse};
use super::csv;
use super::read::Read;
use crate::call::{Call, Outcome};
use crate::rql::{self, Cell, Kind, Query, Table};

/// A search looks at so many records at most (decision 22).
const ROWS: usize = 10_000;
/// Longest text of a field, as in Frontier's columns.
const TEXT: usize = 255;

/// `CreateAuditRecord`: a repetition with the same idempotency key answers the record of the first time.
pub async fn create(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (record, replayed) = app.create_audit_record(&call.cx, new(&request)).await?;
    let answer = call.answer::<CreateAuditRecordResponse>(&record);
    Ok(if replayed { answer.header("x-idempotency-replayed", "true") } else { answer }.into())
}

fn new(request: &DynamicMessage) -> Result<NewRecord> {
    let mut r = Reader { wrong: vec![] };
    let target = request.inner("target").map(|t| r.party(&t, "target"));
    let org_id = request.text("org_id").parse().ok().filter(|id: &Id<_>| !id.uuid().is_nil());
    let new = NewRecord {
        actor: request.inner("actor").map(|a| r.party(&a, "actor")).unwrap_or_default(),
        event: r.text(request, "event", ""),
        resource: request.inner("resource").map(|a| r.party(&a, "resource")).unwrap_or_default(),
        target,
        occurred_at: moment(request, "occurred_at"),
        org_id,
        request_id: r.text(request, "request_id", ""),
        metadata: r.metadata(request, ""),
        idempotency_key: request.text("idempotency_key").parse().ok(),
    };
    if r.wrong.is_empty() { Ok(new) } else { Err(Error::fields(r.wrong)) }
}

/// Reads fields and notes what is wrong with them.
struct Reader {
    wrong: Vec<FieldError>,
}
impl Reader {
    fn note(&mut self, inside: &str, field: &str, message: impl Into<Cow<'static, str>>) {
        let field = if inside.is_empty() { field.to_owned() } else { format!("{inside}.{field}") };
        self.wrong.push(FieldError { field: field.into(), message: message.into() });
    }
    fn text(&mut self, from: &DynamicMessage, field: &str, inside: &str) -> String {
        line(&from.text(field), TEXT).unwrap_or_else(|e| {
            self.note(inside, field, e);
            String::new()
        })
    }
    fn metadata(&mut self, from: &DynamicMessage, inside: &str) -> Map<String, Value> {
        let sent = from.inner("metadata").map(|m| structure::to_json(&m)).unwrap_or_default();
        fields::metadata(Value::Object(sent)).unwrap_or_else(|e| {
            self.note(inside, "metadata", e);
            Map::new()
        })
    }
    fn party(&mut self, from: &DynamicMessage, inside: &str) -> Party {
        Party {
            id: self.text(from, "id", inside),
            kind: self.text(from, "type", inside),
            name: self.text(from, "name", inside),
            // resources and targets have none
            title: self.text(from, "title", inside),
            metadata: self.metadata(from, inside),
        }
    }
}
/// A `google.protobuf.Timestamp`.
fn moment(from: &DynamicMessage, field: &str) -> Option<Timestamp> {
    let at = from.inner(field)?;
    let seconds = at.get_field_by_name("seconds")?.as_i64()?;
    let nanos = at.get_field_by_name("nanos")?.as_i32()?;
    Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000).saturating_add(i64::from(nanos / 1_000))))
}

/// Records as RQL sees them.
pub struct Records;
impl Table for Records {
    type Row = AuditRecord;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("event", Kind::Text),
        ("actor_id", Kind::Text),
        ("actor_type", Kind::Text),
        ("actor_name", Kind::Text),
        ("actor_title", Kind::Text),
        ("resource_id", Kind::Text),
        ("resource_type", Kind::Text),
        ("resource_name", Kind::Text),
        ("target_id", Kind::Text),
        ("target_type", Kind::Text),
        ("target_name", Kind::Text),
        ("occurred_at", Kind::Time),
        ("org_id", Kind::Text),
        ("org_name", Kind::Text),
        ("request_id", Kind::Text),
        ("created_at", Kind::Time),
        ("idempotency_key", Kind::Text),
    ];
    const SEARCHED: &'static [&'static str] = &[
        "id",
        "event",
        "actor_id",
        "actor_type",
        "actor_name",
        "actor_title",
        "resource_id",
        "resource_type",
        "resource_name",
        "target_id",
        "target_type",
        "target_name",
        "org_id",
        "org_name",
        "request_id",
    ];
    const GROUPED: &'static [&'static str] =
        &["event", "actor_type", "resource_type", "target_type", "org_id", "org_name"];
    fn cell<'a>(row: &'a AuditRecord, column: &str) -> Cell<'a> {
        let of = |text: &'a str| Cell::Text(Cow::Borrowed(text));
        let target = |get: fn(&Party) -> &str| of(row.target.as_ref().map(get).unwrap_or_default());
        match column {
            "id" => Cell::Text(Cow::Owned(row.id.to_string())),
            "event" => of(&row.event),
            "actor_id" => of(&row.actor.id),
            "actor_type" => of(&row.actor.kind),
            "actor_name" => of(&row.actor.name),
            "actor_title" => of(&row.actor.title),
            "resource_id" => of(&row.resource.id),
            "resource_type" => of(&row.resource.kind),
            "resource_name" => of(&row.resource.name),
            "target_id" => target(|t| &t.id),
            "target_type" => target(|t| &t.kind),
            "target_name" => target(|t| &t.name),
            "occurred_at" => Cell::Time(row.occurred_at),
            "org_id" => Cell::Text(Cow::Owned(org_id(row))),
            "org_name" => of(&row.org_name),
            "request_id" => of(&row.request_id),
            "created_at" => Cell::Time(row.created_at),
            _ => of(&row.idempotency_key),
        }
    }
}
/// What happened in no organization is the platform's: the nil UUID.
pub fn org_id(row: &AuditRecord) -> String {
    row.org_id.unwrap_or(Uuid::nil()).to_string()
}

/// What of the query the store can do; the rest is done on its rows.
fn narrow(query: &Query) -> Narrow {
    let organization = query.equals("org_id").and_then(|id| id.parse().ok()).filter(|id: &Uuid| !id.is_nil());
    let (from, to) = query.bounds("created_at");
    // what others record may have happened earlier than it was written down, and never later
    let (happened, _) = query.bounds("occurred_at");
    Narrow { organization, from: from.max(happened.map(earlier)), to }
}
/// A sender's clock may go so much before ours.
fn earlier(at: Timestamp) -> Timestamp {
    at.plus_seconds(-300)
}

/// `ListAuditRecords`: newest first, unless sorted otherwise.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<Records>(request.inner("query").as_ref())?;
    // what others record may have happened a little earlier than its neighbours: within a page it is put right
    let enough = query.rows_if_in_order("created_at").or_else(|| query.rows_if_in_order("occurred_at"));
    let enough = enough.filter(|n| *n <= ROWS);
    let rows = records(&app, &call.cx, narrow(&query), enough.unwrap_or(usize::MAX)).await?;
    let rows = rql::matching::<Records>(&query, rows);
    let total = match enough {
        Some(_) => app.count_audit_records(&call.cx).await?,
        None => rows.len(),
    };
    let found = rql::run::<Records>(&query, rows);
    Ok(call.answer::<ListAuditRecordsResponse>(&Found { found, total }).into())
}

/// The first `enough` records, newest first; `resource_exhausted` when that would be more than a search may look at.
async fn records(app: &App, cx: &Ctx, narrow: Narrow, enough: usize) -> Result<Vec<AuditRecord>> {
    let mut all: Vec<AuditRecord> = vec![];
    loop {
        let next = app.audit_records(cx, "audit:list", narrow, all.last().map(|r| r.id)).await?;
        let end = next.is_empty();
        all.extend(next);
        if end || all.len() >= enough {
            return Ok(all);
        }
        if all.len() > ROWS {
            let hint = "A search looks at 10,000 records at most. Narrow it by org_id, occurred_at or created_at, or export them.";
            return Err(Error::new(Code::RateLimited, hint));
        }
    }
}

const HEADER: &str = "Record ID,Idempotency Key,Event,Actor ID,Actor Type,Actor Name,Actor Title,Actor Metadata,Resource ID,\
    Resource Type,Resource Name,Resource Metadata,Target ID,Target Type,Target name,Target Metadata,Organization ID,\
    Organization Name,Request ID,Occurred At,Created At,Metadata\n";

/// `ExportAuditRecords`: what matches as CSV, newest first. Who is asking is looked at anew for every page.
pub async fn export(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<Records>(request.inner("query").as_ref())?;
    let (cx, narrow) = (call.cx, narrow(&query));
    // the first row is looked for before the answer begins: an empty export is a refusal
    let mut page = app.audit_records(&cx, "audit:export", narrow, None).await?;
    let place = app.place(&cx, Long::Export)?;
    let (first, mut before) = loop {
        let Some(last) = page.last() else { return Err(Error::new(Code::InvalidInput, "no data to export")) };
        let before = Some(last.id);
        let first = rql::matching::<Records>(&query, page);
        if !first.is_empty() {
            break (first, before);
        }
        page = app.audit_records(&cx, "audit:export", narrow, before).await?;
    };
    let mut pieces = place.answer(|outlet| async move {
        let mut text = String::from(HEADER);
        first.iter().for_each(|r| row(r, &mut text));
        drop(first);
        loop {
            let room = outlet.room().await?;
            let cx = app.still(&cx).await?;
            let page = app.audit_records(&cx, "audit:export", narrow, before).await?;
            let Some(last) = page.last().map(|r| r.id) else {
                room.fill(text.into_bytes());
                return Ok(());
            };
            before = Some(last);
            rql::matching::<Records>(&query, page).iter().for_each(|r| row(r, &mut text));
            room.fill(std::mem::take(&mut text).into_bytes());
        }
    });
    let pieces = stream::poll_fn(move |task| pieces.poll_recv(task).map(|p| p.map(|p| p.map(Bytes::from))));
    Ok(Outcome::File { media: "text/csv", body: Body::from_stream(pieces) })
}

fn row(r: &AuditRecord, out: &mut String) {
    let json = |m: &Map<String, Value>| Value::Object(m.clone()).to_string();
    let target = r.target.clone().unwrap_or_default();
    let target_metadata = if r.target.is_some() { json(&target.metadata) } else { String::new() };
    let cells = [
        &*r.id.to_string(),
        &r.idempotency_key,
        &r.event,
        &r.actor.id,
        &r.actor.kind,
        &r.actor.name,
        &r.actor.title,
        &json(&r.actor.metadata),
        &r.resource.id,
        &r.resource.kind,
        &r.resource.name,
        &json(&r.resource.metadata),
        &target.id,
        &target.kind,
        &target.name,
        &target_metadata,
        &org_id(r),
        &r.org_name,
        &r.request_id,
        &r.occurred_at.to_string(),
        &r.created_at.to_string(),
        &json(&r.metadata),
    ];
    csv::row(cells.iter().copied(), out);
}
