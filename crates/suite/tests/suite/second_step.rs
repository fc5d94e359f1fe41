//! Signing in with two factors (spec v1 9.2).
use portcullis_domain::Id;
use portcullis_domain::session::{Held, Session};
use portcullis_domain::user::User;
use portcullis_store::{Tx, session};
use serde_json::{Value, json};

use crate::world::access::connect;
use crate::world::authenticator::*;
use crate::world::tables::rows;
use crate::world::token::claims;
use crate::world::*;

both!(
    a_sign_in_with_an_app_takes_two_steps,
    a_backup_code_stands_in_for_the_app_once,
    sec_04_no_step_is_skipped,
    sec_04_a_challenge_is_used_once_and_ends,
    sec_04_a_challenge_bears_five_wrong_codes,
    sec_04_a_code_counts_once,
    sec_04_many_challenges_are_no_more_tries,
    sec_15_who_has_a_factor_shows_with_the_right_password_only,
    sec_19_what_changes_meanwhile_ends_the_sign_in,
    sec_14_somebody_has_ten_sign_ins_waiting_at_most,
    who_must_have_a_factor_enrols_one_to_sign_in,
    sec_05_enrolling_to_sign_in_is_for_who_has_none,
    sec_04_an_enrolment_bears_ten_wrong_codes,
    the_policy_speaks_of_roles_that_groups_give_too,
    sec_05_a_policy_counts_for_who_is_signed_in_already,
    a_browser_gets_its_cookie_after_the_second_step,
    sec_04_a_restricted_session_reaches_nothing_else,
);

const ENROLL: &str = "/v1/auth/mfa/enroll-via-challenge";
const ME: &str = "/v1/users/me/profile";

async fn totp(w: &World, challenge: &str, code: &str) -> Answer {
    show(&w.anonymous(), challenge, "totp", code).await
}
async fn login(w: &World, email: &str) -> Value {
    w.login(email).await.expect(200)
}
fn members(of: &Value) -> Vec<&str> {
    let mut all: Vec<&str> = of.as_object().unwrap().keys().map(String::as_str).collect();
    all.sort_unstable();
    all
}
async fn generate(w: &World, challenge: &str) -> Answer {
    w.anonymous().post(ENROLL, json!({ "challenge_id": challenge, "action": "generate" })).await
}
async fn verify(w: &World, challenge: &str, code: &str) -> Answer {
    w.anonymous().post(ENROLL, json!({ "challenge_id": challenge, "action": "verify", "code": code })).await
}

async fn a_sign_in_with_an_app_takes_two_steps(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let step = login(&w, &ada.email).await;
    assert_eq!(members(&step), ["challenge_id", "methods", "mfa_required"]);
    assert_eq!((&step["mfa_required"], &step["methods"]), (&json!(true), &json!(["totp", "backup_code"])));
    let challenge = step["challenge_id"].as_str().unwrap();
    assert!(challenge.starts_with("pcm_"), "{challenge}");
    let before = w.events("action=auth.login_succeeded").await.len();
    let done = totp(&w, challenge, &app.now(&w.clock)).await.expect(200);
    assert_eq!(
        members(&done),
        [
            "challenge_id",
            "enrollment_required",
            "expires_at",
            "mfa_setup_required",
            "refresh_expires_at",
            "refresh_token",
            "tenant_id",
            "token"
        ]
    );
    assert_eq!((&done["mfa_setup_required"], &done["challenge_id"]), (&json!(false), &json!(null)));
    assert_eq!(done["tenant_id"], json!(w.tenant));
    let token = done["token"].as_str().unwrap();
    assert_eq!(claims(token)["amr"], json!(["pwd", "otp", "mfa"]));
    w.bearer(token).get(ME).await.expect(200);
    let refreshed = w.anonymous().post("/v1/auth/refresh", json!({ "refresh_token": done["refresh_token"] })).await;
    let next = refreshed.expect(200);
    assert_eq!(claims(next["token"].as_str().unwrap())["amr"], json!(["pwd", "otp", "mfa"]));
    let used = w.bearer(token).get(MFA).await.expect(200)["methods"][0]["last_used_at"].clone();
    assert!(used.is_string(), "{used}");
    let events = w.events("action=auth.login_succeeded").await;
    assert_eq!((events.len(), &events[0]["metadata"]["amr"]), (before + 1, &json!(["pwd", "otp", "mfa"])));
    let asked = w.events("action=auth.mfa_challenged").await.remove(0);
    assert_eq!((&asked["resource_id"], &asked["actor_type"]), (&json!(ada.id), &json!("anonymous")));
    // a clock that is a step off, either way
    for seconds in [-30, 30] {
        w.clock.pass(120);
        let challenge = self::challenge(&w, &ada.email).await;
        totp(&w, &challenge, &app.at(w.clock.seconds() + seconds)).await.expect(200);
    }
    w.clock.pass(120);
    let challenge = self::challenge(&w, &ada.email).await;
    totp(&w, &challenge, &app.at(w.clock.seconds() - 90)).await.refused(400, "invalid_code");
}

