//! Policies (role bindings) of `/v1beta1`: who gives whom what, and where (spec v1beta1 2.3.10, part 5).
use serde_json::{Value, json};

use crate::checks::text;
use crate::world::access::{FRONTIER, grant, may};
use crate::world::place::place;
use crate::world::*;

both!(
    a_policy_is_granted_shown_and_revoked,
    a_policy_is_granted_only_by_who_manages_access_there,
    whoever_may_change_a_project_gives_no_more_than_they_hold,
    a_policy_needs_a_principal_a_role_and_an_object_that_are_there,
    policies_are_listed_by_object_bearer_and_role,
    a_policy_is_never_changed,
);

async fn a_policy_is_granted_shown_and_revoked(w: World) {
    let p = place(&w, "acme").await;
    let ada = w.person("Ada", &["user"]).await;
    let body = json!({
        "role_id": "app_project_viewer", "title": "Guest", "resource": "project:acme-web",
        "principal": format!("user:{}", ada.id), "metadata": { "why": "audit" },
    });
    let policy = w.owner().post("/v1beta1/policies", body.clone()).await.expect(200)["policy"].clone();
    assert_eq!(policy["resource"], format!("app/project:{}", p.project));
    assert_eq!(policy["principal"], format!("app/user:{}", ada.id));
    assert_eq!((&policy["title"], &policy["metadata"]["why"]), (&json!("Guest"), &json!("audit")));
    assert_eq!(policy["role_id"].as_str().unwrap().len(), 36);
    let at = format!("/v1beta1/policies/{}", text(&policy["id"]));
    assert_eq!(w.owner().get(&at).await.expect(200)["policy"], policy);
    // the same again is the same, with what is new
    let again = json!({
        "role_id": policy["role_id"], "title": "Auditor", "resource": policy["resource"], "principal": policy["principal"],
    });
    let connect = w.owner().post(&format!("{FRONTIER}/CreatePolicy"), json!({ "body": again })).await.expect(200);
    assert_eq!((&connect["policy"]["id"], &connect["policy"]["title"]), (&policy["id"], &json!("Auditor")));
    assert_eq!(connect["policy"]["created_at"], policy["created_at"]);
    assert!(may(&ada.client, "project:acme-web", "get").await);
    w.owner().delete(&at).await.expect(200);
    assert!(!may(&ada.client, "project:acme-web", "get").await);
    let e = w.owner().get(&at).await.expect(404);
    assert!(text(&e["message"]).starts_with("policy doesn't exist"), "{e}");
    w.owner().delete(&at).await.expect(404);
    w.owner().get("/v1beta1/policies/nonsense").await.expect(404);
    let events = w.events("action=role_binding.created").await;
    let ours = events.iter().find(|e| e["resource_id"] == policy["id"]).expect("it is in the log");
    assert_eq!(ours["metadata"]["bearer"], format!("app/user:{}", ada.id));
    assert_eq!(w.events("action=role_binding.updated").await.len(), 1);
    assert_eq!(w.events("action=role_binding.deleted").await.len(), 1);
}

async fn a_policy_is_granted_only_by_who_manages_access_there(w: World) {
    let (p, other) = (place(&w, "acme").await, place(&w, "other").await);
    let manager = w.person("Manager", &["user"]).await;
    let organization = format!("org:{}", p.organization);
    grant(&w, "app_organization_accessmanager", &organization, &format!("user:{}", manager.id)).await;
    let ada = w.person("Ada", &["user"]).await;
    let body = |role: &str, resource: &str| json!({ "role_id": role, "resource": resource, "principal": format!("user:{}", ada.id) });
    let post = async |by: &Client, role: &str, resource: &str| by.post("/v1beta1/policies", body(role, resource)).await;
    let made = post(&manager.client, "app_organization_viewer", &organization).await.expect(200);
    let at = format!("/v1beta1/policies/{}", text(&made["policy"]["id"]));
    manager.client.get(&at).await.expect(200);
    // not on the project below, which it takes project.policymanage for, nor anywhere else
    for resource in [
        format!("project:{}", p.project),
        format!("org:{}", other.organization),
        format!("project:{}", other.project),
        format!("project:{NOBODY}"),
        format!("org:{NOBODY}"),
        format!("group:{NOBODY}"),
        "nonsense:x".into(),
    ] {
        let e = post(&manager.client, "app_project_viewer", &resource).await.expect(403);
        assert_eq!(e["code"], 7, "{resource}: the same for what is not there");
    }
    for by in [&ada.client, &w.person("Eve", &["user"]).await.client] {
        post(by, "app_organization_owner", &organization).await.expect(403);
        by.get(&at).await.expect(403);
        by.delete(&at).await.expect(403);
        by.get(&format!("/v1beta1/policies/{NOBODY}")).await.expect(403);
    }
    post(&w.anonymous(), "app_organization_viewer", &organization).await.expect(401);
    manager.client.delete(&at).await.expect(200);
    assert!(!may(&ada.client, &organization, "get").await);
}

