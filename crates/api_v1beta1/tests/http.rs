//! The surface over HTTP in process, on a store of its own: what a client of Frontier sees.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, Version};
use portcullis_api_v1beta1::router;
use portcullis_crypto::{random::OsRandom, seal::MasterKey};
use portcullis_domain::policy::{AccessKind, ApprovalMode};
use portcullis_domain::port::Clock;
use portcullis_domain::user::AuthProvider;
use portcullis_domain::value::Email;
use portcullis_domain::{Ctx, Timestamp};
use portcullis_edge::metrics::Metrics;
use portcullis_edge::{EdgeConfig, EdgeState, Listener};
use portcullis_service::app::Settings;
use portcullis_service::authenticate::{Origin, Presented};
use portcullis_service::policy::{NewPolicy, RuleDraft};
use portcullis_service::session::{Given, Hold, LoggedIn, Login as SignIn};
use portcullis_service::tenancy::Tenancies;
use portcullis_service::user::{Draft, NewUser, SlugChoice};
use portcullis_service::{Answer, App, Reply};
use portcullis_store::{Config, Db};
use portcullis_wire_v1beta1::endpoint::Login;
use portcullis_wire_v1beta1::{ENDPOINTS, Messages, json as wire};
use prost::Message;
use serde_json::{Value, json};
use tower::ServiceExt;

/// A world without domains.
struct NoDns;
impl portcullis_domain::dns::Dns for NoDns {
    fn txt<'a>(&'a self, _: &'a str) -> portcullis_domain::dns::Lookup<'a> {
        Box::pin(std::future::ready(Err(portcullis_domain::dns::Unresolved::NoSuchHost)))
    }
}

