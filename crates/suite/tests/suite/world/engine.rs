//! A fresh database of either engine, gone when the test is over.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use portcullis_store::{Config, Db, Location};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use super::clock::Held;

/// Where databases may be made.
pub const SERVER: &str = "PORTCULLIS_TEST_POSTGRES";

/// One database.
pub struct Engine {
    pub config: Config,
    dir: Option<TempDir>,
    /// The server's URL and the database's name.
    postgres: Option<(String, String)>,
}

impl Engine {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { config: Config::sqlite(dir.path()), dir: Some(dir), postgres: None }
    }
    /// A copy of a migrated template; `None` without a server.
    pub async fn postgres() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        static TEMPLATE: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
        let server = std::env::var(SERVER).ok()?;
        let template = TEMPLATE.get_or_init(|| make_template(&server)).await;
        let name = format!("portcullis_suite_{}_{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy");
        raw(&server).await.batch_execute(&sql).await.unwrap();
        let mut config = Config::postgres(url_of(&server, &name));
        if let Location::Postgres { connections, .. } = &mut config.location {
            *connections = 12;
        }
        Some(Self { config, dir: None, postgres: Some((server, name)) })
    }
    pub fn is_sqlite(&self) -> bool {
        self.dir.is_some()
    }
    /// A second handle on the same PostgreSQL database, for another node; it removes nothing.
    pub fn shared(&self) -> Self {
        assert!(!self.is_sqlite(), "one process owns a SQLite store");
        Self { config: self.config.clone(), dir: None, postgres: None }
    }
    /// What a second server may be started on: the same PostgreSQL database, or a copy of the SQLite file.
    pub fn twin(&self) -> Self {
        if !self.is_sqlite() {
            return self.shared();
        }
        let copy = Self::sqlite();
        let file = copy.dir.as_ref().unwrap().path().join("portcullis.db");
        self.raw_sqlite().execute("VACUUM INTO ?1", [file.to_str().unwrap()]).unwrap();
        copy
    }
    /// A connection of the test's own to the SQLite file, beside the server.
    pub fn raw_sqlite(&self) -> rusqlite::Connection {
        let c = rusqlite::Connection::open(self.dir.as_ref().unwrap().path().join("portcullis.db")).unwrap();
        c.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        c
    }
    pub async fn raw_postgres(&self) -> tokio_postgres::Client {
        let (server, name) = self.postgres.as_ref().unwrap();
        raw(&url_of(server, name)).await
    }
    /// What is to be removed after the test.
    pub fn trash(&self) -> Option<(String, String)> {
        self.postgres.clone()
    }
}

/// An empty database of the PostgreSQL server, for a source to be read from: its URL, and what is to be removed after the test.
/// `None` without a server.
pub async fn bare() -> Option<(String, (String, String))> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let server = std::env::var(SERVER).ok()?;
    let name = format!("portcullis_source_{}_{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
    raw(&server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    Some((url_of(&server, &name), (server, name)))
}

/// Removes a database, whoever is still connected.
pub async fn remove((server, name): &(String, String)) {
    let _ = raw(server).await.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
}

async fn make_template(server: &str) -> String {
    // Its name is that of the schema's content, so that it is made once for many runs.
    let name = format!("portcullis_suite_template_{}", std::process::id());
    let admin = raw(server).await;
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    Db::migrate(&Config::postgres(url_of(server, &name)), Held::new()).await.unwrap();
    name
}

fn url_of(server: &str, name: &str) -> String {
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(name);
    url.into()
}
pub async fn raw(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
