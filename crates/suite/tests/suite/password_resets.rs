//! A forgotten password: asked for by anybody, set by whoever reads the account's mail (spec v1 4.2, 9.5).
use std::time::Duration;

use serde_json::{Value, json};

use crate::mails::{Office, options};
use crate::world::access::id;
use crate::world::tables::{count, count_where};
use crate::world::*;

both!(
    who_forgot_the_password_sets_a_new_one,
    sec_19_a_reset_ends_all_sessions_and_signs_nobody_in,
    sec_03_a_link_counts_once_and_for_half_an_hour,
    sec_03_a_newer_link_ends_the_older_and_there_is_one_in_five_minutes,
    sec_15_nobody_learns_who_has_an_account,
    sec_15_the_answer_waits_for_no_account,
    an_invitation_survives_that_somebody_asks_and_ends_with_the_new_password,
    who_was_made_without_a_password_gets_one_this_way,
    a_weak_password_leaves_the_link_as_it_is,
    a_reset_lifts_the_wait_after_wrong_passwords,
    sec_19_what_changes_the_account_ends_the_link,
    sec_02_a_reset_stays_in_its_tenant,
    sec_14_asking_is_limited_by_address,
    without_mail_the_answer_is_the_same,
);

const NEW: &str = "walnut-ferry-lantern-72";

