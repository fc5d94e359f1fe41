//! `/v1/domains` (spec v1 4.5, 7.4), and signing in without a slug through a proved one (decision 10).
use serde_json::{Value, json};

use crate::world::*;

both!(
    who_may_do_what_with_a_domain_of_the_tenant,
    a_record_beside_the_domain_proves_it,
    a_domain_is_claimed_once_in_a_tenant_and_in_one_form,
    sec_11_nobody_says_that_a_domain_is_verified_but_the_dns,
    one_tenant_of_the_server_proves_a_domain,
    two_tenants_that_prove_it_at_once_are_one_that_has,
    a_sign_in_without_a_slug_finds_the_tenant_by_its_domain,
    checks_are_ten_a_minute,
    a_record_that_is_missing_three_days_running_loses_the_domain,
    a_rule_may_take_domains_away,
    each_change_of_a_tenants_domain_is_in_the_log,
);

async fn claim(by: &Client, name: &str) -> Value {
    by.post("/v1/domains", json!({ "domain": name })).await.expect(201)
}
fn at(domain: &Value) -> String {
    format!("/v1/domains/{}", domain["id"].as_str().unwrap())
}
async fn verify(by: &Client, domain: &Value) -> Answer {
    by.post(&format!("{}/verify", at(domain)), json!({})).await
}
fn publish(w: &World, domain: &Value) {
    w.node.names.set(domain["dns_record"].as_str().unwrap(), &[domain["dns_value"].as_str().unwrap()]);
}
/// A domain that is proved.
async fn prove(w: &World, by: &Client, name: &str) -> Value {
    let d = claim(by, name).await;
    publish(w, &d);
    assert_eq!(verify(by, &d).await.expect(200)["verified"], true);
    d
}

async fn who_may_do_what_with_a_domain_of_the_tenant(w: World) {
    let d = claim(&w.owner(), "example.com").await;
    let rival = w.second_tenant("Rival").await;
    let (_, reader) = w.api_key(&w.owner(), json!({ "name": "r", "scopes": ["domains:list"] })).await;
    for (who, by, list, read, create, change) in [
        ("nobody", w.anonymous().with("x-tenant-id", &*w.tenant), 401, 401, 401, 401),
        ("a user", w.person("Plain", &["user"]).await.client, 403, 403, 403, 403),
        ("an approver", w.person("Appy", &["user", "approver"]).await.client, 403, 403, 403, 403),
        ("a reader's key", reader, 200, 200, 403, 403),
        ("another tenant's owner", rival.owner.client.clone(), 200, 404, 201, 404),
        ("an admin", w.person("Admin", &["user", "admin"]).await.client, 200, 200, 201, 200),
        ("a service key", w.service(), 200, 200, 201, 200),
    ] {
        assert_eq!(by.get("/v1/domains").await.status, list, "{who} lists");
        assert_eq!(by.get(&at(&d)).await.status, read, "{who} reads");
        let a = by.post("/v1/domains", json!({ "domain": format!("{}.example", unique()) })).await;
        assert_eq!(a.status, create, "{who} claims: {}", a.text());
        assert_eq!(verify(&by, &d).await.status, change, "{who} verifies");
        let mine = claim(&w.owner(), &format!("{}.example", unique())).await;
        let gone = if change == 200 { 204 } else { change };
        assert_eq!(by.delete(&at(&mine)).await.status, gone, "{who} deletes");
    }
    let theirs = rival.owner.client.get("/v1/domains").await.expect(200);
    assert_eq!(theirs["data"].as_array().unwrap().len(), 1, "its own: {theirs}");
    w.owner().get(&format!("/v1/domains/{NOBODY}")).await.refused(404, "not_found");
    w.owner().delete(&format!("/v1/domains/{NOBODY}")).await.refused(404, "not_found");
    w.owner().post(&format!("/v1/domains/{NOBODY}/verify"), json!({})).await.refused(404, "not_found");
    w.owner().get("/v1/domains?limit=5").await.refused(400, "invalid_input");
}