struct Tick(AtomicI64);
impl Clock for Tick {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

fn origin() -> Origin {
    Origin { request_id: "test".into(), ip: None, user_agent: None }
}

/// A server with one tenant, its owner signed in, and a key that may do everything.
struct Server {
    app: App,
    router: Router,
    owner: String,
    key: String,
    _dir: tempfile::TempDir,
}
impl Server {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(Tick(AtomicI64::new(1_795_339_304_000_000)));
        let random = Arc::new(OsRandom);
        let tenancies = Tenancies::new(10);
        let db = Db::open(&Config::sqlite(dir.path()), clock.clone(), tenancies.publish()).await.unwrap();
        let master = MasterKey::new([7; 32]);
        let app = App::new(Settings::default(), db, tenancies, master, clock.clone(), random.clone(), Arc::new(NoDns))
            .await
            .unwrap();
        let made = app
            .init("Acme", Email::parse("owner@example.com").unwrap(), Some("correct horse battery 9".to_owned().into()))
            .await
            .unwrap();
        let cx = app.system(made.tenant.id).await.unwrap();
        let key = app.service_key(&cx, "test", None).await.unwrap();
        let owner = app.sign_owner_in(&cx).await.unwrap().access;
        let config = EdgeConfig { access_log: false, ..EdgeConfig::default() };
        let listener = Listener::new(clock, random, config, Arc::new(Metrics::default()));
        Self { router: router(EdgeState::new(app.clone(), listener)), app, owner, key, _dir: dir }
    }
    async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        (parts.status, parts.headers, to_bytes(body, 1 << 22).await.unwrap().to_vec())
    }
    /// The owner's context.
    async fn cx(&self) -> Ctx {
        self.app.identify(origin(), Presented::Bearer(&self.owner)).await.unwrap()
    }
    /// Makes a person without rights; answers their token.
    async fn plain_user(&self) -> String {
        let password = "correct horse battery 9".to_owned();
        let new = NewUser {
            email: Some(Email::parse("plain@example.com").unwrap()),
            slug: SlugChoice::FromId,
            title: "Plain".into(),
            avatar: None,
            auth_provider: AuthProvider::Local,
            roles: vec!["user".into()],
            password: Some(password.clone().into()),
            external_id: None,
            manager_id: None,
            metadata: serde_json::Map::new(),
        };
        let draft = Draft { roles: None, email_domain: None, auth_provider: None, command: Ok(new) };
        let reply = Reply { key: None, render: |_| Answer::new(200, vec![]) };
        self.app.create_user(&self.cx().await, draft, reply).await.unwrap();
        let login = SignIn {
            email: "plain@example.com".into(),
            password: password.into(),
            tenant_slug: None,
            hold: Hold::Tokens,
        };
        let LoggedIn::Whole(signed_in) = self.app.login(origin(), login).await.unwrap() else {
            panic!("a second step")
        };
        let Given::Tokens(tokens) = signed_in.given else { panic!("no tokens") };
        tokens.access
    }
    /// Nobody makes users of one domain any more.
    async fn forbid_users_of(&self, domain: &str, notice: &str) {
        let policy = NewPolicy {
            name: "domains".into(),
            description: None,
            enabled: true,
            priority: 100,
            max_duration_seconds: 3600,
            default_duration_seconds: None,
            notification_channel: None,
            approval_mode: ApprovalMode::Require,
            approval_timeout_seconds: 3600,
            approval_stages: json!([]),
            max_total_duration_seconds: None,
            access: AccessKind::Standing,
            cedar_policy_set: None,
        };
        let text = format!(
            "forbid (principal, action == Action::\"users:create\", resource) when {{ context has email_domain && context.email_domain == \"{domain}\" }};"
        );
        let rule = RuleDraft { policy_text: Some(text), notice: Some(Some(notice.into())), ..RuleDraft::default() };
        let reply = Reply { key: None, render: |_| Answer::new(200, vec![]) };
        self.app.create_policy_rule(&self.cx().await, Ok((policy, rule)), reply).await.unwrap();
    }
    async fn call_as(&self, token: &str, path: &str, body: Value) -> (u16, Value) {
        let request = Request::post(path).header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
        let (status, _, body) = self.send(request).await;
        (status.as_u16(), serde_json::from_slice(&body).unwrap())
    }
    /// As the owner.
    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.owner))
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        let (status, _, body) = self.send(request).await;
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
    async fn connect(&self, rpc: &str, body: Value) -> (u16, Value) {
        let e = ENDPOINTS.iter().find(|e| e.rpc == rpc).unwrap();
        self.call(Method::POST, e.path, body).await
    }
}

#[tokio::test]
async fn the_seed_page_works_as_printed() {
    let s = Server::start().await;
    let body = json!({
        "name": "john.doe", "email": "john.doe@example.com", "title": "John Doe",
        "avatar": "https://example.com/avatars/john.jpg", "metadata": { "department": "Engineering" }
    });
    let (status, answer) = s.call(Method::POST, "/v1beta1/users", body.clone()).await;
    assert_eq!(status, 200, "{answer}");
    let user = answer["user"].as_object().unwrap();
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&user[name], value);
    }
    assert_eq!(user["state"], "enabled");
    assert!(user["created_at"].as_str().unwrap().ends_with('Z') && user.len() == 9);

    let (status, answer) = s.call(Method::POST, "/v1beta1/users", body).await;
    assert_eq!((status, &answer["code"]), (409, &json!(6)), "{answer}");
    assert!(answer["message"].as_str().unwrap().starts_with("already exist"), "{answer}");

    let (status, answer) = s.call(Method::POST, "/v1beta1/users", json!({ "email": "jane+1@example.com" })).await;
    assert_eq!(
        (status, &answer["user"]["name"], &answer["user"]["metadata"]),
        (200, &json!("jane1_example_com"), &json!({}))
    );

    for (bad, field) in [
        (json!({ "email": "x y" }), "email"),
        (json!({ "email": "c@example.com", "name": "9lives" }), "name"),
        (json!({ "email": "c@example.com", "metadata": { "label": null } }), "metadata"),
        (json!({ "email": "c@example.com", "avatar": "http://x" }), "avatar"),
    ] {
        let (status, answer) = s.call(Method::POST, "/v1beta1/users", bad).await;
        assert_eq!((status, &answer["code"]), (400, &json!(3)), "{answer}");
        assert!(answer["message"].as_str().unwrap().starts_with("invalid syntax in body"), "{answer}");
        assert!(answer["details"][0]["field_violations"][0]["field"].as_str().unwrap().starts_with(field), "{answer}");
    }
    // without an address in the body, the caller's own: which is taken
    let (status, answer) = s.call(Method::POST, "/v1beta1/users", json!({ "title": "Me" })).await;
    assert_eq!(status, 409, "{answer}");
}

