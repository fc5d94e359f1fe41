//! The ceiling of every create: the very rows that the server wrote for one user, cloned with fresh keys by a bare loop on one
//! thread, in commits of the same size with `synchronous=FULL`, into the same tables with the same indexes.
//!
//! Nothing of the schema is written here: tables are copied from the server's own file and rows are read from it, so the
//! ceiling follows every change of the product.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::people;

/// As in crates/store: the log is moved by another thread, by the writer only when it has grown beyond this many pages.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864; \
    PRAGMA wal_autocheckpoint = 0";
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const LARGE: i64 = (512 << 20) / 4096;

/// A row that is written again and again.
#[derive(Clone, Debug)]
struct Pattern {
    table: &'static str,
    columns: Vec<String>,
    values: Vec<Value>,
}

/// Everything that one create writes.
#[derive(Clone, Debug)]
pub struct Sample(Vec<Pattern>);

impl Sample {
    /// The rows of the newest user, event and seal: of a POST /v1/users just before.
    pub fn newest(database: &Connection) -> Result<Self> {
        let user = Pattern::read(database, "users", "ORDER BY rowid DESC LIMIT 1", &[])?;
        Self::of(database, user, "DESC")
    }
    /// The same with the newest row of `idempotency`.
    pub fn newest_with_key(database: &Connection) -> Result<Self> {
        let mut sample = Self::newest(database)?;
        sample.0.push(Pattern::read(database, "idempotency", "ORDER BY rowid DESC LIMIT 1", &[])?);
        Ok(sample)
    }
    /// The rows of an imported user: one with a hash and an id of the customer's own.
    pub fn imported(database: &Connection) -> Result<Self> {
        let wanted = "WHERE external_id IS NOT NULL AND password_hash IS NOT NULL ORDER BY rowid LIMIT 1";
        Self::of(database, Pattern::read(database, "users", wanted, &[])?, "ASC")
    }
    /// With the event and the seal of this user, which lie near that end of their tables: no index leads to them.
    fn of(database: &Connection, user: Pattern, from: &str) -> Result<Self> {
        let Some(Value::Blob(id)) = user.value("id") else { bail!("users.id is no blob") };
        let id = uuid::Uuid::from_slice(id)?.to_string();
        let about = format!("WHERE action = 'user.created' AND resource_id = ?1 ORDER BY rowid {from} LIMIT 1");
        let event = Pattern::read(database, "audit_events", &about, &[Value::Text(id)])?;
        let Some(event_id) = event.value("id").cloned() else { bail!("audit_events.id") };
        let seal = Pattern::read(database, "audit_seals", "WHERE event_id = ?1", &[event_id])?;
        Ok(Self(vec![user, event, seal]))
    }
}

