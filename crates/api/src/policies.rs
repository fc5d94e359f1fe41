//! `/v1/policies`: the policies themselves, dry runs and the Cedar schema (spec 4.12). Their rules are in `rules`.
use axum::http::{HeaderValue, header};
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::policy::{AccessKind, ApprovalMode, Policy};
use portcullis_domain::{Code, Id, Result};
use portcullis_service::Answer;
use portcullis_service::policy::{Evaluation, NewPolicy, PolicyPatch, PolicyView};
use serde_json::Value;

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape, param};
use crate::read;
use crate::render;
use crate::stages;
use crate::view::{PolicySummaryView, WholePolicyView};

const REFUSALS: &[Code] = &[Code::AlreadyExists, Code::PolicyInvalid, Code::Unprocessable];

static LIST: Op = Op::get(
    "/v1/policies",
    "listPolicies",
    "policies:list",
    "List policies by priority, then name.",
    (200, Shape::Page("PolicySummary")),
)
.query(&[
    param("enabled", "boolean", "Only those that count, or only those that do not."),
    param("q", "string", "Part of the name; 1 to 100 characters."),
]);
static READ: Op = Op::get(
    "/v1/policies/{policyId}",
    "getPolicy",
    "policies:read",
    "Read a policy with its rules.",
    (200, Shape::Json("Policy")),
);
static CREATE: Op = Op::post(
    "/v1/policies",
    "createPolicy",
    "policies:create",
    "Make a policy; the statements of cedar_policy_set become its rules, in order.",
    Body::Json("NewPolicy"),
    (201, Shape::Json("Policy")),
)
.refuses(REFUSALS);
static UPDATE: Op = Op::patch(
    "/v1/policies/{policyId}",
    "updatePolicy",
    "policies:update",
    "Change a policy; its rules are not changed here.",
    Body::Json("PolicyPatch"),
    (200, Shape::Json("Policy")),
)
.refuses(REFUSALS);
static DELETE: Op = Op::delete(
    "/v1/policies/{policyId}",
    "deletePolicy",
    "policies:delete",
    "Delete a policy with its rules.",
    (204, Shape::Empty),
);
static REORDER: Op = Op::patch(
    "/v1/policies/reorder",
    "reorderPolicies",
    "policies:update",
    "Put all policies in order, highest first.",
    Body::Json("Order"),
    (204, Shape::Empty),
)
.refuses(&[Code::Unprocessable]);
static EVALUATE: Op = Op::post(
    "/v1/policies/evaluate",
    "evaluatePolicies",
    "policies:evaluate",
    "Ask what would be decided; nothing is stored. About yourself without any right.",
    Body::Json("Evaluation"),
    (200, Shape::Json("EvaluationResult")),
)
.refuses(&[Code::Unprocessable]);
static VALIDATE: Op = Op::post(
    "/v1/policies/validate",
    "validateCedar",
    "policies:read",
    "Check Cedar text against the schema.",
    Body::Json("CedarText"),
    (200, Shape::Json("CedarReport")),
);
static SCHEMA: Op = Op::get(
    "/v1/policies/schema",
    "getCedarSchema",
    "policies:read",
    "The Cedar schema that rules are checked against.",
    (200, Shape::Text("text/plain; charset=utf-8")),
);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        LIST.to(list),
        READ.to(get),
        CREATE.to(create),
        UPDATE.to(update),
        DELETE.to(delete),
        REORDER.to(reorder),
        EVALUATE.to(evaluate),
        VALIDATE.to(validate),
        SCHEMA.to(schema),
    ]
}

async fn list(call: Call) -> Result<Response> {
    let (mut q, page) = call.page();
    let (enabled, text) = (q.boolean("enabled"), q.filled("q", 100));
    let (enabled, text) = q.finish((enabled, text))?;
    let policies = call.app().list_policies(&call.cx, enabled, text.as_deref(), &page).await?;
    Ok(render::page(&policies, PolicySummaryView::of))
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let view = call.app().get_policy(&call.cx, call.id("policyId")).await?;
    Ok(render::resource(call.headers(), view.policy.revision, &WholePolicyView::of(&view)))
}

async fn create(mut call: Call) -> Result<Response> {
    let new = new_policy(call.take_fields());
    let reply = call.reply(|view: &PolicyView| -> Answer {
        let location = format!("/v1/policies/{}", view.policy.id);
        render::created(&location, Some(view.policy.revision), &WholePolicyView::of(view))
    });
    call.app().create_policy(&call.cx, new, reply).await.map(render::answer)
}

