use std::borrow::Cow;

use super::*;
use portcullis_domain::Timestamp;
use portcullis_wire_v1beta1::{Messages, json};

struct Planets;
type Planet = (&'static str, f64, bool, i64);
impl Table for Planets {
    type Row = Planet;
    const COLUMNS: &'static [(&'static str, Kind)] =
        &[("name", Kind::Text), ("mass", Kind::Number), ("rings", Kind::Bool), ("found", Kind::Time)];
    const SEARCHED: &'static [&'static str] = &["name"];
    const GROUPED: &'static [&'static str] = &["name"];
    fn cell<'a>(row: &'a Planet, column: &str) -> Cell<'a> {
        match column {
            "name" => Cell::Text(Cow::Borrowed(row.0)),
            "mass" => Cell::Number(row.1),
            "rings" => Cell::Bool(row.2),
            _ => Cell::Time(Timestamp::from_micros(row.3 * 1_000_000)),
        }
    }
}
const ALL: [Planet; 4] =
    [("Mars", 0.5, false, 0), ("Earth", 1.0, false, 10), ("Saturn", 95.0, true, 20), ("", 0.25, false, 30)];

fn query(text: &str) -> Result<Query> {
    let m = json::read(Messages::named("RQLRequest"), text.as_bytes()).unwrap();
    read::<Planets>(Some(&m))
}
fn found(text: &str) -> Vec<&'static str> {
    run::<Planets>(&query(text).unwrap(), ALL.to_vec()).rows.into_iter().map(|p| p.0).collect()
}
fn filtered(name: &str, operator: &str, value: &str) -> Vec<&'static str> {
    found(&format!(r#"{{"filters":[{{"name":"{name}","operator":"{operator}",{value}}}]}}"#))
}

#[test]
fn filters() {
    assert_eq!(filtered("name", "eq", r#""string_value":"Mars""#), ["Mars"]);
    assert_eq!(filtered("name", "neq", r#""string_value":"Mars""#), ["Earth", "Saturn", ""]);
    assert_eq!(filtered("name", "like", r#""string_value":"AR""#), ["Mars", "Earth"]);
    assert_eq!(filtered("name", "like", r#""string_value":"s%n""#), ["Saturn"]);
    assert_eq!(filtered("name", "like", r#""string_value":"ar%""#), [""; 0]);
    assert_eq!(filtered("name", "notlike", r#""string_value":"ar""#), ["Saturn", ""]);
    assert_eq!(filtered("name", "in", r#""string_value":"Mars, Saturn""#), ["Mars", "Saturn"]);
    assert_eq!(filtered("name", "notin", r#""string_value":"Mars,Saturn""#), ["Earth", ""]);
    assert_eq!(filtered("name", "empty", r#""string_value":"""#), [""]);
    assert_eq!(filtered("name", "notempty", r#""string_value":"""#).len(), 3);
    assert_eq!(filtered("mass", "gte", r#""number_value":1"#), ["Earth", "Saturn"]);
    assert_eq!(filtered("rings", "eq", r#""bool_value":true"#), ["Saturn"]);
    assert_eq!(filtered("found", "lt", r#""string_value":"1970-01-01T00:00:10Z""#), ["Mars"]);
}

#[test]
fn search_sort_page_and_groups() {
    assert_eq!(found(r#"{"search":"EAR"}"#), ["Earth"]);
    assert_eq!(found(r#"{"sort":[{"name":"mass","order":"desc"}],"offset":1,"limit":2}"#), ["Earth", "Mars"]);
    assert_eq!(
        found(r#"{"sort":[{"name":"rings","order":"asc"},{"name":"name","order":"asc"}]}"#),
        ["", "Earth", "Mars", "Saturn"]
    );
    let q = query(r#"{"group_by":["name"],"limit":1,"filters":[{"name":"rings","operator":"eq"}]}"#).unwrap();
    let f = run::<Planets>(&q, ALL.to_vec());
    assert_eq!((f.rows.len(), f.groups.unwrap().1.len()), (1, 3));
}

#[test]
fn what_a_table_does_not_have_is_refused_by_name() {
    for bad in [
        r#"{"filters":[{"name":"moons","operator":"eq"}]}"#,
        r#"{"filters":[{"name":"name","operator":"gt"}]}"#,
        r#"{"filters":[{"name":"rings","operator":"gt"}]}"#,
        r#"{"filters":[{"name":"found","operator":"eq","string_value":"yesterday"}]}"#,
        r#"{"sort":[{"name":"moons","order":"asc"}]}"#,
        r#"{"group_by":["mass"]}"#,
    ] {
        assert!(query(bad).unwrap_err().message().starts_with("failed to validate rql query: "), "{bad}");
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let words = "a,".repeat(500);
    for bad in [
        r#"{"limit":5001}"#.to_owned(),
        format!(r#"{{"search":"{}"}}"#, "x".repeat(1_001)),
        format!(r#"{{"filters":[{{"name":"name","operator":"in","string_value":"{words}"}}]}}"#),
        format!(r#"{{"sort":[{}]}}"#, [r#"{"name":"name"}"#; 9].join(",")),
    ] {
        assert!(query(&bad).unwrap_err().message().starts_with("failed to validate rql query: "), "{bad}");
    }
    assert_eq!(query(r#"{"limit":0,"offset":7}"#).unwrap().limit, 5_000);
}
