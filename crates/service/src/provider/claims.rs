//! What tokens and the userinfo endpoint tell of a person, by scope (OpenID Connect Core 1.0 5.1, 5.4).
use std::sync::Arc;

use portcullis_crypto::signing::{ApplicationClaims, IdClaims, TokenType};
use portcullis_domain::application::scope;
use portcullis_domain::application_session::ApplicationSession;
use portcullis_domain::group::Group;
use portcullis_domain::mfa::is_twofold;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::{Credential, Id, Result, Timestamp};
use portcullis_store::{Tx, group};
use serde_json::{Map, Value, json};

use super::Provider;
use super::standing::Standing;
use crate::authenticate::of_user;
use crate::keys::Signing;

/// The claims of a person, for the discovery document.
pub const PERSON: &[&str] = &[
    "name",
    "given_name",
    "family_name",
    "nickname",
    "preferred_username",
    "updated_at",
    "email",
    "email_verified",
    "roles",
    "groups",
];
/// More groups than these are told by the userinfo endpoint only: an ID token has to fit into a request.
const GROUPS_IN_TOKEN: usize = 100;

/// The authentication context classes: one factor, or two.
const ACR: [&str; 2] = ["urn:portcullis:acr:1", "urn:portcullis:acr:2"];
/// Which of them these methods are.
pub(super) fn acr(amr: &[String]) -> &'static str {
    ACR[usize::from(is_twofold(amr))]
}

/// Where something is told of a person.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// In an ID token.
    Token,
    /// By the userinfo endpoint.
    Userinfo,
}

impl Provider {
    /// What these scopes tell of a person now.
    pub(super) async fn person(
        &self,
        user: &User,
        has: impl Fn(&str) -> bool,
        told: Told,
    ) -> Result<Map<String, Value>> {
        if has(scope::ROLES) || has(scope::GROUPS) {
            // of another node's change too
            self.app.freshen(&self.tenancy).await?;
        }
        let mut out = Map::new();
        let mut say = |name: &str, value: Value| {
            if !value.is_null() {
                out.insert(name.into(), value);
            }
        };
        if has(scope::PROFILE) {
            say("name", json!(user.name()));
            say("given_name", json!(user.first_name));
            say("family_name", json!(user.last_name));
            say("nickname", json!(user.display_name));
            say("preferred_username", json!(&*user.slug));
            say("updated_at", user.updated_at.seconds().into());
        }
        if has(scope::EMAIL) {
            say("email", json!(user.email.to_string()));
            say("email_verified", user.email_verified.into());
        }
        if has(scope::ROLES) {
            let plain = of_user(user, Credential::None, self.tenancy.is_master);
            let held = self.app.with_mapped_roles(&self.tenancy, plain).await?;
            say("roles", held.roles.public().map(|r| r.as_str()).collect());
        }
        if has(scope::GROUPS) {
            let graph = &self.app.compiled(&self.tenancy).await?.access.graph;
            let ids: Arc<[Id<Group>]> = graph.groups_of(Bearer::User(user.id.uuid())).map(Id::from_uuid).collect();
            let names = self.app.0.db.read(self.cx.clone(), &ids, tenant_groups).await?;
            if told == Told::Userinfo || names.len() <= GROUPS_IN_TOKEN {
                say("groups", json!(names));
            }
        }
        Ok(out)
    }
    /// An access token of a session at an application.
    pub(super) fn access_token(
        &self,
        signing: &Signing,
        of: &Standing,
        scopes: &[String],
        expires_at: Timestamp,
    ) -> String {
        let s = &of.session;
        let claims = ApplicationClaims {
            sub: s.user_id.uuid(),
            application_session: Some(s.id.uuid()),
            auth_time: Some(s.auth_time.seconds()),
            acr: Some(acr(&s.amr).to_owned()),
            amr: s.amr.clone(),
            ..self.for_application(s.application_id.uuid(), scopes, expires_at)
        };
        signing.tokens.sign(TokenType::Access, claims.iat, &claims)
    }
    /// What an access token that an application got for itself says.
    pub(super) fn for_application(
        &self,
        application: uuid::Uuid,
        scopes: &[String],
        expires_at: Timestamp,
    ) -> ApplicationClaims {
        ApplicationClaims {
            iss: self.issuer(),
            sub: application,
            aud: application,
            client_id: application,
            exp: expires_at.seconds(),
            iat: self.cx.now.seconds(),
            jti: self.app.id::<ApplicationSession>(&self.cx).uuid(),
            scope: scopes.join(" "),
            application_session: None,
            auth_time: None,
            acr: None,
            amr: vec![],
        }
    }
    /// An ID token that goes with this access token.
    pub(super) async fn id_token(
        &self,
        signing: &Signing,
        of: &Standing,
        scopes: &[String],
        (access, expires_at): (&str, Timestamp),
    ) -> Result<String> {
        let s = &of.session;
        let person = self.person(&of.user, |scope| scopes.iter().any(|s| s == scope), Told::Token).await?;
        let claims = IdClaims {
            iss: self.issuer(),
            sub: s.user_id.uuid(),
            aud: s.application_id.uuid(),
            exp: expires_at.seconds(),
            iat: self.cx.now.seconds(),
            auth_time: s.auth_time.seconds(),
            nonce: s.nonce.clone(),
            acr: acr(&s.amr).to_owned(),
            amr: s.amr.clone(),
            sid: s.session_id.uuid(),
            at_hash: Some(portcullis_crypto::signing::at_hash(access)),
            person,
        };
        Ok(signing.tokens.sign(TokenType::Id, claims.iat, &claims))
    }
}

/// The names of those that are the tenant's own, in the order of the alphabet (decision 16).
async fn tenant_groups(tx: &mut Tx, ids: &Arc<[Id<Group>]>) -> portcullis_store::Result<Vec<String>> {
    let mut names = vec![];
    for id in ids.iter() {
        if let Some(g) = group::by_id(tx, *id).await?.filter(|g| g.organization_id.is_none() && g.state.is_enabled()) {
            names.push(g.title);
        }
    }
    names.sort_unstable();
    Ok(names)
}
