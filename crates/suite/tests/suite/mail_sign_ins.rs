//! Signing in by mail as Frontier's clients do: `mailotp` and `maillink` (spec v1beta1 4.2, decision 5).
use std::time::Duration;

use serde_json::{Value, json};

use crate::mails::{Office, options};
use crate::world::access::{connect, id};
use crate::world::authenticator::{MFA, demand, enrol, sign_in, with_app};
use crate::world::pages::HERE;
use crate::world::tables::count;
use crate::world::*;

const CALLBACK: &str = "https://app.example.com/callback?from=mail";
const HOME: &str = "https://app.example.com/home";
const SELF: &str = "/v1beta1/users/self";
/// What `Authenticate` and `AuthCallback` say to every wrong code.
const WRONG: &str = "This code or link is wrong, was used, or is too old: ask for a new one.";

/// An operator who set up mail and the pages of an application.
pub struct Doors(Office);
impl Arranged for Doors {
    async fn arrange(engine: Engine) -> Self {
        let mut options = options();
        options.settings.callback_urls = vec![CALLBACK.into(), "https://app.example.com/other".into()];
        options.settings.return_urls = vec![HOME.into()];
        options.edge.allowed_origins = vec!["https://app.example.com".into()];
        options.edge.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        Self(Office::with(engine, options).await)
    }
}
impl std::ops::Deref for Doors {
    type Target = Office;
    fn deref(&self) -> &Office {
        &self.0
    }
}
/// The code that a mail holds: a line of its own.
fn code_in(mail: &str) -> String {
    let is_code = |l: &&str| l.len() == 6 && l.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    mail.lines().map(str::trim).find(is_code).unwrap_or_else(|| panic!("no code: {mail}")).to_owned()
}
impl Doors {
    async fn ask(&self, asked: Value) -> Answer {
        connect(&self.w.anonymous(), "Authenticate", asked).await
    }
    /// A code that was asked for: what names the sign-in, and what the mail said.
    pub async fn code(&self, email: &str) -> (String, String) {
        let asked = json!({ "strategy_name": "mailotp", "email": email, "return_to": HOME });
        let state = self.ask(asked).await.expect(200)["state"].as_str().unwrap().to_owned();
        (state, code_in(&self.next(email).await))
    }
    /// The text of the next mail to sign in with, which is written some time after the answer.
    async fn next(&self, email: &str) -> String {
        for _ in 0..3_000 {
            let mut mails = self.deliver().await.into_iter();
            if let Some(mail) = mails.find(|m| m.to == [email.to_lowercase()] && m.text().contains("wants to sign in"))
            {
                return mail.text();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no mail to {email}")
    }
    /// No mail comes within 300 ms.
    async fn nothing(&self) {
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let mails = self.deliver().await;
            assert!(mails.is_empty(), "{mails:#?}");
        }
    }
    pub async fn end(&self, state: &str, code: &str) -> Answer {
        let body = json!({ "strategy_name": "mailotp", "state": state, "code": code });
        self.w.anonymous().post("/v1beta1/auth/callback", body).await
    }
    /// A browser that holds the cookie of this answer.
    fn browser(&self, answer: &Answer) -> Client {
        let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{}", answer.text()));
        let pair = cookie.split(';').next().unwrap().to_owned();
        self.w.anonymous().with("cookie", pair).with("origin", HERE)
    }
    pub async fn registration(&self, word: &str) {
        let path = format!("/v1/tenants/{}/settings", self.w.tenant);
        self.w.owner().patch(&path, json!({ "registration": word })).await.expect(200);
    }
    /// An active user without a password, as those are whom Frontier's clients make.
    async fn plain(&self, email: &str) -> String {
        id(&self.w.owner().post("/v1beta1/users", json!({ "email": email })).await.expect(200)["user"])
    }
}

both!(
    a_code_signs_in_and_leads_home,
    a_link_signs_in_through_the_applications_page,
    who_reads_the_mail_has_proved_the_address,
    a_session_of_a_strategy_has_no_idle_end,
    who_may_register_becomes_a_user,
    what_works_is_listed,
    sec_03_a_code_counts_once_for_ten_minutes_and_three_tries,
    sec_03_a_code_is_of_one_sign_in_and_one_strategy,
    sec_04_where_a_second_factor_is_due_the_session_is_restricted,
    sec_05_half_a_sign_in_enrols_nothing_when_the_factor_goes,
    sec_05_wrong_codes_of_a_mailbox_keep_nobody_out,
    sec_09_nobody_is_led_where_the_operator_does_not_say,
    sec_14_one_address_is_sent_a_few_mails_a_minute,
    sec_14_strangers_keep_nobody_out_where_they_are_known,
    sec_15_nobody_learns_who_has_an_account,
    sec_17_a_page_of_elsewhere_signs_nobody_in_by_mail,
    sec_19_who_is_suspended_meanwhile_stays_out,
    nothing_of_a_sign_in_stays,
);

async fn a_code_signs_in_and_leads_home(d: Doors) {
    let ada = d.plain("ada@example.com").await;
    let (state, code) = d.code("ada@example.com").await;
    let answer = d.end(&state, &code.to_lowercase()).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(HOME)));
    let by = d.browser(&answer);
    assert_eq!(by.get(SELF).await.expect(200)["user"]["id"], json!(ada));
    let sessions = connect(&by, "ListSessions", json!({})).await.expect(200);
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
    // over Connect nobody is led away
    let (state, code) = d.code("ada@example.com").await;
    let body = json!({ "strategy_name": "mailotp", "state": state, "code": code });
    let answer = connect(&d.w.anonymous(), "AuthCallback", body).await;
    assert_eq!((answer.header("location"), answer.expect(200)), (None, json!({})));
    d.browser(&answer).get(SELF).await.expect(200);
    // and as Frontier's pages do it: everything in the query
    let asked = "/v1beta1/auth/register/mailotp?email=ada@example.com";
    let state = d.w.anonymous().get(asked).await.expect(200)["state"].as_str().unwrap().to_owned();
    let code = code_in(&d.next("ada@example.com").await);
    let path = format!("/v1beta1/auth/callback?strategy_name=mailotp&state={state}&code={code}");
    let answer = d.w.anonymous().get(&path).await;
    assert_eq!((answer.status, answer.header("location")), (200, None));
    d.browser(&answer).get(SELF).await.expect(200);
    let told = d.w.events("action=auth.login_succeeded").await;
    assert_eq!(told.iter().filter(|e| e["metadata"]["amr"] == json!(["mail"])).count(), 3);
    assert_eq!(d.w.events("action=auth.mail_requested").await.len(), 3);
}

