//! The one middleware: request id, limits around the handler, panics, log line, metrics, and the headers of every answer.
use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use pin_project_lite::pin_project;
use portcullis_domain::{Code, Error, Subject};
use tower::{Layer, Service};

use crate::cors;
use crate::exchange::{Exchange, X_REQUEST_ID};
use crate::headers;
use crate::state::Listener;

/// How a surface shows an error: its status and its body. The second argument is the request's id.
pub type Renderer = fn(&Error, &str) -> Response;

/// Answers an error: the cause goes to the log, the surface renders the rest. `Retry-After` comes from
/// `details.retry_after_seconds` where there is one.
pub fn refuse(render: Renderer, error: &Error, exchange: &Exchange) -> Response {
    let request_id = &**exchange.request_id();
    if let Some(cause) = error.cause() {
        let code = error.code().as_str();
        if error.code() == Code::Internal {
            tracing::error!(request_id, code, cause, "request failed");
        } else {
            tracing::warn!(request_id, code, cause, "request refused");
        }
    }
    let mut answer = render(error, request_id);
    if let Some(seconds) = error.details().get("retry_after_seconds").and_then(serde_json::Value::as_u64) {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// Wraps a surface's router. Use it with `Router::layer`: it then runs after routing and knows the route.
#[derive(Clone)]
pub struct EdgeLayer {
    edge: Arc<Listener>,
    render: Renderer,
}
impl EdgeLayer {
    /// For one surface.
    pub fn new(edge: Arc<Listener>, render: Renderer) -> Self {
        Self { edge, render }
    }
}
impl<S> Layer<S> for EdgeLayer {
    type Service = EdgeService<S>;
    fn layer(&self, inner: S) -> EdgeService<S> {
        EdgeService { inner, layer: self.clone() }
    }
}

/// What [`EdgeLayer`] makes of a service.
#[derive(Clone)]
pub struct EdgeService<S> {
    inner: S,
    layer: EdgeLayer,
}
impl<S> Service<Request> for EdgeService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = EdgeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let EdgeLayer { edge, render } = &self.layer;
        let exchange = Exchange::begin(edge, request.headers(), request.extensions());
        let origin = if edge.origins.is_empty() { None } else { Some(cors::allowed(edge, request.headers())) };
        let ready = match too_much(edge, &request) {
            Some(error) => Some(refuse(*render, &error, &exchange)),
            None if matches!(origin, Some(Some(_))) && cors::is_preflight(request.method(), request.headers()) => {
                Some(cors::preflight(request.headers()))
            }
            None => None,
        };
        let work = Work {
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            in_flight: InFlight::enter(edge),
            render: *render,
            exchange,
            origin,
        };
        let answer = match ready {
            Some(answer) => Inner::Ready { answer: Some(answer) },
            None => {
                request.extensions_mut().insert(work.exchange.clone());
                // A handler may panic before it returns its future.
                match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
                    Ok(future) => Inner::Running { future },
                    Err(panic) => Inner::Ready { answer: Some(work.panicked(&*panic)) },
                }
            }
        };
        EdgeFuture { inner: answer, work }
    }
}

/// What is refused before any handler sees it.
fn too_much(edge: &Arc<Listener>, request: &Request) -> Option<Error> {
    if edge.in_flight.load(Ordering::Relaxed) >= edge.config.max_in_flight {
        return Some(Error::unavailable("more requests in work than max_in_flight").detail("retry_after_seconds", 1));
    }
    let url = request.uri().path_and_query().map_or(0, |p| p.as_str().len());
    let over = |what: &str, limit: usize| {
        Error::new(Code::PayloadTooLarge, format!("The {what} may have at most {limit} bytes."))
            .detail("limit_bytes", limit)
    };
    if url > edge.config.url_limit {
        return Some(over("URL", edge.config.url_limit));
    }
    let headers: usize = request.headers().iter().map(|(n, v)| n.as_str().len() + v.len()).sum();
    (headers > edge.config.header_limit).then(|| over("headers together", edge.config.header_limit))
}

