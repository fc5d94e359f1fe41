//! Nobody gets or gives by a group what they may not get or give by themselves (decision 18), on either surface.
use std::time::Duration;

use serde_json::{Value, json};

use crate::tenant_groups::{add, effective, made, map};
use crate::world::access::*;
use crate::world::*;

both!(
    sec_11_nobody_changes_their_own_roles_by_a_group,
    a_rule_speaks_of_the_roles_that_a_group_carries,
    sec_11_who_may_not_give_a_role_gives_no_group_that_carries_it,
    sec_11_scopes_for_groups_give_no_roles,
    sec_11_who_owns_a_group_gives_nothing_that_it_carries,
    sec_11_an_invitation_to_a_member_of_a_group_is_worth_its_roles,
    sec_16_of_a_mapping_and_a_member_at_once_each_is_decided_on,
    rules_see_the_groups_and_roles_of_whom_something_is_done_to,
    the_owner_stays_what_they_are,
);

const PLATFORM: &str = "/v1beta1/organizations/00000000-0000-0000-0000-000000000000/groups";

fn binding(group: &str, user: &str) -> Value {
    json!({ "body": { "role_id": GROUP_MEMBER, "resource": format!("app/group:{group}"), "principal": format!("app/user:{user}") } })
}
/// Every way in which somebody could be put into a group, with the status of each.
async fn ways_in(by: &Client, group: &str, user: &str) -> Vec<u16> {
    let users = format!("{PLATFORM}/{group}/users");
    vec![
        add(by, group, user).await.status,
        by.post(&users, json!({ "user_ids": [user] })).await.status,
        in_group(by, group, user, GROUP_MEMBER).await.status,
        connect(by, "CreatePolicy", binding(group, user)).await.status,
    ]
}

async fn sec_11_nobody_changes_their_own_roles_by_a_group(w: World) {
    let adam = w.person("Adam", &["user", "admin"]).await;
    let g = made(&w.owner(), "Approvers").await;
    map(&w.owner(), &g, "approver").await.expect(201);
    // in by none of the ways, by a key of his neither
    let (_, key) = w.api_key(&adam.client, json!({ "name": "k" })).await;
    for by in [&adam.client, &key] {
        assert_eq!(ways_in(by, &g, &adam.id).await, [403; 4]);
    }
    assert_eq!(effective(&w, &adam.id).await, json!(["user", "admin"]));
    // once he is in: not out, and nothing that changes what he holds by it
    add(&w.owner(), &g, &adam.id).await.expect(201);
    for by in [&adam.client, &key] {
        let at = format!("/v1/groups/{g}");
        by.delete(&format!("{at}/members/{}", adam.id)).await.refused(403, "forbidden");
        assert_eq!(by.delete(&format!("{PLATFORM}/{g}/users/{}", adam.id)).await.status, 403);
        map(by, &g, "user").await.refused(403, "forbidden");
        by.delete(&format!("{at}/roles/approver")).await.refused(403, "forbidden");
        assert_eq!(by.post(&format!("{PLATFORM}/{g}/disable"), json!({})).await.status, 403);
        by.delete(&at).await.refused(403, "forbidden");
        assert_eq!(by.delete(&format!("{PLATFORM}/{g}")).await.status, 403);
    }
    // of a group that carries nothing he may be, but then gives it nothing
    let plain = made(&adam.client, "Plain").await;
    add(&adam.client, &plain, &adam.id).await.expect(201);
    map(&adam.client, &plain, "approver").await.refused(403, "forbidden");
    // another admin may do it all
    let eve = w.person("Eve", &["user", "admin"]).await;
    map(&eve.client, &plain, "approver").await.expect(201);
    assert_eq!(eve.client.delete(&format!("/v1/groups/{g}/members/{}", adam.id)).await.status, 204);
    assert_eq!(eve.client.delete(&format!("/v1/groups/{plain}")).await.status, 204);
}

async fn a_rule_speaks_of_the_roles_that_a_group_carries(w: World) {
    let eve = w.person("Eve", &["user", "admin"]).await;
    let (powerful, plain) = (made(&w.owner(), "Powerful").await, made(&w.owner(), "Plain").await);
    map(&w.owner(), &powerful, "admin").await.expect(201);
    let cedar = r#"forbid (principal, action in Action::"groups:*", resource in Role::"admin");"#;
    w.policy("the powerful stay", 9, cedar).await;
    eve.client.put(&format!("/v1/groups/{powerful}"), json!({ "name": "Weak" })).await.refused(403, "forbidden");
    eve.client.put(&format!("/v1/groups/{plain}"), json!({ "name": "Weak" })).await.expect(200);
}