async fn update(mut call: Call) -> Result<Response> {
    let patch = patch(call.take_fields());
    let (patch, if_match) = call.if_match(patch);
    let view = call.app().update_policy(&call.cx, call.id("policyId"), patch, if_match).await?;
    Ok(render::changed(view.policy.revision, &WholePolicyView::of(&view)))
}

async fn delete(call: Call) -> Result<Response> {
    let (command, if_match) = call.if_match(Ok(()));
    command?;
    call.app().delete_policy(&call.cx, call.id("policyId"), if_match).await?;
    Ok(render::nothing())
}

async fn reorder(mut call: Call) -> Result<Response> {
    let ids = order::<Policy>(call.take_fields());
    call.app().reorder_policies(&call.cx, ids).await?;
    Ok(render::nothing())
}

/// `ids`: a list of UUIDs, each wrong one named.
pub(crate) fn order<T>(mut f: Fields) -> Result<Vec<Id<T>>> {
    const HINT: &str = "The ids of all of them, in order.";
    let list = f.required("ids", HINT, |v| match v {
        Value::Array(list) if list.len() <= 20_000 => Ok(list),
        _ => Err(HINT),
    });
    let mut ids = vec![];
    for (n, v) in list.iter().flatten().enumerate() {
        match fields::id(v.clone()) {
            Ok(id) => ids.push(id),
            Err(e) => f.wrong(&format!("ids[{n}]"), e),
        }
    }
    f.finish(list.map(|_| ids))
}

async fn evaluate(mut call: Call) -> Result<Response> {
    let evaluation = evaluation(call.take_fields());
    let body = call.app().evaluate(&call.cx, evaluation).await?;
    Ok(render::json(200, &body))
}

pub(crate) fn evaluation(mut f: Fields) -> Result<Evaluation> {
    let principal =
        f.required("principal", "An e-mail address or a user's UUID.", fields::line(320, "Name a principal."));
    let resource = f.required("resource", "Type and id in one text, such as aws_account:123456789012.", |v| {
        fields::line(600, "Name a resource.")(v).and_then(|s| {
            let whole = s.split_once(':').is_some_and(|(t, id)| !t.is_empty() && !id.is_empty());
            if whole { Ok(s) } else { Err("Type and id in one text, such as aws_account:123456789012.".to_owned()) }
        })
    });
    let action = f.required("action", "Name an action.", fields::line(128, "Name an action."));
    let groups = f.optional("groups", fields::strings).unwrap_or_default();
    let context = f.optional("context", fields::object).unwrap_or_default();
    let whole = principal.zip(resource).zip(action);
    f.finish(whole.map(|((principal, resource), action)| Evaluation { principal, resource, action, groups, context }))
}

async fn validate(mut call: Call) -> Result<Response> {
    let mut f = call.take_fields();
    let cedar = f.required("cedar", "Cedar text.", cedar_set);
    let cedar = f.finish(cedar);
    let report = call.app().validate_cedar(&call.cx, cedar).await?;
    Ok(render::json(200, &report))
}

async fn schema(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let mut answer = Response::new(call.app().cedar_schema(&call.cx).await?.into());
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(answer)
}

const NAME: &str = "Enter a name.";
const MODES: &str = "One of require, auto, break_glass.";

/// Cedar statements, at most 256 KiB, taken as they are.
fn cedar_set(v: Value) -> Result<String, &'static str> {
    let text = fields::string(v)?;
    if text.len() > 262_144 { Err("At most 256 KiB.") } else { Ok(text) }
}

fn seconds() -> impl Fn(Value) -> Result<i64, String> {
    fields::integer(60, 2_592_000)
}

/// A policy as the body of `POST /v1/policies` has it, and as an access file has it.
pub fn new_policy(mut f: Fields) -> Result<NewPolicy> {
    let name = f.required("name", NAME, fields::line(120, NAME));
    let max = f.required("max_duration_seconds", "A whole number from 60 to 2592000.", seconds());
    let description = f.optional("description", fields::text(2_000)).filter(|d| !d.is_empty());
    let enabled = f.optional("enabled", fields::boolean).unwrap_or(true);
    let priority = f.optional("priority", fields::integer(-1_000, 1_000)).unwrap_or(0);
    let default_duration_seconds = f.optional("default_duration_seconds", seconds());
    let notification_channel = f.optional("notification_channel", channel);
    let approval_mode = f.optional("approval_mode", read::word(ApprovalMode::parse, MODES));
    let timeout = f.optional("approval_timeout_seconds", fields::integer(300, 2_592_000));
    let approval_stages = stages::read(&mut f).unwrap_or_else(stages::usual);
    let max_total_duration_seconds = f.optional("max_total_duration_seconds", fields::integer(60, 7_776_000));
    let access = f.optional("access", read::word(AccessKind::parse, "One of on_request, standing."));
    let cedar_policy_set = f.optional("cedar_policy_set", cedar_set);
    let new = name.zip(max).map(|(name, max_duration_seconds)| NewPolicy {
        name,
        description,
        enabled,
        priority,
        max_duration_seconds,
        default_duration_seconds,
        notification_channel,
        approval_mode: approval_mode.unwrap_or(ApprovalMode::Require),
        approval_timeout_seconds: timeout.unwrap_or(86_400),
        approval_stages,
        max_total_duration_seconds,
        access: access.unwrap_or(AccessKind::OnRequest),
        cedar_policy_set,
    });
    f.finish(new)
}

