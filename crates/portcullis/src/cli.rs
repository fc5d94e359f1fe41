//! The command line as people type it. What a command does is in the file of its name.
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use portcullis_domain::value::Email;

use crate::config::Secret;

/// A multi-tenant identity and access server.
///
/// Try it with `portcullis dev`. For production: `portcullis init`, then `portcullis serve`.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a server to try things on: makes what is missing, prints credentials and calls to paste
    Dev(DevArgs),
    /// Make a configuration file, a master key and the first tenant
    Init(InitArgs),
    /// Serve, in production
    Serve(ServeArgs),
    /// Check or print the configuration
    Config {
        /// Which.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Bring the database's schema up to date
    Migrate(Place),
    /// Make a tenant's access as a reviewed file says: permissions, roles, organizations, groups, policies, bindings
    ///
    /// All of the file, or nothing; applied twice it changes nothing the second time. What an earlier version of the file made
    /// and this one does not name is removed. What somebody else made is left alone, unless --adopt is given.
    Apply(ApplyArgs),
    /// Print a tenant's access as a file for `apply`
    Export(ExportArgs),
    /// Take over the database of another system
    Import {
        /// Which.
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Work with the audit log from outside
    Audit {
        /// Which.
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Help for administrators on the machine itself
    Admin {
        /// Which.
        #[command(subcommand)]
        command: AdminCommand,
    },
}

/// Where the store is.
#[derive(Debug, Args)]
pub struct Place {
    /// Directory of a SQLite store [default: .portcullis]
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub data_dir: Option<PathBuf>,
    /// Configuration file, which says where the store is
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `dev`.
#[derive(Debug, Args)]
pub struct DevArgs {
    /// Where everything is kept; made if it is missing [default: .portcullis]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where to serve; port 0 takes a free one [default: 127.0.0.1:7400]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Print one line of JSON instead, once the server answers
    #[arg(long)]
    pub json: bool,
}

/// `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// E-mail address of the first tenant's owner
    #[arg(long, value_name = "ADDR", value_parser = email)]
    pub owner_email: Email,
    /// Name of the first tenant, which is the master and the default one
    #[arg(long, value_name = "NAME", default_value = "Default", value_parser = name)]
    pub tenant_name: String,
    /// Where people will find this server; goes into a new configuration file [default: http://localhost:7400]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Where the store is; the configuration file DIR/portcullis.toml is made if it is missing, --config FILE likewise
    #[command(flatten)]
    pub place: Place,
}

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_CONFIG", hide_env_values = true)]
    pub config: PathBuf,
    /// Where to serve, instead of server.listen
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Apply this access file to the default tenant before serving, instead of access_file
    #[arg(long, value_name = "FILE")]
    pub apply: Option<PathBuf>,
    /// Work in the background too (true or false), instead of workers.enabled
    #[arg(long, value_name = "BOOL")]
    pub workers: Option<bool>,
}

/// `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The access file (YAML, or JSON); - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,
    /// Slug or id of the tenant, instead of the default one
    #[arg(long, value_name = "SLUG_OR_ID")]
    pub tenant: Option<String>,
    /// Say what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take over what the file names and somebody else made
    #[arg(long)]
    pub adopt: bool,
    /// Print the changes as one line of JSON
    #[arg(long)]
    pub json: bool,
    /// Where the store is.
    #[command(flatten)]
    pub place: Place,
}

/// `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Slug or id of the tenant, instead of the default one
    #[arg(long, value_name = "SLUG_OR_ID")]
    pub tenant: Option<String>,
    /// Where the store is.
    #[command(flatten)]
    pub place: Place,
}

/// `import`.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Read a Frontier database into a tenant: users, organizations, groups, projects, roles, permissions, policies, resources
    ///
    /// Ids, names, states and times are kept; nothing that is there is overwritten. Frontier's database is only read. An import
    /// that broke off goes on where it was; a finished one that is run again picks up what is new.
    Frontier(FrontierArgs),
}

