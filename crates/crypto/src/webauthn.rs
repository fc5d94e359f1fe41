//! WebAuthn as a relying party verifies it (W3C Web Authentication Level 3, 7.1 and 7.2): what a passkey or a security key answered.
//!
//! The crates for this bring a second set of primitives along, RSA among them, which here goes through aws-lc-rs only (checklist 18).
//! What is left is small because no attestation is asked for: an attestation statement that comes all the same is not read and proves
//! nothing. Challenges, credentials and their counters are the store's to keep.
mod authenticator_data;
mod client_data;
mod public_key;

use authenticator_data::AuthenticatorData;
pub use public_key::{ALGORITHMS, PublicKey};

use crate::sha256;

/// No credential id is longer (7.1, step 25).
pub const LONGEST_CREDENTIAL_ID: usize = 1_023;

/// The SHA-256 of the challenge that an answer says it is to; `None` if it cannot be read. Whether it was asked is the store's to know.
pub fn challenge_hash(client_data: &[u8]) -> Option<[u8; 32]> {
    client_data::challenge(client_data).map(|challenge| sha256(&challenge)).ok()
}

/// Who asks: a name that credentials are made for, and the one origin whose pages may use them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}
impl RelyingParty {
    /// A domain, and an origin on it or below it, as browsers write it. `None`: the origin is not on that domain, or names an address.
    pub fn new(id: &str, origin: &str) -> Option<Self> {
        let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))?;
        let host = rest.split_once(':').map_or(rest, |(host, _)| host);
        let below = || host.strip_suffix(id).is_some_and(|rest| rest.ends_with('.'));
        let is_domain = !id.is_empty() && host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('[');
        let there = is_domain && (host == id || below());
        there.then(|| Self { id: id.to_owned(), origin: origin.to_owned() })
    }
    /// The domain.
    pub fn id(&self) -> &str {
        &self.id
    }
    /// Reads the answer to a request for a new credential (7.1).
    pub fn register(&self, answer: &NewCredential<'_>, asked: &Asked<'_>) -> Result<Registered, Refusal> {
        client_data::check(answer.client_data, "webauthn.create", asked.challenge_hash, &self.origin)?;
        let data = authenticator_data::of_attestation(answer.attestation_object)?;
        self.check(&data, asked)?;
        let Some(credential) = &data.credential else { return Err(Refusal::Malformed) };
        if credential.id != answer.id {
            return Err(Refusal::Credential);
        }
        Ok(Registered {
            id: credential.id.to_vec(),
            public_key: PublicKey::parse(credential.public_key)?,
            counter: data.counter,
            synced: data.may_be_synced(),
        })
    }
    /// Reads the answer to a request to use a credential (7.2). That it is this user's, and that its counter moved on, is the caller's
    /// to know.
    pub fn verify(&self, answer: &Assertion<'_>, key: &PublicKey, asked: &Asked<'_>) -> Result<Used, Refusal> {
        client_data::check(answer.client_data, "webauthn.get", asked.challenge_hash, &self.origin)?;
        let data = AuthenticatorData::parse(answer.authenticator_data)?;
        self.check(&data, asked)?;
        let signed = [answer.authenticator_data, &sha256(answer.client_data)].concat();
        if !key.verify(&signed, answer.signature) {
            return Err(Refusal::Signature);
        }
        Ok(Used { counter: data.counter, synced: data.may_be_synced() })
    }
    fn check(&self, data: &AuthenticatorData<'_>, asked: &Asked<'_>) -> Result<(), Refusal> {
        if data.rp_id_hash != sha256(self.id.as_bytes()) {
            return Err(Refusal::RelyingParty);
        }
        if !data.user_present() {
            return Err(Refusal::NotPresent);
        }
        if asked.verification && !data.user_verified() {
            return Err(Refusal::NotVerified);
        }
        Ok(())
    }
}

/// What a ceremony was begun with.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The SHA-256 of random bytes that were given out for it alone.
    pub challenge_hash: &'a [u8; 32],
    /// Must the authenticator have made sure who uses it (a PIN, a finger)?
    pub verification: bool,
}
/// `PublicKeyCredential` with an `AuthenticatorAttestationResponse`, decoded.
#[derive(Clone, Copy, Debug)]
pub struct NewCredential<'a> {
    /// `rawId`.
    pub id: &'a [u8],
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `attestationObject`.
    pub attestation_object: &'a [u8],
}
/// `PublicKeyCredential` with an `AuthenticatorAssertionResponse`, decoded.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `authenticatorData`.
    pub authenticator_data: &'a [u8],
    /// `signature`.
    pub signature: &'a [u8],
}
/// A new credential, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Up to [`LONGEST_CREDENTIAL_ID`] bytes.
    pub id: Vec<u8>,
    /// What its answers are verified with.
    pub public_key: PublicKey,
    /// How often it was used; 0 for those that do not count.
    pub counter: u32,
    /// May it be on other devices too?
    pub synced: bool,
}
/// A credential that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// How often by now.
    pub counter: u32,
    /// May it be on other devices too?
    pub synced: bool,
}
impl Used {
    /// Did the counter move on from what is kept? One that did not tells of a copy of the authenticator (7.2, step 22); one that is and
    /// was 0 counts nothing.
    pub fn moved_on(&self, kept: u32) -> bool {
        (self.counter == 0 && kept == 0) || self.counter > kept
    }
}

/// Why an answer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("The answer of the authenticator cannot be read.")]
    Malformed,
    /// It is the answer to another kind of request.
    #[error("This answers another kind of request.")]
    Kind,
    /// It is the answer to another request.
    #[error("This answers another request: begin again.")]
    Challenge,
    /// Another page asked for it.
    #[error("Another address than this server's asked the authenticator.")]
    Origin,
    /// It was made for another relying party.
    #[error("This credential is for another server.")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("The authenticator says that nobody was there.")]
    NotPresent,
    /// The authenticator did not make sure who it was.
    #[error("The authenticator did not verify who uses it: set a PIN or a fingerprint there.")]
    NotVerified,
    /// The key is of a kind that was not asked for.
    #[error("The key of this authenticator is of a kind that is not taken: ES256, EdDSA and RS256 are.")]
    Algorithm,
    /// It speaks of another credential than it says.
    #[error("The answer names another credential than the one it holds.")]
    Credential,
    /// It was not signed with this key.
    #[error("The signature is wrong.")]
    Signature,
}

#[cfg(test)]
mod tests;
