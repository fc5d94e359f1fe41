//! A client of HTTP/1.1 that knows only what our server sends: a status, a `content-length`, a body. It is small because it
//! shares the cores with the server it measures.
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// An answer.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}
impl Answer<'_> {
    /// An error with what the server said, unless the status is this one.
    pub fn expect(&self, status: u16) -> Result<()> {
        if self.status == status {
            return Ok(());
        }
        let said: String = String::from_utf8_lossy(self.body).chars().take(300).collect();
        bail!("the server answered {} instead of {status}: {said}", self.status)
    }
}

/// One connection, kept alive.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects; `from` is one of the addresses of the loopback network, for servers that count by address.
    pub async fn open(to: SocketAddr, from: Option<Ipv4Addr>) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = from {
            socket.bind(SocketAddr::from((from, 0)))?;
        }
        let stream = socket.connect(to).await.with_context(|| format!("no server on {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10) })
    }
    /// Sends a whole request and reads its answer.
    pub async fn call(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.more().await?;
            if let Some(head) = Head::read(&self.buffer)? {
                break head;
            }
        };
        let end = head.length + head.body;
        while self.buffer.len() < end {
            self.more().await?;
        }
        if self.buffer.len() > end {
            bail!("the server sent more than its content-length");
        }
        Ok(Answer { status: head.status, body: &self.buffer[head.length..] })
    }
    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// What is read of an answer's head.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// Bytes of the head, its empty line included.
    pub length: usize,
    /// Bytes of the body.
    pub body: usize,
    /// The body comes in chunks instead.
    pub chunked: bool,
}
impl Head {
    /// `None` while the head is not whole.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(status_line) = line(bytes, 0) else { return Ok(None) };
        let status = bytes.get(9..12).and_then(|s| std::str::from_utf8(s).ok()).and_then(|s| s.parse().ok());
        let mut head = Self { status: status.context("no HTTP answer")?, length: 0, body: 0, chunked: false };
        let mut at = status_line;
        while let Some(next) = line(bytes, at) {
            let text = bytes[at..next].trim_ascii_end();
            if text.is_empty() {
                head.length = next;
                return Ok(Some(head));
            }
            if let Some(value) = value(text, b"content-length:") {
                head.body = std::str::from_utf8(value)?.trim().parse().context("content-length")?;
            } else if value(text, b"transfer-encoding:").is_some() {
                head.chunked = true;
            }
            at = next;
        }
        Ok(None)
    }
}

/// Where the line that begins at `from` ends.
fn line(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from..].iter().position(|b| *b == b'\n').map(|n| from + n + 1)
}
fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let whole = b"HTTP/1.1 201 Created\r\netag: \"1\"\r\nContent-Length: 17\r\n\r\n{}";
        let head = Head { status: 201, length: whole.len() - 2, body: 17, chunked: false };
        assert_eq!(Head::read(whole).unwrap(), Some(head));
        for cut in 0..whole.len() - 2 {
            assert_eq!(Head::read(&whole[..cut]).unwrap(), None, "{cut}");
        }
        assert!(Head::read(b"SSH-2.0-OpenSSH\n").is_err());
    }
}
