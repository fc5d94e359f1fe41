//! Many checks in one call, each with its reason if that is asked for (`POST /v1/access/check`).
//!
//! A check never says whether something is there: what nobody gave to somebody and what does not exist have the same answer.
use portcullis_authz::graph::{Disabled, Graph, ObjectKind, Permission, Verdict, Via};
use portcullis_authz::{Layer, Target, actions};
use portcullis_domain::policy::{Policy, Rule};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result};
use uuid::Uuid;

use crate::App;
use crate::authorize::{Asked, Gate, bearer, decide, is_superuser};
use crate::check::{Found, How, Who, find, platform};
use crate::tenancy::Compiled;
use crate::thing::{Name, Thing, takes};

/// What is asked, as it was sent.
#[derive(Clone, Debug)]
pub struct AccessQuestion {
    /// Who: a user's id or e-mail address, or `namespace:id`; the caller if it is left out.
    pub principal: Option<String>,
    /// What: a permission in any of its forms, or an access action.
    pub action: String,
    /// To what: `namespace:id`.
    pub resource: String,
}

/// The answer to one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessResult {
    /// May it be done?
    pub allowed: bool,
    /// Who said so: `rule`, `base` (a superuser), `binding`; `default` where nothing says yes.
    pub layer: &'static str,
    /// The rules that decided, as far as the caller may know them.
    pub rule_ids: Vec<Id<Rule>>,
    /// What they have to say to the principal.
    pub notices: Vec<String>,
    /// Why, if that was asked for.
    pub explanation: Option<Explanation>,
}

/// Through what a check holds, or what refused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `rule`, `superuser`, `role`, `owner`, `binding`, `organization_disabled`, `project_disabled`, `group_disabled`,
    /// `nothing_permits`.
    pub reason: &'static str,
    /// The binding, for oneself and for superusers.
    pub binding: Option<Way>,
    /// The policies of the rules that decided, as far as the caller may know them.
    pub policy_ids: Vec<Id<Policy>>,
}

/// A binding that leads to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Which.
    pub id: Uuid,
    /// Of which role.
    pub role: Uuid,
    /// On what: the resource itself or something above it.
    pub object: String,
    /// Held by this group, which the principal is in.
    pub group: Option<Uuid>,
}

/// All answers, in order, on one revision.
#[derive(Clone, Debug)]
pub struct AccessChecked {
    /// The answers.
    pub results: Vec<AccessResult>,
    /// The tenant's revision.
    pub revision: i64,
}

/// What one question is about.
enum Matter {
    /// The server itself.
    Platform { superuser: bool },
    /// A permission on an object of the access graph.
    On(Thing, Permission),
    /// Something that only rules know; or that is not there, so that no rule's yes counts.
    Named { target: Target<'static>, action: String, counts: bool },
}

impl App {
    /// One's own rights: everybody who is known; those of others: `access:check`.
    pub async fn check_access(
        &self,
        cx: &Ctx,
        questions: Result<Vec<AccessQuestion>>,
        explain: bool,
    ) -> Result<AccessChecked> {
        let questions = match questions {
            Ok(questions) => questions,
            Err(wrong) => {
                if self.may_ask(cx, true, false).await.is_err() {
                    self.may_ask(cx, false, true).await?;
                }
                return Err(wrong);
            }
        };
        let own: Vec<bool> = questions.iter().map(|q| is_own(cx, q.principal.as_deref())).collect();
        self.may_ask(cx, own.contains(&true), own.contains(&false)).await?;
        let compiled = self.snapshot(cx).await?;
        let mut wrong = vec![];
        let mut names = vec![];
        for (i, question) in questions.iter().enumerate() {
            match name_of(&compiled, question) {
                Ok(name) => names.push(name),
                Err((field, message)) => {
                    wrong.push(FieldError { field: format!("checks[{i}].{field}").into(), message: message.into() })
                }
            }
        }
        if !wrong.is_empty() {
            return Err(Error::fields(wrong));
        }
        let things = self.things(cx, &compiled, names.clone()).await?;
        let knows_rules = self.would_allow(cx, "policies:read", &Target::tenant()).await;
        let knows_all = is_superuser(&cx.principal);
        let mut results = Vec::with_capacity(questions.len());
        for (i, ((question, own), (name, thing))) in questions.iter().zip(own).zip(names.iter().zip(things)).enumerate()
        {
            let who = match own {
                true => Who::caller(cx),
                false => self.whose(cx, question.principal.as_deref(), || format!("checks[{i}].principal")).await?,
            };
            let matter = matter(&compiled, question, name, thing)?;
            let seen = Seen { rules: own || knows_rules, ways: own || knows_all };
            let result = answer(&compiled, &who, &matter, seen, explain);
            cx.notices.add(&result.notices);
            results.push(result);
        }
        Ok(AccessChecked { results, revision: compiled.revision })
    }

