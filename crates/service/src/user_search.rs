//! Searching and exporting users (spec v1beta1 3.18). Superusers.
use std::borrow::Cow;

use portcullis_domain::user::User;
use portcullis_domain::{Ctx, Result};
use portcullis_store::Tx;
use portcullis_store::search::{self, Place, Source};
use uuid::Uuid;

use crate::App;
use crate::authorize::Gate;
use crate::search::{Cell, Column, Found, Kind, Plan, Query, Sieve, Table, next};

const ACTION: &str = "users:list";

/// Users as a search sees them.
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
    fn stored(column: &str) -> Option<Column> {
        Some(match column {
            "id" => Column::Id("id"),
            "name" => Column::Folded("slug"),
            "email" => Column::Folded("email"),
            "title" => Column::Text("title"),
            "state" => Column::UserState("state"),
            "created_at" => Column::Time("created_at"),
            "updated_at" => Column::Time("updated_at"),
            _ => return None,
        })
    }
}

impl App {
    /// The users that a query finds.
    pub async fn search_users(&self, cx: &Ctx, query: &Query) -> Result<Found<User>> {
        self.allow(cx, &Gate::superuser(ACTION)).await?;
        Ok(self.0.db.scan(cx.clone(), Plan::of::<Users>(query)?, find).await?)
    }
    /// The next users of an export, newest first, and after whom it goes on.
    pub async fn export_users(&self, cx: &Ctx, after: Option<Uuid>) -> Result<(Vec<User>, Option<Uuid>)> {
        self.allow(cx, &Gate::superuser(ACTION)).await?;
        let users = self.0.db.read(cx.clone(), &Place::After(after), page).await?;
        let next = next(&users, |u| u.id.uuid());
        Ok((users, next))
    }
}

async fn find(tx: &mut Tx, plan: &Plan) -> portcullis_store::Result<Found<User>> {
    if let Some(window) = plan.window() {
        let rows = search::users(tx, &plan.conditions, &window).await?;
        return plan.whole(tx, Source::Users, rows).await;
    }
    let (mut sieve, mut after) = (Sieve::<Users>::new(&plan.query), None);
    loop {
        let rows = search::users(tx, &plan.conditions, &Place::After(after)).await?;
        after = next(&rows, |u| u.id.uuid());
        sieve.take(rows);
        if after.is_none() || sieve.is_full() {
            return Ok(sieve.found());
        }
        sieve.bounded()?;
    }
}
async fn page(tx: &mut Tx, place: &Place) -> portcullis_store::Result<Vec<User>> {
    search::users(tx, &[], place).await
}
