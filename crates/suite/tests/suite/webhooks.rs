//! Webhooks: who keeps them, what is sent where, what becomes of it (spec v1beta1 2.3.18, 3.16).
pub mod receiver;

use std::sync::Arc;
use std::time::Duration;

use portcullis_outbound::{Allowed, HttpClient};
use portcullis_service::webhook::Reach;
use portcullis_service::webhook_delivery::Courier;
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::*;
use receiver::Receiver;

both!(
    a_change_is_told_signed_and_logged,
    who_may_keep_webhooks,
    a_secret_is_shown_once_and_headers_to_their_keepers,
    what_is_wrong_with_a_webhook_is_told,
    only_what_is_subscribed_is_sent,
    a_refused_change_is_told_to_nobody,
    what_fails_is_tried_again_under_the_same_id,
    after_three_days_a_delivery_has_failed_and_may_be_sent_once_more,
    a_receiver_that_is_gone_is_switched_off,
    sec_14_a_receiver_that_never_answers_keeps_nobody_waiting,
    sec_10_nothing_is_sent_to_private_addresses_unless_configured,
    sec_10_redirects_are_not_followed,
    what_waits_for_a_webhook_ends_with_it,
    two_couriers_send_each_event_once,
    sec_02_nothing_of_another_tenant_is_sent_or_shown,
    sec_20_an_erased_person_is_not_in_later_tries,
    changes_of_webhooks_leave_events_without_secrets,
    old_deliveries_are_forgotten,
);

pub const ALL: Allowed = Allowed { http: true, private: true };

/// A server whose operator allows everything, and its courier.
struct Post {
    w: World,
    courier: Courier,
    receiver: Receiver,
}
async fn post(engine: Engine) -> Post {
    let mut options = Options::default();
    options.settings.webhooks = Reach { http: true, private: true };
    let w = World::on(engine, options).await;
    Post { w, courier: courier(ALL), receiver: Receiver::start().await }
}
fn courier(allowed: Allowed) -> Courier {
    Courier::new(Arc::new(HttpClient::new(allowed).unwrap()))
}
impl Arranged for Post {
    async fn arrange(engine: Engine) -> Self {
        post(engine).await
    }
}
impl Post {
    /// Sends what is due now.
    async fn deliver(&self) {
        self.w.node.app.deliver(&self.courier).await.unwrap();
        self.courier.settle().await;
    }
    async fn webhook(&self, body: Value) -> Value {
        self.w.service().post(PATH, json!({ "body": body })).await.expect(200)["webhook"].clone()
    }
    async fn log(&self, webhook: &Value, query: &str) -> Vec<Value> {
        let path = format!("/v1/webhooks/{}/deliveries?{query}", id(webhook));
        self.w.service().get(&path).await.expect(200)["data"].as_array().unwrap().clone()
    }
    async fn user(&self) -> String {
        id(&self.w.service().post("/v1/users", new_user()).await.expect(201))
    }
}
const PATH: &str = "/v1beta1/admin/webhooks";
fn created() -> Value {
    json!(["app.user.created"])
}

