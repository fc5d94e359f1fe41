//! How service users prove themselves (spec v1beta1 3.10, 4.1; decisions 11, 14 and 19).
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_domain::organization::State;
use portcullis_domain::service_credential::{ServiceCredential, ServiceCredentialKind, Verifier};
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::{Id, Timestamp};
use portcullis_store::{Tx, service_credential, service_user};
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::*;

both!(
    all_three_kinds_prove_it_on_both_surfaces,
    what_is_secret_is_shown_once,
    a_deleted_credential_is_dead_at_the_next_call,
    sec_19_a_disabled_service_user_or_organization_counts_at_once,
    two_credentials_in_one_request_are_refused,
    what_proves_nothing_is_401,
    sec_07_an_assertion_obeys_its_key_and_the_clock,
    sec_02_a_credential_belongs_to_one_tenant,
    sec_11_nobody_makes_a_credential_that_is_worth_more_than_they_hold,
    credentials_of_others_are_not_yours_to_delete,
    public_keys_are_for_everybody_who_is_known,
    an_imported_secret_is_replaced_at_its_first_use,
    sec_14_an_imported_secret_is_tried_under_a_limit,
    an_imported_token_keeps_working,
    a_service_user_has_at_most_a_hundred_credentials,
);

pub struct Place {
    pub owner: Person,
    pub organization: String,
    pub machine: String,
}
pub async fn place(w: &World) -> Place {
    let owner = w.person("Olga", &["user"]).await;
    let organization = organization(&owner.client, "acme-corp").await;
    let machine = machine(&owner.client, &organization, "CI").await;
    Place { owner, organization, machine }
}
impl Place {
    pub fn at(&self, what: &str) -> String {
        format!("/v1beta1/organizations/{}/serviceusers/{}/{what}", self.organization, self.machine)
    }
    async fn token(&self, w: &World) -> (String, Client) {
        let made =
            self.owner.client.post(&self.at("tokens"), json!({ "title": "t" })).await.expect(200)["token"].clone();
        (id(&made), w.bearer(made["token"].as_str().unwrap()))
    }
    /// The id of a new secret or token, and what is shown of it once.
    pub async fn made(&self, what: &str) -> (String, String) {
        let made = self.owner.client.post(&self.at(&format!("{what}s")), json!({})).await.expect(200)[what].clone();
        (id(&made), made[what].as_str().unwrap().to_owned())
    }
    pub async fn key(&self) -> (String, String) {
        let made = self.owner.client.post(&self.at("keys"), json!({ "title": "k" })).await.expect(200)["key"].clone();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        assert_eq!((text("type"), text("principal_id")), ("sv_rsa".into(), self.machine.clone()));
        (text("kid"), text("private_key"))
    }
}

/// A JWT that this key signed.
fn sign(pem: &str, header: &Value, claims: &Value) -> String {
    let lines: Vec<&str> = pem.lines().filter(|l| !l.starts_with("-----")).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(lines.concat()).unwrap()).unwrap();
    let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
