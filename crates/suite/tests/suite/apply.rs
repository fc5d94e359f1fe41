//! The access file: what it says becomes so, at once and as a whole, and what leaves it goes (issue "Access", part 4).
use std::collections::BTreeMap;

use portcullis::access_file;
use portcullis_domain::{Error, Result};
use portcullis_service::apply::{ApplyOptions, Difference, What};
use serde_json::{Value, json};

use crate::world::access::{GROUP_MEMBER, connect, in_group, organization};
use crate::world::tables::{Cell, rows};
use crate::world::*;

both!(
    what_a_file_says_is_so_and_decides,
    applied_twice_it_changes_nothing_the_second_time,
    a_half_failed_apply_changes_nothing_at_all,
    a_dry_run_says_what_would_change_and_keeps_nothing,
    what_leaves_the_file_goes_and_what_others_made_stays,
    what_somebody_else_made_is_taken_over_only_when_that_is_asked_for,
    nothing_that_others_made_goes_with_what_leaves_the_file,
    a_group_that_something_stands_on_does_not_leave_with_the_file,
    an_organization_is_never_left_without_an_owner,
    a_role_is_bound_only_where_it_is_for,
    rules_that_stay_keep_their_ids,
    a_rule_that_does_not_hold_is_refused_with_its_place,
    what_is_switched_off_stays_so_until_the_file_says_otherwise,
    a_disabled_group_is_changed_and_stays_disabled,
    what_is_exported_and_applied_changes_nothing,
    two_sets_do_not_take_from_each_other,
    platform_users_come_and_go,
    sec_20_every_event_says_who_applied,
    another_node_knows_at_once,
    sec_02_other_tenants_are_not_touched,
);

const FILE: &str = r#"
version: 1
permissions:
  - name: compute.order.get
    title: Look at an order
  - name: compute.order.delete
roles:
  - name: order_reader
    title: Reads orders
    permissions: [compute.order.get]
    scopes: [project, compute/order]
organizations:
  - name: acme-corp
    title: Acme
    metadata: { tier: gold }
    roles:
      - name: auditor
        permissions: [app.organization.get, app.project.get]
        scopes: [organization]
    groups:
      - name: developers
        title: Developers
    projects:
      - name: web
        title: The site
groups:
  - name: everybody
policies:
  - name: nobody deletes
    max_duration_seconds: 3600
    priority: 100
    access: standing
    rules:
      - |
        @notice("Orders stay.")
        forbid (principal, action == Action::"compute_order_delete", resource);
bindings:
  - { role: app_organization_owner, on: organization:acme-corp, to: user:owner@example.com }
  - { role: app_organization_viewer, on: organization:acme-corp, to: user:ada@example.com }
  - { role: app_group_member, on: group:acme-corp/developers, to: user:ada@example.com }
  - { role: order_reader, on: project:web, to: group:acme-corp/developers }
  - { role: acme-corp/auditor, on: organization:acme-corp, to: group:acme-corp/developers }
"#;

async fn tried(w: &World, text: &str, options: ApplyOptions) -> Result<Vec<Difference>> {
    let wanted = access_file::parse(text).unwrap();
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    w.node.app.apply_access(&cx, &wanted, options).await
}
async fn applied(w: &World, text: &str) -> Vec<Difference> {
    tried(w, text, ApplyOptions::default()).await.unwrap()
}
async fn refused(w: &World, text: &str) -> Error {
    tried(w, text, ApplyOptions::default()).await.unwrap_err()
}
fn counted(differences: &[Difference], what: What) -> usize {
    differences.iter().filter(|d| d.what == what).count()
}
/// What an apply may change, row by row.
async fn everything(w: &World) -> Vec<(&'static str, Vec<BTreeMap<String, Cell>>)> {
    const TABLES: [&str; 15] = [
        "tenants",
        "users",
        "organizations",
        "projects",
        "groups",
        "permissions",
        "namespaces",
        "access_roles",
        "role_bindings",
        "policies",
        "policy_rules",
        "access_changes",
        "organization_removals",
        "managed",
        "audit_events",
    ];
    let mut out = vec![];
    for table in TABLES {
        let mut all = rows(w, table).await;
        all.sort_by_key(|row| format!("{row:?}"));
        out.push((table, all));
    }
    out
}
async fn may(by: &Client, resource: &str, permission: &str) -> bool {
    let body = json!({ "resource": resource, "permission": permission });
    by.post("/v1beta1/check", body).await.expect(200)["status"] == json!(true)
}
fn without(text: &str, lines: &[&str]) -> String {
    text.lines().filter(|l| !lines.iter().any(|gone| l.contains(gone))).map(|l| format!("{l}\n")).collect()
}

