//! RQL: Frontier's query language of searches (spec v1beta1 3.18): filters that all must hold, free text, sort, offset and
//! limit, groups with their counts.
//!
//! Here it is read, checked against a table's columns, and run over rows in memory. A search whose store can do more of it
//! narrows the rows before.
use std::borrow::Cow;
use std::cmp::Ordering;

use portcullis_domain::{Code, Error, Result, Timestamp, value::name_key};
use portcullis_wire_v1beta1::{DynamicMessage, Value};

use crate::handlers::Read;

/// What limit 0 means (decision 22).
const NO_LIMIT: usize = 5_000;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// Moments; filter values are RFC 3339.
    Time,
    /// Numbers.
    Number,
    /// Yes or no.
    Bool,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants of Kind")]
pub enum Cell<'a> {
    Text(Cow<'a, str>),
    Time(Timestamp),
    Number(f64),
    Bool(bool),
}

/// What can be searched.
pub trait Table {
    /// One row.
    type Row;
    /// The columns that filters and sort may name.
    const COLUMNS: &'static [(&'static str, Kind)];
    /// The columns that free text looks at.
    const SEARCHED: &'static [&'static str];
    /// The columns that may be grouped by.
    const GROUPED: &'static [&'static str];
    /// A row's value; `column` is one of `COLUMNS`.
    fn cell<'a>(row: &'a Self::Row, column: &str) -> Cell<'a>;
}

/// A checked query.
#[derive(Clone, Debug)]
pub struct Query {
    filters: Vec<Filter>,
    group_by: Option<String>,
    offset: usize,
    limit: usize,
    search: String,
    sort: Vec<(String, Direction)>,
}
#[derive(Clone, Debug)]
struct Filter {
    column: String,
    test: Test,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}
#[derive(Clone, Debug)]
enum Test {
    /// Of moments, numbers and booleans: what the order to the value may be.
    Compare(Vec<Ordering>, Cell<'static>),
    Equals(String),
    Differs(String),
    Like(Pattern),
    NotLike(Pattern),
    In(Vec<String>),
    NotIn(Vec<String>),
    Empty,
    NotEmpty,
}
/// `%` stands for anything; without one, the text may be anywhere. Case does not count.
#[derive(Clone, Debug)]
struct Pattern(Vec<String>);

/// What a query finds.
#[derive(Clone, Debug)]
pub struct Found<R> {
    /// The page's rows.
    pub rows: Vec<R>,
    /// The grouped column with each value's count over all rows that match.
    pub groups: Option<(String, Vec<(String, u32)>)>,
    /// As asked.
    pub offset: usize,
    /// As asked; 5,000 when nothing was.
    pub limit: usize,
}

impl Query {
    /// How many rows are enough, when they come newest first by `column` and the query asks for nothing but a page of them.
    pub fn rows_if_in_order(&self, column: &str) -> Option<usize> {
        let in_order = match self.sort.as_slice() {
            [] => true,
            [(by, Direction::Down)] => by == column,
            _ => false,
        };
        let plain = self.filters.is_empty() && self.search.is_empty() && self.group_by.is_none();
        (plain && in_order).then(|| self.offset.saturating_add(self.limit))
    }
    /// The value that a text column must equal, if the query says so.
    pub fn equals(&self, column: &str) -> Option<&str> {
        self.filters.iter().find_map(|f| match &f.test {
            Test::Equals(v) if f.column == column => Some(v.as_str()),
            _ => None,
        })
    }
    /// From when on, and before when, a column of moments must lie at least; a row outside cannot match.
    pub fn bounds(&self, column: &str) -> (Option<Timestamp>, Option<Timestamp>) {
        let (mut from, mut to) = (None, None);
        for f in self.filters.iter().filter(|f| f.column == column) {
            if let Test::Compare(orders, Cell::Time(at)) = &f.test {
                if !orders.contains(&Ordering::Less) {
                    from = from.max(Some(*at));
                }
                if !orders.contains(&Ordering::Greater) {
                    let end = Timestamp::from_micros(at.micros().saturating_add(1));
                    to = Some(to.map_or(end, |to: Timestamp| to.min(end)));
                }
            }
        }
        (from, to)
    }
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidInput, format!("failed to validate rql query: {what}"))
}

