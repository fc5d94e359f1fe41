//! Rows of tenants, one at a time: the tenant of the transaction.
use portcullis_domain::Id;
use portcullis_domain::mfa::MfaPolicy;
use portcullis_domain::tenant::{Registration, Tenant, TenantKey, TenantSettings, TenantState};
use portcullis_domain::value::Slug;
use serde_json::{Map, Value, json};

use crate::{P, Result, Row, Tx};

statements! {
    INSERT: write "INSERT INTO tenants (tenant, id, slug, name, locale, is_master, is_default, state, sso_start_url, sso_region, \
        settings, data_key, authz_revision, rules_revision, created_at, updated_at, revision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, 1, $13, $13, 1)";
    READ: point "SELECT t.tenant, t.id, t.slug, t.name, t.locale, t.is_master, t.state, t.sso_start_url, t.sso_region, \
        t.created_at, t.updated_at, t.revision, u.id, u.email, (SELECT d.name FROM tenant_domains d WHERE d.tenant = t.tenant \
          AND d.verified_at IS NOT NULL ORDER BY d.verified_at, d.id LIMIT 1) \
        FROM tenants t LEFT JOIN users u ON u.tenant = t.tenant AND u.is_owner = 1 WHERE t.tenant = $1";
    DATA_KEY: point "SELECT data_key FROM tenants WHERE tenant = $1";
    RESEAL: write "UPDATE tenants SET data_key = $3 WHERE tenant = $1 AND data_key = $2";
    UPDATE: write "UPDATE tenants SET name = $2, locale = $3, sso_start_url = $4, sso_region = $5, updated_at = $6, \
        revision = revision + 1 WHERE tenant = $1";
    REVISIONS: point "SELECT authz_revision, rules_revision, state, settings FROM tenants WHERE tenant = $1";
    SETTINGS: point "SELECT settings FROM tenants WHERE tenant = $1";
    SET_SETTINGS: write "UPDATE tenants SET settings = $2, updated_at = $3, revision = revision + 1 WHERE tenant = $1";
    RULES_CHANGED: write "UPDATE tenants SET rules_revision = authz_revision + 1 WHERE tenant = $1";
}

fn state(word: &str) -> TenantState {
    if word == "active" { TenantState::Active } else { TenantState::Deleting }
}

fn read(r: &Row<'_>) -> Result<Tenant> {
    Ok(Tenant {
        key: TenantKey(r.int(0)?),
        id: Id::from_uuid(r.uuid(1)?),
        slug: Slug::stored(r.text(2)?),
        name: r.text(3)?,
        locale: r.text(4)?,
        is_master: r.bool(5)?,
        state: state(&r.text(6)?),
        sso_start_url: r.opt_text(7)?,
        sso_region: r.opt_text(8)?,
        created_at: r.timestamp(9)?,
        updated_at: r.timestamp(10)?,
        revision: r.int(11)?,
        owner_user_id: r.opt_uuid(12)?.map(Id::from_uuid),
        owner_email: r.opt_text(13)?,
        primary_domain: r.opt_text(14)?,
    })
}

/// Writes a new tenant under the number of the transaction's tenant. A taken slug surfaces as `tenants_slug`.
pub async fn insert(tx: &mut Tx, t: &Tenant, is_default: bool, data_key: &[u8]) -> Result<()> {
    tx.run(
        &INSERT,
        &[
            t.id.into(),
            P::Text(&t.slug),
            P::Text(&t.name),
            P::Text(&t.locale),
            t.is_master.into(),
            is_default.into(),
            P::Text("active"),
            t.sso_start_url.as_deref().into(),
            t.sso_region.as_deref().into(),
            P::Text("{}"),
            P::Bytes(data_key),
            t.created_at.into(),
        ],
    )
    .await?;
    Ok(())
}
/// The transaction's tenant.
pub async fn get(tx: &mut Tx) -> Result<Option<Tenant>> {
    tx.one(&READ, &[], read).await
}
/// Its data key, wrapped.
pub async fn data_key(tx: &mut Tx) -> Result<Option<Vec<u8>>> {
    tx.one(&DATA_KEY, &[], |r| r.bytes(0)).await
}
/// Puts the same data key, wrapped with another master key, in the place of this one.
pub async fn reseal(tx: &mut Tx, old: &[u8], new: &[u8]) -> Result<()> {
    tx.run(&RESEAL, &[P::Bytes(old), P::Bytes(new)]).await?;
    Ok(())
}
/// Writes what may change of it; the revision goes up by one.
pub async fn update(tx: &mut Tx, t: &Tenant) -> Result<()> {
    let (url, region) = (t.sso_start_url.as_deref(), t.sso_region.as_deref());
    tx.run(&UPDATE, &[P::Text(&t.name), P::Text(&t.locale), url.into(), region.into(), t.updated_at.into()]).await?;
    Ok(())
}

