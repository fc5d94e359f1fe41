//! Rows of JSON Schemas for metadata.
use portcullis_domain::Id;
use portcullis_domain::meta_schema::MetaSchema;
use portcullis_domain::value::Slug;

use crate::{P, Result, Row, Tx};

statements! {
    INSERT: write "INSERT INTO meta_schemas (tenant, id, name, schema, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)";
    UPDATE: write "UPDATE meta_schemas SET name = $3, schema = $4, updated_at = $5 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM meta_schemas WHERE tenant = $1 AND id = $2";
    ALL_SCHEMAS: page "SELECT id, name, schema, created_at, updated_at FROM meta_schemas WHERE tenant = $1 ORDER BY name LIMIT 1000";
    BY_ID: point "SELECT id, name, schema, created_at, updated_at FROM meta_schemas WHERE tenant = $1 AND id = $2";
    BY_NAME: point "SELECT id, name, schema, created_at, updated_at FROM meta_schemas WHERE tenant = $1 AND name = $2";
}

fn read(r: &Row<'_>) -> Result<MetaSchema> {
    Ok(MetaSchema {
        id: Id::from_uuid(r.uuid(0)?),
        name: Slug::stored(r.text(1)?),
        schema: r.text(2)?,
        created_at: r.timestamp(3)?,
        updated_at: r.timestamp(4)?,
    })
}

/// Writes a new schema. A taken name surfaces as `meta_schemas_name`.
pub async fn insert(tx: &mut Tx, m: &MetaSchema) -> Result<()> {
    let (created, updated) = (m.created_at, m.updated_at);
    tx.run(&INSERT, &[m.id.into(), P::Text(&m.name), P::Text(&m.schema), created.into(), updated.into()]).await?;
    Ok(())
}
/// Puts another text, and maybe name, in place.
pub async fn update(tx: &mut Tx, m: &MetaSchema) -> Result<()> {
    tx.run(&UPDATE, &[m.id.into(), P::Text(&m.name), P::Text(&m.schema), m.updated_at.into()]).await?;
    Ok(())
}
/// Deletes a schema.
pub async fn delete(tx: &mut Tx, id: Id<MetaSchema>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await?;
    Ok(())
}
/// All schemas of the tenant, by name; at most 1,000.
pub async fn all(tx: &mut Tx) -> Result<Vec<MetaSchema>> {
    tx.all(&ALL_SCHEMAS, &[], read).await
}
/// One schema.
pub async fn by_id(tx: &mut Tx, id: Id<MetaSchema>) -> Result<Option<MetaSchema>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// One schema.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<MetaSchema>> {
    tx.one(&BY_NAME, &[P::Text(name)], read).await
}
