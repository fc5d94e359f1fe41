//! A connection to PostgreSQL that breaks after COMMIT, before its answer: whoever asked cannot know, and the server finds out.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use portcullis_store::Location;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::*;

on_postgres!(sec_03_a_refresh_whose_commit_was_not_answered_is_no_theft);

/// Stands between a server and its database. Once told so, it loses the next answer to a COMMIT, and the connection.
struct Wire {
    port: u16,
    lose: Arc<AtomicBool>,
}
impl Wire {
    async fn to(database: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let me = Self { port: listener.local_addr().unwrap().port(), lose: Arc::default() };
        let lose = me.lose.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(database).await.unwrap();
                tokio::spawn(carry(client, server, lose.clone()));
            }
        });
        me
    }
}
async fn carry(client: TcpStream, server: TcpStream, lose: Arc<AtomicBool>) {
    let ((mut asks, mut hears), (mut answers, mut asked)) = (client.into_split(), server.into_split());
    let up = tokio::spawn(async move { tokio::io::copy(&mut asks, &mut asked).await });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(n @ 1..) = answers.read(&mut buffer).await {
        let committed = buffer[..n].windows(7).any(|part| part == b"COMMIT\0");
        if (committed && lose.swap(false, SeqCst)) || hears.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
    up.abort();
}

async fn sec_03_a_refresh_whose_commit_was_not_answered_is_no_theft(engine: Engine) {
    let mut through = engine.shared();
    let Location::Postgres { url, .. } = &mut through.config.location else { panic!("no PostgreSQL") };
    let mut address = url::Url::parse(url).unwrap();
    let wire = Wire::to(address.socket_addrs(|| Some(5432)).unwrap()[0]).await;
    address.set_host(Some("127.0.0.1")).unwrap();
    address.set_port(Some(wire.port)).unwrap();
    *url = address.into();
    let w = World::on(engine, Options::default()).await;
    let b = Node::start(&through, w.clock.clone(), Options::default()).await;
    let there = w.anonymous().at(b.address);
    let refresh = async |of: &Value| {
        there.post("/v1/auth/refresh", json!({ "refresh_token": of["refresh_token"] })).await.expect(200)
    };
    let mut tokens = refresh(&w.login("owner@example.com").await.expect(200)).await;
    for _ in 0..3 {
        wire.lose.store(true, SeqCst);
        tokens = refresh(&tokens).await;
        assert!(!wire.lose.load(SeqCst), "an answer was lost");
    }
    let tokens = refresh(&tokens).await;
    w.bearer(tokens["token"].as_str().unwrap()).at(b.address).get("/v1/users/me/profile").await.expect(200);
    assert_eq!(w.events("action=session.refresh_reused").await.len(), 0);
}
