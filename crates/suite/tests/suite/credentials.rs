//! What proves who is calling, and how it ends: sessions, tokens, API keys, passwords.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_crypto::seal::MasterKey;
use portcullis_crypto::signing::{Claims, KeyRing, SigningKey};
use serde_json::{Value, json};

use crate::world::*;

both!(
    a_keys_scopes_bound_what_it_may,
    a_user_key_acts_as_its_creator_and_never_beyond_them,
    a_key_made_with_a_key_is_no_wider_and_lives_no_longer,
    only_the_owner_makes_service_keys,
    a_service_key_survives_its_creator,
    a_key_is_listed_without_its_secret_and_ends_when_revoked,
    a_key_is_no_person,
    sec_19_a_suspended_users_tokens_and_keys_are_dead_at_the_next_request_and_stay_dead,
    sec_19_deleting_a_user_ends_everything_of_theirs,
    sec_19_disabling_through_the_other_surface_is_the_same,
    a_new_password_ends_the_other_sessions_and_keeps_this_one,
    a_wrong_current_password_changes_nothing,
    guessing_the_current_password_is_limited_like_guessing_at_the_door,
    logout_ends_this_session_only,
    an_expired_token_still_signs_its_session_out,
    sec_15_who_does_not_exist_who_is_suspended_and_who_is_wrong_are_answered_alike,
    sec_15_ten_failures_make_an_account_wait_whether_it_exists_or_not,
    decision_36_nobody_locks_an_account_out_of_an_address_that_it_knows,
    sec_07_tokens_that_are_not_ours_are_refused,
    sec_07_claims_are_checked_after_the_signature,
    a_token_ends_by_the_clock_and_the_session_behind_it_counts,
    a_jwks_shows_public_halves_only,
    a_new_role_counts_at_the_next_request_of_an_old_token,
);

async fn a_keys_scopes_bound_what_it_may(w: World) {
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "k", "scopes": ["users:create", "audit:*"] })).await;
    key.post("/v1/users", new_user()).await.expect(201);
    key.get("/v1/audit-log").await.expect(200);
    key.get("/v1/users").await.refused(403, "forbidden");
    key.get("/v1/policies").await.refused(403, "forbidden");
    key.post("/v1/api-keys", json!({ "name": "x", "scopes": ["users:create"] })).await.refused(403, "forbidden");
    // decision 17: a narrower key is no superuser of the other surface
    key.get("/v1beta1/admin/users").await.expect(403);
    for scopes in [
        json!(["users:fly"]),
        json!(["users"]),
        json!(["*:*"]),
        json!(["users:create", ""]),
        json!("users:create"),
        json!([7]),
    ] {
        w.owner().post("/v1/api-keys", json!({ "name": "x", "scopes": scopes })).await.refused(400, "invalid_input");
    }
    w.owner().post("/v1/api-keys", json!({ "name": "x", "owner_type": "service" })).await.refused(400, "invalid_input");
    let past = json!({ "name": "x", "expires_at": "2020-01-01T00:00:00Z" });
    let a = w.owner().post("/v1/api-keys", past).await;
    a.refused(400, "invalid_input");
    a.field("expires_at");
}

async fn a_user_key_acts_as_its_creator_and_never_beyond_them(w: World) {
    let plain = w.person("Plain", &["user"]).await;
    let (_, key) = w.api_key(&plain.client, json!({ "name": "wide", "scopes": ["*"] })).await;
    key.post("/v1/users", new_user()).await.refused(403, "forbidden");
    let mine = key.get("/v1/users").await.expect(200);
    assert_eq!(mine["data"].as_array().unwrap().len(), 1, "their own row: {mine}");
    // it grows and shrinks with its creator
    let at = format!("/v1/users/{}", plain.id);
    w.owner().put(&at, json!({ "roles": ["user", "admin"] })).await.expect(200);
    key.post("/v1/users", new_user()).await.expect(201);
    w.owner().put(&at, json!({ "roles": ["user"] })).await.expect(200);
    key.post("/v1/users", new_user()).await.refused(403, "forbidden");
    // nobody lends another's rights
    w.owner().delete(&at).await.expect(204);
    assert_eq!(key.get("/v1/users").await.refused(401, "unauthenticated")["details"]["reason"], "revoked");
}

