//! Second factors by page (spec v1 4.3.2, 9.2), as a browser without JavaScript sees them.
use serde_json::{Value, json};

use crate::world::authenticator::*;
use crate::world::pages::{Browser, send, value};
use crate::world::passkey::{Passkey, register, registered, with_passkey};
use crate::world::tables::count;
use crate::world::*;

both!(
    a_code_comes_after_the_password,
    a_backup_code_is_taken_in_the_same_field,
    sec_04_a_second_step_that_is_over_begins_again,
    sec_14_codes_are_tried_so_often_and_no_more,
    a_demanded_factor_is_enrolled_on_the_way_in,
    an_app_is_added_and_removed_in_the_account,
    what_demands_a_fresh_sign_in_asks_who_it_is_first,
    sec_13_the_name_of_a_factor_is_text,
    the_last_factor_stays_where_one_is_demanded,
    a_passkey_is_added_in_the_account_and_asked_for_at_sign_in,
    sec_05_a_passkey_that_is_not_ones_own_signs_nobody_in_by_page,
    sec_17_only_pages_that_speak_to_a_passkey_run_our_script,
    without_a_domain_no_page_speaks_of_passkeys,
    somebody_signs_in_with_a_passkey_alone,
    sec_05_a_passkey_alone_signs_in_its_own_person_and_nobody_else,
    sec_04_a_passkey_is_asked_once,
);

const CODE: &str = "/sign-in/code";
const ENROL: &str = "/sign-in/enrol";
const FACTORS: &str = "/account/factors";
const CONFIRM: &str = "/account/factors/app/confirm";

