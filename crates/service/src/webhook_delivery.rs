//! The courier: what a commit left for webhooks (`store/src/outbox.rs`) is signed, sent, tried again, and kept as a log.
//!
//! An endpoint's deliveries are sent one after the other, oldest first, by one task a node; endpoints do not wait for one
//! another, and a tenant has at most [`OF_TENANT`] of the places. After a failure the endpoint rests. Whoever claims a delivery
//! has it until its claim ends, so that any number of nodes may work and one that dies loses nothing: at least once, each
//! under one id.
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use data_encoding::HEXLOWER;
use portcullis_audit::entry::entry;
use portcullis_authz::Target;
use portcullis_domain::organization::State;
use portcullis_domain::outbound::{Message, Outbound, Outcome};
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::webhook::{Delivery, DeliveryState, Webhook};
use portcullis_domain::{Ctx, Error, Id, Principal, Result, Timestamp, event_name};
use portcullis_store::audit::AuditRow;
use portcullis_store::directory::{self, Waiting};
use portcullis_store::{Tx, audit, tenant, webhook, webhook_delivery};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::app::Scribe;
use crate::audit_record;
use crate::authorize::Gate;
use crate::delivery::{Crew, Shift, pause};
use crate::tenancy::Tenancy;
use crate::webhook::{by_id, open_headers, open_secret, origin};
use crate::{Answer, App, Page, PageRequest, Reply};

/// Endpoints that a node serves at once, and how many of them may be one tenant's.
const AT_ONCE: usize = 256;
const OF_TENANT: usize = 4;
/// Endpoints that one round looks at, and deliveries of one before others have their turn.
const ROUND: usize = 1_024;
const TURN: usize = 16;
/// A claim ends by itself after so many seconds: longer than any try takes.
const CLAIM: i64 = 60;
/// Tries of one delivery; with [`pause`] between them they last three days.
const TRIES: i64 = 18;
const DAYS: i64 = 3 * 86_400;
/// The pause after the first try of a delivery, and the longest one, in seconds.
const FIRST_PAUSE: i64 = 10;
const LONGEST_PAUSE: i64 = 43_200;
/// An endpoint that failed rests at most so long before another of its deliveries is tried.
const REST: i64 = 300;
/// Deliveries are kept for so many seconds.
pub(crate) const KEPT: i64 = 30 * 86_400;

/// Before the first endpoint.
const START: (TenantKey, Uuid) = (TenantKey(0), Uuid::nil());

/// What is under way on this node.
pub struct Courier {
    outbound: Arc<dyn Outbound>,
    desk: Arc<Mutex<Desk>>,
    crew: Crew,
}
struct Desk {
    busy: HashSet<(TenantKey, Uuid)>,
    of_tenant: HashMap<TenantKey, usize>,
    resting: HashMap<(TenantKey, Uuid), Timestamp>,
    /// Where the last round ended: all endpoints have their turn.
    last: (TenantKey, Uuid),
}
impl Courier {
    /// Sends through this.
    pub fn new(outbound: Arc<dyn Outbound>) -> Self {
        let desk = Desk { busy: HashSet::new(), of_tenant: HashMap::new(), resting: HashMap::new(), last: START };
        Self { outbound, desk: Arc::new(Mutex::new(desk)), crew: Crew::new(AT_ONCE) }
    }
    /// Waits for what is under way.
    pub async fn settle(&self) {
        self.crew.settle().await;
    }
    /// Ends after the tries that are under way.
    pub async fn finish(&self) {
        self.crew.finish().await;
    }
    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }
}
fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An endpoint's place at the desk; free again when it is dropped.
struct Seat {
    desk: Arc<Mutex<Desk>>,
    of: (TenantKey, Uuid),
    _place: OwnedSemaphorePermit,
}
impl Drop for Seat {
    fn drop(&mut self) {
        let mut desk = lock(&self.desk);
        desk.busy.remove(&self.of);
        match desk.of_tenant.get_mut(&self.of.0) {
            Some(n) if *n > 1 => *n -= 1,
            _ => drop(desk.of_tenant.remove(&self.of.0)),
        }
    }
}

