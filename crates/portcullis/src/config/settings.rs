//! Every setting once: its name, its sentence, how it is read and how it is shown. `config default`, the checks, and the
//! names of environment variables all follow from this table.
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use portcullis_edge::address::Network;
use toml::Value;

use super::{Config, LogFormat, Secret, frontier, mail, traits};

/// One setting.
pub struct Setting {
    /// `server.listen`: the table and the key.
    pub name: &'static str,
    /// What it does, for the comment above it.
    pub about: &'static str,
    /// What it takes, to read a text of the environment by and to tell what was expected.
    pub(super) form: Form,
    /// Puts a value in its place, or says what would do instead. Relative paths are below `base`.
    pub(super) set: fn(&mut Config, Value, base: &Path) -> Result<(), String>,
    show: fn(&Config) -> Option<Value>,
    /// Shown commented out while there is no value.
    example: &'static str,
    /// Only the environment may carry it.
    pub(super) secret: bool,
}

/// The form of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Number,
    Switch,
    List,
}
impl Form {
    /// Reads a text of the environment.
    pub fn read(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Text => Ok(Value::String(text.into())),
            Self::Number => text.trim().parse().map(Value::Integer).map_err(|_| "write a whole number".into()),
            Self::Switch => text.trim().parse().map(Value::Boolean).map_err(|_| "write true or false".into()),
            Self::List => {
                let items = text.split(',').map(str::trim).filter(|s| !s.is_empty());
                Ok(Value::Array(items.map(|s| Value::String(s.into())).collect()))
            }
        }
    }
}

impl Setting {
    /// The environment variable that sets it: `PORTCULLIS_SERVER__LISTEN`.
    pub fn variable(&self) -> String {
        format!("PORTCULLIS_{}", self.name.replace('.', "__").to_ascii_uppercase())
    }
    pub(super) fn new(
        name: &'static str,
        form: Form,
        about: &'static str,
        set: fn(&mut Config, Value, &Path) -> Result<(), String>,
        show: fn(&Config) -> Option<Value>,
    ) -> Self {
        Self { name, about, form, set, show, example: "", secret: false }
    }
    pub(super) fn like(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
    pub(super) fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
}

/// Puts a value that was read in its place.
pub(super) fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}
pub(super) fn text(v: Value) -> Result<String, String> {
    match v {
        Value::String(s) if !s.trim().is_empty() => Ok(s),
        _ => Err("write a text in quotes".into()),
    }
}
/// A path below `base`, without the `.` that configuration files like to begin with.
pub(super) fn path(v: Value, base: &Path) -> Result<PathBuf, String> {
    let path = text(v).map_err(|_| "write a path in quotes")?;
    Ok(base.join(path).components().collect())
}
fn switch(v: Value) -> Result<bool, String> {
    v.as_bool().ok_or_else(|| "write true or false, without quotes".into())
}
/// A whole number from `min` to `max`.
pub(super) fn number<T: TryFrom<i64>>(v: Value, min: i64, max: i64) -> Result<T, String> {
    let found = v.as_integer().filter(|n| (min..=max).contains(n)).and_then(|n| T::try_from(n).ok());
    found.ok_or_else(|| format!("write a whole number from {min} to {max}"))
}
pub(super) fn list(v: Value, what: &str, allowed: fn(&str) -> bool) -> Result<Vec<String>, String> {
    let expected = || format!("write a list of {what}");
    let Value::Array(items) = v else { return Err(expected()) };
    let items = items.into_iter().map(|i| text(i).ok().filter(|s| allowed(s)));
    items.collect::<Option<_>>().ok_or_else(expected)
}
fn address(v: Value) -> Result<SocketAddr, String> {
    let found = v.as_str().and_then(|s| s.parse().ok());
    found.ok_or_else(|| "write an address and a port such as \"127.0.0.1:7400\" or \"[::]:7400\"".into())
}
/// An origin such as `https://console.example.com`: scheme, host and port, and nothing behind.
fn is_origin(s: &str) -> bool {
    url::Url::parse(s).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.origin().ascii_serialization() == s)
}
fn is_network(s: &str) -> bool {
    s.parse::<Network>().is_ok()
}
/// A permission's slug: `app_project_delete`.
fn is_slug(s: &str) -> bool {
    s.contains('_') && s.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
}
pub(super) fn public_url(v: Value) -> Result<String, String> {
    let expected = "write an http or https URL without path, such as \"https://id.example.com\"";
    let text = text(v).map_err(|_| expected)?;
    let text = text.trim_end_matches('/');
    if is_origin(text) { Ok(text.into()) } else { Err(expected.into()) }
}
fn shown(n: impl TryInto<i64>) -> Option<Value> {
    n.try_into().ok().map(Value::Integer)
}
pub(super) fn texts(list: &[String]) -> Option<Value> {
    Some(Value::Array(list.iter().cloned().map(Value::String).collect()))
}
pub(super) fn shown_path(path: &Path) -> Option<Value> {
    Some(Value::String(path.display().to_string()))
}

