//! How a directory ends somebody, and who is not its to end or to bring back.
use serde_json::{Value, json};

use super::*;
use crate::openid::claims;
use crate::provider_ends::from_provider;
use crate::world::access::organization;
use crate::world::relying::{oauth_refused, relying};
use crate::world::token::{token, viewer};
use crate::world::*;

both!(
    sec_19_a_deactivated_person_ends_at_once,
    sec_19_what_a_deactivated_person_holds_ends_with_them,
    who_was_suspended_by_hand_stays_so_until_the_directory_changes_its_mind,
    the_owner_is_neither_deactivated_nor_deleted,
    the_owner_is_not_suspended_by_a_deletion,
    a_deletion_may_only_suspend,
    sec_12_only_the_directorys_own_id_brings_somebody_back,
    sec_12_what_was_decided_by_hand_is_not_undone_by_a_directory_that_deleted_them,
);

async fn sec_19_a_deactivated_person_ends_at_once(e: Engine) {
    let (s, d) = stage(e, json!({})).await;
    let p = d.person("ada").await;
    let state = async || s.w.owner().get(&format!("/v1/users/{}", id(&p))).await.expect(200)["state"].clone();
    let off = json!([{ "op": "replace", "value": { "active": false } }]);
    let on = json!([{ "op": "replace", "value": { "active": true } }]);
    for end in ["patch", "put", "delete"] {
        let hers = signed_in(&s, "ada").await;
        for c in &hers {
            c.get("/v1/users/me/permissions").await.expect(200);
        }
        match end {
            "patch" => drop(d.patch(&at(&p), off.clone()).await.expect(200)),
            "put" => {
                let mut body = ada("ada");
                body["active"] = json!(false);
                d.calls.put(&at(&p), body).await.expect(200);
            }
            _ => drop(d.calls.delete(&at(&p)).await.expect(204)),
        }
        for c in &hers {
            c.get("/v1/users/me/permissions").await.refused(401, "unauthenticated");
        }
        if end == "delete" {
            break;
        }
        assert_eq!(state().await, "suspended");
        s.sign_in(crate::openid::claims(&s.w, "ada")).await.refused(401, "login_failed");
        d.patch(&at(&p), on.clone()).await.expect(200);
        assert_eq!(state().await, "active");
        for c in &hers {
            c.get("/v1/users/me/permissions").await.refused(401, "unauthenticated");
        }
    }
    // who is made inactive never was
    let mut body = ada("bob");
    body["active"] = json!("False");
    let bob = d.make(body).await;
    assert_eq!(bob["active"], false);
    assert_eq!(s.w.owner().get(&format!("/v1/users/{}", id(&bob))).await.expect(200)["state"], "suspended");
}

async fn sec_19_what_a_deactivated_person_holds_ends_with_them(e: Engine) {
    let (s, d) = stage(e, json!({})).await;
    let shop = relying(&s.w, json!({})).await;
    let p = d.person("ada").await;
    let hers = s.sign_in(claims(&s.w, "ada")).await.expect(200);
    let session = s.w.bearer(hers["token"].as_str().unwrap());
    let company = organization(&session, "corp").await;
    let (_, pat) = token(&s.w, &session, &company, viewer()).await;
    let pat = s.w.bearer(&pat);
    let browser = from_provider(&s, &shop, "ada").await;
    let held = [shop.tokens(&browser, "openid").await, shop.tokens(&browser, "openid offline_access").await];
    pat.get("/v1beta1/users/self").await.expect(200);
    assert!(shop.is_alive(&held[0]).await && shop.is_alive(&held[1]).await);
    assert_eq!(browser.get("/account").await.status, 200);
    // and being switched on again brings nothing back
    for active in [false, true] {
        d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": active }])).await.expect(200);
        assert_eq!(pat.get("/v1beta1/users/self").await.status, 401, "{active}");
        let refresh = json!({ "refresh_token": hers["refresh_token"] });
        s.w.anonymous().post("/v1/auth/refresh", refresh).await.refused(401, "unauthenticated");
        for tokens in &held {
            assert!(!shop.is_alive(tokens).await, "{active}");
            oauth_refused(&shop.refresh(&tokens["refresh_token"]).await, 400, "invalid_grant");
        }
        assert_eq!(browser.get("/account").await.status, 303, "{active}");
    }
}

