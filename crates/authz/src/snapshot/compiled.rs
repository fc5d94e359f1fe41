//! One rule, compiled: its scope in our own terms, its condition in Cedar's, and what that condition reads.
use std::sync::Arc;

use cedar_policy_core::ast::{
    ActionConstraint, EntityUID, Expr, PolicyID, PrincipalOrResourceConstraint as Scope, Template,
};
use cedar_policy_core::parser::parse_policy_or_template;
use portcullis_domain::Id;
use portcullis_domain::policy::Rule;

use super::scope::{Caller, Place, PrincipalScope, ResourceScope, Who};
use crate::actions::{self, REQUEST_ACCESS};
use crate::evaluate::Reads;
use crate::rule::{Effect, TokenKind, guard, lex, string_value};

/// A rule that was compiled once and is shared by all snapshots that hold it.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub id: Id<Rule>,
    pub text: Arc<str>,
    pub effect: Effect,
    /// Action names and groups that it names; scope `any` is `request_access` (decision 26).
    pub actions: Vec<Box<str>>,
    pub body: Result<Body, String>,
}

/// What a rule that compiled holds besides.
#[derive(Debug)]
pub(crate) struct Body {
    pub(super) principal: PrincipalScope,
    pub(super) resource: ResourceScope,
    pub condition: Option<Arc<Expr>>,
    pub reads: Reads,
}
impl Body {
    /// Does it say something about every resource, unconditionally?
    pub fn is_sweeping(&self) -> bool {
        self.condition.is_none() && matches!(self.resource, ResourceScope::Any)
    }
}

impl Compiled {
    pub fn new(id: Id<Rule>, text: Arc<str>) -> Self {
        match Self::read(&text) {
            Ok((effect, actions, body)) => Self { id, text, effect, actions, body: Ok(body) },
            Err(why) => {
                let (effect, actions) = salvage(&text);
                Self { id, text, effect, actions, body: Err(why) }
            }
        }
    }
    /// Does its scope match? A broken rule's does, wherever its action could be meant.
    pub fn in_scope(&self, caller: &Caller<'_>, place: Option<&Place<'_>>) -> bool {
        match &self.body {
            Ok(b) => b.principal.matches(caller) && place.is_none_or(|p| b.resource.matches(p)),
            Err(_) => true,
        }
    }
    fn read(text: &str) -> Result<(Effect, Vec<Box<str>>, Body), String> {
        guard(&lex(text)).map_err(|(_, why)| why.to_owned())?;
        let template =
            parse_policy_or_template(Some(PolicyID::from_string("rule")), text).map_err(|e| e.to_string())?;
        if !template.is_static() {
            return Err("templates are not supported".into());
        }
        let effect = match template.effect() {
            cedar_policy_core::ast::Effect::Permit => Effect::Permit,
            cedar_policy_core::ast::Effect::Forbid => Effect::Forbid,
        };
        let condition = template.non_scope_constraints_arc().cloned();
        let body = Body {
            principal: principal(&template),
            resource: resource(&template),
            reads: condition.as_deref().map(Reads::of).unwrap_or_default(),
            condition,
        };
        Ok((effect, action_words(&template)?, body))
    }
}

fn parts(uid: &EntityUID) -> (String, &str) {
    (uid.entity_type().to_string(), uid.eid().as_ref())
}
fn principal(template: &Template) -> PrincipalScope {
    let scope = template.principal_constraint().as_inner();
    let who = || {
        scope.get_euid().map_or(Who::Nobody, |uid| {
            let (kind, id) = parts(uid);
            Who::new(&kind, id)
        })
    };
    match scope {
        Scope::Any => PrincipalScope::Any,
        Scope::Eq(_) => PrincipalScope::Eq(who()),
        Scope::In(_) => PrincipalScope::In(who()),
        Scope::Is(kind) => PrincipalScope::Is(kind.to_string().into()),
        Scope::IsIn(kind, _) => PrincipalScope::IsIn(kind.to_string().into(), who()),
    }
}
fn resource(template: &Template) -> ResourceScope {
    let scope = template.resource_constraint().as_inner();
    let (kind, id) = scope.get_euid().map_or_else(Default::default, |uid| {
        let (kind, id) = parts(uid);
        (Box::from(kind), Box::from(id))
    });
    match scope {
        Scope::Any => ResourceScope::Any,
        Scope::Eq(_) => ResourceScope::Eq(kind, id),
        Scope::In(_) => ResourceScope::In(kind, id),
        Scope::Is(is) => ResourceScope::Is(is.to_string().into()),
        Scope::IsIn(is, _) => ResourceScope::IsIn(is.to_string().into(), kind, id),
    }
}
fn action_words(template: &Template) -> Result<Vec<Box<str>>, String> {
    let list: Vec<&EntityUID> = match template.action_constraint() {
        ActionConstraint::Any => return Ok(vec![REQUEST_ACCESS.into()]),
        named => named.iter_euids().collect(),
    };
    if list.iter().any(|uid| uid.entity_type().to_string() != "Action") {
        return Err("an action of another namespace".into());
    }
    Ok(list.into_iter().map(|uid| Box::from(<_ as AsRef<str>>::as_ref(uid.eid()))).collect())
}

/// What can be told of a text that Cedar does not read. A rule that does not clearly begin with `permit` is taken for a forbid.
/// It could touch the actions that it names, and access where it names none.
fn salvage(text: &str) -> (Effect, Vec<Box<str>>) {
    let tokens: Vec<_> = lex(text).into_iter().filter(|t| t.kind != TokenKind::Comment).collect();
    let first = tokens.iter().find(|t| t.is("permit") || t.is("forbid"));
    let effect = if first.is_some_and(|t| t.is("permit")) { Effect::Permit } else { Effect::Forbid };
    let mut named: Vec<Box<str>> = tokens
        .windows(3)
        .filter(|w| w[0].is("Action") && w[1].is("::") && w[2].kind == TokenKind::Text)
        .filter_map(|w| string_value(w[2].text))
        .map(Into::into)
        .collect();
    if named.iter().all(|w| !actions::is_builtin(w) && !actions::is_area(w)) {
        named.push(REQUEST_ACCESS.into());
    }
    (effect, named)
}
