//! How things look in answers: each field of spec part 3, always present, `null` where there is nothing.
use portcullis_domain::api_key::{ApiKey, KeyOwner};
use portcullis_domain::application::Application;
use portcullis_domain::group::{Group, RoleMapping};
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::policy::Policy;
use portcullis_domain::tenant::{Tenant, TenantState};
use portcullis_domain::tenant_domain::TenantDomain;
use portcullis_domain::user::User;
use portcullis_domain::webhook::{Delivery, Webhook};
use portcullis_domain::{Id, Roles, Timestamp, event_name};
use portcullis_service::application::ApplicationMade;
use portcullis_service::group::GroupShown;
use portcullis_service::policy::{PolicyView, RuleView};
use portcullis_service::tenant_group::GroupMember;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use portcullis_domain::avatar;

/// A webhook endpoint (ours): without headers, which carry credentials of its receiver.
#[derive(Serialize)]
pub struct WebhookView<'a> {
    id: Id<Webhook>,
    url: &'a str,
    description: &'a str,
    subscribed_events: &'a [String],
    state: &'static str,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> WebhookView<'a> {
    /// As a row of a list.
    pub fn of(w: &'a Webhook) -> Self {
        Self {
            id: w.id,
            url: &w.url,
            description: &w.description,
            subscribed_events: &w.events,
            state: w.state.as_str(),
            created_at: w.created_at,
            updated_at: w.updated_at,
        }
    }
}

/// Delivery (spec part 3), of a webhook.
#[derive(Serialize)]
pub struct DeliveryView<'a> {
    id: uuid::Uuid,
    webhook_id: Id<Webhook>,
    event_id: uuid::Uuid,
    event_type: &'a str,
    state: &'static str,
    attempts: i64,
    next_attempt_at: Option<Timestamp>,
    last_status: Option<i64>,
    last_error: Option<&'a str>,
    duration_ms: Option<i64>,
    created_at: Timestamp,
    delivered_at: Option<Timestamp>,
}
impl<'a> DeliveryView<'a> {
    /// A delivery is named by the event that it tells of.
    pub fn of(d: &'a Delivery) -> Self {
        Self {
            id: d.event_id,
            webhook_id: d.webhook_id,
            event_id: d.event_id,
            event_type: event_name::sent(&d.action),
            state: d.state.as_str(),
            attempts: d.attempts,
            next_attempt_at: d.due_at,
            last_status: d.last_status,
            last_error: d.last_error.as_deref(),
            duration_ms: d.duration_ms,
            created_at: d.created_at,
            delivered_at: d.delivered_at,
        }
    }
}

/// IdentityProvider (spec 3.2).
#[derive(Serialize)]
pub struct IdentityProviderView<'a> {
    id: Id<IdentityProvider>,
    name: &'a str,
    provider_type: &'static str,
    config: Map<String, Value>,
    enabled: bool,
    sync_status: &'static str,
    last_synced_at: Option<Timestamp>,
    sync_error: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> IdentityProviderView<'a> {
    /// Its secrets are masked.
    pub fn of(p: &'a IdentityProvider) -> Self {
        Self {
            id: p.id,
            name: &p.name,
            provider_type: p.kind().as_str(),
            config: p.shown_config(),
            enabled: p.enabled,
            sync_status: p.sync_status.as_str(),
            last_synced_at: p.last_synced_at,
            sync_error: p.sync_error.as_deref(),
            created_at: p.created_at,
            updated_at: p.updated_at,
        }
    }
}

/// OidcConfig (spec 3.2): a view of the default OpenID provider.
#[derive(Serialize)]
pub struct OidcConfigView<'a> {
    id: Id<IdentityProvider>,
    issuer_url: &'a str,
    client_id: &'a str,
    scopes: &'a [String],
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> OidcConfigView<'a> {
    /// Without its secret.
    pub fn of(p: &'a IdentityProvider) -> Self {
        let oidc = p.oidc();
        Self {
            id: p.id,
            issuer_url: oidc.map_or("", |o| &o.issuer_url),
            client_id: oidc.map_or("", |o| &o.client_id),
            scopes: oidc.map_or(&[], |o| &o.scopes),
            created_at: p.created_at,
            updated_at: p.updated_at,
        }
    }
}

