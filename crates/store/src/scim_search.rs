//! What a directory looks for, as a condition of SQL: columns are this program's own, values are bound, and both engines find the same.
//! Text is folded as its column is; parts of it are compared without LIKE, whose case the engines do not agree on.
use portcullis_domain::scim::{Comparison, Field, FieldKind, GroupField, Operand, Search, UserField};
use portcullis_domain::value::{Email, name_key};
use uuid::Uuid;

use crate::{P, Result, Row, Tx};

/// A field as a column.
pub(crate) trait Column: Field {
    /// The column, or an expression of it.
    fn column(self) -> &'static str;
    /// The column that is NULL where there is no value.
    fn nullable(self) -> Option<&'static str>;
    /// Text as the column has it.
    fn folded(self, text: &str) -> String;
}
impl Column for UserField {
    fn column(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::UserName => "scim_name",
            Self::ExternalId => "external_id",
            Self::DisplayName => "name_key",
            Self::GivenName => "lower(first_name)",
            Self::FamilyName => "lower(last_name)",
            Self::Email => "email",
            Self::Active => "state",
            Self::Manager => "manager_id",
            Self::Created => "created_at",
            Self::LastModified => "updated_at",
        }
    }
    fn nullable(self) -> Option<&'static str> {
        match self {
            Self::ExternalId => Some("external_id"),
            Self::GivenName => Some("first_name"),
            Self::FamilyName => Some("last_name"),
            Self::Manager => Some("manager_id"),
            _ => None,
        }
    }
    fn folded(self, text: &str) -> String {
        match self {
            Self::UserName | Self::DisplayName => name_key(text),
            Self::GivenName | Self::FamilyName => text.to_ascii_lowercase(),
            Self::Email => Email::parse(text).map_or_else(|_| text.to_lowercase(), Email::into_string),
            _ => text.to_owned(),
        }
    }
}
impl Column for GroupField {
    fn column(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::DisplayName => "title_key",
            Self::ExternalId => "external_id",
            // asked of another table
            Self::Member => "bearer_id",
            Self::Created => "created_at",
            Self::LastModified => "updated_at",
        }
    }
    fn nullable(self) -> Option<&'static str> {
        (self == Self::ExternalId).then_some("external_id")
    }
    fn folded(self, text: &str) -> String {
        if self == Self::DisplayName { name_key(text) } else { text.to_owned() }
    }
}

