//! A look at an identity provider's configuration that says in words what is wrong (spec v1 4.6): at most 10 times a minute for each
//! tenant (2.8).
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::openid::Check;
use portcullis_domain::provider_config::ProviderConfig;
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::value::DomainName;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, tenant_domain};
use serde_json::json;

use crate::authorize::Gate;
use crate::federation::client;
use crate::identity_provider::{by_id, gone, target};
use crate::tally::Tally;
use crate::{Answer, App, Reply};

/// How often each tenant looked in this minute.
pub(crate) struct Looks(Tally<TenantKey>);
impl Default for Looks {
    fn default() -> Self {
        Self(Tally::of(10))
    }
}

/// What a look found.
#[derive(Clone, Debug)]
pub struct Examined {
    /// Everything that was looked at, in that order.
    pub checks: Vec<Check>,
    /// What to do first, or that all is well.
    pub message: String,
}
impl Examined {
    /// Is all well?
    pub fn success(&self) -> bool {
        self.checks.iter().all(|c| c.ok)
    }
}

impl App {
    /// Looks at a provider as a sign-in would. `identity_providers:test`. 502 `upstream_failed`, with the checks in its details, where
    /// nobody can sign in; what only some may stumble over is told in the answer.
    pub async fn test_identity_provider(
        &self,
        cx: &Ctx,
        id: Id<IdentityProvider>,
        reply: Reply<Examined>,
    ) -> Result<Answer> {
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        let gate = Gate::new("identity_providers:test", target(found.as_ref()));
        let command = async { self.examined(cx, &found.ok_or_else(gone)?).await };
        self.answer(cx, gate, command, reply, found_so).await
    }
    async fn examined(&self, cx: &Ctx, provider: &IdentityProvider) -> Result<Examined> {
        if !self.0.looks.0.counts(cx.tenant, cx.now) {
            let message = "At most 10 tests a minute. Try again in a minute.";
            return Err(Error::new(Code::RateLimited, message).detail("retry_after_seconds", 60));
        }
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let mut checks = match &provider.config {
            ProviderConfig::Oidc(_) => self.openid()?.examine(&client(&tenancy, provider)?, &self.own_callback()).await,
            ProviderConfig::Saml(saml) => {
                let own = self.service_provider(&tenancy, provider)?;
                self.saml()?.examine(&own, saml, cx.now).await
            }
            ProviderConfig::Scim(_) | ProviderConfig::AwsIdentityCenter(_) => {
                let message = "Only OpenID and SAML providers are tested in this version.";
                return Err(Error::new(Code::NotImplemented, message));
            }
        };
        let unusable = |c: &&Check| !c.ok && ["discovery", "keys", "client", "metadata"].contains(&c.name);
        if let Some(first) = checks.iter().find(unusable) {
            let told: Vec<_> = checks.iter().map(shown).collect();
            let message = format!("Nobody can sign in there. {}", first.message);
            let e = Error::new(Code::UpstreamFailed, message);
            return Err(e.detail("upstream", "identity_provider").detail("checks", told));
        }
        let proved = self.0.db.read(cx.clone(), &(), proved).await?;
        checks.push(domains(provider, &proved));
        let message = match checks.iter().find(|c| !c.ok) {
            Some(first) => first.message.clone(),
            None => "All is well, as far as this can be seen without signing in.".into(),
        };
        Ok(Examined { checks, message })
    }
}

/// A look changes nothing.
async fn found_so(_: &mut Tx, found: &Examined) -> portcullis_store::Result<Examined> {
    Ok(found.clone())
}
/// A check as an answer has it.
pub fn shown(c: &Check) -> serde_json::Value {
    json!({ "name": c.name, "ok": c.ok, "message": c.message })
}
/// For whom does it speak today?
fn domains(p: &IdentityProvider, proved: &[DomainName]) -> Check {
    let lost: Vec<&str> = p.config.domains().iter().filter(|d| !proved.contains(d)).map(|d| &**d).collect();
    if p.config.domains().is_empty() {
        let message = "It is trusted for no domain: only people who signed in there before can. Name verified domains in config.domains.";
        return Check::failed("domains", message);
    }
    if lost.is_empty() {
        return Check::passed("domains", "Each of its domains is verified.");
    }
    let message =
        format!("These of its domains are not verified any more, so nobody new comes in by them: {}.", lost.join(", "));
    Check::failed("domains", message)
}
async fn proved(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<DomainName>> {
    tenant_domain::proved(tx).await
}