async fn a_record_beside_the_domain_proves_it(w: World) {
    let o = w.owner();
    let a = o.post("/v1/domains", json!({ "domain": "example.com" })).await;
    let d = a.expect(201);
    assert_eq!(a.header("location"), Some(&*at(&d)));
    let token = d["verification_token"].as_str().unwrap();
    assert_eq!((&d["domain"], &d["verified"], &d["verified_at"]), (&json!("example.com"), &json!(false), &Value::Null));
    assert_eq!(d["dns_record"], "_portcullis.example.com");
    assert_eq!((d["dns_value"].as_str().unwrap(), token.len()), (&*format!("portcullis-verify={token}"), 43));
    // that it is missing is an answer, not an error
    let missing = verify(&o, &d).await.expect(200);
    assert_eq!(missing["verified"], false);
    assert!(missing["message"].as_str().unwrap().contains("_portcullis.example.com"), "{missing}");
    let seen = o.get(&at(&d)).await.expect(200);
    assert!(seen["last_checked_at"].is_string() && seen["last_error"] == missing["message"], "{seen}");
    // the right value at the wrong place, the wrong one at the right place, and silence
    w.node.names.set("example.com", &[d["dns_value"].as_str().unwrap()]);
    w.node.names.set("_portcullis.example.com", &["portcullis-verify=guess", token]);
    assert_eq!(verify(&o, &d).await.expect(200)["verified"], false);
    publish(&w, &d);
    w.node.names.silence(true);
    assert_eq!(verify(&o, &d).await.expect(200)["verified"], false);
    w.node.names.silence(false);
    assert_eq!(verify(&o, &d).await.expect(200)["verified"], true);
    let seen = o.get(&at(&d)).await.expect(200);
    assert!(seen["verified"] == true && seen["verified_at"].is_string() && seen["last_error"].is_null(), "{seen}");
    assert_eq!(o.get("/v1/domains").await.expect(200)["data"], json!([seen]));
    let tenant = async || o.get(&format!("/v1/tenants/{}", w.tenant)).await.expect(200)["primary_domain"].clone();
    assert_eq!(tenant().await, "example.com");
    // once proved, a look that misses it takes nothing away at once
    w.node.names.remove("_portcullis.example.com");
    assert_eq!(verify(&o, &d).await.expect(200)["verified"], true);
    o.delete(&at(&d)).await.expect(204);
    o.delete(&at(&d)).await.refused(404, "not_found");
    assert_eq!(tenant().await, Value::Null);
}

async fn a_domain_is_claimed_once_in_a_tenant_and_in_one_form(w: World) {
    let o = w.owner();
    assert_eq!(claim(&o, "BÜCHER.example.").await["domain"], "xn--bcher-kva.example");
    o.post("/v1/domains", json!({ "domain": "bücher.example" })).await.refused(409, "already_exists");
    for bad in [json!({}), json!({ "domain": "co.uk" }), json!({ "domain": "localhost" }), json!({ "domain": 1 })] {
        o.post("/v1/domains", bad).await.refused(400, "invalid_input");
    }
    // another tenant's claim is in nobody's way
    let rival = w.second_tenant("Rival").await;
    claim(&rival.owner.client, "bücher.example").await;
    let keyed = o.with("idempotency-key", "k");
    let first = keyed.post("/v1/domains", json!({ "domain": "once.example" })).await.expect(201);
    assert_eq!(keyed.post("/v1/domains", json!({ "domain": "once.example" })).await.expect(201), first);
}

async fn sec_11_nobody_says_that_a_domain_is_verified_but_the_dns(w: World) {
    for field in ["verified", "verified_at", "verification_token", "id", "dns_value"] {
        let a = w.owner().post("/v1/domains", json!({ "domain": "example.com", field: true })).await;
        a.refused(400, "invalid_input");
        assert_eq!(a.field(field), "Unknown field.");
    }
    let d = claim(&w.owner(), "example.com").await;
    w.owner().put(&at(&d), json!({ "verified": true })).await.expect(405);
}

async fn one_tenant_of_the_server_proves_a_domain(w: World) {
    let rival = w.second_tenant("Rival").await;
    let (ours, theirs) = (claim(&w.owner(), "example.com").await, claim(&rival.owner.client, "example.com").await);
    assert_ne!(ours["verification_token"], theirs["verification_token"]);
    publish(&w, &ours);
    // another's record proves nothing
    assert_eq!(verify(&rival.owner.client, &theirs).await.expect(200)["verified"], false);
    assert_eq!(verify(&w.owner(), &ours).await.expect(200)["verified"], true);
    publish(&w, &theirs);
    verify(&rival.owner.client, &theirs).await.refused(409, "already_exists");
    assert_eq!(rival.owner.client.get(&at(&theirs)).await.expect(200)["verified"], false);
    // until it is given up
    w.owner().delete(&at(&ours)).await.expect(204);
    assert_eq!(verify(&rival.owner.client, &theirs).await.expect(200)["verified"], true);
}

async fn two_tenants_that_prove_it_at_once_are_one_that_has(w: World) {
    let rival = w.second_tenant("Rival").await;
    let (ours, theirs) = (claim(&w.owner(), "example.com").await, claim(&rival.owner.client, "example.com").await);
    let values = [ours["dns_value"].as_str().unwrap(), theirs["dns_value"].as_str().unwrap()];
    w.node.names.set("_portcullis.example.com", &values);
    let owner = w.owner();
    let (one, two) = tokio::join!(verify(&owner, &ours), verify(&rival.owner.client, &theirs));
    let mut seen = [one.status, two.status];
    seen.sort_unstable();
    assert_eq!(seen, [200, 409], "{} {}", one.text(), two.text());
}

