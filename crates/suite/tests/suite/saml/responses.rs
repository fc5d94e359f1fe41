//! What a response is worth here (spec v1 9.4): once, to the sign-in that it answers, at this provider, while it counts.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::provider::Said;
use super::{Stage, post};
use crate::openid::HOME;
use crate::world::tables::{Contents, count};
use crate::world::*;

both!(
    sec_06_a_response_counts_once_for_the_sign_in_that_it_answers,
    sec_06_what_the_provider_did_not_sign_is_refused,
    sec_14_what_anybody_may_post_leaves_nothing_behind,
    sec_06_a_sign_in_begins_here,
    sec_08_a_code_counts_once_for_a_minute_with_its_state,
    sec_01_a_disabled_or_changed_provider_is_dead_on_every_path,
    sec_02_a_response_for_one_tenant_is_none_for_another,
    sec_18_what_a_provider_answered_is_kept_sealed,
    what_is_over_is_forgotten,
);

async fn sec_06_a_response_counts_once_for_the_sign_in_that_it_answers(e: Engine) {
    let s = Stage::on(e).await;
    let (url, _) = s.begin().await;
    let response = s.provider.response(&s.said(&url, "ada"));
    let back = Stage::brought(&s.post(&response).await);
    // before the browser came home, and after it
    s.post(&response).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the response answers no sign-in that waits for it");
    s.finish(&back).await.expect(200);
    s.post(&response).await.refused(401, "login_failed");
    // the same assertion for another sign-in
    let (url, _) = s.begin().await;
    let mut said = s.said(&url, "ada");
    said.id = "_one-id".into();
    s.finish(&Stage::brought(&s.post(&s.provider.response(&said)).await)).await.expect(200);
    let (url, _) = s.begin().await;
    let again = Said { id: "_one-id".into(), ..s.said(&url, "ada") };
    s.post(&s.provider.response(&again)).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the assertion was heard before");
    // a request that nobody made, one that is another's, and one that is over
    let mut nobody = s.said(&url, "ada");
    nobody.request = Some(format!("_{}", "a7".repeat(16)));
    s.post(&s.provider.response(&nobody)).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the response answers no sign-in that waits for it");
    let body = json!({ "name": "Other", "provider_type": "saml", "config": s.provider.config(&json!({})) });
    let other = s.w.owner().post("/v1/identity-providers", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let (url, _) = s.begin().await;
    let mut said = s.said(&url, "ada");
    said.at = said.at.replace(&s.id, &other);
    post(&s.w.anonymous(), &other, &s.provider.response(&said)).await.refused(401, "login_failed");
    let (url, _) = s.begin().await;
    s.w.clock.pass(601);
    s.post(&s.provider.response(&s.said(&url, "ada"))).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the response answers no sign-in that waits for it");
    // two at once
    let (url, _) = s.begin().await;
    let response = s.provider.response(&s.said(&url, "ada"));
    let (a, b) = tokio::join!(s.post(&response), s.post(&response));
    let mut both = [a.status, b.status];
    both.sort_unstable();
    assert_eq!(both, [303, 401]);
}

async fn sec_06_what_the_provider_did_not_sign_is_refused(e: Engine) {
    let s = Stage::on(e).await;
    let signature = |xml: &str| {
        let (a, b) = (xml.find("<ds:Signature ").unwrap(), xml.find("</ds:Signature>").unwrap() + 15);
        xml[a..b].to_owned()
    };
    let stranger = super::provider::Key::new(s.w.clock.seconds());
    let issuer = &*s.provider.entity_id;
    type Bend<'a> = Box<dyn Fn(&Said, String) -> String + 'a>;
    let bends: [(Bend<'_>, &str); 7] = [
        (Box::new(|_, xml| xml.replace(&signature(&xml), "")), "itself is not signed"),
        (Box::new(|_, xml| xml.replace("ada@corp", "owner@corp")), "changed after it was signed"),
        (Box::new(|said, _| said.around(&said.signed(&stranger, issuer), issuer)), "No certificate"),
        // signature wrapping: another assertion beside the one that is signed, and around it
        (Box::new(|_, xml| wrapped(&xml, false)), "one assertion, and no other anywhere"),
        (Box::new(|_, xml| wrapped(&xml, true)), "one assertion, and no other anywhere"),
        (Box::new(|_, xml| xml.replace("rsa-sha256", "rsa-sha1")), "SHA-1"),
        (Box::new(|_, xml| xml.replace("status:Success", "status:Responder")), "The provider refuses: Responder."),
    ];
    for (bend, why) in bends {
        // the sign-in that it spoils is over, so each has its own
        let (url, _) = s.begin().await;
        let said = s.said(&url, "ada");
        let good = String::from_utf8(STANDARD.decode(s.provider.response(&said)).unwrap()).unwrap();
        let refused = s.post(&STANDARD.encode(bend(&said, good))).await.refused(401, "login_failed");
        assert!(!refused.to_string().contains(why), "whoever tries is not told: {refused}");
        let told = s.why().await;
        assert!(told.contains(why), "{why}: {told}");
    }
    let (url, _) = s.begin().await;
    let good = String::from_utf8(STANDARD.decode(s.provider.response(&s.said(&url, "ada"))).unwrap()).unwrap();
    let entity = format!("<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>{good}");
    s.post(&STANDARD.encode(entity)).await.refused(401, "login_failed");
    for bad in ["", "%", "AAAA"] {
        let answer = s.post(bad).await;
        assert!([400, 401].contains(&answer.status), "{}", answer.text());
    }
    s.post(&"A".repeat(400_000)).await.refused(401, "login_failed");
    assert_eq!((count(&s.w, "identities").await, count(&s.w, "saml_assertions").await), (0, 0));
    s.person("ada").await;
}

/// Somebody else's assertion before the signed one, or around it.
fn wrapped(xml: &str, around: bool) -> String {
    let (a, b) = (xml.find("<saml:Assertion ").unwrap(), xml.find("</saml:Assertion>").unwrap() + 17);
    let (signed, end) = (&xml[a..b], "</saml:Assertion>");
    let (c, d) = (signed.find("<ds:Signature ").unwrap(), signed.find("</ds:Signature>").unwrap() + 15);
    let evil = format!("{}{}", &signed[..c], &signed[d..]).replace("ada@corp", "owner@corp").replacen(
        " ID=\"_",
        " ID=\"_evil",
        1,
    );
    let evil = if around { evil.replace(end, &format!("{signed}{end}")) } else { format!("{evil}{signed}") };
    format!("{}{evil}{}", &xml[..a], &xml[b..])
}

async fn sec_14_what_anybody_may_post_leaves_nothing_behind(e: Engine) {
    let s = Stage::on(e).await;
    let (url, _) = s.begin().await;
    let said = s.said(&url, "ada");
    let stranger = super::provider::Key::new(s.w.clock.seconds());
    let forged = said.around(&said.signed(&stranger, &s.provider.entity_id), &s.provider.entity_id);
    // it answers a sign-in that nobody began, or none
    let request = said.request.clone().unwrap();
    let other = forged.replace(&request, &format!("_{}", "a7".repeat(16)));
    let none = forged.replace(&format!(" InResponseTo=\"{request}\""), "");
    let before = count(&s.w, "audit_events").await;
    for bad in [other, none, "<x/>".into(), format!("<x xmlns=\"{}\"/>", "u".repeat(10_000))] {
        s.post(&STANDARD.encode(bad)).await.refused(401, "login_failed");
    }
    assert_eq!(count(&s.w, "audit_events").await, before);
    // what spoils a sign-in that somebody began is told, and so is what the provider signed
    s.post(&STANDARD.encode(&forged)).await.refused(401, "login_failed");
    assert!(s.why().await.contains("No certificate"));
    s.post(&s.provider.response(&said)).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the response answers no sign-in that waits for it");
    assert_eq!(count(&s.w, "audit_events").await, before + 2);
}

async fn sec_06_a_sign_in_begins_here(e: Engine) {
    let s = Stage::on(e).await;
    s.post(&s.provider.response(&s.unasked("ada"))).await.refused(401, "login_failed");
    assert!(s.why().await.contains("allow_idp_initiated"));
    // nor does one that was not asked for end a sign-in that was begun: it names none
    s.begin().await;
    s.post(&s.provider.response(&s.unasked("ada"))).await.refused(401, "login_failed");
    assert_eq!(count(&s.w, "saml_assertions").await, 0);
}

async fn sec_08_a_code_counts_once_for_a_minute_with_its_state(e: Engine) {
    let s = Stage::on(e).await;
    let come_back = async || {
        let (url, _) = s.begin().await;
        Stage::brought(&s.post(&s.provider.response(&s.said(&url, "ada"))).await)
    };
    let (one, two) = (come_back().await, come_back().await);
    s.finish(&json!({ "code": two["code"], "state": one["state"], "redirect_uri": HOME }))
        .await
        .refused(401, "login_failed");
    assert_eq!(s.why().await, "the code is not that of this sign-in");
    s.finish(&one).await.refused(401, "login_failed");
    s.finish(&json!({ "code": two["code"], "state": two["state"], "redirect_uri": "https://app.example.com/" }))
        .await
        .refused(401, "login_failed");
    assert_eq!(s.why().await, "the code was brought to another address");
    let (_, state) = s.begin().await;
    s.finish(&json!({ "code": "x", "state": state, "redirect_uri": HOME })).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the provider has not answered this sign-in");
    let late = come_back().await;
    s.w.clock.pass(60);
    s.finish(&late).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the code was brought later than a minute after the provider answered");
    let in_time = come_back().await;
    s.w.clock.pass(59);
    s.finish(&in_time).await.expect(200);
}

async fn sec_01_a_disabled_or_changed_provider_is_dead_on_every_path(e: Engine) {
    let s = Stage::on(e).await;
    let ada = s.person("ada").await;
    let (url, _) = s.begin().await;
    let response = s.provider.response(&s.said(&url, "ada"));
    let (url, _) = s.begin().await;
    let back = Stage::brought(&s.post(&s.provider.response(&s.said(&url, "ada"))).await);
    s.w.owner().put(&s.path(), json!({ "enabled": false })).await.expect(200);
    ada.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    s.post(&response).await.refused(404, "not_found");
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the provider is switched off");
    s.w.owner().put(&s.path(), json!({ "enabled": true })).await.expect(200);
    // what was heard by other settings counts by none
    let (url, _) = s.begin().await;
    let back = Stage::brought(&s.post(&s.provider.response(&s.said(&url, "ada"))).await);
    s.set(json!({ "group_sync": false })).await;
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the provider was changed meanwhile");
}

async fn sec_02_a_response_for_one_tenant_is_none_for_another(e: Engine) {
    let s = Stage::on(e).await;
    let rival = s.w.second_tenant("Rival").await;
    // the same provider, which has people of both
    let boss = &rival.owner.client;
    let config = s.provider.config(&json!({ "domains": null }));
    let body = json!({ "name": "Work", "provider_type": "saml", "config": config });
    let theirs = boss.post("/v1/identity-providers", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let (url, _) = s.begin().await;
    let ours = s.provider.response(&s.said(&url, "ada"));
    post(&s.w.anonymous(), &theirs, &ours).await.refused(401, "login_failed");
    // made for them, about a request of ours
    let (url, _) = s.begin().await;
    let mut said = s.said(&url, "ada");
    said.at = said.at.replace(&s.id, &theirs);
    let response = s.provider.response(&said);
    post(&s.w.anonymous(), &theirs, &response).await.refused(401, "login_failed");
    s.post(&response).await.refused(401, "login_failed");
    s.finish(&Stage::brought(&s.post(&ours).await)).await.expect(200);
}

async fn sec_18_what_a_provider_answered_is_kept_sealed(e: Engine) {
    let s = Stage::on(e).await;
    let (url, _) = s.begin().await;
    let back = Stage::brought(&s.post(&s.provider.response(&s.said(&url, "ada"))).await);
    let all = Contents::of(&s.w).await;
    for secret in [back["code"].as_str().unwrap(), "ada@corp.example"] {
        assert!(all.tables_with(secret.as_bytes()).is_empty(), "{secret}");
    }
    s.finish(&back).await.expect(200);
    assert!(Contents::of(&s.w).await.tables_with(b"ada@corp.example").contains(&"users"));
}

async fn what_is_over_is_forgotten(e: Engine) {
    let s = Stage::on(e).await;
    s.person("ada").await;
    let (url, _) = s.begin().await;
    s.post(&s.provider.response(&s.said(&url, "ada"))).await;
    s.w.node.retain().await;
    assert_eq!((count(&s.w, "sign_in_starts").await, count(&s.w, "saml_assertions").await), (1, 2));
    s.w.clock.pass(61);
    s.w.node.retain().await;
    assert_eq!((count(&s.w, "sign_in_starts").await, count(&s.w, "saml_assertions").await), (0, 2));
    // an assertion counts for 300 seconds, and the clocks may be 60 apart
    s.w.clock.pass(298);
    s.w.node.retain().await;
    assert_eq!(count(&s.w, "saml_assertions").await, 2);
    s.w.clock.pass(2);
    s.w.node.retain().await;
    assert_eq!(count(&s.w, "saml_assertions").await, 0);
}
