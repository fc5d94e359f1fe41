//! `/v1/access/check` and `/v1/access/list` (issue 3 part 2).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    many_questions_have_their_answers_in_order,
    an_explanation_names_the_way,
    what_is_disabled_is_the_reason,
    a_rule_is_the_reason_and_has_its_notices,
    an_access_action_is_decided_by_rules_alone,
    others_are_asked_about_with_the_right_to_check,
    an_explanation_about_others_shows_no_more_than_the_asker_may_see,
    what_is_not_there_answers_like_what_nobody_gave,
    questions_that_make_no_sense_are_told_by_field,
    a_list_of_things_has_what_checks_say_yes_to,
    a_list_of_people_has_who_checks_say_yes_to,
    lists_go_on_page_by_page,
    a_list_with_rules_in_play_is_still_what_checks_say,
    lists_are_ones_own_or_need_the_right_to_check,
    access_of_another_tenant_is_not_seen,
);

/// An organization of the owner with a project, a group in it, and people: Ada through the group, Bob by himself, Eve with nothing.
struct Place {
    organization: String,
    project: String,
    group: String,
    ada: Person,
    bob: Person,
    eve: Person,
}
async fn place(w: &World) -> Place {
    let organization = organization(&w.owner(), "acme").await;
    let project = project(&w.owner(), &organization, "acme-web").await;
    let group = group(&w.owner(), &organization, "crew").await;
    let [ada, bob, eve] =
        [w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await, w.person("Eve", &["user"]).await];
    for one in [&ada, &bob] {
        join(w, &organization, &one.id, ORGANIZATION_VIEWER).await;
    }
    in_group(&w.owner(), &group, &ada.id, GROUP_MEMBER).await.expect(200);
    on_project(&w.owner(), &project, "app/group", &group, PROJECT_MANAGER).await.expect(200);
    on_project(&w.owner(), &project, "app/user", &bob.id, PROJECT_VIEWER).await.expect(200);
    Place { organization, project, group, ada, bob, eve }
}
fn about(action: &str, resource: &str) -> Value {
    json!({ "action": action, "resource": resource })
}
fn of(principal: &str, action: &str, resource: &str) -> Value {
    json!({ "principal": principal, "action": action, "resource": resource })
}
async fn ask(by: &Client, checks: Vec<Value>) -> Answer {
    by.post("/v1/access/check", json!({ "checks": checks, "explain": true })).await
}
/// The answer to one question, explained.
async fn one(by: &Client, check: Value) -> Value {
    ask(by, vec![check]).await.expect(200)["results"][0].clone()
}
async fn reason(by: &Client, check: Value) -> (bool, String) {
    let r = one(by, check).await;
    (r["allowed"].as_bool().unwrap(), r["explanation"]["reason"].as_str().unwrap().to_owned())
}
/// All pages of a list, two rows each.
async fn list(by: &Client, query: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (vec![], String::new());
    for _ in 0..200 {
        let page = by.get(&format!("/v1/access/list?limit=2&{query}{cursor}")).await.expect(200);
        let rows = page["data"].as_array().unwrap();
        assert!(rows.len() <= 2, "{page}");
        all.extend(rows.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
    panic!("the list has no end");
}
async fn standing(w: &World, priority: i64, cedar: &str) {
    let body = json!({
        "name": unique(), "max_duration_seconds": 3600, "priority": priority, "access": "standing", "cedar_policy_set": cedar,
    });
    w.owner().post("/v1/policies", body).await.expect(201);
}

async fn many_questions_have_their_answers_in_order(w: World) {
    let p = place(&w).await;
    let project = format!("app/project:{}", p.project);
    let checks = vec![
        about("get", &project),
        about("app_project_update", &project),
        about("app.project.delete", &project),
        about("get", "org:acme"),
        about("delete", "organization:acme"),
        of(&p.ada.id, "get", "project:acme-web"),
        of(&p.ada.email.to_uppercase(), "get", "project:acme-web"),
        of(&format!("user:{}", p.ada.id), "get", "project:acme-web"),
        about("superuser", "platform:x"),
    ];
    let body = json!({ "checks": checks });
    let answer = p.ada.client.post("/v1/access/check", body).await.expect(200);
    let results = answer["results"].as_array().unwrap();
    let allowed: Vec<bool> = results.iter().map(|r| r["allowed"].as_bool().unwrap()).collect();
    assert_eq!(allowed, [true, true, false, true, false, true, true, true, false]);
    let layers: Vec<&str> = results.iter().map(|r| r["layer"].as_str().unwrap()).collect();
    assert_eq!(layers[..3], ["binding", "binding", "default"]);
    assert!(results.iter().all(|r| r["explanation"].is_null() && r["grant_id"].is_null()), "only when asked for");
    assert!(answer["revision"].as_i64().unwrap() > 0);
    // a change counts for the next one
    in_group(&w.owner(), &p.group, &p.bob.id, GROUP_MEMBER).await.expect(200);
    assert_eq!(one(&p.bob.client, about("update", &project)).await["allowed"], true);
}

async fn an_explanation_names_the_way(w: World) {
    let p = place(&w).await;
    let project = format!("app/project:{}", p.project);
    let by_group = one(&p.ada.client, about("update", &project)).await;
    let way = &by_group["explanation"]["binding"];
    assert_eq!(
        (&by_group["explanation"]["reason"], &way["group_id"]),
        (&json!("binding"), &json!(p.group)),
        "{by_group}"
    );
    assert_eq!((&way["role_id"], &way["resource"]), (&json!(PROJECT_MANAGER), &json!(project)));
    let policy = w.owner().get(&format!("/v1beta1/policies/{}", way["binding_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(policy["policy"]["principal"], format!("app/group:{}", p.group));
    let own = one(&p.bob.client, about("get", &project)).await;
    let way = &own["explanation"]["binding"];
    assert_eq!((&way["group_id"], &way["role_id"]), (&Value::Null, &json!(PROJECT_VIEWER)), "{own}");
    // from above
    join(&w, &p.organization, &p.eve.id, ORGANIZATION_MANAGER).await;
    let above = one(&p.eve.client, about("get", &project)).await;
    assert_eq!(above["explanation"]["binding"]["resource"], format!("app/organization:{}", p.organization), "{above}");
    assert_eq!(reason(&p.bob.client, about("delete", &project)).await, (false, "nothing_permits".into()));
    assert_eq!(reason(&w.owner(), about("delete", &project)).await, (true, "superuser".into()));
    // one's own things
    w.owner().post("/v1beta1/permissions", json!({ "bodies": [{ "key": "compute.order.get" }] })).await.expect(200);
    let body = json!({ "name": "first", "namespace": "compute/order" });
    let made = p.bob.client.post(&format!("/v1beta1/projects/{}/resources", p.project), body).await.expect(200);
    let order = format!("compute/order:{}", id(&made["resource"]));
    assert_eq!(reason(&p.bob.client, about("get", &order)).await, (true, "owner".into()));
    assert!(!reason(&p.eve.client, about("get", &order)).await.0);
}

async fn what_is_disabled_is_the_reason(w: World) {
    let p = place(&w).await;
    let get = || about("get", &format!("project:{}", p.project));
    w.owner().post(&format!("/v1beta1/projects/{}/disable", p.project), json!({})).await.expect(200);
    assert_eq!(reason(&p.bob.client, get()).await, (false, "project_disabled".into()));
    assert_eq!(
        reason(&p.eve.client, get()).await,
        (false, "nothing_permits".into()),
        "told only to who might otherwise"
    );
    assert_eq!(list(&p.bob.client, "type=app/project").await, [] as [Value; 0]);
    w.owner().post(&format!("/v1beta1/projects/{}/enable", p.project), json!({})).await.expect(200);
    w.owner().post(&format!("/v1beta1/organizations/{}/disable", p.organization), json!({})).await.expect(200);
    assert_eq!(reason(&p.bob.client, get()).await, (false, "organization_disabled".into()));
    standing(&w, 5, r#"permit (principal, action == Action::"app_project_get", resource);"#).await;
    assert_eq!(reason(&p.eve.client, get()).await, (false, "organization_disabled".into()), "no rule lifts it");
}

async fn a_rule_is_the_reason_and_has_its_notices(w: World) {
    let p = place(&w).await;
    let get = || about("get", &format!("project:{}", p.project));
    standing(
        &w,
        5,
        r#"@notice("Ask security first") forbid (principal, action == Action::"app_project_get", resource);"#,
    )
    .await;
    for by in [&p.bob.client, &w.owner()] {
        let answer = ask(by, vec![get(), about("update", &format!("project:{}", p.project))]).await;
        let r = &answer.expect(200)["results"];
        assert_eq!((&r[0]["allowed"], &r[0]["layer"]), (&json!(false), &json!("rule")), "{r}");
        assert_eq!(
            (&r[0]["notices"], &r[0]["explanation"]["reason"]),
            (&json!(["Ask security first"]), &json!("rule"))
        );
        assert_eq!(r[0]["rule_ids"].as_array().unwrap().len(), 1, "{r}");
        assert_eq!(r[1]["notices"], json!([]), "of its own question only");
        assert_eq!(answer.header("x-policy-notices"), Some("[\"Ask security first\"]"));
    }
    standing(&w, 9, r#"permit (principal, action == Action::"app_project_get", resource);"#).await;
    assert_eq!(reason(&p.eve.client, get()).await, (true, "rule".into()));
}

async fn an_access_action_is_decided_by_rules_alone(w: World) {
    let p = place(&w).await;
    let assume = |account: &str| about("assume", &format!("aws_account:{account}"));
    assert_eq!(reason(&p.eve.client, assume("123456789012")).await, (false, "nothing_permits".into()));
    standing(&w, 5, r#"permit (principal, action == Action::"assume", resource == AwsAccount::"123456789012");"#).await;
    assert_eq!(reason(&p.eve.client, assume("123456789012")).await, (true, "rule".into()));
    assert_eq!(reason(&p.eve.client, assume("000000000000")).await, (false, "nothing_permits".into()));
    // what has to be asked for is not held (decision 27)
    w.policy("ask", 9, r#"permit (principal, action == Action::"open", resource);"#).await;
    assert_eq!(reason(&p.eve.client, about("open", "x_door:1")).await, (false, "nothing_permits".into()));
}

async fn others_are_asked_about_with_the_right_to_check(w: World) {
    let p = place(&w).await;
    let get = of(&p.bob.id, "get", &format!("project:{}", p.project));
    ask(&p.eve.client, vec![get.clone()]).await.refused(403, "forbidden");
    ask(&p.eve.client, vec![about("get", &format!("project:{}", p.project)), get.clone()])
        .await
        .refused(403, "forbidden");
    // nobody learns who is there
    for nobody in [NOBODY, "nobody@example.com", "app/serviceuser:x", "nonsense"] {
        let e = ask(&p.eve.client, vec![of(nobody, "get", &format!("project:{}", p.project))])
            .await
            .refused(403, "forbidden");
        let known = ask(&p.eve.client, vec![get.clone()]).await.refused(403, "forbidden");
        assert_eq!(e, known, "{nobody}");
    }
    w.anonymous()
        .with("x-tenant-id", &*w.tenant)
        .post("/v1/access/check", json!({ "checks": [get] }))
        .await
        .refused(401, "unauthenticated");
    let admin = w.person("Admin", &["user", "admin"]).await;
    let (_, checker) = w.api_key(&admin.client, json!({ "name": "c", "scopes": ["access:check"] })).await;
    for by in [w.owner(), w.service(), admin.client.clone(), checker.clone()] {
        assert_eq!(one(&by, get.clone()).await["allowed"], true);
        for nobody in [NOBODY, "nobody@example.com", &*format!("app/serviceuser:{NOBODY}")] {
            let r = one(&by, of(nobody, "get", &format!("project:{}", p.project))).await;
            assert_eq!(
                (&r["allowed"], &r["explanation"]["reason"]),
                (&json!(false), &json!("nothing_permits")),
                "{nobody}"
            );
        }
    }
    // a key that may check for others is nobody itself
    ask(&checker, vec![about("get", &format!("project:{}", p.project))]).await.refused(403, "forbidden");
    // whoever is disabled holds nothing
    w.owner().post(&format!("/v1beta1/users/{}/disable", p.bob.id), json!({})).await.expect(200);
    assert_eq!(one(&w.owner(), get).await["allowed"], false);
}

async fn an_explanation_about_others_shows_no_more_than_the_asker_may_see(w: World) {
    let p = place(&w).await;
    standing(&w, 5, r#"forbid (principal, action == Action::"app_project_delete", resource);"#).await;
    let (_, checker) = w.api_key(&w.owner(), json!({ "name": "c", "scopes": ["access:check"] })).await;
    let get = of(&p.ada.id, "get", &format!("project:{}", p.project));
    let delete = of(&p.ada.id, "delete", &format!("project:{}", p.project));
    let seen = one(&w.owner(), get.clone()).await;
    assert_eq!(seen["explanation"]["binding"]["group_id"], p.group.as_str(), "{seen}");
    let hidden = one(&checker, get).await;
    assert_eq!(
        (&hidden["explanation"]["reason"], &hidden["explanation"]["binding"]),
        (&json!("binding"), &Value::Null)
    );
    assert_eq!(one(&w.owner(), delete.clone()).await["rule_ids"].as_array().unwrap().len(), 1);
    let hidden = one(&checker, delete).await;
    assert_eq!((&hidden["layer"], &hidden["rule_ids"]), (&json!("rule"), &json!([])), "{hidden}");
    assert_eq!(hidden["explanation"]["policy_ids"], json!([]));
}

async fn what_is_not_there_answers_like_what_nobody_gave(w: World) {
    let p = place(&w).await;
    standing(&w, 5, r#"@notice("No") forbid (principal, action == Action::"app_project_delete", resource);"#).await;
    for (here, nowhere) in [
        (format!("project:{}", p.project), format!("project:{NOBODY}")),
        ("project:acme-web".to_owned(), "project:nowhere".to_owned()),
        (format!("org:{}", p.organization), "org:nowhere".to_owned()),
        (format!("group:{}", p.group), format!("group:{NOBODY}")),
    ] {
        for action in ["get", "delete"] {
            let there = one(&p.eve.client, about(action, &here)).await;
            assert_eq!(there["allowed"], false);
            assert_eq!(one(&p.eve.client, about(action, &nowhere)).await, there, "{action} on {nowhere}");
        }
    }
    assert_eq!(one(&w.owner(), about("get", "project:nowhere")).await["allowed"], false, "not even for superusers");
}

async fn questions_that_make_no_sense_are_told_by_field(w: World) {
    let p = place(&w).await;
    let a = p.ada.client.post("/v1/access/check", json!({ "checks": [
        about("fly", "project:x"), about("get", "project"), about("get", "compute/nothing:x"), about("Get It", "x_door:1"),
        about("get", "app/user:x"), about("app_group_get", "project:x"), { "action": "get" }, 7,
        { "action": "get", "resource": "org:x", "context": {} },
    ] })).await;
    a.refused(400, "invalid_input");
    for field in ["checks[6].resource", "checks[7]", "checks[8].context"] {
        a.field(field);
    }
    let a = ask(
        &p.ada.client,
        vec![
            about("fly", "project:x"),
            about("get", "project"),
            about("get", "compute/nothing:x"),
            about("Get It", "x_door:1"),
            about("get", "app/user:x"),
            about("app_group_get", "project:x"),
            about("get", "org:x"),
        ],
    )
    .await;
    a.refused(400, "invalid_input");
    for field in [
        "checks[0].action",
        "checks[1].resource",
        "checks[2].resource",
        "checks[3].action",
        "checks[4].resource",
        "checks[5].action",
    ] {
        a.field(field);
    }
    for body in [json!({}), json!({ "checks": [] }), json!({ "checks": vec![about("get", "org:x"); 101] })] {
        p.ada.client.post("/v1/access/check", body).await.refused(400, "invalid_input");
    }
    ask(&p.ada.client, vec![about("get", "org:x"); 100]).await.expect(200);
    // who may not ask is told that first
    let (_, narrow) = w.api_key(&p.ada.client, json!({ "name": "n", "scopes": ["users:list"] })).await;
    narrow.post("/v1/access/check", json!({})).await.refused(403, "forbidden");
    for query in [
        "",
        "type=app/user",
        "type=nonsense",
        "type=app/project&action=fly",
        "type=app/project&x=1",
        "resource=project",
    ] {
        let by = if query.starts_with("resource") { w.owner() } else { p.ada.client.clone() };
        by.get(&format!("/v1/access/list?{query}")).await.refused(400, "invalid_input");
    }
}

/// What single checks say of each thing and action.
async fn checked(by: &Client, principal: &str, things: &[String], actions: &[&str]) -> Vec<(String, Vec<String>)> {
    let mut out = vec![];
    for thing in things {
        let checks = actions.iter().map(|a| of(principal, a, thing)).collect();
        let results = ask(by, checks).await.expect(200)["results"].clone();
        let yes = actions.iter().zip(results.as_array().unwrap()).filter(|(_, r)| r["allowed"] == true);
        let held: Vec<String> = yes.map(|(a, _)| (*a).to_owned()).collect();
        if !held.is_empty() {
            out.push((thing.clone(), held));
        }
    }
    out.sort();
    out
}
fn listed(rows: &[Value], member: &str) -> Vec<(String, Vec<String>)> {
    let actions = |r: &Value| {
        let mut all: Vec<String> =
            r["actions"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().into()).collect();
        all.sort();
        all
    };
    let mut out: Vec<_> = rows.iter().map(|r| (r[member].as_str().unwrap().to_owned(), actions(r))).collect();
    out.sort();
    out
}
const OF_PROJECTS: [&str; 6] = [
    "app_project_administer",
    "app_project_delete",
    "app_project_get",
    "app_project_policymanage",
    "app_project_resourcelist",
    "app_project_update",
];

async fn a_list_of_things_has_what_checks_say_yes_to(w: World) {
    let p = place(&w).await;
    let mut things = vec![format!("app/project:{}", p.project)];
    for n in 0..4 {
        things.push(format!("app/project:{}", project(&w.owner(), &p.organization, &format!("more{n}")).await));
    }
    let elsewhere = organization(&w.owner(), "globex").await;
    things.push(format!("app/project:{}", project(&w.owner(), &elsewhere, "far").await));
    join(&w, &p.organization, &p.eve.id, ORGANIZATION_MANAGER).await;
    for who in [&p.ada, &p.bob, &p.eve] {
        let rows = list(&who.client, "type=app/project").await;
        assert_eq!(
            listed(&rows, "resource"),
            checked(&w.owner(), &who.id, &things, &OF_PROJECTS).await,
            "{}",
            who.email
        );
        assert!(rows.iter().all(|r| r["principal"] == format!("app/user:{}", who.id)), "{rows:?}");
        // the same asked by another
        assert_eq!(list(&w.owner(), &format!("type=project&principal={}", who.id)).await, rows);
        let get = list(&who.client, "type=app/project&action=get").await;
        assert_eq!(listed(&get, "resource"), checked(&w.owner(), &who.id, &things, &["app_project_get"]).await);
    }
    assert_eq!(list(&w.owner(), "type=app/project&action=delete").await.len(), things.len(), "superusers have it all");
    assert_eq!(
        all(&json!(list(&p.ada.client, "type=app/organization&action=get").await), "resource"),
        [format!("app/organization:{}", p.organization)]
    );
    assert_eq!(
        all(&json!(list(&p.ada.client, "type=group&action=get").await), "resource"),
        [format!("app/group:{}", p.group)]
    );
    // resources
    w.owner().post("/v1beta1/permissions", json!({ "bodies": [{ "key": "compute.order.get" }] })).await.expect(200);
    let mut own = vec![];
    for n in 0..3 {
        let body = json!({ "name": format!("o{n}"), "namespace": "compute/order" });
        let made = p.bob.client.post(&format!("/v1beta1/projects/{}/resources", p.project), body).await.expect(200);
        own.push(format!("compute/order:{}", id(&made["resource"])));
    }
    assert_eq!(all(&json!(list(&p.bob.client, "type=compute/order").await), "resource"), own);
    assert_eq!(list(&p.ada.client, "type=compute/order").await.len(), 0);
    assert_eq!(list(&w.owner(), "type=compute/order&action=get").await.len(), 3);
}

async fn a_list_of_people_has_who_checks_say_yes_to(w: World) {
    let p = place(&w).await;
    let admin = w.person("Admin", &["user", "admin"]).await;
    let project = format!("app/project:{}", p.project);
    let people = [&p.ada.id, &p.bob.id, &p.eve.id, &admin.id, &w.owner_id];
    for action in ["app_project_get", "app_project_update", "app_project_delete"] {
        let mut want = vec![];
        for who in people {
            if one(&w.owner(), of(who, action, &project)).await["allowed"] == true {
                want.push(format!("app/user:{who}"));
            }
        }
        want.sort();
        let rows = list(&w.owner(), &format!("resource={project}&action={action}")).await;
        assert_eq!(sorted(&json!(rows), "principal"), want, "{action}");
    }
    let whole = list(&w.owner(), &format!("resource={project}")).await;
    let bob = whole.iter().find(|r| r["principal"] == format!("app/user:{}", p.bob.id)).unwrap();
    assert_eq!(bob["resource"], *project);
    assert!(bob["actions"].as_array().unwrap().contains(&json!("app_project_get")), "{bob}");
    // one of them
    let only = list(&w.owner(), &format!("resource={project}&principal={}", p.bob.id)).await;
    assert_eq!(json!(only), json!([bob]));
    let own = list(&p.bob.client, &format!("resource={project}&principal={}", p.bob.email)).await;
    assert_eq!(own, only);
    // whoever is disabled is not there
    w.owner().post(&format!("/v1beta1/users/{}/disable", p.bob.id), json!({})).await.expect(200);
    let now = list(&w.owner(), &format!("resource={project}")).await;
    assert_eq!(now.len(), whole.len() - 1, "{now:?}");
    assert_eq!(list(&w.owner(), "resource=project:nowhere").await.len(), 0);
}

async fn lists_go_on_page_by_page(w: World) {
    let organization = organization(&w.owner(), "acme").await;
    let mut projects = vec![];
    for n in 0..7 {
        projects.push(format!("app/project:{}", project(&w.owner(), &organization, &format!("more{n}")).await));
    }
    let rows = list(&w.owner(), "type=app/project&action=get").await;
    projects.sort();
    assert_eq!(all(&json!(rows), "resource"), projects, "each once, in order");
    let first = w.owner().get("/v1/access/list?type=app/project&action=get&limit=2").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    // a cursor is of its list alone
    let other = w.owner().get(&format!("/v1/access/list?type=app/project&action=update&limit=2&cursor={cursor}")).await;
    other.refused(400, "invalid_input");
}

async fn a_list_with_rules_in_play_is_still_what_checks_say(w: World) {
    let p = place(&w).await;
    let secret = project(&w.owner(), &p.organization, "secret").await;
    let projects = [format!("app/project:{}", p.project), format!("app/project:{secret}")];
    standing(
        &w,
        5,
        &format!(
            r#"permit (principal == User::"{}", action == Action::"app_project_get", resource);
           forbid (principal, action == Action::"app_project_get", resource == Project::"{}");"#,
            p.eve.id, p.project
        ),
    )
    .await;
    for who in [&p.ada, &p.bob, &p.eve] {
        let rows = list(&who.client, "type=app/project&action=get").await;
        assert_eq!(listed(&rows, "resource"), checked(&w.owner(), &who.id, &projects, &["app_project_get"]).await);
    }
    assert_eq!(
        all(&json!(list(&p.eve.client, "type=app/project&action=get").await), "resource"),
        [projects[1].clone()]
    );
    let people = list(&w.owner(), &format!("resource={}&action=get", projects[1])).await;
    let mut want = vec![format!("app/user:{}", w.owner_id), format!("app/user:{}", p.eve.id)];
    want.sort();
    assert_eq!(sorted(&json!(people), "principal"), want);
    assert_eq!(
        list(&w.owner(), &format!("resource={}&action=get", projects[0])).await.len(),
        0,
        "a forbid holds for all"
    );
}

async fn lists_are_ones_own_or_need_the_right_to_check(w: World) {
    let p = place(&w).await;
    for query in [
        format!("type=app/project&principal={}", p.bob.id),
        "type=app/project&principal=nobody@example.com".into(),
        format!("resource=project:{}", p.project),
        "resource=project:nowhere".into(),
        format!("resource=project:{}&principal={}", p.project, p.bob.id),
    ] {
        p.eve.client.get(&format!("/v1/access/list?{query}")).await.refused(403, "forbidden");
        w.anonymous()
            .with("x-tenant-id", &*w.tenant)
            .get(&format!("/v1/access/list?{query}"))
            .await
            .refused(401, "unauthenticated");
    }
    let (_, checker) = w.api_key(&w.owner(), json!({ "name": "c", "scopes": ["access:check"] })).await;
    assert_eq!(list(&checker, &format!("type=app/project&principal={}", p.bob.id)).await.len(), 1);
    checker.get("/v1/access/list?type=app/project").await.refused(403, "forbidden");
}

async fn access_of_another_tenant_is_not_seen(w: World) {
    let p = place(&w).await;
    let other = w.second_tenant("Globex").await;
    let project = format!("project:{}", p.project);
    let r = one(&other.owner.client, of(&p.bob.id, "get", &project)).await;
    assert_eq!((&r["allowed"], &r["explanation"]["reason"]), (&json!(false), &json!("nothing_permits")));
    assert_eq!(one(&other.owner.client, about("get", &project)).await["allowed"], false, "a superuser of elsewhere");
    assert_eq!(list(&other.owner.client, "type=app/project").await.len(), 0);
    assert_eq!(list(&other.owner.client, &format!("resource={project}")).await.len(), 0);
    assert_eq!(list(&other.owner.client, &format!("type=app/project&principal={}", p.bob.id)).await.len(), 0);
}
