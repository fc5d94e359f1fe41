//! The application: its ports, caches and settings, wired once.
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::Prepared;
use portcullis_crypto::password::breached::Breached;
use portcullis_crypto::password::{Owner, Params, Password, PasswordError, Rule};
use portcullis_crypto::pool::{HashPool, PoolError};
use portcullis_crypto::seal::MasterKey;
use portcullis_crypto::webauthn::RelyingParty;
use portcullis_domain::audit::Event;
use portcullis_domain::dns::Dns;
use portcullis_domain::port::{Clock, Random};
use portcullis_domain::preference_trait::Traits;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::Db;

use crate::authenticate::Credentials;
use crate::keys::Keyring;
use crate::tenancy::Tenancies;

/// What the operator sets once; immutable after start (engine.md 24).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where people and tokens find this server: the issuer of its tokens.
    pub public_url: String,
    /// The domain that passkeys and security keys are made for; `None`: the host of `public_url`.
    pub rp_id: Option<String>,
    /// The audience of its tokens.
    pub audience: String,
    /// What a new password hash costs.
    pub password: Params,
    /// Threads that hash; 0 means one a core.
    pub hash_threads: usize,
    /// A list of passwords that nobody may choose ([`Breached`]).
    pub breached_passwords: Option<PathBuf>,
    /// So much memory for snapshots of tenants, in tenants.
    pub hot_tenants: u64,
    /// So many credentials are remembered between requests.
    pub hot_credentials: u64,
    /// What can be preferred: the built-in traits, and those of the operator.
    pub traits: Traits,
    /// How long an import or export waits for a caller who takes nothing of its answer, and an import for its next row.
    pub reader_patience: Duration,
    /// Where webhooks may go.
    pub webhooks: crate::webhook::Reach,
    /// Where identity providers may be.
    pub federation: crate::webhook::Reach,
    /// Personal access tokens.
    pub personal_tokens: PersonalTokens,
    /// Is mail set up? Else links are answered to whoever asked for them (decision 8).
    pub mail: bool,
    /// Pages that a link to sign in may lead to, the usual one first (spec v1beta1 4.2).
    pub callback_urls: Vec<String>,
    /// Pages that somebody may be led to when they are in.
    pub return_urls: Vec<String>,
    /// Where the pages are that links lead to; `None`: at `public_url`.
    pub pages_url: Option<String>,
}
impl Settings {
    /// Who passkeys and security keys are made for; `None` where the server is found by an address, or its domain is another than
    /// `rp_id`: browsers know none there.
    pub fn relying_party(&self) -> Option<RelyingParty> {
        let host = || self.public_url.split_once("://").map_or("", |(_, rest)| rest.split(':').next().unwrap_or(rest));
        RelyingParty::new(self.rp_id.as_deref().unwrap_or_else(host), &self.public_url)
    }
}
/// What the operator says about personal access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalTokens {
    /// Are there any? If not, those that are there are worth nothing.
    pub enabled: bool,
    /// Permissions that no token gives, by slug: roles that hold one cannot be given to tokens.
    pub denied_permissions: Vec<String>,
}
impl Default for PersonalTokens {
    fn default() -> Self {
        Self { enabled: true, denied_permissions: vec![] }
    }
}
impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://localhost:7400".into(),
            rp_id: None,
            audience: "portcullis".into(),
            password: Params::default(),
            hash_threads: 0,
            breached_passwords: None,
            hot_tenants: 10_000,
            hot_credentials: 100_000,
            traits: Traits::default(),
            reader_patience: Duration::from_secs(60),
            personal_tokens: PersonalTokens::default(),
            webhooks: crate::webhook::Reach::default(),
            mail: false,
            callback_urls: vec![],
            return_urls: vec![],
            pages_url: None,
            federation: crate::webhook::Reach::default(),
        }
    }
}

/// Everything that use cases share. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub settings: Settings,
    pub relying_party: Option<RelyingParty>,
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub dns: Arc<dyn Dns>,
    /// How OpenID providers are spoken to, where that is wired.
    pub openid: std::sync::OnceLock<Arc<dyn portcullis_domain::openid::OpenId>>,
    /// How SAML providers are, likewise.
    pub saml: std::sync::OnceLock<Arc<dyn portcullis_domain::saml::Saml>>,
    pub master_key: MasterKey,
    pub passwords: HashPool,
    pub breached: Option<Arc<Breached>>,
    pub keys: Keyring,
    pub tenancies: Arc<Tenancies>,
    pub credentials: Credentials,
    pub subjects: crate::check::Subjects,
    pub idempotency: crate::idempotency::Running,
    pub denials: crate::denial::Denials,
    pub lookups: crate::domain_check::Lookups,
    pub looks: crate::provider_test::Looks,
    pub places: crate::long::Places,
    pub touched: crate::tidy::Touched,
    /// Texts of Cedar that are validated at once: each takes a core.
    pub validations: Arc<tokio::sync::Semaphore>,
    /// Requests of strangers for a mail that are worked on at once, after their answer.
    pub letters: Arc<tokio::sync::Semaphore>,
}

