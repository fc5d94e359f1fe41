//! What people allow applications of others (OpenID Connect Core 1.0 3.1.2.4): asked, remembered, shown, taken back.
use serde_json::json;

use crate::world::pages::{Browser, HERE, send, value};
use crate::world::relying::*;
use crate::world::tables::count;
use crate::world::*;

both!(
    an_application_of_others_asks_once,
    who_refuses_is_sent_back_without_anything,
    more_is_asked_for_anew,
    what_was_allowed_is_shown_and_taken_back,
    ones_own_applications_ask_nothing_and_are_shown,
    what_was_allowed_goes_with_whom_it_is_about,
    sec_17_consent_is_not_forged,
    sec_17_consent_is_for_what_was_shown,
    sec_08_one_that_becomes_somebody_elses_asks_for_what_it_was_given_unasked,
    sec_08_a_program_on_a_device_is_let_in_by_its_person_only,
);

async fn third_party(w: &World) -> (Relying, Browser) {
    third_party_of(w, "Ada").await
}
async fn third_party_of(w: &World, name: &str) -> (Relying, Browser) {
    let ada = w.person(name, &["user"]).await;
    let shop = relying(w, json!({ "third_party": true, "name": "Calendar" })).await;
    (shop, Browser::of(w, &ada.email).await)
}
async fn an_application_of_others_asks_once(w: World) {
    let (shop, mut b) = third_party(&w).await;
    let none = b.get(&shop.request(&[("prompt", "none")])).await;
    assert_eq!(said(none.header("location").unwrap(), "error").as_deref(), Some("consent_required"));
    let page = b.get(&shop.request(&[])).await.page(200);
    for line in ["Calendar asks for access", "see your name", "see your e-mail address", "ada@example.com"] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(!page.contains("see your roles"));
    let answer = decide(&shop, &mut b, &page, "allow").await;
    assert_eq!(answer.status, 303);
    let url = answer.header("location").unwrap().to_owned();
    assert_eq!(said(&url, "state").as_deref(), Some("s-1"));
    let tokens = shop.exchange(&said(&url, "code").unwrap()).await.expect(200);
    assert!(shop.is_alive(&tokens).await);
    // from here on it is remembered
    shop.code(&b, &[]).await;
    shop.code(&b, &[("prompt", "none"), ("scope", "openid email")]).await;
    b.get(&shop.request(&[("prompt", "consent")])).await.page(200);
    let events = w.events("action=application.consented").await;
    assert_eq!((events.len(), &events[0]["metadata"]["scopes"]), (1, &json!(["openid", "profile", "email"])));
    // of this person only
    let grace = w.person("Grace", &["user"]).await;
    Browser::of(&w, &grace.email).await.get(&shop.request(&[])).await.page(200);
}

async fn who_refuses_is_sent_back_without_anything(w: World) {
    let (shop, mut b) = third_party(&w).await;
    let page = b.get(&shop.request(&[])).await.page(200);
    for decision in ["deny", "", "perhaps"] {
        let url = decide(&shop, &mut b, &page, decision).await.header("location").unwrap().to_owned();
        assert_eq!((said(&url, "error").as_deref(), said(&url, "iss")), (Some("access_denied"), Some(shop.issuer())));
    }
    assert_eq!((count(&w, "application_consents").await, count(&w, "application_sessions").await), (0, 0));
}

async fn more_is_asked_for_anew(w: World) {
    let (shop, mut b) = third_party(&w).await;
    let page = b.get(&shop.request(&[("scope", "openid")])).await.page(200);
    decide(&shop, &mut b, &page, "allow").await;
    let page = b.get(&shop.request(&[("scope", "openid email offline_access")])).await.page(200);
    assert!(page.contains("keep its access when you sign out"));
    decide(&shop, &mut b, &page, "allow").await;
    shop.code(&b, &[("scope", "openid email")]).await;
    shop.code(&b, &[("scope", "openid offline_access")]).await;
    b.get(&shop.request(&[("scope", "openid roles")])).await.page(200);
}