/// A JWT as it should be.
pub fn assertion(w: &World, kid: &str, pem: &str) -> String {
    sign(pem, &json!({ "alg": "RS256" }), &claims(w, kid))
}
fn claims(w: &World, kid: &str) -> Value {
    let now = w.clock.seconds();
    json!({ "iss": "ci", "sub": "ci", "jti": "1", "kid": kid, "iat": now, "nbf": now, "exp": now + 3_600 })
}
/// A credential as an import writes it; its id.
async fn imported(w: &World, machine: &str, kind: ServiceCredentialKind, verifier: Verifier) -> String {
    type New = (Id<ServiceUser>, ServiceCredentialKind, Verifier, Id<ServiceCredential>);
    async fn write(tx: &mut Tx, (of, kind, verifier, id): &New) -> portcullis_store::Result<()> {
        let machine = service_user::by_id(tx, *of).await?.unwrap();
        let credential = ServiceCredential {
            id: *id,
            service_user_id: machine.id,
            organization_id: machine.organization_id,
            kind: *kind,
            title: String::new(),
            created_by: None,
            created_at: tx.cx.now,
        };
        service_credential::insert(tx, &credential, verifier).await
    }
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    let id = Id::new(Timestamp::from_micros(1_700_000_000_000_000), &portcullis_crypto::random::OsRandom);
    w.node.app.db().write(cx, (machine.parse().unwrap(), kind, verifier, id), write).await.unwrap();
    id.to_string()
}
async fn stored(w: &World, credential: &str) -> Verifier {
    async fn read(tx: &mut Tx, id: &Id<ServiceCredential>) -> portcullis_store::Result<Verifier> {
        Ok(service_credential::verifier(tx, *id).await?.unwrap())
    }
    let cx = w.node.app.system(w.tenant.parse().unwrap()).await.unwrap();
    w.node.app.db().read(cx, &credential.parse().unwrap(), read).await.unwrap()
}
async fn all_three_kinds_prove_it_on_both_surfaces(w: World) {
    let p = place(&w).await;
    let (_, secret) = secret(&w, &p.owner.client, &p.organization, &p.machine).await;
    let made = p.owner.client.post(&p.at("tokens"), json!({})).await.expect(200)["token"].clone();
    let token = made["token"].as_str().unwrap();
    let (kid, pem) = p.key().await;
    let jwt = sign(&pem, &json!({ "alg": "RS256", "typ": "JWT" }), &claims(&w, &kid));
    let handed_on = w.anonymous().with("x-user-token", &*jwt);
    for (how, client) in [
        ("a secret", secret),
        ("a token", w.bearer(token)),
        ("a token beside its id", basic(&w, &id(&made), token)),
        ("a JWT", w.bearer(&jwt)),
        ("without the tenant's header", w.bearer(&jwt).without("x-tenant-id")),
        ("a JWT that a proxy hands on", handed_on),
    ] {
        for _ in 0..2 {
            let me = client.get("/v1beta1/users/self").await.expect(200);
            assert_eq!(me["serviceuser"]["id"], json!(p.machine), "{how}");
            let me = connect(&client, "GetCurrentUser", json!({})).await.expect(200);
            assert_eq!(me["serviceuser"]["id"], json!(p.machine), "{how}");
        }
        let client = client.with("x-tenant-id", &*w.tenant);
        if !how.contains("proxy") {
            let mine = client.get("/v1/users/me/permissions").await.expect(200);
            assert_eq!((&mine["principal"], &mine["roles"]), (&json!(p.machine), &json!([])), "{how}");
            client.get("/v1/users").await.refused(403, "forbidden");
            client.get("/v1/users/me/profile").await.refused(403, "forbidden");
        }
    }
}

async fn what_is_secret_is_shown_once(w: World) {
    let p = place(&w).await;
    let mut shown = vec![];
    for (what, of, field) in
        [("secrets", "secret", "secret"), ("tokens", "token", "token"), ("keys", "key", "private_key")]
    {
        let made = p.owner.client.post(&p.at(what), json!({ "title": what })).await.expect(200);
        shown.push(made[of][field].as_str().unwrap().to_owned());
    }
    assert!(shown[0].starts_with("pcs_") && shown[1].starts_with("pcb_"), "{shown:?}");
    assert!(shown[2].starts_with("-----BEGIN PRIVATE KEY-----\n") && shown[2].ends_with("-----END PRIVATE KEY-----\n"));
    let mut seen = String::new();
    for what in ["secrets", "tokens", "keys"] {
        seen += &p.owner.client.get(&p.at(what)).await.expect(200).to_string();
    }
    seen += &Value::from(w.events("").await).to_string();
    for secret in &shown {
        assert!(!seen.contains(&secret[..20]), "{secret}");
    }
    let secrets = p.owner.client.get(&p.at("secrets")).await.expect(200)["secrets"].clone();
    assert_eq!((all(&secrets, "title"), &secrets[0]["secret"]), (vec!["secrets".to_owned()], &json!("")));
    let tokens = p.owner.client.get(&p.at("tokens")).await.expect(200);
    assert_eq!(sorted(&tokens["tokens"], "title"), ["secrets", "tokens"], "the original lists both");
    let keys = p.owner.client.get(&p.at("keys")).await.expect(200)["keys"].clone();
    let public: Value = serde_json::from_str(keys[0]["public_key"].as_str().unwrap()).unwrap();
    assert_eq!((&public["keys"][0]["kid"], &keys[0]["principal_id"]), (&keys[0]["id"], &json!(p.machine)));
}

