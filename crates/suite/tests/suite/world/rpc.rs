//! A call of `/v1beta1` by its row of the endpoint table, in any of its protocols, and the one word that it ended with.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_wire_v1beta1::endpoint::{Body, Method, Output, Rest};
use portcullis_wire_v1beta1::{ENDPOINTS, Endpoint, Messages, REST_ERA, json as messages};
use prost::Message as _;
use serde_json::{Map, Value, json};

use super::http2::GrpcClient;
use super::{Answer, Client};

/// A row by its name.
pub fn endpoint(rpc: &str) -> &'static Endpoint {
    ENDPOINTS.iter().find(|e| e.rpc == rpc).unwrap_or_else(|| panic!("no call {rpc}"))
}
/// The same, of a call that only REST has too.
pub fn of_the_table(rpc: &str) -> &'static Endpoint {
    ENDPOINTS.iter().chain(REST_ERA).find(|e| e.rpc == rpc).unwrap()
}
/// The words of the codes, by number.
pub const WORDS: [&str; 17] = [
    "ok",
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

/// What a call ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// `ok`, or the word of the code.
    pub code: String,
    pub message: String,
}
impl Ended {
    fn new(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned() }
    }
    fn of(error: &Value) -> Self {
        let word = match &error["code"] {
            Value::String(word) => word.clone(),
            Value::Number(n) => WORDS[usize::try_from(n.as_u64().unwrap()).unwrap()].to_owned(),
            other => format!("no code: {other}"),
        };
        Self::new(&word, error["message"].as_str().unwrap_or_default())
    }
}

fn sealed(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    out.extend_from_slice(message);
    out
}
/// Flag and content of each frame.
pub fn frames(mut body: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut out = vec![];
    while let Some((head, rest)) = body.split_at_checked(5) {
        let length = usize::try_from(u32::from_be_bytes(head[1..].try_into().unwrap())).unwrap();
        out.push((head[0], rest[..length].to_vec()));
        body = &rest[length..];
    }
    assert!(body.is_empty(), "a frame broke off");
    out
}

