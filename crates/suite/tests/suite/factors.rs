//! Second factors of one's own, and their end (spec v1 4.3.2).
use serde_json::{Value, json};

use crate::world::access::id;
use crate::world::authenticator::*;
use crate::world::tables::rows;
use crate::world::*;

both!(
    an_app_is_enrolled_with_a_code_of_it,
    an_enrolment_waits_a_quarter_of_an_hour_and_a_newer_one_ends_it,
    changing_factors_takes_a_fresh_sign_in,
    the_last_factor_takes_the_backup_codes_along,
    the_last_factor_stays_where_the_tenant_demands_one,
    new_backup_codes_kill_the_old_ones,
    factors_are_for_persons,
    sec_19_a_reset_takes_the_factors_and_ends_the_sessions,
    who_may_reset_the_factors_of_others,
    nothing_of_the_factors_of_a_deleted_user_stays,
    what_nobody_ended_in_time_is_forgotten,
    rules_read_who_has_a_factor_and_who_showed_it,
);

const TOTP: &str = "/v1/users/me/mfa/totp";
const CONFIRM: &str = "/v1/users/me/mfa/totp/confirm";
const BACKUP_CODES: &str = "/v1/users/me/mfa/backup-codes";

async fn begin(by: &Client) -> Value {
    by.post(TOTP, json!({})).await.expect(200)
}
async fn confirm(by: &Client, begun: &Value, code: &str) -> Answer {
    by.post(CONFIRM, json!({ "id": begun["id"], "code": code })).await
}
async fn methods(by: &Client) -> Vec<Value> {
    by.get(MFA).await.expect(200)["methods"].as_array().unwrap().clone()
}
async fn enrolled(w: &World, user: &str) -> Value {
    w.service().get(&format!("/v1/users/{user}")).await.expect(200)["mfa_enrolled"].clone()
}
async fn amr(by: &Client) -> Value {
    let all = by.get("/v1/users/me/sessions").await.expect(200)["data"].clone();
    all.as_array().unwrap().iter().find(|s| s["current"] == true).unwrap()["amr"].clone()
}

