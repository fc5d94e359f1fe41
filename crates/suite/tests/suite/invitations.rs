//! Invitations into organizations: made, seen, accepted, declined, forgotten (spec v1beta1 2.3.7, 2.3.3, 3.11, 5.4).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::tables::rows;
use crate::world::*;

both!(
    who_may_do_what_with_an_invitation,
    the_one_who_is_invited_accepts_and_has_what_was_given,
    without_roles_one_becomes_the_least_kind_of_member,
    without_the_platforms_leave_no_roles_are_given,
    sec_01_an_address_that_nobody_proved_is_nobodys,
    sec_11_nobody_invites_to_more_than_they_hold,
    sec_11_an_invitation_gives_no_more_than_its_maker_could_still_give,
    what_a_key_of_the_platform_invites_to_is_given,
    sec_11_what_belongs_to_another_organization_cannot_be_given,
    sec_03_nobody_accepts_for_somebody_else,
    an_expired_invitation_is_told_and_forgotten,
    invited_again_one_keeps_the_invitation_and_gets_what_was_asked_last,
    all_are_invited_or_nobody,
    open_invitations_are_listed_by_organization_and_by_address,
    what_is_gone_by_then_is_not_given,
    a_member_keeps_what_they_are,
    accepted_twice_at_once_it_counts_once,
    sec_19_a_disabled_organization_takes_nobody_in,
    an_invitation_of_another_tenant_is_not_there,
    whoever_is_deleted_is_invited_no_more,
    each_change_of_an_invitation_is_in_the_log,
);

struct Place {
    owner: Person,
    organization: String,
}
async fn place(w: &World) -> Place {
    let owner = w.person("Olga", &["user"]).await;
    let organization = organization(&owner.client, "acme-corp").await;
    with_roles(w, "true").await;
    Place { owner, organization }
}
/// Do invitations give roles?
async fn with_roles(w: &World, yes: &str) {
    let body = json!({ "preferences": [{ "name": "invite_with_roles", "value": yes }] });
    w.owner().post("/v1beta1/preferences", body).await.expect(200);
}
impl Place {
    fn all(&self) -> String {
        format!("/v1beta1/organizations/{}/invitations", self.organization)
    }
    fn at(&self, invitation: &str) -> String {
        format!("{}/{invitation}", self.all())
    }
    async fn invite(&self, by: &Client, email: &str, more: Value) -> Answer {
        let mut body = json!({ "user_ids": [email] });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        by.post(&self.all(), body).await
    }
    /// The id of an invitation that the owner made.
    async fn invited(&self, email: &str) -> String {
        id(&self.invite(&self.owner.client, email, json!({})).await.expect(200)["invitations"][0])
    }
    async fn accept(&self, by: &Client, invitation: &str) -> Answer {
        by.post(&format!("{}/accept", self.at(invitation)), json!({})).await
    }
    /// Who is in, with what they are.
    async fn members(&self) -> Vec<(String, Vec<String>)> {
        let path = format!("/v1beta1/organizations/{}/users", self.organization);
        let list = self.owner.client.get(&path).await.expect(200);
        let pairs = list["role_pairs"].as_array().unwrap();
        pairs.iter().map(|p| (p["user_id"].as_str().unwrap().to_owned(), sorted(&p["roles"], "name"))).collect()
    }
    async fn roles_of(&self, user: &str) -> Vec<String> {
        self.members().await.into_iter().find(|(id, _)| id == user).map(|(_, roles)| roles).unwrap_or_default()
    }
}

