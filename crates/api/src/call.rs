//! A request on its way to a handler: steps 2 to 6 of the order of checks (spec 2.3), in that order, in one place.
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use axum::body::{Body as HttpBody, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, header, request::Parts};
use bytes::Bytes;
use portcullis_domain::fields::Fields;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_edge::cookie::{self, Deed, Surface};
use portcullis_edge::{EdgeConfig, EdgeState, Exchange, body, credential, headers, json};
use portcullis_service::authenticate::{Origin, Presented};
use portcullis_service::session::Hold;
use portcullis_service::{Answer, App, IdempotencyKey, PageRequest, Reply};
use serde_json::{Map, Value};

use crate::op::{Access, Body, Op};
use crate::query::Query;
use crate::render;

/// A request of anybody.
pub struct Visit {
    edge: EdgeState,
    exchange: Arc<Exchange>,
    op: &'static Op,
    parts: Parts,
    /// The body's members; empty for operations without one.
    pub fields: Fields,
    /// The body of an operation that reads it as it comes.
    stream: HttpBody,
    key: Option<IdempotencyKey>,
}

/// A request of a caller who proved who they are.
pub struct Call {
    /// The caller, the tenant, the moment.
    pub cx: Ctx,
    visit: Visit,
}
impl Deref for Call {
    type Target = Visit;
    fn deref(&self) -> &Visit {
        &self.visit
    }
}
impl DerefMut for Call {
    fn deref_mut(&mut self) -> &mut Visit {
        &mut self.visit
    }
}

impl Visit {
    /// Steps 2, 5 and 6.
    pub(crate) async fn enter(
        op: &'static Op,
        edge: EdgeState,
        request: Request,
        exchange: Arc<Exchange>,
    ) -> Result<Self> {
        let (parts, body) = request.into_parts();
        media(op, &parts.headers, &body)?;
        let ip = exchange.origin().ip;
        let limits = match op.access {
            Access::Login => [edge.rate.auth(ip), edge.rate.login(ip)],
            Access::Auth => [edge.rate.auth(ip), None],
            _ => [None, None],
        };
        // The narrower limit speaks in the headers.
        for limited in limits.into_iter().flatten().rev() {
            exchange.limited(limited);
            limited.check()?;
        }
        let (bytes, stream) = receive(op, &edge, body).await?;
        Self::parsed(op, edge, parts, exchange, bytes, stream)
    }

    /// A password is tried here as at sign-in, on the same pool: the same limit for each address.
    pub(crate) fn limit_passwords(&self) -> Result<()> {
        match self.edge.rate.login(self.exchange.origin().ip) {
            None => Ok(()),
            Some(limited) => {
                self.exchange.limited(limited);
                limited.check()
            }
        }
    }

    fn parsed(
        op: &'static Op,
        edge: EdgeState,
        parts: Parts,
        exchange: Arc<Exchange>,
        bytes: Bytes,
        stream: HttpBody,
    ) -> Result<Self> {
        let members = match op.body {
            Body::Form(_) if body::is_type(&parts.headers, FORM) => form(&bytes)?,
            Body::Json(_) | Body::Form(_) => json::object(&bytes)?,
            Body::OptionalJson(_) if !bytes.is_empty() => json::object(&bytes)?,
            Body::OptionalJson(_) | Body::None | Body::Ndjson(_) => Map::new(),
        };
        let key = if op.keeps_answers() { idempotency(&parts, &members)? } else { None };
        Ok(Self { edge, exchange, op, parts, fields: Fields::new(members), stream, key })
    }

    /// The application.
    pub fn app(&self) -> &App {
        &self.edge.app
    }
    /// 403 when a cookie is asked for and the page that this comes from is given none.
    pub fn may_hold(&self, hold: Hold) -> Result<()> {
        match hold {
            Hold::Tokens => Ok(()),
            Hold::Cookie => cookie::may_set(&self.edge, self.headers()),
        }
    }
    /// The settings of the edge.
    pub fn settings(&self) -> &EdgeConfig {
        &self.edge.config
    }
    /// Where the request comes from.
    pub fn origin(&self) -> Origin {
        self.exchange.origin().clone()
    }
    /// The body's members, to be read and finished.
    pub fn take_fields(&mut self) -> Fields {
        std::mem::replace(&mut self.fields, Fields::new(Map::new()))
    }
    /// The body of an operation that reads it as it comes.
    pub fn take_stream(&mut self) -> HttpBody {
        std::mem::take(&mut self.stream)
    }
    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }
    /// An id in the path. One that is no UUID is an id that does not exist: the nil UUID, which no row has; so the service
    /// asks for permission first and answers 404 after (spec 2.3).
    pub fn id<T>(&self, name: &str) -> Id<T> {
        self.segment(name).parse().unwrap_or(Id::from_uuid(uuid::Uuid::nil()))
    }
    /// A variable of the path as it was sent.
    pub fn segment(&self, name: &str) -> &str {
        let variable = |s: &str| s.strip_prefix('{').and_then(|s| s.strip_suffix('}')) == Some(name);
        let at = self.op.path.split('/').position(variable);
        at.and_then(|n| self.parts.uri.path().split('/').nth(n)).unwrap_or("")
    }
    /// The query; names that the operation does not have are wrong.
    pub fn query(&self) -> Query {
        Query::new(self.op, self.parts.uri.path(), self.parts.uri.query().unwrap_or(""))
    }
    /// The query as it was sent, for what others add names to.
    pub fn raw_query(&self) -> &str {
        self.parts.uri.query().unwrap_or("")
    }
    /// How the service renders the answer, with the call's idempotency key.
    pub fn reply<T>(&mut self, render: fn(&T) -> Answer) -> Reply<T> {
        Reply { key: self.key.take(), render }
    }
    /// A command with the revision that `If-Match` demands; a header that makes no sense is one more reason to refuse it.
    pub fn if_match<T>(&self, command: Result<T>) -> (Result<T>, Option<i64>) {
        match headers::if_match(&self.parts.headers) {
            Ok(revision) => (command, revision),
            Err(e) => (command.and(Err(e)), None),
        }
    }
}

