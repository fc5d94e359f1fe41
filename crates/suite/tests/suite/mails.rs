//! Mails: what is sent to whom, what becomes of it, and what is not written where no mail is set up (decision 8).
pub mod server;
mod smtp;

use std::sync::Arc;
use std::time::Duration;

use portcullis_mail::{Server as Settings, SmtpMailer, Tls};
use portcullis_service::mail_delivery::Postman;
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::tables::{Contents, count, count_where};
use crate::world::*;
use server::{Server, Taken};

both!(
    an_owners_invitation_goes_by_mail_and_nobody_else_sees_the_link,
    a_user_is_invited_again_by_mail_and_the_older_link_ends,
    who_is_made_with_a_password_is_asked_for_the_address,
    sec_03_a_verification_proves_an_address_once_and_sets_no_password,
    an_invitation_into_an_organization_is_told_in_the_words_of_the_platform,
    an_import_invites_whom_it_makes,
    who_may_import_invites_only_with_the_right_to,
    a_changed_password_is_told,
    what_waits_for_a_server_goes_when_it_is_back_after_a_restart_too,
    what_is_refused_for_good_is_given_up_and_told,
    what_is_put_off_is_tried_again_until_a_day_is_over,
    sec_14_a_server_that_never_answers_keeps_nobody_waiting,
    sec_14_nobody_is_invited_without_end,
    sec_14_nobody_sends_invitations_without_end,
    two_postmen_send_each_mail_once,
    who_waits_for_a_mail_is_served_before_many,
    sec_13_a_name_is_neither_a_header_nor_markup,
    sec_20_an_erased_person_takes_their_mails_along,
    sec_19_a_suspended_user_gets_no_link,
    without_mail_nothing_is_written_and_links_are_answered,
    what_no_postman_came_for_is_forgotten,
);

/// A server whose operator has set up mail, and the postman.
pub struct Office {
    pub w: World,
    pub server: Server,
    pub postman: Postman,
}
pub fn options() -> Options {
    let mut options = Options::default();
    options.settings.mail = true;
    options
}
pub fn postman(port: u16) -> Postman {
    let settings = Settings { host: "127.0.0.1".into(), port, tls: Tls::None, login: None, authorities: None };
    Postman::new(Arc::new(SmtpMailer::new(smtp::sender(), settings).unwrap()))
}
impl Arranged for Office {
    async fn arrange(engine: Engine) -> Self {
        Self::with(engine, options()).await
    }
}
impl Office {
    pub async fn with(engine: Engine, options: Options) -> Self {
        let w = World::on(engine, options).await;
        let server = Server::start().await;
        let postman = postman(server.port);
        Self { w, server, postman }
    }
    /// Sends what is due now; the mails that were taken since the last time.
    pub async fn deliver(&self) -> Vec<Taken> {
        while self.w.node.app.deliver_mails(&self.postman).await.unwrap() > 0 {
            self.postman.settle().await;
        }
        self.server.take()
    }
    /// The one mail to this address that waits.
    pub async fn mail_to(&self, email: &str) -> Taken {
        let mut all: Vec<Taken> = self.deliver().await.into_iter().filter(|m| m.to == [email]).collect();
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }
    /// The same as `World::second_tenant`, where the link of the owner's invitation comes by mail.
    pub async fn second_tenant(&self, name: &str) -> Tenant {
        let email = format!("owner@{}.example", name.to_lowercase());
        let body = json!({ "name": name, "owner_email": email });
        let made = self.w.owner().post("/v1/tenants", body).await.expect(201);
        let token = self.mail_to(&email).await.token();
        self.w.accepted(&made, email, &token).await
    }
    async fn tenant(&self, owner: &str) -> Value {
        self.w.owner().post("/v1/tenants", json!({ "name": "Globex", "owner_email": owner })).await.expect(201)
    }
    async fn invited(&self, email: &str) -> String {
        id(&import(&self.w.service(), "", &[json!({ "email": email, "name": "Row" })]).await[0])
    }
}
async fn import(by: &Client, query: &str, rows: &[Value]) -> Vec<Value> {
    let body: String = rows.iter().map(|r| format!("{r}\n")).collect();
    let by = by.with("content-type", "application/x-ndjson");
    by.send("POST", &format!("/v1/users/import?{query}"), body.as_bytes()).await.lines()
}
async fn verify(w: &World, token: &str) -> Answer {
    w.anonymous().post("/v1/auth/verify-email", json!({ "token": token })).await
}
async fn set_first(w: &World, token: &str) -> Answer {
    w.anonymous().post("/v1/auth/set-initial-password", json!({ "token": token, "password": PASSWORD })).await
}

