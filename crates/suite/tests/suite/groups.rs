//! Groups of organizations and their members (spec v1beta1 2.3.5, 2.5, 3.3).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    who_may_do_what_with_a_group,
    whoever_makes_a_group_owns_it,
    a_name_is_unique_in_its_organization,
    an_update_replaces_name_title_and_metadata,
    metadata_of_groups_obeys_its_schema,
    an_organizations_groups_are_listed_and_narrowed,
    a_disabled_group_is_not_found_and_gives_nothing,
    members_come_from_the_groups_organization,
    a_role_must_be_one_for_groups,
    a_new_role_takes_the_place_of_the_old,
    add_group_users_of_the_rest_era_adds_all_or_nobody,
    the_last_owner_stays,
    a_disabled_owner_does_not_count_as_one,
    of_two_owners_who_go_at_once_one_stays,
    nobody_gives_more_on_a_group_than_they_hold,
    what_is_held_through_a_group_ends_with_it,
    my_groups_and_what_i_may_on_them,
    groups_of_another_user_are_for_superusers,
    a_group_of_another_tenant_is_not_there,
    a_disabled_organization_is_told_only_to_those_who_might,
    changes_of_groups_leave_events,
);

/// An organization with its owner, and somebody who is in it.
struct Place {
    owner: Person,
    member: Person,
    organization: String,
}
async fn place(w: &World) -> Place {
    let owner = w.person("Olga", &["user"]).await;
    let member = w.person("Max", &["user"]).await;
    let organization = organization(&owner.client, "acme-corp").await;
    join(w, &organization, &member.id, ORGANIZATION_VIEWER).await;
    Place { owner, member, organization }
}
impl Place {
    fn at(&self, group: &str) -> String {
        format!("/v1beta1/organizations/{}/groups/{group}", self.organization)
    }
    fn all(&self) -> String {
        format!("/v1beta1/organizations/{}/groups", self.organization)
    }
}
async fn members(by: &Client, group: &str) -> Vec<(String, Vec<String>)> {
    let list = connect(by, "ListGroupUsers", json!({ "id": group })).await.expect(200);
    let pairs = list["role_pairs"].as_array().cloned().unwrap_or_default();
    let mut out: Vec<_> =
        pairs.iter().map(|p| (p["user_id"].as_str().unwrap().to_owned(), sorted(&p["roles"], "name"))).collect();
    out.sort();
    out
}

async fn who_may_do_what_with_a_group(w: World) {
    let p = place(&w).await;
    let (other, stranger) = (w.person("Otto", &["user"]).await, w.person("Sam", &["user"]).await);
    join(&w, &p.organization, &other.id, ORGANIZATION_VIEWER).await;
    let tenant = w.second_tenant("Rival").await;
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*"] })).await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    in_group(&p.owner.client, &g, &p.member.id, GROUP_MEMBER).await.expect(200);
    let new = json!({ "name": "frontend" });
    for (who, by, create, read, change, everywhere) in [
        ("nobody", w.anonymous(), 401, 401, 401, 401),
        ("stranger", stranger.client.clone(), 403, 403, 403, 403),
        ("another tenant's admin", tenant.owner.client.clone(), 404, 404, 404, 200),
        ("a narrow key", narrow, 403, 403, 403, 403),
        ("in the organization", other.client.clone(), 403, 403, 403, 403),
        ("in the group", p.member.client.clone(), 403, 200, 403, 403),
        ("organization's owner", p.owner.client.clone(), 200, 200, 200, 403),
        ("superuser", w.owner(), 200, 200, 200, 200),
        ("service key", w.service(), 200, 200, 200, 200),
    ] {
        let made = by.post(&p.all(), new.clone()).await;
        assert_eq!(made.status, create, "{who} creates: {}", made.text());
        if create == 200 {
            by.delete(&p.at(&id(&made.json()["group"]))).await.expect(200);
        }
        assert_eq!(by.get(&p.all()).await.status, create, "{who} lists");
        assert_eq!(by.get("/v1beta1/admin/groups").await.status, everywhere, "{who} lists all");
        for path in [p.at(&g), format!("{}/users", p.at(&g))] {
            assert_eq!(by.get(&path).await.status, read, "{who} reads {path}");
        }
        let a = by.put(&p.at(&g), json!({ "name": "backend", "title": "T" })).await;
        assert_eq!(a.status, change, "{who} updates: {}", a.text());
        for word in ["disable", "enable"] {
            assert_eq!(by.post(&format!("{}/{word}", p.at(&g)), json!({})).await.status, change, "{who} {word}s");
        }
        assert_eq!(in_group(&by, &g, &p.member.id, GROUP_MEMBER).await.status, change, "{who} sets a role");
        let add = json!({ "user_ids": [p.member.id] });
        assert_eq!(by.post(&format!("{}/users", p.at(&g)), add).await.status, change, "{who} adds");
        if change != 200 {
            assert_eq!(by.delete(&format!("{}/users/{}", p.at(&g), p.member.id)).await.status, change, "{who}");
            assert_eq!(by.delete(&p.at(&g)).await.status, change, "{who} deletes");
        }
    }
    // what is not there reads for those who may not like what is
    let (there, not) = (stranger.client.get(&p.at(&g)).await, stranger.client.get(&p.at(NOBODY)).await);
    assert_eq!((there.status, there.json()), (not.status, not.json()));
    assert!(
        w.owner().get(&p.at(NOBODY)).await.expect(404)["message"].as_str().unwrap().starts_with("group doesn't exist")
    );
}

