//! What the authenticator says (W3C WebAuthn 6.1), and where it stands in an attestation object (6.5.4).
use minicbor::Decoder;

use super::{LONGEST_CREDENTIAL_ID, Refusal};

const USER_PRESENT: u8 = 1 << 0;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKUP_STATE: u8 = 1 << 4;
const CREDENTIAL: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

pub(super) struct AuthenticatorData<'a> {
    pub rp_id_hash: [u8; 32],
    flags: u8,
    pub counter: u32,
    pub credential: Option<Credential<'a>>,
}
/// A credential that was made (6.5.1).
pub(super) struct Credential<'a> {
    pub id: &'a [u8],
    /// A COSE key.
    pub public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads it to its end: what is left over makes it malformed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(Refusal::Malformed)?;
        let (&[flags], rest) = rest.split_first_chunk::<1>().ok_or(Refusal::Malformed)?;
        let (counter, mut rest) = rest.split_first_chunk::<4>().ok_or(Refusal::Malformed)?;
        let mut credential = None;
        if flags & CREDENTIAL != 0 {
            let (_aaguid, after) = rest.split_first_chunk::<16>().ok_or(Refusal::Malformed)?;
            let (length, after) = after.split_first_chunk::<2>().ok_or(Refusal::Malformed)?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length == 0 || length > LONGEST_CREDENTIAL_ID {
                return Err(Refusal::Malformed);
            }
            let (id, after) = after.split_at_checked(length).ok_or(Refusal::Malformed)?;
            let (public_key, after) = after.split_at(item(after)?);
            credential = Some(Credential { id, public_key });
            rest = after;
        }
        if flags & EXTENSIONS != 0 {
            rest = &rest[item(rest)?..];
        }
        // what is copied must be made to be copied (6.1.3)
        let copied = flags & BACKUP_STATE != 0 && flags & BACKUP_ELIGIBLE == 0;
        if !rest.is_empty() || copied {
            return Err(Refusal::Malformed);
        }
        Ok(Self { rp_id_hash: *rp_id_hash, flags, counter: u32::from_be_bytes(*counter), credential })
    }
    pub const fn user_present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }
    pub const fn user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }
    pub const fn may_be_synced(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }
}
/// The length of the map that these bytes begin with.
fn item(bytes: &[u8]) -> Result<usize, Refusal> {
    let mut cbor = Decoder::new(bytes);
    cbor.probe().map().map_err(malformed)?;
    cbor.skip().map_err(malformed)?;
    Ok(cbor.position())
}

/// The authenticator data of an attestation object. Its statement is passed over.
pub(super) fn of_attestation(bytes: &[u8]) -> Result<AuthenticatorData<'_>, Refusal> {
    let mut cbor = Decoder::new(bytes);
    let members = cbor.map().map_err(malformed)?.ok_or(Refusal::Malformed)?;
    let mut data = None;
    for _ in 0..members {
        match cbor.str().map_err(malformed)? {
            "authData" if data.is_none() => data = Some(cbor.bytes().map_err(malformed)?),
            "fmt" | "attStmt" => cbor.skip().map_err(malformed)?,
            _ => return Err(Refusal::Malformed),
        }
    }
    if cbor.position() != bytes.len() {
        return Err(Refusal::Malformed);
    }
    AuthenticatorData::parse(data.ok_or(Refusal::Malformed)?)
}
pub(super) fn malformed(_: minicbor::decode::Error) -> Refusal {
    Refusal::Malformed
}
