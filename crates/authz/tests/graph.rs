//! The access graph against the table of spec v1beta1 5.4: random facts, built at once and step by step, compared with an oracle
//! that writes the table down as the unions it is given in; and the matrix of the predefined roles as a golden file.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use portcullis_authz::graph::{
    Binding, Fact, Graph, Group, Object, ObjectKind, Organization, Permission, Project, Via,
};
use portcullis_domain::Roles;
use portcullis_domain::access_role::PREDEFINED;
use portcullis_domain::role_binding::{Bearer, Relation};
use proptest::prelude::*;
use uuid::Uuid;

fn id(kind: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair(kind, n)
}
fn organization(n: u64) -> Uuid {
    id(1, n)
}
fn project(n: u64) -> Uuid {
    id(2, n)
}
fn group(n: u64) -> Uuid {
    id(3, n)
}
fn role(n: u64) -> Uuid {
    id(4, n)
}
fn binding(n: u64) -> Uuid {
    id(5, n)
}
fn resource(n: u64) -> Uuid {
    id(6, n)
}
fn user(n: u64) -> Bearer {
    Bearer::User(id(7, n))
}

/// What is true, as plain as it can be kept.
#[derive(Clone, Debug, Default)]
struct Facts {
    organizations: BTreeMap<Uuid, Organization>,
    projects: BTreeMap<Uuid, Project>,
    groups: BTreeMap<Uuid, Group>,
    roles: BTreeMap<Uuid, BTreeSet<String>>,
    bindings: BTreeMap<Uuid, Binding>,
    /// To tokens.
    denied: BTreeSet<String>,
}
fn put<V>(map: &mut BTreeMap<Uuid, V>, id: Uuid, now: Option<V>) {
    match now {
        Some(v) => drop(map.insert(id, v)),
        None => drop(map.remove(&id)),
    }
}
impl Facts {
    fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Organization(id, now) => put(&mut self.organizations, *id, *now),
            Fact::Project(id, now) => put(&mut self.projects, *id, *now),
            Fact::Group(id, now) => put(&mut self.groups, *id, *now),
            Fact::Role(id, now) => put(&mut self.roles, *id, now.clone().map(|s| s.into_iter().collect())),
            Fact::Binding(id, now) => put(&mut self.bindings, *id, *now),
        }
    }
    /// The same facts, each once, bindings first: nothing may depend on the order.
    fn all(&self) -> Vec<Fact> {
        let mut all: Vec<Fact> = self.bindings.iter().map(|(id, b)| Fact::Binding(*id, Some(*b))).collect();
        all.extend(self.groups.iter().map(|(id, g)| Fact::Group(*id, Some(*g))));
        all.extend(self.roles.iter().map(|(id, r)| Fact::Role(*id, Some(r.iter().cloned().collect()))));
        all.extend(self.projects.iter().map(|(id, p)| Fact::Project(*id, Some(*p))));
        all.extend(self.organizations.iter().map(|(id, o)| Fact::Organization(*id, Some(*o))));
        all
    }
}

