//! Personal access tokens as callers: what one may do is the less of what it was given and what its person may (spec v1beta1 4.1).
use std::sync::Arc;

use portcullis_crypto::token::Purpose;
use portcullis_domain::organization::Organization;
use portcullis_domain::personal_token::PersonalToken;
use portcullis_domain::tenant::TenantState;
use portcullis_domain::user::{User, UserState};
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Principal, Result, Timestamp};
use portcullis_store::{Tx, directory, organization, personal_token, user};

use crate::App;
use crate::authenticate::{Known, LOCKED_OUT, locked_out, noted, of_user, refused};
use crate::tenancy::Tenancy;

impl App {
    /// The token that was presented.
    pub(crate) async fn verify_personal_token(&self, raw: &str, now: Timestamp) -> Result<Known> {
        let hash = Purpose::PersonalAccess.parse(raw).map_err(|_| refused("malformed"))?;
        let found = self.0.db.read(self.nowhere(), hash.bytes(), directory::personal_token_by_hash).await?;
        let ((tenant, _), id) = found.ok_or_else(|| refused("invalid"))?;
        let tenancy = self.tenancy_of(tenant).await?;
        self.freshen(&tenancy).await?;
        self.read_personal_token(&tenancy, Id::from_uuid(id), Holds::Secret(*hash.bytes()), now).await
    }
    /// A token with its user's facts, if both may still act.
    pub(crate) async fn read_personal_token(
        &self,
        tenancy: &Arc<Tenancy>,
        id: Id<PersonalToken>,
        proof: Holds,
        now: Timestamp,
    ) -> Result<Known> {
        if !self.0.settings.personal_tokens.enabled {
            return Err(refused("invalid"));
        }
        let cx = self.nowhere().in_tenant(tenancy.key, tenancy.id);
        let found = self.0.db.read(cx, &id, token_facts).await?.ok_or_else(|| refused("invalid"))?;
        let TokenFacts { revision, token, hash, user, locked_out, organization, state } = found;
        tenancy.hear(revision);
        let proved = match proof {
            Holds::Secret(shown) => portcullis_crypto::same(&shown, &hash),
            Holds::Generation(n) => n == token.generation,
            Holds::Nothing => true,
        };
        if !proved || state != TenantState::Active {
            return Err(refused("invalid"));
        }
        if !organization.state.is_enabled() {
            // only who holds the secret comes this far (spec v1beta1 4.1)
            return Err(Error::new(Code::Forbidden, "The organization of this token is disabled."));
        }
        if token.revoked_at.is_some() || user.state != UserState::Active {
            return Err(refused("revoked"));
        }
        if token.expires_at <= now {
            return Err(refused("expired"));
        }
        if locked_out {
            return Err(refused(LOCKED_OUT));
        }
        let credential = Credential::PersonalToken {
            id: token.id,
            organization: token.organization_id,
            generation: token.generation,
            made_at: token.secret_made_at(),
            expires_at: token.expires_at,
        };
        Ok(Known {
            tenancy: tenancy.clone(),
            principal: Arc::new(of_user(&user, credential, tenancy.is_master)),
            revision,
            expires_at: Some(token.expires_at),
            noted: noted(token.used_at),
            renews: None,
            epoch: None,
        })
    }
    /// Somebody's token as a caller, for whoever asks what it may do; `None`: it may do nothing.
    pub(crate) async fn token_of_somebody(&self, cx: &Ctx, id: Id<PersonalToken>) -> Result<Option<Arc<Principal>>> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        match self.read_personal_token(&tenancy, id, Holds::Nothing, cx.now).await {
            Ok(known) => Ok(Some(known.principal)),
            Err(e) if matches!(e.code(), Code::Unauthenticated | Code::Forbidden) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// What shows that the caller holds a personal access token.
pub(crate) enum Holds {
    /// Its secret's hash.
    Secret([u8; 32]),
    /// An access token that was made from this one of its secrets.
    Generation(i64),
    /// Nothing: somebody else asks about it.
    Nothing,
}
struct TokenFacts {
    revision: i64,
    token: PersonalToken,
    hash: Vec<u8>,
    user: User,
    locked_out: bool,
    organization: Organization,
    state: TenantState,
}
async fn token_facts(tx: &mut Tx, id: &Id<PersonalToken>) -> portcullis_store::Result<Option<TokenFacts>> {
    let Some(tenant) = portcullis_store::tenant::revisions(tx).await? else { return Ok(None) };
    let Some(token) = personal_token::by_id(tx, *id).await? else { return Ok(None) };
    let Some(hash) = personal_token::hash(tx, *id).await? else { return Ok(None) };
    let Some(user) = user::facts(tx, token.user_id).await? else { return Ok(None) };
    let Some(organization) = organization::by_id(tx, token.organization_id).await? else { return Ok(None) };
    let locked_out = locked_out(tx, &user).await?;
    Ok(Some(TokenFacts { revision: tenant.revision, token, hash, user, locked_out, organization, state: tenant.state }))
}
