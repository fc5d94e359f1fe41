//! The audit log as /v1beta1 knows it: audit records, which trusted services may add to, and the older log of an organization
//! (spec v1beta1 2.3.17, 2.5, 3.17; decision 35). Both are ways to read the one log; nothing is stored twice.
//!
//! What others record is an event `external.recorded` of whoever called; what they claim about actor and time is in its metadata
//! and is shown here alone.
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use portcullis_audit::entry::entry;
use portcullis_authz::Target;
use portcullis_domain::audit::Outcome;
use portcullis_domain::organization::Organization;
use portcullis_domain::session::Session;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result, Role, Timestamp, event_name};
use portcullis_store::{Tx, audit, audit_record_key, organization, session, user};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::App;
use crate::app::Scribe;
use crate::authorize::Gate;
use crate::holder::MOST;
use crate::organization::on;

/// What the older log names as the source of events that this server wrote.
pub const SOURCE: &str = "frontier";
/// The event of what others record.
const EXTERNAL: &str = "external.recorded";
/// Rows that are read at once.
const STEP: i64 = 250;

/// Somebody or something that an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// A UUID, mostly.
    pub id: String,
    /// `app/user`, `organization`, …
    pub kind: String,
    /// For people; empty when it is not known, or was erased.
    pub name: String,
    /// For people; of actors only.
    pub title: String,
    /// Free JSON.
    pub metadata: Map<String, Value>,
}

/// An audit record.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// That of the event.
    pub id: Uuid,
    /// Who did it.
    pub actor: Party,
    /// What: `organization.create`.
    pub event: String,
    /// On what.
    pub resource: Party,
    /// To what in it.
    pub target: Option<Party>,
    /// When it happened, as far as we were told.
    pub occurred_at: Timestamp,
    /// Where.
    pub org_id: Option<Uuid>,
    /// What that is called; empty when it is gone.
    pub org_name: String,
    /// Of the call that did it.
    pub request_id: String,
    /// What else matters.
    pub metadata: Map<String, Value>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// Of a record that others wrote.
    pub idempotency_key: String,
}

/// A line of the older log.
#[derive(Clone, Debug)]
pub struct AuditLog {
    /// That of the event.
    pub id: Uuid,
    /// Which service says so.
    pub source: String,
    /// What: `app.organization.created`.
    pub action: String,
    /// Who did it.
    pub actor: Party,
    /// To what.
    pub target: Party,
    /// What else matters, as texts.
    pub context: BTreeMap<String, String>,
    /// When.
    pub created_at: Timestamp,
}

/// A record to write.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Whom the sender claims; without a kind its id is that of a session.
    pub actor: Party,
    /// At least three characters.
    pub event: String,
    /// On what.
    pub resource: Party,
    /// To what in it.
    pub target: Option<Party>,
    /// Now, if it is not told.
    pub occurred_at: Option<Timestamp>,
    /// `None`: in no organization.
    pub org_id: Option<Id<Organization>>,
    /// Of the sender's own call.
    pub request_id: String,
    /// What else matters.
    pub metadata: Map<String, Value>,
    /// A repetition of the call answers the same record.
    pub idempotency_key: Option<Uuid>,
}

/// A line to write into the older log.
#[derive(Clone, Debug)]
pub struct NewLog {
    /// Which service says so.
    pub source: String,
    /// What.
    pub action: String,
    /// Whom the sender claims.
    pub actor: Party,
    /// To what.
    pub target: Party,
    /// What else matters.
    pub context: Map<String, Value>,
    /// Now, if it is not told.
    pub created_at: Option<Timestamp>,
}

/// What a look at the log is narrowed by before it is searched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Narrow {
    /// In this organization.
    pub organization: Option<Uuid>,
    /// Written down not before.
    pub from: Option<Timestamp>,
    /// Written down before.
    pub to: Option<Timestamp>,
}

/// What a look at an organization's older log is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Of this service.
    pub source: String,
    /// Of this name.
    pub action: String,
    /// Not what the server did by itself.
    pub ignore_system: bool,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Up to this moment.
    pub to: Option<Timestamp>,
}