/// Counts a request in and, however it ends, out.
struct InFlight(Arc<Listener>);
impl InFlight {
    fn enter(edge: &Arc<Listener>) -> Self {
        edge.in_flight.fetch_add(1, Ordering::Relaxed);
        edge.metrics.begin();
        Self(edge.clone())
    }
}
impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.end();
    }
}

/// What is known of a request while its handler runs.
struct Work {
    exchange: Arc<Exchange>,
    method: Method,
    route: Option<MatchedPath>,
    in_flight: InFlight,
    render: Renderer,
    /// `None`: no CORS here; `Some(None)`: not an origin that may call.
    origin: Option<Option<HeaderValue>>,
}

pin_project! {
    /// The answer of [`EdgeService`].
    pub struct EdgeFuture<F> {
        #[pin]
        inner: Inner<F>,
        work: Work,
    }
}
pin_project! {
    #[project = Projected]
    enum Inner<F> {
        Running { #[pin] future: F },
        Ready { answer: Option<Response> },
    }
}
impl<F: Future<Output = Result<Response, Infallible>>> Future for EdgeFuture<F> {
    type Output = Result<Response, Infallible>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = match this.inner.project() {
            Projected::Ready { answer } => answer.take().unwrap_or_else(|| Response::new(Body::empty())),
            Projected::Running { future } => match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(Ok(answer))) => answer,
                Err(panic) => this.work.panicked(&*panic),
            },
        };
        this.work.finish(&mut answer);
        Poll::Ready(Ok(answer))
    }
}

impl Work {
    fn panicked(&self, panic: &(dyn Any + Send)) -> Response {
        let what = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        refuse(self.render, &Error::internal(format!("panic: {}", what.unwrap_or("of unknown kind"))), &self.exchange)
    }

    fn finish(&mut self, answer: &mut Response) {
        let status = answer.status();
        let headers = answer.headers_mut();
        if let Ok(id) = HeaderValue::from_str(self.exchange.request_id()) {
            headers.insert(X_REQUEST_ID, id);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if let Some(cx) = self.exchange.cx()
            && let Some(notices) = headers::notices(&cx.notices.list())
        {
            headers.insert(headers::X_POLICY_NOTICES, notices);
        }
        if let Some(limited) = self.exchange.limit() {
            limited.write(headers);
        }
        self.by_status(status, headers);
        if let Some(origin) = self.origin.take() {
            cors::mark(headers, origin);
        }
        let took = self.exchange.started().elapsed();
        let edge = &self.in_flight.0;
        let route = self.route.as_ref().map(MatchedPath::as_str);
        edge.metrics.answered(&self.method, route, status.as_u16(), took);
        if edge.config.access_log {
            self.log(status, took);
        }
    }

    fn by_status(&self, status: StatusCode, headers: &mut HeaderMap) {
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.entry(header::WWW_AUTHENTICATE).or_insert(HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
            }
            _ => {}
        }
    }

    /// One line: never a body, a query, a header's value that may be secret, or a path with ids.
    fn log(&self, status: StatusCode, took: Duration) {
        let x = &self.exchange;
        let cx = x.cx();
        tracing::info!(
            target: "portcullis::access",
            request_id = &**x.request_id(),
            method = self.method.as_str(),
            route = self.route.as_ref().map_or("unmatched", MatchedPath::as_str),
            status = status.as_u16(),
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            tenant = cx.map(|c| tracing::field::display(c.tenant_id)),
            principal = cx.map(|c| kind(&c.principal.subject)),
            "answered"
        );
    }
}

fn kind(subject: &Subject) -> &'static str {
    match subject {
        Subject::User(_) => "user",
        Subject::ServiceUser(_) => "service",
        Subject::Directory(_) => "directory",
        Subject::System => "system",
        Subject::Anonymous => "anonymous",
    }
}

#[cfg(test)]
mod tests;
