//! `/scim/v2` (spec v1 4.18): what directories call, and nobody else. How it is written is the crate `scim`; here a request becomes a use
//! case's command, and what comes back an answer. Errors are in SCIM's form, whoever refuses.
mod answer;
mod call;
mod discovery;
mod groups;
mod users;

use axum::Router;
use axum::routing::{any, get, post};
use portcullis_domain::{Code, Error};
use portcullis_edge::{EdgeLayer, EdgeState};

use crate::render;
use call::{Call, Reads, on};

/// The whole surface, to be merged with that of `/v1`.
pub fn router(edge: EdgeState) -> Router {
    let layer = EdgeLayer::new(edge.listener.clone(), answer::error);
    // a path that nobody serves is told to directories only: others are not told what there is
    let nothing = || any(on(Reads::Nothing, |_: Call| async { Err(render::no_such_path()) }));
    let not_here = || {
        any(on(Reads::Nothing, |_: Call| async {
            Err(Error::new(Code::NotImplemented, "This server does not serve this part of SCIM."))
        }))
    };
    Router::new()
        .route("/scim/v2/ServiceProviderConfig", get(on(Reads::Nothing, discovery::config)))
        .route("/scim/v2/ResourceTypes", get(on(Reads::Nothing, discovery::resource_types)))
        .route("/scim/v2/ResourceTypes/{id}", get(on(Reads::Nothing, discovery::resource_type)))
        .route("/scim/v2/Schemas", get(on(Reads::Nothing, discovery::schemas)))
        .route("/scim/v2/Schemas/{id}", get(on(Reads::Nothing, discovery::schema)))
        .route("/scim/v2/Users", get(on(Reads::Nothing, users::list)).post(on(Reads::Body, users::create)))
        .route("/scim/v2/Users/.search", post(on(Reads::Body, users::search)))
        .route(
            "/scim/v2/Users/{id}",
            get(on(Reads::Nothing, users::read))
                .put(on(Reads::Body, users::replace))
                .patch(on(Reads::Body, users::patch))
                .delete(on(Reads::Nothing, users::delete)),
        )
        .route("/scim/v2/Groups", get(on(Reads::Nothing, groups::list)).post(on(Reads::Body, groups::create)))
        .route("/scim/v2/Groups/.search", post(on(Reads::Body, groups::search)))
        .route(
            "/scim/v2/Groups/{id}",
            get(on(Reads::Nothing, groups::read))
                .put(on(Reads::Body, groups::replace))
                .patch(on(Reads::Body, groups::patch))
                .delete(on(Reads::Nothing, groups::delete)),
        )
        .route("/scim/v2/.search", not_here())
        .route("/scim/v2/Bulk", not_here())
        .route("/scim/v2/Me", not_here())
        .route("/scim/v2", nothing())
        .route("/scim/v2/{*rest}", nothing())
        .method_not_allowed_fallback(|| async { answer::error(&render::no_such_method(), "") })
        .layer(layer)
        .with_state(edge)
}