async fn a_key_made_with_a_key_is_no_wider_and_lives_no_longer(w: World) {
    let at =
        |seconds: i64| portcullis_domain::Timestamp::from_micros((w.clock.seconds() + seconds) * 1_000_000).to_string();
    let body = json!({ "name": "first", "scopes": ["api_keys:*", "users:create"], "expires_at": at(3000) });
    let (_, first) = w.api_key(&w.owner(), body).await;
    for scopes in [json!(["*"]), json!([]), json!(["users:*"]), json!(["policies:read"])] {
        let e = first.post("/v1/api-keys", json!({ "name": "x", "scopes": scopes })).await.refused(403, "forbidden");
        assert_eq!(e["details"]["action"], "api_keys:create", "{scopes}");
    }
    first.post("/v1/api-keys", json!({ "name": "x" })).await.refused(403, "forbidden");
    let body = json!({ "name": "second", "scopes": ["users:create"], "expires_at": at(900_000) });
    let made = first.post("/v1/api-keys", body).await.expect(201);
    let second = w.with_key(made["raw_key"].as_str().unwrap());
    second.post("/v1/users", new_user()).await.expect(201);
    w.clock.pass(3001);
    assert_eq!(
        second.post("/v1/users", new_user()).await.refused(401, "unauthenticated")["details"]["reason"],
        "expired"
    );
}

async fn only_the_owner_makes_service_keys(w: World) {
    let admin = w.person("Admin", &["user", "admin"]).await;
    let body = json!({ "name": "s", "owner_type": "service", "scopes": ["users:create"] });
    let other = w.second_tenant("Globex").await;
    let their_admin = other.person("Their", &["user", "admin"]).await;
    their_admin.client.post("/v1/api-keys", body.clone()).await.refused(403, "forbidden");
    other.owner.client.post("/v1/api-keys", body.clone()).await.expect(201);
    w.owner().post("/v1/api-keys", body.clone()).await.expect(201);
    let plain = w.person("Plain", &["user"]).await;
    plain.client.post("/v1/api-keys", body.clone()).await.refused(403, "forbidden");
    // an admin of the master tenant is "as admin" in that column
    admin.client.post("/v1/api-keys", body).await.refused(403, "forbidden");
}

async fn a_service_key_survives_its_creator(w: World) {
    let other = w.second_tenant("Globex").await;
    let body = json!({ "name": "s", "owner_type": "service", "scopes": ["users:create", "users:list"] });
    let made = other.owner.client.post("/v1/api-keys", body).await.expect(201);
    assert_eq!((&made["owner_type"], &made["created_by"]), (&json!("service"), &json!(other.owner.id)));
    assert!(made["service_user_id"].is_string());
    let key = w.anonymous().with("x-tenant-id", &*other.id).with("x-api-key", made["raw_key"].as_str().unwrap());
    // the ownership moves, then the first owner goes
    let heir = other.person("Heir", &["user", "admin"]).await;
    let at = format!("/v1/tenants/{}", other.id);
    other.owner.client.put(&at, json!({ "owner_user_id": heir.id })).await.expect(200);
    heir.client.post(&format!("/v1/users/{}/suspend", other.owner.id), json!({ "active": false })).await.expect(200);
    key.post("/v1/users", new_user()).await.expect(201);
    key.post("/v1/users", new_user_with(json!({ "roles": ["admin"] }))).await.refused(422, "invalid_roles");
    key.get("/v1/policies").await.refused(403, "forbidden");
    assert_eq!(key.get("/v1beta1/users/self").await.expect(200)["serviceuser"]["id"], made["service_user_id"]);
}

