//! Every route of both surfaces, called by those who may not: nobody, a plain user, an admin of another tenant. What they are
//! told is never a success and never more than what is told of an id that does not exist (checklist 2).
use std::collections::{BTreeMap, BTreeSet};

use portcullis_wire_v1beta1::endpoint::{Login, Output};
use portcullis_wire_v1beta1::{ENDPOINTS, Endpoint, REST_ERA};
use serde_json::{Value, json};

use crate::calls::requests::REQUESTS;
use crate::world::access::id;
use crate::world::rpc;
use crate::world::scene::{Scene, sign_in};
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

/// Things of a tenant, by their kind: whatever a request of `/v1` can name.
#[derive(Clone)]
struct Things(BTreeMap<&'static str, String>);
const KINDS: [&str; 11] =
    ["user", "key", "policy", "first policy", "rule", "entry", "domain", "group", "tenant", "webhook", "delivery"];
impl Things {
    /// Made by the owner of a tenant, with this word in their names.
    async fn of(w: &World, owner: &Client, tenant: &str, word: &str) -> Self {
        let hook = json!({ "body": { "url": format!("https://hooks.example.com/{word}"), "subscribed_events": ["app.user.created"] } });
        let hook = owner.post("/v1beta1/admin/webhooks", hook).await.expect(200);
        let user = json!({ "email": format!("{word}keeper@example.com"), "name": format!("{word}keeper"), "password": PASSWORD, "roles": ["user"] });
        let user = owner.post("/v1/users", user).await.expect(201);
        let webhook = id(&hook["webhook"]);
        let deliveries = owner.get(&format!("/v1/webhooks/{webhook}/deliveries")).await.expect(200);
        let key = owner.post("/v1/api-keys", json!({ "name": format!("{word} name") })).await.expect(201);
        let first = id(&owner.get("/v1/policies").await.expect(200)["data"][0]);
        let rule = r#"permit (principal, action == Action::"read", resource);"#;
        let policy = json!({ "name": format!("{word} policy"), "max_duration_seconds": 60, "cedar_policy_set": rule });
        let policy = id(&owner.post("/v1/policies", policy).await.expect(201));
        let rules = owner.get(&format!("/v1/policies/{policy}/rules")).await.expect(200);
        let domain = owner.post("/v1/domains", json!({ "domain": format!("{word}.example") })).await.expect(201);
        let group = owner.post("/v1/groups", json!({ "name": format!("{word} group") })).await.expect(201);
        owner.post(&format!("/v1/groups/{}/members", id(&group)), json!({ "user_id": user["id"] })).await.expect(201);
        w.seal().await;
        let entries = owner.get("/v1/audit-log?limit=1").await.expect(200);
        Self(BTreeMap::from([
            ("user", id(&user)),
            ("key", id(&key)),
            ("policy", policy),
            ("first policy", first),
            ("rule", id(&rules["data"][0])),
            ("entry", id(&entries["data"][0])),
            ("domain", id(&domain)),
            ("group", id(&group)),
            ("tenant", tenant.to_owned()),
            ("webhook", webhook),
            ("delivery", id(&deliveries["data"][0])),
        ]))
    }
    /// The same kinds of which there is none.
    fn none() -> Self {
        Self(KINDS.into_iter().map(|kind| (kind, NOBODY.to_owned())).collect())
    }
    /// These, but for one kind.
    fn but(&self, kind: &'static str, others: &Self) -> Self {
        let mut out = self.clone();
        out.0.insert(kind, others.0[kind].clone());
        out
    }
    fn fill(&self, path: &str) -> String {
        let area = path.split('/').nth(2).unwrap_or_default();
        path.split('/')
            .map(|part| match (part, area) {
                ("{id}", "api-keys") => &self.0["key"],
                ("{id}", "audit-log") => &self.0["entry"],
                ("{id}", "domains") => &self.0["domain"],
                ("{id}", "tenants") => &self.0["tenant"],
                ("{id}", "groups") => &self.0["group"],
                ("{id}", "webhooks") => &self.0["webhook"],
                ("{id}", "users") | ("{user_id}", "groups") => &self.0["user"],
                ("{policyId}", "policies") => &self.0["policy"],
                ("{ruleId}", "policies") => &self.0["rule"],
                ("{deliveryId}", "webhooks") => &self.0["delivery"],
                ("{role}", "groups") => "admin",
                _ if part.starts_with('{') => panic!("{path}: teach `Things` {part}"),
                _ => part,
            })
            .collect::<Vec<_>>()
            .join("/")
    }
}

/// A body that each route would take.
fn body(route: &Route, things: &Things) -> Value {
    match (route.method.as_str(), route.path.as_str()) {
        ("POST", "/v1/users") => new_user(),
        ("POST", "/v1/users/{id}/suspend") => json!({ "active": true }),
        ("PUT", "/v1/users/{id}") => json!({ "name": "Changed" }),
        ("POST", "/v1/api-keys") => json!({ "name": "k", "scopes": ["users:read"] }),
        ("POST", "/v1/domains") => json!({ "domain": format!("{}.example", unique()) }),
        ("POST", "/v1/groups") => json!({ "name": unique() }),
        ("PUT", "/v1/groups/{id}") => json!({ "description": "Changed" }),
        ("POST", "/v1/groups/{id}/members") => json!({ "user_id": things.0["user"] }),
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
        ("PATCH", "/v1/policies/reorder") => json!({ "ids": [things.0["policy"], things.0["first policy"]] }),
        ("PATCH", "/v1/policies/{policyId}/rules/reorder") => json!({ "ids": [things.0["rule"]] }),
        ("POST", "/v1/policies/evaluate") => {
            json!({ "principal": "secretkeeper@example.com", "resource": "x_db:a", "action": "read" })
        }
        ("POST", "/v1/access/check") => {
            json!({ "checks": [{ "principal": "secretkeeper@example.com", "resource": "org:some", "action": "get" }] })
        }
        ("POST", "/v1/policies/validate") => json!({ "cedar": "permit (principal, action, resource);" }),
        ("PUT", "/v1/users/me/profile") => json!({ "display_name": "D" }),
        ("POST", "/v1/users/me/password") => {
            json!({ "current_password": PASSWORD, "new_password": "velvet-anchor-monsoon" })
        }
        _ => json!({}),
    }
}
async fn call(client: &Client, route: &Route, things: &Things) -> Answer {
    call_with(client, route, things, things).await
}
/// With other things in the path than in the body.
async fn call_with(client: &Client, route: &Route, in_path: &Things, in_body: &Things) -> Answer {
    let mut path = in_path.fill(&route.path);
    if path == "/v1/access/list" {
        path.push_str("?principal=secretkeeper@example.com&type=app/organization&action=get");
    }
    match route.method.as_str() {
        "GET" | "DELETE" => client.send(&route.method, &path, b"").await,
        _ if route.path == "/v1/users/import" => {
            client.with("content-type", "application/x-ndjson").send("POST", &path, b"").await
        }
        _ => client.json(&route.method, &path, &body(route, in_body)).await,
    }
}
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
        if route.path != "/v1/auth/logout" {
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

fn with_nobody(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part }).collect::<Vec<_>>().join("/")
}