async fn an_app_is_enrolled_with_a_code_of_it(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let by = &ada.client;
    let before = w.service().get(&format!("/v1/users/{}", ada.id)).await;
    let begun = begin(by).await;
    let secret = begun["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32, "20 bytes of base32: {secret}");
    let label = format!("otpauth://totp/Acme:ada%40example.com?secret={secret}&issuer=Acme");
    assert!(begun["qr_uri"].as_str().unwrap().starts_with(&label), "{begun}");
    assert_eq!((methods(by).await, enrolled(&w, &ada.id).await), (vec![], json!(false)), "it waits");
    let app = App::with(&begun["secret"]);
    confirm(by, &begun, &app.wrong(&w.clock)).await.refused(400, "invalid_code");
    confirm(by, &begun, "abc").await.refused(400, "invalid_code");
    confirm(&bob.client, &begun, &app.now(&w.clock)).await.refused(404, "not_found");
    assert_eq!(amr(by).await, json!(["pwd"]));
    let body = json!({ "id": begun["id"], "code": app.now(&w.clock), "device_name": "Phone" });
    let made = by.post(CONFIRM, body.clone()).await.expect(200);
    let codes = texts(&made["codes"]);
    assert_eq!((codes.len(), &made["remaining"]), (10, &json!(10)));
    assert!(codes.iter().all(|c| c.len() == 11 && c.as_bytes()[5] == b'-'), "{codes:?}");
    let all = methods(by).await;
    assert_eq!(all.len(), 1);
    for (field, value) in [
        ("id", begun["id"].clone()),
        ("method_type", json!("totp")),
        ("device_name", json!("Phone")),
        ("verified", json!(true)),
        ("last_used_at", json!(null)),
    ] {
        assert_eq!(all[0][field], value, "{field}");
    }
    let after = w.service().get(&format!("/v1/users/{}", ada.id)).await;
    assert_ne!(before.header("etag"), after.header("etag"));
    assert_eq!((enrolled(&w, &ada.id).await, enrolled(&w, &bob.id).await), (json!(true), json!(false)));
    assert_eq!(amr(by).await, json!(["pwd", "otp", "mfa"]), "both were shown in this session");
    by.post(CONFIRM, body).await.refused(404, "not_found");
    by.post(TOTP, json!({})).await.refused(409, "already_enrolled");
    let event = w.events("action=mfa.enrolled").await.remove(0);
    assert_eq!((&event["resource_id"], &event["metadata"]["method_type"]), (&json!(ada.id), &json!("totp")));
}

async fn an_enrolment_waits_a_quarter_of_an_hour_and_a_newer_one_ends_it(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let (first, second) = (begin(&ada.client).await, begin(&ada.client).await);
    assert_ne!(first["secret"], second["secret"]);
    let of = |begun: &Value| App::with(&begun["secret"]).now(&w.clock);
    confirm(&ada.client, &first, &of(&first)).await.refused(404, "not_found");
    w.clock.pass(15 * 60);
    confirm(&ada.client, &second, &of(&second)).await.refused(404, "not_found");
    let third = begin(&ada.client).await;
    w.clock.pass(14 * 60);
    confirm(&ada.client, &third, &of(&third)).await.expect(200);
    for bad in [json!({}), json!({ "id": third["id"] }), json!({ "id": "x", "code": "000000" }), json!({ "code": "1" })]
    {
        ada.client.post(CONFIRM, bad).await.refused(400, "invalid_input");
    }
    let long = json!({ "id": third["id"], "code": "000000", "device_name": "x".repeat(101) });
    ada.client.post(CONFIRM, long).await.refused(400, "invalid_input");
}

async fn changing_factors_takes_a_fresh_sign_in(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    w.clock.pass(1_000);
    // the first factor takes none
    let (app, _) = enrol(&w, &ada.client).await;
    let factor = format!("{MFA}/{}", id(&methods(&ada.client).await[0]));
    for a in [
        ada.client.post(TOTP, json!({})).await,
        ada.client.post(BACKUP_CODES, json!({})).await,
        ada.client.delete(&factor).await,
    ] {
        let e = a.refused(403, "reauthentication_required");
        assert_eq!(e["details"]["max_age_seconds"], 900);
    }
    let fresh = sign_in(&w, &ada.email, &app).await;
    w.clock.pass(800);
    fresh.post(TOTP, json!({})).await.refused(409, "already_enrolled");
    fresh.post(BACKUP_CODES, json!({})).await.expect(200);
    w.clock.pass(101);
    fresh.delete(&factor).await.refused(403, "reauthentication_required");
    assert_eq!(enrolled(&w, &ada.id).await, json!(true));
}

async fn the_last_factor_takes_the_backup_codes_along(w: World) {
    let (ada, _, codes) = with_app(&w, "Ada", &["user"]).await;
    let bob = w.person("Bob", &["user"]).await;
    let factor = format!("{MFA}/{}", id(&methods(&ada.client).await[0]));
    let waiting = challenge(&w, &ada.email).await;
    bob.client.delete(&factor).await.refused(404, "not_found");
    ada.client.delete(&factor).await.expect(204);
    ada.client.delete(&factor).await.refused(404, "not_found");
    assert_eq!((methods(&ada.client).await, enrolled(&w, &ada.id).await), (vec![], json!(false)));
    assert!(rows(&w, "backup_codes").await.is_empty());
    show(&w.anonymous(), &waiting, "backup_code", &codes[0]).await.refused(401, "invalid_challenge");
    assert!(w.login(&ada.email).await.expect(200)["token"].is_string(), "one step again");
    let event = w.events("action=mfa.removed").await.remove(0);
    assert_eq!((&event["resource_id"], &event["metadata"]["method_type"]), (&json!(ada.id), &json!("totp")));
    // and a new one comes with new codes
    let (_, codes) = enrol(&w, &ada.client).await;
    assert_eq!(codes.len(), 10);
}

async fn the_last_factor_stays_where_the_tenant_demands_one(w: World) {
    let (ada, ..) = with_app(&w, "Ada", &["user"]).await;
    let (admin, ..) = with_app(&w, "Admin", &["admin"]).await;
    demand(&w, "required_for_admins").await;
    let of_admin = format!("{MFA}/{}", id(&methods(&admin.client).await[0]));
    let e = admin.client.delete(&of_admin).await.refused(409, "conflict");
    assert_eq!(e["details"]["state"], "required_for_admins");
    let of_ada = format!("{MFA}/{}", id(&methods(&ada.client).await[0]));
    demand(&w, "required").await;
    ada.client.delete(&of_ada).await.refused(409, "conflict");
    demand(&w, "required_for_admins").await;
    ada.client.delete(&of_ada).await.expect(204);
}

async fn new_backup_codes_kill_the_old_ones(w: World) {
    let bob = w.person("Bob", &["user"]).await;
    bob.client.post(BACKUP_CODES, json!({})).await.refused(409, "conflict");
    let (ada, _, old) = with_app(&w, "Ada", &["user"]).await;
    let by = ada.client.with("idempotency-key", "k");
    let made = by.post(BACKUP_CODES, json!({})).await.expect(200);
    assert_eq!(by.post(BACKUP_CODES, json!({})).await.expect(200), made, "an answer that was lost is given again");
    let new = texts(&made["codes"]);
    assert!(new.len() == 10 && !new.iter().any(|c| old.contains(c)));
    let challenge = challenge(&w, &ada.email).await;
    show(&w.anonymous(), &challenge, "backup_code", &old[0]).await.refused(400, "invalid_code");
    show(&w.anonymous(), &challenge, "backup_code", &new[0]).await.expect(200);
    assert_eq!(rows(&w, "backup_codes").await.len(), 9);
    assert_eq!(w.events("action=mfa.backup_codes_regenerated").await.len(), 1);
}

async fn factors_are_for_persons(w: World) {
    let (ada, ..) = with_app(&w, "Ada", &["user"]).await;
    let (_, key) = w.api_key(&ada.client, json!({ "name": "k" })).await;
    let factor = format!("{MFA}/{}", id(&methods(&ada.client).await[0]));
    for by in [&key, &w.service()] {
        for a in [
            by.get(MFA).await,
            by.post(TOTP, json!({})).await,
            by.post(CONFIRM, json!({ "id": NOBODY, "code": "000000" })).await,
            by.post(BACKUP_CODES, json!({})).await,
            by.delete(&factor).await,
            by.post("/v1/users/me/reauthenticate", json!({ "password": PASSWORD })).await,
        ] {
            a.refused(403, "forbidden");
        }
    }
}

async fn sec_19_a_reset_takes_the_factors_and_ends_the_sessions(w: World) {
    let (ada, app, codes) = with_app(&w, "Ada", &["user"]).await;
    let waiting = challenge(&w, &ada.email).await;
    w.owner().delete(&format!("/v1/users/{}/mfa", ada.id)).await.expect(204);
    ada.client.get(MFA).await.refused(401, "unauthenticated");
    show(&w.anonymous(), &waiting, "totp", &app.next(&w.clock)).await.refused(401, "invalid_challenge");
    show(&w.anonymous(), &waiting, "backup_code", &codes[0]).await.refused(401, "invalid_challenge");
    assert_eq!(enrolled(&w, &ada.id).await, json!(false));
    assert!(w.login(&ada.email).await.expect(200)["token"].is_string());
    let reset = w.events("action=mfa.reset").await.remove(0);
    assert_eq!((&reset["resource_id"], &reset["actor_id"]), (&json!(ada.id), &json!(w.owner_id)));
    assert_eq!(w.events("action=session.revoked").await[0]["metadata"]["cause"], "mfa_reset");
    for table in ["mfa_methods", "backup_codes", "mfa_challenges"] {
        assert!(rows(&w, table).await.is_empty(), "{table}");
    }
}

async fn who_may_reset_the_factors_of_others(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let of_ada = format!("/v1/users/{}/mfa", ada.id);
    let rival = w.second_tenant("Rival").await;
    let their_admin = rival.person("Their", &["user", "admin"]).await;
    let admin = w.person("Admin", &["user", "admin"]).await;
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "r", "scopes": ["users:update"] })).await;
    let (_, keeper) = w.api_key(&w.owner(), json!({ "name": "s", "scopes": ["users:reset_mfa"] })).await;
    for (who, by, status) in [
        ("nobody", w.anonymous().with("x-tenant-id", &*w.tenant), 401),
        ("another user", w.person("Bob", &["user"]).await.client, 403),
        ("an approver", w.person("Appy", &["user", "approver"]).await.client, 403),
        ("a key for something else", narrow, 403),
        ("another tenant's owner", rival.owner.client.clone(), 404),
        ("an admin", admin.client.clone(), 204),
        ("a key for it", keeper, 204),
        ("a service key", w.service(), 204),
    ] {
        assert_eq!(by.delete(&of_ada).await.status, status, "{who}");
    }
    // nobody for oneself, through a key neither
    let of_admin = format!("/v1/users/{}/mfa", admin.id);
    admin.client.delete(&of_admin).await.refused(403, "forbidden");
    let (_, own) = w.api_key(&admin.client, json!({ "name": "o" })).await;
    own.delete(&of_admin).await.refused(403, "forbidden");
    w.owner().delete(&of_admin).await.expect(204);
    // the owner of a tenant: only the master tenant's
    their_admin.client.delete(&format!("/v1/users/{}/mfa", rival.owner.id)).await.refused(409, "owner_protected");
    w.person("Second", &["admin"]).await.client.delete(&format!("/v1/users/{}/mfa", w.owner_id)).await.expect(204);
}

