//! Typed ids. Every id is a UUID version 7 that we make (any version is accepted from outside).
use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};
use uuid::Uuid;

use crate::port::Random;
use crate::time::Timestamp;

/// The id of a `T`. Two ids of different things do not compare.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// A fresh version 7 UUID (RFC 9562 section 5.7) for this moment, so that ids sort by the time of their making.
    pub fn new(now: Timestamp, random: &dyn Random) -> Self {
        let mut tail = [0u8; 10];
        random.fill(&mut tail);
        let millis = u64::try_from(now.micros() / 1000).unwrap_or(0);
        // 12 bits of sub-millisecond time, as RFC 9562 section 6.2 method 3 allows: ids made in one millisecond stay in order
        let fraction = u16::try_from(now.micros().rem_euclid(1000) * 4096 / 1000).unwrap_or(0);
        tail[0] = fraction.to_be_bytes()[0];
        tail[1] = fraction.to_be_bytes()[1];
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid(), PhantomData)
    }
    /// Takes any UUID.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id, PhantomData)
    }
    /// The UUID behind it.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<T> FromStr for Id<T> {
    type Err = uuid::Error;
    /// Accepts the hyphenated form in any case; braces, URNs and the bare 32 digits are refused.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let id = Uuid::try_parse(s)?;
        if s.len() == 36 { Ok(Self::from_uuid(id)) } else { Uuid::try_parse("").map(Self::from_uuid) }
    }
}
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, o: &Self) -> bool {
        self.0 == o.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, o: &Self) -> Option<Ordering> {
        Some(self.cmp(o))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, o: &Self) -> Ordering {
        self.0.cmp(&o.0)
    }
}
impl<T> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, h: &mut H) {
        self.0.hash(h);
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<T> serde::Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de, T> serde::Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Uuid::deserialize(d).map(Self::from_uuid)
    }
}
