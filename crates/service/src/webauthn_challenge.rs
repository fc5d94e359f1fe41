//! A passkey or security key as the second step of a sign-in (spec v1 4.2, 9.2; W3C WebAuthn 7.2).
use data_encoding::BASE64URL_NOPAD;
use portcullis_crypto::sha256;
use portcullis_crypto::webauthn::{Asked, Assertion, PublicKey, RelyingParty, Used};
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::mfa_challenge::{self, Purpose};
use portcullis_store::mfa_method::{self, Credential, Known};
use portcullis_store::{Error as StoreError, Tx};
use serde_json::{Value, json};

use crate::App;
use crate::authenticate::Origin;
use crate::mfa_challenge::{failed, invalid, live, whole};
use crate::reauthentication::with_factor;
use crate::session::{Begin, Hold, NewSession, Proof, SignedIn};
use crate::webauthn::{TIMEOUT, amr, descriptor, verifies};
use crate::webauthn_answer::AssertionAnswer;

/// What the log says was tried.
pub(crate) const FACTOR: &str = "webauthn";

impl App {
    /// Asks for one of the person's passkeys and security keys: `PublicKeyCredentialRequestOptions` in their JSON form. What was asked
    /// before is not answered any more. 401 `invalid_challenge`, also where none is enrolled; 501 where there is no relying party.
    pub async fn ask_credential(&self, origin: Origin, challenge: &str) -> Result<Value> {
        let party = self.relying_party()?;
        let w = self.waiting(origin, challenge, Purpose::Factor).await?;
        let asked = self.webauthn_challenge();
        let c = Ask { hash: w.hash, user: w.user.id, asked_hash: sha256(&asked) };
        let known = self.0.db.write(w.cx, c, ask).await?;
        let verification = if known.iter().all(|k| verifies(k.kind)) { "required" } else { "preferred" };
        Ok(json!({
            "challenge": BASE64URL_NOPAD.encode(&asked),
            "timeout": TIMEOUT,
            "rpId": party.id(),
            "allowCredentials": known.iter().map(descriptor).collect::<Vec<_>>(),
            "userVerification": verification,
        }))
    }
    /// Reads the answer: a session for a right one. 401 `invalid_credential`, `invalid_challenge`.
    pub async fn answer_credential(
        &self,
        origin: Origin,
        challenge: &str,
        answer: &AssertionAnswer,
        hold: Hold,
    ) -> Result<SignedIn> {
        let party = self.relying_party()?;
        let w = self.waiting(origin, challenge, Purpose::Factor).await?;
        let asked = w.challenge.asked.ok_or_else(invalid)?;
        let found = self.0.db.read(w.cx.clone(), &(answer.id.clone(),), by_credential).await?;
        let used = verified(party, found, (answer, &asked), w.user.id);
        let amr = with_factor(&w.challenge.amr, used.as_ref().map_or(FACTOR, |(_, used)| amr(used.synced)));
        let proof = Proof { ends_at: w.challenge.session_ends_at, ..amr.into() };
        let NewSession { cx, begin, signed_in } = self.new_session(&w.cx, &w.tenancy, &w.user, proof, hold).await?;
        let used = used.map(|(credential, used)| (credential.id, used));
        let c = Show { nobody: w.cx, hash: w.hash, user: w.user.id, asked, used, credential: answer.id.clone(), begin };
        match self.0.db.write(cx, c, show).await? {
            Shown::Right => Ok(signed_in),
            Shown::Gone => Err(invalid()),
            Shown::Refused(why) => Err(Error::new(Code::InvalidCredential, why)),
        }
    }
}

