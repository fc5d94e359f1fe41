//! Superusers and checkers as Frontier's platform users (spec v1beta1 2.3.15, 3.14; decisions 17 and 18).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    who_may_look_after_platform_users,
    an_admin_is_a_superuser_from_then_on_and_not_a_moment_longer,
    a_member_may_check_for_others_and_nothing_else,
    the_list_says_what_they_are,
    a_service_user_is_one_like_a_person,
    sec_11_a_service_user_makes_itself_no_more,
    an_unknown_address_makes_a_user,
    a_disabled_user_is_not_found,
    removing_without_a_word_takes_both,
    the_owner_stays,
    what_was_not_said_is_refused,
    sec_11_nobody_makes_himself_more,
    sec_11_a_rule_says_who_may_be_made_what,
    sec_02_a_user_of_another_tenant_is_not_there,
    sec_20_it_is_told_as_roles_and_as_frontier_does,
);

const ADD: &str = "/v1beta1/admin/platform/users";
const REMOVE: &str = "/v1beta1/admin/platform/users/remove";

fn user(who: &str, relation: &str) -> Value {
    json!({ "user_id": who, "relation": relation })
}
fn service_user(who: &str, relation: &str) -> Value {
    json!({ "serviceuser_id": who, "relation": relation })
}
async fn roles(w: &World, id: &str) -> Value {
    w.owner().get(&format!("/v1/users/{id}")).await.expect(200)["roles"].clone()
}

async fn who_may_look_after_platform_users(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let tenant = w.second_tenant("Rival").await;
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*", "roles:*"] })).await;
    for (who, by, list, change) in [
        ("nobody", w.anonymous(), 401, 401),
        ("a user", ada.client.clone(), 403, 403),
        ("an approver", w.person("App", &["approver"]).await.client, 403, 403),
        ("a narrow key", narrow, 403, 403),
        ("another tenant's admin", tenant.owner.client.clone(), 200, 404),
        ("superuser", w.owner(), 200, 200),
        ("service key", w.service(), 200, 200),
    ] {
        assert_eq!(by.get(ADD).await.status, list, "{who} lists");
        let a = by.post(ADD, user(&ada.id, "member")).await;
        assert_eq!(a.status, change, "{who} adds: {}", a.text());
        let a = by.post(REMOVE, user(&ada.id, "member")).await;
        assert_eq!(a.status, change, "{who} removes: {}", a.text());
        // whether somebody is there is told only to who may do it
        if change == 403 {
            assert_eq!(by.post(ADD, user(NOBODY, "member")).await.status, 403, "{who}");
            assert_eq!(by.post(ADD, user("", "member")).await.status, 403, "{who}");
        }
    }
    let a = w.owner().post(&format!("{ADMIN}/AddPlatformUser"), user(&ada.id, "admin")).await.expect(200);
    assert_eq!(a, json!({}));
}

async fn an_admin_is_a_superuser_from_then_on_and_not_a_moment_longer(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let (_, key) = w.api_key(&ada.client, json!({ "name": "k", "scopes": ["*"] })).await;
    for (relation, status) in [("add", 200), ("remove", 403), ("add", 200), ("remove", 403)] {
        let path = if relation == "add" { ADD } else { REMOVE };
        w.owner().post(path, user("ada@example.com", "admin")).await.expect(200);
        for by in [&ada.client, &key] {
            assert_eq!(by.get(ADD).await.status, status);
            assert_eq!(by.get("/v1beta1/preferences").await.status, status);
        }
        assert_eq!(ada.client.get("/v1/users").await.expect(200)["data"].as_array().unwrap().len() > 1, status == 200);
    }
    // again is no change
    w.owner().post(ADD, user(&ada.id, "admin")).await.expect(200);
    w.owner().post(ADD, user(&ada.id, "admin")).await.expect(200);
    assert_eq!(roles(&w, &ada.id).await, json!(["user", "admin"]));
    assert_eq!(w.events("action=platform.admin_added").await.len(), 3);
}

