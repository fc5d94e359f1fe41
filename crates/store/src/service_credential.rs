//! Rows of service users' credentials: a hash or a public key, never what their holder has.
use portcullis_domain::Id;
use portcullis_domain::organization::Organization;
use portcullis_domain::service_credential::{ServiceCredential, ServiceCredentialKind, Verifier};
use portcullis_domain::service_user::ServiceUser;
use uuid::Uuid;

use crate::service_user::{organization, scope};
use crate::{Error, P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, service_user_id, scope_id, kind, title, created_by, created_at"
    };
}

statements! {
    INSERT: write "INSERT INTO service_credentials (tenant, id, service_user_id, scope_id, kind, title, scheme, verifier, created_by, \
        created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    VERIFIER: point "SELECT scheme, verifier FROM service_credentials WHERE tenant = $1 AND id = $2";
    REPLACE: write "UPDATE service_credentials SET scheme = $3, verifier = $4 WHERE tenant = $1 AND id = $2 AND scheme = $5";
    DELETE: write "DELETE FROM service_credentials WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM service_credentials WHERE tenant = $1 AND id = $2");
    OF_USER: page concat!("SELECT ", columns!(), " FROM service_credentials WHERE tenant = $1 AND service_user_id = $2 AND id > $3 \
        ORDER BY id LIMIT 250");
    IN_SCOPE: page concat!("SELECT ", columns!(), " FROM service_credentials WHERE tenant = $1 AND scope_id = $2 AND id > $3 \
        ORDER BY id LIMIT 250");
}

fn read(r: &Row<'_>) -> Result<ServiceCredential> {
    let kind = ServiceCredentialKind::parse(r.str(3)?);
    Ok(ServiceCredential {
        id: r.id(0)?,
        service_user_id: r.id(1)?,
        organization_id: organization(r.uuid(2)?),
        kind: kind.ok_or_else(|| Error::internal("a service credential of an unknown kind"))?,
        title: r.text(4)?,
        created_by: r.opt_id(5)?,
        created_at: r.timestamp(6)?,
    })
}

/// Writes a new credential.
pub async fn insert(tx: &mut Tx, c: &ServiceCredential, verifier: &Verifier) -> Result<()> {
    let params = [
        c.id.into(),
        c.service_user_id.into(),
        scope(c.organization_id).into(),
        P::Text(c.kind.as_str()),
        P::Text(&c.title),
        P::Text(verifier.scheme()),
        P::Bytes(verifier.bytes()),
        c.created_by.into(),
        c.created_at.into(),
    ];
    tx.send(&INSERT, &params).await
}
/// What it is recognised by.
pub async fn verifier(tx: &mut Tx, id: Id<ServiceCredential>) -> Result<Option<Verifier>> {
    let row = tx.one(&VERIFIER, &[id.into()], |r| Ok(Verifier::stored(r.str(0)?, r.bytes(1)?))).await?;
    row.map(|v| v.ok_or_else(|| Error::internal("a service credential of an unknown scheme"))).transpose()
}
/// Recognises it by something else from now on, if it is still recognised by what is replaced.
pub async fn replace(tx: &mut Tx, id: Id<ServiceCredential>, old: &Verifier, new: &Verifier) -> Result<()> {
    let params = [id.into(), P::Text(new.scheme()), P::Bytes(new.bytes()), P::Text(old.scheme())];
    tx.run(&REPLACE, &params).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<ServiceCredential>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<ServiceCredential>) -> Result<Option<ServiceCredential>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// At most 250 of a service user after this id, in the order of ids.
pub async fn of_user(tx: &mut Tx, user: Id<ServiceUser>, after: Uuid) -> Result<Vec<ServiceCredential>> {
    tx.all(&OF_USER, &[user.into(), after.into()], read).await
}
/// At most 250 of an organization's service users after this id, in the order of ids.
pub async fn in_scope(tx: &mut Tx, of: Option<Id<Organization>>, after: Uuid) -> Result<Vec<ServiceCredential>> {
    tx.all(&IN_SCOPE, &[scope(of).into(), after.into()], read).await
}