async fn an_owners_invitation_goes_by_mail_and_nobody_else_sees_the_link(o: Office) {
    let made = o.tenant("boss@globex.example").await;
    assert!(made.get("invitation_url").is_none_or(Value::is_null), "{made}");
    assert_eq!(count(&o.w, "mails").await, 1);
    let mail = o.mail_to("boss@globex.example").await;
    assert_eq!(count(&o.w, "mails").await, 0, "gone with its delivery");
    assert_eq!(mail.header("Subject"), "You are invited to Globex");
    assert!(mail.text().contains("http://localhost:7400/invitation?token=pci_"), "{}", mail.text());
    let token = mail.token();
    assert_eq!(verify(&o.w, &token).await.expect(200)["message"], "Your address is verified. Set a password next.");
    set_first(&o.w, &token).await.expect(200);
    let login = json!({ "email": "boss@globex.example", "password": PASSWORD, "tenant_slug": "globex" });
    o.w.anonymous().post("/v1/auth/login", login).await.expect(200);
    assert!(o.deliver().await.is_empty());
}

async fn a_user_is_invited_again_by_mail_and_the_older_link_ends(o: Office) {
    let user = o.invited("new@example.com").await;
    assert!(o.deliver().await.is_empty(), "an import invites when it is asked to");
    let invite = async || {
        let path = format!("/v1/users/{user}/resend-invite");
        let told = o.w.service().post(&path, json!({})).await.expect(200);
        assert_eq!(told, json!({ "message": "The invitation is on its way." }));
    };
    invite().await;
    let first = o.mail_to("new@example.com").await.token();
    // of two that wait only the one whose link counts is sent
    invite().await;
    invite().await;
    let second = o.mail_to("new@example.com").await.token();
    verify(&o.w, &first).await.refused(400, "invalid_token");
    verify(&o.w, &second).await.expect(200);
    set_first(&o.w, &second).await.expect(200);
    o.w.login("new@example.com").await.expect(200);
}

async fn who_is_made_with_a_password_is_asked_for_the_address(o: Office) {
    let made = o.w.owner().post("/v1/users", new_user_with(json!({ "email": "ada@example.com" }))).await.expect(201);
    assert_eq!(made["email_verified"], false);
    // login never needs it
    o.w.login("ada@example.com").await.expect(200);
    let mail = o.mail_to("ada@example.com").await;
    assert_eq!(mail.header("Subject"), "Confirm your address for Acme");
    assert!(mail.text().contains("/verify-email?token=pcv_"), "{}", mail.text());
    let answer = verify(&o.w, &mail.token()).await.expect(200);
    assert_eq!(answer, json!({ "message": "Your address is verified.", "email": "ada@example.com" }));
    let user = o.w.owner().get(&format!("/v1/users/{}", id(&made))).await.expect(200);
    assert_eq!((&user["email_verified"], &user["state"]), (&json!(true), &json!("active")));
    assert_eq!(o.w.events("action=user.email_verified").await.len(), 1);
    // who signs in elsewhere, and who has no password yet, is not asked
    let federated = json!({ "email": "f@example.com", "name": "F", "roles": ["user"], "auth_provider": "oidc" });
    o.w.owner().post("/v1/users", federated).await.expect(201);
    o.w.owner().post("/v1beta1/users", json!({ "email": "p@example.com", "title": "P" })).await.expect(200);
    assert!(o.deliver().await.is_empty());
}

