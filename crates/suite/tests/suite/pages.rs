//! The pages before one is signed in (spec v1 2.2, 4.2, 9.2, 9.5), as a browser without JavaScript sees them. The account is in
//! `pages_account.rs`, a real browser in `pages_browser.rs`.
use serde_json::json;

use crate::world::pages::{Browser, HERE, send, value};
use crate::world::tables::{count, rows};
use crate::world::*;

both!(
    somebody_signs_in_and_out_without_a_script,
    the_page_that_was_wanted_comes_after_signing_in,
    sec_09_signing_in_leads_to_pages_of_ours_only,
    sec_15_every_address_is_asked_for_a_password_in_the_same_words,
    sec_04_no_step_is_skipped,
    sec_17_forms_of_elsewhere_do_nothing,
    sec_17_pages_are_in_no_frame_and_run_no_script,
    sec_17_pages_open_to_the_cookie_alone,
    over_https_the_cookie_is_bound_to_its_host,
    a_tenant_has_a_sign_in_page_of_its_own,
    an_invitation_becomes_a_password_and_an_account,
    sec_03_looking_at_an_invitation_spends_nothing_and_using_it_does,
    sec_14_passwords_are_tried_so_often_and_no_more,
    sec_14_an_account_waits_after_ten_wrong_passwords,
    sec_14_a_form_is_no_larger_than_other_bodies,
    what_is_in_the_way_is_said_in_words,
);

async fn somebody_signs_in_and_out_without_a_script(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let mut b = Browser::new(&w);
    b.get("/").await.leads_to("/sign-in");
    let page = b.get("/sign-in").await.page(200);
    assert!(page.contains("<h1>Sign in</h1>") && page.contains("action=\"/sign-in\""), "{page}");
    assert!(!page.contains("type=\"password\""));
    let page = b.form("/sign-in", &[("email", &ada.email)]).await.page(200);
    assert_eq!(value(&page, "email"), ada.email);
    assert!(page.contains("type=\"password\"") && page.contains("autocomplete=\"current-password\""));
    let wrong = b.form("/sign-in", &[("email", &ada.email), ("password", "wrong-word-1")]).await;
    assert!(wrong.header("set-cookie").is_none());
    let wrong = wrong.page(401);
    assert!(wrong.contains("The e-mail address or the password is wrong.") && !wrong.contains("wrong-word-1"));
    let answer = b.form("/sign-in", &[("email", &ada.email), ("password", PASSWORD)]).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"), "{cookie}");
    answer.leads_to("/account");
    let page = b.get("/account").await.page(200);
    assert!(page.contains("Ada") && page.contains(&ada.email) && page.contains("Acme"));
    // who is signed in is not asked again
    b.get("/sign-in").await.leads_to("/account");
    b.get("/").await.leads_to("/account");
    assert!(b.get("/sign-out").await.page(200).contains("Sign out of this browser?"));
    let before = b.clone();
    let out = b.form("/sign-out", &[]).await;
    assert_eq!(out.header("set-cookie"), Some("portcullis_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"));
    out.leads_to("/sign-in?done=signed_out");
    assert!(b.get("/sign-in?done=signed_out").await.page(200).contains("You are signed out."));
    // the session has ended, not only the cookie
    before.get("/account").await.leads_to("/sign-in?return_to=%2Faccount&done=sign_in_first");
    b.form("/sign-out", &[]).await.leads_to("/sign-in?done=signed_out");
}

async fn the_page_that_was_wanted_comes_after_signing_in(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let mut b = Browser::new(&w);
    let wanted = "/account/tokens?organization=1&a=b";
    let asked = b.get(wanted).await.header("location").unwrap().to_owned();
    let page = b.get(&asked).await.page(200);
    let return_to = value(&page, "return_to").replace("&#38;", "&").replace("&amp;", "&");
    assert_eq!(return_to, wanted);
    assert!(page.contains("Sign in to go on."));
    let page = b.form("/sign-in", &[("email", &ada.email), ("return_to", &return_to)]).await.page(200);
    assert!(!value(&page, "return_to").is_empty(), "the second step knows it too");
    let form = [("email", &*ada.email), ("password", PASSWORD), ("return_to", &return_to)];
    b.form("/sign-in", &form).await.leads_to(wanted);
    // a form that came too late leads back to its page
    let late = Browser::new(&w);
    let out = send(&late.client.with("origin", HERE), "/account/keys", &[("name", "x")]).await;
    out.leads_to("/sign-in?return_to=%2Faccount%2Fkeys&done=sign_in_first");
}

