//! The statements that belong to no tenant: they find the tenant, or serve the server itself. Each says why it is here.
//!
//! They return ids and keys only, never what a tenant keeps. Everything else is bound to the tenant by [`crate::Tx`].
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::{Id, Timestamp, service_credential::ServiceCredential, tenant::Tenant, tenant::TenantKey};
use uuid::Uuid;

use crate::{Result, Row, Tx};

statements! {
    global;
    // A request names its tenant by id, slug or not at all; the number is what follows from that.
    TENANT_BY_ID: point "SELECT tenant, id FROM tenants WHERE id = $1";
    TENANT_BY_SLUG: point "SELECT tenant, id FROM tenants WHERE slug = $1";
    // A sign-in without a tenant finds it by the proved domain of its address.
    TENANT_BY_DOMAIN: point
        "SELECT t.tenant, t.id FROM tenant_domains d JOIN tenants t ON t.tenant = d.tenant WHERE d.proved = $1";
    TENANT_DEFAULT: point "SELECT tenant, id FROM tenants WHERE is_default = 1";
    // Workers visit every tenant.
    TENANTS: page "SELECT tenant, id FROM tenants WHERE tenant > $1 ORDER BY tenant LIMIT $2";
    // A new tenant takes the next number.
    TENANT_LAST: point "SELECT coalesce(max(tenant), 0) FROM tenants";
    // A key proves its tenant: its prefix is unique on the server.
    API_KEY_BY_PREFIX: point
        "SELECT t.tenant, t.id, k.id FROM api_keys k JOIN tenants t ON t.tenant = k.tenant WHERE k.prefix = $1";
    // A personal access token proves its tenant by the hash of its secret.
    PERSONAL_TOKEN_BY_HASH: point
        "SELECT t.tenant, t.id, k.id FROM personal_tokens k JOIN tenants t ON t.tenant = k.tenant WHERE k.hash = $1";
    // A service user's credential proves its tenant: its id is unique on the server.
    SERVICE_CREDENTIAL: point
        "SELECT t.tenant, t.id FROM service_credentials c JOIN tenants t ON t.tenant = c.tenant WHERE c.id = $1";
    // The sealer looks for tenants with something to seal.
    PENDING_TENANTS: scan
        "SELECT t.tenant, t.id FROM tenants t WHERE EXISTS (SELECT 1 FROM audit_pending p WHERE p.tenant = t.tenant) \
         ORDER BY t.tenant LIMIT $1";
    // The master tenant's admins list the tenants themselves; nothing of what is in them.
    pub(crate) TENANT_ROWS: page
        "SELECT tenant FROM tenants WHERE tenant < $1 ORDER BY tenant DESC LIMIT $2";
    // A single-use token names its tenant and its user by its hash.
    USER_BY_TOKEN: point
        "SELECT t.tenant, t.id, u.id FROM users u JOIN tenants t ON t.tenant = u.tenant WHERE u.token_hash = $1";
    // So does a token that sets a new password.
    USER_BY_RESET: point
        "SELECT t.tenant, t.id, u.id FROM users u JOIN tenants t ON t.tenant = u.tenant WHERE u.reset_hash = $1";
    // So does a refresh token its session.
    SESSION_BY_REFRESH: point
        "SELECT t.tenant, t.id, s.id FROM sessions s JOIN tenants t ON t.tenant = s.tenant WHERE s.refresh_family = $1";
    // And a cookie.
    SESSION_BY_COOKIE: point
        "SELECT t.tenant, t.id, s.id FROM sessions s JOIN tenants t ON t.tenant = s.tenant WHERE s.cookie_hash = $1";
    // So does what a sign-in's second step is asked for with its tenant.
    CHALLENGE_TENANT: point
        "SELECT t.tenant, t.id FROM mfa_challenges c JOIN tenants t ON t.tenant = c.tenant WHERE c.hash = $1";
    // So does what a passkey is asked before anybody says who they are.
    PASSKEY_TENANT: point
        "SELECT t.tenant, t.id FROM passkey_requests p JOIN tenants t ON t.tenant = p.tenant WHERE p.hash = $1";
    // A sign-in that begins with a provider finds the tenant by it: its id is unique on the server.
    IDENTITY_PROVIDER: point
        "SELECT t.tenant, t.id FROM identity_providers p JOIN tenants t ON t.tenant = p.tenant WHERE p.id = $1";
    // The courier looks for endpoints with something to deliver, one after the other, of whichever tenant.
    WEBHOOK_AFTER: page
        "SELECT tenant, webhook_id, due_at FROM webhook_deliveries \
         WHERE due_at IS NOT NULL AND (tenant, webhook_id) > ($1, $2) ORDER BY tenant, webhook_id, due_at LIMIT 1";
    // The postman looks for tenants with mails, one after the other.
    MAIL_AFTER: page "SELECT tenant FROM mails WHERE tenant > $1 ORDER BY tenant LIMIT 1";
    // The server's own keys. Only those of tokens are ever retired: a checkpoint of the audit log must verify for ever.
    pub(crate) SIGNING_KEYS: scan
        "SELECT id, purpose, public_key, private_key, created_at, signs_from, retired_at FROM signing_keys \
         ORDER BY created_at, id";
    pub(crate) SIGNING_KEY_INSERT: write
        "INSERT INTO signing_keys (id, purpose, public_key, private_key, created_at, signs_from) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
    pub(crate) SIGNING_KEY_FORWARD: write
        "UPDATE signing_keys SET signs_from = $2 WHERE id = $1 AND purpose = 'token' AND signs_from > $2";
    pub(crate) SIGNING_KEY_RETIRE: write
        "UPDATE signing_keys SET retired_at = $2, private_key = $3 WHERE id = $1 AND purpose = 'token' AND retired_at IS NULL";
    pub(crate) SIGNING_KEY_RESEAL: write
        "UPDATE signing_keys SET private_key = $3 WHERE id = $1 AND private_key = $2";
    pub(crate) SIGNING_KEY_FORGET: write
        "DELETE FROM signing_keys WHERE id = $1 AND purpose = 'token' AND retired_at IS NOT NULL";
    // Leases are the server's own.
    pub(crate) LEASE_TAKE: write
        "INSERT INTO leases (name, holder, fence, expires_at) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at, \
           fence = CASE WHEN leases.holder = excluded.holder AND leases.expires_at > $4 \
                        THEN leases.fence ELSE leases.fence + 1 END \
         WHERE leases.holder = excluded.holder OR leases.expires_at <= $4 \
         RETURNING fence";
    pub(crate) LEASE_RELEASE: write
        "UPDATE leases SET expires_at = 0 WHERE name = $1 AND holder = $2 AND fence = $3";
    pub(crate) LEASE_FENCE: point "SELECT fence FROM leases WHERE name = $1 AND holder = $2 AND expires_at > $3";
}

