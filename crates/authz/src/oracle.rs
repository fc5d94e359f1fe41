//! What the fast path must equal: Cedar's public API, layer by layer, over all policies and all entities (engine.md 10).
//!
//! Slow on purpose, and shares with the fast path only what is not matching: scopes of keys, rails, and which permits count for
//! which purpose. Cedar's "a policy that errors is skipped" is corrected from its diagnostics: a forbid that errors counts.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use cedar_policy::{
    ActionConstraint, AuthorizationError, Authorizer, Context, Decision as Answer, Effect, Entities, Entity, EntityId,
    EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, Request as Question, RestrictedExpression as Expr,
};
use portcullis_domain::Id;
use portcullis_domain::policy::Rule;

use crate::actions::{self, Kind};
use crate::base::{self, Column};
use crate::decide::{self, BaseFacts, Request};
use crate::decision::{Layer, Reach};
use crate::evaluate::{datetime_text, ip_text, principal_attributes};
use crate::snapshot::{Caller, Place, PolicySource, RuleRow, SnapshotInput};
use crate::target::Attribute;

/// What is compared.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Yes or no.
    pub allowed: bool,
    /// By whom.
    pub layer: Layer,
    /// How far.
    pub reach: Reach,
    /// The determining rules.
    pub rules: BTreeSet<Id<Rule>>,
    /// Their notices, in order.
    pub notices: Vec<Arc<str>>,
}
impl From<&crate::Decision> for Verdict {
    fn from(d: &crate::Decision) -> Self {
        let rules = d.rule_ids.iter().copied().collect();
        Self { allowed: d.allowed, layer: d.layer, reach: d.reach, rules, notices: d.notices.clone() }
    }
}

/// Decides the request over these policies. The subject must be a user or a service user.
pub fn decide(input: &SnapshotInput, request: &Request<'_>) -> Verdict {
    let plain = |allowed, layer| Verdict { allowed, layer, reach: Reach::All, rules: BTreeSet::new(), notices: vec![] };
    let (Some(kind), Some(caller)) = (Kind::of(request.action), Caller::new(request.principal, input.tenant_id.uuid()))
    else {
        return plain(false, Layer::Default);
    };
    if let Some(early) = decide::before_rules(request, kind) {
        return plain(early.0, early.1);
    }
    let (entities, principal, resource) = told(input, request, kind, &caller);
    let ruled = Rules::new(input).decide(request, &entities, principal, resource);
    if decide::is_beyond_token(request, kind) {
        return ruled.filter(|v| !v.allowed).unwrap_or_else(|| plain(false, Layer::Scope));
    }
    if let Some(verdict) = ruled {
        return verdict;
    }
    match by_base(request, kind) {
        Some(reach) => Verdict { reach, ..plain(true, Layer::Base) },
        None => plain(false, Layer::Default),
    }
}

/// The rules of a tenant as Cedar reads them: one list a priority, highest first.
pub struct Rules<'a>(Vec<Vec<(&'a PolicySource, &'a RuleRow, Policy)>>);
impl<'a> Rules<'a> {
    /// Reads the enabled ones.
    pub fn new(input: &'a SnapshotInput) -> Self {
        let mut groups: BTreeMap<i64, Vec<(&PolicySource, &RuleRow, Policy)>> = BTreeMap::new();
        for policy in input.policies.iter().filter(|p| p.enabled) {
            groups.entry(policy.priority).or_default().extend(policy.rules.iter().map(|r| (policy, r, read(r))));
        }
        for group in groups.values_mut() {
            group.sort_by_key(|(p, r, _)| (r.ordinal, p.id, r.id));
        }
        Self(groups.into_values().rev().collect())
    }
    /// Group by group; `None`: no rule matches. Principal and resource are whatever the entities say of them: of the request only
    /// its action, its purpose and its context are read.
    pub fn decide(
        &self,
        request: &Request<'_>,
        entities: &Entities,
        principal: EntityUid,
        resource: EntityUid,
    ) -> Option<Verdict> {
        let kind = Kind::of(request.action)?;
        let action = uid("Action", request.action);
        let is_access = !kind.is_builtin();
        let world = World { entities, principal, action, resource, context: context(request, kind), is_access };
        self.0.iter().find_map(|group| {
            let (allowed, rules) = world.group(request, kind, group)?;
            let mut notices: Vec<Arc<str>> = vec![];
            for notice in
                group.iter().filter(|(_, r, _)| rules.contains(&r.id)).filter_map(|(_, r, _)| r.notice.as_ref())
            {
                if !notices.contains(notice) {
                    notices.push(notice.clone());
                }
            }
            Some(Verdict { allowed, layer: Layer::Rule, reach: Reach::All, rules, notices })
        })
    }
}

