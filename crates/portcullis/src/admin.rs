//! `admin`: help for whoever can reach the store, but not sign in.
use anyhow::{Context, bail};
use portcullis_domain::Id;
use portcullis_domain::tenant::Tenant;
use portcullis_service::App;
use portcullis_service::key_rotation::{self, Haste};
use portcullis_store::directory;

use crate::cli::{AdminCommand, Place};
use crate::config::Config;
use crate::output::{explain, say};
use crate::{breached_passwords, logging, master_key, node, rotate_master_key, secret_word};

/// Runs one of them.
pub async fn run(command: AdminCommand) -> anyhow::Result<()> {
    match command {
        AdminCommand::ResetOwner { tenant, place } => reset_owner(tenant, place).await,
        AdminCommand::RotateTokenKey { now, place } => rotate_token_key(now, place).await,
        AdminCommand::BreachedPasswords { command } => breached_passwords::run(command),
        AdminCommand::RotateMasterKey(place) => rotate_master_key::run(place).await,
    }
}

/// The store that is there already.
async fn open(place: &Place) -> anyhow::Result<App> {
    let config = configure(place)?;
    let key = master_key::read(&config)?;
    node::open(&config, key).await
}
/// The settings of a store that is there already.
pub fn configure(place: &Place) -> anyhow::Result<Config> {
    let config = node::configure_at(place)?;
    logging::start(&crate::config::Log { level: "warn".into(), ..config.log.clone() });
    if config.database.url.is_none() && !config.data_dir.join("portcullis.db").exists() {
        bail!("{}: there is no store in this directory", config.data_dir.display());
    }
    Ok(config)
}

async fn reset_owner(tenant: Option<String>, place: Place) -> anyhow::Result<()> {
    let app = open(&place).await?;
    let id = find(&app, tenant.as_deref()).await?;
    let cx = app.system(id).await.map_err(explain)?;
    let password = secret_word::password(&**app.random());
    let owner = app.reset_owner(&cx, password.clone()).await.map_err(explain)?;
    say(&format!(
        "tenant    {id}\nowner     {}\npassword  {}\n\nTheir sessions and keys have ended. Nothing of this is printed again.",
        owner.email,
        password.expose()
    ))
}

async fn rotate_token_key(now: bool, place: Place) -> anyhow::Result<()> {
    let app = open(&place).await?;
    let haste = if now { Haste::Compromised } else { Haste::Gentle };
    let rotated = app.rotate_token_key(haste).await.map_err(explain)?;
    let mut text = format!("token key    {}\nsigns from   {}", rotated.id, rotated.signs_from);
    for id in &rotated.refused {
        text.push_str(&format!("\nrefused      what {id} signed"));
    }
    let wait = key_rotation::RELOAD_SECONDS;
    text.push_str(&match haste {
        Haste::Gentle => "\n\nIt is published now. What was signed before is accepted until it ends.".to_owned(),
        Haste::Compromised => {
            format!("\n\nNodes that run know it within {wait} seconds. Sessions stay: refresh tokens give new tokens.")
        }
    });
    if app.db().is_shared() {
        text.push_str("\nServers of an older version do not follow: stop them.");
    }
    say(&text)
}

/// By id, by slug, or the default one.
pub async fn find(app: &App, named: Option<&str>) -> anyhow::Result<Id<Tenant>> {
    let Some(named) = named else {
        let first = app.first_tenant().await.map_err(explain)?;
        return first.context("the store has no tenant yet; run `portcullis init`");
    };
    let found = match named.parse() {
        Ok(uuid) => app.db().read(node::nowhere(), &Id::from_uuid(uuid), directory::tenant_by_id).await?,
        Err(_) => app.db().read(node::nowhere(), &named.to_lowercase(), directory::tenant_by_slug).await?,
    };
    found.map(|(_, id)| id).with_context(|| format!("there is no tenant {named}; name it by its slug or its id"))
}
