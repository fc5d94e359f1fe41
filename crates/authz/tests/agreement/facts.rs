//! Random facts of an access graph, few enough that they meet, and what is true after them, as plain as it can be kept.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use portcullis_authz::graph::{BUILT_IN, Binding, Fact, Group, Object, Organization, Permission, Project};
use portcullis_domain::role_binding::{Bearer, Relation};
use portcullis_domain::{Role, Roles};
use proptest::prelude::*;
use uuid::Uuid;

pub fn id(kind: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair(kind, n)
}
pub fn organization(n: u64) -> Uuid {
    id(1, n)
}
pub fn project(n: u64) -> Uuid {
    id(2, n)
}
pub fn group(n: u64) -> Uuid {
    id(3, n)
}
pub fn role(n: u64) -> Uuid {
    id(4, n)
}
pub fn binding(n: u64) -> Uuid {
    id(5, n)
}
pub fn resource(n: u64) -> Uuid {
    id(6, n)
}
pub fn user(n: u64) -> Bearer {
    Bearer::User(id(7, n))
}
pub fn machine() -> Bearer {
    Bearer::ServiceUser(id(8, 0))
}
pub fn token(n: u64) -> Bearer {
    Bearer::Pat(id(9, n))
}

/// What is true, as plain as it can be kept.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub organizations: BTreeMap<Uuid, Organization>,
    pub projects: BTreeMap<Uuid, Project>,
    pub groups: BTreeMap<Uuid, Group>,
    pub roles: BTreeMap<Uuid, BTreeSet<String>>,
    pub bindings: BTreeMap<Uuid, Binding>,
    /// To tokens.
    pub denied: BTreeSet<String>,
}
pub fn put<V>(map: &mut BTreeMap<Uuid, V>, id: Uuid, now: Option<V>) {
    match now {
        Some(v) => drop(map.insert(id, v)),
        None => drop(map.remove(&id)),
    }
}
impl Facts {
    pub fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Organization(id, now) => put(&mut self.organizations, *id, *now),
            Fact::Project(id, now) => put(&mut self.projects, *id, *now),
            Fact::Group(id, now) => put(&mut self.groups, *id, *now),
            Fact::Role(id, now) => put(&mut self.roles, *id, now.clone().map(|s| s.into_iter().collect())),
            Fact::Binding(id, now) => put(&mut self.bindings, *id, *now),
        }
    }
    /// Is an organization there and enabled?
    pub fn is_enabled(&self, o: Uuid) -> bool {
        self.organizations.get(&o).is_some_and(|o| o.enabled)
    }
    /// The organization that an object lies in.
    pub fn home(&self, object: Object) -> Option<Uuid> {
        match object {
            Object::Organization(o)
            | Object::ServiceUser { organization: o }
            | Object::Invitation { organization: o, .. } => Some(o),
            Object::Project(j) | Object::Resource { project: j, .. } => self.projects.get(&j).map(|j| j.organization),
            Object::Group(g) => self.groups.get(&g).and_then(|g| g.organization),
        }
    }
    /// The same, with nothing disabled and nothing denied to tokens.
    pub fn opened(&self) -> Self {
        let mut all = Self { denied: BTreeSet::new(), ..self.clone() };
        all.organizations.values_mut().for_each(|o| o.enabled = true);
        all.projects.values_mut().for_each(|j| j.enabled = true);
        all.groups.values_mut().for_each(|g| g.enabled = true);
        all
    }
    /// The same facts, each once, bindings first: nothing may depend on the order.
    pub fn all(&self) -> Vec<Fact> {
        let mut all: Vec<Fact> = self.bindings.iter().map(|(id, b)| Fact::Binding(*id, Some(*b))).collect();
        all.extend(self.groups.iter().map(|(id, g)| Fact::Group(*id, Some(*g))));
        all.extend(self.roles.iter().map(|(id, r)| Fact::Role(*id, Some(r.iter().cloned().collect()))));
        all.extend(self.projects.iter().map(|(id, p)| Fact::Project(*id, Some(*p))));
        all.extend(self.organizations.iter().map(|(id, o)| Fact::Organization(*id, Some(*o))));
        all
    }
}

pub fn permissions() -> Vec<Permission> {
    let built_in = BUILT_IN.iter();
    let mut all: Vec<Permission> =
        built_in.flat_map(|(ns, verbs)| verbs.iter().map(|v| Permission::new(ns, v))).collect();
    all.extend(["get", "delete"].map(|v| Permission::new("compute/order", v)));
    all.extend(["get", "delete", "accept"].map(|v| Permission::new("app/invitation", v)));
    all
}
/// The ones that tell every case of the table apart; a role of all others would make the interesting ones rare.
pub const INTERESTING: [(&str, &str); 18] = [
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
pub fn sensible(p: &Permission, object: Object) -> bool {
    (&*p.namespace == "app/invitation") == matches!(object, Object::Invitation { .. })
}
pub fn interesting() -> Vec<Permission> {
    INTERESTING.iter().map(|(ns, v)| Permission::new(ns, v)).collect()
}

/// Everybody who may ask, and of a token its user.
pub fn askers() -> Vec<(Bearer, Option<Bearer>)> {
    let mut all: Vec<_> = (0..3).map(|n| (user(n), None)).collect();
    all.push((machine(), None));
    all.push((token(0), Some(user(0))));
    all.push((token(1), Some(user(1))));
    all.push((token(1), None));
    all.extend((0..3).map(|n| (Bearer::Group(group(n)), None)));
    all
}
pub fn objects() -> Vec<Object> {
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
        owner: [Some(user(0)), Some(token(0)), None][usize::try_from(n).unwrap()],
    }));
    all
}