impl App {
    /// Some records, newest first, that are older than `before`; fewer than there might be only at the end. Superusers;
    /// `action` says what for.
    pub async fn audit_records(
        &self,
        cx: &Ctx,
        action: &'static str,
        narrow: Narrow,
        before: Option<Uuid>,
    ) -> Result<Vec<AuditRecord>> {
        self.allow(cx, &Gate::superuser(action)).await?;
        let filter = audit::Filter {
            organization: narrow.organization,
            outcome: Some(Outcome::Ok.as_str().into()),
            from: narrow.from.map(Timestamp::micros),
            to: narrow.to.map(Timestamp::micros),
            before,
            limit: STEP,
            ..audit::Filter::default()
        };
        let (rows, names) = self.0.db.scan(cx.clone(), filter, read_named).await?;
        rows.iter().map(|row| record(row, &names)).collect()
    }
    /// How many records there are in all. Superusers.
    pub async fn count_audit_records(&self, cx: &Ctx) -> Result<usize> {
        self.allow(cx, &Gate::superuser("audit:list")).await?;
        let n = self.0.db.scan(cx.clone(), (), count).await?;
        Ok(usize::try_from(n).unwrap_or(usize::MAX))
    }
    /// Writes a record for a trusted service. True: it was written before, with the same key. `audit:create`.
    pub async fn create_audit_record(&self, cx: &Ctx, new: Result<NewRecord>) -> Result<(AuditRecord, bool)> {
        let command = async { self.new_record(cx, new?).await };
        let gate = Gate::new("audit:create", Target::tenant());
        let (row, replayed, names) = self.apply(cx, gate, command, insert).await?;
        Ok((record(&row, &names)?, replayed))
    }
    async fn new_record(&self, cx: &Ctx, new: NewRecord) -> Result<Insert> {
        let said = json!({
            "actor": party_text(&new.actor),
            "event": new.event,
            "resource": party_text(&new.resource),
            "target": new.target.as_ref().map(party_text),
            "occurred_at": new.occurred_at.map(Timestamp::micros),
            "org_id": new.org_id,
            "request_id": new.request_id,
            "metadata": new.metadata,
        });
        let content = portcullis_crypto::sha256(said.to_string().as_bytes());
        let occurred_at = new.occurred_at.unwrap_or(cx.now);
        if occurred_at > cx.now.plus_seconds(300) {
            return Err(Error::field("occurred_at", "This lies in the future."));
        }
        let actor = self.claimed_actor(cx, new.actor).await?;
        let mut event = self
            .event(cx, EXTERNAL, "audit_record", self.id::<AuditRecord>(cx))
            .with("event", new.event)
            .with("actor", party_text(&actor))
            .with("resource", party_text(&new.resource))
            .with("occurred_at", occurred_at.to_string())
            .with("request_id", new.request_id)
            .with("metadata", Value::Object(new.metadata));
        if let Some(target) = &new.target {
            event = event.with("target", party_text(target));
        }
        if let Some(organization) = new.org_id {
            event = event.with("organization_id", organization.to_string());
        }
        if let Some(key) = new.idempotency_key {
            event = event.with("idempotency_key", key.to_string());
        }
        let event = self.prepare(cx, event);
        Ok(Insert { event, organization: new.org_id, key: new.idempotency_key, content })
    }
    /// The actor as claimed, with what is known of them.
    async fn claimed_actor(&self, cx: &Ctx, actor: Party) -> Result<Party> {
        let nobody = actor.id.is_empty() || actor.id == Uuid::nil().to_string();
        match actor.kind.as_str() {
            "" | "system" if nobody => {
                Ok(Party { id: Uuid::nil().to_string(), kind: "system".into(), name: "system".into(), ..actor })
            }
            "" => {
                let id: Id<Session> = actor.id.parse().map_err(|_| Error::not_found("session"))?;
                let found = self.0.db.read(cx.clone(), &id, user_of_session).await?;
                let who = found.ok_or_else(|| Error::not_found("session"))?;
                let mut metadata = actor.metadata;
                metadata.insert("session_id".into(), id.to_string().into());
                Ok(known(Party { id: who.id.to_string(), kind: "app/user".into(), metadata, ..Party::default() }, &who))
            }
            "app/user" => {
                let found = match actor.id.parse() {
                    Ok(id) => self.0.db.read(cx.clone(), &id, user_by_id).await?,
                    Err(_) => None,
                };
                Ok(match found {
                    Some(who) => known(actor, &who),
                    None => actor,
                })
            }
            "app/serviceuser" | "app/pat" | "system" => Ok(actor),
            _ => Err(Error::new(Code::InvalidInput, "invalid actor type")),
        }
    }

