//! An operation: its route, its promises and its handler, said once. The router, the OpenAPI document, the reference page and
//! the checks before a handler (media type, unknown query names, credential, tenant) all read the same table.
use std::future::Future;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use portcullis_domain::{Code, Result};
use portcullis_edge::{EdgeState, Exchange, refuse};

use crate::call::{Call, Visit};
use crate::render;

/// The methods of this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads.
    Get,
    /// Makes, or does.
    Post,
    /// Changes (partially, spec 2.7).
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}
impl Verb {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// Who may knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, unlimited.
    Public,
    /// Anybody, counted by address (`/v1/auth/*`).
    Auth,
    /// Anybody, counted by address more strictly.
    Login,
    /// A credential; the tenant header may be left out.
    Credential,
    /// The same, or an access token that has expired: for signing out.
    Leaving,
    /// A credential and the tenant header.
    Tenant,
}

impl Access {
    /// Does it take a credential?
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Credential | Self::Leaving | Self::Tenant)
    }
}

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing; what comes is not read.
    None,
    /// A JSON object of this schema.
    Json(&'static str),
    /// The same, or nothing.
    OptionalJson(&'static str),
    /// A form of these members (RFC 7662 2.1), or the same as JSON.
    Form(&'static str),
    /// Lines of JSON of this schema, read by the handler as they come.
    Ndjson(&'static str),
}

/// What an answer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// No body.
    Empty,
    /// An object of this schema.
    Json(&'static str),
    /// A page of these.
    Page(&'static str),
    /// Lines of JSON of this schema.
    Ndjson(&'static str),
    /// Text of this media type.
    Text(&'static str),
}

/// A query name.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The name.
    pub name: &'static str,
    /// What it is, in OpenAPI's words: `string`, `uuid`, `date-time`, `boolean`, `integer`.
    pub kind: &'static str,
    /// What it does.
    pub about: &'static str,
}
/// Makes a [`Param`].
pub const fn param(name: &'static str, kind: &'static str, about: &'static str) -> Param {
    Param { name, kind, about }
}

/// One operation. Made by [`Op::get`] and its like, which take everything that no operation can do without.
#[derive(Debug)]
pub struct Op {
    /// The method.
    pub verb: Verb,
    /// The path's template.
    pub path: &'static str,
    /// The operation's id in the document.
    pub id: &'static str,
    /// The built-in action that it needs (spec part 5); empty when it needs none.
    pub action: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Who may knock.
    pub access: Access,
    /// Query names besides those of a page.
    pub query: &'static [Param],
    /// What it carries.
    pub body: Body,
    /// Its success.
    pub answer: (u16, Shape),
    /// May it lead a browser elsewhere instead?
    pub redirects: bool,
    /// Refusals beyond the class of the path (spec 2.4).
    pub refusals: &'static [Code],
}

macro_rules! without_body {
    ($($(#[$doc:meta])* $name:ident $verb:ident;)*) => {$(
        $(#[$doc])*
        pub const fn $name(
            path: &'static str, id: &'static str, action: &'static str, summary: &'static str, answer: (u16, Shape),
        ) -> Self {
            Self { verb: Verb::$verb, path, id, action, summary, access: Access::Tenant, query: &[], body: Body::None, answer, redirects: false, refusals: &[] }
        }
    )*};
}
macro_rules! with_body {
    ($($(#[$doc:meta])* $name:ident $verb:ident;)*) => {$(
        $(#[$doc])*
        pub const fn $name(
            path: &'static str, id: &'static str, action: &'static str, summary: &'static str, body: Body, answer: (u16, Shape),
        ) -> Self {
            Self { verb: Verb::$verb, path, id, action, summary, access: Access::Tenant, query: &[], body, answer, redirects: false, refusals: &[] }
        }
    )*};
}

impl Op {
    without_body! {
        /// A GET.
        get Get;
        /// A DELETE.
        delete Delete;
    }
    with_body! {
        /// A POST.
        post Post;
        /// A PUT.
        put Put;
        /// A PATCH.
        patch Patch;
    }
    /// Who may knock, if not a credential of the tenant.
    pub const fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }
    /// Query names besides `limit` and `cursor` of a page.
    pub const fn query(self, query: &'static [Param]) -> Self {
        Self { query, ..self }
    }
    /// It may lead a browser elsewhere instead.
    pub const fn redirects(self) -> Self {
        Self { redirects: true, ..self }
    }
    /// Refusals beyond the class of the path.
    pub const fn refuses(self, refusals: &'static [Code]) -> Self {
        Self { refusals, ..self }
    }
    /// Does it answer pages?
    pub const fn is_page(&self) -> bool {
        matches!(self.answer.1, Shape::Page(_))
    }
    /// May a call carry an `Idempotency-Key`?
    pub fn keeps_answers(&self) -> bool {
        self.verb == Verb::Post && self.access == Access::Tenant && !matches!(self.body, Body::Ndjson(_))
    }
    /// May a session call it whose person has to enrol a second factor first, or to show the one that they have (guard rail 8)?
    pub fn opens_to_restricted(&self, enrolled: bool) -> bool {
        let own = self.path.starts_with("/v1/auth/") || self.path == "/v1/users/me/profile";
        let due = if enrolled { "/v1/users/me/reauthenticate" } else { "/v1/users/me/mfa" };
        own || self.path.starts_with(due)
    }
    /// The path's variables in order.
    pub fn variables(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Routes it to a handler for a caller who proved who they are.
    pub fn to<H, F>(&'static self, handler: H) -> Route
    where
        H: Fn(Call) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Response>> + Send,
    {
        debug_assert!(self.access.is_closed(), "{} is public", self.id);
        self.routed(move |edge, request, exchange| async move {
            handler(Call::enter(self, edge, request, exchange).await?).await
        })
    }
    /// Routes it to a handler for anybody.
    pub fn open<H, F>(&'static self, handler: H) -> Route
    where
        H: Fn(Visit) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Response>> + Send,
    {
        debug_assert!(!self.access.is_closed(), "{} is not public", self.id);
        self.routed(move |edge, request, exchange| async move {
            handler(Visit::enter(self, edge, request, exchange).await?).await
        })
    }
    fn routed<H, F>(&'static self, handler: H) -> Route
    where
        H: Fn(EdgeState, Request, std::sync::Arc<Exchange>) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Response>> + Send,
    {
        let service = move |State(edge): State<EdgeState>, request: Request| async move {
            let Some(exchange) = Exchange::of_request(&request) else {
                return render::error(&portcullis_domain::Error::internal("a router without EdgeLayer"), "");
            };
            match handler(edge, request, exchange.clone()).await {
                Ok(answer) => answer,
                Err(error) => refuse(render::error, &error, &exchange),
            }
        };
        Route { op: self, service: on(self.verb.filter(), service) }
    }
}

/// An operation with its handler.
pub struct Route {
    /// What it promises.
    pub op: &'static Op,
    /// What it does.
    pub service: MethodRouter<EdgeState>,
}
