//! Sessions that a browser holds as a cookie (spec v1 2.2, decision 11).
use serde_json::json;

use crate::world::access::connect;
use crate::world::tables::rows;
use crate::world::token::claims;
use crate::world::*;

both!(
    a_browser_signs_in_for_a_cookie_that_works_on_both_surfaces,
    sec_17_a_page_of_elsewhere_changes_nothing_with_a_cookie,
    sec_17_a_page_of_elsewhere_signs_nobody_in,
    a_header_beats_a_cookie,
    sec_07_a_cookie_is_no_token_and_a_token_is_no_cookie,
    a_cookie_ends_when_it_is_not_used_and_with_the_session,
    sec_19_a_clock_that_jumps_back_revives_no_session,
    sec_19_what_ends_a_session_ends_its_cookie,
    sec_19_a_sign_in_ends_the_session_whose_cookie_it_replaces,
    over_https_a_cookie_is_bound_to_its_host,
);

const OWN_PAGE: &str = "http://localhost:7400";
const ME: &str = "/v1/users/me/profile";
const SELF: &str = "/v1beta1/users/self";

/// A sign-in for a cookie; its `Set-Cookie`.
async fn set_cookie(w: &World, email: &str) -> String {
    let body = json!({ "email": email, "password": PASSWORD, "cookie": true });
    let answer = w.anonymous().with("origin", OWN_PAGE).post("/v1/auth/login", body).await;
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    let body = answer.expect(200);
    let mut members: Vec<&String> = body.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["expires_at", "tenant_id"], "what a script could read");
    cookie
}
/// `name=value`.
fn pair(set_cookie: &str) -> &str {
    set_cookie.split(';').next().unwrap()
}
/// A browser that has signed in, on a page of the server itself.
async fn browser(w: &World, email: &str) -> Client {
    let cookie = set_cookie(w, email).await;
    w.anonymous().with("cookie", pair(&cookie)).with("origin", OWN_PAGE).with("x-tenant-id", w.tenant.clone())
}
async fn profile(by: &Client, name: &str) {
    by.put(ME, json!({ "display_name": name })).await.expect(200);
}

