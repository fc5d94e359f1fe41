//! A provider that is switched off is dead on every path (checklist 1, 19), and who keeps the owner's.
use serde_json::json;

use portcullis_domain::Id;
use portcullis_domain::session::{Held, Session};
use portcullis_domain::user::User;
use portcullis_store::{Tx, session};

use super::{Stage, claims, encoded};
use crate::world::*;

both!(
    sec_01_a_disabled_provider_is_dead_on_every_path,
    sec_01_keys_and_tokens_count_while_the_provider_of_their_person_does,
    an_owner_whose_provider_is_away_is_let_in_from_the_command_line,
    sec_19_another_issuer_ends_what_the_old_one_vouched_for,
    sec_11_only_the_owner_changes_the_provider_that_vouches_for_them,
);

async fn sec_01_a_disabled_provider_is_dead_on_every_path(e: Engine) {
    let s = Stage::on(e).await;
    let done = s.sign_in(claims(&s.w, "ada")).await.expect(200);
    let ada = s.w.bearer(done["token"].as_str().unwrap());
    let back = s.come_back(claims(&s.w, "ada")).await;
    s.w.owner().put(&s.path(), json!({ "enabled": false })).await.expect(200);
    // what it vouched for has ended
    ada.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    let refresh = json!({ "refresh_token": done["refresh_token"] });
    s.w.anonymous().post("/v1/auth/refresh", refresh.clone()).await.refused(401, "unauthenticated");
    let ended = s.w.events("action=session.revoked").await.remove(0);
    assert_eq!(ended["metadata"]["cause"], "provider_disabled");
    // what was under way ends nowhere
    s.finish(&back).await.refused(401, "login_failed");
    assert_eq!((s.why().await.as_str(), s.provider.asked("/token")), ("the provider is switched off", 1));
    // and nothing begins
    let at = format!("/v1/auth/start?provider_id={}&redirect_uri={}", s.id, encoded(super::HOME));
    s.w.anonymous().get(&at).await.refused(404, "not_found");
    s.w.anonymous()
        .get(&at.replace(&format!("provider_id={}", s.id), "domain=corp.example"))
        .await
        .refused(409, "not_configured");
    // switched on again, none of it comes back
    s.w.owner().put(&s.path(), json!({ "enabled": true })).await.expect(200);
    ada.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    s.w.anonymous().post("/v1/auth/refresh", refresh).await.refused(401, "unauthenticated");
    s.finish(&back).await.refused(401, "login_failed");
    s.person("ada").await;
}

async fn sec_01_keys_and_tokens_count_while_the_provider_of_their_person_does(e: Engine) {
    let s = Stage::on(e).await;
    let ada = s.person("ada").await;
    let (_, key) = s.w.api_key(&ada, json!({ "name": "k" })).await;
    let organization = crate::world::access::organization(&ada, "of-ada").await;
    let scopes = crate::world::token::viewer();
    let (_, raw) = crate::world::token::token(&s.w, &ada, &organization, scopes).await;
    let token = s.w.bearer(&raw);
    let bob = s.w.person("Bob", &["user"]).await;
    let (_, bobs) = s.w.api_key(&bob.client, json!({ "name": "k" })).await;
    let me = "/v1beta1/users/self";
    for _ in 0..2 {
        for by in [&key, &token, &bobs] {
            by.get(me).await.expect(200);
        }
        s.w.owner().put(&s.path(), json!({ "enabled": false })).await.expect(200);
        for by in [&key, &token] {
            assert_eq!(
                by.get("/v1/groups").await.refused(401, "unauthenticated")["details"]["reason"],
                "provider_disabled"
            );
        }
        bobs.get(me).await.expect(200);
        // they are no sign-in: switched on again they count as before
        s.w.owner().put(&s.path(), json!({ "enabled": true })).await.expect(200);
    }
}

/// Else who switched it off, or whose provider is gone, would be out for good.
async fn an_owner_whose_provider_is_away_is_let_in_from_the_command_line(e: Engine) {
    let s = Stage::with(e, super::SigningKey::ed(), json!({ "default_roles": ["user", "admin"] })).await;
    s.person("ada").await;
    let ada = s.user("ada@corp.example").await.unwrap()["id"].clone();
    let tenant = format!("/v1/tenants/{}", s.w.tenant);
    s.w.owner().put(&tenant, json!({ "owner_user_id": ada })).await.expect(200);
    let app = &s.w.node.app;
    let cx = app.system(s.w.tenant.parse().unwrap()).await.unwrap();
    app.reset_owner(&cx, portcullis_crypto::password::Password::new(PASSWORD)).await.unwrap();
    let done = s.w.login("ada@corp.example").await.expect(200);
    let by = s.w.bearer(done["token"].as_str().unwrap());
    let told = by.get(&format!("/v1/users/{}", ada.as_str().unwrap())).await.expect(200);
    assert_eq!((&told["auth_provider"], &told["identity_provider_id"]), (&json!("local"), &json!(null)));
    let event = s.w.events("action=user.unlinked").await.remove(0);
    assert_eq!((&event["metadata"]["cause"], &event["resource_id"]), (&json!("reset-owner"), &ada));
    // and the provider speaks for them no more
    s.sign_in(claims(&s.w, "ada")).await.refused(401, "login_failed");
}

