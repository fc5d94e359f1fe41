//! `/v1/applications`: who may sign people in through this server (decision 15): list, make, read, change, end, and secrets anew.
//! What they do with it is in `provider`.
use std::fmt;

use portcullis_authz::Target;
use portcullis_crypto::token::{Purpose, Raw};
use portcullis_domain::application::{Application, GrantType, Kind, scope};
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result};
use portcullis_store::{Tx, application};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::Scribe;
use crate::application_uri::registered;
use crate::authorize::Gate;
use crate::user_change::require_revision;
use crate::{Answer, App, Page, PageRequest, Reply};

/// A tenant has at most so many.
const MOST: i64 = 1_000;
const URIS: usize = 20;
const SCOPES: usize = 50;

/// An application to make.
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// 1–120 characters.
    pub name: String,
    /// Can it keep a secret?
    pub kind: Kind,
    /// Where answers may be sent.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// What its tokens may be asked for with.
    pub grants: Vec<GrantType>,
    /// What it may ask for at most.
    pub scopes: Vec<String>,
    /// Are people asked before it learns anything of them?
    pub third_party: bool,
}
/// A change of an application; `None` keeps. Its kind stays what it was.
#[derive(Clone, Debug, Default)]
pub struct ApplicationPatch {
    /// 1–120 characters.
    pub name: Option<String>,
    /// All of them.
    pub redirect_uris: Option<Vec<String>>,
    /// All of them.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// All of them.
    pub grants: Option<Vec<GrantType>>,
    /// All of them.
    pub scopes: Option<Vec<String>>,
    /// Are people asked?
    pub third_party: Option<bool>,
}

/// An application whose secret was just made, if it has one.
#[derive(Clone)]
pub struct ApplicationMade {
    /// The application.
    pub application: Application,
    /// Its secret: in this answer only.
    pub secret: Option<Raw>,
}
impl fmt::Debug for ApplicationMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApplicationMade").field(&self.application.id).finish_non_exhaustive()
    }
}

