//! Deciding: scopes, rails, rules by priority, base layer, no.
use cedar_policy_core::evaluator::Evaluator;
use portcullis_domain::policy::{AccessKind, ApprovalMode};
use portcullis_domain::user::User;
use portcullis_domain::{Credential, Id, Principal, Roles, Subject};

use crate::actions::{self, BuiltIn, Kind};
use crate::base::{self, Cell};
use crate::decision::{Decision, Layer, Reach, RuleFault, Terms};
use crate::evaluate::{Reads, Scene, holds};
use crate::facts::Facts;
use crate::rails::{self, Rail};
use crate::rule::Effect;
use crate::snapshot::{Caller, Place, PolicySource, Slot, Snapshot};
use crate::target::{Side, Target};

/// For what an access action is decided. Built-in actions are always done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// "May I do it now?" Permits of policies that only let people ask do not match (decision 27); a no of layer `default`
    /// leaves the answer to bindings and live grants.
    Check,
    /// "May I ask for it?" (spec v1 6.3). Used when neither the request nor a policy names a duration.
    Ask {
        /// The tenant's `default_duration_seconds`.
        default_seconds: i64,
    },
}

/// One question.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Who asks, with all facts about him.
    pub principal: &'a Principal,
    /// A built-in action or an access action.
    pub action: &'a str,
    /// To what.
    pub target: &'a Target<'a>,
    /// What else the request states.
    pub facts: &'a Facts<'a>,
    /// Of an access action: asked for, or done.
    pub purpose: Purpose,
    /// Roles that the caller holds only through a live grant: one hour of admin buys one hour (decision 18).
    pub lent: Roles,
}
impl<'a> Request<'a> {
    /// A request to do something now, with roles of the caller's own.
    pub fn new(principal: &'a Principal, action: &'a str, target: &'a Target<'a>, facts: &'a Facts<'a>) -> Self {
        Self { principal, action, target, facts, purpose: Purpose::Check, lent: Roles::NONE }
    }
    /// The same, asked for instead of done.
    #[must_use]
    pub fn asking(self, default_seconds: i64) -> Self {
        Self { purpose: Purpose::Ask { default_seconds }, ..self }
    }
}

