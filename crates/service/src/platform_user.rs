//! Superusers and checkers, as Frontier's platform users (spec v1beta1 2.3.15, 3.14): the roles `admin` and `checker` of persons
//! and service users (decision 17). Giving and taking one is giving and taking a role, with its rules.
use std::collections::BTreeMap;

use portcullis_authz::Target;
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::{Code, Ctx, Error, Id, Result, Role, Roles, Subject};
use portcullis_store::user_list::{UserFilter, UserOrder};
use portcullis_store::{Tx, service_user, user, user_list};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Asked, Gate};
use crate::change::moved;
use crate::holder::{MOST, bounded};
use crate::user::{NewUser, UserRef};
use crate::user_change::{owner_protected, record_roles, record_update};
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
pub struct PlatformUser<T> {
    /// Who.
    pub who: T,
    /// As what.
    pub relations: Vec<PlatformRelation>,
}
/// All of them.
#[derive(Clone, Debug)]
pub struct PlatformUsers {
    /// The persons.
    pub users: Vec<PlatformUser<User>>,
    /// The machines.
    pub service_users: Vec<PlatformUser<ServiceUser>>,
}

/// Who is there already.
#[derive(Clone)]
pub(crate) enum Found {
    Person(Box<User>),
    Machine(Box<ServiceUser>),
}
impl Found {
    fn roles(&self) -> Roles {
        match self {
            Self::Person(u) => u.roles,
            Self::Machine(s) => s.roles,
        }
    }
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
        self.answer(cx, gate, command, reply, change_roles).await
    }
    /// All of them but those who are disabled, in the order of their making. Superusers.
    pub async fn list_platform_users(&self, cx: &Ctx) -> Result<PlatformUsers> {
        self.allow(cx, &Gate::superuser("users:list")).await?;
        let all = self.0.db.scan(cx.clone(), (), enabled).await?;
        bounded(all.users.len() + all.service_users.len())?;
        Ok(all)
    }

    /// Who is meant, if there is one.
    async fn platform_user(&self, cx: &Ctx, who: &Result<PlatformUserRef>) -> Result<Option<Found>> {
        match who {
            Ok(PlatformUserRef::User(which)) => {
                Ok(self.find_user(cx, which).await?.map(|u| Found::Person(Box::new(u))))
            }
            Ok(PlatformUserRef::ServiceUser(id)) => {
                let Ok(id) = id.parse() else { return Ok(None) };
                let found = self.0.db.read(cx.clone(), &id, crate::service_user::by_id).await?;
                Ok(found.map(|s| Found::Machine(Box::new(s))))
            }
            Err(_) => Ok(None),
        }
    }
    /// Everything that can be made before the writer's turn.
    pub(crate) async fn to_give(
        &self,
        cx: &Ctx,
        who: PlatformUserRef,
        found: Option<Found>,
        relation: PlatformRelation,
    ) -> Result<Give> {
        let role = relation.role();
        if let Some(known) = found {
            let enabled = match &known {
                Found::Person(user) => user.state != UserState::Suspended,
                Found::Machine(machine) => machine.state.is_enabled(),
            };
            if !enabled {
                return Err(not_there(&who));
            }
            let roles = known.roles().with(role);
            not_oneself(cx, &known, roles)?;
            return Ok(Give::Have(self.change(cx, known, roles)));
        }
        let PlatformUserRef::User(UserRef::Email(email)) = who else { return Err(not_there(&who)) };
        // whoever makes a platform user makes a user
        let asked = Asked {
            roles: Some(vec![Role::User.as_str().into(), role.as_str().into()]),
            email_domain: Some(email.domain().to_owned()),
            auth_provider: Some(AuthProvider::Local.as_str().into()),
        };
        self.allow(cx, &Gate { asked, ..Gate::new("users:create", Target::tenant()) }).await?;
        let mut person = self.new_user(cx, NewUser::of_address(email), true).await?;
        person.user.roles = person.user.roles.with(role);
        let event = user_create::created(self.event(cx, "user.created", "user", person.user.id), &person.user);
        person.event = self.prepare(cx, event);
        Ok(Give::Make(Box::new(person), self.scribe(cx)))
    }
    /// The same of taking.
    pub(crate) fn to_take(&self, cx: &Ctx, who: PlatformUserRef, found: Option<Found>, asked: Roles) -> Result<Change> {
        let known = found.ok_or_else(|| not_there(&who))?;
        let left: Roles = known.roles().iter().filter(|r| !asked.has(*r)).collect();
        let left = match known {
            // every person holds one role at least
            Found::Person(_) if left.is_empty() => left.with(Role::User),
            _ => left,
        };
        not_oneself(cx, &known, left)?;
        Ok(self.change(cx, known, left))
    }
    fn change(&self, cx: &Ctx, of: Found, roles: Roles) -> Change {
        Change { of, roles, scribe: self.scribe(cx) }
    }
}

/// Superusers, who may give or take these roles.
pub(crate) fn gate(known: Option<&Found>, grants: Roles) -> Gate {
    let target = match known {
        Some(Found::Person(user)) => crate::user::target(Some(user)),
        Some(Found::Machine(_)) | None => Target::tenant(),
    };
    Gate { grants, target, ..Gate::superuser("roles:grant") }
}

