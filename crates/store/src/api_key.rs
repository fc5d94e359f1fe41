//! Rows of API keys. The raw key is never here, only its SHA-256.
use portcullis_domain::api_key::{ApiKey, KeyOwner, Scopes};
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, name, prefix, owner_type, owner_id, scopes, created_by, created_at, last_used_at, expires_at, revoked_at, revoked_by, \
         identity_provider_id"
    };
}

statements! {
    INSERT: write "INSERT INTO api_keys (tenant, id, prefix, hash, name, owner_type, owner_id, scopes, created_by, created_at, \
        expires_at, identity_provider_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    BY_ID: point concat!("SELECT ", columns!(), " FROM api_keys WHERE tenant = $1 AND id = $2");
    HASH: point "SELECT hash FROM api_keys WHERE tenant = $1 AND id = $2";
    REVOKE: write "UPDATE api_keys SET revoked_at = $3, revoked_by = $4 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL";
    OF_CREATOR: page concat!("SELECT ", columns!(), " FROM api_keys WHERE tenant = $1 AND created_by = $2 AND id > $3 \
        AND owner_type = 'user' AND revoked_at IS NULL ORDER BY id LIMIT 1000");
    USED: write "UPDATE api_keys SET last_used_at = $3 WHERE tenant = $1 AND id = $2";
    NAMED: page concat!("SELECT ", columns!(), " FROM api_keys WHERE tenant = $1 AND name = $2 AND revoked_at IS NULL");
    OF_SERVICE: page concat!("SELECT ", columns!(), " FROM api_keys WHERE tenant = $1 AND owner_id = $2 \
        AND owner_type = 'service' AND revoked_at IS NULL ORDER BY id LIMIT 250");
    OF_PROVIDER: page concat!("SELECT ", columns!(), " FROM api_keys WHERE tenant = $1 AND identity_provider_id = $2 AND id > $3 \
        AND revoked_at IS NULL ORDER BY id LIMIT 250");
    COUNT: scan "SELECT count(*) FROM api_keys WHERE tenant = $1 AND revoked_at IS NULL";
}

fn read(r: &Row<'_>) -> Result<ApiKey> {
    let owner = r.uuid(4)?;
    Ok(ApiKey {
        id: Id::from_uuid(r.uuid(0)?),
        name: r.text(1)?,
        prefix: r.text(2)?,
        owner: match r.text(3)?.as_str() {
            "service" => KeyOwner::Service(Id::from_uuid(owner)),
            _ => KeyOwner::User(Id::from_uuid(owner)),
        },
        scopes: Scopes::new(serde_json::from_str(&r.text(5)?).unwrap_or_default()),
        created_by: r.opt_uuid(6)?.map(Id::from_uuid),
        created_at: r.timestamp(7)?,
        last_used_at: r.opt_int(8)?.map(Timestamp::from_micros),
        expires_at: r.opt_int(9)?.map(Timestamp::from_micros),
        revoked_at: r.opt_int(10)?.map(Timestamp::from_micros),
        revoked_by: r.opt_uuid(11)?.map(Id::from_uuid),
        identity_provider_id: r.opt_id(12)?,
    })
}

