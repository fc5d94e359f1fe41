//! Checks, policies (role bindings) and resources of `/v1beta1` (spec v1beta1 2.3.2, 2.3.10, 2.3.12, part 5).
use serde_json::{Value, json};

use crate::world::*;

both!(
    a_check_takes_every_form_of_object_and_permission,
    what_is_unknown_is_not_found_and_what_is_malformed_is_invalid,
    a_batch_echoes_normalised_names_and_fails_as_one,
    checks_for_others_need_the_right_to_check,
    a_disabled_person_holds_nothing_in_checks,
    a_rule_that_forbids_holds_in_checks_and_its_notice_comes_back,
    a_rule_may_speak_of_a_group,
    what_is_disabled_counts_in_no_check_and_no_rule_lifts_it,
    roles_reach_down_and_groups_hand_on,
    superusers_and_checkers_are_permissions_of_the_platform,
    a_policy_is_granted_shown_and_revoked,
    a_policy_is_granted_only_by_who_manages_access_there,
    whoever_may_change_a_project_gives_no_more_than_they_hold,
    a_policy_needs_a_principal_a_role_and_an_object_that_are_there,
    policies_are_listed_by_object_bearer_and_role,
    a_policy_is_never_changed,
    sec_11_no_resource_takes_the_id_of_an_organization,
    resources_are_registered_and_their_owner_holds_everything,
    a_resource_is_not_taken_over_by_another_caller,
    a_resource_of_a_namespace_without_the_verb_is_left_to_owner_and_administrators,
    other_tenants_see_nothing_of_it,
);

const FRONTIER: &str = "/raystack.frontier.v1beta1.FrontierService";
const ADMIN: &str = "/raystack.frontier.v1beta1.AdminService";

/// An organization of the tenant's owner, with a project in it.
struct Place {
    organization: String,
    project: String,
}
async fn place(w: &World, name: &str) -> Place {
    place_of(&w.owner(), name).await
}
async fn place_of(by: &Client, name: &str) -> Place {
    let made = by.post("/v1beta1/organizations", json!({ "name": name, "title": name })).await.expect(200);
    let organization = text(&made["organization"]["id"]);
    let body = json!({ "name": format!("{name}-web"), "org_id": organization });
    let made = by.post("/v1beta1/projects", body).await.expect(200);
    Place { organization, project: text(&made["project"]["id"]) }
}
fn text(v: &Value) -> String {
    v.as_str().unwrap_or_else(|| panic!("no text: {v}")).to_owned()
}
async fn permissions(w: &World, keys: &[&str]) {
    let bodies: Vec<Value> = keys.iter().map(|k| json!({ "key": k })).collect();
    w.owner().post("/v1beta1/permissions", json!({ "bodies": bodies })).await.expect(200);
}
/// Grants a role as the tenant's owner; the policy's id.
async fn grant(w: &World, role: &str, resource: &str, principal: &str) -> String {
    let body = json!({ "role_id": role, "resource": resource, "principal": principal });
    text(&w.owner().post("/v1beta1/policies", body).await.expect(200)["policy"]["id"])
}
async fn check(by: &Client, resource: &str, permission: &str) -> Answer {
    by.post("/v1beta1/check", json!({ "resource": resource, "permission": permission })).await
}
#[track_caller]
fn yes(a: &Answer) -> bool {
    a.expect(200)["status"].as_bool().unwrap()
}
async fn may(by: &Client, resource: &str, permission: &str) -> bool {
    yes(&check(by, resource, permission).await)
}
/// A policy whose permits count without a request (decision 27).
async fn standing(w: &World, cedar: &str) {
    let body = json!({
        "name": "standing", "max_duration_seconds": 3600, "priority": 5, "access": "standing", "cedar_policy_set": cedar,
    });
    w.owner().post("/v1/policies", body).await.expect(201);
}
async fn federated(by: &Client, subject: &str, resource: &str, permission: &str) -> Answer {
    let body = json!({ "subject": subject, "resource": resource, "permission": permission });
    by.post("/v1beta1/admin/check", body).await
}

