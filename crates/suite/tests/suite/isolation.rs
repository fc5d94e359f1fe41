//! Every route of `/v1`, called by those who may not: nobody, a plain user, an admin of another tenant. What they are told is
//! never a success and never more than what is told of an id that does not exist (checklist 2). The calls of `/v1beta1` are in
//! `calls/isolation.rs`.
use std::collections::{BTreeMap, BTreeSet};

use portcullis_wire_v1beta1::ENDPOINTS;
use serde_json::{Value, json};

use crate::world::routes::{AFTER, KINDS, Things, body, call, is_of_its_credential, is_public, v1_routes};
use crate::world::*;

both!(
    sec_02_no_route_of_v1_is_open_to_nobody,
    sec_02_no_route_of_v1_tells_another_tenants_admin_anything,
    sec_02_no_route_of_v1_tells_a_plain_user_of_ids_that_are_not_his,
    no_route_is_left_out_of_the_walk,
);

/// An answer without what is different at each call.
fn told(a: &Answer, things: &Things) -> String {
    let mut text = a.text();
    for id in things.0.values() {
        text = text.replace(id, "ID");
    }
    format!("{} {text}", a.status)
}

/// What a request says of our things to somebody of another tenant: all that it names is ours, and then one after the other beside
/// what is theirs. With each the same of things that are not there.
fn with_one_of_ours<R: PartialEq>(
    theirs: &Things,
    ours: &Things,
    none: &Things,
    request: impl Fn(&Things) -> R,
) -> Vec<(Things, Things)> {
    let named = KINDS.into_iter().filter(|kind| request(&theirs.but(kind, ours)) != request(theirs));
    let beside = named.map(|kind| (theirs.but(kind, ours), theirs.but(kind, none)));
    [(ours.clone(), none.clone())].into_iter().chain(beside).collect()
}
/// Method, path and body.
type Request = (&'static str, String, Value);
/// Requests that name things elsewhere than in the path.
const NAMING: [fn(&Things) -> Request; 9] = [
    |t| ("POST", "/v1/users".into(), json!({ "email": "n@example.com", "name": "N", "manager_id": t.0["user"] })),
    |t| ("PUT", format!("/v1/users/{}", t.0["user"]), json!({ "manager_id": t.0["user"] })),
    |t| ("PUT", format!("/v1/tenants/{}", t.0["tenant"]), json!({ "owner_user_id": t.0["user"] })),
    |t| ("PATCH", "/v1/policies/reorder".into(), json!({ "ids": [t.0["policy"], t.0["first policy"]] })),
    |t| ("GET", format!("/v1/audit-log?resource_id={}", t.0["user"]), json!({})),
    |t| ("GET", format!("/v1/audit-log?actor_id={}", t.0["user"]), json!({})),
    |t| ("GET", format!("/v1/api-keys?created_by={}", t.0["user"]), json!({})),
    |t| ("GET", format!("/v1/users?manager_id={}", t.0["user"]), json!({})),
    |t| {
        (
            "POST",
            "/v1/policies/evaluate".into(),
            json!({ "principal": t.0["user"], "resource": "x_db:a", "action": "read" }),
        )
    },
];

async fn sec_02_no_route_of_v1_is_open_to_nobody(w: World) {
    let things = Things::of(&w, &w.owner(), &w.tenant, "secret").await;
    let plain = w.person("Plain", &["user"]).await;
    let stale = {
        let (id, key) = w.api_key(&w.owner(), json!({ "name": "k" })).await;
        w.owner().delete(&format!("/v1/api-keys/{id}")).await.expect(204);
        key
    };
    for route in v1_routes(&w).await {
        if is_public(&route.path) {
            continue;
        }
        for client in
            [w.anonymous(), w.anonymous().with("x-tenant-id", &*w.tenant), w.bearer("nonsense"), stale.clone()]
        {
            let a = call(&client, &route, &things).await;
            assert_eq!(a.status, 401, "{route:?}: {}", a.text());
            a.refused(401, "unauthenticated");
        }
        if !is_of_its_credential(&route.path) {
            let a = call(&plain.client.without("x-tenant-id"), &route, &things).await;
            a.refused(400, "invalid_input");
            let a = call(&plain.client.with("x-tenant-id", NOBODY), &route, &things).await;
            a.refused(403, "tenant_mismatch");
        }
    }
}

async fn sec_02_no_route_of_v1_tells_another_tenants_admin_anything(w: World) {
    let things = Things::of(&w, &w.owner(), &w.tenant, "secret").await;
    let other = w.second_tenant("Globex").await;
    let admin = other.person("Their", &["user", "approver", "admin"]).await;
    let theirs = Things::of(&w, &other.owner.client, &other.id, "other").await;
    let (none, mut walked) = (Things::none(), 0);
    for client in [&admin.client, &other.owner.client] {
        for route in v1_routes(&w).await.iter().filter(|r| r.path.contains('{')) {
            for (ours, none) in with_one_of_ours(&theirs, &things, &none, |t| (t.fill(&route.path), body(route, t))) {
                let (a, b) = (call(client, route, &ours).await, call(client, route, &none).await);
                assert!(a.status >= 400, "{route:?} with our id: {} {}", a.status, a.text());
                assert_eq!(told(&a, &ours), told(&b, &none), "{route:?}");
                walked += 1;
            }
        }
        for request in NAMING {
            for (ours, none) in with_one_of_ours(&theirs, &things, &none, request) {
                let ((method, path, body), (_, path_of_none, none_body)) = (request(&ours), request(&none));
                let a = client.json(method, &path, &body).await;
                let b = client.json(method, &path_of_none, &none_body).await;
                assert_eq!(told(&a, &ours), told(&b, &none), "{method} {path} {body}");
                assert!(a.status >= 400 || a.json()["data"] == json!([]), "{method} {path} {body}: {}", a.text());
                walked += 1;
            }
        }
    }
    assert!(walked > 120, "{walked}");
    // nor does a list, a search or an evaluation know of us
    for path in [
        "/v1/users?email=owner@example.com".to_owned(),
        "/v1/users?q=secretkeeper".into(),
        format!("/v1/audit-log?resource_id={}", things.0["user"]),
        format!("/v1/api-keys?created_by={}", w.owner_id),
        "/v1/policies?q=secret".into(),
    ] {
        assert_eq!(admin.client.get(&path).await.expect(200)["data"], json!([]), "{path}");
    }
    let ask = |who: &str| json!({ "principal": who, "resource": "x_db:a", "action": "read" });
    let ours = admin.client.post("/v1/policies/evaluate", ask("secretkeeper@example.com")).await;
    let nobodys = admin.client.post("/v1/policies/evaluate", ask("nobody@example.com")).await;
    assert_eq!(told(&ours, &things), told(&nobodys, &none));
    // nothing of it changed anything here
    let v = w.service().get(&format!("/v1/users/{}", things.0["user"])).await.expect(200);
    assert_eq!((&v["name"], &v["state"]), (&json!("secretkeeper"), &json!("active")));
    w.service().get(&format!("/v1/policies/{}", things.0["policy"])).await.expect(200);
    assert_eq!(w.service().get(&format!("/v1/api-keys/{}", things.0["key"])).await.expect(200)["status"], "active");
}

async fn sec_02_no_route_of_v1_tells_a_plain_user_of_ids_that_are_not_his(w: World) {
    let things = Things::of(&w, &w.owner(), &w.tenant, "secret").await;
    let plain = w.person("Plain", &["user"]).await.client;
    let none = Things::none();
    let mut wrong = vec![];
    for route in v1_routes(&w).await.iter().filter(|r| r.path.contains('{') && r.path != "/v1/tenants/{id}") {
        let ours = call(&plain, route, &things).await;
        let nobodys = call(&plain, route, &none).await;
        assert!(ours.status >= 400, "{route:?}: {} {}", ours.status, ours.text());
        if told(&ours, &things) != told(&nobodys, &none) {
            wrong.push(format!(
                "{} {}: {} instead of {}",
                route.method,
                route.path,
                told(&ours, &things),
                told(&nobodys, &none)
            ));
        }
    }
    assert!(wrong.is_empty(), "403 must never say whether a thing exists (spec v1 2.3):\n{}", wrong.join("\n"));
}

async fn no_route_is_left_out_of_the_walk(w: World) {
    // each route of the document is served, and takes the body that the walk sends it: so a refusal is one of permission
    let mut by = BTreeMap::<u16, BTreeSet<String>>::new();
    for route in v1_routes(&w).await.into_iter().filter(|r| r.path != "/v1/auth/logout") {
        let a = call(&w.owner(), &route, &Things::none()).await;
        assert!(!matches!(a.status, 405 | 415 | 500), "{route:?}: {} {}", a.status, a.text());
        by.entry(a.status).or_default().insert(format!("{} {}", route.method, route.path));
        if a.status == 404 {
            assert_eq!(a.json()["code"], "not_found", "{route:?}");
            let named = route.path.contains('{') || AFTER.contains(&(&*route.path, 404));
            assert!(named, "{route:?} is in the document and not served");
        }
    }
    for path in ["/v1/users", "/v1/tenants", "/v1/policies", "/v1/api-keys"] {
        assert!(by[&201].contains(&format!("POST {path}")), "{by:?}");
    }
    assert_eq!(ENDPOINTS.len(), 242);
}
