//! Service users of organizations, and those of service keys (spec v1beta1 2.3.4, 3.10, decisions 13 and 17).
use portcullis_domain::organization::State;
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::{Role, Roles};
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    who_may_do_what_with_a_service_user,
    a_new_service_user_is_a_member_of_its_organization,
    an_organizations_service_users_are_listed_by_state,
    one_of_another_organization_is_not_there,
    service_users_hold_roles_on_projects,
    a_policy_may_name_a_service_user_that_is_there,
    the_projects_of_a_service_user_and_what_it_may_on_them,
    checks_about_service_users_look_at_them,
    a_service_user_is_managed_by_whoever_manages_its_organizations,
    what_a_service_user_has_ends_with_it,
    an_organizations_service_users_go_with_it,
    a_service_key_is_a_service_user_of_the_platform,
    sec_11_a_platform_role_makes_a_service_user_a_superuser,
    a_service_user_that_is_the_last_owner_stays,
    sec_02_an_organizations_service_user_is_none_of_the_masters_administrators,
    service_users_and_credentials_are_searched,
    paths_without_an_organization_still_work,
    changes_of_service_users_leave_events,
);

const NIL: &str = "00000000-0000-0000-0000-000000000000";

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
    fn all(&self) -> String {
        format!("/v1beta1/organizations/{}/serviceusers", self.organization)
    }
    fn at(&self, machine: &str) -> String {
        format!("{}/{machine}", self.all())
    }
}

async fn who_may_do_what_with_a_service_user(w: World) {
    let p = place(&w).await;
    let (manager, stranger) = (w.person("Mia", &["user"]).await, w.person("Sam", &["user"]).await);
    join(&w, &p.organization, &manager.id, ORGANIZATION_MANAGER).await;
    let tenant = w.second_tenant("Rival").await;
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*"] })).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let (_, itself) = secret(&w, &p.owner.client, &p.organization, &m).await;
    let project = project(&p.owner.client, &p.organization, "apollo").await;
    let search = format!("/v1beta1/admin/organizations/{}", p.organization);
    for (who, by, manage, list, everywhere) in [
        ("nobody", w.anonymous(), 401, 401, 401),
        ("stranger", stranger.client.clone(), 403, 403, 403),
        ("another tenant's admin", tenant.owner.client.clone(), 404, 404, 404),
        ("a narrow key", narrow, 403, 403, 403),
        ("in the organization", p.member.client.clone(), 403, 200, 403),
        ("the service user itself", itself, 403, 200, 403),
        ("manager", manager.client.clone(), 200, 200, 403),
        ("owner", p.owner.client.clone(), 200, 200, 403),
        ("superuser", w.owner(), 200, 200, 200),
        ("service key", w.service(), 200, 200, 200),
    ] {
        let made = by.post(&p.all(), json!({ "body": { "title": "T" } })).await;
        assert_eq!(made.status, manage, "{who} creates: {}", made.text());
        if manage == 200 {
            by.delete(&p.at(&id(&made.json()["serviceuser"]))).await.expect(200);
        } else {
            assert_eq!(by.delete(&p.at(&m)).await.status, manage, "{who} deletes");
        }
        for path in [p.at(&m), format!("{}/projects", p.at(&m))] {
            assert_eq!(by.get(&path).await.status, manage, "{who} reads {path}");
        }
        for path in [p.all(), format!("/v1beta1/serviceusers?org_id={}", p.organization)] {
            assert_eq!(by.get(&path).await.status, list, "{who} lists {path}");
        }
        let of_project = by.get(&format!("/v1beta1/projects/{project}/serviceusers")).await.status;
        let sees = if manage == 200 {
            200
        } else if list == 200 {
            403
        } else {
            list
        };
        assert_eq!(of_project, sees, "{who} lists those of the project");
        let all = by.get("/v1beta1/admin/serviceusers").await.status;
        assert_eq!(all, if who.starts_with("another") { 200 } else { everywhere }, "{who} lists all");
        for what in ["serviceusers", "serviceuser_credentials"] {
            let found = by.post(&format!("{search}/{what}/search"), json!({})).await;
            assert_eq!(found.status, everywhere, "{who} searches {what}");
        }
    }
    // what is not there reads for those who may not like what is
    let (there, not) = (p.member.client.get(&p.at(&m)).await, p.member.client.get(&p.at(NOBODY)).await);
    assert_eq!((there.status, there.json()), (not.status, not.json()));
    let missing = p.owner.client.get(&p.at(NOBODY)).await.expect(404);
    assert_eq!(missing["message"], "service user not found");
}

