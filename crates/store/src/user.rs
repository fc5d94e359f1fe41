//! Rows of users and their avatars.
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::{Email, Slug, name_key};
use portcullis_domain::{Id, Roles, Timestamp};

use crate::row::{json, json_text};
use crate::{P, Result, Row, Tx};

macro_rules! columns {
    () => {
        "id, email, slug, title, auth_provider, state, email_verified, roles, is_owner, external_id, manager_id, metadata, \
         first_name, last_name, display_name, last_login_at, created_at, updated_at, revision, mfa_enrolled, identity_provider"
    };
}

statements! {
    INSERT: write "INSERT INTO users (tenant, id, email, slug, title, name_key, auth_provider, state, email_verified, roles, \
        is_owner, password_hash, external_id, manager_id, metadata, first_name, last_name, display_name, token_purpose, \
        token_hash, token_expires_at, last_login_at, created_at, updated_at, revision, identity_provider) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, NULL, $22, $23, 1, $24) \
        ON CONFLICT DO NOTHING";
    BY_ID: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND id = $2");
    BY_EMAIL: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND email = $2");
    BY_SLUG: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND slug = $2");
    BY_EXTERNAL_ID: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND external_id = $2 \
        AND directory_id = $3");
    OWNER: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND is_owner = 1");
    BY_TOKEN: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND id = $2 AND token_hash = $3 \
        AND token_purpose = $4 AND token_expires_at > $5");
    SLUG_TAKEN: point "SELECT created_at FROM users WHERE tenant = $1 AND slug = $2";
    UPDATE: write "UPDATE users SET title = $3, name_key = $4, state = $5, email_verified = $6, roles = $7, is_owner = $8, \
        external_id = $9, manager_id = $10, metadata = $11, first_name = $12, last_name = $13, display_name = $14, \
        updated_at = $15, revision = revision + 1 WHERE tenant = $1 AND id = $2";
    LINK: write "UPDATE users SET auth_provider = $3, identity_provider = $4, state = $5, email_verified = 1, token_purpose = NULL, \
        token_hash = NULL, token_expires_at = NULL, reset_hash = NULL, reset_expires_at = NULL, updated_at = $6, \
        revision = revision + 1 WHERE tenant = $1 AND id = $2";
    OF_PROVIDER: page "SELECT id FROM users WHERE tenant = $1 AND identity_provider = $2 LIMIT 1";
    DELETE: write "DELETE FROM users WHERE tenant = $1 AND id = $2";
    CLEAR_MANAGER: write "UPDATE users SET manager_id = NULL, revision = revision + 1 WHERE tenant = $1 AND manager_id = $2";
    AVATAR: point "SELECT avatar FROM user_avatars WHERE tenant = $1 AND user_id = $2";
    SET_AVATAR: write "INSERT INTO user_avatars (tenant, user_id, avatar) VALUES ($1, $2, $3) \
        ON CONFLICT (tenant, user_id) DO UPDATE SET avatar = excluded.avatar";
    DELETE_AVATAR: write "DELETE FROM user_avatars WHERE tenant = $1 AND user_id = $2";
    PASSWORD: point "SELECT password_hash FROM users WHERE tenant = $1 AND id = $2";
    SET_PASSWORD: write "UPDATE users SET password_hash = $3, updated_at = $4, revision = revision + 1, reset_hash = NULL, \
        reset_expires_at = NULL WHERE tenant = $1 AND id = $2";
    REHASH: write "UPDATE users SET password_hash = $3 WHERE tenant = $1 AND id = $2 AND password_hash = $4";
    SET_MFA_ENROLLED: write "UPDATE users SET mfa_enrolled = $3, updated_at = $4, revision = revision + 1 \
        WHERE tenant = $1 AND id = $2 AND mfa_enrolled <> $3";
    SIGNED_IN: write "UPDATE users SET last_login_at = $3 WHERE tenant = $1 AND id = $2";
    SET_TOKEN: write "UPDATE users SET token_purpose = $3, token_hash = $4, token_expires_at = $5 WHERE tenant = $1 AND id = $2";
    BY_RESET: point concat!("SELECT ", columns!(), " FROM users WHERE tenant = $1 AND id = $2 AND reset_hash = $3 \
        AND reset_expires_at > $4");
    RESET_ENDS: point "SELECT reset_expires_at FROM users WHERE tenant = $1 AND id = $2";
    SET_RESET: write "UPDATE users SET reset_hash = $3, reset_expires_at = $4 WHERE tenant = $1 AND id = $2";
}

