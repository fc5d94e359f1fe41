//! What all measurements share.
pub mod bare;
pub mod filled;
pub mod graph;
pub mod histogram;
pub mod http;
pub mod load;
pub mod machine;
pub mod people;
pub mod pgbench;
pub mod phase;
pub mod process;
pub mod profile;
pub mod requests;
pub mod rows;
pub mod server;
pub mod tenants;
pub mod upload;
