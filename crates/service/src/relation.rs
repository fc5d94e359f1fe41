//! Relations, Frontier's single edges of the access graph (spec v1beta1 2.3.10, 3.8): made and ended as the things that they stand
//! for, with the rules of these. There is no general tuple engine (engine.md 6). What is there is read in `relation_list.rs`.
use portcullis_domain::group::Group;
use portcullis_domain::relation::{Relation, RelationId};
use portcullis_domain::resource::Resource;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Code, Ctx, Error, Id, Result, Roles};
use portcullis_store::{Tx, resource};
use uuid::Uuid;

use crate::authorize::{Gate, is_superuser};
use crate::group_member as member;
use crate::holder::bounded;
use crate::platform_user::{self, Found, PlatformRelation, PlatformUserRef};
use crate::relation_list::{List, by_id, list};
use crate::resource as resources;
use crate::role_binding::{self, exists};
use crate::tenancy::Compiled;
use crate::thing::Name;
use crate::user::UserRef;
use crate::{Answer, App, Reply, lookup};

/// A relation as it was sent.
#[derive(Clone, Debug)]
pub struct NamedRelation {
    /// `namespace:id`.
    pub object: String,
    /// What the subject is to it.
    pub relation: String,
    /// `namespace:id`.
    pub subject: String,
    /// `member` for the members of a group.
    pub sub_relation: String,
}

/// One end of an edge that is there: namespace in full, and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub namespace: String,
    pub id: Uuid,
}

/// The one platform object.
pub(crate) const PLATFORM: &str = "app/platform:platform";

impl End {
    pub(crate) fn text(&self) -> String {
        if self.namespace == "app/platform" { PLATFORM.to_owned() } else { format!("{}:{}", self.namespace, self.id) }
    }
}

/// Which relation would be between two ends.
pub(crate) fn candidate(object: &End, relation: &str, subject: &End) -> Option<RelationId> {
    let (of, by) = (object.id, subject.id);
    Some(match (&*object.namespace, relation, &*subject.namespace) {
        ("app/organization", "platform", "app/platform") => RelationId::Platform(of),
        ("app/project", "org", "app/organization") => RelationId::ProjectIn(of),
        ("app/group", "org", "app/organization") => RelationId::GroupIn(of),
        ("app/group", "member", "app/user") => RelationId::Member(of, by),
        ("app/rolebinding", "bearer", _) => RelationId::Bearer(of),
        ("app/rolebinding", "role", "app/role") => RelationId::Role(of),
        ("app/platform", "admin", "app/user") => RelationId::Admin(by),
        ("app/platform", "member", "app/user") => RelationId::Checker(by),
        (_, "granted" | "pat_granted", "app/rolebinding") => RelationId::Granted(by),
        (own, "project", "app/project") if !own.starts_with("app/") => RelationId::ResourceIn(of),
        (own, "owner", "app/user" | "app/serviceuser") if !own.starts_with("app/") => RelationId::Owner(of),
        _ => return None,
    })
}

impl App {
    /// Makes a member of a group, an owner of a resource, a superuser or a checker; what is there already is answered as it is.
    /// Superusers.
    pub async fn create_relation(
        &self,
        cx: &Ctx,
        new: Result<NamedRelation>,
        reply: Reply<Relation>,
    ) -> Result<Answer> {
        let plan = self.plan(cx, new).await;
        let gate = gate("relations:create", &plan);
        let command = async { self.to_make(cx, plan?).await };
        self.answer(cx, gate, command, reply, make).await
    }
    /// One relation by its id. Superusers.
    pub async fn get_relation(&self, cx: &Ctx, id: &str) -> Result<Relation> {
        self.allow(cx, &Gate::superuser("relations:read")).await?;
        let found = match id.parse() {
            Ok(id) => self.0.db.read(cx.clone(), &id, by_id).await?,
            Err(_) => None,
        };
        found.ok_or_else(|| Error::not_found("relation"))
    }
    /// Ends a membership, a role binding, or what somebody is to the platform. Superusers.
    pub async fn delete_relation(&self, cx: &Ctx, named: Result<NamedRelation>) -> Result<()> {
        let plan = self.plan(cx, named).await;
        let gate = gate("relations:delete", &plan);
        let command = async { self.to_end(cx, plan?).await };
        self.apply(cx, gate, command, end).await
    }
    /// The relations of an object, of a subject, between the two, or all. What is not there has none. Superusers.
    pub async fn list_relations(&self, cx: &Ctx, object: &str, subject: &str) -> Result<Vec<Relation>> {
        self.allow(cx, &Gate::superuser("relations:list")).await?;
        let compiled = self.snapshot(cx).await?;
        let (mut ends, mut gone) = ([None, None], false);
        for (text, end) in [object, subject].into_iter().zip(&mut ends) {
            if !text.is_empty() {
                *end = self.end(cx, &compiled, text).await?;
                gone |= end.is_none();
            }
        }
        if gone {
            return Ok(vec![]);
        }
        let [object, subject] = ends;
        let all = self.0.db.scan(cx.clone(), List { object, subject }, list).await?;
        bounded(all.len())?;
        Ok(all)
    }