impl Call {
    /// Steps 2 to 6.
    pub(crate) async fn enter(
        op: &'static Op,
        edge: EdgeState,
        request: Request,
        exchange: Arc<Exchange>,
    ) -> Result<Self> {
        let (parts, body) = request.into_parts();
        media(op, &parts.headers, &body)?;
        let body = match op.body {
            Body::Json(_) | Body::OptionalJson(_) | Body::Form(_) => body::demand_size(&edge.config, body).await?,
            Body::None | Body::Ndjson(_) => body,
        };
        // nobody fills the memory: a body is read once it is known who sends it
        let cx = match caller(op, &edge, &parts, &exchange).await {
            Ok(cx) => cx,
            Err(e) => {
                body::discard(&edge.config, body).await;
                return Err(e);
            }
        };
        let (bytes, stream) = receive(op, &edge, body).await?;
        let visit = Visit::parsed(op, edge, parts, exchange, bytes, stream)?;
        if cx.principal.credential.is_restricted() && !op.opens_to_restricted(cx.principal.mfa_enrolled) {
            return Err(cx.principal.second_factor_first());
        }
        Ok(Self { cx, visit })
    }
    /// Which page is asked for, and the rest of the query to be read and finished.
    pub fn page(&self) -> (Query, PageRequest) {
        let mut query = self.query();
        let page = query.page();
        (query, page)
    }
}

/// Who calls, in which tenant, how often.
async fn caller(op: &Op, edge: &EdgeState, parts: &Parts, exchange: &Exchange) -> Result<Ctx> {
    let headers = &parts.headers;
    let presented = match credential::presented(headers)? {
        Presented::Nothing => {
            let deed = Deed { method: &parts.method, changes: false };
            cookie::presented(edge, headers, Surface::V1, deed)?.map_or(Presented::Nothing, Presented::Cookie)
        }
        other => other,
    };
    let origin = exchange.origin().clone();
    let cx = match op.access {
        Access::Leaving => edge.app.identify_leaving(origin, presented).await?,
        _ => edge.app.identify(origin, presented).await?,
    };
    exchange.enter(&cx);
    match credential::tenant(headers)? {
        Some(header) => credential::same_tenant(&cx, header)?,
        None if op.access == Access::Tenant => return Err(credential::no_tenant()),
        None => {}
    }
    if let Some(limited) = edge.rate.api(&cx) {
        exchange.limited(limited);
        limited.check()?;
    }
    Ok(cx)
}

/// The media type of what is sent.
fn media(op: &Op, headers: &HeaderMap, body: &HttpBody) -> Result<()> {
    match op.body {
        Body::Ndjson(_) => demand(headers, "application/x-ndjson"),
        Body::Form(_) if body::is_type(headers, FORM) => demand(headers, FORM),
        // No body has no type; that one is needed is said when it is read.
        Body::Json(_) | Body::OptionalJson(_) | Body::Form(_)
            if headers.contains_key(header::CONTENT_TYPE) || !body.is_end_stream() =>
        {
            demand(headers, "application/json")
        }
        Body::None | Body::Json(_) | Body::OptionalJson(_) | Body::Form(_) => Ok(()),
    }
}

/// The body, or what it comes through.
async fn receive(op: &Op, edge: &EdgeState, body: HttpBody) -> Result<(Bytes, HttpBody)> {
    match op.body {
        Body::None => Ok((Bytes::new(), HttpBody::empty())),
        Body::Ndjson(_) => Ok((Bytes::new(), body)),
        Body::Json(_) | Body::OptionalJson(_) | Body::Form(_) => {
            Ok((body::read(&edge.config, body).await?, HttpBody::empty()))
        }
    }
}

/// The media type of a form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
/// The members of a form, each once.
fn form(bytes: &[u8]) -> Result<Map<String, Value>> {
    let mut out = Map::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        if out.insert(name.clone().into_owned(), Value::from(value.into_owned())).is_some() {
            return Err(Error::field(name.into_owned(), "Send this once."));
        }
    }
    Ok(out)
}

fn demand(headers: &HeaderMap, media: &'static str) -> Result<()> {
    body::demand_type(headers, media)?;
    match headers.get(header::CONTENT_ENCODING).map(|v| v.as_bytes()) {
        None | Some(b"identity") => Ok(()),
        Some(_) => Err(Error::new(Code::UnsupportedMediaType, "Send the body without Content-Encoding.")),
    }
}

fn idempotency(parts: &Parts, members: &Map<String, Value>) -> Result<Option<IdempotencyKey>> {
    let Some(key) = headers::idempotency_key(&parts.headers)? else { return Ok(None) };
    // Members sorted by name and spelled one way: the same body is the same bytes.
    let mut body = Value::Object(members.clone());
    body.sort_all_objects();
    let body = serde_json::to_vec(&body).map_err(Error::internal)?;
    let route = format!("{} {}", parts.method, parts.uri.path());
    Ok(Some(IdempotencyKey { key: key.to_owned(), route, body, refuse: render::refusal }))
}