async fn a_link_signs_in_through_the_applications_page(d: Doors) {
    d.plain("ada@example.com").await;
    let asked = json!({ "strategy_name": "maillink", "email": "ada@example.com" });
    let answer = d.ask(asked).await.expect(200);
    assert!(answer.get("state").is_none_or(|s| s == ""), "who asks need not be who reads the mail: {answer}");
    let mail = d.next("ada@example.com").await;
    let link = mail.lines().map(str::trim).find(|l| l.starts_with("https://")).expect("a link").to_owned();
    let query = link.strip_prefix(&format!("{CALLBACK}&")).unwrap_or_else(|| panic!("{link}")).to_owned();
    // what the page does with what it was called with
    let path = format!("/v1beta1/auth/callback?{query}");
    let answer = d.w.anonymous().get(&path).await;
    d.browser(&answer).get(SELF).await.expect(200);
    assert_eq!(d.w.anonymous().get(&path).await.status, 400, "once");
    let asked = json!({ "strategy_name": "maillink", "email": "ada@example.com", "callback_url": "https://app.example.com/other" });
    d.ask(asked).await.expect(200);
    assert!(d.next("ada@example.com").await.contains("https://app.example.com/other?strategy_name=maillink&code=pce_"));
}

async fn who_reads_the_mail_has_proved_the_address(d: Doors) {
    let ada = d.plain("ada@example.com").await;
    let path = format!("/v1/users/{ada}");
    assert_eq!(d.w.owner().get(&path).await.expect(200)["email_verified"], false);
    let (state, code) = d.code("ada@example.com").await;
    d.end(&state, &code).await;
    assert_eq!(d.w.owner().get(&path).await.expect(200)["email_verified"], true);
    assert_eq!(d.w.events("action=user.email_verified").await.len(), 1);
    // who is invited accepts by that, and the link of the invitation is dead
    let made =
        d.w.service().post("/v1/tenants", json!({ "name": "Globex", "owner_email": "boss@globex.example" })).await;
    let tenant = made.expect(201)["id"].as_str().unwrap().to_owned();
    let invitation = d.mail_to("boss@globex.example").await.token();
    let there = d.w.anonymous().with("x-tenant-id", tenant);
    let asked = json!({ "strategy_name": "mailotp", "email": "boss@globex.example" });
    let state = connect(&there, "Authenticate", asked).await.expect(200)["state"].clone();
    let code = code_in(&d.next("boss@globex.example").await);
    let body = json!({ "strategy_name": "mailotp", "state": state, "code": code });
    let answer = there.post("/v1beta1/auth/callback", body).await;
    assert_eq!(d.browser(&answer).get(SELF).await.expect(200)["user"]["email"], "boss@globex.example");
    let body = json!({ "token": invitation, "password": PASSWORD });
    d.w.anonymous().post("/v1/auth/set-initial-password", body).await.refused(400, "invalid_token");
}

