//! The words that random rules about the access graph are made of.
use portcullis_authz::PolicySource;
use portcullis_domain::role_binding::Bearer;
use proptest::prelude::*;
use proptest::sample::select;

use crate::facts::{group, interesting, machine, organization, project, resource, user};
use crate::policies::{RuleText, id, policy, rule_of};

/// `<u0>` is a user, `<g0>` a group, `<o0>` an organization, `<p0>` a project, `<r0>` a resource, `<s0>` the service user,
/// `<t0>` the tenant; `<all>` are all permissions that are asked for.
fn fill(text: &str) -> String {
    let uuid = |kind: &str, n: u64| match kind {
        "u" => Bearer::id(user(n)),
        "g" => group(n),
        "o" => organization(n),
        "p" => project(n),
        "r" => resource(n),
        "s" => machine().id(),
        _ => id(99),
    };
    let slugs: Vec<String> = interesting().into_iter().map(|p| format!("Action::\"{}\"", p.slug)).collect();
    let mut out = text.replace("<all>", &slugs.join(", "));
    for kind in ["u", "g", "o", "p", "r", "s", "t"] {
        for n in 0..3 {
            out = out.replace(&format!("<{kind}{n}>"), &uuid(kind, n).to_string());
        }
    }
    out
}
const PRINCIPALS: &[&str] = &[
    "principal == User::\"<u0>\"",
    "principal in User::\"<u1>\"",
    "principal in Group::\"<g0>\"",
    "principal in Group::\"<g1>\"",
    "principal in Group::\"<g2>\"",
    "principal is User in Group::\"<g0>\"",
    "principal is ServiceUser in Group::\"<g0>\"",
    "principal == Group::\"<g0>\"",
    "principal in Role::\"user\"",
    "principal in Role::\"approver\"",
    "principal in Role::\"admin\"",
    "principal is User in Role::\"checker\"",
    "principal in Tenant::\"<t0>\"",
    "principal is User",
    "principal is ServiceUser",
    "principal == ServiceUser::\"<s0>\"",
];
const ACTIONS: &[&str] = &[
    "action",
    "action in Action::\"request_access\"",
    "action == Action::\"app_project_get\"",
    "action in [Action::\"app_project_get\", Action::\"app_project_update\", Action::\"app_project_administer\"]",
    "action in [Action::\"app_organization_get\", Action::\"app_organization_administer\"]",
    "action in [Action::\"app_organization_update\", Action::\"app_project_resourcelist\"]",
    "action in [Action::\"app_group_get\", Action::\"app_group_update\", Action::\"app_group_administer\"]",
    "action == Action::\"app_organization_serviceusermanage\"",
    "action == Action::\"compute_order_get\"",
    "action in [Action::\"compute_order_get\", Action::\"compute_order_delete\"]",
    "action in [Action::\"assume\", Action::\"read\"]",
    "action == Action::\"assume\"",
];
const RESOURCES: &[&str] = &[
    "resource in Organization::\"<o0>\"",
    "resource in Organization::\"<o1>\"",
    "resource == Organization::\"<o0>\"",
    "resource is Organization",
    "resource in Project::\"<p0>\"",
    "resource == Project::\"<p1>\"",
    "resource is Project",
    "resource is Project in Organization::\"<o0>\"",
    "resource is x_compute_order",
    "resource == x_compute_order::\"<r0>\"",
    "resource is x_compute_order in Project::\"<p0>\"",
    "resource is x_compute_order in Organization::\"<o1>\"",
    "resource in Group::\"<g0>\"",
    "resource is Group",
    "resource in Tenant::\"<t0>\"",
    "resource is AwsAccount",
];
/// The last ones fail: for everybody, for machines.
const CONDITIONS: &[&str] = &[
    "when { principal in Group::\"<g1>\" }",
    "unless { principal in Group::\"<g0>\" }",
    "unless { principal in Role::\"approver\" }",
    "when { resource in Organization::\"<o0>\" }",
    "unless { resource in Project::\"<p0>\" }",
    "when { resource is Project && resource in Organization::\"<o1>\" }",
    "when { action == Action::\"app_project_get\" || action in Action::\"request_access\" }",
    "when { context.credential == \"api_key\" }",
    "when { context.duration_seconds == 0 }",
    "when { resource.name == \"one\" }",
    "when { principal.email_verified }",
];
fn rule() -> impl Strategy<Value = RuleText> {
    // wide scopes more often than not, so that rules and bindings meet
    let principal = prop_oneof![2 => Just("principal"), 3 => select(PRINCIPALS)];
    let resource = prop_oneof![2 => Just("resource"), 3 => select(RESOURCES)];
    let condition = prop_oneof![3 => Just(""), 2 => select(CONDITIONS)];
    let action = prop_oneof![1 => Just("action in [<all>]"), 2 => select(ACTIONS)];
    rule_of(0.5, principal, action, resource, condition, fill)
}
/// A policy about the access graph, not yet numbered.
pub fn about_access() -> impl Strategy<Value = PolicySource> {
    policy(rule(), 1..4)
}
