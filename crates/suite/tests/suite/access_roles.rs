//! Roles of the access graph (spec v1beta1 2.3.6, 3.5).
use portcullis_crypto::random::OsRandom;
use portcullis_domain::role_binding::{Bearer, Relation, RoleBinding};
use portcullis_domain::{Id, Timestamp};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, role_binding};
use serde_json::{Map, Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    a_tenants_permissions_and_roles_are_its_own,
    predefined_roles_are_listed_and_narrowed,
    create_role_puts_new_content_in_the_place_of_the_old,
    an_update_of_a_role_replaces_everything,
    words_for_permissions_and_scopes_are_checked,
    metadata_of_roles_obeys_its_schema,
    predefined_roles_can_be_edited_but_neither_renamed_nor_deleted,
    a_role_in_use_stays,
    only_superusers_keep_platform_roles,
    changes_leave_events,
);

pub fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap().to_owned()).collect()
}
pub async fn role(by: &Client, name: &str, permissions: &[&str]) -> Value {
    let body = json!({ "name": name, "permissions": permissions, "scopes": ["app/organization"] });
    by.post("/v1beta1/roles", body).await.expect(200)["role"].clone()
}
pub async fn organization_role(by: &Client, organization: &str, name: &str, permissions: &[&str]) -> Answer {
    let body = json!({ "name": name, "permissions": permissions, "scopes": ["app/organization"] });
    by.post(&format!("/v1beta1/organizations/{organization}/roles"), body).await
}
/// Gives somebody a role on an organization, beneath the API.
pub async fn bind(w: &World, user: &str, role: &str, organization: &str) {
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
#[track_caller]
pub fn failed_precondition(a: &Answer) -> Value {
    let e = a.expect(400);
    assert_eq!(e["code"], 9, "{e}");
    e
}
#[track_caller]
pub fn invalid_argument(a: &Answer) -> String {
    let e = a.expect(400);
    assert_eq!(e["code"], 3, "{e}");
    e["message"].as_str().unwrap().to_owned()
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
            ORGANIZATION_OWNER,
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
    let at = format!("/v1beta1/roles/{ORGANIZATION_VIEWER}");
    let body = |name: &str| json!({ "name": name, "title": "Guest", "permissions": ["app_organization_get", "app_organization_projectlist"], "scopes": ["app/organization"] });
    let now = w.owner().put(&at, body("app_organization_viewer")).await.expect(200)["role"].clone();
    assert_eq!((id(&now).as_str(), &now["title"]), (ORGANIZATION_VIEWER, &json!("Guest")));
    failed_precondition(&w.owner().put(&at, body("guest")).await);
    for which in [ORGANIZATION_VIEWER, "app_organization_viewer", ORGANIZATION_OWNER] {
        failed_precondition(&w.owner().delete(&format!("/v1beta1/roles/{which}")).await);
    }
    let again = w.owner().post("/v1beta1/roles", body("app_organization_viewer")).await.expect(200)["role"].clone();
    assert_eq!(id(&again), ORGANIZATION_VIEWER);
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
    let at = format!("/v1beta1/roles/{ORGANIZATION_VIEWER}");
    let body = json!({ "name": "auditor", "permissions": ["app_project_get"] });
    for who in [&ada.client, &approver.client] {
        assert_eq!(who.post("/v1beta1/roles", body.clone()).await.expect(403)["code"], 7);
        who.put(&at, body.clone()).await.expect(403);
        who.put(&format!("/v1beta1/roles/{NOBODY}"), body.clone()).await.expect(403);
        who.delete(&at).await.expect(403);
        let e = who.post(&format!("{ADMIN}/DeleteRole"), json!({ "id": ORGANIZATION_VIEWER })).await.expect(403);
        assert_eq!(e["code"], "permission_denied");
    }
    w.anonymous().post("/v1beta1/roles", body.clone()).await.expect(401);
    w.anonymous().put(&at, body.clone()).await.expect(401);
    w.anonymous().delete(&at).await.expect(401);
    w.service().post("/v1beta1/roles", body).await.expect(200);
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
