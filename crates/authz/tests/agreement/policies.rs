//! Random policies around random rules.
use std::ops::Range;

use portcullis_authz::{PolicySource, RuleRow};
use portcullis_domain::Id;
use portcullis_domain::policy::{AccessKind, ApprovalMode};
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0199_c1b2_7d4e_7c3a_9b1f_0000_0000_0000 + n)
}

/// A rule and the number of its notice.
pub type RuleText = (String, Option<u8>);

type Word = &'static str;
/// A rule of these words; `permits` of all rules are permits, and `fill` puts ids where the words have places for them.
pub fn rule_of(
    permits: f64,
    principal: impl Strategy<Value = Word>,
    action: impl Strategy<Value = Word>,
    resource: impl Strategy<Value = Word>,
    condition: impl Strategy<Value = Word>,
    fill: fn(&str) -> String,
) -> impl Strategy<Value = RuleText> {
    let notice = proptest::option::of(0..3u8);
    (prop::bool::weighted(permits), principal, action, resource, condition, notice).prop_map(
        move |(permit, principal, action, resource, condition, notice)| {
            let effect = if permit { "permit" } else { "forbid" };
            (fill(&format!("{effect} ({principal}, {action}, {resource}) {condition};")), notice)
        },
    )
}

/// A policy of so many rules. It and they have no ids yet: [`numbered`].
pub fn policy(rule: impl Strategy<Value = RuleText>, rules: Range<usize>) -> impl Strategy<Value = PolicySource> {
    let durations = (
        select(&[600i64, 3_600, 86_400][..]),
        proptest::option::of(Just(300i64)),
        proptest::option::of(Just(90_000i64)),
    );
    let mode = prop_oneof![3 => Just(ApprovalMode::Require), 2 => Just(ApprovalMode::Auto), 1 => Just(ApprovalMode::BreakGlass)];
    let access = prop_oneof![3 => Just(AccessKind::Standing), 1 => Just(AccessKind::OnRequest)];
    let kind = (mode, access, 1..4u32);
    (-1..3i64, prop::bool::weighted(0.85), kind, durations, prop::collection::vec(rule, rules)).prop_map(
        |(priority, enabled, (approval_mode, access, stages), (max, default, total), rules)| PolicySource {
            id: Id::from_uuid(Uuid::nil()),
            priority,
            enabled,
            approval_mode,
            access,
            max_duration_seconds: max,
            default_duration_seconds: default,
            max_total_duration_seconds: total,
            stages,
            people: stages,
            rules: (1..).zip(rules).map(|(ordinal, rule)| row(ordinal, rule)).collect(),
        },
    )
}
fn row(ordinal: i64, (text, notice): RuleText) -> RuleRow {
    RuleRow {
        id: Id::from_uuid(Uuid::nil()),
        ordinal,
        text: text.into(),
        notice: notice.map(|n| format!("notice {n}").into()),
        audit_session: true,
    }
}
/// The policy with the ids of the `n`th: a later one of the same number is the same one, edited.
pub fn numbered(n: u128, mut policy: PolicySource) -> PolicySource {
    policy.id = Id::from_uuid(id(1_000 * n));
    for (r, rule) in (1u128..).zip(&mut policy.rules) {
        rule.id = Id::from_uuid(id(1_000 * n + r));
    }
    policy
}