async fn what_was_allowed_is_shown_and_taken_back(w: World) {
    let (shop, mut b) = third_party(&w).await;
    assert!(b.get("/account/applications").await.page(200).contains("You are signed in to no application."));
    let page = b.get(&shop.request(&[("scope", "openid email offline_access")])).await.page(200);
    let url = decide(&shop, &mut b, &page, "allow").await.header("location").unwrap().to_owned();
    let tokens = shop.exchange(&said(&url, "code").unwrap()).await.expect(200);
    let page = b.get("/account/applications").await.page(200);
    assert!(
        page.contains("Calendar") && page.contains("see your e-mail address") && page.contains("Allowed on"),
        "{page}"
    );
    // nobody else takes it back
    let grace = w.person("Grace", &["user"]).await;
    let path = format!("/account/applications/{}/leave", shop.id);
    Browser::of(&w, &grace.email).await.form(&path, &[]).await.leads_to("/account/applications?done=application_left");
    assert!(shop.is_alive(&tokens).await);
    b.form(&path, &[]).await.leads_to("/account/applications?done=application_left");
    assert!(!shop.is_alive(&tokens).await);
    oauth_refused(&shop.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
    let page = b.get("/account/applications?done=application_left").await.page(200);
    assert!(page.contains("what you allowed is taken back") && !page.contains("Calendar"));
    b.get(&shop.request(&[])).await.page(200);
    let left = w.events("action=application.left").await;
    assert_eq!((left.len(), &left[0]["metadata"]["consent"]), (1, &json!(true)));
}

async fn ones_own_applications_ask_nothing_and_are_shown(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({ "name": "Intranet" })).await);
    let mut b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid").await;
    shop.code(&b, &[("prompt", "consent")]).await;
    assert!(b.get("/account/applications").await.page(200).contains("Intranet"));
    b.form(&format!("/account/applications/{}/leave", shop.id), &[]).await;
    assert!(!shop.is_alive(&tokens).await);
    assert!(!b.get("/account/applications").await.page(200).contains("Intranet"));
}

async fn what_was_allowed_goes_with_whom_it_is_about(w: World) {
    let (other, mut a) = third_party_of(&w, "Bea").await;
    let (shop, mut b) = third_party(&w).await;
    for (shop, b) in [(&other, &mut a), (&shop, &mut b)] {
        let page = b.get(&shop.request(&[])).await.page(200);
        decide(shop, b, &page, "allow").await;
    }
    assert_eq!(count(&w, "application_consents").await, 2);
    w.owner().delete(&format!("/v1/applications/{}", shop.id)).await;
    assert!(!b.get("/account/applications").await.page(200).contains("Calendar"));
    w.node.retain().await;
    assert_eq!(count(&w, "application_consents").await, 1);
    assert!(a.get("/account/applications").await.page(200).contains("Calendar"));
}

async fn sec_08_one_that_becomes_somebody_elses_asks_for_what_it_was_given_unasked(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({ "name": "Calendar" })).await);
    let mut b = Browser::of(&w, &ada.email).await;
    let (bound, offline) = (shop.tokens(&b, "openid").await, shop.tokens(&b, "openid offline_access email").await);
    let code = shop.code(&b, &[]).await;
    let at = format!("/v1/applications/{}", shop.id);
    w.owner().patch(&at, json!({ "third_party": true })).await.expect(200);
    for tokens in [&bound, &offline] {
        assert!(!shop.is_alive(tokens).await);
        oauth_refused(&shop.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
    }
    oauth_refused(&shop.exchange(&code).await, 400, "invalid_grant");
    let none = b.get(&shop.request(&[("prompt", "none")])).await;
    assert_eq!(said(none.header("location").unwrap(), "error").as_deref(), Some("consent_required"));
    // what is allowed from here on counts, and no more than that
    let page = b.get(&shop.request(&[("scope", "openid")])).await.page(200);
    let url = decide(&shop, &mut b, &page, "allow").await.header("location").unwrap().to_owned();
    let tokens = shop.exchange(&said(&url, "code").unwrap()).await.expect(200);
    assert!(shop.is_alive(&tokens).await);
    assert_eq!(shop.userinfo(&offline["access_token"]).await.expect(200), json!({ "sub": ada.id }));
    // that there and back does not make what was given unasked count
    w.owner().patch(&at, json!({ "third_party": false })).await.expect(200);
    let unasked = shop.tokens(&b, "openid roles").await;
    assert_eq!(shop.userinfo(&unasked["access_token"]).await.expect(200)["roles"], json!(["user"]));
    w.owner().patch(&at, json!({ "third_party": true })).await.expect(200);
    assert_eq!(shop.userinfo(&unasked["access_token"]).await.expect(200), json!({ "sub": ada.id }));
}

async fn sec_08_a_program_on_a_device_is_let_in_by_its_person_only(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let uris = json!(["http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost:3000/cb", CALLBACK]);
    let app = relying(&w, json!({ "name": "Terminal", "kind": "public", "redirect_uris": uris })).await;
    let server = relying(&w, json!({ "redirect_uris": uris })).await;
    let mut b = Browser::of(&w, &ada.email).await;
    for uri in ["http://127.0.0.1:49152/cb", "http://127.0.0.1/cb", "http://[::1]:4711/cb", "http://localhost:3000/cb"]
    {
        // each time, however often it was allowed
        for _ in 0..2 {
            let none = b.get(&app.request(&[("redirect_uri", uri), ("prompt", "none")])).await;
            assert_eq!(said(none.header("location").unwrap(), "error").as_deref(), Some("consent_required"), "{uri}");
            let page = b.get(&app.request(&[("redirect_uri", uri)])).await.page(200);
            assert!(page.contains("any program could say so") && page.contains("Terminal"), "{page}");
            let url = decide(&app, &mut b, &page, "allow").await.header("location").unwrap().to_owned();
            assert!(url.starts_with(uri) && said(&url, "code").is_some(), "{url}");
        }
    }
    // one that proves itself otherwise asks nothing
    app.code(&b, &[]).await;
    server.code(&b, &[("redirect_uri", "http://localhost:3000/cb")]).await;
}

