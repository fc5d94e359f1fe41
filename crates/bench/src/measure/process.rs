//! What Linux says about a process: CPU time by thread, memory, bytes written.
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result};

/// `USER_HZ`: 100 on every architecture that Linux runs on today.
const TICKS: f64 = 100.0;

/// A running process.
#[derive(Clone, Copy)]
pub struct Process(pub u32);

/// What it has used so far.
#[derive(Clone, Default)]
pub struct Usage {
    /// CPU seconds by the thread's name, numbers at its end taken off. Threads that ended are in `cpu` only.
    pub threads: BTreeMap<String, f64>,
    /// CPU seconds.
    pub cpu: f64,
    /// Bytes that it caused to be written to disk.
    pub written: f64,
}

impl Process {
    pub fn own() -> Self {
        Self(std::process::id())
    }
    pub fn usage(self) -> Result<Usage> {
        let mut usage = Usage { cpu: cpu(&self.read("stat")?)?, ..Usage::default() };
        for task in fs::read_dir(self.path("task"))? {
            let task = task?.path();
            // a thread may end while we look
            let (Ok(name), Ok(stat)) = (fs::read_to_string(task.join("comm")), fs::read_to_string(task.join("stat")))
            else {
                continue;
            };
            let name = name.trim().trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned();
            *usage.threads.entry(name).or_default() += cpu(&stat)?;
        }
        usage.written = self.field("io", "write_bytes:").unwrap_or(0.0);
        Ok(usage)
    }
    /// Resident memory in MiB.
    pub fn memory(self) -> Result<f64> {
        Ok(self.field("status", "VmRSS:")? / 1024.0)
    }
    /// The most that it was since [`Self::forget_peak`], in MiB.
    pub fn peak(self) -> Result<f64> {
        Ok(self.field("status", "VmHWM:")? / 1024.0)
    }
    pub fn forget_peak(self) -> Result<()> {
        fs::write(self.path("clear_refs"), "5").context("clear_refs")
    }
    fn field(self, file: &str, name: &str) -> Result<f64> {
        let text = self.read(file)?;
        let value = text.lines().find_map(|l| l.strip_prefix(name)).and_then(|l| l.split_whitespace().next());
        value.and_then(|v| v.parse().ok()).with_context(|| format!("{name} in {file}"))
    }
    fn read(self, file: &str) -> Result<String> {
        fs::read_to_string(self.path(file)).with_context(|| format!("process {}", self.0))
    }
    fn path(self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.0))
    }
}

impl Usage {
    /// What was used since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let threads = self
            .threads
            .iter()
            .map(|(name, cpu)| (name.clone(), cpu - before.threads.get(name).copied().unwrap_or(0.0)));
        Self { threads: threads.collect(), cpu: self.cpu - before.cpu, written: self.written - before.written }
    }
    /// `41.0 µs of server CPU each (tokio-rt 22.1, store-writer 15.0)`.
    pub fn each(&self, count: f64) -> String {
        let micros = |seconds: f64| seconds / count.max(1.0) * 1e6;
        let mut threads: Vec<_> = self.threads.iter().filter(|(_, cpu)| **cpu > self.cpu / 100.0).collect();
        threads.sort_by(|a, b| b.1.total_cmp(a.1));
        let threads: Vec<_> = threads.into_iter().map(|(name, cpu)| format!("{name} {:.1}", micros(*cpu))).collect();
        format!("{:.1} µs of server CPU each ({})", micros(self.cpu), threads.join(", "))
    }
}

/// utime and stime of a `stat` file, in seconds.
fn cpu(stat: &str) -> Result<f64> {
    // the name in parentheses may hold anything
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse().ok()).collect();
    anyhow::ensure!(ticks.len() == 2, "no CPU time in {stat}");
    Ok((ticks[0] + ticks[1]) / TICKS)
}

/// The first line that a child prints; the rest is read and thrown away, so that it never blocks.
pub fn first_line(child: &mut Child, wait: Duration) -> Result<String> {
    let stdout = child.stdout.take().context("no standard output")?;
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut lines, mut line) = (BufReader::new(stdout), String::new());
        let _ = lines.read_line(&mut line);
        let _ = send.send(line);
        let mut rest = [0; 8192];
        while lines.read(&mut rest).is_ok_and(|n| n > 0) {}
    });
    let line = receive.recv_timeout(wait).context("the process printed nothing in time")?;
    anyhow::ensure!(!line.is_empty(), "the process ended without a line");
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_usage_is_readable() {
        let before = Process::own().usage().unwrap();
        let mut x = 1u64;
        (0..30_000_000u64).for_each(|i| x = std::hint::black_box(x.wrapping_mul(31).wrapping_add(i)));
        let used = Process::own().usage().unwrap().since(&before);
        assert!(used.cpu >= 0.0 && Process::own().memory().unwrap() > 0.5, "{}", used.each(1.0));
    }
}
