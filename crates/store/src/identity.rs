//! Rows that say whom a provider's subject is.
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::{P, Result, Tx};

statements! {
    INSERT: write "INSERT INTO identities (tenant, provider_id, subject, user_id, created_at) VALUES ($1, $2, $3, $4, $5)";
    BY_SUBJECT: point "SELECT user_id FROM identities WHERE tenant = $1 AND provider_id = $2 AND subject = $3";
    OF_USER: page "SELECT provider_id FROM identities WHERE tenant = $1 AND user_id = $2 LIMIT 250";
    OF_PROVIDER: page "SELECT subject, user_id FROM identities WHERE tenant = $1 AND provider_id = $2 AND subject > $3 \
        ORDER BY subject LIMIT 1000";
    DELETE_OF_USER: write "DELETE FROM identities WHERE tenant = $1 AND user_id = $2";
    DELETE_OF_PROVIDER: write "DELETE FROM identities WHERE tenant = $1 AND provider_id = $2";
}

/// Links a subject to a user.
pub async fn insert(
    tx: &mut Tx,
    provider: Id<IdentityProvider>,
    subject: &str,
    user: Id<User>,
    now: Timestamp,
) -> Result<()> {
    tx.run(&INSERT, &[provider.into(), P::Text(subject), user.into(), now.into()]).await.map(drop)
}
/// Who this subject is, if it ever signed in.
pub async fn user(tx: &mut Tx, provider: Id<IdentityProvider>, subject: &str) -> Result<Option<Id<User>>> {
    tx.one(&BY_SUBJECT, &[provider.into(), P::Text(subject)], |r| r.id(0)).await
}
/// The providers at which a user is known.
pub async fn of_user(tx: &mut Tx, user: Id<User>) -> Result<Vec<Id<IdentityProvider>>> {
    tx.all(&OF_USER, &[user.into()], |r| r.id(0)).await
}
/// Up to 1,000 subjects of a provider after `after`, with whom they are.
pub async fn of_provider(tx: &mut Tx, provider: Id<IdentityProvider>, after: &str) -> Result<Vec<(String, Id<User>)>> {
    tx.all(&OF_PROVIDER, &[provider.into(), P::Text(after)], |r| Ok((r.text(0)?, r.id(1)?))).await
}
/// Forgets who somebody is elsewhere.
pub async fn delete_of_user(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DELETE_OF_USER, &[user.into()]).await.map(drop)
}
/// Forgets all subjects of a provider.
pub async fn delete_of_provider(tx: &mut Tx, provider: Id<IdentityProvider>) -> Result<()> {
    tx.run(&DELETE_OF_PROVIDER, &[provider.into()]).await.map(drop)
}
