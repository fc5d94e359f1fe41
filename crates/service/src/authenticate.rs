//! Who is calling: from what a request carries to a context.
//!
//! A credential that was verified is remembered under its SHA-256 together with the tenant's revision. The end of any
//! credential moves that revision, so what is remembered is used only while nothing has changed (checklist 16 and 19).
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use portcullis_crypto::machine_key::Assertion;
use portcullis_crypto::signing::{Expect, SubjectType, TokenError};
use portcullis_crypto::token::{Purpose, ServiceToken};
use portcullis_domain::api_key::ApiKey;
use portcullis_domain::context::AccessToken;
use portcullis_domain::personal_token::PersonalToken;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::session::Session;
use portcullis_domain::tenant::{Tenant, TenantKey};
use portcullis_domain::user::{AuthProvider, User};
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Principal, Result, Subject, Timestamp};
use portcullis_store::{Tx, api_key, identity_provider, personal_token, session};

use crate::App;
use crate::authenticate_machine::{Proof, basic};
use crate::authenticate_personal_token::Holds;
use crate::tenancy::Tenancy;

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `X-Request-ID`, accepted or made.
    pub request_id: Arc<str>,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The client's `User-Agent`, cut to 512 bytes.
    pub user_agent: Option<Arc<str>>,
}
impl Origin {
    /// Where the request of this context comes from.
    pub fn of(cx: &Ctx) -> Self {
        Self { request_id: cx.request_id.clone(), ip: cx.ip, user_agent: cx.user_agent.clone() }
    }
}

