//! Connections: HTTP/1.1 and cleartext HTTP/2 on one port, slow clients cut off, a stop that lets running requests finish.
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::Service;

use crate::config::EdgeConfig;
use crate::exchange::Peer;

/// Streams of one HTTP/2 connection at once.
const STREAMS: u32 = 250;
/// Buffer of an HTTP/1 connection: above it hyper answers 431 by itself. Twice the header limit, so that our own 413 comes first.
const BUFFER: usize = 64 << 10;

/// Serves until `shutdown` resolves; then takes no more connections and waits at most `config.drain` for running requests.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: &EdgeConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let connection = Arc::new(Connection { http: builder(config), head: config.header_timeout, router });
    let places = Arc::new(Semaphore::new(config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        // INVARIANT: the semaphore is never closed
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place.map_err(io::Error::other)?,
            () = &mut shutdown => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(e) => {
                    pause_after(&e).await;
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        let (connection, watcher) = (connection.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection.run(stream, Peer(peer.ip()), watcher).await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(config.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = config.drain.as_secs(), "requests were still running when the server stopped");
    }
    Ok(())
}

/// A connection that the client gave up is nothing; out of file descriptors is worth a breath, not a busy loop.
async fn pause_after(e: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(e.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(error = %e, "a connection could not be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Not `pipeline_flush`: with it hyper takes an answer into memory however long it is and however slowly it is read.
fn builder(config: &EdgeConfig) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(BUFFER.max(config.header_limit.saturating_mul(2)));
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(config.header_limit).unwrap_or(u32::MAX))
        .keep_alive_interval(config.header_timeout)
        .keep_alive_timeout(config.header_timeout);
    http
}

/// What all connections share.
struct Connection {
    http: auto::Builder<TokioExecutor>,
    head: Duration,
    router: Router,
}
impl Connection {
    async fn run(&self, stream: TcpStream, peer: Peer, watcher: Watcher) {
        let _ = stream.set_nodelay(true);
        let spoke = AtomicBool::new(false);
        let service = service_fn(|request: hyper::Request<Incoming>| {
            spoke.store(true, Ordering::Relaxed);
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let mut router = self.router.clone();
            async move { Ok::<_, Infallible>(router.call(request).await.unwrap_or_else(|never| match never {})) }
        });
        let connection = watcher.watch(self.http.serve_connection(TokioIo::new(stream), service));
        let mut connection = std::pin::pin!(connection);
        // hyper times every head but the very first bytes, by which it tells HTTP/1 from HTTP/2.
        tokio::select! {
            done = &mut connection => return note(done),
            () = tokio::time::sleep(self.head) => {}
        }
        if spoke.load(Ordering::Relaxed) {
            note(connection.await);
        }
    }
}

fn note(done: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(e) = done {
        tracing::debug!(error = %e, "connection ended");
    }
}
