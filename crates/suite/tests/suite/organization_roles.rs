//! Roles that organizations keep of their own, and what their keepers may put into them (spec v1beta1 2.3.6, 3.5).
use serde_json::json;

use crate::access_roles::{bind, failed_precondition, names, organization_role};
use crate::world::access::*;
use crate::world::*;

both!(
    an_organization_keeps_roles_of_its_own,
    who_may_see_and_who_may_keep_an_organizations_roles,
    a_role_of_another_organization_is_not_there,
    roles_of_a_disabled_organization_wait,
    nobody_gives_more_than_they_hold,
    a_change_of_a_role_counts_at_once,
);

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
    bind(&w, &viewer.id, ORGANIZATION_VIEWER, &acme).await;
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
        for which in [&*made, ORGANIZATION_OWNER, "app_organization_owner"] {
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
    bind(&w, &max.id, ORGANIZATION_ACCESS_MANAGER, &acme).await;
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