async fn a_key_is_listed_without_its_secret_and_ends_when_revoked(w: World) {
    let made = w.owner().post("/v1/api-keys", json!({ "name": "k", "scopes": ["users:list"] })).await;
    let body = made.expect(201);
    let (raw, id) = (body["raw_key"].as_str().unwrap().to_owned(), body["id"].as_str().unwrap().to_owned());
    let parts: Vec<&str> = raw.splitn(3, '_').collect();
    assert_eq!((parts[0], parts[1], parts[2].len()), ("pcl", body["prefix"].as_str().unwrap(), 49));
    let key = w.with_key(&raw);
    key.get("/v1/users").await.expect(200);
    // one character off is no key
    let mut wrong = raw.clone().into_bytes();
    let at = wrong.len() - 20;
    wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
    w.with_key(&String::from_utf8(wrong).unwrap()).get("/v1/users").await.refused(401, "unauthenticated");

    let read = w.owner().get(&format!("/v1/api-keys/{id}")).await;
    assert!(!read.text().contains("raw_key") && !read.text().contains(&raw));
    assert_eq!(read.json()["status"], "active");
    w.owner().delete(&format!("/v1/api-keys/{id}")).await.expect(204);
    w.owner().delete(&format!("/v1/api-keys/{id}")).await.expect(204);
    key.get("/v1/users").await.refused(401, "unauthenticated");
    let list = w.owner().get("/v1/api-keys?status=revoked").await.expect(200);
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["revoked_by"]), (&json!(id), &json!(w.owner_id)));
    let (listed, gone) = (w.owner().get("/v1/api-keys").await, w.owner().get(&format!("/v1/api-keys/{NOBODY}")).await);
    assert!(!listed.text().contains("raw_key"));
    gone.refused(404, "not_found");
    // another person's key is not one's business
    let plain = w.person("Plain", &["user"]).await;
    assert_eq!(plain.client.get("/v1/api-keys").await.expect(200)["data"], json!([]));
    let theirs = plain.client.get(&format!("/v1/api-keys/{id}")).await;
    let nobodys = plain.client.get(&format!("/v1/api-keys/{NOBODY}")).await;
    assert_eq!(theirs.json(), nobodys.json(), "whether it exists is not told");
}

async fn a_key_is_no_person(w: World) {
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "k" })).await;
    for client in [&key, &w.service()] {
        client.get("/v1/users/me/profile").await.refused(403, "forbidden");
        client.put("/v1/users/me/profile", json!({ "first_name": "x" })).await.refused(403, "forbidden");
        let body = json!({ "current_password": PASSWORD, "new_password": "another-canvas-of-plums" });
        client.post("/v1/users/me/password", body).await.refused(403, "forbidden");
    }
}

/// A person with everything that can prove who they are.
struct Full {
    person: Person,
    key: Client,
    second: Client,
}
async fn full(w: &World, name: &str) -> Full {
    let person = w.person(name, &["user", "admin"]).await;
    let (_, key) = w.api_key(&person.client, json!({ "name": name })).await;
    let second = w.bearer(w.login(&person.email).await.expect(200)["token"].as_str().unwrap());
    Full { person, key, second }
}
impl Full {
    async fn all(&self, status: u16) {
        for client in [&self.person.client, &self.key, &self.second] {
            for path in ["/v1/users", "/v1beta1/users/self", "/v1/users?limit=1"] {
                let a = client.get(path).await;
                assert_eq!(a.status, status, "{path} {}", a.text());
            }
        }
    }
}

