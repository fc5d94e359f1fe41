//! Organizations that are gone while something of theirs is still to be removed: the row is deleted when it is done.
use portcullis_domain::Id;
use portcullis_domain::organization::Organization;

use crate::{Result, Tx};

statements! {
    INSERT: write "INSERT INTO organization_removals (tenant, organization_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    NEXT: page "SELECT organization_id FROM organization_removals WHERE tenant = $1 ORDER BY organization_id LIMIT 1";
    DONE: write "DELETE FROM organization_removals WHERE tenant = $1 AND organization_id = $2";
}

/// Asks for the removal of what is left of an organization that was just deleted.
pub async fn add(tx: &mut Tx, id: Id<Organization>) -> Result<()> {
    tx.run(&INSERT, &[id.into()]).await.map(drop)
}
/// The tenant's next one.
pub async fn next(tx: &mut Tx) -> Result<Option<Id<Organization>>> {
    tx.one(&NEXT, &[], |r| r.id(0)).await
}
/// It is done.
pub async fn done(tx: &mut Tx, id: Id<Organization>) -> Result<()> {
    tx.run(&DONE, &[id.into()]).await.map(drop)
}
