//! A token of one place in another (checklist 2, 7): of a tenant in the next one, of an application at the API here, of the API at an
//! application.
use serde_json::json;

use crate::world::pages::Browser;
use crate::world::relying::*;
use crate::world::*;

both!(
    sec_02_nothing_of_a_tenant_is_worth_anything_in_another,
    sec_07_a_token_for_an_application_is_no_credential_here,
    sec_07_a_token_of_ours_is_none_of_an_applications,
);

async fn sec_02_nothing_of_a_tenant_is_worth_anything_in_another(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let other = w.second_tenant("Globex").await;
    let theirs = relying_of(&w, &other.owner.client, &other.slug, json!({})).await;
    let mut b = Browser::of(&w, &ada.email).await;
    // another tenant's application is not known to this issuer
    for app in [Relying { slug: "acme".into(), ..theirs.clone() }, Relying { slug: other.slug.clone(), ..shop.clone() }]
    {
        b.get(&app.request(&[])).await.page(400);
        oauth_refused(&app.exchange("pco_x").await, 401, "invalid_client");
    }
    // a session here is none there: who is sent there signs in there
    let sent = b.get(&theirs.request(&[])).await;
    assert!(sent.header("location").unwrap().starts_with(&format!("/sign-in?tenant={}&", other.slug)));
    let none = b.get(&theirs.request(&[("prompt", "none")])).await;
    assert_eq!(said(none.header("location").unwrap(), "error").as_deref(), Some("login_required"));
    let tokens = shop.tokens(&b, "openid").await;
    for name in ["access_token", "id_token"] {
        oauth_refused(&theirs.userinfo(&tokens[name]).await, 401, "invalid_token");
        let looked = theirs.post("oauth2/introspect", &[("token", tokens[name].as_str().unwrap())]).await;
        assert_eq!(looked.expect(200), json!({ "active": false }));
    }
    oauth_refused(&theirs.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
    let hint = [("id_token_hint", tokens["id_token"].as_str().unwrap())];
    b.get(&format!("{}?{}", theirs.at("oauth2/end-session"), query(&hint))).await;
    assert!(shop.is_alive(&tokens).await, "a page of another tenant signs nobody out here");
    // signing in there takes the place of the session here, in this browser
    let back = sign_in_from(&mut b, &sent, &other.owner.email).await.header("location").unwrap().to_owned();
    let url = b.get(&back).await.header("location").unwrap().to_owned();
    let there = theirs.exchange(&said(&url, "code").unwrap()).await.expect(200);
    assert_eq!(theirs.read(&there["id_token"]).await.1["iss"], theirs.issuer());
}

async fn sec_07_a_token_for_an_application_is_no_credential_here(w: World) {
    let shop = relying(&w, json!({ "grants": ["authorization_code", "refresh_token", "client_credentials"] })).await;
    let email = "owner@example.com";
    let b = Browser::of(&w, email).await;
    let mut tokens = shop.tokens(&b, "openid roles offline_access").await;
    let own = shop.post("oauth2/token", &[("grant_type", "client_credentials")]).await.expect(200);
    tokens["own_token"] = own["access_token"].clone();
    for name in ["access_token", "id_token", "refresh_token", "own_token"] {
        let by = w.bearer(tokens[name].as_str().unwrap());
        for path in ["/v1/users/me/profile", "/v1/users", "/v1/applications", "/v1beta1/users/self"] {
            assert_eq!(by.get(path).await.status, 401, "{name} {path}");
        }
        by.post("/v1/users", new_user()).await.refused(401, "unauthenticated");
        by.post("/v1/auth/logout", json!({})).await.refused(401, "unauthenticated");
        let looked = w.owner().post("/v1/auth/introspect", json!({ "token": tokens[name] })).await;
        assert_eq!(looked.expect(200)["active"], false, "{name}");
        let cookie = format!("portcullis_session={}", tokens[name].as_str().unwrap());
        assert_eq!(w.anonymous().with("cookie", cookie).get("/v1beta1/users/self").await.status, 401);
    }
    // nor is the secret of an application
    let secret = shop.secret.clone().unwrap();
    assert_eq!(w.with_key(&secret).get("/v1/users").await.status, 401);
    assert_eq!(shop.proved().with("x-tenant-id", &*w.tenant).get("/v1/users").await.status, 401);
    // and an ID token opens no userinfo
    oauth_refused(&shop.userinfo(&tokens["id_token"]).await, 401, "invalid_token");
    oauth_refused(&shop.userinfo(&tokens["own_token"]).await, 403, "insufficient_scope");
}

async fn sec_07_a_token_of_ours_is_none_of_an_applications(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let signed_in = w.login(&ada.email).await.expect(200);
    for token in [&signed_in["token"], &signed_in["refresh_token"], &json!(w.service_key())] {
        oauth_refused(&shop.userinfo(token).await, 401, "invalid_token");
    }
    let b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid").await;
    let token = tokens["access_token"].as_str().unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    for forged in [
        format!("{signed}."),
        format!("{signed}.{}", "A".repeat(86)),
        format!("eyJhbGciOiJub25lIn0.{claims}."),
        format!("{head}.{claims}"),
    ] {
        oauth_refused(&shop.userinfo(&json!(forged)).await, 401, "invalid_token");
    }
    let without = shop.client.get(&shop.at("oauth2/userinfo")).await;
    assert_eq!((without.status, without.header("www-authenticate")), (401, Some("Bearer")));
    let in_query = format!("{}?access_token={token}", shop.at("oauth2/userinfo"));
    assert_eq!(shop.client.get(&in_query).await.status, 401);
    w.clock.pass(3_600);
    oauth_refused(&shop.userinfo(&tokens["access_token"]).await, 401, "invalid_token");
}
