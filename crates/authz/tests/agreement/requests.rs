//! The fast path says what Cedar says: decision, layer, determining rules, notices (engine.md 10).
use std::cell::Cell;
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_authz::oracle::{self, Verdict};
use portcullis_authz::{CredentialKind, Facts, Layer, PolicySource, Purpose, Request, Snapshot, SnapshotInput, Target};
use portcullis_domain::api_key::{KeyOwner, Scopes};
use portcullis_domain::user::AuthProvider;
use portcullis_domain::value::Email;
use portcullis_domain::{Credential, Id, Principal, Role, Roles, Subject, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};

use crate::policies::{RuleText, id, numbered, policy, rule_of};

/// Words of rules: users 1–3, groups 11–13, service user 21, tenant 99.
fn fill(text: &str) -> String {
    let mut out = text.to_owned();
    for n in [1, 2, 3, 11, 12, 13, 21, 99] {
        out = out.replace(&format!("<{n}>"), &id(n).to_string());
    }
    out
}
const PRINCIPALS: &[&str] = &[
    "principal",
    "principal",
    "principal == User::\"<1>\"",
    "principal in User::\"<2>\"",
    "principal in Group::\"<11>\"",
    "principal in Group::\"<12>\"",
    "principal == Group::\"<11>\"",
    "principal in Role::\"admin\"",
    "principal in Role::\"user\"",
    "principal == Role::\"user\"",
    "principal in Tenant::\"<99>\"",
    "principal in Tenant::\"<1>\"",
    "principal is User",
    "principal is ServiceUser",
    "principal == ServiceUser::\"<21>\"",
    "principal is User in Group::\"<13>\"",
    "principal is ServiceUser in Tenant::\"<99>\"",
    "principal in Group::\"hr\"",
];
const ACTIONS: &[&str] = &[
    "action",
    "action == Action::\"assume\"",
    "action in [Action::\"assume\", Action::\"read\"]",
    "action in Action::\"request_access\"",
    "action in [Action::\"request_access\", Action::\"users:update\"]",
    "action == Action::\"users:create\"",
    "action in Action::\"users:*\"",
    "action in [Action::\"users:*\", Action::\"groups:read\"]",
    "action == Action::\"users:*\"",
    "action == Action::\"app_project_get\"",
];
const RESOURCES: &[&str] = &[
    "resource",
    "resource",
    "resource",
    "resource == AwsAccount::\"a1\"",
    "resource in AwsAccount::\"a2\"",
    "resource in AwsOrganizationalUnit::\"ou\"",
    "resource is AwsAccount",
    "resource is AwsAccount in AwsOrganizationalUnit::\"ou\"",
    "resource is AwsS3Bucket in AwsAccount::\"a1\"",
    "resource in Tenant::\"<99>\"",
    "resource == Tenant::\"<99>\"",
    "resource is User",
    "resource == User::\"<1>\"",
    "resource in Group::\"<11>\"",
    "resource is XDatabase",
];
const CONDITIONS: &[&str] = &[
    "",
    "",
    "when { true }",
    "when { false }",
    "unless { principal in Group::\"<11>\" }",
    "when { principal in Role::\"admin\" || resource in Tenant::\"<99>\" }",
    "when { resource in AwsOrganizationalUnit::\"ou\" }",
    "when { principal.email_verified }",
    "when { principal.email like \"*@example.com\" }",
    "when { principal.manager == User::\"<2>\" }",
    "when { principal has manager && principal.manager == User::\"<2>\" }",
    "when { principal.hasTag(\"team\") && principal.getTag(\"team\") == \"core\" }",
    "when { principal.getTag(\"team\") == \"core\" }",
    "when { resource.getTag(\"env\") == \"prod\" }",
    "when { principal.scopes.contains(\"*\") }",
    "when { resource.name == \"one\" }",
    "when { resource has rank && resource.rank < 3 }",
    "when { resource.email_domain == \"example.com\" }",
    "when { resource.slug == \"acme\" }",
    "when { principal == resource }",
    "when { context.hour < 12 }",
    "when { context.weekday > 5 } unless { context.mfa }",
    "when { context.time < datetime(\"2026-11-23\") }",
    "when { context.ip.isInRange(ip(\"10.0.0.0/8\")) }",
    "when { context has ip && context.ip.isLoopback() }",
    "when { context.amr.contains(\"otp\") }",
    "when { context.credential == \"session\" && context.auth_age_seconds < 900 }",
    "when { context.duration_seconds <= 3600 }",
    "when { context.duration_seconds <= 1800 }",
    "when { context.ticket like \"T-*\" }",
    "when { context.has_reason && context.has_ticket }",
    "when { context.break_glass }",
    "when { context.roles.contains(\"admin\") }",
    "when { context has email_domain && context.email_domain == \"evil.example\" }",
    "when { context == {hour: 1} }",
    "when { (if context.mfa then context else {hour: 3}).hour < 12 }",
    "when { action in Action::\"users:*\" }",
    "when { action == Action::\"assume\" }",
    "when { 9223372036854775807 + context.hour > 0 }",
    "when { principal.email + 1 == 2 }",
    "when { context.nope }",
];

