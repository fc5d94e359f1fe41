//! Projects of organizations and who holds roles on them (spec v1beta1 2.3.9, 2.5, 3.4).
use portcullis_crypto::random::OsRandom;
use portcullis_domain::project::Project;
use portcullis_domain::resource::Resource;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::{Id, Timestamp};
use portcullis_store::{Tx, resource};
use serde_json::{Map, Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    who_may_do_what_with_a_project,
    a_project_lies_in_an_organization_named_by_id_or_name,
    a_name_is_unique_in_the_tenant_and_never_changes,
    part_11_6_an_update_addressed_by_name_never_touches_another,
    a_disabled_project_is_not_found,
    a_deleted_project_takes_everything_with_it,
    a_large_project_goes_in_steps_and_whole,
    all_projects_are_listed_for_superusers,
    members_belong_to_the_projects_organization,
    a_role_must_be_one_for_projects,
    a_new_role_takes_the_place_of_all_old_ones,
    a_group_brings_its_members_and_takes_them_away,
    the_lists_of_a_project,
    project_users_are_searched,
    my_projects_are_direct_through_groups_and_inherited,
    my_projects_have_pages_and_permissions,
    projects_of_another_user_are_for_superusers,
    nobody_gives_more_on_a_project_than_they_hold,
    a_project_of_another_tenant_is_not_there,
    a_disabled_organization_closes_its_projects,
    changes_of_projects_leave_events,
);

/// An organization with its owner, somebody who is in it, and a project of it.
struct Place {
    owner: Person,
    member: Person,
    organization: String,
    project: String,
}
async fn place(w: &World) -> Place {
    let owner = w.person("Olga", &["user"]).await;
    let member = w.person("Max", &["user"]).await;
    let organization = organization(&owner.client, "acme-corp").await;
    join(w, &organization, &member.id, ORGANIZATION_VIEWER).await;
    let project = project(&owner.client, &organization, "apollo").await;
    Place { owner, member, organization, project }
}
fn at(project: &str) -> String {
    format!("/v1beta1/projects/{project}")
}
fn pairs(list: &Value, field: &str) -> Vec<(String, Vec<String>)> {
    let list = list["role_pairs"].as_array().unwrap();
    let mut out: Vec<_> =
        list.iter().map(|p| (p[field].as_str().unwrap().to_owned(), sorted(&p["roles"], "name"))).collect();
    out.sort();
    out
}
async fn users(by: &Client, project: &str) -> Vec<(String, Vec<String>)> {
    pairs(&by.get(&format!("{}/users", at(project))).await.expect(200), "user_id")
}
async fn remove(by: &Client, project: &str, kind: &str, id: &str) -> Answer {
    let body = json!({ "project_id": project, "principal_id": id, "principal_type": kind });
    connect(by, "RemoveProjectMember", body).await
}

