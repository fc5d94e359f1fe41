//! Permission checks (spec v1beta1 2.3.2, 5.2, 5.6): may the caller, or somebody else, do something to an object? Rules first, as
//! everywhere; where they are silent, the access graph answers.
use portcullis_authz::graph::{Disabled, Object, Permission, Verdict};
use portcullis_authz::{Decision, Layer, Target};
use portcullis_domain::organization::Organization;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Principal, Result, Role};
use portcullis_store::{Tx, api_key, service_user};
use std::sync::Arc;

use crate::App;
use crate::authenticate::of_user;
use crate::authenticate_machine::of_machine;
use crate::authorize::{Asked, Gate, decide, is_superuser, maker};
use crate::service_user::MANAGE;
use crate::tenancy::Compiled;
use crate::thing::{Name, Thing};
use crate::user::UserRef;

/// What is asked, as it was sent.
#[derive(Clone, Debug)]
pub struct Question {
    /// The path of `resource` as the sender knows it.
    pub at: String,
    /// `namespace:id`.
    pub resource: String,
    /// In any of its forms.
    pub permission: String,
}

/// The answer, with what was asked in its one normal form: full namespace, id, and a bare verb or a slug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// `app/project:0199…`.
    pub resource: String,
    /// `get`, or `compute_order_get` on something that is no `compute/order`.
    pub permission: String,
    /// May it be done?
    pub status: bool,
}

/// Whose rights are looked at.
#[derive(Clone)]
pub(crate) struct Who {
    /// The request as if this one had made it.
    pub cx: Ctx,
    pub superuser: bool,
    /// May check for others.
    pub checker: bool,
}
impl Who {
    /// The caller.
    pub fn caller(cx: &Ctx) -> Self {
        let principal = &cx.principal;
        let checker = principal.roles.has(Role::Checker) && !principal.credential.is_personal_token();
        Self { cx: cx.clone(), superuser: is_superuser(principal), checker }
    }
    /// Another person, with the roles that their groups give them and every credential aside.
    pub fn person(cx: &Ctx, compiled: &Compiled, user: &User, in_master: bool) -> Self {
        let mapped = compiled.access.graph.mapped_roles(Bearer::User(user.id.uuid()));
        let principal = of_user(user, Credential::None, in_master);
        let principal = Principal { roles: principal.roles.and(mapped), ..principal };
        let (superuser, checker) =
            (user.is_owner || principal.roles.has(Role::Admin), principal.roles.has(Role::Checker));
        Self { cx: seen_as(cx, Arc::new(principal)), superuser, checker }
    }
    /// Nobody who could hold anything.
    pub fn nobody(cx: &Ctx) -> Self {
        let anonymous = Ctx { principal: Arc::new(Principal::anonymous()), ..cx.clone() };
        Self { cx: anonymous, superuser: false, checker: false }
    }
    /// Who holds what they hold: of a token its user.
    pub fn bearer(&self) -> Option<Bearer> {
        maker(&self.cx.principal)
    }
}

/// People whom others ask about, as they were on a revision of their tenant: whatever a check reads of them is structural.
pub(crate) struct Subjects(moka::sync::Cache<(TenantKey, Id<User>), Arc<Remembered>>);
impl Subjects {
    /// Room for so many.
    pub fn new(capacity: u64) -> Self {
        Self(moka::sync::Cache::new(capacity))
    }
}
struct Remembered {
    revision: i64,
    principal: Arc<Principal>,
    superuser: bool,
    checker: bool,
}

/// What is looked at.
enum Matter {
    /// The server itself: is somebody a superuser, may somebody check for others?
    Platform { superuser: bool },
    /// A permission on an object.
    On(Thing, Permission),
}

impl App {
    /// May the caller do these things? One wrong question fails all (spec v1beta1 5.6).
    pub async fn check(&self, cx: &Ctx, questions: &[Question]) -> Result<Vec<Checked>> {
        self.allow(cx, &Gate::anyone("permissions:check")).await?;
        self.checked(cx, &Who::caller(cx), questions).await
    }
    /// May somebody else? For servers that ask about their own callers. `access:check`.
    pub async fn check_for(&self, cx: &Ctx, subject: &str, question: Question) -> Result<bool> {
        self.allow(cx, &Gate::new("access:check", Target::tenant())).await?;
        // a wrong question is told whoever the subject is
        let who = self.somebody(cx, subject).await?;
        let checked = self.checked(cx, &who.unwrap_or_else(|| Who::nobody(cx)), &[question]).await?;
        Ok(checked.iter().all(|c| c.status))
    }

