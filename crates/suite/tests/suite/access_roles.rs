//! Namespaces, permissions and roles of the access graph (spec v1beta1 2.3.6, 2.3.11, 3.5, 3.7).
use portcullis_crypto::random::OsRandom;
use portcullis_domain::role_binding::{Bearer, Relation, RoleBinding};
use portcullis_domain::{Id, Timestamp};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, role_binding};
use serde_json::{Map, Value, json};

use crate::world::*;

both!(
    everybody_who_is_known_reads_permissions_and_namespaces,
    superusers_make_permissions_and_what_is_there_stays,
    keys_of_permissions_have_rules,
    an_update_of_a_permission_changes_its_metadata_only,
    a_deleted_permission_is_gone_from_roles_and_does_not_come_back,
    a_namespace_goes_with_its_last_permission_unless_it_has_resources,
    a_tenants_permissions_and_roles_are_its_own,
    predefined_roles_are_listed_and_narrowed,
    create_role_puts_new_content_in_the_place_of_the_old,
    an_update_of_a_role_replaces_everything,
    words_for_permissions_and_scopes_are_checked,
    metadata_of_roles_obeys_its_schema,
    predefined_roles_can_be_edited_but_neither_renamed_nor_deleted,
    a_role_in_use_stays,
    only_superusers_keep_platform_roles,
    an_organization_keeps_roles_of_its_own,
    who_may_see_and_who_may_keep_an_organizations_roles,
    a_role_of_another_organization_is_not_there,
    roles_of_a_disabled_organization_wait,
    nobody_gives_more_than_they_hold,
    a_change_of_a_role_counts_at_once,
    changes_leave_events,
);