async fn who_may_do_what_with_a_project(w: World) {
    let p = place(&w).await;
    let (other, stranger) = (w.person("Otto", &["user"]).await, w.person("Sam", &["user"]).await);
    let (viewer, manager) = (w.person("Vera", &["user"]).await, w.person("Mia", &["user"]).await);
    for who in [&other, &viewer, &manager] {
        join(&w, &p.organization, &who.id, ORGANIZATION_VIEWER).await;
    }
    on_project(&p.owner.client, &p.project, "app/user", &viewer.id, PROJECT_VIEWER).await.expect(200);
    on_project(&p.owner.client, &p.project, "app/user", &manager.id, PROJECT_MANAGER).await.expect(200);
    let tenant = w.second_tenant("Rival").await;
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*"] })).await;
    let new = json!({ "name": "gemini", "org_id": p.organization });
    for (who, by, create, read, update, delete, everywhere) in [
        ("nobody", w.anonymous(), 401, 401, 401, 401, 401),
        ("stranger", stranger.client.clone(), 403, 403, 403, 403, 403),
        ("another tenant's admin", tenant.owner.client.clone(), 404, 404, 404, 404, 200),
        ("a narrow key", narrow, 403, 403, 403, 403, 403),
        ("in the organization", other.client.clone(), 403, 403, 403, 403, 403),
        ("viewer", viewer.client.clone(), 403, 200, 403, 403, 403),
        ("manager", manager.client.clone(), 403, 200, 200, 403, 403),
        ("organization's owner", p.owner.client.clone(), 200, 200, 200, 200, 403),
        ("superuser", w.owner(), 200, 200, 200, 200, 200),
        ("service key", w.service(), 200, 200, 200, 200, 200),
    ] {
        let made = by.post("/v1beta1/projects", new.clone()).await;
        assert_eq!(made.status, create, "{who} creates: {}", made.text());
        if create == 200 {
            by.delete(&at(&id(&made.json()["project"]))).await.expect(200);
        }
        for path in ["", "/users", "/admins", "/groups"] {
            let path = format!("{}{path}", at(&p.project));
            assert_eq!(by.get(&path).await.status, read, "{who} reads {path}");
        }
        let a = by.put(&at("apollo"), json!({ "name": "apollo", "title": "T" })).await;
        assert_eq!(a.status, update, "{who} updates: {}", a.text());
        let a = on_project(&by, &p.project, "app/user", &viewer.id, PROJECT_VIEWER).await;
        assert_eq!(a.status, update, "{who} sets a role: {}", a.text());
        for word in ["disable", "enable"] {
            assert_eq!(by.post(&format!("{}/{word}", at(&p.project)), json!({})).await.status, delete, "{who} {word}s");
        }
        if delete != 200 {
            assert_eq!(by.delete(&at(&p.project)).await.status, delete, "{who} deletes");
        }
        if update != 200 {
            assert_eq!(remove(&by, &p.project, "app/user", &viewer.id).await.status, update, "{who} removes");
        }
        assert_eq!(by.get("/v1beta1/admin/projects").await.status, everywhere, "{who} lists all");
        let a = by.post(&format!("/v1beta1/admin/projects/{}/users/search", p.project), json!({})).await;
        assert_eq!(a.status, if who == "another tenant's admin" { 404 } else { everywhere }, "{who} searches");
    }
    let (there, not) = (stranger.client.get(&at("apollo")).await, stranger.client.get(&at("zeus")).await);
    assert_eq!((there.status, there.json()), (not.status, not.json()), "nobody learns which names there are");
}

async fn a_project_lies_in_an_organization_named_by_id_or_name(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let body = json!({ "name": "Gemini", "title": "Gemini 1", "metadata": { "n": 5 }, "org_id": "ACME-corp" });
    let made = by.post("/v1beta1/projects", body).await.expect(200)["project"].clone();
    assert_eq!(
        (&made["name"], &made["title"], &made["metadata"]),
        (&json!("gemini"), &json!("Gemini 1"), &json!({ "n": 5 }))
    );
    assert_eq!((&made["org_id"], &made["members_count"]), (&json!(p.organization), &json!(0)));
    assert_eq!(users(by, "gemini").await, [(p.owner.id.clone(), vec!["app_project_owner".to_owned()])]);
    for which in ["gemini", "GEMINI", made["id"].as_str().unwrap()] {
        assert_eq!(by.get(&at(which)).await.expect(200)["project"], made, "{which}");
        let a = connect(by, "GetProject", json!({ "id": which })).await.expect(200);
        assert!(a["project"].get("members_count").is_none(), "Connect leaves zeros out: {a}");
    }
    let in_nowhere = json!({ "name": "lost", "org_id": "nowhere" });
    let e = w.owner().post("/v1beta1/projects", in_nowhere.clone()).await.expect(404);
    assert_eq!(e["code"], 5);
    by.post("/v1beta1/projects", in_nowhere).await.expect(403);
    for bad in [
        json!({ "name": "x", "org_id": p.organization }),
        json!({ "name": "a b", "org_id": p.organization }),
        json!({ "name": "fine" }),
    ] {
        by.post("/v1beta1/projects", bad).await.expect(400);
    }
    connect(by, "CreateProject", json!({})).await.expect(400);
    let once = by.with("idempotency-key", "k1");
    let body = json!({ "name": "once", "org_id": p.organization });
    let first = once.post("/v1beta1/projects", body.clone()).await.expect(200);
    assert_eq!(once.post("/v1beta1/projects", body).await.expect(200), first);
}