impl Pattern {
    fn read(database: &Connection, table: &'static str, which: &str, args: &[Value]) -> Result<Self> {
        let mut statement = database.prepare(&format!("SELECT * FROM {table} {which}"))?;
        let columns: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|i| row.get(i)).collect::<rusqlite::Result<_>>();
        let values = statement.query_row(params_from_iter(args), read).with_context(|| format!("a row of {table}"))?;
        Ok(Self { table, columns, values })
    }
    fn value(&self, column: &str) -> Option<&Value> {
        self.columns.iter().position(|c| c == column).map(|i| &self.values[i])
    }
    fn insert(&self) -> String {
        let places: Vec<String> = (1..=self.columns.len()).map(|n| format!("?{n}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.table, self.columns.join(", "), places.join(", "))
    }
}

/// Which columns are keys: the rest stays as the server wrote it.
#[derive(Clone, Copy)]
enum Key {
    User,
    Email,
    Slug,
    Title,
    Folded,
    ExternalId,
    Event,
    UserText,
    Seq,
    Slot,
}
impl Key {
    fn of(table: &str, column: &str) -> Option<Self> {
        Some(match (table, column) {
            ("users", "id") => Self::User,
            ("users", "email") => Self::Email,
            ("users", "slug") => Self::Slug,
            ("users", "title") => Self::Title,
            ("users", "name_key") => Self::Folded,
            ("users", "external_id") => Self::ExternalId,
            ("audit_events", "id") | ("audit_seals", "event_id") => Self::Event,
            ("audit_events", "resource_id") => Self::UserText,
            ("audit_seals", "seq") => Self::Seq,
            ("idempotency", "slot") => Self::Slot,
            _ => return None,
        })
    }
}

/// What differs from one create to the next.
struct Keys {
    user: [u8; 16],
    event: [u8; 16],
    seq: i64,
    number: u64,
}
impl Keys {
    /// The value of a key, as long as the server's.
    fn value(&self, key: Key) -> Value {
        let user = uuid::Uuid::from_bytes(self.user);
        let random = people::scramble(self.number ^ 0x5555);
        match key {
            Key::User => Value::Blob(self.user.to_vec()),
            Key::Event => Value::Blob(self.event.to_vec()),
            Key::Email => Value::Text(people::email(self.number)),
            Key::Slug => Value::Text(format!("u-{}", user.simple())),
            Key::Title => Value::Text(people::name(self.number)),
            Key::Folded => Value::Text(people::name(self.number).to_lowercase()),
            Key::ExternalId => Value::Text(format!("hr-{random:016x}")),
            Key::UserText => Value::Text(user.to_string()),
            Key::Seq => Value::Integer(self.seq),
            Key::Slot => Value::Integer(random as i64),
        }
    }
}

/// The bare loop and its file.
pub struct Ceiling {
    connection: Connection,
    helper: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    log_pages: Arc<AtomicI64>,
    next: u64,
    seq: i64,
}

impl Ceiling {
    /// A new file with the tables and the tenants of the server's.
    pub fn create(file: &Path, server: &Connection) -> Result<Self> {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", file.display()));
        }
        let connection = Connection::open(file)?;
        connection.execute_batch(PRAGMAS)?;
        let mut texts = server.prepare(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
        )?;
        for text in texts.query_map([], |r| r.get::<_, String>(0))? {
            connection.execute_batch(&text?)?;
        }
        copy(server, &connection, "tenants")?;
        drop(connection);
        Self::open(file)
    }
    /// A file that is there.
    pub fn open(file: &Path) -> Result<Self> {
        let connection = Connection::open(file)?;
        connection.execute_batch(PRAGMAS)?;
        connection.set_prepared_statement_cache_capacity(64);
        let seq = connection.query_row("SELECT coalesce(max(seq), 0) FROM audit_seals", [], |r| r.get(0))?;
        let (stop, log_pages) = (Arc::<AtomicBool>::default(), Arc::<AtomicI64>::default());
        let helper = checkpoints(file.to_owned(), stop.clone(), log_pages.clone());
        Ok(Self { connection, helper: Some(helper), stop, log_pages, next: people::fresh(), seq })
    }
    /// Writes so many creates in commits of `group`; the seconds that it took.
    pub fn write(&mut self, sample: &Sample, creates: u64, group: u64) -> Result<f64> {
        let writer = Prepared::new(sample);
        let start = Instant::now();
        let mut left = creates;
        while left > 0 {
            let now = group.min(left);
            self.commit(&writer, now)?;
            left -= now;
        }
        Ok(start.elapsed().as_secs_f64())
    }
    /// Writes for this long, in commits of `group`; creates a second.
    pub fn rate(&mut self, sample: &Sample, time: Duration, group: usize) -> Result<f64> {
        let writer = Prepared::new(sample);
        let (start, mut creates) = (Instant::now(), 0);
        while start.elapsed() < time {
            self.commit(&writer, group as u64)?;
            creates += group;
        }
        Ok(creates as f64 / start.elapsed().as_secs_f64())
    }
    fn commit(&mut self, writer: &Prepared<'_>, creates: u64) -> Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for _ in 0..creates {
            self.next += 1;
            self.seq += 1;
            let user = ordered(self.seq as u64, self.next);
            let event = ordered(self.seq as u64, !self.next);
            writer.write(&self.connection, &Keys { user, event, seq: self.seq, number: self.next })?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        if self.log_pages.load(Relaxed) > LARGE {
            self.connection.query_row(PASSIVE, [], |_| Ok(()))?;
            self.log_pages.store(0, Relaxed);
        }
        Ok(())
    }
}
impl Drop for Ceiling {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(helper) = self.helper.take() {
            let _ = helper.join();
        }
    }
}

