//! Enrolling an authenticator app (RFC 6238) while signed in: a seed that waits 15 minutes, then a code that proves that the app
//! has it.
use portcullis_crypto::totp::{Code as TotpCode, Seed};
use portcullis_domain::mfa::{MfaKind, MfaMethod};
use portcullis_domain::session::Session;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, backup_code, mfa_method, session, user};
use zeroize::Zeroizing;

use crate::app::Scribe;
use crate::application_session_end;
use crate::backup_code::{BackupCodes, NewSet};
use crate::branding;
use crate::mail::Post;
use crate::mfa::{Factors, person, told, wrong_code};
use crate::reauthentication::{alive, fresh, may_enrol, with_factor};
use crate::{Answer, App, Reply};

/// An enrolment waits so long for its code.
pub(crate) const PENDING_SECONDS: i64 = 15 * 60;

/// A seed for an app, shown once.
pub struct NewTotp {
    /// Names the enrolment; none during a sign-in, where the challenge does.
    pub id: Option<Id<MfaMethod>>,
    /// To be typed.
    pub secret: Zeroizing<String>,
    /// To be scanned.
    pub qr_uri: Zeroizing<String>,
}
impl NewTotp {
    pub(crate) fn of(seed: &Seed, id: Option<Id<MfaMethod>>, issuer: &str, user: &User) -> Self {
        Self { id, secret: seed.base32(), qr_uri: seed.uri(issuer, &user.email) }
    }
}
/// The end of an enrolment.
pub struct Confirmation {
    /// Which one.
    pub id: Id<MfaMethod>,
    /// What the app shows.
    pub code: String,
    /// What its person calls it.
    pub device_name: Option<String>,
}

impl App {
    /// Begins an enrolment; one that was begun before ends. Person only; with another factor a fresh sign-in is needed.
    pub async fn begin_totp(&self, cx: &Ctx, empty: Result<()>, reply: Reply<NewTotp>) -> Result<Answer> {
        let (user, session) = person(cx)?;
        let factors = self.factors_of(cx, user).await?;
        let seed = Seed::generate(&*self.0.random);
        let sealed = factors.seal(&seed, &*self.0.random);
        let command = empty.map(|()| BeginTotp { id: self.id(cx), user, session, seed, sealed });
        self.answer_own(cx, command, reply, begin).await
    }
    /// The seed of an enrolment that the caller began and that still waits, to be shown once more. Person only; 404 when it is over.
    pub async fn pending_totp(&self, cx: &Ctx, id: Id<MfaMethod>) -> Result<NewTotp> {
        let (user, _) = person(cx)?;
        let sealed = self.0.db.read(cx.clone(), &(user, id), pending).await?;
        let seed = self.factors_of(cx, user).await?.open(&sealed.ok_or_else(|| Error::not_found("enrolment"))?)?;
        let (issuer, me) = (self.own_doorway(cx).await?.brand.name, self.profile(cx).await?);
        Ok(NewTotp::of(&seed, Some(id), &issuer, &me))
    }
    /// Ends it with a code of the app, which is the person's second factor from then on. With the first one come backup codes.
    pub async fn confirm_totp(
        &self,
        cx: &Ctx,
        confirmation: Result<Confirmation>,
        reply: Reply<BackupCodes>,
    ) -> Result<Answer> {
        let (user, session) = person(cx)?;
        let (factors, set) = (self.factors_of(cx, user).await?, self.backup_set(cx, user).await?);
        let (post, scribe) = (self.post(cx).await?, self.scribe(cx));
        let command = confirmation.map(|confirmation| Confirm { session, factors, confirmation, set, post, scribe });
        self.answer_own(cx, command, reply, confirm).await
    }
}

async fn pending(tx: &mut Tx, (user, id): &(Id<User>, Id<MfaMethod>)) -> portcullis_store::Result<Option<Vec<u8>>> {
    mfa_method::pending(tx, *user, *id).await
}

