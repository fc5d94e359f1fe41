//! Prospects: anybody signs up, superusers look after them (spec v1beta1 2.3.18, 3.16).
use serde_json::{Value, json};

use crate::world::access::*;
use crate::world::tables::count;
use crate::world::*;

both!(
    who_may_look_after_prospects,
    anybody_signs_up,
    sec_15_who_signed_up_before_is_not_told_and_not_changed,
    sec_11_what_only_superusers_say_is_not_read_of_a_sign_up,
    sec_14_an_address_signs_up_so_often_a_minute,
    an_address_is_there_once_for_an_activity,
    an_update_replaces_everything,
    what_is_wrong_is_told,
    metadata_of_prospects_obeys_its_schema,
    prospects_are_searched,
    sec_02_a_prospect_of_another_tenant_is_not_there,
    sec_20_events_of_prospects_name_nobody,
);

const PUBLIC: &str = "/v1beta1/prospects";
const ALL: &str = "/v1beta1/admin/prospects";
const SEARCH: &str = "/v1beta1/admin/prospects/list";

fn sign_up(email: &str) -> Value {
    json!({ "email": email, "activity": "newsletter" })
}
fn full(email: &str, activity: &str, status: &str) -> Value {
    json!({ "name": "Ada", "email": email, "phone": "+49 30 1", "activity": activity, "status": status,
        "source": "website", "verified": true, "metadata": { "description": "met at the fair" } })
}
async fn make(w: &World, email: &str, activity: &str, status: &str) -> Value {
    w.owner().post(ALL, full(email, activity, status)).await.expect(200)["prospect"].clone()
}
async fn list(w: &World) -> Vec<Value> {
    w.owner().post(SEARCH, json!({})).await.expect(200)["prospects"].as_array().unwrap().clone()
}

async fn who_may_look_after_prospects(w: World) {
    let ada = make(&w, "ada@example.com", "newsletter", "STATUS_SUBSCRIBED").await;
    let one = format!("{ALL}/{}", id(&ada));
    let tenant = w.second_tenant("Rival").await;
    for (who, by, read, make) in [
        ("nobody", w.anonymous(), 401, 401),
        ("a user", w.person("Sam", &["user"]).await.client, 403, 403),
        ("another tenant's admin", tenant.owner.client.clone(), 404, 200),
        ("superuser", w.owner(), 200, 200),
        ("service key", w.service(), 200, 200),
    ] {
        assert_eq!(by.get(&one).await.status, read, "{who} reads");
        let a = by.put(&one, full("ada@example.com", "newsletter", "STATUS_SUBSCRIBED")).await;
        assert_eq!(a.status, read, "{who} updates: {}", a.text());
        let other = format!("{}@example.com", who.replace([' ', '\''], ""));
        let a = by.post(ALL, full(&other, "newsletter", "STATUS_SUBSCRIBED")).await;
        assert_eq!(a.status, make, "{who} makes: {}", a.text());
        assert_eq!(by.post(SEARCH, json!({})).await.status, make, "{who} searches");
        if read != 200 {
            assert_eq!(by.delete(&one).await.status, read, "{who} deletes");
            assert_eq!(by.get(&format!("{ALL}/{NOBODY}")).await.status, read, "{who} is told nothing");
        }
    }
    w.owner().delete(&one).await.expect(200);
    let e = w.owner().get(&one).await.expect(404);
    assert!(e["message"].as_str().unwrap().starts_with("record not found for the given input"), "{e}");
    w.owner().delete(&one).await.expect(404);
    w.owner().put(&one, full("ada@example.com", "newsletter", "STATUS_SUBSCRIBED")).await.expect(404);
}

async fn anybody_signs_up(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    let dead = w.bearer("not-a-token");
    for (by, email) in [(w.anonymous(), "a@example.com"), (ada.client, "b@example.com"), (dead, "c@example.com")] {
        assert_eq!(by.post(PUBLIC, sign_up(email)).await.expect(200), json!({}));
    }
    let a = connect(&w.anonymous(), "CreateProspectPublic", sign_up(" D@Example.com ")).await;
    assert_eq!(a.expect(200), json!({}));
    let seen = list(&w).await;
    assert_eq!(all(&json!(seen), "email"), ["d@example.com", "c@example.com", "b@example.com", "a@example.com"]);
    assert_eq!(
        (&seen[0]["status"], &seen[0]["verified"], &seen[0]["name"], &seen[0]["metadata"]),
        (&json!("STATUS_SUBSCRIBED"), &json!(false), &json!(""), &json!({}))
    );
    // in the tenant that is named, else in the default one
    let rival = w.second_tenant("Rival").await;
    let there = w.anonymous().with("x-tenant-id", &*rival.id);
    there.post(PUBLIC, sign_up("a@example.com")).await.expect(200);
    assert_eq!(list(&w).await.len(), 4);
    let theirs = rival.owner.client.post(SEARCH, json!({})).await.expect(200);
    assert_eq!(all(&theirs["prospects"], "email"), ["a@example.com"]);
}

