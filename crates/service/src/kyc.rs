//! Whether organizations have shown who they are (spec v1beta1 2.3.8, 3.16).
use portcullis_domain::kyc::{Kyc, link};
use portcullis_domain::organization::Organization;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, kyc};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::holder::bounded;
use crate::organization::current;
use crate::{App, lookup};

impl App {
    /// What is known of an organization; nothing, until something was written down. `app_organization_get`.
    pub async fn get_kyc(&self, cx: &Ctx, which: String) -> Result<Kyc> {
        let found = self.organization_for(cx, &which, "app_organization_get").await?;
        let kept = self.0.db.read(cx.clone(), &found.id, of).await?;
        Ok(kept.unwrap_or_else(|| Kyc::unknown(found.id)))
    }
    /// Writes down what is known now. Whoever has shown who they are has shown something: a link to it. Superusers.
    pub async fn set_kyc(&self, cx: &Ctx, which: String, status: bool, sent: &str) -> Result<Kyc> {
        let command = async {
            let refuse = |message: &'static str| Error::new(Code::InvalidInput, message);
            let found = self.0.db.read(cx.clone(), &which, lookup::organization).await?;
            let organization_id = match found {
                Some(o) => o.id,
                None if Uuid::try_parse(&which).is_ok() => return Err(refuse("org doesn't exist")),
                None => return Err(refuse("invalid syntax of uuid")),
            };
            let link = link(sent).map_err(|e| Error::field("link", e))?;
            if status && link.is_empty() {
                return Err(refuse("link cannot be empty"));
            }
            let kyc = Kyc { status, link, ..Kyc::unknown(organization_id) };
            Ok(Set { kyc, scribe: self.scribe(cx) })
        };
        self.apply(cx, Gate::superuser("kyc:update"), command, set).await
    }
    /// What is known of all organizations of which anything is. Superusers.
    pub async fn list_kyc(&self, cx: &Ctx) -> Result<Vec<Kyc>> {
        self.allow(cx, &Gate::superuser("kyc:list")).await?;
        let all = self.0.db.scan(cx.clone(), (), list).await?;
        bounded(all.len())?;
        Ok(all)
    }
}

struct Set {
    kyc: Kyc,
    scribe: Scribe,
}
async fn set(tx: &mut Tx, c: &Set) -> portcullis_store::Result<Kyc> {
    let id = c.kyc.organization_id;
    current(tx, id).await?;
    let kept = kyc::of(tx, id).await?;
    let before = kept.clone().unwrap_or_else(|| Kyc::unknown(id));
    if (before.status, &before.link) == (c.kyc.status, &c.kyc.link) && kept.is_some() {
        return Ok(before);
    }
    kyc::set(tx, &c.kyc).await?;
    let action = if c.kyc.status { "kyc.verified" } else { "kyc.unverified" };
    let event = c
        .scribe
        .event(action, "kyc", id)
        .change("status", before.status, c.kyc.status)
        .change("link", before.link.as_str(), c.kyc.link.as_str())
        .with("organization_id", id.to_string());
    c.scribe.write(tx, event);
    let now = Some(tx.cx.now);
    Ok(Kyc { created_at: before.created_at.or(now), updated_at: now, ..c.kyc.clone() })
}
async fn of(tx: &mut Tx, id: &Id<Organization>) -> portcullis_store::Result<Option<Kyc>> {
    kyc::of(tx, *id).await
}
async fn list(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<Kyc>> {
    let mut out: Vec<Kyc> = vec![];
    loop {
        let page = kyc::page(tx, out.last().map_or(Uuid::nil(), |k| k.organization_id.uuid())).await?;
        if page.is_empty() || bounded(out.len()).is_err() {
            return Ok(out);
        }
        out.extend(page);
    }
}