    /// An organization's older log, newest first. `app_organization_update`.
    pub async fn organization_audit_logs(&self, cx: &Ctx, which: String, filter: &LogFilter) -> Result<Vec<AuditLog>> {
        let organization = self.organization_for(cx, &which, "app_organization_update").await?;
        let (mut out, mut before) = (vec![], None);
        for _ in 0..=MOST.div_ceil(STEP as usize) {
            let step = audit::Filter {
                organization: Some(organization.id.uuid()),
                outcome: Some(Outcome::Ok.as_str().into()),
                from: filter.from.map(Timestamp::micros),
                to: filter.to.map(|t| t.micros().saturating_add(1)),
                before,
                limit: STEP,
                ..audit::Filter::default()
            };
            let rows = self.0.db.scan(cx.clone(), step, read).await?;
            before = rows.last().map(|r| r.id);
            for row in &rows {
                out.extend(Some(log(row)?).filter(|l| filter.keeps(l)));
            }
            if (rows.len() as i64) < STEP {
                return Ok(out);
            }
        }
        let hint = "This log has more than 10,000 lines: narrow it with start_time and end_time.";
        Err(Error::new(Code::RateLimited, hint))
    }
    /// One line of it. `app_organization_update`.
    pub async fn organization_audit_log(&self, cx: &Ctx, which: String, id: &str) -> Result<AuditLog> {
        let organization = self.organization_for(cx, &which, "app_organization_update").await?;
        let found = match id.parse() {
            Ok(id) => self.0.db.read(cx.clone(), &id, audit::by_id).await?,
            Err(_) => None,
        };
        let found = found.filter(|r| r.organization == Some(organization.id.uuid()) && r.outcome == "ok");
        log(&found.ok_or_else(|| Error::not_found("audit log"))?)
    }
    /// Adds lines that others claim. `app_organization_get`.
    pub async fn create_organization_audit_logs(
        &self,
        cx: &Ctx,
        which: String,
        new: Result<Vec<NewLog>>,
        reply: crate::Reply<()>,
    ) -> Result<crate::Answer> {
        const ACTION: &str = "app_organization_get";
        let found = self.find_organization(cx, &which, ACTION).await?;
        let command = async {
            let logs = new?;
            // the source is what tells the server's own lines from claimed ones
            if let Some(n) = logs.iter().position(|l| l.source.eq_ignore_ascii_case(SOURCE)) {
                let message = "This is what the server's own lines say: name the service that you speak for.";
                return Err(Error::field(format!("logs[{n}].source"), message));
            }
            if let Some(n) = logs.iter().position(|l| l.created_at.is_some_and(|t| t > cx.now.plus_seconds(300))) {
                return Err(Error::field(format!("logs[{n}].created_at"), "This lies in the future."));
            }
            Ok(Append { organization: found.id, logs, scribe: self.scribe(cx) })
        };
        self.answer(cx, on(&found, ACTION), command, reply, append).await
    }
}

impl LogFilter {
    fn keeps(&self, l: &AuditLog) -> bool {
        (self.source.is_empty() || self.source == l.source)
            && (self.action.is_empty() || self.action == l.action)
            && !(self.ignore_system && l.actor.kind == "system")
    }
}

/// What is known of a person, over what was claimed.
fn known(actor: Party, who: &User) -> Party {
    let mut metadata = actor.metadata;
    if who.roles.has(Role::Admin) || who.is_owner {
        metadata.insert("is_super_user".into(), true.into());
    }
    Party { name: who.slug.to_string(), title: who.title.clone(), metadata, ..actor }
}
fn party_text(p: &Party) -> Value {
    json!({ "id": p.id, "type": p.kind, "name": p.name, "title": p.title, "metadata": p.metadata })
}
fn party_of(v: &Value) -> Party {
    let text = |name: &str| v[name].as_str().unwrap_or_default().to_owned();
    let metadata = v["metadata"].as_object().cloned().unwrap_or_default();
    Party { id: text("id"), kind: text("type"), name: text("name"), title: text("title"), metadata }
}

