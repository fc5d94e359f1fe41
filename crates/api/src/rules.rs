//! `/v1/policies/{policyId}/rules` and the older flat `/v1/policy-rules` (spec 4.12, part 10).
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::policy::Rule;
use portcullis_domain::{Code, Result};
use portcullis_service::Answer;
use portcullis_service::policy::{NewPolicy, RuleDraft, RuleView};
use serde_json::Value;

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape};
use crate::policies;
use crate::read;
use crate::render;
use crate::view::PolicyRuleView;

static LIST: Op = Op::get(
    "/v1/policies/{policyId}/rules",
    "listRules",
    "policies:read",
    "List a policy's rules in order.",
    (200, Shape::Page("PolicyRule")),
);
static READ: Op = Op::get(
    "/v1/policies/{policyId}/rules/{ruleId}",
    "getRule",
    "policies:read",
    "Read a rule.",
    (200, Shape::Json("PolicyRule")),
);
static CREATE: Op = Op::post(
    "/v1/policies/{policyId}/rules",
    "createRule",
    "policies:update",
    "Add a rule: exactly one Cedar statement, or its parts.",
    Body::Json("RuleDraft"),
    (201, Shape::Json("PolicyRule")),
)
.refuses(&[Code::PolicyInvalid]);
static UPDATE: Op = Op::patch(
    "/v1/policies/{policyId}/rules/{ruleId}",
    "updateRule",
    "policies:update",
    "Change a rule: parts merge into it, policy_text replaces it.",
    Body::Json("RuleDraft"),
    (200, Shape::Json("PolicyRule")),
)
.refuses(&[Code::PolicyInvalid]);
static DELETE: Op = Op::delete(
    "/v1/policies/{policyId}/rules/{ruleId}",
    "deleteRule",
    "policies:update",
    "Delete a rule.",
    (204, Shape::Empty),
);
static REORDER: Op = Op::patch(
    "/v1/policies/{policyId}/rules/reorder",
    "reorderRules",
    "policies:update",
    "Put all rules of a policy in order.",
    Body::Json("Order"),
    (204, Shape::Empty),
)
.refuses(&[Code::Unprocessable]);
static FLAT: Op = Op::post(
    "/v1/policy-rules",
    "createPolicyRule",
    "policies:create",
    "The older flat form: makes a policy of that name with this one rule.",
    Body::Json("FlatRule"),
    (201, Shape::Json("PolicyRule")),
)
.refuses(&[Code::AlreadyExists, Code::PolicyInvalid]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        LIST.to(list),
        READ.to(get),
        CREATE.to(create),
        UPDATE.to(update),
        DELETE.to(delete),
        REORDER.to(reorder),
        FLAT.to(flat),
    ]
}

async fn list(call: Call) -> Result<Response> {
    let (q, page) = call.page();
    q.finish(())?;
    let rules = call.app().list_rules(&call.cx, call.id("policyId"), &page).await?;
    Ok(render::page(&rules, PolicyRuleView))
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let rule = call.app().get_rule(&call.cx, call.id("policyId"), call.id("ruleId")).await?;
    Ok(render::json(200, &PolicyRuleView(&rule)))
}

fn created(view: &RuleView) -> Answer {
    let location = format!("/v1/policies/{}/rules/{}", view.rule.policy_id, view.rule.id);
    render::created(&location, None, &PolicyRuleView(view))
}

async fn create(mut call: Call) -> Result<Response> {
    let mut f = call.take_fields();
    let draft = rule(&mut f);
    let draft = f.finish(Some(draft));
    let (policy, reply) = (call.id("policyId"), call.reply(created));
    call.app().create_rule(&call.cx, policy, draft, reply).await.map(render::answer)
}

async fn update(mut call: Call) -> Result<Response> {
    let mut f = call.take_fields();
    let draft = rule(&mut f);
    let draft = f.finish(Some(draft));
    let rule = call.app().update_rule(&call.cx, call.id("policyId"), call.id("ruleId"), draft).await?;
    Ok(render::json(200, &PolicyRuleView(&rule)))
}

async fn delete(call: Call) -> Result<Response> {
    call.app().delete_rule(&call.cx, call.id("policyId"), call.id("ruleId")).await?;
    Ok(render::nothing())
}

async fn reorder(mut call: Call) -> Result<Response> {
    let ids = policies::order::<Rule>(call.take_fields());
    call.app().reorder_rules(&call.cx, call.id("policyId"), ids).await?;
    Ok(render::nothing())
}

