//! Signing in to an application through this server (decision 15; OpenID Connect Core 1.0, RFC 6749, 7636, 9207). What is refused is in
//! `provider_refusals.rs`, consent in `provider_consent.rs`, devices and machines in `provider_devices.rs`.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::world::pages::{Browser, HERE, send};
use crate::world::relying::*;
use crate::world::*;

both!(
    the_metadata_says_where_everything_is,
    somebody_signs_in_to_an_application,
    who_is_not_signed_in_signs_in_and_comes_back,
    a_request_may_be_a_form,
    a_browser_that_came_from_a_form_is_led_on_by_a_page,
    prompts_and_ages_are_kept,
    nobody_else_is_told_than_whom_the_hint_names,
    scopes_say_what_is_told,
    a_refresh_token_brings_the_next,
    tokens_end_with_the_session_unless_they_are_offline,
    a_public_application_proves_itself_by_its_verifier,
    pages_of_other_origins_may_call,
    a_token_is_looked_at_and_ended_by_its_application,
    signing_out_is_for_who_proves_it_or_is_asked,
    a_secret_is_replaced_without_a_break,
    who_signed_in_where_is_in_the_log,
    what_has_ended_is_forgotten,
);

async fn the_metadata_says_where_everything_is(w: World) {
    let doc = w.anonymous().get("/t/acme/.well-known/openid-configuration").await;
    assert_eq!(doc.header("cache-control"), Some("max-age=300"));
    assert_eq!(doc.header("access-control-allow-origin"), Some("*"));
    let doc = doc.expect(200);
    assert_eq!(doc["issuer"], format!("{HERE}/t/acme"));
    assert_eq!(doc["id_token_signing_alg_values_supported"], json!(["EdDSA"]));
    assert_eq!(doc["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(doc["response_types_supported"], json!(["code"]));
    assert_eq!(doc["authorization_response_iss_parameter_supported"], true);
    assert_eq!(w.anonymous().get("/.well-known/oauth-authorization-server/t/acme").await.expect(200), doc);
    for (name, url) in doc.as_object().unwrap() {
        let Some(path) = url.as_str().and_then(|url| url.strip_prefix(HERE)) else { continue };
        let answer = w.anonymous().get(path).await;
        assert!(name == "issuer" || answer.status != 404, "{name}: {}", answer.status);
    }
    let keys = w.anonymous().get("/t/acme/jwks").await.expect(200);
    assert_eq!(keys["keys"][0]["alg"], "EdDSA");
    for nowhere in ["/t/nobody/.well-known/openid-configuration", "/t/nobody/jwks", "/t/%00/jwks", "/t/ACME/jwks"] {
        oauth_refused(&w.anonymous().get(nowhere).await, 404, "not_found");
    }
}

async fn somebody_signs_in_to_an_application(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let answer = b.get(&shop.request(&[])).await;
    assert_eq!(answer.status, 303);
    let url = answer.header("location").unwrap().to_owned();
    assert!(url.starts_with("https://app.example.com/callback?"), "{url}");
    assert_eq!((said(&url, "state").as_deref(), said(&url, "iss")), (Some("s-1"), Some(shop.issuer())));
    let tokens = shop.exchange(&said(&url, "code").unwrap()).await;
    assert_eq!(
        (tokens.header("cache-control"), tokens.header("content-type")),
        (Some("no-store"), Some("application/json"))
    );
    let tokens = tokens.expect(200);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3_600)));
    assert_eq!(tokens["scope"], "openid profile email");

    let (header, id) = shop.read(&tokens["id_token"]).await;
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("JWT")));
    assert_eq!((&id["iss"], &id["aud"], &id["sub"]), (&json!(shop.issuer()), &json!(shop.id), &json!(ada.id)));
    assert_eq!(
        (&id["nonce"], &id["amr"], &id["acr"]),
        (&json!("n-1"), &json!(["pwd"]), &json!("urn:portcullis:acr:1"))
    );
    assert_eq!(id["exp"].as_i64().unwrap() - id["iat"].as_i64().unwrap(), 3_600);
    assert!(id["auth_time"].as_i64().unwrap() <= id["iat"].as_i64().unwrap() && id["sid"].is_string());
    assert_eq!((&id["email"], &id["email_verified"], &id["name"]), (&json!(ada.email), &json!(false), &json!("Ada")));
    let access = tokens["access_token"].as_str().unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, access.as_bytes());
    assert_eq!(id["at_hash"], URL_SAFE_NO_PAD.encode(&digest.as_ref()[..32]));

    let (header, claims) = shop.read(&tokens["access_token"]).await;
    assert_eq!(
        (&header["typ"], &claims["aud"], &claims["client_id"]),
        (&json!("at+jwt"), &json!(shop.id), &json!(shop.id))
    );
    let info = shop.userinfo(&tokens["access_token"]).await.expect(200);
    assert_eq!(
        (&info["sub"], &info["email"], &info["preferred_username"]),
        (&id["sub"], &id["email"], &id["preferred_username"])
    );
    let by = shop.client.with("authorization", format!("Bearer {access}"));
    assert_eq!(
        by.with("content-type", "application/x-www-form-urlencoded")
            .send("POST", &shop.at("oauth2/userinfo"), b"")
            .await
            .expect(200),
        info
    );
}

