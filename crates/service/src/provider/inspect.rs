//! Tokens that come back: to learn of their person (OpenID Connect Core 1.0 5.3), to be looked at (RFC 7662), to be ended (RFC 7009).
use portcullis_crypto::refresh_token::RefreshToken;
use portcullis_crypto::signing::{ApplicationClaims, IdClaims, TokenError, TokenType};
use portcullis_domain::application::{Application, GrantType, Kind, scope};
use portcullis_domain::application_session::ApplicationSession;
use portcullis_domain::{Id, Result};
use portcullis_store::{Tx, application_session};
use serde_json::{Value, json};

use super::Provider;
use super::claims::{Told, acr};
use super::refresh::{ByToken, by_token};
use super::refusal::{OAuthError, Outcome, refused};
use super::standing::{self, Standing};
use crate::app::Scribe;
use crate::demand::Demand;

/// A token that counts.
enum Good {
    /// An access token that an application got for itself.
    Own(ApplicationClaims),
    /// One of a person.
    Access(ApplicationClaims, Box<Standing>),
    /// A refresh token.
    Refresh(Box<Standing>),
}

impl Provider {
    /// What the holder of this access token may know of its person.
    pub async fn userinfo(&self, token: &str) -> Outcome<Value> {
        let invalid = || refused(OAuthError::InvalidToken, "The access token is not good here, or has ended.");
        let (claims, of) = match self.access(token).await?.ok_or_else(invalid)? {
            (claims, Some(of)) => (claims, of),
            (_, None) => return Err(refused(OAuthError::InsufficientScope, "This token is of no person.")),
        };
        let given = still(&claims, &of.session.scopes);
        if !given.contains(&scope::OPENID) {
            return Err(refused(OAuthError::InsufficientScope, "The scope openid was not given."));
        }
        let mut person = self.person(&of.user, |scope| given.contains(&scope), Told::Userinfo).await?;
        person.insert("sub".into(), of.user.id.to_string().into());
        Ok(Value::Object(person))
    }
    /// What one of its own tokens is worth to an application that keeps a secret: the members of the answer besides `active`. `None`:
    /// nothing, or it is another's.
    pub async fn inspect(&self, application: &Application, token: &str) -> Outcome<Option<Value>> {
        if application.kind == Kind::Public {
            return Err(refused(OAuthError::UnauthorizedClient, "Only confidential clients look at tokens."));
        }
        let Some(good) = self.good(application, token).await? else { return Ok(None) };
        let client_id = application.id.to_string();
        let mut members = json!({ "iss": self.issuer(), "client_id": client_id, "aud": client_id });
        let (claims, scopes) = match &good {
            Good::Own(claims) => (Some(claims), still(claims, &application.scopes)),
            Good::Access(claims, of) => {
                let scopes = still(claims, &of.session.scopes);
                tell(&mut members, of, &scopes);
                (Some(claims), scopes)
            }
            Good::Refresh(of) => {
                let scopes = of.session.scopes.iter().map(String::as_str).collect::<Vec<_>>();
                tell(&mut members, of, &scopes);
                members["exp"] = of.ends_at.seconds().into();
                members["token_type"] = "refresh_token".into();
                (None, scopes)
            }
        };
        if scopes.is_empty() && claims.is_some_and(|c| !c.scope.is_empty()) {
            return Ok(None);
        }
        members["scope"] = scopes.join(" ").into();
        if let Some(claims) = claims {
            members["sub"] = json!(claims.sub);
            members["exp"] = claims.exp.into();
            members["iat"] = claims.iat.into();
            members["jti"] = json!(claims.jti);
            members["token_type"] = "Bearer".into();
        }
        Ok(Some(members))
    }
    /// Ends one of an application's own tokens, with all others of the same session there. One that is not good has ended.
    pub async fn revoke(&self, application: &Application, token: &str) -> Outcome<()> {
        let session = match self.good(application, token).await? {
            None => return Ok(()),
            Some(Good::Own(_)) => {
                return Err(refused(OAuthError::UnsupportedTokenType, "A token of a client itself ends by itself."));
            }
            Some(Good::Access(_, of) | Good::Refresh(of)) => of.session,
        };
        let c = End { session, cause: "revoked", scribe: self.app.scribe(&self.cx) };
        self.app.0.db.write(self.cx.clone(), c, end).await.map_err(portcullis_domain::Error::from)?;
        Ok(())
    }

