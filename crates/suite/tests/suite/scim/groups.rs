//! `/Groups`: what a directory makes of its people, and what that gives them here.
use serde_json::{Value, json};

use super::{Directory, GROUPS, ada, at, directory, id, refused, stage};
use crate::world::tables::execute;
use crate::world::*;

both!(
    a_group_is_made_read_changed_and_deleted,
    members_are_patched_as_directories_do,
    a_groups_roles_come_and_go_with_its_members,
    a_group_of_a_directory_is_not_changed_by_hand,
    a_group_that_a_rule_names_is_not_deleted,
    sec_14_one_call_changes_at_most_a_thousand_members,
    sec_14_a_group_has_at_most_ten_thousand_members,
    a_stale_etag_changes_no_group,
);

async fn group(d: &Directory, name: &str, members: &[&Value]) -> Value {
    let members: Vec<Value> = members.iter().map(|m| json!({ "value": m["id"] })).collect();
    d.calls.post(GROUPS, json!({ "displayName": name, "members": members })).await.expect(201)
}
fn inside(g: &Value) -> Vec<String> {
    let members = g["members"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> = members.iter().map(|m| id_of(m).to_owned()).collect();
    ids.sort();
    ids
}
fn id_of(m: &Value) -> &str {
    m["value"].as_str().unwrap()
}
fn ids(people: &[&Value]) -> Vec<String> {
    let mut ids: Vec<String> = people.iter().map(|p| id(p).to_owned()).collect();
    ids.sort();
    ids
}

async fn a_group_is_made_read_changed_and_deleted(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let (a, b) = (d.person("ada").await, d.person("bob").await);
    let body = json!({ "displayName": "Engineers", "externalId": "00g1", "members": [{ "value": a["id"], "display": "Ada" }] });
    let made = d.calls.post(GROUPS, body.clone()).await;
    assert_eq!(made.header("etag"), Some("\"1\""));
    assert!(made.header("location").unwrap().ends_with(&at(&made.json())));
    let made = made.expect(201);
    let member = &made["members"][0];
    assert_eq!((&member["value"], &member["type"]), (&a["id"], &json!("User")));
    assert!(member["$ref"].as_str().unwrap().ends_with(&at(&a)));
    assert_eq!(d.calls.get(&at(&made)).await.expect(200), made);
    let without = d.calls.get(&format!("{}?excludedAttributes=members", at(&made))).await.expect(200);
    assert!(without.get("members").is_none() && without["displayName"] == "Engineers");
    refused(&d.calls.post(GROUPS, body).await, 409, Some("uniqueness"));
    refused(&d.calls.post(GROUPS, json!({ "displayName": "ENGINEERS" })).await, 409, Some("uniqueness"));
    refused(
        &d.calls.post(GROUPS, json!({ "displayName": "Others", "externalId": "00g1" })).await,
        409,
        Some("uniqueness"),
    );
    for bad in [json!({}), json!({ "displayName": "G", "members": [{ "value": "x" }] })] {
        refused(&d.calls.post(GROUPS, bad).await, 400, Some("invalidValue"));
    }
    // as /v1 knows it
    let path = format!("/v1/groups/{}", id(&made));
    let seen = w.owner().get(&path).await.expect(200);
    assert_eq!(
        (&seen["name"], &seen["source"], &seen["member_count"], &seen["external_id"], &seen["identity_provider_id"]),
        (&json!("Engineers"), &json!("scim"), &json!(1), &json!("00g1"), &json!(d.id))
    );
    let replaced = json!({ "displayName": "Makers", "members": [{ "value": b["id"] }] });
    let replaced = d.calls.put(&at(&made), replaced).await.expect(200);
    assert_eq!((inside(&replaced), &replaced["displayName"]), (ids(&[&b]), &json!("Makers")));
    assert!(replaced.get("externalId").is_none());
    // a PUT that says nothing of members leaves them
    let renamed = d.calls.put(&at(&made), json!({ "displayName": "Doers" })).await.expect(200);
    assert_eq!(inside(&renamed), ids(&[&b]));
    // whoever is deleted is in no group
    d.calls.delete(&at(&b)).await.expect(204);
    assert_eq!(inside(&d.calls.get(&at(&made)).await.expect(200)), [""; 0]);
    d.calls.delete(&at(&made)).await.expect(204);
    refused(&d.calls.get(&at(&made)).await, 404, None);
    w.owner().get(&path).await.refused(404, "not_found");
}

async fn members_are_patched_as_directories_do(w: World) {
    let d = directory(&w, "Entra", json!({})).await;
    let (a, b, c) = (d.person("ada").await, d.person("bob").await, d.person("cem").await);
    let g = group(&d, "Engineers", &[]).await;
    let then = async |operations: Value| d.patch(&at(&g), operations).await.expect(200);
    let add = |people: &[&Value]| {
        let list: Vec<Value> = people.iter().map(|p| json!({ "$ref": null, "value": p["id"] })).collect();
        json!([{ "op": "Add", "path": "members", "value": list }])
    };
    assert_eq!(inside(&then(add(&[&a, &b])).await), ids(&[&a, &b]));
    let again = d.patch(&at(&g), add(&[&a])).await;
    assert_eq!((inside(&again.json()), again.header("etag")), (ids(&[&a, &b]), Some("\"2\"")), "nothing changed");
    let gone = json!([{ "op": "Remove", "path": "members", "value": [{ "value": a["id"] }] }]);
    assert_eq!(inside(&then(gone).await), ids(&[&b]));
    then(add(&[&a, &c])).await;
    let gone = json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", id(&b)) }]);
    assert_eq!(inside(&then(gone).await), ids(&[&a, &c]));
    let set = json!([{ "op": "replace", "path": "members", "value": [{ "value": b["id"] }] }]);
    assert_eq!(inside(&then(set).await), ids(&[&b]));
    let both = json!([
        { "op": "replace", "value": { "displayName": "Makers" } },
        { "op": "remove", "path": "members" },
        { "op": "add", "value": { "members": [{ "value": c["id"] }] } },
    ]);
    let both = then(both).await;
    assert_eq!((inside(&both), &both["displayName"]), (ids(&[&c]), &json!("Makers")));
    // all of it or nothing
    let half = json!([
        { "op": "remove", "path": "members" },
        { "op": "add", "path": "members", "value": [{ "value": NOBODY }] },
    ]);
    refused(&d.patch(&at(&g), half).await, 400, Some("invalidValue"));
    assert_eq!(inside(&d.calls.get(&at(&g)).await.expect(200)), ids(&[&c]));
    refused(
        &d.patch(&at(&g), json!([{ "op": "replace", "path": "owners", "value": 1 }])).await,
        400,
        Some("invalidPath"),
    );
    let nested = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&g), "type": "Group" }] }]);
    refused(&d.patch(&at(&g), nested).await, 400, Some("invalidValue"));
    // nobody is there to be taken out, and that is no error
    let stranger = json!([{ "op": "remove", "path": format!("members[value eq \"{NOBODY}\"]") }]);
    then(stranger).await;
}

