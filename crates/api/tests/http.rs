//! The surface over HTTP in process, on a store of its own: the order of checks, and what the seed page prints.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use portcullis_crypto::{random::OsRandom, seal::MasterKey};
use portcullis_domain::Timestamp;
use portcullis_domain::port::Clock;
use portcullis_domain::value::Email;
use portcullis_edge::metrics::Metrics;
use portcullis_edge::{EdgeConfig, EdgeState, Listener};
use portcullis_service::App;
use portcullis_service::app::Settings;
use portcullis_service::tenancy::Tenancies;
use portcullis_store::{Config, Db};
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

/// A server with one tenant and a key that may do everything.
struct Server {
    router: Router,
    tenant: String,
    key: String,
    _dir: tempfile::TempDir,
}
/// Status, headers, body.
type Heard = (u16, HeaderMap, Value);

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
        let owner = Email::parse("owner@example.com").unwrap();
        let made = app.init("Acme", owner, Some("correct horse battery 9".to_owned().into())).await.unwrap();
        let cx = app.system(made.tenant.id).await.unwrap();
        let key = app.service_key(&cx, "test", None).await.unwrap();
        let config = EdgeConfig { access_log: false, ..EdgeConfig::default() };
        let listener = Listener::new(clock, random, config, Arc::new(Metrics::default()));
        let router = portcullis_api::router(EdgeState::new(app, listener));
        Self { router, tenant: made.tenant.id.to_string(), key, _dir: dir }
    }
    async fn send(&self, request: Request<Body>) -> Heard {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, 1 << 22).await.unwrap();
        (parts.status.as_u16(), parts.headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
    /// With key and tenant; headers given replace these, and an empty one leaves them out.
    async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Heard {
        let mut request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
        let usual = [("x-api-key", &*self.key), ("x-tenant-id", &*self.tenant), ("content-type", "application/json")];
        for (name, value) in usual.iter().chain(headers) {
            let name: axum::http::HeaderName = name.parse().unwrap();
            match *value {
                "" => drop(request.headers_mut().remove(name)),
                value => drop(request.headers_mut().insert(name, value.parse().unwrap())),
            }
        }
        self.send(request).await
    }
    async fn call(&self, method: &str, path: &str, body: Value) -> Heard {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.raw(method, path, &[], &body).await
    }
}

/// A wrong call: method, path, headers, body; and its refusal: status, code.
type Wrong<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

fn ada() -> Value {
    json!({ "email": "Ada@Example.com", "name": "Ada Lovelace", "password": "plum-orbit-canvas-41", "roles": ["user"] })
}

#[tokio::test]
async fn checks_come_in_the_order_of_the_specification() {
    let s = Server::start().await;
    let other = "0199c0de-0000-7000-8000-000000000001";
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(2 << 20));
    // Each row repeats every later mistake and none of the earlier ones.
    let late = [("x-api-key", ""), ("x-tenant-id", "")];
    let rows: &[Wrong<'_>] = &[
        ("POST", "/v1/nothing", &[("content-type", "text/plain"), late[0], late[1]], "x", 404, "not_found"),
        ("PATCH", "/v1/users", &[("content-type", "text/plain"), late[0], late[1]], "x", 405, "method_not_allowed"),
        ("POST", "/v1/users", &[("content-type", "text/plain"), late[0], late[1]], "x", 415, "unsupported_media_type"),
        ("POST", "/v1/users", &late, &huge, 413, "payload_too_large"),
        ("POST", "/v1/users", &late, "x", 401, "unauthenticated"),
        ("POST", "/v1/users", &[("authorization", "Bearer x")], "x", 400, "invalid_input"),
        ("POST", "/v1/users", &[late[1]], "x", 400, "invalid_input"),
        ("POST", "/v1/users", &[("x-tenant-id", other)], "x", 403, "tenant_mismatch"),
        ("POST", "/v1/users", &[], "{\"a\":1,\"a\":2}", 400, "invalid_input"),
        ("GET", "/v1/requests", &late, "", 401, "unauthenticated"),
        ("GET", "/v1/requests", &[], "", 501, "not_implemented"),
        ("GET", "/v1/integrations/x/ssh-ca", &late, "", 501, "not_implemented"),
    ];
    for (method, path, headers, body, status, code) in rows {
        let (got, h, answer) = s.raw(method, path, headers, body).await;
        assert_eq!((got, &answer["code"]), (*status, &json!(code)), "{method} {path} {answer}");
        assert!(answer["message"].is_string() && answer["details"].is_object() && answer["notices"].is_array());
        assert!(h.contains_key("x-request-id") && h["cache-control"] == "no-store");
        assert_eq!(h.contains_key("allow"), *status == 405);
    }
}

