//! Rows of personal access tokens. The secret is never here, only its hash.
use portcullis_domain::organization::Organization;
use portcullis_domain::personal_token::PersonalToken;
use portcullis_domain::user::User;
use portcullis_domain::value::name_key;
use portcullis_domain::{Id, Timestamp};

use crate::row::{json, json_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, user_id, organization_id, title, generation, metadata, expires_at, used_at, regenerated_at, revoked_at, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO personal_tokens (tenant, id, user_id, organization_id, title, title_key, hash, generation, metadata, \
        expires_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    UPDATE: write "UPDATE personal_tokens SET title = $3, title_key = $4, metadata = $5, updated_at = $6 \
        WHERE tenant = $1 AND id = $2";
    REGENERATE: write "UPDATE personal_tokens SET hash = $3, generation = $4, expires_at = $5, regenerated_at = $6, updated_at = $6 \
        WHERE tenant = $1 AND id = $2";
    REVOKE: write "UPDATE personal_tokens SET revoked_at = $3 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL";
    REVOKE_IN: write "UPDATE personal_tokens SET revoked_at = $3 WHERE tenant = $1 AND organization_id = $2 AND revoked_at IS NULL";
    USED: write "UPDATE personal_tokens SET used_at = $3 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM personal_tokens WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM personal_tokens WHERE tenant = $1 AND id = $2");
    HASH: point "SELECT hash FROM personal_tokens WHERE tenant = $1 AND id = $2";
    TITLED: point concat!("SELECT ", columns!(), " FROM personal_tokens WHERE tenant = $1 AND user_id = $2 AND organization_id = $3 \
        AND title_key = $4 AND revoked_at IS NULL");
    OF_USER_IN: page concat!("SELECT ", columns!(), " FROM personal_tokens WHERE tenant = $1 AND user_id = $2 \
        AND organization_id = $3 AND revoked_at IS NULL ORDER BY id LIMIT 250");
    OF_USER: page concat!("SELECT ", columns!(), " FROM personal_tokens WHERE tenant = $1 AND user_id = $2 AND revoked_at IS NULL \
        LIMIT 250");
    LEFT_OF_USER: page "SELECT id FROM personal_tokens WHERE tenant = $1 AND user_id = $2 LIMIT 250";
    IN_ORGANIZATION: page concat!("SELECT ", columns!(), " FROM personal_tokens WHERE tenant = $1 AND organization_id = $2 \
        AND id > $3 AND revoked_at IS NULL ORDER BY id LIMIT 250");
    LEFT_IN_ORGANIZATION: page "SELECT id FROM personal_tokens WHERE tenant = $1 AND organization_id = $2 LIMIT 250";
    NEXT_REVOKED: page "SELECT id FROM personal_tokens WHERE tenant = $1 AND revoked_at IS NOT NULL ORDER BY id LIMIT 1";
}

fn read(r: &Row<'_>) -> Result<PersonalToken> {
    Ok(PersonalToken {
        id: r.id(0)?,
        user_id: r.id(1)?,
        organization_id: r.id(2)?,
        title: r.text(3)?,
        generation: r.int(4)?,
        metadata: json(r.str(5)?),
        expires_at: r.timestamp(6)?,
        used_at: r.opt_timestamp(7)?,
        regenerated_at: r.opt_timestamp(8)?,
        revoked_at: r.opt_timestamp(9)?,
        created_at: r.timestamp(10)?,
        updated_at: r.timestamp(11)?,
    })
}

