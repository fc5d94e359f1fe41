//! What goes with an organization and with a person: everything (spec v1beta1 3.1, 3.2).
use serde_json::json;

use crate::world::access::*;
use crate::world::tables::{count, count_where, execute};
use crate::world::*;

both!(
    whoever_is_removed_holds_nothing_in_it_any_more,
    deleting_an_organization_leaves_nothing_behind,
    what_a_deletion_could_not_finish_the_worker_does,
    deleting_a_user_takes_what_they_held,
);

/// Something of everything in an organization, with somebody who holds a role on each of it; the project.
async fn fill(w: &World, by: &Client, organization: &str, name: &str, holder: &Person) -> String {
    w.owner().post("/v1beta1/permissions", json!({ "bodies": [{ "key": "compute.order.get" }] })).await;
    let project = project(by, organization, &format!("{name}-project")).await;
    let group = group(by, organization, &format!("{name}-group")).await;
    let order = json!({ "name": format!("{name}-order"), "namespace": "compute/order" });
    let order = by.post(&format!("/v1beta1/projects/{project}/resources"), order).await.expect(200);
    let path = format!("/v1beta1/organizations/{organization}");
    let role =
        json!({ "name": format!("{name}-role"), "permissions": ["compute_order_get"], "scopes": ["compute/order"] });
    let role = by.post(&format!("{path}/roles"), role).await.expect(200);
    for (role, resource) in [
        (PROJECT_VIEWER, format!("app/project:{project}")),
        (GROUP_MEMBER, format!("app/group:{group}")),
        (&id(&role["role"]), format!("compute/order:{}", id(&order["resource"]))),
    ] {
        policy(&w.owner(), role, &resource, &format!("app/user:{}", holder.id)).await.expect(200);
    }
    let invited = json!({ "user_ids": [format!("{name}@example.com")] });
    by.post(&format!("{path}/invitations"), invited).await.expect(200);
    by.post(&format!("{path}/domains"), json!({ "domain": format!("{name}.example") })).await.expect(200);
    project
}

fn literal(w: &World, id: &str) -> String {
    if w.engine.is_sqlite() { format!("X'{}'", id.replace('-', "")) } else { format!("'{id}'") }
}
/// So many more bindings like one with this `object_id` or `bearer_id`, each with another of the other, past the API: what a big
/// customer has.
async fn crowd(w: &World, of: &str, id: &str, n: usize) {
    let (some_id, rows) = if w.engine.is_sqlite() {
        let rows =
            format!("(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {n}) SELECT n FROM s)");
        ("randomblob(16)", rows)
    } else {
        ("gen_random_uuid()", format!("generate_series(1, {n})"))
    };
    let (object, bearer) = if of == "object_id" { ("b.object_id", some_id) } else { (some_id, "b.bearer_id") };
    let sql = format!(
        "INSERT INTO role_bindings (tenant, id, role_id, namespace, object_id, bearer_type, bearer_id, relation, title, \
         metadata, created_at, updated_at) SELECT b.tenant, {some_id}, b.role_id, b.namespace, {object}, b.bearer_type, \
         {bearer}, b.relation, b.title, b.metadata, b.created_at, b.updated_at \
         FROM (SELECT * FROM role_bindings WHERE {of} = {} LIMIT 1) b, {rows} s",
        literal(w, id)
    );
    execute(w, &sql).await;
}
const TABLES: [&str; 8] = [
    "organizations",
    "projects",
    "groups",
    "resources",
    "role_bindings",
    "organization_removals",
    "invitations",
    "organization_domains",
];
async fn rows(w: &World) -> Vec<i64> {
    let mut out = vec![];
    for table in TABLES {
        out.push(count(w, table).await);
    }
    out.push(count(w, "access_roles").await);
    out
}

