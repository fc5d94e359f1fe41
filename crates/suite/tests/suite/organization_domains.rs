//! E-mail domains of organizations, and joining through one (spec v1beta1 2.3.7, 3.12).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::tables::rows;
use crate::world::*;

both!(
    who_may_do_what_with_a_domain,
    a_record_proves_a_domain,
    a_domain_has_one_form_and_is_one_that_somebody_owns,
    a_name_is_unique_in_its_organization_only,
    sec_10_lookups_are_of_the_name_alone_and_few,
    sec_01_only_a_proved_address_of_exactly_the_domain_joins,
    joining_makes_the_least_kind_of_member_and_again_changes_nothing,
    sec_15_an_organization_that_is_not_there_cannot_be_told_from_another,
    sec_19_a_disabled_organization_takes_nobody_in_by_domain,
    organizations_that_one_may_join_are_listed,
    a_domain_of_another_tenant_is_not_there,
    a_claim_that_nobody_proves_is_forgotten,
    each_change_of_a_domain_is_in_the_log,
);

struct Place {
    owner: Person,
    organization: String,
}
async fn place(w: &World) -> Place {
    let owner = w.person("Olga", &["user"]).await;
    let organization = organization(&owner.client, "acme-corp").await;
    Place { owner, organization }
}
impl Place {
    fn all(&self) -> String {
        format!("/v1beta1/organizations/{}/domains", self.organization)
    }
    fn at(&self, domain: &str) -> String {
        format!("{}/{domain}", self.all())
    }
    async fn claim(&self, name: &str) -> Value {
        self.owner.client.post(&self.all(), json!({ "domain": name })).await.expect(200)["domain"].clone()
    }
    async fn verify(&self, by: &Client, domain: &str) -> Answer {
        by.post(&format!("{}/verify", self.at(domain)), json!({})).await
    }
    /// A domain that is proved.
    async fn prove(&self, w: &World, name: &str) -> String {
        let domain = self.claim(name).await;
        w.node.names.set(domain["name"].as_str().unwrap(), &[domain["token"].as_str().unwrap()]);
        assert_eq!(self.verify(&self.owner.client, &id(&domain)).await.expect(200)["state"], "verified");
        id(&domain)
    }
    async fn join(&self, by: &Client) -> Answer {
        by.post(&format!("/v1beta1/organizations/{}/join", self.organization), json!({})).await
    }
    async fn member_roles(&self, user: &str) -> Vec<String> {
        let path = format!("/v1beta1/organizations/{}/users", self.organization);
        let list = self.owner.client.get(&path).await.expect(200);
        let pairs = list["role_pairs"].as_array().unwrap().clone();
        pairs.iter().find(|p| p["user_id"] == user).map(|p| sorted(&p["roles"], "name")).unwrap_or_default()
    }
}

const MISMATCH: &str = "user and org's whitelisted domains doesn't match";