async fn what_a_file_says_is_so_and_decides(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let bob = w.person("Bob", &["user"]).await;
    let made = applied(&w, FILE).await;
    assert_eq!(counted(&made, What::Create), made.len());
    assert_eq!(made.len(), 2 + 2 + 1 + 2 + 1 + 1 + 5, "{made:#?}");

    assert!(may(&ada.client, "project:web", "compute.order.get").await, "through the group");
    assert!(may(&ada.client, "organization:acme-corp", "get").await);
    assert!(!may(&ada.client, "project:web", "update").await);
    assert!(!may(&bob.client, "project:web", "compute.order.get").await);
    let body = json!({ "resource": "project:web", "permission": "compute.order.get" });
    w.second_tenant("Beta").await.owner.client.post("/v1beta1/check", body).await.expect(404);
    let owner = w.owner();
    let refusal =
        owner.post("/v1beta1/check", json!({ "resource": "project:web", "permission": "compute.order.delete" }));
    let refusal = refusal.await;
    assert_eq!(refusal.expect(200)["status"], json!(false), "a superuser too: the rule forbids");
    assert_eq!(refusal.header("x-policy-notices"), Some("[\"Orders stay.\"]"));
    let shown = owner.get("/v1beta1/organizations/acme-corp").await.expect(200);
    assert_eq!(shown["organization"]["title"], "Acme");
    assert_eq!(shown["organization"]["metadata"], json!({ "tier": "gold" }));
}

async fn applied_twice_it_changes_nothing_the_second_time(w: World) {
    w.person("Ada", &["user"]).await;
    assert!(!applied(&w, FILE).await.is_empty());
    let before = everything(&w).await;
    assert_eq!(applied(&w, FILE).await, []);
    assert_eq!(everything(&w).await, before, "no row, no revision, no event");
}

async fn a_half_failed_apply_changes_nothing_at_all(w: World) {
    // ada is not there: the third binding fails when most of the file is done
    let before = everything(&w).await;
    let e = refused(&w, FILE).await;
    assert!(e.message().contains("no user ada@example.com"), "{e}");
    assert_eq!(everything(&w).await, before);
    // nor is anything of it seen afterwards
    w.owner().get("/v1beta1/organizations/acme-corp").await.expect(404);
}

async fn a_dry_run_says_what_would_change_and_keeps_nothing(w: World) {
    w.person("Ada", &["user"]).await;
    let before = everything(&w).await;
    let dry = ApplyOptions { dry_run: true, ..ApplyOptions::default() };
    let would = tried(&w, FILE, dry).await.unwrap();
    assert_eq!(everything(&w).await, before);
    let strip = |mut d: Vec<Difference>| {
        d.iter_mut().for_each(|d| d.name.truncate(40));
        d
    };
    assert_eq!(strip(would), strip(applied(&w, FILE).await));
    let changed = FILE.replace("title: Acme", "title: Acme Corporation");
    let would = tried(&w, &changed, dry).await.unwrap();
    assert_eq!(would.len(), 1);
    assert_eq!((would[0].kind, would[0].fields[0].field), ("organization", "title"));
    assert_eq!((&would[0].fields[0].before, &would[0].fields[0].after), (&json!("Acme"), &json!("Acme Corporation")));
    // a dry run fails as the apply would
    let e = tried(&w, &FILE.replace("user:ada@", "user:eve@"), dry).await.unwrap_err();
    assert!(e.message().contains("eve@example.com"), "{e}");
}