/// Writes a new key. A taken prefix surfaces as `api_keys_prefix`.
pub async fn insert(tx: &mut Tx, k: &ApiKey, hash: &[u8; 32]) -> Result<()> {
    let (owner_type, owner_id) = match k.owner {
        KeyOwner::User(id) => ("user", id.uuid()),
        KeyOwner::Service(id) => ("service", id.uuid()),
    };
    let scopes = serde_json::json!(k.scopes.as_slice()).to_string();
    tx.send(
        &INSERT,
        &[
            k.id.into(),
            P::Text(&k.prefix),
            P::Bytes(hash),
            P::Text(&k.name),
            P::Text(owner_type),
            P::Uuid(owner_id),
            P::Text(&scopes),
            k.created_by.into(),
            k.created_at.into(),
            k.expires_at.into(),
            k.identity_provider_id.into(),
        ],
    )
    .await
}
/// One key.
pub async fn by_id(tx: &mut Tx, id: Id<ApiKey>) -> Result<Option<ApiKey>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// The SHA-256 of a key, to be compared in constant time.
pub async fn hash(tx: &mut Tx, id: Id<ApiKey>) -> Result<Option<Vec<u8>>> {
    tx.one(&HASH, &[id.into()], |r| r.bytes(0)).await
}
/// Ends a key; false when it had ended before.
pub async fn revoke(tx: &mut Tx, id: Id<ApiKey>, now: Timestamp, by: Option<Id<User>>) -> Result<bool> {
    Ok(tx.run(&REVOKE, &[id.into(), now.into(), by.into()]).await? == 1)
}
/// Up to 1,000 live keys that act for this user, after `after` (nil for the first).
pub async fn of_creator(tx: &mut Tx, user: Id<User>, after: Id<ApiKey>) -> Result<Vec<ApiKey>> {
    tx.all(&OF_CREATOR, &[user.into(), after.into()], read).await
}
/// Live keys that act for this service user.
pub async fn of_service(tx: &mut Tx, id: Id<ServiceUser>) -> Result<Vec<ApiKey>> {
    tx.all(&OF_SERVICE, &[id.into()], read).await
}
/// Up to 250 live keys of a directory, after `after` (nil for the first).
pub async fn of_provider(tx: &mut Tx, id: Id<IdentityProvider>, after: Id<ApiKey>) -> Result<Vec<ApiKey>> {
    tx.all(&OF_PROVIDER, &[id.into(), after.into()], read).await
}
/// Live keys of this name.
pub async fn named(tx: &mut Tx, name: &str) -> Result<Vec<ApiKey>> {
    tx.all(&NAMED, &[P::Text(name)], read).await
}
/// Notes when a key was last used.
pub async fn used(tx: &mut Tx, id: Id<ApiKey>, at: Timestamp) -> Result<()> {
    tx.send(&USED, &[id.into(), at.into()]).await
}
/// How many live keys the tenant has.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    Ok(tx.one(&COUNT, &[], |r| r.int(0)).await?.unwrap_or(0))
}

/// What a list of keys is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct ApiKeyFilter {
    /// `active`, `expired`, `revoked`.
    pub status: Option<&'static str>,
    /// Made by this user.
    pub created_by: Option<Id<User>>,
    /// Of this directory.
    pub identity_provider_id: Option<Id<IdentityProvider>>,
}

/// At most `limit` keys older than `before`, newest first.
pub async fn list(tx: &mut Tx, f: &ApiKeyFilter, before: Option<Id<ApiKey>>, limit: usize) -> Result<Vec<ApiKey>> {
    let mut text = format!("SELECT {} FROM api_keys WHERE tenant = $1", columns!());
    let mut values: Vec<P<'_>> = vec![];
    let mut and = |term: &str, value: P<'static>| {
        values.push(value);
        text.push_str(&format!(" AND {}", term.replace('?', &format!("${}", values.len() + 1))));
    };
    if let Some(by) = f.created_by {
        and("created_by = ?", by.into());
    }
    if let Some(provider) = f.identity_provider_id {
        and("identity_provider_id = ?", provider.into());
    }
    if let Some(id) = before {
        and("id < ?", id.into());
    }
    let now = tx.cx.now;
    match f.status {
        Some("revoked") => text.push_str(" AND revoked_at IS NOT NULL"),
        Some("expired") => and("revoked_at IS NULL AND expires_at <= ?", now.into()),
        Some(_) => and("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", now.into()),
        None => {}
    }
    text.push_str(&format!(" ORDER BY id DESC LIMIT {limit}"));
    tx.all_dynamic(&text, &values, read).await
}
