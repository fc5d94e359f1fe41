//! `/v1/tenants/{id}/settings` (spec 4.8).
use axum::response::Response;
use portcullis_domain::Result;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::mfa::MfaPolicy;
use portcullis_domain::redirect_uri;
use portcullis_domain::tenant::{Registration, TenantSettings};
use portcullis_service::settings::SettingsPatch;
use serde::Serialize;

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape};
use crate::read;
use crate::render;

static READ: Op = Op::get(
    "/v1/tenants/{id}/settings",
    "getTenantSettings",
    "settings:read",
    "Read your tenant's settings.",
    (200, Shape::Json("TenantSettings")),
);
static UPDATE: Op = Op::patch(
    "/v1/tenants/{id}/settings",
    "updateTenantSettings",
    "settings:update",
    "Change your tenant's settings; what is left out stays. They count at the next call.",
    Body::Json("TenantSettingsPatch"),
    (200, Shape::Json("TenantSettings")),
);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![READ.to(get), UPDATE.to(update)]
}

/// TenantSettings (spec 3.1), as far as this version acts on them.
#[derive(Serialize)]
pub(crate) struct SettingsView<'a> {
    mfa_policy: &'static str,
    mfa_trust_provider: bool,
    redirect_uris: &'a [String],
    registration: &'static str,
    password_min_length: usize,
    access_token_seconds: i64,
    session_idle_seconds: i64,
    session_max_seconds: i64,
    default_duration_seconds: i64,
}
impl<'a> SettingsView<'a> {
    pub(crate) fn of(s: &'a TenantSettings) -> Self {
        Self {
            mfa_policy: s.mfa_policy.as_str(),
            mfa_trust_provider: s.mfa_trust_provider,
            redirect_uris: &s.redirect_uris,
            registration: s.registration.as_str(),
            password_min_length: s.password_min_length,
            access_token_seconds: s.access_token_seconds,
            session_idle_seconds: s.session_idle_seconds,
            session_max_seconds: s.session_max_seconds,
            default_duration_seconds: s.default_duration_seconds,
        }
    }
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let (settings, revision) = call.app().tenant_settings(&call.cx, call.id("id")).await?;
    Ok(render::resource(call.headers(), revision, &SettingsView::of(&settings)))
}

async fn update(mut call: Call) -> Result<Response> {
    let patch = patch(call.take_fields());
    let (patch, if_match) = call.if_match(patch);
    let (settings, revision) = call.app().update_tenant_settings(&call.cx, call.id("id"), patch, if_match).await?;
    Ok(render::changed(revision, &SettingsView::of(&settings)))
}
pub(crate) fn patch(mut f: Fields) -> Result<SettingsPatch> {
    let policy = read::word(MfaPolicy::parse, "One of optional, required_for_admins, required.");
    let registration = read::word(Registration::parse, "One of closed, domains, open.");
    let patch = SettingsPatch {
        mfa_policy: f.change("mfa_policy", policy),
        mfa_trust_provider: f.change("mfa_trust_provider", fields::boolean),
        redirect_uris: redirect_uris(&mut f),
        registration: f.change("registration", registration),
        password_min_length: f.change("password_min_length", fields::integer(8, 128)),
        access_token_seconds: f.change("access_token_seconds", fields::integer(300, 86_400)),
        session_idle_seconds: f.change("session_idle_seconds", fields::integer(900, 2_592_000)),
        session_max_seconds: f.change("session_max_seconds", fields::integer(3_600, 7_776_000)),
        default_duration_seconds: f.change("default_duration_seconds", fields::integer(60, 86_400)),
    };
    f.finish(Some(patch))
}
/// Each wrong one is named.
fn redirect_uris(f: &mut Fields) -> Option<Vec<String>> {
    let mut all = f.change("redirect_uris", fields::strings)?;
    if all.len() > redirect_uri::MOST {
        f.wrong("redirect_uris", format!("At most {}.", redirect_uri::MOST));
    }
    for (n, uri) in all.iter().enumerate().take(redirect_uri::MOST) {
        if let Err(why) = redirect_uri::check(uri) {
            f.wrong(&format!("redirect_uris[{n}]"), why);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|uri| seen.insert(uri.clone()));
    Some(all)
}