/// What a snapshot is built from, besides rules and schemas.
#[derive(Clone, Debug)]
pub struct Revisions {
    /// Moves with every structural change.
    pub revision: i64,
    /// The revision of the last change of rules, settings or schemas.
    pub rules_revision: i64,
    /// Alive?
    pub state: TenantState,
    /// The tenant's settings.
    pub settings: TenantSettings,
}
/// The revisions of the transaction's tenant.
pub async fn revisions(tx: &mut Tx) -> Result<Option<Revisions>> {
    tx.one(&REVISIONS, &[], |r| {
        Ok(Revisions {
            revision: r.int(0)?,
            rules_revision: r.int(1)?,
            state: state(&r.text(2)?),
            settings: settings(&r.text(3)?),
        })
    })
    .await
}
/// Writes the tenant's settings; its revision goes up by one. What a newer server keeps there stays.
pub async fn set_settings(tx: &mut Tx, s: &TenantSettings) -> Result<()> {
    let (now, stored) = (tx.cx.now, tx.one(&SETTINGS, &[], |r| r.text(0)).await?.unwrap_or_default());
    let mut all: Map<String, Value> = serde_json::from_str(&stored).unwrap_or_default();
    for (name, value) in [
        ("mfa_policy", Value::from(s.mfa_policy.as_str())),
        ("registration", s.registration.as_str().into()),
        ("password_min_length", s.password_min_length.into()),
        ("mfa_trust_provider", s.mfa_trust_provider.into()),
        ("redirect_uris", s.redirect_uris.clone().into()),
        ("access_token_seconds", s.access_token_seconds.into()),
        ("session_idle_seconds", s.session_idle_seconds.into()),
        ("session_max_seconds", s.session_max_seconds.into()),
        ("default_duration_seconds", s.default_duration_seconds.into()),
    ] {
        all.insert(name.into(), value);
    }
    tx.run(&SET_SETTINGS, &[P::Text(&Value::Object(all).to_string()), now.into()]).await.map(drop)
}
/// Says that rules, settings or schemas changed, and moves the revision: the last statement of such a use case.
pub async fn rules_changed(tx: &mut Tx) -> Result<i64> {
    tx.run(&RULES_CHANGED, &[]).await?;
    tx.bump().await
}

/// Stored settings: what was never set has its default.
fn settings(text: &str) -> TenantSettings {
    let v: Value = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
    let d = TenantSettings::default();
    let number = |name: &str, default: i64| v.get(name).and_then(Value::as_i64).unwrap_or(default);
    TenantSettings {
        // an unknown word must not let anybody off
        mfa_policy: match v.get("mfa_policy").map(|word| word.as_str().and_then(MfaPolicy::parse)) {
            None => d.mfa_policy,
            Some(policy) => policy.unwrap_or(MfaPolicy::Required),
        },
        registration: v
            .get("registration")
            .and_then(Value::as_str)
            .and_then(Registration::parse)
            .unwrap_or(d.registration),
        password_min_length: usize::try_from(number("password_min_length", 8)).unwrap_or(d.password_min_length),
        mfa_trust_provider: v.get("mfa_trust_provider").and_then(Value::as_bool).unwrap_or(d.mfa_trust_provider),
        redirect_uris: match v.get("redirect_uris") {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            _ => d.redirect_uris,
        },
        access_token_seconds: number("access_token_seconds", d.access_token_seconds),
        session_idle_seconds: number("session_idle_seconds", d.session_idle_seconds),
        session_max_seconds: number("session_max_seconds", d.session_max_seconds),
        default_duration_seconds: number("default_duration_seconds", d.default_duration_seconds),
    }
}
