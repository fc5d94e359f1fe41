//! Parameters of a statement: borrowed, typed, the same for both engines.
//!
//! [`Args`] puts the tenant in front; it is the one place where `$1` is decided.
use portcullis_domain::{Id, Timestamp, tenant::TenantKey};
use uuid::Uuid;

/// A parameter. `From` covers what use cases hold; `None` is [`P::Null`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum P<'a> {
    /// NULL, of any type.
    Null,
    /// An integer column: numbers, times (microseconds), booleans (0, 1).
    Int(i64),
    /// A text column. U+0000 is refused at the edge: PostgreSQL cannot keep it.
    Text(&'a str),
    /// A bytes column.
    Bytes(&'a [u8]),
    /// An id column.
    Uuid(Uuid),
}

impl From<i64> for P<'_> {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}
impl From<bool> for P<'_> {
    fn from(v: bool) -> Self {
        Self::Int(v.into())
    }
}
impl From<Timestamp> for P<'_> {
    fn from(v: Timestamp) -> Self {
        Self::Int(v.micros())
    }
}
impl From<TenantKey> for P<'_> {
    fn from(v: TenantKey) -> Self {
        Self::Int(v.0)
    }
}
impl<'a> From<&'a str> for P<'a> {
    fn from(v: &'a str) -> Self {
        Self::Text(v)
    }
}
impl<'a> From<&'a String> for P<'a> {
    fn from(v: &'a String) -> Self {
        Self::Text(v)
    }
}
impl<'a> From<&'a [u8]> for P<'a> {
    fn from(v: &'a [u8]) -> Self {
        Self::Bytes(v)
    }
}
impl<'a> From<&'a Vec<u8>> for P<'a> {
    fn from(v: &'a Vec<u8>) -> Self {
        Self::Bytes(v)
    }
}
impl<'a, const N: usize> From<&'a [u8; N]> for P<'a> {
    fn from(v: &'a [u8; N]) -> Self {
        Self::Bytes(v)
    }
}
impl From<Uuid> for P<'_> {
    fn from(v: Uuid) -> Self {
        Self::Uuid(v)
    }
}
impl<T> From<Id<T>> for P<'_> {
    fn from(v: Id<T>) -> Self {
        Self::Uuid(v.uuid())
    }
}
impl<'a, T: Into<P<'a>>> From<Option<T>> for P<'a> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

/// All values of one statement by number: `$1` is the tenant where there is one, then the caller's.
#[derive(Clone, Copy)]
pub(crate) struct Args<'a> {
    tenant: Option<i64>,
    rest: &'a [P<'a>],
}
impl<'a> Args<'a> {
    pub fn new(tenant: Option<TenantKey>, rest: &'a [P<'a>]) -> Self {
        Self { tenant: tenant.map(|t| t.0), rest }
    }
    pub fn len(&self) -> usize {
        usize::from(self.tenant.is_some()) + self.rest.len()
    }
    /// The value of `$number`.
    pub fn get(&self, number: usize) -> Option<P<'a>> {
        match (self.tenant, number) {
            (Some(tenant), 1) => Some(P::Int(tenant)),
            (Some(_), n) => self.rest.get(n.checked_sub(2)?).copied(),
            (None, n) => self.rest.get(n.checked_sub(1)?).copied(),
        }
    }
    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = P<'a>> {
        self.tenant.map(P::Int).into_iter().chain(self.rest.iter().copied())
    }
}
