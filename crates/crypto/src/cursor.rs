//! Opaque cursors: a place in a list, encrypted and authenticated, good for 24 hours and for the very query that made it.
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_domain::{Timestamp, port::Random};
use uuid::Uuid;

use crate::seal::{Key, OVERHEAD};

/// How long a cursor is good for.
pub const LIFETIME_SECONDS: i64 = 24 * 3_600;
/// A longer text is refused unread.
pub const MAX_LENGTH: usize = 4_096;

/// The query that a cursor belongs to. A cursor of another one does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The tenant's id.
    pub tenant: Uuid,
    /// The route: `GET /v1/users`.
    pub route: &'a str,
    /// The filters, in a canonical form (sorted `name=value` pairs).
    pub filters: &'a str,
    /// The order: `-created_at`.
    pub sort: &'a str,
}
impl Scope<'_> {
    /// Each part with its length before it, so that no two scopes meet.
    fn aad(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"portcullis-cursor-1\0");
        context.update(self.tenant.as_bytes());
        for part in [self.route, self.filters, self.sort] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        out
    }
}

/// Why a cursor was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not one of ours, changed, or of another query.
    #[error("Send the cursor of the previous page with the same filters and sort.")]
    Invalid,
    /// Older than 24 hours.
    #[error("This cursor has expired; start from the first page.")]
    Expired,
}

/// Makes and reads cursors.
#[derive(Clone, Debug)]
pub struct Cursors(Key);
impl Cursors {
    /// With a key derived from the server's (or the tenant's) one.
    pub fn new(key: &Key) -> Self {
        Self(key.derive("cursor"))
    }
    /// A cursor that holds `payload`, usually the sort key of the last row as JSON.
    pub fn seal(&self, scope: &Scope<'_>, payload: &[u8], now: Timestamp, random: &dyn Random) -> String {
        let expires = now.plus_seconds(LIFETIME_SECONDS).micros().to_be_bytes();
        URL_SAFE_NO_PAD.encode(self.0.seal(&scope.aad(), &[&expires[..], payload].concat(), random))
    }
    /// What the cursor holds.
    pub fn open(&self, scope: &Scope<'_>, cursor: &str, now: Timestamp) -> Result<Vec<u8>, CursorError> {
        if cursor.len() > MAX_LENGTH || cursor.len() < OVERHEAD {
            return Err(CursorError::Invalid);
        }
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorError::Invalid)?;
        let plain = self.0.open(&scope.aad(), &sealed).map_err(|_| CursorError::Invalid)?;
        let (expires, payload) = plain.split_first_chunk().ok_or(CursorError::Invalid)?;
        if now.micros() >= i64::from_be_bytes(*expires) {
            return Err(CursorError::Expired);
        }
        Ok(payload.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    const SCOPE: Scope<'_> =
        Scope { tenant: Uuid::from_u128(1), route: "GET /v1/users", filters: "role=admin", sort: "email" };

    #[test]
    fn a_cursor_opens_for_its_own_query_only() {
        let cursors = Cursors::new(&Key::generate(&OsRandom));
        let now = Timestamp::from_micros(1_000_000);
        let cursor = cursors.seal(&SCOPE, b"[1,2]", now, &OsRandom);
        assert_eq!(cursors.open(&SCOPE, &cursor, now), Ok(b"[1,2]".to_vec()));
        for other in [
            Scope { tenant: Uuid::from_u128(2), ..SCOPE },
            Scope { route: "GET /v1/groups", ..SCOPE },
            Scope { filters: "role=user", ..SCOPE },
            Scope { sort: "name", ..SCOPE },
            Scope { filters: "role=admine", sort: "mail", ..SCOPE },
        ] {
            assert_eq!(cursors.open(&other, &cursor, now), Err(CursorError::Invalid), "{other:?}");
        }
        assert_eq!(Cursors::new(&Key::generate(&OsRandom)).open(&SCOPE, &cursor, now), Err(CursorError::Invalid));
    }

    #[test]
    fn a_cursor_ends_after_a_day() {
        let cursors = Cursors::new(&Key::new([3; 32]));
        let now = Timestamp::from_micros(0);
        let cursor = cursors.seal(&SCOPE, b"", now, &OsRandom);
        assert!(cursors.open(&SCOPE, &cursor, now.plus_seconds(86_399)).is_ok());
        assert_eq!(cursors.open(&SCOPE, &cursor, now.plus_seconds(86_400)), Err(CursorError::Expired));
    }

    #[test]
    fn sec_13_a_bent_cursor_is_refused() {
        let cursors = Cursors::new(&Key::new([3; 32]));
        let now = Timestamp::from_micros(0);
        let cursor = cursors.seal(&SCOPE, b"{\"id\":1}", now, &OsRandom);
        for i in 0..cursor.len() {
            let c = if cursor.as_bytes()[i] == b'A' { "B" } else { "A" };
            let bent = format!("{}{c}{}", &cursor[..i], &cursor[i + 1..]);
            assert_eq!(cursors.open(&SCOPE, &bent, now), Err(CursorError::Invalid), "character {i}");
        }
        for junk in ["", "x", &"A".repeat(200), &"A".repeat(5_000), "é…"] {
            assert_eq!(cursors.open(&SCOPE, junk, now), Err(CursorError::Invalid));
        }
    }
}