/// The statements, and what each column is.
struct Prepared<'a>(Vec<(String, Vec<Column<'a>>)>);
enum Column<'a> {
    Key(Key),
    Same(&'a Value),
}
impl<'a> Prepared<'a> {
    fn new(sample: &'a Sample) -> Self {
        let columns = |p: &'a Pattern| {
            let columns = p.columns.iter().zip(&p.values).map(|(name, value)| match Key::of(p.table, name) {
                Some(key) if *value != Value::Null => Column::Key(key),
                _ => Column::Same(value),
            });
            (p.insert(), columns.collect())
        };
        Self(sample.0.iter().map(columns).collect())
    }
    fn write(&self, connection: &Connection, keys: &Keys) -> Result<()> {
        for (text, columns) in &self.0 {
            let mut statement = connection.prepare_cached(text)?;
            for (i, column) in columns.iter().enumerate() {
                match column {
                    Column::Key(key) => statement.raw_bind_parameter(i + 1, keys.value(*key))?,
                    Column::Same(value) => statement.raw_bind_parameter(i + 1, value)?,
                }
            }
            statement.raw_execute()?;
        }
        Ok(())
    }
}

/// A UUID of version 7 in the order of `n`: 20 for each millisecond from November 2026 on.
fn ordered(n: u64, random: u64) -> [u8; 16] {
    let high = ((0x019a_a000_0000 + n / 20) << 16) | 0x7000 | (n % 20);
    let low = (people::scramble(random) >> 2) | (1 << 63);
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

/// Moves the log into the file all the time, as the server's helper thread does.
fn checkpoints(file: PathBuf, stop: Arc<AtomicBool>, log_pages: Arc<AtomicI64>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let Ok(connection) = Connection::open(file) else { return };
        let _ = connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0");
        while !stop.load(Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
            if let Ok(pages) = connection.query_row(PASSIVE, [], |r| r.get(1)) {
                log_pages.store(pages, Relaxed);
            }
        }
    })
}

fn copy(from: &Connection, to: &Connection, table: &'static str) -> Result<()> {
    let rows: i64 = from.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))?;
    for n in 0..rows {
        let row = Pattern::read(from, table, &format!("ORDER BY rowid LIMIT 1 OFFSET {n}"), &[])?;
        to.execute(&row.insert(), params_from_iter(&row.values))?;
    }
    Ok(())
}

/// Where a synced write goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To the end of a file that grows, as a log that is young.
    End,
    /// Over what is there, as a log that begins anew after its checkpoint.
    Over,
}

/// Synced writes of so many bytes a second: what the disk allows.
pub fn syncs(dir: &Path, place: Place, bytes: usize, time: Duration) -> Result<f64> {
    use std::io::{Seek as _, Write as _};
    /// So many writes lie side by side before the first is written over.
    const WIDTH: u32 = 64;
    let mut file = tempfile::tempfile_in(dir)?;
    let block = vec![0x5A; bytes];
    if place == Place::Over {
        (0..WIDTH).try_for_each(|_| file.write_all(&block))?;
        file.sync_all()?;
    }
    let (start, mut commits) = (Instant::now(), 0u32);
    while start.elapsed() < time {
        if place == Place::Over && commits.is_multiple_of(WIDTH) {
            file.rewind()?;
        }
        file.write_all(&block)?;
        file.sync_data()?;
        commits += 1;
    }
    Ok(f64::from(commits) / start.elapsed().as_secs_f64())
}