async fn who_may_do_what_with_a_domain(w: World) {
    let p = place(&w).await;
    let (viewer, stranger) = (w.person("Vic", &["user"]).await, w.person("Sam", &["user"]).await);
    join(&w, &p.organization, &viewer.id, ORGANIZATION_VIEWER).await;
    let rival = w.second_tenant("Rival").await;
    let (_, narrow) = w.api_key(&w.owner(), json!({ "name": "n", "scopes": ["users:*"] })).await;
    let d = p.claim("example.com").await;
    w.node.names.set("example.com", &["something else"]);
    for (who, by, read, change) in [
        ("nobody", w.anonymous(), 401, 401),
        ("stranger", stranger.client.clone(), 403, 403),
        ("another tenant's admin", rival.owner.client.clone(), 404, 404),
        ("a narrow key", narrow, 403, 403),
        ("a viewer", viewer.client.clone(), 200, 403),
        ("the owner", p.owner.client.clone(), 200, 200),
        ("superuser", w.owner(), 200, 200),
        ("service key", w.service(), 200, 200),
    ] {
        assert_eq!(by.get(&p.all()).await.status, read, "{who} lists");
        assert_eq!(by.get(&p.at(&id(&d))).await.status, read, "{who} reads");
        let a = by.post(&p.all(), json!({ "domain": format!("{}.example", unique()) })).await;
        assert_eq!(a.status, change, "{who} claims: {}", a.text());
        let missed = if change == 200 { 404 } else { change };
        assert_eq!(p.verify(&by, &id(&d)).await.status, missed, "{who} verifies");
        let mine = p.claim(&format!("{}.example", unique())).await;
        assert_eq!(by.delete(&p.at(&id(&mine))).await.status, change, "{who} deletes");
        if read == 403 {
            let (there, not) = (by.get(&p.at(&id(&d))).await, by.get(&p.at(NOBODY)).await);
            assert_eq!((there.status, there.json()), (not.status, not.json()), "{who}");
        }
    }
    for a in [
        p.owner.client.get(&p.at(NOBODY)).await,
        p.owner.client.delete(&p.at("nonsense")).await,
        p.verify(&p.owner.client, NOBODY).await,
    ] {
        assert!(a.expect(404)["message"].as_str().unwrap().starts_with("domain whitelist request doesn't exist"));
    }
    // a domain of another organization is not there
    organization(&p.owner.client, "other").await;
    let elsewhere = format!("/v1beta1/organizations/other/domains/{}", id(&d));
    p.owner.client.get(&elsewhere).await.expect(404);
    p.owner.client.delete(&elsewhere).await.expect(404);
    p.owner.client.post(&format!("{elsewhere}/verify"), json!({})).await.expect(404);
}

async fn a_record_proves_a_domain(w: World) {
    let p = place(&w).await;
    let by = &p.owner.client;
    let d = p.claim("example.com").await;
    let token = d["token"].as_str().unwrap();
    assert_eq!(
        (&d["name"], &d["state"], &d["org_id"]),
        (&json!("example.com"), &json!("pending"), &json!(p.organization))
    );
    assert_eq!(token.strip_prefix("_frontier-domain-verification=").unwrap().len(), 56, "40 bytes in base64");
    let refused = async |status: u16| p.verify(by, &id(&d)).await.expect(status)["message"].clone();
    assert_eq!(refused(404).await, "invalid domain, no such host found");
    w.node.names.set("example.com", &["v=spf1 -all", &token[1..], "_frontier-domain-verification="]);
    assert_eq!(refused(404).await, "required TXT record not found for domain verification");
    w.node.names.silence(true);
    refused(503).await;
    w.node.names.silence(false);
    w.node.names.set("example.com", &["v=spf1 -all", token]);
    assert_eq!(p.verify(by, &id(&d)).await.expect(200), json!({ "state": "verified" }));
    let now = by.get(&p.at(&id(&d))).await.expect(200)["domain"].clone();
    assert_eq!((&now["state"], &now["token"]), (&json!("verified"), &d["token"]));
    // what is proved stays so, and nobody is asked again
    let asked = w.node.names.asked().len();
    w.node.names.remove("example.com");
    assert_eq!(p.verify(by, &id(&d)).await.expect(200), json!({ "state": "verified" }));
    assert_eq!(w.node.names.asked().len(), asked);
    p.claim("example.org").await;
    let names = async |query: &str| all(&by.get(&format!("{}{query}", p.all())).await.expect(200)["domains"], "name");
    assert_eq!(names("").await, ["example.com", "example.org"]);
    assert_eq!(names("?state=pending").await, ["example.org"]);
    assert_eq!(names("?state=verified").await, ["example.com"]);
    by.get(&format!("{}?state=lost", p.all())).await.expect(400);
    let body = json!({ "org_id": "acme-corp", "id": d["id"] });
    assert_eq!(connect(by, "VerifyOrganizationDomain", body.clone()).await.expect(200), json!({ "state": "verified" }));
    assert_eq!(connect(by, "DeleteOrganizationDomain", body.clone()).await.expect(200), json!({}));
    assert_eq!(code(&connect(by, "GetOrganizationDomain", body).await), "not_found");
}

