//! Taking over a Frontier database (spec v1beta1; what its tables hold: frontier-tables.md): `portcullis import frontier`.
//!
//! Ids, names, states and times are kept, so that clients find what they knew. Table by table, page by page in the order of
//! ids; a page and how far the table has come are one transaction, so that an import that broke off goes on where it was. Who
//! runs it again changes nothing: what is there, by its id, stays as it is.
//!
//! A row is imported, there already, left out for a reason, or a problem that somebody has to look at; none stops the others.
mod authorization;
mod identity;
mod machine;
mod report;
mod row;
mod tenancy;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_domain::access_role::Predefined;
use portcullis_domain::{Code, Ctx, Error, Principal, Result, Subject};
use portcullis_store::frontier::{PAGE, SCHEMA, Source, UNREADABLE};
use portcullis_store::import_progress::{self, Progress};
use portcullis_store::{Tx, service_user, user};
use uuid::Uuid;

use crate::App;
use crate::app::Scribe;

use report::Count;
pub use report::{Problem, Report, TableReport};
use row::Row;

/// How to import.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrontierOptions {
    /// Look at everything, keep nothing.
    pub dry_run: bool,
    /// Begin anew, whatever an earlier run has done.
    pub restart: bool,
    /// Read a database of another version of Frontier too, or one whose migrations broke off.
    pub any_version: bool,
}

/// What became of a row.
enum Outcome {
    Imported,
    /// It is here, but not quite as it was there.
    Changed(String),
    There,
    Left(&'static str),
    Problem(String),
}

/// One table of Frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Namespaces,
    Permissions,
    Organizations,
    Users,
    ServiceUsers,
    ServiceUserCredentials,
    Projects,
    Groups,
    Roles,
    Resources,
    Policies,
    Relations,
    MetaSchemas,
    /// A table whose rows are counted and not taken over, although their like is kept here.
    Later(&'static str),
}
/// In the order in which rows need one another.
const STEPS: [Step; 20] = [
    Step::Namespaces,
    Step::Permissions,
    Step::Organizations,
    Step::Users,
    Step::ServiceUsers,
    Step::ServiceUserCredentials,
    Step::Projects,
    Step::Groups,
    Step::Roles,
    Step::Resources,
    Step::Policies,
    Step::Relations,
    Step::MetaSchemas,
    Step::Later("user_pats"),
    Step::Later("invitations"),
    Step::Later("domains"),
    Step::Later("preferences"),
    Step::Later("prospects"),
    Step::Later("webhook_endpoints"),
    Step::Later("audit_records"),
];
impl Step {
    const fn table(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Permissions => "permissions",
            Self::Organizations => "organizations",
            Self::Users => "users",
            Self::ServiceUsers => "serviceusers",
            Self::ServiceUserCredentials => "serviceuser_credentials",
            Self::Projects => "projects",
            Self::Groups => "groups",
            Self::Roles => "roles",
            Self::Resources => "resources",
            Self::Policies => "policies",
            Self::Relations => "relations",
            Self::MetaSchemas => "metaschema",
            Self::Later(table) => table,
        }
    }
    /// Does what it writes change decisions?
    const fn is_structural(self) -> bool {
        matches!(
            self,
            Self::Permissions
                | Self::Organizations
                | Self::ServiceUsers
                | Self::Projects
                | Self::Groups
                | Self::Roles
                | Self::Policies
                | Self::Relations
        )
    }
}

/// What a dry run would have written, for the rows that stand on it: ids, and names of namespaces and permissions.
#[derive(Default)]
struct Seen {
    ids: HashSet<Uuid>,
    words: HashSet<String>,
}

