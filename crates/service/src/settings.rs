//! What a tenant sets for itself (spec v1 3.1 TenantSettings, 4.8).
use portcullis_domain::mfa::MfaPolicy;
use portcullis_domain::tenant::{Registration, Tenant, TenantSettings};
use portcullis_domain::{Ctx, Error, Id, Result};
use portcullis_store::{Tx, tenant};

use crate::App;
use crate::app::Scribe;
use crate::authorize::Gate;
use crate::tenant::target;
use crate::user_change::require_revision;

/// A change of settings, within their bounds. `None` keeps.
#[derive(Clone, Debug, Default)]
pub struct SettingsPatch {
    /// Who needs a second factor.
    pub mfa_policy: Option<MfaPolicy>,
    /// Does a second factor that an identity provider states count?
    pub mfa_trust_provider: Option<bool>,
    /// Where a sign-in at a provider may come back to: at most 20, as [`portcullis_domain::redirect_uri::check`] has them.
    pub redirect_uris: Option<Vec<String>>,
    /// Who may become a user by their own doing.
    pub registration: Option<Registration>,
    /// 8–128 bytes.
    pub password_min_length: Option<i64>,
    /// 300–86,400.
    pub access_token_seconds: Option<i64>,
    /// 900–2,592,000.
    pub session_idle_seconds: Option<i64>,
    /// 3,600–7,776,000.
    pub session_max_seconds: Option<i64>,
    /// 60–86,400.
    pub default_duration_seconds: Option<i64>,
}

/// Settings with the revision of the tenant, whose row they are part of.
pub type Settings = (TenantSettings, i64);

impl App {
    /// A tenant's settings. `settings:read`.
    pub async fn tenant_settings(&self, cx: &Ctx, id: Id<Tenant>) -> Result<Settings> {
        self.may(cx, "settings:read", target(cx, id)).await?;
        own(cx, id)?;
        self.0.db.read(cx.clone(), &(), read).await.map_err(Error::from)
    }
    /// Changes them; they count at the next call. `settings:update`.
    pub async fn update_tenant_settings(
        &self,
        cx: &Ctx,
        id: Id<Tenant>,
        patch: Result<SettingsPatch>,
        if_match: Option<i64>,
    ) -> Result<Settings> {
        let gate = Gate::new("settings:update", target(cx, id));
        let command = async {
            own(cx, id)?;
            Ok(Update { id, patch: patch?, if_match, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await
    }
}

/// No rule gives the settings of another tenant; who is refused nowhere else is refused here.
pub(crate) fn own(cx: &Ctx, id: Id<Tenant>) -> Result<()> {
    if id == cx.tenant_id { Ok(()) } else { Err(Error::not_found("tenant")) }
}

async fn read(tx: &mut Tx, (): &()) -> portcullis_store::Result<Settings> {
    let (row, tenant) = (tenant::revisions(tx).await?, tenant::get(tx).await?);
    let gone = || portcullis_store::Error::internal("the tenant is gone");
    Ok((row.ok_or_else(gone)?.settings, tenant.ok_or_else(gone)?.revision))
}

struct Update {
    id: Id<Tenant>,
    patch: SettingsPatch,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Settings> {
    let (before, revision) = read(tx, &()).await?;
    require_revision(revision, c.if_match)?;
    let p = &c.patch;
    let after = TenantSettings {
        mfa_policy: p.mfa_policy.unwrap_or(before.mfa_policy),
        mfa_trust_provider: p.mfa_trust_provider.unwrap_or(before.mfa_trust_provider),
        redirect_uris: p.redirect_uris.clone().unwrap_or_else(|| before.redirect_uris.clone()),
        registration: p.registration.unwrap_or(before.registration),
        password_min_length: p
            .password_min_length
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(before.password_min_length),
        access_token_seconds: p.access_token_seconds.unwrap_or(before.access_token_seconds),
        session_idle_seconds: p.session_idle_seconds.unwrap_or(before.session_idle_seconds),
        session_max_seconds: p.session_max_seconds.unwrap_or(before.session_max_seconds),
        default_duration_seconds: p.default_duration_seconds.unwrap_or(before.default_duration_seconds),
    };
    if after == before {
        return Ok((before, revision));
    }
    tenant::set_settings(tx, &after).await?;
    let event = c
        .scribe
        .event("settings.updated", "tenant", c.id)
        .change("mfa_policy", before.mfa_policy.as_str(), after.mfa_policy.as_str())
        .change("mfa_trust_provider", before.mfa_trust_provider, after.mfa_trust_provider)
        .change("redirect_uris", before.redirect_uris, after.redirect_uris.clone())
        .change("registration", before.registration.as_str(), after.registration.as_str())
        .change("password_min_length", before.password_min_length, after.password_min_length)
        .change("access_token_seconds", before.access_token_seconds, after.access_token_seconds)
        .change("session_idle_seconds", before.session_idle_seconds, after.session_idle_seconds)
        .change("session_max_seconds", before.session_max_seconds, after.session_max_seconds)
        .change("default_duration_seconds", before.default_duration_seconds, after.default_duration_seconds);
    c.scribe.write(tx, event);
    tenant::rules_changed(tx).await?;
    Ok((after, revision + 1))
}
