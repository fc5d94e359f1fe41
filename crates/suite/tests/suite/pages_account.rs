//! `/account`: profile, password, sessions, keys, tokens, as a browser without JavaScript sees them (spec v1 2.2, 4.3.2).
use serde_json::json;

use crate::world::access::{ORGANIZATION_VIEWER, join};
use crate::world::pages::{Browser, secret, value};
use crate::world::tables::count;
use crate::world::token::place;
use crate::world::*;

both!(
    names_are_changed_and_shown,
    sec_13_what_people_write_is_text,
    a_picture_is_uploaded_shown_and_removed,
    sec_14_only_small_pictures_are_taken,
    a_password_is_changed_and_other_sessions_end,
    sessions_are_listed_and_ended,
    a_key_is_made_once_shown_once_and_revoked,
    a_key_may_be_narrowed_to_areas,
    a_token_is_made_for_an_organization,
    what_one_may_do_is_listed,
    sec_02_nobody_ends_what_is_anothers,
    sec_19_who_is_suspended_sees_nothing_more,
    a_rule_says_why_something_is_not_allowed,
);

/// A PNG of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

async fn ada(w: &World) -> (Person, Browser) {
    let ada = w.person("Ada", &["user"]).await;
    let b = Browser::of(w, &ada.email).await;
    (ada, b)
}

async fn names_are_changed_and_shown(w: World) {
    let (ada, mut b) = ada(&w).await;
    let form = [("first_name", " Ada "), ("last_name", "Lovelace"), ("display_name", "Countess")];
    b.form("/account", &form).await.leads_to("/account?done=profile");
    let page = b.get("/account?done=profile").await.page(200);
    assert!(page.contains("Your profile is saved."));
    assert_eq!((value(&page, "first_name"), value(&page, "last_name")), ("Ada".into(), "Lovelace".into()));
    // an empty field is no name; one that was not sent stays
    b.form("/account", &[("display_name", "")]).await.leads_to("/account?done=profile");
    let profile = ada.client.get("/v1/users/me/profile").await.expect(200);
    assert_eq!((&profile["first_name"], &profile["display_name"]), (&json!("Ada"), &json!(null)));
    let long = "x".repeat(101);
    let page = b.form("/account", &[("first_name", &long), ("last_name", "Kept as typed")]).await.page(400);
    assert!(page.contains("At most 100 characters") && page.contains("Kept as typed"), "{page}");
    assert!(page.contains("id=\"first_name-error\""), "{page}");
    // members that a form must not have do nothing (checklist 11)
    b.form("/account", &[("roles", "admin"), ("is_owner", "true"), ("email", "eve@example.com")]).await;
    let me = w.owner().get(&format!("/v1/users/{}", ada.id)).await.expect(200);
    assert_eq!((&me["roles"], &me["is_owner"], &me["email"]), (&json!(["user"]), &json!(false), &json!(ada.email)));
}

async fn sec_13_what_people_write_is_text(w: World) {
    const EVIL: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    let name = format!("Eve {EVIL}");
    let body = json!({ "email": "eve@example.com", "name": name, "password": PASSWORD, "roles": ["user"] });
    w.owner().post("/v1/users", body).await.expect(201);
    let mut b = Browser::of(&w, "eve@example.com").await;
    b.client = b.client.with("user-agent", EVIL);
    b.form("/account", &[("display_name", EVIL), ("first_name", EVIL)]).await.leads_to("/account?done=profile");
    let organization = w.owner().post("/v1beta1/organizations", json!({ "name": "acme-corp", "title": EVIL })).await;
    let organization = organization.expect(200)["organization"]["id"].clone();
    let me = b.get("/v1beta1/users/self").await.expect(200)["user"]["id"].clone();
    join(&w, organization.as_str().unwrap(), me.as_str().unwrap(), ORGANIZATION_VIEWER).await;
    let mut pages = vec![];
    pages.push(b.form("/account/keys", &[("name", EVIL), ("days", "30")]).await.page(200));
    let token =
        [("title", "<script>alert(1)</script>"), ("days", "30"), ("organization", organization.as_str().unwrap())];
    pages.push(b.form("/account/tokens", &token).await.page(400));
    let token = [&token[..], &[("role_organization", ORGANIZATION_VIEWER)]].concat();
    pages.push(b.form("/account/tokens", &token).await.page(200));
    for path in ["", "/password", "/factors", "/reauthenticate", "/sessions", "/keys", "/tokens", "/permissions"] {
        pages.push(b.get(&format!("/account{path}")).await.page(200));
    }
    let said = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("tenant", EVIL)
        .append_pair("done", EVIL)
        .finish();
    pages.push(Browser::new(&w).get(&format!("/sign-in?{said}")).await.page(404));
    pages.push(Browser::new(&w).get(&format!("/invitation?{}", said.replace("tenant=", "token="))).await.page(400));
    pages.push(Browser::new(&w).form("/sign-in", &[("email", EVIL), ("return_to", EVIL)]).await.page(400));
    pages.push(Browser::new(&w).form("/sign-in", &[("email", "eve@example.com"), ("tenant", EVIL)]).await.page(200));
    for page in &pages {
        assert!(!page.contains("<script") && !page.contains("<img src=x"), "{page}");
        assert!(!page.contains("\"'>"), "{page}");
    }
    assert!(pages.iter().filter(|p| p.contains("&#60;script&#62;") || p.contains("&lt;script")).count() >= 9);
}

