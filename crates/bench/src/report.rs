//! Rows of the table, goals and notes.
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use crate::options::Options;

/// One part of a goal and whether it was reached.
pub struct Goal {
    words: String,
    met: bool,
}
impl Goal {
    /// At least so many a second.
    pub fn rate(wanted: f64, measured: f64) -> Self {
        Self { words: format!("≥ {}/s", count(wanted)), met: measured >= wanted }
    }
    /// At least this part of the ceiling.
    pub fn share(wanted: f64, measured: f64) -> Self {
        Self { words: format!("≥ {:.0} % of the ceiling", wanted * 100.0), met: measured >= wanted }
    }
    /// Less than so many of a unit, of something.
    pub fn below(what: &str, wanted: f64, unit: &str, measured: f64) -> Self {
        Self { words: format!("{what} < {wanted} {unit}"), met: measured < wanted }
    }
    /// In other words.
    pub fn says(words: &str, met: bool) -> Self {
        Self { words: words.into(), met }
    }
}

/// A row of the table.
pub struct Row<'a> {
    pub work: &'a str,
    pub goals: Vec<Goal>,
    pub measured: String,
    pub ceiling: String,
    pub ratio: String,
    pub others: &'a str,
}

/// Where rows and notes go.
pub struct Report {
    into: Option<PathBuf>,
    work: &'static str,
    command: String,
    /// Set when the stores are smaller than the goals speak of: then nothing is met or missed.
    smaller: bool,
}

impl Report {
    pub fn new(options: &Options, work: &'static str) -> Self {
        let mut command = format!("portcullis-bench {work} --seconds {}", options.seconds);
        if options.users != 1_000_000 {
            command.push_str(&format!(" --users {}", options.users));
        }
        Self { into: options.into.clone(), work, command, smaller: options.users < 1_000_000 }
    }
    /// A row of the table.
    pub fn row(&self, row: &Row<'_>) -> Result<()> {
        let missed = row.goals.iter().any(|g| !g.met);
        let verdict = match (row.goals.is_empty(), self.smaller, missed) {
            (true, ..) => "–",
            (_, true, _) => "not at the goal's size",
            (.., false) => "met",
            (.., true) => "**missed**",
        };
        let goal = row.goals.iter().map(|g| if g.met { g.words.clone() } else { format!("_{}_", g.words) });
        let goal = goal.collect::<Vec<_>>().join("; ");
        let Row { work, measured, ceiling, ratio, others, .. } = row;
        if missed && !self.smaller {
            self.append("missed", self.work)?;
        }
        let command = &self.command;
        let line =
            format!("| {work} | {goal} | {measured} | {verdict} | {ceiling} | {ratio} | {others} | `{command}` |");
        println!("{line}");
        self.append("rows.md", &line)
    }
    /// A line below the table.
    pub fn note(&self, text: &str) -> Result<()> {
        let line = format!("- {}: {text}", self.work);
        println!("{line}");
        self.append("notes.md", &line)
    }
    /// A block of text as it is, such as a table or a profile.
    pub fn block(&self, title: &str, text: &str) -> Result<()> {
        let text = format!("\n**{}: {title}**\n\n{}\n", self.work, text.trim_end());
        println!("{text}");
        self.append("blocks.md", &text)
    }
    /// Facts of the machine.
    pub fn facts(&self, facts: &[String]) -> Result<()> {
        for fact in facts {
            println!("- {fact}");
            self.append("machine.md", &format!("- {fact}"))?;
        }
        Ok(())
    }
    fn append(&self, file: &str, line: &str) -> Result<()> {
        let Some(dir) = &self.into else { return Ok(()) };
        let mut file = OpenOptions::new().create(true).append(true).open(dir.join(file))?;
        writeln!(file, "{line}")?;
        Ok(())
    }
}

/// What happens now: on standard error, so that the rows stay alone.
pub fn progress(text: &str) {
    let _ = writeln!(std::io::stderr(), "… {text}");
}

/// `12,345`: for what is counted.
pub fn count(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
/// `57 %`, or a dash where there is no ceiling.
pub fn percent(part: f64) -> String {
    if part.is_finite() { format!("{:.0} %", part * 100.0) } else { "–".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            ["7", "999", "1,000", "25,017", "1,234,567"].map(String::from),
            [7.0, 999.0, 1e3, 25_017.2, 1_234_567.0].map(count)
        );
    }
}
