//! A new master key (checklist 18): nothing is left that the old one opens, and nobody notices.
use std::cell::Cell as Counter;
use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_crypto::seal::{Key, KeyId, MasterKey, key_of};
use portcullis_outbound::HttpClient;
use portcullis_service::key_rotation::Haste;
use portcullis_service::webhook::Reach;
use portcullis_service::webhook_delivery::Courier;
use portcullis_store::sealed::{SEALED, SealedBy};
use serde_json::{Value, json};

use crate::token_keys::{kid, of_another_key};
use crate::webhooks::ALL;
use crate::webhooks::receiver::Receiver;
use crate::world::access::*;
use crate::world::authenticator::{MFA, challenge, demand};
use crate::world::scene::Scene;
use crate::world::tables::{Cell, rows, tables};
use crate::world::*;

both!(
    sec_18_a_new_master_key_leaves_nothing_to_the_old_one,
    a_change_of_the_master_key_that_broke_off_goes_on,
    sec_18_a_master_key_that_the_server_does_not_know_seals_nothing,
);
on_postgres!(
    nodes_that_know_both_master_keys_go_on_while_one_takes_the_place_of_the_other,
    a_node_that_hears_late_of_the_next_master_key_is_waited_for,
    sec_18_a_change_of_the_master_key_is_not_over_while_a_node_seals_with_the_old_one,
    sec_18_a_node_without_the_next_master_key_signs_and_seals_nothing_and_is_not_ready,
);

fn old() -> MasterKey {
    MasterKey::new([7; 32])
}
fn new() -> MasterKey {
    MasterKey::new([8; 32])
}
fn knowing(master_key: MasterKey) -> Options {
    let mut options = Options { master_key, ..Options::default() };
    options.settings.webhooks = Reach { http: true, private: true };
    options
}
/// No other node runs that would have to be waited for.
async fn nobody_else() {}

/// The columns with ciphertexts of these keys, wherever they are.
async fn sealed_by(w: &World, keys: &[KeyId]) -> BTreeSet<(String, String)> {
    let mut out = BTreeSet::new();
    for table in tables(w).await {
        for row in rows(w, &table).await {
            for (column, cell) in row {
                if matches!(&cell, Cell::Bytes(bytes) if key_of(bytes).is_ok_and(|id| keys.contains(&id))) {
                    out.insert((table.clone(), column));
                }
            }
        }
    }
    out
}
fn registered(master: bool) -> BTreeSet<(String, String)> {
    let of = |by: &SealedBy| matches!(by, SealedBy::Master(_)) == master;
    SEALED.iter().filter(|c| of(&c.by)).map(|c| (c.table.to_owned(), c.column.to_owned())).collect()
}
/// The tenants' data keys.
async fn data_keys(w: &World) -> Vec<KeyId> {
    let master = old().and(new());
    let open = |row: &std::collections::BTreeMap<String, Cell>| {
        let id = match &row["id"] {
            Cell::Uuid(id) => *id,
            Cell::Bytes(id) => uuid::Uuid::from_slice(id).unwrap(),
            other => panic!("{other:?}"),
        };
        let Cell::Bytes(wrapped) = &row["data_key"] else { panic!("no data key") };
        Key::id(&master.unwrap(id.as_bytes(), wrapped).unwrap())
    };
    rows(w, "tenants").await.iter().map(open).collect()
}

fn tenant(name: &str) -> Value {
    json!({ "name": name, "owner_email": format!("{}@example.com", name.to_lowercase()) })
}