/// Who did it and to what, in the words of the older log.
pub(crate) fn parties(e: &Value) -> (Party, Party) {
    if e["action"] == EXTERNAL {
        let said = &e["metadata"];
        let target = if said["target"].is_object() { &said["target"] } else { &said["resource"] };
        return (party_of(&said["actor"]), party_of(target));
    }
    let mut target = thing(e);
    target.kind = namespace(&target.kind);
    (actor(e), target)
}
/// Who an event of ours names.
fn actor(e: &Value) -> Party {
    let text = |name: &str| e[name].as_str().unwrap_or_default().to_owned();
    let kind = match e["actor_type"].as_str().unwrap_or_default() {
        "user" | "api_key" => "app/user",
        "service" | "service_user" => "app/serviceuser",
        "pat" => "app/pat",
        other => other,
    };
    let mut metadata = Map::new();
    for name in ["ip", "user_agent"] {
        if let Some(known) = e[name].as_str() {
            metadata.insert(name.into(), known.into());
        }
    }
    // system and anonymous are words, not ids
    let id = Some(text("actor_id")).filter(|id| Uuid::try_parse(id).is_ok()).unwrap_or_else(|| Uuid::nil().to_string());
    Party { id, kind: kind.into(), name: text("actor_name"), title: String::new(), metadata }
}
/// What an event of ours is about.
fn thing(e: &Value) -> Party {
    let text = |name: &str| e[name].as_str().unwrap_or_default().to_owned();
    let (changes, metadata) = (&e["changes"], &e["metadata"]);
    let named = [&metadata["name"], &changes["name"]["after"], &changes["title"]["after"]];
    let name = named.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned();
    Party { id: text("resource_id"), kind: text("resource_type"), name, ..Party::default() }
}
/// The namespace of a kind of thing.
fn namespace(kind: &str) -> String {
    match kind {
        "organization" | "project" | "group" | "user" | "role" | "permission" | "invitation" => format!("app/{kind}"),
        "service_user" => "app/serviceuser".into(),
        "role_binding" => "app/rolebinding".into(),
        other => other.into(),
    }
}

fn shown(row: &audit::AuditRow) -> Result<Value> {
    entry(&row.body, row.hole, &row.private, None).map_err(Error::internal)
}
fn moment(v: &Value) -> Option<Timestamp> {
    v.as_str()?.parse().ok()
}

fn record(row: &audit::AuditRow, names: &HashMap<Uuid, String>) -> Result<AuditRecord> {
    let e = shown(row)?;
    let created_at = Timestamp::from_micros(row.at);
    let org_name = row.organization.and_then(|o| names.get(&o)).cloned().unwrap_or_default();
    let mut metadata = e["metadata"].as_object().cloned().unwrap_or_default();
    if row.action == EXTERNAL {
        let said = &e["metadata"];
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        return Ok(AuditRecord {
            id: row.id,
            actor: party_of(&said["actor"]),
            event: text("event"),
            resource: party_of(&said["resource"]),
            target: Some(&said["target"]).filter(|t| t.is_object()).map(party_of),
            occurred_at: moment(&said["occurred_at"]).unwrap_or(created_at),
            org_id: row.organization,
            org_name,
            request_id: text("request_id"),
            metadata: said["metadata"].as_object().cloned().unwrap_or_default(),
            created_at,
            idempotency_key: text("idempotency_key"),
        });
    }
    if e["changes"].as_object().is_some_and(|c| !c.is_empty()) {
        metadata.insert("changes".into(), e["changes"].clone());
    }
    let resource = thing(&e);
    let person = e["metadata"]["user_id"].as_str().filter(|id| *id != resource.id);
    Ok(AuditRecord {
        id: row.id,
        actor: actor(&e),
        event: event_name::record(&row.action).into(),
        target: person.map(|id| Party { id: id.into(), kind: "user".into(), ..Party::default() }),
        resource: match resource.kind.as_str() {
            "role_binding" => Party { kind: "policy".into(), ..resource },
            "service_user" => Party { kind: "serviceuser".into(), ..resource },
            _ => resource,
        },
        occurred_at: created_at,
        org_id: row.organization,
        org_name,
        request_id: e["http_request_id"].as_str().unwrap_or_default().into(),
        metadata,
        created_at,
        idempotency_key: String::new(),
    })
}
fn log(row: &audit::AuditRow) -> Result<AuditLog> {
    let e = shown(row)?;
    let (actor, target) = parties(&e);
    let said = &e["metadata"];
    let as_text = |(k, v): (&String, &Value)| (k.clone(), v.as_str().map_or_else(|| v.to_string(), str::to_owned));
    let (source, action, context, at) = if row.action == EXTERNAL {
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        let at = moment(&said["occurred_at"]);
        (text("source").unwrap_or_default(), text("event").unwrap_or_default(), &said["metadata"], at)
    } else {
        (SOURCE.to_owned(), event_name::sent(&row.action).to_owned(), said, None)
    };
    let context = context.as_object().map(|c| c.iter().map(as_text).collect()).unwrap_or_default();
    let created_at = at.unwrap_or(Timestamp::from_micros(row.at));
    Ok(AuditLog { id: row.id, source, action, actor, target, context, created_at })
}