/// Reads an `RQLRequest` for a table; nothing at all is the query for everything.
pub fn read<T: Table>(query: Option<&DynamicMessage>) -> Result<Query> {
    let Some(query) = query else {
        let (filters, sort) = (vec![], vec![]);
        return Ok(Query { filters, group_by: None, offset: 0, limit: NO_LIMIT, search: String::new(), sort });
    };
    let filters = query.inners("filters").iter().map(filter::<T>).collect::<Result<_>>()?;
    let sort = query
        .inners("sort")
        .iter()
        .map(|s| {
            let column = column::<T>(&s.text("name"))?.0;
            let direction = if s.text("order") == "desc" { Direction::Down } else { Direction::Up };
            Ok((column.to_owned(), direction))
        })
        .collect::<Result<_>>()?;
    let group_by = match query.get_field_by_name("group_by").as_deref() {
        Some(Value::List(names)) => names.first().and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    if let Some(name) = &group_by
        && !T::GROUPED.contains(&name.as_str())
    {
        return Err(invalid(format_args!("group by {name:?} is not supported; use one of: {}", T::GROUPED.join(", "))));
    }
    let limit = match query.size("limit") {
        0 => NO_LIMIT,
        n => n,
    };
    Ok(Query { filters, group_by, offset: query.size("offset"), limit, search: name_key(&query.text("search")), sort })
}

fn column<T: Table>(name: &str) -> Result<(&'static str, Kind)> {
    T::COLUMNS.iter().copied().find(|(n, _)| *n == name).ok_or_else(|| {
        let names: Vec<&str> = T::COLUMNS.iter().map(|(n, _)| *n).collect();
        let name: String = name.chars().take(60).collect();
        invalid(format_args!("there is no column {name:?}; use one of: {}", names.join(", ")))
    })
}

fn filter<T: Table>(f: &DynamicMessage) -> Result<Filter> {
    let (column, kind) = column::<T>(&f.text("name"))?;
    let operator = f.text("operator");
    let unknown = || {
        let operator: String = operator.chars().take(20).collect();
        invalid(format_args!("{column} does not know the operator {operator:?}"))
    };
    let test = match kind {
        Kind::Text => match operator.as_str() {
            "eq" => Test::Equals(f.text("string_value")),
            "neq" => Test::Differs(f.text("string_value")),
            "like" | "ilike" => Test::Like(Pattern::new(&f.text("string_value"))),
            "notlike" | "notilike" => Test::NotLike(Pattern::new(&f.text("string_value"))),
            "in" => Test::In(words(&f.text("string_value"))),
            "notin" => Test::NotIn(words(&f.text("string_value"))),
            "empty" => Test::Empty,
            "notempty" => Test::NotEmpty,
            _ => return Err(unknown()),
        },
        Kind::Time => {
            let at = f.text("string_value").parse();
            let at = at.map_err(|_| invalid(format_args!("{column} needs a moment such as 2024-03-03T10:30:00Z")))?;
            Test::Compare(comparison(&operator).ok_or_else(unknown)?, Cell::Time(at))
        }
        Kind::Number => {
            let n = f.get_field_by_name("number_value").and_then(|v| v.as_f32()).unwrap_or_default();
            Test::Compare(comparison(&operator).ok_or_else(unknown)?, Cell::Number(f64::from(n)))
        }
        Kind::Bool => {
            let b = f.get_field_by_name("bool_value").and_then(|v| v.as_bool()).unwrap_or_default();
            let orders = comparison(&operator).filter(|_| matches!(operator.as_str(), "eq" | "neq"));
            Test::Compare(orders.ok_or_else(unknown)?, Cell::Bool(b))
        }
    };
    Ok(Filter { column: column.to_owned(), test })
}

fn comparison(operator: &str) -> Option<Vec<Ordering>> {
    use Ordering::{Equal, Greater, Less};
    Some(match operator {
        "eq" => vec![Equal],
        "neq" => vec![Less, Greater],
        "gt" => vec![Greater],
        "gte" => vec![Greater, Equal],
        "lt" => vec![Less],
        "lte" => vec![Less, Equal],
        _ => return None,
    })
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(|w| w.trim().to_owned()).collect()
}

impl Pattern {
    fn new(text: &str) -> Self {
        let text = if text.contains('%') { text.to_owned() } else { format!("%{text}%") };
        Self(text.split('%').map(name_key).collect())
    }
    fn matches(&self, text: &str) -> bool {
        let text = name_key(text);
        let Some((first, rest)) = self.0.split_first() else { return true };
        let Some(mut left) = text.strip_prefix(first.as_str()) else { return false };
        let Some((last, middle)) = rest.split_last() else { return left.is_empty() };
        for part in middle {
            match left.find(part.as_str()) {
                Some(at) => left = &left[at + part.len()..],
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }
}

impl Test {
    fn holds(&self, cell: &Cell<'_>) -> bool {
        if let Self::Compare(orders, value) = self {
            return compare(cell, value).is_some_and(|o| orders.contains(&o));
        }
        let Cell::Text(text) = cell else { return false };
        match self {
            Self::Equals(v) => text == v,
            Self::Differs(v) => text != v,
            Self::Like(p) => p.matches(text),
            Self::NotLike(p) => !p.matches(text),
            Self::In(list) => list.iter().any(|v| v == text),
            Self::NotIn(list) => list.iter().all(|v| v != text),
            Self::Empty => text.is_empty(),
            Self::NotEmpty => !text.is_empty(),
            Self::Compare(..) => false,
        }
    }
}

fn compare(a: &Cell<'_>, b: &Cell<'_>) -> Option<Ordering> {
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => Some(name_key(a).cmp(&name_key(b)).then_with(|| a.cmp(b))),
        (Cell::Time(a), Cell::Time(b)) => Some(a.cmp(b)),
        (Cell::Number(a), Cell::Number(b)) => a.partial_cmp(b),
        (Cell::Bool(a), Cell::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Which of these rows match, in the order in which they came: for searches that tell how many, and for exports.
pub fn matching<T: Table>(query: &Query, mut rows: Vec<T::Row>) -> Vec<T::Row> {
    rows.retain(|row| matches::<T>(query, row));
    rows
}
fn matches<T: Table>(query: &Query, row: &T::Row) -> bool {
    query.filters.iter().all(|f| f.test.holds(&T::cell(row, &f.column))) && is_found::<T>(row, &query.search)
}

/// Runs a query over rows. Rows that the sort does not tell apart stay in the order in which they came.
pub fn run<T: Table>(query: &Query, mut rows: Vec<T::Row>) -> Found<T::Row> {
    rows.retain(|row| matches::<T>(query, row));
    rows.sort_by(|a, b| {
        query.sort.iter().fold(Ordering::Equal, |so_far, (column, direction)| {
            so_far.then_with(|| {
                let order = compare(&T::cell(a, column), &T::cell(b, column)).unwrap_or(Ordering::Equal);
                if *direction == Direction::Down { order.reverse() } else { order }
            })
        })
    });
    let groups = query.group_by.as_ref().map(|name| (name.clone(), count::<T>(&rows, name)));
    let rows = rows.into_iter().skip(query.offset).take(query.limit).collect();
    Found { rows, groups, offset: query.offset, limit: query.limit }
}

fn is_found<T: Table>(row: &T::Row, search: &str) -> bool {
    let has = |column: &&str| matches!(T::cell(row, column), Cell::Text(t) if name_key(&t).contains(search));
    search.is_empty() || T::SEARCHED.iter().any(has)
}

fn count<T: Table>(rows: &[T::Row], column: &str) -> Vec<(String, u32)> {
    let mut counts = std::collections::BTreeMap::new();
    for row in rows {
        if let Cell::Text(value) = T::cell(row, column) {
            *counts.entry(value.into_owned()).or_insert(0u32) += 1;
        }
    }
    counts.into_iter().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests;
