//! A person's part of the log goes with the person; the chain holds, and tells it from tampering.
use serde_json::{Value, json};

use super::export::offline;
use super::tables::{Cell, contains, literal, rows, table_bytes, tamper};
use super::{settled, verdict};
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
    settled(&w).await;
    assert!(contains(&table_bytes(&w, "audit_events").await, email));
    w.owner().delete(&format!("/v1/users/{id}")).await.expect(204);
    w.seal().await;
    w.node.erase().await;
    w.clock.pass(60);
    w.seal().await;
    w.node.erase().await;
    w.seal().await;
    let log = table_bytes(&w, "audit_events").await;
    for word in [email, "Unmistakable", "Mathilde", "+49-30-5551234", "mathildes-phone"] {
        assert!(!contains(&log, word), "{word} is still in the log");
        for table in ["users", "sessions", "user_avatars", "erasures", "attempts"] {
            assert!(!contains(&table_bytes(&w, table).await, word), "{word} is still in {table}");
        }
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
        tamper(&w, &format!("UPDATE audit_events SET private = {} WHERE {at}", literal(&w, &quiet))).await;
        let v = verdict(&w).await;
        assert_eq!((&v["ok"], &v["problem"]["kind"]), (&json!(false), &json!("digest")), "{quiet:?}: {v}");
    }
}
