//! Ed25519 (RFC 8032) keys, access tokens, the JWKS that publishes the keys, and detached signatures for audit checkpoints.
mod application;
mod claims;
mod key;
mod ring;

pub use application::{ApplicationClaims, IdClaims, at_hash};
pub use claims::{Claims, Expect, Generation, SubjectType, TokenError};
pub use key::{Algorithm, BadKey, SigningKey, UnwrapError, VerifyingKey};
pub use ring::{KeyRing, KeySet, MAX_TOKEN, TokenType};
