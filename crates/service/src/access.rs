//! The tenant's access graph in memory: loaded once, then kept up by looking at what changed since (engine.md 7 to 9).
use portcullis_authz::graph::{Binding, Catalogue, Fact, Graph, Group, Organization, Permission, Project};
use portcullis_domain::Id;
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::role_binding::RoleBinding;
use portcullis_store::access_change::{self, Kind, Touched};
use portcullis_store::{Result, Tx, access_role, group, organization, permission, project, role_binding};
use uuid::Uuid;

/// Organizations, projects, groups, roles and bindings of a tenant, and the words for what may be done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    pub graph: Graph,
    pub catalogue: Catalogue,
}

/// What has to be done to an [`Access`] to bring it up to date.
pub(crate) struct News {
    /// Does it begin from nothing?
    whole: bool,
    facts: Vec<Fact>,
    /// The tenant's own permissions, if any of them changed.
    permissions: Option<Vec<Permission>>,
}
impl News {
    /// The access graph with this in it.
    pub fn apply(self, before: &Access, denied_to_tokens: &[String]) -> Access {
        let graph = if self.whole {
            Graph::denying_tokens(denied_to_tokens).after(self.facts)
        } else {
            before.graph.after(self.facts)
        };
        let catalogue = self.permissions.map_or_else(|| before.catalogue.clone(), Catalogue::new);
        Access { graph, catalogue }
    }
    /// Is there anything in it?
    pub fn is_empty(&self) -> bool {
        !self.whole && self.facts.is_empty() && self.permissions.is_none()
    }
}

/// What happened after the revision that is known; -1: everything.
pub(crate) async fn news(tx: &mut Tx, known: i64, now: i64) -> Result<News> {
    let touched = match known {
        -1 => None,
        _ if now - known > access_change::KEPT => None,
        _ => access_change::since(tx, known).await?,
    };
    match touched {
        Some(touched) => changed(tx, touched).await,
        None => everything(tx).await,
    }
}

async fn changed(tx: &mut Tx, touched: Vec<Touched>) -> Result<News> {
    let (mut facts, mut permissions) = (Vec::with_capacity(touched.len()), false);
    for Touched { kind, id } in touched {
        facts.push(match kind {
            Kind::Organization => {
                let now = organization::by_id(tx, Id::from_uuid(id)).await?;
                Fact::Organization(id, now.map(|o| Organization { enabled: o.state.is_enabled() }))
            }
            Kind::Project => Fact::Project(id, project::by_id(tx, Id::from_uuid(id)).await?.as_ref().map(project_fact)),
            Kind::Group => Fact::Group(id, group::by_id(tx, Id::from_uuid(id)).await?.as_ref().map(group_fact)),
            Kind::Role => Fact::Role(id, access_role::by_id(tx, Id::from_uuid(id)).await?.and_then(role_fact)),
            Kind::Binding => {
                Fact::Binding(id, role_binding::by_id(tx, Id::from_uuid(id)).await?.as_ref().map(binding_fact))
            }
            Kind::Permission => {
                permissions = true;
                continue;
            }
        });
    }
    let permissions = if permissions { Some(own_permissions(tx).await?) } else { None };
    Ok(News { whole: false, facts, permissions })
}

async fn everything(tx: &mut Tx) -> Result<News> {
    let mut facts = vec![];
    let mut last = Uuid::nil();
    loop {
        let page = organization::page(tx, last).await?;
        let Some(end) = page.last() else { break };
        last = end.id.uuid();
        facts.extend(
            page.iter().map(|o| Fact::Organization(o.id.uuid(), Some(Organization { enabled: o.state.is_enabled() }))),
        );
    }
    last = Uuid::nil();
    loop {
        let page = project::page(tx, last).await?;
        let Some(end) = page.last() else { break };
        last = end.id.uuid();
        facts.extend(page.iter().map(|p| Fact::Project(p.id.uuid(), Some(project_fact(p)))));
    }
    last = Uuid::nil();
    loop {
        let page = group::page(tx, last).await?;
        let Some(end) = page.last() else { break };
        last = end.id.uuid();
        facts.extend(page.iter().map(|g| Fact::Group(g.id.uuid(), Some(group_fact(g)))));
    }
    last = Uuid::nil();
    loop {
        let page = access_role::page(tx, last).await?;
        let Some(end) = page.last() else { break };
        last = end.id.uuid();
        facts.extend(page.into_iter().map(|r| Fact::Role(r.id.uuid(), role_fact(r))));
    }
    last = Uuid::nil();
    loop {
        let page = role_binding::page(tx, last).await?;
        let Some(end) = page.last() else { break };
        last = end.id.uuid();
        facts.extend(page.iter().map(|b| Fact::Binding(b.id.uuid(), Some(binding_fact(b)))));
    }
    Ok(News { whole: true, facts, permissions: Some(own_permissions(tx).await?) })
}

/// The tenant's own, as they are in this transaction.
pub(crate) async fn own_permissions(tx: &mut Tx) -> Result<Vec<Permission>> {
    let (mut out, mut last) = (vec![], String::new());
    loop {
        let page = permission::page(tx, &last).await?;
        let Some(end) = page.last() else { return Ok(out) };
        last.clone_from(&end.slug);
        out.extend(page.iter().map(|p| Permission::new(&p.namespace, &p.verb)));
    }
}

fn project_fact(p: &portcullis_domain::project::Project) -> Project {
    Project { organization: p.organization_id.uuid(), enabled: p.state.is_enabled() }
}
fn group_fact(g: &portcullis_domain::group::Group) -> Group {
    Group { organization: g.organization_id.map(Id::uuid), enabled: g.state.is_enabled(), roles: g.roles() }
}
/// A disabled role gives nothing.
fn role_fact(r: AccessRole) -> Option<Vec<String>> {
    r.state.is_enabled().then_some(r.permissions)
}
fn binding_fact(b: &RoleBinding) -> Binding {
    Binding { object: b.object_id, bearer: b.bearer, role: b.role_id.uuid(), relation: b.relation }
}
