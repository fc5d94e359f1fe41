//! Rules and bindings in one check: a snapshot and a graph made whole, the same ones reached change by change, and Cedar on the
//! plain facts give the same decision, layer, determining rules and notices, through a binding that Cedar names too.
use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_authz::Snapshot;
use portcullis_authz::graph::{Fact, Graph, Object};
use portcullis_domain::{Role, Roles};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use crate::access::{Access, Asker, Change, Own, Policies, Question};
use crate::cedar::{Cedar, called};
use crate::facts::{Facts, INTERESTING, crowd, facts, ground, interesting, objects};
use crate::words::about_access;

fn own() -> impl Strategy<Value = Own> {
    let roles = || {
        let one = |r: Role| Just(Roles::NONE.with(Role::User).with(r));
        prop_oneof![6 => one(Role::User), 2 => one(Role::Approver), 1 => one(Role::Checker), 1 => one(Role::Admin)]
    };
    [roles(), roles(), roles()]
}
fn changes() -> impl Strategy<Value = Vec<Change>> {
    let policy = (1..4u128, prop::option::weighted(0.8, about_access()));
    let later = (prop::collection::vec(facts(), 0..5), prop::collection::vec(policy, 0..2));
    let first = (
        crowd(),
        prop::collection::vec(about_access(), 1..4)
            .prop_map(|l| (1..).zip(l.into_iter().map(Some)).collect::<Vec<_>>()),
    );
    (first, prop::collection::vec(later, 1..5)).prop_map(|(first, rest)| std::iter::once(first).chain(rest).collect())
}

/// Whoever may ask, and what can be asked of what is there, and can be held there at all.
fn questions(known: &Facts) -> Vec<(Asker, Question)> {
    let there = |object: &Object| match object {
        Object::Organization(id) | Object::ServiceUser { organization: id } => known.organizations.contains_key(id),
        Object::Project(id) | Object::Resource { project: id, .. } => known.projects.contains_key(id),
        Object::Group(id) => known.groups.contains_key(id),
        // no call checks a permission on one
        Object::Invitation { .. } => false,
    };
    let mut all = vec![Question::Account("assume"), Question::Account("read")];
    for object in objects().into_iter().filter(there) {
        let takes = |ns: &str, slug: &str| match object {
            Object::Organization(_) => ns != "app/invitation",
            Object::Project(_) => ns == "app/project" || !ns.starts_with("app/"),
            Object::Group(_) => ns == "app/group",
            Object::ServiceUser { .. } => slug == "app_organization_serviceusermanage",
            Object::Invitation { .. } => false,
            Object::Resource { .. } => ns == "compute/order",
        };
        all.extend(interesting().into_iter().filter(|p| takes(&p.namespace, &p.slug)).map(|p| Question::On(object, p)));
    }
    Asker::ALL.into_iter().flat_map(|who| all.iter().map(move |q| (who, q.clone()))).collect()
}
/// Does a binding of theirs lead there? Of all that could be asked this is rare, and what rules are to meet.
fn is_bound(known: &Facts, who: Asker, question: &Question) -> bool {
    let Question::On(object, permission) = question else { return false };
    match who.token() {
        Some((token, _)) => known.would(token, Some(who.bearer()), permission, *object),
        None => known.would(who.bearer(), None, permission, *object),
    }
}

/// How often what is interesting was seen.
#[derive(Default)]
struct Seen(std::cell::RefCell<BTreeMap<&'static str, u32>>);
impl Seen {
    fn note(&self, what: &'static str, is_so: bool) {
        *self.0.borrow_mut().entry(what).or_default() += u32::from(is_so);
    }
}

#[test]
fn whole_step_by_step_and_cedar_give_the_same_answers() {
    let cases = std::env::var("AGREEMENT_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40u32);
    let seen = Seen::default();
    let denied = prop::collection::vec(0..INTERESTING.len(), 0..3);
    let strategy = (changes(), own(), denied, prop::collection::vec((0..5u8, any::<Index>()), 40));
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&strategy, |(changes, own, denied, asked)| {
        let denied: Vec<String> = denied.into_iter().map(|i| interesting()[i].slug.to_string()).collect();
        let mut known = Facts { denied: denied.iter().cloned().collect(), ..Facts::default() };
        let mut policies = Policies::default();
        let compile = |p: &Policies| Arc::new(Snapshot::compile(p.input(0), None));
        let nothing = Graph::denying_tokens(&denied);
        let mut stepwise = Access { snapshot: compile(&policies), graph: nothing.after(ground()) };
        ground().iter().for_each(|f| known.learn(f));
        for (revision, (facts, edits)) in (1..).zip(changes) {
            facts.iter().for_each(|f: &Fact| known.learn(f));
            let edited = !edits.is_empty();
            edits.into_iter().for_each(|(n, now)| policies.learn(n, now));
            stepwise = stepwise.after(facts, edited.then(|| policies.input(revision)));
        }
        let whole = Access { snapshot: compile(&policies), graph: nothing.after(known.all()) };
        let questions = questions(&known);
        for (who, question) in &questions {
            let (fast, kept) = (whole.answer(*who, &own, question), stepwise.answer(*who, &own, question));
            prop_assert_eq!(fast.0, kept.0, "{:?}: {:?}", who, question);
        }
        let opened = known.opened();
        let would = questions.iter().filter(|(who, question)| is_bound(&opened, *who, question));
        let (bound, almost): (Vec<_>, Vec<_>) = would.partition(|(who, question)| is_bound(&known, *who, question));
        let all: Vec<_> = questions.iter().collect();
        let input = policies.input(0);
        let cedar = Cedar::new(&known, &own, &input);
        for (pool, index) in asked {
            let pool = [&all, &almost, &bound][usize::from(pool.min(2))];
            let (who, question) = *index.get(if pool.is_empty() { &all } else { pool });
            let (says, held) = cedar.answer(*who, question);
            for access in [&whole, &stepwise] {
                let (fast, via) = access.answer(*who, &own, question);
                prop_assert_eq!(&fast, &says, "{:?}: {:?}", who, question);
                prop_assert!(via.is_none_or(|v| held.contains(&called(v))), "{:?} of {:?}", via, held);
            }
            let (rule, bound) = (says.layer == "rule", !held.is_empty());
            seen.note("asked", true);
            seen.note("a rule takes what a binding gives", rule && !says.allowed && bound);
            seen.note("a rule gives what no binding does", rule && says.allowed && !bound);
            seen.note("a rule and a binding give it", rule && says.allowed && bound);
            seen.note("a binding alone", says.layer == "binding");
            seen.note("a superuser", says.layer == "base");
            seen.note("what is disabled", says.layer == "default" && bound);
        }
        Ok(())
    });
    if let Err(e) = result {
        panic!("{e}");
    }
    let seen = seen.0.into_inner();
    println!("{seen:?}");
    for (what, times) in &seen {
        assert!(times * 500 >= seen["asked"], "{what}: only {times} of {}, too few to mean anything", seen["asked"]);
    }
}
