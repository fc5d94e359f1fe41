use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::EdgeConfig;
use crate::metrics::Metrics;
use crate::state::Listener;
use axum::Router;
use axum::routing::{get, post};
use portcullis_domain::Timestamp;
use portcullis_domain::port::{Clock, Random};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

struct Held;
impl Clock for Held {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_795_339_304_120_583)
    }
}
impl Random for Held {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

fn render(error: &Error, request_id: &str) -> Response {
    let mut answer = Response::new(Body::from(format!("{} {request_id}", error.message())));
    *answer.status_mut() = StatusCode::from_u16(error.code().http()).unwrap();
    answer
}

fn listener(config: EdgeConfig) -> Arc<Listener> {
    Listener::new(Arc::new(Held), Arc::new(Held), config, Arc::new(Metrics::default()))
}
fn surface(edge: &Arc<Listener>) -> Router {
    async fn boom() -> Response {
        panic!("a secret in a panic")
    }
    Router::new()
        .route("/ok", get(|| async { "fine" }))
        .route("/boom", get(boom))
        .route("/echo", post(|body: axum::body::Bytes| async move { body }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                "slow"
            }),
        )
        .fallback(|| async { StatusCode::UNAUTHORIZED })
        .layer(EdgeLayer::new(edge.clone(), render))
}
async fn call(config: EdgeConfig, request: axum::http::request::Builder) -> (u16, HeaderMap, String) {
    let answer = surface(&listener(config)).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&body).into_owned())
}
fn get_of(path: &str) -> axum::http::request::Builder {
    axum::http::Request::get(path)
}

#[tokio::test]
async fn every_answer_has_its_headers() {
    for path in ["/ok", "/nothing", "/boom"] {
        let (_, h, _) = call(EdgeConfig::default(), get_of(path).header("x-request-id", "mine-1")).await;
        assert_eq!(h["x-request-id"], "mine-1");
        assert_eq!(
            (&h["cache-control"], &h["x-content-type-options"]),
            (&"no-store".parse().unwrap(), &"nosniff".parse().unwrap())
        );
    }
    let (status, h, _) = call(EdgeConfig::default(), get_of("/nothing")).await;
    assert_eq!((status, &h["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
    assert_eq!(h["x-request-id"], "01a2028f-bcb8-7953-8707-070707070707");
}

#[tokio::test]
async fn a_panic_is_500_with_the_request_id_and_nothing_else() {
    let (status, _, body) = call(EdgeConfig::default(), get_of("/boom").header("x-request-id", "r-9")).await;
    assert_eq!(status, 500);
    assert!(body.contains("r-9") && !body.contains("secret"), "{body}");
}

#[tokio::test]
async fn sec_14_heads_and_urls_are_bounded() {
    let (status, ..) = call(EdgeConfig::default(), get_of("/ok").header("x-big", "a".repeat(33 << 10))).await;
    assert_eq!(status, 413);
    let (status, ..) = call(EdgeConfig::default(), get_of(&format!("/ok?{}", "a".repeat(8 << 10)))).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn one_request_too_many_is_503_and_the_places_come_back() {
    let edge = listener(EdgeConfig { max_in_flight: 1, ..EdgeConfig::default() });
    let router = surface(&edge);
    let slow = tokio::spawn(router.clone().oneshot(get_of("/slow").body(Body::empty()).unwrap()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let refused = router.clone().oneshot(get_of("/ok").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    let again = router.oneshot(get_of("/ok").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(again.status(), 200);
    assert_eq!(edge.in_flight.load(Ordering::Relaxed), 0);
    let text = edge.metrics.render();
    assert!(text.contains(r#"route="/slow",status="200"} 1"#), "{text}");
}

#[tokio::test]
async fn only_listed_origins_see_cors_headers() {
    let config = EdgeConfig { allowed_origins: vec!["https://console.example.com".into()], ..EdgeConfig::default() };
    let ask = |origin: &'static str| {
        axum::http::Request::options("/ok")
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "x-tenant-id")
    };
    let (status, h, _) = call(config.clone(), ask("https://console.example.com")).await;
    assert_eq!((status, &h["access-control-allow-origin"]), (204, &"https://console.example.com".parse().unwrap()));
    assert_eq!(h["access-control-allow-headers"], "x-tenant-id");
    let (status, h, _) = call(config.clone(), ask("https://evil.example.com")).await;
    assert!(status == 405 && !h.contains_key("access-control-allow-origin") && h["vary"] == "Origin");
    let (_, h, _) = call(EdgeConfig::default(), ask("https://console.example.com")).await;
    assert!(!h.contains_key("vary") && !h.contains_key("access-control-allow-origin"));
}

async fn speak(
    edge: &Arc<Listener>,
    said: &[u8],
) -> (String, tokio::task::JoinHandle<std::io::Result<()>>, tokio::sync::oneshot::Sender<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (router, config) = (surface(edge), edge.config.clone());
    let server = tokio::spawn(async move {
        crate::serve(listener, router, &config, async {
            let _ = stopped.await;
        })
        .await
    });
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    stream.write_all(said).await.unwrap();
    let mut heard = String::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut heard)).await;
    (heard, server, stop)
}

#[tokio::test]
async fn a_connection_serves_and_the_stop_is_graceful() {
    let edge = listener(EdgeConfig::default());
    let (heard, server, stop) = speak(&edge, b"GET /ok HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(heard.starts_with("HTTP/1.1 200") && heard.ends_with("fine"), "{heard}");
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn sec_14_a_client_that_says_nothing_is_cut_off() {
    let edge = listener(EdgeConfig { header_timeout: Duration::from_millis(100), ..EdgeConfig::default() });
    for said in [&b""[..], b"P", b"GET /ok HTTP/1.1\r\nhost: a\r\n"] {
        let (heard, ..) = speak(&edge, said).await;
        assert!(!heard.contains("200"), "{heard}");
    }
}
