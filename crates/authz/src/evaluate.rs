//! Conditions, evaluated by Cedar's own evaluator on the least that they read.
//!
//! The only module (with `snapshot::compiled`, which parses) that uses `cedar-policy-core` directly: through the public API the
//! same work costs twenty times as much (engine.md "Cedar core"). The oracle uses the public API, and a property test holds the
//! two together.
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use cedar_policy_core::ast::{
    Context, Eid, Entity, EntityType, EntityUID, EntityUIDEntry, Expr, ExprKind, Name, PartialValue, Request,
    RestrictedExpr, SlotEnv, Value, Var,
};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::{Evaluator, RestrictedEvaluator};
use cedar_policy_core::extensions::Extensions;
use portcullis_domain::{Principal, Timestamp};

use crate::actions::{self, Kind};
use crate::facts::Facts;
use crate::schema;
use crate::snapshot::{Caller, Place, Snapshot};
use crate::target::Attribute;

/// Names of context fields and attributes, each one bit of a [`Reads`].
const CONTEXT: [&str; 22] = [
    "duration_seconds",
    "reason",
    "has_reason",
    "ticket",
    "has_ticket",
    "break_glass",
    "extension",
    "permission_set",
    "permission_set_rank",
    "account_id",
    "time",
    "hour",
    "weekday",
    "ip",
    "mfa",
    "amr",
    "auth_age_seconds",
    "credential",
    "roles",
    "role",
    "email_domain",
    "auth_provider",
];
const PRINCIPAL: [&str; 11] = [
    "email",
    "email_domain",
    "auth_provider",
    "active",
    "email_verified",
    "mfa_enrolled",
    "is_owner",
    "manager",
    "name",
    "created_by",
    "scopes",
];

/// What a condition reads. More is allowed, less is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    context: u32,
    principal: u16,
    /// An attribute that no principal has: the target's must all be there.
    other: bool,
    tags: bool,
    ancestors: bool,
}
impl Reads {
    pub fn of(expr: &Expr) -> Self {
        let mut reads = Self::default();
        let (mut whole, mut fields) = (0, 0);
        for e in expr.subexpressions() {
            match e.expr_kind() {
                ExprKind::Var(Var::Context) => whole += 1,
                ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } => {
                    fields += reads.attribute(expr, attr);
                }
                ExprKind::ExtHasAttr { expr, attrs } => {
                    fields += reads.attribute(expr, attrs.first());
                    for attr in attrs.iter().skip(1) {
                        reads.attribute(e, attr);
                    }
                }
                ExprKind::BinaryApp { op, .. } => {
                    use cedar_policy_core::ast::BinaryOp;
                    reads.tags |= matches!(op, BinaryOp::GetTag | BinaryOp::HasTag);
                    reads.ancestors |= matches!(op, BinaryOp::In);
                }
                _ => {}
            }
        }
        if whole > fields {
            reads.context = u32::MAX; // the record itself is used
        }
        reads
    }
    /// Notes one attribute; 1 if it is a field of the context.
    fn attribute(&mut self, of: &Expr, name: &str) -> usize {
        if matches!(of.expr_kind(), ExprKind::Var(Var::Context)) {
            self.context |= bit(&CONTEXT, name);
            return 1;
        }
        match PRINCIPAL.iter().position(|p| *p == name) {
            Some(i) => self.principal |= 1 << i,
            None => self.other = true,
        }
        0
    }
    pub fn and(self, other: Self) -> Self {
        Self {
            context: self.context | other.context,
            principal: self.principal | other.principal,
            other: self.other || other.other,
            tags: self.tags || other.tags,
            ancestors: self.ancestors || other.ancestors,
        }
    }
    /// Does it read how long? Then rules of different policies may see different contexts.
    pub fn duration(self) -> bool {
        self.context & 1 != 0
    }
    fn field(self, name: &str) -> bool {
        self.context & bit(&CONTEXT, name) != 0
    }
    fn wants(self, name: &str) -> bool {
        PRINCIPAL.iter().position(|p| *p == name).map_or(self.other, |i| self.principal & (1 << i) != 0)
    }
}
fn bit(names: &[&str], name: &str) -> u32 {
    names.iter().position(|n| *n == name).map_or(0, |i| 1 << i)
}

