//! The strategies that Frontier's clients sign in with (spec v1beta1 4.2): which there are in a tenant, and how one begins at a provider.
//!
//! Such a client brings back state and code and nothing else. So what ties the end to its beginning is a verifier that the browser keeps
//! (RFC 7636), as with any client of the API that sends a challenge.
use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, identity_provider};
use uuid::Uuid;

use crate::App;
use crate::authenticate::Origin;
use crate::federation::{Place, SignInBegun, challenge, read_state};
use crate::mail_sign_in::Strategy as Mail;

const PASSKEY: &str = "passkey";
/// So much of a provider's name names its strategy.
const LONGEST: usize = 63;

/// A way to sign in.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// What clients call it: letters, digits and `-`, unique in the tenant.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}
/// What a strategy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// At this OpenID provider.
    Provider(Id<IdentityProvider>),
    /// By mail.
    Mail(Mail),
    /// With a passkey.
    Passkey,
}

/// A sign-in that has begun at a provider.
pub struct BegunThere {
    /// Where the browser goes, and what comes back with it.
    pub begun: SignInBegun,
    /// What the browser keeps: without it nobody ends this.
    pub kept: String,
}

impl App {
    /// What somebody can sign in with in the caller's tenant: what works, and nothing else.
    pub async fn strategies(&self, cx: &Ctx) -> Result<Vec<Strategy>> {
        let providers = match self.openid() {
            Ok(_) => self.0.db.read(cx.clone(), &(), all).await?,
            Err(_) => vec![],
        };
        let mails = self.mail_strategies().into_iter();
        let mails = mails.map(|mail| Strategy { name: mail.as_str().into(), kind: Kind::Mail(mail) });
        let passkey = self.relying_party().is_ok().then(|| Strategy { name: PASSKEY.into(), kind: Kind::Passkey });
        Ok(named(&providers).into_iter().chain(mails).chain(passkey).collect())
    }
    /// What the strategy of this name is; 400 `invalid_input` where it cannot be used.
    pub async fn strategy(&self, cx: &Ctx, name: &str) -> Result<Kind> {
        let found = self.strategies(cx).await?.into_iter().find(|s| s.name == name);
        // the original's text; it was `internal`, which is no fault of the server
        found.map(|s| s.kind).ok_or_else(|| Error::new(Code::InvalidInput, "unsupported authentication method"))
    }
    /// Begins a sign-in at a provider that comes back to this page or, without one, to `/v1beta1/auth/callback`. 400 `invalid_input` for a
    /// page that is not among the tenant's `redirect_uris`; else as [`App::begin_sign_in`].
    pub async fn begin_there(
        &self,
        cx: &Ctx,
        provider: Id<IdentityProvider>,
        callback_url: String,
    ) -> Result<BegunThere> {
        let mut kept = [0; 32];
        self.0.random.fill(&mut kept);
        let kept = URL_SAFE_NO_PAD.encode(kept);
        let to = if callback_url.is_empty() { self.strategy_callback() } else { callback_url };
        let begun = self.begin_sign_in(Origin::of(cx), Place::Provider(provider), to, Some(challenge(&kept))).await;
        let begun = begun.map_err(|e| match e.code() {
            Code::InvalidInput => {
                let message = "This page is not among the tenant's redirect_uris: each has to be there to the letter.";
                Error::field("callback_url", message)
            }
            _ => e,
        })?;
        Ok(BegunThere { begun, kept })
    }
    /// The page that somebody asked to be led to, if the operator listed it.
    pub fn listed_return(&self, page: String) -> Option<String> {
        self.0.settings.return_urls.contains(&page).then_some(page)
    }
}

/// Can this be the state of a sign-in at a provider?
pub fn is_provider_state(state: &str) -> bool {
    read_state(state).is_some()
}
async fn all(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<IdentityProvider>> {
    identity_provider::all(tx).await
}

/// The strategies of these providers, oldest first. The oldest of two with one name has it, switched off or not, so that a name never
/// comes to mean another provider while its own is there; who gets none goes by its id.
fn named(providers: &[IdentityProvider]) -> Vec<Strategy> {
    let mut taken: HashSet<String> = ["mailotp", "maillink", PASSKEY].map(str::to_owned).into();
    let mut of = |p: &IdentityProvider| {
        let name = word(&p.name).filter(|word| taken.insert(word.clone()));
        (p.enabled, Strategy { name: name.unwrap_or_else(|| p.id.to_string()), kind: Kind::Provider(p.id) })
    };
    let all: Vec<_> = providers.iter().filter(|p| p.oidc().is_some()).map(&mut of).collect();
    all.into_iter().filter_map(|(enabled, strategy)| enabled.then_some(strategy)).collect()
}
/// `Google Workspace` as `google-workspace`; nothing where nothing is left, or what looks like an id.
fn word(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let mut word = parts.join("-");
    word.truncate(LONGEST);
    let word = word.trim_end_matches('-');
    (!word.is_empty() && Uuid::try_parse(word).is_err()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        for (name, expected) in [
            ("Google", Some("google")),
            (" Google  Workspace / EU ", Some("google-workspace-eu")),
            ("../auth?x=1#y", Some("auth-x-1-y")),
            ("Büro", Some("b-ro")),
            ("グーグル", None),
            ("0198c2f0-0000-7000-8000-000000000001", None),
            ("0198c2f0000070008000000000000001", None),
        ] {
            assert_eq!(word(name).as_deref(), expected, "{name}");
        }
        let long = word(&"a b".repeat(60)).unwrap_or_default();
        assert!(long.len() <= LONGEST && !long.ends_with('-'), "{long}");
    }
}
