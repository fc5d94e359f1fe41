//! What a personal access token may do: what it was given and its user may, in one organization (spec v1beta1 5.6, engine.md 6).
use serde_json::json;

use crate::world::access::*;
use crate::world::token::*;
use crate::world::*;

both!(
    a_token_gives_what_it_was_given_and_its_user_may,
    a_token_of_all_projects_reaches_those_to_come,
    sec_11_a_token_is_never_a_superuser,
    sec_11_a_token_does_what_is_a_persons_nowhere,
    sec_11_a_token_hands_on_no_more_than_it_holds,
    a_token_sees_nothing_outside_its_organization,
    a_rule_holds_for_tokens_and_gives_them_nothing_more,
    checks_for_tokens_are_for_token_and_user,
    what_a_token_makes_is_its_users,
    an_access_token_of_a_token_is_worth_the_same,
    sec_16_an_idempotency_key_is_the_tokens_own,
    the_use_of_a_token_is_noted,
);

async fn a_token_gives_what_it_was_given_and_its_user_may(w: World) {
    let p = place(&w).await;
    let (web, api) = (format!("project:{}", p.web), format!("project:{}", p.api));
    // the owner may everything, and the token one thing on one project
    let (_, raw) = token(&w, &p.owner.client, &p.organization, on_projects(PROJECT_VIEWER, &[&p.web])).await;
    let by = w.bearer(&raw);
    for (resource, permission, yes) in [
        (&web, "get", true),
        (&web, "update", false),
        (&api, "get", false),
        (&format!("org:{}", p.organization), "get", false),
        (&"app/platform:platform".to_owned(), "superuser", false),
        (&"app/platform:platform".to_owned(), "check", false),
    ] {
        assert_eq!(may(&by, resource, permission).await, yes, "{permission} on {resource}");
    }
    assert_eq!(by.get(&format!("/v1beta1/projects/{}", p.web)).await.status, 200);
    assert_eq!(by.get(&format!("/v1beta1/projects/{}", p.api)).await.status, 403);
    assert_eq!(
        by.put(&format!("/v1beta1/projects/{}", p.web), json!({ "name": "web", "title": "T" })).await.status,
        403
    );
    assert_eq!(by.get(&format!("/v1beta1/organizations/{}", p.organization)).await.status, 403);
    // the token may everything, and its user nothing but look at the organization
    let scopes = json!([
        { "role_id": ORGANIZATION_MANAGER, "resource_type": "org" },
        { "role_id": PROJECT_OWNER, "resource_type": "project" },
    ]);
    let (_, raw) = token(&w, &p.member.client, &p.organization, scopes).await;
    let by = w.bearer(&raw);
    assert!(may(&by, &format!("org:{}", p.organization), "get").await);
    assert!(!may(&by, &format!("org:{}", p.organization), "projectcreate").await);
    assert!(!may(&by, &web, "get").await);
    // and what its user gains and loses, it gains and loses
    on_project(&p.owner.client, &p.web, "app/user", &p.member.id, PROJECT_MANAGER).await.expect(200);
    assert!(may(&by, &web, "update").await && !may(&by, &web, "delete").await && !may(&by, &api, "get").await);
    on_project(&p.owner.client, &p.web, "app/user", &p.member.id, PROJECT_VIEWER).await.expect(200);
    assert!(may(&by, &web, "get").await && !may(&by, &web, "update").await);
    // a superuser's token does what it was given, and no more
    let (_, raw) = token(&w, &w.owner(), &p.organization, on_projects(PROJECT_VIEWER, &[])).await;
    assert!(may(&w.bearer(&raw), &web, "get").await && !may(&w.bearer(&raw), &web, "update").await);
}