async fn a_backup_code_stands_in_for_the_app_once(w: World) {
    let (ada, _, codes) = with_app(&w, "Ada", &["user"]).await;
    let (bob, _, bobs) = with_app(&w, "Bob", &["user"]).await;
    let first = challenge(&w, &ada.email).await;
    show(&w.anonymous(), &first, "backup_code", &bobs[0]).await.refused(400, "invalid_code");
    // a code is no code of the other kind
    totp(&w, &first, &codes[0]).await.refused(400, "invalid_code");
    let typed = codes[0].to_uppercase().replace('-', " ");
    let done = show(&w.anonymous(), &first, "backup_code", &typed).await.expect(200);
    assert_eq!(claims(done["token"].as_str().unwrap())["amr"], json!(["pwd", "recovery", "mfa"]));
    let second = challenge(&w, &ada.email).await;
    show(&w.anonymous(), &second, "backup_code", &codes[0]).await.refused(400, "invalid_code");
    // of two uses at once one counts
    let other = challenge(&w, &ada.email).await;
    let by = w.anonymous();
    let (one, two) =
        tokio::join!(show(&by, &second, "backup_code", &codes[1]), show(&by, &other, "backup_code", &codes[1]));
    assert_eq!([one.status, two.status].iter().filter(|s| **s == 200).count(), 1, "{} {}", one.text(), two.text());
    // without codes they are not offered
    for code in &bobs {
        let challenge = challenge(&w, &bob.email).await;
        show(&w.anonymous(), &challenge, "backup_code", code).await.expect(200);
    }
    assert_eq!(login(&w, &bob.email).await["methods"], json!(["totp"]));
}

async fn sec_04_no_step_is_skipped(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let challenge = challenge(&w, &ada.email).await;
    let code = app.now(&w.clock);
    for bad in [
        json!({}),
        json!({ "challenge_id": challenge }),
        json!({ "challenge_id": challenge, "method": "totp" }),
        json!({ "challenge_id": challenge, "code": code }),
        json!({ "challenge_id": challenge, "method": "totp", "code": "" }),
        json!({ "challenge_id": challenge, "method": "totp", "code": null }),
        json!({ "challenge_id": challenge, "method": "none", "code": code }),
        json!({ "challenge_id": challenge, "method": "webauthn_passkey", "code": code }),
        json!({ "challenge_id": challenge, "method": "totp", "code": code, "user_id": w.owner_id }),
        json!({ "challenge_id": "", "method": "totp", "code": code }),
        json!({ "method": "totp", "code": code }),
    ] {
        w.anonymous().post("/v1/auth/mfa/challenge", bad).await.refused(400, "invalid_input");
    }
    for no_challenge in ["x", "pcm_", &format!("pcm_{}", "A".repeat(43)), w.service_key(), NOBODY] {
        totp(&w, no_challenge, &code).await.refused(401, "invalid_challenge");
        verify(&w, no_challenge, &code).await.refused(401, "invalid_challenge");
    }
    // the first step alone is no credential, and enrols nothing
    w.bearer(&challenge).get(ME).await.refused(401, "unauthenticated");
    w.with_key(&challenge).get(ME).await.refused(401, "unauthenticated");
    w.anonymous().post("/v1/auth/refresh", json!({ "refresh_token": challenge })).await.refused(401, "unauthenticated");
    generate(&w, &challenge).await.refused(401, "invalid_challenge");
    verify(&w, &challenge, &code).await.refused(401, "invalid_challenge");
    // none of that was a try
    totp(&w, &challenge, &code).await.expect(200);
}

