//! Permissions and namespaces of the access graph (spec v1beta1 2.3.11, 3.7).
use serde_json::{Value, json};

use crate::access_roles::{failed_precondition, invalid_argument, names, role};
use crate::world::access::*;
use crate::world::*;

both!(
    everybody_who_is_known_reads_permissions_and_namespaces,
    superusers_make_permissions_and_what_is_there_stays,
    keys_of_permissions_have_rules,
    an_update_of_a_permission_changes_its_metadata_only,
    a_deleted_permission_is_gone_from_roles_and_does_not_come_back,
    a_namespace_goes_with_its_last_permission_unless_it_has_resources,
);

/// A resource of a namespace, beneath the API.
async fn resource(w: &World, namespace: &str) {
    let insert = |id: &str| {
        format!(
            "INSERT INTO resources (tenant, id, project_id, namespace, name, title, owner_type, owner_id, metadata, created_at, \
             updated_at) SELECT tenant, {id}, {id}, '{namespace}', 'one', '', 'app/user', {id}, '{{}}', 1, 1 FROM tenants"
        )
    };
    if w.engine.is_sqlite() {
        w.engine.raw_sqlite().execute(&insert("X'0199c0de0000700080000000000000aa'"), []).unwrap();
    } else {
        let sql = insert("'0199c0de-0000-7000-8000-0000000000aa'::uuid");
        w.engine.raw_postgres().await.execute(&sql, &[]).await.unwrap();
    }
}

async fn everybody_who_is_known_reads_permissions_and_namespaces(w: World) {
    let plain = w.person("Plain", &["user"]).await.client;
    permissions(&w.owner(), &["compute.order.get"]).await;
    let list = plain.get("/v1beta1/permissions").await.expect(200)["permissions"].as_array().unwrap().clone();
    assert_eq!(list.len(), 25 + 1, "those of part 5.4 and our own");
    let update = list.iter().find(|p| p["key"] == "app.project.update").unwrap();
    assert_eq!((&update["name"], &update["namespace"]), (&json!("update"), &json!("app/project")));
    assert_eq!((&update["title"], &update["metadata"]), (&json!(""), &json!({})), "REST writes zeros");
    for which in [&id(update), "app_project_update", "app.project.update"] {
        let one = plain.get(&format!("/v1beta1/permissions/{which}")).await.expect(200);
        assert_eq!(&one["permission"], update, "{which}");
    }
    let connect =
        plain.post(&format!("{FRONTIER}/GetPermission"), json!({ "id": "compute_order_get" })).await.expect(200);
    assert_eq!(connect["permission"]["key"], "compute.order.get");
    assert!(connect["permission"].get("title").is_none(), "Connect leaves zeros out");
    for nothing in [NOBODY, "compute_order_fly", "get", "app"] {
        let e = plain.get(&format!("/v1beta1/permissions/{nothing}")).await.expect(404);
        assert_eq!(e["code"], 5, "{nothing}");
        plain.get(&format!("/v1beta1/namespaces/{nothing}")).await.expect(404);
    }

    let list = plain.get("/v1beta1/namespaces").await.expect(200)["namespaces"].clone();
    let listed = names(&list);
    for namespace in ["app/organization", "app/project", "app/group", "app/user", "app/platform", "compute/order"] {
        assert!(listed.contains(&namespace.to_owned()), "{namespace} in {listed:?}");
    }
    let order = list.as_array().unwrap().iter().find(|n| n["name"] == "compute/order").unwrap();
    for which in [&*id(order), "compute%2Forder"] {
        assert_eq!(&plain.get(&format!("/v1beta1/namespaces/{which}")).await.expect(200)["namespace"], order);
    }
    let project = plain.post(&format!("{FRONTIER}/GetNamespace"), json!({ "id": "app/project" })).await.expect(200);
    let again = plain.get(&format!("/v1beta1/namespaces/{}", id(&project["namespace"]))).await.expect(200);
    assert_eq!(again["namespace"]["name"], "app/project");

    // decision 21: not even these are public
    for path in ["permissions", "permissions/app_project_get", "namespaces", "namespaces/app%2Fproject", "roles"] {
        assert_eq!(w.anonymous().get(&format!("/v1beta1/{path}")).await.expect(401)["code"], 16, "{path}");
    }
}

