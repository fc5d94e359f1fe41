//! From stored policies to what a snapshot is compiled from.
use std::collections::HashMap;
use std::sync::Arc;

use portcullis_authz::{PolicySource, RuleRow, Snapshot, SnapshotInput};
use portcullis_domain::Id;
use portcullis_domain::policy::{Policy, Rule};
use portcullis_domain::tenant::Tenant;
use serde_json::Value;

/// Puts the rules into their policies.
pub(crate) fn sources(policies: Vec<Policy>, rules: Vec<Rule>) -> Vec<PolicySource> {
    let mut of: HashMap<Id<Policy>, Vec<RuleRow>> = HashMap::new();
    for r in rules {
        of.entry(r.policy_id).or_default().push(RuleRow {
            id: r.id,
            ordinal: r.ordinal,
            text: r.text.into(),
            notice: r.notice.map(Into::into),
            audit_session: r.audit_session,
        });
    }
    policies
        .into_iter()
        .map(|p| {
            let (stages, people) = weight(&p.approval_stages);
            PolicySource {
                rules: of.remove(&p.id).unwrap_or_default(),
                id: p.id,
                priority: p.priority,
                enabled: p.enabled,
                approval_mode: p.approval_mode,
                access: p.access,
                max_duration_seconds: p.max_duration_seconds,
                default_duration_seconds: p.default_duration_seconds,
                max_total_duration_seconds: p.max_total_duration_seconds,
                stages,
                people,
            }
        })
        .collect()
}

/// How many stages, and how many approvals they need together; `"all"` counts as many as a stage can name.
fn weight(stages: &Value) -> (u32, u32) {
    let stages = stages.as_array().map(Vec::as_slice).unwrap_or_default();
    let people = stages.iter().map(|s| match &s["required"] {
        Value::Number(n) => n.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
        Value::String(_) => 20,
        _ => 1,
    });
    (u32::try_from(stages.len()).unwrap_or(u32::MAX), people.sum())
}

/// Compiles a snapshot, taking over what did not change.
pub(crate) fn compile(
    tenant_id: Id<Tenant>,
    slug: &str,
    is_master: bool,
    revision: i64,
    policies: Vec<PolicySource>,
    previous: &Snapshot,
) -> Snapshot {
    let input = SnapshotInput { tenant_id, tenant_slug: Arc::from(slug), is_master, revision, policies };
    Snapshot::compile(input, Some(previous))
}

/// A snapshot without rules, for a tenant that was not loaded yet.
pub(crate) fn empty(tenant_id: Id<Tenant>, slug: &str, is_master: bool) -> Snapshot {
    let input = SnapshotInput { tenant_id, tenant_slug: Arc::from(slug), is_master, revision: -1, policies: vec![] };
    Snapshot::compile(input, None)
}