async fn who_may_do_what_with_an_invitation(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    let (viewer, manager) = (w.person("Vic", &["user"]).await, w.person("Max", &["user"]).await);
    join(&w, &p.organization, &viewer.id, ORGANIZATION_VIEWER).await;
    join(&w, &p.organization, &manager.id, ORGANIZATION_ACCESS_MANAGER).await;
    let (stranger, rival) = (w.person("Sam", &["user"]).await, w.second_tenant("Rival").await);
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*"] })).await;
    let mine = "/v1beta1/users/self/invitations";
    for (who, by, create, read, delete, of_user) in [
        ("nobody", w.anonymous(), 401, 401, 401, 401),
        ("stranger", stranger.client.clone(), 403, 403, 403, 403),
        ("another tenant's admin", rival.owner.client.clone(), 404, 404, 404, 404),
        ("a narrow key", narrow, 403, 403, 403, 403),
        ("a viewer", viewer.client.clone(), 403, 403, 403, 403),
        ("whom it names", ada.client.clone(), 403, 200, 200, 403),
        ("an access manager", manager.client.clone(), 200, 200, 200, 403),
        ("the owner", p.owner.client.clone(), 200, 200, 200, 403),
        ("superuser", w.owner(), 200, 200, 200, 200),
        ("service key", w.service(), 200, 200, 200, 200),
    ] {
        let i = p.invited(&ada.email).await;
        assert_eq!(p.invite(&by, "new@example.com", json!({})).await.status, create, "{who} invites");
        assert_eq!(by.get(&p.all()).await.status, create, "{who} lists");
        assert_eq!(by.get(&p.at(&i)).await.status, read, "{who} reads");
        assert_eq!(
            by.get(&format!("/v1beta1/users/{}/invitations", ada.id)).await.status,
            of_user,
            "{who} lists Ada's"
        );
        let known = if who == "nobody" {
            401
        } else if who == "a narrow key" {
            403
        } else {
            200
        };
        assert_eq!(by.get(mine).await.status, known, "{who} lists their own");
        if who != "whom it names" {
            let refused = if delete == 200 { 403 } else { delete };
            assert_eq!(p.accept(&by, &i).await.status, refused, "{who} accepts for Ada");
        }
        // what is not there reads for those who may not like what is
        if read == 403 {
            for (there, not) in [
                (by.get(&p.at(&i)).await, by.get(&p.at(NOBODY)).await),
                (p.accept(&by, &i).await, p.accept(&by, NOBODY).await),
                (by.delete(&p.at(&i)).await, by.delete(&p.at(NOBODY)).await),
            ] {
                assert_eq!((there.status, there.json()), (not.status, not.json()), "{who}");
            }
        }
        assert_eq!(by.delete(&p.at(&i)).await.status, delete, "{who} deletes");
    }
    let e = w.owner().get(&p.at(NOBODY)).await.expect(404);
    assert!(e["message"].as_str().unwrap().starts_with("invitation not found"), "{e}");
    // one of another organization is not there, whatever organization is named
    let i = p.invited(&ada.email).await;
    organization(&w.owner(), "other").await;
    w.owner().get(&format!("/v1beta1/organizations/other/invitations/{i}")).await.expect(404);
    w.owner().delete(&format!("/v1beta1/organizations/other/invitations/{i}")).await.expect(404);
}

async fn the_one_who_is_invited_accepts_and_has_what_was_given(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    let j = project(&p.owner.client, &p.organization, "apollo").await;
    on_project(&p.owner.client, &j, "app/group", &g, PROJECT_VIEWER).await.expect(200);
    let gives = json!({ "group_ids": [g], "role_ids": [ORGANIZATION_MANAGER, ORGANIZATION_ACCESS_MANAGER] });
    let made = p.invite(&p.owner.client, " ADA@Example.com ", gives).await.expect(200)["invitations"][0].clone();
    assert_eq!(
        (&made["user_id"], &made["org_id"], &made["group_ids"], &made["metadata"]),
        (&json!("ada@example.com"), &json!(p.organization), &json!([g]), &json!({}))
    );
    assert_eq!(made["role_ids"], json!([ORGANIZATION_MANAGER, ORGANIZATION_ACCESS_MANAGER]));
    let i = id(&made);
    assert_eq!(ada.client.get(&p.at(&i)).await.expect(200)["invitation"], made, "whom it names may look at it");
    let mine = ada.client.get("/v1beta1/users/self/invitations").await.expect(200);
    assert_eq!((&mine["invitations"][0], &mine["orgs"][0]["name"]), (&made, &json!("acme-corp")));
    let organization = format!("/v1beta1/organizations/{}", p.organization);
    ada.client.get(&organization).await.expect(403);
    ada.client.get(&format!("/v1beta1/projects/{j}")).await.expect(403);
    assert_eq!(p.accept(&ada.client, &i).await.expect(200), json!({}));
    ada.client.get(&organization).await.expect(200);
    ada.client.get(&format!("/v1beta1/projects/{j}")).await.expect(200);
    assert_eq!(p.roles_of(&ada.id).await, ["app_organization_accessmanager", "app_organization_manager"]);
    // it is used up
    assert_eq!(p.accept(&ada.client, &i).await.status, 403);
    p.owner.client.get(&p.at(&i)).await.expect(403);
    assert_eq!(ada.client.get("/v1beta1/users/self/invitations").await.expect(200)["invitations"], json!([]));
    let e = p.invite(&p.owner.client, "ada@example.com", json!({})).await.expect(409);
    assert_eq!((&e["code"], &e["message"]), (&json!(6), &json!("principal is already a member of the resource")));
}