async fn a_member_may_check_for_others_and_nothing_else(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let acme = organization(&bob.client, "acme-corp").await;
    let question = json!({ "subject": format!("app/user:{}", bob.id), "resource": format!("app/organization:{acme}"), "permission": "update" });
    ada.client.post("/v1beta1/admin/check", question.clone()).await.expect(403);
    w.owner().post(ADD, user(&ada.id, "member")).await.expect(200);
    assert_eq!(ada.client.post("/v1beta1/admin/check", question.clone()).await.expect(200)["status"], true);
    ada.client.get(ADD).await.expect(403);
    ada.client.get("/v1beta1/preferences").await.expect(403);
    assert_eq!(roles(&w, &ada.id).await, json!(["user"]), "/v1 does not show it (decision 17)");
    w.owner().post(REMOVE, user(&ada.id, "member")).await.expect(200);
    ada.client.post("/v1beta1/admin/check", question).await.expect(403);
}

async fn the_list_says_what_they_are(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    w.owner().post(ADD, user(&ada.id, "member")).await.expect(200);
    w.owner().post(ADD, user(&ada.id, "admin")).await.expect(200);
    w.owner().post(ADD, user(&bob.id, "member")).await.expect(200);
    let list = w.owner().get(ADD).await.expect(200);
    assert_eq!(
        (all(&list["users"], "id"), &list["serviceusers"]),
        (vec![w.owner_id.clone(), ada.id.clone(), bob.id.clone()], &json!([]))
    );
    let stamps: Vec<&Value> = list["users"].as_array().unwrap().iter().map(|u| &u["metadata"]).collect();
    assert_eq!(stamps[0]["relations"], json!(["admin"]));
    assert_eq!((&stamps[1]["relation"], &stamps[1]["relations"]), (&json!("admin"), &json!(["admin", "member"])));
    assert_eq!((&stamps[2]["relation"], &stamps[2]["relations"]), (&json!("member"), &json!(["member"])));
    // the stamp is of the list, not of the user
    let seen = w.owner().get(&format!("/v1beta1/users/{}", bob.id)).await.expect(200);
    assert_eq!(seen["user"]["metadata"], json!({}));
    w.owner().post(&format!("/v1beta1/users/{}/disable", bob.id), json!({})).await.expect(200);
    assert_eq!(w.owner().get(ADD).await.expect(200)["users"].as_array().unwrap().len(), 2);
}

async fn a_service_user_is_one_like_a_person(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let acme = organization(&ada.client, "acme-corp").await;
    let ci = machine(&ada.client, &acme, "CI").await;
    let (_, client) = secret(&w, &ada.client, &acme, &ci).await;
    ada.client.post(ADD, service_user(&ci, "admin")).await.expect(403);
    for (path, relation, status) in
        [(ADD, "admin", 200), (ADD, "member", 200), (REMOVE, "admin", 403), (ADD, "admin", 200)]
    {
        w.owner().post(path, service_user(&ci, relation)).await.expect(200);
        assert_eq!(client.get(ADD).await.status, status, "{path} {relation}");
    }
    let list = w.owner().get(ADD).await.expect(200)["serviceusers"].clone();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["id"]), (1, &json!(ci)));
    assert_eq!(list[0]["metadata"], json!({ "relation": "admin", "relations": ["admin", "member"] }));
    // from then on only superusers make credentials of it
    let secrets = format!("/v1beta1/organizations/{acme}/serviceusers/{ci}/secrets");
    ada.client.post(&secrets, json!({})).await.expect(403);
    w.owner().post(REMOVE, json!({ "serviceuser_id": ci })).await.expect(200);
    assert_eq!(w.owner().get(ADD).await.expect(200)["serviceusers"], json!([]));
    assert_eq!(client.get(ADD).await.status, 403);
    ada.client.post(&secrets, json!({})).await.expect(200);
    let events = w.events("action=platform.admin_added").await;
    assert_eq!((events.len(), &events[0]["metadata"]["service_user_id"]), (2, &json!(ci)));
    assert_eq!(w.events(&format!("action=role.taken&resource_id={ci}")).await.len(), 3);
    change_machine(&w, &ci, |s| portcullis_domain::service_user::ServiceUser {
        state: portcullis_domain::organization::State::Disabled,
        ..s
    })
    .await;
    let rival = w.second_tenant("Rival").await;
    for (by, id) in [(&w.owner(), &*ci), (&w.owner(), NOBODY), (&w.owner(), "no-id"), (&rival.owner.client, &*ci)] {
        by.post(ADD, service_user(id, "admin")).await.expect(404);
    }
}

