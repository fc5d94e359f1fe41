//! Searches and CSV exports over organizations, who is in them, their projects, and where a user is (spec v1beta1 3.18).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    who_may_search_and_export,
    organizations_are_filtered_sorted_grouped_and_searched,
    the_database_and_the_sieve_agree,
    members_are_found_by_what_they_are,
    projects_are_found_with_their_members,
    a_users_organizations_and_projects,
    users_are_counted_by_state,
    exports_are_csv_with_the_published_headers,
    sec_13_exports_hold_no_formulas,
    sec_13_a_search_is_data,
    sec_14_a_search_has_bounds,
    what_a_search_does_not_have_is_refused_by_name,
    an_export_of_nothing_is_refused,
    tokens_belong_to_billing,
);

const ALL: &str = "/v1beta1/admin/organizations/search";

/// Two organizations: `acme-corp` with Olga (owner), Max (viewer) and two projects, of which Max is on one; `beta-corp`.
struct Place {
    olga: Person,
    max: Person,
    acme: String,
    beta: String,
    apollo: String,
}
async fn place(w: &World) -> Place {
    let (olga, max) = (w.person("Olga", &["user"]).await, w.person("Max", &["user"]).await);
    let meta = json!({ "poc": "olga@example.com", "country": "IN" });
    let body = json!({ "name": "acme-corp", "title": "Ärme & Söhne", "metadata": meta });
    let acme = id(&olga.client.post("/v1beta1/organizations", body).await.expect(200)["organization"]);
    w.clock.pass(60);
    let beta = organization(&w.owner(), "beta-corp").await;
    join(w, &acme, &max.id, ORGANIZATION_VIEWER).await;
    let apollo = project(&olga.client, &acme, "apollo").await;
    project(&olga.client, &acme, "zeus").await;
    on_project(&olga.client, &apollo, "app/user", &max.id, PROJECT_VIEWER).await.expect(200);
    Place { olga, max, acme, beta, apollo }
}
async fn found(w: &World, path: &str, query: Value) -> Value {
    w.owner().post(path, query).await.expect(200)
}
fn filter(name: &str, operator: &str, value: Value) -> Value {
    let field = if value.is_number() { "number_value" } else { "string_value" };
    let mut f = json!({ "name": name, "operator": operator });
    f[field] = value;
    json!({ "filters": [f] })
}

async fn who_may_search_and_export(w: World) {
    let p = place(&w).await;
    let other = w.second_tenant("Rival").await;
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*"] })).await;
    let acme = &p.acme;
    let max = &p.max.id;
    let calls = [
        ("POST", ALL.to_owned(), 200),
        ("POST", format!("/v1beta1/admin/organizations/{acme}/users/search"), 404),
        ("POST", format!("/v1beta1/admin/organizations/{acme}/projects/search"), 404),
        ("POST", format!("/v1beta1/admin/users/{max}/organizations/search"), 404),
        ("POST", format!("/v1beta1/admin/users/{max}/organizations/{acme}/projects"), 404),
        ("GET", "/v1beta1/admin/organizations/export".to_owned(), 400),
        ("GET", format!("/v1beta1/admin/organizations/{acme}/users/export"), 404),
        ("GET", format!("/v1beta1/admin/organizations/{acme}/projects/export"), 404),
    ];
    for (method, path, elsewhere) in &calls {
        for (who, by, status) in [
            ("nobody", w.anonymous(), 401),
            ("a plain user", p.max.client.clone(), 403),
            ("the organization's owner", p.olga.client.clone(), 403),
            ("a narrow key", narrow.clone(), 403),
            ("another tenant's owner", other.owner.client.clone(), *elsewhere),
            ("a superuser", w.owner(), 200),
            ("a service key", w.service(), 200),
        ] {
            let a = if *method == "GET" { by.get(path).await } else { by.post(path, json!({})).await };
            assert_eq!(a.status, status, "{who}: {method} {path}: {}", a.text());
        }
    }
    let theirs = other.owner.client.post(ALL, json!({})).await.expect(200);
    assert_eq!(theirs["organizations"], json!([]));
    // an organization that is not there reads for a plain user like one that is
    let at = |o: &str| format!("/v1beta1/admin/organizations/{o}/users/search");
    let (there, not) =
        (p.max.client.post(&at(acme), json!({})).await, p.max.client.post(&at("nothing"), json!({})).await);
    assert_eq!((there.status, there.json()), (not.status, not.json()));
    // a rule of the tenant holds here, too
    w.policy("no lists", 9, "forbid (principal, action == Action::\"users:list\", resource);").await;
    assert_eq!(w.owner().post("/v1beta1/admin/users/search", json!({})).await.status, 403);
}

