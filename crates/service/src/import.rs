//! Importing users in bulk: NDJSON in, one line of report for each row out (spec v1 4.3.3).
//!
//! Rows are read and made canonical here while the writer commits the batch before (`import_batch.rs`); a bad row never stops
//! the others, and nothing but two batches is held in memory.
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::Prepared;
use portcullis_authz::Target;
use portcullis_crypto::password::{Owner, Password, check_imported};
use portcullis_domain::audit::Event;
use portcullis_domain::branding::Template;
use portcullis_domain::fields::{self, Fields, boolean, line, metadata, string, strings};
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::Email;
use portcullis_domain::{Ctx, Error, Id, Result};
use portcullis_store::Tx;
use portcullis_store::user::UserToken;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use crate::App;
use crate::import_batch::{Batch, commit, dry_run};
use crate::letter::Letter;
use crate::long::{Long, Place};
use crate::mail::Post;
use crate::tenancy::Compiled;
use crate::user::roles;
use crate::user_create::{created, from_id};

/// Bytes of a row.
pub const LONGEST_LINE: usize = 64 * 1024;
/// Rows of an import.
pub const MOST_ROWS: u64 = 1_000_000;
/// Of which so many may bring a password in clear.
const MOST_PASSWORDS: u64 = 1_000;
/// Rows that are committed together.
const BATCH: usize = 500;
/// While rows are awaited the right to import is looked at again so often.
const LOOK: Duration = Duration::from_secs(10);

/// What happens to a row whose user is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// The row is reported as a conflict.
    #[default]
    Error,
    /// The row is left out.
    Skip,
    /// The user is changed: found by `external_id`, else by `email`.
    Update,
}

/// How to import.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Every check, nothing kept.
    pub dry_run: bool,
    /// What happens to a row whose user is there already.
    pub on_conflict: OnConflict,
    /// Whoever is made without a password is invited by mail.
    pub send_invites: bool,
}

/// A row that is well-formed.
pub(crate) struct Row {
    pub user: User,
    /// Did the row name roles? If not, an update keeps those that the user has.
    pub names_roles: bool,
    pub password_hash: Option<String>,
    /// The stored half of an invitation, and its mail.
    pub invitation: Option<(UserToken, Letter)>,
    pub event: Prepared,
}
impl Row {
    pub fn token(&self) -> Option<&UserToken> {
        self.invitation.as_ref().map(|(token, _)| token)
    }
}
/// A row on its way: its number, its external id, and what became of it so far.
pub(crate) struct Entry {
    pub line: u64,
    pub external_id: Option<String>,
    pub row: Result<Row, Value>,
}

impl App {
    /// Authorises an import (`users:import`) and starts it. `lines` are the raw lines, at most one byte longer than
    /// [`LONGEST_LINE`]; the answer is the report, line by line, each with its newline.
    pub async fn import_users(
        &self,
        cx: &Ctx,
        options: Result<ImportOptions>,
        lines: mpsc::Receiver<Vec<u8>>,
    ) -> Result<mpsc::Receiver<Vec<u8>>> {
        self.may(cx, "users:import", Target::tenant()).await?;
        let options = options?;
        let post = match options.send_invites {
            true => {
                self.may_invite_all(cx).await?;
                let missing = || Error::field("send_invites", "No mail is set up on this server: leave it out.");
                Some(Arc::new(self.post(cx).await?.ok_or_else(missing)?))
            }
            false => None,
        };
        let place = self.place(cx, Long::Import)?;
        let compiled = self.snapshot(cx).await?;
        let (send, receive) = mpsc::channel(8);
        let import = Import { app: self.clone(), cx: cx.clone(), options, post, compiled };
        tokio::spawn(async move {
            let out = import.run(lines, &send, &place).await;
            drop(place);
            if let Err(e) = out {
                // no summary: the client sees that the run broke off, and why
                match e.code().http() {
                    500.. => tracing::error!(error = ?e, "an import broke off"),
                    _ => tracing::warn!(error = ?e, "an import broke off"),
                }
                let last = json!({ "error": { "code": e.code().as_str(), "message": e.message() } });
                let _ = send.send(format!("{last}\n").into_bytes()).await;
            }
        });
        Ok(receive)
    }
}

