//! Permissions of the access graph: names, the built-in ones, and sets of them.
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

/// Something that may be done to objects of one namespace (spec v1beta1 3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// `app/project`, `compute/order`.
    pub namespace: Arc<str>,
    /// `get`.
    pub verb: Arc<str>,
    /// `app_project_get`: unique in the tenant.
    pub slug: Arc<str>,
}
impl Permission {
    /// Of a namespace's full name.
    pub fn new(namespace: &str, verb: &str) -> Self {
        Self { namespace: namespace.into(), verb: verb.into(), slug: slug(namespace, verb).into() }
    }
}

/// `app_project_get` of `app/project` and `get`.
pub(super) fn slug(namespace: &str, verb: &str) -> String {
    format!("{}_{verb}", namespace.replace('/', "_"))
}

/// The full name of a namespace that a caller may have shortened (spec v1beta1 5.2); any other word stays.
pub fn expand(namespace: &str) -> String {
    match namespace.to_ascii_lowercase().as_str() {
        "user" => "app/user",
        "superuser" => "app/superuser",
        "serviceuser" => "app/serviceuser",
        "group" => "app/group",
        "pat" => "app/pat",
        "org" | "organization" => "app/organization",
        "project" => "app/project",
        "platform" => "app/platform",
        _ => return namespace.to_owned(),
    }
    .to_owned()
}

/// The permissions of the built-in namespaces (spec v1beta1 5.4).
pub static BUILT_IN: &[(&str, &[&str])] = &[
    (
        "app/organization",
        &[
            "administer",
            "delete",
            "update",
            "get",
            "rolemanage",
            "policymanage",
            "projectlist",
            "grouplist",
            "projectcreate",
            "groupcreate",
            "invitationlist",
            "invitationcreate",
            "serviceusermanage",
            "billingmanage",
            "billingview",
        ],
    ),
    ("app/project", &["administer", "delete", "update", "get", "policymanage", "resourcelist"]),
    ("app/group", &["administer", "delete", "update", "get"]),
];

pub(super) fn built_in() -> impl Iterator<Item = Permission> {
    BUILT_IN.iter().flat_map(|(namespace, verbs)| verbs.iter().map(|verb| Permission::new(namespace, verb)))
}

/// A list of permission slugs, for a role.
pub type Permissions = Vec<String>;

/// The numbers of slugs in sets; they are never given back, and there are as many as there are permissions.
#[derive(Clone, Debug)]
pub(super) struct Slugs(HashMap<Arc<str>, u32>);
impl Default for Slugs {
    fn default() -> Self {
        let mut slugs = Self(HashMap::new());
        slugs.set(&STANDING.map(str::to_owned));
        slugs
    }
}
/// The permissions that stand for others: each has its place here as its number.
const STANDING: [&str; 6] = [
    "app_organization_administer",
    "app_organization_update",
    "app_project_administer",
    "app_project_update",
    "app_group_administer",
    "app_group_update",
];
/// What administers an organization; the number after it is what updates one.
pub(super) const ORGANIZATION_ADMINISTER: u32 = 0;
/// The same of a project.
pub(super) const PROJECT_ADMINISTER: u32 = 2;
/// The same of a group.
pub(super) const GROUP_ADMINISTER: u32 = 4;
impl Slugs {
    pub fn get(&self, slug: &str) -> Option<u32> {
        self.0.get(slug).copied()
    }
    pub fn of(&self, set: &PermissionSet) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, n)| set.has(**n)).map(|(slug, _)| &**slug)
    }
    pub fn set(&mut self, slugs: &[String]) -> PermissionSet {
        let mut set = PermissionSet::default();
        for slug in slugs {
            let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
            set.insert(*self.0.entry(slug.as_str().into()).or_insert(next));
        }
        set
    }
}

/// A set of permissions, a bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PermissionSet(Vec<u64>);
impl PermissionSet {
    fn insert(&mut self, n: u32) {
        let word = n as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (n % 64);
    }
    pub fn has(&self, n: u32) -> bool {
        self.0.get(n as usize / 64).is_some_and(|w| w >> (n % 64) & 1 == 1)
    }
}