/// Everything that the conditions of one request may look at: three entities, flattened, and the parts of the context.
pub(crate) struct Scene<'a> {
    entities: Entities,
    principal: EntityUID,
    action: EntityUID,
    resource: EntityUID,
    facts: &'a Facts<'a>,
    kind: Kind,
    reads: Reads,
}
impl<'a> Scene<'a> {
    pub fn new(
        snapshot: &Snapshot,
        who: &Principal,
        caller: &Caller<'_>,
        action: (&str, Kind),
        place: &Place<'_>,
        facts: &'a Facts<'a>,
        reads: Reads,
    ) -> Self {
        let (action_name, kind) = action;
        let principal = uid(caller.kind(), &caller.id.to_string());
        let action = uid("Action", action_name);
        let resource = uid(&place.target.kind, place.id());
        let group = kind.group().filter(|_| reads.ancestors);
        let mut list = vec![
            Arc::new(principal_entity(principal.clone(), snapshot, who, caller, reads)),
            Arc::new(entity(action.clone(), vec![], group.map(|g| ("Action", g)).into_iter(), vec![])),
        ];
        // a caller who acts on himself is one entity
        if resource != principal {
            list.push(Arc::new(resource_entity(resource.clone(), snapshot, place, reads)));
        }
        // INVARIANT: the ids differ, so adding cannot fail; all ancestors are listed, so the closure is complete
        let entities = Entities::new()
            .add_entities(
                list,
                None::<&NoEntitiesSchema>,
                TCComputation::AssumeAlreadyComputed,
                Extensions::all_available(),
            )
            .unwrap_or_default();
        Self { entities, principal, action, resource, facts, kind, reads }
    }
    /// An evaluator; `duration` is what `context.duration_seconds` says.
    pub fn evaluator(&self, duration: i64) -> Evaluator<'_> {
        let known = |uid: &EntityUID| EntityUIDEntry::known(uid.clone(), None);
        let context =
            Context::Value(Arc::new(context(self.facts, self.kind, duration, self.reads).into_iter().collect()));
        let request =
            Request::new_unchecked(known(&self.principal), known(&self.action), known(&self.resource), Some(context));
        Evaluator::new(request, &self.entities, Extensions::all_available())
    }
}
/// Does the condition hold? An error is Cedar's own words.
pub(crate) fn holds(evaluator: &Evaluator<'_>, condition: &Expr) -> Result<bool, String> {
    static NO_SLOTS: LazyLock<SlotEnv> = LazyLock::new(SlotEnv::new);
    match evaluator.interpret(condition, &NO_SLOTS) {
        Ok(v) if v == Value::from(true) => Ok(true),
        Ok(v) if v == Value::from(false) => Ok(false),
        Ok(_) => Err("the condition is neither true nor false".into()),
        Err(e) => Err(e.to_string()),
    }
}

fn entity_type(kind: &str) -> EntityType {
    static KNOWN: LazyLock<Vec<(&'static str, EntityType)>> = LazyLock::new(|| {
        [
            "User",
            "Action",
            "Tenant",
            "Group",
            "Role",
            "ServiceUser",
            "AwsAccount",
            "AwsPermissionSet",
            "Policy",
            "ApiKey",
        ]
        .into_iter()
        .filter_map(|k| Some((k, k.parse().ok()?)))
        .collect()
    });
    match KNOWN.iter().find(|(k, _)| *k == kind) {
        Some((_, t)) => t.clone(),
        // a word that is no type can be no type that a rule names: any other unused one will do
        None => kind.parse().unwrap_or_else(|_| KNOWN[0].1.qualify_with(Some(&UNKNOWN))),
    }
}
#[expect(clippy::expect_used, reason = "a constant")]
static UNKNOWN: LazyLock<Name> = LazyLock::new(|| "Unknown".parse().expect("a name"));

