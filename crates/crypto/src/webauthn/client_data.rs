//! What the browser says of a ceremony (W3C WebAuthn 5.8.1).
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use super::Refusal;

/// Members that are not here are left alone: browsers add some (5.8.1.2).
#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: Option<bool>,
}

/// The challenge that this says it answers.
pub(super) fn challenge(json: &[u8]) -> Result<Vec<u8>, Refusal> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| Refusal::Malformed)?;
    BASE64URL_NOPAD.decode(data.challenge.as_bytes()).map_err(|_| Refusal::Challenge)
}
/// Says whether a page of this origin, in nobody's frame, asked for this with this challenge.
pub(super) fn check(json: &[u8], kind: &str, challenge_hash: &[u8; 32], origin: &str) -> Result<(), Refusal> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| Refusal::Malformed)?;
    if data.r#type != kind {
        return Err(Refusal::Kind);
    }
    let said = BASE64URL_NOPAD.decode(data.challenge.as_bytes()).map_err(|_| Refusal::Challenge)?;
    if !crate::same(&crate::sha256(&said), challenge_hash) {
        return Err(Refusal::Challenge);
    }
    if data.origin != origin || data.cross_origin == Some(true) {
        return Err(Refusal::Origin);
    }
    Ok(())
}
