//! Decisions in process, with 10,000 rules: `cargo bench -p portcullis-authz`.
//!
//! Each row is measured one call at a time (p50, p99) and against a ceiling of the same run: one hash look-up where no rule can
//! match, and a bare Cedar `is_authorized` (one policy, entities ready) where rules are evaluated.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops where it cannot go on")]
use std::collections::{HashMap, HashSet};
use std::hint::black_box;
use std::time::Instant;

use cedar_policy::{Authorizer, Context, Entities, Entity, EntityUid, PolicySet, RestrictedExpression};
use portcullis_authz::{
    CredentialKind, Facts, Layer, PolicySource, Purpose, Request, RuleRow, Snapshot, SnapshotInput, Target,
};
use portcullis_domain::policy::{AccessKind, ApprovalMode};
use portcullis_domain::value::Email;
use portcullis_domain::{Id, Principal, Role, Roles, Subject, Timestamp};
use uuid::Uuid;

const RULES: u128 = 10_000;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0199_c1b2_7d4e_7c3a_9b1f_0000_0000_0000 + n)
}
fn group(n: u128) -> Uuid {
    id(1_000_000 + n)
}

/// Rules of every shape, each about its own group, account or user, over five priorities.
fn text(i: u128) -> String {
    let (g, u, a) = (group(i), id(i), format!("{i:012}"));
    match i % 6 {
        0 => format!(
            "permit(principal in Group::\"{g}\", action == Action::\"assume\", resource in AwsAccount::\"{a}\");"
        ),
        1 => format!("permit(principal == User::\"{u}\", action, resource == AwsAccount::\"{a}\");"),
        2 => format!(
            "permit(principal in Group::\"{g}\", action in [Action::\"assume\", Action::\"read\"], resource) \
             when {{ principal.email_verified && context.hour >= 8 && principal.email like \"*@example.com\" }};"
        ),
        3 => format!(
            "permit(principal, action == Action::\"read\", resource == AwsAccount::\"{a}\") when {{ context.has_ticket && context.mfa }};"
        ),
        4 => format!(
            "forbid(principal in Group::\"{g}\", action in Action::\"request_access\", resource) unless {{ context.mfa || context.hour < 20 }};"
        ),
        _ => format!(
            "permit(principal in Group::\"{g}\", action == Action::\"write\", resource is AwsAccount) when {{ resource has rank && resource.rank < 3 }};"
        ),
    }
}
fn snapshot() -> Snapshot {
    let policies = (0..RULES / 10).map(|p| PolicySource {
        id: Id::from_uuid(id(2_000_000 + p)),
        priority: i64::try_from(p % 5).unwrap(),
        enabled: true,
        approval_mode: ApprovalMode::Require,
        access: AccessKind::Standing,
        max_duration_seconds: 3_600,
        default_duration_seconds: None,
        max_total_duration_seconds: None,
        stages: 1,
        people: 1,
        rules: (0..10)
            .map(|r| RuleRow {
                id: Id::from_uuid(id(3_000_000 + p * 10 + r)),
                ordinal: i64::try_from(r).unwrap(),
                text: text(p * 10 + r).into(),
                notice: None,
                audit_session: true,
            })
            .collect(),
    });
    let input = SnapshotInput {
        tenant_id: Id::from_uuid(id(0)),
        tenant_slug: "acme".into(),
        is_master: false,
        revision: 1,
        policies: policies.collect(),
    };
    let start = Instant::now();
    let first = Snapshot::compile(input.clone(), None);
    let fresh = start.elapsed();
    let start = Instant::now();
    let again = Snapshot::compile(input, Some(&first));
    println!("compile {RULES} rules: {fresh:.1?}; again after a change elsewhere: {:.1?}\n", start.elapsed());
    again
}
fn person(n: u128, groups: Vec<Uuid>) -> Principal {
    let mut p = Principal::bare(Subject::User(Id::from_uuid(id(n))), "somebody");
    p.roles = Roles::NONE.with(Role::User).with(Role::Admin);
    p.groups = groups.into();
    p.email = Some(Email::parse("somebody@example.com").unwrap());
    p.email_verified = true;
    p
}

/// Sorted nanoseconds of single calls.
fn measure(n: usize, mut f: impl FnMut(usize)) -> Vec<u64> {
    (0..n / 10).for_each(&mut f);
    let one = |i: usize, f: &mut dyn FnMut(usize)| {
        let start = Instant::now();
        f(i);
        u64::try_from(start.elapsed().as_nanos()).unwrap()
    };
    let mut times: Vec<u64> = (0..n).map(|i| one(i, &mut f)).collect();
    times.sort_unstable();
    times
}
fn row(name: &str, times: &[u64], ceiling: Option<(&[u64], &str)>) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let micros = |n: u64| n as f64 / 1_000.0;
    let ratio =
        ceiling.map_or(String::new(), |(c, name)| format!("{:.2} × {name}", at(0.5) as f64 / c[c.len() / 2] as f64));
    println!("| {name} | {:.2} | {:.2} | {:.2} | {ratio} |", micros(at(0.5)), micros(at(0.99)), micros(at(0.999)));
}