async fn organizations_are_filtered_sorted_grouped_and_searched(w: World) {
    let p = place(&w).await;
    w.owner().post(&format!("/v1beta1/organizations/{}/disable", p.beta), json!({})).await.expect(200);
    let names = async |query: Value| all(&found(&w, ALL, query).await["organizations"], "name");
    assert_eq!(names(json!({})).await, ["beta-corp", "acme-corp"], "newest first");
    assert_eq!(names(json!({ "sort": [{ "name": "name", "order": "asc" }] })).await, ["acme-corp", "beta-corp"]);
    assert_eq!(names(json!({ "sort": [{ "name": "title", "order": "asc" }] })).await, ["beta-corp", "acme-corp"]);
    assert_eq!(names(json!({ "sort": [{ "name": "created_at", "order": "asc" }], "limit": 1 })).await, ["acme-corp"]);
    assert_eq!(names(json!({ "offset": 1, "limit": 1 })).await, ["acme-corp"]);
    for (query, want) in [
        (filter("id", "eq", json!(p.acme)), "acme-corp"),
        (filter("id", "neq", json!(p.acme)), "beta-corp"),
        (filter("id", "eq", json!("no uuid")), ""),
        (filter("name", "like", json!("%ACME%")), "acme-corp"),
        (filter("name", "notlike", json!("acme")), "beta-corp"),
        (filter("name", "in", json!("acme-corp, nothing")), "acme-corp"),
        (filter("name", "notin", json!("acme-corp,nothing")), "beta-corp"),
        (filter("title", "eq", json!("Ärme & Söhne")), "acme-corp"),
        (filter("title", "like", json!("ÄRME")), "acme-corp"),
        (filter("state", "eq", json!("disabled")), "beta-corp"),
        (filter("country", "eq", json!("IN")), "acme-corp"),
        (filter("created_by", "notempty", json!("")), "acme-corp"),
        (filter("plan_name", "notempty", json!("")), ""),
        (filter("created_at", "lt", json!("2000-01-01T00:00:00Z")), ""),
        (json!({ "search": "söhne" }), "acme-corp"),
        (json!({ "search": "DISABLED" }), "beta-corp"),
        (json!({ "search": p.acme[..13] }), "acme-corp"),
    ] {
        let want: Vec<&str> = if want.is_empty() { vec![] } else { vec![want] };
        let seen = names(query.clone()).await;
        // ids that were made at one time begin alike
        if query.get("search") == Some(&json!(p.acme[..13])) {
            assert!(seen.contains(&"acme-corp".into()));
            continue;
        }
        assert_eq!(seen, want, "{query}");
    }
    let grouped = found(&w, ALL, json!({ "group_by": ["state"], "limit": 1 })).await;
    assert_eq!(grouped["organizations"].as_array().unwrap().len(), 1);
    let both = json!([{ "name": "disabled", "count": 1 }, { "name": "enabled", "count": 1 }]);
    assert_eq!(grouped["group"], json!({ "name": "state", "data": both }));
    assert_eq!(grouped["pagination"], json!({ "offset": 0, "limit": 1, "total_count": 0 }));
    let searched = found(&w, ALL, json!({ "group_by": ["state"], "search": "corp" })).await;
    assert_eq!(searched["group"]["data"], both, "the same when each row is looked at");
    let by_plan = found(&w, ALL, json!({ "group_by": ["plan_name"] })).await;
    assert_eq!(by_plan["group"]["data"], json!([{ "name": "", "count": 2 }]));
    let one = &found(&w, ALL, filter("name", "eq", json!("acme-corp"))).await["organizations"][0];
    for (field, value) in
        [("created_by", "olga@example.com"), ("country", "IN"), ("state", "enabled"), ("plan_name", ""), ("avatar", "")]
    {
        assert_eq!(one[field], value, "{field}");
    }
    // Connect leaves out what is empty
    let path = format!("{ADMIN}/SearchOrganizations");
    let connect = w.owner().post(&path, json!({ "query": filter("name", "eq", json!("acme-corp")) })).await.expect(200);
    assert!(
        connect["organizations"][0].get("plan_name").is_none() && connect["organizations"][0]["name"] == "acme-corp"
    );
}