async fn a_check_takes_every_form_of_object_and_permission(w: World) {
    let p = place(&w, "acme").await;
    permissions(&w, &["compute.order.get"]).await;
    let ada = w.person("Ada", &["user"]).await;
    grant(&w, "app_project_manager", &format!("project:{}", p.project), &format!("user:{}", ada.id)).await;
    for resource in [
        format!("app/project:{}", p.project),
        format!("project:{}", p.project),
        format!("Project:{}", p.project),
        "app/project:acme-web".into(),
        "project:ACME-web".into(),
    ] {
        for permission in ["get", "app_project_get", "app.project.get"] {
            assert!(may(&ada.client, &resource, permission).await, "{permission} on {resource}");
        }
        for permission in ["delete", "app_project_delete", "compute_order_get", "compute.order.get"] {
            assert!(!may(&ada.client, &resource, permission).await, "{permission} on {resource}");
        }
    }
    for namespace in ["org", "organization", "app/organization"] {
        assert!(
            !may(&ada.client, &format!("{namespace}:acme"), "get").await,
            "a project says nothing of what is above"
        );
    }
    // the old form, of a time before `resource`
    let old = json!({ "object_namespace": "project", "object_id": p.project, "permission": "update" });
    assert!(yes(&ada.client.post("/v1beta1/check", old.clone()).await));
    // REST writes the zero, Connect leaves it out
    let no = json!({ "resource": format!("project:{}", p.project), "permission": "delete" });
    assert_eq!(ada.client.post("/v1beta1/check", no.clone()).await.expect(200), json!({ "status": false }));
    let connect = ada.client.post(&format!("{FRONTIER}/CheckResourcePermission"), no).await;
    assert_eq!(connect.expect(200), json!({}));
    let connect = ada.client.post(&format!("{FRONTIER}/CheckResourcePermission"), old).await;
    assert_eq!(connect.expect(200), json!({ "status": true }));
}

async fn what_is_unknown_is_not_found_and_what_is_malformed_is_invalid(w: World) {
    let p = place(&w, "acme").await;
    permissions(&w, &["compute.order.get", "billing.invoice.get"]).await;
    let project = format!("project:{}", p.project);
    for (resource, permission) in [
        (&*project, "fly"),
        (&project, "app_project_fly"),
        (&project, "app_organization_get"),
        (&project, "app_group_get"),
        (&format!("project:{NOBODY}"), "get"),
        ("project:nowhere", "get"),
        ("org:nowhere", "get"),
        (&format!("org:{NOBODY}"), "get"),
        (&format!("group:{NOBODY}"), "get"),
        (&format!("compute/order:{NOBODY}"), "get"),
        ("compute/order:frn:acme-web:compute/order:none", "get"),
        ("compute/nothing:x", "get"),
        ("app/user:x", "get"),
        ("nonsense:x", "get"),
        ("platform:platform", "get"),
    ] {
        for client in [w.owner(), w.person(&unique(), &["user"]).await.client] {
            let e = check(&client, resource, permission).await.expect(404);
            assert_eq!((&e["code"], &e["message"]), (&json!(5), &json!("not found")), "{permission} on {resource}");
        }
    }
    for resource in ["", "project", ":", "project:", &format!(":{}", p.project)] {
        let e = check(&w.owner(), resource, "get").await.expect(400);
        assert!(text(&e["message"]).starts_with("invalid syntax in body: resource: "), "{resource}: {e}");
    }
    for permission in ["", "a b", "get;"] {
        assert_eq!(check(&w.owner(), &project, permission).await.expect(400)["code"], 3, "{permission}");
    }
    assert_eq!(check(&w.anonymous(), &project, "get").await.expect(401)["code"], 16);
    // a key with less than every scope has no part in the graph (decision 13)
    let ada = w.person("Ada", &["user"]).await;
    let (_, narrow) = w.api_key(&ada.client, json!({ "name": "n", "scopes": ["users:list"] })).await;
    check(&narrow, &project, "get").await.expect(403);
}