/// The entities that a request brings along, with its principal and its resource.
fn told(
    input: &SnapshotInput,
    request: &Request<'_>,
    kind: Kind,
    caller: &Caller<'_>,
) -> (Entities, EntityUid, EntityUid) {
    let tenant_id = input.tenant_id.to_string();
    let place = Place { target: request.target, tenant: &tenant_id };
    let tenant = uid("Tenant", &tenant_id);
    let principal = uid(caller.kind(), &caller.id.to_string());
    let action = uid("Action", request.action);
    let resource = uid(&request.target.kind, place.id());
    let mut all: HashMap<EntityUid, Entity> = HashMap::new();
    let mut add = |u: &EntityUid, attrs, parents: HashSet<EntityUid>, tags: Vec<(String, Expr)>| {
        let parents: HashSet<EntityUid> = parents.into_iter().filter(|p| p != u).collect();
        if let Ok(e) = Entity::new_with_tags(u.clone(), attrs, parents, tags) {
            all.entry(u.clone()).or_insert(e);
        }
    };
    let groups: Vec<EntityUid> = caller.groups.iter().map(|g| uid("Group", &g.to_string())).collect();
    let roles: Vec<EntityUid> = caller.roles.iter().map(|r| uid("Role", r.as_str())).collect();
    let parents = groups.iter().chain(&roles).chain([&tenant]).cloned().collect();
    let attributes = principal_attributes(request.principal, caller);
    let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), expr(v))).collect();
    let tags = request.principal.tags.iter().filter(|_| !caller.service);
    add(&principal, attributes, parents, tags.map(|(k, v)| (k.clone(), Expr::new_string(v.clone()))).collect());
    for group in &groups {
        add(group, HashMap::new(), [tenant.clone()].into(), vec![]);
    }
    for role in &roles {
        add(role, HashMap::new(), HashSet::new(), vec![]);
    }
    let up: HashSet<EntityUid> = kind.group().map(|g| uid("Action", g)).into_iter().collect();
    for group in &up {
        add(group, HashMap::new(), HashSet::new(), vec![]);
    }
    add(&action, HashMap::new(), up, vec![]);
    let parents = place.entities().skip(1).map(|(k, i)| uid(k, i)).collect();
    let mut attributes: HashMap<String, Expr> =
        request.target.attributes.iter().map(|(k, v)| ((*k).to_owned(), expr(v))).collect();
    if resource == tenant {
        attributes.insert("slug".into(), Expr::new_string(input.tenant_slug.to_string()));
    }
    let tags = request.target.tags.iter().map(|(k, v)| (k.to_string(), Expr::new_string(v.to_string()))).collect();
    add(&resource, attributes, parents, tags);
    let slug = Expr::new_string(input.tenant_slug.to_string());
    add(&tenant, HashMap::from([("slug".to_owned(), slug)]), HashSet::new(), vec![]);
    let entities = Entities::from_entities(all.into_values(), None).unwrap_or_default();
    (entities, principal, resource)
}