/// What the database finds by itself is what looking at each row finds: a filter that is true of all rows changes only the way.
async fn the_database_and_the_sieve_agree(w: World) {
    for n in 0..7 {
        organization(&w.owner(), &format!("org-{n}")).await;
        w.clock.pass(1);
    }
    for sort in ["name", "created_at", "state"] {
        for order in ["asc", "desc"] {
            for (offset, limit) in [(0, 3), (2, 3), (5, 10)] {
                let page = |filters: Value| json!({ "filters": filters, "sort": [{ "name": sort, "order": order }], "offset": offset, "limit": limit });
                let by_database = found(&w, ALL, page(json!([]))).await;
                let one_by_one = json!([{ "name": "country", "operator": "empty" }]);
                let by_sieve = found(&w, ALL, page(one_by_one)).await;
                assert_eq!(by_database, by_sieve, "{sort} {order} {offset} {limit}");
            }
        }
    }
}

async fn members_are_found_by_what_they_are(w: World) {
    let p = place(&w).await;
    let path = format!("/v1beta1/admin/organizations/{}/users/search", p.acme);
    let names = async |query: Value| sorted(&found(&w, &path, query).await["org_users"], "name");
    let everybody = names(json!({})).await;
    assert_eq!(everybody.len(), 2);
    let max = found(&w, &path, filter("email", "eq", json!(p.max.email))).await["org_users"][0].clone();
    let mine = max["name"].as_str().unwrap().to_owned();
    assert_eq!((&max["id"], &max["organization_id"]), (&json!(p.max.id), &json!(p.acme)));
    assert_eq!(max["role_names"], json!(["app_organization_viewer"]));
    assert_eq!((&max["role_titles"], &max["role_ids"]), (&json!(["Member"]), &json!([ORGANIZATION_VIEWER])));
    assert!(max["org_joined_at"].is_string());
    // one more role is one more of the same row
    let auditor = json!({ "body": { "role_id": ORGANIZATION_MANAGER, "resource": format!("app/organization:{}", p.acme),
        "principal": format!("app/user:{}", p.max.id) } });
    connect(&w.owner(), "CreatePolicy", auditor).await.expect(200);
    assert_eq!(names(json!({})).await.len(), 2);
    for (query, want) in [
        (filter("role_names", "eq", json!("app_organization_manager")), 1),
        (filter("role_names", "neq", json!("app_organization_manager")), 1),
        (filter("role_titles", "eq", json!("Owner")), 1),
        (filter("role_ids", "eq", json!(ORGANIZATION_VIEWER)), 1),
        (filter("name", "eq", json!(mine)), 1),
        (filter("title", "ilike", json!("max")), 1),
        (filter("state", "eq", json!("enabled")), 2),
        (filter("org_joined_at", "gt", json!("2000-01-01T00:00:00Z")), 2),
        (json!({ "search": "olga" }), 1),
        (json!({ "offset": 1 }), 1),
    ] {
        assert_eq!(names(query.clone()).await.len(), want, "{query}");
    }
    let by_time = found(&w, &path, json!({ "sort": [{ "name": "org_joined_at", "order": "asc" }] })).await;
    assert_eq!(by_time["org_users"][0]["id"], json!(p.olga.id));
    // disabled ones are found, and told apart
    w.owner().post(&format!("/v1/users/{}/suspend", p.max.id), json!({ "active": false })).await.expect(200);
    assert_eq!(names(filter("state", "eq", json!("disabled"))).await, [mine]);
    assert_eq!(names(filter("state", "neq", json!("disabled"))).await.len(), 1);
    assert_eq!(w.owner().post(&path, filter("role_names", "like", json!("x"))).await.status, 400);
    assert_eq!(w.owner().post(&path, json!({ "group_by": ["state"] })).await.status, 400);
    w.owner().post("/v1beta1/admin/organizations/acme-corp/users/search", json!({})).await.expect(200);
    w.owner().post("/v1beta1/admin/organizations/nothing/users/search", json!({})).await.expect(404);
}

