//! The master key: from the environment, or from a file that its owner alone may read.
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, bail};
use portcullis_crypto::random::OsRandom;
use portcullis_crypto::seal::MasterKey;

use crate::config::Config;

/// Reads the key that the configuration names.
pub fn read(config: &Config) -> anyhow::Result<MasterKey> {
    if let Some(key) = &config.master_key {
        return MasterKey::parse(key.expose()).context("PORTCULLIS_MASTER_KEY");
    }
    let path = config.master_key_path();
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            check_mode(&path)?;
            MasterKey::parse(&text).with_context(|| path.display().to_string())
        }
        Err(e) if e.kind() == ErrorKind::NotFound => bail!(
            "{}: there is no master key; put the key of this store there, or make a new server with `portcullis init`",
            path.display()
        ),
        Err(e) => Err(e).with_context(|| path.display().to_string()),
    }
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

#[cfg(unix)]
fn check_mode(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).with_context(|| path.display().to_string())?.permissions().mode();
    if mode & 0o007 != 0 {
        bail!("{0}: everybody on this machine may read the master key; chmod 600 {0}", path.display());
    }
    Ok(())
}
#[cfg(not(unix))]
fn check_mode(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