async fn nothing_of_the_factors_of_a_deleted_user_stays(w: World) {
    let (ada, ..) = with_app(&w, "Ada", &["user"]).await;
    challenge(&w, &ada.email).await;
    for table in ["mfa_methods", "backup_codes", "mfa_challenges"] {
        assert!(!rows(&w, table).await.is_empty(), "{table}");
    }
    w.owner().delete(&format!("/v1/users/{}", ada.id)).await.expect(204);
    for table in ["mfa_methods", "backup_codes", "mfa_challenges"] {
        assert!(rows(&w, table).await.is_empty(), "{table}");
    }
}

async fn what_nobody_ended_in_time_is_forgotten(w: World) {
    let (ada, ..) = with_app(&w, "Ada", &["user"]).await;
    challenge(&w, &ada.email).await;
    begin(&w.person("Bob", &["user"]).await.client).await;
    w.node.retain().await;
    assert_eq!((rows(&w, "mfa_methods").await.len(), rows(&w, "mfa_challenges").await.len()), (2, 1));
    w.clock.pass(15 * 60);
    w.node.retain().await;
    assert_eq!((rows(&w, "mfa_methods").await.len(), rows(&w, "mfa_challenges").await.len()), (1, 0));
    assert_eq!(methods(&ada.client).await.len(), 1, "what was confirmed stays");
}

