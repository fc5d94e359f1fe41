//! What decisions promise, one claim a test.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "tests stop where they cannot go on")]
use portcullis_authz::{
    Decision, Facts, Layer, PolicySource, Reach, Request, RuleRow, Snapshot, SnapshotInput, Target,
};
use portcullis_domain::api_key::{KeyOwner, Scopes};
use portcullis_domain::policy::{AccessKind, ApprovalMode};
use portcullis_domain::{Credential, Id, Principal, Role, Roles, Subject};
use uuid::Uuid;

fn policy(n: u128, priority: i64, rules: &[(&str, &str)]) -> PolicySource {
    let row = |(i, (text, notice)): (usize, &(&str, &str))| RuleRow {
        id: Id::from_uuid(Uuid::from_u128(n * 100 + i as u128)),
        ordinal: i as i64 + 1,
        text: (*text).into(),
        notice: (!notice.is_empty()).then(|| (*notice).into()),
        audit_session: true,
    };
    PolicySource {
        id: Id::from_uuid(Uuid::from_u128(n)),
        priority,
        enabled: true,
        approval_mode: ApprovalMode::Require,
        access: AccessKind::OnRequest,
        max_duration_seconds: 3_600,
        default_duration_seconds: None,
        max_total_duration_seconds: None,
        stages: 1,
        people: 1,
        rules: rules.iter().enumerate().map(row).collect(),
    }
}
fn snapshot(policies: Vec<PolicySource>) -> Snapshot {
    let tenant_id = Id::from_uuid(Uuid::from_u128(9));
    Snapshot::compile(
        SnapshotInput { tenant_id, tenant_slug: "acme".into(), is_master: false, revision: 3, policies },
        None,
    )
}
fn user(n: u128, roles: &[Role]) -> Principal {
    let id = Id::from_uuid(Uuid::from_u128(n));
    let mut p = Principal::bare(Subject::User(id), "somebody");
    p.acting_user = Some(id);
    p.roles = roles.iter().copied().collect();
    p
}
fn decide(s: &Snapshot, who: &Principal, action: &str, target: &Target<'_>) -> Decision {
    s.decide(&Request::new(who, action, target, &Facts::default()))
}
const ADMIN: &[Role] = &[Role::User, Role::Admin];

#[test]
fn a_broken_forbid_refuses_and_is_reported_but_the_owner_can_still_mend_it() {
    let s = snapshot(vec![policy(
        1,
        0,
        &[("forbid (principal, action == Action::\"users:create\", resource) when { oops", "")],
    )]);
    let no = decide(&s, &user(1, ADMIN), "users:create", &Target::tenant());
    assert_eq!((no.allowed, no.layer, no.errors.len()), (false, Layer::Rule, 1));
    assert!(decide(&s, &user(1, ADMIN), "users:list", &Target::tenant()).allowed);
    let s = snapshot(vec![policy(1, 0, &[("forbid (principal, action in Action::\"policies:*\", resource", "")])]);
    let mut owner = user(1, ADMIN);
    assert!(!decide(&s, &owner, "policies:list", &Target::tenant()).allowed);
    owner.is_owner = true;
    let yes = decide(&s, &owner, "policies:list", &Target::tenant());
    assert_eq!((yes.allowed, yes.layer), (true, Layer::Rail));
}

#[test]
fn a_broken_permit_gives_nothing() {
    let s = snapshot(vec![policy(1, 0, &[("permit (principal, action == Action::\"users:create\", resource", "")])]);
    let no = decide(&s, &user(1, &[Role::User]), "users:create", &Target::tenant());
    assert_eq!((no.allowed, no.layer, no.errors.len()), (false, Layer::Default, 1));
}

#[test]
fn a_broad_permit_makes_nobody_an_administrator() {
    let s = snapshot(vec![policy(1, 0, &[("permit (principal, action, resource);", "")])]);
    assert!(!s.could_match("users:create") && !s.could_match("app_project_get") && s.could_match("assume"));
    assert!(!decide(&s, &user(1, &[Role::User]), "users:create", &Target::tenant()).allowed);
}

#[test]
fn the_highest_matching_group_decides_and_its_forbids_win() {
    let s = snapshot(vec![
        policy(1, 5, &[("permit (principal, action == Action::\"users:create\", resource);", "yes")]),
        policy(2, 5, &[("forbid (principal in Role::\"approver\", action in Action::\"users:*\", resource);", "no")]),
        policy(3, 1, &[("forbid (principal, action == Action::\"users:create\", resource);", "low")]),
    ]);
    let yes = decide(&s, &user(1, &[Role::User]), "users:create", &Target::tenant());
    assert_eq!((yes.allowed, yes.deciding_priority, yes.notice_strings()), (true, Some(5), vec!["yes".to_owned()]));
    let no = decide(&s, &user(1, &[Role::Approver]), "users:create", &Target::tenant());
    assert_eq!((no.allowed, no.notice_strings(), no.revision), (false, vec!["no".to_owned()], 3));
}

