//! Signing in at a SAML provider of the tenant (spec v1 9.4): who we are there, and what a response is worth that the browser posts.
//!
//! A sign-in is the same row as at an OpenID provider: the request's id is the row's. What the provider answered is kept with it, sealed,
//! for the minute in which the browser brings the code to where the sign-in began; from there on `federation_end.rs` goes on with it.
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::openid::{Asserted, Fault};
use portcullis_domain::provider_config::{ProviderConfig, SamlSettings};
use portcullis_domain::saml::{Heard, Saml, ServiceProvider};
use portcullis_domain::tenant::TenantState;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Principal, Result, Timestamp};
use portcullis_store::sign_in_start::{self, Answer, SignInStart};
use portcullis_store::{Tx, directory, identity_provider, saml_assertion, tenant};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use url::Url;
use uuid::Uuid;

use crate::App;
use crate::authenticate::{Origin, context};
use crate::federation::{SIGN_IN_SECONDS, Secrets, failed, state, upstream};
use crate::identity_provider::{open_secret, seal_secret};
use crate::tenancy::Tenancy;

/// A code counts for so many seconds (spec v1 9.1).
const CODE: i64 = 60;
/// A key takes a core for tenths of a second: one at a time.
static MAKING: Semaphore = Semaphore::const_new(1);

/// Where a browser goes that posted a response.
#[derive(Clone, Debug)]
pub struct Landing {
    /// The address where the sign-in began, with the code or what went wrong.
    pub location: String,
    /// What the browser keeps from now on, where the sign-in did not begin here: as of [`crate::federation::SignInBegun`].
    pub browser: Option<String>,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Of the provider, when it was heard.
    revision: i64,
    asserted: Asserted,
}

impl App {
    /// The same with a way to speak SAML; without one nobody signs in at such providers.
    pub fn speaking_saml(self, port: Arc<dyn Saml>) -> Self {
        // set once, when the application is wired
        drop(self.0.saml.set(port));
        self
    }
    pub(crate) fn saml(&self) -> Result<Arc<dyn Saml>> {
        let missing = || Error::new(Code::NotImplemented, "This server does not speak SAML.");
        self.0.saml.get().cloned().ok_or_else(missing)
    }

    /// What a provider has to know of us, in XML. 404 for what is no SAML provider; one that is switched off can be set up there already.
    pub async fn saml_metadata(&self, id: Id<IdentityProvider>) -> Result<String> {
        let (tenancy, provider) = self.saml_provider(id).await?;
        let own = self.service_provider(&tenancy, &provider)?;
        self.saml()?.metadata(&own, settings(&provider)?).map_err(Error::internal)
    }

