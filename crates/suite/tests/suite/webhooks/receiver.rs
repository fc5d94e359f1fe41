//! A receiver of webhooks: keeps what came and answers what the test says.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_crypto::hmac_sha256;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What came in one call.
#[derive(Clone, Debug)]
pub struct Letter {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}
impl Letter {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
    pub fn action(&self) -> String {
        self.json()["action"].as_str().unwrap().to_owned()
    }
    /// Is it signed with this secret, in both ways?
    pub fn is_signed(&self, secret: &str) -> bool {
        let secret: Vec<u8> =
            (0..secret.len()).step_by(2).map(|i| u8::from_str_radix(&secret[i..i + 2], 16).unwrap()).collect();
        let tag = |parts: &[&[u8]]| hmac_sha256(&secret, parts).iter().map(|b| format!("{b:02x}")).collect::<String>();
        let time = self.headers["x-portcullis-timestamp"].as_bytes();
        self.headers["x-signature"] == format!("1={}", tag(&[&self.body]))
            && self.headers["x-portcullis-signature"] == format!("v1={}", tag(&[time, b".", &self.body]))
    }
}

/// Listens until the test ends.
#[derive(Clone)]
pub struct Receiver {
    pub port: u16,
    letters: Arc<Mutex<Vec<Letter>>>,
    status: Arc<AtomicU16>,
}
impl Receiver {
    /// Answers 200 until told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let me = Self { port, letters: Arc::default(), status: Arc::new(AtomicU16::new(200)) };
        let receiver = me.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receiver.clone().take(stream));
            }
        });
        me
    }
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
    /// What it answers from now on; 0: nothing at all.
    pub fn answer(&self, status: u16) {
        self.status.store(status, SeqCst);
    }
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }
    /// What came so far, once there are so many.
    pub async fn wait_for(&self, n: usize) -> Vec<Letter> {
        for _ in 0..1_500 {
            let now = self.letters();
            if now.len() >= n {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{n} letters were expected: {:?}", self.letters());
    }
    async fn take(self, mut stream: TcpStream) {
        let (mut bytes, mut buffer) = (vec![], [0; 4096]);
        let letter = loop {
            match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
                _ => return,
            }
            if let Some(letter) = parsed(&bytes) {
                break letter;
            }
        };
        self.letters.lock().unwrap().push(letter);
        let status = self.status.load(SeqCst);
        if status == 0 {
            return tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let answer = format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: 2\r\n\r\nok");
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}
fn parsed(bytes: &[u8]) -> Option<Letter> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some(Letter { path, headers, body })
}
