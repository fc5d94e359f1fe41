//! `/v1/users/import`: lines of JSON in, a line of report for each out, both as they come (spec 4.3.3).
use std::time::Duration;

use axum::body::{Body as HttpBody, Bytes, HttpBody as _};
use axum::response::Response;
use http_body_util::BodyExt;
use portcullis_domain::Result;
use portcullis_edge::body::too_large;
use portcullis_service::import::{ImportOptions, LONGEST_LINE, OnConflict};
use tokio::sync::mpsc;

use crate::audit_log::ndjson;
use crate::call::Call;
use crate::op::{Body, Op, Route, Shape, param};
use crate::query::Query;

/// Largest import (spec 2.8).
const LARGEST: u64 = 2 << 30;
/// Lines that may wait between the connection and the import.
const WAITING: usize = 1_000;

static IMPORT: Op = Op::post(
    "/v1/users/import",
    "importUsers",
    "users:import",
    "Make or change many users, each on a line; a bad row never stops the others.",
    Body::Ndjson("ImportRow"),
    (200, Shape::Ndjson("ImportResult")),
)
.query(&[
    param("dry_run", "boolean", "Every check, nothing kept."),
    param("on_conflict", "string", "error (usual), skip, or update: by external_id, else by email."),
    param(
        "send_invites",
        "boolean",
        "Invite by mail whoever is made without a password; needs users:invite, and a server with mail.",
    ),
]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![IMPORT.to(import)]
}

async fn import(mut call: Call) -> Result<Response> {
    let options = options(call.query());
    let body = call.take_stream();
    if body.size_hint().lower() > LARGEST {
        return Err(too_large(usize::try_from(LARGEST).unwrap_or(usize::MAX)));
    }
    let (send, lines) = mpsc::channel(WAITING);
    let report = call.app().import_users(&call.cx, options, lines).await?;
    let pause = call.settings().body_timeout;
    tokio::spawn(async move { Lines::new(send).feed(body, pause).await });
    Ok(ndjson(report, Ok))
}

fn options(mut q: Query) -> Result<ImportOptions> {
    let dry_run = q.boolean("dry_run").unwrap_or(false);
    let on_conflict = q.word("on_conflict", on_conflict, "One of error, skip, update.").unwrap_or_default();
    let send_invites = q.boolean("send_invites").unwrap_or(false);
    q.finish(ImportOptions { dry_run, on_conflict, send_invites })
}

fn on_conflict(word: &str) -> Option<OnConflict> {
    match word {
        "error" => Some(OnConflict::Error),
        "skip" => Some(OnConflict::Skip),
        "update" => Some(OnConflict::Update),
        _ => None,
    }
}

/// Cuts a stream into lines. Of a line that is too long only so much is kept that the import sees that it is.
struct Lines {
    line: Vec<u8>,
    send: mpsc::Sender<Vec<u8>>,
}
/// The import has ended: nobody takes lines any more.
struct Ended;

impl Lines {
    fn new(send: mpsc::Sender<Vec<u8>>) -> Self {
        Self { line: vec![], send }
    }
    /// Reads until the end, a broken connection, a pause that is too long, or the end of the import.
    async fn feed(mut self, mut body: HttpBody, pause: Duration) {
        let mut seen = 0u64;
        loop {
            let next = tokio::select! {
                biased;
                () = self.send.closed() => return,
                next = tokio::time::timeout(pause, body.frame()) => next,
            };
            let Ok(Some(Ok(frame))) = next else { break };
            let Ok(data) = frame.into_data() else { continue };
            seen += data.len() as u64;
            if seen > LARGEST {
                // What is left out must not look like the end: a row that is refused says where it stopped.
                self.line = vec![b'x'; LONGEST_LINE + 1];
                break;
            }
            if self.take(data).await.is_err() {
                return;
            }
        }
        if !self.line.is_empty() {
            let _ = self.end().await;
        }
    }
    async fn take(&mut self, data: Bytes) -> Result<(), Ended> {
        let mut rest = &data[..];
        while let Some(at) = rest.iter().position(|b| *b == b'\n') {
            self.keep(&rest[..at]);
            self.end().await?;
            rest = &rest[at + 1..];
        }
        self.keep(rest);
        Ok(())
    }
    fn keep(&mut self, part: &[u8]) {
        let room = (LONGEST_LINE + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }
    async fn end(&mut self) -> Result<(), Ended> {
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.send.send(line).await.map_err(|_| Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::Error;

    async fn lines(parts: &[&str]) -> Vec<Vec<u8>> {
        let (send, mut receive) = mpsc::channel(100);
        let parts: Vec<Result<Bytes, Error>> = parts.iter().map(|p| Ok(Bytes::from((*p).to_owned()))).collect();
        let body = HttpBody::from_stream(futures_util::stream::iter(parts));
        Lines::new(send).feed(body, Duration::from_secs(1)).await;
        let mut all = vec![];
        while let Some(line) = receive.recv().await {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn lines_are_cut_wherever_the_network_cut_them() {
        let want: Vec<Vec<u8>> = [&b"{\"a\":1}"[..], b"{}", b"last"].map(<[u8]>::to_vec).to_vec();
        assert_eq!(lines(&["{\"a\":1}\n{}\nlast"]).await, want);
        assert_eq!(lines(&["{\"a", "\":1}\r", "\n{", "}\nla", "st\n"]).await, want);
        assert!(lines(&[]).await.is_empty());
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_stays_recognisable_and_the_next_is_whole() {
        let long = "x".repeat(LONGEST_LINE * 3);
        let got = lines(&[&long, &long, "\nok\n"]).await;
        assert_eq!((got[0].len(), &*got[1]), (LONGEST_LINE + 1, &b"ok"[..]));
    }
}