async fn a_batch_echoes_normalised_names_and_fails_as_one(w: World) {
    let p = place(&w, "acme").await;
    permissions(&w, &["compute.order.get"]).await;
    let ada = w.person("Ada", &["user"]).await;
    grant(&w, "app_project_viewer", &format!("project:{}", p.project), &format!("user:{}", ada.id)).await;
    let bodies = json!({ "bodies": [
        { "resource": "project:acme-web", "permission": "app.project.get" },
        { "resource": "org:acme", "permission": "app_organization_get" },
        { "resource": format!("Project:{}", p.project), "permission": "compute.order.get" },
    ] });
    let (project, organization) =
        (format!("app/project:{}", p.project), format!("app/organization:{}", p.organization));
    let pairs = ada.client.post("/v1beta1/batchcheck", bodies.clone()).await.expect(200)["pairs"].clone();
    assert_eq!(
        pairs,
        json!([
            { "body": { "permission": "get", "resource": project }, "status": true },
            { "body": { "permission": "get", "resource": organization }, "status": false },
            { "body": { "permission": "compute_order_get", "resource": project }, "status": false },
        ])
    );
    let connect = ada.client.post(&format!("{FRONTIER}/BatchCheckPermission"), bodies).await.expect(200);
    assert_eq!(connect["pairs"][0], pairs[0]);
    assert!(connect["pairs"][1].get("status").is_none());
    let one = json!({ "resource": "project:acme-web", "permission": "get" });
    let many = |n: usize| json!({ "bodies": vec![one.clone(); n] });
    let pairs = ada.client.post("/v1beta1/batchcheck", many(20)).await.expect(200);
    assert_eq!(pairs["pairs"].as_array().unwrap().len(), 20);
    for n in [0, 21] {
        assert_eq!(ada.client.post("/v1beta1/batchcheck", many(n)).await.expect(400)["code"], 3, "{n}");
    }
    let mixed = |bad: Value| json!({ "bodies": [one, bad] });
    let bad = mixed(json!({ "resource": "project:nowhere", "permission": "get" }));
    ada.client.post("/v1beta1/batchcheck", bad).await.expect(404);
    let bad = mixed(json!({ "resource": "project", "permission": "get" }));
    let e = ada.client.post("/v1beta1/batchcheck", bad).await.expect(400);
    assert!(e.to_string().contains("bodies[1].resource"), "{e}");
    w.anonymous().post("/v1beta1/batchcheck", many(1)).await.expect(401);
}

async fn checks_for_others_need_the_right_to_check(w: World) {
    let p = place(&w, "acme").await;
    let project = format!("project:{}", p.project);
    let ada = w.person("Ada", &["user"]).await;
    grant(&w, "app_project_viewer", &project, &format!("user:{}", ada.id)).await;
    let admin = w.person("Admin", &["user", "admin"]).await;
    let (_, checker) = w.api_key(&admin.client, json!({ "name": "c", "scopes": ["access:check"] })).await;
    for by in [w.owner(), w.service(), admin.client.clone(), checker.clone()] {
        for subject in [format!("user:{}", ada.id), format!("app/user:{}", ada.id), format!("user:{}", ada.email)] {
            assert!(yes(&federated(&by, &subject, &project, "get").await));
            assert!(!yes(&federated(&by, &subject, &project, "update").await));
        }
    }
    for by in [&ada.client, &w.person("Eve", &["user", "approver"]).await.client] {
        assert_eq!(federated(by, &format!("user:{}", ada.id), &project, "get").await.expect(403)["code"], 7);
    }
    federated(&w.anonymous(), "user:x", &project, "get").await.expect(401);
    // whoever is a superuser holds everything, whoever is not there nothing
    assert!(yes(&federated(&checker, &format!("user:{}", admin.id), &project, "delete").await));
    for nobody in [format!("user:{NOBODY}"), format!("serviceuser:{NOBODY}"), format!("pat:{NOBODY}"), "user:x".into()]
    {
        assert!(!yes(&federated(&checker, &nobody, &project, "get").await), "{nobody}");
    }
    for bad in ["", "ada", "user:", ":x", "project:x", "group:x"] {
        assert_eq!(federated(&checker, bad, &project, "get").await.expect(400)["code"], 3, "{bad}");
    }
    federated(&checker, &format!("user:{NOBODY}"), "project:nowhere", "get").await.expect(404);
    let body = json!({ "subject": format!("user:{}", ada.id), "resource": project, "permission": "get" });
    let connect = checker.post(&format!("{ADMIN}/CheckFederatedResourcePermission"), body).await;
    assert_eq!(connect.expect(200), json!({ "status": true }));
}