async fn a_name_is_unique_in_the_tenant_and_never_changes(w: World) {
    let p = place(&w).await;
    let other = organization(&p.owner.client, "other-corp").await;
    let taken = json!({ "name": "Apollo", "org_id": other });
    let e = p.owner.client.post("/v1beta1/projects", taken).await.expect(409);
    assert_eq!((&e["code"], e["message"].as_str().unwrap().starts_with("already exist")), (&json!(6), true));
    let now = p.owner.client.put(&at("apollo"), json!({ "name": "other-name", "title": "New" })).await.expect(200);
    assert_eq!((&now["project"]["name"], &now["project"]["title"]), (&json!("apollo"), &json!("New")));
    let now =
        p.owner.client.put(&at("apollo"), json!({ "name": "apollo", "metadata": { "a": [1] } })).await.expect(200);
    assert_eq!((&now["project"]["title"], &now["project"]["metadata"]), (&json!(""), &json!({ "a": [1] })));
    let rival = w.second_tenant("Rival").await;
    let theirs = organization(&rival.owner.client, "acme-corp").await;
    project(&rival.owner.client, &theirs, "apollo").await;
}

async fn part_11_6_an_update_addressed_by_name_never_touches_another(w: World) {
    let p = place(&w).await;
    let rich = w.person("Rich", &["user"]).await;
    let theirs = organization(&rich.client, "rich-corp").await;
    project(&rich.client, &theirs, "treasure").await;
    let body = json!({ "name": "treasure", "title": "Mine now", "org_id": theirs });
    let now = p.owner.client.put(&at("apollo"), body).await.expect(200);
    assert_eq!((&now["project"]["id"], &now["project"]["name"]), (&json!(p.project), &json!("apollo")));
    assert_eq!(now["project"]["org_id"], p.organization);
    assert_eq!(rich.client.get(&at("treasure")).await.expect(200)["project"]["title"], "treasure");
}

async fn a_disabled_project_is_not_found(w: World) {
    let p = place(&w).await;
    on_project(&p.owner.client, &p.project, "app/user", &p.member.id, PROJECT_OWNER).await.expect(200);
    p.member.client.post(&format!("{}/disable", at("apollo")), json!({})).await.expect(200);
    for by in [&p.owner.client, &p.member.client, &w.owner()] {
        by.get(&at(&p.project)).await.expect(404);
        by.get(&format!("{}/users", at("apollo"))).await.expect(404);
        by.put(&at("apollo"), json!({ "name": "apollo" })).await.expect(404);
        assert_eq!(code(&on_project(by, &p.project, "app/user", &p.member.id, PROJECT_VIEWER).await), "not_found");
        assert_eq!(code(&remove(by, &p.project, "app/user", &p.member.id).await), "not_found");
        assert_eq!(by.get("/v1beta1/users/self/projects").await.expect(200)["projects"], json!([]));
    }
    let list = async |query: &str| {
        all(&w.owner().get(&format!("/v1beta1/admin/projects{query}")).await.expect(200)["projects"], "name")
    };
    assert_eq!((list("").await, list("?state=disabled").await), (vec![], vec!["apollo".to_owned()]));
    // whoever could switch it off can switch it on
    p.member.client.post(&format!("{}/enable", at("apollo")), json!({})).await.expect(200);
    p.member.client.get(&at(&p.project)).await.expect(200);
}

