//! Checkpoints that were kept outside of the database: `audit-checkpoints.log`, and files of the operator's.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, bail};
use portcullis_audit::checkpoint::Checkpoint;
use uuid::Uuid;

/// All of them, by tenant.
#[derive(Default)]
pub struct Kept(BTreeMap<Uuid, Vec<Checkpoint>>);

impl Kept {
    /// Reads the server's own log. A line that a crash cut short is left out.
    pub fn read_log(&mut self, file: &Path) -> anyhow::Result<()> {
        for line in lines(file)? {
            match Checkpoint::parse(&line.text) {
                Ok(checkpoint) => self.add(checkpoint),
                Err(e) => tracing::warn!(line = line.number, file = %file.display(), "left out: {e}"),
            }
        }
        Ok(())
    }
    /// Reads a file of the operator's: every line has to be a checkpoint.
    pub fn read(&mut self, file: &Path) -> anyhow::Result<()> {
        for checkpoint in read(file)? {
            self.add(checkpoint);
        }
        Ok(())
    }
    fn add(&mut self, checkpoint: Checkpoint) {
        self.0.entry(checkpoint.tenant_id).or_default().push(checkpoint);
    }
    /// Those of a tenant, once.
    pub fn take(&mut self, tenant: Uuid) -> Vec<Checkpoint> {
        self.0.remove(&tenant).unwrap_or_default()
    }
    /// Those that nobody took.
    pub fn rest(self) -> impl Iterator<Item = (Uuid, Vec<Checkpoint>)> {
        self.0.into_iter()
    }
}

/// The one that reaches furthest: what an exported file is compared with.
pub fn newest(file: &Path) -> anyhow::Result<Checkpoint> {
    let newest = read(file)?.into_iter().max_by_key(|c| c.seq);
    newest.with_context(|| format!("{}: there is no checkpoint in this file", file.display()))
}

fn read(file: &Path) -> anyhow::Result<Vec<Checkpoint>> {
    // one checkpoint as the API answers it may be spread over lines
    let whole = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    if let Ok(one) = Checkpoint::parse(&whole) {
        return Ok(vec![one]);
    }
    let mut out = vec![];
    for line in lines(file)? {
        match Checkpoint::parse(&line.text) {
            Ok(checkpoint) => out.push(checkpoint),
            Err(e) => bail!("{}:{}: {e}; write one as audit-checkpoints.log has it", file.display(), line.number),
        }
    }
    Ok(out)
}

struct Line {
    number: usize,
    text: String,
}
fn lines(file: &Path) -> anyhow::Result<Vec<Line>> {
    let name = || file.display().to_string();
    let lines = BufReader::new(File::open(file).with_context(name)?).lines();
    let lines = lines.zip(1..).map(|(text, number)| Ok(Line { number, text: text? }));
    let lines: Vec<Line> = lines.collect::<std::io::Result<_>>().with_context(name)?;
    Ok(lines.into_iter().filter(|l| !l.text.trim().is_empty()).collect())
}