/// All of them, in the order of the file.
pub fn all() -> Vec<Setting> {
    use Form::{Number, Switch, Text};
    let mut all = vec![
        Setting::new(
            "public_url",
            Text,
            "Where people and tokens find this server: the issuer of its tokens, the start of every link it writes.",
            |c, v, _| put(&mut c.public_url, public_url(v)),
            |c| Some(c.public_url.clone().into()),
        ),
        Setting::new(
            "rp_id",
            Text,
            "The domain that passkeys and security keys are made for (the relying party of WebAuthn): that of public_url, or one \
             above it. Whoever changes it ends all of them. Without it the host of public_url; there are none where that \
             is an address.",
            |c, v, _| put(&mut c.rp_id, text(v).map(Some)),
            |c| c.rp_id.clone().map(Value::from),
        )
        .like("\"example.com\""),
        Setting::new(
            "audience",
            Text,
            "The audience (`aud`) of its tokens.",
            |c, v, _| put(&mut c.audience, text(v)),
            |c| Some(c.audience.clone().into()),
        ),
        Setting::new(
            "data_dir",
            Text,
            "The SQLite store, the master key and audit-checkpoints.log are in this directory. A relative path begins at \
             this file.",
            |c, v, base| put(&mut c.data_dir, path(v, base)),
            |c| shown_path(&c.data_dir),
        ),
        Setting::new(
            "master_key_file",
            Text,
            "The file with the master key (32 bytes in base64), of mode 600 or less; without it master.key in \
             data_dir. PORTCULLIS_MASTER_KEY may hold the key itself. Keep a copy apart from the backups.",
            |c, v, base| put(&mut c.master_key_file, path(v, base).map(Some)),
            |c| c.master_key_file.as_deref().and_then(shown_path),
        )
        .like("\"/etc/portcullis/master.key\""),
        Setting::new(
            "access_file",
            Text,
            "An access file (see `portcullis apply`) that is applied to the default tenant at each start; a server whose \
             file cannot be applied does not start.",
            |c, v, base| put(&mut c.access_file, path(v, base).map(Some)),
            |c| c.access_file.as_deref().and_then(shown_path),
        )
        .like("\"/etc/portcullis/access.yaml\""),
        Setting::new(
            "master_key",
            Text,
            "The master key itself.",
            |c, v, _| put(&mut c.master_key, text(v).map(Secret).map(Some)),
            |_| None,
        )
        .secret(),
        Setting::new(
            "master_key_next",
            Text,
            "The master key that takes its place, while it is replaced.",
            |c, v, _| put(&mut c.master_key_next, text(v).map(Secret).map(Some)),
            |_| None,
        )
        .secret(),
    ];
    all.extend(server());
    all.extend([
        Setting::new(
            "database.url",
            Text,
            "Without it the store is SQLite, in data_dir. sslmode=require verifies the server's certificate.",
            |c, v, _| {
                let url = text(v).ok().filter(|u| u.starts_with("postgres://") || u.starts_with("postgresql://"));
                let expected = "write postgres://user:password@host/database, or leave it out for SQLite in data_dir";
                put(&mut c.database.url, url.map(Secret).map(Some).ok_or_else(|| expected.into()))
            },
            |_| None,
        )
        .like("\"postgres://portcullis:…@db.example.com/portcullis?sslmode=require\""),
        Setting::new(
            "database.connections",
            Number,
            "Connections to PostgreSQL at most.",
            |c, v, _| put(&mut c.database.connections, number(v, 1, 10_000)),
            |c| shown(c.database.connections),
        ),
        Setting::new(
            "database.ca_file",
            Text,
            "PEM file of the authority of PostgreSQL's certificate, if it is not one of the system's.",
            |c, v, base| put(&mut c.database.ca_file, path(v, base).map(Some)),
            |c| c.database.ca_file.as_deref().and_then(shown_path),
        )
        .like("\"/etc/portcullis/db-ca.pem\""),
        Setting::new(
            "database.migrate",
            Switch,
            "Bring an older schema up to date at the start. If not, `portcullis migrate` does it.",
            |c, v, _| put(&mut c.database.migrate, switch(v)),
            |c| Some(c.database.migrate.into()),
        ),
        Setting::new(
            "metrics.listen",
            Text,
            "GET /metrics for the operator alone. \"off\": nowhere.",
            |c, v, _| {
                let off = v.as_str() == Some("off");
                put(&mut c.metrics.listen, if off { Ok(None) } else { address(v).map(Some) })
            },
            |c| Some(c.metrics.listen.map_or("off".into(), |a| a.to_string()).into()),
        ),
    ]);
    all.extend(log_and_limits());
    all.extend(cost());
    all.extend(webhooks());
    all.extend(mail::settings());
    all.extend(federation());
    all.extend(frontier::settings());
    all
}