async fn without_roles_one_becomes_the_least_kind_of_member(w: World) {
    let p = place(&w).await;
    let (ada, manager) = (verified(&w, "ada@example.com").await, w.person("Max", &["user"]).await);
    // who may invite may do so, without a role of the least kind themselves
    join(&w, &p.organization, &manager.id, ORGANIZATION_ACCESS_MANAGER).await;
    let body = json!({ "org_id": "acme-corp", "user_ids": ["ada@example.com"], "role_ids": [ORGANIZATION_VIEWER] });
    let made = connect(&manager.client, "CreateOrganizationInvitation", body).await.expect(200);
    let call = json!({ "org_id": "acme-corp", "id": made["invitations"][0]["id"] });
    assert_eq!(connect(&ada.client, "AcceptOrganizationInvitation", call).await.expect(200), json!({}));
    assert_eq!(p.roles_of(&ada.id).await, ["app_organization_viewer"]);
    let bob = verified(&w, "bob@example.com").await;
    p.accept(&bob.client, &p.invited("bob@example.com").await).await.expect(200);
    assert_eq!(p.roles_of(&bob.id).await, ["app_organization_viewer"]);
}

async fn without_the_platforms_leave_no_roles_are_given(w: World) {
    let p = place(&w).await;
    with_roles(&w, "false").await;
    let ada = verified(&w, "ada@example.com").await;
    let gives = json!({ "role_ids": [ORGANIZATION_OWNER, NOBODY] });
    let made = p.invite(&p.owner.client, &ada.email, gives).await.expect(200)["invitations"][0].clone();
    assert_eq!(made["role_ids"], json!([]));
    p.accept(&ada.client, &id(&made)).await.expect(200);
    assert_eq!(p.roles_of(&ada.id).await, ["app_organization_viewer"]);
    // nor by an invitation from before
    with_roles(&w, "true").await;
    let bob = verified(&w, "bob@example.com").await;
    let gives = json!({ "role_ids": [ORGANIZATION_OWNER] });
    let before = id(&p.invite(&p.owner.client, &bob.email, gives).await.expect(200)["invitations"][0]);
    with_roles(&w, "false").await;
    p.accept(&bob.client, &before).await.expect(200);
    assert_eq!(p.roles_of(&bob.id).await, ["app_organization_viewer"]);
}

async fn sec_01_an_address_that_nobody_proved_is_nobodys(w: World) {
    // decision 7
    let p = place(&w).await;
    let ada = w.person("Ada", &["user"]).await;
    let i = p.invited(&ada.email).await;
    let mine = ada.client.get("/v1beta1/users/self/invitations").await.expect(200);
    assert_eq!((&mine["invitations"], &mine["orgs"]), (&json!([]), &json!([])));
    ada.client.get(&p.at(&i)).await.expect(403);
    ada.client.delete(&p.at(&i)).await.expect(403);
    assert_eq!(p.accept(&ada.client, &i).await.status, 403);
    assert!(p.roles_of(&ada.id).await.is_empty());
    // nor does a superuser become a member that way
    let admin = w.person("Admin", &["user", "admin"]).await;
    let i = p.invited(&admin.email).await;
    admin.client.get(&p.at(&i)).await.expect(200);
    assert_eq!(p.accept(&admin.client, &i).await.status, 403);
}

