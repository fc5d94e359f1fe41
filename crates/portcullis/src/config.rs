//! What the operator sets: plain values with their defaults. [`settings`] names each of them, [`load`] reads them.
//!
//! Precedence: flags, environment, file, default. Everything is fixed after the start (engine.md 24).
mod frontier;
mod load;
mod mail;
pub mod settings;
mod traits;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use portcullis_crypto::password::Params;
use portcullis_domain::preference_trait::Traits;
use portcullis_edge::EdgeConfig;
use portcullis_mail::Tls;
use portcullis_outbound::Allowed;
use portcullis_service::app;
use portcullis_service::webhook::Reach;
use portcullis_store::Location;

pub use load::{Mistake, Mistakes, load};

/// Every setting of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where people and tokens find this server.
    pub public_url: String,
    /// The domain that passkeys are made for; `None`: the host of `public_url`.
    pub rp_id: Option<String>,
    /// The audience of its tokens.
    pub audience: String,
    /// The SQLite store, the master key and `audit-checkpoints.log` are here.
    pub data_dir: PathBuf,
    /// The file with the master key; `None`: `master.key` in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// The master key itself; from the environment only.
    pub master_key: Option<Secret>,
    /// The one that takes its place; from the environment only.
    pub master_key_next: Option<Secret>,
    /// An access file that is applied to the default tenant at each start.
    pub access_file: Option<PathBuf>,
    /// The listener, and limits of requests.
    pub server: Server,
    /// PostgreSQL, where it is used.
    pub database: Database,
    /// The operator's listener.
    pub metrics: Metrics,
    /// What is logged, and how.
    pub log: Log,
    /// Calls that are too many.
    pub rate_limit: RateLimit,
    /// Pages of other origins.
    pub cors: Cors,
    /// What a password hash costs.
    pub password: Password,
    /// What stays in memory.
    pub cache: Cache,
    /// Personal access tokens.
    pub personal_tokens: app::PersonalTokens,
    /// Work in the background.
    pub workers: Workers,
    /// What can be preferred.
    pub preferences: Preferences,
    /// Where events are sent.
    pub webhooks: Webhooks,
    /// How mails are sent.
    pub mail: Mail,
    /// Where identity providers may be.
    pub federation: Federation,
    /// Signing in as Frontier's clients do.
    pub frontier: Frontier,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);
impl Secret {
    /// The text. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The listener of both surfaces.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "settings.rs describes each of these once, for `config default`")]
pub struct Server {
    pub listen: SocketAddr,
    pub trusted_proxies: Vec<String>,
    pub max_in_flight: usize,
    pub max_connections: usize,
    pub body_limit_kib: usize,
    pub body_timeout_seconds: u64,
    pub header_timeout_seconds: u64,
    pub drain_seconds: u64,
}
/// PostgreSQL.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Database {
    pub url: Option<Secret>,
    pub connections: usize,
    pub ca_file: Option<PathBuf>,
    pub migrate: bool,
}
/// The operator's own listener.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Metrics {
    pub listen: Option<SocketAddr>,
}
/// The log.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
    pub requests: bool,
}
/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person on a terminal, JSON elsewhere.
    Auto,
    /// For a person.
    Pretty,
    /// One JSON object a line.
    Json,
}
/// Rate limits.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct RateLimit {
    pub api_per_second: u32,
    pub auth_per_minute: u32,
    pub login_per_minute: u32,
    pub public_per_minute: u32,
}
/// Other origins.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Cors {
    pub allowed_origins: Vec<String>,
}
/// Argon2id.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Password {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
    pub threads: usize,
    pub breached_file: Option<PathBuf>,
}
/// Memory.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Cache {
    pub tenants: u64,
    pub credentials: u64,
}
/// The background.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Workers {
    pub enabled: bool,
}

/// Preferences.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Preferences {
    pub traits_file: Option<PathBuf>,
    /// The built-in traits and those of the file.
    pub traits: Traits,
}
/// Webhooks.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Webhooks {
    pub allow_http: bool,
    pub allow_private: bool,
}
/// Identity providers.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Federation {
    pub allow_http: bool,
    pub allow_private: bool,
}

/// Frontier's ways to sign in.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "see frontier.rs")]
pub struct Frontier {
    pub callback_urls: Vec<String>,
    pub authorized_redirect_urls: Vec<String>,
}

/// Mail: through a server, or into a directory; without either there is none.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "see settings.rs")]
pub struct Mail {
    pub from: Option<String>,
    pub directory: Option<PathBuf>,
    pub pages_url: Option<String>,
    pub smtp_host: Option<String>,
    pub smtp_port: Option<u16>,
    pub smtp_tls: Tls,
    pub smtp_ca_file: Option<PathBuf>,
    pub smtp_username: Option<String>,
    pub smtp_password: Option<Secret>,
    pub smtp_password_file: Option<PathBuf>,
}
impl Mail {
    /// Is mail set up?
    pub fn is_on(&self) -> bool {
        self.smtp_host.is_some() || self.directory.is_some()
    }
}

/// The port of both surfaces.
pub const PORT: u16 = 7400;