async fn what_leaves_the_file_goes_and_what_others_made_stays(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    applied(&w, FILE).await;
    let role = json!({ "body": { "name": "by_hand", "permissions": ["app.project.get"], "scopes": ["project"] } });
    w.owner().post("/v1beta1/roles", role["body"].clone()).await.expect(200);
    let smaller = without(FILE, &["order_reader, on", "compute.order.delete"])
        .replace("nobody deletes", "nobody deletes anything");
    let done = applied(&w, &without(&smaller, &["forbid (", "@notice", "- |", "rules:"])).await;
    let told: Vec<(What, &str)> = done.iter().map(|d| (d.what, d.kind)).collect();
    assert_eq!(
        told,
        [(What::Create, "policy"), (What::Remove, "binding"), (What::Remove, "policy"), (What::Remove, "permission")]
    );
    assert!(!may(&ada.client, "project:web", "compute.order.get").await);
    let left = applied(&w, "version: 1\n").await;
    assert_eq!(counted(&left, What::Remove), left.len());
    for table in ["organizations", "projects", "groups", "permissions", "namespaces", "role_bindings", "managed"] {
        assert_eq!(rows(&w, table).await, [], "{table}");
    }
    assert_eq!(rows(&w, "access_roles").await.len(), 10 + 1, "the predefined ones and the one by hand");
    assert_eq!(applied(&w, "version: 1\n").await, []);
}

async fn what_somebody_else_made_is_taken_over_only_when_that_is_asked_for(w: World) {
    let owner = w.owner();
    organization(&owner, "acme-corp").await;
    let file = "version: 1\norganizations:\n  - { name: acme-corp, title: Ours }\n";
    let before = everything(&w).await;
    let e = refused(&w, file).await;
    assert!(e.message().contains("organization acme-corp (it was not made by this file)"), "{e}");
    assert_eq!(everything(&w).await, before);
    // as it is, it needs no taking over, and is not removed later
    assert_eq!(applied(&w, "version: 1\norganizations:\n  - { name: acme-corp, title: acme-corp }\n").await, []);
    assert_eq!(applied(&w, "version: 1\n").await, []);
    owner.get("/v1beta1/organizations/acme-corp").await.expect(200);

    let taken = tried(&w, file, ApplyOptions { adopt: true, dry_run: false }).await.unwrap();
    assert_eq!(taken.iter().map(|d| d.what).collect::<Vec<_>>(), [What::Adopt, What::Change]);
    assert_eq!(applied(&w, file).await, []);
    // a predefined role is let go, never removed
    let role = "version: 1\nroles:\n  - { name: app_project_viewer, title: Guest, permissions: [app.project.get], scopes: [project] }\n";
    tried(
        &w,
        &format!("{role}organizations:\n  - {{ name: acme-corp, title: Ours }}\n"),
        ApplyOptions { adopt: true, dry_run: false },
    )
    .await
    .unwrap();
    let released = applied(&w, file).await;
    assert_eq!(released.iter().map(|d| d.what).collect::<Vec<_>>(), [What::Release]);
}

async fn nothing_that_others_made_goes_with_what_leaves_the_file(w: World) {
    let bob = w.person("Bob", &["user"]).await;
    w.person("Ada", &["user"]).await;
    applied(&w, FILE).await;
    let shown = w.owner().get("/v1beta1/organizations/acme-corp").await.expect(200);
    let acme = shown["organization"]["id"].as_str().unwrap().to_owned();
    access::join(&w, &acme, &bob.id, access::ORGANIZATION_VIEWER).await;
    let groups = w.owner().get(&format!("/v1beta1/organizations/{acme}/groups")).await.expect(200);
    let developers = groups["groups"][0]["id"].as_str().unwrap().to_owned();
    in_group(&w.owner(), &developers, &bob.id, GROUP_MEMBER).await.expect(200);
    let before = everything(&w).await;
    let smaller = without(FILE, &["- name: developers", "title: Developers", "groups:\n", "developers"]);
    let smaller = smaller.replace("    groups:\n", "");
    let e = refused(&w, &smaller).await;
    assert!(e.message().starts_with("group acme-corp/developers left the file, but"), "{e}");
    let e = refused(&w, "version: 1\n").await;
    assert!(e.message().contains("that the file did not make"), "{e}");
    assert_eq!(everything(&w).await, before);
}

