//! The second step of a sign-in (spec v1 9.2). What was proved lies in a row here; the client holds a token that names it, and only a
//! right code turns it into a session, once.
use std::sync::Arc;

use portcullis_crypto::backup_code::BackupCode;
use portcullis_crypto::token::{Purpose as Token, Raw};
use portcullis_crypto::totp::Code as TotpCode;
use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::mfa::MfaKind;
use portcullis_domain::session::Session;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Code, Ctx, Error, Id, Principal, Result};
use portcullis_store::mfa_challenge::{self, MfaChallenge, Purpose};
use portcullis_store::{Tx, backup_code, directory, mfa_method, session, user};

use crate::App;
use crate::app::Scribe;
use crate::authenticate::{Origin, context};
use crate::backup_code::mac;
use crate::demand::Demand;
use crate::mfa::{Factors, blocked, wrong_code};
use crate::reauthentication::with_factor;
use crate::session::{
    Begin, Hold, NewSession, Proof, Proved, SignedIn, Vouched, begin, count, still_active, still_vouched, wrong,
};
use crate::session_end::end_session;
use crate::tenancy::Tenancy;

/// So many sign-ins of a person wait at once; the oldest end.
const MOST: usize = 10;
const BACKUP_CODE: &str = "backup_code";

/// How long a challenge waits, and how many wrong codes it bears.
const fn bounds(purpose: Purpose) -> (i64, i64) {
    match purpose {
        Purpose::Factor => (5 * 60, 5),
        Purpose::Enrolment => (15 * 60, 10),
    }
}

/// A sign-in that waits for its second step.
#[derive(Debug)]
pub struct SecondStep {
    /// Names it; for its holder only.
    pub challenge_id: Raw,
    /// What may be shown: the kinds of factors that are enrolled, and `backup_code`; nothing where a factor has to be enrolled.
    pub methods: Vec<&'static str>,
    /// The tenant demands a factor, and the person has none.
    pub enrolment: bool,
}

/// What is shown.
pub enum Shown {
    /// What an authenticator app shows.
    Totp(String),
    /// A backup code.
    BackupCode(String),
}

impl Shown {
    /// What somebody typed where either may be: told apart by its form.
    pub fn read(text: &str) -> Self {
        match TotpCode::parse(text) {
            None if BackupCode::parse(text).is_some() => Self::BackupCode(text.to_owned()),
            _ => Self::Totp(text.to_owned()),
        }
    }
}

/// The first half of a sign-in that waits for the second.
pub(crate) enum Half {
    /// A right password.
    Proved(Proved),
    /// The word of an identity provider, and the restricted session that it is worth already, if there is one.
    Vouched(Vouched, Option<Id<Session>>),
}
/// A sign-in that waits, as far as its holder may use it.
pub(crate) struct Waiting {
    /// As nobody: what fails is no deed of the person whom somebody claims to be.
    pub cx: Ctx,
    pub tenancy: Arc<Tenancy>,
    pub hash: [u8; 32],
    pub challenge: MfaChallenge,
    pub user: User,
    pub factors: Factors,
}