async fn sec_11_nobody_invites_to_more_than_they_hold(w: World) {
    let p = place(&w).await;
    let manager = w.person("Max", &["user"]).await;
    join(&w, &p.organization, &manager.id, ORGANIZATION_ACCESS_MANAGER).await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    for role in [ORGANIZATION_OWNER, ORGANIZATION_MANAGER] {
        let a = p.invite(&manager.client, "evil@example.com", json!({ "role_ids": [role] })).await;
        assert!(a.expect(403)["message"].as_str().unwrap().contains("You cannot give what you do not hold"), "{role}");
    }
    let own = json!({ "role_ids": [ORGANIZATION_ACCESS_MANAGER] });
    p.invite(&manager.client, "peer@example.com", own).await.expect(200);
    // a group takes what it takes to put people into it
    p.invite(&manager.client, "evil@example.com", json!({ "group_ids": [g] })).await.expect(403);
    in_group(&p.owner.client, &g, &manager.id, GROUP_OWNER).await.expect(200);
    p.invite(&manager.client, "new@example.com", json!({ "group_ids": [g] })).await.expect(200);
    // what was refused is not there
    let list = p.owner.client.get(&p.all()).await.expect(200)["invitations"].clone();
    assert_eq!(sorted(&list, "user_id"), ["new@example.com", "peer@example.com"]);
}

async fn sec_11_an_invitation_gives_no_more_than_its_maker_could_still_give(w: World) {
    let p = place(&w).await;
    let manager = w.person("Max", &["user"]).await;
    join(&w, &p.organization, &manager.id, ORGANIZATION_ACCESS_MANAGER).await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    in_group(&p.owner.client, &g, &manager.id, GROUP_OWNER).await.expect(200);
    let gives = json!({ "role_ids": [ORGANIZATION_ACCESS_MANAGER], "group_ids": [g] });
    let mut invitations = vec![];
    for n in 0..4 {
        let ada = verified(&w, &format!("ada{n}@example.com")).await;
        let made = p.invite(&manager.client, &ada.email, gives.clone()).await.expect(200);
        invitations.push((ada, id(&made["invitations"][0])));
    }
    let accepts = async |n: usize| {
        let (ada, invitation) = &invitations[n];
        p.accept(&ada.client, invitation).await.expect(200);
        let in_group = w.events(&format!("action=group.member_added&resource_id={g}")).await;
        let in_group = in_group.iter().any(|e| e["metadata"]["user_id"] == json!(ada.id));
        (p.roles_of(&ada.id).await, in_group)
    };
    let all = (vec!["app_organization_accessmanager".to_owned()], true);
    let least = (vec!["app_organization_viewer".to_owned()], false);
    assert_eq!(accepts(0).await, all);
    let body = json!({ "org_id": p.organization, "principal_id": manager.id, "principal_type": "app/user" });
    connect(&p.owner.client, "RemoveOrganizationMember", body).await.expect(200);
    assert_eq!(accepts(1).await, least);
    // what somebody asked for again who may is theirs
    p.invite(&w.owner(), &invitations[2].0.email, gives.clone()).await.expect(200);
    assert_eq!(accepts(2).await, all);
    // a rule binds a superuser's invitations too, those that were made before it
    let bob = verified(&w, "bob@example.com").await;
    let made = p.invite(&w.owner(), &bob.email, gives.clone()).await.expect(200);
    let only = r#"forbid (principal, action == Action::"app_organization_invitationcreate", resource);"#;
    let rule = w.policy("nobody invites", 9, only).await;
    p.accept(&bob.client, &id(&made["invitations"][0])).await.expect(200);
    assert_eq!(p.roles_of(&bob.id).await, ["app_organization_viewer"]);
    w.owner().delete(&format!("/v1/policies/{rule}")).await.expect(204);
    // who comes back may again
    join(&w, &p.organization, &manager.id, ORGANIZATION_ACCESS_MANAGER).await;
    in_group(&p.owner.client, &g, &manager.id, GROUP_OWNER).await.expect(200);
    assert_eq!(accepts(3).await, all);
}