/// The table of 5.4, without superusers.
struct Table<'a> {
    facts: &'a Facts,
    /// The one who asks, and the groups whose bindings he has.
    who: Vec<Bearer>,
}
impl<'a> Table<'a> {
    /// Membership is a role on the group. A group counts while it and its organization are enabled; that of the object itself is
    /// looked at last, so that its members are told that it is disabled.
    fn of(facts: &'a Facts, one: Bearer, object: Object) -> Self {
        let mut who = vec![one];
        if matches!(one, Bearer::User(_) | Bearer::ServiceUser(_)) {
            let home = facts.home(object);
            for (id, g) in &facts.groups {
                let member = facts.bindings.values().any(|b| b.object == *id && b.bearer == one);
                let above = g.organization.is_none_or(|o| facts.is_enabled(o) || Some(o) == home);
                if member && g.enabled && above {
                    who.push(Bearer::Group(*id));
                }
            }
        }
        if let Bearer::Group(g) = one
            && !facts.groups.get(&g).is_some_and(|g| g.enabled)
        {
            who.clear();
        }
        Self { facts, who }
    }
    fn bound(&self, object: Uuid, relation: Relation, slug: &str) -> bool {
        self.facts.bindings.values().any(|b| {
            b.object == object
                && !(matches!(b.bearer, Bearer::Pat(_)) && self.facts.denied.contains(slug))
                && b.relation == relation
                && self.who.contains(&b.bearer)
                && self.facts.roles.get(&b.role).is_some_and(|r| r.contains(slug))
        })
    }
    /// G(slug)
    fn g(&self, object: Uuid, slug: &str) -> bool {
        self.bound(object, Relation::Granted, slug)
    }
    /// P(slug)
    fn p(&self, object: Uuid, slug: &str) -> bool {
        self.bound(object, Relation::PatGranted, slug)
    }
    fn organization(&self, o: Uuid, p: &Permission) -> bool {
        if !self.facts.organizations.contains_key(&o) {
            return false;
        }
        let (verb, slug) = (&*p.verb, &*p.slug);
        match &*p.namespace {
            "app/organization" if verb == "get" => {
                self.g(o, "app_organization_administer")
                    || self.g(o, "app_organization_get")
                    || self.g(o, "app_organization_update")
            }
            "app/organization" => self.g(o, "app_organization_administer") || self.g(o, slug),
            _ => self.above(o, p),
        }
    }
    /// What an organization says to things in it: project_<perm>, group_<perm>, and slugs of the tenant's own.
    fn above(&self, o: Uuid, p: &Permission) -> bool {
        let administers = self.g(o, "app_organization_administer");
        // administration is given on the thing itself, or on all of the organization
        let named = &*p.verb != "administer" && self.g(o, &p.slug);
        match &*p.namespace {
            "app/project" => administers || named || self.p(o, "app_project_administer") || self.p(o, &p.slug),
            "app/group" => administers || named,
            "app/organization" => false,
            _ => administers || self.g(o, &p.slug) || self.p(o, "app_project_administer") || self.p(o, &p.slug),
        }
    }
    fn project(&self, j: Uuid, p: &Permission) -> bool {
        let Some(project) = self.facts.projects.get(&j) else { return false };
        let above = self.above(project.organization, p);
        match &*p.namespace {
            "app/organization" | "app/group" => false,
            "app/project" if &*p.verb == "get" => {
                above
                    || self.g(j, "app_project_administer")
                    || self.g(j, "app_project_get")
                    || self.g(j, "app_project_update")
            }
            _ => above || self.g(j, "app_project_administer") || self.g(j, &p.slug),
        }
    }
    fn group(&self, g: Uuid, p: &Permission) -> bool {
        let Some(group) = self.facts.groups.get(&g) else { return false };
        let above = group.organization.is_some_and(|o| self.above(o, p));
        match (&*p.namespace, &*p.verb) {
            ("app/group", "get") => {
                above
                    || self.g(g, "app_group_administer")
                    || self.g(g, "app_group_get")
                    || self.g(g, "app_group_update")
            }
            ("app/group", _) => above || self.g(g, "app_group_administer") || self.g(g, &p.slug),
            _ => false,
        }
    }
    fn resource(&self, r: Uuid, j: Uuid, owned: bool, p: &Permission) -> bool {
        if p.namespace.starts_with("app/") || !self.facts.projects.contains_key(&j) {
            return false;
        }
        owned || self.g(j, "app_project_administer") || self.project(j, p) || self.g(r, &p.slug)
    }
    fn holds(&self, object: Object, owned: bool, p: &Permission) -> bool {
        match object {
            Object::Organization(o) => self.organization(o, p),
            Object::Project(j) => self.project(j, p),
            Object::Group(g) => self.group(g, p),
            Object::ServiceUser { organization } => {
                &*p.namespace == "app/organization" && self.organization(organization, p)
            }
            Object::Invitation { organization: o, .. } => {
                let on = |verb: &str| self.organization(o, &Permission::new("app/organization", verb));
                let there = self.facts.organizations.contains_key(&o) && &*p.namespace == "app/invitation";
                let through = match &*p.verb {
                    "delete" => on("invitationcreate"),
                    "get" => on("invitationlist") || on("invitationcreate"),
                    _ => false,
                };
                there && (owned || through)
            }
            Object::Resource { id, project, .. } => self.resource(id, project, owned, p),
        }
    }
}
impl Facts {
    fn is_enabled(&self, o: Uuid) -> bool {
        self.organizations.get(&o).is_some_and(|o| o.enabled)
    }
    fn home(&self, object: Object) -> Option<Uuid> {
        match object {
            Object::Organization(o)
            | Object::ServiceUser { organization: o }
            | Object::Invitation { organization: o, .. } => Some(o),
            Object::Project(j) | Object::Resource { project: j, .. } => self.projects.get(&j).map(|j| j.organization),
            Object::Group(g) => self.groups.get(&g).and_then(|g| g.organization),
        }
    }
    /// Would it hold, if everything around the object were enabled?
    fn would(&self, bearer: Bearer, owner: Option<Bearer>, p: &Permission, object: Object) -> bool {
        let owns = |who: Bearer| match object {
            Object::Resource { owner, .. } | Object::Invitation { addressee: owner, .. } => owner == Some(who),
            _ => false,
        };
        let one = |who: Bearer, owned: bool| Table::of(self, who, object).holds(object, owned, p);
        match (bearer, owner) {
            (Bearer::Pat(_), None) => false,
            (Bearer::Pat(_), Some(user)) => one(bearer, false) && one(user, owns(user)),
            _ => one(bearer, owns(bearer)),
        }
    }
    fn enabled(&self, object: Object) -> bool {
        let above = self.home(object).is_none_or(|o| self.is_enabled(o));
        above
            && match object {
                Object::Organization(_) | Object::ServiceUser { .. } | Object::Invitation { .. } => true,
                Object::Project(j) | Object::Resource { project: j, .. } => {
                    self.projects.get(&j).is_some_and(|j| j.enabled)
                }
                Object::Group(g) => self.groups.get(&g).is_some_and(|g| g.enabled),
            }
    }
}

