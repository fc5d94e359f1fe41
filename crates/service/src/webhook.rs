//! Endpoints that are told what happens in the tenant (spec v1beta1 2.3.18, 3.16). What is sent to them is `webhook_delivery.rs`.
use std::collections::BTreeMap;
use std::fmt;

use data_encoding::HEXLOWER;
use portcullis_domain::organization::State;
use portcullis_domain::outbound::is_public;
use portcullis_domain::webhook::Webhook;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result};
use portcullis_store::{Tx, tenant, webhook, webhook_delivery};
use serde_json::{Map, Value, json};
use url::{Host, Url};

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::tenancy::Tenancy;
use crate::{Answer, App, Page, PageRequest, Reply};

const URL: usize = 2_048;
const EVENTS: usize = 100;
const HEADERS: usize = 20;
const HEADER_VALUE: usize = 1_024;

/// What may change of an endpoint; a change replaces all of it.
#[derive(Clone)]
pub struct WebhookContent {
    /// Where it is.
    pub url: String,
    /// For people.
    pub description: String,
    /// Names of events; empty: all that Frontier has a name for.
    pub events: Vec<String>,
    /// What is sent besides; may carry credentials of the receiver.
    pub headers: BTreeMap<String, String>,
    /// `None`: enabled when it is made, else as it is.
    pub state: Option<State>,
    /// Free JSON.
    pub metadata: Map<String, Value>,
}

/// An endpoint as those see it who keep it.
#[derive(Clone)]
pub struct WebhookShown {
    /// The endpoint.
    pub webhook: Webhook,
    /// What is sent besides.
    pub headers: BTreeMap<String, String>,
    /// Its signing secret, 64 hexadecimal digits: in the answer to its making only.
    pub secret: Option<String>,
}
impl fmt::Debug for WebhookShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebhookShown").field(&self.webhook.id).finish_non_exhaustive()
    }
}

/// Where this server may go for a tenant; the operator's choice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    /// To `http://` too.
    pub http: bool,
    /// To loopback, private and link-local addresses too.
    pub private: bool,
}

impl App {
    /// Makes an endpoint; its secret is in this answer only. Superusers.
    pub async fn create_webhook(
        &self,
        cx: &Ctx,
        new: Result<WebhookContent>,
        reply: Reply<WebhookShown>,
    ) -> Result<Answer> {
        let command = async {
            let new = checked(new?, self.0.settings.webhooks)?;
            let tenancy = self.tenancy_of(cx.tenant).await?;
            let id = self.id(cx);
            let mut secret = [0; 32];
            self.0.random.fill(&mut secret);
            let webhook = Webhook {
                id,
                url: new.url,
                description: new.description,
                events: new.events,
                sealed_headers: self.seal_headers(&tenancy, id, &new.headers),
                sealed_secret: tenancy.data_key.seal(&aad("secret", id), &secret, &*self.0.random),
                state: new.state.unwrap_or(State::Enabled),
                metadata: new.metadata,
                created_at: cx.now,
                updated_at: cx.now,
            };
            let shown = WebhookShown { webhook, headers: new.headers, secret: Some(HEXLOWER.encode(&secret)) };
            Ok(Save { shown, state: None, scribe: self.scribe(cx) })
        };
        self.answer(cx, Gate::superuser("webhooks:create"), command, reply, insert).await
    }
    /// Puts everything but the secret in place of the old. Superusers.
    pub async fn update_webhook(&self, cx: &Ctx, id: String, new: Result<WebhookContent>) -> Result<WebhookShown> {
        let command = async {
            let new = checked(new?, self.0.settings.webhooks)?;
            let id = id.parse().map_err(|_| Error::not_found("webhook"))?;
            let old = self.0.db.read(cx.clone(), &id, by_id).await?.ok_or_else(|| Error::not_found("webhook"))?;
            let tenancy = self.tenancy_of(cx.tenant).await?;
            let webhook = Webhook {
                url: new.url,
                description: new.description,
                events: new.events,
                sealed_headers: self.seal_headers(&tenancy, id, &new.headers),
                metadata: new.metadata,
                updated_at: cx.now,
                ..old
            };
            let shown = WebhookShown { webhook, headers: new.headers, secret: None };
            Ok(Save { shown, state: new.state, scribe: self.scribe(cx) })
        };
        self.apply(cx, Gate::superuser("webhooks:update"), command, update).await
    }
    /// Ends an endpoint; what waits for it is dropped. Superusers.
    pub async fn delete_webhook(&self, cx: &Ctx, id: String) -> Result<()> {
        let command = async {
            let id = id.parse().map_err(|_| Error::not_found("webhook"))?;
            Ok(Delete { id, scribe: self.scribe(cx) })
        };
        self.apply(cx, Gate::superuser("webhooks:delete"), command, delete).await
    }
    /// All endpoints, without their secrets. Superusers.
    pub async fn list_webhooks(&self, cx: &Ctx) -> Result<Vec<WebhookShown>> {
        self.allow(cx, &Gate::superuser("webhooks:list")).await?;
        let webhooks = self.0.db.read(cx.clone(), &(), all).await?;
        let tenancy = self.tenancy_of(cx.tenant).await?;
        webhooks
            .into_iter()
            .map(|webhook| {
                let headers = open_headers(&tenancy, &webhook)?;
                Ok(WebhookShown { webhook, headers, secret: None })
            })
            .collect()
    }
    /// The same in pages, without headers. `webhooks:list`.
    pub async fn page_webhooks(&self, cx: &Ctx, page: &PageRequest) -> Result<Page<Webhook>> {
        self.may(cx, "webhooks:list", portcullis_authz::Target::tenant()).await?;
        let after = self.page_start(cx, page).await?.map(|k| crate::page::text(&k, "id"));
        let mut rows = self.0.db.read(cx.clone(), &(), all).await?;
        rows.retain(|w| after.as_ref().is_none_or(|after| w.id.to_string() > *after));
        rows.truncate(page.limit + 1);
        self.page(cx, page, rows, |w| json!({ "id": w.id })).await
    }

