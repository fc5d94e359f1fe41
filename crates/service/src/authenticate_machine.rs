//! Service users that prove themselves (spec v1beta1 3.10, 4.1): by id and secret, by a token, or by a JWT that one of their keys
//! signed. What is wrong with a service user is told only to whoever holds its credential.
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER_PERMISSIVE;
use portcullis_crypto::machine_key::{Assertion, AssertionError, PublicKey};
use portcullis_crypto::token::hash_of;
use portcullis_domain::organization::State;
use portcullis_domain::service_credential::{ServiceCredential, Verifier};
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::tenant::TenantState;
use portcullis_domain::{Code, Credential, Error, Id, Principal, Result, Subject, Timestamp};
use portcullis_store::{Tx, attempt, directory, organization, service_credential, service_user};

use crate::App;
use crate::app::busy;
use crate::authenticate::{Known, refused};
use crate::tenancy::Tenancy;

/// What is held against what is stored.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// A secret or a token.
    Secret(&'a str),
    /// A signature.
    Assertion(&'a Assertion<'a>),
    /// It was proved before; only what it stands on is looked at again.
    Again,
}

/// `id:secret` from base64 (RFC 7617), as text that no header can hold, so that what is remembered of it is of nothing else.
pub(crate) fn basic(text: &str) -> Result<(String, String)> {
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    pair.map(|(id, secret)| (id.to_owned(), secret.to_owned())).ok_or_else(|| refused("malformed"))
}

impl App {
    /// A service user by the id of one of its credentials.
    pub(crate) async fn verify_machine(&self, id: &str, proof: Proof<'_>, now: Timestamp) -> Result<Known> {
        let id: Id<ServiceCredential> = id.parse().map_err(|_| refused("malformed"))?;
        let found = self.0.db.read(self.nowhere(), &id, directory::service_credential).await?;
        let (tenant, _) = found.ok_or_else(|| refused("invalid"))?;
        let tenancy = self.tenancy_of(tenant).await?;
        self.freshen(&tenancy).await?;
        self.read_machine(&tenancy, id, proof, now).await
    }
    pub(crate) async fn read_machine(
        &self,
        tenancy: &Arc<Tenancy>,
        id: Id<ServiceCredential>,
        proof: Proof<'_>,
        now: Timestamp,
    ) -> Result<Known> {
        let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
        let found = self.0.db.read(cx, &id, facts).await?;
        let facts = found.ok_or_else(|| refused("invalid"))?;
        tenancy.hear(facts.revision);
        let expires_at = match proof {
            Proof::Secret(secret) => {
                self.check_secret(tenancy, &facts, secret).await?;
                None
            }
            Proof::Assertion(assertion) => Some(self.check_assertion(&facts.verifier, assertion, now)?),
            Proof::Again => None,
        };
        if facts.tenant != TenantState::Active {
            return Err(refused("invalid"));
        }
        let machine = facts.machine;
        match (machine.state, facts.organization) {
            (State::Enabled, Home::Platform | Home::Organization(State::Enabled)) => {}
            (State::Enabled, Home::Organization(State::Disabled)) => return Err(organization_disabled()),
            (State::Disabled, _) | (_, Home::Gone) => return Err(refused("revoked")),
        }
        let credential = Credential::Service { id, kind: facts.credential.kind };
        let principal = Principal {
            acting_user: facts.credential.created_by,
            credential,
            ..of_machine(&machine, tenancy.is_master)
        };
        Ok(Known::new(tenancy.clone(), principal, facts.revision, expires_at))
    }

