//! Permissions and namespaces of a tenant's own resources (spec v1beta1 3.7).
use serde_json::{Map, Value};

use crate::id::Id;
use crate::time::Timestamp;

/// A kind of resource: `compute/order`.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Made by us, version 7.
    pub id: Id<Namespace>,
    /// `service/resource`, unique in the tenant.
    pub name: String,
    /// Free JSON.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Something that may be done to resources of a namespace.
#[derive(Clone, Debug)]
pub struct Permission {
    /// Made by us, version 7.
    pub id: Id<Permission>,
    /// Its namespace's name.
    pub namespace: String,
    /// `get`.
    pub verb: String,
    /// `compute_order_get`: unique in the tenant.
    pub slug: String,
    /// For people.
    pub title: String,
    /// Free JSON.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a permission of a tenant's own is called: `service.resource.verb` (spec v1beta1 3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionKey {
    namespace: String,
    verb: String,
}

/// A slug of at most so many characters.
const LONGEST_SLUG: usize = 64;
/// Verbs that mean a relation between a resource and something else, not a thing to do.
const RELATIONS: [&str; 3] = ["owner", "project", "granted"];

impl PermissionKey {
    /// The text for a key that has not three parts.
    pub const NOTATION: &'static str = "permission key should be provided as 'service.resource.verb'";

    /// Reads `compute.order.get`; the error is the sentence to show.
    pub fn parse(key: &str) -> Result<Self, &'static str> {
        match key.split('.').collect::<Vec<_>>()[..] {
            [service, resource, verb] => Self::new(service, resource, verb),
            _ => Err(Self::NOTATION),
        }
    }
    /// The older form: `compute/order` and `get`.
    pub fn of(namespace: &str, verb: &str) -> Result<Self, &'static str> {
        match namespace.split('/').collect::<Vec<_>>()[..] {
            [service, resource] => Self::new(service, resource, verb),
            _ => Err(Self::NOTATION),
        }
    }
    fn new(service: &str, resource: &str, verb: &str) -> Result<Self, &'static str> {
        let part = |s: &str| {
            let mut chars = s.bytes();
            (3..=64).contains(&s.len())
                && chars.next().is_some_and(|c| c.is_ascii_lowercase())
                && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if [service, resource, verb].contains(&"") {
            return Err(Self::NOTATION);
        }
        if ![service, resource, verb].into_iter().all(part) {
            return Err("Each part of the key: a lower-case letter, then 2 to 63 lower-case letters and digits.");
        }
        if service == "app" {
            return Err("The namespaces of the service app are built in.");
        }
        if RELATIONS.contains(&verb) {
            return Err("The verbs owner, project and granted are taken.");
        }
        let key = Self { namespace: format!("{service}/{resource}"), verb: verb.into() };
        if key.slug().len() > LONGEST_SLUG { Err("At most 64 characters in all.") } else { Ok(key) }
    }
    /// `compute/order`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
    /// `get`.
    pub fn verb(&self) -> &str {
        &self.verb
    }
    /// `compute_order_get`. No part holds `_`, so that two keys never have one slug.
    pub fn slug(&self) -> String {
        format!("{}_{}", self.namespace.replace('/', "_"), self.verb)
    }
}
impl Permission {
    /// `compute.order.get`.
    pub fn key(&self) -> String {
        format!("{}.{}", self.namespace.replace('/', "."), self.verb)
    }
    /// Is it the program's, and not the tenant's own?
    pub fn is_built_in(&self) -> bool {
        self.namespace.starts_with("app/")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn keys_have_three_parts() {
        let key = PermissionKey::parse("compute.order.get").unwrap();
        assert_eq!((key.namespace(), key.verb(), &*key.slug()), ("compute/order", "get", "compute_order_get"));
        assert_eq!(PermissionKey::of("compute/order", "get").unwrap(), key);
        for bad in ["", "compute", "compute.order", "compute..get", "a.b.c.d", ".order.get", "compute/order/get"] {
            assert_eq!(PermissionKey::parse(bad), Err(PermissionKey::NOTATION), "{bad}");
        }
        for bad in [
            "app.project.fly",
            "app.order.get",
            "compute.order.owner",
            "compute.order.project",
            "compute.order.granted",
            "co.order.get",
            "compute.or.get",
            "compute.order.go",
            "Compute.order.get",
            "compute.order_x.get",
            "1st.order.get",
            "compute.order.g\u{e9}t",
            "compute.order.get ",
            "compute.order.get\n",
        ] {
            assert!(PermissionKey::parse(bad).is_err_and(|e| e != PermissionKey::NOTATION), "{bad}");
        }
        let long = |n: usize| PermissionKey::parse(&format!("compute.order.{}", "g".repeat(n)));
        assert!(long(64 - "compute_order_".len()).is_ok() && long(65 - "compute_order_".len()).is_err());
        for bad in ["app", "app/project", "compute", "compute/order/x", ""] {
            assert!(PermissionKey::of(bad, "fly").is_err(), "{bad}");
        }
    }
}
