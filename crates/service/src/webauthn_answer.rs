//! What a browser gives of a passkey or security key, as JSON (W3C WebAuthn 5.1.8, 5.1.9: `PublicKeyCredential.toJSON`). Members that
//! are not read here are left alone: browsers add some, and none of them proves anything.
use data_encoding::BASE64URL_NOPAD;
use portcullis_crypto::webauthn::LONGEST_CREDENTIAL_ID;
use serde_json::Value;

/// The most that one member holds, in bytes. An attestation brings certificates along.
const LONGEST: usize = 16_384;
/// How browsers reach authenticators (5.8.4): other words are forgotten.
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];

/// A new credential.
#[derive(Debug)]
pub struct RegistrationAnswer {
    pub(crate) id: Vec<u8>,
    pub(crate) client_data: Vec<u8>,
    pub(crate) attestation_object: Vec<u8>,
    pub(crate) transports: Vec<String>,
    /// Does the authenticator find it by itself, as far as the browser knows?
    pub(crate) resident: Option<bool>,
}
impl RegistrationAnswer {
    /// Reads it; else the sentence to show.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        let response = &value["response"];
        let said = response["transports"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(Self {
            id: id(value)?,
            client_data: bytes(&response["clientDataJSON"])?,
            attestation_object: bytes(&response["attestationObject"])?,
            transports: TRANSPORTS.into_iter().filter(|t| said.clone().any(|s| s == *t)).map(str::to_owned).collect(),
            resident: value["clientExtensionResults"]["credProps"]["rk"].as_bool(),
        })
    }
}

/// A credential that was used.
#[derive(Debug)]
pub struct AssertionAnswer {
    pub(crate) id: Vec<u8>,
    pub(crate) client_data: Vec<u8>,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// Whose the authenticator says that it is.
    pub(crate) user_handle: Option<Vec<u8>>,
}
impl AssertionAnswer {
    /// Reads it; else the sentence to show.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        let response = &value["response"];
        Ok(Self {
            id: id(value)?,
            client_data: bytes(&response["clientDataJSON"])?,
            authenticator_data: bytes(&response["authenticatorData"])?,
            signature: bytes(&response["signature"])?,
            user_handle: match &response["userHandle"] {
                Value::Null => None,
                handle => Some(bytes(handle)?).filter(|handle| !handle.is_empty()),
            },
        })
    }
}

const UNREAD: &str = "Send what navigator.credentials answered, as its toJSON() gives it.";
fn id(value: &Value) -> Result<Vec<u8>, &'static str> {
    let said = if value["rawId"].is_null() { &value["id"] } else { &value["rawId"] };
    if value["type"] != "public-key" {
        return Err(UNREAD);
    }
    bytes(said).and_then(|id| if (1..=LONGEST_CREDENTIAL_ID).contains(&id.len()) { Ok(id) } else { Err(UNREAD) })
}
fn bytes(value: &Value) -> Result<Vec<u8>, &'static str> {
    let text = value.as_str().filter(|text| text.len() <= LONGEST * 4 / 3 + 3).ok_or(UNREAD)?;
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| UNREAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_browsers_add_is_left_alone() {
        let response = json!({
            "clientDataJSON": "e30", "attestationObject": "oA", "transports": ["usb", "internal", "teleport", 1],
            "publicKeyAlgorithm": -7, "authenticatorData": "AA",
        });
        let mut value = json!({
            "id": "AQ", "rawId": "AQ", "type": "public-key", "authenticatorAttachment": "platform", "response": response,
            "clientExtensionResults": { "credProps": { "rk": true } },
        });
        let read = RegistrationAnswer::read(&value).unwrap();
        assert_eq!((read.id, read.client_data, read.resident), (vec![1], b"{}".to_vec(), Some(true)));
        assert_eq!(read.transports, ["internal", "usb"]);
        assert!(AssertionAnswer::read(&value).is_err(), "no signature");
        for (pointer, bad) in [
            ("/rawId", json!("")),
            ("/rawId", json!("A")),
            ("/rawId", json!("A".repeat(2_000))),
            ("/type", json!("password")),
            ("/response", json!(null)),
            ("/response/clientDataJSON", json!(1)),
            ("/response/attestationObject", json!("oA==")),
            ("/response/attestationObject", json!("A".repeat(30_000))),
        ] {
            let good = value.pointer(pointer).unwrap().clone();
            *value.pointer_mut(pointer).unwrap() = bad;
            assert!(RegistrationAnswer::read(&value).is_err(), "{pointer}");
            *value.pointer_mut(pointer).unwrap() = good;
        }
        assert!(RegistrationAnswer::read(&value).is_ok() && RegistrationAnswer::read(&json!([])).is_err());
    }
}