#[tokio::test]
async fn the_seed_page_works_as_printed() {
    let s = Server::start().await;
    let (status, h, user) = s.call("POST", "/v1/users", ada()).await;
    assert_eq!(status, 201, "{user}");
    assert_eq!((&user["email"], &user["state"]), (&json!("ada@example.com"), &json!("active")));
    assert!(!user.to_string().contains("plum"));
    let at = h["location"].to_str().unwrap().to_owned();
    assert_eq!(at, format!("/v1/users/{}", user["id"].as_str().unwrap()));

    let (status, h, again) = s.call("GET", &at, Value::Null).await;
    assert_eq!((status, &again), (200, &user));
    let etag = h["etag"].to_str().unwrap().to_owned();
    let (status, ..) = s.raw("GET", &at, &[("if-none-match", &etag)], "").await;
    assert_eq!(status, 304);
    let (status, _, e) = s.raw("PUT", &at, &[("if-match", "\"999\"")], r#"{"name":"Ada"}"#).await;
    assert_eq!((status, &e["code"]), (412, &json!("precondition_failed")), "{e}");
    let (status, _, changed) = s.raw("PUT", &at, &[("if-match", &etag)], r#"{"name":"Ada King"}"#).await;
    assert_eq!((status, &changed["name"]), (200, &json!("Ada King")), "{changed}");

    let (status, _, e) = s.call("POST", "/v1/users", ada()).await;
    assert_eq!((status, &e["code"]), (409, &json!("user_exists")), "{e}");
    let mut body = ada();
    body["roles"] = json!([]);
    body["email"] = json!("b@example.com");
    let (status, _, e) = s.call("POST", "/v1/users", body).await;
    assert_eq!((status, &e["code"]), (422, &json!("invalid_roles")), "{e}");
}

#[tokio::test]
async fn what_does_not_exist_is_404_also_when_its_id_is_no_uuid() {
    let s = Server::start().await;
    for path in [
        "/v1/users/0199c0de-0000-7000-8000-000000000001",
        "/v1/users/me",
        "/v1/users/x%20y",
        "/v1/policies/reorder/rules",
    ] {
        let (status, _, e) = s.call("GET", path, Value::Null).await;
        assert_eq!((status, &e["code"]), (404, &json!("not_found")), "{path} {e}");
    }
    let (status, _, e) = s.call("GET", "/v1/users?page=2", Value::Null).await;
    assert_eq!((status, &e["details"]["fields"][0]["field"]), (400, &json!("page")), "{e}");
}

#[tokio::test]
async fn the_first_answer_is_given_again() {
    let s = Server::start().await;
    let key = [("idempotency-key", "k-1")];
    let (status, _, first) = s.raw("POST", "/v1/users", &key, &ada().to_string()).await;
    let (again, h, second) = s.raw("POST", "/v1/users", &key, &ada().to_string()).await;
    assert_eq!((status, again, &first), (201, 201, &second));
    assert_eq!(h["idempotency-replayed"], "true");
    let (status, _, e) = s.raw("POST", "/v1/users", &key, "{}").await;
    assert_eq!((status, &e["code"]), (422, &json!("idempotency_mismatch")), "{e}");
    let (status, ..) = s.raw("POST", "/v1/users", &[("idempotency-key", "a b")], &ada().to_string()).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn signing_in_and_reading_oneself() {
    let s = Server::start().await;
    s.call("POST", "/v1/users", ada()).await;
    let open = [("x-api-key", ""), ("x-tenant-id", "")];
    let login = r#"{"email":"ada@example.com","password":"plum-orbit-canvas-41"}"#;
    let (status, h, signed_in) = s.raw("POST", "/v1/auth/login", &open, login).await;
    assert_eq!(status, 200, "{signed_in}");
    assert!(!h.contains_key("ratelimit-limit"), "in process there is no address to count");
    let bearer = format!("Bearer {}", signed_in["token"].as_str().unwrap());
    let as_ada = [("x-api-key", ""), ("authorization", &*bearer)];
    let (status, _, me) = s.raw("GET", "/v1/users/me/profile", &as_ada, "").await;
    assert_eq!((status, &me["email"]), (200, &json!("ada@example.com")), "{me}");
    let (status, _, e) = s.raw("GET", "/v1/users/me/profile", &[], "").await;
    assert_eq!((status, &e["code"]), (403, &json!("forbidden")), "{e}");
    let (status, ..) = s.raw("POST", "/v1/auth/logout", &[open[0], open[1], as_ada[1]], "").await;
    assert_eq!(status, 204);
    let (status, h, _) = s.raw("GET", "/v1/users/me/profile", &as_ada, "").await;
    assert_eq!((status, &h["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
}

#[tokio::test]
async fn a_rule_and_its_notice() {
    let s = Server::start().await;
    let (status, _, policy) = s
        .call("POST", "/v1/policies", json!({ "name": "no new admins", "max_duration_seconds": 3600, "priority": 100 }))
        .await;
    assert_eq!(status, 201, "{policy}");
    let rules = format!("/v1/policies/{}/rules", policy["id"].as_str().unwrap());
    let text =
        r#"forbid (principal, action == Action::"users:create", resource) when { context.roles.contains("admin") };"#;
    let (status, _, rule) =
        s.call("POST", &rules, json!({ "policy_text": text, "notice": "Ask “security” first" })).await;
    assert_eq!((status, &rule["effect"]), (201, &json!("forbid")), "{rule}");
    let mut body = ada();
    body["roles"] = json!(["admin"]);
    let (status, h, e) = s.call("POST", "/v1/users", body).await;
    assert_eq!((status, &e["notices"]), (403, &json!(["Ask “security” first"])), "{e}");
    assert_eq!(h["x-policy-notices"], r#"["Ask \u201csecurity\u201d first"]"#);
    let (status, _, e) = s.call("POST", &rules, json!({ "policy_text": "forbid (principal" })).await;
    assert_eq!((status, &e["code"]), (422, &json!("policy_invalid")), "{e}");
}

#[tokio::test]
async fn many_users_in_one_call() {
    let s = Server::start().await;
    let rows = "{\"email\":\"a@example.com\",\"name\":\"A\"}\n{\"email\":\"no\"}\n";
    let request = Request::post("/v1/users/import?on_conflict=skip")
        .header("x-api-key", &s.key)
        .header("x-tenant-id", &s.tenant)
        .header("content-type", "application/x-ndjson")
        .body(Body::from(rows))
        .unwrap();
    let answer = s.router.clone().oneshot(request).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/x-ndjson".parse().unwrap())
    );
    let text = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let lines: Vec<Value> =
        text.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect();
    assert_eq!((&lines[0]["status"], &lines[1]["status"]), (&json!("created"), &json!("invalid")), "{lines:?}");
    assert_eq!(lines[2]["summary"]["rows"], 2);
}

#[tokio::test]
async fn what_needs_no_credential() {
    let s = Server::start().await;
    for path in ["/healthz", "/readyz", "/.well-known/jwks.json", "/v1/openapi.json", "/docs"] {
        let (status, h, _) = s.raw("GET", path, &[("x-api-key", ""), ("x-tenant-id", "")], "").await;
        assert_eq!(status, 200, "{path}");
        let cached = if path.ends_with("jwks.json") { "max-age=300" } else { "no-store" };
        assert_eq!(h["cache-control"], cached);
    }
}

#[tokio::test]
async fn each_list_answers_a_page() {
    let s = Server::start().await;
    for path in
        ["/v1/users", "/v1/api-keys", "/v1/tenants", "/v1/policies", "/v1/audit-log", "/v1/audit-log/checkpoints"]
    {
        let (status, _, page) = s.call("GET", &format!("{path}?limit=1"), Value::Null).await;
        assert!(status == 200 && page["data"].is_array() && page["has_more"].is_boolean(), "{path} {status} {page}");
        let (status, _, e) = s.call("GET", &format!("{path}?cursor=forged"), Value::Null).await;
        assert_eq!((status, &e["code"]), (400, &json!("invalid_input")), "{path} {e}");
    }
}