async fn sec_11_a_service_user_makes_itself_no_more(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let acme = organization(&ada.client, "acme-corp").await;
    let ci = machine(&ada.client, &acme, "CI").await;
    let (_, client) = secret(&w, &ada.client, &acme, &ci).await;
    w.owner().post(ADD, service_user(&ci, "admin")).await.expect(200);
    client.post(ADD, service_user(&ci, "member")).await.expect(403);
    client.post(REMOVE, service_user(&ci, "admin")).await.expect(403);
    // nor the person who made its credential
    client.post(ADD, user(&ada.id, "admin")).await.expect(403);
    client.post(ADD, service_user(&ci, "admin")).await.expect(200);
}

async fn an_unknown_address_makes_a_user(w: World) {
    w.owner().post(ADD, user("new@example.com", "admin")).await.expect(200);
    let made = w.owner().get("/v1beta1/users/new@example.com").await.expect(200)["user"].clone();
    assert_eq!((&made["name"], &made["state"]), (&json!("new_example_com"), &json!("enabled")));
    assert_eq!(roles(&w, &id(&made)).await, json!(["user", "admin"]));
    w.owner().post(ADD, user("new_example_com", "member")).await.expect(200);
    // only an address makes one
    for nobody in [NOBODY, "no-such-name"] {
        w.owner().post(ADD, user(nobody, "admin")).await.expect(404);
    }
    w.owner().post(REMOVE, user("nobody@example.com", "admin")).await.expect(404);
    w.owner().get("/v1beta1/users/nobody@example.com").await.expect(404);
}

async fn a_disabled_user_is_not_found(w: World) {
    let ada = w.person("Ada", &["user", "admin"]).await;
    w.owner().post(&format!("/v1beta1/users/{}/disable", ada.id), json!({})).await.expect(200);
    w.owner().post(ADD, user(&ada.id, "member")).await.expect(404);
    w.owner().post(ADD, user(&ada.email, "member")).await.expect(404);
    // a right can be taken from them all the same
    w.owner().post(REMOVE, user(&ada.id, "")).await.expect(200);
    assert_eq!(roles(&w, &ada.id).await, json!(["user"]));
}

async fn removing_without_a_word_takes_both(w: World) {
    let ada = w.person("Ada", &["admin"]).await;
    w.owner().post(ADD, user(&ada.id, "member")).await.expect(200);
    w.owner().post(REMOVE, json!({ "user_id": ada.id })).await.expect(200);
    assert_eq!(w.owner().get(ADD).await.expect(200)["users"].as_array().unwrap().len(), 1);
    assert_eq!(roles(&w, &ada.id).await, json!(["user"]), "every person holds a role");
    w.owner().post(REMOVE, json!({ "user_id": ada.id })).await.expect(200);
}

async fn the_owner_stays(w: World) {
    let ada = w.person("Ada", &["user", "admin"]).await;
    for relation in ["admin", ""] {
        let a = ada.client.post(&format!("{ADMIN}/RemovePlatformUser"), user(&w.owner_id, relation)).await;
        assert_eq!(code(&a), "failed_precondition", "{}", a.text());
    }
    assert_eq!(roles(&w, &w.owner_id).await, json!(["user", "admin"]));
}

async fn what_was_not_said_is_refused(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    for body in [
        json!({}),
        json!({ "user_id": ada.id }),
        json!({ "user_id": ada.id, "relation": "owner" }),
        json!({ "relation": "admin" }),
        json!({ "user_id": ada.id, "serviceuser_id": NOBODY, "relation": "admin" }),
    ] {
        let e = w.owner().post(ADD, body.clone()).await.expect(400);
        assert!(e["message"].as_str().unwrap().starts_with("invalid syntax in body"), "{body}: {e}");
    }
    w.owner().post(REMOVE, user(&ada.id, "owner")).await.expect(400);
    w.owner().post(ADD, json!({ "serviceuser_id": NOBODY, "relation": "admin" })).await.expect(404);
    assert_eq!(roles(&w, &ada.id).await, json!(["user"]));
}

