//! Every call of the table under its paths.
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use portcullis_domain::{Code, Error, Result};
use portcullis_edge::{EdgeLayer, EdgeState, body};
use portcullis_wire_v1beta1::endpoint::{Body, Method, Output, Rest};
use portcullis_wire_v1beta1::{ENDPOINTS, Endpoint, PACKAGE, REST_ERA};

use crate::call::Outcome;
use crate::dispatch::{Plan, as_seen, enter, refused, respond, run};
use crate::encoding::{Encoding, Protocol};
use crate::grpc::{self, Wire};
use crate::incoming::Incoming;
use crate::{deadline, envelope, error, handlers, health};

/// Does a call work in one of its forms?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does what its row says.
    Works,
    /// It answers `unimplemented`.
    Unimplemented,
    /// It has no such form.
    None,
}

/// What the server makes of a call in one protocol; `tests/calls.golden` has it for all.
pub fn support(endpoint: &Endpoint, protocol: Protocol) -> Support {
    match (protocol, handlers::of(endpoint.rpc)) {
        (Protocol::Rest, _) if endpoint.rest.is_empty() => Support::None,
        (_, Some(_)) => Support::Works,
        (_, None) => Support::Unimplemented,
    }
}

/// One path belongs to both surfaces and can be routed once; `/v1` answers it with the same keys.
const ON_V1: &str = "/.well-known/jwks.json";

/// The whole surface, to be merged into a listener's router.
pub fn router(edge: EdgeState) -> Router {
    let plans: Vec<Arc<Plan>> = ENDPOINTS.iter().map(|e| Arc::new(Plan::of(e))).collect();
    let dropped = REST_ERA.iter().map(|e| Arc::new(Plan::of(e)));
    let rest: Vec<Arc<Plan>> = plans.iter().cloned().chain(dropped).collect();
    let connect = connect_routes(&edge, &plans).layer(EdgeLayer::new(edge.listener.clone(), error::connect));
    rest_routes(&edge, &rest)
        .layer(EdgeLayer::new(edge.listener.clone(), error::rest))
        .merge(connect.layer(from_fn(grpc::speak)))
}

// --- REST ------------------------------------------------------------------------------------------------------------------

/// One operation on a path.
struct Operation {
    rest: &'static Rest,
    /// The path's variables in order, as this operation names them.
    names: Vec<&'static str>,
    plan: Arc<Plan>,
}

fn rest_routes(edge: &EdgeState, plans: &[Arc<Plan>]) -> Router {
    // Operations may name the variables of one path differently, so paths are told apart by their shape.
    let mut paths: BTreeMap<String, (&'static str, Vec<Operation>)> = BTreeMap::new();
    for plan in plans {
        for rest in plan.endpoint.rest.iter().filter(|r| r.path != ON_V1) {
            let (shape, names) = shape(rest.path);
            let (_, operations) = paths.entry(shape).or_insert((rest.path, vec![]));
            operations.push(Operation { rest, names, plan: plan.clone() });
        }
    }
    let mut router = Router::new().route("/ping", get(health::ping));
    for (path, operations) in paths.into_values() {
        let (edge, operations) = (edge.clone(), Arc::new(operations));
        router = router.route(path, any(move |request: Request| rest(edge.clone(), operations.clone(), request)));
    }
    let unknown = |request: Request| async {
        let e = Error::new(Code::NotFound, "There is no such path in this API.");
        refused(&request.into_parts().0, Encoding::Rest, &e)
    };
    router.route("/v1beta1", any(unknown)).route("/v1beta1/{*path}", any(unknown))
}

/// `/v1beta1/users/{id}` → `/v1beta1/users/{}` and `["id"]`.
fn shape(path: &'static str) -> (String, Vec<&'static str>) {
    let mut names = vec![];
    let parts = path.split('/').map(|part| match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
        Some(name) => {
            names.push(name);
            "{}"
        }
        None => part,
    });
    let shape = parts.collect::<Vec<_>>().join("/");
    (shape, names)
}

async fn rest(edge: EdgeState, operations: Arc<Vec<Operation>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let method = Method::parse(parts.method.as_str());
    let Some(operation) = operations.iter().find(|o| Some(o.rest.method) == method) else {
        let allowed: Vec<&str> = operations.iter().map(|o| o.rest.method.as_str()).collect();
        return wrong_method(&parts, Encoding::Rest, &allowed.join(", "));
    };
    let plan = &operation.plan;
    let outcome = async {
        let names = &operation.names;
        let variables = if names.is_empty() { vec![] } else { variables(&mut parts, names).await? };
        let (cx, body) = enter(&edge, plan, &parts, body).await?;
        if !body.is_empty() && takes_json(operation.rest) {
            demand_json(&parts.headers)?;
        }
        let query = parts.uri.query().map(str::to_owned);
        let incoming = Incoming { encoding: Encoding::Rest, body, rest: Some(operation.rest), variables, query };
        run(&edge, plan, &parts, cx, incoming).await
    };
    let outcome = outcome.await;
    respond(plan, &parts, Encoding::Rest, outcome)
}

/// All but the provider's webhook, whose body is taken as it is.
fn takes_json(rest: &Rest) -> bool {
    rest.body != Body::None && !rest.path.contains("/webhooks/callback/")
}

