//! A directory's request on its way to a handler: media type, credential, limit, body, in the order of spec v1 2.3.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header, request::Parts};
use axum::response::Response;
use portcullis_domain::scim::{PAGE, Window};
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_edge::{EdgeState, Exchange, body, credential, headers, json, refuse};
use portcullis_scim::message::member;
use portcullis_scim::projection::Projection;
use portcullis_scim::{Fault, MEDIA_TYPE};
use portcullis_service::App;
use serde_json::{Map, Value};

use super::answer;

/// A page has so many rows unless it is said.
const USUAL: usize = 50;

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Nothing; what comes is not read.
    Nothing,
    /// An object of JSON.
    Body,
}

/// A request of a directory.
pub(crate) struct Call {
    /// The directory, its tenant, the moment.
    pub cx: Ctx,
    /// The body's members.
    pub body: Map<String, Value>,
    edge: EdgeState,
    parts: Parts,
}

/// What axum runs.
type Running = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Makes a handler one of axum's.
pub(crate) fn on<H, F>(reads: Reads, handler: H) -> impl Fn(State<EdgeState>, Request) -> Running + Clone + Send + Sync
where
    H: Fn(Call) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response>> + Send + 'static,
{
    move |State(edge): State<EdgeState>, request: Request| -> Running {
        Box::pin(async move {
            let Some(exchange) = Exchange::of_request(&request) else {
                return answer::error(&Error::internal("a router without EdgeLayer"), "");
            };
            let answered = match Call::enter(reads, edge, request, exchange.clone()).await {
                Ok(call) => handler(call).await,
                Err(e) => Err(e),
            };
            answered.unwrap_or_else(|e| refuse(answer::error, &e, &exchange))
        })
    }
}

impl Call {
    async fn enter(reads: Reads, edge: EdgeState, request: Request, exchange: Arc<Exchange>) -> Result<Self> {
        let (parts, sent) = request.into_parts();
        let sent = match reads {
            Reads::Nothing => sent,
            Reads::Body => {
                media(&parts.headers)?;
                body::demand_size(&edge.config, sent).await?
            }
        };
        // nobody fills the memory: a body is read once it is known who sends it
        let cx = match caller(&edge, &parts.headers, &exchange).await {
            Ok(cx) => cx,
            Err(e) => {
                body::discard(&edge.config, sent).await;
                return Err(e);
            }
        };
        let body = match reads {
            Reads::Nothing => Map::new(),
            Reads::Body => json::object(&body::read(&edge.config, sent).await?)?,
        };
        Ok(Self { cx, body, edge, parts })
    }
    /// The application.
    pub fn app(&self) -> &App {
        &self.edge.app
    }
    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }
    /// The last part of the path.
    pub fn last(&self) -> &str {
        self.parts.uri.path().rsplit('/').next().unwrap_or_default()
    }
    /// The same as an id; one that is no UUID is an id that nothing has.
    pub fn id<T>(&self) -> Id<T> {
        self.last().parse().unwrap_or(Id::from_uuid(uuid::Uuid::nil()))
    }
    /// The revision that `If-Match` demands.
    pub fn if_match(&self) -> Result<Option<i64>> {
        headers::if_match(self.headers())
    }
    /// What the query asks for; names that SCIM does not have are passed over.
    pub fn asked(&self) -> Result<Asked> {
        let text = self.parts.uri.query().unwrap_or_default();
        let of = |name: &str| {
            url::form_urlencoded::parse(text.as_bytes())
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| v.into_owned())
        };
        let (attributes, excluded) = (of("attributes"), of("excludedAttributes"));
        let names = |list: &Option<String>| -> Vec<String> {
            list.iter().flat_map(|l| l.split(',')).map(ToOwned::to_owned).collect()
        };
        let number = |name: &str| match of(name) {
            None => Ok(None),
            Some(text) => text.trim().parse::<i64>().map(Some).map_err(|_| no_number(name)),
        };
        Asked::new(of("filter"), number("startIndex")?, number("count")?, &names(&attributes), &names(&excluded))
    }
    /// The same of a body (RFC 7644 3.4.3).
    pub fn asked_in_body(&self) -> Result<Asked> {
        let of = |name: &str| member(&self.body, name).filter(|v| !v.is_null());
        let filter = match of("filter") {
            None => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => return Err(Fault::InvalidFilter.because("filter: this must be text.")),
        };
        let number = |name: &str| match of(name) {
            None => Ok(None),
            Some(v) => v.as_i64().map(Some).ok_or_else(|| no_number(name)),
        };
        let names = |name: &str| match of(name) {
            None => Ok(vec![]),
            Some(Value::Array(all)) => {
                let text = |v: &Value| v.as_str().map(ToOwned::to_owned);
                all.iter().map(text).collect::<Option<Vec<_>>>().ok_or_else(|| no_names(name))
            }
            Some(_) => Err(no_names(name)),
        };
        let (attributes, excluded) = (names("attributes")?, names("excludedAttributes")?);
        Asked::new(filter, number("startIndex")?, number("count")?, &attributes, &excluded)
    }
}
fn no_number(name: &str) -> Error {
    Fault::InvalidValue.because(format!("{name}: this must be a whole number."))
}
fn no_names(name: &str) -> Error {
    Fault::InvalidValue.because(format!("{name}: this must be a list of names."))
}

/// What a list, or an answer, shall have.
pub(crate) struct Asked {
    /// The filter, unread.
    pub filter: Option<String>,
    /// Which part of the list.
    pub window: Window,
    /// Which attributes.
    pub projection: Projection,
}
impl Asked {
    fn new(
        filter: Option<String>,
        start: Option<i64>,
        count: Option<i64>,
        attributes: &[String],
        excluded: &[String],
    ) -> Result<Self> {
        let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
        let excluded: Vec<&str> = excluded.iter().map(String::as_str).collect();
        // out of range is brought into it (RFC 7644 3.4.2.4)
        let whole = |n: i64| usize::try_from(n).unwrap_or(0);
        let window = Window {
            offset: start.map_or(0, |n| whole(n.saturating_sub(1))),
            count: count.map_or(USUAL, whole).min(PAGE),
        };
        Ok(Self { filter, window, projection: Projection::read(&attributes, &excluded)? })
    }
    /// The number of the first row.
    pub fn start(&self) -> usize {
        self.window.offset.saturating_add(1)
    }
}

fn media(headers: &HeaderMap) -> Result<()> {
    let plain = matches!(headers.get(header::CONTENT_ENCODING).map(|v| v.as_bytes()), None | Some(b"identity"));
    if plain && [MEDIA_TYPE, "application/json"].iter().any(|t| body::is_type(headers, t)) {
        return Ok(());
    }
    let message = "Send the body as application/scim+json in UTF-8, without Content-Encoding.";
    Err(Error::new(Code::UnsupportedMediaType, message))
}
/// Which directory calls, how often. It may name its tenant, and needs not.
async fn caller(edge: &EdgeState, headers: &HeaderMap, exchange: &Exchange) -> Result<Ctx> {
    let presented = credential::presented(headers)?;
    let cx = edge.app.identify_directory(exchange.origin().clone(), presented).await?;
    exchange.enter(&cx);
    if let Some(tenant) = credential::tenant(headers)? {
        credential::same_tenant(&cx, tenant)?;
    }
    if let Some(limited) = edge.rate.api(&cx) {
        exchange.limited(limited);
        limited.check()?;
    }
    Ok(cx)
}
