//! A thing of the tenant's own applications that bindings can be about (spec v1beta1 3.9).
use serde_json::{Map, Value};

use crate::id::Id;
use crate::project::Project;
use crate::role_binding::Bearer;
use crate::time::Timestamp;

/// A resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Made by us, or brought along.
    pub id: Id<Resource>,
    /// Where it lies; never changes.
    pub project_id: Id<Project>,
    /// One of the tenant's own namespaces: `compute/order`.
    pub namespace: String,
    /// Unique in its project and namespace; never changes.
    pub name: String,
    /// For people.
    pub title: String,
    /// Who may do everything to it.
    pub owner: Bearer,
    /// Free JSON.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A resource's own address: `frn:{project}:{namespace}:{name}`. Neither a project's name nor a namespace holds a colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urn {
    /// The project's name.
    pub project: String,
    /// The namespace.
    pub namespace: String,
    /// The resource's name.
    pub name: String,
}
impl Urn {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("frn:")?.splitn(3, ':');
        let (project, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        let whole = !project.is_empty() && !namespace.is_empty() && !name.is_empty();
        whole.then(|| Self { project: project.to_lowercase(), namespace: namespace.into(), name: name.into() })
    }
}
impl std::fmt::Display for Urn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "frn:{}:{}:{}", self.project, self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_urn_is_read_as_it_is_written() {
        let urn = Urn { project: "web".into(), namespace: "compute/order".into(), name: "a:b".into() };
        assert_eq!(urn.to_string(), "frn:web:compute/order:a:b");
        assert_eq!(Urn::parse(&urn.to_string()), Some(urn));
        for bad in ["", "frn:", "frn:web", "frn:web:compute/order", "frn:web:compute/order:", "web:compute/order:a"] {
            assert_eq!(Urn::parse(bad), None, "{bad}");
        }
    }
}