fn uid(kind: &str, id: &str) -> EntityUID {
    EntityUID::from_components(entity_type(kind), Eid::new(id), None)
}
fn entity<'s>(
    uid: EntityUID,
    attributes: Vec<(&str, PartialValue)>,
    ancestors: impl Iterator<Item = (&'s str, &'s str)>,
    tags: Vec<(&str, &str)>,
) -> Entity {
    Entity::new_with_attr_partial_value(
        uid.clone(),
        attributes.into_iter().map(|(k, v)| (k.into(), v)),
        std::collections::HashSet::new(),
        ancestors.map(|(k, i)| self::uid(k, i)).filter(|a| *a != uid).collect(),
        tags.into_iter().map(|(k, v)| (k.into(), Value::from(v).into())),
    )
}
fn principal_entity(uid: EntityUID, snapshot: &Snapshot, who: &Principal, caller: &Caller<'_>, reads: Reads) -> Entity {
    let mut attributes: Vec<(&str, PartialValue)> = vec![];
    if reads.principal != 0 {
        for (name, value) in principal_attributes(who, caller) {
            if reads.wants(name) {
                attributes.extend(partial(&value).map(|v| (name, v)));
            }
        }
    }
    let tags = who.tags.iter().filter(|_| reads.tags && !caller.service).map(|(k, v)| (&**k, &**v)).collect();
    let groups: Vec<String> = caller.groups.iter().filter(|_| reads.ancestors).map(ToString::to_string).collect();
    let roles = caller.roles.iter().map(|r| ("Role", r.as_str()));
    let ancestors = groups.iter().map(|g| ("Group", &**g)).chain(roles).chain([("Tenant", &*snapshot.tenant_text)]);
    entity(uid, attributes, ancestors.filter(|_| reads.ancestors), tags)
}
/// What spec v1 6.1 says of a principal. `name` of a user is left out (decision 4).
pub(crate) fn principal_attributes<'a>(who: &'a Principal, caller: &Caller<'_>) -> Vec<(&'static str, Attribute<'a>)> {
    let text = |s: &'a str| Attribute::from(s);
    if caller.service {
        let scopes = match &who.credential {
            portcullis_domain::Credential::ApiKey { scopes, .. } => scopes.as_slice(),
            _ => &[],
        };
        let scopes = Attribute::Texts(scopes.iter().map(|s| (&**s).into()).collect());
        let mut out = vec![("name", text(&who.name)), ("scopes", scopes)];
        out.extend(who.acting_user.map(|u| ("created_by", u.into())));
        return out;
    }
    let mut out = vec![
        ("active", true.into()),
        ("email_verified", who.email_verified.into()),
        ("mfa_enrolled", who.mfa_enrolled.into()),
        ("is_owner", who.is_owner.into()),
    ];
    if let Some(email) = &who.email {
        out.extend([("email", text(email)), ("email_domain", text(email.domain()))]);
    }
    out.extend(who.auth_provider.map(|p| ("auth_provider", text(p.as_str()))));
    out.extend(who.manager_id.map(|m| ("manager", m.into())));
    out
}
fn resource_entity(uid: EntityUID, snapshot: &Snapshot, place: &Place<'_>, reads: Reads) -> Entity {
    let target = place.target;
    let mut attributes: Vec<(&str, PartialValue)> =
        target.attributes.iter().filter(|(k, _)| reads.wants(k)).filter_map(|(k, v)| Some((*k, partial(v)?))).collect();
    if reads.other && target.kind == "Tenant" && target.id.is_none() {
        attributes.push(("slug", Value::from(&*snapshot.tenant_slug).into()));
    }
    let tags = target.tags.iter().filter(|_| reads.tags).map(|(k, v)| (&**k, &**v)).collect();
    entity(uid, attributes, place.entities().filter(|_| reads.ancestors), tags)
}