async fn a_token_of_all_projects_reaches_those_to_come(w: World) {
    let p = place(&w).await;
    let (_, raw) = token(&w, &p.owner.client, &p.organization, on_projects(PROJECT_MANAGER, &[])).await;
    let by = w.bearer(&raw);
    let new = project(&p.owner.client, &p.organization, "new").await;
    for id in [&p.web, &p.api, &new] {
        assert!(may(&by, &format!("project:{id}"), "update").await);
        assert!(!may(&by, &format!("project:{id}"), "delete").await);
    }
    let other = organization(&p.owner.client, "other-corp").await;
    let theirs = project(&p.owner.client, &other, "theirs").await;
    assert!(!may(&by, &format!("project:{theirs}"), "get").await);
    // a role on projects says nothing of the organization itself
    assert!(!may(&by, &format!("org:{}", p.organization), "projectlist").await);
    let listed = by.get("/v1beta1/users/self/projects").await.expect(200);
    assert_eq!(sorted(&listed["projects"], "name"), ["api", "new", "web"]);
}

async fn sec_11_a_token_is_never_a_superuser(w: World) {
    let p = place(&w).await;
    let scopes = json!([
        { "role_id": "00000000-0000-7000-8000-000000000001", "resource_type": "org" },
        { "role_id": PROJECT_OWNER, "resource_type": "project" },
    ]);
    let (_, raw) = token(&w, &w.owner(), &p.organization, scopes).await;
    let by = w.bearer(&raw);
    assert!(may(&by, &format!("org:{}", p.organization), "delete").await, "what it was given");
    for path in [
        "/v1beta1/admin/users",
        "/v1beta1/admin/organizations",
        "/v1beta1/admin/groups",
        "/v1beta1/admin/projects",
        "/v1beta1/admin/users/self",
        "/v1beta1/users",
        "/v1beta1/organizations",
        "/v1/users",
        "/v1/users/me/profile",
        "/v1/policies",
        "/v1/audit-log",
        "/v1/api-keys",
        "/v1/tenants",
    ] {
        assert_eq!(by.get(path).await.status, 403, "{path}");
    }
    by.get(&format!("/v1/users/{}", w.owner_id)).await.refused(403, "forbidden");
    by.post("/v1/users", new_user()).await.refused(403, "forbidden");
    by.post("/v1/api-keys", json!({ "name": "k" })).await.refused(403, "forbidden");
    by.post("/v1/auth/logout", json!({})).await.refused(403, "forbidden");
    let evaluate = json!({ "principal": { "type": "User", "id": w.owner_id }, "action": "users:delete", "resource": { "type": "Tenant", "id": w.tenant } });
    assert_eq!(by.post("/v1/policies/evaluate", evaluate).await.status, 403);
    assert_eq!(by.post("/v1beta1/users", json!({ "email": "x@example.com" })).await.status, 403);
    let disable = format!("/v1beta1/organizations/{}/disable", p.organization);
    assert_eq!(by.post(&disable, json!({})).await.status, 403, "superusers only");
    let body = json!({ "subject": format!("user:{}", p.owner.id), "resource": "app/platform:platform", "permission": "check" });
    assert_eq!(by.post("/v1beta1/admin/check", body).await.status, 403);
    assert_eq!(by.post(&format!("{ADMIN}/ListUserSessions"), json!({ "user_id": w.owner_id })).await.status, 403);
    // not even a rule makes it one
    w.policy("open", 9, "permit(principal, action in [Action::\"users:*\", Action::\"policies:*\"], resource);").await;
    assert_eq!(by.get("/v1/users").await.status, 403);
    assert_eq!(by.get("/v1/policies").await.status, 403);
}

async fn sec_11_a_token_does_what_is_a_persons_nowhere(w: World) {
    let p = place(&w).await;
    let (id, raw) = token(&w, &p.owner.client, &p.organization, viewer()).await;
    let by = w.bearer(&raw);
    const BLOCKED: &str = "this operation is not allowed with a personal access token";
    let wide = json!([{ "role_id": ORGANIZATION_MANAGER, "resource_type": "org" }]);
    for (rpc, body) in [
        ("CreateOrganization", json!({ "body": { "name": "mine" } })),
        (
            "CreateCurrentUserPAT",
            json!({ "title": "T", "org_id": p.organization, "scopes": wide, "expires_at": in_seconds(&w, 60) }),
        ),
        ("UpdateCurrentUserPAT", json!({ "id": id, "title": "T", "scopes": wide })),
        ("RegenerateCurrentUserPAT", json!({ "id": id, "expires_at": in_seconds(&w, 8_000_000) })),
        ("DeleteCurrentUserPAT", json!({ "id": id })),
        ("ListSessions", json!({})),
        ("PingUserSession", json!({})),
        ("RevokeSession", json!({ "session_id": NOBODY })),
    ] {
        let a = connect(&by, rpc, body).await;
        assert_eq!((code(&a), text(&a)), ("permission_denied".into(), BLOCKED.into()), "{rpc}");
    }
    // fields first, as everywhere (decision 29)
    assert_eq!(code(&connect(&by, "RevokeSession", json!({ "session_id": "x" })).await), "invalid_argument");
    // what is about oneself is one's user (spec v1beta1 4.4)
    let me = by.get("/v1beta1/users/self").await.expect(200);
    assert_eq!(me["user"]["id"], json!(p.owner.id));
}

