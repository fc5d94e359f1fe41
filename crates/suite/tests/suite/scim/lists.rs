//! Lists of `/Users` and `/Groups`: filters, parts of a list, which attributes.
use serde_json::{Value, json};

use super::{Directory, GROUPS, USERS, ada, directory, id, refused};
use crate::openid::encoded;
use crate::world::*;

both!(
    people_are_found_by_what_directories_ask_for,
    sec_12_filters_are_bounded_and_say_what_is_wrong,
    sec_14_a_call_names_a_few_attributes,
    sec_13_a_filter_is_no_sql,
    a_list_comes_in_parts,
    an_answer_has_the_attributes_that_are_asked_for,
    groups_are_found,
    a_search_is_a_list_with_a_body,
);

async fn found(d: &Directory, filter: &str) -> Vec<String> {
    let list = d.calls.get(&format!("{USERS}?filter={}", encoded(filter))).await.expect(200);
    let all = list["Resources"].as_array().unwrap();
    assert_eq!(list["totalResults"], all.len(), "{filter}");
    all.iter().map(|u| u["userName"].as_str().unwrap().split('@').next().unwrap().to_owned()).collect()
}

async fn people_are_found_by_what_directories_ask_for(w: World) {
    let d = directory(&w, "Entra", json!({})).await;
    let mut a = ada("Ada");
    a["externalId"] = json!("X-1");
    a["displayName"] = json!("Ada Ünal");
    let a = d.make(a).await;
    let mut b = ada("bob");
    b["name"] = json!({ "givenName": "Bob", "familyName": "100%_sure" });
    b["active"] = json!(false);
    b["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] = json!({ "manager": { "value": a["id"] } });
    let b = d.make(b).await;
    w.clock.pass(100);
    let late = d.person("eve").await;
    let created = late["meta"]["created"].as_str().unwrap();
    let (hers, manager) = (id(&a), "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager");
    let cases: &[(String, &[&str])] = &[
        (r#"userName eq "ada@corp.example""#.into(), &["Ada"]),
        (r#"USERNAME EQ "ADA@CORP.EXAMPLE""#.into(), &["Ada"]),
        (r#"userName eq "nobody""#.into(), &[]),
        (r#"externalId eq "X-1""#.into(), &["Ada"]),
        (r#"externalId eq "x-1""#.into(), &[]),
        (r#"externalId co "-""#.into(), &["Ada"]),
        (r#"externalId pr"#.into(), &["Ada"]),
        (r#"not (externalId pr)"#.into(), &["bob", "eve"]),
        (r#"externalId ne "X-1""#.into(), &["bob", "eve"]),
        (format!(r#"id eq "{hers}""#), &["Ada"]),
        (r#"id eq "ada""#.into(), &[]),
        (r#"emails.value eq "ADA@corp.example""#.into(), &["Ada"]),
        (r#"emails[type eq "work"].value eq "bob@corp.example""#.into(), &["bob"]),
        (r#"emails[type eq "work" and value sw "bob@"]"#.into(), &["bob"]),
        (r#"emails[type eq "home"]"#.into(), &[]),
        (r#"displayName co "ünal""#.into(), &["Ada"]),
        (r#"displayName sw "ADA""#.into(), &["Ada"]),
        (r#"displayName ew "l""#.into(), &["Ada"]),
        (r#"name.givenName eq "BOB""#.into(), &["bob"]),
        (r#"name.familyName co "%_""#.into(), &["bob"]),
        (r#"name.familyName co "_%""#.into(), &[]),
        (r#"userName sw "ada" or userName sw "bob""#.into(), &["Ada", "bob"]),
        (r#"userName co "corp" and not (active eq true)"#.into(), &["bob"]),
        (r#"active eq "False""#.into(), &["bob"]),
        (r#"active ne true"#.into(), &["bob"]),
        (r#"userName gt "b""#.into(), &["bob", "eve"]),
        (r#"userName le "ada@corp.example""#.into(), &["Ada"]),
        (format!(r#"{manager}.value eq "{hers}""#), &["bob"]),
        (format!(r#"{manager} pr"#), &["bob"]),
        (format!(r#"meta.created ge "{created}""#), &["eve"]),
        (format!(r#"meta.lastModified lt "{created}""#), &["Ada", "bob"]),
        (r#"meta.resourceType eq "User""#.into(), &["Ada", "bob", "eve"]),
        (r#"meta.resourceType eq "Group""#.into(), &[]),
        (r#"(userName sw "e" or userName sw "b") and (active eq true)"#.into(), &["eve"]),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "bob@corp.example""#.into(), &["bob"]),
    ];
    for (filter, want) in cases {
        assert_eq!(found(&d, filter).await, *want, "{filter}");
    }
    assert_eq!(id(&b).len(), 36);
}

async fn sec_12_filters_are_bounded_and_say_what_is_wrong(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let many = vec![r#"userName eq "a""#; 21].join(" or ");
    let deep = format!("{}active pr{}", "not (".repeat(5), ")".repeat(5));
    for filter in [
        &*many,
        &deep,
        &"(".repeat(2_000),
        "userName",
        "userName eq",
        r#"title eq "x""#,
        "userName eq 5",
        "active gt true",
        "",
    ] {
        for list in [USERS, GROUPS] {
            let a = d.calls.get(&format!("{list}?filter={}", encoded(filter))).await;
            refused(&a, 400, Some("invalidFilter"));
        }
        let a = d.calls.post(&format!("{USERS}/.search"), json!({ "filter": filter })).await;
        refused(&a, 400, Some("invalidFilter"));
    }
}

async fn sec_14_a_call_names_a_few_attributes(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    d.person("ada").await;
    for (names, fits) in [(vec!["userName"; 50], true), (vec!["userName"; 51], false), (vec![&*"x".repeat(257)], false)]
    {
        for which in ["attributes", "excludedAttributes"] {
            let listed = d.calls.get(&format!("{USERS}?{which}={}", names.join(","))).await;
            let searched = d.calls.post(&format!("{USERS}/.search"), json!({ which: names })).await;
            for a in [listed, searched] {
                if fits {
                    a.expect(200);
                } else {
                    refused(&a, 400, Some("invalidValue"));
                }
            }
        }
    }
}

async fn sec_13_a_filter_is_no_sql(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    d.person("ada").await;
    for value in ["' OR '1'='1", "%", "_", "*", "\\\\", "a@corp.example' --", "$1", "$2", "\\u0000", "\\u0027"] {
        for how in ["eq", "co", "sw", "ew"] {
            for field in ["userName", "externalId", "name.givenName", "emails.value", "displayName"] {
                assert_eq!(found(&d, &format!(r#"{field} {how} "{value}""#)).await, [""; 0], "{field} {how} {value}");
            }
        }
    }
    assert_eq!(found(&d, r#"userName co "\u0061""#).await, ["ada"]);
}

async fn a_list_comes_in_parts(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    for n in 0..7 {
        d.person(&format!("p{n}")).await;
    }
    let part = async |query: &str| {
        let list = d.calls.get(&format!("{USERS}?{query}")).await.expect(200);
        let names: Vec<String> = list["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|u| u["userName"].as_str().unwrap().split('@').next().unwrap().to_owned())
            .collect();
        assert_eq!(list["itemsPerPage"], names.len());
        assert_eq!(list["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
        (list["totalResults"].as_u64().unwrap(), list["startIndex"].as_u64().unwrap(), names.join(" "))
    };
    assert_eq!(part("").await, (7, 1, "p0 p1 p2 p3 p4 p5 p6".into()));
    assert_eq!(part("count=3").await, (7, 1, "p0 p1 p2".into()));
    assert_eq!(part("startIndex=4&count=3").await, (7, 4, "p3 p4 p5".into()));
    assert_eq!(part("startIndex=7&count=3").await, (7, 7, "p6".into()));
    assert_eq!(part("startIndex=8&count=3").await, (7, 8, String::new()));
    assert_eq!(part("startIndex=100").await, (7, 100, String::new()));
    assert_eq!(part("count=0").await, (7, 1, String::new()));
    // what is out of range is brought into it
    assert_eq!(part("startIndex=-5&count=2").await, (7, 1, "p0 p1".into()));
    assert_eq!(part("startIndex=0&count=-2").await, (7, 1, String::new()));
    assert_eq!(part("count=100000&surprise=1&sortBy=userName").await.0, 7);
    assert_eq!(
        part(&format!("count=1&startIndex=2&filter={}", encoded(r#"userName co "p""#))).await,
        (7, 2, "p1".into())
    );
    refused(&d.calls.get(&format!("{USERS}?count=many")).await, 400, Some("invalidValue"));
}

async fn an_answer_has_the_attributes_that_are_asked_for(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let p = d.person("ada").await;
    let names = |u: &Value| u.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let one = async |query: &str| d.calls.get(&format!("{USERS}/{}?{query}", id(&p))).await.expect(200);
    assert_eq!(names(&one("attributes=userName,emails.value").await), "schemas id userName emails");
    assert_eq!(one("attributes=emails.value").await["emails"], json!([{ "value": "ada@corp.example" }]));
    assert_eq!(names(&one("excludedAttributes=emails,meta,name,id").await), "schemas id userName active");
    let list =
        d.calls.get(&format!("{USERS}?attributes=urn:ietf:params:scim:schemas:core:2.0:User:active")).await.expect(200);
    assert_eq!(names(&list["Resources"][0]), "schemas id active");
    refused(&d.calls.get(&format!("{USERS}?attributes=a&excludedAttributes=b")).await, 400, Some("invalidValue"));
    let made = d.calls.post(&format!("{USERS}?attributes=userName"), ada("bob")).await;
    assert_eq!(names(&made.expect(201)), "schemas id userName");
}

async fn groups_are_found(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    let (a, b) = (d.person("ada").await, d.person("bob").await);
    for (name, external, members) in
        [("Engineers", "g-1", vec![&a, &b]), ("Makers", "g-2", vec![&a]), ("Nobody", "g-3", vec![])]
    {
        let members: Vec<Value> = members.iter().map(|m| json!({ "value": m["id"] })).collect();
        d.calls
            .post(GROUPS, json!({ "displayName": name, "externalId": external, "members": members }))
            .await
            .expect(201);
    }
    let (hers, his) = (id(&a), id(&b));
    for (filter, want) in [
        (r#"displayName eq "engineers""#.to_owned(), "Engineers"),
        (r#"displayName co "ake""#.into(), "Makers"),
        (r#"externalId eq "g-2""#.into(), "Makers"),
        (format!(r#"members.value eq "{hers}""#), "Engineers Makers"),
        (format!(r#"members eq "{his}""#), "Engineers"),
        (format!(r#"members[value eq "{his}"]"#), "Engineers"),
        (format!(r#"members.value eq "{hers}" and members.value eq "{his}""#), "Engineers"),
        (format!(r#"not (members.value eq "{hers}")"#), "Nobody"),
        (r#"members pr"#.into(), "Engineers Makers"),
        (format!(r#"displayName eq "Makers" and members.value eq "{his}""#), ""),
        (r#"meta.resourceType eq "Group""#.into(), "Engineers Makers Nobody"),
    ] {
        let list =
            d.calls.get(&format!("{GROUPS}?excludedAttributes=members&filter={}", encoded(&filter))).await.expect(200);
        let all = list["Resources"].as_array().unwrap();
        assert!(all.iter().all(|g| g.get("members").is_none()));
        let names: Vec<&str> = all.iter().map(|g| g["displayName"].as_str().unwrap()).collect();
        assert_eq!(names.join(" "), want, "{filter}");
    }
    let list = d.calls.get(&format!("{GROUPS}?count=1")).await.expect(200);
    assert_eq!(list["Resources"][0]["members"].as_array().unwrap().len(), 2);
}

async fn a_search_is_a_list_with_a_body(w: World) {
    let d = directory(&w, "Okta", json!({})).await;
    for n in 0..3 {
        d.person(&format!("p{n}")).await;
    }
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName sw \"p\"", "startIndex": 2, "count": 1,
        "attributes": ["userName"],
    });
    let list = d.calls.post(&format!("{USERS}/.search"), body).await.expect(200);
    assert_eq!((&list["totalResults"], &list["Resources"][0]["userName"]), (&json!(3), &json!("p1@corp.example")));
    assert_eq!(d.calls.post(&format!("{GROUPS}/.search"), json!({})).await.expect(200)["totalResults"], 0);
    for bad in [json!({ "count": "x" }), json!({ "attributes": "userName" }), json!({ "attributes": [5] })] {
        refused(&d.calls.post(&format!("{USERS}/.search"), bad).await, 400, Some("invalidValue"));
    }
}
