//! What ends the tokens of applications (checklist 1, 16, 19): whatever ends the person, their sign-in or what the application may do, at
//! once and on every node, and time.
use serde_json::{Value, json};

use crate::mails::Office;
use crate::openid::{Stage, claims};
use crate::world::authenticator::{MFA, demand, enrol, enrol_now};
use crate::world::pages::{Browser, HERE};
use crate::world::relying::*;
use crate::world::tables::{count, execute};
use crate::world::*;

both!(
    sec_19_what_ends_a_person_ends_their_tokens_everywhere,
    sec_19_a_password_that_is_reset_ends_what_applications_hold,
    sec_19_a_person_who_ends_their_sessions_ends_what_applications_hold,
    sec_19_nothing_is_refreshed_for_ever,
    sec_19_what_ends_an_application_ends_its_tokens,
    sec_19_what_an_application_may_no_longer_do_its_tokens_do_no_longer,
    sec_05_a_factor_ends_what_one_factor_gave_to_applications,
    sec_05_a_demand_reaches_what_applications_hold,
    sec_19_a_session_that_another_one_replaces_ends,
    sec_01_a_provider_that_is_switched_off_ends_what_applications_hold,
    who_signed_in_at_a_provider_is_told_as_such,
    somebody_has_a_hundred_of_them_at_one_application,
    sec_14_an_application_asks_sixty_times_a_minute_about_somebody,
);
on_postgres!(sec_16_what_one_node_ends_no_other_tells);