async fn whoever_makes_a_group_owns_it(w: World) {
    let p = place(&w).await;
    let made = connect(&p.owner.client, "CreateGroup", json!({ "org_id": "acme-corp", "body": { "name": "Backend" } }));
    let made = made.await.expect(200)["group"].clone();
    assert_eq!(
        (&made["name"], &made["org_id"]),
        (&json!("backend"), &json!(p.organization)),
        "by the name, lower-cased"
    );
    assert!(made.get("title").is_none() && made.get("users").is_none(), "Connect leaves zeros out: {made}");
    let of = |name: &str| vec![(name.to_owned(), vec!["app_group_owner".to_owned()])];
    assert_eq!(members(&p.owner.client, &id(&made)).await, of(&p.owner.id));
    let rest = p.owner.client.post(&p.all(), json!({ "name": "ops" })).await.expect(200)["group"].clone();
    assert_eq!((&rest["title"], &rest["users"], &rest["members_count"]), (&json!(""), &json!([]), &json!(0)));
    // a machine owns what it makes
    let made = w.service().post(&p.all(), json!({ "name": "machines" })).await.expect(200)["group"].clone();
    assert_eq!(members(&w.owner(), &id(&made)).await, vec![]);
    // asked for again with the same key, it is one group
    let by = p.owner.client.with("idempotency-key", "k1");
    let first = by.post(&p.all(), json!({ "name": "once" })).await.expect(200);
    let again = by.post(&p.all(), json!({ "name": "once" })).await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), (Some("true"), first));
    for (body, status) in [(json!({ "name": "9lives" }), 400), (json!({}), 400), (json!({ "name": "a b" }), 400)] {
        p.owner.client.post(&p.all(), body).await.expect(status);
    }
    let nowhere = format!("/v1beta1/organizations/{NOBODY}/groups");
    w.owner().post(&nowhere, json!({ "name": "lost" })).await.expect(404);
}

async fn a_name_is_unique_in_its_organization(w: World) {
    let p = place(&w).await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    let other = organization(&p.owner.client, "other-corp").await;
    group(&p.owner.client, &other, "backend").await;
    let e = p.owner.client.post(&p.all(), json!({ "name": "BACKEND" })).await.expect(409);
    assert_eq!((&e["code"], e["message"].as_str().unwrap().starts_with("already exist")), (&json!(6), true));
    let ops = group(&p.owner.client, &p.organization, "ops").await;
    p.owner.client.put(&p.at(&ops), json!({ "name": "backend" })).await.expect(409);
    // one's own name is no conflict
    p.owner.client.put(&p.at(&g), json!({ "name": "backend" })).await.expect(200);
}

