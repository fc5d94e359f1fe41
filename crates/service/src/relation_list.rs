//! Relations as they are read off the things that they stand for (spec v1beta1 5.3).
use std::collections::BTreeMap;

use portcullis_domain::Id;
use portcullis_domain::group::Group;
use portcullis_domain::organization::Organization;
use portcullis_domain::project::Project;
use portcullis_domain::relation::{Relation, RelationId};
use portcullis_domain::resource::Resource;
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::user::User;
use portcullis_store::{Result, Tx, group, organization, project, resource, role_binding, user};
use uuid::Uuid;

use crate::holder::bounded;
use crate::platform_user::{self, PlatformRelation};
use crate::relation::{End, PLATFORM, candidate};

/// Which relations; both ends may be left open.
pub(crate) struct List {
    pub object: Option<End>,
    pub subject: Option<End>,
}

/// Every word that a relation may have.
const WORDS: [&str; 10] =
    ["platform", "org", "member", "project", "owner", "granted", "pat_granted", "bearer", "role", "admin"];

/// The relations of a list, by id; it stops soon after there are too many.
pub(crate) async fn list(tx: &mut Tx, c: &List) -> Result<Vec<Relation>> {
    let mut found = Found::default();
    match (&c.object, &c.subject) {
        (Some(object), Some(subject)) => {
            let texts = (object.text(), subject.text());
            for id in WORDS.iter().filter_map(|word| candidate(object, word, subject)) {
                if let Some(r) = by_id(tx, &id).await?
                    && (&r.object, &r.subject) == (&texts.0, &texts.1)
                {
                    found.note(r);
                }
            }
        }
        (Some(object), None) => found.of_object(tx, object).await?,
        (None, Some(subject)) => found.of_subject(tx, subject).await?,
        (None, None) => found.everything(tx).await?,
    }
    Ok(found.0.into_values().collect())
}

/// One relation, if what it stands for is there.
pub(crate) async fn by_id(tx: &mut Tx, id: &RelationId) -> Result<Option<Relation>> {
    let mut found = Found::default();
    match *id {
        RelationId::Platform(of) => found.organization(organization::by_id(tx, Id::from_uuid(of)).await?.as_ref()),
        RelationId::ProjectIn(of) => found.project(project::by_id(tx, Id::from_uuid(of)).await?.as_ref()),
        RelationId::GroupIn(of) => found.group(group::by_id(tx, Id::from_uuid(of)).await?.as_ref()),
        RelationId::Member(group, user) => {
            for b in role_binding::held_on(tx, Bearer::User(user), group).await? {
                found.member(&b);
            }
        }
        RelationId::ResourceIn(of) | RelationId::Owner(of) => {
            found.resource(resource::by_id(tx, Id::from_uuid(of)).await?.as_ref());
        }
        RelationId::Granted(of) | RelationId::Bearer(of) | RelationId::Role(of) => {
            found.binding(role_binding::by_id(tx, Id::from_uuid(of)).await?.as_ref());
        }
        RelationId::Admin(of) | RelationId::Checker(of) => {
            found.platform_user(user::facts(tx, Id::from_uuid(of)).await?.as_ref());
        }
    }
    Ok(found.0.remove(id))
}

/// What was found, by id. A member who holds several roles on a group is one member.
#[derive(Default)]
struct Found(BTreeMap<RelationId, Relation>);
impl Found {
    fn note(&mut self, new: Relation) {
        let r = self.0.entry(new.id).or_insert_with(|| new.clone());
        r.created_at = r.created_at.min(new.created_at);
        r.updated_at = r.updated_at.max(new.updated_at);
    }
    fn is_full(&self) -> bool {
        bounded(self.0.len()).is_err()
    }

