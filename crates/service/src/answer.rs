//! What a changing call answers, as it is kept for a repetition of the same call (spec v1 2.7).

use portcullis_domain::Error;

/// A whole answer: status, headers, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers beyond the usual ones: `Location`, `ETag`.
    pub headers: Vec<(String, String)>,
    /// The JSON body; empty for 204.
    pub body: Vec<u8>,
    /// Is this the first answer, given again?
    pub replayed: bool,
}
impl Answer {
    /// A fresh answer.
    pub fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: vec![], body, replayed: false }
    }
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A call's `Idempotency-Key` with what makes two calls the same. `None` in [`Reply::key`]: no header, no cost.
#[derive(Clone)]
pub struct IdempotencyKey {
    /// The header's value: 1–255 visible ASCII.
    pub key: String,
    /// Method and path.
    pub route: String,
    /// The canonical body.
    pub body: Vec<u8>,
    /// The surface's rendering of a refusal: 4xx answers but 401, 403 and 429 are kept too.
    pub refuse: fn(&Error) -> Answer,
}

/// How a use case's value becomes an answer: rendered inside the transaction when a key must remember it.
pub struct Reply<T> {
    /// The call's idempotency key.
    pub key: Option<IdempotencyKey>,
    /// The surface's rendering.
    pub render: fn(&T) -> Answer,
}
