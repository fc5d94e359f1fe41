//! `admin rotate-master-key`: what the master key sealed is sealed with another one.
//!
//! The next key lies beside the old one until the change is over, and a server that finds both opens with either. So the change may
//! be broken off anywhere, and the same command goes on with it.
use std::time::Duration;

use anyhow::{Context, bail};
use portcullis_service::master_rotation::NOTICE_SECONDS;

use crate::cli::Place;
use crate::output::{explain, say};
use crate::{admin, master_key, node};

/// Changes the key, or makes the next one for other nodes to be given.
pub async fn run(place: Place) -> anyhow::Result<()> {
    let config = admin::configure(&place)?;
    let old = master_key::current(&config)?;
    let (next, made) = match master_key::next(&config)? {
        Some(key) => (key, false),
        None if config.master_key.is_some() => bail!(
            "the master key comes from PORTCULLIS_MASTER_KEY: make the next one with `openssl rand -base64 32`, give it to every \
             server as PORTCULLIS_MASTER_KEY_NEXT, restart them one after the other, and run this again with both"
        ),
        None => (master_key::make_next(&config)?, true),
    };
    if next.id() == old.id() {
        bail!("the next master key is the one that is in use; make another with `openssl rand -base64 32`");
    }
    if made && config.database.url.is_some() {
        let file = master_key::next_path(&config);
        return say(&format!(
            "next master key  {file}\n\n\
             Nothing has changed yet. Stop every server of an older version: it would not follow. Copy the file to every other server, beside its master key and with this name, and restart\n\
             them one after the other; then run this command again. If no server runs, run it again now.",
            file = file.display()
        ));
    }
    if config.database.url.is_some() {
        say("No server of an older version may run now: it would not follow. Stop those first.")?;
    }
    let app = node::open(&config, old.clone().and(next.clone())).await?;
    let mut resealed = app.begin_master_rotation(next.id()).await.map_err(explain)?;
    if app.db().is_shared() {
        say(&format!("Other nodes seal with the next key in {NOTICE_SECONDS} seconds; the rest follows then."))?;
        notice().await;
    }
    resealed += app.finish_master_rotation(notice).await.map_err(explain)?;
    drop(app);
    let next_steps = match config.master_key.as_ref().or(config.master_key_next.as_ref()) {
        Some(_) => "Put the next key in the place of the old one on every server, and remove PORTCULLIS_MASTER_KEY_NEXT; a restart\n\
                    need not be soon. Keep the old key: backups from before need it."
            .to_owned(),
        None => {
            let kept =
                master_key::put_next_in_place(&config, old.id()).context("the next key was not put in its place")?;
            let mut text = format!(
                "The new key is in {}. The old one is in {}: backups from before need it; keep the two apart.",
                config.master_key_path().display(),
                kept.display()
            );
            if config.database.url.is_some() {
                text.push_str(
                    "\nOn every other server put the new key in the place of the old one; a restart need not be soon.",
                );
            }
            text
        }
    };
    say(&format!(
        "master key  {} (before: {})\nsealed      {resealed} keys anew\n\n{next_steps}\n\n{LEAKED}",
        next.id(),
        old.id()
    ))
}
const LEAKED: &str = "If the old key is in wrong hands, run `portcullis admin rotate-token-key --now` as well: with it and a copy of the database\n\
    the keys that sign access tokens could be read. Backups from before stay readable with it; remove those that you can do without.";

async fn notice() {
    tokio::time::sleep(Duration::from_secs(NOTICE_SECONDS)).await;
}
