//! Groups of the tenant (spec v1 4.4, decisions 16 and 18): what `/v1` does with them, and what they carry on both surfaces.
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::tables::execute;
use crate::world::*;

both!(
    who_may_do_what_with_a_group_of_the_tenant,
    a_group_is_made_read_changed_and_ended,
    names_of_groups_are_unique_whatever_their_case,
    groups_are_listed_and_narrowed,
    members_come_and_go,
    a_plain_member_sees_their_own_group_alone,
    what_a_group_carries_counts_at_the_very_next_call,
    a_disabled_group_carries_nothing,
    a_key_has_what_the_groups_of_its_maker_carry,
    rules_name_groups_by_name_and_slug,
    sec_12_a_group_of_a_directory_is_not_changed_by_hand,
    sec_02_a_group_of_another_tenant_is_not_there,
    the_other_surface_shows_them_under_the_platform,
    changes_of_tenant_groups_leave_events,
);

pub async fn made(by: &Client, name: &str) -> String {
    id(&by.post("/v1/groups", json!({ "name": name })).await.expect(201))
}
pub async fn add(by: &Client, group: &str, user: &str) -> Answer {
    by.post(&format!("/v1/groups/{group}/members"), json!({ "user_id": user })).await
}
pub async fn map(by: &Client, group: &str, role: &str) -> Answer {
    by.post(&format!("/v1/groups/{group}/roles"), json!({ "role": role })).await
}
pub async fn effective(w: &World, user: &str) -> Value {
    w.owner().get(&format!("/v1/users/{user}")).await.expect(200)["effective_roles"].clone()
}

async fn who_may_do_what_with_a_group_of_the_tenant(w: World) {
    let other = w.second_tenant("Rival").await;
    let (plain, approver) = (w.person("Pat", &["user"]).await, w.person("Ada", &["user", "approver"]).await);
    let (admin, someone) = (w.person("Adam", &["user", "admin"]).await, w.person("Sam", &["user"]).await);
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*"] })).await;
    let g = made(&w.owner(), "Backend").await;
    let at = format!("/v1/groups/{g}");
    for (who, by, make, read, change) in [
        ("nobody", w.anonymous().with("x-tenant-id", &*w.tenant), 401, 401, 401),
        ("a plain user", plain.client.clone(), 403, 403, 403),
        ("an approver", approver.client.clone(), 403, 200, 403),
        ("a narrow key", narrow, 403, 403, 403),
        ("another tenant's owner", other.owner.client.clone(), 201, 404, 404),
        ("an admin", admin.client.clone(), 201, 200, 200),
        ("a service key", w.service(), 201, 200, 200),
    ] {
        let a = by.post("/v1/groups", json!({ "name": format!("Of {who}") })).await;
        assert_eq!(a.status, make, "{who} makes: {}", a.text());
        for path in [at.clone(), format!("{at}/members")] {
            assert_eq!(by.get(&path).await.status, read, "{who} reads {path}");
        }
        let ok = |status: u16| if change == 200 { status } else { change };
        let a = by.put(&at, json!({ "description": who })).await;
        assert_eq!(a.status, ok(200), "{who} changes: {}", a.text());
        assert_eq!(add(&by, &g, &someone.id).await.status, ok(201), "{who} adds");
        assert_eq!(by.delete(&format!("{at}/members/{}", someone.id)).await.status, ok(204), "{who} removes");
        assert_eq!(map(&by, &g, "approver").await.status, ok(201), "{who} maps");
        assert_eq!(by.delete(&format!("{at}/roles/approver")).await.status, ok(204), "{who} unmaps");
        if change != 200 {
            assert_eq!(by.delete(&at).await.status, change, "{who} ends");
        }
    }
    // one that is not there reads for those who may not like one that is
    let (there, not) = (plain.client.get(&at).await, plain.client.get(&format!("/v1/groups/{}", w.tenant)).await);
    assert_eq!((there.status, there.json()), (not.status, not.json()));
    w.owner().get(&format!("/v1/groups/{}", w.tenant)).await.refused(404, "not_found");
}

