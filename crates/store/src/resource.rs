//! Rows of resources.
use portcullis_domain::Id;
use portcullis_domain::project::Project;
use portcullis_domain::resource::Resource;
use portcullis_domain::role_binding::Bearer;
use uuid::Uuid;

use crate::row::{json, json_text};
use crate::{Error, P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, project_id, namespace, name, title, owner_type, owner_id, metadata, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO resources (tenant, id, project_id, namespace, name, title, owner_type, owner_id, metadata, created_at, \
        updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE resources SET title = $3, owner_type = $4, owner_id = $5, metadata = $6, updated_at = $7 \
        WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM resources WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM resources WHERE tenant = $1 AND id = $2");
    BY_NAME: point concat!("SELECT ", columns!(), " FROM resources WHERE tenant = $1 AND project_id = $2 AND namespace = $3 AND name = $4");
    PAGE: page concat!("SELECT ", columns!(), " FROM resources WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT 250");
    IN_PROJECT: page concat!("SELECT ", columns!(), " FROM resources WHERE tenant = $1 AND project_id = $2 \
        AND (namespace, name) > ($3, $4) ORDER BY namespace, name LIMIT 250");
    OWNED_BY: page concat!("SELECT ", columns!(), " FROM resources WHERE tenant = $1 AND owner_id = $2 AND id > $3 ORDER BY id LIMIT 250");
}

fn read(r: &Row<'_>) -> Result<Resource> {
    let owner = Bearer::new(r.str(5)?, r.uuid(6)?);
    Ok(Resource {
        id: r.id(0)?,
        project_id: r.id(1)?,
        namespace: r.text(2)?,
        name: r.text(3)?,
        title: r.text(4)?,
        owner: owner.ok_or_else(|| Error::internal("a resource of nobody known"))?,
        metadata: json(r.str(7)?),
        created_at: r.timestamp(8)?,
        updated_at: r.timestamp(9)?,
    })
}

/// Writes a new resource; false, and nothing written, when its id or its name is taken.
pub async fn insert(tx: &mut Tx, r: &Resource) -> Result<bool> {
    let metadata = json_text(&r.metadata);
    let params = [
        r.id.into(),
        r.project_id.into(),
        P::Text(&r.namespace),
        P::Text(&r.name),
        P::Text(&r.title),
        P::Text(r.owner.namespace()),
        r.owner.id().into(),
        P::Text(&metadata),
        r.created_at.into(),
        r.updated_at.into(),
    ];
    Ok(tx.run(&INSERT, &params).await? > 0)
}
/// Writes what may change.
pub async fn update(tx: &mut Tx, r: &Resource) -> Result<()> {
    let metadata = json_text(&r.metadata);
    let params = [
        r.id.into(),
        P::Text(&r.title),
        P::Text(r.owner.namespace()),
        r.owner.id().into(),
        P::Text(&metadata),
        r.updated_at.into(),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<Resource>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<Resource>) -> Result<Option<Resource>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// One by name where it lies.
pub async fn by_name(tx: &mut Tx, project: Id<Project>, namespace: &str, name: &str) -> Result<Option<Resource>> {
    tx.one(&BY_NAME, &[project.into(), P::Text(namespace), P::Text(name)], read).await
}
/// At most 250 after this id, in the order of ids.
pub async fn page(tx: &mut Tx, after: Uuid) -> Result<Vec<Resource>> {
    tx.all(&PAGE, &[after.into()], read).await
}
/// At most 250 of a project after this namespace and name, in their order.
pub async fn in_project(tx: &mut Tx, project: Id<Project>, after: (&str, &str)) -> Result<Vec<Resource>> {
    tx.all(&IN_PROJECT, &[project.into(), P::Text(after.0), P::Text(after.1)], read).await
}
/// At most 250 whose owner has this id after this one, in the order of ids.
pub async fn owned_by(tx: &mut Tx, owner: Uuid, after: Uuid) -> Result<Vec<Resource>> {
    tx.all(&OWNED_BY, &[owner.into(), after.into()], read).await
}
