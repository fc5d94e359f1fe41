//! What service users prove themselves with: secrets, tokens and keys, made and shown once, listed, ended (spec v1beta1 2.3.4, 3.10).
use portcullis_crypto::machine_key::{NewMachineKey, PublicKey};
use portcullis_crypto::token::{Purpose, ServiceToken};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::service_credential::{ServiceCredential, ServiceCredentialKind as Kind, Verifier};
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, api_key, resource, service_credential, service_user};
use serde_json::Value;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::change::moved;
use crate::holder::{MOST, bounded};
use crate::personal_token::blocked;
use crate::service_user::{managing, managing_this, not_found, of_a_key};
use crate::{Answer, App, Reply};

/// A service user has at most so many.
const MOST_OF_ONE: usize = 100;
/// Pairs of keys that are made at once: each takes a core for tenths of a second.
static MAKING: Semaphore = Semaphore::const_new(1);

/// A credential that was just made, with what is shown of it once.
#[derive(Clone)]
pub struct NewServiceCredential {
    /// The credential.
    pub credential: ServiceCredential,
    /// The secret, the token, or the private key in PEM.
    pub shown: String,
}
/// The public half of a key.
#[derive(Clone, Debug)]
pub struct ServiceKey {
    /// The credential.
    pub credential: ServiceCredential,
    /// Its JWK.
    pub jwk: Value,
}
/// A credential with the title of its service user.
#[derive(Clone, Debug)]
pub struct TitledCredential {
    /// The credential.
    pub credential: ServiceCredential,
    /// Of whom it is.
    pub service_user: String,
}