async fn sec_04_a_challenge_is_used_once_and_ends(w: World) {
    let (ada, app, codes) = with_app(&w, "Ada", &["user"]).await;
    let spent = challenge(&w, &ada.email).await;
    totp(&w, &spent, &app.next(&w.clock)).await.expect(200);
    totp(&w, &spent, &app.next(&w.clock)).await.refused(401, "invalid_challenge");
    show(&w.anonymous(), &spent, "backup_code", &codes[0]).await.refused(401, "invalid_challenge");
    let late = challenge(&w, &ada.email).await;
    w.clock.pass(4 * 60 + 58);
    let code = app.now(&w.clock);
    w.clock.pass(3);
    totp(&w, &late, &code).await.refused(401, "invalid_challenge");
    // two at once with one challenge: one session
    let challenge = challenge(&w, &ada.email).await;
    let by = w.anonymous();
    let (one, two) =
        tokio::join!(show(&by, &challenge, "totp", &code), show(&by, &challenge, "backup_code", &codes[1]));
    assert_eq!([one.status, two.status].iter().filter(|s| **s == 200).count(), 1, "{} {}", one.text(), two.text());
}

async fn sec_04_a_challenge_bears_five_wrong_codes(w: World) {
    let (ada, app, codes) = with_app(&w, "Ada", &["user"]).await;
    let challenge = challenge(&w, &ada.email).await;
    for _ in 0..5 {
        totp(&w, &challenge, &app.wrong(&w.clock)).await.refused(400, "invalid_code");
    }
    totp(&w, &challenge, &app.now(&w.clock)).await.refused(401, "invalid_challenge");
    show(&w.anonymous(), &challenge, "backup_code", &codes[0]).await.refused(401, "invalid_challenge");
    let failed = w.events("action=auth.mfa_failed").await;
    assert_eq!(failed.len(), 5);
    for (field, value) in [
        ("actor_type", json!("anonymous")),
        ("outcome", json!("denied")),
        ("resource_id", json!(ada.id)),
        ("ip", json!("127.0.0.1")),
    ] {
        assert_eq!(failed[0][field], value, "{field}");
    }
    // begin again
    sign_in(&w, &ada.email, &app).await;
}

async fn sec_04_a_code_counts_once(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let begun = ada.client.post(&format!("{MFA}/totp"), json!({})).await.expect(200);
    let app = App::with(&begun["secret"]);
    let code = app.now(&w.clock);
    ada.client.post(&format!("{MFA}/totp/confirm"), json!({ "id": begun["id"], "code": code })).await.expect(200);
    // not even the one that it was enrolled with
    let first = challenge(&w, &ada.email).await;
    totp(&w, &first, &code).await.refused(400, "invalid_code");
    let code = app.next(&w.clock);
    totp(&w, &first, &code).await.expect(200);
    let second = challenge(&w, &ada.email).await;
    totp(&w, &second, &code).await.refused(400, "invalid_code");
    ada.client.post("/v1/users/me/reauthenticate", json!({ "code": code })).await.refused(400, "invalid_code");
    // nor one of before, once a later one was used
    totp(&w, &second, &app.at(w.clock.seconds() - 30)).await.refused(400, "invalid_code");
    for _ in 0..3 {
        let (one, two) = (challenge(&w, &ada.email).await, challenge(&w, &ada.email).await);
        let (code, by) = (app.next(&w.clock), w.anonymous());
        let (one, two) = tokio::join!(show(&by, &one, "totp", &code), show(&by, &two, "totp", &code));
        assert_eq!([one.status, two.status].iter().filter(|s| **s == 200).count(), 1, "{} {}", one.text(), two.text());
    }
}