async fn a_change_is_told_signed_and_logged(p: Post) {
    let headers = json!({ "authorization": "Bearer of-the-receiver" });
    let hook = p
        .webhook(json!({ "url": p.receiver.url("in?a=b"), "description": "d", "subscribed_events": created(), "headers": headers }))
        .await;
    let secret = hook["secrets"][0]["value"].as_str().unwrap();
    assert_eq!((hook["secrets"][0]["id"].as_str(), secret.len()), (Some("1"), 64));
    let owner = p.w.owner().with("x-request-id", "call-7");
    let user = id(&owner.post("/v1/users", new_user_with(json!({ "name": "Ada" }))).await.expect(201));
    assert_eq!(p.log(&hook, "").await[0]["state"], "pending");
    p.deliver().await;
    let letters = p.receiver.letters();
    assert_eq!(letters.len(), 1);
    let (letter, said) = (&letters[0], letters[0].json());
    assert!(letter.is_signed(secret), "{letter:?}");
    assert!(!letter.is_signed(&"00".repeat(32)));
    assert_eq!((letter.path.as_str(), &*letter.headers["authorization"]), ("/in?a=b", "Bearer of-the-receiver"));
    assert_eq!((&*letter.headers["content-type"], &*letter.headers["x-request-id"]), ("application/json", "call-7"));
    assert_eq!(said["action"], "app.user.created");
    assert_eq!(said["data"]["target"], json!({ "id": user, "type": "app/user", "name": "Ada" }));
    assert_eq!(
        (&said["data"]["actor"]["id"], &said["data"]["actor"]["type"]),
        (&json!(p.w.owner_id), &json!("app/user"))
    );
    assert_eq!(letter.headers["x-portcullis-delivery"], said["id"].as_str().unwrap());
    assert!(said["createdAt"].is_string() && said["data"]["source"] == "frontier", "{said}");
    let log = p.log(&hook, "").await;
    let d = &log[0];
    assert_eq!((log.len(), &d["id"], &d["state"], &d["attempts"]), (1, &said["id"], &json!("delivered"), &json!(1)));
    assert_eq!((&d["event_type"], &d["last_status"]), (&json!("app.user.created"), &json!(200)));
    assert!(d["delivered_at"].is_string() && d["next_attempt_at"].is_null() && d["last_error"].is_null(), "{d}");
    p.deliver().await;
    assert_eq!(p.receiver.letters().len(), 1, "once is enough");
    assert_eq!(p.log(&hook, "state=pending").await, Vec::<Value>::new());
    assert_eq!(p.log(&hook, "state=delivered").await.len(), 1);
}

async fn who_may_keep_webhooks(p: Post) {
    let hook = p.webhook(json!({ "url": p.receiver.url("") })).await;
    let (one, body) = (format!("{PATH}/{}", id(&hook)), json!({ "body": { "url": p.receiver.url("x") } }));
    let log = format!("/v1/webhooks/{}/deliveries", id(&hook));
    let again = format!("{log}/{NOBODY}/redeliver");
    let plain = p.w.person("Plain", &["user"]).await.client;
    let narrow =
        p.w.api_key(&p.w.owner(), json!({ "name": "n", "scopes": ["webhooks:create", "webhooks:list"] })).await.1;
    for (who, status) in [(p.w.anonymous(), 401), (plain.clone(), 403), (narrow.clone(), 403)] {
        for answer in [
            who.get(PATH).await,
            who.post(PATH, body.clone()).await,
            who.put(&one, body.clone()).await,
            who.delete(&one).await,
        ] {
            assert_eq!(answer.status, status, "{}", answer.text());
        }
    }
    for path in ["/v1/webhooks", &log] {
        p.w.anonymous().get(path).await.refused(401, "unauthenticated");
        plain.get(path).await.refused(403, "forbidden");
        narrow.get(path).await.expect(200);
    }
    plain.post(&again, json!({})).await.refused(403, "forbidden");
    narrow.post(&again, json!({})).await.refused(403, "forbidden");
    p.w.owner().post(&again, json!({})).await.refused(404, "not_found");
    let admin = p.w.person("Admin", &["user", "admin"]).await.client;
    admin.put(&one, body.clone()).await.expect(200);
    for service in [format!("{ADMIN}/ListWebhooks"), format!("{ADMIN}/CreateWebhook")] {
        assert_eq!(code(&plain.post(&service, body.clone()).await), "permission_denied");
    }
    p.w.service().delete(&one).await.expect(200);
    assert_eq!(p.w.service().get(PATH).await.expect(200)["webhooks"], json!([]));
    for gone in [p.w.owner().delete(&one).await, p.w.owner().put(&one, body).await] {
        gone.expect(404);
    }
    p.w.owner().get(&log).await.refused(404, "not_found");
}

