//! Proving anew who one is, in the same session (spec v1 4.3.2 reauthenticate, 6.2).
use serde_json::json;

use crate::world::authenticator::*;
use crate::world::*;

both!(
    a_password_makes_a_sign_in_fresh,
    a_code_makes_a_sign_in_fresh_and_one_of_two_factors,
    sec_04_what_proves_nothing_makes_nothing_fresh,
    sec_05_a_session_of_before_the_factor_does_not_change_it,
    sec_05_what_was_shown_once_is_shown_again_to_a_fresh_sign_in_only,
    rules_read_how_old_a_sign_in_is,
    sec_15_wrong_codes_and_passwords_wait_alike,
);

const AGAIN: &str = "/v1/users/me/reauthenticate";
const BACKUP_CODES: &str = "/v1/users/me/mfa/backup-codes";

async fn is_fresh(by: &Client) -> bool {
    match by.post(BACKUP_CODES, json!({})).await {
        a if a.status == 200 => true,
        a => {
            a.refused(403, "reauthentication_required");
            false
        }
    }
}

async fn a_password_makes_a_sign_in_fresh(w: World) {
    let (ada, ..) = with_app(&w, "Ada", &["user"]).await;
    let other = w.person("Bob", &["user"]).await;
    w.clock.pass(900);
    assert!(!is_fresh(&ada.client).await);
    ada.client.post(AGAIN, json!({ "password": PASSWORD })).await.expect(204);
    // the access token is the same, and what nodes remember of it is not used
    assert!(is_fresh(&ada.client).await);
    w.clock.pass(890);
    assert!(is_fresh(&ada.client).await);
    w.clock.pass(20);
    assert!(!is_fresh(&ada.client).await);
    let event = w.events("action=auth.reauthenticated").await.remove(0);
    assert_eq!((&event["actor_id"], &event["metadata"]["amr"]), (&json!(ada.id), &json!("pwd")));
    other.client.get(MFA).await.expect(200);
}

async fn a_code_makes_a_sign_in_fresh_and_one_of_two_factors(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    // a session of before she had a factor
    let other = w.login(&ada.email).await.expect(200);
    let other = w.bearer(other["token"].as_str().unwrap());
    let (app, codes) = enrol(&w, &ada.client).await;
    let amr = async |by: &Client| {
        let all = by.get("/v1/users/me/sessions").await.expect(200)["data"].clone();
        all.as_array().unwrap().iter().find(|s| s["current"] == true).unwrap()["amr"].clone()
    };
    w.clock.pass(900);
    other.get("/v1/users/me/sessions").await.refused(403, "mfa_setup_required");
    // only what an app shows: a backup code is for signing in
    other.post(AGAIN, json!({ "code": codes[0] })).await.refused(400, "invalid_code");
    other.post(AGAIN, json!({ "code": app.next(&w.clock) })).await.expect(204);
    assert!(is_fresh(&other).await && !is_fresh(&ada.client).await, "one session, not the other");
    assert_eq!(amr(&other).await, json!(["pwd", "otp", "mfa"]));
    let used = app.now(&w.clock);
    ada.client.post(AGAIN, json!({ "code": used })).await.refused(400, "invalid_code");
}

async fn sec_04_what_proves_nothing_makes_nothing_fresh(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let bob = w.person("Bob", &["user"]).await;
    w.clock.pass(900);
    for bad in [
        json!({}),
        json!({ "password": null }),
        json!({ "password": PASSWORD, "code": app.now(&w.clock) }),
        json!({ "password": 1 }),
        json!({ "code": "" }),
        json!({ "password": PASSWORD, "auth_time": "2030-01-01T00:00:00Z" }),
    ] {
        ada.client.post(AGAIN, bad).await.refused(400, "invalid_input");
    }
    let wrong = ada.client.post(AGAIN, json!({ "password": "a-wrong-guess-55" })).await;
    wrong.refused(400, "invalid_input");
    assert_eq!(wrong.field("password"), "This is not your password.");
    ada.client.post(AGAIN, json!({ "code": app.wrong(&w.clock) })).await.refused(400, "invalid_code");
    bob.client.post(AGAIN, json!({ "code": app.now(&w.clock) })).await.refused(400, "invalid_code");
    assert!(!is_fresh(&ada.client).await);
    let failed = w.events("action=auth.reauthentication_failed").await;
    assert_eq!((failed.len(), &failed[0]["outcome"]), (3, &json!("failed")));
    // a session that has ended proves nothing
    let gone = w.login(&bob.email).await.expect(200);
    let gone = w.bearer(gone["token"].as_str().unwrap());
    gone.post("/v1/auth/logout", json!({})).await.expect(204);
    gone.post(AGAIN, json!({ "password": PASSWORD })).await.refused(401, "unauthenticated");
}

