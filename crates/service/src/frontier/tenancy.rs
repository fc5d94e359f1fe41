//! Organizations, projects, groups, and the resources of projects.
use portcullis_domain::group::{Group, MANUAL};
use portcullis_domain::organization::Organization;
use portcullis_domain::project::Project;
use portcullis_domain::resource::{Resource, Urn};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::value::line;
use portcullis_domain::{Id, avatar};
use portcullis_store::access_change::Kind;
use portcullis_store::{Result, Tx, group, organization, permission, project, resource};
use uuid::Uuid;

use super::row::Row;
use super::{Batch, Outcome};
use crate::resource::is_another_object;

pub(super) async fn organization(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let Some(id) = r.id() else { return Ok(Outcome::Problem("no id".into())) };
    if organization::by_id(tx, Id::from_uuid(id)).await?.is_some() {
        return Ok(Outcome::There);
    }
    if is_taken(tx, id).await? {
        return Ok(something_else());
    }
    let mut notes = Notes::default();
    let name = notes.name(r);
    if let Some(other) = organization::by_name(tx, &name).await? {
        return Ok(Outcome::Problem(format!("the name {name} is that of the organization {} here", other.id)));
    }
    let picture = r.text("avatar").filter(|a| avatar::either(a).is_ok());
    notes.when(r.text("avatar").is_some() && picture.is_none(), "the avatar was left out");
    let created_at = r.time("created_at", tx.cx.now);
    let made = Organization {
        id: Id::from_uuid(id),
        name,
        title: r.title(),
        avatar: picture.map(ToOwned::to_owned),
        state: r.state(),
        metadata: notes.metadata(r),
        created_at,
        updated_at: r.time("updated_at", created_at),
        revision: 1,
    };
    if !b.dry_run {
        if !organization::insert(tx, &made).await? {
            return Ok(Outcome::Problem("its id or its name is taken".into()));
        }
        tx.touch(Kind::Organization, id);
    }
    Ok(notes.outcome())
}

/// Bindings know their object by its id alone: of two things with one id each would give away the other's roles.
async fn is_taken(tx: &mut Tx, id: Uuid) -> Result<bool> {
    Ok(resource::by_id(tx, Id::from_uuid(id)).await?.is_some() || is_another_object(tx, id).await?)
}
fn something_else() -> Outcome {
    Outcome::Problem("something else here has this id".into())
}

pub(super) async fn project(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let Some(id) = r.id() else { return Ok(Outcome::Problem("no id".into())) };
    if project::by_id(tx, Id::from_uuid(id)).await?.is_some() {
        return Ok(Outcome::There);
    }
    if is_taken(tx, id).await? {
        return Ok(something_else());
    }
    let Some(organization_id) = organization_of(tx, b, r).await? else { return Ok(without("organization")) };
    let mut notes = Notes::default();
    let name = notes.name(r);
    if let Some(other) = project::by_name(tx, &name).await? {
        return Ok(Outcome::Problem(format!("the name {name} is that of the project {} here", other.id)));
    }
    let created_at = r.time("created_at", tx.cx.now);
    let made = Project {
        id: Id::from_uuid(id),
        organization_id,
        name,
        title: r.title(),
        state: r.state(),
        metadata: notes.metadata(r),
        created_at,
        updated_at: r.time("updated_at", created_at),
        revision: 1,
    };
    if !b.dry_run {
        if !project::insert(tx, &made).await? {
            return Ok(Outcome::Problem("its id or its name is taken".into()));
        }
        tx.touch(Kind::Project, id);
    }
    Ok(notes.outcome())
}

pub(super) async fn group(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let Some(id) = r.id() else { return Ok(Outcome::Problem("no id".into())) };
    if group::by_id(tx, Id::from_uuid(id)).await?.is_some() {
        return Ok(Outcome::There);
    }
    if is_taken(tx, id).await? {
        return Ok(something_else());
    }
    let Some(organization_id) = organization_of(tx, b, r).await? else { return Ok(without("organization")) };
    let mut notes = Notes::default();
    let name = notes.name(r);
    if let Some(other) = group::by_name(tx, Some(organization_id), &name).await? {
        return Ok(Outcome::Problem(format!("the name {name} is that of the group {} there", other.id)));
    }
    let created_at = r.time("created_at", tx.cx.now);
    let made = Group {
        id: Id::from_uuid(id),
        organization_id: Some(organization_id),
        name,
        title: r.title(),
        state: r.state(),
        source: MANUAL.into(),
        identity_provider_id: None,
        external_id: None,
        description: None,
        role_mappings: vec![],
        metadata: notes.metadata(r),
        created_at,
        updated_at: r.time("updated_at", created_at),
        revision: 1,
    };
    if !b.dry_run {
        if !group::insert(tx, &made).await? {
            return Ok(Outcome::Problem("its id or its name is taken".into()));
        }
        tx.touch(Kind::Group, id);
    }
    Ok(notes.outcome())
}