async fn a_new_service_user_is_a_member_of_its_organization(w: World) {
    let p = place(&w).await;
    let body = json!({ "body": { "title": "CI", "metadata": { "team": "ops" } } });
    let made = p.owner.client.post("/v1beta1/organizations/acme-corp/serviceusers", body).await;
    let made = made.expect(200)["serviceuser"].clone();
    assert_eq!(
        (&made["title"], &made["state"], &made["org_id"], &made["metadata"]["team"]),
        (&json!("CI"), &json!("enabled"), &json!(p.organization), &json!("ops"))
    );
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &id(&made)).await;
    client.get(&format!("/v1beta1/organizations/{}", p.organization)).await.expect(200);
    client.put(&format!("/v1beta1/organizations/{}", p.organization), json!({ "name": "acme-corp" })).await.expect(403);
    assert_eq!(client.get("/v1beta1/users/self").await.expect(200)["serviceuser"], made);
    let mine = client.get("/v1beta1/users/self/organizations").await.expect(200);
    assert_eq!(all(&mine["organizations"], "name"), ["acme-corp"]);
    let refused = connect(&client, "CreateOrganization", json!({ "body": { "name": "own-corp" } })).await;
    assert_eq!(code(&refused), "permission_denied", "only persons make organizations");
    // nothing but what the body may say
    let long = json!({ "body": { "title": "x".repeat(201) } });
    let refused = p.owner.client.post(&p.all(), long).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    p.owner.client.post(&p.all(), json!({})).await.expect(200);
}

async fn an_organizations_service_users_are_listed_by_state(w: World) {
    let p = place(&w).await;
    let on = machine(&p.owner.client, &p.organization, "on").await;
    let off = machine(&p.owner.client, &p.organization, "off").await;
    change_machine(&w, &off, |s| ServiceUser { state: State::Disabled, ..s }).await;
    let list = |query: String| {
        let client = p.member.client.clone();
        async move { all(&client.get(&query).await.expect(200)["serviceusers"], "id") }
    };
    let path = format!("/v1beta1/serviceusers?org_id={}", p.organization);
    assert_eq!(list(path.clone()).await, [on.as_str()]);
    assert_eq!(list(format!("{path}&state=disabled")).await, [off.as_str()]);
    assert_eq!(list(p.all()).await, [on.as_str()]);
    p.member.client.get(&format!("{path}&state=maybe")).await.expect(400);
    p.member.client.get("/v1beta1/serviceusers?org_id=x").await.expect(400);
    p.member.client.get("/v1beta1/serviceusers").await.expect(400);
    let all_of = w.owner().get("/v1beta1/admin/serviceusers").await.expect(200);
    let ids = all(&all_of["service_users"], "id");
    assert!(ids.contains(&on) && ids.contains(&off) && ids.len() == 3, "with that of the suite's key: {all_of}");
}

async fn one_of_another_organization_is_not_there(w: World) {
    let p = place(&w).await;
    let other = w.person("Otto", &["user"]).await;
    let theirs = organization(&other.client, "other-corp").await;
    let m = machine(&other.client, &theirs, "theirs").await;
    let refused = p.owner.client.get(&p.at(&m)).await;
    assert_eq!((refused.status, refused.json()["message"].clone()), (404, json!("service user not found")));
    for path in ["", "/keys", "/secrets", "/tokens", "/projects"] {
        p.owner.client.get(&format!("{}{path}", p.at(&m))).await.expect(404);
    }
    for path in ["keys", "secrets", "tokens"] {
        p.owner.client.post(&format!("{}/{path}", p.at(&m)), json!({})).await.expect(404);
        p.owner.client.delete(&format!("{}/{path}/{NOBODY}", p.at(&m))).await.expect(404);
    }
    p.owner.client.delete(&p.at(&m)).await.expect(404);
    other.client.get(&format!("/v1beta1/organizations/{theirs}/serviceusers/{m}")).await.expect(200);
}

