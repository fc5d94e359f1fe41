//! People whom directories made (spec v1 4.18): the columns of `users` that only those write, and lists by what a directory looks for. A
//! directory finds what it made and nothing else.
use portcullis_domain::Id;
use portcullis_domain::group::Group;
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::scim::{Found, GroupField, Listing, Provisioned, Search, UserField, Window};
use portcullis_domain::user::User;
use portcullis_domain::value::name_key;
use serde_json::json;

use crate::row::{json, json_text};
use crate::scim_search::{Column, Statement};
use crate::user_list::COLUMNS;
use crate::{Error, P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, email, slug, title, auth_provider, state, email_verified, roles, is_owner, external_id, manager_id, metadata, \
         first_name, last_name, display_name, last_login_at, created_at, updated_at, revision, mfa_enrolled, identity_provider, scim"
    };
}

statements! {
    LIST: write "UPDATE users SET directory_id = $3, scim_name = $4, scim = $5, external_id = $6 WHERE tenant = $1 AND id = $2";
    SET_EMAIL: write "UPDATE users SET email = $3, auth_provider = $4 WHERE tenant = $1 AND id = $2";
    BY_ID: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND id = $2 AND directory_id = $3 \
        AND scim_name IS NOT NULL");
    BY_NAME: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND directory_id = $2 AND scim_name = $3");
    BY_EXTERNAL_ID: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND external_id = $2 AND directory_id = $3");
    LISTED: point "SELECT directory_id FROM users WHERE tenant = $1 AND id = $2 AND scim_name IS NOT NULL";
    GONE: point "SELECT scim FROM users WHERE tenant = $1 AND id = $2 AND scim IS NOT NULL AND scim_name IS NULL";
    FORGET: write "UPDATE users SET scim = NULL WHERE tenant = $1 AND id = $2 AND scim_name IS NULL AND scim IS NOT NULL";
    ANY: page "SELECT id FROM users WHERE tenant = $1 AND directory_id = $2 AND scim_name IS NOT NULL LIMIT 1";
}

fn read(r: &Row<'_>) -> Result<Provisioned> {
    let listing = Listing::stored(&json(r.str(21)?));
    let listing = listing.ok_or_else(|| Error::internal("what a directory says of somebody does not read"))?;
    Ok(Provisioned { user: crate::user::read(r)?, listing })
}

