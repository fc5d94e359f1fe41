//! Stores with many users: the server's, filled through its import, and the ceiling's, filled by the bare loop with the same
//! rows. Made once in a work folder and found again by the commands that follow.
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use portcullis_crypto::password::{Hasher, Password, Scratch};
use portcullis_crypto::random::OsRandom;

use super::rows::{Ceiling, Sample};
use super::server::Server;
use super::upload::{self, Imported};
use crate::options::Options;
use crate::report::progress;

/// The password of all imported people.
pub const PASSWORD: &str = "plum-orbit-canvas-41";
/// Rows of an import that are committed together, as in the server.
pub const BATCH: u64 = 500;
/// The first of a few people who are imported before the many: their rows are the ceiling's sample.
const FIRST: u64 = 1 << 40;

/// A server on a filled store, and how the import went if it was made now.
pub struct Filled {
    pub server: Server,
    pub imported: Option<Imported>,
}

/// The folder of the server's filled store.
pub fn data(options: &Options) -> PathBuf {
    options.dir().join(format!("filled-{}", options.users))
}
fn ceiling_file(options: &Options) -> PathBuf {
    options.dir().join(format!("ceiling-{}.db", options.users))
}

/// Starts a server with as many users as asked for.
pub fn server(options: &Options) -> Result<Filled> {
    let data = data(options);
    let done = options.dir().join(format!("filled-{}.done", options.users));
    if done.exists() {
        return Ok(Filled { server: Server::start(options, &data)?, imported: None });
    }
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| data.display().to_string())?;
    }
    let server = Server::start(options, &data)?;
    let hash = hash();
    upload::import(&server, FIRST..FIRST + 10, &hash)?;
    progress(&format!("importing {} users", options.users));
    let imported = upload::import(&server, 0..options.users, &hash)?;
    fs::write(done, "")?;
    Ok(Filled { server, imported: Some(imported) })
}

/// One hash for all: what matters is its length, and that logins can use it.
pub fn hash() -> String {
    Hasher::default().hash(&mut Scratch::default(), &Password::new(PASSWORD), &OsRandom)
}

/// The ceiling's store with as many users, and how many seconds the loop took if it was filled now.
pub fn ceiling(options: &Options) -> Result<(Ceiling, Option<f64>)> {
    let (file, done) = (ceiling_file(options), ceiling_file(options).with_extension("done"));
    let database = super::server::open_read_only(&data(options))?;
    if done.exists() {
        return Ok((Ceiling::open(&file)?, None));
    }
    let sample = Sample::imported(&database)?;
    let mut ceiling = Ceiling::create(&file, &database)?;
    progress(&format!("the bare loop writes the same rows of {} users", options.users));
    let seconds = ceiling.write(&sample, options.users, BATCH)?;
    fs::write(done, "")?;
    Ok((ceiling, Some(seconds)))
}
