//! Limits: what is too much is refused early, in words, and never stops the others (spec v1 2.8, checklist 14).
use std::time::{Duration, Instant};

use portcullis_crypto::password::Params;
use portcullis_edge::EdgeConfig;
use portcullis_service::app::Settings;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::*;

both!(
    sec_14_a_body_over_the_limit_is_413_and_readable_by_a_client_that_writes_first,
    sec_14_json_is_bounded_in_depth_and_strict_about_names,
    sec_14_headers_and_urls_are_bounded,
    sec_14_fields_are_bounded,
    request_ids_are_echoed_or_replaced,
    sec_14_sign_ins_are_limited_for_each_address_with_headers_that_say_so,
    an_api_limit_is_for_each_credential,
    sec_14_a_flooded_hash_pool_leaves_the_other_requests_alone,
    a_connection_that_says_nothing_harms_nobody,
    of_many_who_change_the_structure_at_once_each_gets_a_turn,
);

async fn sec_14_a_body_over_the_limit_is_413_and_readable_by_a_client_that_writes_first(w: World) {
    // 3 MB sent to their end before anything is read
    let mut stream = tokio::net::TcpStream::connect(w.node.address).await.unwrap();
    let body = vec![b'x'; 3_000_000];
    let head = format!(
        "POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-tenant-id: {}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        w.tenant,
        w.owner_token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.expect("the server reads on up to 8 MiB");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("payload_too_large"), "{answer}");
    // without a length
    let mut stream = tokio::net::TcpStream::connect(w.node.address).await.unwrap();
    let head = head.replace(&format!("content-length: {}", body.len()), "transfer-encoding: chunked");
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..30 {
        stream.write_all(b"186a0\r\n").await.unwrap();
        stream.write_all(&body[..100_000]).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    // just under it is read
    let near = new_user_with(json!({ "metadata": { "a": "x".repeat((1 << 20) - 400) } }));
    w.owner().post("/v1/users", near).await.refused(400, "invalid_input");
}

async fn sec_14_json_is_bounded_in_depth_and_strict_about_names(w: World) {
    let owner = w.owner().with("content-type", "application/json");
    let deep = |n: usize| format!("{{\"metadata\":{}1{}}}", "[".repeat(n), "]".repeat(n));
    for (body, what) in [
        (deep(33), "depth"),
        (deep(100_000), "depth"),
        (format!("{{\"metadata\":{}", "{\"a\":".repeat(200_000)), "depth"),
        ("{\"email\":\"a@example.com\",\"email\":\"b@example.com\"}".into(), "twice"),
        ("{\"metadata\":{\"a\":1,\"a\":2}}".into(), "twice below"),
        ("{\"email\":\"a@example.com\",\"\\u0065mail\":\"b@example.com\"}".into(), "twice, escaped"),
    ] {
        let e = owner.send("POST", "/v1/users", body.as_bytes()).await.refused(400, "invalid_input");
        let named = &e["details"]["fields"][0];
        assert_eq!(named["field"].as_str().map(|f| f.len() < 40), Some(true), "{what}: {e}");
    }
    // on the other surface the deep one does no harm either
    let a = owner.send("POST", "/v1beta1/users", deep(100_000).as_bytes()).await;
    assert_eq!(a.status, 400);
}

async fn sec_14_headers_and_urls_are_bounded(w: World) {
    let a = w.owner().with("x-filler", "x".repeat(33 << 10)).get("/v1/users").await;
    assert!(matches!(a.status, 413 | 431), "{} {}", a.status, a.text());
    let a = w.owner().get(&format!("/v1/users?q={}", "x".repeat(9 << 10))).await;
    assert!(matches!(a.status, 413 | 414), "{} {}", a.status, a.text());
    w.owner().with("x-filler", "x".repeat(16 << 10)).get("/v1/users").await.expect(200);
    // far beyond: refused or hung up on, and the next caller is served
    let _ = w.owner().with("x-filler", "x".repeat(2 << 20)).try_send("GET", "/v1/users", b"").await;
    w.owner().get("/v1/users").await.expect(200);
}

async fn sec_14_fields_are_bounded(w: World) {
    let wide: serde_json::Map<String, Value> = (0..65).map(|n| (format!("k{n}"), json!(1))).collect();
    for (change, field) in [
        (json!({ "metadata": wide }), "metadata"),
        (json!({ "metadata": { "a": "x".repeat(17_000) } }), "metadata"),
        (json!({ "metadata": { "x".repeat(129): 1 } }), "metadata"),
        (json!({ "metadata": { "a": { "b": { "c": { "d": { "e": { "f": 1 } } } } } } }), "metadata"),
        (json!({ "metadata": [] }), "metadata"),
        (json!({ "external_id": "x".repeat(256) }), "external_id"),
        (json!({ "external_id": "" }), "external_id"),
        (json!({ "manager_id": "x" }), "manager_id"),
        (json!({ "password": "x".repeat(1 << 19) }), "password"),
    ] {
        let a = w.owner().post("/v1/users", new_user_with(change)).await;
        a.refused(400, "invalid_input");
        let e = a.json();
        let named = e["details"]["fields"][0]["field"].as_str().unwrap().to_owned();
        assert!(named.starts_with(field), "{named}: {e}");
    }
    let policy = json!({ "name": "x".repeat(121), "max_duration_seconds": 60 });
    w.owner().post("/v1/policies", policy).await.refused(400, "invalid_input");
    let policy = w.policy("p", 1, "").await;
    let long = format!("permit (principal, action, resource) when {{ context.reason == \"{}\" }};", "x".repeat(17_000));
    let a = w.owner().post(&format!("/v1/policies/{policy}/rules"), json!({ "policy_text": long })).await;
    assert!(matches!(a.status, 400 | 422), "{} {}", a.status, a.text());
    let notice = json!({ "policy_text": "permit (principal, action, resource);", "notice": "x".repeat(501) });
    w.owner().post(&format!("/v1/policies/{policy}/rules"), notice).await.refused(400, "invalid_input");
}

async fn request_ids_are_echoed_or_replaced(w: World) {
    let a = w.owner().with("x-request-id", "A-b_c.9").get("/v1/users").await;
    assert_eq!(a.header("x-request-id"), Some("A-b_c.9"));
    for bad in ["a b", "", &"x".repeat(129), "a\"b", "é"] {
        let a = w.owner().with("x-request-id", bad).get("/v1/users").await;
        let id = a.header("x-request-id").unwrap();
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7, "{bad}");
    }
}

