//! Applications for themselves (RFC 6749 4.4), and devices that a person confirms elsewhere (RFC 8628).
use serde_json::{Value, json};

use crate::world::pages::{Browser, send, value};
use crate::world::relying::*;
use crate::world::tables::count;
use crate::world::*;

both!(
    an_application_gets_a_token_for_itself,
    a_device_is_let_in_by_a_person,
    a_device_that_asks_too_often_waits_longer,
    a_device_that_nobody_confirms_or_somebody_refuses_gets_nothing,
    sec_08_a_devices_code_is_its_own_and_used_once,
    sec_17_a_device_is_not_confirmed_by_a_link_or_a_foreign_form,
    sec_02_a_device_of_another_tenant_is_not_there,
    sec_14_codes_of_devices_are_guessed_seldom,
    sec_14_devices_wait_in_bounds,
    sec_14_who_asks_without_waiting_is_not_heard,
    sec_14_questions_of_devices_are_counted_before_anything_is_looked_up,
    sec_17_a_device_is_let_in_as_it_was_shown,
);

async fn television(w: &World) -> Relying {
    let change = json!({
        "name": "Television", "kind": "public", "redirect_uris": [], "grants": ["device_code", "refresh_token"],
        "scopes": ["openid", "email", "offline_access"],
    });
    relying(w, change).await
}
async fn begin(tv: &Relying) -> (Value, String) {
    let begun = tv.post("oauth2/device_authorization", &[("scope", "openid email")]).await.expect(200);
    let code = begun["user_code"].as_str().unwrap().to_owned();
    (begun, code)
}
async fn poll(tv: &Relying, begun: &Value) -> Answer {
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    tv.post("oauth2/token", &[("grant_type", grant), ("device_code", begun["device_code"].as_str().unwrap())]).await
}

async fn an_application_gets_a_token_for_itself(w: World) {
    let machine = json!({ "grants": ["client_credentials"], "redirect_uris": [], "scopes": ["orders:read", "orders:write", "openid", "email"] });
    let machine = relying(&w, machine).await;
    let ask = [("grant_type", "client_credentials")];
    let tokens = machine.post("oauth2/token", &ask).await.expect(200);
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("orders:read orders:write"), &json!(3_600)));
    assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none());
    let (header, claims) = machine.read(&tokens["access_token"]).await;
    assert_eq!(
        (&header["typ"], &claims["sub"], &claims["aud"]),
        (&json!("at+jwt"), &json!(machine.id), &json!(machine.id))
    );
    assert_eq!(claims["iss"], machine.issuer());
    let token = tokens["access_token"].as_str().unwrap();
    let seen = machine.post("oauth2/introspect", &[("token", token)]).await.expect(200);
    assert_eq!(
        (&seen["active"], &seen["sub"], &seen["scope"]),
        (&json!(true), &json!(machine.id), &json!("orders:read orders:write"))
    );
    let fewer = machine.post("oauth2/token", &[ask[0], ("scope", "orders:read")]).await.expect(200);
    assert_eq!(fewer["scope"], "orders:read");
    for wrong in ["openid", "orders:read email", "admin"] {
        oauth_refused(&machine.post("oauth2/token", &[ask[0], ("scope", wrong)]).await, 400, "invalid_scope");
    }
    oauth_refused(&machine.post("oauth2/revoke", &[("token", token)]).await, 400, "unsupported_token_type");
    // by client_secret_post too, but not by both
    let form = [ask[0], ("client_id", &*machine.id), ("client_secret", machine.secret.as_deref().unwrap())];
    send(&w.anonymous(), &machine.at("oauth2/token"), &form).await.expect(200);
    oauth_refused(&send(&machine.proved(), &machine.at("oauth2/token"), &form).await, 400, "invalid_request");
    w.owner().delete(&format!("/v1/applications/{}", machine.id)).await;
    let other = relying(&w, json!({ "name": "Other" })).await;
    assert_eq!(other.post("oauth2/introspect", &[("token", token)]).await.expect(200)["active"], false);
}