impl Snapshot {
    /// Decides. Never fails: what cannot be evaluated refuses, and is told in `errors`.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let answer = |allowed, layer| Decision::new(allowed, layer, self.revision());
        let Some(kind) = Kind::of(request.action) else { return answer(false, Layer::Default) };
        let caller = match request.principal.subject {
            Subject::System => return answer(true, Layer::Rail),
            _ => Caller::new(request.principal, self.tenant_id.uuid()),
        };
        let Some(caller) = caller else { return answer(false, Layer::Default) };
        if let Some((allowed, layer)) = before_rules(request, kind) {
            return answer(allowed, layer);
        }
        let mut decision = self.by_rules(request, kind, &caller);
        if is_beyond_token(request, kind) {
            return if decision.layer == Layer::Rule && !decision.allowed {
                decision
            } else {
                answer(false, Layer::Scope)
            };
        }
        if let (Layer::Default, Kind::BuiltIn(i)) = (decision.layer, kind)
            && let Some(reach) = by_base(request, &actions::ALL[i], i)
        {
            decision.allowed = true;
            decision.layer = Layer::Base;
            decision.reach = reach;
        }
        decision
    }

    /// The built-in actions that the caller may do somewhere in the tenant. Conditions are not evaluated, since they speak of
    /// targets that are not known: what may be allowed is listed.
    pub fn allowed_actions(&self, principal: &Principal, lent: Roles) -> Vec<&'static str> {
        let may = |(i, action): &(usize, &'static BuiltIn)| self.may_somewhere(principal, lent, *i, action);
        actions::ALL.iter().enumerate().filter(may).map(|(_, a)| a.name).collect()
    }
    fn may_somewhere(&self, principal: &Principal, lent: Roles, i: usize, action: &'static BuiltIn) -> bool {
        let Some(caller) = Caller::new(principal, self.tenant_id.uuid()) else {
            return principal.subject == Subject::System;
        };
        if !in_scopes(principal, action.name) {
            return false;
        }
        match rails::meet(principal, action, &Target::tenant()) {
            Some(Rail::Refuse) => return false,
            Some(Rail::Allow) => return true,
            None => {}
        }
        let candidates = self.candidates(action.name, &caller, None);
        let mut permitted = false;
        let mut group = None;
        for (slot, policy) in candidates.iter().map(|at| self.slot(*at)) {
            if permitted && group != Some(policy.priority) {
                break;
            }
            group = Some(policy.priority);
            match (slot.rule.effect, &slot.rule.body) {
                (Effect::Forbid, Err(_)) => return false,
                (Effect::Forbid, Ok(body)) if body.is_sweeping() => return false,
                (Effect::Permit, Ok(_)) => permitted = true,
                _ => {}
            }
        }
        permitted || principal.is_service_key() || !cell(principal, lent, action, i).is_no()
    }

    /// Layer by layer of priority; [`Layer::Default`] when no group decides.
    fn by_rules(&self, request: &Request<'_>, kind: Kind, caller: &Caller<'_>) -> Decision {
        let mut decision = Decision::new(false, Layer::Default, self.revision());
        if !self.could_match(request.action) {
            return decision;
        }
        let himself = caller.as_target(request.target);
        let place = Place { target: himself.as_ref().unwrap_or(request.target), tenant: &self.tenant_text };
        let candidates = self.candidates(request.action, caller, Some(&place));
        if candidates.is_empty() {
            return decision;
        }
        let reads = candidates.iter().filter_map(|at| self.slot(*at).0.rule.body.as_ref().ok());
        let reads = reads.fold(Reads::default(), |sum, body| sum.and(body.reads));
        let conditional =
            candidates.iter().any(|at| matches!(&self.slot(*at).0.rule.body, Ok(b) if b.condition.is_some()));
        let action = (request.action, kind);
        let scene =
            conditional.then(|| Scene::new(self, request.principal, caller, action, &place, request.facts, reads));
        let scene = scene.as_ref();
        let asked = request.facts.duration_seconds;
        self.walk(request, kind, &candidates, scene, asked, &mut decision);
        if let (Purpose::Ask { .. }, Some(seconds), false, false) =
            (request.purpose, asked, decision.allowed, kind.is_builtin())
        {
            decision.permitted_seconds = self.shorter(request, kind, &candidates, scene, seconds);
        }
        decision
    }

    /// The longest time under the asked one that would be permitted.
    fn shorter(
        &self,
        request: &Request<'_>,
        kind: Kind,
        candidates: &[u32],
        scene: Option<&Scene<'_>>,
        seconds: i64,
    ) -> Option<i64> {
        let permits = candidates.iter().map(|at| self.slot(*at)).filter(|(s, _)| s.rule.effect == Effect::Permit);
        let mut limits: Vec<i64> = permits.map(|(_, p)| limit(p, request.facts)).filter(|l| *l < seconds).collect();
        limits.sort_unstable();
        limits.dedup();
        limits.into_iter().rev().take(8).find(|limit| {
            let mut trial = Decision::new(false, Layer::Default, self.revision());
            self.walk(request, kind, candidates, scene, Some(*limit), &mut trial);
            trial.allowed
        })
    }

    /// Walks the groups, highest first, until one matches.
    fn walk(
        &self,
        request: &Request<'_>,
        kind: Kind,
        candidates: &[u32],
        scene: Option<&Scene<'_>>,
        asked: Option<i64>,
        decision: &mut Decision,
    ) {
        let mut eyes = Eyes { scene, common: None };
        let mut rest = candidates;
        while let Some(first) = rest.first() {
            let priority = self.slot(*first).1.priority;
            let end = rest.iter().position(|at| self.slot(*at).1.priority != priority).unwrap_or(rest.len());
            let (group, lower) = rest.split_at(end);
            rest = lower;
            let mut permits: Vec<(&Slot, &PolicySource)> = vec![];
            let mut forbids: Vec<(&Slot, &PolicySource)> = vec![];
            for (slot, policy) in group.iter().map(|at| self.slot(*at)) {
                let effect = slot.rule.effect;
                if effect == Effect::Permit && !counts(policy, request, kind, asked) {
                    continue;
                }
                let seconds = duration(policy, request.purpose, asked);
                let matched = eyes.see(slot, seconds).unwrap_or_else(|message| {
                    decision.errors.push(RuleFault { rule_id: slot.rule.id, policy_id: policy.id, message });
                    effect == Effect::Forbid
                });
                match (matched, effect) {
                    (false, _) => {}
                    (true, Effect::Permit) => permits.push((slot, policy)),
                    (true, Effect::Forbid) => forbids.push((slot, policy)),
                }
            }
            if permits.is_empty() && forbids.is_empty() {
                continue;
            }
            decision.layer = Layer::Rule;
            decision.allowed = forbids.is_empty();
            decision.deciding_priority = Some(priority);
            if decision.allowed
                && !kind.is_builtin()
                && let Purpose::Ask { .. } = request.purpose
            {
                decision.terms = terms(&permits, request.purpose, asked);
            }
            explain(decision, if decision.allowed { &permits } else { &forbids });
            return;
        }
    }
}