pub fn bearers() -> impl Strategy<Value = Bearer> {
    prop_oneof![
        4 => (0..3u64).prop_map(user),
        1 => Just(machine()),
        2 => (0..3u64).prop_map(|n| Bearer::Group(group(n))),
        2 => (0..2u64).prop_map(token),
    ]
}
pub fn places() -> impl Strategy<Value = Uuid> {
    prop_oneof![
        3 => (0..2u64).prop_map(organization),
        3 => (0..3u64).prop_map(project),
        4 => (0..3u64).prop_map(group),
        2 => (0..3u64).prop_map(resource),
    ]
}
/// Mostly there, sometimes gone.
pub fn there<V: Clone + std::fmt::Debug + 'static>(v: impl Strategy<Value = V> + 'static) -> BoxedStrategy<Option<V>> {
    prop::option::weighted(0.8, v).boxed()
}
pub fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.8)
}
fn slugs(how_many: Range<usize>) -> impl Strategy<Value = Vec<String>> {
    let slugs = prop::collection::vec(0..INTERESTING.len(), how_many);
    slugs.prop_map(|v| v.into_iter().map(|i| interesting()[i].slug.to_string()).collect())
}
fn bound() -> impl Strategy<Value = Binding> {
    (places(), bearers(), 0..4u64, prop::bool::weighted(0.8)).prop_map(|(object, bearer, r, granted)| Binding {
        object,
        bearer,
        role: role(r),
        relation: if granted { Relation::Granted } else { Relation::PatGranted },
    })
}
/// Every role, most bindings, and organizations that are mostly enabled.
pub fn crowd() -> impl Strategy<Value = Vec<Fact>> {
    let roles = prop::collection::vec(slugs(2..6), 4);
    (roles, prop::collection::vec(there(bound()), 12), [prop::bool::weighted(0.9), prop::bool::weighted(0.9)]).prop_map(
        |(roles, bindings, enabled)| {
            let roles = (0..).zip(roles).map(|(n, r)| Fact::Role(role(n), Some(r)));
            let organizations = (0..).zip(enabled);
            let organizations =
                organizations.map(|(n, enabled)| Fact::Organization(organization(n), Some(Organization { enabled })));
            let bindings = (0..).zip(bindings).map(|(n, b)| Fact::Binding(binding(n), b));
            roles.chain(organizations).chain(bindings).collect()
        },
    )
}
pub fn facts() -> impl Strategy<Value = Fact> {
    prop_oneof![
        1 => (0..2u64, there(mostly())).prop_map(|(n, e)| Fact::Organization(organization(n), e.map(|enabled| Organization { enabled }))),
        2 => (0..3u64, there((0..2u64, mostly()))).prop_map(|(n, p)| Fact::Project(
            project(n),
            p.map(|(o, enabled)| Project { organization: organization(o), enabled })
        )),
        2 => (0..3u64, there((prop::option::of(0..2u64), mostly()))).prop_map(|(n, g)| Fact::Group(
            group(n),
            g.map(|(o, enabled)| some_group(n, o.map(organization), enabled))
        )),
        2 => (0..4u64, there(slugs(0..4))).prop_map(|(n, r)| Fact::Role(role(n), r)),
        8 => (0..12u64, there(bound())).prop_map(|(n, b)| Fact::Binding(binding(n), b)),
    ]
}
/// A group that is there. Only those of the tenant map its roles (decision 16), each another one.
fn some_group(n: u64, organization: Option<Uuid>, enabled: bool) -> Group {
    let role = [Role::Approver, Role::Checker, Role::Admin][usize::try_from(n).unwrap()];
    let roles = if organization.is_none() { Roles::NONE.with(role) } else { Roles::NONE };
    Group { organization, enabled, roles }
}
/// Everything is there to begin with, so that most random bindings lead somewhere.
pub fn ground() -> Vec<Fact> {
    let mut all: Vec<Fact> =
        (0..2).map(|n| Fact::Organization(organization(n), Some(Organization { enabled: true }))).collect();
    all.extend(
        (0..3).map(|n| Fact::Project(project(n), Some(Project { organization: organization(n % 2), enabled: true }))),
    );
    all.extend((0..3).map(|n| {
        let organization = (n < 2).then(|| organization(n));
        Fact::Group(group(n), Some(some_group(n, organization, true)))
    }));
    all
}