impl Default for Config {
    fn default() -> Self {
        let (edge, app, argon) = (EdgeConfig::default(), app::Settings::default(), Params::default());
        Self {
            public_url: app.public_url,
            rp_id: None,
            audience: app.audience,
            data_dir: ".portcullis".into(),
            master_key_file: None,
            master_key: None,
            master_key_next: None,
            access_file: None,
            server: Server {
                listen: local(PORT),
                trusted_proxies: vec![],
                max_in_flight: edge.max_in_flight,
                max_connections: edge.max_connections,
                body_limit_kib: edge.body_limit >> 10,
                body_timeout_seconds: edge.body_timeout.as_secs(),
                header_timeout_seconds: edge.header_timeout.as_secs(),
                drain_seconds: edge.drain.as_secs(),
            },
            database: Database { url: None, connections: 32, ca_file: None, migrate: true },
            metrics: Metrics { listen: Some(local(9464)) },
            log: Log { level: "info".into(), format: LogFormat::Auto, requests: edge.access_log },
            rate_limit: RateLimit {
                api_per_second: edge.api_per_second.unwrap_or(0),
                auth_per_minute: edge.auth_per_minute,
                login_per_minute: edge.login_per_minute,
                public_per_minute: edge.public_per_minute,
            },
            cors: Cors { allowed_origins: vec![] },
            password: Password {
                memory_kib: argon.m,
                passes: argon.t,
                lanes: argon.p,
                threads: app.hash_threads,
                breached_file: None,
            },
            cache: Cache { tenants: app.hot_tenants, credentials: app.hot_credentials },
            personal_tokens: app.personal_tokens,
            workers: Workers { enabled: true },
            preferences: Preferences::default(),
            webhooks: Webhooks { allow_http: app.webhooks.http, allow_private: app.webhooks.private },
            mail: Mail {
                from: None,
                directory: None,
                pages_url: None,
                smtp_host: None,
                smtp_port: None,
                smtp_tls: Tls::Starttls,
                smtp_ca_file: None,
                smtp_username: None,
                smtp_password: None,
                smtp_password_file: None,
            },
            federation: Federation { allow_http: app.federation.http, allow_private: app.federation.private },
            frontier: Frontier::default(),
        }
    }
}

/// This port, for this machine only.
pub fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

impl Config {
    /// What `dev` begins with: a free port for metrics, and everything else as it is.
    pub fn dev() -> Self {
        Self { metrics: Metrics { listen: Some(local(0)) }, ..Self::default() }
    }
    /// Where the store is.
    pub fn store(&self) -> portcullis_store::Config {
        let location = match &self.database.url {
            None => Location::Sqlite { data_dir: self.data_dir.clone() },
            Some(url) => Location::Postgres {
                url: url.expose().to_owned(),
                connections: self.database.connections,
                ca_file: self.database.ca_file.clone(),
            },
        };
        portcullis_store::Config { location, migrate: self.database.migrate }
    }
    /// The store in words, without a password.
    pub fn store_name(&self) -> String {
        let Some(url) = &self.database.url else { return format!("SQLite in {}", self.data_dir.display()) };
        let url = url::Url::parse(url.expose()).ok();
        let host = url.as_ref().and_then(|u| u.host_str()).unwrap_or("database.url");
        let port = url.as_ref().and_then(url::Url::port).unwrap_or(5432);
        format!("PostgreSQL at {host}:{port}")
    }
    /// What the use cases need.
    pub fn app(&self) -> app::Settings {
        app::Settings {
            public_url: self.public_url.clone(),
            rp_id: self.rp_id.clone(),
            audience: self.audience.clone(),
            password: Params { m: self.password.memory_kib, t: self.password.passes, p: self.password.lanes },
            hash_threads: self.password.threads,
            breached_passwords: self.password.breached_file.clone(),
            hot_tenants: self.cache.tenants,
            hot_credentials: self.cache.credentials,
            personal_tokens: self.personal_tokens.clone(),
            traits: self.preferences.traits.clone(),
            webhooks: Reach { http: self.webhooks.allow_http, private: self.webhooks.allow_private },
            mail: self.mail.is_on(),
            callback_urls: self.frontier.callback_urls.clone(),
            return_urls: self.frontier.authorized_redirect_urls.clone(),
            pages_url: self.mail.pages_url.clone(),
            federation: Reach { http: self.federation.allow_http, private: self.federation.allow_private },
            ..app::Settings::default()
        }
    }
    /// Where events may be sent.
    pub fn outbound(&self) -> Allowed {
        Allowed { http: self.webhooks.allow_http, private: self.webhooks.allow_private }
    }
    /// Where identity providers may be asked.
    pub fn providers(&self) -> Allowed {
        Allowed { http: self.federation.allow_http, private: self.federation.allow_private }
    }
    /// What the listener needs.
    pub fn edge(&self) -> EdgeConfig {
        let Self { server, rate_limit, .. } = self;
        EdgeConfig {
            body_limit: server.body_limit_kib << 10,
            body_timeout: Duration::from_secs(server.body_timeout_seconds),
            header_timeout: Duration::from_secs(server.header_timeout_seconds),
            max_in_flight: server.max_in_flight,
            max_connections: server.max_connections,
            drain: Duration::from_secs(server.drain_seconds),
            // settings.rs lets only networks in
            trusted_proxies: server.trusted_proxies.iter().filter_map(|n| n.parse().ok()).collect(),
            allowed_origins: self.cors.allowed_origins.clone(),
            api_per_second: (rate_limit.api_per_second > 0).then_some(rate_limit.api_per_second),
            auth_per_minute: rate_limit.auth_per_minute,
            login_per_minute: rate_limit.login_per_minute,
            public_per_minute: rate_limit.public_per_minute,
            access_log: self.log.requests,
            ..EdgeConfig::default()
        }
    }
    /// The file that holds the master key, unless the environment does.
    pub fn master_key_path(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }
}