async fn an_update_replaces_name_title_and_metadata(w: World) {
    let p = place(&w).await;
    let body = json!({ "name": "backend", "title": "Backend", "metadata": { "n": 5 } });
    let made = p.owner.client.post(&p.all(), body).await.expect(200)["group"].clone();
    let at = p.at(&id(&made));
    let now = p.owner.client.put(&at, json!({ "name": "platform" })).await.expect(200)["group"].clone();
    assert_eq!((&now["id"], &now["name"]), (&made["id"], &json!("platform")));
    assert_eq!((&now["title"], &now["metadata"]), (&json!(""), &json!({})), "what was not sent is emptied");
    assert_eq!(p.owner.client.get(&at).await.expect(200)["group"]["name"], "platform");
    connect(&p.owner.client, "UpdateGroup", json!({ "id": made["id"] })).await.expect(400);
    group(&p.owner.client, &p.organization, "backend").await;
}

async fn metadata_of_groups_obeys_its_schema(w: World) {
    let p = place(&w).await;
    let bad = json!({ "name": "backend", "metadata": { "label": 5 } });
    let e = p.owner.client.post(&p.all(), bad.clone()).await.expect(400);
    assert!(
        e["message"].as_str().unwrap().starts_with("invalid syntax in body : metadata schema validation failed"),
        "{e}"
    );
    let g = group(&p.owner.client, &p.organization, "backend").await;
    p.owner.client.put(&p.at(&g), bad).await.expect(400);
    p.owner
        .client
        .put(&p.at(&g), json!({ "name": "backend", "metadata": { "label": { "a": "b" } } }))
        .await
        .expect(200);
}

async fn an_organizations_groups_are_listed_and_narrowed(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let mut ids = vec![];
    for name in ["alpha", "beta", "gamma"] {
        ids.push(group(by, &p.organization, name).await);
    }
    in_group(by, &ids[0], &p.member.id, GROUP_MEMBER).await.expect(200);
    by.post(&format!("{}/disable", p.at(&ids[2])), json!({})).await.expect(200);
    let names = async |query: &str| all(&by.get(&format!("{}{query}", p.all())).await.expect(200)["groups"], "name");
    assert_eq!(names("").await, ["alpha", "beta"]);
    assert_eq!(names("?state=enabled").await, ["alpha", "beta"]);
    assert_eq!(names("?state=disabled").await, ["gamma"]);
    assert_eq!(names(&format!("?group_ids={}&group_ids={}", ids[1], ids[2])).await, ["beta"]);
    assert_eq!(names("?group_ids=nonsense").await, [""; 0]);
    by.get(&format!("{}?state=broken", p.all())).await.expect(400);
    let query = "?with_members=true&with_member_count=true";
    let list = by.get(&format!("{}{query}", p.all())).await.expect(200)["groups"].clone();
    let mut who = vec![p.owner.id.clone(), p.member.id.clone()];
    who.sort();
    assert_eq!((sorted(&list[0]["users"], "id"), &list[0]["members_count"]), (who.clone(), &json!(2)));
    assert_eq!((all(&list[1]["users"], "id"), &list[1]["members_count"]), (vec![p.owner.id.clone()], &json!(1)));
    let one = by.get(&format!("{}?with_members=true", p.at(&ids[0]))).await.expect(200)["group"].clone();
    assert_eq!(sorted(&one["users"], "id"), who);
    // everywhere, for superusers
    let other = organization(by, "other-corp").await;
    group(by, &other, "alpha").await;
    let names = async |query: &str| {
        sorted(&w.owner().get(&format!("/v1beta1/admin/groups{query}")).await.expect(200)["groups"], "name")
    };
    assert_eq!(names("").await, ["alpha", "alpha", "beta"]);
    assert_eq!(names("?org_id=other-corp").await, ["alpha"]);
    assert_eq!(names(&format!("?org_id={}&state=disabled", p.organization)).await, ["gamma"]);
    w.owner().get("/v1beta1/admin/groups?org_id=nowhere").await.expect(404);
}