async fn sec_11_a_token_hands_on_no_more_than_it_holds(w: World) {
    let p = place(&w).await;
    let scopes = json!([
        { "role_id": "00000000-0000-7000-8000-000000000003", "resource_type": "org" },
        { "role_id": PROJECT_MANAGER, "resource_type": "project" },
    ]);
    let (id, raw) = token(&w, &p.owner.client, &p.organization, scopes).await;
    let by = w.bearer(&raw);
    let set = async |role: &str| {
        let body = json!({ "org_id": p.organization, "user_id": p.member.id, "role_id": role });
        connect(&by, "SetOrganizationMemberRole", body).await.status
    };
    assert_eq!(set(ORGANIZATION_MANAGER).await, 403, "its user holds it, the token does not");
    assert_eq!(set("00000000-0000-7000-8000-000000000001").await, 403);
    assert_eq!(on_project(&by, &p.web, "app/user", &p.member.id, PROJECT_VIEWER).await.status, 200);
    assert_eq!(on_project(&by, &p.web, "app/user", &p.member.id, PROJECT_OWNER).await.status, 403);
    // tokens are given nothing but by their users
    let body =
        json!({ "role_id": PROJECT_OWNER, "resource": format!("project:{}", p.web), "principal": format!("pat:{id}") });
    assert_eq!(p.owner.client.post("/v1beta1/policies", body).await.status, 400);
}

async fn a_token_sees_nothing_outside_its_organization(w: World) {
    let p = place(&w).await;
    let by_owner = &p.owner.client;
    let other = organization(by_owner, "other-corp").await;
    project(by_owner, &other, "theirs").await;
    let (mine, theirs) = (group(by_owner, &p.organization, "ours").await, group(by_owner, &other, "theirs").await);
    let scopes = json!([{ "role_id": "00000000-0000-7000-8000-000000000001", "resource_type": "org" }]);
    let (_, raw) = token(&w, by_owner, &p.organization, scopes).await;
    let (theirs_id, _) = token(&w, by_owner, &other, viewer()).await;
    let by = w.bearer(&raw);
    let list = async |path: &str, of: &str| sorted(&by.get(path).await.expect(200)[of], "name");
    assert_eq!(list("/v1beta1/users/self/organizations", "organizations").await, ["acme-corp"]);
    assert_eq!(list("/v1beta1/users/self/projects", "projects").await, ["api", "web"]);
    assert_eq!(list("/v1beta1/users/self/groups", "groups").await, ["ours"]);
    assert!(may(&by, &format!("group:{mine}"), "delete").await && !may(&by, &format!("group:{theirs}"), "get").await);
    assert_eq!(by.get(&format!("/v1beta1/organizations?user_id={}", p.owner.id)).await.status, 403);
    assert_eq!(by.get(&format!("/v1beta1/policies?user_id={}", p.owner.id)).await.status, 403);
    assert_eq!(connect(&by, "GetCurrentUserPAT", json!({ "id": theirs_id })).await.status, 404);
    assert_eq!(connect(&by, "SearchCurrentUserPATs", json!({ "org_id": other })).await.status, 403);
    // one that may look at no group lists none
    let (_, raw) = token(&w, by_owner, &p.organization, on_projects(PROJECT_VIEWER, &[&p.web])).await;
    let narrow = w.bearer(&raw);
    let groups = narrow.get("/v1beta1/users/self/groups").await.expect(200);
    assert_eq!(groups["groups"], json!([]));
    let projects =
        narrow.get("/v1beta1/users/self/projects?with_permissions=get&with_permissions=update").await.expect(200);
    assert_eq!(all(&projects["projects"], "name"), ["web"]);
    assert_eq!(projects["access_pairs"][0]["permissions"], json!(["get"]));
    // nor is it worth anything in another tenant
    let tenant = w.second_tenant("Rival").await;
    let elsewhere = by.with("x-tenant-id", &*tenant.id).get("/v1beta1/users/self").await;
    assert_eq!(elsewhere.status, 403);
}