async fn sec_15_who_signed_up_before_is_not_told_and_not_changed(w: World) {
    let known = make(&w, "ada@example.com", "newsletter", "STATUS_UNSUBSCRIBED").await;
    let mut again = full("ADA@example.com", "newsletter", "STATUS_SUBSCRIBED");
    again["name"] = json!("Mallory");
    let (old, new) =
        (w.anonymous().post(PUBLIC, again.clone()).await, w.anonymous().post(PUBLIC, sign_up("new@example.com")).await);
    assert_eq!((old.status, old.text()), (new.status, new.text()));
    let names = |a: &Answer| a.headers.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
    assert_eq!(names(&old), names(&new));
    // who left is not brought back, and nobody's name is changed
    let seen = w.owner().get(&format!("{ALL}/{}", id(&known))).await.expect(200)["prospect"].clone();
    assert_eq!(seen, known);
    assert_eq!(w.events("action=prospect.created").await.len(), 2);
    assert!(w.events("action=prospect.updated").await.is_empty());
    // a key of one anonymous caller is no business of another's
    let keyed = w.anonymous().with("idempotency-key", "k1");
    keyed.post(PUBLIC, sign_up("x@example.com")).await.expect(200);
    let a = keyed.post(PUBLIC, sign_up("y@example.com")).await;
    assert_eq!((a.status, a.header("idempotency-replayed")), (200, None));
    assert_eq!(list(&w).await.len(), 4);
}

async fn sec_11_what_only_superusers_say_is_not_read_of_a_sign_up(w: World) {
    let mut body = full("ada@example.com", "newsletter", "STATUS_UNSUBSCRIBED");
    body["id"] = json!(NOBODY);
    body["created_at"] = json!("2020-01-01T00:00:00Z");
    w.anonymous().post(PUBLIC, body).await.expect(200);
    let seen = list(&w).await.remove(0);
    assert_eq!((&seen["status"], &seen["verified"]), (&json!("STATUS_SUBSCRIBED"), &json!(false)));
    assert!(seen["id"] != NOBODY && seen["created_at"] != "2020-01-01T00:00:00Z", "{seen}");
}

async fn sec_14_an_address_signs_up_so_often_a_minute(engine: Engine) {
    let mut options = Options::default();
    options.edge.public_per_minute = 3;
    let w = World::on(engine, options).await;
    for n in 0..3 {
        w.anonymous().post(PUBLIC, sign_up(&format!("a{n}@example.com"))).await.expect(200);
    }
    let a = w.anonymous().post(PUBLIC, sign_up("a3@example.com")).await;
    assert_eq!((a.status, a.json()["code"].clone(), a.header("retry-after").is_some()), (429, json!(8), true));
    let a = connect(&w.owner(), "CreateProspectPublic", sign_up("a4@example.com")).await;
    assert_eq!(code(&a), "resource_exhausted", "with a credential too");
    // the other calls go on
    w.owner().get("/v1beta1/preferences").await.expect(200);
    make(&w, "a5@example.com", "newsletter", "STATUS_SUBSCRIBED").await;
    w.clock.pass(60);
    w.anonymous().post(PUBLIC, sign_up("a6@example.com")).await.expect(200);
    assert_eq!(count(&w, "prospects").await, 5);
}

