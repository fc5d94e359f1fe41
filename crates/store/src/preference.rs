//! Rows of preferences.
use portcullis_domain::Id;
use portcullis_domain::organization::Organization;
use portcullis_domain::preference::{Level, Preference, Scope, Whose};
use uuid::Uuid;

use crate::{Error, P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, level, resource_id, scope_id, name, value, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO preferences (tenant, id, level, resource_id, scope_id, name, value, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
    UPDATE: write "UPDATE preferences SET value = $3, updated_at = $4 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM preferences WHERE tenant = $1 AND id = $2";
    DELETE_OF: write "DELETE FROM preferences WHERE tenant = $1 AND resource_id = $2 AND level = $3";
    ONE: point concat!("SELECT ", columns!(), " FROM preferences WHERE tenant = $1 AND resource_id = $2 AND level = $3 \
        AND scope_id = $4 AND name = $5");
    IN_SCOPE: page concat!("SELECT ", columns!(), " FROM preferences WHERE tenant = $1 AND resource_id = $2 AND level = $3 \
        AND scope_id = $4 ORDER BY name LIMIT 250");
    NTH: page "SELECT name FROM preferences WHERE tenant = $1 AND resource_id = $2 AND level = $3 \
        ORDER BY scope_id, name LIMIT 1 OFFSET $4";
    SCOPED: page "SELECT id FROM preferences WHERE tenant = $1 AND scope_id = $2 ORDER BY id LIMIT 250";
}

fn scope_id(scope: Scope) -> Uuid {
    scope.map_or(Uuid::nil(), Id::uuid)
}

fn read(r: &Row<'_>) -> Result<Preference> {
    let (of, scope) = (r.uuid(2)?, r.uuid(3)?);
    let level = Level::parse(r.str(1)?).ok_or_else(|| Error::internal("a preference of an unknown level"))?;
    Ok(Preference {
        id: r.id(0)?,
        whose: match level {
            Level::Platform => Whose::Platform,
            Level::Organization => Whose::Organization(Id::from_uuid(of)),
            Level::User => Whose::User(Id::from_uuid(of)),
        },
        scope: (!scope.is_nil()).then(|| Id::from_uuid(scope)),
        name: r.text(4)?,
        value: r.text(5)?,
        created_at: r.timestamp(6)?,
        updated_at: r.timestamp(7)?,
    })
}

/// Writes a new one.
pub async fn insert(tx: &mut Tx, p: &Preference) -> Result<()> {
    let params = [
        p.id.into(),
        P::Text(p.whose.level().as_str()),
        p.whose.id().into(),
        scope_id(p.scope).into(),
        P::Text(&p.name),
        P::Text(&p.value),
        p.created_at.into(),
    ];
    tx.run(&INSERT, &params).await.map(drop)
}
/// Writes the value.
pub async fn update(tx: &mut Tx, p: &Preference) -> Result<()> {
    tx.run(&UPDATE, &[p.id.into(), P::Text(&p.value), p.updated_at.into()]).await.map(drop)
}
/// Removes one.
pub async fn delete(tx: &mut Tx, id: Id<Preference>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// Removes all of somebody who is about to go; they are few ([`has`]).
pub async fn delete_of(tx: &mut Tx, whose: Whose) -> Result<()> {
    tx.run(&DELETE_OF, &[whose.id().into(), P::Text(whose.level().as_str())]).await.map(drop)
}
/// What somebody set for a trait in a scope.
pub async fn one(tx: &mut Tx, whose: Whose, scope: Scope, name: &str) -> Result<Option<Preference>> {
    let params = [whose.id().into(), P::Text(whose.level().as_str()), scope_id(scope).into(), P::Text(name)];
    tx.one(&ONE, &params, read).await
}
/// Everything that somebody set in a scope, by name; at most 250.
pub async fn in_scope(tx: &mut Tx, whose: Whose, scope: Scope) -> Result<Vec<Preference>> {
    let params = [whose.id().into(), P::Text(whose.level().as_str()), scope_id(scope).into()];
    tx.all(&IN_SCOPE, &params, read).await
}
/// Has somebody set so many, over all scopes?
pub async fn has(tx: &mut Tx, whose: Whose, so_many: u16) -> Result<bool> {
    let nth = i64::from(so_many.saturating_sub(1));
    let params = [whose.id().into(), P::Text(whose.level().as_str()), P::Int(nth)];
    Ok(tx.one(&NTH, &params, |r| r.text(0)).await?.is_some())
}
/// At most 250 that people set for an organization.
pub async fn scoped(tx: &mut Tx, organization: Id<Organization>) -> Result<Vec<Id<Preference>>> {
    tx.all(&SCOPED, &[organization.into()], |r| r.id(0)).await
}
