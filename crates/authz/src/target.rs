//! What an action is done to: a Cedar resource with the few facts that the base layer reads.
use std::borrow::Cow;
use std::net::IpAddr;

use portcullis_domain::policy::Policy;
use portcullis_domain::tenant::Tenant;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Roles, api_key::ApiKey};
use uuid::Uuid;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// A number.
    Long(i64),
    /// True or false.
    Bool(bool),
    /// An address.
    Ip(IpAddr),
    /// Another entity: type and id.
    Entity(Cow<'a, str>, Cow<'a, str>),
    /// A set of strings.
    Texts(Vec<Cow<'a, str>>),
}
impl<'a> From<&'a str> for Attribute<'a> {
    fn from(s: &'a str) -> Self {
        Self::Text(s.into())
    }
}
impl From<bool> for Attribute<'_> {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}
impl From<i64> for Attribute<'_> {
    fn from(n: i64) -> Self {
        Self::Long(n)
    }
}
impl From<Id<User>> for Attribute<'_> {
    fn from(id: Id<User>) -> Self {
        Self::Entity("User".into(), id.to_string().into())
    }
}

/// Is the target of the caller's own tenant?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Own,
    Other,
}

/// The target of an action. Parents are flattened: name every ancestor, not only the nearest (engine.md 9).
#[derive(Clone, Debug)]
pub struct Target<'a> {
    pub(crate) kind: Cow<'a, str>,
    /// `None` is the caller's own tenant, whose id the snapshot knows.
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) side: Side,
    pub(crate) parents: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(crate) attributes: Vec<(&'static str, Attribute<'a>)>,
    pub(crate) tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(crate) subject: Option<Id<User>>,
    pub(crate) named: bool,
}
impl<'a> Target<'a> {
    fn new(kind: Cow<'a, str>, id: Option<Cow<'a, str>>) -> Self {
        Self {
            kind,
            id,
            side: Side::Own,
            parents: vec![],
            attributes: vec![],
            tags: vec![],
            subject: None,
            named: false,
        }
    }
    /// The caller's tenant: the target of list and create actions, and of anything whose id is not there (spec v1 2.3).
    pub fn tenant() -> Self {
        Self::new("Tenant".into(), None)
    }
    /// Another tenant, seen from the master tenant.
    pub fn other_tenant(id: Id<Tenant>) -> Self {
        Self { side: Side::Other, ..Self::new("Tenant".into(), Some(id.to_string().into())) }
    }
    /// A thing of the tenant by its Cedar type and id. The tenant itself is added to its parents.
    pub fn new_in_tenant(kind: impl Into<Cow<'a, str>>, id: impl Into<Cow<'a, str>>) -> Self {
        Self::new(kind.into(), Some(id.into()))
    }
    /// A user by id alone; rules that read its attributes find none, so prefer [`Target::of_user`].
    pub fn user(id: Id<User>) -> Self {
        Self::new_in_tenant("User", id.to_string()).about(id)
    }
    /// A user with everything that rules may read (spec v1 6.1).
    pub fn of_user(user: &'a User, effective: Roles, groups: &[Uuid]) -> Self {
        let mut t = Self::user(user.id)
            .attribute("email", &*user.email)
            .attribute("email_domain", user.email.domain())
            .attribute("auth_provider", user.auth_provider.as_str())
            .attribute("active", user.state.is_active())
            .attribute("email_verified", user.email_verified)
            .attribute("mfa_enrolled", user.mfa_enrolled)
            .attribute("is_owner", user.is_owner);
        if let Some(manager) = user.manager_id {
            t = t.attribute("manager", manager);
        }
        t.tags = user.tags().into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        t.in_groups(groups, effective)
    }
    /// The person that it is, if it is one.
    pub fn as_user(&self) -> Option<Uuid> {
        self.own_id("User")
    }
    /// The group that it is, if it is one.
    pub fn as_group(&self) -> Option<Uuid> {
        self.own_id("Group")
    }
    fn own_id(&self, kind: &str) -> Option<Uuid> {
        let id = self.id.as_deref().filter(|_| self.kind == kind && self.side == Side::Own)?;
        Uuid::try_parse(id).ok()
    }
    /// The same in these groups, with these roles.
    #[must_use]
    pub fn in_groups(mut self, groups: &[Uuid], roles: Roles) -> Self {
        self.parents.extend(groups.iter().map(|g| ("Group".into(), g.to_string().into())));
        for role in roles.iter() {
            if !self.parents.iter().any(|(kind, id)| kind == "Role" && id == role.as_str()) {
                self.parents.push(("Role".into(), role.as_str().into()));
            }
        }
        self
    }
    /// A group.
    pub fn group(id: Uuid) -> Self {
        Self::new_in_tenant("Group", id.to_string())
    }
    /// An API key and the person who made it.
    pub fn api_key(id: Id<ApiKey>, created_by: Option<Id<User>>) -> Self {
        let t = Self::new_in_tenant("ApiKey", id.to_string());
        match created_by {
            Some(user) => t.attribute("created_by", user).about(user),
            None => t,
        }
    }
    /// A policy.
    pub fn policy(id: Id<Policy>) -> Self {
        Self::new_in_tenant("Policy", id.to_string())
    }
    /// A meta schema.
    pub fn meta_schema(id: Uuid) -> Self {
        Self::new_in_tenant("MetaSchema", id.to_string())
    }
    /// A resource of an access action, by the API's type (`aws_account`, `x_database`) and id.
    pub fn resource(kind: &str, id: impl Into<Cow<'a, str>>) -> Self {
        Self::new_in_tenant(crate::schema::cedar_type(kind), id)
    }
    /// Does it lie in the caller's tenant, rather than be a tenant?
    pub(crate) fn in_own_tenant(&self) -> bool {
        self.id.is_some() && self.side == Side::Own
    }
    /// Adds an ancestor.
    #[must_use]
    pub fn within(mut self, kind: impl Into<Cow<'a, str>>, id: impl Into<Cow<'a, str>>) -> Self {
        self.parents.push((kind.into(), id.into()));
        self
    }
    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: impl Into<Attribute<'a>>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }
    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.tags.push((name.into(), value.into()));
        self
    }
    /// Says whom it is about (requester, grantee, creator): what `own` compares with the caller.
    #[must_use]
    pub fn about(mut self, user: Id<User>) -> Self {
        self.subject = Some(user);
        self
    }
    /// Says that a stage names the caller.
    #[must_use]
    pub fn naming_the_caller(mut self) -> Self {
        self.named = true;
        self
    }
}

impl Attribute<'_> {
    fn into_owned(self) -> Attribute<'static> {
        match self {
            Self::Text(s) => Attribute::Text(owned(s)),
            Self::Long(n) => Attribute::Long(n),
            Self::Bool(b) => Attribute::Bool(b),
            Self::Ip(ip) => Attribute::Ip(ip),
            Self::Entity(kind, id) => Attribute::Entity(owned(kind), owned(id)),
            Self::Texts(list) => Attribute::Texts(list.into_iter().map(owned).collect()),
        }
    }
}
impl Target<'_> {
    /// The same, holding on to nothing: for a decision that may have to be made again at commit (engine.md 15).
    pub fn into_owned(self) -> Target<'static> {
        let pair = |(a, b)| (owned(a), owned(b));
        Target {
            kind: owned(self.kind),
            id: self.id.map(owned),
            side: self.side,
            parents: self.parents.into_iter().map(pair).collect(),
            attributes: self.attributes.into_iter().map(|(name, value)| (name, value.into_owned())).collect(),
            tags: self.tags.into_iter().map(pair).collect(),
            subject: self.subject,
            named: self.named,
        }
    }
}
fn owned(s: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(s.into_owned())
}