async fn a_group_is_made_read_changed_and_ended(w: World) {
    let body = json!({ "name": "Human Resources", "description": "People about people" });
    let a = w.owner().post("/v1/groups", body).await;
    let g = a.expect(201);
    let at = format!("/v1/groups/{}", id(&g));
    assert_eq!((a.header("location"), a.header("etag")), (Some(&*at), Some("\"1\"")));
    for (field, value) in [
        ("name", json!("Human Resources")),
        ("source", json!("local")),
        ("description", json!("People about people")),
        ("member_count", json!(0)),
        ("role_mappings", json!([])),
        ("external_id", Value::Null),
        ("identity_provider_id", Value::Null),
    ] {
        assert_eq!(g[field], value, "{field}");
    }
    let read = w.owner().get(&at).await;
    assert_eq!((read.header("etag"), read.json()), (Some("\"1\""), g));
    w.owner().with("if-match", "\"7\"").put(&at, json!({ "name": "HR" })).await.refused(412, "precondition_failed");
    let changed = w.owner().with("if-match", "\"1\"").put(&at, json!({ "name": "HR", "description": null })).await;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let g = changed.expect(200);
    assert_eq!((&g["name"], &g["description"]), (&json!("HR"), &Value::Null));
    w.owner().put(&at, json!({ "source": "scim" })).await.refused(400, "invalid_input");
    w.owner().post("/v1/groups", json!({ "name": " " })).await.refused(400, "invalid_input");
    w.owner().with("if-match", "\"1\"").delete(&at).await.refused(412, "precondition_failed");
    assert_eq!(w.owner().delete(&at).await.status, 204);
    w.owner().delete(&at).await.refused(404, "not_found");
    w.owner().get(&at).await.refused(404, "not_found");
}

async fn names_of_groups_are_unique_whatever_their_case(w: World) {
    let (first, second) = (made(&w.owner(), "Café Team").await, made(&w.owner(), "Other").await);
    w.owner().post("/v1/groups", json!({ "name": "CAFÉ team" })).await.refused(409, "already_exists");
    let rename = json!({ "name": "café TEAM" });
    w.owner().put(&format!("/v1/groups/{second}"), rename.clone()).await.refused(409, "already_exists");
    // the same group may spell it anew
    w.owner().put(&format!("/v1/groups/{first}"), rename).await.expect(200);
    // another tenant's and an organization's are in nobody's way
    let other = w.second_tenant("Rival").await;
    made(&other.owner.client, "Other").await;
    let o = organization(&w.owner(), "acme-corp").await;
    group(&w.owner(), &o, "other").await;
    // two titles may make one slug
    made(&w.owner(), "a b c").await;
    made(&w.owner(), "a-b-c").await;
    let again = w.owner().with("idempotency-key", "k1");
    let body = json!({ "name": "Once" });
    let (a, b) = (again.post("/v1/groups", body.clone()).await.expect(201), again.post("/v1/groups", body).await);
    assert_eq!(a, b.expect(201));
}

async fn groups_are_listed_and_narrowed(w: World) {
    for name in ["Alpha Team", "Beta", "Team Gamma"] {
        made(&w.owner(), name).await;
        w.clock.pass(1);
    }
    let names = async |query: &str| {
        let page = w.owner().get(&format!("/v1/groups?{query}")).await.expect(200);
        all(&page["data"], "name")
    };
    assert_eq!(names("").await, ["Team Gamma", "Beta", "Alpha Team"]);
    assert_eq!(names("q=team").await, ["Team Gamma", "Alpha Team"]);
    assert_eq!(names("q=%25").await, [""; 0]);
    assert_eq!(names("source=local").await.len(), 3);
    assert_eq!(names("source=scim").await, [""; 0]);
    let first = w.owner().get("/v1/groups?limit=2").await.expect(200);
    let next = first["next_cursor"].as_str().unwrap();
    assert_eq!(names(&format!("limit=2&cursor={next}")).await, ["Alpha Team"]);
    w.owner().get("/v1/groups?source=magic").await.refused(400, "invalid_input");
    w.owner().get("/v1/groups?name=x").await.refused(400, "invalid_input");
    w.owner().get(&format!("/v1/groups?q=a&cursor={next}")).await.refused(400, "invalid_input");
}

