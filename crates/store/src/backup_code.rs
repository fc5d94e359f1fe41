//! Rows of backup codes: one a code that still counts.
use portcullis_domain::Id;
use portcullis_domain::user::User;

use crate::{P, Result, Tx};

statements! {
    INSERT: write "INSERT INTO backup_codes (tenant, user_id, tag) VALUES ($1, $2, $3)";
    OF_USER: page "SELECT tag FROM backup_codes WHERE tenant = $1 AND user_id = $2 ORDER BY tag LIMIT 250";
    SPEND: write "DELETE FROM backup_codes WHERE tenant = $1 AND user_id = $2 AND tag = $3";
    DELETE_OF_USER: write "DELETE FROM backup_codes WHERE tenant = $1 AND user_id = $2";
}

/// Puts these in place of all that a user had.
pub async fn replace(tx: &mut Tx, user: Id<User>, tags: &[[u8; 32]]) -> Result<()> {
    delete_of_user(tx, user).await?;
    for tag in tags {
        tx.run(&INSERT, &[user.into(), P::Bytes(tag)]).await?;
    }
    Ok(())
}
/// How many a user has left.
pub async fn remaining(tx: &mut Tx, user: Id<User>) -> Result<usize> {
    Ok(tx.all(&OF_USER, &[user.into()], |r| r.bytes(0)).await?.len())
}
/// Uses a code up; false when this user has no such code.
pub async fn spend(tx: &mut Tx, user: Id<User>, tag: &[u8; 32]) -> Result<bool> {
    Ok(tx.run(&SPEND, &[user.into(), P::Bytes(tag)]).await? == 1)
}
/// Removes all of a user's codes.
pub async fn delete_of_user(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DELETE_OF_USER, &[user.into()]).await.map(drop)
}
