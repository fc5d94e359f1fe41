//! What a node keeps of a tenant in memory: who it is, its keys, and the compiled snapshot that decisions read.
//!
//! A tenant is loaded on first use and dropped when others are used more. `latest` is the newest revision that this node has
//! heard of; whoever decides brings the snapshot up to it first, so a right that was taken away is never used again.
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use arc_swap::ArcSwap;
use portcullis_authz::Snapshot;
use portcullis_crypto::cursor::Cursors;
use portcullis_crypto::seal::{Key, Mac, MasterKey};
use portcullis_domain::meta_schema::{BUILT_IN, MetaSchema};
use portcullis_domain::tenant::{Tenant, TenantKey, TenantSettings};
use portcullis_domain::webhook::Subscription;
use portcullis_domain::{Ctx, Error, Id, Result};
use portcullis_store::{Change, Publish, Subscribers, Tx, directory, meta_schema, policy, tenant, webhook};
use uuid::Uuid;

use crate::App;
use crate::access::{self, Access, News};
use crate::fresh::Freshness;
use crate::metadata::Schemas;

/// The snapshot of one revision with what else follows from it.
pub(crate) struct Compiled {
    /// The tenant's revision.
    pub revision: i64,
    /// The revision of the last change of rules, settings or schemas: what the rest was built from.
    pub rules_revision: i64,
    /// Rules, compiled and indexed.
    pub snapshot: Arc<Snapshot>,
    /// Organizations, projects, groups, roles and bindings.
    pub access: Arc<Access>,
    /// The MetaSchemas that bind metadata.
    pub schemas: Arc<Schemas>,
    /// The tenant's settings.
    pub settings: TenantSettings,
    /// Which events its webhooks want: what each commit looks at.
    pub subscriptions: Arc<[Subscription]>,
}

/// A tenant in memory.
pub(crate) struct Tenancy {
    pub key: TenantKey,
    pub id: Id<Tenant>,
    pub slug: String,
    pub is_master: bool,
    pub data_key: Key,
    pub cursors: Cursors,
    pub idempotency: Mac,
    latest: AtomicI64,
    compiled: ArcSwap<Compiled>,
    loading: tokio::sync::Mutex<()>,
    /// Held by one of those who lost a turn to another change of the tenant's structure.
    pub structure: tokio::sync::Mutex<()>,
    pub freshness: Freshness,
}
impl Tenancy {
    /// The newest revision that this node has heard of.
    pub fn latest(&self) -> i64 {
        self.latest.load(Ordering::Acquire)
    }
    /// Hears of a revision; older news is ignored.
    pub fn hear(&self, revision: i64) {
        self.latest.fetch_max(revision, Ordering::AcqRel);
    }
}

/// The tenants in memory.
pub struct Tenancies {
    by_key: moka::sync::Cache<TenantKey, Arc<Tenancy>>,
    by_id: moka::sync::Cache<Uuid, TenantKey>,
    /// INVARIANT: at most one live tenancy a tenant, and it is here. A remembered credential may hold on to one that the cache
    /// has dropped: it must go on hearing of changes.
    alive: Mutex<HashMap<TenantKey, Weak<Tenancy>>>,
    default: OnceLock<Id<Tenant>>,
}
impl Tenancies {
    /// Room for so many.
    pub fn new(capacity: u64) -> Arc<Self> {
        Arc::new(Self {
            by_key: moka::sync::Cache::new(capacity),
            by_id: moka::sync::Cache::new(capacity),
            alive: Mutex::default(),
            default: OnceLock::new(),
        })
    }
    /// What the store calls after each commit, before its caller is answered.
    pub fn publish(self: &Arc<Self>) -> Publish {
        let tenancies = self.clone();
        Arc::new(move |tenant, changes| {
            for change in changes {
                if let Change::Revision(revision) = change
                    && let Some(t) = tenancies.alive(tenant)
                {
                    t.hear(*revision);
                }
            }
        })
    }
    /// What commits ask for the subscriptions of a tenant's webhooks: the snapshot's, if it is of that very revision.
    pub(crate) fn subscribers(self: &Arc<Self>) -> Subscribers {
        let tenancies = self.clone();
        Arc::new(move |tenant, revision| {
            let compiled = tenancies.alive(tenant)?.compiled.load_full();
            (compiled.revision == revision).then(|| compiled.subscriptions.clone())
        })
    }
}

impl Tenancies {
    fn alive(&self, key: TenantKey) -> Option<Arc<Tenancy>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).get(&key).and_then(Weak::upgrade)
    }
    /// Takes a tenancy in, unless one of the tenant lives: two loads at once must share the one that hears of changes.
    fn adopt(&self, tenancy: Tenancy) -> Arc<Tenancy> {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if alive.len() > 64 && alive.len().is_power_of_two() {
            alive.retain(|_, t| t.strong_count() > 0);
        }
        let living = alive.get(&tenancy.key).and_then(Weak::upgrade);
        let tenancy = living.unwrap_or_else(|| Arc::new(tenancy));
        alive.insert(tenancy.key, Arc::downgrade(&tenancy));
        self.by_key.insert(tenancy.key, tenancy.clone());
        self.by_id.insert(tenancy.id.uuid(), tenancy.key);
        tenancy
    }
}