async fn members_come_and_go(w: World) {
    let (ann, bea) = (w.person("Ann", &["user"]).await, w.person("Bea", &["user"]).await);
    let g = made(&w.owner(), "Backend").await;
    let at = format!("/v1/groups/{g}/members");
    let a = add(&w.owner(), &g, &ann.id).await;
    assert_eq!(a.header("location"), Some(&*format!("{at}/{}", ann.id)));
    let m = a.expect(201);
    assert_eq!((&m["id"], &m["email"], &m["active"]), (&json!(ann.id), &json!(ann.email), &json!(true)));
    assert_eq!((&m["membership_source"], m["joined_at"].is_string()), (&json!("local"), true));
    add(&w.owner(), &g, &ann.id).await.refused(409, "already_member");
    add(&w.owner(), &g, &w.tenant).await.refused(422, "unprocessable");
    add(&w.owner(), &g, "x").await.refused(400, "invalid_input");
    add(&w.owner(), &g, &bea.id).await.expect(201);
    assert_eq!(w.owner().get(&format!("/v1/groups/{g}")).await.expect(200)["member_count"], 2);
    let users = w.owner().get(&format!("/v1/users?group_id={g}&sort=name")).await.expect(200);
    assert_eq!(all(&users["data"], "id"), [ann.id.clone(), bea.id.clone()]);
    // a suspended one stays a member, but none becomes one
    w.owner().post(&format!("/v1/users/{}/suspend", bea.id), json!({ "active": false })).await.expect(200);
    let list = w.owner().get(&at).await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    w.owner().delete(&format!("{at}/{}", bea.id)).await;
    add(&w.owner(), &g, &bea.id).await.refused(409, "conflict");
    assert_eq!(w.owner().delete(&format!("{at}/{}", ann.id)).await.status, 204);
    w.owner().delete(&format!("{at}/{}", ann.id)).await.refused(404, "not_found");
    assert_eq!(w.owner().get(&at).await.expect(200), json!({ "data": [] }));
    // who is erased is in no group any more
    let cid = w.person("Cid", &["user"]).await;
    add(&w.owner(), &g, &cid.id).await.expect(201);
    assert_eq!(w.owner().delete(&format!("/v1/users/{}", cid.id)).await.status, 204);
    assert_eq!(w.owner().get(&at).await.expect(200), json!({ "data": [] }));
}

async fn a_plain_member_sees_their_own_group_alone(w: World) {
    let ann = w.person("Ann", &["user"]).await;
    let (mine, theirs) = (made(&w.owner(), "Mine").await, made(&w.owner(), "Theirs").await);
    add(&w.owner(), &mine, &ann.id).await.expect(201);
    assert_eq!(all(&ann.client.get("/v1/groups").await.expect(200)["data"], "name"), ["Mine"]);
    ann.client.get(&format!("/v1/groups/{mine}")).await.expect(200);
    ann.client.get(&format!("/v1/groups/{mine}/members")).await.expect(200);
    ann.client.get(&format!("/v1/groups/{theirs}")).await.refused(403, "forbidden");
    ann.client.get(&format!("/v1/groups/{theirs}/members")).await.refused(403, "forbidden");
    ann.client.put(&format!("/v1/groups/{mine}"), json!({ "name": "Ours" })).await.refused(403, "forbidden");
}

/// What only an admin may, on each surface.
async fn is_admin(by: &Client) -> (bool, bool) {
    (by.get("/v1/audit-log").await.status == 200, by.get("/v1beta1/admin/users").await.status == 200)
}

