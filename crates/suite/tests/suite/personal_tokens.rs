//! Personal access tokens: made, shown, changed, found (spec v1beta1 2.3.16, 3.20). What they may do is in
//! `personal_token_rights.rs`, how they end in `personal_token_ends.rs`.
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::token::*;
use crate::world::*;

both!(
    who_may_do_what_with_tokens,
    a_token_is_shown_once_and_has_the_published_form,
    titles_are_unique_for_a_person_and_an_organization,
    a_token_is_given_only_what_tokens_may_have,
    a_life_is_bounded,
    fifty_live_tokens_are_enough,
    an_update_replaces_title_metadata_and_scopes,
    tokens_are_searched,
    superusers_search_the_tokens_of_an_organization,
    roles_for_tokens_leave_out_what_is_denied,
    switched_off_there_are_no_tokens,
    changes_of_tokens_leave_events,
);

async fn who_may_do_what_with_tokens(w: World) {
    let p = place(&w).await;
    let (id, raw) = token(&w, &p.member.client, &p.organization, viewer()).await;
    let stranger = w.person("Sam", &["user"]).await;
    let tenant = w.second_tenant("Rival").await;
    let (_, key) = w.api_key(&p.member.client, json!({ "name": "k" })).await;
    let new = json!({ "title": "T", "org_id": p.organization, "scopes": viewer(), "expires_at": in_seconds(&w, 60) });
    let of = |organization: &str| json!({ "org_id": organization, "title": "T" });
    for (who, by, create, organization, own, everybodys) in [
        ("nobody", w.anonymous(), 401, 401, 401, 401),
        ("stranger", stranger.client.clone(), 403, 403, 404, 403),
        ("another tenant's owner", tenant.owner.client.clone(), 404, 404, 404, 404),
        ("a key of the person", key, 403, 200, 200, 403),
        ("a token of the person", w.bearer(&raw), 403, 200, 200, 403),
        ("another member", p.owner.client.clone(), 200, 200, 404, 403),
        ("superuser", w.owner(), 200, 200, 404, 200),
        ("service key", w.service(), 403, 403, 404, 200),
    ] {
        let a = connect(&by, "CreateCurrentUserPAT", new.clone()).await;
        assert_eq!(a.status, create, "{who} creates: {}", a.text());
        for (rpc, body) in [
            ("SearchCurrentUserPATs", json!({ "org_id": p.organization })),
            ("CheckCurrentUserPATTitle", of(&p.organization)),
        ] {
            let a = connect(&by, rpc, body).await;
            assert_eq!(a.status, organization, "{who}: {rpc}: {}", a.text());
        }
        let a = connect(&by, "GetCurrentUserPAT", json!({ "id": id })).await;
        assert_eq!(a.status, own, "{who} reads: {}", a.text());
        let admin = by.post(&format!("{ADMIN}/SearchOrganizationPATs"), json!({ "org_id": p.organization })).await;
        assert_eq!(admin.status, everybodys, "{who} searches all: {}", admin.text());
        let roles = connect(&by, "ListRolesForPAT", json!({})).await.status;
        assert_eq!(roles, if who == "nobody" { 401 } else { 200 }, "{who} lists roles");
        // what is changed is changed by its person, signed in
        for (rpc, body) in [
            ("UpdateCurrentUserPAT", json!({ "id": id, "title": "Mine", "scopes": viewer() })),
            ("RegenerateCurrentUserPAT", json!({ "id": id, "expires_at": in_seconds(&w, 60) })),
            ("DeleteCurrentUserPAT", json!({ "id": id })),
        ] {
            let a = connect(&by, rpc, body).await;
            let machine = who.contains("key") || who.contains("token of");
            let expected = if who == "nobody" {
                401
            } else if machine {
                403
            } else {
                404
            };
            assert_eq!(a.status, expected, "{who}: {rpc}: {}", a.text());
        }
    }
    // another's token reads like one that is not there
    let (there, not) = (json!({ "id": id }), json!({ "id": NOBODY }));
    let (there, not) = (
        connect(&stranger.client, "GetCurrentUserPAT", there).await,
        connect(&stranger.client, "GetCurrentUserPAT", not).await,
    );
    assert_eq!((there.status, there.json()), (not.status, not.json()));
    assert_eq!(text(&not), "not found");
}