impl App {
    /// One round: looks for endpoints with something due and begins to serve them, each on a task of its own. How many were
    /// begun.
    pub async fn deliver(&self, courier: &Courier) -> Result<usize> {
        let mut tasks = courier.crew.tasks().await;
        let now = self.0.clock.now();
        let begin = {
            let mut desk = courier.desk();
            desk.resting.retain(|_, until| *until > now);
            desk.last
        };
        let (mut at, mut wrapped, mut begun, mut turn) = (begin, false, 0, None);
        for _ in 0..ROUND {
            let Some(found) = self.0.db.read_single(self.nowhere(), &at, next).await? else {
                at = START;
                if wrapped || begin == START {
                    break;
                }
                wrapped = true;
                continue;
            };
            let here = (found.tenant, found.webhook);
            if wrapped && here > begin {
                break;
            }
            let Some(place) = courier.crew.place() else { break };
            at = here;
            if found.due_at <= now
                && let Some(seat) = seat(courier, at, place)
            {
                let (app, outbound, shift) = (self.clone(), courier.outbound.clone(), courier.crew.shift(TURN));
                tasks.spawn(async move { app.serve(&*outbound, seat, shift).await });
                begun += 1;
                turn = Some(here);
            }
        }
        // the next round begins after the last one that got a place
        courier.desk().last = turn.unwrap_or(at);
        Ok(begun)
    }

    /// Some deliveries of one endpoint.
    async fn serve(&self, outbound: &dyn Outbound, seat: Seat, shift: Shift) {
        if let Err(e) = shift.serve(|| self.serve_one(outbound, &seat)).await {
            tracing::error!(error = ?e, webhook = %seat.of.1, "a webhook could not be served");
        }
    }
    /// True: there may be more.
    async fn serve_one(&self, outbound: &dyn Outbound, seat: &Seat) -> Result<bool> {
        let tenancy = self.tenancy_of(seat.of.0).await?;
        let principal = Arc::new(Principal::system());
        let cx = Ctx { principal, ..self.nowhere().in_tenant(tenancy.key, tenancy.id) };
        let id = Id::from_uuid(seat.of.1);
        let claimed = self.0.db.write(cx.clone(), Claim { webhook: id }, claim).await?;
        let (w, d, event) = match claimed {
            Claimed::Nothing => return Ok(false),
            Claimed::Dropped => return Ok(true),
            Claimed::Try(w, d, event) => (w, d, event),
        };
        let outcome = match event.as_deref().map(|event| self.written(&tenancy, &w, &d, event)) {
            Some(Ok(message)) => Some(outbound.post(&message).await),
            Some(Err(e)) => {
                tracing::error!(error = ?e, webhook = %w.id, event = %d.event_id, "a delivery could not be written");
                None
            }
            None => None,
        };
        let now = self.0.clock.now();
        let mut chance = [0];
        self.0.random.fill(&mut chance);
        let ended = judged(d, outcome, now, chance[0]);
        let failed = ended.state != DeliveryState::Delivered;
        if failed {
            let until = ended.due_at.unwrap_or(now).min(now.plus_seconds(REST));
            lock(&seat.desk).resting.insert(seat.of, until);
        }
        let gone = ended.last_status == Some(410);
        let cx = Ctx { now, ..cx };
        let end = End { delivery: ended, gone, scribe: self.scribe(&cx) };
        self.0.db.write(cx, end, end_of).await?;
        Ok(!failed)
    }

    fn written(&self, tenancy: &Tenancy, w: &Webhook, d: &Delivery, event: &AuditRow) -> Result<Message> {
        let (secret, headers) = (open_secret(tenancy, w)?, open_headers(tenancy, w)?);
        letter(w, d, event, &secret, headers, self.0.clock.now())
    }

