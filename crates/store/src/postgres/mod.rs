//! PostgreSQL: a SERIALIZABLE transaction of its own for each write, repeated when it meets another one.
mod connection;
mod error;
pub(crate) mod tls;

use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use portcullis_domain::{Ctx, Timestamp, tenant::TenantKey};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_postgres::NoTls;
use tokio_postgres::config::SslMode;
use uuid::Uuid;

use self::connection::CommitError;
use crate::audit::{EXISTS, INSERT_EVENT, INSERT_PENDING, event_params};
use crate::db::{BULK, Counters, SCANS, scan_pool_full};
use crate::outbox::Memory;
use crate::tx::{Engine, Mode};
use crate::{Error, Publish, Result, SchemaVersion, Tx, UseCase, migrate};

pub(crate) use self::connection::Connection;

const WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const SCAN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 5000";
/// For every connection: a key that another transaction holds is waited for 1 s (engine.md 16), nothing runs for ever.
const SETTINGS: &str = "-c lock_timeout=1000 -c statement_timeout=10000 -c idle_in_transaction_session_timeout=10000";
const ATTEMPTS: u32 = 8;
const WAITING: usize = 4096;
const WAIT: Duration = Duration::from_secs(5);
const QUEUES: usize = 64;

/// A PostgreSQL store. Clones share it.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    pool: Pool,
    publish: Publish,
    counters: Counters,
    /// Writes that wait or run.
    writes: Arc<Semaphore>,
    scans: Semaphore,
    bulk: Semaphore,
    /// Structural writes of one tenant take turns in this node; a tenant's queue follows from its number.
    structure: [Mutex<()>; QUEUES],
    memory: Memory,
}

impl Store {
    pub async fn open(url: &str, connections: usize, ca_file: Option<&Path>, publish: Publish) -> Result<Self> {
        // the parser's message may repeat the URL, which holds a password
        let mut config: tokio_postgres::Config =
            url.parse().map_err(|_| Error::unavailable("the database URL cannot be read"))?;
        let options = [config.get_options().unwrap_or_default(), SETTINGS].join(" ");
        config.options(options).connect_timeout(WAIT).application_name("portcullis");
        let recycle = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match config.get_ssl_mode() {
            SslMode::Disable | SslMode::Prefer => Manager::from_config(config, NoTls, recycle),
            _ => Manager::from_config(config, tls::connector(ca_file)?, recycle),
        };
        let pool = Pool::builder(manager)
            .max_size(connections.max(1))
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(Error::internal)?;
        warn_unless_durable(&*pool.get().await?).await?;
        Ok(Self(Arc::new(Inner {
            pool,
            publish,
            counters: Counters::default(),
            writes: Arc::new(Semaphore::new(WAITING)),
            scans: Semaphore::new(SCANS),
            bulk: Semaphore::new(BULK),
            structure: std::array::from_fn(|_| Mutex::new(())),
            memory: Memory::default(),
        })))
    }
    pub fn memory(&self) -> &Memory {
        &self.0.memory
    }
    pub async fn migrate(&self, now: Timestamp) -> Result<()> {
        // not from the pool: the connection forgets its settings with the session
        let mut client = Object::take(self.0.pool.get().await?);
        migrate::postgres(&mut client, now).await
    }
    pub async fn schema_version(&self) -> Result<SchemaVersion> {
        migrate::postgres_version(&*self.0.pool.get().await?).await
    }

