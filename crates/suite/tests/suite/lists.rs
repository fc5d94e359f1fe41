//! Lists: pages, cursors, order, filters (spec v1 2.5).
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::*;

both!(
    pages_visit_each_row_once_while_others_are_made,
    pages_visit_each_row_once_in_every_order,
    a_cursor_that_is_forged_foreign_or_old_is_refused,
    a_limit_is_within_its_bounds_and_not_clipped,
    an_unknown_or_doubled_name_is_named,
    filters_combine,
    q_matches_the_start_of_a_word_or_of_the_whole_address,
    sec_13_a_query_is_data,
    every_list_has_the_same_form,
);

async fn make(w: &World, count: usize) -> BTreeSet<String> {
    let mut rows = String::new();
    for n in 0..count {
        rows.push_str(&format!(
            "{}\n",
            json!({ "email": format!("row{n}@page.example"), "name": format!("Row {n:04}"), "auth_provider": "oidc" })
        ));
    }
    let a = w
        .service()
        .with("content-type", "application/x-ndjson")
        .send("POST", "/v1/users/import", rows.as_bytes())
        .await;
    a.lines().iter().filter_map(|l| l["id"].as_str().map(str::to_owned)).collect()
}
/// All pages of a list, row by row.
async fn walk(client: &Client, path: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (vec![], String::new());
    loop {
        let page = client.get(&format!("{path}{cursor}")).await.expect(200);
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        assert_eq!(page["has_more"], json!(page["next_cursor"].is_string()), "{page}");
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}
fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
}

