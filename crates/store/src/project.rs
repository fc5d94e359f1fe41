//! Rows of projects.
use portcullis_domain::Id;
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::project::Project;
use portcullis_domain::value::Slug;
use uuid::Uuid;

use crate::row::{json, json_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, organization_id, name, title, state, metadata, created_at, updated_at, revision"
    };
}

/// The columns of [`read`].
pub(crate) const COLUMNS: &str = columns!();

statements! {
    INSERT: write "INSERT INTO projects (tenant, id, organization_id, name, title, state, metadata, created_at, updated_at, revision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE projects SET title = $3, state = $4, metadata = $5, updated_at = $6, revision = revision + 1 \
        WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM projects WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM projects WHERE tenant = $1 AND id = $2");
    BY_NAME: point concat!("SELECT ", columns!(), " FROM projects WHERE tenant = $1 AND name = $2");
    PAGE: page concat!("SELECT ", columns!(), " FROM projects WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT 250");
    IN_ORGANIZATION: page concat!("SELECT ", columns!(), " FROM projects WHERE tenant = $1 AND organization_id = $2 AND id > $3 \
        ORDER BY id LIMIT 250");
}

pub(crate) fn read(r: &Row<'_>) -> Result<Project> {
    Ok(Project {
        id: r.id(0)?,
        organization_id: r.id(1)?,
        name: Slug::stored(r.text(2)?),
        title: r.text(3)?,
        // an unknown state must not open a door
        state: State::parse(r.str(4)?).unwrap_or(State::Disabled),
        metadata: json(r.str(5)?),
        created_at: r.timestamp(6)?,
        updated_at: r.timestamp(7)?,
        revision: r.int(8)?,
    })
}

/// Writes a new project; false, and nothing written, when its name is taken.
pub async fn insert(tx: &mut Tx, p: &Project) -> Result<bool> {
    let metadata = json_text(&p.metadata);
    let params = [
        p.id.into(),
        p.organization_id.into(),
        P::Text(&p.name),
        P::Text(&p.title),
        P::Text(p.state.as_str()),
        P::Text(&metadata),
        p.created_at.into(),
        p.updated_at.into(),
    ];
    Ok(tx.run(&INSERT, &params).await? > 0)
}
/// Writes what may change.
pub async fn update(tx: &mut Tx, p: &Project) -> Result<()> {
    let metadata = json_text(&p.metadata);
    let params = [p.id.into(), P::Text(&p.title), P::Text(p.state.as_str()), P::Text(&metadata), p.updated_at.into()];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<Project>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<Project>) -> Result<Option<Project>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// One by name.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Project>> {
    tx.one(&BY_NAME, &[P::Text(name)], read).await
}
/// At most 250 after this id, in the order of ids.
pub async fn page(tx: &mut Tx, after: Uuid) -> Result<Vec<Project>> {
    tx.all(&PAGE, &[after.into()], read).await
}
/// At most 250 of an organization after this id, in the order of ids.
pub async fn in_organization(tx: &mut Tx, organization: Id<Organization>, after: Uuid) -> Result<Vec<Project>> {
    tx.all(&IN_ORGANIZATION, &[organization.into(), after.into()], read).await
}