fn server() -> [Setting; 8] {
    use Form::{List, Number, Text};
    [
        Setting::new(
            "server.listen",
            Text,
            "Where both APIs are served, in plain HTTP/1.1 and HTTP/2. Put a proxy with TLS before it.",
            |c, v, _| put(&mut c.server.listen, address(v)),
            |c| Some(c.server.listen.to_string().into()),
        ),
        Setting::new(
            "server.trusted_proxies",
            List,
            "Networks of proxies whose X-Forwarded-For is believed, such as \"10.0.0.0/8\".",
            |c, v, _| put(&mut c.server.trusted_proxies, list(v, "networks such as [\"10.0.0.0/8\"]", is_network)),
            |c| texts(&c.server.trusted_proxies),
        ),
        Setting::new(
            "server.max_in_flight",
            Number,
            "Requests in work at once; one more is answered 503.",
            |c, v, _| put(&mut c.server.max_in_flight, number(v, 1, 1_000_000)),
            |c| shown(c.server.max_in_flight),
        ),
        Setting::new(
            "server.max_connections",
            Number,
            "Open connections at once; more wait.",
            |c, v, _| put(&mut c.server.max_connections, number(v, 1, 1_000_000)),
            |c| shown(c.server.max_connections),
        ),
        Setting::new(
            "server.body_limit_kib",
            Number,
            "Largest body of an ordinary call, in KiB; above it the answer is 413.",
            |c, v, _| put(&mut c.server.body_limit_kib, number(v, 64, 8_192)),
            |c| shown(c.server.body_limit_kib),
        ),
        Setting::new(
            "server.body_timeout_seconds",
            Number,
            "A body must have arrived after so many seconds.",
            |c, v, _| put(&mut c.server.body_timeout_seconds, number(v, 1, 600)),
            |c| shown(c.server.body_timeout_seconds),
        ),
        Setting::new(
            "server.header_timeout_seconds",
            Number,
            "The head of a request must have arrived after so many seconds; an idle connection ends after them.",
            |c, v, _| put(&mut c.server.header_timeout_seconds, number(v, 1, 600)),
            |c| shown(c.server.header_timeout_seconds),
        ),
        Setting::new(
            "server.drain_seconds",
            Number,
            "Running requests may go on for so many seconds when the server is told to stop.",
            |c, v, _| put(&mut c.server.drain_seconds, number(v, 0, 25)),
            |c| shown(c.server.drain_seconds),
        ),
    ]
}