async fn sec_11_who_may_not_give_a_role_gives_no_group_that_carries_it(w: World) {
    let (adam, sam) = (w.person("Adam", &["user", "admin"]).await, w.person("Sam", &["user"]).await);
    let (powerful, harmless) = (made(&w.owner(), "Powerful").await, made(&w.owner(), "Harmless").await);
    map(&w.owner(), &powerful, "admin").await.expect(201);
    map(&w.owner(), &harmless, "approver").await.expect(201);
    let cedar = format!(
        "@notice(\"Ask the board.\") forbid (principal == User::\"{}\", action == Action::\"roles:grant\", resource) \
         when {{ context has role && context.role == \"admin\" }};",
        adam.id
    );
    w.policy("no new admins", 9, &cedar).await;
    let by = &adam.client;
    assert_eq!(ways_in(by, &powerful, &sam.id).await, [403; 4]);
    let e = add(by, &powerful, &sam.id).await.refused(403, "forbidden");
    assert_eq!((&e["details"]["action"], &e["details"]["role"]), (&json!("roles:grant"), &json!("admin")));
    assert_eq!(e["notices"], json!(["Ask the board."]));
    // nor does he take it, or change the group
    add(&w.owner(), &powerful, &sam.id).await.expect(201);
    let (at, there) = (format!("/v1/groups/{powerful}"), format!("{PLATFORM}/{powerful}"));
    by.delete(&format!("{at}/members/{}", sam.id)).await.refused(403, "forbidden");
    by.delete(&format!("{at}/roles/admin")).await.refused(403, "forbidden");
    by.put(&at, json!({ "name": "Weak" })).await.refused(403, "forbidden");
    by.delete(&at).await.refused(403, "forbidden");
    assert_eq!(by.put(&there, json!({ "name": "weak", "title": "Weak" })).await.status, 403);
    assert_eq!(by.post(&format!("{there}/disable"), json!({})).await.status, 403);
    assert_eq!(by.delete(&format!("{there}/users/{}", sam.id)).await.status, 403);
    assert_eq!(by.delete(&there).await.status, 403);
    // the roles that he names himself are told as such
    let e = map(by, &harmless, "admin").await.refused(422, "invalid_roles");
    assert_eq!(e["details"]["roles"], json!(["admin"]));
    // what he may give he may give by a group
    add(by, &harmless, &sam.id).await.expect(201);
    map(by, &harmless, "user").await.expect(201);
}

async fn sec_11_scopes_for_groups_give_no_roles(w: World) {
    let sam = w.person("Sam", &["user"]).await;
    let g = made(&w.owner(), "Admins").await;
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "k", "scopes": ["groups:*"] })).await;
    map(&key, &g, "admin").await.refused(422, "invalid_roles");
    map(&w.owner(), &g, "admin").await.expect(201);
    add(&key, &g, &sam.id).await.refused(403, "forbidden");
    key.put(&format!("/v1/groups/{g}"), json!({ "name": "x" })).await.refused(403, "forbidden");
    key.delete(&format!("/v1/groups/{g}")).await.refused(403, "forbidden");
    let plain = made(&key, "Plain").await;
    add(&key, &plain, &sam.id).await.expect(201);
    let (_, both) = w.api_key(&w.owner(), json!({ "name": "b", "scopes": ["groups:*", "roles:grant"] })).await;
    add(&both, &g, &sam.id).await.expect(201);
}

async fn sec_11_who_owns_a_group_gives_nothing_that_it_carries(w: World) {
    let (olga, sam) = (w.person("Olga", &["user"]).await, w.person("Sam", &["user"]).await);
    let g = made(&w.owner(), "Approvers").await;
    in_group(&w.owner(), &g, &olga.id, GROUP_OWNER).await.expect(200);
    // by the other surface she keeps the group, as long as it carries nothing
    in_group(&olga.client, &g, &sam.id, GROUP_MEMBER).await.expect(200);
    assert_eq!(olga.client.delete(&format!("{PLATFORM}/{g}/users/{}", sam.id)).await.status, 200);
    map(&w.owner(), &g, "approver").await.expect(201);
    assert_eq!(effective(&w, &olga.id).await, json!(["user", "approver"]), "who owns a group is in it");
    assert_eq!(ways_in(&olga.client, &g, &sam.id).await, [403; 4]);
    assert_eq!(olga.client.post(&format!("{PLATFORM}/{g}/disable"), json!({})).await.status, 403);
    assert_eq!(olga.client.delete(&format!("{PLATFORM}/{g}")).await.status, 403);
    assert_eq!(effective(&w, &sam.id).await, json!(["user"]));
}

