//! Relations: single edges of the access graph, as the things that they stand for (spec v1beta1 2.3.10, 3.8, 5.3).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::tables::execute;
use crate::world::*;

both!(
    who_may_look_at_and_make_relations,
    every_thing_is_its_edges,
    a_relation_is_found_by_its_id,
    a_member_is_made_and_taken_with_the_rules_of_groups,
    a_superuser_is_made_and_taken_with_the_rules_of_roles,
    an_owner_of_a_resource_is_made,
    the_edges_of_a_binding_end_the_binding,
    what_is_there_already_is_answered_as_it_is,
    there_is_no_general_tuple,
    sec_02_relations_of_another_tenant_are_not_there,
    sec_14_a_list_that_is_too_long_is_refused,
);

const MADE: &str = "/v1beta1/relations";

fn edge(object: &str, relation: &str, subject: &str) -> Value {
    json!({ "object": object, "relation": relation, "subject": subject })
}
async fn listed(by: &Client, query: &str) -> Vec<String> {
    let list = by.get(&format!("/v1beta1/admin/relations{query}")).await.expect(200)["relations"].clone();
    let text = |r: &Value, member: &str| r[member].as_str().unwrap().to_owned();
    let line = |r: &Value| {
        let sub = text(r, "subject_sub_relation");
        let sub = if sub.is_empty() { sub } else { format!("#{sub}") };
        format!("{}#{}@{}{sub}", text(r, "object"), text(r, "relation"), text(r, "subject"))
    };
    let mut out: Vec<String> = list.as_array().unwrap().iter().map(line).collect();
    out.sort();
    out
}
async fn unmake(by: &Client, object: &str, relation: &str, subject: &str) -> Answer {
    // each is one segment of the path
    let (object, subject) = (object.replace('/', "%2F"), subject.replace('/', "%2F"));
    by.delete(&format!("/v1beta1/relations/{relation}/object/{object}/subject/{subject}")).await
}
/// An order of a project's, owned by its maker; its id.
async fn order(w: &World, by: &Client, project: &str, name: &str) -> String {
    w.owner().post("/v1beta1/permissions", json!({ "bodies": [{ "key": "compute.order.get" }] })).await;
    let body = json!({ "name": name, "namespace": "compute/order" });
    id(&by.post(&format!("/v1beta1/projects/{project}/resources"), body).await.expect(200)["resource"])
}

async fn who_may_look_at_and_make_relations(w: World) {
    let (owner, max) = (w.person("Olga", &["user"]).await, w.person("Max", &["user"]).await);
    let acme = organization(&owner.client, "acme-corp").await;
    join(&w, &acme, &max.id, ORGANIZATION_VIEWER).await;
    let g = format!("app/group:{}", group(&owner.client, &acme, "backend").await);
    let m = format!("app/user:{}", max.id);
    let tenant = w.second_tenant("Rival").await;
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*"] })).await;
    for (who, by, list, change) in [
        ("nobody", w.anonymous(), 401, 401),
        ("organization's owner", owner.client.clone(), 403, 403),
        ("a narrow key", narrow, 403, 403),
        ("another tenant's admin", tenant.owner.client.clone(), 200, 404),
        ("superuser", w.owner(), 200, 200),
        ("service key", w.service(), 200, 200),
    ] {
        assert_eq!(by.get("/v1beta1/admin/relations").await.status, list, "{who} lists");
        let a = by.post(MADE, edge(&g, "member", &m)).await;
        assert_eq!(a.status, change, "{who} makes: {}", a.text());
        let one = format!("{MADE}/member.{}.{}", &g[10..], max.id);
        assert_eq!(by.get(&one).await.status, change, "{who} reads");
        let a = unmake(&by, &g, "member", &m).await;
        assert_eq!(a.status, change, "{who} ends: {}", a.text());
        if change == 403 {
            let nothing = edge("app/group:nothing", "fly", "nonsense:x");
            assert_eq!(by.post(MADE, nothing).await.status, 403, "{who} is told nothing");
            assert_eq!(unmake(&by, &g, "member", &format!("app/user:{NOBODY}")).await.status, 403, "{who}");
        }
    }
}

