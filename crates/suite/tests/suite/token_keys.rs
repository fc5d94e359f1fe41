//! Keys of access tokens come and go, and nobody notices (spec v1 9.6, checklist 18), unless one is in wrong hands.
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_service::key_rotation::{Haste, RELOAD_SECONDS, WAIT_SECONDS};
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::world::tables::{Cell, execute, rows};
use crate::world::token::claims;
use crate::world::*;

both!(
    sec_18_keys_rotate_under_load_without_one_failed_request,
    sec_18_tokens_of_a_compromised_key_are_refused,
    an_operator_rotates_and_nobody_notices,
    checkpoints_verify_however_often_token_keys_change,
);

const DAY: i64 = 86_400;
/// The longest life of an access token.
const LIFE: i64 = DAY;

/// The key that a token names.
pub fn kid(token: &str) -> String {
    let head = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&head).unwrap()["kid"].as_str().unwrap().to_owned()
}
/// The same token with the id of another key.
pub fn of_another_key(token: &str, kid: &str) -> String {
    let head = URL_SAFE_NO_PAD.encode(json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid }).to_string());
    format!("{head}.{}", token.split_once('.').unwrap().1)
}
/// The ids in the JWKS, which has nothing but public halves.
pub async fn published(client: &Client) -> BTreeSet<String> {
    let keys = client.get("/.well-known/jwks.json").await.expect(200);
    let field_names = ["alg", "crv", "kid", "kty", "use", "x"];
    let keys = keys["keys"].as_array().unwrap().iter();
    keys.map(|key| {
        let names: BTreeSet<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(field_names), "the fields of an Ed25519 key");
        key["kid"].as_str().unwrap().to_owned()
    })
    .collect()
}
/// Who has just signed in.
async fn signed_in(w: &World, email: &str) -> (Client, String, Value) {
    let answer = w.login(email).await.expect(200);
    let token = answer["token"].as_str().unwrap().to_owned();
    (w.bearer(&token), token, json!({ "refresh_token": answer["refresh_token"] }))
}