async fn sec_04_many_challenges_are_no_more_tries(w: World) {
    let (ada, app, codes) = with_app(&w, "Ada", &["user"]).await;
    let (bob, bobs_app, _) = with_app(&w, "Bob", &["user"]).await;
    for n in 0..10 {
        let challenge = challenge(&w, &ada.email).await;
        let wrong = if n % 2 == 0 { ("totp", app.wrong(&w.clock)) } else { ("backup_code", "aaaaa-aaaaa".into()) };
        show(&w.anonymous(), &challenge, wrong.0, &wrong.1).await.refused(400, "invalid_code");
    }
    // a right password clears nothing of it, and an address from which she signed in neither
    let challenge = challenge(&w, &ada.email).await;
    for (method, code) in [("totp", app.now(&w.clock)), ("backup_code", codes[0].clone())] {
        let e = show(&w.anonymous(), &challenge, method, &code).await.refused(429, "rate_limited");
        assert!(e["details"]["retry_after_seconds"].as_i64().is_some_and(|s| (1..=31).contains(&s)), "{e}");
    }
    ada.client
        .post("/v1/users/me/reauthenticate", json!({ "code": app.now(&w.clock) }))
        .await
        .refused(429, "rate_limited");
    // nobody else waits
    sign_in(&w, &bob.email, &bobs_app).await;
    w.clock.pass(31);
    totp(&w, &challenge, &app.now(&w.clock)).await.expect(200);
    // and a right code clears it
    let challenge = self::challenge(&w, &ada.email).await;
    totp(&w, &challenge, &app.wrong(&w.clock)).await.refused(400, "invalid_code");
    totp(&w, &challenge, &app.next(&w.clock)).await.expect(200);
}

async fn sec_15_who_has_a_factor_shows_with_the_right_password_only(w: World) {
    let (ada, ..) = with_app(&w, "Ada", &["user"]).await;
    let plain = w.person("Plain", &["user"]).await;
    demand(&w, "required").await;
    let wrong = async |email: &str| {
        let body = json!({ "email": email, "password": "a-wrong-guess-55" });
        w.anonymous().post("/v1/auth/login", body).await.refused(401, "invalid_credentials")
    };
    let nobody = wrong("nobody@example.com").await;
    assert_eq!((wrong(&ada.email).await, wrong(&plain.email).await), (nobody.clone(), nobody));
    assert!(rows(&w, "mfa_challenges").await.is_empty());
}

async fn sec_19_what_changes_meanwhile_ends_the_sign_in(w: World) {
    let (ada, app, codes) = with_app(&w, "Ada", &["user"]).await;
    let waiting = challenge(&w, &ada.email).await;
    let new = "walnut-ferry-lantern-72";
    let body = json!({ "current_password": PASSWORD, "new_password": new });
    ada.client.post("/v1/users/me/password", body).await.expect(204);
    totp(&w, &waiting, &app.next(&w.clock)).await.refused(401, "invalid_challenge");
    let login = json!({ "email": ada.email, "password": new });
    let step = w.anonymous().post("/v1/auth/login", login.clone()).await.expect(200);
    let waiting = step["challenge_id"].as_str().unwrap();
    let suspend = format!("/v1/users/{}/suspend", ada.id);
    w.owner().post(&suspend, json!({ "active": false })).await.expect(200);
    show(&w.anonymous(), waiting, "backup_code", &codes[0]).await.refused(401, "invalid_challenge");
    // suspending takes no factor: whoever comes back shows it
    w.owner().post(&suspend, json!({ "active": true })).await.expect(200);
    let step = w.anonymous().post("/v1/auth/login", login).await.expect(200);
    totp(&w, step["challenge_id"].as_str().unwrap(), &app.next(&w.clock)).await.expect(200);
}

