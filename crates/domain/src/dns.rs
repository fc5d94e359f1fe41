//! The port through which domains are looked up: a test answers for the world.
use std::future::Future;
use std::pin::Pin;

/// Where TXT records come from. An answer takes a bounded time and has a bounded size.
pub trait Dns: Send + Sync {
    /// The TXT records of exactly this name, in no order; none when the name has records of other kinds only.
    fn txt<'a>(&'a self, name: &'a str) -> Lookup<'a>;
}

/// A lookup under way.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = Result<Vec<String>, Unresolved>> + Send + 'a>>;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// There is no such name.
    NoSuchHost,
    /// The name servers did not answer, or not sensibly. The text is for the log.
    Unavailable(String),
}