async fn a_secret_is_shown_once_and_headers_to_their_keepers(p: Post) {
    let hook = p.webhook(json!({ "url": p.receiver.url(""), "headers": { "x-key": "of the receiver" } })).await;
    let secret = hook["secrets"][0]["value"].as_str().unwrap().to_owned();
    let listed = p.w.owner().get(PATH).await.expect(200);
    assert_eq!(
        (&listed["webhooks"][0]["secrets"], &listed["webhooks"][0]["headers"]["x-key"]),
        (&json!([]), &json!("of the receiver"))
    );
    let body = json!({ "body": { "url": p.receiver.url("new"), "subscribed_events": created() } });
    let changed = p.w.owner().put(&format!("{PATH}/{}", id(&hook)), body).await.expect(200)["webhook"].clone();
    assert_eq!(
        (&changed["secrets"], &changed["headers"], &changed["state"]),
        (&json!([]), &json!({}), &json!("enabled"))
    );
    let ours = p.w.owner().get("/v1/webhooks").await.expect(200);
    assert_eq!(ours["data"].as_array().unwrap().len(), 1);
    for text in [listed.to_string(), changed.to_string(), ours.to_string()] {
        assert!(!text.contains(&secret), "{text}");
    }
    assert!(!ours.to_string().contains("x-key"));
    // it is the same one that signs
    p.user().await;
    p.deliver().await;
    let letters = p.receiver.letters();
    assert!(letters[0].is_signed(&secret) && letters[0].path == "/new" && !letters[0].headers.contains_key("x-key"));
    // Connect leaves empty things out
    let listed = p.w.owner().post(&format!("{ADMIN}/ListWebhooks"), json!({})).await.expect(200);
    assert!(listed["webhooks"][0].get("secrets").is_none(), "{listed}");
}

async fn what_is_wrong_with_a_webhook_is_told(p: Post) {
    let owner = p.w.owner();
    let send = async |body: Value| owner.post(PATH, json!({ "body": body })).await;
    let url = p.receiver.url("");
    for bad in [
        json!({ "url": "" }),
        json!({ "url": "nowhere" }),
        json!({ "url": "ftp://example.com/" }),
        json!({ "url": "https://user:word@example.com/" }),
        json!({ "url": url, "state": "sleepy" }),
        json!({ "url": url, "subscribed_events": ["Not An Event"] }),
        json!({ "url": url, "subscribed_events": vec!["app.user.created"; 101] }),
        json!({ "url": url, "headers": { "host": "x" } }),
        json!({ "url": url, "headers": { "X-Signature": "x" } }),
        json!({ "url": url, "headers": { "a b": "x" } }),
        json!({ "url": url, "headers": { "x-a": "x\r\ny: z" } }),
        json!({ "url": url, "description": "d".repeat(1_001) }),
        json!({ "url": url, "metadata": { "a": "x".repeat(17_000) } }),
    ] {
        let answer = send(bad.clone()).await;
        assert_eq!(answer.expect(400)["code"], 3, "{bad}");
    }
    let first = p.webhook(json!({ "url": url })).await;
    assert_eq!(send(json!({ "url": url })).await.expect(409)["code"], 6);
    let other = p.webhook(json!({ "url": p.receiver.url("2") })).await;
    let body = json!({ "body": { "url": url } });
    owner.put(&format!("{PATH}/{}", id(&other)), body.clone()).await.expect(409);
    owner.put(&format!("{PATH}/{}", id(&first)), body).await.expect(200);
    for n in 0..18 {
        p.webhook(json!({ "url": p.receiver.url(&format!("n{n}")) })).await;
    }
    assert_eq!(send(json!({ "url": p.receiver.url("more") })).await.expect(400)["code"], 9, "a tenant has at most 20");
}

async fn only_what_is_subscribed_is_sent(p: Post) {
    let all = p.webhook(json!({ "url": p.receiver.url("all") })).await;
    let ours = p
        .webhook(json!({ "url": p.receiver.url("ours"), "subscribed_events": ["user.invited", "api_key.created"] }))
        .await;
    let off = p.webhook(json!({ "url": p.receiver.url("off"), "state": "disabled" })).await;
    organization(&p.w.owner(), "acme-corp").await;
    p.user().await;
    p.w.api_key(&p.w.owner(), json!({ "name": "k" })).await;
    p.deliver().await;
    let sent = |path: &str| {
        let letters = p.receiver.letters();
        let mut out: Vec<String> = letters.iter().filter(|l| l.path == path).map(|l| l.action()).collect();
        out.sort();
        out
    };
    assert_eq!(sent("/all"), ["app.organization.created", "app.user.created"], "{:?}", p.log(&all, "").await);
    assert_eq!(sent("/ours"), ["api_key.created"]);
    assert_eq!(p.log(&off, "").await.len(), 0);
    let letter = p.receiver.letters().into_iter().find(|l| l.action() == "app.organization.created").unwrap().json();
    assert_eq!(letter["data"]["org_id"], letter["data"]["target"]["id"]);
    // whoever is switched on later is told of what comes later
    let body = json!({ "body": { "url": p.receiver.url("off"), "state": "enabled", "subscribed_events": created() } });
    p.w.owner().put(&format!("{PATH}/{}", id(&off)), body).await.expect(200);
    p.user().await;
    // a change that is not decided by rules, such as a sign-in, is told all the same
    let body = json!({ "body": { "url": p.receiver.url("ours"), "subscribed_events": ["auth.login_succeeded"] } });
    p.w.owner().put(&format!("{PATH}/{}", id(&ours)), body).await.expect(200);
    p.w.login("owner@example.com").await.expect(200);
    p.deliver().await;
    assert_eq!(sent("/off"), ["app.user.created"]);
    assert_eq!(sent("/ours"), ["api_key.created", "auth.login_succeeded"]);
}