async fn sec_14_sign_ins_are_limited_for_each_address_with_headers_that_say_so(e: Engine) {
    let usual = EdgeConfig { access_log: false, ..EdgeConfig::default() };
    let w = World::on(e, Options { edge: usual, ..Options::default() }).await;
    let login = json!({ "email": "owner@example.com", "password": PASSWORD });
    let first = w.anonymous().post("/v1/auth/login", login.clone()).await;
    first.expect(200);
    let header = |a: &Answer, name: &str| a.header(name).unwrap_or_else(|| panic!("{name}")).parse::<i64>().unwrap();
    assert_eq!((header(&first, "ratelimit-limit"), header(&first, "ratelimit-remaining")), (30, 29));
    assert!(header(&first, "ratelimit-reset") >= 1);
    for _ in 1..30 {
        // the account is another each time: only the address is counted
        let wrong = json!({ "email": new_user()["email"], "password": "wrong-password-here" });
        w.anonymous().post("/v1/auth/login", wrong).await.refused(401, "invalid_credentials");
    }
    let a = w.anonymous().post("/v1/auth/login", login.clone()).await;
    a.refused(429, "rate_limited");
    assert!(header(&a, "retry-after") >= 1 && header(&a, "ratelimit-remaining") == 0);
    // a header does not make another address of it, without a proxy in front (sec_04)
    let forged = w.anonymous().with("x-forwarded-for", "203.0.113.9").with("x-real-ip", "203.0.113.9");
    forged.post("/v1/auth/login", login.clone()).await.refused(429, "rate_limited");
    w.owner().get("/v1/users").await.expect(200);
    w.clock.pass(61);
    w.anonymous().post("/v1/auth/login", login).await.expect(200);
}

