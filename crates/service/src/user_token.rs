//! The links of invitations and of mails that ask whether an address is one's own: what their tokens do (spec v1 7.3, 9.5).
use std::sync::Arc;

use portcullis_crypto::password::{Owner, Password};
use portcullis_crypto::token::Purpose;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Code, Ctx, Error, Id, Principal, Result};
use portcullis_store::user::UserToken;
use portcullis_store::{Tx, directory, user};

use crate::App;
use crate::app::Scribe;
use crate::authenticate::{Origin, context};
use crate::letter::LINK_SECONDS;
use crate::session_list::end_sessions;

/// The stored purpose of an invitation.
const INVITATION: &str = "invitation";
/// The stored purpose of what proves an address and nothing else.
const VERIFICATION: &str = "verification";

/// An address that was proved.
pub struct Verified {
    /// It.
    pub email: String,
    /// Where it is known: what `tenant_slug` of a sign-in takes.
    pub tenant_slug: String,
    /// A first password is set next, with the same token.
    pub invited: bool,
}

impl App {
    /// An invitation: the link to show once, and what is stored of it.
    pub(crate) fn invitation(&self, cx: &Ctx) -> (String, UserToken) {
        self.user_token(cx, Purpose::Invitation, "invitation", INVITATION)
    }
    /// What asks somebody whether an address is their own: the link, and what is stored of it.
    pub(crate) fn verification(&self, cx: &Ctx) -> (String, UserToken) {
        self.user_token(cx, Purpose::EmailVerification, "verify-email", VERIFICATION)
    }
    fn user_token(&self, cx: &Ctx, of: Purpose, page: &str, purpose: &'static str) -> (String, UserToken) {
        let token = of.generate(&*self.0.random);
        let expires_at = cx.now.plus_seconds(LINK_SECONDS);
        (self.link(page, token.raw.expose()), UserToken { purpose, hash: *token.hash.bytes(), expires_at })
    }

    /// Proves an address with the token of an invitation or of the mail that asks for it.
    pub async fn verify_email(&self, origin: Origin, token: String) -> Result<Verified> {
        let purpose = token.parse().map_err(|_| bad_token())?;
        let stored = match purpose {
            Purpose::Invitation => INVITATION,
            Purpose::EmailVerification => VERIFICATION,
            _ => return Err(bad_token()),
        };
        let (cx, id, hash) = self.by_token(origin, purpose, &token).await?;
        let c = Token { key: Key { id, purpose: stored, hash }, password: None, scribe: self.scribe(&cx) };
        let email = self.0.db.write(cx.clone(), c, use_token).await?;
        let tenant_slug = self.own_doorway(&cx).await?.slug;
        Ok(Verified { email, tenant_slug, invited: purpose == Purpose::Invitation })
    }
    /// Sets the first password with the same token, after `verify_email`.
    pub async fn set_initial_password(&self, origin: Origin, token: String, password: Password) -> Result<()> {
        let (cx, id, hash) = self.by_token(origin, Purpose::Invitation, &token).await?;
        let key = Key { id, purpose: INVITATION, hash };
        // a dead link says so before anybody hears what is wrong with their password
        let user = self.0.db.read(cx.clone(), &key, live).await?.ok_or_else(bad_token)?;
        if !user.email_verified {
            return Err(Error::new(
                Code::EmailNotVerified,
                "Verify the e-mail address first: POST /v1/auth/verify-email.",
            ));
        }
        self.check_password(&cx, &password, Owner { email: &user.email, name: &user.title }).await?;
        let password = Some(self.hash(password).await?);
        let c = Token { key, password, scribe: self.scribe(&cx) };
        self.0.db.write(cx, c, use_token).await?;
        Ok(())
    }
    /// Whom the live token of an invitation is for, and where.
    pub(crate) async fn by_invitation(&self, origin: Origin, token: &str) -> Result<(Ctx, User)> {
        let (cx, id, hash) = self.by_token(origin, Purpose::Invitation, token).await?;
        let user = self.0.db.read(cx.clone(), &Key { id, purpose: INVITATION, hash }, live).await?;
        Ok((cx, user.ok_or_else(bad_token)?))
    }
    /// Whose token this is, if it is one of this purpose.
    async fn by_token(&self, origin: Origin, purpose: Purpose, token: &str) -> Result<(Ctx, Id<User>, [u8; 32])> {
        let hash = *purpose.parse(token).map_err(|_| bad_token())?.bytes();
        let found = self.0.db.read(self.nowhere(), &hash, directory::user_by_token).await?;
        let ((key, _), id) = found.ok_or_else(bad_token)?;
        let tenancy = self.tenancy_of(key).await?;
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        Ok((cx, Id::from_uuid(id), hash))
    }
}

/// 400 for a token that does nothing any more, or never did.
pub(crate) fn bad_token() -> Error {
    Error::new(Code::InvalidToken, "This link is unknown, used or expired. Ask for a new one.")
}

/// A token as it is stored.
struct Key {
    id: Id<User>,
    purpose: &'static str,
    hash: [u8; 32],
}
/// Whose it is, while it counts.
async fn live(tx: &mut Tx, key: &Key) -> portcullis_store::Result<Option<User>> {
    let now = tx.cx.now;
    let found = user::by_token(tx, key.id, key.purpose, &key.hash, now).await?;
    Ok(found.filter(|u| u.state != UserState::Suspended))
}

struct Token {
    key: Key,
    /// With a password the token is spent.
    password: Option<String>,
    scribe: Scribe,
}
async fn use_token(tx: &mut Tx, c: &Token) -> portcullis_store::Result<String> {
    let now = tx.cx.now;
    let Key { id, purpose, .. } = c.key;
    let before = live(tx, &c.key).await?.ok_or_else(bad_token)?;
    let mut after = User { email_verified: true, updated_at: now, ..before.clone() };
    if c.password.is_some() || purpose == VERIFICATION {
        user::set_token(tx, id, None).await?;
    }
    if let Some(hash) = &c.password {
        after.state = UserState::Active;
        user::set_password(tx, id, hash, now).await?;
        end_sessions(tx, &c.scribe, id, "password", None).await?;
    }
    if before.email_verified && c.password.is_none() {
        // nothing new: a second look at the same link
        return Ok(before.email.to_string());
    }
    user::update(tx, &after).await?;
    if !before.email_verified {
        c.scribe.write(tx, c.scribe.event("user.email_verified", "user", id));
    }
    if c.password.is_some() {
        c.scribe.write(tx, c.scribe.event("user.activated", "user", id));
    }
    tx.bump().await?;
    Ok(after.email.to_string())
}
