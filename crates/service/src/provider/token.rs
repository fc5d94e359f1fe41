//! The token endpoint: one grant at a time, and none falls back to another (RFC 6749 3.2, checklist 8).
use std::fmt;

use portcullis_crypto::token::Raw;
use portcullis_domain::Result;
use portcullis_domain::application::{Application, GrantType, scope};

use super::Provider;
use super::refusal::{OAuthError, Outcome, refused};
use super::standing::Standing;
use crate::keys::Signing;

/// A session at an application that outlives the one behind it ends so long after its last refresh,
pub(super) const OFFLINE_SECONDS: i64 = 30 * 86_400;
/// and so long after it began, however often it is refreshed.
pub(super) const OFFLINE_MOST_SECONDS: i64 = 90 * 86_400;

/// What tokens are asked for with.
#[derive(Clone, Copy)]
pub enum TokenRequest<'a> {
    /// A code that a browser brought.
    Code {
        /// The code.
        code: &'a str,
        /// Where it came to.
        redirect_uri: &'a str,
        /// What its challenge was made of (RFC 7636 4.1).
        verifier: &'a str,
    },
    /// A refresh token.
    Refresh {
        /// The token.
        token: &'a str,
        /// Fewer scopes than were given.
        scope: Option<&'a str>,
    },
    /// Nothing but the application's own proof.
    Own {
        /// Fewer scopes than it has.
        scope: Option<&'a str>,
    },
    /// A device's code.
    Device {
        /// The code.
        code: &'a str,
    },
}
impl TokenRequest<'_> {
    const fn grant(&self) -> GrantType {
        match self {
            Self::Code { .. } => GrantType::AuthorizationCode,
            Self::Refresh { .. } => GrantType::RefreshToken,
            Self::Own { .. } => GrantType::ClientCredentials,
            Self::Device { .. } => GrantType::DeviceCode,
        }
    }
}

/// Tokens.
#[derive(Clone)]
pub struct TokenAnswer {
    /// The access token.
    pub access_token: String,
    /// For how many seconds it is good.
    pub expires_in: i64,
    /// What the next one is asked for with, once.
    pub refresh_token: Option<Raw>,
    /// Who was signed in, and how.
    pub id_token: Option<String>,
    /// What the tokens are good for.
    pub scopes: Vec<String>,
}
impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

impl Provider {
    /// Gives tokens to an application that proved who it is.
    pub async fn token(&self, application: &Application, request: TokenRequest<'_>) -> Outcome<TokenAnswer> {
        if !application.may(request.grant()) {
            return Err(refused(OAuthError::UnauthorizedClient, "This grant is not registered for the client."));
        }
        match request {
            TokenRequest::Code { code, redirect_uri, verifier } => {
                self.redeem(application, code, redirect_uri, verifier).await
            }
            TokenRequest::Refresh { token, scope } => self.refresh(application, token, scope).await,
            TokenRequest::Own { scope } => self.own_token(application, scope).await,
            TokenRequest::Device { code } => self.poll(application, code).await,
        }
    }
    /// The tokens of a session at an application, for these of its scopes.
    pub(super) async fn tokens(
        &self,
        signing: &Signing,
        of: &Standing,
        scopes: Vec<String>,
        refresh_token: Option<Raw>,
    ) -> Result<TokenAnswer> {
        let expires_at = self.token_ends(of.ends_at).await?;
        let access_token = self.access_token(signing, of, &scopes, expires_at);
        let id_token = match scopes.iter().any(|s| s == scope::OPENID) {
            true => Some(self.id_token(signing, of, &scopes, (&access_token, expires_at)).await?),
            false => None,
        };
        let expires_in = expires_at.seconds() - self.cx.now.seconds();
        Ok(TokenAnswer { access_token, expires_in, refresh_token, id_token, scopes })
    }
    /// When a token of now ends: as the tenant says, and no later than what it is of.
    pub(super) async fn token_ends(
        &self,
        latest: portcullis_domain::Timestamp,
    ) -> Result<portcullis_domain::Timestamp> {
        self.app.freshen(&self.tenancy).await?;
        let seconds = self.app.compiled(&self.tenancy).await?.settings.access_token_seconds;
        Ok(self.cx.now.plus_seconds(seconds).min(latest))
    }
}
/// The scopes of a list that are asked for: all, if nothing is said. `invalid_scope` for one that is not in it.
pub(super) fn narrowed(all: &[String], said: Option<&str>) -> Outcome<Vec<String>> {
    let Some(said) = said else { return Ok(all.to_vec()) };
    let words: Vec<&str> = said.split_ascii_whitespace().collect();
    if words.is_empty() || words.iter().any(|w| all.iter().all(|s| s != w)) {
        return Err(refused(OAuthError::InvalidScope, "Ask for scopes that were given."));
    }
    Ok(all.iter().filter(|s| words.contains(&s.as_str())).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::super::{DeviceAnswer, Misfit, Step};
    use super::*;
    use portcullis_crypto::random::OsRandom;
    use portcullis_crypto::token::Purpose;

    #[test]
    fn sec_18_what_gives_access_is_not_printed() {
        let secret = "pcn_of-somebody";
        let raw = Purpose::ApplicationRefresh.generate(&OsRandom).raw;
        let answer = TokenAnswer {
            access_token: secret.into(),
            expires_in: 1,
            refresh_token: Some(raw.clone()),
            id_token: Some(secret.into()),
            scopes: vec!["openid".into()],
        };
        let device = DeviceAnswer { device_code: raw.clone(), user_code: secret.into(), expires_in: 1, interval: 5 };
        let printed =
            format!("{answer:?} {device:?} {:?} {:?}", Step::Answer(secret.into()), Misfit::Told(secret.into()));
        assert!(printed.contains("openid") && !printed.contains("pcn_"), "{printed}");
    }
}
