//! The one place where a call is allowed or refused.
//!
//! A use case names its action, its target and what the body asks for; [`App::allow`] decides against the newest snapshot.
//! The decision's revision goes into the transaction, which refuses to commit if it moved (engine.md 15).
use std::sync::Arc;

use portcullis_authz::{Decision, Facts, Layer, Reach, Request, Target};
use portcullis_domain::{Code, Ctx, Error, Result, Role, Roles};

use crate::App;
use crate::tenancy::Compiled;

/// What a body asks for, as far as rules may read it (`context.roles`, `email_domain`, `auth_provider`). Read leniently.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub roles: Option<Vec<String>>,
    pub email_domain: Option<String>,
    pub auth_provider: Option<String>,
}

/// What has to be allowed before something happens.
pub(crate) struct Gate {
    pub action: &'static str,
    pub target: Target<'static>,
    pub asked: Asked,
    /// Roles for each of which `roles:grant` is needed besides.
    pub grants: Roles,
    /// Further actions on the tenant that are needed besides.
    pub also: Vec<&'static str>,
    /// Does what was found out on the way to the commit hold on any revision? If not, the caller is told to repeat the call
    /// when the revision moved in between.
    pub again: bool,
}
impl Gate {
    pub fn new(action: &'static str, target: Target<'static>) -> Self {
        Self { action, target, asked: Asked::default(), grants: Roles::NONE, also: vec![], again: true }
    }
    /// Something that is checked outside the gate stands on this revision only.
    pub fn once(mut self) -> Self {
        self.again = false;
        self
    }
}

/// A yes, and on which revision of the tenant it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub revision: i64,
    pub reach: Reach,
}

impl App {
    /// The newest snapshot of the caller's tenant.
    pub(crate) async fn snapshot(&self, cx: &Ctx) -> Result<Arc<Compiled>> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        self.compiled(&tenancy).await
    }
    /// Decides, and refuses with 403 `forbidden`, the action, and the notices of the rules that decided.
    pub(crate) async fn allow(&self, cx: &Ctx, gate: &Gate) -> Result<Allowed> {
        let compiled = self.snapshot(cx).await?;
        let d = decide(&compiled, cx, gate.action, &gate.target, &gate.asked, None);
        report(cx, &d);
        cx.notices.add(&d.notice_strings());
        if !d.allowed {
            return Err(forbidden(gate.action, &d));
        }
        for action in &gate.also {
            let d = decide(&compiled, cx, action, &Target::tenant(), &gate.asked, None);
            cx.notices.add(&d.notice_strings());
            if !d.allowed || d.reach != Reach::All {
                return Err(forbidden(action, &d));
            }
        }
        Ok(Allowed { revision: compiled.revision, reach: d.reach })
    }
    /// The same for reading one thing: whoever may read only his own learns nothing about what is not there.
    pub(crate) async fn may_read<T>(
        &self,
        cx: &Ctx,
        action: &'static str,
        target: Target<'static>,
        found: Option<T>,
        what: &'static str,
    ) -> Result<T> {
        let compiled = self.snapshot(cx).await?;
        let d = decide(&compiled, cx, action, &target, &Asked::default(), None);
        cx.notices.add(&d.notice_strings());
        match found {
            _ if !d.allowed => Err(forbidden(action, &d)),
            Some(thing) => Ok(thing),
            None if d.reach == Reach::All => Err(Error::not_found(what)),
            None => Err(forbidden(action, &d)),
        }
    }
    /// The same for a simple action.
    pub(crate) async fn may(&self, cx: &Ctx, action: &'static str, target: Target<'static>) -> Result<Allowed> {
        self.allow(cx, &Gate::new(action, target)).await
    }
    /// 422 `invalid_roles` unless the caller may give (or take) each of these roles.
    pub(crate) async fn may_grant(&self, cx: &Ctx, gate: &Gate) -> Result<()> {
        if gate.grants.is_empty() {
            return Ok(());
        }
        let compiled = self.snapshot(cx).await?;
        let ask = |role: Role| decide(&compiled, cx, "roles:grant", &gate.target, &gate.asked, Some(role.as_str()));
        let refused: Vec<(Role, Decision)> =
            gate.grants.iter().map(|r| (r, ask(r))).filter(|(_, d)| !d.allowed).collect();
        if refused.is_empty() {
            return Ok(());
        }
        let roles: Vec<&str> = refused.iter().map(|(r, _)| r.as_str()).collect();
        let allowed: Vec<&str> =
            Role::PUBLIC.into_iter().filter(|r| *r == Role::User || ask(*r).allowed).map(Role::as_str).collect();
        let mut notices: Vec<String> = vec![];
        for n in refused.iter().flat_map(|(_, d)| d.notice_strings()) {
            if !notices.contains(&n) {
                notices.push(n);
            }
        }
        let which = if roles.len() == 1 { "the role" } else { "the roles" };
        Err(Error::new(Code::InvalidRoles, format!("You may not give {which} {}.", roles.join(", ")))
            .detail("roles", roles)
            .detail("allowed", allowed)
            .notices(notices))
    }
    /// Would this be allowed? For what an answer shows only to those who may know it.
    pub(crate) async fn would_allow(&self, cx: &Ctx, action: &'static str, target: &Target<'static>) -> bool {
        match self.snapshot(cx).await {
            Ok(compiled) => decide(&compiled, cx, action, target, &Asked::default(), None).allowed,
            Err(_) => false,
        }
    }
}

pub(crate) fn decide(
    compiled: &Compiled,
    cx: &Ctx,
    action: &str,
    target: &Target<'_>,
    asked: &Asked,
    role: Option<&str>,
) -> Decision {
    let mut facts = Facts::of(cx);
    facts.roles = asked.roles.as_ref().map(|r| r.iter().map(String::as_str).collect());
    facts.email_domain = asked.email_domain.as_deref();
    facts.auth_provider = asked.auth_provider.as_deref();
    facts.role = role;
    compiled.snapshot.decide(&Request::new(&cx.principal, action, target, &facts))
}

/// A rule that cannot be evaluated is the operator's business: a forbid among them denies.
fn report(cx: &Ctx, d: &Decision) {
    for e in &d.errors {
        tracing::warn!(tenant = %cx.tenant_id, rule = %e.rule_id, policy = %e.policy_id, error = %e.message, "a rule failed");
    }
}

/// 403, with the action that was missing.
pub(crate) fn forbidden(action: &str, d: &Decision) -> Error {
    let (area, verb) = action.split_once(':').unwrap_or((action, "use"));
    let (area, verb) = (area.replace('_', " "), verb.replace('_', " "));
    let e = Error::new(Code::Forbidden, format!("You may not {verb} {area} here. This needs the permission {action}."))
        .detail("action", action)
        .notices(d.notice_strings());
    // other layers would tell what is there from what is not
    if d.layer == Layer::Rule { e.detail("layer", "rule") } else { e }
}

/// 403 for an operation that only a person may do.
pub(crate) fn person_only() -> Error {
    Error::new(Code::Forbidden, "Only a signed-in person may do this: use a session token instead of an API key.")
}
