//! Rows of deliveries: made with the change that they tell of (`outbox.rs`), claimed and ended by a worker, read as a log.
//!
//! A claim pushes `due_at` to its own end and counts the try, so that a worker that dies leaves a row which is due again, and
//! whoever comes back late finds another count and changes nothing.
use portcullis_domain::webhook::{Delivery, DeliveryState, Webhook};
use portcullis_domain::{Id, Timestamp};
use uuid::Uuid;

use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "webhook_id, event_id, action, state, attempts, due_at, last_status, last_error, duration_ms, created_at, delivered_at"
    };
}

statements! {
    pub(crate) INSERT: write "INSERT INTO webhook_deliveries (tenant, webhook_id, event_id, action, state, attempts, due_at, \
        created_at) VALUES ($1, $2, $3, $4, 'pending', 0, $5, $5)";
    BY_ID: point concat!("SELECT ", columns!(), " FROM webhook_deliveries WHERE tenant = $1 AND webhook_id = $2 AND event_id = $3");
    DUE: page concat!("SELECT ", columns!(), " FROM webhook_deliveries WHERE tenant = $1 AND webhook_id = $2 \
        AND due_at IS NOT NULL AND due_at <= $3 ORDER BY due_at LIMIT 1");
    CLAIM: write "UPDATE webhook_deliveries SET attempts = attempts + 1, due_at = $5 \
        WHERE tenant = $1 AND webhook_id = $2 AND event_id = $3 AND attempts = $4 AND due_at IS NOT NULL";
    END: write "UPDATE webhook_deliveries SET state = $5, due_at = $6, last_status = $7, last_error = $8, duration_ms = $9, \
        delivered_at = $10 WHERE tenant = $1 AND webhook_id = $2 AND event_id = $3 AND attempts = $4 AND state = 'pending'";
    AGAIN: write "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, due_at = $4 \
        WHERE tenant = $1 AND webhook_id = $2 AND event_id = $3";
    WAITING: page "SELECT event_id FROM webhook_deliveries WHERE tenant = $1 AND webhook_id = $2 AND due_at IS NOT NULL \
        ORDER BY due_at LIMIT 250";
    OF_WEBHOOK: page "SELECT event_id FROM webhook_deliveries WHERE tenant = $1 AND webhook_id = $2 ORDER BY event_id LIMIT 250";
    OLD: page "SELECT webhook_id, event_id FROM webhook_deliveries WHERE tenant = $1 AND created_at <= $2 \
        ORDER BY created_at LIMIT 250";
    DELETE: write "DELETE FROM webhook_deliveries WHERE tenant = $1 AND webhook_id = $2 AND event_id = $3";
    NEWEST: page concat!("SELECT ", columns!(), " FROM webhook_deliveries WHERE tenant = $1 AND webhook_id = $2 AND event_id < $3 \
        ORDER BY event_id DESC LIMIT $4");
    NEWEST_IN: scan concat!("SELECT ", columns!(), " FROM webhook_deliveries WHERE tenant = $1 AND webhook_id = $2 \
        AND event_id < $3 AND state = $5 ORDER BY event_id DESC LIMIT $4");
}

fn read(r: &Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        webhook_id: r.id(0)?,
        event_id: r.uuid(1)?,
        action: r.text(2)?,
        state: DeliveryState::parse(r.str(3)?).unwrap_or(DeliveryState::Failed),
        attempts: r.int(4)?,
        due_at: r.opt_timestamp(5)?,
        last_status: r.opt_int(6)?,
        last_error: r.opt_text(7)?,
        duration_ms: r.opt_int(8)?,
        created_at: r.timestamp(9)?,
        delivered_at: r.opt_timestamp(10)?,
    })
}

/// One delivery.
pub async fn by_id(tx: &mut Tx, webhook: Id<Webhook>, event: Uuid) -> Result<Option<Delivery>> {
    tx.one(&BY_ID, &[webhook.into(), event.into()], read).await
}
/// The one of an endpoint that has been due for longest.
pub async fn due(tx: &mut Tx, webhook: Id<Webhook>) -> Result<Option<Delivery>> {
    let now = tx.cx.now;
    tx.one(&DUE, &[webhook.into(), now.into()], read).await
}
/// Takes it until then, as it was seen; false when somebody else did.
pub async fn claim(tx: &mut Tx, seen: &Delivery, until: Timestamp) -> Result<bool> {
    let params = [seen.webhook_id.into(), seen.event_id.into(), seen.attempts.into(), until.into()];
    Ok(tx.run(&CLAIM, &params).await? == 1)
}
/// Writes what became of a try; nothing if it is no longer this try's.
pub async fn end(tx: &mut Tx, d: &Delivery) -> Result<()> {
    let params = [
        d.webhook_id.into(),
        d.event_id.into(),
        d.attempts.into(),
        P::Text(d.state.as_str()),
        d.due_at.into(),
        d.last_status.into(),
        d.last_error.as_deref().into(),
        d.duration_ms.into(),
        d.delivered_at.into(),
    ];
    tx.run(&END, &params).await.map(drop)
}
/// Begins anew.
pub async fn again(tx: &mut Tx, webhook: Id<Webhook>, event: Uuid) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&AGAIN, &[webhook.into(), event.into(), now.into()]).await.map(drop)
}
/// Up to 250 that wait for a try.
pub async fn waiting(tx: &mut Tx, webhook: Id<Webhook>) -> Result<Vec<Uuid>> {
    tx.all(&WAITING, &[webhook.into()], |r| r.uuid(0)).await
}
/// Up to 250 of an endpoint.
pub async fn of_webhook(tx: &mut Tx, webhook: Id<Webhook>) -> Result<Vec<Uuid>> {
    tx.all(&OF_WEBHOOK, &[webhook.into()], |r| r.uuid(0)).await
}
/// Up to 250 that were made before a moment.
pub async fn old(tx: &mut Tx, before: &Timestamp) -> Result<Vec<(Id<Webhook>, Uuid)>> {
    tx.all(&OLD, &[(*before).into()], |r| Ok((r.id(0)?, r.uuid(1)?))).await
}
/// Forgets one.
pub async fn delete(tx: &mut Tx, webhook: Id<Webhook>, event: Uuid) -> Result<()> {
    tx.send(&DELETE, &[webhook.into(), event.into()]).await
}

/// Which part of an endpoint's log is asked for.
#[derive(Clone, Debug)]
pub struct Part {
    /// Whose.
    pub webhook: Id<Webhook>,
    /// In this state only.
    pub state: Option<DeliveryState>,
    /// Older than this event.
    pub before: Option<Uuid>,
    /// At most so many, up to 251.
    pub limit: i64,
}
/// The log, newest first. With a state it walks: run it with [`crate::Db::scan`].
pub async fn newest(tx: &mut Tx, part: &Part) -> Result<Vec<Delivery>> {
    let before = part.before.unwrap_or(Uuid::max());
    let params: [P<'_>; 3] = [part.webhook.into(), before.into(), part.limit.clamp(1, 251).into()];
    match part.state {
        None => tx.all(&NEWEST, &params, read).await,
        Some(state) => {
            let [webhook, before, limit] = params;
            tx.all(&NEWEST_IN, &[webhook, before, limit, P::Text(state.as_str())], read).await
        }
    }
}