/// What a request carries to say who is calling. More than one is refused by the surface.
#[derive(Clone, Copy, Debug)]
pub enum Presented<'a> {
    /// `Authorization: Bearer …`: an access token, an API key, or a personal access token.
    Bearer(&'a str),
    /// `X-API-Key: …`.
    ApiKey(&'a str),
    /// `Authorization: Basic …`: id and secret of a service user's credential, in base64.
    Basic(&'a str),
    /// The same, as a token request's body has them.
    ClientSecret {
        /// The credential's id.
        id: &'a str,
        /// Its secret, or its token.
        secret: &'a str,
    },
    /// The cookie of a session.
    Cookie(&'a str),
    /// Nothing.
    Nothing,
}

/// Credentials that were verified lately.
pub(crate) struct Credentials(moka::sync::Cache<[u8; 32], Arc<Known>>);
impl Credentials {
    pub fn new(capacity: u64) -> Self {
        Self(moka::sync::Cache::new(capacity))
    }
}

/// A credential that was verified, with whom it makes somebody.
pub(crate) struct Known {
    pub tenancy: Arc<Tenancy>,
    pub principal: Arc<Principal>,
    /// Of the tenant, when this was read.
    pub revision: i64,
    /// Of the credential.
    pub expires_at: Option<Timestamp>,
    /// When its use was last noted.
    pub noted: AtomicI64,
    /// Of a cookie: use renews its session for so many seconds.
    pub renews: Option<i64>,
    /// Of an access token: which keys it was read with ([`crate::keys::Keys::epoch`]).
    pub epoch: Option<u64>,
}

/// Whom a credential makes somebody.
pub(crate) struct Seen {
    /// Where.
    pub tenant: TenantKey,
    /// Who.
    pub principal: Arc<Principal>,
    /// When that ends by itself.
    pub expires_at: Option<Timestamp>,
}
impl Known {
    /// A credential whose use is not written down.
    pub fn new(tenancy: Arc<Tenancy>, principal: Principal, revision: i64, expires_at: Option<Timestamp>) -> Self {
        let principal = Arc::new(principal);
        Self { tenancy, principal, revision, expires_at, noted: noted(None), renews: None, epoch: None }
    }
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    /// Everything but SCIM.
    People,
    /// SCIM (guard rail 7).
    Directories,
}
impl Surface {
    fn admits(self, principal: &Principal) -> Result<()> {
        let directory = matches!(principal.subject, Subject::Directory(_));
        if directory == (self == Self::Directories) { Ok(()) } else { Err(refused("elsewhere")) }
    }
}

/// A key's use is written down at most once a minute (engine.md 17).
const NOTE_SECONDS: i64 = 60;

/// Why what somebody holds does not count who signs in at a provider that is switched off.
pub(crate) const LOCKED_OUT: &str = "provider_disabled";

pub(crate) fn refused(reason: &'static str) -> Error {
    let message = match reason {
        "missing" => "Sign in or send an API key.",
        LOCKED_OUT => {
            "Your identity provider is switched off here, and until it is on again nothing of yours counts: ask your administrator."
        }
        "switched_off" => "The identity provider of this key is switched off.",
        "expired" => "This credential has expired: sign in again, or use another key.",
        _ => "This credential is not valid here: sign in again, or use another key.",
    };
    Error::new(Code::Unauthenticated, message).detail("reason", reason)
}

impl App {
    /// The caller's context, or 401 `unauthenticated` with `details.reason`. A directory is none: it calls nothing but
    /// [`App::identify_directory`].
    pub async fn identify(&self, origin: Origin, presented: Presented<'_>) -> Result<Ctx> {
        self.recognise(origin, presented, Surface::People).await
    }
    /// The same for SCIM, where nobody calls but directories.
    pub async fn identify_directory(&self, origin: Origin, presented: Presented<'_>) -> Result<Ctx> {
        self.recognise(origin, presented, Surface::Directories).await
    }
    async fn recognise(&self, origin: Origin, presented: Presented<'_>, surface: Surface) -> Result<Ctx> {
        let pair: (String, String);
        let presented = match presented {
            // a token is no key: what was learned of it as one is not used for the other
            Presented::ApiKey(raw) if !raw.starts_with("pcl_") => return Err(refused("invalid")),
            Presented::Nothing => return Err(refused("missing")),
            Presented::Basic(text) => {
                pair = basic(text)?;
                Presented::ClientSecret { id: &pair.0, secret: &pair.1 }
            }
            other => other,
        };
        let now = self.0.clock.now();
        let digest = match presented {
            // no header holds a NUL: nothing else is remembered under these
            Presented::Cookie(raw) => portcullis_crypto::sha256(format!("\0{raw}").as_bytes()),
            Presented::ClientSecret { id, secret } => portcullis_crypto::sha256(format!("\0{id}\0{secret}").as_bytes()),
            Presented::Bearer(raw) | Presented::ApiKey(raw) | Presented::Basic(raw) => {
                portcullis_crypto::sha256(raw.as_bytes())
            }
            Presented::Nothing => return Err(refused("missing")),
        };
        let known = self.0.credentials.0.get(&digest);
        if let Some(known) = known {
            self.freshen(&known.tenancy).await?;
            let signed = known.epoch.is_none_or(|e| e == self.keys().epoch);
            if signed && known.revision == known.tenancy.latest() && known.expires_at.is_none_or(|e| now < e) {
                surface.admits(&known.principal)?;
                let cx = context(origin, &known.tenancy, known.principal.clone(), now);
                self.note_use(&known, &cx);
                return Ok(cx);
            }
            self.0.credentials.0.invalidate(&digest);
        }
        let known = Arc::new(self.verify(presented, now).await?);
        surface.admits(&known.principal)?;
        let cx = context(origin, &known.tenancy, known.principal.clone(), now);
        self.note_use(&known, &cx);
        self.0.credentials.0.insert(digest, known);
        Ok(cx)
    }
    /// The same for whoever signs out: an access token that has expired still names its session (spec v1 4.2).
    pub async fn identify_leaving(&self, origin: Origin, presented: Presented<'_>) -> Result<Ctx> {
        let refusal = match self.identify(origin.clone(), presented).await {
            Ok(cx) => return Ok(cx),
            Err(e) => e,
        };
        let Presented::Bearer(raw) = presented else { return Err(refusal) };
        let now = self.0.clock.now();
        let claims = match self.keys().tokens.verify_made(raw, self.expected(now)) {
            Ok(claims) if claims.sub_type == SubjectType::User => claims,
            _ => return Err(refusal),
        };
        let tenancy = self.tenancy(Id::from_uuid(claims.tenant_id)).await?.ok_or(refusal)?;
        self.freshen(&tenancy).await?;
        let known = self.read_session(&tenancy, Id::from_uuid(claims.sid), Some(&claims), now).await?;
        Ok(context(origin, &tenancy, known.principal, now))
    }
    /// Whom a credential makes somebody, without it being used.
    pub(crate) async fn look_at(&self, presented: Presented<'_>, now: Timestamp) -> Result<Seen> {
        let known = self.verify(presented, now).await?;
        Surface::People.admits(&known.principal)?;
        let expires_at = known.expires_at.filter(|_| known.renews.is_none());
        Ok(Seen { tenant: known.tenancy.key, principal: known.principal, expires_at })
    }
    /// What every token of ours says.
    pub(crate) fn expected(&self, now: Timestamp) -> Expect<'_> {
        Expect { issuer: &self.0.settings.public_url, audience: &self.0.settings.audience, now }
    }
    async fn verify(&self, presented: Presented<'_>, now: Timestamp) -> Result<Known> {
        match presented {
            Presented::ApiKey(raw) => self.verify_key(raw, now).await,
            Presented::Bearer(raw) if raw.starts_with(Purpose::PersonalAccess.prefix()) => {
                self.verify_personal_token(raw, now).await
            }
            Presented::Bearer(raw) if raw.starts_with("pcl_") => self.verify_key(raw, now).await,
            Presented::Bearer(raw) if ServiceToken::is(raw) => {
                let (id, _) = ServiceToken::parse(raw).map_err(|_| refused("malformed"))?;
                self.verify_machine(&id.to_string(), Proof::Secret(raw), now).await
            }
            Presented::Bearer(raw) => match Assertion::read(raw) {
                Ok(assertion) => {
                    self.verify_machine(&assertion.key().to_string(), Proof::Assertion(&assertion), now).await
                }
                // our own tokens are of a type that no assertion has
                Err(_) => self.verify_token(raw, now).await,
            },
            Presented::ClientSecret { id, secret } => self.verify_machine(id, Proof::Secret(secret), now).await,
            Presented::Cookie(raw) => self.verify_cookie(raw, now).await,
            Presented::Basic(_) | Presented::Nothing => Err(refused("missing")),
        }
    }
    /// A context for a public operation: nobody, in the named tenant or else the default one (decision 10). A tenant that does
    /// not exist is 404.
    pub async fn anonymous(&self, origin: Origin, tenant: Option<Id<Tenant>>) -> Result<Ctx> {
        let id = match tenant {
            Some(id) => id,
            None => self.default_tenant().await?,
        };
        let tenancy = self.tenancy(id).await?.ok_or_else(|| Error::not_found("tenant"))?;
        Ok(context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now()))
    }
    /// The same caller, read again: for a decision that has to be made again because something changed meanwhile.
    pub(crate) async fn identify_again(&self, cx: &Ctx) -> Result<Ctx> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let principal = match &cx.principal.credential {
            Credential::Session { id, .. } => self.read_session(&tenancy, *id, None, cx.now).await?.principal,
            Credential::ApiKey { id, .. } => self.read_key(&tenancy, *id, None, cx.now).await?.principal,
            Credential::PersonalToken { id, generation, .. } => {
                self.read_personal_token(&tenancy, *id, Holds::Generation(*generation), cx.now).await?.principal
            }
            Credential::Service { id, .. } => self.read_machine(&tenancy, *id, Proof::Again, cx.now).await?.principal,
            Credential::None => return Ok(cx.clone()),
        };
        Ok(Ctx { principal, ..cx.clone() })
    }

    async fn verify_token(&self, raw: &str, now: Timestamp) -> Result<Known> {
        let expect = self.expected(now);
        let mut keys = self.keys();
        let mut read = keys.tokens.verify(raw, expect);
        if read == Err(TokenError::UnknownKey) {
            self.look_for_a_new_key().await?;
            keys = self.keys();
            read = keys.tokens.verify(raw, expect);
        }
        let claims = read
            .map_err(|e| refused(if matches!(e, TokenError::Expired) { "expired" } else { "invalid" }).caused_by(e))?;
        let tenancy = self.tenancy(Id::from_uuid(claims.tenant_id)).await?.ok_or_else(|| refused("invalid"))?;
        self.freshen(&tenancy).await?;
        let mut known = match claims.sub_type {
            SubjectType::User => self.read_session(&tenancy, Id::from_uuid(claims.sid), Some(&claims), now).await?,
            SubjectType::Pat if claims.sub == claims.sid => {
                let proof = Holds::Generation(claims.secret_generation.ok_or_else(|| refused("invalid"))?);
                self.read_personal_token(&tenancy, Id::from_uuid(claims.sid), proof, now).await?
            }
            SubjectType::ServiceUser => {
                let known = self.read_machine(&tenancy, Id::from_uuid(claims.sid), Proof::Again, now).await?;
                if known.principal.subject != Subject::ServiceUser(Id::from_uuid(claims.sub)) {
                    return Err(refused("invalid"));
                }
                known
            }
            SubjectType::Pat => return Err(refused("invalid")),
        };
        let end = Timestamp::from_micros(claims.exp.saturating_mul(1_000_000));
        known.expires_at = Some(known.expires_at.map_or(end, |e| e.min(end)));
        let token = AccessToken { expires_at: end, exchanged: claims.auth_via.is_some() };
        known.principal = Arc::new(Principal { token: Some(token), ..(*known.principal).clone() });
        known.epoch = Some(keys.epoch);
        Ok(known)
    }
    /// A person with the roles that their groups give them (spec v1 4.4). Whatever changes these moves the revision, and with it
    /// ends what is remembered.
    pub(crate) async fn with_mapped_roles(&self, tenancy: &Arc<Tenancy>, principal: Principal) -> Result<Principal> {
        let Some(user) = principal.user_id() else { return Ok(principal) };
        let mapped = self.compiled(tenancy).await?.access.graph.mapped_roles(Bearer::User(user.uuid()));
        Ok(Principal { roles: principal.roles.and(mapped), ..principal })
    }

    /// `last_used_at` is exact to a minute, and written without anyone waiting for it.
    fn note_use(&self, known: &Known, caller: &Ctx) {
        let now = caller.now;
        let used = match (&known.principal.credential, known.renews) {
            (Credential::ApiKey { id, .. }, _) => Used::Key(*id),
            (Credential::PersonalToken { id, .. }, _) => Used::PersonalToken(*id),
            (Credential::Session { id, .. }, Some(seconds)) => Used::Cookie(*id, seconds),
            (Credential::Session { .. } | Credential::Service { .. } | Credential::None, _) => return,
        };
        let last = known.noted.load(Ordering::Relaxed);
        let due = last.saturating_add(NOTE_SECONDS * 1_000_000) <= now.micros();
        if due && known.noted.compare_exchange(last, now.micros(), Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let (db, nobody) = (self.0.db.clone(), Arc::new(Principal::anonymous()));
            let cx = Ctx { principal: nobody, ..caller.clone() };
            tokio::spawn(async move {
                if let Err(e) = db.write(cx, used, note).await {
                    tracing::debug!(error = %e, "the use of a credential was not noted");
                }
            });
        }
    }
}