async fn sec_11_an_invitation_to_a_member_of_a_group_is_worth_its_roles(w: World) {
    let tenant = w.second_tenant("Rival").await;
    let (adam, g) = (tenant.person("Adam", &["user", "admin"]).await, made(&tenant.owner.client, "Admins").await);
    let rows = json!({ "email": "ivy@rival.example", "name": "Ivy", "roles": ["user"] });
    let by = tenant.owner.client.with("content-type", "application/x-ndjson");
    let made = by.send("POST", "/v1/users/import", format!("{rows}\n").as_bytes()).await;
    let ivy = id(&made.lines()[0]);
    add(&tenant.owner.client, &g, &ivy).await.expect(201);
    map(&tenant.owner.client, &g, "admin").await.expect(201);
    let cedar = format!("forbid (principal == User::\"{}\", action == Action::\"roles:grant\", resource);", adam.id);
    tenant.policy("no grants", 9, &cedar).await;
    // the link would make its holder an admin
    let invite = format!("/v1/users/{ivy}/resend-invite");
    adam.client.post(&invite, json!({})).await.refused(422, "invalid_roles");
    tenant.owner.client.post(&invite, json!({})).await.expect(200);
}

/// Who is allowed for what a group carries is not allowed for what it carries a moment later.
async fn sec_16_of_a_mapping_and_a_member_at_once_each_is_decided_on(w: World) {
    let adam = w.person("Adam", &["user", "admin"]).await;
    let cedar = format!("forbid (principal == User::\"{}\", action == Action::\"roles:grant\", resource);", adam.id);
    w.policy("no grants", 9, &cedar).await;
    let sam = w.person("Sam", &["user"]).await;
    for n in 0..24 {
        let g = made(&w.owner(), &format!("G{n}")).await;
        let (owner, adams) = (w.owner(), adam.client.clone());
        // now one and now the other has a little more time
        let late = Duration::from_micros(400 * (n % 6));
        let (mapped, added) = tokio::join!(map(&owner, &g, "admin"), async {
            tokio::time::sleep(late).await;
            add(&adams, &g, &sam.id).await
        });
        assert_eq!(mapped.status, 201, "{}", mapped.text());
        // he was first, or he was refused
        assert!(matches!(added.status, 201 | 403 | 409), "{}", added.text());
        if added.status != 201 {
            continue;
        }
        // the log numbers them in the order in which they were written
        let events = w.events(&format!("resource_id={g}")).await;
        let seq = |action: &str| events.iter().find(|e| e["action"] == action).unwrap()["seq"].as_i64().unwrap();
        assert!(seq("group.member_added") < seq("group.role_mapped"), "he was first");
    }
}

async fn rules_see_the_groups_and_roles_of_whom_something_is_done_to(w: World) {
    let (adam, vip) = (w.person("Adam", &["user", "admin"]).await, w.person("Vip", &["user"]).await);
    let g = made(&w.owner(), "Board").await;
    let cedar = format!(
        "forbid (principal == User::\"{}\", action == Action::\"users:suspend\", resource in Group::\"Board\");\n\
         forbid (principal == User::\"{}\", action == Action::\"users:delete\", resource in Role::\"approver\");",
        adam.id, adam.id
    );
    w.policy("the board stays", 9, &cedar).await;
    let suspend = async || adam.client.post(&format!("/v1/users/{}/suspend", vip.id), json!({ "active": true })).await;
    suspend().await.expect(200);
    add(&w.owner(), &g, &vip.id).await.expect(201);
    suspend().await.refused(403, "forbidden");
    map(&w.owner(), &g, "approver").await.expect(201);
    adam.client.delete(&format!("/v1/users/{}", vip.id)).await.refused(403, "forbidden");
    w.owner().delete(&format!("/v1/groups/{g}/members/{}", vip.id)).await;
    suspend().await.expect(200);
    assert_eq!(adam.client.delete(&format!("/v1/users/{}", vip.id)).await.status, 204);
}

async fn the_owner_stays_what_they_are(w: World) {
    let adam = w.person("Adam", &["user", "admin"]).await;
    let g = made(&adam.client, "Admins").await;
    map(&adam.client, &g, "admin").await.expect(201);
    add(&adam.client, &g, &w.owner_id).await.expect(201);
    assert_eq!(adam.client.delete(&format!("/v1/groups/{g}/members/{}", w.owner_id)).await.status, 204);
    assert_eq!(effective(&w, &w.owner_id).await, json!(["user", "admin"]));
    // no group makes an owner of a tenant, and none takes what the owner keeps
    let other = w.second_tenant("Rival").await;
    let (ann, eve) = (other.person("Ann", &["user"]).await, other.person("Eve", &["user", "admin"]).await);
    let g = made(&other.owner.client, "Admins").await;
    map(&other.owner.client, &g, "admin").await.expect(201);
    add(&other.owner.client, &g, &ann.id).await.expect(201);
    let key = json!({ "name": "s", "owner_type": "service", "scopes": ["*"] });
    for by in [&ann.client, &eve.client] {
        by.post("/v1/api-keys", key.clone()).await.refused(403, "forbidden");
    }
}
