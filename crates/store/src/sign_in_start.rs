//! Rows of sign-ins that were begun at an identity provider: each counts once.
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::{Id, Timestamp};
use uuid::Uuid;

use crate::{P, Result, Tx};

statements! {
    INSERT: write "INSERT INTO sign_in_starts (tenant, id, provider_id, redirect_uri, challenge, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    BY_ID: point "SELECT provider_id, redirect_uri, challenge, expires_at, code_hash, answer, id FROM sign_in_starts \
        WHERE tenant = $1 AND id = $2";
    ANSWER: write "UPDATE sign_in_starts SET code_hash = $3, answer = $4, expires_at = $5 \
        WHERE tenant = $1 AND id = $2 AND code_hash IS NULL";
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
    /// What came of it, where that came before the browser (SAML).
    pub answer: Option<Answer>,
}
/// What a provider answered, until the browser brings the code for it.
#[derive(Clone)]
pub struct Answer {
    /// SHA-256 of the code.
    pub code_hash: [u8; 32],
    /// Whom it speaks of, sealed.
    pub sealed: Vec<u8>,
}
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer(…)")
    }
}

/// Writes a new one.
pub async fn insert(tx: &mut Tx, s: &SignInStart) -> Result<()> {
    let params =
        [s.id.into(), s.provider.into(), P::Text(&s.redirect_uri), s.challenge.as_deref().into(), s.expires_at.into()];
    tx.run(&INSERT, &params).await.map(drop)
}
/// One that was begun and not yet taken.
pub async fn by_id(tx: &mut Tx, id: Uuid) -> Result<Option<SignInStart>> {
    let read = |r: &crate::Row<'_>| {
        let answer = match (r.opt_bytes(4)?, r.opt_bytes(5)?) {
            (Some(hash), Some(sealed)) => {
                let code_hash = hash.try_into().map_err(|_| crate::Error::internal("the hash of a code is none"))?;
                Some(Answer { code_hash, sealed })
            }
            _ => None,
        };
        Ok(SignInStart {
            id: r.uuid(6)?,
            provider: r.id(0)?,
            redirect_uri: r.text(1)?,
            challenge: r.opt_text(2)?,
            expires_at: r.timestamp(3)?,
            answer,
        })
    };
    tx.one(&BY_ID, &[id.into()], read).await
}
/// Notes what came of one, once, and until when the code for it counts; false if something came of it before, or it is gone.
pub async fn answer(tx: &mut Tx, id: Uuid, a: &Answer, end: Timestamp) -> Result<bool> {
    let params = [id.into(), P::Bytes(&a.code_hash), P::Bytes(&a.sealed), end.into()];
    Ok(tx.run(&ANSWER, &params).await? == 1)
}
/// Takes one: it is there for the first who asks, and for nobody after.
pub async fn take(tx: &mut Tx, id: Uuid) -> Result<Option<SignInStart>> {
    let found = by_id(tx, id).await?;
    let taken = tx.run(&DELETE, &[id.into()]).await? == 1;
    Ok(found.filter(|_| taken))
}
/// Up to 1,000 that ended before `end`.
pub async fn old(tx: &mut Tx, end: &Timestamp) -> Result<Vec<Uuid>> {
    tx.all(&OLD, &[(*end).into()], |r| r.uuid(0)).await
}
/// Forgets one.
pub async fn forget(tx: &mut Tx, id: Uuid) -> Result<()> {
    tx.send(&DELETE, &[id.into()]).await
}
