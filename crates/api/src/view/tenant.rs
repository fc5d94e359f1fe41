//! Tenants and their domains.
use portcullis_domain::tenant::{Tenant, TenantState};
use portcullis_domain::tenant_domain::TenantDomain;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};
use serde::Serialize;

/// Tenant (spec 3.1).
#[derive(Serialize)]
pub struct TenantView<'a> {
    id: Id<Tenant>,
    name: &'a str,
    slug: &'a str,
    locale: &'a str,
    is_master: bool,
    owner_email: Option<&'a str>,
    owner_user_id: Option<Id<User>>,
    sso_start_url: Option<&'a str>,
    sso_region: Option<&'a str>,
    primary_domain: Option<&'a str>,
    state: &'static str,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation_url: Option<&'a str>,
}
impl<'a> TenantView<'a> {
    /// As it is stored.
    pub fn of(tenant: &'a Tenant) -> Self {
        Self {
            id: tenant.id,
            name: &tenant.name,
            slug: &tenant.slug,
            locale: &tenant.locale,
            is_master: tenant.is_master,
            owner_email: tenant.owner_email.as_deref(),
            owner_user_id: tenant.owner_user_id,
            sso_start_url: tenant.sso_start_url.as_deref(),
            sso_region: tenant.sso_region.as_deref(),
            primary_domain: tenant.primary_domain.as_deref(),
            state: match tenant.state {
                TenantState::Active => "active",
                TenantState::Deleting => "deleting",
            },
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            invitation_url: None,
        }
    }
    /// Just made: with its owner's invitation where no mail takes it there (decision 8).
    pub fn made(made: &'a portcullis_service::tenant::MadeTenant) -> Self {
        Self { invitation_url: made.invitation_url.as_deref(), ..Self::of(&made.tenant) }
    }
}

/// Domain (spec 3.1).
#[derive(Serialize)]
pub struct DomainView<'a> {
    id: Id<TenantDomain>,
    domain: &'a str,
    verified: bool,
    verification_token: &'a str,
    dns_record: String,
    dns_value: String,
    verified_at: Option<Timestamp>,
    created_at: Timestamp,
    last_checked_at: Option<Timestamp>,
    last_error: Option<&'a str>,
}
impl<'a> DomainView<'a> {
    /// As it is stored, with the record that proves it.
    pub fn of(d: &'a TenantDomain) -> Self {
        Self {
            id: d.id,
            domain: &d.name,
            verified: d.verified_at.is_some(),
            verification_token: &d.token,
            dns_record: d.record(),
            dns_value: d.value(),
            verified_at: d.verified_at,
            created_at: d.created_at,
            last_checked_at: d.last_checked_at,
            last_error: d.last_error.as_deref(),
        }
    }
}
