//! What the numbers were measured on.
use std::fs;
use std::path::{Path, PathBuf};

use crate::options::Options;

/// Lines for the head of the page.
pub fn facts(options: &Options) -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".into());
    let memory = field(&read("/proc/meminfo"), "MemTotal").and_then(|m| m.split(' ').next()?.parse::<f64>().ok());
    let dir = options.dir();
    vec![
        format!("{cores} cores, {cpu}; {:.0} GiB of memory", memory.unwrap_or(0.0) / 1024.0 / 1024.0),
        format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        format!("stores on {}", file_system(&dir)),
        format!("load average before: {}", read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")),
        format!("SQLite {} (the bundled one), server `{}`", rusqlite::version(), options.server.display()),
    ]
}

/// `ext4 (/dev/vda)`, of the mount that holds this folder.
pub fn file_system(dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let holder = mounts.lines().filter_map(|l| {
        let mut words = l.split(' ');
        let (device, at, kind) = (words.next()?, PathBuf::from(words.next()?), words.next()?);
        dir.starts_with(&at).then_some((at.as_os_str().len(), device, kind))
    });
    match holder.max_by_key(|(length, ..)| *length) {
        Some((_, device, "tmpfs")) => format!("tmpfs ({device}): NOT A DISK, fsync costs nothing here"),
        Some((_, device, kind)) => format!("{kind} ({device})"),
        None => "an unknown file system".into(),
    }
}
