//! The policies of a file with their Cedar rules.
use std::collections::HashMap;

use portcullis_domain::Id;
use portcullis_domain::policy::{Policy, Rule};
use portcullis_domain::value::name_key;
use portcullis_store::{Result, policy};
use serde_json::Value;

use super::difference::Compared;
use super::work::{POLICY, Work, about, named};
use crate::policy::{self as policies, PolicyPatch};
use crate::rule::{self, statement};

impl Work<'_> {
    pub async fn policies(&mut self) -> Result<()> {
        let c = self.c;
        if c.policies.is_empty() {
            return Ok(());
        }
        let all = policy::all(self.tx).await?;
        let mut there: HashMap<String, Policy> = all.into_iter().map(|p| (name_key(&p.name), p)).collect();
        for w in &c.policies {
            let (now, name) = (self.tx.cx.now, w.policy.name.clone());
            let new = w.policy.clone().policy(c.scribe.id(), now);
            let rules = |of: Id<Policy>| -> Vec<_> {
                (1..).zip(&w.rules).map(|(n, text)| text.rule(c.scribe.id(), of, n, now)).collect()
            };
            let Some(old) = there.remove(&name_key(&name)) else {
                policies::meaningful(&new).map_err(|e| about(POLICY, &name, &e))?;
                let insert = policies::Insert { rules: rules(new.id), policy: new, scribe: self.scribe() };
                let made = policies::insert(self.tx, &insert).await?;
                self.made(POLICY, made.policy.id.uuid(), &name).await?;
                continue;
            };
            let before = policy::rules_of(self.tx, old.id).await?;
            let texts = |rules: &[Rule]| -> Vec<Value> { rules.iter().map(|r| statement(&r.text).into()).collect() };
            let after = rules(old.id);
            let fields = policy_fields(&old, &new).field("rules", texts(&before), texts(&after));
            let content = fields.0.iter().any(|f| f.field != "rules");
            let ruled = fields.0.iter().any(|f| f.field == "rules");
            if !self.change(POLICY, old.id.uuid(), &name, fields).await? {
                continue;
            }
            if content {
                let update = policies::Update { id: old.id, patch: patch(new), if_match: None, scribe: self.scribe() };
                policies::update(self.tx, &update).await.map_err(|e| named(e, POLICY, &name))?;
            }
            if ruled {
                rule::replace(self.tx, &rule::Replace { policy: old.id, rules: after, scribe: self.scribe() }).await?;
            }
        }
        Ok(())
    }
}

fn policy_fields(old: &Policy, new: &Policy) -> Compared {
    Compared::default()
        .field("name", old.name.as_str(), new.name.as_str())
        .field("description", old.description.as_deref(), new.description.as_deref())
        .field("enabled", old.enabled, new.enabled)
        .field("priority", old.priority, new.priority)
        .field("max_duration_seconds", old.max_duration_seconds, new.max_duration_seconds)
        .field("default_duration_seconds", old.default_duration_seconds, new.default_duration_seconds)
        .field("approval_mode", old.approval_mode.as_str(), new.approval_mode.as_str())
        .field("approval_timeout_seconds", old.approval_timeout_seconds, new.approval_timeout_seconds)
        .field("approval_stages", bare(&old.approval_stages), bare(&new.approval_stages))
        .field("max_total_duration_seconds", old.max_total_duration_seconds, new.max_total_duration_seconds)
        .field("access", old.access.as_str(), new.access.as_str())
        .field(
            "notification_channel",
            old.notification_channel.map(|id| id.to_string()),
            new.notification_channel.map(|id| id.to_string()),
        )
}
/// Without members that are null: a stage says the same with and without them.
fn bare(v: &Value) -> Value {
    match v {
        Value::Array(all) => all.iter().map(bare).collect(),
        Value::Object(m) => {
            Value::Object(m.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), bare(v))).collect())
        }
        v => v.clone(),
    }
}
fn patch(new: Policy) -> PolicyPatch {
    PolicyPatch {
        name: Some(new.name),
        description: Some(new.description),
        enabled: Some(new.enabled),
        priority: Some(new.priority),
        max_duration_seconds: Some(new.max_duration_seconds),
        default_duration_seconds: Some(new.default_duration_seconds),
        notification_channel: Some(new.notification_channel),
        approval_mode: Some(new.approval_mode),
        approval_timeout_seconds: Some(new.approval_timeout_seconds),
        approval_stages: Some(new.approval_stages),
        max_total_duration_seconds: Some(new.max_total_duration_seconds),
        access: Some(new.access),
    }
}
