//! An open transaction of one tenant: the only way to the tables.
//!
//! The tenant is bound here and nowhere else. The first failed statement closes the transaction for all others, on both
//! engines as PostgreSQL does it; what leaves it (audit events, changes) leaves only with the commit.
use std::sync::Arc;

use portcullis_audit::Prepared;
use portcullis_domain::Ctx;
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::webhook::Subscription;

use crate::access_change::{self, Touched};
use crate::outbox::{self, Memory};
use crate::param::Args;
use crate::{Class, Error, P, Result, Row, Sql, postgres, revision, sqlite};

/// A fact for the tenant's snapshot, told to [`crate::Publish`] after the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The tenant's structure changed and this is its new revision ([`Tx::bump`]).
    Revision(i64),
}

pub(crate) enum Engine {
    Sqlite(sqlite::Connection),
    Postgres(postgres::Connection),
}

/// What leaves the transaction only if it commits.
#[derive(Default)]
pub(crate) struct Effects {
    /// Each with the tenant that the context named when it was appended: a use case may work in two (the master tenant's on
    /// another), and each log tells its own.
    pub audit: Vec<(TenantKey, Prepared)>,
    pub changes: Vec<(TenantKey, Change)>,
    /// Things of the access graph that were made, changed or removed; they are written down with the next revision.
    pub touched: Vec<Touched>,
}

/// What a transaction may do: the same on both engines, whatever each of them would let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    /// Statements on one snapshot.
    Read,
    /// One reading statement, without BEGIN and COMMIT around it.
    Single,
}

/// An open transaction of one tenant.
pub struct Tx {
    /// Who asks, in which tenant, when. The tenant of every statement is `cx.tenant`.
    pub cx: Ctx,
    pub(crate) engine: Engine,
    pub(crate) effects: Effects,
    /// Set by the first failed statement.
    failed: bool,
    /// Set when the engine asked for a repetition, whatever the use case made of it.
    retry: bool,
    mode: Mode,
    statements: u64,
    /// While changes are gathered: does the revision have to move?
    gathered: Option<bool>,
    /// The revision that was read here, until this transaction moves it.
    seen: Option<(TenantKey, i64)>,
    memory: Memory,
}

impl Tx {
    pub(crate) fn new(cx: Ctx, engine: Engine, mode: Mode) -> Self {
        let (effects, memory) = (Effects::default(), Memory::default());
        Self {
            cx,
            engine,
            effects,
            failed: false,
            retry: false,
            mode,
            statements: 0,
            gathered: None,
            seen: None,
            memory,
        }
    }
    /// The same with what is remembered of subscriptions, for those that write.
    pub(crate) fn remembering(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }
    /// Makes it ready for the next use case on the same connection.
    pub(crate) fn reset(&mut self, cx: Ctx) {
        self.cx = cx;
        self.effects = Effects::default();
        self.failed = false;
        self.retry = false;
        self.gathered = None;
        self.seen = None;
    }

