//! What an access file asks for, once each of its words is known to mean something by itself. Whether what it names is there
//! is decided in the transaction.
use std::collections::HashSet;

use portcullis_authz::graph::expand;
use portcullis_domain::organization::State;
use portcullis_domain::permission::PermissionKey;
use portcullis_domain::value::{Email, Slug, line, name_key};
use portcullis_domain::{Error, FieldError, Id, Result, avatar, fields};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::file::{
    AccessFile, BindingEntry, GroupEntry, OrganizationEntry, PlatformRelation, ProjectEntry, RoleEntry, VERSION,
};
use crate::access_role::NewRole;
use crate::group::GroupContent;
use crate::organization::{Content, NewOrganization};
use crate::permission::NewPermission;
use crate::policy::NewPolicy;
use crate::project::{NewProject, ProjectContent};

/// Things of a file, all kinds together.
const MOST: usize = 50_000;

/// A policy with its rules as they were written.
#[derive(Clone, Debug)]
pub struct WantedPolicy {
    /// The policy.
    pub policy: NewPolicy,
    /// One Cedar statement each.
    pub rules: Vec<String>,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub(super) set: String,
    pub(super) permissions: Vec<NewPermission>,
    pub(super) roles: Vec<NewRole>,
    pub(super) organizations: Vec<WantedOrganization>,
    pub(super) groups: Vec<WantedGroup>,
    pub(super) policies: Vec<WantedPolicy>,
    pub(super) bindings: Vec<WantedBinding>,
    pub(super) platform_users: Vec<(Email, PlatformRelation)>,
}
#[derive(Clone, Debug)]
pub(super) struct WantedOrganization {
    pub new: NewOrganization,
    pub state: State,
    pub roles: Vec<NewRole>,
    pub groups: Vec<WantedGroup>,
    pub projects: Vec<WantedProject>,
}
#[derive(Clone, Debug)]
pub(super) struct WantedGroup {
    pub content: GroupContent,
    pub state: State,
}
#[derive(Clone, Debug)]
pub(super) struct WantedProject {
    pub new: NewProject,
    pub state: State,
}
/// Something by its name where it lies: of an organization, or of the tenant itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Placed {
    pub organization: Option<String>,
    pub name: String,
}
impl std::fmt::Display for Placed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.organization {
            Some(organization) => write!(f, "{organization}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
/// What a role is held on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum On {
    Organization(String),
    Project(String),
    Group(Placed),
    Resource { namespace: String, id: Uuid },
}
/// Who holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum To {
    User(Email),
    ServiceUser(Uuid),
    Group(Placed),
}
#[derive(Clone, Debug)]
pub(super) struct WantedBinding {
    pub role: Placed,
    pub on: On,
    pub to: To,
    /// How the file says it.
    pub text: String,
}

