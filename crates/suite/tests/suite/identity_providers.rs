//! `/v1/identity-providers` and `/v1/oidc-config` (spec v1 3.2, 4.6): what is kept of those who vouch for people.
use serde_json::{Value, json};

use crate::world::tables::{Contents, count};
use crate::world::*;

both!(
    who_may_do_what_with_identity_providers,
    a_provider_is_made_read_changed_and_deleted,
    settings_are_those_of_the_type,
    sec_18_a_client_secret_is_shown_to_nobody_and_kept_sealed,
    sec_18_a_client_secret_goes_to_no_other_issuer,
    sec_01_a_provider_is_trusted_only_for_verified_domains,
    sec_10_a_provider_at_a_private_address_is_refused,
    sec_11_whoever_names_who_vouches_may_give_every_role,
    the_old_view_is_the_default_provider,
    there_is_one_default_provider,
    a_tenant_has_at_most_fifty,
    providers_are_listed_and_filtered,
    every_change_is_told,
);

const ALL: &str = "/v1/identity-providers";

fn oidc(name: &str) -> Value {
    json!({ "name": name, "provider_type": "oidc", "config": { "issuer_url": "https://id.example.net", "client_id": "portcullis" } })
}
fn with(name: &str, config: Value) -> Value {
    let mut body = oidc(name);
    for (member, value) in config.as_object().unwrap() {
        body["config"][member] = value.clone();
    }
    body
}
async fn make(by: &Client, body: Value) -> Value {
    by.post(ALL, body).await.expect(201)
}
fn at(p: &Value) -> String {
    format!("{ALL}/{}", p["id"].as_str().unwrap())
}
pub async fn verified_domain(w: &World, name: &str) -> Value {
    let d = w.owner().post("/v1/domains", json!({ "domain": name })).await.expect(201);
    w.node.names.set(d["dns_record"].as_str().unwrap(), &[d["dns_value"].as_str().unwrap()]);
    w.owner().post(&format!("/v1/domains/{}/verify", d["id"].as_str().unwrap()), json!({})).await.expect(200);
    d
}

async fn who_may_do_what_with_identity_providers(w: World) {
    let p = make(&w.owner(), oidc("Work")).await;
    let admin = w.person("Ann", &["admin"]).await.client;
    let (_, reader) = w
        .api_key(&w.owner(), json!({ "name": "r", "scopes": ["identity_providers:list", "identity_providers:read"] }))
        .await;
    let rival = w.second_tenant("Rival").await;
    for (who, by, read, list, write) in [
        ("nobody", w.anonymous().with("x-tenant-id", &*w.tenant), 401, 401, 401),
        ("a person", w.person("Bob", &["user"]).await.client, 403, 403, 403),
        ("an approver", w.person("Eve", &["approver"]).await.client, 403, 403, 403),
        ("a key that reads", reader, 200, 200, 403),
        ("an admin", admin, 200, 200, 200),
        ("a service key", w.service(), 200, 200, 200),
        ("another tenant's owner", rival.owner.client.clone(), 404, 200, 404),
    ] {
        assert_eq!(by.get(&at(&p)).await.status, read, "{who} reads");
        assert_eq!(by.get(ALL).await.status, list, "{who} lists");
        assert_eq!(by.put(&at(&p), json!({ "enabled": true })).await.status, write, "{who} changes");
        if write != 200 {
            assert_eq!(by.delete(&at(&p)).await.status, write, "{who} deletes");
        }
        if write == 403 || write == 401 {
            assert_eq!(by.post(ALL, oidc(&unique())).await.status, write, "{who} makes");
            let old = json!({ "issuer_url": "https://x.example.net", "client_id": "c", "client_secret": "s" });
            assert_eq!(by.put("/v1/oidc-config", old).await.status, write, "{who} makes the default");
        }
    }
    assert_eq!(rival.owner.client.get(ALL).await.expect(200)["data"], json!([]));
    for path in [format!("{ALL}/{NOBODY}"), format!("{ALL}/nonsense")] {
        w.owner().get(&path).await.refused(404, "not_found");
        w.owner().put(&path, json!({ "name": "x" })).await.refused(404, "not_found");
        w.owner().delete(&path).await.refused(404, "not_found");
    }
}