async fn whoever_may_change_a_project_gives_no_more_than_they_hold(w: World) {
    let p = place(&w, "acme").await;
    let manager = w.person("Manager", &["user"]).await;
    let project = format!("project:{}", p.project);
    grant(&w, "app_project_manager", &project, &format!("user:{}", manager.id)).await;
    let ada = w.person("Ada", &["user"]).await;
    let at = format!("/v1beta1/policies/projects/{}", p.project);
    let body = |role: &str, who: &str| json!({ "role_id": role, "principal": format!("user:{who}") });
    for role in ["app_project_viewer", "app_project_manager"] {
        assert_eq!(manager.client.post(&at, body(role, &ada.id)).await.expect(200), json!({}));
    }
    assert!(may(&ada.client, &project, "update").await);
    for who in [&ada.id, &manager.id] {
        let e = manager.client.post(&at, body("app_project_owner", who)).await.expect(403);
        assert_eq!(e["code"], 7, "{e}");
    }
    assert!(!may(&manager.client, &project, "delete").await);
    // its owner does, by name and over Connect too
    let connect = json!({ "project_id": "acme-web", "body": body("app_project_owner", &ada.id) });
    w.owner().post(&format!("{FRONTIER}/CreatePolicyForProject"), connect).await.expect(200);
    assert!(may(&ada.client, &project, "delete").await);
    let e = w.owner().post("/v1beta1/policies/projects/nowhere", body("app_project_viewer", &ada.id)).await.expect(404);
    assert_eq!(e["code"], 5);
    w.person("Eve", &["user"]).await.client.post(&at, body("app_project_viewer", &ada.id)).await.expect(403);
    w.anonymous().post(&at, body("app_project_viewer", &ada.id)).await.expect(401);
    let e = w.owner().post(&at, body("app_no_role", &ada.id)).await.expect(400);
    assert_eq!(e["message"], "role id is invalid");
}

async fn a_policy_needs_a_principal_a_role_and_an_object_that_are_there(w: World) {
    let p = place(&w, "acme").await;
    let ada = w.person("Ada", &["user"]).await;
    let good = json!({
        "role_id": "app_project_viewer", "resource": format!("project:{}", p.project), "principal": format!("user:{}", ada.id),
    });
    let with = |name: &str, value: &str| {
        let mut body = good.clone();
        body[name] = value.into();
        body
    };
    let post = async |body: Value| w.owner().post("/v1beta1/policies", body).await;
    for (name, value, status) in [
        ("principal", format!("user:{NOBODY}"), 404),
        ("principal", format!("group:{NOBODY}"), 404),
        ("principal", format!("serviceuser:{NOBODY}"), 404),
        ("principal", "user:ada".into(), 400),
        ("principal", "ada".into(), 400),
        ("principal", String::new(), 400),
        ("principal", format!("pat:{NOBODY}"), 400),
        ("principal", format!("project:{}", p.project), 400),
        ("resource", "project".into(), 400),
        ("resource", "project:".into(), 400),
        ("resource", format!("project:{NOBODY}"), 404),
        ("resource", "platform:platform".into(), 404),
        ("role_id", "no_such_role".into(), 400),
        ("role_id", NOBODY.into(), 400),
        ("role_id", "ab".into(), 400),
        ("resource", "ab".into(), 400),
    ] {
        let a = post(with(name, &value)).await;
        assert_eq!(a.status, status, "{name} {value}: {}", a.text());
    }
    let e = post(with("resource", "project")).await.expect(400);
    assert_eq!(e["message"], "subject/object should be provided as 'namespace:uuid'");
    post(good.clone()).await.expect(200);
    // a role of one organization means nothing in another
    let other = place(&w, "other").await;
    let role = json!({ "name": "auditor", "permissions": ["app_project_get"], "scopes": ["app/project"] });
    let at = format!("/v1beta1/organizations/{}/roles", other.organization);
    let role = text(&w.owner().post(&at, role).await.expect(200)["role"]["id"]);
    let e = post(with("role_id", &role)).await.expect(400);
    assert_eq!(e["message"], "role id is invalid");
    let there = json!({ "role_id": role, "resource": format!("project:{}", other.project), "principal": format!("user:{}", ada.id) });
    post(there).await.expect(200);
    assert!(may(&ada.client, &format!("project:{}", other.project), "get").await);
}