async fn service_users_hold_roles_on_projects(w: World) {
    let p = place(&w).await;
    let apollo = project(&p.owner.client, &p.organization, "apollo").await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &m).await;
    let at = format!("/v1beta1/projects/{apollo}");
    client.get(&at).await.expect(403);
    on_project(&p.owner.client, &apollo, "app/serviceuser", &m, PROJECT_VIEWER).await.expect(200);
    client.get(&at).await.expect(200);
    let list = p.owner.client.get(&format!("{at}/serviceusers")).await.expect(200);
    assert_eq!(all(&list["serviceusers"], "id"), [m.as_str()]);
    assert_eq!(list["role_pairs"][0]["serviceuser_id"], json!(m));
    assert_eq!(all(&list["role_pairs"][0]["roles"], "name"), ["app_project_viewer"]);
    on_project(&p.owner.client, &apollo, "serviceuser", &m, PROJECT_MANAGER).await.expect(200);
    client.put(&at, json!({ "name": "apollo", "title": "By a machine" })).await.expect(200);
    let made = client.post("/v1beta1/projects", json!({ "name": "gemini", "org_id": p.organization })).await;
    assert_eq!(made.status, 403, "a project's role gives nothing on the organization");
    let gone = json!({ "project_id": apollo, "principal_id": m, "principal_type": "app/serviceuser" });
    connect(&p.owner.client, "RemoveProjectMember", gone.clone()).await.expect(200);
    client.get(&at).await.expect(403);
    assert_eq!(code(&connect(&p.owner.client, "RemoveProjectMember", gone).await), "not_found");
    // one of another organization, a disabled one and one that is not there read alike
    let other = w.person("Otto", &["user"]).await;
    let theirs = organization(&other.client, "other-corp").await;
    let foreign = machine(&other.client, &theirs, "theirs").await;
    let disabled = machine(&p.owner.client, &p.organization, "off").await;
    change_machine(&w, &disabled, |s| ServiceUser { state: State::Disabled, ..s }).await;
    for id in [foreign.as_str(), &disabled, NOBODY] {
        let refused = on_project(&p.owner.client, &apollo, "app/serviceuser", id, PROJECT_VIEWER).await;
        assert_eq!((code(&refused), text(&refused)), ("not_found".into(), "service user not found".into()), "{id}");
    }
}

async fn a_policy_may_name_a_service_user_that_is_there(w: World) {
    let p = place(&w).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let on = format!("app/organization:{}", p.organization);
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &m).await;
    let at = format!("/v1beta1/organizations/{}", p.organization);
    let made = policy(&p.owner.client, ORGANIZATION_MANAGER, &on, &format!("serviceuser:{m}")).await.expect(200);
    assert_eq!(made["policy"]["principal"], json!(format!("app/serviceuser:{m}")));
    client.put(&at, json!({ "name": "acme-corp", "title": "By a machine" })).await.expect(200);
    p.owner.client.delete(&format!("/v1beta1/policies/{}", id(&made["policy"]))).await.expect(200);
    client.put(&at, json!({ "name": "acme-corp" })).await.expect(403);
    let missing = policy(&p.owner.client, ORGANIZATION_MANAGER, &on, &format!("serviceuser:{NOBODY}")).await;
    assert_eq!((missing.status, missing.json()["message"].clone()), (404, json!("service user not found")));
    // nothing is held on a service user
    let (resource, member) = (format!("serviceuser:{m}"), format!("user:{}", p.member.id));
    policy(&w.owner(), ORGANIZATION_MANAGER, &resource, &member).await.expect(404);
    // it may be taken out of the organization, and stays a service user of it
    let gone = json!({ "org_id": p.organization, "principal_id": m, "principal_type": "app/serviceuser" });
    connect(&p.owner.client, "RemoveOrganizationMember", gone).await.expect(200);
    client.get(&at).await.expect(403);
    p.owner.client.get(&p.at(&m)).await.expect(200);
}

