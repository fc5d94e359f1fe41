//! Importing users: hashes of other systems, dry runs, conflicts, bad rows (spec v1 4.3.3).
use serde_json::{Value, json};

use crate::world::tables::{Cell, rows};
use crate::world::*;

both!(
    a_hash_of_each_scheme_signs_in_and_is_argon2id_afterwards,
    a_hash_beyond_its_bounds_or_of_no_scheme_is_refused,
    a_dry_run_says_the_same_and_keeps_nothing,
    a_conflict_is_reported_skipped_or_updated,
    a_bad_row_never_stops_the_others,
    rows_have_their_defaults,
    two_rows_of_one_import_meet,
    an_update_takes_no_one_by_the_address_of_another,
    an_import_is_told_in_the_log,
    many_rows_come_back_in_order,
    a_row_that_is_suspended_cannot_sign_in_and_one_without_a_password_is_invited,
);

async fn import(w: &World, query: &str, lines: &[Value]) -> (Vec<Value>, Value) {
    let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
    raw(w, query, text.as_bytes()).await
}
async fn raw(w: &World, query: &str, body: &[u8]) -> (Vec<Value>, Value) {
    let a = w
        .service()
        .with("content-type", "application/x-ndjson")
        .send("POST", &format!("/v1/users/import?{query}"), body)
        .await;
    assert_eq!((a.status, a.header("content-type")), (200, Some("application/x-ndjson")), "{}", a.text());
    let mut report = a.lines();
    let summary = report.pop().unwrap()["summary"].clone();
    assert!(summary.is_object(), "the last line is the summary: {}", a.text());
    (report, summary)
}
fn row(email: &str) -> Value {
    json!({ "email": email, "name": "Row", "auth_provider": "oidc" })
}

/// A hash of each scheme, made by the libraries that other systems use.
fn foreign_hashes() -> Vec<(&'static str, String)> {
    use argon2::password_hash::{PasswordHasher, phc::PasswordHash};
    let salt = b"0123456789abcdef";
    let argon = |name: &'static str, a: argon2::Algorithm| {
        let hasher = argon2::Argon2::new(a, argon2::Version::V0x13, argon2::Params::new(64, 2, 1, None).unwrap());
        let hash: PasswordHash = hasher.hash_password_with_salt(PASSWORD.as_bytes(), salt).unwrap();
        (name, hash.to_string())
    };
    let mut all = vec![
        argon("argon2id", argon2::Algorithm::Argon2id),
        argon("argon2i", argon2::Algorithm::Argon2i),
        argon("argon2d", argon2::Algorithm::Argon2d),
    ];
    for (name, version) in [("2a", bcrypt::Version::TwoA), ("2b", bcrypt::Version::TwoB), ("2y", bcrypt::Version::TwoY)]
    {
        all.push((name, bcrypt::hash_with_result(PASSWORD, 4).unwrap().format_for_version(version)));
    }
    // Python's hashlib, salt 0123456789abcdef
    let made = [
        ("scrypt", "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$caQ/WQUCx5CsV1cTujj3GueZC1ZqtDPKVPuHLnSCfY0"),
        ("pbkdf2", "$pbkdf2$i=1000,l=20$MDEyMzQ1Njc4OWFiY2RlZg$WU5rt5xUKx7z1FWxs3qKMaJZ6hc"),
        (
            "pbkdf2-sha256",
            "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$VHRe/AZaBNcuSh7kqcDtCuX9g80j1iLhWdHavm6fqos",
        ),
        (
            "pbkdf2-sha512",
            "$pbkdf2-sha512$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$HEcRDZtxUHZqOoR7PTeIjjv97pH2H0tQDb3hMRdiyRKDSuGC203PXTQYFCobPx6qISg0RtpYzjjk1ouyjSQMMg",
        ),
    ];
    all.extend(made.map(|(name, hash)| (name, hash.to_owned())));
    all
}
async fn stored_hash(w: &World, email: &str) -> Option<String> {
    let all = rows(w, "users").await;
    let row = all.iter().find(|r| r["email"] == Cell::Text(email.into())).unwrap();
    if let Cell::Text(hash) = &row["password_hash"] { Some(hash.clone()) } else { None }
}