/// A page of a table on its way, with what else the source has to say about it.
struct Batch {
    step: Step,
    rows: Vec<Row>,
    dry_run: bool,
    seen: Arc<Mutex<Seen>>,
    /// The predefined roles of the source by our ids for them.
    predefined: Arc<HashMap<Uuid, Uuid>>,
    /// The addresses of the users whom the rows name.
    addresses: HashMap<Uuid, String>,
    source: String,
    before: Count,
    last: bool,
    scribe: Scribe,
}
impl Batch {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Is this service user here?
    async fn has_machine(&self, tx: &mut Tx, id: Uuid) -> portcullis_store::Result<bool> {
        Ok(self.would_be(id) || service_user::by_id(tx, portcullis_domain::Id::from_uuid(id)).await?.is_some())
    }
    /// Would an earlier row of a dry run have written this?
    fn would_be(&self, id: Uuid) -> bool {
        self.dry_run && self.seen().ids.contains(&id)
    }
    fn would_know(&self, word: &str) -> bool {
        self.dry_run && self.seen().words.contains(word)
    }
    fn note(&self, word: String) {
        if self.dry_run {
            self.seen().words.insert(word);
        }
    }
    /// The user here who was this one there: by id, else by an address that was proved here.
    async fn user(&self, tx: &mut Tx, id: Uuid) -> portcullis_store::Result<Option<Uuid>> {
        if self.would_be(id) || user::facts(tx, portcullis_domain::Id::from_uuid(id)).await?.is_some() {
            return Ok(Some(id));
        }
        let Some(email) = self.addresses.get(&id).and_then(|e| portcullis_domain::value::Email::parse(e).ok()) else {
            return Ok(None);
        };
        let same = user::by_email(tx, &email).await?;
        Ok(same.filter(identity::is_known_to_be).map(|u| u.id.uuid()))
    }
}

impl App {
    /// Reads a Frontier database into the tenant. The report says what became of every row.
    pub async fn import_frontier(&self, cx: &Ctx, source: &Source, options: FrontierOptions) -> Result<Report> {
        let cx = &Ctx { principal: Arc::new(Principal::bare(Subject::System, "import frontier")), ..cx.clone() };
        known_version(source, options).await?;
        let name = format!("frontier {}", source.name());
        let mut report = Report::new(source.name(), options.dry_run);
        let steps = self.0.db.read(cx.clone(), &name, progress).await?;
        let all_done = steps.iter().all(|p| p.as_ref().is_some_and(|p| p.done));
        let anew = options.dry_run || options.restart || all_done;
        if anew && !options.dry_run {
            self.0.db.write_bulk(cx.clone(), name.clone(), forget).await?;
        }
        report.resumed = !anew && steps.iter().any(Option::is_some);
        let predefined = source.platform_roles().await?.into_iter();
        let predefined = predefined.filter_map(|(id, name)| Some((id, Predefined::named(&name)?.id().uuid())));
        let whole = Around { name, seen: Arc::default(), predefined: Arc::new(predefined.collect()), options };
        for (step, begun) in STEPS.into_iter().zip(steps) {
            let begun = begun.filter(|_| !anew).unwrap_or_default();
            self.import_table(cx, source, step, begun, &whole, &mut report).await?;
        }
        Ok(report)
    }
    async fn import_table(
        &self,
        cx: &Ctx,
        source: &Source,
        step: Step,
        begun: Progress,
        whole: &Around,
        report: &mut Report,
    ) -> Result<()> {
        let mut count: Count = Count::read(&begun.counts);
        let mut last: Uuid = begun.last_key.parse().unwrap_or_default();
        let mut done = begun.done;
        while !done {
            let rows: Vec<Row> = source.page(step.table(), last).await?.into_iter().map(Row).collect();
            done = rows.len() < PAGE;
            if let Some(end) = rows.last().and_then(Row::id) {
                last = end;
            }
            let named: Vec<Uuid> = rows.iter().flat_map(Row::principals).collect();
            let users = matches!(step, Step::Policies | Step::Relations | Step::Resources);
            let batch = Batch {
                step,
                addresses: if users { source.addresses(&named).await? } else { HashMap::new() },
                rows,
                dry_run: whole.options.dry_run,
                seen: whole.seen.clone(),
                predefined: whole.predefined.clone(),
                source: whole.name.clone(),
                before: count.clone(),
                last: done,
                scribe: self.scribe(cx),
            };
            let cx = Ctx { now: self.0.clock.now(), ..cx.clone() };
            let out = match whole.options.dry_run {
                true => self.0.db.read(cx, &batch, run).await?,
                false => self.0.db.write_bulk(cx, batch, run).await?,
            };
            whole.seen.lock().unwrap_or_else(PoisonError::into_inner).ids.extend(out.imported);
            count = out.count;
            report.problems(step.table(), out.problems);
        }
        report.table(step.table(), count);
        Ok(())
    }
}

/// What all tables share.
struct Around {
    name: String,
    seen: Arc<Mutex<Seen>>,
    predefined: Arc<HashMap<Uuid, Uuid>>,
    options: FrontierOptions,
}