fn permissions() -> Vec<Permission> {
    let built_in = portcullis_authz::graph::BUILT_IN.iter();
    let mut all: Vec<Permission> =
        built_in.flat_map(|(ns, verbs)| verbs.iter().map(|v| Permission::new(ns, v))).collect();
    all.extend(["get", "delete"].map(|v| Permission::new("compute/order", v)));
    all.extend(["get", "delete", "accept"].map(|v| Permission::new("app/invitation", v)));
    all
}
/// The ones that tell every case of the table apart; a role of all others would make the interesting ones rare.
const INTERESTING: [(&str, &str); 18] = [
    ("app/organization", "administer"),
    ("app/organization", "get"),
    ("app/organization", "update"),
    ("app/organization", "serviceusermanage"),
    ("app/organization", "invitationcreate"),
    ("app/organization", "invitationlist"),
    ("app/invitation", "get"),
    ("app/invitation", "delete"),
    ("app/invitation", "accept"),
    ("app/project", "administer"),
    ("app/project", "get"),
    ("app/project", "update"),
    ("app/project", "resourcelist"),
    ("app/group", "administer"),
    ("app/group", "get"),
    ("app/group", "update"),
    ("compute/order", "get"),
    ("compute/order", "delete"),
];
/// The catalogue has no permissions on invitations: nothing else is asked for them.
fn sensible(p: &Permission, object: Object) -> bool {
    (&*p.namespace == "app/invitation") == matches!(object, Object::Invitation { .. })
}
fn interesting() -> Vec<Permission> {
    INTERESTING.iter().map(|(ns, v)| Permission::new(ns, v)).collect()
}

/// Everybody who may ask, and of a token its user.
fn askers() -> Vec<(Bearer, Option<Bearer>)> {
    let mut all: Vec<_> = (0..3).map(|n| (user(n), None)).collect();
    all.push((Bearer::ServiceUser(id(8, 0)), None));
    all.push((Bearer::Pat(id(9, 0)), Some(user(0))));
    all.push((Bearer::Pat(id(9, 1)), Some(user(1))));
    all.push((Bearer::Pat(id(9, 1)), None));
    all.extend((0..3).map(|n| (Bearer::Group(group(n)), None)));
    all
}
fn objects() -> Vec<Object> {
    let mut all: Vec<Object> = (0..2).map(|n| Object::Organization(organization(n))).collect();
    all.extend((0..3).map(|n| Object::Project(project(n))));
    all.extend((0..3).map(|n| Object::Group(group(n))));
    all.extend((0..2).map(|n| Object::ServiceUser { organization: organization(n) }));
    all.extend((0..2).map(|n| Object::Invitation {
        organization: organization(n),
        addressee: [Some(user(1)), None][usize::try_from(n).unwrap()],
    }));
    all.extend((0..3).map(|n| Object::Resource {
        id: resource(n),
        project: project(n),
        owner: [Some(user(0)), Some(Bearer::Pat(id(9, 0))), None][usize::try_from(n).unwrap()],
    }));
    all
}