const FRONTIER: &str = "/raystack.frontier.v1beta1.FrontierService";
const ADMIN: &str = "/raystack.frontier.v1beta1.AdminService";
const OWNER_ROLE: &str = "00000000-0000-7000-8000-000000000001";
const ACCESS_MANAGER: &str = "00000000-0000-7000-8000-000000000003";
const VIEWER: &str = "00000000-0000-7000-8000-000000000004";

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}
fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap().to_owned()).collect()
}
async fn permissions(by: &Client, keys: &[&str]) -> Vec<Value> {
    let bodies: Vec<Value> = keys.iter().map(|key| json!({ "key": key })).collect();
    let made = by.post("/v1beta1/permissions", json!({ "bodies": bodies })).await.expect(200);
    made["permissions"].as_array().unwrap().clone()
}
async fn role(by: &Client, name: &str, permissions: &[&str]) -> Value {
    let body = json!({ "name": name, "permissions": permissions, "scopes": ["app/organization"] });
    by.post("/v1beta1/roles", body).await.expect(200)["role"].clone()
}
/// An organization that this person owns; its id.
async fn organization(by: &Client, name: &str) -> String {
    id(&by.post("/v1beta1/organizations", json!({ "name": name, "title": name })).await.expect(200)["organization"])
}
async fn organization_role(by: &Client, organization: &str, name: &str, permissions: &[&str]) -> Answer {
    let body = json!({ "name": name, "permissions": permissions, "scopes": ["app/organization"] });
    by.post(&format!("/v1beta1/organizations/{organization}/roles"), body).await
}
/// Gives somebody a role on an organization, beneath the API.
async fn bind(w: &World, user: &str, role: &str, organization: &str) {
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    let at = Timestamp::from_micros(1);
    let binding = RoleBinding {
        id: Id::new(cx.now, &OsRandom),
        role_id: role.parse().unwrap(),
        namespace: "app/organization".into(),
        object_id: organization.parse().unwrap(),
        bearer: Bearer::User(user.parse().unwrap()),
        relation: Relation::Granted,
        title: String::new(),
        metadata: Map::new(),
        created_at: at,
        updated_at: at,
    };
    w.node.app.db().write(cx, binding, insert).await.unwrap();
}
async fn insert(tx: &mut Tx, binding: &RoleBinding) -> portcullis_store::Result<()> {
    role_binding::insert(tx, binding).await?;
    tx.touch(Kind::Binding, binding.id.uuid());
    tx.bump().await?;
    Ok(())
}
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
#[track_caller]
fn failed_precondition(a: &Answer) -> Value {
    let e = a.expect(400);
    assert_eq!(e["code"], 9, "{e}");
    e
}
#[track_caller]
fn invalid_argument(a: &Answer) -> String {
    let e = a.expect(400);
    assert_eq!(e["code"], 3, "{e}");
    e["message"].as_str().unwrap().to_owned()
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

async fn a_tenants_permissions_and_roles_are_its_own(w: World) {
    let other = w.second_tenant("Globex").await.owner.client;
    let made = permissions(&w.owner(), &["compute.order.get"]).await.remove(0);
    let clerk = id(&role(&w.owner(), "clerk", &["compute_order_get"]).await);
    for which in [&id(&made), "compute_order_get"] {
        other.get(&format!("/v1beta1/permissions/{which}")).await.expect(404);
        other.put(&format!("/v1beta1/permissions/{which}"), json!({ "metadata": {} })).await.expect(404);
        other.delete(&format!("/v1beta1/permissions/{which}")).await.expect(404);
    }
    let body = json!({ "name": "clerk", "permissions": ["app_project_get"] });
    other.put(&format!("/v1beta1/roles/{clerk}"), body.clone()).await.expect(404);
    other.delete(&format!("/v1beta1/roles/{clerk}")).await.expect(404);
    assert_eq!(other.get("/v1beta1/roles").await.expect(200)["roles"].as_array().unwrap().len(), 10);
    let unknown = json!({ "name": "clerk", "permissions": ["compute_order_get"] });
    invalid_argument(&other.post("/v1beta1/roles", unknown).await);
    let theirs = other.post("/v1beta1/roles", body).await.expect(200)["role"].clone();
    assert_ne!(id(&theirs), clerk, "the same name, another role");
    // an organization of ours is none of theirs, and its id says nothing
    let ada = w.person("Ada", &["user"]).await.client;
    let acme = organization(&ada, "acme").await;
    other.get(&format!("/v1beta1/organizations/{acme}/roles")).await.expect(404);
    let eve = w.second_tenant("Initech").await.person("Eve", &["user"]).await.client;
    let (there, nowhere) = (
        eve.get(&format!("/v1beta1/organizations/{acme}/roles")).await,
        eve.get(&format!("/v1beta1/organizations/{NOBODY}/roles")).await,
    );
    assert_eq!(there.expect(403), nowhere.expect(403));
    let a = organization_role(&eve, &acme, "clerk", &["app_project_get"]).await;
    assert_eq!(a.expect(403), organization_role(&eve, NOBODY, "clerk", &["app_project_get"]).await.expect(403));
}

async fn predefined_roles_are_listed_and_narrowed(w: World) {
    let plain = w.person("Plain", &["user"]).await.client;
    let list = plain.get("/v1beta1/roles").await.expect(200)["roles"].clone();
    assert_eq!(
        names(&list),
        [
            "app_billing_manager",
            "app_group_member",
            "app_group_owner",
            "app_organization_accessmanager",
            "app_organization_manager",
            "app_organization_owner",
            "app_organization_viewer",
            "app_project_manager",
            "app_project_owner",
            "app_project_viewer",
        ]
    );
    let owner = list.as_array().unwrap().iter().find(|r| r["name"] == "app_organization_owner").unwrap();
    assert_eq!(
        (
            id(owner).as_str(),
            &owner["title"],
            &owner["permissions"],
            &owner["scopes"],
            &owner["state"],
            &owner["org_id"]
        ),
        (
            OWNER_ROLE,
            &json!("Owner"),
            &json!(["app_organization_administer"]),
            &json!(["app/organization"]),
            &json!("enabled"),
            &json!("00000000-0000-0000-0000-000000000000")
        )
    );
    let narrowed = async |query: &str| plain.get(&format!("/v1beta1/roles?{query}")).await.expect(200)["roles"].clone();
    assert_eq!(names(&narrowed("scopes=app/group").await), ["app_group_member", "app_group_owner"]);
    assert_eq!(
        narrowed("scopes=app/group&scopes=project").await.as_array().unwrap().len(),
        5,
        "any of them, short names too"
    );
    assert_eq!(narrowed("state=enabled").await.as_array().unwrap().len(), 10);
    assert_eq!(narrowed("state=disabled").await, json!([]));
    invalid_argument(&plain.get("/v1beta1/roles?state=asleep").await);
    let connect = plain.post(&format!("{FRONTIER}/ListRoles"), json!({ "scopes": ["app/none"] })).await.expect(200);
    assert_eq!(connect, json!({}), "Connect leaves the empty list out");
}

async fn create_role_puts_new_content_in_the_place_of_the_old(w: World) {
    let body = json!({ "name": "Auditor", "title": "Auditor", "permissions": ["app.project.get", "app/project:get", "app_organization_get"],
        "scopes": ["project", "app/organization"], "metadata": { "label": { "team": "a" } } });
    let made = w.owner().post("/v1beta1/roles", body).await.expect(200)["role"].clone();
    assert_eq!((&made["name"], &made["title"]), (&json!("auditor"), &json!("Auditor")));
    assert_eq!(made["permissions"], json!(["app_project_get", "app_organization_get"]), "each once, as slugs");
    assert_eq!(made["scopes"], json!(["app/project", "app/organization"]));
    assert_eq!(made["metadata"], json!({ "label": { "team": "a" } }));
    let body = json!({ "body": { "name": "auditor", "permissions": ["app_group_get"] } });
    let again = w.owner().post(&format!("{ADMIN}/CreateRole"), body).await.expect(200)["role"].clone();
    assert_eq!((id(&again), &again["created_at"]), (id(&made), &made["created_at"]), "the same role");
    assert_eq!(again["permissions"], json!(["app_group_get"]));
    assert!(again.get("title").is_none() && again.get("scopes").is_none(), "{again}");
    // a repetition of the first call with its key is not done twice
    let keyed = w.owner().with("idempotency-key", "role-1");
    let body = json!({ "name": "keyed", "permissions": ["app_group_get"] });
    let first = keyed.post("/v1beta1/roles", body.clone()).await;
    let second = keyed.post("/v1beta1/roles", body).await;
    assert_eq!((first.expect(200), second.header("idempotency-replayed")), (second.expect(200), Some("true")));
}

async fn an_update_of_a_role_replaces_everything(w: World) {
    let made = role(&w.owner(), "auditor", &["app_project_get", "app_organization_get"]).await;
    role(&w.owner(), "taken", &["app_project_get"]).await;
    let at = format!("/v1beta1/roles/{}", id(&made));
    let body = json!({ "name": "auditor", "title": "T", "permissions": ["app_group_get"], "metadata": { "n": 1 } });
    let now = w.owner().put(&at, body).await.expect(200)["role"].clone();
    assert_eq!((&now["permissions"], &now["scopes"]), (&json!(["app_group_get"]), &json!([])), "fully (issue #812)");
    assert_eq!(
        (&now["title"], &now["metadata"], &now["created_at"]),
        (&json!("T"), &json!({ "n": 1 }), &made["created_at"])
    );
    let renamed = json!({ "id": "auditor", "body": { "name": "inspector", "permissions": ["app_group_get"] } });
    let now = w.owner().post(&format!("{ADMIN}/UpdateRole"), renamed).await.expect(200)["role"].clone();
    assert_eq!((id(&now), &now["name"]), (id(&made), &json!("inspector")), "by name");
    let taken = json!({ "name": "taken", "permissions": ["app_group_get"] });
    assert_eq!(w.owner().put(&at, taken.clone()).await.expect(409)["code"], 6);
    w.owner().put(&format!("/v1beta1/roles/{NOBODY}"), taken).await.expect(404);
    w.owner().delete(&at).await.expect(200);
    let e = w.owner().delete(&at).await.expect(404);
    assert!(e["message"].as_str().unwrap().starts_with("role doesn't exist"), "{e}");
}

async fn words_for_permissions_and_scopes_are_checked(w: World) {
    permissions(&w.owner(), &["compute.order.get"]).await;
    let with =
        |permissions: Value, scopes: Value| json!({ "name": "auditor", "permissions": permissions, "scopes": scopes });
    for (permissions, scopes, at) in [
        (json!([]), json!([]), "permissions"),
        (json!(["app_project_fly"]), json!([]), "permissions[0]"),
        (json!(["app_project_get", "get"]), json!([]), "permissions[1]"),
        (json!(["app_platform_superuser"]), json!([]), "permissions[0]"),
        (json!(["app.platform.check"]), json!([]), "permissions[0]"),
        (json!(["compute_order_fly"]), json!([]), "permissions[0]"),
        (json!(["app_project_get"]), json!(["app/platform"]), "scopes[0]"),
        (json!(["app_project_get"]), json!(["user"]), "scopes[0]"),
        (json!(["app_project_get"]), json!(["compute/order", "compute/disk"]), "scopes[1]"),
    ] {
        let a = w.owner().post("/v1beta1/roles", with(permissions.clone(), scopes.clone())).await;
        assert!(invalid_argument(&a).contains(at), "{permissions} {scopes}: {}", a.text());
    }
    for name in ["", "a", "with space", "9lives", NOBODY] {
        invalid_argument(
            &w.owner().post("/v1beta1/roles", json!({ "name": name, "permissions": ["app_project_get"] })).await,
        );
    }
    invalid_argument(
        &w.owner().put("/v1beta1/roles/app_project_viewer", json!({ "name": "app_project_viewer" })).await,
    );
    let a = w.owner().post(&format!("{ADMIN}/CreateRole"), json!({})).await;
    assert_eq!(a.expect(400)["code"], "invalid_argument");
    w.owner().post("/v1beta1/roles", with(json!(["compute.order.get"]), json!(["compute/order"]))).await.expect(200);
}

async fn metadata_of_roles_obeys_its_schema(w: World) {
    let ada = w.person("Ada", &["user"]).await.client;
    let acme = organization(&ada, "acme").await;
    let body = |metadata: Value| json!({ "name": "auditor", "permissions": ["app_project_get"], "metadata": metadata });
    for path in ["/v1beta1/roles".to_owned(), format!("/v1beta1/organizations/{acme}/roles")] {
        for bad in [json!({ "label": null }), json!({ "description": 7 }), json!({ "label": { "a": 1 } })] {
            let message = invalid_argument(&w.owner().post(&path, body(bad.clone())).await);
            assert!(message.contains("metadata schema validation failed"), "{bad}: {message}");
        }
    }
    let strict = json!({ "name": "role", "schema": r#"{"type":"object","required":["team"],"additionalProperties":false,"properties":{"team":{"type":"string"}}}"# });
    w.owner().put("/v1beta1/meta/schemas/role", strict).await.expect(200);
    invalid_argument(&w.owner().post("/v1beta1/roles", body(json!({}))).await);
    w.owner().post("/v1beta1/roles", body(json!({ "team": "a" }))).await.expect(200);
    // what the server adds itself is not the sender's fault
    let made =
        ada.post(&format!("/v1beta1/organizations/{acme}/roles"), body(json!({ "team": "a" }))).await.expect(200);
    assert_eq!(made["role"]["metadata"], json!({ "team": "a", "org_name": "acme" }));
}

async fn predefined_roles_can_be_edited_but_neither_renamed_nor_deleted(w: World) {
    let at = format!("/v1beta1/roles/{VIEWER}");
    let body = |name: &str| json!({ "name": name, "title": "Guest", "permissions": ["app_organization_get", "app_organization_projectlist"], "scopes": ["app/organization"] });
    let now = w.owner().put(&at, body("app_organization_viewer")).await.expect(200)["role"].clone();
    assert_eq!((id(&now).as_str(), &now["title"]), (VIEWER, &json!("Guest")));
    failed_precondition(&w.owner().put(&at, body("guest")).await);
    for which in [VIEWER, "app_organization_viewer", OWNER_ROLE] {
        failed_precondition(&w.owner().delete(&format!("/v1beta1/roles/{which}")).await);
    }
    let again = w.owner().post("/v1beta1/roles", body("app_organization_viewer")).await.expect(200)["role"].clone();
    assert_eq!(id(&again), VIEWER);
}

async fn a_role_in_use_stays(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let bob = w.person("Bob", &["user"]).await;
    let acme = organization(&ada.client, "acme").await;
    let platform = id(&role(&w.owner(), "auditor", &["app_organization_get"]).await);
    let own = organization_role(&ada.client, &acme, "clerk", &["app_organization_get"]).await.expect(200);
    let own = id(&own["role"]);
    bind(&w, &bob.id, &platform, &acme).await;
    bind(&w, &bob.id, &own, &acme).await;
    let e = failed_precondition(&w.owner().delete(&format!("/v1beta1/roles/{platform}")).await);
    assert_eq!(e["message"], "role is in use by one or more policies");
    let e = failed_precondition(&ada.client.delete(&format!("/v1beta1/organizations/{acme}/roles/{own}")).await);
    assert_eq!(e["message"], "role is in use by one or more policies");
}

async fn only_superusers_keep_platform_roles(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let approver = w.person("Approver", &["user", "approver"]).await;
    organization(&ada.client, "acme").await;
    let at = format!("/v1beta1/roles/{VIEWER}");
    let body = json!({ "name": "auditor", "permissions": ["app_project_get"] });
    for who in [&ada.client, &approver.client] {
        assert_eq!(who.post("/v1beta1/roles", body.clone()).await.expect(403)["code"], 7);
        who.put(&at, body.clone()).await.expect(403);
        who.put(&format!("/v1beta1/roles/{NOBODY}"), body.clone()).await.expect(403);
        who.delete(&at).await.expect(403);
        let e = who.post(&format!("{ADMIN}/DeleteRole"), json!({ "id": VIEWER })).await.expect(403);
        assert_eq!(e["code"], "permission_denied");
    }
    w.anonymous().post("/v1beta1/roles", body.clone()).await.expect(401);
    w.anonymous().put(&at, body.clone()).await.expect(401);
    w.anonymous().delete(&at).await.expect(401);
    w.service().post("/v1beta1/roles", body).await.expect(200);
}

async fn an_organization_keeps_roles_of_its_own(w: World) {
    let ada = w.person("Ada", &["user"]).await.client;
    let (acme, globex) = (organization(&ada, "acme").await, organization(&ada, "globex").await);
    let made = organization_role(&ada, "ACME", "clerk", &["app.project.get"]).await.expect(200)["role"].clone();
    assert_eq!((&made["org_id"], &made["permissions"]), (&json!(acme), &json!(["app_project_get"])));
    assert_eq!((&made["metadata"], &made["state"]), (&json!({ "org_name": "acme" }), &json!("enabled")));
    let twin = organization_role(&ada, &globex, "clerk", &["app_project_get"]).await.expect(200)["role"].clone();
    assert_ne!(id(&twin), id(&made), "the same name in two organizations");
    let upserted = organization_role(&ada, &acme, "clerk", &["app_group_get"]).await.expect(200)["role"].clone();
    assert_eq!((id(&upserted), &upserted["permissions"]), (id(&made), &json!(["app_group_get"])));
    organization_role(&ada, &acme, "other", &["app_group_get"]).await.expect(200);

    let roles = format!("/v1beta1/organizations/{acme}/roles");
    assert_eq!(names(&ada.get(&roles).await.expect(200)["roles"]), ["clerk", "other"], "its own only");
    assert_eq!(
        names(&ada.get("/v1beta1/organizations/acme/roles?scopes=org&state=enabled").await.expect(200)["roles"]).len(),
        2
    );
    assert_eq!(ada.get(&format!("{roles}?scopes=app/project")).await.expect(200)["roles"], json!([]));
    assert_eq!(
        names(&ada.get("/v1beta1/roles").await.expect(200)["roles"]).len(),
        10,
        "none of them is the platform's"
    );
    let at = format!("{roles}/{}", id(&made));
    assert_eq!(ada.get(&at).await.expect(200)["role"], upserted);
    let body =
        json!({ "name": "keeper", "title": "Keeper", "permissions": ["app_project_get"], "scopes": ["project"] });
    let now = ada.put(&at, body).await.expect(200)["role"].clone();
    assert_eq!(
        (&now["name"], &now["org_id"], &now["scopes"]),
        (&json!("keeper"), &json!(acme), &json!(["app/project"]))
    );
    assert_eq!(now["metadata"], json!({ "org_name": "acme" }));
    let taken = json!({ "name": "other", "permissions": ["app_project_get"] });
    assert_eq!(ada.put(&at, taken).await.expect(409)["code"], 6);
    let connect = json!({ "org_id": acme, "id": id(&made) });
    let seen = ada.post(&format!("{FRONTIER}/GetOrganizationRole"), connect.clone()).await.expect(200);
    assert_eq!(seen["role"]["name"], "keeper");
    ada.post(&format!("{FRONTIER}/DeleteOrganizationRole"), connect).await.expect(200);
    let e = ada.get(&at).await.expect(404);
    assert!(e["message"].as_str().unwrap().starts_with("role doesn't exist"), "{e}");
    ada.delete(&at).await.expect(404);
}

async fn who_may_see_and_who_may_keep_an_organizations_roles(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let viewer = w.person("Viewer", &["user"]).await;
    let nobody = w.person("Nobody", &["user"]).await;
    let acme = organization(&ada.client, "acme").await;
    bind(&w, &viewer.id, VIEWER, &acme).await;
    let made = id(&organization_role(&ada.client, &acme, "clerk", &["app_project_get"]).await.expect(200)["role"]);
    let roles = format!("/v1beta1/organizations/{acme}/roles");
    let at = format!("{roles}/{made}");
    let body = json!({ "name": "clerk", "permissions": ["app_project_get"], "scopes": ["app/organization"] });
    let (_, narrow) = w.api_key(&ada.client, json!({ "name": "narrow", "scopes": ["users:*"] })).await;
    for (who, client, sees, keeps) in [
        ("owner of the organization", &ada.client, 200, 200),
        ("superuser", &w.owner(), 200, 200),
        ("service key", &w.service(), 200, 200),
        ("viewer", &viewer.client, 200, 403),
        ("no member", &nobody.client, 403, 403),
        ("a key without every scope", &narrow, 403, 403),
        ("anonymous", &w.anonymous(), 401, 401),
    ] {
        for (path, status) in [(&roles, sees), (&at, sees)] {
            let a = client.get(path).await;
            assert_eq!(a.status, status, "{who} {path}: {}", a.text());
        }
        let a = client.post(&roles, body.clone()).await;
        assert_eq!(a.status, keeps, "{who}: {}", a.text());
        let a = client.put(&at, body.clone()).await;
        assert_eq!(a.status, keeps, "{who}: {}", a.text());
        if keeps != 200 {
            assert_eq!(client.delete(&at).await.status, keeps, "{who}");
        }
    }
    // who may not look does not learn what is there
    let (there, nowhere) = (nobody.client.get(&at).await, nobody.client.get(&format!("{roles}/{NOBODY}")).await);
    assert_eq!(there.expect(403), nowhere.expect(403));
    let missing = nobody.client.get(&format!("/v1beta1/organizations/{NOBODY}/roles/{made}")).await;
    assert_eq!(missing.expect(403), there.json());
    w.owner().get(&format!("/v1beta1/organizations/{NOBODY}/roles")).await.expect(404);
    viewer.client.get(&format!("{roles}/{NOBODY}")).await.expect(404);
}

async fn a_role_of_another_organization_is_not_there(w: World) {
    let ada = w.person("Ada", &["user"]).await.client;
    let eve = w.person("Eve", &["user"]).await.client;
    let (acme, evil) = (organization(&ada, "acme").await, organization(&eve, "evil").await);
    let made = id(&organization_role(&ada, &acme, "clerk", &["app_project_get"]).await.expect(200)["role"]);
    let body =
        json!({ "name": "clerk", "permissions": ["app_organization_administer"], "scopes": ["app/organization"] });
    for client in [&eve, &w.owner()] {
        // sec: the organization that one may keep roles of, and somebody else's role or one of the platform
        for which in [&*made, OWNER_ROLE, "app_organization_owner"] {
            let at = format!("/v1beta1/organizations/{evil}/roles/{which}");
            client.get(&at).await.expect(404);
            client.put(&at, body.clone()).await.expect(404);
            client.delete(&at).await.expect(404);
        }
    }
    // nor is it one of the platform
    w.owner().put(&format!("/v1beta1/roles/{made}"), body).await.expect(404);
    w.owner().delete(&format!("/v1beta1/roles/{made}")).await.expect(404);
    let seen = ada.get(&format!("/v1beta1/organizations/{acme}/roles/{made}")).await.expect(200);
    assert_eq!(seen["role"]["permissions"], json!(["app_project_get"]));
}

async fn roles_of_a_disabled_organization_wait(w: World) {
    let ada = w.person("Ada", &["user"]).await.client;
    let eve = w.person("Eve", &["user"]).await.client;
    let acme = organization(&ada, "acme").await;
    let made = id(&organization_role(&ada, &acme, "clerk", &["app_project_get"]).await.expect(200)["role"]);
    let (roles, at) =
        (format!("/v1beta1/organizations/{acme}/roles"), format!("/v1beta1/organizations/{acme}/roles/{made}"));
    w.owner().post(&format!("/v1beta1/organizations/{acme}/disable"), json!({})).await.expect(200);
    for a in [ada.get(&roles).await, ada.get(&at).await, ada.delete(&at).await] {
        let e = failed_precondition(&a);
        assert!(e["message"].as_str().unwrap().starts_with("org is disabled"), "{e}");
    }
    failed_precondition(&organization_role(&ada, &acme, "clerk", &["app_project_get"]).await);
    // who may not, does not learn that it is disabled; superusers go on
    eve.get(&roles).await.expect(403);
    w.owner().get(&at).await.expect(200);
}

async fn nobody_gives_more_than_they_hold(w: World) {
    let ada = w.person("Ada", &["user"]).await.client;
    let max = w.person("Max", &["user"]).await;
    let acme = organization(&ada, "acme").await;
    permissions(&w.owner(), &["compute.order.get"]).await;
    bind(&w, &max.id, ACCESS_MANAGER, &acme).await;
    let roles = format!("/v1beta1/organizations/{acme}/roles");
    // what an access manager holds, he may put into a role
    let mine = ["app_organization_invitationlist", "app_organization_rolemanage"];
    let made = organization_role(&max.client, &acme, "helper", &mine).await.expect(200)["role"].clone();
    // and nothing else: not the organization, not its projects, not the tenant's own resources
    for more in [
        "app_organization_administer",
        "app_organization_delete",
        "app_project_get",
        "app_group_get",
        "compute_order_get",
    ] {
        let e = organization_role(&max.client, &acme, "king", &[more]).await.expect(403);
        assert!(e["message"].as_str().unwrap().contains(more), "{e}");
        let e = organization_role(&max.client, &acme, "helper", &[mine[0], more]).await.expect(403);
        assert!(e["message"].as_str().unwrap().contains(more), "an upsert is an edit: {e}");
        let body = json!({ "name": "helper", "permissions": [mine[0], more], "scopes": ["app/organization"] });
        max.client.put(&format!("{roles}/{}", id(&made)), body).await.expect(403);
    }
    // what a role has already may stay or go, but reach no further
    let theirs = id(&ada
        .post(&roles, json!({ "name": "keeper", "permissions": ["app_project_update", "app_project_get"], "scopes": ["app/project"] }))
        .await
        .expect(200)["role"]);
    let edit = |permissions: &[&str], scopes: &[&str]| json!({ "name": "keeper", "permissions": permissions, "scopes": scopes });
    let at = format!("{roles}/{theirs}");
    max.client.put(&at, edit(&["app_project_update", mine[0]], &["app/project"])).await.expect(200);
    max.client.put(&at, edit(&["app_project_update"], &["app/project", "app/organization"])).await.expect(403);
    max.client.put(&at, edit(&["app_project_update"], &[])).await.expect(403);
    max.client.put(&at, edit(&["app_project_get"], &["app/project"])).await.expect(403);
    // the owner of the organization holds everything of it
    ada.put(&at, edit(&["app_project_administer", "compute_order_get"], &["app/project"])).await.expect(200);
    organization_role(&ada, &acme, "second", &["app_organization_administer"]).await.expect(200);
    // a rule may let somebody keep roles; what the rule permits is not theirs to give
    let bob = w.person("Bob", &["user"]).await;
    let cedar = r#"permit (principal == User::"BOB", action == Action::"app_organization_rolemanage", resource);"#;
    let policy = json!({ "name": "bob", "priority": 10, "max_duration_seconds": 3600, "access": "standing",
        "cedar_policy_set": cedar.replace("BOB", &bob.id) });
    w.owner().post("/v1/policies", policy).await.expect(201);
    bob.client.put(&at, edit(&["compute_order_get"], &["app/project"])).await.expect(200);
    organization_role(&bob.client, &acme, "king", &["app_organization_administer"]).await.expect(403);
}

async fn a_change_of_a_role_counts_at_once(w: World) {
    let ada = w.person("Ada", &["user"]).await.client;
    let bob = w.person("Bob", &["user"]).await;
    let acme = organization(&ada, "acme").await;
    let made = id(&organization_role(&ada, &acme, "clerk", &["app_project_get"]).await.expect(200)["role"]);
    bind(&w, &bob.id, &made, &acme).await;
    let roles = format!("/v1beta1/organizations/{acme}/roles");
    bob.client.get(&roles).await.expect(403);
    for (permissions, status) in
        [(["app_organization_get"], 200), (["app_project_get"], 403), (["app_organization_update"], 200)]
    {
        let body = json!({ "name": "clerk", "permissions": permissions, "scopes": ["app/organization"] });
        ada.put(&format!("{roles}/{made}"), body).await.expect(200);
        assert_eq!(bob.client.get(&roles).await.status, status, "{permissions:?}");
    }
}

async fn changes_leave_events(w: World) {
    let ada = w.person("Ada", &["user"]).await.client;
    let acme = organization(&ada, "acme").await;
    let permission = permissions(&w.owner(), &["compute.order.get"]).await.remove(0);
    permissions(&w.owner(), &["compute.order.get"]).await;
    w.owner().put("/v1beta1/permissions/compute_order_get", json!({ "metadata": { "n": 1 } })).await.expect(200);
    let made = organization_role(&ada, &acme, "clerk", &["compute_order_get"]).await.expect(200)["role"].clone();
    organization_role(&ada, &acme, "clerk", &["app_project_get"]).await.expect(200);
    w.owner().delete("/v1beta1/permissions/compute_order_get").await.expect(200);
    ada.delete(&format!("/v1beta1/organizations/{acme}/roles/{}", id(&made))).await.expect(200);
    for (what, actions) in [
        (&made, ["role.deleted", "role.updated", "role.created"]),
        (&permission, ["permission.deleted", "permission.updated", "permission.created"]),
    ] {
        let events = w.events(&format!("resource_id={}", id(what))).await;
        assert_eq!(events.iter().map(|e| e["action"].as_str().unwrap()).collect::<Vec<_>>(), actions, "{events:?}");
    }
    let updated = w.events("action=role.updated").await.remove(0);
    assert_eq!(
        updated["changes"]["permissions"],
        json!({ "before": ["compute_order_get"], "after": ["app_project_get"] })
    );
}