    /// What one end names; `None` is not there. Organizations, projects and users may be named by their names, and users by their
    /// addresses.
    async fn end(&self, cx: &Ctx, compiled: &Compiled, text: &str) -> Result<Option<End>> {
        let name = Name::parse(text).ok_or_else(notation)?;
        let namespace = name.namespace.clone();
        let id = match &*namespace {
            "app/platform" => (name.id == "platform").then(Uuid::nil),
            "app/user" => {
                let which = match (name.id.parse(), Email::parse(&name.id), Slug::parse(&name.id)) {
                    (Ok(id), ..) => UserRef::Id(id),
                    (_, Ok(email), _) => UserRef::Email(email),
                    (_, _, Ok(slug)) => UserRef::Slug(slug),
                    _ => return Ok(None),
                };
                self.find_user(cx, &which).await?.map(|u| u.id.uuid())
            }
            "app/rolebinding" | "app/role" | "app/serviceuser" | "app/pat" => {
                name.id.parse::<Id<Relation>>().ok().map(Id::uuid)
            }
            _ => self.thing(cx, compiled, name).await?.map(|t| t.id),
        };
        Ok(id.map(|id| End { namespace, id }))
    }
    /// What a call on a relation is about. Nothing is looked up for whom it is refused anyhow.
    async fn plan(&self, cx: &Ctx, named: Result<NamedRelation>) -> Result<Plan> {
        let named = named?;
        if !is_superuser(&cx.principal) {
            return Err(self.missing(cx, "relations:read", "relation"));
        }
        let compiled = self.snapshot(cx).await?;
        let object = self.end(cx, &compiled, &named.object).await?;
        let subject = self.end(cx, &compiled, &named.subject).await?;
        let Some(subject) = subject else {
            let of_user = Name::parse(&named.subject).is_some_and(|n| n.namespace == "app/user");
            return Err(Error::not_found(if of_user { "user" } else { "relation" }));
        };
        let object = object.ok_or_else(|| Error::not_found("relation"))?;
        let id = candidate(&object, &named.relation, &subject).ok_or_else(unsupported)?;
        let what = match id {
            RelationId::Admin(user) => What::Platform(self.person(cx, user).await?, PlatformRelation::Admin),
            RelationId::Checker(user) => What::Platform(self.person(cx, user).await?, PlatformRelation::Member),
            _ => What::Other,
        };
        let there = self.0.db.read(cx.clone(), &id, by_id).await?.filter(|r| {
            (&r.object, &r.subject) == (&object.text(), &subject.text())
                && r.relation == named.relation
                && (named.sub_relation.is_empty() || r.sub_relation == named.sub_relation)
        });
        if !named.sub_relation.is_empty() && there.is_none() {
            return Err(unsupported());
        }
        Ok(Plan { id, what, subject, there: there.is_some() })
    }
    async fn person(&self, cx: &Ctx, id: Uuid) -> Result<Box<User>> {
        let which = UserRef::Id(Id::from_uuid(id));
        self.find_user(cx, &which).await?.map(Box::new).ok_or_else(|| Error::not_found("user"))
    }
    async fn to_make(&self, cx: &Ctx, plan: Plan) -> Result<Make> {
        let made = match (plan.there, plan.id, plan.what) {
            (true, ..) => Made::Before,
            (_, _, What::Platform(user, relation)) => {
                let who = PlatformUserRef::User(UserRef::Id(user.id));
                Made::Platform(self.to_give(cx, who, Some(Found::Person(user)), relation).await?)
            }
            (_, RelationId::Member(group, user), _) => {
                let group = self.group_of(cx, group).await?;
                Made::Member(Box::new(self.to_join(cx, &group, Id::from_uuid(user)).await?))
            }
            (_, RelationId::Owner(resource), _) => {
                let seen = self.0.db.read(cx.clone(), &Id::from_uuid(resource), read_resource).await?;
                let seen = seen.ok_or_else(|| Error::not_found("resource"))?;
                let owner = Bearer::new(&plan.subject.namespace, plan.subject.id).ok_or_else(unsupported)?;
                Made::Owner(Box::new(resources::Update::owned_by(seen, owner, cx.now, self.scribe(cx))))
            }
            _ => return Err(unsupported()),
        };
        Ok(Make { id: plan.id, made })
    }
    async fn to_end(&self, cx: &Ctx, plan: Plan) -> Result<Ending> {
        match (plan.there, plan.id, plan.what) {
            (false, ..) => Err(Error::not_found("relation")),
            (_, _, What::Platform(user, relation)) => {
                let (asked, who) = (Roles::NONE.with(relation.role()), PlatformUserRef::User(UserRef::Id(user.id)));
                Ok(Ending::Platform(self.to_take(cx, who, Some(Found::Person(user)), asked)?))
            }
            (_, RelationId::Member(group, user), _) => {
                let group = self.group_of(cx, group).await?;
                Ok(Ending::Member(self.to_leave(cx, &group, Id::from_uuid(user)).await?))
            }
            (_, RelationId::Granted(id) | RelationId::Bearer(id) | RelationId::Role(id), _) => {
                Ok(Ending::Binding(self.to_revoke(cx, &id.to_string()).await?))
            }
            _ => Err(unsupported()),
        }
    }
    async fn group_of(&self, cx: &Ctx, id: Uuid) -> Result<Group> {
        let found = self.0.db.read(cx.clone(), &id.to_string(), lookup::group).await?;
        found.ok_or_else(|| Error::not_found("group"))
    }
}