async fn a_deleted_credential_is_dead_at_the_next_call(w: World) {
    let p = place(&w).await;
    let (secret_id, with_secret) = secret(&w, &p.owner.client, &p.organization, &p.machine).await;
    let (token_id, with_token) = p.token(&w).await;
    let (kid, pem) = p.key().await;
    let with_key = w.bearer(&sign(&pem, &json!({ "alg": "RS256" }), &claims(&w, &kid)));
    for (what, id, client) in
        [("secrets", secret_id, with_secret), ("tokens", token_id, with_token), ("keys", kid, with_key)]
    {
        client.get("/v1beta1/users/self").await.expect(200);
        p.owner.client.delete(&p.at(&format!("{what}/{id}"))).await.expect(200);
        let refused = client.get("/v1beta1/users/self").await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (401, json!(16)), "{what}");
        let again = p.owner.client.delete(&p.at(&format!("{what}/{id}"))).await;
        assert_eq!(again.status, 403, "{what} belongs to nobody any more");
    }
}

async fn sec_19_a_disabled_service_user_or_organization_counts_at_once(w: World) {
    let p = place(&w).await;
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &p.machine).await;
    let works = async || client.get("/v1beta1/users/self").await.status;
    assert_eq!(works().await, 200);
    change_machine(&w, &p.machine, |s| ServiceUser { state: State::Disabled, ..s }).await;
    assert_eq!(works().await, 401);
    change_machine(&w, &p.machine, |s| ServiceUser { state: State::Enabled, ..s }).await;
    assert_eq!(works().await, 200);
    w.owner().post("/v1beta1/organizations/acme-corp/disable", json!({})).await.expect(200);
    let refused = connect(&client, "GetCurrentUser", json!({})).await;
    assert_eq!((refused.status, code(&refused)), (403, "permission_denied".into()));
    assert!(text(&refused).starts_with("not authorized"), "{}", text(&refused));
    client.get("/v1/users/me/permissions").await.refused(403, "forbidden");
    w.owner().post("/v1beta1/organizations/acme-corp/enable", json!({})).await.expect(200);
    assert_eq!(works().await, 200);
}

async fn two_credentials_in_one_request_are_refused(w: World) {
    let p = place(&w).await;
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &p.machine).await;
    let (_, token) = p.token(&w).await;
    client.with("x-api-key", w.service_key()).get("/v1/users").await.refused(400, "invalid_input");
    client.with("x-api-key", w.service_key()).get("/v1beta1/users/self").await.expect(400);
    client.with("x-user-token", w.owner_token()).get("/v1beta1/users/self").await.expect(400);
    token.with("x-user-token", w.owner_token()).get("/v1beta1/users/self").await.expect(400);
}

async fn what_proves_nothing_is_401(w: World) {
    let p = place(&w).await;
    let made = p.owner.client.post(&p.at("secrets"), json!({})).await.expect(200)["secret"].clone();
    let (secret, secret_id) = (made["secret"].as_str().unwrap().to_owned(), id(&made));
    let other = p.owner.client.post(&p.at("secrets"), json!({})).await.expect(200)["secret"].clone();
    let (kid, _) = p.key().await;
    let made = p.owner.client.post(&p.at("tokens"), json!({})).await.expect(200)["token"].clone();
    let token = made["token"].as_str().unwrap().to_owned();
    let refused = async |client: &Client| {
        let e = client.get("/v1/users/me/permissions").await.refused(401, "unauthenticated");
        client.get("/v1beta1/users/self").await.expect(401);
        e
    };
    let unknown = refused(&basic(&w, NOBODY, &secret)).await;
    assert_eq!(unknown, refused(&basic(&w, &secret_id, "wrong")).await, "nobody learns which credentials there are");
    assert_eq!(unknown, refused(&basic(&w, &kid, &secret)).await);
    assert_eq!(unknown, refused(&basic(&w, &id(&other), &secret)).await, "a secret goes with its id");
    refused(&basic(&w, "x", &secret)).await;
    refused(&basic(&w, "", "")).await;
    refused(&basic(&w, &secret_id, "")).await;
    refused(&w.bearer(&secret)).await;
    refused(&w.bearer(&format!("{token}A"))).await;
    refused(&w.bearer(&token[..40])).await;
    refused(&w.bearer(&token.replace("pcb_", "pcs_"))).await;
    refused(&w.with_key(&token)).await;
    for header in ["Basic", "Basic ", "Basic ***", "Basic YTpi", "Basic YQ==", "Digest YTpi"] {
        refused(&w.anonymous().with("x-tenant-id", &*w.tenant).with("authorization", header)).await;
    }
    basic(&w, &secret_id, &secret).get("/v1beta1/users/self").await.expect(200);
    // a dead credential shuts nobody out of what is public
    basic(&w, NOBODY, &secret).get("/v1beta1/meta/schemas").await.expect(200);
}