async fn what_a_key_of_the_platform_invites_to_is_given(w: World) {
    let p = place(&w).await;
    let (key, by) = w.api_key(&w.owner(), json!({ "name": "k", "owner_type": "service", "scopes": ["*"] })).await;
    let gives = json!({ "role_ids": [ORGANIZATION_MANAGER] });
    let accepts = async |email: &str| {
        let ada = verified(&w, email).await;
        let list = p.owner.client.get(&p.all()).await.expect(200)["invitations"].clone();
        let invitation = list.as_array().unwrap().iter().find(|i| i["user_id"] == email).unwrap().clone();
        p.accept(&ada.client, &id(&invitation)).await.expect(200);
        p.roles_of(&ada.id).await
    };
    for email in ["ada@example.com", "bob@example.com"] {
        p.invite(&by, email, gives.clone()).await.expect(200);
    }
    assert_eq!(accepts("ada@example.com").await, ["app_organization_manager"]);
    w.owner().delete(&format!("/v1/api-keys/{key}")).await.expect(204);
    assert_eq!(accepts("bob@example.com").await, ["app_organization_viewer"]);
}

async fn sec_11_what_belongs_to_another_organization_cannot_be_given(w: World) {
    let p = place(&w).await;
    let rival = w.person("Rita", &["user"]).await;
    let other = organization(&rival.client, "other").await;
    let theirs = group(&rival.client, &other, "theirs").await;
    let role =
        json!({ "name": "secretrole", "permissions": ["app_organization_delete"], "scopes": ["app/organization"] });
    let role = rival.client.post(&format!("/v1beta1/organizations/{other}/roles"), role).await.expect(200);
    let role = id(&role["role"]);
    let refused = async |more: Value| p.invite(&p.owner.client, "new@example.com", more).await.expect(404);
    let there = refused(json!({ "role_ids": [role] })).await;
    assert_eq!(there, refused(json!({ "role_ids": [NOBODY] })).await);
    assert_eq!(there["message"], "role id is invalid");
    assert_eq!(refused(json!({ "group_ids": [theirs] })).await, refused(json!({ "group_ids": [NOBODY] })).await);
    let a = p.invite(&p.owner.client, "new@example.com", json!({ "role_ids": [PROJECT_OWNER] })).await;
    assert_eq!(a.expect(400)["message"], "role is not valid for organization scope");
    // who may not give it anyway is told no more
    let manager = w.person("Max", &["user"]).await;
    join(&w, &p.organization, &manager.id, ORGANIZATION_ACCESS_MANAGER).await;
    let a = p.invite(&manager.client, "new@example.com", json!({ "role_ids": [role] })).await;
    assert_eq!(a.expect(404), there);
}

async fn sec_03_nobody_accepts_for_somebody_else(w: World) {
    let p = place(&w).await;
    let (ada, eve) = (verified(&w, "ada@example.com").await, verified(&w, "eve@example.com").await);
    let admin = verified(&w, "root@example.com").await;
    w.owner().put(&format!("/v1/users/{}", admin.id), json!({ "roles": ["user", "admin"] })).await.expect(200);
    let i = p.invited("ada@example.com").await;
    for by in [&eve.client, &admin.client, &w.owner(), &w.service(), &p.owner.client] {
        assert_eq!(p.accept(by, &i).await.status, 403);
    }
    // a key that may do all that Ada may is Ada; a narrower one has no part in it
    let (_, narrow) = w.api_key(&ada.client, json!({ "name": "n", "scopes": ["users:read"] })).await;
    assert_eq!(p.accept(&narrow, &i).await.status, 403);
    let (_, whole) = w.api_key(&ada.client, json!({ "name": "w" })).await;
    p.accept(&whole, &i).await.expect(200);
    assert_eq!(p.members().await.len(), 2);
}