enum Bound {
    Text(String),
    Id(Uuid),
    Int(i64),
}
/// A statement that grows with what is looked for. `$1` is the tenant.
pub(crate) struct Statement {
    text: String,
    values: Vec<Bound>,
}
impl Statement {
    /// Begins with `SELECT … WHERE tenant = $1`.
    pub fn new(head: String) -> Self {
        Self { text: head, values: vec![] }
    }
    fn bind(&mut self, value: Bound) -> String {
        self.values.push(value);
        format!("${}", self.values.len() + 1)
    }
    /// Adds ` AND column = id`.
    pub fn and_id(&mut self, column: &str, id: Uuid) {
        let place = self.bind(Bound::Id(id));
        self.push(&format!(" AND {column} = {place}"));
    }
    /// Adds text without values.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
    /// Adds what is looked for.
    pub fn and<F: Column>(&mut self, search: &Search<F>) {
        let condition = self.condition(search);
        self.push(&format!(" AND {condition}"));
    }
    fn condition<F: Column>(&mut self, search: &Search<F>) -> String {
        match search {
            Search::Constant(true) => "1 = 1".into(),
            Search::Constant(false) => "1 = 0".into(),
            Search::Not(inner) => format!("NOT ({})", self.condition(inner)),
            Search::All(all) => self.joined(all, " AND "),
            Search::Any(any) => self.joined(any, " OR "),
            Search::Present(field) => match field.nullable() {
                Some(column) => format!("{column} IS NOT NULL"),
                None if field.column() == "bearer_id" => {
                    "EXISTS (SELECT 1 FROM role_bindings b WHERE b.tenant = $1 AND b.object_id = groups.id)".into()
                }
                None => "1 = 1".into(),
            },
            Search::Is(field, how, operand) => {
                let is = self.comparison(*field, *how, operand);
                // what has no value is compared with nothing, in a negation too
                match field.nullable() {
                    Some(column) => format!("({column} IS NOT NULL AND {is})"),
                    None => is,
                }
            }
        }
    }
    fn joined<F: Column>(&mut self, parts: &[Search<F>], word: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|s| self.condition(s)).collect();
        format!("({})", parts.join(word))
    }
    fn comparison<F: Column>(&mut self, field: F, how: Comparison, operand: &Operand) -> String {
        let column = field.column();
        let sign = match how {
            Comparison::More => ">",
            Comparison::AtLeast => ">=",
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Equal | Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => "=",
        };
        match operand {
            Operand::Id(id) if column == "bearer_id" => {
                let place = self.bind(Bound::Id(*id));
                format!(
                    "id IN (SELECT object_id FROM role_bindings WHERE tenant = $1 AND bearer_id = {place} AND bearer_type = 'app/user')"
                )
            }
            Operand::Id(id) => format!("{column} = {}", self.bind(Bound::Id(*id))),
            Operand::Bool(active) => format!("{column} {} 'suspended'", if *active { "<>" } else { "=" }),
            Operand::Time(at) => format!("{column} {sign} {}", self.bind(Bound::Int(at.micros()))),
            Operand::Text(text) => {
                let exact = matches!(field.kind(), FieldKind::Text { exact: true });
                let text = if exact { text.clone() } else { field.folded(text) };
                let (length, place) = (text.chars().count(), self.bind(Bound::Text(text)));
                match how {
                    Comparison::StartsWith => format!("substr({column}, 1, {length}) = {place}"),
                    Comparison::EndsWith => format!(
                        "(length({column}) >= {length} AND substr({column}, length({column}) - {length} + 1) = {place})"
                    ),
                    Comparison::Contains => format!("replace({column}, {place}, '') <> {column}"),
                    _ => format!("{column} {sign} {place}"),
                }
            }
        }
    }
    /// Runs it.
    pub async fn all<T>(&self, tx: &mut Tx, read: fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let values: Vec<P<'_>> = self
            .values
            .iter()
            .map(|v| match v {
                Bound::Text(s) => P::Text(s),
                Bound::Id(id) => P::Uuid(*id),
                Bound::Int(n) => P::Int(*n),
            })
            .collect();
        tx.all_dynamic(&self.text, &values, read).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(search: &Search<UserField>) -> (String, usize) {
        let mut s = Statement::new("SELECT id FROM users WHERE tenant = $1".into());
        s.and_id("directory_id", Uuid::nil());
        s.and(search);
        (s.text.replace("SELECT id FROM users WHERE tenant = $1 AND directory_id = $2 AND ", ""), s.values.len())
    }
    fn text(field: UserField, how: Comparison, text: &str) -> Search<UserField> {
        Search::Is(field, how, Operand::Text(text.into()))
    }

    #[test]
    fn sec_13_nothing_of_a_filter_is_in_the_statement() {
        let hostile = "'; DROP TABLE users; --%_\\";
        for field in [UserField::UserName, UserField::ExternalId, UserField::GivenName, UserField::Email] {
            for how in [Comparison::Equal, Comparison::Contains, Comparison::StartsWith, Comparison::EndsWith] {
                let (text, values) = sql(&text(field, how, hostile));
                assert!(!text.contains("DROP") && values == 2, "{text}");
            }
        }
    }

    #[test]
    fn a_search_becomes_a_condition() {
        let name = text(UserField::UserName, Comparison::Equal, "ADA");
        assert_eq!(sql(&name), ("scim_name = $3".into(), 2));
        let theirs = text(UserField::ExternalId, Comparison::Equal, "A");
        assert_eq!(
            sql(&Search::Not(Box::new(theirs.clone()))).0,
            "NOT ((external_id IS NOT NULL AND external_id = $3))"
        );
        assert_eq!(
            sql(&Search::Any(vec![Search::All(vec![name, theirs]), Search::Present(UserField::Manager)])).0,
            "((scim_name = $3 AND (external_id IS NOT NULL AND external_id = $4)) OR manager_id IS NOT NULL)"
        );
        assert_eq!(
            sql(&text(UserField::Email, Comparison::EndsWith, "é.x")).0,
            "(length(email) >= 3 AND substr(email, length(email) - 3 + 1) = $3)"
        );
        assert_eq!(
            sql(&Search::Is(UserField::Active, Comparison::Equal, Operand::Bool(true))).0,
            "state <> 'suspended'"
        );
    }
}