async fn a_disabled_person_holds_nothing_in_checks(w: World) {
    let p = place(&w, "acme").await;
    let project = format!("project:{}", p.project);
    let (ada, admin) = (w.person("Ada", &["user"]).await, w.person("Admin", &["user", "admin"]).await);
    grant(&w, "app_project_owner", &project, &format!("user:{}", ada.id)).await;
    for who in [&ada, &admin] {
        let subject = format!("user:{}", who.id);
        assert!(yes(&federated(&w.owner(), &subject, &project, "delete").await));
        w.owner().post(&format!("/v1beta1/users/{}/disable", who.id), json!({})).await.expect(200);
        assert!(!yes(&federated(&w.owner(), &subject, &project, "delete").await), "{}", who.email);
        w.owner().post(&format!("/v1beta1/users/{}/enable", who.id), json!({})).await.expect(200);
        assert!(yes(&federated(&w.owner(), &subject, &project, "delete").await));
    }
}

async fn a_rule_that_forbids_holds_in_checks_and_its_notice_comes_back(w: World) {
    let p = place(&w, "acme").await;
    let project = format!("project:{}", p.project);
    let ada = w.person("Ada", &["user"]).await;
    grant(&w, "app_project_owner", &project, &format!("user:{}", ada.id)).await;
    let cedar = format!(
        r#"@notice("Frozen.") forbid (principal, action == Action::"app_project_delete", resource == Project::"{}");"#,
        p.project
    );
    w.policy("freeze", 10, &cedar).await;
    for client in [&ada.client, &w.owner()] {
        let a = check(client, &project, "delete").await;
        assert!(!yes(&a), "superusers too");
        assert_eq!(a.header("x-policy-notices"), Some("[\"Frozen.\"]"));
        let a = check(client, &project, "update").await;
        assert!(yes(&a));
        assert_eq!(a.header("x-policy-notices"), None);
    }
    let a = federated(&w.owner(), &format!("user:{}", ada.id), &project, "delete").await;
    assert!(!yes(&a));
    assert_eq!(a.header("x-policy-notices"), Some("[\"Frozen.\"]"));
    // and the other way: a rule that names a permission gives it, in the checks as in the calls
    let eve = w.person("Eve", &["user"]).await;
    assert!(!may(&eve.client, &project, "get").await);
    let cedar = format!(
        r#"permit (principal == User::"{}", action == Action::"app_project_get", resource in Organization::"{}");"#,
        eve.id, p.organization
    );
    standing(&w, &cedar).await;
    assert!(may(&eve.client, &project, "get").await);
    assert!(!may(&eve.client, &project, "update").await);
}

