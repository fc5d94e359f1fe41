//! Moving the write-ahead log into the database file: a helper thread does it all the time, the writer only when it has
//! nothing else to do or the log has grown large (engine.md 18).
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::{Error, Result};

const PERIOD: Duration = Duration::from_millis(100);
const LARGE: u64 = 512 << 20;
/// Below this the writer leaves the log to the helper.
const SMALL: u64 = 4 << 20;
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The writer's view of its log.
pub(super) struct Wal {
    bytes: Arc<AtomicU64>,
    /// Bytes when the writer last tried; it tries again only after more was written.
    tried: u64,
    next: Instant,
}

impl Wal {
    /// Counts the log's pages at each commit on the writer's connection.
    pub fn watch(connection: &mut rusqlite::Connection) -> Result<Self> {
        let page: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(Error::internal)?;
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = bytes.clone();
        let hook = move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            counted.store(u64::try_from(pages).unwrap_or(0) * u64::from(page), Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(hook)).map_err(Error::internal)?;
        Ok(Self { bytes, tried: 0, next: Instant::now() })
    }
    /// Is there something to do when the writer is idle?
    pub fn wants_idle(&self) -> bool {
        let bytes = self.bytes.load(Relaxed);
        bytes > SMALL && bytes != self.tried
    }
    pub fn when_idle(&mut self, connection: &Connection) {
        if self.wants_idle() {
            self.finish(connection, self.bytes.load(Relaxed));
        }
    }
    pub fn when_large(&mut self, connection: &Connection) {
        let bytes = self.bytes.load(Relaxed);
        if bytes > LARGE && Instant::now() >= self.next {
            self.finish(connection, bytes);
        }
    }
    /// While the writer does this nobody writes, so all of the log is moved and the next commit begins it anew.
    fn finish(&mut self, connection: &Connection, bytes: u64) {
        if let Err(e) = connection.number(PASSIVE) {
            tracing::warn!(cause = %e, "the writer's checkpoint failed");
        }
        self.tried = bytes;
        self.next = Instant::now() + PERIOD;
    }
}

/// The helper thread. Stops and is joined when dropped.
pub(super) struct Checkpointer {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub fn start(database: &Path) -> Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (stopped, database) = (stop.clone(), database.to_owned());
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || {
                if let Err(e) = serve(database, &stopped) {
                    tracing::error!(cause = %e, "the checkpoint thread could not begin");
                }
            })
            .map_err(Error::internal)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}
impl Drop for Checkpointer {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(database: PathBuf, stop: &(Mutex<bool>, Condvar)) -> rusqlite::Result<()> {
    let connection = rusqlite::Connection::open(database)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0")?;
    let mut stopped = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
    while !*stopped {
        let waited = stop.1.wait_timeout(stopped, PERIOD).unwrap_or_else(PoisonError::into_inner);
        drop(waited.0);
        if let Err(e) = connection.query_row(PASSIVE, [], |_| Ok(())) {
            tracing::warn!(cause = %e, "a checkpoint failed");
        }
        stopped = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
    }
    Ok(())
}
