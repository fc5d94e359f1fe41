//! Every route of both surfaces, called by those who may not: nobody, a plain user, an admin of another tenant. What they are
//! told is never a success and never more than what is told of an id that does not exist (checklist 2).
use std::collections::{BTreeMap, BTreeSet};

use portcullis_wire_v1beta1::ENDPOINTS;
use portcullis_wire_v1beta1::endpoint::{Login, Output};
use serde_json::{Value, json};

use crate::world::*;

both!(
    sec_02_no_route_of_v1_is_open_to_nobody,
    sec_02_no_route_of_v1_tells_another_tenants_admin_anything,
    sec_02_no_call_of_v1beta1_is_open_to_nobody,
    sec_02_no_call_of_v1beta1_tells_another_tenants_admin_anything,
    sec_02_a_plain_user_learns_nothing_of_ids_that_are_not_his,
    the_roles_may_what_the_golden_matrix_says,
    no_route_is_left_out_of_the_walk,
);

/// A route of `/v1/openapi.json`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    method: String,
    path: String,
}
async fn v1_routes(w: &World) -> Vec<Route> {
    let doc = w.anonymous().get("/v1/openapi.json").await.expect(200);
    let mut out = vec![];
    for (path, item) in doc["paths"].as_object().unwrap() {
        for method in
            item.as_object().unwrap().keys().filter(|m| ["get", "post", "put", "patch", "delete"].contains(&m.as_str()))
        {
            out.push(Route { method: method.to_uppercase(), path: path.clone() });
        }
    }
    out.sort();
    assert!(out.len() > 40, "{}", out.len());
    out
}
/// Public by the contract (spec v1 4.1, 4.2).
fn is_public(path: &str) -> bool {
    let open = ["/healthz", "/readyz", "/metrics", "/docs", "/v1/openapi.json", "/.well-known/jwks.json"];
    open.contains(&path) || (path.starts_with("/v1/auth/") && path != "/v1/auth/logout")
}

