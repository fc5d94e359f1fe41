//! `config`: what is wrong with it, and what it could be.
use anyhow::bail;

use crate::cli::ConfigCommand;
use crate::config::{Config, settings};
use crate::node;
use crate::output::say;

/// Runs one of them.
pub fn run(command: ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Default => say(settings::render(&Config::default()).trim_end()),
        ConfigCommand::Check { file, config } => {
            let file = file.or(config);
            let what = file.as_ref().map_or("The environment".into(), |f| f.display().to_string());
            match node::configure(Config::default(), file.as_deref()) {
                Ok(_) => say(&format!("{what}: no mistakes.")),
                Err(mistakes) => {
                    for mistake in &mistakes.0 {
                        say(&mistake.to_string())?;
                    }
                    bail!("{what}: {} to mend", count(mistakes.0.len()))
                }
            }
        }
    }
}

fn count(n: usize) -> String {
    if n == 1 { "1 mistake".into() } else { format!("{n} mistakes") }
}