async fn an_expired_invitation_is_told_and_forgotten(w: World) {
    let p = place(&w).await;
    verified(&w, "ada@example.com").await;
    let i = p.invited("ada@example.com").await;
    let all = async || w.service().get(&p.all()).await.expect(200)["invitations"].as_array().unwrap().len();
    w.clock.pass(7 * 86_400 - 60);
    assert_eq!(all().await, 1);
    w.clock.pass(120);
    let ada = signed_in(&w, "ada@example.com").await;
    let e = p.accept(&ada, &i).await.expect(400);
    assert_eq!((&e["code"], &e["message"]), (&json!(3), &json!("invitation expired")));
    assert_eq!(all().await, 0);
    assert_eq!(ada.get("/v1beta1/users/self/invitations").await.expect(200)["invitations"], json!([]));
    ada.get(&p.at(&i)).await.expect(200);
    // a new one is another one
    let again = id(&p.invite(&w.service(), "ada@example.com", json!({})).await.expect(200)["invitations"][0]);
    assert_ne!(again, i);
    p.accept(&ada, &i).await.expect(403);
    w.node.retain().await;
    assert_eq!(rows(&w, "invitations").await.len(), 1, "it is open");
    w.clock.pass(14 * 86_400 + 60);
    w.node.retain().await;
    assert!(rows(&w, "invitations").await.is_empty());
}

async fn invited_again_one_keeps_the_invitation_and_gets_what_was_asked_last(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let first = p.invite(by, "ada@example.com", json!({ "role_ids": [ORGANIZATION_MANAGER] })).await.expect(200);
    let first = first["invitations"][0].clone();
    w.clock.pass(60);
    let again = p.invite(by, "Ada@example.com", json!({})).await.expect(200)["invitations"][0].clone();
    assert_eq!(
        (&again["id"], &again["expires_at"], &again["role_ids"]),
        (&first["id"], &first["expires_at"], &json!([]))
    );
    // within one call too
    let body = json!({ "user_ids": ["bob@example.com", "BOB@example.com", "ada@example.com"] });
    let made = by.post(&p.all(), body).await.expect(200)["invitations"].clone();
    assert_eq!((made.as_array().unwrap().len(), &made[1]["id"]), (2, &first["id"]));
    assert_eq!(rows(&w, "invitations").await.len(), 2);
    // with a key the first answer comes again
    let keyed = by.with("idempotency-key", "k1");
    let one = keyed.post(&p.all(), json!({ "user_ids": ["eve@example.com"] })).await.expect(200);
    by.delete(&p.at(&id(&one["invitations"][0]))).await.expect(200);
    let two = keyed.post(&p.all(), json!({ "user_ids": ["eve@example.com"] })).await;
    assert_eq!((two.header("idempotency-replayed"), two.json()), (Some("true"), one));
}

async fn all_are_invited_or_nobody(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let e = by.post(&p.all(), json!({ "user_ids": ["a@example.com", "nonsense"] })).await.expect(400);
    assert_eq!(e["message"], "Invalid email");
    by.post(&p.all(), json!({ "user_ids": ["a@example.com", p.owner.email] })).await.expect(409);
    by.post(&p.all(), json!({ "user_ids": [] })).await.expect(400);
    let many: Vec<String> = (0..11).map(|n| format!("u{n}@example.com")).collect();
    by.post(&p.all(), json!({ "user_ids": many })).await.expect(400);
    by.post(&p.all(), json!({ "user_ids": many[..10] })).await.expect(200);
    for field in ["group_ids", "role_ids"] {
        let long = vec![NOBODY; 21];
        let a = p.invite(by, "a@example.com", json!({ field: long })).await;
        assert!(a.expect(400)["message"].as_str().unwrap().contains("At most 20"));
    }
    assert_eq!(rows(&w, "invitations").await.len(), 10);
}