/// The row that a tenancy is made from.
pub(crate) struct TenancyRow {
    pub tenant: Tenant,
    pub data_key: Vec<u8>,
}

impl App {
    /// The tenant with this public id, if there is one.
    pub(crate) async fn tenancy(&self, id: Id<Tenant>) -> Result<Option<Arc<Tenancy>>> {
        let cache = &self.0.tenancies;
        if let Some(t) = cache.by_id.get(&id.uuid()).and_then(|k| cache.by_key.get(&k)) {
            return Ok(Some(t));
        }
        let row = self.0.db.read(self.nowhere(), &id, load_by_id).await?;
        row.map(|row| self.remember(row)).transpose()
    }
    /// The tenant with this number, which some row names.
    pub(crate) async fn tenancy_of(&self, key: TenantKey) -> Result<Arc<Tenancy>> {
        if let Some(t) = self.0.tenancies.by_key.get(&key) {
            return Ok(t);
        }
        let row = self.0.db.read(self.nowhere(), &key, load_by_key).await?;
        self.remember(row.ok_or_else(|| Error::internal("a row names a tenant that is gone"))?)
    }
    /// The default tenant's id (decision 10); 404 before `init`.
    pub(crate) async fn default_tenant(&self) -> Result<Id<Tenant>> {
        if let Some(id) = self.0.tenancies.default.get() {
            return Ok(*id);
        }
        let id = self.0.db.read(self.nowhere(), &(), load_default).await?;
        let id = id.ok_or_else(|| Error::not_found("tenant"))?;
        Ok(*self.0.tenancies.default.get_or_init(|| id))
    }
    /// A context outside any tenant, for the statements of the directory.
    pub(crate) fn nowhere(&self) -> Ctx {
        Ctx::nowhere(self.0.clock.now())
    }
    fn remember(&self, row: TenancyRow) -> Result<Arc<Tenancy>> {
        let t = row.tenant;
        let data_key = open_data_key(&self.0.master_key, t.id, &row.data_key)?;
        Ok(self.0.tenancies.adopt(Tenancy {
            key: t.key,
            id: t.id,
            slug: t.slug.to_string(),
            is_master: t.is_master,
            cursors: Cursors::new(&data_key),
            idempotency: data_key.mac("idempotency"),
            data_key,
            latest: AtomicI64::new(0),
            compiled: ArcSwap::from_pointee(Compiled {
                // older than any revision: the first use loads it
                revision: -1,
                rules_revision: -1,
                snapshot: Arc::new(crate::policy_source::empty(t.id, &t.slug, t.is_master)),
                access: Arc::default(),
                schemas: Arc::default(),
                settings: TenantSettings::default(),
                subscriptions: Arc::default(),
            }),
            loading: tokio::sync::Mutex::new(()),
            structure: tokio::sync::Mutex::new(()),
            freshness: Freshness::default(),
        }))
    }

    /// Makes sure that a decision from here on counts every write that was answered before (engine.md 8): on SQLite the
    /// writer has told already; on PostgreSQL the revision is read, one statement for all who wait.
    pub(crate) async fn freshen(&self, tenancy: &Arc<Tenancy>) -> Result<()> {
        if !self.0.db.is_shared() {
            return Ok(());
        }
        let (app, t) = (self.clone(), tenancy.clone());
        tenancy
            .freshness
            .wait(move || {
                let (app, t) = (app.clone(), t.clone());
                Box::pin(async move {
                    let cx = app.nowhere().in_tenant(t.key, t.id);
                    let revision = app.0.db.read_single(cx, &(), revision).await?;
                    t.hear(revision);
                    Ok(())
                })
            })
            .await
    }

