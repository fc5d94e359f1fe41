//! Signing in with a local password; ending a session.
use std::sync::Arc;

use portcullis_crypto::password::{Password, Verdict};
use portcullis_crypto::refresh_token::RefreshToken;
use portcullis_crypto::signing::Claims;
use portcullis_crypto::token::{Purpose, Raw};
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::session::{Held, Refresh, Session};
use portcullis_domain::tenant::Tenant;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Code, Ctx, Error, Id, Principal, Result, Timestamp};
use portcullis_store::{Tx, attempt, directory, identity, identity_provider, session, user};

use crate::App;
use crate::app::{Scribe, busy};
use crate::authenticate::{Origin, Presented, context, of_session, of_user};
use crate::keys::Signing;
use crate::mfa_challenge::{Half, SecondStep};
use crate::profile::session_of;
use crate::session_end::end_session;
use crate::tenancy::Tenancy;

/// Somebody has at most so many live sessions.
const MOST: usize = 100;

/// A local sign-in.
pub struct Login {
    /// The address as sent.
    pub email: String,
    /// The password.
    pub password: Password,
    /// Which tenant; else it is found by the address (spec v1 9.2).
    pub tenant_slug: Option<String>,
    /// What the client wants to hold.
    pub hold: Hold,
}
/// What a client holds of its session: tokens, or, in a browser, a cookie that no script reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// An access token and a refresh token.
    Tokens,
    /// A cookie.
    Cookie,
}

/// How a password sign-in goes on (spec v1 9.2).
#[derive(Debug)]
pub enum LoggedIn {
    /// No second factor is due.
    Whole(SignedIn),
    /// One is.
    SecondStep(SecondStep),
}

/// A sign-in that succeeded.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Where.
    pub tenant_id: Id<Tenant>,
    /// What the client gets.
    pub given: Given,
}
/// What a client gets to hold.
#[derive(Clone, Debug)]
pub enum Given {
    /// As [`Hold::Tokens`].
    Tokens(Tokens),
    /// As [`Hold::Cookie`].
    Cookie(SessionCookie),
}
/// The tokens of a session.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What the next one is asked for with, once.
    pub refresh: Raw,
    /// When that ends.
    pub refresh_expires_at: Timestamp,
}
/// The cookie of a session.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    /// Its value.
    pub value: Raw,
    /// When the session ends unless the cookie is used before.
    pub idle_at: Timestamp,
    /// How long the session lasts at most, in seconds from now.
    pub seconds: i64,
}

