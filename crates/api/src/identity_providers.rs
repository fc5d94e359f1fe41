//! `/v1/identity-providers` and `/v1/oidc-config` (spec 4.6).
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::identity_provider::{IdentityProvider, ProviderType};
use portcullis_domain::provider_config::{OidcSettings, ProviderConfig, SecretChange};
use portcullis_domain::{Code, Result};
use portcullis_service::Answer;
use portcullis_service::identity_provider::{NewProvider, ProviderFilter, ProviderPatch};
use portcullis_service::provider_test::{self, Examined};
use serde_json::{Value, json};

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape, param};
use crate::read;
use crate::render;
use crate::view::{IdentityProviderView, OidcConfigView};

static LIST: Op = Op::get(
    "/v1/identity-providers",
    "listIdentityProviders",
    "identity_providers:list",
    "List identity providers, oldest first.",
    (200, Shape::Page("IdentityProvider")),
)
.query(&[
    param("enabled", "boolean", "Those that count, or those that do not."),
    param("provider_type", "string", "oidc, saml, scim or aws_identity_center."),
]);
static READ: Op = Op::get(
    "/v1/identity-providers/{id}",
    "getIdentityProvider",
    "identity_providers:read",
    "Read an identity provider; secrets show as ********.",
    (200, Shape::Json("IdentityProvider")),
);
static CREATE: Op = Op::post(
    "/v1/identity-providers",
    "createIdentityProvider",
    "identity_providers:create",
    "Make an identity provider. Also needs roles:grant: it vouches for who people are.",
    Body::Json("NewIdentityProvider"),
    (201, Shape::Json("IdentityProvider")),
)
.refuses(&[Code::AlreadyExists, Code::Conflict, Code::Unprocessable]);
static UPDATE: Op = Op::put(
    "/v1/identity-providers/{id}",
    "updateIdentityProvider",
    "identity_providers:update",
    "Change an identity provider; a config replaces the old one, ******** in it keeps a secret. enabled false ends the sessions \
     that it vouched for, and keys and tokens of its people count no more until it is true again; another issuer_url ends the sessions \
     and forgets who its people are. group_sync false takes people out of its groups. All but that and another name also needs roles:grant.",
    Body::Json("IdentityProviderPatch"),
    (200, Shape::Json("IdentityProvider")),
)
.refuses(&[Code::AlreadyExists, Code::OwnerProtected, Code::Unprocessable]);
static DELETE: Op = Op::delete(
    "/v1/identity-providers/{id}",
    "deleteIdentityProvider",
    "identity_providers:delete",
    "Delete an identity provider through which nobody signs in and which has made nobody who is left; the API keys that name it end, \
     and its groups are like any other from then on, with whoever is in them.",
    (204, Shape::Empty),
)
.refuses(&[Code::InUse]);
static TEST: Op = Op::post(
    "/v1/identity-providers/{id}/test",
    "testIdentityProvider",
    "identity_providers:test",
    "Look at an OpenID provider as a sign-in would: discovery, keys, PKCE, scopes, whether it knows the client, and the domains that it \
     is trusted for. 502 says, with the checks in its details, why nobody can sign in there. At most 10 a minute.",
    Body::None,
    (200, Shape::Json("ProviderTest")),
)
.refuses(&[Code::UpstreamFailed, Code::NotImplemented]);
static READ_OIDC: Op = Op::get(
    "/v1/oidc-config",
    "getOidcConfig",
    "identity_providers:read",
    "Read the default OpenID provider.",
    (200, Shape::Json("OidcConfig")),
)
.refuses(&[Code::NotFound]);
static PUT_OIDC: Op = Op::put(
    "/v1/oidc-config",
    "putOidcConfig",
    "identity_providers:update",
    "Make or replace the default OpenID provider. A new one is trusted for the domains that are verified now. Also needs roles:grant.",
    Body::Json("NewOidcConfig"),
    (200, Shape::Json("OidcConfig")),
)
.refuses(&[Code::Conflict, Code::OwnerProtected]);
static DELETE_OIDC: Op = Op::delete(
    "/v1/oidc-config",
    "deleteOidcConfig",
    "identity_providers:delete",
    "Delete the default OpenID provider.",
    (204, Shape::Empty),
)
.refuses(&[Code::NotFound, Code::InUse]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        LIST.to(list),
        READ.to(get),
        CREATE.to(create),
        UPDATE.to(update),
        DELETE.to(delete),
        TEST.to(test),
        READ_OIDC.to(get_oidc),
        PUT_OIDC.to(put_oidc),
        DELETE_OIDC.to(delete_oidc),
    ]
}

const TYPES: &str = "One of oidc, saml, scim, aws_identity_center.";
const NAME: &str = "Enter a name.";

async fn list(call: Call) -> Result<Response> {
    let (mut q, page) = call.page();
    let filter =
        ProviderFilter { enabled: q.boolean("enabled"), kind: q.word("provider_type", ProviderType::parse, TYPES) };
    let filter = q.finish(filter)?;
    let providers = call.app().list_identity_providers(&call.cx, filter, &page).await?;
    Ok(render::page(&providers, IdentityProviderView::of))
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let p = call.app().get_identity_provider(&call.cx, call.id("id")).await?;
    Ok(render::resource(call.headers(), p.revision, &IdentityProviderView::of(&p)))
}

