//! Scopes, matched without Cedar: who, and on what.
use portcullis_domain::{Principal, Role, Roles, Subject};
use uuid::Uuid;

use crate::target::Target;

/// The caller as scopes see him. His ancestors are his groups, his roles and the tenant, and nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    pub service: bool,
    pub id: Uuid,
    pub groups: &'a [Uuid],
    pub roles: Roles,
    pub tenant: Uuid,
}
impl<'a> Caller<'a> {
    /// Nobody, directories and the server itself are no principals of rules.
    pub fn new(principal: &'a Principal, tenant: Uuid) -> Option<Self> {
        let (service, id) = match principal.subject {
            Subject::User(id) => (false, id.uuid()),
            Subject::ServiceUser(id) => (true, id.uuid()),
            Subject::Directory(_) | Subject::System | Subject::Anonymous => return None,
        };
        // spec v1 6.1: a service user lies in the tenant only
        let (groups, roles): (&[Uuid], _) =
            if service { (&[], Roles::NONE) } else { (&principal.groups, principal.roles) };
        Some(Self { service, id, groups, roles, tenant })
    }
    /// The target, if it is the caller himself: then it lies in what he lies in, whatever the request knows of it.
    pub fn as_target<'t>(&self, target: &Target<'t>) -> Option<Target<'t>> {
        let same =
            *target.kind == *self.kind() && target.id.as_deref().is_some_and(|id| Uuid::try_parse(id) == Ok(self.id));
        same.then(|| {
            let groups = self.groups.iter().map(|g| ("Group".into(), g.to_string().into()));
            let roles = self.roles.iter().map(|r| ("Role".into(), r.as_str().into()));
            Target { parents: groups.chain(roles).collect(), ..target.clone() }
        })
    }
    pub fn kind(&self) -> &'static str {
        if self.service { "ServiceUser" } else { "User" }
    }
}

/// The target as scopes see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub target: &'a Target<'a>,
    /// The id of the caller's tenant.
    pub tenant: &'a str,
}
impl<'a> Place<'a> {
    pub fn id(&self) -> &str {
        self.target.id.as_deref().unwrap_or(self.tenant)
    }
    /// The entity itself, then its ancestors.
    pub fn entities(&self) -> impl Iterator<Item = (&str, &str)> {
        let tenant = self.target.in_own_tenant().then_some(("Tenant", self.tenant));
        std::iter::once((&*self.target.kind, self.id()))
            .chain(self.target.parents.iter().map(|(k, i)| (&**k, &**i)))
            .chain(tenant)
    }
}

/// An entity that a principal scope names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    User(Uuid),
    ServiceUser(Uuid),
    Group(Uuid),
    Role(Role),
    Tenant(Uuid),
    /// Something that no principal is or lies in.
    Nobody,
}
impl Who {
    pub fn new(kind: &str, id: &str) -> Self {
        // Cedar compares ids as text, and ours are always written in this one form
        let uuid = Uuid::try_parse(id).ok().filter(|u| u.to_string() == id);
        let role = || [Role::User, Role::Approver, Role::Admin, Role::Checker].into_iter().find(|r| r.as_str() == id);
        match (kind, uuid) {
            ("User", Some(id)) => Self::User(id),
            ("ServiceUser", Some(id)) => Self::ServiceUser(id),
            ("Group", Some(id)) => Self::Group(id),
            ("Tenant", Some(id)) => Self::Tenant(id),
            ("Role", _) => role().map_or(Self::Nobody, Self::Role),
            _ => Self::Nobody,
        }
    }
    fn is(self, caller: &Caller<'_>) -> bool {
        match self {
            Self::User(id) => !caller.service && caller.id == id,
            Self::ServiceUser(id) => caller.service && caller.id == id,
            Self::Group(_) | Self::Role(_) | Self::Tenant(_) | Self::Nobody => false,
        }
    }
    fn holds(self, caller: &Caller<'_>) -> bool {
        match self {
            Self::Group(id) => caller.groups.contains(&id),
            Self::Role(role) => caller.roles.has(role),
            Self::Tenant(id) => caller.tenant == id,
            Self::User(_) | Self::ServiceUser(_) | Self::Nobody => self.is(caller),
        }
    }
}

/// The principal part of a scope.
#[derive(Clone, Debug)]
pub(super) enum PrincipalScope {
    Any,
    Eq(Who),
    In(Who),
    Is(Box<str>),
    IsIn(Box<str>, Who),
}
impl PrincipalScope {
    pub fn matches(&self, caller: &Caller<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Eq(who) => who.is(caller),
            Self::In(who) => who.holds(caller),
            Self::Is(kind) => &**kind == caller.kind(),
            Self::IsIn(kind, who) => &**kind == caller.kind() && who.holds(caller),
        }
    }
    /// The entity that it names, if it names one.
    pub fn who(&self) -> Option<Who> {
        match self {
            Self::Eq(who) | Self::In(who) | Self::IsIn(_, who) => Some(*who),
            Self::Any | Self::Is(_) => None,
        }
    }
}

/// The resource part of a scope. Entities are type and id.
#[derive(Clone, Debug)]
pub(super) enum ResourceScope {
    Any,
    Eq(Box<str>, Box<str>),
    In(Box<str>, Box<str>),
    Is(Box<str>),
    IsIn(Box<str>, Box<str>, Box<str>),
}
impl ResourceScope {
    pub fn matches(&self, place: &Place<'_>) -> bool {
        let within = |kind: &str, id: &str| place.entities().any(|e| e == (kind, id));
        match self {
            Self::Any => true,
            Self::Eq(kind, id) => *place.target.kind == **kind && place.id() == &**id,
            Self::In(kind, id) => within(kind, id),
            Self::Is(kind) => *place.target.kind == **kind,
            Self::IsIn(is, kind, id) => *place.target.kind == **is && within(kind, id),
        }
    }
}