async fn what_a_group_carries_counts_at_the_very_next_call(w: World) {
    let ann = w.person("Ann", &["user"]).await;
    let g = made(&w.owner(), "Admins").await;
    let of_ann = format!("/v1/groups/{g}/members/{}", ann.id);
    // her credential is remembered from here on
    assert_eq!(is_admin(&ann.client).await, (false, false));
    add(&w.owner(), &g, &ann.id).await.expect(201);
    assert_eq!(is_admin(&ann.client).await, (false, false));
    let mapped = map(&w.owner(), &g, "admin").await;
    assert_eq!(mapped.header("location"), Some(&*format!("/v1/groups/{g}/roles/admin")));
    assert_eq!(mapped.expect(201)["role"], "admin");
    assert_eq!(is_admin(&ann.client).await, (true, true));
    assert_eq!(effective(&w, &ann.id).await, json!(["user", "admin"]));
    let seen = w.owner().get(&format!("/v1/users/{}", ann.id)).await.expect(200);
    assert_eq!(seen["roles"], json!(["user"]), "her own stay what they are");
    let listed = w.owner().get(&format!("/v1/users?email={}", ann.email)).await.expect(200);
    assert_eq!(listed["data"][0]["effective_roles"], json!(["user", "admin"]));
    let me = ann.client.get("/v1/users/me/permissions").await.expect(200);
    assert_eq!(me["roles"], json!(["user", "admin"]));
    let g_now = w.owner().get(&format!("/v1/groups/{g}")).await.expect(200);
    assert_eq!(all(&g_now["role_mappings"], "role"), ["admin"]);
    map(&w.owner(), &g, "admin").await.refused(409, "already_member");
    map(&w.owner(), &g, "emperor").await.refused(422, "invalid_roles");
    map(&w.owner(), &g, "checker").await.refused(422, "invalid_roles");
    // it ends with the membership, and with the mapping
    assert_eq!(w.owner().delete(&of_ann).await.status, 204);
    assert_eq!(is_admin(&ann.client).await, (false, false));
    add(&w.owner(), &g, &ann.id).await.expect(201);
    assert_eq!(is_admin(&ann.client).await, (true, true));
    assert_eq!(w.owner().delete(&format!("/v1/groups/{g}/roles/admin")).await.status, 204);
    w.owner().delete(&format!("/v1/groups/{g}/roles/admin")).await.refused(404, "not_found");
    assert_eq!(is_admin(&ann.client).await, (false, false));
    // and with the group
    map(&w.owner(), &g, "admin").await.expect(201);
    assert_eq!(is_admin(&ann.client).await, (true, true));
    assert_eq!(w.owner().delete(&format!("/v1/groups/{g}")).await.status, 204);
    assert_eq!(is_admin(&ann.client).await, (false, false));
    assert_eq!(effective(&w, &ann.id).await, json!(["user"]));
}

async fn a_disabled_group_carries_nothing(w: World) {
    let ann = w.person("Ann", &["user"]).await;
    let g = made(&w.owner(), "Admins").await;
    add(&w.owner(), &g, &ann.id).await.expect(201);
    map(&w.owner(), &g, "admin").await.expect(201);
    assert_eq!(is_admin(&ann.client).await, (true, true));
    let at = format!("/v1beta1/organizations/00000000-0000-0000-0000-000000000000/groups/{g}");
    w.owner().post(&format!("{at}/disable"), json!({})).await.expect(200);
    assert_eq!(is_admin(&ann.client).await, (false, false));
    assert_eq!(effective(&w, &ann.id).await, json!(["user"]));
    w.owner().post(&format!("{at}/enable"), json!({})).await.expect(200);
    assert_eq!(is_admin(&ann.client).await, (true, true));
}

async fn a_key_has_what_the_groups_of_its_maker_carry(w: World) {
    let ann = w.person("Ann", &["user"]).await;
    let (_, key) = w.api_key(&ann.client, json!({ "name": "k" })).await;
    let g = made(&w.owner(), "Admins").await;
    add(&w.owner(), &g, &ann.id).await.expect(201);
    assert_eq!(is_admin(&key).await, (false, false));
    map(&w.owner(), &g, "admin").await.expect(201);
    assert_eq!(is_admin(&key).await, (true, true));
    w.owner().delete(&format!("/v1/groups/{g}/members/{}", ann.id)).await;
    assert_eq!(is_admin(&key).await, (false, false));
    // a token that is made now says so, too, and is looked at all the same
    let token = w.login(&ann.email).await.expect(200)["token"].as_str().unwrap().to_owned();
    assert_eq!(is_admin(&w.bearer(&token)).await, (false, false));
}

