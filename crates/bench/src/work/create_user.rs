//! POST /v1/users on SQLite: durable, audited, authorised; users without a password, since a hash would be all that is seen.
use anyhow::Result;

use crate::measure::bare::{Bare, Same};
use crate::measure::filled;
use crate::measure::phase::{self, Phase, settle};
use crate::measure::requests::{Creates, each};
use crate::measure::rows::{self, Ceiling, Place, Sample};
use crate::measure::server::Server;
use crate::measure::{load, load::Pace};
use crate::options::Options;
use crate::report::{Goal, Report, Row, count, percent, progress};

const CLIENTS: usize = 64;
/// So many share a commit that the disk's time for it weighs little: what the server could do on a faster disk.
const MANY: usize = 256;
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
    let syncs = |place, kib: usize| rows::syncs(&options.dir(), place, kib << 10, time / 4);
    let (small, small_over) = (syncs(Place::End, 4)?, syncs(Place::Over, 4)?);
    let (large, large_over) = (syncs(Place::End, 512)?, syncs(Place::Over, 512)?);
    report.note(&format!(
        "context: bare axum {} GET/s and {} JSON POST/s with {CLIENTS} clients; synced writes a second: 4 KiB {} appended and {} \
         in place, 512 KiB (about a commit of {CLIENTS} users) {} and {}; {CLIENTS} clients that each wait for a commit so have at \
         most about {} creates a second",
        count(gets),
        count(posts),
        count(small),
        count(small_over),
        count(large),
        count(large_over),
        count(large.max(large_over) * CLIENTS as f64)
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
    let name_many = format!("create user, empty store, {MANY} clients");
    let many = phase::run(options, report, &server, &name_many, || Creates::on(&server, MANY, false)).await?;

    let database = server.database()?;
    let file = options.dir().join("ceiling-empty.db");
    let mut ceiling = Ceiling::create(&file, &database)?;
    server.stop()?;
    settle().await;
    progress("the same rows by the bare loop");
    let bound = ceiling.rate(&plain, options.time(), CLIENTS)?;
    let bound_with = ceiling.rate(&with_key, options.time(), CLIENTS)?;
    let bound_many = ceiling.rate(&plain, options.time(), MANY)?;
    drop(ceiling);
    let _ = std::fs::remove_dir_all(&data);
    row(report, name, Some(25_000.0), &without, (bound, CLIENTS))?;
    row(report, name_with, None, &with, (bound_with, CLIENTS))?;
    row(report, &name_many, None, &many, (bound_many, MANY))
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
    let bound = ceiling.rate(&plain, options.time(), CLIENTS)?;
    let bound_with = ceiling.rate(&with_key, options.time(), CLIENTS)?;
    row(report, &name, Some(18_000.0), &without, (bound, CLIENTS))?;
    row(report, &name_with, Some(10_000.0), &with, (bound_with, CLIENTS))
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

/// `ceiling`: creates a second of the bare loop, and how many it put in a commit.
fn row(report: &Report, work: &str, wanted: Option<f64>, phase: &Phase, ceiling: (f64, usize)) -> Result<()> {
    let (rate, share) = (phase.rate(), phase.rate() / ceiling.0);
    // what has no rate to reach in the design is context, with no other goal either
    let goals = wanted.map_or(vec![], |wanted| {
        let p99 = phase.outcome.latency.quantile(0.99);
        vec![Goal::rate(wanted, rate), Goal::share(0.5, share), Goal::below("p99", 25.0, "ms", p99)]
    });
    report.row(&Row {
        work,
        goals,
        measured: format!("{}, {:.1} KiB written each", phase.brief(), phase.kib),
        ceiling: format!("{}/s: the same rows by a bare loop, {} a commit", count(ceiling.0), ceiling.1),
        ratio: percent(share),
        others: OTHERS,
    })
}
