//! What applications ask the OpenID provider of a tenant for, below `/t/{slug}` (decision 15): its metadata, tokens, and what a token
//! is worth. What a person's browser asks for is in `web`, what all of it means in `service/src/provider`.
//!
//! No cookie is read here, so pages of any origin may call: `Access-Control-Allow-Origin: *`. Refusals have the form of OAuth.
mod call;
mod device;
mod inspect;
mod metadata;
mod render;
mod token;
mod userinfo;

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use portcullis_edge::{EdgeLayer, EdgeState};

use crate::call::{from_anywhere, handled};

/// All endpoints, to be merged with the APIs and the pages.
pub fn router(edge: EdgeState) -> Router {
    let layer = EdgeLayer::new(edge.listener.clone(), render::error);
    Router::new()
        .route("/t/{slug}/.well-known/openid-configuration", shown(metadata::discovery))
        .route("/.well-known/oauth-authorization-server/t/{slug}", shown(metadata::discovery))
        .route("/t/{slug}/jwks", shown(metadata::jwks))
        .route("/t/{slug}/oauth2/token", sent(token::token))
        .route("/t/{slug}/oauth2/userinfo", shown(userinfo::userinfo).merge(post(handled(userinfo::userinfo))))
        .route("/t/{slug}/oauth2/revoke", sent(inspect::revoke))
        .route("/t/{slug}/oauth2/introspect", sent(inspect::introspect))
        .route("/t/{slug}/oauth2/device_authorization", sent(device::begin))
        .layer(layer)
        .with_state(edge)
}
macro_rules! routed {
    ($($name:ident $method:ident,)*) => {$(
        fn $name<H, F>(handler: H) -> MethodRouter<EdgeState>
        where
            H: Fn(call::Call) -> F + Copy + Send + Sync + 'static,
            F: Future<Output = portcullis_service::provider::Outcome<axum::response::Response>> + Send,
        {
            $method(handled(handler)).options(from_anywhere)
        }
    )*};
}
routed! {
    shown get,
    sent post,
}