async fn sec_14_somebody_has_ten_sign_ins_waiting_at_most(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let first = challenge(&w, &ada.email).await;
    let mut last = String::new();
    for _ in 0..12 {
        last = challenge(&w, &ada.email).await;
    }
    assert_eq!(rows(&w, "mfa_challenges").await.len(), 10);
    totp(&w, &first, &app.now(&w.clock)).await.refused(401, "invalid_challenge");
    totp(&w, &last, &app.now(&w.clock)).await.expect(200);
}

async fn who_must_have_a_factor_enrols_one_to_sign_in(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    demand(&w, "required").await;
    let step = login(&w, &ada.email).await;
    assert_eq!(members(&step), ["challenge_id", "enrollment_required", "methods", "mfa_required"]);
    assert_eq!((&step["enrollment_required"], &step["methods"]), (&json!(true), &json!([])));
    let challenge = step["challenge_id"].as_str().unwrap();
    let first = generate(&w, challenge).await.expect(200);
    assert_eq!(members(&first), ["qr_uri", "secret"]);
    let second = generate(&w, challenge).await.expect(200);
    assert_ne!(first["secret"], second["secret"]);
    let (old, app) = (App::with(&first["secret"]), App::with(&second["secret"]));
    verify(&w, challenge, &old.now(&w.clock)).await.refused(400, "invalid_code");
    let done = verify(&w, challenge, &app.now(&w.clock)).await.expect(200);
    assert_eq!(
        members(&done),
        ["backup_codes", "expires_at", "refresh_expires_at", "refresh_token", "tenant_id", "token"]
    );
    assert_eq!(claims(done["token"].as_str().unwrap())["amr"], json!(["pwd", "otp", "mfa"]));
    let by = w.bearer(done["token"].as_str().unwrap());
    assert_eq!(by.get(MFA).await.expect(200)["methods"][0]["method_type"], "totp");
    // from now on it is shown
    let codes = texts(&done["backup_codes"]);
    assert_eq!(codes.len(), 10);
    let next = self::challenge(&w, &ada.email).await;
    show(&w.anonymous(), &next, "backup_code", &codes[9]).await.expect(200);
    sign_in(&w, &ada.email, &app).await;
    assert_eq!(w.events("action=mfa.enrolled").await.len(), 1);
}

async fn sec_05_enrolling_to_sign_in_is_for_who_has_none(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    demand(&w, "required").await;
    let (mine, theirs) = (challenge(&w, &ada.email).await, challenge(&w, &ada.email).await);
    // out of order: a code before there is a seed
    verify(&w, &mine, "000000").await.refused(400, "invalid_code");
    // a challenge to enrol is none to show a factor
    totp(&w, &mine, "000000").await.refused(401, "invalid_challenge");
    for bad in [
        json!({ "challenge_id": mine }),
        json!({ "challenge_id": mine, "action": "verify" }),
        json!({ "challenge_id": mine, "action": "generate", "code": "000000" }),
        json!({ "challenge_id": mine, "action": "skip" }),
        json!({ "action": "generate" }),
        json!({}),
    ] {
        w.anonymous().post(ENROLL, bad).await.refused(400, "invalid_input");
    }
    let seed = generate(&w, &theirs).await.expect(200);
    let app = App::with(&generate(&w, &mine).await.expect(200)["secret"]);
    // the seed of one challenge is none of another
    verify(&w, &mine, &App::with(&seed["secret"]).now(&w.clock)).await.refused(400, "invalid_code");
    verify(&w, &mine, &app.now(&w.clock)).await.expect(200);
    // whoever waited beside finds the door shut
    verify(&w, &theirs, &App::with(&seed["secret"]).now(&w.clock)).await.refused(401, "invalid_challenge");
    generate(&w, &theirs).await.refused(401, "invalid_challenge");
    assert_eq!(rows(&w, "mfa_methods").await.len(), 1);
    // enrolled in another session meanwhile: that factor is shown
    demand(&w, "optional").await;
    let bob = w.person("Bob", &["user"]).await;
    demand(&w, "required").await;
    let waiting = challenge(&w, &bob.email).await;
    generate(&w, &waiting).await.expect(200);
    enrol(&w, &bob.client).await;
    generate(&w, &waiting).await.refused(401, "invalid_challenge");
}