async fn a_disabled_group_is_not_found_and_gives_nothing(w: World) {
    let p = place(&w).await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    in_group(&p.owner.client, &g, &p.member.id, GROUP_OWNER).await.expect(200);
    let j = project(&p.owner.client, &p.organization, "apollo").await;
    on_project(&p.owner.client, &j, "app/group", &g, PROJECT_VIEWER).await.expect(200);
    let seen = format!("/v1beta1/projects/{j}");
    p.member.client.get(&seen).await.expect(200);
    p.member.client.post(&format!("{}/disable", p.at(&g)), json!({})).await.expect(200);
    p.member.client.get(&seen).await.expect(403);
    for by in [&p.owner.client, &w.owner(), &p.member.client] {
        by.get(&p.at(&g)).await.expect(404);
        by.get(&format!("{}/users", p.at(&g))).await.expect(404);
        by.put(&p.at(&g), json!({ "name": "backend" })).await.expect(404);
        assert_eq!(code(&in_group(by, &g, &p.member.id, GROUP_MEMBER).await), "not_found");
        by.delete(&format!("{}/users/{}", p.at(&g), p.member.id)).await.expect(404);
    }
    assert_eq!(p.member.client.get("/v1beta1/users/self/groups").await.expect(200)["groups"], json!([]));
    // its members stay, and count again when it does
    p.member.client.post(&format!("{}/enable", p.at(&g)), json!({})).await.expect(200);
    p.member.client.get(&seen).await.expect(200);
    p.member.client.get(&p.at(&g)).await.expect(200);
    p.member.client.post(&format!("{}/enable", p.at(&g)), json!({})).await.expect(200);
}

async fn members_come_from_the_groups_organization(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    let outsider = w.person("Out", &["user"]).await;
    let a = in_group(by, &g, &outsider.id, GROUP_MEMBER).await;
    assert_eq!(
        (code(&a), text(&a)),
        ("failed_precondition".into(), "principal is not a member of the organization".into())
    );
    let a = in_group(by, &g, NOBODY, GROUP_MEMBER).await;
    assert_eq!((code(&a), text(&a).starts_with("user doesn't exist")), ("not_found".into(), true));
    w.owner().post(&format!("/v1beta1/users/{}/disable", p.member.id), json!({})).await.expect(200);
    let a = in_group(by, &g, &p.member.id, GROUP_MEMBER).await;
    assert_eq!((code(&a), text(&a)), ("failed_precondition".into(), "user is disabled".into()));
    let body =
        json!({ "group_id": g, "principal_id": p.owner.id, "principal_type": "app/group", "role_id": GROUP_MEMBER });
    assert_eq!(code(&connect(by, "SetGroupMemberRole", body).await), "invalid_argument");
    let body =
        json!({ "group_id": "backend", "principal_id": p.owner.id, "principal_type": "user", "role_id": GROUP_MEMBER });
    assert_eq!(code(&connect(by, "SetGroupMemberRole", body).await), "invalid_argument", "ids only");
    assert_eq!(members(by, &g).await.len(), 1);
}

async fn a_role_must_be_one_for_groups(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    let a = in_group(by, &g, &p.member.id, NOBODY).await;
    assert_eq!((code(&a), text(&a)), ("not_found".into(), "role id is invalid".into()));
    for wrong in [ORGANIZATION_VIEWER, PROJECT_VIEWER] {
        let a = in_group(by, &g, &p.member.id, wrong).await;
        assert_eq!(code(&a), "invalid_argument", "{}", a.text());
        assert_eq!(text(&a), "role is not valid for group scope");
    }
    // a role of another organization is none here
    let other = organization(by, "other-corp").await;
    let body = json!({ "name": "guest", "permissions": ["app_group_get"], "scopes": ["app/group"] });
    let role =
        by.post(&format!("/v1beta1/organizations/{other}/roles"), body.clone()).await.expect(200)["role"].clone();
    assert_eq!(code(&in_group(by, &g, &p.member.id, &id(&role)).await), "not_found");
    let role =
        by.post(&format!("/v1beta1/organizations/{}/roles", p.organization), body).await.expect(200)["role"].clone();
    in_group(by, &g, &p.member.id, &id(&role)).await.expect(200);
    assert!(members(by, &g).await.contains(&(p.member.id.clone(), vec!["guest".into()])));
}

