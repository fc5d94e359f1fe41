use std::collections::BTreeSet;

use portcullis_domain::fields::Fields;
use portcullis_domain::identity_provider::ProviderType;
use portcullis_domain::policy::{AccessKind, ApprovalMode, Policy, Rule};
use portcullis_domain::provider_config::ProviderConfig;
use portcullis_domain::{Id, Timestamp};
use portcullis_service::policy::{PolicyView, RuleView};
use serde_json::{Map, Value};

use super::*;

fn schema(name: &str) -> &'static Value {
    &document()["components"]["schemas"][name]
}
fn properties(name: &str) -> BTreeSet<String> {
    schema(name)["properties"].as_object().unwrap_or_else(|| panic!("no schema {name}")).keys().cloned().collect()
}

#[test]
fn golden() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi.golden.json");
    let now = format!("{:#}\n", document());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == now, "the document changed: look at it, then UPDATE_GOLDEN=1 cargo test -p portcullis-api");
}

#[test]
fn each_served_operation_is_in_the_document_and_no_other() {
    let served: BTreeSet<(String, &str)> =
        crate::served().iter().map(|r| (r.op.verb.as_str().to_ascii_lowercase(), r.op.path)).collect();
    assert_eq!(served.len(), crate::served().len(), "an operation is routed twice");
    let mut written = BTreeSet::new();
    for (path, verbs) in document()["paths"].as_object().unwrap() {
        written.extend(verbs.as_object().unwrap().keys().map(|v| (v.clone(), path.as_str())));
    }
    assert_eq!(served, written);
}

#[test]
fn operation_ids_are_unique_and_every_schema_that_is_named_exists() {
    let routes = crate::served();
    let ids: BTreeSet<&str> = routes.iter().map(|r| r.op.id).collect();
    assert_eq!(ids.len(), routes.len());
    let text = text();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schema(name).is_object(), "no schema {name}");
    }
    for name in document()["components"]["schemas"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("schemas/{name}\"")), "nobody uses {name}");
    }
}

#[test]
fn what_is_not_served_yet_is_not_in_the_document() {
    let served: BTreeSet<_> = crate::served().iter().map(|r| (r.op.verb, r.op.path)).collect();
    for later in crate::later::routes() {
        assert!(!served.contains(&(later.op.verb, later.op.path)), "{} is there twice", later.op.path);
    }
}

