//! The table of spec v1beta1 5.4, written down as the unions it is given in.
use portcullis_authz::graph::{Object, Permission};
use portcullis_domain::role_binding::{Bearer, Relation};
use uuid::Uuid;

use crate::facts::Facts;

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
    /// Would it hold, if everything around the object were enabled?
    pub fn would(&self, bearer: Bearer, owner: Option<Bearer>, p: &Permission, object: Object) -> bool {
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
    pub fn enabled(&self, object: Object) -> bool {
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
