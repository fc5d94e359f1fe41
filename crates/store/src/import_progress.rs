//! How far an import from another system has come: a row for each of its tables, written with the rows that it is about.
use crate::{P, Result, Row, Tx};

statements! {
    PUT: write "INSERT INTO import_progress (tenant, source, step, last_key, counts, done, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, source, step) DO UPDATE SET last_key = excluded.last_key, \
        counts = excluded.counts, done = excluded.done, updated_at = excluded.updated_at";
    BY_STEP: point "SELECT last_key, counts, done FROM import_progress WHERE tenant = $1 AND source = $2 AND step = $3";
    DELETE: write "DELETE FROM import_progress WHERE tenant = $1 AND source = $2";
}

/// How far one table has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The key of the last row that was looked at; empty: none yet.
    pub last_key: String,
    /// What became of its rows so far, as JSON.
    pub counts: String,
    /// Is it through?
    pub done: bool,
}

fn read(r: &Row<'_>) -> Result<Progress> {
    Ok(Progress { last_key: r.text(0)?, counts: r.text(1)?, done: r.bool(2)? })
}

/// Notes it.
pub async fn put(tx: &mut Tx, source: &str, step: &str, p: &Progress) -> Result<()> {
    let now = tx.cx.now;
    let params = [P::Text(source), P::Text(step), P::Text(&p.last_key), P::Text(&p.counts), p.done.into(), now.into()];
    tx.run(&PUT, &params).await.map(drop)
}
/// How far a table of this source has come.
pub async fn of(tx: &mut Tx, source: &str, step: &str) -> Result<Option<Progress>> {
    tx.one(&BY_STEP, &[P::Text(source), P::Text(step)], read).await
}
/// Forgets a source, so that an import begins anew.
pub async fn forget(tx: &mut Tx, source: &str) -> Result<()> {
    tx.run(&DELETE, &[P::Text(source)]).await.map(drop)
}