async fn a_domain_has_one_form_and_is_one_that_somebody_owns(w: World) {
    let p = place(&w).await;
    assert_eq!(p.claim(" BÜCHER.Example. ").await["name"], "xn--bcher-kva.example");
    for bad in
        ["co.uk", "com", "localhost", "127.0.0.1", "a b.com", "*.example.com", "ada@example.com", "https://a.com"]
    {
        let a = p.owner.client.post(&p.all(), json!({ "domain": bad })).await;
        assert!(a.expect(400)["message"].as_str().unwrap().starts_with("invalid syntax in body: domain:"), "{bad}");
    }
    p.owner.client.post(&p.all(), json!({})).await.expect(400);
    // who writes the address in its other form is in the same domain
    p.owner.client.delete(&p.at(&id(&p.owner.client.get(&p.all()).await.expect(200)["domains"][0]))).await.expect(200);
    p.prove(&w, "bücher.example").await;
    let ada = verified(&w, "ada@BÜCHER.example").await;
    p.join(&ada.client).await.expect(200);
}

async fn a_name_is_unique_in_its_organization_only(w: World) {
    let p = place(&w).await;
    p.prove(&w, "example.com").await;
    let e = p.owner.client.post(&p.all(), json!({ "domain": "EXAMPLE.com" })).await.expect(409);
    assert_eq!((&e["code"], &e["message"]), (&json!(6), &json!("domain name already exists for that organization")));
    // two organizations may prove the same one
    let other = Place { organization: organization(&p.owner.client, "other").await, owner: p.owner.clone() };
    other.prove(&w, "example.com").await;
    for n in 0..99 {
        p.claim(&format!("d{n}.example")).await;
    }
    let a = connect(
        &p.owner.client,
        "CreateOrganizationDomain",
        json!({ "org_id": p.organization, "domain": "e.example" }),
    );
    assert_eq!(code(&a.await), "failed_precondition");
}

async fn sec_10_lookups_are_of_the_name_alone_and_few(w: World) {
    let p = place(&w).await;
    let d = p.claim("example.com").await;
    for _ in 0..10 {
        p.verify(&p.owner.client, &id(&d)).await.expect(404);
    }
    // ten a minute for an organization, whoever asks; the others of its tenant are not kept from theirs
    p.verify(&p.owner.client, &id(&d)).await.expect(429);
    p.verify(&w.owner(), &id(&d)).await.expect(429);
    assert_eq!(w.node.names.asked(), vec!["example.com"; 10]);
    let other = organization(&w.owner(), "other-corp").await;
    let path = format!("/v1beta1/organizations/{other}/domains");
    let theirs = w.owner().post(&path, json!({ "domain": "example.org" })).await.expect(200)["domain"].clone();
    w.owner().post(&format!("{path}/{}/verify", id(&theirs)), json!({})).await.expect(404);
    // who may not ask learns nothing of it, and uses nothing up
    let stranger = w.person("Sam", &["user"]).await;
    w.clock.pass(61);
    for _ in 0..12 {
        p.verify(&stranger.client, &id(&d)).await.expect(403);
    }
    p.verify(&p.owner.client, &id(&d)).await.expect(404);
}

