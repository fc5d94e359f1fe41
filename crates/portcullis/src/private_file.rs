//! Secrets in files, which their owner alone may use.
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Bytes of a file that can be a secret.
const LONGEST: u64 = 4_096;

/// Somebody but its owner may do something with the file.
#[derive(Debug, thiserror::Error)]
#[error("{0}: others on this machine may use {what} (mode {mode:04o}); chmod 600 {0}", path.display())]
pub struct NotPrivate {
    path: PathBuf,
    /// `the master key`.
    what: &'static str,
    mode: u32,
}

/// What is in a file that nobody but its owner may read, write or run. Asked of the open file: a name may be given to another.
pub fn text(file: File, path: &Path, what: &'static str) -> anyhow::Result<String> {
    #[cfg(unix)]
    {
        let mode = file.metadata().with_context(|| path.display().to_string())?;
        let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o7777;
        if mode & 0o077 != 0 {
            return Err(NotPrivate { path: path.to_owned(), what, mode }.into());
        }
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).with_context(|| path.display().to_string())?;
    Ok(text)
}
