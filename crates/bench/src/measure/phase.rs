//! One measured load on a server: warmed up, the disk quiet before, and what the server used for it.
use std::time::Duration;

use anyhow::Result;

use super::load::{self, Outcome, Pace, Scripts};
use super::process::{Process, Usage};
use super::profile::Profiler;
use super::server::Server;
use crate::options::Options;
use crate::report::{Report, count, progress};

/// Counters of the writer and of the PostgreSQL engine, as `/metrics` shows them.
const JOBS: &str = "portcullis_store_jobs_total";
const GROUPS: &str = "portcullis_store_groups_total";
/// So long after a load, checkpoints have written what they will.
const SETTLE: Duration = Duration::from_millis(1_500);

/// What was measured.
pub struct Phase {
    pub outcome: Outcome,
    /// Of the server.
    pub usage: Usage,
    /// CPU seconds of the load generator.
    pub generator: f64,
    /// KiB that the server caused to be written for each answer, checkpoints after the load included.
    pub kib: f64,
    /// Use cases in one commit.
    pub group: Option<f64>,
}

/// Runs these scripts twice: to warm up and to measure.
pub async fn run(
    options: &Options,
    report: &Report,
    server: &Server,
    name: &str,
    mut scripts: impl FnMut() -> Scripts,
) -> Result<Phase> {
    progress(name);
    load::run(server.address, scripts(), options.warm_up(), Pace::Closed).await?;
    settle().await;
    let profiler = Profiler::start(options, server.process())?;
    let (groups, jobs) = (server.metric(GROUPS).await?, server.metric(JOBS).await?);
    let (before, own) = (server.process().usage()?, Process::own().usage()?);
    let outcome = load::run(server.address, scripts(), options.time(), Pace::Closed).await?;
    let (usage, own) = (server.process().usage()?.since(&before), Process::own().usage()?.since(&own));
    let group = match (server.metric(GROUPS).await?, groups, server.metric(JOBS).await?, jobs) {
        (Some(g1), Some(g0), Some(j1), Some(j0)) if g1 > g0 => Some((j1 - j0) / (g1 - g0)),
        _ => None,
    };
    if let Some(profiler) = profiler {
        report.block(&format!("where the server's time goes, {name}"), &profiler.finish()?)?;
    }
    tokio::time::sleep(SETTLE).await;
    let written = server.process().usage()?.since(&before).written;
    let kib = written / 1024.0 / outcome.latency.count().max(1) as f64;
    let phase = Phase { outcome, usage, generator: own.cpu, kib, group };
    report.note(&format!("{name}: {}", phase.words()))?;
    Ok(phase)
}

/// Lets the disk and the server finish what an earlier load began.
pub async fn settle() {
    tokio::time::sleep(SETTLE).await;
    rustix::fs::sync();
}

impl Phase {
    pub fn rate(&self) -> f64 {
        self.outcome.rate()
    }
    /// Everything on one line.
    pub fn words(&self) -> String {
        let n = self.outcome.latency.count() as f64;
        let group =
            self.group.filter(|_| self.kib > 0.05).map_or(String::new(), |g| format!(", {g:.1} use cases a commit"));
        // reads write nothing, and on PostgreSQL it is another process that writes
        let written = if self.kib > 0.05 { format!("; {:.1} KiB written each", self.kib) } else { String::new() };
        format!(
            "{}/s, {}; {}, generator {:.1} µs{written}{group}",
            count(self.rate()),
            self.outcome.latency.words(),
            self.usage.each(n),
            self.generator / n.max(1.0) * 1e6
        )
    }
    /// `25,300/s, p50 2.10 ms, p99 6.00 ms`.
    pub fn brief(&self) -> String {
        let l = &self.outcome.latency;
        format!("{}/s, p50 {:.2} ms, p99 {:.2} ms", count(self.rate()), l.quantile(0.5), l.quantile(0.99))
    }
}