async fn the_projects_of_a_service_user_and_what_it_may_on_them(w: World) {
    let p = place(&w).await;
    let apollo = project(&p.owner.client, &p.organization, "apollo").await;
    let gemini = project(&p.owner.client, &p.organization, "gemini").await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    on_project(&p.owner.client, &apollo, "app/serviceuser", &m, PROJECT_MANAGER).await.expect(200);
    let path = format!("{}/projects", p.at(&m));
    let query = format!("{path}?with_permissions=get&with_permissions=delete&with_permissions=nonsense");
    let found = p.owner.client.get(&query).await.expect(200);
    assert_eq!(all(&found["projects"], "name"), ["apollo"]);
    assert_eq!(found["access_pairs"], json!([{ "project_id": apollo, "permissions": ["get"] }]));
    policy(
        &p.owner.client,
        ORGANIZATION_MANAGER,
        &format!("organization:{}", p.organization),
        &format!("serviceuser:{m}"),
    )
    .await
    .expect(200);
    let found = p.owner.client.get(&query).await.expect(200);
    assert_eq!(sorted(&found["projects"], "name"), ["apollo", "gemini"], "by a role on the organization");
    assert_eq!(found["access_pairs"].as_array().unwrap().len(), 2, "{found} {gemini}");
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &m).await;
    let mine = client.get("/v1beta1/users/self/projects").await.expect(200);
    assert_eq!(sorted(&mine["projects"], "name"), ["apollo", "gemini"], "it sees the same");
}

async fn checks_about_service_users_look_at_them(w: World) {
    let p = place(&w).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let may = async |subject: &str| {
        let body = json!({ "subject": subject, "resource": "organization:acme-corp", "permission": "get" });
        w.service().post("/v1beta1/admin/check", body).await.expect(200)["status"].as_bool().unwrap()
    };
    let subject = format!("app/serviceuser:{m}");
    assert!(may(&subject).await);
    assert!(!may(&format!("app/serviceuser:{NOBODY}")).await && !may("serviceuser:x").await);
    change_machine(&w, &m, |s| ServiceUser { state: State::Disabled, ..s }).await;
    assert!(!may(&subject).await, "a disabled one");
    change_machine(&w, &m, |s| ServiceUser { state: State::Enabled, ..s }).await;
    assert!(may(&subject).await);
    // of a disabled organization, on another's
    let other = w.person("Otto", &["user"]).await;
    let theirs = organization(&other.client, "other-corp").await;
    policy(&other.client, ORGANIZATION_VIEWER, &format!("organization:{theirs}"), &subject).await.expect(200);
    let elsewhere = json!({ "subject": subject, "resource": "organization:other-corp", "permission": "get" });
    assert_eq!(w.service().post("/v1beta1/admin/check", elsewhere.clone()).await.expect(200)["status"], true);
    w.owner().post("/v1beta1/organizations/acme-corp/disable", json!({})).await.expect(200);
    assert_eq!(w.service().post("/v1beta1/admin/check", elsewhere).await.expect(200)["status"], false);
    // what a machine asks about itself
    w.owner().post("/v1beta1/organizations/acme-corp/enable", json!({})).await.expect(200);
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &m).await;
    let own = json!({ "resource": "organization:acme-corp", "permission": "get" });
    assert_eq!(client.post("/v1beta1/check", own).await.expect(200)["status"], true);
}

async fn a_service_user_is_managed_by_whoever_manages_its_organizations(w: World) {
    let p = place(&w).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    for permission in ["manage", "app_serviceuser_manage", "app/serviceuser:manage", "app.serviceuser.manage"] {
        let body = json!({ "bodies": [{ "resource": format!("serviceuser:{m}"), "permission": permission.replace([':', '/'], ".") }] });
        for (by, may) in [(&p.owner.client, true), (&p.member.client, false), (&w.owner(), true)] {
            let pairs = by.post("/v1beta1/batchcheck", body.clone()).await.expect(200)["pairs"].clone();
            assert_eq!(pairs[0]["body"], json!({ "permission": "manage", "resource": format!("app/serviceuser:{m}") }));
            assert_eq!(pairs[0]["status"], may, "{permission}");
        }
    }
    let unknown = json!({ "resource": format!("serviceuser:{m}"), "permission": "get" });
    p.owner.client.post("/v1beta1/check", unknown).await.expect(404);
    let nothing = json!({ "resource": format!("serviceuser:{NOBODY}"), "permission": "manage" });
    p.owner.client.post("/v1beta1/check", nothing).await.expect(404);
}

/// How many policies of a list a service user holds.
fn policies_of(list: &Value, machine: &str) -> usize {
    let principal = format!("app/serviceuser:{machine}");
    list["policies"].as_array().unwrap().iter().filter(|p| p["principal"] == json!(principal)).count()
}

