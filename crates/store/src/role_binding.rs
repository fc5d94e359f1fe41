//! Rows of role bindings.
use portcullis_domain::Id;
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::role_binding::{Bearer, Relation, RoleBinding};
use uuid::Uuid;

use crate::row::{json, json_text};
use crate::{Error, P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, role_id, namespace, object_id, bearer_type, bearer_id, relation, title, metadata, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO role_bindings (tenant, id, role_id, namespace, object_id, bearer_type, bearer_id, relation, title, \
        metadata, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE role_bindings SET title = $3, metadata = $4, updated_at = $5 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM role_bindings WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM role_bindings WHERE tenant = $1 AND id = $2");
    BY_KEY: point concat!("SELECT ", columns!(), " FROM role_bindings WHERE tenant = $1 AND bearer_id = $2 AND object_id = $3 \
        AND role_id = $4 AND relation = $5");
    PAGE: page concat!("SELECT ", columns!(), " FROM role_bindings WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT 250");
    OF_ROLE: page concat!("SELECT ", columns!(), " FROM role_bindings WHERE tenant = $1 AND role_id = $2 AND id > $3 ORDER BY id LIMIT 250");
    ON_OBJECT: page concat!("SELECT ", columns!(), " FROM role_bindings WHERE tenant = $1 AND object_id = $2 \
        AND (bearer_id, id) > ($3, $4) ORDER BY bearer_id, id LIMIT 250");
    COUNT_ON: scan "SELECT count(DISTINCT bearer_id) FROM role_bindings WHERE tenant = $1 AND object_id = $2";
    HELD_ON: page concat!("SELECT ", columns!(), " FROM role_bindings WHERE tenant = $1 AND bearer_id = $2 AND object_id = $3 \
        ORDER BY role_id, relation LIMIT 250");
    HELD_BY: page concat!("SELECT ", columns!(), " FROM role_bindings WHERE tenant = $1 AND bearer_id = $2 AND object_id > $3 \
        ORDER BY object_id, role_id, relation LIMIT 250");
}

fn read(r: &Row<'_>) -> Result<RoleBinding> {
    let bearer = Bearer::new(r.str(4)?, r.uuid(5)?);
    Ok(RoleBinding {
        id: r.id(0)?,
        role_id: r.id(1)?,
        namespace: r.text(2)?,
        object_id: r.uuid(3)?,
        bearer: bearer.ok_or_else(|| Error::internal("a role binding of nobody known"))?,
        relation: Relation::parse(r.str(6)?).ok_or_else(|| Error::internal("an unknown relation"))?,
        title: r.text(7)?,
        metadata: json(r.str(8)?),
        created_at: r.timestamp(9)?,
        updated_at: r.timestamp(10)?,
    })
}

/// Writes a new binding; false, and nothing written, when the bearer holds that role on the object already.
pub async fn insert(tx: &mut Tx, b: &RoleBinding) -> Result<bool> {
    let metadata = json_text(&b.metadata);
    let params = [
        b.id.into(),
        b.role_id.into(),
        P::Text(&b.namespace),
        b.object_id.into(),
        P::Text(b.bearer.namespace()),
        b.bearer.id().into(),
        P::Text(b.relation.as_str()),
        P::Text(&b.title),
        P::Text(&metadata),
        b.created_at.into(),
        b.updated_at.into(),
    ];
    Ok(tx.run(&INSERT, &params).await? > 0)
}
/// Writes title and metadata.
pub async fn update(tx: &mut Tx, b: &RoleBinding) -> Result<()> {
    let metadata = json_text(&b.metadata);
    tx.run(&UPDATE, &[b.id.into(), P::Text(&b.title), P::Text(&metadata), b.updated_at.into()]).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<RoleBinding>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<RoleBinding>) -> Result<Option<RoleBinding>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// The one that says the same as this.
pub async fn same(tx: &mut Tx, b: &RoleBinding) -> Result<Option<RoleBinding>> {
    let params = [b.bearer.id().into(), b.object_id.into(), b.role_id.into(), P::Text(b.relation.as_str())];
    tx.one(&BY_KEY, &params, read).await
}
/// At most 250 after this id, in the order of ids.
pub async fn page(tx: &mut Tx, after: Uuid) -> Result<Vec<RoleBinding>> {
    tx.all(&PAGE, &[after.into()], read).await
}
/// At most 250 of a role after this id, in the order of ids.
pub async fn of_role(tx: &mut Tx, role: Id<AccessRole>, after: Uuid) -> Result<Vec<RoleBinding>> {
    tx.all(&OF_ROLE, &[role.into(), after.into()], read).await
}
/// At most 250 on an object after this bearer and binding, in the order of bearers.
pub async fn on_object(tx: &mut Tx, object: Uuid, after: (Uuid, Uuid)) -> Result<Vec<RoleBinding>> {
    tx.all(&ON_OBJECT, &[object.into(), after.0.into(), after.1.into()], read).await
}
/// How many hold something on an object itself.
pub async fn count_on(tx: &mut Tx, object: Uuid) -> Result<i64> {
    Ok(tx.one(&COUNT_ON, &[object.into()], |r| r.int(0)).await?.unwrap_or(0))
}
/// What a bearer itself holds on an object: one binding a role.
pub async fn held_on(tx: &mut Tx, bearer: Bearer, object: Uuid) -> Result<Vec<RoleBinding>> {
    let mut held = tx.all(&HELD_ON, &[bearer.id().into(), object.into()], read).await?;
    held.retain(|b| b.bearer == bearer);
    Ok(held)
}
/// The first 250 that a bearer holds on objects after this one, in the order of objects.
pub async fn held_by(tx: &mut Tx, bearer: Bearer, after: Uuid) -> Result<Vec<RoleBinding>> {
    tx.all(&HELD_BY, &[bearer.id().into(), after.into()], read).await
}
