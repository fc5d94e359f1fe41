//! Rows of sign-ins that were begun at an identity provider: each counts once.
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::{Id, Timestamp};
use uuid::Uuid;

use crate::{P, Result, Tx};

statements! {
    INSERT: write "INSERT INTO sign_in_starts (tenant, id, provider_id, redirect_uri, challenge, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    BY_ID: point "SELECT provider_id, redirect_uri, challenge, expires_at FROM sign_in_starts WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM sign_in_starts WHERE tenant = $1 AND id = $2";
    OLD: scan "SELECT id FROM sign_in_starts WHERE tenant = $1 AND expires_at <= $2 LIMIT 1000";
}

/// A sign-in that was begun.
#[derive(Clone, Debug)]
pub struct SignInStart {
    /// Random.
    pub id: Uuid,
    /// At which provider.
    pub provider: Id<IdentityProvider>,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// What the verifier of the client that began it has to give (RFC 7636, S256), if it sent a challenge.
    pub challenge: Option<String>,
    /// Dead from then on.
    pub expires_at: Timestamp,
}

/// Writes a new one.
pub async fn insert(tx: &mut Tx, s: &SignInStart) -> Result<()> {
    let params =
        [s.id.into(), s.provider.into(), P::Text(&s.redirect_uri), s.challenge.as_deref().into(), s.expires_at.into()];
    tx.run(&INSERT, &params).await.map(drop)
}
/// Takes one: it is there for the first who asks, and for nobody after.
pub async fn take(tx: &mut Tx, id: Uuid) -> Result<Option<SignInStart>> {
    let read = |r: &crate::Row<'_>| Ok((r.id(0)?, r.text(1)?, r.opt_text(2)?, r.timestamp(3)?));
    let found = tx.one(&BY_ID, &[id.into()], read).await?;
    let taken = tx.run(&DELETE, &[id.into()]).await? == 1;
    Ok(found.filter(|_| taken).map(|(provider, redirect_uri, challenge, expires_at)| SignInStart {
        id,
        provider,
        redirect_uri,
        challenge,
        expires_at,
    }))
}
/// Up to 1,000 that ended before `end`.
pub async fn old(tx: &mut Tx, end: &Timestamp) -> Result<Vec<Uuid>> {
    tx.all(&OLD, &[(*end).into()], |r| r.uuid(0)).await
}
/// Forgets one.
pub async fn forget(tx: &mut Tx, id: Uuid) -> Result<()> {
    tx.send(&DELETE, &[id.into()]).await
}
