//! One call from its request to its answer, in the order of spec v1beta1 2.2 and decision 29: body → caller → fields →
//! permission (the use case) → change.
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use axum::response::Response;
use bytes::Bytes;
use portcullis_domain::{Code, Ctx, Error, Result};
use portcullis_edge::headers::IDEMPOTENCY_REPLAYED;
use portcullis_edge::{EdgeState, Exchange, Renderer, body, cookie, refuse};
use portcullis_service::personal_token::blocked;
use portcullis_wire_v1beta1::endpoint::Refusal;
use portcullis_wire_v1beta1::{Endpoint, MessageDescriptor, Messages};
use url::form_urlencoded;

use crate::call::{Call, Outcome};
use crate::encoding::Encoding;
use crate::handlers::{self, Handler};
use crate::incoming::Incoming;
use crate::{caller, error, idempotency};

/// A call with what answers it.
pub struct Plan {
    /// The row of the table.
    pub endpoint: &'static Endpoint,
    /// Its request message.
    pub input: MessageDescriptor,
    /// What answers it, if anything does yet.
    pub handler: Option<Handler>,
}
impl Plan {
    /// For a row of the table.
    pub fn of(endpoint: &'static Endpoint) -> Self {
        Self { endpoint, input: Messages::named(endpoint.input), handler: handlers::of(endpoint.rpc) }
    }
}

/// The surface's rendering of errors.
pub const fn renderer(encoding: Encoding) -> Renderer {
    match encoding {
        Encoding::Rest => error::rest,
        Encoding::ConnectJson | Encoding::ConnectProto => error::connect,
    }
}

/// Answers an error on a surface.
pub fn refused(parts: &Parts, encoding: Encoding, e: &Error) -> Response {
    match Exchange::of(parts) {
        Ok(exchange) => refuse(renderer(encoding), e, &exchange),
        Err(_) => renderer(encoding)(e, ""),
    }
}

/// Does it write what anybody sends? How often an address does that is counted, with a credential too.
fn is_open_to_writing(endpoint: &Endpoint) -> bool {
    endpoint.rpc == "CreateProspectPublic"
}

/// Does it send a mail to let somebody in, or let them in?
fn is_sign_in(endpoint: &Endpoint) -> bool {
    matches!(endpoint.rpc, "Authenticate" | "AuthCallback")
}

/// Does the query name a strategy like this, in any spelling that `transcode.rs` reads?
fn names_strategy(parts: &Parts, is_it: impl Fn(&str) -> bool) -> bool {
    let query = parts.uri.query().unwrap_or("");
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        let field = name.split(['[', '.']).next().unwrap_or_default();
        matches!(field, "strategy_name" | "strategyName") && is_it(&value)
    })
}
/// Is a code shown that somebody typed into a page? A link that leads here straight signs its reader in as somebody else.
fn is_typed(parts: &Parts) -> bool {
    names_strategy(parts, |name| name == "mailotp")
}
/// Is this a browser that a provider sent back? It comes from another site, and no cookie speaks for it but that of the sign-in, without
/// which none ends here.
pub(crate) fn is_return(endpoint: &Endpoint, parts: &Parts) -> bool {
    endpoint.rpc == "AuthCallback" && parts.method == Method::GET && !names_strategy(parts, |name| !name.is_empty())
}

/// Who calls, and how often; then the body: nobody fills the memory who may not call at all.
pub async fn enter(edge: &EdgeState, plan: &Plan, parts: &Parts, body: Body) -> Result<(Ctx, Bytes)> {
    let body = body::demand_size(&edge.config, body).await?;
    let entered = async {
        let exchange = Exchange::of(parts)?;
        let cx = caller::identify(edge, parts, &exchange, plan.endpoint).await?;
        exchange.enter(&cx);
        if let Some(limited) = edge.rate.api(&cx) {
            exchange.limited(limited);
            limited.check()?;
        }
        if is_sign_in(plan.endpoint) {
            if !is_return(plan.endpoint, parts) {
                cookie::may_set(edge, &parts.headers)?;
            }
            if parts.method == Method::GET && is_typed(parts) {
                cookie::demand_page(edge, &parts.headers)?;
            }
            if let Some(limited) = edge.rate.login(cx.ip) {
                exchange.limited(limited);
                limited.check()?;
            }
        }
        if is_open_to_writing(plan.endpoint)
            && let Some(limited) = edge.rate.public(cx.ip)
        {
            exchange.limited(limited);
            limited.check()?;
        }
        Ok(cx)
    };
    match entered.await {
        Ok(cx) => Ok((cx, body::read(&edge.config, body).await?)),
        Err(e) => {
            body::discard(&edge.config, body).await;
            Err(e)
        }
    }
}

/// Runs a call of a known caller.
pub async fn run(edge: &EdgeState, plan: &Plan, parts: &Parts, cx: Ctx, incoming: Incoming) -> Result<Outcome> {
    let handler = plan.handler.ok_or_else(|| unimplemented(plan.endpoint))?;
    let key = idempotency::of(&parts.headers, plan.endpoint, parts.uri.path(), &incoming)?;
    let app = edge.app.clone();
    let own = &app.settings().public_url;
    let kept = cookie::read_bound(own, cookie::STRATEGY, &parts.headers).map(str::to_owned);
    let held = cookie::held(own, &parts.headers).map(str::to_owned);
    let call = Call { endpoint: plan.endpoint, encoding: incoming.encoding, cx, key, kept, held };
    let closed = plan.endpoint.refuses_tokens() && call.cx.principal.credential.is_personal_token();
    match handler {
        Handler::Message(handle) => {
            let message = incoming.message(&plan.input)?;
            if closed {
                return Err(blocked());
            }
            handle(app, call, message).await
        }
        Handler::Incoming(_) if closed => Err(blocked()),
        Handler::Incoming(handle) => handle(app, call, incoming).await,
    }
}

/// 501: the call is known, but nothing answers it yet.
pub fn unimplemented(endpoint: &Endpoint) -> Error {
    let rpc = endpoint.rpc;
    let message = match endpoint.is_billing() {
        true => format!("{rpc} is not implemented: this version has no billing."),
        false => format!("{rpc} is not implemented in this version."),
    };
    Error::new(Code::NotImplemented, message)
}

/// What the caller sees of an error: refusals of some calls read differently, unless a rule decided (decisions 21 and 30).
pub fn as_seen(endpoint: &Endpoint, e: Error) -> Error {
    let by_rule = !e.notice_list().is_empty() || e.details().get("layer").and_then(|l| l.as_str()) == Some("rule");
    if endpoint.refusal == Refusal::Unavailable && e.code() == Code::Forbidden && !by_rule {
        Error::new(Code::NotAvailable, error::NOT_AVAILABLE)
    } else {
        e
    }
}

/// The answer of a call as HTTP.
pub fn respond(plan: &Plan, parts: &Parts, encoding: Encoding, outcome: Result<Outcome>) -> Response {
    match outcome {
        Ok(Outcome::Answer(answer)) => {
            let media = if answer.status < 400 { encoding.media() } else { Encoding::Rest.media() };
            let mut response = Response::new(Body::from(answer.body));
            *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
            if answer.replayed {
                headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
            }
            for (name, value) in &answer.headers {
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                    headers.append(name, value);
                }
            }
            response
        }
        Ok(Outcome::File { media, body }) => {
            let mut response = Response::new(body);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
            response
        }
        Err(e) => refused(parts, encoding, &as_seen(plan.endpoint, e)),
    }
}
