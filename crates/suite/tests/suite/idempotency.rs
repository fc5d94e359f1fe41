//! `Idempotency-Key`: the same call twice happens once (spec v1 2.7).
use serde_json::json;

use crate::world::*;

both!(
    the_same_call_twice_makes_one_user_and_answers_the_same,
    another_body_under_the_same_key_is_422,
    many_calls_at_once_with_one_key_make_one_user,
    a_refusal_is_kept_too,
    refusals_that_may_pass_are_not_kept,
    a_key_is_of_one_caller_and_one_path,
    a_key_is_forgotten_after_a_day,
    a_key_that_is_no_key_is_told_so,
    a_kept_answer_with_a_secret_is_not_readable_in_the_store,
    connect_and_rest_take_a_key_for_calls_that_change_something,
);

async fn count(w: &World) -> usize {
    w.owner().get("/v1/users?limit=250").await.expect(200)["data"].as_array().unwrap().len()
}

async fn the_same_call_twice_makes_one_user_and_answers_the_same(w: World) {
    let (caller, body) = (w.owner().with("idempotency-key", "order-1"), new_user());
    let first = caller.post("/v1/users", body.clone()).await;
    let again = caller.post("/v1/users", body.clone()).await;
    assert_eq!((first.expect(201), first.header("idempotency-replayed")), (again.expect(201), None));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    for header in ["location", "etag", "content-type"] {
        assert_eq!(first.header(header), again.header(header), "{header}");
    }
    assert_eq!(count(&w).await, 2);
    // the same members in another order are the same body
    let turned: Vec<String> =
        body.as_object().unwrap().iter().rev().map(|(k, v)| format!("{}: {v}", json!(k))).collect();
    let turned = format!("{{ {} }}", turned.join(" , "));
    let third = caller.with("content-type", "application/json").send("POST", "/v1/users", turned.as_bytes()).await;
    assert_eq!(third.expect(201)["id"], first.json()["id"]);
}

async fn another_body_under_the_same_key_is_422(w: World) {
    let caller = w.owner().with("idempotency-key", "order-1");
    caller.post("/v1/users", new_user()).await.expect(201);
    caller.post("/v1/users", new_user()).await.refused(422, "idempotency_mismatch");
    assert_eq!(count(&w).await, 2);
}

async fn many_calls_at_once_with_one_key_make_one_user(w: World) {
    let body = new_user();
    let calls: Vec<_> = (0..24)
        .map(|_| {
            let (caller, body) = (w.owner().with("idempotency-key", "once"), body.clone());
            tokio::spawn(async move { caller.post("/v1/users", body).await })
        })
        .collect();
    let mut ids = vec![];
    for call in calls {
        let a = call.await.unwrap();
        match a.status {
            201 => ids.push(a.json()["id"].clone()),
            _ => {
                a.refused(409, "idempotency_in_progress");
                assert_eq!(a.header("retry-after"), Some("1"));
            }
        }
    }
    assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(count(&w).await, 2);
    let late = w.owner().with("idempotency-key", "once").post("/v1/users", body).await;
    assert_eq!(late.expect(201)["id"], ids[0], "and afterwards it is the same one");
}

async fn a_refusal_is_kept_too(w: World) {
    let caller = w.owner().with("idempotency-key", "k");
    let body = new_user_with(json!({ "roles": ["emperor"] }));
    let first = caller.post("/v1/users", body.clone()).await;
    let again = caller.post("/v1/users", body).await;
    assert_eq!(first.refused(422, "invalid_roles"), again.refused(422, "invalid_roles"));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let caller = w.owner().with("idempotency-key", "k2");
    let taken = new_user_with(json!({ "email": "owner@example.com" }));
    caller.post("/v1/users", taken.clone()).await.refused(409, "user_exists");
    let again = caller.post("/v1/users", taken).await;
    again.refused(409, "user_exists");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}

