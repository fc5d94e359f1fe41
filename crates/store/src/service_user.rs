//! Rows of service users.
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::{Id, Roles};
use uuid::Uuid;

use crate::row::{json, json_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, scope_id, title, state, roles, metadata, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO service_users (tenant, id, scope_id, title, state, roles, metadata, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    UPDATE: write "UPDATE service_users SET title = $3, state = $4, roles = $5, metadata = $6, updated_at = $7 \
        WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM service_users WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM service_users WHERE tenant = $1 AND id = $2");
    PAGE: page concat!("SELECT ", columns!(), " FROM service_users WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT 250");
    IN_SCOPE: page concat!("SELECT ", columns!(), " FROM service_users WHERE tenant = $1 AND scope_id = $2 AND id > $3 \
        ORDER BY id LIMIT 250");
    WITH_ROLES: page concat!("SELECT ", columns!(), " FROM service_users WHERE tenant = $1 AND id > $2 AND roles <> 0 \
        ORDER BY id LIMIT 250");
    COUNT: scan "SELECT count(*) FROM service_users WHERE tenant = $1 AND scope_id = $2";
}

/// The organization as the column has it; those of the platform lie in the nil UUID.
pub(crate) fn scope(organization: Option<Id<Organization>>) -> Uuid {
    organization.map_or(Uuid::nil(), Id::uuid)
}
/// The organization from the column.
pub(crate) fn organization(scope: Uuid) -> Option<Id<Organization>> {
    (!scope.is_nil()).then(|| Id::from_uuid(scope))
}

fn read(r: &Row<'_>) -> Result<ServiceUser> {
    Ok(ServiceUser {
        id: r.id(0)?,
        organization_id: organization(r.uuid(1)?),
        title: r.text(2)?,
        // an unknown state must not open a door
        state: State::parse(r.str(3)?).unwrap_or(State::Disabled),
        roles: Roles::from_bits(r.int(4)?),
        metadata: json(r.str(5)?),
        created_at: r.timestamp(6)?,
        updated_at: r.timestamp(7)?,
    })
}

/// Writes a new service user.
pub async fn insert(tx: &mut Tx, s: &ServiceUser) -> Result<()> {
    let metadata = json_text(&s.metadata);
    let params = [
        s.id.into(),
        scope(s.organization_id).into(),
        P::Text(&s.title),
        P::Text(s.state.as_str()),
        P::Int(s.roles.bits()),
        P::Text(&metadata),
        s.created_at.into(),
        s.updated_at.into(),
    ];
    tx.send(&INSERT, &params).await
}
/// Writes what may change.
pub async fn update(tx: &mut Tx, s: &ServiceUser) -> Result<()> {
    let metadata = json_text(&s.metadata);
    let params = [
        s.id.into(),
        P::Text(&s.title),
        P::Text(s.state.as_str()),
        P::Int(s.roles.bits()),
        P::Text(&metadata),
        s.updated_at.into(),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<ServiceUser>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<ServiceUser>) -> Result<Option<ServiceUser>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// At most 250 after this id, in the order of ids.
pub async fn page(tx: &mut Tx, after: Uuid) -> Result<Vec<ServiceUser>> {
    tx.all(&PAGE, &[after.into()], read).await
}
/// At most 250 of an organization (or of the platform) after this id, in the order of ids.
pub async fn in_scope(tx: &mut Tx, organization: Option<Id<Organization>>, after: Uuid) -> Result<Vec<ServiceUser>> {
    tx.all(&IN_SCOPE, &[scope(organization).into(), after.into()], read).await
}
/// At most 250 after this id that hold a role of the tenant, in the order of ids.
pub async fn with_roles(tx: &mut Tx, after: Uuid) -> Result<Vec<ServiceUser>> {
    tx.all(&WITH_ROLES, &[after.into()], read).await
}
/// How many an organization has.
pub async fn count(tx: &mut Tx, organization: Option<Id<Organization>>) -> Result<i64> {
    Ok(tx.one(&COUNT, &[scope(organization).into()], |r| r.int(0)).await?.unwrap_or(0))
}