async fn a_deleted_project_takes_everything_with_it(w: World) {
    let p = place(&w).await;
    on_project(&p.owner.client, &p.project, "app/user", &p.member.id, PROJECT_VIEWER).await.expect(200);
    assert_eq!(p.owner.client.delete(&at("apollo")).await.expect(200), json!({}));
    w.owner().get(&at("apollo")).await.expect(404);
    w.owner().get(&at(&p.project)).await.expect(404);
    p.member.client.get(&at(&p.project)).await.expect(403);
    w.owner().delete(&at("apollo")).await.expect(404);
    assert_eq!(p.member.client.get("/v1beta1/users/self/projects").await.expect(200)["projects"], json!([]));
    let again = project(&p.owner.client, &p.organization, "apollo").await;
    assert_ne!(again, p.project);
    p.member.client.get(&at("apollo")).await.expect(403);
}

/// Makes many resources, beneath the API.
async fn fill(w: &World, project: &str, many: usize) {
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    let owner = Bearer::User(w.owner_id.parse().unwrap());
    let at = Timestamp::from_micros(1);
    let rows = (0..many).map(|n| Resource {
        id: Id::new(cx.now, &OsRandom),
        project_id: project.parse().unwrap(),
        namespace: "compute/order".into(),
        name: format!("order-{n:05}"),
        title: String::new(),
        owner,
        metadata: Map::new(),
        created_at: at,
        updated_at: at,
    });
    w.node.app.db().write(cx.clone(), rows.collect::<Vec<_>>(), insert).await.unwrap();
}
async fn insert(tx: &mut Tx, rows: &Vec<Resource>) -> portcullis_store::Result<()> {
    for r in rows {
        resource::insert(tx, r).await?;
    }
    Ok(())
}
async fn rest(tx: &mut Tx, project: &Id<Project>) -> portcullis_store::Result<usize> {
    Ok(resource::in_project(tx, *project, ("", "")).await?.len())
}

async fn a_large_project_goes_in_steps_and_whole(w: World) {
    let p = place(&w).await;
    // an owner of the project alone: the right to it goes with it, in the midst of the deletion
    on_project(&p.owner.client, &p.project, "app/user", &p.member.id, PROJECT_OWNER).await.expect(200);
    fill(&w, &p.project, 700).await;
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    let id: Id<Project> = p.project.parse().unwrap();
    assert_eq!(w.node.app.db().read(cx.clone(), &id, rest).await.unwrap(), 250);
    p.member.client.delete(&at("apollo")).await.expect(200);
    assert_eq!(w.node.app.db().read(cx, &id, rest).await.unwrap(), 0);
    w.owner().get(&at("apollo")).await.expect(404);
    assert_eq!(w.events("action=project.deleted").await.len(), 1);
    project(&p.owner.client, &p.organization, "apollo").await;
}

async fn all_projects_are_listed_for_superusers(w: World) {
    let p = place(&w).await;
    let other = organization(&p.owner.client, "other-corp").await;
    project(&p.owner.client, &other, "gemini").await;
    let list = async |query: &str| {
        sorted(&w.owner().get(&format!("/v1beta1/admin/projects{query}")).await.expect(200)["projects"], "name")
    };
    assert_eq!(list("").await, ["apollo", "gemini"]);
    assert_eq!(list("?org_id=other-corp").await, ["gemini"]);
    assert_eq!(list(&format!("?org_id={}&state=enabled", p.organization)).await, ["apollo"]);
    w.owner().get("/v1beta1/admin/projects?org_id=nowhere").await.expect(404);
    w.owner().get("/v1beta1/admin/projects?state=odd").await.expect(400);
}

