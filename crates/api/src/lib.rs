//! The `/v1` surface: tenants, users, policies, keys and audit over HTTP, as `docs/` and spec v1 part 4 describe it.
//!
//! [`router`] is the whole surface; [`scim_router`] is `/scim/v2`, and [`metrics_router`] is for the operator's own listener. Each file
//! of this crate is one area and keeps its operations ([`op::Op`]), its handlers and its parsing together. A handler parses a body into the service's
//! command, calls one use case, and renders what comes back; nothing is decided here.
//!
//! How to add an operation: write a `static … : Op` with its promises and route it in the file's `routes()`. Its checks, its
//! place in `/v1/openapi.json` and its paragraph in `/docs` follow from that. A schema that it names belongs into
//! `openapi::schemas`; `UPDATE_GOLDEN=1 cargo test -p portcullis-api` writes the golden document anew.
mod access;
mod api_keys;
mod applications;
mod audit_log;
mod auth;
mod auth_mfa;
mod branding;
mod call;
mod domains;
mod federation;
mod groups;
mod identity_providers;
mod import;
mod introspect;
mod later;
mod mfa;
pub mod op;
pub mod openapi;
mod page;
mod policies;
mod profile;
mod query;
mod read;
mod render;
mod rules;
mod saml;
mod scim;
mod sessions;
mod settings;
mod stages;
mod system;
mod tenants;
mod users;
mod view;
mod webauthn;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use portcullis_edge::metrics::Metrics;
use portcullis_edge::{EdgeLayer, EdgeState};

pub use policies::new_policy;
pub use render::error as render_error;
pub use scim::router as scim_router;

/// Everything that this surface serves.
fn served() -> Vec<op::Route> {
    let mut all = system::routes();
    all.extend(auth::routes());
    all.extend(introspect::routes());
    all.extend(auth_mfa::routes());
    all.extend(users::routes());
    all.extend(mfa::routes());
    all.extend(webauthn::routes());
    all.extend(groups::routes());
    all.extend(import::routes());
    all.extend(profile::routes());
    all.extend(api_keys::routes());
    all.extend(applications::routes());
    all.extend(tenants::routes());
    all.extend(branding::routes());
    all.extend(settings::routes());
    all.extend(domains::routes());
    all.extend(identity_providers::routes());
    all.extend(federation::routes());
    all.extend(saml::routes());
    all.extend(policies::routes());
    all.extend(rules::routes());
    all.extend(sessions::routes());
    all.extend(access::routes());
    all.extend(audit_log::routes());
    all.extend(webhooks::routes());
    all
}

/// The whole surface, ready to serve or to be merged with another. It brings the fallback for unknown paths (404 in the form of
/// this surface), so another router that is merged with it must not bring one.
pub fn router(edge: EdgeState) -> Router {
    let layer = EdgeLayer::new(edge.listener.clone(), render::error);
    served()
        .into_iter()
        .chain(later::routes())
        .fold(Router::new(), |router, route| router.route(route.op.path, route.service))
        .method_not_allowed_fallback(|| async { render::error(&render::no_such_method(), "") })
        .fallback(|| async { render::error(&render::no_such_path(), "") })
        .layer(layer)
        .with_state(edge)
}

/// `GET /metrics`, for a listener that only the operator reaches.
pub fn metrics_router(metrics: Arc<Metrics>) -> Router {
    let show = move || {
        let text = metrics.render();
        async move {
            let mut answer = Response::new(axum::body::Body::from(text));
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(Metrics::MEDIA_TYPE));
            answer
        }
    };
    Router::new().route("/metrics", axum::routing::get(show))
}