pub(crate) fn patch(mut f: Fields) -> Result<PolicyPatch> {
    let patch = PolicyPatch {
        name: f.change("name", fields::line(120, NAME)),
        description: f.patch("description", fields::text(2_000)).map(|d| d.filter(|d| !d.is_empty())),
        enabled: f.change("enabled", fields::boolean),
        priority: f.change("priority", fields::integer(-1_000, 1_000)),
        max_duration_seconds: f.change("max_duration_seconds", seconds()),
        default_duration_seconds: f.patch("default_duration_seconds", seconds()),
        notification_channel: f.patch("notification_channel", channel),
        approval_mode: f.change("approval_mode", read::word(ApprovalMode::parse, MODES)),
        approval_timeout_seconds: f.change("approval_timeout_seconds", fields::integer(300, 2_592_000)),
        approval_stages: stages::read(&mut f),
        max_total_duration_seconds: f.patch("max_total_duration_seconds", fields::integer(60, 7_776_000)),
        access: f.change("access", read::word(AccessKind::parse, "One of on_request, standing.")),
    };
    f.finish(Some(patch))
}

/// A notification channel's id.
fn channel(v: Value) -> Result<uuid::Uuid, &'static str> {
    fields::id::<Op>(v).map(Id::uuid)
}

/// The policy that the older flat call makes around its one rule (spec part 10).
pub(crate) fn flat(f: &mut Fields) -> Option<NewPolicy> {
    let name = f.required("name", NAME, fields::line(120, NAME));
    let description = f.optional("description", fields::text(2_000)).filter(|d| !d.is_empty());
    let priority = f.optional("priority", fields::integer(-1_000, 1_000)).unwrap_or(0);
    let mode = f.optional("approval_mode", read::word(ApprovalMode::parse, MODES)).unwrap_or(ApprovalMode::Require);
    let timeout = f.optional("approval_timeout", fields::integer(300, 2_592_000)).unwrap_or(86_400);
    name.map(|name| NewPolicy {
        name,
        description,
        enabled: true,
        priority,
        max_duration_seconds: 43_200,
        default_duration_seconds: None,
        notification_channel: None,
        approval_mode: mode,
        approval_timeout_seconds: timeout,
        approval_stages: stages::usual(),
        max_total_duration_seconds: None,
        access: AccessKind::OnRequest,
        cedar_policy_set: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(v: Value) -> Fields {
        Fields::new(v.as_object().unwrap().clone())
    }

    #[test]
    fn a_policy_has_the_defaults_of_the_specification() {
        let p =
            new_policy(of(json!({ "name": "no new admins", "max_duration_seconds": 3600, "priority": 100 }))).unwrap();
        assert!(p.enabled && p.priority == 100 && p.approval_timeout_seconds == 86_400);
        assert_eq!((p.approval_mode, p.access), (ApprovalMode::Require, AccessKind::OnRequest));
        assert_eq!(p.approval_stages[0]["approvers"][0]["role"], "approver");
    }

    #[test]
    fn bounds_are_told_together() {
        let e =
            new_policy(of(json!({ "max_duration_seconds": 59, "priority": 1001, "access": "always" }))).unwrap_err();
        assert_eq!(e.message(), "4 fields need attention: name, max_duration_seconds, priority, access.");
    }

    #[test]
    fn an_order_names_each_id_that_is_none() {
        let e = order::<Policy>(of(json!({ "ids": ["x", "0199c0de-0000-7000-8000-000000000001", 7] }))).unwrap_err();
        assert_eq!(e.message(), "2 fields need attention: ids[0], ids[2].");
        assert!(order::<Policy>(of(json!({}))).is_err());
    }

    #[test]
    fn a_resource_is_split_at_its_first_colon_and_needs_both_sides() {
        let e = |r: &str| evaluation(of(json!({ "principal": "a@b.c", "action": "read", "resource": r })));
        assert!(e("x_db:a:b").is_ok() && e("x_db:").is_err() && e(":a").is_err() && e("x_db").is_err());
    }
}
