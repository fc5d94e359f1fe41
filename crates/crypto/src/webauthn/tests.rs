use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use minicbor::Encoder;
use proptest::prelude::*;

use super::*;

const ORIGIN: &str = "https://id.example.com";
const CHALLENGE: [u8; 32] = [7; 32];
const ID: &[u8] = b"credential";

fn party() -> RelyingParty {
    RelyingParty::new("id.example.com", ORIGIN).unwrap()
}
fn asked(verification: bool) -> Asked<'static> {
    static HASH: LazyLock<[u8; 32]> = LazyLock::new(|| sha256(&CHALLENGE));
    Asked { challenge_hash: &HASH, verification }
}
fn client_data(kind: &str, origin: &str, more: &str) -> Vec<u8> {
    let challenge = BASE64URL_NOPAD.encode(&CHALLENGE);
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{more}}}"#).into_bytes()
}
fn data(rp: &str, flags: u8, counter: u32, rest: &[u8]) -> Vec<u8> {
    [&sha256(rp.as_bytes())[..], &[flags], &counter.to_be_bytes(), rest].concat()
}
fn es256() -> (EcdsaKeyPair, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let mut e = Encoder::new(vec![]);
    e.map(5).unwrap().i8(1).unwrap().i8(2).unwrap().i8(3).unwrap().i8(-7).unwrap();
    e.i8(-1).unwrap().i8(1).unwrap().i8(-2).unwrap().bytes(&point[1..33]).unwrap();
    e.i8(-3).unwrap().bytes(&point[33..]).unwrap();
    (pair, e.into_writer())
}
fn made(id: &[u8], cose: &[u8]) -> Vec<u8> {
    [&[0; 16][..], &u16::try_from(id.len()).unwrap().to_be_bytes(), id, cose].concat()
}
fn attestation(data: &[u8]) -> Vec<u8> {
    let mut e = Encoder::new(vec![]);
    e.map(3).unwrap().str("fmt").unwrap().str("none").unwrap().str("attStmt").unwrap().map(0).unwrap();
    e.str("authData").unwrap().bytes(data).unwrap();
    e.into_writer()
}
fn register(client_data: &[u8], object: &[u8], verification: bool) -> Result<Registered, Refusal> {
    party().register(&NewCredential { id: ID, client_data, attestation_object: object }, &asked(verification))
}

#[test]
fn sec_05_a_party_is_a_domain_and_an_origin_on_it() {
    for (id, origin) in [
        ("id.example.com", "https://id.example.com"),
        ("example.com", "https://id.example.com:8443"),
        ("localhost", "http://localhost:7400"),
    ] {
        assert!(RelyingParty::new(id, origin).is_some(), "{id} {origin}");
    }
    for (id, origin) in [
        ("", "https://id.example.com"),
        ("example.com", "https://badexample.com"),
        ("id.example.com", "https://example.com"),
        ("127.0.0.1", "http://127.0.0.1:7400"),
        ("0.0.1", "http://127.0.0.1:7400"),
        ("[::1]", "http://[::1]:7400"),
        ("id.example.com", "ftp://id.example.com"),
    ] {
        assert!(RelyingParty::new(id, origin).is_none(), "{id} {origin}");
    }
}