async fn a_groups_roles_come_and_go_with_its_members(e: Engine) {
    let (s, d) = stage(e, json!({})).await;
    let w = &s.w;
    let p = d.person("ada").await;
    let g = group(&d, "Approvers", &[]).await;
    w.owner().post(&format!("/v1/groups/{}/roles", id(&g)), json!({ "role": "approver" })).await.expect(201);
    let hers = s.person("ada").await;
    hers.get("/v1/policies").await.refused(403, "forbidden");
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&p) }] }]);
    d.patch(&at(&g), add).await.expect(200);
    hers.get("/v1/policies").await.expect(200);
    let user = w.owner().get(&format!("/v1/users/{}", id(&p))).await.expect(200);
    assert_eq!((&user["roles"], &user["effective_roles"]), (&json!(["user"]), &json!(["user", "approver"])));
    d.patch(&at(&g), json!([{ "op": "remove", "path": "members" }])).await.expect(200);
    hers.get("/v1/policies").await.refused(403, "forbidden");
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&p) }] }]);
    d.patch(&at(&g), add).await.expect(200);
    hers.get("/v1/policies").await.expect(200);
    d.calls.delete(&at(&g)).await.expect(204);
    hers.get("/v1/policies").await.refused(403, "forbidden");
}

async fn a_group_of_a_directory_is_not_changed_by_hand(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("ada").await;
    let g = group(&d, "Engineers", &[&p]).await;
    let path = format!("/v1/groups/{}", id(&g));
    w.owner().put(&path, json!({ "name": "Mine" })).await.refused(409, "managed_externally");
    w.owner().delete(&path).await.refused(409, "managed_externally");
    let members = format!("{path}/members");
    w.owner().post(&members, json!({ "user_id": w.owner_id })).await.refused(409, "managed_externally");
    w.owner().delete(&format!("{members}/{}", id(&p))).await.refused(409, "managed_externally");
    let listed = w.owner().get(&members).await.expect(200);
    assert_eq!(listed["data"][0]["membership_source"], "scim");
    // nor is one made by hand the directory's, whatever it is called
    w.owner().post("/v1/groups", json!({ "name": "Admins" })).await.expect(201);
    refused(&d.calls.post(GROUPS, json!({ "displayName": "admins" })).await, 409, Some("uniqueness"));
    refused(
        &d.patch(&at(&g), json!([{ "op": "replace", "path": "displayName", "value": "Admins" }])).await,
        409,
        Some("uniqueness"),
    );
}

async fn a_group_that_a_rule_names_is_not_deleted(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let g = group(&d, "Engineers", &[]).await;
    let rule = format!("forbid (principal in Group::\"{}\", action == Action::\"users:delete\", resource);", id(&g));
    let policy = w.policy("Engineers delete nobody", 10, &rule).await;
    refused(&d.calls.delete(&at(&g)).await, 409, None);
    w.owner().delete(&format!("/v1/policies/{policy}")).await.expect(204);
    d.calls.delete(&at(&g)).await.expect(204);
}