/// The password; the page after it.
async fn password(b: &mut Browser, email: &str, more: &[(&str, &str)]) -> String {
    let form = [&[("email", email), ("password", PASSWORD)], more].concat();
    let answer = b.form("/sign-in", &form).await;
    assert!(answer.header("set-cookie").is_none(), "nobody is signed in by a password alone");
    answer.page(200)
}
async fn code(b: &mut Browser, page: &str, code: &str) -> Answer {
    let fields = ["challenge", "tenant", "return_to"].map(|name| (name, value(page, name).replace("&#38;", "&")));
    let mut form: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    form.push(("code", code));
    let path = if page.contains(ENROL) { ENROL } else { CODE };
    b.form(path, &form).await
}
/// The app that scanned, or typed, what a page shows.
pub fn app_of(page: &str) -> App {
    let secret = page.split_once("<code class=\"seed\">").unwrap_or_else(|| panic!("no seed: {page}")).1;
    App::with(&json!(secret.split('<').next().unwrap().replace(' ', "")))
}
fn codes_of(page: &str) -> Vec<String> {
    let list = page.split_once("<ul class=\"codes\">").unwrap_or_else(|| panic!("no codes: {page}")).1;
    let list = list.split("</ul>").next().unwrap();
    list.split("<code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}
fn draws(page: &str) -> &str {
    let at = page.find("<div class=\"qr\" role=\"img\"").unwrap_or_else(|| panic!("no picture: {page}"));
    page[at..].split("</div>").next().unwrap()
}
/// The number of a form that makes something.
fn once(page: &str) -> String {
    value(page, "once")
}

async fn a_code_comes_after_the_password(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let mut b = Browser::new(&w);
    let page = password(&mut b, &ada.email, &[("return_to", "/account/keys?a=b&c=d"), ("tenant", "acme")]).await;
    assert!(page.contains("<h1>Your second factor</h1>") && page.contains("autocomplete=\"one-time-code\""), "{page}");
    assert!(!page.contains(PASSWORD) && !page.contains("type=\"password\""));
    let wrong = code(&mut b, &page, &app.wrong(&w.clock)).await;
    assert!(wrong.header("set-cookie").is_none());
    let again = wrong.page(400);
    assert!(again.contains("id=\"code-error\"") && again.contains("wrong or was used before"), "{again}");
    assert_eq!(value(&again, "code"), "", "what was typed is not shown again");
    assert_eq!(value(&again, "challenge"), value(&page, "challenge"));
    assert_eq!(value(&again, "tenant"), "acme");
    let empty = code(&mut b, &again, "").await.page(400);
    assert!(empty.contains("Enter a code."), "{empty}");
    let done = code(&mut b, &empty, &app.next(&w.clock)).await;
    let cookie = done.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"), "{cookie}");
    done.leads_to("/account/keys?a=b&c=d");
    b.get("/account").await.page(200);
    let begun = w.events("action=auth.login_succeeded").await.remove(0);
    assert_eq!(begun["metadata"]["amr"], json!(["pwd", "otp", "mfa"]));
    // a form sent twice
    let mut other = Browser::new(&w);
    let late = code(&mut other, &page, &app.next(&w.clock)).await;
    assert!(late.header("set-cookie").is_none());
    late.leads_to("/sign-in?tenant=acme&return_to=%2Faccount%2Fkeys%3Fa%3Db%26c%3Dd&done=sign_in_again");
    let page = other.get("/sign-in?done=sign_in_again").await.page(200);
    assert!(page.contains("Sign in again."), "{page}");
}

async fn a_backup_code_is_taken_in_the_same_field(w: World) {
    let (ada, app, codes) = with_app(&w, "Ada", &["user"]).await;
    for typed in [codes[0].clone(), codes[1].to_uppercase().replace('-', " ")] {
        let mut b = Browser::new(&w);
        let page = password(&mut b, &ada.email, &[]).await;
        code(&mut b, &page, &typed).await.leads_to("/account");
        b.get("/account").await.page(200);
    }
    let begun = w.events("action=auth.login_succeeded").await.remove(0);
    assert_eq!(begun["metadata"]["amr"], json!(["pwd", "recovery", "mfa"]));
    let mut b = Browser::new(&w);
    let page = password(&mut b, &ada.email, &[]).await;
    code(&mut b, &page, &codes[0]).await.page(400);
    // as apps show it
    let shown = app.next(&w.clock);
    code(&mut b, &page, &format!("{} {}", &shown[..3], &shown[3..])).await.leads_to("/account");
}

async fn sec_04_a_second_step_that_is_over_begins_again(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let before = count(&w, "sessions").await;
    let over = "/sign-in?tenant=acme&done=sign_in_again";
    let mut b = Browser::new(&w);
    let page = password(&mut b, &ada.email, &[("tenant", "acme")]).await;
    for _ in 0..5 {
        code(&mut b, &page, &app.wrong(&w.clock)).await.page(400);
    }
    code(&mut b, &page, &app.now(&w.clock)).await.leads_to(over);
    let page = password(&mut b, &ada.email, &[("tenant", "acme")]).await;
    w.clock.pass(301);
    code(&mut b, &page, &app.now(&w.clock)).await.leads_to(over);
    let page = password(&mut b, &ada.email, &[]).await;
    let challenge = value(&page, "challenge");
    for (path, challenge) in [(CODE, ""), (CODE, "pcm_x"), (ENROL, &*challenge), (ENROL, "pcm_x")] {
        let answer = b.form(path, &[("challenge", challenge), ("code", &app.now(&w.clock))]).await;
        assert!(answer.header("set-cookie").is_none());
        answer.leads_to("/sign-in?done=sign_in_again");
    }
    // no page of these opens by a link
    for path in [CODE, ENROL] {
        assert_eq!(b.get(&format!("{path}?challenge={challenge}")).await.status, 405);
    }
    assert_eq!(count(&w, "sessions").await, before);
    // who was not asked for one cannot ask for one
    let bob = w.person("Bob", &["user"]).await;
    Browser::of(&w, &bob.email).await.get("/account").await.page(200);
}

async fn sec_14_codes_are_tried_so_often_and_no_more(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let mut b = Browser::new(&w);
    let mut page = password(&mut b, &ada.email, &[]).await;
    for n in 1..=10 {
        if n == 6 {
            page = password(&mut b, &ada.email, &[]).await;
        }
        code(&mut b, &page, &app.wrong(&w.clock)).await.page(400);
    }
    let page = password(&mut b, &ada.email, &[]).await;
    let waits = code(&mut b, &page, &app.now(&w.clock)).await;
    assert!(waits.header("retry-after").is_some());
    let said = waits.page(429);
    assert!(said.contains("Too many wrong codes.") && said.contains("name=\"code\""), "{said}");
}

async fn a_demanded_factor_is_enrolled_on_the_way_in(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    demand(&w, "required").await;
    let mut b = Browser::new(&w);
    let page = password(&mut b, &ada.email, &[("return_to", "/account/sessions"), ("tenant", "acme")]).await;
    assert!(page.contains("<h1>One more step</h1>") && page.contains("inputmode=\"numeric\""), "{page}");
    assert!(draws(&page).contains("<svg") && draws(&page).contains("#ffffff"), "{page}");
    let app = app_of(&page);
    // the seed that was scanned stays
    let wrong = code(&mut b, &page, &app.wrong(&w.clock)).await;
    assert!(wrong.header("set-cookie").is_none());
    let again = wrong.page(400);
    assert!(again.contains("id=\"code-error\""), "{again}");
    assert_eq!(draws(&again), draws(&page));
    let again = code(&mut b, &again, " ").await.page(400);
    assert_eq!(draws(&again), draws(&page));
    let done = code(&mut b, &again, &app.now(&w.clock)).await;
    assert!(done.header("set-cookie").is_some_and(|c| c.starts_with("portcullis_session=")));
    let shown = done.page(200);
    let codes = codes_of(&shown);
    assert_eq!(codes.len(), 10);
    assert!(shown.contains("href=\"/account/sessions\""), "{shown}");
    assert!(b.get("/account").await.page(200).contains("Ada"));
    let factors = b.get(FACTORS).await.page(200);
    assert!(
        factors.contains("Authenticator app") && factors.contains("10 of your backup codes are left."),
        "{factors}"
    );
    // the codes are good, and were shown once
    code(&mut b, &again, &app.next(&w.clock))
        .await
        .leads_to("/sign-in?tenant=acme&return_to=%2Faccount%2Fsessions&done=sign_in_again");
    let mut other = Browser::new(&w);
    let page = password(&mut other, &ada.email, &[]).await;
    code(&mut other, &page, &codes[9]).await.leads_to("/account");
}

async fn an_app_is_added_and_removed_in_the_account(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let mut b = Browser::of(&w, &ada.email).await;
    let page = b.get(FACTORS).await.page(200);
    assert!(page.contains("You have no second factor") && !page.contains("backup-codes"), "{page}");
    let begun = b.form("/account/factors/app", &[("once", &once(&page))]).await.page(200);
    let app = app_of(&begun);
    // loaded again it is the same
    let reloaded = b.form("/account/factors/app", &[("once", &once(&page))]).await.page(200);
    assert_eq!(draws(&reloaded), draws(&begun));
    let id = value(&begun, "id");
    let form = |code: String, page: &str| {
        vec![
            ("id".to_owned(), id.clone()),
            ("code".into(), code),
            ("name".into(), "My phone".into()),
            ("once".into(), once(page)),
        ]
    };
    let send = async |b: &mut Browser, form: Vec<(String, String)>| {
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        b.form(CONFIRM, &form).await
    };
    let wrong = send(&mut b, form(app.wrong(&w.clock), &begun)).await.page(400);
    assert!(wrong.contains("id=\"code-error\""), "{wrong}");
    assert_eq!((draws(&wrong), value(&wrong, "name")), (draws(&begun), "My phone".into()));
    assert!(b.get(FACTORS).await.page(200).contains("You have no second factor"));
    let right = form(app.now(&w.clock), &wrong);
    let shown = send(&mut b, right.clone()).await.page(200);
    let codes = codes_of(&shown);
    assert_eq!(
        (codes.len(), codes_of(&send(&mut b, right).await.page(200))),
        (10, codes.clone()),
        "the same when loaded again"
    );
    let page = b.get(FACTORS).await.page(200);
    assert!(page.contains("Authenticator app “My phone”") && !page.contains("Add the app"), "{page}");
    // a session of before is half of one now
    ada.client.get(MFA).await.refused(403, "mfa_setup_required");
    let listed = page.split_once("/remove\"").unwrap().0.rsplit('/').next().unwrap();
    let remove = format!("{FACTORS}/{listed}/remove");
    // nobody removes what is another's
    let bob = w.person("Bob", &["user"]).await;
    Browser::of(&w, &bob.email).await.form(&remove, &[]).await.leads_to(FACTORS);
    let renewed = b.form("/account/factors/backup-codes", &[("once", &once(&page))]).await.page(200);
    assert!(codes_of(&renewed).len() == 10 && !codes_of(&renewed).contains(&codes[0]));
    b.form(&remove, &[]).await.leads_to("/account/factors?done=factor_removed");
    assert!(b.get("/account/factors?done=factor_removed").await.page(200).contains("The second factor is removed."));
    b.form(&remove, &[]).await.leads_to(FACTORS);
    // an enrolment waits fifteen minutes
    let page = b.get(FACTORS).await.page(200);
    let begun = b.form("/account/factors/app", &[("once", &once(&page))]).await.page(200);
    w.clock.pass(901);
    let late = [("id", &*value(&begun, "id")), ("code", &*app_of(&begun).now(&w.clock)), ("once", &*once(&begun))];
    assert!(b.form(CONFIRM, &late).await.page(400).contains("That took too long: begin again."));
    b.form(CONFIRM, &[("id", "x"), ("code", "1")]).await.leads_to(FACTORS);
}

async fn what_demands_a_fresh_sign_in_asks_who_it_is_first(w: World) {
    const AGAIN: &str = "/account/reauthenticate?return_to=%2Faccount%2Ffactors";
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    let mut b = Browser::new(&w);
    let page = password(&mut b, &ada.email, &[]).await;
    code(&mut b, &page, &app.next(&w.clock)).await.leads_to("/account");
    w.clock.pass(1_000);
    let id = ada.client.get(MFA).await.expect(200)["methods"][0]["id"].as_str().unwrap().to_owned();
    let page = b.get(FACTORS).await.page(200);
    let renew = [("once", &*once(&page))];
    b.form(&format!("{FACTORS}/{id}/remove"), &[]).await.leads_to(AGAIN);
    b.form("/account/factors/backup-codes", &renew).await.leads_to(AGAIN);
    let asked = b.get(AGAIN).await.page(200);
    assert!(asked.contains("<h1>Is it you?</h1>") && asked.contains("name=\"code\""), "{asked}");
    assert_eq!(value(&asked, "return_to"), FACTORS);
    for (form, said) in [
        (("password", "not-the-word-1"), "This is not your password."),
        (("password", ""), "Enter your password."),
        (("code", ""), "Enter a code."),
        (("code", &*app.wrong(&w.clock)), "wrong or was used before"),
    ] {
        let page = b.form("/account/reauthenticate", &[form, ("return_to", FACTORS)]).await.page(400);
        assert!(page.contains(said) && !page.contains("not-the-word-1"), "{said}: {page}");
        assert_eq!(value(&page, "return_to"), FACTORS);
    }
    b.form("/account/factors/backup-codes", &renew).await.leads_to(AGAIN);
    b.form("/account/reauthenticate", &[("password", PASSWORD), ("return_to", FACTORS)]).await.leads_to(FACTORS);
    assert_eq!(codes_of(&b.form("/account/factors/backup-codes", &renew).await.page(200)).len(), 10);
    w.clock.pass(1_000);
    b.form(&format!("{FACTORS}/{id}/remove"), &[]).await.leads_to(AGAIN);
    let form = [("code", &*app.now(&w.clock)), ("return_to", FACTORS)];
    b.form("/account/reauthenticate", &form).await.leads_to(FACTORS);
    b.form(&format!("{FACTORS}/{id}/remove"), &[]).await.leads_to("/account/factors?done=factor_removed");
    // it leads to pages of ours only
    let form = [("password", PASSWORD), ("return_to", "//evil.example")];
    b.form("/account/reauthenticate", &form).await.leads_to("/account");
    // who has no app is asked for the password alone
    assert!(!b.get(AGAIN).await.page(200).contains("name=\"code\""));
}

async fn sec_13_the_name_of_a_factor_is_text(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let mut b = Browser::of(&w, &ada.email).await;
    let page = b.get(FACTORS).await.page(200);
    let begun = b.form("/account/factors/app", &[("once", &once(&page))]).await.page(200);
    let (id, code) = (value(&begun, "id"), app_of(&begun).now(&w.clock));
    let evil = "<script>alert(1)</script>\"";
    let long = "x".repeat(101);
    for (name, status) in [(&*long, 400), (evil, 200)] {
        let form = [("id", &*id), ("code", &*code), ("name", name), ("once", &*once(&begun))];
        let page = b.form(CONFIRM, &form).await.page(status);
        assert!(status == 200 || page.contains("id=\"name-error\""), "{page}");
    }
    let page = b.get(FACTORS).await.page(200);
    assert!(page.contains("&#60;script&#62;") && !page.contains("<script"), "{page}");
}

async fn the_last_factor_stays_where_one_is_demanded(w: World) {
    let (ada, app, _) = with_app(&w, "Ada", &["user"]).await;
    demand(&w, "required").await;
    let mut b = Browser::new(&w);
    let page = password(&mut b, &ada.email, &[]).await;
    code(&mut b, &page, &app.next(&w.clock)).await.leads_to("/account");
    let id = ada.client.get(MFA).await.expect(200)["methods"][0]["id"].as_str().unwrap().to_owned();
    let page = b.form(&format!("{FACTORS}/{id}/remove"), &[]).await.page(409);
    assert!(page.contains("This tenant demands a second factor") && page.contains("Authenticator app"), "{page}");
}

/// What a page gives to its script.
fn options(page: &str) -> Value {
    let at = page.split_once("data-options=\"").unwrap_or_else(|| panic!("no options: {page}")).1;
    let text = at.split('"').next().unwrap().replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

async fn a_passkey_is_added_in_the_account_and_asked_for_at_sign_in(w: World) {
    const KEY: &str = "/account/factors/credential";
    const DONE: &str = "/account/factors/credential/confirm";
    let ada = w.person("Ada", &["user"]).await;
    let mut b = Browser::of(&w, &ada.email).await;
    let page = b.get(FACTORS).await.page(200);
    assert!(page.contains("Add a passkey") && page.contains("Add a security key"), "{page}");
    let asked = b.form(KEY, &[("kind", "webauthn_passkey")]).await.page(200);
    assert!(asked.contains("data-webauthn=\"make\"") && asked.contains("<noscript>"), "{asked}");
    let mut passkey = Passkey::new("of-ada");
    let made = passkey.make(&options(&asked)).to_string();
    let form = |name, credential: &str, page: &str| {
        let kind = ("kind".to_owned(), "webauthn_passkey".to_owned());
        vec![
            kind,
            ("name".into(), String::from(name)),
            ("credential".into(), credential.to_owned()),
            ("once".into(), once(page)),
        ]
    };
    let send = async |b: &mut Browser, form: Vec<(String, String)>| {
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        b.form(DONE, &form).await
    };
    for (name, credential, said) in [
        ("", &*made, "Enter a name."),
        ("My laptop", "", "That did not work"),
        ("My laptop", &*made, "This answers another request: begin again."),
    ] {
        let page = send(&mut b, form(name, credential, &asked)).await.page(400);
        assert!(page.contains(said) && page.contains("data-webauthn"), "{said}: {page}");
        assert_ne!(options(&page)["challenge"], options(&asked)["challenge"], "each page asks for something else");
    }
    let asked = b.form(KEY, &[("kind", "webauthn_passkey")]).await.page(200);
    let right = form("My laptop", &passkey.make(&options(&asked)).to_string(), &asked);
    let shown = send(&mut b, right.clone()).await.page(200);
    assert_eq!(codes_of(&shown).len(), 10);
    assert_eq!(codes_of(&send(&mut b, right).await.page(200)), codes_of(&shown), "the same when loaded again");
    assert!(b.get(FACTORS).await.page(200).contains("Passkey “My laptop”"));
    b.form(KEY, &[("kind", "totp")]).await.leads_to(FACTORS);

    let mut b = Browser::new(&w);
    let page = password(&mut b, &ada.email, &[("return_to", "/account/keys")]).await;
    assert!(page.contains("data-webauthn=\"use\"") && page.contains("name=\"code\""), "either: {page}");
    let (challenge, answer) = (value(&page, "challenge"), passkey.answer(&options(&page)).to_string());
    let form = [("challenge", &*challenge), ("credential", &*answer), ("return_to", "/account/keys")];
    let done = b.form("/sign-in/credential", &form).await;
    assert!(done.header("set-cookie").is_some_and(|c| c.starts_with("portcullis_session=")));
    done.leads_to("/account/keys");
    b.get("/account").await.page(200);
    Browser::new(&w)
        .form("/sign-in/credential", &form)
        .await
        .leads_to("/sign-in?return_to=%2Faccount%2Fkeys&done=sign_in_again");
    // changing factors asks who it is first
    w.clock.pass(1_000);
    b.form(KEY, &[("kind", "webauthn_fido")]).await.leads_to("/account/reauthenticate?return_to=%2Faccount%2Ffactors");
}

async fn sec_05_a_passkey_that_is_not_ones_own_signs_nobody_in_by_page(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let (mut of_ada, mut of_bob) = (Passkey::new("of-ada"), Passkey::new("of-bob"));
    with_passkey(&ada.client, &mut of_ada).await;
    with_passkey(&bob.client, &mut of_bob).await;
    let mut b = Browser::new(&w);
    let mut page = password(&mut b, &ada.email, &[]).await;
    for wrong in ["of-bob", "origin", "unread"] {
        let answer = match wrong {
            "of-bob" => of_bob.answer(&options(&page)).to_string(),
            "origin" => {
                of_ada.origin = "https://evil.example".into();
                of_ada.answer(&options(&page)).to_string()
            }
            _ => "{".into(),
        };
        let challenge = value(&page, "challenge");
        let refused = b.form("/sign-in/credential", &[("challenge", &challenge), ("credential", &answer)]).await;
        assert!(refused.header("set-cookie").is_none());
        page = refused.page(401);
        assert!(page.contains("class=\"problem\"") && page.contains("data-options"), "{wrong}: {page}");
    }
    of_ada.origin = crate::world::pages::HERE.into();
    let (challenge, answer) = (value(&page, "challenge"), of_ada.answer(&options(&page)).to_string());
    b.form("/sign-in/credential", &[("challenge", &challenge), ("credential", &answer)]).await.leads_to("/account");
}

async fn sec_17_only_pages_that_speak_to_a_passkey_run_our_script(w: World) {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let ada = w.person("Ada", &["user"]).await;
    with_passkey(&ada.client, &mut Passkey::new("of-ada")).await;
    let mut b = Browser::new(&w);
    let step = b.form("/sign-in", &[("email", &ada.email), ("password", PASSWORD)]).await;
    let bob = w.person("Bob", &["user"]).await;
    let mut account = Browser::of(&w, &bob.email).await;
    let add = account.form("/account/factors/credential", &[("kind", "webauthn_passkey")]).await;
    for answer in [&step, &add] {
        assert_eq!(answer.header("content-security-policy"), Some(POLICY));
        let page = answer.page(200);
        let script = page.split_once("<script src=\"").unwrap().1.split('"').next().unwrap().to_owned();
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        let said = b.get(&script).await;
        assert_eq!(said.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert!(said.text().contains("navigator.credentials"));
    }
    // who has none is given no script
    let (eve, ..) = with_app(&w, "Eve", &["user"]).await;
    let step = b.form("/sign-in", &[("email", &eve.email), ("password", PASSWORD)]).await;
    assert!(!step.page(200).contains("<script") && !step.header("content-security-policy").unwrap().contains("script"));
}

async fn without_a_domain_no_page_speaks_of_passkeys(e: Engine) {
    let mut options = Options::default();
    options.settings.public_url = "http://127.0.0.1:7400".into();
    let w = World::on(e, options).await;
    let form = [("email", "owner@example.com"), ("password", PASSWORD)];
    let answer = send(&w.anonymous().with("origin", "http://127.0.0.1:7400"), "/sign-in", &form).await;
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let page = w.anonymous().with("cookie", &cookie).get(FACTORS).await.page(200);
    assert!(page.contains("Add the app") && !page.contains("asskey"), "{page}");
}

const PASSKEY: &str = "/sign-in/passkey";
const ANSWER: &str = "/sign-in/passkey/answer";
async fn somebody_signs_in_with_a_passkey_alone(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let mut passkey = Passkey::new("of-ada");
    with_passkey(&ada.client, &mut passkey).await;
    let rival = w.second_tenant("Rival").await;
    // a passkey is two factors
    demand(&w, "required").await;
    let mut b = Browser::new(&w);
    let page = b.get("/sign-in?return_to=/account/keys").await.page(200);
    assert!(page.contains("Sign in with a passkey"), "{page}");
    let asked = b.form(PASSKEY, &[("return_to", "/account/keys"), ("tenant", "acme")]).await;
    assert!(asked.header("content-security-policy").unwrap().contains("script-src 'self'"));
    let asked = asked.page(200);
    let given = options(&asked);
    assert_eq!((&given["allowCredentials"], &given["userVerification"]), (&json!([]), &json!("required")));
    assert_eq!((value(&asked, "tenant"), value(&asked, "return_to")), ("acme".into(), "/account/keys".into()));
    let answer = passkey.answer(&given).to_string();
    let done = b.form(ANSWER, &[("credential", &answer), ("return_to", "/account/keys")]).await;
    assert!(done.header("set-cookie").is_some_and(|c| c.starts_with("portcullis_session=")));
    done.leads_to("/account/keys");
    assert!(b.get("/account").await.page(200).contains(&ada.email));
    let begun = w.events("action=auth.login_succeeded").await.remove(0);
    assert_eq!((&begun["metadata"]["amr"], &begun["actor_id"]), (&json!(["hwk", "mfa"]), &json!(ada.id)));
    // in a tenant of its own
    let mut of_rival = Passkey::new("of-rival");
    with_passkey(&rival.owner.client, &mut of_rival).await;
    let mut b = Browser::new(&w);
    let asked = b.form(PASSKEY, &[("tenant", &rival.slug)]).await.page(200);
    let answer = of_rival.answer(&options(&asked)).to_string();
    b.form(ANSWER, &[("credential", &answer), ("tenant", &rival.slug)]).await.leads_to("/account");
    assert!(b.get("/account").await.page(200).contains("Rival"));
    let page = b.form(PASSKEY, &[("tenant", "nobody")]).await.page(404);
    assert!(page.contains("There is no sign-in at this address."), "{page}");
}

async fn sec_05_a_passkey_alone_signs_in_its_own_person_and_nobody_else(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let mut of_ada = Passkey::new("of-ada");
    with_passkey(&ada.client, &mut of_ada).await;
    let rival = w.second_tenant("Rival").await;
    let mut of_rival = Passkey::new("of-rival");
    with_passkey(&rival.owner.client, &mut of_rival).await;
    let mut touch = Passkey { verifies: false, ..Passkey::new("touch") };
    let asked = register(&bob.client, "webauthn_fido").await;
    registered(&bob.client, "webauthn_fido", &touch.make(&asked)).await.expect(200);
    let before = count(&w, "sessions").await;
    let mut b = Browser::new(&w);
    let refused = async |b: &mut Browser, passkey: &mut Passkey, handle: Option<&str>| {
        let asked = b.form(PASSKEY, &[("tenant", "acme")]).await.page(200);
        let mut said = passkey.answer(&options(&asked));
        if let Some(handle) = handle {
            said["response"]["userHandle"] = json!(handle);
        }
        let answer = b.form(ANSWER, &[("credential", &said.to_string()), ("tenant", "acme")]).await;
        assert!(answer.header("set-cookie").is_none());
        assert!(answer.page(401).contains("class=\"problem\""));
    };
    refused(&mut b, &mut of_rival, None).await;
    refused(&mut b, &mut Passkey::new("unknown"), None).await;
    refused(&mut b, &mut Passkey { user: of_ada.user.clone(), ..Passkey::new("of-ada") }, None).await;
    // a key that only wants a touch is no sign-in of its own
    refused(&mut b, &mut touch, None).await;
    touch.verifies = true;
    refused(&mut b, &mut touch, None).await;
    refused(&mut b, &mut of_ada, Some("")).await;
    let bobs = data_encoding::BASE64URL_NOPAD.encode(&touch.user);
    refused(&mut b, &mut of_ada, Some(&bobs)).await;
    of_ada.verifies = false;
    refused(&mut b, &mut of_ada, None).await;
    (of_ada.verifies, of_ada.origin) = (true, "https://evil.example".into());
    refused(&mut b, &mut of_ada, None).await;
    (of_ada.origin, of_ada.rp_id) = (crate::world::pages::HERE.into(), "evil.example".into());
    refused(&mut b, &mut of_ada, None).await;
    of_ada.rp_id = "localhost".into();
    let now = std::mem::replace(&mut of_ada.counter, 1);
    refused(&mut b, &mut of_ada, None).await;
    of_ada.counter = now;
    assert_eq!(count(&w, "sessions").await, before);
    let failed = w.events("action=auth.login_failed").await;
    assert_eq!((failed.len(), &failed[0]["metadata"]["amr"]), (11, &json!("webauthn")));
    assert_eq!((&failed[0]["actor_type"], &failed[0]["resource_id"]), (&json!("anonymous"), &json!(ada.id)));
    let asked = b.form(PASSKEY, &[]).await.page(200);
    let answer = of_ada.answer(&options(&asked)).to_string();
    w.owner().post(&format!("/v1/users/{}/suspend", ada.id), json!({ "active": false })).await.expect(200);
    b.form(ANSWER, &[("credential", &answer)]).await.page(401);
}

async fn sec_04_a_passkey_is_asked_once(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let mut passkey = Passkey::new("of-ada");
    with_passkey(&ada.client, &mut passkey).await;
    let mut b = Browser::new(&w);
    let asked = b.form(PASSKEY, &[]).await.page(200);
    let answer = passkey.answer(&options(&asked)).to_string();
    b.form(ANSWER, &[("credential", &answer)]).await.leads_to("/account");
    let unasked = passkey.answer(&json!({ "challenge": "AAAA" })).to_string();
    for again in [answer, unasked] {
        let mut other = Browser::new(&w);
        let late = other.form(ANSWER, &[("credential", &again)]).await;
        assert!(late.header("set-cookie").is_none());
        late.leads_to("/sign-in?done=sign_in_again");
    }
    let mut b = Browser::new(&w);
    let asked = b.form(PASSKEY, &[]).await.page(200);
    w.clock.pass(301);
    let late = passkey.answer(&options(&asked)).to_string();
    b.form(ANSWER, &[("credential", &late)]).await.leads_to("/sign-in?done=sign_in_again");
    assert!(count(&w, "passkey_requests").await > 0);
    w.node.retain().await;
    assert_eq!(count(&w, "passkey_requests").await, 0);
    // what the second step asks is no sign-in by itself
    let mut b = Browser::new(&w);
    let page = password(&mut b, &ada.email, &[]).await;
    let answer = passkey.answer(&options(&page)).to_string();
    b.form(ANSWER, &[("credential", &answer)]).await.leads_to("/sign-in?done=sign_in_again");
}
