//! Every call of `/v1beta1` as anonymous, as a user without rights, as another tenant's superuser and as one who may (issue 3,
//! done when 1), from the endpoint table itself, in every protocol that it has.
//!
//! How to add a call: register its handler, add its row to `calls/requests.rs` (a call without one fails here), run this file once
//! with `UPDATE_GOLDEN=1`, and look at what became of `golden/calls.txt`.
use std::collections::HashMap;
use std::fmt::Write as _;

use portcullis_api_v1beta1::encoding::Protocol;
use portcullis_api_v1beta1::{Support, support};
use portcullis_wire_v1beta1::endpoint::{Effect, Login};
use portcullis_wire_v1beta1::{ENDPOINTS, Endpoint, REST_ERA};
use serde_json::Value;

use crate::world::rpc::{self, Ended};
use crate::world::scene::Scene;
use crate::world::*;

mod isolation;
pub mod requests;
use requests::{ELSEWHERE, EMPTY, ENDS};

both!(each_call_ends_as_it_must_for_each_caller, each_call_that_is_not_there_says_so_in_every_protocol);

fn works(e: &Endpoint) -> bool {
    support(e, if e.path.is_empty() { Protocol::Rest } else { Protocol::ConnectJson }) == Support::Works
}
fn registered() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().chain(REST_ERA).filter(|e| works(e))
}

/// In one protocol; `None` where the call has no such form.
async fn ended(protocol: Protocol, by: &Client, e: &Endpoint, request: &Value) -> Option<Ended> {
    match protocol {
        Protocol::Rest => rpc::rest(by, e, request).await,
        _ if e.path.is_empty() => None,
        Protocol::ConnectJson => Some(rpc::connect(by, e, request).await),
        Protocol::ConnectProto => Some(rpc::connect_proto(by, e, request).await),
        Protocol::Grpc => Some(rpc::grpc(by, e, request).await),
        Protocol::GrpcWeb => Some(rpc::grpc_web(by, e, request, request.to_string().len().is_multiple_of(2)).await),
    }
}
/// The code in the first protocol that the call has; all others must say the same.
async fn code(by: &Client, e: &Endpoint, request: &Value) -> String {
    let mut first: Option<Ended> = None;
    for protocol in [Protocol::ConnectJson, Protocol::Rest, Protocol::ConnectProto, Protocol::Grpc, Protocol::GrpcWeb] {
        let Some(now) = ended(protocol, by, e, request).await else { continue };
        match &first {
            None if now.code == "ok" && e.effect == Effect::Changes => return now.code,
            None => first = Some(now),
            // decision 21: REST knows no "unavailable" refusal
            Some(f) if protocol == Protocol::Rest && f.code == "unavailable" => {
                assert_eq!(now.code, "permission_denied", "{}", e.rpc);
            }
            Some(f) => assert_eq!(now.code, f.code, "{} over {protocol:?}: {now:?}, first {f:?}", e.rpc),
        }
    }
    first.expect("a protocol").code
}

async fn each_call_ends_as_it_must_for_each_caller(w: World) {
    let rows: HashMap<&str, &str> = requests::REQUESTS.iter().copied().collect();
    assert_eq!(rows.len(), requests::REQUESTS.len(), "a call has two rows");
    let known = |rpc: &str| rows.contains_key(rpc) != ELSEWHERE.contains(&rpc);
    let missing: Vec<&str> = registered().map(|e| e.rpc).filter(|rpc| !known(rpc)).collect();
    assert!(
        missing.is_empty(),
        "these calls work and have no row in calls/requests.rs, or one there and in ELSEWHERE: {missing:?}"
    );
    let gone: Vec<&str> =
        rows.keys().chain(ELSEWHERE).copied().filter(|rpc| !registered().any(|e| e.rpc == *rpc)).collect();
    assert!(gone.is_empty(), "these rows are of no call that works: {gone:?}");

    let (plain, other) = (w.person("Plain", &["user"]).await, w.second_tenant("Globex").await);
    let mut wrong: Vec<String> = vec![];
    let mut out = String::from(
        "# call: anonymous, a user without rights, another tenant's superuser, one who may; made by calls.rs\n",
    );
    for e in registered().filter(|e| rows.contains_key(e.rpc)) {
        let request = Scene::new(&w).fill(rows[e.rpc]).await;
        let anonymous = code(&w.anonymous(), e, &request).await;
        match e.login {
            Login::Required => assert_eq!(anonymous, "unauthenticated", "{}", e.rpc),
            Login::Public => assert_ne!(anonymous, "unauthenticated", "{}", e.rpc),
        }
        let unauthorised = code(&plain.client, e, &request).await;
        let foreign = code(&other.owner.client, e, &request).await;
        if foreign == "ok" && !Scene::things(rows[e.rpc]).is_empty() && !EMPTY.contains(&e.rpc) {
            wrong.push(format!("{}: another tenant reached a thing of this one: {request}", e.rpc));
        }
        let want = ENDS.iter().find(|(rpc, _)| *rpc == e.rpc).map_or("ok", |(_, code)| code);
        for protocol in Protocol::ALL {
            // each protocol gets things of its own: the call may change or remove them
            let request = Scene::new(&w).fill(rows[e.rpc]).await;
            if let Some(now) = ended(protocol, &w.owner(), e, &request).await
                && now.code != want
            {
                wrong.push(format!("{} over {protocol:?}: {now:?}: {request}", e.rpc));
            }
        }
        let _ = writeln!(out, "{:<36} {anonymous:<17} {unauthorised:<19} {foreign:<19} {want}", e.rpc);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    golden("calls.txt", &out);
}

async fn each_call_that_is_not_there_says_so_in_every_protocol(w: World) {
    let nothing = serde_json::json!({});
    for e in ENDPOINTS.iter().filter(|e| !works(e)) {
        for protocol in Protocol::ALL {
            let Some(now) = ended(protocol, &w.owner(), e, &nothing).await else { continue };
            assert_eq!(now.code, "unimplemented", "{} over {protocol:?}: {now:?}", e.rpc);
            assert!(now.message.starts_with(e.rpc), "{now:?}");
            assert_eq!(now.message.contains("billing"), e.is_billing() || e.rpc.contains("billing"), "{now:?}");
            let anonymous = ended(protocol, &w.anonymous(), e, &nothing).await.unwrap();
            let want = if e.login == Login::Public { "unimplemented" } else { "unauthenticated" };
            assert_eq!(anonymous.code, want, "{} over {protocol:?}: {anonymous:?}", e.rpc);
        }
    }
}
