//! Checks in the access graph: `cargo bench -p portcullis-authz --bench access`.
//!
//! 100,000 users in five groups each, 100,000 bindings besides, 10,000 projects in 1,000 organizations. Each row is measured one
//! call at a time (p50, p99) against a ceiling of the same run: one look-up in a hash table of as many entries.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops where it cannot go on")]
use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use portcullis_authz::graph::{Binding, Fact, Graph, Group, Object, Organization, Permission, Project};
use portcullis_domain::Roles;
use portcullis_domain::access_role::{GROUP_MEMBER, ORGANIZATION_VIEWER, PREDEFINED};
use portcullis_domain::role_binding::{Bearer, Relation};
use uuid::Uuid;

const USERS: u64 = 100_000;
const BINDINGS: u64 = 100_000;
const GROUPS: u64 = 10_000;
const GROUPS_EACH: u64 = 5;
const PROJECTS: u64 = 10_000;
const ORGANIZATIONS: u64 = 1_000;

/// Spread over the whole space as random ids are, and the same in each run.
fn id(kind: u64, n: u64) -> Uuid {
    let mix = |x: u64| {
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    Uuid::from_u64_pair(mix(kind << 40 | n), mix(n.wrapping_add(kind << 48)))
}
fn organization(n: u64) -> Uuid {
    id(1, n % ORGANIZATIONS)
}
fn project(n: u64) -> Uuid {
    id(2, n % PROJECTS)
}
fn group(n: u64) -> Uuid {
    id(3, n % GROUPS)
}
fn user(n: u64) -> Bearer {
    Bearer::User(id(4, n % USERS))
}

/// The user's groups, spread without a pattern that a cache would like.
fn group_of(n: u64, k: u64) -> Uuid {
    group(n.wrapping_mul(7_919).wrapping_add(k * 1_999))
}
fn facts() -> impl Iterator<Item = Fact> {
    let organizations =
        (0..ORGANIZATIONS).map(|n| Fact::Organization(organization(n), Some(Organization { enabled: true })));
    let projects = (0..PROJECTS)
        .map(|n| Fact::Project(project(n), Some(Project { organization: organization(n), enabled: true })));
    let groups = (0..GROUPS).map(|n| {
        Fact::Group(group(n), Some(Group { organization: Some(organization(n)), enabled: true, roles: Roles::NONE }))
    });
    let roles = PREDEFINED
        .iter()
        .map(|r| Fact::Role(r.id().uuid(), Some(r.permissions.iter().map(|p| (*p).to_owned()).collect())));
    organizations.chain(projects).chain(groups).chain(roles).chain(bindings())
}
fn bindings() -> impl Iterator<Item = Fact> {
    let bound = |number: u64, object, bearer, role| {
        Fact::Binding(id(5, number), Some(Binding { object, bearer, role, relation: Relation::Granted }))
    };
    let memberships = (0..USERS * GROUPS_EACH).map(move |n| {
        bound(n, group_of(n / GROUPS_EACH, n % GROUPS_EACH), user(n / GROUPS_EACH), GROUP_MEMBER.id().uuid())
    });
    let viewer = PREDEFINED[7].id().uuid();
    // a tenth on organizations, six tenths on projects, the rest for groups on projects
    let others = (0..BINDINGS).map(move |n| {
        let number = USERS * GROUPS_EACH + n;
        match n % 10 {
            0 => bound(number, organization(n), user(n), ORGANIZATION_VIEWER.id().uuid()),
            1..=6 => bound(number, project(n), user(n), viewer),
            _ => bound(number, project(n), Bearer::Group(group(n)), viewer),
        }
    });
    memberships.chain(others)
}

/// What the process holds in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|p| p.parse().ok()).unwrap_or(0);
    pages * 4096
}

/// Sorted nanoseconds of single calls.
fn measure(n: u64, mut f: impl FnMut(u64)) -> Vec<u64> {
    (0..n / 10).for_each(&mut f);
    let mut times: Vec<u64> = (0..n)
        .map(|i| {
            let start = Instant::now();
            f(i);
            u64::try_from(start.elapsed().as_nanos()).unwrap()
        })
        .collect();
    times.sort_unstable();
    times
}
fn row(name: &str, times: &[u64], ceiling: Option<&[u64]>) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let ratio =
        ceiling.map_or(String::new(), |c| format!("{:.1} × look-up", at(0.5) as f64 / c[c.len() / 2].max(1) as f64));
    println!("| {name} | {:.2} | {:.2} | {ratio} |", at(0.5) as f64 / 1e3, at(0.99) as f64 / 1e3);
}

fn main() {
    let before = resident();
    let start = Instant::now();
    let graph = Graph::build(facts());
    let built = start.elapsed();
    let held = graph.binding_count() as u64;
    let bytes = resident().saturating_sub(before) / held;
    println!("build: {held} bindings in {built:.1?}, {bytes} bytes a binding with its share of everything else\n");

    println!("| check | p50 µs | p99 µs | ratio |\n|---|---|---|---|");
    let n = 200_000;
    let table: HashMap<Uuid, u32> = (0..held).map(|n| (id(5, n), 1)).collect();
    let lookup = measure(n, |i| {
        black_box(table.get(&id(5, i.wrapping_mul(7_919) % held)));
    });
    row("ceiling: one hash look-up", &lookup, None);
    let get = Permission::new("app/project", "get");
    let see = Permission::new("app/organization", "get");
    let ask = |who: Bearer, p: &Permission, object: Object, want: bool| {
        let verdict = graph.check(who, None, p, object);
        assert_eq!(verdict.holds(), want, "{verdict:?}");
        black_box(verdict);
    };
    // users with a binding of their own on a project end on 1 to 6
    let own = |i: u64| (i.wrapping_mul(7_919) / 10 * 10 + 1 + i % 6) % BINDINGS;
    let direct = measure(n, |i| ask(user(own(i)), &get, Object::Project(project(own(i))), true));
    row("project by a binding of one's own", &direct, Some(&lookup));
    let organizations = measure(n, |i| {
        let m = i.wrapping_mul(7_919) / 10 * 10 % BINDINGS;
        ask(user(m), &see, Object::Organization(organization(m)), true);
    });
    row("organization by a binding of one's own", &organizations, Some(&lookup));
    // a project that one of the user's groups holds a role on: the fifth group's
    let through: Vec<(Bearer, Uuid)> = (0..USERS)
        .filter_map(|u| {
            let holds = |k: u64| graph.bindings_of(Bearer::Group(group_of(u, k))).next().map(|(_, b)| b.object);
            (0..GROUPS_EACH).rev().find_map(holds).map(|object| (user(u), object))
        })
        .collect();
    let groups = measure(n, |i| {
        let (who, object) = through[usize::try_from(i.wrapping_mul(7_919)).unwrap() % through.len()];
        ask(who, &get, Object::Project(object), true);
    });
    row("project through one of five groups", &groups, Some(&lookup));
    let stranger = Permission::new("app/organization", "delete");
    let no = measure(n, |i| ask(user(i.wrapping_mul(7_919)), &stranger, Object::Organization(organization(i)), false));
    row("a no, after all five groups", &no, Some(&lookup));

    let change = measure(20_000, |i| {
        let viewer = PREDEFINED[7].id().uuid();
        let bound = Binding { object: project(i), bearer: user(i), role: viewer, relation: Relation::Granted };
        black_box(graph.after([Fact::Binding(id(6, i), Some(bound))]));
    });
    row("one more binding: a new graph", &change, Some(&lookup));
}