async fn a_new_role_takes_the_place_of_the_old(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    for (role, name) in [
        (GROUP_MEMBER, "app_group_member"),
        (GROUP_MEMBER, "app_group_member"),
        (GROUP_OWNER, "app_group_owner"),
        (GROUP_MEMBER, "app_group_member"),
    ] {
        in_group(by, &g, &p.member.id, role).await.expect(200);
        assert!(members(by, &g).await.contains(&(p.member.id.clone(), vec![name.into()])));
        let may = p.member.client.put(&p.at(&g), json!({ "name": "backend" })).await.status;
        assert_eq!(may, if role == GROUP_OWNER { 200 } else { 403 });
    }
    let changed = w.events("action=group.member_role_changed").await;
    assert_eq!(changed.len(), 2, "the same role again is no change: {changed:?}");
}

async fn add_group_users_of_the_rest_era_adds_all_or_nobody(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    let at = format!("{}/users", p.at(&g));
    let outsider = w.person("Out", &["user"]).await;
    by.post(&at, json!({ "user_ids": [p.member.id, outsider.id] })).await.expect(400);
    assert_eq!(members(by, &g).await.len(), 1, "nobody was added");
    for bad in [json!({}), json!({ "user_ids": [] }), json!({ "user_ids": ["x"] }), json!({ "user_ids": [7] })] {
        by.post(&at, bad).await.expect(400);
    }
    assert_eq!(by.post(&at, json!({ "user_ids": [p.member.id, p.owner.id] })).await.expect(200), json!({}));
    let now = members(by, &g).await;
    assert!(now.contains(&(p.member.id.clone(), vec!["app_group_member".into()])));
    assert!(now.contains(&(p.owner.id.clone(), vec!["app_group_owner".into()])), "who holds something keeps it");
    by.post(&at, json!({ "userIds": [p.member.id] })).await.expect(200);
}

async fn the_last_owner_stays(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    let remove = async |user: &str| connect(by, "RemoveGroupUser", json!({ "id": g, "user_id": user })).await;
    let a = remove(&p.member.id).await;
    assert_eq!(
        (code(&a), text(&a)),
        ("failed_precondition".into(), "principal is not a member of the resource".into())
    );
    assert_eq!(text(&remove(NOBODY).await), text(&a));
    let a = remove(&p.owner.id).await;
    let last = "group must have at least one owner, consider adding another owner before removing";
    assert_eq!((code(&a), text(&a)), ("invalid_argument".into(), last.into()));
    let a = in_group(by, &g, &p.owner.id, GROUP_MEMBER).await;
    let last = "group must have at least one owner, consider assigning another owner before changing this user's role";
    assert_eq!((code(&a), text(&a)), ("failed_precondition".into(), last.into()));
    in_group(by, &g, &p.member.id, GROUP_OWNER).await.expect(200);
    by.delete(&format!("{}/users/{}", p.at(&g), p.owner.email)).await.expect(200);
    assert_eq!(members(by, &g).await, vec![(p.member.id.clone(), vec!["app_group_owner".to_owned()])]);
    assert_eq!(code(&remove(&p.member.id).await), "invalid_argument");
}

async fn a_disabled_owner_does_not_count_as_one(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    in_group(by, &g, &p.member.id, GROUP_OWNER).await.expect(200);
    w.owner().post(&format!("/v1beta1/users/{}/disable", p.member.id), json!({})).await.expect(200);
    let a = connect(by, "RemoveGroupUser", json!({ "id": g, "user_id": p.owner.id })).await;
    assert_eq!(code(&a), "invalid_argument", "{}", a.text());
    assert_eq!(members(by, &g).await.len(), 1, "disabled people are in no list");
}