async fn every_thing_is_its_edges(w: World) {
    let owner = w.person("Olga", &["user"]).await;
    let acme = organization(&owner.client, "acme-corp").await;
    let p = project(&owner.client, &acme, "apollo").await;
    let g = group(&owner.client, &acme, "backend").await;
    let r = order(&w, &owner.client, &p, "first").await;
    on_project(&owner.client, &p, "app/group", &g, PROJECT_VIEWER).await.expect(200);
    let policies = w.owner().get(&format!("/v1beta1/policies?project_id={p}")).await.expect(200)["policies"].clone();
    let of_group = policies.as_array().unwrap().iter().find(|b| b["role_id"] == PROJECT_VIEWER).unwrap();
    let b = id(of_group);
    let o = &owner.id;
    assert_eq!(
        listed(&w.owner(), &format!("?object=app/rolebinding:{b}")).await,
        [
            format!("app/rolebinding:{b}#bearer@app/group:{g}#member"),
            format!("app/rolebinding:{b}#role@app/role:{PROJECT_VIEWER}")
        ]
    );
    let of_project = listed(&w.owner(), "?object=project:apollo").await;
    assert_eq!(of_project.len(), 3, "{of_project:?}");
    assert!(of_project.contains(&format!("app/project:{p}#org@app/organization:{acme}")));
    assert!(of_project.contains(&format!("app/project:{p}#granted@app/rolebinding:{b}")));
    assert_eq!(
        listed(&w.owner(), &format!("?object=compute/order:{r}")).await,
        [format!("compute/order:{r}#owner@app/user:{o}"), format!("compute/order:{r}#project@app/project:{p}")]
    );
    let in_group = listed(&w.owner(), &format!("?object=group:{g}")).await;
    assert!(in_group.contains(&format!("app/group:{g}#member@app/user:{o}")), "{in_group:?}");
    assert!(in_group.contains(&format!("app/group:{g}#org@app/organization:{acme}")), "{in_group:?}");
    let of_owner = listed(&w.owner(), &format!("?subject=user:{}", owner.email)).await;
    assert_eq!(of_owner.iter().filter(|r| r.contains("#bearer@")).count(), 3, "{of_owner:?}");
    assert!(
        of_owner.contains(&format!("app/group:{g}#member@app/user:{o}"))
            && of_owner.contains(&format!("compute/order:{r}#owner@app/user:{o}"))
    );
    assert_eq!(of_owner.len(), 5, "{of_owner:?}");
    assert_eq!(
        listed(&w.owner(), &format!("?subject=group:{g}")).await,
        [format!("app/rolebinding:{b}#bearer@app/group:{g}#member")]
    );
    assert_eq!(
        listed(&w.owner(), "?subject=org:acme-corp").await,
        [format!("app/group:{g}#org@app/organization:{acme}"), format!("app/project:{p}#org@app/organization:{acme}")]
    );
    assert_eq!(listed(&w.owner(), &format!("?subject=app/role:{PROJECT_VIEWER}")).await.len(), 1);
    assert_eq!(listed(&w.owner(), &format!("?subject=app/rolebinding:{b}")).await.len(), 1);
    assert_eq!(listed(&w.owner(), &format!("?subject=project:{p}")).await.len(), 1);
    assert_eq!(
        listed(&w.owner(), "?object=platform:platform").await,
        [format!("app/platform:platform#admin@app/user:{}", w.owner_id)]
    );
    assert_eq!(
        listed(&w.owner(), "?subject=platform:platform").await,
        [format!("app/organization:{acme}#platform@app/platform:platform")]
    );
    // between two
    assert_eq!(
        listed(&w.owner(), &format!("?object=group:{g}&subject=user:{o}")).await,
        [format!("app/group:{g}#member@app/user:{o}")]
    );
    // all: an organization, a project, a group, a resource's two, three of each of four bindings, a member, the superuser
    assert_eq!(listed(&w.owner(), "").await.len(), 1 + 1 + 1 + 2 + 4 * 3 + 1 + 1);
    // what is not there has none; what is no name at all is told
    for nothing in ["app/group:nothing", "user:nobody@example.com", "app/role:x", "cat:felix"] {
        assert_eq!(listed(&w.owner(), &format!("?object={nothing}")).await, [""; 0]);
        assert_eq!(listed(&w.owner(), &format!("?subject={nothing}")).await, [""; 0]);
    }
    let e = w.owner().get("/v1beta1/admin/relations?object=nonsense").await.expect(400);
    assert_eq!(e["message"], "subject/object should be provided as 'namespace:uuid'");
}

