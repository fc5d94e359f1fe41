//! Access tokens of service users (spec v1beta1 4.3, decisions 12 and 19).
use portcullis_domain::organization::State;
use portcullis_domain::service_user::ServiceUser;
use serde_json::{Value, json};

use crate::service_credentials::{assertion, place};
use crate::world::access::*;
use crate::world::token::claims;
use crate::world::*;

both!(
    every_kind_of_credential_is_exchanged_once,
    sec_08_a_grant_takes_its_own_kind_of_credential_only,
    sec_19_a_token_ends_with_what_it_was_made_from,
    a_disabled_organization_is_told_to_whoever_holds_the_credential,
);

const TOKEN: &str = "/v1beta1/auth/token";

fn by_secret((id, secret): &(String, String)) -> Value {
    json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret })
}
fn by_assertion(jwt: &str) -> Value {
    json!({ "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": jwt })
}
async fn issued(by: &Client, grant: Value) -> String {
    by.post(TOKEN, grant).await.expect(200)["access_token"].as_str().unwrap().to_owned()
}

async fn every_kind_of_credential_is_exchanged_once(w: World) {
    let p = place(&w).await;
    let (secret, token) = (p.made("secret").await, p.made("token").await);
    let (kid, pem) = p.key().await;
    let jwt = assertion(&w, &kid, &pem);
    let nobody = w.anonymous();
    for (by, grant, sid, via) in [
        (nobody.clone(), by_secret(&secret), &secret.0, "client_credentials"),
        (nobody.clone(), by_secret(&token), &token.0, "opaque"),
        (nobody, by_assertion(&jwt), &kid, "jwt_grant"),
        (basic(&w, &secret.0, &secret.1), json!({}), &secret.0, "client_credentials"),
        (w.bearer(&token.1), json!({}), &token.0, "opaque"),
        (w.bearer(&jwt), json!({}), &kid, "jwt_grant"),
    ] {
        let token = issued(&by, grant).await;
        let said = claims(&token);
        let seen = [&said["sub"], &said["sub_type"], &said["sid"], &said["auth_via"], &said["org_ids"]];
        let expected = [json!(p.machine), json!("app/serviceuser"), json!(sid), json!(via), json!(p.organization)];
        assert_eq!(seen, expected.each_ref());
        let by = w.bearer(&token);
        assert_eq!(by.get("/v1beta1/users/self").await.expect(200)["serviceuser"]["id"], json!(p.machine));
        assert_eq!(by.post(TOKEN, json!({})).await.status, 401, "not again");
    }
}

async fn sec_08_a_grant_takes_its_own_kind_of_credential_only(w: World) {
    let p = place(&w).await;
    let (secret, token) = (p.made("secret").await, p.made("token").await);
    let (kid, pem) = p.key().await;
    let access = issued(&w.anonymous(), by_secret(&secret)).await;
    let jwt = assertion(&w, &kid, &pem);
    for (what, grant) in [
        ("a token is no assertion", by_assertion(&token.1)),
        ("nor is our own", by_assertion(&access)),
        ("nor is a person's", by_assertion(w.owner_token())),
        ("nor is an assertion a secret", by_secret(&(kid.clone(), jwt.clone()))),
        ("a secret goes with its id", by_secret(&(token.0.clone(), secret.1.clone()))),
        ("the signature counts", by_assertion(&format!("{}A", &jwt[..jwt.len() - 4]))),
    ] {
        // a good caller beside a bad grant helps nobody
        for by in [w.anonymous(), basic(&w, &secret.0, &secret.1), w.owner()] {
            assert_eq!(code(&connect(&by, "AuthToken", grant.clone()).await), "unauthenticated", "{what}");
        }
    }
}

async fn sec_19_a_token_ends_with_what_it_was_made_from(w: World) {
    let p = place(&w).await;
    let (one, other) = (p.made("secret").await, p.made("secret").await);
    let mut tokens = vec![];
    for of in [&one, &other] {
        tokens.push(w.bearer(&issued(&w.anonymous(), by_secret(of)).await));
    }
    let status = async |n: usize| tokens[n].get("/v1beta1/users/self").await.status;
    assert_eq!((status(0).await, status(1).await), (200, 200));
    p.owner.client.delete(&p.at(&format!("secrets/{}", one.0))).await.expect(200);
    assert_eq!((status(0).await, status(1).await), (401, 200));
    change_machine(&w, &p.machine, |s| ServiceUser { state: State::Disabled, ..s }).await;
    assert_eq!(status(1).await, 401);
    assert_eq!(code(&connect(&w.anonymous(), "AuthToken", by_secret(&other)).await), "unauthenticated");
    change_machine(&w, &p.machine, |s| ServiceUser { state: State::Enabled, ..s }).await;
    assert_eq!(status(1).await, 200);
    w.clock.pass(7_200);
    assert_eq!(status(1).await, 401, "it ends by itself too");
}

async fn a_disabled_organization_is_told_to_whoever_holds_the_credential(w: World) {
    let p = place(&w).await;
    let secret = p.made("secret").await;
    let token = w.bearer(&issued(&w.anonymous(), by_secret(&secret)).await);
    w.owner().post("/v1beta1/organizations/acme-corp/disable", json!({})).await.expect(200);
    token.get("/v1beta1/users/self").await.expect(403);
    let refused = connect(&w.anonymous(), "AuthToken", by_secret(&secret)).await;
    assert_eq!(code(&refused), "failed_precondition");
    let wrong = by_secret(&(secret.0.clone(), "wrong".into()));
    assert_eq!(code(&connect(&w.anonymous(), "AuthToken", wrong).await), "unauthenticated");
}
