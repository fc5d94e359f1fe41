//! How a personal access token ends, and that nothing of it stays (decision 19, checklist 19).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::tables::count;
use crate::world::token::*;
use crate::world::*;

both!(
    sec_19_a_token_ends_by_itself_and_by_hand,
    sec_19_a_token_ends_with_its_user_and_a_later_enable_brings_none_back,
    sec_19_a_token_ends_with_its_organization,
    sec_19_a_token_ends_when_its_user_leaves,
    a_new_password_keeps_tokens_as_it_keeps_keys,
    nothing_of_ended_tokens_stays,
);

async fn alive(w: &World, raw: &str) -> bool {
    match w.bearer(raw).get("/v1beta1/users/self").await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}
/// Why tokens ended, the last first.
async fn causes(w: &World) -> Vec<Value> {
    w.events("action=pat.revoked").await.iter().map(|e| e["metadata"]["cause"].clone()).collect()
}
async fn titles(by: &Client, organization: &str) -> Vec<String> {
    let found = connect(by, "SearchCurrentUserPATs", json!({ "org_id": organization })).await.expect(200);
    found.get("pats").map(|pats| sorted(pats, "title")).unwrap_or_default()
}

async fn sec_19_a_token_ends_by_itself_and_by_hand(w: World) {
    let p = place(&w).await;
    let (id, raw) = token_titled(&w, &p.owner.client, &p.organization, viewer(), "A").await;
    let (_, other) = token_titled(&w, &p.owner.client, &p.organization, viewer(), "B").await;
    assert!(alive(&w, &raw).await && alive(&w, &other).await);
    connect(&p.owner.client, "DeleteCurrentUserPAT", json!({ "id": id })).await.expect(200);
    assert!(!alive(&w, &raw).await && alive(&w, &other).await);
    assert_eq!(causes(&w).await, ["deleted"]);
    for rpc in ["GetCurrentUserPAT", "DeleteCurrentUserPAT"] {
        assert_eq!(code(&connect(&p.owner.client, rpc, json!({ "id": id })).await), "not_found", "{rpc}");
    }
    assert_eq!(titles(&p.owner.client, &p.organization).await, ["B"]);
    w.clock.pass(3_601);
    assert!(!alive(&w, &other).await, "also when it was just remembered");
    assert_eq!(
        titles(&sign_in(&w, &p.owner).await, &p.organization).await,
        ["B"],
        "it stays until somebody deletes it"
    );
}

async fn sec_19_a_token_ends_with_its_user_and_a_later_enable_brings_none_back(w: World) {
    let p = place(&w).await;
    let (_, raw) = token(&w, &p.member.client, &p.organization, viewer()).await;
    let (_, other) = token(&w, &p.owner.client, &p.organization, viewer()).await;
    assert!(alive(&w, &raw).await);
    w.owner().post(&format!("/v1beta1/users/{}/disable", p.member.id), json!({})).await.expect(200);
    assert!(!alive(&w, &raw).await && alive(&w, &other).await);
    w.owner().post(&format!("/v1beta1/users/{}/enable", p.member.id), json!({})).await.expect(200);
    assert!(!alive(&w, &raw).await);
    assert_eq!(titles(&sign_in(&w, &p.member).await, &p.organization).await, [""; 0]);
    let (_, raw) = token(&w, &sign_in(&w, &p.member).await, &p.organization, viewer()).await;
    assert!(alive(&w, &raw).await);
    w.owner().delete(&format!("/v1beta1/users/{}", p.member.id)).await.expect(200);
    assert!(!alive(&w, &raw).await);
    assert_eq!(causes(&w).await, ["deleted", "suspended"]);
}

