//! `/v1/webhooks`: what became of each event that was sent. Endpoints are kept through `/v1beta1/admin/webhooks`.
use axum::response::Response;
use portcullis_domain::webhook::{Delivery, DeliveryState};
use portcullis_domain::{Code, Result};
use portcullis_service::Answer;

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape, param};
use crate::render;
use crate::view::{DeliveryView, WebhookView};

static LIST: Op = Op::get(
    "/v1/webhooks",
    "listWebhooks",
    "webhooks:list",
    "List webhook endpoints, oldest first.",
    (200, Shape::Page("Webhook")),
);
static DELIVERIES: Op = Op::get(
    "/v1/webhooks/{id}/deliveries",
    "listWebhookDeliveries",
    "webhooks:list",
    "List what was sent to an endpoint and what became of it, newest first; kept 30 days.",
    (200, Shape::Page("Delivery")),
)
.query(&[param("state", "string", "pending, delivered or failed.")]);
static REDELIVER: Op = Op::post(
    "/v1/webhooks/{id}/deliveries/{deliveryId}/redeliver",
    "redeliverWebhook",
    "webhooks:redeliver",
    "Send an event once more, under the same id.",
    Body::None,
    (202, Shape::Json("Delivery")),
)
.refuses(&[Code::Conflict]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![LIST.to(list), DELIVERIES.to(deliveries), REDELIVER.to(redeliver)]
}

async fn list(call: Call) -> Result<Response> {
    let (q, page) = call.page();
    q.finish(())?;
    let webhooks = call.app().page_webhooks(&call.cx, &page).await?;
    Ok(render::page(&webhooks, WebhookView::of))
}

async fn deliveries(call: Call) -> Result<Response> {
    let (mut q, page) = call.page();
    let state = q.word("state", DeliveryState::parse, "One of pending, delivered, failed.");
    let state = q.finish(state)?;
    let deliveries = call.app().list_deliveries(&call.cx, call.id("id"), state, &page).await?;
    Ok(render::page(&deliveries, DeliveryView::of))
}

async fn redeliver(mut call: Call) -> Result<Response> {
    call.query().finish(())?;
    let reply = call.reply(|d: &Delivery| -> Answer { Answer::new(202, render::bytes(&DeliveryView::of(d))) });
    let (id, delivery) = (call.id("id"), call.id("deliveryId"));
    call.app().redeliver(&call.cx, id, delivery, reply).await.map(render::answer)
}