async fn a_refused_change_is_told_to_nobody(p: Post) {
    let every = json!(["access.denied", "auth.login_failed", "app.user.created"]);
    let hook = p.webhook(json!({ "url": p.receiver.url(""), "subscribed_events": every })).await;
    let plain = p.w.person("Plain", &["user"]).await;
    p.w.owner().post("/v1/users", new_user_with(json!({ "email": plain.email }))).await.refused(409, "user_exists");
    plain.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    p.w.seal().await;
    assert_eq!(p.log(&hook, "").await.len(), 1, "only that Plain was made");
}

async fn what_fails_is_tried_again_under_the_same_id(p: Post) {
    let hook = p.webhook(json!({ "url": p.receiver.url(""), "subscribed_events": created() })).await;
    p.user().await;
    p.receiver.answer(503);
    p.deliver().await;
    let log = p.log(&hook, "").await;
    let d = &log[0];
    assert_eq!((&d["state"], &d["attempts"], &d["last_status"]), (&json!("pending"), &json!(1), &json!(503)));
    assert!(d["last_error"].as_str().unwrap().contains("503") && d["next_attempt_at"].is_string(), "{d}");
    p.deliver().await;
    assert_eq!(p.receiver.letters().len(), 1, "not before its time");
    p.w.clock.pass(11);
    p.receiver.answer(204);
    p.deliver().await;
    let letters = p.receiver.letters();
    let of = |n: usize| letters[n].headers["x-portcullis-delivery"].clone();
    assert_eq!((letters.len(), of(0)), (2, of(1)));
    let log = p.log(&hook, "").await;
    assert_eq!((&log[0]["state"], &log[0]["attempts"]), (&json!("delivered"), &json!(2)));
    // nobody listening is no answer either
    let nobody = p.webhook(json!({ "url": "http://127.0.0.1:1/", "subscribed_events": created() })).await;
    p.user().await;
    p.deliver().await;
    let log = p.log(&nobody, "").await;
    assert!(
        log[0]["last_status"].is_null() && log[0]["last_error"].as_str().unwrap().contains("connection"),
        "{log:?}"
    );
}

async fn after_three_days_a_delivery_has_failed_and_may_be_sent_once_more(p: Post) {
    let hook = p.webhook(json!({ "url": p.receiver.url(""), "subscribed_events": created() })).await;
    p.user().await;
    p.receiver.answer(500);
    for _ in 0..30 {
        p.deliver().await;
        p.w.clock.pass(43_300);
    }
    let log = p.log(&hook, "state=failed").await;
    assert_eq!(log.len(), 1);
    let tries = p.receiver.letters().len();
    assert!(log[0]["next_attempt_at"].is_null() && (6..=18).contains(&tries), "{tries} {log:?}");
    p.receiver.answer(200);
    let path = format!("/v1/webhooks/{}/deliveries/{}/redeliver", id(&hook), id(&log[0]));
    let again = p.w.service().post(&path, json!({})).await.expect(202);
    assert_eq!((&again["state"], &again["attempts"]), (&json!("pending"), &json!(0)));
    p.deliver().await;
    assert_eq!(p.log(&hook, "state=delivered").await[0]["id"], log[0]["id"]);
}