    /// A page of an endpoint's deliveries, newest first. `webhooks:list`.
    pub async fn list_deliveries(
        &self,
        cx: &Ctx,
        id: Id<Webhook>,
        state: Option<DeliveryState>,
        page: &PageRequest,
    ) -> Result<Page<Delivery>> {
        self.may(cx, "webhooks:list", Target::tenant()).await?;
        self.0.db.read(cx.clone(), &id, by_id).await?.ok_or_else(|| Error::not_found("webhook"))?;
        let before = self.page_start(cx, page).await?.and_then(|k| crate::page::text(&k, "id").parse().ok());
        let limit = i64::try_from(page.limit + 1).unwrap_or(i64::MAX);
        let part = webhook_delivery::Part { webhook: id, state, before, limit };
        let rows = self.0.db.scan(cx.clone(), part, log).await?;
        self.page(cx, page, rows, |d| json!({ "id": d.event_id })).await
    }
    /// Sends a delivery once more, whatever became of it. `webhooks:redeliver`.
    pub async fn redeliver(
        &self,
        cx: &Ctx,
        id: Id<Webhook>,
        delivery: Id<Delivery>,
        reply: Reply<Delivery>,
    ) -> Result<Answer> {
        let command = async { Ok(Again { webhook: id, event: delivery.uuid(), scribe: self.scribe(cx) }) };
        self.answer(cx, Gate::new("webhooks:redeliver", Target::tenant()), command, reply, again).await
    }
}

fn seat(courier: &Courier, of: (TenantKey, Uuid), place: OwnedSemaphorePermit) -> Option<Seat> {
    let mut desk = courier.desk();
    let free = !desk.busy.contains(&of)
        && !desk.resting.contains_key(&of)
        && desk.of_tenant.get(&of.0).is_none_or(|n| *n < OF_TENANT);
    if !free {
        return None;
    }
    desk.busy.insert(of);
    *desk.of_tenant.entry(of.0).or_default() += 1;
    drop(desk);
    Some(Seat { desk: courier.desk.clone(), of, _place: place })
}

/// What becomes of a delivery after a try; `None`: there was nothing to send.
fn judged(mut d: Delivery, outcome: Option<Outcome>, now: Timestamp, chance: u8) -> Delivery {
    d.due_at = None;
    d.state = DeliveryState::Failed;
    match outcome {
        None => d.last_error = Some("The event could not be read.".into()),
        Some(Ok(reached)) => {
            d.last_status = Some(i64::from(reached.status));
            d.duration_ms = i64::try_from(reached.took.as_millis()).ok();
            d.last_error = None;
            match reached.status {
                200..=299 => {
                    d.state = DeliveryState::Delivered;
                    d.delivered_at = Some(now);
                    return d;
                }
                410 => {
                    d.last_error = Some("The receiver is gone for good; the webhook was disabled.".into());
                    return d;
                }
                300..=399 => {
                    d.last_error = Some("The receiver answered with a redirect, which is not followed.".into())
                }
                status => d.last_error = Some(format!("The receiver answered {status}.")),
            }
        }
        Some(Err(e)) => {
            (d.last_status, d.duration_ms, d.last_error) = (None, None, Some(e.to_string()));
        }
    }
    let old = now.since(d.created_at).as_secs() >= DAYS.unsigned_abs();
    if outcome.is_some() && d.attempts < TRIES && !(old && d.attempts > 1) {
        d.state = DeliveryState::Pending;
        d.due_at = Some(now.plus_seconds(pause(FIRST_PAUSE, LONGEST_PAUSE, d.attempts, chance)));
    }
    d
}

