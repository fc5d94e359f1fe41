//! Signing in at an OpenID or SAML provider of the tenant (spec v1 4.2, 9.3, 9.4): which there are, and where a sign-in begins. What its
//! end is worth is in `federation_end.rs`, what a SAML response is in `saml.rs`, whom the provider speaks of in `federated_person.rs`.
//!
//! A sign-in that begins is a row that counts once, and names its provider: the state names the row. What else belongs to it (nonce, PKCE verifier) follows from the row's id and the
//! tenant's key, so that nothing in the store would finish it.
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_crypto::seal::Mac;
use portcullis_domain::identity_provider::{IdentityProvider, ProviderType};
use portcullis_domain::openid::{Ask, Client, Fault, OpenId};
use portcullis_domain::provider_config::{ProviderConfig, ProviderSecret};
use portcullis_domain::tenant::{Tenant, TenantState};
use portcullis_domain::value::{DomainName, Email, Slug};
use portcullis_domain::{Code, Ctx, Error, Id, Principal, Result, Timestamp};
use portcullis_store::sign_in_start::{self, SignInStart};
use portcullis_store::{Tx, directory, identity_provider, tenant, tenant_domain};
use uuid::Uuid;

use crate::App;
use crate::authenticate::{Origin, context};
use crate::identity_provider::open_secret;
use crate::saml::request_id;
use crate::tenancy::Tenancy;

/// A sign-in that was begun has to end within so many seconds.
pub const SIGN_IN_SECONDS: i64 = 600;

/// Where somebody wants to sign in.
#[derive(Clone, Debug)]
pub enum Place {
    /// At this provider.
    Provider(Id<IdentityProvider>),
    /// Where addresses of this domain do.
    Domain(String),
    /// In the tenant with this slug.
    Slug(String),
}

/// How people sign in somewhere.
#[derive(Clone, Debug)]
pub struct SignInMethods {
    /// In which tenant.
    pub tenant_id: Id<Tenant>,
    /// At which providers; with a password besides.
    pub providers: Vec<SignInProvider>,
}
/// A provider at which people sign in.
#[derive(Clone, Debug)]
pub struct SignInProvider {
    /// Which.
    pub id: Id<IdentityProvider>,
    /// For people.
    pub name: String,
    /// `oidc` or `saml`.
    pub kind: ProviderType,
    /// Where it begins; `redirect_uri` has to be added.
    pub start_url: String,
}

/// A sign-in that has begun.
#[derive(Clone, Debug)]
pub struct SignInBegun {
    /// Where the browser goes.
    pub authorization_url: String,
    /// What comes back with the browser; a page compares it with what it kept.
    pub state: String,
    /// What the browser keeps that is to come back to a page of ours: nobody else's ends there.
    pub browser: String,
    /// When it has to be done.
    pub expires_at: Timestamp,
}

impl App {
    /// The same with a way to speak to OpenID providers; without one nobody signs in there.
    pub fn federated(self, port: Arc<dyn OpenId>) -> Self {
        // set once, when the application is wired
        drop(self.0.openid.set(port));
        self
    }
    pub(crate) fn openid(&self) -> Result<Arc<dyn OpenId>> {
        let missing = || Error::new(Code::NotImplemented, "This server does not speak to OpenID providers.");
        self.0.openid.get().cloned().ok_or_else(missing)
    }

    /// How people sign in at a place. 404 for one that nobody registered; a tenant tells no more of itself than that.
    pub async fn sign_in_methods(&self, place: Place) -> Result<SignInMethods> {
        let (tenancy, ground) = self.ground(&place).await?;
        let providers = ground.usable(&place).map(|p| self.shown(p)).collect();
        Ok(SignInMethods { tenant_id: tenancy.id, providers })
    }
    /// The providers at which who has this address may sign in, where a slug leads or, without one, the address (decision 10): those of
    /// its domain, or else all. The same for each address of a domain, whoever has it.
    pub async fn providers_for(&self, slug: Option<&str>, email: &str) -> Result<Vec<SignInProvider>> {
        let email = Email::parse(email).ok();
        let Some(tenancy) = self.login_tenant(slug, email.as_ref()).await? else { return Ok(vec![]) };
        self.freshen(&tenancy).await?;
        let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
        let everywhere = Place::Slug(String::new());
        let Some(ground) = self.0.db.read(cx, &everywhere, ground).await? else { return Ok(vec![]) };
        let domain = Place::Domain(email.map(|e| e.domain().to_owned()).unwrap_or_default());
        let of_domain: Vec<_> = ground.usable(&domain).map(|p| self.shown(p)).collect();
        let all = || ground.usable(&everywhere).map(|p| self.shown(p)).collect();
        Ok(if of_domain.is_empty() { all() } else { of_domain })
    }
    fn shown(&self, p: &IdentityProvider) -> SignInProvider {
        SignInProvider {
            id: p.id,
            name: p.name.clone(),
            kind: p.kind(),
            start_url: format!("{}/v1/auth/start?provider_id={}", self.0.settings.public_url, p.id),
        }
    }

