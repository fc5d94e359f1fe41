//! What a token is worth at this moment (RFC 7662): for servers that are sent one and cannot look at the session or the key behind it.
use std::sync::Arc;

use portcullis_authz::Target;
use portcullis_crypto::machine_key::Assertion;
use portcullis_crypto::signing::Claims;
use portcullis_domain::{Code, Ctx, Principal, Result, Timestamp};

use crate::App;
use crate::authenticate::Presented;
use crate::authorize::Gate;

/// What a live token says.
#[derive(Clone, Debug)]
pub struct Introspected {
    /// Whom it makes the caller now, whatever it says of them.
    pub principal: Arc<Principal>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Of an access token: what was signed.
    pub claims: Option<Claims>,
}

impl App {
    /// What an access token, an API key, a personal access token or a service user's token is worth in the caller's tenant; `None`: nothing,
    /// or nothing here. Its use is not noted. `access:check`.
    pub async fn introspect(&self, cx: &Ctx, token: Result<String>) -> Result<Option<Introspected>> {
        self.allow(cx, &Gate::new("access:check", Target::tenant())).await?;
        let token = token?;
        // an assertion asks for a token; it is none
        if Assertion::read(&token).is_ok() {
            return Ok(None);
        }
        match self.look_at(Presented::Bearer(&token), cx.now).await {
            // who has yet to show a second factor is nobody to others
            Ok(seen) if seen.tenant == cx.tenant && !seen.principal.credential.is_restricted() => {
                let claims = self.keys().tokens.verify(&token, self.expected(cx.now)).ok();
                Ok(Some(Introspected { principal: seen.principal, expires_at: seen.expires_at, claims }))
            }
            Ok(_) => Ok(None),
            // that somebody guesses at it is said to who holds it, and to nobody else (checklist 2)
            Err(e) if matches!(e.code(), Code::Unauthenticated | Code::Forbidden | Code::RateLimited) => Ok(None),
            Err(e) => Err(e),
        }
    }
}
