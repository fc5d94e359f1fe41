//! Whom a directory may speak of: what it made, in domains that it is trusted for.
use serde_json::json;

use super::*;
use crate::mail_sign_ins::Doors;
use crate::world::tables::{count, count_where, execute};
use crate::world::*;

both!(
    sec_12_a_connection_sees_only_what_it_made,
    sec_12_an_external_id_is_a_name_of_the_connection_alone,
    sec_12_changing_an_address_is_no_takeover,
    sec_03_what_was_sent_to_an_address_ends_when_it_changes,
    sec_12_an_address_is_one_of_a_trusted_domain,
    whoever_the_directory_made_signs_in_at_their_provider,
    whoever_the_directory_made_first_signs_in_at_a_provider_of_later,
);

async fn sec_12_a_connection_sees_only_what_it_made(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let other = set_up(&w, &w.owner(), "Entra", json!({})).await;
    let rival = w.second_tenant("Rival").await;
    let theirs = set_up(&w, &rival.owner.client, "Rival", json!({ "domains": [] })).await;
    let p = d.person("Ada").await;
    let g = d.calls.post(GROUPS, json!({ "displayName": "Engineers" })).await.expect(201);
    let local = w.person("Bob", &["user"]).await;
    let by_hand = w.owner().post("/v1/groups", json!({ "name": "By hand" })).await.expect(201);
    let paths = [at(&p), format!("{USERS}/{}", local.id), format!("{USERS}/{}", w.owner_id)];
    for (n, who) in [&d, &other, &theirs].into_iter().enumerate() {
        for path in paths.iter().skip(usize::from(n == 0)) {
            refused(&who.calls.get(path).await, 404, None);
            refused(&who.calls.put(path, ada("Ada")).await, 404, None);
            refused(&who.patch(path, json!([{ "op": "replace", "path": "active", "value": false }])).await, 404, None);
            refused(&who.calls.delete(path).await, 404, None);
        }
        for path in [at(&g), format!("{GROUPS}/{}", id(&by_hand))].iter().skip(usize::from(n == 0)) {
            refused(&who.calls.get(path).await, 404, None);
            refused(&who.calls.put(path, json!({ "displayName": "Mine" })).await, 404, None);
            let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&p) }] }]);
            refused(&who.patch(path, add).await, 404, None);
            refused(&who.calls.delete(path).await, 404, None);
        }
        for list in [USERS, GROUPS] {
            let seen = who.calls.get(list).await.expect(200);
            assert_eq!(seen["totalResults"], usize::from(n == 0), "{list}: {seen}");
        }
        for filter in [r#"userName eq "ada@corp.example""#, r#"not (userName eq "x")"#, r#"emails.value co "@""#] {
            let path = format!("{USERS}?filter={}", crate::openid::encoded(filter));
            assert_eq!(who.calls.get(&path).await.expect(200)["totalResults"], usize::from(n == 0), "{filter}");
        }
    }
    assert_eq!(d.calls.get(&at(&p)).await.expect(200), p, "nobody changed it");
    // nobody gets somebody else's people into a group
    let mine = other.calls.post(GROUPS, json!({ "displayName": "Others" })).await.expect(201);
    for stranger in [id(&p), &local.id, &w.owner_id, NOBODY] {
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": stranger }] }]);
        refused(&other.patch(&at(&mine), add).await, 400, Some("invalidValue"));
    }
    // an address is one person's, whoever made them
    for taken in ["ada@corp.example", "Bob@example.com"] {
        let body = json!({ "userName": format!("x{taken}@corp.example"), "emails": [{ "value": taken }] });
        let status = if taken.starts_with("ada") { (409, Some("uniqueness")) } else { (400, Some("invalidValue")) };
        refused(&other.calls.post(USERS, body).await, status.0, status.1);
    }
}

async fn sec_12_an_external_id_is_a_name_of_the_connection_alone(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let other = set_up(&w, &w.owner(), "Entra", json!({})).await;
    let of = |name: &str, external: &str| {
        let mut body = ada(name);
        body["externalId"] = json!(external);
        body
    };
    let by_hand = w.owner().post("/v1/users", new_user_with(json!({ "external_id": "x-1" }))).await.expect(201);
    let a = d.make(of("Ada", "x-1")).await;
    let b = other.make(of("Bob", "x-1")).await;
    refused(&d.calls.post(USERS, of("Eve", "x-1")).await, 409, Some("uniqueness"));
    for (who, whose) in [(&d, &a), (&other, &b)] {
        let found = who.calls.get(&format!("{USERS}?filter=externalId%20eq%20%22x-1%22")).await.expect(200);
        assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &whose["id"]));
        // it is no id of ours
        refused(&who.calls.get(&format!("{USERS}/x-1")).await, 404, None);
    }
    let listed = w.owner().get("/v1/users?external_id=x-1").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 3, "/v1 lists them of every source: {listed}");
    // nor does another's id find anybody
    let mut of_hers = ada("Eve");
    of_hers["externalId"] = a["id"].clone();
    let eve = d.make(of_hers).await;
    assert_ne!(eve["id"], a["id"]);
    let body =
        json!({ "email": "f@example.com", "name": "F", "password": PASSWORD, "roles": ["user"], "external_id": "x-1" });
    w.owner().post("/v1/users", body).await.refused(409, "user_exists");
    assert_eq!(by_hand["external_id"], "x-1");
}

