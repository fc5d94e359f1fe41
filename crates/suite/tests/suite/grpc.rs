//! gRPC with a real client, and gRPC-Web, beside Connect and REST (spec v1beta1 1.2, 2.2).
use portcullis_wire_v1beta1::{DynamicMessage, Messages, json as messages};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Code;

use crate::world::access::{ADMIN, FRONTIER};
use crate::world::http2::GrpcClient;
use crate::world::rpc::{self, endpoint};
use crate::world::*;

both!(
    a_grpc_client_reads_and_writes,
    a_grpc_refusal_has_code_text_details_and_notices,
    a_grpc_client_streams_an_export,
    grpc_health_says_serving,
    a_deadline_ends_a_call,
    grpc_web_is_the_same_as_bytes_and_as_text,
    what_is_no_single_plain_message_is_refused,
    grpc_needs_http_2_and_a_known_form,
    sec_14_a_body_over_the_limit_is_resource_exhausted,
    every_credential_counts_over_grpc_as_elsewhere,
);

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

fn message(name: &'static str, json: &Value) -> Vec<u8> {
    messages::read(Messages::named(name), json.to_string().as_bytes()).unwrap().encode_to_vec()
}
fn read(name: &'static str, bytes: &[u8]) -> Value {
    let message = DynamicMessage::decode(Messages::named(name), bytes).unwrap();
    serde_json::from_slice(&messages::write(&message, portcullis_wire_v1beta1::Zeros::LeftOut)).unwrap()
}