async fn sec_02_no_call_of_v1beta1_is_open_to_nobody(w: World) {
    let things = Things::of(&w, &w.owner(), &w.tenant, "secret").await;
    for e in ENDPOINTS.iter().filter(|e| e.login == Login::Required) {
        let stream = matches!(e.output, Output::Stream);
        for client in [w.anonymous(), w.anonymous().with("x-tenant-id", &*w.tenant), w.bearer("nonsense")] {
            if stream {
                let client = client.with("content-type", "application/connect+json");
                let a = client.send("POST", e.path, b"\0\0\0\0\x02{}").await;
                assert!(a.text().contains("unauthenticated"), "{}: {}", e.rpc, a.text());
            } else {
                let a = client.post(e.path, json!({ "id": things.0["user"] })).await;
                assert_eq!(a.expect(401)["code"], "unauthenticated", "{}", e.rpc);
            }
            for r in e.rest {
                let a = client.json(r.method.as_str(), &with_nobody(r.path), &json!({})).await;
                assert_eq!(a.expect(401)["code"], 16, "{} {}", r.method.as_str(), r.path);
            }
        }
    }
    // what is public tells nothing of people
    for e in ENDPOINTS.iter().filter(|e| e.login == Login::Public) {
        let a = w.anonymous().post(e.path, json!({ "id": things.0["user"] })).await;
        assert!(!a.text().contains("example.com"), "{}: {}", e.rpc, a.text());
    }
}