/// What an application holds: a token that ends with the session, one that outlives it, a code.
struct Held {
    bound: Value,
    offline: Value,
    code: String,
}
impl Held {
    async fn by(shop: &Relying, b: &Browser) -> Self {
        Self {
            bound: shop.tokens(b, "openid").await,
            offline: shop.tokens(b, "openid offline_access").await,
            code: shop.code(b, &[("scope", "openid offline_access")]).await,
        }
    }
    /// Nothing of it is worth anything.
    async fn has_ended(&self, shop: &Relying, how: &str) {
        for tokens in [&self.bound, &self.offline] {
            assert!(!shop.is_alive(tokens).await, "{how}");
            oauth_refused(&shop.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
        }
        oauth_refused(&shop.exchange(&self.code).await, 400, "invalid_grant");
    }
}
async fn has_to_sign_in(b: &Browser, shop: &Relying) {
    let sent = b.get(&shop.request(&[])).await;
    assert!(sent.header("location").is_some_and(|to| to.starts_with("/sign-in?")), "{}", sent.text());
}
/// How often something that outlives a session was ended for this reason.
async fn ended(w: &World, cause: &str) -> usize {
    let events = w.events("action=application.session_ended").await;
    events.iter().filter(|e| e["metadata"]["cause"] == cause).count()
}

async fn sec_19_what_ends_a_person_ends_their_tokens_everywhere(w: World) {
    let shop = relying(&w, json!({})).await;
    let admin = crate::world::access::ADMIN;
    for how in ["suspended", "deleted", "session", "manual", "mfa_reset"] {
        let ada = w.person(&unique(), &["user"]).await;
        let b = Browser::of(&w, &ada.email).await;
        let held = Held::by(&shop, &b).await;
        let at = format!("/v1/users/{}", ada.id);
        let was = ended(&w, how).await;
        match how {
            "suspended" => drop(w.owner().post(&format!("{at}/suspend"), json!({ "active": false })).await.expect(200)),
            "deleted" => assert_eq!(w.owner().delete(&at).await.status, 204),
            "session" => {
                let sid = shop.read(&held.bound["id_token"]).await.1["sid"].as_str().unwrap().to_owned();
                w.owner().post(&format!("{admin}/RevokeUserSession"), json!({ "session_id": sid })).await.expect(200);
            }
            "mfa_reset" => assert_eq!(w.owner().delete(&format!("{at}/mfa")).await.status, 204),
            _ => assert_eq!(w.owner().delete(&format!("{at}/sessions")).await.status, 204),
        }
        // the tokens, and the code that nobody brought yet
        let cause = if how == "session" { "manual" } else { how };
        assert_eq!(ended(&w, cause).await - if how == "session" { 0 } else { was }, 2, "{how}");
        held.has_ended(&shop, how).await;
        if how == "suspended" {
            w.owner().post(&format!("{at}/suspend"), json!({ "active": true })).await.expect(200);
            held.has_ended(&shop, "nothing comes back").await;
        }
        if how == "deleted" {
            assert_eq!(count(&w, "application_sessions").await, 0);
        }
        execute(&w, "DELETE FROM application_sessions").await;
    }
}

async fn sec_19_a_password_that_is_reset_ends_what_applications_hold(o: Office) {
    let (w, shop) = (&o.w, relying(&o.w, json!({})).await);
    let ada = w.person("Ada", &["user"]).await;
    o.deliver().await;
    let mut b = Browser::of(w, &ada.email).await;
    let held = Held::by(&shop, &b).await;
    b.form("/forgotten-password", &[("email", &ada.email)]).await;
    let token = o.reset_token(&ada.email).await;
    let new = "velvet-anchor-monsoon";
    let form = [("token", token.as_str()), ("password", new), ("again", new)];
    b.form("/reset-password", &form).await.leads_to("/sign-in?tenant=acme&done=password_set");
    held.has_ended(&shop, "reset").await;
    assert_eq!(ended(w, "password_reset").await, 2);
}

async fn sec_19_a_person_who_ends_their_sessions_ends_what_applications_hold(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let (here, there) = (Browser::of(&w, &ada.email).await, Browser::of(&w, &ada.email).await);
    let (kept, lost) = (Held::by(&shop, &here).await, Held::by(&shop, &there).await);
    let mut here = here;
    here.form("/account/sessions/end-others", &[]).await;
    lost.has_ended(&shop, "others").await;
    assert!(shop.is_alive(&kept.bound).await && shop.is_alive(&kept.offline).await);
    // who signs out leaves what is offline; who did not know that session, and has it ended, does not
    let there = Browser::of(&w, &ada.email).await;
    let stolen = Held::by(&shop, &there).await;
    let sid = shop.read(&stolen.bound["id_token"]).await.1["sid"].as_str().unwrap().to_owned();
    here.form(&format!("/account/sessions/{sid}/end"), &[]).await;
    stolen.has_ended(&shop, "one of them").await;
    here.form("/sign-out", &[]).await;
    assert!(!shop.is_alive(&kept.bound).await && shop.is_alive(&kept.offline).await);
    // a new password ends it
    let signed_in = w.login(&ada.email).await.expect(200);
    let change = json!({ "current_password": PASSWORD, "new_password": "velvet-anchor-monsoon" });
    w.bearer(signed_in["token"].as_str().unwrap()).post("/v1/users/me/password", change).await.expect(204);
    kept.has_ended(&shop, "password").await;
}

async fn sec_19_nothing_is_refreshed_for_ever(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let mut tokens = shop.tokens(&b, "openid offline_access").await;
    for _ in 0..4 {
        w.clock.pass(22 * 86_400);
        tokens = shop.refresh(&tokens["refresh_token"]).await.expect(200);
    }
    w.clock.pass(2 * 86_400 - 60);
    let last = shop.refresh(&tokens["refresh_token"]).await.expect(200);
    assert!(last["expires_in"].as_i64().unwrap() <= 60, "{last}");
    w.clock.pass(60);
    oauth_refused(&shop.refresh(&last["refresh_token"]).await, 400, "invalid_grant");
    assert!(!shop.is_alive(&last).await);
}

async fn sec_19_what_ends_an_application_ends_its_tokens(w: World) {
    let (ada, shop) = (
        w.person("Ada", &["user"]).await,
        relying(&w, json!({ "grants": ["authorization_code", "refresh_token", "client_credentials"] })).await,
    );
    let b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid email offline_access").await;
    let at = format!("/v1/applications/{}", shop.id);
    // a scope that is taken away is told no more
    w.owner().patch(&at, json!({ "scopes": ["openid", "offline_access"] })).await.expect(200);
    assert_eq!(shop.userinfo(&tokens["access_token"]).await.expect(200), json!({ "sub": ada.id }));
    let looked = shop.post("oauth2/introspect", &[("token", tokens["access_token"].as_str().unwrap())]).await;
    let looked = looked.expect(200);
    assert_eq!((&looked["scope"], looked.get("username")), (&json!("openid offline_access"), None));
    assert_eq!(shop.refresh(&tokens["refresh_token"]).await.expect(200)["scope"], "openid offline_access");
    // a grant that is taken away gives no more
    let again = shop.tokens(&b, "openid offline_access").await;
    w.owner().patch(&at, json!({ "grants": ["authorization_code"], "scopes": ["openid"] })).await.expect(200);
    oauth_refused(&shop.refresh(&again["refresh_token"]).await, 400, "unauthorized_client");
    let code = shop.code(&b, &[("scope", "openid")]).await;
    assert_eq!(w.owner().delete(&at).await.status, 204);
    oauth_refused(&shop.userinfo(&again["access_token"]).await, 401, "invalid_token");
    oauth_refused(&shop.exchange(&code).await, 401, "invalid_client");
    b.get(&shop.request(&[])).await.page(400);
}

async fn sec_19_what_an_application_may_no_longer_do_its_tokens_do_no_longer(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let all = json!(["authorization_code", "refresh_token", "client_credentials"]);
    let shop = relying(&w, json!({ "grants": all })).await;
    let at = format!("/v1/applications/{}", shop.id);
    let may = async |change: Value| drop(w.owner().patch(&at, change).await.expect(200));
    let looked = async |token: &Value| {
        let found = shop.post("oauth2/introspect", &[("token", token.as_str().unwrap())]).await.expect(200);
        found["active"].clone()
    };
    let mut b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid offline_access").await;
    let own = shop.post("oauth2/token", &[("grant_type", "client_credentials")]).await.expect(200);
    assert_eq!(looked(&own["access_token"]).await, true);
    // to act for itself
    may(json!({ "grants": ["authorization_code", "refresh_token"] })).await;
    assert_eq!(looked(&own["access_token"]).await, false);
    // to refresh
    let scopes = json!(["openid", "profile", "email", "orders:read"]);
    may(json!({ "grants": ["authorization_code"], "scopes": scopes })).await;
    assert_eq!(
        (looked(&tokens["refresh_token"]).await, looked(&tokens["access_token"]).await),
        (json!(false), json!(true))
    );
    // to be there while the person is not: from here on it ends with the session
    may(json!({ "grants": all })).await;
    b.form("/sign-out", &[]).await;
    assert!(!shop.is_alive(&tokens).await);
    oauth_refused(&shop.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
    // to sign people in
    let b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid").await;
    may(json!({ "grants": ["device_code", "refresh_token"] })).await;
    assert!(!shop.is_alive(&tokens).await);
    oauth_refused(&shop.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
    assert_eq!(looked(&tokens["refresh_token"]).await, false);
    // and with the last of its scopes goes the token
    may(json!({ "grants": all })).await;
    let tokens = shop.tokens(&b, "profile").await;
    may(json!({ "scopes": ["openid"] })).await;
    assert_eq!(
        (looked(&tokens["access_token"]).await, looked(&tokens["refresh_token"]).await),
        (json!(false), json!(false))
    );
}

async fn sec_05_a_factor_ends_what_one_factor_gave_to_applications(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let (home, thief) = (Browser::of(&w, &ada.email).await, Browser::of(&w, &ada.email).await);
    let (kept, stolen) = (Held::by(&shop, &home).await, Held::by(&shop, &thief).await);
    let by = w.anonymous().with("cookie", home.cookies()).with("origin", HERE).with("x-tenant-id", &*w.tenant);
    let (app, _) = enrol_now(&w, &by).await;
    stolen.has_ended(&shop, "one factor").await;
    assert_eq!(ended(&w, "mfa_enrolled").await, 2);
    has_to_sign_in(&thief, &shop).await;
    // who enrolled it goes on
    assert!(shop.is_alive(&kept.bound).await && shop.is_alive(&kept.offline).await);
    let tokens = shop.exchange(&kept.code).await.expect(200);
    assert_eq!(shop.refresh(&tokens["refresh_token"]).await.status, 200);
    // and nothing comes back with the end of the factor
    by.post("/v1/users/me/reauthenticate", json!({ "code": app.next(&w.clock) })).await.expect(204);
    let factor = by.get(MFA).await.expect(200)["methods"][0]["id"].as_str().unwrap().to_owned();
    by.delete(&format!("{MFA}/{factor}")).await.expect(204);
    stolen.has_ended(&shop, "for ever").await;
}

async fn sec_05_a_demand_reaches_what_applications_hold(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let (b, waiting) = (Browser::of(&w, &ada.email).await, Browser::of(&w, &ada.email).await);
    let held = Held::by(&shop, &b).await;
    demand(&w, "required").await;
    held.has_ended(&shop, "demanded").await;
    has_to_sign_in(&b, &shop).await;
    // nobody demands it any more
    demand(&w, "optional").await;
    assert!(shop.is_alive(&held.bound).await && shop.is_alive(&held.offline).await);
    // what was given goes on where the session behind it has shown two meanwhile
    let offline = shop.tokens(&waiting, "openid offline_access").await;
    demand(&w, "required").await;
    assert!(!shop.is_alive(&offline).await);
    let by = w.anonymous().with("cookie", waiting.cookies()).with("origin", HERE).with("x-tenant-id", &*w.tenant);
    enrol(&w, &by).await;
    assert!(shop.is_alive(&offline).await && !shop.is_alive(&held.offline).await);
}

async fn sec_19_a_session_that_another_one_replaces_ends(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let mut b = Browser::of(&w, &ada.email).await;
    let before = w.anonymous().with("cookie", b.cookies()).with("origin", HERE).with("x-tenant-id", &*w.tenant);
    let held = Held::by(&shop, &b).await;
    let sent = b.get(&shop.request(&[("prompt", "login")])).await;
    sign_in_from(&mut b, &sent, &ada.email).await;
    assert_eq!(before.get("/v1/users/me/profile").await.status, 401);
    // what outlives a sign-out outlives this
    assert!(!shop.is_alive(&held.bound).await && shop.is_alive(&held.offline).await);
    let event = w.events("action=session.revoked").await.remove(0);
    assert_eq!((&event["metadata"]["cause"], &event["actor_id"]), (&json!("replaced"), &json!(ada.id)));
    b.get("/account").await.page(200);
}

/// A browser in which somebody came from their provider to the application.
pub async fn from_provider(s: &Stage, shop: &Relying, sub: &str) -> Browser {
    let mut b = Browser::new(&s.w);
    let sent = b.get(&shop.request(&[("scope", "openid")])).await;
    let at = format!("http://localhost{}", sent.header("location").unwrap());
    let (tenant, back) = (said(&at, "tenant").unwrap(), said(&at, "return_to").unwrap());
    let email = format!("{sub}@corp.example");
    let form = [("email", &*email), ("tenant", &*tenant), ("return_to", &*back)];
    let page = b.form("/sign-in", &form).await.page(200);
    let url = b.follow(&crate::openid::pages::link_to(&page, "Work")).await.header("location").unwrap().to_owned();
    let done = crate::openid::pages::come_back(&mut b, &s.back(&url, claims(&s.w, sub))).await;
    assert!(done.header("location").unwrap().starts_with("/t/acme/oauth2/authorize?"), "{}", done.text());
    let code = b.get(done.header("location").unwrap()).await;
    shop.exchange(&said(code.header("location").unwrap(), "code").unwrap()).await.expect(200);
    b
}

async fn who_signed_in_at_a_provider_is_told_as_such(e: Engine) {
    let s = Stage::on(e).await;
    let shop = relying(&s.w, json!({})).await;
    let b = from_provider(&s, &shop, "ada").await;
    let tokens = shop.tokens(&b, "openid email roles").await;
    let (_, id) = shop.read(&tokens["id_token"]).await;
    let ada = s.user("ada@corp.example").await.unwrap();
    assert_eq!((&id["sub"], &id["email"], &id["email_verified"]), (&ada["id"], &ada["email"], &json!(true)));
    assert_eq!((&id["amr"], &id["acr"]), (&json!(["fed"]), &json!("urn:portcullis:acr:1")));
    assert_eq!((&id["auth_time"], &id["roles"]), (&json!(s.w.clock.seconds()), &json!(["user"])));
    // who has to sign in again does so there, and comes back
    s.w.clock.pass(60);
    let sent = b.get(&shop.request(&[("prompt", "login")])).await;
    assert!(sent.header("location").unwrap().starts_with("/sign-in?tenant=acme"), "{}", sent.text());
}

async fn sec_01_a_provider_that_is_switched_off_ends_what_applications_hold(e: Engine) {
    let s = Stage::on(e).await;
    let shop = relying(&s.w, json!({})).await;
    let ada = from_provider(&s, &shop, "ada").await;
    let held = Held::by(&shop, &ada).await;
    // what outlives a session ends too if that has ended long since
    let mut grace = from_provider(&s, &shop, "grace").await;
    let away = shop.tokens(&grace, "openid offline_access").await;
    grace.form("/sign-out", &[]).await;
    // others have nothing to do with it
    let eve = s.w.person("Eve", &["user"]).await;
    let own = shop.tokens(&Browser::of(&s.w, &eve.email).await, "openid offline_access").await;
    assert!(shop.is_alive(&away).await && shop.is_alive(&own).await);
    s.w.owner().put(&s.path(), json!({ "enabled": false })).await.expect(200);
    for on in [false, true] {
        s.w.owner().put(&s.path(), json!({ "enabled": on })).await.expect(200);
        held.has_ended(&shop, "switched off").await;
        assert!(!shop.is_alive(&away).await && shop.is_alive(&own).await, "{on}");
    }
    assert_eq!(ended(&s.w, "provider_disabled").await, 3);
}

async fn somebody_has_a_hundred_of_them_at_one_application(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let b = Browser::of(&w, &ada.email).await;
    let oldest = shop.tokens(&b, "openid offline_access").await;
    let other = relying(&w, json!({ "name": "Other" })).await;
    let elsewhere = other.tokens(&b, "openid offline_access").await;
    let mut last = oldest.clone();
    for n in 0..100 {
        assert!(n < 99 || shop.is_alive(&oldest).await);
        w.clock.pass(1);
        last = shop.tokens(&b, "openid offline_access").await;
    }
    assert!(!shop.is_alive(&oldest).await && shop.is_alive(&last).await && other.is_alive(&elsewhere).await);
    assert_eq!(ended(&w, "too_many").await, 1);
    // of those that end with the session too, which are others; and what is too many is forgotten
    let bound = shop.tokens(&b, "openid").await;
    for _ in 0..100 {
        w.clock.pass(1);
        shop.tokens(&b, "openid").await;
    }
    assert!(!shop.is_alive(&bound).await && shop.is_alive(&last).await);
    assert_eq!(count(&w, "application_sessions").await, 201);
}

async fn sec_14_an_application_asks_sixty_times_a_minute_about_somebody(w: World) {
    let (ada, shop) = (w.person("Ada", &["user"]).await, relying(&w, json!({})).await);
    let (b, other) = (Browser::of(&w, &ada.email).await, Browser::of(&w, &ada.email).await);
    for _ in 0..60 {
        shop.code(&b, &[]).await;
    }
    let refused = b.get(&shop.request(&[])).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    shop.code(&other, &[]).await;
    // codes that nobody brings are forgotten
    w.clock.pass(30 * 60);
    w.node.retain().await;
    assert_eq!(count(&w, "application_sessions").await, 61);
    w.clock.pass(31 * 60);
    w.node.retain().await;
    assert_eq!(count(&w, "application_sessions").await, 0);
}

async fn sec_16_what_one_node_ends_no_other_tells(w: World) {
    let (ada, shop) = (w.person("Ada", &["user", "approver"]).await, relying(&w, json!({})).await);
    let group = w.owner().post("/v1/groups", json!({ "name": "Finance" })).await.expect(201);
    let members = format!("/v1/groups/{}/members", group["id"].as_str().unwrap());
    w.owner().post(&members, json!({ "user_id": ada.id })).await.expect(201);
    let other = w.twin(Options::default()).await;
    let there = Relying { client: other.anonymous(), ..shop.clone() };
    let b = Browser::of(&w, &ada.email).await;
    let tokens = shop.tokens(&b, "openid roles groups offline_access").await;
    let info = there.userinfo(&tokens["access_token"]).await.expect(200);
    assert_eq!((&info["roles"], &info["groups"]), (&json!(["user", "approver"]), &json!(["Finance"])));
    // each change is made here, and looked at there
    w.owner().delete(&format!("{members}/{}", ada.id)).await.expect(204);
    w.owner().put(&format!("/v1/users/{}", ada.id), json!({ "roles": ["user"] })).await.expect(200);
    let info = there.userinfo(&tokens["access_token"]).await.expect(200);
    assert_eq!((&info["roles"], &info["groups"]), (&json!(["user"]), &json!([])));
    assert_eq!(w.owner().delete(&format!("/v1/users/{}/sessions", ada.id)).await.status, 204);
    assert!(!there.is_alive(&tokens).await);
    oauth_refused(&there.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
}