async fn a_rule_holds_for_tokens_and_gives_them_nothing_more(w: World) {
    let p = place(&w).await;
    let web = format!("project:{}", p.web);
    let (_, raw) = token(&w, &p.owner.client, &p.organization, on_projects(PROJECT_MANAGER, &[&p.web])).await;
    let (_, wide) = token(&w, &p.member.client, &p.organization, on_projects(PROJECT_MANAGER, &[])).await;
    let standing = json!({
        "name": "standing", "max_duration_seconds": 3600, "priority": 5, "access": "standing",
        "cedar_policy_set": format!("permit(principal == User::\"{}\", action in [Action::\"app_project_update\", Action::\"app_project_delete\"], resource);", p.member.id),
    });
    w.owner().post("/v1/policies", standing).await.expect(201);
    // its user may both by the rule, and the token was given one of them
    assert!(may(&p.member.client, &web, "delete").await);
    assert!(may(&w.bearer(&wide), &web, "update").await && !may(&w.bearer(&wide), &web, "delete").await);
    let path = format!("/v1beta1/projects/{}", p.web);
    assert_eq!(w.bearer(&wide).put(&path, json!({ "name": "web", "title": "T" })).await.status, 200);
    assert_eq!(w.bearer(&wide).delete(&path).await.status, 403);
    // a no holds, as of a key: it is not a session
    assert!(may(&w.bearer(&raw), &web, "update").await);
    let forbid = "@notice(\"Sign in for that\")\nforbid(principal, action == Action::\"app_project_update\", resource) when { context.credential != \"session\" };";
    w.policy("people only", 9, forbid).await;
    let a = w.bearer(&raw).put(&path, json!({ "name": "web", "title": "T" })).await;
    assert_eq!((a.status, a.header("x-policy-notices").is_some()), (403, true));
    assert!(!may(&w.bearer(&raw), &web, "update").await && may(&p.owner.client, &web, "update").await);
}

async fn checks_for_tokens_are_for_token_and_user(w: World) {
    let p = place(&w).await;
    let (id, raw) = token(&w, &p.owner.client, &p.organization, on_projects(PROJECT_VIEWER, &[&p.web])).await;
    let asked = async |permission: &str, project: &str| {
        let body = json!({ "subject": format!("pat:{id}"), "resource": format!("project:{project}"), "permission": permission });
        w.service().post("/v1beta1/admin/check", body).await.expect(200)["status"].as_bool().unwrap()
    };
    assert!(asked("get", &p.web).await);
    assert!(!asked("update", &p.web).await && !asked("get", &p.api).await);
    let nobody = json!({ "subject": format!("app/pat:{NOBODY}"), "resource": format!("project:{}", p.web), "permission": "get" });
    assert_eq!(w.service().post("/v1beta1/admin/check", nobody).await.expect(200)["status"], false);
    assert_eq!(w.bearer(&raw).get("/v1beta1/users/self").await.status, 200);
    connect(&p.owner.client, "DeleteCurrentUserPAT", json!({ "id": id })).await.expect(200);
    assert!(!asked("get", &p.web).await, "one that has ended holds nothing");
}