async fn a_session_of_a_strategy_has_no_idle_end(d: Doors) {
    d.plain("ada@example.com").await;
    let (state, code) = d.code("ada@example.com").await;
    let by = d.browser(&d.end(&state, &code).await);
    by.get(SELF).await.expect(200);
    d.w.clock.pass(20 * 86_400);
    by.get(SELF).await.expect(200);
    d.w.clock.pass(9 * 86_400);
    by.get(SELF).await.expect(200);
    d.w.clock.pass(2 * 86_400);
    assert_eq!(by.get(SELF).await.status, 401, "720 hours");
}

async fn who_may_register_becomes_a_user(d: Doors) {
    let ask = async |email: &str| {
        d.ask(json!({ "strategy_name": "mailotp", "email": email })).await.expect(200);
    };
    ask("new@example.com").await;
    d.nothing().await;
    d.registration("domains").await;
    ask("new@elsewhere.example").await;
    d.nothing().await;
    d.registration("open").await;
    let (state, code) = d.code("New.Person@example.com").await;
    assert_eq!(
        d.w.owner().get("/v1/users?q=new.person@example.com").await.expect(200)["data"],
        json!([]),
        "not before"
    );
    let by = d.browser(&d.end(&state, &code).await);
    let user = by.get(SELF).await.expect(200)["user"].clone();
    assert_eq!((&user["email"], &user["name"]), (&json!("new.person@example.com"), &json!("newperson_example_com")));
    let seen = d.w.owner().get(&format!("/v1/users/{}", id(&user))).await.expect(200);
    assert_eq!((&seen["roles"], &seen["email_verified"]), (&json!(["user"]), &json!(true)));
    assert_eq!(d.w.events("action=user.created&actor_type=anonymous").await.len(), 1);
    // the next time they are known
    let (state, code) = d.code("new.person@example.com").await;
    assert_eq!(d.browser(&d.end(&state, &code).await).get(SELF).await.expect(200)["user"]["id"], user["id"]);
    // the door was closed meanwhile: what was mailed to a stranger counts no more
    let (state, code) = d.code("late@example.com").await;
    d.registration("closed").await;
    assert_eq!(d.end(&state, &code).await.status, 400);
}

async fn what_works_is_listed(d: Doors) {
    let listed = d.w.anonymous().get("/v1beta1/auth").await.expect(200);
    let named = |name: &str| json!({ "name": name, "params": null });
    let expected = json!([named("mailotp"), named("maillink"), named("passkey")]);
    assert_eq!(listed["strategies"], expected);
    for (asked, says) in [
        (json!({ "strategy_name": "google", "email": "ada@example.com" }), "unsupported authentication method"),
        (json!({ "strategy_name": "mailotp", "email": "ada" }), "Invalid email"),
    ] {
        let answer = d.ask(asked).await;
        assert_eq!((answer.status, answer.json()["message"].clone()), (400, json!(says)));
    }
    // who is signed in is done
    let ada = d.w.person("Ada", &["user"]).await;
    d.deliver().await;
    let done = connect(&ada.client, "Authenticate", json!({ "strategy_name": "mailotp", "email": ada.email })).await;
    assert_eq!(done.expect(200), json!({}));
    d.nothing().await;
}

