//! The tamper-evident log, without its storage: what exactly is hashed, how entries chain, what a checkpoint signs, and how
//! all of it is verified (spec v1 3.5; engine.md 13 and 14).
//!
//! The way of an event: [`prepare`] makes it canonical off the writer, the store's writer numbers it ([`fill`]) and chains it
//! ([`link`]), the sealer signs a [`checkpoint::Checkpoint`] now and then, [`entry::entry`] shows it, [`erasure`] takes the
//! personal part away, [`export`] writes it out, and [`chain::Verifier`] proves that nothing else happened to it.
pub mod chain;
pub mod checkpoint;
pub mod entry;
pub mod erasure;
pub mod export;
pub mod jcs;
mod prepare;
mod private;

use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use prepare::{organization, prepare};

/// The fields that may tell of a person. In the hashed body there is a salted digest in their place (or `null`, or `{}`,
/// where there was nothing to hide), and the values are in [`Prepared::private`].
pub const PERSONAL: [&str; 6] = ["actor_name", "changes", "ip", "metadata", "reasoning", "user_agent"];

/// What the first entry of a tenant has for a previous hash.
pub const GENESIS: [u8; 32] = [0; 32];

/// An event made canonical, with a hole where its number goes. Made before the writer's turn; numbered and chained in it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The event's id.
    pub id: Uuid,
    /// When, in microseconds.
    pub at: i64,
    /// `user`, `api_key`, `service`, `scim`, `system`, `anonymous`.
    pub actor_type: &'static str,
    /// Whose id, or a word.
    pub actor_id: String,
    /// `user.created`.
    pub action: String,
    /// `user`.
    pub resource_type: String,
    /// Which one.
    pub resource_id: String,
    /// `ok`, `denied`, `failed`.
    pub outcome: &'static str,
    /// The canonical bytes (RFC 8785) of all fields but `seq`, digests in place of personal data.
    pub body: Vec<u8>,
    /// Where in `body` the digits of `seq` go.
    pub hole: usize,
    /// JSON: the salt and the values behind the digests; what an erasure deletes.
    pub private: String,
    /// The organization that it happened in, if it did in one; kept beside the body, for lists.
    pub organization: Option<Uuid>,
}
impl Prepared {
    /// The canonical bytes with the number in place.
    pub fn canonical(&self, seq: i64) -> Vec<u8> {
        fill(&self.body, self.hole, seq)
    }
}
/// Puts the number into its hole.
pub fn fill(body: &[u8], hole: usize, seq: i64) -> Vec<u8> {
    let (head, tail) = body.split_at(hole.min(body.len()));
    [head, seq.to_string().as_bytes(), tail].concat()
}
/// The hash of an entry: `SHA-256("portcullis-audit-1\0" ‖ prev_hash ‖ canonical)`.
pub fn link(prev: &[u8; 32], canonical: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(b"portcullis-audit-1\0").chain_update(prev).chain_update(canonical);
    hash.finalize().into()
}

fn hex(bytes: &[u8; 32]) -> String {
    let mut out = String::with_capacity(64);
    push_hex(&mut out, bytes);
    out
}

fn push_hex(out: &mut String, bytes: &[u8; 32]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (text, b) in text.as_chunks_mut().0.iter_mut().zip(bytes) {
        *text = [HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]];
    }
    out.push_str(str::from_utf8(&text).unwrap_or_default()); // digits are UTF-8
}

/// 64 lower-case digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let pairs: &[[u8; 2]; 32] = text.as_bytes().as_chunks().0.try_into().ok().filter(|_| text.len() == 64)?;
    let mut out = [0; 32];
    for (out, [high, low]) in out.iter_mut().zip(pairs) {
        *out = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}