async fn superusers_make_permissions_and_what_is_there_stays(w: World) {
    let body = json!({ "bodies": [
        { "key": "compute.order.get", "title": "See orders", "metadata": { "n": 1 } },
        { "namespace": "compute/order", "name": "delete" },
        { "key": "user.project.createcomputemachine" },
    ] });
    let made = w.owner().post("/v1beta1/permissions", body.clone()).await.expect(200)["permissions"].clone();
    let keys: Vec<&str> = made.as_array().unwrap().iter().map(|p| p["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["compute.order.get", "compute.order.delete", "user.project.createcomputemachine"]);
    assert_eq!((&made[0]["title"], &made[0]["metadata"]), (&json!("See orders"), &json!({ "n": 1 })));
    // again, differently: nothing changes; on Connect, and a new one beside
    let again = json!({ "bodies": [
        { "key": "compute.order.get", "title": "Other", "metadata": { "n": 2 } },
        { "key": "compute.order.list" },
        { "key": "compute.order.list" },
    ] });
    let again = w.owner().post(&format!("{ADMIN}/CreatePermission"), again).await.expect(200)["permissions"].clone();
    assert_eq!((id(&again[0]), &again[0]["title"]), (id(&made[0]), &json!("See orders")));
    assert_eq!(again[1], again[2], "once");
    let e = w.owner().with("idempotency-key", "k1").post("/v1beta1/permissions", body.clone()).await.expect(200);
    assert_eq!(id(&e["permissions"][0]), id(&made[0]));
    let namespaces = names(&w.owner().get("/v1beta1/namespaces").await.expect(200)["namespaces"]);
    assert_eq!(
        namespaces.iter().filter(|n| !n.starts_with("app/")).collect::<Vec<_>>(),
        ["compute/order", "user/project"]
    );

    let plain = w.person("Plain", &["user"]).await.client;
    assert_eq!(plain.post("/v1beta1/permissions", body.clone()).await.expect(403)["code"], 7);
    let e = plain.post(&format!("{ADMIN}/CreatePermission"), body.clone()).await.expect(403);
    assert_eq!(e["code"], "permission_denied");
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "narrow", "scopes": ["users:*"] })).await;
    narrow.post("/v1beta1/permissions", body.clone()).await.expect(403);
    w.service().post("/v1beta1/permissions", body.clone()).await.expect(200);
    w.anonymous().post("/v1beta1/permissions", body).await.expect(401);
}

async fn keys_of_permissions_have_rules(w: World) {
    let with = |body: Value| json!({ "bodies": [{ "key": "compute.order.see" }, body] });
    for body in [
        json!({}),
        json!({ "key": "compute" }),
        json!({ "key": "a.b.c.d" }),
        json!({ "name": "get", "namespace": "compute" }),
    ] {
        let a = w.owner().post("/v1beta1/permissions", with(body.clone())).await;
        assert_eq!(invalid_argument(&a), "permission key should be provided as 'service.resource.verb'", "{body}");
    }
    let long = format!("compute.order.{}", "g".repeat(51));
    for key in [
        "app.project.fly",
        "app.order.get",
        "compute.order.owner",
        "compute.order.project",
        "compute.order.granted",
        "co.order.get",
        "compute.order.go",
        "Compute.order.get",
        "compute.or_der.get",
        "1st.order.get",
        "compute.order.gét",
        &long,
    ] {
        let a = w.owner().post("/v1beta1/permissions", with(json!({ "key": key }))).await;
        assert!(invalid_argument(&a).contains("bodies[1].key"), "{key}: {}", a.text());
    }
    let a = w
        .owner()
        .post("/v1beta1/permissions", with(json!({ "key": "compute.order.get", "metadata": { "": 1 } })))
        .await;
    invalid_argument(&a);
    invalid_argument(&w.owner().post("/v1beta1/permissions", json!({ "bodies": [] })).await);
    w.owner().get("/v1beta1/permissions/compute_order_see").await.expect(404);
}

