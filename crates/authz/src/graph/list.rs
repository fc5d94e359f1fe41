//! The other way round: everything that somebody may do something to, and everybody who may do something to an object. Both
//! gather who or what a binding could lead to and keep those for which [`Graph::check`] says yes.
use std::collections::BTreeSet;

use portcullis_domain::role_binding::Bearer;
use uuid::Uuid;

use super::check::Object;
use super::permission::Permission;
use super::{Catalogue, Graph};

/// The kinds of objects that the graph knows by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// Organizations.
    Organization,
    /// Projects.
    Project,
    /// Groups.
    Group,
}
impl ObjectKind {
    /// From the namespace's full name.
    pub fn of(namespace: &str) -> Option<Self> {
        Some(match namespace {
            "app/organization" => Self::Organization,
            "app/project" => Self::Project,
            "app/group" => Self::Group,
            _ => return None,
        })
    }
    /// One of them.
    pub const fn object(self, id: Uuid) -> Object {
        match self {
            Self::Organization => Object::Organization(id),
            Self::Project => Object::Project(id),
            Self::Group => Object::Group(id),
        }
    }
}

impl Graph {
    /// All objects of a kind.
    pub fn all(&self, kind: ObjectKind) -> BTreeSet<Uuid> {
        match kind {
            ObjectKind::Organization => self.organizations.keys().copied().collect(),
            ObjectKind::Project => self.projects.keys().copied().collect(),
            ObjectKind::Group => self.groups.keys().copied().collect(),
        }
    }
    /// The objects of a kind on which somebody holds any role, or on what is above them. What may be done to them, a check says.
    pub fn reached(&self, bearer: Bearer, kind: ObjectKind) -> BTreeSet<Uuid> {
        let is_one = |id: &Uuid| match kind {
            ObjectKind::Organization => self.organizations.contains_key(id),
            ObjectKind::Project => self.projects.contains_key(id),
            ObjectKind::Group => self.groups.contains_key(id),
        };
        let groups = self.groups_of(bearer).map(Bearer::Group);
        let mut out = BTreeSet::new();
        for object in std::iter::once(bearer).chain(groups).flat_map(|b| self.bindings_of(b)).map(|(_, b)| b.object) {
            out.extend(Some(object).filter(is_one));
            out.extend(self.in_organization(object).filter(is_one));
        }
        out
    }
    /// The objects of a kind to which somebody may do this.
    pub fn objects(&self, bearer: Bearer, user: Option<Bearer>, p: &Permission, kind: ObjectKind) -> BTreeSet<Uuid> {
        let mut out = self.reached(bearer, kind);
        out.retain(|id| self.check(bearer, user, p, kind.object(*id)).holds());
        out
    }
    /// The people and machines that hold any role on an object or on what is above it, themselves or through a group, and its
    /// owner.
    pub fn reaching(&self, object: Object) -> BTreeSet<Bearer> {
        let mut out = BTreeSet::new();
        let (way, owner) = self.way(object);
        out.extend(owner);
        for (_, binding) in way.into_iter().flatten().flat_map(|id| self.bindings_on(id)) {
            match binding.bearer {
                Bearer::Group(group) => out.extend(self.bindings_on(group).map(|(_, b)| b.bearer)),
                one => drop(out.insert(one)),
            }
        }
        out.retain(|b| matches!(b, Bearer::User(_) | Bearer::ServiceUser(_)));
        out
    }
    /// The people and machines who may do this to an object. A token is nobody: it acts for its user.
    pub fn bearers(&self, p: &Permission, object: Object) -> BTreeSet<Bearer> {
        let mut out = self.reaching(object);
        out.retain(|b| self.check(*b, None, p, object).holds());
        out
    }

    fn in_organization(&self, organization: Uuid) -> impl Iterator<Item = Uuid> {
        let from = self.within.range((organization, Uuid::nil())..);
        from.take_while(move |(o, _)| *o == organization).map(|(_, id)| *id)
    }
    /// The object and what is above it.
    fn way(&self, object: Object) -> ([Option<Uuid>; 3], Option<Bearer>) {
        let above = |project: Uuid| self.project(project).map(|p| p.organization);
        match object {
            Object::Organization(id) | Object::ServiceUser { organization: id } => ([Some(id), None, None], None),
            Object::Project(id) => ([Some(id), above(id), None], None),
            Object::Group(id) => ([Some(id), self.group(id).and_then(|g| g.organization), None], None),
            Object::Resource { id, project, owner } => ([Some(id), Some(project), above(project)], owner),
            Object::Invitation { organization, addressee } => ([Some(organization), None, None], addressee),
        }
    }
}

impl Catalogue {
    /// The permissions of a namespace, by slug.
    pub fn of(&self, namespace: &str) -> Vec<Permission> {
        let mut all: Vec<Permission> = self.iter().filter(|p| *p.namespace == *namespace).cloned().collect();
        all.sort_by(|a, b| a.slug.cmp(&b.slug));
        all
    }
}
