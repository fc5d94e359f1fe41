//! API keys as callers: of a person, of a service user, or of a directory, which may write people and nothing else (spec v1 2.2, 4.18).
use std::sync::Arc;

use portcullis_crypto::token;
use portcullis_domain::api_key::{ApiKey, KeyOwner, Scopes};
use portcullis_domain::identity_provider::{IdentityProvider, ProviderType};
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::tenant::TenantState;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Credential, Id, Principal, Result, Subject, Timestamp};
use portcullis_store::{Tx, api_key, directory, identity_provider, service_user, user};

use crate::App;
use crate::authenticate::{Known, LOCKED_OUT, locked_out, noted, of_user, refused};
use crate::authenticate_machine::of_machine;
use crate::service_user::of_key;
use crate::tenancy::Tenancy;

impl App {
    /// The key that was presented.
    pub(crate) async fn verify_key(&self, raw: &str, now: Timestamp) -> Result<Known> {
        let key = token::ApiKey::parse(raw).map_err(|_| refused("malformed"))?;
        let prefix = key.prefix().to_owned();
        let found = self.0.db.read(self.nowhere(), &prefix, directory::api_key_by_prefix).await?;
        let ((tenant, _), id) = found.ok_or_else(|| refused("invalid"))?;
        let tenancy = self.tenancy_of(tenant).await?;
        self.freshen(&tenancy).await?;
        self.read_key(&tenancy, Id::from_uuid(id), Some(key.hash().bytes()), now).await
    }
    /// A key with whom it acts for, if both may still act; without a hash it was proved before.
    pub(crate) async fn read_key(
        &self,
        tenancy: &Arc<Tenancy>,
        id: Id<ApiKey>,
        hash: Option<&[u8; 32]>,
        now: Timestamp,
    ) -> Result<Known> {
        let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
        let found = self.0.db.read(cx, &id, key_facts).await?;
        let KeyFacts { revision, key, hash: stored, creator, machine, directory, state } =
            found.ok_or_else(|| refused("invalid"))?;
        tenancy.hear(revision);
        if hash.is_some_and(|h| !portcullis_crypto::same(h, &stored)) || state != TenantState::Active {
            return Err(refused("invalid"));
        }
        match key.status(now) {
            "active" => {}
            "expired" => return Err(refused("expired")),
            _ => return Err(refused("revoked")),
        }
        let credential =
            Credential::ApiKey { id: key.id, owner: key.owner, scopes: key.scopes.clone(), expires_at: key.expires_at };
        let principal = match (key.owner, creator, machine) {
            (KeyOwner::User(_), Some((_, true)), _) => return Err(refused(LOCKED_OUT)),
            (KeyOwner::User(owner), Some((u, false)), _) if u.id == owner && u.state == UserState::Active => {
                self.with_mapped_roles(tenancy, of_user(&u, credential, tenancy.is_master)).await?
            }
            (KeyOwner::Service(_), _, Some(machine)) if machine.state.is_enabled() => Principal {
                credential,
                acting_user: key.created_by,
                name: key.name.as_str().into(),
                ..of_machine(&machine, tenancy.is_master)
            },
            _ => return Err(refused("revoked")),
        };
        let principal = match (key.identity_provider_id, directory) {
            (None, _) => principal,
            // whoever made the key is not who acts, and has lent it nothing
            (Some(id), Some(directory)) if directory.enabled && directory.kind() == ProviderType::Scim => {
                let scopes = Scopes::new(vec![]);
                let credential =
                    Credential::ApiKey { id: key.id, owner: key.owner, scopes, expires_at: key.expires_at };
                Principal { credential, ..Principal::bare(Subject::Directory(id), &directory.name) }
            }
            (Some(_), Some(_)) => return Err(refused("switched_off")),
            (Some(_), None) => return Err(refused("revoked")),
        };
        let (expires_at, last_used) = (key.expires_at, key.last_used_at);
        Ok(Known {
            tenancy: tenancy.clone(),
            principal: Arc::new(principal),
            revision,
            expires_at,
            noted: noted(last_used),
            renews: None,
            epoch: None,
        })
    }
}

struct KeyFacts {
    revision: i64,
    key: ApiKey,
    hash: Vec<u8>,
    /// Of a user key: whose it is, and are they locked out?
    creator: Option<(User, bool)>,
    /// Of a service key.
    machine: Option<ServiceUser>,
    /// Of a directory's key.
    directory: Option<IdentityProvider>,
    state: TenantState,
}
async fn key_facts(tx: &mut Tx, id: &Id<ApiKey>) -> portcullis_store::Result<Option<KeyFacts>> {
    let Some(tenant) = portcullis_store::tenant::revisions(tx).await? else { return Ok(None) };
    let Some(key) = api_key::by_id(tx, *id).await? else { return Ok(None) };
    let Some(hash) = api_key::hash(tx, *id).await? else { return Ok(None) };
    let (creator, machine) = match key.owner {
        KeyOwner::User(id) => match user::facts(tx, id).await? {
            Some(user) => {
                let locked_out = locked_out(tx, &user).await?;
                (Some((user, locked_out)), None)
            }
            None => (None, None),
        },
        KeyOwner::Service(id) => {
            // a server of before wrote the key alone
            let machine = service_user::by_id(tx, id).await?;
            (None, Some(machine.unwrap_or_else(|| of_key(id, &key.name, key.created_at))))
        }
    };
    let directory = match key.identity_provider_id {
        Some(id) => identity_provider::by_id(tx, id).await?,
        None => None,
    };
    Ok(Some(KeyFacts { revision: tenant.revision, key, hash, creator, machine, directory, state: tenant.state }))
}
