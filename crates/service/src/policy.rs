//! Policies and their rules.
use portcullis_authz::Target;
use portcullis_domain::policy::{AccessKind, ApprovalMode, Policy, Rule};
use portcullis_domain::value::name_key;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result, Timestamp};
use portcullis_store::{Tx, policy, tenant};
use serde_json::{Map, Value, json};

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::rule::view;
use crate::user_change::require_revision;
use crate::{Answer, App, Page, PageRequest, Reply};

/// A tenant has at most so many policies (spec v1 2.8).
const MOST: i64 = 2_000;

/// A policy to make.
#[derive(Clone, Debug)]
pub struct NewPolicy {
    /// 1–120 characters, unique in the tenant.
    pub name: String,
    /// At most 2,000 characters.
    pub description: Option<String>,
    /// Do its rules count?
    pub enabled: bool,
    /// −1,000 to 1,000.
    pub priority: i64,
    /// 60–2,592,000 s.
    pub max_duration_seconds: i64,
    /// At most the maximum (422 otherwise).
    pub default_duration_seconds: Option<i64>,
    /// A channel's id; none exists in this version (422).
    pub notification_channel: Option<uuid::Uuid>,
    /// How a request is decided.
    pub approval_mode: ApprovalMode,
    /// 300–2,592,000 s.
    pub approval_timeout_seconds: i64,
    /// Checked stages.
    pub approval_stages: Value,
    /// At least the maximum.
    pub max_total_duration_seconds: Option<i64>,
    /// May ask, or may at once.
    pub access: AccessKind,
    /// Any number of Cedar statements: they become the rules, in order.
    pub cedar_policy_set: Option<String>,
}

impl NewPolicy {
    /// The row of it.
    pub(crate) fn policy(self, id: Id<Policy>, now: Timestamp) -> Policy {
        Policy {
            id,
            name: self.name,
            description: self.description,
            enabled: self.enabled,
            priority: self.priority,
            max_duration_seconds: self.max_duration_seconds,
            default_duration_seconds: self.default_duration_seconds,
            notification_channel: self.notification_channel,
            approval_mode: self.approval_mode,
            approval_timeout_seconds: self.approval_timeout_seconds,
            approval_stages: self.approval_stages,
            max_total_duration_seconds: self.max_total_duration_seconds,
            access: self.access,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }
}

/// A change of a policy. `None` keeps; `Some(None)` clears.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the fields of NewPolicy")]
pub struct PolicyPatch {
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub enabled: Option<bool>,
    pub priority: Option<i64>,
    pub max_duration_seconds: Option<i64>,
    pub default_duration_seconds: Option<Option<i64>>,
    pub notification_channel: Option<Option<uuid::Uuid>>,
    pub approval_mode: Option<ApprovalMode>,
    pub approval_timeout_seconds: Option<i64>,
    pub approval_stages: Option<Value>,
    pub max_total_duration_seconds: Option<Option<i64>>,
    pub access: Option<AccessKind>,
}

/// A rule as sent: whole text, or parts (spec v1 4.12). Members are those of PolicyRule, type-checked here.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the fields of spec v1 3.4 PolicyRule")]
pub struct RuleDraft {
    pub policy_text: Option<String>,
    pub effect: Option<String>,
    pub principal_scope_type: Option<String>,
    pub principal_entity_type: Option<String>,
    pub principal_entity_id: Option<String>,
    pub action_scope_type: Option<String>,
    pub action_ids: Option<Vec<String>>,
    pub resource_scope_type: Option<String>,
    pub resource_entity_type: Option<String>,
    pub resource_entity_id: Option<String>,
    pub conditions: Option<String>,
    pub ordinal: Option<i64>,
    pub notice: Option<Option<String>>,
    pub audit_session: Option<bool>,
}

/// A stored rule with the parts that are read off its text.
#[derive(Clone, Debug)]
pub struct RuleView {
    /// The row.
    pub rule: Rule,
    /// Its parts, as JSON members of PolicyRule: effect, *_scope_type, *_entity_*, action_ids, conditions.
    pub parts: Map<String, Value>,
}

/// A policy with its rules.
#[derive(Clone, Debug)]
pub struct PolicyView {
    /// The row.
    pub policy: Policy,
    /// By ordinal.
    pub rules: Vec<RuleView>,
}

/// `POST /v1/policies/evaluate`.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// E-mail or id.
    pub principal: String,
    /// `type:id`.
    pub resource: String,
    /// The action.
    pub action: String,
    /// Groups that are added.
    pub groups: Vec<String>,
    /// Any of the context's fields.
    pub context: Map<String, Value>,
}

