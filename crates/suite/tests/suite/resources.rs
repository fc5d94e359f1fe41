//! Resources of `/v1beta1`: their owners, and what is registered under which id (spec v1beta1 2.3.12, part 5).
use serde_json::json;

use crate::checks::{permissions, text};
use crate::world::access::{FRONTIER, check, grant, may};
use crate::world::place::place;
use crate::world::*;

both!(
    sec_11_no_resource_takes_the_id_of_an_organization,
    resources_are_registered_and_their_owner_holds_everything,
    a_resource_is_not_taken_over_by_another_caller,
    a_resource_of_a_namespace_without_the_verb_is_left_to_owner_and_administrators,
);

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
