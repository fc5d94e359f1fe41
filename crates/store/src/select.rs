//! SELECTs that grow with what is asked for: the one way in which a list or a search becomes a statement. Columns and operators
//! come from this program, values are bound.
use uuid::Uuid;

use crate::{P, Result, Row, Tx};

/// A condition on a stored column. The column is a name of this program's own, never one of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column.
    pub column: &'static str,
    /// What must hold of it.
    pub test: Test,
}
/// What must hold of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It compares with a value in one of these ways: `=`, `<>`, `<`, `<=`, `>`, `>=`.
    Is(Comparison, Value),
    /// It is one of these; of none, if there are none.
    In(Vec<Value>),
    /// It is none of these.
    NotIn(Vec<Value>),
    /// It looks like one of these parts, in their order, with anything between them.
    Like(Vec<String>),
    /// It does not.
    NotLike(Vec<String>),
}
/// How a column compares with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the six comparisons")]
pub enum Comparison {
    Equal,
    Differs,
    Less,
    AtMost,
    More,
    AtLeast,
}
impl Comparison {
    const fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Differs => "<>",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}
/// A value, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// An id.
    Id(Uuid),
    /// A number, or a moment in microseconds.
    Int(i64),
}
impl Value {
    fn param(&self) -> P<'_> {
        match self {
            Self::Text(s) => P::Text(s),
            Self::Id(id) => P::Uuid(*id),
            Self::Int(n) => P::Int(*n),
        }
    }
}

/// A statement that grows with its values.
pub(crate) struct Select<'a> {
    text: String,
    values: Vec<P<'a>>,
}
impl<'a> Select<'a> {
    /// Begins with `SELECT … WHERE tenant = $1`.
    pub fn new(head: &str) -> Self {
        Self { text: head.into(), values: vec![] }
    }
    /// The placeholder of a value: `$1` is the tenant.
    fn bind(&mut self, value: P<'a>) -> String {
        self.values.push(value);
        format!("${}", self.values.len() + 1)
    }
    /// Adds a term.
    pub fn and(&mut self, column_and_operator: &str, value: P<'a>) {
        let place = self.bind(value);
        self.text.push_str(&format!(" AND {column_and_operator}{place}"));
    }
    /// Adds a term that holds if any of the columns is like its pattern.
    pub fn like(&mut self, any: &[(&str, &'a String)]) {
        let terms: Vec<String> =
            any.iter().map(|(c, v)| format!("{c} LIKE {} ESCAPE '\\'", self.bind(P::Text(v)))).collect();
        self.text.push_str(&format!(" AND ({})", terms.join(" OR ")));
    }
    /// Begins after a row in the order of two columns.
    pub fn after(&mut self, columns: (&str, &str), than: &str, row: (P<'a>, P<'a>)) {
        let (first, second) = (self.bind(row.0), self.bind(row.1));
        self.text.push_str(&format!(" AND ({}, {}) {than} ({first}, {second})", columns.0, columns.1));
    }
    /// Adds text without values.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
    /// Adds a condition; `patterns` are those of [`patterns`].
    pub fn filter(&mut self, condition: &'a Condition, pattern: &'a str) {
        let column = condition.column;
        match &condition.test {
            Test::Is(how, value) => self.and(&format!("{column} {} ", how.sql()), value.param()),
            Test::In(values) => self.among(column, "IN", values, "1 = 0"),
            Test::NotIn(values) => self.among(column, "NOT IN", values, "1 = 1"),
            Test::Like(_) | Test::NotLike(_) => {
                let not = if matches!(condition.test, Test::NotLike(_)) { "NOT " } else { "" };
                let place = self.bind(P::Text(pattern));
                self.text.push_str(&format!(" AND {column} {not}LIKE {place} ESCAPE '\\'"));
            }
        }
    }
    fn among(&mut self, column: &str, word: &str, values: &'a [Value], of_none: &str) {
        if values.is_empty() {
            self.text.push_str(&format!(" AND {of_none}"));
            return;
        }
        let places: Vec<String> = values.iter().map(|v| self.bind(v.param())).collect();
        self.text.push_str(&format!(" AND {column} {word} ({})", places.join(", ")));
    }
    /// Runs it.
    pub async fn all<T>(&self, tx: &mut Tx, read: fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        tx.all_dynamic(&self.text, &self.values, read).await
    }
}

/// The LIKE pattern of each condition; empty for those that have none.
pub(crate) fn patterns(conditions: &[Condition]) -> Vec<String> {
    let pattern = |c: &Condition| match &c.test {
        Test::Like(parts) | Test::NotLike(parts) => parts.iter().map(|p| escape(p)).collect::<Vec<_>>().join("%"),
        _ => String::new(),
    };
    conditions.iter().map(pattern).collect()
}
/// The text as part of a LIKE pattern.
pub(crate) fn escape(s: &str) -> String {
    s.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
/// What begins with this.
pub(crate) fn prefix(s: &str) -> String {
    format!("{}%", escape(s))
}
/// What has a word, but the first, that begins with this.
pub(crate) fn word(s: &str) -> String {
    format!("% {}%", escape(s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_13_values_are_bound_and_patterns_escaped() {
        let hostile = "'; DROP TABLE users; --%_\\";
        let all = [
            Condition { column: "name", test: Test::Is(Comparison::Equal, Value::Text(hostile.into())) },
            Condition { column: "name", test: Test::Like(vec![String::new(), hostile.into(), String::new()]) },
            Condition { column: "state", test: Test::In(vec![Value::Text("a".into()), Value::Text("b".into())]) },
            Condition { column: "id", test: Test::In(vec![]) },
            Condition { column: "id", test: Test::NotIn(vec![]) },
        ];
        let patterns = patterns(&all);
        let mut sql = Select::new("SELECT id FROM t WHERE tenant = $1");
        for (c, p) in all.iter().zip(&patterns) {
            sql.filter(c, p);
        }
        assert_eq!(
            sql.text,
            "SELECT id FROM t WHERE tenant = $1 AND name = $2 AND name LIKE $3 ESCAPE '\\' AND state IN ($4, $5) \
             AND 1 = 0 AND 1 = 1"
        );
        assert_eq!(sql.values[1], P::Text("%'; DROP TABLE users; --\\%\\_\\\\%"));
    }
}