async fn a_device_is_let_in_by_a_person(w: World) {
    let (ada, tv) = (w.person("Ada", &["user"]).await, television(&w).await);
    let (begun, code) = begin(&tv).await;
    assert_eq!(begun["verification_uri"], format!("{}/device", tv.issuer()));
    assert_eq!(begun["verification_uri_complete"], format!("{}/device?user_code={code}", tv.issuer()));
    assert_eq!((&begun["expires_in"], &begun["interval"]), (&json!(600), &json!(5)));
    oauth_refused(&poll(&tv, &begun).await, 400, "authorization_pending");
    // on a telephone, where nobody is signed in yet
    let mut b = Browser::new(&w);
    let sent = b.get(&format!("{}?user_code={code}", tv.at("device"))).await;
    let back = sign_in_from(&mut b, &sent, &ada.email).await.header("location").unwrap().to_owned();
    assert!(back.starts_with("/t/acme/device?user_code="), "{back}");
    assert!(b.get(&back).await.page(200).contains(&code));
    let page = b.form(&tv.at("device"), &[("user_code", &code.to_lowercase().replace('-', " "))]).await.page(200);
    assert!(
        page.contains("Let Television in?") && page.contains(&code) && page.contains("see your e-mail address"),
        "{page}"
    );
    oauth_refused(
        &{
            w.clock.pass(6);
            poll(&tv, &begun).await
        },
        400,
        "authorization_pending",
    );
    decide_device(&tv, &mut b, &code, "allow").await.leads_to("/t/acme/device?done=device_allowed");
    assert!(b.get("/t/acme/device?done=device_allowed").await.page(200).contains("Your device is signed in."));
    let tokens = poll(&tv, &begun).await.expect(200);
    let (_, id) = tv.read(&tokens["id_token"]).await;
    assert_eq!((&id["sub"], &id["aud"], &id["email"]), (&json!(ada.id), &json!(tv.id), &json!(ada.email)));
    assert!(tv.is_alive(&tokens).await);
    let tokens = tv.refresh(&tokens["refresh_token"]).await.expect(200);
    b.form("/sign-out", &[]).await;
    assert!(!tv.is_alive(&tokens).await, "it ends with the session that confirmed it");
    assert_eq!(w.events("action=application.device_allowed").await.len(), 1);
    let consented = w.events("action=application.consented").await;
    assert_eq!((consented.len(), &consented[0]["metadata"]["scopes"]), (1, &json!(["openid", "email"])));
}

async fn a_device_that_asks_too_often_waits_longer(w: World) {
    let tv = television(&w).await;
    let (begun, _) = begin(&tv).await;
    oauth_refused(&poll(&tv, &begun).await, 400, "authorization_pending");
    w.clock.pass(4);
    oauth_refused(&poll(&tv, &begun).await, 400, "slow_down");
    w.clock.pass(9);
    oauth_refused(&poll(&tv, &begun).await, 400, "slow_down");
    w.clock.pass(15);
    oauth_refused(&poll(&tv, &begun).await, 400, "authorization_pending");
}

async fn a_device_that_nobody_confirms_or_somebody_refuses_gets_nothing(w: World) {
    let (ada, tv) = (w.person("Ada", &["user"]).await, television(&w).await);
    let mut b = Browser::of(&w, &ada.email).await;
    let ((late, late_code), (refused, code)) = (begin(&tv).await, begin(&tv).await);
    decide_device(&tv, &mut b, &code, "deny").await.leads_to("/t/acme/device?done=device_denied");
    oauth_refused(&poll(&tv, &refused).await, 400, "access_denied");
    b.form(&tv.at("device"), &[("user_code", &code), ("decision", "allow")]).await.page(400);
    w.clock.pass(600);
    oauth_refused(&poll(&tv, &late).await, 400, "expired_token");
    let page = b.form(&tv.at("device"), &[("user_code", &late_code)]).await.page(400);
    assert!(page.contains("This code is not right, or is too old."));
    w.clock.pass(86_401);
    w.node.retain().await;
    assert_eq!((count(&w, "application_devices").await, count(&w, "application_sessions").await), (0, 0));
}

