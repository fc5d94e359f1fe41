//! A Frontier database becomes a tenant: the same ids, and checks that answer as its policies say (issue "Access", part 5). The source is
//! a PostgreSQL database of the test's own, into both engines; without a server these tests say that they are skipped.
use std::panic::{AssertUnwindSafe, resume_unwind};

use portcullis_domain::Result;
use portcullis_service::frontier::{FrontierOptions, Report};
use portcullis_store::frontier::Source;
use serde_json::{Value, json};

use crate::tenant_groups;
use crate::world::access::organization;
use crate::world::tables::{Cell, rows};
use crate::world::*;

both!(
    checks_answer_as_frontiers_policies_say,
    what_service_users_have_keeps_working,
    ids_names_states_and_times_are_kept,
    a_dry_run_reports_the_same_and_keeps_nothing,
    run_again_it_changes_nothing_and_picks_up_what_is_new,
    what_broke_off_goes_on_where_it_was,
    every_row_that_is_not_as_it_was_is_named,
    sec_01_an_address_that_nobody_proved_gives_nothing,
    sec_11_what_a_person_wrote_of_themselves_feeds_no_policy,
    sec_11_no_row_gives_more_than_it_gave_there,
    nothing_that_is_there_is_overwritten,
    an_unknown_version_is_refused,
    sec_18_no_secret_of_the_source_is_shown,
);

const ACME: &str = "10000000-0000-4000-8000-000000000001";
const ADA: &str = "20000000-0000-4000-8000-000000000001";
const BOB: &str = "20000000-0000-4000-8000-000000000002";
const CARL: &str = "20000000-0000-4000-8000-000000000003";
const MALLORY: &str = "20000000-0000-4000-8000-000000000006";
const ROBOT: &str = "30000000-0000-4000-8000-000000000001";
const SECRET: &str = "31000000-0000-4000-8000-000000000001";
const ROBOT_TOKEN: &str = "31000000-0000-4000-8000-000000000002";
const ROOT: &str = "30000000-0000-4000-8000-000000000009";
const WEB: &str = "40000000-0000-4000-8000-000000000001";