async fn a_sign_in_without_a_slug_finds_the_tenant_by_its_domain(w: World) {
    let rival = w.second_tenant("Rival").await;
    let body = json!({ "email": "ada@rival.example", "name": "Ada", "password": PASSWORD, "roles": ["user"] });
    rival.owner.client.post("/v1/users", body).await.expect(201);
    let d = claim(&rival.owner.client, "rival.example").await;
    w.login("ada@rival.example").await.refused(401, "invalid_credentials");
    publish(&w, &d);
    verify(&rival.owner.client, &d).await.expect(200);
    let tenant = async |a: Answer| a.expect(200)["tenant_id"].clone();
    assert_eq!(tenant(w.login("Ada@Rival.example").await).await, rival.id);
    // exactly this domain: a subdomain is another one
    w.login("ada@mail.rival.example").await.refused(401, "invalid_credentials");
    // a slug says where, whatever the address
    let body = json!({ "email": "ada@rival.example", "password": PASSWORD, "tenant_slug": "acme" });
    w.anonymous().post("/v1/auth/login", body).await.refused(401, "invalid_credentials");
    // all others are where they were
    assert_eq!(tenant(w.login("owner@example.com").await).await, w.tenant);
    rival.owner.client.delete(&at(&d)).await.expect(204);
    w.login("ada@rival.example").await.refused(401, "invalid_credentials");
}

async fn checks_are_ten_a_minute(w: World) {
    let d = claim(&w.owner(), "example.com").await;
    for _ in 0..10 {
        verify(&w.owner(), &d).await.expect(200);
    }
    verify(&w.owner(), &d).await.refused(429, "rate_limited");
    assert_eq!(w.node.names.asked(), vec!["_portcullis.example.com"; 10]);
    let rival = w.second_tenant("Rival").await;
    let theirs = claim(&rival.owner.client, "example.org").await;
    verify(&rival.owner.client, &theirs).await.expect(200);
    w.clock.pass(61);
    verify(&w.owner(), &d).await.expect(200);
}

async fn a_record_that_is_missing_three_days_running_loses_the_domain(w: World) {
    let d = prove(&w, &w.owner(), "example.com").await;
    let state = async || w.service().get(&at(&d)).await.expect(200)["verified"].clone();
    let day = async || {
        w.clock.pass(86_400 + 1);
        w.node.check_domains().await;
        state().await
    };
    w.node.check_domains().await;
    assert_eq!(w.node.names.asked().len(), 1, "not yet due");
    w.node.names.remove("_portcullis.example.com");
    assert_eq!((day().await, day().await), (json!(true), json!(true)));
    // back in time: the count begins anew
    publish(&w, &d);
    assert_eq!(day().await, true);
    w.node.names.remove("_portcullis.example.com");
    assert_eq!((day().await, day().await), (json!(true), json!(true)));
    // that nobody answers counts neither way
    w.node.names.silence(true);
    assert_eq!((day().await, day().await), (json!(true), json!(true)));
    w.node.names.silence(false);
    // a second look on the same day does not count either, and one by hand puts no look of a day off
    w.node.check_domains().await;
    w.clock.pass(86_000);
    assert_eq!(verify(&w.service(), &d).await.expect(200)["verified"], true);
    w.clock.pass(-86_000);
    assert_eq!(day().await, false);
    let asked = w.node.names.asked().len();
    assert_eq!(day().await, false);
    assert_eq!(w.node.names.asked().len(), asked, "what is lost is looked up by its tenant");
    // its tenant, or another one, may prove it again
    publish(&w, &d);
    assert_eq!(verify(&w.service(), &d).await.expect(200)["verified"], true);
}

async fn a_rule_may_take_domains_away(w: World) {
    let admin = w.person("Admin", &["user", "admin"]).await;
    let d = claim(&admin.client, "example.com").await;
    let only = r#"forbid (principal, action == Action::"domains:delete", resource) when { resource has name && resource.name == "example.com" };"#;
    w.policy("keep it", 5, only).await;
    admin.client.delete(&at(&d)).await.refused(403, "forbidden");
    let other = claim(&admin.client, "example.org").await;
    admin.client.delete(&at(&other)).await.expect(204);
    admin.client.get(&at(&d)).await.expect(200);
}

async fn each_change_of_a_tenants_domain_is_in_the_log(w: World) {
    let d = prove(&w, &w.owner(), "example.com").await;
    verify(&w.owner(), &d).await.expect(200);
    w.owner().delete(&at(&d)).await.expect(204);
    let events = w.events("action=domain.*").await;
    let actions: Vec<&str> = events.iter().rev().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["domain.created", "domain.verified", "domain.deleted"]);
    assert!(events.iter().all(|e| e["resource_id"] == d["id"] && e["metadata"]["domain"] == "example.com"));
}