struct World<'e> {
    entities: &'e Entities,
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
    context: Vec<(String, Expr)>,
    is_access: bool,
}
impl World<'_> {
    /// What one priority group says: the answer and the determining rules.
    fn group(
        &self,
        request: &Request<'_>,
        kind: Kind,
        group: &[(&PolicySource, &RuleRow, Policy)],
    ) -> Option<(bool, BTreeSet<Id<Rule>>)> {
        let asked = request.facts.duration_seconds;
        let (mut permits, mut forbids) = (BTreeSet::new(), BTreeSet::new());
        let mut by_duration: BTreeMap<i64, Vec<(&RuleRow, &Policy)>> = BTreeMap::new();
        for (source, row, policy) in group {
            if policy.effect() == Effect::Permit && !decide::counts(source, request, kind, asked) {
                continue;
            }
            by_duration.entry(decide::duration(source, request.purpose, asked)).or_default().push((row, policy));
        }
        for (seconds, rules) in by_duration {
            // forbids apart, so that Cedar names the permits that matched beside them
            for effect in [Effect::Permit, Effect::Forbid] {
                let matched = if effect == Effect::Permit { &mut permits } else { &mut forbids };
                let mut set = PolicySet::new();
                for (_, policy) in rules.iter().filter(|(_, p)| p.effect() == effect) {
                    set.add((*policy).clone()).unwrap_or_else(|e| unreachable!("{e}"));
                }
                let response = Authorizer::new().is_authorized(&self.question(seconds), &set, self.entities);
                let mut ids: Vec<&PolicyId> = response.diagnostics().reason().collect();
                let failed: Vec<PolicyId> = response
                    .diagnostics()
                    .errors()
                    .map(|AuthorizationError::PolicyEvaluationError(e)| e.policy_id().clone())
                    .collect();
                if effect == Effect::Forbid {
                    ids.extend(&failed);
                }
                matched.extend(rules.iter().filter(|(_, p)| ids.contains(&p.id())).map(|(r, _)| r.id));
            }
        }
        match (forbids.is_empty(), permits.is_empty()) {
            (false, _) => Some((false, forbids)),
            (true, false) => Some((true, permits)),
            (true, true) => None,
        }
    }
    fn question(&self, seconds: i64) -> Question {
        let mut pairs = self.context.clone();
        if self.is_access {
            pairs.push(("duration_seconds".into(), Expr::new_long(seconds)));
        }
        let context = Context::from_pairs(pairs).unwrap_or_else(|e| unreachable!("{e}"));
        Question::new(self.principal.clone(), self.action.clone(), self.resource.clone(), context, None)
            .unwrap_or_else(|e| unreachable!("{e}"))
    }
}

/// A stored rule as Cedar reads it, with scope `any` as `in request_access` (decision 26) and `== group` as `in group`, which
/// is how it is saved (spec v1 6.3).
fn read(row: &RuleRow) -> Policy {
    let id = PolicyId::new(row.id.to_string());
    let policy = Policy::parse(Some(id.clone()), &*row.text).unwrap_or_else(|e| unreachable!("{e}"));
    let group = match policy.action_constraint() {
        ActionConstraint::Any => actions::REQUEST_ACCESS.to_owned(),
        ActionConstraint::Eq(uid) if actions::is_group(uid.id().unescaped()) => uid.id().unescaped().to_owned(),
        ActionConstraint::Eq(_) | ActionConstraint::In(_) => return policy,
    };
    let mut json = policy.to_json().unwrap_or_else(|e| unreachable!("{e}"));
    json["action"] = serde_json::json!({ "op": "in", "entity": { "type": "Action", "id": group } });
    Policy::from_json(Some(id), json).unwrap_or_else(|e| unreachable!("{e}"))
}

