//! Mails are written down in the transaction of the change that they tell of, sealed with the tenant's key, and sent later
//! (`mail_delivery.rs`). Where the operator set up no mail, nothing is written, and links are answered instead (decision 8).
use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_crypto::seal::{Key, Mac};
use portcullis_domain::branding::{Template, Words};
use portcullis_domain::mail::Mail;
use portcullis_domain::port::Random;
use portcullis_domain::user::User;
use portcullis_domain::value::Email;
use portcullis_domain::{Ctx, Error, Id, Result};
use portcullis_store::mail::{self, MailRow};
use portcullis_store::{Tx, attempt, session};
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::App;
use crate::attempt::{in_a_minute, place, wait};
use crate::branding;
use crate::letter::Letter;

/// So many invitations to one address a minute.
const TO_ONE: i64 = 10;
/// So many mails to sign in with to one address a minute, from one place.
const SIGN_INS: i64 = 5;
/// So many from all strange places together.
const STRANGERS_SIGN_INS: i64 = 20;
/// So many by one person (spec v1 2.8).
const BY_ONE: i64 = 30;

/// Writes mails inside a transaction, in the name of one tenant.
#[derive(Clone)]
pub(crate) struct Post {
    /// What people call the tenant.
    tenant: String,
    /// The tenant's words.
    words: Arc<BTreeMap<Template, Words>>,
    key: Key,
    counts: Mac,
    random: Arc<dyn Random>,
}

impl App {
    /// Are mails sent?
    pub(crate) fn sends_mail(&self) -> bool {
        self.0.settings.mail
    }
    /// What writes mails of the context's tenant; `None` where none are sent.
    pub(crate) async fn post(&self, cx: &Ctx) -> Result<Option<Post>> {
        if !self.sends_mail() {
            return Ok(None);
        }
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let shown = self.0.db.read(cx.clone(), &(), branding::shown).await?;
        let (tenant, branding) = shown.ok_or_else(|| Error::not_found("tenant"))?;
        let post = self.post_of(branding.name.unwrap_or(tenant.name), tenancy.data_key.clone());
        Ok(Some(Post { words: Arc::new(branding.mails), ..post }))
    }
    /// The same for a tenant of this name, with its key.
    pub(crate) fn post_of(&self, tenant: String, key: Key) -> Post {
        Post { tenant, words: Arc::default(), counts: key.mac("mail"), key, random: self.0.random.clone() }
    }
    /// A link of ours or, where the operator has pages of their own, of theirs.
    pub(crate) fn link(&self, page: &str, token: &str) -> String {
        let settings = &self.0.settings;
        format!("{}/{page}?token={token}", settings.pages_url.as_ref().unwrap_or(&settings.public_url))
    }
}

impl Post {
    /// A letter to somebody of this name, with the link or code that it is about.
    pub fn letter(&self, template: Template, name: &str, value: &str) -> Letter {
        Letter::of(template, &self.tenant, self.words.get(&template), name, value)
    }
    /// Writes a letter down, in the place of one that it replaces.
    pub async fn write(
        &self,
        tx: &mut Tx,
        user: Option<Id<User>>,
        to: &Email,
        letter: &Letter,
    ) -> portcullis_store::Result<()> {
        if let Some(user) = user
            && letter.purpose.replaces()
        {
            mail::delete_older(tx, user, letter.purpose).await?;
        }
        let now = tx.cx.now;
        let id: Id<Mail> = Id::new(now, &*self.random);
        let body = json!({ "to": **to, "subject": letter.subject, "text": letter.text, "html": letter.html });
        let body = Zeroizing::new(body.to_string());
        let row = MailRow {
            id,
            user_id: user,
            purpose: letter.purpose,
            sealed: self.key.seal(&aad(id), body.as_bytes(), &*self.random),
            of_many: letter.of_many,
            attempts: 0,
            due_at: now,
            created_at: now,
            expires_at: now.plus_seconds(letter.seconds),
        };
        mail::insert(tx, &row).await
    }
    /// Counts a mail to sign in with: 429 after 5 within a minute to one address from one place, and after 20 from all places that the
    /// address has not signed in from: so nobody keeps a person out where they are known.
    pub async fn count_sign_in(&self, tx: &mut Tx, to: &Email, user: Option<Id<User>>) -> portcullis_store::Result<()> {
        const WHY: &str = "This address was sent many mails just now.";
        // the same statements whether somebody is there or not
        let user = user.unwrap_or(Id::from_uuid(Uuid::nil()));
        let known: Vec<String> = session::addresses(tx, user).await?.into_iter().map(place).collect();
        let here = tx.cx.ip.map(place).unwrap_or_default();
        self.count(tx, &[b"sign-ins", to.as_bytes(), here.as_bytes()], SIGN_INS, WHY).await?;
        if known.contains(&here) {
            return Ok(());
        }
        self.count(tx, &[b"sign-ins", to.as_bytes()], STRANGERS_SIGN_INS, WHY).await
    }
    /// Counts an invitation: 429 after 10 within a minute to one address, whoever asks for them, and after 30 by one person.
    pub async fn count_invitation(&self, tx: &mut Tx, to: &Email) -> portcullis_store::Result<()> {
        self.count(tx, &[b"invitations", to.as_bytes()], TO_ONE, "This address was invited too often.").await?;
        match tx.cx.principal.user_id() {
            Some(by) => {
                let by = by.uuid();
                self.count(tx, &[b"inviters", by.as_bytes()], BY_ONE, "You have sent many invitations just now.").await
            }
            // a machine invites in the name of the customer's own software, which has its own limits
            None => Ok(()),
        }
    }
    async fn count(&self, tx: &mut Tx, of: &[&[u8]], most: i64, why: &str) -> portcullis_store::Result<()> {
        let now = tx.cx.now;
        let subject = data_encoding::HEXLOWER.encode(&self.counts.tag(of)[..16]);
        let before = attempt::find(tx, &subject).await?.unwrap_or_default();
        if before.blocked_until > now {
            return Err(wait(before.blocked_until, now, why).into());
        }
        attempt::set(tx, &subject, &in_a_minute(before, now, most)).await
    }
}

/// The mail that a row is.
pub(crate) fn open(key: &Key, row: &MailRow) -> Result<Mail> {
    let body = key.open(&aad(row.id), &row.sealed).map_err(Error::internal)?;
    let mut body: Value = serde_json::from_slice(&body).map_err(Error::internal)?;
    let mut take = |name: &str| match body[name].take() {
        Value::String(text) => text,
        _ => String::new(),
    };
    Ok(Mail {
        id: row.id.uuid(),
        to: Email::stored(take("to")),
        subject: take("subject"),
        text: take("text"),
        html: Some(take("html")),
        at: row.created_at,
    })
}

fn aad(id: Id<Mail>) -> Vec<u8> {
    [b"mail:", &id.uuid().as_bytes()[..]].concat()
}
