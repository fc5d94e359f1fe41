//! Sessions as callers: by an access token that names one, or by the cookie.
use std::sync::Arc;

use portcullis_crypto::signing::Claims;
use portcullis_crypto::token::Purpose;
use portcullis_domain::context::AccessToken;
use portcullis_domain::session::Session;
use portcullis_domain::tenant::TenantState;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Credential, Id, Principal, Result, Timestamp};
use portcullis_store::{Tx, directory, session, user};

use crate::App;
use crate::authenticate::{Known, LOCKED_OUT, locked_out, noted, of_session, of_user, refused};
use crate::demand::Demand;
use crate::tenancy::Tenancy;

impl App {
    /// A session with its person's facts, if both may still act; `claims` is what a token said of it.
    pub(crate) async fn read_session(
        &self,
        tenancy: &Arc<Tenancy>,
        id: Id<Session>,
        claims: Option<&Claims>,
        now: Timestamp,
    ) -> Result<Known> {
        let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
        let found = self.0.db.read(cx, &id, session_facts).await?;
        let (revision, s, (u, locked_out), state) = found.ok_or_else(|| refused("invalid"))?;
        tenancy.hear(revision);
        if claims.is_some_and(|c| c.sub != u.id.uuid()) || state != TenantState::Active {
            return Err(refused("invalid"));
        }
        let end = s.idle_at.min(s.expires_at);
        if s.revoked_at.is_some_and(|at| at < end) || u.state != UserState::Active {
            return Err(refused("revoked"));
        }
        if s.revoked_at.is_some() {
            return Err(refused("expired"));
        }
        if end <= now {
            self.note_end(tenancy, s.id, now).await;
            return Err(refused("expired"));
        }
        if locked_out {
            return Err(refused(LOCKED_OUT));
        }
        let demand = Demand::of(self.compiled(tenancy).await?);
        let mut credential = of_session(&s);
        if let Credential::Session { restricted, .. } = &mut credential {
            *restricted |= demand.is_half(&u, &s.amr);
        }
        let principal = self.with_mapped_roles(tenancy, of_user(&u, credential, tenancy.is_master)).await?;
        Ok(Known::new(tenancy.clone(), principal, revision, Some(end)))
    }
    /// The session of a cookie, which its use renews.
    pub(crate) async fn verify_cookie(&self, raw: &str, now: Timestamp) -> Result<Known> {
        let hash = *Purpose::Cookie.parse(raw).map_err(|_| refused("malformed"))?.bytes();
        let found = self.0.db.read(self.nowhere(), &hash, directory::session_by_cookie).await?;
        let ((tenant, _), id) = found.ok_or_else(|| refused("invalid"))?;
        let tenancy = self.tenancy_of(tenant).await?;
        self.freshen(&tenancy).await?;
        let mut known = self.read_session(&tenancy, Id::from_uuid(id), None, now).await?;
        let token = known.expires_at.map(|expires_at| AccessToken { expires_at, exchanged: false });
        known.principal = Arc::new(Principal { token, ..(*known.principal).clone() });
        let seconds = self.compiled(&tenancy).await?.settings.session_idle_seconds;
        // it was used when it was renewed
        known.noted = noted(known.expires_at.map(|end| end.plus_seconds(-seconds)).filter(|at| *at <= now));
        known.renews = Some(seconds);
        Ok(known)
    }

    /// Who a session makes somebody, if it may still be used.
    pub(crate) async fn session_principal(
        &self,
        tenancy: &Arc<Tenancy>,
        id: Id<Session>,
        now: Timestamp,
    ) -> Result<Arc<Principal>> {
        self.freshen(tenancy).await?;
        Ok(self.read_session(tenancy, id, None, now).await?.principal)
    }
}

type SessionFacts = (i64, Session, (User, bool), TenantState);
async fn session_facts(tx: &mut Tx, id: &Id<Session>) -> portcullis_store::Result<Option<SessionFacts>> {
    let Some(tenant) = portcullis_store::tenant::revisions(tx).await? else { return Ok(None) };
    let Some(s) = session::by_id(tx, *id).await? else { return Ok(None) };
    let Some(u) = user::facts(tx, s.user_id).await? else { return Ok(None) };
    let locked_out = locked_out(tx, &u).await?;
    Ok(Some((tenant.revision, s, (u, locked_out), tenant.state)))
}