async fn a_token_is_shown_once_and_has_the_published_form(w: World) {
    let p = place(&w).await;
    let body = json!({
        "title": "  CI  ", "org_id": p.organization, "scopes": [
            { "role_id": ORGANIZATION_VIEWER, "resource_type": "app/organization" },
            { "role_id": PROJECT_VIEWER, "resource_type": "project", "resource_ids": [p.web] },
        ], "expires_at": in_seconds(&w, 3600), "metadata": { "for": "tests" },
    });
    let by = p.owner.client.with("idempotency-key", "k1");
    let made = connect(&by, "CreateCurrentUserPAT", body.clone()).await;
    let pat = made.expect(200)["pat"].clone();
    let raw = pat["token"].as_str().unwrap();
    assert!(raw.len() == 47 && raw.starts_with("fpt_"), "{raw}");
    assert_eq!(
        (&pat["title"], &pat["user_id"], &pat["org_id"]),
        (&json!("CI"), &json!(p.owner.id), &json!(p.organization))
    );
    assert_eq!(pat["metadata"], json!({ "for": "tests" }));
    assert!(pat.get("used_at").is_none() && pat.get("regenerated_at").is_none(), "{pat}");
    assert_eq!(
        pat["scopes"],
        json!([
            { "role_id": ORGANIZATION_VIEWER, "resource_type": "app/organization", "resource_ids": [p.organization] },
            { "role_id": PROJECT_VIEWER, "resource_type": "app/project", "resource_ids": [p.web] },
        ])
    );
    // the same call again is the same token, and another key makes another
    let again = connect(&by, "CreateCurrentUserPAT", body.clone()).await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), (Some("true"), made.json()));
    assert_eq!(code(&connect(&p.owner.client, "CreateCurrentUserPAT", body).await), "already_exists");
    // never again
    let seen =
        connect(&p.owner.client, "GetCurrentUserPAT", json!({ "id": pat["id"] })).await.expect(200)["pat"].clone();
    assert!(seen.get("token").is_none(), "{seen}");
    assert_eq!((&seen["id"], &seen["scopes"]), (&pat["id"], &pat["scopes"]));
    let list = connect(&p.owner.client, "SearchCurrentUserPATs", json!({ "org_id": p.organization })).await;
    assert!(!list.text().contains(raw) && !list.text().contains("fpt_"), "{}", list.text());
    // what is no token of ours is none of anybody's
    for bad in [
        "fpt_",
        "fpt_short",
        &raw[..46],
        &format!("{raw}A"),
        &raw.replace("fpt_", "fpx_"),
        &format!("fpt_{}", "A".repeat(43)),
    ] {
        assert_eq!(w.bearer(bad).get("/v1beta1/users/self").await.status, 401, "{bad}");
    }
    assert_eq!(w.with_key(raw).get("/v1beta1/users/self").await.status, 401, "an API key's header takes API keys");
}

async fn titles_are_unique_for_a_person_and_an_organization(w: World) {
    let p = place(&w).await;
    token_titled(&w, &p.owner.client, &p.organization, viewer(), "Build").await;
    let free = async |by: &Client, organization: &str, title: &str| {
        let a = connect(by, "CheckCurrentUserPATTitle", json!({ "org_id": organization, "title": title })).await;
        a.expect(200).get("available").is_some()
    };
    assert!(!free(&p.owner.client, &p.organization, "bUILD").await);
    assert!(free(&p.owner.client, &p.organization, "Build 2").await);
    assert!(free(&p.member.client, &p.organization, "Build").await, "another's titles are theirs");
    let other = organization(&p.owner.client, "other-corp").await;
    assert!(free(&p.owner.client, &other, "Build").await);
    let new =
        json!({ "title": "build", "org_id": p.organization, "scopes": viewer(), "expires_at": in_seconds(&w, 60) });
    let taken = connect(&p.owner.client, "CreateCurrentUserPAT", new.clone()).await;
    assert_eq!(
        (code(&taken), text(&taken)),
        ("already_exists".into(), "personal access token with this name already exists".into())
    );
    connect(&p.member.client, "CreateCurrentUserPAT", new).await.expect(200);
    // one that was ended gives its title back, one that ended by itself keeps it
    let (id, _) = token_titled(&w, &p.owner.client, &p.organization, viewer(), "Once").await;
    connect(&p.owner.client, "DeleteCurrentUserPAT", json!({ "id": id })).await.expect(200);
    token_titled(&w, &p.owner.client, &p.organization, viewer(), "Once").await;
    w.clock.pass(3_601);
    assert!(!free(&sign_in(&w, &p.owner).await, &p.organization, "Once").await);
}

