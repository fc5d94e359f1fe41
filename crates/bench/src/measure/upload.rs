//! An import over HTTP: lines go out in chunks while the report comes back, on two threads.
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::http::Head;
use super::people;
use super::process::Process;
use super::server::Server;

const CHUNK: usize = 64 << 10;

/// How an import went.
pub struct Imported {
    pub seconds: f64,
    /// Resident memory of the server in MiB when a quarter, a half, three quarters and all of the report had come.
    pub memory: Vec<f64>,
    pub peak: f64,
}

/// Imports these people, all with this hash; every one must be created.
pub fn import(server: &Server, people: std::ops::Range<u64>, hash: &str) -> Result<Imported> {
    let rows = people.end - people.start;
    let process = server.process();
    process.forget_peak()?;
    let stream = TcpStream::connect(server.address)?;
    let mut out = stream.try_clone()?;
    let head = server.head("POST", "/v1/users/import");
    let hash = hash.to_owned();
    let start = Instant::now();
    let sender = std::thread::spawn(move || -> Result<()> {
        write!(out, "{head}content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n")?;
        let mut lines = String::with_capacity(CHUNK + 1024);
        for n in people {
            people::line(&mut lines, n, &hash);
            if lines.len() >= CHUNK {
                chunk(&mut out, &lines)?;
                lines.clear();
            }
        }
        if !lines.is_empty() {
            chunk(&mut out, &lines)?;
        }
        out.write_all(b"0\r\n\r\n")?;
        Ok(())
    });
    let report = read_report(stream, rows, process)?;
    let seconds = start.elapsed().as_secs_f64();
    match sender.join() {
        Ok(sent) => sent?,
        Err(_) => bail!("the sender panicked"),
    }
    Ok(Imported { seconds, memory: report, peak: process.peak()? })
}

fn chunk(out: &mut TcpStream, lines: &str) -> Result<()> {
    let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
    out.write_all(chunk.as_bytes())?;
    Ok(())
}

/// Reads the report to its summary; the memory at each quarter.
fn read_report(stream: TcpStream, rows: u64, process: Process) -> Result<Vec<f64>> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut lines = BufReader::with_capacity(256 << 10, Unchunked::begin(BufReader::new(stream))?);
    let (mut line, mut seen, mut memory) = (String::new(), 0, vec![]);
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            bail!("the report ended after {seen} lines, without a summary");
        }
        if line.starts_with("{\"summary\"") {
            let summary: Value = serde_json::from_str(&line)?;
            let created = summary["summary"]["created"].as_u64();
            ensure!(created == Some(rows), "not all of {rows} rows were created: {line}");
            return Ok(memory);
        }
        ensure!(line.contains("\"created\""), "a row was not created: {line}");
        seen += 1;
        if seen * 4 / rows.max(1) > memory.len() as u64 {
            memory.push(process.memory()?);
        }
    }
}

/// A chunked body (RFC 9112 7.1) as one stream.
struct Unchunked {
    inner: BufReader<TcpStream>,
    left: usize,
}
impl Unchunked {
    /// Reads the head of the answer.
    fn begin(mut inner: BufReader<TcpStream>) -> Result<Self> {
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            ensure!(inner.read_until(b'\n', &mut head)? > 0, "the server closed the connection");
        }
        let parsed = Head::read(&head)?.context("no head")?;
        if parsed.status != 200 || !parsed.chunked {
            let mut body = vec![0; parsed.body.min(2_000)];
            let _ = inner.read_exact(&mut body);
            bail!("the import was answered {}: {}", parsed.status, String::from_utf8_lossy(&body));
        }
        Ok(Self { inner, left: 0 })
    }
}
impl std::io::Read for Unchunked {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let wrong = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        if self.left == 0 {
            let mut size = String::new();
            // the end of the chunk before is an empty line
            while size.trim().is_empty() {
                size.clear();
                if self.inner.read_line(&mut size)? == 0 {
                    return Err(wrong("the server broke the answer off"));
                }
            }
            self.left = usize::from_str_radix(size.trim(), 16).map_err(|_| wrong("no chunk size"))?;
            if self.left == 0 {
                return Ok(0);
            }
        }
        let most = out.len().min(self.left);
        let n = self.inner.read(&mut out[..most])?;
        self.left -= n;
        if n == 0 { Err(wrong("the server broke the answer off")) } else { Ok(n) }
    }
}