impl App {
    /// Signs in, or makes the challenge of the second step where a factor is due. 401 `invalid_credentials` for every reason, in the same time; 429 after too many tries.
    pub async fn login(&self, origin: Origin, login: Login) -> Result<LoggedIn> {
        let email = Email::parse(&login.email).ok();
        let tenancy = self.login_tenant(login.tenant_slug.as_deref(), email.as_ref()).await?;
        let nobody = Arc::new(Principal::anonymous());
        // who names a tenant that is not there is counted, and answered as slowly as a wrong password, in the default one (checklist 15)
        let there = tenancy.is_some();
        let Some(tenancy) = (match tenancy {
            Some(tenancy) => Some(tenancy),
            None => self.default_tenancy().await?,
        }) else {
            self.0.passwords.verify(None, login.password).await.map_err(busy)?;
            return Err(wrong());
        };
        let cx = context(origin, &tenancy, nobody, self.0.clock.now());
        let account = email.as_ref().map_or_else(|| login.email.to_lowercase(), ToString::to_string);
        let elsewhere = login.tenant_slug.filter(|_| !there);
        self.reserve_login(&cx, &account, elsewhere.as_deref()).await?;
        let found = match &email {
            Some(email) => self.0.db.read(cx.clone(), email, candidate).await?.filter(|_| there),
            None => None,
        };
        let stored = found.as_ref().and_then(|(_, hash)| hash.clone());
        let verdict = self.0.passwords.verify(stored.clone(), login.password.clone()).await.map_err(busy)?;
        let known = found.as_ref().map(|(u, _)| u.id);
        let user =
            found.map(|(u, _)| u).filter(|u| u.auth_provider == AuthProvider::Local && u.state == UserState::Active);
        let (Some(user), true) = (user, verdict.is_match()) else {
            self.failed_login(&cx, &account, known, elsewhere.as_deref()).await?;
            return Err(wrong());
        };
        let rehash = match verdict {
            Verdict::Match { rehash: true } => Some(self.hash(login.password).await?),
            _ => None,
        };
        let proved = Proved { hash: stored, rehash, account: self.account(&cx, &account).await? };
        let amr = vec!["pwd".to_owned()];
        match self.second_step(&tenancy, &user).await? {
            Some(purpose) => {
                self.challenge(&cx, &user, purpose, amr, Half::Proved(proved)).await.map(LoggedIn::SecondStep)
            }
            None => {
                let standing = Standing::Proved(proved);
                self.start_session(&cx, &tenancy, &user, amr, standing, login.hold).await.map(LoggedIn::Whole)
            }
        }
    }
    /// The tenant that a slug or, without one, an address leads to (decision 10).
    pub(crate) async fn login_tenant(&self, slug: Option<&str>, email: Option<&Email>) -> Result<Option<Arc<Tenancy>>> {
        let id = match slug.map(Slug::tenant) {
            Some(Ok(slug)) => {
                let slug = slug.to_string();
                self.0.db.read(self.nowhere(), &slug, directory::tenant_by_slug).await?.map(|(_, id)| id)
            }
            Some(Err(_)) => None,
            // decision 10
            None => {
                let domain = email.map(|e| e.domain().to_owned()).unwrap_or_default();
                match self.0.db.read(self.nowhere(), &domain, directory::tenant_by_domain).await? {
                    Some((_, id)) => Some(id),
                    None => self.default_tenant().await.ok(),
                }
            }
        };
        match id {
            Some(id) => self.tenancy(id).await,
            None => Ok(None),
        }
    }
    /// Makes a session, and what its client holds of it.
    pub(crate) async fn start_session(
        &self,
        cx: &Ctx,
        tenancy: &Arc<Tenancy>,
        user: &User,
        amr: Vec<String>,
        standing: Standing,
        hold: Hold,
    ) -> Result<SignedIn> {
        let NewSession { cx, begin, signed_in } = self.new_session(cx, tenancy, user, amr.into(), hold).await?;
        self.0.db.write(cx, Start { begin, standing }, start).await?;
        Ok(signed_in)
    }
    /// Writes a session on the word of an identity provider.
    pub(crate) async fn write_vouched(&self, made: NewSession, vouched: Vouched) -> Result<(Id<Session>, SignedIn)> {
        let NewSession { cx, mut begin, signed_in } = made;
        begin.session.identity_provider = Some(vouched.provider);
        let id = begin.session.id;
        self.0.db.write(cx, Start { begin, standing: Standing::Vouched(vouched) }, start).await?;
        Ok((id, signed_in))
    }
    /// A session with what its client holds of it, to be written by [`begin`]. What its person proved is the caller's to know.
    pub(crate) async fn new_session(
        &self,
        cx: &Ctx,
        tenancy: &Arc<Tenancy>,
        user: &User,
        Proof { amr, restricted, ends_at }: Proof,
        hold: Hold,
    ) -> Result<NewSession> {
        let settings = self.compiled(tenancy).await?.settings.clone();
        let expires_at = cx.now.plus_seconds(settings.session_max_seconds);
        let expires_at = ends_at.map_or(expires_at, |end| expires_at.min(end));
        let session = Session {
            id: self.id(cx),
            user_id: user.id,
            identity_provider: None,
            amr,
            auth_time: cx.now,
            created_at: cx.now,
            expires_at,
            idle_at: cx.now.plus_seconds(settings.session_idle_seconds).min(expires_at),
            revoked_at: None,
            restricted,
        };
        let principal = self.with_mapped_roles(tenancy, of_user(user, of_session(&session), tenancy.is_master)).await?;
        let cx = Ctx { principal: Arc::new(principal), ..cx.clone() };
        let (held, given) = match hold {
            Hold::Tokens => {
                let refresh = RefreshToken::generate(&*self.0.random);
                let held = Held::Tokens(Refresh { family: *refresh.family().bytes(), hash: *refresh.hash().bytes() });
                // no token outlives the session, or what would renew it
                let expires_at = cx.now.plus_seconds(settings.access_token_seconds).min(session.idle_at);
                let proved = (session.id, session.auth_time, session.amr.clone());
                let access = self.access_token(self.keys().signing()?, &cx, user.id, proved, expires_at);
                let refresh_expires_at = session.idle_at;
                (held, Given::Tokens(Tokens { access, expires_at, refresh: refresh.raw(), refresh_expires_at }))
            }
            Hold::Cookie => {
                let cookie = Purpose::Cookie.generate(&*self.0.random);
                let (idle_at, seconds) = (session.idle_at, settings.session_max_seconds);
                let given = SessionCookie { value: cookie.raw, idle_at, seconds };
                (Held::Cookie(*cookie.hash.bytes()), Given::Cookie(given))
            }
        };
        let begin = Begin { session, held, scribe: self.scribe(&cx) };
        Ok(NewSession { cx, begin, signed_in: SignedIn { tenant_id: tenancy.id, given } })
    }
    /// An access token of a session: its id, when its person last proved who they are, and how. That of a restricted one names no role:
    /// who only reads tokens does not know that a factor is due.
    pub(crate) fn access_token(
        &self,
        signing: &Signing,
        cx: &Ctx,
        user: Id<User>,
        (sid, auth_time, amr): (Id<Session>, Timestamp, Vec<String>),
        expires_at: Timestamp,
    ) -> String {
        let roles = cx.principal.roles.public().map(|r| r.as_str().to_owned()).collect();
        signing.tokens.issue(&Claims {
            sub: user.uuid(),
            roles: if cx.principal.credential.is_restricted() { vec![] } else { roles },
            sid: sid.uuid(),
            amr,
            auth_time: auth_time.seconds(),
            ..self.claims(cx, expires_at)
        })
    }
    /// Ends the caller's session, if it is one: who is not signed in may sign out all the same (spec v1beta1 4.3).
    pub async fn sign_out(&self, cx: &Ctx) -> Result<()> {
        if cx.principal.credential.is_session() { self.logout(cx).await } else { Ok(()) }
    }
    /// Ends the caller's session.
    pub async fn logout(&self, cx: &Ctx) -> Result<()> {
        self.end_own(cx, "logout").await
    }
    /// Ends the session of this cookie, if it has one, since another takes its place in the browser: nobody holds it any more.
    pub async fn replaced(&self, origin: Origin, cookie: &str) -> Result<()> {
        match self.identify(origin, Presented::Cookie(cookie)).await {
            Ok(before) => self.end_own(&before, "replaced").await,
            Err(_) => Ok(()),
        }
    }
    async fn end_own(&self, cx: &Ctx, cause: &'static str) -> Result<()> {
        let id = session_of(cx)?;
        let user = cx.principal.user_id().ok_or_else(|| Error::internal("a session of nobody"))?;
        let c = End { id, user, cause, scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, end).await.map_err(Error::from)
    }
    /// The public token keys (RFC 7517).
    pub fn jwks(&self) -> serde_json::Value {
        self.keys().tokens.jwks()
    }