async fn whoever_is_removed_holds_nothing_in_it_any_more(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let (acme, other) = (organization(&ada.client, "acme").await, organization(&ada.client, "other").await);
    join(&w, &acme, &bob.id, ORGANIZATION_VIEWER).await;
    join(&w, &other, &bob.id, ORGANIZATION_VIEWER).await;
    let inside = fill(&w, &ada.client, &acme, "in", &bob).await;
    let outside = fill(&w, &ada.client, &other, "out", &bob).await;
    let held = async |id: &str| count_where(&w, "role_bindings", &format!("bearer_id = {}", literal(&w, id))).await;
    let remove = async |who: &str, kind: &str| {
        let body = json!({ "org_id": acme, "principal_id": who, "principal_type": kind });
        connect(&ada.client, "RemoveOrganizationMember", body).await
    };
    assert_eq!(held(&bob.id).await, 8);
    assert_eq!(code(&remove(NOBODY, "app/user").await), "failed_precondition");
    assert_eq!(code(&remove(&bob.id, "app/robot").await), "invalid_argument");
    remove(&bob.id, "app/user").await.expect(200);
    assert_eq!(held(&bob.id).await, 4);
    bob.client.get("/v1beta1/organizations/acme").await.expect(403);
    bob.client.get(&format!("/v1beta1/projects/{inside}")).await.expect(403);
    bob.client.get("/v1beta1/organizations/other").await.expect(200);
    bob.client.get(&format!("/v1beta1/projects/{outside}")).await.expect(200);
    let again = remove(&bob.id, "app/user").await;
    assert_eq!(
        (code(&again), text(&again)),
        ("failed_precondition".into(), "principal is not a member of this resource".into())
    );
    let events = w.events("action=organization.member_removed").await;
    assert_eq!((events.len(), &events[0]["metadata"]["user_id"]), (1, &json!(bob.id)));
}

async fn deleting_an_organization_leaves_nothing_behind(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let keep = organization(&ada.client, "keep").await;
    fill(&w, &ada.client, &keep, "keep", &bob).await;
    let before = rows(&w).await;
    let acme = organization(&ada.client, "acme").await;
    join(&w, &acme, &bob.id, ORGANIZATION_VIEWER).await;
    let one = fill(&w, &ada.client, &acme, "one", &bob).await;
    fill(&w, &ada.client, &acme, "two", &bob).await;
    crowd(&w, "object_id", &one, 700).await;
    crowd(&w, "object_id", &acme, 700).await;
    assert!(rows(&w).await[4] > before[4] + 1_400);
    let a = connect(&bob.client, "DeleteOrganization", json!({ "id": "acme" })).await;
    assert_eq!((a.status, code(&a)), (403, "permission_denied".into()));
    ada.client.delete("/v1beta1/organizations/acme").await.expect(200);
    assert_eq!(rows(&w).await, before, "{TABLES:?}, access_roles");
    ada.client.get("/v1beta1/organizations/acme").await.expect(403);
    ada.client.get(&format!("/v1beta1/projects/{one}")).await.expect(403);
    w.owner().delete("/v1beta1/organizations/acme").await.expect(404);
    let mine = ada.client.get("/v1beta1/users/self/organizations").await.expect(200);
    assert_eq!(all(&mine["organizations"], "id"), [keep]);
    // the name is free again
    organization(&ada.client, "acme").await;
    assert_eq!(w.events("action=organization.deleted").await.len(), 1);
}

async fn what_a_deletion_could_not_finish_the_worker_does(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let before = rows(&w).await;
    let acme = organization(&ada.client, "acme").await;
    let inside = fill(&w, &ada.client, &acme, "one", &bob).await;
    // the server stopped right after the organization was gone
    let gone = literal(&w, &acme);
    for sql in [
        format!(
            "INSERT INTO organization_removals (tenant, organization_id) SELECT tenant, id FROM organizations WHERE id = {gone}"
        ),
        format!("DELETE FROM organizations WHERE id = {gone}"),
    ] {
        execute(&w, &sql).await;
    }
    w.node.erase().await;
    assert_eq!(rows(&w).await, before);
    w.owner().get(&format!("/v1beta1/projects/{inside}")).await.expect(404);
}

async fn deleting_a_user_takes_what_they_held(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let acme = organization(&ada.client, "acme").await;
    fill(&w, &ada.client, &acme, "one", &bob).await;
    let before = count(&w, "role_bindings").await;
    join(&w, &acme, &bob.id, ORGANIZATION_VIEWER).await;
    // an owner, the last one too (spec v1beta1 3.1)
    let bobs = organization(&bob.client, "bobs").await;
    crowd(&w, "bearer_id", &bob.id, 500).await;
    w.owner().delete(&format!("/v1beta1/users/{}", bob.id)).await.expect(200);
    assert_eq!(count_where(&w, "role_bindings", &format!("bearer_id = {}", literal(&w, &bob.id))).await, 0);
    assert_eq!(count(&w, "role_bindings").await, before - 3);
    let owners = w.owner().get(&format!("/v1beta1/organizations/{bobs}/admins")).await.expect(200);
    assert_eq!(owners["users"], json!([]));
    let list = ada.client.get("/v1beta1/organizations/acme/users").await.expect(200);
    assert_eq!(all(&list["users"], "id"), [ada.id]);
}
