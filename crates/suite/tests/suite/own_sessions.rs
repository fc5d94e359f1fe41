//! `/v1/users/me/sessions` and `/v1/users/{id}/sessions` (spec v1 4.3, 4.3.2).
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use portcullis_domain::Id;
use portcullis_domain::session::{Held, Session};
use portcullis_domain::user::User;
use portcullis_store::{Tx, session};
use serde_json::{Value, json};

use crate::world::access::{ADMIN, code, connect, id};
use crate::world::tables::rows;
use crate::world::*;

both!(
    one_sees_where_one_is_signed_in_and_signs_out_there,
    sec_19_signing_out_elsewhere_counts_at_once,
    sec_11_nobody_keeps_the_owner_signed_out,
    sec_14_the_oldest_of_very_many_sessions_end,
    sec_14_sessions_are_listed_while_every_scan_is_taken,
    who_may_see_and_end_the_sessions_of_others,
);

const OWN: &str = "/v1/users/me/sessions";

async fn sessions(by: &Client, path: &str) -> Vec<Value> {
    by.get(path).await.expect(200)["data"].as_array().unwrap().clone()
}
async fn signed_in(w: &World, email: &str, agent: &str) -> Client {
    let body = json!({ "email": email, "password": PASSWORD, "tenant_slug": "acme" });
    let tokens = w.anonymous().with("user-agent", agent).post("/v1/auth/login", body).await.expect(200);
    w.bearer(tokens["token"].as_str().unwrap())
}

async fn signed_in_at(w: &World, email: &str, tenant: &Tenant) -> Client {
    let body = json!({ "email": email, "password": PASSWORD, "tenant_slug": tenant.slug });
    let tokens = w.anonymous().post("/v1/auth/login", body).await.expect(200);
    w.bearer(tokens["token"].as_str().unwrap()).with("x-tenant-id", &*tenant.id)
}

async fn one_sees_where_one_is_signed_in_and_signs_out_there(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let (phone, laptop) = (signed_in(&w, &ada.email, "Phone/1").await, signed_in(&w, &ada.email, "Laptop/2").await);
    let all = sessions(&phone, OWN).await;
    assert_eq!(all.len(), 3, "with the one that the test begins with");
    let on = |agent: &str| all.iter().find(|s| s["user_agent"] == agent).unwrap().clone();
    let (here, there) = (on("Phone/1"), on("Laptop/2"));
    assert_eq!((&here["current"], &there["current"]), (&json!(true), &json!(false)));
    assert_eq!((&here["amr"], &here["ip"]), (&json!(["pwd"]), &json!("127.0.0.1")));
    for at in ["created_at", "last_seen_at", "expires_at"] {
        assert!(here[at].is_string(), "{at}: {here}");
    }
    phone.delete(&format!("{OWN}/{}", id(&there))).await.expect(204);
    assert_eq!(sessions(&phone, OWN).await.len(), 2);
    laptop.get(OWN).await.refused(401, "unauthenticated");
    // it is there no more; nor is another's
    let bob = w.person("Bob", &["user"]).await;
    let bobs = id(&sessions(&bob.client, OWN).await[0]);
    for gone in [id(&there).as_str(), &bobs, NOBODY] {
        phone.delete(&format!("{OWN}/{gone}")).await.refused(404, "not_found");
    }
    phone.delete(&format!("{OWN}/x")).await.refused(404, "not_found");
    assert_eq!(sessions(&bob.client, OWN).await.len(), 1);
    let revoked = w.events("action=session.revoked").await.remove(0);
    assert_eq!((&revoked["resource_id"], &revoked["metadata"]["cause"]), (&there["id"], &json!("manual")));
}