async fn sec_07_an_assertion_obeys_its_key_and_the_clock(w: World) {
    let p = place(&w).await;
    let (kid, pem) = p.key().await;
    let (other_kid, other_pem) = p.key().await;
    let header = json!({ "alg": "RS256" });
    let with = |name: &str, value: Value| {
        let mut claims = claims(&w, &kid);
        claims[name] = value;
        claims
    };
    let status = async |token: String| w.bearer(&token).get("/v1beta1/users/self").await.status;
    let now = w.clock.seconds();
    for (what, token, expected) in [
        ("as it should be", sign(&pem, &header, &claims(&w, &kid)), 200),
        ("for us", sign(&pem, &header, &with("aud", json!("portcullis"))), 200),
        ("for somebody else", sign(&pem, &header, &with("aud", json!("elsewhere"))), 401),
        ("for too long", sign(&pem, &header, &with("exp", json!(now + 7_200))), 401),
        ("without an end", sign(&pem, &header, &with("exp", Value::Null)), 401),
        ("without an id", sign(&pem, &header, &with("jti", Value::Null)), 401),
        ("not yet", sign(&pem, &header, &with("nbf", json!(now + 600))), 401),
        ("over", sign(&pem, &header, &with("exp", json!(now))), 401),
        ("of an unknown key", sign(&pem, &header, &with("kid", json!(NOBODY))), 401),
        ("of a secret's id", sign(&pem, &header, &with("kid", json!(other_kid))), 401),
        ("signed by another key", sign(&other_pem, &header, &claims(&w, &kid)), 401),
        ("alg none", sign(&pem, &json!({ "alg": "none" }), &claims(&w, &kid)), 401),
        ("alg HS256", sign(&pem, &json!({ "alg": "HS256" }), &claims(&w, &kid)), 401),
        ("posing as ours", sign(&pem, &json!({ "alg": "RS256", "typ": "at+jwt", "kid": kid }), &claims(&w, &kid)), 401),
    ] {
        assert_eq!(status(token).await, expected, "{what}");
    }
    // what is remembered ends when the assertion does
    let token = sign(&pem, &header, &with("exp", json!(now + 300)));
    assert_eq!(status(token.clone()).await, 200);
    w.clock.pass(299);
    assert_eq!(status(token.clone()).await, 200);
    w.clock.pass(2);
    let e = w.bearer(&token).get("/v1/users/me/permissions").await.refused(401, "unauthenticated");
    assert_eq!(e["details"]["reason"], "expired");
}

async fn sec_02_a_credential_belongs_to_one_tenant(w: World) {
    let p = place(&w).await;
    let tenant = w.second_tenant("Rival").await;
    let (_, client) = secret(&w, &p.owner.client, &p.organization, &p.machine).await;
    let elsewhere = client.with("x-tenant-id", &*tenant.id);
    elsewhere.get("/v1/users/me/permissions").await.refused(403, "tenant_mismatch");
    elsewhere.get("/v1beta1/users/self").await.expect(403);
    for path in ["keys", "secrets", "tokens"] {
        let theirs = tenant.owner.client.get(&p.at(path)).await;
        let not = tenant.owner.client.get(&p.at(path).replace(&p.machine, NOBODY)).await;
        assert_eq!((theirs.status, theirs.json()), (not.status, not.json()), "{path}");
    }
    let (kid, _) = p.key().await;
    tenant.owner.client.get(&p.at(&format!("keys/{kid}"))).await.expect(404);
}

