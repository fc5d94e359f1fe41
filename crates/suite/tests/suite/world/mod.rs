//! What every test starts from: a server with one tenant, and those who call it.
pub mod access;
pub mod authenticator;
pub mod clock;
pub mod engine;
pub mod http;
pub mod http2;
pub mod names;
pub mod node;
pub mod pages;
pub mod passkey;
pub mod place;
pub mod relying;
pub mod routes;
pub mod rpc;
pub mod scene;
pub mod tables;
pub mod token;

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use portcullis_crypto::random::OsRandom;
use portcullis_domain::port::Random;
use portcullis_domain::value::Email;
use serde_json::{Value, json};

pub use clock::Held;
pub use engine::Engine;
pub use http::{Answer, Client};
pub use names::Names;
pub use node::{Node, Options};

/// `both!(a_claim)` makes `sqlite::a_claim` and `postgres::a_claim` of `async fn a_claim(w: World)`.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                $crate::world::on_sqlite(super::$name);
            })+
        }
        mod postgres {
            $(#[test]
            fn $name() {
                $crate::world::on_postgres(super::$name);
            })+
        }
    };
}

/// The same for what SQLite has no part in, such as a second node: `postgres_only::a_claim` alone.
macro_rules! on_postgres {
    ($($name:ident),+ $(,)?) => {
        mod postgres_only {
            $(#[test]
            fn $name() {
                $crate::world::on_postgres(super::$name);
            })+
        }
    };
}

/// What a test asks for as its argument.
pub trait Arranged: Sized {
    fn arrange(engine: Engine) -> impl Future<Output = Self>;
}
impl Arranged for Engine {
    async fn arrange(engine: Engine) -> Self {
        engine
    }
}
impl Arranged for World {
    async fn arrange(engine: Engine) -> Self {
        Self::on(engine, Options::default()).await
    }
}

pub fn on_sqlite<A: Arranged, F: Future<Output = ()>>(claim: impl FnOnce(A) -> F) {
    runtime().block_on(async { claim(A::arrange(Engine::sqlite()).await).await });
}
pub fn on_postgres<A: Arranged, F: Future<Output = ()>>(claim: impl FnOnce(A) -> F) {
    let runtime = runtime();
    let Some(engine) = runtime.block_on(Engine::postgres()) else {
        return println!("skipped: {} is not set", engine::SERVER);
    };
    let trash = engine.trash();
    let out = std::panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { claim(A::arrange(engine).await).await });
    }));
    if let Some(trash) = trash {
        runtime.block_on(engine::remove(&trash));
    }
    if let Err(panic) = out {
        resume_unwind(panic);
    }
}
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The password of everybody in these tests.
pub const PASSWORD: &str = "plum-orbit-canvas-41";
/// An id that nothing has.
pub const NOBODY: &str = "0199c0de-0000-7000-8000-00000000dead";

/// A server on a fresh database, with the master tenant, its owner, and a service key with scope `*`.
pub struct World {
    pub node: Node,
    pub clock: Arc<Held>,
    pub engine: Engine,
    pub tenant: String,
    pub owner_id: String,
    owner_token: String,
    key: String,
}

/// A user with a password, signed in.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub client: Client,
}

/// Another tenant of the same server, its owner signed in.
pub struct Tenant {
    pub id: String,
    pub slug: String,
    pub owner: Person,
}

