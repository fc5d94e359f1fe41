//! A new master key (checklist 18): nothing is left that the old one opens, and nobody notices.
use std::collections::BTreeSet;

use portcullis_crypto::seal::{Key, KeyId, MasterKey, key_of};
use portcullis_store::sealed::{SEALED, SealedBy};
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::scene::Scene;
use crate::world::tables::{Cell, rows, tables};
use crate::world::*;

both!(
    sec_18_a_new_master_key_leaves_nothing_to_the_old_one,
    a_change_of_the_master_key_that_broke_off_goes_on,
    sec_18_a_master_key_that_the_server_does_not_know_seals_nothing,
);
mod postgres_nodes {
    #[test]
    fn nodes_that_know_both_master_keys_go_on_while_one_takes_the_place_of_the_other() {
        crate::world::on_postgres(super::nodes_that_know_both_master_keys_go_on_while_one_takes_the_place_of_the_other);
    }
}

fn old() -> MasterKey {
    MasterKey::new([7; 32])
}
fn new() -> MasterKey {
    MasterKey::new([8; 32])
}
fn knowing(master_key: MasterKey) -> Options {
    Options { master_key, ..Options::default() }
}

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

/// Something sealed of every kind, and how it is asked for.
struct Kept {
    by: Client,
    body: Value,
    answer: Value,
    webhook: String,
    secret: Value,
}
impl Kept {
    async fn make(w: &World) -> Self {
        let body = new_user();
        let by = w.service().with("idempotency-key", unique());
        let answer = by.post("/v1/users", body.clone()).await.expect(201);
        let hook = json!({ "url": "https://hooks.example.com/in", "headers": { "x-key": "77" }, "subscribed_events": ["app.user.created"] });
        let hook = w.service().post(&format!("{ADMIN}/CreateWebhook"), json!({ "body": hook })).await.expect(200);
        let (webhook, secret) = (id(&hook["webhook"]), hook["webhook"]["secrets"][0]["value"].clone());
        Self { by, body, answer, webhook, secret }
    }
    async fn is_there(&self, address: std::net::SocketAddr) {
        let by = self.by.at(address);
        assert_eq!(by.post("/v1/users", self.body.clone()).await.expect(201), self.answer, "the kept answer");
        let hooks = by.without("idempotency-key").post(&format!("{ADMIN}/ListWebhooks"), json!({})).await.expect(200);
        let hook = hooks["webhooks"].as_array().unwrap().iter().find(|h| id(h) == self.webhook).unwrap();
        assert_eq!(hook["headers"]["x-key"], "77", "{hook}");
        assert!(self.secret.is_string());
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
    let kept = Kept::make(&w).await;
    assert_eq!(sealed_by(&w, &[old().id()]).await, registered(true), "the list in store/src/sealed.rs");
    // not everything that is sealed is there in this store; what is there is in the list
    let found = sealed_by(&w, &data_keys(&w).await).await;
    assert!(found.len() >= 3 && found.is_subset(&registered(false)), "the list in store/src/sealed.rs: {found:?}");

    let began = w.node.app.begin_master_rotation(new().id()).await.unwrap();
    let resealed = began + w.node.app.finish_master_rotation().await.unwrap();
    assert_eq!(resealed, 4, "two signing keys, two tenants");
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new());
    assert_eq!(sealed_by(&w, &[new().id()]).await, registered(true));
    kept.is_there(w.node.address).await;
    other.owner.client.get("/v1/users").await.expect(200);
    w.second_tenant("Third").await;
    w.node.app.rotate_token_key(portcullis_service::key_rotation::Haste::Gentle).await.unwrap();
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new(), "what is made now is sealed with the new one");
    let event = w.events("action=master_key.rotated").await.remove(0);
    assert_eq!((&event["resource_id"], &event["metadata"]["resealed"]), (&json!(new().id().to_string()), &json!(2)));
}

async fn a_change_of_the_master_key_that_broke_off_goes_on(engine: Engine) {
    let w = World::on(engine, knowing(old().and(new()))).await;
    w.second_tenant("Other").await;
    let kept = Kept::make(&w).await;
    w.node.app.begin_master_rotation(new().id()).await.unwrap();
    // here it was cut off: the signing keys are done, the tenants not
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::from([("tenants".into(), "data_key".into())]));
    w.node.app.reload_keys().await.unwrap();
    kept.is_there(w.node.address).await;
    w.second_tenant("Third").await;
    assert_eq!(w.node.app.begin_master_rotation(new().id()).await.unwrap(), 0);
    assert_eq!(w.node.app.finish_master_rotation().await.unwrap(), 2, "the third is sealed with the new one");
    assert_eq!(w.node.app.finish_master_rotation().await.unwrap(), 0);
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new());
    kept.is_there(w.node.address).await;
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
    kept.is_there(unprepared.address).await;
    w.anonymous().at(b.address).get("/readyz").await.expect(200);
    let tenant = |name: &str| json!({ "name": name, "owner_email": format!("{}@example.com", name.to_lowercase()) });
    // before it read its keys again, a node still seals with the old one
    w.owner().at(b.address).post("/v1/tenants", tenant("Late")).await.expect(201);
    for node in [&w.node, &b] {
        node.app.reload_keys().await.unwrap();
    }
    w.owner().at(b.address).post("/v1/tenants", tenant("Later")).await.expect(201);
    command.app.finish_master_rotation().await.unwrap();
    assert_eq!(sealed_by(&w, &[old().id()]).await, BTreeSet::new());
    for node in [&w.node, &b] {
        kept.is_there(node.address).await;
    }
    // who knows the new one only serves, who knows the old one only does not start
    let after = Node::start(&shared, w.clock.clone(), knowing(new())).await;
    kept.is_there(after.address).await;
    w.owner().at(after.address).get("/v1/tenants").await.expect(200);
}
