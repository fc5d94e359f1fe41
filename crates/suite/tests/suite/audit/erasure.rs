//! A person's part of the log goes with the person; the chain holds, and tells it from tampering.
use serde_json::{Value, json};

use super::export::offline;
use super::tables::literal;
use super::{settled, verdict};
use crate::world::access::*;
use crate::world::tables::{Cell, Contents, execute, rows};
use crate::world::token::{token_titled, viewer};
use crate::world::*;

both!(sec_20_an_erasure_leaves_the_chain_verifying_and_nothing_of_the_person, sec_20_a_quiet_erasure_is_no_erasure);

async fn sec_20_an_erasure_leaves_the_chain_verifying_and_nothing_of_the_person(w: World) {
    let email = "mathilde.unmistakable@example.com";
    let body = json!({ "email": email, "name": "Mathilde Unmistakable", "password": PASSWORD, "roles": ["user"], "metadata": { "phone": "+49-30-5551234" } });
    let id = w.owner().post("/v1/users", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let client =
        w.bearer(w.login(email).await.expect(200)["token"].as_str().unwrap()).with("user-agent", "mathildes-phone/9");
    client
        .put("/v1/users/me/profile", json!({ "first_name": "Mathilde", "last_name": "Unmistakable" }))
        .await
        .expect(200);
    let wrong = json!({ "email": email, "password": "wrong-password-here" });
    w.anonymous().post("/v1/auth/login", wrong).await.refused(401, "invalid_credentials");
    w.owner().put(&format!("/v1/users/{id}"), json!({ "name": "M. Unmistakable" })).await.expect(200);
    client.get("/v1/users/me/profile").await.expect(200);
    // a refused call of someone who tries the same address
    w.owner().post("/v1/users", new_user_with(json!({ "email": email }))).await.refused(409, "user_exists");
    w.owner()
        .with("idempotency-key", "k")
        .post("/v1/users", new_user_with(json!({ "email": email })))
        .await
        .refused(409, "user_exists");
    leaves_traces(&w, &id, email, &client).await;
    settled(&w).await;
    let before = Contents::of(&w).await;
    for table in ["audit_events", "users", "preferences", "personal_tokens"] {
        assert!(before.tables_with(b"Unmistakable").contains(&table), "{table}");
    }
    assert!(before.tables_with(email.as_bytes()).contains(&"invitations"));
    w.owner().delete(&format!("/v1/users/{id}")).await.expect(204);
    w.seal().await;
    w.node.erase().await;
    w.clock.pass(60);
    w.seal().await;
    w.node.erase().await;
    w.seal().await;
    let after = Contents::of(&w).await;
    for word in [email, "Unmistakable", "Mathilde", "+49-30-5551234", "mathildes-phone"] {
        assert_eq!(after.tables_with(word.as_bytes()), [""; 0], "{word} is still there");
    }
    settled(&w).await;
    let events = w.events(&format!("resource_id={id}")).await;
    assert!(events.iter().any(|e| e["action"] == "user.deleted"));
    assert!(events.iter().any(|e| e["redacted"] == true), "{events:?}");
    assert!(rows(&w, "erasures").await.is_empty(), "the erasure is done");
    // and what came before still verifies offline
    let export = w.owner().get("/v1/audit-log/export").await;
    assert!(!export.text().contains("Unmistakable"));
    offline(&w, &export.body).await.unwrap();
}

/// What people leave wherever they do something: in memberships, invitations, preferences, tokens, and what is sent to others.
async fn leaves_traces(w: &World, id: &str, email: &str, client: &Client) {
    let hook = json!({ "url": "https://hooks.example.com/in", "subscribed_events": ["app.user.updated"] });
    w.owner().post("/v1beta1/admin/webhooks", json!({ "body": hook })).await.expect(200);
    let by = w.owner().with("idempotency-key", "k2");
    by.put(&format!("/v1/users/{id}"), json!({ "name": "Mathilde M. Unmistakable" })).await.expect(200);
    let organization = organization(&w.owner(), "acme-corp").await;
    let group = group(&w.owner(), &organization, "crew").await;
    join(w, &organization, id, ORGANIZATION_VIEWER).await;
    in_group(&w.owner(), &group, id, GROUP_MEMBER).await.expect(200);
    let elsewhere = self::organization(&w.owner(), "other-corp").await;
    let invited = json!({ "org_id": elsewhere, "user_ids": [email] });
    connect(&w.owner(), "CreateOrganizationInvitation", invited).await.expect(200);
    let name = json!({ "bodies": [{ "name": "first_name", "value": "Mathilde Unmistakable" }] });
    client.post("/v1beta1/users/self/preferences", name).await.expect(200);
    token_titled(w, client, &organization, viewer(), "Unmistakable's").await;
    let own = connect(client, "CreateOrganization", json!({ "body": { "name": "mathildes" } })).await.expect(200);
    connect(client, "DeleteOrganization", json!({ "id": own["organization"]["id"] })).await.expect(200);
}

async fn sec_20_a_quiet_erasure_is_no_erasure(w: World) {
    w.owner().post("/v1/users", new_user()).await.expect(201);
    settled(&w).await;
    let all = rows(&w, "audit_events").await;
    let created = all.iter().rev().find(|r| r["action"] == Cell::Text("user.created".into())).unwrap();
    let Cell::Text(private) = &created["private"] else { panic!() };
    assert!(private.contains("example.com"), "{private}");
    let at = format!("id = {}", literal(&w, &created["id"]));
    let whole: Value = serde_json::from_str(private).unwrap();
    let mut emptied = whole.clone();
    for value in emptied.as_object_mut().unwrap().values_mut() {
        *value = Value::Null;
    }
    for quiet in ["{}".to_owned(), String::new(), "null".to_owned(), "[]".to_owned(), emptied.to_string()] {
        let quiet = Cell::Text(quiet);
        execute(&w, &format!("UPDATE audit_events SET private = {} WHERE {at}", literal(&w, &quiet))).await;
        let v = verdict(&w).await;
        assert_eq!((&v["ok"], &v["problem"]["kind"]), (&json!(false), &json!("digest")), "{quiet:?}: {v}");
    }
}
