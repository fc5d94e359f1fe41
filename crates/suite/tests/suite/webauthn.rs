//! Passkeys and security keys (spec v1 4.2, 4.3.2, 9.2; checklist 5).
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::world::authenticator::*;
use crate::world::passkey::*;
use crate::world::tables::count;
use crate::world::token::claims;
use crate::world::*;

both!(
    a_passkey_is_a_second_factor,
    a_security_key_is_a_second_factor_with_a_touch_alone,
    sec_05_only_our_own_origin_and_domain_enrol,
    sec_05_only_our_own_origin_and_domain_sign_in,
    sec_05_a_passkey_verifies_who_uses_it,
    sec_05_a_credential_answers_for_its_own_person,
    sec_05_a_counter_that_goes_back_tells_of_a_copy,
    sec_05_each_request_is_answered_once,
    sec_05_who_is_half_signed_in_enrols_nothing,
    sec_05_another_factor_takes_a_fresh_sign_in,
    sec_04_a_challenge_bears_five_wrong_answers,
    sec_19_a_removed_passkey_signs_nobody_in,
    a_credential_is_enrolled_once,
    what_is_no_answer_is_refused,
    without_a_domain_there_are_none,
    an_enrolment_waits_a_quarter_of_an_hour,
);

const PASSKEY: &str = "webauthn_passkey";
const FIDO: &str = "webauthn_fido";

async fn methods(by: &Client) -> Vec<Value> {
    by.get(MFA).await.expect(200)["methods"].as_array().unwrap().clone()
}
async fn ada(w: &World) -> (Person, Passkey) {
    let (ada, mut passkey) = (w.person("Ada", &["user"]).await, Passkey::new("of-ada"));
    with_passkey(&ada.client, &mut passkey).await;
    (ada, passkey)
}

