//! Sessions, signing out, and access tokens in exchange (spec v1beta1 2.3.1, 3.21, 4.2, 4.3).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::token::{claims, sign_in};
use crate::world::*;

both!(
    who_may_do_what_with_sessions,
    one_sees_and_ends_ones_own_sessions,
    superusers_see_and_end_anybodys_sessions,
    signing_out_ends_the_session_and_the_cookie,
    a_sign_in_is_exchanged_for_an_access_token_once,
    sec_08_no_grant_falls_back_to_another,
    a_strategy_that_is_not_enabled_is_none,
);

async fn sessions(by: &Client) -> Vec<Value> {
    connect(by, "ListSessions", json!({})).await.expect(200)["sessions"].as_array().cloned().unwrap_or_default()
}
async fn current(by: &Client) -> String {
    let all = sessions(by).await;
    id(all.iter().find(|s| s["is_current_session"] == json!(true)).unwrap())
}

async fn who_may_do_what_with_sessions(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let tenant = w.second_tenant("Rival").await;
    let (_, key) = w.api_key(&ada.client, json!({ "name": "k" })).await;
    let adas = current(&ada.client).await;
    for (who, by, own, list, end) in [
        ("nobody", w.anonymous(), "unauthenticated", "unauthenticated", "unauthenticated"),
        ("a person", w.person("Bob", &["user"]).await.client, "not_found", "permission_denied", "permission_denied"),
        ("a person's key", key, "unauthenticated", "permission_denied", "permission_denied"),
        ("service key", w.service(), "unauthenticated", "", ""),
        ("another tenant's owner", tenant.owner.client.clone(), "not_found", "", "not_found"),
    ] {
        let a = connect(&by, "RevokeSession", json!({ "session_id": adas })).await;
        assert_eq!(code(&a), own, "{who} ends another's");
        for rpc in ["ListSessions", "PingUserSession"] {
            let expected = if own == "not_found" { 200 } else { 401 };
            assert_eq!(connect(&by, rpc, json!({})).await.status, expected, "{who}: {rpc}");
        }
        let a = by.post(&format!("{ADMIN}/ListUserSessions"), json!({ "user_id": ada.id })).await;
        assert_eq!(a.json()["code"].as_str().unwrap_or_default(), list, "{who} lists: {}", a.text());
        assert!(
            !list.is_empty() || who == "service key" || a.json() == json!({}),
            "another tenant's user has none: {}",
            a.text()
        );
        if who != "service key" {
            let a = by.post(&format!("{ADMIN}/RevokeUserSession"), json!({ "session_id": adas })).await;
            assert_eq!(code(&a), end, "{who} ends as a superuser");
        }
    }
    assert_eq!(current(&ada.client).await, adas, "it is still there");
    for (rpc, service, field) in [
        ("RevokeSession", FRONTIER, "session_id"),
        ("RevokeUserSession", ADMIN, "session_id"),
        ("ListUserSessions", ADMIN, "user_id"),
    ] {
        let a = w.owner().post(&format!("{service}/{rpc}"), json!({ field: "nonsense" })).await;
        assert_eq!(code(&a), "invalid_argument", "{rpc}");
    }
}