async fn who_was_suspended_by_hand_stays_so_until_the_directory_changes_its_mind(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("Ada").await;
    let by_hand = format!("/v1/users/{}/suspend", id(&p));
    w.owner().post(&by_hand, json!({ "active": false })).await.expect(200);
    assert_eq!(d.calls.get(&at(&p)).await.expect(200)["active"], false, "it is told as it is");
    // what directories send with each change of a profile
    assert_eq!(d.calls.put(&at(&p), ada("Ada")).await.expect(200)["active"], false);
    let renamed = d.patch(&at(&p), json!([{ "op": "replace", "path": "displayName", "value": "A" }])).await.expect(200);
    assert_eq!(renamed["active"], false);
    assert_eq!(d.calls.put(&at(&p), ada("Ada")).await.expect(200)["active"], false);
    // it says something else, and then that again
    d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": false }])).await.expect(200);
    let on = d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": true }])).await.expect(200);
    assert_eq!(on["active"], true);
}

async fn the_owner_is_neither_deactivated_nor_deleted(w: World) {
    owner_stays(&w, "delete").await;
}

async fn the_owner_is_not_suspended_by_a_deletion(w: World) {
    owner_stays(&w, "suspend").await;
}

async fn owner_stays(w: &World, on_delete: &str) {
    let d = directory(w, on_delete, json!({ "on_delete": on_delete, "default_roles": ["admin", "user"] })).await;
    let p = d.person(on_delete).await;
    let transfer = json!({ "name": "Acme", "owner_user_id": id(&p) });
    w.owner().put(&format!("/v1/tenants/{}", w.tenant), transfer).await.expect(200);
    refused(&d.patch(&at(&p), json!([{ "op": "replace", "path": "active", "value": false }])).await, 409, None);
    refused(&d.calls.delete(&at(&p)).await, 409, None);
    let mail = json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "x@corp.example" }]);
    refused(&d.patch(&at(&p), mail).await, 409, None);
    d.patch(&at(&p), json!([{ "op": "replace", "path": "displayName", "value": "The owner" }])).await.expect(200);
}

async fn a_deletion_may_only_suspend(e: Engine) {
    let (s, d) = stage(e, json!({ "on_delete": "suspend" })).await;
    let w = &s.w;
    let mut body = ada("ada");
    body["externalId"] = json!("00u1");
    let p = d.make(body.clone()).await;
    let groups = ["Engineers", "Makers"].map(|name| json!({ "displayName": name, "members": [{ "value": id(&p) }] }));
    for group in groups {
        d.calls.post(GROUPS, group).await.expect(201);
    }
    let by_hand = w.owner().post("/v1/groups", json!({ "name": "By hand" })).await.expect(201);
    let by_hand = format!("/v1/groups/{}/members", id(&by_hand));
    w.owner().post(&by_hand, json!({ "user_id": id(&p) })).await.expect(201);
    let hers = signed_in(&s, "ada").await;
    d.calls.delete(&at(&p)).await.expect(204);
    hers[0].get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    // gone for the directory, suspended for everybody else
    refused(&d.calls.get(&at(&p)).await, 404, None);
    assert_eq!(d.calls.get(USERS).await.expect(200)["totalResults"], 0);
    let members = async || {
        let all = d.calls.get(GROUPS).await.expect(200)["Resources"].as_array().unwrap().clone();
        all.iter().filter(|g| g.get("members").is_some()).count()
    };
    assert_eq!(members().await, 0, "and in no group of the directory");
    let left = w.events("action=group.member_removed").await;
    assert_eq!(left.len(), 2);
    for e in left {
        assert_eq!((&e["metadata"]["user_id"], &e["actor_name"]), (&p["id"], &json!("Okta")), "{e}");
    }
    assert_eq!(w.owner().get(&by_hand).await.expect(200)["data"][0]["id"], p["id"], "others are not its business");
    let path = format!("/v1/users/{}", id(&p));
    let left = w.owner().get(&path).await.expect(200);
    assert_eq!((&left["state"], &left["external_id"]), (&json!("suspended"), &Value::Null));
    // another connection cannot have her
    let other = set_up(w, &w.owner(), "Entra", json!({})).await;
    refused(&other.calls.post(USERS, body.clone()).await, 409, Some("uniqueness"));
    // and who comes back is who she was
    let back = d.make(body).await;
    assert_eq!((&back["id"], &back["active"], &back["externalId"]), (&p["id"], &json!(true), &json!("00u1")));
    assert_eq!(w.owner().get(&path).await.expect(200)["state"], "active");
    hers[0].get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    assert_eq!(members().await, 0, "until the directory says so");
}