async fn a_relation_is_found_by_its_id(w: World) {
    let owner = w.person("Olga", &["user"]).await;
    let acme = organization(&owner.client, "acme-corp").await;
    let p = project(&owner.client, &acme, "apollo").await;
    group(&owner.client, &acme, "backend").await;
    order(&w, &owner.client, &p, "first").await;
    w.owner()
        .post("/v1beta1/admin/platform/users", json!({ "user_id": owner.id, "relation": "member" }))
        .await
        .expect(200);
    let all = w.owner().get("/v1beta1/admin/relations").await.expect(200)["relations"].as_array().unwrap().clone();
    assert!(all.len() > 15, "{all:?}");
    for r in &all {
        let one = w.owner().get(&format!("{MADE}/{}", id(r))).await.expect(200)["relation"].clone();
        assert_eq!(one, *r);
        // the same id however it is found
        let path = format!(
            "/v1beta1/admin/relations?object={}&subject={}",
            r["object"].as_str().unwrap(),
            r["subject"].as_str().unwrap()
        );
        let same = w.owner().get(&path).await.expect(200)["relations"].clone();
        assert!(same.as_array().unwrap().contains(r), "{r}");
    }
    for nothing in [NOBODY.to_owned(), format!("granted.{NOBODY}"), "member.x.y".into(), "x".repeat(500)] {
        w.owner().get(&format!("{MADE}/{nothing}")).await.expect(404);
    }
}

async fn a_member_is_made_and_taken_with_the_rules_of_groups(w: World) {
    let (owner, max) = (w.person("Olga", &["user"]).await, w.person("Max", &["user"]).await);
    let acme = organization(&owner.client, "acme-corp").await;
    let id_of_group = group(&owner.client, &acme, "backend").await;
    let g = format!("group:{id_of_group}");
    let e = w.owner().post(MADE, edge(&g, "member", &format!("user:{}", max.email))).await.expect(400);
    assert_eq!(e["message"], "principal is not a member of the organization");
    join(&w, &acme, &max.id, ORGANIZATION_VIEWER).await;
    let made =
        w.owner().post(MADE, edge(&g, "member", &format!("user:{}", max.email))).await.expect(200)["relation"].clone();
    assert_eq!(
        (&made["object"], &made["relation"], &made["subject"]),
        (&json!(format!("app/group:{id_of_group}")), &json!("member"), &json!(format!("app/user:{}", max.id)))
    );
    let at = format!("/v1beta1/organizations/{acme}/groups/{id_of_group}");
    max.client.get(&at).await.expect(200);
    // a member who becomes its owner stays the same relation, and being made one again does not demote them
    in_group(&owner.client, &id_of_group, &max.id, GROUP_OWNER).await.expect(200);
    assert_eq!(
        w.owner().post(MADE, edge(&g, "member", &format!("user:{}", max.id))).await.expect(200)["relation"]["id"],
        made["id"]
    );
    max.client.put(&at, json!({ "name": "backend" })).await.expect(200);
    unmake(&w.owner(), &g, "member", &format!("user:{}", max.id)).await.expect(200);
    max.client.get(&at).await.expect(403);
    unmake(&w.owner(), &g, "member", &format!("user:{}", max.id)).await.expect(404);
    let a = unmake(&w.owner(), &g, "member", &format!("user:{}", owner.id)).await;
    assert!(
        a.status == 400 && a.json()["message"].as_str().unwrap().starts_with("group must have at least one owner"),
        "{}",
        a.text()
    );
    owner.client.post(&format!("{at}/disable"), json!({})).await.expect(200);
    w.owner().post(MADE, edge(&g, "member", &format!("user:{}", max.id))).await.expect(404);
    let e = w.owner().post(MADE, edge(&g, "member", "user:nobody@example.com")).await.expect(404);
    assert!(e["message"].as_str().unwrap().starts_with("user doesn't exist"), "{e}");
    for action in ["group.member_added", "group.member_removed"] {
        assert_eq!(w.events(&format!("action={action}")).await.len(), 1, "{action}");
    }
}

