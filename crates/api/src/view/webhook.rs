//! Webhooks and their deliveries.
use portcullis_domain::webhook::{Delivery, Webhook};
use portcullis_domain::{Id, Timestamp, event_name};
use serde::Serialize;

/// A webhook endpoint (ours): without headers, which carry credentials of its receiver.
#[derive(Serialize)]
pub struct WebhookView<'a> {
    id: Id<Webhook>,
    url: &'a str,
    description: &'a str,
    subscribed_events: &'a [String],
    state: &'static str,
    created_at: Timestamp,
    updated_at: Timestamp,
}
impl<'a> WebhookView<'a> {
    /// As a row of a list.
    pub fn of(w: &'a Webhook) -> Self {
        Self {
            id: w.id,
            url: &w.url,
            description: &w.description,
            subscribed_events: &w.events,
            state: w.state.as_str(),
            created_at: w.created_at,
            updated_at: w.updated_at,
        }
    }
}

/// Delivery (spec part 3), of a webhook.
#[derive(Serialize)]
pub struct DeliveryView<'a> {
    id: uuid::Uuid,
    webhook_id: Id<Webhook>,
    event_id: uuid::Uuid,
    event_type: &'a str,
    state: &'static str,
    attempts: i64,
    next_attempt_at: Option<Timestamp>,
    last_status: Option<i64>,
    last_error: Option<&'a str>,
    duration_ms: Option<i64>,
    created_at: Timestamp,
    delivered_at: Option<Timestamp>,
}
impl<'a> DeliveryView<'a> {
    /// A delivery is named by the event that it tells of.
    pub fn of(d: &'a Delivery) -> Self {
        Self {
            id: d.event_id,
            webhook_id: d.webhook_id,
            event_id: d.event_id,
            event_type: event_name::sent(&d.action),
            state: d.state.as_str(),
            attempts: d.attempts,
            next_attempt_at: d.due_at,
            last_status: d.last_status,
            last_error: d.last_error.as_deref(),
            duration_ms: d.duration_ms,
            created_at: d.created_at,
            delivered_at: d.delivered_at,
        }
    }
}