async fn a_token_is_given_only_what_tokens_may_have(w: World) {
    let p = place(&w).await;
    let other = organization(&p.owner.client, "other-corp").await;
    let theirs = project(&p.owner.client, &other, "theirs").await;
    let role = json!({ "name": "reader", "permissions": ["app_project_get"], "scopes": ["app/project"] });
    let role = p.owner.client.post(&format!("/v1beta1/organizations/{other}/roles"), role).await.expect(200);
    let role = id(&role["role"]);
    let scope =
        |role: &str, kind: &str, ids: &[&str]| json!({ "role_id": role, "resource_type": kind, "resource_ids": ids });
    let many: Vec<String> = (0..91).map(|n| format!("0199c0de-0000-7000-8000-0000000000{n:02x}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (scopes, message) in [
        (json!([scope(NOBODY, "app/project", &[])]), "one or more requested roles do not exist"),
        (json!([scope(&role, "app/project", &[])]), "one or more requested roles do not exist"),
        (json!([scope(GROUP_MEMBER, "app/group", &[])]), "role scope is not supported for personal access tokens"),
        (json!([scope(GROUP_MEMBER, "app/project", &[])]), "role does not support the specified scope"),
        (json!([scope(PROJECT_VIEWER, "app/organization", &[])]), "role does not support the specified scope"),
        (
            json!([scope(PROJECT_VIEWER, "app/project", &[&p.web]), scope(PROJECT_MANAGER, "project", &[])]),
            "only one role per resource type is allowed",
        ),
        (
            json!([scope(PROJECT_VIEWER, "app/project", &[&theirs])]),
            "user does not have access to one or more specified projects",
        ),
        (
            json!([scope(PROJECT_VIEWER, "app/project", &[NOBODY])]),
            "user does not have access to one or more specified projects",
        ),
        (
            json!([scope(PROJECT_VIEWER, "app/project", &many)]),
            "At most 90 projects; without any the role holds on all.",
        ),
        (
            json!([scope(ORGANIZATION_VIEWER, "org", &[&other])]),
            "An organization's role holds on the organization of the token, and nowhere else.",
        ),
    ] {
        let body =
            json!({ "title": "T", "org_id": p.organization, "scopes": scopes, "expires_at": in_seconds(&w, 60) });
        let a = connect(&p.owner.client, "CreateCurrentUserPAT", body).await;
        assert_eq!((a.status, text(&a)), (400, message.into()), "{scopes}");
    }
    // a project that one does not see is as good as none
    let body = json!({ "title": "T", "org_id": p.organization, "scopes": [scope(PROJECT_VIEWER, "app/project", &[&p.api])], "expires_at": in_seconds(&w, 60) });
    let a = connect(&p.member.client, "CreateCurrentUserPAT", body).await;
    assert_eq!(text(&a), "user does not have access to one or more specified projects");
    for bad in [json!([]), json!([{ "role_id": "viewer", "resource_type": "app/project" }])] {
        let body = json!({ "title": "T", "org_id": p.organization, "scopes": bad, "expires_at": in_seconds(&w, 60) });
        connect(&p.owner.client, "CreateCurrentUserPAT", body).await.expect(400);
    }
    for title in ["", "x\u{7}", &"x".repeat(51)] {
        let body =
            json!({ "title": title, "org_id": p.organization, "scopes": viewer(), "expires_at": in_seconds(&w, 60) });
        connect(&p.owner.client, "CreateCurrentUserPAT", body).await.expect(400);
    }
}

async fn a_life_is_bounded(w: World) {
    let p = place(&w).await;
    let new = |at: Value| json!({ "title": "T", "org_id": p.organization, "scopes": viewer(), "expires_at": at });
    for (at, message) in [
        (Value::Null, "expires_at is required"),
        (in_seconds(&w, -1), "expiry must be in the future"),
        (in_seconds(&w, 8_760 * 3_600 + 60), "expiry exceeds maximum allowed lifetime"),
        (json!("9999-12-31T23:59:59Z"), "expiry exceeds maximum allowed lifetime"),
    ] {
        let a = connect(&p.owner.client, "CreateCurrentUserPAT", new(at.clone())).await;
        assert_eq!((a.status, text(&a)), (400, message.into()), "{at}");
    }
    let (id, raw) = token(&w, &p.owner.client, &p.organization, viewer()).await;
    let renew = |at: Value| json!({ "id": id, "expires_at": at });
    let a = connect(&p.owner.client, "RegenerateCurrentUserPAT", json!({ "id": id })).await;
    assert_eq!((a.status, text(&a)), (400, "expires_at is required".into()));
    let a = connect(&p.owner.client, "RegenerateCurrentUserPAT", renew(in_seconds(&w, -1))).await;
    assert_eq!(text(&a), "expiry must be in the future");
    // what has ended by itself lives again with a new secret, and the old one stays dead
    w.clock.pass(3_601);
    assert_eq!(w.bearer(&raw).get("/v1beta1/users/self").await.status, 401);
    let by = sign_in(&w, &p.owner).await;
    let pat = connect(&by, "RegenerateCurrentUserPAT", renew(in_seconds(&w, 60))).await.expect(200)["pat"].clone();
    assert_eq!(w.bearer(pat["token"].as_str().unwrap()).get("/v1beta1/users/self").await.status, 200);
    assert_eq!(w.bearer(&raw).get("/v1beta1/users/self").await.status, 401);
    assert!(pat["regenerated_at"].is_string() && pat["scopes"].as_array().unwrap().len() == 1, "{pat}");
}

async fn fifty_live_tokens_are_enough(w: World) {
    let p = place(&w).await;
    let new = |n: u32| json!({ "title": format!("T{n}"), "org_id": p.organization, "scopes": viewer(), "expires_at": in_seconds(&w, 600) });
    let mut first = String::new();
    for n in 0..50 {
        let made = connect(&p.owner.client, "CreateCurrentUserPAT", new(n)).await.expect(200);
        if n == 0 {
            first = id(&made["pat"]);
        }
    }
    let full = connect(&p.owner.client, "CreateCurrentUserPAT", new(50)).await;
    assert_eq!(
        (full.status, code(&full), text(&full)),
        (429, "resource_exhausted".into(), "maximum number of personal access tokens reached".into())
    );
    connect(&p.member.client, "CreateCurrentUserPAT", new(50)).await.expect(200);
    connect(&p.owner.client, "DeleteCurrentUserPAT", json!({ "id": first })).await.expect(200);
    connect(&p.owner.client, "CreateCurrentUserPAT", new(50)).await.expect(200);
}

async fn an_update_replaces_title_metadata_and_scopes(w: World) {
    let p = place(&w).await;
    let (id, raw) = token(&w, &p.owner.client, &p.organization, on_projects(PROJECT_MANAGER, &[&p.web, &p.api])).await;
    let by = w.bearer(&raw);
    assert!(may(&by, &format!("project:{}", p.api), "update").await);
    let body = json!({ "id": id, "title": "Other", "scopes": on_projects(PROJECT_VIEWER, &[&p.web]) });
    let now = connect(&p.owner.client, "UpdateCurrentUserPAT", body.clone()).await.expect(200)["pat"].clone();
    assert_eq!((&now["title"], &now["metadata"], now.get("token")), (&json!("Other"), &json!({}), None));
    assert_eq!(now["scopes"][0]["resource_ids"], json!([p.web]));
    // at once, with the same secret
    assert!(may(&by, &format!("project:{}", p.web), "get").await);
    assert!(!may(&by, &format!("project:{}", p.web), "update").await);
    assert!(!may(&by, &format!("project:{}", p.api), "get").await);
    // one's own title is no conflict
    connect(&p.owner.client, "UpdateCurrentUserPAT", body).await.expect(200);
    token_titled(&w, &p.owner.client, &p.organization, viewer(), "Second").await;
    let body = json!({ "id": id, "title": "second", "scopes": viewer() });
    assert_eq!(code(&connect(&p.owner.client, "UpdateCurrentUserPAT", body).await), "already_exists");
    // a project that goes takes what the token held on it along, and no more
    p.owner.client.delete(&format!("/v1beta1/projects/{}", p.web)).await.expect(200);
    let left = connect(&p.owner.client, "GetCurrentUserPAT", json!({ "id": id })).await.expect(200);
    assert!(left["pat"].get("scopes").is_none(), "{left}");
    assert!(!may(&by, &format!("project:{}", p.api), "get").await, "none of those that are left");
}

async fn tokens_are_searched(w: World) {
    let p = place(&w).await;
    for title in ["Alpha", "Beta", "Gamma"] {
        token_titled(&w, &p.owner.client, &p.organization, viewer(), title).await;
    }
    token_titled(&w, &p.member.client, &p.organization, viewer(), "Delta").await;
    let search = async |query: Value| {
        connect(&p.owner.client, "SearchCurrentUserPATs", json!({ "org_id": p.organization, "query": query })).await
    };
    let found = search(json!({ "sort": [{ "name": "title", "order": "desc" }], "limit": 2 })).await.expect(200);
    assert_eq!(all(&found["pats"], "title"), ["Gamma", "Beta"]);
    assert_eq!(found["pagination"], json!({ "limit": 2, "total_count": 3 }));
    let found = search(json!({ "search": "ALPH" })).await.expect(200);
    assert_eq!(
        (all(&found["pats"], "title"), &found["pagination"]["total_count"]),
        (vec!["Alpha".to_owned()], &json!(1))
    );
    let like = json!({ "filters": [{ "name": "title", "operator": "like", "string_value": "%ta" }] });
    assert_eq!(all(&search(like).await.expect(200)["pats"], "title"), ["Beta"]);
    for bad in [
        json!({ "filters": [{ "name": "hash", "operator": "eq", "string_value": "x" }] }),
        json!({ "filters": [{ "name": "created_at", "operator": "like", "string_value": "x" }] }),
        json!({ "group_by": ["title"] }),
    ] {
        let a = search(bad).await;
        assert!(a.status == 400 && text(&a).starts_with("failed to validate rql query"), "{}", a.text());
    }
    let other = organization(&p.owner.client, "other-corp").await;
    let none = connect(&p.owner.client, "SearchCurrentUserPATs", json!({ "org_id": other })).await.expect(200);
    assert!(none.get("pats").is_none(), "{none}");
}

async fn superusers_search_the_tokens_of_an_organization(w: World) {
    let p = place(&w).await;
    for n in 0..31 {
        let by = if n % 2 == 0 { &p.owner.client } else { &p.member.client };
        token_titled(&w, by, &p.organization, viewer(), &format!("T{n:02}")).await;
    }
    let search = async |query: Value| {
        let body = json!({ "org_id": p.organization, "query": query });
        w.owner().post(&format!("{ADMIN}/SearchOrganizationPATs"), body).await
    };
    for limit in [0, 31, 5000] {
        let page = search(json!({ "limit": limit })).await.expect(200);
        assert_eq!(page["organization_pats"].as_array().unwrap().len(), 30, "limit {limit}");
        assert_eq!(page["pagination"], json!({ "limit": 30, "total_count": 31 }));
    }
    let one = json!({ "limit": 1, "filters": [{ "name": "created_by_email", "operator": "eq", "string_value": "max@example.com" }] });
    let page = search(one).await.expect(200);
    let pat = &page["organization_pats"][0];
    assert_eq!(pat["created_by"], json!({ "id": p.member.id, "title": "Max", "email": "max@example.com" }));
    assert_eq!(
        (&pat["scopes"][0]["role_id"], &page["pagination"]["total_count"]),
        (&json!(ORGANIZATION_VIEWER), &json!(15))
    );
    assert!(!page.to_string().contains("fpt_"));
    w.owner().post(&format!("{ADMIN}/SearchOrganizationPATs"), json!({ "org_id": NOBODY })).await.expect(404);
}

async fn roles_for_tokens_leave_out_what_is_denied(w: Engine) {
    let mut options = Options::default();
    options.settings.personal_tokens.denied_permissions =
        vec!["app_project_administer".into(), "app_organization_update".into()];
    let w = World::on(w, options).await;
    let p = place(&w).await;
    let names = async |scopes: Value| {
        let a = connect(&p.member.client, "ListRolesForPAT", json!({ "scopes": scopes })).await;
        sorted(&a.expect(200)["roles"], "name")
    };
    let on_organizations =
        ["app_billing_manager", "app_organization_accessmanager", "app_organization_owner", "app_organization_viewer"];
    assert_eq!(names(json!(["org"])).await, on_organizations);
    assert_eq!(names(json!(["project", "app/project"])).await, ["app_project_manager", "app_project_viewer"]);
    assert_eq!(names(json!([])).await.len(), 6, "no groups");
    let a = connect(&p.member.client, "ListRolesForPAT", json!({ "scopes": ["app/group"] })).await;
    assert_eq!((a.status, text(&a)), (400, "role scope is not supported for personal access tokens".into()));
    let scopes = json!([{ "role_id": PROJECT_OWNER, "resource_type": "app/project" }]);
    let body = json!({ "title": "T", "org_id": p.organization, "scopes": scopes, "expires_at": in_seconds(&w, 60) });
    let a = connect(&p.owner.client, "CreateCurrentUserPAT", body).await;
    assert_eq!(text(&a), "one or more requested roles not permissible for personal access tokens");
    // a role that is given such a permission later does not give it to tokens
    let (_, raw) = token(&w, &p.owner.client, &p.organization, on_projects(PROJECT_VIEWER, &[&p.web])).await;
    let wider = json!({ "name": "app_project_viewer", "permissions": ["app_project_get", "app_project_administer"], "scopes": ["app/project"] });
    w.owner().put(&format!("/v1beta1/roles/{PROJECT_VIEWER}"), wider).await.expect(200);
    let web = format!("project:{}", p.web);
    assert!(may(&w.bearer(&raw), &web, "get").await && !may(&w.bearer(&raw), &web, "delete").await);
}

async fn switched_off_there_are_no_tokens(w: Engine) {
    let mut options = Options::default();
    options.settings.personal_tokens.enabled = false;
    let w = World::on(w, options).await;
    let p = place(&w).await;
    let body = json!({ "title": "T", "org_id": p.organization, "scopes": viewer(), "expires_at": in_seconds(&w, 60) });
    for (rpc, body) in [
        ("CreateCurrentUserPAT", body),
        ("SearchCurrentUserPATs", json!({ "org_id": p.organization })),
        ("CheckCurrentUserPATTitle", json!({ "org_id": p.organization, "title": "T" })),
        ("GetCurrentUserPAT", json!({ "id": NOBODY })),
        ("ListRolesForPAT", json!({})),
    ] {
        let a = connect(&p.owner.client, rpc, body).await;
        assert_eq!(
            (code(&a), text(&a)),
            ("failed_precondition".into(), "personal access tokens are not enabled".into()),
            "{rpc}"
        );
    }
}

async fn changes_of_tokens_leave_events(w: World) {
    let p = place(&w).await;
    let (id, raw) = token(&w, &p.owner.client, &p.organization, viewer()).await;
    let by = &p.owner.client;
    connect(by, "UpdateCurrentUserPAT", json!({ "id": id, "title": "New", "scopes": viewer() })).await.expect(200);
    connect(by, "RegenerateCurrentUserPAT", json!({ "id": id, "expires_at": in_seconds(&w, 60) })).await.expect(200);
    connect(by, "DeleteCurrentUserPAT", json!({ "id": id })).await.expect(200);
    let events = w.events(&format!("resource_type=pat&resource_id={id}")).await;
    assert_eq!(all(&json!(events), "action"), ["pat.revoked", "pat.regenerated", "pat.updated", "pat.created"]);
    assert!(events.iter().all(|e| e["metadata"]["user_id"] == json!(p.owner.id)), "{events:?}");
    assert!(!json!(events).to_string().contains(&raw[4..]), "no secret in the log");
    // and what a token does is told as a token's deed
    let (_, raw) =
        token(&w, by, &p.organization, json!([{ "role_id": ORGANIZATION_MANAGER, "resource_type": "org" }])).await;
    project(&w.bearer(&raw), &p.organization, "made-by-token").await;
    let event = w.events("action=project.created").await[0].clone();
    assert_eq!((&event["credential_type"], &event["actor_type"]), (&json!("pat"), &json!("api_key")), "{event}");
    assert_eq!(event["actor_id"], json!(p.owner.id));
}
