//! A list of passwords that nobody may choose (spec v1 9.1).
use portcullis_crypto::password::breached::Builder;
use serde_json::json;

use crate::world::*;

both!(sec_03_a_password_of_a_breach_is_refused_wherever_one_is_chosen);

const BREACHED: &str = "velvet-anchor-monsoon";

async fn sec_03_a_password_of_a_breach_is_refused_wherever_one_is_chosen(e: Engine) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut list = Builder::new(file.as_file_mut()).unwrap();
    list.passwords(format!("marigold-canoe-71\n{BREACHED}\n").as_bytes()).unwrap();
    list.finish().unwrap();
    let mut options = Options::default();
    options.settings.breached_passwords = Some(file.path().to_owned());
    let w = World::on(e, options).await;
    let ada = w.person("Ada", &["user"]).await;

    let refused = w.owner().post("/v1/users", new_user_with(json!({ "password": BREACHED }))).await;
    assert!(refused.field("password").contains("breach"), "{}", refused.text());
    w.owner().post("/v1/users", new_user_with(json!({ "password": format!("{BREACHED}!") }))).await.expect(201);

    let change = |new: &str| json!({ "current_password": PASSWORD, "new_password": new });
    ada.client.post("/v1/users/me/password", change(BREACHED)).await.refused(400, "weak_password");

    let row = json!({ "email": "row@example.com", "name": "Row", "password": BREACHED }).to_string();
    let import = w.service().with("content-type", "application/x-ndjson");
    let lines = import.send("POST", "/v1/users/import", row.as_bytes()).await.lines();
    assert_eq!(lines[0]["status"], "invalid", "{lines:?}");

    let body = json!({ "name": "Globex", "owner_email": "boss@globex.example" });
    let made = w.owner().post("/v1/tenants", body).await.expect(201);
    let token = made["invitation_url"].as_str().unwrap().split_once("token=").unwrap().1;
    w.anonymous().post("/v1/auth/verify-email", json!({ "token": token })).await.expect(200);
    let set = |password: &str| json!({ "token": token, "password": password });
    w.anonymous().post("/v1/auth/set-initial-password", set(BREACHED)).await.refused(400, "weak_password");
    w.anonymous().post("/v1/auth/set-initial-password", set(PASSWORD)).await.expect(200);
    // who has one already is not shut out
    w.login(&ada.email).await.expect(200);
}