#[derive(Clone)]
struct Import {
    app: App,
    cx: Ctx,
    options: ImportOptions,
    /// Writes the invitations, if there are to be any.
    post: Option<Arc<Post>>,
    compiled: Arc<Compiled>,
}

#[derive(Default)]
struct Summary {
    rows: u64,
    counts: Map<String, Value>,
}
impl Summary {
    fn count(&mut self, status: &str) {
        let n = self.counts.get(status).and_then(Value::as_u64).unwrap_or(0);
        self.counts.insert(status.into(), (n + 1).into());
    }
    fn line(&self, dry_run: bool) -> Value {
        let n = |s: &str| self.counts.get(s).cloned().unwrap_or_else(|| 0.into());
        json!({ "summary": {
            "rows": self.rows, "created": n("created"), "updated": n("updated"), "skipped": n("skipped"),
            "unchanged": n("unchanged"), "invalid": n("invalid"), "conflict": n("conflict"), "dry_run": dry_run,
        }})
    }
}

/// The lines that come.
struct Rows {
    lines: mpsc::Receiver<Vec<u8>>,
    look: Interval,
    patience: Duration,
}
impl Rows {
    fn new(lines: mpsc::Receiver<Vec<u8>>, patience: Duration) -> Self {
        let every = LOOK.min(patience / 6).max(Duration::from_millis(1));
        let mut look = interval_at(Instant::now() + every, every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { lines, look, patience }
    }
}
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

impl Import {
    async fn run(self, lines: mpsc::Receiver<Vec<u8>>, send: &mpsc::Sender<Vec<u8>>, place: &Place) -> Result<()> {
        let mut rows = Rows::new(lines, place.patience());
        let (mut summary, mut passwords, mut committing) = (Summary::default(), 0, None);
        loop {
            let batch = self.batch(&mut rows, &mut summary.rows, &mut passwords).await;
            // the batch before was committed while this one was read, and is told even if nothing follows
            if let Some(task) = committing.take() {
                place.patiently(self.report(finished(task).await?, &mut summary, send)).await??;
            }
            let batch = batch?;
            if batch.is_empty() {
                break;
            }
            committing = Some(tokio::spawn(self.clone().commit(batch)));
        }
        if !self.options.dry_run {
            let event = self.app.event(&self.cx, "users.imported", "tenant", self.cx.tenant_id);
            let event = event.with("summary", summary.line(false)["summary"].clone());
            let event = self.app.prepare(&self.cx, event);
            self.app.0.db.write(self.cx.clone(), event, record).await?;
        }
        let last = summary.line(self.options.dry_run);
        place.patiently(send.send(format!("{last}\n").into_bytes())).await?.map_err(Error::internal)
    }
    async fn batch(&self, rows: &mut Rows, read: &mut u64, passwords: &mut u64) -> Result<Vec<Entry>> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH
            && let Some(line) = self.next(rows).await?
        {
            *read += 1;
            batch.push(self.read(*read, &line, passwords).await?);
        }
        Ok(batch)
    }
    /// The next row; `None` after the last. Whoever sends none, or empty lines only, keeps a place just for a while, and only as
    /// long as the right to it lasts.
    async fn next(&self, rows: &mut Rows) -> Result<Option<Vec<u8>>> {
        let patience = rows.patience;
        if let Ok(line) = rows.lines.try_recv()
            && !is_blank(&line)
        {
            return Ok(Some(line));
        }
        let row = async {
            loop {
                tokio::select! {
                    biased;
                    _ = rows.look.tick() => drop(self.app.still_may(&self.cx, "users:import").await?),
                    line = rows.lines.recv() => match line {
                        Some(line) if is_blank(&line) => {}
                        row => return Ok(row),
                    },
                }
            }
        };
        timeout(patience, row).await.unwrap_or_else(|_| {
            let message = format!("No row came for {} seconds: the import ended.", patience.as_secs());
            Err(Error::field("", message))
        })
    }
    async fn report(&self, outcomes: Vec<Value>, summary: &mut Summary, send: &mpsc::Sender<Vec<u8>>) -> Result<()> {
        let mut out = Vec::with_capacity(outcomes.len() * 128);
        for o in outcomes {
            summary.count(o["status"].as_str().unwrap_or("invalid"));
            out.extend_from_slice(o.to_string().as_bytes());
            out.push(b'\n');
        }
        send.send(out).await.map_err(|_| Error::unavailable("the client of an import left"))
    }
    async fn commit(self, batch: Vec<Entry>) -> Result<Vec<Value>> {
        let entries = Arc::new(batch);
        for _ in 0..8 {
            let right = self.app.import_right(&self.cx).await?;
            if self.post.is_some() {
                self.app.may_invite_all(&right.cx).await?;
            }
            let (db, cx) = (&self.app.0.db, right.cx.clone());
            let scribe = self.app.scribe(&cx);
            let c = Batch::new(entries.clone(), self.options, self.post.clone(), right, scribe);
            let out = match self.options.dry_run {
                true => db.read(cx, &c, dry_run).await?,
                false => db.write_bulk(cx, c, commit).await?,
            };
            if let Some(lines) = out {
                return Ok(lines);
            }
        }
        Err(Error::unavailable("the tenant's structure keeps changing"))
    }
    async fn read(&self, line: u64, raw: &[u8], passwords: &mut u64) -> Result<Entry> {
        let refuse = |e: &Error, external_id: Option<String>| Entry {
            line,
            external_id: external_id.clone(),
            row: Err(outcome(line, "invalid", external_id.as_deref(), Some(e))),
        };
        if line > MOST_ROWS {
            return Ok(refuse(&Error::field("", "An import has at most 1,000,000 rows."), None));
        }
        if raw.len() > LONGEST_LINE {
            return Ok(refuse(&Error::field("", "A row has at most 64 KiB."), None));
        }
        let members = match portcullis_domain::json::object(raw) {
            Ok(m) => m,
            Err(e) => return Ok(refuse(&e, None)),
        };
        let external_id = members.get("external_id").and_then(Value::as_str).map(ToOwned::to_owned);
        match self.row(members, passwords).await {
            Ok(row) => Ok(Entry { line, external_id, row: Ok(row) }),
            // the pool is busy or the store away: not the row's fault
            Err(e) if e.code().http() >= 500 || e.code().http() == 429 => Err(e),
            Err(e) => Ok(refuse(&e, external_id)),
        }
    }
    async fn row(&self, members: Map<String, Value>, passwords: &mut u64) -> Result<Row> {
        let cx = &self.cx;
        let mut f = Fields::new(members);
        let email = f.required("email", portcullis_domain::value::EMAIL_HINT, |v| Email::parse(&string(v)?));
        let name = f.required("name", "Enter a name.", line(200, "Enter a name."));
        let provider =
            f.optional("auth_provider", |v| AuthProvider::parse(&string(v)?).ok_or("One of local, oidc, saml."));
        let words = f.optional("roles", strings);
        let password = f.optional("password", string).map(Password::new);
        let hash = f.optional("password_hash", |v| {
            let hash = string(v)?;
            check_imported(&hash).map(|()| hash)
        });
        let external_id = f.optional("external_id", line(255, "1 to 255 characters."));
        let manager_id = f.optional("manager_id", fields::id::<User>);
        let data = f.optional("metadata", metadata).unwrap_or_default();
        let verified = f.optional("email_verified", boolean).unwrap_or_default();
        let active = f.optional("active", boolean).unwrap_or(true);
        let part = || line(100, "1 to 100 characters.");
        let (first_name, last_name) = (f.optional("first_name", part()), f.optional("last_name", part()));
        if f.optional("groups", strings).is_some_and(|g| !g.is_empty()) {
            f.wrong("groups", "An import puts nobody into groups yet: use POST /v1/groups/{id}/members.");
        }
        let provider = provider.unwrap_or(AuthProvider::Local);
        match (provider, &password, &hash) {
            (AuthProvider::Oidc | AuthProvider::Saml, Some(_), _) => {
                f.wrong("password", "Leave it out: these users sign in at their provider.")
            }
            (AuthProvider::Oidc | AuthProvider::Saml, _, Some(_)) => {
                f.wrong("password_hash", "Leave it out: these users sign in at their provider.");
            }
            (_, Some(_), Some(_)) => f.wrong("password_hash", "A password or a hash, not both."),
            _ => {}
        }
        if let (Some(p), Some(email), Some(name)) = (&password, &email, &name) {
            let min = self.compiled.settings.password_min_length;
            if let Some(e) = self.app.wrong_with_password(min, p, Owner { email, name }).await? {
                f.wrong("password", e.to_string());
            }
            *passwords += 1;
            if *passwords > MOST_PASSWORDS {
                f.wrong("password", "An import has at most 1,000 passwords in clear: send hashes.");
            }
        }
        let (email, title) = f.finish(email.zip(name))?;
        let names_roles = words.is_some();
        let roles = roles(&words.unwrap_or_else(|| vec!["user".into()]))?;
        self.compiled.schemas.check("user", &data)?;
        let password_hash = match password {
            Some(p) => Some(self.app.hash(p).await?),
            None => hash,
        };
        let invited = provider == AuthProvider::Local && password_hash.is_none();
        let id: Id<User> = self.app.id(cx);
        let user = User {
            id,
            email,
            slug: from_id(id),
            title,
            auth_provider: provider,
            identity_provider_id: None,
            state: match (active, invited) {
                (false, _) => UserState::Suspended,
                (true, true) => UserState::Invited,
                (true, false) => UserState::Active,
            },
            email_verified: verified,
            roles,
            is_owner: false,
            avatar: None,
            external_id,
            manager_id,
            metadata: data,
            first_name,
            last_name,
            display_name: None,
            last_login_at: None,
            mfa_enrolled: false,
            created_at: cx.now,
            updated_at: cx.now,
            revision: 1,
        };
        let invitation = self.post.as_ref().filter(|_| user.state == UserState::Invited).map(|post| {
            let (url, token) = self.app.invitation(cx);
            (token, post.letter(Template::Invitation, user.name(), &url).of_many())
        });
        let event = imported(created(self.app.event(cx, "user.created", "user", id), &user), &user, &password_hash);
        let event = self.app.prepare(cx, event);
        Ok(Row { user, names_roles, password_hash, invitation, event })
    }
}

