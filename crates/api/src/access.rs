//! `/v1/access/check` and `/v1/access/list`: who may do what to what, and why (spec 4.10).
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::{FieldError, Result};
use portcullis_service::access_check::{AccessQuestion, AccessResult, Explanation, Way};
use portcullis_service::access_list::{AccessFilter, Held};
use serde_json::{Value, json};

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape, param};
use crate::render;

/// Questions of one call.
const MOST: usize = 100;

static CHECK: Op = Op::post(
    "/v1/access/check",
    "checkAccess",
    "access:check",
    "Ask whether principals may do things to resources, and why. About yourself without any right.",
    Body::Json("AccessChecks"),
    (200, Shape::Json("AccessResults")),
);
static LIST: Op = Op::get(
    "/v1/access/list",
    "listAccess",
    "access:check",
    "List what a principal may do to the things of a type, or who may do what to a resource. About yourself without any right. \
     A page may be short while has_more is true.",
    (200, Shape::Page("HeldAccess")),
)
.query(&[
    param("principal", "string", "A user's id or e-mail address, or type and id; without a resource you, if left out."),
    param("type", "string", "The type of the things, such as app/project; needed without a resource."),
    param("action", "string", "Only this permission."),
    param("resource", "string", "Type and id: who may do something to it?"),
]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![CHECK.to(check), LIST.to(list)]
}

async fn check(mut call: Call) -> Result<Response> {
    let (explain, questions) = match checks(call.take_fields()) {
        Ok((explain, questions)) => (explain, Ok(questions)),
        Err(e) => (false, Err(e)),
    };
    let checked = call.app().check_access(&call.cx, questions, explain).await?;
    let results: Vec<Value> = checked.results.iter().map(result).collect();
    Ok(render::json(200, &json!({ "results": results, "revision": checked.revision })))
}

pub(crate) fn checks(mut f: Fields) -> Result<(bool, Vec<AccessQuestion>)> {
    const HINT: &str = "A list of 1 to 100 checks.";
    let explain = f.optional("explain", fields::boolean).unwrap_or(false);
    let list = f.required("checks", HINT, |v| match v {
        Value::Array(list) if (1..=MOST).contains(&list.len()) => Ok(list),
        _ => Err(HINT),
    });
    let mut wrong: Vec<FieldError> = vec![];
    let mut questions = vec![];
    for (n, v) in list.iter().flatten().enumerate() {
        match fields::object(v.clone()) {
            Ok(members) => match question(Fields::nested(members, format!("checks[{n}]"))) {
                Ok(q) => questions.push(q),
                Err(inner) => wrong.extend(inner),
            },
            Err(e) => f.wrong(&format!("checks[{n}]"), e),
        }
    }
    for e in wrong {
        f.wrong(&e.field, e.message);
    }
    f.finish(list.map(|_| (explain, questions)))
}

fn question(mut f: Fields) -> Result<AccessQuestion, Vec<FieldError>> {
    let principal = f.optional("principal", fields::line(320, "Name a principal, or leave it out."));
    let action = f.required("action", "Name an action.", fields::line(128, "Name an action."));
    let resource = f.required("resource", "Name a resource.", fields::line(600, "Name a resource."));
    let whole = action.zip(resource);
    let wrong = f.close();
    match whole {
        Some((action, resource)) if wrong.is_empty() => Ok(AccessQuestion { principal, action, resource }),
        _ => Err(wrong),
    }
}

/// No grants are in this version, so none is ever the reason.
pub(crate) fn result(r: &AccessResult) -> Value {
    json!({
        "allowed": r.allowed, "layer": r.layer, "grant_id": null, "expires_at": null,
        "rule_ids": r.rule_ids, "notices": r.notices, "explanation": r.explanation.as_ref().map(explanation),
    })
}
pub(crate) fn explanation(e: &Explanation) -> Value {
    json!({ "reason": e.reason, "binding": e.binding.as_ref().map(way), "policy_ids": e.policy_ids })
}
pub(crate) fn way(w: &Way) -> Value {
    json!({ "binding_id": w.id, "role_id": w.role, "resource": w.object, "group_id": w.group })
}

async fn list(call: Call) -> Result<Response> {
    let (mut q, page) = call.page();
    let filter = AccessFilter {
        principal: q.filled("principal", 320),
        kind: q.filled("type", 128),
        action: q.filled("action", 128),
        resource: q.filled("resource", 600),
    };
    let filter = q.finish(filter)?;
    let found = call.app().list_access(&call.cx, &filter, &page).await?;
    Ok(render::page(&found, held))
}

pub(crate) fn held(h: &Held) -> Value {
    json!({ "principal": h.principal, "resource": h.resource, "actions": h.actions })
}