    pub async fn write<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        let turn = self.turn()?;
        let store = self.clone();
        detached(async move {
            let _turn = turn;
            store.attempts(&cx, &cmd, &use_case).await
        })
        .await
    }
    pub async fn write_structure<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        let turn = self.turn()?;
        let store = self.clone();
        detached(async move {
            let _turn = turn;
            let _alone = store.0.structure[queue(cx.tenant)].lock().await;
            store.attempts(&cx, &cmd, &use_case).await
        })
        .await
    }
    pub async fn write_bulk<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> UseCase<'a, C, T> + Send + Sync + 'static,
    {
        let _turn = self.0.bulk.acquire().await.map_err(Error::unavailable)?;
        self.write(cx, cmd, use_case).await
    }
    pub async fn read<C, T, F>(&self, cx: Ctx, cmd: &C, use_case: F) -> Result<T>
    where
        C: Sync + 'static,
        F: for<'a> UseCase<'a, C, T>,
    {
        self.snapshot(READ, cx, cmd, use_case).await
    }
    pub async fn scan<C, T, F>(&self, cx: Ctx, cmd: C, use_case: F) -> Result<T>
    where
        C: Sync + 'static,
        F: for<'a> UseCase<'a, C, T>,
    {
        let _turn = self.0.scans.try_acquire().map_err(|_| scan_pool_full())?;
        self.snapshot(SCAN, cx, &cmd, use_case).await
    }
    pub async fn read_single<C, T, F>(&self, cx: Ctx, cmd: &C, use_case: F) -> Result<T>
    where
        C: Sync + 'static,
        F: for<'a> UseCase<'a, C, T>,
    {
        let mut tx = Tx::new(cx, self.engine(None).await?, Mode::Single);
        let out = use_case(&mut tx, cmd).await;
        connection(&mut tx).finished();
        tx.judge(out)
    }
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }
    pub fn waiting(&self) -> usize {
        WAITING - self.0.writes.available_permits()
    }

    async fn snapshot<C, T, F>(&self, begin: &'static str, cx: Ctx, cmd: &C, use_case: F) -> Result<T>
    where
        C: Sync + 'static,
        F: for<'a> UseCase<'a, C, T>,
    {
        let mut tx = Tx::new(cx, self.engine(Some(begin)).await?, Mode::Read);
        let out = use_case(&mut tx, cmd).await;
        connection(&mut tx).rollback().await;
        tx.judge(out)
    }
    async fn attempts<C, T, F>(&self, cx: &Ctx, cmd: &C, use_case: &F) -> Result<T>
    where
        C: Sync + 'static,
        F: for<'a> UseCase<'a, C, T>,
    {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.0.counters.retries.fetch_add(1, Relaxed);
                tokio::time::sleep(pause(attempt)).await;
            }
            match self.attempt(cx, cmd, use_case).await {
                Err(Error::Retry) => {}
                out => {
                    self.0.counters.jobs.fetch_add(1, Relaxed);
                    return out;
                }
            }
        }
        Err(Error::unavailable(format!("{ATTEMPTS} attempts met other transactions")))
    }
    /// One transaction. [`Error::Retry`]: nothing was kept and it may be repeated.
    async fn attempt<C, T, F>(&self, cx: &Ctx, cmd: &C, use_case: &F) -> Result<T>
    where
        C: Sync + 'static,
        F: for<'a> UseCase<'a, C, T>,
    {
        let engine = self.engine(Some(WRITE)).await?;
        let mut tx = Tx::new(cx.clone(), engine, Mode::Write).remembering(self.0.memory.clone());
        let out = use_case(&mut tx, cmd).await;
        let out = tx.finish(out).await;
        let refused = out.is_err();
        if refused && (tx.failed() || !connection(&mut tx).only_read()) {
            connection(&mut tx).rollback().await;
            return if tx.wants_retry() { Err(Error::Retry) } else { out };
        }
        if !refused {
            append_events(&mut tx).await?;
        }
        // a refusal is committed too: what it read counts only if the transaction was serializable (engine.md 4)
        match connection(&mut tx).commit().await {
            Ok(()) => {}
            Err(CommitError::Failed(e)) => {
                connection(&mut tx).rollback().await;
                return Err(e);
            }
            Err(CommitError::Unknown(cause)) => {
                let event = tx.effects.audit.first().map(|(tenant, event)| (*tenant, event.id));
                if refused || !self.is_committed(cx, event).await {
                    return Err(Error::Unavailable(format!("the connection was lost during COMMIT: {cause}")));
                }
            }
        }
        if !refused {
            for (tenant, change) in &tx.effects.changes {
                (self.0.publish)(*tenant, std::slice::from_ref(change));
            }
        }
        out
    }
    /// After a connection was lost during COMMIT: is its audit event there?
    async fn is_committed(&self, cx: &Ctx, event: Option<(TenantKey, Uuid)>) -> bool {
        let (Some((tenant, event)), Ok(engine)) = (event, self.engine(None).await) else { return false };
        let mut tx = Tx::new(cx.in_tenant(tenant, cx.tenant_id), engine, Mode::Single);
        let found = tx.one(&EXISTS, &[event.into()], |row| row.int(0)).await;
        connection(&mut tx).finished();
        matches!(found, Ok(Some(_)))
    }
    async fn engine(&self, begin: Option<&'static str>) -> Result<Engine> {
        Ok(Engine::Postgres(Connection::new(self.0.pool.get().await?, begin)))
    }
    fn turn(&self) -> Result<OwnedSemaphorePermit> {
        self.0.writes.clone().try_acquire_owned().map_err(|_| Error::unavailable("too many writes are waiting"))
    }
}

/// The events stay in the effects: their ids tell whether a lost COMMIT arrived.
async fn append_events(tx: &mut Tx) -> Result<()> {
    let (events, own) = (std::mem::take(&mut tx.effects.audit), tx.cx.tenant);
    for (tenant, event) in &events {
        tx.cx.tenant = *tenant;
        tx.send(&INSERT_EVENT, &event_params(event)).await?;
        tx.send(&INSERT_PENDING, &[event.id.into()]).await?;
    }
    tx.cx.tenant = own;
    tx.effects.audit = events;
    Ok(())
}

/// Runs on a task of its own: a caller that goes away between COMMIT and the publication would leave the snapshot stale.
async fn detached<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(work).await.unwrap_or_else(|e| {
        Err(if e.is_panic() { Error::internal("the use case panicked") } else { Error::unavailable("stopping") })
    })
}

fn connection(tx: &mut Tx) -> &mut Connection {
    match &mut tx.engine {
        Engine::Postgres(connection) => connection,
        Engine::Sqlite(_) => unreachable!("made with a PostgreSQL connection"),
    }
}

fn queue(tenant: TenantKey) -> usize {
    usize::try_from(tenant.0.rem_euclid(QUEUES as i64)).unwrap_or(0)
}

/// 0.2 ms, 0.4 ms, … each up to four times as long by chance, so that rivals do not meet again.
fn pause(attempt: u32) -> Duration {
    // the standard hasher is seeded at random for each map: chance enough here
    let chance = std::hash::RandomState::new().build_hasher().finish() % 4;
    Duration::from_micros((200 << attempt.min(6)) * (1 + chance))
}

async fn warn_unless_durable(client: &tokio_postgres::Client) -> Result<()> {
    for setting in ["fsync", "synchronous_commit"] {
        let value: String = client.query_one(&format!("SHOW {setting}"), &[]).await?.try_get(0)?;
        if value == "off" {
            tracing::warn!(setting, "PostgreSQL may lose writes that were answered");
        }
    }
    Ok(())
}