async fn one_sees_and_ends_ones_own_sessions(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
    let other = sign_in(&w, &ada).await;
    let all = sessions(&ada.client).await;
    assert_eq!((all.len(), all.iter().filter(|s| s["is_current_session"] == json!(true)).count()), (2, 1));
    assert_eq!(all[0]["metadata"]["ip_address"], "127.0.0.1");
    assert!(all[0].get("user_id").is_none() && all[0]["created_at"].is_string());
    // seen again, elsewhere
    let (mine, theirs) = (current(&ada.client).await, current(&other).await);
    w.clock.pass(600);
    let ping = connect(&ada.client.with("user-agent", FIREFOX), "PingUserSession", json!({})).await.expect(200);
    assert_eq!(
        ping["metadata"],
        json!({ "operating_system": "Linux", "browser": "Firefox", "ip_address": "127.0.0.1" })
    );
    let all = sessions(&other).await;
    let seen = all.iter().find(|s| s["id"] == json!(mine)).unwrap();
    assert_eq!(seen["metadata"]["browser"], "Firefox");
    assert!(seen["updated_at"].as_str() > seen["created_at"].as_str(), "{seen}");
    // gone at once, and not there a second time
    connect(&ada.client, "RevokeSession", json!({ "session_id": theirs })).await.expect(200);
    assert_eq!(other.get("/v1beta1/users/self").await.status, 401);
    let again = connect(&ada.client, "RevokeSession", json!({ "session_id": theirs })).await;
    assert_eq!((code(&again), text(&again).starts_with("session doesn't exist")), ("not_found".into(), true));
    assert_eq!(sessions(&ada.client).await.len(), 1);
    // one's own as well
    connect(&ada.client, "RevokeSession", json!({ "session_id": mine })).await.expect(200);
    assert_eq!(ada.client.get("/v1beta1/users/self").await.status, 401);
    let causes: Vec<Value> =
        w.events("action=session.revoked").await.iter().map(|e| e["metadata"]["cause"].clone()).collect();
    assert_eq!(causes, ["manual", "manual"]);
    // a session's end is no longer away for being seen
    let last = sign_in(&w, &ada).await;
    w.clock.pass(3_601);
    assert_eq!(connect(&last, "PingUserSession", json!({})).await.status, 401, "its token has ended");
}

async fn superusers_see_and_end_anybodys_sessions(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let list = async |user: &str| {
        let a = w.owner().post(&format!("{ADMIN}/ListUserSessions"), json!({ "user_id": user })).await;
        a.expect(200)["sessions"].as_array().cloned().unwrap_or_default()
    };
    let adas = list(&ada.id).await;
    assert_eq!((adas.len(), adas[0].get("is_current_session")), (1, None));
    assert!(list(&w.owner_id).await.iter().any(|s| s["is_current_session"] == json!(true)));
    assert_eq!(list(NOBODY).await.len(), 0);
    let by = w.service().with("idempotency-key", "k1");
    let end = json!({ "session_id": adas[0]["id"] });
    by.post(&format!("{ADMIN}/RevokeUserSession"), end.clone()).await.expect(200);
    assert_eq!(ada.client.get("/v1beta1/users/self").await.status, 401);
    by.post(&format!("{ADMIN}/RevokeUserSession"), end.clone()).await.expect(200);
    assert_eq!(w.owner().post(&format!("{ADMIN}/RevokeUserSession"), end).await.status, 404);
    assert_eq!(list(&ada.id).await.len(), 0);
}

async fn signing_out_ends_the_session_and_the_cookie(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    for method in ["GET", "DELETE"] {
        let by = sign_in(&w, &ada).await;
        let out = by.send(method, "/v1beta1/auth/logout", b"").await;
        let cookie = out.header("set-cookie").unwrap_or_default().to_owned();
        assert_eq!(out.expect(200), json!({}), "{method}");
        assert!(cookie.contains("=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"), "{cookie}");
        assert_eq!(by.get("/v1beta1/users/self").await.status, 401);
        // who is not signed in, or no longer, may sign out
        assert_eq!(by.send(method, "/v1beta1/auth/logout", b"").await.status, 200);
        assert_eq!(w.anonymous().send(method, "/v1beta1/auth/logout", b"").await.status, 200);
    }
    // who has an access token that has expired still ends what it is of
    let late = w.login(&ada.email).await.expect(200);
    let by = w.bearer(late["token"].as_str().unwrap());
    w.clock.pass(3_700);
    assert_eq!(by.get("/v1beta1/users/self").await.status, 401, "it has expired");
    assert_eq!(connect(&by, "AuthLogout", json!({})).await.expect(200), json!({}));
    let spend = json!({ "refresh_token": late["refresh_token"] });
    w.anonymous().post("/v1/auth/refresh", spend).await.refused(401, "unauthenticated");
    let ada = Person { client: sign_in(&w, &ada).await, ..ada };
    // a key is not ended by signing out
    assert_eq!(w.service().get("/v1beta1/auth/logout").await.status, 200);
    assert_eq!(w.service().get("/v1beta1/users/self").await.status, 200);
    assert_eq!(ada.client.get("/v1beta1/users/self").await.status, 200, "nor another session");
}

