//! The rules of a policy: one Cedar statement each, validated when saved.
use std::collections::{HashMap, HashSet};

use portcullis_authz::rule::{self, Effect};
use portcullis_authz::schema;
use portcullis_authz::{Reach, Resolver, Rule as Cedar, RuleErrors, RuleParts, RuleSource, ScopeType, Target, actions};
use portcullis_domain::policy::{Policy, Rule};
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result, Timestamp};
use portcullis_store::{Tx, group, policy, tenant, user};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Asked, Gate, decide, is_superuser};
use crate::policy::{RuleDraft, RuleView, complete};
use crate::{Answer, App, Page, PageRequest, Reply, permission};

/// A tenant has at most so many rules (spec v1 2.8).
const MOST: i64 = 20_000;
/// Statements of one dry run.
const MOST_VALIDATED: usize = 200;

/// A rule that was read and validated, but has no place yet.
pub(crate) struct Text(pub RuleSource);
impl Text {
    /// The row of it.
    pub fn rule(&self, id: Id<Rule>, policy_id: Id<Policy>, ordinal: i64, now: Timestamp) -> Rule {
        Rule {
            id,
            policy_id,
            ordinal,
            text: self.0.render(Some(&id.to_string())),
            notice: self.0.parts.notice.clone(),
            audit_session: self.0.parts.audit_session,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A stored rule with its parts.
pub(crate) fn view(rule: Rule) -> RuleView {
    // a text that no longer parses is shown as it is, without parts
    let parts = Cedar::parse_text(&rule.text, &()).map(|s| parts_json(&s.parts)).unwrap_or_default();
    RuleView { rule, parts }
}
fn parts_json(p: &RuleParts) -> Map<String, Value> {
    let mut m = Map::new();
    m.insert("effect".into(), p.effect.as_str().into());
    m.insert("principal_scope_type".into(), p.principal_scope_type.as_str().into());
    m.insert("principal_entity_type".into(), json!(p.principal_entity_type));
    m.insert("principal_entity_id".into(), json!(p.principal_entity_id));
    m.insert("action_scope_type".into(), p.action_scope_type.as_str().into());
    m.insert("action_ids".into(), json!(p.action_ids));
    m.insert("resource_scope_type".into(), p.resource_scope_type.as_str().into());
    m.insert("resource_entity_type".into(), json!(p.resource_entity_type));
    m.insert("resource_entity_id".into(), json!(p.resource_entity_id));
    m.insert("conditions".into(), json!(p.conditions));
    m
}

impl App {
    /// Adds a rule. `policies:update`.
    pub async fn create_rule(
        &self,
        cx: &Ctx,
        policy: Id<Policy>,
        draft: Result<RuleDraft>,
        reply: Reply<RuleView>,
    ) -> Result<Answer> {
        let gate = Gate::new("policies:update", Target::policy(policy));
        let command = async {
            self.policy_exists(cx, policy).await?;
            let draft = draft?;
            let text = self.read_rule(cx, &draft, None).await?;
            let rule = text.rule(self.id(cx), policy, 0, cx.now);
            Ok(Insert { rule, ordinal: draft.ordinal, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, insert).await
    }
    /// One rule. `policies:read`.
    pub async fn get_rule(&self, cx: &Ctx, policy: Id<Policy>, id: Id<Rule>) -> Result<RuleView> {
        self.may(cx, "policies:read", Target::policy(policy)).await?;
        self.stored_rule(cx, policy, id).await.map(view)
    }
    async fn stored_rule(&self, cx: &Ctx, policy: Id<Policy>, id: Id<Rule>) -> Result<Rule> {
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        found.filter(|r| r.policy_id == policy).ok_or_else(|| Error::not_found("rule"))
    }
    /// A page of rules by ordinal. `policies:read`.
    pub async fn list_rules(&self, cx: &Ctx, policy: Id<Policy>, page: &PageRequest) -> Result<Page<RuleView>> {
        self.may(cx, "policies:read", Target::policy(policy)).await?;
        self.policy_exists(cx, policy).await?;
        let after = self.page_start(cx, page).await?.and_then(|k| k["ordinal"].as_i64()).unwrap_or(0);
        let rules = self.0.db.read(cx.clone(), &policy, of_policy).await?;
        let rows = rules.into_iter().filter(|r| r.ordinal > after).take(page.limit + 1).collect();
        Ok(self.page(cx, page, rows, |r: &Rule| json!({ "ordinal": r.ordinal })).await?.map(view))
    }
    /// Changes a rule: parts merge into the stored rule, text replaces it. `policies:update`.
    pub async fn update_rule(
        &self,
        cx: &Ctx,
        policy: Id<Policy>,
        id: Id<Rule>,
        draft: Result<RuleDraft>,
    ) -> Result<RuleView> {
        let gate = Gate::new("policies:update", Target::policy(policy));
        let command = async {
            let stored = self.stored_rule(cx, policy, id).await?;
            let draft = draft?;
            let text = self.read_rule(cx, &draft, Some(&stored)).await?;
            let rule = Rule { created_at: stored.created_at, ..text.rule(id, policy, stored.ordinal, cx.now) };
            Ok(Insert { rule, ordinal: draft.ordinal, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await
    }
    /// Deletes a rule. `policies:update`.
    pub async fn delete_rule(&self, cx: &Ctx, policy: Id<Policy>, id: Id<Rule>) -> Result<()> {
        let gate = Gate::new("policies:update", Target::policy(policy));
        let command = async {
            let rule = self.stored_rule(cx, policy, id).await?;
            Ok(Insert { rule, ordinal: None, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, delete).await
    }
    /// All rules of a policy in order. `policies:update`.
    pub async fn reorder_rules(&self, cx: &Ctx, policy: Id<Policy>, ids: Result<Vec<Id<Rule>>>) -> Result<()> {
        let gate = Gate::new("policies:update", Target::policy(policy));
        let command = async {
            self.policy_exists(cx, policy).await?;
            Ok(Reorder { policy, ids: ids?, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, reorder).await
    }
    /// `{valid, errors[], warnings[], rules[]}` of a text. `policies:read`.
    pub async fn validate_cedar(&self, cx: &Ctx, cedar: Result<String>) -> Result<Value> {
        self.may(cx, "policies:read", Target::tenant()).await?;
        let cedar = cedar?;
        let names = self.names(cx, &[&cedar]).await?;
        let checked = self
            .validating(move || -> Result<_, RuleErrors> {
                let rules = rule::parse_many(&cedar, &names)?;
                if rules.len() > MOST_VALIDATED {
                    return Ok(None);
                }
                let mut warnings = vec![];
                for r in &rules {
                    warnings.extend(rule::validate(r)?);
                }
                Ok(Some((rules, warnings)))
            })
            .await?;
        Ok(match checked {
            Ok(None) => return Err(Error::field("cedar", "At most 200 statements at once.")),
            Ok(Some((rules, warnings))) => {
                let rules: Vec<Value> = rules
                    .iter()
                    .map(|r| {
                        let mut m = parts_json(&r.parts);
                        m.insert("policy_text".into(), r.render(None).into());
                        m.insert("notice".into(), json!(r.parts.notice));
                        m.insert("audit_session".into(), json!(r.parts.audit_session));
                        Value::Object(m)
                    })
                    .collect();
                json!({ "valid": true, "errors": [], "warnings": warnings, "rules": rules })
            }
            Err(e) => json!({ "valid": false, "errors": e.issues(), "warnings": [], "rules": [] }),
        })
    }
    /// The Cedar schema: the built-in one, with the permissions of the tenant and the types of its own resources. `policies:read`.
    pub async fn cedar_schema(&self, cx: &Ctx) -> Result<String> {
        self.may(cx, "policies:read", Target::tenant()).await?;
        let mut words = schema::Words::default();
        for p in self.0.db.read(cx.clone(), &(), permission::all).await? {
            if !p.namespace.starts_with("app/") {
                words.types.insert(schema::cedar_type(&p.namespace));
            }
            words.actions.insert(p.slug);
        }
        Ok(schema::text(&words))
    }

    /// Reads and validates a rule: a whole text, or parts (merged into the stored rule on a change).
    pub(crate) async fn read_rule(&self, cx: &Ctx, draft: &RuleDraft, stored: Option<&Rule>) -> Result<Text> {
        let mut parts = match (&draft.policy_text, stored) {
            (Some(_), _) => None,
            (None, Some(rule)) => Some(Cedar::parse_text(&rule.text, &()).map_err(invalid)?.parts),
            (None, None) => Some(RuleParts::new(effect(draft.effect.as_deref())?)),
        };
        if let Some(parts) = &mut parts {
            merge(parts, draft)?;
        }
        let look_in: Vec<&str> =
            [&draft.policy_text, &draft.principal_entity_id, &draft.resource_entity_id, &draft.conditions]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
        let names = self.names(cx, &look_in).await?;
        let (text, notice, audit_session) = (draft.policy_text.clone(), draft.notice.clone(), draft.audit_session);
        let read = self.validating(move || -> Result<_, RuleErrors> {
            let mut source = match (&text, parts) {
                (Some(text), _) => Cedar::parse_text(text, &names)?,
                (None, parts) => Cedar::from_parts(&parts.unwrap_or_else(|| RuleParts::new(Effect::Forbid)), &names)?,
            };
            rule::validate(&source)?;
            if let Some(notice) = notice {
                source.parts.notice = notice;
            }
            if let Some(audit_session) = audit_session {
                source.parts.audit_session = audit_session;
            }
            Ok(source)
        });
        let source = read.await?.map_err(invalid)?;
        self.may_give(cx, &source).await?;
        Ok(Text(source))
    }
    /// A permit gives a built-in action away: only whoever may do it everywhere may (guard rail 2), or writing a rule would be
    /// worth every right there is.
    async fn may_give(&self, cx: &Ctx, source: &RuleSource) -> Result<()> {
        if source.parts.effect != Effect::Permit {
            return Ok(());
        }
        // organizations, projects and groups are given by bindings; a rule that permits what is done to them is a superuser's
        let permission =
            source.parts.action_ids.iter().find(|id| actions::Kind::of(id) == Some(actions::Kind::Permission));
        if let Some(permission) = permission.filter(|_| !is_superuser(&cx.principal)) {
            let message = format!("A rule of yours cannot permit {permission}: only superusers give this by rules.");
            return Err(Error::new(Code::Forbidden, message).detail("action", permission.as_str()));
        }
        let compiled = self.snapshot(cx).await?;
        let named = |a: &&actions::BuiltIn| source.parts.action_ids.iter().any(|id| id == a.name || id == a.area);
        for action in actions::ALL.iter().filter(named) {
            let d = decide(&compiled, cx, action.name, &Target::tenant(), &Asked::default(), None);
            // of tenants, one's own is all that a rule of this tenant can speak of
            let everywhere = d.reach == Reach::All || action.area == "tenants:*";
            if !d.allowed || !everywhere {
                let message = format!("A rule of yours cannot permit {}: you may not do that yourself.", action.name);
                return Err(Error::new(Code::Forbidden, message)
                    .detail("action", action.name)
                    .notices(d.notice_strings()));
            }
        }
        Ok(())
    }
    /// Reads and validates any number of statements.
    pub(crate) async fn read_set(&self, cx: &Ctx, set: &str) -> Result<Vec<Text>> {
        let names = self.names(cx, &[set]).await?;
        let set = set.to_owned();
        let read = self.validating(move || -> Result<_, RuleErrors> {
            let rules = rule::parse_many(&set, &names)?;
            for r in &rules {
                rule::validate(r)?;
            }
            Ok(rules)
        });
        let sources = read.await?.map_err(invalid)?;
        for source in &sources {
            self.may_give(cx, source).await?;
        }
        Ok(sources.into_iter().map(Text).collect())
    }
    /// Validation takes milliseconds a rule (or schema), of a core: not on a request's thread (engine.md 9), two at once, and
    /// whoever finds both taken is asked to come back.
    pub(crate) async fn validating<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let wait = std::time::Duration::from_secs(5);
        let busy = || {
            Error::new(
                Code::RateLimited,
                "Too many rules and schemas are being validated right now. Try again in a few seconds.",
            )
            .detail("retry_after_seconds", 5)
        };
        let one_of_two = match tokio::time::timeout(wait, self.0.validations.clone().acquire_owned()).await {
            Ok(permit) => permit.map_err(Error::internal)?,
            Err(_) => return Err(busy()),
        };
        // the place goes along: who hangs up leaves the work running, and it still counts
        let work = move || {
            let _one_of_two = one_of_two;
            f()
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
    /// Users that a text may name by address, and groups that it may name by name or slug.
    pub(crate) async fn names(&self, cx: &Ctx, texts: &[&str]) -> Result<Names> {
        let quoted = texts.iter().flat_map(|t| t.split('"')).filter(|s| s.contains('@') && s.len() <= 254);
        let mut emails: Vec<Email> = quoted.filter_map(|s| Email::parse(s).ok()).collect();
        emails.sort();
        emails.dedup();
        emails.truncate(1_000);
        let mut groups: Vec<String> = texts.iter().flat_map(|t| groups_in(t)).collect();
        groups.sort();
        groups.dedup();
        groups.truncate(1_000);
        Ok(self.0.db.read(cx.clone(), &(emails, groups), ids_of).await?)
    }
}

/// What a text may mean as the name of a group: what is quoted after `Group::`, or the whole of a text without quotes, which is
/// an id by itself.
fn groups_in(text: &str) -> Vec<String> {
    let name = |s: &str| {
        let name = s.strip_prefix("group:").unwrap_or(s);
        (!name.is_empty() && name.chars().count() <= 120).then(|| name.to_owned())
    };
    if !text.contains('"') {
        return name(text).into_iter().collect();
    }
    let pieces: Vec<&str> = text.split('"').collect();
    let after_group =
        |pair: &&[&str]| pair[0].trim_end().strip_suffix("::").is_some_and(|s| s.trim_end().ends_with("Group"));
    pieces.windows(2).filter(after_group).filter_map(|pair| name(pair[1])).collect()
}

pub(crate) struct Names {
    users: HashMap<String, Uuid>,
    groups: HashMap<String, Uuid>,
}
impl Resolver for Names {
    fn user_by_email(&self, email: &str) -> Option<Uuid> {
        self.users.get(email).copied()
    }
    fn group_by_name(&self, name: &str) -> Option<Uuid> {
        self.groups.get(name).copied()
    }
}
async fn ids_of(tx: &mut Tx, (emails, names): &(Vec<Email>, Vec<String>)) -> portcullis_store::Result<Names> {
    let (mut users, mut groups) = (HashMap::new(), HashMap::new());
    for email in emails {
        if let Some(u) = user::by_email(tx, email).await? {
            users.insert(email.to_string(), u.id.uuid());
        }
    }
    for name in names {
        let by_title = group::by_title(tx, name).await?;
        let by_slug = group::by_name(tx, None, &name.to_lowercase()).await?;
        // what a group of an identity provider is called is not ours to say: such a one is named by its id only
        let ours = by_title.into_iter().chain(by_slug).filter(|g| g.identity_provider_id.is_none());
        // a name that could mean either of two groups means neither: nobody makes a group to be taken for another
        let ids: Vec<Uuid> = ours.map(|g| g.id.uuid()).collect();
        if let Some(id) = ids.first().filter(|first| ids.iter().all(|id| id == *first)) {
            groups.insert(name.clone(), *id);
        }
    }
    Ok(Names { users, groups })
}

pub(crate) fn invalid(e: RuleErrors) -> Error {
    let first = e.issues().first().map(|i| format!("line {}, column {}: {}", i.line, i.column, i.message));
    let message = format!("The rule does not hold: {}", first.unwrap_or_default());
    Error::new(Code::PolicyInvalid, message).detail("errors", json!(e.issues()))
}
fn effect(word: Option<&str>) -> Result<Effect> {
    match word.map(Effect::parse) {
        Some(Some(e)) => Ok(e),
        Some(None) => Err(Error::field("effect", "One of permit, forbid.")),
        None => Err(Error::field("effect", "Send policy_text, or at least the effect: permit or forbid.")),
    }
}
fn merge(parts: &mut RuleParts, d: &RuleDraft) -> Result<()> {
    let mut wrong = vec![];
    let mut scope = |field: &'static str, word: &Option<String>, to: &mut ScopeType| match word
        .as_deref()
        .map(ScopeType::parse)
    {
        Some(Some(s)) => *to = s,
        Some(None) => wrong.push(FieldError { field: field.into(), message: "One of any, eq, in, is, is_in.".into() }),
        None => {}
    };
    scope("principal_scope_type", &d.principal_scope_type, &mut parts.principal_scope_type);
    scope("action_scope_type", &d.action_scope_type, &mut parts.action_scope_type);
    scope("resource_scope_type", &d.resource_scope_type, &mut parts.resource_scope_type);
    if !wrong.is_empty() {
        return Err(Error::fields(wrong));
    }
    if d.effect.is_some() {
        parts.effect = effect(d.effect.as_deref())?;
    }
    for (field, sent) in [
        (&mut parts.principal_entity_type, &d.principal_entity_type),
        (&mut parts.principal_entity_id, &d.principal_entity_id),
        (&mut parts.resource_entity_type, &d.resource_entity_type),
        (&mut parts.resource_entity_id, &d.resource_entity_id),
        (&mut parts.conditions, &d.conditions),
    ] {
        if sent.is_some() {
            field.clone_from(sent);
        }
    }
    if let Some(ids) = &d.action_ids {
        parts.action_ids.clone_from(ids);
    }
    Ok(())
}

/// 409 when the tenant's rules would be too many.
pub(crate) async fn room_for(tx: &mut Tx, more: usize) -> portcullis_store::Result<()> {
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    if more > 0 && policy::all_rule_count(tx).await?.saturating_add(more) > MOST {
        return Err(Error::new(Code::Conflict, "A tenant has at most 20,000 rules.").into());
    }
    Ok(())
}
/// One event for a rule.
pub(crate) fn record(tx: &mut Tx, scribe: &Scribe, action: &'static str, rule: &Rule, before: Option<&Rule>) {
    let gone = action == "rule.deleted";
    let old = before.or(gone.then_some(rule)).map_or(Value::Null, |r| r.text.as_str().into());
    let new = if gone { Value::Null } else { rule.text.as_str().into() };
    let event = scribe.event(action, "rule", rule.id).change("policy_text", old, new);
    scribe.write(tx, event.with("policy_id", rule.policy_id.to_string()));
}

struct Insert {
    rule: Rule,
    ordinal: Option<i64>,
    scribe: Scribe,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<RuleView> {
    room_for(tx, 1).await?;
    policy::by_id(tx, c.rule.policy_id).await?.ok_or_else(|| Error::not_found("policy"))?;
    let mut rules = policy::rules_of(tx, c.rule.policy_id).await?;
    let at = place(c.ordinal, rules.len());
    rules.insert(at, c.rule.clone());
    let rule = Rule { ordinal: ordinal(at), ..c.rule.clone() };
    policy::insert_rule(tx, &rule).await?;
    renumber(tx, rules, Some(rule.id)).await?;
    finish(tx, c, "rule.created", &rule, None).await?;
    Ok(view(rule))
}
async fn update(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<RuleView> {
    let mut rules = policy::rules_of(tx, c.rule.policy_id).await?;
    let from = rules.iter().position(|r| r.id == c.rule.id).ok_or_else(|| Error::not_found("rule"))?;
    let before = rules.remove(from);
    let at = if c.ordinal.is_some() { place(c.ordinal, rules.len()) } else { from };
    rules.insert(at, c.rule.clone());
    let rule = Rule { ordinal: ordinal(at), ..c.rule.clone() };
    policy::update_rule(tx, &rule).await?;
    renumber(tx, rules, Some(rule.id)).await?;
    finish(tx, c, "rule.updated", &rule, Some(&before)).await?;
    Ok(view(rule))
}
async fn delete(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<()> {
    let mut rules = policy::rules_of(tx, c.rule.policy_id).await?;
    let at = rules.iter().position(|r| r.id == c.rule.id).ok_or_else(|| Error::not_found("rule"))?;
    let rule = rules.remove(at);
    policy::delete_rule(tx, rule.id).await?;
    renumber(tx, rules, None).await?;
    finish(tx, c, "rule.deleted", &rule, None).await
}
async fn finish(
    tx: &mut Tx,
    c: &Insert,
    action: &'static str,
    rule: &Rule,
    before: Option<&Rule>,
) -> portcullis_store::Result<()> {
    record(tx, &c.scribe, action, rule, before);
    policy::touch(tx, rule.policy_id).await?;
    tenant::rules_changed(tx).await?;
    Ok(())
}
/// Where a rule goes: an ordinal from 1, or the end.
fn place(ordinal: Option<i64>, len: usize) -> usize {
    ordinal.map_or(len, |o| usize::try_from(o - 1).unwrap_or(0).min(len))
}
fn ordinal(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX - 1) + 1
}
/// Ordinals are 1, 2, 3, … without gaps.
async fn renumber(tx: &mut Tx, rules: Vec<Rule>, but: Option<Id<Rule>>) -> portcullis_store::Result<()> {
    for (at, rule) in rules.into_iter().enumerate() {
        if rule.ordinal != ordinal(at) && but != Some(rule.id) {
            policy::update_rule(tx, &Rule { ordinal: ordinal(at), ..rule }).await?;
        }
    }
    Ok(())
}

/// All rules of a policy, in their order, in the place of those that it has.
pub(crate) struct Replace {
    pub policy: Id<Policy>,
    /// One whose text the policy has already keeps the id and times that it has there.
    pub rules: Vec<Rule>,
    pub scribe: Scribe,
}
pub(crate) async fn replace(tx: &mut Tx, c: &Replace) -> portcullis_store::Result<()> {
    let mut old: HashMap<String, Vec<Rule>> = HashMap::new();
    for rule in policy::rules_of(tx, c.policy).await?.into_iter().rev() {
        old.entry(statement(&rule.text).to_owned()).or_default().push(rule);
    }
    let (mut kept, mut made) = (Vec::with_capacity(c.rules.len()), HashSet::new());
    for new in &c.rules {
        match old.get_mut(statement(&new.text)).and_then(Vec::pop) {
            Some(same) => kept.push(same),
            None => {
                made.insert(new.id);
                kept.push(new.clone());
            }
        }
    }
    let mut gone: Vec<Rule> = old.into_values().flatten().collect();
    gone.sort_by_key(|r| r.ordinal);
    for rule in &gone {
        policy::delete_rule(tx, rule.id).await?;
        record(tx, &c.scribe, "rule.deleted", rule, None);
    }
    room_for(tx, made.len()).await?;
    for (at, rule) in kept.into_iter().enumerate() {
        let placed = Rule { ordinal: ordinal(at), ..rule.clone() };
        if made.contains(&rule.id) {
            policy::insert_rule(tx, &placed).await?;
            record(tx, &c.scribe, "rule.created", &placed, None);
        } else if rule.ordinal != placed.ordinal {
            policy::update_rule(tx, &placed).await?;
        }
    }
    policy::touch(tx, c.policy).await?;
    tenant::rules_changed(tx).await?;
    Ok(())
}
/// A stored text without the line that names its rule.
pub(crate) fn statement(text: &str) -> &str {
    match text.split_once('\n') {
        Some((id, rest)) if id.starts_with("@id(") => rest,
        _ => text,
    }
}

struct Reorder {
    policy: Id<Policy>,
    ids: Vec<Id<Rule>>,
    scribe: Scribe,
}
async fn reorder(tx: &mut Tx, c: &Reorder) -> portcullis_store::Result<()> {
    let mut rules = policy::rules_of(tx, c.policy).await?;
    let all: Vec<Id<Rule>> = rules.iter().map(|r| r.id).collect();
    complete(&all, &c.ids, "rules")?;
    rules.sort_by_key(|r| c.ids.iter().position(|id| *id == r.id));
    renumber(tx, rules, None).await?;
    let ids: Vec<String> = c.ids.iter().map(ToString::to_string).collect();
    c.scribe.write(tx, c.scribe.event("rule.reordered", "policy", c.policy).with("ids", ids));
    policy::touch(tx, c.policy).await?;
    tenant::rules_changed(tx).await?;
    Ok(())
}
async fn by_id(tx: &mut Tx, id: &Id<Rule>) -> portcullis_store::Result<Option<Rule>> {
    policy::rule_by_id(tx, *id).await
}
async fn of_policy(tx: &mut Tx, id: &Id<Policy>) -> portcullis_store::Result<Vec<Rule>> {
    policy::rules_of(tx, *id).await
}
