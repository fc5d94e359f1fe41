//! What the OpenID provider refuses, by the lines of the security checklist and of RFC 9700 (OAuth 2.0 Security Best Current Practice).
use serde_json::{Value, json};

use crate::world::pages::{Browser, HERE, send};
use crate::world::relying::*;
use crate::world::tables::count;
use crate::world::*;

both!(
    sec_09_answers_go_to_registered_addresses_only,
    sec_09_signing_out_leads_to_registered_addresses_only,
    sec_09_coming_back_from_signing_in_leads_to_pages_of_ours_only,
    sec_08_a_code_is_exchanged_once,
    sec_08_a_code_lasts_a_minute,
    sec_08_a_code_is_its_applications_own,
    sec_08_there_is_no_code_without_a_challenge_of_s256,
    sec_08_no_grant_falls_back_to_another,
    sec_08_a_refresh_token_that_comes_twice_ends_the_session_there,
    sec_15_who_guesses_at_applications_learns_nothing,
    sec_04_that_somebody_signed_in_again_is_not_to_be_claimed,
    sec_17_the_pages_are_in_no_frame,
    sec_13_what_is_echoed_is_escaped,
    sec_14_who_guesses_at_secrets_is_slowed_down,
    requests_that_make_no_sense_are_told_to_the_application,
);

async fn sec_09_answers_go_to_registered_addresses_only(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let native = relying(&w, json!({ "kind": "public", "redirect_uris": ["http://127.0.0.1/cb", CALLBACK] })).await;
    let b = Browser::of(&w, &ada.email).await;
    let known = b.get(&shop.request(&[("redirect_uri", "https://evil.example/")])).await.page(400);
    for bad in [
        "https://app.example.com/callback/",
        "https://app.example.com/callback?x=1",
        "https://app.example.com/callback#x",
        "https://app.example.com/callback/../callback",
        "https://app.example.com/%63allback",
        "https://APP.example.com/callback",
        "https://app.example.com:443/callback",
        "https://user@app.example.com/callback",
        "https://app.example.com@evil.example/callback",
        "https://app.example.com.evil.example/callback",
        "http://app.example.com/callback",
        "https://evil.example/?https://app.example.com/callback",
        "//app.example.com/callback",
        "javascript:alert(1)",
        "http://localhost:1/cb",
        "http://127.0.0.1:1/cb/../x",
        "http://127.0.0.1@evil.example/cb",
    ] {
        // so often a minute is nobody asked about
        w.clock.pass(10);
        for app in [&shop, &native] {
            for other in [("prompt", ""), ("prompt", "none"), ("response_type", "token"), ("code_challenge", "")] {
                let answer = b.get(&app.request(&[("redirect_uri", bad), other])).await;
                assert!(answer.header("location").is_none(), "{bad}");
                assert_eq!(answer.page(400), known, "{bad}");
            }
        }
    }
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example%2F", shop.request(&[]));
    assert_eq!(b.get(&twice).await.page(400), known);
    assert_eq!(b.get(&shop.request(&[("redirect_uri", "")])).await.page(400), known);
    assert_eq!(count(&w, "application_sessions").await, 0);
}

async fn sec_09_signing_out_leads_to_registered_addresses_only(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let other = relying(&w, json!({ "name": "Other", "post_logout_redirect_uris": ["https://other.example/"] })).await;
    for bad in [
        "https://evil.example/",
        "https://app.example.com/bye/",
        "https://app.example.com/bye?x",
        "https://app.example.com@evil.example/bye",
        "https://other.example/",
        CALLBACK,
        "//evil.example",
        "javascript:alert(1)",
    ] {
        let mut b = Browser::of(&w, &ada.email).await;
        let tokens = shop.tokens(&b, "openid").await;
        let hint = tokens["id_token"].as_str().unwrap();
        let fields = [("id_token_hint", hint), ("post_logout_redirect_uri", bad)];
        let at = format!("{}?{}", shop.at("oauth2/end-session"), query(&fields));
        b.get(&at).await.leads_to("/sign-in?tenant=acme&done=signed_out");
        let form = [("client_id", &*shop.id), ("post_logout_redirect_uri", bad)];
        b.form(&shop.at("oauth2/end-session/confirm"), &form).await.leads_to("/sign-in?tenant=acme&done=signed_out");
        // who speaks for one application and names another is neither
        let fields = [("id_token_hint", hint), ("client_id", &*other.id), ("post_logout_redirect_uri", bad)];
        let at = format!("{}?{}", shop.at("oauth2/end-session"), query(&fields));
        Browser::new(&w).get(&at).await.leads_to("/sign-in?tenant=acme&done=signed_out");
    }
    // a registered one either is no place to be led to by whoever proves nothing
    let bye = ("post_logout_redirect_uri", "https://app.example.com/bye");
    for proof in [("client_id", &*shop.id), ("id_token_hint", "eyJ.eyJ.x"), ("id_token_hint", w.owner_token())] {
        let at = format!("{}?{}", shop.at("oauth2/end-session"), query(&[proof, bye]));
        Browser::new(&w).get(&at).await.leads_to("/sign-in?tenant=acme&done=signed_out");
    }
}