async fn members_belong_to_the_projects_organization(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let outsider = w.person("Out", &["user"]).await;
    let other = organization(by, "other-corp").await;
    let foreign = group(by, &other, "foreign").await;
    let set = async |kind: &str, id: &str| {
        let a = on_project(by, &p.project, kind, id, PROJECT_VIEWER).await;
        (code(&a), text(&a))
    };
    let not_inside = ("failed_precondition".to_owned(), "principal is not a member of the resource".to_owned());
    assert_eq!(set("app/user", &outsider.id).await, not_inside);
    assert_eq!(set("app/group", &foreign).await, not_inside);
    assert_eq!(set("app/user", NOBODY).await.0, "not_found");
    assert_eq!(set("app/group", NOBODY).await.0, "not_found");
    assert_eq!(set("app/serviceuser", NOBODY).await, ("not_found".into(), "service user not found".into()));
    assert_eq!(set("app/pat", NOBODY).await.0, "invalid_argument");
    assert_eq!(set("nonsense", NOBODY).await.0, "invalid_argument");
    assert_eq!(set("app/user", "not-a-uuid").await.0, "invalid_argument");
    w.owner().post(&format!("/v1beta1/users/{}/disable", p.member.id), json!({})).await.expect(200);
    assert_eq!(set("app/user", &p.member.id).await, ("failed_precondition".into(), "user is disabled".into()));
    assert_eq!(users(by, "apollo").await.len(), 1);
}

async fn a_role_must_be_one_for_projects(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let set = async |role: &str| {
        let a = on_project(by, &p.project, "user", &p.member.id, role).await;
        (a.status, if a.status == 200 { String::new() } else { text(&a) })
    };
    assert_eq!(set(NOBODY).await, (404, "role id is invalid".into()));
    assert_eq!(set(ORGANIZATION_VIEWER).await, (400, "role is not valid for project scope".into()));
    assert_eq!(set(GROUP_MEMBER).await, (400, "role is not valid for project scope".into()));
    let body = json!({ "name": "reader", "permissions": ["app_project_get"], "scopes": ["app/project"] });
    let other = organization(by, "other-corp").await;
    let foreign = by.post(&format!("/v1beta1/organizations/{other}/roles"), body.clone()).await.expect(200);
    assert_eq!(set(&id(&foreign["role"])).await, (404, "role id is invalid".into()));
    let own = by.post(&format!("/v1beta1/organizations/{}/roles", p.organization), body).await.expect(200);
    assert_eq!(set(&id(&own["role"])).await.0, 200);
    p.member.client.get(&at("apollo")).await.expect(200);
}

async fn a_new_role_takes_the_place_of_all_old_ones(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    for (role, name, update) in [
        (PROJECT_VIEWER, "app_project_viewer", 403),
        (PROJECT_OWNER, "app_project_owner", 200),
        (PROJECT_OWNER, "app_project_owner", 200),
        (PROJECT_VIEWER, "app_project_viewer", 403),
    ] {
        on_project(by, &p.project, "app/user", &p.member.id, role).await.expect(200);
        assert!(users(by, "apollo").await.contains(&(p.member.id.clone(), vec![name.to_owned()])));
        assert_eq!(p.member.client.put(&at("apollo"), json!({ "name": "apollo" })).await.status, update, "{name}");
    }
    let removed = remove(by, &p.project, "app/user", &p.member.id).await;
    assert_eq!(removed.expect(200), json!({}));
    p.member.client.get(&at("apollo")).await.expect(403);
    let a = remove(by, &p.project, "app/user", &p.member.id).await;
    assert_eq!((code(&a), text(&a)), ("not_found".into(), "principal is not a member of the resource".into()));
    assert_eq!(code(&remove(by, &p.project, "app/order", &p.member.id).await), "invalid_argument");
    // there is no rule of a last owner: the organization's owner is above
    remove(by, &p.project, "app/user", &p.owner.id).await.expect(200);
    assert_eq!(users(by, "apollo").await, []);
}

async fn a_group_brings_its_members_and_takes_them_away(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    on_project(by, &p.project, "app/group", &g, PROJECT_MANAGER).await.expect(200);
    p.member.client.get(&at("apollo")).await.expect(403);
    in_group(by, &g, &p.member.id, GROUP_MEMBER).await.expect(200);
    p.member.client.put(&at("apollo"), json!({ "name": "apollo", "title": "By Max" })).await.expect(200);
    let list = by.get(&format!("{}/groups", at("apollo"))).await.expect(200);
    assert_eq!(pairs(&list, "group_id"), [(g.clone(), vec!["app_project_manager".to_owned()])]);
    assert_eq!(all(&list["groups"], "name"), ["backend"]);
    assert_eq!(users(by, "apollo").await.len(), 1, "only whoever holds a role directly");
    connect(by, "RemoveGroupUser", json!({ "id": g, "user_id": p.member.id })).await.expect(200);
    p.member.client.get(&at("apollo")).await.expect(403);
    in_group(by, &g, &p.member.id, GROUP_MEMBER).await.expect(200);
    remove(by, &p.project, "group", &g).await.expect(200);
    p.member.client.get(&at("apollo")).await.expect(403);
}

