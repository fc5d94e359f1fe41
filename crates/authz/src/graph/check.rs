//! May somebody do something to an object? The table of spec v1beta1 5.4 as one rule: from the object upwards, each hop accepts
//! the permission itself, the administration of that kind of object, and (for `get`) the permission to update it.
use portcullis_domain::role_binding::{Bearer, Relation};
use uuid::Uuid;

use super::permission::{GROUP_ADMINISTER, ORGANIZATION_ADMINISTER, PROJECT_ADMINISTER, Permission};
use super::{Binding, Graph};

/// The object of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// An organization.
    Organization(Uuid),
    /// A project.
    Project(Uuid),
    /// A group.
    Group(Uuid),
    /// A service user, which has no bindings on it: its organization decides.
    ServiceUser {
        /// Where it lies.
        organization: Uuid,
    },
    /// An invitation, which has no bindings on it either: whom it names, and its organization, decide.
    Invitation {
        /// Into which.
        organization: Uuid,
        /// Whom it names, if they proved the address.
        addressee: Option<Bearer>,
    },
    /// A resource of one of the tenant's own namespaces.
    Resource {
        /// Its id.
        id: Uuid,
        /// Where it lies.
        project: Uuid,
        /// Who may do everything to it.
        owner: Option<Bearer>,
    },
}

/// Through what a check holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The bearer owns the resource, or is the one whom the invitation names.
    Owner,
    /// A binding, held directly or through a group.
    Binding {
        /// Which.
        id: Uuid,
        /// On what: the object or something above it.
        object: Uuid,
        /// Which role.
        role: Uuid,
        /// Through which group.
        group: Option<Uuid>,
    },
}

/// Why a permission that is there does not count (decision 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disabled {
    /// The group itself.
    Group,
    /// The project itself, or the one that the resource lies in.
    Project,
    /// The organization.
    Organization,
}

/// What a check finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Through what it holds; `None`: it does not.
    pub via: Option<Via>,
    /// It would hold, but for this.
    pub disabled: Option<Disabled>,
}
impl Verdict {
    /// It does not hold.
    pub const NO: Self = Self { via: None, disabled: None };
    /// May it be done?
    pub const fn holds(self) -> bool {
        self.via.is_some() && self.disabled.is_none()
    }
}

/// The permissions that stand for others on a kind of object.
#[derive(Clone, Copy)]
struct Kind {
    namespace: &'static str,
    /// The number of what administers it; the one after it is what updates it.
    administer: Option<u32>,
}
const ORGANIZATION: Kind = Kind { namespace: "app/organization", administer: Some(ORGANIZATION_ADMINISTER) };
const PROJECT: Kind = Kind { namespace: "app/project", administer: Some(PROJECT_ADMINISTER) };
const GROUP: Kind = Kind { namespace: "app/group", administer: Some(GROUP_ADMINISTER) };
/// What on an organization counts for its invitations.
const INVITE: &str = "app_organization_invitationcreate";
const LIST_INVITATIONS: &str = "app_organization_invitationlist";
/// On a resource each permission stands for itself alone.
const RESOURCE: Kind = Kind { namespace: "", administer: None };

/// Who holds more than this is looked for among the groups of the object, and not the other way round.
const FEW: usize = 8;

/// A step of the way up, with the permissions that count there.
struct Hop {
    object: Uuid,
    accepted: [Option<u32>; 3],
    /// What counts there for a token that was given all projects.
    all_projects: [Option<u32>; 2],
}

impl Graph {
    /// Does `bearer` have this permission on the object? Of a token both have to hold: what it was given and what its `user`
    /// may; nobody who is disabled may come this far.
    pub fn check(&self, bearer: Bearer, user: Option<Bearer>, permission: &Permission, object: Object) -> Verdict {
        let token = matches!(bearer, Bearer::Pat(_));
        if token && user.is_none() {
            return Verdict::NO;
        }
        let verdict = self.alone(bearer, permission, object, token);
        match user {
            Some(user) if verdict.via.is_some() => {
                let own = self.alone(user, permission, object, false);
                if own.via.is_some() { verdict } else { Verdict::NO }
            }
            _ => verdict,
        }
    }

