//! Guessing passwords is slow, and locks nobody out for good (decision 36, checklist 15).
use serde_json::{Value, json};

use crate::world::access::connect;
use crate::world::*;

both!(
    sec_15_whoever_guesses_for_hours_does_not_keep_the_owner_out,
    sec_15_many_places_guess_no_faster_than_one_and_a_known_place_goes_on,
    sec_15_one_network_of_ipv6_is_one_place,
    decision_36_a_known_network_stays_known_when_its_addresses_change,
    decision_36_a_place_where_a_session_was_only_used_is_not_known,
    sec_15_a_tenant_that_is_not_there_answers_and_counts_like_one_that_is,
);

const HERE: &str = "203.0.113.5";

/// A server behind a proxy, so that a test can be everywhere.
async fn behind_a_proxy(engine: Engine) -> World {
    let mut options = Options::default();
    options.edge.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    World::on(engine, options).await
}
async fn login(w: &World, from: &str, body: &Value) -> Answer {
    w.anonymous().with("x-forwarded-for", from).post("/v1/auth/login", body.clone()).await
}
/// Somebody who never signed in; their right and a wrong sign-in.
async fn stranger(w: &World) -> (Value, Value) {
    let email = w.owner().post("/v1/users", new_user()).await.expect(201)["email"].clone();
    (json!({ "email": email, "password": PASSWORD }), json!({ "email": email, "password": "wrong-password-here" }))
}
fn wait_of(a: &Answer) -> i64 {
    a.header("retry-after").unwrap().parse().unwrap()
}

async fn sec_15_whoever_guesses_for_hours_does_not_keep_the_owner_out(engine: Engine) {
    let w = behind_a_proxy(engine).await;
    let (right, wrong) = stranger(&w).await;
    let mut tried = 0;
    for _ in 0..55 {
        // as fast as it goes
        for _ in 0..3 {
            tried += i32::from(login(&w, "198.51.100.7", &wrong).await.status == 401);
        }
        w.clock.pass(60);
    }
    assert!((10..=18).contains(&tried), "{tried} tries in 55 minutes from one place");
    let a = login(&w, "198.51.100.7", &right).await;
    assert!(a.status == 429 && wait_of(&a) <= 900, "the place waits");
    login(&w, HERE, &right).await.expect(200);
}

async fn sec_15_many_places_guess_no_faster_than_one_and_a_known_place_goes_on(engine: Engine) {
    let w = behind_a_proxy(engine).await;
    let (right, wrong) = stranger(&w).await;
    login(&w, HERE, &right).await.expect(200);
    let mut tried = 0;
    for n in 1..=30 {
        tried += i32::from(login(&w, &format!("198.51.100.{n}"), &wrong).await.status == 401);
    }
    assert_eq!(tried, 10, "in one minute, wherever from");
    login(&w, HERE, &right).await.expect(200);
    for _ in 0..10 {
        login(&w, &format!("198.51.100.{}", 99), &wrong).await;
    }
    // at a new place the owner waits for the minute to end, not longer
    let elsewhere = login(&w, "192.0.2.9", &right).await;
    assert!(elsewhere.status == 429 && wait_of(&elsewhere) <= 60, "{}", elsewhere.text());
    w.clock.pass(wait_of(&elsewhere));
    login(&w, "192.0.2.9", &right).await.expect(200);
    // a known place's wrong tries take nothing from others
    for _ in 0..20 {
        login(&w, HERE, &wrong).await.refused(401, "invalid_credentials");
    }
    login(&w, "192.0.2.77", &right).await.expect(200);
}

async fn decision_36_a_known_network_stays_known_when_its_addresses_change(engine: Engine) {
    let w = behind_a_proxy(engine).await;
    let (right, wrong) = stranger(&w).await;
    login(&w, "2001:db8:1:2::a", &right).await.expect(200);
    for n in 1..=10 {
        login(&w, &format!("198.51.100.{n}"), &wrong).await.refused(401, "invalid_credentials");
    }
    assert_eq!(login(&w, "2001:db8:1:3::a", &right).await.status, 429, "a stranger waits");
    login(&w, "2001:db8:1:2:ffff::b", &right).await.expect(200);
}

async fn decision_36_a_place_where_a_session_was_only_used_is_not_known(engine: Engine) {
    let w = behind_a_proxy(engine).await;
    let (right, wrong) = stranger(&w).await;
    let made = login(&w, HERE, &right).await.expect(200);
    // whoever stole it
    let thief = "198.51.100.7";
    let by = w.bearer(made["token"].as_str().unwrap()).with("x-forwarded-for", thief);
    connect(&by, "PingUserSession", json!({})).await.expect(200);
    for _ in 0..10 {
        login(&w, thief, &wrong).await.refused(401, "invalid_credentials");
    }
    login(&w, thief, &wrong).await.refused(429, "rate_limited");
}

async fn sec_15_one_network_of_ipv6_is_one_place(engine: Engine) {
    let w = behind_a_proxy(engine).await;
    let (right, wrong) = stranger(&w).await;
    for n in 0..10 {
        login(&w, &format!("2001:db8:7:7::{n:x}"), &wrong).await.refused(401, "invalid_credentials");
    }
    w.clock.pass(25);
    login(&w, "2001:db8:7:7:1:2:3:4", &wrong).await.refused(429, "rate_limited");
    w.clock.pass(36);
    login(&w, "2001:db8:7:7:1:2:3:4", &wrong).await.refused(401, "invalid_credentials");
    w.clock.pass(5);
    let a = login(&w, "2001:db8:7:7:4:3:2:1", &right).await;
    assert!(a.status == 429 && wait_of(&a) > 50, "the next wait is longer: {}", a.text());
    login(&w, "2001:db8:7:8::1", &right).await.expect(200);
}

async fn sec_15_a_tenant_that_is_not_there_answers_and_counts_like_one_that_is(engine: Engine) {
    let w = behind_a_proxy(engine).await;
    let other = w.second_tenant("Other").await;
    let mut said = vec![];
    for slug in [other.slug.as_str(), "no-such-tenant", "Not A Slug!"] {
        let body = json!({ "email": "owner@example.com", "password": "wrong-password-here", "tenant_slug": slug });
        let mut answers = vec![];
        for _ in 0..11 {
            let a = login(&w, "198.51.100.7", &body).await;
            let mut e = a.json();
            let wait = a.header("retry-after").map(|s| s.parse::<i64>().unwrap());
            assert!(wait.is_none_or(|s| (28..=61).contains(&s)), "{slug}: {wait:?}");
            if wait.is_some() {
                (e["message"], e["details"]) = (Value::Null, Value::Null);
            }
            answers.push((a.status, e));
        }
        assert!(answers[..10].iter().all(|a| a.0 == 401) && answers[10].0 == 429, "{slug}: {answers:?}");
        said.push(answers);
    }
    assert!(said.iter().all(|s| *s == said[0]), "{said:?}");
    // it is known in the log of the default tenant, and took nothing from its people
    let failed = w.events("action=auth.login_failed").await;
    assert_eq!(failed.len(), 20);
    assert!(
        failed.iter().all(|e| e["metadata"]["tenant_slug"].is_string() && e["resource_id"] == "unknown"),
        "{failed:?}"
    );
    let right = json!({ "email": "owner@example.com", "password": PASSWORD });
    login(&w, "198.51.100.7", &right).await.expect(200);
}