/// The base layer by evaluating `base.cedar`.
fn by_base(request: &Request<'_>, kind: Kind) -> Option<Reach> {
    let Kind::BuiltIn(i) = kind else { return None };
    let (facts, roles) = match decide::base_facts(request, &actions::ALL[i]) {
        BaseFacts::Everything => return Some(Reach::All),
        BaseFacts::Of { own, named, roles } => ((own, named), roles),
    };
    let columns: Vec<Column> = Column::of(roles, request.principal.is_owner, request.principal.in_master).collect();
    let may = |own, named| base_allows(&columns, request.action, own && facts.0, named && facts.1);
    match (may(false, false), may(true, false), may(false, true)) {
        (true, ..) => Some(Reach::All),
        (_, true, true) => Some(Reach::OwnOrNamed),
        (_, true, false) => Some(Reach::Own),
        (_, false, true) => Some(Reach::Named),
        (_, false, false) => None,
    }
}
/// Does `base.cedar` allow this action to somebody with these columns?
pub fn base_allows(columns: &[Column], action: &str, own: bool, named: bool) -> bool {
    static BASE: LazyLock<PolicySet> = LazyLock::new(|| base::TEXT.parse().unwrap_or_else(|e| unreachable!("{e}")));
    let me = uid("User", "me");
    let roles = columns.iter().map(|c| uid("Role", c.as_str())).collect();
    let entities = Entities::from_entities([Entity::new_no_attrs(me.clone(), roles)], None).unwrap_or_default();
    let context =
        Context::from_pairs([("own".to_owned(), Expr::new_bool(own)), ("named".to_owned(), Expr::new_bool(named))]);
    let context = context.unwrap_or_else(|e| unreachable!("{e}"));
    let question = Question::new(me, uid("Action", action), uid("Tenant", "t"), context, None);
    let question = question.unwrap_or_else(|e| unreachable!("{e}"));
    Authorizer::new().is_authorized(&question, &BASE, &entities).decision() == Answer::Allow
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().unwrap_or_else(|_| unreachable!("{kind} is a type"));
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}
fn expr(value: &Attribute<'_>) -> Expr {
    match value {
        Attribute::Text(s) => Expr::new_string(s.to_string()),
        Attribute::Long(n) => Expr::new_long(*n),
        Attribute::Bool(b) => Expr::new_bool(*b),
        Attribute::Ip(ip) => Expr::new_ip(ip_text(*ip)),
        Attribute::Entity(kind, id) => Expr::new_entity_uid(uid(kind, id)),
        Attribute::Texts(list) => Expr::new_set(list.iter().map(|s| Expr::new_string(s.to_string()))),
    }
}
/// Everything of spec v1 6.2 but the duration.
fn context(request: &Request<'_>, kind: Kind) -> Vec<(String, Expr)> {
    let facts = request.facts;
    let text = |s: &str| Expr::new_string(s.to_owned());
    let texts = |list: &[&str]| Expr::new_set(list.iter().map(|s| text(s)));
    let amr: Vec<&str> = facts.amr.iter().map(|s| &**s).collect();
    let mut out = vec![
        ("time", Expr::new_datetime(datetime_text(facts.now))),
        ("hour", Expr::new_long(facts.now.hour())),
        ("weekday", Expr::new_long(facts.now.weekday())),
        ("mfa", Expr::new_bool(facts.mfa)),
        ("amr", texts(&amr)),
        ("auth_age_seconds", Expr::new_long(facts.auth_age_seconds)),
        ("credential", text(facts.credential.as_str())),
    ];
    out.extend(facts.ip.map(|ip| ("ip", Expr::new_ip(ip_text(ip)))));
    match kind {
        Kind::BuiltIn(i) if crate::schema::has_user_context(&actions::ALL[i]) => {
            out.push(("roles", texts(facts.roles.as_deref().unwrap_or_default())));
            out.extend(facts.role.map(|s| ("role", text(s))));
            out.extend(facts.email_domain.map(|s| ("email_domain", text(s))));
            out.extend(facts.auth_provider.map(|s| ("auth_provider", text(s))));
        }
        Kind::BuiltIn(_) => {}
        Kind::Access | Kind::Permission => {
            out.extend([
                ("reason", text(facts.reason)),
                ("has_reason", Expr::new_bool(!facts.reason.is_empty())),
                ("has_ticket", Expr::new_bool(facts.ticket.is_some())),
                ("break_glass", Expr::new_bool(facts.break_glass)),
                ("extension", Expr::new_bool(facts.extension)),
            ]);
            out.extend(facts.ticket.map(|s| ("ticket", text(s))));
            out.extend(facts.permission_set.map(|s| ("permission_set", text(s))));
            out.extend(facts.permission_set_rank.map(|n| ("permission_set_rank", Expr::new_long(n))));
            out.extend(facts.account_id.map(|s| ("account_id", text(s))));
        }
    }
    out.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}