async fn rules_name_groups_by_name_and_slug(w: World) {
    let ann = w.person("Ann", &["user"]).await;
    let g = made(&w.owner(), "Human Resources").await;
    add(&w.owner(), &g, &ann.id).await.expect(201);
    let cedar =
        |name: &str| format!("permit (principal in Group::\"{name}\", action == Action::\"users:create\", resource);");
    for name in ["Human Resources", "group:human RESOURCES", "human-resources"] {
        let policy = w.policy(name, 5, &cedar(name)).await;
        let at = format!("/v1/policies/{policy}");
        let text = w.owner().get(&at).await.expect(200)["rules"][0]["policy_text"].as_str().unwrap().to_owned();
        assert!(text.contains(&format!("Group::\"{g}\"")), "stored as its id: {text}");
        ann.client.post("/v1/users", new_user()).await.expect(201);
        // what a rule names does not go
        let e = w.owner().delete(&format!("/v1/groups/{g}")).await.refused(409, "in_use");
        assert_eq!(e["details"]["used_by"]["policies"], json!([policy]));
        let e = connect(&w.owner(), "DeleteGroup", json!({ "id": g, "org_id": w.tenant })).await;
        assert_eq!(code(&e), "failed_precondition", "{}", e.text());
        // but may get another name: the rule means the same group
        w.owner().put(&format!("/v1/groups/{g}"), json!({ "name": "People" })).await.expect(200);
        ann.client.post("/v1/users", new_user()).await.expect(201);
        w.owner().put(&format!("/v1/groups/{g}"), json!({ "name": "Human Resources" })).await.expect(200);
        assert_eq!(w.owner().delete(&at).await.status, 204);
    }
    ann.client.post("/v1/users", new_user()).await.refused(403, "forbidden");
    let unknown = json!({ "name": "x", "max_duration_seconds": 60, "cedar_policy_set": cedar("Nobody") });
    w.owner().post("/v1/policies", unknown).await.refused(422, "policy_invalid");
    // the parts of a rule may name one too
    let policy = w.policy("parts", 5, &cedar(&g)).await;
    let rule = json!({ "effect": "forbid", "principal_scope_type": "in", "principal_entity_type": "Group",
        "principal_entity_id": "Human Resources", "action_scope_type": "eq", "action_ids": ["users:create"] });
    let made_rule = w.owner().post(&format!("/v1/policies/{policy}/rules"), rule).await.expect(201);
    assert_eq!(made_rule["principal_entity_id"], json!(g));
    // a name that could be two groups' is none's: nobody makes one to be taken for the other
    made(&w.owner(), "human-resources").await;
    let unclear = json!({ "name": "y", "max_duration_seconds": 60, "cedar_policy_set": cedar("human-resources") });
    w.owner().post("/v1/policies", unclear).await.refused(422, "policy_invalid");
    // a stage names it likewise
    w.owner().delete(&format!("/v1/policies/{policy}")).await;
    let staged = json!({ "name": "staged", "max_duration_seconds": 60,
        "approval_stages": [{ "name": "one", "approvers": [{ "group_id": g }], "required": 1 }] });
    let staged = id(&w.owner().post("/v1/policies", staged).await.expect(201));
    w.owner().delete(&format!("/v1/groups/{g}")).await.refused(409, "in_use");
    w.owner().delete(&format!("/v1/policies/{staged}")).await;
    assert_eq!(w.owner().delete(&format!("/v1/groups/{g}")).await.status, 204);
}

/// No part of this version makes one: its row says so.
async fn sec_12_a_group_of_a_directory_is_not_changed_by_hand(w: World) {
    let ann = w.person("Ann", &["user"]).await;
    let g = made(&w.owner(), "From afar").await;
    add(&w.owner(), &g, &ann.id).await.expect(201);
    let sql = "UPDATE groups SET source = 'scim' WHERE title = 'From afar'";
    execute(&w, sql).await;
    let at = format!("/v1/groups/{g}");
    assert_eq!(w.owner().get(&at).await.expect(200)["source"], "scim");
    w.owner().put(&at, json!({ "name": "Mine" })).await.refused(409, "managed_externally");
    w.owner().delete(&at).await.refused(409, "managed_externally");
    add(&w.owner(), &g, &w.owner_id).await.refused(409, "managed_externally");
    w.owner().delete(&format!("{at}/members/{}", ann.id)).await.refused(409, "managed_externally");
    let a = in_group(&w.owner(), &g, &ann.id, GROUP_OWNER).await;
    assert_eq!(code(&a), "failed_precondition", "{}", a.text());
    let body = json!({ "body": { "role_id": GROUP_MEMBER, "resource": format!("app/group:{g}"),
        "principal": format!("app/user:{}", w.owner_id) } });
    assert_eq!(code(&connect(&w.owner(), "CreatePolicy", body).await), "failed_precondition");
    // what it carries is the tenant's own business
    map(&w.owner(), &g, "approver").await.expect(201);
}

