//! Lists of the tenant's own groups.
use portcullis_domain::group::Group;
use portcullis_domain::value::name_key;
use uuid::Uuid;

use crate::select::{Condition, Select, Test, Value, patterns, prefix, word};
use crate::{P, Result, Tx};

/// What a list is narrowed by, and where it begins.
#[derive(Clone, Debug, Default)]
pub struct GroupList {
    /// Of this source, as it is stored.
    pub source: Option<String>,
    /// Start of a word of the title.
    pub q: Option<String>,
    /// Only these.
    pub only: Option<Vec<Uuid>>,
    /// After this one, from the newest.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: usize,
}
impl GroupList {
    /// Does it look at every row?
    pub fn is_scan(&self) -> bool {
        self.q.is_some() || self.source.is_some() || self.only.is_some()
    }
}

/// Newest first.
pub async fn list(tx: &mut Tx, l: &GroupList) -> Result<Vec<Group>> {
    let q = l.q.as_deref().map(|q| (prefix(&name_key(q)), word(&name_key(q))));
    let only: Vec<Condition> = l
        .only
        .iter()
        .map(|ids| Condition { column: "id", test: Test::In(ids.iter().copied().map(Value::Id).collect()) })
        .collect();
    let none = patterns(&only);
    let mut sql = Select::new(&format!("SELECT {} FROM groups WHERE tenant = $1", crate::group::COLUMNS));
    sql.and("scope_id = ", Uuid::nil().into());
    if let Some(source) = &l.source {
        sql.and("source = ", P::Text(source));
    }
    if let Some((start, word)) = &q {
        sql.like(&[("title_key", start), ("title_key", word)]);
    }
    for (condition, pattern) in only.iter().zip(&none) {
        sql.filter(condition, pattern);
    }
    if let Some(after) = l.after {
        sql.and("id < ", after.into());
    }
    sql.push(&format!(" ORDER BY id DESC LIMIT {}", l.limit));
    sql.all(tx, crate::group::read).await
}
