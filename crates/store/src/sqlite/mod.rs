//! SQLite: one writer that commits in groups, readers that run in place.
mod checkpoint;
mod connection;
mod heads;
mod job;
mod lock;
mod names;
mod queue;
mod readers;
mod writer;

use std::fs::{File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use portcullis_domain::port::Clock;
use portcullis_domain::{Ctx, Timestamp};
use tokio::sync::Semaphore;

use self::checkpoint::{Checkpointer, Wal};
use self::job::Call;
use self::lock::DirLock;
use self::names::UniqueNames;
use self::queue::{Lane, Queue};
use self::readers::Readers;
use self::writer::Writer;
use crate::db::{Counters, scan_pool_full};
use crate::outbox::Memory;
use crate::tx::{Engine, Mode};
use crate::{Error, Publish, Result, SchemaVersion, Tx, UseCase, migrate};

pub(crate) use self::connection::Connection;

const DATABASE: &str = "portcullis.db";
/// Design section 4, engine.md 18. The log is moved by the checkpoint thread and by the writer, never inside a commit.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000; PRAGMA journal_size_limit = 67108864; \
    PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0";

/// A SQLite store. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    writing: Option<Writing>,
    readers: Readers,
    scans: Arc<Semaphore>,
    bulk: Semaphore,
    counters: Arc<Counters>,
    memory: Memory,
}

/// What only the owner of the directory has. Dropped in this order: the writer finishes, the checkpoint thread, the lock.
struct Writing {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    _checkpointer: Checkpointer,
    _lock: DirLock,
}

impl Store {
    /// Takes the directory's lock, migrates if asked, and starts the writer.
    pub fn open(dir: &Path, migrate: bool, clock: &dyn Clock, publish: Publish) -> Result<Self> {
        private_dir(dir).map_err(|e| Error::unavailable(format!("{}: {e}", dir.display())))?;
        let lock = DirLock::take(dir)?;
        let database = dir.join(DATABASE);
        private_file(&database).map_err(|e| Error::unavailable(format!("{}: {e}", database.display())))?;
        let mut raw = rusqlite::Connection::open(&database).map_err(Error::unavailable)?;
        raw.execute_batch(PRAGMAS).map_err(Error::unavailable)?;
        if migrate {
            migrate::sqlite(&mut raw, clock.now())?;
        }
        migrate::sqlite_version(&raw)?.serve()?;
        let wal = Wal::watch(&mut raw)?;
        let names = Arc::new(UniqueNames::read(&raw)?);
        let (counters, memory) = (Arc::<Counters>::default(), Memory::default());
        let queue = Arc::<Queue>::default();
        let tx = Tx::new(
            Ctx::nowhere(Timestamp::from_micros(0)),
            Engine::Sqlite(Connection::new(raw, names.clone())),
            Mode::Write,
        )
        .remembering(memory.clone());
        let thread = start(Writer::new(tx, queue.clone(), publish, counters.clone(), wal))?;
        let checkpointer = Checkpointer::start(&database)?;
        let writing = Writing { queue, thread: Some(thread), _checkpointer: checkpointer, _lock: lock };
        Ok(Self::with(Some(writing), database, names, counters, memory))
    }
    /// Only reads, beside a running server or without one; takes no lock.
    pub fn open_read_only(dir: &Path) -> Result<Self> {
        let database = dir.join(DATABASE);
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let raw = rusqlite::Connection::open_with_flags(&database, flags)
            .map_err(|e| Error::unavailable(format!("{}: {e}", database.display())))?;
        migrate::sqlite_version(&raw)?.serve()?;
        let names = Arc::new(UniqueNames::read(&raw)?);
        Ok(Self::with(None, database, names, Arc::default(), Memory::default()))
    }
    fn with(
        writing: Option<Writing>,
        database: PathBuf,
        names: Arc<UniqueNames>,
        counters: Arc<Counters>,
        memory: Memory,
    ) -> Self {
        Self(Arc::new(Inner {
            writing,
            readers: Readers::new(database, names),
            scans: Arc::new(Semaphore::new(crate::db::SCANS)),
            bulk: Semaphore::new(crate::db::BULK),
            counters,
            memory,
        }))
    }
    pub fn memory(&self) -> &Memory {
        &self.0.memory
    }

    pub async fn write<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + 'static,
    {
        self.enqueue(Lane::Urgent, cx, cmd, use_case).await
    }
    pub async fn write_bulk<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + 'static,
    {
        let _turn = self.0.bulk.acquire().await.map_err(Error::unavailable)?;
        self.enqueue(Lane::Bulk, cx, cmd, use_case).await
    }
    async fn enqueue<C, T, F>(&self, lane: Lane, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + 'static,
    {
        let writing =
            self.0.writing.as_ref().ok_or_else(|| Error::unavailable("the store is open for reading only"))?;
        let (call, answer) = Call::new(cx, cmd, use_case);
        writing.queue.push(lane, Box::new(call))?;
        answer.await.unwrap_or_else(|_| Err(Error::unavailable("the store is being closed")))
    }
    pub fn read<C, T, F>(&self, cx: Ctx, cmd: &C, use_case: &F, mode: Mode) -> Result<T>
    where
        C: 'static,
        F: for<'a> UseCase<'a, C, T>,
    {
        self.0.readers.read(cx, cmd, use_case, mode)
    }
    pub async fn scan<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + 'static,
    {
        let turn = self.0.scans.clone().try_acquire_owned().map_err(|_| scan_pool_full())?;
        let store = self.clone();
        let scan = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            store.read(cx, &cmd, &use_case, Mode::Read)
        });
        scan.await.unwrap_or_else(|e| Err(Error::internal(e)))
    }
    pub fn schema_version(&self) -> Result<SchemaVersion> {
        self.0.readers.inspect(migrate::sqlite_version)
    }
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }
    /// How many writes wait.
    pub fn waiting(&self) -> usize {
        self.0.writing.as_ref().map_or(0, |w| w.queue.len())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn start(mut writer: Writer) -> Result<JoinHandle<()>> {
    let serve = move || {
        // everybody waits for this one thread; where we may not go before others, it takes its turn
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, -10);
        if catch_unwind(AssertUnwindSafe(|| writer.serve())).is_err() {
            // a server that cannot write is worse than none: a supervisor starts it again (engine.md 4)
            tracing::error!("the writer panicked; the process ends");
            std::process::abort();
        }
    };
    std::thread::Builder::new().name("store-writer".into()).spawn(serve).map_err(Error::internal)
}

fn private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Opens a file, making it for its owner alone if it is missing. SQLite gives the log the same mode.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