async fn sec_19_a_suspended_users_tokens_and_keys_are_dead_at_the_next_request_and_stay_dead(w: World) {
    let ada = full(&w, "Ada").await;
    ada.all(200).await;
    let at = format!("/v1/users/{}/suspend", ada.person.id);
    let suspended = w.owner().post(&at, json!({ "active": false })).await.expect(200);
    assert_eq!((&suspended["active"], &suspended["state"]), (&json!(false), &json!("suspended")));
    ada.all(401).await;
    w.login(&ada.person.email).await.refused(401, "invalid_credentials");
    let back = w.owner().post(&at, json!({ "active": true })).await.expect(200);
    assert_eq!(back["state"], "active");
    ada.all(401).await;
    let again = w.login(&ada.person.email).await.expect(200);
    w.bearer(again["token"].as_str().unwrap()).get("/v1/users").await.expect(200);
    ada.all(401).await;
    let events = w.events("").await;
    let count = |action: &str| events.iter().filter(|e| e["action"] == action).count();
    assert_eq!(
        (count("user.suspended"), count("session.revoked"), count("api_key.revoked"), count("user.reactivated")),
        (1, 2, 1, 1)
    );
    // the owner stays active, and nobody suspends themselves
    w.owner()
        .post(&format!("/v1/users/{}/suspend", w.owner_id), json!({ "active": false }))
        .await
        .refused(409, "owner_protected");
    let bob = w.person("Bob", &["user", "admin"]).await;
    bob.client
        .post(&format!("/v1/users/{}/suspend", bob.id), json!({ "active": false }))
        .await
        .refused(409, "conflict");
}

async fn sec_19_deleting_a_user_ends_everything_of_theirs(w: World) {
    let ada = full(&w, "Ada").await;
    w.owner().delete(&format!("/v1/users/{}", ada.person.id)).await.expect(204);
    ada.all(401).await;
    w.owner().get(&format!("/v1/users/{}", ada.person.id)).await.refused(404, "not_found");
    w.owner().delete(&format!("/v1/users/{}", ada.person.id)).await.refused(404, "not_found");
    w.login(&ada.person.email).await.refused(401, "invalid_credentials");
    // the address is free; who has it next inherits nothing
    w.owner().post("/v1/users", new_user_with(json!({ "email": ada.person.email }))).await.expect(201);
    ada.all(401).await;
}

async fn sec_19_disabling_through_the_other_surface_is_the_same(w: World) {
    let ada = full(&w, "Ada").await;
    w.owner().post(&format!("/v1beta1/users/{}/disable", ada.person.email), json!({})).await.expect(200);
    ada.all(401).await;
    assert_eq!(w.owner().get(&format!("/v1/users/{}", ada.person.id)).await.expect(200)["state"], "suspended");
    w.owner().post(&format!("/v1beta1/users/{}/enable", ada.person.email), json!({})).await.expect(200);
    ada.all(401).await;
}

async fn a_new_password_ends_the_other_sessions_and_keeps_this_one(w: World) {
    let ada = full(&w, "Ada").await;
    let body = json!({ "current_password": PASSWORD, "new_password": "velvet-anchor-monsoon" });
    ada.person.client.post("/v1/users/me/password", body).await.expect(204);
    ada.person.client.get("/v1/users/me/profile").await.expect(200);
    ada.second.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    w.login(&ada.person.email).await.refused(401, "invalid_credentials");
    let login = json!({ "email": ada.person.email, "password": "velvet-anchor-monsoon" });
    w.anonymous().post("/v1/auth/login", login).await.expect(200);
}

async fn a_wrong_current_password_changes_nothing(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let change = |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    let at = "/v1/users/me/password";
    ada.client.post(at, change("not-this-one-at-all", "velvet-anchor-monsoon")).await.refused(400, "invalid_input");
    for weak in ["short", "password123", "ada@example.com"] {
        ada.client.post(at, change(PASSWORD, weak)).await.refused(400, "weak_password");
    }
    w.login(&ada.email).await.expect(200);
}