/// Ids of things of a tenant, by the kind that a path names.
struct Things {
    user: String,
    key: String,
    policy: String,
    rule: String,
    entry: String,
    schema: String,
    domain: String,
    group: String,
    tenant: String,
}
impl Things {
    /// Of the first tenant.
    async fn of(w: &World) -> Self {
        let user = w.person("Secretkeeper", &["user"]).await.id;
        let (key, _) = w.api_key(&w.owner(), json!({ "name": "secret name" })).await;
        let policy = w.policy("secret policy", 5, r#"permit (principal, action == Action::"read", resource);"#).await;
        let rules = w.owner().get(&format!("/v1/policies/{policy}/rules")).await.expect(200);
        w.seal().await;
        let entry = w.owner().get("/v1/audit-log?limit=1").await.expect(200)["data"][0]["id"].as_str().unwrap().into();
        let made = w
            .owner()
            .post("/v1beta1/meta/schemas", json!({ "name": "secretschema", "schema": "{}" }))
            .await
            .expect(200);
        let domain = w.owner().post("/v1/domains", json!({ "domain": "secret.example" })).await.expect(201);
        let group = w.owner().post("/v1/groups", json!({ "name": "secret group" })).await.expect(201);
        Self {
            user,
            key,
            policy,
            rule: rules["data"][0]["id"].as_str().unwrap().into(),
            entry,
            schema: made["metaschema"]["id"].as_str().unwrap().into(),
            domain: domain["id"].as_str().unwrap().into(),
            group: group["id"].as_str().unwrap().into(),
            tenant: w.tenant.clone(),
        }
    }
    /// The same kinds of which there is none.
    fn none() -> Self {
        let n = || NOBODY.to_owned();
        Self {
            user: n(),
            key: n(),
            policy: n(),
            rule: n(),
            entry: n(),
            schema: n(),
            domain: n(),
            group: n(),
            tenant: n(),
        }
    }
    fn fill(&self, path: &str) -> String {
        let first = match path.split('/').nth(2).unwrap_or_default() {
            "api-keys" => &self.key,
            "audit-log" => &self.entry,
            "domains" => &self.domain,
            "tenants" => &self.tenant,
            "meta" => &self.schema,
            "groups" => &self.group,
            _ => &self.user,
        };
        path.replace("{policyId}", &self.policy)
            .replace("{ruleId}", &self.rule)
            .replace("{id}", first)
            .replace("{user_id}", &self.user)
            .replace("{role}", "admin")
            .split('/')
            .map(|s| if s.starts_with('{') { NOBODY } else { s })
            .collect::<Vec<_>>()
            .join("/")
    }
    fn all(&self) -> [&str; 9] {
        [
            &self.user,
            &self.key,
            &self.policy,
            &self.rule,
            &self.entry,
            &self.schema,
            &self.domain,
            &self.group,
            &self.tenant,
        ]
    }
}

/// A body that each route would take.
fn body(route: &Route) -> Value {
    match (route.method.as_str(), route.path.as_str()) {
        ("POST", "/v1/users") => new_user(),
        ("POST", "/v1/users/{id}/suspend") => json!({ "active": true }),
        ("PUT", "/v1/users/{id}") => json!({ "name": "Changed" }),
        ("POST", "/v1/api-keys") => json!({ "name": "k", "scopes": ["users:read"] }),
        ("POST", "/v1/domains") => json!({ "domain": format!("{}.example", unique()) }),
        ("POST", "/v1/groups") => json!({ "name": unique() }),
        ("PUT", "/v1/groups/{id}") => json!({ "description": "Changed" }),
        ("POST", "/v1/groups/{id}/members") => json!({ "user_id": NOBODY }),
        ("POST", "/v1/groups/{id}/roles") => json!({ "role": "approver" }),
        ("POST", "/v1/tenants") => json!({ "name": "T", "owner_email": "t@example.com" }),
        ("PUT", "/v1/tenants/{id}") => json!({ "name": "Changed" }),
        ("POST", "/v1/policies") => json!({ "name": unique(), "max_duration_seconds": 60 }),
        ("PATCH", "/v1/policies/{policyId}") => json!({ "description": "Changed" }),
        ("POST", "/v1/policies/{policyId}/rules") => {
            json!({ "policy_text": "permit (principal, action == Action::\"read\", resource);" })
        }
        ("PATCH", "/v1/policies/{policyId}/rules/{ruleId}") => json!({ "notice": "Changed" }),
        ("POST", "/v1/policy-rules") => {
            json!({ "name": unique(), "effect": "permit", "action_scope_type": "eq", "action_ids": ["read"] })
        }
        ("PATCH", _) => json!({ "ids": [] }),
        ("POST", "/v1/policies/evaluate") => {
            json!({ "principal": "owner@example.com", "resource": "x_db:a", "action": "read" })
        }
        ("POST", "/v1/access/check") => {
            json!({ "checks": [{ "principal": "somebody@example.com", "resource": "org:some", "action": "get" }] })
        }
        ("POST", "/v1/policies/validate") => json!({ "cedar": "permit (principal, action, resource);" }),
        ("PUT", "/v1/users/me/profile") => json!({ "display_name": "D" }),
        ("POST", "/v1/users/me/password") => {
            json!({ "current_password": "not-the-one-at-all", "new_password": "velvet-anchor-monsoon" })
        }
        _ => json!({}),
    }
}
async fn call(client: &Client, route: &Route, things: &Things) -> Answer {
    let path = things.fill(&route.path);
    match route.method.as_str() {
        "GET" | "DELETE" => client.send(&route.method, &path, b"").await,
        _ if route.path == "/v1/users/import" => {
            client.with("content-type", "application/x-ndjson").send("POST", &path, b"").await
        }
        _ => client.json(&route.method, &path, &body(route)).await,
    }
}
/// An answer without what is different at each call.
fn told(a: &Answer, things: &Things) -> String {
    let mut text = a.text();
    for id in things.all() {
        text = text.replace(id, "ID");
    }
    format!("{} {text}", a.status)
}

async fn sec_02_no_route_of_v1_is_open_to_nobody(w: World) {
    let things = Things::of(&w).await;
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
        if route.path != "/v1/auth/logout" {
            let a = call(&plain.client.without("x-tenant-id"), &route, &things).await;
            a.refused(400, "invalid_input");
            let a = call(&plain.client.with("x-tenant-id", NOBODY), &route, &things).await;
            a.refused(403, "tenant_mismatch");
        }
    }
}