fn log_and_limits() -> [Setting; 8] {
    use Form::{List, Number, Switch, Text};
    [
        Setting::new(
            "log.level",
            Text,
            "error, warn, info, debug, trace; also by module: \"info,portcullis_store=debug\".",
            |c, v, _| {
                let level = text(v).ok().filter(|l| tracing_subscriber::EnvFilter::try_new(l).is_ok());
                put(&mut c.log.level, level.ok_or_else(|| "write error, warn, info, debug or trace".into()))
            },
            |c| Some(c.log.level.clone().into()),
        ),
        Setting::new(
            "log.format",
            Text,
            "pretty, json, or auto: pretty on a terminal, json elsewhere. Logs go to standard error.",
            |c, v, _| {
                c.log.format = match v.as_str() {
                    Some("auto") => LogFormat::Auto,
                    Some("pretty") => LogFormat::Pretty,
                    Some("json") => LogFormat::Json,
                    _ => return Err("write \"auto\", \"pretty\" or \"json\"".into()),
                };
                Ok(())
            },
            |c| {
                Some(Value::from(match c.log.format {
                    LogFormat::Auto => "auto",
                    LogFormat::Pretty => "pretty",
                    LogFormat::Json => "json",
                }))
            },
        ),
        Setting::new(
            "log.requests",
            Switch,
            "A line for each request.",
            |c, v, _| put(&mut c.log.requests, switch(v)),
            |c| Some(c.log.requests.into()),
        ),
        Setting::new(
            "rate_limit.api_per_second",
            Number,
            "Calls a second for each credential; 0: no limit. All rate limits count per node.",
            |c, v, _| put(&mut c.rate_limit.api_per_second, number(v, 0, 1_000_000)),
            |c| shown(c.rate_limit.api_per_second),
        ),
        Setting::new(
            "rate_limit.auth_per_minute",
            Number,
            "Calls a minute for each address on /v1/auth.",
            |c, v, _| put(&mut c.rate_limit.auth_per_minute, number(v, 1, 1_000_000)),
            |c| shown(c.rate_limit.auth_per_minute),
        ),
        Setting::new(
            "rate_limit.login_per_minute",
            Number,
            "Sign-ins a minute for each address.",
            |c, v, _| put(&mut c.rate_limit.login_per_minute, number(v, 1, 1_000_000)),
            |c| shown(c.rate_limit.login_per_minute),
        ),
        Setting::new(
            "rate_limit.public_per_minute",
            Number,
            "Sign-ups of prospects (CreateProspectPublic, which takes no credential) a minute for each address.",
            |c, v, _| put(&mut c.rate_limit.public_per_minute, number(v, 1, 1_000_000)),
            |c| shown(c.rate_limit.public_per_minute),
        ),
        Setting::new(
            "cors.allowed_origins",
            List,
            "Origins whose pages may call the APIs, with a session cookie too, such as \"https://console.example.com\". Empty: none.",
            |c, v, _| {
                put(
                    &mut c.cors.allowed_origins,
                    list(v, "origins such as [\"https://console.example.com\"]", is_origin),
                )
            },
            |c| texts(&c.cors.allowed_origins),
        ),
    ]
}

fn cost() -> [Setting; 11] {
    use Form::{List, Number, Switch, Text};
    [
        Setting::new(
            "password.memory_kib",
            Number,
            "What a new password hash (argon2id) costs. Older hashes are renewed at the next sign-in. Memory times passes is at \
             most 1048576.",
            |c, v, _| put(&mut c.password.memory_kib, number(v, 8_192, 262_144)),
            |c| shown(c.password.memory_kib),
        ),
        Setting::new(
            "password.passes",
            Number,
            "Passes over that memory.",
            |c, v, _| put(&mut c.password.passes, number(v, 1, 16)),
            |c| shown(c.password.passes),
        ),
        Setting::new(
            "password.lanes",
            Number,
            "Lanes of that memory.",
            |c, v, _| put(&mut c.password.lanes, number(v, 1, 16)),
            |c| shown(c.password.lanes),
        ),
        Setting::new(
            "password.threads",
            Number,
            "Threads that hash; 0: one a core.",
            |c, v, _| put(&mut c.password.threads, number(v, 0, 256)),
            |c| shown(c.password.threads),
        ),
        Setting::new(
            "password.breached_file",
            Text,
            "Passwords that nobody may choose because they are known from breaches: a file that `portcullis admin breached-passwords \
             build` makes. It is looked into, not loaded.",
            |c, v, base| put(&mut c.password.breached_file, path(v, base).map(Some)),
            |c| c.password.breached_file.as_deref().and_then(shown_path),
        )
        .like("\"breached-passwords.bin\""),
        Setting::new(
            "cache.tenants",
            Number,
            "Tenants whose rules stay compiled in memory.",
            |c, v, _| put(&mut c.cache.tenants, number(v, 1, 1_000_000)),
            |c| shown(c.cache.tenants),
        ),
        Setting::new(
            "cache.credentials",
            Number,
            "Verified credentials that stay in memory.",
            |c, v, _| put(&mut c.cache.credentials, number(v, 1, 10_000_000)),
            |c| shown(c.cache.credentials),
        ),
        Setting::new(
            "personal_tokens.enabled",
            Switch,
            "People may make personal access tokens. Switched off, those that are there are worth nothing.",
            |c, v, _| put(&mut c.personal_tokens.enabled, switch(v)),
            |c| Some(c.personal_tokens.enabled.into()),
        ),
        Setting::new(
            "personal_tokens.denied_permissions",
            List,
            "Permissions that no token gives, such as app_organization_administer: roles with one cannot be given to tokens.",
            |c, v, _| put(&mut c.personal_tokens.denied_permissions, list(v, "permission slugs", is_slug)),
            |c| texts(&c.personal_tokens.denied_permissions),
        ),
        Setting::new(
            "workers.enabled",
            Switch,
            "Seal the audit log, erase personal data and send webhooks in this process. With several nodes on PostgreSQL one is \
             enough.",
            |c, v, _| put(&mut c.workers.enabled, switch(v)),
            |c| Some(c.workers.enabled.into()),
        ),
        Setting::new(
            "preferences.traits_file",
            Text,
            "A TOML file of traits that preferences may have besides the built-in ones: [[traits]] with resource_type, name, \
             title, description, input, input_options, default and allowed_scopes.",
            |c, v, base| {
                let file = path(v, base)?;
                put(&mut c.preferences.traits, traits::read(&file))?;
                c.preferences.traits_file = Some(file);
                Ok(())
            },
            |c| c.preferences.traits_file.as_deref().and_then(shown_path),
        )
        .like("\"/etc/portcullis/traits.toml\""),
    ]
}

