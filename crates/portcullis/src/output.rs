//! What a command answers on standard output, and errors in words for a terminal.
use std::io::{ErrorKind, Write, stdout};

use anyhow::Context;

/// Prints a text and flushes. A reader that has left (`… | head`) has what it wanted.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    let said = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match said {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        said => said.context("standard output"),
    }
}

/// On a terminal the operator reads what a client must not see: the cause.
pub fn explain(e: portcullis_domain::Error) -> anyhow::Error {
    anyhow::anyhow!("{}", e.cause().unwrap_or(e.message()))
}
