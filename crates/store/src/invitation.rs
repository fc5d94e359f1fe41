//! Rows of invitations into organizations.
use portcullis_domain::invitation::Invitation;
use portcullis_domain::organization::Organization;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::value::Email;
use portcullis_domain::{Id, Timestamp};
use uuid::Uuid;

use crate::row::{ids, ids_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, organization_id, email, group_ids, role_ids, created_at, expires_at, inviter_type, inviter_id"
    };
}

statements! {
    INSERT: write "INSERT INTO invitations (tenant, id, organization_id, email, group_ids, role_ids, created_at, expires_at, \
        inviter_type, inviter_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    UPDATE: write "UPDATE invitations SET group_ids = $3, role_ids = $4, inviter_type = $5, inviter_id = $6 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM invitations WHERE tenant = $1 AND id = $2";
    DELETE_OF: write "DELETE FROM invitations WHERE tenant = $1 AND email = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM invitations WHERE tenant = $1 AND id = $2");
    OF: point concat!("SELECT ", columns!(), " FROM invitations WHERE tenant = $1 AND organization_id = $2 AND email = $3");
    IN_ORGANIZATION: page concat!("SELECT ", columns!(), " FROM invitations WHERE tenant = $1 AND organization_id = $2 AND email > $3 \
        ORDER BY email LIMIT 250");
    ADDRESSED_TO: page concat!("SELECT ", columns!(), " FROM invitations WHERE tenant = $1 AND email = $2 AND organization_id > $3 \
        ORDER BY organization_id LIMIT 250");
    OUTLIVED: scan "SELECT id FROM invitations WHERE tenant = $1 AND expires_at <= $2 LIMIT 1000";
}

fn read(r: &Row<'_>) -> Result<Invitation> {
    Ok(Invitation {
        id: r.id(0)?,
        organization_id: r.id(1)?,
        email: Email::stored(r.text(2)?),
        groups: ids(r.str(3)?),
        roles: ids(r.str(4)?),
        created_at: r.timestamp(5)?,
        expires_at: r.timestamp(6)?,
        inviter: match (r.opt_text(7)?, r.opt_uuid(8)?) {
            (Some(namespace), Some(id)) => Bearer::new(&namespace, id),
            _ => None,
        },
    })
}

/// Writes a new invitation. A second one for the address surfaces as `invitations_email`.
pub async fn insert(tx: &mut Tx, i: &Invitation) -> Result<()> {
    let (groups, roles) = (ids_text(&i.groups), ids_text(&i.roles));
    let params = [
        i.id.into(),
        i.organization_id.into(),
        P::Text(&i.email),
        P::Text(&groups),
        P::Text(&roles),
        i.created_at.into(),
        i.expires_at.into(),
        i.inviter.map(Bearer::namespace).into(),
        i.inviter.map(Bearer::id).into(),
    ];
    tx.run(&INSERT, &params).await.map(drop)
}
/// Writes what it gives, and who says so.
pub async fn update(tx: &mut Tx, i: &Invitation) -> Result<()> {
    let (groups, roles) = (ids_text(&i.groups), ids_text(&i.roles));
    let (kind, id) = (i.inviter.map(Bearer::namespace), i.inviter.map(Bearer::id));
    tx.run(&UPDATE, &[i.id.into(), P::Text(&groups), P::Text(&roles), kind.into(), id.into()]).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<Invitation>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// Removes all that name an address.
pub async fn delete_of(tx: &mut Tx, email: &Email) -> Result<()> {
    tx.run(&DELETE_OF, &[P::Text(email)]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<Invitation>) -> Result<Option<Invitation>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// The one of an address into an organization.
pub async fn of(tx: &mut Tx, organization: Id<Organization>, email: &Email) -> Result<Option<Invitation>> {
    tx.one(&OF, &[organization.into(), P::Text(email)], read).await
}
/// At most 250 into an organization after this address, in the order of addresses.
pub async fn in_organization(tx: &mut Tx, organization: Id<Organization>, after: &str) -> Result<Vec<Invitation>> {
    tx.all(&IN_ORGANIZATION, &[organization.into(), P::Text(after)], read).await
}
/// At most 250 that name an address, after this organization, in the order of organizations.
pub async fn addressed_to(tx: &mut Tx, email: &Email, after: Uuid) -> Result<Vec<Invitation>> {
    tx.all(&ADDRESSED_TO, &[P::Text(email), after.into()], read).await
}
/// Up to 1,000 that had expired by `end`.
pub async fn outlived(tx: &mut Tx, end: &Timestamp) -> Result<Vec<Id<Invitation>>> {
    tx.all(&OUTLIVED, &[(*end).into()], |r| r.id(0)).await
}
