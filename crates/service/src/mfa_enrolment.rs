//! Enrolling the first factor as the second step of a sign-in, where the tenant demands one (spec v1 9.2): whoever is half signed in
//! reaches nothing else, and whoever has a factor cannot come here.
use portcullis_crypto::totp::{Code as TotpCode, Seed};
use portcullis_domain::mfa::{MfaKind, MfaMethod};
use portcullis_domain::{Ctx, Id, Result};
use portcullis_store::mfa_challenge::{self, Purpose};
use portcullis_store::{Tx, mfa_method};

use crate::App;
use crate::authenticate::Origin;
use crate::backup_code::{BackupCodes, NewSet};
use crate::branding;
use crate::mail::Post;
use crate::mfa::Factors;
use crate::mfa_challenge::{Tried, failed, invalid, live, whole};
use crate::reauthentication::with_factor;
use crate::session::{Begin, Hold, NewSession, Proof, SignedIn};
use crate::totp::{NewTotp, PENDING_SECONDS, enrolled};

impl App {
    /// A seed for an app, in place of one that was made before. 401 `invalid_challenge`.
    pub async fn generate_by_challenge(&self, origin: Origin, challenge: &str) -> Result<NewTotp> {
        let w = self.waiting(origin, challenge, Purpose::Enrolment).await?;
        let seed = Seed::generate(&*self.0.random);
        let sealed = w.factors.seal(&seed, &*self.0.random);
        let issuer = self.0.db.write(w.cx, Generate { hash: w.hash, sealed }, generate).await?;
        Ok(NewTotp::of(&seed, None, &issuer, &w.user))
    }
    /// The seed that waits for its code, to be shown once more; a fresh one if none does. 401 `invalid_challenge`.
    pub async fn seed_by_challenge(&self, origin: Origin, challenge: &str) -> Result<NewTotp> {
        let w = self.waiting(origin.clone(), challenge, Purpose::Enrolment).await?;
        let Some(sealed) = &w.challenge.seed else { return self.generate_by_challenge(origin, challenge).await };
        let seed = w.factors.open(sealed)?;
        let issuer = self.own_doorway(&w.cx).await?.brand.name;
        Ok(NewTotp::of(&seed, None, &issuer, &w.user))
    }
    /// Ends the enrolment with a code of the app: a session, and backup codes. 400 `invalid_code`, 401 `invalid_challenge`.
    pub async fn enrol_by_challenge(
        &self,
        origin: Origin,
        challenge: &str,
        code: &str,
        hold: Hold,
    ) -> Result<(SignedIn, BackupCodes)> {
        let w = self.waiting(origin, challenge, Purpose::Enrolment).await?;
        let (set, post) = (self.backup_set(&w.cx, w.user.id).await?, self.post(&w.cx).await?);
        let amr = with_factor(&w.challenge.amr, "otp");
        let proof = Proof { ends_at: w.challenge.session_ends_at, ..amr.into() };
        let NewSession { cx, begin, signed_in } = self.new_session(&w.cx, &w.tenancy, &w.user, proof, hold).await?;
        let id = self.id(&cx);
        let c =
            Enrol { nobody: w.cx, hash: w.hash, id, factors: w.factors, code: TotpCode::parse(code), set, post, begin };
        let (tried, codes) = self.0.db.write(cx, c, enrol).await?;
        tried.or((signed_in, codes))
    }
}

struct Generate {
    hash: [u8; 32],
    sealed: Vec<u8>,
}
/// The name of the tenant, which the app shows.
async fn generate(tx: &mut Tx, c: &Generate) -> portcullis_store::Result<String> {
    live(tx, &c.hash, Purpose::Enrolment).await?.ok_or_else(invalid)?;
    mfa_challenge::set_seed(tx, &c.hash, &c.sealed).await?;
    branding::name(tx).await
}

struct Enrol {
    nobody: Ctx,
    hash: [u8; 32],
    id: Id<MfaMethod>,
    factors: Factors,
    code: Option<TotpCode>,
    set: NewSet,
    post: Option<Post>,
    begin: Begin,
}
async fn enrol(tx: &mut Tx, c: &Enrol) -> portcullis_store::Result<(Tried, BackupCodes)> {
    let none = BackupCodes { codes: vec![], remaining: 0 };
    let (now, user) = (tx.cx.now, c.factors.user);
    let Some((challenge, _)) = live(tx, &c.hash, Purpose::Enrolment).await? else { return Ok((Tried::Gone, none)) };
    let step = match (&challenge.seed, c.code) {
        (Some(sealed), Some(code)) => c.factors.open(sealed)?.step_of(code, now).map(|step| (sealed, step)),
        // out of order: nothing was generated yet
        _ => None,
    };
    let Some((sealed, step)) = step else {
        failed(tx, (&c.nobody, &c.begin.scribe), &c.hash, user, "otp").await?;
        return Ok((Tried::Wrong, none));
    };
    mfa_method::begin(tx, user, c.id, sealed, now.plus_seconds(PENDING_SECONDS)).await?;
    mfa_method::confirm(tx, c.id, step, None).await?;
    mfa_challenge::delete_of_user(tx, user).await?;
    let codes = enrolled(tx, &c.begin.scribe, (user, None), (c.id, MfaKind::Totp), &c.set, c.post.as_ref()).await?;
    whole(tx, &challenge, &c.begin).await?;
    tx.bump().await?;
    Ok((Tried::Right, codes))
}
