//! Reading a Frontier database (v0.115.2; docs: "Coming from Frontier"): page by page, all of it in one REPEATABLE READ, READ ONLY
//! transaction, so that what is read belongs together. Nothing here writes, and nothing here is a statement of ours.
//!
//! Rows come as JSON objects of whatever columns a table has: an older or newer Frontier has a few fewer or more, and what is
//! not there reads as null.
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::postgres::tls;
use crate::{Error, Result};

/// The migration that this reader was written for.
pub const SCHEMA: i64 = 20_260_723_120_000;
/// Rows of a page.
pub const PAGE: usize = 250;
/// A session of the reader's own: every time in UTC, and nothing waits for ever.
const SETTINGS: &str =
    "-c lock_timeout=5000 -c statement_timeout=60000 -c TimeZone=UTC -c default_transaction_read_only=on";

/// One row: its columns by name.
pub type Columns = Map<String, Value>;

/// A Frontier database, as it was when it was opened.
pub struct Source {
    client: Client,
    name: String,
    tables: HashSet<String>,
}

impl Source {
    /// Connects and begins to read. TLS as for our own database: `sslmode=require` verifies the server's certificate.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with a sentence for the operator, which never holds the URL's password.
    pub async fn open(dsn: &str, ca_file: Option<&Path>) -> Result<Self> {
        let mut config: tokio_postgres::Config =
            dsn.parse().map_err(|_| Error::unavailable("the URL of Frontier's database cannot be read"))?;
        let options = [config.get_options().unwrap_or_default(), SETTINGS].join(" ");
        config.options(options).connect_timeout(Duration::from_secs(10)).application_name("portcullis import");
        let name = name_of(&config);
        let away = |e: tokio_postgres::Error| Error::unavailable(format!("{name}: {}", Error::from(e)));
        let client = match config.get_ssl_mode() {
            SslMode::Disable | SslMode::Prefer => {
                let (client, connection) = config.connect(NoTls).await.map_err(away)?;
                tokio::spawn(connection);
                client
            }
            _ => {
                let (client, connection) = config.connect(tls::connector(ca_file)?).await.map_err(away)?;
                tokio::spawn(connection);
                client
            }
        };
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let list = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
        let tables = client.query(list, &[]).await?.iter().map(|row| row.get(0)).collect();
        Ok(Self { client, name, tables })
    }
    /// `host:port/database`: no user, no password.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Is there such a table?
    pub fn has(&self, table: &str) -> bool {
        self.tables.contains(table)
    }
    /// Version and `dirty` of its own migrations; `None`: this is no Frontier database.
    pub async fn schema(&self) -> Result<Option<(i64, bool)>> {
        if !self.has("schema_migrations") {
            return Ok(None);
        }
        let row = self.client.query_opt("SELECT version::bigint, dirty FROM schema_migrations LIMIT 1", &[]).await?;
        match row {
            Some(row) => Ok(Some((row.try_get(0)?, row.try_get(1)?))),
            None => Ok(None),
        }
    }
    /// At most [`PAGE`] rows after this id, in the order of ids. A table that is not there has none.
    pub async fn page(&self, table: &'static str, after: Uuid) -> Result<Vec<Columns>> {
        if !self.has(table) {
            return Ok(vec![]);
        }
        // a name of the program's own; the nil UUID is nobody's but the platform's
        let sql = format!(
            "SELECT id, CASE WHEN octet_length(j) <= {LONGEST} THEN j END FROM \
             (SELECT id, to_jsonb(t)::text AS j FROM {table} t WHERE id > $1 ORDER BY id LIMIT {PAGE}) AS page ORDER BY id"
        );
        let rows = self.client.query(sql.as_str(), &[&after]).await?;
        rows.iter().map(|row| Ok(columns(row.try_get(0)?, row.try_get(1)?))).collect()
    }
    /// How many rows a table has.
    pub async fn count(&self, table: &'static str) -> Result<i64> {
        if !self.has(table) {
            return Ok(0);
        }
        let sql = format!("SELECT count(*) FROM {table}");
        Ok(self.client.query_one(sql.as_str(), &[]).await?.try_get(0)?)
    }
    /// The addresses of these users.
    pub async fn addresses(&self, users: &[Uuid]) -> Result<HashMap<Uuid, String>> {
        let rows = self.client.query("SELECT id, email FROM users WHERE id = ANY($1)", &[&users]).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
    /// Id and name of the roles that belong to no organization: the predefined ones are among them.
    pub async fn platform_roles(&self) -> Result<Vec<(Uuid, String)>> {
        let rows = self.client.query("SELECT id, name FROM roles WHERE org_id = $1", &[&Uuid::nil()]).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}

/// Longer rows are not read: what we keep of one is far shorter.
const LONGEST: usize = 1 << 20;
/// The one column, besides its id, of a row that is too long or too deep to be read: no column of SQL is called so.
pub const UNREADABLE: &str = " unreadable";
fn columns(id: Uuid, text: Option<&str>) -> Columns {
    text.and_then(|t| serde_json::from_str(t).ok())
        .unwrap_or_else(|| Columns::from_iter([("id".into(), id.to_string().into()), (UNREADABLE.into(), true.into())]))
}
fn name_of(config: &tokio_postgres::Config) -> String {
    use tokio_postgres::config::Host;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".into(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default())
}
