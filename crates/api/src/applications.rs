//! `/v1/applications`: who may sign people in through this server (decision 15). How they do is below `/t/{slug}`.
use axum::response::Response;
use portcullis_domain::application::{Application, GrantType, Kind, scope};
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::{Code, Result};
use portcullis_service::Answer;
use portcullis_service::application::{ApplicationMade, ApplicationPatch, NewApplication};
use serde_json::Value;

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape};
use crate::view::ApplicationView;
use crate::{read, render};

static LIST: Op = Op::get(
    "/v1/applications",
    "listApplications",
    "applications:list",
    "List applications, newest first.",
    (200, Shape::Page("Application")),
);
static READ: Op = Op::get(
    "/v1/applications/{id}",
    "getApplication",
    "applications:list",
    "Read an application.",
    (200, Shape::Json("Application")),
);
static CREATE: Op = Op::post(
    "/v1/applications",
    "createApplication",
    "applications:create",
    "Make an application that signs people in through this server; client_secret is in this answer only.",
    Body::Json("NewApplication"),
    (201, Shape::Json("Application")),
)
.refuses(&[Code::Conflict]);
static UPDATE: Op = Op::patch(
    "/v1/applications/{id}",
    "updateApplication",
    "applications:update",
    "Change an application; what is left out stays. Its kind cannot change.",
    Body::Json("ApplicationPatch"),
    (200, Shape::Json("Application")),
);
static ROTATE: Op = Op::post(
    "/v1/applications/{id}/rotate-secret",
    "rotateApplicationSecret",
    "applications:rotate_secret",
    "Give an application a new secret, which is in this answer only. The one of now is taken for overlap_seconds more.",
    Body::OptionalJson("SecretRotation"),
    (200, Shape::Json("Application")),
)
.refuses(&[Code::Conflict]);
static DELETE: Op = Op::delete(
    "/v1/applications/{id}",
    "deleteApplication",
    "applications:delete",
    "End an application with all of its tokens.",
    (204, Shape::Empty),
);

/// A week.
const LONGEST_OVERLAP: i64 = 604_800;

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![LIST.to(list), READ.to(get), CREATE.to(create), UPDATE.to(update), ROTATE.to(rotate), DELETE.to(delete)]
}

async fn list(call: Call) -> Result<Response> {
    let (q, page) = call.page();
    q.finish(())?;
    let applications = call.app().list_applications(&call.cx, &page).await?;
    Ok(render::page(&applications, ApplicationView::of))
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let application = call.app().get_application(&call.cx, call.id("id")).await?;
    Ok(render::resource(call.headers(), application.revision, &ApplicationView::of(&application)))
}

async fn create(mut call: Call) -> Result<Response> {
    let new = new_application(call.take_fields());
    let reply = call.reply(|made: &ApplicationMade| -> Answer {
        let a = &made.application;
        render::created(&format!("/v1/applications/{}", a.id), Some(a.revision), &ApplicationView::made(made))
    });
    call.app().create_application(&call.cx, new, reply).await.map(render::answer)
}

async fn update(mut call: Call) -> Result<Response> {
    let patch = changes(call.take_fields());
    let (patch, if_match) = call.if_match(patch);
    let application: Application = call.app().update_application(&call.cx, call.id("id"), patch, if_match).await?;
    Ok(render::changed(application.revision, &ApplicationView::of(&application)))
}

async fn rotate(mut call: Call) -> Result<Response> {
    let mut f = call.take_fields();
    let overlap = f.optional("overlap_seconds", fields::integer(0, LONGEST_OVERLAP)).unwrap_or(0);
    let overlap = f.finish(Some(overlap));
    let id = call.id("id");
    let reply = call.reply(|made: &ApplicationMade| -> Answer {
        let revision = made.application.revision;
        Answer::new(200, render::bytes(&ApplicationView::made(made))).header("etag", format!("\"{revision}\""))
    });
    call.app().rotate_application_secret(&call.cx, id, overlap, reply).await.map(render::answer)
}

async fn delete(call: Call) -> Result<Response> {
    let (command, if_match) = call.if_match(Ok(()));
    command?;
    call.app().delete_application(&call.cx, call.id("id"), if_match).await?;
    Ok(render::nothing())
}

const NAME: &str = "Enter a name.";
const KINDS: &str = "One of public, confidential.";

fn grants(v: Value) -> Result<Vec<GrantType>, &'static str> {
    const HINT: &str = "A list of authorization_code, refresh_token, client_credentials, device_code.";
    let words = fields::strings(v).map_err(|_| HINT)?;
    words.iter().map(|w| GrantType::parse(w).ok_or(HINT)).collect()
}

pub(crate) fn new_application(mut f: Fields) -> Result<NewApplication> {
    let name = f.required("name", NAME, fields::line(120, NAME));
    let kind = f.required("kind", KINDS, read::word(Kind::parse, KINDS));
    let redirect_uris = f.optional("redirect_uris", fields::strings).unwrap_or_default();
    let post_logout_redirect_uris = f.optional("post_logout_redirect_uris", fields::strings).unwrap_or_default();
    let grants = f.optional("grants", grants).unwrap_or_else(|| vec![GrantType::AuthorizationCode]);
    let usual = || [scope::OPENID, scope::PROFILE, scope::EMAIL].map(str::to_owned).to_vec();
    let scopes = f.optional("scopes", fields::strings).unwrap_or_else(usual);
    let third_party = f.optional("third_party", fields::boolean).unwrap_or(false);
    let both = name.zip(kind);
    f.finish(both.map(|(name, kind)| NewApplication {
        name,
        kind,
        redirect_uris,
        post_logout_redirect_uris,
        grants,
        scopes,
        third_party,
    }))
}
pub(crate) fn changes(mut f: Fields) -> Result<ApplicationPatch> {
    let patch = ApplicationPatch {
        name: f.change("name", fields::line(120, NAME)),
        redirect_uris: f.change("redirect_uris", fields::strings),
        post_logout_redirect_uris: f.change("post_logout_redirect_uris", fields::strings),
        grants: f.change("grants", grants),
        scopes: f.change("scopes", fields::strings),
        third_party: f.change("third_party", fields::boolean),
    };
    f.finish(Some(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(v: Value) -> Fields {
        Fields::new(v.as_object().unwrap().clone())
    }

    #[test]
    fn name_and_kind_are_enough() {
        let new = new_application(of(json!({ "name": "Shop", "kind": "public" }))).unwrap();
        assert_eq!((new.grants, new.scopes.len(), new.third_party), (vec![GrantType::AuthorizationCode], 3, false));
        assert!(new_application(of(json!({ "name": "Shop", "kind": "native" }))).is_err());
        assert!(new_application(of(json!({ "name": "Shop", "kind": "public", "grants": ["password"] }))).is_err());
    }

    #[test]
    fn sec_11_what_only_answers_carry_is_unknown() {
        for field in ["id", "client_id", "client_secret", "secret_hash", "created_by", "tenant_id"] {
            let e = new_application(of(json!({ "name": "x", "kind": "public", field: "y" }))).unwrap_err();
            assert_eq!(e.details()["fields"][0]["message"], "Unknown field.", "{field}");
        }
        for field in ["kind", "client_secret", "id"] {
            assert!(changes(of(json!({ field: "public" }))).is_err(), "{field}");
        }
    }
}