async fn rules_read_who_has_a_factor_and_who_showed_it(w: World) {
    let (admin, app, _) = with_app(&w, "Admin", &["user", "admin"]).await;
    let other = w.person("Other", &["user", "admin"]).await;
    let cedar = r#"forbid (principal is User, action == Action::"users:create", resource) unless { context.mfa };
        forbid (principal is User, action == Action::"users:suspend", resource) unless { principal.mfa_enrolled };
        forbid (principal, action == Action::"users:delete", resource) when { resource has mfa_enrolled && resource.mfa_enrolled };"#;
    w.policy("factors", 10, cedar).await;
    other.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    admin.client.post("/v1/users", new_user()).await.expect(201);
    let (_, key) = w.api_key(&admin.client, json!({ "name": "k" })).await;
    key.post("/v1/users", new_user()).await.refused(403, "forbidden");
    let by = sign_in(&w, &admin.email, &app).await;
    by.post("/v1/users", new_user()).await.expect(201);
    let suspend = format!("/v1/users/{}/suspend", other.id);
    other
        .client
        .post(&format!("/v1/users/{}/suspend", admin.id), json!({ "active": false }))
        .await
        .refused(403, "forbidden");
    by.post(&suspend, json!({ "active": true })).await.expect(200);
    w.service().delete(&format!("/v1/users/{}", admin.id)).await.refused(403, "forbidden");
    // what changes about it counts at the next call
    enrol(&w, &other.client).await;
    other.client.post(&format!("/v1/users/{}/suspend", admin.id), json!({ "active": true })).await.expect(200);
    other.client.post("/v1/users", new_user()).await.expect(201);
}
