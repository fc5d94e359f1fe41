//! `Idempotency-Key` on calls that change something (decision 31).
use axum::http::HeaderMap;
use portcullis_domain::{Error, Result};
use portcullis_edge::headers::idempotency_key;
use portcullis_service::{Answer, IdempotencyKey};
use portcullis_wire_v1beta1::Endpoint;
use portcullis_wire_v1beta1::endpoint::Effect;

use crate::encoding::Encoding;
use crate::error::answer;
use crate::incoming::Incoming;

/// The call's key, if it has one and takes one. Calls are the same when path, form and body are; white space in JSON and the
/// order of its keys do not count.
pub fn of(headers: &HeaderMap, endpoint: &Endpoint, path: &str, incoming: &Incoming) -> Result<Option<IdempotencyKey>> {
    if endpoint.effect == Effect::Reads {
        return Ok(None);
    }
    let Some(key) = idempotency_key(headers)? else { return Ok(None) };
    let refuse: fn(&Error) -> Answer = match incoming.encoding {
        Encoding::Rest => |e| answer(Encoding::Rest, e),
        Encoding::ConnectJson => |e| answer(Encoding::ConnectJson, e),
        Encoding::ConnectProto => |e| answer(Encoding::ConnectProto, e),
    };
    let method = incoming.rest.map_or("POST", |r| r.method.as_str());
    let query = incoming.query.as_deref().unwrap_or_default();
    let body = match serde_json::from_slice::<serde_json::Value>(&incoming.body) {
        Ok(json) => sorted(json).to_string().into_bytes(),
        Err(_) => incoming.body.to_vec(),
    };
    let route = format!("{method} {path}?{query} {}", incoming.encoding.media());
    Ok(Some(IdempotencyKey { key: key.to_owned(), route, body, refuse }))
}

fn sorted(json: serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::Object(m) => {
            let ordered: std::collections::BTreeMap<_, _> = m.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            ordered.into_iter().collect()
        }
        serde_json::Value::Array(a) => a.into_iter().map(sorted).collect(),
        other => other,
    }
}