async fn an_address_is_there_once_for_an_activity(w: World) {
    let ada = make(&w, "ada@example.com", "newsletter", "STATUS_SUBSCRIBED").await;
    make(&w, "ada@example.com", "beta-test", "STATUS_SUBSCRIBED").await;
    make(&w, "bob@example.com", "newsletter", "STATUS_SUBSCRIBED").await;
    let e = w.owner().post(ALL, full("Ada@Example.com", "newsletter", "STATUS_SUBSCRIBED")).await.expect(409);
    assert!(e["code"] == 6 && e["message"].as_str().unwrap().starts_with("already exist"), "{e}");
    let e = w
        .owner()
        .put(&format!("{ALL}/{}", id(&ada)), full("bob@example.com", "newsletter", "STATUS_SUBSCRIBED"))
        .await
        .expect(400);
    assert!(e["code"] == 3 && e["message"].as_str().unwrap().starts_with("already exist"), "{e}");
    let keyed = w.owner().with("idempotency-key", "k1");
    let first = keyed.post(ALL, full("new@example.com", "newsletter", "STATUS_SUBSCRIBED")).await.expect(200);
    let again = keyed.post(ALL, full("new@example.com", "newsletter", "STATUS_SUBSCRIBED")).await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), (Some("true"), first));
}

async fn an_update_replaces_everything(w: World) {
    let made = make(&w, "ada@example.com", "newsletter", "STATUS_SUBSCRIBED").await;
    let one = format!("{ALL}/{}", id(&made));
    w.clock.pass(5);
    let body = json!({ "email": "ada@example.org", "activity": "newsletter", "status": "STATUS_SUBSCRIBED" });
    let now = w.owner().put(&one, body).await.expect(200)["prospect"].clone();
    assert_eq!(
        (&now["email"], &now["name"], &now["phone"], &now["verified"], &now["metadata"]),
        (&json!("ada@example.org"), &json!(""), &json!(""), &json!(false), &json!({}))
    );
    assert_eq!((&now["id"], &now["changed_at"]), (&made["id"], &made["changed_at"]), "the status did not change");
    w.clock.pass(5);
    let body = json!({ "email": "ada@example.org", "activity": "newsletter", "status": 1 });
    let gone = w.owner().put(&one, body).await.expect(200)["prospect"].clone();
    assert_eq!((&gone["status"], &gone["changed_at"]), (&json!("STATUS_UNSUBSCRIBED"), &gone["updated_at"]));
    assert_eq!(w.owner().get(&one).await.expect(200)["prospect"], gone);
}

async fn what_is_wrong_is_told(w: World) {
    for (field, value) in [
        ("email", json!("nobody")),
        ("email", json!("")),
        ("activity", json!("")),
        ("activity", json!("a b")),
        ("activity", json!("a".repeat(101))),
        ("name", json!("R2D2")),
        ("source", json!("a/b")),
        ("phone", json!("1".repeat(33))),
        ("metadata", json!({ "label": { "a": "a".repeat(5_000) } })),
        ("status", json!("STATUS_UNSPECIFIED")),
    ] {
        let mut body = full("ada@example.com", "newsletter", "STATUS_SUBSCRIBED");
        body[field] = value;
        let e = w.owner().post(ALL, body.clone()).await.expect(400);
        assert_eq!(e["details"][0]["field_violations"][0]["field"], field, "{e}");
        if field != "status" {
            w.anonymous().post(PUBLIC, body).await.expect(400);
        }
    }
    w.owner().get(&format!("{ALL}/nonsense")).await.expect(400);
    assert_eq!(count(&w, "prospects").await, 0);
}

async fn metadata_of_prospects_obeys_its_schema(w: World) {
    let mut body = full("ada@example.com", "newsletter", "STATUS_SUBSCRIBED");
    body["metadata"] = json!({ "something": "else" });
    for a in [w.owner().post(ALL, body.clone()).await, w.anonymous().post(PUBLIC, body).await] {
        let e = a.expect(400);
        let text = "invalid syntax in body : metadata schema validation failed";
        assert!(e["message"].as_str().unwrap().starts_with(text), "{e}");
    }
}

