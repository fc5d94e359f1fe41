//! Logins and creates at once: hashing is slow and yields (nice 10), the writer is quick; neither may stand still.
use anyhow::Result;

use crate::measure::filled::{self, PASSWORD};
use crate::measure::load::{self, Pace};
use crate::measure::requests::{Creates, Logins};
use crate::measure::{people, phase};
use crate::options::Options;
use crate::report::{Goal, Report, Row, count};
use crate::work::login::{CLIENTS as LOGGING_IN, PEOPLE};

const CREATING: usize = 32;

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let server = filled::server(options)?.server;
    let emails: Vec<String> = (0..PEOPLE.min(options.users)).map(people::email).collect();
    let logins = || Logins::on(&server, LOGGING_IN, &emails, PASSWORD);
    let creates = || Creates::on(&server, CREATING, false);
    let short = options.time() / 2;
    phase::settle().await;
    let logins_alone = load::run(server.address, logins(), short, Pace::Closed).await?;
    let creates_alone = load::run(server.address, creates(), short, Pace::Closed).await?;
    phase::settle().await;
    let before = server.process().usage()?;
    let (logged_in, created) = tokio::try_join!(
        load::run(server.address, logins(), options.time(), Pace::Closed),
        load::run(server.address, creates(), options.time(), Pace::Closed),
    )?;
    let usage = server.process().usage()?.since(&before);
    server.stop()?;
    report.note(&format!(
        "together: logins {}, creates {}; alone: logins {:.1}/s {}, creates {}/s {}; {}",
        logged_in.latency.words(),
        created.latency.words(),
        logins_alone.rate(),
        logins_alone.latency.words(),
        count(creates_alone.rate()),
        creates_alone.latency.words(),
        usage.each(created.latency.count() as f64)
    ))?;
    let parts = (logged_in.rate() / logins_alone.rate(), created.rate() / creates_alone.rate());
    report.row(&Row {
        work: &format!("{LOGGING_IN} clients log in while {CREATING} create users"),
        goals: vec![
            Goal::says("both go on", logged_in.latency.count() > 0 && created.latency.count() > 0),
            Goal::below("creates' p99", 25.0, "ms", created.latency.quantile(0.99)),
        ],
        measured: format!(
            "{:.1} logins/s (p99 {:.0} ms) and {} creates/s (p99 {:.2} ms)",
            logged_in.rate(),
            logged_in.latency.quantile(0.99),
            count(created.rate()),
            created.latency.quantile(0.99)
        ),
        ceiling: format!("each alone: {:.1} and {}/s", logins_alone.rate(), count(creates_alone.rate())),
        ratio: format!("{:.0} % + {:.0} %", parts.0 * 100.0, parts.1 * 100.0),
        others: "",
    })
}
