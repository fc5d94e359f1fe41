//! Which application asks (RFC 6749 2.3).
use portcullis_crypto::token::{Purpose, TokenHash};
use portcullis_domain::Id;
use portcullis_domain::application::{Application, Kind, Secrets};
use portcullis_store::{Tx, application};
use uuid::Uuid;

use super::Provider;
use super::refusal::{OAuthError, Outcome, refused};

impl Provider {
    /// The application that names itself and, unless it is a public one, proves it by its secret. Why it did not is not told: an
    /// application that is not there, one of another tenant and a wrong secret are answered alike (checklist 15).
    pub async fn client(&self, client_id: &str, secret: Option<&str>) -> Outcome<Application> {
        let found = self.application(client_id).await?;
        let shown = secret.filter(|s| !s.is_empty());
        let hash = shown.map(|s| Purpose::ApplicationSecret.parse(s));
        let proved = match (&found, hash) {
            (Some((a, _)), None) => a.kind == Kind::Public,
            (Some((a, secrets)), Some(Ok(hash))) => a.kind == Kind::Confidential && is_one_of(&hash, secrets),
            _ => false,
        };
        match found {
            Some((application, _)) if proved => Ok(application),
            _ => {
                Err(refused(OAuthError::InvalidClient, "The client is unknown, or did not prove that it is this one."))
            }
        }
    }
    /// The application of this id, whoever asks.
    pub(super) async fn application(
        &self,
        client_id: &str,
    ) -> portcullis_domain::Result<Option<(Application, Secrets)>> {
        // the same statements whatever was sent
        let id = client_id.parse().unwrap_or(Id::from_uuid(Uuid::nil()));
        self.app.0.db.read(self.cx.clone(), &id, with_secrets).await.map_err(portcullis_domain::Error::from)
    }
}
fn is_one_of(shown: &TokenHash, secrets: &Secrets) -> bool {
    let same = |kept: Option<[u8; 32]>| kept.is_some_and(|kept| portcullis_crypto::same(&kept, shown.bytes()));
    same(secrets.current) | same(secrets.old)
}
async fn with_secrets(tx: &mut Tx, id: &Id<Application>) -> portcullis_store::Result<Option<(Application, Secrets)>> {
    let found = application::by_id(tx, *id).await?;
    let secrets = application::secrets(tx, *id).await?;
    Ok(found.map(|a| (a, secrets)))
}
