//! The links of invitations and of mails that ask whether an address is one's own: what their tokens do (spec v1 7.3, 9.5).
use std::sync::Arc;

use portcullis_crypto::password::{Owner, Password};
use portcullis_crypto::token::Purpose;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Code, Ctx, Error, Id, Principal, Result};
use portcullis_store::{Tx, directory, user};

use crate::App;
use crate::app::Scribe;
use crate::authenticate::{Origin, context};
use crate::session_list::end_sessions;

/// The stored purpose of an invitation.
pub(crate) const INVITATION: &str = "invitation";
/// The stored purpose of what proves an address and nothing else.
pub(crate) const VERIFICATION: &str = "verification";

/// An address that was proved.
pub struct Verified {
    /// It.
    pub email: String,
    /// A first password is set next, with the same token.
    pub invited: bool,
}

impl App {
    /// Proves an address with the token of an invitation or of the mail that asks for it.
    pub async fn verify_email(&self, origin: Origin, token: String) -> Result<Verified> {
        let purpose = token.parse().map_err(|_| bad_token())?;
        let stored = match purpose {
            Purpose::Invitation => INVITATION,
            Purpose::EmailVerification => VERIFICATION,
            _ => return Err(bad_token()),
        };
        let (cx, id, hash) = self.by_token(origin, purpose, &token).await?;
        let c = Token { id, purpose: stored, hash, password: None, scribe: self.scribe(&cx) };
        let email = self.0.db.write(cx, c, use_token).await?;
        Ok(Verified { email, invited: purpose == Purpose::Invitation })
    }
    /// Sets the first password with the same token, after `verify_email`.
    pub async fn set_initial_password(&self, origin: Origin, token: String, password: Password) -> Result<()> {
        let (cx, id, hash) = self.by_token(origin, Purpose::Invitation, &token).await?;
        let user = self.0.db.read(cx.clone(), &id, by_id).await?.ok_or_else(bad_token)?;
        if !user.email_verified {
            return Err(Error::new(
                Code::EmailNotVerified,
                "Verify the e-mail address first: POST /v1/auth/verify-email.",
            ));
        }
        self.check_password(&cx, &password, Owner { email: &user.email, name: &user.title }).await?;
        let password = Some(self.hash(password).await?);
        let c = Token { id, purpose: INVITATION, hash, password, scribe: self.scribe(&cx) };
        self.0.db.write(cx, c, use_token).await?;
        Ok(())
    }
    /// Whose token this is, if it is one of this purpose.
    pub(crate) async fn by_token(
        &self,
        origin: Origin,
        purpose: Purpose,
        token: &str,
    ) -> Result<(Ctx, Id<User>, [u8; 32])> {
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

async fn by_id(tx: &mut Tx, id: &Id<User>) -> portcullis_store::Result<Option<User>> {
    user::facts(tx, *id).await
}

struct Token {
    id: Id<User>,
    purpose: &'static str,
    hash: [u8; 32],
    /// With a password the token is spent.
    password: Option<String>,
    scribe: Scribe,
}
async fn use_token(tx: &mut Tx, c: &Token) -> portcullis_store::Result<String> {
    let now = tx.cx.now;
    let found = user::by_token(tx, c.id, c.purpose, &c.hash, now).await?;
    let before = found.filter(|u| u.state != UserState::Suspended).ok_or_else(bad_token)?;
    let mut after = User { email_verified: true, updated_at: now, ..before.clone() };
    if c.password.is_some() || c.purpose == VERIFICATION {
        user::set_token(tx, c.id, None).await?;
    }
    if let Some(hash) = &c.password {
        after.state = UserState::Active;
        user::set_password(tx, c.id, hash, now).await?;
        end_sessions(tx, &c.scribe, c.id, "password", None).await?;
    }
    if before.email_verified && c.password.is_none() {
        // nothing new: a second look at the same link
        return Ok(before.email.to_string());
    }
    user::update(tx, &after).await?;
    if !before.email_verified {
        c.scribe.write(tx, c.scribe.event("user.email_verified", "user", c.id));
    }
    if c.password.is_some() {
        c.scribe.write(tx, c.scribe.event("user.activated", "user", c.id));
    }
    tx.bump().await?;
    Ok(after.email.to_string())
}