/// A tenant as every row knows it, and as the world does.
pub type Found = (TenantKey, Id<Tenant>);

fn found(row: &Row<'_>) -> Result<Found> {
    Ok((TenantKey(row.int(0)?), row.id(1)?))
}

/// The tenant with this id.
pub async fn tenant_by_id(tx: &mut Tx, id: &Id<Tenant>) -> Result<Option<Found>> {
    tx.one(&TENANT_BY_ID, &[(*id).into()], found).await
}
/// The tenant with this slug.
pub async fn tenant_by_slug(tx: &mut Tx, slug: &String) -> Result<Option<Found>> {
    tx.one(&TENANT_BY_SLUG, &[slug.into()], found).await
}
/// The tenant that has proved this domain.
pub async fn tenant_by_domain(tx: &mut Tx, name: &String) -> Result<Option<Found>> {
    tx.one(&TENANT_BY_DOMAIN, &[name.into()], found).await
}
/// The tenant of requests that name none.
pub async fn default_tenant(tx: &mut Tx, _: &()) -> Result<Option<Found>> {
    tx.one(&TENANT_DEFAULT, &[], found).await
}
/// At most 250 tenants with numbers above `after`, in their order.
pub async fn tenants(tx: &mut Tx, after: &TenantKey) -> Result<Vec<Found>> {
    tx.all(&TENANTS, &[(*after).into(), 250.into()], found).await
}
/// The number for the next tenant. Two that are made at once take the same one: one of them is repeated (PostgreSQL).
pub async fn next_tenant(tx: &mut Tx, _: &()) -> Result<TenantKey> {
    Ok(TenantKey(tx.one(&TENANT_LAST, &[], |row| row.int(0)).await?.unwrap_or(0) + 1))
}
/// The tenant and the id of the API key with this prefix.
pub async fn api_key_by_prefix(tx: &mut Tx, prefix: &String) -> Result<Option<(Found, Uuid)>> {
    tx.one(&API_KEY_BY_PREFIX, &[prefix.into()], |row| Ok((found(row)?, row.uuid(2)?))).await
}
/// The tenant and the id of the personal access token whose secret has this hash.
pub async fn personal_token_by_hash(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<(Found, Uuid)>> {
    tx.one(&PERSONAL_TOKEN_BY_HASH, &[hash.into()], |row| Ok((found(row)?, row.uuid(2)?))).await
}
/// The tenant of a service user's credential.
pub async fn service_credential(tx: &mut Tx, id: &Id<ServiceCredential>) -> Result<Option<Found>> {
    tx.one(&SERVICE_CREDENTIAL, &[(*id).into()], found).await
}
/// The tenant of an identity provider.
pub async fn tenant_by_provider(tx: &mut Tx, id: &Id<IdentityProvider>) -> Result<Option<Found>> {
    tx.one(&IDENTITY_PROVIDER, &[(*id).into()], found).await
}
/// At most 1,000 tenants that have audit events without a number.
pub async fn pending_tenants(tx: &mut Tx, _: &()) -> Result<Vec<Found>> {
    tx.all(&PENDING_TENANTS, &[1_000.into()], found).await
}
/// An endpoint, and when its first waiting delivery is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its tenant.
    pub tenant: TenantKey,
    /// The endpoint.
    pub webhook: Uuid,
    /// When.
    pub due_at: Timestamp,
}
/// The first endpoint after this one for which deliveries wait.
pub async fn webhook_after(tx: &mut Tx, after: &(TenantKey, Uuid)) -> Result<Option<Waiting>> {
    let read = |r: &Row<'_>| Ok(Waiting { tenant: TenantKey(r.int(0)?), webhook: r.uuid(1)?, due_at: r.timestamp(2)? });
    tx.one(&WEBHOOK_AFTER, &[after.0.into(), after.1.into()], read).await
}
/// The first tenant after this one with mails that wait, due or not.
pub async fn mail_after(tx: &mut Tx, after: &TenantKey) -> Result<Option<TenantKey>> {
    tx.one(&MAIL_AFTER, &[(*after).into()], |row| Ok(TenantKey(row.int(0)?))).await
}
/// At most `limit` tenant numbers below `before`, newest first.
pub async fn tenants_newest(tx: &mut Tx, before: TenantKey, limit: usize) -> Result<Vec<TenantKey>> {
    let limit = i64::try_from(limit).unwrap_or(250);
    tx.all(&TENANT_ROWS, &[before.into(), limit.into()], |row| Ok(TenantKey(row.int(0)?))).await
}
/// The tenant and the session that a refresh token is of, whether it counts or was spent.
pub async fn session_by_refresh(tx: &mut Tx, family: &[u8; 32]) -> Result<Option<(Found, Uuid)>> {
    tx.one(&SESSION_BY_REFRESH, &[family.into()], |row| Ok((found(row)?, row.uuid(2)?))).await
}
/// The tenant and the session of a cookie.
pub async fn session_by_cookie(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<(Found, Uuid)>> {
    tx.one(&SESSION_BY_COOKIE, &[hash.into()], |row| Ok((found(row)?, row.uuid(2)?))).await
}
/// The tenant of a sign-in that waits for its second step.
pub async fn challenge_tenant(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Found>> {
    tx.one(&CHALLENGE_TENANT, &[hash.into()], found).await
}
/// The tenant where a passkey is asked for this.
pub async fn passkey_tenant(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Found>> {
    tx.one(&PASSKEY_TENANT, &[hash.into()], found).await
}
/// The tenant and the user that a single-use token belongs to.
pub async fn user_by_token(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<(Found, Uuid)>> {
    tx.one(&USER_BY_TOKEN, &[hash.into()], |row| Ok((found(row)?, row.uuid(2)?))).await
}
/// The tenant and the user for whom a token sets a new password.
pub async fn user_by_reset(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<(Found, Uuid)>> {
    tx.one(&USER_BY_RESET, &[hash.into()], |row| Ok((found(row)?, row.uuid(2)?))).await
}