    fn seal_headers(&self, tenancy: &Tenancy, id: Id<Webhook>, headers: &BTreeMap<String, String>) -> Vec<u8> {
        let text = json!(headers).to_string();
        tenancy.data_key.seal(&aad("headers", id), text.as_bytes(), &*self.0.random)
    }
}

/// What is sealed, and for which endpoint.
fn aad(what: &str, id: Id<Webhook>) -> Vec<u8> {
    [b"webhook-", what.as_bytes(), b":", &id.uuid().as_bytes()[..]].concat()
}
/// The headers of an endpoint.
pub(crate) fn open_headers(tenancy: &Tenancy, w: &Webhook) -> Result<BTreeMap<String, String>> {
    let text = tenancy.data_key.open(&aad("headers", w.id), &w.sealed_headers).map_err(Error::internal)?;
    serde_json::from_slice(&text).map_err(Error::internal)
}
/// The signing secret of an endpoint.
pub(crate) fn open_secret(tenancy: &Tenancy, w: &Webhook) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    tenancy.data_key.open(&aad("secret", w.id), &w.sealed_secret).map_err(Error::internal)
}

/// The content if it is well-formed, or all that is wrong with it.
fn checked(new: WebhookContent, reach: Reach) -> Result<WebhookContent> {
    let mut wrong = vec![];
    let mut note = |field: String, message: String| {
        wrong.push(FieldError { field: field.into(), message: message.into() });
    };
    let url = match endpoint(&new.url, reach) {
        Ok(url) => url,
        Err(message) => {
            note("url".into(), message.into());
            String::new()
        }
    };
    if new.events.len() > EVENTS {
        note("subscribed_events".into(), format!("At most {EVENTS} names."));
    }
    for (n, event) in new.events.iter().enumerate().take(EVENTS).filter(|(_, e)| !is_event(e)) {
        let message = format!("{:?} is no name of an event, such as app.user.created.", cut(event));
        note(format!("subscribed_events[{n}]"), message);
    }
    if new.headers.len() > HEADERS {
        note("headers".into(), format!("At most {HEADERS} headers."));
    }
    for (name, value) in new.headers.iter().take(HEADERS) {
        if let Err(message) = header(name, value) {
            note(format!("headers.{}", cut(name)), message.into());
        }
    }
    if wrong.is_empty() { Ok(WebhookContent { url, ..new }) } else { Err(Error::fields(wrong)) }
}
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}
fn is_event(name: &str) -> bool {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c);
    (3..=100).contains(&name.len()) && name.bytes().all(word)
}
/// The URL in its canonical spelling. Where its name leads is looked at with each delivery; what is written down as an address
/// is refused at once.
fn endpoint(text: &str, reach: Reach) -> Result<String, &'static str> {
    if text.len() > URL {
        return Err("At most 2,048 characters.");
    }
    let url = Url::parse(text).map_err(|_| "Write an absolute URL such as https://example.com/hooks.")?;
    match url.scheme() {
        "https" => {}
        "http" if reach.http => {}
        _ => return Err("Write a URL that begins with https://."),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("No user name or password: send them as a header.");
    }
    if url.fragment().is_some() {
        return Err("No fragment (#…): it is never sent.");
    }
    let public = match url.host() {
        Some(Host::Ipv4(ip)) => is_public(ip.into()),
        Some(Host::Ipv6(ip)) => is_public(ip.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name != "localhost" && !name.ends_with(".localhost")
        }
        None => return Err("Write an absolute URL such as https://example.com/hooks."),
    };
    if public || reach.private { Ok(url.into()) } else { Err("This address is not public.") }
}
/// What HTTP itself or we ourselves write, and what belongs to one connection, is not the sender's to choose.
const RESERVED: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "expect",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-request-id",
    "x-signature",
];
fn header(name: &str, value: &str) -> Result<(), &'static str> {
    let token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(token) {
        return Err("The name of a header is 1 to 64 letters, digits and hyphens.");
    }
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || lower.starts_with("proxy-") || lower.starts_with("x-portcullis-") {
        return Err("This header is written by the server itself.");
    }
    if value.len() > HEADER_VALUE || !value.bytes().all(|c| (b' '..=b'~').contains(&c)) {
        return Err("A value is at most 1,024 printable ASCII characters.");
    }
    Ok(())
}