async fn sec_09_signing_in_leads_to_pages_of_ours_only(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    for bad in [
        "//evil.example/account",
        "https://evil.example/account",
        "/\\evil.example",
        "/account/../v1beta1/auth/logout",
        "/v1beta1/auth/logout",
        "/account\r\nset-cookie: a=b",
        "javascript:alert(1)",
        "/account@evil.example",
    ] {
        let mut b = Browser::new(&w);
        let form = [("email", &*ada.email), ("password", PASSWORD), ("return_to", bad)];
        b.form("/sign-in", &form).await.leads_to("/account");
        let asked = url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", bad).finish();
        b.get(&format!("/sign-in?{asked}")).await.leads_to("/account");
    }
}

async fn sec_15_every_address_is_asked_for_a_password_in_the_same_words(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let rival = w.second_tenant("Rival").await;
    let (mut known, mut unknown) = (Browser::new(&w), Browser::new(&w));
    for password in [None, Some("wrong-word-1")] {
        let mut pages = vec![];
        for email in [&*ada.email, "nobody@example.com", &rival.owner.email] {
            let mut form = vec![("email", email)];
            form.extend(password.map(|p| ("password", p)));
            let b = if email == ada.email { &mut known } else { &mut unknown };
            let answer = b.form("/sign-in", &form).await;
            pages.push((answer.status, answer.text().replace(email, "ADDRESS")));
        }
        assert!(pages[0].1.contains("type=\"password\""));
        assert!(pages.iter().all(|p| *p == pages[0]), "{pages:?}");
    }
}

async fn sec_04_no_step_is_skipped(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let mut b = Browser::new(&w);
    let before = count(&w, "sessions").await;
    for form in [
        &[][..],
        &[("password", PASSWORD)],
        &[("email", ""), ("password", PASSWORD)],
        &[("email", "no address"), ("password", PASSWORD)],
        &[("email", &*ada.email), ("password", "")],
        &[("email", "nobody@example.com"), ("email", &*ada.email), ("password", PASSWORD)],
    ] {
        let answer = b.form("/sign-in", form).await;
        assert!((400..402).contains(&answer.status) && answer.header("set-cookie").is_none(), "{form:?}");
        let page = answer.text();
        assert!(
            page.contains("class=\"error\"") || page.contains("class=\"problem\""),
            "{form:?} says what is wrong: {page}"
        );
    }
    let json =
        b.client.with("origin", HERE).post("/sign-in", json!({ "email": ada.email, "password": PASSWORD })).await;
    assert!(json.status == 415 && json.header("set-cookie").is_none());
    assert_eq!(count(&w, "sessions").await, before);
}

/// Each form, and what it sends.
const FORMS: &[(&str, &[(&str, &str)])] = &[
    ("/sign-in", &[("email", "ada@example.com"), ("password", PASSWORD)]),
    ("/sign-in/code", &[("challenge", "x"), ("code", "123456")]),
    ("/sign-in/passkey", &[]),
    ("/sign-in/passkey/answer", &[("credential", "{}")]),
    ("/sign-in/credential", &[("challenge", "x"), ("credential", "{}")]),
    ("/sign-in/enrol", &[("challenge", "x"), ("code", "123456")]),
    ("/sign-out", &[]),
    ("/invitation", &[("token", "x"), ("password", "a-new-word-4711"), ("again", "a-new-word-4711")]),
    ("/forgotten-password", &[("email", "ada@example.com")]),
    ("/reset-password", &[("token", "x"), ("password", "a-new-word-4711"), ("again", "a-new-word-4711")]),
    ("/verify-email", &[("token", "x")]),
    ("/account", &[("first_name", "Eve")]),
    ("/account/picture/remove", &[]),
    (
        "/account/password",
        &[("current_password", PASSWORD), ("new_password", "evil-word-4711"), ("again", "evil-word-4711")],
    ),
    ("/account/factors/app", &[]),
    ("/account/factors/app/confirm", &[("id", "x"), ("code", "123456")]),
    ("/account/factors/credential", &[("kind", "webauthn_passkey")]),
    ("/account/factors/credential/confirm", &[("kind", "webauthn_passkey"), ("name", "x"), ("credential", "{}")]),
    ("/account/factors/backup-codes", &[]),
    ("/account/factors/0199c0de-0000-7000-8000-00000000dead/remove", &[]),
    ("/account/reauthenticate", &[("password", PASSWORD)]),
    ("/account/applications/0199c0de-0000-7000-8000-00000000dead/leave", &[]),
    ("/t/acme/oauth2/end-session/confirm", &[]),
    ("/account/sessions/end-others", &[]),
    ("/account/sessions/0199c0de-0000-7000-8000-00000000dead/end", &[]),
    ("/account/keys", &[("name", "evil")]),
    ("/account/keys/0199c0de-0000-7000-8000-00000000dead/revoke", &[]),
    ("/account/tokens", &[("title", "evil")]),
    ("/account/tokens/0199c0de-0000-7000-8000-00000000dead/delete", &[]),
];