async fn policies_are_listed_by_object_bearer_and_role(w: World) {
    let p = place(&w, "acme").await;
    let (ada, eve) = (w.person("Ada", &["user"]).await, w.person("Eve", &["user"]).await);
    let (project, organization) = (format!("project:{}", p.project), format!("org:{}", p.organization));
    let a = grant(&w, "app_project_viewer", &project, &format!("user:{}", ada.id)).await;
    let e = grant(&w, "app_project_viewer", &project, &format!("user:{}", eve.id)).await;
    let o = grant(&w, "app_organization_viewer", &organization, &format!("user:{}", ada.id)).await;
    let list = async |by: &Client, query: String| {
        let list = by.get(&format!("/v1beta1/policies?{query}")).await.expect(200);
        let mut ids: Vec<String> = list["policies"].as_array().unwrap().iter().map(|p| text(&p["id"])).collect();
        ids.sort_unstable();
        ids
    };
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<String> = ids.iter().map(|s| (*s).clone()).collect();
        ids.sort_unstable();
        ids
    };
    let owner = w.owner();
    // the maker of both owns them
    assert_eq!(list(&owner, format!("project_id={}", p.project)).await.len(), 3);
    assert_eq!(list(&owner, "project_id=acme-web&role_id=app_project_viewer".into()).await, sorted(&[&a, &e]));
    assert_eq!(list(&owner, format!("org_id=acme&user_id={}", ada.id)).await, sorted(&[&o]));
    assert_eq!(list(&owner, format!("user_id={}", ada.id)).await, sorted(&[&a, &o]));
    assert_eq!(list(&owner, "role_id=app_organization_viewer".into()).await, sorted(&[&o]));
    assert_eq!(list(&owner, String::new()).await.len(), 5);
    assert_eq!(list(&ada.client, format!("user_id={}", ada.id)).await, sorted(&[&a, &o]), "one's own");
    for query in [
        format!("user_id={}", eve.id),
        format!("project_id={}", p.project),
        format!("org_id={}&user_id={}", p.organization, ada.id),
        "role_id=app_project_viewer".into(),
        format!("group_id={NOBODY}"),
        String::new(),
    ] {
        assert_eq!(ada.client.get(&format!("/v1beta1/policies?{query}")).await.expect(403)["code"], 7, "{query}");
    }
    w.anonymous().get("/v1beta1/policies").await.expect(401);
    owner.get("/v1beta1/policies?user_id=ada").await.expect(400);
    owner.get("/v1beta1/policies?role_id=none").await.expect(400);
    let connect = owner.post(&format!("{FRONTIER}/ListPolicies"), json!({ "user_id": eve.id })).await.expect(200);
    assert_eq!(connect["policies"][0]["id"], e);
}

async fn a_policy_is_never_changed(w: World) {
    let p = place(&w, "acme").await;
    let ada = w.person("Ada", &["user"]).await;
    let id = grant(&w, "app_project_viewer", &format!("project:{}", p.project), &format!("user:{}", ada.id)).await;
    let at = format!("/v1beta1/policies/{id}");
    let body = json!({ "role_id": "app_project_owner", "resource": "project:acme-web", "principal": "user:x" });
    assert_eq!(w.owner().put(&at, body.clone()).await.expect(501)["code"], 12);
    let connect = w.owner().post(&format!("{FRONTIER}/UpdatePolicy"), json!({ "id": id, "body": body })).await;
    assert_eq!(connect.expect(501)["code"], "unimplemented");
    assert_eq!(ada.client.put(&at, body.clone()).await.expect(403)["code"], 7, "after authorization");
    w.anonymous().put(&at, body).await.expect(401);
}
