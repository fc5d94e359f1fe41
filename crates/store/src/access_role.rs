//! Rows of roles of the access graph.
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::value::Slug;
use portcullis_domain::{Id, access_role};
use uuid::Uuid;

use crate::row::{json, json_text, words, words_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, \
        updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE access_roles SET name = $3, title = $4, permissions = $5, scopes = $6, state = $7, metadata = $8, \
        updated_at = $9 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM access_roles WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM access_roles WHERE tenant = $1 AND id = $2");
    BY_NAME: point concat!("SELECT ", columns!(), " FROM access_roles WHERE tenant = $1 AND scope_id = $2 AND name = $3");
    PAGE: page concat!("SELECT ", columns!(), " FROM access_roles WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT 250");
    IN_SCOPE: page concat!("SELECT ", columns!(), " FROM access_roles WHERE tenant = $1 AND scope_id = $2 AND name > $3 \
        ORDER BY name LIMIT 250");
}

fn scope(organization: Option<Id<Organization>>) -> Uuid {
    organization.map_or(Uuid::nil(), Id::uuid)
}

fn read(r: &Row<'_>) -> Result<AccessRole> {
    let scope = r.uuid(1)?;
    Ok(AccessRole {
        id: r.id(0)?,
        organization_id: (!scope.is_nil()).then(|| Id::from_uuid(scope)),
        name: Slug::stored(r.text(2)?),
        title: r.text(3)?,
        permissions: words(r.str(4)?),
        scopes: words(r.str(5)?),
        // an unknown state must not open a door
        state: State::parse(r.str(6)?).unwrap_or(State::Disabled),
        metadata: json(r.str(7)?),
        created_at: r.timestamp(8)?,
        updated_at: r.timestamp(9)?,
    })
}

/// Writes a new role; false, and nothing written, when its name is taken where it belongs.
pub async fn insert(tx: &mut Tx, r: &AccessRole) -> Result<bool> {
    let (permissions, scopes, metadata) = (words_text(&r.permissions), words_text(&r.scopes), json_text(&r.metadata));
    let params = [
        r.id.into(),
        scope(r.organization_id).into(),
        P::Text(&r.name),
        P::Text(&r.title),
        P::Text(&permissions),
        P::Text(&scopes),
        P::Text(r.state.as_str()),
        P::Text(&metadata),
        r.created_at.into(),
        r.updated_at.into(),
    ];
    Ok(tx.run(&INSERT, &params).await? > 0)
}
/// Writes the roles that a tenant begins with.
pub async fn insert_predefined(tx: &mut Tx) -> Result<()> {
    let now = tx.cx.now;
    for r in &access_role::PREDEFINED {
        let role = AccessRole {
            id: r.id(),
            organization_id: None,
            name: Slug::stored(r.name),
            title: r.title.into(),
            permissions: r.permissions.iter().map(|&p| p.into()).collect(),
            scopes: vec![r.scope.into()],
            state: State::Enabled,
            metadata: serde_json::Map::new(),
            created_at: now,
            updated_at: now,
        };
        insert(tx, &role).await?;
    }
    Ok(())
}
/// Writes what may change. A taken name surfaces as `access_roles_name`.
pub async fn update(tx: &mut Tx, r: &AccessRole) -> Result<()> {
    let (permissions, scopes, metadata) = (words_text(&r.permissions), words_text(&r.scopes), json_text(&r.metadata));
    let params = [
        r.id.into(),
        P::Text(&r.name),
        P::Text(&r.title),
        P::Text(&permissions),
        P::Text(&scopes),
        P::Text(r.state.as_str()),
        P::Text(&metadata),
        r.updated_at.into(),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<AccessRole>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<AccessRole>) -> Result<Option<AccessRole>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// One by name where it belongs.
pub async fn by_name(tx: &mut Tx, organization: Option<Id<Organization>>, name: &str) -> Result<Option<AccessRole>> {
    tx.one(&BY_NAME, &[scope(organization).into(), P::Text(name)], read).await
}
/// At most 250 after this id, in the order of ids.
pub async fn page(tx: &mut Tx, after: Uuid) -> Result<Vec<AccessRole>> {
    tx.all(&PAGE, &[after.into()], read).await
}
/// At most 250 of an organization (or of all) after this name, in the order of names.
pub async fn in_scope(tx: &mut Tx, organization: Option<Id<Organization>>, after: &str) -> Result<Vec<AccessRole>> {
    tx.all(&IN_SCOPE, &[scope(organization).into(), P::Text(after)], read).await
}
