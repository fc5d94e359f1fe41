//! Pages of a list: keyset, with an authenticated opaque cursor (spec v1 2.5).
use portcullis_crypto::cursor::Scope;
use portcullis_domain::{Ctx, Error, Result};
use serde_json::Value;

use crate::App;

/// Which page is asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// 1–250.
    pub limit: usize,
    /// The cursor of the page before; absent for the first.
    pub cursor: Option<String>,
    /// What the cursor is bound to besides the tenant: route, filters and sort, in any stable spelling.
    pub binding: String,
}

/// One page.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Its rows.
    pub data: Vec<T>,
    /// Where the next one begins; absent at the end.
    pub next_cursor: Option<String>,
}
impl<T> Page<T> {
    /// The same page of other things.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}

impl App {
    /// Where the asked page begins: the key that [`App::page`] put into the cursor. 400 for any other cursor.
    pub(crate) async fn page_start(&self, cx: &Ctx, page: &PageRequest) -> Result<Option<Value>> {
        let Some(cursor) = &page.cursor else { return Ok(None) };
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let opened = tenancy.cursors.open(&scope(cx, page), cursor, cx.now);
        let key = opened.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        key.map(Some).ok_or_else(|| {
            Error::field("cursor", "This cursor is not of this list, or older than a day. Begin again without it.")
        })
    }
    /// Makes a page of `limit + 1` rows: the last one only says that there are more.
    pub(crate) async fn page<T>(
        &self,
        cx: &Ctx,
        page: &PageRequest,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> Value,
    ) -> Result<Page<T>> {
        if rows.len() <= page.limit {
            return Ok(Page { data: rows, next_cursor: None });
        }
        rows.truncate(page.limit);
        let next = rows.last().map(key);
        self.page_until(cx, page, rows, next).await
    }
    /// A page whose next one begins after this key: for lists that look at more than they show.
    pub(crate) async fn page_until<T>(
        &self,
        cx: &Ctx,
        page: &PageRequest,
        data: Vec<T>,
        next: Option<Value>,
    ) -> Result<Page<T>> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let next_cursor = next.map(|key| {
            let payload = key.to_string();
            tenancy.cursors.seal(&scope(cx, page), payload.as_bytes(), cx.now, &*self.0.random)
        });
        Ok(Page { data, next_cursor })
    }
}

fn scope<'a>(cx: &Ctx, page: &'a PageRequest) -> Scope<'a> {
    Scope { tenant: cx.tenant_id.uuid(), route: &page.binding, filters: "", sort: "" }
}

/// A cursor's member as text.
pub(crate) fn text(key: &Value, member: &str) -> String {
    key[member].as_str().unwrap_or_default().to_owned()
}