async fn a_superuser_is_made_and_taken_with_the_rules_of_roles(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let a = format!("user:{}", ada.id);
    for (relation, path, body) in [
        ("admin", "/v1beta1/preferences", None),
        (
            "member",
            "/v1beta1/admin/check",
            Some(json!({ "subject": a, "resource": "platform:platform", "permission": "check" })),
        ),
    ] {
        let ask = async || match &body {
            None => ada.client.get(path).await.status,
            Some(body) => ada.client.post(path, body.clone()).await.status,
        };
        assert_eq!(ask().await, 403);
        let made = w.owner().post(MADE, edge("platform:platform", relation, &a)).await.expect(200)["relation"].clone();
        assert_eq!((&made["object"], &made["relation"]), (&json!("app/platform:platform"), &json!(relation)));
        assert_eq!(ask().await, 200);
        unmake(&w.owner(), "platform:platform", relation, &a).await.expect(200);
        assert_eq!(ask().await, 403);
        unmake(&w.owner(), "platform:platform", relation, &a).await.expect(404);
    }
    let admin = w.person("Admin", &["user", "admin"]).await;
    unmake(&admin.client, "platform:platform", "admin", &format!("user:{}", w.owner_id)).await.expect(400);
    unmake(&admin.client, "platform:platform", "admin", &format!("user:{}", admin.id)).await.expect(403);
    admin.client.post(MADE, edge("platform:platform", "member", &format!("user:{}", admin.id))).await.expect(403);
    w.policy("p", 10, r#"forbid (principal, action == Action::"roles:grant", resource);"#).await;
    let e = w.owner().post(MADE, edge("platform:platform", "member", &a)).await.expect(400);
    assert_eq!(e["message"], "You may not give the role checker.");
    w.owner().post(MADE, edge("platform:other", "admin", &a)).await.expect(404);
}

async fn an_owner_of_a_resource_is_made(w: World) {
    let (owner, max) = (w.person("Olga", &["user"]).await, w.person("Max", &["user"]).await);
    let acme = organization(&owner.client, "acme-corp").await;
    let p = project(&owner.client, &acme, "apollo").await;
    let r = order(&w, &owner.client, &p, "first").await;
    let at = format!("/v1beta1/projects/{p}/resources/{r}");
    max.client.get(&at).await.expect(403);
    let object = format!("compute/order:{r}");
    let made = w.owner().post(MADE, edge(&object, "owner", &format!("user:{}", max.email))).await.expect(200);
    assert_eq!(made["relation"]["subject"], format!("app/user:{}", max.id));
    max.client.get(&at).await.expect(200);
    assert_eq!(w.owner().get(&at).await.expect(200)["resource"]["principal"], format!("app/user:{}", max.id));
    // there is always one: another takes their place
    let m = format!("app/user:{}", max.id);
    let a = unmake(&w.owner(), &object, "owner", &m).await;
    assert_eq!(a.status, 400, "{}", a.text());
    w.owner().post(MADE, edge(&object, "owner", &format!("serviceuser:{NOBODY}"))).await.expect(404);
    let changed = &w.events("action=resource.updated").await[0]["changes"]["owner"];
    assert_eq!(changed["after"], json!(m));
}

async fn the_edges_of_a_binding_end_the_binding(w: World) {
    let (owner, max) = (w.person("Olga", &["user"]).await, w.person("Max", &["user"]).await);
    let acme = organization(&owner.client, "acme-corp").await;
    let p = project(&owner.client, &acme, "apollo").await;
    for relation in ["granted", "bearer", "role"] {
        let body = json!({ "role_id": PROJECT_VIEWER, "resource": format!("app/project:{p}"), "principal": format!("app/user:{}", max.id) });
        let b = id(&w.owner().post("/v1beta1/policies", body).await.expect(200)["policy"]);
        max.client.get(&format!("/v1beta1/projects/{p}")).await.expect(200);
        let binding = format!("app/rolebinding:{b}");
        let (object, subject) = match relation {
            "granted" => (format!("app/project:{p}"), binding),
            "bearer" => (binding, format!("app/user:{}", max.id)),
            _ => (binding, format!("app/role:{PROJECT_VIEWER}")),
        };
        let body = json!({ "object": object, "relation": relation, "subject": subject });
        connect(&w.owner(), "DeleteRelation", body.clone()).await.expect(200);
        max.client.get(&format!("/v1beta1/projects/{p}")).await.expect(403);
        assert_eq!(code(&connect(&w.owner(), "DeleteRelation", body).await), "not_found");
    }
    assert_eq!(w.events("action=role_binding.deleted").await.len(), 3);
}

async fn what_is_there_already_is_answered_as_it_is(w: World) {
    let owner = w.person("Olga", &["user"]).await;
    let acme = organization(&owner.client, "acme-corp").await;
    project(&owner.client, &acme, "apollo").await;
    group(&owner.client, &acme, "backend").await;
    let all = w.owner().get("/v1beta1/admin/relations").await.expect(200)["relations"].as_array().unwrap().clone();
    for r in &all {
        let mut body = r.clone();
        for given in ["id", "created_at", "updated_at"] {
            body.as_object_mut().unwrap().remove(given);
        }
        assert_eq!(w.owner().post(MADE, body).await.expect(200)["relation"], *r);
    }
    assert_eq!(
        w.owner().get("/v1beta1/admin/relations").await.expect(200)["relations"].as_array().unwrap().len(),
        all.len()
    );
    let keyed = w.owner().with("idempotency-key", "k1");
    let body = edge("platform:platform", "member", &format!("user:{}", owner.id));
    let first = keyed.post(MADE, body.clone()).await.expect(200);
    let again = keyed.post(MADE, body).await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), (Some("true"), first));
}