async fn sec_01_only_a_proved_address_of_exactly_the_domain_joins(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    let refused = async |by: &Client| p.join(by).await.expect(400)["message"].clone();
    assert_eq!(refused(&ada.client).await, MISMATCH, "no domain");
    let d = p.claim("example.com").await;
    assert_eq!(refused(&ada.client).await, MISMATCH, "a claim is no proof");
    w.node.names.set("example.com", &[d["token"].as_str().unwrap()]);
    p.verify(&p.owner.client, &id(&d)).await.expect(200);
    // decision 7
    let unproved = w.person("Eve", &["user"]).await;
    assert_eq!(refused(&unproved.client).await, MISMATCH);
    for other in ["ada@mail.example.com", "ada@example.com.evil.example", "ada@notexample.com"] {
        let someone = verified(&w, other).await;
        assert_eq!(refused(&someone.client).await, MISMATCH, "{other}");
    }
    // machines are nobody, and an administrator has an address like all others
    assert_eq!(p.join(&w.service()).await.status, 403);
    let (_, narrow) = w.api_key(&ada.client, json!({ "name": "n", "scopes": ["users:read"] })).await;
    assert_eq!(p.join(&narrow).await.status, 403);
    assert_eq!(p.join(&w.anonymous()).await.status, 401);
    assert!(p.member_roles(&unproved.id).await.is_empty() && p.member_roles(&ada.id).await.is_empty());
    p.join(&ada.client).await.expect(200);
    // a domain that was given up lets nobody in
    p.owner.client.delete(&p.at(&id(&d))).await.expect(200);
    let late = verified(&w, "late@example.com").await;
    assert_eq!(refused(&late.client).await, MISMATCH);
    assert_eq!(p.member_roles(&ada.id).await, ["app_organization_viewer"], "who is in stays");
}

async fn joining_makes_the_least_kind_of_member_and_again_changes_nothing(w: World) {
    let p = place(&w).await;
    p.prove(&w, "example.com").await;
    let ada = verified(&w, "ada@example.com").await;
    let joined = connect(&ada.client, "JoinOrganization", json!({ "org_id": "acme-corp" })).await;
    assert_eq!(joined.expect(200), json!({}));
    assert_eq!(p.member_roles(&ada.id).await, ["app_organization_viewer"]);
    ada.client.get(&format!("/v1beta1/organizations/{}", p.organization)).await.expect(200);
    let body = json!({ "org_id": p.organization, "user_id": ada.id, "role_id": ORGANIZATION_MANAGER });
    connect(&p.owner.client, "SetOrganizationMemberRole", body).await.expect(200);
    p.join(&ada.client).await.expect(200);
    assert_eq!(p.member_roles(&ada.id).await, ["app_organization_manager"]);
    let events = w.events("action=organization.member_added").await;
    assert_eq!((events.len(), &events[0]["metadata"]["user_id"]), (1, &json!(ada.id)));
}

async fn sec_15_an_organization_that_is_not_there_cannot_be_told_from_another(w: World) {
    let p = place(&w).await;
    let ada = verified(&w, "ada@example.com").await;
    let there = p.join(&ada.client).await;
    for which in [NOBODY, "no-such-name"] {
        let not = ada.client.post(&format!("/v1beta1/organizations/{which}/join"), json!({})).await;
        assert_eq!((there.status, there.json()), (not.status, not.json()));
    }
    w.owner().post(&format!("/v1beta1/organizations/{}/disable", p.organization), json!({})).await.expect(200);
    let off = p.join(&ada.client).await;
    assert_eq!((there.status, there.json()), (off.status, off.json()));
}

async fn sec_19_a_disabled_organization_takes_nobody_in_by_domain(w: World) {
    let p = place(&w).await;
    p.prove(&w, "example.com").await;
    let ada = verified(&w, "ada@example.com").await;
    w.owner().post(&format!("/v1beta1/organizations/{}/disable", p.organization), json!({})).await.expect(200);
    let text_of = "org is disabled. Please contact your administrator to enable it";
    assert_eq!(p.join(&ada.client).await.expect(400)["message"], text_of);
    let mine = ada.client.get("/v1beta1/users/self/organizations").await.expect(200);
    assert_eq!(mine["joinable_via_domain"], json!([]));
    assert_eq!(p.owner.client.post(&p.all(), json!({ "domain": "a.example" })).await.expect(400)["message"], text_of);
}