async fn who_is_not_signed_in_signs_in_and_comes_back(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let mut b = Browser::new(&w);
    let sent = b.get(&shop.request(&[("login_hint", &ada.email)])).await;
    assert_eq!(sent.status, 303);
    let page = b.get(sent.header("location").unwrap()).await.page(200);
    assert!(page.contains("Sign in to Acme") && page.contains(&ada.email), "{page}");
    let back = sign_in_from(&mut b, &sent, &ada.email).await;
    let back = back.header("location").unwrap().to_owned();
    assert!(back.starts_with("/t/acme/oauth2/authorize?"), "{back}");
    let url = b.get(&back).await.header("location").unwrap().to_owned();
    shop.exchange(&said(&url, "code").unwrap()).await.expect(200);
    // the next time nothing is asked
    shop.code(&b, &[]).await;
}

async fn a_request_may_be_a_form(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let request = shop.request(&[]);
    let (path, query) = request.split_once('?').unwrap();
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    // of another origin, and without the cookie, as a browser sends it
    let elsewhere = w.anonymous().with("origin", "https://app.example.com");
    let answer = send(&elsewhere, path, &fields).await;
    answer.leads_to(&request);
    let url = b.get(answer.header("location").unwrap()).await.header("location").unwrap().to_owned();
    assert!(said(&url, "code").is_some(), "{url}");
}

async fn a_browser_that_came_from_a_form_is_led_on_by_a_page(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let page =
        b.client.with("sec-fetch-site", "same-origin").get(&shop.request(&[("state", "\"><script>")])).await.page(200);
    assert!(
        page.contains("http-equiv=\"refresh\"") && page.contains("https://app.example.com/callback?code=pco_"),
        "{page}"
    );
    assert!(!page.contains("<script"));
    assert_eq!(b.client.with("sec-fetch-site", "cross-site").get(&shop.request(&[])).await.status, 303);
}

async fn prompts_and_ages_are_kept(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let error = |answer: &Answer| said(answer.header("location").unwrap(), "error");
    let nobody = Browser::new(&w);
    let answer = nobody.get(&shop.request(&[("prompt", "none")])).await;
    assert_eq!(error(&answer).as_deref(), Some("login_required"));
    assert_eq!(said(answer.header("location").unwrap(), "iss"), Some(shop.issuer()));

    let mut b = Browser::of(&w, &ada.email).await;
    shop.code(&b, &[("prompt", "none")]).await;
    shop.code(&b, &[("max_age", "60")]).await;
    w.clock.pass(120);
    let old = b.get(&shop.request(&[("max_age", "60"), ("prompt", "none")])).await;
    assert_eq!(error(&old).as_deref(), Some("login_required"));
    for ask in [("max_age", "60"), ("max_age", "0"), ("prompt", "login"), ("prompt", "select_account")] {
        w.clock.pass(120);
        let sent = b.get(&shop.request(&[ask])).await;
        let back = sign_in_from(&mut b, &sent, &ada.email).await.header("location").unwrap().to_owned();
        let url = b.get(&back).await.header("location").unwrap().to_owned();
        let code = said(&url, "code").unwrap_or_else(|| panic!("{ask:?}: {url}"));
        let tokens = shop.exchange(&code).await.expect(200);
        let (_, id) = shop.read(&tokens["id_token"]).await;
        assert!(id["iat"].as_i64().unwrap() - id["auth_time"].as_i64().unwrap() < 60, "{ask:?}: {id}");
    }
    // who took their time on the way back has to again
    for (ask, again) in [(("max_age", "60"), true), (("max_age", "0"), true), (("max_age", "600"), false)] {
        w.clock.pass(700);
        let sent = b.get(&shop.request(&[ask])).await;
        let back = sign_in_from(&mut b, &sent, &ada.email).await.header("location").unwrap().to_owned();
        w.clock.pass(90);
        let to = b.get(&back).await.header("location").unwrap().to_owned();
        assert_eq!(to.starts_with("/sign-in?"), again, "{ask:?}: {to}");
    }
    // who came back signs in again for the next request, and an old way back opens nothing
    let sent = b.get(&shop.request(&[("prompt", "login")])).await;
    assert!(sent.header("location").unwrap().starts_with("/sign-in?"));
    let forged = b.get(&format!("{}&signed_in_after=0", shop.request(&[("prompt", "login")]))).await;
    assert!(forged.header("location").unwrap().starts_with("/sign-in?"));
}