fn webhooks() -> [Setting; 2] {
    use Form::Switch;
    [
        Setting::new(
            "webhooks.allow_http",
            Switch,
            "Send events to http:// too, in the clear.",
            |c, v, _| put(&mut c.webhooks.allow_http, switch(v)),
            |c| Some(c.webhooks.allow_http.into()),
        ),
        Setting::new(
            "webhooks.allow_private",
            Switch,
            "Send events to loopback, private and link-local addresses too. Administrators of every tenant choose where events \
             go: leave this off where they must not reach your network.",
            |c, v, _| put(&mut c.webhooks.allow_private, switch(v)),
            |c| Some(c.webhooks.allow_private.into()),
        ),
    ]
}

fn federation() -> [Setting; 2] {
    use Form::Switch;
    [
        Setting::new(
            "federation.allow_http",
            Switch,
            "Ask identity providers at http:// too. What comes in the clear can be changed on its way: for trying things out only.",
            |c, v, _| put(&mut c.federation.allow_http, switch(v)),
            |c| Some(c.federation.allow_http.into()),
        ),
        Setting::new(
            "federation.allow_private",
            Switch,
            "Ask identity providers at loopback, private and link-local addresses too, such as one in your own network. Administrators \
             of every tenant choose their providers: leave this off where they must not reach your network.",
            |c, v, _| put(&mut c.federation.allow_private, switch(v)),
            |c| Some(c.federation.allow_private.into()),
        ),
    ]
}

/// A configuration file with every setting, its sentence above it.
pub fn render(config: &Config) -> String {
    let mut out = String::from(
        "# Configuration of Portcullis. Each setting may also come from the environment, which wins: PORTCULLIS_ and its\n\
         # name in capitals, with two underscores for the dot (PORTCULLIS_SERVER__LISTEN). `portcullis config check` reads it.\n",
    );
    let mut table = "";
    for setting in all().iter().filter(|s| !s.secret) {
        let (section, key) = setting.name.split_once('.').unwrap_or(("", setting.name));
        out.push('\n');
        if section != table {
            table = section;
            let _ = writeln!(out, "[{section}]");
        }
        for line in wrap(setting.about, 110) {
            let _ = writeln!(out, "# {line}");
        }
        let _ = match (setting.show)(config) {
            Some(value) => writeln!(out, "{key} = {value}"),
            None => writeln!(out, "# {key} = {}", setting.example),
        };
    }
    out
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last].push_str(word);
        } else if lines[last].len() + word.len() < width {
            lines[last].push(' ');
            lines[last].push_str(word);
        } else {
            lines.push(word.into());
        }
    }
    lines
}