async fn known_version(source: &Source, options: FrontierOptions) -> Result<()> {
    let refuse = |text: String| Err(Error::new(Code::Conflict, text));
    match source.schema().await? {
        None => refuse(format!("{} is no Frontier database: it has no schema_migrations.", source.name())),
        Some((_, true)) if !options.any_version => {
            refuse("A migration of this Frontier database broke off; mend it there, or use --any-version.".into())
        }
        Some((SCHEMA, _)) => Ok(()),
        Some(_) if options.any_version => Ok(()),
        Some((version, _)) => refuse(format!(
            "This Frontier database has schema {version}; {SCHEMA} (Frontier v0.115.2) is known. Upgrade Frontier first, or \
             use --any-version and read the report with care."
        )),
    }
}

#[allow(clippy::ptr_arg, reason = "a use case takes its command as it is kept")]
async fn progress(tx: &mut Tx, source: &String) -> portcullis_store::Result<Vec<Option<Progress>>> {
    let mut out = Vec::with_capacity(STEPS.len());
    for step in STEPS {
        out.push(import_progress::of(tx, source, step.table()).await?);
    }
    Ok(out)
}
#[allow(clippy::ptr_arg, reason = "a use case takes its command as it is kept")]
async fn forget(tx: &mut Tx, source: &String) -> portcullis_store::Result<()> {
    import_progress::forget(tx, source).await
}

/// What became of a page.
struct Done {
    imported: Vec<Uuid>,
    count: Count,
    problems: Vec<(String, String)>,
}

async fn run(tx: &mut Tx, b: &Batch) -> portcullis_store::Result<Done> {
    let (mut imported, mut problems, mut count) = (vec![], vec![], b.before.clone());
    for r in &b.rows {
        count.read += 1;
        let id = r.id().unwrap_or_default();
        let outcome = if r.0.contains_key(UNREADABLE) {
            Outcome::Problem("too long or too deep to be read".into())
        } else if r.is_deleted() {
            Outcome::Left("deleted")
        } else {
            one(tx, b, r).await?
        };
        match outcome {
            Outcome::Imported => imported.push(id),
            Outcome::Changed(how) => {
                imported.push(id);
                count.problems += 1;
                problems.push((id.to_string(), how));
            }
            Outcome::There => count.there += 1,
            Outcome::Left(why) => *count.left.entry(why.into()).or_default() += 1,
            Outcome::Problem(what) => {
                count.problems += 1;
                problems.push((id.to_string(), what));
            }
        }
    }
    count.imported += imported.len() as u64;
    if !b.dry_run {
        if let (Some(first), Some(last)) = (imported.first(), imported.last()) {
            let event = b.scribe.event("frontier.imported", "tenant", tx.cx.tenant_id).with("table", b.step.table());
            let event = event.with("source", b.source.as_str()).with("rows", imported.len());
            b.scribe.write(tx, event.with("first_id", first.to_string()).with("last_id", last.to_string()));
        }
        let last_key = b.rows.last().and_then(Row::id).unwrap_or_default().to_string();
        let so_far = Progress { last_key, counts: count.text(), done: b.last };
        import_progress::put(tx, &b.source, b.step.table(), &so_far).await?;
        if b.step.is_structural() && !imported.is_empty() {
            tx.bump().await?;
        }
    }
    Ok(Done { imported, count, problems })
}

async fn one(tx: &mut Tx, b: &Batch, r: &Row) -> portcullis_store::Result<Outcome> {
    match b.step {
        Step::Namespaces => authorization::namespace(tx, b, r).await,
        Step::Permissions => authorization::permission(tx, b, r).await,
        Step::Organizations => tenancy::organization(tx, b, r).await,
        Step::Users => identity::user(tx, b, r).await,
        Step::ServiceUsers => machine::service_user(tx, b, r).await,
        Step::ServiceUserCredentials => machine::credential(tx, b, r).await,
        Step::Projects => tenancy::project(tx, b, r).await,
        Step::Groups => tenancy::group(tx, b, r).await,
        Step::Roles => authorization::role(tx, b, r).await,
        Step::Resources => tenancy::resource(tx, b, r).await,
        Step::Policies => authorization::policy(tx, b, r).await,
        Step::Relations => authorization::relation(tx, b, r).await,
        Step::MetaSchemas => authorization::meta_schema(tx, b, r).await,
        Step::Later(_) => Ok(Outcome::Left("not taken over")),
    }
}