    /// A token's half of a check: what it was given, whoever its user is.
    pub fn given_to_token(&self, token: Uuid, permission: &Permission, object: Object) -> Verdict {
        self.alone(Bearer::Pat(token), permission, object, true)
    }

    fn alone(&self, bearer: Bearer, permission: &Permission, object: Object, token: bool) -> Verdict {
        let Some((hops, count)) = self.hops(permission, object, token) else { return Verdict::NO };
        let hops = &hops[..count];
        let disabled = self.disabled(object);
        // a token has what it was given and nothing by owning: that its user owns it is the other half of the check
        let own = match object {
            Object::Resource { owner, .. } | Object::Invitation { addressee: owner, .. } => owner == Some(bearer),
            _ => false,
        };
        if own && !token {
            return Verdict { via: Some(Via::Owner), disabled };
        }
        if let Bearer::Group(id) = bearer
            && !self.groups.get(&id).is_some_and(|g| g.enabled)
        {
            return Verdict::NO;
        }
        let through = |group: Uuid| match self.counts(group, object) {
            true => self.through(Bearer::Group(group), hops, Some(group)),
            false => None,
        };
        let via = self.through(bearer, hops, None).or_else(|| match self.held.get(&bearer) {
            // few groups hold something on an object; somebody may be in very many
            Some(held) if held.bindings.len() > FEW => {
                let on = hops.iter().flatten().flat_map(|hop| self.groups_on(hop.object));
                on.filter(|g| self.is_in(bearer, *g)).find_map(through)
            }
            _ => self.groups_of(bearer).find_map(through),
        });
        Verdict { via, disabled: disabled.filter(|_| via.is_some()) }
    }

    /// The groups that hold something on an object.
    fn groups_on(&self, object: Uuid) -> impl Iterator<Item = Uuid> {
        let first = (object, Bearer::Group(Uuid::nil()), Uuid::nil());
        self.on.range(first..).map_while(move |(o, bearer, _)| match bearer {
            Bearer::Group(group) if *o == object => Some(*group),
            _ => None,
        })
    }
    /// Is somebody in this group, and is it one that gives something?
    fn is_in(&self, bearer: Bearer, group: Uuid) -> bool {
        let member = matches!(bearer, Bearer::User(_) | Bearer::ServiceUser(_));
        member && self.is_member(bearer, group) && self.groups.get(&group).is_some_and(|g| g.enabled)
    }
    /// Does membership in a group count? Not while its organization is disabled (decision 19); if that is the object's own, the
    /// verdict says so instead.
    fn counts(&self, group: Uuid, object: Object) -> bool {
        let Some(organization) = self.groups.get(&group).and_then(|g| g.organization) else { return true };
        self.organizations.get(&organization).is_some_and(|o| o.enabled) || self.home(object) == Some(organization)
    }

    fn through(&self, bearer: Bearer, hops: &[Option<Hop>], group: Option<Uuid>) -> Option<Via> {
        let held = self.held.get(&bearer)?;
        hops.iter().flatten().find_map(|hop| {
            let counts = |b: &Binding| {
                let Some(role) = self.roles.get(&b.role) else { return false };
                let accepted: &[Option<u32>] = match b.relation {
                    Relation::Granted => &hop.accepted,
                    Relation::PatGranted => &hop.all_projects,
                };
                accepted.iter().flatten().any(|n| role.has(*n))
            };
            let (object, id, binding) = held.on(hop.object).find(|(_, _, b)| counts(b))?;
            Some(Via::Binding { id: *id, object: *object, role: binding.role, group })
        })
    }