/// Runs a test beside a filled source; the source is removed whatever happens.
async fn beside<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    let Some((url, trash)) = engine::bare().await else { return println!("skipped: {} is not set", engine::SERVER) };
    engine::raw(&url).await.batch_execute(include_str!("frontier_tables.sql")).await.unwrap();
    let out = futures_catch(AssertUnwindSafe(test(url))).await;
    engine::remove(&trash).await;
    if let Err(panic) = out {
        resume_unwind(panic);
    }
}
async fn futures_catch<F: Future<Output = ()>>(f: AssertUnwindSafe<F>) -> std::thread::Result<()> {
    let mut f = std::pin::pin!(f.0);
    std::future::poll_fn(move |cx| match std::panic::catch_unwind(AssertUnwindSafe(|| f.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => std::task::Poll::Ready(Err(panic)),
    })
    .await
}
async fn sql(url: &str, text: &str) {
    engine::raw(url).await.batch_execute(text).await.unwrap();
}
async fn tried(w: &World, url: &str, options: FrontierOptions) -> Result<Report> {
    let source = Source::open(url, None).await.map_err(portcullis_domain::Error::from)?;
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    w.node.app.import_frontier(&cx, &source, options).await
}
async fn imported(w: &World, url: &str) -> Report {
    tried(w, url, FrontierOptions::default()).await.unwrap()
}
fn counts(r: &Report) -> Value {
    let all = serde_json::to_value(&r.tables).unwrap();
    all.as_array()
        .unwrap()
        .iter()
        .map(|t| (t["table"].as_str().unwrap().to_owned(), t.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
async fn allowed(w: &World, subject: &str, resource: &str, permission: &str) -> bool {
    let body = json!({ "subject": format!("app/user:{subject}"), "resource": resource, "permission": permission });
    w.owner().post("/v1beta1/admin/check", body).await.expect(200)["status"] == json!(true)
}

async fn checks_answer_as_frontiers_policies_say(w: World) {
    beside(|url| async move {
        imported(&w, &url).await;
        let one = "compute/order:70000000-0000-4000-8000-000000000001";
        let two = "compute/order:70000000-0000-4000-8000-000000000002";
        for (subject, resource, permission, expected) in [
            // ada owns the organization, and is a superuser besides
            (ADA, "app/organization:acme", "delete", true),
            (ADA, "app/project:web", "update", true),
            (ADA, one, "delete", true),
            // bob is a member of the organization and of the group, which reads orders on the project
            (BOB, "app/organization:acme", "get", true),
            (BOB, "app/organization:acme", "update", false),
            (BOB, "app/project:web", "compute_order_get", true),
            (BOB, "app/project:web", "get", false),
            (BOB, two, "get", true),
            (BOB, two, "delete", false),
            // the first order is his own
            (BOB, one, "delete", true),
            // carl is disabled, whatever he holds
            (CARL, "app/organization:acme", "get", false),
        ] {
            assert_eq!(allowed(&w, subject, resource, permission).await, expected, "{subject} {permission} {resource}");
        }
        let group = "app/group:50000000-0000-4000-8000-000000000001";
        assert!(allowed(&w, BOB, group, "get").await, "a member");
        // what is disabled gives nothing, here as there
        assert!(!allowed(&w, BOB, "app/organization:closed", "update").await);
        // bob's relation to the platform
        let bob =
            rows(&w, "users").await.into_iter().find(|r| r["email"] == Cell::Text("bob@acme.org".into())).unwrap();
        assert_eq!(bob["roles"], Cell::Int(0b1001), "user and checker");
    })
    .await;
}

async fn what_service_users_have_keeps_working(w: World) {
    beside(|url| async move {
        let hash = bcrypt::hash("client-secret-of-frontier", 4).unwrap().replace("$2b$", "$2a$");
        let token = portcullis_crypto::sha3_256(&[0x0f; 32]).map(|b| format!("{b:02x}")).concat();
        sql(
            &url,
            &format!(
                "UPDATE serviceuser_credentials SET id = '{SECRET}', secret_hash = '{hash}' WHERE title = 'secret';
                 INSERT INTO serviceuser_credentials (id, serviceuser_id, secret_hash, type)
                 VALUES ('{ROBOT_TOKEN}', '{ROBOT}', '{token}', 'opaque_token');
                 INSERT INTO serviceusers (id, org_id, state) VALUES ('{ROOT}', '{}', 'enabled');
                 INSERT INTO serviceuser_credentials (id, serviceuser_id, secret_hash, type)
                 VALUES ('{ROOT}', '{ROOT}', '{hash}', 'client_credential');
                 INSERT INTO relations (subject_namespace_name, subject_id, object_namespace_name, object_id, relation_name)
                 VALUES ('app/serviceuser', '{ROOT}', 'app/platform', 'platform', 'admin');",
                uuid::Uuid::nil()
            ),
        )
        .await;
        let report = counts(&imported(&w, &url).await);
        assert_eq!((&report["serviceusers"]["imported"], &report["serviceuser_credentials"]["imported"]), (&json!(2), &json!(3)));
        let robot = access::basic(&w, SECRET, "client-secret-of-frontier");
        for by in [&robot, &access::basic(&w, ROBOT_TOKEN, &"0f".repeat(32))] {
            let me = by.get("/v1beta1/users/self").await.expect(200)["serviceuser"].clone();
            assert_eq!((&me["id"], &me["org_id"], &me["title"]), (&json!(ROBOT), &json!(ACME), &json!("robot")));
        }
        access::basic(&w, SECRET, "another").get("/v1beta1/users/self").await.expect(401);
        // it is a member of its organization, and no more
        for (permission, expected) in [("get", true), ("update", false)] {
            let body = json!({ "resource": "app/organization:acme", "permission": permission });
            assert_eq!(robot.post("/v1beta1/check", body).await.expect(200)["status"], json!(expected), "{permission}");
        }
        robot.get("/v1beta1/admin/platform/users").await.expect(403);
        let root = access::basic(&w, ROOT, "client-secret-of-frontier");
        let list = root.get("/v1beta1/admin/platform/users").await.expect(200);
        assert_eq!(list["serviceusers"][0]["id"], json!(ROOT));
        let again = imported(&w, &url).await;
        assert!(again.tables.iter().all(|t| t.count.imported == 0), "{:?}", again.tables);
        robot.get("/v1beta1/users/self").await.expect(200);
    })
    .await;
}

async fn ids_names_states_and_times_are_kept(w: World) {
    beside(|url| async move {
        imported(&w, &url).await;
        let owner = w.owner();
        let acme = owner.get("/v1beta1/organizations/acme").await.expect(200)["organization"].clone();
        assert_eq!((&acme["id"], &acme["title"]), (&json!(ACME), &json!("Acme")));
        assert_eq!(acme["metadata"], json!({ "tier": "gold" }));
        assert!(acme["created_at"].as_str().unwrap().starts_with("2023-02-03T04:05:06.789"), "{acme}");
        let closed = owner.get("/v1beta1/organizations/closed").await.expect(200);
        assert_eq!(closed["organization"]["state"], "disabled");
        let ada = owner.get(&format!("/v1beta1/users/{ADA}")).await.expect(200)["user"].clone();
        assert_eq!((&ada["name"], &ada["email"]), (&json!("ada_acme_org"), &json!("ada@acme.org")));
        let people = rows(&w, "users").await;
        let carl = people.iter().find(|u| u["email"] == Cell::Text("carl@acme.org".into())).unwrap();
        assert_eq!(carl["state"], Cell::Text("suspended".into()));
        assert_eq!(owner.get(&format!("/v1beta1/projects/{WEB}")).await.expect(200)["project"]["name"], "web");
        let roles = owner.get(&format!("/v1beta1/organizations/{ACME}/roles")).await.expect(200);
        assert_eq!(roles["roles"][0]["id"], "60000000-0000-4000-8000-000000000012");
        // a predefined role that was edited there is so here
        let viewer = owner.get("/v1beta1/roles").await.expect(200);
        let viewer =
            viewer["roles"].as_array().unwrap().iter().find(|r| r["name"] == "app_project_viewer").unwrap().clone();
        assert_eq!(viewer["permissions"], json!(["app_project_get", "app_project_resourcelist"]));
        assert_eq!(people.len(), 1 + 4 + 600);
    })
    .await;
}

async fn a_dry_run_reports_the_same_and_keeps_nothing(w: World) {
    beside(|url| async move {
        organization(&w.owner(), "taken").await;
        let tables = ["users", "organizations", "role_bindings", "import_progress", "audit_events", "tenants"];
        let mut before = vec![];
        for table in tables {
            before.push(rows(&w, table).await);
        }
        let dry = tried(&w, &url, FrontierOptions { dry_run: true, ..FrontierOptions::default() }).await.unwrap();
        for (table, before) in tables.iter().zip(&before) {
            assert_eq!(&rows(&w, table).await, before, "{table}");
        }
        let real = imported(&w, &url).await;
        assert!(dry.dry_run && !real.dry_run);
        assert_eq!(counts(&dry), counts(&real));
        let told =
            |r: &Report| r.problems.iter().map(|p| format!("{} {}: {}", p.table, p.id, p.problem)).collect::<Vec<_>>();
        assert_eq!(told(&dry), told(&real));
    })
    .await;
}

async fn run_again_it_changes_nothing_and_picks_up_what_is_new(w: World) {
    beside(|url| async move {
        let first = imported(&w, &url).await;
        assert_eq!(counts(&first)["users"]["imported"], 604);
        let events = rows(&w, "audit_events").await.len();
        let bindings = rows(&w, "role_bindings").await;
        let second = imported(&w, &url).await;
        assert!(!second.resumed);
        for t in &second.tables {
            assert_eq!(t.count.imported, 0, "{t:?}");
        }
        assert_eq!(counts(&second)["users"]["there"], 604);
        assert_eq!((rows(&w, "audit_events").await.len(), rows(&w, "role_bindings").await), (events, bindings));
        sql(&url, "INSERT INTO users (name, email) VALUES ('new_org', 'new@new.org')").await;
        assert_eq!(counts(&imported(&w, &url).await)["users"]["imported"], 1);
    })
    .await;
}

async fn what_broke_off_goes_on_where_it_was(w: World) {
    beside(|url| async move {
        sql(&url, "ALTER TABLE groups RENAME COLUMN id TO other").await;
        tried(&w, &url, FrontierOptions::default()).await.unwrap_err();
        assert_eq!(rows(&w, "projects").await.len(), 2, "what came before is kept");
        assert_eq!(rows(&w, "role_bindings").await, []);
        sql(&url, "ALTER TABLE groups RENAME COLUMN other TO id").await;
        let report = imported(&w, &url).await;
        assert!(report.resumed);
        assert_eq!(counts(&report)["users"]["imported"], 604, "of the run before");
        assert_eq!(counts(&report)["groups"]["imported"], 1);
        assert!(allowed(&w, BOB, "app/project:web", "compute_order_get").await);
        let anew = tried(&w, &url, FrontierOptions { restart: true, ..FrontierOptions::default() }).await.unwrap();
        assert_eq!(counts(&anew)["users"]["there"], 604);
    })
    .await;
}

async fn every_row_that_is_not_as_it_was_is_named(w: World) {
    beside(|url| async move {
        organization(&w.owner(), "taken").await;
        let report = imported(&w, &url).await;
        let told = |table: &str, word: &str| {
            let found = report.problems.iter().any(|p| p.table == table && p.problem.contains(word));
            assert!(found, "{table} {word}: {:#?}", report.problems);
        };
        told("namespaces", "old/Name");
        told("organizations", "\"2024-team\" became x2024-team");
        told("organizations", "the name taken is that of the organization");
        told("users", "no address");
        told("users", "owner@example.com is the user");
        told("serviceuser_credentials", "its hash is of a kind that is not known");
        told("projects", "its organization is not here");
        told("roles", "app_organization_unknown");
        told("roles", "app_project_viewer holds what it was edited to hold there");
        told("resources", "its owner is nobody here");
        told("policies", "\"app/project\" 40000000-0000-4000-8000-000000000002 is not here");
        told("policies", "its principal is not here");
        told("relations", "a member of a group without a policy");
        told("relations", "\"compute/order#friend@app/user\" has no counterpart here");
        told("metaschema", "the schema bad does not hold");
        let c = counts(&report);
        assert_eq!(c["organizations"]["left"]["deleted"], 1);
        assert_eq!(c["policies"]["left"]["on the platform itself"], 1);
        assert_eq!(c["relations"]["left"]["of an older Frontier, which gives nothing any more"], 1);
        assert_eq!(c["domains"]["left"]["not taken over"], 1);
        for t in &report.tables {
            let (c, left) = (&t.count, t.count.left.values().sum::<u64>());
            assert!(
                c.imported + c.there + left <= c.read && c.read <= c.imported + c.there + left + c.problems,
                "{t:?}"
            );
        }
    })
    .await;
}

async fn sec_01_an_address_that_nobody_proved_gives_nothing(w: World) {
    beside(|url| async move {
        // whoever knew that the import would come has taken the address before
        let mallory = w.person("Mallory", &["user"]).await;
        assert_ne!(mallory.id, MALLORY);
        let report = imported(&w, &url).await;
        assert!(report.problems.iter().any(|p| p.id == MALLORY && p.problem.contains("never proved the address")));
        assert!(!allowed(&w, &mallory.id, "app/organization:acme", "get").await);
        // the tenant's owner is known to be themselves
        let held = rows(&w, "role_bindings").await;
        let id = w.owner_id.parse::<uuid::Uuid>().unwrap();
        let owner = [Cell::Uuid(id), Cell::Bytes(id.as_bytes().to_vec())];
        assert!(held.iter().any(|b| owner.contains(&b["bearer_id"])));
    })
    .await;
}

async fn sec_11_what_a_person_wrote_of_themselves_feeds_no_policy(w: World) {
    beside(|url| async move {
        imported(&w, &url).await;
        let ada = w.owner().get(&format!("/v1beta1/users/{ADA}")).await.expect(200);
        assert_eq!(ada["user"]["metadata"], json!({ "label": { "team": "core" } }));
    })
    .await;
}

async fn sec_11_no_row_gives_more_than_it_gave_there(w: World) {
    beside(|url| async move {
        const OTHER: &str = "60000000-0000-4000-8000-000000000013";
        const MANAGED: &str = "50000000-0000-4000-8000-000000000002";
        const DEEP: &str = "40000000-0000-4000-8000-000000000007";
        // something of ours has the id of a project there; a group of ours gives a role of the tenant
        let ours = organization(&w.owner(), "ours").await;
        let group = tenant_groups::made(&w.owner(), "Admins").await;
        tenant_groups::map(&w.owner(), &group, "admin").await.expect(201);
        sql(
            &url,
            &format!(
                "INSERT INTO projects (id, name, org_id) VALUES ('{ours}', 'squatter', '{ACME}');
                 INSERT INTO projects (id, name, org_id, metadata)
                 VALUES ('{DEEP}', 'deep', '{ACME}', (repeat('[', 3000) || repeat(']', 3000))::jsonb),
                 (gen_random_uuid(), 'long', '{ACME}', to_jsonb(repeat('x', 2000000)));
                 INSERT INTO roles (id, org_id, name, permissions, scopes) VALUES
                 ('{OTHER}', '10000000-0000-4000-8000-000000000003', 'theirs', '[\"app_organization_get\"]', NULL);
                 INSERT INTO groups (id, name, org_id) VALUES ('{group}', 'admins', '{ACME}'), ('{MANAGED}', 'plain', '{ACME}');
                 INSERT INTO policies (role_id, resource_id, resource_type, principal_id, principal_type) VALUES
                 ('{OTHER}', '{ACME}', 'app/organization', '{BOB}', 'app/user'),
                 ('60000000-0000-4000-8000-00000000000a', '{group}', 'app/group', '{BOB}', 'app/user');"
            ),
        )
        .await;
        let report = imported(&w, &url).await;
        let told = |table: &str, id: &str, word: &str| {
            let found = report.problems.iter().any(|p| p.table == table && p.id.contains(id) && p.problem.contains(word));
            assert!(found, "{table} {id} {word}: {:#?}", report.problems);
        };
        told("projects", &ours, "something else here has this id");
        told("projects", DEEP, "too long or too deep");
        told("projects", "", "too long or too deep");
        told("policies", "", "its role is of another organization");
        told("policies", "", "its group carries roles of the tenant");
        told("relations", "", &format!("the user {ADA} gets the role admin"));
        assert!(!allowed(&w, BOB, &format!("app/group:{group}"), "get").await);
    })
    .await;
}

async fn nothing_that_is_there_is_overwritten(w: World) {
    beside(|url| async move {
        imported(&w, &url).await;
        let owner = w.owner();
        let body = json!({ "title": "Renamed", "email": "ada@acme.org" });
        owner.put(&format!("/v1beta1/users/{ADA}"), body).await.expect(200);
        let edited = json!({ "name": "app_project_viewer", "permissions": ["app_project_get"], "scopes": ["app/project"], "title": "Ours" });
        owner.put(&format!("/v1beta1/roles/{}", access::PROJECT_VIEWER), edited).await.expect(200);
        imported(&w, &url).await;
        let ada = owner.get(&format!("/v1beta1/users/{ADA}")).await.expect(200);
        assert_eq!(ada["user"]["title"], "Renamed");
    })
    .await;
}

async fn an_unknown_version_is_refused(w: World) {
    beside(|url| async move {
        sql(&url, "UPDATE schema_migrations SET version = 20240101000000").await;
        let e = tried(&w, &url, FrontierOptions::default()).await.unwrap_err();
        assert!(e.message().contains("20240101000000"), "{e}");
        tried(&w, &url, FrontierOptions { any_version: true, ..FrontierOptions::default() }).await.unwrap();
        sql(&url, "UPDATE schema_migrations SET version = 20260723120000, dirty = true").await;
        tried(&w, &url, FrontierOptions::default()).await.unwrap_err();
        sql(&url, "DROP TABLE schema_migrations").await;
        let e = tried(&w, &url, FrontierOptions::default()).await.unwrap_err();
        assert!(e.message().contains("no Frontier database"), "{e}");
    })
    .await;
}

async fn sec_18_no_secret_of_the_source_is_shown(w: World) {
    beside(|url| async move {
        let report = imported(&w, &url).await;
        let text = serde_json::to_string(&report).unwrap();
        let password = url::Url::parse(&url).unwrap().password().unwrap_or("-no-password-").to_owned();
        for secret in ["$2a$14$", "plain text", "W10=", password.as_str()] {
            assert!(!text.contains(secret), "{secret}");
        }
        let mut wrong = url::Url::parse(&url).unwrap();
        wrong.set_path("no_such_database");
        let Err(e) = Source::open(wrong.as_str(), None).await else { panic!("it is not there") };
        assert!(!e.to_string().contains(&password), "{e}");
    })
    .await;
}