fn rule() -> impl Strategy<Value = RuleText> {
    // wide scopes more often than not, so that rules meet requests
    let principal = prop_oneof![2 => Just("principal"), 2 => select(PRINCIPALS)];
    let action = prop_oneof![2 => select(&ACTIONS[..7]), 1 => select(ACTIONS)];
    let resource = prop_oneof![3 => Just("resource"), 2 => select(RESOURCES)];
    rule_of(0.65, principal, action, resource, select(CONDITIONS), fill)
}
fn policies() -> impl Strategy<Value = Vec<PolicySource>> {
    let list = prop::collection::vec(policy(rule(), 1..6), 0..8);
    list.prop_map(|list| (1..).zip(list).map(|(n, policy)| numbered(n, policy)).collect())
}
fn principal() -> impl Strategy<Value = Principal> {
    let groups = subsequence(vec![id(11), id(12), id(13)], 0..=3);
    let roles = subsequence(vec![Role::User, Role::Approver, Role::Admin, Role::Checker], 0..=2);
    let scopes =
        proptest::option::weighted(0.12, subsequence(vec!["*", "users:*", "users:create", "groups:read"], 1..=2));
    let flags = (any::<bool>(), prop::bool::weighted(0.06), prop::bool::weighted(0.3), any::<bool>(), any::<bool>());
    (0..8u8, groups, roles, scopes, flags).prop_map(
        |(who, groups, roles, scopes, (verified, owner, master, manager, tag))| {
            let user = Id::from_uuid(id(u128::from(who % 3) + 1));
            let service = Id::from_uuid(id(21));
            let mut p =
                Principal::bare(if who == 7 { Subject::ServiceUser(service) } else { Subject::User(user) }, "somebody");
            let key_owner = if who == 7 { KeyOwner::Service(service) } else { KeyOwner::User(user) };
            if who == 7 || scopes.is_some() {
                let words = scopes.unwrap_or_else(|| vec!["*"]).into_iter().map(str::to_owned).collect();
                p.credential = Credential::ApiKey {
                    id: Id::from_uuid(id(50)),
                    owner: key_owner,
                    scopes: Scopes::new(words),
                    expires_at: None,
                };
            }
            if who == 6 {
                p.credential = Credential::PersonalToken {
                    id: Id::from_uuid(id(51)),
                    organization: Id::from_uuid(id(52)),
                    generation: 0,
                    made_at: Timestamp::from_micros(0),
                    expires_at: Timestamp::from_micros(0),
                };
            }
            p.acting_user = (who != 7 || manager).then_some(user);
            p.roles = roles.into_iter().collect();
            p.groups = groups.into();
            p.email = (who != 7).then(|| Email::parse("ada@example.com").unwrap());
            p.email_verified = verified;
            p.is_owner = owner && who != 7;
            p.in_master = master;
            p.auth_provider = Some(AuthProvider::Local);
            p.manager_id = manager.then(|| Id::from_uuid(id(2)));
            p.tags = if tag { Arc::from([("team".to_owned(), "core".to_owned())]) } else { Arc::from([]) };
            p
        },
    )
}

/// An action and a target that fits it, or does not.
fn question() -> impl Strategy<Value = (&'static str, Target<'static>)> {
    let access = select(&["assume", "assume", "read", "fly", "app_project_get"][..]);
    let account = |n: &'static str| {
        Target::resource("aws_account", n).within("AwsOrganizationalUnit", "ou").attribute("name", "one")
    };
    let place = (0..6u8).prop_map(move |n| match n {
        0 => account("a1").tag("env", "prod").attribute("rank", 2i64),
        1 => account("a2"),
        2 => Target::resource("aws_s3_bucket", "b").within("AwsAccount", "a1").within("AwsOrganizationalUnit", "ou"),
        3 => Target::resource("x_database", "d"),
        4 => Target::resource("compute/order", "o").within("Project", "p"),
        _ => Target::user(Id::from_uuid(id(1))),
    });
    let person = (1..4u128, any::<bool>()).prop_map(|(n, full)| {
        let t = Target::user(Id::from_uuid(id(n)));
        if full { t.attribute("email_domain", "example.com").within("Group", id(11).to_string()) } else { t }
    });
    prop_oneof![
        9 => (access, place),
        3 => (Just("users:create"), Just(Target::tenant())),
        3 => (select(&["users:update", "users:read", "roles:grant"][..]), person),
        1 => (Just("groups:read"), Just(Target::group(id(11)))),
        1 => (select(&["users:list", "requests:list", "tenants:list", "tenants:update", "policies:list"][..]), Just(Target::tenant())),
        1 => (select(&["tenants:update", "users:list"][..]), Just(Target::other_tenant(Id::from_uuid(id(98))))),
        1 => (select(&["requests:read", "requests:approve", "grants:extend"][..]), (1..3u128, any::<bool>()).prop_map(|(n, named)| {
            let t = Target::new_in_tenant("AccessRequest", "r").about(Id::from_uuid(id(n)));
            if named { t.naming_the_caller() } else { t }
        })),
    ]
}