impl App {
    /// Makes a credential. `app_organization_serviceusermanage`; and whoever makes one could act as the service user, so they must
    /// hold what it holds in its organization.
    pub async fn create_service_credential(
        &self,
        cx: &Ctx,
        (organization, id): (&str, &str),
        kind: Kind,
        title: Result<String>,
        reply: Reply<NewServiceCredential>,
    ) -> Result<Answer> {
        // a token ends; what it could make would not
        if cx.principal.credential.is_personal_token() {
            return Err(blocked());
        }
        let found = self.service_user_for(cx, organization, id).await?;
        let gate = match found.roles.is_empty() {
            true => {
                let gate = managing(found.organization_id).wielding(&found);
                // what it owns is in no graph: that is for who administers the organization
                match self.0.db.read(cx.clone(), &found.id, owns).await? {
                    true => gate.giving(vec!["app_organization_administer".into()]),
                    false => gate,
                }
            }
            // a superuser's credentials are for superusers alone
            false => Gate::superuser(crate::service_user::MANAGE),
        };
        let command = async {
            let credential = ServiceCredential {
                id: self.id(cx),
                service_user_id: found.id,
                organization_id: found.organization_id,
                kind,
                title: title?,
                created_by: cx.principal.acting_user,
                created_at: cx.now,
            };
            let (verifier, shown) = self.made(&credential).await?;
            let new = NewServiceCredential { credential, shown };
            Ok(Insert { new, verifier, of: found, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, insert).await
    }
    async fn made(&self, c: &ServiceCredential) -> Result<(Verifier, String)> {
        let token = match c.kind {
            Kind::Secret => Purpose::ServiceSecret.generate(&*self.0.random),
            Kind::Token => ServiceToken::generate(c.id.uuid(), &*self.0.random),
            Kind::Key => {
                let one = MAKING.acquire().await.map_err(Error::internal)?;
                let id = c.id.uuid();
                let made = tokio::task::spawn_blocking(move || {
                    // held to the end, whether or not anybody waits for it
                    let _one = one;
                    NewMachineKey::generate(id)
                });
                let made = made.await;
                let key = made.map_err(Error::internal)?.map_err(Error::internal)?;
                return Ok((Verifier::Jwk(key.public.jwk().to_string()), key.private.expose().to_owned()));
            }
        };
        Ok((Verifier::Sha256(*token.hash.bytes()), token.raw.expose().to_owned()))
    }
    /// The credentials of these kinds, without what they are recognised by. `app_organization_serviceusermanage`.
    pub async fn list_service_credentials(
        &self,
        cx: &Ctx,
        organization: &str,
        id: &str,
        kinds: &[Kind],
    ) -> Result<Vec<ServiceCredential>> {
        let found = self.service_user_for(cx, organization, id).await?;
        let mut all = self.0.db.read(cx.clone(), &found.id, of_user).await?;
        all.retain(|c| kinds.contains(&c.kind));
        Ok(all)
    }
    /// The keys with their public halves. `app_organization_serviceusermanage`.
    pub async fn list_service_keys(&self, cx: &Ctx, organization: &str, id: &str) -> Result<Vec<ServiceKey>> {
        let found = self.service_user_for(cx, organization, id).await?;
        self.0.db.read(cx.clone(), &found.id, keys).await.map_err(Error::from)
    }
    /// The public half of one key: for everybody who is known, like every public key.
    pub async fn get_service_key(&self, cx: &Ctx, organization: &str, id: &str, key: &str) -> Result<ServiceKey> {
        self.allow(cx, &Gate::anyone("service_users:read")).await?;
        let (Ok(id), Ok(key)) = (id.parse::<Id<ServiceUser>>(), key.parse()) else { return Err(no_credential()) };
        let found = self.0.db.read(cx.clone(), &key, key_by_id).await?;
        let found = found.filter(|k| k.credential.service_user_id == id).ok_or_else(no_credential)?;
        let lies = found.credential.organization_id.map_or(Uuid::nil(), Id::uuid);
        let named = match organization {
            "" => true,
            which => match which.parse::<Uuid>() {
                Ok(id) => id == lies,
                Err(_) => {
                    let o = self.0.db.read(cx.clone(), &which.to_owned(), crate::lookup::organization).await?;
                    o.is_some_and(|o| o.id.uuid() == lies)
                }
            },
        };
        if named { Ok(found) } else { Err(no_credential()) }
    }
    /// Ends a credential of these kinds at once. `app_organization_serviceusermanage`. One of another service user reads like one
    /// that is not there.
    pub async fn delete_service_credential(
        &self,
        cx: &Ctx,
        (organization, id): (&str, &str),
        credential: &str,
        kinds: &'static [Kind],
    ) -> Result<()> {
        let found = self.service_user_for(cx, organization, id).await?;
        let command = async {
            let id = credential.parse().map_err(|_| not_its_own())?;
            Ok(Delete { of: found.id, id, kinds, scribe: self.scribe(cx) })
        };
        self.apply(cx, managing_this(&found), command, delete).await
    }
    /// All credentials of an organization's service users. Superusers.
    pub async fn search_service_credentials(&self, cx: &Ctx, which: &str) -> Result<Vec<TitledCredential>> {
        let organization = self.searched(cx, &which.to_owned(), crate::service_user::SEARCH).await?;
        let machines = self.service_users_in(cx, Some(organization)).await?;
        let titles: std::collections::HashMap<_, _> = machines.into_iter().map(|s| (s.id, s.title)).collect();
        let all = self.0.db.scan(cx.clone(), organization, in_organization).await?;
        bounded(all.len())?;
        let titled = all.into_iter().filter_map(|credential| {
            let service_user = titles.get(&credential.service_user_id)?.clone();
            Some(TitledCredential { credential, service_user })
        });
        Ok(titled.collect())
    }
}

/// Frontier's texts (spec v1beta1 6.2).
fn no_credential() -> Error {
    Error::new(Code::NotFound, "service user credentials not found")
}
fn not_its_own() -> Error {
    Error::new(Code::Forbidden, "not authorized")
}

/// Does it own any resource?
async fn owns(tx: &mut Tx, id: &Id<ServiceUser>) -> portcullis_store::Result<bool> {
    let me = Bearer::ServiceUser(id.uuid());
    Ok(resource::owned_by(tx, id.uuid(), Uuid::nil()).await?.iter().any(|r| r.owner == me))
}

struct Insert {
    new: NewServiceCredential,
    verifier: Verifier,
    /// As the call was decided with it.
    of: ServiceUser,
    scribe: Scribe,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<NewServiceCredential> {
    let machine = service_user::by_id(tx, c.of.id).await?.ok_or_else(not_found)?;
    if machine.roles != c.of.roles {
        return Err(moved().into());
    }
    if !api_key::of_service(tx, machine.id).await?.is_empty() {
        return Err(of_a_key().into());
    }
    if service_credential::of_user(tx, machine.id, Uuid::nil()).await?.len() >= MOST_OF_ONE {
        let e = Error::new(Code::Conflict, "A service user has at most 100 credentials: delete some.");
        return Err(e.detail("state", "full").into());
    }
    let credential = &c.new.credential;
    service_credential::insert(tx, credential, &c.verifier).await?;
    let event = event(&c.scribe, "service_credential.created", credential);
    c.scribe.write(tx, event);
    Ok(c.new.clone())
}

struct Delete {
    of: Id<ServiceUser>,
    id: Id<ServiceCredential>,
    kinds: &'static [Kind],
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let found = service_credential::by_id(tx, c.id).await?;
    let found = found.filter(|f| f.service_user_id == c.of && c.kinds.contains(&f.kind)).ok_or_else(not_its_own)?;
    service_credential::delete(tx, found.id).await?;
    let event = event(&c.scribe, "service_credential.deleted", &found);
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}
fn event(scribe: &Scribe, action: &'static str, c: &ServiceCredential) -> portcullis_domain::audit::Event {
    scribe
        .event(action, "service_credential", c.id)
        .with("service_user_id", c.service_user_id.to_string())
        .with("kind", c.kind.as_str())
        .with("title", c.title.as_str())
}

async fn of_user(tx: &mut Tx, id: &Id<ServiceUser>) -> portcullis_store::Result<Vec<ServiceCredential>> {
    service_credential::of_user(tx, *id, Uuid::nil()).await
}
async fn keys(tx: &mut Tx, id: &Id<ServiceUser>) -> portcullis_store::Result<Vec<ServiceKey>> {
    let mut out = vec![];
    for credential in of_user(tx, id).await? {
        out.extend(public(tx, credential).await?);
    }
    Ok(out)
}
async fn key_by_id(tx: &mut Tx, id: &Id<ServiceCredential>) -> portcullis_store::Result<Option<ServiceKey>> {
    match service_credential::by_id(tx, *id).await? {
        Some(credential) => public(tx, credential).await,
        None => Ok(None),
    }
}
/// `None`: it is no key.
async fn public(tx: &mut Tx, credential: ServiceCredential) -> portcullis_store::Result<Option<ServiceKey>> {
    match service_credential::verifier(tx, credential.id).await? {
        Some(Verifier::Jwk(jwk)) => {
            let jwk = PublicKey::parse(&jwk).map_err(Error::internal)?.jwk();
            Ok(Some(ServiceKey { credential, jwk }))
        }
        _ => Ok(None),
    }
}
async fn in_organization(
    tx: &mut Tx,
    organization: &Id<portcullis_domain::organization::Organization>,
) -> portcullis_store::Result<Vec<ServiceCredential>> {
    let (mut out, mut after) = (vec![], Uuid::nil());
    loop {
        let page = service_credential::in_scope(tx, Some(*organization), after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.id.uuid();
        out.extend(page);
        if out.len() > MOST {
            return Ok(out);
        }
    }
}