async fn a_picture_is_uploaded_shown_and_removed(w: World) {
    let (ada, mut b) = ada(&w).await;
    assert_eq!(b.get("/account/picture").await.status, 404);
    b.upload("/account/picture", "picture", PNG).await.leads_to("/account?done=picture");
    assert!(b.get("/account?done=picture").await.page(200).contains("src=\"/account/picture\""));
    let picture = b.get("/account/picture").await;
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    assert_eq!(picture.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    assert_eq!(picture.body, PNG);
    let profile = ada.client.get("/v1/users/me/profile").await.expect(200);
    assert!(profile["avatar_base64"].as_str().unwrap().starts_with("data:image/png;base64,"));
    assert_eq!(Browser::new(&w).get("/account/picture").await.status, 303, "it is the person's own");
    b.form("/account/picture/remove", &[]).await.leads_to("/account?done=picture_removed");
    assert_eq!(b.get("/account/picture").await.status, 404);
}

async fn sec_14_only_small_pictures_are_taken(w: World) {
    let (_, b) = ada(&w).await;
    let wide = [&PNG[..16], &5_000_u32.to_be_bytes(), &PNG[20..]].concat();
    let large = [PNG, &vec![0; 300_000]].concat();
    for (file, said) in [
        (&b""[..], "Choose a picture first."),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>", "This is no PNG"),
        (b"\xff\xd8\xff nothing more", "A data URI of a PNG"),
        (&wide, "At most 4096 pixels a side"),
        (&large, "This picture is too large"),
    ] {
        let page = b.upload("/account/picture", "picture", file).await.page(400);
        assert!(page.contains(said) && !page.contains("<script"), "{said}: {page}");
    }
    let huge = b.upload("/account/picture", "picture", &vec![0; 2 << 20]).await;
    assert!(huge.page(413).contains("This is too large"));
    let by = b.client.with("origin", crate::world::pages::HERE);
    for (media, body) in [
        ("multipart/form-data; boundary=xx", &b"--xx\r\nnonsense"[..]),
        ("multipart/form-data; boundary=xx", b""),
        ("multipart/form-data", b"x"),
        ("text/plain", b"x"),
    ] {
        let answer = by.with("content-type", media).send("POST", "/account/picture", body).await;
        assert!((400..416).contains(&answer.status), "{media}: {}", answer.status);
    }
    assert_eq!(b.get("/account/picture").await.status, 404);
}

async fn a_password_is_changed_and_other_sessions_end(w: World) {
    let (ada, mut b) = ada(&w).await;
    let other = Browser::of(&w, &ada.email).await;
    const NEW: &str = "orbit-canvas-plum-14";
    for (current, new, again, said) in [
        ("wrong-word-1", NEW, NEW, "This is not your current password."),
        (PASSWORD, NEW, "another-word-77", "The two passwords are not the same."),
        (PASSWORD, "password1", "password1", "most used"),
        (PASSWORD, "", "", "Enter your password."),
        ("", NEW, NEW, "Enter your password."),
    ] {
        let form = [("current_password", current), ("new_password", new), ("again", again)];
        let page = b.form("/account/password", &form).await.page(400);
        assert!(page.contains(said) && !page.contains(NEW) && !page.contains(PASSWORD), "{said}: {page}");
    }
    other.get("/account").await.page(200);
    let form = [("current_password", PASSWORD), ("new_password", NEW), ("again", NEW)];
    b.form("/account/password", &form).await.leads_to("/account/password?done=password");
    assert!(b.get("/account/password?done=password").await.page(200).contains("your other sessions have ended"));
    assert_eq!(other.get("/account").await.status, 303);
    w.login(&ada.email).await.refused(401, "invalid_credentials");
}

async fn sessions_are_listed_and_ended(w: World) {
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
    let ada = w.person("Ada", &["user"]).await;
    let mut here = Browser::new(&w);
    here.client = here.client.with("user-agent", FIREFOX);
    let form = [("email", &*ada.email), ("password", PASSWORD)];
    here.form("/sign-in", &form).await.leads_to("/account");
    let there = Browser::of(&w, &ada.email).await;
    let page = here.get("/account/sessions").await.page(200);
    assert!(page.contains("Firefox on Linux") && page.contains("This browser") && page.contains("127.0.0.1"), "{page}");
    assert!(page.find("This browser") < page.find("Unknown device"), "the own one first: {page}");
    // two others: the browser, and the tokens of `person`
    assert_eq!(page.matches("/end\"").count(), 2, "{page}");
    let ends: Vec<String> = page
        .split("action=\"")
        .skip(1)
        .filter_map(|s| s.split('"').next())
        .filter(|p| p.ends_with("/end"))
        .map(str::to_owned)
        .collect();
    here.form(&ends[0], &[]).await.leads_to("/account/sessions?done=session");
    here.form(&ends[0], &[]).await.leads_to("/account/sessions?done=session");
    assert_eq!(here.get("/account/sessions").await.page(200).matches("/end\"").count(), 1);
    here.form("/account/sessions/end-others", &[]).await.leads_to("/account/sessions?done=sessions");
    assert_eq!(there.get("/account").await.status, 303);
    let page = here.get("/account/sessions?done=sessions").await.page(200);
    assert!(page.contains("You are signed in nowhere else.") && !page.contains("/end\""));
}

async fn a_key_is_made_once_shown_once_and_revoked(w: World) {
    let (_, mut b) = ada(&w).await;
    let page = b.get("/account/keys").await.page(200);
    assert!(page.contains("You have no API keys."));
    let once = value(&page, "once");
    let form = [("name", "nightly report"), ("reach", "all"), ("days", "90"), ("once", &*once)];
    let first = b.form("/account/keys", &form).await.page(200);
    let raw = secret(&first);
    w.with_key(raw).get("/v1/users/me/permissions").await.expect(200);
    // the page, loaded again
    assert!(b.form("/account/keys", &form).await.page(200).contains(raw));
    assert_eq!(count(&w, "api_keys").await, 2, "the suite's own, and one");
    let page = b.get("/account/keys").await.page(200);
    assert!(page.contains("nightly report") && page.contains("all that you may do") && !page.contains(raw));
    assert_ne!(value(&page, "once"), once);
    for (form, said) in [
        (&[("name", " "), ("once", &*once)][..], "Enter a name."),
        (&[("name", &*"x".repeat(121))], "At most 120 characters"),
        (&[("name", "k"), ("reach", "some")], "Choose at least one area."),
        (&[("name", "k"), ("reach", "some"), ("area", "nothing")], "No such scope"),
    ] {
        assert!(b.form("/account/keys", form).await.page(400).contains(said), "{said}");
    }
    let revoke = page.split("action=\"").filter_map(|s| s.split('"').next()).find(|p| p.ends_with("/revoke")).unwrap();
    b.form(revoke, &[]).await.leads_to("/account/keys?done=key_revoked");
    w.with_key(raw).get("/v1/users/me/permissions").await.refused(401, "unauthenticated");
    assert!(b.get("/account/keys").await.page(200).contains("You have no API keys."));
}

async fn a_key_may_be_narrowed_to_areas(w: World) {
    let mut b = Browser::of(&w, "owner@example.com").await;
    let form = [("name", "k"), ("reach", "some"), ("area", "users"), ("area", "policies"), ("days", "")];
    let page = b.form("/account/keys", &form).await.page(200);
    let raw = secret(&page);
    let key = w.with_key(raw);
    key.get("/v1/users").await.expect(200);
    key.get("/v1/policies").await.expect(200);
    key.get("/v1/tenants").await.refused(403, "forbidden");
    let page = b.get("/account/keys").await.page(200);
    assert!(page.contains("users:*, policies:*") && page.contains("never ends"), "{page}");
}

async fn a_token_is_made_for_an_organization(w: World) {
    let (_, mut b) = ada(&w).await;
    assert!(b.get("/account/tokens").await.page(200).contains("you are a member of none"));
    let p = place(&w).await;
    let mut b2 = Browser::of(&w, &p.member.email).await;
    let page = b2.get("/account/tokens").await.page(200);
    assert_eq!(value(&page, "organization"), p.organization);
    let once = value(&page, "once");
    let form = |title: &'static str, role: &'static str| {
        let (organization, once) = (p.organization.clone(), once.clone());
        [
            ("title", title.to_owned()),
            ("role_organization", role.to_owned()),
            ("organization", organization),
            ("once", once),
            ("days", "30".into()),
        ]
    };
    async fn sent(b: &mut Browser, form: &[(&str, String)]) -> Answer {
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
        b.form("/account/tokens", &form).await
    }
    let page = sent(&mut b2, &form("CI", ORGANIZATION_VIEWER)).await.page(200);
    let raw = secret(&page).to_owned();
    assert_eq!(w.bearer(&raw).get("/v1beta1/users/self").await.status, 200);
    let page = b2.get("/account/tokens").await.page(200);
    assert!(page.contains("<strong>CI</strong>") && !page.contains(&raw));
    assert!(sent(&mut b2, &form("", ORGANIZATION_VIEWER)).await.page(400).contains("Enter a title."));
    assert!(sent(&mut b2, &form("Other", "")).await.page(400).contains("Choose at least one role."));
    assert!(sent(&mut b2, &form("Other", NOBODY)).await.page(400).contains("roles do not exist"));
    // of an organization that one is not in
    let foreign = [
        ("title", "CI"),
        ("role_organization", ORGANIZATION_VIEWER),
        ("organization", &*p.organization),
        ("days", "30"),
    ];
    assert_eq!(b.form("/account/tokens", &foreign).await.status, 403);
    let delete = page.split("action=\"").filter_map(|s| s.split('"').next()).find(|p| p.ends_with("/delete")).unwrap();
    // nor does another end it
    b.form(delete, &[]).await.leads_to("/account/tokens");
    assert_eq!(w.bearer(&raw).get("/v1beta1/users/self").await.status, 200);
    b2.form(delete, &[]).await.leads_to("/account/tokens?done=token_deleted");
    assert_eq!(w.bearer(&raw).get("/v1beta1/users/self").await.status, 401);
}

async fn what_one_may_do_is_listed(w: World) {
    let (_, b) = ada(&w).await;
    let page = b.get("/account/permissions").await.page(200);
    assert!(page.contains("<code>api_keys</code>") && page.contains(">user</span>"), "{page}");
    assert!(!page.contains("<code>policies</code>"));
    let owner = Browser::of(&w, "owner@example.com").await;
    assert!(owner.get("/account/permissions").await.page(200).contains("<code>policies</code>"));
}

async fn sec_02_nobody_ends_what_is_anothers(w: World) {
    let (ada, eve) = (ada(&w).await.0, w.person("Eve", &["user"]).await);
    let mut b = Browser::of(&w, &eve.email).await;
    let rival = w.second_tenant("Rival").await;
    let stranger = rival.person("Sam", &["user"]).await;
    for victim in [&ada.client, &stranger.client] {
        let list = victim.get("/v1/users/me/sessions").await.expect(200);
        for s in list["data"].as_array().unwrap() {
            let path = format!("/account/sessions/{}/end", s["id"].as_str().unwrap());
            b.form(&path, &[]).await.leads_to("/account/sessions?done=session");
        }
        let key = victim.post("/v1/api-keys", json!({ "name": "k" })).await.expect(201);
        let answer = b.form(&format!("/account/keys/{}/revoke", key["id"].as_str().unwrap()), &[]).await;
        assert!(answer.status == 403 || answer.header("location") == Some("/account/keys"), "{}", answer.text());
        victim.get("/v1/users/me/profile").await.expect(200);
        let raw = key["raw_key"].as_str().unwrap();
        victim.without("authorization").with("x-api-key", raw).get("/v1/users/me/permissions").await.expect(200);
    }
}

async fn sec_19_who_is_suspended_sees_nothing_more(w: World) {
    let (ada, mut b) = ada(&w).await;
    b.get("/account").await.page(200);
    let suspend = format!("/v1/users/{}/suspend", ada.id);
    w.owner().post(&suspend, json!({ "active": false })).await.expect(200);
    assert_eq!(b.get("/account").await.status, 303);
    b.form("/sign-in", &[("email", &ada.email), ("password", PASSWORD)]).await.page(401);
    w.owner().post(&suspend, json!({ "active": true })).await.expect(200);
    assert_eq!(b.get("/account").await.status, 303, "the session does not come back");
}

async fn a_rule_says_why_something_is_not_allowed(w: World) {
    let (_, mut b) = ada(&w).await;
    let cedar =
        "@notice(\"Ask <b>security</b> first\") forbid (principal, action == Action::\"api_keys:create\", resource);";
    w.policy("no keys", 100, cedar).await;
    let page = b.form("/account/keys", &[("name", "k"), ("days", "30")]).await.page(403);
    assert!(page.contains("Ask &#60;b&#62;security&#60;/b&#62; first"), "{page}");
    assert!(page.contains("value=\"k\""), "what was typed is kept: {page}");
}