/// Over Connect with JSON.
pub async fn connect(by: &Client, e: &Endpoint, request: &Value) -> Ended {
    if e.output == Output::Stream {
        let by = by.with("content-type", "application/connect+json");
        let answer = by.send("POST", e.path, &sealed(request.to_string().as_bytes())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let (flag, end) = frames(&answer.body).pop().expect("an end");
        assert_eq!(flag, 2, "{}", answer.text());
        let end: Value = serde_json::from_slice(&end).unwrap();
        return end.get("error").map_or_else(|| Ended::new("ok", ""), Ended::of);
    }
    let answer = by.post(e.path, request.clone()).await;
    if answer.status == 200 { Ended::new("ok", "") } else { Ended::of(&answer.json()) }
}

fn binary(e: &Endpoint, request: &Value) -> Vec<u8> {
    let message = messages::read(Messages::named(e.input), request.to_string().as_bytes());
    message.unwrap_or_else(|error| panic!("{}: {error}: {request}", e.rpc)).encode_to_vec()
}
/// Over Connect with protobuf.
pub async fn connect_proto(by: &Client, e: &Endpoint, request: &Value) -> Ended {
    let message = binary(e, request);
    if e.output == Output::Stream {
        let answer = by.with("content-type", "application/connect+proto").send("POST", e.path, &sealed(&message)).await;
        let (flag, end) = frames(&answer.body).pop().expect("an end");
        assert_eq!((answer.status, flag), (200, 2), "{}", answer.text());
        let end: Value = serde_json::from_slice(&end).unwrap();
        return end.get("error").map_or_else(|| Ended::new("ok", ""), Ended::of);
    }
    let answer = by.with("content-type", "application/proto").send("POST", e.path, &message).await;
    if answer.status == 200 { Ended::new("ok", "") } else { Ended::of(&answer.json()) }
}
/// Over gRPC.
pub async fn grpc(by: &Client, e: &Endpoint, request: &Value) -> Ended {
    let mut client = GrpcClient::of(by).await;
    let ended = match e.output {
        Output::Stream => client.stream(e.path, binary(e, request)).await.map(drop),
        Output::Unary(_) => client.unary(e.path, binary(e, request)).await.map(drop),
    };
    ended.map_or_else(
        |status| Ended::new(WORDS[usize::try_from(i32::from(status.code())).unwrap()], status.message()),
        |()| Ended::new("ok", ""),
    )
}

/// Over gRPC-Web with JSON, as text or as bytes.
pub async fn grpc_web(by: &Client, e: &Endpoint, request: &Value, text: bool) -> Ended {
    let (ended, _) = grpc_web_answer(by, e.path, request.to_string().as_bytes(), text).await;
    ended
}
/// The same with what else came: the messages before the end.
pub async fn grpc_web_answer(by: &Client, path: &str, message: &[u8], text: bool) -> (Ended, Vec<Vec<u8>>) {
    let media = if text { "application/grpc-web-text+json" } else { "application/grpc-web+json" };
    let frame = sealed(message);
    let body = if text { STANDARD.encode(&frame).into_bytes() } else { frame };
    let answer = by.with("content-type", media).send("POST", path, &body).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(media)), "{}", answer.text());
    web(&answer, text)
}
fn web(answer: &Answer, text: bool) -> (Ended, Vec<Vec<u8>>) {
    let body = match text {
        true => {
            answer.body.chunk_by(|a, b| *a != b'=' || *b == b'=').flat_map(|p| STANDARD.decode(p).unwrap()).collect()
        }
        false => answer.body.clone(),
    };
    let mut all = frames(&body);
    let (flag, trailers) = all.pop().expect("trailers");
    assert_eq!(flag, 0x80, "{all:?}");
    let trailers = String::from_utf8(trailers).unwrap();
    let find = |name: &str| trailers.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
    let code: usize = find("grpc-status").expect("a status").parse().unwrap();
    let message = find("grpc-message").unwrap_or_default();
    let message =
        url::form_urlencoded::parse(message.replace('+', "%2B").as_bytes()).next().map(|(m, _)| m.into_owned());
    let messages = all.into_iter().map(|(flag, message)| {
        assert_eq!(flag, 0);
        message
    });
    (Ended::new(WORDS[code], &message.unwrap_or_default()), messages.collect())
}

/// Over REST, in its last form; `None` for calls that have none.
pub async fn rest(by: &Client, e: &Endpoint, request: &Value) -> Option<Ended> {
    let answer = rest_answer(by, e.rest.last()?, request).await;
    Some(if answer.status < 400 { Ended::new("ok", "") } else { Ended::of(&answer.json()) })
}
/// What one of its forms answers.
pub async fn rest_answer(by: &Client, rest: &Rest, request: &Value) -> Answer {
    let (path, body) = told(rest, request);
    let method = rest.method.as_str();
    match body {
        Some(body) => by.json(method, &path, &body).await,
        None => by.send(method, &path, &[]).await,
    }
}
/// Path with query, and body.
fn told(rest: &Rest, request: &Value) -> (String, Option<Value>) {
    let mut left: Map<String, Value> = request.as_object().unwrap().clone();
    let mut path = String::new();
    for part in rest.path.split('/').skip(1) {
        path.push('/');
        match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) => match left.remove(name) {
                Some(value) => path.extend(url::form_urlencoded::byte_serialize(value.as_str().unwrap().as_bytes())),
                None => path.push('x'), // a variable that the message dropped: read and put nowhere
            },
            None => path.push_str(part),
        }
    }
    let body = match rest.body {
        Body::Whole => return (path, Some(Value::Object(left))),
        Body::Field(name) => Some(left.remove(name).unwrap_or_else(|| json!({}))),
        Body::None => None,
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &left {
        for value in value.as_array().unwrap_or(&vec![value.clone()]) {
            query.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    let query = query.finish();
    debug_assert!(rest.method != Method::Get || body.is_none());
    (if query.is_empty() { path } else { format!("{path}?{query}") }, body)
}
