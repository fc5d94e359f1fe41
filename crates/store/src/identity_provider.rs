//! Rows of identity providers. Which tenant one is of is asked in `directory.rs`.
use portcullis_domain::Id;
use portcullis_domain::identity_provider::{IdentityProvider, ProviderType, SyncStatus};
use portcullis_domain::provider_config::ProviderConfig;
use portcullis_domain::value::name_key;

use crate::row::{json, json_text};
use crate::{Error, P, Result, Row, Tx};

/// A tenant has at most so many (spec v1 2.8).
pub const MOST: usize = 50;

macro_rules! columns {
    () => {
        "id, name, kind, config, secret, enabled, sync_status, last_synced_at, sync_error, created_at, updated_at, revision"
    };
}

statements! {
    INSERT: write "INSERT INTO identity_providers (tenant, id, name, name_key, kind, config, secret, enabled, sync_status, \
        last_synced_at, sync_error, created_at, updated_at, revision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL, $10, $11, 1) ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE identity_providers SET name = $3, name_key = $4, config = $5, secret = $6, enabled = $7, updated_at = $8, \
        revision = revision + 1 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM identity_providers WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM identity_providers WHERE tenant = $1 AND id = $2");
    ENABLED: point "SELECT 1 FROM identity_providers WHERE tenant = $1 AND id = $2 AND enabled = 1";
    EVERY: page concat!("SELECT ", columns!(), " FROM identity_providers WHERE tenant = $1 ORDER BY id LIMIT 250");
}

fn read(r: &Row<'_>) -> Result<IdentityProvider> {
    let kind = ProviderType::parse(r.str(2)?).ok_or_else(|| Error::internal("an unknown type of identity provider"))?;
    let config = ProviderConfig::stored(kind, json(r.str(3)?));
    Ok(IdentityProvider {
        id: r.id(0)?,
        name: r.text(1)?,
        config: config.ok_or_else(|| Error::internal("an identity provider's settings do not read"))?,
        sealed_secret: r.opt_bytes(4)?,
        enabled: r.bool(5)?,
        sync_status: SyncStatus::parse(r.str(6)?).unwrap_or(SyncStatus::Failed),
        last_synced_at: r.opt_timestamp(7)?,
        sync_error: r.opt_text(8)?,
        created_at: r.timestamp(9)?,
        updated_at: r.timestamp(10)?,
        revision: r.int(11)?,
    })
}

/// Writes a new one; false, and nothing written, when its name is taken.
pub async fn insert(tx: &mut Tx, p: &IdentityProvider) -> Result<bool> {
    let (key, config) = (name_key(&p.name), json_text(&p.config.members()));
    let params = [
        p.id.into(),
        P::Text(&p.name),
        P::Text(&key),
        P::Text(p.kind().as_str()),
        P::Text(&config),
        p.sealed_secret.as_ref().into(),
        p.enabled.into(),
        P::Text(p.sync_status.as_str()),
        p.created_at.into(),
        p.updated_at.into(),
    ];
    Ok(tx.run(&INSERT, &params).await? == 1)
}
/// Writes what may change of it; the revision goes up by one. A taken name surfaces as `identity_providers_name`.
pub async fn update(tx: &mut Tx, p: &IdentityProvider) -> Result<()> {
    let (key, config) = (name_key(&p.name), json_text(&p.config.members()));
    let params = [
        p.id.into(),
        P::Text(&p.name),
        P::Text(&key),
        P::Text(&config),
        p.sealed_secret.as_ref().into(),
        p.enabled.into(),
        p.updated_at.into(),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<IdentityProvider>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<IdentityProvider>) -> Result<Option<IdentityProvider>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// Is there such a one, and does it count?
pub async fn is_enabled(tx: &mut Tx, id: Id<IdentityProvider>) -> Result<bool> {
    Ok(tx.one(&ENABLED, &[id.into()], |_| Ok(())).await?.is_some())
}
/// All of the tenant, oldest first; at most [`MOST`].
pub async fn all(tx: &mut Tx) -> Result<Vec<IdentityProvider>> {
    tx.all(&EVERY, &[], read).await
}