async fn sec_04_an_enrolment_bears_ten_wrong_codes(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    demand(&w, "required").await;
    let waiting = challenge(&w, &ada.email).await;
    let app = App::with(&generate(&w, &waiting).await.expect(200)["secret"]);
    w.clock.pass(14 * 60);
    for _ in 0..10 {
        verify(&w, &waiting, &app.wrong(&w.clock)).await.refused(400, "invalid_code");
    }
    verify(&w, &waiting, &app.now(&w.clock)).await.refused(401, "invalid_challenge");
    generate(&w, &waiting).await.refused(401, "invalid_challenge");
    let late = challenge(&w, &ada.email).await;
    let app = App::with(&generate(&w, &late).await.expect(200)["secret"]);
    w.clock.pass(15 * 60);
    verify(&w, &late, &app.now(&w.clock)).await.refused(401, "invalid_challenge");
    assert!(rows(&w, "mfa_methods").await.is_empty());
}

async fn approver_by_group(w: &World, who: &Person) {
    let group = w.service().post("/v1/groups", json!({ "name": "Approvers" })).await.expect(201);
    let group = format!("/v1/groups/{}", group["id"].as_str().unwrap());
    w.service().post(&format!("{group}/roles"), json!({ "role": "approver" })).await.expect(201);
    w.service().post(&format!("{group}/members"), json!({ "user_id": who.id })).await.expect(201);
}

async fn the_policy_speaks_of_roles_that_groups_give_too(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    demand(&w, "required_for_admins").await;
    assert!(login(&w, &ada.email).await["token"].is_string());
    approver_by_group(&w, &ada).await;
    assert_eq!(login(&w, &ada.email).await["enrollment_required"], json!(true));
    assert!(login(&w, &bob.email).await["token"].is_string());
    let owner = login(&w, "owner@example.com").await;
    assert_eq!(owner["enrollment_required"], json!(true));
}

async fn sec_05_a_policy_counts_for_who_is_signed_in_already(w: World) {
    const SESSIONS: &str = "/v1/users/me/sessions";
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    demand(&w, "required_for_admins").await;
    w.owner().get(SESSIONS).await.refused(403, "mfa_setup_required");
    // who becomes what needs one
    ada.client.get(SESSIONS).await.expect(200);
    approver_by_group(&w, &ada).await;
    ada.client.get(SESSIONS).await.refused(403, "mfa_setup_required");
    assert_eq!(connect(&ada.client, "GetCurrentUser", json!({})).await.json()["code"], "permission_denied");
    bob.client.get(SESSIONS).await.expect(200);
    demand(&w, "required").await;
    bob.client.get(SESSIONS).await.refused(403, "mfa_setup_required");
    // with a factor it goes on, and when nobody demands it either
    enrol(&w, &ada.client).await;
    ada.client.get(SESSIONS).await.expect(200);
    demand(&w, "optional").await;
    bob.client.get(SESSIONS).await.expect(200);
}