async fn a_grpc_client_reads_and_writes(w: World) {
    let mut owner = GrpcClient::of(&w.owner()).await;
    let request = message("CreateUserRequest", &json!({ "body": { "email": "g@example.com", "title": "G" } }));
    let made = owner.unary(&format!("{FRONTIER}/CreateUser"), request).await.unwrap();
    assert!(made.metadata().contains_key("x-request-id"));
    let made = read("CreateUserResponse", made.get_ref());
    assert_eq!(made["user"]["email"], "g@example.com");
    // many calls on one connection, at once
    let id = json!({ "id": made["user"]["id"] });
    for _ in 0..20 {
        let found = owner.unary(&format!("{FRONTIER}/GetUser"), message("GetUserRequest", &id)).await.unwrap();
        assert_eq!(read("GetUserResponse", found.get_ref())["user"]["id"], id["id"]);
    }
    // the same user for REST
    let rest = w.owner().get(&format!("/v1beta1/users/{}", id["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(rest["user"]["title"], "G");
    // a repetition is the first answer again, whichever protocol asks
    let mut again = GrpcClient::of(&w.owner().with("idempotency-key", "k-1")).await;
    let request = || message("CreateUserRequest", &json!({ "body": { "email": "h@example.com" } }));
    let first = again.unary(&format!("{FRONTIER}/CreateUser"), request()).await.unwrap();
    let second = again.unary(&format!("{FRONTIER}/CreateUser"), request()).await.unwrap();
    assert_eq!(first.get_ref(), second.get_ref());
    assert_eq!(second.metadata().get("idempotency-replayed").unwrap(), "true");
}

async fn a_grpc_refusal_has_code_text_details_and_notices(w: World) {
    let create = format!("{FRONTIER}/CreateUser");
    let bad = message("CreateUserRequest", &json!({ "body": { "email": "x y" } }));
    let mut owner = GrpcClient::of(&w.owner()).await;
    let e = owner.unary(&create, bad.clone()).await.unwrap_err();
    assert_eq!(e.code(), Code::InvalidArgument);
    assert!(e.message().starts_with("invalid syntax in body: body.email: "), "{e:?}");
    assert!(String::from_utf8_lossy(e.details()).contains("buf.validate.Violations"), "{e:?}");
    // no credential comes before a bad body
    let e = GrpcClient::of(&w.anonymous()).await.unary(&create, bad).await.unwrap_err();
    assert_eq!(e.code(), Code::Unauthenticated);
    let missing = message("GetUserRequest", &json!({ "id": NOBODY }));
    let e = owner.unary(&format!("{FRONTIER}/GetUser"), missing).await.unwrap_err();
    assert_eq!(
        (e.code(), e.message()),
        (Code::NotFound, "user doesn't exist: There is no such user in this tenant."),
        "{e:?}"
    );
    let rule = r#"@notice("Ask security é") forbid (principal, action == Action::"users:create", resource) when { context has email_domain && context.email_domain == "evil.example" };"#;
    w.policy("no evil", 100, rule).await;
    let evil = message("CreateUserRequest", &json!({ "body": { "email": "x@evil.example" } }));
    let e = owner.unary(&create, evil).await.unwrap_err();
    assert_eq!(e.code(), Code::PermissionDenied);
    assert!(String::from_utf8_lossy(e.details()).contains("google.rpc.ErrorInfo"), "{e:?}");
    assert!(e.metadata().contains_key("x-policy-notices"), "{e:?}");
    let e = owner.unary(&format!("{FRONTIER}/ListFeatures"), vec![]).await.unwrap_err();
    assert_eq!(
        (e.code(), e.message()),
        (Code::Unimplemented, "ListFeatures is not implemented: this version has no billing.")
    );
    for nowhere in [format!("{FRONTIER}/NoSuchCall"), "/grpc.health.v1.Health/Watch".into(), REFLECTION.into()] {
        let e = owner.unary(&nowhere, vec![]).await.unwrap_err();
        assert_eq!(e.code(), Code::Unimplemented, "{nowhere}: {e:?}");
    }
}

async fn a_grpc_client_streams_an_export(w: World) {
    for n in 0..300 {
        w.owner().post("/v1beta1/users", json!({ "email": format!("u{n}@example.com") })).await.expect(200);
    }
    let path = endpoint("ExportUsers").path;
    let pieces = GrpcClient::of(&w.owner()).await.stream(path, vec![]).await.unwrap();
    assert!(pieces.len() > 1, "a page a piece");
    let whole = String::from_utf8_lossy(&pieces.concat()).into_owned();
    assert!(whole.contains("text/csv") && whole.contains("u299@example.com") && whole.contains("u0@example.com"));
    let plain = w.person("Plain", &["user"]).await;
    let e = GrpcClient::of(&plain.client).await.stream(path, vec![]).await.unwrap_err();
    assert_eq!(e.code(), Code::PermissionDenied);
    // gRPC-Web: the same messages, the end in a last frame
    for text in [false, true] {
        let (ended, messages) = rpc::grpc_web_answer(&w.owner(), path, b"{}", text).await;
        assert_eq!((&*ended.code, messages.len()), ("ok", pieces.len()));
        let first: Value = serde_json::from_slice(&messages[0]).unwrap();
        assert_eq!(first["content_type"], "text/csv");
        let (refused, none) = rpc::grpc_web_answer(&plain.client, path, b"{}", text).await;
        assert_eq!((&*refused.code, none.len()), ("permission_denied", 0));
    }
}

async fn grpc_health_says_serving(w: World) {
    let path = "/grpc.health.v1.Health/Check";
    let mut anyone = GrpcClient::of(&w.anonymous()).await;
    let named = |service: &str| [&[10, u8::try_from(service.len()).unwrap()], service.as_bytes()].concat();
    for service in ["", "raystack.frontier.v1beta1.FrontierService", "raystack.frontier.v1beta1.AdminService"] {
        assert_eq!(anyone.unary(path, named(service)).await.unwrap().get_ref(), &[8, 1], "{service}");
    }
    assert_eq!(anyone.unary(path, named("nobody")).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(anyone.unary(path, vec![0xff]).await.unwrap_err().code(), Code::InvalidArgument);
    let connect = w.anonymous().post(path, json!({})).await.expect(200);
    assert_eq!(connect, json!({ "status": "SERVING" }));
    let (ended, messages) = rpc::grpc_web_answer(&w.anonymous(), path, b"{}", true).await;
    assert_eq!((&*ended.code, &messages[0][..]), ("ok", &b"{\"status\":\"SERVING\"}"[..]));
}

async fn a_deadline_ends_a_call(w: World) {
    let path = endpoint("ExportUsers").path;
    let e = GrpcClient::of(&w.owner()).await.with("grpc-timeout", "0n").stream(path, vec![]).await.unwrap_err();
    assert_eq!(e.code(), Code::DeadlineExceeded, "{e:?}");
    let path = format!("{FRONTIER}/GetCurrentUser");
    let mut patient = GrpcClient::of(&w.owner()).await.with("grpc-timeout", "1M");
    patient.unary(&path, vec![]).await.unwrap();
    for wrong in ["1", "S", "123456789S", "1x", "-1S"] {
        let e = GrpcClient::of(&w.owner()).await.with("grpc-timeout", wrong).unary(&path, vec![]).await.unwrap_err();
        assert_eq!(e.code(), Code::InvalidArgument, "{wrong}: {e:?}");
    }
    w.owner().with("connect-timeout-ms", "60000").post(&path, json!({})).await.expect(200);
    let e = w.owner().with("connect-timeout-ms", "soon").post(&path, json!({})).await.expect(400);
    assert_eq!(e["code"], "invalid_argument");
}

async fn grpc_web_is_the_same_as_bytes_and_as_text(w: World) {
    let path = format!("{FRONTIER}/GetCurrentUser");
    let connect = w.owner().post(&path, json!({})).await.expect(200);
    for text in [false, true] {
        let (ended, messages) = rpc::grpc_web_answer(&w.owner(), &path, b"{}", text).await;
        assert_eq!((&*ended.code, messages.len()), ("ok", 1));
        assert_eq!(serde_json::from_slice::<Value>(&messages[0]).unwrap(), connect);
        let (refused, none) = rpc::grpc_web_answer(&w.anonymous(), &path, b"{}", text).await;
        assert_eq!((&*refused.code, none.len()), ("unauthenticated", 0));
        assert!(refused.message.starts_with("not authenticated"), "{refused:?}");
    }
    // protobuf too
    let answer = w.owner().with("content-type", "application/grpc-web+proto").send("POST", &path, &[0; 5]).await;
    let frames = rpc::frames(&answer.body);
    assert_eq!(read("GetCurrentUserResponse", &frames[0].1)["user"]["id"], connect["user"]["id"]);
    assert!(frames[1].1.starts_with(b"grpc-status: 0"));
}

async fn what_is_no_single_plain_message_is_refused(w: World) {
    let path = format!("{FRONTIER}/GetCurrentUser");
    for (body, status) in [
        (&b""[..], "12"),
        (b"\x01\0\0\0\x02{}", "12"),
        (b"\0\0\0\0\x02{}\0\0\0\0\x02{}", "12"),
        (b"\0\0\0\0\x09{}", "3"),
        (b"\0\xff\xff\xff\xff", "3"),
        (b"\0\0", "3"),
        (b"\x80\0\0\0\0", "3"),
        (b"\0\0\0\0\x01[", "3"),
    ] {
        let answer = w.owner().with("content-type", "application/grpc-web+json").send("POST", &path, body).await;
        let end = String::from_utf8(rpc::frames(&answer.body).pop().unwrap().1).unwrap();
        assert!(end.starts_with(&format!("grpc-status: {status}\r\n")), "{body:?}: {end}");
        assert_eq!(answer.header("grpc-accept-encoding"), Some("identity"));
    }
}

async fn grpc_needs_http_2_and_a_known_form(w: World) {
    let path = format!("{FRONTIER}/GetCurrentUser");
    let send = async |media: &str| w.owner().with("content-type", media).send("POST", &path, &[0; 5]).await.status;
    assert_eq!(send("application/grpc").await, 505);
    assert_eq!(send("application/grpc+thrift").await, 415);
    assert_eq!(send("application/grpc-web+thrift").await, 415);
}

async fn sec_14_a_body_over_the_limit_is_resource_exhausted(w: World) {
    let e =
        GrpcClient::of(&w.owner()).await.unary(&format!("{FRONTIER}/CreateUser"), vec![0; 3 << 20]).await.unwrap_err();
    assert_eq!(e.code(), Code::ResourceExhausted, "{e:?}");
    // nobody fills the memory who may not call at all: refused for who they are, not for what they send
    let e = GrpcClient::of(&w.anonymous())
        .await
        .unary(&format!("{FRONTIER}/CreateUser"), vec![0; 3 << 20])
        .await
        .unwrap_err();
    assert!(matches!(e.code(), Code::Unauthenticated | Code::ResourceExhausted), "{e:?}");
}

async fn every_credential_counts_over_grpc_as_elsewhere(w: World) {
    let other = w.second_tenant("Globex").await;
    let plain = w.person("Plain", &["user"]).await;
    let (_, narrow) = w.api_key(&plain.client, json!({ "name": "n", "scopes": ["users:list"] })).await;
    let user = format!("{FRONTIER}/GetUser");
    let request = || message("GetUserRequest", &json!({ "id": w.owner_id }));
    for (by, code) in [
        (w.owner(), Code::Ok),
        (w.service(), Code::Ok),
        (w.anonymous(), Code::Unauthenticated),
        (w.bearer("nonsense"), Code::Unauthenticated),
        (plain.client.clone(), Code::Unavailable),
        (narrow, Code::Unavailable),
        (other.owner.client.clone(), Code::NotFound),
        (w.owner().with("x-tenant-id", &*other.id), Code::PermissionDenied),
    ] {
        let ended = GrpcClient::of(&by).await.unary(&user, request()).await.map_or_else(|e| e.code(), |_| Code::Ok);
        assert_eq!(ended, code);
    }
    let list = format!("{ADMIN}/ListAllUsers");
    let e = GrpcClient::of(&plain.client).await.unary(&list, vec![]).await.unwrap_err();
    assert_eq!(e.code(), Code::PermissionDenied);
}
