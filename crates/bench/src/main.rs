//! Measures a running Portcullis: a server process of its own on a real disk, a lean load generator beside it, and for each
//! kind of work a ceiling that is measured in the same run (the same rows written by a bare loop, raw argon2id, bare HTTP).
//!
//! Each sub-command is a file in `work/`; what they share is in `measure/`. Rows of the table and notes go to standard output,
//! and with `--into` to files from which `scripts/bench` makes docs/performance.md. Nothing here asserts a time: a goal that
//! is missed is reported, not failed. An answer with an unexpected status ends the run.
#![allow(clippy::print_stdout, reason = "rows and notes on standard output are what this program is for")]

mod measure;
mod options;
mod report;
mod work;

use anyhow::Result;
use clap::Parser;

use crate::options::{Cli, Work};
use crate::report::Report;

fn main() -> Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Work::Bare = cli.work {
        return runtime.block_on(measure::bare::serve());
    }
    let options = cli.options.prepare()?;
    let mut report = Report::new(&options, cli.work.name());
    runtime.block_on(async {
        match cli.work {
            Work::Machine => report.facts(&measure::machine::facts(&options)),
            Work::CreateUser => work::create_user::run(&options, &mut report).await,
            Work::CreateUserPostgres => work::create_user_postgres::run(&options, &mut report).await,
            Work::GetUser => work::get_user::run(&options, &mut report).await,
            Work::Check => work::check::run(&options, &mut report).await,
            Work::Tenants => work::tenants::run(&options, &mut report).await,
            Work::Login => work::login::run(&options, &mut report).await,
            Work::Import => work::import::run(&options, &mut report),
            Work::Page => work::page::run(&options, &mut report).await,
            Work::Decision => work::decision::run(&options, &mut report),
            Work::Mixed => work::mixed::run(&options, &mut report).await,
            Work::Bare => Ok(()),
        }
    })
}
