//! Passkeys and security keys: enrolling one while signed in (spec v1 4.3.2, 9.2; W3C WebAuthn 7.1).
//!
//! What is asked lies here as a hash, and each answer to it is read once.
use data_encoding::BASE64URL_NOPAD;
use portcullis_crypto::sha256;
use portcullis_crypto::webauthn::{ALGORITHMS, Asked, NewCredential, RelyingParty};
use portcullis_domain::mfa::{MfaKind, MfaMethod};
use portcullis_domain::session::Session;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::mfa_method::{self, Known};
use portcullis_store::{Tx, session, user};
use serde_json::{Value, json};

use crate::app::Scribe;
use crate::backup_code::{BackupCodes, NewSet};
use crate::branding;
use crate::mail::Post;
use crate::mfa::person;
use crate::reauthentication::{alive, fresh, may_enrol, with_factor};
use crate::totp::{PENDING_SECONDS, enrolled};
use crate::webauthn_answer::RegistrationAnswer;
use crate::{Answer, App, Reply};

/// Somebody has at most so many passkeys and security keys.
const MOST: usize = 25;
/// How long a browser waits for its person, in milliseconds.
pub(crate) const TIMEOUT: u32 = 300_000;

/// A passkey or security key that was made.
#[derive(Debug)]
pub struct MadeCredential {
    /// Which of the two was asked for.
    pub kind: MfaKind,
    /// What its person calls it: 1 to 100 characters.
    pub device_name: String,
    /// What the browser gave.
    pub answer: RegistrationAnswer,
}

impl App {
    /// Asks for a new passkey or security key: `PublicKeyCredentialCreationOptions` in their JSON form. Person only; with another factor
    /// a fresh sign-in is needed. 501 where there is no relying party.
    pub async fn begin_credential(&self, cx: &Ctx, kind: Result<MfaKind>, reply: Reply<Value>) -> Result<Answer> {
        let ((id, session), party) = (person(cx)?, self.relying_party()?.clone());
        let challenge = self.webauthn_challenge();
        let command = kind.map(|kind| Begin { id: self.id(cx), user: id, session, kind, challenge, party });
        self.answer_own(cx, command, reply, begin).await
    }
    /// Ends it with what was made, which is the person's second factor from then on. With the first one come backup codes. 400
    /// `invalid_input` for what cannot be taken, 409 when none was asked for.
    pub async fn complete_credential(
        &self,
        cx: &Ctx,
        made: Result<MadeCredential>,
        reply: Reply<BackupCodes>,
    ) -> Result<Answer> {
        let ((user, session), party) = (person(cx)?, self.relying_party()?.clone());
        let (set, post, scribe) = (self.backup_set(cx, user).await?, self.post(cx).await?, self.scribe(cx));
        let command = made.map(|made| Complete { user, session, party, made, set, post, scribe });
        self.answer_own(cx, command, reply, complete).await
    }
    /// Who passkeys are made for; 501 `not_implemented` without one.
    pub(crate) fn relying_party(&self) -> Result<&RelyingParty> {
        self.0.relying_party.as_ref().ok_or_else(|| {
            let message =
                "Passkeys and security keys need a domain name: this server is found at an address (public_url).";
            Error::new(Code::NotImplemented, message)
        })
    }
    pub(crate) fn webauthn_challenge(&self) -> [u8; 32] {
        let mut challenge = [0; 32];
        self.0.random.fill(&mut challenge);
        challenge
    }
}

/// Must the authenticator make sure who uses such a credential?
pub(crate) const fn verifies(kind: MfaKind) -> bool {
    matches!(kind, MfaKind::Passkey)
}
/// What a session is said to stand on after one was used (RFC 8176): one that may be on other devices too is a software key.
pub(crate) const fn amr(synced: bool) -> &'static str {
    if synced { "swk" } else { "hwk" }
}
/// A credential as browsers are told of it.
pub(crate) fn descriptor(known: &Known) -> Value {
    json!({ "type": "public-key", "id": BASE64URL_NOPAD.encode(&known.credential_id), "transports": known.transports })
}

