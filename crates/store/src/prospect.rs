//! Rows of prospects.
use portcullis_domain::Id;
use portcullis_domain::prospect::{Content, Prospect, Status};
use portcullis_domain::value::Email;
use uuid::Uuid;

use crate::row::{json, json_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, email, name, phone, activity, status, changed_at, source, verified, metadata, created_at, updated_at"
    };
}

statements! {
    // one who is there is written again as they were: whether somebody was there before is not told by the time that this takes
    INSERT: write "INSERT INTO prospects (tenant, id, email, name, phone, activity, status, changed_at, source, verified, metadata, \
        created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $8, $8) \
        ON CONFLICT (tenant, email, activity) DO UPDATE SET email = excluded.email RETURNING id";
    UPDATE: write "UPDATE prospects SET email = $3, name = $4, phone = $5, activity = $6, status = $7, changed_at = $8, source = $9, \
        verified = $10, metadata = $11, updated_at = $12 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM prospects WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM prospects WHERE tenant = $1 AND id = $2");
    BY_EMAIL: point concat!("SELECT ", columns!(), " FROM prospects WHERE tenant = $1 AND email = $2 AND activity = $3");
    COUNT: scan "SELECT count(*) FROM prospects WHERE tenant = $1";
    NEWEST: page concat!("SELECT ", columns!(), " FROM prospects WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT 250");
}

fn read(r: &Row<'_>) -> Result<Prospect> {
    let content = Content {
        email: Email::stored(r.text(1)?),
        name: r.text(2)?,
        phone: r.text(3)?,
        activity: r.text(4)?,
        // who cannot be understood is not written to
        status: Status::parse(r.str(5)?).unwrap_or(Status::Unsubscribed),
        source: r.text(7)?,
        verified: r.bool(8)?,
        metadata: json(r.str(9)?),
    };
    Ok(Prospect {
        id: r.id(0)?,
        content,
        changed_at: r.timestamp(6)?,
        created_at: r.timestamp(10)?,
        updated_at: r.timestamp(11)?,
    })
}

/// Writes a new prospect; false, and nothing changed, when this address is there for this activity already.
pub async fn insert(tx: &mut Tx, p: &Prospect) -> Result<bool> {
    let (c, metadata) = (&p.content, json_text(&p.content.metadata));
    let params = [
        p.id.into(),
        P::Text(&c.email),
        P::Text(&c.name),
        P::Text(&c.phone),
        P::Text(&c.activity),
        P::Text(c.status.as_str()),
        p.created_at.into(),
        P::Text(&c.source),
        c.verified.into(),
        P::Text(&metadata),
    ];
    Ok(tx.one(&INSERT, &params, |r| r.uuid(0)).await? == Some(p.id.uuid()))
}
/// Writes what may change.
pub async fn update(tx: &mut Tx, p: &Prospect) -> Result<()> {
    let (c, metadata) = (&p.content, json_text(&p.content.metadata));
    let params = [
        p.id.into(),
        P::Text(&c.email),
        P::Text(&c.name),
        P::Text(&c.phone),
        P::Text(&c.activity),
        P::Text(c.status.as_str()),
        p.changed_at.into(),
        P::Text(&c.source),
        c.verified.into(),
        P::Text(&metadata),
        p.updated_at.into(),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Removes the row.
pub async fn delete(tx: &mut Tx, id: Id<Prospect>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, id: Id<Prospect>) -> Result<Option<Prospect>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// One by address and activity.
pub async fn by_email(tx: &mut Tx, email: &str, activity: &str) -> Result<Option<Prospect>> {
    tx.one(&BY_EMAIL, &[P::Text(email), P::Text(activity)], read).await
}
/// At most 250 before this id, newest first.
pub async fn newest(tx: &mut Tx, before: Uuid) -> Result<Vec<Prospect>> {
    tx.all(&NEWEST, &[before.into()], read).await
}
/// How many there are.
pub async fn count(tx: &mut Tx) -> Result<usize> {
    let count = tx.one(&COUNT, &[], |r| r.int(0)).await?;
    Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX))
}