/// Evaluates conditions; most rules of a request share one evaluator.
struct Eyes<'s> {
    scene: Option<&'s Scene<'s>>,
    common: Option<(i64, Evaluator<'s>)>,
}
impl Eyes<'_> {
    fn see(&mut self, slot: &Slot, seconds: i64) -> Result<bool, String> {
        let body = slot.rule.body.as_ref().map_err(Clone::clone)?;
        let (Some(condition), Some(scene)) = (&body.condition, self.scene) else { return Ok(true) };
        let (made_for, evaluator) = self.common.get_or_insert_with(|| (seconds, scene.evaluator(seconds)));
        if *made_for != seconds && body.reads.duration() {
            return holds(&scene.evaluator(seconds), condition);
        }
        holds(evaluator, condition)
    }
}

/// Does a permit of this policy count for this purpose (spec v1 6.3 point 2, decision 27)?
pub(crate) fn counts(policy: &PolicySource, request: &Request<'_>, kind: Kind, asked: Option<i64>) -> bool {
    if kind.is_builtin() {
        return true;
    }
    let emergency = policy.approval_mode == ApprovalMode::BreakGlass;
    match request.purpose {
        Purpose::Check => policy.access == AccessKind::Standing && !emergency,
        Purpose::Ask { .. } => {
            emergency == request.facts.break_glass
                && asked.is_none_or(|seconds| seconds <= limit(policy, request.facts))
        }
    }
}
fn limit(policy: &PolicySource, facts: &Facts<'_>) -> i64 {
    if facts.extension { policy.max_total() } else { policy.max_duration_seconds }
}
/// What `context.duration_seconds` says to a rule of this policy.
pub(crate) fn duration(policy: &PolicySource, purpose: Purpose, asked: Option<i64>) -> i64 {
    match (asked, purpose) {
        (Some(seconds), _) => seconds,
        (None, Purpose::Check) => 0,
        (None, Purpose::Ask { default_seconds }) => {
            policy.default_duration_seconds.unwrap_or(default_seconds.min(policy.max_duration_seconds))
        }
    }
}

/// What a permitted request gets: the strictest of the determining policies (spec v1 6.3 point 6).
fn terms(permits: &[(&Slot, &PolicySource)], purpose: Purpose, asked: Option<i64>) -> Option<Terms> {
    let strictness = |p: &PolicySource| {
        let require = p.approval_mode == ApprovalMode::Require;
        (require, if require { (p.stages, p.people) } else { (0, 0) }, std::cmp::Reverse(p.id))
    };
    let policy = permits.iter().map(|(_, p)| *p).max_by_key(|p| strictness(p))?;
    Some(Terms {
        standing: permits.iter().any(|(_, p)| p.access == AccessKind::Standing),
        policy_id: policy.id,
        approval_mode: policy.approval_mode,
        duration_seconds: duration(policy, purpose, asked),
        max_duration_seconds: policy.max_duration_seconds,
        max_total_duration_seconds: policy.max_total(),
        audit_session: permits.iter().any(|(s, _)| s.audit_session),
    })
}

