//! What a provider's answer has to be, and what is used twice (checklist 4, 7, 8).
use serde_json::{Value, json};

use super::provider::{SigningKey, Twist};
use super::{HOME, Stage, claims, settings_of};
use crate::world::tables::{Contents, count};
use crate::world::*;

both!(
    sec_07_an_id_token_is_signed_by_the_provider_for_us_now_and_for_this_sign_in,
    sec_07_every_accepted_algorithm_is_that_of_the_key,
    sec_08_a_code_and_a_state_count_once,
    sec_04_a_state_is_ours_and_of_its_tenant,
    sec_04_a_sign_in_ends_in_ten_minutes,
    sec_04_a_code_is_shown_to_the_provider_that_the_browser_came_from_and_no_other,
    sec_04_whoever_keeps_a_verifier_ends_the_sign_in_and_nobody_else,
    sec_18_nothing_in_the_store_finishes_a_sign_in,
    the_userinfo_endpoint_fills_in_what_the_token_leaves_out,
    what_a_provider_states_of_factors_counts_where_it_is_believed,
);

async fn sec_07_an_id_token_is_signed_by_the_provider_for_us_now_and_for_this_sign_in(e: Engine) {
    let s = Stage::on(e).await;
    s.person("ada").await;
    let now = s.w.clock.seconds();
    for (twist, why) in [
        (Twist::Unsigned, "The ID token is no JWT of a known algorithm."),
        (Twist::SharedSecret, "No key of the provider is the one that the ID token is signed with."),
        (Twist::Forged, "The signature of the ID token does not hold."),
        (Twist::Header("alg", json!("RS256")), "No key of the provider is the one that the ID token is signed with."),
        (Twist::Header("kid", json!("k9")), "No key of the provider is the one that the ID token is signed with."),
        (Twist::Header("typ", json!("at+jwt")), "The ID token is of another type."),
        (Twist::Header("crit", json!(["exp"])), "The ID token is of another type."),
        (Twist::Claim("nonce", json!("another")), "The nonce of the ID token is not that of this sign-in."),
        (Twist::Claim("nonce", Value::Null), "The nonce of the ID token is not that of this sign-in."),
        (Twist::Claim("aud", json!("another")), "The ID token is for another client."),
        (Twist::Claim("aud", json!(["portcullis", "another"])), "The ID token was given to another client."),
        (Twist::Claim("azp", json!("another")), "The ID token was given to another client."),
        (Twist::Claim("iss", json!("http://127.0.0.1:1/realm")), "The ID token is of another issuer."),
        (Twist::Claim("exp", json!(now - 61)), "The ID token has expired."),
        (Twist::Claim("exp", Value::Null), "The ID token has no end."),
        (Twist::Claim("iat", json!(now + 600)), "The ID token was not made now."),
        (Twist::Claim("nbf", json!(now + 600)), "The ID token is not valid yet."),
        (Twist::Claim("sub", Value::Null), "The ID token has no subject that can be kept."),
        (Twist::Claim("sub", json!("x".repeat(256))), "The ID token has no subject that can be kept."),
    ] {
        s.provider.twist(Some(twist.clone()));
        let a = s.sign_in(claims(&s.w, "ada")).await;
        let told = a.refused(401, "login_failed");
        // who signs in learns nothing of it
        assert_eq!(
            (&told["details"], told["message"].as_str().unwrap().contains("token")),
            (&json!({}), false),
            "{twist:?}"
        );
        assert_eq!(s.why().await, why, "{twist:?}");
    }
    s.provider.twist(None);
    s.person("ada").await;
    assert_eq!(count(&s.w, "identities").await, 1);
}

