//! `SearchUsers`: RQL over users (spec v1beta1 3.18).
use std::borrow::Cow;

use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Code, Ctx, Error, Result};
use portcullis_service::user::{UserFilter, UserSort};
use portcullis_service::{App, PageRequest};
use portcullis_wire_v1beta1::DynamicMessage;

use super::current_user::superuser;
use super::read::Read;
use super::responses::SearchUsersResponse;
use crate::call::{Call, Outcome};
use crate::rql::{self, Cell, Kind, Query, Table};

/// An unpaged look at users ends here (decision 22).
const ROWS: usize = 10_000;

/// Users as RQL sees them.
pub struct Users;
impl Table for Users {
    type Row = User;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("email", Kind::Text),
        ("title", Kind::Text),
        ("state", Kind::Text),
        ("avatar", Kind::Text),
        ("created_at", Kind::Time),
        ("updated_at", Kind::Time),
    ];
    const SEARCHED: &'static [&'static str] = &["id", "title", "name", "state"];
    const GROUPED: &'static [&'static str] = &["state"];
    fn cell<'a>(user: &'a User, column: &str) -> Cell<'a> {
        match column {
            "id" => Cell::Text(Cow::Owned(user.id.to_string())),
            "name" => Cell::Text(Cow::Borrowed(&user.slug)),
            "email" => Cell::Text(Cow::Borrowed(&user.email)),
            "title" => Cell::Text(Cow::Borrowed(&user.title)),
            "state" => Cell::Text(Cow::Borrowed(user.state.frontier())),
            "avatar" => Cell::Text(Cow::Borrowed(user.avatar.as_deref().unwrap_or_default())),
            "updated_at" => Cell::Time(user.updated_at),
            _ => Cell::Time(user.created_at),
        }
    }
}

/// Rows in the order of the query, cut to its page.
pub async fn search(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let query = rql::read::<Users>(request.inner("query").as_ref())?;
    superuser(&call.cx)?;
    // A query that asks for no more than the newest rows needs no others.
    let enough = query.rows_if_in_order("created_at");
    let users = users(&app, &call.cx, &filter(&query), enough.unwrap_or(usize::MAX)).await?;
    Ok(call.answer::<SearchUsersResponse>(&rql::run::<Users>(&query, users)).into())
}

/// What of the query the store can do; the rest is done on its rows.
fn filter(query: &Query) -> UserFilter {
    let state = match query.equals("state") {
        Some("disabled") => Some(UserState::Suspended),
        _ => None,
    };
    UserFilter { state, ..UserFilter::default() }
}

/// The first `enough` users, newest first; `resource_exhausted` when that would be more than an unpaged list may hold.
async fn users(app: &App, cx: &Ctx, filter: &UserFilter, enough: usize) -> Result<Vec<User>> {
    let mut all = vec![];
    let mut page = PageRequest { limit: 250, cursor: None, binding: "SearchUsers".into() };
    loop {
        let next = app.list_users(cx, filter, UserSort::Newest, &page).await?;
        all.extend(next.data);
        if all.len() >= enough || next.next_cursor.is_none() {
            return Ok(all);
        }
        if all.len() >= ROWS {
            let hint = "A search looks at 10,000 users at most. Page through them without filters, or export them.";
            return Err(Error::new(Code::RateLimited, hint));
        }
        page.cursor = next.next_cursor;
    }
}
