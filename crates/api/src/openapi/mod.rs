//! The OpenAPI document of everything that is served, made from the operations themselves.
use std::collections::BTreeMap;
use std::sync::LazyLock;

use portcullis_domain::Code;
use serde_json::{Map, Value, json};

use crate::call::FORM;
use crate::op::{Access, Body, Op, Shape, Verb};

mod answers;
mod notation;
mod requests;
mod schemas;
#[cfg(test)]
mod tests;

/// The document.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| build(crate::served().iter().map(|r| r.op)));
    &DOCUMENT
}

/// The document as it is served.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
    &TEXT
}

fn build<'o>(ops: impl Iterator<Item = &'o Op>) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for op in ops {
        let verb = op.verb.as_str().to_ascii_lowercase();
        paths.entry(op.path).or_default().insert(verb, operation(op));
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Tenants, users, Cedar policies and audit. Every answer carries X-Request-ID; every error has \
                            code, message, details and notices.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "basic": { "type": "http", "scheme": "basic" },
                "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
                "cookie": {
                    "type": "apiKey", "in": "cookie", "name": "__Host-portcullis_session",
                    "description": "A session in a browser. A call that changes something must come from a page of ours (Origin).",
                },
            },
        },
    });
    // One spelling, whether or not serde_json keeps the order of insertion in this build.
    document.sort_all_objects();
    document
}

/// The area of an operation: the first word of its path behind `/v1`.
pub(crate) fn area(op: &Op) -> &'static str {
    let rest = op.path.strip_prefix("/v1/").filter(|r| !r.ends_with(".json"));
    rest.map_or("system", |r| r.split('/').next().unwrap_or(r))
}

fn operation(op: &Op) -> Value {
    let mut o = json!({
        "operationId": op.id,
        "tags": [area(op)],
        "summary": op.summary,
        "parameters": parameters(op),
        "responses": responses(op),
        "security": security(op.access),
    });
    if !op.action.is_empty() {
        o["x-action"] = op.action.into();
    }
    if let Some((media, schema, required)) = request(op.body) {
        o["requestBody"] = json!({ "required": required, "content": { media: { "schema": reference(schema) } } });
        if matches!(op.body, Body::Form(_)) {
            o["requestBody"]["content"]["application/json"] = json!({ "schema": reference(schema) });
        }
    }
    o
}

fn security(access: Access) -> Value {
    if access.is_closed() {
        json!([{ "bearer": [] }, { "apiKey": [] }, { "basic": [] }, { "cookie": [] }])
    } else {
        json!([])
    }
}