impl App {
    /// Is a second step due for somebody who proved one factor?
    pub(crate) async fn second_step(&self, tenancy: &Arc<Tenancy>, user: &User) -> Result<Option<Purpose>> {
        if user.mfa_enrolled {
            return Ok(Some(Purpose::Factor));
        }
        self.freshen(tenancy).await?;
        let demand = Demand::of(self.compiled(tenancy).await?);
        Ok(demand.wants(user).then_some(Purpose::Enrolment))
    }
    /// Makes the challenge of the second step.
    pub(crate) async fn challenge(
        &self,
        cx: &Ctx,
        user: &User,
        purpose: Purpose,
        amr: Vec<String>,
        half: Half,
    ) -> Result<SecondStep> {
        let token = Token::MfaChallenge.generate(&*self.0.random);
        let (vouched, session) = match &half {
            Half::Proved(_) => (None, None),
            Half::Vouched(v, session) => (Some(*v), *session),
        };
        let session_ends_at = vouched.and_then(|v| v.ends_at);
        let expires_at = cx.now.plus_seconds(bounds(purpose).0);
        let challenge = MfaChallenge {
            user_id: user.id,
            purpose,
            amr,
            proof: match &half {
                Half::Proved(proved) => proved.stored().map(digest),
                Half::Vouched(..) => None,
            },
            identity_provider: vouched.map(|v| v.provider),
            session,
            session_ends_at,
            seed: None,
            asked: None,
            tries: 0,
            expires_at: session_ends_at.map_or(expires_at, |end| expires_at.min(end)),
        };
        let c = Open { hash: *token.hash.bytes(), challenge, half, scribe: self.scribe(cx) };
        let offer = self.0.db.write(cx.clone(), c, open).await?;
        let there = self.0.relying_party.is_some();
        let kinds = offer.kinds.iter().filter(|kind| there || !kind.is_webauthn());
        let mut methods: Vec<&'static str> = kinds.map(|kind| kind.as_str()).collect();
        methods.sort_unstable();
        methods.dedup();
        if offer.backup_codes {
            methods.push(BACKUP_CODE);
        }
        Ok(SecondStep { challenge_id: token.raw, methods, enrolment: purpose == Purpose::Enrolment })
    }
    /// Shows a factor: a session for a right code. 400 `invalid_code`, 401 `invalid_challenge`, 429 after too many wrong codes.
    pub async fn answer_challenge(
        &self,
        origin: Origin,
        challenge: &str,
        shown: Shown,
        hold: Hold,
    ) -> Result<SignedIn> {
        let w = self.waiting(origin, challenge, Purpose::Factor).await?;
        let (shown, factor) = match shown {
            Shown::Totp(text) => (TotpCode::parse(&text).map(Parsed::Totp), "otp"),
            Shown::BackupCode(text) => {
                let tag = |code: BackupCode| code.tag(&mac(&w.tenancy), w.user.id.uuid().as_bytes());
                (BackupCode::parse(&text).map(tag).map(Parsed::BackupCode), "recovery")
            }
        };
        let amr = with_factor(&w.challenge.amr, factor);
        let proof = Proof { ends_at: w.challenge.session_ends_at, ..amr.into() };
        let NewSession { cx, begin, signed_in } = self.new_session(&w.cx, &w.tenancy, &w.user, proof, hold).await?;
        let c = Show { nobody: w.cx, hash: w.hash, factors: w.factors, shown, factor, begin };
        self.0.db.write(cx, c, show).await?.or(signed_in)
    }
    /// The sign-in that this token names; 401 `invalid_challenge` if it waits no more, or for something else.
    pub(crate) async fn waiting(&self, origin: Origin, raw: &str, purpose: Purpose) -> Result<Waiting> {
        let hash = *Token::MfaChallenge.parse(raw).map_err(|_| invalid())?.bytes();
        let found = self.0.db.read(self.nowhere(), &hash, directory::challenge_tenant).await?;
        let tenancy = self.tenancy_of(found.ok_or_else(invalid)?.0).await?;
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        let (challenge, user) = self.0.db.read(cx.clone(), &(hash, purpose), find).await?.ok_or_else(invalid)?;
        let factors = self.factors_of(&cx, user.id).await?;
        self.freshen(&tenancy).await?;
        Ok(Waiting { cx, tenancy, hash, challenge, user, factors })
    }
}

/// 401 `invalid_challenge`.
pub(crate) fn invalid() -> Error {
    Error::new(
        Code::InvalidChallenge,
        "This sign-in is unknown, over, or had too many tries: begin again with your password.",
    )
}
fn digest(hash: &str) -> [u8; 32] {
    portcullis_crypto::sha256(hash.as_bytes())
}
async fn find(
    tx: &mut Tx,
    (hash, purpose): &([u8; 32], Purpose),
) -> portcullis_store::Result<Option<(MfaChallenge, User)>> {
    live(tx, hash, *purpose).await
}
/// A challenge that may be tried, with its user: in time, not out of tries, and on the same password still.
pub(crate) async fn live(
    tx: &mut Tx,
    hash: &[u8; 32],
    purpose: Purpose,
) -> portcullis_store::Result<Option<(MfaChallenge, User)>> {
    let (now, most) = (tx.cx.now, bounds(purpose).1);
    let found = mfa_challenge::by_hash(tx, hash).await?;
    let Some(challenge) = found.filter(|c| c.purpose == purpose && c.expires_at > now && c.tries < most) else {
        return Ok(None);
    };
    let user = user::facts(tx, challenge.user_id).await?.filter(|u| u.state == UserState::Active);
    // who enrolled meanwhile shows that factor; who lost it begins again
    let Some(user) = user.filter(|u| u.mfa_enrolled == (purpose == Purpose::Factor)) else { return Ok(None) };
    // what ends the first half ends the second
    if let Some(half) = challenge.session
        && !session::by_id(tx, half).await?.is_some_and(|s| s.revoked_at.is_none() && s.expires_at > now)
    {
        return Ok(None);
    }
    let stored = user::password_hash(tx, user.id).await?;
    let same = challenge.proof.is_none() || challenge.proof == stored.as_deref().map(digest);
    Ok(same.then_some((challenge, user)))
}

