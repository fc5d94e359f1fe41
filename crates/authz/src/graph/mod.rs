//! The access graph of a tenant: organizations, projects, groups, and who holds which role on them.
//!
//! It is persistent in the functional sense: a change makes a new graph that shares everything else with the old one, so that
//! decisions under way keep theirs. Users, service users and resources are not in it (engine.md 7): a caller brings them along.
//! What a check means is in `check.rs`, from the table of spec v1beta1 5.4.
mod caller;
mod check;
mod list;
mod permission;

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_domain::role_binding::{Bearer, Relation};
use portcullis_domain::{Role, Roles};
use uuid::Uuid;

pub use caller::{bearer, maker};
pub use check::{Disabled, Object, Verdict, Via};
pub use list::ObjectKind;
pub use permission::{BUILT_IN, Permission, Permissions, expand};
use permission::{PermissionSet, Slugs};

/// A map that shares what did not change with the one that it was made from. Its keys are ids that the server made.
type Map<K, V> = imbl::GenericHashMap<K, V, foldhash::fast::RandomState, imbl::shared_ptr::DefaultSharedPtr>;

/// An organization as far as checks read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Do bindings below it count?
    pub enabled: bool,
}
/// A project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Project {
    /// Where it lies.
    pub organization: Uuid,
    /// Do bindings on it count?
    pub enabled: bool,
}
/// A group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where it lies; `None` for a group of the tenant (decision 16).
    pub organization: Option<Uuid>,
    /// A disabled group gives nothing.
    pub enabled: bool,
    /// The tenant's roles that its members hold (spec v1 4.4).
    pub roles: Roles,
}
/// A binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// On what; ids are unique over all kinds.
    pub object: Uuid,
    /// Who holds it.
    pub bearer: Bearer,
    /// Which role.
    pub role: Uuid,
    /// How it reaches the object.
    pub relation: Relation,
}

/// One thing as it is now; `None`: it is gone. A graph is built and kept up from these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// An organization.
    Organization(Uuid, Option<Organization>),
    /// A project.
    Project(Uuid, Option<Project>),
    /// A group.
    Group(Uuid, Option<Group>),
    /// A role: the slugs of its permissions.
    Role(Uuid, Option<Vec<String>>),
    /// A binding.
    Binding(Uuid, Option<Binding>),
}

/// What a bearer holds. Lists are short, and sorted by object.
#[derive(Clone, Debug, Default)]
struct Held {
    bindings: Vec<(Uuid, Uuid, Binding)>,
}

/// A tenant's access graph at one moment.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    organizations: Map<Uuid, Organization>,
    projects: Map<Uuid, Project>,
    groups: Map<Uuid, Group>,
    roles: Map<Uuid, Arc<PermissionSet>>,
    bindings: Map<Uuid, Binding>,
    held: Map<Bearer, Arc<Held>>,
    /// Object, bearer, binding: who holds something on an object.
    on: imbl::OrdSet<(Uuid, Bearer, Uuid)>,
    /// Organization, and a project or group in it.
    within: imbl::OrdSet<(Uuid, Uuid)>,
    slugs: Arc<Slugs>,
    /// What no token's role gives, whatever it lists.
    denied_to_tokens: Arc<PermissionSet>,
}

impl Graph {
    /// A graph of nothing, in which no token's role gives these permissions (spec v1beta1 3.20).
    pub fn denying_tokens(slugs: &[String]) -> Self {
        let mut graph = Self::default();
        graph.denied_to_tokens = Arc::new(Arc::make_mut(&mut graph.slugs).set(slugs));
        graph
    }
    /// The graph of these facts alone.
    pub fn build(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut graph = Self::default();
        graph.change(facts);
        graph
    }
    /// The graph after these facts; the old one stays as it was.
    #[must_use]
    pub fn after(&self, facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut graph = self.clone();
        graph.change(facts);
        graph
    }
    fn change(&mut self, facts: impl IntoIterator<Item = Fact>) {
        for fact in facts {
            match fact {
                Fact::Organization(id, now) => put(&mut self.organizations, id, now),
                Fact::Project(id, now) => {
                    let before = self.project(id).map(|p| p.organization);
                    self.place(id, before, now.map(|p| p.organization));
                    put(&mut self.projects, id, now);
                }
                Fact::Group(id, now) => {
                    let before = self.group(id).and_then(|g| g.organization);
                    self.place(id, before, now.and_then(|g| g.organization));
                    put(&mut self.groups, id, now);
                }
                Fact::Role(id, now) => {
                    let set = now.map(|slugs| Arc::new(Arc::make_mut(&mut self.slugs).set(&slugs)));
                    put(&mut self.roles, id, set);
                }
                Fact::Binding(id, now) => self.bind(id, now),
            }
        }
    }
    fn place(&mut self, id: Uuid, before: Option<Uuid>, now: Option<Uuid>) {
        if before == now {
            return;
        }
        if let Some(organization) = before {
            self.within.remove(&(organization, id));
        }
        if let Some(organization) = now {
            self.within.insert((organization, id));
        }
    }
    fn bind(&mut self, id: Uuid, now: Option<Binding>) {
        if let Some(old) = self.bindings.get(&id).copied() {
            if now == Some(old) {
                return;
            }
            self.bindings.remove(&id);
            self.on.remove(&(old.object, old.bearer, id));
            if let Some(held) = self.held.get_mut(&old.bearer) {
                let held = Arc::make_mut(held);
                held.bindings.retain(|(_, b, _)| *b != id);
                if held.bindings.is_empty() {
                    self.held.remove(&old.bearer);
                }
            }
        }
        let Some(new) = now else { return };
        self.bindings.insert(id, new);
        self.on.insert((new.object, new.bearer, id));
        let held = Arc::make_mut(self.held.entry(new.bearer).or_default());
        let at = held.bindings.partition_point(|(object, b, _)| (*object, *b) < (new.object, id));
        held.bindings.insert(at, (new.object, id, new));
    }

