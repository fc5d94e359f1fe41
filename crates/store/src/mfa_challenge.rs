//! Rows of sign-ins that wait for their second step (spec v1 9.2).
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::session::Session;
use portcullis_domain::user::User;
use portcullis_domain::{Id, Timestamp};

use crate::{P, Result, Row, Tx};

statements! {
    INSERT: write "INSERT INTO mfa_challenges (tenant, hash, user_id, purpose, amr, proof, tries, created_at, expires_at, \
        identity_provider, session_id, session_ends_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11)";
    BY_HASH: point "SELECT user_id, purpose, amr, proof, seed, tries, expires_at, asked_hash, identity_provider, session_id, session_ends_at \
        FROM mfa_challenges WHERE tenant = $1 AND hash = $2";
    SET_SEED: write "UPDATE mfa_challenges SET seed = $3 WHERE tenant = $1 AND hash = $2";
    SET_ASKED: write "UPDATE mfa_challenges SET asked_hash = $3 WHERE tenant = $1 AND hash = $2";
    TRIED: write "UPDATE mfa_challenges SET tries = tries + 1 WHERE tenant = $1 AND hash = $2";
    DELETE: write "DELETE FROM mfa_challenges WHERE tenant = $1 AND hash = $2";
    OF_USER: page "SELECT hash FROM mfa_challenges WHERE tenant = $1 AND user_id = $2 ORDER BY created_at LIMIT 250";
    DELETE_OF_PROVIDER: write "DELETE FROM mfa_challenges WHERE tenant = $1 AND identity_provider = $2";
    DELETE_OF_USER: write "DELETE FROM mfa_challenges WHERE tenant = $1 AND user_id = $2";
    OUTLIVED: page "SELECT hash FROM mfa_challenges WHERE tenant = $1 AND expires_at <= $2 LIMIT 250";
}

/// What the second step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To show a factor that is enrolled.
    Factor,
    /// To enrol one.
    Enrolment,
}
impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Factor => "factor",
            Self::Enrolment => "enrolment",
        }
    }
}

/// A sign-in that waits.
#[derive(Clone, Debug)]
pub struct MfaChallenge {
    /// Whose.
    pub user_id: Id<User>,
    /// For what.
    pub purpose: Purpose,
    /// What was proved already (RFC 8176).
    pub amr: Vec<String>,
    /// A digest of the password hash that was verified; none where another provider proved who it is.
    pub proof: Option<[u8; 32]>,
    /// Who vouched for them, where it was no password.
    pub identity_provider: Option<Id<IdentityProvider>>,
    /// The restricted session that they have until then, if there is one.
    pub session: Option<Id<Session>>,
    /// Until when who vouched for them wants them signed in, if that was said.
    pub session_ends_at: Option<Timestamp>,
    /// Of an enrolment: the sealed seed that a code has to be of.
    pub seed: Option<Vec<u8>>,
    /// The SHA-256 of what a passkey or security key was asked to answer.
    pub asked: Option<[u8; 32]>,
    /// Wrong codes so far.
    pub tries: i64,
    /// Dead from then on.
    pub expires_at: Timestamp,
}
fn read(r: &Row<'_>) -> Result<MfaChallenge> {
    Ok(MfaChallenge {
        user_id: r.id(0)?,
        // what nobody knows takes a factor
        purpose: if r.str(1)? == Purpose::Enrolment.as_str() { Purpose::Enrolment } else { Purpose::Factor },
        amr: serde_json::from_str(r.str(2)?).unwrap_or_default(),
        proof: r.opt_array(3)?,
        seed: r.opt_bytes(4)?,
        asked: r.opt_array(7)?,
        tries: r.int(5)?,
        expires_at: r.timestamp(6)?,
        identity_provider: r.opt_id(8)?,
        session: r.opt_id(9)?,
        session_ends_at: r.opt_timestamp(10)?,
    })
}

/// Writes a new one under the hash of its token. What is asked, seed and tries begin empty.
pub async fn insert(tx: &mut Tx, hash: &[u8; 32], c: &MfaChallenge) -> Result<()> {
    let (now, amr) = (tx.cx.now, serde_json::json!(c.amr).to_string());
    let row = [
        P::Bytes(hash),
        c.user_id.into(),
        P::Text(c.purpose.as_str()),
        P::Text(&amr),
        c.proof.as_ref().into(),
        now.into(),
        c.expires_at.into(),
        c.identity_provider.into(),
        c.session.into(),
        c.session_ends_at.into(),
    ];
    tx.run(&INSERT, &row).await.map(drop)
}
/// The one whose token has this hash, even if its time is over.
pub async fn by_hash(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<MfaChallenge>> {
    tx.one(&BY_HASH, &[P::Bytes(hash)], read).await
}
/// Keeps the seed that is to be confirmed, in place of one before.
pub async fn set_seed(tx: &mut Tx, hash: &[u8; 32], seed: &[u8]) -> Result<()> {
    tx.run(&SET_SEED, &[P::Bytes(hash), P::Bytes(seed)]).await.map(drop)
}
/// Keeps what a passkey or security key is to answer, in place of one before; with `None` there is nothing to answer any more.
pub async fn set_asked(tx: &mut Tx, hash: &[u8; 32], asked: Option<&[u8; 32]>) -> Result<()> {
    tx.run(&SET_ASKED, &[P::Bytes(hash), asked.into()]).await.map(drop)
}
/// Counts a wrong code.
pub async fn tried(tx: &mut Tx, hash: &[u8; 32]) -> Result<()> {
    tx.run(&TRIED, &[P::Bytes(hash)]).await.map(drop)
}
/// Uses one up, or forgets it; false when it was gone before.
pub async fn delete(tx: &mut Tx, hash: &[u8; 32]) -> Result<bool> {
    Ok(tx.run(&DELETE, &[P::Bytes(hash)]).await? == 1)
}
/// The hashes of those of a user, oldest first: at most 250.
pub async fn of_user(tx: &mut Tx, user: Id<User>) -> Result<Vec<[u8; 32]>> {
    tx.all(&OF_USER, &[user.into()], |r| r.array(0)).await
}
/// Ends all that a provider vouched for.
pub async fn delete_of_provider(tx: &mut Tx, provider: Id<IdentityProvider>) -> Result<()> {
    tx.run(&DELETE_OF_PROVIDER, &[provider.into()]).await.map(drop)
}
/// Ends all of a user's.
pub async fn delete_of_user(tx: &mut Tx, user: Id<User>) -> Result<()> {
    tx.run(&DELETE_OF_USER, &[user.into()]).await.map(drop)
}
/// Up to 250 whose time was over before `end`.
pub async fn outlived(tx: &mut Tx, end: &Timestamp) -> Result<Vec<[u8; 32]>> {
    tx.all(&OUTLIVED, &[(*end).into()], |r| r.array(0)).await
}