async fn sec_17_forms_of_elsewhere_do_nothing(e: Engine) {
    let listed = "https://console.example.com";
    let mut options = Options::default();
    options.edge.allowed_origins = vec![listed.into()];
    let w = World::on(e, options).await;
    let ada = w.person("Ada", &["user"]).await;
    let b = Browser::of(&w, &ada.email).await;
    let before = (count(&w, "sessions").await, count(&w, "api_keys").await);
    let foreign = [
        b.client.clone(),
        b.client.with("origin", "null"),
        b.client.with("origin", "https://evil.example"),
        b.client.with("origin", "http://localhost:7400.evil.example"),
        b.client.with("origin", "https://localhost:7400"),
        // may call the API, and is no page of ours
        b.client.with("origin", listed),
        b.client.with("sec-fetch-site", "same-origin").with("referer", HERE),
    ];
    for by in &foreign {
        for (path, form) in FORMS {
            let answer = send(by, path, form).await;
            assert!(answer.header("set-cookie").is_none() && answer.header("location").is_none(), "{path}");
            assert!(answer.page(403).contains("This form was sent from another address than http://localhost:7400"));
        }
        // nor a picture
        let answer = by
            .with("content-type", "multipart/form-data; boundary=xx")
            .send("POST", "/account/picture", b"--xx--")
            .await;
        assert_eq!(answer.status, 403);
    }
    assert_eq!((count(&w, "sessions").await, count(&w, "api_keys").await), before);
    let page = b.get("/account").await.page(200);
    assert!(!page.contains("Eve"));
    // no link does what a form does
    for (path, _) in FORMS {
        let answer = b.get(path).await;
        // where no mail is sent there is no page to ask for one
        let absent = *path == "/forgotten-password" && answer.status == 404;
        assert!(absent || matches!(answer.status, 200 | 303 | 400 | 405), "{path} {}", answer.status);
        assert!(answer.header("set-cookie").is_none());
    }
    assert_eq!((count(&w, "sessions").await, count(&w, "api_keys").await), before);
}