struct Open {
    hash: [u8; 32],
    challenge: MfaChallenge,
    half: Half,
    scribe: Scribe,
}
/// What may be shown.
struct Offer {
    kinds: Vec<MfaKind>,
    backup_codes: bool,
}
async fn open(tx: &mut Tx, c: &Open) -> portcullis_store::Result<Offer> {
    let id = c.challenge.user_id;
    let factor = c.challenge.purpose == Purpose::Factor;
    match &c.half {
        Half::Proved(proved) => {
            if still_active(tx, id).await?.mfa_enrolled != factor {
                return Err(wrong().into());
            }
            count(tx, id, proved).await?;
        }
        Half::Vouched(v, _) => still_vouched(tx, id, v).await?,
    }
    let open = mfa_challenge::of_user(tx, id).await?;
    let beyond = (open.len() + 1).saturating_sub(MOST);
    for hash in &open[..beyond] {
        mfa_challenge::delete(tx, hash).await?;
    }
    mfa_challenge::insert(tx, &c.hash, &c.challenge).await?;
    // a password that was right is worth knowing of, even if nothing comes of it
    let event = c.scribe.event("auth.mfa_challenged", "user", id).with("amr", c.challenge.amr.clone());
    c.scribe.write(tx, event.with("enrolment", !factor));
    let kinds = mfa_method::of_user(tx, id).await?.into_iter().map(|m| m.kind).collect();
    Ok(Offer { kinds, backup_codes: factor && backup_code::remaining(tx, id).await? > 0 })
}

enum Parsed {
    Totp(TotpCode),
    /// Its digest.
    BackupCode([u8; 32]),
}
struct Show {
    nobody: Ctx,
    hash: [u8; 32],
    factors: Factors,
    shown: Option<Parsed>,
    factor: &'static str,
    begin: Begin,
}
/// How a try ended. Wrong ones are counted, so they are no errors, which would undo that.
pub(crate) enum Tried {
    Right,
    Wrong,
    Blocked(i64),
    /// There is nothing to try any more.
    Gone,
}
impl Tried {
    pub fn or<T>(self, value: T) -> Result<T> {
        match self {
            Self::Right => Ok(value),
            Self::Wrong => Err(wrong_code()),
            Self::Blocked(wait) => Err(blocked(wait)),
            Self::Gone => Err(invalid()),
        }
    }
}
async fn show(tx: &mut Tx, c: &Show) -> portcullis_store::Result<Tried> {
    let Some((challenge, _)) = live(tx, &c.hash, Purpose::Factor).await? else { return Ok(Tried::Gone) };
    if let Some(wait) = c.factors.wait(tx).await? {
        return Ok(Tried::Blocked(wait));
    }
    let right = match &c.shown {
        Some(Parsed::Totp(code)) => c.factors.spend(tx, *code).await?,
        Some(Parsed::BackupCode(tag)) => backup_code::spend(tx, c.factors.user, tag).await?,
        None => false,
    };
    if !right {
        c.factors.failed(tx).await?;
        failed(tx, (&c.nobody, &c.begin.scribe), &c.hash, c.factors.user, c.factor).await?;
        return Ok(Tried::Wrong);
    }
    mfa_challenge::delete(tx, &c.hash).await?;
    c.factors.passed(tx).await?;
    whole(tx, &challenge, &c.begin).await?;
    Ok(Tried::Right)
}
/// Writes the whole session. A restricted one that was the first half ends; who vouched for the first half vouches for this one.
pub(crate) async fn whole(tx: &mut Tx, challenge: &MfaChallenge, c: &Begin) -> portcullis_store::Result<()> {
    if let Some(half) = challenge.session
        && end_session(tx, &c.scribe, half, challenge.user_id, "second_factor").await?
    {
        tx.bump().await?;
    }
    let mut whole = c.clone();
    whole.session.identity_provider = challenge.identity_provider;
    begin(tx, &whole).await
}
/// Counts a wrong code on its challenge, and says so in the log, as nobody's deed.
pub(crate) async fn failed(
    tx: &mut Tx,
    (nobody, scribe): (&Ctx, &Scribe),
    hash: &[u8; 32],
    user: Id<User>,
    factor: &'static str,
) -> portcullis_store::Result<()> {
    mfa_challenge::tried(tx, hash).await?;
    tx.cx = nobody.clone();
    let event = scribe.event("auth.mfa_failed", "user", user).with("amr", factor);
    scribe.write(tx, Event { outcome: Outcome::Denied, ..event });
    Ok(())
}