async fn a_hash_of_each_scheme_signs_in_and_is_argon2id_afterwards(w: World) {
    let hashes = foreign_hashes();
    let lines: Vec<Value> = hashes
        .iter()
        .map(|(name, hash)| json!({ "email": format!("{name}@example.com"), "name": name, "password_hash": hash }))
        .collect();
    let (report, summary) = import(&w, "", &lines).await;
    assert_eq!(summary["created"], hashes.len(), "{report:?}");
    for (name, hash) in &hashes {
        let email = format!("{name}@example.com");
        assert_eq!(stored_hash(&w, &email).await.as_deref(), Some(hash.as_str()));
        let wrong = json!({ "email": email, "password": "wrong-password-here" });
        w.anonymous().post("/v1/auth/login", wrong).await.refused(401, "invalid_credentials");
        assert_eq!(stored_hash(&w, &email).await.as_deref(), Some(hash.as_str()), "a wrong password changes nothing");
        w.login(&email).await.expect(200);
        let now = stored_hash(&w, &email).await.unwrap();
        assert!(now.starts_with("$argon2id$") && now != *hash, "{name}: {now}");
        w.login(&email).await.expect(200);
        assert_eq!(stored_hash(&w, &email).await.unwrap(), now, "and then it stays");
    }
}

async fn a_hash_beyond_its_bounds_or_of_no_scheme_is_refused(w: World) {
    let hashes = [
        "plain",
        "",
        "$",
        "$argon2id$",
        "$1$abc$def",
        "$6$salt$hash",
        "{SSHA}abc",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$2b$31$abcdefghijklmnopqrstuuO0Sf7VyU6nYx1Vw9mQxYq0rJmZx1XyK",
        "$2b$16$abcdefghijklmnopqrstuuO0Sf7VyU6nYx1Vw9mQxYq0rJmZx1XyK",
        "$argon2id$v=19$m=4194304,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=64,t=1000,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=30,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-sha256$i=4000000000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    let lines: Vec<Value> = hashes
        .iter()
        .enumerate()
        .map(|(n, h)| json!({ "email": format!("h{n}@example.com"), "name": "H", "password_hash": h }))
        .collect();
    let (report, summary) = import(&w, "", &lines).await;
    assert_eq!((&summary["invalid"], &summary["created"]), (&json!(hashes.len()), &json!(0)), "{report:?}");
    for (line, hash) in report.iter().zip(hashes) {
        assert_eq!(
            (&line["status"], &line["code"], &line["fields"][0]["field"]),
            (&json!("invalid"), &json!("invalid_input"), &json!("password_hash")),
            "{hash}: {line}"
        );
    }
    let both =
        json!({ "email": "b@example.com", "name": "B", "password": PASSWORD, "password_hash": foreign_hashes()[0].1 });
    assert_eq!(import(&w, "", &[both]).await.0[0]["status"], "invalid");
}

async fn a_dry_run_says_the_same_and_keeps_nothing(w: World) {
    let lines = [row("a@example.com"), json!({ "email": "x" }), row("owner@example.com")];
    let (dry, summary) = import(&w, "dry_run=true", &lines).await;
    assert_eq!(
        summary,
        json!({ "rows": 3, "created": 1, "updated": 0, "skipped": 0, "unchanged": 0, "invalid": 1, "conflict": 1, "dry_run": true })
    );
    assert_eq!(w.owner().get("/v1/users").await.expect(200)["data"].as_array().unwrap().len(), 1);
    assert!(w.events("action=users.imported").await.is_empty());
    let (real, _) = import(&w, "", &lines).await;
    let status = |r: &[Value]| r.iter().map(|l| l["status"].clone()).collect::<Vec<_>>();
    assert_eq!(status(&dry), status(&real));
    assert!(dry[0].get("id").is_none_or(Value::is_null), "a user who is not there has no id: {}", dry[0]);
}

async fn a_conflict_is_reported_skipped_or_updated(w: World) {
    let first = json!({ "email": "a@example.com", "name": "A", "external_id": "e1", "auth_provider": "oidc" });
    let id = import(&w, "", std::slice::from_ref(&first)).await.0[0]["id"].clone();
    let (report, _) = import(&w, "", std::slice::from_ref(&first)).await;
    assert_eq!((&report[0]["status"], &report[0]["code"]), (&json!("conflict"), &json!("user_exists")));
    assert_eq!(report[0]["external_id"], "e1");
    assert_eq!(import(&w, "on_conflict=skip", std::slice::from_ref(&first)).await.0[0]["status"], "skipped");
    assert_eq!(import(&w, "on_conflict=update", std::slice::from_ref(&first)).await.0[0]["status"], "unchanged");
    let changed = json!({ "email": "a@example.com", "name": "A B", "external_id": "e1", "auth_provider": "oidc", "first_name": "A" });
    let (report, _) = import(&w, "on_conflict=update", &[changed]).await;
    assert_eq!((&report[0]["status"], &report[0]["id"]), (&json!("updated"), &id), "{}", report[0]);
    let seen = w.owner().get(&format!("/v1/users/{}", id.as_str().unwrap())).await.expect(200);
    assert_eq!(seen["name"], "A B");
    w.service()
        .with("content-type", "application/x-ndjson")
        .send("POST", "/v1/users/import?on_conflict=maybe", b"{}")
        .await
        .refused(400, "invalid_input");
}

async fn a_bad_row_never_stops_the_others(w: World) {
    let long = format!("{{\"email\":\"l@example.com\",\"name\":\"{}\"}}", "x".repeat(70_000));
    let body = [
        row("a@example.com").to_string(),
        "not json".into(),
        "[]".into(),
        String::new(),
        long,
        "{\"email\":\"d@example.com\",\"name\":\"D\",\"is_owner\":true}".into(),
        "{\"email\":\"e@example.com\",\"name\":\"E\",\"email\":\"f@example.com\"}".into(),
        json!({ "email": "g@example.com", "name": "G", "roles": ["emperor"] }).to_string(),
        json!({ "email": "h@example.com", "name": "H", "manager_id": NOBODY }).to_string(),
        json!({ "email": "i@example.com", "name": "I", "password": "password123" }).to_string(),
        row("z@example.com").to_string(),
    ]
    .join("\r\n");
    let (report, summary) = raw(&w, "", body.as_bytes()).await;
    let status: Vec<&str> = report.iter().map(|l| l["status"].as_str().unwrap()).collect();
    assert_eq!(
        status,
        ["created", "invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "created"],
        "{report:?}"
    );
    assert_eq!((&summary["rows"], &summary["created"], &summary["invalid"]), (&json!(10), &json!(2), &json!(8)));
    let lines: Vec<i64> = report.iter().map(|l| l["line"].as_i64().unwrap()).collect();
    assert!(lines.windows(2).all(|w| w[0] < w[1]), "{lines:?}");
    // the last row ends with the body
    let (report, _) = raw(&w, "", b"\n\n{\"email\":\"y@example.com\",\"name\":\"Y\"}").await;
    assert_eq!(report[0]["status"], "created");
    let (report, summary) = raw(&w, "", b"").await;
    assert!(report.is_empty() && summary["rows"] == 0);
}

async fn rows_have_their_defaults(w: World) {
    let lines = [
        json!({ "email": "A@Example.com", "name": " A ", "password": PASSWORD, "email_verified": true, "metadata": { "a": 1 } }),
    ];
    let id = import(&w, "", &lines).await.0[0]["id"].as_str().unwrap().to_owned();
    let seen = w.owner().get(&format!("/v1/users/{id}")).await.expect(200);
    for (field, value) in [
        ("email", json!("a@example.com")),
        ("name", json!("A")),
        ("roles", json!(["user"])),
        ("auth_provider", json!("local")),
        ("email_verified", json!(true)),
        ("active", json!(true)),
        ("state", json!("active")),
        ("is_owner", json!(false)),
        ("metadata", json!({ "a": 1 })),
    ] {
        assert_eq!(seen[field], value, "{field}");
    }
    w.login("a@example.com").await.expect(200);
}

async fn two_rows_of_one_import_meet(w: World) {
    let lines = [row("a@example.com"), row("A@example.com"), row("b@example.com")];
    let (report, _) = import(&w, "", &lines).await;
    let status: Vec<&str> = report.iter().map(|l| l["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["created", "conflict", "created"]);
}

async fn an_update_takes_no_one_by_the_address_of_another(w: World) {
    let first = json!({ "email": "a@example.com", "name": "A", "external_id": "e1", "auth_provider": "oidc" });
    let second = json!({ "email": "b@example.com", "name": "B", "external_id": "e2", "auth_provider": "oidc" });
    import(&w, "", &[first, second]).await;
    // found by external_id e1, but the address is b's
    let crossed = json!({ "email": "b@example.com", "name": "Crossed", "external_id": "e1", "auth_provider": "oidc" });
    let (report, _) = import(&w, "on_conflict=update", &[crossed]).await;
    assert_ne!(report[0]["status"], "created", "{report:?}");
    for (email, external) in [("a@example.com", "e1"), ("b@example.com", "e2")] {
        let page = w.owner().get(&format!("/v1/users?email={email}")).await.expect(200);
        assert_eq!(page["data"][0]["external_id"], external, "{report:?}");
    }
    // nor is the owner made another by a file
    let owner = json!({ "email": "owner@example.com", "name": "Owner", "roles": ["user"], "password": "velvet-anchor-monsoon", "active": false });
    let (report, _) = import(&w, "on_conflict=update", &[owner]).await;
    let seen = w.owner().get(&format!("/v1/users/{}", w.owner_id)).await.expect(200);
    assert_eq!((&seen["roles"], &seen["state"]), (&json!(["user", "admin"]), &json!("active")), "{report:?}");
    w.login("owner@example.com").await.expect(200);
}

async fn an_import_is_told_in_the_log(w: World) {
    let (report, summary) = import(&w, "", &[row("a@example.com"), row("b@example.com"), json!({})]).await;
    let made = w.events("action=user.created").await;
    for line in report.iter().filter(|l| l["status"] == "created") {
        assert!(made.iter().any(|e| e["resource_id"] == line["id"]), "{line}");
    }
    let run = w.events("action=users.imported").await;
    assert_eq!(run.len(), 1);
    assert_eq!((&run[0]["metadata"]["summary"]["created"], &summary["created"]), (&json!(2), &json!(2)));
    let verified = w.service().post("/v1/audit-log/verify", json!({})).await.expect(200);
    assert_eq!(verified["ok"], true);
}

async fn many_rows_come_back_in_order(w: World) {
    let lines: Vec<Value> = (0..1_234).map(|n| row(&format!("r{n}@example.com"))).collect();
    let (report, summary) = import(&w, "", &lines).await;
    assert_eq!((&summary["rows"], &summary["created"]), (&json!(1_234), &json!(1_234)));
    assert!(report.iter().enumerate().all(|(n, l)| l["line"] == n + 1));
}

async fn a_row_that_is_suspended_cannot_sign_in_and_one_without_a_password_is_invited(w: World) {
    let lines = [
        json!({ "email": "s@example.com", "name": "S", "password": PASSWORD, "active": false }),
        json!({ "email": "i@example.com", "name": "I" }),
    ];
    let (report, _) = import(&w, "", &lines).await;
    w.login("s@example.com").await.refused(401, "invalid_credentials");
    w.login("i@example.com").await.refused(401, "invalid_credentials");
    let state = async |n: usize| {
        w.owner().get(&format!("/v1/users/{}", report[n]["id"].as_str().unwrap())).await.expect(200)["state"].clone()
    };
    assert_eq!((state(0).await, state(1).await), (json!("suspended"), json!("invited")));
    let plain = w.person("Plain", &["user"]).await;
    plain
        .client
        .with("content-type", "application/x-ndjson")
        .send("POST", "/v1/users/import", b"{}")
        .await
        .refused(403, "forbidden");
    w.service().post("/v1/users/import", json!({})).await.refused(415, "unsupported_media_type");
}