impl Wanted {
    /// Reads a file whose policies were read already (their form is that of `/v1`); every wrong place is told at once.
    pub fn read(file: AccessFile, policies: Vec<WantedPolicy>) -> Result<Self> {
        let mut r = Reader::default();
        if file.version != VERSION {
            r.wrong("version", format!("This program reads version {VERSION}."));
        }
        if Slug::tenant(&file.set).is_err() {
            r.wrong("set", "1 to 63 lower-case letters, digits and '-', not beginning with '-'.");
        }
        let inner: usize = file.organizations.iter().map(|o| o.roles.len() + o.groups.len() + o.projects.len()).sum();
        let things = file.permissions.len()
            + file.roles.len()
            + file.organizations.len()
            + inner
            + file.groups.len()
            + policies.iter().map(|p| 1 + p.rules.len()).sum::<usize>()
            + file.bindings.len()
            + file.platform_users.len();
        if things > MOST {
            return Err(Error::field("", format!("A file holds at most {MOST} things; this one has {things}.")));
        }
        let mut permissions = vec![];
        for (n, p) in file.permissions.into_iter().enumerate() {
            let at = format!("permissions[{n}]");
            let title = r.title(&at, &p.title);
            let metadata = r.metadata(&at, p.metadata);
            match PermissionKey::parse(&p.name) {
                Ok(key) => permissions.push(NewPermission { key, title, metadata }),
                Err(e) => r.wrong(format!("{at}.name"), e),
            }
        }
        r.once("permissions", permissions.iter().map(|p| p.key.slug()));
        let roles = r.roles("roles", file.roles);
        let organizations = file.organizations.into_iter().enumerate();
        let organizations: Vec<_> =
            organizations.filter_map(|(n, o)| r.organization(&format!("organizations[{n}]"), o)).collect();
        r.once("organizations", organizations.iter().map(|o| o.new.name.to_string()));
        let projects = organizations.iter().flat_map(|o| &o.projects).map(|p| p.new.name.to_string());
        r.once("projects of all organizations", projects.collect::<Vec<_>>());
        let groups = r.groups("groups", file.groups);
        r.once("policies", policies.iter().map(|p| name_key(&p.policy.name)));
        let bindings: Vec<_> = file
            .bindings
            .into_iter()
            .enumerate()
            .filter_map(|(n, b)| r.binding(&format!("bindings[{n}]"), &b))
            .collect();
        r.once("bindings", bindings.iter().map(|b| b.text.clone()));
        let mut platform_users = vec![];
        for (n, p) in file.platform_users.into_iter().enumerate() {
            match Email::parse(&p.user) {
                Ok(email) => platform_users.push((email, p.relation)),
                Err(e) => r.wrong(format!("platform_users[{n}].user"), e),
            }
        }
        r.once("platform_users", platform_users.iter().map(|(e, relation)| format!("{e} {relation:?}")));
        if !r.0.is_empty() {
            return Err(Error::fields(r.0));
        }
        Ok(Self { set: file.set, permissions, roles, organizations, groups, policies, bindings, platform_users })
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Reader(Vec<FieldError>);
impl Reader {
    fn wrong(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: at.into().into(), message: message.into().into() });
    }
    /// A name that is there twice says two things.
    fn once(&mut self, section: &str, names: impl IntoIterator<Item = String>) {
        let mut seen = HashSet::new();
        for name in names {
            if let Some(name) = seen.replace(name) {
                self.wrong(section, format!("{name} is there twice."));
            }
        }
    }
    fn title(&mut self, at: &str, title: &str) -> String {
        line(title, 200).map_err(|e| self.wrong(format!("{at}.title"), e)).unwrap_or_default()
    }
    fn metadata(&mut self, at: &str, metadata: Map<String, Value>) -> Map<String, Value> {
        let read = fields::metadata(Value::Object(metadata));
        read.map_err(|e| self.wrong(format!("{at}.metadata"), e)).unwrap_or_default()
    }
    fn name(&mut self, at: &str, name: &str) -> Option<Slug> {
        Slug::parse(name).map_err(|e| self.wrong(format!("{at}.name"), e)).ok()
    }
    fn roles(&mut self, section: &str, roles: Vec<RoleEntry>) -> Vec<NewRole> {
        let mut out = vec![];
        for (n, r) in roles.into_iter().enumerate() {
            let at = format!("{section}[{n}]");
            let (title, metadata) = (self.title(&at, &r.title), self.metadata(&at, r.metadata));
            if let Some(name) = self.name(&at, &r.name) {
                out.push(NewRole { name, title, permissions: r.permissions, scopes: r.scopes, metadata });
            }
        }
        self.once(section, out.iter().map(|r| r.name.to_string()));
        out
    }
    fn groups(&mut self, section: &str, groups: Vec<GroupEntry>) -> Vec<WantedGroup> {
        let mut out = vec![];
        for (n, g) in groups.into_iter().enumerate() {
            let at = format!("{section}[{n}]");
            let (title, metadata) = (self.title(&at, &g.title), self.metadata(&at, g.metadata));
            if let Some(name) = self.name(&at, &g.name) {
                out.push(WantedGroup { content: GroupContent { name, title, metadata }, state: g.state.state() });
            }
        }
        self.once(section, out.iter().map(|g| g.content.name.to_string()));
        out
    }
    fn project(&mut self, at: &str, p: ProjectEntry) -> Option<WantedProject> {
        let content = ProjectContent { title: self.title(at, &p.title), metadata: self.metadata(at, p.metadata) };
        Some(WantedProject { new: NewProject { name: self.name(at, &p.name)?, content }, state: p.state.state() })
    }
    fn organization(&mut self, at: &str, o: OrganizationEntry) -> Option<WantedOrganization> {
        if let Some(e) = o.avatar.as_deref().and_then(|a| avatar::either(a).err()) {
            self.wrong(format!("{at}.avatar"), e);
        }
        let (title, metadata) = (self.title(at, &o.title), self.metadata(at, o.metadata));
        let roles = self.roles(&format!("{at}.roles"), o.roles);
        let groups = self.groups(&format!("{at}.groups"), o.groups);
        let projects = o.projects.into_iter().enumerate();
        let projects = projects.filter_map(|(n, p)| self.project(&format!("{at}.projects[{n}]"), p)).collect();
        let content = Content { title, avatar: o.avatar, metadata };
        let new = NewOrganization { name: self.name(at, &o.name)?, content };
        Some(WantedOrganization { new, state: o.state.state(), roles, groups, projects })
    }
    fn binding(&mut self, at: &str, b: &BindingEntry) -> Option<WantedBinding> {
        let on = on(&b.on).map_err(|e| self.wrong(format!("{at}.on"), e)).ok();
        let to = to(&b.to).map_err(|e| self.wrong(format!("{at}.to"), e)).ok();
        let text = format!("{} on {} to {}", b.role, b.on, b.to);
        Some(WantedBinding { role: placed(&b.role), on: on?, to: to?, text })
    }
}

