//! What an apply did, or would do.
use serde::Serialize;
use serde_json::Value;

/// What happens to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was not there.
    Create,
    /// It was different.
    Change,
    /// The file named it once, and does no more.
    Remove,
    /// Somebody else made it; from now on the file keeps it.
    Adopt,
    /// The file keeps it no longer, but it stays: a predefined role.
    Release,
}

/// One thing that is not as the file says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// What happens to it.
    pub what: What,
    /// `role`, `group`, …
    pub kind: &'static str,
    /// What the file calls it.
    pub name: String,
    /// Of a change: which of its fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDifference>,
}

/// One field that is not as the file says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldDifference {
    /// Its name.
    pub field: &'static str,
    /// What it was.
    pub before: Value,
    /// What it is then.
    pub after: Value,
}

/// Compares field by field.
#[derive(Default)]
pub(super) struct Compared(pub Vec<FieldDifference>);
impl Compared {
    /// Notes a field if it differs.
    #[must_use]
    pub fn field(mut self, field: &'static str, before: impl Into<Value>, after: impl Into<Value>) -> Self {
        let (before, after) = (before.into(), after.into());
        if before != after {
            self.0.push(FieldDifference { field, before, after });
        }
        self
    }
    /// Notes a list whose order means nothing.
    #[must_use]
    pub fn set(self, field: &'static str, before: &[String], after: &[String]) -> Self {
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            Value::from(list)
        };
        self.field(field, sorted(before), sorted(after))
    }
}