    async fn default_tenancy(&self) -> Result<Option<Arc<Tenancy>>> {
        match self.first_tenant().await? {
            Some(id) => self.tenancy(id).await,
            None => Ok(None),
        }
    }
    async fn failed_login(
        &self,
        cx: &Ctx,
        account: &str,
        user: Option<Id<User>>,
        elsewhere: Option<&str>,
    ) -> Result<()> {
        // an event about a person names him, so that it goes with him
        let about = user.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
        let mut event = self.event(cx, "auth.login_failed", "user", about).with("email", account);
        if let Some(slug) = elsewhere {
            event = event.with("tenant_slug", slug);
        }
        let event = portcullis_domain::audit::Event { outcome: portcullis_domain::audit::Outcome::Denied, ..event };
        let c = self.prepare(cx, event);
        self.0.db.write(cx.clone(), c, record).await.map_err(Error::from)
    }
}

pub(crate) fn wrong() -> Error {
    Error::new(Code::InvalidCredentials, "The e-mail address or the password is wrong.")
}
async fn candidate(tx: &mut Tx, email: &Email) -> portcullis_store::Result<Option<(User, Option<String>)>> {
    let user = user::facts_by_email(tx, email).await?;
    // the same statements whether somebody is there or not
    let hash = user::password_hash(tx, user.as_ref().map_or(Id::from_uuid(uuid::Uuid::nil()), |u| u.id)).await?;
    Ok(user.map(|user| (user, hash)))
}
async fn record(tx: &mut Tx, event: &portcullis_audit::Prepared) -> portcullis_store::Result<()> {
    tx.audit(event.clone());
    Ok(())
}

