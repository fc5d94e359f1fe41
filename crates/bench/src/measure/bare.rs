//! The ceiling of everything that speaks HTTP: axum with nothing behind it, in a process of its own like the server.
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;

use super::load::{self, Pace, Script};
use super::process::first_line;

/// Serves `GET /` and `POST /`, which answers the JSON that it was sent; prints its address first.
pub async fn serve() -> Result<()> {
    let app =
        Router::new().route("/", get(async || "ok\n")).route("/", post(async |Json(body): Json<Value>| Json(body)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    // two workers, as the server has on two cores
    let workers = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = listener.into_std()?;
    let served = workers.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await });
    served.await??;
    workers.shutdown_background();
    Ok(())
}

/// The bare server, until it is dropped.
pub struct Bare {
    child: Child,
    address: SocketAddr,
}
impl Bare {
    pub fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg("bare").stdout(Stdio::piped()).spawn()?;
        let line = first_line(&mut child, Duration::from_secs(10))?;
        Ok(Self { child, address: line.trim().parse().context("the bare server's address")? })
    }
    /// `GET /` a second.
    pub async fn gets(&self, connections: usize, time: Duration) -> Result<f64> {
        self.rate(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n", connections, time).await
    }
    /// `POST /` a second, with the body of a user.
    pub async fn posts(&self, connections: usize, time: Duration) -> Result<f64> {
        let body = r#"{"email":"ada.0123456789abcdef@example.com","name":"Ada Lovelace","roles":["user"],"auth_provider":"oidc"}"#;
        let head = format!(
            "POST / HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.rate(format!("{head}{body}").as_bytes(), connections, time).await
    }
    async fn rate(&self, request: &[u8], connections: usize, time: Duration) -> Result<f64> {
        let scripts = (0..connections).map(|_| Box::new(Same(request.to_vec())) as Box<dyn Script>).collect();
        Ok(load::run(self.address, scripts, time, Pace::Closed).await?.rate())
    }
}
impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same request again and again, answered 200.
pub struct Same(pub Vec<u8>);
impl Script for Same {
    fn request(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
    fn status(&self) -> u16 {
        200
    }
}