/// Something sealed of every kind, and how it is asked for.
struct Kept {
    by: Client,
    body: Value,
    answer: Value,
    webhook: String,
    secret: String,
    receiver: Receiver,
}
impl Kept {
    async fn make(w: &World) -> Self {
        let body = new_user();
        let by = w.service().with("idempotency-key", unique());
        let answer = by.post("/v1/users", body.clone()).await.expect(201);
        let receiver = Receiver::start().await;
        let (url, events) = (receiver.url("in"), ["app.user.created"]);
        let hook = json!({ "url": url, "headers": { "x-key": "77" }, "subscribed_events": events });
        let hook = w.service().post(&format!("{ADMIN}/CreateWebhook"), json!({ "body": hook })).await.expect(200);
        let secret = hook["webhook"]["secrets"][0]["value"].as_str().unwrap().to_owned();
        Self { by, body, answer, webhook: id(&hook["webhook"]), secret, receiver }
    }
    async fn is_there(&self, node: &Node) {
        let by = self.by.at(node.address);
        assert_eq!(by.post("/v1/users", self.body.clone()).await.expect(201), self.answer, "the kept answer");
        let hooks = by.without("idempotency-key").post(&format!("{ADMIN}/ListWebhooks"), json!({})).await.expect(200);
        let hook = hooks["webhooks"].as_array().unwrap().iter().find(|h| id(h) == self.webhook).unwrap();
        assert_eq!(hook["headers"]["x-key"], "77", "{hook}");
        // it was shown once: whoever got it recognises what is sent
        by.with("idempotency-key", unique()).post("/v1/users", new_user()).await.expect(201);
        let (courier, before) = (Courier::new(Arc::new(HttpClient::new(ALL).unwrap())), self.receiver.letters().len());
        node.app.deliver(&courier).await.unwrap();
        courier.settle().await;
        let letters = self.receiver.letters();
        assert!(letters.len() > before && letters[before..].iter().all(|l| l.is_signed(&self.secret)), "{letters:?}");
    }
}

async fn sec_18_a_new_master_key_leaves_nothing_to_the_old_one(engine: Engine) {
    let w = World::on(engine, knowing(old().and(new()))).await;
    let other = w.second_tenant("Other").await;
    let mut scene = Scene::new(&w);
    for kind in ["organization", "machine", "project", "group"] {
        scene.get(kind).await;
    }
    drop(scene);
    // one who enrols a factor, and one who has to, to sign in
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    ada.client.post(&format!("{MFA}/totp"), json!({})).await.expect(200);
    demand(&w, "required").await;
    let generate = json!({ "challenge_id": challenge(&w, &bob.email).await, "action": "generate" });
    w.anonymous().post("/v1/auth/mfa/enroll-via-challenge", generate).await.expect(200);
    demand(&w, "optional").await;
    let kept = Kept::make(&w).await;
    assert_eq!(sealed_by(&w, &[old().id()]).await, registered(true), "the list in store/src/sealed.rs");
    // not everything that is sealed is there in this store; what is there is in the list
    let found = sealed_by(&w, &data_keys(&w).await).await;
    assert!(found.len() >= 3 && found.is_subset(&registered(false)), "the list in store/src/sealed.rs: {found:?}");

    let began = w.node.app.begin_master_rotation(new().id()).await.unwrap();
    let resealed = began + w.node.app.finish_master_rotation(nobody_else).await.unwrap();
    assert_eq!(resealed, 4, "two signing keys, two tenants");
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new());
    assert_eq!(sealed_by(&w, &[new().id()]).await, registered(true));
    kept.is_there(&w.node).await;
    other.owner.client.get("/v1/users").await.expect(200);
    w.second_tenant("Third").await;
    w.node.app.rotate_token_key(Haste::Gentle).await.unwrap();
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new(), "what is made now is sealed with the new one");
    let event = w.events("action=master_key.rotated").await.remove(0);
    assert_eq!((&event["resource_id"], &event["metadata"]["resealed"]), (&json!(new().id().to_string()), &json!(2)));
    // what is there opens: a server that never had the old one reads all of it anew
    let after = w.twin(knowing(new())).await;
    kept.is_there(&after.node).await;
    other.owner.client.at(after.node.address).get("/v1/users").await.expect(200);
    after.login("owner@example.com").await.expect(200);
    let log = after.service().post("/v1/audit-log/verify", json!({})).await.expect(200);
    assert_eq!(log["ok"], true, "{log}");
}

