//! Rows of the domains of tenants. Which tenant has proved a domain is asked in `directory.rs`.
use portcullis_domain::tenant_domain::TenantDomain;
use portcullis_domain::value::DomainName;
use portcullis_domain::{Id, Timestamp};

use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, name, token, verified_at, last_checked_at, last_error, misses, created_at"
    };
}

statements! {
    INSERT: write "INSERT INTO tenant_domains (tenant, id, name, token, misses, created_at) VALUES ($1, $2, $3, $4, 0, $5) \
        ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE tenant_domains SET proved = $3, verified_at = $4, last_checked_at = $5, last_error = $6, misses = $7 \
        WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM tenant_domains WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM tenant_domains WHERE tenant = $1 AND id = $2");
    PROVED: point "SELECT 1 FROM tenant_domains WHERE tenant = $1 AND name = $2 AND verified_at IS NOT NULL";
    LIST: page concat!("SELECT ", columns!(), " FROM tenant_domains WHERE tenant = $1 ORDER BY name LIMIT 250");
    DUE: scan concat!("SELECT ", columns!(), " FROM tenant_domains WHERE tenant = $1 AND proved IS NOT NULL \
        AND last_checked_at <= $2 ORDER BY last_checked_at LIMIT 50");
}

fn read(r: &Row<'_>) -> Result<TenantDomain> {
    Ok(TenantDomain {
        id: r.id(0)?,
        name: DomainName::stored(r.text(1)?),
        token: r.text(2)?,
        verified_at: r.opt_timestamp(3)?,
        last_checked_at: r.opt_timestamp(4)?,
        last_error: r.opt_text(5)?,
        misses: r.int(6)?,
        created_at: r.timestamp(7)?,
    })
}

/// Writes a new claim; false, and nothing written, when the tenant has one of this name.
pub async fn insert(tx: &mut Tx, d: &TenantDomain) -> Result<bool> {
    let params = [d.id.into(), P::Text(&d.name), P::Text(&d.token), d.created_at.into()];
    Ok(tx.run(&INSERT, &params).await? > 0)
}
/// Writes what a check found. That another tenant has proved the name surfaces as `tenant_domains_proved`.
pub async fn update(tx: &mut Tx, d: &TenantDomain) -> Result<()> {
    let params = [
        d.id.into(),
        d.verified_at.map(|_| P::Text(&d.name)).into(),
        d.verified_at.into(),
        d.last_checked_at.into(),
        d.last_error.as_deref().into(),
        d.misses.into(),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<TenantDomain>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<TenantDomain>) -> Result<Option<TenantDomain>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// All of the tenant, in the order of names; at most 250.
pub async fn list(tx: &mut Tx) -> Result<Vec<TenantDomain>> {
    tx.all(&LIST, &[], read).await
}
/// The names of those that are proved.
pub async fn proved(tx: &mut Tx) -> Result<Vec<DomainName>> {
    Ok(list(tx).await?.into_iter().filter(|d| d.verified_at.is_some()).map(|d| d.name).collect())
}
/// Up to 50 proved ones that were last looked up before `end`, the longest first.
pub async fn due(tx: &mut Tx, end: &Timestamp) -> Result<Vec<TenantDomain>> {
    tx.all(&DUE, &[(*end).into()], read).await
}
/// Has the tenant proved this domain?
pub async fn is_proved(tx: &mut Tx, name: &str) -> Result<bool> {
    Ok(tx.one(&PROVED, &[P::Text(name)], |_| Ok(())).await?.is_some())
}
