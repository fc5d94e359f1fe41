//! A new password for who forgot the old one (spec v1 9.5): asked for by anybody, set by whoever reads the account's mail.
//!
//! Who asks is answered before anybody looks for the account, so that neither the answer nor its time says whether there is one
//! (checklist 15).
use std::sync::Arc;

use portcullis_crypto::password::{Owner, Password};
use portcullis_crypto::token::Purpose;
use portcullis_domain::branding::Template;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::Email;
use portcullis_domain::{Ctx, Error, Id, Principal, Result, Timestamp};
use portcullis_store::{Tx, attempt, directory, user};

use crate::App;
use crate::app::Scribe;
use crate::authenticate::{Origin, context};
use crate::doorway::Doorway;
use crate::letter::RESET_SECONDS;
use crate::mail::Post;
use crate::session_list::end_sessions;
use crate::user_token::bad_token;

/// Requests that are worked on at once, after their answer; more wait for theirs.
pub(crate) const AT_ONCE: usize = 32;
/// An account gets at most one mail in so many seconds.
const PAUSE: i64 = 300;

/// Who forgot their password.
pub struct Forgotten {
    /// The address as sent.
    pub email: String,
    /// Which tenant; else it is found by the address, as at a sign-in.
    pub tenant_slug: Option<String>,
}

impl App {
    /// Sends an active local user a link to set a new password, some time after this returned. Says nothing of whether there is
    /// such a user; without mail nothing is done.
    pub async fn request_password_reset(&self, origin: Origin, of: Forgotten) -> Result<()> {
        if !self.sends_mail() {
            return Ok(());
        }
        let place = self.0.letters.clone().acquire_owned().await.map_err(Error::internal)?;
        let app = self.clone();
        tokio::spawn(async move {
            if let Err(e) = app.send_reset(origin, of).await {
                tracing::error!(error = ?e, "a link for a new password could not be written");
            }
            drop(place);
        });
        Ok(())
    }
    async fn send_reset(&self, origin: Origin, of: Forgotten) -> Result<()> {
        let Ok(email) = Email::parse(&of.email) else { return Ok(()) };
        let Some(tenancy) = self.login_tenant(of.tenant_slug.as_deref(), Some(&email)).await? else { return Ok(()) };
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        let Some(post) = self.post(&cx).await? else { return Ok(()) };
        let token = Purpose::PasswordReset.generate(&*self.0.random);
        let link = self.link("reset-password", token.raw.expose());
        let c = Request { email, hash: *token.hash.bytes(), link, post, scribe: self.scribe(&cx) };
        self.0.db.write(cx, c, request).await.map_err(Error::from)
    }

    /// Sets a new password with the token of the mail: the address is proved by that, all sessions end, and nobody is signed in.
    /// Answers where to sign in then. 400 `invalid_token`, `weak_password`.
    pub async fn reset_password(&self, origin: Origin, token: &str, password: Password) -> Result<Doorway> {
        // an old link says so before anybody hears what is wrong with their password
        let (cx, whom, user) = self.by_reset(origin, token).await?;
        self.check_password(&cx, &password, Owner { email: &user.email, name: &user.title }).await?;
        let password = self.hash(password).await?;
        let account = self.account(&cx, &user.email).await?;
        let c = Reset { whom, password, account, post: self.post(&cx).await?, scribe: self.scribe(&cx) };
        self.0.db.write(cx.clone(), c, reset).await?;
        self.own_doorway(&cx).await
    }
    /// Where the token of a mail sets a new password. Looking changes nothing: programs that read mails follow their links. 400
    /// `invalid_token`.
    pub async fn resetting(&self, origin: Origin, token: &str) -> Result<Doorway> {
        let (cx, ..) = self.by_reset(origin, token).await?;
        self.own_doorway(&cx).await
    }
    async fn by_reset(&self, origin: Origin, token: &str) -> Result<(Ctx, Bearer, User)> {
        let hash = *Purpose::PasswordReset.parse(token).map_err(|_| bad_token())?.bytes();
        let found = self.0.db.read(self.nowhere(), &hash, directory::user_by_reset).await?;
        let ((tenant, _), id) = found.ok_or_else(bad_token)?;
        let tenancy = self.tenancy_of(tenant).await?;
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        let whom = Bearer { id: Id::from_uuid(id), hash };
        let user = self.0.db.read(cx.clone(), &whom, live).await?.ok_or_else(bad_token)?;
        Ok((cx, whom, user))
    }
}

struct Request {
    email: Email,
    hash: [u8; 32],
    link: String,
    post: Post,
    scribe: Scribe,
}
async fn request(tx: &mut Tx, c: &Request) -> portcullis_store::Result<()> {
    let now = tx.cx.now;
    let Some(user) = user::facts_by_email(tx, &c.email).await?.filter(may_reset) else { return Ok(()) };
    // when the last one was sent is read off its end
    let wait = |end: Timestamp| end.plus_seconds(PAUSE - RESET_SECONDS) > now;
    if user::reset_ends(tx, user.id).await?.is_some_and(wait) {
        return Ok(());
    }
    user::set_reset(tx, user.id, Some((&c.hash, now.plus_seconds(RESET_SECONDS)))).await?;
    let letter = c.post.letter(Template::PasswordReset, user.name(), &c.link);
    c.post.write(tx, Some(user.id), &user.email, &letter).await?;
    c.scribe.write(tx, c.scribe.event("password.reset_requested", "user", user.id));
    Ok(())
}
/// Others have no password here, or none yet.
fn may_reset(user: &User) -> bool {
    user.auth_provider == AuthProvider::Local && user.state == UserState::Active
}

struct Bearer {
    id: Id<User>,
    hash: [u8; 32],
}
async fn live(tx: &mut Tx, b: &Bearer) -> portcullis_store::Result<Option<User>> {
    Ok(user::by_reset(tx, b.id, &b.hash).await?.filter(may_reset))
}

struct Reset {
    whom: Bearer,
    password: String,
    account: String,
    /// Tells them, if mail is still set up.
    post: Option<Post>,
    scribe: Scribe,
}
async fn reset(tx: &mut Tx, c: &Reset) -> portcullis_store::Result<()> {
    let (now, id) = (tx.cx.now, c.whom.id);
    let before = live(tx, &c.whom).await?.ok_or_else(bad_token)?;
    // takes the token away, too
    user::set_password(tx, id, &c.password, now).await?;
    // an older invitation must not set another password after this one
    user::set_token(tx, id, None).await?;
    attempt::clear(tx, &c.account).await?;
    c.scribe.write(tx, c.scribe.event("password.reset", "user", id).with("cause", "link"));
    if !before.email_verified {
        user::update(tx, &User { email_verified: true, updated_at: now, ..before.clone() }).await?;
        c.scribe.write(tx, c.scribe.event("user.email_verified", "user", id));
    }
    end_sessions(tx, &c.scribe, id, "password_reset", None).await?;
    if let Some(post) = &c.post {
        post.write(tx, Some(id), &before.email, &post.letter(Template::PasswordChanged, before.name(), "")).await?;
    }
    tx.bump().await?;
    Ok(())
}