    async fn good(&self, application: &Application, token: &str) -> Result<Option<Good>> {
        if let Ok(shown) = RefreshToken::parse_of_application(token) {
            let demand = self.demand.clone();
            let shown = ByToken { family: *shown.family().bytes(), hash: *shown.hash().bytes(), demand };
            let found = self.app.0.db.read(self.cx.clone(), &shown, by_token).await?;
            let counts =
                |of: &Standing| of.application.id == application.id && of.application.may(GrantType::RefreshToken);
            return Ok(found.filter(counts).map(|of| Good::Refresh(Box::new(of))));
        }
        let found = self.access(token).await?.filter(|(c, _)| c.client_id == application.id.uuid());
        Ok(found.map(|(claims, of)| match of {
            Some(of) => Good::Access(claims, Box::new(of)),
            None => Good::Own(claims),
        }))
    }
    /// An ID token of this issuer: one that has expired still says who was signed in.
    pub(super) async fn shown_id_token(&self, token: &str) -> Result<Option<IdClaims>> {
        Ok(self.read_token::<IdClaims>(TokenType::Id, token).await?.filter(|c| c.iss == self.issuer()))
    }
    /// What one of our keys signed, that of another node too.
    async fn read_token<C: serde::de::DeserializeOwned>(&self, of: TokenType, token: &str) -> Result<Option<C>> {
        let read = || self.app.keys().tokens.read::<C>(of, token);
        let mut claims = read();
        if matches!(claims, Err(TokenError::UnknownKey)) {
            self.app.look_for_a_new_key().await?;
            claims = read();
        }
        Ok(claims.ok())
    }
    /// An access token of this issuer that has not ended, with whom it is about.
    async fn access(&self, token: &str) -> Result<Option<(ApplicationClaims, Option<Standing>)>> {
        let now = self.cx.now.seconds();
        let ours = |c: &ApplicationClaims| c.iss == self.issuer() && c.aud == c.client_id && now < c.exp;
        let read = self.read_token::<ApplicationClaims>(TokenType::Access, token).await?;
        let Some(claims) = read.filter(ours) else { return Ok(None) };
        match claims.application_session {
            Some(id) => {
                let id = (Id::from_uuid(id), self.demand.clone());
                let found = self.app.0.db.read(self.cx.clone(), &id, by_id).await?;
                let found =
                    found.filter(|of| of.application.id.uuid() == claims.client_id && of.user.id.uuid() == claims.sub);
                Ok(found.map(|of| (claims, Some(of))))
            }
            None => {
                let found = self.application(&claims.client_id.to_string()).await?;
                let may = found.is_some_and(|(a, _)| a.may(GrantType::ClientCredentials));
                Ok((may && claims.sub == claims.client_id).then_some((claims, None)))
            }
        }
    }
}
/// The scopes of a token that are still among these.
fn still<'a>(claims: &'a ApplicationClaims, scopes: &[String]) -> Vec<&'a str> {
    claims.scope.split_ascii_whitespace().filter(|word| scopes.iter().any(|s| s == word)).collect()
}
fn tell(members: &mut Value, of: &Standing, scopes: &[&str]) {
    members["sub"] = of.user.id.to_string().into();
    if scopes.contains(&scope::EMAIL) {
        members["username"] = of.user.email.to_string().into();
    }
    members["auth_time"] = of.session.auth_time.seconds().into();
    members["acr"] = acr(&of.session.amr).into();
    members["amr"] = json!(of.session.amr);
    members["sid"] = of.session.session_id.to_string().into();
}

async fn by_id(
    tx: &mut Tx,
    (id, demand): &(Id<ApplicationSession>, Demand),
) -> portcullis_store::Result<Option<Standing>> {
    match application_session::by_id(tx, *id).await? {
        Some(s) => standing::of(tx, s, demand).await,
        None => Ok(None),
    }
}

struct End {
    session: ApplicationSession,
    cause: &'static str,
    scribe: Scribe,
}
async fn end(tx: &mut Tx, c: &End) -> portcullis_store::Result<()> {
    if application_session::revoke(tx, c.session.id).await? {
        let event = c.scribe.event("application.session_ended", "application", c.session.application_id);
        let event = event.with("user_id", c.session.user_id.to_string()).with("cause", c.cause);
        c.scribe.write(tx, event.with("application_session", c.session.id.to_string()));
    }
    Ok(())
}
