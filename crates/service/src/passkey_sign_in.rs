//! Signing in with a passkey alone (W3C WebAuthn 7.2): it is something that one has, and it made sure who uses it, so it is two factors.
//!
//! Whose it is, the passkey says; until then nobody is asked for, and nothing here tells who has one (checklist 15).
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use portcullis_crypto::sha256;
use portcullis_crypto::webauthn::{RelyingParty, Used, challenge_hash};
use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::mfa::{MfaKind, MfaMethod};
use portcullis_domain::tenant::Tenant;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Ctx, Error, Id, Principal, Result, Timestamp};
use portcullis_store::mfa_method::{self, Credential};
use portcullis_store::{Tx, directory, passkey_request, user};
use serde_json::{Value, json};

use crate::App;
use crate::app::Scribe;
use crate::authenticate::{Origin, context};
use crate::mail_sign_in::address;
use crate::session::{Begin, Hold, NewSession, SignedIn, begin};
use crate::tenancy::Tenancy;
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
        self.ask_anybody(cx, party).await.map(|(_, options)| options)
    }
    /// The same of whoever has this address in the caller's tenant, for Frontier's clients, who name it first: what names the sign-in,
    /// and the options, which are the same whoever has the address. 400 `invalid_input` for what is no address.
    pub async fn ask_passkey_of(&self, cx: &Ctx, email: &str) -> Result<(String, Value)> {
        let (party, email) = (self.relying_party()?, address(email)?);
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let (hash, options) = self.ask_anybody(cx.clone(), party).await?;
        Ok((BASE64URL_NOPAD.encode(&[hash, tag(&tenancy, &hash, &email)].concat()), options))
    }
    async fn ask_anybody(&self, cx: Ctx, party: &RelyingParty) -> Result<([u8; 32], Value)> {
        let (asked, until) = (self.webauthn_challenge(), cx.now.plus_seconds(SECONDS));
        let hash = sha256(&asked);
        self.0.db.write(cx, (hash, until), ask).await?;
        let options = json!({
            "challenge": BASE64URL_NOPAD.encode(&asked),
            "timeout": TIMEOUT,
            "rpId": party.id(),
            "allowCredentials": [],
            "userVerification": "required",
        });
        Ok((hash, options))
    }
    /// Reads the answer: a session for a right one. 401 `invalid_challenge` for what was not asked, or was answered; else 401
    /// `invalid_credential`.
    pub async fn answer_passkey(&self, origin: Origin, answer: &AssertionAnswer, hold: Hold) -> Result<SignedIn> {
        self.answer_passkey_as(origin, answer, hold, None).await
    }
    /// Reads the answer to [`App::ask_passkey_of`], which only who has the address may give. As [`App::answer_passkey`]; the session has no
    /// idle end.
    pub async fn answer_passkey_of(&self, cx: &Ctx, state: &str, answer: &AssertionAnswer) -> Result<SignedIn> {
        let named = Named::read(cx, state).ok_or_else(unasked)?;
        self.answer_passkey_as(Origin::of(cx), answer, Hold::Cookie, Some(named)).await
    }
    async fn answer_passkey_as(
        &self,
        origin: Origin,
        answer: &AssertionAnswer,
        hold: Hold,
        named: Option<Named>,
    ) -> Result<SignedIn> {
        let party = self.relying_party()?;
        let hash = challenge_hash(&answer.client_data).ok_or_else(unasked)?;
        if named.as_ref().is_some_and(|n| n.hash != hash) {
            return Err(unasked());
        }
        let found = self.0.db.read(self.nowhere(), &hash, directory::passkey_tenant).await?;
        let tenancy = self.tenancy_of(found.ok_or_else(unasked)?.0).await?;
        if named.as_ref().is_some_and(|n| n.tenant != tenancy.id) {
            return Err(unasked());
        }
        let nobody = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        self.freshen(&tenancy).await?;
        let found = self.0.db.read(nobody.clone(), &(answer.id.clone(),), owned).await?;
        let about = found.as_ref().map(|(_, user)| user.id);
        // who it is, is what the passkey says: without that it proves nothing here
        let own = found.filter(|(c, user)| {
            let handle = answer.user_handle.as_deref() == Some(user.id.uuid().as_bytes().as_slice());
            let signs_in = user.state == UserState::Active && user.auth_provider == AuthProvider::Local;
            let meant = |n: &Named| portcullis_crypto::same(&n.tag, &tag(&tenancy, &hash, &user.email));
            handle && signs_in && c.kind == MfaKind::Passkey && named.as_ref().is_none_or(meant)
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
        let made = self.new_session(&nobody, &tenancy, &user, amr.into(), hold).await?;
        let NewSession { cx, begin, signed_in } = if named.is_some() { made.without_idle_end() } else { made };
        let c = Enter { nobody, hash, id: credential.id, credential: answer.id.clone(), used, begin };
        match self.0.db.write(cx, c, enter).await? {
            Entered::Right => Ok(signed_in),
            Entered::Gone => Err(unasked()),
            Entered::Copy => Err(refused("This authenticator counts lower than before: it may be a copy.".into())),
        }
    }
}

/// Whose passkey was asked for, as what names the sign-in says.
struct Named {
    tenant: Id<Tenant>,
    /// Of what was asked.
    hash: [u8; 32],
    /// Of the address.
    tag: [u8; 32],
}
impl Named {
    fn read(cx: &Ctx, state: &str) -> Option<Self> {
        let bytes: [u8; 64] = BASE64URL_NOPAD.decode(state.as_bytes()).ok()?.try_into().ok()?;
        let (hash, tag) = bytes.split_first_chunk()?;
        Some(Self { tenant: cx.tenant_id, hash: *hash, tag: *tag.first_chunk()? })
    }
}
/// Ties an address to what was asked, so that it need not be kept here.
fn tag(tenancy: &Tenancy, hash: &[u8; 32], email: &Email) -> [u8; 32] {
    tenancy.data_key.mac("passkey-sign-in").tag(&[hash, email.as_bytes()])
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