async fn a_change_of_the_master_key_that_broke_off_goes_on(engine: Engine) {
    let w = World::on(engine, knowing(old().and(new()))).await;
    w.second_tenant("Other").await;
    let kept = Kept::make(&w).await;
    w.node.app.begin_master_rotation(new().id()).await.unwrap();
    // here it was cut off: the signing keys are done, the tenants not
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::from([("tenants".into(), "data_key".into())]));
    w.node.app.reload_keys().await.unwrap();
    kept.is_there(&w.node).await;
    w.second_tenant("Third").await;
    assert_eq!(w.node.app.begin_master_rotation(new().id()).await.unwrap(), 0);
    let finish = async || w.node.app.finish_master_rotation(nobody_else).await.unwrap();
    assert_eq!(finish().await, 2, "the third is sealed with the new one");
    assert_eq!(finish().await, 0);
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new());
    kept.is_there(&w.node).await;
    let after = w.twin(knowing(new())).await;
    kept.is_there(&after.node).await;
    after.owner().get("/v1/tenants").await.expect(200);
}

async fn sec_18_a_master_key_that_the_server_does_not_know_seals_nothing(w: World) {
    let e = w.node.app.begin_master_rotation(new().id()).await.unwrap_err();
    assert!(e.message().contains(&new().id().to_string()), "{}", e.message());
    assert_eq!(sealed_by(&w, &[old().id()]).await, registered(true));
}

async fn nodes_that_know_both_master_keys_go_on_while_one_takes_the_place_of_the_other(engine: Engine) {
    let shared = engine.shared();
    let w = World::on(engine, knowing(old().and(new()))).await;
    let kept = Kept::make(&w).await;
    let b = Node::start(&shared, w.clock.clone(), knowing(old().and(new()))).await;
    // as the command does it, in a process of its own
    let command = Node::start(&shared, w.clock.clone(), knowing(old().and(new()))).await;
    let unprepared = Node::start(&shared, w.clock.clone(), knowing(old())).await;
    command.app.begin_master_rotation(new().id()).await.unwrap();
    // who knows the old one only goes on with what it has read before, and says so
    assert!(unprepared.app.reload_keys().await.is_err());
    let ready = w.anonymous().at(unprepared.address).get("/readyz").await.refused(503, "unavailable");
    assert_eq!(ready["details"]["checks"]["signing_key"], "failing", "{ready}");
    kept.is_there(&unprepared).await;
    w.anonymous().at(b.address).get("/readyz").await.expect(200);
    // before it read its keys again, a node still seals with the old one
    w.owner().at(b.address).post("/v1/tenants", tenant("Late")).await.expect(201);
    for node in [&w.node, &b] {
        node.app.reload_keys().await.unwrap();
    }
    w.owner().at(b.address).post("/v1/tenants", tenant("Later")).await.expect(201);
    command.app.finish_master_rotation(nobody_else).await.unwrap();
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new());
    for node in [&w.node, &b] {
        kept.is_there(node).await;
    }
    // who knows the new one only serves, who knows the old one only does not start
    let after = Node::start(&shared, w.clock.clone(), knowing(new())).await;
    kept.is_there(&after).await;
    w.owner().at(after.address).get("/v1/tenants").await.expect(200);
}

async fn a_node_that_hears_late_of_the_next_master_key_is_waited_for(engine: Engine) {
    let shared = engine.shared();
    let w = World::on(engine, knowing(old().and(new()))).await;
    let late = Node::start(&shared, w.clock.clone(), knowing(old().and(new()))).await;
    let command = Node::start(&shared, w.clock.clone(), knowing(old().and(new()))).await;
    command.app.begin_master_rotation(new().id()).await.unwrap();
    w.node.app.reload_keys().await.unwrap();
    let notices = Counter::new(0);
    let notice = async || {
        notices.set(notices.get() + 1);
        // after the first look, and before its keys are read
        if notices.get() == 1 {
            w.owner().at(late.address).post("/v1/tenants", tenant("Late")).await.expect(201);
            assert!(!sealed_by(&w, &[old().id()]).await.is_empty(), "sealed with the old one");
            late.app.reload_keys().await.unwrap();
        }
    };
    assert_eq!(command.app.finish_master_rotation(notice).await.unwrap(), 2);
    assert_eq!((notices.get(), sealed_by(&w, &[old().id()]).await), (2, BTreeSet::new()));
}