/// Reads a user off a row that begins with the columns of [`User`], without the avatar.
pub(crate) fn read(r: &Row<'_>) -> Result<User> {
    Ok(User {
        id: Id::from_uuid(r.uuid(0)?),
        email: Email::stored(r.text(1)?),
        slug: Slug::stored(r.text(2)?),
        title: r.text(3)?,
        auth_provider: AuthProvider::parse(&r.text(4)?).unwrap_or(AuthProvider::Local),
        // an unknown state must not open a door
        state: UserState::parse(&r.text(5)?).unwrap_or(UserState::Suspended),
        email_verified: r.bool(6)?,
        roles: Roles::from_bits(r.int(7)?),
        is_owner: r.bool(8)?,
        avatar: None,
        external_id: r.opt_text(9)?,
        manager_id: r.opt_uuid(10)?.map(Id::from_uuid),
        metadata: json(r.str(11)?),
        first_name: r.opt_text(12)?,
        last_name: r.opt_text(13)?,
        display_name: r.opt_text(14)?,
        last_login_at: r.opt_int(15)?.map(Timestamp::from_micros),
        created_at: r.timestamp(16)?,
        updated_at: r.timestamp(17)?,
        revision: r.int(18)?,
        mfa_enrolled: r.bool(19)?,
        identity_provider_id: r.opt_id(20)?,
    })
}

/// A single-use token of a user: its purpose, its SHA-256 and its end.
#[derive(Clone, Debug)]
pub struct UserToken {
    /// `invitation`, `verification`.
    pub purpose: &'static str,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Dead from then on.
    pub expires_at: Timestamp,
}

/// Writes a new user and, if there is one, the avatar. False, and nothing written, when a unique rule (address, slug, external
/// id, owner) is in the way.
pub async fn insert(tx: &mut Tx, u: &User, password_hash: Option<&str>, token: Option<&UserToken>) -> Result<bool> {
    let metadata = json_text(&u.metadata);
    let name_key = name_key(u.name());
    let written = tx
        .run(
            &INSERT,
            &[
                u.id.into(),
                P::Text(&u.email),
                P::Text(&u.slug),
                P::Text(&u.title),
                P::Text(&name_key),
                P::Text(u.auth_provider.as_str()),
                P::Text(u.state.as_str()),
                u.email_verified.into(),
                P::Int(u.roles.bits()),
                u.is_owner.into(),
                password_hash.into(),
                u.external_id.as_deref().into(),
                u.manager_id.into(),
                P::Text(&metadata),
                u.first_name.as_deref().into(),
                u.last_name.as_deref().into(),
                u.display_name.as_deref().into(),
                token.map(|t| t.purpose).into(),
                token.map(|t| t.hash.as_slice()).into(),
                token.map(|t| t.expires_at).into(),
                u.created_at.into(),
                u.updated_at.into(),
                u.identity_provider_id.into(),
            ],
        )
        .await?;
    if written == 0 {
        return Ok(false);
    }
    if let Some(avatar) = &u.avatar {
        tx.send(&SET_AVATAR, &[u.id.into(), P::Text(avatar)]).await?;
    }
    Ok(true)
}

/// A user with the avatar.
pub async fn by_id(tx: &mut Tx, id: Id<User>) -> Result<Option<User>> {
    let user = tx.one(&BY_ID, &[id.into()], read).await?;
    with_avatar(tx, user).await
}
/// A user as decisions need it: without the avatar.
pub async fn facts(tx: &mut Tx, id: Id<User>) -> Result<Option<User>> {
    tx.one(&BY_ID, &[id.into()], read).await
}
/// A user with the avatar.
pub async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<User>> {
    let user = facts_by_email(tx, email).await?;
    with_avatar(tx, user).await
}
/// A user as decisions need it, by the address: without the avatar.
pub async fn facts_by_email(tx: &mut Tx, email: &str) -> Result<Option<User>> {
    tx.one(&BY_EMAIL, &[P::Text(email)], read).await
}
/// A user with the avatar.
pub async fn by_slug(tx: &mut Tx, slug: &str) -> Result<Option<User>> {
    let user = tx.one(&BY_SLUG, &[P::Text(slug)], read).await?;
    with_avatar(tx, user).await
}
/// A user by the customer's own id, without the avatar. Ids that directories write are others ([`crate::scim_user`]).
pub async fn by_external_id(tx: &mut Tx, external_id: &str) -> Result<Option<User>> {
    tx.one(&BY_EXTERNAL_ID, &[P::Text(external_id), uuid::Uuid::nil().into()], read).await
}
/// The tenant's owner, without the avatar.
pub async fn owner(tx: &mut Tx) -> Result<Option<User>> {
    tx.one(&OWNER, &[], read).await
}
/// The user to whom this live token belongs, without the avatar.
pub async fn by_token(tx: &mut Tx, id: Id<User>, purpose: &str, hash: &[u8], now: Timestamp) -> Result<Option<User>> {
    tx.one(&BY_TOKEN, &[id.into(), P::Bytes(hash), P::Text(purpose), now.into()], read).await
}
/// Is the slug in use?
pub async fn slug_taken(tx: &mut Tx, slug: &str) -> Result<bool> {
    Ok(tx.one(&SLUG_TAKEN, &[P::Text(slug)], |r| r.int(0)).await?.is_some())
}

async fn with_avatar(tx: &mut Tx, user: Option<User>) -> Result<Option<User>> {
    match user {
        Some(mut u) => {
            u.avatar = tx.one(&AVATAR, &[u.id.into()], |r| r.text(0)).await?;
            Ok(Some(u))
        }
        None => Ok(None),
    }
}