#[tokio::test]
async fn the_three_forms_share_their_users() {
    let s = Server::start().await;
    let (status, made) = s.connect("CreateUser", json!({ "body": { "email": "c@example.com", "title": "C" } })).await;
    assert_eq!((status, &made["user"]["email"]), (200, &json!("c@example.com")), "{made}");
    assert!(made["user"].get("avatar").is_none(), "Connect leaves zeros out");
    let (status, again) = s.connect("CreateUser", json!({ "body": { "email": "C@example.com" } })).await;
    assert_eq!((status, &again["code"]), (409, &json!("already_exists")));

    let id = made["user"]["id"].as_str().unwrap();
    for who in [id, "c@example.com", "c_example_com"] {
        let (status, read) = s.call(Method::GET, &format!("/v1beta1/users/{who}"), Value::Null).await;
        assert_eq!((status, &read["user"]["id"]), (200, &json!(id)), "{read}");
        assert_eq!(read["user"]["avatar"], "", "REST writes zeros");
    }
    let e = ENDPOINTS.iter().find(|e| e.rpc == "GetUser").unwrap();
    let request = wire::read(Messages::named(e.input), json!({ "id": id }).to_string().as_bytes()).unwrap();
    let request = Request::post(e.path)
        .header("x-api-key", &s.key)
        .header("content-type", "application/proto")
        .body(Body::from(request.encode_to_vec()))
        .unwrap();
    let (status, headers, body) = s.send(request).await;
    assert_eq!((status.as_u16(), headers["content-type"].as_bytes()), (200, b"application/proto".as_slice()));
    let answer =
        portcullis_wire_v1beta1::DynamicMessage::decode(Messages::named("GetUserResponse"), body.as_slice()).unwrap();
    assert!(String::from_utf8(wire::write(&answer, wire::Zeros::LeftOut)).unwrap().contains(id));

    let (status, missing) = s.call(Method::GET, "/v1beta1/users/nobody.here", Value::Null).await;
    assert_eq!((status, &missing["code"]), (404, &json!(5)));
    assert!(missing["message"].as_str().unwrap().starts_with("user doesn't exist"));
}