async fn sec_09_coming_back_from_signing_in_leads_to_pages_of_ours_only(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    for bad in [
        "/t/acme/oauth2/end-session",
        "/t/acme/../x",
        "//evil.example/t/acme/device",
        "/t/acme/oauth2/token",
        "/t//device",
    ] {
        let mut b = Browser::new(&w);
        let form = [("email", &*ada.email), ("password", PASSWORD), ("tenant", "acme"), ("return_to", bad)];
        b.form("/sign-in", &form).await.leads_to("/account");
    }
}

async fn sec_08_a_code_is_exchanged_once(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let code = shop.code(&b, &[("scope", "openid offline_access")]).await;
    let tokens = shop.exchange(&code).await.expect(200);
    let untouched = shop.tokens(&b, "openid").await;
    let next = shop.refresh(&tokens["refresh_token"]).await.expect(200);
    oauth_refused(&shop.exchange(&code).await, 400, "invalid_grant");
    // and all that it gave has ended
    assert!(!shop.is_alive(&tokens).await && !shop.is_alive(&next).await);
    oauth_refused(&shop.refresh(&next["refresh_token"]).await, 400, "invalid_grant");
    assert!(shop.is_alive(&untouched).await);
    let events = w.events("action=application.code_reused").await;
    assert_eq!((events.len(), &events[0]["metadata"]["user_id"]), (1, &json!(ada.id)));
    // at once: one of them at most
    let code = shop.code(&b, &[]).await;
    let (x, y) = tokio::join!(shop.exchange(&code), shop.exchange(&code));
    assert!(x.status != 200 || y.status != 200, "{} {}", x.status, y.status);
}

async fn sec_08_a_code_lasts_a_minute(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let code = shop.code(&b, &[]).await;
    w.clock.pass(59);
    shop.exchange(&code).await.expect(200);
    let code = shop.code(&b, &[]).await;
    w.clock.pass(60);
    oauth_refused(&shop.exchange(&code).await, 400, "invalid_grant");
}

async fn sec_08_a_code_is_its_applications_own(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let other = relying(&w, json!({ "name": "Other" })).await;
    let public = relying(&w, json!({ "name": "Public", "kind": "public" })).await;
    let b = Browser::of(&w, &ada.email).await;
    let code = shop.code(&b, &[]).await;
    for thief in [&other, &public] {
        oauth_refused(&thief.exchange(&code).await, 400, "invalid_grant");
    }
    // which spent nothing of it
    let tokens = shop.exchange(&code).await.expect(200);
    for thief in [&other, &public] {
        oauth_refused(&thief.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
    }
    assert!(shop.is_alive(&tokens).await);
    // another address, another verifier: and then the code is gone
    for change in [
        ("redirect_uri", "https://app.example.com/other"),
        ("code_verifier", "x".repeat(43).as_str()),
        ("code_verifier", CHALLENGE),
    ] {
        let code = shop.code(&b, &[]).await;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(name, _)| *name != change.0);
        fields.push(change);
        oauth_refused(&shop.post("oauth2/token", &fields).await, 400, "invalid_grant");
        oauth_refused(&shop.exchange(&code).await, 400, "invalid_grant");
    }
    let events = w.events("action=application.code_refused").await;
    let why: Vec<&str> = events.iter().map(|e| e["metadata"]["cause"].as_str().unwrap()).collect();
    assert_eq!(why, ["code_verifier", "code_verifier", "redirect_uri"]);
    assert!(events.iter().all(|e| e["resource_id"] == json!(shop.id) && e["metadata"]["user_id"] == json!(ada.id)));
}