async fn a_group_that_something_stands_on_does_not_leave_with_the_file(w: World) {
    let file = "version: 1\ngroups:\n  - name: everybody\n";
    applied(&w, file).await;
    let group = w.owner().get("/v1/groups").await.expect(200)["data"][0]["id"].as_str().unwrap().to_owned();
    let rule = w.policy("p", 5, &format!("forbid (principal in Group::\"{group}\", action, resource);")).await;
    let e = refused(&w, "version: 1\n").await;
    let told = json!(e.details()).to_string();
    assert!(e.message().contains("everybody") && told.contains(&rule), "{e} {told}");
    w.owner().delete(&format!("/v1/policies/{rule}")).await.expect(204);
    w.owner().post(&format!("/v1/groups/{group}/roles"), json!({ "role": "approver" })).await.expect(201);
    let e = refused(&w, "version: 1\n").await;
    assert!(e.message().contains("it carries roles"), "{e}");
    w.owner().delete(&format!("/v1/groups/{group}/roles/approver")).await.expect(204);
    assert_eq!(counted(&applied(&w, "version: 1\n").await, What::Remove), 1);
}

async fn an_organization_is_never_left_without_an_owner(w: World) {
    w.person("Ada", &["user"]).await;
    let nobody = without(FILE, &["app_organization_owner"]);
    let e = refused(&w, &nobody).await;
    assert!(e.message().contains("organization acme-corp would have no owner"), "{e}");
    applied(&w, FILE).await;
    let e = refused(&w, &nobody).await;
    assert_eq!(e.details()["state"], "last_owner", "{e}");
    let other = FILE.replace(
        "app_organization_owner, on: organization:acme-corp, to: user:owner@",
        "app_organization_owner, on: organization:acme-corp, to: user:ada@",
    );
    assert_eq!(applied(&w, &other).await.len(), 2);
}

async fn a_role_is_bound_only_where_it_is_for(w: World) {
    w.person("Ada", &["user"]).await;
    let wrong = FILE.replace("order_reader, on: project:web", "order_reader, on: organization:acme-corp");
    let e = refused(&w, &wrong).await;
    assert!(e.message().contains("the role order_reader is not for this object"), "{e}");
    let more = "  - { name: beta-corp }\ngroups:\n  - name: everybody";
    let wrong = FILE
        .replace("groups:\n  - name: everybody", more)
        .replace("acme-corp/auditor, on: organization:acme-corp", "acme-corp/auditor, on: organization:beta-corp");
    let e = refused(&w, &wrong).await;
    assert!(e.message().contains("the role acme-corp/auditor is not for this object"), "{e}");
    let e = refused(&w, &FILE.replace("[compute.order.get]", "[compute.order.fly]")).await;
    assert!(e.message().contains("role order_reader") && e.message().contains("compute.order.fly"), "{e}");
}

async fn rules_that_stay_keep_their_ids(w: World) {
    let rule = |n: u32| {
        format!("forbid (principal, action == Action::\"users:create\", resource) when {{ context.hour == {n} }};")
    };
    let file = |hours: &[u32]| {
        let rules: Vec<String> = hours.iter().map(|n| rule(*n)).collect();
        json!({ "version": 1, "policies": [{ "name": "hours", "max_duration_seconds": 60, "rules": rules }] })
            .to_string()
    };
    applied(&w, &file(&[1, 2, 3])).await;
    let ids = async || -> Vec<(String, String)> {
        let all = w.owner().get("/v1/policies").await.expect(200);
        let all = all["data"].as_array().unwrap();
        let id = all.iter().find(|p| p["name"] == "hours").unwrap()["id"].as_str().unwrap();
        let policy = w.owner().get(&format!("/v1/policies/{id}")).await.expect(200);
        let text = |v: &Value, key: &str| v[key].as_str().unwrap().to_owned();
        policy["rules"].as_array().unwrap().iter().map(|r| (text(r, "conditions"), text(r, "id"))).collect()
    };
    let before = ids().await;
    let done = applied(&w, &file(&[3, 4, 1])).await;
    assert_eq!(done[0].fields[0].field, "rules");
    let after = ids().await;
    assert_eq!((&after[0], &after[2]), (&before[2], &before[0]));
    assert!(after[1].0.contains('4'));
    assert_eq!(applied(&w, &file(&[3, 4, 1])).await, []);
    assert_eq!(applied(&w, &file(&[1, 4, 3])).await.len(), 1, "the order says something");
}

