//! What gives access is nowhere in the store as it is (checklist 18): every kind of it, every table.
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};

use crate::mails::Office;
use crate::world::access::*;
use crate::world::authenticator::*;
use crate::world::pages::Browser;
use crate::world::relying::relying;
use crate::world::scene::Scene;
use crate::world::tables::{Contents, count};
use crate::world::token::{in_seconds, viewer};
use crate::world::*;

both!(sec_18_no_secret_is_in_the_store_in_clear, sec_18_no_link_of_a_mail_is_in_the_store_in_clear);

/// All secrets that the server gives out, by what they are. The value that proves a domain is none: it is published in the DNS.
async fn given_out(w: &World) -> Vec<(&'static str, String)> {
    // with a key: the answer is kept to be repeated
    let by = || w.owner().with("idempotency-key", unique());
    let text = |v: &Value| v.as_str().unwrap_or_else(|| panic!("no secret: {v}")).to_owned();
    let in_link = |v: &Value| text(v).split_once("token=").unwrap().1.to_owned();
    let mut out = vec![("password", PASSWORD.to_owned()), ("session", w.owner_token().to_owned())];
    let ada = w.person("Ada", &["user"]).await;
    let mut tokens = w.login(&ada.email).await.expect(200);
    out.push(("a refresh token", text(&tokens["refresh_token"])));
    let spend = json!({ "refresh_token": tokens["refresh_token"] });
    tokens = w.anonymous().post("/v1/auth/refresh", spend).await.expect(200);
    out.push(("the refresh token after that", text(&tokens["refresh_token"])));
    let for_cookie = json!({ "email": ada.email, "password": PASSWORD, "cookie": true });
    let cookie = w.anonymous().post("/v1/auth/login", for_cookie).await;
    let cookie = cookie.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
    w.anonymous().with("cookie", format!("portcullis_session={cookie}")).get("/v1beta1/users/self").await.expect(200);
    out.push(("a session's cookie", cookie));
    let (eve, app, codes) = with_app(w, "Eve", &["user"]).await;
    let again = || eve.client.with("idempotency-key", unique());
    out.extend(codes.into_iter().map(|code| ("a backup code", code)));
    let made = again().post("/v1/users/me/mfa/backup-codes", json!({})).await.expect(200);
    out.push(("a backup code made anew", text(&made["codes"][0])));
    let challenge = challenge(w, &eve.email).await;
    show(&w.anonymous(), &challenge, "totp", &app.now(&w.clock)).await.expect(200);
    out.push(("a challenge that was used", challenge));
    out.push(("a challenge", self::challenge(w, &eve.email).await));
    let fay = w.person("Fay", &["user"]).await;
    let begun = fay.client.with("idempotency-key", unique()).post("/v1/users/me/mfa/totp", json!({})).await.expect(200);
    out.push(("a seed that waits", text(&begun["secret"])));
    let body = json!({ "id": begun["id"], "code": App::with(&begun["secret"]).now(&w.clock) });
    fay.client.with("idempotency-key", unique()).post("/v1/users/me/mfa/totp/confirm", body).await.expect(200);
    out.push(("a seed", text(&begun["secret"])));
    let asked = "/v1/users/me/mfa/webauthn/register?method_type=webauthn_passkey";
    let asked = fay.client.with("idempotency-key", unique()).post(asked, json!({})).await.expect(200);
    out.push(("what a new passkey is asked", text(&asked["options"]["challenge"])));
    let grants = json!({ "grants": ["authorization_code", "refresh_token", "device_code"] });
    let (shop, ida) = (relying(w, grants).await, w.person("Ida", &["user"]).await);
    let b = Browser::of(w, &ida.email).await;
    out.push(("an application's secret", shop.secret.clone().unwrap()));
    let at = format!("/v1/applications/{}/rotate-secret", shop.id);
    let new = by().post(&at, json!({ "overlap_seconds": 3_600 })).await.expect(200);
    out.push(("an application's next secret", text(&new["client_secret"])));
    let code = shop.code(&b, &[("nonce", "")]).await;
    out.push(("a code that was not used", shop.code(&b, &[]).await));
    let tokens = shop.exchange(&code).await.expect(200);
    out.push(("a code", code));
    for name in ["access_token", "id_token", "refresh_token"] {
        out.push(("a token for an application", text(&tokens[name])));
    }
    let begun = shop.post("oauth2/device_authorization", &[]).await.expect(200);
    out.push(("a device's code", text(&begun["device_code"])));
    let typed = text(&begun["user_code"]);
    assert!(Contents::of(w).await.tables_with(typed.as_bytes()).is_empty(), "what is typed for a device");

    for (kind, body) in [
        ("API key", json!({ "name": "k" })),
        ("service key", json!({ "name": "s", "owner_type": "service", "scopes": ["*"] })),
    ] {
        let key = text(&by().post("/v1/api-keys", body).await.expect(201)["raw_key"]);
        w.with_key(&key).get("/v1/users").await.expect(200);
        out.push((kind, key[17..60].to_owned()));
    }
    let tenant = by().post("/v1/tenants", json!({ "name": "T", "owner_email": "t@example.com" })).await.expect(201);
    out.push(("a tenant's invitation", in_link(&tenant["invitation_url"])));
    let row = json!({ "email": "row@example.com", "name": "Row" }).to_string();
    let import = w.service().with("content-type", "application/x-ndjson");
    let user = id(&import.send("POST", "/v1/users/import", row.as_bytes()).await.lines()[0]);
    let invited = by().post(&format!("/v1/users/{user}/resend-invite"), json!({})).await.expect(200);
    out.push(("a user's invitation", in_link(&invited["invitation_url"])));

    let mut scene = Scene::new(w);
    let (organization, machine) = (scene.get("organization").await, scene.get("machine").await);
    let on_machine = json!({ "org_id": organization, "id": machine, "title": "T" });
    let secret = connect(&by(), "CreateServiceUserCredential", on_machine.clone()).await.expect(200)["secret"].clone();
    basic(w, &id(&secret), &text(&secret["secret"])).get("/v1beta1/users/self").await.expect(200);
    out.push(("a service user's secret", text(&secret["secret"])));
    let token = text(&connect(&by(), "CreateServiceUserToken", on_machine.clone()).await.expect(200)["token"]["token"]);
    w.bearer(&token).get("/v1beta1/users/self").await.expect(200);
    out.push(("a service user's token", token));
    let key = connect(&by(), "CreateServiceUserJWK", on_machine).await.expect(200)["key"].clone();
    out.push(("a service user's private key", text(&key["private_key"])));

    let pat = json!({ "title": "T", "org_id": organization, "scopes": viewer(), "expires_at": in_seconds(w, 3_600) });
    let pat = connect(&by(), "CreateCurrentUserPAT", pat).await.expect(200)["pat"].clone();
    w.bearer(&text(&pat["token"])).get("/v1beta1/users/self").await.expect(200);
    let access = w.bearer(&text(&pat["token"])).post("/v1beta1/auth/token", json!({})).await.expect(200);
    out.push(("an access token", text(&access["access_token"])));
    out.push(("a personal access token", text(&pat["token"])));
    let again = json!({ "id": pat["id"], "expires_at": in_seconds(w, 7_200) });
    let again = connect(&by(), "RegenerateCurrentUserPAT", again).await.expect(200)["pat"].clone();
    out.push(("a personal access token made anew", text(&again["token"])));

    let headers = json!({ "authorization": "Bearer of-the-receiver-77" });
    let hook =
        json!({ "url": "https://hooks.example.com/in", "headers": headers, "subscribed_events": ["app.user.created"] });
    let hook = by().post(&format!("{ADMIN}/CreateWebhook"), json!({ "body": hook })).await.expect(200);
    out.push(("a webhook's secret", text(&hook["webhook"]["secrets"][0]["value"])));
    out.push(("a webhook's header", "of-the-receiver-77".into()));
    let settings = json!({ "issuer_url": "https://id.example.net", "client_id": "c", "client_secret": "of-the-provider-77-of-ours" });
    let provider = json!({ "name": "P", "provider_type": "oidc", "config": settings });
    by().post("/v1/identity-providers", provider).await.expect(201);
    out.push(("a provider's client secret", "of-the-provider-77-of-ours".into()));
    let saml = crate::saml::provider::Provider::start(w.clock.seconds()).await;
    let provider = json!({ "name": "S", "provider_type": "saml", "config": saml.config(&json!({ "domains": null, "sso_url": "https://id.example.net/sso" })) });
    let provider = id(&by().post("/v1/identity-providers", provider).await.expect(201));
    // our own key for it signs in our name: it is never shown, so it is looked for by the form that it is kept in
    let metadata = w.anonymous().get(&format!("/v1/auth/saml/{provider}/metadata")).await.text();
    let certificate = metadata.split("X509Certificate>").nth(1).unwrap().trim_end_matches("</ds:").to_owned();
    out.push(("what our own key for a SAML provider is kept with", certificate));
    by().post("/v1/users", new_user()).await.expect(201);
    out
}
/// The forms in which a secret would give access to whoever reads it.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut texts = vec![secret];
    // a prefix says what it is; of a JWT only the signature is secret
    texts.extend(secret.split_once('_').map(|(_, random)| random));
    texts.extend(secret.rsplit_once('.').map(|(_, signature)| signature));
    texts.extend(secret.len().checked_sub(43).and_then(|at| secret.get(at..)));
    texts.extend(secret.lines().filter(|l| l.len() >= 40 && !l.starts_with('-')));
    let mut out: Vec<Vec<u8>> = texts.iter().map(|t| t.as_bytes().to_vec()).collect();
    let pem: String = secret.lines().filter(|l| !l.starts_with('-')).collect();
    out.extend(STANDARD.decode(pem));
    out.extend(texts.iter().filter_map(|t| URL_SAFE_NO_PAD.decode(t).ok()));
    out.extend(texts.iter().filter_map(|t| hex(t)));
    out.extend(texts.iter().filter_map(|t| BASE32_NOPAD.decode(t.as_bytes()).ok()));
    // a backup code as it is shown, and as it is read
    out.push(secret.replace('-', "").into_bytes());
    out.retain(|form| form.len() >= 10);
    out
}
fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