async fn sec_02_a_group_of_another_tenant_is_not_there(w: World) {
    let other = w.second_tenant("Rival").await;
    let theirs = other.person("Tom", &["user"]).await;
    let g = made(&w.owner(), "Ours").await;
    let stranger = &other.owner.client;
    add(stranger, &g, &theirs.id).await.refused(404, "not_found");
    map(stranger, &g, "admin").await.refused(404, "not_found");
    add(&w.owner(), &g, &theirs.id).await.refused(422, "unprocessable");
    let listed = w.owner().get(&format!("/v1/users?group_id={}", made(stranger, "Theirs").await)).await.expect(200);
    assert_eq!(listed["data"], json!([]));
    // an organization's group is no group of the tenant
    let o = organization(&w.owner(), "acme-corp").await;
    let inside = group(&w.owner(), &o, "inside").await;
    w.owner().get(&format!("/v1/groups/{inside}")).await.refused(404, "not_found");
    map(&w.owner(), &inside, "admin").await.refused(404, "not_found");
}

async fn the_other_surface_shows_them_under_the_platform(w: World) {
    const PLATFORM: &str = "00000000-0000-0000-0000-000000000000";
    let ann = w.person("Ann", &["user"]).await;
    let g = made(&w.owner(), "Human Resources").await;
    add(&w.owner(), &g, &ann.id).await.expect(201);
    let o = organization(&w.owner(), "acme-corp").await;
    group(&w.owner(), &o, "inside").await;
    let all_at = format!("/v1beta1/organizations/{PLATFORM}/groups");
    let list = w.owner().get(&all_at).await.expect(200);
    assert_eq!(all(&list["groups"], "name"), ["human-resources"]);
    let shown = w.owner().get(&format!("{all_at}/{g}")).await.expect(200)["group"].clone();
    assert_eq!((&shown["title"], &shown["org_id"]), (&json!("Human Resources"), &json!(PLATFORM)));
    assert_eq!(
        w.owner().get(&format!("/v1beta1/admin/groups?org_id={PLATFORM}")).await.expect(200)["groups"],
        list["groups"]
    );
    assert_eq!(ann.client.get(&all_at).await.status, 403);
    assert_eq!(all(&ann.client.get("/v1beta1/users/self/groups").await.expect(200)["groups"], "id"), [&*g]);
    // its title is its name there: one of the tenant's has one, and no two the same
    made(&w.owner(), "Taken").await;
    let put =
        async |title: &str| w.owner().put(&format!("{all_at}/{g}"), json!({ "name": "people", "title": title })).await;
    assert_eq!(put("").await.status, 400);
    assert_eq!(put("taken").await.status, 409);
    put("People").await.expect(200);
    assert_eq!(w.owner().get(&format!("/v1/groups/{g}")).await.expect(200)["name"], "People");
}

async fn changes_of_tenant_groups_leave_events(w: World) {
    let ann = w.person("Ann", &["user"]).await;
    let g = made(&w.owner(), "Backend").await;
    w.owner().put(&format!("/v1/groups/{g}"), json!({ "description": "d" })).await.expect(200);
    add(&w.owner(), &g, &ann.id).await.expect(201);
    map(&w.owner(), &g, "approver").await.expect(201);
    w.owner().delete(&format!("/v1/groups/{g}/roles/approver")).await;
    w.owner().delete(&format!("/v1/groups/{g}/members/{}", ann.id)).await;
    w.owner().delete(&format!("/v1/groups/{g}")).await;
    let events = w.events("").await;
    let of_group: Vec<&str> =
        events.iter().rev().filter_map(|e| e["action"].as_str()).filter(|a| a.starts_with("group.")).collect();
    assert_eq!(
        of_group,
        [
            "group.created",
            "group.updated",
            "group.member_added",
            "group.role_mapped",
            "group.role_unmapped",
            "group.member_removed",
            "group.deleted"
        ]
    );
}
