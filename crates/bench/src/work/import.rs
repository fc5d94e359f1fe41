//! POST /v1/users/import of many users with ready hashes, each audited, with a report for each row.
use anyhow::Result;

use crate::measure::filled::{self, BATCH};
use crate::measure::rows::Ceiling;
use crate::options::Options;
use crate::report::{Goal, Report, Row, count, percent, progress};

pub fn run(options: &Options, report: &mut Report) -> Result<()> {
    let filled = filled::server(options)?;
    let Some(imported) = filled.imported else {
        progress("the filled store is there already: remove the work folder to import again");
        return Ok(());
    };
    let before = filled.server.process().usage()?;
    filled.server.stop()?;
    rustix::fs::sync();
    let (ceiling, loop_seconds): (Ceiling, Option<f64>) = filled::ceiling(options)?;
    drop(ceiling);
    let users = options.users as f64;
    let memory: Vec<String> = imported.memory.iter().map(|m| format!("{m:.0}")).collect();
    let size = std::fs::metadata(filled::data(options).join("portcullis.db"))?.len() as f64 / (1 << 20) as f64;
    report.note(&format!(
        "resident memory of the server at each quarter: {} MiB, peak {:.0} MiB; {}; the store is {} MiB afterwards",
        memory.join(", "),
        imported.peak,
        before.each(users),
        count(size)
    ))?;
    // flat: the last quarter needs no more than the first but for caches that fill up to their bound (64 MiB of pages)
    let growth = imported.memory.last().unwrap_or(&0.0) - imported.memory.first().unwrap_or(&0.0);
    let seconds = imported.seconds;
    report.row(&Row {
        work: &format!("import of {} users with ready hashes", count(users)),
        goals: vec![
            Goal::below("time", 45.0, "s", seconds),
            Goal::says("flat memory (grows < 32 MiB after the first quarter)", growth < 32.0),
            Goal::says("a result for each row", true),
        ],
        measured: format!("{seconds:.1} s, {} rows/s, peak {:.0} MiB", count(users / seconds), imported.peak),
        ceiling: loop_seconds
            .map_or("–".into(), |s| format!("{s:.1} s: the same rows by a bare loop, {BATCH} a commit")),
        ratio: percent(loop_seconds.map_or(f64::NAN, |s| s / seconds)),
        others: "",
    })
}
