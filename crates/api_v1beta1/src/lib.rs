//! Raystack Frontier's API: REST under `/v1beta1`, and Connect, gRPC and gRPC-Web on the paths of its services, over one set
//! of handlers (spec v1beta1).
//!
//! Every one of the 242 calls of the table is routed. A call with a handler works in all its forms; one without answers
//! `unimplemented`, after authentication. `tests/calls.golden` lists which is which.
//!
//! How a call goes: [`routes`] finds it → [`dispatch`] reads body and caller ([`caller`]) → [`incoming`] makes the request
//! message ([`transcode`] for REST) and [`validation`] checks it → a handler calls one use case → [`call`] renders, or
//! [`error`] does. gRPC and gRPC-Web are Connect in other words: [`grpc`] translates outside of all that.
//!
//! How to add a call: write `async fn name(app: App, call: Call, request: DynamicMessage) -> Result<Outcome>` in the file of
//! its concept under `handlers/`, name it in [`handlers::of`], then run the tests once with `UPDATE_GOLDEN=1`. An answer is
//! either a `DynamicMessage` ([`Call::message`](call::Call::message)), or, where it is written often, a
//! [`Response`](call::Response).
pub mod call;
mod caller;
mod deadline;
mod dispatch;
pub mod encoding;
mod envelope;
pub mod error;
mod grpc;
pub mod handlers;
mod health;
mod idempotency;
mod incoming;
mod routes;
pub mod rql;
mod transcode;
mod validation;

pub use routes::{Support, router, support};
