//! Rows of groups.
use portcullis_domain::group::{Group, RoleMapping};
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::value::Slug;
use portcullis_domain::value::name_key;
use portcullis_domain::{Id, Role, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::row::{json, json_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, scope_id, name, title, state, source, metadata, created_at, updated_at, revision, description, role_mappings, \
         identity_provider, external_id"
    };
}

/// The columns of [`read`].
pub(crate) const COLUMNS: &str = columns!();

statements! {
    INSERT: write "INSERT INTO groups (tenant, id, scope_id, name, title, state, source, metadata, created_at, updated_at, revision, \
        title_key, description, role_mappings, identity_provider, external_id) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE groups SET name = $3, title = $4, state = $5, metadata = $6, updated_at = $7, title_key = $8, description = $9, \
        role_mappings = $10, revision = revision + 1 WHERE tenant = $1 AND id = $2";
    SET_EXTERNAL_ID: write "UPDATE groups SET external_id = $3 WHERE tenant = $1 AND id = $2";
    RELEASE: write "UPDATE groups SET source = 'manual', identity_provider = NULL, external_id = NULL, revision = revision + 1 \
        WHERE tenant = $1 AND identity_provider = $2";
    DELETE: write "DELETE FROM groups WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM groups WHERE tenant = $1 AND id = $2");
    BY_NAME: point concat!("SELECT ", columns!(), " FROM groups WHERE tenant = $1 AND scope_id = $2 AND name = $3");
    BY_TITLE: point concat!("SELECT ", columns!(), " FROM groups WHERE tenant = $1 AND title_key = $2");
    BY_EXTERNAL_ID: point concat!("SELECT ", columns!(), " FROM groups WHERE tenant = $1 AND identity_provider = $2 AND external_id = $3");
    OF_PROVIDER: page concat!("SELECT ", columns!(), " FROM groups WHERE tenant = $1 AND identity_provider = $2 AND external_id > $3 \
        ORDER BY external_id LIMIT 250");
    COUNT_OF_PROVIDER: scan "SELECT count(*) FROM groups WHERE tenant = $1 AND identity_provider = $2";
    PAGE: page concat!("SELECT ", columns!(), " FROM groups WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT 250");
    IN_SCOPE: page concat!("SELECT ", columns!(), " FROM groups WHERE tenant = $1 AND scope_id = $2 AND name > $3 ORDER BY name LIMIT 250");
}

fn scope(organization: Option<Id<Organization>>) -> Uuid {
    organization.map_or(Uuid::nil(), Id::uuid)
}

pub(crate) fn read(r: &Row<'_>) -> Result<Group> {
    let scope = r.uuid(1)?;
    Ok(Group {
        id: r.id(0)?,
        organization_id: (!scope.is_nil()).then(|| Id::from_uuid(scope)),
        name: Slug::stored(r.text(2)?),
        title: r.text(3)?,
        // an unknown state must not open a door
        state: State::parse(r.str(4)?).unwrap_or(State::Disabled),
        source: r.text(5)?,
        metadata: json(r.str(6)?),
        created_at: r.timestamp(7)?,
        updated_at: r.timestamp(8)?,
        revision: r.int(9)?,
        description: r.opt_text(10)?,
        role_mappings: mappings(&json(r.str(11)?)),
        identity_provider_id: r.opt_id(12)?,
        external_id: r.opt_text(13)?,
    })
}

fn mappings(stored: &Map<String, Value>) -> Vec<RoleMapping> {
    let since = |role: Role| stored.get(role.as_str()).and_then(Value::as_i64).map(Timestamp::from_micros);
    Role::PUBLIC.into_iter().filter_map(|role| Some(RoleMapping { role, created_at: since(role)? })).collect()
}
fn mappings_text(mappings: &[RoleMapping]) -> String {
    json_text(
        &mappings.iter().map(|m| (m.role.as_str().to_owned(), m.created_at.micros().into())).collect::<Map<_, _>>(),
    )
}

