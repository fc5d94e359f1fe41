//! What a request carries to say who is calling, and for which tenant.
use axum::http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use portcullis_domain::tenant::Tenant;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_service::authenticate::Presented;

/// `X-API-Key`.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// `X-Tenant-ID`.
pub const X_TENANT_ID: HeaderName = HeaderName::from_static("x-tenant-id");

/// Longer credentials than this are none: it keeps a parser or a hash from being fed a whole header block.
const LONGEST: usize = 8 << 10;

/// 401 with its reason.
pub fn unauthenticated(reason: &'static str) -> Error {
    Error::new(Code::Unauthenticated, "Sign in or send an API key.").detail("reason", reason)
}

/// The request's one credential. Two kinds at once are 400 (decision 11); another scheme than Bearer and Basic is 401.
pub fn presented(headers: &HeaderMap) -> Result<Presented<'_>> {
    let authorization = single(headers, &AUTHORIZATION)?;
    let key = single(headers, &X_API_KEY)?;
    match (authorization, key) {
        (Some(_), Some(_)) => Err(Error::field("X-API-Key", "Send either this header or Authorization, not both.")),
        (None, None) => Ok(Presented::Nothing),
        (None, Some(key)) => Ok(Presented::ApiKey(key)),
        (Some(value), None) => authorization_of(value),
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let value = first.to_str().ok().map(str::trim).filter(|v| !v.is_empty() && v.len() <= LONGEST);
    match (value, values.next()) {
        (Some(v), None) => Ok(Some(v)),
        _ => Err(unauthenticated("malformed")),
    }
}

fn authorization_of(value: &str) -> Result<Presented<'_>> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let made = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Presented::Bearer,
        "basic" => Presented::Basic,
        _ => return Err(unauthenticated("unsupported_scheme")),
    };
    let token = token.trim_start();
    if token.is_empty() || token.contains(' ') { Err(unauthenticated("malformed")) } else { Ok(made(token)) }
}

/// The tenant header as sent: `None` without one, 400 when it is no UUID (any version, any case).
pub fn tenant(headers: &HeaderMap) -> Result<Option<Id<Tenant>>> {
    let mut values = headers.get_all(&X_TENANT_ID).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let id = first.to_str().ok().and_then(|v| v.trim().parse().ok());
    match (id, values.next()) {
        (Some(id), None) => Ok(Some(id)),
        _ => Err(no_tenant()),
    }
}

/// 400: the tenant header is missing or no UUID.
pub fn no_tenant() -> Error {
    Error::field("X-Tenant-ID", "Send the tenant's UUID in this header.")
}

/// 403 when the header names another tenant than the credential's (decision 10).
pub fn same_tenant(cx: &Ctx, header: Id<Tenant>) -> Result<()> {
    if cx.tenant_id == header {
        return Ok(());
    }
    Err(Error::new(Code::TenantMismatch, "The credential belongs to another tenant than X-Tenant-ID names."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).fold(
            HeaderMap::new(),
            |mut h, (n, v)| {
                h.append(n, v);
                h
            },
        )
    }
    fn code(list: &[(&'static str, &'static str)]) -> Option<Code> {
        presented(&headers(list)).err().map(|e| e.code())
    }

    #[test]
    fn one_credential_at_a_time() {
        assert!(matches!(presented(&headers(&[])), Ok(Presented::Nothing)));
        assert!(matches!(presented(&headers(&[("authorization", "bearer  a.b.c")])), Ok(Presented::Bearer("a.b.c"))));
        assert!(matches!(presented(&headers(&[("x-api-key", "pcl_x")])), Ok(Presented::ApiKey("pcl_x"))));
        assert_eq!(code(&[("authorization", "Bearer a"), ("x-api-key", "b")]), Some(Code::InvalidInput));
        assert!(matches!(presented(&headers(&[("authorization", "Basic YTpi")])), Ok(Presented::Basic("YTpi"))));
        for bad in ["Digest YTpi", "Basic", "Basic a b", "Bearer", "Bearer ", "Bearer a b", ""] {
            let h = [("authorization", bad)];
            assert_eq!(code(&h), Some(Code::Unauthenticated), "{bad}");
        }
        assert_eq!(code(&[("x-api-key", "a"), ("x-api-key", "b")]), Some(Code::Unauthenticated));
    }

    #[test]
    fn tenant_headers() {
        assert_eq!(tenant(&headers(&[])).unwrap(), None);
        let id = tenant(&headers(&[("x-tenant-id", "2489E9AD-2EE2-8E00-8EC9-32D5F69181C0")])).unwrap().unwrap();
        assert_eq!(id.to_string(), "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0");
        for bad in ["", "acme", "{2489e9ad-2ee2-8e00-8ec9-32d5f69181c0}", "2489e9ad2ee28e008ec932d5f69181c0"] {
            assert_eq!(tenant(&headers(&[("x-tenant-id", bad)])).unwrap_err().code(), Code::InvalidInput, "{bad}");
        }
    }
}
