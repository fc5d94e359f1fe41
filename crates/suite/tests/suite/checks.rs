//! Checks of `/v1beta1`, one's own and those about others (spec v1beta1 2.3.2, part 5).
use serde_json::{Value, json};

use crate::world::access::{self, ADMIN, FRONTIER, check, grant, may};
use crate::world::place::{place, place_of};
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
    other_tenants_see_nothing_of_it,
);

pub fn text(v: &Value) -> String {
    v.as_str().unwrap_or_else(|| panic!("no text: {v}")).to_owned()
}
pub async fn permissions(w: &World, keys: &[&str]) {
    access::permissions(&w.owner(), keys).await;
}
#[track_caller]
fn yes(a: &Answer) -> bool {
    a.expect(200)["status"].as_bool().unwrap()
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