async fn nobody_else_is_told_than_whom_the_hint_names(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let shop = relying(&w, json!({})).await;
    let mut b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid").await;
    let hint = ("id_token_hint", tokens["id_token"].as_str().unwrap());
    let error = |answer: &Answer| said(answer.header("location").unwrap(), "error");
    shop.code(&b, &[hint]).await;
    // one that has expired says so too
    w.clock.pass(4_000);
    shop.code(&b, &[hint, ("prompt", "none")]).await;
    let mut other = Browser::of(&w, &bob.email).await;
    let silent = other.get(&shop.request(&[hint, ("prompt", "none")])).await;
    assert_eq!(error(&silent).as_deref(), Some("login_required"));
    let sent = other.get(&shop.request(&[hint])).await;
    let back = sign_in_from(&mut other, &sent, &bob.email).await.header("location").unwrap().to_owned();
    assert_eq!(error(&other.get(&back).await).as_deref(), Some("login_required"));
    // the right one is asked for and comes
    let sent = other.get(&shop.request(&[hint])).await;
    let back = sign_in_from(&mut other, &sent, &ada.email).await.header("location").unwrap().to_owned();
    assert!(said(other.get(&back).await.header("location").unwrap(), "code").is_some());
    // what is no token of ours says nothing
    shop.code(&b, &[("id_token_hint", "x.y.z")]).await;
    b.form("/sign-out", &[]).await;
}

async fn scopes_say_what_is_told(w: World) {
    let (ada, shop) = (w.person("Ada", &["user", "approver"]).await, relying(&w, json!({})).await);
    let group = w.owner().post("/v1/groups", json!({ "name": "Finance" })).await.expect(201);
    let member = json!({ "user_id": ada.id });
    w.owner().post(&format!("/v1/groups/{}/members", group["id"].as_str().unwrap()), member).await.expect(201);
    let b = Browser::of(&w, &ada.email).await;
    let only = shop.tokens(&b, "openid").await;
    let (_, id) = shop.read(&only["id_token"]).await;
    for claim in ["email", "name", "roles", "groups", "given_name", "updated_at"] {
        assert!(id.get(claim).is_none(), "{claim}: {id}");
    }
    assert_eq!(shop.userinfo(&only["access_token"]).await.expect(200), json!({ "sub": ada.id }));
    let all = shop.tokens(&b, "openid roles groups email").await;
    let (_, id) = shop.read(&all["id_token"]).await;
    assert_eq!((&id["roles"], &id["groups"]), (&json!(["user", "approver"]), &json!(["Finance"])));
    assert_eq!(shop.userinfo(&all["access_token"]).await.expect(200)["groups"], json!(["Finance"]));
    // without openid it is OAuth alone
    let plain = shop.tokens(&b, "orders:read").await;
    assert!(plain.get("id_token").is_none());
    let told = shop.userinfo(&plain["access_token"]).await;
    oauth_refused(&told, 403, "insufficient_scope");
    // what is not registered is not given, and the answer says what was
    assert_eq!(shop.tokens(&b, "openid admin:everything").await["scope"], "openid");
}

async fn a_refresh_token_brings_the_next(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let mut tokens = shop.tokens(&b, "openid email").await;
    let (_, first) = shop.read(&tokens["id_token"]).await;
    for _ in 0..5 {
        w.clock.pass(1_000);
        let next = shop.refresh(&tokens["refresh_token"]).await.expect(200);
        assert_ne!(next["refresh_token"], tokens["refresh_token"]);
        tokens = next;
    }
    let (_, id) = shop.read(&tokens["id_token"]).await;
    for same in ["sub", "aud", "iss", "auth_time", "sid"] {
        assert_eq!(id[same], first[same], "{same}");
    }
    assert!(shop.is_alive(&tokens).await);
    let narrow = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("scope", "openid"),
    ];
    let tokens = shop.post("oauth2/token", &narrow).await.expect(200);
    assert_eq!(tokens["scope"], "openid");
    let wide = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("scope", "openid roles"),
    ];
    oauth_refused(&shop.post("oauth2/token", &wide).await, 400, "invalid_scope");
    // which spent nothing
    shop.refresh(&tokens["refresh_token"]).await.expect(200);
}

