//! RQL: Frontier's query language of searches (spec v1beta1 3.18). Here a request is read and checked against a table's columns;
//! what it means is in the service's `search`.
use std::cmp::Ordering;

use portcullis_domain::value::name_key;
use portcullis_domain::{Code, Error, Result};
use portcullis_service::search::{Direction, Filter, LARGEST, Pattern, Test};
use portcullis_wire_v1beta1::{DynamicMessage, Value};

pub use portcullis_service::search::{Cell, Found, Kind, Query, Table, matching, run, run_counting};

use crate::handlers::Read;

/// Filters of a query.
const MOST_FILTERS: usize = 32;
/// Columns of a sort.
const MOST_SORTS: usize = 8;
/// Words of a list.
const MOST_WORDS: usize = 500;
/// Characters of one value.
const LONGEST: usize = 1_000;

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidInput, format!("failed to validate rql query: {what}"))
}

/// Reads an `RQLRequest` for a table; nothing at all is the query for everything.
pub fn read<T: Table>(query: Option<&DynamicMessage>) -> Result<Query> {
    let Some(query) = query else { return Ok(Query { limit: LARGEST, ..Query::default() }) };
    let (filters, sort) = (query.inners("filters"), query.inners("sort"));
    if filters.len() > MOST_FILTERS || sort.len() > MOST_SORTS {
        return Err(invalid("at most 32 filters and 8 columns to sort by"));
    }
    let filters = filters.iter().map(filter::<T>).collect::<Result<_>>()?;
    let sort = sort
        .iter()
        .map(|s| {
            let direction = if s.text("order") == "desc" { Direction::Down } else { Direction::Up };
            Ok((column::<T>(&s.text("name"))?.0, direction))
        })
        .collect::<Result<_>>()?;
    let group_by = match query.get_field_by_name("group_by").as_deref() {
        Some(Value::List(names)) => names.first().and_then(Value::as_str).map(group::<T>).transpose()?,
        _ => None,
    };
    let limit = match query.size("limit") {
        0 => LARGEST,
        n if n > LARGEST => return Err(invalid(format_args!("limit is at most {LARGEST}"))),
        n => n,
    };
    let search = query.text("search");
    short("search", &search)?;
    Ok(Query { filters, group_by, offset: query.size("offset"), limit, search: name_key(&search), sort })
}
/// `invalid_argument` for what a search does not have at all: `filters`, `group_by`, `sort`, `search`.
pub fn refuse(query: Option<&DynamicMessage>, fields: &[&str]) -> Result<()> {
    for field in fields {
        if query.is_some_and(|q| q.has_field_by_name(field)) {
            let what = match *field {
                "group_by" => "group by",
                "sort" => "sorting",
                other => other,
            };
            return Err(Error::new(Code::InvalidInput, format!("{what} is not supported")));
        }
    }
    Ok(())
}

/// A name as it is told to who sent it.
fn told(name: &str) -> String {
    name.chars().take(60).collect()
}
fn group<T: Table>(name: &str) -> Result<&'static str> {
    T::GROUPED.iter().copied().find(|n| *n == name).ok_or_else(|| {
        let (name, known) = (told(name), T::GROUPED.join(", "));
        invalid(format_args!("group by {name:?} is not supported; use one of: {known}"))
    })
}
fn column<T: Table>(name: &str) -> Result<(&'static str, Kind)> {
    T::COLUMNS.iter().copied().find(|(n, _)| *n == name).ok_or_else(|| {
        let names: Vec<&str> = T::COLUMNS.iter().map(|(n, _)| *n).collect();
        let name = told(name);
        invalid(format_args!("there is no column {name:?}; use one of: {}", names.join(", ")))
    })
}
fn short(what: &str, text: &str) -> Result<()> {
    if text.chars().count() <= LONGEST {
        Ok(())
    } else {
        Err(invalid(format_args!("{what}: at most {LONGEST} characters")))
    }
}

fn filter<T: Table>(f: &DynamicMessage) -> Result<Filter> {
    let (column, kind) = column::<T>(&f.text("name"))?;
    let operator = f.text("operator");
    let unknown = || {
        let operator: String = operator.chars().take(20).collect();
        invalid(format_args!("{column} does not know the operator {operator:?}"))
    };
    let text = || {
        let text = f.text("string_value");
        short(column, &text).map(|()| text)
    };
    let test = match kind {
        Kind::Text => match operator.as_str() {
            "eq" => Test::Equals(text()?),
            "neq" => Test::Differs(text()?),
            "like" | "ilike" => Test::Like(Pattern::new(&text()?)),
            "notlike" | "notilike" => Test::NotLike(Pattern::new(&text()?)),
            "in" => Test::In(words(column, &f.text("string_value"))?),
            "notin" => Test::NotIn(words(column, &f.text("string_value"))?),
            "empty" => Test::Empty,
            "notempty" => Test::NotEmpty,
            _ => return Err(unknown()),
        },
        Kind::Words => match operator.as_str() {
            "eq" => Test::Equals(text()?),
            "neq" => Test::Differs(text()?),
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
    Ok(Filter { column, test })
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

fn words(column: &str, list: &str) -> Result<Vec<String>> {
    let words: Vec<String> = list.split(',').map(|w| w.trim().to_owned()).collect();
    if words.len() > MOST_WORDS || words.iter().any(|w| w.chars().count() > LONGEST) {
        return Err(invalid(format_args!("{column}: at most {MOST_WORDS} words of {LONGEST} characters")));
    }
    Ok(words)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests;
