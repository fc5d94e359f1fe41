//! Rows of applications. A secret is never here, only its hash.
use portcullis_domain::application::{Application, GrantType, Kind, Secrets};
use portcullis_domain::{Id, Timestamp};

use crate::row::{words, words_text};
use crate::{Error, P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, name, kind, redirect_uris, post_logout_redirect_uris, grants, scopes, third_party, secret_made_at, old_secret_ends_at, \
         created_by, created_at, updated_at, revision"
    };
}

statements! {
    INSERT: write "INSERT INTO applications (tenant, id, name, kind, redirect_uris, post_logout_redirect_uris, grants, scopes, \
        third_party, secret_hash, secret_made_at, created_by, created_at, updated_at, revision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    UPDATE: write "UPDATE applications SET name = $3, redirect_uris = $4, post_logout_redirect_uris = $5, grants = $6, scopes = $7, \
        third_party = $8, updated_at = $9, revision = $10 WHERE tenant = $1 AND id = $2";
    ROTATE: write "UPDATE applications SET old_secret_hash = secret_hash, old_secret_ends_at = $4, secret_hash = $3, \
        secret_made_at = $5, updated_at = $5, revision = revision + 1 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM applications WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM applications WHERE tenant = $1 AND id = $2");
    SECRETS: point "SELECT secret_hash, old_secret_hash, old_secret_ends_at FROM applications WHERE tenant = $1 AND id = $2";
    BEFORE: page concat!("SELECT ", columns!(), " FROM applications WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    COUNT: scan "SELECT count(*) FROM applications WHERE tenant = $1";
}

fn read(r: &Row<'_>) -> Result<Application> {
    Ok(Application {
        id: r.id(0)?,
        name: r.text(1)?,
        kind: Kind::parse(r.str(2)?).ok_or_else(|| Error::internal("an application of an unknown kind"))?,
        redirect_uris: words(r.str(3)?),
        post_logout_redirect_uris: words(r.str(4)?),
        grants: words(r.str(5)?).iter().filter_map(|g| GrantType::parse(g)).collect(),
        scopes: words(r.str(6)?),
        third_party: r.bool(7)?,
        secret_made_at: r.opt_timestamp(8)?,
        old_secret_ends_at: r.opt_timestamp(9)?,
        created_by: r.opt_id(10)?,
        created_at: r.timestamp(11)?,
        updated_at: r.timestamp(12)?,
        revision: r.int(13)?,
    })
}
fn grants_text(a: &Application) -> String {
    words_text(&a.grants.iter().map(|g| g.as_str().to_owned()).collect::<Vec<_>>())
}

/// Writes a new one.
pub async fn insert(tx: &mut Tx, a: &Application, secret: Option<&[u8; 32]>) -> Result<()> {
    let (redirect, logout) = (words_text(&a.redirect_uris), words_text(&a.post_logout_redirect_uris));
    let (grants, scopes) = (grants_text(a), words_text(&a.scopes));
    tx.send(
        &INSERT,
        &[
            a.id.into(),
            P::Text(&a.name),
            P::Text(a.kind.as_str()),
            P::Text(&redirect),
            P::Text(&logout),
            P::Text(&grants),
            P::Text(&scopes),
            i64::from(a.third_party).into(),
            secret.map(|s| &s[..]).into(),
            a.secret_made_at.into(),
            a.created_by.into(),
            a.created_at.into(),
            a.updated_at.into(),
            a.revision.into(),
        ],
    )
    .await
}
/// Writes what may change of it: everything but its kind and its secret.
pub async fn update(tx: &mut Tx, a: &Application) -> Result<()> {
    let (redirect, logout) = (words_text(&a.redirect_uris), words_text(&a.post_logout_redirect_uris));
    let (grants, scopes) = (grants_text(a), words_text(&a.scopes));
    let params = [
        a.id.into(),
        P::Text(&a.name),
        P::Text(&redirect),
        P::Text(&logout),
        P::Text(&grants),
        P::Text(&scopes),
        i64::from(a.third_party).into(),
        a.updated_at.into(),
        a.revision.into(),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Puts a new secret in the place of the one of now, which is taken until `old_ends_at`. The one before that counts no more.
pub async fn rotate(tx: &mut Tx, id: Id<Application>, secret: &[u8; 32], old_ends_at: Timestamp) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&ROTATE, &[id.into(), secret.into(), old_ends_at.into(), now.into()]).await.map(drop)
}
/// Deletes one; false when there was none.
pub async fn delete(tx: &mut Tx, id: Id<Application>) -> Result<bool> {
    Ok(tx.run(&DELETE, &[id.into()]).await? == 1)
}
/// One application.
pub async fn by_id(tx: &mut Tx, id: Id<Application>) -> Result<Option<Application>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// What its secret is compared with now.
pub async fn secrets(tx: &mut Tx, id: Id<Application>) -> Result<Secrets> {
    let now = tx.cx.now;
    let read = |r: &Row<'_>| Ok((r.opt_array(0)?, r.opt_array(1)?, r.opt_timestamp(2)?));
    let Some((current, old, ends_at)) = tx.one(&SECRETS, &[id.into()], read).await? else {
        return Ok(Secrets::default());
    };
    Ok(Secrets { current, old: old.filter(|_| ends_at.is_some_and(|end| now < end)) })
}
/// At most `limit`, older than `before`, newest first.
pub async fn page(tx: &mut Tx, before: Id<Application>, limit: usize) -> Result<Vec<Application>> {
    tx.all(&BEFORE, &[before.into(), i64::try_from(limit).unwrap_or(1).into()], read).await
}
/// How many there are.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    Ok(tx.one(&COUNT, &[], |r| r.int(0)).await?.unwrap_or(0))
}
