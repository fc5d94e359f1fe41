//! Backup codes: made with the first factor, shown once, made anew by their person.
use portcullis_crypto::backup_code::{BackupCode, SET};
use portcullis_crypto::seal::Mac;
use portcullis_crypto::token::Raw;
use portcullis_domain::session::Session;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, backup_code, user};

use crate::app::Scribe;
use crate::mfa::person;
use crate::reauthentication::{alive, fresh, may_enrol};
use crate::tenancy::Tenancy;
use crate::{Answer, App, Reply};

/// Codes to show, and how many count.
#[derive(Clone, Debug)]
pub struct BackupCodes {
    /// Shown once; empty when there are no new ones.
    pub codes: Vec<Raw>,
    /// How many count.
    pub remaining: usize,
}

/// A fresh set: what is shown, and what is kept.
pub(crate) struct NewSet {
    codes: Vec<Raw>,
    tags: Vec<[u8; 32]>,
}
impl NewSet {
    /// Puts them in place of all that the user had.
    pub async fn write(&self, tx: &mut Tx, user: Id<User>) -> portcullis_store::Result<BackupCodes> {
        backup_code::replace(tx, user, &self.tags).await?;
        Ok(BackupCodes { codes: self.codes.clone(), remaining: self.codes.len() })
    }
}
/// What a tenant's codes are digested with.
pub(crate) fn mac(tenancy: &Tenancy) -> Mac {
    tenancy.data_key.mac("backup-code")
}

impl App {
    /// Makes ten new codes; the old ones are dead. Person only, with a fresh sign-in; 409 without a factor.
    pub async fn renew_backup_codes(&self, cx: &Ctx, empty: Result<()>, reply: Reply<BackupCodes>) -> Result<Answer> {
        let (user, session) = person(cx)?;
        let set = self.backup_set(cx, user).await?;
        let command = empty.map(|()| Renew { user, session, set, scribe: self.scribe(cx) });
        self.answer_own(cx, command, reply, renew).await
    }
    pub(crate) async fn backup_set(&self, cx: &Ctx, user: Id<User>) -> Result<NewSet> {
        let mac = mac(&*self.tenancy_of(cx.tenant).await?);
        let mut set = NewSet { codes: vec![], tags: vec![] };
        while set.codes.len() < SET {
            let code = BackupCode::generate(&*self.0.random);
            let tag = code.tag(&mac, user.uuid().as_bytes());
            if !set.tags.contains(&tag) {
                set.codes.push(code.raw());
                set.tags.push(tag);
            }
        }
        Ok(set)
    }
}

struct Renew {
    user: Id<User>,
    session: Id<Session>,
    set: NewSet,
    scribe: Scribe,
}
async fn renew(tx: &mut Tx, c: &Renew) -> portcullis_store::Result<BackupCodes> {
    let session = alive(tx, c.session).await?;
    fresh(&session, tx.cx.now)?;
    let Some(user) = user::facts(tx, c.user).await?.filter(|u| u.mfa_enrolled) else {
        let e = Error::new(Code::Conflict, "Backup codes stand in for a second factor: enrol one first.");
        return Err(e.detail("state", "not_enrolled").into());
    };
    may_enrol(&session, &user)?;
    c.scribe.write(tx, c.scribe.event("mfa.backup_codes_regenerated", "user", c.user));
    c.set.write(tx, c.user).await
}
