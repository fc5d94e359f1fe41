//! Signing out because an application says so (OpenID Connect RP-Initiated Logout 1.0).
use std::fmt;

use portcullis_crypto::signing::IdClaims;
use portcullis_domain::{Credential, Ctx, Result};
use url::Url;

use super::Provider;

/// What an application wants of whoever it sends.
#[derive(Clone, Default)]
pub struct Leaving {
    /// What the application is called, if it said who it is.
    pub application: Option<String>,
    /// Where to go afterwards: an address that it registered.
    pub redirect: Option<String>,
    /// Whom the ID token that it showed speaks of.
    hint: Option<IdClaims>,
}
impl fmt::Debug for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaving").field("application", &self.application).finish_non_exhaustive()
    }
}
impl Leaving {
    /// Did the application show an ID token of ours? Without one nobody is led anywhere unasked (RP-Initiated Logout 1.0 3).
    pub fn has_hint(&self) -> bool {
        self.hint.is_some()
    }
}

impl Provider {
    /// Reads a request to sign out. Nothing in it is believed that is not proved: an ID token that we did not make, or an address that is
    /// not registered, is as if it had not been sent.
    pub async fn leaving(
        &self,
        id_token_hint: Option<&str>,
        client_id: Option<&str>,
        redirect_uri: Option<&str>,
        state: Option<&str>,
    ) -> Result<Leaving> {
        let hint = match id_token_hint {
            Some(token) => self.shown_id_token(token).await?,
            None => None,
        };
        let named = match (&hint, client_id) {
            (Some(hint), Some(id)) if id != hint.aud.to_string() => return Ok(Leaving::default()),
            (Some(hint), _) => hint.aud.to_string(),
            (None, Some(id)) => id.to_owned(),
            (None, None) => return Ok(Leaving::default()),
        };
        let Some((application, _)) = self.application(&named).await? else { return Ok(Leaving::default()) };
        let registered = |said: &&str| application.post_logout_redirect_uris.iter().any(|r| r == said);
        let redirect = redirect_uri.filter(registered).and_then(|uri| Url::parse(uri).ok()).map(|mut url| {
            if let Some(state) = state {
                url.query_pairs_mut().append_pair("state", state);
            }
            String::from(url)
        });
        Ok(Leaving { application: Some(application.name), redirect, hint })
    }
    /// Did the application prove that it speaks of this very session? Else the person is asked.
    pub fn proves(&self, leaving: &Leaving, cx: &Ctx) -> bool {
        let (Some(hint), Credential::Session { id, .. }) = (&leaving.hint, &cx.principal.credential) else {
            return false;
        };
        self.is_of(cx) && hint.sid == id.uuid() && cx.principal.user_id().is_some_and(|u| u.uuid() == hint.sub)
    }
}
