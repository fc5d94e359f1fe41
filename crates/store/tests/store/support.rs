//! A database for each test, and the few use cases that the tests share.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use portcullis_audit::Prepared;
use portcullis_domain::context::Notices;
use portcullis_domain::port::Clock;
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::{Ctx, Id, Principal, Timestamp};
use portcullis_store::{Change, Class, Config, Db, P, Publish, Result, Sql, Tx};
use tempfile::TempDir;
use uuid::Uuid;

/// One test on both engines: `both! { async fn a_claim(t: &TestDb) { … } }`.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($t:ident: &TestDb) $body:block)+) => {$(
        mod $name {
            use super::*;
            $(#[$meta])*
            async fn claim($t: &TestDb) $body
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                claim(&TestDb::sqlite().await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(t) = TestDb::postgres().await {
                    claim(&t).await;
                    t.remove().await;
                }
            }
        }
    )+};
}

pub const NOW: Timestamp = Timestamp::from_micros(1_795_339_304_000_000);

pub struct Still;
impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

pub struct TestDb {
    pub db: Db,
    pub config: Config,
    pub seen: Arc<Mutex<Vec<(TenantKey, Change)>>>,
    pub dir: Option<TempDir>,
    server: Option<(String, String)>,
}

impl TestDb {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::open(Config::sqlite(dir.path()), Some(dir), None).await
    }
    pub async fn postgres() -> Option<Self> {
        let server = std::env::var("PORTCULLIS_TEST_POSTGRES").ok()?;
        let name = format!("portcullis_{}_{}", std::process::id(), next());
        pg(&server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        Some(Self::open(Config::postgres(url), None, Some((server, name))).await)
    }
    async fn open(config: Config, dir: Option<TempDir>, server: Option<(String, String)>) -> Self {
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let db = Db::open(&config, Arc::new(Still), publish(&seen)).await.unwrap();
        let t = Self { db, config, seen, dir, server };
        for tenant in [1, 2] {
            t.db.write(cx(tenant), new_id(), make_tenant).await.unwrap();
        }
        t
    }
    /// Drops the PostgreSQL database; a test that fails leaves it for inspection.
    pub async fn remove(&self) {
        if let Some((server, name)) = &self.server {
            pg(server).await.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
        }
    }
    pub async fn emails(&self) -> Vec<String> {
        self.db.read(cx(1), &(), emails).await.unwrap()
    }
    pub fn is_sqlite(&self) -> bool {
        !self.db.is_shared()
    }
    /// A connection of the test's own, beside the store.
    pub fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.dir.as_ref().unwrap().path().join("portcullis.db")).unwrap()
    }
    pub async fn raw_postgres(&self) -> tokio_postgres::Client {
        let (server, name) = self.server.as_ref().unwrap();
        pg(&format!("{}/{name}", server.rsplit_once('/').unwrap().0)).await
    }
}

pub fn publish(seen: &Arc<Mutex<Vec<(TenantKey, Change)>>>) -> Publish {
    let seen = seen.clone();
    Arc::new(move |tenant, changes| seen.lock().unwrap().extend(changes.iter().map(|c| (tenant, c.clone()))))
}

async fn pg(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// Ids in the order of their making.
pub fn new_id() -> Uuid {
    Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + u128::from(next()))
}

pub fn cx(tenant: i64) -> Ctx {
    Ctx {
        tenant: TenantKey(tenant),
        tenant_id: Id::from_uuid(Uuid::from_u128(tenant as u128)),
        principal: Arc::new(Principal::system()),
        request_id: "test".into(),
        ip: None,
        user_agent: None,
        now: NOW,
        notices: Notices::default(),
    }
}

pub const fn sql(text: &'static str, class: Class) -> Sql {
    Sql { name: "test", text, class, tenant: true }
}

const MAKE_TENANT: Sql = sql(
    "INSERT INTO tenants (tenant, id, slug, name, locale, is_master, is_default, state, settings, data_key, \
     authz_revision, rules_revision, created_at, updated_at, revision) \
     VALUES ($1, $2, $3, 'T', 'en', 0, 0, 'active', '{}', $4, 1, 1, $5, $5, 1)",
    Class::Write,
);
pub const MAKE_USER: Sql = sql(
    "INSERT INTO users (tenant, id, email, slug, title, name_key, auth_provider, state, email_verified, roles, is_owner, \
     metadata, created_at, updated_at, revision) \
     VALUES ($1, $2, $3, $4, $5, 'ada', 'local', 'active', 0, $7, 0, '{}', $6, $6, 1)",
    Class::Write,
);
const EMAILS: Sql = sql("SELECT email FROM users WHERE tenant = $1 ORDER BY id", Class::Scan);

pub async fn make_tenant(tx: &mut Tx, id: &Uuid) -> Result<()> {
    let (slug, now) = (format!("t{}", tx.cx.tenant.0), tx.cx.now);
    tx.run(&MAKE_TENANT, &[(*id).into(), (&slug).into(), (&[7u8; 32]).into(), now.into()]).await.map(drop)
}

#[derive(Clone)]
pub struct NewUser {
    pub id: Uuid,
    pub email: String,
    pub slug: String,
    pub roles: i64,
}
pub fn user(tag: &str) -> NewUser {
    let id = new_id();
    NewUser { id, email: format!("{tag}{}@example.com", id.simple()), slug: format!("u{}", id.simple()), roles: 1 }
}
fn values(cmd: &NewUser) -> [P<'_>; 6] {
    [cmd.id.into(), (&cmd.email).into(), (&cmd.slug).into(), "Ada".into(), NOW.into(), cmd.roles.into()]
}
/// A user and its audit event.
pub async fn create(tx: &mut Tx, cmd: &NewUser) -> Result<Uuid> {
    tx.run(&MAKE_USER, &values(cmd)).await?;
    tx.audit(event(cmd.id, &cmd.email));
    Ok(cmd.id)
}
/// The same, sent with COMMIT on PostgreSQL.
pub async fn create_sent(tx: &mut Tx, cmd: &NewUser) -> Result<Uuid> {
    tx.send(&MAKE_USER, &values(cmd)).await?;
    tx.audit(event(cmd.id, &cmd.email));
    Ok(cmd.id)
}
/// The same, told to the snapshot.
pub async fn create_and_bump(tx: &mut Tx, cmd: &NewUser) -> Result<i64> {
    create(tx, cmd).await?;
    tx.bump().await
}
pub async fn emails(tx: &mut Tx, _: &()) -> Result<Vec<String>> {
    tx.all(&EMAILS, &[], |row| row.text(0)).await
}

pub fn event(id: Uuid, what: &str) -> Prepared {
    let head = format!(r#"{{"action":"user.created","id":"{id}","seq":"#);
    let pad = "x".repeat(300);
    Prepared {
        id,
        at: NOW.micros(),
        actor_type: "system",
        actor_id: "system".into(),
        action: "user.created".into(),
        resource_type: "user".into(),
        resource_id: what.into(),
        outcome: "ok",
        hole: head.len(),
        body: format!(r#"{head},"what":"{what}","z":"{pad}"}}"#).into_bytes(),
        private: r#"{"name":"Ada"}"#.into(),
        organization: None,
    }
}