/// Writes what may change of a user but credentials and avatar; the revision goes up by one.
pub async fn update(tx: &mut Tx, u: &User) -> Result<()> {
    let metadata = json_text(&u.metadata);
    let name_key = name_key(u.name());
    tx.run(
        &UPDATE,
        &[
            u.id.into(),
            P::Text(&u.title),
            P::Text(&name_key),
            P::Text(u.state.as_str()),
            u.email_verified.into(),
            P::Int(u.roles.bits()),
            u.is_owner.into(),
            u.external_id.as_deref().into(),
            u.manager_id.into(),
            P::Text(&metadata),
            u.first_name.as_deref().into(),
            u.last_name.as_deref().into(),
            u.display_name.as_deref().into(),
            u.updated_at.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Writes where somebody signs in from now on, who has proved their address: provider and state are those of `u`. What they were sent to
/// begin with ends.
pub async fn link(tx: &mut Tx, u: &User) -> Result<()> {
    let params = [
        u.id.into(),
        P::Text(u.auth_provider.as_str()),
        u.identity_provider_id.into(),
        P::Text(u.state.as_str()),
        u.updated_at.into(),
    ];
    tx.run(&LINK, &params).await.map(drop)
}
/// Does anybody sign in there?
pub async fn has_provider(tx: &mut Tx, id: Id<IdentityProvider>) -> Result<bool> {
    Ok(tx.one(&OF_PROVIDER, &[id.into()], |r| r.uuid(0)).await?.is_some())
}

/// Puts an avatar in place, or removes it.
pub async fn set_avatar(tx: &mut Tx, id: Id<User>, avatar: Option<&str>) -> Result<()> {
    match avatar {
        Some(a) => tx.send(&SET_AVATAR, &[id.into(), P::Text(a)]).await,
        None => tx.send(&DELETE_AVATAR, &[id.into()]).await,
    }
}

/// Deletes the row and its avatar; whoever had this manager has none.
pub async fn delete(tx: &mut Tx, id: Id<User>) -> Result<()> {
    tx.run(&CLEAR_MANAGER, &[id.into()]).await?;
    tx.run(&DELETE_AVATAR, &[id.into()]).await?;
    tx.run(&DELETE, &[id.into()]).await?;
    Ok(())
}

/// The stored password hash.
pub async fn password_hash(tx: &mut Tx, id: Id<User>) -> Result<Option<String>> {
    Ok(tx.one(&PASSWORD, &[id.into()], |r| r.opt_text(0)).await?.flatten())
}
/// A new password; what could have set another counts no more.
pub async fn set_password(tx: &mut Tx, id: Id<User>, hash: &str, now: Timestamp) -> Result<()> {
    tx.run(&SET_PASSWORD, &[id.into(), P::Text(hash), now.into()]).await?;
    Ok(())
}
/// The same password in a newer scheme, unless it was changed meanwhile.
pub async fn rehash(tx: &mut Tx, id: Id<User>, old: &str, new: &str) -> Result<()> {
    tx.run(&REHASH, &[id.into(), P::Text(new), P::Text(old)]).await?;
    Ok(())
}
/// Notes that a user has a second factor, or none any more.
pub async fn set_mfa_enrolled(tx: &mut Tx, id: Id<User>, enrolled: bool) -> Result<()> {
    let now = tx.cx.now;
    tx.run(&SET_MFA_ENROLLED, &[id.into(), enrolled.into(), now.into()]).await.map(drop)
}
/// Notes a sign-in; no new revision, since nobody edits this.
pub async fn signed_in(tx: &mut Tx, id: Id<User>, now: Timestamp) -> Result<()> {
    tx.send(&SIGNED_IN, &[id.into(), now.into()]).await
}
/// Puts a single-use token in place of any older one, or takes it away.
pub async fn set_token(tx: &mut Tx, id: Id<User>, token: Option<&UserToken>) -> Result<()> {
    let (purpose, hash, end) =
        (token.map(|t| t.purpose), token.map(|t| t.hash.as_slice()), token.map(|t| t.expires_at));
    tx.run(&SET_TOKEN, &[id.into(), purpose.into(), hash.into(), end.into()]).await?;
    Ok(())
}
/// The user whose password this live token may set, without the avatar.
pub async fn by_reset(tx: &mut Tx, id: Id<User>, hash: &[u8; 32]) -> Result<Option<User>> {
    let now = tx.cx.now;
    tx.one(&BY_RESET, &[id.into(), hash.into(), now.into()], read).await
}
/// When the token for a new password ends, if there is one, live or not.
pub async fn reset_ends(tx: &mut Tx, id: Id<User>) -> Result<Option<Timestamp>> {
    Ok(tx.one(&RESET_ENDS, &[id.into()], |r| r.opt_timestamp(0)).await?.flatten())
}
/// Puts a token for a new password in place of any older one (its SHA-256 and its end), or takes it away.
pub async fn set_reset(tx: &mut Tx, id: Id<User>, token: Option<(&[u8; 32], Timestamp)>) -> Result<()> {
    let (hash, end) = (token.map(|(hash, _)| hash.as_slice()), token.map(|(_, end)| end));
    tx.run(&SET_RESET, &[id.into(), hash.into(), end.into()]).await.map(drop)
}