/// grpc-gateway read any media type as JSON and sample calls leave it out (curl then says it is a form), but a cross-site
/// form must not pass for a call. So: JSON, or nothing said.
fn demand_json(headers: &HeaderMap) -> Result<()> {
    if headers.contains_key(header::CONTENT_TYPE) { body::demand_type(headers, "application/json") } else { Ok(()) }
}

async fn variables(parts: &mut Parts, names: &[&'static str]) -> Result<Vec<(&'static str, String)>> {
    let wrong = |_| Error::field("", "The path is not UTF-8.");
    let params = RawPathParams::from_request_parts(parts, &()).await.map_err(wrong)?;
    Ok(names.iter().zip(&params).map(|(name, (_, value))| (*name, value.to_owned())).collect())
}

fn wrong_method(parts: &Parts, encoding: Encoding, allowed: &str) -> Response {
    let e = Error::new(Code::MethodNotAllowed, format!("This path takes {allowed}."));
    let mut response = refused(parts, encoding, &e);
    if let Ok(allowed) = HeaderValue::try_from(allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

// --- Connect, gRPC, gRPC-Web ---------------------------------------------------------------------------------------------

fn connect_routes(edge: &EdgeState, plans: &[Arc<Plan>]) -> Router {
    let at = edge.clone();
    let check = move |request: Request| health::check(at.clone(), request);
    let mut router = Router::new().route("/grpc.health.v1.Health/Check", post(check));
    for plan in plans {
        let (edge, plan) = (edge.clone(), plan.clone());
        router =
            router.route(plan.endpoint.path, any(move |request: Request| connect(edge.clone(), plan.clone(), request)));
    }
    let ours = ["FrontierService", "AdminService"].map(|service| format!("{PACKAGE}.{service}"));
    // what tools ask for that we do not have is told in their words too
    let usual =
        ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];
    for service in ours.iter().map(String::as_str).chain(usual) {
        router = router.route(&format!("/{service}/{{method}}"), any(unknown_rpc));
    }
    router
}

async fn unknown_rpc(request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let e = Error::new(Code::NotImplemented, "There is no such call in this service.");
    let mut response = refused(&parts, Encoding::ConnectJson, &e);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

async fn connect(edge: EdgeState, plan: Arc<Plan>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let wire = parts.extensions.get::<Wire>().copied();
    if parts.method != axum::http::Method::POST {
        return wrong_method(&parts, Encoding::ConnectJson, "POST");
    }
    let streams = plan.endpoint.output == Output::Stream;
    let Some(encoding) = wire.map(Wire::encoding).or_else(|| connect_encoding(&parts.headers, streams)) else {
        let expected =
            if streams { "application/connect+json or +proto" } else { "application/json or application/proto" };
        let e = Error::new(Code::UnsupportedMediaType, format!("Send the body as {expected}."));
        return refused(&parts, Encoding::ConnectJson, &e);
    };
    let outcome = async {
        refuse_compressed(&parts.headers)?;
        let (cx, body) = enter(&edge, &plan, &parts, body).await?;
        let body = match wire {
            Some(wire) => wire.open(body)?,
            None if streams => envelope::open(&body)?,
            None => body,
        };
        let incoming = Incoming { encoding, body, rest: None, variables: vec![], query: None };
        run(&edge, &plan, &parts, cx, incoming).await
    };
    let (until, outcome) = match deadline::of(&parts.headers) {
        Ok(until) => (until, deadline::within(until, outcome).await),
        Err(e) => (None, Err(e)),
    };
    if !streams {
        return respond(&plan, &parts, encoding, outcome);
    }
    let body = match outcome {
        Ok(Outcome::File { media, body }) => envelope::stream(encoding, media, body, until),
        Ok(Outcome::Answer(_)) => envelope::end(Some(&Error::internal("a stream answered one message"))).into(),
        Err(e) => {
            let e = as_seen(plan.endpoint, e);
            let _ = refused(&parts, encoding, &e); // for the log; a stream tells its error in its last envelope
            envelope::end(Some(&e)).into()
        }
    };
    ([(header::CONTENT_TYPE, HeaderValue::from_static(envelope::media(encoding)))], body).into_response()
}

fn connect_encoding(headers: &HeaderMap, streams: bool) -> Option<Encoding> {
    let (json, proto) = if streams {
        ("application/connect+json", "application/connect+proto")
    } else {
        ("application/json", "application/proto")
    };
    if body::is_type(headers, json) {
        Some(Encoding::ConnectJson)
    } else if body::is_type(headers, proto) {
        Some(Encoding::ConnectProto)
    } else {
        None
    }
}

fn refuse_compressed(headers: &HeaderMap) -> Result<()> {
    let plain = |name: &str| headers.get(name).is_none_or(|v| v.as_bytes().eq_ignore_ascii_case(b"identity"));
    if plain("content-encoding") && plain("connect-content-encoding") {
        return Ok(());
    }
    Err(Error::new(Code::NotImplemented, "Compressed bodies are not supported; send it as it is."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_names() {
        let (s, names) = shape("/v1beta1/relations/{relation}/object/{object}");
        assert_eq!((s.as_str(), names), ("/v1beta1/relations/{}/object/{}", vec!["relation", "object"]));
    }

    #[test]
    fn no_two_operations_collide() {
        let mut seen = std::collections::HashSet::new();
        for rest in ENDPOINTS.iter().chain(REST_ERA).flat_map(|e| e.rest) {
            assert!(seen.insert((shape(rest.path).0, rest.method)), "{}", rest.path);
        }
    }
}