async fn guessing_the_current_password_is_limited_like_guessing_at_the_door(engine: Engine) {
    let mut options = Options::default();
    options.edge.login_per_minute = 5;
    let w = World::on(engine, options).await;
    // from where its owner signed in an account does not wait (decision 36), but the address does
    let guess = json!({ "current_password": "not-this-one-at-all", "new_password": "velvet-anchor-monsoon" });
    let mut last = 0;
    for _ in 0..8 {
        last = w.owner().post("/v1/users/me/password", guess.clone()).await.status;
    }
    assert_eq!(last, 429);
    let right = json!({ "current_password": PASSWORD, "new_password": "velvet-anchor-monsoon" });
    w.owner().post("/v1/users/me/password", right).await.refused(429, "rate_limited");
}

async fn logout_ends_this_session_only(w: World) {
    let ada = full(&w, "Ada").await;
    ada.person.client.send("POST", "/v1/auth/logout", b"").await.expect(204);
    ada.person.client.get("/v1/users").await.refused(401, "unauthenticated");
    ada.person.client.send("POST", "/v1/auth/logout", b"").await.refused(401, "unauthenticated");
    ada.second.get("/v1/users").await.expect(200);
    ada.key.get("/v1/users").await.expect(200);
    let bare = ada.second.without("x-tenant-id");
    bare.post("/v1/auth/logout", json!({})).await.expect(204);
    ada.second.get("/v1/users").await.refused(401, "unauthenticated");
}

async fn sec_15_who_does_not_exist_who_is_suspended_and_who_is_wrong_are_answered_alike(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let gone = w.person("Gone", &["user"]).await;
    w.owner().post(&format!("/v1/users/{}/suspend", gone.id), json!({ "active": false })).await.expect(200);
    let sso = new_user_with(json!({ "auth_provider": "oidc", "password": null }));
    let sso = w.owner().post("/v1/users", sso).await.expect(201);
    let bare = w.owner().post("/v1beta1/users", json!({ "email": "bare@example.com" })).await.expect(200);
    let tries = [
        (json!(ada.email), "wrong-password-here", Value::Null),
        (json!("nobody@example.com"), PASSWORD, Value::Null),
        (json!("no address"), PASSWORD, Value::Null),
        (json!(gone.email), PASSWORD, Value::Null),
        (sso["email"].clone(), PASSWORD, Value::Null),
        (bare["user"]["email"].clone(), PASSWORD, Value::Null),
        (json!(ada.email), PASSWORD, json!("no-such-tenant")),
        (json!(ada.email), "x", Value::Null),
    ];
    let mut said = vec![];
    for (email, password, slug) in tries {
        let hashed = w.node.app.passwords().run();
        let a = w
            .anonymous()
            .post("/v1/auth/login", json!({ "email": email, "password": password, "tenant_slug": slug }))
            .await;
        // and cost as much: one password was verified, somebody's or nobody's
        assert_eq!(w.node.app.passwords().run(), hashed + 1, "{email}");
        said.push((email, a.refused(401, "invalid_credentials")));
    }
    for (email, answer) in &said {
        assert_eq!(answer, &said[0].1, "{email}");
    }
}

async fn sec_15_ten_failures_make_an_account_wait_whether_it_exists_or_not(w: World) {
    // who never signed in from this address (decision 36)
    let stranger = w.owner().post("/v1/users", new_user()).await.expect(201)["email"].as_str().unwrap().to_owned();
    let mut said = vec![];
    for email in [stranger.as_str(), "nobody@example.com"] {
        let wrong = json!({ "email": email, "password": "wrong-password-here" });
        for n in 0..10 {
            let a = w.anonymous().post("/v1/auth/login", wrong.clone()).await;
            assert_eq!(a.status, 401, "{email} {n}: {}", a.text());
        }
        let a = w.anonymous().post("/v1/auth/login", wrong).await;
        let mut e = a.refused(429, "rate_limited");
        let wait: i64 = a.header("retry-after").unwrap().parse().unwrap();
        assert!((28..=61).contains(&wait), "{wait}");
        // the clock moved on by some milliseconds in between
        e["message"] = Value::Null;
        e["details"]["retry_after_seconds"] = Value::Null;
        said.push(e);
    }
    assert_eq!(said[0], said[1]);
    // while waiting, the right password waits too; another account of the same tenant does not
    w.login(&stranger).await.refused(429, "rate_limited");
    w.login("owner@example.com").await.expect(200);
    w.clock.pass(61);
    w.login(&stranger).await.expect(200);
    // a sign-in that succeeded clears the count
    let wrong = json!({ "email": stranger, "password": "wrong-password-here" });
    for _ in 0..5 {
        w.anonymous().post("/v1/auth/login", wrong.clone()).await.refused(401, "invalid_credentials");
    }
}