async fn an_api_limit_is_for_each_credential(e: Engine) {
    let edge = EdgeConfig { api_per_second: Some(5), access_log: false, ..EdgeConfig::default() };
    let w = World::on(e, Options { edge, ..Options::default() }).await;
    let mut refused = 0;
    for _ in 0..40 {
        let a = w.owner().get("/v1/tenants").await;
        assert!(a.header("ratelimit-limit").is_some());
        if a.status == 429 {
            a.refused(429, "rate_limited");
            assert!(a.header("retry-after").is_some());
            refused += 1;
        }
    }
    assert!(refused > 20, "{refused}");
    w.service().get("/v1/tenants").await.expect(200);
    w.clock.pass(2);
    w.owner().get("/v1/tenants").await.expect(200);
}

async fn sec_14_a_flooded_hash_pool_leaves_the_other_requests_alone(e: Engine) {
    // real cost, one thread: 300 sign-ins are more than it can take
    let settings = Settings { password: Params { m: 19 * 1024, t: 2, p: 1 }, hash_threads: 1, ..Settings::default() };
    let w = World::on(e, Options { settings, ..Options::default() }).await;
    w.owner().get("/v1/users").await.expect(200);
    let began = Instant::now();
    let flood: Vec<_> = (0..300)
        .map(|n| {
            let client = w.anonymous();
            let body = json!({ "email": format!("u{n}@example.com"), "password": "wrong-password-here" });
            tokio::spawn(async move { client.post("/v1/auth/login", body).await })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    let mut asked = 0;
    while asked < 10 || (asked < 200 && !flood.iter().all(tokio::task::JoinHandle::is_finished)) {
        let start = Instant::now();
        w.owner().get(&format!("/v1/users/{}", w.owner_id)).await.expect(200);
        slowest = slowest.max(start.elapsed());
        asked += 1;
    }
    let mut busy = 0;
    for call in flood {
        let a = call.await.unwrap();
        match a.status {
            401 => drop(a.refused(401, "invalid_credentials")),
            // so many writes at once also meet in PostgreSQL
            503 => drop(a.refused(503, "unavailable")),
            _ => {
                a.refused(429, "rate_limited");
                assert!(a.header("retry-after").is_some());
                busy += 1;
            }
        }
    }
    assert!(busy > 0, "300 at once were more than the queue holds");
    assert!(
        slowest < Duration::from_secs(10),
        "a read took {slowest:?} while {:?} of hashing went on",
        began.elapsed()
    );
    // and afterwards everybody gets in again
    w.login("owner@example.com").await.expect(200);
}

async fn a_connection_that_says_nothing_harms_nobody(w: World) {
    let mut quiet = vec![];
    for _ in 0..200 {
        let mut stream = tokio::net::TcpStream::connect(w.node.address).await.unwrap();
        stream.write_all(b"GET /v1/us").await.unwrap();
        quiet.push(stream);
    }
    let start = Instant::now();
    w.owner().get("/v1/users").await.expect(200);
    assert!(start.elapsed() < Duration::from_secs(10));
    // nonsense on the wire is answered or hung up on
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
        b"POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(w.node.address).await.unwrap();
        stream.write_all(noise).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = vec![];
        let _ =
            tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await.expect("hung up on");
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.starts_with("HTTP/1.1 2"), "{text}");
    }
    w.owner().get("/v1/users").await.expect(200);
}

/// Each change of a tenant's structure is decided on the one before: those who lose a turn queue for the next.
async fn of_many_who_change_the_structure_at_once_each_gets_a_turn(w: World) {
    let by = w.person("Ada", &["user"]).await.client;
    let make = |n: usize| {
        let by = by.clone();
        async move {
            for m in 0..8 {
                by.post("/v1beta1/organizations", json!({ "name": format!("org-{n}-{m}") })).await.expect(200);
            }
        }
    };
    let all: Vec<_> = (0..24).map(|n| tokio::spawn(make(n))).collect();
    for one in all {
        one.await.unwrap();
    }
    let mine = by.get("/v1beta1/users/self/organizations").await.expect(200);
    assert_eq!(mine["organizations"].as_array().unwrap().len(), 24 * 8);
}
