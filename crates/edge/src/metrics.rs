//! What is counted about requests, in Prometheus' words. No id of a person or tenant is ever a label.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status: u16,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Took {
    method: &'static str,
    route: &'static str,
}

/// The route label of what no route serves.
const UNMATCHED: &str = "unmatched";
/// Seconds; fine where a point read lives, coarse where a password hash does.
const BUCKETS: [f64; 12] = [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

/// The server's metrics. Other crates add theirs with [`Metrics::register`].
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Answered, Counter>,
    durations: Family<Took, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    /// Route templates, each leaked once: there are as many as there are routes, and labels need no allocation.
    routes: RwLock<HashMap<&'static str, &'static str>>,
}
impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("portcullis");
        let requests = Family::default();
        let durations: Family<Took, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let in_flight = Gauge::default();
        registry.register("http_requests", "Requests answered, by route and status", requests.clone());
        registry.register("http_request_duration_seconds", "Time to the head of the answer", durations.clone());
        registry.register("http_requests_in_flight", "Requests in work now", in_flight.clone());
        Self { registry: Mutex::new(registry), requests, durations, in_flight, routes: RwLock::default() }
    }
}
impl Metrics {
    /// Adds other metrics to what is shown.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }
    /// Everything in the OpenMetrics text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(e) = prometheus_client::encoding::text::encode(&mut text, &registry) {
            tracing::error!(error = %e, "metrics could not be written");
        }
        text
    }
    /// The media type of [`render`](Self::render).
    pub const MEDIA_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    pub(crate) fn begin(&self) {
        self.in_flight.inc();
    }
    pub(crate) fn end(&self) {
        self.in_flight.dec();
    }
    pub(crate) fn answered(&self, method: &Method, route: Option<&str>, status: u16, took: Duration) {
        let (method, route) = (method_label(method), self.label(route));
        self.requests.get_or_create(&Answered { method, route, status }).inc();
        self.durations.get_or_create(&Took { method, route }).observe(took.as_secs_f64());
    }
    fn label(&self, route: Option<&str>) -> &'static str {
        let Some(route) = route else { return UNMATCHED };
        if let Some(known) = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(route) {
            return known;
        }
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = routes.get(route) {
            return known;
        }
        let leaked: &'static str = Box::leak(route.to_owned().into_boxed_str());
        routes.insert(leaked, leaked);
        leaked
    }
}

/// Only methods that exist: what a client makes up never becomes a label.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_routes_and_never_what_a_client_wrote() {
        let m = Metrics::default();
        m.answered(&Method::GET, Some("/v1/users/{id}"), 200, Duration::from_millis(1));
        m.answered(&Method::from_bytes(b"BREW").unwrap(), None, 404, Duration::from_millis(1));
        let text = m.render();
        assert!(
            text.contains(r#"portcullis_http_requests_total{method="GET",route="/v1/users/{id}",status="200"} 1"#),
            "{text}"
        );
        assert!(text.contains(r#"method="OTHER",route="unmatched",status="404""#) && !text.contains("BREW"));
    }
}