/// People who sign in, call and renew their tokens without a pause, each call on the next of the nodes. The clock takes its big steps
/// between their calls, and they sign in again after one.
struct Load {
    stop: Arc<AtomicBool>,
    pause: Arc<RwLock<u64>>,
    calls: Arc<AtomicU64>,
    people: Vec<tokio::task::JoinHandle<BTreeSet<String>>>,
}
impl Load {
    async fn start(w: &World, nodes: &[&Node]) -> Self {
        let (stop, pause, calls) = (Arc::<AtomicBool>::default(), Arc::<RwLock<u64>>::default(), Arc::default());
        let mut people = vec![];
        for n in 0..3 {
            let email = w.person(&format!("Load{n}"), &["user"]).await.email;
            let person = OneOfThem {
                email,
                client: w.anonymous().with("x-tenant-id", &*w.tenant),
                clock: w.clock.clone(),
                nodes: nodes.iter().map(|n| n.address).collect(),
                turn: n,
                calls: Arc::clone(&calls),
            };
            people.push(tokio::spawn(person.live(stop.clone(), pause.clone())));
        }
        Self { stop, pause, calls, people }
    }
    /// Waits until everybody has called a few times more.
    async fn go_on(&self) {
        let enough = self.calls.load(Relaxed) + 30;
        while self.calls.load(Relaxed) < enough {
            assert!(self.people.iter().all(|p| !p.is_finished()), "a request failed");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    async fn jump(&self, clock: &Held, seconds: i64) {
        let mut jumps = self.pause.write().await;
        clock.pass(seconds);
        *jumps += 1;
    }
    /// The keys that signed.
    async fn finish(self) -> BTreeSet<String> {
        self.stop.store(true, Relaxed);
        let mut out = BTreeSet::new();
        for person in self.people {
            out.extend(person.await.expect("a request failed"));
        }
        out
    }
}
struct OneOfThem {
    email: String,
    client: Client,
    clock: Arc<Held>,
    nodes: Vec<std::net::SocketAddr>,
    turn: usize,
    calls: Arc<AtomicU64>,
}
impl OneOfThem {
    async fn live(mut self, stop: Arc<AtomicBool>, pause: Arc<RwLock<u64>>) -> BTreeSet<String> {
        let (mut seen, mut kept, mut refresh, mut jumps) = (BTreeSet::new(), Vec::<(i64, String)>::new(), None, 0);
        while !stop.load(Relaxed) {
            let now = pause.read().await;
            if *now != jumps {
                (jumps, refresh) = (*now, None);
            }
            kept.retain(|(made, _)| self.clock.seconds() - made < LIFE - 600);
            let answer = match refresh.take() {
                Some(refresh) => self.next().post("/v1/auth/refresh", json!({ "refresh_token": refresh })).await,
                None => {
                    let login = json!({ "email": self.email, "password": PASSWORD });
                    self.next().post("/v1/auth/login", login).await
                }
            };
            let answer = answer.expect(200);
            refresh = Some(answer["refresh_token"].clone());
            let token = answer["token"].as_str().unwrap().to_owned();
            seen.insert(kid(&token));
            kept.push((self.clock.seconds(), token));
            // the newest, the oldest and one between
            for n in [kept.len() - 1, 0, kept.len() / 2] {
                let by = self.next().with("authorization", format!("Bearer {}", kept[n].1));
                by.get("/v1/users/me/profile").await.expect(200);
            }
        }
        seen
    }
    fn next(&mut self) -> Client {
        self.turn += 1;
        self.calls.fetch_add(1, Relaxed);
        self.client.at(self.nodes[self.turn % self.nodes.len()])
    }
}

/// Access tokens live as long as they may.
async fn long_tokens(w: &World) {
    execute(w, &format!(r#"UPDATE tenants SET settings = '{{"access_token_seconds":{LIFE}}}'"#)).await;
    // settings are read again with the rules
    let some = w.policy("some", 10, r#"forbid (principal, action == Action::"users:create", resource);"#).await;
    w.owner().delete(&format!("/v1/policies/{some}")).await.expect(204);
}

/// A month of keys, on these nodes, the first of which rotates; the others read the keys once a minute.
pub async fn a_month_under_load(w: &World, nodes: &[&Node]) {
    let ada = w.person("Ada", &["user"]).await;
    long_tokens(w).await;
    let load = Load::start(w, nodes).await;
    let mut now = 0;
    // half a minute passes while everybody calls
    let mut small_steps = async |steps: u32| {
        for _ in 0..steps {
            w.clock.pass(30);
            now += 30;
            nodes[0].rotate_keys().await;
            if now % RELOAD_SECONDS == 0 {
                for node in nodes {
                    node.app.reload_keys().await.unwrap();
                }
            }
            load.go_on().await;
        }
    };
    let first = published(&w.anonymous()).await;
    assert_eq!(first.len(), 1);

    load.jump(&w.clock, 29 * DAY - 90).await;
    small_steps(4).await;
    let both = published(&w.anonymous()).await;
    assert!(both.len() == 2 && both.is_superset(&first), "the next key is published a day before it signs");

    load.jump(&w.clock, DAY - 180).await;
    let (last, token, _) = signed_in(w, &ada.email).await;
    assert!(first.contains(&kid(&token)), "two minutes before the next one signs");
    small_steps(8).await;
    // the old key is retired when the new one has settled, and goes when its last token has ended
    load.jump(&w.clock, 500).await;
    small_steps(4).await;
    let retired: Vec<_> = rows(w, "signing_keys").await.into_iter().filter(|r| r["retired_at"] != Cell::Null).collect();
    assert_eq!(retired.len(), 1);
    assert_eq!(retired[0]["private_key"], Cell::Bytes(vec![]), "the private half is gone");
    assert_eq!(published(&w.anonymous()).await, both, "its tokens may live for a day");
    load.jump(&w.clock, DAY - 1_200).await;
    small_steps(4).await;
    assert_eq!(published(&w.anonymous()).await, both);
    for node in nodes {
        last.at(node.address).get("/v1/users/me/profile").await.expect(200);
    }
    load.jump(&w.clock, 1_800).await;
    small_steps(4).await;
    assert!(claims(&token)["exp"].as_i64().unwrap() < w.clock.seconds(), "no token of it can live");
    let second: BTreeSet<_> = both.difference(&first).cloned().collect();
    assert_eq!(published(&w.anonymous()).await, second);
    assert_eq!(load.finish().await, both, "both keys signed");
}

async fn sec_18_keys_rotate_under_load_without_one_failed_request(w: World) {
    a_month_under_load(&w, &[&w.node]).await;
    w.seal().await;
    let events = async |action: &str| {
        let page = w.service().get(&format!("/v1/audit-log?action={action}")).await.expect(200);
        page["data"].as_array().unwrap().clone()
    };
    let (created, retired) = (events("signing_key.created").await, events("signing_key.retired").await);
    assert_eq!((created.len(), retired.len()), (1, 1));
    assert_eq!((&retired[0]["metadata"]["cause"], &retired[0]["actor_type"]), (&json!("rotated"), &json!("system")));
}

async fn sec_18_tokens_of_a_compromised_key_are_refused(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let (before, token, refresh) = signed_in(&w, &ada.email).await;
    // remembered, too
    before.get("/v1/users/me/profile").await.expect(200);
    let pat = w.service();
    pat.get("/v1/users").await.expect(200);
    let rotated = w.node.app.rotate_token_key(Haste::Compromised).await.unwrap();
    assert_eq!(rotated.refused, [kid(&token)]);
    before.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    w.owner().get("/v1/users").await.refused(401, "unauthenticated");
    assert_eq!(published(&w.anonymous()).await, BTreeSet::from([rotated.id.clone()]));
    // what no key signed goes on
    pat.get("/v1/users").await.expect(200);
    let renewed = w.anonymous().post("/v1/auth/refresh", refresh).await.expect(200);
    assert_eq!(kid(renewed["token"].as_str().unwrap()), rotated.id);
    w.bearer(renewed["token"].as_str().unwrap()).get("/v1/users/me/profile").await.expect(200);
    // nor does another name help it
    w.bearer(&of_another_key(&token, &rotated.id)).get("/v1/users").await.refused(401, "unauthenticated");
    // nor do two minutes in which the keys are read and looked after again
    w.clock.pass(120);
    w.node.rotate_keys().await;
    w.node.app.reload_keys().await.unwrap();
    assert!(claims(&token)["exp"].as_i64().unwrap() > w.clock.seconds() + 600, "it has not expired");
    assert_eq!(published(&w.anonymous()).await, BTreeSet::from([rotated.id.clone()]));
    w.owner().get("/v1/users").await.refused(401, "unauthenticated");
    before.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    let retired = w.service().get("/v1/audit-log?action=signing_key.retired").await.expect(200);
    assert_eq!(retired["data"][0]["metadata"]["cause"], "compromised");
}

async fn an_operator_rotates_and_nobody_notices(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let (client, token, _) = signed_in(&w, &ada.email).await;
    let rotated = w.node.app.rotate_token_key(Haste::Gentle).await.unwrap();
    assert_eq!(published(&w.anonymous()).await, BTreeSet::from([kid(&token), rotated.id.clone()]));
    assert_eq!(kid(&signed_in(&w, &ada.email).await.1), kid(&token), "not used yet");
    // asked twice, it is the same one
    let again = w.node.app.rotate_token_key(Haste::Gentle).await.unwrap();
    assert_eq!((again.id, again.signs_from), (rotated.id.clone(), rotated.signs_from));
    w.clock.pass(WAIT_SECONDS);
    assert_eq!(kid(&signed_in(&w, &ada.email).await.1), rotated.id, "without a word to the node");
    client.get("/v1/users/me/profile").await.expect(200);
    // the one that waits is taken, not another
    w.clock.pass(29 * DAY);
    w.node.rotate_keys().await;
    let waiting = published(&w.anonymous()).await;
    let next = w.node.app.rotate_token_key(Haste::Gentle).await.unwrap();
    assert!(waiting.contains(&next.id) && next.id != rotated.id);
    w.clock.pass(WAIT_SECONDS);
    let (owner, token, _) = signed_in(&w, "owner@example.com").await;
    assert_eq!(kid(&token), next.id);
    let actions = owner.get("/v1/audit-log?action=signing_key.*").await.expect(200);
    let actions: Vec<_> = actions["data"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"signing_key.brought_forward"), "{actions:?}");
}

async fn checkpoints_verify_however_often_token_keys_change(w: World) {
    let keys = async |by: &Client| by.get("/v1/audit-log/checkpoints").await.expect(200)["keys"].clone();
    let (service, before) = (w.service(), keys(&w.service()).await);
    w.seal().await;
    for _ in 0..2 {
        w.node.app.rotate_token_key(Haste::Compromised).await.unwrap();
        w.clock.pass(60 * DAY);
        w.node.rotate_keys().await;
        w.seal().await;
    }
    assert_eq!(keys(&service).await, before, "the log's key is another one");
    let v = service.post("/v1/audit-log/verify", json!({})).await.expect(200);
    assert_eq!(v["ok"], true, "{v}");
}
