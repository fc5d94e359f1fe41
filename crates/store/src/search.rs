//! Rows that a search looks at: narrowed by conditions, either one window in an order of the database's own, or page by page.
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::organization::Organization;
use portcullis_domain::project::Project;
use portcullis_domain::role_binding::Relation;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};
use uuid::Uuid;

use crate::select::{Condition, Select, patterns};
use crate::{P, Result, Row, Tx};

/// Rows of a page of those that are looked at one after the other.
pub const PAGE: usize = 250;

/// What is looked through.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// All users.
    Users,
    /// All organizations.
    Organizations,
    /// The projects of an organization.
    Projects(Id<Organization>),
}
/// Which of the rows.
#[derive(Clone, Debug)]
pub enum Place {
    /// The next [`PAGE`], newest first, after this one.
    After(Option<Uuid>),
    /// So many after so many, in this order; `true` is from the end.
    Window {
        /// Columns, of this program's own.
        order: Vec<(&'static str, bool)>,
        /// How many.
        limit: usize,
        /// After how many.
        offset: usize,
    },
}

impl Source {
    const fn table(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Organizations => "organizations",
            Self::Projects(_) => "projects",
        }
    }
}

async fn rows<T>(
    tx: &mut Tx,
    source: Source,
    columns: &str,
    conditions: &[Condition],
    place: &Place,
    read: fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let patterns = patterns(conditions);
    let mut sql = select(source, columns, conditions, &patterns);
    match place {
        Place::After(after) => {
            if let Some(id) = after {
                sql.and("id < ", (*id).into());
            }
            sql.push(&format!(" ORDER BY id DESC LIMIT {PAGE}"));
        }
        Place::Window { order, limit, offset } => {
            sql.push(" ORDER BY ");
            for (column, descending) in order {
                sql.push(&format!("{column} {}, ", if *descending { "DESC" } else { "ASC" }));
            }
            sql.push(&format!("id DESC LIMIT {limit} OFFSET {offset}"));
        }
    }
    sql.all(tx, read).await
}
fn select<'a>(source: Source, columns: &str, conditions: &'a [Condition], patterns: &'a [String]) -> Select<'a> {
    let mut sql = Select::new(&format!("SELECT {columns} FROM {} WHERE tenant = $1", source.table()));
    if let Source::Projects(organization) = source {
        sql.and("organization_id = ", organization.into());
    }
    for (condition, pattern) in conditions.iter().zip(patterns) {
        sql.filter(condition, pattern);
    }
    sql
}

/// Users, without avatars.
pub async fn users(tx: &mut Tx, conditions: &[Condition], place: &Place) -> Result<Vec<User>> {
    rows(tx, Source::Users, crate::user_list::COLUMNS, conditions, place, crate::user::read).await
}
/// Organizations; of their pictures only the links, since a picture may be as large as a page of rows.
pub async fn organizations(tx: &mut Tx, conditions: &[Condition], place: &Place) -> Result<Vec<Organization>> {
    const COLUMNS: &str = "id, name, title, CASE WHEN length(avatar) <= 2048 THEN avatar END, state, metadata, created_at, \
        updated_at, revision";
    rows(tx, Source::Organizations, COLUMNS, conditions, place, crate::organization::read).await
}
/// Projects of an organization.
pub async fn projects(
    tx: &mut Tx,
    organization: Id<Organization>,
    conditions: &[Condition],
    place: &Place,
) -> Result<Vec<Project>> {
    rows(tx, Source::Projects(organization), crate::project::COLUMNS, conditions, place, crate::project::read).await
}
/// How many rows there are of each value of a text column.
pub async fn counts(
    tx: &mut Tx,
    source: Source,
    column: &'static str,
    conditions: &[Condition],
) -> Result<Vec<(String, i64)>> {
    let patterns = patterns(conditions);
    let mut sql = select(source, &format!("{column}, count(*)"), conditions, &patterns);
    sql.push(&format!(" GROUP BY {column} ORDER BY {column}"));
    sql.all(tx, |r| Ok((r.text(0)?, r.int(1)?))).await
}

/// Who holds which role on something, and since when.
#[derive(Clone, Debug)]
pub struct Held {
    /// The person, without their picture.
    pub user: User,
    /// The role.
    pub role: Id<AccessRole>,
    /// The binding, which orders those of one person.
    pub binding: Uuid,
    /// Since when.
    pub since: Timestamp,
}
/// The next [`PAGE`] bindings of persons on an object, by person.
pub async fn held(tx: &mut Tx, object: Uuid, conditions: &[Condition], after: (Uuid, Uuid)) -> Result<Vec<Held>> {
    let patterns = patterns(conditions);
    let columns: Vec<String> = crate::user_list::COLUMNS.split(", ").map(|c| format!("u.{}", c.trim())).collect();
    let mut sql = Select::new(&format!(
        "SELECT {}, b.role_id, b.id, b.created_at FROM role_bindings b JOIN users u ON u.tenant = b.tenant AND u.id = b.bearer_id \
         WHERE b.tenant = $1",
        columns.join(", ")
    ));
    sql.and("b.object_id = ", object.into());
    sql.and("b.bearer_type = ", P::Text("app/user"));
    sql.and("b.relation = ", P::Text(Relation::Granted.as_str()));
    for (condition, pattern) in conditions.iter().zip(&patterns) {
        sql.filter(condition, pattern);
    }
    sql.after(("b.bearer_id", "b.id"), ">", (after.0.into(), after.1.into()));
    sql.push(&format!(" ORDER BY b.bearer_id, b.id LIMIT {PAGE}"));
    sql.all(tx, |r| {
        let user = crate::user::read(r)?;
        Ok(Held { user, role: r.id(21)?, binding: r.uuid(22)?, since: r.timestamp(23)? })
    })
    .await
}