async fn a_browser_signs_in_for_a_cookie_that_works_on_both_surfaces(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let cookie = set_cookie(&w, &ada.email).await;
    assert!(cookie.starts_with("portcullis_session=pck_"), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"), "{cookie}");
    let by = w.anonymous().with("cookie", format!("theme=dark; {}; a=b", pair(&cookie))).with("origin", OWN_PAGE);
    let on_v1 = by.with("x-tenant-id", w.tenant.clone());
    assert_eq!(on_v1.get(ME).await.expect(200)["email"], json!(ada.email));
    profile(&on_v1, "Ada L.").await;
    assert_eq!(by.get(SELF).await.expect(200)["user"]["id"], json!(ada.id));
    assert_eq!(connect(&by, "GetCurrentUser", json!({})).await.expect(200)["user"]["id"], json!(ada.id));
    // a token for those who want one: of the same session
    let token = by.post("/v1beta1/auth/token", json!({})).await.expect(200)["access_token"].clone();
    let list = on_v1.get("/v1/users/me/sessions").await.expect(200);
    let here = list["data"].as_array().unwrap().iter().find(|s| s["current"] == true).unwrap().clone();
    assert_eq!(claims(token.as_str().unwrap())["sid"], here["id"]);
    w.bearer(token.as_str().unwrap()).get(SELF).await.expect(200);
    // signing out ends the session, and says so to the browser
    let out = on_v1.post("/v1/auth/logout", json!({})).await;
    assert_eq!(out.header("set-cookie"), Some("portcullis_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"));
    out.expect(204);
    on_v1.get(ME).await.refused(401, "unauthenticated");
    assert_eq!(by.get(SELF).await.status, 401);
    w.bearer(token.as_str().unwrap()).get(ME).await.refused(401, "unauthenticated");
}

async fn sec_17_a_page_of_elsewhere_changes_nothing_with_a_cookie(e: Engine) {
    let listed = "https://console.example.com";
    let mut options = Options::default();
    options.edge.allowed_origins = vec![listed.into()];
    let w = World::on(e, options).await;
    let ada = w.person("Ada", &["user"]).await;
    let by = browser(&w, &ada.email).await;
    let foreign = [
        by.without("origin"),
        by.with("origin", "null"),
        by.with("origin", "https://evil.example"),
        by.with("origin", "http://localhost:7400.evil.example"),
        by.with("origin", "http://localhost:74000"),
        by.without("origin").with("sec-fetch-site", "same-origin"),
        by.with("origin", "https://evil.example").with("referer", OWN_PAGE),
    ];
    for by in &foreign {
        by.put(ME, json!({ "display_name": "Eve" })).await.refused(403, "forbidden");
        by.delete("/v1/users/me/sessions").await.refused(403, "forbidden");
        assert_eq!(by.put(SELF, json!({ "title": "Eve" })).await.status, 403);
        assert_eq!(connect(by, "UpdateCurrentUser", json!({ "body": { "title": "Eve" } })).await.status, 403);
        assert_eq!(by.post("/v1beta1/auth/token", json!({})).await.status, 403);
        // signing out by a link in a foreign page, or by a form in one
        assert_eq!(by.with("sec-fetch-site", "cross-site").get("/v1beta1/auth/logout").await.status, 403);
        assert_eq!(by.delete("/v1beta1/auth/logout").await.status, 403);
        // looking is for the browser to keep from foreign pages
        by.get(ME).await.expect(200);
    }
    for own in [by.clone(), by.with("origin", listed)] {
        profile(&own, "Ada").await;
    }
    // a link on one's own page
    let link = by.without("origin").with("sec-fetch-site", "same-origin");
    assert_eq!(link.get("/v1beta1/auth/logout").await.status, 200);
    by.get(ME).await.refused(401, "unauthenticated");
}

async fn sec_17_a_page_of_elsewhere_signs_nobody_in(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let before = rows(&w, "sessions").await;
    let body = json!({ "email": ada.email, "password": PASSWORD, "cookie": true });
    for origin in ["https://evil.example", "null"] {
        let answer = w.anonymous().with("origin", origin).post("/v1/auth/login", body.clone()).await;
        assert!(answer.header("set-cookie").is_none());
        answer.refused(403, "forbidden");
    }
    assert_eq!(rows(&w, "sessions").await, before);
    // what is no page may have one
    assert!(w.anonymous().post("/v1/auth/login", body).await.header("set-cookie").is_some());
}

async fn a_header_beats_a_cookie(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let by = browser(&w, &ada.email).await;
    let token = bob.client.parts().1.iter().find(|(n, _)| n == "authorization").unwrap().1.clone();
    let both = by.with("authorization", token);
    assert_eq!(both.get(ME).await.expect(200)["email"], json!(bob.email));
    // then no page's origin matters
    profile(&both.without("origin"), "Bob").await;
    // a header that is no good is not mended by a cookie
    for by in [by.with("authorization", "Bearer x"), by.with("x-api-key", "x")] {
        by.get(ME).await.refused(401, "unauthenticated");
        assert_eq!(by.get(SELF).await.status, 401);
    }
    // on calls that are for everybody it is nobody's either: a cookie beside it ends nothing
    let bad =
        [("authorization", "Bearer x"), ("authorization", "Digest x"), ("x-api-key", "x"), ("x-user-token", "x y")];
    for (name, value) in bad {
        let by = by.with(name, value);
        assert_eq!(by.get("/v1beta1/auth/logout").await.status, 200, "{name}: {value}");
        assert_eq!(by.post("/v1beta1/auth/token", json!({})).await.status, 401, "{name}: {value}");
    }
    let two = by.with("authorization", "Bearer x").with("x-api-key", "x");
    assert_eq!(two.get("/v1beta1/auth/logout").await.status, 400);
    by.get(ME).await.expect(200);
    // nor is a cookie that is no good in the way of what is public
    let dead = w.anonymous().with("cookie", "portcullis_session=x");
    assert_eq!(dead.get("/v1beta1/auth").await.status, 200);
    dead.with("x-tenant-id", w.tenant.clone()).get(ME).await.refused(401, "unauthenticated");
    let two = by.with("cookie", "portcullis_session=a; portcullis_session=b");
    two.get(ME).await.refused(401, "unauthenticated");
    assert_eq!(two.get(SELF).await.status, 401);
    assert_eq!(two.get("/v1beta1/auth").await.status, 200);
}

async fn sec_07_a_cookie_is_no_token_and_a_token_is_no_cookie(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let by = browser(&w, &ada.email).await;
    by.get(ME).await.expect(200);
    let value = by.parts().1.iter().find(|(n, _)| n == "cookie").unwrap().1.split_once('=').unwrap().1.to_owned();
    w.bearer(&value).get(ME).await.refused(401, "unauthenticated");
    w.with_key(&value).get(ME).await.refused(401, "unauthenticated");
    w.anonymous().post("/v1/auth/refresh", json!({ "refresh_token": value })).await.refused(401, "unauthenticated");
    // what was seen to be good elsewhere a moment ago
    let tokens = w.login(&ada.email).await.expect(200);
    w.bearer(tokens["token"].as_str().unwrap()).get("/v1/users/me/permissions").await.expect(200);
    let (_, key) = w.api_key(&ada.client, json!({ "name": "k" })).await;
    let key = key.parts().1.iter().find(|(n, _)| n == "x-api-key").unwrap().1.clone();
    w.with_key(&key).get("/v1/users/me/permissions").await.expect(200);
    for other in [tokens["token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap(), &key] {
        let by = by.with("cookie", format!("portcullis_session={other}"));
        by.get("/v1/users/me/permissions").await.refused(401, "unauthenticated");
    }
}

async fn a_cookie_ends_when_it_is_not_used_and_with_the_session(w: World) {
    const DAY: i64 = 86_400;
    let ada = w.person("Ada", &["user"]).await;
    let (used, idle) = (browser(&w, &ada.email).await, browser(&w, &ada.email).await);
    let almost = browser(&w, &ada.email).await;
    let seen = async || {
        let list = used.get("/v1/users/me/sessions").await.expect(200);
        list["data"].as_array().unwrap().iter().find(|s| s["current"] == true).unwrap()["last_seen_at"].clone()
    };
    let before = seen().await;
    w.clock.pass(7 * DAY - 1);
    soon("noted", async || seen().await != before).await;
    almost.get(ME).await.expect(200);
    w.clock.pass(1);
    idle.get(ME).await.refused(401, "unauthenticated");
    for _ in 0..3 {
        let before = seen().await;
        w.clock.pass(6 * DAY);
        // the use is written down without anyone waiting for it
        soon("noted", async || seen().await != before).await;
    }
    w.clock.pass(5 * DAY - 60);
    used.get(ME).await.expect(200);
    w.clock.pass(60);
    used.get(ME).await.refused(401, "unauthenticated");
}

/// Whatever else of the session is remembered (spec v1 8).
async fn sec_19_a_clock_that_jumps_back_revives_no_session(w: World) {
    const DAY: i64 = 86_400;
    let ada = w.person("Ada", &["user"]).await;
    let by = browser(&w, &ada.email).await;
    let token = by.post("/v1beta1/auth/token", json!({})).await.expect(200)["access_token"].clone();
    let token = w.bearer(token.as_str().unwrap());
    token.get(ME).await.expect(200);
    let tokens = w.login(&ada.email).await.expect(200);
    let spend = json!({ "refresh_token": tokens["refresh_token"] });
    w.clock.pass(7 * DAY + 1);
    for _ in 0..2 {
        let e = by.get(ME).await.refused(401, "unauthenticated");
        assert_eq!(e["details"]["reason"], "expired");
        w.anonymous().post("/v1/auth/refresh", spend.clone()).await.refused(401, "unauthenticated");
    }
    w.clock.pass(-7 * DAY);
    for by in [&by, &token, &w.bearer(tokens["token"].as_str().unwrap())] {
        let e = by.get(ME).await.refused(401, "unauthenticated");
        assert_eq!(e["details"]["reason"], "expired");
    }
    let ends: Vec<_> = w.events("action=session.revoked").await;
    assert_eq!((ends.len(), &ends[0]["metadata"]["cause"]), (2, &json!("expired")), "each end once");
    assert_eq!(w.events("action=session.refresh_reused").await.len(), 0);
}

async fn sec_19_what_ends_a_session_ends_its_cookie(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let (here, there) = (browser(&w, &ada.email).await, browser(&w, &ada.email).await);
    here.delete("/v1/users/me/sessions").await.expect(204);
    there.get(ME).await.refused(401, "unauthenticated");
    here.get(ME).await.expect(200);
    w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": false })).await.expect(200);
    here.get(ME).await.refused(401, "unauthenticated");
    w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": true })).await.expect(200);
    here.get(ME).await.refused(401, "unauthenticated");
    // one of another tenant is no caller there
    let rival = w.second_tenant("Rival").await;
    let by = browser(&w, &ada.email).await.with("x-tenant-id", rival.id.clone());
    by.get(ME).await.refused(403, "tenant_mismatch");
}

async fn sec_19_a_sign_in_ends_the_session_whose_cookie_it_replaces(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let by = browser(&w, &ada.email).await;
    let sign_in = |password: &str, cookie: bool| json!({ "email": bob.email, "password": password, "cookie": cookie });
    // what leaves the cookie as it is
    by.post("/v1/auth/login", sign_in("not the password", true)).await.refused(401, "invalid_credentials");
    let elsewhere = by.with("origin", "https://evil.example");
    elsewhere.post("/v1/auth/login", sign_in(PASSWORD, true)).await.refused(403, "forbidden");
    by.post("/v1/auth/login", sign_in(PASSWORD, false)).await.expect(200);
    by.get(ME).await.expect(200);
    // a session that a token speaks for is its holder's to end
    let other = bob.client.with("origin", OWN_PAGE);
    other.post("/v1/auth/login", sign_in(PASSWORD, true)).await.expect(200);
    bob.client.get(ME).await.expect(200);
    let answer = by.post("/v1/auth/login", sign_in(PASSWORD, true)).await;
    let cookie = pair(answer.header("set-cookie").unwrap()).to_owned();
    answer.expect(200);
    by.get(ME).await.refused(401, "unauthenticated");
    assert_eq!(by.with("cookie", cookie).get(ME).await.expect(200)["email"], json!(bob.email));
    let ended = w.events("action=session.revoked").await.remove(0);
    assert_eq!((&ended["actor_id"], &ended["metadata"]["cause"]), (&json!(ada.id), &json!("replaced")));
}

async fn over_https_a_cookie_is_bound_to_its_host(e: Engine) {
    let mut options = Options::default();
    options.settings.public_url = "https://id.example.com".into();
    let w = World::on(e, options).await;
    let body = json!({ "email": "owner@example.com", "password": PASSWORD, "cookie": true });
    let answer = w.anonymous().post("/v1/auth/login", body).await;
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    let value = pair(&cookie).strip_prefix("__Host-portcullis_session=").unwrap().to_owned();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000"), "{cookie}");
    let with =
        |name: &str| w.anonymous().with("cookie", format!("{name}={value}")).with("x-tenant-id", w.tenant.clone());
    with("__Host-portcullis_session").get(ME).await.expect(200);
    assert_eq!(with("__Host-portcullis_session").get(SELF).await.status, 200);
    // Frontier's name, where Frontier's clients call
    assert_eq!(with("sid").get(SELF).await.status, 200);
    // each of them from pages of our own only
    const TOKEN: &str = "/v1beta1/auth/token";
    for (name, path) in [("__Host-portcullis_session", TOKEN), ("sid", TOKEN), ("__Host-portcullis_session", ME)] {
        let by = with(name);
        let change = async |by: Client| match path {
            ME => by.put(ME, json!({ "display_name": "Ada" })).await.status,
            _ => by.post(path, json!({})).await.status,
        };
        assert_eq!(change(by.with("origin", "https://id.example.com")).await, 200, "{name}");
        for origin in ["http://id.example.com", "https://example.com", "https://id.example.com:8443", OWN_PAGE, "null"]
        {
            assert_eq!(change(by.with("origin", origin)).await, 403, "{name} from {origin}");
        }
        assert_eq!(change(by).await, 403, "{name} from nowhere");
    }
    // a neighbour in the domain can set that: it shuts nobody out, and is preferred to nothing
    let both = |cookies: String| w.anonymous().with("cookie", cookies).with("x-tenant-id", w.tenant.clone());
    let own = format!("__Host-portcullis_session={value}");
    for neighbours in ["sid=a", "sid=a; sid=b"] {
        assert_eq!(both(format!("{neighbours}; {own}")).get(SELF).await.status, 200, "{neighbours}");
        both(format!("{neighbours}; {own}")).get(ME).await.expect(200);
    }
    assert_eq!(both(format!("sid={value}; sid=b")).get(SELF).await.status, 401, "two are none");
    with("sid").get(ME).await.refused(401, "unauthenticated");
    with("portcullis_session").get(ME).await.refused(401, "unauthenticated");
    assert_eq!(with("portcullis_session").get(SELF).await.status, 401);
}