async fn a_browser_gets_its_cookie_after_the_second_step(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let page = w.anonymous().with("origin", "http://localhost:7400");
    let body = json!({ "email": ada.email, "password": PASSWORD, "cookie": true });
    let first = page.post("/v1/auth/login", body).await;
    assert!(first.header("set-cookie").is_none());
    let challenge = first.expect(200)["challenge_id"].clone();
    let shown = json!({ "challenge_id": challenge, "method": "totp", "code": app.next(&w.clock), "cookie": true });
    // not for a page of elsewhere, which spends nothing
    let elsewhere = w.anonymous().with("origin", "https://evil.example");
    elsewhere.post("/v1/auth/mfa/challenge", shown.clone()).await.refused(403, "forbidden");
    let done = page.post("/v1/auth/mfa/challenge", shown).await;
    let cookie = done.header("set-cookie").expect("a cookie").split(';').next().unwrap().to_owned();
    let body = done.expect(200);
    assert!(body.get("token").is_none() && body.get("refresh_token").is_none(), "{body}");
    let by = page.with("cookie", cookie).with("x-tenant-id", &*w.tenant);
    by.get(ME).await.expect(200);
}

/// A session as a sign-in at another provider makes it, where the tenant demands a factor that the provider did not state.
async fn restricted(w: &World, user: &str) {
    async fn write(tx: &mut Tx, (user, hash): &(Id<User>, [u8; 32])) -> portcullis_store::Result<()> {
        let now = tx.cx.now;
        let session = Session {
            id: Id::from_uuid(uuid::Uuid::from_u128(7)),
            user_id: *user,
            amr: vec!["fed".into()],
            auth_time: now,
            created_at: now,
            expires_at: now.plus_seconds(86_400),
            idle_at: now.plus_seconds(86_400),
            revoked_at: None,
            restricted: true,
            identity_provider: None,
        };
        session::insert(tx, &session, &Held::Cookie(*hash)).await
    }
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    let hash = *portcullis_crypto::token::Purpose::Cookie.parse(COOKIE).unwrap().bytes();
    w.node.app.db().write(cx, (user.parse().unwrap(), hash), write).await.unwrap();
}
const COOKIE: &str = "pck_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn sec_04_a_restricted_session_reaches_nothing_else(w: World) {
    let admin = w.person("Admin", &["user", "admin"]).await;
    restricted(&w, &admin.id).await;
    let page = w.anonymous().with("origin", "http://localhost:7400").with("x-tenant-id", &*w.tenant);
    let by = page.with("cookie", format!("portcullis_session={COOKIE}"));
    by.get(ME).await.expect(200);
    by.get(MFA).await.expect(200);
    let refused: [Answer; 7] = [
        by.get("/v1/users").await,
        by.post("/v1/users", new_user()).await,
        by.get("/v1/users/me/sessions").await,
        by.get("/v1/users/me/permissions").await,
        by.post("/v1/api-keys", json!({ "name": "k" })).await,
        by.post("/v1/users/me/reauthenticate", json!({ "password": PASSWORD })).await,
        by.delete(&format!("/v1/users/{}/mfa", w.owner_id)).await,
    ];
    for a in refused {
        a.refused(403, "mfa_setup_required");
    }
    // as 404 or 400 it would tell more
    by.get(&format!("/v1/users/{NOBODY}")).await.refused(403, "mfa_setup_required");
    for rpc in ["GetCurrentUser", "ListOrganizations", "CreateCurrentUserPAT"] {
        assert_eq!(connect(&by, rpc, json!({})).await.json()["code"], "permission_denied", "{rpc}");
    }
    assert_eq!(by.post("/v1beta1/auth/token", json!({})).await.status, 403, "no token of it either");
    // with a factor it is whole
    enrol(&w, &by).await;
    by.get("/v1/users").await.expect(200);
    assert_eq!(connect(&by, "GetCurrentUser", json!({})).await.status, 200);
}