async fn of_two_owners_who_go_at_once_one_stays(w: World) {
    let p = place(&w).await;
    for n in 0..6 {
        let g = group(&p.owner.client, &p.organization, &format!("team-{n}")).await;
        in_group(&p.owner.client, &g, &p.member.id, GROUP_OWNER).await.expect(200);
        let go =
            async |who: &Person| connect(&w.owner(), "RemoveGroupUser", json!({ "id": g, "user_id": who.id })).await;
        let step_down = async |who: &Person| in_group(&w.owner(), &g, &who.id, GROUP_MEMBER).await;
        let (a, b) = if n % 2 == 0 {
            tokio::join!(go(&p.owner), go(&p.member))
        } else {
            tokio::join!(step_down(&p.owner), step_down(&p.member))
        };
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{} {}", a.text(), b.text());
        let owners = members(&w.owner(), &g).await;
        assert_eq!(owners.iter().filter(|(_, roles)| roles.contains(&"app_group_owner".into())).count(), 1);
    }
}

async fn nobody_gives_more_on_a_group_than_they_hold(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    let body = json!({ "name": "keeper", "permissions": ["app_group_update"], "scopes": ["app/group"] });
    let role =
        by.post(&format!("/v1beta1/organizations/{}/roles", p.organization), body).await.expect(200)["role"].clone();
    in_group(by, &g, &p.member.id, &id(&role)).await.expect(200);
    let other = w.person("Otto", &["user"]).await;
    join(&w, &p.organization, &other.id, ORGANIZATION_VIEWER).await;
    let keeper = &p.member.client;
    assert_eq!(code(&in_group(keeper, &g, &other.id, GROUP_OWNER).await), "permission_denied");
    assert_eq!(code(&in_group(keeper, &g, &p.member.id, GROUP_OWNER).await), "permission_denied");
    in_group(keeper, &g, &other.id, GROUP_MEMBER).await.expect(200);
}

async fn what_is_held_through_a_group_ends_with_it(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    in_group(by, &g, &p.member.id, GROUP_MEMBER).await.expect(200);
    let j = project(by, &p.organization, "apollo").await;
    on_project(by, &j, "app/group", &g, PROJECT_MANAGER).await.expect(200);
    p.member.client.get(&format!("/v1beta1/projects/{j}")).await.expect(200);
    assert_eq!(by.delete(&p.at(&g)).await.expect(200), json!({}));
    p.member.client.get(&format!("/v1beta1/projects/{j}")).await.expect(403);
    assert_eq!(by.get(&format!("/v1beta1/projects/{j}/groups")).await.expect(200)["groups"], json!([]));
    by.get(&p.at(&g)).await.expect(403);
    w.owner().get(&p.at(&g)).await.expect(404);
    w.owner().delete(&p.at(&g)).await.expect(404);
    group(by, &p.organization, "backend").await;
}

