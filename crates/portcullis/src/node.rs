//! The store with the application over it: what every command but the read-only ones begins with.
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use portcullis_crypto::random::OsRandom;
use portcullis_crypto::seal::MasterKey;
use portcullis_domain::Ctx;
use portcullis_domain::port::{Clock, Random};
use portcullis_federation::RelyingParty;
use portcullis_federation::saml::SamlParty;
use portcullis_outbound::HttpClient;
use portcullis_service::App;
use portcullis_service::tenancy::Tenancies;
use portcullis_store::{Db, Location};

use crate::cli::Place;
use crate::clock::SystemClock;
use crate::config::{self, Config, Mistakes};
use crate::dns::SystemDns;
use crate::output::explain;

/// The settings of a file (if there is one) and of the environment, over what `base` holds.
pub fn configure(base: Config, file: Option<&Path>) -> Result<Config, Mistakes> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    config::load(base, file, std::env::vars_os().filter_map(text))
}

/// The settings of the store that a command names: by its configuration file, or by its directory.
pub fn configure_at(place: &Place) -> anyhow::Result<Config> {
    let mut config = configure(Config::default(), place.config.as_deref())?;
    if let Some(dir) = &place.data_dir {
        config.data_dir.clone_from(dir);
        // the directory was asked for, not what the environment says of PostgreSQL
        config.database.url = None;
    }
    Ok(config)
}

/// Opens the store and wires the application over it.
pub async fn open(config: &Config, master_key: MasterKey) -> anyhow::Result<App> {
    let tenancies = Tenancies::new(config.cache.tenants);
    let db = open_store(config, &tenancies).await?;
    assemble(config, db, tenancies, master_key).await
}

/// Opens the store alone.
pub async fn open_store(config: &Config, tenancies: &Arc<Tenancies>) -> anyhow::Result<Db> {
    Db::open(&config.store(), Arc::new(SystemClock), tenancies.publish()).await.with_context(|| config.store_name())
}

/// Opens the store to be looked at: nothing of it is changed, its schema included, and a server may have it open.
pub async fn open_to_read(config: &Config, tenancies: &Arc<Tenancies>) -> anyhow::Result<Db> {
    let store = portcullis_store::Config { migrate: false, ..config.store() };
    let opened = match &store.location {
        Location::Sqlite { data_dir } if !data_dir.join("portcullis.db").exists() => {
            bail!("{}: there is no store in this directory", data_dir.display())
        }
        Location::Sqlite { data_dir } => Db::open_read_only(data_dir),
        Location::Postgres { .. } => Db::open(&store, Arc::new(SystemClock), tenancies.publish()).await,
    };
    opened.with_context(|| config.store_name())
}

/// Wires the application over an open store.
pub async fn assemble(
    config: &Config,
    db: Db,
    tenancies: Arc<Tenancies>,
    master_key: MasterKey,
) -> anyhow::Result<App> {
    let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock), Arc::new(OsRandom));
    let dns = Arc::new(SystemDns::default());
    let app = App::new(config.app(), db, tenancies, master_key, clock, random, dns).await.map_err(explain)?;
    let providers = HttpClient::new(config.providers()).context("TLS for identity providers")?;
    let providers = Arc::new(providers);
    let app = app.federated(Arc::new(RelyingParty::new(providers.clone())));
    Ok(app.speaking_saml(Arc::new(SamlParty::new(providers))))
}

/// A context of the server itself, now, in no tenant.
pub fn nowhere() -> Ctx {
    Ctx::nowhere(SystemClock.now())
}