    async fn check_secret(&self, tenancy: &Arc<Tenancy>, facts: &Facts, secret: &str) -> Result<()> {
        let matches = match &facts.verifier {
            Verifier::Sha256(hash) => portcullis_crypto::same(hash_of(secret).bytes(), hash),
            Verifier::Sha3(hash) => {
                digits(secret).is_some_and(|bytes| portcullis_crypto::same(&portcullis_crypto::sha3_256(&bytes), hash))
            }
            Verifier::Bcrypt(hash) => return self.check_imported(tenancy, facts, hash, secret).await,
            Verifier::Jwk(_) => false,
        };
        if matches { Ok(()) } else { Err(refused("invalid")) }
    }
    /// A hash that was imported is slow: it is verified under a limit, and replaced as soon as the secret is known (decision 14).
    async fn check_imported(&self, tenancy: &Arc<Tenancy>, facts: &Facts, hash: &str, secret: &str) -> Result<()> {
        let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
        let account = format!("service-credential {}", facts.credential.id);
        self.reserve_attempt(&cx, &account).await?;
        let verdict = self.0.passwords.verify(Some(hash.to_owned()), secret.to_owned().into()).await.map_err(busy)?;
        if !verdict.is_match() {
            return Err(refused("invalid"));
        }
        let replace = Replace {
            id: facts.credential.id,
            old: facts.verifier.clone(),
            new: Verifier::Sha256(*hash_of(secret).bytes()),
            account: self.account(&cx, &account).await?,
        };
        self.0.db.write(cx, replace, recognised).await.map_err(Error::from)
    }
    fn check_assertion(&self, verifier: &Verifier, assertion: &Assertion<'_>, now: Timestamp) -> Result<Timestamp> {
        let Verifier::Jwk(jwk) = verifier else { return Err(refused("invalid")) };
        let key = PublicKey::parse(jwk).map_err(Error::internal)?;
        let settings = &self.0.settings;
        let token_endpoint = format!("{}/v1beta1/auth/token", settings.public_url);
        let audiences = [settings.audience.as_str(), settings.public_url.as_str(), token_endpoint.as_str()];
        assertion
            .verify(&key, &audiences, now)
            .map_err(|e| refused(if matches!(e, AssertionError::Expired) { "expired" } else { "invalid" }).caused_by(e))
    }
}

/// A service user with the facts that decisions read.
pub(crate) fn of_machine(machine: &ServiceUser, in_master: bool) -> Principal {
    let name = if machine.title.is_empty() { "service user" } else { &machine.title };
    Principal { roles: machine.roles, in_master, ..Principal::bare(Subject::ServiceUser(machine.id), name) }
}

/// Spec v1beta1 4.1; a token request is told the same as `failed_precondition`.
fn organization_disabled() -> Error {
    Error::new(Code::Forbidden, "The organization of this service user is disabled.")
        .detail("reason", "organization_disabled")
}

/// 32 bytes that were written as 64 hexadecimal digits.
pub(crate) fn digits(text: &str) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// Where a service user belongs.
enum Home {
    Platform,
    Organization(State),
    /// The organization was deleted, and its service users are about to be.
    Gone,
}
struct Facts {
    revision: i64,
    tenant: TenantState,
    credential: ServiceCredential,
    verifier: Verifier,
    machine: ServiceUser,
    organization: Home,
}
async fn facts(tx: &mut Tx, id: &Id<ServiceCredential>) -> portcullis_store::Result<Option<Facts>> {
    let Some(tenant) = portcullis_store::tenant::revisions(tx).await? else { return Ok(None) };
    let Some(credential) = service_credential::by_id(tx, *id).await? else { return Ok(None) };
    let Some(verifier) = service_credential::verifier(tx, *id).await? else { return Ok(None) };
    let Some(machine) = service_user::by_id(tx, credential.service_user_id).await? else { return Ok(None) };
    let organization = match machine.organization_id {
        None => Home::Platform,
        Some(id) => organization::by_id(tx, id).await?.map_or(Home::Gone, |o| Home::Organization(o.state)),
    };
    Ok(Some(Facts { revision: tenant.revision, tenant: tenant.state, credential, verifier, machine, organization }))
}

struct Replace {
    id: Id<ServiceCredential>,
    old: Verifier,
    new: Verifier,
    account: String,
}
async fn recognised(tx: &mut Tx, c: &Replace) -> portcullis_store::Result<()> {
    service_credential::replace(tx, c.id, &c.old, &c.new).await?;
    attempt::clear(tx, &c.account).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_an_id_and_a_secret() {
        let of = |text: &str| basic(&STANDARD.encode(text)).ok();
        assert_eq!(of("id:se:cret"), Some(("id".into(), "se:cret".into())));
        assert_eq!(of("id:"), Some(("id".into(), String::new())));
        assert_eq!(of("id"), None);
        assert!(basic("***").is_err() && basic("").is_err());
    }

    #[test]
    fn imported_tokens_are_hexadecimal_digits() {
        assert_eq!(digits(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(digits(&"FF".repeat(32)), Some([255; 32]));
        for bad in ["", "0f", &"0g".repeat(32), &"+f".repeat(32), &"0f".repeat(33)] {
            assert_eq!(digits(bad), None, "{bad}");
        }
    }
}
