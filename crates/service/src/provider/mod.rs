//! This server as the OpenID provider of a tenant's own applications (decision 15): who they are is in `application.rs`.
//!
//! The issuer of a tenant is `<public URL>/t/<slug>`. What a person's browser brings about is `authorize`, `consent`, `logout` and the
//! second half of `device`; what an application asks for itself is the rest. A token for an application names the person's session at
//! it (`standing`), which is looked at whenever it comes back; so it is worth nothing once that has ended, whatever the reason.
mod authorize;
mod claims;
mod client;
mod code;
mod consent;
mod credentials;
mod device;
mod inspect;
mod logout;
mod metadata;
mod refresh;
mod refusal;
mod request;
mod stamp;
mod standing;
mod token;

use std::sync::Arc;

use portcullis_domain::tenant::TenantState;
use portcullis_domain::value::Slug;
use portcullis_domain::{Ctx, Error, Principal, Result};
use portcullis_store::{Tx, directory};

use crate::App;
use crate::authenticate::{Origin, context};
use crate::demand::Demand;
use crate::tenancy::Tenancy;

pub use authorize::{Step, ToAllow};
pub use claims::PERSON;
pub use consent::Allowed;
pub use device::{Decided, DeviceAnswer, Waiting};
pub use logout::Leaving;
pub use refusal::{Failure, OAuthError, Outcome, Refusal};
pub use request::{Asked, LONGEST, Misfit};
pub use token::{TokenAnswer, TokenRequest};

/// The provider of one tenant, for one request.
#[derive(Clone)]
pub struct Provider {
    app: App,
    tenancy: Arc<Tenancy>,
    /// Of nobody, in the tenant.
    cx: Ctx,
    demand: Demand,
}
impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Provider").field(&self.tenancy.slug).finish()
    }
}

impl App {
    /// The provider of the tenant with this slug. 404 for one that is not there, or goes away.
    pub async fn openid_provider(&self, origin: Origin, slug: &str) -> Result<Provider> {
        let missing = || Error::not_found("tenant");
        let slug = Slug::tenant(slug).map_err(|_| missing())?.to_string();
        let found = self.0.db.read(self.nowhere(), &slug, directory::tenant_by_slug).await?;
        let (key, _) = found.ok_or_else(missing)?;
        let tenancy = self.tenancy_of(key).await?;
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        if self.0.db.read(cx.clone(), &(), state).await? != Some(TenantState::Active) {
            return Err(missing());
        }
        self.freshen(&tenancy).await?;
        let demand = Demand::of(self.compiled(&tenancy).await?);
        Ok(Provider { app: self.clone(), tenancy, cx, demand })
    }
}
async fn state(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<TenantState>> {
    Ok(portcullis_store::tenant::revisions(tx).await?.map(|t| t.state))
}

impl Provider {
    /// The tenant's slug.
    pub fn slug(&self) -> &str {
        &self.tenancy.slug
    }
    /// The path below which everything of this provider is.
    pub fn path(&self) -> String {
        format!("/t/{}", self.tenancy.slug)
    }
    /// `iss` of its tokens.
    pub fn issuer(&self) -> String {
        format!("{}{}", self.app.0.settings.public_url, self.path())
    }
    /// Is this caller signed in here, rather than in another tenant?
    pub fn is_of(&self, cx: &Ctx) -> bool {
        cx.tenant == self.tenancy.key && cx.principal.credential.is_session() && cx.principal.user_id().is_some()
    }
}
