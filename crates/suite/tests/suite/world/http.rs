//! A small HTTP/1.1 client: one connection a call, nothing hidden, so that a test can send what no library would.
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What was asked, for the message of a failed test.
    asked: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The body as JSON; null when there is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{} answered no JSON ({e}): {}", self.asked, self.text()))
    }
    /// Its lines as JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }
    /// The body of an answer of this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{} → {} {}", self.asked, self.status, self.text());
        self.json()
    }
    /// The body of a /v1 refusal of this status and code, in the one form that all of them have.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let e = self.json();
        assert_eq!((self.status, e["code"].as_str()), (status, Some(code)), "{} → {} {e}", self.asked, self.status);
        let message = e["message"].as_str().unwrap_or_default();
        assert!(message.len() > 5 && message.contains(' '), "a sentence for a person: {e}");
        assert!(e["details"].is_object() && e["notices"].is_array(), "all four members: {e}");
        assert_eq!(e.as_object().unwrap().len(), 4, "{e}");
        e
    }
    /// The message of one field of a 400 or 422.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        let e = self.json();
        let fields = e["details"]["fields"].as_array().cloned().unwrap_or_default();
        let found = fields.iter().find(|f| f["field"] == name);
        found.unwrap_or_else(|| panic!("{} → no fault of {name:?}: {e}", self.asked))["message"]
            .as_str()
            .unwrap()
            .into()
    }
}

/// A caller: an address and the headers that all of its calls carry.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: vec![] }
    }
    /// With this header instead of the one of the same name.
    #[must_use]
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut c = self.without(name);
        c.headers.push((name.to_lowercase(), value.into()));
        c
    }
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut c = self.clone();
        c.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        c
    }
    /// Where it calls, and its headers.
    pub fn parts(&self) -> (SocketAddr, &[(String, String)]) {
        (self.address, &self.headers)
    }
    /// The same caller at another server.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[]).await
    }
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[]).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.json("POST", path, &body).await
    }
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.json("PUT", path, &body).await
    }
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json("PATCH", path, &body).await
    }
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.with("content-type", "application/json").send(method, path, body.to_string().as_bytes()).await
    }
    /// A call with these bytes as its body, and no header that the client does not have.
    pub async fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let answer = self.try_send(method, path, body).await;
        answer.unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }
    /// The same; an error when the connection breaks before an answer came.
    pub async fn try_send(&self, method: &str, path: &str, body: &[u8]) -> std::io::Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let stream = TcpStream::connect(self.address).await?;
        let (mut read, mut write) = stream.into_split();
        let sent = [head.as_bytes(), body].concat();
        // the server may answer before it has read everything
        let sending = tokio::spawn(async move {
            let _ = write.write_all(&sent).await;
            write
        });
        let mut raw = vec![];
        let end = read.read_to_end(&mut raw).await;
        sending.abort();
        let asked = format!("{method} {}", path.chars().take(200).collect::<String>());
        parse(&raw, asked).ok_or_else(|| end.err().unwrap_or_else(|| std::io::Error::other("no whole answer")))
    }
}

/// A call that goes on: its body is sent and its answer read piece by piece.
pub struct Opened {
    stream: TcpStream,
    raw: Vec<u8>,
}
impl Client {
    /// Begins a call: a POST has a body in chunks. Little of the answer fits between the two sides.
    pub async fn open(&self, method: &str, path: &str) -> Opened {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            head.push_str("transfer-encoding: chunked\r\n");
        }
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 << 10).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        Opened { stream, raw: vec![] }
    }
}
impl Opened {
    /// One chunk of the body. The server may have hung up: then the answer tells.
    pub async fn send(&mut self, body: &str) {
        let _ = self.stream.write_all(format!("{:x}\r\n{body}\r\n", body.len()).as_bytes()).await;
    }
    /// The end of the body.
    pub async fn finish(&mut self) {
        let _ = self.stream.write_all(b"0\r\n\r\n").await;
    }
    /// Reads until the answer, head and all, holds this.
    pub async fn read_until(&mut self, text: &str) {
        let mut some = [0; 4096];
        while !self.raw.windows(text.len()).any(|w| w == text.as_bytes()) {
            let n = self.stream.read(&mut some).await.unwrap();
            assert!(n > 0, "the answer ended without {text:?}: {}", String::from_utf8_lossy(&self.raw));
            self.raw.extend_from_slice(&some[..n]);
        }
    }
    /// Reads to the end: the status, what came of the body, and whether it came whole.
    pub async fn rest(mut self) -> (u16, String, bool) {
        let _ = self.stream.read_to_end(&mut self.raw).await;
        let text = String::from_utf8_lossy(&self.raw).into_owned();
        let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let at = self.raw.windows(4).position(|w| w == b"\r\n\r\n").map_or(self.raw.len(), |at| at + 4);
        let (body, whole) = chunks(&self.raw[at..]);
        (status, String::from_utf8_lossy(&body).into_owned(), whole)
    }
}

fn parse(raw: &[u8], asked: String) -> Option<Answer> {
    let end = raw.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&raw[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> =
        lines.filter_map(|l| l.split_once(':')).map(|(n, v)| (n.to_lowercase(), v.trim().to_owned())).collect();
    let rest = &raw[end + 4..];
    let of = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let body = match (of("transfer-encoding"), of("content-length")) {
        (Some("chunked"), _) => dechunk(rest)?,
        (_, Some(n)) => rest.get(..n.parse().ok()?)?.to_vec(),
        _ => rest.to_vec(),
    };
    Some(Answer { status, headers, body, asked })
}

/// `None` when the last, empty chunk is missing: the answer broke off.
fn dechunk(rest: &[u8]) -> Option<Vec<u8>> {
    let (body, whole) = chunks(rest);
    whole.then_some(body)
}
/// What is in the chunks, and whether the last, empty one is there.
fn chunks(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut out = vec![];
    loop {
        let Some(end) = rest.windows(2).position(|w| w == b"\r\n") else { return (out, false) };
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|s| usize::from_str_radix(s.trim(), 16).ok());
        let Some(size) = size else { return (out, false) };
        if size == 0 {
            return (out, true);
        }
        let data = &rest[end + 2..];
        out.extend_from_slice(&data[..size.min(data.len())]);
        let Some(next) = data.get(size + 2..) else { return (out, false) };
        rest = next;
    }
}