async fn sec_19_signing_out_elsewhere_counts_at_once(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let tokens = w.login(&ada.email).await.expect(200);
    let here = signed_in(&w, &ada.email, "Here").await;
    let (_, key) = w.api_key(&here, json!({ "name": "k" })).await;
    here.delete(OWN).await.expect(204);
    assert_eq!(sessions(&here, OWN).await.len(), 1);
    ada.client.get(OWN).await.refused(401, "unauthenticated");
    let spend = json!({ "refresh_token": tokens["refresh_token"] });
    w.anonymous().post("/v1/auth/refresh", spend).await.refused(401, "unauthenticated");
    key.get("/v1/users/me/permissions").await.expect(200);
    // with nothing to end nothing moves: whoever repeats it is in nobody's way
    let before = rows(&w, "tenants").await;
    here.delete(OWN).await.expect(204);
    assert_eq!(rows(&w, "tenants").await, before);
}

async fn sec_14_the_oldest_of_very_many_sessions_end(w: World) {
    // as so many sign-ins write them
    async fn write(tx: &mut Tx, (user, n): &(Id<User>, u8)) -> portcullis_store::Result<()> {
        let now = tx.cx.now;
        let session = Session {
            id: Id::from_uuid(uuid::Uuid::from_u128(u128::from(*n) + 1)),
            user_id: *user,
            identity_provider: None,
            amr: vec!["pwd".into()],
            auth_time: now,
            created_at: now,
            expires_at: now.plus_seconds(3_600),
            idle_at: now.plus_seconds(3_600),
            revoked_at: None,
            restricted: false,
        };
        session::insert(tx, &session, &Held::Cookie([*n; 32])).await
    }
    let ada = w.person("Ada", &["user"]).await;
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    for n in 0..120 {
        w.node.app.db().write(cx.clone(), (ada.id.parse().unwrap(), n), write).await.unwrap();
    }
    let here = signed_in(&w, &ada.email, "Here").await;
    let all = sessions(&here, OWN).await;
    assert_eq!((all.len(), all.iter().filter(|s| s["current"] == true).count()), (100, 1));
    ada.client.get(OWN).await.expect(200);
    let revoked = w.events("action=session.revoked").await;
    assert_eq!((revoked.len(), &revoked[0]["metadata"]["cause"]), (22, &json!("too_many")));
    // the next one takes the place of one
    signed_in(&w, &ada.email, "There").await;
    assert_eq!(sessions(&here, OWN).await.len(), 100);
}

async fn sec_11_nobody_keeps_the_owner_signed_out(w: World) {
    let tenant = w.second_tenant("Rival").await;
    let (owner, of_owner) = (&tenant.owner.client, format!("/v1/users/{}/sessions", tenant.owner.id));
    let admin = tenant.person("Admin", &["user", "admin"]).await.client;
    admin.delete(&of_owner).await.refused(409, "owner_protected");
    owner.get(OWN).await.expect(200);
    // nor one by one
    let list = async |by: &Client| {
        let user = json!({ "user_id": tenant.owner.id });
        by.post(&format!("{ADMIN}/ListUserSessions"), user).await.expect(200)["sessions"].as_array().unwrap().clone()
    };
    let theirs = list(&admin).await;
    assert!(!theirs.is_empty());
    for session in &theirs {
        let one = json!({ "session_id": session["id"] });
        let refused = admin.post(&format!("{ADMIN}/RevokeUserSession"), one).await;
        assert_eq!((code(&refused), list(&admin).await.len()), ("failed_precondition".into(), theirs.len()));
    }
    owner.get(OWN).await.expect(200);
    // an admin's own, and anybody else's, they may
    let other = tenant.person("Other", &["user", "admin"]).await;
    let sessions_of = json!({ "user_id": other.id });
    let one = admin.post(&format!("{ADMIN}/ListUserSessions"), sessions_of).await.expect(200)["sessions"][0].clone();
    let one = json!({ "session_id": one["id"] });
    admin.post(&format!("{ADMIN}/RevokeUserSession"), one).await.expect(200);
    other.client.get(OWN).await.refused(401, "unauthenticated");
    // and owners their own
    let own = json!({ "session_id": theirs[0]["id"] });
    owner.post(&format!("{ADMIN}/RevokeUserSession"), own).await.expect(200);
    owner.get(OWN).await.refused(401, "unauthenticated");
    let owner = signed_in_at(&w, &tenant.owner.email, &tenant).await;
    owner.delete(&of_owner).await.expect(204);
    owner.get(OWN).await.refused(401, "unauthenticated");
}