async fn a_rule_that_does_not_hold_is_refused_with_its_place(w: World) {
    let before = everything(&w).await;
    let file = FILE.replace("resource);", "resource) when { context.no_such_thing };");
    let e = refused(&w, &file).await;
    assert!(e.message().starts_with("policy nobody deletes, rules[0] does not hold: line 2, column"), "{e}");
    assert_eq!(everything(&w).await, before);
}

async fn what_is_switched_off_stays_so_until_the_file_says_otherwise(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    applied(&w, FILE).await;
    let off = FILE.replace("title: The site", "state: disabled\n        title: The site, closed");
    let done = applied(&w, &off).await;
    assert_eq!(done[0].fields.iter().map(|f| f.field).collect::<Vec<_>>(), ["title", "state"]);
    assert!(!may(&ada.client, "project:web", "compute.order.get").await);
    assert_eq!(applied(&w, &off).await, []);
    applied(&w, FILE).await;
    assert!(may(&ada.client, "project:web", "compute.order.get").await);
    applied(&w, &FILE.replace("title: Acme\n", "title: Acme\n    state: disabled\n")).await;
    assert!(!may(&ada.client, "project:web", "compute.order.get").await);
    applied(&w, FILE).await;
    assert!(may(&ada.client, "project:web", "compute.order.get").await);
}

async fn a_disabled_group_is_changed_and_stays_disabled(w: World) {
    let group =
        |title: &str| format!("version: 1\ngroups:\n  - {{ name: everybody, title: {title}, state: disabled }}\n");
    applied(&w, &group("One")).await;
    applied(&w, &group("Two")).await;
    let all = rows(&w, "groups").await;
    assert_eq!((&all[0]["title"], &all[0]["state"]), (&Cell::Text("Two".into()), &Cell::Text("disabled".into())));
    assert_eq!(applied(&w, &group("Two")).await, []);
}

async fn what_is_exported_and_applied_changes_nothing(w: World) {
    w.person("Ada", &["user"]).await;
    applied(&w, FILE).await;
    let by_hand = organization(&w.owner(), "by-hand").await;
    access::project(&w.owner(), &by_hand, "by-hand-web").await;
    access::group(&w.owner(), &by_hand, "people").await;
    connect(
        &w.owner(),
        "CreateOrganizationRole",
        json!({ "org_id": by_hand, "body": { "name": "own_role", "permissions": ["app_project_get"] } }),
    )
    .await
    .expect(200);
    w.policy(
        "by hand",
        5,
        "permit (principal == User::\"ada@example.com\", action == Action::\"users:list\", resource);",
    )
    .await;
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    let text = access_file::write(&w.node.app.export_access(&cx).await.unwrap()).unwrap();
    for word in ["acme-corp", "by-hand-web", "own_role", "user:ada@example.com", "order_reader", "Orders stay."] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains("name: app_project_viewer"), "predefined roles go without saying: {text}");
    let before = everything(&w).await;
    assert_eq!(applied(&w, &text).await, [], "{text}");
    assert_eq!(everything(&w).await, before);
    let adopted = tried(&w, &text, ApplyOptions { adopt: true, dry_run: false }).await.unwrap();
    assert_eq!(counted(&adopted, What::Adopt), adopted.len());
    assert_eq!(applied(&w, &text).await, []);
}