async fn tokens_end_with_the_session_unless_they_are_offline(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let mut b = Browser::of(&w, &ada.email).await;
    let (bound, offline) = (shop.tokens(&b, "openid").await, shop.tokens(&b, "openid offline_access").await);
    b.form("/sign-out", &[]).await;
    assert!(!shop.is_alive(&bound).await);
    oauth_refused(&shop.refresh(&bound["refresh_token"]).await, 400, "invalid_grant");
    assert!(shop.is_alive(&offline).await);
    let next = shop.refresh(&offline["refresh_token"]).await.expect(200);
    w.clock.pass(29 * 86_400);
    let next = shop.refresh(&next["refresh_token"]).await.expect(200);
    w.clock.pass(30 * 86_400);
    oauth_refused(&shop.refresh(&next["refresh_token"]).await, 400, "invalid_grant");
}

async fn a_public_application_proves_itself_by_its_verifier(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let app = relying(&w, json!({ "kind": "public", "redirect_uris": ["http://127.0.0.1/cb"] })).await;
    let mut b = Browser::of(&w, &ada.email).await;
    let page = b.get(&app.request(&[("redirect_uri", "http://127.0.0.1:49152/cb")])).await.page(200);
    let url = decide(&app, &mut b, &page, "allow").await.header("location").unwrap().to_owned();
    let code = said(&url, "code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", "http://127.0.0.1:49152/cb"),
        ("code_verifier", VERIFIER),
    ];
    let tokens = app.post("oauth2/token", &fields).await.expect(200);
    assert!(app.is_alive(&tokens).await);
    app.refresh(&tokens["refresh_token"]).await.expect(200);
}

async fn pages_of_other_origins_may_call(w: World) {
    let app = relying(&w, json!({ "kind": "public" })).await;
    let by = w.anonymous().with("origin", "https://app.example.com");
    let asked =
        by.with("access-control-request-method", "POST").with("access-control-request-headers", "authorization");
    for path in ["oauth2/token", "oauth2/revoke"] {
        let answer = asked.send("OPTIONS", &app.at(path), b"").await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("*")));
        assert!(answer.header("access-control-allow-headers").unwrap().contains("authorization"));
        assert!(answer.header("access-control-allow-credentials").is_none());
    }
    let refused = send(&by, &app.at("oauth2/token"), &[("grant_type", "x"), ("client_id", &app.id)]).await;
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    oauth_refused(&refused, 400, "unsupported_grant_type");
}