async fn the_lists_of_a_project(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    on_project(by, &p.project, "app/user", &p.member.id, PROJECT_VIEWER).await.expect(200);
    let mut both = vec![p.owner.id.clone(), p.member.id.clone()];
    both.sort();
    let list = connect(by, "ListProjectUsers", json!({ "id": "apollo" })).await.expect(200);
    assert_eq!(sorted(&list["users"], "id"), both);
    let admins = by.get(&format!("{}/admins", at("apollo"))).await.expect(200);
    assert_eq!(all(&admins["users"], "id"), std::slice::from_ref(&p.owner.id));
    // the REST era's filter by permission
    for (permission, who) in [
        ("get", both.clone()),
        ("app_project_update", vec![p.owner.id.clone()]),
        ("app.project.delete", vec![p.owner.id.clone()]),
        ("nonsense", vec![]),
    ] {
        let list = by.get(&format!("{}/users?permission_filter={permission}", at("apollo"))).await.expect(200);
        assert_eq!(sorted(&list["users"], "id"), who, "{permission}");
    }
    assert_eq!(
        by.get(&format!("{}/groups", at("apollo"))).await.expect(200),
        json!({ "groups": [], "role_pairs": [] })
    );
    by.get(&format!("{}/users", at("ab"))).await.expect(400);
    w.owner().post(&format!("/v1beta1/users/{}/disable", p.member.id), json!({})).await.expect(200);
    assert_eq!(users(by, "apollo").await.len(), 1, "disabled people are in no list");
}

async fn project_users_are_searched(w: World) {
    let p = place(&w).await;
    on_project(&p.owner.client, &p.project, "app/user", &p.member.id, PROJECT_VIEWER).await.expect(200);
    let search = async |query: Value| w.owner().post("/v1beta1/admin/projects/apollo/users/search", query).await;
    let found = search(json!({ "search": "max@" })).await.expect(200);
    let user = &found["project_users"][0];
    assert_eq!((&user["id"], &user["project_id"]), (&json!(p.member.id), &json!(p.project)));
    assert_eq!((&user["role_names"], &user["role_ids"]), (&json!(["app_project_viewer"]), &json!([PROJECT_VIEWER])));
    let by_role = search(json!({ "search": "project owner" })).await.expect(200);
    assert_eq!(all(&by_role["project_users"], "id"), std::slice::from_ref(&p.owner.id));
    let page = search(json!({ "limit": 1, "offset": 1 })).await.expect(200);
    assert_eq!(page["project_users"].as_array().unwrap().len(), 1);
    assert_eq!((&page["pagination"]["offset"], &page["pagination"]["limit"]), (&json!(1), &json!(1)));
    for (query, what) in [
        (
            json!({ "filters": [{ "name": "title", "operator": "eq", "string_value": "x" }] }),
            "filters is not supported",
        ),
        (json!({ "group_by": ["title"] }), "group by is not supported"),
        (json!({ "sort": [{ "name": "title", "order": "asc" }] }), "sorting is not supported"),
    ] {
        assert_eq!(search(query).await.expect(400)["message"], what);
    }
    w.owner().post("/v1beta1/admin/projects/nothing/users/search", json!({})).await.expect(404);
}

async fn mine(by: &Client, query: &str) -> Value {
    by.get(&format!("/v1beta1/users/self/projects{query}")).await.expect(200)
}