    fn organization(&mut self, o: Option<&Organization>) {
        let Some(o) = o else { return };
        self.note(Relation {
            id: RelationId::Platform(o.id.uuid()),
            object: format!("app/organization:{}", o.id),
            relation: "platform",
            subject: PLATFORM.to_owned(),
            sub_relation: "",
            created_at: o.created_at,
            updated_at: o.updated_at,
        });
    }
    fn project(&mut self, p: Option<&Project>) {
        let Some(p) = p else { return };
        self.note(Relation {
            id: RelationId::ProjectIn(p.id.uuid()),
            object: format!("app/project:{}", p.id),
            relation: "org",
            subject: format!("app/organization:{}", p.organization_id),
            sub_relation: "",
            created_at: p.created_at,
            updated_at: p.updated_at,
        });
    }
    /// One of the tenant itself lies in the platform's organization, the nil UUID (decision 16).
    fn group(&mut self, g: Option<&Group>) {
        let Some(g) = g else { return };
        self.note(Relation {
            id: RelationId::GroupIn(g.id.uuid()),
            object: format!("app/group:{}", g.id),
            relation: "org",
            subject: format!("app/organization:{}", g.organization_id.map_or(Uuid::nil(), Id::uuid)),
            sub_relation: "",
            created_at: g.created_at,
            updated_at: g.updated_at,
        });
    }
    fn resource(&mut self, r: Option<&Resource>) {
        let Some(r) = r else { return };
        let of = |id, relation, subject| Relation {
            id,
            object: format!("{}:{}", r.namespace, r.id),
            relation,
            subject,
            sub_relation: "",
            created_at: r.created_at,
            updated_at: r.updated_at,
        };
        let owner = format!("{}:{}", r.owner.namespace(), r.owner.id());
        let project = format!("app/project:{}", r.project_id);
        self.note(of(RelationId::ResourceIn(r.id.uuid()), "project", project));
        self.note(of(RelationId::Owner(r.id.uuid()), "owner", owner));
    }
    /// The three edges of a binding, and that of a member, if it is one.
    fn binding(&mut self, b: Option<&RoleBinding>) {
        let Some(b) = b else { return };
        let binding = format!("app/rolebinding:{}", b.id);
        let of = |id, object: &str, relation, subject, sub_relation| Relation {
            id,
            object: object.to_owned(),
            relation,
            subject,
            sub_relation,
            created_at: b.created_at,
            updated_at: b.updated_at,
        };
        let (id, on) = (b.id.uuid(), format!("{}:{}", b.namespace, b.object_id));
        let bearer = format!("{}:{}", b.bearer.namespace(), b.bearer.id());
        let members = if matches!(b.bearer, Bearer::Group(_)) { "member" } else { "" };
        self.note(of(RelationId::Granted(id), &on, b.relation.as_str(), binding.clone(), ""));
        self.note(of(RelationId::Bearer(id), &binding, "bearer", bearer, members));
        self.note(of(RelationId::Role(id), &binding, "role", format!("app/role:{}", b.role_id), ""));
        self.member(b);
    }
    fn member(&mut self, b: &RoleBinding) {
        let Bearer::User(user) = b.bearer else { return };
        if b.namespace != "app/group" {
            return;
        }
        self.note(Relation {
            id: RelationId::Member(b.object_id, user),
            object: format!("app/group:{}", b.object_id),
            relation: "member",
            subject: format!("app/user:{user}"),
            sub_relation: "",
            created_at: b.created_at,
            updated_at: b.updated_at,
        });
    }
    fn platform_user(&mut self, u: Option<&User>) {
        let Some(u) = u else { return };
        for relation in PlatformRelation::ALL.into_iter().filter(|r| u.roles.has(r.role())) {
            self.note(Relation {
                id: match relation {
                    PlatformRelation::Admin => RelationId::Admin(u.id.uuid()),
                    PlatformRelation::Member => RelationId::Checker(u.id.uuid()),
                },
                object: PLATFORM.to_owned(),
                relation: relation.as_str(),
                subject: format!("app/user:{}", u.id),
                sub_relation: "",
                created_at: u.created_at,
                updated_at: u.updated_at,
            });
        }
    }

