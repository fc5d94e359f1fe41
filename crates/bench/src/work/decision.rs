//! The decision in process: the bench of crates/authz, run and judged.
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::options::Options;
use crate::report::{Goal, Report, Row, progress};

/// p50, p99 in µs of a row of the bench's table.
type Times = (f64, f64);

pub fn run(_: &Options, report: &mut Report) -> Result<()> {
    progress("cargo bench -p portcullis-authz");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let out = Command::new(cargo)
        .args(["bench", "--profile", "release", "--quiet", "--locked", "-p", "portcullis-authz", "--bench", "decision"])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(out.status.success(), "the bench of crates/authz failed");
    let text = String::from_utf8(out.stdout)?;
    let find = |name: &str| text.lines().find(|l| l.starts_with(&format!("| {name}"))).and_then(times);
    report.block("in process, 10,000 rules (`cargo bench -p portcullis-authz`)", &text)?;
    let words = |t: Times| format!("p50 {:.2}, p99 {:.2} µs", t.0, t.1);
    let row = |work: &str, row: &str, ceiling: &str, goals: fn(Times) -> Vec<Goal>| {
        let Some(measured) = find(row) else {
            return report.note(&format!("the bench printed no row `{row}`"));
        };
        let bound = find(ceiling);
        report.row(&Row {
            work,
            goals: goals(measured),
            measured: words(measured),
            ceiling: bound
                .map_or("–".into(), |b| format!("{}: {}", words(b), ceiling.trim_start_matches("ceiling: "))),
            ratio: bound.map_or("–".into(), |b| format!("{:.1} × its time", measured.0 / b.0)),
            others: "casbin 3.6 ms; naive Cedar 8 ms; regorus 22 µs",
        })
    };
    let none = |t: Times| vec![Goal::below("p50", 1.0, "µs", t.0)];
    let some = |t: Times| vec![Goal::below("p50", 10.0, "µs", t.0), Goal::below("p99", 30.0, "µs", t.1)];
    let (look_up, cedar) = ("ceiling: one hash look-up", "ceiling: bare Cedar");
    row("decision, no rule names the action", "no rule names", look_up, none)?;
    row("decision, rules on the action, none on these scopes", "rules on the action", look_up, none)?;
    row("decision, one rule evaluated", "one rule evaluated", cedar, some)?;
    row("decision, three rules evaluated", "three rules evaluated", cedar, some)
}

fn times(line: &str) -> Option<Times> {
    let mut cells = line.split('|').skip(2).map(str::trim);
    Some((cells.next()?.parse().ok()?, cells.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_the_bench_is_read() {
        assert_eq!(times("| one rule evaluated | 4.10 | 9.75 | 20.00 | 0.40 × bare Cedar |"), Some((4.10, 9.75)));
        assert_eq!(times("|---|---|---|---|---|"), None);
    }
}
