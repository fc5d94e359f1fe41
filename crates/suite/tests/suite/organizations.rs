//! Organizations and who is in them (spec v1beta1 2.3.7, 3.2), through both protocols.
use portcullis_domain::access_role::{AccessRole, Predefined};
use portcullis_wire_v1beta1::{Messages, json as wire};
use serde_json::{Value, json};

use crate::world::*;

both!(
    whoever_makes_an_organization_owns_it,
    only_a_person_makes_an_organization,
    a_name_is_unique_in_the_tenant_and_a_body_is_checked,
    who_may_look_at_an_organization,
    the_three_forms_answer_the_same,
    update_replaces_and_keeps_the_name,
    update_of_an_organization_addressed_by_name_never_touches_another,
    a_disabled_organization_says_so_to_its_members_only,
    an_organization_can_be_made_for_somebody_else,
    lists_are_for_superusers_and_of_ones_own,
    lists_have_pages_states_and_a_count,
    members_are_listed_with_what_they_are,
    a_member_becomes_something_else,
    nobody_gives_more_than_they_have,
    the_last_owner_stays_one,
    two_simultaneous_demotions_leave_an_owner,
    two_owners_who_remove_each_other_leave_one,
    members_are_added_each_for_itself,
    the_dropped_calls_on_members_still_work,
    a_repeated_create_is_answered_as_before,
);

const FRONTIER: &str = "/raystack.frontier.v1beta1.FrontierService";
const ADMIN: &str = "/raystack.frontier.v1beta1.AdminService";
const DISABLED: &str = "org is disabled. Please contact your administrator to enable it";

fn role(name: &str) -> String {
    Predefined::named(name).map(Predefined::id).map(|id: portcullis_domain::Id<AccessRole>| id.to_string()).unwrap()
}
async fn make(by: &Client, name: &str) -> Value {
    by.post("/v1beta1/organizations", json!({ "name": name, "title": name })).await.expect(200)["organization"].clone()
}
fn id(thing: &Value) -> &str {
    thing["id"].as_str().unwrap()
}
async fn call(by: &Client, rpc: &str, body: Value) -> Answer {
    let service = if ["AddOrganizationMembers", "ListAllOrganizations", "ListAllUsers"].contains(&rpc) {
        ADMIN
    } else {
        FRONTIER
    };
    by.post(&format!("{service}/{rpc}"), body).await
}
/// A refusal over Connect: HTTP status and word.
#[track_caller]
fn refused(a: &Answer, status: u16, word: &str) -> String {
    let e = a.expect(status);
    assert_eq!(e["code"], word, "{e}");
    e["message"].as_str().unwrap().to_owned()
}
async fn add(w: &World, organization: &Value, who: &Person, as_what: &str) {
    let members = json!([{ "user_id": who.id, "role_id": role(as_what) }]);
    let a =
        call(&w.owner(), "AddOrganizationMembers", json!({ "org_id": organization["id"], "members": members })).await;
    assert_eq!(a.expect(200)["results"][0]["success"], true, "{}", a.text());
}
async fn set_role(by: &Client, organization: &Value, who: &str, as_what: &str) -> Answer {
    let body = json!({ "org_id": organization["id"], "user_id": who, "role_id": role(as_what) });
    call(by, "SetOrganizationMemberRole", body).await
}
async fn remove(by: &Client, organization: &Value, who: &str) -> Answer {
    let body = json!({ "org_id": organization["id"], "principal_id": who, "principal_type": "app/user" });
    call(by, "RemoveOrganizationMember", body).await
}
fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|u| id(u).to_owned()).collect()
}
async fn owners(w: &World, organization: &Value) -> Vec<String> {
    ids(&w.owner().get(&format!("/v1beta1/organizations/{}/admins", id(organization))).await.expect(200)["users"])
}

