//! One's own account. Person only: an API key is refused.
use portcullis_audit::Prepared;
use portcullis_crypto::password::{Owner, Password};
use portcullis_domain::audit::{Event, Outcome};
use portcullis_domain::branding::Template;
use portcullis_domain::session::Session;
use portcullis_domain::user::{AuthProvider, User};
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Result};
use portcullis_store::{Tx, attempt, session, user};
use serde_json::{Map, Value};

use crate::app::{Scribe, busy};
use crate::authorize::person_only;
use crate::change::moved;
use crate::mail::Post;
use crate::session_list::end_sessions;
use crate::user::UserRef;
use crate::user_change::record_update;
use crate::{Answer, App, Reply};

/// A change of one's own profile. `None` keeps; `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct ProfilePatch {
    /// At most 100 characters.
    pub first_name: Option<Option<String>>,
    /// At most 100 characters.
    pub last_name: Option<Option<String>>,
    /// At most 100 characters.
    pub display_name: Option<Option<String>>,
    /// Image data URI; null removes only an image, never a URL that this surface did not show (decision 3).
    pub avatar: Option<Option<String>>,
    /// `/v1beta1` UpdateCurrentUser: the title.
    pub title: Option<String>,
    /// `/v1beta1` UpdateCurrentUser: replaces metadata but for `attributes`, which feeds policies (decision 4).
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

impl App {
    /// One's own user, for persons and for keys that act for one; 403 for service keys.
    pub async fn me(&self, cx: &Ctx) -> Result<User> {
        let id = cx.principal.user_id().ok_or_else(person_only)?;
        self.find_user(cx, &UserRef::Id(id)).await?.ok_or_else(|| Error::not_found("user"))
    }
    /// One's own profile (`person only`).
    pub async fn profile(&self, cx: &Ctx) -> Result<User> {
        session_of(cx)?;
        self.me(cx).await
    }
    /// Changes one's own profile (`person only`).
    pub async fn update_profile(&self, cx: &Ctx, patch: Result<ProfilePatch>) -> Result<User> {
        session_of(cx)?;
        self.update_me(cx, patch).await
    }
    /// The same for whoever acts as a user, on `/v1beta1` (UpdateCurrentUser).
    pub async fn update_me(&self, cx: &Ctx, patch: Result<ProfilePatch>) -> Result<User> {
        let me = self.me(cx).await?;
        let patch = patch?;
        let federated = me.auth_provider != AuthProvider::Local;
        if federated && (patch.first_name.is_some() || patch.last_name.is_some()) {
            let field = if patch.first_name.is_some() { "first_name" } else { "last_name" };
            return Err(Error::field(field, "Your identity provider keeps your name: change it there."));
        }
        if let Some(metadata) = &patch.metadata {
            let metadata = keep_attributes(metadata.clone(), &me.metadata);
            self.snapshot(cx).await?.schemas.check("user", &metadata)?;
        }
        let c = Update { id: me.id, patch, scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, update).await.map_err(Error::from)
    }
    /// Changes one's own password; other sessions end (`person only`).
    pub async fn change_password(
        &self,
        cx: &Ctx,
        change: Result<(Password, Password)>,
        reply: Reply<()>,
    ) -> Result<Answer> {
        let session = session_of(cx)?;
        let me = self.me(cx).await?;
        if me.auth_provider != AuthProvider::Local {
            return Err(Error::new(
                Code::Forbidden,
                "You sign in at your identity provider: change the password there.",
            ));
        }
        let (current, new) = change?;
        self.reserve_attempt(cx, &me.email).await?;
        let stored = self.0.db.read(cx.clone(), &me.id, password_hash).await?;
        let verdict = self.0.passwords.verify(stored.clone(), current).await.map_err(busy)?;
        if !verdict.is_match() {
            // whoever sits at another's screen guesses here: that is told like a failed sign-in
            let event = self.event(cx, "password.change_failed", "user", me.id);
            let event = self.prepare(cx, Event { outcome: Outcome::Failed, ..event });
            self.0.db.write(cx.clone(), event, record).await?;
            return Err(Error::field("current_password", "This is not your current password."));
        }
        self.check_password(cx, &new, Owner { email: &me.email, name: &me.title }).await?;
        let hash = self.hash(new).await?;
        let account = self.account(cx, &me.email).await?;
        let post = self.post(cx).await?;
        let c = NewPassword { me, session, old: stored, hash, account, post, scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, set_password).await.map_err(Error::from)?;
        Ok((reply.render)(&()))
    }
    /// 400 `weak_password` unless the tenant's rule lets it pass.
    pub(crate) async fn check_password(&self, cx: &Ctx, password: &Password, owner: Owner<'_>) -> Result<()> {
        let min = self.snapshot(cx).await?.settings.password_min_length;
        match self.wrong_with_password(min, password, owner).await? {
            None => Ok(()),
            Some(e) => Err(Error::new(Code::WeakPassword, e.to_string())),
        }
    }
}