async fn a_provider_is_made_read_changed_and_deleted(w: World) {
    let o = w.owner();
    let a = o.post(ALL, oidc("Work")).await;
    let (location, tag) = (a.header("location").unwrap().to_owned(), a.header("etag").unwrap().to_owned());
    let p = a.expect(201);
    assert_eq!((location, tag), (at(&p), "\"1\"".into()));
    assert_eq!(
        (&p["provider_type"], &p["enabled"], &p["sync_status"]),
        (&json!("oidc"), &json!(true), &json!("pending"))
    );
    assert_eq!(
        p["config"],
        json!({
            "issuer_url": "https://id.example.net", "client_id": "portcullis", "client_secret": null, "scopes": ["openid", "profile", "email"],
            "groups_claim": "groups", "is_default": false, "jit_create": true, "group_sync": false, "domains": [], "default_roles": ["user"],
        })
    );
    assert_eq!(o.get(&at(&p)).await.expect(200), p);
    o.post(ALL, oidc("  WORK ")).await.refused(409, "already_exists");
    let again = o.put(&at(&p), json!({ "name": "Work", "enabled": true })).await;
    assert_eq!(again.header("etag"), Some("\"1\""), "nothing changed");
    let changed = o.with("if-match", "\"1\"").put(&at(&p), json!({ "name": "Office", "enabled": false })).await;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let changed = changed.expect(200);
    assert_eq!(
        (&changed["name"], &changed["enabled"], &changed["config"]),
        (&json!("Office"), &json!(false), &p["config"])
    );
    o.with("if-match", "\"1\"").put(&at(&p), json!({ "name": "x" })).await.refused(412, "precondition_failed");
    o.with("if-match", "\"1\"").delete(&at(&p)).await.refused(412, "precondition_failed");
    // a config that is sent replaces the old one
    let config = json!({ "issuer_url": "https://id.example.net", "client_id": "c2", "jit_create": false });
    let replaced = o.put(&at(&p), json!({ "config": config })).await.expect(200);
    assert_eq!((&replaced["config"]["client_id"], &replaced["config"]["jit_create"]), (&json!("c2"), &json!(false)));
    make(&o, oidc("Second")).await;
    o.put(&at(&p), json!({ "name": "second" })).await.refused(409, "already_exists");
    for bad in [
        json!({ "provider_type": "saml" }),
        json!({ "config": null }),
        json!({ "name": "" }),
        json!({ "sync_status": "failed" }),
    ] {
        o.put(&at(&p), bad).await.refused(400, "invalid_input");
    }
    o.delete(&at(&p)).await.expect(204);
    o.delete(&at(&p)).await.refused(404, "not_found");
}