async fn ask(w: &World, email: &str) -> Answer {
    w.anonymous().post("/v1/auth/request-password-reset", json!({ "email": email })).await
}
async fn reset(w: &World, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "new_password": password });
    w.anonymous().post("/v1/auth/reset-password", body).await
}
async fn login(w: &World, email: &str, password: &str) -> Answer {
    w.anonymous().post("/v1/auth/login", json!({ "email": email, "password": password })).await
}
impl Office {
    /// Asks; the token of the link.
    async fn link(&self, email: &str) -> String {
        ask(&self.w, email).await.expect(202);
        self.reset_token(email).await
    }
    /// The token of a link that was asked for. Its mail is written some time after the answer.
    pub async fn reset_token(&self, email: &str) -> String {
        for _ in 0..3_000 {
            let mails = self.deliver().await;
            if let Some(mail) =
                mails.iter().find(|m| m.to == [email] && m.text().contains("/reset-password?token=pcw_"))
            {
                return mail.token();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no mail to {email}");
    }
    /// Asks; no mail comes of it within 300 ms.
    async fn nothing(&self, asked: Value) {
        self.w.anonymous().post("/v1/auth/request-password-reset", asked.clone()).await.expect(202);
        let mut mails = vec![];
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            mails.extend(self.deliver().await);
        }
        assert!(mails.is_empty(), "{asked}: {mails:#?}");
    }
    async fn ada(&self) -> Person {
        let ada = self.w.person("Ada", &["user"]).await;
        self.deliver().await;
        ada
    }
}

async fn who_forgot_the_password_sets_a_new_one(o: Office) {
    let ada = o.ada().await;
    let told = ask(&o.w, " Ada@Example.com ").await.expect(202);
    assert_eq!(told, json!({ "message": "If there is such an account, a mail with a link is on its way." }));
    o.reset_token(&ada.email).await;
    o.w.clock.pass(301);
    let token = o.link(&ada.email).await;
    let told = reset(&o.w, &token, NEW).await.expect(200);
    assert_eq!(told, json!({ "message": "Your password is set. You can sign in now." }));
    login(&o.w, &ada.email, PASSWORD).await.refused(401, "invalid_credentials");
    login(&o.w, &ada.email, NEW).await.expect(200);
    let user = o.w.owner().get(&format!("/v1/users/{}", ada.id)).await.expect(200);
    assert_eq!(user["email_verified"], true, "who read the mail has the address");
    assert_eq!(o.mail_to(&ada.email).await.header("Subject"), "Your password for Acme was changed");
    let asked = o.w.events("action=password.reset_requested").await;
    let done = o.w.events("action=password.reset").await;
    assert_eq!(
        (asked.len(), &done[0]["resource_id"], &done[0]["metadata"]["cause"]),
        (2, &json!(ada.id), &json!("link"))
    );
    assert_eq!(o.w.events("action=user.email_verified").await[0]["resource_id"], ada.id);
    assert!(![&asked[0], &done[0]].iter().any(|e| e.to_string().contains("pcw_") || e.to_string().contains(NEW)));
}

async fn sec_19_a_reset_ends_all_sessions_and_signs_nobody_in(o: Office) {
    let ada = o.ada().await;
    let second = o.w.login(&ada.email).await.expect(200);
    let token = o.link(&ada.email).await;
    ada.client.get("/v1/users/me/profile").await.expect(200);
    let answer = reset(&o.w, &token, NEW).await;
    assert!(answer.header("set-cookie").is_none() && answer.expect(200).as_object().unwrap().len() == 1);
    ada.client.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    let spend = json!({ "refresh_token": second["refresh_token"] });
    o.w.anonymous().post("/v1/auth/refresh", spend).await.refused(401, "unauthenticated");
    let ended = o.w.events("action=session.revoked").await;
    assert_eq!(ended.len(), 2);
    assert!(ended.iter().all(|e| e["metadata"]["cause"] == "password_reset"), "{ended:?}");
}

async fn sec_03_a_link_counts_once_and_for_half_an_hour(o: Office) {
    let ada = o.ada().await;
    let token = o.link(&ada.email).await;
    for bad in
        ["", "x", "pcw_", &token[..token.len() - 1], &format!("{token}A"), &token.replace("pcw_", "pci_"), NOBODY]
    {
        let a = reset(&o.w, bad, NEW).await;
        assert_eq!(a.status, 400, "{bad}: {}", a.text());
    }
    let pci = token.replace("pcw_", "pci_");
    o.w.anonymous().post("/v1/auth/verify-email", json!({ "token": pci })).await.refused(400, "invalid_token");
    o.w.anonymous().post("/v1/auth/verify-email", json!({ "token": token })).await.refused(400, "invalid_token");
    // of two at once one counts
    let (one, two) = tokio::join!(reset(&o.w, &token, NEW), reset(&o.w, &token, "another-canvas-plum-9"));
    let mut seen = [one.status, two.status];
    seen.sort_unstable();
    assert_eq!(seen, [200, 400], "{} {}", one.text(), two.text());
    reset(&o.w, &token, NEW).await.refused(400, "invalid_token");
    o.w.clock.pass(301);
    let late = o.link(&ada.email).await;
    o.w.clock.pass(1_801);
    reset(&o.w, &late, NEW).await.refused(400, "invalid_token");
}

async fn sec_03_a_newer_link_ends_the_older_and_there_is_one_in_five_minutes(o: Office) {
    let ada = o.ada().await;
    let first = o.link(&ada.email).await;
    o.w.clock.pass(290);
    o.nothing(json!({ "email": ada.email })).await;
    o.w.clock.pass(11);
    let second = o.link(&ada.email).await;
    reset(&o.w, &first, NEW).await.refused(400, "invalid_token");
    reset(&o.w, &second, NEW).await.expect(200);
}

async fn sec_15_nobody_learns_who_has_an_account(o: Office) {
    let ada = o.ada().await;
    let known = ask(&o.w, &ada.email).await;
    o.reset_token(&ada.email).await;
    let gone = o.w.person("Gone", &["user"]).await;
    o.w.owner().post(&format!("/v1/users/{}/suspend", gone.id), json!({ "active": false })).await.expect(200);
    let federated = json!({ "email": "f@example.com", "name": "F", "roles": ["user"], "auth_provider": "oidc" });
    o.w.owner().post("/v1/users", federated).await.expect(201);
    o.w.owner()
        .post("/v1/tenants", json!({ "name": "Globex", "owner_email": "boss@globex.example" }))
        .await
        .expect(201);
    o.deliver().await;
    for asked in [
        json!({ "email": "nobody@example.com" }),
        json!({ "email": "no address" }),
        json!({ "email": gone.email }),
        json!({ "email": "f@example.com" }),
        json!({ "email": "boss@globex.example", "tenant_slug": "globex" }),
        json!({ "email": ada.email, "tenant_slug": "globex" }),
        json!({ "email": ada.email, "tenant_slug": "no-such-tenant" }),
        json!({ "email": ada.email, "tenant_slug": "not a slug" }),
    ] {
        let a = o.w.anonymous().post("/v1/auth/request-password-reset", asked.clone()).await;
        assert_eq!((a.status, a.text()), (known.status, known.text()), "{asked}");
        let names = |a: &Answer| a.headers.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
        assert_eq!(names(&a), names(&known), "{asked}");
        o.nothing(asked).await;
    }
    assert_eq!(o.w.events("action=password.reset_requested").await.len(), 1);
    for bad in [json!({}), json!({ "email": 7 }), json!({ "email": "" }), json!({ "email": "a@b.c", "x": 1 })] {
        o.w.anonymous().post("/v1/auth/request-password-reset", bad).await.refused(400, "invalid_input");
    }
}

/// While nobody can look at the accounts, or write to them, it is answered all the same: its time tells nothing.
async fn sec_15_the_answer_waits_for_no_account(o: Office) {
    let ada = o.ada().await;
    let asked = async || {
        for email in [&*ada.email, "nobody@example.com"] {
            tokio::time::timeout(Duration::from_secs(20), ask(&o.w, email))
                .await
                .expect("an answer at once")
                .expect(202);
        }
    };
    if o.w.engine.is_sqlite() {
        let held = o.w.engine.raw_sqlite();
        held.execute_batch("BEGIN IMMEDIATE").unwrap();
        asked().await;
        held.execute_batch("ROLLBACK").unwrap();
    } else {
        let held = o.w.engine.raw_postgres().await;
        held.batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();
        asked().await;
        held.batch_execute("ROLLBACK").await.unwrap();
    }
    o.w.clock.pass(301);
    o.link(&ada.email).await;
}

async fn an_invitation_survives_that_somebody_asks_and_ends_with_the_new_password(o: Office) {
    let body = json!({ "email": "p@example.com", "title": "P" });
    let made = o.w.owner().post("/v1beta1/users", body).await.expect(200);
    o.w.owner().post(&format!("/v1/users/{}/resend-invite", id(&made["user"])), json!({})).await.expect(200);
    let invitation = o.mail_to("p@example.com").await.token();
    let link = o.link("p@example.com").await;
    let verify = async || o.w.anonymous().post("/v1/auth/verify-email", json!({ "token": invitation })).await;
    verify().await.expect(200);
    reset(&o.w, &link, NEW).await.expect(200);
    // who kept the older mail must not set another password after this one
    verify().await.refused(400, "invalid_token");
    let first = json!({ "token": invitation, "password": PASSWORD });
    o.w.anonymous().post("/v1/auth/set-initial-password", first).await.refused(400, "invalid_token");
    login(&o.w, "p@example.com", NEW).await.expect(200);
}

async fn who_was_made_without_a_password_gets_one_this_way(o: Office) {
    o.w.owner().post("/v1beta1/users", json!({ "email": "p@example.com", "title": "P" })).await.expect(200);
    let link = o.link("p@example.com").await;
    reset(&o.w, &link, NEW).await.expect(200);
    login(&o.w, "p@example.com", NEW).await.expect(200);
}

async fn a_weak_password_leaves_the_link_as_it_is(o: Office) {
    let ada = o.ada().await;
    let link = o.link(&ada.email).await;
    for weak in ["short", "password123", &ada.email, &"x".repeat(257)] {
        reset(&o.w, &link, weak).await.refused(400, "weak_password");
    }
    let without = json!({ "token": link });
    o.w.anonymous().post("/v1/auth/reset-password", without).await.refused(400, "invalid_input");
    login(&o.w, &ada.email, PASSWORD).await.expect(200);
    reset(&o.w, &link, NEW).await.expect(200);
}

async fn a_reset_lifts_the_wait_after_wrong_passwords(o: Office) {
    let ada = o.ada().await;
    let by = o.w.anonymous();
    tables::execute(&o.w, "DELETE FROM sessions").await; // signed in from here before, she would not wait
    for _ in 0..10 {
        by.post("/v1/auth/login", json!({ "email": ada.email, "password": "a-wrong-guess-55" })).await;
    }
    login(&o.w, &ada.email, PASSWORD).await.refused(429, "rate_limited");
    let link = o.link(&ada.email).await;
    reset(&o.w, &link, NEW).await.expect(200);
    login(&o.w, &ada.email, NEW).await.expect(200);
}

async fn sec_19_what_changes_the_account_ends_the_link(o: Office) {
    let ada = o.ada().await;
    let link = o.link(&ada.email).await;
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    ada.client.post("/v1/users/me/password", change).await.expect(204);
    reset(&o.w, &link, "another-canvas-plum-9").await.refused(400, "invalid_token");
    o.w.clock.pass(301);
    let link = o.link(&ada.email).await;
    let suspend = async |active: bool| {
        o.w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": active })).await.expect(200);
    };
    suspend(false).await;
    reset(&o.w, &link, NEW).await.refused(400, "invalid_token");
    suspend(true).await;
    reset(&o.w, &link, NEW).await.refused(400, "invalid_token");
    o.w.clock.pass(301);
    let link = o.link(&ada.email).await;
    o.w.owner().delete(&format!("/v1/users/{}", ada.id)).await.expect(204);
    reset(&o.w, &link, NEW).await.refused(400, "invalid_token");
}

async fn sec_02_a_reset_stays_in_its_tenant(o: Office) {
    let here = o.ada().await;
    let made =
        o.w.owner().post("/v1/tenants", json!({ "name": "Globex", "owner_email": here.email })).await.expect(201);
    let token = o.mail_to(&here.email).await.token();
    o.w.anonymous().post("/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
    let first = json!({ "token": token, "password": PASSWORD });
    o.w.anonymous().post("/v1/auth/set-initial-password", first).await.expect(200);
    let link = o.link(&here.email).await;
    reset(&o.w, &link, NEW).await.expect(200);
    login(&o.w, &here.email, NEW).await.expect(200);
    let there = |password: &str| json!({ "email": here.email, "password": password, "tenant_slug": made["slug"] });
    o.w.anonymous().post("/v1/auth/login", there(NEW)).await.refused(401, "invalid_credentials");
    o.w.anonymous().post("/v1/auth/login", there(PASSWORD)).await.expect(200);
}

async fn sec_14_asking_is_limited_by_address(engine: Engine) {
    let mut options = options();
    options.edge.login_per_minute = 3;
    let o = Office::with(engine, options).await;
    for _ in 0..3 {
        ask(&o.w, "nobody@example.com").await.expect(202);
    }
    ask(&o.w, "owner@example.com").await.refused(429, "rate_limited");
    reset(&o.w, "pcw_x", NEW).await.refused(429, "rate_limited");
}

async fn without_mail_the_answer_is_the_same(w: World) {
    let told = ask(&w, "owner@example.com").await.expect(202);
    assert_eq!(told, ask(&w, "nobody@example.com").await.expect(202));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((count(&w, "mails").await, count_where(&w, "users", "reset_hash IS NOT NULL").await), (0, 0));
    reset(&w, &format!("pcw_{}", "A".repeat(43)), NEW).await.refused(400, "invalid_token");
}
