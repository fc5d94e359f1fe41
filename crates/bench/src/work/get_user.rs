//! GET /v1/users/{id} with an API key: authenticated, authorised, read from the store.
use anyhow::Result;

use crate::measure::bare::{Bare, Same};
use crate::measure::requests::{Gets, each};
use crate::measure::{filled, phase};
use crate::options::Options;
use crate::report::{Goal, Report, Row, count, percent};

const CLIENTS: usize = 64;

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let server = filled::server(options)?.server;
    let ids = server.ids()?;
    let name = format!("get user by id, {} users", count(options.users as f64));
    let got = phase::run(options, report, &server, &name, || Gets::on(&server, CLIENTS, &ids)).await?;
    let health = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).into_bytes();
    let health = || each(CLIENTS, |_| Same(health.clone()));
    let health = phase::run(options, report, &server, "`/healthz`", health).await?;
    server.stop()?;
    let bare = Bare::start()?.gets(CLIENTS, options.time() / 2).await?;
    report.note(&format!("context: bare axum {} GET/s", count(bare)))?;
    let (rate, share) = (got.rate(), got.rate() / health.rate());
    report.row(&Row {
        work: &name,
        goals: vec![
            Goal::rate(80_000.0, rate),
            Goal::below("p99", 5.0, "ms", got.outcome.latency.quantile(0.99)),
            Goal::share(0.4, share),
        ],
        measured: got.brief(),
        ceiling: format!("{}/s: `/healthz`", count(health.rate())),
        ratio: percent(share),
        others: "Go + SQLite back end 6,400/s; TypeScript library 900/s; Python one 800/s",
    })
}