    async fn checked(&self, cx: &Ctx, who: &Who, questions: &[Question]) -> Result<Vec<Checked>> {
        let compiled = self.snapshot(cx).await?;
        let names: Vec<Name> = questions.iter().map(named).collect::<Result<_>>()?;
        let things = self.things(cx, &compiled, names.clone()).await?;
        let asked = questions.iter().zip(names).zip(things);
        asked.map(|((question, name), thing)| one(&compiled, who, question, &name, thing)).collect()
    }

    /// Who is meant by `namespace:id`; `None` is nobody who could hold anything: unknown, or disabled (decision 19).
    pub(crate) async fn somebody(&self, cx: &Ctx, subject: &str) -> Result<Option<Who>> {
        let wrong = |m: &'static str| Error::field("subject", m);
        let name = Name::parse(subject).ok_or_else(|| wrong(NOTATION))?;
        match &*name.namespace {
            "app/user" => {
                let which = match (name.id.parse(), Email::parse(&name.id), Slug::parse(&name.id)) {
                    (Ok(id), ..) => UserRef::Id(id),
                    (_, Ok(email), _) => UserRef::Email(email),
                    (_, _, Ok(slug)) => UserRef::Slug(slug),
                    _ => return Ok(None),
                };
                self.some_person(cx, &which).await
            }
            "app/serviceuser" => {
                let Ok(id) = name.id.parse() else { return Ok(None) };
                let found = self.0.db.read(cx.clone(), &id, machine).await?;
                let compiled = self.snapshot(cx).await?;
                let organization = |id: Id<Organization>| compiled.access.graph.organization(id.uuid());
                let at_home =
                    |s: &ServiceUser| s.organization_id.is_none_or(|o| organization(o).is_some_and(|o| o.enabled));
                let found = found.filter(|(s, _)| s.state.is_enabled() && at_home(s));
                let Some((machine, by_key)) = found else { return Ok(None) };
                let tenancy = self.tenancy_of(cx.tenant).await?;
                let superuser = machine.roles.has(Role::Admin) || by_key;
                let checker = machine.roles.has(Role::Checker);
                let principal = Arc::new(of_machine(&machine, tenancy.is_master));
                Ok(Some(Who { cx: seen_as(cx, principal), superuser, checker }))
            }
            // a token that is not there, or that has ended, holds nothing
            "app/pat" => {
                let Ok(id) = name.id.parse() else { return Ok(None) };
                let token = self.token_of_somebody(cx, id).await?;
                Ok(token.map(|token| Who { cx: seen_as(cx, token), superuser: false, checker: false }))
            }
            _ => Err(wrong("Name a user, a service user or a token: app/user:0199…")),
        }
    }
    async fn some_person(&self, cx: &Ctx, which: &UserRef) -> Result<Option<Who>> {
        // before the row is read: what is remembered is at least as new as its revision
        let compiled = self.snapshot(cx).await?;
        let known = match which {
            UserRef::Id(id) => self.0.subjects.0.get(&(cx.tenant, *id)).filter(|r| r.revision == compiled.revision),
            _ => None,
        };
        if let Some(r) = known {
            let cx = seen_as(cx, r.principal.clone());
            return Ok(Some(Who { cx, superuser: r.superuser, checker: r.checker }));
        }
        let found = self.find_user(cx, which).await?.filter(|u| u.state != UserState::Suspended);
        let Some(user) = found else { return Ok(None) };
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let who = Who::person(cx, &compiled, &user, tenancy.is_master);
        let (principal, superuser, checker) = (who.cx.principal.clone(), who.superuser, who.checker);
        let remembered = Remembered { revision: compiled.revision, principal, superuser, checker };
        self.0.subjects.0.insert((cx.tenant, user.id), Arc::new(remembered));
        Ok(Some(who))
    }
}

const NOTATION: &str = "subject/object should be provided as 'namespace:uuid'";

/// A service user, and whether its key makes it a superuser (decision 17).
async fn machine(tx: &mut Tx, id: &Id<ServiceUser>) -> portcullis_store::Result<Option<(ServiceUser, bool)>> {
    let Some(machine) = service_user::by_id(tx, *id).await? else { return Ok(None) };
    let keys = api_key::of_service(tx, *id).await?;
    let by_key = keys.iter().any(|k| k.status(tx.cx.now) == "active" && k.scopes.is_all());
    Ok(Some((machine, by_key)))
}