async fn a_sign_in_is_exchanged_for_an_access_token_once(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let acme = organization(&ada.client, "acme-corp").await;
    w.clock.pass(600);
    let a = ada.client.post("/v1beta1/auth/token", json!({})).await;
    let token = a.expect(200)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(a.header("x-user-token"), Some(&*token));
    let claims = claims(&token);
    assert_eq!(
        (&claims["sub"], &claims["sub_type"], &claims["gen"]),
        (&json!(ada.id), &json!("app/user"), &json!("system"))
    );
    assert_eq!((&claims["email"], &claims["org_ids"]), (&json!(ada.email), &json!(acme)));
    assert_eq!(claims["sid"], json!(current(&ada.client).await));
    assert!(claims["exp"].as_i64().unwrap() <= w.clock.seconds() + 3_000, "no later than what it was exchanged for");
    let by = w.bearer(&token);
    assert_eq!(by.get("/v1beta1/users/self").await.expect(200)["user"]["id"], json!(ada.id));
    assert_eq!(by.post("/v1beta1/auth/token", json!({})).await.status, 401, "not again");
    // it is the session's: it ends with it
    connect(&ada.client, "RevokeSession", json!({ "session_id": claims["sid"] })).await.expect(200);
    assert_eq!(by.get("/v1beta1/users/self").await.status, 401);
    for (who, by) in [("nobody", w.anonymous()), ("service key", w.service()), ("ended", ada.client.clone())] {
        let a = connect(&by, "AuthToken", json!({})).await;
        assert_eq!(code(&a), "unauthenticated", "{who}");
    }
}

async fn sec_08_no_grant_falls_back_to_another(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    for (body, expected) in [
        (json!({ "grant_type": "client_credentials", "client_id": NOBODY, "client_secret": "x" }), "unauthenticated"),
        (json!({ "grant_type": BEARER, "assertion": "a.b.c" }), "unauthenticated"),
        (json!({ "grant_type": "client_credentials", "client_id": NOBODY }), "invalid_argument"),
        (json!({ "grant_type": "client_credentials", "client_secret": "x" }), "invalid_argument"),
        (json!({ "grant_type": BEARER }), "invalid_argument"),
        (json!({ "grant_type": BEARER, "client_id": NOBODY, "client_secret": "x" }), "invalid_argument"),
        (json!({ "client_id": NOBODY, "client_secret": "x" }), "invalid_argument"),
        (json!({ "grant_type": "password" }), "invalid_argument"),
        (json!({ "grant_type": "refresh_token" }), "invalid_argument"),
    ] {
        // a good session beside a bad grant helps nobody
        for by in [ada.client.clone(), w.anonymous()] {
            let a = connect(&by, "AuthToken", body.clone()).await;
            assert_eq!(code(&a), expected, "{body}");
            assert!(a.header("x-user-token").is_none());
        }
    }
    // nor does a bad session beside no grant
    let bad = w.bearer("a.b.c").post("/v1beta1/auth/token", json!({})).await;
    assert_eq!(bad.status, 401);
}

async fn a_strategy_that_is_not_enabled_is_none(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let listed = w.anonymous().get("/v1beta1/auth").await.expect(200);
    assert_eq!(listed["strategies"], json!([{ "name": "passkey", "params": null }]));
    for strategy in ["mailotp", "maillink", "google", "nonsense"] {
        let path = format!("/v1beta1/auth/register/{strategy}");
        for a in [
            w.anonymous().get(&path).await,
            w.anonymous().get(&format!("{path}?redirect_onstart=true&return_to=https://evil.example")).await,
            w.anonymous().post(&path, json!({ "email": "ada@example.com" })).await,
            connect(&w.anonymous(), "AuthCallback", json!({ "strategy_name": strategy, "code": "1", "state": "s" }))
                .await,
        ] {
            assert_eq!((a.status, text(&a)), (400, "unsupported authentication method".into()), "{strategy}");
            assert!(a.header("location").is_none() && a.header("set-cookie").is_none());
        }
    }
    assert_eq!(w.anonymous().get("/v1beta1/auth/callback?code=1&state=s").await.status, 400);
    // who is signed in is done
    let done = ada.client.get("/v1beta1/auth/register/mailotp?return_to=https://evil.example").await;
    assert_eq!((done.header("location"), done.expect(200)["endpoint"].clone()), (None, json!("")));
}
