//! The server that is measured: the release binary, a process of its own, its store on the disk.
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use uuid::Uuid;

use super::http;
use super::process::{Process, first_line};
use crate::options::Options;

const DATABASE_URL: &str = "PORTCULLIS_DATABASE__URL";
const METRICS: &str = "PORTCULLIS_METRICS__LISTEN";

/// A running server; stopped when dropped.
pub struct Server {
    child: Child,
    data: PathBuf,
    pub address: SocketAddr,
    metrics: SocketAddr,
    pub tenant: String,
    pub key: String,
}

/// A PostgreSQL database that `portcullis init` has made a tenant in.
pub struct Initialised {
    data: PathBuf,
    url: String,
    tenant: String,
    key: String,
}
impl Initialised {
    /// Runs `portcullis init`; configuration and master key go to this folder.
    pub fn new(options: &Options, data: &Path, url: &str) -> Result<Self> {
        let mut command = program(options)?;
        command.args(["init", "--owner-email", "owner@localhost.example", "--data-dir"]).arg(data);
        let out = command.env(DATABASE_URL, url).output()?;
        if !out.status.success() {
            bail!("portcullis init: {}", String::from_utf8_lossy(&out.stderr));
        }
        let text = String::from_utf8(out.stdout)?;
        let word = |name: &str| {
            let line = text.lines().find_map(|l| l.strip_prefix(name));
            line.and_then(|l| l.split_whitespace().next()).map(ToOwned::to_owned).with_context(|| format!("no {name}"))
        };
        Ok(Self { data: data.to_owned(), url: url.to_owned(), tenant: word("tenant ")?, key: word("service key ")? })
    }
    /// Starts `portcullis serve` on it.
    pub async fn serve(&self, options: &Options) -> Result<Server> {
        let (address, metrics) = (free_port()?, free_port()?);
        let child = program(options)?
            .args(["serve", "--listen", &address.to_string(), "--config"])
            .arg(self.data.join("portcullis.toml"))
            .env(DATABASE_URL, &self.url)
            .env(METRICS, metrics.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let (tenant, key) = (self.tenant.clone(), self.key.clone());
        let server = Server { child, data: self.data.clone(), address, metrics, tenant, key };
        let ready = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\n\r\n");
        let patience = Instant::now() + Duration::from_secs(60);
        while let Err(e) = server.call(ready.as_bytes(), 200).await {
            if Instant::now() > patience {
                return Err(e.context("portcullis serve"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(server)
    }
}

impl Server {
    /// Starts `portcullis dev` on this folder.
    pub fn start(options: &Options, data: &Path) -> Result<Self> {
        let metrics = free_port()?;
        let mut child = program(options)?
            .args(["dev", "--listen", "127.0.0.1:0", "--json", "--data-dir"])
            .arg(data)
            .env(METRICS, metrics.to_string())
            .stdout(Stdio::piped())
            // the log as the server writes it by default, to where it costs no disk
            .stderr(Stdio::null())
            .spawn()?;
        let line = first_line(&mut child, Duration::from_secs(60)).context("portcullis dev --json")?;
        let said: Value = serde_json::from_str(&line).context("the first line of dev --json")?;
        let word = |name: &str| said[name].as_str().map(ToOwned::to_owned).with_context(|| format!("no {name}"));
        let base = word("base_url")?;
        let address = base.trim_start_matches("http://").trim_end_matches('/').parse().context("base_url")?;
        let (tenant, key) = (word("tenant_id")?, word("api_key")?);
        Ok(Self { child, data: data.to_owned(), address, metrics, tenant, key })
    }
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }
    /// The head of an authorised request, without its last empty line.
    pub fn head(&self, method: &str, path: &str) -> String {
        let Self { address, tenant, key, .. } = self;
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\nx-tenant-id: {tenant}\r\n")
    }
    /// A whole authorised POST.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> Vec<u8> {
        let (head, body) = (self.head("POST", path), body.to_string());
        format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }
    /// Calls once, on a connection of its own; the body of the answer, which must have this status.
    pub async fn call(&self, request: &[u8], status: u16) -> Result<Vec<u8>> {
        call(self.address, request, status).await
    }
    /// The sum of a counter over all its labels, from `/metrics`.
    pub async fn metric(&self, name: &str) -> Result<Option<f64>> {
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\n\r\n", self.metrics);
        let text = String::from_utf8(call(self.metrics, request.as_bytes(), 200).await?)?;
        let values = text.lines().filter_map(|l| {
            let rest = l.strip_prefix(name)?;
            rest.starts_with([' ', '{']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok()).flatten()
        });
        Ok(values.reduce(|a, b| a + b))
    }
    /// The store's file, read beside the server.
    pub fn database(&self) -> Result<Connection> {
        open_read_only(&self.data)
    }
    /// The ids of all users of the tenant.
    pub fn ids(&self) -> Result<Arc<[Uuid]>> {
        let tenant = Uuid::parse_str(&self.tenant)?;
        let database = self.database()?;
        let mut rows =
            database.prepare("SELECT u.id FROM tenants t JOIN users u ON u.tenant = t.tenant WHERE t.id = ?1")?;
        let ids = rows.query_map([tenant.as_bytes()], |r| Ok(Uuid::from_bytes(r.get(0)?)))?;
        Ok(ids.collect::<rusqlite::Result<Vec<_>>>()?.into())
    }
    /// Stops as an operator does, and waits.
    pub fn stop(mut self) -> Result<()> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let patience = Instant::now() + Duration::from_secs(30);
        while self.child.try_wait()?.is_none() {
            if Instant::now() > patience {
                bail!("the server did not stop within 30 s");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn program(options: &Options) -> Result<Command> {
    let file = &options.server;
    if !file.exists() {
        bail!("{} is not there: cargo build --release", file.display());
    }
    let mut command = Command::new(file);
    command.env_remove("PORTCULLIS_TEST_POSTGRES");
    Ok(command)
}

async fn call(to: SocketAddr, request: &[u8], status: u16) -> Result<Vec<u8>> {
    let mut connection = http::Connection::open(to, None).await?;
    let answer = connection.call(request).await?;
    answer.expect(status)?;
    Ok(answer.body.to_vec())
}

/// A port that was free a moment ago.
fn free_port() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The store of a data folder.
pub fn open_read_only(data: &Path) -> Result<Connection> {
    let file = data.join("portcullis.db");
    Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY).with_context(|| file.display().to_string())
}