async fn projects_are_found_with_their_members(w: World) {
    let p = place(&w).await;
    let path = format!("/v1beta1/admin/organizations/{}/projects/search", p.acme);
    let names = async |query: Value| sorted(&found(&w, &path, query).await["org_projects"], "name");
    assert_eq!(names(json!({})).await, ["apollo", "zeus"]);
    let apollo = found(&w, &path, filter("id", "eq", json!(p.apollo))).await["org_projects"][0].clone();
    assert_eq!((&apollo["member_count"], &apollo["organization_id"]), (&json!("2"), &json!(p.acme)));
    let mut users = [p.max.id.clone(), p.olga.id.clone()];
    users.sort();
    assert_eq!(apollo["user_ids"], json!(users));
    assert_eq!(names(filter("member_count", "gt", json!(1))).await, ["apollo"]);
    assert_eq!(names(filter("member_count", "lte", json!(1))).await, ["zeus"]);
    assert_eq!(names(json!({ "search": "ZEUS" })).await, ["zeus"]);
    let sort = json!({ "sort": [{ "name": "member_count", "order": "desc" }], "limit": 1 });
    assert_eq!(names(sort).await, ["apollo"]);
    assert_eq!(w.owner().post(&path, json!({ "group_by": ["state"] })).await.status, 400);
    // those of another organization are not among them
    project(&w.owner(), &p.beta, "hermes").await;
    assert_eq!(names(json!({})).await, ["apollo", "zeus"]);
}

async fn a_users_organizations_and_projects(w: World) {
    let p = place(&w).await;
    join(&w, &p.beta, &p.max.id, ORGANIZATION_MANAGER).await;
    let at = format!("/v1beta1/admin/users/{}/organizations", p.max.id);
    let list = found(&w, &format!("{at}/search"), json!({})).await;
    let mut rows = list["user_organizations"].as_array().unwrap().clone();
    rows.sort_by_key(|r| r["org_name"].as_str().unwrap().to_owned());
    let told = |r: &Value| (r["org_name"].clone(), r["project_count"].clone(), r["role_names"].clone());
    assert_eq!(told(&rows[0]), (json!("acme-corp"), json!("1"), json!(["app_organization_viewer"])));
    assert_eq!(told(&rows[1]), (json!("beta-corp"), json!("0"), json!(["app_organization_manager"])));
    assert_eq!((&rows[0]["user_id"], rows[0]["org_joined_on"].is_string()), (&json!(p.max.id), true));
    let one = found(&w, &format!("{at}/search"), json!({ "offset": 1, "limit": 1 })).await;
    assert_eq!(one["user_organizations"].as_array().unwrap().len(), 1);
    for refused in [filter("org_name", "eq", json!("x")), json!({ "search": "x" }), json!({ "group_by": ["x"] })] {
        assert_eq!(w.owner().post(&format!("{at}/search"), refused).await.status, 400);
    }
    let path = format!("{at}/{}/projects", p.acme);
    let projects = found(&w, &path, json!({})).await;
    assert_eq!(all(&projects["user_projects"], "project_name"), ["apollo"]);
    let row = &projects["user_projects"][0];
    assert_eq!(
        (&row["org_id"], &row["user_id"], &row["project_id"]),
        (&json!(p.acme), &json!(p.max.id), &json!(p.apollo))
    );
    let mut ids = [p.max.id.clone(), p.olga.id.clone()];
    ids.sort();
    assert_eq!((&row["user_ids"], row["user_names"].as_array().unwrap().len()), (&json!(ids), 2));
    assert_eq!(row["user_avatars"], json!(["", ""]));
    assert_eq!(found(&w, &path, json!({ "search": "APO" })).await["user_projects"].as_array().unwrap().len(), 1);
    assert_eq!(found(&w, &path, json!({ "search": "zeus" })).await["user_projects"], json!([]));
    for refused in [filter("title", "eq", json!("x")), json!({ "sort": [{ "name": "title", "order": "asc" }] })] {
        assert_eq!(w.owner().post(&path, refused).await.status, 400);
    }
    // theirs of another organization: none
    let beta = format!("{at}/{}/projects", p.beta);
    assert_eq!(found(&w, &beta, json!({})).await["user_projects"], json!([]));
    let nobody = format!("/v1beta1/admin/users/{}/organizations/search", p.acme);
    assert_eq!(w.owner().post(&nobody, json!({})).await.status, 404);
}

