//! Wrong passwords and codes, counted per account and per address (spec v1 2.8).
use portcullis_domain::Timestamp;

use crate::{P, Result, Tx};

statements! {
    BY_SUBJECT: point "SELECT failures, window_start, blocked_until FROM attempts WHERE tenant = $1 AND subject = $2";
    UPSERT: write "INSERT INTO attempts (tenant, subject, failures, window_start, blocked_until) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (tenant, subject) DO UPDATE SET failures = excluded.failures, window_start = excluded.window_start, \
        blocked_until = excluded.blocked_until";
    OLD: scan "SELECT subject FROM attempts WHERE tenant = $1 AND window_start <= $2 AND blocked_until <= $2 LIMIT 1000";
    CLEAR: write "DELETE FROM attempts WHERE tenant = $1 AND subject >= $2 AND subject < $3";
}

/// How often one subject failed lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempts {
    /// Since `window_start`.
    pub failures: i64,
    /// When counting began.
    pub window_start: Timestamp,
    /// Nothing is tried before then.
    pub blocked_until: Timestamp,
}

/// The count of a subject (a digest of the address, never the address itself).
pub async fn find(tx: &mut Tx, subject: &str) -> Result<Option<Attempts>> {
    tx.one(&BY_SUBJECT, &[P::Text(subject)], |r| {
        Ok(Attempts { failures: r.int(0)?, window_start: r.timestamp(1)?, blocked_until: r.timestamp(2)? })
    })
    .await
}
/// Writes the count of a subject.
pub async fn set(tx: &mut Tx, subject: &str, a: &Attempts) -> Result<()> {
    tx.run(&UPSERT, &[P::Text(subject), P::Int(a.failures), a.window_start.into(), a.blocked_until.into()]).await?;
    Ok(())
}
/// Forgets a subject, and what is counted beneath it: `subject/…`.
pub async fn clear(tx: &mut Tx, subject: &str) -> Result<()> {
    // the character after the slash
    let end = format!("{subject}0");
    tx.send(&CLEAR, &[P::Text(subject), P::Text(&end)]).await
}
/// Up to 1,000 subjects whose count is over since `end`.
pub async fn old(tx: &mut Tx, end: &Timestamp) -> Result<Vec<String>> {
    tx.all(&OLD, &[(*end).into()], |r| r.text(0)).await
}
