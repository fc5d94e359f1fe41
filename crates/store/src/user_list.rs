//! Lists of users: a filter becomes a statement whose columns and orders come from here, never from a request.
use portcullis_domain::group::Group;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::name_key;
use portcullis_domain::{Id, Role};

use crate::select::{Select, escape, prefix, word};
use crate::{P, Result, Tx};

/// The columns of `user::read`: everything but the avatar.
pub(crate) const COLUMNS: &str = "id, email, slug, title, auth_provider, state, email_verified, roles, is_owner, external_id, \
    manager_id, metadata, first_name, last_name, display_name, last_login_at, created_at, updated_at, revision, mfa_enrolled, \
    identity_provider";

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
    /// In this group.
    pub group: Option<Id<Group>>,
}
impl UserFilter {
    /// Does the list need to look at every row (a substring, a word)?
    pub fn is_scan(&self) -> bool {
        self.q.is_some() || self.keyword.is_some() || self.role.is_some() || self.group.is_some()
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
    let mut sql = Select::new(&format!("SELECT {COLUMNS} FROM users WHERE tenant = $1"));
    if let Some(v) = &filter.email {
        sql.and("email = ", P::Text(v));
    }
    if let Some(v) = &filter.external_id {
        sql.and("external_id = ", P::Text(v));
    }
    if let Some(v) = filter.only {
        sql.and("id = ", v.into());
    }
    if let Some(v) = filter.group {
        sql.and("id IN (SELECT bearer_id FROM role_bindings WHERE tenant = $1 AND bearer_type = 'app/user' AND object_id = ", v.into());
        sql.push(")");
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
        sql.push(" <> 0");
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
            Some(c) => sql.after((c, "id"), than, (P::Text(&k.value), k.id.into())),
        }
    }
    let by = column.map_or_else(|| format!("id {direction}"), |c| format!("{c} {direction}, id {direction}"));
    sql.push(&format!(" ORDER BY {by} LIMIT {limit}"));
    if offset > 0 {
        sql.push(&format!(" OFFSET {offset}"));
    }
    sql.all(tx, crate::user::read).await
}