async fn a_receiver_that_is_gone_is_switched_off(p: Post) {
    let hook = p.webhook(json!({ "url": p.receiver.url("") , "subscribed_events": created() })).await;
    p.user().await;
    p.user().await;
    p.receiver.answer(410);
    p.deliver().await;
    p.w.clock.pass(100);
    p.deliver().await;
    assert_eq!(p.receiver.letters().len(), 1);
    assert_eq!(p.w.owner().get(PATH).await.expect(200)["webhooks"][0]["state"], "disabled");
    let states: Vec<Value> = p.log(&hook, "").await.iter().map(|d| d["state"].clone()).collect();
    assert_eq!(states, [json!("failed"), json!("failed")]);
    assert_eq!(p.w.events("action=webhook.disabled").await.len(), 1);
    p.user().await;
    assert_eq!(p.log(&hook, "").await.len(), 2, "nothing more is written for it");
    let path = format!("/v1/webhooks/{}/deliveries/{}/redeliver", id(&hook), id(&p.log(&hook, "").await[0]));
    p.w.owner().post(&path, json!({})).await.refused(409, "conflict");
}

async fn sec_14_a_receiver_that_never_answers_keeps_nobody_waiting(p: Post) {
    let stuck = Receiver::start().await;
    stuck.answer(0);
    for n in 0..6 {
        p.webhook(json!({ "url": stuck.url(&format!("s{n}")), "subscribed_events": created() })).await;
    }
    let theirs = p.w.second_tenant("Globex").await;
    let body = json!({ "body": { "url": p.receiver.url(""), "subscribed_events": created() } });
    theirs.owner.client.post(PATH, body).await.expect(200);
    p.user().await;
    theirs.owner.client.post("/v1/users", new_user()).await.expect(201);
    p.w.node.app.deliver(&p.courier).await.unwrap();
    p.receiver.wait_for(1).await;
    stuck.wait_for(4).await;
    // what was sent beside it is there, so nothing more of the other is under way
    theirs.owner.client.post("/v1/users", new_user()).await.expect(201);
    p.w.node.app.deliver(&p.courier).await.unwrap();
    p.receiver.wait_for(2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut to: Vec<String> = stuck.letters().iter().map(|l| l.path.clone()).collect();
    assert_eq!(to.len(), 4, "one tenant has four places at once: {to:?}");
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 4, "and each endpoint one: {to:?}");
}

async fn sec_10_nothing_is_sent_to_private_addresses_unless_configured(p: Post) {
    // the operator's choice may change after an endpoint was made, and a name may lead elsewhere
    let strict = courier(Allowed { http: true, private: false });
    let hook = p.webhook(json!({ "url": p.receiver.url(""), "subscribed_events": created() })).await;
    let named = p
        .webhook(json!({ "url": format!("http://localhost:{}/", p.receiver.port), "subscribed_events": created() }))
        .await;
    p.user().await;
    p.w.node.app.deliver(&strict).await.unwrap();
    strict.settle().await;
    assert_eq!(p.receiver.letters().len(), 0);
    for hook in [hook, named] {
        let log = p.log(&hook, "").await;
        assert_eq!(log[0]["state"], "pending");
        assert!(log[0]["last_error"].as_str().unwrap().contains("no public address"), "{log:?}");
    }
}

async fn sec_10_redirects_are_not_followed(p: Post) {
    let hook = p.webhook(json!({ "url": p.receiver.url("here"), "subscribed_events": created() })).await;
    p.user().await;
    p.receiver.answer(307);
    p.deliver().await;
    let letters = p.receiver.letters();
    assert_eq!((letters.len(), &*letters[0].path), (1, "/here"));
    assert_eq!(p.log(&hook, "").await[0]["last_status"], 307);
}

async fn what_waits_for_a_webhook_ends_with_it(p: Post) {
    let hook = p.webhook(json!({ "url": p.receiver.url(""), "subscribed_events": created() })).await;
    p.user().await;
    p.w.owner().delete(&format!("{PATH}/{}", id(&hook))).await.expect(200);
    p.user().await;
    p.deliver().await;
    assert_eq!(p.receiver.letters().len(), 0);
    p.w.owner().get(&format!("/v1/webhooks/{}/deliveries", id(&hook))).await.refused(404, "not_found");
}