async fn create(mut call: Call) -> Result<Response> {
    let new = new_provider(call.take_fields());
    let reply = call.reply(|p: &IdentityProvider| -> Answer {
        render::created(&format!("/v1/identity-providers/{}", p.id), Some(p.revision), &IdentityProviderView::of(p))
    });
    call.app().create_identity_provider(&call.cx, new, reply).await.map(render::answer)
}

async fn update(mut call: Call) -> Result<Response> {
    let patch = patch(call.take_fields());
    let (patch, if_match) = call.if_match(patch);
    let p = call.app().update_identity_provider(&call.cx, call.id("id"), patch, if_match).await?;
    Ok(render::changed(p.revision, &IdentityProviderView::of(&p)))
}

async fn delete(call: Call) -> Result<Response> {
    let (command, if_match) = call.if_match(Ok(()));
    command?;
    call.app().delete_identity_provider(&call.cx, call.id("id"), if_match).await?;
    Ok(render::nothing())
}

async fn test(mut call: Call) -> Result<Response> {
    let reply = call.reply(|found: &Examined| -> Answer { Answer::new(200, render::bytes(&examined(found))) });
    call.app().test_identity_provider(&call.cx, call.id("id"), reply).await.map(render::answer)
}
pub(crate) fn examined(found: &Examined) -> Value {
    let checks: Vec<Value> = found.checks.iter().map(provider_test::shown).collect();
    json!({ "success": found.success(), "message": found.message, "checks": checks })
}

async fn get_oidc(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let p = call.app().get_oidc_config(&call.cx).await?;
    Ok(render::resource(call.headers(), p.revision, &OidcConfigView::of(&p)))
}

async fn put_oidc(mut call: Call) -> Result<Response> {
    let sent = oidc_config(call.take_fields());
    let (sent, if_match) = call.if_match(sent);
    let p = call.app().put_oidc_config(&call.cx, sent, if_match).await?;
    Ok(render::changed(p.revision, &OidcConfigView::of(&p)))
}

async fn delete_oidc(call: Call) -> Result<Response> {
    let (command, if_match) = call.if_match(Ok(()));
    command?;
    call.app().delete_oidc_config(&call.cx, if_match).await?;
    Ok(render::nothing())
}

pub(crate) fn new_provider(mut f: Fields) -> Result<NewProvider> {
    let name = f.required("name", NAME, fields::line(120, NAME));
    let kind = f.required("provider_type", TYPES, read::word(ProviderType::parse, TYPES));
    let enabled = f.change("enabled", fields::boolean).unwrap_or(true);
    let members = f.required("config", "Send the provider's settings.", fields::object);
    let config = kind.zip(members).and_then(|(kind, members)| {
        let mut inner = Fields::nested(members, "config");
        let config = ProviderConfig::read(kind, &mut inner);
        f.absorb(inner);
        config
    });
    f.finish(name.zip(config).map(|(name, (config, secret))| NewProvider { name, config, secret, enabled }))
}

/// What `config` means depends on the type, which is known where the provider is.
pub(crate) fn patch(mut f: Fields) -> Result<ProviderPatch> {
    let patch = ProviderPatch {
        name: f.change("name", fields::line(120, NAME)),
        config: f.change("config", fields::object),
        enabled: f.change("enabled", fields::boolean),
    };
    f.finish(Some(patch))
}

/// Of a provider's settings only those that there were before there were several.
pub(crate) fn oidc_config(mut f: Fields) -> Result<(OidcSettings, SecretChange)> {
    const OWN: [&str; 4] = ["issuer_url", "client_id", "client_secret", "scopes"];
    let mut inner = Fields::new(OWN.into_iter().filter_map(|name| Some((name.to_owned(), f.take(name)?))).collect());
    if inner.peek("client_secret").is_none_or(serde_json::Value::is_null) {
        f.wrong("client_secret", "Enter the client secret that the provider gave you.");
    }
    let config = ProviderConfig::read(ProviderType::Oidc, &mut inner);
    f.absorb(inner);
    f.finish(config.and_then(|(config, secret)| match config {
        ProviderConfig::Oidc(oidc) => Some((oidc, secret)),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(v: Value) -> Fields {
        Fields::new(v.as_object().unwrap().clone())
    }
    fn wrong<T: std::fmt::Debug>(r: Result<T>) -> Vec<String> {
        let e = r.unwrap_err();
        e.details()["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_wrong_field_of_a_new_provider_is_told_at_once() {
        let body =
            json!({ "provider_type": "oidc", "config": { "issuer_url": "x", "secret": 1 }, "sync_status": "running" });
        assert_eq!(
            wrong(new_provider(of(body))),
            ["name", "config.issuer_url", "config.client_id", "config.secret", "sync_status"]
        );
        assert_eq!(
            wrong(new_provider(of(json!({ "name": "a", "provider_type": "ldap" })))),
            ["provider_type", "config"]
        );
    }

    #[test]
    fn the_old_view_has_four_members_of_which_three_are_needed() {
        assert_eq!(
            wrong(oidc_config(of(json!({ "domains": [] })))),
            ["client_secret", "issuer_url", "client_id", "domains"]
        );
        let body = json!({ "issuer_url": "https://id.example", "client_id": "c", "client_secret": "s" });
        let (oidc, secret) = oidc_config(of(body)).unwrap();
        assert_eq!((oidc.client_id.as_str(), oidc.is_default), ("c", false));
        assert!(matches!(secret, SecretChange::Set(s) if s.expose() == "s"));
    }
}