impl App {
    /// Wires an application over an open store: loads (or makes) the server's keys. `tenancies` is the one whose
    /// [`Tenancies::publish`] the store was opened with.
    pub async fn new(
        settings: Settings,
        db: Db,
        tenancies: Arc<Tenancies>,
        master_key: MasterKey,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        dns: Arc<dyn Dns>,
    ) -> Result<Self> {
        let hasher = portcullis_crypto::password::Hasher::new(settings.password).map_err(Error::internal)?;
        let passwords = HashPool::new(settings.hash_threads, hasher, random.clone()).map_err(Error::internal)?;
        let breached = match &settings.breached_passwords {
            None => None,
            Some(file) => {
                let unread = |e| Error::internal(format!("password.breached_file: {}: {e}", file.display()));
                Some(Arc::new(Breached::open(file).map_err(unread)?))
            }
        };
        db.remember_subscriptions(tenancies.subscribers());
        let keys = Keyring::load(&db, Ctx::nowhere(clock.now()), &master_key, &*random).await?;
        Ok(Self(Arc::new(Inner {
            credentials: Credentials::new(settings.hot_credentials),
            subjects: crate::check::Subjects::new(settings.hot_credentials),
            idempotency: crate::idempotency::Running::default(),
            denials: crate::denial::Denials::default(),
            lookups: crate::domain_check::Lookups::default(),
            looks: crate::provider_test::Looks::default(),
            places: crate::long::Places::default(),
            touched: crate::tidy::Touched::default(),
            validations: Arc::new(tokio::sync::Semaphore::new(2)),
            letters: Arc::new(tokio::sync::Semaphore::new(crate::password_reset::AT_ONCE)),
            relying_party: settings.relying_party(),
            settings,
            db,
            clock,
            random,
            dns,
            openid: std::sync::OnceLock::new(),
            saml: std::sync::OnceLock::new(),
            master_key,
            passwords,
            breached,
            keys,
            tenancies,
        })))
    }
    /// Why a tenant that wants so many bytes at least does not accept a password; `None`: it does. 503 when the list of breached
    /// passwords cannot be read.
    pub(crate) async fn wrong_with_password(
        &self,
        min: usize,
        password: &Password,
        owner: Owner<'_>,
    ) -> Result<Option<PasswordError>> {
        let rule = Rule::with_min(min).against(self.0.breached.clone());
        let (password, email, name) = (password.clone(), owner.email.to_owned(), owner.name.to_owned());
        // the list is a file
        let checked = tokio::task::spawn_blocking(move || rule.check(&password, Owner { email: &email, name: &name }));
        let checked = checked.await.map_err(Error::internal)?;
        checked
            .map(Result::err)
            .map_err(|e| Error::unavailable("the list of breached passwords cannot be read").caused_by(e))
    }
    /// What hashes passwords.
    pub fn passwords(&self) -> &HashPool {
        &self.0.passwords
    }
    /// The operator's settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }
    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }
    /// The source of randomness.
    pub fn random(&self) -> &Arc<dyn Random> {
        &self.0.random
    }
    /// The store, for workers and the command line.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn id<T>(&self, cx: &Ctx) -> Id<T> {
        Id::new(cx.now, &*self.0.random)
    }
    pub(crate) fn event(
        &self,
        cx: &Ctx,
        action: &'static str,
        resource_type: &'static str,
        resource_id: impl ToString,
    ) -> Event {
        Event::new(self.id(cx), action, resource_type, resource_id)
    }
    /// Makes an event canonical, outside the transaction wherever that is possible (engine.md 13).
    pub(crate) fn prepare(&self, cx: &Ctx, event: Event) -> Prepared {
        self.0.touched.note(cx);
        portcullis_audit::prepare(cx, event, self.salt())
    }
    pub(crate) fn salt(&self) -> [u8; 32] {
        let mut salt = [0; 32];
        self.0.random.fill(&mut salt);
        salt
    }
    /// What a use case needs to make events inside its transaction, where the values before are read.
    pub(crate) fn scribe(&self, cx: &Ctx) -> Scribe {
        Scribe { random: self.0.random.clone(), touched: self.0.touched.clone(), now: cx.now }
    }
    pub(crate) async fn hash(&self, password: Password) -> Result<String> {
        self.0.passwords.hash(password).await.map_err(busy)
    }
}

pub(crate) fn busy(e: PoolError) -> Error {
    match e {
        PoolError::Closed => Error::unavailable("the hash pool is closed"),
        _ => Error::new(Code::RateLimited, "Too many passwords are being checked right now. Try again in a second.")
            .detail("retry_after_seconds", 1),
    }
}

/// Writes events inside a transaction.
#[derive(Clone)]
pub(crate) struct Scribe {
    random: Arc<dyn Random>,
    touched: crate::tidy::Touched,
    now: portcullis_domain::Timestamp,
}
impl Scribe {
    /// A fresh id.
    pub fn id<T>(&self) -> Id<T> {
        Id::new(self.now, &*self.random)
    }
    /// An event about a thing.
    pub fn event(&self, action: &'static str, resource_type: &'static str, resource_id: impl ToString) -> Event {
        Event::new(self.id(), action, resource_type, resource_id)
    }
    /// Appends it to the transaction.
    pub fn write(&self, tx: &mut portcullis_store::Tx, event: Event) {
        let mut salt = [0; 32];
        self.random.fill(&mut salt);
        self.touched.note(&tx.cx);
        let prepared = portcullis_audit::prepare(&tx.cx, event, salt);
        tx.audit(prepared);
    }
}
