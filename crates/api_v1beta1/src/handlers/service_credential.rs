//! Keys, secrets and tokens of service users (spec v1beta1 2.3.4, 3.10).
use portcullis_domain::service_credential::ServiceCredentialKind as Kind;
use portcullis_domain::value::line;
use portcullis_domain::{Error, Result};
use portcullis_service::App;
use portcullis_service::service_credential::NewServiceCredential;
use portcullis_wire_v1beta1::DynamicMessage;
use serde_json::json;

use super::authentication::key_set;
use super::read::Read;
use super::service_credential_view::{
    CreateServiceUserCredentialResponse, CreateServiceUserJWKResponse, CreateServiceUserTokenResponse,
    ListServiceUserCredentialsResponse, ListServiceUserJWKsResponse, ListServiceUserTokensResponse,
};
use crate::call::{Call, Outcome, Response};

/// Frontier lists secrets with the tokens, and ends both with either call.
const SECRETS: &[Kind] = &[Kind::Secret, Kind::Token];

/// `CreateServiceUserJWK`.
pub async fn create_key(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    create::<CreateServiceUserJWKResponse>(app, call, request, Kind::Key).await
}

/// `CreateServiceUserCredential`.
pub async fn create_secret(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    create::<CreateServiceUserCredentialResponse>(app, call, request, Kind::Secret).await
}

/// `CreateServiceUserToken`.
pub async fn create_token(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    create::<CreateServiceUserTokenResponse>(app, call, request, Kind::Token).await
}

/// `ListServiceUserJWKs`.
pub async fn list_keys(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (organization, id) = whose(&request);
    let keys = app.list_service_keys(&call.cx, &organization, &id).await?;
    Ok(call.answer::<ListServiceUserJWKsResponse>(&keys).into())
}

/// `ListServiceUserCredentials`.
pub async fn list_secrets(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (organization, id) = whose(&request);
    let secrets = app.list_service_credentials(&call.cx, &organization, &id, &[Kind::Secret]).await?;
    Ok(call.answer::<ListServiceUserCredentialsResponse>(&secrets).into())
}

/// `ListServiceUserTokens`: with the secrets, as the original does.
pub async fn list_tokens(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (organization, id) = whose(&request);
    let tokens = app.list_service_credentials(&call.cx, &organization, &id, SECRETS).await?;
    Ok(call.answer::<ListServiceUserTokensResponse>(&tokens).into())
}

/// `GetServiceUserJWK`. In JSON, a key has only the fields of its type (decision 12).
pub async fn get_key(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (organization, id) = whose(&request);
    let key = app.get_service_key(&call.cx, &organization, &id, &request.text("key_id")).await?;
    Ok(key_set(&call, "GetServiceUserJWKResponse", &json!({ "keys": [key.jwk] }))?.into())
}

/// `DeleteServiceUserJWK`.
pub async fn delete_key(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    delete(app, call, &request, "key_id", &[Kind::Key]).await
}

/// `DeleteServiceUserCredential`.
pub async fn delete_secret(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    delete(app, call, &request, "secret_id", SECRETS).await
}

/// `DeleteServiceUserToken`.
pub async fn delete_token(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    delete(app, call, &request, "token_id", SECRETS).await
}

async fn create<R: Response<Of = NewServiceCredential>>(
    app: App,
    mut call: Call,
    request: DynamicMessage,
    kind: Kind,
) -> Result<Outcome> {
    let (organization, id) = whose(&request);
    let title = line(&request.text("title"), 200).map_err(|e| Error::field("title", e));
    let reply = call.reply::<R>();
    let made = app.create_service_credential(&call.cx, (&organization, &id), kind, title, reply).await?;
    Ok(made.into())
}
async fn delete(
    app: App,
    call: Call,
    request: &DynamicMessage,
    field: &str,
    kinds: &'static [Kind],
) -> Result<Outcome> {
    let (organization, id) = whose(request);
    let credential = request.text(field);
    app.delete_service_credential(&call.cx, (&organization, &id), &credential, kinds).await?;
    Ok(call.empty().into())
}
/// The organization, which old paths leave out, and the service user.
fn whose(request: &DynamicMessage) -> (String, String) {
    (request.text("org_id"), request.text("id"))
}
