//! Prospects (spec v1beta1 2.3.18, 3.16): anybody signs up, superusers look after them.
use std::borrow::Cow;

use portcullis_domain::prospect::{Content, Prospect, Status};
use portcullis_domain::value::{Email, line};
use portcullis_domain::{Error, FieldError, Id, Result, fields};
use portcullis_service::App;
use portcullis_wire_v1beta1::{DynamicMessage, structure};
use serde_json::Value;

use super::prospect_view::{
    CreateProspectResponse, GetProspectResponse, ListProspectsResponse, Prospected, UpdateProspectResponse,
};
use super::read::Read;
use crate::call::{Call, Outcome};
use crate::rql::{self, Cell, Kind, Table};

/// Bytes of metadata: anybody may send it, and a search holds it of 10,000.
const METADATA: usize = 4_096;

/// `CreateProspectPublic`: whether the address was there already is not told. What only superusers say is not read.
pub async fn sign_up(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let content = content(&request, Status::Subscribed, false)?;
    app.sign_up(&call.cx, content).await?;
    Ok(call.empty().into())
}

/// `CreateProspect`.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = status(&request).and_then(|status| content(&request, status, request.flag("verified")));
    let reply = call.reply::<CreateProspectResponse>();
    Ok(app.create_prospect(&call.cx, new, reply).await?.into())
}

/// `GetProspect`.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let prospect = app.get_prospect(&call.cx, id(&request)?).await?;
    Ok(call.answer::<GetProspectResponse>(&prospect).into())
}

/// `UpdateProspect`: everything is replaced.
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = status(&request).and_then(|status| content(&request, status, request.flag("verified")));
    let prospect = app.update_prospect(&call.cx, id(&request)?, new).await?;
    Ok(call.answer::<UpdateProspectResponse>(&prospect).into())
}

/// `DeleteProspect`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_prospect(&call.cx, id(&request)?).await?;
    Ok(call.empty().into())
}

/// `ListProspects`: RQL over all of them, newest first.
pub async fn search(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<Prospects>(request.inner("query").as_ref())?;
    // a query that asks for no more than the newest rows needs no others
    let enough = query.rows_if_in_order("created_at");
    let (rows, count) = app.list_prospects(&call.cx, enough).await?;
    let (found, matched) = rql::run_counting::<Prospects>(&query, rows);
    let total = if enough.is_some() { count } else { matched };
    Ok(call.answer::<ListProspectsResponse>(&Prospected { found, total }).into())
}

/// The rules of the fields saw to a UUID.
fn id(request: &DynamicMessage) -> Result<Id<Prospect>> {
    request.text("id").parse().map_err(|_| Error::field("id", "This must be a UUID."))
}
fn status(request: &DynamicMessage) -> Result<Status> {
    let number = request.get_field_by_name("status").and_then(|v| v.as_enum_number()).unwrap_or_default();
    let known = usize::try_from(number).ok().and_then(|n| Status::ALL.get(n.checked_sub(1)?).copied());
    known.ok_or_else(|| Error::field("status", "status is required."))
}
fn content(request: &DynamicMessage, status: Status, verified: bool) -> Result<Content> {
    let mut wrong: Vec<FieldError> = vec![];
    let mut short = |field: &'static str, most: usize| {
        line(&request.text(field), most).unwrap_or_else(|message| {
            wrong.push(FieldError { field: field.into(), message: message.into() });
            String::new()
        })
    };
    let (name, phone) = (short("name", 255), short("phone", 32));
    let (activity, source) = (short("activity", 100), short("source", 100));
    let mut note = |field: &'static str, message: String| {
        wrong.push(FieldError { field: field.into(), message: message.into() });
    };
    let email = Email::parse(&request.text("email")).map_err(|e| note("email", e.into()));
    let sent = request.inner("metadata").map(|m| structure::to_json(&m)).unwrap_or_default();
    let metadata = fields::metadata(Value::Object(sent)).map_err(|e| note("metadata", e.into()));
    let metadata = metadata.and_then(|m| {
        let fits = serde_json::to_vec(&m).is_ok_and(|text| text.len() <= METADATA);
        fits.then_some(m).ok_or_else(|| note("metadata", format!("At most {METADATA} bytes.")))
    });
    match (email, metadata) {
        (Ok(email), Ok(metadata)) if wrong.is_empty() => {
            Ok(Content { name, email, phone, activity, status, source, verified, metadata })
        }
        _ => Err(Error::fields(wrong)),
    }
}

/// Prospects as RQL sees them.
pub struct Prospects;
impl Table for Prospects {
    type Row = Prospect;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("email", Kind::Text),
        ("phone", Kind::Text),
        ("activity", Kind::Text),
        ("status", Kind::Text),
        ("changed_at", Kind::Time),
        ("source", Kind::Text),
        ("verified", Kind::Bool),
        ("created_at", Kind::Time),
        ("updated_at", Kind::Time),
    ];
    const SEARCHED: &'static [&'static str] = &["name", "email", "phone", "activity", "status", "source"];
    const GROUPED: &'static [&'static str] = &["activity", "status", "source", "verified"];
    fn cell<'a>(p: &'a Prospect, column: &str) -> Cell<'a> {
        let c = &p.content;
        match column {
            "id" => Cell::Text(Cow::Owned(p.id.to_string())),
            "name" => Cell::Text(Cow::Borrowed(&c.name)),
            "email" => Cell::Text(Cow::Borrowed(&c.email)),
            "phone" => Cell::Text(Cow::Borrowed(&c.phone)),
            "activity" => Cell::Text(Cow::Borrowed(&c.activity)),
            "status" => Cell::Text(Cow::Borrowed(c.status.as_str())),
            "source" => Cell::Text(Cow::Borrowed(&c.source)),
            "verified" => Cell::Bool(c.verified),
            "changed_at" => Cell::Time(p.changed_at),
            "updated_at" => Cell::Time(p.updated_at),
            _ => Cell::Time(p.created_at),
        }
    }
}