async fn open_invitations_are_listed_by_organization_and_by_address(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    let other = organization(&w.owner(), "other").await;
    p.invited("ada@example.com").await;
    p.invited("bob@example.com").await;
    let path = format!("/v1beta1/organizations/{other}/invitations");
    w.owner().post(&path, json!({ "user_ids": ["ada@example.com"] })).await.expect(200);
    let of = async |query: &str| {
        let list = p.owner.client.get(&format!("{}{query}", p.all())).await.expect(200);
        sorted(&list["invitations"], "user_id")
    };
    assert_eq!(of("").await, ["ada@example.com", "bob@example.com"]);
    assert_eq!(of("?user_id=ADA@example.com").await, ["ada@example.com"]);
    assert_eq!(of(&format!("?user_id={}", ada.id)).await, ["ada@example.com"]);
    for nobody in ["eve@example.com", NOBODY, "nonsense"] {
        assert!(of(&format!("?user_id={nobody}")).await.is_empty());
    }
    let both = ["ada@example.com", "ada@example.com"];
    for which in [&*ada.id, "ada@example.com"] {
        let list = w.owner().get(&format!("/v1beta1/users/{which}/invitations")).await.expect(200);
        assert_eq!(sorted(&list["invitations"], "user_id"), both);
    }
    // to an address that nobody has yet
    let list = w.owner().get("/v1beta1/users/bob@example.com/invitations").await.expect(200);
    assert_eq!(sorted(&list["invitations"], "user_id"), ["bob@example.com"]);
    w.owner().get(&format!("/v1beta1/users/{NOBODY}/invitations")).await.expect(404);
    let mine = connect(&ada.client, "ListCurrentUserInvitations", json!({})).await.expect(200);
    assert_eq!(sorted(&mine["orgs"], "name"), ["acme-corp", "other"]);
    assert_eq!(w.service().get("/v1beta1/users/self/invitations").await.expect(200)["invitations"], json!([]));
    let a = connect(&ada.client, "ListUserInvitations", json!({ "id": ada.id })).await;
    assert_eq!((a.status, code(&a)), (503, "unavailable".into()));
}

async fn what_is_gone_by_then_is_not_given(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let ada = verified(&w, "ada@example.com").await;
    let (gone, off) = (group(by, &p.organization, "gone").await, group(by, &p.organization, "off").await);
    let role = json!({ "name": "helper", "permissions": ["app_organization_get"], "scopes": ["app/organization"] });
    let path = format!("/v1beta1/organizations/{}/roles", p.organization);
    let role = id(&by.post(&path, role).await.expect(200)["role"]);
    let gives = json!({ "group_ids": [gone, off], "role_ids": [role] });
    let i = id(&p.invite(by, "ada@example.com", gives).await.expect(200)["invitations"][0]);
    let groups = format!("/v1beta1/organizations/{}/groups", p.organization);
    by.delete(&format!("{groups}/{gone}")).await.expect(200);
    by.post(&format!("{groups}/{off}/disable"), json!({})).await.expect(200);
    by.delete(&format!("{path}/{role}")).await.expect(200);
    p.accept(&ada.client, &i).await.expect(200);
    assert_eq!(p.roles_of(&ada.id).await, ["app_organization_viewer"]);
    by.post(&format!("{groups}/{off}/enable"), json!({})).await.expect(200);
    assert_eq!(ada.client.get("/v1beta1/users/self/groups").await.expect(200)["groups"], json!([]));
}

async fn a_member_keeps_what_they_are(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    let gives = json!({ "role_ids": [ORGANIZATION_OWNER], "group_ids": [g] });
    let i = id(&p.invite(&p.owner.client, &ada.email, gives).await.expect(200)["invitations"][0]);
    join(&w, &p.organization, &ada.id, ORGANIZATION_VIEWER).await;
    p.accept(&ada.client, &i).await.expect(200);
    assert_eq!(p.roles_of(&ada.id).await, ["app_organization_viewer"]);
    assert_eq!(all(&ada.client.get("/v1beta1/users/self/groups").await.expect(200)["groups"], "name"), ["backend"]);
}

async fn accepted_twice_at_once_it_counts_once(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    let i = p.invited("ada@example.com").await;
    let (one, two) = tokio::join!(p.accept(&ada.client, &i), p.accept(&ada.client, &i));
    let mut seen = [one.status, two.status];
    seen.sort_unstable();
    // 400 asks for a repeat, which is told what the one who came later is told
    assert!(seen[0] == 200 && [400, 403, 404].contains(&seen[1]), "{seen:?}");
    assert!([403, 404].contains(&p.accept(&ada.client, &i).await.status));
    assert_eq!(w.events("action=organization.accepted").await.len(), 1);
    assert_eq!(rows(&w, "role_bindings").await.len(), 2);
}

