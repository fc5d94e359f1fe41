//! A request for a page, and what is read of it.
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_edge::cookie::{self, Deed, Surface};
use portcullis_edge::{EdgeState, Exchange, Limited, body, credential};
use portcullis_service::App;
use portcullis_service::authenticate::{Origin, Presented};
use portcullis_service::branding::Brand;
use portcullis_service::provider::Provider;

use crate::form::{self, Form, Upload};

/// A request of anybody.
pub(crate) struct Visit {
    pub edge: EdgeState,
    pub exchange: Arc<Exchange>,
    pub parts: Parts,
    /// Locked by nobody: so that what only looks at a request may wait while it does.
    body: Mutex<Body>,
}

impl Visit {
    pub fn enter(edge: EdgeState, request: Request) -> Result<Self> {
        let (parts, body) = request.into_parts();
        Ok(Self { exchange: Exchange::of(&parts)?, edge, parts, body: Mutex::new(body) })
    }
    pub fn app(&self) -> &App {
        &self.edge.app
    }
    pub fn origin(&self) -> Origin {
        self.exchange.origin().clone()
    }
    /// Reads on and throws away what a refused visitor still sends, so that they see why.
    pub async fn discard(&mut self) {
        let body = self.take_body();
        body::discard(&self.edge.config, body).await;
    }
    fn take_body(&mut self) -> Body {
        std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
    /// A value of the query, the first of its name.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query().unwrap_or("");
        url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
    }
    /// The segment of the path at this place, as an id. What is no UUID is an id that nothing has.
    pub fn id<T>(&self, at: usize) -> Id<T> {
        let segment = self.parts.uri.path().split('/').skip(1).nth(at).unwrap_or("");
        segment.parse().unwrap_or(Id::from_uuid(uuid::Uuid::nil()))
    }
    /// The provider of the tenant that the path names: `/t/{slug}/…`.
    pub async fn provider(&self) -> Result<Provider> {
        let slug = self.parts.uri.path().split('/').nth(2).unwrap_or_default();
        self.app().openid_provider(self.origin(), slug).await
    }
    /// Who is signed in: pages know the cookie and no other credential.
    pub async fn caller(&self) -> Result<Ctx> {
        // a form's origin was looked at more strictly than this would
        let deed = Deed { method: &axum::http::Method::GET, changes: false };
        let Some(value) = cookie::presented(&self.edge, &self.parts.headers, Surface::V1, deed)? else {
            return Err(credential::unauthenticated("missing"));
        };
        let cx = self.app().identify(self.origin(), Presented::Cookie(value)).await?;
        self.exchange.enter(&cx);
        self.within(self.edge.rate.api(&cx))?;
        Ok(cx)
    }
    /// The cookie of the session that this browser is in.
    pub fn held(&self) -> Option<&str> {
        cookie::held(&self.app().settings().public_url, &self.parts.headers)
    }
    /// Did a page of another site lead here? Browsers say so.
    pub fn comes_from_another_site(&self) -> bool {
        self.parts.headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"cross-site")
    }
    /// How the tenant with this slug shows itself, where one is named.
    pub async fn brand(&self, slug: Option<&str>) -> Result<Option<Brand>> {
        let Some(slug) = slug else { return Ok(None) };
        Ok(self.app().doorway(self.origin(), Some(slug), None).await?.map(|d| d.brand))
    }
    /// Can a forgotten password be set anew by mail?
    pub fn sends_mail(&self) -> bool {
        self.app().settings().mail
    }
    /// Are there passkeys on this server?
    pub fn knows_passkeys(&self) -> bool {
        self.app().settings().relying_party().is_some()
    }
    /// Counts what `/v1/auth/*` counts.
    pub fn limit_visits(&self) -> Result<()> {
        self.within(self.edge.rate.auth(self.exchange.origin().ip))
    }
    /// Counts an application's request about whoever is signed in, or the visit of nobody.
    pub fn limit_authorizations(&self, caller: Option<&Ctx>) -> Result<()> {
        match caller {
            Some(cx) => self.within(self.edge.rate.authorization(cx)),
            None => self.limit_visits(),
        }
    }
    /// Counts a try of a password.
    pub fn limit_passwords(&self) -> Result<()> {
        self.within(self.edge.rate.login(self.exchange.origin().ip))
    }
    fn within(&self, limited: Option<Limited>) -> Result<()> {
        let Some(limited) = limited else { return Ok(()) };
        self.exchange.limited(limited);
        limited.check()
    }
    /// The fields of a form.
    pub async fn form(&mut self) -> Result<Form> {
        body::demand_type(&self.parts.headers, "application/x-www-form-urlencoded")?;
        let body = self.take_body();
        Ok(Form::read(&body::read(&self.edge.config, body).await?))
    }
    /// The file that a form sends under this name; `None`: the browser had none to send.
    pub async fn upload(&mut self, name: &str) -> Result<Option<Upload>> {
        let media = self.parts.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let Ok(boundary) = multer::parse_boundary(media) else {
            let hint = "Send the form as multipart/form-data.";
            return Err(Error::new(Code::UnsupportedMediaType, hint).detail("expected", "multipart/form-data"));
        };
        let body = self.take_body();
        form::upload(body::read(&self.edge.config, body).await?, boundary, name).await
    }
}