async fn what_a_service_user_has_ends_with_it(w: World) {
    let p = place(&w).await;
    let apollo = project(&p.owner.client, &p.organization, "apollo").await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    on_project(&p.owner.client, &apollo, "app/serviceuser", &m, PROJECT_VIEWER).await.expect(200);
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &m).await;
    client.get(&format!("/v1beta1/projects/{apollo}")).await.expect(200);
    let all_policies = w.owner().get("/v1beta1/policies").await.expect(200);
    assert_eq!(policies_of(&all_policies, &m), 2);
    p.owner.client.delete(&p.at(&m)).await.expect(200);
    client.get("/v1beta1/users/self").await.expect(401);
    p.owner.client.get(&p.at(&m)).await.expect(404);
    p.owner.client.delete(&p.at(&m)).await.expect(404);
    assert_eq!(policies_of(&w.owner().get("/v1beta1/policies").await.expect(200), &m), 0);
    let search = format!("/v1beta1/admin/organizations/{}/serviceuser_credentials/search", p.organization);
    let left = w.owner().post(&search, json!({})).await.expect(200);
    assert_eq!(left["organization_serviceuser_credentials"], json!([]));
}

async fn an_organizations_service_users_go_with_it(w: World) {
    let p = place(&w).await;
    let other = w.person("Otto", &["user"]).await;
    let theirs = organization(&other.client, "other-corp").await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let (there, guest) = (format!("organization:{theirs}"), format!("serviceuser:{m}"));
    policy(&other.client, ORGANIZATION_VIEWER, &there, &guest).await.expect(200);
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &m).await;
    client.get(&format!("/v1beta1/organizations/{theirs}")).await.expect(200);
    p.owner.client.delete(&format!("/v1beta1/organizations/{}", p.organization)).await.expect(200);
    client.get(&format!("/v1beta1/organizations/{theirs}")).await.expect(401);
    let left = w.owner().get("/v1beta1/admin/serviceusers").await.expect(200);
    assert!(!all(&left["service_users"], "id").contains(&m), "{left}");
    assert_eq!(policies_of(&w.owner().get("/v1beta1/policies").await.expect(200), &m), 0, "elsewhere too");
}

async fn a_service_key_is_a_service_user_of_the_platform(w: World) {
    let body = json!({ "name": "robot", "owner_type": "service", "scopes": ["*"] });
    let made = w.owner().post("/v1/api-keys", body).await.expect(201);
    let (key, m) = (id(&made), made["service_user_id"].as_str().unwrap().to_owned());
    let robot = w.with_key(made["raw_key"].as_str().unwrap());
    let shown = robot.get("/v1beta1/users/self").await.expect(200)["serviceuser"].clone();
    assert_eq!((&shown["id"], &shown["title"], &shown["org_id"]), (&json!(m), &json!("robot"), &json!(NIL)));
    let list = w.owner().get(&format!("/v1beta1/serviceusers?org_id={NIL}")).await.expect(200);
    assert_eq!(sorted(&list["serviceusers"], "title"), ["robot", "suite"]);
    let person = w.person("Pia", &["user"]).await;
    person.client.get(&format!("/v1beta1/serviceusers?org_id={NIL}")).await.expect(403);
    let at = format!("/v1beta1/organizations/{NIL}/serviceusers/{m}");
    person.client.get(&at).await.expect(403);
    w.owner().get(&at).await.expect(200);
    // it stands and falls with its key
    for refused in [w.owner().delete(&at).await, w.owner().post(&format!("{at}/secrets"), json!({})).await] {
        assert_eq!((refused.status, refused.json()["code"].clone()), (400, json!(9)), "{}", refused.text());
    }
    let p = place(&w).await;
    let on = format!("organization:{}", p.organization);
    policy(&p.owner.client, ORGANIZATION_VIEWER, &on, &format!("serviceuser:{m}")).await.expect(200);
    change_machine(&w, &m, |s| ServiceUser { state: State::Disabled, ..s }).await;
    robot.get("/v1/users").await.expect(401);
    change_machine(&w, &m, |s| ServiceUser { state: State::Enabled, ..s }).await;
    robot.get("/v1/users").await.expect(200);
    w.owner().delete(&format!("/v1/api-keys/{key}")).await.expect(204);
    robot.get("/v1/users").await.expect(401);
    w.owner().get(&at).await.expect(404);
    assert_eq!(policies_of(&w.owner().get("/v1beta1/policies").await.expect(200), &m), 0);
}

