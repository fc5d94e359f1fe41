//! How a tenant shows itself: what its administrators set, and what its pages and mails make of it.
use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_domain::branding::{Branding, Colour, Template, Words};
use portcullis_domain::tenant::Tenant;
use portcullis_domain::{Ctx, Id, Principal, Result};
use portcullis_store::{Tx, branding, tenant};

use crate::App;
use crate::app::Scribe;
use crate::authenticate::{Origin, context};
use crate::authorize::Gate;
use crate::identity_provider::every_role;
use crate::settings::own;
use crate::tenant::target;
use crate::user_change::require_revision;

/// A change, within its bounds. `None` keeps; `Some(None)` takes away.
#[derive(Clone, Debug, Default)]
pub struct BrandingPatch {
    /// Instead of the tenant's name.
    pub name: Option<Option<String>>,
    /// Of links and buttons.
    pub accent: Option<Option<Colour>>,
    /// Above the form of the sign-in page.
    pub welcome: Option<Option<String>>,
    /// Below forms.
    pub help: Option<Option<String>>,
    /// An image as a data URI.
    pub logo: Option<Option<String>>,
    /// Words of mails; `None` of one: ours again.
    pub mails: BTreeMap<Template, Option<Words>>,
}

/// What pages show of a tenant.
#[derive(Clone, Debug)]
pub struct Brand {
    /// What it is called: 1–200 characters.
    pub name: String,
    /// Of links and buttons.
    pub accent: Option<Colour>,
    /// Above the form of the sign-in page.
    pub welcome: Option<String>,
    /// Below forms.
    pub help: Option<String>,
    /// Whose logo it is, and its digest.
    pub logo: Option<(Id<Tenant>, [u8; 32])>,
}
impl Brand {
    /// Of this tenant.
    pub(crate) fn of(tenant: &Tenant, b: Branding) -> Self {
        Self {
            name: b.name.unwrap_or_else(|| tenant.name.clone()),
            accent: b.accent,
            welcome: b.welcome,
            help: b.help,
            logo: b.logo.map(|digest| (tenant.id, digest)),
        }
    }
}

impl App {
    /// How a tenant shows itself, with its revision and its logo. `settings:read`.
    pub async fn branding(&self, cx: &Ctx, id: Id<Tenant>) -> Result<Set> {
        self.may(cx, "settings:read", target(cx, id)).await?;
        own(cx, id)?;
        self.0.db.read(cx.clone(), &(), read).await.map_err(Into::into)
    }
    /// Changes it; the next page and the next mail show it. `settings:update`, and `roles:grant` for every role where words of mails change:
    /// they reach whoever holds these roles with the links and codes that let in.
    pub async fn update_branding(
        &self,
        cx: &Ctx,
        id: Id<Tenant>,
        patch: Result<BrandingPatch>,
        if_match: Option<i64>,
    ) -> Result<Set> {
        let gate = Gate::new("settings:update", target(cx, id));
        let gate = if patch.as_ref().is_ok_and(|p| !p.mails.is_empty()) { gate.carrying(every_role()) } else { gate };
        let command = async {
            own(cx, id)?;
            Ok(Update { id, patch: patch?, if_match, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await
    }
    /// A logo as anybody may see it, if it is still this one.
    pub async fn logo(&self, origin: Origin, id: Id<Tenant>, digest: [u8; 32]) -> Result<Option<String>> {
        let Some(tenancy) = self.tenancy(id).await? else { return Ok(None) };
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        self.0.db.read(cx, &digest, logo).await.map_err(Into::into)
    }
}

/// What is set.
#[derive(Clone, Debug)]
pub struct Set {
    /// All but the logo itself.
    pub branding: Branding,
    /// The logo as a data URI.
    pub logo: Option<String>,
    /// 0 as long as nothing was set.
    pub revision: i64,
}

async fn read(tx: &mut Tx, (): &()) -> portcullis_store::Result<Set> {
    let (branding, revision) = branding::get(tx).await?;
    let logo = match &branding.logo {
        Some(digest) => branding::logo(tx, digest).await?,
        None => None,
    };
    Ok(Set { branding, logo, revision })
}
async fn logo(tx: &mut Tx, digest: &[u8; 32]) -> portcullis_store::Result<Option<String>> {
    branding::logo(tx, digest).await
}
/// The tenant of a context, and how it shows itself.
pub(crate) async fn shown(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<(Tenant, Branding)>> {
    let Some(tenant) = tenant::get(tx).await? else { return Ok(None) };
    Ok(Some((tenant, branding::get(tx).await?.0)))
}

/// What a transaction's tenant is called.
pub(crate) async fn name(tx: &mut Tx) -> portcullis_store::Result<String> {
    Ok(shown(tx, &()).await?.map(|(tenant, b)| b.name.unwrap_or(tenant.name)).unwrap_or_default())
}

struct Update {
    id: Id<Tenant>,
    patch: BrandingPatch,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Set> {
    let before = read(tx, &()).await?;
    require_revision(before.revision, c.if_match)?;
    let (was, p) = (&before.branding, &c.patch);
    let mut mails = was.mails.clone();
    for (template, words) in &p.mails {
        match words {
            Some(words) => mails.insert(*template, words.clone()),
            None => mails.remove(template),
        };
    }
    let logo = p.logo.clone().unwrap_or_else(|| before.logo.clone());
    let after = Branding {
        name: p.name.clone().unwrap_or_else(|| was.name.clone()),
        accent: p.accent.unwrap_or(was.accent),
        welcome: p.welcome.clone().unwrap_or_else(|| was.welcome.clone()),
        help: p.help.clone().unwrap_or_else(|| was.help.clone()),
        logo: logo.as_ref().map(|uri| portcullis_crypto::sha256(uri.as_bytes())),
        mails,
    };
    if after == *was {
        return Ok(before);
    }
    branding::set(tx, &after).await?;
    if after.logo != was.logo {
        branding::set_logo(tx, logo.as_deref()).await?;
    }
    let colour = |b: &Branding| b.accent.map(|c| c.to_string());
    let digest = |b: &Branding| b.logo.map(|d| data_encoding::HEXLOWER.encode(&d));
    let mut event = c
        .scribe
        .event("branding.updated", "tenant", c.id)
        .change("name", was.name.as_deref(), after.name.as_deref())
        .change("accent", colour(was), colour(&after))
        .change("welcome", was.welcome.as_deref(), after.welcome.as_deref())
        .change("help", was.help.as_deref(), after.help.as_deref())
        .change("logo_sha256", digest(was), digest(&after));
    for template in Template::ALL {
        let words = |b: &Branding| b.mails.get(&template).map(|w| format!("{}\n\n{}", w.subject, w.body));
        event = event.change(template.as_str(), words(was), words(&after));
    }
    c.scribe.write(tx, event);
    Ok(Set { branding: after, logo, revision: before.revision + 1 })
}
