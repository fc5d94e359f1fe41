//! Rows of organizations.
use portcullis_domain::Id;
use portcullis_domain::organization::{Organization, State};
use portcullis_domain::value::Slug;
use uuid::Uuid;

use crate::row::{json, json_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, name, title, avatar, state, metadata, created_at, updated_at, revision"
    };
}

statements! {
    INSERT: write "INSERT INTO organizations (tenant, id, name, title, avatar, state, metadata, created_at, updated_at, revision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE organizations SET title = $3, avatar = $4, state = $5, metadata = $6, updated_at = $7, \
        revision = revision + 1 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM organizations WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM organizations WHERE tenant = $1 AND id = $2");
    BY_NAME: point concat!("SELECT ", columns!(), " FROM organizations WHERE tenant = $1 AND name = $2");
    PAGE: page concat!("SELECT ", columns!(), " FROM organizations WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT 250");
    LIST: scan concat!("SELECT ", columns!(), " FROM organizations WHERE tenant = $1 AND ($2 = '' OR state = $2) \
        ORDER BY id LIMIT $3 OFFSET $4");
    COUNT: scan "SELECT count(*) FROM organizations WHERE tenant = $1 AND ($2 = '' OR state = $2)";
}

pub(crate) fn read(r: &Row<'_>) -> Result<Organization> {
    Ok(Organization {
        id: r.id(0)?,
        name: Slug::stored(r.text(1)?),
        title: r.text(2)?,
        avatar: r.opt_text(3)?,
        // an unknown state must not open a door
        state: State::parse(r.str(4)?).unwrap_or(State::Disabled),
        metadata: json(r.str(5)?),
        created_at: r.timestamp(6)?,
        updated_at: r.timestamp(7)?,
        revision: r.int(8)?,
    })
}

/// Writes a new organization; false, and nothing written, when its name is taken.
pub async fn insert(tx: &mut Tx, o: &Organization) -> Result<bool> {
    let metadata = json_text(&o.metadata);
    let params = [
        o.id.into(),
        P::Text(&o.name),
        P::Text(&o.title),
        o.avatar.as_deref().into(),
        P::Text(o.state.as_str()),
        P::Text(&metadata),
        o.created_at.into(),
        o.updated_at.into(),
    ];
    Ok(tx.run(&INSERT, &params).await? > 0)
}
/// Writes what may change.
pub async fn update(tx: &mut Tx, o: &Organization) -> Result<()> {
    let metadata = json_text(&o.metadata);
    let params = [
        o.id.into(),
        P::Text(&o.title),
        o.avatar.as_deref().into(),
        P::Text(o.state.as_str()),
        P::Text(&metadata),
        o.updated_at.into(),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<Organization>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<Organization>) -> Result<Option<Organization>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// One by name.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Organization>> {
    tx.one(&BY_NAME, &[P::Text(name)], read).await
}
/// At most 250 after this id, in the order of ids.
pub async fn page(tx: &mut Tx, after: Uuid) -> Result<Vec<Organization>> {
    tx.all(&PAGE, &[after.into()], read).await
}
/// So many after so many, in the order of ids.
pub async fn list(tx: &mut Tx, state: Option<State>, limit: usize, offset: usize) -> Result<Vec<Organization>> {
    let number = |n: usize| P::Int(i64::try_from(n).unwrap_or(i64::MAX));
    tx.all(&LIST, &[P::Text(word(state)), number(limit), number(offset)], read).await
}
/// How many there are.
pub async fn count(tx: &mut Tx, state: Option<State>) -> Result<usize> {
    let count = tx.one(&COUNT, &[P::Text(word(state))], |r| r.int(0)).await?;
    Ok(count.and_then(|n| usize::try_from(n).ok()).unwrap_or(0))
}
fn word(state: Option<State>) -> &'static str {
    state.map_or("", State::as_str)
}
