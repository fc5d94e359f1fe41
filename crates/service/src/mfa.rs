//! The second factors of a person: which they are, and their end.
use portcullis_crypto::seal::{Key, OpenError};
use portcullis_crypto::totp::{Code as TotpCode, Seed};
use portcullis_domain::branding::Template;
use portcullis_domain::mfa::{MfaMethod, MfaPolicy, is_twofold};
use portcullis_domain::session::Session;
use portcullis_domain::tenant::Tenant;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, attempt, backup_code, mail_sign_in, mfa_challenge, mfa_method, user};

use crate::App;
use crate::app::Scribe;
use crate::attempt::{after_failure, digest};
use crate::authorize::person_only;
use crate::mail::Post;
use crate::profile::session_of;
use crate::reauthentication::{alive, fresh, may_enrol};
use crate::session_list::{end_sessions, end_sessions_that};
use crate::user::{UserRef, gate};
use crate::user_change::owner_protected;

impl App {
    /// The caller's second factors, and how many backup codes are left. Person only.
    pub async fn own_factors(&self, cx: &Ctx) -> Result<(Vec<MfaMethod>, usize)> {
        let (user, _) = person(cx)?;
        self.0.db.read(cx.clone(), &user, of_user).await.map_err(Error::from)
    }
    /// Removes one of the caller's factors; the last one takes the backup codes along. Person only, with a fresh sign-in; 409 for
    /// the last one where the tenant demands a factor.
    pub async fn remove_factor(&self, cx: &Ctx, id: Id<MfaMethod>) -> Result<()> {
        let (user, session) = person(cx)?;
        let policy = self.snapshot(cx).await?.settings.mfa_policy;
        let demanded = policy.demands(cx.principal.roles, cx.principal.is_owner);
        let post = self.post(cx).await?;
        let c = Remove { user, session, id, demanded, policy, post, scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, remove).await.map_err(Error::from)
    }
    /// Takes all factors and backup codes of somebody who has lost them, and ends their sessions. `users:reset_mfa`; nobody does it
    /// for themselves.
    pub async fn reset_factors(&self, cx: &Ctx, id: Id<User>) -> Result<()> {
        let found = self.find_user(cx, &UserRef::Id(id)).await?;
        let gate = gate("users:reset_mfa", found.as_ref());
        let command = async {
            let user = found.ok_or_else(|| Error::not_found("user"))?;
            // who could take the owner's factor would be one password away from being the owner
            if user.is_owner && !cx.principal.in_master {
                return Err(owner_protected("Only the master tenant's administrators take the owner's second factor."));
            }
            let (factors, post) = (self.factors_of(cx, user.id).await?, self.post(cx).await?);
            Ok(Reset { user: user.id, factors, post, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, reset).await
    }
    /// What seeds of the caller's tenant are sealed with, and where wrong codes of this person are counted.
    pub(crate) async fn factors_of(&self, cx: &Ctx, user: Id<User>) -> Result<Factors> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        Ok(Factors {
            tenant: tenancy.id,
            user,
            key: tenancy.data_key.clone(),
            tries: digest(&tenancy, "factor", &user.to_string()),
            apart: digest(&tenancy, "factor-apart", &user.to_string()),
        })
    }
}

/// The person and the session of a call; 403 for keys, and for who has a factor and has not shown it in this session.
pub(crate) fn person(cx: &Ctx) -> Result<(Id<User>, Id<Session>)> {
    if cx.principal.mfa_enrolled {
        cx.principal.is_whole()?;
    }
    half_person(cx)
}
/// The same for what shows a factor.
pub(crate) fn half_person(cx: &Ctx) -> Result<(Id<User>, Id<Session>)> {
    Ok((cx.principal.user_id().ok_or_else(person_only)?, session_of(cx)?))
}

/// What codes of one person are checked with. Who may try them is the caller's to know.
#[derive(Clone)]
pub(crate) struct Factors {
    tenant: Id<Tenant>,
    pub user: Id<User>,
    key: Key,
    /// Where wrong codes are counted, however many challenges they are sent to.
    tries: String,
    /// The same for who proved something else than a password before.
    apart: String,
}
impl Factors {
    fn aad(&self) -> Vec<u8> {
        [b"totp:".as_slice(), self.tenant.uuid().as_bytes(), self.user.uuid().as_bytes()].concat()
    }
    /// For who came in without the password: their wrong codes are counted by themselves, so that they keep nobody out who has it.
    pub fn apart(self) -> Self {
        Self { tries: self.apart.clone(), ..self }
    }
    /// A seed as it is kept.
    pub fn seal(&self, seed: &Seed, random: &dyn portcullis_domain::port::Random) -> Vec<u8> {
        self.key.seal(&self.aad(), seed.bytes(), random)
    }
    /// A seed that was kept.
    pub fn open(&self, sealed: &[u8]) -> portcullis_store::Result<Seed> {
        let bytes = self.key.open(&self.aad(), sealed).map_err(portcullis_store::Error::internal)?;
        Seed::stored(&bytes).ok_or_else(|| portcullis_store::Error::internal(OpenError::Malformed))
    }
    /// Says how long this person's codes are not looked at, after too many wrong ones, wherever they come from.
    pub async fn wait(&self, tx: &mut Tx) -> portcullis_store::Result<Option<i64>> {
        let until = attempt::find(tx, &self.tries).await?.unwrap_or_default().blocked_until;
        let wait = i64::try_from(until.since(tx.cx.now).as_secs()).unwrap_or(i64::MAX).saturating_add(1);
        Ok((until > tx.cx.now).then_some(wait))
    }
    /// Counts a wrong code.
    pub async fn failed(&self, tx: &mut Tx) -> portcullis_store::Result<()> {
        let before = attempt::find(tx, &self.tries).await?.unwrap_or_default();
        attempt::set(tx, &self.tries, &after_failure(before, tx.cx.now)).await
    }
    /// Forgets wrong codes after a right one.
    pub async fn passed(&self, tx: &mut Tx) -> portcullis_store::Result<()> {
        attempt::clear(tx, &self.tries).await
    }
    /// Is this a code of the person's authenticator app that was not used before? It counts no more from then on.
    pub async fn spend(&self, tx: &mut Tx, code: TotpCode) -> portcullis_store::Result<bool> {
        let Some((id, sealed)) = mfa_method::totp(tx, self.user).await? else { return Ok(false) };
        match self.open(&sealed)?.step_of(code, tx.cx.now) {
            Some(step) => mfa_method::spend(tx, id, step).await,
            None => Ok(false),
        }
    }
}

/// 429 with the time to wait.
pub(crate) fn blocked(wait: i64) -> Error {
    Error::new(Code::RateLimited, format!("Too many wrong codes. Try again in {wait} seconds."))
        .detail("retry_after_seconds", wait)
}
/// 400 `invalid_code`.
pub(crate) fn wrong_code() -> Error {
    Error::new(Code::InvalidCode, "This code is wrong or was used before. Wait for the next one and try again.")
}

async fn of_user(tx: &mut Tx, user: &Id<User>) -> portcullis_store::Result<(Vec<MfaMethod>, usize)> {
    Ok((mfa_method::of_user(tx, *user).await?, backup_code::remaining(tx, *user).await?))
}

struct Remove {
    user: Id<User>,
    session: Id<Session>,
    id: Id<MfaMethod>,
    demanded: bool,
    policy: MfaPolicy,
    post: Option<Post>,
    scribe: Scribe,
}
async fn remove(tx: &mut Tx, c: &Remove) -> portcullis_store::Result<()> {
    let session = alive(tx, c.session).await?;
    fresh(&session, tx.cx.now)?;
    let user = user::facts(tx, c.user).await?.ok_or_else(|| Error::not_found("user"))?;
    may_enrol(&session, &user)?;
    let all = mfa_method::of_user(tx, c.user).await?;
    let found = all.iter().find(|m| m.id == c.id).ok_or_else(|| Error::not_found("second factor"))?;
    let last = all.len() == 1;
    if last && c.demanded {
        let e =
            Error::new(Code::Conflict, "This tenant demands a second factor: enrol another one before you remove it.");
        return Err(e.detail("state", c.policy.as_str()).into());
    }
    mfa_method::delete(tx, c.user, c.id).await?;
    if last {
        forget(tx, c.user).await?;
        // what was half signed in must not become whole by an end of the factor that it lacked
        let half = |s: &Session| s.id != c.session && !is_twofold(&s.amr);
        end_sessions_that(tx, &c.scribe, c.user, "mfa_removed", half).await?;
    }
    told(tx, c.post.as_ref(), &user).await?;
    let event = c.scribe.event("mfa.removed", "user", c.user).with("method_type", found.kind.as_str());
    c.scribe.write(tx, event.with("method_id", c.id.to_string()));
    tx.bump().await?;
    Ok(())
}
/// Tells somebody that their second factors are others now.
pub(crate) async fn told(tx: &mut Tx, post: Option<&Post>, user: &User) -> portcullis_store::Result<()> {
    let Some(post) = post else { return Ok(()) };
    post.write(tx, Some(user.id), &user.email, &post.letter(Template::FactorsChanged, user.name(), "")).await
}
/// Removes every factor of a user with the backup codes, what is being enrolled, and sign-ins that wait for a factor.
pub(crate) async fn forget(tx: &mut Tx, user: Id<User>) -> portcullis_store::Result<()> {
    mfa_method::delete_of_user(tx, user).await?;
    backup_code::delete_of_user(tx, user).await?;
    mfa_challenge::delete_of_user(tx, user).await?;
    user::set_mfa_enrolled(tx, user, false).await
}

struct Reset {
    user: Id<User>,
    /// Where wrong codes were counted.
    factors: Factors,
    post: Option<Post>,
    scribe: Scribe,
}
async fn reset(tx: &mut Tx, c: &Reset) -> portcullis_store::Result<()> {
    let user = user::facts(tx, c.user).await?.ok_or_else(|| Error::not_found("user"))?;
    forget(tx, c.user).await?;
    c.factors.passed(tx).await?;
    c.factors.clone().apart().passed(tx).await?;
    mail_sign_in::delete_of(tx, &user.email).await?;
    told(tx, c.post.as_ref(), &user).await?;
    c.scribe.write(tx, c.scribe.event("mfa.reset", "user", c.user));
    end_sessions(tx, &c.scribe, c.user, "mfa_reset", None).await?;
    tx.bump().await?;
    Ok(())
}
