//! Joining an organization through its domain (spec v1beta1 3.12): who has proved an address of exactly this domain becomes a
//! member of the least kind. A subdomain is another domain.
use portcullis_domain::access_role::ORGANIZATION_VIEWER;
use portcullis_domain::organization::Organization;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, organization, organization_domain, role_binding};
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, is_superuser, organization_disabled};
use crate::holder::bounded;
use crate::newcomer::{newcomer, proved};
use crate::organization::shown_outside;
use crate::organization_member::join;
use crate::{Answer, App, Reply, lookup};

impl App {
    /// Makes the caller a member. An organization that is not there has no domains: so nobody learns which there are.
    pub async fn join_organization(&self, cx: &Ctx, which: String, reply: Reply<()>) -> Result<Answer> {
        let command = async {
            let user = newcomer(cx)?;
            let found = self.0.db.read(cx.clone(), &which, lookup::organization).await?;
            let none = || if is_superuser(&cx.principal) { Error::not_found("organization") } else { mismatch() };
            let organization = found.ok_or_else(none)?.id;
            Ok(Join { organization, user, scribe: self.scribe(cx) })
        };
        self.answer(cx, Gate::anyone("organizations:join"), command, reply, join_by_domain).await
    }
    /// The enabled organizations that somebody might join, or did already. Without a proved address: none (decision 7).
    pub(crate) async fn joinable_by(&self, cx: &Ctx, user: &User) -> Result<Vec<Organization>> {
        if !user.email_verified {
            return Ok(vec![]);
        }
        let all = self.0.db.scan(cx.clone(), user.email.domain().to_owned(), joinable).await?;
        bounded(all.len())?;
        Ok(all.into_iter().map(shown_outside).collect())
    }
}

fn mismatch() -> Error {
    Error::new(Code::InvalidInput, "user and org's whitelisted domains doesn't match")
}

struct Join {
    organization: Id<Organization>,
    user: Id<User>,
    scribe: Scribe,
}
async fn join_by_domain(tx: &mut Tx, c: &Join) -> portcullis_store::Result<()> {
    let organization = organization::by_id(tx, c.organization).await?;
    let email = proved(tx, c.user).await?;
    let (Some(organization), Some(email)) = (organization, email) else { return Err(mismatch().into()) };
    let domain = organization_domain::by_name(tx, organization.id, email.domain()).await?;
    if !domain.is_some_and(|d| d.verified) {
        return Err(mismatch().into());
    }
    if !organization.state.is_enabled() {
        return Err(organization_disabled().into());
    }
    let held = role_binding::held_on(tx, Bearer::User(c.user.uuid()), organization.id.uuid()).await?;
    if held.is_empty() {
        join(tx, &c.scribe, organization.id, c.user, ORGANIZATION_VIEWER.id()).await?;
        tx.bump().await?;
    }
    Ok(())
}

#[allow(clippy::ptr_arg, reason = "a use case takes a reference to its command, which is a String here")]
async fn joinable(tx: &mut Tx, domain: &String) -> portcullis_store::Result<Vec<Organization>> {
    let (mut out, mut after) = (vec![], Uuid::nil());
    loop {
        let page = organization_domain::verified_by(tx, domain, after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.uuid();
        for id in page {
            out.extend(organization::by_id(tx, id).await?.filter(|o| o.state.is_enabled()));
        }
        if bounded(out.len()).is_err() {
            return Ok(out);
        }
    }
}