fn explain(decision: &mut Decision, determining: &[(&Slot, &PolicySource)]) {
    for (slot, policy) in determining {
        decision.rule_ids.push(slot.rule.id);
        if !decision.policy_ids.contains(&policy.id) {
            decision.policy_ids.push(policy.id);
        }
        if let Some(notice) = &slot.notice
            && !decision.notices.contains(notice)
        {
            decision.notices.push(notice.clone());
        }
    }
}

/// What is decided before any rule: a key's scopes and the rails. Access actions have neither.
pub(crate) fn before_rules(request: &Request<'_>, kind: Kind) -> Option<(bool, Layer)> {
    let Kind::BuiltIn(i) = kind else { return None };
    if is_beyond_token(request, kind) {
        return None;
    }
    if !in_scopes(request.principal, request.action) {
        return Some((false, Layer::Scope));
    }
    rails::meet(request.principal, &actions::ALL[i], request.target).map(|rail| (rail == Rail::Allow, Layer::Rail))
}
/// What a personal access token was given are permissions on objects, and no built-in action is one: of rules it hears only the no.
pub(crate) fn is_beyond_token(request: &Request<'_>, kind: Kind) -> bool {
    kind.is_builtin() && request.principal.credential.is_personal_token()
}
/// Is a built-in action within the credential's scopes?
fn in_scopes(principal: &Principal, action: &str) -> bool {
    match &principal.credential {
        Credential::ApiKey { scopes, .. } => scopes.allow(action),
        Credential::PersonalToken { .. } => false,
        Credential::Session { .. } | Credential::Service { .. } | Credential::None => true,
    }
}
/// The caller's cell of the base table.
fn cell(principal: &Principal, lent: Roles, action: &BuiltIn, i: usize) -> Cell {
    base::rights(own_roles(principal, lent, action), principal.is_owner, principal.in_master, i)
}
/// The roles that count for an action: some do not follow from a role that is held through a live grant (decision 18).
fn own_roles(principal: &Principal, lent: Roles, action: &BuiltIn) -> Roles {
    let lasting = matches!(action.name, "roles:grant" | "groups:roles")
        || matches!(action.area, "policies:*" | "api_keys:*" | "applications:*");
    if lasting { lent.iter().fold(principal.roles, Roles::without) } else { principal.roles }
}

/// What the base layer reads of a request.
pub(crate) enum BaseFacts {
    /// A service key: its rights are its scopes.
    Everything,
    Of {
        own: bool,
        named: bool,
        roles: Roles,
    },
}
pub(crate) fn base_facts(request: &Request<'_>, action: &BuiltIn) -> BaseFacts {
    // its rights are its scopes, which were looked at already
    if request.principal.is_service_key() {
        return BaseFacts::Everything;
    }
    let target = request.target;
    let me: Option<Id<User>> = request.principal.user_id();
    // the tenant as target with nobody named: a list (which shows less) or an id that is not there (which is 404 next)
    let general = target.kind == "Tenant" && target.subject.is_none();
    let (own, named) = if action.area == "tenants:*" {
        (target.side == Side::Own, false)
    } else {
        (general || (me.is_some() && target.subject == me), general || target.named)
    };
    BaseFacts::Of { own, named, roles: own_roles(request.principal, request.lent, action) }
}
/// How far the base layer lets the caller go, if at all.
fn by_base(request: &Request<'_>, action: &BuiltIn, i: usize) -> Option<Reach> {
    let (own, named, roles) = match base_facts(request, action) {
        BaseFacts::Everything => return Some(Reach::All),
        BaseFacts::Of { own, named, roles } => (own, named, roles),
    };
    let cell = base::rights(roles, request.principal.is_owner, request.principal.in_master, i);
    match (cell.has(Cell::YES), own && cell.has(Cell::OWN), named && cell.has(Cell::NAMED)) {
        (true, ..) => Some(Reach::All),
        (_, true, true) => Some(Reach::OwnOrNamed),
        (_, true, false) => Some(Reach::Own),
        (_, false, true) => Some(Reach::Named),
        (_, false, false) => None,
    }
}
