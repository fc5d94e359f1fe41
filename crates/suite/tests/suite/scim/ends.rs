//! How a directory ends somebody, and who is not its to end or to bring back.
use serde_json::{Value, json};

use super::*;
use crate::world::*;

both!(
    sec_19_a_deactivated_person_ends_at_once,
    who_was_suspended_by_hand_stays_so_until_the_directory_changes_its_mind,
    the_owner_is_neither_deactivated_nor_deleted,
    the_owner_is_not_suspended_by_a_deletion,
    a_deletion_may_only_suspend,
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
    let hers = signed_in(&s, "ada").await;
    d.calls.delete(&at(&p)).await.expect(204);
    hers[0].get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    // gone for the directory, suspended for everybody else
    refused(&d.calls.get(&at(&p)).await, 404, None);
    assert_eq!(d.calls.get(USERS).await.expect(200)["totalResults"], 0);
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
}
