//! Reading a query: every wrong name and value is told at once, as in a body.
use std::borrow::Cow;

use portcullis_domain::fields::{self, Fields};
use portcullis_domain::{Error, Id, Result, Timestamp};
use portcullis_service::PageRequest;
use serde_json::{Map, Value};

use crate::op::Op;

/// Largest page (spec 2.5).
const LARGEST: i64 = 250;
/// Page when none is asked for.
const USUAL: usize = 50;

/// The names of a query. Empty values count as absent nowhere: `q=` is an empty `q`.
pub struct Query {
    fields: Fields,
    /// What a cursor is bound to: path, filters and sort.
    binding: String,
}
impl Query {
    /// Reads the query of a call.
    pub fn new(op: &Op, path: &str, text: &str) -> Self {
        let mut members = Map::new();
        let mut twice = vec![];
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let name = name.into_owned();
            if members.insert(name.clone(), Value::String(value.into_owned())).is_some() {
                twice.push(name);
            }
        }
        debug_assert!(
            op.is_page() || op.query.iter().all(|p| p.name != "limit"),
            "{} has a limit and is no page",
            op.id
        );
        let mut fields = Fields::new(members.clone());
        for name in twice {
            fields.wrong(&name, "Send this name once.");
        }
        for name in members.keys() {
            let of_page = op.is_page() && matches!(name.as_str(), "limit" | "cursor");
            if !of_page && op.query.iter().all(|p| p.name != name) {
                fields.take(name);
                fields.wrong(name, "Unknown query name.");
            }
        }
        let binding = if op.is_page() {
            members.retain(|name, _| name != "limit" && name != "cursor");
            members.sort_keys();
            format!("{path} {}", Value::Object(members))
        } else {
            String::new()
        };
        Self { fields, binding }
    }
    /// `limit` and `cursor`.
    pub fn page(&mut self) -> PageRequest {
        let limit = self.integer("limit", 1, LARGEST);
        let cursor = self.text("cursor", 4_096);
        let limit = limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(USUAL);
        PageRequest { limit, cursor, binding: std::mem::take(&mut self.binding) }
    }
    /// A text of at most `max` characters.
    pub fn text(&mut self, name: &str, max: usize) -> Option<String> {
        self.read(name, |s| portcullis_domain::value::line(s, max))
    }
    /// A text of 1 to `max` characters.
    pub fn filled(&mut self, name: &str, max: usize) -> Option<String> {
        self.read(name, |s| match portcullis_domain::value::line(s, max) {
            Ok(s) if s.is_empty() => Err(format!("1 to {max} characters.")),
            other => other,
        })
    }
    /// A whole number.
    pub fn integer(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        self.read(name, |s| {
            let number = s.parse().ok().filter(|n| (min..=max).contains(n));
            number.ok_or_else(|| format!("A whole number from {min} to {max}."))
        })
    }
    /// `true` or `false`.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.read(name, |s| s.parse().map_err(|_| "true or false."))
    }
    /// A UUID.
    pub fn id<T>(&mut self, name: &str) -> Option<Id<T>> {
        self.fields.optional(name, fields::id)
    }
    /// A moment.
    pub fn moment(&mut self, name: &str) -> Option<Timestamp> {
        self.read(name, |s| s.parse().map_err(|_| "An RFC 3339 time such as 2026-11-22T09:15:04Z."))
    }
    /// Anything with a reader of its own; `read` answers the sentence to show.
    pub fn read<T, E: Into<Cow<'static, str>>>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.fields.optional(name, |v| read(v.as_str().unwrap_or_default()).map_err(Into::into))
    }
    /// One word of a list.
    pub fn word<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>, words: &'static str) -> Option<T> {
        self.read(name, |s| read(s).ok_or(words))
    }
    /// Everything that was wrong, and that this is missing.
    pub fn lacks<T>(mut self, name: &str, message: &'static str) -> Result<T> {
        self.fields.wrong(name, message);
        Err(Error::fields(self.fields.close()))
    }
    /// The value if nothing was wrong, else everything that was.
    pub fn finish<T>(self, value: T) -> Result<T> {
        let errors = self.fields.close();
        if errors.is_empty() { Ok(value) } else { Err(Error::fields(errors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Shape, param};

    static LIST: Op =
        Op::get("/v1/things", "listThings", "", "…", (200, Shape::Page("User"))).query(&[param("q", "string", "…")]);

    fn wrong(text: &str) -> Vec<String> {
        let mut q = Query::new(&LIST, "/v1/things", text);
        q.page();
        q.filled("q", 3);
        q.finish(()).map_or_else(
            |e| {
                let list = e.details()["fields"].as_array().unwrap();
                list.iter().map(|f| f["field"].as_str().unwrap().to_owned()).collect()
            },
            |()| vec![],
        )
    }

    #[test]
    fn every_wrong_name_and_value_is_told() {
        assert!(wrong("").is_empty() && wrong("q=a%20b&limit=250").is_empty());
        assert_eq!(wrong("limit=0"), ["limit"]);
        assert_eq!(wrong("limit=251&q=&x=1"), ["x", "limit", "q"]);
        assert_eq!(wrong("q=a&q=b"), ["q"]);
        assert_eq!(wrong("limit=ten"), ["limit"]);
    }

    #[test]
    fn a_cursor_is_bound_to_filters_but_not_to_the_size_of_the_page() {
        let binding = |text| Query::new(&LIST, "/v1/things", text).page().binding;
        assert_eq!(binding("q=a&limit=2"), binding("limit=7&cursor=x&q=a"));
        assert_ne!(binding("q=a"), binding("q=b"));
    }
}