async fn what_a_token_makes_is_its_users(w: World) {
    let p = place(&w).await;
    let scopes = json!([
        { "role_id": ORGANIZATION_MANAGER, "resource_type": "org" },
        { "role_id": PROJECT_OWNER, "resource_type": "project" },
    ]);
    let (_, raw) = token(&w, &p.owner.client, &p.organization, scopes).await;
    let by = w.bearer(&raw);
    let made = project(&by, &p.organization, "made").await;
    let admins = by.get(&format!("/v1beta1/projects/{made}/admins")).await.expect(200);
    assert_eq!(all(&admins["users"], "id"), [&*p.owner.id]);
    let team = group(&by, &p.organization, "team").await;
    assert!(may(&p.owner.client, &format!("group:{team}"), "delete").await);
    w.owner().post("/v1beta1/permissions", json!({ "bodies": [{ "key": "compute.order.get" }] })).await.expect(200);
    let body = json!({ "name": "o1", "namespace": "compute/order" });
    let order = by.post(&format!("/v1beta1/projects/{made}/resources"), body).await.expect(200)["resource"].clone();
    assert_eq!(order["principal"], json!(format!("app/user:{}", p.owner.id)));
}

async fn an_access_token_of_a_token_is_worth_the_same(w: World) {
    let p = place(&w).await;
    let (id, raw) = token(&w, &p.owner.client, &p.organization, on_projects(PROJECT_VIEWER, &[&p.web])).await;
    let exchanged = async |raw: &str| {
        let a = w.bearer(raw).post("/v1beta1/auth/token", json!({})).await;
        let token = a.expect(200);
        assert_eq!(
            (a.header("x-user-token"), &token["token_type"]),
            (token["access_token"].as_str(), &json!("Bearer"))
        );
        token["access_token"].as_str().unwrap().to_owned()
    };
    let access = exchanged(&raw).await;
    let claims = claims(&access);
    assert_eq!(
        (&claims["sub"], &claims["sub_type"], &claims["user_id"]),
        (&json!(id), &json!("app/pat"), &json!(p.owner.id))
    );
    assert_eq!(
        (&claims["org_ids"], &claims["roles"], &claims["gen"]),
        (&json!(p.organization), &json!([]), &json!("system"))
    );
    assert!(claims["exp"].as_i64().unwrap() <= w.clock.seconds() + 3_600, "no longer than the token");
    let by = w.bearer(&access);
    assert!(may(&by, &format!("project:{}", p.web), "get").await);
    assert!(!may(&by, &format!("project:{}", p.web), "update").await);
    assert_eq!(code(&connect(&by, "ListSessions", json!({})).await), "permission_denied");
    // it is not exchanged again, and dies with the secret that it was made from
    assert_eq!(code(&connect(&by, "AuthToken", json!({})).await), "unauthenticated");
    let renewed = json!({ "id": id, "expires_at": in_seconds(&w, 60) });
    let pat = connect(&p.owner.client, "RegenerateCurrentUserPAT", renewed).await.expect(200)["pat"].clone();
    assert_eq!(by.get("/v1beta1/users/self").await.status, 401);
    let access = exchanged(pat["token"].as_str().unwrap()).await;
    connect(&p.owner.client, "DeleteCurrentUserPAT", json!({ "id": id })).await.expect(200);
    assert_eq!(w.bearer(&access).get("/v1beta1/users/self").await.status, 401);
}

async fn sec_16_an_idempotency_key_is_the_tokens_own(w: World) {
    let p = place(&w).await;
    let body = json!({ "name": "once", "org_id": p.organization });
    p.owner.client.with("idempotency-key", "k1").post("/v1beta1/projects", body.clone()).await.expect(200);
    let (_, raw) = token(&w, &p.owner.client, &p.organization, viewer()).await;
    let a = w.bearer(&raw).with("idempotency-key", "k1").post("/v1beta1/projects", body).await;
    assert_eq!(a.status, 403, "it is not given the answer to its user's call");
}

async fn the_use_of_a_token_is_noted(w: World) {
    let p = place(&w).await;
    let (id, raw) = token(&w, &p.owner.client, &p.organization, viewer()).await;
    w.bearer(&raw).get("/v1beta1/users/self").await.expect(200);
    w.anonymous().with("x-user-token", &*raw).get("/v1beta1/users/self").await.expect(200);
    for _ in 0..200 {
        let pat = connect(&p.owner.client, "GetCurrentUserPAT", json!({ "id": id })).await.expect(200)["pat"].clone();
        if pat["used_at"].is_string() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nobody noted it");
}