async fn whoever_makes_an_organization_owns_it(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let body = json!({ "name": "Acme-Inc", "title": "Acme", "metadata": { "country": "de" } });
    let made = ada.client.post("/v1beta1/organizations", body).await.expect(200)["organization"].clone();
    assert_eq!(
        (&made["name"], &made["title"], &made["state"], &made["metadata"], &made["avatar"]),
        (&json!("acme-inc"), &json!("Acme"), &json!("enabled"), &json!({ "country": "de" }), &json!(""))
    );
    let list = ada.client.get(&format!("/v1beta1/organizations/{}/users", id(&made))).await.expect(200);
    assert_eq!(list["users"][0]["email"], "ada@example.com");
    assert_eq!(list["role_pairs"][0]["user_id"], *ada.id);
    assert_eq!(list["role_pairs"][0]["roles"][0]["name"], "app_organization_owner");
    assert_eq!(owners(&w, &made).await, [&*ada.id]);
    let events = w.events("action=organization.created").await;
    assert_eq!((&events[0]["resource_id"], &events[0]["metadata"]["user_id"]), (&made["id"], &json!(ada.id)));
}

async fn only_a_person_makes_an_organization(w: World) {
    let a = w.service().post("/v1beta1/organizations", json!({ "name": "machines" })).await;
    let message = a.expect(403)["message"].clone();
    assert!(message.as_str().unwrap().contains("only user principals can create organizations"), "{message}");
    w.anonymous().post("/v1beta1/organizations", json!({ "name": "machines" })).await.expect(401);
    // a key that may do less than its owner has no part in the graph
    let ada = w.person("Ada", &["user"]).await;
    let body = json!({ "name": "narrow", "scopes": ["users:read"] });
    let (_, key) = w.api_key(&ada.client, body).await;
    key.post("/v1beta1/organizations", json!({ "name": "machines" })).await.expect(403);
    ada.client.post("/v1beta1/organizations", json!({ "name": "machines" })).await.expect(200);
}

async fn a_name_is_unique_in_the_tenant_and_a_body_is_checked(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    make(&ada.client, "acme").await;
    for name in ["acme", "ACME"] {
        let a = ada.client.post("/v1beta1/organizations", json!({ "name": name })).await;
        assert_eq!(a.expect(409)["code"], 6);
    }
    let connect = call(&ada.client, "CreateOrganization", json!({ "body": { "name": "acme" } })).await;
    refused(&connect, 409, "already_exists");
    for bad in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "with space" }),
        json!({ "name": NOBODY }),
        json!({ "name": "fine", "avatar": "http://example.com/a.png" }),
        json!({ "name": "fine", "title": "x".repeat(201) }),
        json!({ "name": "fine", "metadata": { "label": 7 } }),
        json!({ "name": "fine", "metadata": { "description": {} } }),
    ] {
        let a = ada.client.post("/v1beta1/organizations", bad.clone()).await;
        assert_eq!(a.expect(400)["code"], 3, "{bad}");
    }
    let e =
        ada.client.post("/v1beta1/organizations", json!({ "name": "fine", "metadata": { "label": 7 } })).await.json();
    let message = e["message"].as_str().unwrap();
    assert!(message.starts_with("invalid syntax in body : metadata schema validation failed"), "{message}");
    // another tenant has names of its own
    let other = w.second_tenant("Globex").await;
    make(&other.owner.client, "acme").await;
}