async fn a_token_is_looked_at_and_ended_by_its_application(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid email").await;
    let look = |token: &serde_json::Value| token.as_str().unwrap().to_owned();
    let (access, refresh) = (look(&tokens["access_token"]), look(&tokens["refresh_token"]));
    let seen = shop.post("oauth2/introspect", &[("token", &access)]).await.expect(200);
    assert_eq!((&seen["active"], &seen["sub"], &seen["client_id"]), (&json!(true), &json!(ada.id), &json!(shop.id)));
    assert_eq!(
        (&seen["scope"], &seen["token_type"], &seen["iss"]),
        (&json!("openid email"), &json!("Bearer"), &json!(shop.issuer()))
    );
    assert_eq!(seen["username"], json!(ada.email));
    let seen =
        shop.post("oauth2/introspect", &[("token", &refresh), ("token_type_hint", "access_token")]).await.expect(200);
    assert_eq!((&seen["active"], &seen["token_type"]), (&json!(true), &json!("refresh_token")));
    // the address is told where it was given only
    let plain = shop.tokens(&b, "openid profile").await;
    for name in ["access_token", "refresh_token"] {
        let seen = shop.post("oauth2/introspect", &[("token", &look(&plain[name]))]).await;
        assert!(!seen.text().contains(&ada.email) && seen.expect(200)["active"] == true, "{name}");
    }
    // another application learns nothing of it, and ends nothing
    let other = relying(&w, json!({ "name": "Other" })).await;
    for token in [&access, &refresh] {
        assert_eq!(other.post("oauth2/introspect", &[("token", token)]).await.expect(200), json!({ "active": false }));
        assert_eq!(other.post("oauth2/revoke", &[("token", token)]).await.status, 200);
    }
    assert!(shop.is_alive(&tokens).await);
    for dead in ["nonsense", w.owner_token(), w.service_key()] {
        assert_eq!(shop.post("oauth2/introspect", &[("token", dead)]).await.expect(200), json!({ "active": false }));
        assert_eq!(shop.post("oauth2/revoke", &[("token", dead)]).await.status, 200);
    }
    let answer = shop.post("oauth2/revoke", &[("token", &refresh), ("token_type_hint", "refresh_token")]).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(!shop.is_alive(&tokens).await);
    oauth_refused(&shop.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
    let again = shop.tokens(&b, "openid").await;
    shop.post("oauth2/revoke", &[("token", &look(&again["access_token"]))]).await;
    assert!(!shop.is_alive(&again).await);
    oauth_refused(&shop.refresh(&again["refresh_token"]).await, 400, "invalid_grant");
}

async fn signing_out_is_for_who_proves_it_or_is_asked(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let bye = "https://app.example.com/bye";
    let leave = |fields: &[(&str, &str)]| format!("{}?{}", shop.at("oauth2/end-session"), query(fields));
    let mut b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid").await;
    let hint = tokens["id_token"].as_str().unwrap();
    let at = leave(&[("id_token_hint", hint), ("post_logout_redirect_uri", bye), ("state", "x y")]);
    // an expired one still says who it was
    w.clock.pass(4_000);
    let answer = b.get(&at).await;
    answer.leads_to("https://app.example.com/bye?state=x+y");
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    b.get("/account").await.leads_to("/sign-in?return_to=%2Faccount&done=sign_in_first");
    assert!(!shop.is_alive(&tokens).await);
    // nobody is there: nothing to ask
    Browser::new(&w).get(&at).await.leads_to("https://app.example.com/bye?state=x+y");

    // of another session than this browser's, or without a hint: asked
    b = Browser::of(&w, &ada.email).await;
    for fields in [
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", bye)],
        vec![("client_id", &*shop.id), ("post_logout_redirect_uri", bye)],
        vec![],
    ] {
        let page = b.get(&leave(&fields)).await.page(200);
        assert!(page.contains("Sign out?") && page.contains(&shop.at("oauth2/end-session/confirm")), "{page}");
    }
    b.get("/account").await.page(200);
    let form = [("client_id", &*shop.id), ("post_logout_redirect_uri", bye)];
    b.form(&shop.at("oauth2/end-session/confirm"), &form).await.leads_to(bye);
    b.get("/account").await.leads_to("/sign-in?return_to=%2Faccount&done=sign_in_first");
    // as a form of the application's page
    let form = [("client_id", &*shop.id), ("state", "s")];
    let sent =
        send(&w.anonymous().with("origin", "https://app.example.com"), &shop.at("oauth2/end-session"), &form).await;
    sent.leads_to(&leave(&[("client_id", &shop.id), ("state", "s")]));
}

async fn a_secret_is_replaced_without_a_break(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let at = format!("/v1/applications/{}/rotate-secret", shop.id);
    let new = w.owner().post(&at, json!({ "overlap_seconds": 600 })).await.expect(200);
    let newer = Relying { secret: Some(new["client_secret"].as_str().unwrap().into()), ..shop.clone() };
    for app in [&shop, &newer] {
        let tokens = app.tokens(&b, "openid").await;
        app.refresh(&tokens["refresh_token"]).await.expect(200);
    }
    w.clock.pass(601);
    let code = shop.code(&b, &[]).await;
    oauth_refused(&shop.exchange(&code).await, 401, "invalid_client");
    newer.exchange(&code).await.expect(200);
    w.owner().post(&at, json!({})).await.expect(200);
    let code = shop.code(&b, &[]).await;
    oauth_refused(&newer.exchange(&code).await, 401, "invalid_client");
}

async fn who_signed_in_where_is_in_the_log(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    shop.tokens(&b, "openid email").await;
    let events = w.events("action=application.authorized").await;
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["actor_id"], &events[0]["resource_id"]), (&json!(ada.id), &json!(shop.id)));
    assert_eq!(
        (&events[0]["metadata"]["user_id"], &events[0]["metadata"]["scopes"]),
        (&json!(ada.id), &json!(["openid", "email"]))
    );
}

async fn what_has_ended_is_forgotten(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    shop.code(&b, &[]).await;
    shop.tokens(&b, "openid").await;
    assert_eq!(crate::world::tables::count(&w, "application_sessions").await, 2);
    w.clock.pass(8 * 86_400);
    w.node.retain().await;
    assert_eq!(crate::world::tables::count(&w, "application_sessions").await, 1, "the code that nobody used is gone");
    w.clock.pass(31 * 86_400);
    w.node.retain().await;
    assert_eq!(crate::world::tables::count(&w, "application_sessions").await, 0);
}