/// `organization/name`, or a name alone.
fn placed(text: &str) -> Placed {
    match text.split_once('/') {
        Some((organization, name)) => {
            Placed { organization: Some(organization.to_lowercase()), name: name.to_lowercase() }
        }
        None => Placed { organization: None, name: text.to_lowercase() },
    }
}
fn on(text: &str) -> Result<On, &'static str> {
    const HINT: &str = "organization:name, project:name, group:organization/name, or a resource: service/resource:id.";
    let (kind, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).ok_or(HINT)?;
    Ok(match &*expand(kind) {
        "app/organization" => On::Organization(rest.to_lowercase()),
        "app/project" => On::Project(rest.to_lowercase()),
        "app/group" => On::Group(placed(rest)),
        own if !own.starts_with("app/") && own.contains('/') => {
            let id = rest.parse::<Id<()>>().map_err(|_| "A resource is named by its id, a UUID.")?.uuid();
            On::Resource { namespace: own.into(), id }
        }
        _ => return Err(HINT),
    })
}
fn to(text: &str) -> Result<To, &'static str> {
    const HINT: &str = "user:address, group:organization/name, or serviceuser:id.";
    let (kind, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).ok_or(HINT)?;
    Ok(match &*expand(kind) {
        "app/user" => To::User(Email::parse(rest)?),
        "app/serviceuser" => To::ServiceUser(rest.parse::<Id<()>>().map_err(|_| HINT)?.uuid()),
        "app/group" => To::Group(placed(rest)),
        _ => return Err(HINT),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    fn read(json: Value) -> Result<Wanted> {
        Wanted::read(serde_json::from_value(json).unwrap(), vec![])
    }

    #[test]
    fn every_wrong_place_is_told_at_once() {
        let e = read(serde_json::json!({
            "version": 2, "set": "No Good",
            "permissions": [{ "name": "compute.order" }],
            "roles": [{ "name": "ab", "permissions": [] }],
            "organizations": [{ "name": "acme", "groups": [{ "name": "dev" }, { "name": "DEV" }] }, { "name": "acme" }],
            "bindings": [{ "role": "r", "on": "acme", "to": "user:nobody" }],
        }))
        .unwrap_err();
        for place in [
            "version",
            "set",
            "permissions[0].name",
            "roles[0].name",
            "organizations[0].groups",
            "organizations",
            "bindings[0].on",
            "bindings[0].to",
        ] {
            assert!(e.message().contains(place), "{place}: {e}");
        }
    }

    #[test]
    fn an_unknown_member_is_refused() {
        for wrong in [
            serde_json::json!({ "version": 1, "users": [] }),
            serde_json::json!({ "version": 1, "roles": [{ "name": "abc", "permissions": [], "permission": [] }] }),
            serde_json::json!({ "roles": [] }),
        ] {
            assert!(serde_json::from_value::<AccessFile>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_objects_and_holders() {
        assert_eq!(on("org:Acme"), Ok(On::Organization("acme".into())));
        let developers = Placed { organization: Some("acme".into()), name: "developers".into() };
        assert_eq!(on("app/group:acme/developers"), Ok(On::Group(developers.clone())));
        assert_eq!(to("group:acme/developers"), Ok(To::Group(developers)));
        assert!(matches!(to("user:Ada@Example.com"), Ok(To::User(e)) if &*e == "ada@example.com"));
        for bad in ["", "acme", "organization:", "app/user:x", "platform:x", "compute/order:x"] {
            assert!(on(bad).is_err(), "{bad}");
        }
        for bad in ["", "ada@example.com", "user:ada", "serviceuser:x", "project:web"] {
            assert!(to(bad).is_err(), "{bad}");
        }
    }
}