/// `import frontier`.
#[derive(Debug, Args)]
pub struct FrontierArgs {
    /// Frontier's database: postgres://user:password@host/database?sslmode=require
    #[arg(long, value_name = "URL", env = "FRONTIER_DSN", hide_env_values = true)]
    pub dsn: Secret,
    /// PEM file of the authority that signed the certificate of Frontier's database
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Slug or id of the tenant, instead of the default one
    #[arg(long, value_name = "SLUG_OR_ID")]
    pub tenant: Option<String>,
    /// Look at everything and report, but keep nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Begin anew instead of going on where an earlier run broke off
    #[arg(long)]
    pub restart: bool,
    /// Read a Frontier of another version than v0.115.2 too
    #[arg(long)]
    pub any_version: bool,
    /// Print the report as one line of JSON
    #[arg(long)]
    pub json: bool,
    /// Where the store is.
    #[command(flatten)]
    pub place: Place,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong with a configuration file and the environment, and what to do
    Check {
        /// Configuration file
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// The same, as other commands take it
        #[arg(long, value_name = "FILE", env = "PORTCULLIS_CONFIG", hide_env_values = true)]
        config: Option<PathBuf>,
    },
    /// Print a configuration file with every setting and its default
    Default,
}

/// `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Verify the audit log of a store (also while a server runs), or an exported file
    ///
    /// Exit code 0: it verifies. 1: there is a problem, and its place is printed. 2: it could not be checked.
    Verify(VerifyArgs),
    /// Print the public keys that `audit verify FILE --public-key` wants, one a line
    Keys(Place),
}

/// `audit verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A file from GET /v1/audit-log/export
    #[arg(value_name = "FILE", requires = "public_key", conflicts_with_all = ["data_dir", "config"])]
    pub file: Option<PathBuf>,
    /// File with the audit's public keys, one a line (see `audit keys`)
    #[arg(long, value_name = "FILE", requires = "file")]
    pub public_key: Option<PathBuf>,
    /// File with checkpoints that were kept elsewhere, one a line: shows a log that was cut off
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Where the store is.
    #[command(flatten)]
    pub place: Place,
}

/// `admin`.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Give a tenant's owner a new password, and end their sessions and keys
    ResetOwner {
        /// Slug or id of the tenant, instead of the default one
        #[arg(long, value_name = "SLUG_OR_ID")]
        tenant: Option<String>,
        /// Where the store is.
        #[command(flatten)]
        place: Place,
    },
    /// The list of passwords that nobody may choose because they are known from breaches
    BreachedPasswords {
        /// Which.
        #[command(subcommand)]
        command: BreachedPasswordsCommand,
    },
    /// Replace the master key: make another, and seal with it what the old one sealed
    ///
    /// A SQLite store is changed at once; stop its server first. Servers on PostgreSQL go on: the first run makes the next key and
    /// says what to do, the second changes to it. Broken off, the same command goes on. Every server reads the next key beside the
    /// old one (master.key.next, or PORTCULLIS_MASTER_KEY_NEXT). Old backups need the old key: it is kept.
    RotateMasterKey(Place),
    /// Replace the key that signs access tokens, before its 30 days are over
    ///
    /// The next key is published at once and signs ten minutes later, when every node and whoever else verifies tokens has read it:
    /// no request fails. A SQLite store that a server has open cannot be written: stop the server first.
    RotateTokenKey {
        /// The key may be in wrong hands: refuse every token that it signed. Sessions stay; their refresh tokens give new ones
        ///
        /// Nodes that run notice within a minute, a node that is started at once.
        #[arg(long)]
        now: bool,
        /// Where the store is.
        #[command(flatten)]
        place: Place,
    },
}

/// `admin breached-passwords`.
#[derive(Debug, Subcommand)]
pub enum BreachedPasswordsCommand {
    /// Make the list that the setting password.breached_file names
    ///
    /// From a download of hashes in order, as Have I Been Pwned offers it: one a line, HASH:COUNT, SHA-1 in hex. Eight bytes a password.
    Build {
        /// The hashes; `-` for standard input
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The list to write; a file that is there is replaced once the new one is whole
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Leave out what was seen less often
        #[arg(long, value_name = "COUNT", default_value_t = 1, conflicts_with = "clear")]
        least: u64,
        /// The file has passwords in clear, one a line
        #[arg(long)]
        clear: bool,
    },
}

fn email(text: &str) -> Result<Email, String> {
    Email::parse(text).map_err(str::to_owned)
}
fn name(text: &str) -> Result<String, String> {
    portcullis_domain::value::line(text, 200)
}

/// The help of every command, for the golden file.
pub fn help() -> String {
    let mut out = String::new();
    let mut command = <Cli as clap::CommandFactory>::command();
    command.build();
    help_of(&mut command, &mut out);
    out
}
fn help_of(command: &mut clap::Command, out: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    out.push_str(&format!("$ {name} --help\n{}\n", command.render_long_help()));
    for inner in command.get_subcommands_mut().filter(|c| c.get_name() != "help") {
        help_of(inner, out);
    }
}