async fn decision_36_nobody_locks_an_account_out_of_an_address_that_it_knows(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let wrong = json!({ "email": ada.email, "password": "wrong-password-here" });
    for _ in 0..15 {
        w.anonymous().post("/v1/auth/login", wrong.clone()).await.refused(401, "invalid_credentials");
    }
    w.login(&ada.email).await.expect(200);
}

// --- tokens (checklist 7) ---------------------------------------------------------------------------------------------------

/// The server's own key: whoever holds the master key has it.
async fn ring(w: &World) -> KeyRing {
    let sql = "SELECT id, private_key FROM signing_keys WHERE purpose LIKE '%token%'";
    let (id, wrapped): (String, Vec<u8>) = if w.engine.is_sqlite() {
        w.engine.raw_sqlite().query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap()
    } else {
        let row = w.engine.raw_postgres().await.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1))
    };
    KeyRing::new(SigningKey::unwrap(&MasterKey::new([7; 32]), &id, &wrapped).unwrap(), vec![])
}
fn part(token: &str, n: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap()).unwrap()
}
fn joined(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let e = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.{}", e(header.to_string().as_bytes()), e(claims.to_string().as_bytes()), e(signature))
}
/// RFC 2104, for the classic confusion of a public key with a shared secret.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |x: u8| block.map(|b| b ^ x).to_vec();
    let inner = portcullis_crypto::sha256(&[pad(0x36), message.to_vec()].concat());
    portcullis_crypto::sha256(&[pad(0x5c), inner.to_vec()].concat())
}

async fn sec_07_tokens_that_are_not_ours_are_refused(w: World) {
    let token = w.owner_token().to_owned();
    w.bearer(&token).get("/v1/users").await.expect(200);
    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    let ring = ring(&w).await;
    let public = *ring.signing().verifying().public();
    let with = |name: &str, value: Value| {
        let mut h = header.clone();
        h[name] = value;
        h
    };
    let signed_own = |header: &Value, claims: &Value| {
        let unsigned = joined(header, claims, b"");
        let unsigned = unsigned.trim_end_matches('.');
        format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(ring.signing().sign(unsigned.as_bytes())))
    };
    let own_hs = {
        let h = with("alg", json!("HS256"));
        let unsigned = joined(&h, &claims, b"");
        let mac = hmac_sha256(&public, unsigned.trim_end_matches('.').as_bytes());
        joined(&h, &claims, &mac)
    };
    let stranger = {
        let key = SigningKey::generate(&portcullis_crypto::random::OsRandom);
        let unsigned = joined(&header, &claims, b"");
        joined(&header, &claims, &key.sign(unsigned.trim_end_matches('.').as_bytes()))
    };
    let mut promoted = claims.clone();
    promoted["sub"] = json!(NOBODY);
    let signature = URL_SAFE_NO_PAD.decode(token.rsplit('.').next().unwrap()).unwrap();
    let mut flipped = signature.clone();
    flipped[10] ^= 1;
    let forged = [
        ("alg none", joined(&with("alg", json!("none")), &claims, b"")),
        ("alg None", joined(&with("alg", json!("None")), &claims, b"")),
        ("HS256 with the public key", own_hs),
        ("signed by a stranger under our kid", stranger),
        ("other claims under the old signature", joined(&header, &promoted, &signature)),
        ("one bit of the signature", joined(&header, &claims, &flipped)),
        ("no signature", token.rsplit_once('.').unwrap().0.to_owned() + "."),
        ("typ JWT, really signed", signed_own(&with("typ", json!("JWT")), &claims)),
        ("alg none, really signed", signed_own(&with("alg", json!("none")), &claims)),
        ("kid of a path", signed_own(&with("kid", json!("../../etc/passwd")), &claims)),
        ("kid of sql", signed_own(&with("kid", json!("' OR '1'='1")), &claims)),
        ("an embedded key", signed_own(&with("jwk", ring.signing().verifying().jwk()), &claims)),
        ("a key elsewhere", signed_own(&with("jku", json!("https://evil.example/jwks")), &claims)),
        ("crit", signed_own(&with("crit", json!(["exp"])), &claims)),
        ("too long", format!("{token}{}", "A".repeat(9_000))),
    ];
    for (what, forged) in forged {
        let a = w.bearer(&forged).get("/v1/users").await;
        assert_eq!(a.status, 401, "{what}: {}", a.text());
        let beta = w.bearer(&forged).get("/v1beta1/users/self").await;
        assert_eq!(beta.status, 401, "{what} on the other surface: {}", beta.text());
    }
    // the same way of signing with nothing forged is good: the list above fails for the reasons that it names
    w.bearer(&signed_own(&header, &claims)).get("/v1/users").await.expect(200);
}