fn request(body: Body) -> Option<(&'static str, &'static str, bool)> {
    match body {
        Body::None => None,
        Body::Json(schema) => Some(("application/json", schema, true)),
        Body::Form(schema) => Some((FORM, schema, true)),
        Body::OptionalJson(schema) => Some(("application/json", schema, false)),
        Body::Ndjson(schema) => Some(("application/x-ndjson", schema, true)),
    }
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// Everything that may be sent besides the body: path, query and headers.
pub(crate) fn parameters(op: &Op) -> Vec<Value> {
    let header = |name: &str, required: bool, about: &str, schema: Value| json!({ "in": "header", "name": name, "required": required, "description": about, "schema": schema });
    let uuid = || json!({ "type": "string", "format": "uuid" });
    let mut all: Vec<Value> =
        op.variables().map(|name| json!({ "in": "path", "name": name, "required": true, "schema": uuid() })).collect();
    all.extend(op.query.iter().map(|p| {
        let schema = notation::kind(p.kind);
        json!({ "in": "query", "name": p.name, "required": false, "description": p.about, "schema": schema })
    }));
    if op.is_page() {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": 250, "default": 50 });
        all.push(json!({ "in": "query", "name": "limit", "required": false, "description": "Rows of a page.", "schema": limit }));
        all.push(json!({ "in": "query", "name": "cursor", "required": false, "description": "next_cursor of the page before.",
            "schema": { "type": "string" } }));
    }
    if op.access == Access::Tenant {
        all.push(header("X-Tenant-ID", true, "The credential's tenant.", uuid()));
    }
    if op.keeps_answers() {
        let about = "1 to 255 visible ASCII characters; the first answer is given again for 24 hours.";
        all.push(header(
            "Idempotency-Key",
            false,
            about,
            json!({ "type": "string", "minLength": 1, "maxLength": 255 }),
        ));
    }
    if tagged(op) && op.verb == Verb::Get {
        all.push(header("If-None-Match", false, "An ETag; 304 when nothing changed.", json!({ "type": "string" })));
    } else if is_conditional(op) {
        all.push(header("If-Match", false, "The ETag that you saw; 412 when it changed.", json!({ "type": "string" })));
    }
    all
}

/// Is it about one stored resource with a revision?
fn tagged(op: &Op) -> bool {
    const RESOURCES: &[&str] = &[
        "/v1/users/{id}",
        "/v1/tenants/{id}",
        "/v1/tenants/{id}/settings",
        "/v1/tenants/{id}/branding",
        "/v1/applications/{id}",
        "/v1/policies/{policyId}",
        "/v1/identity-providers/{id}",
        "/v1/oidc-config",
    ];
    RESOURCES.contains(&op.path)
        || matches!(op.answer, (201, Shape::Json("User" | "Tenant" | "Policy" | "IdentityProvider")))
}
/// Is a change of it refused that did not see the last one?
fn is_conditional(op: &Op) -> bool {
    // a group is shown with its members, of which its revision does not tell
    const WRITTEN: &[&str] = &["/v1/groups/{id}", "/v1/groups/{id}/roles/{role}"];
    !matches!(op.verb, Verb::Get | Verb::Post) && (tagged(op) || WRITTEN.contains(&op.path))
}

/// Every code that an operation may answer: its class (spec 2.4 P, A, I) and its own.
pub(crate) fn refusals(op: &Op) -> Vec<Code> {
    let mut codes = vec![Code::InvalidInput];
    if op.access.is_closed() {
        codes.extend([Code::Unauthenticated, Code::Forbidden, Code::TenantMismatch]);
    }
    if op.variables().next().is_some() {
        codes.push(Code::NotFound);
    }
    if op.keeps_answers() {
        codes.extend([Code::IdempotencyInProgress, Code::IdempotencyMismatch]);
    }
    if is_conditional(op) {
        codes.push(Code::PreconditionFailed);
    }
    if op.body != Body::None {
        codes.extend([Code::PayloadTooLarge, Code::UnsupportedMediaType]);
    }
    codes.extend_from_slice(op.refusals);
    codes.extend([Code::RateLimited, Code::Internal, Code::Unavailable]);
    codes.sort_by_key(|c| (c.http(), c.as_str()));
    codes.dedup();
    codes
}

fn responses(op: &Op) -> Value {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    all.insert(op.answer.0.to_string(), success(op));
    if op.redirects {
        all.insert("302".into(), json!({ "description": "The browser goes on elsewhere." }));
    }
    if tagged(op) && op.verb == Verb::Get {
        all.insert("304".into(), json!({ "description": "Not modified." }));
    }
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in refusals(op) {
        by_status.entry(code.http()).or_default().push(code.as_str());
    }
    for (status, codes) in by_status {
        let content = json!({ "application/json": { "schema": reference("Error") } });
        all.insert(status.to_string(), json!({ "description": codes.join(", "), "content": content }));
    }
    json!(all)
}

fn success(op: &Op) -> Value {
    let (media, schema) = match op.answer.1 {
        Shape::Empty => return json!({ "description": "Done." }),
        Shape::Json(schema) => ("application/json", reference(schema)),
        Shape::Page(schema) => ("application/json", page_of(schema)),
        Shape::Ndjson(schema) => ("application/x-ndjson", reference(schema)),
        Shape::Text(media) => (media, json!({ "type": "string" })),
    };
    let mut answer = json!({ "description": "Success.", "content": { media: { "schema": schema } } });
    let text = || json!({ "schema": { "type": "string" } });
    if tagged(op) {
        answer["headers"]["ETag"] = text();
    }
    if op.answer.0 == 201 {
        answer["headers"]["Location"] = text();
    }
    answer
}

fn page_of(schema: &str) -> Value {
    json!({
        "type": "object",
        "required": ["data", "next_cursor", "has_more"],
        "properties": {
            "data": { "type": "array", "items": reference(schema) },
            "next_cursor": { "type": ["string", "null"] },
            "has_more": { "type": "boolean" },
        },
    })
}