fn bearers() -> impl Strategy<Value = Bearer> {
    prop_oneof![
        4 => (0..3u64).prop_map(user),
        1 => Just(Bearer::ServiceUser(id(8, 0))),
        2 => (0..3u64).prop_map(|n| Bearer::Group(group(n))),
        2 => (0..2u64).prop_map(|n| Bearer::Pat(id(9, n))),
    ]
}
fn places() -> impl Strategy<Value = Uuid> {
    prop_oneof![
        3 => (0..2u64).prop_map(organization),
        3 => (0..3u64).prop_map(project),
        4 => (0..3u64).prop_map(group),
        2 => (0..3u64).prop_map(resource),
    ]
}
/// Mostly there, sometimes gone.
fn there<V: Clone + std::fmt::Debug + 'static>(v: impl Strategy<Value = V> + 'static) -> BoxedStrategy<Option<V>> {
    prop::option::weighted(0.8, v).boxed()
}
fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.8)
}
fn facts() -> impl Strategy<Value = Fact> {
    let slugs = prop::collection::vec(0..INTERESTING.len(), 0..4);
    let slugs = slugs.prop_map(|v| v.into_iter().map(|i| interesting()[i].slug.to_string()).collect::<Vec<_>>());
    let bound =
        (places(), bearers(), 0..4u64, prop::bool::weighted(0.8)).prop_map(|(object, bearer, r, granted)| Binding {
            object,
            bearer,
            role: role(r),
            relation: if granted { Relation::Granted } else { Relation::PatGranted },
        });
    prop_oneof![
        1 => (0..2u64, there(mostly())).prop_map(|(n, e)| Fact::Organization(organization(n), e.map(|enabled| Organization { enabled }))),
        2 => (0..3u64, there((0..2u64, mostly()))).prop_map(|(n, p)| Fact::Project(
            project(n),
            p.map(|(o, enabled)| Project { organization: organization(o), enabled })
        )),
        2 => (0..3u64, there((prop::option::of(0..2u64), mostly()))).prop_map(|(n, g)| Fact::Group(
            group(n),
            g.map(|(o, enabled)| Group { organization: o.map(organization), enabled, roles: Roles::NONE })
        )),
        2 => (0..4u64, there(slugs)).prop_map(|(n, r)| Fact::Role(role(n), r)),
        8 => (0..12u64, there(bound)).prop_map(|(n, b)| Fact::Binding(binding(n), b)),
    ]
}
/// Everything is there to begin with, so that most random bindings lead somewhere.
fn ground() -> Vec<Fact> {
    let mut all: Vec<Fact> =
        (0..2).map(|n| Fact::Organization(organization(n), Some(Organization { enabled: true }))).collect();
    all.extend(
        (0..3).map(|n| Fact::Project(project(n), Some(Project { organization: organization(n % 2), enabled: true }))),
    );
    all.extend((0..3).map(|n| {
        let organization = (n < 2).then(|| organization(n));
        Fact::Group(group(n), Some(Group { organization, enabled: true, roles: Roles::NONE }))
    }));
    all
}

fn agree(graph: &Graph, facts: &Facts) -> Result<(), TestCaseError> {
    for (bearer, of) in askers() {
        for p in interesting() {
            for object in objects().into_iter().filter(|o| sensible(&p, *o)) {
                let (verdict, would) = (graph.check(bearer, of, &p, object), facts.would(bearer, of, &p, object));
                prop_assert_eq!(verdict.via.is_some(), would, "{:?} of {:?}: {} on {:?}", bearer, of, p.slug, object);
                let want = would && facts.enabled(object);
                prop_assert_eq!(verdict.holds(), want, "{:?} of {:?}: {} on {:?}", bearer, of, p.slug, object);
                if let (Bearer::Pat(token), Some(user)) = (bearer, of) {
                    let halves = (graph.given_to_token(token, &p, object), graph.check(user, None, &p, object));
                    let both = halves.0.via.is_some() && halves.1.via.is_some();
                    prop_assert_eq!(verdict.via.is_some(), both, "{} on {:?}: {:?}", p.slug, object, halves);
                }
            }
        }
    }
    Ok(())
}
fn seen(bindings: impl Iterator<Item = (Uuid, Binding)>) -> BTreeSet<(Uuid, String)> {
    bindings.map(|(id, b)| (id, format!("{b:?}"))).collect()
}
/// The indexes say what the bindings say.
fn indexed(graph: &Graph, facts: &Facts) -> Result<(), TestCaseError> {
    prop_assert_eq!(graph.binding_count(), facts.bindings.len());
    let kept =
        |pick: &dyn Fn(&Binding) -> bool| seen(facts.bindings.iter().map(|(i, b)| (*i, *b)).filter(|(_, b)| pick(b)));
    let ids = (0..2).map(organization).chain((0..3).flat_map(|n| [project(n), group(n), resource(n)]));
    for object in ids {
        prop_assert_eq!(seen(graph.bindings_on(object)), kept(&|b| b.object == object));
        for (bearer, _) in askers() {
            let member = facts.bindings.values().any(|b| b.object == object && b.bearer == bearer);
            prop_assert_eq!(graph.is_member(bearer, object), member);
        }
    }
    for (bearer, _) in askers() {
        prop_assert_eq!(seen(graph.bindings_of(bearer)), kept(&|b| b.bearer == bearer));
    }
    Ok(())
}