async fn sec_07_every_accepted_algorithm_is_that_of_the_key(e: Engine) {
    let s = Stage::on(e).await;
    for (kid, key, others) in
        [("e", SigningKey::ec(), ["EdDSA", "RS256", "ES384"]), ("r", SigningKey::rsa(), ["ES256", "PS256", "HS256"])]
    {
        s.w.clock.pass(61);
        s.provider.rotate(kid, key);
        s.person("ada").await;
        for other in others {
            s.provider.twist(Some(Twist::Header("alg", json!(other))));
            s.sign_in(claims(&s.w, "ada")).await.refused(401, "login_failed");
        }
        s.provider.twist(Some(Twist::SharedSecret));
        s.sign_in(claims(&s.w, "ada")).await.refused(401, "login_failed");
        s.provider.twist(None);
    }
}

async fn sec_08_a_code_and_a_state_count_once(e: Engine) {
    let s = Stage::on(e).await;
    let back = s.come_back(claims(&s.w, "ada")).await;
    s.finish(&back).await.expect(200);
    let asked = s.provider.asked("/token");
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!(s.provider.asked("/token"), asked, "the code is not even shown to the provider");
    // the code of one sign-in with the state of another
    let (_, state) = s.begin().await;
    s.finish(&json!({ "code": back["code"], "redirect_uri": HOME, "state": state })).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "The token endpoint refuses: invalid_grant.");
    let (url, _) = s.begin().await;
    let code = s.provider.sign_in(&url, claims(&s.w, "ada"));
    let (_, state) = s.begin().await;
    s.finish(&json!({ "code": code, "redirect_uri": HOME, "state": state })).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "The token endpoint refuses: invalid_grant.", "it is tied by the verifier");
    // many at once with one state: one of them
    let back = s.come_back(claims(&s.w, "ada")).await;
    let (a, b, c) = tokio::join!(s.finish(&back), s.finish(&back), s.finish(&back));
    let mut all = [a.status, b.status, c.status];
    all.sort_unstable();
    assert_eq!(all, [200, 401, 401]);
}

async fn sec_04_a_state_is_ours_and_of_its_tenant(e: Engine) {
    let s = Stage::on(e).await;
    let back = s.come_back(claims(&s.w, "ada")).await;
    let state = back["state"].as_str().unwrap();
    let with = |state: String| json!({ "code": back["code"], "redirect_uri": HOME, "state": state });
    let mut flipped = state.to_owned();
    flipped.replace_range(40..41, if &state[40..41] == "A" { "B" } else { "A" });
    let rival = s.w.second_tenant("Rival").await;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut moved = URL_SAFE_NO_PAD.decode(state).unwrap();
    moved[..16].copy_from_slice(uuid::Uuid::parse_str(&rival.id).unwrap().as_bytes());
    let mut nowhere = moved.clone();
    nowhere[..16].copy_from_slice(uuid::Uuid::parse_str(NOBODY).unwrap().as_bytes());
    for bad in [
        flipped,
        URL_SAFE_NO_PAD.encode(&moved),
        URL_SAFE_NO_PAD.encode(&nowhere),
        state[..85].to_owned(),
        format!("{state}A"),
        "x".into(),
        "A".repeat(86),
    ] {
        s.finish(&with(bad)).await.refused(401, "login_failed");
    }
    for bad in [
        json!({}),
        json!({ "code": back["code"], "redirect_uri": HOME }),
        json!({ "code": "", "redirect_uri": HOME, "state": state }),
        json!({ "code": back["code"], "redirect_uri": HOME, "state": null }),
        json!({ "code": "x".repeat(4_097), "redirect_uri": HOME, "state": state }),
        json!({ "code": back["code"], "redirect_uri": HOME, "state": state, "user_id": NOBODY }),
    ] {
        s.finish(&bad).await.refused(400, "invalid_input");
    }
    // whatever is said beside it: the state names the tenant
    let by = s.w.anonymous().with("x-tenant-id", &*rival.id);
    let done = by.post("/v1/auth/callback", back.clone()).await.expect(200);
    assert_eq!(done["tenant_id"], json!(s.w.tenant));
    let theirs = rival.owner.client.with("authorization", format!("Bearer {}", done["token"].as_str().unwrap()));
    theirs.get("/v1/users/me/profile").await.refused(403, "tenant_mismatch");
    // a browser that says it comes from another provider (RFC 9207)
    let mut back = s.come_back(claims(&s.w, "ada")).await;
    back["iss"] = json!("https://evil.example");
    s.finish(&back).await.refused(401, "login_failed");
    let mut back = s.come_back(claims(&s.w, "ada")).await;
    back["iss"] = json!(s.provider.issuer());
    s.finish(&back).await.expect(200);
}

