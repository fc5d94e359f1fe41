//! One process owns a SQLite store (engine.md 5): an exclusive lock on `portcullis.lock` in its directory, held until the
//! process ends or the store is closed.
use std::fs::{File, TryLockError};
use std::path::Path;

use crate::{Error, Result};

/// Released when dropped.
#[derive(Debug)]
pub(super) struct DirLock(#[allow(dead_code, reason = "held for its lock")] File);

impl DirLock {
    /// Fails at once when another process (or another store of this one) holds it.
    pub fn take(dir: &Path) -> Result<Self> {
        let path = dir.join("portcullis.lock");
        let file = super::private_file(&path).map_err(|e| Error::unavailable(format!("{}: {e}", path.display())))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::unavailable(format!(
                "another portcullis process has {} open; stop it, or use its HTTP API",
                dir.display()
            ))),
            Err(TryLockError::Error(e)) => Err(Error::unavailable(format!("{}: {e}", path.display()))),
        }
    }
}
