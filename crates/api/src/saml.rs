//! `/v1/auth/saml`: what SAML providers know of us, and where they send browsers (spec 4.2, 9.4).
use axum::body::Body as HttpBody;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::{Code, Error, Result};
use portcullis_edge::cookie;
use portcullis_service::federation::SIGN_IN_SECONDS;

use crate::call::Visit;
use crate::op::{Access, Body, Op, Route, Shape};

const RESPONSE: &str = "SAMLResponse";
const METADATA_TYPE: &str = "application/samlmetadata+xml";

static METADATA: Op = Op::get(
    "/v1/auth/saml/{provider_id}/metadata",
    "getSamlMetadata",
    "",
    "What a SAML provider has to know of this server: its entity id is the URL of this document.",
    (200, Shape::Text(METADATA_TYPE)),
)
.access(Access::Auth)
.refuses(&[Code::NotFound, Code::NotConfigured, Code::NotImplemented]);
static ACS: Op = Op::post(
    "/v1/auth/saml/{provider_id}/acs",
    "hearSamlResponse",
    "",
    "Where a SAML provider has browsers post its response (HTTP-POST): 303 to where the sign-in began, with code and state for POST \
     /v1/auth/callback. The code counts once, for 60 seconds.",
    Body::Form("SamlResponse"),
    (303, Shape::Empty),
)
// reading it is work, whoever posts it
.access(Access::Login)
.refuses(&[Code::LoginFailed, Code::NotFound, Code::NotConfigured, Code::UpstreamFailed, Code::NotImplemented]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![METADATA.open(metadata), ACS.open(acs)]
}

async fn metadata(visit: Visit) -> Result<Response> {
    visit.query().finish(())?;
    let xml = visit.app().saml_metadata(visit.id("provider_id")).await?;
    let mut answer = Response::new(HttpBody::from(xml));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(METADATA_TYPE));
    Ok(answer)
}

async fn acs(mut visit: Visit) -> Result<Response> {
    let response = posted(visit.take_fields())?;
    let landing = visit.app().hear_saml_response(visit.origin(), visit.id("provider_id"), &response).await?;
    let mut answer = Response::new(HttpBody::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::try_from(landing.location).map_err(Error::internal)?;
    answer.headers_mut().insert(header::LOCATION, location);
    if let Some(browser) = landing.browser {
        // a sign-in that began there ends on a page of ours, in this browser; it did not want to go anywhere else
        let own = &visit.app().settings().public_url;
        let kept = cookie::bound(own, cookie::SIGN_IN, &format!("{browser}."), SIGN_IN_SECONDS);
        cookie::put(&mut answer, [kept])?;
    }
    Ok(answer)
}
/// The provider's own `RelayState` leads nowhere: what a response answers is signed in it. A form may have more, such as its button.
fn posted(mut f: Fields) -> Result<String> {
    let mut f = Fields::new(f.take(RESPONSE).map(|v| (RESPONSE.to_owned(), v)).into_iter().collect());
    let response = f.required(RESPONSE, "Send the response that the provider gave the browser.", fields::string);
    f.finish(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_has_one_response_and_whatever_else() {
        let of = |v: serde_json::Value| posted(Fields::new(v.as_object().unwrap().clone()));
        assert_eq!(of(json!({ "SAMLResponse": "x", "RelayState": "", "Submit": "Continue" })).unwrap(), "x");
        for bad in
            [json!({}), json!({ "RelayState": "x" }), json!({ "samlresponse": "x" }), json!({ "SAMLResponse": 5 })]
        {
            let e = of(bad).unwrap_err();
            assert_eq!(e.details()["fields"][0]["field"], "SAMLResponse");
        }
    }
}
