//! Reading connections, kept between uses. A read runs in place, on its caller's thread, in one snapshot.
//!
//! They belong to their store and not to threads: several stores in one process never meet, and closing a store closes
//! them. A nested read takes another connection.
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portcullis_domain::Ctx;
use rusqlite::OpenFlags;

use super::connection::Connection;
use super::job::poll_once;
use super::names::UniqueNames;
use super::writer::connection;
use crate::tx::{Engine, Mode};
use crate::{Error, Result, Tx, UseCase};

/// No read transaction is older: it would hold the write-ahead log.
const BUDGET: Duration = Duration::from_secs(5);
/// Between two looks at the clock, in instructions of SQLite's machine (about a millisecond).
const STEPS: i32 = 100_000;
const SHARDS: usize = 16;
const KEPT: usize = 8;

struct Reader {
    connection: Connection,
    deadline: Deadline,
}

pub(super) struct Readers {
    database: PathBuf,
    names: Arc<UniqueNames>,
    shards: [Mutex<Vec<Reader>>; SHARDS],
}

impl Readers {
    pub fn new(database: PathBuf, names: Arc<UniqueNames>) -> Self {
        Self { database, names, shards: Default::default() }
    }
    /// Runs a use case on one snapshot, or its one statement without a transaction around it.
    pub fn read<C, T, F>(&self, cx: Ctx, cmd: &C, use_case: &F, mode: Mode) -> Result<T>
    where
        C: 'static,
        F: for<'a> UseCase<'a, C, T>,
    {
        let Reader { connection: reader, deadline } = self.take()?;
        deadline.set(BUDGET);
        let mut tx = Tx::new(cx, Engine::Sqlite(reader), mode);
        let single = mode == Mode::Single;
        if !single {
            connection(&tx).control("BEGIN")?;
        }
        let out = poll_once(&mut tx, cmd, use_case);
        deadline.clear();
        // a connection that cannot end its transaction is closed instead of kept; so is one whose use case panicked
        let ended = single || connection(&tx).control("ROLLBACK").is_ok();
        if let Engine::Sqlite(connection) = tx.engine
            && ended
        {
            self.keep(Reader { connection, deadline });
        }
        out
    }
    /// Looks at the database itself, not at a tenant's rows.
    pub fn inspect<T>(&self, look: impl FnOnce(&rusqlite::Connection) -> Result<T>) -> Result<T> {
        let reader = self.take()?;
        let out = look(&reader.connection.raw);
        self.keep(reader);
        out
    }
    fn take(&self) -> Result<Reader> {
        let kept = self.shard().lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.map_or_else(|| self.open(), Ok)
    }
    fn keep(&self, reader: Reader) {
        let mut kept = self.shard().lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(reader);
        }
    }
    fn open(&self) -> Result<Reader> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut raw = rusqlite::Connection::open_with_flags(&self.database, flags).map_err(Error::unavailable)?;
        raw.execute_batch("PRAGMA query_only = 1; PRAGMA busy_timeout = 1000").map_err(Error::unavailable)?;
        let deadline = Deadline::default();
        let watched = deadline.clone();
        raw.progress_handler(STEPS, Some(move || watched.passed())).map_err(Error::internal)?;
        Ok(Reader { connection: Connection::new(raw, self.names.clone()), deadline })
    }
    /// Each thread has its shard, so that threads do not wait for each other.
    fn shard(&self) -> &Mutex<Vec<Reader>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! { static MINE: usize = NEXT.fetch_add(1, Relaxed) % SHARDS }
        &self.shards[MINE.with(|mine| *mine)]
    }
}

/// When a read ends by force: nanoseconds of this process, 0 for never.
#[derive(Clone, Default)]
struct Deadline(Arc<AtomicU64>);

impl Deadline {
    fn set(&self, budget: Duration) {
        self.0.store(elapsed() + budget.as_nanos() as u64, Relaxed);
    }
    fn clear(&self) {
        self.0.store(0, Relaxed);
    }
    fn passed(&self) -> bool {
        let at = self.0.load(Relaxed);
        at != 0 && elapsed() > at
    }
}
fn elapsed() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}
