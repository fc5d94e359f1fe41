//! `/v1/domains` (spec 4.5).
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::tenant_domain::TenantDomain;
use portcullis_domain::value::DomainName;
use portcullis_domain::{Code, Result};
use portcullis_service::Answer;
use portcullis_service::tenant_domain::Verification;
use serde_json::json;

use crate::call::Call;
use crate::op::{Body, Op, Route, Shape};
use crate::render;
use crate::view::DomainView;

static LIST: Op = Op::get(
    "/v1/domains",
    "listDomains",
    "domains:list",
    "List the tenant's e-mail domains by name; at most 250, not paged.",
    (200, Shape::Json("Domains")),
);
static READ: Op =
    Op::get("/v1/domains/{id}", "getDomain", "domains:list", "Read a domain.", (200, Shape::Json("Domain")));
static CREATE: Op = Op::post(
    "/v1/domains",
    "createDomain",
    "domains:create",
    "Claim an e-mail domain; the answer names the DNS record that proves it.",
    Body::Json("NewDomain"),
    (201, Shape::Json("Domain")),
)
.refuses(&[Code::AlreadyExists]);
static VERIFY: Op = Op::post(
    "/v1/domains/{id}/verify",
    "verifyDomain",
    "domains:verify",
    "Look the DNS record up now; 10 times a minute in a tenant.",
    Body::None,
    (200, Shape::Json("DomainVerification")),
)
.refuses(&[Code::AlreadyExists]);
static DELETE: Op =
    Op::delete("/v1/domains/{id}", "deleteDomain", "domains:delete", "Delete a domain.", (204, Shape::Empty));

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![LIST.to(list), READ.to(get), CREATE.to(create), VERIFY.to(verify), DELETE.to(delete)]
}

async fn list(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let domains = call.app().list_domains(&call.cx).await?;
    let data: Vec<DomainView<'_>> = domains.iter().map(DomainView::of).collect();
    Ok(render::json(200, &json!({ "data": data })))
}

async fn get(call: Call) -> Result<Response> {
    call.query().finish(())?;
    let domain = call.app().get_domain(&call.cx, call.id("id")).await?;
    Ok(render::json(200, &DomainView::of(&domain)))
}

async fn create(mut call: Call) -> Result<Response> {
    let name = new_domain(call.take_fields());
    let reply = call.reply(|made: &TenantDomain| -> Answer {
        render::created(&format!("/v1/domains/{}", made.id), None, &DomainView::of(made))
    });
    call.app().create_domain(&call.cx, name, reply).await.map(render::answer)
}

async fn verify(mut call: Call) -> Result<Response> {
    let reply = call.reply(|v: &Verification| -> Answer {
        Answer::new(200, render::bytes(&json!({ "verified": v.verified, "message": v.message })))
    });
    call.app().verify_domain(&call.cx, call.id("id"), reply).await.map(render::answer)
}

async fn delete(call: Call) -> Result<Response> {
    call.app().delete_domain(&call.cx, call.id("id")).await?;
    Ok(render::nothing())
}

pub(crate) fn new_domain(mut f: Fields) -> Result<DomainName> {
    let name = f.required("domain", "Enter a domain that you own, such as example.com.", |v| {
        DomainName::parse(&fields::string(v)?)
    });
    f.finish(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn of(v: Value) -> Result<DomainName> {
        new_domain(Fields::new(v.as_object().unwrap().clone()))
    }

    #[test]
    fn a_domain_is_one_that_somebody_can_own() {
        assert_eq!(&*of(json!({ "domain": "Bücher.example." })).unwrap(), "xn--bcher-kva.example");
        for bad in [json!({}), json!({ "domain": "co.uk" }), json!({ "domain": 5 }), json!({ "domain": null })] {
            assert!(of(bad.clone()).unwrap_err().message().starts_with("domain: "), "{bad}");
        }
        assert!(of(json!({ "domain": "example.com", "verified": true })).is_err());
    }
}
