//! `migrate`: the schema, without serving.
use std::sync::Arc;

use anyhow::Context;
use portcullis_store::Db;

use crate::cli::Place;
use crate::clock::SystemClock;
use crate::output::say;
use crate::{logging, node};

/// Takes the missing steps.
pub async fn run(place: Place) -> anyhow::Result<()> {
    let config = node::configure_at(&place)?;
    logging::start(&config.log);
    let schema = Db::migrate(&config.store(), Arc::new(SystemClock)).await.with_context(|| config.store_name())?;
    say(&format!("The schema is at version {}.", schema.version))
}