async fn sec_18_no_secret_is_in_the_store_in_clear(w: World) {
    let secrets = given_out(&w).await;
    w.seal().await;
    let all = Contents::of(&w).await;
    assert!(all.tables_with(b"row@example.com").contains(&"users"), "what is looked for is found");
    nowhere(&all, &secrets);
}
#[track_caller]
fn nowhere(all: &Contents, secrets: &[(&str, String)]) {
    let mut found = vec![];
    for (kind, secret) in secrets {
        let forms = forms(secret);
        assert!(!forms.is_empty(), "{kind}");
        for form in forms {
            found.extend(all.tables_with(&form).into_iter().map(|table| format!("{kind} is in {table}")));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// While the mails wait, and after they were sent.
async fn sec_18_no_link_of_a_mail_is_in_the_store_in_clear(o: Office) {
    let by = o.w.owner().with("idempotency-key", unique());
    by.post("/v1/tenants", json!({ "name": "T", "owner_email": "t@example.com" })).await.expect(201);
    by.post("/v1/users", new_user_with(json!({ "email": "ada@example.com" }))).await.expect(201);
    let forgot = json!({ "email": "ada@example.com" });
    o.w.anonymous().post("/v1/auth/request-password-reset", forgot).await.expect(202);
    for _ in 0..500 {
        if count(&o.w, "mails").await == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    o.w.seal().await;
    let waiting = Contents::of(&o.w).await;
    let mails = o.deliver().await;
    let secrets: Vec<(&str, String)> = mails.iter().map(|m| ("a link", m.token())).collect();
    let mut kinds: Vec<&str> = secrets.iter().map(|(_, token)| &token[..4]).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["pci_", "pcv_", "pcw_"]);
    nowhere(&waiting, &secrets);
    nowhere(&Contents::of(&o.w).await, &secrets);
}
