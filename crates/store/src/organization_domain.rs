//! Rows of the domains of organizations.
use portcullis_domain::organization::Organization;
use portcullis_domain::organization_domain::{OrganizationDomain, VERIFIED};
use portcullis_domain::value::DomainName;
use portcullis_domain::{Id, Timestamp};
use uuid::Uuid;

use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, organization_id, name, token, state, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO organization_domains (tenant, id, organization_id, name, token, state, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    VERIFY: write "UPDATE organization_domains SET state = 'verified', updated_at = $3 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM organization_domains WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM organization_domains WHERE tenant = $1 AND id = $2");
    BY_NAME: point concat!("SELECT ", columns!(), " FROM organization_domains WHERE tenant = $1 AND organization_id = $2 AND name = $3");
    OF: page concat!("SELECT ", columns!(), " FROM organization_domains WHERE tenant = $1 AND organization_id = $2 \
        ORDER BY name LIMIT 250");
    VERIFIED_BY: page "SELECT organization_id FROM organization_domains WHERE tenant = $1 AND name = $2 AND state = 'verified' \
        AND organization_id > $3 ORDER BY organization_id LIMIT 250";
    STALE: scan "SELECT id FROM organization_domains WHERE tenant = $1 AND state <> 'verified' AND created_at <= $2 LIMIT 1000";
    FORGET: write "DELETE FROM organization_domains WHERE tenant = $1 AND id = $2 AND state <> 'verified'";
}

fn read(r: &Row<'_>) -> Result<OrganizationDomain> {
    Ok(OrganizationDomain {
        id: r.id(0)?,
        organization_id: r.id(1)?,
        name: DomainName::stored(r.text(2)?),
        token: r.text(3)?,
        // an unknown state must not open a door
        verified: r.str(4)? == VERIFIED,
        created_at: r.timestamp(5)?,
        updated_at: r.timestamp(6)?,
    })
}

/// Writes a new claim; false, and nothing written, when the organization has one of this name.
pub async fn insert(tx: &mut Tx, d: &OrganizationDomain) -> Result<bool> {
    let params = [
        d.id.into(),
        d.organization_id.into(),
        P::Text(&d.name),
        P::Text(&d.token),
        P::Text(d.state()),
        d.created_at.into(),
        d.updated_at.into(),
    ];
    Ok(tx.run(&INSERT, &params).await? > 0)
}
/// It was proved.
pub async fn verify(tx: &mut Tx, id: Id<OrganizationDomain>, now: Timestamp) -> Result<()> {
    tx.run(&VERIFY, &[id.into(), now.into()]).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<OrganizationDomain>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<OrganizationDomain>) -> Result<Option<OrganizationDomain>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// One by name in an organization.
pub async fn by_name(tx: &mut Tx, organization: Id<Organization>, name: &str) -> Result<Option<OrganizationDomain>> {
    tx.one(&BY_NAME, &[organization.into(), P::Text(name)], read).await
}
/// Those of an organization, in the order of names; at most 250.
pub async fn of(tx: &mut Tx, organization: Id<Organization>) -> Result<Vec<OrganizationDomain>> {
    tx.all(&OF, &[organization.into()], read).await
}
/// At most 250 organizations after this one that proved a name, in the order of their ids.
pub async fn verified_by(tx: &mut Tx, name: &str, after: Uuid) -> Result<Vec<Id<Organization>>> {
    tx.all(&VERIFIED_BY, &[P::Text(name), after.into()], |r| r.id(0)).await
}
/// Up to 1,000 claims that nobody had proved and that are older than `end`.
pub async fn stale(tx: &mut Tx, end: &Timestamp) -> Result<Vec<Id<OrganizationDomain>>> {
    tx.all(&STALE, &[(*end).into()], |r| r.id(0)).await
}
/// Forgets a claim, unless it was proved meanwhile.
pub async fn forget(tx: &mut Tx, id: Id<OrganizationDomain>) -> Result<()> {
    tx.run(&FORGET, &[id.into()]).await.map(drop)
}