async fn sec_11_a_platform_role_makes_a_service_user_a_superuser(w: World) {
    let p = place(&w).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let (old, client) = secret(&w, &p.owner.client, &p.organization, &m).await;
    client.get("/v1beta1/admin/serviceusers").await.expect(403);
    client.get("/v1beta1/admin/users/self").await.expect(403);
    change_machine(&w, &m, |s| ServiceUser { roles: Roles::NONE.with(Role::Admin), ..s }).await;
    client.get("/v1beta1/admin/serviceusers").await.expect(200);
    assert_eq!(client.get("/v1beta1/admin/users/self").await.expect(200)["service_user"]["id"], json!(m));
    client.get("/v1/users").await.expect(200);
    // whoever manages it in its organization can neither come as it nor shut it out
    let refused = p.owner.client.post(&format!("{}/secrets", p.at(&m)), json!({})).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    p.owner.client.delete(&format!("{}/secrets/{old}", p.at(&m))).await.expect(403);
    p.owner.client.delete(&p.at(&m)).await.expect(403);
    w.owner().post(&format!("{}/secrets", p.at(&m)), json!({})).await.expect(200);
    change_machine(&w, &m, |s| ServiceUser { roles: Roles::NONE.with(Role::Checker), ..s }).await;
    client.get("/v1beta1/admin/serviceusers").await.expect(403);
    let platform = json!({ "resource": "platform:platform", "permission": "check" });
    assert_eq!(client.post("/v1beta1/check", platform).await.expect(200)["status"], true);
    let about =
        json!({ "subject": format!("serviceuser:{m}"), "resource": "platform:platform", "permission": "superuser" });
    assert_eq!(client.post("/v1beta1/admin/check", about).await.expect(200)["status"], false);
    w.owner().delete(&format!("{}/secrets/{old}", p.at(&m))).await.expect(200);
    client.get("/v1beta1/users/self").await.expect(401);
    w.owner().delete(&p.at(&m)).await.expect(200);
}

async fn a_service_user_that_is_the_last_owner_stays(w: World) {
    let p = place(&w).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let on = format!("organization:{}", p.organization);
    policy(&p.owner.client, "app_organization_owner", &on, &format!("serviceuser:{m}")).await.expect(200);
    let leave = json!({ "org_id": p.organization, "principal_id": p.owner.id, "principal_type": "app/user" });
    connect(&w.owner(), "RemoveOrganizationMember", leave).await.expect(200);
    let refused = w.owner().delete(&p.at(&m)).await.expect(400);
    assert!(refused["message"].as_str().unwrap().contains("last owner"), "{refused}");
    policy(&w.owner(), "app_organization_owner", &on, &format!("user:{}", p.member.id)).await.expect(200);
    w.owner().delete(&p.at(&m)).await.expect(200);
}

async fn sec_02_an_organizations_service_user_is_none_of_the_masters_administrators(w: World) {
    let p = place(&w).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let on = format!("organization:{}", p.organization);
    policy(&p.owner.client, "app_organization_owner", &on, &format!("serviceuser:{m}")).await.expect(200);
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &m).await;
    client.put(&format!("/v1beta1/organizations/{}", p.organization), json!({ "name": "acme-corp" })).await.expect(200);
    let tenant = w.second_tenant("Rival").await;
    client.get(&format!("/v1/tenants/{}", tenant.id)).await.expect(403);
    client.post("/v1/tenants", json!({ "name": "Mine", "owner_email": "me@example.com" })).await.expect(403);
    // a rule does not give it what belongs to the owner
    w.policy("open", 1, "permit(principal is ServiceUser, action, resource);").await;
    let key = json!({ "name": "k", "owner_type": "service", "scopes": ["users:read"] });
    client.post("/v1/api-keys", key).await.expect(403);
}