impl App {
    /// Makes a policy. `policies:create`.
    pub async fn create_policy(&self, cx: &Ctx, new: Result<NewPolicy>, reply: Reply<PolicyView>) -> Result<Answer> {
        let gate = Gate::new("policies:create", Target::tenant());
        let command = async { self.new_policy(cx, new?).await };
        self.answer(cx, gate, command, reply, insert).await
    }
    async fn new_policy(&self, cx: &Ctx, new: NewPolicy) -> Result<Insert> {
        let texts = match &new.cedar_policy_set {
            Some(set) => self.read_set(cx, set).await?,
            None => vec![],
        };
        let policy = new.policy(self.id(cx), cx.now);
        meaningful(&policy)?;
        let rules =
            (1..).zip(texts).map(|(ordinal, text)| text.rule(self.id(cx), policy.id, ordinal, cx.now)).collect();
        Ok(Insert { policy, rules, scribe: self.scribe(cx) })
    }
    /// The older flat form: a policy of that name with one rule. `policies:create`.
    pub async fn create_policy_rule(
        &self,
        cx: &Ctx,
        new: Result<(NewPolicy, RuleDraft)>,
        reply: Reply<RuleView>,
    ) -> Result<Answer> {
        let gate = Gate::new("policies:create", Target::tenant());
        let command = async {
            let (new, draft) = new?;
            let text = self.read_rule(cx, &draft, None).await?;
            let mut c = self.new_policy(cx, new).await?;
            c.rules = vec![text.rule(self.id(cx), c.policy.id, 1, cx.now)];
            Ok(c)
        };
        self.answer(cx, gate, command, reply, insert_flat).await
    }
    /// One policy with its rules. `policies:read`.
    pub async fn get_policy(&self, cx: &Ctx, id: Id<Policy>) -> Result<PolicyView> {
        self.may(cx, "policies:read", Target::policy(id)).await?;
        self.0.db.read(cx.clone(), &id, whole).await?.ok_or_else(|| Error::not_found("policy"))
    }
    /// A page by priority, then name, each with its number of rules. `policies:list`.
    pub async fn list_policies(
        &self,
        cx: &Ctx,
        enabled: Option<bool>,
        q: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<(Policy, i64)>> {
        self.may(cx, "policies:list", Target::tenant()).await?;
        let after = self.page_start(cx, page).await?.map(|k| policy::PolicyKey {
            priority: k["priority"].as_i64().unwrap_or(0),
            name_key: crate::page::text(&k, "name"),
        });
        let c = List { enabled, q: q.map(ToOwned::to_owned), after, limit: page.limit + 1 };
        let rows = self.0.db.read(cx.clone(), &c, list).await?;
        self.page(cx, page, rows, |(p, _)| json!({ "priority": p.priority, "name": name_key(&p.name) })).await
    }
    /// Changes a policy. `policies:update`; who makes its permits count, or count more, must be one who may write them.
    pub async fn update_policy(
        &self,
        cx: &Ctx,
        id: Id<Policy>,
        patch: Result<PolicyPatch>,
        if_match: Option<i64>,
    ) -> Result<PolicyView> {
        // the rules that are looked at here are those of this revision
        let gate = Gate::new("policies:update", Target::policy(id)).once();
        let command = async {
            let (before, rules) =
                self.0.db.read(cx.clone(), &id, with_rules).await?.ok_or_else(|| Error::not_found("policy"))?;
            let patch = patch?;
            let enabled = patch.enabled.unwrap_or(before.enabled);
            let raised = patch.priority.is_some_and(|p| p > before.priority);
            if enabled && (!before.enabled || raised) {
                let texts: Vec<&str> = rules.iter().map(|r| r.text.as_str()).collect();
                self.read_set(cx, &texts.join("\n")).await?;
            }
            Ok(Update { id, patch, if_match, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await
    }
    /// Deletes a policy with its rules. `policies:delete`.
    pub async fn delete_policy(&self, cx: &Ctx, id: Id<Policy>, if_match: Option<i64>) -> Result<()> {
        let gate = Gate::new("policies:delete", Target::policy(id));
        let command = async { Ok(Delete { id, if_match, scribe: self.scribe(cx) }) };
        self.apply(cx, gate, command, delete).await
    }
    /// All policies, highest first; priorities become n … 1. `policies:update`.
    pub async fn reorder_policies(&self, cx: &Ctx, ids: Result<Vec<Id<Policy>>>) -> Result<()> {
        let gate = Gate::new("policies:update", Target::tenant());
        let command = async { Ok(Reorder { ids: ids?, scribe: self.scribe(cx) }) };
        self.apply(cx, gate, command, reorder).await
    }
    pub(crate) async fn policy_exists(&self, cx: &Ctx, id: Id<Policy>) -> Result<()> {
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        found.map(drop).ok_or_else(|| Error::not_found("policy"))
    }
}

/// 422 for values that are well-formed but contradict one another, or name what is not there.
pub(crate) fn meaningful(p: &Policy) -> Result<()> {
    let mut wrong = vec![];
    let mut field = |field: &'static str, message: &'static str| {
        wrong.push(FieldError { field: field.into(), message: message.into() });
    };
    if p.default_duration_seconds.is_some_and(|d| d > p.max_duration_seconds) {
        field("default_duration_seconds", "At most max_duration_seconds.");
    }
    if p.max_total_duration_seconds.is_some_and(|t| t < p.max_duration_seconds) {
        field("max_total_duration_seconds", "At least max_duration_seconds.");
    }
    if p.notification_channel.is_some() {
        field("notification_channel", "No such channel in this tenant.");
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::with_fields(Code::Unprocessable, wrong)) }
}
fn name_taken() -> Error {
    Error::new(Code::AlreadyExists, "A policy of this name exists in this tenant.").detail("field", "name")
}

pub(crate) struct Insert {
    pub policy: Policy,
    pub rules: Vec<Rule>,
    pub scribe: Scribe,
}
pub(crate) async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<PolicyView> {
    if policy::count(tx).await? >= MOST {
        return Err(Error::new(Code::Conflict, "A tenant has at most 2,000 policies.").into());
    }
    crate::rule::room_for(tx, c.rules.len()).await?;
    policy::insert(tx, &c.policy).await.map_err(|e| e.when_conflict("policies_name", name_taken))?;
    for rule in &c.rules {
        policy::insert_rule(tx, rule).await?;
    }
    let event = c
        .scribe
        .event("policy.created", "policy", c.policy.id)
        .change("name", Value::Null, c.policy.name.as_str())
        .change("priority", Value::Null, c.policy.priority)
        .change("enabled", Value::Null, c.policy.enabled)
        .with("rules", c.rules.len());
    c.scribe.write(tx, event);
    for rule in &c.rules {
        crate::rule::record(tx, &c.scribe, "rule.created", rule, None);
    }
    tenant::rules_changed(tx).await?;
    Ok(PolicyView { policy: c.policy.clone(), rules: c.rules.iter().cloned().map(view).collect() })
}
async fn insert_flat(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<RuleView> {
    let made = insert(tx, c).await?;
    made.rules.into_iter().next().ok_or_else(|| portcullis_store::Error::internal("a flat rule without its rule"))
}

struct List {
    enabled: Option<bool>,
    q: Option<String>,
    after: Option<policy::PolicyKey>,
    limit: usize,
}
async fn list(tx: &mut Tx, c: &List) -> portcullis_store::Result<Vec<(Policy, i64)>> {
    let policies = policy::list(tx, c.enabled, c.q.as_deref(), c.after.as_ref(), c.limit).await?;
    let mut out = Vec::with_capacity(policies.len());
    for p in policies {
        let rules = policy::rule_count(tx, p.id).await?;
        out.push((p, rules));
    }
    Ok(out)
}
async fn by_id(tx: &mut Tx, id: &Id<Policy>) -> portcullis_store::Result<Option<Policy>> {
    policy::by_id(tx, *id).await
}
async fn whole(tx: &mut Tx, id: &Id<Policy>) -> portcullis_store::Result<Option<PolicyView>> {
    let Some(policy) = policy::by_id(tx, *id).await? else { return Ok(None) };
    let rules = policy::rules_of(tx, *id).await?;
    Ok(Some(PolicyView { policy, rules: rules.into_iter().map(view).collect() }))
}

async fn with_rules(tx: &mut Tx, id: &Id<Policy>) -> portcullis_store::Result<Option<(Policy, Vec<Rule>)>> {
    match policy::by_id(tx, *id).await? {
        Some(p) => Ok(Some((p, policy::rules_of(tx, *id).await?))),
        None => Ok(None),
    }
}

pub(crate) struct Update {
    pub id: Id<Policy>,
    pub patch: PolicyPatch,
    pub if_match: Option<i64>,
    pub scribe: Scribe,
}
pub(crate) async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<PolicyView> {
    let before = policy::by_id(tx, c.id).await?.ok_or_else(|| Error::not_found("policy"))?;
    require_revision(before.revision, c.if_match)?;
    let (mut after, p) = (before.clone(), c.patch.clone());
    macro_rules! take {
        ($($field:ident)+) => { $(if let Some(v) = p.$field { after.$field = v; })+ };
    }
    take!(name description enabled priority max_duration_seconds default_duration_seconds notification_channel approval_mode
        approval_timeout_seconds approval_stages max_total_duration_seconds access);
    meaningful(&after)?;
    after.updated_at = tx.cx.now;
    policy::update(tx, &after).await.map_err(|e| e.when_conflict("policies_name", name_taken))?;
    after.revision += 1;
    let number = |n: Option<i64>| n.map_or(Value::Null, Value::from);
    let event = c
        .scribe
        .event("policy.updated", "policy", c.id)
        .change("name", before.name.as_str(), after.name.as_str())
        .change("description", before.description.as_deref(), after.description.as_deref())
        .change("enabled", before.enabled, after.enabled)
        .change("priority", before.priority, after.priority)
        .change("max_duration_seconds", before.max_duration_seconds, after.max_duration_seconds)
        .change(
            "default_duration_seconds",
            number(before.default_duration_seconds),
            number(after.default_duration_seconds),
        )
        .change("approval_mode", before.approval_mode.as_str(), after.approval_mode.as_str())
        .change("approval_timeout_seconds", before.approval_timeout_seconds, after.approval_timeout_seconds)
        .change("approval_stages", before.approval_stages.clone(), after.approval_stages.clone())
        .change(
            "max_total_duration_seconds",
            number(before.max_total_duration_seconds),
            number(after.max_total_duration_seconds),
        )
        .change("access", before.access.as_str(), after.access.as_str());
    if !event.changes.is_empty() {
        c.scribe.write(tx, event);
    }
    let rules = policy::rules_of(tx, c.id).await?;
    tenant::rules_changed(tx).await?;
    Ok(PolicyView { policy: after, rules: rules.into_iter().map(view).collect() })
}

pub(crate) struct Delete {
    pub id: Id<Policy>,
    pub if_match: Option<i64>,
    pub scribe: Scribe,
}
pub(crate) async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let policy = policy::by_id(tx, c.id).await?.ok_or_else(|| Error::not_found("policy"))?;
    require_revision(policy.revision, c.if_match)?;
    let rules = policy::rules_of(tx, c.id).await?;
    policy::delete(tx, c.id).await?;
    for rule in &rules {
        crate::rule::record(tx, &c.scribe, "rule.deleted", rule, None);
    }
    c.scribe.write(tx, c.scribe.event("policy.deleted", "policy", c.id).with("name", policy.name.as_str()));
    tenant::rules_changed(tx).await?;
    Ok(())
}

struct Reorder {
    ids: Vec<Id<Policy>>,
    scribe: Scribe,
}
async fn reorder(tx: &mut Tx, c: &Reorder) -> portcullis_store::Result<()> {
    let all: Vec<Id<Policy>> = policy::all(tx).await?.iter().map(|p| p.id).collect();
    complete(&all, &c.ids, "policies")?;
    let n = i64::try_from(c.ids.len()).unwrap_or(i64::MAX);
    for (priority, id) in (1..=n).rev().zip(&c.ids) {
        policy::set_priority(tx, *id, priority).await?;
    }
    let ids: Vec<String> = c.ids.iter().map(ToString::to_string).collect();
    c.scribe.write(tx, c.scribe.event("policy.reordered", "tenant", tx.cx.tenant_id).with("ids", ids));
    tenant::rules_changed(tx).await?;
    Ok(())
}
/// 422 unless a new order names each thing once.
pub(crate) fn complete<T>(all: &[Id<T>], ids: &[Id<T>], what: &'static str) -> Result<()> {
    let sorted = |v: &[Id<T>]| {
        let mut v = v.to_vec();
        v.sort();
        v
    };
    if sorted(all) == sorted(ids) {
        return Ok(());
    }
    let message = format!("Name all {} {what}, each once.", all.len());
    Err(Error::with_fields(Code::Unprocessable, vec![FieldError { field: "ids".into(), message: message.into() }]))
}
