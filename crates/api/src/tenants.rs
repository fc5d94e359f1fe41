//! `/v1/tenants` (spec 4.8).
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::value::{EMAIL_HINT, Email, Slug};
use portcullis_domain::{Code, Result};
use portcullis_service::Answer;
use portcullis_service::tenant::{MadeTenant, NewTenant, TenantPatch};
use serde_json::Value;

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape};
use crate::read;
use crate::render;
use crate::view::TenantView;

static LIST: Op = Op::get(
    "/v1/tenants",
    "listTenants",
    "tenants:list",
    "List tenants: all for admins of the master tenant, else your own.",
    (200, Shape::Page("Tenant")),
);
static READ: Op =
    Op::get("/v1/tenants/{id}", "getTenant", "tenants:read", "Read a tenant.", (200, Shape::Json("Tenant")));
static CREATE: Op = Op::post(
    "/v1/tenants",
    "createTenant",
    "tenants:create",
    "Make a tenant and invite its owner; master tenant only.",
    Body::Json("NewTenant"),
    (201, Shape::Json("Tenant")),
)
.refuses(&[Code::AlreadyExists]);
static UPDATE: Op = Op::put(
    "/v1/tenants/{id}",
    "updateTenant",
    "tenants:update",
    "Change a tenant; what is left out stays. owner_user_id also needs tenants:transfer.",
    Body::Json("TenantPatch"),
    (200, Shape::Json("Tenant")),
)
.refuses(&[Code::Unprocessable]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![LIST.to(list), READ.to(get), CREATE.to(create), UPDATE.to(update)]
}

async fn list(call: Call) -> Result<Response> {
    let (q, page) = call.page();
    q.finish(())?;
    let tenants = call.app().list_tenants(&call.cx, &page).await?;
    Ok(render::page(&tenants, TenantView::of))
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let tenant = call.app().get_tenant(&call.cx, call.id("id")).await?;
    Ok(render::resource(call.headers(), tenant.revision, &TenantView::of(&tenant)))
}

async fn create(mut call: Call) -> Result<Response> {
    let new = new_tenant(call.take_fields());
    let reply = call.reply(|made: &MadeTenant| -> Answer {
        let location = format!("/v1/tenants/{}", made.tenant.id);
        render::created(&location, Some(made.tenant.revision), &TenantView::made(made))
    });
    call.app().create_tenant(&call.cx, new, reply).await.map(render::answer)
}

async fn update(mut call: Call) -> Result<Response> {
    let patch = patch(call.take_fields());
    let (patch, if_match) = call.if_match(patch);
    let tenant = call.app().update_tenant(&call.cx, call.id("id"), patch, if_match).await?;
    Ok(render::changed(tenant.revision, &TenantView::of(&tenant)))
}

const NAME: &str = "Enter a name.";

pub(crate) fn new_tenant(mut f: Fields) -> Result<NewTenant> {
    no_aws_role(&mut f);
    let name = f.required("name", NAME, fields::line(200, NAME));
    let slug = f.optional("slug", |v| Slug::tenant(&fields::string(v)?));
    let owner_email = f.required("owner_email", EMAIL_HINT, |v| {
        fields::string(v).map_err(|_| EMAIL_HINT).and_then(|s| Email::parse(&s))
    });
    let owner_name = f.optional("owner_name", fields::line(200, NAME));
    let locale = f.optional("locale", read::locale).unwrap_or_else(|| "en".into());
    let sso_start_url = f.optional("sso_start_url", read::https);
    let sso_region = f.optional("sso_region", region);
    let new = name.zip(owner_email).map(|(name, owner_email)| NewTenant {
        name,
        slug,
        owner_email,
        owner_name,
        locale,
        sso_start_url,
        sso_region,
    });
    f.finish(new)
}

pub(crate) fn patch(mut f: Fields) -> Result<TenantPatch> {
    no_aws_role(&mut f);
    let patch = TenantPatch {
        name: f.change("name", fields::line(200, NAME)),
        locale: f.change("locale", read::locale),
        // null keeps the owner
        owner_user_id: f.optional("owner_user_id", fields::id),
        owner_email: f.optional("owner_email", fields::string),
        sso_start_url: f.patch("sso_start_url", read::https),
        sso_region: f.patch("sso_region", region),
    };
    f.finish(Some(patch))
}

/// The guides put the role on the tenant; it belongs to the integration (spec part 10).
fn no_aws_role(f: &mut Fields) {
    if f.take("aws_role_arn").is_some() {
        f.wrong("aws_role_arn", "Set the role with PUT /v1/integrations/aws-identity-center/config.");
    }
}

/// An AWS region such as `eu-central-1`.
fn region(v: Value) -> Result<String, &'static str> {
    let text = fields::string(v)?;
    let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let fine = text.len() <= 32 && text.split('-').count() >= 3 && text.split('-').all(part);
    if fine { Ok(text) } else { Err("A region such as eu-central-1.") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields_of(v: &Value) -> Fields {
        Fields::new(v.as_object().unwrap().clone())
    }

    #[test]
    fn a_tenant_needs_a_name_and_an_owner() {
        let t = new_tenant(fields_of(&json!({ "name": "Acme", "owner_email": "Ada@Acme.example" }))).unwrap();
        assert_eq!((&*t.owner_email, &*t.locale, t.slug), ("ada@acme.example", "en", None));
        let e = new_tenant(fields_of(&json!({ "slug": "No Slug", "sso_region": "nowhere" }))).unwrap_err();
        assert_eq!(e.message(), "4 fields need attention: name, slug, owner_email, sso_region.");
    }

    #[test]
    fn the_role_of_the_guides_is_refused_with_its_new_place() {
        let b = json!({ "name": "Acme", "owner_email": "a@b.example", "aws_role_arn": "arn:aws:iam::1:role/x" });
        assert!(
            new_tenant(fields_of(&b)).unwrap_err().message().contains("/v1/integrations/aws-identity-center/config")
        );
    }

    #[test]
    fn null_clears_what_can_be_empty_and_keeps_the_owner() {
        let p = patch(fields_of(&json!({ "sso_region": null, "owner_user_id": null }))).unwrap();
        assert!(p.sso_region == Some(None) && p.owner_user_id.is_none() && p.sso_start_url.is_none());
        assert!(patch(fields_of(&json!({ "slug": "other" }))).is_err());
    }
}