async fn sec_08_a_devices_code_is_its_own_and_used_once(w: World) {
    let (ada, tv) = (w.person("Ada", &["user"]).await, television(&w).await);
    let other = television(&w).await;
    let mut b = Browser::of(&w, &ada.email).await;
    let (begun, code) = begin(&tv).await;
    decide_device(&tv, &mut b, &code, "allow").await;
    oauth_refused(&poll(&other, &begun).await, 400, "invalid_grant");
    poll(&tv, &begun).await.expect(200);
    oauth_refused(&poll(&tv, &begun).await, 400, "invalid_grant");
    // one that lets nobody in by a browser has no such grant
    let shop = relying(&w, json!({})).await;
    oauth_refused(&shop.post("oauth2/device_authorization", &[]).await, 400, "unauthorized_client");
    oauth_refused(&tv.post("oauth2/device_authorization", &[("scope", "roles")]).await, 400, "invalid_scope");
    // who is suspended between the two gets nothing
    let (begun, code) = begin(&tv).await;
    decide_device(&tv, &mut b, &code, "allow").await;
    w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": false })).await.expect(200);
    oauth_refused(&poll(&tv, &begun).await, 400, "invalid_grant");
}

async fn sec_17_a_device_is_not_confirmed_by_a_link_or_a_foreign_form(w: World) {
    let (ada, tv) = (w.person("Ada", &["user"]).await, television(&w).await);
    let b = Browser::of(&w, &ada.email).await;
    let (begun, code) = begin(&tv).await;
    b.get(&format!("{}?user_code={code}&decision=allow", tv.at("device"))).await.page(200);
    for origin in ["https://evil.example", "null"] {
        let by = b.client.with("origin", origin);
        let answer = send(&by, &tv.at("device"), &[("user_code", &code), ("decision", "allow")]).await;
        assert_eq!(answer.status, 403);
    }
    oauth_refused(&poll(&tv, &begun).await, 400, "authorization_pending");
}

async fn sec_02_a_device_of_another_tenant_is_not_there(w: World) {
    let tv = television(&w).await;
    let other = w.second_tenant("Globex").await;
    let (begun, code) = begin(&tv).await;
    let mut b = Browser::new(&w);
    let form = [("email", &*other.owner.email), ("password", PASSWORD), ("tenant", &other.slug)];
    b.form("/sign-in", &form).await.leads_to("/account");
    let there = format!("/t/{}/device", other.slug);
    b.form(&there, &[("user_code", &code)]).await.page(400);
    b.form(&there, &[("user_code", &code), ("decision", "allow")]).await.page(400);
    // and a session there is none here
    let sent = b.form(&tv.at("device"), &[("user_code", &code), ("decision", "allow")]).await;
    assert!(sent.header("location").unwrap().starts_with("/sign-in?tenant=acme"));
    oauth_refused(&poll(&tv, &begun).await, 400, "authorization_pending");
}

async fn sec_14_codes_of_devices_are_guessed_seldom(engine: Engine) {
    let edge = portcullis_edge::EdgeConfig { login_per_minute: 10, access_log: false, ..Default::default() };
    let w = World::on(engine, Options { edge, ..Options::default() }).await;
    let (ada, tv) = (w.person("Ada", &["user"]).await, television(&w).await);
    let mut b = Browser::of(&w, &ada.email).await;
    let mut last = 0;
    for _ in 0..20 {
        last = b.form(&tv.at("device"), &[("user_code", "BCDF-GHJK")]).await.status;
    }
    assert_eq!(last, 429);
}