struct BeginTotp {
    id: Id<MfaMethod>,
    user: Id<User>,
    session: Id<Session>,
    seed: Seed,
    sealed: Vec<u8>,
}
async fn begin(tx: &mut Tx, c: &BeginTotp) -> portcullis_store::Result<NewTotp> {
    let (session, now) = (alive(tx, c.session).await?, tx.cx.now);
    let user = user::facts(tx, c.user).await?.ok_or_else(|| Error::not_found("user"))?;
    may_enrol(&session, &user)?;
    if user.mfa_enrolled {
        fresh(&session, now)?;
    }
    none_enrolled(tx, c.user).await?;
    let issuer = branding::name(tx).await?;
    mfa_method::begin(tx, c.user, c.id, &c.sealed, now.plus_seconds(PENDING_SECONDS)).await?;
    Ok(NewTotp::of(&c.seed, Some(c.id), &issuer, &user))
}
async fn none_enrolled(tx: &mut Tx, user: Id<User>) -> portcullis_store::Result<()> {
    if mfa_method::totp(tx, user).await?.is_none() {
        return Ok(());
    }
    Err(Error::new(Code::AlreadyEnrolled, "You have an authenticator app: remove it before you enrol another.").into())
}

struct Confirm {
    session: Id<Session>,
    factors: Factors,
    confirmation: Confirmation,
    set: NewSet,
    post: Option<Post>,
    scribe: Scribe,
}
async fn confirm(tx: &mut Tx, c: &Confirm) -> portcullis_store::Result<BackupCodes> {
    let (session, id, user) = (alive(tx, c.session).await?, c.confirmation.id, c.factors.user);
    let sealed = mfa_method::pending(tx, user, id).await?.ok_or_else(|| Error::not_found("enrolment"))?;
    let person = user::facts(tx, user).await?.ok_or_else(|| Error::not_found("user"))?;
    may_enrol(&session, &person)?;
    none_enrolled(tx, user).await?;
    let seed = c.factors.open(&sealed)?;
    let step = TotpCode::parse(&c.confirmation.code).and_then(|code| seed.step_of(code, tx.cx.now));
    let step = step.ok_or_else(wrong_code)?;
    mfa_method::confirm(tx, id, step, c.confirmation.device_name.as_deref()).await?;
    let codes = enrolled(tx, &c.scribe, (user, Some(session.id)), (id, MfaKind::Totp), &c.set, c.post.as_ref()).await?;
    // its person has shown a factor here: whoever had to enrol one has done so
    let amr = with_factor(&session.amr, "otp");
    session::proved(tx, &Session { amr, restricted: false, ..session }).await?;
    tx.bump().await?;
    Ok(codes)
}
/// Writes down that somebody has one more factor; the first one comes with backup codes, and ends what is held at applications but by the
/// session that enrolled it. The caller moves the revision.
pub(crate) async fn enrolled(
    tx: &mut Tx,
    scribe: &Scribe,
    (user, session): (Id<User>, Option<Id<Session>>),
    (id, kind): (Id<MfaMethod>, MfaKind),
    set: &NewSet,
    post: Option<&Post>,
) -> portcullis_store::Result<BackupCodes> {
    let event = scribe.event("mfa.enrolled", "user", user).with("method_type", kind.as_str());
    scribe.write(tx, event.with("method_id", id.to_string()));
    let person = user::facts(tx, user).await?.ok_or_else(|| Error::not_found("user"))?;
    told(tx, post, &person).await?;
    user::set_mfa_enrolled(tx, user, true).await?;
    if mfa_method::of_user(tx, user).await?.len() == 1 {
        // what other sessions gave to applications was proved by one factor
        application_session_end::of_user(tx, scribe, user, "mfa_enrolled", session).await?;
        return set.write(tx, user).await;
    }
    Ok(BackupCodes { codes: vec![], remaining: backup_code::remaining(tx, user).await? })
}
