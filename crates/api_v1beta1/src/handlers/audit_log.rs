//! The older log of an organization, of the REST era (spec v1beta1 2.5): its messages were dropped, so requests are read as JSON.
use std::borrow::Cow;

use portcullis_domain::value::line;
use portcullis_domain::{Error, FieldError, Result, Timestamp, fields};
use portcullis_service::App;
use portcullis_service::audit_record::{AuditLog, LogFilter, NewLog, Party};
use portcullis_wire_v1beta1::{Object, View};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::call::{Call, Outcome, Response};
use crate::incoming::{Incoming, not_json};

/// Lines that one call may add, and the longest text in one.
const MOST: usize = 100;
const TEXT: usize = 255;

/// `ListOrganizationAuditLogs`: newest first, both ends inclusive.
pub async fn list(app: App, call: Call, incoming: Incoming) -> Result<Outcome> {
    let logs = app.organization_audit_logs(&call.cx, incoming.variable("org_id"), &filter(&incoming)?).await?;
    Ok(call.answer::<Logs>(&logs).into())
}

/// `GetOrganizationAuditLog`.
pub async fn get(app: App, call: Call, incoming: Incoming) -> Result<Outcome> {
    let log = app.organization_audit_log(&call.cx, incoming.variable("org_id"), &incoming.variable("id")).await?;
    Ok(call.answer::<One>(&log).into())
}

/// `CreateOrganizationAuditLogs`.
pub async fn create(app: App, mut call: Call, incoming: Incoming) -> Result<Outcome> {
    let reply = call.reply::<Nothing>();
    Ok(app.create_organization_audit_logs(&call.cx, incoming.variable("org_id"), new(&incoming), reply).await?.into())
}

fn filter(incoming: &Incoming) -> Result<LogFilter> {
    let mut out = LogFilter::default();
    let moment = |name: &'static str, text: &str| {
        let at = text.parse::<Timestamp>().map(Some);
        at.map_err(|_| Error::field(name, "A moment such as 2024-03-03T10:30:00Z."))
    };
    for (name, value) in form_urlencoded::parse(incoming.query.as_deref().unwrap_or_default().as_bytes()) {
        match &*name {
            "source" => out.source = value.into_owned(),
            "action" => out.action = value.into_owned(),
            "ignore_system" | "ignoreSystem" => out.ignore_system = &*value == "true",
            "start_time" | "startTime" => out.from = moment("start_time", &value)?,
            "end_time" | "endTime" => out.to = moment("end_time", &value)?,
            _ => {}
        }
    }
    Ok(out)
}

fn new(incoming: &Incoming) -> Result<Vec<NewLog>> {
    let sent: Value = serde_json::from_slice(&incoming.body).map_err(|e| not_json(&incoming.body, &e))?;
    let list = sent.get("logs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() || list.len() > MOST {
        return Err(Error::field("logs", "Send 1 to 100 lines."));
    }
    let mut wrong = vec![];
    let logs = list.iter().enumerate().map(|(n, l)| one(l, &format!("logs[{n}]"), &mut wrong)).collect();
    if wrong.is_empty() { Ok(logs) } else { Err(Error::fields(wrong)) }
}
fn one(v: &Value, at: &str, wrong: &mut Vec<FieldError>) -> NewLog {
    let mut note = |field: &str, message: Cow<'static, str>| {
        wrong.push(FieldError { field: format!("{at}.{field}").into(), message });
    };
    let mut text = |v: &Value, field: &str, min: usize| match line(v.as_str().unwrap_or_default(), TEXT) {
        Ok(s) if s.chars().count() >= min => s,
        Ok(_) => {
            note(field, format!("At least {min} characters.").into());
            String::new()
        }
        Err(e) => {
            note(field, e.into());
            String::new()
        }
    };
    let mut party = |name: &str| Party {
        id: text(&v[name]["id"], &format!("{name}.id"), 0),
        kind: text(&v[name]["type"], &format!("{name}.type"), 0),
        name: text(&v[name]["name"], &format!("{name}.name"), 0),
        ..Party::default()
    };
    let (actor, target) = (party("actor"), party("target"));
    let (source, action) = (text(&v["source"], "source", 2), text(&v["action"], "action", 2));
    let context = match &v["context"] {
        Value::Object(m) if m.values().all(Value::is_string) => fields::metadata(Value::Object(m.clone())),
        Value::Null => Ok(Map::new()),
        _ => Err("This must be an object of strings."),
    };
    let context = context.unwrap_or_else(|e| {
        note("context", e.into());
        Map::new()
    });
    let created_at = match v.get("created_at").or_else(|| v.get("createdAt")) {
        None | Some(Value::Null) => None,
        Some(at) => {
            let parsed = at.as_str().and_then(|s| s.parse::<Timestamp>().ok());
            if parsed.is_none() {
                note("created_at", "A moment such as 2024-03-03T10:30:00Z.".into());
            }
            parsed
        }
    };
    NewLog { source, action, actor, target, context, created_at }
}

struct Log<'a>(&'a AuditLog);
impl View for Log<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let l = self.0;
        object.id("id", l.id);
        object.text("source", &l.source);
        object.text("action", &l.action);
        object.message("actor", &Who(&l.actor));
        object.message("target", &Who(&l.target));
        object.map("context", &l.context);
        object.time("created_at", l.created_at);
    }
}
struct Who<'a>(&'a Party);
impl View for Who<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("id", &self.0.id);
        object.text("type", &self.0.kind);
        object.text("name", &self.0.name);
    }
}

/// Nothing; also the message of the two answers below, which have none any more and were never on Connect.
const DROPPED: &str = "RemoveGroupUserResponse";
struct Nothing;
impl Response for Nothing {
    type Of = ();
    const MESSAGE: &'static str = DROPPED;
    fn write((): &(), _: &mut Object<'_>) {}
}
struct Logs;
impl Response for Logs {
    type Of = [AuditLog];
    const MESSAGE: &'static str = DROPPED;
    fn write(of: &[AuditLog], object: &mut Object<'_>) {
        object.list("logs", of.iter().map(Log));
    }
}
struct One;
impl Response for One {
    type Of = AuditLog;
    const MESSAGE: &'static str = DROPPED;
    fn write(of: &AuditLog, object: &mut Object<'_>) {
        object.message("log", &Log(of));
    }
}