async fn sec_19_another_issuer_ends_what_the_old_one_vouched_for(e: Engine) {
    let s = Stage::on(e).await;
    let ada = s.person("ada").await;
    s.set(json!({ "groups_claim": "teams" })).await;
    ada.get("/v1/users/me/profile").await.expect(200);
    let back = s.come_back(claims(&s.w, "ada")).await;
    s.set(json!({ "issuer_url": "https://id.example.net", "client_secret": "theirs" })).await;
    ada.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    let answer = s.finish(&back).await;
    assert!([401, 502].contains(&answer.status), "{}", answer.text());
}

async fn sec_11_only_the_owner_changes_the_provider_that_vouches_for_them(e: Engine) {
    let s = Stage::on(e).await;
    // not in the master tenant, whose administrators may do more
    let rival = s.w.second_tenant("Rival").await;
    let boss = &rival.owner.client;
    let domain = boss.post("/v1/domains", json!({ "domain": "rival.example" })).await.expect(201);
    s.w.node.names.set(domain["dns_record"].as_str().unwrap(), &[domain["dns_value"].as_str().unwrap()]);
    boss.post(&format!("/v1/domains/{}/verify", domain["id"].as_str().unwrap()), json!({})).await.expect(200);
    let settings = json!({ "redirect_uris": [super::HOME] });
    boss.patch(&format!("/v1/tenants/{}/settings", rival.id), settings).await.expect(200);
    let config = s.provider.config(json!({ "domains": ["rival.example"], "default_roles": ["user", "admin"] }));
    let body = json!({ "name": "Work", "provider_type": "oidc", "config": config });
    let id = boss.post("/v1/identity-providers", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let theirs = Stage { id, provider: s.provider.clone(), w: s.w };
    let mut said = claims(&theirs.w, "ada");
    said["email"] = json!("ada@rival.example");
    let done = theirs.sign_in(said).await.expect(200);
    assert_eq!(done["tenant_id"], json!(rival.id));
    let ada = boss.with("authorization", format!("Bearer {}", done["token"].as_str().unwrap()));
    let me = ada.get("/v1beta1/users/self").await.expect(200)["user"]["id"].clone();
    let ann = rival.person("Ann", &["admin"]).await.client;
    ann.put(&theirs.path(), json!({ "config": config })).await.expect(200);
    boss.put(&format!("/v1/tenants/{}", rival.id), json!({ "owner_user_id": me })).await.expect(200);
    let mine = theirs.provider.config(json!({ "client_id": "mine" }));
    for change in [json!({ "enabled": false }), json!({ "config": mine })] {
        ann.put(&theirs.path(), change).await.refused(409, "owner_protected");
    }
    ann.put(&theirs.path(), json!({ "name": "Office" })).await.expect(200);
    ada.put(&theirs.path(), json!({ "config": mine })).await.expect(200);
}

/// Somebody in a session that began some other way, such as with a mail.
pub async fn of_somebody(w: &World, user: &str) -> Client {
    const COOKIE: &str = "pck_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    async fn write(tx: &mut Tx, (user, hash): &(Id<User>, [u8; 32])) -> portcullis_store::Result<()> {
        let now = tx.cx.now;
        let session = Session {
            id: Id::from_uuid(uuid::Uuid::from_u128(7)),
            user_id: *user,
            identity_provider: None,
            amr: vec!["otp".into()],
            auth_time: now,
            created_at: now,
            expires_at: now.plus_seconds(86_400),
            idle_at: now.plus_seconds(86_400),
            revoked_at: None,
            restricted: false,
        };
        session::insert(tx, &session, &Held::Cookie(*hash)).await
    }
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    let hash = *portcullis_crypto::token::Purpose::Cookie.parse(COOKIE).unwrap().bytes();
    w.node.app.db().write(cx, (user.parse().unwrap(), hash), write).await.unwrap();
    let page = w.anonymous().with("origin", "http://localhost:7400").with("x-tenant-id", &*w.tenant);
    page.with("cookie", format!("portcullis_session={COOKIE}"))
}