/// What is sent: Frontier's webhook event, signed in its way and in that of our other channels (spec v1 4.15), which covers the
/// time of the try.
fn letter(
    w: &Webhook,
    d: &Delivery,
    event: &AuditRow,
    secret: &[u8],
    headers: impl IntoIterator<Item = (String, String)>,
    now: Timestamp,
) -> Result<Message> {
    let entry = entry(&event.body, event.hole, &event.private, None).map_err(Error::internal)?;
    let name = event_name::sent(&event.action);
    let body = json!({
        "id": event.id,
        "action": name,
        "data": data(&entry, event),
        // receivers refuse what is older than ten minutes (spec v1beta1 3.16): a later try is of its own time
        "createdAt": now,
    })
    .to_string()
    .into_bytes();
    let sign = |parts: &[&[u8]]| HEXLOWER.encode(&portcullis_crypto::hmac_sha256(secret, parts));
    let seconds = now.seconds().to_string();
    let mut all: Vec<(String, String)> = headers.into_iter().collect();
    let mut add = |name: &str, value: String| all.push((name.into(), value));
    add("content-type", "application/json".into());
    add("x-signature", format!("1={}", sign(&[&body])));
    if let Some(request) = entry["http_request_id"].as_str().filter(|r| !r.is_empty()) {
        add("x-request-id", request.into());
    }
    add("x-portcullis-event", name.into());
    add("x-portcullis-delivery", d.event_id.to_string());
    add("x-portcullis-signature", format!("v1={}", sign(&[seconds.as_bytes(), b".", &body])));
    add("x-portcullis-timestamp", seconds);
    Ok(Message { url: w.url.clone(), headers: all, body })
}
fn data(entry: &Value, event: &AuditRow) -> Value {
    let (actor, target) = audit_record::parties(entry);
    let mut metadata = entry["metadata"].as_object().cloned().unwrap_or_default();
    if entry["changes"].as_object().is_some_and(|c| !c.is_empty()) {
        metadata.insert("changes".into(), entry["changes"].clone());
    }
    let mut data = json!({
        "source": audit_record::SOURCE,
        "actor": { "id": actor.id, "type": actor.kind, "name": actor.name },
        "target": { "id": target.id, "type": target.kind, "name": target.name },
        "metadata": metadata,
        "occurred_at": Timestamp::from_micros(event.at),
    });
    if let Some(organization) = event.organization {
        data["org_id"] = json!(organization);
    }
    data
}

async fn next(tx: &mut Tx, after: &(TenantKey, Uuid)) -> portcullis_store::Result<Option<Waiting>> {
    directory::webhook_after(tx, after).await
}

struct Claim {
    webhook: Id<Webhook>,
}
enum Claimed {
    /// Nothing is due, or somebody else was faster.
    Nothing,
    /// What waited for an endpoint that is gone or off was put away.
    Dropped,
    /// This one is ours for a while.
    Try(Box<Webhook>, Delivery, Option<Box<AuditRow>>),
}
async fn claim(tx: &mut Tx, c: &Claim) -> portcullis_store::Result<Claimed> {
    let now = tx.cx.now;
    let Some(w) = webhook::by_id(tx, c.webhook).await? else {
        for event in webhook_delivery::waiting(tx, c.webhook).await? {
            webhook_delivery::delete(tx, c.webhook, event).await?;
        }
        return Ok(Claimed::Dropped);
    };
    let Some(mut d) = webhook_delivery::due(tx, c.webhook).await? else { return Ok(Claimed::Nothing) };
    if !w.state.is_enabled() {
        (d.state, d.due_at) = (DeliveryState::Failed, None);
        d.last_error = Some("The webhook is disabled.".into());
        webhook_delivery::end(tx, &d).await?;
        return Ok(Claimed::Dropped);
    }
    let until = now.plus_seconds(CLAIM);
    if !webhook_delivery::claim(tx, &d, until).await? {
        return Ok(Claimed::Nothing);
    }
    (d.attempts, d.due_at) = (d.attempts + 1, Some(until));
    let event = audit::by_id(tx, &d.event_id).await?;
    Ok(Claimed::Try(Box::new(w), d, event.map(Box::new)))
}

struct End {
    delivery: Delivery,
    /// Did the receiver say that it is gone for good?
    gone: bool,
    scribe: Scribe,
}
async fn end_of(tx: &mut Tx, c: &End) -> portcullis_store::Result<()> {
    webhook_delivery::end(tx, &c.delivery).await?;
    let id = c.delivery.webhook_id;
    if c.gone
        && let Some(w) = webhook::by_id(tx, id).await?
        && w.state.is_enabled()
    {
        webhook::update(tx, &Webhook { state: State::Disabled, updated_at: tx.cx.now, ..w.clone() }).await?;
        let event = c.scribe.event("webhook.disabled", "webhook", id).with("cause", "gone");
        c.scribe.write(tx, event.with("url", origin(&w.url)));
        tenant::rules_changed(tx).await?;
    }
    Ok(())
}