async fn my_projects_are_direct_through_groups_and_inherited(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let (gemini, _) = (project(by, &p.organization, "gemini").await, project(by, &p.organization, "mercury").await);
    let g = group(by, &p.organization, "backend").await;
    in_group(by, &g, &p.member.id, GROUP_MEMBER).await.expect(200);
    on_project(by, &p.project, "app/user", &p.member.id, PROJECT_VIEWER).await.expect(200);
    on_project(by, &gemini, "app/group", &g, PROJECT_VIEWER).await.expect(200);
    let names = async |by: &Client, query: &str| sorted(&mine(by, query).await["projects"], "name");
    // who is only in the organization inherits nothing of its projects
    assert_eq!(names(&p.member.client, "").await, ["apollo", "gemini"]);
    assert_eq!(names(&p.member.client, "?non_inherited=true").await, ["apollo", "gemini"]);
    let manager = w.person("Mia", &["user"]).await;
    join(&w, &p.organization, &manager.id, ORGANIZATION_MANAGER).await;
    assert_eq!(names(&manager.client, "").await, ["apollo", "gemini", "mercury"]);
    assert_eq!(names(&manager.client, "?non_inherited=true").await, [""; 0]);
    on_project(by, &gemini, "app/user", &manager.id, PROJECT_VIEWER).await.expect(200);
    assert_eq!(names(&manager.client, "?nonInherited=true").await, ["gemini"]);
    // of one organization
    let other = organization(&manager.client, "other-corp").await;
    project(&manager.client, &other, "zeus").await;
    assert_eq!(names(&manager.client, "?org_id=other-corp").await, ["zeus"]);
    assert_eq!(names(&manager.client, &format!("?org_id={}", p.organization)).await.len(), 3);
    for foreign in ["other-corp", "nowhere", NOBODY] {
        assert_eq!(names(&p.member.client, &format!("?org_id={foreign}")).await, [""; 0], "{foreign}");
    }
    assert_eq!(names(&w.owner(), "").await, [""; 0], "a superuser's own are none");
    w.anonymous().get("/v1beta1/users/self/projects").await.expect(401);
}

async fn my_projects_have_pages_and_permissions(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let gemini = project(by, &p.organization, "gemini").await;
    let mercury = project(by, &p.organization, "mercury").await;
    on_project(by, &p.project, "app/user", &p.member.id, PROJECT_VIEWER).await.expect(200);
    on_project(by, &gemini, "app/user", &p.member.id, PROJECT_OWNER).await.expect(200);
    let list = mine(
        &p.member.client,
        "?with_permissions=update&with_permissions=unknown&with_permissions=app.project.get&with_member_count=true",
    )
    .await;
    assert_eq!(list["count"], 2);
    assert!(list["projects"].as_array().unwrap().iter().all(|p| p["members_count"] == 2), "{list}");
    assert_eq!(
        list["access_pairs"],
        json!([
            { "project_id": p.project, "permissions": ["app.project.get"] },
            { "project_id": gemini, "permissions": ["update", "app.project.get"] }
        ])
    );
    assert_eq!(mine(&p.member.client, "?with_permissions=delete").await["access_pairs"].as_array().unwrap().len(), 1);
    let page = mine(by, "?page_size=2&page_num=2").await;
    assert_eq!((all(&page["projects"], "id"), &page["count"]), (vec![mercury], &json!(3)));
    assert_eq!(mine(by, "?page_size=2&page_num=9").await["projects"], json!([]));
    by.get("/v1beta1/users/self/projects?page_size=5001").await.expect(400);
}

async fn projects_of_another_user_are_for_superusers(w: World) {
    let p = place(&w).await;
    for which in [&*p.owner.id, &*p.owner.email] {
        let list = w.owner().get(&format!("/v1beta1/users/{which}/projects")).await.expect(200);
        assert_eq!(all(&list["projects"], "name"), ["apollo"]);
    }
    let path = format!("/v1beta1/users/{}/projects", p.owner.id);
    p.member.client.get(&path).await.expect(403);
    let a = connect(&p.member.client, "ListProjectsByUser", json!({ "id": p.owner.id })).await;
    assert_eq!((a.status, code(&a)), (503, "unavailable".into()));
    w.owner().get(&format!("/v1beta1/users/{NOBODY}/projects")).await.expect(404);
    w.anonymous().get(&path).await.expect(401);
}

