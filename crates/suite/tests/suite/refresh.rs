//! `POST /v1/auth/refresh`: a session that goes on (spec v1 4.2, 9, 9.6).
use serde_json::{Value, json};

use crate::world::token::claims;
use crate::world::*;

both!(
    a_refresh_token_is_spent_for_the_next,
    sec_03_a_spent_refresh_token_ends_its_session,
    sec_03_of_two_uses_at_once_at_most_one_counts,
    sec_19_what_ends_a_session_ends_its_refresh_token,
    it_ends_when_it_is_not_used_and_with_the_session,
    what_is_no_refresh_token_is_refused,
);

async fn login(w: &World, email: &str) -> Value {
    w.login(email).await.expect(200)
}
fn text(of: &Value, member: &str) -> String {
    of[member].as_str().unwrap_or_else(|| panic!("no {member}: {of}")).to_owned()
}
async fn refresh(by: &Client, token: &str) -> Answer {
    by.post("/v1/auth/refresh", json!({ "refresh_token": token })).await
}
/// The next tokens for these.
async fn next(w: &World, of: &Value) -> Value {
    refresh(&w.anonymous(), &text(of, "refresh_token")).await.expect(200)
}
async fn works(w: &World, of: &Value) -> bool {
    w.bearer(&text(of, "token")).get("/v1/users/me/profile").await.status == 200
}