async fn sec_14_one_call_changes_at_most_a_thousand_members(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let mut people = vec![];
    for n in 0..3 {
        people.push(d.make(ada(&format!("p{n}"))).await);
    }
    let g = group(&d, "Many", &people.iter().collect::<Vec<_>>()).await;
    let nobody: Vec<Value> = (0..1_001).map(|_| json!({ "value": NOBODY })).collect();
    let add = |list: &[Value]| json!([{ "op": "add", "path": "members", "value": list }]);
    refused(&d.patch(&at(&g), add(&nobody)).await, 400, Some("tooMany"));
    refused(&d.patch(&at(&g), add(&nobody[..1_000])).await, 400, Some("invalidValue"));
    let mut distinct: Vec<Value> =
        (0..1_200).map(|n| json!({ "value": format!("0199c0de-0000-7000-8000-{n:012}") })).collect();
    refused(&d.calls.put(&at(&g), json!({ "displayName": "Many", "members": distinct })).await, 400, Some("tooMany"));
    distinct.truncate(1);
    refused(
        &d.calls.put(&at(&g), json!({ "displayName": "Many", "members": distinct })).await,
        400,
        Some("invalidValue"),
    );
    // a list that says what is so changes nothing, however often
    let same: Vec<Value> = people.iter().cycle().take(1_500).map(|p| json!({ "value": p["id"] })).collect();
    let put = d.calls.put(&at(&g), json!({ "displayName": "Many", "members": same })).await;
    assert_eq!((inside(&put.expect(200)).len(), put.header("etag")), (3, Some("\"1\"")));
}

/// Puts so many more into a group, of whom nobody is anybody, as `member` is in it.
async fn fill(w: &World, g: &Value, member: &Value, more: usize) {
    let columns = |id: &str| {
        format!(
            "tenant, {id}, role_id, namespace, object_id, bearer_type, {id}, relation, title, metadata, created_at, updated_at"
        )
    };
    let bare = |v: &Value| id(v).replace('-', "");
    let sql = if w.engine.is_sqlite() {
        format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {more}) INSERT INTO role_bindings \
             SELECT {} FROM role_bindings, n WHERE object_id = X'{}' AND bearer_id = X'{}'",
            columns("randomblob(16)"),
            bare(g),
            bare(member)
        )
    } else {
        format!(
            "INSERT INTO role_bindings SELECT {} FROM role_bindings, generate_series(1, {more}) \
             WHERE object_id = '{}' AND bearer_id = '{}'",
            columns("gen_random_uuid()"),
            id(g),
            id(member)
        )
    };
    execute(w, &sql).await;
}
async fn sec_14_a_group_has_at_most_ten_thousand_members(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let (a, b) = (d.person("ada").await, d.person("bob").await);
    let g = group(&d, "Many", &[&a]).await;
    fill(&w, &g, &a, 9_999).await;
    assert_eq!(inside(&d.calls.get(&at(&g)).await.expect(200)).len(), 10_000);
    let add = |p: &Value| json!({ "op": "add", "path": "members", "value": [{ "value": id(p) }] });
    let gone = |p: &Value| json!({ "op": "remove", "path": format!("members[value eq \"{}\"]", id(p)) });
    refused(&d.patch(&at(&g), json!([add(&b)])).await, 400, Some("tooMany"));
    assert_eq!(d.calls.get(&at(&g)).await.header("etag"), Some("\"1\""), "nothing of it was done");
    let swapped = d.patch(&at(&g), json!([add(&b), gone(&a)])).await.expect(200);
    assert_eq!(inside(&swapped).len(), 10_000);
    // one of an earlier version
    fill(&w, &g, &b, 2).await;
    for path in [at(&g), GROUPS.to_owned()] {
        let e = refused(&d.calls.get(&path).await, 400, Some("tooMany"));
        assert!(e["detail"].as_str().unwrap().contains("excludedAttributes=members"), "{e}");
    }
    d.calls.get(&format!("{}?excludedAttributes=members", at(&g))).await.expect(200);
    // what can be done is done, and told without them
    let out = d.patch(&at(&g), json!([gone(&b)])).await;
    assert_eq!((out.header("etag"), out.expect(200).get("members")), (Some("\"3\""), None));
}

async fn a_stale_etag_changes_no_group(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("ada").await;
    let g = group(&d, "Engineers", &[]).await;
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&p) }] }]);
    let changed = d.patch(&at(&g), add.clone()).await;
    assert_eq!(changed.header("etag"), Some("\"2\""), "who is in it is part of it");
    let stale = Directory { calls: d.calls.with("if-match", "\"1\""), id: d.id.clone(), key: d.key.clone() };
    refused(&stale.patch(&at(&g), json!([{ "op": "remove", "path": "members" }])).await, 412, None);
    refused(&stale.calls.put(&at(&g), json!({ "displayName": "X" })).await, 412, None);
    refused(&stale.calls.delete(&at(&g)).await, 412, None);
    assert_eq!(d.calls.with("if-none-match", "\"2\"").get(&at(&g)).await.status, 304);
}