/// Roles as the words of this surface.
struct RoleWords(Roles);
impl Serialize for RoleWords {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut list = s.serialize_seq(None)?;
        for role in self.0.public() {
            list.serialize_element(role.as_str())?;
        }
        list.end()
    }
}

/// User (spec 3.1), written straight from the domain value: reading one is the busiest call there is.
#[derive(Serialize)]
pub struct UserView<'a> {
    id: Id<User>,
    email: &'a str,
    name: &'a str,
    roles: RoleWords,
    auth_provider: &'static str,
    active: bool,
    email_verified: bool,
    is_owner: bool,
    avatar_base64: Option<&'a str>,
    external_id: Option<&'a str>,
    manager_id: Option<Id<User>>,
    metadata: &'a Map<String, Value>,
    state: &'static str,
    /// Own roles and those of groups; live grants, which add to them, are not part of this version.
    effective_roles: RoleWords,
    mfa_enrolled: bool,
    identity_provider_id: Option<Id<IdentityProvider>>,
    last_login_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> UserView<'a> {
    /// With its picture.
    pub fn whole(user: &'a User, effective: Roles) -> Self {
        Self { avatar_base64: picture(user), ..Self::listed(user, effective) }
    }
    /// As a row of a list: without the picture.
    pub fn listed(user: &'a User, effective: Roles) -> Self {
        Self {
            id: user.id,
            email: &user.email,
            name: user.name(),
            roles: RoleWords(user.roles),
            auth_provider: user.auth_provider.as_str(),
            active: user.state.is_active(),
            email_verified: user.email_verified,
            is_owner: user.is_owner,
            avatar_base64: None,
            external_id: user.external_id.as_deref(),
            manager_id: user.manager_id,
            metadata: &user.metadata,
            state: user.state.as_str(),
            effective_roles: RoleWords(effective),
            mfa_enrolled: user.mfa_enrolled,
            identity_provider_id: user.identity_provider_id,
            last_login_at: user.last_login_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// Group (spec 3.1).
#[derive(Serialize)]
pub struct GroupView<'a> {
    id: Id<Group>,
    name: &'a str,
    source: &'a str,
    description: Option<&'a str>,
    member_count: u32,
    role_mappings: Vec<GroupRoleView>,
    external_id: Option<&'a str>,
    identity_provider_id: Option<Id<IdentityProvider>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> GroupView<'a> {
    /// With how many are in it; its name is Frontier's title (decision 16).
    pub fn of(shown: &'a GroupShown) -> Self {
        let g = &shown.group;
        Self {
            id: g.id,
            name: &g.title,
            source: g.source_word(),
            description: g.description.as_deref(),
            member_count: shown.members,
            role_mappings: g.role_mappings.iter().map(GroupRoleView::of).collect(),
            external_id: g.external_id.as_deref(),
            identity_provider_id: g.identity_provider_id,
            created_at: g.created_at,
            updated_at: g.updated_at,
        }
    }
}

/// GroupRoleMapping (spec 3.1).
#[derive(Serialize)]
pub struct GroupRoleView {
    role: &'static str,
    created_at: Timestamp,
}
impl GroupRoleView {
    /// A role that each member holds.
    pub fn of(mapping: &RoleMapping) -> Self {
        Self { role: mapping.role.as_str(), created_at: mapping.created_at }
    }
}

/// GroupMember (spec 3.1).
#[derive(Serialize)]
pub struct GroupMemberView<'a> {
    id: Id<User>,
    email: &'a str,
    name: &'a str,
    active: bool,
    membership_source: &'a str,
    joined_at: Timestamp,
}
impl<'a> GroupMemberView<'a> {
    /// Somebody in a group.
    pub fn of(member: &'a GroupMember) -> Self {
        let user = &member.user;
        Self {
            id: user.id,
            email: &user.email,
            name: user.name(),
            active: user.state.is_active(),
            membership_source: &member.source,
            joined_at: member.joined_at,
        }
    }
}
/// All who are in a group.
#[derive(Serialize)]
pub struct GroupMembersView<'a> {
    /// Each.
    pub data: Vec<GroupMemberView<'a>>,
}