async fn sec_03_a_code_counts_once_for_ten_minutes_and_three_tries(d: Doors) {
    d.plain("ada@example.com").await;
    let refused = async |state: &str, code: &str| {
        let answer = d.end(state, code).await;
        assert_eq!((answer.status, answer.json()["message"].clone()), (400, json!(WRONG)));
        assert!(answer.header("set-cookie").is_none());
    };
    let (state, code) = d.code("ada@example.com").await;
    d.end(&state, &code).await;
    refused(&state, &code).await;
    // ten minutes
    d.w.clock.pass(60);
    let (state, code) = d.code("ada@example.com").await;
    d.w.clock.pass(601);
    refused(&state, &code).await;
    // two wrong ones do no harm, three do
    let (state, code) = d.code("ada@example.com").await;
    for wrong in ["", "ABC234"] {
        refused(&state, wrong).await;
    }
    assert_eq!(d.end(&state, &code).await.status, 303);
    d.w.clock.pass(60);
    let (state, code) = d.code("ada@example.com").await;
    for wrong in ["AAAAAA", "BBBBBB", "CCCCCC", &code] {
        refused(&state, wrong).await;
    }
    assert_eq!(d.w.events("action=auth.login_failed&outcome=denied").await.len(), 5);
}

async fn sec_03_a_code_is_of_one_sign_in_and_one_strategy(d: Doors) {
    d.plain("ada@example.com").await;
    d.plain("eve@example.com").await;
    let (adas, code) = d.code("ada@example.com").await;
    let (eves, other) = d.code("eve@example.com").await;
    for (state, code) in [(&eves, &code), (&adas, &other)] {
        assert_eq!(d.end(state, code).await.status, 400);
    }
    let as_link = json!({ "strategy_name": "maillink", "state": adas, "code": code });
    let nameless = json!({ "state": adas, "code": code });
    for body in [as_link, nameless, json!({ "strategy_name": "mailotp" })] {
        assert_eq!(d.w.anonymous().post("/v1beta1/auth/callback", body.clone()).await.status, 400, "{body}");
    }
    // nor does it work in another tenant
    let rival = d.second_tenant("Rival").await;
    let body = json!({ "strategy_name": "mailotp", "state": adas, "code": code });
    let there = d.w.anonymous().with("x-tenant-id", rival.id.clone());
    assert_eq!(there.post("/v1beta1/auth/callback", body).await.status, 400);
    assert_eq!(d.end(&adas, &code).await.status, 303);
}

async fn sec_04_where_a_second_factor_is_due_the_session_is_restricted(d: Doors) {
    let (ada, app, _) = with_app(&d.w, "Ada", &["user"]).await;
    d.deliver().await;
    let (state, code) = d.code(&ada.email).await;
    let by = d.browser(&d.end(&state, &code).await);
    assert_eq!(by.get(SELF).await.status, 403);
    let on_v1 = by.with("x-tenant-id", d.w.tenant.clone());
    on_v1.get("/v1/users/me/sessions").await.refused(403, "mfa_setup_required");
    // a factor cannot be added by whoever has one of two, and no password stands in for it
    on_v1.post("/v1/users/me/mfa/totp", json!({})).await.refused(403, "mfa_setup_required");
    let path = "/v1/users/me/reauthenticate";
    on_v1.post(path, json!({ "password": PASSWORD })).await.expect(204);
    assert_eq!(by.get(SELF).await.status, 403);
    on_v1.post(path, json!({ "code": app.wrong(&d.w.clock) })).await.refused(400, "invalid_code");
    on_v1.post(path, json!({ "code": app.next(&d.w.clock) })).await.expect(204);
    by.get(SELF).await.expect(200);
    // nor do the pages know more
    let (state, code) = d.code(&ada.email).await;
    let by = d.browser(&d.end(&state, &code).await);
    for page in ["/account", "/account/keys", "/account/tokens", "/account/factors", "/account/sessions"] {
        let led = by.get(page).await;
        assert_eq!((led.status, led.header("location")), (303, Some("/account/reauthenticate")), "{page}");
    }
    for page in
        ["/account/factors/app", "/account/factors/credential", "/account/factors/backup-codes", "/account/password"]
    {
        let led = by.with("content-type", "application/x-www-form-urlencoded").send("POST", page, b"").await;
        assert_eq!((led.status, led.header("location")), (303, Some("/account/reauthenticate")), "{page}");
    }
    let page = by.get("/account/reauthenticate").await.text();
    assert!(page.contains("Code that the app shows") && !page.contains("type=\"password\""), "{page}");
    let exchanged = by.post("/v1beta1/auth/token", json!({})).await;
    assert_eq!(exchanged.status, 403, "no token says less than the session knows: {}", exchanged.text());
    // who has none and needs one enrols it
    let bob = d.w.person("Bob", &["user"]).await;
    d.deliver().await;
    demand(&d.w, "required").await;
    let (state, code) = d.code(&bob.email).await;
    let by = d.browser(&d.end(&state, &code).await).with("x-tenant-id", d.w.tenant.clone());
    assert_eq!(by.get(SELF).await.status, 403);
    assert_eq!(by.get("/account/keys").await.header("location"), Some("/account/factors?done=factor_first"));
    assert_eq!(by.get("/account/factors").await.status, 200);
    enrol(&d.w, &by).await;
    by.get(SELF).await.expect(200);
}

