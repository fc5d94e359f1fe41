//! Searches: filters that all must hold, free text, sort, offset and limit, groups with their counts (Frontier's RQL, spec
//! v1beta1 3.18).
//!
//! A [`Table`] says which columns there are, and which of them are stored. What can be asked of stored columns becomes a
//! statement's conditions (`store/src/select.rs`). If that is the whole query, the database sorts and cuts it too, however many
//! rows there are; if not, the rows that are left pass one after the other through a [`Sieve`], which keeps a page of them.
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use portcullis_domain::user::UserState;
use portcullis_domain::value::name_key;
use portcullis_domain::{Code, Error, Result, Timestamp};
use portcullis_store::search::{Place, Source};
use portcullis_store::select::{Comparison, Condition, Test as Stored, Value};
use portcullis_store::{Tx, search};
use uuid::Uuid;

/// What limit 0 means, and the largest one (decision 22).
pub const LARGEST: usize = 5_000;
/// No page ends after this many rows.
const DEEPEST: usize = 10_000;
/// More rows than this are not looked at one by one.
const MOST: usize = 100_000;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// Several words, of which one is asked for.
    Words,
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
    Words(Vec<Cow<'a, str>>),
    Time(Timestamp),
    Number(f64),
    Bool(bool),
}

/// How a column is stored.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Text that has no upper case: compared and sorted by the database as here.
    Folded(&'static str),
    /// Text of people: the database finds it when it is the same.
    Text(&'static str),
    /// An id.
    Id(&'static str),
    /// A moment.
    Time(&'static str),
    /// A user's state, which this API tells as `enabled` and `disabled`.
    UserState(&'static str),
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
    /// How a column is stored, if the database can look at it.
    fn stored(_column: &str) -> Option<Column> {
        None
    }
}

/// A checked query.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Counts of this column's values.
    pub group_by: Option<&'static str>,
    /// Rows to leave out.
    pub offset: usize,
    /// Rows to show.
    pub limit: usize,
    /// Free text, folded; empty for none.
    pub search: String,
    /// Columns in their order.
    pub sort: Vec<(&'static str, Direction)>,
}
impl Query {
    /// How many rows are enough, when they come newest first by `column` and the query asks for nothing but a page of them.
    pub fn rows_if_in_order(&self, column: &str) -> Option<usize> {
        let in_order = match self.sort.as_slice() {
            [] => true,
            [(by, Direction::Down)] => *by == column,
            _ => false,
        };
        let plain = self.filters.is_empty() && self.search.is_empty() && self.group_by.is_none();
        (plain && in_order).then(|| self.offset.saturating_add(self.limit))
    }
    /// The same with a limit of at most this, which is what any other limit means.
    #[must_use]
    pub fn limited(self, most: usize) -> Self {
        Self { limit: self.limit.min(most), ..self }
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
    /// The value that a text column must equal, if the query says so.
    pub fn equals(&self, column: &str) -> Option<&str> {
        self.filters.iter().find_map(|f| match &f.test {
            Test::Equals(v) if f.column == column => Some(v.as_str()),
            _ => None,
        })
    }
}
/// What must hold of a column.
#[derive(Clone, Debug)]
pub struct Filter {
    /// One of the table's.
    pub column: &'static str,
    /// What.
    pub test: Test,
}
/// Which way a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the two directions")]
pub enum Direction {
    Up,
    Down,
}
/// What must hold of a value.
#[derive(Clone, Debug)]
pub enum Test {
    /// Of moments, numbers and booleans: what the order to the value may be.
    Compare(Vec<Ordering>, Cell<'static>),
    /// The same text; of several words, one of them.
    Equals(String),
    /// Not that.
    Differs(String),
    /// Like a pattern.
    Like(Pattern),
    /// Not like it.
    NotLike(Pattern),
    /// One of these.
    In(Vec<String>),
    /// None of these.
    NotIn(Vec<String>),
    /// Nothing.
    Empty,
    /// Something.
    NotEmpty,
}
/// `%` stands for anything; without one, the text may be anywhere. Case does not count.
#[derive(Clone, Debug)]
pub struct Pattern(Vec<String>);

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
impl<R> Found<R> {
    /// The same page of other things.
    pub fn map<S>(self, f: impl FnMut(R) -> S) -> Found<S> {
        let rows = self.rows.into_iter().map(f).collect();
        Found { rows, groups: self.groups, offset: self.offset, limit: self.limit }
    }
}

fn exhausted(message: &'static str) -> Error {
    Error::new(Code::RateLimited, message)
}

impl Pattern {
    /// Reads one.
    pub fn new(text: &str) -> Self {
        let text = if text.contains('%') { text.to_owned() } else { format!("%{text}%") };
        Self(text.split('%').map(name_key).collect())
    }
    /// Is the text like it?
    pub fn matches(&self, text: &str) -> bool {
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
        match (self, cell) {
            (Self::Compare(orders, value), _) => compare(cell, value).is_some_and(|o| orders.contains(&o)),
            (Self::Differs(v), Cell::Words(words)) => words.iter().all(|w| w != v),
            (_, Cell::Words(words)) => words.iter().any(|w| self.holds_of(w)),
            (_, Cell::Text(text)) => self.holds_of(text),
            _ => false,
        }
    }
    fn holds_of(&self, text: &str) -> bool {
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
    /// The same of a stored column, if the database can say it as well.
    fn stored(&self, column: Column) -> Option<Condition> {
        let of = |column, test| Some(Condition { column, test });
        match column {
            Column::Folded(c) => match self {
                Self::Like(p) => of(c, Stored::Like(p.0.clone())),
                Self::NotLike(p) => of(c, Stored::NotLike(p.0.clone())),
                _ => of(c, self.of_text(|s| Some(Value::Text(s.into())))?),
            },
            Column::Text(c) => of(c, self.of_text(|s| Some(Value::Text(s.into())))?),
            Column::Id(c) => of(c, self.of_text(|s| s.parse().ok().map(Value::Id))?),
            Column::Time(c) => match self {
                Self::Compare(orders, Cell::Time(at)) => {
                    of(c, Stored::Is(comparison(orders)?, Value::Int(at.micros())))
                }
                _ => None,
            },
            Column::UserState(c) => {
                let (disabled, enabled) = (self.holds_of("disabled"), self.holds_of("enabled"));
                let suspended = || Value::Text(UserState::Suspended.as_str().into());
                let test = match (disabled, enabled) {
                    (true, true) => Stored::NotIn(vec![]),
                    (true, false) => Stored::In(vec![suspended()]),
                    (false, true) => Stored::NotIn(vec![suspended()]),
                    (false, false) => Stored::In(vec![]),
                };
                of(c, test)
            }
        }
    }
    /// Of text that is the same or not; what can be no value of the column equals none.
    fn of_text(&self, value: impl Fn(&str) -> Option<Value>) -> Option<Stored> {
        let some = |list: &[String]| list.iter().filter_map(|s| value(s)).collect();
        Some(match self {
            Self::Equals(s) => Stored::In(some(std::slice::from_ref(s))),
            Self::Differs(s) => Stored::NotIn(some(std::slice::from_ref(s))),
            Self::In(list) => Stored::In(some(list)),
            Self::NotIn(list) => Stored::NotIn(some(list)),
            Self::Empty => Stored::In(some(&[String::new()])),
            Self::NotEmpty => Stored::NotIn(some(&[String::new()])),
            Self::Like(_) | Self::NotLike(_) | Self::Compare(..) => return None,
        })
    }
}

fn comparison(orders: &[Ordering]) -> Option<Comparison> {
    use Ordering::{Equal, Greater, Less};
    Some(match orders {
        [Equal] => Comparison::Equal,
        [Less, Greater] => Comparison::Differs,
        [Greater] => Comparison::More,
        [Greater, Equal] => Comparison::AtLeast,
        [Less] => Comparison::Less,
        [Less, Equal] => Comparison::AtMost,
        _ => return None,
    })
}

fn compare(a: &Cell<'_>, b: &Cell<'_>) -> Option<Ordering> {
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => Some(name_key(a).cmp(&name_key(b)).then_with(|| a.cmp(b))),
        (Cell::Words(a), Cell::Words(b)) => Some(a.cmp(b)),
        (Cell::Time(a), Cell::Time(b)) => Some(a.cmp(b)),
        (Cell::Number(a), Cell::Number(b)) => a.partial_cmp(b),
        (Cell::Bool(a), Cell::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Runs a query over rows that are there already. Rows that the sort does not tell apart stay in the order in which they came.
pub fn run<T: Table>(query: &Query, rows: Vec<T::Row>) -> Found<T::Row> {
    let mut sieve = Sieve::<T>::new(query);
    sieve.take(rows);
    sieve.found()
}

/// Which of these rows match, in the order in which they came: for exports.
pub fn matching<T: Table>(query: &Query, mut rows: Vec<T::Row>) -> Vec<T::Row> {
    let sieve = Sieve::<T>::new(query);
    rows.retain(|row| sieve.matches(row));
    rows
}

/// The same, with the number of all rows that match.
pub fn run_counting<T: Table>(query: &Query, rows: Vec<T::Row>) -> (Found<T::Row>, usize) {
    let mut sieve = Sieve::<T>::new(query);
    sieve.take(rows);
    let total = sieve.matched;
    (sieve.found(), total)
}

/// Takes rows as they come and keeps the page that is asked for.
pub struct Sieve<'q, T: Table> {
    query: &'q Query,
    /// Those of the page and before it; now and then more, to be cut.
    kept: Vec<T::Row>,
    counts: BTreeMap<String, u32>,
    seen: usize,
    /// How many of them matched.
    matched: usize,
}
impl<'q, T: Table> Sieve<'q, T> {
    /// An empty one.
    pub fn new(query: &'q Query) -> Self {
        Self { query, kept: vec![], counts: BTreeMap::new(), seen: 0, matched: 0 }
    }
    /// Looks at some more rows.
    pub fn take(&mut self, rows: Vec<T::Row>) {
        self.seen += rows.len();
        for row in rows {
            if !self.matches(&row) {
                continue;
            }
            self.matched += 1;
            let value = self.query.group_by.and_then(|column| match T::cell(&row, column) {
                Cell::Text(value) => Some(value.into_owned()),
                Cell::Bool(value) => Some(value.to_string()),
                Cell::Words(_) | Cell::Time(_) | Cell::Number(_) => None,
            });
            if let Some(value) = value {
                *self.counts.entry(value).or_insert(0u32) += 1;
            }
            self.kept.push(row);
        }
        if self.kept.len() > self.enough().saturating_add(1_000) {
            self.cut();
        }
    }
    /// No further row would change what is found.
    pub fn is_full(&self) -> bool {
        self.query.sort.is_empty() && self.query.group_by.is_none() && self.kept.len() >= self.enough()
    }
    /// `resource_exhausted` when more rows were looked at than a search may look at.
    pub fn bounded(&self) -> Result<()> {
        if self.seen <= MOST {
            return Ok(());
        }
        Err(exhausted(
            "This search would look at more than 100,000 rows one by one: narrow it by filters on stored columns (the \
             same text, ids, states, times), or export.",
        ))
    }
    /// The page.
    pub fn found(mut self) -> Found<T::Row> {
        self.cut();
        let groups = self.query.group_by.map(|name| (name.to_owned(), self.counts.into_iter().collect()));
        let rows = self.kept.into_iter().skip(self.query.offset).collect();
        Found { rows, groups, offset: self.query.offset, limit: self.query.limit }
    }
    fn enough(&self) -> usize {
        self.query.offset.saturating_add(self.query.limit)
    }
    fn cut(&mut self) {
        let sort = &self.query.sort;
        self.kept.sort_by(|a, b| {
            sort.iter().fold(Ordering::Equal, |so_far, (column, direction)| {
                so_far.then_with(|| {
                    let order = compare(&T::cell(a, column), &T::cell(b, column)).unwrap_or(Ordering::Equal);
                    if *direction == Direction::Down { order.reverse() } else { order }
                })
            })
        });
        self.kept.truncate(self.enough());
    }
    fn matches(&self, row: &T::Row) -> bool {
        let search = &self.query.search;
        let has = |column: &&str| match T::cell(row, column) {
            Cell::Text(t) => name_key(&t).contains(search),
            Cell::Words(words) => words.iter().any(|w| name_key(w).contains(search)),
            _ => false,
        };
        self.query.filters.iter().all(|f| f.test.holds(&T::cell(row, f.column)))
            && (search.is_empty() || T::SEARCHED.iter().any(has))
    }
}

/// A query with what of it the database can do.
pub struct Plan {
    /// The whole query.
    pub query: Query,
    /// What narrows the rows.
    pub conditions: Vec<Condition>,
    /// The order in which the database gives the page, if it can do all of the query.
    order: Option<Vec<(&'static str, bool)>>,
    /// The stored column to count by, likewise.
    counted: Option<&'static str>,
}
impl Plan {
    /// Divides the work. `resource_exhausted` for a page that lies too deep.
    pub fn of<T: Table>(query: &Query) -> Result<Self> {
        if query.offset.saturating_add(query.limit) > DEEPEST {
            return Err(exhausted("The pages of a search end at 10,000 rows: narrow it, or export."));
        }
        let stored: Vec<Option<Condition>> =
            query.filters.iter().map(|f| f.test.stored(T::stored(f.column)?)).collect();
        let narrows_all = stored.iter().all(Option::is_some) && query.search.is_empty();
        let order: Option<Vec<_>> = query
            .sort
            .iter()
            .map(|(column, direction)| match T::stored(column)? {
                Column::Folded(c) | Column::Time(c) => Some((c, *direction == Direction::Down)),
                Column::Text(_) | Column::Id(_) | Column::UserState(_) => None,
            })
            .collect();
        let counted = query.group_by.and_then(|column| match T::stored(column)? {
            Column::Folded(c) => Some(c),
            _ => None,
        });
        let all = narrows_all && (query.group_by.is_none() || counted.is_some());
        Ok(Self {
            query: query.clone(),
            conditions: stored.into_iter().flatten().collect(),
            order: order.filter(|_| all),
            counted,
        })
    }
    /// The one window of rows that is asked for, if the database can find it by itself.
    pub fn window(&self) -> Option<Place> {
        let order = self.order.clone()?;
        Some(Place::Window { order, limit: self.query.limit, offset: self.query.offset })
    }
    /// What was found in that window.
    pub async fn whole<R>(&self, tx: &mut Tx, source: Source, rows: Vec<R>) -> portcullis_store::Result<Found<R>> {
        let mut groups = None;
        if let (Some(name), Some(column)) = (self.query.group_by, self.counted) {
            let counts = search::counts(tx, source, column, &self.conditions).await?;
            let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
            groups = Some((name.to_owned(), counts.into_iter().map(|(v, n)| (v, count(n))).collect()));
        }
        Ok(Found { rows, groups, offset: self.query.offset, limit: self.query.limit })
    }
}

/// The id after which the next page begins; `None` after the last one.
pub(crate) fn next<R>(page: &[R], id: impl Fn(&R) -> Uuid) -> Option<Uuid> {
    page.last().filter(|_| page.len() >= search::PAGE).map(id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pattern_without_percent_is_contains(text in "[a-cA-Cß]{0,8}", part in "[a-cA-C]{0,3}") {
            prop_assert_eq!(Pattern::new(&part).matches(&text), name_key(&text).contains(&name_key(&part)));
        }
        #[test]
        fn no_pattern_panics(text in "\\PC{0,12}", pattern in "[%a-c\\PC]{0,8}") {
            let _ = Pattern::new(&pattern).matches(&text);
        }
        /// A sieve that forgets what cannot be of the page finds what sorting everything finds.
        #[test]
        fn a_sieve_finds_what_a_whole_sort_finds(
            rows in prop::collection::vec(0u32..50, 0..3_000),
            offset in 0usize..40, limit in 1usize..40, up in any::<bool>(),
        ) {
            let direction = if up { Direction::Up } else { Direction::Down };
            let query = Query { offset, limit, sort: vec![("n", direction)], ..Query::default() };
            let mut sieve = Sieve::<Numbers>::new(&query);
            for page in rows.chunks(250) {
                sieve.take(page.to_vec());
            }
            let mut all = rows;
            all.sort_unstable();
            if !up {
                all.reverse();
            }
            let page: Vec<u32> = all.into_iter().skip(offset).take(limit).collect();
            prop_assert_eq!(sieve.found().rows, page);
        }
    }

    struct Numbers;
    impl Table for Numbers {
        type Row = u32;
        const COLUMNS: &'static [(&'static str, Kind)] = &[("n", Kind::Number)];
        const SEARCHED: &'static [&'static str] = &[];
        const GROUPED: &'static [&'static str] = &[];
        fn cell<'a>(row: &'a u32, _: &str) -> Cell<'a> {
            Cell::Number(f64::from(*row))
        }
        fn stored(column: &str) -> Option<Column> {
            (column == "at").then_some(Column::Time("created_at"))
        }
    }

    #[test]
    fn what_the_database_cannot_do_is_done_here() {
        let at =
            Filter { column: "at", test: Test::Compare(vec![Ordering::Less], Cell::Time(Timestamp::from_micros(7))) };
        let n = Filter { column: "n", test: Test::Compare(vec![Ordering::Less], Cell::Number(7.0)) };
        let plan = |filters| Plan::of::<Numbers>(&Query { filters, limit: 5, ..Query::default() }).unwrap();
        let (stored, mixed) = (plan(vec![at.clone()]), plan(vec![at, n]));
        assert!(stored.window().is_some() && stored.conditions.len() == 1);
        assert!(mixed.window().is_none() && mixed.conditions.len() == 1);
        let deep = Query { offset: 6_000, limit: 5_000, ..Query::default() };
        assert_eq!(Plan::of::<Numbers>(&deep).err().unwrap().code(), Code::RateLimited);
    }

    #[test]
    fn an_id_that_is_none_equals_nothing() {
        let test = |t: Test| t.stored(Column::Id("id")).unwrap().test;
        assert_eq!(test(Test::Equals("x".into())), Stored::In(vec![]));
        assert_eq!(test(Test::Differs("x".into())), Stored::NotIn(vec![]));
    }
}