#[derive(Clone, Debug)]
struct FactSeed {
    hour: i64,
    ip: Option<&'static str>,
    mfa: bool,
    asked: Option<i64>,
    ticket: Option<&'static str>,
    emergency: bool,
    extension: bool,
    roles: bool,
    domain: Option<&'static str>,
}
fn facts() -> impl Strategy<Value = FactSeed> {
    let ips =
        proptest::option::of(select(&["10.1.2.3", "127.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "::1.2.3.4"][..]));
    let first = (0..72i64, ips, any::<bool>(), proptest::option::of(select(&[300i64, 1_800, 3_600, 50_000][..])));
    let rest = (proptest::option::of(Just("T-1")), prop::bool::weighted(0.3), prop::bool::weighted(0.2));
    (first, rest, any::<bool>(), proptest::option::of(Just("evil.example"))).prop_map(|(f, r, roles, domain)| {
        FactSeed {
            hour: f.0,
            ip: f.1,
            mfa: f.2,
            asked: f.3,
            ticket: r.0,
            emergency: r.1,
            extension: r.2,
            roles,
            domain,
        }
    })
}

#[test]
fn the_fast_path_says_what_cedar_says() {
    let cases = std::env::var("AGREEMENT_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(600u32);
    let (by_rule, total, with_errors, allowed) = (Cell::new(0u32), Cell::new(0u32), Cell::new(0u32), Cell::new(0u32));
    let amr = ["pwd".to_owned(), "otp".to_owned()];
    let strategy = (policies(), principal(), question(), facts(), any::<bool>(), prop::bool::weighted(0.15));
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&strategy, |(policies, principal, (action, target), seed, ask, lent)| {
        let input = SnapshotInput {
            tenant_id: Id::from_uuid(id(99)),
            tenant_slug: "acme".into(),
            is_master: principal.in_master,
            revision: 7,
            policies,
        };
        let facts = Facts {
            now: Timestamp::from_micros(1_795_305_600_123_456 + seed.hour * 3_600_000_000),
            ip: seed.ip.map(|ip| ip.parse::<IpAddr>().unwrap()),
            mfa: seed.mfa,
            amr: if seed.mfa { &amr } else { &amr[..1] },
            auth_age_seconds: seed.hour * 60,
            credential: CredentialKind::of(&principal),
            roles: seed.roles.then(|| vec!["user", "admin"]),
            email_domain: seed.domain,
            duration_seconds: seed.asked,
            reason: if seed.mfa { "because" } else { "" },
            ticket: seed.ticket,
            break_glass: seed.emergency,
            extension: seed.extension,
            ..Facts::default()
        };
        let mut request = Request::new(&principal, action, &target, &facts);
        if ask {
            request.purpose = Purpose::Ask { default_seconds: 2_000 };
        }
        if lent {
            request.lent = Roles::NONE.with(Role::Admin);
        }
        let snapshot = Snapshot::compile(input.clone(), None);
        let again = Snapshot::compile(input.clone(), Some(&snapshot));
        let fast = snapshot.decide(&request);
        prop_assert_eq!(&again.decide(&request), &fast);
        prop_assert_eq!(Verdict::from(&fast), oracle::decide(&input, &request), "{:?}", fast);
        prop_assert!(fast.layer != Layer::Rule || snapshot.could_match(action));
        total.set(total.get() + 1);
        by_rule.set(by_rule.get() + u32::from(fast.layer == Layer::Rule));
        with_errors.set(with_errors.get() + u32::from(!fast.errors.is_empty()));
        allowed.set(allowed.get() + u32::from(fast.layer == Layer::Rule && fast.allowed));
        Ok(())
    });
    if let Err(e) = result {
        panic!("{e}");
    }
    let (by_rule, total) = (by_rule.get(), total.get());
    println!("{by_rule} of {total} by a rule, {} of them allowed; errors in {}", allowed.get(), with_errors.get());
    assert!(by_rule * 5 >= total, "only {by_rule} of {total} were decided by a rule");
    assert!(
        with_errors.get() * 20 >= total && allowed.get() * 20 >= total,
        "too few errors or permits to mean anything"
    );
}