/// The request as if somebody else had made it: what the sender's connection says is not about them.
fn seen_as(cx: &Ctx, principal: Arc<Principal>) -> Ctx {
    Ctx { principal, ip: None, user_agent: None, ..cx.clone() }
}

fn named(question: &Question) -> Result<Name> {
    Name::parse(&question.resource).ok_or_else(|| Error::field(question.at.clone(), NOTATION))
}

fn unknown() -> Error {
    Error::new(Code::NotFound, "not found")
}

fn one(compiled: &Compiled, who: &Who, question: &Question, name: &Name, thing: Option<Thing>) -> Result<Checked> {
    let matter = match (&*name.namespace, thing) {
        ("app/platform", _) => Matter::Platform { superuser: platform(&question.permission)? },
        (_, Some(thing)) => {
            let catalogue = &compiled.access.catalogue;
            let found = match thing.object {
                // a service user is managed by whoever manages those of its organization (spec v1beta1 5.4)
                Object::ServiceUser { .. } if manages(&question.permission) => catalogue.get(MANAGE),
                Object::ServiceUser { .. } => None,
                _ => catalogue.resolve(&question.permission, &thing.namespace).filter(|p| thing.takes(p)),
            };
            Matter::On(thing, found.ok_or_else(unknown)?.clone())
        }
        _ => return Err(unknown()),
    };
    Ok(match matter {
        Matter::Platform { superuser } => Checked {
            resource: format!("app/platform:{}", name.id),
            permission: if superuser { "superuser" } else { "check" }.into(),
            status: who.superuser || (!superuser && who.checker),
        },
        Matter::On(thing, permission) => {
            let word = match thing.object {
                Object::ServiceUser { .. } => "manage",
                _ if permission.namespace == thing.namespace => &permission.verb,
                _ => &permission.slug,
            };
            Checked {
                resource: thing.text(),
                permission: word.to_owned(),
                status: holds(compiled, who, &thing, &permission),
            }
        }
    })
}

/// Is it the one permission on a service user?
fn manages(word: &str) -> bool {
    normal(word, "app_serviceuser_") == "manage"
}
fn normal(word: &str, namespace: &str) -> String {
    let word = word.replace(['.', '/', ':', '#'], "_");
    word.strip_prefix(namespace).unwrap_or(&word).to_owned()
}
/// Which of the two permissions on the server itself.
pub(crate) fn platform(word: &str) -> Result<bool> {
    match normal(word, "app_platform_").as_str() {
        "superuser" => Ok(true),
        "check" => Ok(false),
        _ => Err(unknown()),
    }
}

fn holds(compiled: &Compiled, who: &Who, thing: &Thing, permission: &Permission) -> bool {
    let found = find(compiled, who, thing, permission);
    who.cx.notices.add(&found.decision.notice_strings());
    found.allowed
}

/// What a check comes to, and how.
pub(crate) struct Found {
    pub allowed: bool,
    pub how: How,
    /// What the rules said.
    pub decision: Decision,
}
/// Through what a check holds, or what refused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// A rule said so.
    Rule,
    /// Superusers may everything.
    Superuser,
    /// A rule would permit it, but this is disabled.
    Disabled(Disabled),
    /// What the access graph says.
    Graph(Verdict),
    /// Nobody whom the graph knows.
    Nothing,
}

/// A rule that speaks of it decides, for superusers too; what is disabled is lifted by none (decision 19), nor what a token was not
/// given.
pub(crate) fn find(compiled: &Compiled, who: &Who, thing: &Thing, permission: &Permission) -> Found {
    let (graph, principal) = (&compiled.access.graph, &who.cx.principal);
    let decision = decide(compiled, &who.cx, &permission.slug, &thing.target(graph), &Asked::default(), None);
    let how = match decision.layer {
        Layer::Rule if !decision.allowed => How::Rule,
        _ if who.superuser => How::Superuser,
        Layer::Rule => match graph.given_to(principal, permission, thing.object) {
            Some(given) if given.via.is_none() => How::Graph(given),
            _ => graph.disabled(thing.object).map_or(How::Rule, How::Disabled),
        },
        _ if who.bearer().is_none() => How::Nothing,
        _ => How::Graph(graph.verdict(principal, permission, thing.object)),
    };
    let allowed = match how {
        How::Rule => decision.allowed,
        How::Superuser => true,
        How::Graph(verdict) => verdict.holds(),
        How::Disabled(_) | How::Nothing => false,
    };
    Found { allowed, how, decision }
}