    /// The snapshot of the newest revision that this node has heard of.
    pub(crate) async fn compiled(&self, tenancy: &Arc<Tenancy>) -> Result<Arc<Compiled>> {
        let current = tenancy.compiled.load_full();
        if current.revision >= tenancy.latest() && current.revision >= 0 {
            return Ok(current);
        }
        let _one_at_a_time = tenancy.loading.lock().await;
        let current = tenancy.compiled.load_full();
        if current.revision >= tenancy.latest() && current.revision >= 0 {
            return Ok(current);
        }
        let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
        let known = Known { revision: current.revision, rules_revision: current.rules_revision };
        let source = self.0.db.read(cx, &known, load_source).await?;
        let id = tenancy.id;
        let access = match source.access.is_empty() {
            true => current.access.clone(),
            false => {
                Arc::new(source.access.apply(&current.access, &self.0.settings.personal_tokens.denied_permissions))
            }
        };
        let compiled = match source.rules {
            None => Compiled {
                revision: source.revision,
                rules_revision: source.rules_revision,
                snapshot: current.snapshot.clone(),
                access,
                schemas: current.schemas.clone(),
                settings: current.settings.clone(),
                subscriptions: current.subscriptions.clone(),
            },
            Some(rules) => {
                let previous = current.snapshot.clone();
                let (slug, is_master) = (tenancy.slug.clone(), tenancy.is_master);
                // 10,000 rules take 0.4 s: not on a request's thread
                tokio::task::spawn_blocking(move || {
                    compile(id, slug, is_master, source.revision, source.rules_revision, rules, access, &previous)
                })
                .await
                .map_err(Error::internal)?
            }
        };
        tenancy.hear(compiled.revision);
        let compiled = Arc::new(compiled);
        tenancy.compiled.store(compiled.clone());
        Ok(compiled)
    }
}

/// What the caller has already.
struct Known {
    revision: i64,
    rules_revision: i64,
}
struct Source {
    revision: i64,
    rules_revision: i64,
    access: News,
    /// What changed since the rules revision that the caller has; `None`: nothing.
    rules: Option<Rules>,
}
struct Rules {
    settings: TenantSettings,
    policies: Vec<portcullis_domain::policy::Policy>,
    rules: Vec<portcullis_domain::policy::Rule>,
    schemas: Vec<MetaSchema>,
    subscriptions: Vec<Subscription>,
}

async fn load_source(tx: &mut Tx, known: &Known) -> portcullis_store::Result<Source> {
    let row = tenant::revisions(tx).await?;
    let row = row.ok_or_else(|| portcullis_store::Error::internal("the tenant is gone"))?;
    let rules = if row.rules_revision == known.rules_revision {
        None
    } else {
        let mut schemas = vec![];
        for name in BUILT_IN {
            schemas.extend(meta_schema::by_name(tx, name).await?);
        }
        Some(Rules {
            settings: row.settings,
            policies: policy::all(tx).await?,
            rules: policy::all_rules(tx).await?,
            schemas,
            subscriptions: webhook::subscriptions(tx).await?,
        })
    };
    let access = access::news(tx, known.revision, row.revision).await?;
    Ok(Source { revision: row.revision, rules_revision: row.rules_revision, access, rules })
}

#[allow(clippy::too_many_arguments, reason = "what a snapshot is made of, moved to another thread")]
fn compile(
    id: Id<Tenant>,
    slug: String,
    is_master: bool,
    revision: i64,
    rules_revision: i64,
    rules: Rules,
    access: Arc<Access>,
    previous: &Snapshot,
) -> Compiled {
    let policies = crate::policy_source::sources(rules.policies, rules.rules);
    let snapshot = crate::policy_source::compile(id, &slug, is_master, revision, policies, previous);
    let schemas = Arc::new(Schemas::compile(&rules.schemas));
    let (settings, subscriptions) = (rules.settings, rules.subscriptions.into());
    Compiled { revision, rules_revision, snapshot: Arc::new(snapshot), access, schemas, settings, subscriptions }
}

async fn load_by_id(tx: &mut Tx, id: &Id<Tenant>) -> portcullis_store::Result<Option<TenancyRow>> {
    match directory::tenant_by_id(tx, id).await? {
        Some((key, id)) => load_row(tx, key, id).await,
        None => Ok(None),
    }
}
async fn load_by_key(tx: &mut Tx, key: &TenantKey) -> portcullis_store::Result<Option<TenancyRow>> {
    load_row(tx, *key, Id::from_uuid(Uuid::nil())).await
}
async fn load_row(tx: &mut Tx, key: TenantKey, id: Id<Tenant>) -> portcullis_store::Result<Option<TenancyRow>> {
    tx.cx = tx.cx.in_tenant(key, id);
    let (Some(tenant), Some(data_key)) = (tenant::get(tx).await?, tenant::data_key(tx).await?) else { return Ok(None) };
    Ok(Some(TenancyRow { tenant, data_key }))
}
async fn load_default(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<Id<Tenant>>> {
    Ok(directory::default_tenant(tx, &()).await?.map(|(_, id)| id))
}
async fn revision(tx: &mut Tx, (): &()) -> portcullis_store::Result<i64> {
    tx.revision().await
}

/// Opens a tenant's data key with the master key.
pub(crate) fn open_data_key(master: &MasterKey, id: Id<Tenant>, wrapped: &[u8]) -> Result<Key> {
    master.unwrap(id.uuid().as_bytes(), wrapped).map_err(|e| Error::internal(format!("the tenant's data key: {e}")))
}
