//! Prospects: who left an address for some activity (spec v1beta1 2.3.18, 3.16).
//!
//! Their events name no address, name or number: whoever is deleted here leaves nothing behind.
use portcullis_domain::prospect::{Content, Prospect};
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, prospect};
use serde_json::Value;
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::holder::MOST;
use crate::{Answer, App, Reply};

impl App {
    /// Somebody signs up, for themselves: anybody may, once for each address and activity. Whether the address was there before
    /// is not told. The edge counts how often an address of the network does it.
    pub async fn sign_up(&self, cx: &Ctx, content: Content) -> Result<()> {
        self.snapshot(cx).await?.schemas.check("prospect", &content.metadata)?;
        let command = self.to_insert(cx, content);
        self.0.db.write(cx.clone(), command, sign_up).await.map_err(Error::from)
    }
    /// Makes one. Superusers.
    pub async fn create_prospect(&self, cx: &Ctx, new: Result<Content>, reply: Reply<Prospect>) -> Result<Answer> {
        let command = async {
            let content = new?;
            self.snapshot(cx).await?.schemas.check("prospect", &content.metadata)?;
            Ok(self.to_insert(cx, content))
        };
        self.answer(cx, Gate::superuser("prospects:create"), command, reply, create).await
    }
    /// One of them. Superusers.
    pub async fn get_prospect(&self, cx: &Ctx, id: Id<Prospect>) -> Result<Prospect> {
        self.allow(cx, &Gate::superuser("prospects:read")).await?;
        self.0.db.read(cx.clone(), &id, by_id).await?.ok_or_else(|| Error::not_found("prospect"))
    }
    /// Replaces what may change. Superusers.
    pub async fn update_prospect(&self, cx: &Ctx, id: Id<Prospect>, new: Result<Content>) -> Result<Prospect> {
        let command = async {
            let content = new?;
            self.snapshot(cx).await?.schemas.check("prospect", &content.metadata)?;
            Ok(Update { id, content, scribe: self.scribe(cx) })
        };
        self.apply(cx, Gate::superuser("prospects:update"), command, update).await
    }
    /// Removes one. Superusers.
    pub async fn delete_prospect(&self, cx: &Ctx, id: Id<Prospect>) -> Result<()> {
        let command = async { Ok(Delete { id, scribe: self.scribe(cx) }) };
        self.apply(cx, Gate::superuser("prospects:delete"), command, delete).await
    }
    /// The newest of them, newest first, and how many there are in all: the rows that a search looks at, `enough` of them if it
    /// needs no more. Superusers.
    pub async fn list_prospects(&self, cx: &Ctx, enough: Option<usize>) -> Result<(Vec<Prospect>, usize)> {
        self.allow(cx, &Gate::superuser("prospects:list")).await?;
        let (found, count) = self.0.db.scan(cx.clone(), enough.unwrap_or(usize::MAX).min(MOST + 1), list).await?;
        if found.len() > MOST {
            let hint = "A search looks at 10,000 prospects at most. Page through the newest without filters and sort.";
            return Err(Error::new(Code::RateLimited, hint));
        }
        Ok((found, count))
    }

    fn to_insert(&self, cx: &Ctx, content: Content) -> Insert {
        let now = cx.now;
        let prospect = Prospect { id: self.id(cx), content, changed_at: now, created_at: now, updated_at: now };
        Insert { prospect, scribe: self.scribe(cx) }
    }
}

struct Insert {
    prospect: Prospect,
    scribe: Scribe,
}
async fn sign_up(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<()> {
    insert(tx, c).await.map(drop)
}
async fn create(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<Prospect> {
    if insert(tx, c).await? { Ok(c.prospect.clone()) } else { Err(taken(Code::AlreadyExists).into()) }
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<bool> {
    let new = prospect::insert(tx, &c.prospect).await?;
    if new {
        let of = &c.prospect.content;
        let event = c
            .scribe
            .event("prospect.created", "prospect", c.prospect.id)
            .change("activity", Value::Null, of.activity.as_str())
            .change("source", Value::Null, of.source.as_str())
            .change("status", Value::Null, of.status.as_str())
            .change("verified", Value::Null, of.verified);
        c.scribe.write(tx, event);
    }
    Ok(new)
}
/// The codes are Frontier's, and differ between its calls.
fn taken(code: Code) -> Error {
    Error::new(code, "already exist: a prospect with this address and activity").detail("field", "email")
}

struct Update {
    id: Id<Prospect>,
    content: Content,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Prospect> {
    let before = present(tx, c.id).await?;
    let other = prospect::by_email(tx, &c.content.email, &c.content.activity).await?;
    if other.is_some_and(|o| o.id != c.id) {
        return Err(taken(Code::InvalidInput).into());
    }
    if before.content == c.content {
        return Ok(before);
    }
    let now = tx.cx.now;
    let changed_at = if before.content.status == c.content.status { before.changed_at } else { now };
    let after = Prospect { content: c.content.clone(), changed_at, updated_at: now, ..before.clone() };
    prospect::update(tx, &after).await.map_err(|e| e.when_conflict("prospects_email", || taken(Code::InvalidInput)))?;
    let (old, new) = (&before.content, &after.content);
    // that somebody's address changed is told; what it is is not
    let personal = [
        ("email", *old.email != *new.email),
        ("name", old.name != new.name),
        ("phone", old.phone != new.phone),
        ("metadata", old.metadata != new.metadata),
    ];
    let personal: Vec<&str> = personal.iter().filter(|(_, changed)| *changed).map(|(name, _)| *name).collect();
    let event = c
        .scribe
        .event("prospect.updated", "prospect", c.id)
        .change("activity", old.activity.as_str(), new.activity.as_str())
        .change("source", old.source.as_str(), new.source.as_str())
        .change("status", old.status.as_str(), new.status.as_str())
        .change("verified", old.verified, new.verified)
        .with("changed", personal);
    c.scribe.write(tx, event);
    Ok(after)
}

struct Delete {
    id: Id<Prospect>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let before = present(tx, c.id).await?;
    prospect::delete(tx, c.id).await?;
    let event = c.scribe.event("prospect.deleted", "prospect", c.id).with("activity", before.content.activity);
    c.scribe.write(tx, event);
    Ok(())
}
async fn present(tx: &mut Tx, id: Id<Prospect>) -> portcullis_store::Result<Prospect> {
    Ok(prospect::by_id(tx, id).await?.ok_or_else(|| Error::not_found("prospect"))?)
}

async fn by_id(tx: &mut Tx, id: &Id<Prospect>) -> portcullis_store::Result<Option<Prospect>> {
    prospect::by_id(tx, *id).await
}
async fn list(tx: &mut Tx, enough: &usize) -> portcullis_store::Result<(Vec<Prospect>, usize)> {
    let (count, mut out) = (prospect::count(tx).await?, vec![]);
    while out.len() < *enough {
        let page = prospect::newest(tx, out.last().map_or(Uuid::max(), |p: &Prospect| p.id.uuid())).await?;
        if page.is_empty() {
            break;
        }
        out.extend(page);
    }
    out.truncate(*enough);
    Ok((out, count))
}