async fn sec_03_a_verification_proves_an_address_once_and_sets_no_password(o: Office) {
    o.w.owner().post("/v1/users", new_user_with(json!({ "email": "ada@example.com" }))).await.expect(201);
    let token = o.mail_to("ada@example.com").await.token();
    set_first(&o.w, &token).await.refused(400, "invalid_token");
    set_first(&o.w, &token.replace("pcv_", "pci_")).await.refused(400, "invalid_token");
    for bad in [&token[..token.len() - 1], &format!("{token}x"), &token.replace("pcv_", "pci_"), "pcv_", "pcr_x"] {
        verify(&o.w, bad).await.refused(400, "invalid_token");
    }
    verify(&o.w, &token).await.expect(200);
    verify(&o.w, &token).await.refused(400, "invalid_token");
    o.w.owner().post("/v1/users", new_user_with(json!({ "email": "eve@example.com" }))).await.expect(201);
    let late = o.mail_to("eve@example.com").await.token();
    o.w.clock.pass(7 * 86_400 + 1);
    verify(&o.w, &late).await.refused(400, "invalid_token");
    o.w.login("ada@example.com").await.expect(200);
}

async fn an_invitation_into_an_organization_is_told_in_the_words_of_the_platform(o: Office) {
    let w = &o.w;
    let olga = w.person("Olga", &["user"]).await;
    let organization = organization(&olga.client, "acme-corp").await;
    o.deliver().await;
    let invite = async |to: &[&str]| {
        let body = json!({ "user_ids": to });
        let path = format!("/v1beta1/organizations/{organization}/invitations");
        olga.client.post(&path, body).await.expect(200)["invitations"].clone()
    };
    invite(&["new@example.com"]).await;
    let mail = o.mail_to("new@example.com").await;
    assert_eq!(mail.header("Subject"), "You are invited to join acme-corp");
    assert_eq!(
        mail.html().trim(),
        "<p>Hello new@example.com,</p><p>you are invited to join acme-corp. Sign in to accept the invitation.</p>"
    );
    let words = json!({ "preferences": [
        { "name": "invite_mail_template_subject", "value": "Come to {{.Organization}}, {{ .UserID }}" },
        { "name": "invite_mail_template_body", "value": "See https://c.example/{{.OrganizationID}}/{{.InviteID}}\n\n{{.Nothing}} <b>soon" },
    ] });
    w.owner().post("/v1beta1/preferences", words).await.expect(200);
    // invited again one keeps the invitation, and the mail is sent again
    let again = invite(&["new@example.com", "two@example.com"]).await;
    let mails = o.deliver().await;
    assert_eq!(mails.len(), 2);
    for (mail, invitation) in mails.iter().zip(again.as_array().unwrap()) {
        let to = invitation["user_id"].as_str().unwrap();
        let mail = if mail.to == [to] { mail } else { mails.iter().find(|m| m.to == [to]).unwrap() };
        assert_eq!(mail.header("Subject"), format!("Come to acme-corp, {to}"));
        let link = format!("See https://c.example/{organization}/{}\n\n{{{{.Nothing}}}} ", id(invitation));
        assert_eq!(mail.text().trim_end(), format!("{link}soon"));
        assert_eq!(mail.html().trim_end(), format!("{link}<b>soon"));
    }
}

async fn an_import_invites_whom_it_makes(o: Office) {
    let rows = [
        json!({ "email": "one@example.com", "name": "One" }),
        json!({ "email": "two@example.com", "name": "Two", "password": PASSWORD }),
        json!({ "email": "three@example.com", "name": "Three", "auth_provider": "oidc" }),
        json!({ "email": "four@example.com", "name": "Four", "active": false }),
        json!({ "email": "owner@example.com", "name": "Owner" }),
    ];
    let dry = import(&o.w.service(), "send_invites=true&dry_run=true", &rows).await;
    assert_eq!(dry.last().unwrap()["summary"]["created"], 4, "{dry:?}");
    assert_eq!(count(&o.w, "mails").await, 0);
    let done = import(&o.w.service(), "send_invites=true&on_conflict=update", &rows).await;
    assert_eq!(done.last().unwrap()["summary"]["created"], 4, "{done:?}");
    let token = o.mail_to("one@example.com").await.token();
    assert_eq!(o.w.events("action=user.invited").await.len(), 1);
    verify(&o.w, &token).await.expect(200);
    set_first(&o.w, &token).await.expect(200);
    o.w.login("one@example.com").await.expect(200);
}