async fn service_users_and_credentials_are_searched(w: World) {
    let p = place(&w).await;
    let apollo = project(&p.owner.client, &p.organization, "apollo").await;
    let (ci, cd) = (
        machine(&p.owner.client, &p.organization, "Build").await,
        machine(&p.owner.client, &p.organization, "Deploy").await,
    );
    machine(&p.owner.client, &p.organization, "Idle").await;
    for m in [&ci, &cd] {
        on_project(&p.owner.client, &apollo, "app/serviceuser", m, PROJECT_VIEWER).await.expect(200);
        w.clock.pass(60);
        secret(&w, &p.owner.client, &p.organization, m).await;
    }
    let at = format!("/v1beta1/admin/organizations/{}", p.organization);
    let find = async |what: &str, query: Value| w.owner().post(&format!("{at}/{what}/search"), query).await;
    let found = find("serviceusers", json!({ "sort": [{ "name": "title", "order": "desc" }] })).await.expect(200);
    let found = &found["organization_service_users"];
    assert_eq!(all(found, "title"), ["Deploy", "Build"], "those with a role on a project");
    assert_eq!(found[0]["projects"], json!([{ "id": apollo, "title": "apollo", "name": "apollo" }]));
    let found = find("serviceusers", json!({ "search": "buil", "limit": 1 })).await.expect(200);
    assert_eq!(all(&found["organization_service_users"], "id"), [ci.as_str()]);
    let wrong = find("serviceusers", json!({ "sort": [{ "name": "secret", "order": "asc" }] })).await;
    assert!(wrong.expect(400)["message"].as_str().unwrap().contains("failed to validate rql query"));
    let query = json!({ "filters": [{ "name": "serviceuser_title", "operator": "eq", "string_value": "Deploy" }] });
    let found = find("serviceuser_credentials", query).await.expect(200);
    let found = &found["organization_serviceuser_credentials"];
    assert_eq!(
        (all(found, "title"), all(found, "org_id")),
        (vec!["s".to_owned()], vec![p.organization.clone()]),
        "{found}"
    );
    assert!(!found.to_string().contains("pcs_"));
}

async fn paths_without_an_organization_still_work(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let made = by.post("/v1beta1/serviceusers", json!({ "org_id": p.organization, "body": { "title": "CI" } })).await;
    let m = id(&made.expect(200)["serviceuser"]);
    let at = format!("/v1beta1/serviceusers/{m}");
    by.get(&at).await.expect(200);
    let key = by.post(&format!("{at}/keys"), json!({ "title": "k" })).await.expect(200)["key"]["kid"].clone();
    let key = key.as_str().unwrap();
    let set = p.member.client.get(&format!("{at}/keys/{key}")).await.expect(200);
    assert_eq!((&set["keys"][0]["kid"], &set["keys"][0]["kty"]), (&json!(key), &json!("RSA")));
    assert_eq!(all(&by.get(&format!("{at}/keys")).await.expect(200)["keys"], "id"), [key]);
    let made = by.post(&format!("{at}/secrets"), json!({ "title": "s" })).await.expect(200)["secret"].clone();
    assert_eq!(all(&by.get(&format!("{at}/secrets")).await.expect(200)["secrets"], "id"), [id(&made)]);
    // who may not, is not told whether it is there
    let stranger = w.person("Sam", &["user"]).await.client;
    for (path, missing) in [("", ""), ("/keys", "/keys"), ("/secrets", "/secrets")] {
        let there = stranger.get(&format!("{at}{path}")).await;
        let not = stranger.get(&format!("/v1beta1/serviceusers/{NOBODY}{missing}")).await;
        assert_eq!((there.status, there.json()), (403, not.json()), "{path}");
    }
    by.delete(&format!("{at}/keys/{key}")).await.expect(200);
    by.delete(&format!("{at}/secrets/{}", id(&made))).await.expect(200);
    by.delete(&at).await.expect(200);
    w.anonymous().get(&at).await.expect(401);
}

async fn changes_of_service_users_leave_events(w: World) {
    let p = place(&w).await;
    let m = machine(&p.owner.client, &p.organization, "CI").await;
    let (credential, _) = secret(&w, &p.owner.client, &p.organization, &m).await;
    p.owner.client.delete(&format!("{}/secrets/{credential}", p.at(&m))).await.expect(200);
    p.owner.client.delete(&p.at(&m)).await.expect(200);
    for (action, about) in [
        ("service_user.created", &m),
        ("service_credential.created", &credential),
        ("service_credential.deleted", &credential),
        ("service_user.deleted", &m),
    ] {
        let found = w.events(&format!("action={action}")).await;
        assert_eq!(found.len(), 1, "{action}");
        assert_eq!((&found[0]["resource_id"], &found[0]["actor_id"]), (&json!(about), &json!(p.owner.id)), "{action}");
    }
}