async fn a_rule_may_speak_of_a_group(w: World) {
    let p = place(&w, "acme").await;
    let project = format!("project:{}", p.project);
    let ada = w.person("Ada", &["user"]).await;
    grant(&w, "app_project_owner", &project, &format!("user:{}", ada.id)).await;
    let groups = format!("/v1beta1/organizations/{}/groups", p.organization);
    let group = text(&w.owner().post(&groups, json!({ "name": "crew" })).await.expect(200)["group"]["id"]);
    let cedar = format!(r#"forbid (principal in Group::"{group}", action == Action::"app_project_delete", resource);"#);
    w.policy("crew", 10, &cedar).await;
    assert!(may(&ada.client, &project, "delete").await);
    let member = grant(&w, "app_group_member", &format!("group:{group}"), &format!("user:{}", ada.id)).await;
    assert!(!may(&ada.client, &project, "delete").await);
    assert!(!yes(&federated(&w.owner(), &format!("user:{}", ada.id), &project, "delete").await));
    ada.client.delete(&format!("/v1beta1/projects/{}", p.project)).await.expect(403);
    w.owner().delete(&format!("/v1beta1/policies/{member}")).await.expect(200);
    assert!(may(&ada.client, &project, "delete").await);
}

async fn what_is_disabled_counts_in_no_check_and_no_rule_lifts_it(w: World) {
    let p = place(&w, "acme").await;
    let (project, organization) = (format!("project:{}", p.project), format!("org:{}", p.organization));
    let ada = w.person("Ada", &["user"]).await;
    grant(&w, "app_organization_owner", &organization, &format!("user:{}", ada.id)).await;
    let eve = w.person("Eve", &["user"]).await;
    let cedar = format!(r#"permit (principal == User::"{}", action == Action::"app_project_get", resource);"#, eve.id);
    standing(&w, &cedar).await;
    let all = async || {
        (
            may(&ada.client, &organization, "get").await,
            may(&ada.client, &project, "get").await,
            may(&eve.client, &project, "get").await,
            may(&w.owner(), &project, "get").await,
        )
    };
    assert_eq!(all().await, (true, true, true, true));
    w.owner().post(&format!("/v1beta1/projects/{}/disable", p.project), json!({})).await.expect(200);
    assert_eq!(all().await, (true, false, false, true));
    w.owner().post(&format!("/v1beta1/projects/{}/enable", p.project), json!({})).await.expect(200);
    w.owner().post(&format!("/v1beta1/organizations/{}/disable", p.organization), json!({})).await.expect(200);
    assert_eq!(all().await, (false, false, false, true), "superusers are exempt");
    w.owner().post(&format!("/v1beta1/organizations/{}/enable", p.organization), json!({})).await.expect(200);
    assert_eq!(all().await, (true, true, true, true));
}

async fn roles_reach_down_and_groups_hand_on(w: World) {
    let p = place(&w, "acme").await;
    let (project, organization) = (format!("project:{}", p.project), format!("org:{}", p.organization));
    let ada = w.person("Ada", &["user"]).await;
    let subject = format!("user:{}", ada.id);
    let id = grant(&w, "app_organization_viewer", &organization, &subject).await;
    assert!(may(&ada.client, &organization, "get").await && !may(&ada.client, &project, "get").await);
    w.owner().delete(&format!("/v1beta1/policies/{id}")).await.expect(200);
    assert!(!may(&ada.client, &organization, "get").await, "revoked at once");
    let id = grant(&w, "app_organization_manager", &organization, &subject).await;
    assert!(may(&ada.client, &project, "update").await && !may(&ada.client, &project, "delete").await);
    w.owner().delete(&format!("/v1beta1/policies/{id}")).await.expect(200);
    // through a group
    let groups = format!("/v1beta1/organizations/{}/groups", p.organization);
    let made = w.owner().post(&groups, json!({ "name": "crew", "title": "Crew" })).await.expect(200);
    let group = text(&made["group"]["id"]);
    grant(&w, "app_project_viewer", &project, &format!("group:{group}")).await;
    assert!(!may(&ada.client, &project, "get").await);
    let member = grant(&w, "app_group_member", &format!("group:{group}"), &subject).await;
    assert!(may(&ada.client, &project, "get").await && may(&ada.client, &format!("group:{group}"), "get").await);
    assert!(!may(&ada.client, &format!("group:{group}"), "update").await);
    w.owner().delete(&format!("/v1beta1/policies/{member}")).await.expect(200);
    assert!(!may(&ada.client, &project, "get").await);
}

async fn superusers_and_checkers_are_permissions_of_the_platform(w: World) {
    let (ada, admin) = (w.person("Ada", &["user"]).await, w.person("Admin", &["user", "admin"]).await);
    for permission in ["superuser", "check", "app_platform_check"] {
        for resource in ["platform:platform", "app/platform:platform"] {
            assert!(may(&admin.client, resource, permission).await && !may(&ada.client, resource, permission).await);
        }
    }
    let subject = format!("user:{}", admin.id);
    assert!(yes(&federated(&w.owner(), &subject, "platform:platform", "superuser").await));
}

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

/// Bindings know their object by its id: whoever owned a resource with an organization's id would own the organization.
async fn sec_11_no_resource_takes_the_id_of_an_organization(w: World) {
    let p = place(&w, "acme").await;
    permissions(&w, &["compute.order.get", "compute.order.delete"]).await;
    let eve = w.person("Eve", &["user"]).await;
    grant(&w, "app_project_viewer", &format!("project:{}", p.project), &format!("user:{}", eve.id)).await;
    for (n, id) in [&p.organization, &p.project].into_iter().enumerate() {
        let body = json!({ "name": format!("o{n}"), "namespace": "compute/order" });
        for who in [&eve.client, &w.owner()] {
            let a = who
                .post(
                    &format!("{FRONTIER}/CreateProjectResource"),
                    json!({ "project_id": p.project, "id": id, "body": body }),
                )
                .await;
            assert_eq!(a.json()["code"], "already_exists", "{}", a.text());
        }
    }
    // an id that nothing has is still the caller's to choose
    let body = json!({ "name": "mine", "namespace": "compute/order" });
    let a = eve
        .client
        .post(
            &format!("{FRONTIER}/CreateProjectResource"),
            json!({ "project_id": p.project, "id": NOBODY, "body": body }),
        )
        .await;
    assert_eq!(a.expect(200)["resource"]["id"], NOBODY);
}

async fn resources_are_registered_and_their_owner_holds_everything(w: World) {
    let p = place(&w, "acme").await;
    permissions(&w, &["compute.order.get", "compute.order.update", "compute.order.delete"]).await;
    let project = format!("project:{}", p.project);
    let (ada, eve) = (w.person("Ada", &["user"]).await, w.person("Eve", &["user"]).await);
    grant(&w, "app_project_viewer", &project, &format!("user:{}", ada.id)).await;
    let at = format!("/v1beta1/projects/{}/resources", p.project);
    let body = json!({ "name": "first", "title": "First", "namespace": "compute/order", "metadata": { "n": 1 } });
    let made = ada.client.post(&at, body.clone()).await.expect(200)["resource"].clone();
    assert_eq!(made["urn"], "frn:acme-web:compute/order:first");
    assert_eq!((&made["project_id"], &made["principal"]), (&json!(p.project), &json!(format!("app/user:{}", ada.id))));
    assert_eq!((&made["title"], &made["metadata"]["n"]), (&json!("First"), &json!(1)));
    let one = format!("{at}/{}", text(&made["id"]));
    assert_eq!(ada.client.get(&one).await.expect(200)["resource"], made);
    // by its id and by its URN
    for resource in [format!("compute/order:{}", text(&made["id"])), format!("compute/order:{}", text(&made["urn"]))] {
        for permission in ["get", "delete", "compute_order_update", "compute.order.update"] {
            assert!(may(&ada.client, &resource, permission).await, "{permission} on {resource}");
            assert!(!may(&eve.client, &resource, permission).await, "{permission} on {resource}");
        }
        check(&ada.client, &resource, "app_project_get").await.expect(404);
    }
    for a in [eve.client.get(&one).await, eve.client.delete(&one).await, eve.client.post(&at, body.clone()).await] {
        assert_eq!(a.expect(403)["code"], 7);
    }
    w.anonymous().get(&one).await.expect(401);
    // a binding on the resource itself
    let role = json!({ "name": "order_reader", "permissions": ["compute_order_get"], "scopes": ["compute/order"] });
    let role = text(&w.owner().post("/v1beta1/roles", role).await.expect(200)["role"]["id"]);
    let resource = format!("compute/order:{}", text(&made["id"]));
    let policy = json!({ "role_id": role, "resource": resource, "principal": format!("user:{}", eve.id) });
    eve.client.post("/v1beta1/policies", policy.clone()).await.expect(403);
    ada.client.post("/v1beta1/policies", policy).await.expect(200);
    eve.client.get(&one).await.expect(200);
    eve.client.put(&one, json!({ "metadata": {} })).await.expect(403);
    // change
    let change = json!({ "name": "other", "title": "Second", "namespace": "x/y", "principal": format!("user:{}", eve.id), "metadata": { "n": 2 } });
    let now = ada.client.put(&one, change).await.expect(200)["resource"].clone();
    assert_eq!((&now["name"], &now["urn"], &now["principal"]), (&made["name"], &made["urn"], &made["principal"]));
    assert_eq!((&now["title"], &now["metadata"]["n"]), (&json!("Second"), &json!(2)));
    // lists
    let list = w.owner().get(&format!("{at}?namespace=compute/order")).await.expect(200);
    assert_eq!(list["resources"].as_array().unwrap().len(), 1);
    assert_eq!(w.owner().get(&format!("{at}?namespace=compute/none")).await.expect(200)["resources"], json!([]));
    ada.client.get(&at).await.expect(403); // a viewer does not list
    for query in [
        "namespace=compute/order".to_owned(),
        format!("namespace=compute/order&user_id={}", ada.id),
        "namespace=compute/order&project_id=acme-web&organization_id=acme".into(),
    ] {
        let list = w.owner().get(&format!("/v1beta1/admin/resources?{query}")).await.expect(200);
        assert_eq!(list["resources"][0]["id"], made["id"], "{query}");
        ada.client.get(&format!("/v1beta1/admin/resources?{query}")).await.expect(403);
    }
    let none = format!("/v1beta1/admin/resources?namespace=compute/order&user_id={}", eve.id);
    assert_eq!(w.owner().get(&none).await.expect(200)["resources"], json!([]));
    // the project in the path has to be its own
    let other = place(&w, "other").await;
    let elsewhere = format!("/v1beta1/projects/{}/resources/{}", other.project, text(&made["id"]));
    w.owner().get(&elsewhere).await.expect(404);
    ada.client.get(&elsewhere).await.expect(403);
    ada.client.delete(&one).await.expect(200);
    let e = w.owner().get(&one).await.expect(404);
    assert_eq!(e["code"], 5);
    check(&ada.client, &resource, "get").await.expect(404);
    for bad in [
        json!({ "name": "x", "namespace": "compute/none" }),
        json!({ "name": "x", "namespace": "app/project" }),
        json!({ "name": "", "namespace": "compute/order" }),
        json!({ "name": "x", "namespace": "compute/order", "principal": "nobody" }),
        json!({ "name": "x", "namespace": "compute/order", "principal": format!("project:{}", p.project) }),
    ] {
        let a = w.owner().post(&at, bad.clone()).await;
        assert_eq!(a.status, 400, "{bad}: {}", a.text());
    }
    let nobody = json!({ "name": "x", "namespace": "compute/order", "principal": NOBODY });
    w.owner().post(&at, nobody).await.expect(404);
    let nobody = json!({ "name": "x", "namespace": "compute/order", "principal": format!("serviceuser:{NOBODY}") });
    w.owner().post(&at, nobody).await.expect(404);
    // a machine owns what it registers
    let made = w.service().post(&at, json!({ "name": "y", "namespace": "compute/order" })).await.expect(200);
    assert!(text(&made["resource"]["principal"]).starts_with("app/serviceuser:"), "{made}");
}

async fn a_resource_is_not_taken_over_by_another_caller(w: World) {
    let p = place(&w, "acme").await;
    permissions(&w, &["compute.order.get", "compute.order.delete"]).await;
    let project = format!("project:{}", p.project);
    let (ada, eve) = (w.person("Ada", &["user"]).await, w.person("Eve", &["user"]).await);
    for who in [&ada, &eve] {
        grant(&w, "app_project_viewer", &project, &format!("user:{}", who.id)).await;
    }
    let at = format!("/v1beta1/projects/{}/resources", p.project);
    let body = |title: &str| json!({ "name": "first", "namespace": "compute/order", "title": title });
    let made = ada.client.post(&at, body("Hers")).await.expect(200)["resource"].clone();
    // the same caller changes it, and it stays hers
    let again = ada.client.post(&at, body("Still hers")).await.expect(200)["resource"].clone();
    assert_eq!((&again["id"], &again["title"]), (&made["id"], &json!("Still hers")));
    // another one with a right to look at the project does not
    assert_eq!(eve.client.post(&at, body("Mine")).await.expect(409)["code"], 6);
    let mut named = body("Mine");
    named["principal"] = eve.id.clone().into();
    assert_eq!(eve.client.post(&at, named).await.expect(409)["code"], 6);
    let taken_id = json!({ "project_id": p.project, "id": made["id"], "body": { "name": "second", "namespace": "compute/order" } });
    let e = eve.client.post(&format!("{FRONTIER}/CreateProjectResource"), taken_id.clone()).await.expect(409);
    assert_eq!(e["code"], "already_exists");
    assert_eq!(ada.client.post(&format!("{FRONTIER}/CreateProjectResource"), taken_id).await.status, 409);
    let resource = format!("compute/order:{}", text(&made["id"]));
    assert!(may(&ada.client, &resource, "delete").await && !may(&eve.client, &resource, "delete").await);
    let own_id =
        json!({ "project_id": p.project, "id": NOBODY, "body": { "name": "second", "namespace": "compute/order" } });
    let made = eve.client.post(&format!("{FRONTIER}/CreateProjectResource"), own_id).await.expect(200);
    assert_eq!(made["resource"]["id"], NOBODY, "an id of the caller's own");
}

async fn a_resource_of_a_namespace_without_the_verb_is_left_to_owner_and_administrators(w: World) {
    let p = place(&w, "acme").await;
    permissions(&w, &["compute.order.run"]).await;
    let project = format!("project:{}", p.project);
    let (ada, eve, boss) =
        (w.person("Ada", &["user"]).await, w.person("Eve", &["user"]).await, w.person("Boss", &["user"]).await);
    grant(&w, "app_project_viewer", &project, &format!("user:{}", ada.id)).await;
    grant(&w, "app_project_manager", &project, &format!("user:{}", eve.id)).await;
    grant(&w, "app_project_owner", &project, &format!("user:{}", boss.id)).await;
    let at = format!("/v1beta1/projects/{}/resources", p.project);
    let made = ada.client.post(&at, json!({ "name": "first", "namespace": "compute/order" })).await.expect(200);
    let one = format!("{at}/{}", text(&made["resource"]["id"]));
    ada.client.get(&one).await.expect(200);
    boss.client.put(&one, json!({ "title": "Ours" })).await.expect(200);
    assert_eq!(eve.client.get(&one).await.expect(403)["code"], 7);
    assert_eq!(eve.client.delete(&one).await.expect(403)["code"], 7, "and no 500");
    boss.client.delete(&one).await.expect(200);
}

async fn other_tenants_see_nothing_of_it(w: World) {
    let p = place(&w, "acme").await;
    permissions(&w, &["compute.order.get"]).await;
    let at = format!("/v1beta1/projects/{}/resources", p.project);
    let made = w.owner().post(&at, json!({ "name": "first", "namespace": "compute/order" })).await.expect(200);
    let resource = text(&made["resource"]["id"]);
    let ada = w.person("Ada", &["user"]).await;
    let policy = grant(&w, "app_project_viewer", &format!("project:{}", p.project), &format!("user:{}", ada.id)).await;
    let globex = w.second_tenant("Globex").await;
    let there = &globex.owner.client;
    for object in [
        format!("project:{}", p.project),
        "project:acme-web".into(),
        format!("org:{}", p.organization),
        "org:acme".into(),
        format!("compute/order:{resource}"),
    ] {
        check(there, &object, "get").await.expect(404);
        federated(there, &format!("user:{}", ada.id), &object, "get").await.expect(404);
    }
    there.get(&format!("/v1beta1/policies/{policy}")).await.expect(404);
    there.delete(&format!("/v1beta1/policies/{policy}")).await.expect(404);
    there.get(&format!("{at}/{resource}")).await.expect(404);
    there.get(&at).await.expect(404);
    assert_eq!(there.get("/v1beta1/policies").await.expect(200)["policies"], json!([]));
    assert_eq!(there.get("/v1beta1/admin/resources?namespace=compute/order").await.expect(200)["resources"], json!([]));
    // the same names are free there, and a foreign person is nobody
    let own = place_of(there, "acme").await;
    let body = json!({ "role_id": "app_project_viewer", "resource": format!("project:{}", own.project), "principal": format!("user:{}", ada.id) });
    there.post("/v1beta1/policies", body).await.expect(404);
    let foreign = json!({ "role_id": "app_project_viewer", "resource": format!("project:{}", p.project), "principal": format!("user:{}", globex.owner.id) });
    there.post("/v1beta1/policies", foreign).await.expect(404);
    assert!(!yes(&federated(there, &format!("user:{}", ada.id), &format!("project:{}", own.project), "get").await));
    assert!(may(&ada.client, &format!("project:{}", p.project), "get").await);
}
