//! What an import did, table by table, and the rows that somebody has to look at.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// So many problems are named one by one; the rest is counted.
const NAMED: usize = 10_000;

/// A whole import.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `host:port/database`.
    pub source: String,
    /// Was nothing kept?
    pub dry_run: bool,
    /// Did it go on where an earlier run broke off? Rows that came into tables which were through then are not among them.
    pub resumed: bool,
    /// By table, in the order in which they were read.
    pub tables: Vec<TableReport>,
    /// Of this run.
    pub problems: Vec<Problem>,
    /// How many more there were.
    pub problems_not_named: u64,
}
/// What became of a table's rows.
#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    /// Its name in Frontier.
    pub table: &'static str,
    /// The numbers.
    #[serde(flatten)]
    pub count: Count,
}
/// Numbers of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Looked at.
    pub read: u64,
    /// Written.
    pub imported: u64,
    /// There already.
    pub there: u64,
    /// Left out, by reason.
    pub left: BTreeMap<String, u64>,
    /// To be looked at by somebody.
    pub problems: u64,
}
impl Count {
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
/// A row that is not here, or not as it was.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// Frontier's table.
    pub table: &'static str,
    /// The row.
    pub id: String,
    /// What is the matter.
    pub problem: String,
}

impl Report {
    pub(super) fn new(source: &str, dry_run: bool) -> Self {
        Self { source: source.into(), dry_run, resumed: false, tables: vec![], problems: vec![], problems_not_named: 0 }
    }
    pub(super) fn table(&mut self, table: &'static str, count: Count) {
        self.tables.push(TableReport { table, count });
    }
    pub(super) fn problems(&mut self, table: &'static str, all: Vec<(String, String)>) {
        for (id, problem) in all {
            match self.problems.len() < NAMED {
                true => self.problems.push(Problem { table, id, problem }),
                false => self.problems_not_named += 1,
            }
        }
    }
}
