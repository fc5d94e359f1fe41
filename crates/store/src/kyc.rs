//! What is known of organizations as customers.
use portcullis_domain::Id;
use portcullis_domain::kyc::Kyc;
use portcullis_domain::organization::Organization;
use uuid::Uuid;

use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "organization_id, status, link, created_at, updated_at"
    };
}

statements! {
    SET: write "INSERT INTO organization_kyc (tenant, organization_id, status, link, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (tenant, organization_id) DO UPDATE SET status = excluded.status, \
        link = excluded.link, updated_at = excluded.updated_at";
    DELETE: write "DELETE FROM organization_kyc WHERE tenant = $1 AND organization_id = $2";
    OF: point concat!("SELECT ", columns!(), " FROM organization_kyc WHERE tenant = $1 AND organization_id = $2");
    PAGE: page concat!("SELECT ", columns!(), " FROM organization_kyc WHERE tenant = $1 AND organization_id > $2 \
        ORDER BY organization_id LIMIT 250");
}

fn read(r: &Row<'_>) -> Result<Kyc> {
    Ok(Kyc {
        organization_id: r.id(0)?,
        status: r.bool(1)?,
        link: r.text(2)?,
        created_at: Some(r.timestamp(3)?),
        updated_at: Some(r.timestamp(4)?),
    })
}

/// Writes what is known now.
pub async fn set(tx: &mut Tx, k: &Kyc) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&SET, &[k.organization_id.into(), k.status.into(), P::Text(&k.link), now.into()]).await.map(drop)
}
/// Forgets it.
pub async fn delete(tx: &mut Tx, organization: Id<Organization>) -> Result<()> {
    tx.run(&DELETE, &[organization.into()]).await.map(drop)
}
/// What is known of one, if anything.
pub async fn of(tx: &mut Tx, organization: Id<Organization>) -> Result<Option<Kyc>> {
    tx.one(&OF, &[organization.into()], read).await
}
/// At most 250 after this organization, in the order of their ids.
pub async fn page(tx: &mut Tx, after: Uuid) -> Result<Vec<Kyc>> {
    tx.all(&PAGE, &[after.into()], read).await
}