async fn sec_11_nobody_makes_a_credential_that_is_worth_more_than_they_hold(w: World) {
    let p = place(&w).await;
    let manager = w.person("Mia", &["user"]).await;
    join(&w, &p.organization, &manager.id, ORGANIZATION_MANAGER).await;
    let tries = async |by: &Client| {
        let mut out = vec![];
        for what in ["secrets", "tokens", "keys"] {
            out.push(by.post(&p.at(what), json!({})).await.status);
        }
        out
    };
    assert_eq!(tries(&manager.client).await, [200; 3], "a new one may only see its organization");
    let apollo = project(&p.owner.client, &p.organization, "apollo").await;
    on_project(&p.owner.client, &apollo, "app/serviceuser", &p.machine, PROJECT_VIEWER).await.expect(200);
    assert_eq!(tries(&manager.client).await, [200; 3], "a manager may see projects");
    on_project(&p.owner.client, &apollo, "app/serviceuser", &p.machine, PROJECT_OWNER).await.expect(200);
    assert_eq!(tries(&manager.client).await, [403; 3], "but not own them");
    assert_eq!(tries(&p.owner.client).await, [200; 3]);
    on_project(&p.owner.client, &apollo, "app/serviceuser", &p.machine, PROJECT_VIEWER).await.expect(200);
    let on = format!("organization:{}", p.organization);
    policy(&p.owner.client, "app_organization_owner", &on, &format!("serviceuser:{}", p.machine)).await.expect(200);
    let refused = manager.client.post(&p.at("secrets"), json!({})).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("app_organization_administer"), "{}", refused.text());
    assert_eq!(manager.client.get(&p.at("secrets")).await.status, 200, "looking is no using");
    // what it owns is worth what its owner may, though no binding says so
    let robot = machine(&p.owner.client, &p.organization, "Robot").await;
    let path = format!("/v1beta1/organizations/{}/serviceusers/{robot}/secrets", p.organization);
    manager.client.post(&path, json!({})).await.expect(200);
    let order = json!({ "permissions": [{ "key": "compute.order.get" }] });
    w.owner().post(&format!("{ADMIN}/CreatePermission"), json!({ "bodies": order["permissions"] })).await.expect(200);
    let body = json!({ "name": "first", "namespace": "compute/order", "principal": format!("serviceuser:{robot}") });
    p.owner.client.post(&format!("/v1beta1/projects/{apollo}/resources"), body).await.expect(200);
    manager.client.post(&path, json!({})).await.expect(403);
    p.owner.client.post(&path, json!({})).await.expect(200);
    // what another organization gave it is that one's business
    let other = w.person("Otto", &["user"]).await;
    let theirs = organization(&other.client, "other-corp").await;
    let there = format!("organization:{theirs}");
    policy(&other.client, "app_organization_owner", &there, &format!("serviceuser:{}", p.machine)).await.expect(200);
    assert_eq!(tries(&p.owner.client).await, [200; 3]);
}

async fn credentials_of_others_are_not_yours_to_delete(w: World) {
    let p = place(&w).await;
    let second = machine(&p.owner.client, &p.organization, "CD").await;
    let (theirs, client) = secret(&w, &p.owner.client, &p.organization, &second).await;
    let (kid, _) = p.key().await;
    for path in [
        format!("secrets/{theirs}"),
        format!("tokens/{theirs}"),
        format!("keys/{theirs}"),
        format!("secrets/{NOBODY}"),
        "tokens/x".into(),
        format!("keys/{NOBODY}"),
        format!("secrets/{kid}"),
    ] {
        let refused = p.owner.client.delete(&p.at(&path)).await;
        assert_eq!((refused.status, refused.json()["message"].clone()), (403, json!("not authorized")), "{path}");
    }
    client.get("/v1beta1/users/self").await.expect(200);
    let (token, with_token) = p.token(&w).await;
    p.owner.client.delete(&p.at(&format!("secrets/{token}"))).await.expect(200);
    with_token.get("/v1beta1/users/self").await.expect(401);
}

