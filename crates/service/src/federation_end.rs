//! The end of a sign-in at an identity provider (spec v1 9.3): what the browser brings back becomes a session.
//!
//! An API client is given a session at once; where a second factor is due it is a restricted one (9.2). A page shows the second step
//! first, and only a browser that began the sign-in ends it there.
use std::sync::Arc;

use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::mfa::is_twofold;
use portcullis_domain::openid::{Asserted, Redemption};
use portcullis_domain::tenant::TenantState;
use portcullis_domain::user::User;
use portcullis_domain::{Ctx, Id, Principal, Result};
use portcullis_store::mfa_challenge::Purpose;
use portcullis_store::sign_in_start::{self, SignInStart};
use portcullis_store::{Tx, identity_provider, tenant};
use uuid::Uuid;

use crate::App;
use crate::authenticate::{Origin, context};
use crate::federated_person::{Arrival, Arrived, arrive};
use crate::federation::{Secrets, challenge, client, failed, read_state, state, upstream};
use crate::mfa_challenge::{Half, SecondStep};
use crate::session::{Hold, LoggedIn, NewSession, Proof, SignedIn, Vouched};
use crate::tenancy::Tenancy;

/// What the browser brought back.
pub struct Callback {
    /// What the provider gave it.
    pub code: String,
    /// Where it was brought.
    pub redirect_uri: String,
    /// As of [`crate::federation::SignInBegun`].
    pub state: String,
    /// Who the provider says it is (RFC 9207), if it does.
    pub issuer: Option<String>,
    /// What the challenge of the beginning was made of (RFC 7636), if there was one.
    pub verifier: Option<String>,
}
/// The same, brought to a page of ours, or by one of Frontier's clients.
pub struct Return {
    /// The code, or the provider's word for why there is none.
    pub code: Result<String, String>,
    /// As of [`Callback::state`].
    pub state: String,
    /// As of [`Callback::issuer`].
    pub issuer: Option<String>,
    /// What the browser kept since it began.
    pub browser: Option<String>,
}

/// A session on the word of a provider.
pub struct VouchedFor {
    /// It may be a restricted one,
    pub signed_in: SignedIn,
    /// which then wants this.
    pub due: Option<Due>,
}
/// What makes a restricted session whole.
pub enum Due {
    /// A factor that is enrolled in it.
    Enrolment,
    /// A factor that is shown.
    Factor(SecondStep),
}

/// Somebody who proved at a provider who they are.
struct Welcome {
    cx: Ctx,
    tenancy: Arc<Tenancy>,
    user: User,
    amr: Vec<String>,
    vouched: Vouched,
    due: Option<Purpose>,
}
/// What is looked at before a provider is asked.
struct Brought {
    code: Result<String, String>,
    state: String,
    issuer: Option<String>,
    /// Where it was brought, by whoever says that.
    to: Option<String>,
    by: Bringer,
}
/// Who brings it, which has to be who began.
enum Bringer {
    /// A browser on a page of ours, with what it kept.
    Browser(Option<String>),
    /// A client of the API, with its verifier if it has one.
    Client(Option<String>),
    /// A browser in the hands of Frontier's client, with the verifier that it kept. It says no address.
    Strategy(Option<String>),
}

impl App {
    /// Ends a sign-in. 401 `login_failed` for every reason that is the caller's, and the audit log has which it was; 502 when the
    /// provider does not work.
    pub async fn finish_sign_in(&self, origin: Origin, back: Callback, hold: Hold) -> Result<VouchedFor> {
        let Callback { code, redirect_uri: to, state, issuer, verifier } = back;
        let by = Bringer::Client(verifier);
        let w = self.welcome(origin, Brought { code: Ok(code), state, issuer, to: Some(to), by }).await?;
        let (session, signed_in) = self.write_vouched(self.vouched_session(&w, hold).await?, w.vouched).await?;
        let due = match w.due {
            None => None,
            Some(Purpose::Enrolment) => Some(Due::Enrolment),
            Some(Purpose::Factor) => {
                let half = Half::Vouched(w.vouched, Some(session));
                Some(Due::Factor(self.challenge(&w.cx, &w.user, Purpose::Factor, w.amr, half).await?))
            }
        };
        Ok(VouchedFor { signed_in, due })
    }
    /// Ends a sign-in on a page of ours, with a cookie or a second step. As [`App::finish_sign_in`].
    pub async fn finish_sign_in_here(&self, origin: Origin, back: Return) -> Result<LoggedIn> {
        let Return { code, state, issuer, browser } = back;
        let (to, by) = (self.own_callback(), Bringer::Browser(browser));
        let w = self.welcome(origin, Brought { code, state, issuer, to: Some(to), by }).await?;
        if let Some(purpose) = w.due {
            let half = Half::Vouched(w.vouched, None);
            return self.challenge(&w.cx, &w.user, purpose, w.amr, half).await.map(LoggedIn::SecondStep);
        }
        let made = self.vouched_session(&w, Hold::Cookie).await?;
        let (_, signed_in) = self.write_vouched(made, w.vouched).await?;
        Ok(LoggedIn::Whole(signed_in))
    }
    /// Ends a sign-in that began with one of Frontier's strategies, in the browser that began it; where a second factor is due, with a
    /// restricted session. As [`App::finish_sign_in`].
    pub async fn finish_strategy(&self, origin: Origin, back: Return) -> Result<SignedIn> {
        let Return { code, state, issuer, browser } = back;
        let by = Bringer::Strategy(browser);
        let w = self.welcome(origin, Brought { code, state, issuer, to: None, by }).await?;
        let made = self.vouched_session(&w, Hold::Cookie).await?;
        let (_, signed_in) = self.write_vouched(made.without_idle_end(), w.vouched).await?;
        Ok(signed_in)
    }