async fn sec_14_devices_wait_in_bounds(engine: Engine) {
    let edge = portcullis_edge::EdgeConfig { auth_per_minute: 10_000, access_log: false, ..Default::default() };
    let w = World::on(engine, Options { edge, ..Options::default() }).await;
    let (tv, other) = (television(&w).await, television(&w).await);
    for _ in 0..100 {
        begin(&tv).await;
    }
    // of this address, whatever application it is for
    for app in [&tv, &other] {
        let full = app.post("oauth2/device_authorization", &[]).await;
        oauth_refused(&full, 429, "temporarily_unavailable");
        assert_eq!(full.header("retry-after"), Some("60"));
    }
    assert_eq!(count(&w, "application_devices").await, 100);
    w.clock.pass(601);
    begin(&other).await;
}

async fn sec_14_who_asks_without_waiting_is_not_heard(engine: Engine) {
    let edge = portcullis_edge::EdgeConfig { auth_per_minute: 20, access_log: false, ..Default::default() };
    let w = World::on(engine, Options { edge, ..Options::default() }).await;
    let tv = television(&w).await;
    let (begun, _) = begin(&tv).await;
    let mut last = poll(&tv, &begun).await;
    for _ in 0..30 {
        last = poll(&tv, &begun).await;
    }
    oauth_refused(&last, 429, "temporarily_unavailable");
    // one that waits is heard all the same, however long it was told to
    w.clock.pass(60);
    oauth_refused(&poll(&tv, &begun).await, 400, "authorization_pending");
}

async fn sec_14_questions_of_devices_are_counted_before_anything_is_looked_up(engine: Engine) {
    let edge = portcullis_edge::EdgeConfig { auth_per_minute: 10_000, access_log: false, ..Default::default() };
    let w = World::on(engine, Options { edge, ..Options::default() }).await;
    let tv = television(&w).await;
    let (begun, _) = begin(&tv).await;
    let nobody = Relying { id: NOBODY.into(), ..tv.clone() };
    for (app, heard) in [(&tv, 400), (&nobody, 401)] {
        let (mut n, mut last) = (0, poll(app, &begun).await);
        while last.status == heard {
            n += 1;
            assert!(n < 2_000, "{}", last.text());
            last = poll(app, &begun).await;
        }
        oauth_refused(&last, 429, "temporarily_unavailable");
        assert!(n >= 600, "{n}");
        w.clock.pass(60);
    }
}

async fn sec_17_a_device_is_let_in_as_it_was_shown(w: World) {
    let (ada, eve) = (w.person("Ada", &["user"]).await, w.person("Eve", &["user"]).await);
    let tv = television(&w).await;
    let ((begun, code), (_, other)) = (begin(&tv).await, begin(&tv).await);
    let (mut b, mut eves) = (Browser::of(&w, &ada.email).await, Browser::of(&w, &eve.email).await);
    let of = async |b: &mut Browser, code: &str| {
        value(&b.form(&tv.at("device"), &[("user_code", code)]).await.page(200), "shown")
    };
    let (shown, theirs, others) = (of(&mut b, &code).await, of(&mut eves, &code).await, of(&mut b, &other).await);
    for wrong in ["", "nonsense", &theirs, &others] {
        for decision in ["allow", "deny"] {
            let form = [("user_code", &*code), ("shown", wrong), ("decision", decision)];
            assert!(b.form(&tv.at("device"), &form).await.page(200).contains("Let Television in?"));
        }
    }
    let at = format!("/v1/applications/{}", tv.id);
    w.owner().patch(&at, json!({ "name": "Your bank" })).await.expect(200);
    let form = [("user_code", &*code), ("shown", &*shown), ("decision", "allow")];
    assert!(b.form(&tv.at("device"), &form).await.page(200).contains("Let Your bank in?"));
    oauth_refused(&poll(&tv, &begun).await, 400, "authorization_pending");
    assert_eq!((count(&w, "application_sessions").await, count(&w, "application_consents").await), (0, 0));
}