async fn who_may_look_at_an_organization(w: World) {
    let (ada, bob, eve) =
        (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await, w.person("Eve", &["user"]).await);
    let acme = make(&ada.client, "acme").await;
    add(&w, &acme, &bob, "app_organization_viewer").await;
    let other = w.second_tenant("Globex").await;
    for which in [id(&acme), "acme", "ACME"] {
        let path = format!("/v1beta1/organizations/{which}");
        for who in [&ada.client, &bob.client, &w.owner(), &w.service()] {
            assert_eq!(who.get(&path).await.expect(200)["organization"]["id"], acme["id"]);
        }
        let unseen = eve.client.get("/v1beta1/organizations/nobody-here").await;
        let a = eve.client.get(&path).await;
        assert_eq!((a.status, a.json()["message"].clone()), (403, unseen.expect(403)["message"].clone()));
        w.anonymous().get(&path).await.expect(401);
        other.owner.client.get(&path).await.expect(404);
    }
    let e = w.owner().get(&format!("/v1beta1/organizations/{NOBODY}")).await.expect(404);
    assert!(e["message"].as_str().unwrap().starts_with("not found"), "{e}");
    // what else is of members, or of more than members
    for (path, member) in [("users", 200), ("admins", 200), ("projects", 403)] {
        let path = format!("/v1beta1/organizations/acme/{path}");
        ada.client.get(&path).await.expect(200);
        w.owner().get(&path).await.expect(200);
        bob.client.get(&path).await.expect(member);
        eve.client.get(&path).await.expect(403);
        w.anonymous().get(&path).await.expect(401);
        other.owner.client.get(&path).await.expect(404);
    }
    for rpc in ["UpdateOrganization", "DeleteOrganization", "EnableOrganization", "DisableOrganization"] {
        for who in [&bob.client, &eve.client] {
            let a = call(who, rpc, json!({ "id": acme["id"], "body": { "name": "acme" } })).await;
            refused(&a, 403, "permission_denied");
        }
        let a = call(&w.anonymous(), rpc, json!({ "id": acme["id"], "body": { "name": "acme" } })).await;
        refused(&a, 401, "unauthenticated");
        let a = call(&other.owner.client, rpc, json!({ "id": acme["id"], "body": { "name": "acme" } })).await;
        refused(&a, 404, "not_found");
    }
    for (who, status) in [(&bob.client, 403), (&eve.client, 403), (&w.anonymous(), 401), (&other.owner.client, 404)] {
        assert_eq!(set_role(who, &acme, &bob.id, "app_organization_viewer").await.status, status);
        assert_eq!(remove(who, &acme, &bob.id).await.status, status);
    }
    assert_eq!(w.owner().get("/v1beta1/organizations/acme").await.expect(200)["organization"], acme);
}

