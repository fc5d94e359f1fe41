//! The command line.
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

/// Measures a running Portcullis against ceilings of the same run.
#[derive(Parser)]
#[command(version)]
pub struct Cli {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub work: Work,
}

#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The server's binary.
    #[arg(long, global = true, default_value = "target/release/portcullis")]
    pub server: PathBuf,
    /// Where stores are made, on a real disk. Kept, so that a later command finds the filled stores of an earlier one;
    /// without it a temporary folder that goes away.
    #[arg(long, global = true)]
    pub work: Option<PathBuf>,
    /// How long each load lasts.
    #[arg(long, global = true, default_value_t = 10.0)]
    pub seconds: f64,
    /// How many users a filled store has.
    #[arg(long, global = true, default_value_t = 1_000_000)]
    pub users: u64,
    /// A PostgreSQL server on which databases may be made.
    #[arg(long, global = true, env = "PORTCULLIS_TEST_POSTGRES", hide_env_values = true)]
    pub postgres: Option<String>,
    /// Append rows, notes and the names of missed commands to files in this folder too.
    #[arg(long, global = true)]
    pub into: Option<PathBuf>,
    /// Watch the server with `perf` under each load and note where its time goes (use a binary with symbols).
    #[arg(long, global = true)]
    pub profile: bool,
    #[arg(skip)]
    temporary: Option<std::sync::Arc<tempfile::TempDir>>,
}

impl Options {
    /// Makes the folders.
    pub fn prepare(mut self) -> Result<Self> {
        match &self.work {
            Some(dir) => std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?,
            None => {
                let dir = tempfile::Builder::new().prefix("portcullis-bench.").tempdir()?;
                self.work = Some(dir.path().to_owned());
                self.temporary = Some(std::sync::Arc::new(dir));
            }
        }
        if let Some(dir) = &self.into {
            std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        }
        Ok(self)
    }
    /// Where stores are made.
    pub fn dir(&self) -> PathBuf {
        self.work.clone().unwrap_or_else(std::env::temp_dir)
    }
    /// How long each load lasts.
    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
    /// How long before that it runs unmeasured.
    pub fn warm_up(&self) -> Duration {
        self.time().div_f64(5.0).min(Duration::from_secs(1))
    }
}

#[derive(Clone, Copy, Subcommand)]
pub enum Work {
    /// The facts of this machine.
    Machine,
    /// POST /v1/users on SQLite, empty and filled, without and with Idempotency-Key.
    CreateUser,
    /// POST /v1/users on PostgreSQL, against pgbench.
    CreateUserPostgres,
    /// GET /v1/users/{id} with an API key.
    GetUser,
    /// Permission checks on 100,000 bindings and 10,000 rules.
    Check,
    /// Permission checks in 10,000 small tenants.
    Tenants,
    /// POST /v1/auth/login, and what others feel of it.
    Login,
    /// POST /v1/users/import of a million users.
    Import,
    /// GET /v1/users page by page, shallow and deep.
    Page,
    /// The in-process decision: runs the bench of crates/authz.
    Decision,
    /// Logins and creates together.
    Mixed,
    /// A bare HTTP server: the ceiling of everything that speaks HTTP. Started by the others.
    #[command(hide = true)]
    Bare,
}

impl Work {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::CreateUser => "create-user",
            Self::CreateUserPostgres => "create-user-postgres",
            Self::GetUser => "get-user",
            Self::Check => "check",
            Self::Tenants => "tenants",
            Self::Login => "login",
            Self::Import => "import",
            Self::Page => "page",
            Self::Decision => "decision",
            Self::Mixed => "mixed",
            Self::Bare => "bare",
        }
    }
}