struct Again {
    webhook: Id<Webhook>,
    event: Uuid,
    scribe: Scribe,
}
async fn again(tx: &mut Tx, c: &Again) -> portcullis_store::Result<Delivery> {
    let w = webhook::by_id(tx, c.webhook).await?.ok_or_else(|| Error::not_found("webhook"))?;
    let found = webhook_delivery::by_id(tx, c.webhook, c.event).await?;
    found.ok_or_else(|| Error::not_found("delivery"))?;
    if !w.state.is_enabled() {
        let e = Error::new(portcullis_domain::Code::Conflict, "The webhook is disabled.").detail("state", "disabled");
        return Err(e.into());
    }
    webhook_delivery::again(tx, c.webhook, c.event).await?;
    let event = c.scribe.event("webhook.redelivered", "webhook", c.webhook).with("delivery_id", c.event.to_string());
    c.scribe.write(tx, event);
    let now = webhook_delivery::by_id(tx, c.webhook, c.event).await?;
    Ok(now.ok_or_else(|| Error::not_found("delivery"))?)
}
async fn log(tx: &mut Tx, part: &webhook_delivery::Part) -> portcullis_store::Result<Vec<Delivery>> {
    webhook_delivery::newest(tx, part).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::outbound::{Reached, Unreachable};
    use std::time::Duration;

    fn delivery(attempts: i64) -> Delivery {
        Delivery {
            webhook_id: Id::from_uuid(Uuid::nil()),
            event_id: Uuid::nil(),
            action: "user.created".into(),
            state: DeliveryState::Pending,
            attempts,
            due_at: None,
            last_status: None,
            last_error: None,
            duration_ms: None,
            created_at: Timestamp::from_micros(0),
            delivered_at: None,
        }
    }
    fn answered(status: u16) -> Option<Outcome> {
        Some(Ok(Reached { status, took: Duration::from_millis(3) }))
    }

    #[test]
    fn tries_last_three_days_and_then_it_failed() {
        let (mut now, mut tries) = (Timestamp::from_micros(0), 0);
        loop {
            tries += 1;
            let d = judged(delivery(tries), Some(Err(Unreachable::Time)), now, 0);
            let Some(due) = d.due_at else { break };
            assert_eq!(d.state, DeliveryState::Pending);
            now = due;
        }
        assert_eq!(tries, TRIES);
        assert!((2 * 86_400..4 * 86_400).contains(&now.seconds()), "{}", now.seconds());
        // a delivery that waited for days because its endpoint rested has two tries all the same
        let late = Timestamp::from_micros(0).plus_seconds(DAYS);
        assert_eq!(judged(delivery(1), answered(500), late, 0).state, DeliveryState::Pending);
        assert_eq!(judged(delivery(2), answered(500), late, 0).state, DeliveryState::Failed);
    }

    #[test]
    fn only_2xx_is_delivered() {
        for (status, state) in [
            (200, DeliveryState::Delivered),
            (204, DeliveryState::Delivered),
            (301, DeliveryState::Pending),
            (404, DeliveryState::Pending),
            (410, DeliveryState::Failed),
            (500, DeliveryState::Pending),
        ] {
            let d = judged(delivery(1), answered(status), Timestamp::from_micros(1), 0);
            assert_eq!((d.state, d.due_at.is_some()), (state, state == DeliveryState::Pending), "{status}");
        }
    }

    #[test]
    fn pauses_grow_and_never_reach_zero() {
        let pause = |tries, chance| pause(FIRST_PAUSE, LONGEST_PAUSE, tries, chance);
        assert_eq!(
            (pause(1, 0), pause(2, 0), pause(13, 0), pause(18, 0), pause(99, 0)),
            (10, 20, 40_960, 43_200, 43_200)
        );
        assert!((1..30).all(|n| (0..=255).all(|chance| pause(n, chance) >= 9)));
    }
}