pub(crate) fn noted(last: Option<Timestamp>) -> AtomicI64 {
    AtomicI64::new(last.map_or(0, Timestamp::micros))
}

/// A session as what proves its person.
pub(crate) fn of_session(s: &Session) -> Credential {
    Credential::Session { id: s.id, auth_time: s.auth_time, amr: s.amr.clone().into(), restricted: s.restricted }
}

/// A user with the facts that decisions read, and their own roles: [`App::with_mapped_roles`] adds those of groups.
pub(crate) fn of_user(u: &User, credential: Credential, in_master: bool) -> Principal {
    Principal {
        subject: Subject::User(u.id),
        acting_user: Some(u.id),
        name: u.name().into(),
        credential,
        token: None,
        roles: u.roles,
        is_owner: u.is_owner,
        in_master,
        email: Some(u.email.clone()),
        email_verified: u.email_verified,
        auth_provider: Some(u.auth_provider),
        groups: Arc::from([]),
        tags: u.tags().into(),
        mfa_enrolled: u.mfa_enrolled,
        manager_id: u.manager_id,
    }
}

pub(crate) fn context(origin: Origin, tenancy: &Tenancy, principal: Arc<Principal>, now: Timestamp) -> Ctx {
    Ctx {
        tenant: tenancy.key,
        tenant_id: tenancy.id,
        principal,
        request_id: origin.request_id,
        ip: origin.ip,
        user_agent: origin.user_agent,
        now,
        notices: portcullis_domain::context::Notices::default(),
    }
}

/// Does somebody sign in at a provider that is switched off? Then nothing that they hold counts (checklist 1).
pub(crate) async fn locked_out(tx: &mut Tx, user: &User) -> portcullis_store::Result<bool> {
    match user.identity_provider_id {
        Some(id) if user.auth_provider != AuthProvider::Local => Ok(!identity_provider::is_enabled(tx, id).await?),
        _ => Ok(false),
    }
}

/// Whose use is to be noted.
enum Used {
    Key(Id<ApiKey>),
    PersonalToken(Id<PersonalToken>),
    /// And for how many seconds it is renewed.
    Cookie(Id<Session>, i64),
}
async fn note(tx: &mut Tx, used: &Used) -> portcullis_store::Result<()> {
    let now = tx.cx.now;
    match used {
        Used::Key(id) => api_key::used(tx, *id, now).await,
        Used::PersonalToken(id) => personal_token::used(tx, *id, now).await,
        Used::Cookie(id, seconds) => session::used(tx, *id, now.plus_seconds(*seconds)).await,
    }
}