    /// 403 unless the caller may ask about themselves, about others.
    pub(crate) async fn may_ask(&self, cx: &Ctx, own: bool, others: bool) -> Result<()> {
        if own {
            self.allow(cx, &Gate::anyone("permissions:check")).await?;
        }
        if others {
            self.allow(cx, &Gate::new("access:check", Target::tenant())).await?;
        }
        Ok(())
    }
    /// Who is meant; the caller if nobody is named. `at` is the field's path.
    pub(crate) async fn whose(&self, cx: &Ctx, principal: Option<&str>, at: impl Fn() -> String) -> Result<Who> {
        let Some(text) = principal.filter(|p| !is_own(cx, Some(p))) else { return Ok(Who::caller(cx)) };
        let name = if text.contains(':') { text.to_owned() } else { format!("app/user:{text}") };
        match self.somebody(cx, &name).await {
            Ok(who) => Ok(who.unwrap_or_else(|| Who::nobody(cx))),
            Err(e) if e.code() == Code::InvalidInput => {
                Err(Error::field(at(), "A user's id or e-mail address, app/user:…, app/serviceuser:… or app/pat:…"))
            }
            Err(e) => Err(e),
        }
    }
}

/// Does this mean the caller?
pub(crate) fn is_own(cx: &Ctx, principal: Option<&str>) -> bool {
    let Some(text) = principal else { return true };
    let Some(bearer) = bearer(&cx.principal) else { return false };
    let same = |id: &str| id.parse::<Uuid>().is_ok_and(|id| id == bearer.id());
    match Name::parse(text) {
        Some(name) => name.namespace == bearer.namespace() && same(&name.id),
        None if !matches!(bearer, Bearer::User(_)) => false,
        None => same(text) || cx.principal.email.as_ref().is_some_and(|e| e.eq_ignore_ascii_case(text)),
    }
}

/// Is it a namespace of the access graph?
fn in_graph(compiled: &Compiled, namespace: &str) -> bool {
    ObjectKind::of(namespace).is_some() || compiled.access.catalogue.has_namespace(namespace)
}

/// The permission that a word means on objects of a namespace.
pub(crate) fn permission<'c>(compiled: &'c Compiled, word: &str, namespace: &str) -> Option<&'c Permission> {
    compiled.access.catalogue.resolve(word, namespace).filter(|p| takes(namespace, p))
}

/// The resource's name, if the question makes sense at all; else which field does not, and why.
fn name_of(compiled: &Compiled, q: &AccessQuestion) -> Result<Name, (&'static str, &'static str)> {
    let name = Name::parse(&q.resource).ok_or(("resource", "Type and id, such as app/project:0199…"))?;
    let namespace = &*name.namespace;
    let word = |ok: bool| if ok { Ok(()) } else { Err(("action", "There is no such permission on this type.")) };
    if namespace == "app/platform" {
        word(platform(&q.action).is_ok())?;
    } else if in_graph(compiled, namespace) {
        word(permission(compiled, &q.action, namespace).is_some())?;
    } else if is_type(namespace) {
        word(actions::is_access_word(&q.action))?;
    } else {
        return Err(("resource", "There is no such type."));
    }
    Ok(name)
}

/// `aws_account`, `x_database`: the type of what only rules know.
fn is_type(word: &str) -> bool {
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    word.len() <= 64 && word.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) && word.bytes().all(rest)
}