/// An https avatar was set through the other surface and is not shown here (decision 3).
fn picture(user: &User) -> Option<&str> {
    user.avatar.as_deref().filter(|a| avatar::is_image(a))
}

/// Profile (spec 3.1).
#[derive(Serialize)]
pub struct ProfileView<'a> {
    id: Id<User>,
    email: &'a str,
    name: &'a str,
    auth_provider: &'static str,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    display_name: Option<&'a str>,
    avatar_base64: Option<&'a str>,
}
impl<'a> ProfileView<'a> {
    /// One's own user.
    pub fn of(user: &'a User) -> Self {
        Self {
            id: user.id,
            email: &user.email,
            name: user.name(),
            auth_provider: user.auth_provider.as_str(),
            first_name: user.first_name.as_deref(),
            last_name: user.last_name.as_deref(),
            display_name: user.display_name.as_deref(),
            avatar_base64: picture(user),
        }
    }
}

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

/// ApiKey (spec 3.2).
#[derive(Serialize)]
pub struct ApiKeyView<'a> {
    id: Id<ApiKey>,
    name: &'a str,
    prefix: &'a str,
    scopes: &'a [String],
    owner_type: &'static str,
    service_user_id: Option<Id<portcullis_domain::context::ServiceUser>>,
    status: &'static str,
    created_at: Timestamp,
    created_by: Option<Id<User>>,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    revoked_by: Option<Id<User>>,
    identity_provider_id: Option<Id<IdentityProvider>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_key: Option<&'a str>,
}
impl<'a> ApiKeyView<'a> {
    /// As it stands at this moment.
    pub fn at(key: &'a ApiKey, now: Timestamp) -> Self {
        let (owner_type, service_user_id) = match key.owner {
            KeyOwner::User(_) => ("user", None),
            KeyOwner::Service(id) => ("service", Some(id)),
        };
        Self {
            id: key.id,
            name: &key.name,
            prefix: &key.prefix,
            scopes: key.scopes.as_slice(),
            owner_type,
            service_user_id,
            status: key.status(now),
            created_at: key.created_at,
            created_by: key.created_by,
            last_used_at: key.last_used_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            revoked_by: key.revoked_by,
            identity_provider_id: key.identity_provider_id,
            raw_key: None,
        }
    }
    /// Just made: the only answer that holds the raw key.
    pub fn made(key: &'a ApiKey, raw: &'a str) -> Self {
        Self { raw_key: Some(raw), ..Self::at(key, key.created_at) }
    }
}

/// Application (decision 15).
#[derive(Serialize)]
pub struct ApplicationView<'a> {
    id: Id<Application>,
    client_id: Id<Application>,
    name: &'a str,
    kind: &'static str,
    redirect_uris: &'a [String],
    post_logout_redirect_uris: &'a [String],
    grants: Vec<&'static str>,
    scopes: &'a [String],
    third_party: bool,
    secret_made_at: Option<Timestamp>,
    old_secret_ends_at: Option<Timestamp>,
    created_by: Option<Id<User>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
}
impl<'a> ApplicationView<'a> {
    /// As it is kept.
    pub fn of(a: &'a Application) -> Self {
        Self {
            id: a.id,
            client_id: a.id,
            name: &a.name,
            kind: a.kind.as_str(),
            redirect_uris: &a.redirect_uris,
            post_logout_redirect_uris: &a.post_logout_redirect_uris,
            grants: a.grants.iter().map(|g| g.as_str()).collect(),
            scopes: &a.scopes,
            third_party: a.third_party,
            secret_made_at: a.secret_made_at,
            old_secret_ends_at: a.old_secret_ends_at,
            created_by: a.created_by,
            created_at: a.created_at,
            updated_at: a.updated_at,
            client_secret: None,
        }
    }
    /// With its new secret: the only answer that holds it.
    pub fn made(made: &'a ApplicationMade) -> Self {
        Self { client_secret: made.secret.as_ref().map(|s| s.expose()), ..Self::of(&made.application) }
    }
}