    /// An organization, if it is there.
    pub fn organization(&self, id: Uuid) -> Option<Organization> {
        self.organizations.get(&id).copied()
    }
    /// A project, if it is there.
    pub fn project(&self, id: Uuid) -> Option<Project> {
        self.projects.get(&id).copied()
    }
    /// A group, if it is there.
    pub fn group(&self, id: Uuid) -> Option<Group> {
        self.groups.get(&id).copied()
    }
    /// A binding, if it is there.
    pub fn binding(&self, id: Uuid) -> Option<Binding> {
        self.bindings.get(&id).copied()
    }
    /// The bindings on an object, by bearer.
    pub fn bindings_on(&self, object: Uuid) -> impl Iterator<Item = (Uuid, Binding)> {
        let first = (object, Bearer::User(Uuid::nil()), Uuid::nil());
        let on = self.on.range(first..).take_while(move |(o, ..)| *o == object);
        on.filter_map(|(_, _, id)| self.bindings.get(id).map(|b| (*id, *b)))
    }
    /// The bindings that a bearer holds itself, by object.
    pub fn bindings_of(&self, bearer: Bearer) -> impl Iterator<Item = (Uuid, Binding)> {
        self.held.get(&bearer).into_iter().flat_map(|h| h.bindings.iter().map(|(_, id, b)| (*id, *b)))
    }
    /// The enabled groups that somebody is in: those that he holds a role on (spec v1beta1 3.3). Groups and tokens are in none.
    pub fn groups_of(&self, bearer: Bearer) -> impl Iterator<Item = Uuid> {
        let mut last = None;
        let member = matches!(bearer, Bearer::User(_) | Bearer::ServiceUser(_));
        self.bindings_of(bearer).filter(move |_| member).filter_map(move |(_, b)| {
            let new = last.replace(b.object) != Some(b.object);
            (new && self.groups.get(&b.object).is_some_and(|g| g.enabled)).then_some(b.object)
        })
    }
    /// The tenant's roles that somebody holds by their groups, besides their own.
    pub fn mapped_roles(&self, bearer: Bearer) -> Roles {
        let groups = self.groups_of(bearer).filter_map(|id| self.groups.get(&id));
        groups.fold(Roles::NONE, |all, group| all.and(group.roles))
    }
    /// Those who hold a role of the tenant by their groups.
    pub fn mapped(&self, role: Role) -> impl Iterator<Item = Bearer> {
        let groups = self.groups.iter().filter(move |(_, g)| g.enabled && g.roles.has(role));
        groups.flat_map(|(id, _)| self.bindings_on(*id).map(|(_, b)| b.bearer))
    }
    /// The slugs of a role's permissions; a role that is not there, or is disabled, has none.
    pub fn permissions_of(&self, role: Uuid) -> impl Iterator<Item = &str> {
        self.roles.get(&role).into_iter().flat_map(|set| self.slugs.of(set))
    }
    /// How many bindings there are.
    pub fn binding_count(&self) -> usize {
        self.bindings.len()
    }
    /// Does the bearer hold any role on the object itself?
    pub fn is_member(&self, bearer: Bearer, object: Uuid) -> bool {
        self.held.get(&bearer).is_some_and(|h| h.on(object).next().is_some())
    }
}

impl Held {
    /// The bindings on one object.
    fn on(&self, object: Uuid) -> impl Iterator<Item = &(Uuid, Uuid, Binding)> {
        let from = self.bindings.partition_point(|(o, ..)| *o < object);
        self.bindings[from..].iter().take_while(move |(o, ..)| *o == object)
    }
}

fn put<V: Clone>(map: &mut Map<Uuid, V>, id: Uuid, now: Option<V>) {
    match now {
        Some(v) => {
            map.insert(id, v);
        }
        None => {
            map.remove(&id);
        }
    }
}

/// The namespaces and permissions of a tenant, by name: what a check's words mean (spec v1beta1 5.2).
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    by_slug: HashMap<Arc<str>, Permission>,
}
impl Catalogue {
    /// The built-in permissions and the tenant's own.
    pub fn new(own: impl IntoIterator<Item = Permission>) -> Self {
        let all = permission::built_in().chain(own);
        Self { by_slug: all.map(|p| (p.slug.clone(), p)).collect() }
    }
    /// A permission by its slug.
    pub fn get(&self, slug: &str) -> Option<&Permission> {
        self.by_slug.get(slug)
    }
    /// Does any permission lie in this namespace?
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.by_slug.values().any(|p| *p.namespace == *namespace)
    }
    /// What a caller's word means on an object of a namespace: a slug, `service.resource.verb`, `namespace:verb`,
    /// `namespace#verb`, or a bare verb.
    pub fn resolve(&self, word: &str, namespace: &str) -> Option<&Permission> {
        let full = |ns: &str, verb: &str| permission::slug(&permission::expand(ns), verb);
        let slug = if let Some((ns, verb)) = word.split_once(['#', ':']) {
            full(ns, verb)
        } else if word.contains('.') {
            word.replace('.', "_")
        } else if word.contains(['_', '/']) {
            word.replace('/', "_")
        } else {
            full(namespace, word)
        };
        self.get(&slug)
    }
    /// All permissions, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.by_slug.values()
    }
}