fn matter(compiled: &Compiled, q: &AccessQuestion, name: &Name, thing: Option<Thing>) -> Result<Matter> {
    let namespace = &*name.namespace;
    if namespace == "app/platform" {
        return Ok(Matter::Platform { superuser: platform(&q.action)? });
    }
    let named = |target, action: &str, counts| Matter::Named { target, action: action.to_owned(), counts };
    let Some(permission) = permission(compiled, &q.action, namespace) else {
        return Ok(named(Target::resource(namespace, name.id.clone()), &q.action, true));
    };
    Ok(match thing {
        Some(thing) => Matter::On(thing, permission.clone()),
        None => {
            let kind = namespace.strip_prefix("app/").unwrap_or(namespace);
            named(Target::resource(kind, name.id.clone()), &permission.slug, false)
        }
    })
}

/// How much of the reasons the caller may see.
#[derive(Clone, Copy)]
struct Seen {
    rules: bool,
    ways: bool,
}

fn answer(compiled: &Compiled, who: &Who, matter: &Matter, seen: Seen, explain: bool) -> AccessResult {
    let graph = &compiled.access.graph;
    let (found, itself) = match matter {
        Matter::Platform { superuser } => {
            let allowed = who.superuser || (!superuser && who.checker);
            let (layer, reason) = match (who.superuser, allowed) {
                (true, _) => ("base", "superuser"),
                (_, true) => ("base", "role"),
                _ => ("default", "nothing_permits"),
            };
            let explanation = explain.then(|| Explanation { reason, binding: None, policy_ids: vec![] });
            return AccessResult { allowed, layer, rule_ids: vec![], notices: vec![], explanation };
        }
        Matter::On(thing, permission) => (find(compiled, who, thing, permission), Some(thing)),
        Matter::Named { target, action, counts } => {
            let decision = decide(compiled, &who.cx, action, target, &Asked::default(), None);
            let rule = decision.layer == Layer::Rule && (*counts || !decision.allowed);
            let allowed = rule && decision.allowed;
            (Found { allowed, how: if rule { How::Rule } else { How::Nothing }, decision }, None)
        }
    };
    let (layer, reason) = said(found.how);
    let by_rule = found.how == How::Rule;
    let rules_shown = by_rule && seen.rules;
    let explanation = explain.then(|| Explanation {
        reason,
        binding: if seen.ways { way(graph, itself, found.how) } else { None },
        policy_ids: if rules_shown { found.decision.policy_ids.clone() } else { vec![] },
    });
    let notices = if by_rule { found.decision.notice_strings() } else { vec![] };
    let rule_ids = if rules_shown { found.decision.rule_ids } else { vec![] };
    AccessResult { allowed: found.allowed, layer, rule_ids, notices, explanation }
}

/// The layer and the reason.
fn said(how: How) -> (&'static str, &'static str) {
    let disabled = |d: Disabled| match d {
        Disabled::Group => "group_disabled",
        Disabled::Project => "project_disabled",
        Disabled::Organization => "organization_disabled",
    };
    match how {
        How::Rule => ("rule", "rule"),
        How::Superuser => ("base", "superuser"),
        How::Disabled(d) | How::Graph(Verdict { via: Some(_), disabled: Some(d) }) => ("default", disabled(d)),
        How::Graph(Verdict { via: Some(Via::Owner), .. }) => ("binding", "owner"),
        How::Graph(Verdict { via: Some(Via::Binding { .. }), .. }) => ("binding", "binding"),
        How::Graph(Verdict { via: None, .. }) | How::Nothing => ("default", "nothing_permits"),
    }
}

fn way(graph: &Graph, thing: Option<&Thing>, how: How) -> Option<Way> {
    let How::Graph(Verdict { via: Some(Via::Binding { id, object, role, group }), .. }) = how else { return None };
    let namespace = match thing {
        Some(thing) if thing.id == object => &*thing.namespace,
        _ if graph.project(object).is_some() => "app/project",
        _ if graph.group(object).is_some() => "app/group",
        _ => "app/organization",
    };
    Some(Way { id, role, object: format!("{namespace}:{object}"), group })
}
