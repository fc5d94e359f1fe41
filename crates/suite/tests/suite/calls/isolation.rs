//! Every call of `/v1beta1`, made by those who may not: nobody, a plain user, an admin of another tenant. What they are told is
//! never a success and never more than what is told of an id that does not exist (checklist 2).
use std::collections::BTreeMap;

use portcullis_wire_v1beta1::endpoint::{Login, Output};
use portcullis_wire_v1beta1::{ENDPOINTS, Endpoint};
use serde_json::{Value, json};

use super::requests::REQUESTS;
use crate::world::routes::Things;
use crate::world::rpc::{self, of_the_table};
use crate::world::scene::Scene;
use crate::world::*;

both!(
    sec_02_no_call_of_v1beta1_is_open_to_nobody,
    sec_02_no_call_of_v1beta1_tells_another_tenants_admin_anything,
    sec_02_no_call_of_v1beta1_tells_a_plain_user_of_ids_that_are_not_his,
);

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

async fn sec_02_no_call_of_v1beta1_tells_a_plain_user_of_ids_that_are_not_his(w: World) {
    let plain = w.person("Plain", &["user"]).await.client;
    let mut wrong = vec![];
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