    async fn of_object(&mut self, tx: &mut Tx, object: &End) -> Result<()> {
        let id = object.id;
        match &*object.namespace {
            "app/platform" => return self.platform_users(tx).await,
            "app/rolebinding" => {
                self.binding(role_binding::by_id(tx, Id::from_uuid(id)).await?.as_ref());
                let of = object.text();
                self.0.retain(|_, r| r.object == of);
                return Ok(());
            }
            "app/organization" => self.organization(organization::by_id(tx, Id::from_uuid(id)).await?.as_ref()),
            "app/project" => self.project(project::by_id(tx, Id::from_uuid(id)).await?.as_ref()),
            "app/group" => self.group(group::by_id(tx, Id::from_uuid(id)).await?.as_ref()),
            own if !own.starts_with("app/") => {
                self.resource(resource::by_id(tx, Id::from_uuid(id)).await?.as_ref());
            }
            _ => return Ok(()),
        }
        let (of, mut after) = (object.text(), (Uuid::nil(), Uuid::nil()));
        while !self.is_full() {
            let page = role_binding::on_object(tx, id, after).await?;
            let Some(last) = page.last() else { break };
            after = (last.bearer.id(), last.id.uuid());
            for b in &page {
                self.binding(Some(b));
            }
            // the two other edges of a binding are of itself
            self.0.retain(|_, r| r.object == of);
        }
        Ok(())
    }
    async fn of_subject(&mut self, tx: &mut Tx, subject: &End) -> Result<()> {
        let id = subject.id;
        match &*subject.namespace {
            "app/platform" => self.organizations(tx).await?,
            "app/organization" => {
                let mut after = Uuid::nil();
                while !self.is_full() {
                    let page = project::in_organization(tx, Id::from_uuid(id), after).await?;
                    let Some(last) = page.last() else { break };
                    after = last.id.uuid();
                    page.iter().for_each(|p| self.project(Some(p)));
                }
                let mut after = String::new();
                while !self.is_full() {
                    let page = group::in_scope(tx, Some(Id::from_uuid(id)), &after).await?;
                    let Some(last) = page.last() else { break };
                    after = last.name.to_string();
                    page.iter().for_each(|g| self.group(Some(g)));
                }
            }
            "app/project" => {
                let mut after = (String::new(), String::new());
                while !self.is_full() {
                    let page = resource::in_project(tx, Id::from_uuid(id), (&after.0, &after.1)).await?;
                    let Some(last) = page.last() else { break };
                    after = (last.namespace.clone(), last.name.clone());
                    page.iter().for_each(|r| self.resource(Some(r)));
                    self.only_of(subject);
                }
            }
            "app/rolebinding" => self.binding(role_binding::by_id(tx, Id::from_uuid(id)).await?.as_ref()),
            "app/role" => {
                let mut after = Uuid::nil();
                while !self.is_full() {
                    let page = role_binding::of_role(tx, Id::from_uuid(id), after).await?;
                    let Some(last) = page.last() else { break };
                    after = last.id.uuid();
                    page.iter().for_each(|b| self.binding(Some(b)));
                    self.only_of(subject);
                }
            }
            namespace => match Bearer::new(namespace, id) {
                Some(bearer) => self.of_bearer(tx, bearer, subject).await?,
                None => return Ok(()),
            },
        }
        self.only_of(subject);
        Ok(())
    }
    /// A thing has edges to others too; they must not count as found.
    fn only_of(&mut self, subject: &End) {
        let by = subject.text();
        self.0.retain(|_, r| r.subject == by);
    }
    async fn of_bearer(&mut self, tx: &mut Tx, bearer: Bearer, subject: &End) -> Result<()> {
        if let Bearer::User(id) = bearer {
            self.platform_user(user::facts(tx, Id::from_uuid(id)).await?.as_ref());
        }
        let mut after = Uuid::nil();
        while !self.is_full() {
            let page = role_binding::held_by(tx, bearer, after).await?;
            let Some(last) = page.last() else { break };
            after = last.object_id;
            page.iter().filter(|b| b.bearer == bearer).for_each(|b| self.binding(Some(b)));
            // the page may have ended amid what is held on its last object
            role_binding::held_on(tx, bearer, after).await?.iter().for_each(|b| self.binding(Some(b)));
            self.only_of(subject);
        }
        let mut after = Uuid::nil();
        while !self.is_full() {
            let page = resource::owned_by(tx, bearer.id(), after).await?;
            let Some(last) = page.last() else { break };
            after = last.id.uuid();
            page.iter().filter(|r| r.owner == bearer).for_each(|r| self.resource(Some(r)));
            self.only_of(subject);
        }
        Ok(())
    }
    async fn everything(&mut self, tx: &mut Tx) -> Result<()> {
        self.platform_users(tx).await?;
        self.organizations(tx).await?;
        let mut after = Uuid::nil();
        while !self.is_full() {
            let page = project::page(tx, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id.uuid();
            page.iter().for_each(|p| self.project(Some(p)));
        }
        let mut after = Uuid::nil();
        while !self.is_full() {
            let page = group::page(tx, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id.uuid();
            page.iter().for_each(|g| self.group(Some(g)));
        }
        let mut after = Uuid::nil();
        while !self.is_full() {
            let page = role_binding::page(tx, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id.uuid();
            page.iter().for_each(|b| self.binding(Some(b)));
        }
        let mut after = Uuid::nil();
        while !self.is_full() {
            let page = resource::page(tx, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id.uuid();
            page.iter().for_each(|r| self.resource(Some(r)));
        }
        Ok(())
    }
    async fn organizations(&mut self, tx: &mut Tx) -> Result<()> {
        let mut after = Uuid::nil();
        while !self.is_full() {
            let page = organization::page(tx, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id.uuid();
            page.iter().for_each(|o| self.organization(Some(o)));
        }
        Ok(())
    }
    async fn platform_users(&mut self, tx: &mut Tx) -> Result<()> {
        for p in platform_user::holders(tx, None).await? {
            self.platform_user(Some(&p.who));
        }
        Ok(())
    }
}