/// The caller's session; 403 for keys.
pub(crate) fn session_of(cx: &Ctx) -> Result<Id<Session>> {
    match cx.principal.credential {
        Credential::Session { id, .. } => Ok(id),
        _ => Err(person_only()),
    }
}

/// What feeds policies stays as it is (decision 4).
fn keep_attributes(mut new: Map<String, Value>, old: &Map<String, Value>) -> Map<String, Value> {
    match old.get("attributes") {
        Some(attributes) => new.insert("attributes".into(), attributes.clone()),
        None => new.remove("attributes"),
    };
    new
}

struct Update {
    id: Id<User>,
    patch: ProfilePatch,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<User> {
    let before = user::by_id(tx, c.id).await?.ok_or_else(|| Error::not_found("user"))?;
    let (mut after, p) = (before.clone(), &c.patch);
    for (field, change) in [
        (&mut after.first_name, &p.first_name),
        (&mut after.last_name, &p.last_name),
        (&mut after.display_name, &p.display_name),
    ] {
        if let Some(value) = change {
            field.clone_from(value);
        }
    }
    if let Some(title) = &p.title {
        after.title.clone_from(title);
    }
    if let Some(metadata) = &p.metadata {
        // on what the row says now, or a change of attributes by somebody else could be undone by the person himself
        after.metadata = keep_attributes(metadata.clone(), &before.metadata);
    }
    match &p.avatar {
        // null removes an image, never a URL that this surface did not show (decision 3)
        Some(None) if p.title.is_none() && before.avatar.as_deref().is_some_and(|a| a.starts_with("https://")) => {}
        Some(avatar) => after.avatar.clone_from(avatar),
        None => {}
    }
    if after.avatar != before.avatar {
        user::set_avatar(tx, c.id, after.avatar.as_deref()).await?;
    }
    after.updated_at = tx.cx.now;
    user::update(tx, &after).await?;
    after.revision += 1;
    record_update(tx, &c.scribe, &before, &after);
    Ok(after)
}

struct NewPassword {
    me: User,
    session: Id<Session>,
    /// The hash that was verified: of two changes at once the second one is refused.
    old: Option<String>,
    hash: String,
    account: String,
    /// Tells them, if mail is set up.
    post: Option<Post>,
    scribe: Scribe,
}
async fn set_password(tx: &mut Tx, c: &NewPassword) -> portcullis_store::Result<()> {
    let (now, id) = (tx.cx.now, c.me.id);
    let alive = session::by_id(tx, c.session).await?.is_some_and(|s| s.revoked_at.is_none());
    if !alive || user::password_hash(tx, id).await? != c.old {
        return Err(moved().into());
    }
    attempt::clear(tx, &c.account).await?;
    user::set_password(tx, id, &c.hash, now).await?;
    c.scribe.write(tx, c.scribe.event("password.changed", "user", id));
    end_sessions(tx, &c.scribe, id, "password", Some(c.session)).await?;
    if let Some(post) = &c.post {
        post.write(tx, Some(id), &c.me.email, &post.letter(Template::PasswordChanged, c.me.name(), "")).await?;
    }
    tx.bump().await?;
    Ok(())
}
async fn password_hash(tx: &mut Tx, id: &Id<User>) -> portcullis_store::Result<Option<String>> {
    user::password_hash(tx, *id).await
}
async fn record(tx: &mut Tx, event: &Prepared) -> portcullis_store::Result<()> {
    tx.audit(event.clone());
    Ok(())
}