/// Whoever exports or searches much is not in the way of somebody who looks where they are signed in.
async fn sec_14_sessions_are_listed_while_every_scan_is_taken(w: World) {
    struct Gate {
        blocking: bool,
        open: AtomicBool,
    }
    async fn hold(_: &mut Tx, gate: &Arc<Gate>) -> portcullis_store::Result<()> {
        let moment = Duration::from_millis(5);
        while !gate.open.load(Relaxed) {
            // on SQLite a scan has a thread of its own
            if gate.blocking { std::thread::sleep(moment) } else { tokio::time::sleep(moment).await }
        }
        Ok(())
    }
    let gate = Arc::new(Gate { blocking: w.engine.is_sqlite(), open: AtomicBool::new(false) });
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    let scan = || {
        let (app, cx, gate) = (w.node.app.clone(), cx.clone(), gate.clone());
        tokio::spawn(async move { app.db().scan(cx, gate, hold).await })
    };
    let mut running = vec![];
    for _ in 0..4 {
        running.push(scan());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(scan().await.unwrap().is_err(), "no fifth one");
    assert_eq!(sessions(&w.owner(), OWN).await.len(), 1);
    assert_eq!(sessions(&w.owner(), &format!("/v1/users/{}/sessions", w.owner_id)).await.len(), 1);
    let listed = connect(&w.owner(), "ListSessions", json!({})).await.expect(200);
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1);
    gate.open.store(true, Relaxed);
    for scan in running {
        scan.await.unwrap().unwrap();
    }
}

async fn who_may_see_and_end_the_sessions_of_others(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let of_ada = format!("/v1/users/{}/sessions", ada.id);
    let rival = w.second_tenant("Rival").await;
    let reader = w.api_key(&w.owner(), json!({ "name": "r", "scopes": ["users:read"] })).await.1;
    let keeper = w.api_key(&w.owner(), json!({ "name": "s", "scopes": ["users:sessions"] })).await.1;
    for (who, by, status) in [
        ("nobody", w.anonymous().with("x-tenant-id", &*w.tenant), 401),
        ("another user", w.person("Bob", &["user"]).await.client, 403),
        ("an approver", w.person("Appy", &["user", "approver"]).await.client, 403),
        ("a reader's key", reader, 403),
        ("another tenant's owner", rival.owner.client.clone(), 404),
        ("an admin", w.person("Admin", &["user", "admin"]).await.client, 200),
        ("a key for it", keeper, 200),
        ("a service key", w.service(), 200),
    ] {
        let session = signed_in(&w, &ada.email, "There").await;
        assert_eq!(by.get(&of_ada).await.status, status, "{who} lists");
        let ended = if status == 200 { 204 } else { status };
        assert_eq!(by.delete(&of_ada).await.status, ended, "{who} ends");
        let left = if status == 200 { 401 } else { 200 };
        assert_eq!(session.get(OWN).await.status, left, "after {who}");
    }
    let listed = sessions(&w.owner(), &of_ada).await;
    assert_eq!(listed, Vec::<Value>::new());
    let session = signed_in(&w, &ada.email, "There").await;
    let listed = sessions(&w.owner(), &of_ada).await;
    assert_eq!((listed.len(), &listed[0]["current"]), (1, &json!(false)));
    // machines have none of their own
    let (_, key) = w.api_key(&session, json!({ "name": "k" })).await;
    for by in [&key, &w.service()] {
        for a in [by.get(OWN).await, by.delete(OWN).await, by.delete(&format!("{OWN}/{NOBODY}")).await] {
            a.refused(403, "forbidden");
        }
    }
    w.owner().get(&format!("/v1/users/{NOBODY}/sessions")).await.refused(404, "not_found");
    w.owner().delete(&format!("/v1/users/{NOBODY}/sessions")).await.refused(404, "not_found");
}
