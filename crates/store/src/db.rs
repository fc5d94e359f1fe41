//! A database of either engine, and the ways to run a use case on it.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use portcullis_domain::port::Clock;
use portcullis_domain::{Code, Ctx, Error as DomainError};

use crate::tx::Mode;
use crate::{Config, Error, Location, Publish, Result, SchemaVersion, Subscribers, UseCase, postgres, sqlite};

/// Scans that run at once.
pub(crate) const SCANS: usize = 4;
/// Bulk jobs that wait in the writer's second lane, or run at once on PostgreSQL.
pub(crate) const BULK: usize = 2;

/// A database. Cheap to clone; the last clone to go closes it (and waits for the SQLite writer to finish).
#[derive(Clone)]
pub struct Db(Kind);

#[derive(Clone)]
enum Kind {
    Sqlite(sqlite::Store),
    Postgres(postgres::Store),
}

impl Db {
    /// Opens a database and brings its schema up to date if the configuration says so.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with a sentence for the operator: the directory is in use by another process, the server
    /// cannot be reached, the schema is newer than this program, or older and not to be migrated.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>, publish: Publish) -> Result<Self> {
        match &config.location {
            Location::Sqlite { data_dir } => {
                let (dir, migrate) = (data_dir.clone(), config.migrate);
                let open = move || sqlite::Store::open(&dir, migrate, &*clock, publish);
                let store = tokio::task::spawn_blocking(open).await.map_err(Error::internal)??;
                Ok(Self(Kind::Sqlite(store)))
            }
            Location::Postgres { url, connections, ca_file } => {
                let store = postgres::Store::open(url, *connections, ca_file.as_deref(), publish).await?;
                if config.migrate {
                    store.migrate(clock.now()).await?;
                }
                store.schema_version().await?.serve()?;
                Ok(Self(Kind::Postgres(store)))
            }
        }
    }
    /// Opens the SQLite store of a directory for reading only, beside a running server or without one: for
    /// `audit verify` and the like. Takes no lock; every write is [`Error::Unavailable`].
    pub fn open_read_only(data_dir: &Path) -> Result<Self> {
        Ok(Self(Kind::Sqlite(sqlite::Store::open_read_only(data_dir)?)))
    }
    /// Brings the schema up to date without serving; returns what it is then.
    pub async fn migrate(config: &Config, clock: Arc<dyn Clock>) -> Result<SchemaVersion> {
        let config = Config { migrate: true, ..config.clone() };
        Self::open(&config, clock, Arc::new(|_, _| {})).await?.schema_version().await
    }
    /// The schema as the database tells it.
    pub async fn schema_version(&self) -> Result<SchemaVersion> {
        match &self.0 {
            Kind::Sqlite(store) => store.schema_version(),
            Kind::Postgres(store) => store.schema_version().await,
        }
    }

    /// Runs a use case in a transaction, with its audit events. It may run more than once and commits at most once; it
    /// runs to its end even if the caller goes away, unless it had not begun. Changes are published before this returns.
    ///
    /// # Errors
    /// What the use case answers; [`Error::Unavailable`] when the store cannot take writes (full disk, no connection,
    /// 4,096 writes waiting, eight lost conflicts). A use case that panics is [`Error::Internal`], for itself alone.
    pub async fn write<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        match &self.0 {
            Kind::Sqlite(store) => store.write(cx, cmd, use_case).await,
            Kind::Postgres(store) => store.write(cx, cmd, use_case).await,
        }
    }
    /// [`Db::write`] for use cases that end with [`crate::Tx::bump`]: those of one tenant queue in this node, so that
    /// only nodes meet in the database, not tasks (engine.md 7).
    pub async fn write_structure<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        match &self.0 {
            Kind::Sqlite(store) => store.write(cx, cmd, use_case).await,
            Kind::Postgres(store) => store.write_structure(cx, cmd, use_case).await,
        }
    }
    /// [`Db::write`] for import, sync and apply: while others write it gets at most a quarter of the writer's time. A
    /// job touches at most 1,000 rows. Waits for its turn instead of failing.
    pub async fn write_bulk<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        match &self.0 {
            Kind::Sqlite(store) => store.write_bulk(cx, cmd, use_case).await,
            Kind::Postgres(store) => store.write_bulk(cx, cmd, use_case).await,
        }
    }

    /// Runs a reading use case on one snapshot of the database; on SQLite in place, on this thread. For point and page
    /// statements; ends by force after 5 s.
    pub async fn read<C, T, F>(&self, cx: Ctx, cmd: &C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync,
    {
        match &self.0 {
            Kind::Sqlite(store) => store.read(cx, cmd, &use_case, Mode::Read),
            Kind::Postgres(store) => store.read(cx, cmd, use_case).await,
        }
    }
    /// [`Db::read`] for a use case of exactly one statement: no BEGIN and COMMIT around it. A second statement fails.
    pub async fn read_single<C, T, F>(&self, cx: Ctx, cmd: &C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync,
    {
        match &self.0 {
            Kind::Sqlite(store) => store.read(cx, cmd, &use_case, Mode::Single),
            Kind::Postgres(store) => store.read_single(cx, cmd, use_case).await,
        }
    }
    /// Runs a reading use case with scans in it, off the async threads, at most four at once and for at most 5 s.
    ///
    /// # Errors
    /// A refusal with [`Code::RateLimited`] when four scans run already.
    pub async fn scan<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        match &self.0 {
            Kind::Sqlite(store) => store.scan(cx, cmd, use_case).await,
            Kind::Postgres(store) => store.scan(cx, cmd, use_case).await,
        }
    }

    /// Says where subscriptions of webhooks are remembered, once; until then each commit with events reads them.
    pub fn remember_subscriptions(&self, subscribers: Subscribers) {
        let memory = match &self.0 {
            Kind::Sqlite(store) => store.memory(),
            Kind::Postgres(store) => store.memory(),
        };
        // a second one would be of the same tenants: the first stays
        let _ = memory.set(subscribers);
    }
    /// Is this PostgreSQL, where several nodes may share the data and a sealer numbers audit events?
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Kind::Postgres(_))
    }
    /// What happened so far, for metrics.
    pub fn stats(&self) -> Stats {
        let (counters, waiting) = match &self.0 {
            Kind::Sqlite(store) => (store.counters(), store.waiting()),
            Kind::Postgres(store) => (store.counters(), store.waiting()),
        };
        Stats {
            jobs: counters.jobs.load(Relaxed),
            groups: counters.groups.load(Relaxed),
            skipped: counters.skipped.load(Relaxed),
            lost: counters.lost.load(Relaxed),
            retries: counters.retries.load(Relaxed),
            waiting,
        }
    }
}

/// Counts since the start, and how many writes wait now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Write use cases run to their end.
    pub jobs: u64,
    /// Commits of the SQLite writer.
    pub groups: u64,
    /// Writes whose caller had left before they began (SQLite).
    pub skipped: u64,
    /// Groups that were lost and repeated job by job (SQLite).
    pub lost: u64,
    /// Repetitions after a conflict (PostgreSQL).
    pub retries: u64,
    /// Writes that wait or run.
    pub waiting: usize,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub jobs: AtomicU64,
    pub groups: AtomicU64,
    pub skipped: AtomicU64,
    pub lost: AtomicU64,
    pub retries: AtomicU64,
}

pub(crate) fn scan_pool_full() -> Error {
    let message = "Too many searches and exports are running. Try again shortly, or narrow the filter.";
    Error::Domain(DomainError::new(Code::RateLimited, message))
}