    /// Begins a sign-in. 404 for a place that nobody registered, 400 for a `redirect_uri` that is not the tenant's, 409
    /// `not_configured` where no provider is set up, 502 when it does not answer.
    ///
    /// Who sends the `challenge` of a verifier that it keeps (RFC 7636, S256) is the only one who can end it.
    pub async fn begin_sign_in(
        &self,
        origin: Origin,
        place: Place,
        redirect_uri: String,
        kept: Option<String>,
    ) -> Result<SignInBegun> {
        let (tenancy, ground) = self.ground(&place).await?;
        let provider = ground.one(&place)?;
        let settings = self.compiled(&tenancy).await?.settings.clone();
        if !self.is_own_callback(&redirect_uri) && !settings.redirect_uris.contains(&redirect_uri) {
            let message = "This address is not among the tenant's redirect_uris: each has to be there to the letter.";
            return Err(Error::field("redirect_uri", message));
        }
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        let mut id = [0; 16];
        self.0.random.fill(&mut id);
        let start = SignInStart {
            id: Uuid::from_bytes(id),
            provider: provider.id,
            redirect_uri: redirect_uri.clone(),
            challenge: kept,
            expires_at: cx.now.plus_seconds(SIGN_IN_SECONDS),
            answer: None,
        };
        let secrets = Secrets::of(&tenancy, start.id);
        let state = state(&tenancy, start.id);
        let url = match &provider.config {
            ProviderConfig::Saml(saml) => {
                let own = self.service_provider(&tenancy, provider)?;
                self.saml()?.request_url(&own, saml, &request_id(start.id), cx.now).await
            }
            _ => {
                let ask = Ask {
                    redirect_uri,
                    state: state.clone(),
                    nonce: secrets.nonce.clone(),
                    challenge: challenge(&secrets.verifier),
                };
                self.openid()?.authorization_url(&client(&tenancy, provider)?, &ask, cx.now).await
            }
        };
        let authorization_url = url.map_err(|fault| upstream(&cx, provider.id, &fault))?;
        let expires_at = start.expires_at;
        self.0.db.write(cx, start, begin).await?;
        Ok(SignInBegun { authorization_url, state, browser: secrets.browser, expires_at })
    }

    /// Begins a sign-in that comes back to our own pages. As [`App::begin_sign_in`].
    pub async fn begin_sign_in_here(&self, origin: Origin, provider: Id<IdentityProvider>) -> Result<SignInBegun> {
        self.begin_sign_in(origin, Place::Provider(provider), self.own_callback(), None).await
    }
    /// Where our own pages are come back to: every tenant's people may.
    pub(crate) fn own_callback(&self) -> String {
        format!("{}/v1/auth/callback", self.0.settings.public_url)
    }
    /// Where who signs in with one of Frontier's strategies comes back to, if their client names no page of its own.
    pub(crate) fn strategy_callback(&self) -> String {
        format!("{}/v1beta1/auth/callback", self.0.settings.public_url)
    }
    /// An address of ours: what comes back there is no client's to end.
    pub(crate) fn is_own_callback(&self, uri: &str) -> bool {
        uri == self.own_callback() || uri == self.strategy_callback()
    }

    /// The tenant of a place, and what is set up there.
    async fn ground(&self, place: &Place) -> Result<(Arc<Tenancy>, Ground)> {
        let nowhere = || Error::not_found("sign-in");
        let found = match place {
            Place::Provider(id) => self.0.db.read(self.nowhere(), id, directory::tenant_by_provider).await?,
            Place::Domain(name) => match DomainName::parse(name) {
                Ok(name) => self.0.db.read(self.nowhere(), &name.to_string(), directory::tenant_by_domain).await?,
                Err(_) => None,
            },
            Place::Slug(slug) => match Slug::tenant(slug) {
                Ok(slug) => self.0.db.read(self.nowhere(), &slug.to_string(), directory::tenant_by_slug).await?,
                Err(_) => None,
            },
        };
        let (key, _) = found.ok_or_else(nowhere)?;
        let tenancy = self.tenancy_of(key).await?;
        self.freshen(&tenancy).await?;
        let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
        let ground = self.0.db.read(cx, place, ground).await?;
        ground.filter(|g| g.serves(place)).map(|g| (tenancy, g)).ok_or_else(nowhere)
    }
}