async fn sec_02_no_route_of_v1_tells_another_tenants_admin_anything(w: World) {
    let things = Things::of(&w).await;
    let other = w.second_tenant("Globex").await;
    let admin = other.person("Their", &["user", "approver", "admin"]).await;
    let (none, mut walked) = (Things::none(), 0);
    for route in v1_routes(&w).await.iter().filter(|r| r.path.contains('{')) {
        for client in [&admin.client, &other.owner.client] {
            let ours = call(client, route, &things).await;
            let nobodys = call(client, route, &none).await;
            assert!(ours.status >= 400, "{route:?} with our id: {} {}", ours.status, ours.text());
            assert_eq!(told(&ours, &things), told(&nobodys, &none), "{route:?}");
            walked += 1;
        }
    }
    assert!(walked > 20, "{walked}");
    // nor does a list, a search or an evaluation know of us
    for path in [
        "/v1/users?email=owner@example.com".to_owned(),
        "/v1/users?q=Secretkeeper".into(),
        format!("/v1/audit-log?resource_id={}", things.user),
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
    let v = w.service().get(&format!("/v1/users/{}", things.user)).await.expect(200);
    assert_eq!((&v["name"], &v["state"]), (&json!("Secretkeeper"), &json!("active")));
    w.service().get(&format!("/v1/policies/{}", things.policy)).await.expect(200);
    assert_eq!(w.service().get(&format!("/v1/api-keys/{}", things.key)).await.expect(200)["status"], "active");
}

async fn sec_02_no_call_of_v1beta1_is_open_to_nobody(w: World) {
    let things = Things::of(&w).await;
    for e in ENDPOINTS.iter().filter(|e| e.login == Login::Required) {
        let stream = matches!(e.output, Output::Stream);
        for client in [w.anonymous(), w.anonymous().with("x-tenant-id", &*w.tenant), w.bearer("nonsense")] {
            if stream {
                let client = client.with("content-type", "application/connect+json");
                let a = client.send("POST", e.path, b"\0\0\0\0\x02{}").await;
                assert!(a.text().contains("unauthenticated"), "{}: {}", e.rpc, a.text());
            } else {
                let a = client.post(e.path, json!({ "id": things.user })).await;
                assert_eq!(a.expect(401)["code"], "unauthenticated", "{}", e.rpc);
            }
            for r in e.rest {
                let a = client.json(r.method.as_str(), &things.fill(r.path), &json!({})).await;
                assert_eq!(a.expect(401)["code"], 16, "{} {}", r.method.as_str(), r.path);
            }
        }
    }
    // what is public tells nothing of people
    for e in ENDPOINTS.iter().filter(|e| e.login == Login::Public) {
        let a = w.anonymous().post(e.path, json!({ "id": things.user })).await;
        assert!(!a.text().contains("example.com"), "{}: {}", e.rpc, a.text());
    }
}

async fn sec_02_no_call_of_v1beta1_tells_another_tenants_admin_anything(w: World) {
    let things = Things::of(&w).await;
    let other = w.second_tenant("Globex").await;
    let admin = other.person("Their", &["user", "admin"]).await.client;
    let none = Things::none();
    let message = |t: &Things, schema: bool| {
        let id = if schema { &t.schema } else { &t.user };
        json!({ "id": id, "user_id": t.user, "org_id": t.tenant, "body": { "email": "x@y.example", "name": "validname", "schema": "{}" } })
    };
    for e in ENDPOINTS.iter().filter(|e| !matches!(e.output, Output::Stream)) {
        let by_id =
            ["id", "user_id", "org_id"].iter().any(|f| e.rest.iter().any(|r| r.path.contains(&format!("{{{f}}}"))));
        let schema = e.area.to_lowercase().contains("schema");
        if by_id && !["CreateUser"].contains(&e.rpc) {
            let ours = admin.post(e.path, message(&things, schema)).await;
            let nobodys = admin.post(e.path, message(&none, schema)).await;
            assert_eq!(told(&ours, &things), told(&nobodys, &none), "{}", e.rpc);
            assert!(ours.status >= 400, "{}: {}", e.rpc, ours.text());
        }
        for r in e.rest.iter().filter(|r| r.path.contains('{') && r.path.starts_with("/v1beta1")) {
            let b = json!({ "email": "x@y.example", "name": "validname", "schema": "{}" });
            let ours = admin.json(r.method.as_str(), &things.fill(r.path), &b).await;
            let nobodys = admin.json(r.method.as_str(), &none.fill(r.path), &b).await;
            assert_eq!(told(&ours, &things), told(&nobodys, &none), "{} {}", r.method.as_str(), r.path);
            assert!(ours.status >= 400 || e.login == Login::Public, "{}: {}", e.rpc, ours.text());
        }
    }
    // by address and by name as well
    for which in ["secretkeeper@example.com", "owner@example.com", "secretschema"] {
        admin.get(&format!("/v1beta1/users/{which}")).await.expect(404);
        admin.get(&format!("/v1beta1/meta/schemas/{which}")).await.expect(404);
    }
    for path in ["/v1beta1/admin/users", "/v1beta1/users", "/v1beta1/admin/users/export", "/v1beta1/meta/schemas"] {
        let a = admin.get(path).await;
        assert_eq!(a.status, 200, "{path}: {}", a.text());
        assert!(!a.text().contains("owner@example.com") && !a.text().contains("secret"), "{path}: {}", a.text());
    }
    let found = admin.post("/v1beta1/admin/users/search", json!({ "search": "secret" })).await;
    assert!(!found.text().contains("secretkeeper"), "{}", found.text());
    assert_eq!(
        w.owner().get("/v1beta1/users/secretkeeper@example.com").await.expect(200)["user"]["title"],
        "Secretkeeper"
    );
}

async fn sec_02_a_plain_user_learns_nothing_of_ids_that_are_not_his(w: World) {
    let things = Things::of(&w).await;
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
    for e in ENDPOINTS {
        for r in e
            .rest
            .iter()
            .filter(|r| r.path.contains('{') && r.path.starts_with("/v1beta1") && e.login == Login::Required)
        {
            let b = json!({ "email": "x@y.example", "name": "validname", "schema": "{}" });
            let ours = plain.json(r.method.as_str(), &things.fill(r.path), &b).await;
            let nobodys = plain.json(r.method.as_str(), &none.fill(r.path), &b).await;
            assert!(ours.status >= 400, "{}: {}", e.rpc, ours.text());
            if told(&ours, &things) != told(&nobodys, &none) {
                wrong.push(format!(
                    "{} {}: {} instead of {}",
                    r.method.as_str(),
                    r.path,
                    told(&ours, &things),
                    told(&nobodys, &none)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "403 must never say whether a thing exists (spec v1 2.3):\n{}", wrong.join("\n"));
}

async fn the_roles_may_what_the_golden_matrix_says(w: World) {
    let other = w.second_tenant("Globex").await;
    let people: Vec<(&str, Client)> = vec![
        ("user", other.person("User", &["user"]).await.client),
        ("approver", other.person("Approver", &["approver"]).await.client),
        ("admin", other.person("Admin", &["user", "admin"]).await.client),
        ("owner", other.owner.client.clone()),
        ("master", w.person("Master", &["user", "admin"]).await.client),
    ];
    let none = Things::none();
    let mut matrix = format!("{:58}", "route, with an id that does not exist");
    for (name, _) in &people {
        matrix.push_str(&format!("{name:10}"));
    }
    matrix = matrix.trim_end().to_owned() + "\n";
    let mut line = async |name: String, calls: Vec<Answer>| {
        let cells: String = calls
            .iter()
            .map(|a| {
                format!(
                    "{:10}",
                    match a.status {
                        200..=299 => "yes",
                        401 => "401",
                        403 => "no",
                        404 => "yes 404",
                        501 => "501",
                        503 => "no 503",
                        _ => "yes 4xx",
                    }
                )
            })
            .collect();
        matrix.push_str(format!("{name:58}{cells}").trim_end());
        matrix.push('\n');
    };
    for route in v1_routes(&w).await.iter().filter(|r| !is_public(&r.path) && r.path != "/v1/auth/logout") {
        let mut calls = vec![];
        for (_, client) in &people {
            calls.push(call(client, route, &none).await);
        }
        line(format!("{} {}", route.method, route.path), calls).await;
    }
    for e in ENDPOINTS.iter().filter(|e| e.login == Login::Required && !matches!(e.output, Output::Stream)) {
        let mut calls = vec![];
        for (_, client) in &people {
            calls.push(client.post(e.path, json!({ "id": NOBODY })).await);
        }
        if calls.iter().any(|a| a.status != 501) {
            line(e.rpc.to_owned(), calls).await;
        }
    }
    golden("authorization.txt", &matrix);
}

async fn no_route_is_left_out_of_the_walk(w: World) {
    // each route of the document is served, and takes the body that the walk sends it: so a refusal is one of permission
    let (things, mut by) = (Things::of(&w).await, BTreeMap::<u16, BTreeSet<String>>::new());
    for route in v1_routes(&w).await.into_iter().filter(|r| r.path != "/v1/auth/logout") {
        let a = call(&w.owner(), &route, &Things::none()).await;
        assert!(!matches!(a.status, 405 | 415 | 500), "{route:?}: {} {}", a.status, a.text());
        by.entry(a.status).or_default().insert(format!("{} {}", route.method, route.path));
        if a.status == 404 {
            assert_eq!(a.json()["code"], "not_found", "{route:?}");
            assert!(route.path.contains('{'), "{route:?} is in the document and not served");
        }
    }
    for path in ["/v1/users", "/v1/tenants", "/v1/policies", "/v1/api-keys"] {
        assert!(by[&201].contains(&format!("POST {path}")), "{by:?}");
    }
    // a path of the document with a variable that the walk does not know would be walked with an id of the wrong kind
    for route in v1_routes(&w).await {
        for variable in route.path.split('/').filter(|s| s.starts_with('{')) {
            assert!(
                ["{id}", "{policyId}", "{ruleId}", "{user_id}", "{role}", "{deliveryId}"].contains(&variable),
                "{route:?}: teach `Things::fill` this one"
            );
        }
        let area = route.path.split('/').nth(2).unwrap_or_default().to_owned();
        let known = [
            "access",
            "users",
            "api-keys",
            "audit-log",
            "domains",
            "groups",
            "tenants",
            "policies",
            "policy-rules",
            "auth",
            "openapi.json",
            "webhooks",
        ];
        assert!(
            !route.path.starts_with("/v1/") || known.contains(&area.as_str()),
            "{route:?}: teach `Things` this area"
        );
    }
    assert_eq!(ENDPOINTS.len(), 242);
    drop(things);
}