async fn sec_05_a_session_of_before_the_factor_does_not_change_it(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    // who has her password came before she had a factor, and has begun to enrol one
    let eve = w.login(&ada.email).await.expect(200);
    let eve = w.bearer(eve["token"].as_str().unwrap());
    let begun = eve.post(&format!("{MFA}/totp"), json!({})).await.expect(200);
    let theirs = App::with(&begun["secret"]);
    let (app, _) = enrol(&w, &ada.client).await;
    eve.post(AGAIN, json!({ "password": PASSWORD })).await.expect(204);
    let confirmed = json!({ "id": begun["id"], "code": theirs.now(&w.clock) });
    let id = ada.client.get(MFA).await.expect(200)["methods"][0]["id"].as_str().unwrap().to_owned();
    eve.post(&format!("{MFA}/totp/confirm"), confirmed).await.refused(403, "mfa_setup_required");
    eve.post(BACKUP_CODES, json!({})).await.refused(403, "mfa_setup_required");
    eve.post(&format!("{MFA}/totp"), json!({})).await.refused(403, "mfa_setup_required");
    eve.delete(&format!("{MFA}/{id}")).await.refused(403, "mfa_setup_required");
    eve.get("/v1/users/me/sessions").await.refused(403, "mfa_setup_required");
    assert_eq!(ada.client.get(MFA).await.expect(200)["methods"].as_array().unwrap().len(), 1);
    // it is whole again for who has the app
    eve.post(AGAIN, json!({ "code": app.next(&w.clock) })).await.expect(204);
    eve.get("/v1/users/me/sessions").await.expect(200);
}

async fn sec_05_what_was_shown_once_is_shown_again_to_a_fresh_sign_in_only(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let by = ada.client.with("idempotency-key", "k");
    let begun = by.post(&format!("{MFA}/totp"), json!({})).await.expect(200);
    // the page is looked at once more, however old the sign-in is
    w.clock.pass(901);
    let begun_late = by.post(&format!("{MFA}/totp"), json!({})).await;
    assert_eq!(begun_late.expect(200), begun);
    let fresh = ada.client.with("idempotency-key", "l").post(&format!("{MFA}/totp"), json!({})).await.expect(200);
    let app = App::with(&fresh["secret"]);
    let body = json!({ "id": fresh["id"], "code": app.now(&w.clock) });
    by.post(&format!("{MFA}/totp/confirm"), body.clone()).await.expect(200);
    // it counts by now
    for (path, body) in [("totp", json!({})), ("totp/confirm", body)] {
        by.post(&format!("{MFA}/{path}"), body).await.refused(403, "reauthentication_required");
    }
}

async fn rules_read_how_old_a_sign_in_is(w: World) {
    let admin = w.person("Admin", &["user", "admin"]).await;
    let cedar = r#"forbid (principal is User, action == Action::"users:create", resource)
        when { context.credential == "session" } unless { context.auth_age_seconds < 60 };"#;
    w.policy("fresh", 10, cedar).await;
    let by = &admin.client;
    by.post("/v1/users", new_user()).await.expect(201);
    w.clock.pass(61);
    by.post("/v1/users", new_user()).await.refused(403, "forbidden");
    by.post(AGAIN, json!({ "password": PASSWORD })).await.expect(204);
    by.post("/v1/users", new_user()).await.expect(201);
    w.clock.pass(61);
    by.post("/v1/users", new_user()).await.refused(403, "forbidden");
}

async fn sec_15_wrong_codes_and_passwords_wait_alike(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    for _ in 0..10 {
        ada.client.post(AGAIN, json!({ "code": app.wrong(&w.clock) })).await.refused(400, "invalid_code");
    }
    ada.client.post(AGAIN, json!({ "code": app.now(&w.clock) })).await.refused(429, "rate_limited");
    // a sign-in's second step waits with it
    let challenge = challenge(&w, &ada.email).await;
    show(&w.anonymous(), &challenge, "totp", &app.now(&w.clock)).await.refused(429, "rate_limited");
    w.clock.pass(31);
    ada.client.post(AGAIN, json!({ "code": app.now(&w.clock) })).await.expect(204);
}