async fn sec_08_there_is_no_code_without_a_challenge_of_s256(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    for change in [
        vec![("code_challenge", ""), ("code_challenge_method", "")],
        vec![("code_challenge", "")],
        vec![("code_challenge_method", "")],
        vec![("code_challenge_method", "plain")],
        vec![("code_challenge", VERIFIER), ("code_challenge_method", "plain")],
        vec![("code_challenge_method", "s256")],
        vec![("code_challenge", "short")],
    ] {
        let url = b.get(&shop.request(&change)).await.header("location").unwrap().to_owned();
        assert_eq!(said(&url, "error").as_deref(), Some("invalid_request"), "{change:?}");
        assert!(said(&url, "code").is_none());
    }
    // nor are there tokens without the verifier
    let code = shop.code(&b, &[]).await;
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", CALLBACK)];
    oauth_refused(&shop.post("oauth2/token", &fields).await, 400, "invalid_request");
}

async fn sec_08_no_grant_falls_back_to_another(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid").await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let code = shop.code(&b, &[]).await;
    let post = |fields: Vec<(&'static str, String)>| {
        let shop = shop.clone();
        async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
            shop.post("oauth2/token", &fields).await
        }
    };
    for (grant, error) in [
        ("password", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        ("device_code", "unsupported_grant_type"),
        ("client_credentials", "unauthorized_client"),
        ("urn:ietf:params:oauth:grant-type:device_code", "unauthorized_client"),
    ] {
        let (code, refresh) = (code.clone(), refresh.to_owned());
        let device = ("device_code", "pcd_x".to_owned());
        let fields = vec![("grant_type", grant.to_owned()), ("code", code), ("refresh_token", refresh), device];
        oauth_refused(&post(fields).await, 400, error);
    }
    oauth_refused(&post(vec![("code", code.clone())]).await, 400, "invalid_request");
    // a token of one kind is none of another
    for (grant, name, value) in [
        ("refresh_token", "refresh_token", code.clone()),
        ("refresh_token", "refresh_token", tokens["access_token"].as_str().unwrap().to_owned()),
        ("authorization_code", "code", refresh.to_owned()),
    ] {
        let fields = vec![
            ("grant_type", grant.to_owned()),
            (name, value),
            ("redirect_uri", CALLBACK.into()),
            ("code_verifier", VERIFIER.into()),
        ];
        oauth_refused(&post(fields).await, 400, "invalid_grant");
    }
    let twice = vec![
        ("grant_type", "refresh_token".to_owned()),
        ("grant_type", "authorization_code".to_owned()),
        ("refresh_token", refresh.to_owned()),
    ];
    oauth_refused(&post(twice).await, 400, "invalid_request");
    let here = json!({ "refresh_token": refresh });
    w.anonymous().post("/v1/auth/refresh", here).await.refused(401, "unauthenticated");
    shop.exchange(&code).await.expect(200);
}

async fn sec_08_a_refresh_token_that_comes_twice_ends_the_session_there(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let (first, untouched) = (shop.tokens(&b, "openid offline_access").await, shop.tokens(&b, "openid").await);
    let mut last = first.clone();
    for _ in 0..3 {
        last = shop.refresh(&last["refresh_token"]).await.expect(200);
    }
    oauth_refused(&shop.refresh(&first["refresh_token"]).await, 400, "invalid_grant");
    oauth_refused(&shop.refresh(&last["refresh_token"]).await, 400, "invalid_grant");
    assert!(!shop.is_alive(&last).await && shop.is_alive(&untouched).await);
    let events = w.events("action=application.refresh_reused").await;
    assert_eq!((events.len(), &events[0]["resource_id"]), (1, &json!(shop.id)));
    // a scope that was never given is no way to learn whether the family lives
    let first = shop.tokens(&b, "openid").await;
    let last = shop.refresh(&first["refresh_token"]).await.expect(200);
    let asked = |token: &Value| {
        vec![
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", token["refresh_token"].as_str().unwrap().to_owned()),
            ("scope", "openid roles".to_owned()),
        ]
    };
    let refused = async |token: &Value, error: &str| {
        let fields = asked(token);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        oauth_refused(&shop.post("oauth2/token", &fields).await, 400, error);
    };
    refused(&last, "invalid_scope").await;
    assert!(shop.is_alive(&last).await);
    refused(&first, "invalid_grant").await;
    assert!(!shop.is_alive(&last).await);
}