struct Begin {
    id: Id<MfaMethod>,
    user: Id<User>,
    session: Id<Session>,
    kind: MfaKind,
    challenge: [u8; 32],
    party: RelyingParty,
}
async fn begin(tx: &mut Tx, c: &Begin) -> portcullis_store::Result<Value> {
    let (session, now) = (alive(tx, c.session).await?, tx.cx.now);
    let user = user::facts(tx, c.user).await?.ok_or_else(|| Error::not_found("user"))?;
    may_enrol(&session, &user)?;
    if user.mfa_enrolled {
        fresh(&session, now)?;
    }
    let known = mfa_method::credentials(tx, c.user).await?;
    if known.len() >= MOST {
        let message = format!("You have {MOST} passkeys and security keys: remove one before you add another.");
        return Err(Error::new(Code::Conflict, message).detail("state", "too_many").into());
    }
    let until = now.plus_seconds(PENDING_SECONDS);
    mfa_method::begin_credential(tx, c.user, (c.id, c.kind), &sha256(&c.challenge), until).await?;
    let issuer = branding::name(tx).await?;
    let (resident, verification) =
        if verifies(c.kind) { ("required", "required") } else { ("discouraged", "preferred") };
    Ok(json!({
        "rp": { "id": c.party.id(), "name": issuer },
        "user": {
            "id": BASE64URL_NOPAD.encode(c.user.uuid().as_bytes()),
            "name": user.email.to_string(),
            "displayName": user.name(),
        },
        "challenge": BASE64URL_NOPAD.encode(&c.challenge),
        "pubKeyCredParams": ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg })),
        "timeout": TIMEOUT,
        "excludeCredentials": known.iter().map(descriptor).collect::<Vec<_>>(),
        "authenticatorSelection": {
            "residentKey": resident,
            "requireResidentKey": verifies(c.kind),
            "userVerification": verification,
        },
        "attestation": "none",
        "extensions": { "credProps": true },
    }))
}

struct Complete {
    user: Id<User>,
    session: Id<Session>,
    party: RelyingParty,
    made: MadeCredential,
    set: NewSet,
    post: Option<Post>,
    scribe: Scribe,
}
async fn complete(tx: &mut Tx, c: &Complete) -> portcullis_store::Result<BackupCodes> {
    let (session, kind, answer) = (alive(tx, c.session).await?, c.made.kind, &c.made.answer);
    let user = user::facts(tx, c.user).await?.ok_or_else(|| Error::not_found("user"))?;
    may_enrol(&session, &user)?;
    let Some((id, challenge_hash)) = mfa_method::asked(tx, c.user, kind).await? else {
        let e =
            Error::new(Code::Conflict, "There is no enrolment that this could end, or its time is over: begin again.");
        return Err(e.detail("state", "none_pending").into());
    };
    let refused = |why: String| Error::field("credential", why);
    let made = NewCredential {
        id: &answer.id,
        client_data: &answer.client_data,
        attestation_object: &answer.attestation_object,
    };
    let asked = Asked { challenge_hash: &challenge_hash, verification: verifies(kind) };
    let registered = c.party.register(&made, &asked).map_err(|e| refused(e.to_string()))?;
    if kind == MfaKind::Passkey && answer.resident == Some(false) {
        return Err(refused("This authenticator keeps no passkeys: add it as a security key.".into()).into());
    }
    // whosever it is: a credential answers for one person
    if mfa_method::by_credential(tx, &registered.id).await?.is_some() {
        return Err(refused("This credential is enrolled already.".into()).into());
    }
    let row = mfa_method::NewCredential {
        public_key: registered.public_key.cose().to_vec(),
        credential_id: registered.id,
        counter: registered.counter,
        transports: answer.transports.clone(),
        device_name: Some(c.made.device_name.clone()),
    };
    mfa_method::register(tx, id, &row).await?;
    let codes = enrolled(tx, &c.scribe, (c.user, Some(session.id)), (id, kind), &c.set, c.post.as_ref()).await?;
    // its person has shown a factor here: whoever had to enrol one has done so
    let amr = with_factor(&session.amr, amr(registered.synced));
    session::proved(tx, &Session { amr, restricted: false, ..session }).await?;
    tx.bump().await?;
    Ok(codes)
}