    /// Runs a statement; the number of rows it touched. A unique violation is [`Error::Conflict`] with the index's name;
    /// one that is expected is better written as `ON CONFLICT DO NOTHING`, with a look at the number.
    pub async fn run(&mut self, sql: &'static Sql, params: &[P<'_>]) -> Result<u64> {
        self.begin_statement(Class::Write)?;
        let args = Args::new(sql.tenant.then_some(self.cx.tenant), params);
        let out = match &mut self.engine {
            Engine::Sqlite(connection) => connection.run(sql.text, &args),
            Engine::Postgres(connection) => connection.run(sql.text, &args).await,
        };
        self.note(out)
    }

    /// A statement whose result nobody waits for. SQLite runs it at once; PostgreSQL sends it together with the next
    /// statement or with COMMIT, so that its failure may come from there.
    pub async fn send(&mut self, sql: &'static Sql, params: &[P<'_>]) -> Result<()> {
        self.begin_statement(Class::Write)?;
        let args = Args::new(sql.tenant.then_some(self.cx.tenant), params);
        let out = match &mut self.engine {
            Engine::Sqlite(connection) => connection.run(sql.text, &args).map(drop),
            Engine::Postgres(connection) => {
                connection.defer(sql.text, &args);
                Ok(())
            }
        };
        self.note(out)
    }

    /// All rows of a statement, decoded by a plain fn. Statements limit their rows themselves.
    pub async fn all<T>(
        &mut self,
        sql: &'static Sql,
        params: &[P<'_>],
        read: fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.query(sql.text, sql.class, sql.tenant, params, read).await
    }

    /// The first row of a statement, if there is one.
    pub async fn one<T>(
        &mut self,
        sql: &'static Sql,
        params: &[P<'_>],
        read: fn(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.all(sql, params, read).await?.into_iter().next())
    }

    /// Rows of a SELECT that this crate put together (a list's filter and order). `$1` is the tenant, and the text names
    /// it; no part of the text comes from outside.
    pub(crate) async fn all_dynamic<T>(
        &mut self,
        text: &str,
        params: &[P<'_>],
        read: fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        debug_assert!(text.starts_with("SELECT ") && text.contains("tenant = $1"), "{text}");
        self.query(text, Class::Scan, true, params, read).await
    }

    /// Appends an audit event to the log of the context's tenant: numbered and chained with the commit on SQLite, by the sealer on PostgreSQL.
    pub fn audit(&mut self, event: Prepared) {
        self.effects.audit.push((self.cx.tenant, event));
    }

    /// Tells the tenant's snapshot, after the commit and before the answer.
    pub fn changed(&mut self, change: Change) {
        self.effects.changes.push((self.cx.tenant, change));
    }

    /// Moves the tenant's revision and returns the new one: the last statement of every use case that changes structure
    /// (engine.md 7: rules, roles, groups, bindings, hierarchy, state, the end of credentials). Says so to the snapshot.
    /// While changes are gathered it only notes that, and returns 0.
    pub async fn bump(&mut self) -> Result<i64> {
        if self.gathered.is_some() {
            self.gathered = Some(true);
            return Ok(0);
        }
        let revision = self.one(&revision::BUMP, &[], |row| row.int(0)).await?;
        let revision = revision.ok_or_else(|| Error::internal("the tenant is gone"))?;
        // who wants to be told may be among what changed
        self.seen = None;
        self.changed(Change::Revision(revision));
        for t in std::mem::take(&mut self.effects.touched) {
            let row = [P::Int(revision), P::Text(t.kind.as_str()), t.id.into()];
            self.send(&access_change::INSERT, &row).await?;
        }
        Ok(revision)
    }

    /// From here on the revision moves once, with [`Tx::settle`]: for a use case that is made of many.
    pub fn gather(&mut self) {
        self.gathered = Some(false);
    }
    /// Moves the revision if any of the gathered changes asked for it.
    pub async fn settle(&mut self) -> Result<()> {
        match self.gathered.take() {
            Some(true) => self.bump().await.map(drop),
            _ => Ok(()),
        }
    }

    /// Says that something of the access graph was made, changed or removed. [`Tx::bump`] writes it down.
    pub fn touch(&mut self, kind: access_change::Kind, id: uuid::Uuid) {
        self.effects.touched.push(Touched { kind, id });
    }

    /// The tenant's revision as this transaction sees it. Read first in every use case that was authorised against a
    /// snapshot (engine.md 15); on PostgreSQL that makes a concurrent [`Tx::bump`] a conflict.
    pub async fn revision(&mut self) -> Result<i64> {
        let revision = self.one(&revision::READ, &[], |row| row.int(0)).await?;
        let revision = revision.ok_or_else(|| Error::internal("the tenant is gone"))?;
        self.seen = Some((self.cx.tenant, revision));
        Ok(revision)
    }
    /// Who wants to be told of the tenant's events, if that is remembered of the very revision that was read here.
    pub(crate) fn remembered(&self) -> Option<Arc<[Subscription]>> {
        let (tenant, revision) = self.seen.filter(|(tenant, _)| *tenant == self.cx.tenant)?;
        self.memory.get()?(tenant, revision)
    }

    /// Is this PostgreSQL? For the few things that differ by design: sealing and leases.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }
    pub(crate) fn wants_retry(&self) -> bool {
        self.retry
    }
    /// A use case that says Ok after a failed statement has a bug, and is rolled back.
    pub(crate) fn judge<T>(&self, out: Result<T>) -> Result<T> {
        match out {
            Ok(_) if self.failed => Err(Error::internal("the use case ignored a failed statement")),
            Ok(_) if !self.effects.touched.is_empty() => {
                Err(Error::internal("the access graph was touched without a bump"))
            }
            Ok(_) if self.gathered == Some(true) => Err(Error::internal("gathered changes without a settlement")),
            out => out,
        }
    }

    /// The end of a use case: judged, and its events made into deliveries.
    pub(crate) async fn finish<T>(&mut self, out: Result<T>) -> Result<T> {
        let out = self.judge(out)?;
        if self.mode == Mode::Write && !self.effects.audit.is_empty() {
            outbox::fill(self).await?;
        }
        Ok(out)
    }

    async fn query<T>(
        &mut self,
        text: &str,
        class: Class,
        tenant: bool,
        params: &[P<'_>],
        read: fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.begin_statement(class)?;
        let args = Args::new(tenant.then_some(self.cx.tenant), params);
        let out = match &mut self.engine {
            Engine::Sqlite(connection) => connection.all(text, &args, read),
            Engine::Postgres(connection) => connection.all(text, class == Class::Write, &args, read).await,
        };
        self.note(out)
    }
    fn begin_statement(&mut self, class: Class) -> Result<()> {
        let wrong = if self.failed {
            "a statement after a failed one: expected conflicts are ON CONFLICT DO NOTHING"
        } else if class == Class::Write && self.mode != Mode::Write {
            "a read that writes; use write"
        } else if self.mode == Mode::Single && self.statements > 0 {
            "a single read with two statements; use read"
        } else {
            self.statements += 1;
            return Ok(());
        };
        self.failed = true;
        Err(Error::internal(wrong))
    }
    fn note<T>(&mut self, out: Result<T>) -> Result<T> {
        if let Err(e) = &out {
            self.failed = true;
            self.retry |= matches!(e, Error::Retry);
        }
        out
    }
}
