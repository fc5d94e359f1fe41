//! Lists of users: a filter becomes a statement whose columns and orders come from here, never from a request.
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::name_key;
use portcullis_domain::{Id, Role};

use crate::{P, Result, Tx};

/// What a list is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Exactly this address.
    pub email: Option<String>,
    /// Holding this role.
    pub role: Option<Role>,
    /// In this state.
    pub state: Option<UserState>,
    /// Not in this state.
    pub not_state: Option<UserState>,
    /// Start of a word of the name, or of the whole address.
    pub q: Option<String>,
    /// In the customer's own directory.
    pub external_id: Option<String>,
    /// Where they sign in.
    pub auth_provider: Option<AuthProvider>,
    /// Substring of slug or address, lower-cased.
    pub keyword: Option<String>,
    /// Only this one.
    pub only: Option<Id<User>>,
}
impl UserFilter {
    /// Does the list need to look at every row (a substring, a word)?
    pub fn is_scan(&self) -> bool {
        self.q.is_some() || self.keyword.is_some() || self.role.is_some()
    }
}

/// The order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserOrder {
    /// By id, which is by time of making.
    Id {
        /// Newest first.
        descending: bool,
    },
    /// By address.
    Email {
        /// From the end.
        descending: bool,
    },
    /// By name, then id.
    Name {
        /// From the end.
        descending: bool,
    },
}

/// Where a page begins: after the row with this key.
#[derive(Clone, Debug)]
pub struct UserKey {
    /// Its id.
    pub id: Id<User>,
    /// Its value in the order's column.
    pub value: String,
}
impl UserKey {
    /// The key of a row in an order.
    pub fn of(user: &User, order: UserOrder) -> Self {
        let value = match order {
            UserOrder::Id { .. } => String::new(),
            UserOrder::Email { .. } => user.email.to_string(),
            UserOrder::Name { .. } => name_key(user.name()),
        };
        Self { id: user.id, value }
    }
}

/// At most `limit` users after `after`, without avatars.
pub async fn list(
    tx: &mut Tx,
    filter: &UserFilter,
    order: UserOrder,
    after: Option<&UserKey>,
    limit: usize,
    offset: usize,
) -> Result<Vec<User>> {
    let q = filter.q.as_deref().map(|q| (prefix(&name_key(q)), word(&name_key(q)), prefix(&q.to_lowercase())));
    let keyword = filter.keyword.as_deref().map(|k| format!("%{}%", escape(&k.to_lowercase())));
    let mut sql = Select::new();
    if let Some(v) = &filter.email {
        sql.and("email = ", P::Text(v));
    }
    if let Some(v) = &filter.external_id {
        sql.and("external_id = ", P::Text(v));
    }
    if let Some(v) = filter.only {
        sql.and("id = ", v.into());
    }
    if let Some(v) = filter.state {
        sql.and("state = ", P::Text(v.as_str()));
    }
    if let Some(v) = filter.not_state {
        sql.and("state <> ", P::Text(v.as_str()));
    }
    if let Some(v) = filter.auth_provider {
        sql.and("auth_provider = ", P::Text(v.as_str()));
    }
    if let Some(v) = filter.role {
        let bits = portcullis_domain::Roles::NONE.with(v).bits();
        sql.and("roles & ", P::Int(bits));
        sql.text.push_str(" <> 0");
    }
    if let Some((start, word, email)) = &q {
        sql.like(&[("name_key", start), ("name_key", word), ("email", email)]);
    }
    if let Some(k) = &keyword {
        sql.like(&[("slug", k), ("email", k)]);
    }
    let (column, descending) = match order {
        UserOrder::Id { descending } => (None, descending),
        UserOrder::Email { descending } => (Some("email"), descending),
        UserOrder::Name { descending } => (Some("name_key"), descending),
    };
    let (than, direction) = if descending { ("<", "DESC") } else { (">", "ASC") };
    if let Some(k) = after {
        match column {
            None => sql.and(&format!("id {than} "), k.id.into()),
            Some(c) => sql.after(c, than, k),
        }
    }
    let by = column.map_or_else(|| format!("id {direction}"), |c| format!("{c} {direction}, id {direction}"));
    sql.text.push_str(&format!(" ORDER BY {by} LIMIT {limit}"));
    if offset > 0 {
        sql.text.push_str(&format!(" OFFSET {offset}"));
    }
    tx.all_dynamic(&sql.text, &sql.values, crate::user::read).await
}

/// A statement that grows with its values.
struct Select<'a> {
    text: String,
    values: Vec<P<'a>>,
}
impl<'a> Select<'a> {
    fn new() -> Self {
        Self {
            text: "SELECT id, email, slug, title, auth_provider, state, email_verified, roles, is_owner, external_id, \
                   manager_id, metadata, first_name, last_name, display_name, last_login_at, created_at, updated_at, revision \
                   FROM users WHERE tenant = $1"
                .into(),
            values: vec![],
        }
    }
    /// The placeholder of a value: `$1` is the tenant.
    fn bind(&mut self, value: P<'a>) -> String {
        self.values.push(value);
        format!("${}", self.values.len() + 1)
    }
    fn and(&mut self, column_and_operator: &str, value: P<'a>) {
        let place = self.bind(value);
        self.text.push_str(&format!(" AND {column_and_operator}{place}"));
    }
    fn like(&mut self, any: &[(&str, &'a String)]) {
        let terms: Vec<String> =
            any.iter().map(|(c, v)| format!("{c} LIKE {} ESCAPE '\\'", self.bind(P::Text(v)))).collect();
        self.text.push_str(&format!(" AND ({})", terms.join(" OR ")));
    }
    fn after(&mut self, column: &str, than: &str, key: &'a UserKey) {
        let (value, id) = (self.bind(P::Text(&key.value)), self.bind(key.id.into()));
        self.text.push_str(&format!(" AND ({column}, id) {than} ({value}, {id})"));
    }
}

fn escape(s: &str) -> String {
    s.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
fn prefix(s: &str) -> String {
    format!("{}%", escape(s))
}
fn word(s: &str) -> String {
    format!("% {}%", escape(s))
}