async fn there_is_no_general_tuple(w: World) {
    let (owner, max) = (w.person("Olga", &["user"]).await, w.person("Max", &["user"]).await);
    let acme = organization(&owner.client, "acme-corp").await;
    let other = organization(&owner.client, "other-corp").await;
    let p = project(&owner.client, &acme, "apollo").await;
    let g = group(&owner.client, &acme, "backend").await;
    let m = format!("user:{}", max.id);
    for (object, relation, subject) in [
        (format!("org:{acme}"), "owner", &*m),
        (format!("org:{acme}"), "member", &*m),
        (format!("org:{acme}"), "granted", &*m),
        (format!("group:{g}"), "owner", &*m),
        (format!("group:{g}"), "member", &*format!("group:{g}")),
        (format!("project:{p}"), "org", &*format!("org:{other}")),
        (format!("group:{g}"), "org", &*format!("org:{other}")),
        (format!("project:{p}"), "owner", &*m),
        ("platform:platform".into(), "owner", &*m),
        (format!("app/role:{PROJECT_VIEWER}"), "app_project_get", &*m),
    ] {
        let e = w.owner().post(MADE, edge(&object, relation, subject)).await.expect(400);
        assert!(e["message"].as_str().unwrap().contains("Supported are"), "{object}#{relation}: {e}");
    }
    let mut sub = edge(&format!("group:{g}"), "member", &m);
    sub["subject_sub_relation"] = json!("member");
    w.owner().post(MADE, sub).await.expect(400);
    // where things lie is not ended by ending the edge
    for (object, subject) in
        [(format!("project:{p}"), format!("org:{acme}")), (format!("group:{g}"), format!("org:{acme}"))]
    {
        unmake(&w.owner(), &object, "org", &subject).await.expect(400);
    }
    for bad in ["nonsense", ":", "user:", ":x"] {
        let e = w.owner().post(MADE, edge(bad, "member", &m)).await.expect(400);
        assert_eq!(e["message"], "subject/object should be provided as 'namespace:uuid'", "{bad}");
    }
    let e = connect(&w.owner(), "CreateRelation", json!({})).await;
    assert_eq!(code(&e), "invalid_argument");
    max.client.get(&format!("/v1beta1/organizations/{acme}")).await.expect(403);
}

