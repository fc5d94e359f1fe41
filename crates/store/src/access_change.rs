//! What changed in the access graph at which revision of the tenant (engine.md 7): a node that is behind looks at these things anew.
use uuid::Uuid;

use crate::{P, Result, Row, Tx};

statements! {
    pub(crate) INSERT: write "INSERT INTO access_changes (tenant, revision, kind, id) VALUES ($1, $2, $3, $4)";
    SINCE: page "SELECT kind, id FROM access_changes WHERE tenant = $1 AND revision > $2 ORDER BY revision LIMIT 250";
    OLDEST: page "SELECT revision FROM access_changes WHERE tenant = $1 AND revision <= $2 ORDER BY revision LIMIT 1";
    FORGET: write "DELETE FROM access_changes WHERE tenant = $1 AND revision <= $2";
}

/// Who is further behind than so many revisions loads the whole graph.
pub const KEPT: i64 = 10_000;

/// What kind of thing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An organization.
    Organization,
    /// A project.
    Project,
    /// A group.
    Group,
    /// A role.
    Role,
    /// A role binding.
    Binding,
    /// A permission of the tenant's own.
    Permission,
}
impl Kind {
    const ALL: [Self; 6] =
        [Self::Organization, Self::Project, Self::Group, Self::Role, Self::Binding, Self::Permission];
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Project => "project",
            Self::Group => "group",
            Self::Role => "role",
            Self::Binding => "binding",
            Self::Permission => "permission",
        }
    }
}

/// Something that changed: made, changed or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Touched {
    /// What it is.
    pub kind: Kind,
    /// Which.
    pub id: Uuid,
}

fn read(r: &Row<'_>) -> Result<Option<Touched>> {
    let word = r.str(0)?;
    let kind = Kind::ALL.into_iter().find(|k| k.as_str() == word);
    let id = r.uuid(1)?;
    Ok(kind.map(|kind| Touched { kind, id }))
}

/// What changed after a revision. `None`: too much to list; load everything.
pub async fn since(tx: &mut Tx, revision: i64) -> Result<Option<Vec<Touched>>> {
    let rows = tx.all(&SINCE, &[P::Int(revision)], read).await?;
    if rows.len() >= 250 {
        return Ok(None);
    }
    let mut out: Vec<Touched> = rows.into_iter().flatten().collect();
    let mut seen = std::collections::HashSet::new();
    out.retain(|t| seen.insert(*t));
    Ok(Some(out))
}
/// Up to which revision a step may forget, if anything is older than [`KEPT`] revisions: a step is few of them, since one may
/// have hundreds of rows.
pub async fn outlived(tx: &mut Tx, (): &()) -> Result<Option<i64>> {
    let last = tx.revision().await? - KEPT;
    let oldest = tx.one(&OLDEST, &[P::Int(last)], |r| r.int(0)).await?;
    Ok(oldest.map(|oldest| last.min(oldest + 4)))
}
/// Forgets what happened up to a revision.
pub async fn forget(tx: &mut Tx, revision: i64) -> Result<()> {
    tx.run(&FORGET, &[P::Int(revision)]).await.map(drop)
}