struct Save {
    shown: WebhookShown,
    /// Of a change: the state that was asked for.
    state: Option<State>,
    scribe: Scribe,
}
fn taken() -> Error {
    Error::new(Code::AlreadyExists, "A webhook with this URL exists.").detail("field", "url")
}
async fn insert(tx: &mut Tx, c: &Save) -> portcullis_store::Result<WebhookShown> {
    let w = &c.shown.webhook;
    if webhook::all(tx).await?.len() >= webhook::MOST {
        return Err(Error::new(Code::Conflict, "A tenant has at most 20 webhooks.").detail("state", "full").into());
    }
    if !webhook::insert(tx, w).await? {
        return Err(taken().into());
    }
    let event = c.scribe.event("webhook.created", "webhook", w.id).with("url", origin(&w.url));
    c.scribe.write(tx, event.with("events", w.events.clone()));
    tenant::rules_changed(tx).await?;
    Ok(c.shown.clone())
}
async fn update(tx: &mut Tx, c: &Save) -> portcullis_store::Result<WebhookShown> {
    let new = &c.shown.webhook;
    let old = webhook::by_id(tx, new.id).await?.ok_or_else(|| Error::not_found("webhook"))?;
    if webhook::by_url(tx, &new.url).await?.is_some_and(|other| other.id != new.id) {
        return Err(taken().into());
    }
    let new = Webhook { state: c.state.unwrap_or(old.state), ..new.clone() };
    webhook::update(tx, &new).await?;
    let event = c
        .scribe
        .event("webhook.updated", "webhook", new.id)
        .change("url", origin(&old.url), origin(&new.url))
        .change("description", old.description, new.description.as_str())
        .change("events", old.events, new.events.clone())
        .change("state", old.state.as_str(), new.state.as_str());
    c.scribe.write(tx, event);
    tenant::rules_changed(tx).await?;
    Ok(WebhookShown { webhook: new, ..c.shown.clone() })
}
/// Path and query of such URLs are often a credential of their own.
pub(crate) fn origin(url: &str) -> String {
    Url::parse(url).map(|u| u.origin().ascii_serialization()).unwrap_or_default()
}

struct Delete {
    id: Id<Webhook>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let old = webhook::by_id(tx, c.id).await?.ok_or_else(|| Error::not_found("webhook"))?;
    webhook::delete(tx, c.id).await?;
    // one step of its log; the courier drops what waits beyond that, and retention the rest
    for event in webhook_delivery::of_webhook(tx, c.id).await? {
        webhook_delivery::delete(tx, c.id, event).await?;
    }
    c.scribe.write(tx, c.scribe.event("webhook.deleted", "webhook", c.id).with("url", origin(&old.url)));
    tenant::rules_changed(tx).await?;
    Ok(())
}

pub(crate) async fn by_id(tx: &mut Tx, id: &Id<Webhook>) -> portcullis_store::Result<Option<Webhook>> {
    webhook::by_id(tx, *id).await
}
async fn all(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<Webhook>> {
    webhook::all(tx).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_10_a_url_that_is_written_as_a_private_address_is_refused() {
        for bad in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/",
            "https://localhost./",
            "https://a.localhost/",
            "https://user:pass@example.com/",
            "https://example.com/#x",
            "http://example.com/",
            "ftp://example.com/",
            "//example.com/",
            "example.com",
            "",
        ] {
            assert!(endpoint(bad, Reach::default()).is_err(), "{bad}");
        }
        assert_eq!(endpoint("https://Example.com", Reach::default()).unwrap(), "https://example.com/");
        assert!(endpoint("http://example.com/", Reach { http: true, private: false }).is_ok());
        assert!(endpoint("https://10.0.0.1/", Reach { http: false, private: true }).is_ok());
    }

    #[test]
    fn sec_13_headers_that_are_not_the_senders_are_refused() {
        for bad in [
            "Host",
            "connection",
            "Transfer-Encoding",
            "proxy-authorization",
            "X-Signature",
            "x-portcullis-event",
            "a b",
            "",
            "a\nb",
            "ä",
        ] {
            assert!(header(bad, "x").is_err(), "{bad}");
        }
        assert!(header("Authorization", "Bearer x").is_ok());
        assert!(
            header("x", "a\r\nb: c").is_err() && header("x", "ä").is_err() && header("x", &"a".repeat(1_025)).is_err()
        );
    }
}