async fn sec_17_pages_are_in_no_frame_and_run_no_script(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let (b, anyone) = (Browser::of(&w, &ada.email).await, Browser::new(&w));
    let mut answers = vec![];
    for path in [
        "/sign-in",
        "/sign-in?tenant=nobody",
        "/invitation?token=x",
        "/reset-password?token=x",
        "/verify-email?token=x",
        "/account/nothing",
    ] {
        answers.push(anyone.get(path).await);
    }
    for path in ["", "/password", "/factors", "/reauthenticate", "/sessions", "/keys", "/tokens", "/permissions"] {
        answers.push(b.get(&format!("/account{path}")).await);
    }
    answers.push(b.get("/sign-out").await);
    for a in &answers {
        let policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        assert_eq!(a.header("content-security-policy"), Some(policy));
        assert_eq!(a.header("x-frame-options"), Some("DENY"));
        assert_eq!(a.header("cache-control"), Some("no-store"));
        assert_eq!(a.header("x-content-type-options"), Some("nosniff"));
        // with no-referrer a browser would say that our own forms come from nowhere
        assert_eq!(a.header("referrer-policy"), Some("same-origin"));
        let page = a.text();
        for bad in ["<script", " style=", "<style", " onclick", " onload", "javascript:", "https://"] {
            assert!(!page.contains(bad), "{bad}: {page}");
        }
        assert!(page.contains("<html lang=\"en\">") && page.contains("<main id=\"main\""));
    }
    let page = answers[0].text();
    let style = page.split_once("href=\"/assets/").unwrap().1.split('"').next().unwrap();
    let css = anyone.get(&format!("/assets/{style}")).await;
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(css.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(anyone.get("/assets/style-0.css").await.status, 404);
    assert_eq!(anyone.get("/assets/..%2f..%2fCargo.toml").await.status, 404);
}

async fn sec_17_pages_open_to_the_cookie_alone(w: World) {
    let asked = "/sign-in?return_to=%2Faccount&done=sign_in_first";
    let cookie = |value: &str| w.anonymous().with("cookie", format!("portcullis_session={value}"));
    for by in [w.owner(), w.service(), cookie("x"), cookie(w.owner_token()), cookie(w.service_key())] {
        by.get("/account").await.leads_to(asked);
    }
}

async fn over_https_the_cookie_is_bound_to_its_host(e: Engine) {
    let mut options = Options::default();
    options.settings.public_url = "https://id.example.com".into();
    let w = World::on(e, options).await;
    let form = [("email", "owner@example.com"), ("password", PASSWORD)];
    let answer = send(&w.anonymous().with("origin", "https://id.example.com"), "/sign-in", &form).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-portcullis_session="), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000"), "{cookie}");
    let with = |c: &str| w.anonymous().with("cookie", c);
    with(cookie.split(';').next().unwrap()).get("/account").await.page(200);
    // Frontier's name, which a neighbour in the domain could set, is none for pages
    let value = cookie.split(';').next().unwrap().split_once('=').unwrap().1;
    for name in ["sid", "portcullis_session"] {
        assert_eq!(with(&format!("{name}={value}")).get("/account").await.status, 303);
    }
}

async fn a_tenant_has_a_sign_in_page_of_its_own(w: World) {
    let rival = w.second_tenant("Rival").await;
    let renamed = w.owner().put(&format!("/v1/tenants/{}", rival.id), json!({ "name": "Rival <b>" })).await;
    renamed.expect(200);
    let mut b = Browser::new(&w);
    let page = b.get(&format!("/sign-in?tenant={}", rival.slug)).await.page(200);
    assert!(page.contains("Sign in to Rival &#60;b&#62;"), "{page}");
    assert_eq!(value(&page, "tenant"), rival.slug);
    let form = [("email", &*rival.owner.email), ("password", PASSWORD), ("tenant", &rival.slug)];
    b.form("/sign-in", &form).await.leads_to("/account");
    assert!(b.get("/account").await.page(200).contains("Rival &#60;b&#62;"));
    // elsewhere the same person is nobody
    let mut other = Browser::new(&w);
    other.form("/sign-in", &form[..2]).await.page(401);
    assert!(other.get("/sign-in?tenant=nobody").await.page(404).contains("There is no sign-in at this address."));
    // a proved domain leads there without a slug
    let by = &rival.owner.client;
    let d = by.post("/v1/domains", json!({ "domain": "rival.example" })).await.expect(201);
    w.node.names.set(d["dns_record"].as_str().unwrap(), &[d["dns_value"].as_str().unwrap()]);
    by.post(&format!("/v1/domains/{}/verify", d["id"].as_str().unwrap()), json!({})).await.expect(200);
    for email in ["nobody@rival.example", "owner@rival.example"] {
        assert!(other.form("/sign-in", &[("email", email)]).await.page(200).contains("Sign in to Rival"));
    }
    assert!(other.form("/sign-in", &[("email", "nobody@example.org")]).await.page(200).contains("Sign in to Acme"));
}

/// The link of an invitation: path and query.
async fn invitation(w: &World) -> String {
    let body = json!({ "name": "Globex", "owner_email": "hank@globex.example", "owner_name": "Hank <i>Scorpio</i>" });
    let made = w.owner().post("/v1/tenants", body).await.expect(201);
    let link = made["invitation_url"].as_str().unwrap().to_owned();
    link.strip_prefix(HERE).expect("a link to here").to_owned()
}