async fn who_may_import_invites_only_with_the_right_to(o: Office) {
    let narrow = json!({ "name": "n", "scopes": ["users:import"] });
    let narrow = o.w.api_key(&o.w.owner(), narrow).await.1;
    let rows = [json!({ "email": "one@example.com", "name": "One" })];
    assert_eq!(import(&narrow, "send_invites=true", &rows).await[0]["code"], "forbidden");
    assert_eq!(import(&narrow, "", &rows).await[0]["status"], "created");
    assert!(o.deliver().await.is_empty());
}

async fn a_changed_password_is_told(o: Office) {
    let ada = o.w.person("Ada", &["user"]).await;
    o.deliver().await;
    let change = json!({ "current_password": PASSWORD, "new_password": "walnut-ferry-lantern-72" });
    ada.client.post("/v1/users/me/password", change).await.expect(204);
    let mail = o.mail_to(&ada.email).await;
    assert_eq!(mail.header("Subject"), "Your password for Acme was changed");
    assert!(!mail.data.contains("walnut") && !mail.text().contains("token="), "{}", mail.data);
}

async fn what_waits_for_a_server_goes_when_it_is_back_after_a_restart_too(o: Office) {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let away = postman(port);
    o.tenant("boss@globex.example").await;
    let round = async |postman: &Postman| {
        let begun = o.w.node.app.deliver_mails(postman).await.unwrap();
        postman.settle().await;
        begun
    };
    assert_eq!(round(&away).await, 1);
    assert_eq!(round(&away).await, 0, "nobody knocks in vain all the time");
    o.w.clock.pass(11);
    assert_eq!(round(&away).await, 1);
    assert_eq!(count(&o.w, "mails").await, 1);
    // another process, and the server is there again
    let server = Server::at(port).await;
    let after = postman(port);
    o.w.clock.pass(301);
    assert_eq!(round(&after).await, 1);
    assert_eq!((server.taken().len(), count(&o.w, "mails").await), (1, 0));
    verify(&o.w, &server.taken()[0].token()).await.expect(200);
}

async fn what_is_refused_for_good_is_given_up_and_told(o: Office) {
    let made = o.w.owner().post("/v1/users", new_user_with(json!({ "email": "gone@example.com" }))).await.expect(201);
    o.server.reply("gone@example.com", "550 5.1.1 gone@example.com is not here");
    o.w.owner().post("/v1/users", new_user_with(json!({ "email": "ada@example.com" }))).await.expect(201);
    o.mail_to("ada@example.com").await;
    assert_eq!(count(&o.w, "mails").await, 0, "one bad address stops nobody else's mail, and is not tried again");
    let told = o.w.events("action=mail.failed").await;
    assert_eq!(told.len(), 1);
    let expected = json!({ "purpose": "verification", "cause": "refused", "said": "550", "user_id": id(&made) });
    assert_eq!((&told[0]["metadata"], &told[0]["outcome"]), (&expected, &json!("failed")), "{}", told[0]);
    assert!(!told[0].to_string().contains("gone@"), "{}", told[0]);
}

async fn what_is_put_off_is_tried_again_until_a_day_is_over(o: Office) {
    o.w.owner().post("/v1/users", new_user_with(json!({ "email": "ada@example.com" }))).await.expect(201);
    o.server.reply("RCPT", "450 4.2.1 later");
    let mut tries = 0;
    for _ in 0..40 {
        tries += o.w.node.app.deliver_mails(&o.postman).await.unwrap();
        o.postman.settle().await;
        assert!(o.server.taken().is_empty());
        if count(&o.w, "mails").await == 0 {
            break;
        }
        o.w.clock.pass(3_600);
    }
    assert!((20..=26).contains(&tries), "{tries}");
    o.w.seal().await;
    let told = o.w.service().get("/v1/audit-log?action=mail.failed").await.expect(200)["data"].clone();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["metadata"]["cause"]), (1, &json!("expired")));
}

async fn sec_14_a_server_that_never_answers_keeps_nobody_waiting(o: Office) {
    o.server.be_silent(true);
    o.tenant("boss@globex.example").await;
    assert_eq!(o.w.node.app.deliver_mails(&o.postman).await.unwrap(), 1);
    let calls = async {
        for n in 0..20 {
            let body = new_user_with(json!({ "email": format!("u-{n}@example.com") }));
            o.w.owner().post("/v1/users", body).await.expect(201);
            // one tenant's turn is under way: another's begins, and the round does not wait
            o.w.node.app.deliver_mails(&o.postman).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), calls).await.expect("calls do not wait for mail");
    assert_eq!(count(&o.w, "mails").await, 21);
    o.server.be_silent(false);
    o.postman.settle().await;
    o.deliver().await;
    assert_eq!(count(&o.w, "mails").await, 0);
}