    /// Hears what a browser posted, once: it goes on to where its sign-in began. 401 `login_failed` for every reason that is the caller's,
    /// but where it began on a page of ours, which says so. The audit log has which it was, if a sign-in waited for it or the provider signed
    /// it; 404 for what is no SAML provider or switched off; 502 when its metadata cannot be fetched; 503 when too many are being heard.
    pub async fn hear_saml_response(
        &self,
        origin: Origin,
        id: Id<IdentityProvider>,
        response: &str,
    ) -> Result<Landing> {
        let saml = self.saml()?;
        let (tenancy, provider) = self.saml_provider(id).await?;
        if !provider.enabled {
            return Err(Error::not_found("sign-in"));
        }
        let settings = settings(&provider)?;
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        let own = self.service_provider(&tenancy, &provider)?;
        let report = saml.hear(&own, settings, response, cx.now).await;
        let waiting = match report.claims_to_answer.as_deref().and_then(start_of) {
            Some(id) => self.0.db.read(cx.clone(), &id, by_id).await?,
            None => None,
        };
        let waits = |s: &SignInStart| s.provider == provider.id && s.answer.is_none() && s.expires_at > cx.now;
        let waiting = waiting.filter(waits);
        let heard = match report.heard {
            Ok(heard) => heard,
            // the sign-in goes on waiting: the browser can post it once more
            Err(fault @ Fault::Busy) => return Err(Error::unavailable(fault)),
            Err(fault) if fault.is_upstream() => {
                let e = upstream(&cx, provider.id, &fault);
                return self.turned_back(&cx, &tenancy, waiting, "temporarily_unavailable", e).await;
            }
            Err(fault) if waiting.is_none() && !report.is_signed => {
                // anybody can post that, and as often as they like: the audit log keeps what is written there
                tracing::info!(tenant = %cx.tenant_id, provider = %provider.id, error = %fault, "a SAML response that nobody waits for was refused");
                return Err(failed());
            }
            Err(fault) => return self.unheard(&cx, &tenancy, &provider, waiting, &fault.to_string()).await,
        };
        let (start, begins) = match (&heard.in_response_to, waiting) {
            (Some(id), Some(start)) if *id == request_id(start.id) => (start, false),
            (Some(_), waiting) => {
                let why = "the response answers no sign-in that waits for it";
                return self.unheard(&cx, &tenancy, &provider, waiting, why).await;
            }
            (None, _) if settings.allow_idp_initiated => (self.begun_there(&cx, &provider), true),
            (None, waiting) => {
                let why =
                    "the sign-in was begun at the provider, which its settings do not permit (allow_idp_initiated)";
                return self.unheard(&cx, &tenancy, &provider, waiting, why).await;
            }
        };
        let landing = self.landing(&tenancy, &start, begins)?;
        let (code, hear) = self.prepared(&cx, &tenancy, &provider, start, begins, heard)?;
        let start = hear.start.clone();
        match self.0.db.write(cx.clone(), hear, hear_once).await? {
            Hearing::Well => Ok(with_code(landing, &code)),
            Hearing::Again => {
                let why = "the assertion was heard before";
                self.unheard(&cx, &tenancy, &provider, Some(start).filter(|_| !begins), why).await
            }
            Hearing::Late => self.unheard(&cx, &tenancy, &provider, None, "the sign-in was ended meanwhile").await,
        }
    }
    /// What a provider answered to a sign-in, for who brings its code; or why not.
    pub(crate) fn answered(
        &self,
        tenancy: &Tenancy,
        provider: &IdentityProvider,
        start: &SignInStart,
        code: &str,
    ) -> Result<Result<Asserted, &'static str>> {
        let Some(answer) = &start.answer else { return Ok(Err("the provider has not answered this sign-in")) };
        if !portcullis_crypto::same(&portcullis_crypto::sha256(code.as_bytes()), &answer.code_hash) {
            return Ok(Err("the code is not that of this sign-in"));
        }
        let opened = tenancy.data_key.open(&aad(start.id), &answer.sealed).map_err(Error::internal)?;
        let kept: Kept = serde_json::from_slice(&opened).map_err(Error::internal)?;
        Ok(if kept.revision == provider.revision {
            Ok(kept.asserted)
        } else {
            Err("the provider was changed meanwhile")
        })
    }

    /// Who we are at a provider.
    pub(crate) fn service_provider(&self, tenancy: &Tenancy, p: &IdentityProvider) -> Result<ServiceProvider> {
        let at = format!("{}/v1/auth/saml/{}", self.0.settings.public_url, p.id);
        let key = open_secret(tenancy, p)?.ok_or_else(keyless)?;
        Ok(ServiceProvider { entity_id: format!("{at}/metadata"), acs_url: format!("{at}/acs"), key })
    }
    /// A key of ours for a provider, sealed.
    pub(crate) async fn new_saml_key(
        &self,
        tenancy: &Tenancy,
        id: Id<IdentityProvider>,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        let one = MAKING.acquire().await.map_err(Error::internal)?;
        let saml = self.saml()?;
        let made = tokio::task::spawn_blocking(move || {
            // held to the end, whether or not anybody waits for it
            let _one = one;
            saml.new_key(now)
        });
        let key = made.await.map_err(Error::internal)?.map_err(Error::internal)?;
        Ok(seal_secret(tenancy, id, &key, &*self.0.random))
    }
    /// 422 for settings that cannot be right, whoever the provider is; `at` is where they stand in the request.
    pub(crate) fn sensible(&self, settings: &SamlSettings, at: &str) -> Result<()> {
        let told = self.saml()?.told(settings);
        let (field, message) = match told {
            Err(bad) => (bad.field, bad.message),
            Ok(Some(told)) if told.sso_url.starts_with("http:") && !self.0.settings.federation.http => {
                ("metadata_xml".into(), "In this metadata sign-ins begin at a URL that is not https.".into())
            }
            Ok(_) => return Ok(()),
        };
        let field = FieldError { field: format!("{at}{field}").into(), message: message.into() };
        Err(Error::with_fields(Code::Unprocessable, vec![field]))
    }
    /// Is it another party that speaks from now on? A certificate more is none.
    pub(crate) fn speaks_for_others(&self, before: &ProviderConfig, after: &ProviderConfig) -> Result<bool> {
        Ok(match (before, after) {
            (ProviderConfig::Oidc(a), ProviderConfig::Oidc(b)) => a.issuer_url != b.issuer_url,
            (ProviderConfig::Saml(a), ProviderConfig::Saml(b)) if a.source != b.source => {
                let saml = self.saml()?;
                match (saml.told(a), saml.told(b)) {
                    (Ok(Some(a)), Ok(Some(b))) => a.entity_id != b.entity_id,
                    _ => true,
                }
            }
            _ => false,
        })
    }

    async fn saml_provider(&self, id: Id<IdentityProvider>) -> Result<(Arc<Tenancy>, IdentityProvider)> {
        let nowhere = || Error::not_found("sign-in");
        let found = self.0.db.read(self.nowhere(), &id, directory::tenant_by_provider).await?;
        let (key, _) = found.ok_or_else(nowhere)?;
        let tenancy = self.tenancy_of(key).await?;
        let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
        let provider = self.0.db.read(cx, &id, alive).await?;
        provider.filter(|p| p.saml().is_some()).map(|p| (tenancy, p)).ok_or_else(nowhere)
    }
    /// A sign-in that somebody began at their provider: it ends on a page of ours.
    fn begun_there(&self, cx: &Ctx, provider: &IdentityProvider) -> SignInStart {
        let mut id = [0; 16];
        self.0.random.fill(&mut id);
        SignInStart {
            id: Uuid::from_bytes(id),
            provider: provider.id,
            redirect_uri: self.own_callback(),
            challenge: None,
            expires_at: cx.now.plus_seconds(SIGN_IN_SECONDS),
            answer: None,
        }
    }
    fn landing(&self, tenancy: &Tenancy, start: &SignInStart, begins: bool) -> Result<Landing> {
        let mut url = Url::parse(&start.redirect_uri).map_err(Error::internal)?;
        url.query_pairs_mut().append_pair("state", &state(tenancy, start.id));
        let browser = begins.then(|| Secrets::of(tenancy, start.id).browser);
        Ok(Landing { location: url.into(), browser })
    }
    /// The code, and what makes it worth something.
    fn prepared(
        &self,
        cx: &Ctx,
        tenancy: &Tenancy,
        provider: &IdentityProvider,
        start: SignInStart,
        begins: bool,
        heard: Heard,
    ) -> Result<(String, Hear)> {
        let mut code = [0; 32];
        self.0.random.fill(&mut code);
        let code = URL_SAFE_NO_PAD.encode(code);
        let kept = Kept { revision: provider.revision, asserted: heard.asserted };
        let kept = serde_json::to_vec(&kept).map_err(Error::internal)?;
        let answer = Answer {
            code_hash: portcullis_crypto::sha256(code.as_bytes()),
            sealed: tenancy.data_key.seal(&aad(start.id), &kept, &*self.0.random),
        };
        let digest =
            portcullis_crypto::sha256(&[&provider.id.uuid().as_bytes()[..], heard.assertion_id.as_bytes()].concat());
        let hear = Hear { start, begins, answer, end: cx.now.plus_seconds(CODE), digest, dead_at: heard.dead_at };
        Ok((code, hear))
    }
    /// The audit log has why, and who began on a page of ours is told there that it did not work.
    async fn unheard(
        &self,
        cx: &Ctx,
        tenancy: &Tenancy,
        provider: &IdentityProvider,
        waiting: Option<SignInStart>,
        why: &str,
    ) -> Result<Landing> {
        match self.refuse::<()>(cx, provider.id, why, None).await {
            Err(e) if e.code() == Code::LoginFailed => self.turned_back(cx, tenancy, waiting, "login_failed", e).await,
            Err(e) => Err(e),
            Ok(()) => Err(failed()),
        }
    }
    /// The sign-in that waited is over.
    async fn turned_back(
        &self,
        cx: &Ctx,
        tenancy: &Tenancy,
        waiting: Option<SignInStart>,
        word: &str,
        e: Error,
    ) -> Result<Landing> {
        let Some(start) = waiting else { return Err(e) };
        self.0.db.write(cx.clone(), start.id, end).await?;
        if start.redirect_uri != self.own_callback() {
            return Err(e);
        }
        let landing = self.landing(tenancy, &start, false)?;
        Ok(Landing { location: format!("{}&error={word}", landing.location), ..landing })
    }
}
fn with_code(landing: Landing, code: &str) -> Landing {
    Landing { location: format!("{}&code={code}", landing.location), ..landing }
}