async fn nobody_gives_more_on_a_project_than_they_hold(w: World) {
    let p = place(&w).await;
    let other = w.person("Otto", &["user"]).await;
    join(&w, &p.organization, &other.id, ORGANIZATION_VIEWER).await;
    on_project(&p.owner.client, &p.project, "app/user", &p.member.id, PROJECT_MANAGER).await.expect(200);
    let by = &p.member.client;
    assert_eq!(code(&on_project(by, &p.project, "app/user", &p.member.id, PROJECT_OWNER).await), "permission_denied");
    assert_eq!(code(&on_project(by, &p.project, "app/user", &other.id, PROJECT_OWNER).await), "permission_denied");
    on_project(by, &p.project, "app/user", &other.id, PROJECT_MANAGER).await.expect(200);
    on_project(by, &p.project, "app/user", &other.id, PROJECT_VIEWER).await.expect(200);
}

async fn a_project_of_another_tenant_is_not_there(w: World) {
    let p = place(&w).await;
    let rival = w.second_tenant("Rival").await;
    let by = &rival.owner.client;
    for which in [&*p.project, "apollo"] {
        by.get(&at(which)).await.expect(404);
        by.delete(&at(which)).await.expect(404);
    }
    assert_eq!(code(&on_project(by, &p.project, "app/user", &rival.owner.id, PROJECT_OWNER).await), "not_found");
    by.post("/v1beta1/projects", json!({ "name": "spy", "org_id": p.organization })).await.expect(404);
    assert_eq!(by.get("/v1beta1/admin/projects").await.expect(200)["projects"], json!([]));
    // and nobody of it is given anything here
    assert_eq!(
        code(&on_project(&w.owner(), &p.project, "app/user", &rival.owner.id, PROJECT_VIEWER).await),
        "not_found"
    );
}

async fn a_disabled_organization_closes_its_projects(w: World) {
    let p = place(&w).await;
    on_project(&p.owner.client, &p.project, "app/user", &p.member.id, PROJECT_VIEWER).await.expect(200);
    w.owner().post(&format!("/v1beta1/organizations/{}/disable", p.organization), json!({})).await.expect(200);
    let told = "org is disabled. Please contact your administrator to enable it";
    assert_eq!(p.owner.client.get(&at("apollo")).await.expect(400)["message"], told);
    assert_eq!(p.member.client.get(&at("apollo")).await.expect(400)["message"], told);
    assert_eq!(p.owner.client.put(&at("apollo"), json!({ "name": "apollo" })).await.expect(400)["code"], 9);
    let body = json!({ "name": "gemini", "org_id": p.organization });
    assert_eq!(p.owner.client.post("/v1beta1/projects", body).await.expect(400)["message"], told);
    let stranger = w.person("Sam", &["user"]).await;
    stranger.client.get(&at("apollo")).await.expect(403);
    assert_eq!(mine(&p.owner.client, "").await["projects"], json!([]));
    w.owner().get(&at("apollo")).await.expect(200);
}

async fn changes_of_projects_leave_events(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    by.put(&at("apollo"), json!({ "name": "apollo", "title": "New" })).await.expect(200);
    on_project(by, &p.project, "app/user", &p.member.id, PROJECT_VIEWER).await.expect(200);
    remove(by, &p.project, "app/user", &p.member.id).await.expect(200);
    by.post(&format!("{}/disable", at("apollo")), json!({})).await.expect(200);
    by.delete(&at("apollo")).await.expect(200);
    let events = w.events(&format!("resource_id={}", p.project)).await;
    let actions: Vec<&str> = events.iter().rev().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "project.created",
            "project.updated",
            "project.member_role_changed",
            "project.member_removed",
            "project.disabled",
            "project.deleted"
        ]
    );
    assert_eq!(events.last().unwrap()["metadata"]["organization_id"], p.organization);
}