async fn sec_14_nobody_is_invited_without_end(o: Office) {
    let (user, other) = (o.invited("new@example.com").await, o.invited("two@example.com").await);
    let invite = async |user: &str| o.w.service().post(&format!("/v1/users/{user}/resend-invite"), json!({})).await;
    for _ in 0..10 {
        invite(&user).await.expect(200);
    }
    let refused = invite(&user).await;
    refused.refused(429, "rate_limited");
    assert!(refused.header("retry-after").is_some());
    invite(&other).await.expect(200);
    assert_eq!(count(&o.w, "mails").await, 2, "and of ten that wait one is sent");
    o.w.clock.pass(61);
    invite(&user).await.expect(200);
}

async fn sec_14_nobody_sends_invitations_without_end(o: Office) {
    let eve = o.w.person("Eve", &["user"]).await;
    let org = organization(&eve.client, "bait").await;
    let invite = async |from: usize, to: usize| {
        let emails: Vec<String> = (from..to).map(|n| format!("victim+{n}@example.com")).collect();
        let body = json!({ "org_id": org, "user_ids": emails, "role_ids": [], "group_ids": [] });
        connect(&eve.client, "CreateOrganizationInvitation", body).await
    };
    for n in 0..3 {
        invite(10 * n, 10 * (n + 1)).await.expect(200);
    }
    let before = count(&o.w, "mails").await;
    assert_eq!(invite(30, 31).await.status, 429);
    assert_eq!(count(&o.w, "mails").await, before);
    // what others wait for goes first
    let ada = o.w.person("Ada", &["user"]).await;
    let asked = json!({ "email": ada.email });
    o.w.anonymous().post("/v1/auth/request-password-reset", asked).await.expect(202);
    soon("written", async || count_where(&o.w, "mails", "purpose = 'password_reset'").await == 1).await;
    let first: Vec<_> = o.deliver().await.into_iter().take(3).flat_map(|m| m.to).collect();
    assert_eq!(first.iter().filter(|to| **to == ada.email).count(), 2, "the question and the link: {first:?}");
    o.w.clock.pass(61);
    invite(30, 31).await.expect(200);
}

async fn two_postmen_send_each_mail_once(o: Office) {
    for n in 0..30 {
        let body = new_user_with(json!({ "email": format!("u-{n}@example.com") }));
        o.w.owner().post("/v1/users", body).await.expect(201);
    }
    let other = postman(o.server.port);
    for _ in 0..200 {
        let (one, two) = tokio::join!(o.w.node.app.deliver_mails(&o.postman), o.w.node.app.deliver_mails(&other));
        one.unwrap();
        two.unwrap();
        tokio::join!(o.postman.settle(), other.settle());
        if count(&o.w, "mails").await == 0 {
            break;
        }
    }
    let mut to: Vec<String> = o.server.taken().into_iter().flat_map(|m| m.to).collect();
    to.sort();
    to.dedup();
    assert_eq!((to.len(), o.server.taken().len()), (30, 30));
}

async fn who_waits_for_a_mail_is_served_before_many(o: Office) {
    let rows: Vec<Value> =
        (0..40).map(|n| json!({ "email": format!("u-{n}@example.com"), "name": format!("U {n}") })).collect();
    import(&o.w.service(), "send_invites=true", &rows).await;
    o.w.owner().post("/v1/users", new_user_with(json!({ "email": "ada@example.com" }))).await.expect(201);
    o.tenant("boss@globex.example").await;
    let mails = o.deliver().await;
    assert_eq!(mails.len(), 42);
    let place = |to: &str| mails.iter().position(|m| m.to == [to]).unwrap();
    assert!(place("ada@example.com") < 2 && place("boss@globex.example") < 18, "{}", place("boss@globex.example"));
}