fn partial(value: &Attribute<'_>) -> Option<PartialValue> {
    Some(match value {
        Attribute::Text(s) => Value::from(&**s).into(),
        Attribute::Long(n) => Value::from(*n).into(),
        Attribute::Bool(b) => Value::from(*b).into(),
        Attribute::Ip(ip) => extension(&IP, &ip.to_canonical().to_string())?.into(),
        Attribute::Entity(kind, id) => Value::from(uid(kind, id)).into(),
        Attribute::Texts(list) => texts(list.iter().map(|s| &**s)).into(),
    })
}
fn texts<'s>(list: impl Iterator<Item = &'s str>) -> Value {
    Value::set(list.map(Value::from), None)
}

#[expect(clippy::expect_used, reason = "a constant")]
static IP: LazyLock<Name> = LazyLock::new(|| "ip".parse().expect("a name"));
#[expect(clippy::expect_used, reason = "a constant")]
static DATETIME: LazyLock<Name> = LazyLock::new(|| "datetime".parse().expect("a name"));

/// An extension value; `None` for one that Cedar does not read (an address form that it refuses).
fn extension(function: &LazyLock<Name>, argument: &str) -> Option<Value> {
    let call = RestrictedExpr::call_extension_fn(Name::clone(function), [RestrictedExpr::val(argument)]);
    RestrictedEvaluator::new(Extensions::all_available()).interpret(call.as_borrowed()).ok()
}
/// A moment as Cedar's `datetime` reads it: milliseconds.
pub(crate) fn datetime_text(t: Timestamp) -> String {
    let text = Timestamp::from_micros(t.micros().div_euclid(1_000) * 1_000).to_string();
    text.strip_suffix("000Z").map_or(text.clone(), |t| format!("{t}Z"))
}
pub(crate) fn ip_text(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}

/// The fields that are read, of those that this action has (spec v1 6.2).
fn context<S: From<&'static str>>(facts: &Facts<'_>, kind: Kind, duration: i64, reads: Reads) -> Vec<(S, Value)> {
    let mut out = Vec::with_capacity(reads.context.count_ones().min(22) as usize);
    if reads.context == 0 {
        return out;
    }
    let mut add = |name: &'static str, value: &dyn Fn() -> Option<Value>| {
        if reads.field(name) {
            out.extend(value().map(|v| (S::from(name), v)));
        }
    };
    let text = |s: Option<&str>| s.map(Value::from);
    add("time", &|| extension(&DATETIME, &datetime_text(facts.now)));
    add("hour", &|| Some(Value::from(facts.now.hour())));
    add("weekday", &|| Some(Value::from(facts.now.weekday())));
    add("ip", &|| facts.ip.and_then(|ip| extension(&IP, &ip_text(ip))));
    add("mfa", &|| Some(Value::from(facts.mfa)));
    add("amr", &|| Some(texts(facts.amr.iter().map(|s| &**s))));
    add("auth_age_seconds", &|| Some(Value::from(facts.auth_age_seconds)));
    add("credential", &|| text(Some(facts.credential.as_str())));
    match kind {
        Kind::BuiltIn(i) if schema::has_user_context(&actions::ALL[i]) => {
            add("roles", &|| Some(texts(facts.roles.iter().flatten().copied())));
            add("role", &|| text(facts.role));
            add("email_domain", &|| text(facts.email_domain));
            add("auth_provider", &|| text(facts.auth_provider));
        }
        Kind::BuiltIn(_) => {}
        Kind::Access | Kind::Permission => {
            add("duration_seconds", &|| Some(Value::from(duration)));
            add("reason", &|| text(Some(facts.reason)));
            add("has_reason", &|| Some(Value::from(!facts.reason.is_empty())));
            add("ticket", &|| text(facts.ticket));
            add("has_ticket", &|| Some(Value::from(facts.ticket.is_some())));
            add("break_glass", &|| Some(Value::from(facts.break_glass)));
            add("extension", &|| Some(Value::from(facts.extension)));
            add("permission_set", &|| text(facts.permission_set));
            add("permission_set_rank", &|| facts.permission_set_rank.map(Value::from));
            add("account_id", &|| text(facts.account_id));
        }
    }
    out
}
