//! `/docs`: the reference as a page, made from the operations. No script, no outside request, one column, light and dark.
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::op::{Body, Op, Shape};
use crate::openapi;

const CSS: &str = include_str!("page.css");

/// The page with its policy: nothing may be loaded, and only our own style counts.
pub fn answer() -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(html);
    static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
        let hash = STANDARD.encode(portcullis_crypto::sha256(CSS.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::try_from(policy).ok()
    });
    let mut answer = Response::new(PAGE.as_str().into());
    let h = answer.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    h.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(policy) = &*POLICY {
        h.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    answer
}

fn html() -> String {
    let routes = crate::served();
    let mut areas: BTreeMap<&str, Vec<&Op>> = BTreeMap::new();
    for route in &routes {
        areas.entry(openapi::area(route.op)).or_default().push(route.op);
    }
    let mut p = String::with_capacity(96 << 10);
    let _ = write!(
        p,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>Portcullis API</title><style>{CSS}</style></head><body><main>\
         <h1>Portcullis API</h1><p>Every call but those marked <em>public</em> needs <code>Authorization: Bearer …</code> or \
         <code>X-API-Key: …</code> (or, from a page of ours, the cookie of a session), and <code>X-Tenant-ID</code>. Every error has <code>code</code>, <code>message</code>, \
         <code>details</code> and <code>notices</code>. For machines: <a href=\"/v1/openapi.json\">openapi.json</a>.</p><nav><ul>"
    );
    for (area, ops) in &areas {
        let _ = write!(p, "<li><a href=\"#{area}\">{area}</a> <small>{}</small></li>", ops.len());
    }
    p.push_str("</ul></nav>");
    for (area, ops) in &areas {
        let _ = write!(p, "<section id=\"{area}\"><h2>{area}</h2>");
        ops.iter().for_each(|op| operation(&mut p, op));
        p.push_str("</section>");
    }
    p.push_str("<section id=\"schemas\"><h2>Schemas</h2>");
    for (name, schema) in openapi::document()["components"]["schemas"].as_object().into_iter().flatten() {
        let _ =
            write!(p, "<article id=\"schema-{name}\"><h3>{name}</h3><p>{}</p>", escape(text(&schema["description"])));
        fields(&mut p, schema);
        p.push_str("</article>");
    }
    p.push_str("</section></main></body></html>");
    p
}

fn operation(p: &mut String, op: &Op) {
    let _ = write!(
        p,
        "<article id=\"{}\"><h3><b>{}</b> <code>{}</code></h3><p>{}</p><dl>",
        op.id,
        op.verb.as_str(),
        escape(op.path),
        escape(op.summary)
    );
    if !op.access.is_closed() {
        p.push_str("<dt>Access</dt><dd><em>public</em></dd>");
    } else if op.action.is_empty() {
        p.push_str("<dt>Access</dt><dd>signed in</dd>");
    } else {
        let _ = write!(p, "<dt>Action</dt><dd><code>{}</code></dd>", escape(op.action));
    }
    if let Body::Json(s) | Body::OptionalJson(s) | Body::Form(s) | Body::Ndjson(s) = op.body
        && s != "Nothing"
    {
        let _ = write!(p, "<dt>Body</dt><dd><a href=\"#schema-{s}\">{s}</a></dd>");
    }
    let (status, shape) = op.answer;
    let _ = write!(p, "<dt>Answer</dt><dd>{status} ");
    let _ = match shape {
        Shape::Empty => Ok(()),
        Shape::Json(s) => write!(p, "<a href=\"#schema-{s}\">{s}</a>"),
        Shape::Page(s) => write!(p, "page of <a href=\"#schema-{s}\">{s}</a>"),
        Shape::Ndjson(s) => write!(p, "lines of <a href=\"#schema-{s}\">{s}</a>"),
        Shape::Text(media) => write!(p, "<code>{media}</code>"),
    };
    let codes: Vec<&str> = openapi::refusals(op).into_iter().map(portcullis_domain::Code::as_str).collect();
    let _ = write!(p, "</dd><dt>Refusals</dt><dd><small>{}</small></dd></dl>", codes.join(", "));
    if !op.query.is_empty() {
        p.push_str("<table><tbody>");
        for q in op.query {
            let _ =
                write!(p, "<tr><th><code>{}</code></th><td>{}</td><td>{}</td></tr>", q.name, q.kind, escape(q.about));
        }
        p.push_str("</tbody></table>");
    }
    p.push_str("</article>");
}

fn fields(p: &mut String, schema: &Value) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    p.push_str("<table><tbody>");
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let star = if required.contains(&name.as_str()) { "" } else { " <small>optional</small>" };
        let (kind, about) = (kind(field), escape(text(&field["description"])));
        let _ = write!(p, "<tr><th><code>{name}</code>{star}</th><td>{kind}</td><td>{about}</td></tr>");
    }
    p.push_str("</tbody></table>");
}

/// A field's kind in a few words.
fn kind(field: &Value) -> String {
    if let Some(name) = field["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(words) = field["enum"].as_array() {
        return escape(&words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
    }
    if let Some(either) = field["anyOf"].as_array() {
        return format!("{} or null", either.first().map(kind).unwrap_or_default());
    }
    let (word, null) = match &field["type"] {
        Value::Array(types) => (text(&types[0]), " or null"),
        one => (text(one), ""),
    };
    match word {
        "array" => format!("list of {}{null}", kind(&field["items"])),
        "" => "any".into(),
        word => format!("{}{null}", escape(field["format"].as_str().unwrap_or(word))),
    }
}

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

fn escape(s: &str) -> String {
    s.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_17_the_page_runs_and_loads_nothing() {
        let page = html();
        assert!(
            !page.contains("<script")
                && !page.contains(" style=")
                && !page.contains("http://")
                && !page.contains("https://")
        );
        let answer = answer();
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"));
        for route in crate::served() {
            assert!(page.contains(&format!("id=\"{}\"", route.op.id)), "{}", route.op.id);
        }
    }
}