async fn sec_02_relations_of_another_tenant_are_not_there(w: World) {
    let rival = w.second_tenant("Rival").await;
    let by = &rival.owner.client;
    let theirs = organization(by, "rival-corp").await;
    let g = group(by, &theirs, "backend").await;
    let all = by.get("/v1beta1/admin/relations").await.expect(200)["relations"].as_array().unwrap().clone();
    for r in &all {
        w.owner().get(&format!("{MADE}/{}", id(r))).await.expect(404);
        let text = |member: &str| r[member].as_str().unwrap().to_owned();
        let a = unmake(&w.owner(), &text("object"), &text("relation"), &text("subject")).await;
        assert_eq!(a.status, 404, "{r}: {}", a.text());
    }
    assert_eq!(listed(&w.owner(), &format!("?object=group:{g}")).await, [""; 0]);
    assert_eq!(listed(&w.owner(), &format!("?subject=user:{}", rival.owner.id)).await, [""; 0]);
    w.owner().post(MADE, edge(&format!("group:{g}"), "member", &format!("user:{}", w.owner_id))).await.expect(404);
    w.owner().post(MADE, edge("platform:platform", "admin", &format!("user:{}", rival.owner.id))).await.expect(404);
    assert_eq!(by.get("/v1beta1/admin/relations").await.expect(200)["relations"].as_array().unwrap().len(), all.len());
}

async fn sec_14_a_list_that_is_too_long_is_refused(w: World) {
    let acme = organization(&w.owner(), "acme-corp").await;
    // past the API: what a big customer has
    let (some, rows, of) = if w.engine.is_sqlite() {
        let rows = "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 10001) SELECT n FROM s)";
        ("randomblob(16)", rows, format!("X'{}'", acme.replace('-', "")))
    } else {
        ("gen_random_uuid()", "generate_series(1, 10001)", format!("'{acme}'"))
    };
    let sql = format!(
        "INSERT INTO role_bindings (tenant, id, role_id, namespace, object_id, bearer_type, bearer_id, relation, title, \
         metadata, created_at, updated_at) SELECT b.tenant, {some}, b.role_id, b.namespace, b.object_id, b.bearer_type, {some}, \
         b.relation, b.title, b.metadata, b.created_at, b.updated_at \
         FROM (SELECT * FROM role_bindings WHERE object_id = {of} LIMIT 1) b, {rows} s"
    );
    execute(&w, &sql).await;
    for query in ["", "?object=org:acme-corp", &format!("?subject=app/role:{}", "00000000-0000-7000-8000-000000000001")]
    {
        let e = w.owner().get(&format!("/v1beta1/admin/relations{query}")).await.expect(429);
        assert_eq!(e["code"], 8, "{query}: {e}");
    }
    // what is few is found all the same
    assert_eq!(listed(&w.owner(), "?subject=platform:platform").await.len(), 1);
    let query = format!("?object=org:acme-corp&subject=user:{}", w.owner_id);
    assert_eq!(listed(&w.owner(), &query).await, [""; 0]);
}