/// Writes that a directory has somebody, with what only it says of them. Taken names surface as `users_scim_name`, taken ids as
/// `users_external_id`.
pub async fn list(
    tx: &mut Tx,
    user: Id<User>,
    directory: Id<IdentityProvider>,
    listing: &Listing,
    external_id: Option<&str>,
) -> Result<()> {
    let (key, text) = (name_key(&listing.user_name), json_text(&listing.members()));
    let params = [user.into(), directory.into(), P::Text(&key), P::Text(&text), external_id.into()];
    tx.run(&LIST, &params).await.map(drop)
}
/// How a directory had somebody whom it deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// What it called them; without one nobody knows later that it means the same person.
    pub external_id: Option<String>,
    /// They were suspended by hand before that.
    pub by_hand: bool,
}
/// Writes that a directory has somebody no more. It is remembered which one had, and how.
pub async fn unlist(tx: &mut Tx, user: Id<User>, directory: Id<IdentityProvider>, gone: &Gone) -> Result<()> {
    let was = json!({ "gone": directory, "externalId": gone.external_id, "byHand": gone.by_hand }).to_string();
    let params = [user.into(), uuid::Uuid::nil().into(), None::<&str>.into(), P::Text(&was), None::<&str>.into()];
    tx.run(&LIST, &params).await.map(drop)
}
/// Writes somebody's address, and where they sign in. A taken one surfaces as `users_email`.
pub async fn set_email(tx: &mut Tx, u: &User) -> Result<()> {
    tx.run(&SET_EMAIL, &[u.id.into(), P::Text(&u.email), P::Text(u.auth_provider.as_str())]).await.map(drop)
}
/// One by id.
pub async fn by_id(tx: &mut Tx, directory: Id<IdentityProvider>, id: Id<User>) -> Result<Option<Provisioned>> {
    tx.one(&BY_ID, &[id.into(), directory.into()], read).await
}
/// One by `userName`, whatever the case.
pub async fn by_name(tx: &mut Tx, directory: Id<IdentityProvider>, name: &str) -> Result<Option<Provisioned>> {
    tx.one(&BY_NAME, &[directory.into(), P::Text(&name_key(name))], read).await
}
/// One by the directory's own id.
pub async fn by_external_id(tx: &mut Tx, directory: Id<IdentityProvider>, id: &str) -> Result<Option<Provisioned>> {
    tx.one(&BY_EXTERNAL_ID, &[P::Text(id), directory.into()], read).await
}
/// The directory that has somebody.
pub async fn directory(tx: &mut Tx, user: Id<User>) -> Result<Option<Id<IdentityProvider>>> {
    tx.one(&LISTED, &[user.into()], |r| r.id(0)).await
}
/// How this directory had somebody whom none has now.
pub async fn gone_from(tx: &mut Tx, directory: Id<IdentityProvider>, user: Id<User>) -> Result<Option<Gone>> {
    let was = tx.one(&GONE, &[user.into()], |r| Ok(json(r.str(0)?))).await?;
    let was = was.filter(|w| w.get("gone").and_then(|id| id.as_str()) == Some(&*directory.to_string()));
    Ok(was.map(|w| Gone {
        external_id: w.get("externalId").and_then(|id| id.as_str()).map(ToOwned::to_owned),
        by_hand: w.get("byHand").and_then(serde_json::Value::as_bool).unwrap_or(false),
    }))
}
/// Forgets which directory had somebody whom none has now.
pub async fn forget_gone(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&FORGET, &[user.into()]).await.map(drop)
}
/// Has the directory anybody?
pub async fn has_any(tx: &mut Tx, directory: Id<IdentityProvider>) -> Result<bool> {
    Ok(tx.one(&ANY, &[directory.into()], |r| r.uuid(0)).await?.is_some())
}

/// People of a directory, oldest first.
pub async fn search(
    tx: &mut Tx,
    directory: Id<IdentityProvider>,
    search: &Search<UserField>,
    window: Window,
) -> Result<Found<Provisioned>> {
    let head = |columns: &str| {
        let mut s = Statement::new(format!("SELECT {columns} FROM users WHERE tenant = $1"));
        s.and_id("directory_id", directory.uuid());
        s.push(" AND scim_name IS NOT NULL");
        s
    };
    found(tx, head, &format!("{COLUMNS}, scim"), search, window, read).await
}
/// Groups of a directory, oldest first.
pub async fn search_groups(
    tx: &mut Tx,
    directory: Id<IdentityProvider>,
    search: &Search<GroupField>,
    window: Window,
) -> Result<Found<Group>> {
    let head = |columns: &str| {
        let mut s = Statement::new(format!("SELECT {columns} FROM groups WHERE tenant = $1"));
        s.and_id("identity_provider", directory.uuid());
        s
    };
    found(tx, head, crate::group::COLUMNS, search, window, crate::group::read).await
}
async fn found<F: Column, T>(
    tx: &mut Tx,
    head: impl Fn(&str) -> Statement,
    columns: &str,
    search: &Search<F>,
    window: Window,
    read: fn(&Row<'_>) -> Result<T>,
) -> Result<Found<T>> {
    let Window { offset, count } = window;
    let mut rows = vec![];
    if count > 0 {
        let mut page = head(columns);
        page.and(search);
        page.push(&format!(" ORDER BY id LIMIT {count} OFFSET {offset}"));
        rows = page.all(tx, read).await?;
    }
    // a part that is not full ends where the list does
    if rows.len() < count && (offset == 0 || !rows.is_empty()) {
        let total = offset + rows.len();
        return Ok(Found { rows, total });
    }
    let mut all = head("count(*)");
    all.and(search);
    let total = all.all(tx, |r| r.int(0)).await?.first().copied().unwrap_or(0);
    Ok(Found { rows, total: usize::try_from(total).unwrap_or(0) })
}
