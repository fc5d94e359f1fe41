//! Second factors of who comes from a provider (spec v1 9.2, 9.3): where one is due that the provider did not state, the session is a
//! restricted one until it is enrolled or shown.
use serde_json::{Value, json};

use super::{HOME, Stage, claims, settings_of};
use crate::world::authenticator::{App, MFA, enrol};
use crate::world::passkey::{Passkey, answer, ask, with_passkey};
use crate::world::*;

both!(
    sec_04_a_demanded_factor_restricts_the_session_until_it_is_enrolled,
    sec_04_an_enrolled_factor_is_asked_for_after_the_provider,
    what_the_provider_states_is_a_factor_where_it_is_believed,
    sec_01_a_disabled_provider_ends_what_waits_for_a_second_factor,
    sec_08_a_second_step_counts_once_and_ends_the_restricted_session,
    sec_05_a_passkey_after_the_provider_is_the_second_step_and_no_way_around_it,
);

const ME: &str = "/v1/users/me/profile";

async fn demand(s: &Stage, more: Value) {
    let mut settings = json!({ "mfa_policy": "required", "redirect_uris": [HOME] });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings_of(&s.w, &settings).await;
}
/// Somebody with an app; and what another sign-in answers then.
async fn with_app(s: &Stage) -> (App, Value) {
    let by = s.person("ada").await;
    let (app, _) = enrol(&s.w, &by).await;
    (app, s.sign_in(claims(&s.w, "ada")).await.expect(200))
}
fn shown(step: &Value, code: &str) -> Value {
    json!({ "challenge_id": step["challenge_id"], "method": "totp", "code": code })
}

async fn sec_04_a_demanded_factor_restricts_the_session_until_it_is_enrolled(e: Engine) {
    let s = Stage::on(e).await;
    demand(&s, json!({})).await;
    let done = s.sign_in(claims(&s.w, "ada")).await.expect(200);
    assert_eq!((&done["mfa_setup_required"], done.get("challenge_id")), (&json!(true), None), "{done}");
    let by = s.w.bearer(done["token"].as_str().unwrap());
    by.get(ME).await.expect(200);
    for a in
        [by.get("/v1/users").await, by.get("/v1/users/me/sessions").await, by.post("/v1/api-keys", json!({})).await]
    {
        a.refused(403, "mfa_setup_required");
    }
    // renewing it makes it no more than it was
    let refresh = json!({ "refresh_token": done["refresh_token"] });
    let renewed = s.w.anonymous().post("/v1/auth/refresh", refresh).await.expect(200);
    let by = s.w.bearer(renewed["token"].as_str().unwrap());
    by.get("/v1/users/me/sessions").await.refused(403, "mfa_setup_required");
    enrol(&s.w, &by).await;
    let sessions = by.get("/v1/users/me/sessions").await.expect(200);
    assert_eq!(sessions["data"][0]["amr"], json!(["fed", "otp", "mfa"]));
}

async fn sec_04_an_enrolled_factor_is_asked_for_after_the_provider(e: Engine) {
    let s = Stage::on(e).await;
    let (app, step) = with_app(&s).await;
    assert_eq!((&step["mfa_required"], &step["methods"]), (&json!(true), &json!(["totp", "backup_code"])), "{step}");
    let half = s.w.bearer(step["token"].as_str().unwrap());
    half.get(ME).await.expect(200);
    half.get("/v1/users/me/sessions").await.refused(403, "mfa_setup_required");
    // nor does it enrol another factor in place of the one that is asked for (checklist 5)
    half.post(&format!("{MFA}/totp"), json!({})).await.refused(403, "mfa_setup_required");
    s.w.anonymous()
        .post("/v1/auth/mfa/challenge", shown(&step, &app.wrong(&s.w.clock)))
        .await
        .refused(400, "invalid_code");
    let whole = s.w.anonymous().post("/v1/auth/mfa/challenge", shown(&step, &app.next(&s.w.clock))).await.expect(200);
    let by = s.w.bearer(whole["token"].as_str().unwrap());
    let sessions = by.get("/v1/users/me/sessions").await.expect(200)["data"].clone();
    let current = sessions.as_array().unwrap().iter().find(|s| s["current"] == true).unwrap().clone();
    assert_eq!(current["amr"], json!(["fed", "otp", "mfa"]));
    let event = s.w.events("action=auth.login_succeeded").await.remove(0);
    assert_eq!(event["metadata"]["identity_provider_id"], json!(s.id));
}

