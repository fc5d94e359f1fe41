//! Rows of webhook endpoints.
use portcullis_domain::Id;
use portcullis_domain::organization::State;
use portcullis_domain::webhook::{Subscription, Webhook};

use crate::row::{json, json_text, words, words_text};
use crate::{P, Result, Row, Tx};

/// A tenant has at most so many: every event may become a delivery for each of them, in the commit of the change.
pub const MOST: usize = 20;

macro_rules! columns {
    () => {
        "id, url, description, events, headers, secret, state, metadata, created_at, updated_at"
    };
}

statements! {
    INSERT: write "INSERT INTO webhooks (tenant, id, url, description, events, headers, secret, state, metadata, created_at, \
        updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    UPDATE: write "UPDATE webhooks SET url = $3, description = $4, events = $5, headers = $6, state = $7, metadata = $8, \
        updated_at = $9 WHERE tenant = $1 AND id = $2";
    DELETE: write "DELETE FROM webhooks WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM webhooks WHERE tenant = $1 AND id = $2");
    BY_URL: point concat!("SELECT ", columns!(), " FROM webhooks WHERE tenant = $1 AND url = $2");
    ALL_WEBHOOKS: page concat!("SELECT ", columns!(), " FROM webhooks WHERE tenant = $1 ORDER BY id LIMIT 250");
    ENABLED: page "SELECT id, events FROM webhooks WHERE tenant = $1 AND state = 'enabled' ORDER BY id LIMIT 250";
}

fn read(r: &Row<'_>) -> Result<Webhook> {
    Ok(Webhook {
        id: r.id(0)?,
        url: r.text(1)?,
        description: r.text(2)?,
        events: words(r.str(3)?),
        sealed_headers: r.bytes(4)?,
        sealed_secret: r.bytes(5)?,
        // an unknown state must not open a door
        state: State::parse(r.str(6)?).unwrap_or(State::Disabled),
        metadata: json(r.str(7)?),
        created_at: r.timestamp(8)?,
        updated_at: r.timestamp(9)?,
    })
}

/// Writes a new one; false, and nothing written, when its URL is taken.
pub async fn insert(tx: &mut Tx, w: &Webhook) -> Result<bool> {
    let (events, metadata) = (words_text(&w.events), json_text(&w.metadata));
    let params = [
        w.id.into(),
        P::Text(&w.url),
        P::Text(&w.description),
        P::Text(&events),
        P::Bytes(&w.sealed_headers),
        P::Bytes(&w.sealed_secret),
        P::Text(w.state.as_str()),
        P::Text(&metadata),
        w.created_at.into(),
        w.updated_at.into(),
    ];
    Ok(tx.run(&INSERT, &params).await? == 1)
}
/// Writes what may change of it: everything but its secret.
pub async fn update(tx: &mut Tx, w: &Webhook) -> Result<()> {
    let (events, metadata) = (words_text(&w.events), json_text(&w.metadata));
    let params = [
        w.id.into(),
        P::Text(&w.url),
        P::Text(&w.description),
        P::Text(&events),
        P::Bytes(&w.sealed_headers),
        P::Text(w.state.as_str()),
        P::Text(&metadata),
        w.updated_at.into(),
    ];
    tx.run(&UPDATE, &params).await.map(drop)
}
/// Deletes one.
pub async fn delete(tx: &mut Tx, id: Id<Webhook>) -> Result<()> {
    tx.run(&DELETE, &[id.into()]).await.map(drop)
}
/// One endpoint.
pub async fn by_id(tx: &mut Tx, id: Id<Webhook>) -> Result<Option<Webhook>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// The one with this URL.
pub async fn by_url(tx: &mut Tx, url: &str) -> Result<Option<Webhook>> {
    tx.one(&BY_URL, &[P::Text(url)], read).await
}
/// All of the tenant, oldest first.
pub async fn all(tx: &mut Tx) -> Result<Vec<Webhook>> {
    tx.all(&ALL_WEBHOOKS, &[], read).await
}
/// Who wants to be told of what.
pub async fn subscriptions(tx: &mut Tx) -> Result<Vec<Subscription>> {
    tx.all(&ENABLED, &[], |r| Ok(Subscription { webhook: r.id(0)?, events: words(r.str(1)?) })).await
}
