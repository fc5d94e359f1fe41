//! What refusals of the access graph do not tell: accounts, things that the caller cannot see, roles of other organizations
//! (checklist 2, 15), and lists that cost no more than they may (checklist 14).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    sec_15_taking_somebody_out_of_a_group_tells_no_accounts,
    sec_15_a_policy_tells_nothing_of_what_one_cannot_see,
    sec_02_a_role_of_another_organization_is_no_role,
    a_role_is_granted_only_on_its_scopes,
    sec_14_words_and_pages_are_bounded,
);

async fn sec_15_taking_somebody_out_of_a_group_tells_no_accounts(w: World) {
    let owner = w.person("Olga", &["user"]).await;
    let stranger = w.person("Sam", &["user"]).await;
    let acme = organization(&owner.client, "acme-corp").await;
    let team = group(&owner.client, &acme, "team").await;
    let at = |who: &str| format!("/v1beta1/organizations/{acme}/groups/{team}/users/{who}");
    let known = owner.client.delete(&at(&stranger.id)).await;
    for nobody in ["nobody@example.com", "no-such-name", "01990000-0000-7000-8000-000000000001"] {
        let unknown = owner.client.delete(&at(nobody)).await;
        assert_eq!((unknown.status, text(&unknown)), (known.status, text(&known)));
    }
    let by_mail = owner.client.delete(&at(&stranger.email)).await;
    assert_eq!(text(&by_mail), text(&known));
}

async fn sec_15_a_policy_tells_nothing_of_what_one_cannot_see(w: World) {
    let owner = w.person("Olga", &["user"]).await;
    let stranger = w.person("Sam", &["user"]).await;
    let acme = organization(&owner.client, "acme-corp").await;
    let (site, team) = (project(&owner.client, &acme, "site").await, group(&owner.client, &acme, "team").await);
    let make = |by: &Client, resource: String| {
        let body = json!({ "role_id": "app_project_viewer", "resource": resource, "principal": format!("app/user:{}", stranger.id) });
        let by = by.clone();
        async move { by.post("/v1beta1/policies", body).await }
    };
    let missing = make(&stranger.client, format!("app/project:{acme}")).await;
    assert_eq!(missing.status, 403, "{}", missing.text());
    for there in [format!("app/project:{site}"), format!("app/organization:{acme}"), format!("app/group:{team}")] {
        let seen = make(&stranger.client, there).await;
        assert_eq!((seen.status, text(&seen)), (403, text(&missing)));
    }
    let made = make(&owner.client, format!("app/project:{site}")).await.expect(200);
    let policy = made["policy"]["id"].as_str().unwrap();
    let theirs = stranger.client.get(&format!("/v1beta1/policies/{policy}")).await;
    let none = stranger.client.get("/v1beta1/policies/01990000-0000-7000-8000-000000000001").await;
    assert_eq!((theirs.status, text(&theirs)), (none.status, text(&none)));
}

async fn sec_02_a_role_of_another_organization_is_no_role(w: World) {
    let (ann, bob) = (w.person("Ann", &["user"]).await, w.person("Bob", &["user"]).await);
    let (acme, beta) = (organization(&ann.client, "acme-corp").await, organization(&bob.client, "beta-corp").await);
    let role =
        json!({ "name": "secret_auditor", "permissions": ["app_organization_delete"], "scopes": ["app/organization"] });
    let made = ann.client.post(&format!("/v1beta1/organizations/{acme}/roles"), role).await.expect(200);
    let role = made["role"]["id"].as_str().unwrap();
    let set = |role: &str| {
        let (by, body) = (bob.client.clone(), json!({ "org_id": beta, "user_id": bob.id, "role_id": role }));
        async move { connect(&by, "SetOrganizationMemberRole", body).await }
    };
    let (theirs, none) = (set(role).await, set("01990000-0000-7000-8000-000000000001").await);
    assert_eq!((theirs.status, code(&theirs), text(&theirs)), (none.status, code(&none), text(&none)));
}

async fn a_role_is_granted_only_on_its_scopes(w: World) {
    let owner = w.person("Olga", &["user"]).await;
    let acme = organization(&owner.client, "acme-corp").await;
    let body = json!({ "role_id": "app_group_member", "resource": format!("app/organization:{acme}"),
        "principal": format!("app/user:{}", owner.id) });
    let refused = owner.client.post("/v1beta1/policies", body).await;
    assert!(refused.status == 400 && refused.text().contains("not valid for organization scope"), "{}", refused.text());
}

async fn sec_14_words_and_pages_are_bounded(w: World) {
    let owner = w.person("Olga", &["user"]).await;
    let acme = organization(&owner.client, "acme-corp").await;
    project(&owner.client, &acme, "site").await;
    let words: Vec<Value> = (0..101).map(|n| json!(format!("verb{n}"))).collect();
    for rpc in ["ListCurrentUserGroups", "ListProjectsByCurrentUser"] {
        let refused = connect(&owner.client, rpc, json!({ "with_permissions": words })).await;
        assert!(refused.status == 400 && refused.text().contains("At most 100"), "{rpc}: {}", refused.text());
        let same = vec!["get"; 500];
        connect(&owner.client, rpc, json!({ "with_permissions": same })).await.expect(200);
    }
    let asked = json!({ "page_size": 5_000, "page_num": 1, "with_permissions": ["get", "get"] });
    let page = connect(&owner.client, "ListProjectsByCurrentUser", asked).await.expect(200);
    assert_eq!(page["access_pairs"][0]["permissions"], json!(["get"]), "{page}");
}
