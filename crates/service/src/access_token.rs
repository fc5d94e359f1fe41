//! Access tokens in exchange for a credential (spec v1beta1 4.3, decision 12). Each names the session or credential that it was made
//! from, and dies with it.
use portcullis_crypto::machine_key::Assertion;
use portcullis_crypto::signing::{Claims, Generation, SubjectType};
use portcullis_domain::context::AccessToken;
use portcullis_domain::organization::Organization;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::service_credential::ServiceCredentialKind;
use portcullis_domain::session::Session;
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Result, Subject, Timestamp};

use crate::App;
use crate::authenticate::{Origin, Presented};
use crate::tenancy::Compiled;

/// A token names its user's organizations if there are no more than these: it has to fit into a header.
const MOST_ORGANIZATIONS: usize = 50;

/// What is exchanged. A call that names one kind is answered by that kind or not at all (checklist 8).
#[derive(Clone)]
pub enum Grant {
    /// The credential that the call carries.
    Own,
    /// `client_credentials`: a service user's credential id and secret.
    ClientCredentials {
        /// Its id.
        id: String,
        /// Its secret.
        secret: String,
    },
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer`: a JWT that a service user signed.
    JwtBearer {
        /// The JWT.
        assertion: String,
    },
}
impl Grant {
    /// The grant of a token request.
    pub fn new(grant_type: &str, id: String, secret: String, assertion: String) -> Result<Self> {
        let missing = |field: &'static str| Err(Error::field(field, "This must be there."));
        match grant_type {
            "" if id.is_empty() && secret.is_empty() && assertion.is_empty() => Ok(Self::Own),
            "" => missing("grant_type"),
            "client_credentials" if id.is_empty() => missing("client_id"),
            "client_credentials" if secret.is_empty() => missing("client_secret"),
            "client_credentials" => Ok(Self::ClientCredentials { id, secret }),
            "urn:ietf:params:oauth:grant-type:jwt-bearer" if assertion.is_empty() => missing("assertion"),
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => Ok(Self::JwtBearer { assertion }),
            _ => Err(Error::field(
                "grant_type",
                "client_credentials, urn:ietf:params:oauth:grant-type:jwt-bearer, or nothing for the call's own credential.",
            )),
        }
    }
}

impl App {
    /// An access token for a grant. Who presents an access token that was exchanged before gets no other for it.
    pub async fn exchange(&self, cx: &Ctx, grant: Grant) -> Result<String> {
        match grant {
            Grant::Own => self.exchange_own(cx).await,
            Grant::ClientCredentials { id, secret } => {
                self.exchange_of_service_user(cx, Presented::ClientSecret { id: &id, secret: &secret }).await
            }
            // what else a bearer may be is no assertion
            Grant::JwtBearer { assertion } if Assertion::read(&assertion).is_err() => Err(refused()),
            Grant::JwtBearer { assertion } => self.exchange_of_service_user(cx, Presented::Bearer(&assertion)).await,
        }
    }
    /// The token of the service user that the grant itself proves, whoever sends it.
    async fn exchange_of_service_user(&self, cx: &Ctx, presented: Presented<'_>) -> Result<String> {
        let (request_id, user_agent) = (cx.request_id.clone(), cx.user_agent.clone());
        let machine = self.identify(Origin { request_id, ip: cx.ip, user_agent }, presented).await;
        self.exchange_own(&machine.map_err(told)?).await
    }
    async fn exchange_own(&self, cx: &Ctx) -> Result<String> {
        cx.principal.is_whole()?;
        let compiled = self.snapshot(cx).await?;
        let mut claims = self.claims(cx, cx.now.plus_seconds(compiled.settings.access_token_seconds));
        match (&cx.principal.credential, cx.principal.user_id(), &cx.principal.token) {
            // the token of a sign-in is how a session is presented; what it is exchanged for lives no longer
            (
                Credential::Session { id, auth_time, amr, .. },
                Some(user),
                Some(AccessToken { exchanged: false, expires_at }),
            ) => {
                claims.sub = user.uuid();
                claims.sid = id.uuid();
                claims.amr = amr.to_vec();
                claims.auth_time = auth_time.seconds();
                claims.roles = cx.principal.roles.public().map(|r| r.as_str().to_owned()).collect();
                claims.email = cx.principal.email.as_ref().map(ToString::to_string);
                claims.org_ids = organizations(&compiled, Bearer::User(user.uuid()));
                claims.auth_via = Some("session".into());
                claims.exp = claims.exp.min(expires_at.seconds());
            }
            (Credential::PersonalToken { id, organization, generation, made_at, expires_at }, Some(user), None) => {
                claims.sub_type = SubjectType::Pat;
                claims.sub = id.uuid();
                claims.sid = id.uuid();
                claims.user_id = Some(user.uuid());
                claims.secret_generation = Some(*generation);
                claims.auth_time = made_at.seconds();
                claims.org_ids = Some(organization.to_string());
                claims.auth_via = Some("pat".into());
                claims.exp = claims.exp.min(expires_at.seconds());
            }
            (Credential::Service { id, kind }, _, None) => {
                let Subject::ServiceUser(machine) = cx.principal.subject else { return Err(refused()) };
                claims.sub_type = SubjectType::ServiceUser;
                claims.sub = machine.uuid();
                claims.sid = id.uuid();
                claims.roles = cx.principal.roles.public().map(|r| r.as_str().to_owned()).collect();
                claims.org_ids = organizations(&compiled, Bearer::ServiceUser(machine.uuid()));
                claims.auth_via = Some(via(*kind).into());
            }
            _ => return Err(refused()),
        }
        Ok(self.keys().signing()?.tokens.issue(&claims))
    }
    /// What every token of now says, up to its end.
    pub(crate) fn claims(&self, cx: &Ctx, expires_at: Timestamp) -> Claims {
        let nobody = uuid::Uuid::nil();
        Claims {
            iss: self.0.settings.public_url.clone(),
            sub: nobody,
            aud: self.0.settings.audience.clone(),
            exp: expires_at.seconds(),
            iat: cx.now.seconds(),
            nbf: cx.now.seconds(),
            jti: self.id::<Session>(cx).uuid(),
            tenant_id: cx.tenant_id.uuid(),
            roles: vec![],
            sid: nobody,
            amr: vec![],
            auth_time: cx.now.seconds(),
            generation: Generation::System,
            sub_type: SubjectType::User,
            email: None,
            org_ids: None,
            user_id: None,
            auth_via: None,
            secret_generation: None,
        }
    }
}

/// The enabled organizations that somebody is a member of, with commas between.
fn organizations(compiled: &Compiled, member: Bearer) -> Option<String> {
    let graph = &compiled.access.graph;
    let enabled = |object: &uuid::Uuid| graph.organization(*object).is_some_and(|o| o.enabled);
    let mut ids: Vec<uuid::Uuid> = graph.bindings_of(member).map(|(_, b)| b.object).filter(enabled).collect();
    ids.dedup(); // bindings come by object
    let text = |id: &uuid::Uuid| Id::<Organization>::from_uuid(*id).to_string();
    (ids.len() <= MOST_ORGANIZATIONS).then(|| ids.iter().map(text).collect::<Vec<_>>().join(","))
}
/// Frontier's words.
const fn via(kind: ServiceCredentialKind) -> &'static str {
    match kind {
        ServiceCredentialKind::Secret => "client_credentials",
        ServiceCredentialKind::Token => "opaque",
        ServiceCredentialKind::Key => "jwt_grant",
    }
}
/// A disabled organization is told to whoever proved that they hold the credential, as the state that it is (spec v1beta1 4.3).
fn told(e: Error) -> Error {
    if e.code() != Code::Forbidden {
        return e;
    }
    Error::new(Code::Conflict, e.message().to_owned()).detail("state", "organization_disabled")
}
fn refused() -> Error {
    Error::new(Code::Unauthenticated, "Sign in, or send a credential that is exchanged for an access token.")
        .detail("reason", "invalid")
}
