//! The `portcullis` program: its commands, its configuration, and the wiring of all other crates.
//!
//! One file a command (`dev`, `serve`, `init`, `audit`, `admin`, …); what several of them need is beside them: [`config`],
//! the master key, the store with the application over it (`node`), and the listeners with their workers (`server`).
//! Nothing here decides anything about a tenant: that is `portcullis-service`.
pub mod access_file;
mod admin;
mod apply;
mod audit;
mod breached_passwords;
pub mod cli;
mod clock;
pub mod config;
mod config_command;
mod dev;
mod dns;
mod export;
mod import;
mod init;
mod logging;
mod mail;
mod master_key;
mod metrics;
mod migrate;
mod node;
mod output;
mod private_file;
mod rotate_master_key;
mod samples;
mod secret_word;
mod serve;
mod server;
mod workers;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// Runs the command line of this process. Exit codes: 0 it worked, 1 it did not (one line on standard error says why),
/// 2 the command was not understood (and, of `audit verify`, could not be checked).
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // also `--help` and `--version`, whose code is 0
            let _ = e.print();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    // one thread a core
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return failed(&anyhow::anyhow!("the runtime does not start: {e}"), 1),
    };
    runtime.block_on(execute(cli.command))
}

async fn execute(command: Command) -> ExitCode {
    let done = match command {
        Command::Dev(args) => dev::run(args).await,
        Command::Init(args) => init::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Config { command } => config_command::run(command),
        Command::Migrate(place) => migrate::run(place).await,
        Command::Apply(args) => apply::run(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Import { command } => import::run(command).await,
        Command::Admin { command } => admin::run(command).await,
        Command::Audit { command } => match audit::run(command).await {
            Ok(code) => return code,
            Err(e) => return failed(&e, audit::NOT_CHECKED),
        },
    };
    done.map_or_else(|e| failed(&e, 1), |()| ExitCode::SUCCESS)
}

fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    let text = format!("{error:#}");
    let _ = writeln!(std::io::stderr(), "portcullis: {}", text.lines().collect::<Vec<_>>().join(" "));
    ExitCode::from(code)
}