async fn users_are_counted_by_state(w: World) {
    let p = place(&w).await;
    w.owner().post(&format!("/v1/users/{}/suspend", p.max.id), json!({ "active": false })).await.expect(200);
    let path = "/v1beta1/admin/users/search";
    let counted = found(&w, path, json!({ "group_by": ["state"], "limit": 1 })).await;
    let want = json!([{ "name": "disabled", "count": 1 }, { "name": "enabled", "count": 2 }]);
    assert_eq!((&counted["group"]["data"], counted["users"].as_array().unwrap().len()), (&want, 1));
    let ids = async |query: Value| all(&found(&w, path, query).await["users"], "id");
    assert_eq!(ids(filter("state", "eq", json!("disabled"))).await, [&*p.max.id]);
    assert_eq!(ids(filter("id", "in", json!(format!("{}, x", p.olga.id)))).await, [&*p.olga.id]);
    assert_eq!(ids(filter("email", "like", json!("olga@%"))).await, [&*p.olga.id]);
    assert_eq!(ids(json!({ "sort": [{ "name": "email", "order": "asc" }], "limit": 1 })).await, [&*p.max.id]);
}

async fn exports_are_csv_with_the_published_headers(w: World) {
    let p = place(&w).await;
    let lines = async |path: &str| {
        let a = w.owner().get(path).await;
        assert_eq!((a.status, a.header("content-type")), (200, Some("text/csv")), "{}", a.text());
        a.text().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let organizations = lines("/v1beta1/admin/organizations/export").await;
    assert_eq!(
        organizations[0],
        "Organization ID,Name,Title,Created By,Plan Name,Payment Mode,Country,State,Created At,Updated At,Subscription Cycle \
         End,Subscription State,Plan Interval"
    );
    assert_eq!(organizations.len(), 3);
    let acme = organizations.iter().find(|l| l.starts_with(&p.acme)).unwrap();
    assert!(acme.starts_with(&format!("{},acme-corp,Ärme & Söhne,olga@example.com,,,IN,enabled,", p.acme)), "{acme}");
    assert_eq!(acme.split(',').count(), 13);
    let users = lines(&format!("/v1beta1/admin/organizations/{}/users/export", p.acme)).await;
    assert_eq!(users[0], "User ID,Name,Title,Email,State,Role Names,Role Titles,Organization Joined At");
    assert_eq!(users.len(), 3);
    assert!(
        users.iter().any(|l| l.starts_with(&p.max.id) && l.contains(",app_organization_viewer,Member,")),
        "{users:?}"
    );
    let projects = lines(&format!("/v1beta1/admin/organizations/{}/projects/export", p.acme)).await;
    assert_eq!(projects[0], "Project ID,Name,Title,State,Member Count,User IDs,Created At,Organization ID");
    let apollo = projects.iter().find(|l| l.starts_with(&p.apollo)).unwrap();
    let mut ids = [p.max.id.clone(), p.olga.id.clone()];
    ids.sort();
    assert!(apollo.contains(&format!(",enabled,2,\"{},{}\",", ids[0], ids[1])), "{apollo}");
    // many rows come over several pages, each once
    for n in 0..260 {
        project(&w.owner(), &p.beta, &format!("p-{n}")).await;
    }
    let all = lines(&format!("/v1beta1/admin/organizations/{}/projects/export", p.beta)).await;
    let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (261, 261));
    let path = format!("/v1beta1/admin/organizations/{}/projects/search", p.beta);
    let many = found(&w, &path, json!({ "search": "p-" })).await;
    assert_eq!(many["org_projects"].as_array().unwrap().len(), 260);
}