/// Requests beside those of the table, which name other kinds of things or name them elsewhere.
#[rustfmt::skip]
const MORE: &[(&str, &str)] = &[
    ("ListUsers", r#"{"group_id":"$group"}"#),
    ("ListOrganizations", r#"{"user_id":"$user"}"#),
    ("ListGroups", r#"{"org_id":"$organization"}"#),
    ("ListProjects", r#"{"org_id":"$organization"}"#),
    ("ListOrganizationGroups", r#"{"org_id":"$organization","group_ids":["$group"]}"#),
    ("ListPolicies", r#"{"org_id":"$organization"}"#),
    ("ListPolicies", r#"{"user_id":"$user"}"#),
    ("ListPolicies", r#"{"role_id":"$role"}"#),
    ("ListPolicies", r#"{"group_id":"$group"}"#),
    ("ListAuditRecords", r#"{"query":{"filters":[{"name":"org_id","operator":"eq","string_value":"$organization"}]}}"#),
    ("ListRelations", r#"{"subject":"app/user:$member"}"#),
    ("ListProjectUsers", r#"{"id":"$project","permission_filter":"get"}"#),
    ("CheckResourcePermission", r#"{"resource":"app/group:$group","permission":"get"}"#),
    ("CheckResourcePermission", r#"{"resource":"app/organization:$organization","permission":"get"}"#),
    ("CheckResourcePermission", r#"{"resource":"app/serviceuser:$machine","permission":"get"}"#),
    ("CheckResourcePermission", r#"{"resource":"$namespace:$resource","permission":"get"}"#),
    ("CheckFederatedResourcePermission", r#"{"subject":"app/serviceuser:$machine","resource":"app/project:$project","permission":"get"}"#),
    ("CreatePolicy", r#"{"body":{"role_id":"$role","resource":"app/project:$project","principal":"app/group:$group"}}"#),
    ("CreatePolicy", r#"{"body":{"role_id":"$organization_role","resource":"app/project:$project","principal":"app/serviceuser:$machine"}}"#),
    ("CreatePolicy", r#"{"body":{"role_id":"$member_role","resource":"app/organization:$organization","principal":"app/user:$user"}}"#),
    ("CreatePolicyForProject", r#"{"project_id":"$project","body":{"role_id":"$role","principal":"app/group:$group"}}"#),
    ("SetProjectMemberRole", r#"{"project_id":"$project","principal_id":"$group","principal_type":"app/group","role_id":"$role"}"#),
    ("SetProjectMemberRole", r#"{"project_id":"$project","principal_id":"$machine","principal_type":"app/serviceuser","role_id":"$project_role"}"#),
    ("RemoveOrganizationMember", r#"{"org_id":"$organization","principal_id":"$machine","principal_type":"app/serviceuser"}"#),
    ("CreateOrganizationInvitation", r#"{"org_id":"$organization","user_ids":["$email"],"group_ids":["$group"]}"#),
    ("CreateOrganizationInvitation", r#"{"org_id":"$organization","user_ids":["$email"],"role_ids":["$organization_role"]}"#),
    ("CreateRelation", r#"{"body":{"object":"app/group:$group","subject":"app/serviceuser:$machine","relation":"member"}}"#),
    ("CreateCurrentUserPAT", r#"{"title":"$name","org_id":"$organization","scopes":[{"role_id":"$project_role","resource_type":"app/project","resource_ids":["$project"]}],"expires_at":"$soon"}"#),
    ("CreateCurrentUserPAT", r#"{"title":"$name","org_id":"$organization","scopes":[{"role_id":"$organization_role","resource_type":"app/project","resource_ids":[]}],"expires_at":"$soon"}"#),
    ("AddPlatformUser", r#"{"serviceuser_id":"$machine","relation":"member"}"#),
    ("CreateProjectResource", r#"{"project_id":"$project","body":{"name":"$name","namespace":"$namespace","principal":"app/user:$user"}}"#),
    ("CreateServiceUserToken", r#"{"org_id":"$organization","id":"$machine","title":"T"}"#),
    ("CreateAuditRecord", r#"{"actor":{"id":"$session","type":"app/session"},"event":"order.shipped","resource":{"id":"o-1","type":"compute/order","name":"O"},"org_id":"$organization","idempotency_key":"$uuid","occurred_at":"2026-11-01T00:00:00Z"}"#),
    ("CreateUserPreferences", r#"{"id":"$user","bodies":[{"name":"newsletter","value":"true","scope_type":"app/organization","scope_id":"$organization"}]}"#),
    ("GetUser", r#"{"id":"$user_email"}"#),
    ("ListUserGroups", r#"{"id":"$user","org_id":"$organization"}"#),
];

/// Calls that are answered with success whatever they name, and why that tells nothing.
const TAKEN: &[(&str, &str)] = &[
    ("CheckFederatedResourcePermission", "nobody may nothing"),
    ("UpdateUser", "the address in a body changes nothing"),
    ("UpdateProject", "the organization in a body changes nothing"),
    ("UpdateProjectResource", "the namespace in a body changes nothing"),
    ("AddGroupUsers", "the organization of this path is put nowhere (spec 2.5)"),
    ("AddOrganizationMembers", "each member is answered for: none exists"),
    ("CreateAuditRecord", "an actor is what the caller claims"),
    ("ListUserSessions", "empty"),
    ("ListRelations", "empty"),
    ("ListOrganizations", "empty"),
    ("ListOrganizationGroups", "empty"),
    ("ListPolicies", "empty"),
    ("ListAuditRecords", "empty"),
    ("ListUserGroups", "empty"),
];
/// Calls by which everybody of the tenant may see what they name, and why.
const TO_ALL: &[(&str, &str)] = &[
    ("CheckResourcePermission", "what is not there is not found, what one may not is false (spec 5.6)"),
    ("BatchCheckPermission", "as above"),
    ("GetPermission", "for everybody (spec 2.3.11)"),
    ("GetNamespace", "for everybody (spec 2.3.11)"),
    ("GetMetaSchema", "public (spec 2.3.13)"),
    ("GetServiceUserJWK", "the public half of a key, for everybody (spec 2.3.4)"),
    ("OldGetServiceUserJWK", "the public half of a key, for everybody (spec 2.5)"),
];

/// What a request is answered in every form of the call, without the ids of what it names.
async fn heard(by: &Client, e: &Endpoint, request: &Value, names: &BTreeMap<&str, String>) -> Vec<String> {
    let mut out = vec![];
    if !e.path.is_empty() {
        match e.output {
            Output::Stream => out.push(format!("{:?}", rpc::connect(by, e, request).await)),
            Output::Unary(_) => {
                let a = by.post(e.path, request.clone()).await;
                out.push(format!("{} {}", a.status, a.text()));
            }
        }
    }
    for form in e.rest {
        let a = rpc::rest_answer(by, form, request).await;
        out.push(format!("{} {}", a.status, a.text()));
    }
    let plain = |text: &String| {
        let mut text = text.clone();
        for name in names.values() {
            text = text.replace(name, "ID");
        }
        text.split('"').map(alike).collect::<Vec<_>>().join("\"")
    };
    out.iter().map(plain).collect()
}
/// What is different in each answer, made the same.
fn alike(part: &str) -> &str {
    if part.parse::<uuid::Uuid>().is_ok() {
        "AN ID"
    } else if part.parse::<portcullis_domain::Timestamp>().is_ok() {
        "A TIME"
    } else {
        part
    }
}
fn of_the_table(rpc: &str) -> &'static Endpoint {
    ENDPOINTS.iter().chain(REST_ERA).find(|e| e.rpc == rpc).unwrap()
}

async fn sec_02_no_call_of_v1beta1_tells_another_tenants_admin_anything(w: World) {
    let other = w.second_tenant("Globex").await;
    let their = other.person("Their", &["user", "admin"]).await.client;
    let (mut ours, mut theirs) = (Scene::new(&w), Scene::of(&w, &other.owner.client));
    let with_roles = json!({ "preferences": [{ "name": "invite_with_roles", "value": "true" }] });
    their.post("/v1beta1/preferences", with_roles).await.expect(200);
    for word in REQUESTS.iter().chain(MORE).flat_map(|(_, row)| Scene::things(row)) {
        ours.get(word).await;
    }
    // no list and no search knows of us
    for path in ["/v1beta1/admin/users", "/v1beta1/users", "/v1beta1/admin/users/export", "/v1beta1/meta/schemas"] {
        let a = their.get(path).await;
        assert_eq!(a.status, 200, "{path}: {}", a.text());
        assert!(!a.text().contains("owner@example.com") && !ours.is_in(&a.text()), "{path}: {}", a.text());
    }
    for e in ENDPOINTS.iter().filter(|e| e.rpc.starts_with("List") || e.rpc.starts_with("Search")) {
        let a = their.post(e.path, json!({ "query": {} })).await;
        assert!(!ours.is_in(&a.text()), "{}: {}", e.rpc, a.text());
    }
    let email = ours.get("user_email").await;
    let found = their.post("/v1beta1/admin/users/search", json!({ "search": email })).await;
    assert!(!found.text().contains(&email), "{}", found.text());
    w.owner().get(&format!("/v1beta1/users/{email}")).await.expect(200);
    let (mut wrong, mut walked) = (vec![], 0);
    for (rpc, row) in REQUESTS.iter().chain(MORE) {
        let (e, things) = (of_the_table(rpc), Scene::things(row));
        // all that it names is ours, and then one after the other beside what is theirs
        let beside = things.iter().map(std::slice::from_ref).filter(|_| things.len() > 1);
        for named in [&things[..]].into_iter().filter(|t| !t.is_empty()).chain(beside) {
            let mut here = BTreeMap::new();
            for word in named {
                here.insert(*word, ours.get(word).await);
            }
            let nowhere: BTreeMap<&str, String> = named.iter().map(|w| (*w, Scene::nothing(w).to_owned())).collect();
            for by in [&their, &other.owner.client] {
                let mut answers = vec![];
                for things in [&here, &nowhere] {
                    theirs.rename();
                    let request = theirs.fill_with(row, things).await;
                    let heard = heard(by, e, &request, things).await;
                    answers.push(heard.iter().map(|a| theirs.unnamed(a)).collect::<Vec<_>>());
                }
                let taken = |a: &String| a.starts_with('2') || a.contains("\"ok\"");
                let open = TAKEN.iter().any(|(call, _)| call == rpc);
                let of_ours = &answers[0];
                if *of_ours != answers[1] || of_ours.iter().any(|a| taken(a) && !open || ours.is_in(a)) {
                    wrong.push(format!("{rpc} {row} with our {named:?}\n  {of_ours:?}\n  {:?}", answers[1]));
                }
                walked += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(walked > 400, "{walked}");
}

async fn sec_02_a_plain_user_learns_nothing_of_ids_that_are_not_his(w: World) {
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
    let mut ours = Scene::new(&w);
    for (rpc, row) in REQUESTS.iter().chain(MORE) {
        let (e, mut here, mut nowhere) = (of_the_table(rpc), BTreeMap::new(), BTreeMap::new());
        for word in Scene::things(row) {
            here.insert(word, ours.get(word).await);
            nowhere.insert(word, Scene::nothing(word).to_owned());
        }
        if here.is_empty() || TO_ALL.iter().any(|(open, _)| open == rpc) {
            continue;
        }
        ours.rename();
        let of_ours = heard(&plain, e, &ours.fill(row).await, &here).await;
        let of_none = heard(&plain, e, &ours.fill_with(row, &nowhere).await, &nowhere).await;
        if of_ours != of_none || of_ours.iter().any(|a| a.starts_with('2') || a.contains("\"ok\"")) {
            wrong.push(format!("{rpc}\n  {of_ours:?}\n  {of_none:?}"));
        }
    }
    assert!(wrong.is_empty(), "403 must never say whether a thing exists (spec v1 2.3):\n{}", wrong.join("\n"));
}

/// Why nobody is answered "yes": what a right request of a table cannot be.
const NO_YES: &[(&str, &str)] = &[
    ("UpdatePolicy", "is unimplemented (decision 23)"),
    ("CreateProjectPreferences", "is unimplemented (decision 23)"),
    ("ListProjectPreferences", "is unimplemented (decision 23)"),
    ("CreateGroupPreferences", "is unimplemented (decision 23)"),
    ("ListGroupPreferences", "is unimplemented (decision 23)"),
];

/// Somebody with these roles, who has proved their address.
async fn proved(by: &Client, name: &str, roles: &[&str]) -> Client {
    let email = format!("{name}@example.com");
    let row = json!({ "email": email, "name": name, "password": PASSWORD, "roles": roles, "email_verified": true });
    let import = by.with("content-type", "application/x-ndjson");
    id(&import.send("POST", "/v1/users/import", row.to_string().as_bytes()).await.lines()[0]);
    sign_in(by, &email).await
}

async fn the_roles_may_what_the_golden_matrix_says(w: World) {
    let other = w.second_tenant("Globex").await;
    let (master, globex) = (w.owner(), other.owner.client.clone());
    let people: Vec<(&str, Client, &Client)> = vec![
        ("user", proved(&globex, "user", &["user"]).await, &globex),
        ("approver", proved(&globex, "approver", &["approver"]).await, &globex),
        ("admin", proved(&globex, "admin", &["user", "admin"]).await, &globex),
        ("owner", globex.clone(), &globex),
        ("master", proved(&master, "master", &["user", "admin"]).await, &master),
    ];
    let in_body =
        [Things::of(&w, &globex, &other.id, "secret").await, Things::of(&w, &master, &w.tenant, "secret").await];
    let head = |what: &str| {
        let names: String = people.iter().map(|(name, ..)| format!("{name:10}")).collect();
        format!("{what:58}{}\n", names.trim_end())
    };
    let mut matrix = head("route, with an id that does not exist");
    let mut unanswered = vec![];
    let mut line = |matrix: &mut String, name: String, cells: &[String]| {
        let why = NO_YES.iter().find(|(call, _)| *call == name).map(|(_, why)| *why);
        if why.is_some() == cells.iter().any(|c| c.starts_with("yes")) {
            unanswered.push(format!("{name}: {cells:?}"));
        }
        let cells: String = cells.iter().map(|c| format!("{c:10}")).collect();
        matrix.push_str(format!("{name:58}{cells}{}", why.unwrap_or_default()).trim_end());
        matrix.push('\n');
    };
    for route in v1_routes(&w).await.iter().filter(|r| !is_public(&r.path) && r.path != "/v1/auth/logout") {
        let mut cells = vec![];
        for (name, client, _) in &people {
            let a = call_with(client, route, &Things::none(), &in_body[usize::from(*name == "master")]).await;
            cells.push(match a.status {
                200..=299 => "yes".to_owned(),
                403 => "no".to_owned(),
                // who may is told that it is not there, who may not is not
                404 if route.path.contains('{') => "yes 404".to_owned(),
                other => format!("{other} {}", a.text()),
            });
        }
        line(&mut matrix, format!("{} {}", route.method, route.path), &cells);
    }
    for (_, client, _) in &people {
        let back = json!({ "current_password": "velvet-anchor-monsoon", "new_password": PASSWORD });
        client.post("/v1/users/me/password", back).await.expect(204);
    }
    matrix.push_str(&head("\ncall, with things that are there"));
    let required = |rpc: &str| of_the_table(rpc).login == Login::Required;
    for (rpc, row) in REQUESTS.iter().filter(|(rpc, _)| required(rpc)) {
        let (e, mut cells) = (of_the_table(rpc), vec![]);
        for (_, client, owner) in &people {
            let request = Scene::of(&w, owner).for_caller(client).fill(row).await;
            let ended = match e.path {
                "" => rpc::rest(client, e, &request).await.unwrap(),
                _ => rpc::connect(client, e, &request).await,
            };
            cells.push(match &*ended.code {
                "ok" => "yes".to_owned(),
                "permission_denied" => "no".to_owned(),
                "unavailable" => "no 503".to_owned(),
                "unimplemented" => "501".to_owned(),
                "not_found" => "404".to_owned(),
                other => format!("{other} {}", ended.message),
            });
        }
        line(&mut matrix, (*rpc).to_owned(), &cells);
    }
    assert!(unanswered.is_empty(), "{}", unanswered.join("\n"));
    golden("authorization.txt", &matrix);
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
            assert!(route.path.contains('{'), "{route:?} is in the document and not served");
        }
    }
    for path in ["/v1/users", "/v1/tenants", "/v1/policies", "/v1/api-keys"] {
        assert!(by[&201].contains(&format!("POST {path}")), "{by:?}");
    }
    assert_eq!(ENDPOINTS.len(), 242);
}
