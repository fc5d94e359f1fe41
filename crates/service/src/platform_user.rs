//! Superusers and checkers, as Frontier's platform users (spec v1beta1 2.3.15, 3.14): the roles `admin` and `checker` of persons
//! (decision 17). Giving and taking one is giving and taking a role, with its rules.
use std::collections::BTreeMap;

use portcullis_authz::Target;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Ctx, Error, Id, Result, Role, Roles};
use portcullis_store::user_list::{UserFilter, UserOrder};
use portcullis_store::{Tx, user, user_list};
use serde_json::Map;

use crate::app::Scribe;
use crate::authorize::{Asked, Gate};
use crate::change::moved;
use crate::holder::{MOST, bounded};
use crate::user::{NewUser, SlugChoice, UserRef};
use crate::user_change::{owner_protected, record_update};
use crate::user_create::{self, words};
use crate::{Answer, App, Reply};

/// What somebody is to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformRelation {
    /// A superuser.
    Admin,
    /// May check for others.
    Member,
}
impl PlatformRelation {
    /// All of them, the strongest first.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Member];
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == s)
    }
    /// The role that it is here.
    pub(crate) const fn role(self) -> Role {
        match self {
            Self::Admin => Role::Admin,
            Self::Member => Role::Checker,
        }
    }
}

/// Who becomes a platform user, or ceases to be one.
#[derive(Clone, Debug)]
pub enum PlatformUserRef {
    /// A person.
    User(UserRef),
    /// A machine, by what the caller calls it.
    ServiceUser(String),
}

/// A platform user.
#[derive(Clone, Debug)]
pub struct PlatformUser {
    /// Who.
    pub user: User,
    /// As what.
    pub relations: Vec<PlatformRelation>,
}

impl App {
    /// Makes somebody a superuser or a checker; an address that nobody has makes a user. Superusers, with `roles:grant`.
    pub async fn add_platform_user(
        &self,
        cx: &Ctx,
        who: Result<PlatformUserRef>,
        relation: Result<PlatformRelation>,
        reply: Reply<()>,
    ) -> Result<Answer> {
        let found = self.platform_user(cx, &who).await?;
        let roles = relation.as_ref().map_or(Roles::NONE, |r| Roles::NONE.with(r.role()));
        let gate = gate(found.as_ref(), roles);
        // whether they may make a user is asked after the gate: nothing may have moved in between
        let gate = if found.is_none() { gate.once() } else { gate };
        let command = async { self.to_give(cx, who?, found, relation?).await };
        self.answer(cx, gate, command, reply, give).await
    }
    /// Takes one of the two from somebody, or both. Superusers, with `roles:grant`. The owner keeps being one.
    pub async fn remove_platform_user(
        &self,
        cx: &Ctx,
        who: Result<PlatformUserRef>,
        relation: Result<Option<PlatformRelation>>,
        reply: Reply<()>,
    ) -> Result<Answer> {
        let found = self.platform_user(cx, &who).await?;
        let asked: Roles = match &relation {
            Ok(Some(r)) => Roles::NONE.with(r.role()),
            _ => PlatformRelation::ALL.into_iter().map(PlatformRelation::role).collect(),
        };
        let gate = gate(found.as_ref(), asked);
        let command = async {
            let (who, _) = (who?, relation?);
            self.to_take(cx, who, found, asked)
        };
        self.answer(cx, gate, command, reply, take).await
    }
    /// All of them but those who are disabled, in the order of their making. Superusers.
    pub async fn list_platform_users(&self, cx: &Ctx) -> Result<Vec<PlatformUser>> {
        self.allow(cx, &Gate::superuser("users:list")).await?;
        let all = self.0.db.scan(cx.clone(), (), enabled).await?;
        bounded(all.len())?;
        Ok(all)
    }

    /// The person who is meant, if there is one. This is the one place where a service user would be looked up: it holds the
    /// same roles.
    pub(crate) async fn platform_user(&self, cx: &Ctx, who: &Result<PlatformUserRef>) -> Result<Option<User>> {
        match who {
            Ok(PlatformUserRef::User(which)) => self.find_user(cx, which).await,
            Ok(PlatformUserRef::ServiceUser(_)) | Err(_) => Ok(None),
        }
    }
    /// Everything that can be made before the writer's turn.
    pub(crate) async fn to_give(
        &self,
        cx: &Ctx,
        who: PlatformUserRef,
        found: Option<User>,
        relation: PlatformRelation,
    ) -> Result<Give> {
        let role = relation.role();
        if let Some(user) = found {
            if user.state == UserState::Suspended {
                return Err(Error::not_found("user"));
            }
            not_oneself(cx, &user, user.roles.with(role))?;
            return Ok(Give::Have(self.change(cx, &user, user.roles.with(role))));
        }
        let PlatformUserRef::User(UserRef::Email(email)) = who else { return Err(not_there(&who)) };
        // whoever makes a platform user makes a user
        let asked = Asked {
            roles: Some(vec![Role::User.as_str().into(), role.as_str().into()]),
            email_domain: Some(email.domain().to_owned()),
            auth_provider: Some(AuthProvider::Local.as_str().into()),
        };
        self.allow(cx, &Gate { asked, ..Gate::new("users:create", Target::tenant()) }).await?;
        let mut person = self.new_user(cx, nameless(email), true).await?;
        person.user.roles = person.user.roles.with(role);
        let event = user_create::created(self.event(cx, "user.created", "user", person.user.id), &person.user);
        person.event = self.prepare(cx, event);
        Ok(Give::Make(Box::new(person), self.scribe(cx)))
    }
    /// The same of taking.
    pub(crate) fn to_take(&self, cx: &Ctx, who: PlatformUserRef, found: Option<User>, asked: Roles) -> Result<Change> {
        let user = found.ok_or_else(|| not_there(&who))?;
        // every person holds one role at least
        let left: Roles = user.roles.iter().filter(|r| !asked.has(*r)).collect();
        let left = if left.is_empty() { left.with(Role::User) } else { left };
        not_oneself(cx, &user, left)?;
        Ok(self.change(cx, &user, left))
    }
    fn change(&self, cx: &Ctx, user: &User, roles: Roles) -> Change {
        Change { id: user.id, seen: user.revision, roles, scribe: self.scribe(cx) }
    }
}