async fn refusals_that_may_pass_are_not_kept(w: World) {
    let plain = w.person("Plain", &["user"]).await;
    let body = new_user();
    let caller = plain.client.with("idempotency-key", "k");
    caller.post("/v1/users", body.clone()).await.refused(403, "forbidden");
    w.anonymous()
        .with("x-tenant-id", &*w.tenant)
        .with("idempotency-key", "k")
        .post("/v1/users", body.clone())
        .await
        .refused(401, "unauthenticated");
    let admin = json!({ "roles": ["user", "admin"] });
    w.owner().put(&format!("/v1/users/{}", plain.id), admin).await.expect(200);
    let a = caller.post("/v1/users", body).await;
    a.expect(201);
    assert_eq!(a.header("idempotency-replayed"), None);
}

async fn a_key_is_of_one_caller_and_one_path(w: World) {
    let admin = w.person("Admin", &["user", "admin"]).await;
    w.owner().with("idempotency-key", "k").post("/v1/users", new_user()).await.expect(201);
    admin.client.with("idempotency-key", "k").post("/v1/users", new_user()).await.expect(201);
    w.service().with("idempotency-key", "k").post("/v1/users", new_user()).await.expect(201);
    let policy = json!({ "name": "p", "max_duration_seconds": 60 });
    w.owner().with("idempotency-key", "k").post("/v1/policies", policy).await.expect(201);
    // who lost the right gets no old answer either
    w.owner().put(&format!("/v1/users/{}", admin.id), json!({ "roles": ["user"] })).await.expect(200);
    admin.client.with("idempotency-key", "k").post("/v1/users", new_user()).await.refused(403, "forbidden");
}

async fn a_key_is_forgotten_after_a_day(w: World) {
    let caller = w.service().with("idempotency-key", "k");
    caller.post("/v1/users", new_user()).await.expect(201);
    w.clock.pass(24 * 3600 - 60);
    caller.post("/v1/users", new_user()).await.refused(422, "idempotency_mismatch");
    w.clock.pass(120);
    let a = caller.post("/v1/users", new_user()).await;
    a.expect(201);
    assert_eq!(a.header("idempotency-replayed"), None);
}

async fn a_key_that_is_no_key_is_told_so(w: World) {
    for key in ["a b", "", "ä", &"x".repeat(256)] {
        let a = w.owner().with("idempotency-key", key).post("/v1/users", new_user()).await;
        a.refused(400, "invalid_input");
        a.field("Idempotency-Key");
    }
    w.owner().with("idempotency-key", "x".repeat(255)).post("/v1/users", new_user()).await.expect(201);
}

async fn a_kept_answer_with_a_secret_is_not_readable_in_the_store(w: World) {
    let caller = w.owner().with("idempotency-key", "k");
    let body = json!({ "name": "secret" });
    let first = caller.post("/v1/api-keys", body.clone()).await.expect(201);
    let raw = first["raw_key"].as_str().unwrap();
    assert_eq!(caller.post("/v1/api-keys", body).await.expect(201)["raw_key"], raw);
    let kept: Vec<u8> = if w.engine.is_sqlite() {
        w.engine.raw_sqlite().query_row("SELECT answer FROM idempotency", [], |r| r.get(0)).unwrap()
    } else {
        w.engine.raw_postgres().await.query_one("SELECT answer FROM idempotency", &[]).await.unwrap().get(0)
    };
    let find = |needle: &[u8]| kept.windows(needle.len()).any(|w| w == needle);
    assert!(!kept.is_empty() && !find(raw.as_bytes()) && !find(b"raw_key"));
}

async fn connect_and_rest_take_a_key_for_calls_that_change_something(w: World) {
    let connect = "/raystack.frontier.v1beta1.FrontierService/CreateUser";
    for (path, body, other) in [
        ("/v1beta1/users", json!({ "email": "r@example.com" }), json!({ "email": "r2@example.com" })),
        (connect, json!({ "body": { "email": "c@example.com" } }), json!({ "body": { "email": "c2@example.com" } })),
    ] {
        let caller = w.owner().with("idempotency-key", "k");
        let first = caller.post(path, body.clone()).await.expect(200);
        let again = caller.post(path, body).await;
        assert_eq!(again.expect(200), first);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let mismatch = caller.post(path, other).await;
        assert_eq!(mismatch.status, 400, "{}", mismatch.text());
    }
    assert_eq!(count(&w).await, 3);
}