async fn sec_04_a_sign_in_ends_in_ten_minutes(e: Engine) {
    let s = Stage::on(e).await;
    let back = s.come_back(claims(&s.w, "ada")).await;
    s.w.clock.pass(601);
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the sign-in took longer than ten minutes");
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!(s.provider.asked("/token"), 0);
}

/// A mix-up: one provider leads the browser on to another, to be shown the code that comes back (RFC 9207).
async fn sec_04_a_code_is_shown_to_the_provider_that_the_browser_came_from_and_no_other(e: Engine) {
    let s = Stage::on(e).await;
    s.provider.describe("authorization_response_iss_parameter_supported", json!(true));
    let back = s.come_back(claims(&s.w, "ada")).await;
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "The browser came without iss, with which this provider always says who it is.");
    let other = super::provider::Provider::start(SigningKey::ed()).await;
    let body = json!({ "name": "Other", "provider_type": "oidc", "config": other.config(json!({ "domains": ["corp.example"] })) });
    s.w.owner().post("/v1/identity-providers", body).await.expect(201);
    // it is of the other one, and says so
    let (url, state) = s.begin().await;
    let code = other.sign_in(&url.replace(&s.provider.issuer(), &other.issuer()), claims(&s.w, "ada"));
    let back = json!({ "code": code, "redirect_uri": HOME, "state": state, "iss": other.issuer() });
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "The browser came from another provider.");
    assert_eq!((s.provider.asked("/token"), other.asked("/token")), (0, 0), "neither is shown the code");
    // the state names the provider: a code is never taken to another that says nothing of itself either
    s.provider.describe("authorization_response_iss_parameter_supported", Value::Null);
    s.w.clock.pass(601);
    let (url, state) = s.begin().await;
    let code = other.sign_in(&url.replace(&s.provider.issuer(), &other.issuer()), claims(&s.w, "ada"));
    s.finish(&json!({ "code": code, "redirect_uri": HOME, "state": state })).await.refused(401, "login_failed");
    assert_eq!((s.provider.asked("/token"), other.asked("/token")), (1, 0));
    assert_eq!(s.why().await, "The token endpoint refuses: invalid_grant.");
    let mut back = s.come_back(claims(&s.w, "ada")).await;
    back["iss"] = json!(s.provider.issuer());
    s.finish(&back).await.expect(200);
}

async fn sec_04_whoever_keeps_a_verifier_ends_the_sign_in_and_nobody_else(e: Engine) {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let s = Stage::on(e).await;
    let verifier = "a-secret-of-the-client-that-began_it.~0123456789";
    let challenge = URL_SAFE_NO_PAD.encode(portcullis_crypto::sha256(verifier.as_bytes()));
    let begin =
        format!("/v1/auth/start?provider_id={}&mode=json&redirect_uri={}&code_challenge=", s.id, super::encoded(HOME));
    for bad in ["", "x", &challenge[1..], &format!("{}%2B", &challenge[1..])] {
        s.w.anonymous().get(&format!("{begin}{bad}")).await.refused(400, "invalid_input");
    }
    let come_back = async |kept: Option<&str>| {
        let begun = s.w.anonymous().get(&format!("{begin}{challenge}")).await.expect(200);
        let code = s.provider.sign_in(begun["authorization_url"].as_str().unwrap(), claims(&s.w, "ada"));
        let mut back = json!({ "code": code, "redirect_uri": HOME, "state": begun["state"] });
        if let Some(kept) = kept {
            back["code_verifier"] = json!(kept);
        }
        back
    };
    // whoever saw the address that the browser came back to, or what the store holds
    for thief in [None, Some("another-secret-of-another-client_.~0123456789"), Some(&*challenge)] {
        let back = come_back(thief).await;
        s.finish(&back).await.refused(401, "login_failed");
        assert_eq!(s.why().await, "the sign-in was begun by another client: its verifier is missing or wrong");
    }
    assert_eq!(s.provider.asked("/token"), 0, "the code is not even shown to the provider");
    s.finish(&come_back(Some("short")).await).await.refused(400, "invalid_input");
    let done = s.finish(&come_back(Some(verifier)).await).await.expect(200);
    assert!(done["token"].is_string());
    assert_eq!(Contents::of(&s.w).await.tables_with(verifier.as_bytes()), [""; 0]);
    // nobody makes somebody else's sign-in their own with a verifier of theirs
    let mut back = s.come_back(claims(&s.w, "ada")).await;
    back["code_verifier"] = json!(verifier);
    s.finish(&back).await.refused(401, "login_failed");
}

