//! Whom a provider speaks of, and whom it does not (checklist 1, decision 6).
use serde_json::{Value, json};

use super::{Stage, claims};
use crate::world::tables::count;
use crate::world::*;

both!(
    sec_01_only_a_verified_address_in_a_trusted_domain_makes_or_links_anybody,
    sec_01_who_has_a_way_of_their_own_is_not_linked,
    sec_01_a_person_belongs_to_one_provider,
    sec_01_a_domain_that_was_lost_is_trusted_no_more,
    sec_11_a_provider_gives_the_roles_that_were_set_and_no_others,
    sec_01_a_link_ends_what_somebody_else_may_hold,
    groups_of_the_claim_are_the_providers_own,
    sec_11_a_providers_group_is_taken_for_no_other_by_its_name,
    groups_of_a_provider_that_is_deleted_are_like_any_other,
    sec_19_groups_that_are_wanted_no_more_are_taken_at_once,
    who_is_deleted_is_forgotten_and_who_is_suspended_stays_out,
);

async fn sec_01_only_a_verified_address_in_a_trusted_domain_makes_or_links_anybody(e: Engine) {
    let s = Stage::on(e).await;
    let waiting = json!({ "email": "eve@corp.example", "name": "Eve", "roles": ["user"], "auth_provider": "oidc" });
    let eve = s.w.owner().post("/v1/users", waiting).await.expect(201);
    const UNVERIFIED: &str = "the provider does not say that the e-mail address is verified";
    const DOMAIN: &str = "the provider is not trusted for the domain of the e-mail address";
    for (change, why) in [
        (json!({ "email_verified": false }), UNVERIFIED),
        (json!({ "email_verified": null }), UNVERIFIED),
        (json!({ "email_verified": "yes" }), UNVERIFIED),
        (json!({ "email_verified": 1 }), UNVERIFIED),
        (json!({ "email": "eve@other.example" }), DOMAIN),
        (json!({ "email": "eve@sub.corp.example" }), DOMAIN),
        (json!({ "email": "eve@corp.example.evil.example" }), DOMAIN),
        (json!({ "email": "eve@corp.example@evil.example" }), "the provider names no e-mail address"),
        (json!({ "email": 5 }), "the provider names no e-mail address"),
    ] {
        let mut said = claims(&s.w, "eve");
        for (name, value) in change.as_object().unwrap() {
            said[name] = value.clone();
        }
        s.sign_in(said).await.refused(401, "login_failed");
        assert_eq!(s.why().await, why, "{change}");
    }
    assert_eq!(count(&s.w, "identities").await, 0);
    let me = s.person("eve").await.get("/v1beta1/users/self").await.expect(200);
    assert_eq!(me["user"]["id"], eve["id"]);
    let linked = s.w.owner().get(&format!("/v1/users/{}", eve["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&linked["identity_provider_id"], &linked["email_verified"]), (&json!(s.id), &json!(true)));
    assert_eq!(s.w.events("action=user.linked").await.len(), 1);
    // another subject with the same address is somebody else
    let mut said = claims(&s.w, "eve2");
    said["email"] = json!("eve@corp.example");
    s.sign_in(said).await.refused(401, "login_failed");
    // nobody is made where that is not wanted
    s.set(json!({ "jit_create": false })).await;
    s.sign_in(claims(&s.w, "zoe")).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "nobody here has this address, and the provider makes nobody");
    assert!(s.user("zoe@corp.example").await.is_none());
}

async fn sec_01_who_has_a_way_of_their_own_is_not_linked(e: Engine) {
    let s = Stage::on(e).await;
    let o = s.w.owner();
    let local = json!({ "email": "bob@corp.example", "name": "Bob", "roles": ["admin"], "password": PASSWORD });
    o.post("/v1/users", local).await.expect(201);
    s.sign_in(claims(&s.w, "bob")).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the user signs in with a password here");
    s.w.login("bob@corp.example").await.expect(200);
    let saml = json!({ "email": "sam@corp.example", "name": "Sam", "roles": ["user"], "auth_provider": "saml" });
    o.post("/v1/users", saml).await.expect(201);
    s.sign_in(claims(&s.w, "sam")).await.refused(401, "login_failed");
    // the owner, even one who never set a password: whoever sets providers up could be them
    let rival = json!({ "name": "Rival", "owner_email": "boss@rival.example" });
    o.post("/v1/tenants", rival).await.expect(201);
    let mut said = claims(&s.w, "owner");
    crate::identity_providers::verified_domain(&s.w, "example.com").await;
    s.set(json!({ "domains": ["corp.example", "example.com"] })).await;
    said["email"] = json!("owner@example.com");
    s.sign_in(said).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the owner is not linked by an address");
    // decision 6: who has no factor at all may be, and signs in there only from then on
    let made = o.post("/v1beta1/users", json!({ "email": "ann@corp.example" })).await.expect(200)["user"].clone();
    let ann = o.get(&format!("/v1/users/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(ann["auth_provider"], "local");
    let invited =
        o.post(&format!("/v1/users/{}/resend-invite", ann["id"].as_str().unwrap()), json!({})).await.expect(200);
    let token = invited["invitation_url"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
    s.person("ann").await;
    let ann = o.get(&format!("/v1/users/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&ann["auth_provider"], &ann["identity_provider_id"]), (&json!("oidc"), &json!(s.id)));
    // what she was sent before is worth nothing any more
    s.w.anonymous().post("/v1/auth/verify-email", json!({ "token": token })).await.refused(400, "invalid_token");
}

async fn sec_01_a_person_belongs_to_one_provider(e: Engine) {
    let s = Stage::on(e).await;
    s.person("ada").await;
    let other = super::provider::Provider::start(super::SigningKey::ed()).await;
    let config = other.config(json!({ "domains": ["corp.example"] }));
    let body = json!({ "name": "Other", "provider_type": "oidc", "config": config });
    let id = s.w.owner().post("/v1/identity-providers", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let other = Stage { provider: other, id, w: s.w };
    // the same subject and address at another provider are somebody else
    other.sign_in(claims(&other.w, "ada")).await.refused(401, "login_failed");
    assert_eq!(other.why().await, "the user signs in as somebody else, or at another provider");
    other.person("zoe").await;
    // another issuer is another party: who its subjects are is forgotten, and found by address again
    let s = Stage { id: s.id, provider: s.provider, w: other.w };
    let moved = super::provider::Provider::start(super::SigningKey::ed()).await;
    s.set(json!({ "issuer_url": moved.issuer(), "client_secret": super::provider::SECRET })).await;
    let s = Stage { provider: moved, ..s };
    let told = s.w.events("action=user.unlinked").await;
    assert_eq!((told.len(), &told[0]["metadata"]["cause"]), (1, &json!("provider_changed")), "{told:?}");
    assert_eq!(told[0]["resource_id"], s.user("ada@corp.example").await.unwrap()["id"]);
    let mut said = claims(&s.w, "other-subject");
    said["email"] = json!("ada@corp.example");
    s.sign_in(said).await.expect(200);
    let mut said = claims(&s.w, "ada");
    said["email"] = json!("mallory@corp.example");
    let done = s.sign_in(said).await.expect(200);
    let me = s.w.bearer(done["token"].as_str().unwrap()).get("/v1beta1/users/self").await.expect(200);
    assert_eq!(me["user"]["email"], "mallory@corp.example", "an old subject is nobody at the new issuer");
}

async fn sec_01_a_domain_that_was_lost_is_trusted_no_more(e: Engine) {
    let s = Stage::on(e).await;
    s.person("ada").await;
    let domain = s.w.owner().get("/v1/domains").await.expect(200)["data"][0].clone();
    s.w.node.names.remove(domain["dns_record"].as_str().unwrap());
    for _ in 0..3 {
        s.w.clock.pass(86_401);
        s.w.node.check_domains().await;
    }
    // the owner's session is older than a day by now
    s.w.anonymous().get("/v1/auth/providers?domain=corp.example").await.refused(404, "not_found");
    s.sign_in(claims(&s.w, "zoe")).await.refused(401, "login_failed");
    assert_eq!(count(&s.w, "identities").await, 1);
    s.sign_in(claims(&s.w, "ada")).await.expect(200);
}

async fn sec_11_a_provider_gives_the_roles_that_were_set_and_no_others(e: Engine) {
    let s = Stage::on(e).await;
    let mut said = claims(&s.w, "ada");
    for name in ["roles", "role", "groups", "is_owner", "tenant_id", "state"] {
        said[name] = json!(["admin"]);
    }
    s.sign_in(said).await.expect(200);
    let ada = s.user("ada@corp.example").await.unwrap();
    assert_eq!(
        (&ada["roles"], &ada["effective_roles"], &ada["is_owner"]),
        (&json!(["user"]), &json!(["user"]), &json!(false))
    );
    assert_eq!(s.w.owner().get("/v1/groups").await.expect(200)["data"], json!([]), "groups are not wanted");
}

/// Whoever had the address here before, without having proved it, keeps nothing of what they prepared.
async fn sec_01_a_link_ends_what_somebody_else_may_hold(e: Engine) {
    let s = Stage::on(e).await;
    let made = s.w.owner().post("/v1beta1/users", json!({ "email": "ann@corp.example" })).await.expect(200);
    let ann = made["user"]["id"].as_str().unwrap().to_owned();
    let before = super::sessions::of_somebody(&s.w, &ann).await;
    let (_, key) = s.w.api_key(&before, json!({ "name": "k" })).await;
    let organization = crate::world::access::organization(&before, "prepared").await;
    let scopes = crate::world::token::viewer();
    let (_, raw) = crate::world::token::token(&s.w, &before, &organization, scopes).await;
    let token = s.w.bearer(&raw);
    let me = "/v1beta1/users/self";
    for by in [&before, &key, &token] {
        by.get(me).await.expect(200);
    }
    let after = s.person("ann").await;
    assert_eq!(after.get(me).await.expect(200)["user"]["id"], json!(ann));
    for by in [&before, &key, &token] {
        by.get(me).await.expect(401);
    }
    for action in ["session.revoked", "api_key.revoked", "pat.revoked"] {
        let event = s.w.events(&format!("action={action}")).await.remove(0);
        assert_eq!(event["metadata"]["cause"], "linked", "{action}");
    }
}

async fn sec_19_groups_that_are_wanted_no_more_are_taken_at_once(e: Engine) {
    let s = Stage::with(e, super::SigningKey::ed(), json!({ "group_sync": true })).await;
    let o = s.w.owner();
    let sign_in = async |sub: &str| {
        let mut said = claims(&s.w, sub);
        said["groups"] = json!(["Engineering"]);
        s.sign_in(said).await.expect(200);
    };
    sign_in("ada").await;
    sign_in("bob").await;
    let group = o.get("/v1/groups?source=oidc").await.expect(200)["data"][0].clone();
    let at = format!("/v1/groups/{}", group["id"].as_str().unwrap());
    o.post(&format!("{at}/roles"), json!({ "role": "approver" })).await.expect(201);
    let roles = async |sub: &str| s.user(&format!("{sub}@corp.example")).await.unwrap()["effective_roles"].clone();
    let members = async || o.get(&at).await.expect(200)["member_count"].clone();
    assert_eq!((roles("ada").await, members().await), (json!(["user", "approver"]), json!(2)));
    s.set(json!({ "group_sync": false })).await;
    assert_eq!((roles("ada").await, roles("bob").await, members().await), (json!(["user"]), json!(["user"]), json!(0)));
    assert_eq!(s.w.events("action=group.member_removed").await.len(), 2);
    sign_in("ada").await;
    assert_eq!(members().await, json!(0));
    s.set(json!({ "group_sync": true })).await;
    sign_in("ada").await;
    assert_eq!((roles("ada").await, members().await), (json!(["user", "approver"]), json!(1)));
}

async fn groups_of_a_provider_that_is_deleted_are_like_any_other(e: Engine) {
    let s = Stage::with(e, super::SigningKey::ed(), json!({ "group_sync": true })).await;
    let o = s.w.owner();
    let mut said = claims(&s.w, "ada");
    said["groups"] = json!(["Engineering"]);
    s.sign_in(said).await.expect(200);
    let group = o.get("/v1/groups?source=oidc").await.expect(200)["data"][0].clone();
    let at = format!("/v1/groups/{}", group["id"].as_str().unwrap());
    o.put(&at, json!({ "name": "Makers" })).await.refused(409, "managed_externally");
    let ada = s.user("ada@corp.example").await.unwrap();
    o.delete(&format!("/v1/users/{}", ada["id"].as_str().unwrap())).await.expect(204);
    o.delete(&s.path()).await.expect(204);
    let left = o.put(&at, json!({ "name": "Makers" })).await.expect(200);
    assert_eq!((&left["source"], &left["identity_provider_id"]), (&json!("local"), &json!(null)));
    o.delete(&at).await.expect(204);
}

async fn groups_of_the_claim_are_the_providers_own(e: Engine) {
    let s = Stage::with(e, super::SigningKey::ed(), json!({ "group_sync": true, "groups_claim": "teams" })).await;
    let o = s.w.owner();
    let local = o.post("/v1/groups", json!({ "name": "Admins" })).await.expect(201);
    o.post(&format!("/v1/groups/{}/roles", local["id"].as_str().unwrap()), json!({ "role": "admin" }))
        .await
        .expect(201);
    let sign_in = async |teams: Value| {
        let mut said = claims(&s.w, "ada");
        said["teams"] = teams;
        s.sign_in(said).await.expect(200);
        let ada = s.user("ada@corp.example").await.unwrap();
        let all = o.get("/v1/groups?source=oidc").await.expect(200)["data"].clone();
        let mut within = vec![];
        for g in all.as_array().unwrap() {
            let members = o.get(&format!("/v1/groups/{}/members", g["id"].as_str().unwrap())).await.expect(200);
            if members["data"].as_array().unwrap().iter().any(|m| m["id"] == ada["id"]) {
                assert_eq!(members["data"][0]["membership_source"], "oidc");
                within.push(g["name"].as_str().unwrap().to_owned());
            }
        }
        within.sort_unstable();
        (within, ada)
    };
    let (within, ada) = sign_in(json!(["Admins", "Engineering", "Engineering", "", 5])).await;
    assert_eq!(within, ["Admins (Work)", "Engineering"]);
    assert_eq!(ada["effective_roles"], json!(["user"]), "a name opens no group that was made here");
    // a role that somebody gave to the provider's own group comes with it, and goes with it
    let all = o.get("/v1/groups?source=oidc").await.expect(200)["data"].clone();
    let engineering = all.as_array().unwrap().iter().find(|g| g["name"] == "Engineering").unwrap().clone();
    assert_eq!(
        (&engineering["identity_provider_id"], &engineering["external_id"]),
        (&json!(s.id), &json!("Engineering"))
    );
    let at = format!("/v1/groups/{}", engineering["id"].as_str().unwrap());
    o.post(&format!("{at}/roles"), json!({ "role": "approver" })).await.expect(201);
    let (_, ada) = sign_in(json!(["Engineering"])).await;
    assert_eq!(ada["effective_roles"], json!(["user", "approver"]));
    let (within, ada) = sign_in(json!("Sales")).await;
    assert_eq!((within, &ada["effective_roles"]), (vec!["Sales".to_owned()], &json!(["user"])));
    let (within, _) = sign_in(Value::Null).await;
    assert!(within.is_empty());
    // its members are the provider's business; its end is ours
    let member = json!({ "user_id": ada["id"] });
    o.post(&format!("{at}/members"), member).await.refused(409, "managed_externally");
    o.put(&at, json!({ "name": "Mine" })).await.refused(409, "managed_externally");
    o.delete(&at).await.expect(204);
}

async fn sec_11_a_providers_group_is_taken_for_no_other_by_its_name(e: Engine) {
    let s = Stage::with(e, super::SigningKey::ed(), json!({ "group_sync": true, "groups_claim": "teams" })).await;
    let o = s.w.owner();
    let mut said = claims(&s.w, "ada");
    said["teams"] = json!(["Admins"]);
    s.sign_in(said).await.expect(200);
    let theirs = o.get("/v1/groups?source=oidc").await.expect(200)["data"][0].clone();
    let (id, slug) = (theirs["id"].as_str().unwrap(), "admins");
    // no file keeps it, whatever it is asked to take over, nor binds anything to it or on it
    let group = format!("version: 1\ngroups:\n  - {{ name: {slug}, title: Ours }}\n");
    let to = format!(
        "version: 1\nbindings:\n  - {{ role: app_group_member, on: group:{slug}, to: user:ada@corp.example }}\n"
    );
    let on = format!(
        "version: 1\norganizations:\n  - {{ name: acme-corp, title: Acme }}\nbindings:\n  - {{ role: app_organization_owner, on: organization:acme-corp, to: group:{slug} }}\n"
    );
    let app = &s.w.node.app;
    let cx = app.system(s.w.tenant.parse().unwrap()).await.unwrap();
    for file in [&group, &to, &on] {
        let wanted = portcullis::access_file::parse(file).unwrap();
        for adopt in [false, true] {
            let options = portcullis_service::apply::ApplyOptions { adopt, dry_run: false };
            let e = app.apply_access(&cx, &wanted, options).await.unwrap_err();
            assert!(e.message().contains(&format!("group {slug} is an identity provider's")), "{e}");
        }
    }
    let exported = app.export_access(&cx).await.unwrap();
    assert!(exported.groups.is_empty() && exported.bindings.iter().all(|b| !b.on.contains(slug)), "{exported:?}");
    // nor does a rule mean it by its name, or by its slug; it says so, and the id is the way
    let policy = s.w.policy("p", 100, "").await;
    let rule = async |name: &str| {
        let text = format!("permit (principal in Group::\"{name}\", action == Action::\"users:read\", resource);");
        o.post(&format!("/v1/policies/{policy}/rules"), json!({ "policy_text": text })).await
    };
    for name in ["Admins", slug] {
        let e = rule(name).await.refused(422, "policy_invalid");
        assert!(e.to_string().contains("of an identity provider's group, the id"), "{e}");
    }
    rule(id).await.expect(201);
}

async fn who_is_deleted_is_forgotten_and_who_is_suspended_stays_out(e: Engine) {
    let s = Stage::on(e).await;
    let client = s.person("ada").await;
    let ada = s.user("ada@corp.example").await.unwrap();
    let at = format!("/v1/users/{}", ada["id"].as_str().unwrap());
    let o = s.w.owner();
    o.post(&format!("{at}/suspend"), json!({ "active": false })).await.expect(200);
    client.get("/v1/users/me/profile").await.refused(401, "unauthenticated");
    s.sign_in(claims(&s.w, "ada")).await.refused(401, "login_failed");
    assert_eq!(s.why().await, "the user may not sign in");
    o.post(&format!("{at}/suspend"), json!({ "active": true })).await.expect(200);
    s.person("ada").await;
    o.delete(&s.path()).await.refused(409, "in_use");
    o.delete(&at).await.expect(204);
    assert_eq!(count(&s.w, "identities").await, 0);
    // who comes again is somebody new
    s.person("ada").await;
    let again = s.user("ada@corp.example").await.unwrap();
    assert_ne!(again["id"], ada["id"]);
    o.delete(&format!("/v1/users/{}", again["id"].as_str().unwrap())).await.expect(204);
    o.delete(&s.path()).await.expect(204);
}