/// PolicySummary (spec 3.4).
#[derive(Serialize)]
pub struct PolicySummaryView<'a> {
    id: Id<Policy>,
    name: &'a str,
    description: Option<&'a str>,
    enabled: bool,
    priority: i64,
    max_duration_seconds: i64,
    default_duration_seconds: Option<i64>,
    notification_channel: Option<uuid::Uuid>,
    approval_mode: &'static str,
    access: &'static str,
    rule_count: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> PolicySummaryView<'a> {
    /// A policy with the number of its rules.
    pub fn of((policy, rules): &'a (Policy, i64)) -> Self {
        Self {
            id: policy.id,
            name: &policy.name,
            description: policy.description.as_deref(),
            enabled: policy.enabled,
            priority: policy.priority,
            max_duration_seconds: policy.max_duration_seconds,
            default_duration_seconds: policy.default_duration_seconds,
            notification_channel: policy.notification_channel,
            approval_mode: policy.approval_mode.as_str(),
            access: policy.access.as_str(),
            rule_count: *rules,
            created_at: policy.created_at,
            updated_at: policy.updated_at,
        }
    }
}

/// Policy (spec 3.4).
#[derive(Serialize)]
pub struct WholePolicyView<'a> {
    id: Id<Policy>,
    name: &'a str,
    description: Option<&'a str>,
    enabled: bool,
    priority: i64,
    max_duration_seconds: i64,
    default_duration_seconds: Option<i64>,
    max_total_duration_seconds: Option<i64>,
    notification_channel: Option<uuid::Uuid>,
    approval_mode: &'static str,
    approval_timeout_seconds: i64,
    approval_stages: &'a Value,
    access: &'static str,
    rules: Vec<PolicyRuleView<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> WholePolicyView<'a> {
    /// A policy with its rules.
    pub fn of(PolicyView { policy, rules }: &'a PolicyView) -> Self {
        Self {
            id: policy.id,
            name: &policy.name,
            description: policy.description.as_deref(),
            enabled: policy.enabled,
            priority: policy.priority,
            max_duration_seconds: policy.max_duration_seconds,
            default_duration_seconds: policy.default_duration_seconds,
            max_total_duration_seconds: policy.max_total_duration_seconds,
            notification_channel: policy.notification_channel,
            approval_mode: policy.approval_mode.as_str(),
            approval_timeout_seconds: policy.approval_timeout_seconds,
            approval_stages: &policy.approval_stages,
            access: policy.access.as_str(),
            rules: rules.iter().map(PolicyRuleView).collect(),
            created_at: policy.created_at,
            updated_at: policy.updated_at,
        }
    }
}

/// PolicyRule (spec 3.4): what is stored, and the parts that are read off its text.
pub struct PolicyRuleView<'a>(pub &'a RuleView);
impl PolicyRuleView<'_> {
    /// The parts, each present, in the order of the specification.
    pub const PARTS: [&'static str; 10] = [
        "effect",
        "principal_scope_type",
        "principal_entity_type",
        "principal_entity_id",
        "action_scope_type",
        "action_ids",
        "resource_scope_type",
        "resource_entity_type",
        "resource_entity_id",
        "conditions",
    ];
}
impl Serialize for PolicyRuleView<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let RuleView { rule, parts } = self.0;
        let mut m = s.serialize_map(None)?;
        m.serialize_entry("id", &rule.id)?;
        m.serialize_entry("policy_id", &rule.policy_id)?;
        m.serialize_entry("ordinal", &rule.ordinal)?;
        m.serialize_entry("policy_text", &rule.text)?;
        for part in Self::PARTS {
            m.serialize_entry(part, parts.get(part).unwrap_or(&Value::Null))?;
        }
        m.serialize_entry("notice", &rule.notice)?;
        m.serialize_entry("audit_session", &rule.audit_session)?;
        m.serialize_entry("created_at", &rule.created_at)?;
        m.serialize_entry("updated_at", &rule.updated_at)?;
        m.end()
    }
}