/// Somebody whom the directory calls so.
fn called(name: &str, external_id: &str) -> Value {
    let mut body = ada(name);
    body["externalId"] = json!(external_id);
    body
}
async fn sec_12_only_the_directorys_own_id_brings_somebody_back(w: World) {
    let d = directory(&w, "Okta", json!({ "on_delete": "suspend" })).await;
    let p = d.make(called("ada", "00u1")).await;
    d.calls.delete(&at(&p)).await.expect(204);
    // whoever was given the address since
    for other in [ada("ada"), called("ada", "00u2"), called("ada", "00U1")] {
        refused(&d.calls.post(USERS, other).await, 409, Some("uniqueness"));
    }
    let path = format!("/v1/users/{}", id(&p));
    assert_eq!(w.owner().get(&path).await.expect(200)["state"], "suspended");
    assert_eq!(d.make(called("ada", "00u1")).await["id"], p["id"]);
    // whom it never called by an id of its own stays away
    let q = d.person("bob").await;
    d.calls.delete(&at(&q)).await.expect(204);
    for again in [ada("bob"), called("bob", "00u3")] {
        refused(&d.calls.post(USERS, again).await, 409, Some("uniqueness"));
    }
}

async fn sec_12_what_was_decided_by_hand_is_not_undone_by_a_directory_that_deleted_them(w: World) {
    let d = directory(&w, "Okta", json!({ "on_delete": "suspend" })).await;
    let by_hand = async |p: &Value, active: bool| {
        let path = format!("/v1/users/{}/suspend", id(p));
        w.owner().post(&path, json!({ "active": active })).await.expect(200);
    };
    let state = async |p: &Value| w.owner().get(&format!("/v1/users/{}", id(p))).await.expect(200)["state"].clone();
    // before the deletion: the same person again, and still suspended
    let p = d.make(called("ada", "00u1")).await;
    by_hand(&p, false).await;
    d.calls.delete(&at(&p)).await.expect(204);
    let back = d.make(called("ada", "00u1")).await;
    assert_eq!((&back["id"], &back["active"], state(&p).await), (&p["id"], &json!(false), json!("suspended")));
    // after it: the directory has no say any more
    for (name, decided) in [("bob", &[false][..]), ("cem", &[true][..]), ("dan", &[true, false][..])] {
        let p = d.make(called(name, name)).await;
        d.calls.delete(&at(&p)).await.expect(204);
        for active in decided {
            by_hand(&p, *active).await;
        }
        refused(&d.calls.post(USERS, called(name, name)).await, 409, Some("uniqueness"));
        let expected = if decided.last() == Some(&true) { "active" } else { "suspended" };
        assert_eq!(state(&p).await, expected, "{name}");
    }
}