/// A body with every member of the schema as null is refused for many reasons, but for no unknown field.
fn accepts<T>(name: &str, read: impl Fn(Fields) -> portcullis_domain::Result<T>) {
    let mut members: Map<String, Value> = properties(name).into_iter().map(|p| (p, Value::Null)).collect();
    members.insert("no_such_field".into(), Value::Null);
    let error = read(Fields::new(members)).err().unwrap_or_else(|| panic!("{name} accepts anything"));
    let unknown: Vec<String> = error.details()["fields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["message"] == "Unknown field.")
        .map(|f| f["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(unknown, ["no_such_field"], "{name}");
}

#[test]
fn bodies_are_what_the_handlers_read() {
    accepts("NewUser", |f| crate::users::draft(f).command);
    accepts("NewGroup", crate::groups::new_group);
    accepts("UserPatch", |f| crate::users::changes(f).command);
    accepts("ProfilePatch", crate::profile::patch);
    accepts("NewApiKey", crate::api_keys::new_key);
    accepts("NewApplication", crate::applications::new_application);
    accepts("ApplicationPatch", crate::applications::changes);
    accepts("NewTenant", crate::tenants::new_tenant);
    accepts("TenantPatch", crate::tenants::patch);
    accepts("MfaAnswer", crate::auth_mfa::answer);
    accepts("WebauthnAssertion", crate::webauthn::used);
    accepts("WebauthnRegistration", crate::webauthn::made);
    accepts("MfaEnrollment", crate::auth_mfa::enrollment);
    accepts("TotpConfirmation", crate::mfa::confirmation);
    accepts("Reauthentication", crate::mfa::proof);
    accepts("TenantSettingsPatch", crate::settings::patch);
    accepts("BrandingPatch", crate::branding::patch);
    accepts("NewDomain", crate::domains::new_domain);
    accepts("NewIdentityProvider", crate::identity_providers::new_provider);
    accepts("IdentityProviderPatch", crate::identity_providers::patch);
    accepts("NewOidcConfig", crate::identity_providers::oidc_config);
    accepts("Callback", crate::federation::back);
    for (name, kind) in [
        ("OidcSettings", ProviderType::Oidc),
        ("SamlSettings", ProviderType::Saml),
        ("ScimSettings", ProviderType::Scim),
        ("AwsIdentityCenterSettings", ProviderType::AwsIdentityCenter),
    ] {
        accepts(name, |mut f| {
            let config = ProviderConfig::read(kind, &mut f);
            f.finish(config)
        });
    }
    accepts("NewPolicy", crate::policies::new_policy);
    accepts("PolicyPatch", crate::policies::patch);
    accepts("Evaluation", crate::policies::evaluation);
    accepts("AccessChecks", crate::access::checks);
    accepts("Order", crate::policies::order::<Policy>);
    accepts("FlatRule", crate::rules::flat_rule);
    accepts("RuleDraft", |mut f| {
        let rule = crate::rules::rule(&mut f);
        f.finish(Some(rule))
    });
}

fn renders(name: &str, value: &impl serde::Serialize) {
    let rendered = serde_json::to_value(value).unwrap();
    let keys: BTreeSet<String> = rendered.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, properties(name), "{name}");
}

#[test]
fn answers_are_what_the_handlers_render() {
    let at = Timestamp::from_micros(0);
    let user = sample::user(at);
    renders("User", &crate::view::UserView::whole(&user, user.roles));
    let group = portcullis_service::group::GroupShown::alone(sample::group(at));
    renders("Group", &crate::view::GroupView::of(&group));
    renders("GroupRoleMapping", &crate::view::GroupRoleView::of(&group.group.role_mappings[0]));
    let member = portcullis_service::tenant_group::GroupMember {
        user: sample::user(at),
        source: "local".into(),
        joined_at: at,
        group: group.group.id,
    };
    renders("GroupMember", &crate::view::GroupMemberView::of(&member));
    renders("Profile", &crate::view::ProfileView::of(&user));
    let factor = portcullis_domain::mfa::MfaMethod {
        id: sample::id(),
        user_id: user.id,
        kind: portcullis_domain::mfa::MfaKind::Totp,
        device_name: None,
        created_at: at,
        last_used_at: None,
    };
    renders("MfaMethod", &crate::mfa::MfaMethodView::of(&factor));
    renders(
        "TenantSettings",
        &crate::settings::SettingsView::of(&portcullis_domain::tenant::TenantSettings::default()),
    );
    let set = portcullis_service::branding::Set { branding: Default::default(), logo: None, revision: 0 };
    renders("Branding", &crate::branding::BrandingView::of(&set));
    let key = sample::key(at);
    renders("ApiKey", &crate::view::ApiKeyView::made(&key, "raw"));
    let made = sample::application(at);
    renders("Application", &crate::view::ApplicationView::made(&made));
    let made = portcullis_service::tenant::MadeTenant { tenant: sample::tenant(at), invitation_url: Some("x".into()) };
    renders("Tenant", &crate::view::TenantView::made(&made));
    renders("Domain", &crate::view::DomainView::of(&sample::domain(at)));
    let provider = sample::provider(at);
    renders("IdentityProvider", &crate::view::IdentityProviderView::of(&provider));
    renders("OidcConfig", &crate::view::OidcConfigView::of(&provider));
    let check = portcullis_domain::openid::Check::passed("discovery", "It describes itself.");
    let found = portcullis_service::provider_test::Examined { checks: vec![check], message: "All is well.".into() };
    renders("ProviderTest", &crate::identity_providers::examined(&found));
    let policy = sample::policy(at);
    renders("PolicySummary", &crate::view::PolicySummaryView::of(&(policy.clone(), 1)));
    let rule = RuleView { rule: sample::rule(at), parts: Map::new() };
    renders("PolicyRule", &crate::view::PolicyRuleView(&rule));
    renders("Policy", &crate::view::WholePolicyView::of(&PolicyView { policy, rules: vec![rule] }));
    let way = portcullis_service::access_check::Way {
        id: uuid::Uuid::nil(),
        role: uuid::Uuid::nil(),
        object: "x:y".into(),
        group: None,
    };
    renders("AccessBinding", &crate::access::way(&way));
    let explanation =
        portcullis_service::access_check::Explanation { reason: "binding", binding: Some(way), policy_ids: vec![] };
    renders("AccessExplanation", &crate::access::explanation(&explanation));
    let result = portcullis_service::access_check::AccessResult {
        allowed: true,
        layer: "binding",
        rule_ids: vec![],
        notices: vec![],
        explanation: Some(explanation),
    };
    renders("AccessResult", &crate::access::result(&result));
    let held =
        portcullis_service::access_list::Held { principal: "a:b".into(), resource: "c:d".into(), actions: vec![] };
    renders("HeldAccess", &crate::access::held(&held));
    let error: Value = serde_json::from_slice(&crate::render::refusal(&crate::render::no_such_path()).body).unwrap();
    renders("Error", &error);
}

#[test]
fn a_picture_is_shown_with_the_single_user_and_an_address_never() {
    let mut user = sample::user(Timestamp::from_micros(0));
    let shown = |u: &portcullis_domain::user::User| {
        serde_json::to_value(crate::view::UserView::whole(u, portcullis_domain::Roles::NONE)).unwrap()["avatar_base64"]
            .clone()
    };
    user.avatar = Some("data:image/png;base64,AA==".into());
    assert_eq!(shown(&user), "data:image/png;base64,AA==");
    assert!(serde_json::to_value(crate::view::UserView::listed(&user, user.roles)).unwrap()["avatar_base64"].is_null());
    user.avatar = Some("https://example.com/a.png".into());
    assert!(shown(&user).is_null());
}

mod sample {
    use super::*;
    use portcullis_crypto::token::Purpose;
    use portcullis_domain::api_key::{ApiKey, KeyOwner, Scopes};
    use portcullis_domain::application::{Application, Kind};
    use portcullis_domain::group::{Group, MANUAL, RoleMapping};
    use portcullis_domain::organization::State;
    use portcullis_domain::tenant::{Tenant, TenantKey, TenantState};
    use portcullis_domain::user::{AuthProvider, User, UserState};
    use portcullis_domain::value::{Email, Slug};
    use portcullis_domain::{Role, Roles};
    use portcullis_service::application::ApplicationMade;

    pub fn id<T>() -> Id<T> {
        Id::from_uuid(uuid::Uuid::nil())
    }
    pub fn user(at: Timestamp) -> User {
        User {
            id: id(),
            email: Email::stored("ada@example.com"),
            slug: Slug::stored("ada"),
            title: "Ada".into(),
            auth_provider: AuthProvider::Local,
            identity_provider_id: None,
            state: UserState::Active,
            email_verified: false,
            roles: Roles::NONE.with(Role::User).with(Role::Checker),
            is_owner: false,
            avatar: None,
            external_id: None,
            manager_id: None,
            metadata: Map::new(),
            first_name: None,
            last_name: None,
            display_name: None,
            last_login_at: None,
            mfa_enrolled: false,
            created_at: at,
            updated_at: at,
            revision: 1,
        }
    }
    pub fn group(at: Timestamp) -> Group {
        Group {
            id: id(),
            organization_id: None,
            name: Slug::stored("hr"),
            title: "HR".into(),
            state: State::Enabled,
            source: MANUAL.into(),
            identity_provider_id: None,
            external_id: None,
            description: None,
            role_mappings: vec![RoleMapping { role: Role::Approver, created_at: at }],
            metadata: Map::new(),
            created_at: at,
            updated_at: at,
            revision: 1,
        }
    }
    pub fn application(at: Timestamp) -> ApplicationMade {
        let application = Application {
            id: Id::from_uuid(uuid::Uuid::nil()),
            name: "Shop".into(),
            kind: Kind::Confidential,
            redirect_uris: vec![],
            post_logout_redirect_uris: vec![],
            grants: vec![],
            scopes: vec![],
            third_party: false,
            secret_made_at: None,
            old_secret_ends_at: None,
            created_by: None,
            created_at: at,
            updated_at: at,
            revision: 1,
        };
        let secret = Purpose::ApplicationSecret.generate(&portcullis_crypto::random::OsRandom);
        ApplicationMade { application, secret: Some(secret.raw) }
    }
    pub fn key(at: Timestamp) -> ApiKey {
        ApiKey {
            id: id(),
            name: "ci".into(),
            prefix: "abc".into(),
            owner: KeyOwner::User(id()),
            scopes: Scopes::all(),
            created_by: None,
            created_at: at,
            last_used_at: None,
            expires_at: None,
            revoked_at: None,
            revoked_by: None,
            identity_provider_id: None,
        }
    }
    pub fn tenant(at: Timestamp) -> Tenant {
        Tenant {
            key: TenantKey(1),
            id: id(),
            name: "Acme".into(),
            slug: Slug::stored("acme"),
            locale: "en".into(),
            is_master: false,
            state: TenantState::Active,
            owner_user_id: None,
            owner_email: None,
            primary_domain: None,
            sso_start_url: None,
            sso_region: None,
            created_at: at,
            updated_at: at,
            revision: 1,
        }
    }
    pub fn provider(at: Timestamp) -> portcullis_domain::identity_provider::IdentityProvider {
        let members = serde_json::json!({ "issuer_url": "https://id.example", "client_id": "c" });
        portcullis_domain::identity_provider::IdentityProvider {
            id: id(),
            name: "Work".into(),
            config: ProviderConfig::stored(ProviderType::Oidc, members.as_object().unwrap().clone()).unwrap(),
            sealed_secret: None,
            enabled: true,
            sync_status: portcullis_domain::identity_provider::SyncStatus::Pending,
            last_synced_at: None,
            sync_error: None,
            created_at: at,
            updated_at: at,
            revision: 1,
        }
    }
    pub fn domain(at: Timestamp) -> portcullis_domain::tenant_domain::TenantDomain {
        portcullis_domain::tenant_domain::TenantDomain {
            id: id(),
            name: portcullis_domain::value::DomainName::stored("example.com"),
            token: "t".into(),
            verified_at: None,
            last_checked_at: None,
            last_error: None,
            misses: 0,
            created_at: at,
        }
    }
    pub fn policy(at: Timestamp) -> Policy {
        Policy {
            id: id(),
            name: "p".into(),
            description: None,
            enabled: true,
            priority: 0,
            max_duration_seconds: 3_600,
            default_duration_seconds: None,
            notification_channel: None,
            approval_mode: ApprovalMode::Require,
            approval_timeout_seconds: 86_400,
            approval_stages: crate::stages::usual(),
            max_total_duration_seconds: None,
            access: AccessKind::OnRequest,
            created_at: at,
            updated_at: at,
            revision: 1,
        }
    }
    pub fn rule(at: Timestamp) -> Rule {
        Rule {
            id: id(),
            policy_id: id(),
            ordinal: 1,
            text: "permit(principal, action, resource);".into(),
            notice: None,
            audit_session: true,
            created_at: at,
            updated_at: at,
        }
    }
}
