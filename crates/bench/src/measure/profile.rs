//! Where a server's time goes, by `perf`'s samples of its CPU clock: for the page's part on missed goals.
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::process::Process;
use crate::options::Options;

/// Lines of a profile.
const LINES: usize = 30;

/// A running `perf record`.
pub struct Profiler {
    child: Child,
    file: PathBuf,
}

impl Profiler {
    /// Watches the server from now on, if that was asked for.
    pub fn start(options: &Options, server: Process) -> Result<Option<Self>> {
        if !options.profile {
            return Ok(None);
        }
        let file = options.dir().join("perf.data");
        let child = Command::new("perf")
            .args(["record", "-e", "cpu-clock", "-F", "997", "-g", "-o"])
            .arg(&file)
            .args(["-p", &server.0.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("perf: apt-get install linux-perf")?;
        Ok(Some(Self { child, file }))
    }
    /// Stops watching; the functions that took most, by thread, as a block of text.
    pub fn finish(mut self) -> Result<String> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).context("perf's id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        self.child.wait()?;
        let mut text = String::from("```text\n");
        for (title, sort) in
            [("by thread", "comm"), ("by function itself", "symbol"), ("by function and what it calls", "children")]
        {
            text.push_str(&format!("{title}\n{}\n", self.table(sort)?));
        }
        text.push_str("```");
        Ok(text)
    }
    fn table(&self, sort: &str) -> Result<String> {
        let mut perf = Command::new("perf");
        perf.args(["report", "--stdio", "-g", "none", "--percent-limit", "0.8", "-i"]).arg(&self.file);
        match sort {
            "children" => perf.args(["--children", "--sort", "symbol"]),
            _ => perf.args(["--no-children", "--sort", sort]),
        };
        let out = perf.stderr(Stdio::null()).output()?;
        ensure!(out.status.success(), "perf report failed");
        let text = String::from_utf8_lossy(&out.stdout);
        let lines = text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty());
        // the kernel's inner functions push ours off the list of callers: there the system call stands for all of them
        let ours = |l: &&str| sort != "children" || !l.contains("[k]") || l.contains("do_syscall_64");
        // names of generic functions are long; their beginning says enough
        let short = |l: &str| format!("{}\n", l.chars().take(120).collect::<String>().trim_end());
        Ok(lines.filter(ours).take(LINES).map(short).collect())
    }
}