async fn sec_18_a_change_of_the_master_key_is_not_over_while_a_node_seals_with_the_old_one(engine: Engine) {
    let shared = engine.shared();
    let w = World::on(engine, knowing(old().and(new()))).await;
    // it does not read its keys, for whatever reason
    let deaf = Node::start(&shared, w.clock.clone(), knowing(old())).await;
    w.owner().at(deaf.address).get("/v1/users").await.expect(200);
    let command = Node::start(&shared, w.clock.clone(), knowing(old().and(new()))).await;
    command.app.begin_master_rotation(new().id()).await.unwrap();
    let notice = async || {
        w.owner().at(deaf.address).post("/v1/tenants", tenant(&format!("D{}", unique()))).await.expect(201);
    };
    let e = command.app.finish_master_rotation(notice).await.unwrap_err();
    assert!(e.message().contains(&new().id().to_string()), "{e:?}");
    assert_eq!(w.events("action=master_key.rotated").await.len(), 0, "it is not over");
    // with that node gone the same command ends it
    drop(deaf);
    command.app.finish_master_rotation(nobody_else).await.unwrap();
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new());
    assert_eq!(w.events("action=master_key.rotated").await.len(), 1);
}

async fn sec_18_a_node_without_the_next_master_key_signs_and_seals_nothing_and_is_not_ready(engine: Engine) {
    let shared = engine.shared();
    let w = World::on(engine, knowing(old().and(new()))).await;
    let b = Node::start(&shared, w.clock.clone(), knowing(old())).await;
    let signed_in = w.login("owner@example.com").await.expect(200);
    let spend = json!({ "refresh_token": signed_in["refresh_token"] });
    let (there, before) = (w.anonymous().at(b.address), w.bearer(signed_in["token"].as_str().unwrap()).at(b.address));
    there.get("/readyz").await.expect(200);
    w.node.app.begin_master_rotation(new().id()).await.unwrap();
    b.app.reload_keys().await.unwrap_err();

    let unready = there.get("/readyz").await.refused(503, "unavailable");
    assert_eq!(unready["details"]["checks"]["signing_key"], "failing");
    there.get("/healthz").await.expect(200);
    // it knows who calls, and what is public
    before.get("/v1/users").await.expect(200);
    before.post("/v1/tenants", tenant("Lost")).await.refused(503, "unavailable");
    let login = json!({ "email": "owner@example.com", "password": PASSWORD });
    there.post("/v1/auth/login", login.clone()).await.refused(503, "unavailable");
    there.post("/v1/auth/refresh", spend.clone()).await.refused(503, "unavailable");
    assert_eq!(before.post("/v1beta1/auth/token", json!({})).await.status, 503);
    w.anonymous().post("/v1/auth/refresh", spend).await.expect(200);
    // keys that come and go count there as everywhere
    let rotated = w.node.app.rotate_token_key(Haste::Compromised).await.unwrap();
    w.clock.pass(6);
    let new_token = w.login("owner@example.com").await.expect(200)["token"].as_str().unwrap().to_owned();
    assert_eq!(kid(&new_token), rotated.id);
    w.bearer(&new_token).at(b.address).get("/v1/users").await.expect(200);
    before.get("/v1/users").await.refused(401, "unauthenticated");
    w.clock.pass(6);
    let strange = of_another_key(&new_token, "nobody");
    w.bearer(&strange).at(b.address).get("/v1/users").await.refused(401, "unauthenticated");
    // it keeps nobody else from sealing the log or rotating
    w.clock.pass(29 * 86_400);
    assert_eq!(b.seal().await, 0);
    b.rotate_keys().await;
    assert!(w.node.seal().await > 0);
    w.node.rotate_keys().await;
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::from([("tenants".into(), "data_key".into())]));
    w.node.app.finish_master_rotation(nobody_else).await.unwrap();
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new());
    w.seal().await;
    let made = w.service().get("/v1/audit-log?action=signing_key.created").await.expect(200);
    assert_eq!(made["data"].as_array().unwrap().len(), 2, "{made}");
}