async fn finished(task: tokio::task::JoinHandle<Result<Vec<Value>>>) -> Result<Vec<Value>> {
    task.await.map_err(Error::internal)?
}
async fn record(tx: &mut Tx, event: &Prepared) -> portcullis_store::Result<()> {
    tx.audit(event.clone());
    Ok(())
}

/// A line of the report.
pub(crate) fn outcome(line: u64, status: &str, external_id: Option<&str>, error: Option<&Error>) -> Value {
    let mut o = Map::new();
    o.insert("line".into(), line.into());
    o.insert("status".into(), status.into());
    if let Some(e) = external_id {
        o.insert("external_id".into(), e.into());
    }
    if let Some(e) = error {
        o.insert("code".into(), e.code().as_str().into());
        o.insert("message".into(), e.message().into());
        if let Some(fields) = e.details().get("fields") {
            o.insert("fields".into(), fields.clone());
        }
        if !e.notice_list().is_empty() {
            o.insert("notices".into(), e.notice_list().into());
        }
    }
    Value::Object(o)
}
/// What only an import can say of a new user. Of a password just that there is one.
fn imported(event: Event, user: &User, password_hash: &Option<String>) -> Event {
    let null = || Value::Null;
    let event = if user.email_verified { event.change("email_verified", null(), true) } else { event };
    let event = if user.state.is_active() { event } else { event.change("active", null(), false) };
    if password_hash.is_some() { event.change("has_password", null(), true) } else { event }
}