pub(super) async fn resource(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let Some(id) = r.id() else { return Ok(Outcome::Problem("no id".into())) };
    if resource::by_id(tx, Id::from_uuid(id)).await?.is_some() {
        return Ok(Outcome::There);
    }
    if is_another_object(tx, id).await? {
        return Ok(Outcome::Problem("something else has this id".into()));
    }
    let Some(project_id) = r.uuid("project_id") else { return Ok(without("project")) };
    if !b.would_be(project_id) && project::by_id(tx, Id::from_uuid(project_id)).await?.is_none() {
        return Ok(without("project"));
    }
    let namespace = r.str("namespace_name").to_owned();
    if !b.would_know(&namespace) && permission::namespace_by_name(tx, &namespace).await?.is_none() {
        return Ok(Outcome::Problem(format!("the namespace {namespace:?} is not one of this tenant's own")));
    }
    let mut notes = Notes::default();
    // an old row has its name in the URN alone
    let name = r.text("name").map(ToOwned::to_owned).or_else(|| Urn::parse(r.str("urn")).map(|urn| urn.name));
    let name = match line(name.as_deref().unwrap_or_default(), 250) {
        Ok(name) if !name.is_empty() => name,
        _ => return Ok(Outcome::Problem(format!("the name {:?} cannot be kept", r.str("name")))),
    };
    if resource::by_name(tx, Id::from_uuid(project_id), &namespace, &name).await?.is_some() {
        return Ok(Outcome::Problem(format!("the name {name} is taken in its project")));
    }
    let owner = match (r.str("principal_type"), r.uuid("principal_id")) {
        ("app/serviceuser", Some(id)) if b.has_machine(tx, id).await? => Bearer::ServiceUser(id),
        (_, Some(id)) => match b.user(tx, id).await? {
            Some(user) => Bearer::User(user),
            None => {
                notes.when(true, "its owner is nobody here: it has none");
                Bearer::User(Uuid::nil())
            }
        },
        (_, None) => Bearer::User(Uuid::nil()),
    };
    let created_at = r.time("created_at", tx.cx.now);
    let made = Resource {
        id: Id::from_uuid(id),
        project_id: Id::from_uuid(project_id),
        namespace,
        name,
        title: r.title(),
        owner,
        metadata: notes.metadata(r),
        created_at,
        updated_at: r.time("updated_at", created_at),
    };
    if !b.dry_run && !resource::insert(tx, &made).await? {
        return Ok(Outcome::Problem("its id or its name is taken".into()));
    }
    Ok(notes.outcome())
}

async fn organization_of(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Option<Id<Organization>>> {
    let Some(id) = r.uuid("org_id") else { return Ok(None) };
    let there = b.would_be(id) || organization::by_id(tx, Id::from_uuid(id)).await?.is_some();
    Ok(there.then(|| Id::from_uuid(id)))
}
/// It lies in something that is not here.
pub(super) fn without(what: &str) -> Outcome {
    Outcome::Problem(format!("its {what} is not here"))
}

/// What is not as it was.
#[derive(Default)]
pub(super) struct Notes(Vec<String>);
impl Notes {
    pub fn when(&mut self, so: bool, note: &str) {
        if so {
            self.0.push(note.into());
        }
    }
    pub fn name(&mut self, r: &Row) -> portcullis_domain::value::Slug {
        let (name, mended) = r.name();
        self.when(mended, &format!("the name {:?} became {name}", r.str("name")));
        name
    }
    pub fn metadata(&mut self, r: &Row) -> serde_json::Map<String, serde_json::Value> {
        let (metadata, cut) = r.metadata();
        self.when(cut, "the metadata is larger than ours may be, and was left out");
        metadata
    }
    pub fn outcome(self) -> Outcome {
        if self.0.is_empty() { Outcome::Imported } else { Outcome::Changed(self.0.join("; ")) }
    }
}