async fn public_keys_are_for_everybody_who_is_known(w: World) {
    let p = place(&w).await;
    let (kid, _) = p.key().await;
    let stranger = w.person("Sam", &["user"]).await.client;
    let set = stranger.get(&p.at(&format!("keys/{kid}"))).await.expect(200);
    let key = set["keys"][0].as_object().unwrap();
    let mut names: Vec<&str> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"], "of its type only (decision 12)");
    assert_eq!((&key["alg"], &key["kid"], &key["e"]), (&json!("RS256"), &json!(kid), &json!("AQAB")));
    let (token, _) = p.token(&w).await;
    for path in [format!("keys/{NOBODY}"), "keys/x".into(), format!("keys/{token}")] {
        let missing = stranger.get(&p.at(&path)).await.expect(404);
        assert_eq!(missing["message"], "service user credentials not found", "{path}");
    }
    let elsewhere = organization(&stranger, "other-corp").await;
    let path = format!("/v1beta1/organizations/{elsewhere}/serviceusers/{}/keys/{kid}", p.machine);
    stranger.get(&path).await.expect(404);
    w.anonymous().get(&p.at(&format!("keys/{kid}"))).await.expect(401);
}

async fn an_imported_secret_is_replaced_at_its_first_use(w: World) {
    let p = place(&w).await;
    let hash = bcrypt::hash("client-secret-of-frontier", 4).unwrap().replace("$2b$", "$2a$");
    let id = imported(&w, &p.machine, ServiceCredentialKind::Secret, Verifier::Bcrypt(hash)).await;
    basic(&w, &id, "another").get("/v1beta1/users/self").await.expect(401);
    assert_eq!(stored(&w, &id).await.scheme(), "bcrypt");
    let client = basic(&w, &id, "client-secret-of-frontier");
    client.get("/v1beta1/users/self").await.expect(200);
    assert_eq!(stored(&w, &id).await.scheme(), "sha256");
    // seen by a server that remembers nothing
    w.owner().post("/v1beta1/organizations/acme-corp/disable", json!({})).await.expect(200);
    w.owner().post("/v1beta1/organizations/acme-corp/enable", json!({})).await.expect(200);
    client.get("/v1beta1/users/self").await.expect(200);
    basic(&w, &id, "another").get("/v1beta1/users/self").await.expect(401);
}

async fn sec_14_an_imported_secret_is_tried_under_a_limit(w: World) {
    let p = place(&w).await;
    let hash = bcrypt::hash("client-secret-of-frontier", 4).unwrap();
    let id = imported(&w, &p.machine, ServiceCredentialKind::Secret, Verifier::Bcrypt(hash)).await;
    let mut seen = vec![];
    for n in 0..12 {
        seen.push(basic(&w, &id, &format!("guess {n}")).get("/v1beta1/users/self").await.status);
    }
    assert_eq!((seen[0], seen[11]), (401, 429), "{seen:?}");
    basic(&w, &id, "client-secret-of-frontier").get("/v1beta1/users/self").await.expect(429);
    w.clock.pass(61);
    basic(&w, &id, "client-secret-of-frontier").get("/v1beta1/users/self").await.expect(200);
}

async fn an_imported_token_keeps_working(w: World) {
    let p = place(&w).await;
    let token = "0f".repeat(32);
    let hash = portcullis_crypto::sha3_256(&[0x0f; 32]);
    let id = imported(&w, &p.machine, ServiceCredentialKind::Token, Verifier::Sha3(hash)).await;
    basic(&w, &id, &token).get("/v1beta1/users/self").await.expect(200);
    basic(&w, &id, &"0e".repeat(32)).get("/v1beta1/users/self").await.expect(401);
    basic(&w, &id, "short").get("/v1beta1/users/self").await.expect(401);
}

async fn a_service_user_has_at_most_a_hundred_credentials(w: World) {
    let p = place(&w).await;
    for _ in 0..100 {
        p.owner.client.post(&p.at("secrets"), json!({})).await.expect(200);
    }
    for what in ["secrets", "tokens"] {
        let refused = p.owner.client.post(&p.at(what), json!({})).await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (400, json!(9)), "{what}");
    }
    let long = json!({ "title": "x".repeat(201) });
    p.owner.client.post(&p.at("secrets"), long).await.expect(400);
}