async fn pages_visit_each_row_once_while_others_are_made(w: World) {
    let there = make(&w, 120).await;
    let (service, stop) = (w.service(), std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let creating = {
        let stop = stop.clone();
        tokio::spawn(async move {
            let mut made = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                service
                    .post("/v1/users", new_user_with(json!({ "auth_provider": "oidc", "password": null })))
                    .await
                    .expect(201);
                made += 1;
            }
            made
        })
    };
    for (sort, limit) in
        [("", 7), ("&sort=created_at", 11), ("&sort=email", 5), ("&sort=-name", 13), ("&sort=name", 1 + 16)]
    {
        let rows = ids(&walk(&w.owner(), &format!("/v1/users?limit={limit}{sort}")).await);
        let distinct: BTreeSet<String> = rows.iter().cloned().collect();
        assert_eq!(rows.len(), distinct.len(), "sort {sort:?}: a row came twice");
        assert!(there.is_subset(&distinct), "sort {sort:?}: a row that was there before was left out");
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(creating.await.unwrap() > 0);
}

async fn pages_visit_each_row_once_in_every_order(w: World) {
    // names that are equal, that differ in case, that sort by the alphabet of no country
    for name in ["ada", "Ada", "ADA", "ada", "zoë", "Zoe", "äpfel", "Apfel", "_", "1"] {
        w.service().post("/v1/users", new_user_with(json!({ "name": name }))).await.expect(201);
    }
    let all: BTreeSet<String> = ids(&walk(&w.owner(), "/v1/users?limit=250").await).into_iter().collect();
    for sort in ["created_at", "email", "name"] {
        for limit in [1, 2, 3, 10, 11, 12] {
            let up = ids(&walk(&w.owner(), &format!("/v1/users?limit={limit}&sort={sort}")).await);
            let mut down = ids(&walk(&w.owner(), &format!("/v1/users?limit={limit}&sort=-{sort}")).await);
            down.reverse();
            assert_eq!(up, down, "{sort} by {limit}");
            assert_eq!(up.iter().cloned().collect::<BTreeSet<_>>(), all, "{sort} by {limit}");
        }
    }
    let mut by_email: Vec<String> = walk(&w.owner(), "/v1/users?limit=3&sort=email")
        .await
        .iter()
        .map(|u| u["email"].as_str().unwrap().into())
        .collect();
    let sorted = {
        let mut s = by_email.clone();
        s.sort();
        s
    };
    assert_eq!(by_email, sorted);
    by_email.dedup();
    assert_eq!(by_email.len(), all.len());
}

async fn a_cursor_that_is_forged_foreign_or_old_is_refused(w: World) {
    make(&w, 5).await;
    let other = w.second_tenant("Globex").await;
    for _ in 0..3 {
        other.owner.client.post("/v1/users", new_user()).await.expect(201);
    }
    let cursor =
        async |c: &Client, path: &str| c.get(path).await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    let good = cursor(&w.owner(), "/v1/users?limit=2").await;
    let wrong = |field: &str| field.to_owned();
    let mut flipped = good.clone().into_bytes();
    let at = flipped.len() / 2;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    let refused = [
        ("forged", wrong("/v1/users?limit=2&cursor=forged")),
        ("empty", wrong("/v1/users?limit=2&cursor=")),
        ("one bit", format!("/v1/users?limit=2&cursor={}", String::from_utf8(flipped).unwrap())),
        ("cut", format!("/v1/users?limit=2&cursor={}", &good[..good.len() - 2])),
        (
            "of another tenant",
            format!("/v1/users?limit=2&cursor={}", cursor(&other.owner.client, "/v1/users?limit=2").await),
        ),
        ("of another list", format!("/v1/users?limit=2&cursor={}", cursor(&w.owner(), "/v1/audit-log?limit=1").await)),
        ("of another filter", format!("/v1/users?limit=2&role=user&cursor={good}")),
        ("of another order", format!("/v1/users?limit=2&sort=email&cursor={good}")),
        ("too long", format!("/v1/users?limit=2&cursor={}", "A".repeat(5_000))),
    ];
    for (what, path) in refused {
        let a = w.owner().get(&path).await;
        assert_eq!(a.status, 400, "{what}: {}", a.text());
        a.field("cursor");
    }
    w.owner().get(&format!("/v1/users?limit=2&cursor={good}")).await.expect(200);
    w.owner().get(&format!("/v1/users?limit=50&cursor={good}")).await.expect(200);
    w.clock.pass(24 * 3600 + 1);
    let a = w.service().get(&format!("/v1/users?limit=2&cursor={good}")).await;
    a.refused(400, "invalid_input");
    a.field("cursor");
}

async fn a_limit_is_within_its_bounds_and_not_clipped(w: World) {
    for bad in ["0", "251", "-1", "ten", "", "1e2", "99999999999999999999"] {
        for path in ["/v1/users", "/v1/policies", "/v1/api-keys", "/v1/tenants", "/v1/audit-log"] {
            let a = w.owner().get(&format!("{path}?limit={bad}")).await;
            a.refused(400, "invalid_input");
            a.field("limit");
        }
    }
    make(&w, 60).await;
    assert_eq!(w.owner().get("/v1/users").await.expect(200)["data"].as_array().unwrap().len(), 50);
    assert_eq!(w.owner().get("/v1/users?limit=250").await.expect(200)["data"].as_array().unwrap().len(), 61);
}

async fn an_unknown_or_doubled_name_is_named(w: World) {
    let a = w.owner().get("/v1/users?page=2&role=user&role=admin&size=1").await;
    a.refused(400, "invalid_input");
    for field in ["page", "role", "size"] {
        a.field(field);
    }
    for (query, field) in [
        ("role=owner", "role"),
        ("state=gone", "state"),
        ("sort=password_hash", "sort"),
        ("auth_provider=x", "auth_provider"),
        ("q=", "q"),
        ("group_id=x", "group_id"),
    ] {
        let a = w.owner().get(&format!("/v1/users?{query}")).await;
        a.refused(400, "invalid_input");
        a.field(field);
    }
    let a = w.owner().get(&format!("/v1/users/{}?x=1", w.owner_id)).await;
    a.refused(400, "invalid_input");
}

async fn filters_combine(w: World) {
    let ada = w.person("Ada", &["user", "approver"]).await;
    w.person("Bob", &["user"]).await;
    let gone = w.person("Gone", &["user", "approver"]).await;
    w.owner().post(&format!("/v1/users/{}/suspend", gone.id), json!({ "active": false })).await.expect(200);
    w.owner()
        .post("/v1/users", new_user_with(json!({ "external_id": "hr-1", "auth_provider": "saml", "password": null })))
        .await
        .expect(201);
    let count = async |query: &str| {
        w.owner().get(&format!("/v1/users?{query}")).await.expect(200)["data"].as_array().unwrap().len()
    };
    for (query, n) in [
        ("role=approver", 2),
        ("role=approver&state=active", 1),
        ("state=suspended", 1),
        ("state=invited", 0),
        ("email=ADA@example.com", 1),
        ("email=ad@example.com", 0),
        ("external_id=hr-1", 1),
        ("external_id=hr-1&auth_provider=saml", 1),
        ("external_id=hr-1&auth_provider=oidc", 0),
        ("auth_provider=local", 4),
        (&*format!("group_id={NOBODY}"), 0),
    ] {
        assert_eq!(count(query).await, n, "{query}");
    }
    assert_eq!(w.owner().get("/v1/users?role=approver&state=active").await.json()["data"][0]["id"], ada.id);
    // one's own rows only, where one may not see all
    let bob = w.login("bob@example.com").await.expect(200);
    let mine = w.bearer(bob["token"].as_str().unwrap()).get("/v1/users").await.expect(200);
    assert_eq!(mine["data"].as_array().unwrap().len(), 1);
    assert_eq!(mine["data"][0]["email"], "bob@example.com");
    let none = w.bearer(bob["token"].as_str().unwrap()).get("/v1/users?email=ada@example.com").await.expect(200);
    assert_eq!(none["data"], json!([]));
}

async fn q_matches_the_start_of_a_word_or_of_the_whole_address(w: World) {
    for (name, email) in [
        ("Ada Lovelace", "countess@example.com"),
        ("Grace Hopper", "grace@navy.example"),
        ("100% Real_Name", "pct@example.com"),
        ("Zoë Müller", "zoe@example.com"),
    ] {
        w.owner().post("/v1/users", new_user_with(json!({ "name": name, "email": email }))).await.expect(201);
    }
    let found = async |q: &str| {
        let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
        let page = w.owner().get(&format!("/v1/users?q={q}")).await.expect(200);
        page["data"].as_array().unwrap().iter().map(|u| u["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (q, name) in [
        ("lov", "Ada Lovelace"),
        ("ADA", "Ada Lovelace"),
        ("ada l", "Ada Lovelace"),
        ("countess@ex", "Ada Lovelace"),
        ("hopper", "Grace Hopper"),
        ("MÜL", "Zoë Müller"),
        ("100%", "100% Real_Name"),
    ] {
        assert_eq!(found(q).await, [name], "{q}");
    }
    for q in ["ovelace", "navy", "%", "_", "' OR 1=1 --", "example.com", "\\", "*", "lov%"] {
        assert_eq!(found(q).await, Vec::<String>::new(), "{q}");
    }
}

async fn sec_13_a_query_is_data(w: World) {
    w.person("Ada", &["user"]).await;
    for evil in [
        "'; DROP TABLE users; --",
        "\" OR \"\"=\"",
        "\u{0}",
        "%00",
        "../../etc",
        "{{7*7}}",
        "a' UNION SELECT password_hash FROM users --",
    ] {
        let q: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        for path in [
            "/v1/users?q=",
            "/v1/users?external_id=",
            "/v1/audit-log?action=",
            "/v1/audit-log?actor_id=",
            "/v1/policies?q=",
            "/v1beta1/users?keyword=",
            "/v1/users/",
            "/v1beta1/users/",
            "/v1beta1/meta/schemas/",
        ] {
            let a = w.owner().get(&format!("{path}{q}")).await;
            assert!(matches!(a.status, 200 | 400 | 404), "{path}{q}: {} {}", a.status, a.text());
            assert!(!a.text().contains("argon2"));
        }
    }
    assert_eq!(w.owner().get("/v1/users").await.expect(200)["data"].as_array().unwrap().len(), 2);
}

async fn every_list_has_the_same_form(w: World) {
    w.seal().await;
    for path in
        ["/v1/users", "/v1/policies", "/v1/api-keys", "/v1/tenants", "/v1/audit-log", "/v1/audit-log/checkpoints"]
    {
        let page = w.owner().get(path).await.expect(200);
        assert!(
            page["data"].is_array() && page["has_more"] == json!(false) && page["next_cursor"].is_null(),
            "{path}: {page}"
        );
        assert!(page.get("next_cursor").is_some());
    }
    let user = w.owner().get("/v1/users").await.expect(200)["data"][0].clone();
    assert_eq!(user.get("avatar_base64"), Some(&Value::Null));
}
