//! Calls to a receiver on this machine, and to addresses that nobody may call.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_domain::outbound::{Fetch, Message, Outbound, Unreachable};
use portcullis_outbound::{Allowed, HttpClient, Resolver};
use rustls::RootCertStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn message(url: impl Into<String>) -> Message {
    Message { url: url.into(), headers: vec![("x-signature".into(), "1=ab".into())], body: b"{\"a\":1}".to_vec() }
}
fn fetch(url: impl Into<String>, most: usize) -> Fetch {
    Fetch { body: Some(b"{\"a\":1}".to_vec()), url: url.into(), headers: vec![], most }
}
fn names(addresses: &'static [&'static str], asked: Arc<AtomicUsize>) -> Resolver {
    Arc::new(move |_| {
        asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(addresses.iter().map(|a| a.parse::<IpAddr>().unwrap()).collect()) })
    })
}
fn client(allowed: Allowed, addresses: &'static [&'static str]) -> HttpClient {
    HttpClient::with(allowed, names(addresses, Arc::default()), RootCertStore::empty()).unwrap()
}
const ALL: Allowed = Allowed { http: true, private: true };

/// Answers this to one caller and tells what was sent.
async fn receiver(answer: &'static str) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut text, mut buffer) = (String::new(), [0; 4096]);
        while !text.ends_with("{\"a\":1}") {
            let n = stream.read(&mut buffer).await.unwrap();
            text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
            if n == 0 {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        text
    });
    (port, task)
}

#[tokio::test]
async fn a_message_arrives_with_its_headers_and_its_body_at_the_address_that_was_looked_up() {
    let (port, told) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let client = HttpClient::with(ALL, names(&["127.0.0.1"], asked.clone()), RootCertStore::empty()).unwrap();
    let reached = client.post(&message(format!("http://hooks.example:{port}/in?x=1"))).await.unwrap();
    assert_eq!(reached.status, 204);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "one look, and the connection goes where it led");
    let told = told.await.unwrap().to_lowercase();
    assert!(told.starts_with("post /in?x=1 http/1.1\r\n"), "{told}");
    assert!(
        told.contains(&format!("host: hooks.example:{port}\r\n")) && told.contains("x-signature: 1=ab\r\n"),
        "{told}"
    );
    assert!(told.contains("content-length: 7\r\n"), "{told}");
}

#[tokio::test]
async fn sec_10_a_redirect_is_an_answer_and_not_followed() {
    let (port, told) = receiver("HTTP/1.1 307 T\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    let reached = client(ALL, &["127.0.0.1"]).post(&message(format!("http://hooks.example:{port}/"))).await.unwrap();
    assert_eq!(reached.status, 307);
    told.await.unwrap();
    let (port, told) = receiver("HTTP/1.1 302 T\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    let there = fetch(format!("http://id.example:{port}/"), 100);
    let fetched = client(ALL, &["127.0.0.1"]).fetch(&there).await.unwrap();
    assert_eq!((fetched.status, fetched.body.len()), (302, 0));
    told.await.unwrap();
}

#[tokio::test]
async fn sec_14_no_more_of_an_answer_is_read_than_was_asked_for() {
    for (most, read) in [(5, true), (4, false)] {
        let (port, told) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
        let there = fetch(format!("http://id.example:{port}/"), most);
        let fetched = client(ALL, &["127.0.0.1"]).fetch(&there).await;
        assert_eq!(fetched.is_ok(), read, "{fetched:?}");
        told.await.unwrap();
    }
}

#[tokio::test]
async fn sec_10_private_addresses_are_not_called_whatever_leads_there() {
    let http = Allowed { http: true, private: false };
    for addresses in
        [&["127.0.0.1"][..], &["1.1.1.1", "10.0.0.1"], &["::1"], &["::ffff:192.168.0.1"], &["fd00::1", "2606:4700::1"]]
    {
        let client = HttpClient::with(http, names(addresses, Arc::default()), RootCertStore::empty()).unwrap();
        assert_eq!(
            client.post(&message("http://hooks.example/")).await.map(drop),
            Err(Unreachable::Private),
            "{addresses:?}"
        );
        assert_eq!(
            client.fetch(&fetch("http://id.example/", 9)).await.map(drop),
            Err(Unreachable::Private),
            "{addresses:?}"
        );
    }
    for url in
        ["http://127.0.0.1/", "http://169.254.169.254/", "http://[::1]/", "http://0x7f.1/", "https://100.64.0.1/"]
    {
        assert_eq!(client(http, &["1.1.1.1"]).post(&message(url)).await.map(drop), Err(Unreachable::Private), "{url}");
        assert_eq!(
            client(http, &["1.1.1.1"]).fetch(&fetch(url, 9)).await.map(drop),
            Err(Unreachable::Private),
            "{url}"
        );
    }
    // and nothing but https unless the operator says so
    for url in ["http://1.1.1.1/", "ftp://1.1.1.1/", "file:///etc/passwd", "nonsense"] {
        assert_eq!(client(Allowed::default(), &[]).post(&message(url)).await.map(drop), Err(Unreachable::Url), "{url}");
        assert_eq!(
            client(Allowed::default(), &[]).fetch(&fetch(url, 9)).await.map(drop),
            Err(Unreachable::Url),
            "{url}"
        );
    }
}

#[tokio::test]
async fn what_goes_wrong_has_a_name() {
    let call = async |url: String| client(ALL, &["127.0.0.1"]).post(&message(url)).await;
    assert_eq!(client(ALL, &[]).post(&message("http://hooks.example/")).await, Err(Unreachable::Name));
    assert_eq!(call("http://127.0.0.1:1/".into()).await, Err(Unreachable::Connection));
    let (port, _told) = receiver("hello\r\n\r\n").await;
    assert_eq!(call(format!("http://hooks.example:{port}/")).await, Err(Unreachable::Protocol));
    let (port, _told) = receiver("").await;
    assert_eq!(call(format!("https://hooks.example:{port}/")).await, Err(Unreachable::Tls));
    // a head without end is not read to its end
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"x-filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").await.is_ok() {}
    });
    assert!(call(format!("http://hooks.example:{port}/")).await.is_err());
}