#[tokio::test]
async fn a_users_life() {
    let s = Server::start().await;
    let path = "/v1beta1/users/ada@example.com";
    let (status, made) = s.call(Method::PUT, path, json!({ "email": "ada@example.com", "title": "Ada" })).await;
    assert_eq!((status, &made["user"]["title"]), (200, &json!("Ada")), "an unknown address is made: {made}");
    let (_, changed) = s.call(Method::PUT, path, json!({ "email": "ada@example.com", "metadata": { "n": 5 } })).await;
    assert_eq!((&changed["user"]["title"], &changed["user"]["metadata"]), (&json!(""), &json!({ "n": 5 })));
    let (status, conflict) = s.call(Method::PUT, path, json!({ "email": "bob@example.com" })).await;
    assert_eq!((status, &conflict["message"]), (400, &json!("user email can't be updated")));
    let (status, _) = s.call(Method::PUT, path, json!({ "title": "no address" })).await;
    assert_eq!(status, 400);

    assert_eq!(s.call(Method::POST, &format!("{path}/disable"), json!({})).await, (200, json!({})));
    assert_eq!(s.call(Method::GET, path, Value::Null).await.0, 404, "a disabled user is not found");
    let (_, list) = s.call(Method::GET, "/v1beta1/users?state=disabled", Value::Null).await;
    assert_eq!((&list["count"], &list["users"][0]["email"]), (&json!(1), &json!("ada@example.com")));
    assert_eq!(s.call(Method::POST, &format!("{path}/enable"), Value::Null).await, (200, json!({})));
    let (_, list) = s.call(Method::GET, "/v1beta1/admin/users?keyword=ADA&pageSize=1", Value::Null).await;
    assert_eq!(list["count"], 1, "{list}");
    let query =
        json!({ "filters": [{ "name": "email", "operator": "like", "stringValue": "ada" }], "group_by": ["state"] });
    let (status, found) = s.call(Method::POST, "/v1beta1/admin/users/search", query).await;
    assert_eq!(
        (status, &found["users"][0]["title"], &found["group"]["data"][0]["count"]),
        (200, &json!(""), &json!(1))
    );

    let export = Request::get("/v1beta1/admin/users/export").header("x-api-key", &s.key).body(Body::empty()).unwrap();
    let (status, headers, csv) = s.send(export).await;
    let csv = String::from_utf8(csv).unwrap();
    assert_eq!((status.as_u16(), headers["content-type"].as_bytes()), (200, b"text/csv".as_slice()));
    assert!(csv.starts_with("User ID,Name,Title,Email,State,Joined At\n") && csv.lines().count() == 3, "{csv}");

    assert_eq!(s.call(Method::DELETE, path, Value::Null).await, (200, json!({})));
    assert_eq!(s.call(Method::GET, path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_caller_and_the_schemas() {
    let s = Server::start().await;
    let (status, me) = s.call(Method::GET, "/v1beta1/users/self", Value::Null).await;
    assert_eq!((status, &me["user"]["email"], &me["serviceuser"]), (200, &json!("owner@example.com"), &Value::Null));
    let (status, me) =
        s.call(Method::PUT, "/v1beta1/users/self", json!({ "email": "owner@example.com", "title": "O" })).await;
    assert_eq!((status, &me["user"]["title"]), (200, &json!("O")), "{me}");
    assert_eq!(s.call(Method::GET, "/v1beta1/admin/users/self", Value::Null).await.0, 200);
    let machine = Request::get("/v1beta1/users/self").header("x-api-key", &s.key).body(Body::empty()).unwrap();
    let (status, _, body) = s.send(machine).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status.as_u16(), &body["serviceuser"]["state"]), (200, &json!("enabled")), "{body}");

    let (status, list) = s.call(Method::GET, "/v1beta1/meta/schemas", Value::Null).await;
    assert_eq!((status, list["metaschemas"].as_array().unwrap().len()), (200, 5), "{list}");
    let (status, one) = s.call(Method::GET, "/v1beta1/meta/schemas/user", Value::Null).await;
    assert_eq!((status, &one["metaschema"]["name"]), (200, &json!("user")));
    let body = json!({ "name": "device", "schema": "{\"type\":\"object\"}" });
    assert_eq!(s.call(Method::POST, "/v1beta1/meta/schemas", body.clone()).await.0, 200);
    assert_eq!(s.call(Method::POST, "/v1beta1/meta/schemas", body).await.0, 409);
    let bad = json!({ "name": "other", "schema": "[]" });
    let (status, refused) = s.call(Method::POST, "/v1beta1/meta/schemas", bad).await;
    assert_eq!(status, 400);
    assert!(refused["message"].as_str().unwrap().starts_with("metaschema schema must be a JSON object"));
    assert_eq!(s.call(Method::DELETE, "/v1beta1/meta/schemas/device", Value::Null).await.0, 200);
    assert_eq!(s.call(Method::DELETE, "/v1beta1/meta/schemas/user", Value::Null).await.0, 400);
}

#[tokio::test]
async fn nobody_gets_past_the_login_and_nothing_is_404() {
    let s = Server::start().await;
    for e in ENDPOINTS {
        let stream = matches!(e.output, portcullis_wire_v1beta1::endpoint::Output::Stream);
        if !stream {
            let request =
                Request::post(e.path).header("content-type", "application/json").body(Body::from("{}")).unwrap();
            let (status, _, body) = s.send(request).await;
            let body = String::from_utf8_lossy(&body).into_owned();
            match e.login {
                Login::Required => assert!(status == 401 && body.contains("\"unauthenticated\""), "{}: {body}", e.rpc),
                // a credential is what this one is asked with
                Login::Public if e.rpc == "AuthToken" => assert_eq!(status, 401, "{body}"),
                Login::Public => assert_ne!(status, 401, "{}: {body}", e.rpc),
            }
            let (status, body) = s.connect(e.rpc, json!({})).await;
            assert!(status != 404 || body["code"] == "not_found", "{}: {status} {body}", e.rpc);
        }
        for r in e.rest.iter().filter(|r| r.path.starts_with("/v1beta1")) {
            let path = r.path.replace(['{', '}'], "x");
            let request = Request::builder().method(r.method.as_str()).uri(&path).body(Body::empty()).unwrap();
            let (status, _, _) = s.send(request).await;
            let asks = e.login == Login::Required || e.rpc == "AuthToken";
            assert_eq!(status == 401, asks, "{} {path}: {status}", r.method.as_str());
        }
    }
}

#[tokio::test]
async fn the_edges_of_both_protocols() {
    let s = Server::start().await;
    assert_eq!(s.call(Method::PATCH, "/v1beta1/users", Value::Null).await.1["code"], 12);
    assert_eq!(s.call(Method::PATCH, "/v1beta1/users", Value::Null).await.0, 405);
    let (status, unknown) = s.call(Method::GET, "/v1beta1/no/such/path", Value::Null).await;
    assert_eq!((status, &unknown["code"]), (404, &json!(5)));
    let path = "/raystack.frontier.v1beta1.FrontierService/NoSuchCall";
    let (status, unknown) = s.call(Method::POST, path, json!({})).await;
    assert_eq!((status, &unknown["code"]), (404, &json!("unimplemented")));
    let (status, later) = s.connect("ListFeatures", json!({})).await;
    assert_eq!((status, &later["code"]), (501, &json!("unimplemented")));
    let (status, later) = s.call(Method::GET, "/v1beta1/billing/features", Value::Null).await;
    assert_eq!((status, &later["code"], &later["details"]), (501, &json!(12), &json!([])));
    assert_eq!(s.connect("GetCurrentUser", Value::Null).await.1["code"], "invalid_argument", "an empty body");
    let (status, bad) = s.call(Method::GET, "/v1beta1/users?page_size=many", Value::Null).await;
    assert_eq!((status, &bad["code"]), (400, &json!(3)));

    let key = |b: axum::http::request::Builder| b.header("x-api-key", &s.key);
    let path = "/raystack.frontier.v1beta1.FrontierService/GetCurrentUser";
    let text = key(Request::post(path)).header("content-type", "text/plain").body(Body::from("{}")).unwrap();
    assert_eq!(s.send(text).await.0, 415);
    assert_eq!(s.send(key(Request::get(path)).body(Body::empty()).unwrap()).await.0, 405);
    let grpc = |version| {
        let request = key(Request::post(path)).version(version).header("content-type", "application/grpc+proto");
        s.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(grpc(Version::HTTP_2).await.1["grpc-status"], "12", "no message");
    assert_eq!(grpc(Version::HTTP_11).await.0, 505);
    let other = uuid::Uuid::nil().to_string();
    let tenant = key(Request::get("/v1beta1/users/self")).header("x-tenant-id", other).body(Body::empty()).unwrap();
    assert_eq!(s.send(tenant).await.0, 403);
    let token = Request::get("/v1beta1/users/self").header("x-user-token", &s.owner).body(Body::empty()).unwrap();
    assert_eq!(s.send(token).await.0, 200);

    let export = ENDPOINTS.iter().find(|e| e.rpc == "ExportUsers").unwrap().path;
    let stream = key(Request::post(export)).header("content-type", "application/connect+json");
    let (status, _, body) = s.send(stream.body(Body::from(&b"\0\0\0\0\x02{}"[..])).unwrap()).await;
    assert!(status == 200 && body[0] == 0 && body.ends_with(b"\x02\0\0\0\x02{}"));
    let (status, keys) = s.call(Method::GET, "/v1beta1/auth/jwks", Value::Null).await;
    assert!(status == 200 && keys["keys"][0]["kid"].is_string(), "{keys}");
    let ping = s.send(Request::get("/ping").body(Body::empty()).unwrap()).await;
    assert_eq!(ping.2, b"{\"status\":\"SERVING\"}\n");
}

#[tokio::test]
async fn a_repeated_create_is_answered_again() {
    let s = Server::start().await;
    let create = |body: Value| {
        Request::post("/v1beta1/users")
            .header("x-api-key", &s.key)
            .header("idempotency-key", "k-1")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap()
    };
    let body = json!({ "email": "i@example.com", "title": "I" });
    let first = s.send(create(body.clone())).await;
    let again = s.send(create(body)).await;
    assert_eq!((first.0.as_u16(), again.0.as_u16(), &first.2), (200, 200, &again.2));
    assert_eq!(again.1["idempotency-replayed"], "true");
    let (status, _, other) = s.send(create(json!({ "email": "j@example.com" }))).await;
    let other: Value = serde_json::from_slice(&other).unwrap();
    assert_eq!((status.as_u16(), &other["code"]), (400, &json!(3)), "{other}");
}

#[tokio::test]
async fn a_plain_user_is_refused_in_the_words_of_each_surface() {
    let s = Server::start().await;
    let token = s.plain_user().await;
    let create = "/raystack.frontier.v1beta1.FrontierService/CreateUser";
    let user = json!({ "email": "new@example.com" });
    let (status, refused) = s.call_as(&token, "/v1beta1/users", user.clone()).await;
    assert_eq!((status, &refused["code"]), (403, &json!(7)), "{refused}");
    let (status, refused) = s.call_as(&token, create, json!({ "body": user })).await;
    let unavailable = json!({ "code": "unavailable", "message": "function not available at the moment" });
    assert_eq!((status, refused), (503, unavailable));
    // a wrong field comes first (decision 29)
    assert_eq!(s.call_as(&token, "/v1beta1/users", json!({ "email": "x" })).await.0, 400);
    for rpc in ["ListAllUsers", "SearchUsers", "GetCurrentAdminUser"] {
        let e = ENDPOINTS.iter().find(|e| e.rpc == rpc).unwrap();
        let (status, refused) = s.call_as(&token, e.path, json!({})).await;
        assert_eq!((status, &refused["code"]), (403, &json!("permission_denied")), "{rpc}");
        assert!(refused["message"].as_str().unwrap().starts_with("not authorized"), "{refused}");
    }
}

#[tokio::test]
async fn a_rule_refuses_with_its_notice_on_both_surfaces() {
    let s = Server::start().await;
    s.forbid_users_of("evil.example", "Ask security first").await;
    let user = json!({ "email": "x@evil.example" });
    let request = Request::post("/v1beta1/users").header("authorization", format!("Bearer {}", s.owner));
    let request = request.header("content-type", "application/json").body(Body::from(user.to_string())).unwrap();
    let (status, headers, body) = s.send(request).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status.as_u16(), &body["code"]), (403, &json!(7)), "{body}");
    assert_eq!(body["details"][0]["metadata"]["notices"], "[\"Ask security first\"]");
    assert_eq!(headers["x-policy-notices"], "[\"Ask security first\"]");
    let (status, body) = s.connect("CreateUser", json!({ "body": user })).await;
    assert_eq!((status, &body["code"]), (403, &json!("permission_denied")), "a rule decided: {body}");
    let (status, _) = s.connect("CreateUser", json!({ "body": { "email": "x@good.example" } })).await;
    assert_eq!(status, 200);
}