async fn my_groups_and_what_i_may_on_them(w: World) {
    let p = place(&w).await;
    let (one, two) = (
        group(&p.owner.client, &p.organization, "one-team").await,
        group(&p.owner.client, &p.organization, "two-team").await,
    );
    let other = organization(&p.owner.client, "other-corp").await;
    group(&p.owner.client, &other, "elsewhere").await;
    in_group(&p.owner.client, &one, &p.member.id, GROUP_MEMBER).await.expect(200);
    in_group(&p.owner.client, &two, &p.member.id, GROUP_OWNER).await.expect(200);
    let mine = async |by: &Client, query: &str| by.get(&format!("/v1beta1/users/self/groups{query}")).await.expect(200);
    let list = mine(
        &p.member.client,
        "?with_permissions=update&with_permissions=app_group_get&with_permissions=nonsense&with_member_count=true",
    )
    .await;
    assert_eq!(sorted(&list["groups"], "name"), ["one-team", "two-team"]);
    assert_eq!(list["groups"][0]["members_count"], 2);
    let pairs: Vec<(Value, Value)> = list["access_pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["group_id"].clone(), p["permissions"].clone()))
        .collect();
    assert!(pairs.contains(&(json!(one), json!(["app_group_get"]))), "{list}");
    assert!(pairs.contains(&(json!(two), json!(["update", "app_group_get"]))), "{list}");
    assert_eq!(mine(&p.member.client, "?with_permissions=delete").await["access_pairs"].as_array().unwrap().len(), 1);
    assert_eq!(sorted(&mine(&p.owner.client, "?org_id=other-corp").await["groups"], "name"), ["elsewhere"]);
    for foreign in ["other-corp", "nowhere", NOBODY] {
        assert_eq!(mine(&p.member.client, &format!("?org_id={foreign}")).await["groups"], json!([]), "{foreign}");
    }
    assert_eq!(mine(&w.service(), "").await["groups"], json!([]));
    w.anonymous().get("/v1beta1/users/self/groups").await.expect(401);
}

async fn groups_of_another_user_are_for_superusers(w: World) {
    let p = place(&w).await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    for which in [&*p.owner.id, &*p.owner.email] {
        let list = w.owner().get(&format!("/v1beta1/users/{which}/groups")).await.expect(200);
        assert_eq!(all(&list["groups"], "id"), std::slice::from_ref(&g));
    }
    let at = format!("/v1beta1/users/{}/groups", p.owner.id);
    assert_eq!(w.owner().get(&format!("{at}?org_id=nowhere")).await.expect(200)["groups"], json!([]));
    p.member.client.get(&at).await.expect(403);
    let a = connect(&p.member.client, "ListUserGroups", json!({ "id": p.owner.id })).await;
    assert_eq!((a.status, code(&a)), (503, "unavailable".into()));
    w.owner().get(&format!("/v1beta1/users/{NOBODY}/groups")).await.expect(404);
    w.anonymous().get(&at).await.expect(401);
}

async fn a_group_of_another_tenant_is_not_there(w: World) {
    let p = place(&w).await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    let rival = w.second_tenant("Rival").await;
    let by = &rival.owner.client;
    by.get(&p.at(&g)).await.expect(404);
    by.delete(&p.at(&g)).await.expect(404);
    assert_eq!(code(&in_group(by, &g, &rival.owner.id, GROUP_OWNER).await), "not_found");
    assert_eq!(by.get("/v1beta1/admin/groups").await.expect(200)["groups"], json!([]));
    // and nobody of it becomes a member
    assert_eq!(code(&in_group(&w.owner(), &g, &rival.owner.id, GROUP_MEMBER).await), "not_found");
    p.owner.client.get(&p.at(&g)).await.expect(200);
}

async fn a_disabled_organization_is_told_only_to_those_who_might(w: World) {
    let p = place(&w).await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    w.owner().post(&format!("/v1beta1/organizations/{}/disable", p.organization), json!({})).await.expect(200);
    let text_of = "org is disabled. Please contact your administrator to enable it";
    for a in [p.owner.client.get(&p.at(&g)).await, p.owner.client.post(&p.all(), json!({ "name": "new" })).await] {
        assert_eq!(a.expect(400)["message"], text_of);
    }
    assert_eq!(code(&in_group(&p.owner.client, &g, &p.member.id, GROUP_MEMBER).await), "failed_precondition");
    p.member.client.get(&p.at(&g)).await.expect(403);
    w.owner().get(&p.at(&g)).await.expect(200);
    assert_eq!(p.owner.client.get("/v1beta1/users/self/groups").await.expect(200)["groups"], json!([]));
}

async fn changes_of_groups_leave_events(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let g = group(by, &p.organization, "backend").await;
    by.put(&p.at(&g), json!({ "name": "platform" })).await.expect(200);
    in_group(by, &g, &p.member.id, GROUP_MEMBER).await.expect(200);
    in_group(by, &g, &p.member.id, GROUP_OWNER).await.expect(200);
    by.delete(&format!("{}/users/{}", p.at(&g), p.member.id)).await.expect(200);
    by.post(&format!("{}/disable", p.at(&g)), json!({})).await.expect(200);
    by.delete(&p.at(&g)).await.expect(200);
    let events = w.events(&format!("resource_id={g}")).await;
    let actions: Vec<&str> = events.iter().rev().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "group.created",
            "group.updated",
            "group.member_added",
            "group.member_role_changed",
            "group.member_removed",
            "group.disabled",
            "group.deleted"
        ]
    );
    assert!(events.iter().all(|e| e["actor_id"] == p.owner.id && e["resource_type"] == "group"));
}
