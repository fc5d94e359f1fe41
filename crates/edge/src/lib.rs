//! What every HTTP surface shares: who calls, from where, within which limits, and what every answer carries.
//!
//! `edge` knows HTTP and the application, but no body of any surface. A surface builds its `axum::Router`, wraps it with
//! [`EdgeLayer::new`], reads requests with the functions here, and renders refusals in its own form: the [`Renderer`] that it
//! hands over is called for everything that is refused before or around its handlers (panics, overload, header limits).
//!
//! How to add a surface:
//! 1. `Router::new()…layer(EdgeLayer::new(state.listener.clone(), render))`: the layer runs after routing and sees the route's template.
//! 2. In a handler, [`Exchange::of`] gives the request's [`Origin`](portcullis_service::authenticate::Origin); after
//!    `identify`, call [`Exchange::enter`] with the context, so that log line and notices know it.
//! 3. Answer errors with [`refuse`]: it logs the internal cause once and renders with the surface's renderer.
pub mod address;
pub mod body;
pub mod config;
pub mod cookie;
pub mod cors;
pub mod credential;
pub mod exchange;
pub mod headers;
pub mod layer;
pub mod metrics;
pub mod rate;
pub mod server;
pub mod state;

pub use config::EdgeConfig;
pub use exchange::{Exchange, Peer};
pub use layer::{EdgeLayer, Renderer, refuse};
pub use portcullis_domain::json;
pub use rate::{Limited, RateLimits};
pub use server::serve;
pub use state::{Edge, EdgeState, Listener};