async fn sec_19_a_token_ends_with_its_organization(w: World) {
    let p = place(&w).await;
    let elsewhere = organization(&p.owner.client, "other-corp").await;
    let (id, raw) = token(&w, &p.owner.client, &p.organization, viewer()).await;
    let (_, other) = token(&w, &p.owner.client, &elsewhere, viewer()).await;
    let access = w.bearer(&raw).post("/v1beta1/auth/token", json!({})).await.expect(200);
    let access = access["access_token"].as_str().unwrap();
    let at = format!("/v1beta1/organizations/{}", p.organization);
    w.owner().post(&format!("{at}/disable"), json!({})).await.expect(200);
    let a = connect(&w.bearer(&raw), "GetCurrentUser", json!({})).await;
    assert_eq!(code(&a), "permission_denied", "who holds it is told why: {}", a.text());
    assert_eq!(w.bearer(&raw).get("/v1beta1/auth").await.status, 200, "what is public stays so");
    assert!(alive(&w, &other).await);
    for (rpc, body) in [
        ("SearchCurrentUserPATs", json!({ "org_id": p.organization })),
        ("CheckCurrentUserPATTitle", json!({ "org_id": p.organization, "title": "T" })),
    ] {
        let a = connect(&p.owner.client, rpc, body).await;
        assert_eq!(code(&a), "failed_precondition", "{rpc}: {}", a.text());
    }
    w.owner().post(&format!("{at}/enable"), json!({})).await.expect(200);
    assert!(!alive(&w, &raw).await && !alive(&w, access).await, "for good (decision 19)");
    assert_eq!(connect(&p.owner.client, "GetCurrentUserPAT", json!({ "id": id })).await.status, 404);
    let event = w.events("action=organization.disabled").await[0].clone();
    assert_eq!(event["metadata"]["pats_revoked"], json!(1), "{event}");
    let (_, raw) = token(&w, &p.owner.client, &p.organization, viewer()).await;
    assert!(alive(&w, &raw).await);
    p.owner.client.delete(&at).await.expect(200);
    assert!(!alive(&w, &raw).await && alive(&w, &other).await);
}

async fn sec_19_a_token_ends_when_its_user_leaves(w: World) {
    let p = place(&w).await;
    let (_, raw) = token(&w, &p.member.client, &p.organization, viewer()).await;
    let leave = json!({ "org_id": p.organization, "principal_id": p.member.id, "principal_type": "app/user" });
    connect(&p.owner.client, "RemoveOrganizationMember", leave).await.expect(200);
    assert!(!alive(&w, &raw).await);
    join(&w, &p.organization, &p.member.id, ORGANIZATION_VIEWER).await;
    assert!(!alive(&w, &raw).await, "coming back brings none back");
    // the last role on the organization is the membership
    let (_, raw) = token(&w, &p.member.client, &p.organization, viewer()).await;
    let held = p.member.client.get(&format!("/v1beta1/policies?user_id={}", p.member.id)).await.expect(200);
    for policy in held["policies"].as_array().unwrap() {
        w.owner().delete(&format!("/v1beta1/policies/{}", policy["id"].as_str().unwrap())).await.expect(200);
    }
    assert!(!alive(&w, &raw).await);
    assert_eq!(causes(&w).await, ["left", "left"]);
}

async fn a_new_password_keeps_tokens_as_it_keeps_keys(w: World) {
    let p = place(&w).await;
    let (_, raw) = token(&w, &p.owner.client, &p.organization, viewer()).await;
    let body = json!({ "current_password": PASSWORD, "new_password": "another-plum-orbit-42" });
    p.owner.client.post("/v1/users/me/password", body).await.expect(204);
    assert!(alive(&w, &raw).await);
}

async fn nothing_of_ended_tokens_stays(w: World) {
    let p = place(&w).await;
    let project_token = async |by: &Client| token(&w, by, &p.organization, on_projects(PROJECT_VIEWER, &[])).await;
    let (id, _) = project_token(&p.owner.client).await;
    project_token(&p.member.client).await;
    let held = async || {
        let on = w.owner().get(&format!("/v1beta1/policies?org_id={}", p.organization)).await.expect(200);
        let all = on["policies"].as_array().unwrap().clone();
        all.iter().filter(|b| b["principal"].as_str().unwrap().starts_with("app/pat:")).count()
    };
    assert_eq!(held().await, 2);
    connect(&p.owner.client, "DeleteCurrentUserPAT", json!({ "id": id })).await.expect(200);
    assert_eq!(held().await, 1, "at once");
    let leave = json!({ "org_id": p.organization, "principal_id": p.member.id, "principal_type": "app/user" });
    connect(&p.owner.client, "RemoveOrganizationMember", leave).await.expect(200);
    w.node.erase().await;
    assert_eq!((held().await, count(&w, "personal_tokens").await), (0, 0), "what is left is the worker's");
    let (_, raw) = project_token(&p.owner.client).await;
    p.owner.client.delete(&format!("/v1beta1/organizations/{}", p.organization)).await.expect(200);
    assert!(!alive(&w, &raw).await);
    assert_eq!(count(&w, "personal_tokens").await, 0);
    // a deleted person leaves none either
    let other = organization(&p.member.client, "member-corp").await;
    token(&w, &p.member.client, &other, viewer()).await;
    w.owner().delete(&format!("/v1beta1/users/{}", p.member.id)).await.expect(200);
    assert_eq!(count(&w, "personal_tokens").await, 0);
}
