//! Policies and their rules.
use portcullis_domain::policy::Policy;
use portcullis_domain::{Id, Timestamp};
use portcullis_service::policy::{PolicyView, RuleView};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// PolicySummary (spec 3.4).
#[derive(Serialize)]
pub struct PolicySummaryView<'a> {
    id: Id<Policy>,
    name: &'a str,
    description: Option<&'a str>,
    enabled: bool,
    priority: i64,
    max_duration_seconds: i64,
    default_duration_seconds: Option<i64>,
    notification_channel: Option<uuid::Uuid>,
    approval_mode: &'static str,
    access: &'static str,
    rule_count: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> PolicySummaryView<'a> {
    /// A policy with the number of its rules.
    pub fn of((policy, rules): &'a (Policy, i64)) -> Self {
        Self {
            id: policy.id,
            name: &policy.name,
            description: policy.description.as_deref(),
            enabled: policy.enabled,
            priority: policy.priority,
            max_duration_seconds: policy.max_duration_seconds,
            default_duration_seconds: policy.default_duration_seconds,
            notification_channel: policy.notification_channel,
            approval_mode: policy.approval_mode.as_str(),
            access: policy.access.as_str(),
            rule_count: *rules,
            created_at: policy.created_at,
            updated_at: policy.updated_at,
        }
    }
}

/// Policy (spec 3.4).
#[derive(Serialize)]
pub struct WholePolicyView<'a> {
    id: Id<Policy>,
    name: &'a str,
    description: Option<&'a str>,
    enabled: bool,
    priority: i64,
    max_duration_seconds: i64,
    default_duration_seconds: Option<i64>,
    max_total_duration_seconds: Option<i64>,
    notification_channel: Option<uuid::Uuid>,
    approval_mode: &'static str,
    approval_timeout_seconds: i64,
    approval_stages: &'a Value,
    access: &'static str,
    rules: Vec<PolicyRuleView<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> WholePolicyView<'a> {
    /// A policy with its rules.
    pub fn of(PolicyView { policy, rules }: &'a PolicyView) -> Self {
        Self {
            id: policy.id,
            name: &policy.name,
            description: policy.description.as_deref(),
            enabled: policy.enabled,
            priority: policy.priority,
            max_duration_seconds: policy.max_duration_seconds,
            default_duration_seconds: policy.default_duration_seconds,
            max_total_duration_seconds: policy.max_total_duration_seconds,
            notification_channel: policy.notification_channel,
            approval_mode: policy.approval_mode.as_str(),
            approval_timeout_seconds: policy.approval_timeout_seconds,
            approval_stages: &policy.approval_stages,
            access: policy.access.as_str(),
            rules: rules.iter().map(PolicyRuleView).collect(),
            created_at: policy.created_at,
            updated_at: policy.updated_at,
        }
    }
}

/// PolicyRule (spec 3.4): what is stored, and the parts that are read off its text.
pub struct PolicyRuleView<'a>(pub &'a RuleView);
impl PolicyRuleView<'_> {
    /// The parts, each present, in the order of the specification.
    pub const PARTS: [&'static str; 10] = [
        "effect",
        "principal_scope_type",
        "principal_entity_type",
        "principal_entity_id",
        "action_scope_type",
        "action_ids",
        "resource_scope_type",
        "resource_entity_type",
        "resource_entity_id",
        "conditions",
    ];
}
impl Serialize for PolicyRuleView<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let RuleView { rule, parts } = self.0;
        let mut m = s.serialize_map(None)?;
        m.serialize_entry("id", &rule.id)?;
        m.serialize_entry("policy_id", &rule.policy_id)?;
        m.serialize_entry("ordinal", &rule.ordinal)?;
        m.serialize_entry("policy_text", &rule.text)?;
        for part in Self::PARTS {
            m.serialize_entry(part, parts.get(part).unwrap_or(&Value::Null))?;
        }
        m.serialize_entry("notice", &rule.notice)?;
        m.serialize_entry("audit_session", &rule.audit_session)?;
        m.serialize_entry("created_at", &rule.created_at)?;
        m.serialize_entry("updated_at", &rule.updated_at)?;
        m.end()
    }
}