async fn prospects_are_searched(w: World) {
    for (email, activity, status) in [
        ("ada@example.com", "newsletter", "STATUS_SUBSCRIBED"),
        ("bob@example.com", "newsletter", "STATUS_UNSUBSCRIBED"),
        ("cleo@example.org", "beta", "STATUS_SUBSCRIBED"),
    ] {
        make(&w, email, activity, status).await;
    }
    w.anonymous().post(PUBLIC, sign_up("dan@example.org")).await.expect(200);
    let found = async |query: Value| {
        let a = w.owner().post(SEARCH, query).await.expect(200);
        (all(&a["prospects"], "email"), a["pagination"]["total_count"].clone())
    };
    let filter = |name: &str, operator: &str, value: Value| {
        let mut f = json!({ "name": name, "operator": operator });
        f.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        json!({ "filters": [f] })
    };
    let subscribed = filter("status", "eq", json!({ "string_value": "subscribed" }));
    assert_eq!(
        found(subscribed).await,
        (vec!["dan@example.org".into(), "cleo@example.org".into(), "ada@example.com".into()], json!(3))
    );
    assert_eq!(found(filter("verified", "eq", json!({ "bool_value": false }))).await.0, ["dan@example.org"]);
    assert_eq!(found(filter("email", "like", json!({ "string_value": "%.org" }))).await.0.len(), 2);
    assert_eq!(found(json!({ "search": "bob" })).await.0, ["bob@example.com"]);
    let page = json!({ "sort": [{ "name": "email", "order": "asc" }], "offset": 1, "limit": 2 });
    assert_eq!(found(page).await, (vec!["bob@example.com".into(), "cleo@example.org".into()], json!(4)));
    // the newest alone, and how many there are
    assert_eq!(found(json!({ "limit": 1 })).await, (vec!["dan@example.org".into()], json!(4)));
    assert_eq!(found(json!({ "offset": 3, "limit": 5 })).await, (vec!["ada@example.com".into()], json!(4)));
    let groups =
        async |by: &str| w.owner().post(SEARCH, json!({ "group_by": [by] })).await.expect(200)["group"]["data"].clone();
    let row = |name: &str, count: u32| json!({ "name": name, "count": count });
    assert_eq!(groups("activity").await, json!([row("beta", 1), row("newsletter", 3)]));
    assert_eq!(groups("verified").await, json!([row("false", 1), row("true", 3)]));
    assert_eq!(groups("source").await, json!([row("", 1), row("website", 3)]));
    for bad in [
        filter("metadata", "eq", json!({ "string_value": "x" })),
        filter("email", "gt", json!({ "string_value": "x" })),
        json!({ "group_by": ["email"] }),
        json!({ "limit": 5_001 }),
    ] {
        w.owner().post(SEARCH, bad).await.expect(400);
    }
}

async fn sec_02_a_prospect_of_another_tenant_is_not_there(w: World) {
    let rival = w.second_tenant("Rival").await;
    let theirs =
        rival.owner.client.post(ALL, full("ada@example.com", "newsletter", "STATUS_SUBSCRIBED")).await.expect(200);
    let theirs = id(&theirs["prospect"]);
    for id in [&*theirs, NOBODY] {
        let one = format!("{ALL}/{id}");
        w.owner().get(&one).await.expect(404);
        w.owner().put(&one, full("x@example.com", "newsletter", "STATUS_SUBSCRIBED")).await.expect(404);
        w.owner().delete(&one).await.expect(404);
    }
    assert_eq!(list(&w).await, Vec::<Value>::new());
    make(&w, "ada@example.com", "newsletter", "STATUS_SUBSCRIBED").await;
    rival.owner.client.get(&format!("{ALL}/{theirs}")).await.expect(200);
}

async fn sec_20_events_of_prospects_name_nobody(w: World) {
    let made = make(&w, "ada.secret@example.com", "newsletter", "STATUS_SUBSCRIBED").await;
    let one = format!("{ALL}/{}", id(&made));
    let mut body = full("ada.other@example.com", "newsletter", "STATUS_UNSUBSCRIBED");
    body["name"] = json!("Confidential");
    w.owner().put(&one, body.clone()).await.expect(200);
    w.owner().put(&one, body).await.expect(200);
    w.owner().delete(&one).await.expect(200);
    w.anonymous().post(PUBLIC, sign_up("ada.secret@example.com")).await.expect(200);
    let mut told = String::new();
    for (action, n) in [("prospect.created", 2), ("prospect.updated", 1), ("prospect.deleted", 1)] {
        let events = w.events(&format!("action={action}")).await;
        assert_eq!(events.len(), n, "{action}");
        told += &json!(events).to_string();
    }
    let updated = w.events("action=prospect.updated").await.remove(0);
    assert_eq!(updated["metadata"]["changed"], json!(["email", "name"]));
    assert_eq!(updated["changes"], json!({ "status": { "before": "subscribed", "after": "unsubscribed" } }));
    for personal in ["ada.secret", "ada.other", "Confidential", "+49"] {
        assert!(!told.contains(personal), "{personal}");
    }
}
