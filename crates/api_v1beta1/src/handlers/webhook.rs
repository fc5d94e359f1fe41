//! Endpoints of webhooks (spec v1beta1 2.3.18, 3.16).
use std::collections::BTreeMap;

use portcullis_domain::organization::State;
use portcullis_domain::value::text;
use portcullis_domain::{Error, Result};
use portcullis_service::App;
use portcullis_service::webhook::WebhookContent;
use portcullis_wire_v1beta1::{DynamicMessage, Value};

use super::body::Body;
use super::read::Read;
use super::webhook_view::{CreateWebhookResponse, ListWebhooksResponse, UpdateWebhookResponse};
use crate::call::{Call, Outcome};

/// Longest description.
const DESCRIPTION: usize = 1_000;

/// `CreateWebhook`: with the secret, this once.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let reply = call.reply::<CreateWebhookResponse>();
    Ok(app.create_webhook(&call.cx, content(&request), reply).await?.into())
}

/// `UpdateWebhook`: everything is replaced; a state that is not sent stays.
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let webhook = app.update_webhook(&call.cx, request.text("id"), content(&request)).await?;
    Ok(call.answer::<UpdateWebhookResponse>(&webhook).into())
}

/// `DeleteWebhook`.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_webhook(&call.cx, request.text("id")).await?;
    Ok(call.empty().into())
}

/// `ListWebhooks`.
pub async fn list(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let webhooks = app.list_webhooks(&call.cx).await?;
    Ok(call.answer::<ListWebhooksResponse>(&webhooks).into())
}

fn content(request: &DynamicMessage) -> Result<WebhookContent> {
    let message = request.inner("body").ok_or_else(|| Error::field("body", "This must be there."))?;
    // REST carries the whole request here, so that fields have the same names everywhere
    let mut body = Body::item(message.clone(), "body.".into());
    let description = text(&body.text("description"), DESCRIPTION).unwrap_or_else(|e| {
        body.wrong("description", e);
        String::new()
    });
    let new = WebhookContent {
        url: body.text("url"),
        description,
        events: body.texts("subscribed_events"),
        headers: texts(&message, "headers"),
        state: State::parse(&body.text("state")),
        metadata: body.metadata(),
    };
    body.finish(Some(new))
}
/// A map of strings.
fn texts(message: &DynamicMessage, name: &str) -> BTreeMap<String, String> {
    match message.get_field_by_name(name).as_deref() {
        Some(Value::Map(entries)) => {
            let pairs = entries.iter().filter_map(|(k, v)| Some((k.as_str()?.to_owned(), v.as_str()?.to_owned())));
            pairs.collect()
        }
        _ => BTreeMap::new(),
    }
}
