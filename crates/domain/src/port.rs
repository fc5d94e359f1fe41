//! What the core asks of the world: time and randomness. Tests hold them still.
use crate::time::Timestamp;

/// Where `now` comes from.
pub trait Clock: Send + Sync {
    /// This moment.
    fn now(&self) -> Timestamp;
}

/// Where secrets and ids come from.
pub trait Random: Send + Sync {
    /// Fills all of it with unpredictable bytes.
    fn fill(&self, out: &mut [u8]);
}
