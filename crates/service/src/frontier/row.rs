//! A row of Frontier's, read leniently: its columns are what they are.
use portcullis_domain::organization::State;
use portcullis_domain::value::{Slug, line};
use portcullis_domain::{Timestamp, fields};
use portcullis_store::frontier::Columns;
use serde_json::{Map, Value};
use uuid::Uuid;

/// One row.
pub(super) struct Row(pub Columns);
impl Row {
    pub fn id(&self) -> Option<Uuid> {
        self.uuid("id")
    }
    pub fn uuid(&self, column: &str) -> Option<Uuid> {
        self.text(column)?.parse().ok()
    }
    /// `None`: not there, null, or empty.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_str().filter(|s| !s.is_empty())
    }
    pub fn str(&self, column: &str) -> &str {
        self.text(column).unwrap_or_default()
    }
    pub fn texts(&self, column: &str) -> Vec<String> {
        let list = self.0.get(column).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|v| v.as_str().map(ToOwned::to_owned)).collect()
    }
    /// SQL NULL, JSON null and `{}` are all the same (frontier-tables.md 1).
    pub fn object(&self, column: &str) -> Map<String, Value> {
        self.0.get(column).and_then(Value::as_object).cloned().unwrap_or_default()
    }
    /// Metadata within our bounds, and whether anything had to stay behind.
    pub fn metadata(&self) -> (Map<String, Value>, bool) {
        match fields::metadata(Value::Object(self.object("metadata"))) {
            Ok(metadata) => (metadata, false),
            Err(_) => (Map::new(), true),
        }
    }
    pub fn time(&self, column: &str, otherwise: Timestamp) -> Timestamp {
        self.text(column).and_then(|t| t.parse().ok()).unwrap_or(otherwise)
    }
    pub fn is_deleted(&self) -> bool {
        self.text("deleted_at").is_some()
    }
    /// Whatever is not `disabled` is enabled; NULL too.
    pub fn state(&self) -> State {
        if self.str("state").eq_ignore_ascii_case("disabled") { State::Disabled } else { State::Enabled }
    }
    pub fn title(&self) -> String {
        let cut: String = self.str("title").chars().filter(|c| !c.is_control()).take(200).collect();
        line(&cut, 200).unwrap_or_default()
    }
    /// The ids of those whom the row is about.
    pub fn principals(&self) -> Vec<Uuid> {
        ["principal_id", "subject_id"].into_iter().filter_map(|c| self.uuid(c)).collect()
    }
    /// Its name by our rule, and whether that is another one than it had.
    pub fn name(&self) -> (Slug, bool) {
        let sent = self.str("name");
        match Slug::parse(sent) {
            Ok(slug) => {
                let same = *slug == *sent.to_lowercase();
                (slug, !same)
            }
            Err(_) => (mended(sent), true),
        }
    }
}

/// The nearest name that our rule allows.
fn mended(name: &str) -> Slug {
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(*c);
    let mut s: String = name.to_ascii_lowercase().replace(' ', "-").chars().filter(allowed).collect();
    if !s.starts_with(|c: char| c.is_ascii_lowercase()) || Uuid::try_parse(&s).is_ok() {
        s.insert(0, 'x');
    }
    s.truncate(60);
    while s.len() < 3 {
        s.push('_');
    }
    Slug::stored(s)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(v: Value) -> Row {
        Row(v.as_object().unwrap().clone())
    }

    #[test]
    fn names_are_mended_to_what_our_rule_allows() {
        for (name, mended) in [
            ("2024-team", "x2024-team"),
            ("ab", "ab_"),
            ("", "x__"),
            ("Big Team!", "big-team"),
            ("0199c0de-0000-7000-8000-000000000001", "x0199c0de-0000-7000-8000-000000000001"),
        ] {
            let (slug, changed) = row(json!({ "name": name })).name();
            assert_eq!((&*slug, changed), (mended, true));
            assert_eq!(Slug::parse(&slug).unwrap(), slug);
        }
        let long = "a".repeat(200);
        assert!(Slug::parse(&row(json!({ "name": long })).name().0).is_ok());
        assert_eq!(row(json!({ "name": "Acme" })).name(), (Slug::stored("acme"), false));
    }

    #[test]
    fn what_is_missing_reads_as_nothing() {
        let r = row(
            json!({ "metadata": null, "state": null, "deleted_at": null, "created_at": "2024-05-01T10:00:00.123456+00:00" }),
        );
        assert!(r.object("metadata").is_empty() && !r.is_deleted() && r.id().is_none());
        assert!(r.state().is_enabled() && r.title().is_empty() && r.texts("scopes").is_empty());
        assert_eq!(r.time("created_at", Timestamp::default()).to_string(), "2024-05-01T10:00:00.123456Z");
        assert_eq!(r.time("updated_at", Timestamp::from_micros(7)).micros(), 7);
        assert!(row(json!({ "metadata": { "a": "x".repeat(20_000) } })).metadata().1);
        assert!(row(json!({ "deleted_at": "2024-05-01T10:00:00+00:00" })).is_deleted());
    }
}