fn settings(p: &IdentityProvider) -> Result<&SamlSettings> {
    p.saml().ok_or_else(|| Error::internal("a sign-in at what is no SAML provider"))
}
fn keyless() -> Error {
    let message = "This provider was made by an earlier version, without a key of ours: send its config once more.";
    Error::new(Code::NotConfigured, message)
}
fn aad(start: Uuid) -> Vec<u8> {
    [b"sign-in-answer:", &start.as_bytes()[..]].concat()
}
/// An id of XML begins with no digit.
pub(crate) fn request_id(start: Uuid) -> String {
    format!("_{}", start.simple())
}
fn start_of(request: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(request.strip_prefix('_')?).ok()?;
    (request_id(id) == request).then_some(id)
}

/// An answer to keep.
struct Hear {
    start: SignInStart,
    /// Is the start not written yet?
    begins: bool,
    answer: Answer,
    end: Timestamp,
    digest: [u8; 32],
    dead_at: Timestamp,
}
enum Hearing {
    Well,
    Again,
    Late,
}
async fn hear_once(tx: &mut Tx, c: &Hear) -> portcullis_store::Result<Hearing> {
    if !saml_assertion::hear(tx, &c.digest, c.dead_at).await? {
        return Ok(Hearing::Again);
    }
    if c.begins {
        sign_in_start::insert(tx, &c.start).await?;
    }
    let well = sign_in_start::answer(tx, c.start.id, &c.answer, c.end).await?;
    Ok(if well { Hearing::Well } else { Hearing::Late })
}
async fn alive(tx: &mut Tx, id: &Id<IdentityProvider>) -> portcullis_store::Result<Option<IdentityProvider>> {
    let alive = tenant::revisions(tx).await?.is_some_and(|t| t.state == TenantState::Active);
    Ok(identity_provider::by_id(tx, *id).await?.filter(|_| alive))
}
async fn by_id(tx: &mut Tx, id: &Uuid) -> portcullis_store::Result<Option<SignInStart>> {
    sign_in_start::by_id(tx, *id).await
}
async fn end(tx: &mut Tx, id: &Uuid) -> portcullis_store::Result<()> {
    sign_in_start::forget(tx, *id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_named_after_its_sign_in() {
        let id = Uuid::from_bytes([0xa7; 16]);
        assert_eq!(start_of(&request_id(id)), Some(id));
        let hex = "a7".repeat(16);
        for bad in ["", "_", &hex, &format!("_{}", hex.to_uppercase()), &format!("_{id}"), &format!("_{hex}0")] {
            assert_eq!(start_of(bad), None, "{bad}");
        }
    }
}
