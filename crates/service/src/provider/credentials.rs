//! An application for itself (RFC 6749 4.4): a token with its own scopes, and with nobody's rights on this server's API.
use portcullis_crypto::signing::TokenType;
use portcullis_domain::Timestamp;
use portcullis_domain::application::{Application, scope};

use super::Provider;
use super::refusal::{OAuthError, Outcome, refused};
use super::token::{TokenAnswer, narrowed};

impl Provider {
    /// A token of the application itself. What the standard scopes speak of is a person: it gets the others.
    pub(super) async fn own_token(&self, application: &Application, said: Option<&str>) -> Outcome<TokenAnswer> {
        let own: Vec<String> = application.scopes.iter().filter(|s| !scope::is_standard(s)).cloned().collect();
        let scopes = narrowed(&own, said).map_err(|_| {
            refused(OAuthError::InvalidScope, "Ask for scopes of the application's own, not of a person.")
        })?;
        let expires_at = self.token_ends(Timestamp::from_micros(i64::MAX)).await?;
        let claims = self.for_application(application.id.uuid(), &scopes, expires_at);
        let keys = self.app.keys();
        let access_token = keys.signing()?.tokens.sign(TokenType::Access, claims.iat, &claims);
        let expires_in = claims.exp - claims.iat;
        Ok(TokenAnswer { access_token, expires_in, refresh_token: None, id_token: None, scopes })
    }
}