async fn what_the_provider_states_is_a_factor_where_it_is_believed(e: Engine) {
    let s = Stage::on(e).await;
    demand(&s, json!({})).await;
    let sign_in = async |stated: Value| {
        let mut said = claims(&s.w, "ada");
        for (name, value) in stated.as_object().unwrap() {
            said[name] = value.clone();
        }
        s.sign_in(said).await.expect(200)
    };
    for (stated, due) in [
        (json!({}), true),
        (json!({ "amr": ["pwd"] }), true),
        (json!({ "amr": ["otp"] }), true),
        (json!({ "amr": ["mfa"] }), false),
        (json!({ "amr": ["pwd", "otp"] }), false),
        (json!({ "acr": "https://refeds.org/profile/mfa" }), false),
        // resistant to phishing is not two
        (json!({ "acr": "phr" }), true),
        (json!({ "acr": "1" }), true),
    ] {
        assert_eq!(sign_in(stated.clone()).await.get("mfa_setup_required").is_some(), due, "{stated}");
    }
    demand(&s, json!({ "mfa_trust_provider": false })).await;
    assert_eq!(sign_in(json!({ "amr": ["mfa"] })).await["mfa_setup_required"], true);
    demand(&s, json!({ "mfa_policy": "required_for_admins", "mfa_trust_provider": true })).await;
    assert!(sign_in(json!({})).await.get("mfa_setup_required").is_none(), "nobody demands it of ada");
}

async fn sec_01_a_disabled_provider_ends_what_waits_for_a_second_factor(e: Engine) {
    let s = Stage::on(e).await;
    let (app, step) = with_app(&s).await;
    for enabled in [false, true] {
        s.w.owner().put(&s.path(), json!({ "enabled": enabled })).await.expect(200);
    }
    let answer = s.w.anonymous().post("/v1/auth/mfa/challenge", shown(&step, &app.next(&s.w.clock))).await;
    answer.refused(401, "invalid_challenge");
    s.w.bearer(step["token"].as_str().unwrap()).get(ME).await.refused(401, "unauthenticated");
    // and what came of one before
    let step = s.sign_in(claims(&s.w, "ada")).await.expect(200);
    let whole = s.w.anonymous().post("/v1/auth/mfa/challenge", shown(&step, &app.next(&s.w.clock))).await.expect(200);
    s.w.owner().put(&s.path(), json!({ "enabled": false })).await.expect(200);
    s.w.bearer(whole["token"].as_str().unwrap()).get(ME).await.refused(401, "unauthenticated");
}

async fn sec_08_a_second_step_counts_once_and_ends_the_restricted_session(e: Engine) {
    let s = Stage::on(e).await;
    let (app, step) = with_app(&s).await;
    let answer = shown(&step, &app.next(&s.w.clock));
    s.w.anonymous().post("/v1/auth/mfa/challenge", answer.clone()).await.expect(200);
    s.w.anonymous().post("/v1/auth/mfa/challenge", answer).await.refused(401, "invalid_challenge");
    s.w.bearer(step["token"].as_str().unwrap()).get(ME).await.refused(401, "unauthenticated");
    let refresh = json!({ "refresh_token": step["refresh_token"] });
    s.w.anonymous().post("/v1/auth/refresh", refresh).await.refused(401, "unauthenticated");
    let ended = s.w.events("action=session.revoked").await.remove(0);
    assert_eq!(ended["metadata"]["cause"], "second_factor");
    // who signs out of the first half has no second one
    let step = s.sign_in(claims(&s.w, "ada")).await.expect(200);
    s.w.bearer(step["token"].as_str().unwrap()).post("/v1/auth/logout", json!({})).await.expect(204);
    let late = s.w.anonymous().post("/v1/auth/mfa/challenge", shown(&step, &app.next(&s.w.clock))).await;
    late.refused(401, "invalid_challenge");
}

async fn sec_05_a_passkey_after_the_provider_is_the_second_step_and_no_way_around_it(e: Engine) {
    let s = Stage::on(e).await;
    let mut passkey = Passkey::new("of-ada");
    with_passkey(&s.person("ada").await, &mut passkey).await;
    let step = s.sign_in(claims(&s.w, "ada")).await.expect(200);
    let challenge = step["challenge_id"].as_str().unwrap();
    let asked = ask(&s.w.anonymous(), challenge).await;
    let whole = answer(&s.w.anonymous(), challenge, &passkey.answer(&asked)).await.expect(200);
    s.w.bearer(step["token"].as_str().unwrap()).get(ME).await.refused(401, "unauthenticated");
    let by = s.w.bearer(whole["token"].as_str().unwrap());
    by.get("/v1/users/me/sessions").await.expect(200);
    s.w.owner().put(&s.path(), json!({ "enabled": false })).await.expect(200);
    by.get(ME).await.refused(401, "unauthenticated");
}