async fn sec_05_half_a_sign_in_enrols_nothing_when_the_factor_goes(d: Doors) {
    let (ada, _, _) = with_app(&d.w, "Ada", &["user"]).await;
    d.deliver().await;
    let (state, code) = d.code(&ada.email).await;
    let half = d.browser(&d.end(&state, &code).await).with("x-tenant-id", d.w.tenant.clone());
    half.post(&format!("{MFA}/totp"), json!({})).await.refused(403, "mfa_setup_required");
    let id = ada.client.get(MFA).await.expect(200)["methods"][0]["id"].as_str().unwrap().to_owned();
    ada.client.delete(&format!("{MFA}/{id}")).await.expect(204);
    assert_eq!(half.post(&format!("{MFA}/totp"), json!({})).await.status, 401);
    ada.client.get(MFA).await.expect(200);
    // and she is told, as she was when it was enrolled
    let mail = d.mail_to(&ada.email).await;
    assert!(mail.header("Subject").starts_with("Your second factors for"), "{}", mail.header("Subject"));
}

async fn sec_05_wrong_codes_of_a_mailbox_keep_nobody_out(d: Doors) {
    let (ada, app, _) = with_app(&d.w, "Ada", &["user"]).await;
    d.deliver().await;
    let (state, code) = d.code(&ada.email).await;
    let half = d.browser(&d.end(&state, &code).await).with("x-tenant-id", d.w.tenant.clone());
    let mut statuses = vec![];
    for _ in 0..15 {
        let tried = half.post("/v1/users/me/reauthenticate", json!({ "code": app.wrong(&d.w.clock) })).await;
        statuses.push(tried.status);
    }
    assert!(statuses[..9].iter().all(|s| *s == 400) && statuses.last() == Some(&429), "{statuses:?}");
    // whoever has the password and the app is let in
    sign_in(&d.w, &ada.email, &app).await.get(MFA).await.expect(200);
    // an administrator's reset lifts it
    d.w.owner().delete(&format!("/v1/users/{}/mfa", ada.id)).await.expect(204);
    let (state, code) = d.code(&ada.email).await;
    let by = d.browser(&d.end(&state, &code).await).with("x-tenant-id", d.w.tenant.clone());
    let (app, _) = enrol(&d.w, &by).await;
    let (state, code) = d.code(&ada.email).await;
    let half = d.browser(&d.end(&state, &code).await).with("x-tenant-id", d.w.tenant.clone());
    half.post("/v1/users/me/reauthenticate", json!({ "code": app.next(&d.w.clock) })).await.expect(204);
}

async fn sec_09_nobody_is_led_where_the_operator_does_not_say(d: Doors) {
    d.plain("ada@example.com").await;
    for page in [
        "https://evil.example/",
        "https://app.example.com/home/",
        "https://app.example.com/home#x",
        "//evil.example",
        "",
    ] {
        d.w.clock.pass(60);
        let asked = json!({ "strategy_name": "mailotp", "email": "ada@example.com", "return_to": page });
        let state = d.ask(asked).await.expect(200)["state"].as_str().unwrap().to_owned();
        let code = code_in(&d.next("ada@example.com").await);
        let answer = d.end(&state, &code).await;
        assert_eq!((answer.status, answer.header("location")), (200, None), "{page}");
    }
    for page in ["https://evil.example/", "https://app.example.com/callback", "https://app.example.com/other/"] {
        let asked = json!({ "strategy_name": "maillink", "email": "ada@example.com", "callback_url": page });
        assert_eq!(d.ask(asked).await.status, 400, "{page}");
    }
    d.nothing().await;
}

async fn sec_14_one_address_is_sent_a_few_mails_a_minute(d: Doors) {
    d.plain("ada@example.com").await;
    for _ in 0..5 {
        d.code("ada@example.com").await;
    }
    let asked = json!({ "strategy_name": "mailotp", "email": "ada@example.com" });
    d.ask(asked.clone()).await.expect(200);
    d.nothing().await;
    d.w.clock.pass(61);
    d.code("ada@example.com").await;
}