async fn settings_are_those_of_the_type(w: World) {
    let o = w.owner();
    for (kind, config) in [
        ("saml", json!({ "metadata_url": "https://id.example.net/metadata" })),
        ("scim", json!({ "on_delete": "suspend" })),
        ("aws_identity_center", json!({ "identity_store_id": "d-1234567890", "region": "eu-central-1" })),
    ] {
        let p = make(&o, json!({ "name": kind, "provider_type": kind, "config": config })).await;
        for (member, value) in config.as_object().unwrap() {
            assert_eq!(&p["config"][member], value, "{kind}");
        }
        let e = o.put(&at(&p), json!({ "config": { "client_id": "c" } })).await.refused(400, "invalid_input");
        assert!(e.to_string().contains("config.client_id"), "{kind}: {e}");
    }
    let e = o.post(ALL, with("x", json!({ "scopes": ["email"], "surprise": 1 }))).await.refused(400, "invalid_input");
    let fields: Vec<&str> =
        e["details"]["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["config.scopes", "config.surprise"]);
    // nobody vouches for everybody
    o.post(ALL, with("x", json!({ "domains": ["*"] }))).await.refused(400, "invalid_input");
}

async fn sec_18_a_client_secret_is_shown_to_nobody_and_kept_sealed(w: World) {
    let o = w.owner();
    const SECRET: &str = "hush-4711-hush-4711";
    let a = o.with("idempotency-key", "k").post(ALL, with("Work", json!({ "client_secret": SECRET }))).await;
    assert!(!a.text().contains(SECRET));
    let p = a.expect(201);
    assert_eq!(p["config"]["client_secret"], "********");
    // the literal keeps it, and is none
    let mut config = p["config"].clone();
    config["client_id"] = json!("c2");
    let kept = o.put(&at(&p), json!({ "config": config })).await.expect(200);
    assert_eq!((&kept["config"]["client_secret"], &kept["config"]["client_id"]), (&json!("********"), &json!("c2")));
    config.as_object_mut().unwrap().remove("client_secret");
    let public = o.put(&at(&p), json!({ "config": config })).await.expect(200);
    assert_eq!(public["config"]["client_secret"], Value::Null);
    config["client_secret"] = json!("********");
    let e = o.put(&at(&p), json!({ "config": config })).await.refused(400, "invalid_input");
    assert_eq!(e["details"]["fields"][0]["field"], "config.client_secret");
    o.post(ALL, with("Other", json!({ "client_secret": "********" }))).await.refused(400, "invalid_input");
    config["client_secret"] = json!(SECRET);
    let a = o.put(&at(&p), json!({ "config": config })).await;
    assert!(!a.text().contains(SECRET));
    for path in [at(&p), ALL.into(), "/v1/audit-log".into()] {
        assert!(!o.get(&path).await.text().contains(SECRET), "{path}");
    }
    let tables = Contents::of(&w).await;
    assert_eq!(tables.tables_with(SECRET.as_bytes()), [""; 0]);
}

async fn sec_18_a_client_secret_goes_to_no_other_issuer(w: World) {
    let o = w.owner();
    let p = make(&o, with("Work", json!({ "client_secret": "hush", "is_default": true }))).await;
    let mut config = p["config"].clone();
    assert_eq!(config["client_secret"], "********");
    for issuer in ["https://evil.example.net", "https://id.example.net/", "http://id.example.net"] {
        config["issuer_url"] = json!(issuer);
        let e = o.put(&at(&p), json!({ "config": config })).await.refused(400, "invalid_input");
        let fields = e["details"]["fields"].as_array().unwrap().clone();
        let told = fields.iter().find(|f| f["field"] == "config.client_secret").unwrap();
        assert!(told["message"].as_str().unwrap().contains("give the secret again"), "{told}");
        let old = json!({ "issuer_url": issuer, "client_id": "portcullis", "client_secret": "********" });
        let e = o.put("/v1/oidc-config", old).await.refused(400, "invalid_input");
        let fields = e["details"]["fields"].as_array().unwrap().clone();
        assert!(fields.iter().any(|f| f["field"] == "client_secret"), "{e}");
    }
    assert_eq!(o.get(&at(&p)).await.expect(200)["config"]["issuer_url"], "https://id.example.net");
    // who knows the secret, or says that there is none, may go elsewhere; and what stays there keeps it
    config["issuer_url"] = json!("https://id.example.net");
    config["client_id"] = json!("other");
    o.put(&at(&p), json!({ "config": config })).await.expect(200);
    config["issuer_url"] = json!("https://new.example.net");
    config["client_secret"] = json!("hush-2");
    o.put(&at(&p), json!({ "config": config })).await.expect(200);
    config["issuer_url"] = json!("https://newer.example.net");
    config["client_secret"] = Value::Null;
    let open = o.put(&at(&p), json!({ "config": config })).await.expect(200);
    assert_eq!(open["config"]["client_secret"], Value::Null);
}

async fn sec_01_a_provider_is_trusted_only_for_verified_domains(w: World) {
    let o = w.owner();
    o.post("/v1/domains", json!({ "domain": "claimed.example" })).await.expect(201);
    let domain = verified_domain(&w, "example.com").await;
    let e = o
        .post(ALL, with("Work", json!({ "domains": ["example.com", "claimed.example", "other.example"] })))
        .await
        .refused(422, "unprocessable");
    let fields: Vec<&str> =
        e["details"]["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["config.domains[1]", "config.domains[2]"]);
    assert_eq!(count(&w, "identity_providers").await, 0);
    let p = make(&o, with("Work", json!({ "domains": ["Example.com"] }))).await;
    assert_eq!(p["config"]["domains"], json!(["example.com"]));
    // another tenant's is nobody's here
    let rival = w.second_tenant("Rival").await;
    rival.owner.client.post(ALL, with("W", json!({ "domains": ["example.com"] }))).await.refused(422, "unprocessable");
    let path = format!("/v1/domains/{}", domain["id"].as_str().unwrap());
    let e = o.delete(&path).await.refused(409, "in_use");
    assert_eq!(e["details"]["used_by"], json!([p["id"]]));
    o.put(&at(&p), json!({ "config": oidc("x")["config"] })).await.expect(200);
    o.delete(&path).await.expect(204);
}

async fn sec_10_a_provider_at_a_private_address_is_refused(w: World) {
    for url in [
        "http://id.example.net",
        "https://127.0.0.1",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://localhost",
        "https://sso.localhost/",
        "https://10.1.2.3/realms/a",
    ] {
        let e = w.owner().post(ALL, with("Work", json!({ "issuer_url": url }))).await.refused(400, "invalid_input");
        assert_eq!(e["details"]["fields"][0]["field"], "config.issuer_url", "{url}");
        let old = json!({ "issuer_url": url, "client_id": "c", "client_secret": "s" });
        let e = w.owner().put("/v1/oidc-config", old).await.refused(400, "invalid_input");
        assert_eq!(e["details"]["fields"][0]["field"], "issuer_url", "{url}");
    }
}

/// Who says which provider speaks for whom could sign in as anybody.
async fn sec_11_whoever_names_who_vouches_may_give_every_role(w: World) {
    let ann = w.person("Ann", &["admin"]).await;
    let rule = format!("forbid (principal == User::\"{}\", action == Action::\"roles:grant\", resource);", ann.id);
    let ann = ann.client;
    let p = make(&ann, oidc("Work")).await;
    w.policy("gives no roles", 50, &rule).await;
    for a in [
        ann.post(ALL, oidc("Mine")).await,
        ann.put(&at(&p), json!({ "config": oidc("x")["config"] })).await,
        ann.put(&at(&p), json!({ "enabled": true })).await,
        ann.put(
            "/v1/oidc-config",
            json!({ "issuer_url": "https://x.example.net", "client_id": "c", "client_secret": "s" }),
        )
        .await,
    ] {
        assert_eq!(a.refused(403, "forbidden")["details"]["action"], "roles:grant");
    }
    // what takes from a provider gives nobody anything
    ann.put(&at(&p), json!({ "name": "Office", "enabled": false })).await.expect(200);
    let (_, key) = w.api_key(&w.owner(), json!({ "name": "k", "scopes": ["identity_providers:*"] })).await;
    key.post(ALL, oidc("By a key")).await.refused(403, "forbidden");
    ann.delete(&at(&p)).await.expect(204);
}

async fn the_old_view_is_the_default_provider(w: World) {
    let o = w.owner();
    verified_domain(&w, "example.com").await;
    o.get("/v1/oidc-config").await.refused(404, "not_found");
    o.delete("/v1/oidc-config").await.refused(404, "not_found");
    let e = o.put("/v1/oidc-config", json!({})).await.refused(400, "invalid_input");
    assert_eq!(e["details"]["fields"].as_array().unwrap().len(), 3);
    let body = json!({ "issuer_url": "https://id.example.net/", "client_id": "c", "client_secret": "hush", "scopes": ["openid", "email"] });
    let a = o.put("/v1/oidc-config", body.clone()).await;
    assert_eq!(a.header("etag"), Some("\"1\""));
    let made = a.expect(200);
    assert_eq!(
        (&made["issuer_url"], &made["scopes"]),
        (&json!("https://id.example.net/"), &json!(["openid", "email"]))
    );
    assert!(made.get("client_secret").is_none());
    assert_eq!(o.get("/v1/oidc-config").await.expect(200), made);
    let whole = o.get(&at(&made)).await.expect(200);
    assert_eq!(
        (
            &whole["name"],
            &whole["config"]["is_default"],
            &whole["config"]["domains"],
            &whole["config"]["client_secret"]
        ),
        (&json!("OpenID Connect"), &json!(true), &json!(["example.com"]), &json!("********"))
    );
    // what the view does not show stays
    let mut config = whole["config"].clone();
    config["jit_create"] = json!(false);
    config["groups_claim"] = json!("roles");
    o.put(&at(&made), json!({ "config": config })).await.expect(200);
    let mut again = body;
    again["client_id"] = json!("c2");
    assert_eq!(o.put("/v1/oidc-config", again).await.expect(200)["client_id"], "c2");
    let whole = o.get(&at(&made)).await.expect(200);
    assert_eq!((&whole["config"]["jit_create"], &whole["config"]["groups_claim"]), (&json!(false), &json!("roles")));
    o.delete("/v1/oidc-config").await.expect(204);
    o.get(&at(&made)).await.refused(404, "not_found");
}

async fn there_is_one_default_provider(w: World) {
    let o = w.owner();
    let first = make(&o, with("One", json!({ "is_default": true }))).await;
    let second = make(&o, with("Two", json!({ "is_default": true }))).await;
    let default = async |p: &Value| o.get(&at(p)).await.expect(200)["config"]["is_default"] == true;
    assert!(!default(&first).await && default(&second).await);
    assert_eq!(o.get("/v1/oidc-config").await.expect(200)["id"], second["id"]);
    o.put(&at(&first), json!({ "config": first["config"] })).await.expect(200);
    assert!(default(&first).await && !default(&second).await);
    // a name that is taken is not in the way of the old view
    o.put(&at(&first), json!({ "name": "OpenID Connect", "config": oidc("x")["config"] })).await.expect(200);
    let body = json!({ "issuer_url": "https://id.example.net", "client_id": "c", "client_secret": "s" });
    let made = o.put("/v1/oidc-config", body).await.expect(200);
    assert_eq!(o.get(&at(&made)).await.expect(200)["name"], "OpenID Connect 2");
}

async fn a_tenant_has_at_most_fifty(w: World) {
    for n in 0..50 {
        make(&w.owner(), oidc(&format!("P{n}"))).await;
    }
    let e = w.owner().post(ALL, oidc("one more")).await.refused(409, "conflict");
    assert_eq!(e["details"]["state"], "full");
}

async fn providers_are_listed_and_filtered(w: World) {
    let o = w.owner();
    let a = make(&o, oidc("A")).await;
    let b = make(&o, json!({ "name": "B", "provider_type": "scim", "config": {}, "enabled": false })).await;
    let c = make(&o, oidc("C")).await;
    let ids = async |query: &str| {
        let page = o.get(&format!("{ALL}?{query}")).await.expect(200);
        page["data"].as_array().unwrap().iter().map(|p| p["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [a["id"].clone(), b["id"].clone(), c["id"].clone()]);
    assert_eq!(ids("enabled=false").await, [b["id"].clone()]);
    assert_eq!(ids("provider_type=oidc&enabled=true").await, [a["id"].clone(), c["id"].clone()]);
    let first = o.get(&format!("{ALL}?limit=2")).await.expect(200);
    assert_eq!((first["data"].as_array().unwrap().len(), &first["has_more"]), (2, &json!(true)));
    assert_eq!(ids(&format!("limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await, [c["id"].clone()]);
    for bad in ["enabled=maybe", "provider_type=ldap", "q=x", "limit=0", "cursor=x"] {
        o.get(&format!("{ALL}?{bad}")).await.refused(400, "invalid_input");
    }
}

async fn every_change_is_told(w: World) {
    let o = w.owner();
    let p = make(&o, with("Work", json!({ "client_secret": "hush-hush" }))).await;
    o.put(&at(&p), json!({ "enabled": false })).await.expect(200);
    let mut config = p["config"].clone();
    config["client_secret"] = json!("hush-hush-2");
    config["groups_claim"] = json!("roles");
    o.put(&at(&p), json!({ "config": config })).await.expect(200);
    o.put("/v1/oidc-config", json!({ "issuer_url": "https://x.example.net", "client_id": "c", "client_secret": "s" }))
        .await
        .expect(200);
    o.delete(&at(&p)).await.expect(204);
    let events = w.events("resource_type=identity_provider").await;
    let told: Vec<&str> = events.iter().rev().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [
            "identity_provider.created",
            "identity_provider.updated",
            "identity_provider.updated",
            "oidc_config.updated",
            "identity_provider.deleted"
        ]
    );
    let second = &events[events.len() - 3];
    assert_eq!(second["changes"], json!({ "groups_claim": { "before": "groups", "after": "roles" } }));
    assert_eq!(second["metadata"]["client_secret"], "changed");
    assert!(!json!(events).to_string().contains("hush"));
}