async fn organizations_that_one_may_join_are_listed(w: World) {
    let p = place(&w).await;
    let body = json!({ "name": "acme-corp", "title": "Acme", "metadata": { "note": "a secret of theirs" } });
    p.owner.client.put(&format!("/v1beta1/organizations/{}", p.organization), body).await.expect(200);
    p.prove(&w, "example.com").await;
    let other = Place { organization: organization(&p.owner.client, "other").await, owner: p.owner.clone() };
    other.claim("example.com").await;
    let (ada, eve) = (verified(&w, "ada@example.com").await, w.person("Eve", &["user"]).await);
    let mine = async |by: &Client| by.get("/v1beta1/users/self/organizations").await.expect(200);
    let seen = mine(&ada.client).await;
    assert_eq!(
        (&seen["organizations"], all(&seen["joinable_via_domain"], "name")),
        (&json!([]), vec!["acme-corp".into()])
    );
    assert_eq!(
        (&seen["joinable_via_domain"][0]["title"], &seen["joinable_via_domain"][0]["metadata"]),
        (&json!("Acme"), &json!({}))
    );
    assert_eq!(mine(&eve.client).await["joinable_via_domain"], json!([]), "decision 7");
    assert_eq!(mine(&w.service()).await["joinable_via_domain"], json!([]));
    for (who, names) in [(&ada.id, vec!["acme-corp".to_owned()]), (&eve.id, vec![])] {
        let seen = w.owner().get(&format!("/v1beta1/users/{who}/organizations")).await.expect(200);
        assert_eq!(all(&seen["joinable_via_domain"], "name"), names);
    }
    // those that one did join too
    p.join(&ada.client).await.expect(200);
    let seen = mine(&ada.client).await;
    assert_eq!(
        (all(&seen["organizations"], "name"), all(&seen["joinable_via_domain"], "name")),
        (vec!["acme-corp".into()], vec!["acme-corp".into()])
    );
}

async fn a_domain_of_another_tenant_is_not_there(w: World) {
    let p = place(&w).await;
    let d = p.prove(&w, "rival.example").await;
    let rival = w.second_tenant("Rival").await;
    let by = &rival.owner.client;
    for a in [by.get(&p.at(&d)).await, by.delete(&p.at(&d)).await, p.verify(by, &d).await, p.join(by).await] {
        assert_eq!(a.status, 404, "{}", a.text());
    }
    let theirs = organization(by, "theirs").await;
    by.get(&format!("/v1beta1/organizations/{theirs}/domains/{d}")).await.expect(404);
    assert_eq!(by.get("/v1beta1/users/self/organizations").await.expect(200)["joinable_via_domain"], json!([]));
}

async fn a_claim_that_nobody_proves_is_forgotten(w: World) {
    let p = place(&w).await;
    p.prove(&w, "example.com").await;
    p.claim("example.org").await;
    w.clock.pass(7 * 86_400 - 60);
    w.node.retain().await;
    assert_eq!(rows(&w, "organization_domains").await.len(), 2);
    w.clock.pass(120);
    w.node.retain().await;
    let left = w.service().get(&p.all()).await.expect(200);
    assert_eq!(all(&left["domains"], "name"), ["example.com"]);
}

async fn each_change_of_a_domain_is_in_the_log(w: World) {
    let p = place(&w).await;
    let d = p.prove(&w, "example.com").await;
    p.verify(&p.owner.client, &d).await.expect(200);
    p.owner.client.delete(&p.at(&d)).await.expect(200);
    let events = w.events(&format!("resource_id={}", p.organization)).await;
    let actions: Vec<&str> = events.iter().rev().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "organization.created",
            "organization.domain_created",
            "organization.domain_verified",
            "organization.domain_deleted"
        ]
    );
    assert!(events[..3].iter().all(|e| e["metadata"]["domain"] == "example.com" && e["metadata"]["domain_id"] == d));
}