async fn sec_14_strangers_keep_nobody_out_where_they_are_known(d: Doors) {
    let ada = d.w.person("Ada", &["user"]).await;
    d.deliver().await;
    let asked = json!({ "strategy_name": "mailotp", "email": ada.email });
    let mut sent = 0;
    for stranger in 0..10 {
        let by = d.w.anonymous().with("x-forwarded-for", format!("203.0.113.{stranger}"));
        for _ in 0..4 {
            connect(&by, "Authenticate", asked.clone()).await.expect(200);
            for _ in 0..if sent < 20 { 1_000 } else { 10 } {
                tokio::time::sleep(Duration::from_millis(10)).await;
                let mails = d.deliver().await.len();
                sent += mails;
                if mails > 0 {
                    break;
                }
            }
        }
    }
    assert_eq!(sent, 20, "all strangers together");
    // she is where she signed in
    d.code(&ada.email).await;
}

async fn sec_15_nobody_learns_who_has_an_account(d: Doors) {
    d.plain("ada@example.com").await;
    let federated = json!({ "email": "f@example.com", "name": "F", "roles": ["user"], "auth_provider": "oidc" });
    d.w.owner().post("/v1/users", federated).await.expect(201);
    let gone = d.w.person("Gone", &["user"]).await;
    d.w.owner().post(&format!("/v1/users/{}/suspend", gone.id), json!({ "active": false })).await.expect(200);
    d.deliver().await;
    let ask = async |email: &str| {
        let asked = json!({ "strategy_name": "mailotp", "email": email });
        let answer = d.ask(asked).await;
        let state = answer.expect(200)["state"].as_str().unwrap().to_owned();
        (state.len(), state[..4].to_owned(), answer.expect(200).as_object().unwrap().len())
    };
    let known = ask("ada@example.com").await;
    d.next("ada@example.com").await;
    for email in ["nobody@example.com", "f@example.com", &gone.email] {
        assert_eq!(ask(email).await, known, "{email}");
    }
    d.nothing().await;
}

async fn sec_17_a_page_of_elsewhere_signs_nobody_in_by_mail(d: Doors) {
    d.plain("ada@example.com").await;
    let (state, code) = d.code("ada@example.com").await;
    let body = json!({ "strategy_name": "mailotp", "state": state, "code": code });
    let from = async |origin: &str| {
        d.w.anonymous().with("origin", origin).post("/v1beta1/auth/callback", body.clone()).await.status
    };
    assert_eq!(from("https://evil.example").await, 403);
    assert_eq!(from("null").await, 403);
    let path = format!("/v1beta1/auth/callback?strategy_name=mailotp&state={state}&code={code}");
    let led = d.w.anonymous().with("sec-fetch-site", "cross-site").get(&path).await;
    assert_eq!((led.status, led.header("set-cookie")), (403, None), "a link on a page of elsewhere");
    // nor does one that a mail or a chat leads to: what is typed comes from a page
    let led = d.w.anonymous().with("sec-fetch-site", "none").get(&path).await;
    assert_eq!((led.status, led.header("set-cookie")), (403, None));
    assert_eq!(from("https://app.example.com").await, 303);
}

async fn sec_19_who_is_suspended_meanwhile_stays_out(d: Doors) {
    let ada = d.plain("ada@example.com").await;
    let (state, code) = d.code("ada@example.com").await;
    let suspend = format!("/v1/users/{ada}/suspend");
    d.w.owner().post(&suspend, json!({ "active": false })).await.expect(200);
    assert_eq!(d.end(&state, &code).await.status, 400);
    // what was sent before does not come back with them
    d.w.owner().post(&suspend, json!({ "active": true })).await.expect(200);
    assert_eq!(d.end(&state, &code).await.status, 400);
}

async fn nothing_of_a_sign_in_stays(d: Doors) {
    let ada = d.plain("ada@example.com").await;
    d.code("ada@example.com").await;
    assert_eq!(count(&d.w, "mail_sign_ins").await, 1);
    d.w.clock.pass(601);
    d.w.node.retain().await;
    assert_eq!(count(&d.w, "mail_sign_ins").await, 0);
    d.code("ada@example.com").await;
    d.w.owner().delete(&format!("/v1/users/{ada}")).await.expect(204);
    assert_eq!(count(&d.w, "mail_sign_ins").await, 0);
}
