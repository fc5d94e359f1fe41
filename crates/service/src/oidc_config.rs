//! The tenant's default OpenID provider, as it was configured before there were several (spec v1 3.2 OidcConfig, 4.6): a view of the
//! provider with `is_default`.
use portcullis_authz::Target;
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::provider_config::{OidcSettings, ProviderConfig, SecretChange};
use portcullis_domain::value::DomainName;
use portcullis_domain::{Ctx, Error, Result};
use portcullis_store::{Tx, identity_provider, tenant_domain};

use crate::App;
use crate::authorize::Gate;
use crate::identity_provider::{Insert, Settings, Update, all, every_role, insert, update};

const WHAT: &str = "OIDC configuration";
const UPDATED: &str = "oidc_config.updated";

enum Save {
    New(Box<Insert>),
    Changed(Box<Update>),
}

impl App {
    /// The default provider. `identity_providers:read`.
    pub async fn get_oidc_config(&self, cx: &Ctx) -> Result<IdentityProvider> {
        let found = self.default_provider(cx).await?;
        self.may_read(cx, "identity_providers:read", Target::tenant(), found, WHAT).await
    }
    /// Makes the default provider, or puts issuer, client, secret and scopes in place of the old. A new one is trusted for the domains
    /// that are verified now. `identity_providers:update`, and `roles:grant`.
    pub async fn put_oidc_config(
        &self,
        cx: &Ctx,
        sent: Result<(OidcSettings, SecretChange)>,
        if_match: Option<i64>,
    ) -> Result<IdentityProvider> {
        let gate = Gate::new("identity_providers:update", Target::tenant()).carrying(every_role());
        let found = self.default_provider(cx).await?;
        let command = async {
            let (sent, secret) = sent?;
            let kept = found.as_ref().and_then(IdentityProvider::oidc).cloned();
            let oidc = match kept {
                Some(kept) => {
                    OidcSettings { issuer_url: sent.issuer_url, client_id: sent.client_id, scopes: sent.scopes, ..kept }
                }
                None => {
                    let mut oidc = OidcSettings { is_default: true, ..sent };
                    oidc.trust.domains = self.0.db.read(cx.clone(), &(), verified).await?;
                    oidc
                }
            };
            let config = ProviderConfig::Oidc(oidc);
            let settings = Some(Settings { config: config.clone(), secret, at: "" });
            let scribe = self.scribe(cx);
            match found {
                Some(before) => {
                    let after = self.with_settings(cx, before.clone(), settings).await?;
                    let another = self.speaks_for_others(&before.config, &after.config)?;
                    Ok(Save::Changed(Box::new(Update { before, after, another, if_match, event: UPDATED, scribe })))
                }
                None => {
                    let provider = self.provider(cx, "OpenID Connect".into(), config, true);
                    let provider = self.with_settings(cx, provider, settings).await?;
                    Ok(Save::New(Box::new(Insert { provider, event: UPDATED, scribe })))
                }
            }
        };
        self.apply(cx, gate, command, save).await
    }
    /// Ends the default provider, if nobody signs in through it. `identity_providers:delete`.
    pub async fn delete_oidc_config(&self, cx: &Ctx, if_match: Option<i64>) -> Result<()> {
        match self.default_provider(cx).await? {
            Some(p) => self.delete_identity_provider(cx, p.id, if_match).await,
            None => {
                self.may(cx, "identity_providers:delete", Target::tenant()).await?;
                Err(Error::not_found(WHAT))
            }
        }
    }
    async fn default_provider(&self, cx: &Ctx) -> Result<Option<IdentityProvider>> {
        Ok(self.0.db.read(cx.clone(), &(), all).await?.into_iter().find(IdentityProvider::is_default))
    }
}

async fn save(tx: &mut Tx, c: &Save) -> portcullis_store::Result<IdentityProvider> {
    match c {
        Save::Changed(c) => update(tx, c).await,
        Save::New(c) => {
            let others = identity_provider::all(tx).await?;
            let is_taken = |name: &str| others.iter().any(|p| p.name.eq_ignore_ascii_case(name));
            let usual = &c.provider.name;
            let name = (2..100).map(|n| format!("{usual} {n}")).find(|name| !is_taken(name));
            let name = if is_taken(usual) { name } else { None };
            let provider = IdentityProvider { name: name.unwrap_or_else(|| usual.clone()), ..c.provider.clone() };
            insert(tx, &Insert { provider, event: c.event, scribe: c.scribe.clone() }).await
        }
    }
}
async fn verified(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<DomainName>> {
    Ok(tenant_domain::proved(tx).await?.into_iter().take(100).collect())
}