async fn two_sets_do_not_take_from_each_other(w: World) {
    let set = |set: &str, title: &str| {
        format!("version: 1\nset: {set}\ngroups:\n  - {{ name: everybody, title: {title} }}\n")
    };
    applied(&w, &set("base", "All")).await;
    assert_eq!(applied(&w, &set("other", "All")).await, []);
    let e = refused(&w, &set("other", "None")).await;
    assert!(e.message().contains("the set base keeps it"), "{e}");
    assert_eq!(applied(&w, "version: 1\nset: other\n").await, []);
    assert_eq!(applied(&w, "version: 1\nset: base\n").await.len(), 1);
}

async fn platform_users_come_and_go(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let file = "version: 1\nplatform_users:\n  - { user: Ada@example.com, relation: admin }\n  - { user: ada@example.com, relation: member }\n";
    ada.client.get("/v1beta1/users").await.expect(403);
    assert_eq!(applied(&w, file).await.len(), 2);
    ada.client.get("/v1beta1/admin/organizations").await.expect(200);
    assert_eq!(applied(&w, file).await, []);
    assert_eq!(applied(&w, "version: 1\n").await.len(), 2);
    ada.client.get("/v1beta1/admin/organizations").await.expect(403);
    // who had it before keeps it
    let owner = "version: 1\nplatform_users:\n  - { user: owner@example.com, relation: admin }\n";
    assert_eq!(applied(&w, owner).await, []);
    assert_eq!(applied(&w, "version: 1\n").await, []);
    tried(&w, owner, ApplyOptions { adopt: true, dry_run: false }).await.unwrap();
    assert!(refused(&w, "version: 1\n").await.message().contains("owner keeps the role admin"));
}

async fn sec_20_every_event_says_who_applied(w: World) {
    w.person("Ada", &["user"]).await;
    let before = w.events("").await[0]["seq"].as_i64();
    applied(&w, FILE).await;
    let summary = w.events("action=access.applied").await.remove(0);
    assert_eq!(summary["metadata"]["set"], "default");
    assert_eq!(summary["metadata"]["created"], json!(14));
    for action in [
        "permission.created",
        "role.created",
        "organization.created",
        "group.created",
        "project.created",
        "policy.created",
        "rule.created",
        "role_binding.created",
    ] {
        assert!(!since(&w, before, &format!("action={action}")).await.is_empty(), "{action}");
    }
    for event in since(&w, before, "").await {
        assert_eq!((&event["actor_type"], &event["actor_name"]), (&json!("system"), &json!("apply")), "{event}");
    }
}

async fn since(w: &World, seq: Option<i64>, query: &str) -> Vec<Value> {
    w.events(query).await.into_iter().filter(|e| e["seq"].as_i64() > seq).collect()
}

async fn another_node_knows_at_once(w: World) {
    if w.engine.is_sqlite() {
        return;
    }
    let ada = w.person("Ada", &["user"]).await;
    let b = Node::start(&w.engine.shared(), w.clock.clone(), Options::default()).await;
    let there = ada.client.at(b.address);
    let body = json!({ "resource": "project:web", "permission": "compute.order.get" });
    for _ in 0..3 {
        there.post("/v1beta1/check", body.clone()).await.expect(404);
        applied(&w, FILE).await;
        assert!(may(&there, "project:web", "compute.order.get").await);
        applied(&w, "version: 1\n").await;
    }
}

async fn sec_02_other_tenants_are_not_touched(w: World) {
    w.person("Ada", &["user"]).await;
    let beta = w.second_tenant("Beta").await;
    let file = FILE
        .replace("owner@example.com", &beta.owner.email)
        .replace("user:ada@example.com", &format!("user:{}", beta.owner.email));
    let file = without(&file, &["app_organization_viewer"]);
    let cx = w.node.app.system(beta.id.parse().unwrap()).await.unwrap();
    let wanted = access_file::parse(&file).unwrap();
    w.node.app.apply_access(&cx, &wanted, ApplyOptions::default()).await.unwrap();
    beta.owner.client.get("/v1beta1/organizations/acme-corp").await.expect(200);
    w.owner().get("/v1beta1/organizations/acme-corp").await.expect(404);
    assert_eq!(applied(&w, "version: 1\n").await, []);
    beta.owner.client.get("/v1beta1/organizations/acme-corp").await.expect(200);
}