async fn sec_18_nothing_in_the_store_finishes_a_sign_in(e: Engine) {
    let s = Stage::on(e).await;
    let (url, state) = s.begin().await;
    let told: std::collections::HashMap<String, String> =
        url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
    let all = Contents::of(&s.w).await;
    for (what, secret) in [
        ("nonce", told["nonce"].as_str()),
        ("challenge", told["code_challenge"].as_str()),
        ("state", state.as_str()),
        ("client secret", super::provider::SECRET),
    ] {
        assert_eq!(all.tables_with(secret.as_bytes()), [""; 0], "{what}");
    }
}

async fn the_userinfo_endpoint_fills_in_what_the_token_leaves_out(e: Engine) {
    let s = Stage::on(e).await;
    let bare = json!({ "sub": "ada", "iat": s.w.clock.seconds(), "exp": s.w.clock.seconds() + 300 });
    // it speaks of somebody else
    s.sign_in(bare.clone()).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "The UserInfo endpoint speaks of somebody else.");
    s.provider.userinfo(
        json!({ "sub": "ada", "email": "ada@corp.example", "email_verified": true, "iss": "https://evil.example" }),
    );
    s.sign_in(bare.clone()).await.expect(200);
    assert_eq!(s.user("ada@corp.example").await.unwrap()["name"], "ada");
    // an address and the word that it is theirs come from one place (checklist 1)
    let mut bob = bare;
    bob["sub"] = json!("bob");
    s.provider.userinfo(json!({ "sub": "bob", "email": "bob@corp.example" }));
    let mut word = bob.clone();
    word["email_verified"] = json!(true);
    s.sign_in(word).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the provider does not say that the e-mail address is verified");
    s.provider.userinfo(json!({ "sub": "bob", "email_verified": true, "groups": [] }));
    s.set(json!({ "group_sync": true })).await;
    bob["email"] = json!("bob@corp.example");
    s.sign_in(bob).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the provider does not say that the e-mail address is verified");
    s.set(json!({ "group_sync": false })).await;
    let asked = s.provider.asked("/userinfo");
    s.person("ada").await;
    assert_eq!(s.provider.asked("/userinfo"), asked, "nobody asks for what was said");
}

async fn what_a_provider_states_of_factors_counts_where_it_is_believed(e: Engine) {
    let s = Stage::on(e).await;
    let amr = async || {
        let mut said = claims(&s.w, "ada");
        said["amr"] = json!(["pwd", "otp", "mfa", "made-up"]);
        let done = s.sign_in(said).await.expect(200);
        let client = s.w.bearer(done["token"].as_str().unwrap());
        let all = client.get("/v1/users/me/sessions").await.expect(200)["data"].clone();
        all.as_array().unwrap().iter().find(|s| s["current"] == true).unwrap()["amr"].clone()
    };
    assert_eq!(amr().await, json!(["fed", "mfa", "otp", "pwd"]));
    settings_of(&s.w, &json!({ "redirect_uris": [HOME], "mfa_trust_provider": false })).await;
    assert_eq!(amr().await, json!(["fed"]));
}