struct Insert {
    event: portcullis_audit::Prepared,
    organization: Option<Id<Organization>>,
    key: Option<Uuid>,
    content: [u8; 32],
}
type Inserted = (audit::AuditRow, bool, HashMap<Uuid, String>);
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<Inserted> {
    if let Some(key) = c.key {
        if let Some((event, content)) = audit_record_key::find(tx, key).await? {
            if content != c.content {
                let message = "A record with this idempotency key and another content exists.";
                return Err(Error::new(Code::AlreadyExists, message).detail("field", "idempotency_key").into());
            }
            let row = audit::by_id(tx, &event).await?.ok_or_else(|| Error::not_found("audit record"))?;
            let names = names(tx, std::slice::from_ref(&row)).await?;
            return Ok((row, true, names));
        }
        audit_record_key::insert(tx, key, c.event.id, &c.content).await?;
    }
    if let Some(organization) = c.organization
        && organization::by_id(tx, organization).await?.is_none()
    {
        return Err(Error::not_found("organization").into());
    }
    let row = audit::AuditRow::unsealed(&c.event);
    let names = names(tx, std::slice::from_ref(&row)).await?;
    tx.audit(c.event.clone());
    Ok((row, false, names))
}

struct Append {
    organization: Id<Organization>,
    logs: Vec<NewLog>,
    scribe: Scribe,
}
async fn append(tx: &mut Tx, c: &Append) -> portcullis_store::Result<()> {
    if organization::by_id(tx, c.organization).await?.is_none() {
        return Err(Error::not_found("organization").into());
    }
    for l in &c.logs {
        let at = l.created_at.unwrap_or(tx.cx.now);
        let resource = Party { id: c.organization.to_string(), kind: "organization".into(), ..Party::default() };
        let event = c
            .scribe
            .event(EXTERNAL, "audit_record", c.scribe.id::<AuditRecord>())
            .with("event", l.action.as_str())
            .with("source", l.source.as_str())
            .with("actor", party_text(&l.actor))
            .with("resource", party_text(&resource))
            .with("target", party_text(&l.target))
            .with("occurred_at", at.to_string())
            .with("metadata", Value::Object(l.context.clone()))
            .with("organization_id", c.organization.to_string());
        c.scribe.write(tx, event);
    }
    Ok(())
}

async fn read(tx: &mut Tx, f: &audit::Filter) -> portcullis_store::Result<Vec<audit::AuditRow>> {
    audit::list(tx, f).await
}
type Named = (Vec<audit::AuditRow>, HashMap<Uuid, String>);
async fn read_named(tx: &mut Tx, f: &audit::Filter) -> portcullis_store::Result<Named> {
    let rows = audit::list(tx, f).await?;
    let names = names(tx, &rows).await?;
    Ok((rows, names))
}
/// What the organizations of these events are called.
async fn names(tx: &mut Tx, rows: &[audit::AuditRow]) -> portcullis_store::Result<HashMap<Uuid, String>> {
    let mut out = HashMap::new();
    for id in rows.iter().filter_map(|r| r.organization) {
        if let Entry::Vacant(missing) = out.entry(id) {
            let found = organization::by_id(tx, Id::from_uuid(id)).await?;
            missing.insert(found.map(|o| o.name.to_string()).unwrap_or_default());
        }
    }
    Ok(out)
}
async fn count(tx: &mut Tx, (): &()) -> portcullis_store::Result<i64> {
    audit::count(tx, Outcome::Ok.as_str()).await
}
async fn user_of_session(tx: &mut Tx, id: &Id<Session>) -> portcullis_store::Result<Option<User>> {
    match session::by_id(tx, *id).await? {
        Some(s) => user::facts(tx, s.user_id).await,
        None => Ok(None),
    }
}
async fn user_by_id(tx: &mut Tx, id: &Id<User>) -> portcullis_store::Result<Option<User>> {
    user::facts(tx, *id).await
}