async fn an_update_of_a_permission_changes_its_metadata_only(w: World) {
    let made = permissions(&w.owner(), &["compute.order.get"]).await.remove(0);
    let at = format!("/v1beta1/permissions/{}", id(&made));
    let body = json!({ "key": "compute.order.other", "title": "Other", "metadata": { "description": "See orders" } });
    let now = w.owner().put(&at, body.clone()).await.expect(200)["permission"].clone();
    assert_eq!((&now["key"], &now["title"]), (&made["key"], &made["title"]));
    assert_eq!(now["metadata"], json!({ "description": "See orders" }));
    assert_eq!((&now["created_at"], id(&now)), (&made["created_at"], id(&made)));
    let by_slug = json!({ "id": "compute_order_get", "body": { "metadata": {} } });
    let now = w.owner().post(&format!("{ADMIN}/UpdatePermission"), by_slug).await.expect(200);
    assert_eq!(now["permission"].get("metadata"), Some(&json!({})));
    invalid_argument(&w.owner().put(&at, json!({ "key": "compute" })).await);
    w.owner().put(&format!("/v1beta1/permissions/{NOBODY}"), body.clone()).await.expect(404);
    failed_precondition(&w.owner().put("/v1beta1/permissions/app_project_get", json!({ "metadata": {} })).await);
    w.person("Plain", &["user"]).await.client.put(&at, body.clone()).await.expect(403);
    w.anonymous().put(&at, body).await.expect(401);
}

async fn a_deleted_permission_is_gone_from_roles_and_does_not_come_back(w: World) {
    permissions(&w.owner(), &["compute.order.get", "compute.order.list"]).await;
    let made = role(&w.owner(), "clerk", &["compute_order_get", "compute_order_list"]).await;
    let plain = w.person("Plain", &["user"]).await.client;
    plain.delete("/v1beta1/permissions/compute_order_get").await.expect(403);
    w.anonymous().delete("/v1beta1/permissions/compute_order_get").await.expect(401);
    assert_eq!(w.owner().delete("/v1beta1/permissions/compute_order_get").await.expect(200), json!({}));
    w.owner().delete("/v1beta1/permissions/compute_order_get").await.expect(404);
    let clerk = async || {
        let roles = w.owner().get("/v1beta1/roles").await.expect(200)["roles"].as_array().unwrap().clone();
        roles.into_iter().find(|r| r["name"] == "clerk").unwrap()["permissions"].clone()
    };
    assert_eq!(clerk().await, json!(["compute_order_list"]));
    let again = json!({ "name": "clerk", "permissions": ["compute_order_get"] });
    invalid_argument(&w.owner().put(&format!("/v1beta1/roles/{}", id(&made)), again).await);
    permissions(&w.owner(), &["compute.order.get"]).await;
    assert_eq!(clerk().await, json!(["compute_order_list"]));
    for built_in in ["app_project_get", "app.organization.administer"] {
        failed_precondition(&w.owner().delete(&format!("/v1beta1/permissions/{built_in}")).await);
    }
}

async fn a_namespace_goes_with_its_last_permission_unless_it_has_resources(w: World) {
    permissions(&w.owner(), &["compute.order.get", "compute.order.list", "compute.disk.get"]).await;
    resource(&w, "compute/order").await;
    w.owner().delete("/v1beta1/permissions/compute_order_get").await.expect(200);
    let e = failed_precondition(&w.owner().delete("/v1beta1/permissions/compute_order_list").await);
    assert!(e["message"].as_str().unwrap().contains("resources"), "{e}");
    w.owner().get("/v1beta1/namespaces/compute%2Forder").await.expect(200);
    w.owner().delete("/v1beta1/permissions/compute_disk_get").await.expect(200);
    w.owner().get("/v1beta1/namespaces/compute%2Fdisk").await.expect(404);
    permissions(&w.owner(), &["compute.disk.get"]).await;
    w.owner().get("/v1beta1/namespaces/compute%2Fdisk").await.expect(200);
}