/// The credential, if this is its answer, it is of a kind that this proves, and it is this user's.
pub(crate) fn verified(
    party: &RelyingParty,
    found: Option<Credential>,
    (answer, asked_hash): (&AssertionAnswer, &[u8; 32]),
    user: Id<User>,
) -> Result<(Credential, Used), String> {
    let foreign = "This passkey or security key is not enrolled for this account.";
    let credential = found.filter(|c| c.user_id == user).ok_or(foreign)?;
    if answer.user_handle.as_ref().is_some_and(|handle| handle != user.uuid().as_bytes()) {
        return Err(foreign.into());
    }
    let key = PublicKey::parse(&credential.public_key).map_err(|e| e.to_string())?;
    let assertion = Assertion {
        client_data: &answer.client_data,
        authenticator_data: &answer.authenticator_data,
        signature: &answer.signature,
    };
    let asked = Asked { challenge_hash: asked_hash, verification: verifies(credential.kind) };
    let used = party.verify(&assertion, &key, &asked).map_err(|e| e.to_string())?;
    Ok((credential, used))
}
async fn by_credential(tx: &mut Tx, (id,): &(Vec<u8>,)) -> portcullis_store::Result<Option<Credential>> {
    mfa_method::by_credential(tx, id).await
}

struct Ask {
    hash: [u8; 32],
    user: Id<User>,
    asked_hash: [u8; 32],
}
async fn ask(tx: &mut Tx, c: &Ask) -> portcullis_store::Result<Vec<Known>> {
    live(tx, &c.hash, Purpose::Factor).await?.ok_or_else(invalid)?;
    let known = mfa_method::credentials(tx, c.user).await?;
    if known.is_empty() {
        return Err(StoreError::from(Error::new(
            Code::InvalidChallenge,
            "No passkey or security key is enrolled: show another factor.",
        )));
    }
    mfa_challenge::set_asked(tx, &c.hash, Some(&c.asked_hash)).await?;
    Ok(known)
}

struct Show {
    nobody: Ctx,
    hash: [u8; 32],
    user: Id<User>,
    /// What the answer was verified against.
    asked: [u8; 32],
    used: Result<(Id<portcullis_domain::mfa::MfaMethod>, Used), String>,
    credential: Vec<u8>,
    begin: Begin,
}
/// How an answer ended. What is refused is counted, and not asked any more, so it is no error, which would undo that.
enum Shown {
    Right,
    Refused(String),
    Gone,
}
async fn show(tx: &mut Tx, c: &Show) -> portcullis_store::Result<Shown> {
    // of two answers at once one is read
    let waits = live(tx, &c.hash, Purpose::Factor).await?.map(|(challenge, _)| challenge);
    let Some(challenge) = waits.filter(|challenge| challenge.asked == Some(c.asked)) else { return Ok(Shown::Gone) };
    mfa_challenge::set_asked(tx, &c.hash, None).await?;
    let used = match &c.used {
        Ok((id, used)) => kept(tx, c, *id).await?.map(|credential| (credential, *used)),
        Err(why) => Err(why.clone()),
    };
    let refused = match used {
        Ok((credential, used)) if used.moved_on(credential.counter) => {
            mfa_method::used(tx, credential.id, used.counter).await?;
            mfa_challenge::delete(tx, &c.hash).await?;
            whole(tx, &challenge, &c.begin).await?;
            return Ok(Shown::Right);
        }
        Ok(_) => {
            "This authenticator counts lower than before: it may be a copy. Show another factor, and remove this one."
                .into()
        }
        Err(why) => why,
    };
    failed(tx, (&c.nobody, &c.begin.scribe), &c.hash, c.user, FACTOR).await?;
    Ok(Shown::Refused(refused))
}
/// The credential as it is now: it may have been removed while its answer was verified.
async fn kept(
    tx: &mut Tx,
    c: &Show,
    id: Id<portcullis_domain::mfa::MfaMethod>,
) -> portcullis_store::Result<Result<Credential, String>> {
    let found = mfa_method::by_credential(tx, &c.credential).await?;
    let still = found.filter(|k| k.id == id && k.user_id == c.user);
    Ok(still.ok_or_else(|| "This passkey or security key was removed.".into()))
}
