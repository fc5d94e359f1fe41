//! The routes of `/v1`, and things and bodies for a request of each.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::access::id;
use super::{Answer, Client, NOBODY, PASSWORD, World, new_user, unique};

/// A route of `/v1/openapi.json`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub method: String,
    pub path: String,
}
pub async fn v1_routes(w: &World) -> Vec<Route> {
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
pub fn is_public(path: &str) -> bool {
    let open = ["/healthz", "/readyz", "/metrics", "/docs", "/v1/openapi.json", "/.well-known/jwks.json"];
    open.contains(&path) || (path.starts_with("/v1/auth/") && !is_of_its_credential(path))
}
/// In the tenant of the credential, whose header may be left out.
pub fn is_of_its_credential(path: &str) -> bool {
    ["/v1/auth/logout", "/v1/auth/introspect"].contains(&path)
}

/// Things of a tenant, by their kind: whatever a request of `/v1` can name.
#[derive(Clone)]
pub struct Things(pub BTreeMap<&'static str, String>);
pub const KINDS: [&str; 13] = [
    "application",
    "user",
    "key",
    "policy",
    "first policy",
    "rule",
    "entry",
    "domain",
    "group",
    "tenant",
    "webhook",
    "delivery",
    "provider",
];
impl Things {
    /// Made by the owner of a tenant, with this word in their names.
    pub async fn of(w: &World, owner: &Client, tenant: &str, word: &str) -> Self {
        let hook = json!({ "body": { "url": format!("https://hooks.example.com/{word}"), "subscribed_events": ["app.user.created"] } });
        let hook = owner.post("/v1beta1/admin/webhooks", hook).await.expect(200);
        let user = json!({ "email": format!("{word}keeper@example.com"), "name": format!("{word}keeper"), "password": PASSWORD, "roles": ["user"] });
        let user = owner.post("/v1/users", user).await.expect(201);
        let webhook = id(&hook["webhook"]);
        let deliveries = owner.get(&format!("/v1/webhooks/{webhook}/deliveries")).await.expect(200);
        let key = owner.post("/v1/api-keys", json!({ "name": format!("{word} name") })).await.expect(201);
        let application = json!({ "name": format!("{word} application"), "kind": "confidential", "redirect_uris": ["https://app.example.com/cb"] });
        let application = owner.post("/v1/applications", application).await.expect(201);
        let first = id(&owner.get("/v1/policies").await.expect(200)["data"][0]);
        let rule = r#"permit (principal, action == Action::"read", resource);"#;
        let policy = json!({ "name": format!("{word} policy"), "max_duration_seconds": 60, "cedar_policy_set": rule });
        let policy = id(&owner.post("/v1/policies", policy).await.expect(201));
        let rules = owner.get(&format!("/v1/policies/{policy}/rules")).await.expect(200);
        let domain = owner.post("/v1/domains", json!({ "domain": format!("{word}.example") })).await.expect(201);
        let group = owner.post("/v1/groups", json!({ "name": format!("{word} group") })).await.expect(201);
        owner.post(&format!("/v1/groups/{}/members", id(&group)), json!({ "user_id": user["id"] })).await.expect(201);
        let settings = json!({ "issuer_url": "https://id.example.net", "client_id": format!("{word} client"), "is_default": true });
        let provider = json!({ "name": format!("{word} provider"), "provider_type": "oidc", "config": settings });
        let provider = owner.post("/v1/identity-providers", provider).await.expect(201);
        w.seal().await;
        let entries = owner.get("/v1/audit-log?limit=1").await.expect(200);
        Self(BTreeMap::from([
            ("application", id(&application)),
            ("user", id(&user)),
            ("key", id(&key)),
            ("policy", policy),
            ("first policy", first),
            ("rule", id(&rules["data"][0])),
            ("entry", id(&entries["data"][0])),
            ("domain", id(&domain)),
            ("group", id(&group)),
            ("provider", id(&provider)),
            ("tenant", tenant.to_owned()),
            ("webhook", webhook),
            ("delivery", id(&deliveries["data"][0])),
        ]))
    }
    /// The same kinds of which there is none.
    pub fn none() -> Self {
        Self(KINDS.into_iter().map(|kind| (kind, NOBODY.to_owned())).collect())
    }
    /// These, but for one kind.
    pub fn but(&self, kind: &'static str, others: &Self) -> Self {
        let mut out = self.clone();
        out.0.insert(kind, others.0[kind].clone());
        out
    }
    pub fn fill(&self, path: &str) -> String {
        let area = path.split('/').nth(2).unwrap_or_default();
        path.split('/')
            .map(|part| match (part, area) {
                ("{id}", "applications") => &self.0["application"],
                ("{id}", "api-keys") => &self.0["key"],
                ("{id}", "audit-log") => &self.0["entry"],
                ("{id}", "domains") => &self.0["domain"],
                ("{id}", "tenants") => &self.0["tenant"],
                ("{id}", "groups") => &self.0["group"],
                ("{id}", "identity-providers") => &self.0["provider"],
                ("{id}", "webhooks") => &self.0["webhook"],
                ("{id}", "users") | ("{user_id}", "groups") => &self.0["user"],
                ("{policyId}", "policies") => &self.0["policy"],
                ("{ruleId}", "policies") => &self.0["rule"],
                ("{deliveryId}", "webhooks") => &self.0["delivery"],
                ("{provider_id}", "auth") => &self.0["provider"],
                ("{role}", "groups") => "admin",
                _ if part.starts_with('{') => panic!("{path}: teach `Things` {part}"),
                _ => part,
            })
            .collect::<Vec<_>>()
            .join("/")
    }
}

/// A body that each route would take.
pub fn body(route: &Route, things: &Things) -> Value {
    match (route.method.as_str(), route.path.as_str()) {
        ("POST", "/v1/users") => new_user(),
        ("POST", "/v1/users/{id}/suspend") => json!({ "active": true }),
        ("PUT", "/v1/users/{id}") => json!({ "name": "Changed" }),
        ("POST", "/v1/api-keys") => json!({ "name": "k", "scopes": ["users:read"] }),
        ("POST", "/v1/applications") => {
            json!({ "name": "A", "kind": "confidential", "redirect_uris": ["https://app.example.com/cb"] })
        }
        ("PATCH", "/v1/applications/{id}") => json!({ "name": "Changed" }),
        ("POST", "/v1/domains") => json!({ "domain": format!("{}.example", unique()) }),
        ("POST", "/v1/identity-providers") => {
            let config = json!({ "issuer_url": "https://id.example.net", "client_id": "c" });
            json!({ "name": unique(), "provider_type": "oidc", "config": config })
        }
        ("PUT", "/v1/identity-providers/{id}") => json!({ "name": "Changed" }),
        ("PUT", "/v1/oidc-config") => {
            json!({ "issuer_url": "https://id.example.net", "client_id": "c", "client_secret": "s" })
        }
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
        ("POST", "/v1/auth/introspect") => json!({ "token": "of-nobody" }),
        ("POST", "/v1/policies/validate") => json!({ "cedar": "permit (principal, action, resource);" }),
        ("PUT", "/v1/users/me/profile") => json!({ "display_name": "D" }),
        ("POST", "/v1/users/me/password") => {
            json!({ "current_password": PASSWORD, "new_password": "velvet-anchor-monsoon" })
        }
        ("POST", "/v1/users/me/mfa/totp/confirm") => json!({ "id": NOBODY, "code": "000000" }),
        // of the kind that is not begun
        ("POST", "/v1/users/me/mfa/webauthn/register/complete") => {
            let response = json!({ "clientDataJSON": "e30", "attestationObject": "oA" });
            let credential = json!({ "id": "AQ", "type": "public-key", "response": response });
            json!({ "credential": credential, "device_name": "K", "method_type": "webauthn_fido" })
        }
        // the walk has changed it by then
        ("POST", "/v1/users/me/reauthenticate") => json!({ "password": "velvet-anchor-monsoon" }),
        ("PATCH", "/v1/tenants/{id}/branding") => json!({ "name": "Acme" }),
        ("PATCH", "/v1/tenants/{id}/settings") => json!({ "mfa_policy": "optional" }),
        _ => json!({}),
    }
}
/// Steps that come after others, and what they answer to those who may take them when nothing came before.
pub const AFTER: [(&str, u16); 4] = [
    ("/v1/oidc-config", 404),
    ("/v1/users/me/mfa/totp/confirm", 404),
    ("/v1/users/me/mfa/webauthn/register/complete", 409),
    ("/v1/users/me/mfa/backup-codes", 409),
];
pub async fn call(client: &Client, route: &Route, things: &Things) -> Answer {
    call_with(client, route, things, things).await
}
/// With other things in the path than in the body.
pub async fn call_with(client: &Client, route: &Route, in_path: &Things, in_body: &Things) -> Answer {
    let mut path = in_path.fill(&route.path);
    if path == "/v1/access/list" {
        path.push_str("?principal=secretkeeper@example.com&type=app/organization&action=get");
    }
    if path == "/v1/users/me/mfa/webauthn/register" {
        path.push_str("?method_type=webauthn_passkey");
    }
    match route.method.as_str() {
        "GET" | "DELETE" => client.send(&route.method, &path, b"").await,
        _ if route.path == "/v1/users/import" => {
            client.with("content-type", "application/x-ndjson").send("POST", &path, b"").await
        }
        _ => client.json(&route.method, &path, &body(route, in_body)).await,
    }
}
