//! Passkeys and security keys in software, with the browser before them: written from W3C's text and sharing no code with the server.
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::authenticator::{MFA, texts};
use super::pages::HERE;
use super::{Answer, Client};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const COPIED: u8 = 0x18;
const MADE: u8 = 0x40;

/// One credential on its authenticator. What a test wants to be wrong, it changes here.
pub struct Passkey {
    pub key: EcdsaKeyPair,
    pub id: Vec<u8>,
    pub user: Vec<u8>,
    /// What the authenticator signs next; 0 counts nothing.
    pub counter: u32,
    pub step: u32,
    pub verifies: bool,
    pub synced: bool,
    /// Who the browser says asked.
    pub origin: String,
    pub rp_id: String,
}
fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}
impl Passkey {
    /// One that verifies its user and counts.
    pub fn new(id: &str) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id: id.as_bytes().to_vec(),
            user: vec![],
            counter: 1,
            step: 1,
            verifies: true,
            synced: false,
            origin: HERE.into(),
            rp_id: "localhost".into(),
        }
    }
    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = options["challenge"].as_str().unwrap();
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false }).to_string().into()
    }
    fn data(&mut self, more: u8, rest: &[u8]) -> Vec<u8> {
        let verified = if self.verifies { VERIFIED } else { 0 };
        let copied = if self.synced { COPIED } else { 0 };
        let flags = PRESENT | verified | copied | more;
        let out = [&sha256(self.rp_id.as_bytes())[..], &[flags], &self.counter.to_be_bytes(), rest].concat();
        self.counter += self.step;
        out
    }
    /// `navigator.credentials.create`.
    pub fn make(&mut self, options: &Value) -> Value {
        self.user = BASE64URL_NOPAD.decode(options["user"]["id"].as_str().unwrap().as_bytes()).unwrap();
        let client_data = self.client_data("webauthn.create", options);
        let point = self.key.public_key().as_ref().to_vec();
        // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        let cose = [
            &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..],
            &point[1..33],
            &[0x22, 0x58, 0x20],
            &point[33..],
        ]
        .concat();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let made = [&[0; 16][..], &length, &self.id[..], &cose[..]].concat();
        let data = self.data(MADE, &made);
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        let object = [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59"[..], &length, &data[..]].concat();
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key", "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": text(&client_data), "attestationObject": text(&object), "transports": ["internal"],
            },
            "clientExtensionResults": {},
        })
    }
    /// `navigator.credentials.get`.
    pub fn answer(&mut self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(0, &[]);
        let signed = [&data[..], &sha256(&client_data)[..]].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key",
            "response": {
                "clientDataJSON": text(&client_data), "authenticatorData": text(&data),
                "signature": text(signature.as_ref()), "userHandle": text(&self.user),
            },
            "clientExtensionResults": {},
        })
    }
}

/// Begins to enrol one; what the browser is given.
pub async fn register(by: &Client, kind: &str) -> Value {
    let asked = by.post(&format!("{MFA}/webauthn/register?method_type={kind}"), json!({})).await;
    asked.expect(200)["options"].clone()
}
/// Ends it with this.
pub async fn registered(by: &Client, kind: &str, credential: &Value) -> Answer {
    let body = json!({ "credential": credential, "device_name": "Key", "method_type": kind });
    by.post(&format!("{MFA}/webauthn/register/complete"), body).await
}
/// Enrols a passkey; its backup codes, if it is the first factor.
pub async fn with_passkey(by: &Client, passkey: &mut Passkey) -> Vec<String> {
    let options = register(by, "webauthn_passkey").await;
    let made = registered(by, "webauthn_passkey", &passkey.make(&options)).await;
    texts(&made.expect(200)["codes"])
}
/// Asks for a passkey as the second step.
pub async fn ask(by: &Client, challenge: &str) -> Value {
    let asked = by.post("/v1/auth/mfa/webauthn/begin", json!({ "challenge_id": challenge })).await;
    asked.expect(200)["options"].clone()
}
/// The second step.
pub async fn answer(by: &Client, challenge: &str, credential: &Value) -> Answer {
    let body = json!({ "challenge_id": challenge, "credential": credential });
    by.post("/v1/auth/mfa/webauthn/complete", body).await
}
