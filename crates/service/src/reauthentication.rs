//! Step-up: whoever has been signed in for long proves anew who they are, in the same session (spec v1 4.3.2).
use portcullis_crypto::password::Password;
use portcullis_crypto::totp::Code as TotpCode;
use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::mfa::is_twofold;
use portcullis_domain::session::Session;
use portcullis_domain::user::{AuthProvider, User};
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, attempt, session, user};

use crate::App;
use crate::app::{Scribe, busy};
use crate::authenticate::refused;
use crate::mfa::{Factors, half_person};
use crate::mfa_challenge::Tried;

/// A sign-in counts as fresh for so long.
const FRESH_SECONDS: i64 = 900;

/// What somebody proves anew with.
pub enum Proof {
    /// Their password.
    Password(Password),
    /// A code of their authenticator app.
    Code(String),
}

impl App {
    /// Makes the caller's sign-in fresh: `auth_time` of the session is now, and the access token stays as it is. Person only; federated
    /// users sign in anew at their provider, and show a code here only where a restricted session waits for it.
    pub async fn reauthenticate(&self, cx: &Ctx, proof: Result<Proof>) -> Result<()> {
        let (id, session) = half_person(cx)?;
        let me = self.me(cx).await?;
        let elsewhere = me.auth_provider != AuthProvider::Local;
        let there = || Error::new(Code::Forbidden, "You sign in at your identity provider: sign in there again.");
        if elsewhere && !cx.principal.credential.is_restricted() {
            return Err(there());
        }
        match proof? {
            Proof::Password(_) if elsewhere => Err(there()),
            Proof::Password(password) => self.prove_password(cx, &me, session, password).await,
            Proof::Code(code) => {
                let factors = self.factors_of(cx, id).await?;
                let c = ByCode { session, factors, code: TotpCode::parse(&code), scribe: self.scribe(cx) };
                self.0.db.write(cx.clone(), c, by_code).await?.or(())
            }
        }
    }
    async fn prove_password(&self, cx: &Ctx, me: &User, session: Id<Session>, password: Password) -> Result<()> {
        self.reserve_attempt(cx, &me.email).await?;
        let hash = self.0.db.read(cx.clone(), &me.id, password_hash).await?;
        let right = self.0.passwords.verify(hash.clone(), password).await.map_err(busy)?.is_match();
        let account = self.account(cx, &me.email).await?;
        let c = ByPassword { user: me.id, session, hash, right, account, scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, by_password).await?;
        if right { Ok(()) } else { Err(Error::field("password", "This is not your password.")) }
    }
}

/// The session, unless it ended a moment ago.
pub(crate) async fn alive(tx: &mut Tx, id: Id<Session>) -> portcullis_store::Result<Session> {
    let found = session::by_id(tx, id).await?.filter(|s| s.revoked_at.is_none());
    found.ok_or_else(|| refused("revoked").into())
}
/// 403 `reauthentication_required` unless its person proved who they are a short time ago.
pub(crate) fn fresh(session: &Session, now: Timestamp) -> Result<()> {
    since(session.auth_time, now)
}
/// The same for whoever has a second factor, as the caller was identified.
pub(crate) fn freshly(cx: &Ctx) -> Result<()> {
    match cx.principal.credential {
        Credential::Session { auth_time, .. } if cx.principal.mfa_enrolled => since(auth_time, cx.now),
        _ => Ok(()),
    }
}
fn since(auth_time: Timestamp, now: Timestamp) -> Result<()> {
    if auth_time.plus_seconds(FRESH_SECONDS) > now {
        return Ok(());
    }
    let message = "You signed in a while ago. Prove that it is you with POST /v1/users/me/reauthenticate, then repeat.";
    Err(Error::new(Code::ReauthenticationRequired, message).detail("max_age_seconds", FRESH_SECONDS))
}
/// 403 `mfa_setup_required` for a session that has shown one factor of two, however it was let in: it changes none of them.
pub(crate) fn may_enrol(session: &Session, user: &User) -> Result<()> {
    if user.mfa_enrolled && !is_twofold(&session.amr) {
        return Err(Error::new(Code::MfaSetupRequired, "Show your second factor first."));
    }
    Ok(())
}
/// What somebody proved besides: with a factor, the session is one of two.
pub(crate) fn with_factor(amr: &[String], factor: &str) -> Vec<String> {
    let mut amr = amr.to_vec();
    for word in [factor, "mfa"] {
        if !amr.iter().any(|w| w == word) {
            amr.push(word.to_owned());
        }
    }
    amr
}

struct ByPassword {
    user: Id<User>,
    session: Id<Session>,
    /// The hash that was verified.
    hash: Option<String>,
    right: bool,
    account: String,
    scribe: Scribe,
}
async fn by_password(tx: &mut Tx, c: &ByPassword) -> portcullis_store::Result<()> {
    if !c.right {
        failed(tx, &c.scribe, c.user, "pwd");
        return Ok(());
    }
    let session = alive(tx, c.session).await?;
    if user::password_hash(tx, c.user).await? != c.hash {
        return Err(crate::change::moved().into());
    }
    attempt::clear(tx, &c.account).await?;
    renewed(tx, &c.scribe, c.user, Session { auth_time: tx.cx.now, ..session }, "pwd").await
}

struct ByCode {
    session: Id<Session>,
    factors: Factors,
    code: Option<TotpCode>,
    scribe: Scribe,
}
async fn by_code(tx: &mut Tx, c: &ByCode) -> portcullis_store::Result<Tried> {
    let (session, user) = (alive(tx, c.session).await?, c.factors.user);
    // whoever reads somebody's mails must not keep them from their app
    let factors = if session.amr.iter().any(|m| m == "pwd") { c.factors.clone() } else { c.factors.clone().apart() };
    if let Some(wait) = factors.wait(tx).await? {
        return Ok(Tried::Blocked(wait));
    }
    let right = match c.code {
        Some(code) => factors.spend(tx, code).await?,
        None => false,
    };
    if !right {
        factors.failed(tx).await?;
        failed(tx, &c.scribe, user, "otp");
        return Ok(Tried::Wrong);
    }
    factors.passed(tx).await?;
    // whoever had to show a factor has done so
    let amr = with_factor(&session.amr, "otp");
    let session = Session { auth_time: tx.cx.now, amr, restricted: false, ..session };
    renewed(tx, &c.scribe, user, session, "otp").await?;
    Ok(Tried::Right)
}

async fn renewed(
    tx: &mut Tx,
    scribe: &Scribe,
    user: Id<User>,
    session: Session,
    with: &'static str,
) -> portcullis_store::Result<()> {
    session::proved(tx, &session).await?;
    let event = scribe.event("auth.reauthenticated", "session", session.id).with("amr", with);
    scribe.write(tx, event.with("user_id", user.to_string()));
    // rules read how old a sign-in is: what nodes remember of this one counts no more
    tx.bump().await?;
    Ok(())
}
/// Whoever sits at another's screen guesses here: that is told like a failed sign-in.
fn failed(tx: &mut Tx, scribe: &Scribe, user: Id<User>, with: &'static str) {
    let event = scribe.event("auth.reauthentication_failed", "user", user).with("amr", with);
    scribe.write(tx, Event { outcome: Outcome::Failed, ..event });
}

async fn password_hash(tx: &mut Tx, id: &Id<User>) -> portcullis_store::Result<Option<String>> {
    user::password_hash(tx, *id).await
}
