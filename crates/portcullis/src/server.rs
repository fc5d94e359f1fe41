//! Listeners, routes, workers, and how all of it ends.
use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use portcullis_edge::metrics::Metrics;
use portcullis_edge::{EdgeState, Listener};
use portcullis_outbound::HttpClient;
use portcullis_service::App;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::mail;
use crate::metrics::AppMetrics;
use crate::workers::{self, Workers};

/// Sockets that are bound: clients may connect, and wait until [`Server::start`] serves them.
pub struct Sockets {
    api: TcpListener,
    metrics: Option<TcpListener>,
}
impl Sockets {
    /// Binds what the configuration names.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        let api = bind(config.server.listen, "choose another address with --listen or server.listen").await?;
        let metrics = match config.metrics.listen {
            Some(address) => Some(bind(address, "choose another address with metrics.listen, or \"off\"").await?),
            None => None,
        };
        Ok(Self { api, metrics })
    }
    /// Where the APIs are, with the port that was taken.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.api.local_addr()?)
    }
    /// Where `/metrics` is.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|m| m.local_addr().ok())
    }
}

async fn bind(address: SocketAddr, advice: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on ({advice})"))
}

/// Both APIs, SCIM and the pages on one router. `/v1` brings the answer for paths that nobody serves.
fn routes(edge: &EdgeState) -> Router {
    portcullis_api::router(edge.clone())
        .merge(portcullis_api::scim_router(edge.clone()))
        .merge(portcullis_api_v1beta1::router(edge.clone()))
        .merge(portcullis_openid::router(edge.clone()))
        .merge(portcullis_web::router(edge.clone()))
}

/// A server that answers.
pub struct Server {
    stop: CancellationToken,
    api: tokio::task::JoinHandle<std::io::Result<()>>,
    metrics: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
    workers: Option<Workers>,
    signals: Signals,
}
impl Server {
    /// Serves the application on these sockets.
    pub async fn start(config: &Config, app: &App, sockets: Sockets) -> anyhow::Result<Self> {
        let signals = Signals::catch()?;
        let workers = match config.workers.enabled {
            true => {
                let outbound = HttpClient::new(config.outbound()).context("TLS for webhooks")?;
                let mailer = mail::mailer(config)?;
                Some(Workers::start(app, &config.data_dir, Arc::new(outbound), mailer).await?)
            }
            false => None,
        };
        let counted = Arc::new(Metrics::default());
        counted.register(|registry| registry.register_collector(Box::new(AppMetrics(app.clone()))));
        let listener = Listener::new(app.clock().clone(), app.random().clone(), config.edge(), counted.clone());
        let router = routes(&EdgeState::new(app.clone(), listener));
        let stop = CancellationToken::new();
        tokio::spawn(workers::reload_keys(app.clone(), stop.clone()));
        Ok(Self {
            api: spawn(sockets.api, router, config, &stop),
            metrics: sockets.metrics.map(|m| spawn(m, portcullis_api::metrics_router(counted), config, &stop)),
            stop,
            workers,
            signals,
        })
    }
    /// Serves until SIGTERM or SIGINT; lets running requests finish, seals the log, and returns. A second signal stops
    /// the waiting.
    pub async fn until_stopped(mut self) -> anyhow::Result<()> {
        let served = tokio::select! {
            signal = self.signals.next() => {
                tracing::info!(signal, "stopping: running requests may finish");
                self.stop.cancel();
                tokio::select! {
                    served = &mut self.api => Some(served),
                    signal = self.signals.next() => {
                        tracing::warn!(signal, "told twice: not waiting for running requests");
                        self.api.abort();
                        None
                    }
                }
            }
            served = &mut self.api => Some(served),
        };
        self.stop.cancel();
        if let Some(workers) = self.workers.take() {
            workers.finish().await;
        }
        if let Some(metrics) = self.metrics.take() {
            metrics.abort();
        }
        tracing::info!("stopped");
        served.map_or(Ok(()), |served| served.context("the listener failed")?.context("the listener failed"))
    }
}

fn spawn(
    listener: TcpListener,
    router: Router,
    config: &Config,
    stop: &CancellationToken,
) -> tokio::task::JoinHandle<std::io::Result<()>> {
    let (edge, stop) = (config.edge(), stop.clone());
    tokio::spawn(async move { portcullis_edge::serve(listener, router, &edge, stop.cancelled_owned()).await })
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}
impl Signals {
    fn catch() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