async fn sec_11_nobody_makes_himself_more(w: World) {
    let ada = w.person("Ada", &["user", "admin"]).await;
    let (_, key) = w.api_key(&ada.client, json!({ "name": "k", "scopes": ["*"] })).await;
    for by in [&ada.client, &key] {
        by.post(ADD, user(&ada.id, "member")).await.expect(403);
        by.post(REMOVE, user(&ada.id, "admin")).await.expect(403);
        // what they are already is no change
        by.post(ADD, user(&ada.id, "admin")).await.expect(200);
    }
    // nor through the key that they made for the tenant
    w.service().post(ADD, user(&w.owner_id, "member")).await.expect(403);
    assert_eq!(roles(&w, &ada.id).await, json!(["user", "admin"]));
}

async fn sec_11_a_rule_says_who_may_be_made_what(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let policy = w.policy("p", 10, "").await;
    for text in [
        r#"forbid (principal, action == Action::"roles:grant", resource) when { context has role && context.role == "admin" };"#,
        r#"forbid (principal, action == Action::"users:create", resource) when { context has email_domain && context.email_domain == "evil.example" };"#,
    ] {
        let rule = json!({ "policy_text": text, "notice": "Ask the board." });
        w.owner().post(&format!("/v1/policies/{policy}/rules"), rule).await.expect(201);
    }
    let a = w.owner().post(ADD, user(&ada.id, "admin")).await;
    assert_eq!((a.status, a.header("x-policy-notices").is_some()), (400, true), "{}", a.text());
    w.owner().post(ADD, user(&ada.id, "member")).await.expect(200);
    let a = w.owner().post(ADD, user("x@evil.example", "member")).await;
    assert_eq!((a.status, a.header("x-policy-notices").is_some()), (403, true), "{}", a.text());
    w.owner().post(ADD, user("x@good.example", "member")).await.expect(200);
    // a rule makes nobody a superuser who is none
    let cedar = format!(r#"permit (principal == User::"{}", action == Action::"roles:grant", resource);"#, bob.id);
    w.policy("grants", 20, &cedar).await;
    bob.client.post(ADD, user(&ada.id, "member")).await.expect(403);
    assert_eq!(roles(&w, &ada.id).await, json!(["user"]));
}

async fn sec_02_a_user_of_another_tenant_is_not_there(w: World) {
    let rival = w.second_tenant("Rival").await;
    let theirs = rival.person("Their", &["user"]).await;
    let here = w.person("Their", &["user"]).await;
    w.owner().post(ADD, user(&theirs.id, "admin")).await.expect(404);
    w.owner().post(REMOVE, user(&theirs.id, "admin")).await.expect(404);
    // an address names the user of one's own tenant
    w.owner().post(ADD, user("their@example.com", "admin")).await.expect(200);
    theirs.client.get(ADD).await.expect(403);
    here.client.get(ADD).await.expect(200);
}

async fn sec_20_it_is_told_as_roles_and_as_frontier_does(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    w.owner().post(ADD, user(&ada.id, "admin")).await.expect(200);
    w.owner().post(ADD, user(&ada.id, "member")).await.expect(200);
    w.owner().post(REMOVE, user(&ada.id, "")).await.expect(200);
    for action in ["platform.admin_added", "platform.member_added", "platform.admin_removed", "platform.member_removed"]
    {
        let events = w.events(&format!("action={action}")).await;
        assert_eq!((events.len(), &events[0]["metadata"]["user_id"]), (1, &json!(ada.id)), "{action}");
    }
    assert_eq!(w.events(&format!("action=role.granted&resource_id={}", ada.id)).await.len(), 2);
    assert_eq!(w.events(&format!("action=role.taken&resource_id={}", ada.id)).await.len(), 2);
}