async fn a_passkey_is_a_second_factor(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let options = register(&ada.client, PASSKEY).await;
    assert_eq!(options["rp"], json!({ "id": "localhost", "name": "Acme" }));
    assert_eq!((&options["user"]["name"], &options["user"]["displayName"]), (&json!(ada.email), &json!("Ada")));
    let handle = BASE64URL_NOPAD.decode(options["user"]["id"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(uuid::Uuid::from_slice(&handle).unwrap().to_string(), ada.id);
    let selection = json!({ "residentKey": "required", "requireResidentKey": true, "userVerification": "required" });
    assert_eq!(options["authenticatorSelection"], selection);
    assert_eq!((&options["attestation"], &options["excludeCredentials"]), (&json!("none"), &json!([])));
    assert_eq!(BASE64URL_NOPAD.decode(options["challenge"].as_str().unwrap().as_bytes()).unwrap().len(), 32);
    let mut passkey = Passkey::new("of-ada");
    let credential = passkey.make(&options);
    let made = registered(&ada.client, PASSKEY, &credential).await.expect(200);
    assert_eq!((texts(&made["codes"]).len(), &made["remaining"]), (10, &json!(10)));
    registered(&ada.client, PASSKEY, &credential).await.refused(409, "conflict");
    let all = methods(&ada.client).await;
    assert_eq!((all.len(), &all[0]["method_type"], &all[0]["device_name"]), (1, &json!(PASSKEY), &json!("Key")));
    let event = w.events("action=mfa.enrolled").await.remove(0);
    assert_eq!((&event["actor_id"], &event["metadata"]["method_type"]), (&json!(ada.id), &json!(PASSKEY)));

    let step = w.login(&ada.email).await.expect(200);
    assert_eq!((&step["mfa_required"], &step["methods"]), (&json!(true), &json!([PASSKEY, "backup_code"])));
    let challenge = step["challenge_id"].as_str().unwrap();
    let asked = ask(&w.anonymous(), challenge).await;
    assert_eq!((&asked["rpId"], &asked["userVerification"]), (&json!("localhost"), &json!("required")));
    let allowed =
        json!([{ "type": "public-key", "id": BASE64URL_NOPAD.encode(b"of-ada"), "transports": ["internal"] }]);
    assert_eq!(asked["allowCredentials"], allowed);
    let done = answer(&w.anonymous(), challenge, &passkey.answer(&asked)).await.expect(200);
    assert_eq!((&done["mfa_setup_required"], &done["challenge_id"]), (&json!(false), &json!(null)));
    let token = done["token"].as_str().unwrap();
    assert_eq!(claims(token)["amr"], json!(["pwd", "hwk", "mfa"]));
    let by = w.bearer(token);
    assert!(methods(&by).await[0]["last_used_at"].is_string());
    let begun = w.events("action=auth.login_succeeded").await.remove(0);
    assert_eq!(begun["metadata"]["amr"], json!(["pwd", "hwk", "mfa"]));
    // beside an app, either
    let (app, _) = enrol(&w, &by).await;
    let step = w.login(&ada.email).await.expect(200);
    assert_eq!(step["methods"], json!(["totp", PASSKEY, "backup_code"]));
    let challenge = step["challenge_id"].as_str().unwrap();
    show(&w.anonymous(), challenge, "totp", &app.next(&w.clock)).await.expect(200);
    // a passkey that is on several devices is no hardware key
    let mut synced = Passkey { synced: true, step: 0, counter: 0, ..Passkey::new("synced") };
    assert_eq!(with_passkey(&by, &mut synced).await, Vec::<String>::new(), "codes come with the first factor");
    for _ in 0..2 {
        let challenge = self::challenge(&w, &ada.email).await;
        let asked = ask(&w.anonymous(), &challenge).await;
        let done = answer(&w.anonymous(), &challenge, &synced.answer(&asked)).await.expect(200);
        assert_eq!(claims(done["token"].as_str().unwrap())["amr"], json!(["pwd", "swk", "mfa"]));
    }
}

async fn a_security_key_is_a_second_factor_with_a_touch_alone(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let mut key = Passkey { verifies: false, ..Passkey::new("touch") };
    let options = register(&ada.client, FIDO).await;
    assert_eq!(options["authenticatorSelection"]["residentKey"], "discouraged");
    // begun as one it is not ended as the other
    registered(&ada.client, PASSKEY, &key.make(&options)).await.refused(409, "conflict");
    registered(&ada.client, FIDO, &key.make(&options)).await.expect(200);
    let challenge = challenge(&w, &ada.email).await;
    let asked = ask(&w.anonymous(), &challenge).await;
    assert_eq!(asked["userVerification"], "preferred");
    // an old key gives no handle
    let mut said = key.answer(&asked);
    said["response"]["userHandle"] = json!(null);
    answer(&w.anonymous(), &challenge, &said).await.expect(200);
}

async fn sec_05_only_our_own_origin_and_domain_enrol(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    for (origin, rp_id) in [
        ("https://evil.example", "localhost"),
        ("http://localhost:7401", "localhost"),
        ("https://localhost:7400", "localhost"),
        ("http://localhost:7400/", "localhost"),
        ("http://evil.localhost:7400", "localhost"),
        ("http://localhost:7400", "evil.example"),
        ("http://localhost:7400", "Localhost"),
    ] {
        let options = register(&ada.client, PASSKEY).await;
        let mut passkey = Passkey { origin: origin.into(), rp_id: rp_id.into(), ..Passkey::new("k") };
        registered(&ada.client, PASSKEY, &passkey.make(&options)).await.refused(400, "invalid_input");
    }
    // nor without verification, or for what was asked of another
    let options = register(&ada.client, PASSKEY).await;
    let weak = Passkey { verifies: false, ..Passkey::new("k") }.make(&options);
    registered(&ada.client, PASSKEY, &weak).await.refused(400, "invalid_input");
    let mut forgetful = Passkey::new("k").make(&options);
    forgetful["clientExtensionResults"] = json!({ "credProps": { "rk": false } });
    registered(&ada.client, PASSKEY, &forgetful).await.refused(400, "invalid_input");
    let bob = w.person("Bob", &["user"]).await;
    let foreign = register(&bob.client, PASSKEY).await;
    registered(&ada.client, PASSKEY, &Passkey::new("k").make(&foreign)).await.refused(400, "invalid_input");
    assert_eq!(methods(&ada.client).await, Vec::<Value>::new());
    // what was asked before is not answered any more
    let first = register(&ada.client, PASSKEY).await;
    register(&ada.client, PASSKEY).await;
    registered(&ada.client, PASSKEY, &Passkey::new("k").make(&first)).await.refused(400, "invalid_input");
}

async fn sec_05_only_our_own_origin_and_domain_sign_in(w: World) {
    let (ada, mut passkey) = ada(&w).await;
    let before = count(&w, "sessions").await;
    for (origin, rp_id) in [
        ("https://evil.example", "localhost"),
        ("http://localhost:7401", "localhost"),
        ("https://localhost:7400", "localhost"),
        ("http://localhost:7400", "evil.example"),
    ] {
        let challenge = challenge(&w, &ada.email).await;
        let asked = ask(&w.anonymous(), &challenge).await;
        (passkey.origin, passkey.rp_id) = (origin.into(), rp_id.into());
        answer(&w.anonymous(), &challenge, &passkey.answer(&asked)).await.refused(401, "invalid_credential");
    }
    assert_eq!(count(&w, "sessions").await, before);
    let failed = w.events("action=auth.mfa_failed").await;
    assert_eq!((failed.len(), &failed[0]["metadata"]["amr"]), (4, &json!("webauthn")));
    assert_eq!((&failed[0]["actor_type"], &failed[0]["resource_id"]), (&json!("anonymous"), &json!(ada.id)));
}

async fn sec_05_a_passkey_verifies_who_uses_it(w: World) {
    let (ada, mut passkey) = ada(&w).await;
    let challenge = challenge(&w, &ada.email).await;
    let asked = ask(&w.anonymous(), &challenge).await;
    passkey.verifies = false;
    answer(&w.anonymous(), &challenge, &passkey.answer(&asked)).await.refused(401, "invalid_credential");
    passkey.verifies = true;
    let asked = ask(&w.anonymous(), &challenge).await;
    answer(&w.anonymous(), &challenge, &passkey.answer(&asked)).await.expect(200);
}

async fn sec_05_a_credential_answers_for_its_own_person(w: World) {
    let (ada, mut of_ada) = ada(&w).await;
    let (bob, mut of_bob) = (w.person("Bob", &["user"]).await, Passkey::new("of-bob"));
    with_passkey(&bob.client, &mut of_bob).await;
    let rival = w.second_tenant("Rival").await;
    let mut of_rival = Passkey::new("of-rival");
    with_passkey(&rival.owner.client, &mut of_rival).await;
    let refused = async |passkey: &mut Passkey| {
        let challenge = challenge(&w, &ada.email).await;
        let asked = ask(&w.anonymous(), &challenge).await;
        answer(&w.anonymous(), &challenge, &passkey.answer(&asked)).await.refused(401, "invalid_credential");
    };
    refused(&mut of_bob).await;
    refused(&mut of_rival).await;
    refused(&mut Passkey::new("unknown")).await;
    // another key under the same name
    refused(&mut Passkey { user: of_ada.user.clone(), ..Passkey::new("of-ada") }).await;
    let own = std::mem::replace(&mut of_ada.user, of_bob.user.clone());
    refused(&mut of_ada).await;
    of_ada.user = own;
    // a request for one person is not answered in the sign-in of another
    let (adas, bobs) = (challenge(&w, &ada.email).await, challenge(&w, &bob.email).await);
    let (asked, _) = (ask(&w.anonymous(), &adas).await, ask(&w.anonymous(), &bobs).await);
    answer(&w.anonymous(), &bobs, &of_ada.answer(&asked)).await.refused(401, "invalid_credential");
    answer(&w.anonymous(), &bobs, &of_bob.answer(&asked)).await.refused(401, "invalid_challenge");
    answer(&w.anonymous(), &adas, &of_ada.answer(&asked)).await.expect(200);
}

async fn sec_05_a_counter_that_goes_back_tells_of_a_copy(w: World) {
    let (ada, mut passkey) = ada(&w).await;
    passkey.counter = 10;
    let sign_in = async |passkey: &mut Passkey| {
        let challenge = challenge(&w, &ada.email).await;
        let asked = ask(&w.anonymous(), &challenge).await;
        answer(&w.anonymous(), &challenge, &passkey.answer(&asked)).await
    };
    sign_in(&mut passkey).await.expect(200);
    for again in [10, 9, 1, 0] {
        passkey.counter = again;
        sign_in(&mut passkey).await.refused(401, "invalid_credential");
    }
    passkey.counter = 11;
    sign_in(&mut passkey).await.expect(200);
    // of a copy that is used at the same time one counts
    let (one, two) = (challenge(&w, &ada.email).await, challenge(&w, &ada.email).await);
    let (first, second) = (ask(&w.anonymous(), &one).await, ask(&w.anonymous(), &two).await);
    let (first, second) = (passkey.answer(&first), {
        passkey.counter -= 1;
        passkey.answer(&second)
    });
    let by = w.anonymous();
    let (one, two) = tokio::join!(answer(&by, &one, &first), answer(&by, &two, &second));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "{} {}", one.text(), two.text());
}

async fn sec_05_each_request_is_answered_once(w: World) {
    let (ada, mut passkey) = ada(&w).await;
    let by = w.anonymous();
    let challenge = challenge(&w, &ada.email).await;
    // nothing was asked yet
    let unasked = passkey.answer(&json!({ "challenge": BASE64URL_NOPAD.encode(&[0; 32]) }));
    answer(&by, &challenge, &unasked).await.refused(401, "invalid_challenge");
    let first = ask(&by, &challenge).await;
    let second = ask(&by, &challenge).await;
    answer(&by, &challenge, &passkey.answer(&first)).await.refused(401, "invalid_credential");
    // one wrong answer, and it has to be asked anew
    answer(&by, &challenge, &passkey.answer(&second)).await.refused(401, "invalid_challenge");
    let third = ask(&by, &challenge).await;
    let right = passkey.answer(&third);
    answer(&by, &challenge, &right).await.expect(200);
    answer(&by, &challenge, &right).await.refused(401, "invalid_challenge");
    let other = self::challenge(&w, &ada.email).await;
    answer(&by, &other, &right).await.refused(401, "invalid_challenge");
    ask(&by, &other).await;
    answer(&by, &other, &right).await.refused(401, "invalid_credential");
    // nor is one that was left lying
    let late = self::challenge(&w, &ada.email).await;
    let asked = ask(&by, &late).await;
    w.clock.pass(301);
    answer(&by, &late, &passkey.answer(&asked)).await.refused(401, "invalid_challenge");
    by.post("/v1/auth/mfa/webauthn/begin", json!({ "challenge_id": late })).await.refused(401, "invalid_challenge");
    by.post("/v1/auth/mfa/webauthn/begin", json!({ "challenge_id": "pcm_x" })).await.refused(401, "invalid_challenge");
    // who has no such factor is asked for none
    let (bob, ..) = with_app(&w, "Bob", &["user"]).await;
    let of_bob = json!({ "challenge_id": self::challenge(&w, &bob.email).await });
    by.post("/v1/auth/mfa/webauthn/begin", of_bob).await.refused(401, "invalid_challenge");
}

async fn sec_05_who_is_half_signed_in_enrols_nothing(w: World) {
    let (ada, _) = ada(&w).await;
    let challenge = challenge(&w, &ada.email).await;
    let page = w.anonymous().with("origin", "http://localhost:7400");
    let cookie = page.with("cookie", format!("portcullis_session={challenge}"));
    for by in [w.anonymous(), w.bearer(&challenge), cookie] {
        let asked = by.post(&format!("{MFA}/webauthn/register?method_type={PASSKEY}"), json!({})).await;
        asked.refused(401, "unauthenticated");
        let body = json!({ "credential": {}, "device_name": "x", "method_type": PASSKEY });
        by.post(&format!("{MFA}/webauthn/register/complete"), body).await.refused(401, "unauthenticated");
    }
    // a sign-in that waits for an enrolment takes an app and nothing else
    let bob = w.person("Bob", &["user"]).await;
    demand(&w, "required").await;
    let waits = self::challenge(&w, &bob.email).await;
    let asked = w.anonymous().post("/v1/auth/mfa/webauthn/begin", json!({ "challenge_id": waits })).await;
    asked.refused(401, "invalid_challenge");
    // keys are for persons
    w.service()
        .post(&format!("{MFA}/webauthn/register?method_type={PASSKEY}"), json!({}))
        .await
        .refused(403, "forbidden");
}

async fn sec_05_another_factor_takes_a_fresh_sign_in(w: World) {
    let (ada, _) = ada(&w).await;
    w.clock.pass(901);
    let path = format!("{MFA}/webauthn/register?method_type={FIDO}");
    ada.client.post(&path, json!({})).await.refused(403, "reauthentication_required");
    ada.client.post("/v1/users/me/reauthenticate", json!({ "password": PASSWORD })).await.expect(204);
    let asked = ada.client.post(&path, json!({})).await.expect(200)["options"].clone();
    assert_eq!(asked["excludeCredentials"][0]["id"], BASE64URL_NOPAD.encode(b"of-ada"));
    // the first one does not
    let bob = w.person("Bob", &["user"]).await;
    w.clock.pass(901);
    register(&bob.client, FIDO).await;
}

async fn sec_04_a_challenge_bears_five_wrong_answers(w: World) {
    let (ada, mut passkey) = ada(&w).await;
    let challenge = challenge(&w, &ada.email).await;
    for _ in 0..5 {
        let asked = ask(&w.anonymous(), &challenge).await;
        let wrong = Passkey::new("of-ada").answer(&asked);
        answer(&w.anonymous(), &challenge, &wrong).await.refused(401, "invalid_credential");
    }
    let body = json!({ "challenge_id": challenge });
    w.anonymous().post("/v1/auth/mfa/webauthn/begin", body).await.refused(401, "invalid_challenge");
    let challenge = self::challenge(&w, &ada.email).await;
    let asked = ask(&w.anonymous(), &challenge).await;
    answer(&w.anonymous(), &challenge, &passkey.answer(&asked)).await.expect(200);
}

async fn sec_19_a_removed_passkey_signs_nobody_in(w: World) {
    let (ada, mut passkey) = ada(&w).await;
    let mut other = Passkey::new("other");
    with_passkey(&ada.client, &mut other).await;
    let challenge = challenge(&w, &ada.email).await;
    let asked = ask(&w.anonymous(), &challenge).await;
    let id = methods(&ada.client).await[0]["id"].as_str().unwrap().to_owned();
    ada.client.delete(&format!("{MFA}/{id}")).await.expect(204);
    answer(&w.anonymous(), &challenge, &passkey.answer(&asked)).await.refused(401, "invalid_credential");
    let challenge = self::challenge(&w, &ada.email).await;
    let asked = ask(&w.anonymous(), &challenge).await;
    assert_eq!(asked["allowCredentials"].as_array().unwrap().len(), 1);
    answer(&w.anonymous(), &challenge, &other.answer(&asked)).await.expect(200);
    // a reset takes them all, and a deleted user's are gone
    w.owner().delete(&format!("/v1/users/{}/mfa", ada.id)).await.expect(204);
    assert_eq!(count(&w, "mfa_methods").await, 0);
    assert!(w.login(&ada.email).await.expect(200)["token"].is_string());
}

async fn a_credential_is_enrolled_once(w: World) {
    let (ada, mut passkey) = ada(&w).await;
    let bob = w.person("Bob", &["user"]).await;
    for by in [&ada.client, &bob.client] {
        let options = register(by, PASSKEY).await;
        registered(by, PASSKEY, &passkey.make(&options)).await.refused(400, "invalid_input");
    }
    assert_eq!((methods(&ada.client).await.len(), methods(&bob.client).await.len()), (1, 0));
    // somebody has so many and no more
    for n in 1..25 {
        with_passkey(&ada.client, &mut Passkey::new(&format!("number-{n}"))).await;
    }
    let path = format!("{MFA}/webauthn/register?method_type={PASSKEY}");
    ada.client.post(&path, json!({})).await.refused(409, "conflict");
}

async fn what_is_no_answer_is_refused(w: World) {
    let (ada, mut passkey) = ada(&w).await;
    let by = &ada.client;
    for query in
        ["", "?method_type=", "?method_type=totp", "?method_type=webauthn", "?method_type=webauthn_passkey&x=1"]
    {
        by.post(&format!("{MFA}/webauthn/register{query}"), json!({})).await.refused(400, "invalid_input");
    }
    let options = register(by, PASSKEY).await;
    let right = Passkey::new("new").make(&options);
    let path = format!("{MFA}/webauthn/register/complete");
    for (member, value) in [
        ("credential", json!(null)),
        ("credential", json!("x")),
        ("credential", json!({})),
        ("device_name", json!("")),
        ("device_name", json!("x".repeat(101))),
        ("device_name", json!(null)),
        ("method_type", json!("totp")),
        ("user_id", json!(w.owner_id)),
    ] {
        let mut body = json!({ "credential": right, "device_name": "x", "method_type": PASSKEY });
        body[member] = value;
        by.post(&path, body).await.refused(400, "invalid_input");
    }
    for (pointer, value) in [
        ("/rawId", json!("b3RoZXI")),
        ("/response/attestationObject", json!("oA")),
        ("/response/attestationObject", json!("")),
        ("/response/clientDataJSON", json!("e30")),
    ] {
        let mut wrong = right.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        registered(by, PASSKEY, &wrong).await.refused(400, "invalid_input");
    }
    registered(by, PASSKEY, &right).await.expect(200);
    let challenge = challenge(&w, &ada.email).await;
    let asked = ask(&w.anonymous(), &challenge).await;
    let right = passkey.answer(&asked);
    for (member, value) in [
        ("credential", json!(null)),
        ("credential", json!([])),
        ("challenge_id", json!(null)),
        ("cookie", json!("yes")),
        ("user_id", json!(w.owner_id)),
    ] {
        let mut body = json!({ "challenge_id": challenge, "credential": right });
        body[member] = value;
        w.anonymous().post("/v1/auth/mfa/webauthn/complete", body).await.refused(400, "invalid_input");
    }
    // what cannot be read is no try
    answer(&w.anonymous(), &challenge, &right).await.expect(200);
}

async fn without_a_domain_there_are_none(e: Engine) {
    let mut options = Options::default();
    options.settings.public_url = "http://127.0.0.1:7400".into();
    let w = World::on(e, options).await;
    let ada = w.person("Ada", &["user"]).await;
    let asked = ada.client.post(&format!("{MFA}/webauthn/register?method_type={PASSKEY}"), json!({})).await;
    asked.refused(501, "not_implemented");
    let begin = json!({ "challenge_id": "pcm_x" });
    w.anonymous().post("/v1/auth/mfa/webauthn/begin", begin).await.refused(501, "not_implemented");
}

async fn an_enrolment_waits_a_quarter_of_an_hour(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let options = register(&ada.client, PASSKEY).await;
    // an app that is begun meanwhile ends nothing
    ada.client.post(&format!("{MFA}/totp"), json!({})).await.expect(200);
    assert_eq!(count(&w, "mfa_methods").await, 2);
    w.clock.pass(901);
    let credential = Passkey::new("late").make(&options);
    registered(&ada.client, PASSKEY, &credential).await.refused(409, "conflict");
    w.node.retain().await;
    assert_eq!(count(&w, "mfa_methods").await, 0);
}
