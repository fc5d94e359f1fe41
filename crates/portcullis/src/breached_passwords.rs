//! `admin breached-passwords`: the list that `password.breached_file` names.
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;
use portcullis_crypto::password::breached::Builder;

use crate::cli::BreachedPasswordsCommand;
use crate::output::say;

/// Runs one of them.
pub fn run(command: BreachedPasswordsCommand) -> anyhow::Result<()> {
    let BreachedPasswordsCommand::Build { from, to, least, clear } = command;
    let lines: Box<dyn BufRead> = match from.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(BufReader::with_capacity(1 << 20, File::open(&from).with_context(|| named(&from))?)),
    };
    let part = PathBuf::from(format!("{}.part", to.display()));
    let mut builder = Builder::new(File::create(&part).with_context(|| named(&part))?).with_context(|| named(&part))?;
    let read = if clear { builder.passwords(lines) } else { builder.hashes(lines, least) };
    let written = read.with_context(|| named(&from)).and_then(|()| builder.finish().with_context(|| named(&part)));
    match written {
        Ok(passwords) => {
            std::fs::rename(&part, &to).with_context(|| named(&to))?;
            say(&format!(
                "{}: {passwords} passwords. Name it in password.breached_file, and start the server anew.",
                to.display()
            ))
        }
        Err(e) => {
            let _ = std::fs::remove_file(&part);
            Err(e)
        }
    }
}

fn named(path: &Path) -> String {
    path.display().to_string()
}