fn not_there(who: &PlatformUserRef) -> Error {
    Error::not_found(match who {
        PlatformUserRef::User(_) => "user",
        PlatformUserRef::ServiceUser(_) => "service user",
    })
}
/// Decision 18: nobody changes his own roles.
fn not_oneself(cx: &Ctx, known: &Found, roles: Roles) -> Result<()> {
    let oneself = match known {
        Found::Person(user) => cx.principal.acting_user == Some(user.id),
        Found::Machine(machine) => cx.principal.subject == Subject::ServiceUser(machine.id),
    };
    if known.roles() == roles || !oneself {
        return Ok(());
    }
    let message = "Nobody changes their own roles: ask another administrator.";
    Err(Error::new(Code::Forbidden, message).detail("action", "roles:grant"))
}
/// Somebody who shall hold these roles.
pub(crate) struct Change {
    /// As the decision was made about them.
    of: Found,
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
/// Gives the role.
pub(crate) async fn give(tx: &mut Tx, c: &Give) -> portcullis_store::Result<()> {
    match c {
        Give::Have(change) => change_roles(tx, change).await,
        Give::Make(person, scribe) => {
            if user::by_email(tx, &person.user.email).await?.is_some() {
                // somebody else made them meanwhile: what was decided was about nobody
                return Err(moved().into());
            }
            let user = user_create::insert(tx, person).await?;
            record_relations(tx, scribe, "user_id", user.id.to_string(), (Roles::NONE, user.roles));
            Ok(())
        }
    }
}
/// Puts other roles in place; what a credential of theirs may do moves with them.
pub(crate) async fn change_roles(tx: &mut Tx, c: &Change) -> portcullis_store::Result<()> {
    match &c.of {
        Found::Person(seen) => change_person(tx, c, seen).await,
        Found::Machine(seen) => change_machine(tx, c, seen).await,
    }
}
async fn change_person(tx: &mut Tx, c: &Change, seen: &User) -> portcullis_store::Result<()> {
    let before = user::by_id(tx, seen.id).await?.ok_or_else(|| Error::not_found("user"))?;
    if before.revision != seen.revision {
        return Err(moved().into());
    }
    if before.is_owner && !c.roles.has(Role::Admin) {
        return Err(owner_protected("The owner stays a superuser. Move the ownership first.").into());
    }
    if before.roles == c.roles {
        return Ok(());
    }
    let after = User { roles: c.roles, updated_at: tx.cx.now, ..before.clone() };
    user::update(tx, &after).await?;
    record_update(tx, &c.scribe, &before, &after);
    record_relations(tx, &c.scribe, "user_id", after.id.to_string(), (before.roles, after.roles));
    tx.bump().await?;
    Ok(())
}
async fn change_machine(tx: &mut Tx, c: &Change, seen: &ServiceUser) -> portcullis_store::Result<()> {
    let before = service_user::by_id(tx, seen.id).await?.ok_or_else(crate::service_user::not_found)?;
    if (before.roles, before.state) != (seen.roles, seen.state) {
        return Err(moved().into());
    }
    if before.roles == c.roles {
        return Ok(());
    }
    let (id, was) = (before.id, before.roles);
    service_user::update(tx, &ServiceUser { roles: c.roles, updated_at: tx.cx.now, ..before }).await?;
    record_roles(tx, &c.scribe, ("service_user", id.uuid()), was, c.roles);
    record_relations(tx, &c.scribe, "service_user_id", id.to_string(), (was, c.roles));
    tx.bump().await?;
    Ok(())
}
/// Frontier's own events for the same, which its audit records show (spec v1beta1 3.17).
fn record_relations(tx: &mut Tx, scribe: &Scribe, field: &'static str, id: String, (before, after): (Roles, Roles)) {
    for relation in PlatformRelation::ALL {
        let action = match (relation, before.has(relation.role()), after.has(relation.role())) {
            (PlatformRelation::Admin, false, true) => "platform.admin_added",
            (PlatformRelation::Admin, true, false) => "platform.admin_removed",
            (PlatformRelation::Member, false, true) => "platform.member_added",
            (PlatformRelation::Member, true, false) => "platform.member_removed",
            _ => continue,
        };
        let event = scribe.event(action, "platform", tx.cx.tenant_id).with(field, id.clone());
        scribe.write(tx, event.with("roles", words(after)));
    }
}

async fn enabled(tx: &mut Tx, (): &()) -> portcullis_store::Result<PlatformUsers> {
    let users = holders(tx, Some(UserState::Suspended)).await?;
    let (mut service_users, mut after) = (vec![], Uuid::nil());
    while service_users.len() <= MOST {
        let page = service_user::with_roles(tx, after).await?;
        let Some(last) = page.last() else { break };
        after = last.id.uuid();
        service_users.extend(page.into_iter().filter(|s| s.state.is_enabled()).filter_map(platform_machine));
    }
    Ok(PlatformUsers { users, service_users })
}
fn platform_machine(who: ServiceUser) -> Option<PlatformUser<ServiceUser>> {
    let relations: Vec<_> = PlatformRelation::ALL.into_iter().filter(|r| who.roles.has(r.role())).collect();
    (!relations.is_empty()).then_some(PlatformUser { who, relations })
}
/// The persons among them that are not in this state, in the order of their making.
pub(crate) async fn holders(
    tx: &mut Tx,
    not_state: Option<UserState>,
) -> portcullis_store::Result<Vec<PlatformUser<User>>> {
    let mut out: BTreeMap<Id<User>, PlatformUser<User>> = BTreeMap::new();
    for relation in PlatformRelation::ALL {
        let filter = UserFilter { role: Some(relation.role()), not_state, ..UserFilter::default() };
        let order = UserOrder::Id { descending: false };
        for user in user_list::list(tx, &filter, order, None, MOST + 1, 0).await? {
            let id = user.id;
            out.entry(id).or_insert(PlatformUser { who: user, relations: vec![] }).relations.push(relation);
        }
    }
    Ok(out.into_values().collect())
}