/// What a session stands on when it begins.
pub(crate) enum Standing {
    /// A password.
    Proved(Proved),
    /// The word of an identity provider.
    Vouched(Vouched),
    /// The server itself knows who it is.
    Known,
}
/// What a sign-in at an identity provider stands on.
#[derive(Clone, Copy)]
pub(crate) struct Vouched {
    /// Which one.
    pub provider: Id<IdentityProvider>,
    /// Had the person a second factor here when it was decided whether one is due?
    pub enrolled: bool,
    /// Until when it vouches, if it says so.
    pub ends_at: Option<Timestamp>,
}
/// What a new session is worth.
pub(crate) struct Proof {
    /// How its person proved who they are (RFC 8176).
    pub amr: Vec<String>,
    /// Is a second factor due?
    pub restricted: bool,
    /// When it ends at the latest, besides by the tenant's settings.
    pub ends_at: Option<Timestamp>,
}
impl From<Vec<String>> for Proof {
    fn from(amr: Vec<String>) -> Self {
        Self { amr, restricted: false, ends_at: None }
    }
}
/// What a password sign-in stands on.
pub(crate) struct Proved {
    /// The stored hash that was verified: a session made with a password that was changed meanwhile must not begin.
    hash: Option<String>,
    /// The same password in a newer scheme.
    rehash: Option<String>,
    /// Whose failures are forgotten.
    account: String,
}
impl Proved {
    /// The hash that is stored once this is counted.
    pub fn stored(&self) -> Option<&str> {
        self.rehash.as_deref().or(self.hash.as_deref())
    }
}
/// A session that is ready to be written, with what its client holds of it.
pub(crate) struct NewSession {
    /// The context as its person.
    pub cx: Ctx,
    pub begin: Begin,
    pub signed_in: SignedIn,
}
impl NewSession {
    /// Without an end by itself before its time, as sessions of Frontier's strategies are (decision 11).
    pub fn without_idle_end(mut self) -> Self {
        self.begin.session.idle_at = self.begin.session.expires_at;
        match &mut self.signed_in.given {
            Given::Tokens(given) => given.refresh_expires_at = self.begin.session.expires_at,
            Given::Cookie(given) => given.idle_at = self.begin.session.expires_at,
        }
        self
    }
}
/// What [`begin`] writes.
#[derive(Clone)]
pub(crate) struct Begin {
    pub session: Session,
    held: Held,
    pub scribe: Scribe,
}
struct Start {
    begin: Begin,
    standing: Standing,
}
async fn start(tx: &mut Tx, c: &Start) -> portcullis_store::Result<()> {
    let id = c.begin.session.user_id;
    match &c.standing {
        Standing::Proved(proved) => {
            // enrolled while the password was checked
            if still_active(tx, id).await?.mfa_enrolled {
                return Err(wrong().into());
            }
            count(tx, id, proved).await?;
        }
        Standing::Vouched(v) => still_vouched(tx, id, v).await?,
        Standing::Known => drop(still_active(tx, id).await?),
    }
    begin(tx, &c.begin).await
}
/// A provider may have been switched off, or its person suspended or with a new factor, while it was asked.
pub(crate) async fn still_vouched(tx: &mut Tx, id: Id<User>, v: &Vouched) -> portcullis_store::Result<()> {
    let user = user::facts(tx, id).await?.filter(|u| u.state == UserState::Active);
    let same = user.is_some_and(|u| u.mfa_enrolled == v.enrolled);
    let counts = identity_provider::by_id(tx, v.provider).await?.is_some_and(|p| p.enabled);
    let linked = identity::of_user(tx, id).await?.contains(&v.provider);
    if same && counts && linked { Ok(()) } else { Err(crate::federation::failed().into()) }
}
/// The user, who may have been suspended while the password was checked.
pub(crate) async fn still_active(tx: &mut Tx, id: Id<User>) -> portcullis_store::Result<User> {
    let user = user::facts(tx, id).await?.filter(|u| u.state == UserState::Active);
    user.ok_or_else(|| wrong().into())
}
/// Counts a right password: it is renewed where its scheme is old, and failures before it are forgotten.
pub(crate) async fn count(tx: &mut Tx, id: Id<User>, proved: &Proved) -> portcullis_store::Result<()> {
    if user::password_hash(tx, id).await? != proved.hash {
        return Err(wrong().into());
    }
    if let (Some(old), Some(new)) = (&proved.hash, &proved.rehash) {
        user::rehash(tx, id, old, new).await?;
    }
    attempt::clear(tx, &proved.account).await
}
/// Writes a session of somebody who proved who they are.
pub(crate) async fn begin(tx: &mut Tx, c: &Begin) -> portcullis_store::Result<()> {
    let (now, id) = (tx.cx.now, c.session.user_id);
    make_room(tx, &c.scribe, id).await?;
    session::insert(tx, &c.session, &c.held).await?;
    user::signed_in(tx, id, now).await?;
    let event = c.scribe.event("auth.login_succeeded", "session", c.session.id).with("amr", c.session.amr.clone());
    let event = if c.session.restricted { event.with("restricted", true) } else { event };
    c.scribe.write(
        tx,
        match c.session.identity_provider {
            Some(provider) => event.with("identity_provider_id", provider.to_string()),
            None => event,
        },
    );
    Ok(())
}

/// Ends the oldest sessions of somebody who is about to have more than [`MOST`]: ending or listing all of them reads each.
async fn make_room(tx: &mut Tx, scribe: &Scribe, user: Id<User>) -> portcullis_store::Result<()> {
    let live = session::live_of_user(tx, user, Id::from_uuid(uuid::Uuid::nil())).await?;
    let beyond = (live.len() + 1).saturating_sub(MOST);
    for s in live.into_iter().take(beyond) {
        end_session(tx, scribe, s.id, user, "too_many").await?;
    }
    if beyond > 0 {
        tx.bump().await?;
    }
    Ok(())
}

struct End {
    id: Id<Session>,
    user: Id<User>,
    cause: &'static str,
    scribe: Scribe,
}
async fn end(tx: &mut Tx, c: &End) -> portcullis_store::Result<()> {
    if end_session(tx, &c.scribe, c.id, c.user, c.cause).await? {
        tx.bump().await?;
    }
    Ok(())
}
