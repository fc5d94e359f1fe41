//! Rows of a tenant's own namespaces and permissions.
use portcullis_domain::Id;
use portcullis_domain::permission::{Namespace, Permission};

use crate::row::{json, json_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, namespace, verb, slug, title, metadata, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO permissions (tenant, id, namespace, verb, slug, title, metadata, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE permissions SET title = $3, metadata = $4, updated_at = $5 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM permissions WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM permissions WHERE tenant = $1 AND id = $2");
    BY_SLUG: point concat!("SELECT ", columns!(), " FROM permissions WHERE tenant = $1 AND slug = $2");
    PAGE: page concat!("SELECT ", columns!(), " FROM permissions WHERE tenant = $1 AND slug > $2 ORDER BY slug LIMIT 250");
    IN_NAMESPACE: page concat!("SELECT ", columns!(), " FROM permissions WHERE tenant = $1 AND namespace = $2 ORDER BY verb LIMIT 2");
    RESOURCE_IN: page "SELECT id FROM resources WHERE tenant = $1 AND namespace = $2 ORDER BY id LIMIT 1";
    INSERT_NAMESPACE: write "INSERT INTO namespaces (tenant, id, name, metadata, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    DELETE_NAMESPACE: write "DELETE FROM namespaces WHERE tenant = $1 AND id = $2";
    NAMESPACE_BY_ID: point "SELECT id, name, metadata, created_at, updated_at FROM namespaces WHERE tenant = $1 AND id = $2";
    NAMESPACE_BY_NAME: point "SELECT id, name, metadata, created_at, updated_at FROM namespaces WHERE tenant = $1 AND name = $2";
    NAMESPACES: page "SELECT id, name, metadata, created_at, updated_at FROM namespaces WHERE tenant = $1 AND name > $2 \
        ORDER BY name LIMIT 250";
}

fn read(r: &Row<'_>) -> Result<Permission> {
    Ok(Permission {
        id: r.id(0)?,
        namespace: r.text(1)?,
        verb: r.text(2)?,
        slug: r.text(3)?,
        title: r.text(4)?,
        metadata: json(r.str(5)?),
        created_at: r.timestamp(6)?,
        updated_at: r.timestamp(7)?,
    })
}
fn read_namespace(r: &Row<'_>) -> Result<Namespace> {
    Ok(Namespace {
        id: r.id(0)?,
        name: r.text(1)?,
        metadata: json(r.str(2)?),
        created_at: r.timestamp(3)?,
        updated_at: r.timestamp(4)?,
    })
}

/// Writes a new permission; false, and nothing written, when its slug is taken.
pub async fn insert(tx: &mut Tx, p: &Permission) -> Result<bool> {
    let metadata = json_text(&p.metadata);
    let params = [
        p.id.into(),
        P::Text(&p.namespace),
        P::Text(&p.verb),
        P::Text(&p.slug),
        P::Text(&p.title),
        P::Text(&metadata),
        p.created_at.into(),
        p.updated_at.into(),
    ];
    Ok(tx.run(&INSERT, &params).await? > 0)
}
/// Writes title and metadata.
pub async fn update(tx: &mut Tx, p: &Permission) -> Result<()> {
    let metadata = json_text(&p.metadata);
    tx.run(&UPDATE, &[p.id.into(), P::Text(&p.title), P::Text(&metadata), p.updated_at.into()]).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<Permission>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<Permission>) -> Result<Option<Permission>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// One by slug.
pub async fn by_slug(tx: &mut Tx, slug: &str) -> Result<Option<Permission>> {
    tx.one(&BY_SLUG, &[P::Text(slug)], read).await
}
/// At most 250 after this slug, in the order of slugs.
pub async fn page(tx: &mut Tx, after: &str) -> Result<Vec<Permission>> {
    tx.all(&PAGE, &[P::Text(after)], read).await
}
/// The first two of a namespace: whether one is its last.
pub async fn in_namespace(tx: &mut Tx, namespace: &str) -> Result<Vec<Permission>> {
    tx.all(&IN_NAMESPACE, &[P::Text(namespace)], read).await
}
/// Is there any resource of this namespace?
pub async fn has_resources(tx: &mut Tx, namespace: &str) -> Result<bool> {
    let first = tx.one(&RESOURCE_IN, &[P::Text(namespace)], |r| r.uuid(0)).await?;
    Ok(first.is_some())
}
/// Writes a new namespace; false, and nothing written, when its name is taken.
pub async fn insert_namespace(tx: &mut Tx, n: &Namespace) -> Result<bool> {
    let metadata = json_text(&n.metadata);
    let params = [n.id.into(), P::Text(&n.name), P::Text(&metadata), n.created_at.into(), n.updated_at.into()];
    Ok(tx.run(&INSERT_NAMESPACE, &params).await? > 0)
}
/// Removes a namespace.
pub async fn delete_namespace(tx: &mut Tx, id: Id<Namespace>) -> Result<()> {
    tx.run(&DELETE_NAMESPACE, &[id.into()]).await.map(drop)
}
/// One namespace by id.
pub async fn namespace_by_id(tx: &mut Tx, id: Id<Namespace>) -> Result<Option<Namespace>> {
    tx.one(&NAMESPACE_BY_ID, &[id.into()], read_namespace).await
}
/// One namespace by name.
pub async fn namespace_by_name(tx: &mut Tx, name: &str) -> Result<Option<Namespace>> {
    tx.one(&NAMESPACE_BY_NAME, &[P::Text(name)], read_namespace).await
}
/// At most 250 namespaces after this name, in the order of names.
pub async fn namespaces(tx: &mut Tx, after: &str) -> Result<Vec<Namespace>> {
    tx.all(&NAMESPACES, &[P::Text(after)], read_namespace).await
}