async fn the_three_forms_answer_the_same(w: World) {
    use portcullis_wire_v1beta1::DynamicMessage;
    let acme = make(&w.owner(), "acme").await;
    let rest = w.owner().get("/v1beta1/organizations/acme").await.expect(200);
    let connect = call(&w.owner(), "GetOrganization", json!({ "id": "acme" })).await.expect(200);
    assert_eq!((&rest["organization"], &connect["organization"]["id"]), (&acme, &acme["id"]));
    assert!(rest["organization"].get("avatar").is_some() && connect["organization"].get("avatar").is_none());
    let request = wire::read(Messages::named("GetOrganizationRequest"), br#"{"id":"acme"}"#).unwrap();
    let proto = w.owner().with("content-type", "application/proto");
    let a = proto.send("POST", &format!("{FRONTIER}/GetOrganization"), &encoded(&request)).await;
    assert_eq!((a.status, a.header("content-type")), (200, Some("application/proto")));
    let answer = DynamicMessage::decode(Messages::named("GetOrganizationResponse"), &*a.body).unwrap();
    let answer: Value = serde_json::from_slice(&wire::write(&answer, portcullis_wire_v1beta1::Zeros::LeftOut)).unwrap();
    assert_eq!(answer, connect);
}
/// `{1: "acme"}` as protobuf writes it, without a library of its own in the suite.
fn encoded(request: &portcullis_wire_v1beta1::DynamicMessage) -> Vec<u8> {
    let text = request.get_field_by_name("id").unwrap().as_str().unwrap().to_owned();
    [&[10, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

async fn update_replaces_and_keeps_the_name(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let avatar = "https://example.com/a.png";
    let body = json!({ "name": "acme", "title": "Acme", "avatar": avatar, "metadata": { "a": 1 } });
    let made = ada.client.post("/v1beta1/organizations", body).await.expect(200)["organization"].clone();
    assert_eq!(made["avatar"], avatar);
    let path = format!("/v1beta1/organizations/{}", id(&made));
    let new =
        ada.client.put(&path, json!({ "name": "other", "title": "New" })).await.expect(200)["organization"].clone();
    assert_eq!(
        (&new["name"], &new["title"], &new["avatar"], &new["metadata"]),
        (&json!("acme"), &json!("New"), &json!(""), &json!({}))
    );
    assert_eq!(ada.client.get(&path).await.expect(200)["organization"], new);
    ada.client.put(&path, json!({ "title": "x" })).await.expect(400);
    ada.client.put(&path, json!({ "name": "acme", "metadata": { "label": [] } })).await.expect(400);
    let events = w.events("action=organization.updated").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["changes"]["title"], json!({ "before": "Acme", "after": "New" }));
}

async fn update_of_an_organization_addressed_by_name_never_touches_another(w: World) {
    let (ada, eve) = (w.person("Ada", &["user"]).await, w.person("Eve", &["user"]).await);
    let victim = make(&ada.client, "victim").await;
    let mine = make(&eve.client, "mine").await;
    let body = json!({ "name": "victim", "title": "taken over" });
    let out = eve.client.put("/v1beta1/organizations/mine", body.clone()).await.expect(200)["organization"].clone();
    assert_eq!((&out["id"], &out["name"], &out["title"]), (&mine["id"], &json!("mine"), &json!("taken over")));
    let a = call(&eve.client, "UpdateOrganization", json!({ "id": "mine", "body": body })).await;
    assert_eq!(a.expect(200)["organization"]["id"], mine["id"]);
    eve.client.put("/v1beta1/organizations/victim", body).await.expect(403);
    assert_eq!(ada.client.get("/v1beta1/organizations/victim").await.expect(200)["organization"], victim);
}

async fn a_disabled_organization_says_so_to_its_members_only(w: World) {
    let (ada, eve) = (w.person("Ada", &["user"]).await, w.person("Eve", &["user"]).await);
    let acme = make(&ada.client, "acme").await;
    ada.client.post("/v1beta1/organizations/acme/disable", json!({})).await.expect(403);
    assert_eq!(w.owner().post("/v1beta1/organizations/acme/disable", json!({})).await.expect(200), json!({}));
    let path = format!("/v1beta1/organizations/{}", id(&acme));
    for path in [path.clone(), format!("{path}/users"), format!("{path}/projects"), format!("{path}/admins")] {
        let e = ada.client.get(&path).await.expect(400);
        assert_eq!((&e["code"], &e["message"]), (&json!(9), &json!(DISABLED)), "{path}");
        eve.client.get(&path).await.expect(403);
        w.owner().get(&path).await.expect(200);
    }
    assert_eq!(w.owner().get(&path).await.expect(200)["organization"]["state"], "disabled");
    let a = call(&ada.client, "DeleteOrganization", json!({ "id": "acme" })).await;
    assert_eq!(refused(&a, 400, "failed_precondition"), DISABLED);
    let a = set_role(&ada.client, &acme, &ada.id, "app_organization_viewer").await;
    assert_eq!(refused(&a, 400, "failed_precondition"), DISABLED);
    // it is not the member's list that hides it
    let mine = ada.client.get("/v1beta1/users/self/organizations?state=disabled").await.expect(200);
    assert_eq!(ids(&mine["organizations"]), [id(&acme)]);
    w.owner().post("/v1beta1/organizations/acme/enable", json!({})).await.expect(200);
    assert_eq!(ada.client.get(&path).await.expect(200)["organization"]["state"], "enabled");
    // nothing happened the second time
    w.owner().post("/v1beta1/organizations/acme/enable", json!({})).await.expect(200);
    assert_eq!(w.events("action=organization.enabled").await.len(), 1);
    w.owner().post(&format!("/v1beta1/organizations/{NOBODY}/disable"), json!({})).await.expect(404);
}

async fn an_organization_can_be_made_for_somebody_else(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let path = "/v1beta1/admin/organizations";
    let known = json!({ "name": "for-ada", "org_owner_email": "ADA@example.com" });
    let made = w.owner().post(path, known.clone()).await.expect(200)["organization"].clone();
    assert_eq!(owners(&w, &made).await, [&*ada.id]);
    let new = json!({ "name": "for-new", "org_owner_email": "new@example.com", "title": "New" });
    // a machine may do it too
    let made = w.service().post(path, new.clone()).await.expect(200)["organization"].clone();
    let user = w.owner().get("/v1beta1/users/new@example.com").await.expect(200)["user"].clone();
    assert_eq!((owners(&w, &made).await, &user["name"]), (vec![id(&user).to_owned()], &json!("new_example_com")));
    // a taken name makes nobody
    let taken = json!({ "name": "for-new", "org_owner_email": "late@example.com" });
    w.owner().post(path, taken).await.expect(409);
    w.owner().get("/v1beta1/users/late@example.com").await.expect(404);
    for bad in [json!({ "name": "x-y-z" }), json!({ "name": "x-y-z", "org_owner_email": "nobody" })] {
        w.owner().post(path, bad).await.expect(400);
    }
    ada.client.post(path, json!({ "name": "mine", "org_owner_email": "ada@example.com" })).await.expect(403);
    w.anonymous().post(path, known).await.expect(401);
    w.owner().post(&format!("/v1beta1/users/{}/disable", ada.id), json!({})).await.expect(200);
    let a = w.owner().post(path, json!({ "name": "too-late", "org_owner_email": "ada@example.com" })).await;
    assert_eq!(a.expect(400)["code"], 9);
}

async fn lists_are_for_superusers_and_of_ones_own(w: World) {
    let (ada, eve) = (w.person("Ada", &["user"]).await, w.person("Eve", &["user"]).await);
    let (one, two) = (make(&ada.client, "one").await, make(&eve.client, "two").await);
    let all = |a: Answer| ids(&a.expect(200)["organizations"]);
    assert_eq!(all(w.owner().get("/v1beta1/organizations").await), [id(&one), id(&two)]);
    assert_eq!(all(ada.client.get(&format!("/v1beta1/organizations?user_id={}", ada.id)).await), [id(&one)]);
    assert_eq!(all(w.owner().get(&format!("/v1beta1/organizations?user_id={}", eve.id)).await), [id(&two)]);
    assert_eq!(all(ada.client.get("/v1beta1/users/self/organizations").await), [id(&one)]);
    for who in [&*ada.id, "ada@example.com"] {
        assert_eq!(all(w.owner().get(&format!("/v1beta1/users/{who}/organizations")).await), [id(&one)]);
    }
    // decision 21: the column of HEAD, on both surfaces
    ada.client.get("/v1beta1/organizations").await.expect(403);
    ada.client.get(&format!("/v1beta1/organizations?user_id={}", eve.id)).await.expect(403);
    ada.client.get("/v1beta1/admin/organizations").await.expect(403);
    ada.client.get(&format!("/v1beta1/users/{}/organizations", eve.id)).await.expect(403);
    let a = call(&ada.client, "ListOrganizationsByUser", json!({ "id": ada.id })).await;
    refused(&a, 503, "unavailable");
    w.owner().get(&format!("/v1beta1/users/{NOBODY}/organizations")).await.expect(404);
    for path in ["organizations", "admin/organizations", "users/self/organizations", "users/x/organizations"] {
        w.anonymous().get(&format!("/v1beta1/{path}")).await.expect(401);
    }
    let other = w.second_tenant("Globex").await;
    assert!(all(other.owner.client.get("/v1beta1/organizations").await).is_empty());
    assert!(all(other.owner.client.get(&format!("/v1beta1/organizations?user_id={}", ada.id)).await).is_empty());
    // the members of an organization, as a list of users
    let users = |a: Answer| ids(&a.expect(200)["users"]);
    assert_eq!(users(ada.client.get("/v1beta1/users?org_id=one").await), [&*ada.id]);
    eve.client.get("/v1beta1/users?org_id=one").await.expect(403);
    ada.client.get("/v1beta1/users").await.expect(403);
    ada.client.get("/v1beta1/admin/users?org_id=one").await.expect(403);
    assert_eq!(users(w.owner().get("/v1beta1/admin/users?org_id=one").await), [&*ada.id]);
}

async fn lists_have_pages_states_and_a_count(w: World) {
    let mut made = vec![];
    for n in 0..5 {
        made.push(id(&make(&w.owner(), &format!("acme-{n}")).await).to_owned());
    }
    w.owner().post("/v1beta1/organizations/acme-3/disable", json!({})).await.expect(200);
    let list = async |query: &str| w.owner().get(&format!("/v1beta1/admin/organizations?{query}")).await;
    let page = list("page_size=2&page_num=2").await.expect(200);
    assert_eq!((ids(&page["organizations"]), &page["count"]), (made[2..4].to_vec(), &json!(5)));
    let page = list("state=disabled").await.expect(200);
    assert_eq!((ids(&page["organizations"]), &page["count"]), (made[3..4].to_vec(), &json!(1)));
    let page = list(&format!("user_id={}&page_size=3&page_num=2", w.owner_id)).await.expect(200);
    assert_eq!((ids(&page["organizations"]), &page["count"]), (made[3..].to_vec(), &json!(5)));
    assert_eq!(list("state=enabled").await.expect(200)["count"], 4);
    list("state=gone").await.expect(400);
    list("page_size=5001").await.expect(400);
    assert_eq!(list("page_size=5000&page_num=3").await.expect(429)["code"], 8);
}

async fn members_are_listed_with_what_they_are(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let acme = make(&ada.client, "acme").await;
    add(&w, &acme, &bob, "app_organization_viewer").await;
    let path = format!("/v1beta1/organizations/{}/users", id(&acme));
    let list = bob.client.get(&path).await.expect(200);
    assert_eq!(ids(&list["users"]), [&*ada.id, &bob.id]);
    assert_eq!(list["role_pairs"][1]["roles"][0]["id"], role("app_organization_viewer"));
    let owner = role("app_organization_owner");
    let list = bob.client.get(&format!("{path}?role_ids={owner}")).await.expect(200);
    assert_eq!(ids(&list["users"]), [&*ada.id]);
    let both = format!("{path}?role_ids={owner}&role_ids={}", role("app_organization_viewer"));
    assert_eq!(ids(&bob.client.get(&both).await.expect(200)["users"]).len(), 2);
    bob.client.get(&format!("{path}?role_ids=owner")).await.expect(400);
    assert!(ids(&bob.client.get(&format!("{path}?role_ids={NOBODY}")).await.expect(200)["users"]).is_empty());
    // disabled people are in no list
    w.owner().post(&format!("/v1beta1/users/{}/disable", bob.id), json!({})).await.expect(200);
    assert_eq!(ids(&ada.client.get(&path).await.expect(200)["users"]), [&*ada.id]);
}

async fn a_member_becomes_something_else(w: World) {
    let (ada, bob, eve) =
        (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await, w.person("Eve", &["user"]).await);
    let acme = make(&ada.client, "acme").await;
    add(&w, &acme, &bob, "app_organization_viewer").await;
    let path = format!("/v1beta1/organizations/{}", id(&acme));
    bob.client.put(&path, json!({ "name": "acme", "title": "Bob's" })).await.expect(403);
    set_role(&ada.client, &acme, &bob.id, "app_organization_manager").await.expect(200);
    bob.client.put(&path, json!({ "name": "acme", "title": "Bob's" })).await.expect(200);
    let list = ada.client.get(&format!("{path}/users")).await.expect(200);
    assert_eq!(list["role_pairs"][1]["roles"].as_array().unwrap().len(), 1);
    // unchanged: nothing happens
    set_role(&ada.client, &acme, &bob.id, "app_organization_manager").await.expect(200);
    assert_eq!(w.events("action=organization.member_role_changed").await.len(), 1);
    set_role(&ada.client, &acme, &bob.id, "app_organization_viewer").await.expect(200);
    bob.client.put(&path, json!({ "name": "acme", "title": "Bob's" })).await.expect(403);
    let a = set_role(&ada.client, &acme, &eve.id, "app_organization_viewer").await;
    assert_eq!(refused(&a, 400, "failed_precondition"), "principal is not a member of the resource");
    let a = set_role(&ada.client, &acme, NOBODY, "app_organization_viewer").await;
    assert!(refused(&a, 404, "not_found").starts_with("user doesn't exist"));
    let a = set_role(&ada.client, &acme, &bob.id, "app_project_viewer").await;
    assert_eq!(refused(&a, 400, "invalid_argument"), "role is not valid for organization scope");
    let body = json!({ "org_id": acme["id"], "user_id": bob.id, "role_id": NOBODY });
    assert!(
        refused(&call(&ada.client, "SetOrganizationMemberRole", body).await, 404, "not_found")
            .contains("role id is invalid")
    );
    let body = json!({ "org_id": "acme", "user_id": bob.id, "role_id": NOBODY });
    refused(&call(&ada.client, "SetOrganizationMemberRole", body).await, 400, "invalid_argument");
}

async fn nobody_gives_more_than_they_have(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let acme = make(&ada.client, "acme").await;
    add(&w, &acme, &bob, "app_organization_accessmanager").await;
    // who keeps an organization's roles does not make himself its owner
    refused(&set_role(&bob.client, &acme, &bob.id, "app_organization_owner").await, 403, "permission_denied");
    refused(&set_role(&bob.client, &acme, &ada.id, "app_organization_manager").await, 403, "permission_denied");
    assert_eq!(owners(&w, &acme).await, [&*ada.id]);
}

async fn the_last_owner_stays_one(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    let acme = make(&ada.client, "acme").await;
    let text = "org must have at least one owner, consider assigning another owner before changing this user's role";
    for by in [&ada.client, &w.owner()] {
        let a = set_role(by, &acme, &ada.id, "app_organization_viewer").await;
        assert_eq!(refused(&a, 400, "failed_precondition"), text);
        let a = remove(by, &acme, &ada.id).await;
        assert!(refused(&a, 400, "failed_precondition").contains("last owner of the organization"));
    }
    // an owner who cannot act is none
    add(&w, &acme, &bob, "app_organization_owner").await;
    w.owner().post(&format!("/v1beta1/users/{}/disable", bob.id), json!({})).await.expect(200);
    refused(&set_role(&ada.client, &acme, &ada.id, "app_organization_viewer").await, 400, "failed_precondition");
    w.owner().post(&format!("/v1beta1/users/{}/enable", bob.id), json!({})).await.expect(200);
    set_role(&ada.client, &acme, &ada.id, "app_organization_viewer").await.expect(200);
    assert_eq!(owners(&w, &acme).await, [&*bob.id]);
}

async fn two_simultaneous_demotions_leave_an_owner(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    for n in 0..8 {
        let acme = make(&ada.client, &format!("acme-{n}")).await;
        add(&w, &acme, &bob, "app_organization_owner").await;
        let (boss, machine) = (w.owner(), w.service());
        let (a, b) = tokio::join!(
            set_role(&boss, &acme, &ada.id, "app_organization_viewer"),
            set_role(&machine, &acme, &bob.id, "app_organization_viewer"),
        );
        let mut seen = [a.status, b.status];
        seen.sort_unstable();
        assert_eq!(seen, [200, 400], "{} {}", a.text(), b.text());
        assert_eq!(owners(&w, &acme).await.len(), 1);
    }
}

async fn two_owners_who_remove_each_other_leave_one(w: World) {
    let (ada, bob) = (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await);
    for n in 0..8 {
        let acme = make(&ada.client, &format!("acme-{n}")).await;
        add(&w, &acme, &bob, "app_organization_owner").await;
        let (a, b) = tokio::join!(remove(&ada.client, &acme, &bob.id), remove(&bob.client, &acme, &ada.id));
        // whoever comes second is no member any more
        let mut seen = [a.status, b.status];
        seen.sort_unstable();
        assert!(seen[0] == 200 && [400, 403].contains(&seen[1]), "{} {}", a.text(), b.text());
        assert_eq!(owners(&w, &acme).await.len(), 1);
    }
}

async fn members_are_added_each_for_itself(w: World) {
    let (ada, bob, eve) =
        (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await, w.person("Eve", &["user"]).await);
    let acme = make(&ada.client, "acme").await;
    let viewer = role("app_organization_viewer");
    let members = json!([
        { "user_id": bob.id, "role_id": viewer },
        { "user_id": bob.id, "role_id": role("app_organization_owner") },
        { "user_id": NOBODY, "role_id": viewer },
        { "user_id": eve.id, "role_id": NOBODY },
        { "user_id": eve.id, "role_id": role("app_project_viewer") },
    ]);
    let body = json!({ "org_id": acme["id"], "members": members });
    refused(&call(&ada.client, "AddOrganizationMembers", body.clone()).await, 403, "permission_denied");
    refused(&call(&w.anonymous(), "AddOrganizationMembers", body.clone()).await, 401, "unauthenticated");
    let out = call(&w.owner(), "AddOrganizationMembers", body.clone()).await.expect(200)["results"].clone();
    assert_eq!(
        (&out[0]["user_id"], &out[0]["role_id"], &out[0]["success"]),
        (&json!(bob.id), &json!(viewer), &json!(true))
    );
    let why: Vec<&str> = out.as_array().unwrap().iter().map(|r| r["error"].as_str().unwrap_or_default()).collect();
    assert_eq!(
        why,
        [
            "",
            "principal is already a member of the resource",
            "user doesn't exist",
            "role id is invalid",
            "role is not valid for organization scope"
        ]
    );
    bob.client.get("/v1beta1/organizations/acme").await.expect(200);
    eve.client.get("/v1beta1/organizations/acme").await.expect(403);
    assert_eq!(w.events("action=organization.member_added").await.len(), 1);
    let empty = json!({ "org_id": acme["id"], "members": [] });
    refused(&call(&w.owner(), "AddOrganizationMembers", empty).await, 400, "invalid_argument");
    let other = w.second_tenant("Globex").await;
    refused(&call(&other.owner.client, "AddOrganizationMembers", body).await, 404, "not_found");
}

async fn the_dropped_calls_on_members_still_work(w: World) {
    let (ada, bob, eve) =
        (w.person("Ada", &["user"]).await, w.person("Bob", &["user"]).await, w.person("Eve", &["user"]).await);
    make(&ada.client, "acme").await;
    let path = "/v1beta1/organizations/acme/users";
    let body = json!({ "user_ids": [ada.id, bob.id] });
    assert_eq!(ada.client.post(path, body.clone()).await.expect(200), json!({}));
    let list = bob.client.get(path).await.expect(200);
    assert_eq!(ids(&list["users"]), [&*ada.id, &bob.id]);
    let names: Vec<&str> =
        list["role_pairs"].as_array().unwrap().iter().map(|p| p["roles"][0]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["app_organization_owner", "app_organization_viewer"]);
    // all of them or nobody
    ada.client.post(path, json!({ "user_ids": [eve.id, NOBODY] })).await.expect(404);
    ada.client.post(path, json!({ "user_ids": ["x"] })).await.expect(400);
    let gone = format!("{path}/{}", bob.id);
    for (who, status) in [(&bob.client, 403), (&eve.client, 403), (&w.anonymous(), 401)] {
        who.post(path, body.clone()).await.expect(status);
        who.delete(&gone).await.expect(status);
    }
    ada.client.delete(&gone).await.expect(200);
    assert_eq!(ids(&ada.client.get(path).await.expect(200)["users"]), [&*ada.id]);
    assert_eq!(ada.client.delete(&format!("{path}/{}", ada.id)).await.expect(400)["code"], 9);
    let other = w.second_tenant("Globex").await;
    other.owner.client.post(path, body).await.expect(404);
    other.owner.client.delete(&gone).await.expect(404);
}

async fn a_repeated_create_is_answered_as_before(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let keyed = ada.client.with("idempotency-key", "once");
    let first = keyed.post("/v1beta1/organizations", json!({ "name": "acme" })).await.expect(200);
    assert_eq!(keyed.post("/v1beta1/organizations", json!({ "name": "acme" })).await.expect(200), first);
    keyed.post("/v1beta1/organizations", json!({ "name": "other" })).await.expect(400);
    let list = ada.client.get("/v1beta1/users/self/organizations").await.expect(200);
    assert_eq!(ids(&list["organizations"]).len(), 1);
}
