//! All tenants of a server, one after the other: for work that visits each of them.
use portcullis_domain::tenant::TenantKey;
use portcullis_domain::{Ctx, Result};
use portcullis_store::Db;
use portcullis_store::directory::{self, Found};

/// Every tenant in the order of their numbers, read a page at a time; those made meanwhile come too.
pub struct EveryTenant<'a> {
    db: &'a Db,
    page: std::vec::IntoIter<Found>,
    last: TenantKey,
}
impl<'a> EveryTenant<'a> {
    /// From the first one on.
    pub fn of(db: &'a Db) -> Self {
        Self { db, page: vec![].into_iter(), last: TenantKey(0) }
    }
    /// The context in the next tenant; `None` after the last.
    pub async fn next(&mut self, cx: Ctx) -> Result<Option<Ctx>> {
        if self.page.len() == 0 {
            self.page = self.db.read(cx.clone(), &self.last, directory::tenants).await?.into_iter();
        }
        let Some((key, id)) = self.page.next() else { return Ok(None) };
        self.last = key;
        Ok(Some(cx.in_tenant(key, id)))
    }
}