async fn flat(mut call: Call) -> Result<Response> {
    let new = flat_rule(call.take_fields());
    let reply = call.reply(created);
    call.app().create_policy_rule(&call.cx, new, reply).await.map(render::answer)
}

pub(crate) fn flat_rule(mut f: Fields) -> Result<(NewPolicy, RuleDraft)> {
    let policy = policies::flat(&mut f);
    let rule = rule(&mut f);
    f.finish(policy.map(|p| (p, rule)))
}

const SCOPES: &str = "One of any, eq, in, is, is_in.";

pub(crate) fn rule(f: &mut Fields) -> RuleDraft {
    let scope = |f: &mut Fields, name: &str| f.change(name, one_of(&["any", "eq", "in", "is", "is_in"], SCOPES));
    let entity = |f: &mut Fields, name: &str| f.optional(name, fields::line(512, "1 to 512 characters."));
    RuleDraft {
        policy_text: f.change("policy_text", cedar(16_384, "At most 16 KiB.")),
        effect: f.change("effect", one_of(&["permit", "forbid"], "One of permit, forbid.")),
        principal_scope_type: scope(f, "principal_scope_type"),
        principal_entity_type: entity(f, "principal_entity_type"),
        principal_entity_id: entity(f, "principal_entity_id"),
        action_scope_type: f.change("action_scope_type", one_of(&["any", "eq", "in"], "One of any, eq, in.")),
        action_ids: f.optional("action_ids", actions),
        resource_scope_type: scope(f, "resource_scope_type"),
        resource_entity_type: entity(f, "resource_entity_type"),
        resource_entity_id: entity(f, "resource_entity_id"),
        // Empty text is no condition; null is too, so that a rule can lose the one it had.
        conditions: match f.patch("conditions", cedar(8_192, "At most 8 KiB.")) {
            Some(None) => Some(String::new()),
            Some(text) => text,
            None => None,
        },
        ordinal: f.optional("ordinal", fields::integer(1, 20_000)),
        notice: f.patch("notice", fields::text(500)).map(|n| n.filter(|n| !n.is_empty())),
        audit_session: f.change("audit_session", fields::boolean),
    }
}

fn one_of(words: &'static [&'static str], hint: &'static str) -> impl Fn(Value) -> Result<String, &'static str> {
    read::word(move |s| words.contains(&s).then(|| s.to_owned()), hint)
}

/// Cedar text is taken as it is; its size is in bytes.
fn cedar(max: usize, hint: &'static str) -> impl Fn(Value) -> Result<String, &'static str> {
    move |v| fields::string(v).and_then(|s| if s.len() > max { Err(hint) } else { Ok(s) })
}

fn actions(v: Value) -> Result<Vec<String>, &'static str> {
    let list = fields::strings(v)?;
    let fine = |a: &String| (1..=128).contains(&a.len());
    if list.len() <= 50 && list.iter().all(fine) { Ok(list) } else { Err("At most 50 actions of 1 to 128 bytes.") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(v: Value) -> Result<RuleDraft> {
        let mut f = Fields::new(v.as_object().unwrap().clone());
        let draft = rule(&mut f);
        f.finish(Some(draft))
    }

    #[test]
    fn a_rule_is_a_text_or_parts() {
        assert!(of(json!({ "policy_text": "permit(principal, action, resource);", "notice": "Ask first" })).is_ok());
        let r = of(json!({ "effect": "permit", "action_scope_type": "in", "action_ids": ["read"], "notice": null }))
            .unwrap();
        assert_eq!((r.action_ids.unwrap(), r.notice), (vec!["read".to_owned()], Some(None)));
    }

    #[test]
    fn sizes_and_words_are_bounded() {
        let e = of(
            json!({ "policy_text": "x".repeat(16_385), "effect": "allow", "ordinal": 0, "action_scope_type": "is" }),
        );
        assert_eq!(
            e.unwrap_err().message(),
            "4 fields need attention: policy_text, effect, action_scope_type, ordinal."
        );
    }

    #[test]
    fn the_flat_form_carries_its_policy() {
        let f = |v: Value| flat_rule(Fields::new(v.as_object().unwrap().clone()));
        let (p, r) =
            f(json!({ "name": "x", "approval_mode": "auto", "approval_timeout": 600, "effect": "permit" })).unwrap();
        assert_eq!((p.max_duration_seconds, p.approval_timeout_seconds), (43_200, 600));
        assert_eq!(r.effect.as_deref(), Some("permit"));
        assert!(f(json!({ "effect": "permit" })).is_err());
    }
}
