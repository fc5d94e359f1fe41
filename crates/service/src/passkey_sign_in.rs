//! Signing in with a passkey alone (W3C WebAuthn 7.2): it is something that one has, and it made sure who uses it, so it is two factors.
//!
//! Whose it is, the passkey says; until then nobody is asked for, and nothing here tells who has one (checklist 15).
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use portcullis_crypto::sha256;
use portcullis_crypto::webauthn::{Used, challenge_hash};
use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::mfa::{MfaKind, MfaMethod};
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::{Code, Ctx, Error, Id, Principal, Result, Timestamp};
use portcullis_store::mfa_method::{self, Credential};
use portcullis_store::{Tx, directory, passkey_request, user};
use serde_json::{Value, json};

use crate::App;
use crate::app::Scribe;
use crate::authenticate::{Origin, context};
use crate::session::{Begin, Hold, NewSession, SignedIn, begin};
use crate::webauthn::{TIMEOUT, amr};
use crate::webauthn_answer::AssertionAnswer;
use crate::webauthn_challenge::{FACTOR, verified};

/// A request waits so long.
const SECONDS: i64 = 5 * 60;

impl App {
    /// Asks for a passkey of whoever has one in this tenant, or else the default one: `PublicKeyCredentialRequestOptions` in their JSON
    /// form. 404 for a tenant that is not there, 501 where there is no relying party.
    pub async fn ask_passkey(&self, origin: Origin, tenant_slug: Option<&str>) -> Result<Value> {
        let party = self.relying_party()?;
        let tenancy = self.login_tenant(tenant_slug, None).await?.ok_or_else(|| Error::not_found("tenant"))?;
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        let (asked, until) = (self.webauthn_challenge(), cx.now.plus_seconds(SECONDS));
        self.0.db.write(cx, (sha256(&asked), until), ask).await?;
        Ok(json!({
            "challenge": BASE64URL_NOPAD.encode(&asked),
            "timeout": TIMEOUT,
            "rpId": party.id(),
            "allowCredentials": [],
            "userVerification": "required",
        }))
    }
    /// Reads the answer: a session for a right one. 401 `invalid_challenge` for what was not asked, or was answered; else 401
    /// `invalid_credential`.
    pub async fn answer_passkey(&self, origin: Origin, answer: &AssertionAnswer, hold: Hold) -> Result<SignedIn> {
        let party = self.relying_party()?;
        let hash = challenge_hash(&answer.client_data).ok_or_else(unasked)?;
        let found = self.0.db.read(self.nowhere(), &hash, directory::passkey_tenant).await?;
        let tenancy = self.tenancy_of(found.ok_or_else(unasked)?.0).await?;
        let nobody = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        self.freshen(&tenancy).await?;
        let found = self.0.db.read(nobody.clone(), &(answer.id.clone(),), owned).await?;
        let about = found.as_ref().map(|(_, user)| user.id);
        // who it is, is what the passkey says: without that it proves nothing here
        let own = found.filter(|(c, user)| {
            let handle = answer.user_handle.as_deref() == Some(user.id.uuid().as_bytes().as_slice());
            let signs_in = user.state == UserState::Active && user.auth_provider == AuthProvider::Local;
            handle && signs_in && c.kind == MfaKind::Passkey
        });
        let out = match own {
            None => Err("This passkey is not enrolled here.".to_owned()),
            Some((credential, user)) => {
                let whose = user.id;
                verified(party, Some(credential), (answer, &hash), whose).map(|(c, used)| (c, used, user))
            }
        };
        let (credential, used, user) = match out {
            Ok(out) => out,
            Err(why) => {
                let c = Failed { hash, about, scribe: self.scribe(&nobody) };
                self.0.db.write(nobody, c, failed).await?;
                return Err(refused(why));
            }
        };
        let amr = vec![amr(used.synced).to_owned(), "mfa".to_owned()];
        let NewSession { cx, begin, signed_in } = self.new_session(&nobody, &tenancy, &user, amr, false, hold).await?;
        let c = Enter { nobody, hash, id: credential.id, credential: answer.id.clone(), used, begin };
        match self.0.db.write(cx, c, enter).await? {
            Entered::Right => Ok(signed_in),
            Entered::Gone => Err(unasked()),
            Entered::Copy => Err(refused("This authenticator counts lower than before: it may be a copy.".into())),
        }
    }
}

fn unasked() -> Error {
    Error::new(Code::InvalidChallenge, "This was not asked, was answered, or its time is over: begin again.")
}
fn refused(why: String) -> Error {
    Error::new(Code::InvalidCredential, why)
}
async fn ask(tx: &mut Tx, (hash, until): &([u8; 32], Timestamp)) -> portcullis_store::Result<()> {
    passkey_request::insert(tx, hash, *until).await
}
async fn owned(tx: &mut Tx, (id,): &(Vec<u8>,)) -> portcullis_store::Result<Option<(Credential, User)>> {
    let Some(credential) = mfa_method::by_credential(tx, id).await? else { return Ok(None) };
    Ok(user::facts(tx, credential.user_id).await?.map(|user| (credential, user)))
}

struct Failed {
    hash: [u8; 32],
    about: Option<Id<User>>,
    scribe: Scribe,
}
async fn failed(tx: &mut Tx, c: &Failed) -> portcullis_store::Result<()> {
    // what was answered before is not told again
    if passkey_request::take(tx, &c.hash).await? {
        say(tx, &c.scribe, c.about);
    }
    Ok(())
}
fn say(tx: &mut Tx, scribe: &Scribe, about: Option<Id<User>>) {
    let about = about.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    let event = scribe.event("auth.login_failed", "user", about).with("amr", FACTOR);
    scribe.write(tx, Event { outcome: Outcome::Denied, ..event });
}

struct Enter {
    nobody: Ctx,
    hash: [u8; 32],
    id: Id<MfaMethod>,
    credential: Vec<u8>,
    used: Used,
    begin: Begin,
}
/// How it ended. A copy is told in the log, so it is no error, which would undo that.
enum Entered {
    Right,
    Copy,
    Gone,
}
async fn enter(tx: &mut Tx, c: &Enter) -> portcullis_store::Result<Entered> {
    let user = c.begin.session.user_id;
    if !passkey_request::take(tx, &c.hash).await? {
        return Ok(Entered::Gone);
    }
    // suspended, or removed, while its answer was verified
    if user::facts(tx, user).await?.is_none_or(|u| u.state != UserState::Active) {
        return Ok(Entered::Gone);
    }
    let found = mfa_method::by_credential(tx, &c.credential).await?;
    let Some(credential) = found.filter(|k| k.id == c.id && k.user_id == user) else { return Ok(Entered::Gone) };
    if !c.used.moved_on(credential.counter) {
        tx.cx = c.nobody.clone();
        say(tx, &c.begin.scribe, Some(user));
        return Ok(Entered::Copy);
    }
    mfa_method::used(tx, credential.id, c.used.counter).await?;
    begin(tx, &c.begin).await?;
    Ok(Entered::Right)
}