/// Superusers, who may give or take these roles of this person.
pub(crate) fn gate(user: Option<&User>, grants: Roles) -> Gate {
    let target = user.map_or_else(Target::tenant, |u| crate::user::target(Some(u)));
    Gate { grants, target, ..Gate::superuser("roles:grant") }
}

fn not_there(who: &PlatformUserRef) -> Error {
    Error::not_found(match who {
        PlatformUserRef::User(_) => "user",
        PlatformUserRef::ServiceUser(_) => "service user",
    })
}
/// Decision 18: nobody changes his own roles.
fn not_oneself(cx: &Ctx, user: &User, roles: Roles) -> Result<()> {
    if user.roles == roles || cx.principal.acting_user != Some(user.id) {
        return Ok(());
    }
    let message = "Nobody changes their own roles: ask another administrator.";
    Err(Error::new(Code::Forbidden, message).detail("action", "roles:grant"))
}
/// A user of whom only the address is known.
fn nameless(email: Email) -> NewUser {
    NewUser {
        email: Some(email),
        slug: SlugChoice::FromEmail,
        title: String::new(),
        avatar: None,
        auth_provider: AuthProvider::Local,
        roles: vec![Role::User.as_str().into()],
        password: None,
        external_id: None,
        manager_id: None,
        metadata: Map::new(),
    }
}

/// Somebody who shall hold these roles.
pub(crate) struct Change {
    id: Id<User>,
    /// The decision was made on this revision of them.
    seen: i64,
    roles: Roles,
    scribe: Scribe,
}
/// Somebody who shall be a platform user.
pub(crate) enum Give {
    /// Who is there.
    Have(Change),
    /// Whom nobody knew.
    Make(Box<user_create::Insert>, Scribe),
}
/// Gives the role; who holds it now.
pub(crate) async fn give_to(tx: &mut Tx, c: &Give) -> portcullis_store::Result<User> {
    match c {
        Give::Have(change) => change_roles(tx, change).await,
        Give::Make(person, scribe) => {
            if user::by_email(tx, &person.user.email).await?.is_some() {
                // somebody else made them meanwhile: what was decided was about nobody
                return Err(moved().into());
            }
            let user = user_create::insert(tx, person).await?;
            record_relations(tx, scribe, Roles::NONE, &user);
            Ok(user)
        }
    }
}
async fn give(tx: &mut Tx, c: &Give) -> portcullis_store::Result<()> {
    give_to(tx, c).await.map(drop)
}
async fn take(tx: &mut Tx, c: &Change) -> portcullis_store::Result<()> {
    change_roles(tx, c).await.map(drop)
}
/// Puts other roles in place; what a credential of theirs may do moves with them.
pub(crate) async fn change_roles(tx: &mut Tx, c: &Change) -> portcullis_store::Result<User> {
    let before = user::by_id(tx, c.id).await?.ok_or_else(|| Error::not_found("user"))?;
    if before.revision != c.seen {
        return Err(moved().into());
    }
    if before.is_owner && !c.roles.has(Role::Admin) {
        return Err(owner_protected("The owner stays a superuser. Move the ownership first.").into());
    }
    if before.roles == c.roles {
        return Ok(before);
    }
    let mut after = User { roles: c.roles, updated_at: tx.cx.now, ..before.clone() };
    user::update(tx, &after).await?;
    after.revision += 1;
    record_update(tx, &c.scribe, &before, &after);
    record_relations(tx, &c.scribe, before.roles, &after);
    tx.bump().await?;
    Ok(after)
}
/// Frontier's own events for the same, which its audit records show (spec v1beta1 3.17).
fn record_relations(tx: &mut Tx, scribe: &Scribe, before: Roles, after: &User) {
    for relation in PlatformRelation::ALL {
        let action = match (relation, before.has(relation.role()), after.roles.has(relation.role())) {
            (PlatformRelation::Admin, false, true) => "platform.admin_added",
            (PlatformRelation::Admin, true, false) => "platform.admin_removed",
            (PlatformRelation::Member, false, true) => "platform.member_added",
            (PlatformRelation::Member, true, false) => "platform.member_removed",
            _ => continue,
        };
        let event = scribe.event(action, "platform", tx.cx.tenant_id).with("user_id", after.id.to_string());
        scribe.write(tx, event.with("roles", words(after.roles)));
    }
}

async fn enabled(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<PlatformUser>> {
    holders(tx, Some(UserState::Suspended)).await
}
/// The platform users that are not in this state, in the order of their making.
pub(crate) async fn holders(tx: &mut Tx, not_state: Option<UserState>) -> portcullis_store::Result<Vec<PlatformUser>> {
    let mut out: BTreeMap<Id<User>, PlatformUser> = BTreeMap::new();
    for relation in PlatformRelation::ALL {
        let filter = UserFilter { role: Some(relation.role()), not_state, ..UserFilter::default() };
        let order = UserOrder::Id { descending: false };
        for user in user_list::list(tx, &filter, order, None, MOST + 1, 0).await? {
            let id = user.id;
            out.entry(id).or_insert(PlatformUser { user, relations: vec![] }).relations.push(relation);
        }
    }
    Ok(out.into_values().collect())
}