impl App {
    /// A page of applications, newest first. `applications:list`.
    pub async fn list_applications(&self, cx: &Ctx, page: &PageRequest) -> Result<Page<Application>> {
        self.may(cx, "applications:list", Target::tenant()).await?;
        let before = self.page_start(cx, page).await?.and_then(|k| crate::page::text(&k, "id").parse().ok());
        let before = before.unwrap_or(Id::from_uuid(Uuid::max()));
        let rows = self.0.db.read(cx.clone(), &(before, page.limit + 1), list).await?;
        self.page(cx, page, rows, |a| json!({ "id": a.id })).await
    }
    /// One application. `applications:list`.
    pub async fn get_application(&self, cx: &Ctx, id: Id<Application>) -> Result<Application> {
        self.may(cx, "applications:list", Target::tenant()).await?;
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        found.ok_or_else(|| Error::not_found("application"))
    }
    /// Makes an application; its secret is in this answer only. `applications:create`.
    pub async fn create_application(
        &self,
        cx: &Ctx,
        new: Result<NewApplication>,
        reply: Reply<ApplicationMade>,
    ) -> Result<Answer> {
        let command = async {
            let new = new?;
            let secret = (new.kind == Kind::Confidential).then(|| Purpose::ApplicationSecret.generate(&*self.0.random));
            let application = Application {
                id: self.id(cx),
                name: new.name,
                kind: new.kind,
                redirect_uris: new.redirect_uris,
                post_logout_redirect_uris: new.post_logout_redirect_uris,
                grants: in_order(new.grants),
                scopes: new.scopes,
                third_party: new.third_party,
                secret_made_at: secret.as_ref().map(|_| cx.now),
                old_secret_ends_at: None,
                created_by: cx.principal.acting_user,
                created_at: cx.now,
                updated_at: cx.now,
                revision: 1,
            };
            checked(&application)?;
            let hash = secret.as_ref().map(|s| *s.hash.bytes());
            let made = ApplicationMade { application, secret: secret.map(|s| s.raw) };
            Ok(Insert { made, hash, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate("applications:create"), command, reply, insert).await
    }
    /// Changes an application. What it may no longer do its tokens do no longer either. `applications:update`.
    pub async fn update_application(
        &self,
        cx: &Ctx,
        id: Id<Application>,
        patch: Result<ApplicationPatch>,
        if_match: Option<i64>,
    ) -> Result<Application> {
        let command = async { Ok(Update { id, patch: patch?, if_match, scribe: self.scribe(cx) }) };
        self.apply(cx, gate("applications:update"), command, update).await
    }
    /// Gives an application a new secret, which is in this answer only; the one of now is taken for so many seconds more, the one before
    /// that no longer. `applications:rotate_secret`.
    pub async fn rotate_application_secret(
        &self,
        cx: &Ctx,
        id: Id<Application>,
        overlap_seconds: Result<i64>,
        reply: Reply<ApplicationMade>,
    ) -> Result<Answer> {
        let command = async {
            let secret = Purpose::ApplicationSecret.generate(&*self.0.random);
            let (hash, overlap) = (*secret.hash.bytes(), overlap_seconds?);
            Ok(Rotate { id, secret: secret.raw, hash, overlap, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate("applications:rotate_secret"), command, reply, rotate).await
    }
    /// Ends an application with all of its tokens. `applications:delete`.
    pub async fn delete_application(&self, cx: &Ctx, id: Id<Application>, if_match: Option<i64>) -> Result<()> {
        let command = async { Ok(Delete { id, if_match, scribe: self.scribe(cx) }) };
        self.apply(cx, gate("applications:delete"), command, delete).await
    }
}

fn gate(action: &'static str) -> Gate {
    Gate::new(action, Target::tenant())
}
fn in_order(mut grants: Vec<GrantType>) -> Vec<GrantType> {
    grants.sort_unstable();
    grants.dedup();
    grants
}

/// Everything that does not fit together, at once.
fn checked(a: &Application) -> Result<()> {
    let mut wrong = vec![];
    let mut note =
        |field: String, message: String| wrong.push(FieldError { field: field.into(), message: message.into() });
    for (field, uris) in
        [("redirect_uris", &a.redirect_uris), ("post_logout_redirect_uris", &a.post_logout_redirect_uris)]
    {
        if uris.len() > URIS {
            note(field.into(), format!("At most {URIS} addresses."));
        }
        for (n, uri) in uris.iter().enumerate().take(URIS) {
            if let Err(message) = registered(uri) {
                note(format!("{field}[{n}]"), message);
            } else if uris[..n].contains(uri) {
                note(format!("{field}[{n}]"), "This address is there already.".into());
            }
        }
    }
    if a.redirect_uris.is_empty() && a.may(GrantType::AuthorizationCode) {
        note("redirect_uris".into(), "Register at least one address for the grant authorization_code.".into());
    }
    if a.grants.is_empty() {
        note("grants".into(), "Name at least one.".into());
    }
    if a.may(GrantType::ClientCredentials) && a.kind == Kind::Public {
        note(
            "grants".into(),
            "client_credentials is for confidential applications: a public one has no secret.".into(),
        );
    }
    let signs_in = a.may(GrantType::AuthorizationCode) || a.may(GrantType::DeviceCode);
    if a.may(GrantType::RefreshToken) && !signs_in {
        note("grants".into(), "refresh_token goes with authorization_code or device_code.".into());
    }
    if a.scopes.len() > SCOPES {
        note("scopes".into(), format!("At most {SCOPES} scopes."));
    }
    for (n, word) in a.scopes.iter().enumerate().take(SCOPES) {
        if !scope::is_word(word) {
            note(format!("scopes[{n}]"), "1 to 100 characters of ASCII without blanks, quotes and backslashes.".into());
        } else if a.scopes[..n].contains(word) {
            note(format!("scopes[{n}]"), "This scope is there already.".into());
        }
    }
    if a.scopes.iter().any(|s| s == scope::OFFLINE_ACCESS) && !a.may(GrantType::RefreshToken) {
        note("scopes".into(), "offline_access needs the grant refresh_token.".into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::fields(wrong)) }
}

struct Insert {
    made: ApplicationMade,
    hash: Option<[u8; 32]>,
    scribe: Scribe,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<ApplicationMade> {
    if application::count(tx).await? >= MOST {
        let full = Error::new(Code::Conflict, "A tenant has at most 1,000 applications: delete some.");
        return Err(full.detail("state", "full").into());
    }
    let a = &c.made.application;
    application::insert(tx, a, c.hash.as_ref()).await?;
    let event = c.scribe.event("application.created", "application", a.id).with("kind", a.kind.as_str());
    c.scribe.write(tx, changes(event, None, a));
    Ok(c.made.clone())
}
/// What is different now.
fn changes(
    event: portcullis_domain::audit::Event,
    before: Option<&Application>,
    after: &Application,
) -> portcullis_domain::audit::Event {
    let texts = |a: &Application| {
        let grants: Vec<&str> = a.grants.iter().map(|g| g.as_str()).collect();
        [
            json!(a.name),
            json!(a.redirect_uris),
            json!(a.post_logout_redirect_uris),
            json!(grants),
            json!(a.scopes),
            json!(a.third_party),
        ]
    };
    let old = before.map_or([const { Value::Null }; 6], texts);
    let names = ["name", "redirect_uris", "post_logout_redirect_uris", "grants", "scopes", "third_party"];
    names.into_iter().zip(old).zip(texts(after)).fold(event, |event, ((name, old), new)| event.change(name, old, new))
}

struct Update {
    id: Id<Application>,
    patch: ApplicationPatch,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Application> {
    let before = there(tx, c.id, c.if_match).await?;
    let p = c.patch.clone();
    let kept = before.clone();
    let after = Application {
        name: p.name.unwrap_or(kept.name),
        redirect_uris: p.redirect_uris.unwrap_or(kept.redirect_uris),
        post_logout_redirect_uris: p.post_logout_redirect_uris.unwrap_or(kept.post_logout_redirect_uris),
        grants: in_order(p.grants.unwrap_or(kept.grants)),
        scopes: p.scopes.unwrap_or(kept.scopes),
        third_party: p.third_party.unwrap_or(kept.third_party),
        updated_at: tx.cx.now,
        revision: kept.revision + 1,
        ..before.clone()
    };
    checked(&after)?;
    let event = changes(c.scribe.event("application.updated", "application", c.id), Some(&before), &after);
    if event.changes.is_empty() {
        return Ok(before);
    }
    application::update(tx, &after).await?;
    c.scribe.write(tx, event);
    Ok(after)
}
async fn there(tx: &mut Tx, id: Id<Application>, if_match: Option<i64>) -> portcullis_store::Result<Application> {
    let found = application::by_id(tx, id).await?.ok_or_else(|| Error::not_found("application"))?;
    require_revision(found.revision, if_match)?;
    Ok(found)
}

struct Rotate {
    id: Id<Application>,
    secret: Raw,
    hash: [u8; 32],
    overlap: i64,
    scribe: Scribe,
}
async fn rotate(tx: &mut Tx, c: &Rotate) -> portcullis_store::Result<ApplicationMade> {
    let before = there(tx, c.id, None).await?;
    if before.kind == Kind::Public {
        let none = Error::new(Code::Conflict, "A public application has no secret.");
        return Err(none.detail("state", "public").into());
    }
    let old_ends_at = tx.cx.now.plus_seconds(c.overlap);
    application::rotate(tx, c.id, &c.hash, old_ends_at).await?;
    let event = c.scribe.event("application.secret_rotated", "application", c.id);
    c.scribe.write(tx, event.with("overlap_seconds", c.overlap));
    let application = there(tx, c.id, None).await?;
    Ok(ApplicationMade { application, secret: Some(c.secret.clone()) })
}

struct Delete {
    id: Id<Application>,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let old = there(tx, c.id, c.if_match).await?;
    // its tokens name it, and are worth nothing without it; the rows behind them are forgotten in time
    application::delete(tx, c.id).await?;
    let event = c.scribe.event("application.deleted", "application", c.id);
    c.scribe.write(tx, event.change("name", old.name, Value::Null));
    Ok(())
}

pub(crate) async fn by_id(tx: &mut Tx, id: &Id<Application>) -> portcullis_store::Result<Option<Application>> {
    application::by_id(tx, *id).await
}
async fn list(tx: &mut Tx, (before, limit): &(Id<Application>, usize)) -> portcullis_store::Result<Vec<Application>> {
    application::page(tx, *before, *limit).await
}
