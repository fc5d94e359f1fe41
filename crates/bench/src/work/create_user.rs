//! POST /v1/users on SQLite: durable, audited, authorised; users without a password, since a hash would be all that is seen.
use anyhow::Result;

use crate::measure::bare::{Bare, Same};
use crate::measure::filled;
use crate::measure::phase::{self, Phase, settle};
use crate::measure::requests::{Creates, each};
use crate::measure::rows::{self, Ceiling, Sample};
use crate::measure::server::Server;
use crate::measure::{load, load::Pace};
use crate::options::Options;
use crate::report::{Goal, Report, Row, count, percent, progress};

const CLIENTS: usize = 64;
const OTHERS: &str = "Go + SQLite back end 7,400/s without audit; TypeScript auth library 800/s; Python one 450/s";

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    context(options, report).await?;
    empty(options, report).await?;
    filled_store(options, report).await
}

/// What HTTP and the disk allow at all.
async fn context(options: &Options, report: &Report) -> Result<()> {
    progress("bare HTTP and bare fsync");
    let time = options.time() / 2;
    let bare = Bare::start()?;
    let (gets, posts) = (bare.gets(CLIENTS, time).await?, bare.posts(CLIENTS, time).await?);
    drop(bare);
    let small = rows::syncs(&options.dir(), 4 << 10, time / 2)?;
    let large = rows::syncs(&options.dir(), 512 << 10, time / 2)?;
    report.note(&format!(
        "context: bare axum {} GET/s and {} JSON POST/s with {CLIENTS} clients; the disk does {} synced appends of 4 KiB a \
         second and {} of 512 KiB (about a commit of 64 users)",
        count(gets),
        count(posts),
        count(small),
        count(large)
    ))
}

async fn empty(options: &Options, report: &Report) -> Result<()> {
    let data = options.dir().join("empty");
    let _ = std::fs::remove_dir_all(&data);
    let server = Server::start(options, &data)?;
    let (plain, with_key) = samples(&server).await?;
    let health = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).into_bytes();
    let health = each(CLIENTS, |_| Same(health.clone()));
    let health = load::run(server.address, health, options.time() / 2, Pace::Closed).await?;
    report.note(&format!("context: `/healthz` {}/s", count(health.rate())))?;
    let name = "create user, empty store";
    let without = phase::run(options, report, &server, name, || Creates::on(&server, CLIENTS, false)).await?;
    let name_with = "create user with Idempotency-Key, empty store";
    let with = phase::run(options, report, &server, name_with, || Creates::on(&server, CLIENTS, true)).await?;

    let database = server.database()?;
    let file = options.dir().join("ceiling-empty.db");
    let mut ceiling = Ceiling::create(&file, &database)?;
    server.stop()?;
    settle().await;
    progress("the same rows by the bare loop");
    let bound = ceiling.rate(&plain, options.time())?;
    let bound_with = ceiling.rate(&with_key, options.time())?;
    drop(ceiling);
    let _ = std::fs::remove_dir_all(&data);
    row(report, name, Some(25_000.0), &without, bound)?;
    row(report, name_with, None, &with, bound_with)
}

async fn filled_store(options: &Options, report: &Report) -> Result<()> {
    let server = filled::server(options)?.server;
    let (mut ceiling, _) = filled::ceiling(options)?;
    let (plain, with_key) = samples(&server).await?;
    let many = count(options.users as f64);
    let name = format!("create user, {many} users");
    let without = phase::run(options, report, &server, &name, || Creates::on(&server, CLIENTS, false)).await?;
    let name_with = format!("create user with Idempotency-Key, {many} users");
    let with = phase::run(options, report, &server, &name_with, || Creates::on(&server, CLIENTS, true)).await?;
    server.stop()?;
    settle().await;
    progress("the same rows by the bare loop");
    let bound = ceiling.rate(&plain, options.time())?;
    let bound_with = ceiling.rate(&with_key, options.time())?;
    row(report, &name, Some(18_000.0), &without, bound)?;
    row(report, &name_with, Some(10_000.0), &with, bound_with)
}

/// The rows of one create without and of one with a key.
async fn samples(server: &Server) -> Result<(Sample, Sample)> {
    let one = async |with_key: bool| -> Result<()> {
        for mut script in Creates::on(server, 1, with_key) {
            let mut request = vec![];
            script.request(&mut request);
            server.call(&request, script.status()).await?;
        }
        Ok(())
    };
    one(false).await?;
    let plain = Sample::newest(&server.database()?)?;
    one(true).await?;
    Ok((plain, Sample::newest_with_key(&server.database()?)?))
}

fn row(report: &Report, work: &str, wanted: Option<f64>, phase: &Phase, ceiling: f64) -> Result<()> {
    let (rate, p99) = (phase.rate(), phase.outcome.latency.quantile(0.99));
    let mut goals = vec![];
    if let Some(wanted) = wanted {
        goals.push(Goal::rate(wanted, rate));
        goals.push(Goal::share(0.5, rate / ceiling));
    }
    goals.push(Goal::below("p99", 25.0, "ms", p99));
    report.row(&Row {
        work,
        goals,
        measured: format!("{}, {:.1} KiB written each", phase.brief(), phase.kib),
        ceiling: format!("{}/s: the same rows by a bare loop, 64 a commit", count(ceiling)),
        ratio: percent(rate / ceiling),
        others: OTHERS,
    })
}