async fn sec_19_a_disabled_organization_takes_nobody_in(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    let i = p.invited("ada@example.com").await;
    w.owner().post(&format!("/v1beta1/organizations/{}/disable", p.organization), json!({})).await.expect(200);
    let text_of = "org is disabled. Please contact your administrator to enable it";
    assert_eq!(p.accept(&ada.client, &i).await.expect(400)["message"], text_of);
    assert_eq!(p.invite(&p.owner.client, "new@example.com", json!({})).await.expect(400)["message"], text_of);
    assert_eq!(ada.client.get("/v1beta1/users/self/invitations").await.expect(200)["orgs"], json!([]));
    // nor does a disabled person come in
    w.owner().post(&format!("/v1beta1/organizations/{}/enable", p.organization), json!({})).await.expect(200);
    w.owner().post(&format!("/v1beta1/users/{}/disable", ada.id), json!({})).await.expect(200);
    assert_eq!(p.accept(&ada.client, &i).await.status, 401);
}

async fn an_invitation_of_another_tenant_is_not_there(w: World) {
    let p = place(&w).await;
    let rival = w.second_tenant("Rival").await;
    // the same address, proved over there
    let i = p.invited(&rival.owner.email).await;
    let by = &rival.owner.client;
    by.get(&p.at(&i)).await.expect(404);
    by.delete(&p.at(&i)).await.expect(404);
    assert_eq!(p.accept(by, &i).await.status, 404);
    let theirs = organization(by, "theirs").await;
    by.get(&format!("/v1beta1/organizations/{theirs}/invitations/{i}")).await.expect(404);
    assert_eq!(by.get("/v1beta1/users/self/invitations").await.expect(200)["invitations"], json!([]));
    assert_eq!(
        by.get(&format!("/v1beta1/users/{}/invitations", rival.owner.id)).await.expect(200)["invitations"],
        json!([])
    );
}

async fn whoever_is_deleted_is_invited_no_more(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    p.invited("ada@example.com").await;
    w.owner().delete(&format!("/v1/users/{}", ada.id)).await.expect(204);
    assert!(rows(&w, "invitations").await.is_empty());
    p.invited("bob@example.com").await;
    p.owner.client.delete(&format!("/v1beta1/organizations/{}", p.organization)).await.expect(200);
    assert!(rows(&w, "invitations").await.is_empty());
}

async fn each_change_of_an_invitation_is_in_the_log(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    let g = group(&p.owner.client, &p.organization, "backend").await;
    let gives = json!({ "group_ids": [g] });
    let i = id(&p.invite(&p.owner.client, "ada@example.com", gives).await.expect(200)["invitations"][0]);
    p.accept(&ada.client, &i).await.expect(200);
    let other = p.invited("bob@example.com").await;
    p.owner.client.delete(&p.at(&other)).await.expect(200);
    let events = w.events(&format!("resource_id={}", p.organization)).await;
    assert_eq!(
        sorted(&json!(events), "action"),
        [
            "organization.accepted",
            "organization.created",
            "organization.invitation_deleted",
            "organization.invited",
            "organization.invited",
            "organization.member_added"
        ]
    );
    let accepted = &events.iter().find(|e| e["action"] == "organization.accepted").unwrap()["metadata"];
    assert_eq!((&accepted["user_id"], &accepted["invitation_id"]), (&json!(ada.id), &json!(i)));
    assert_eq!((&accepted["role_ids"], &accepted["group_ids"]), (&json!([ORGANIZATION_VIEWER]), &json!([g])));
    // who reads this log does not learn which addresses have an account
    let told = |gave: bool| {
        let invited = events.iter().filter(|e| e["action"] == "organization.invited");
        let one = invited.map(|e| &e["metadata"]).find(|m| (m["group_ids"] == json!([g])) == gave).unwrap();
        one.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(told(true), told(false));
    assert!(!told(true).contains(&"user_id".to_owned()));
    // an address that nobody can ever ask to be erased is not written down
    assert!(!json!(events).to_string().contains("bob@example.com"));
    assert_eq!(w.events(&format!("action=group.member_added&resource_id={g}")).await.len(), 1);
}