async fn a_refresh_token_is_spent_for_the_next(w: World) {
    let (ada, admin) = (w.person("Ada", &["user"]).await, w.person("Eve", &["user", "admin"]).await);
    let first = login(&w, &ada.email).await;
    assert!(text(&first, "refresh_token").starts_with("pcr_"));
    w.clock.pass(3_601);
    assert!(!works(&w, &first).await, "an access token lasts an hour");
    let second = next(&w, &first).await;
    let mut fields: Vec<&String> = second.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["expires_at", "refresh_expires_at", "refresh_token", "token"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert!(works(&w, &second).await);
    // the same session, signed in when it was
    let (was, is) = (claims(&text(&first, "token")), claims(&text(&second, "token")));
    for claim in ["sid", "sub", "amr", "auth_time", "tenant_id"] {
        assert_eq!(was[claim], is[claim], "{claim}");
    }
    assert!(is["exp"].as_i64() > was["exp"].as_i64());
    let third = next(&w, &second).await;
    assert!(works(&w, &second).await && works(&w, &third).await, "an access token lives on");
    // what was taken meanwhile is not in the new token
    let eves = login(&w, &admin.email).await;
    let body = json!({ "roles": ["user"] });
    w.service().put(&format!("/v1/users/{}", admin.id), body).await.expect(200);
    assert_eq!(claims(&text(&next(&w, &eves).await, "token"))["roles"], json!(["user"]));
}

async fn sec_03_a_spent_refresh_token_ends_its_session(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    // the one before, and one of long ago
    for uses in [1, 3] {
        let (first, other) = (login(&w, &ada.email).await, login(&w, &ada.email).await);
        let mut last = first.clone();
        for _ in 0..uses {
            last = next(&w, &last).await;
        }
        assert!(works(&w, &last).await);
        refresh(&w.anonymous(), &text(&first, "refresh_token")).await.refused(401, "unauthenticated");
        assert!(!works(&w, &last).await, "after {uses}");
        refresh(&w.anonymous(), &text(&last, "refresh_token")).await.refused(401, "unauthenticated");
        assert!(works(&w, &other).await, "another session goes on");
        let sid = claims(&text(&first, "token"))["sid"].clone();
        let reused = w.events("action=session.refresh_reused").await.remove(0);
        let revoked = w.events("action=session.revoked").await.remove(0);
        assert_eq!((&reused["resource_id"], &revoked["resource_id"]), (&sid, &sid));
        assert_eq!(revoked["metadata"]["cause"], "refresh_reused");
    }
    assert_eq!(w.events("action=session.refresh_reused").await.len(), 2, "once for each session");
}

async fn sec_03_of_two_uses_at_once_at_most_one_counts(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    for _ in 0..5 {
        let first = login(&w, &ada.email).await;
        let (by, token) = (w.anonymous(), text(&first, "refresh_token"));
        let (one, two) = tokio::join!(refresh(&by, &token), refresh(&by, &token));
        let won = [&one, &two].into_iter().filter(|a| a.status == 200).count();
        assert_eq!(won, 1, "{} {}", one.text(), two.text());
        assert!(!works(&w, &first).await, "and nothing of the session is left");
    }
}

async fn sec_19_what_ends_a_session_ends_its_refresh_token(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let refused = async |of: &Value| {
        refresh(&w.anonymous(), &text(of, "refresh_token")).await.refused(401, "unauthenticated");
    };
    let s = login(&w, &ada.email).await;
    w.bearer(&text(&s, "token")).post("/v1/auth/logout", json!({})).await.expect(204);
    refused(&s).await;
    let (kept, s) = (login(&w, &ada.email).await, login(&w, &ada.email).await);
    let body = json!({ "current_password": PASSWORD, "new_password": "walnut-ferry-lantern-72" });
    w.bearer(&text(&kept, "token")).post("/v1/users/me/password", body).await.expect(204);
    refused(&s).await;
    let kept = next(&w, &kept).await;
    w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": false })).await.expect(200);
    refused(&kept).await;
    w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": true })).await.expect(200);
    refused(&kept).await;
    assert_eq!(w.events("action=session.refresh_reused").await.len(), 0);
}

async fn it_ends_when_it_is_not_used_and_with_the_session(w: World) {
    const DAY: i64 = 86_400;
    let ada = w.person("Ada", &["user"]).await;
    let s = login(&w, &ada.email).await;
    w.clock.pass(7 * DAY + 1);
    refresh(&w.anonymous(), &text(&s, "refresh_token")).await.refused(401, "unauthenticated");
    let mut s = login(&w, &ada.email).await;
    let end = claims(&text(&s, "token"))["auth_time"].as_i64().unwrap() + 30 * DAY;
    for _ in 0..4 {
        w.clock.pass(6 * DAY);
        s = next(&w, &s).await;
    }
    w.clock.pass(5 * DAY);
    s = next(&w, &s).await;
    // no further than the session itself
    let ends: portcullis_domain::Timestamp = text(&s, "refresh_expires_at").parse().unwrap();
    assert_eq!(ends.seconds(), end);
    // nor does an access token, which others verify without asking us
    w.clock.pass(DAY - 600);
    let last = claims(&text(&next(&w, &s).await, "token"))["exp"].as_i64().unwrap();
    assert_eq!(last, end);
    w.clock.pass(601);
    refresh(&w.anonymous(), &text(&s, "refresh_token")).await.refused(401, "unauthenticated");
}

async fn what_is_no_refresh_token_is_refused(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let s = login(&w, &ada.email).await;
    let good = text(&s, "refresh_token");
    let last = if good.ends_with('A') { 'Q' } else { 'A' };
    let changed = format!("{}{last}", &good[..good.len() - 1]);
    for bad in ["x", "pcr_", w.service_key(), &format!("pcr_{}", "A".repeat(43))] {
        refresh(&w.anonymous(), bad).await.refused(401, "unauthenticated");
    }
    for bad in [json!({}), json!({ "refresh_token": 1 }), json!({ "refresh_token": "" }), json!({ "token": good })] {
        w.anonymous().post("/v1/auth/refresh", bad).await.refused(400, "invalid_input");
    }
    assert!(works(&w, &s).await, "a guess ends nothing");
    // it says who may renew, not who is calling
    assert_eq!(w.bearer(&good).get("/v1/users/me/profile").await.status, 401);
    // who knows the half that names the session has had a token of it
    refresh(&w.anonymous(), &changed).await.refused(401, "unauthenticated");
    assert!(!works(&w, &s).await);
}
