//! Erasing a person: values and salts go, digests stay, and the erasure itself is an event that names the entries.
//! A value that is missing without such an event is reported: tampering must not pose as erasure (engine.md 14).
use portcullis_domain::{Id, audit::Event};
use serde_json::{Value, json};

use crate::private::Private;

/// The event that records an erasure.
pub const REDACTED: &str = "audit.redacted";

/// The event of an erasure: `person` lost their part of these entries, given as inclusive ranges of `seq`. It must be
/// appended in the transaction that erases.
pub fn redacted(id: Id<Event>, person: impl ToString, seqs: &[(i64, i64)]) -> Event {
    let list: Vec<Value> = seqs.iter().map(|(a, b)| if a == b { json!(a) } else { json!([a, b]) }).collect();
    Event::new(id, REDACTED, "user", person).with("seqs", list)
}

/// What is stored in the place of `private` when an entry of this action is erased: nothing, except that the record of an
/// erasure keeps the numbers it names (they tell of nobody), or the entries before it could no longer be explained.
pub fn erase(action: &str, private: &str) -> String {
    match Private::parse(private) {
        Ok(private) if action == REDACTED => private.keep(&["metadata"]),
        _ => String::new(),
    }
}

/// The ranges that the metadata of an `audit.redacted` names. What is not a number or a pair is passed over: it explains
/// nothing.
pub fn ranges(metadata: &Value) -> impl Iterator<Item = (i64, i64)> + '_ {
    metadata["seqs"].as_array().into_iter().flatten().filter_map(|range| match range {
        Value::Array(pair) => match pair.as_slice() {
            [a, b] => Some((a.as_i64()?, b.as_i64()?)),
            _ => None,
        },
        one => one.as_i64().map(|n| (n, n)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{prepare, prepare::tests::*};
    use uuid::Uuid;

    #[test]
    fn the_record_of_an_erasure_keeps_its_numbers_and_no_name() {
        let event = redacted(Id::from_uuid(Uuid::from_u128(1)), Uuid::from_u128(2), &[(3, 3), (5, 9)]);
        let p = prepare(&ctx(session()), event, [1; 32]);
        let left = erase(&p.action, &p.private);
        let private = Private::parse(&left).unwrap();
        assert_eq!(private.values.keys().collect::<Vec<_>>(), ["metadata"]);
        assert_eq!(ranges(&private.values["metadata"]).collect::<Vec<_>>(), [(3, 3), (5, 9)]);
        assert!(!left.contains("Ada") && !left.contains("\"salt\""));
        assert_eq!(erase(&p.action, &left), left);
        assert_eq!(erase("user.created", &p.private), "");
        assert_eq!(erase(REDACTED, "junk"), "");
    }

    #[test]
    fn junk_explains_nothing() {
        let junk = json!({ "seqs": ["1", [1], [1, 2, 3], { "a": 1 }, null, 1.5, [2, "3"]] });
        assert_eq!(ranges(&junk).count(), 0);
        assert_eq!(ranges(&json!("seqs")).count(), 0);
    }
}
