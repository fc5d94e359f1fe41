//! The object that a caller names as `namespace:id` (spec v1beta1 5.2), for checks and for bindings.
use std::sync::Arc;

use portcullis_authz::Target;
use portcullis_authz::graph::{Graph, Object, Permission, expand};
use portcullis_domain::organization::Organization;
use portcullis_domain::resource::{Resource, Urn};
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::{Ctx, Id, Result};
use portcullis_store::{Tx, organization, project, resource, service_user};
use uuid::Uuid;

use crate::App;
use crate::tenancy::Compiled;

/// `namespace:id` as it was sent, the namespace in full.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub namespace: String,
    pub id: String,
}
impl Name {
    /// Reads it. `None`: there is no colon, or nothing on one side of it.
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, id) = text.split_once(':')?;
        let whole = !namespace.is_empty() && !id.is_empty();
        whole.then(|| Self { namespace: expand(namespace), id: id.to_owned() })
    }
    fn uuid(&self) -> Option<Uuid> {
        self.id.parse::<Id<Organization>>().ok().map(Id::uuid)
    }
    fn is_own(&self) -> bool {
        !self.namespace.starts_with("app/")
    }
    /// Does it take a look at the database to know what it is?
    fn is_stored(&self) -> bool {
        self.is_own()
            || self.namespace == MACHINE
            || (self.uuid().is_none() && matches!(&*self.namespace, "app/organization" | "app/project"))
    }
}

const MACHINE: &str = "app/serviceuser";

/// An object of the access graph that is there.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub object: Object,
    pub namespace: Arc<str>,
    pub id: Uuid,
}
impl Thing {
    /// From a resource's row.
    pub fn of(r: &Resource) -> Self {
        let (id, project) = (r.id.uuid(), r.project_id.uuid());
        Self { object: Object::Resource { id, project, owner: Some(r.owner) }, namespace: (*r.namespace).into(), id }
    }
    /// How the API writes it.
    pub fn text(&self) -> String {
        format!("{}:{}", self.namespace, self.id)
    }
    /// May this permission be held on such an object at all?
    pub fn takes(&self, p: &Permission) -> bool {
        takes(&self.namespace, p)
    }
    /// As a rule sees it, with everything above it.
    pub fn target(&self, graph: &Graph) -> Target<'static> {
        let id = self.id.to_string();
        let above = |target: Target<'static>, project: Uuid| match graph.project(project) {
            Some(p) => target.within("Organization", p.organization.to_string()),
            None => target,
        };
        match self.object {
            Object::Organization(id)
            | Object::ServiceUser { organization: id }
            | Object::Invitation { organization: id, .. } => Target::resource("organization", id.to_string()),
            Object::Project(project) => above(Target::resource("project", id), project),
            Object::Group(group) => Target::group(group),
            Object::Resource { project, .. } => {
                let target = Target::resource(&self.namespace, id).within("Project", project.to_string());
                above(target, project)
            }
        }
    }
}

/// May this permission be held on objects of a namespace at all?
pub(crate) fn takes(namespace: &str, p: &Permission) -> bool {
    match namespace {
        "app/organization" => true,
        "app/project" => *p.namespace == *namespace || !p.namespace.starts_with("app/"),
        own => *p.namespace == *own,
    }
}

impl App {
    /// What these names stand for, in their order; `None` is not there. Names, URNs and resources are read in one go.
    pub(crate) async fn things(&self, cx: &Ctx, compiled: &Compiled, names: Vec<Name>) -> Result<Vec<Option<Thing>>> {
        let rows = match names.iter().any(Name::is_stored) {
            true => self.0.db.read(cx.clone(), &names, rows).await?,
            false => names.iter().map(|_| Row::None).collect(),
        };
        let graph = &compiled.access.graph;
        Ok(names.iter().zip(rows).map(|(name, row)| thing(graph, name, row)).collect())
    }
    /// What one name stands for.
    pub(crate) async fn thing(&self, cx: &Ctx, compiled: &Compiled, name: Name) -> Result<Option<Thing>> {
        Ok(self.things(cx, compiled, vec![name]).await?.pop().flatten())
    }
}

enum Row {
    None,
    Id(Uuid),
    ServiceUser(ServiceUser),
    Resource(Box<Resource>),
}

fn thing(graph: &Graph, name: &Name, row: Row) -> Option<Thing> {
    if let Row::Resource(r) = row {
        return graph.project(r.project_id.uuid()).map(|_| Thing::of(&r));
    }
    if let Row::ServiceUser(s) = row {
        let organization = s.organization_id.map(Id::uuid).filter(|o| graph.organization(*o).is_some())?;
        let object = Object::ServiceUser { organization };
        return Some(Thing { object, namespace: MACHINE.into(), id: s.id.uuid() });
    }
    let id = match row {
        Row::Id(id) => id,
        _ => name.uuid()?,
    };
    let object = match &*name.namespace {
        "app/organization" => graph.organization(id).map(|_| Object::Organization(id)),
        "app/project" => graph.project(id).map(|_| Object::Project(id)),
        "app/group" => graph.group(id).map(|_| Object::Group(id)),
        _ => None,
    };
    object.map(|object| Thing { object, namespace: (*name.namespace).into(), id })
}

async fn rows(tx: &mut Tx, names: &Vec<Name>) -> portcullis_store::Result<Vec<Row>> {
    let mut out = Vec::with_capacity(names.len());
    for name in names {
        out.push(row(tx, name).await?);
    }
    Ok(out)
}
async fn row(tx: &mut Tx, name: &Name) -> portcullis_store::Result<Row> {
    if !name.is_stored() {
        return Ok(Row::None);
    }
    let id = |id: Option<Uuid>| id.map_or(Row::None, Row::Id);
    Ok(match &*name.namespace {
        "app/organization" => id(organization::by_name(tx, &name.id.to_lowercase()).await?.map(|o| o.id.uuid())),
        MACHINE => match name.uuid() {
            Some(id) => service_user::by_id(tx, Id::from_uuid(id)).await?.map_or(Row::None, Row::ServiceUser),
            None => Row::None,
        },
        "app/project" => id(project::by_name(tx, &name.id.to_lowercase()).await?.map(|p| p.id.uuid())),
        _ => {
            let found = match (name.uuid(), Urn::parse(&name.id)) {
                (Some(id), _) => resource::by_id(tx, Id::from_uuid(id)).await?,
                (_, Some(urn)) => match project::by_name(tx, &urn.project).await? {
                    Some(p) => resource::by_name(tx, p.id, &urn.namespace, &urn.name).await?,
                    None => None,
                },
                _ => None,
            };
            // one of another namespace is not what was asked for
            found.filter(|r| r.namespace == name.namespace).map_or(Row::None, |r| Row::Resource(Box::new(r)))
        }
    })
}