    /// The way from the object to its organization. `None`: the permission is none of such an object, or the object is not there.
    fn hops(&self, permission: &Permission, object: Object, token: bool) -> Option<([Option<Hop>; 3], usize)> {
        let ns = &*permission.namespace;
        let custom = !ns.starts_with("app/");
        let of_project = ns == "app/project";
        let counts = |n: &u32| !(token && self.denied_to_tokens.has(*n));
        let own = self.slugs.get(&permission.slug).filter(counts);
        let hop = |object: Uuid, kind: Kind| {
            let by_update = ns == kind.namespace && &*permission.verb == "get";
            let all_projects = kind.namespace == ORGANIZATION.namespace && (custom || of_project);
            // to administer a project or group follows from administering it or its organization, and from nothing else above
            let elsewhere = &*permission.verb == "administer" && !custom && ns != kind.namespace;
            Hop {
                object,
                accepted: [
                    if elsewhere { None } else { own },
                    kind.administer.filter(counts),
                    if by_update { kind.administer.map(|n| n + 1).filter(counts) } else { None },
                ],
                all_projects: match all_projects {
                    true => [own, PROJECT.administer.filter(counts)],
                    false => [None, None],
                },
            }
        };
        let organization = |id: Uuid| hop(id, ORGANIZATION);
        Some(match object {
            Object::Organization(id) => {
                self.organizations.get(&id)?;
                ([Some(organization(id)), None, None], 1)
            }
            Object::Project(id) if custom || of_project => {
                let project = self.projects.get(&id)?;
                ([Some(hop(id, PROJECT)), Some(organization(project.organization)), None], 2)
            }
            Object::Group(id) if ns == "app/group" => {
                let group = self.groups.get(&id)?;
                ([Some(hop(id, GROUP)), group.organization.map(organization), None], 2)
            }
            Object::ServiceUser { organization: id } if ns == "app/organization" => {
                self.organizations.get(&id)?;
                ([Some(organization(id)), None, None], 1)
            }
            Object::Invitation { organization: id, .. } if ns == "app/invitation" => {
                self.organizations.get(&id)?;
                let named = |slug: &str| self.slugs.get(slug).filter(counts);
                let (invite, list) = (named(INVITE), named(LIST_INVITATIONS));
                let administer = ORGANIZATION.administer.filter(counts);
                let accepted = match &*permission.verb {
                    "get" => [invite, list, administer],
                    "delete" => [invite, None, administer],
                    // to accept is for whom it names
                    _ => [None, None, None],
                };
                ([Some(Hop { object: id, accepted, all_projects: [None, None] }), None, None], 1)
            }
            Object::Resource { id, project, .. } if custom => {
                let organization_id = self.projects.get(&project)?.organization;
                ([Some(hop(id, RESOURCE)), Some(hop(project, PROJECT)), Some(organization(organization_id))], 3)
            }
            _ => return None,
        })
    }

    /// Can this permission be held on such an object at all?
    pub fn takes(&self, permission: &Permission, object: Object) -> bool {
        self.hops(permission, object, false).is_some()
    }
    /// What of the object, or of what is above it, is disabled (or gone).
    pub fn disabled(&self, object: Object) -> Option<Disabled> {
        let organization = |id: &Uuid| {
            let enabled = self.organizations.get(id).is_some_and(|o| o.enabled);
            (!enabled).then_some(Disabled::Organization)
        };
        let project = |id: &Uuid| {
            let project = self.projects.get(id)?;
            organization(&project.organization).or((!project.enabled).then_some(Disabled::Project))
        };
        match object {
            Object::Organization(id)
            | Object::ServiceUser { organization: id }
            | Object::Invitation { organization: id, .. } => organization(&id),
            Object::Project(id) | Object::Resource { project: id, .. } => project(&id),
            Object::Group(id) => {
                let group = self.groups.get(&id)?;
                let above = group.organization.as_ref().and_then(organization);
                above.or((!group.enabled).then_some(Disabled::Group))
            }
        }
    }
}