fn main() {
    let snapshot = snapshot();
    let now: Timestamp = "2026-11-24T09:15:04Z".parse().unwrap();
    let facts = Facts { now, mfa: true, ticket: Some("T-1"), credential: CredentialKind::Session, ..Facts::default() };
    // 1,000 people in five groups each; the groups' rules are about `read`, `assume`, `write`
    let people: Vec<Principal> =
        (0..1_000).map(|n| person(n, (0..5).map(|k| group((n * 7 + k * 131) * 6 % RULES + 5)).collect())).collect();
    let one: Vec<Principal> = (0..1_000).map(|n| person(500_000 + n, vec![group(n * 6 + 2)])).collect();
    let three: Vec<Principal> =
        (0..1_000).map(|n| person(500_000 + n, vec![group(n * 6 + 2), group(n * 6 + 8), group(n * 6 + 4)])).collect();
    let tenant = Target::tenant();
    let account = Target::resource("aws_account", "999999999999").within("AwsOrganizationalUnit", "ou-abcd-12345678");
    let n = 200_000;

    println!("| decision | p50 µs | p99 µs | p99.9 µs | ratio to ceiling |\n|---|---|---|---|---|");
    let table: HashMap<Uuid, u32> = (0..100_000).map(|i| (id(i), 1)).collect();
    let lookup = measure(n, |i| {
        black_box(table.get(&id((i as u128 * 7_919) % 100_000)));
    });
    row("ceiling: one hash look-up", &lookup, None);
    let cedar = bare_cedar();
    let bare = measure(n, |_| {
        black_box(Authorizer::new().is_authorized(&cedar.0, &cedar.1, &cedar.2));
    });
    row("ceiling: bare Cedar, one policy, all ready", &bare, None);

    let ask = |who: &Principal, action: &str, target: &Target<'_>, want: Layer| {
        let request = Request { purpose: Purpose::Check, ..Request::new(who, action, target, &facts) };
        let decision = snapshot.decide(&request);
        assert_eq!(decision.layer, want, "{decision:?}");
        black_box(decision);
    };
    let none = measure(n, |i| ask(&people[i % 1_000], "users:create", &tenant, Layer::Base));
    row("no rule names the action (`users:create`)", &none, Some((&lookup, "look-up")));
    let miss = measure(n, |i| ask(&people[i % 1_000], "assume", &account, Layer::Default));
    row("rules on the action, none on these scopes", &miss, Some((&lookup, "look-up")));
    let single = measure(n, |i| ask(&one[i % 1_000], "assume", &account, Layer::Rule));
    row("one rule evaluated", &single, Some((&bare, "bare Cedar")));
    let several = measure(n, |i| ask(&three[i % 1_000], "assume", &account, Layer::Rule));
    row("three rules evaluated", &several, Some((&bare, "bare Cedar")));
    let could = measure(n, |_| {
        black_box(snapshot.could_match("users:create"));
    });
    row("`could_match` alone", &could, None);
}

fn bare_cedar() -> (cedar_policy::Request, PolicySet, Entities) {
    let uid = |s: String| s.parse::<EntityUid>().unwrap();
    let (me, g) = (uid(format!("User::\"{}\"", id(1))), uid(format!("Group::\"{}\"", group(2))));
    let text = RestrictedExpression::new_string("somebody@example.com".into());
    let attributes = HashMap::from([
        ("email_verified".to_owned(), RestrictedExpression::new_bool(true)),
        ("email".to_owned(), text),
    ]);
    let action = uid("Action::\"assume\"".into());
    let entities = [
        Entity::new(me.clone(), attributes, HashSet::from([g])).unwrap(),
        Entity::new_no_attrs(action.clone(), HashSet::new()),
    ];
    let context = Context::from_pairs([("hour".to_owned(), RestrictedExpression::new_long(9))]).unwrap();
    let resource = uid("AwsAccount::\"999999999999\"".into());
    let request = cedar_policy::Request::new(me, action, resource, context, None).unwrap();
    (request, text_of_rule_two().parse().unwrap(), Entities::from_entities(entities, None).unwrap())
}
fn text_of_rule_two() -> String {
    text(2)
}
