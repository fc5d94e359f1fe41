//! Who calls: like `/v1`, but for what Frontier's clients send besides (spec v1beta1 4.1, decisions 10 and 11).
use axum::http::{HeaderMap, HeaderName, request::Parts};
use portcullis_domain::{Code, Ctx, Error, Result};
use portcullis_edge::cookie::{self, Deed, Surface};
use portcullis_edge::{EdgeState, Exchange, credential};
use portcullis_service::authenticate::Presented;
use portcullis_wire_v1beta1::endpoint::{Effect, Endpoint, Login};

use crate::dispatch::is_return;

/// Old middleware hands tokens on in this header.
const X_USER_TOKEN: HeaderName = HeaderName::from_static("x-user-token");

/// Who signs out may do so with an access token that has expired.
const SIGN_OUT: &str = "AuthLogout";

/// The caller's context, in the tenant of the credential; without one, in that of the header or else the default one.
pub async fn identify(edge: &EdgeState, parts: &Parts, exchange: &Exchange, endpoint: &Endpoint) -> Result<Ctx> {
    let (app, headers, login) = (&edge.app, &parts.headers, endpoint.login);
    let tenant = credential::tenant(headers)?;
    let presented = match (credential_of(edge, parts, endpoint), login) {
        (Err(e), Login::Public) if e.code() == Code::Unauthenticated => Presented::Nothing,
        (presented, _) => presented?,
    };
    let origin = || exchange.origin().clone();
    match (presented, login) {
        (Presented::Nothing, Login::Public) => return app.anonymous(origin(), tenant).await,
        (Presented::Nothing, Login::Required) => return Err(credential::unauthenticated("missing")),
        _ => {}
    }
    let caller = match endpoint.rpc {
        SIGN_OUT => app.identify_leaving(origin(), presented).await,
        _ => app.identify(origin(), presented).await,
    };
    match caller {
        Ok(cx) => {
            if let Some(tenant) = tenant {
                credential::same_tenant(&cx, tenant)?;
            }
            if login == Login::Required && cx.principal.credential.is_restricted() {
                return Err(cx.principal.second_factor_first());
            }
            Ok(cx)
        }
        // a dead token does not shut anyone out of what is public
        Err(e) if login == Login::Public && matches!(e.code(), Code::Unauthenticated | Code::Forbidden) => {
            app.anonymous(origin(), tenant).await
        }
        Err(e) => Err(e),
    }
}

/// What speaks for the caller: a cookie only where no header is there to do so, were it a bad one (decision 11).
fn credential_of<'h>(edge: &EdgeState, parts: &'h Parts, endpoint: &Endpoint) -> Result<Presented<'h>> {
    match presented(&parts.headers)? {
        Presented::Nothing if is_return(endpoint, parts) => Ok(Presented::Nothing),
        Presented::Nothing => {
            let deed = Deed { method: &parts.method, changes: endpoint.effect == Effect::Changes };
            let cookie = cookie::presented(edge, &parts.headers, Surface::V1Beta1, deed)?;
            Ok(cookie.map_or(Presented::Nothing, Presented::Cookie))
        }
        header => Ok(header),
    }
}
fn presented(headers: &HeaderMap) -> Result<Presented<'_>> {
    let presented = credential::presented(headers)?;
    let mut tokens = headers.get_all(X_USER_TOKEN).iter();
    let token = match (tokens.next().map(|v| v.to_str()), tokens.next()) {
        (None, _) => return Ok(presented),
        (Some(Ok("")), None) => return Ok(presented),
        (Some(Ok(token)), None) => token,
        _ => return Err(credential::unauthenticated("malformed")),
    };
    match presented {
        Presented::Nothing => Ok(Presented::Bearer(token)),
        Presented::Bearer(same) if same == token => Ok(presented),
        _ => Err(Error::field("x-user-token", "This is another credential than the other header's; send one.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_token_may_come_in_frontiers_header() {
        let of = |list: &[(&'static str, &'static str)]| {
            let headers: HeaderMap =
                list.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
            match presented(&headers) {
                Ok(Presented::Bearer(t)) => Ok(t.to_owned()),
                Ok(_) => Ok(String::new()),
                Err(e) => Err(e.code()),
            }
        };
        assert_eq!(of(&[("x-user-token", "t")]), Ok("t".into()));
        assert_eq!(of(&[("x-user-token", "t"), ("authorization", "Bearer t")]), Ok("t".into()));
        assert_eq!(of(&[("x-user-token", "t"), ("authorization", "Bearer u")]), Err(Code::InvalidInput));
        assert_eq!(of(&[("x-user-token", "t"), ("x-api-key", "k")]), Err(Code::InvalidInput));
        assert_eq!(of(&[("x-user-token", "t"), ("authorization", "Basic YTpi")]), Err(Code::InvalidInput));
        assert_eq!(of(&[("authorization", "Digest YTpi")]), Err(Code::Unauthenticated));
        assert_eq!(of(&[("x-user-token", "")]), Ok(String::new()));
    }
}