#[test]
fn a_key_never_exceeds_its_scopes() {
    let s = snapshot(vec![]);
    let key = |owner| Credential::ApiKey {
        id: Id::from_uuid(Uuid::nil()),
        owner,
        scopes: Scopes::new(vec!["users:*".into()]),
        expires_at: None,
    };
    let mut p = user(1, ADMIN);
    p.credential = key(KeyOwner::User(Id::from_uuid(Uuid::from_u128(1))));
    assert!(decide(&s, &p, "users:create", &Target::tenant()).allowed);
    assert_eq!(decide(&s, &p, "groups:create", &Target::tenant()).layer, Layer::Scope);
    p.roles = Roles::NONE;
    assert!(!decide(&s, &p, "users:create", &Target::tenant()).allowed);
    let service = Id::from_uuid(Uuid::from_u128(7));
    let mut p = Principal::bare(Subject::ServiceUser(service), "robot");
    p.credential = key(KeyOwner::Service(service));
    assert!(decide(&s, &p, "users:create", &Target::tenant()).allowed);
    assert!(s.allowed_actions(&p, Roles::NONE).iter().all(|a| a.starts_with("users:")));
}

#[test]
fn rails() {
    let s = snapshot(vec![]);
    let other = Target::other_tenant(Id::from_uuid(Uuid::from_u128(8)));
    let mut p = user(1, ADMIN);
    assert_eq!(decide(&s, &p, "tenants:update", &other).layer, Layer::Rail);
    assert_eq!(decide(&s, &p, "tenants:update", &Target::tenant()).reach, Reach::Own);
    p.in_master = true;
    assert!(
        decide(&s, &p, "tenants:update", &other).allowed && decide(&s, &p, "tenants:create", &Target::tenant()).allowed
    );
    assert!(!decide(&s, &p, "users:list", &other).allowed);
    let own = Target::new_in_tenant("AccessRequest", "r").about(Id::from_uuid(Uuid::from_u128(1))).naming_the_caller();
    assert_eq!(decide(&s, &p, "requests:approve", &own).layer, Layer::Rail);
}

#[test]
fn one_hour_of_admin_buys_one_hour() {
    let s = snapshot(vec![]);
    let (p, facts, target) = (user(1, ADMIN), Facts::default(), Target::tenant());
    let lent = |action| {
        s.decide(&Request { lent: Roles::NONE.with(Role::Admin), ..Request::new(&p, action, &target, &facts) })
    };
    assert!(lent("users:create").allowed && !lent("roles:grant").allowed && !lent("policies:create").allowed);
    for action in [
        "applications:list",
        "applications:create",
        "applications:update",
        "applications:rotate_secret",
        "applications:delete",
    ] {
        assert!(!lent(action).allowed, "{action}");
    }
}

#[test]
fn a_list_of_ones_own_reaches_no_further() {
    let d = decide(&snapshot(vec![]), &user(1, &[Role::User]), "users:list", &Target::tenant());
    assert_eq!((d.allowed, d.layer, d.reach), (true, Layer::Base, Reach::Own));
}

#[test]
fn asking_gives_terms_or_says_how_long_would_do() {
    let mut light = policy(1, 0, &[("permit (principal, action, resource);", "")]);
    light.approval_mode = ApprovalMode::Auto;
    let s = snapshot(vec![light, policy(2, 0, &[("permit (principal, action == Action::\"assume\", resource);", "")])]);
    let (p, target) = (user(1, &[Role::User]), Target::resource("aws_account", "123456789012"));
    let ask = |seconds| {
        let facts = Facts { duration_seconds: seconds, ..Facts::default() };
        s.decide(&Request::new(&p, "assume", &target, &facts).asking(900))
    };
    let terms = ask(None).terms.unwrap();
    assert_eq!((terms.approval_mode, terms.duration_seconds, terms.standing), (ApprovalMode::Require, 900, false));
    let long = ask(Some(7_200));
    assert_eq!((long.allowed, long.permitted_seconds), (false, Some(3_600)));
    // may ask is not may do
    assert_eq!(decide(&s, &p, "assume", &target).layer, Layer::Default);
}
