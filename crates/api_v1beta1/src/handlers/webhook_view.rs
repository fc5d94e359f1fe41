//! Webhooks as this API shows them.
use portcullis_service::webhook::WebhookShown;
use portcullis_wire_v1beta1::{Object, View};

use crate::call::Response;

struct Webhook<'a>(&'a WebhookShown);
impl View for Webhook<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let w = &self.0.webhook;
        object.id("id", w.id);
        object.text("description", &w.description);
        object.text("url", &w.url);
        object.texts("subscribed_events", &w.events.iter().map(String::as_str).collect::<Vec<_>>());
        object.map("headers", &self.0.headers);
        object.list("secrets", self.0.secret.as_deref().map(Secret));
        object.text("state", w.state.as_str());
        object.structure("metadata", &w.metadata);
        object.time("created_at", w.created_at);
        object.time("updated_at", w.updated_at);
    }
}
/// A webhook has one, whose id stands before signatures.
struct Secret<'a>(&'a str);
impl View for Secret<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("id", "1");
        object.text("value", self.0);
    }
}

macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = WebhookShown;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &WebhookShown, object: &mut Object<'_>) {
                object.message("webhook", &Webhook(of));
            }
        }
    };
}
one!(/** The made webhook, with its secret. */ CreateWebhookResponse);
one!(/** The webhook as it is now. */ UpdateWebhookResponse);

/// All webhooks.
pub struct ListWebhooksResponse;
impl Response for ListWebhooksResponse {
    type Of = [WebhookShown];
    const MESSAGE: &'static str = "ListWebhooksResponse";
    fn write(of: &[WebhookShown], object: &mut Object<'_>) {
        object.list("webhooks", of.iter().map(Webhook));
    }
}

#[cfg(test)]
mod tests {
    use super::super::responses::tests::proves;
    use super::*;
    use portcullis_domain::organization::State;
    use portcullis_domain::{Id, Timestamp, webhook};

    #[test]
    fn every_answer_is_its_message() {
        let webhook = webhook::Webhook {
            id: Id::from_uuid(uuid::Uuid::nil()),
            url: "https://example.com/".into(),
            description: String::new(),
            events: vec!["app.user.created".into()],
            sealed_headers: vec![],
            sealed_secret: vec![],
            state: State::Enabled,
            metadata: serde_json::Map::new(),
            created_at: Timestamp::from_micros(1),
            updated_at: Timestamp::from_micros(1),
        };
        let headers = [("authorization".to_owned(), "Bearer x".to_owned())].into();
        let shown = WebhookShown { webhook: webhook.clone(), headers, secret: Some("ab".into()) };
        proves::<CreateWebhookResponse>(&shown);
        let bare = WebhookShown { webhook, headers: Default::default(), secret: None };
        proves::<UpdateWebhookResponse>(&bare);
        proves::<ListWebhooksResponse>(&[shown, bare]);
        proves::<ListWebhooksResponse>(&[]);
    }
}