/// A list holds what a check says yes to, and nothing else.
fn listed(graph: &Graph) -> Result<(), TestCaseError> {
    let kinds = [ObjectKind::Organization, ObjectKind::Project, ObjectKind::Group];
    for p in interesting() {
        for (bearer, of) in askers() {
            for kind in kinds {
                let holds = |id: &Uuid| graph.check(bearer, of, &p, kind.object(*id)).holds();
                let want: BTreeSet<Uuid> = graph.all(kind).into_iter().filter(holds).collect();
                prop_assert_eq!(graph.objects(bearer, of, &p, kind), want, "{:?}: {} on {:?}", bearer, p.slug, kind);
            }
        }
        for object in objects() {
            let people = askers().into_iter().filter(|(b, _)| matches!(b, Bearer::User(_) | Bearer::ServiceUser(_)));
            let holds = |b: &Bearer| graph.check(*b, None, &p, object).holds();
            let want: BTreeSet<Bearer> = people.map(|(b, _)| b).filter(holds).collect();
            prop_assert_eq!(graph.bearers(&p, object), want, "{} on {:?}", p.slug, object);
        }
    }
    Ok(())
}
/// What a check names as its way is a binding that is there, of that role, on that object, held by the bearer or that group.
fn explained(graph: &Graph) -> Result<(), TestCaseError> {
    for (bearer, of) in askers() {
        for p in interesting() {
            for object in objects() {
                if let Some(Via::Binding { id, object, role, group }) = graph.check(bearer, of, &p, object).via {
                    let b = graph.binding(id).expect("the binding is there");
                    prop_assert_eq!((b.object, b.role, b.bearer), (object, role, group.map_or(bearer, Bearer::Group)));
                    prop_assert!(group.is_none_or(|g| graph.is_member(bearer, g)));
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn built_at_once_or_step_by_step_it_says_what_the_table_says(
        steps in prop::collection::vec(prop::collection::vec(facts(), 1..8), 1..10),
        denied in prop::collection::vec(0..INTERESTING.len(), 0..3),
    ) {
        let denied: Vec<String> = denied.into_iter().map(|i| interesting()[i].slug.to_string()).collect();
        let mut known = Facts { denied: denied.iter().cloned().collect(), ..Facts::default() };
        ground().iter().for_each(|f| known.learn(f));
        let nothing = Graph::denying_tokens(&denied);
        let mut graph = nothing.after(ground());
        for step in &steps {
            let (before, knew) = (graph.clone(), known.clone());
            step.iter().for_each(|f| known.learn(f));
            graph = before.after(step.iter().cloned());
            // who still decides on the old one sees the old one
            indexed(&before, &knew)?;
            indexed(&graph, &known)?;
        }
        agree(&graph, &known)?;
        listed(&graph)?;
        explained(&graph)?;
        let whole = nothing.after(known.all());
        indexed(&whole, &known)?;
        agree(&whole, &known)?;
        listed(&whole)?;
    }
}

#[test]
fn what_is_taken_away_and_given_again_counts_again() {
    let member = Binding { object: group(0), bearer: user(0), role: role(0), relation: Relation::Granted };
    let given =
        Binding { object: project(0), bearer: Bearer::Group(group(0)), role: role(0), relation: Relation::Granted };
    let slugs = Some(vec!["app_project_get".to_owned()]);
    let graph = Graph::build(ground()).after([
        Fact::Role(role(0), slugs.clone()),
        Fact::Binding(binding(0), Some(member)),
        Fact::Binding(binding(1), Some(given)),
    ]);
    let get = Permission::new("app/project", "get");
    let may = |g: &Graph| g.check(user(0), None, &get, Object::Project(project(0))).holds();
    assert!(may(&graph));
    for (away, back) in [
        (Fact::Role(role(0), None), Fact::Role(role(0), slugs)),
        (Fact::Binding(binding(0), None), Fact::Binding(binding(0), Some(member))),
        (Fact::Binding(binding(1), None), Fact::Binding(binding(1), Some(given))),
        (
            Fact::Group(
                group(0),
                Some(Group { organization: Some(organization(0)), enabled: false, roles: Roles::NONE }),
            ),
            Fact::Group(
                group(0),
                Some(Group { organization: Some(organization(0)), enabled: true, roles: Roles::NONE }),
            ),
        ),
        (
            Fact::Organization(organization(0), Some(Organization { enabled: false })),
            Fact::Organization(organization(0), Some(Organization { enabled: true })),
        ),
    ] {
        let less = graph.after([away.clone()]);
        assert!(!may(&less) && may(&graph), "{away:?}");
        assert!(may(&less.after([back])), "{away:?}");
    }
}

/// Every predefined role on every kind of object it can be given on: what it lets its bearer do, object by object.
#[test]
fn the_matrix_of_the_predefined_roles() {
    let mut base = ground();
    let roles = PREDEFINED
        .iter()
        .map(|r| Fact::Role(r.id().uuid(), Some(r.permissions.iter().map(|p| (*p).to_owned()).collect())));
    base.extend(roles);
    let base = Graph::build(base);
    let below = [
        ("organization", Object::Organization(organization(0))),
        ("project", Object::Project(project(0))),
        ("group", Object::Group(group(0))),
        ("service user", Object::ServiceUser { organization: organization(0) }),
        ("invitation", Object::Invitation { organization: organization(0), addressee: Some(user(1)) }),
        ("resource", Object::Resource { id: resource(0), project: project(0), owner: Some(user(1)) }),
        ("other organization", Object::Organization(organization(1))),
        ("other project", Object::Project(project(1))),
        ("other group", Object::Group(group(1))),
        ("group of the tenant", Object::Group(group(2))),
    ];
    let places = [
        ("organization", organization(0), Relation::Granted),
        ("organization, all projects", organization(0), Relation::PatGranted),
        ("project", project(0), Relation::Granted),
        ("group", group(0), Relation::Granted),
        ("resource", resource(0), Relation::Granted),
    ];
    let mut out = String::new();
    for role in &PREDEFINED {
        for (place, on, relation) in places {
            let bound = Binding { object: on, bearer: user(0), role: role.id().uuid(), relation };
            let facts = [Fact::Binding(binding(0), Some(bound))];
            let graph = base.after(facts.clone());
            let mut known = Facts::default();
            ground().iter().chain(&facts).for_each(|f| known.learn(f));
            known.roles.insert(bound.role, role.permissions.iter().map(|p| (*p).to_owned()).collect());
            writeln!(out, "{} on {place}", role.name).unwrap();
            for (name, object) in below {
                let own = |p: &&Permission| match object {
                    Object::Organization(_) => true,
                    Object::Project(_) => !matches!(&*p.namespace, "app/organization" | "app/group"),
                    Object::Group(_) => &*p.namespace == "app/group",
                    Object::ServiceUser { .. } => &*p.slug == "app_organization_serviceusermanage",
                    Object::Invitation { .. } => &*p.namespace == "app/invitation",
                    Object::Resource { .. } => !p.namespace.starts_with("app/"),
                };
                let all = permissions();
                let asked: Vec<&Permission> = all.iter().filter(own).filter(|p| sensible(p, object)).collect();
                for p in all.iter().filter(|p| sensible(p, object)) {
                    let holds = graph.check(user(0), None, p, object).holds();
                    assert_eq!(holds, known.would(user(0), None, p, object), "{}: {} on {name}", role.name, p.slug);
                }
                let held: Vec<&str> =
                    asked.iter().filter(|p| graph.check(user(0), None, p, object).holds()).map(|p| &*p.slug).collect();
                match held.len() {
                    0 => {}
                    n if n == asked.len() && n > 1 => writeln!(out, "  {name}: everything").unwrap(),
                    _ => writeln!(out, "  {name}: {}", held.join(" ")).unwrap(),
                }
            }
        }
    }
    golden("access.golden", &out);
}

#[track_caller]
fn golden(name: &str, seen: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(&path, seen).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, seen, "{name}: UPDATE_GOLDEN=1 if this is meant");
}