async fn sec_12_changing_an_address_is_no_takeover(e: Engine) {
    let (s, d) = stage(e, json!({})).await;
    let p = d.person("ada").await;
    d.person("bob").await;
    crate::identity_providers::verified_domain(&s.w, "other.example").await;
    let to = |address: &str| json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": address }]);
    refused(&d.patch(&at(&p), to("bob@corp.example")).await, 409, Some("uniqueness"));
    refused(&d.patch(&at(&p), to("owner@example.com")).await, 400, Some("invalidValue"));
    refused(&d.patch(&at(&p), to("ada@other.example")).await, 400, Some("invalidValue"));
    // whoever signs in stays who they are
    let who = async |c: &Client| c.get("/v1/users/me/profile").await.expect(200)["id"].clone();
    let hers = s.person("ada").await;
    d.patch(&at(&p), to("countess@corp.example")).await.expect(200);
    assert_eq!(hers.get("/v1/users/me/profile").await.expect(200)["email"], "countess@corp.example");
    let next = d.person("eve").await;
    d.patch(&at(&next), to("ada@corp.example")).await.expect(200);
    assert_eq!((who(&hers).await, who(&s.person("ada").await).await), (p["id"].clone(), p["id"].clone()));
}

async fn sec_03_what_was_sent_to_an_address_ends_when_it_changes(o: Doors) {
    let w = &o.w;
    o.registration("open").await;
    let d = directory(w, "Okta", json!({})).await;
    // asked for before the directory knew the address
    let (state, code) = o.code("ada@corp.example").await;
    let p = d.person("ada").await;
    // and for somebody who had a password of their own
    execute(w, "UPDATE users SET auth_provider = 'local' WHERE email = 'ada@corp.example'").await;
    w.anonymous().post("/v1/auth/request-password-reset", json!({ "email": "ada@corp.example" })).await.expect(202);
    soon("the mail is written", || async { count(w, "mails").await == 1 }).await;
    assert_eq!(count_where(w, "users", "reset_hash IS NOT NULL").await, 1);
    let to = json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "countess@corp.example" }]);
    d.patch(&at(&p), to).await.expect(200);
    assert_eq!((count(w, "mails").await, count_where(w, "users", "reset_hash IS NOT NULL").await), (0, 0));
    assert_eq!(o.end(&state, &code).await.status, 400, "nobody registers with what was hers");
}

async fn sec_12_an_address_is_one_of_a_trusted_domain(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    for address in ["ada@example.com", "ada@sub.corp.example", "ada@corp.example.evil.example"] {
        let e = refused(&d.calls.post(USERS, json!({ "userName": address })).await, 400, Some("invalidValue"));
        assert!(e["detail"].as_str().unwrap().contains("not trusted"), "{e}");
    }
    for body in [
        json!({ "userName": "ada" }),
        json!({ "emails": [{ "value": "ada@corp.example" }] }),
        json!({ "userName": "" }),
    ] {
        refused(&d.calls.post(USERS, body).await, 400, Some("invalidValue"));
    }
    let p = d.person("Ada").await;
    // trust that ends is trust for nobody new, and what there is can still be ended
    w.owner().put(&d.path(), json!({ "config": { "domains": [] } })).await.expect(200);
    refused(&d.calls.post(USERS, ada("Bob")).await, 400, Some("invalidValue"));
    d.patch(&at(&p), json!([{ "op": "replace", "path": "displayName", "value": "A" }])).await.expect(200);
    d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": false }])).await.expect(200);
    d.calls.delete(&at(&p)).await.expect(204);
}

async fn whoever_the_directory_made_signs_in_at_their_provider(e: Engine) {
    let (s, d) = stage(e, json!({})).await;
    let p = d.person("ada").await;
    let user = format!("/v1/users/{}", id(&p));
    assert_eq!(s.w.owner().get(&user).await.expect(200)["auth_provider"], "oidc");
    let hers = s.person("ada").await;
    assert_eq!(hers.get("/v1/users/me/profile").await.expect(200)["id"], p["id"]);
    // the directory finds them as before
    assert_eq!(d.calls.get(&at(&p)).await.expect(200)["userName"], "ada@corp.example");
    // and while the directory is switched off, they sign in as before
    s.w.owner().put(&d.path(), json!({ "enabled": false })).await.expect(200);
    hers.get("/v1/users/me/profile").await.expect(200);
    s.person("ada").await;
}

async fn whoever_the_directory_made_first_signs_in_at_a_provider_of_later(e: Engine) {
    let (mut s, d) = stage(e, json!({})).await;
    let owner = s.w.owner();
    owner.delete(&s.path()).await.expect(204);
    let p = d.person("ada").await;
    let path = format!("/v1/users/{}", id(&p));
    assert_eq!(owner.get(&path).await.expect(200)["auth_provider"], "saml", "there is no other");
    // whom no directory lists keeps to what was said of them
    let bob = json!({ "email": "bob@corp.example", "name": "Bob", "roles": ["user"], "auth_provider": "saml" });
    owner.post("/v1/users", bob).await.expect(201);
    let config = s.provider.config(json!({ "domains": ["corp.example"] }));
    let body = json!({ "name": "Later", "provider_type": "oidc", "config": config });
    s.id = id(&owner.post("/v1/identity-providers", body).await.expect(201)).to_owned();
    let hers = s.person("ada").await;
    assert_eq!(hers.get("/v1/users/me/profile").await.expect(200)["id"], p["id"]);
    assert_eq!(owner.get(&path).await.expect(200)["auth_provider"], "oidc");
    s.sign_in(crate::openid::claims(&s.w, "bob")).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the user signs in with SAML");
}