/// Writes a new token.
pub async fn insert(tx: &mut Tx, t: &PersonalToken, hash: &[u8; 32]) -> Result<()> {
    let (metadata, key) = (json_text(&t.metadata), name_key(&t.title));
    let params = [
        t.id.into(),
        t.user_id.into(),
        t.organization_id.into(),
        P::Text(&t.title),
        P::Text(&key),
        hash.into(),
        t.generation.into(),
        P::Text(&metadata),
        t.expires_at.into(),
        t.created_at.into(),
        t.updated_at.into(),
    ];
    tx.run(&INSERT, &params).await.map(drop)
}
/// Writes title and metadata.
pub async fn update(tx: &mut Tx, t: &PersonalToken) -> Result<()> {
    let (metadata, key) = (json_text(&t.metadata), name_key(&t.title));
    let params = [t.id.into(), P::Text(&t.title), P::Text(&key), P::Text(&metadata), t.updated_at.into()];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Puts a new secret in the place of the old one, with a new end.
pub async fn regenerate(tx: &mut Tx, t: &PersonalToken, hash: &[u8; 32]) -> Result<()> {
    let params = [t.id.into(), hash.into(), t.generation.into(), t.expires_at.into(), t.updated_at.into()];
    tx.run(&REGENERATE, &params).await.map(drop)
}
/// Ends a token; false when it had ended before.
pub async fn revoke(tx: &mut Tx, id: Id<PersonalToken>, now: Timestamp) -> Result<bool> {
    Ok(tx.run(&REVOKE, &[id.into(), now.into()]).await? == 1)
}
/// Ends all tokens of an organization; how many there were.
pub async fn revoke_in(tx: &mut Tx, organization: Id<Organization>, now: Timestamp) -> Result<u64> {
    tx.run(&REVOKE_IN, &[organization.into(), now.into()]).await
}
/// Notes when a token was last used.
pub async fn used(tx: &mut Tx, id: Id<PersonalToken>, at: Timestamp) -> Result<()> {
    tx.send(&USED, &[id.into(), at.into()]).await
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<PersonalToken>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One token, dead or alive.
pub async fn by_id(tx: &mut Tx, id: Id<PersonalToken>) -> Result<Option<PersonalToken>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// The hash of a token's secret, to be compared in constant time.
pub async fn hash(tx: &mut Tx, id: Id<PersonalToken>) -> Result<Option<Vec<u8>>> {
    tx.one(&HASH, &[id.into()], |r| r.bytes(0)).await
}
/// A person's token of this title in an organization, if none has ended it.
pub async fn titled(
    tx: &mut Tx,
    user: Id<User>,
    organization: Id<Organization>,
    title: &str,
) -> Result<Option<PersonalToken>> {
    let key = name_key(title);
    tx.one(&TITLED, &[user.into(), organization.into(), P::Text(&key)], read).await
}
/// A person's tokens in an organization that none has ended; there are never more than 250.
pub async fn of_user_in(tx: &mut Tx, user: Id<User>, organization: Id<Organization>) -> Result<Vec<PersonalToken>> {
    tx.all(&OF_USER_IN, &[user.into(), organization.into()], read).await
}
/// At most 250 of a person's tokens that none has ended, wherever.
pub async fn of_user(tx: &mut Tx, user: Id<User>) -> Result<Vec<PersonalToken>> {
    tx.all(&OF_USER, &[user.into()], read).await
}
/// At most 250 rows of a person's tokens, dead ones too.
pub async fn left_of_user(tx: &mut Tx, user: Id<User>) -> Result<Vec<Id<PersonalToken>>> {
    tx.all(&LEFT_OF_USER, &[user.into()], |r| r.id(0)).await
}
/// At most 250 tokens of an organization that none has ended, after this id, in the order of ids.
pub async fn in_organization(
    tx: &mut Tx,
    organization: Id<Organization>,
    after: Id<PersonalToken>,
) -> Result<Vec<PersonalToken>> {
    tx.all(&IN_ORGANIZATION, &[organization.into(), after.into()], read).await
}
/// At most 250 rows of an organization's tokens, dead ones too.
pub async fn left_in_organization(tx: &mut Tx, organization: Id<Organization>) -> Result<Vec<Id<PersonalToken>>> {
    tx.all(&LEFT_IN_ORGANIZATION, &[organization.into()], |r| r.id(0)).await
}
/// The next token that is to be removed.
pub async fn next_revoked(tx: &mut Tx) -> Result<Option<Id<PersonalToken>>> {
    tx.one(&NEXT_REVOKED, &[], |r| r.id(0)).await
}