async fn sec_17_consent_is_not_forged(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let shop = relying(&w, json!({ "third_party": true })).await;
    let mut b = Browser::of(&w, &ada.email).await;
    let request = shop.request(&[]).split_once('?').unwrap().1.to_owned();
    let form = [("request", &*request), ("decision", "allow")];
    for origin in [None, Some("https://evil.example"), Some("null"), Some("https://app.example.com")] {
        let by = origin.map_or(b.client.clone(), |origin| b.client.with("origin", origin));
        let answer = send(&by, &shop.at("oauth2/consent"), &form).await;
        assert_eq!((answer.status, answer.header("location")), (403, None), "{origin:?}");
    }
    assert_eq!(count(&w, "application_consents").await, 0);
    // no answer to another request than the one that is registered
    let other = shop.request(&[("redirect_uri", "https://evil.example/")]).split_once('?').unwrap().1.to_owned();
    for decision in ["allow", "deny"] {
        let form = [("request", &*other), ("decision", decision)];
        let answer = b.form(&shop.at("oauth2/consent"), &form).await;
        assert!(answer.header("location").is_none());
        answer.page(400);
    }
    // who has signed out meanwhile allows nothing
    let late = b.clone();
    b.form("/sign-out", &[]).await;
    let answer = send(&late.client.with("origin", HERE), &shop.at("oauth2/consent"), &form).await;
    assert!(answer.header("location").unwrap().starts_with("/sign-in?tenant=acme"), "{}", answer.text());
    assert_eq!(count(&w, "application_consents").await, 0);
}

async fn sec_17_consent_is_for_what_was_shown(w: World) {
    let (ada, eve) = (w.person("Ada", &["user"]).await, w.person("Eve", &["user"]).await);
    let shop = relying(&w, json!({ "third_party": true })).await;
    let other = relying(&w, json!({ "third_party": true, "name": "Other" })).await;
    let mut b = Browser::of(&w, &ada.email).await;
    let of = |app: &Relying, change: &[(&str, &str)]| app.request(change).split_once('?').unwrap().1.to_owned();
    let request = of(&shop, &[("scope", "openid")]);
    let page = b.get(&shop.request(&[("scope", "openid")])).await.page(200);
    let shown = value(&page, "shown");
    let mut eves = Browser::of(&w, &eve.email).await;
    let theirs = value(&eves.get(&shop.request(&[("scope", "openid")])).await.page(200), "shown");
    let old = value(&b.get(&other.request(&[("scope", "openid")])).await.page(200), "shown");
    let (wider, place) = (of(&shop, &[("scope", "openid roles")]), of(&shop, &[("scope", "openid"), ("state", "s-2")]));
    let elsewhere = of(&other, &[("scope", "openid")]);
    let past = format!("1.{}", shown.split_once('.').unwrap().1);
    for (app, request, shown) in [
        (&shop, &request, ""),
        (&shop, &request, "nonsense"),
        (&shop, &request, &*past),
        (&shop, &request, &*theirs),
        (&shop, &request, &*old),
        (&shop, &wider, &*shown),
        (&shop, &place, &*shown),
        (&other, &elsewhere, &*shown),
    ] {
        let form = [("request", &**request), ("shown", shown), ("decision", "allow")];
        let again = b.form(&app.at("oauth2/consent"), &form).await.page(200);
        assert!(again.contains("asks for access"), "{again}");
    }
    // one that is another application by now, and one that was shown too long ago
    w.owner().patch(&format!("/v1/applications/{}", shop.id), json!({ "name": "Your bank" })).await.expect(200);
    let form = [("request", &*request), ("shown", &*shown), ("decision", "allow")];
    let page = b.form(&shop.at("oauth2/consent"), &form).await.page(200);
    assert!(page.contains("Your bank asks for access"), "{page}");
    let shown = value(&page, "shown");
    eves.form(&shop.at("oauth2/consent"), &[("request", &request), ("shown", &shown), ("decision", "allow")])
        .await
        .page(200);
    w.clock.pass(3_601);
    let late = [("request", &*request), ("shown", &*shown), ("decision", "allow")];
    let page = b.form(&shop.at("oauth2/consent"), &late).await.page(200);
    assert_eq!((count(&w, "application_consents").await, count(&w, "application_sessions").await), (0, 0));
    let answer = decide(&shop, &mut b, &page, "allow").await;
    assert!(said(answer.header("location").unwrap(), "code").is_some());
    assert_eq!(count(&w, "application_consents").await, 1);
}
