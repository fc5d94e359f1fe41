//! Rows of consents: what people allowed applications of others to learn of them.
use portcullis_domain::application::Application;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use uuid::Uuid;

use crate::row::{words, words_text};
use crate::{P, Result, Row, Tx, application};

statements! {
    GIVE: write "INSERT INTO application_consents (tenant, user_id, application_id, scopes, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (tenant, user_id, application_id) \
        DO UPDATE SET scopes = excluded.scopes, updated_at = excluded.updated_at";
    OF: point "SELECT scopes FROM application_consents WHERE tenant = $1 AND user_id = $2 AND application_id = $3";
    OF_USER: page "SELECT application_id, scopes, created_at FROM application_consents WHERE tenant = $1 AND user_id = $2 \
        ORDER BY application_id LIMIT 250";
    WITHDRAW: write "DELETE FROM application_consents WHERE tenant = $1 AND user_id = $2 AND application_id = $3";
    DELETE_OF_USER: write "DELETE FROM application_consents WHERE tenant = $1 AND user_id = $2";
    NEXT: point "SELECT application_id FROM application_consents WHERE tenant = $1 AND application_id > $2 \
        ORDER BY application_id LIMIT 1";
    TO: page "SELECT user_id, application_id FROM application_consents WHERE tenant = $1 AND application_id = $2 LIMIT 1000";
}

/// A consent.
#[derive(Clone, Debug)]
pub struct Consent {
    /// To which application.
    pub application_id: Id<Application>,
    /// To what.
    pub scopes: Vec<String>,
    /// When it was first given.
    pub created_at: Timestamp,
}

/// Writes what somebody allows an application from now on.
pub async fn give(tx: &mut Tx, user: Id<User>, application: Id<Application>, scopes: &[String]) -> Result<()> {
    let (now, scopes) = (tx.cx.now, words_text(scopes));
    tx.run(&GIVE, &[user.into(), application.into(), P::Text(&scopes), now.into()]).await.map(drop)
}
/// What somebody allowed an application; empty when nothing.
pub async fn of(tx: &mut Tx, user: Id<User>, application: Id<Application>) -> Result<Vec<String>> {
    let found = tx.one(&OF, &[user.into(), application.into()], |r: &Row<'_>| Ok(words(r.str(0)?))).await?;
    Ok(found.unwrap_or_default())
}
/// The first 250 consents of a user.
pub async fn of_user(tx: &mut Tx, user: Id<User>) -> Result<Vec<Consent>> {
    let read =
        |r: &Row<'_>| Ok(Consent { application_id: r.id(0)?, scopes: words(r.str(1)?), created_at: r.timestamp(2)? });
    tx.all(&OF_USER, &[user.into()], read).await
}
/// Takes a consent back; false when there was none.
pub async fn withdraw(tx: &mut Tx, user: Id<User>, application: Id<Application>) -> Result<bool> {
    Ok(tx.run(&WITHDRAW, &[user.into(), application.into()]).await? == 1)
}
/// Forgets all of a user who is erased.
pub async fn delete_of_user(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DELETE_OF_USER, &[user.into()]).await.map(drop)
}
/// Up to 1,000 consents to an application that is gone.
pub async fn orphans(tx: &mut Tx, (): &()) -> Result<Vec<(Id<User>, Id<Application>)>> {
    let mut last = Id::from_uuid(Uuid::nil());
    // a tenant has few applications, and may have many people
    while let Some(id) = tx.one(&NEXT, &[last.into()], |r| r.id(0)).await? {
        if application::by_id(tx, id).await?.is_none() {
            return tx.all(&TO, &[id.into()], |r| Ok((r.id(0)?, r.id(1)?))).await;
        }
        last = id;
    }
    Ok(vec![])
}