async fn sec_13_a_name_is_neither_a_header_nor_markup(o: Office) {
    for evil in ["Acme\r\nBcc: eve@evil.example", "Acme\nX: y", "A\u{0}b"] {
        let body = json!({ "name": evil, "owner_email": "boss@globex.example" });
        o.w.owner().post("/v1/tenants", body).await.refused(400, "invalid_input");
        o.w.owner().post("/v1/users", new_user_with(json!({ "name": evil }))).await.refused(400, "invalid_input");
    }
    let name = "\"><script>alert(1)</script>\u{2028}Bcc: eve@evil.example {{.UserID}} =?utf-8?q?=0D=0ABcc:_e@e?=";
    let body = json!({ "name": "T", "owner_email": "boss@globex.example", "owner_name": name });
    o.w.owner().post("/v1/tenants", body).await.expect(201);
    let usual = o.mail_to("boss@globex.example").await;
    let body = json!({ "name": name, "owner_email": "boss@other.example", "owner_name": name });
    o.w.owner().post("/v1/tenants", body).await.expect(201);
    let mail = o.mail_to("boss@other.example").await;
    assert_eq!(mail.to, ["boss@other.example"]);
    let names = |m: &Taken| m.headers().iter().map(|h| h.split(':').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&mail), names(&usual));
    assert!(!mail.html().contains("<script") && mail.html().contains("&lt;script&gt;"), "{}", mail.html());
}

async fn sec_20_an_erased_person_takes_their_mails_along(o: Office) {
    let email = "mathilde.unmistakable@example.com";
    let body = new_user_with(json!({ "email": email, "name": "Mathilde Unmistakable" }));
    let user = id(&o.w.owner().post("/v1/users", body).await.expect(201));
    let organization = organization(&o.w.owner(), "acme-corp").await;
    let invited = json!({ "org_id": organization, "user_ids": [email] });
    connect(&o.w.owner(), "CreateOrganizationInvitation", invited).await.expect(200);
    assert_eq!(count(&o.w, "mails").await, 2);
    let before = Contents::of(&o.w).await;
    assert!(!before.tables_with(b"Unmistakable").contains(&"mails"), "what waits is sealed");
    o.w.owner().delete(&format!("/v1/users/{user}")).await.expect(204);
    assert_eq!(count(&o.w, "mails").await, 0);
    assert!(o.deliver().await.is_empty());
}

async fn sec_19_a_suspended_user_gets_no_link(o: Office) {
    let user = o.invited("new@example.com").await;
    o.w.service().post(&format!("/v1/users/{user}/resend-invite"), json!({})).await.expect(200);
    o.w.owner().post(&format!("/v1/users/{user}/suspend"), json!({ "active": false })).await.expect(200);
    assert!(o.deliver().await.is_empty() && count(&o.w, "mails").await == 0);
}

async fn without_mail_nothing_is_written_and_links_are_answered(w: World) {
    w.second_tenant("Globex").await;
    let ada = w.person("Ada", &["user"]).await;
    let row = import(&w.service(), "", &[json!({ "email": "new@example.com", "name": "New" })]).await;
    let path = format!("/v1/users/{}/resend-invite", id(&row[0]));
    assert!(w.service().post(&path, json!({})).await.expect(200)["invitation_url"].is_string());
    let organization = organization(&ada.client, "acme-corp").await;
    let invited = json!({ "org_id": organization, "user_ids": ["two@example.com"] });
    connect(&ada.client, "CreateOrganizationInvitation", invited).await.expect(200);
    let refused = import(&w.service(), "send_invites=true", &[json!({ "email": "x@example.com", "name": "X" })]).await;
    assert_eq!(
        (&refused[0]["code"], &refused[0]["details"]["fields"][0]["field"]),
        (&json!("invalid_input"), &json!("send_invites"))
    );
    assert_eq!(count(&w, "mails").await, 0);
    assert_eq!(count_where(&w, "users", "token_purpose = 'verification'").await, 0);
}

async fn what_no_postman_came_for_is_forgotten(o: Office) {
    o.tenant("boss@globex.example").await;
    o.w.clock.pass(86_400);
    o.w.node.retain().await;
    assert_eq!(count(&o.w, "mails").await, 1);
    o.w.clock.pass(86_401);
    o.w.node.retain().await;
    assert_eq!(count(&o.w, "mails").await, 0);
}