impl World {
    pub async fn on(engine: Engine, options: Options) -> Self {
        let clock = Held::new();
        let node = Node::start(&engine, clock.clone(), options).await;
        let email = Email::parse("owner@example.com").unwrap();
        let made = node.app.init("Acme", email, Some(PASSWORD.to_owned().into())).await.unwrap();
        let cx = node.app.system(made.tenant.id).await.unwrap();
        let key = node.app.service_key(&cx, "suite", None).await.unwrap();
        let owner_token = node.app.sign_owner_in(&cx).await.unwrap().access;
        let owner_id = made.tenant.owner_user_id.unwrap().to_string();
        Self { node, clock, engine, tenant: made.tenant.id.to_string(), owner_id, owner_token, key }
    }
    /// The same store under another server: on PostgreSQL beside this one, on SQLite a copy of the file.
    pub async fn twin(&self, options: Options) -> Self {
        let engine = self.engine.twin();
        let (clock, node) = (self.clock.clone(), Node::start(&engine, self.clock.clone(), options).await);
        let (tenant, owner_id) = (self.tenant.clone(), self.owner_id.clone());
        let (owner_token, key) = (self.owner_token.clone(), self.key.clone());
        Self { node, clock, engine, tenant, owner_id, owner_token, key }
    }
    /// Nobody: no credential, no tenant.
    pub fn anonymous(&self) -> Client {
        Client::new(self.node.address)
    }
    /// The owner's session.
    pub fn owner(&self) -> Client {
        self.bearer(&self.owner_token)
    }
    /// A service key with scope `*`.
    pub fn service(&self) -> Client {
        self.with_key(&self.key)
    }
    pub fn bearer(&self, token: &str) -> Client {
        self.anonymous().with("x-tenant-id", &*self.tenant).with("authorization", format!("Bearer {token}"))
    }
    pub fn with_key(&self, key: &str) -> Client {
        self.anonymous().with("x-tenant-id", &*self.tenant).with("x-api-key", key)
    }
    pub fn owner_token(&self) -> &str {
        &self.owner_token
    }
    pub fn service_key(&self) -> &str {
        &self.key
    }
    /// Makes a user with these roles and signs them in.
    pub async fn person(&self, name: &str, roles: &[&str]) -> Person {
        person_of(&self.owner(), name, roles, None).await
    }
    /// Signs a user in; the token.
    pub async fn login(&self, email: &str) -> Answer {
        self.anonymous().post("/v1/auth/login", json!({ "email": email, "password": PASSWORD })).await
    }
    /// Makes an API key as this caller; its id and a client that uses it.
    pub async fn api_key(&self, by: &Client, body: Value) -> (String, Client) {
        let made = by.post("/v1/api-keys", body).await.expect(201);
        (made["id"].as_str().unwrap().into(), self.with_key(made["raw_key"].as_str().unwrap()))
    }
    /// Makes a second tenant the way a customer gets one, and signs its owner in.
    pub async fn second_tenant(&self, name: &str) -> Tenant {
        let email = format!("owner@{}.example", name.to_lowercase());
        let body = json!({ "name": name, "owner_email": email });
        let made = self.owner().post("/v1/tenants", body).await.expect(201);
        let link = made["invitation_url"].as_str().expect("without mail the link is answered");
        self.accepted(&made, email, link.split_once("token=").unwrap().1).await
    }
    /// The tenant that was made, after its owner took the invitation up, signed in.
    pub async fn accepted(&self, made: &Value, email: String, token: &str) -> Tenant {
        let id = made["id"].as_str().unwrap().to_owned();
        let slug = made["slug"].as_str().unwrap().to_owned();
        let anyone = self.anonymous();
        anyone.post("/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
        let first = json!({ "token": token, "password": PASSWORD });
        anyone.post("/v1/auth/set-initial-password", first).await.expect(200);
        let login = json!({ "email": email, "password": PASSWORD, "tenant_slug": slug });
        let token = anyone.post("/v1/auth/login", login).await.expect(200)["token"].as_str().unwrap().to_owned();
        let client = anyone.with("x-tenant-id", &*id).with("authorization", format!("Bearer {token}"));
        let tenant = self.owner().get(&format!("/v1/tenants/{id}")).await.expect(200);
        let owner = Person { id: tenant["owner_user_id"].as_str().unwrap().into(), email, client };
        Tenant { id, slug, owner }
    }
    /// A policy with these rules, at this priority; its id.
    pub async fn policy(&self, name: &str, priority: i64, cedar: &str) -> String {
        policy_of(&self.owner(), name, priority, cedar).await
    }
    /// Does the work that waits in the background: sealing, checkpoints.
    pub async fn seal(&self) {
        self.node.seal().await;
    }
    /// What the audit log holds, newest first, at most 250.
    pub async fn events(&self, query: &str) -> Vec<Value> {
        self.seal().await;
        let page = self
            .service()
            .get(&format!("/v1/audit-log?{query}{}limit=250", if query.is_empty() { "" } else { "&" }))
            .await
            .expect(200);
        page["data"].as_array().unwrap().clone()
    }
}

impl Tenant {
    /// Makes a user of this tenant and signs them in.
    pub async fn person(&self, name: &str, roles: &[&str]) -> Person {
        person_of(&self.owner.client, name, roles, Some(&self.slug)).await
    }
    pub async fn policy(&self, name: &str, priority: i64, cedar: &str) -> String {
        policy_of(&self.owner.client, name, priority, cedar).await
    }
}

async fn person_of(by: &Client, name: &str, roles: &[&str], slug: Option<&str>) -> Person {
    let email = format!("{}@example.com", name.to_lowercase());
    let body = json!({ "email": email, "name": name, "password": PASSWORD, "roles": roles });
    let made = by.post("/v1/users", body).await.expect(201);
    let mut login = json!({ "email": email, "password": PASSWORD });
    if let Some(slug) = slug {
        login["tenant_slug"] = slug.into();
    }
    let signed_in = by.without("authorization").post("/v1/auth/login", login).await.expect(200);
    let client = by.with("authorization", format!("Bearer {}", signed_in["token"].as_str().unwrap()));
    Person { id: made["id"].as_str().unwrap().into(), email, client }
}
async fn policy_of(by: &Client, name: &str, priority: i64, cedar: &str) -> String {
    let body = json!({ "name": name, "max_duration_seconds": 3600, "priority": priority, "cedar_policy_set": cedar });
    by.post("/v1/policies", body).await.expect(201)["id"].as_str().unwrap().into()
}

/// A user to create, whose address nobody else has.
pub fn new_user() -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Relaxed);
    json!({ "email": format!("u{n}@example.com"), "name": format!("User {n}"), "password": PASSWORD, "roles": ["user"] })
}
/// The same with these members; `null` stays null.
pub fn new_user_with(change: Value) -> Value {
    let mut body = new_user();
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}
/// The same without a member.
pub fn new_user_without(name: &str) -> Value {
    let mut body = new_user();
    body.as_object_mut().unwrap().remove(name);
    body
}
/// Asks until it is so; some things take a moment.
pub async fn soon<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    for _ in 0..3_000 {
        if so().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("not within a minute: {what}");
}

/// Names that are not in the way of one another.
pub fn unique() -> String {
    let mut bytes = [0; 6];
    OsRandom.fill(&mut bytes);
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Compares with a file of `tests/golden`; `UPDATE_GOLDEN=1` writes it.
#[track_caller]
pub fn golden(name: &str, seen: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, seen).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (n, (kept, seen)) in kept.lines().zip(seen.lines()).enumerate() {
        assert_eq!(kept, seen, "{name}, line {}: UPDATE_GOLDEN=1 if this is meant", n + 1);
    }
    assert_eq!(kept.lines().count(), seen.lines().count(), "{name}: UPDATE_GOLDEN=1 if this is meant");
}