    /// A session on the word of a provider; a restricted one where a second factor is due.
    async fn vouched_session(&self, w: &Welcome, hold: Hold) -> Result<NewSession> {
        let proof = Proof { amr: w.amr.clone(), restricted: w.due.is_some(), ends_at: w.vouched.ends_at };
        self.new_session(&w.cx, &w.tenancy, &w.user, proof, hold).await
    }
    async fn welcome(&self, origin: Origin, back: Brought) -> Result<Welcome> {
        let (tenant, id) = read_state(&back.state).ok_or_else(failed)?;
        let tenancy = self.tenancy(tenant).await?.ok_or_else(failed)?;
        if !portcullis_crypto::same(state(&tenancy, id).as_bytes(), back.state.as_bytes()) {
            return Err(failed());
        }
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        // from here on this start is spent, whatever becomes of it
        let Some((start, provider)) = self.0.db.write(cx.clone(), id, take).await? else { return Err(failed()) };
        let secrets = Secrets::of(&tenancy, id);
        let provider_id = start.provider;
        if let Some(why) = self.misled(&cx, &start, &back, &secrets) {
            return self.refuse(&cx, provider_id, why, None).await;
        }
        let Some(provider) = provider.filter(|p| p.enabled) else {
            return self.refuse(&cx, provider_id, "the provider is switched off", None).await;
        };
        let code = match back.code {
            Ok(code) => code,
            Err(word) => return self.refuse(&cx, provider_id, &format!("the provider says {word}"), None).await,
        };
        let asserted = if provider.saml().is_some() {
            match self.answered(&tenancy, &provider, &start, &code)? {
                Ok(asserted) => asserted,
                Err(why) => return self.refuse(&cx, provider_id, why, None).await,
            }
        } else {
            let (verifier, nonce) = (secrets.verifier, secrets.nonce);
            let redirect_uri = start.redirect_uri;
            let redemption = Redemption { code, redirect_uri, verifier, nonce, issuer: back.issuer };
            match self.openid()?.redeem(&client(&tenancy, &provider)?, &redemption, cx.now).await {
                Ok(asserted) => asserted,
                Err(fault) if fault.is_upstream() => return Err(upstream(&cx, provider.id, &fault)),
                Err(fault) => return self.refuse(&cx, provider_id, &fault.to_string(), None).await,
            }
        };
        let ends_at = asserted.session_ends_at;
        if ends_at.is_some_and(|end| end <= cx.now) {
            return self.refuse(&cx, provider_id, "the session at the provider is over", None).await;
        }
        let settings = self.compiled(&tenancy).await?.settings.clone();
        let amr = methods(&asserted, settings.mfa_trust_provider);
        let arrival = Arrival::new(&provider, asserted, self.id(&cx), self.scribe(&cx));
        let user = match self.0.db.write_structure(cx.clone(), arrival, arrive).await? {
            Arrived::Known(user) => *user,
            Arrived::Refused(why, user) => return self.refuse(&cx, provider_id, why, user).await,
        };
        let due = if is_twofold(&amr) { None } else { self.second_step(&tenancy, &user).await? };
        let vouched = Vouched { provider: provider.id, enrolled: user.mfa_enrolled, ends_at };
        Ok(Welcome { cx, tenancy, user, amr, vouched, due })
    }
    /// What is wrong with how it came back.
    fn misled(&self, cx: &Ctx, start: &SignInStart, back: &Brought, secrets: &Secrets) -> Option<&'static str> {
        if start.expires_at <= cx.now {
            return Some(match start.answer {
                None => "the sign-in took longer than ten minutes",
                Some(_) => "the code was brought later than a minute after the provider answered",
            });
        }
        if back.to.as_ref().is_some_and(|to| *to != start.redirect_uri) {
            return Some("the code was brought to another address");
        }
        let here = self.is_own_callback(&start.redirect_uri);
        match (&back.by, &start.challenge) {
            (Bringer::Browser(Some(kept)), _)
                if portcullis_crypto::same(kept.as_bytes(), secrets.browser.as_bytes()) =>
            {
                None
            }
            (Bringer::Strategy(Some(v)), Some(c)) if portcullis_crypto::same(challenge(v).as_bytes(), c.as_bytes()) => {
                None
            }
            (Bringer::Browser(_) | Bringer::Strategy(_), _) => Some("the sign-in was begun in another browser"),
            // what comes back to an address of ours ends there
            (Bringer::Client(_), _) if here => Some("the sign-in was begun in another browser"),
            (Bringer::Client(None), None) => None,
            (Bringer::Client(Some(v)), Some(c)) if portcullis_crypto::same(challenge(v).as_bytes(), c.as_bytes()) => {
                None
            }
            (Bringer::Client(_), _) => {
                Some("the sign-in was begun by another client: its verifier is missing or wrong")
            }
        }
    }
    /// 401, with the reason in the audit log.
    pub(crate) async fn refuse<T>(
        &self,
        cx: &Ctx,
        provider: Id<IdentityProvider>,
        why: &str,
        user: Option<Id<User>>,
    ) -> Result<T> {
        let about = user.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
        let event = self.event(cx, "auth.login_failed", "user", about).with("reason", why);
        let event = event.with("identity_provider_id", provider.to_string());
        let c = self.prepare(cx, Event { outcome: Outcome::Denied, ..event });
        self.0.db.write(cx.clone(), c, record).await?;
        Err(failed())
    }
}