async fn sec_15_who_guesses_at_applications_learns_nothing(w: World) {
    let shop = relying(&w, json!({})).await;
    let public = relying(&w, json!({ "kind": "public" })).await;
    let b = Browser::new(&w);
    let mut pages = vec![];
    for id in [&*shop.id, NOBODY, "shop", ""] {
        let app = Relying { id: id.into(), ..shop.clone() };
        pages.push(b.get(&app.request(&[("redirect_uri", "https://elsewhere.example/")])).await.page(400));
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    let good = shop.secret.clone().unwrap();
    let mut answers = vec![];
    for (id, secret) in [
        (&*shop.id, Some("pca_wrong".to_owned())),
        (&*shop.id, Some(format!("{}{}{}", &good[..20], if &good[20..21] == "A" { "B" } else { "A" }, &good[21..]))),
        (&*shop.id, None),
        (&*public.id, Some(good.clone())),
        (NOBODY, Some(good.clone())),
        (NOBODY, None),
        ("shop", None),
    ] {
        let mut fields = vec![("grant_type", "client_credentials"), ("client_id", id)];
        fields.extend(secret.as_deref().map(|s| ("client_secret", s)));
        let answer = send(&w.anonymous(), &shop.at("oauth2/token"), &fields).await;
        oauth_refused(&answer, 401, "invalid_client");
        answers.push(answer.text());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

async fn sec_04_that_somebody_signed_in_again_is_not_to_be_claimed(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let other = relying(&w, json!({ "name": "Other" })).await;
    let mut b = Browser::of(&w, &ada.email).await;
    w.clock.pass(60);
    let ask = shop.request(&[("prompt", "login")]);
    let sent = b.get(&ask).await.header("location").unwrap().to_owned();
    let back = said(&format!("{HERE}{sent}"), "return_to").unwrap();
    let stamp = said(&format!("{HERE}{back}"), "signed_in_after").unwrap();
    let (at, tag) = stamp.split_once('.').unwrap();
    let huge = format!("{}.{tag}", i64::MAX);
    let least = format!("{}.{tag}", i64::MIN);
    let earlier = format!("{}.{tag}", at.parse::<i64>().unwrap() - 3_600_000_000);
    for forged in
        ["0", "-9223372036854775808", "9223372036854775807", &huge, &least, &earlier, &format!("{at}."), at, ""]
    {
        let answer = b.get(&format!("{ask}&{}", query(&[("signed_in_after", forged)]))).await;
        assert!(answer.header("location").unwrap().starts_with("/sign-in?"), "{forged}: {}", answer.text());
    }
    // who has not signed in since is asked again, and again by what is true
    let answer = b.get(&back).await;
    assert!(answer.header("location").unwrap().starts_with("/sign-in?"));
    let form = [("email", &*ada.email), ("password", PASSWORD), ("tenant", "acme"), ("return_to", &*back)];
    b.form("/sign-in", &form).await.leads_to(&back);
    // it was for this request, and for now
    for another in [other.request(&[("prompt", "login")]), shop.request(&[("prompt", "login"), ("scope", "openid")])] {
        let answer = b.get(&format!("{another}&{}", query(&[("signed_in_after", &stamp)]))).await;
        assert!(answer.header("location").unwrap().starts_with("/sign-in?"), "{}", answer.text());
    }
    let answer = b.get(&back).await.header("location").unwrap().to_owned();
    assert!(said(&answer, "code").is_some(), "{answer}");
    w.clock.pass(601);
    assert!(b.get(&back).await.header("location").unwrap().starts_with("/sign-in?"));
}

async fn sec_17_the_pages_are_in_no_frame(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let shop = relying(
        &w,
        json!({ "third_party": true, "grants": ["authorization_code", "device_code"], "scopes": ["openid"] }),
    )
    .await;
    let mut b = Browser::of(&w, &ada.email).await;
    let device = shop.post("oauth2/device_authorization", &[]).await.expect(200);
    let code = device["user_code"].as_str().unwrap().to_owned();
    let mut pages = vec![];
    for path in [
        shop.request(&[("scope", "openid")]),
        shop.request(&[("redirect_uri", "https://evil.example/")]),
        shop.at("oauth2/end-session"),
        shop.at("device"),
    ] {
        pages.push(b.get(&path).await);
    }
    pages.push(b.form(&shop.at("device"), &[("user_code", &code)]).await);
    pages.push(
        b.client
            .with("sec-fetch-site", "same-origin")
            .get(&shop.request(&[("prompt", "none"), ("scope", "openid")]))
            .await,
    );
    for page in pages {
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!((page.header("x-frame-options"), page.header("cache-control")), (Some("DENY"), Some("no-store")));
        assert!(!page.text().contains("<script") && page.text().contains("<h1>"), "{}", page.text());
    }
}

async fn sec_13_what_is_echoed_is_escaped(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let shop = relying(&w, json!({ "third_party": true, "name": "<b>Shop</b> & {email}" })).await;
    let b = Browser::of(&w, &ada.email).await;
    let state = "\"><script>alert(1)</script>&code=stolen&iss=x#\r\nset-cookie: a=b";
    let page = b.get(&shop.request(&[("state", state)])).await.page(200);
    assert!(!page.contains("<script") && !page.contains("<b>Shop") && page.contains("&#60;b&#62;Shop"), "{page}");
    let url =
        b.get(&shop.request(&[("state", state), ("prompt", "none")])).await.header("location").unwrap().to_owned();
    assert_eq!((said(&url, "state").as_deref(), said(&url, "iss")), (Some(state), Some(shop.issuer())));
    assert!(said(&url, "code").is_none() && !url.contains('#') && !url.contains('\n'), "{url}");
    let hint = Browser::new(&w).get(&shop.request(&[("login_hint", "\"><script>")])).await;
    assert!(!b.get(hint.header("location").unwrap()).await.text().contains("<script"));
    let bye = b
        .get(&format!("{}?{}", shop.at("oauth2/end-session"), query(&[("client_id", &shop.id), ("state", state)])))
        .await;
    assert!(!bye.page(200).contains("<script"));
}

async fn sec_14_who_guesses_at_secrets_is_slowed_down(engine: Engine) {
    let edge = portcullis_edge::EdgeConfig { auth_per_minute: 20, access_log: false, ..Default::default() };
    let w = World::on(engine, Options { edge, ..Options::default() }).await;
    let shop = relying(&w, json!({ "grants": ["client_credentials"], "redirect_uris": [], "scopes": ["a"] })).await;
    let wrong = Relying { secret: Some("pca_wrong".into()), ..shop.clone() };
    let ask = [("grant_type", "client_credentials")];
    // who proves who they are is not counted
    for _ in 0..40 {
        shop.post("oauth2/token", &ask).await.expect(200);
    }
    let mut last = wrong.post("oauth2/token", &ask).await;
    for _ in 0..30 {
        last = wrong.post("oauth2/token", &ask).await;
    }
    oauth_refused(&last, 429, "temporarily_unavailable");
    assert!(last.header("retry-after").is_some());
}

async fn requests_that_make_no_sense_are_told_to_the_application(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let machine = relying(&w, json!({ "grants": ["client_credentials"], "scopes": ["openid", "a"] })).await;
    let b = Browser::of(&w, &ada.email).await;
    for (change, error) in [
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_type", "code id_token")], "unsupported_response_type"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("response_mode", "form_post")], "invalid_request"),
        (vec![("request", "eyJ")], "request_not_supported"),
        (vec![("request_uri", "https://app.example.com/r")], "request_uri_not_supported"),
        (vec![("registration", "{}")], "registration_not_supported"),
        (vec![("prompt", "none login")], "invalid_request"),
        (vec![("prompt", "dance")], "invalid_request"),
        (vec![("max_age", "-1")], "invalid_request"),
        (vec![("max_age", "soon")], "invalid_request"),
        (vec![("scope", "")], "invalid_scope"),
        (vec![("scope", "admin")], "invalid_scope"),
    ] {
        let url = b.get(&shop.request(&change)).await.header("location").unwrap().to_owned();
        assert!(url.starts_with(CALLBACK), "{url}");
        assert_eq!(said(&url, "error").as_deref(), Some(error), "{change:?}");
        assert_eq!((said(&url, "state").as_deref(), said(&url, "iss")), (Some("s-1"), Some(shop.issuer())));
    }
    let url = b.get(&machine.request(&[])).await.header("location").unwrap().to_owned();
    assert_eq!(said(&url, "error").as_deref(), Some("unauthorized_client"));
    b.get(&shop.request(&[("state", &"x".repeat(4_000))])).await.page(400);
}