/// Writes a new group; false, and nothing written, when its name is taken where it lies, or its title among the tenant's own.
pub async fn insert(tx: &mut Tx, g: &Group) -> Result<bool> {
    let (metadata, title_key, mappings) = (json_text(&g.metadata), g.title_key(), mappings_text(&g.role_mappings));
    let params = [
        g.id.into(),
        scope(g.organization_id).into(),
        P::Text(&g.name),
        P::Text(&g.title),
        P::Text(g.state.as_str()),
        P::Text(&g.source),
        P::Text(&metadata),
        g.created_at.into(),
        g.updated_at.into(),
        title_key.as_deref().into(),
        g.description.as_deref().into(),
        P::Text(&mappings),
        g.identity_provider_id.into(),
        g.external_id.as_deref().into(),
    ];
    Ok(tx.run(&INSERT, &params).await? > 0)
}
/// Writes what may change. A taken name surfaces as `groups_name`, a taken title of the tenant's own as `groups_title`.
pub async fn update(tx: &mut Tx, g: &Group) -> Result<()> {
    let (metadata, title_key, mappings) = (json_text(&g.metadata), g.title_key(), mappings_text(&g.role_mappings));
    let params = [
        g.id.into(),
        P::Text(&g.name),
        P::Text(&g.title),
        P::Text(g.state.as_str()),
        P::Text(&metadata),
        g.updated_at.into(),
        title_key.as_deref().into(),
        g.description.as_deref().into(),
        P::Text(&mappings),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Writes what its directory calls it.
pub async fn set_external_id(tx: &mut Tx, id: Id<Group>, external_id: Option<&str>) -> Result<()> {
    tx.run(&SET_EXTERNAL_ID, &[id.into(), external_id.into()]).await.map(drop)
}
/// Makes the groups of a directory that ends groups like any other.
pub async fn release(tx: &mut Tx, provider: Id<IdentityProvider>) -> Result<()> {
    tx.run(&RELEASE, &[provider.into()]).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<Group>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<Group>) -> Result<Option<Group>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// One by name where it lies.
pub async fn by_name(tx: &mut Tx, organization: Option<Id<Organization>>, name: &str) -> Result<Option<Group>> {
    tx.one(&BY_NAME, &[scope(organization).into(), P::Text(name)], read).await
}
/// One of the tenant's own by its title, whatever the case.
pub async fn by_title(tx: &mut Tx, title: &str) -> Result<Option<Group>> {
    tx.one(&BY_TITLE, &[P::Text(&name_key(title))], read).await
}
/// One that an identity provider names, by what it is called there.
pub async fn by_external_id(tx: &mut Tx, provider: Id<IdentityProvider>, name: &str) -> Result<Option<Group>> {
    tx.one(&BY_EXTERNAL_ID, &[provider.into(), P::Text(name)], read).await
}
/// At most 250 that an identity provider names, after the one that is called this there.
pub async fn of_provider(tx: &mut Tx, provider: Id<IdentityProvider>, after: &str) -> Result<Vec<Group>> {
    tx.all(&OF_PROVIDER, &[provider.into(), P::Text(after)], read).await
}
/// How many an identity provider names.
pub async fn count_of_provider(tx: &mut Tx, provider: Id<IdentityProvider>) -> Result<i64> {
    Ok(tx.one(&COUNT_OF_PROVIDER, &[provider.into()], |r| r.int(0)).await?.unwrap_or(0))
}
/// At most 250 after this id, in the order of ids.
pub async fn page(tx: &mut Tx, after: Uuid) -> Result<Vec<Group>> {
    tx.all(&PAGE, &[after.into()], read).await
}
/// At most 250 of an organization (or of the tenant itself) after this name, in the order of names.
pub async fn in_scope(tx: &mut Tx, organization: Option<Id<Organization>>, after: &str) -> Result<Vec<Group>> {
    tx.all(&IN_SCOPE, &[scope(organization).into(), P::Text(after)], read).await
}
