//! A small HTTP/1.1 client: one connection a call, nothing hidden, so that a test can send what no library would.
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![];
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 4 + size..)?;
    }
}
