//! Service users, and what they prove themselves with: hashes and keys are kept as they are, and so are the ids, so that what
//! their holders have keeps working (decision 14).
use portcullis_crypto::machine_key::PublicKey;
use portcullis_crypto::password::check_imported;
use portcullis_domain::service_credential::{ServiceCredential, ServiceCredentialKind as Kind, Verifier};
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::{Id, Role, Roles};
use portcullis_store::{Result, Tx, directory, organization, service_credential, service_user};
use serde_json::Value;
use uuid::Uuid;

use super::row::Row;
use super::tenancy::{Notes, without};
use super::{Batch, Outcome};
use crate::authenticate_machine::digits;
use crate::user_change::record_roles;

/// One without an organization is of the platform, like Frontier's bootstrap superuser.
pub(super) async fn service_user(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let Some(id) = r.id() else { return Ok(Outcome::Problem("no id".into())) };
    if service_user::by_id(tx, Id::from_uuid(id)).await?.is_some() {
        return Ok(Outcome::There);
    }
    let organization_id = match r.uuid("org_id").filter(|o| !o.is_nil()) {
        None => None,
        Some(o) if b.would_be(o) || organization::by_id(tx, Id::from_uuid(o)).await?.is_some() => {
            Some(Id::from_uuid(o))
        }
        Some(_) => return Ok(without("organization")),
    };
    let mut notes = Notes::default();
    let created_at = r.time("created_at", tx.cx.now);
    let made = ServiceUser {
        id: Id::from_uuid(id),
        organization_id,
        title: r.title(),
        state: r.state(),
        roles: Roles::NONE,
        metadata: notes.metadata(r),
        created_at,
        updated_at: r.time("updated_at", created_at),
    };
    if !b.dry_run {
        service_user::insert(tx, &made).await?;
    }
    Ok(notes.outcome())
}

pub(super) async fn credential(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let (Some(id), Some(of)) = (r.id(), r.uuid("serviceuser_id")) else {
        return Ok(Outcome::Problem("no id, or no service user".into()));
    };
    let (kind, verifier) = match verifier(id, r) {
        Ok(v) => v,
        Err(why) => return Ok(Outcome::Problem(why.into())),
    };
    if service_credential::by_id(tx, Id::from_uuid(id)).await?.is_some() {
        return Ok(Outcome::There);
    }
    // it names its tenant: two cannot have it
    if directory::service_credential(tx, &Id::from_uuid(id)).await?.is_some() {
        return Ok(Outcome::Problem("its id is taken".into()));
    }
    let Some(machine) = service_user::by_id(tx, Id::from_uuid(of)).await? else {
        return Ok(if b.would_be(of) { Outcome::Imported } else { without("service user") });
    };
    let made = ServiceCredential {
        id: Id::from_uuid(id),
        service_user_id: machine.id,
        organization_id: machine.organization_id,
        kind,
        title: r.title(),
        created_by: None,
        created_at: r.time("created_at", tx.cx.now),
    };
    if !b.dry_run {
        service_credential::insert(tx, &made, &verifier).await?;
    }
    Ok(Outcome::Imported)
}

/// Its kind is told by what it has (frontier-tables.md 2). The error says why it cannot work.
fn verifier(id: Uuid, r: &Row) -> std::result::Result<(Kind, Verifier), &'static str> {
    Ok(match (r.str("type"), r.text("secret_hash")) {
        ("opaque_token", Some(hex)) => (Kind::Token, Verifier::Sha3(digits(hex).ok_or("its hash is no SHA3-256")?)),
        (_, Some(hash)) if hash.starts_with("$2") => {
            check_imported(hash).map_err(|_| "its hash is no bcrypt hash that can be verified")?;
            (Kind::Secret, Verifier::Bcrypt(hash.to_owned()))
        }
        (_, Some(_)) => return Err("its hash is of a kind that is not known"),
        (_, None) => (Kind::Key, Verifier::Jwk(key(id, r)?)),
    })
}
/// The first key of a JWKS, by our id for it.
fn key(id: Uuid, r: &Row) -> std::result::Result<String, &'static str> {
    let mut jwk = r.0.get("public_key").map_or(Value::Null, |k| k["keys"][0].clone());
    let members = jwk.as_object_mut().ok_or("neither a hash nor a key")?;
    members.insert("kid".into(), id.to_string().into());
    let key = PublicKey::parse(&jwk.to_string()).map_err(|_| "its key is no RSA key for RS256")?;
    Ok(key.jwk().to_string())
}

/// A relation to the platform, as the role that it is here.
pub(super) async fn platform_user(tx: &mut Tx, b: &Batch, subject: Uuid, role: Role) -> Result<Outcome> {
    let made = Outcome::Changed(format!("the service user {subject} gets the role {}", role.as_str()));
    let Some(before) = service_user::by_id(tx, Id::from_uuid(subject)).await? else {
        return Ok(if b.would_be(subject) { made } else { without("service user") });
    };
    let roles = before.roles.with(role);
    if before.roles == roles {
        return Ok(Outcome::There);
    }
    if !b.dry_run {
        record_roles(tx, &b.scribe, ("service_user", before.id.uuid()), before.roles, roles);
        service_user::update(tx, &ServiceUser { roles, updated_at: tx.cx.now, ..before }).await?;
    }
    Ok(made)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(v: Value) -> std::result::Result<(&'static str, &'static str), &'static str> {
        let (kind, verifier) = verifier(Uuid::nil(), &Row(v.as_object().unwrap().clone()))?;
        Ok((kind.as_str(), verifier.scheme()))
    }

    #[test]
    fn each_kind_of_credential_is_told_by_what_it_has() {
        let bcrypt = "$2a$14$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghi";
        let jwks =
            json!({ "keys": [{ "kty": "RSA", "kid": "other", "n": format!("{}w", "_".repeat(341)), "e": "AQAB" }] });
        for kind in [json!("client_credential"), json!(""), Value::Null] {
            let row = json!({ "type": kind, "secret_hash": bcrypt, "public_key": null });
            assert_eq!(read(row), Ok(("secret", "bcrypt")));
        }
        let row = json!({ "type": "opaque_token", "secret_hash": "ab".repeat(32), "public_key": null });
        assert_eq!(read(row), Ok(("token", "sha3-256")));
        let row = json!({ "type": "jwt_bearer", "secret_hash": "", "public_key": jwks });
        assert_eq!(read(row.clone()), Ok(("key", "jwk")));
        let Verifier::Jwk(jwk) = verifier(Uuid::nil(), &Row(row.as_object().unwrap().clone())).unwrap().1 else {
            panic!("a key")
        };
        assert_eq!(PublicKey::parse(&jwk).unwrap().id(), Uuid::nil().to_string());
        for wrong in [
            json!({ "type": "opaque_token", "secret_hash": "xyz" }),
            json!({ "type": "client_credential", "secret_hash": "plain" }),
            json!({ "type": "client_credential", "secret_hash": "$2a$14$short" }),
            json!({ "type": "jwt_bearer", "secret_hash": "", "public_key": null }),
            json!({ "type": "jwt_bearer", "secret_hash": "", "public_key": { "keys": [] } }),
            json!({ "type": "jwt_bearer", "secret_hash": "", "public_key": { "keys": [{ "kty": "EC" }] } }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
