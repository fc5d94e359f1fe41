//! The settings of the HTTP edge, as plain values. Where they come from (file, environment) is the binary's work.
use std::time::Duration;

use crate::address::Network;

/// Every limit and switch of the edge, with defaults that suit a server on the open network.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Largest body of an ordinary call; above it the answer is 413.
    pub body_limit: usize,
    /// How much of a body that is too large is read and thrown away, so that the client can read the answer (decision 39).
    pub drain_limit: usize,
    /// A whole body must arrive within this time.
    pub body_timeout: Duration,
    /// Largest sum of all header names and values.
    pub header_limit: usize,
    /// Longest request target (path and query).
    pub url_limit: usize,
    /// The head of a request must arrive within this time; an idle connection is closed after it.
    pub header_timeout: Duration,
    /// Requests in work at once; one more is answered 503.
    pub max_in_flight: usize,
    /// Connections open at once; more wait to be accepted.
    pub max_connections: usize,
    /// How long running requests may go on when the server stops.
    pub drain: Duration,
    /// Networks of proxies whose `X-Forwarded-For` is believed. Empty: the peer is the client.
    pub trusted_proxies: Vec<Network>,
    /// Origins whose pages may call this API (exact, such as `https://console.example.com`). Empty: no CORS headers at all.
    pub allowed_origins: Vec<String>,
    /// Calls a second for each credential; `None`: no limit.
    pub api_per_second: Option<u32>,
    /// Calls a minute for each address on `/v1/auth/*`.
    pub auth_per_minute: u32,
    /// Sign-ins a minute for each address.
    pub login_per_minute: u32,
    /// Calls a minute for each address that change something and take no credential (`CreateProspectPublic`).
    pub public_per_minute: u32,
    /// How many addresses and credentials the rate limits remember at most.
    pub rate_keys: usize,
    /// Write a line for each request?
    pub access_log: bool,
}
impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            body_limit: 1 << 20,
            drain_limit: 8 << 20,
            body_timeout: Duration::from_secs(30),
            header_limit: 32 << 10,
            url_limit: 8 << 10,
            header_timeout: Duration::from_secs(30),
            max_in_flight: 10_000,
            max_connections: 20_000,
            drain: Duration::from_secs(25),
            trusted_proxies: vec![],
            allowed_origins: vec![],
            api_per_second: None,
            auth_per_minute: 120,
            login_per_minute: 30,
            public_per_minute: 30,
            rate_keys: 100_000,
            access_log: true,
        }
    }
}