async fn sec_07_claims_are_checked_after_the_signature(w: World) {
    let other = w.second_tenant("Globex").await;
    let ring = ring(&w).await;
    let good: Claims = serde_json::from_value(part(w.owner_token(), 1)).unwrap();
    w.bearer(&ring.issue(&good)).get("/v1/users").await.expect(200);
    let now = w.clock.seconds();
    let nobody: uuid::Uuid = NOBODY.parse().unwrap();
    let cases = [
        ("iss", Claims { iss: "https://evil.example".into(), ..good.clone() }),
        ("aud", Claims { aud: "another".into(), ..good.clone() }),
        ("exp", Claims { exp: now - 1, ..good.clone() }),
        ("nbf", Claims { nbf: now + 3600, ..good.clone() }),
        ("iat", Claims { iat: now + 3600, ..good.clone() }),
        ("sub", Claims { sub: other.owner.id.parse().unwrap(), ..good.clone() }),
        ("sub", Claims { sub: nobody, ..good.clone() }),
        ("sid", Claims { sid: nobody, ..good.clone() }),
        ("tenant_id", Claims { tenant_id: other.id.parse().unwrap(), ..good.clone() }),
        ("tenant_id", Claims { tenant_id: nobody, ..good.clone() }),
    ];
    for (claim, claims) in cases {
        for tenant in [&w.tenant, &other.id] {
            let client = w.bearer(&ring.issue(&claims)).with("x-tenant-id", tenant.as_str());
            let a = client.get("/v1/users").await;
            assert_eq!(a.status, 401, "{claim}: {}", a.text());
        }
    }
    // roles in a token inform others; the server looks at the user
    let plain = w.person("Plain", &["user"]).await;
    let signed_in = w.login(&plain.email).await.expect(200);
    let theirs: Claims = serde_json::from_value(part(signed_in["token"].as_str().unwrap(), 1)).unwrap();
    let claims = Claims { roles: vec!["user".into(), "admin".into()], ..theirs };
    w.bearer(&ring.issue(&claims)).post("/v1/users", new_user()).await.refused(403, "forbidden");
}

