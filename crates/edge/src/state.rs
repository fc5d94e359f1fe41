//! What all requests of a listener share.
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::http::HeaderValue;
use portcullis_domain::port::{Clock, Random};
use portcullis_service::App;

use crate::config::EdgeConfig;
use crate::metrics::Metrics;
use crate::rate::RateLimits;

/// A listener's ports, settings and counts: everything that the edge itself needs.
pub struct Listener {
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// Where request ids come from.
    pub random: Arc<dyn Random>,
    /// The settings.
    pub config: EdgeConfig,
    /// What is counted; several listeners may share one.
    pub metrics: Arc<Metrics>,
    /// Who called how often.
    pub rate: RateLimits,
    /// `config.allowed_origins` as header values.
    pub(crate) origins: Vec<HeaderValue>,
    /// Requests in work now.
    pub(crate) in_flight: AtomicUsize,
}
impl Listener {
    /// Wires one. An allowed origin that is no header value can never match and is left out.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, config: EdgeConfig, metrics: Arc<Metrics>) -> Arc<Self> {
        let origins = config.allowed_origins.iter().filter_map(|o| o.parse().ok()).collect();
        let rate = RateLimits::new(&config, clock.clone());
        Arc::new(Self { clock, random, config, metrics, rate, origins, in_flight: AtomicUsize::new(0) })
    }
}

/// The application behind a listener: the state of every surface's router.
#[derive(Clone)]
pub struct EdgeState(Arc<Edge>);

/// What [`EdgeState`] points to.
pub struct Edge {
    /// The use cases.
    pub app: App,
    /// Everything else; also reached through `Deref`.
    pub listener: Arc<Listener>,
}
impl EdgeState {
    /// Puts the application behind a listener.
    pub fn new(app: App, listener: Arc<Listener>) -> Self {
        Self(Arc::new(Edge { app, listener }))
    }
}
impl Deref for EdgeState {
    type Target = Edge;
    fn deref(&self) -> &Edge {
        &self.0
    }
}
impl Deref for Edge {
    type Target = Listener;
    fn deref(&self) -> &Listener {
        &self.listener
    }
}
