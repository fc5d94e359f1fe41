//! Which things a reviewed file keeps (`portcullis apply`): each belongs to at most one named set.
use uuid::Uuid;

use crate::{P, Result, Row, Tx};

statements! {
    PUT: write "INSERT INTO managed (tenant, kind, id, set_name) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (tenant, kind, id) DO UPDATE SET set_name = excluded.set_name";
    DELETE: write "DELETE FROM managed WHERE tenant = $1 AND kind = $2 AND id = $3";
    SET_OF: point "SELECT set_name FROM managed WHERE tenant = $1 AND kind = $2 AND id = $3";
    OF_SET: page "SELECT kind, id FROM managed WHERE tenant = $1 AND set_name = $2 AND (kind, id) > ($3, $4) \
        ORDER BY kind, id LIMIT 250";
}

/// A thing that a set keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// What it is: `role`, `group`, …
    pub kind: String,
    /// Its id.
    pub id: Uuid,
}

fn read(r: &Row<'_>) -> Result<Managed> {
    Ok(Managed { kind: r.text(0)?, id: r.uuid(1)? })
}

/// From now on this set keeps the thing, whoever did before.
pub async fn put(tx: &mut Tx, kind: &str, id: Uuid, set: &str) -> Result<()> {
    tx.run(&PUT, &[P::Text(kind), id.into(), P::Text(set)]).await.map(drop)
}
/// No set keeps it any more.
pub async fn delete(tx: &mut Tx, kind: &str, id: Uuid) -> Result<()> {
    tx.run(&DELETE, &[P::Text(kind), id.into()]).await.map(drop)
}
/// The set that keeps a thing.
pub async fn set_of(tx: &mut Tx, kind: &str, id: Uuid) -> Result<Option<String>> {
    tx.one(&SET_OF, &[P::Text(kind), id.into()], |r| r.text(0)).await
}
/// Everything that a set keeps.
pub async fn of_set(tx: &mut Tx, set: &str) -> Result<Vec<Managed>> {
    let (mut out, mut last): (Vec<Managed>, _) = (vec![], Managed { kind: String::new(), id: Uuid::nil() });
    loop {
        let page = tx.all(&OF_SET, &[P::Text(set), P::Text(&last.kind), last.id.into()], read).await?;
        let Some(end) = page.last() else { return Ok(out) };
        last = end.clone();
        out.extend(page);
    }
}