async fn two_couriers_send_each_event_once(p: Post) {
    p.webhook(json!({ "url": p.receiver.url("a"), "subscribed_events": created() })).await;
    p.webhook(json!({ "url": p.receiver.url("b"), "subscribed_events": created() })).await;
    for _ in 0..10 {
        p.user().await;
    }
    let other = courier(ALL);
    let app = &p.w.node.app;
    for _ in 0..3 {
        let (a, b) = tokio::join!(app.deliver(&p.courier), app.deliver(&other));
        a.unwrap();
        b.unwrap();
        tokio::join!(p.courier.settle(), other.settle());
    }
    let mut seen: Vec<String> =
        p.receiver.letters().iter().map(|l| format!("{} {}", l.path, l.headers["x-portcullis-delivery"])).collect();
    assert_eq!(seen.len(), 20);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20, "nothing twice");
}

async fn sec_02_nothing_of_another_tenant_is_sent_or_shown(p: Post) {
    let hook = p.webhook(json!({ "url": p.receiver.url("ours") })).await;
    let theirs = p.w.second_tenant("Globex").await.owner.client;
    p.deliver().await;
    let before = p.receiver.letters().len();
    theirs.post("/v1/users", new_user()).await.expect(201);
    p.deliver().await;
    assert_eq!(p.receiver.letters().len(), before);
    assert_eq!(theirs.get(PATH).await.expect(200)["webhooks"], json!([]));
    assert_eq!(theirs.get("/v1/webhooks").await.expect(200)["data"], json!([]));
    let (one, body) = (format!("{PATH}/{}", id(&hook)), json!({ "body": { "url": p.receiver.url("theirs") } }));
    theirs.put(&one, body.clone()).await.expect(404);
    theirs.delete(&one).await.expect(404);
    theirs.get(&format!("/v1/webhooks/{}/deliveries", id(&hook))).await.refused(404, "not_found");
    // the same URL is nobody's own
    theirs.post(PATH, json!({ "body": { "url": p.receiver.url("ours") } })).await.expect(200);
}

async fn sec_20_an_erased_person_is_not_in_later_tries(p: Post) {
    p.webhook(json!({ "url": p.receiver.url(""), "subscribed_events": created() })).await;
    let made =
        p.w.owner().post("/v1/users", new_user_with(json!({ "email": "gone@example.com", "name": "Gone Soon" }))).await;
    let user = id(&made.expect(201));
    p.receiver.answer(500);
    p.deliver().await;
    assert!(String::from_utf8_lossy(&p.receiver.letters()[0].body).contains("gone@example.com"));
    p.w.owner().delete(&format!("/v1/users/{user}")).await.expect(204);
    p.w.seal().await;
    p.w.clock.pass(20);
    p.w.node.erase().await;
    p.receiver.answer(200);
    p.deliver().await;
    let letters = p.receiver.letters();
    let later = String::from_utf8_lossy(&letters.last().unwrap().body).into_owned();
    assert_eq!(letters.len(), 2);
    assert!(later.contains(&user) && !later.contains("gone@example.com") && !later.contains("Gone Soon"), "{later}");
}

async fn changes_of_webhooks_leave_events_without_secrets(p: Post) {
    let headers = json!({ "authorization": "Bearer hush" });
    let hook = p.webhook(json!({ "url": p.receiver.url("token-in-path"), "headers": headers })).await;
    let one = format!("{PATH}/{}", id(&hook));
    p.w.owner().put(&one, json!({ "body": { "url": p.receiver.url("other"), "state": "disabled" } })).await.expect(200);
    p.w.owner().delete(&one).await.expect(200);
    let events = p.w.events("resource_type=webhook").await;
    let actions: Vec<&str> = events.iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["webhook.deleted", "webhook.updated", "webhook.created"]);
    assert_eq!(events[1]["changes"]["state"], json!({ "before": "enabled", "after": "disabled" }));
    let text = json!(events).to_string();
    for secret in [hook["secrets"][0]["value"].as_str().unwrap(), "hush", "token-in-path"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

async fn old_deliveries_are_forgotten(p: Post) {
    let hook = p.webhook(json!({ "url": p.receiver.url(""), "subscribed_events": created() })).await;
    p.user().await;
    p.deliver().await;
    p.w.clock.pass(29 * 86_400);
    p.user().await;
    while p.w.node.app.retain("test").await.unwrap() {}
    assert_eq!(p.log(&hook, "").await.len(), 2);
    p.w.clock.pass(2 * 86_400);
    while p.w.node.app.retain("test").await.unwrap() {}
    assert_eq!(p.log(&hook, "").await.len(), 1);
}