/// What a call on a relation is about.
struct Plan {
    id: RelationId,
    what: What,
    subject: End,
    /// Is it there?
    there: bool,
}
enum What {
    /// Somebody's role in the tenant.
    Platform(Box<User>, PlatformRelation),
    Other,
}

/// Superusers; for the platform's own relations with the right to give the role. What is made on the way is allowed on one
/// revision.
fn gate(action: &'static str, plan: &Result<Plan>) -> Gate {
    match plan {
        Ok(Plan { what: What::Platform(user, relation), .. }) => {
            let known = Found::Person(user.clone());
            Gate { action, ..platform_user::gate(Some(&known), Roles::NONE.with(relation.role())) }
        }
        _ => Gate::superuser(action).once(),
    }
}

fn notation() -> Error {
    Error::new(Code::InvalidInput, "subject/object should be provided as 'namespace:uuid'")
}
fn unsupported() -> Error {
    let message = "This is no relation that can be made or ended here. Supported are app/platform:platform#admin and #member of a \
        user, app/group:…#member of a user, and the owner of a resource (made only); app/rolebinding and granted end the policy. \
        Roles are given with CreatePolicy, and where things lie follows from them.";
    Error::new(Code::InvalidInput, message)
}

struct Make {
    id: RelationId,
    made: Made,
}
/// As what a relation is made.
enum Made {
    /// It is there.
    Before,
    Platform(platform_user::Give),
    Member(Box<member::SetRole>),
    Owner(Box<resources::Update>),
}
async fn make(tx: &mut Tx, c: &Make) -> portcullis_store::Result<Relation> {
    match &c.made {
        Made::Before => {}
        Made::Platform(give) => platform_user::give(tx, give).await?,
        Made::Member(join) => member::add(tx, join).await?,
        Made::Owner(update) => {
            exists(tx, update.owner()).await?;
            resources::update(tx, update).await.map(drop)?;
        }
    }
    Ok(by_id(tx, &c.id).await?.ok_or_else(|| Error::not_found("relation"))?)
}

/// As what a relation ends.
enum Ending {
    Platform(platform_user::Change),
    Member(member::Remove),
    Binding(role_binding::Revoke),
}
async fn end(tx: &mut Tx, c: &Ending) -> portcullis_store::Result<()> {
    match c {
        Ending::Platform(change) => platform_user::change_roles(tx, change).await,
        Ending::Member(leave) => member::remove(tx, leave).await,
        Ending::Binding(revoke) => role_binding::revoke(tx, revoke).await,
    }
}
async fn read_resource(tx: &mut Tx, id: &Id<Resource>) -> portcullis_store::Result<Option<Resource>> {
    resource::by_id(tx, *id).await
}
