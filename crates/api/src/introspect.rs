//! `/v1/auth/introspect`: what a token is worth now (RFC 7662).
use axum::response::Response;
use portcullis_crypto::signing::SubjectType;
use portcullis_domain::{Credential, Result, Subject, fields};
use portcullis_service::introspect::Introspected;
use serde_json::{Value, json};

use crate::call::Call;
use crate::op::{Access, Body, Op, Route, Shape};
use crate::render;

static INTROSPECT: Op = Op::post(
    "/v1/auth/introspect",
    "introspectToken",
    "access:check",
    "Ask what an access token, API key, personal access token or service user's token is worth now (RFC 7662). Of one that has ended, is \
     unknown or of another tenant only that it is not active.",
    Body::Form("Introspect"),
    (200, Shape::Json("Introspection")),
)
.access(Access::Credential);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![INTROSPECT.to(introspect)]
}

async fn introspect(mut call: Call) -> Result<Response> {
    let mut f = call.take_fields();
    let token = f.required("token", "Send the token.", fields::line(8_192, "Send the token."));
    // a hint; whatever it is, we look
    let _hint = f.optional("token_type_hint", fields::line(64, "One word, or nothing."));
    let token = f.finish(token);
    let found = call.app().introspect(&call.cx, token).await?;
    let settings = call.app().settings();
    let answer = match &found {
        Some(found) => live(found, &call.cx.tenant_id.to_string(), &settings.public_url),
        None => json!({ "active": false }),
    };
    Ok(render::json(200, &answer))
}

/// Who they are and what they hold is said as it is now; what was signed, as it was.
pub(crate) fn live(found: &Introspected, tenant: &str, issuer: &str) -> Value {
    let principal = &found.principal;
    let (sub, sub_type) = match principal.subject {
        Subject::User(id) => (Some(id.to_string()), SubjectType::User),
        Subject::ServiceUser(id) => (Some(id.to_string()), SubjectType::ServiceUser),
        Subject::Directory(_) | Subject::System | Subject::Anonymous => (None, SubjectType::User),
    };
    let roles: Vec<&str> = principal.roles.public().map(|r| r.as_str()).collect();
    let mut answer = json!({
        "active": true, "token_type": "Bearer", "iss": issuer, "sub": sub, "sub_type": sub_type, "tenant_id": tenant, "roles": roles,
    });
    let (credential, sid) = match &principal.credential {
        Credential::Session { id, auth_time, amr, .. } => {
            answer["auth_time"] = auth_time.seconds().into();
            answer["amr"] = json!(amr);
            ("session", Some(id.to_string()))
        }
        Credential::ApiKey { id, scopes, .. } => {
            answer["scope"] = scopes.as_slice().join(" ").into();
            ("api_key", Some(id.to_string()))
        }
        Credential::PersonalToken { id, organization, .. } => {
            answer["org_id"] = organization.to_string().into();
            ("personal_access_token", Some(id.to_string()))
        }
        Credential::Service { id, .. } => ("service_credential", Some(id.to_string())),
        Credential::None => ("none", None),
    };
    answer["credential"] = credential.into();
    answer["sid"] = json!(sid);
    if let Some(end) = found.expires_at {
        answer["exp"] = end.seconds().into();
    }
    if let Some(claims) = &found.claims {
        answer["aud"] = claims.aud.as_str().into();
        answer["iat"] = claims.iat.into();
        answer["nbf"] = claims.nbf.into();
        answer["jti"] = json!(claims.jti);
    }
    answer
}