async fn a_token_ends_by_the_clock_and_the_session_behind_it_counts(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let signed_in = w.login(&ada.email).await.expect(200);
    let ends: portcullis_domain::Timestamp = signed_in["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(ends.seconds() - w.clock.seconds(), 3600 - 1 + (ends.seconds() - w.clock.seconds() - 3599), "an hour");
    let client = w.bearer(signed_in["token"].as_str().unwrap());
    w.clock.pass(3590);
    client.get("/v1/users/me/profile").await.expect(200);
    w.clock.pass(11);
    assert_eq!(
        client.get("/v1/users/me/profile").await.refused(401, "unauthenticated")["details"]["reason"],
        "expired"
    );
    // a clock that jumps back revives no ended session
    let again = w.bearer(w.login(&ada.email).await.expect(200)["token"].as_str().unwrap());
    again.send("POST", "/v1/auth/logout", b"").await.expect(204);
    w.clock.pass(-600);
    again.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
}

async fn an_expired_token_still_signs_its_session_out(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let signed_in = w.login(&ada.email).await.expect(200);
    let (token, refresh) =
        (signed_in["token"].as_str().unwrap(), json!({ "refresh_token": signed_in["refresh_token"] }));
    let (other, elsewhere) = (w.person("Max", &["user"]).await, w.second_tenant("Other").await);
    let ends = portcullis_domain::Timestamp::from_micros((w.clock.seconds() + 7_200) * 1_000_000).to_string();
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "k", "expires_at": ends })).await;
    w.clock.pass(3_700);
    let late = w.bearer(token);
    late.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    // nobody else's: the signature counts, the tenant counts
    let (head, rest) = token.split_once('.').unwrap();
    let theirs = w.login(&other.email).await.expect(200);
    let stolen = format!(
        "{head}.{}.{}",
        theirs["token"].as_str().unwrap().split('.').nth(1).unwrap(),
        rest.split_once('.').unwrap().1
    );
    w.bearer(&stolen).post("/v1/auth/logout", json!({})).await.refused(401, "unauthenticated");
    late.with("x-tenant-id", &*elsewhere.id).post("/v1/auth/logout", json!({})).await.refused(403, "tenant_mismatch");
    w.bearer(theirs["token"].as_str().unwrap()).get("/v1/users/me/profile").await.expect(200);

    late.post("/v1/auth/logout", json!({})).await.expect(204);
    w.anonymous().post("/v1/auth/refresh", refresh).await.refused(401, "unauthenticated");
    w.seal().await;
    let ended = w.service().get("/v1/audit-log?action=session.revoked").await.expect(200);
    assert_eq!(ended["data"][0]["metadata"]["cause"], "logout");
    late.post("/v1/auth/logout", json!({})).await.refused(401, "unauthenticated");
    // a key does not sign out, and an expired one neither
    key.post("/v1/auth/logout", json!({})).await.refused(403, "forbidden");
    w.clock.pass(7_200);
    key.post("/v1/auth/logout", json!({})).await.refused(401, "unauthenticated");
}

async fn a_jwks_shows_public_halves_only(w: World) {
    let a = w.anonymous().get("/.well-known/jwks.json").await;
    let keys = a.expect(200)["keys"].as_array().unwrap().clone();
    assert!(!keys.is_empty() && a.header("cache-control").is_some_and(|c| c.contains("max-age=300")));
    for key in keys {
        let mut names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"], "no private part");
    }
    assert_eq!(
        part(w.owner_token(), 0)["kid"],
        w.anonymous().get("/.well-known/jwks.json").await.json()["keys"][0]["kid"]
    );
}

async fn a_new_role_counts_at_the_next_request_of_an_old_token(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let at = format!("/v1/users/{}", ada.id);
    for _ in 0..5 {
        ada.client.get("/v1/audit-log").await.refused(403, "forbidden");
        w.owner().put(&at, json!({ "roles": ["user", "admin"] })).await.expect(200);
        ada.client.get("/v1/audit-log").await.expect(200);
        w.owner().put(&at, json!({ "roles": ["user"] })).await.expect(200);
    }
}