/// The providers of a tenant.
struct Ground {
    providers: Vec<IdentityProvider>,
    proved: Vec<DomainName>,
}
impl Ground {
    /// A provider that is switched off is not there.
    fn serves(&self, place: &Place) -> bool {
        match place {
            Place::Provider(id) => self.providers.iter().any(|p| p.id == *id && p.enabled),
            Place::Domain(_) | Place::Slug(_) => true,
        }
    }
    /// Those at which people sign in there.
    fn usable<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a IdentityProvider> {
        let here = move |p: &&IdentityProvider| match place {
            Place::Provider(id) => p.id == *id,
            Place::Domain(name) => DomainName::parse(name)
                .is_ok_and(|name| self.proved.contains(&name) && p.config.domains().contains(&name)),
            Place::Slug(_) => true,
        };
        self.providers.iter().filter(|p| p.enabled && p.config.sign_in_terms().is_some()).filter(here)
    }
    /// The one: the default, or else the only one.
    fn one<'a>(&'a self, place: &'a Place) -> Result<&'a IdentityProvider> {
        let usable: Vec<&IdentityProvider> = self.usable(place).collect();
        let default = usable.iter().copied().find(|p| p.is_default());
        let message = match (default, &usable[..]) {
            (Some(one), _) => return Ok(one),
            (None, [one]) => return Ok(*one),
            (None, []) => "No identity provider is set up here: sign in with a password.",
            (None, _) => "There are several providers and none is the default: name one with provider_id.",
        };
        Err(Error::new(Code::NotConfigured, message))
    }
}
async fn ground(tx: &mut Tx, place: &Place) -> portcullis_store::Result<Option<Ground>> {
    let alive = tenant::revisions(tx).await?.is_some_and(|t| t.state == TenantState::Active);
    let providers = match place {
        // nobody reads the metadata of fifty to ask for one
        Place::Provider(id) => identity_provider::by_id(tx, *id).await?.into_iter().collect(),
        Place::Domain(_) | Place::Slug(_) => identity_provider::all(tx).await?,
    };
    let proved = tenant_domain::proved(tx).await?;
    Ok(alive.then_some(Ground { providers, proved }))
}

async fn begin(tx: &mut Tx, start: &SignInStart) -> portcullis_store::Result<()> {
    sign_in_start::insert(tx, start).await
}
/// The one answer to whoever could not sign in.
pub(crate) fn failed() -> Error {
    Error::new(
        Code::LoginFailed,
        "The sign-in could not be completed. Start it again; if it fails again, ask your administrator.",
    )
}
/// 502: the details are the administrator's, who finds them with the provider's test.
pub(crate) fn upstream(cx: &Ctx, provider: Id<IdentityProvider>, fault: &Fault) -> Error {
    tracing::warn!(tenant = %cx.tenant_id, provider = %provider, error = %fault, "an identity provider does not work");
    let message = "Your identity provider does not answer as it should. Try again later, or ask your administrator.";
    Error::new(Code::UpstreamFailed, message).detail("upstream", "identity_provider")
}

/// Who we are at a provider.
pub(crate) fn client(tenancy: &Tenancy, p: &IdentityProvider) -> Result<Client> {
    let oidc = p.oidc().ok_or_else(|| Error::internal("a sign-in at what is no OpenID provider"))?;
    let secret = match open_secret(tenancy, p)? {
        Some(bytes) => Some(String::from_utf8(bytes.to_vec()).map_err(Error::internal)?),
        None => None,
    };
    Ok(Client {
        issuer: oidc.issuer_url.clone(),
        client_id: oidc.client_id.clone(),
        secret: secret.map(ProviderSecret::new),
        scopes: oidc.scopes.clone(),
        groups_claim: oidc.group_sync.then(|| oidc.groups_claim.clone()),
    })
}

/// RFC 7636 4.2, S256.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(portcullis_crypto::sha256(verifier.as_bytes()))
}
fn mac(tenancy: &Tenancy) -> Mac {
    tenancy.data_key.mac("sign-in")
}
/// What a start is known by outside: the tenant's id, its own, and a tag that only this server makes.
pub(crate) fn state(tenancy: &Tenancy, id: Uuid) -> String {
    let (tenant, id) = (tenancy.id.uuid(), id.as_bytes());
    let tag = mac(tenancy).tag(&[b"state", tenant.as_bytes(), id]);
    URL_SAFE_NO_PAD.encode([tenant.as_bytes(), &id[..], &tag].concat())
}
pub(crate) fn read_state(text: &str) -> Option<(Id<Tenant>, Uuid)> {
    let bytes: [u8; 64] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (tenant, rest) = bytes.split_first_chunk()?;
    Some((Id::from_uuid(Uuid::from_bytes(*tenant)), Uuid::from_bytes(*rest.first_chunk()?)))
}
/// What a start is tied with to the provider's answers.
pub(crate) struct Secrets {
    pub nonce: String,
    /// RFC 7636: 43 characters.
    pub verifier: String,
    /// As of [`SignInBegun`].
    pub browser: String,
}
impl Secrets {
    pub fn of(tenancy: &Tenancy, id: Uuid) -> Self {
        let mac = mac(tenancy);
        let of = |what: &[u8]| URL_SAFE_NO_PAD.encode(mac.tag(&[what, id.as_bytes()]));
        Self { nonce: of(b"nonce"), verifier: of(b"verifier"), browser: of(b"browser") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_state_of_ours_does_not_read() {
        for bad in ["", "x", &"A".repeat(85), &"A".repeat(87), &format!("{}=", "A".repeat(86))] {
            assert!(read_state(bad).is_none(), "{bad}");
        }
        assert!(read_state(&"A".repeat(86)).is_some());
    }
}