#[test]
fn sec_05_a_credential_is_made_for_us_alone() {
    let (_, cose) = es256();
    let right = client_data("webauthn.create", ORIGIN, r#","crossOrigin":false,"other_keys_can_be_added_here":"x""#);
    let object = attestation(&data("id.example.com", 0x45, 3, &made(ID, &cose)));
    let registered = register(&right, &object, true).unwrap();
    assert_eq!((&*registered.id, registered.counter, registered.synced), (ID, 3, false));
    assert_eq!(PublicKey::parse(registered.public_key.cose()), Ok(registered.public_key));
    for (client_data, refusal) in [
        (client_data("webauthn.get", ORIGIN, ""), Refusal::Kind),
        (client_data("webauthn.create", "https://id.example.com.evil.example", ""), Refusal::Origin),
        (client_data("webauthn.create", "https://id.example.com:443", ""), Refusal::Origin),
        (client_data("webauthn.create", "http://id.example.com", ""), Refusal::Origin),
        (client_data("webauthn.create", ORIGIN, r#","crossOrigin":true"#), Refusal::Origin),
        (client_data("webauthn.create", ORIGIN, r#","origin":"https://evil.example""#), Refusal::Malformed),
        (
            br#"{"type":"webauthn.create","challenge":"","origin":"https://id.example.com"}"#.to_vec(),
            Refusal::Challenge,
        ),
        (b"[]".to_vec(), Refusal::Malformed),
    ] {
        assert_eq!(register(&client_data, &object, true), Err(refusal), "{}", String::from_utf8_lossy(&client_data));
    }
    for (data, refusal) in [
        (data("example.com", 0x45, 0, &made(ID, &cose)), Refusal::RelyingParty),
        (data("id.example.com", 0x44, 0, &made(ID, &cose)), Refusal::NotPresent),
        (data("id.example.com", 0x41, 0, &made(ID, &cose)), Refusal::NotVerified),
        (data("id.example.com", 0x45, 0, &made(b"another", &cose)), Refusal::Credential),
        (data("id.example.com", 0x05, 0, &[]), Refusal::Malformed),
        (data("id.example.com", 0x45, 0, &made(b"", &cose)), Refusal::Malformed),
        (data("id.example.com", 0x45, 0, &made(&[1; 1_024], &cose)), Refusal::Malformed),
        (data("id.example.com", 0x45, 0, &[made(ID, &cose), vec![0]].concat()), Refusal::Malformed),
        (data("id.example.com", 0x55, 0, &made(ID, &cose)), Refusal::Malformed),
    ] {
        assert_eq!(register(&right, &attestation(&data), true), Err(refusal));
    }
    // without a demand for it nobody is asked for a PIN
    let object = attestation(&data("id.example.com", 0x41, 0, &made(ID, &cose)));
    register(&right, &object, false).unwrap();
}

#[test]
fn keys_of_other_kinds_are_no_keys() {
    let (_, cose) = es256();
    let mut off_curve = cose.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    assert_eq!(PublicKey::parse(&off_curve), Err(Refusal::Malformed));
    let mut other = cose.clone();
    // EdDSA's number where ES256's stood
    other[4] = 0x27;
    assert_eq!(PublicKey::parse(&other), Err(Refusal::Algorithm));
    assert_eq!(PublicKey::parse(&[cose.clone(), vec![0]].concat()), Err(Refusal::Malformed));
    assert_eq!(PublicKey::parse(&[]), Err(Refusal::Malformed));
    let rsa = |bytes: usize| {
        let mut e = Encoder::new(vec![]);
        e.map(4).unwrap().i8(1).unwrap().i8(3).unwrap().i8(3).unwrap().i16(-257).unwrap();
        e.i8(-1).unwrap().bytes(&vec![0xff; bytes]).unwrap().i8(-2).unwrap().bytes(&[1, 0, 1]).unwrap();
        PublicKey::parse(&e.into_writer())
    };
    assert!(rsa(256).is_ok());
    assert_eq!((rsa(128), rsa(2_048)), (Err(Refusal::Algorithm), Err(Refusal::Algorithm)));
}

#[test]
fn eddsa_is_taken_too() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let mut e = Encoder::new(vec![]);
    e.map(4).unwrap().i8(1).unwrap().i8(1).unwrap().i8(3).unwrap().i8(-8).unwrap();
    e.i8(-1).unwrap().i8(6).unwrap().i8(-2).unwrap().bytes(pair.public_key().as_ref()).unwrap();
    let key = PublicKey::parse(&e.into_writer()).unwrap();
    assert!(key.verify(b"text", pair.sign(b"text").as_ref()) && !key.verify(b"other", pair.sign(b"text").as_ref()));
}

#[test]
fn a_counter_that_does_not_move_on_tells_of_a_copy() {
    for (kept, now, fine) in [(0, 0, true), (0, 1, true), (5, 6, true), (5, 5, false), (5, 4, false), (5, 0, false)] {
        assert_eq!(Used { counter: now, synced: false }.moved_on(kept), fine, "{kept} {now}");
    }
}

/// A right answer to be used: client data, authenticator data, signature.
fn used(pair: &EcdsaKeyPair, flags: u8) -> [Vec<u8>; 3] {
    let client_data = client_data("webauthn.get", ORIGIN, "");
    let data = data("id.example.com", flags, 9, &[]);
    let signed = [&data[..], &sha256(&client_data)].concat();
    let signature = pair.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec();
    [client_data, data, signature]
}
fn verify(answer: &[Vec<u8>; 3], cose: &[u8], verification: bool) -> Result<Used, Refusal> {
    let [client_data, authenticator_data, signature] = answer;
    let key = PublicKey::parse(cose).unwrap();
    party().verify(&Assertion { client_data, authenticator_data, signature }, &key, &asked(verification))
}

#[test]
fn sec_05_a_credential_answers_for_its_own_key() {
    let ((pair, cose), (_, other)) = (es256(), es256());
    let answer = used(&pair, 0x1d);
    assert_eq!(verify(&answer, &cose, true), Ok(Used { counter: 9, synced: true }));
    assert_eq!(verify(&answer, &other, true), Err(Refusal::Signature));
    assert_eq!(verify(&used(&pair, 0x01), &cose, true), Err(Refusal::NotVerified));
    assert_eq!(verify(&used(&pair, 0x01), &cose, false), Ok(Used { counter: 9, synced: false }));
}

proptest! {
    #[test]
    fn sec_05_no_other_bytes_are_a_right_answer(part in 0_usize..3, at in 0_usize..1_000, bit in 0_u8..8) {
        let (pair, cose) = es256();
        let mut answer = used(&pair, 0x05);
        let at = at % answer[part].len();
        answer[part][at] ^= 1 << bit;
        prop_assert!(verify(&answer, &cose, true).is_err());
    }
    #[test]
    fn whatever_is_sent_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = PublicKey::parse(&bytes);
        let _ = AuthenticatorData::parse(&bytes).map(|_| ());
        let _ = authenticator_data::of_attestation(&bytes).map(|_| ());
        let tail = data("id.example.com", 0xc5, 1, &made(ID, &bytes));
        let _ = AuthenticatorData::parse(&tail).map(|_| ());
    }
}