async fn sec_13_exports_hold_no_formulas(w: World) {
    let o = json!({ "name": "evil-corp", "title": "=HYPERLINK(\"http://x\",\"y\")", "metadata": { "poc": "+1", "country": "@SUM(1)" } });
    w.owner().post("/v1beta1/organizations", o).await.expect(200);
    let text = w.owner().get("/v1beta1/admin/organizations/export").await.text();
    assert!(text.contains(",\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",\"'+1\",,,\"'@SUM(1)\","), "{text}");
}

async fn sec_13_a_search_is_data(w: World) {
    place(&w).await;
    for evil in ["' OR 1=1 --", "%' ESCAPE '\\", "acme_corp", "_____corp", "\\", "a%b"] {
        for operator in ["eq", "like", "in"] {
            for column in ["name", "title", "id"] {
                let found = found(&w, ALL, filter(column, operator, json!(evil))).await;
                assert_eq!(found["organizations"], json!([]), "{column} {operator} {evil}");
            }
        }
    }
    for column in ["tenant", "password_hash", "name; DROP TABLE users", "1"] {
        let a = w.owner().post(ALL, filter(column, "eq", json!("x"))).await;
        assert_eq!(a.status, 400);
        assert!(
            a.json()["message"].as_str().unwrap().contains(&format!("{column:?}")),
            "names the field: {}",
            a.text()
        );
        let sort = json!({ "sort": [{ "name": column, "order": "asc" }] });
        assert_eq!(w.owner().post(ALL, sort).await.status, 400);
    }
}

async fn sec_14_a_search_has_bounds(w: World) {
    for (query, status) in [
        (json!({ "limit": 5_001 }), 400),
        (json!({ "limit": 5_000, "offset": 5_000 }), 200),
        (json!({ "limit": 5_000, "offset": 5_001 }), 429),
        (json!({ "offset": u32::MAX }), 429),
        (json!({ "search": "x".repeat(1_001) }), 400),
        (filter("name", "in", json!("a,".repeat(600))), 400),
        (json!({ "filters": vec![json!({ "name": "name", "operator": "notempty" }); 33] }), 400),
        (
            json!({ "filters": vec![json!({ "name": "name", "operator": "notin", "string_value": "a,".repeat(499) }); 32] }),
            200,
        ),
    ] {
        for path in [ALL, "/v1beta1/admin/users/search"] {
            let a = w.owner().post(path, query.clone()).await;
            assert_eq!(a.status, status, "{path}: {}", a.text());
        }
    }
    let zero = found(&w, ALL, json!({ "limit": 0 })).await;
    assert_eq!(zero["pagination"]["limit"], 5_000, "0 means 5,000 (decision 22)");
}

async fn what_a_search_does_not_have_is_refused_by_name(w: World) {
    for (query, word) in [
        (filter("moons", "eq", json!("x")), "moons"),
        (filter("name", "gt", json!("x")), "gt"),
        (filter("created_at", "eq", json!("yesterday")), "created_at"),
        (json!({ "group_by": ["title"] }), "title"),
        (json!({ "sort": [{ "name": "moons", "order": "asc" }] }), "moons"),
    ] {
        let path = format!("{ADMIN}/SearchOrganizations");
        let a = w.owner().post(&path, json!({ "query": query })).await;
        assert_eq!((a.status, &*code(&a)), (400, "invalid_argument"), "{query}");
        assert!(text(&a).contains(word), "{}", a.text());
    }
}

async fn an_export_of_nothing_is_refused(w: World) {
    let a = w.owner().get("/v1beta1/admin/organizations/export").await;
    assert_eq!(a.status, 400);
    assert!(a.text().contains("no data to export"), "{}", a.text());
    let o = organization(&w.owner(), "acme-corp").await;
    assert_eq!(w.owner().get(&format!("/v1beta1/admin/organizations/{o}/projects/export")).await.status, 400);
    assert_eq!(w.owner().get(&format!("/v1beta1/admin/organizations/{o}/users/export")).await.status, 200);
}

async fn tokens_belong_to_billing(w: World) {
    let o = organization(&w.owner(), "acme-corp").await;
    assert_eq!(w.owner().get(&format!("/v1beta1/admin/organizations/{o}/tokens/export")).await.status, 501);
}