type Taken = (SignInStart, Option<IdentityProvider>);
async fn take(tx: &mut Tx, id: &Uuid) -> portcullis_store::Result<Option<Taken>> {
    let alive = tenant::revisions(tx).await?.is_some_and(|t| t.state == TenantState::Active);
    let Some(start) = sign_in_start::take(tx, *id).await? else { return Ok(None) };
    let provider = identity_provider::by_id(tx, start.provider).await?.filter(|_| alive);
    Ok(Some((start, provider)))
}
async fn record(tx: &mut Tx, event: &portcullis_audit::Prepared) -> portcullis_store::Result<()> {
    tx.audit(event.clone());
    Ok(())
}

/// How the person proved who they are: `fed`, and what the provider stated of it, if the tenant believes that.
fn methods(a: &Asserted, believed: bool) -> Vec<String> {
    /// RFC 8176.
    const WORDS: &[&str] = &[
        "face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pop", "pwd", "rba", "retina", "sc",
        "sms", "swk", "tel", "user", "vbm", "wia",
    ];
    const FACTORS: &[&str] =
        &["http://schemas.openid.net/pape/policies/2007/06/multi-factor", "https://refeds.org/profile/mfa"];
    let mut amr = vec!["fed".to_owned()];
    if !believed {
        return amr;
    }
    for word in WORDS.iter().filter(|w| a.amr.iter().any(|m| m == *w)) {
        amr.push((*word).to_owned());
    }
    // rules and applications read that word only
    let two = is_twofold(&amr) || a.acr.as_deref().is_some_and(|acr| FACTORS.contains(&acr));
    if two && !amr.iter().any(|m| m == "mfa") {
        amr.push("mfa".into());
    }
    amr
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_states_counts_only_where_it_is_believed() {
        let said = |amr: &[&str], acr: Option<&str>| Asserted {
            amr: amr.iter().map(|a| (*a).to_owned()).collect(),
            acr: acr.map(ToOwned::to_owned),
            ..Asserted::default()
        };
        assert_eq!(methods(&said(&["pwd", "otp", "mfa", "<script>"], None), true), ["fed", "mfa", "otp", "pwd"]);
        assert_eq!(methods(&said(&["pwd"], Some("https://refeds.org/profile/mfa")), true), ["fed", "pwd", "mfa"]);
        // two that it names are two, for everybody who asks
        assert_eq!(methods(&said(&["pwd", "otp"], None), true), ["fed", "otp", "pwd", "mfa"]);
        assert_eq!(methods(&said(&["sc", "pin"], None), true), ["fed", "pin", "sc", "mfa"]);
        assert_eq!(methods(&said(&["pwd", "otp"], None), false), ["fed"]);
        assert_eq!(methods(&said(&["pwd", "pin"], None), true), ["fed", "pin", "pwd"]);
        // resistant to phishing is not two: a key that is touched
        assert_eq!(methods(&said(&["hwk"], Some("phr")), true), ["fed", "hwk"]);
        assert_eq!(methods(&said(&["mfa"], Some("https://refeds.org/profile/mfa")), false), ["fed"]);
    }
}
