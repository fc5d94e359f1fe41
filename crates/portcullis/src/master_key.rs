//! The master key: from the environment, or from a file that its owner alone may use.
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use portcullis_crypto::random::OsRandom;
use portcullis_crypto::seal::{KeyId, MasterKey};

use crate::config::Config;
use crate::private_file;

/// Why the file with the master key is not used.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// It is not there.
    #[error(
        "{}: there is no master key; put the key of this store there, or make a new server with `portcullis init`",
        path.display()
    )]
    Missing { path: PathBuf },
}

/// Reads the key that the configuration names; while it is replaced, the next one too.
pub fn read(config: &Config) -> anyhow::Result<MasterKey> {
    let key = current(config)?;
    Ok(match next(config)? {
        Some(next) => key.and(next),
        None => key,
    })
}
/// Without the next one.
pub fn current(config: &Config) -> anyhow::Result<MasterKey> {
    if let Some(key) = &config.master_key {
        return MasterKey::parse(key.expose()).context("PORTCULLIS_MASTER_KEY");
    }
    let path = config.master_key_path();
    of_file(&path)?.ok_or_else(|| MasterKeyError::Missing { path }.into())
}
/// The key that takes its place, if one is there.
pub fn next(config: &Config) -> anyhow::Result<Option<MasterKey>> {
    if let Some(key) = &config.master_key_next {
        return MasterKey::parse(key.expose()).context("PORTCULLIS_MASTER_KEY_NEXT").map(Some);
    }
    if config.master_key.is_some() { Ok(None) } else { of_file(&next_path(config)) }
}
/// Where that is: beside the key.
pub fn next_path(config: &Config) -> PathBuf {
    beside(config, "next")
}
/// Makes the next key.
pub fn make_next(config: &Config) -> anyhow::Result<MasterKey> {
    let (path, (key, text)) = (next_path(config), MasterKey::generate(&OsRandom));
    write(&path, &text).with_context(|| format!("{}: the next master key cannot be written", path.display()))?;
    Ok(key)
}
/// Puts the next key in the place of the old one, which is kept under its own name; answers where. At every moment the key that
/// opens the store is in one of the files that [`read`] looks at.
pub fn put_next_in_place(config: &Config, old: KeyId) -> anyhow::Result<PathBuf> {
    let (path, kept) = (config.master_key_path(), beside(config, &old.to_string()));
    if !kept.exists() {
        std::fs::hard_link(&path, &kept).with_context(|| kept.display().to_string())?;
    }
    std::fs::rename(next_path(config), &path).with_context(|| path.display().to_string())?;
    // the names are in the directory
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|d| d.sync_all()).with_context(|| dir.display().to_string())?;
    Ok(kept)
}
fn beside(config: &Config, name: &str) -> PathBuf {
    let mut path = config.master_key_path().into_os_string();
    path.push(format!(".{name}"));
    path.into()
}
fn of_file(path: &Path) -> anyhow::Result<Option<MasterKey>> {
    let text = match File::open(path) {
        Ok(file) => private_file::text(file, path, "the master key")?,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).with_context(|| path.display().to_string()),
    };
    MasterKey::parse(&text).with_context(|| path.display().to_string()).map(Some)
}

/// Reads the key, or makes one where neither a key nor a store is yet. True if it was made.
pub fn read_or_make(config: &Config) -> anyhow::Result<(MasterKey, bool)> {
    let path = config.master_key_path();
    let store = config.data_dir.join("portcullis.db");
    if config.master_key.is_some() || path.exists() || (config.database.url.is_none() && store.exists()) {
        return Ok((read(config)?, false));
    }
    let (key, text) = MasterKey::generate(&OsRandom);
    write(&path, &text).with_context(|| format!("{}: the master key cannot be written", path.display()))?;
    Ok((key, true))
}

/// Makes a directory that its owner alone may enter.
pub fn private_dir(dir: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).with_context(|| format!("{}: the directory cannot be made", dir.display()))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