async fn an_invitation_becomes_a_password_and_an_account(w: World) {
    let link = invitation(&w).await;
    let mut b = Browser::new(&w);
    let page = b.get(&link).await.page(200);
    for said in
        ["Welcome, Hank &#60;i&#62;Scorpio&#60;/i&#62;", "invited to Globex", "hank@globex.example", "At least 8"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    let token = value(&page, "token");
    for (password, again, said) in [
        ("password1", "password1", "most used"),
        ("plum-orbit-canvas-41", "plum-orbit-canvas-42", "The two passwords are not the same."),
        ("short", "short", "At least 8"),
        ("", "", "Enter your password."),
    ] {
        let page =
            b.form("/invitation", &[("token", &token), ("password", password), ("again", again)]).await.page(400);
        assert!(page.contains(said) && page.contains("aria-invalid=\"true\""), "{said}: {page}");
        assert!(password.len() < 6 || !page.contains(password), "a password is never sent back");
    }
    let form = [("token", &*token), ("password", PASSWORD), ("again", PASSWORD)];
    b.form("/invitation", &form).await.leads_to("/sign-in?tenant=globex&done=password_set");
    assert!(b.get("/sign-in?tenant=globex&done=password_set").await.page(200).contains("Your password is set."));
    let form = [("email", "hank@globex.example"), ("password", PASSWORD), ("tenant", "globex")];
    b.form("/sign-in", &form).await.leads_to("/account");
    assert!(b.get("/account").await.page(200).contains("verified"));
}

async fn sec_03_looking_at_an_invitation_spends_nothing_and_using_it_does(w: World) {
    let link = invitation(&w).await;
    let mut b = Browser::new(&w);
    let users = rows(&w, "users").await;
    for _ in 0..3 {
        b.get(&link).await.page(200);
    }
    assert_eq!(rows(&w, "users").await, users);
    let token = link.split_once("token=").unwrap().1.to_owned();
    let form = [("token", &*token), ("password", PASSWORD), ("again", PASSWORD)];
    b.form("/invitation", &form).await.leads_to("/sign-in?tenant=globex&done=password_set");
    for answer in [
        b.get(&link).await,
        b.form("/invitation", &form).await,
        b.get("/invitation").await,
        b.get("/invitation?token=%00x").await,
    ] {
        assert!(answer.page(400).contains("This link does not work any more"));
    }
    // one that is too old
    let made =
        w.owner().post("/v1/tenants", json!({ "name": "Old", "owner_email": "o@old.example" })).await.expect(201);
    let old = made["invitation_url"].as_str().unwrap().strip_prefix(HERE).unwrap().to_owned();
    w.clock.pass(8 * 86_400);
    assert!(b.get(&old).await.page(400).contains("has expired"));
}

async fn sec_14_passwords_are_tried_so_often_and_no_more(e: Engine) {
    let mut options = Options::default();
    options.edge.login_per_minute = 3;
    let w = World::on(e, options).await;
    let mut b = Browser::new(&w);
    let form = [("email", "owner@example.com"), ("password", "wrong-word-1")];
    for _ in 0..3 {
        b.form("/sign-in", &form).await.page(401);
    }
    let refused = b.form("/sign-in", &form).await;
    assert!(refused.header("retry-after").is_some());
    assert!(refused.page(429).contains("Too many"));
}

async fn sec_14_an_account_waits_after_ten_wrong_passwords(w: World) {
    let mut b = Browser::new(&w);
    let form = [("email", "nobody@example.com"), ("password", "wrong-word-1")];
    for _ in 0..10 {
        b.form("/sign-in", &form).await.page(401);
    }
    let waits = b.form("/sign-in", &form).await;
    let seconds: u64 = waits.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    assert!(waits.page(429).contains("Too many wrong passwords"));
}

async fn sec_14_a_form_is_no_larger_than_other_bodies(w: World) {
    let large = "x".repeat(2 << 20);
    assert!(Browser::new(&w).form("/sign-in", &[("email", &large)]).await.page(413).contains("This is too large"));
}

async fn what_is_in_the_way_is_said_in_words(w: World) {
    let b = Browser::new(&w);
    let page = b.get("/account/%3Cscript%3Ealert(1)%3C/script%3E").await.page(404);
    assert!(page.contains("There is nothing here") && !page.contains("<script"));
    let wrong = b.client.with("origin", HERE).send("PUT", "/sign-in", b"").await;
    wrong.page(405);
    // what is no page is answered as the API does
    b.get("/nothing").await.refused(404, "not_found");
}
