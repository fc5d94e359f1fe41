//! How personal access tokens end with something else: their user, their user's membership, their organization (decision 19). A
//! token that has ended is worth nothing from then on; its row and its bindings go in small steps (engine.md 18).
use portcullis_domain::audit::Event;
use portcullis_domain::organization::Organization;
use portcullis_domain::personal_token::PersonalToken;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::{Ctx, Id, Result};
use portcullis_store::{Tx, personal_token, role_binding};

use crate::App;
use crate::app::Scribe;
use crate::holder::{Room, take_everywhere};

impl App {
    /// One step of what ended tokens left behind in a tenant, for the worker; true while there may be more.
    pub(crate) async fn remove_ended_tokens(&self, cx: &Ctx) -> Result<bool> {
        let Some(id) = self.0.db.read(cx.clone(), &(), next).await? else { return Ok(false) };
        self.0.db.write_bulk(cx.clone(), id, remove).await?;
        Ok(true)
    }
}

/// The event of a token's end.
pub(crate) fn revoked(scribe: &Scribe, token: &PersonalToken, cause: &'static str) -> Event {
    scribe
        .event("pat.revoked", "pat", token.id)
        .with("cause", cause)
        .with("organization_id", token.organization_id.to_string())
        .with("user_id", token.user_id.to_string())
}
/// Ends all tokens of a person. The caller moves the revision.
pub(crate) async fn end_of_user(
    tx: &mut Tx,
    scribe: &Scribe,
    user: Id<User>,
    cause: &'static str,
) -> portcullis_store::Result<()> {
    loop {
        let page = personal_token::of_user(tx, user).await?;
        if page.is_empty() {
            return Ok(());
        }
        end_these(tx, scribe, &page, cause).await?;
    }
}
/// Ends a person's tokens in an organization that they are no member of any more. The caller moves the revision.
pub(crate) async fn end_if_left(
    tx: &mut Tx,
    scribe: &Scribe,
    member: Bearer,
    organization: Id<Organization>,
) -> portcullis_store::Result<()> {
    let Bearer::User(user) = member else { return Ok(()) };
    if !role_binding::held_on(tx, member, organization.uuid()).await?.is_empty() {
        return Ok(());
    }
    let tokens = personal_token::of_user_in(tx, Id::from_uuid(user), organization).await?;
    end_these(tx, scribe, &tokens, "left").await
}
async fn end_these(
    tx: &mut Tx,
    scribe: &Scribe,
    tokens: &[PersonalToken],
    cause: &'static str,
) -> portcullis_store::Result<()> {
    let now = tx.cx.now;
    for token in tokens {
        if personal_token::revoke(tx, token.id, now).await? {
            scribe.write(tx, revoked(scribe, token, cause));
        }
    }
    Ok(())
}
/// Removes what a deleted user's tokens left, as far as the room goes; true when nothing is left.
pub(crate) async fn sweep_user(tx: &mut Tx, user: Id<User>, room: &mut Room) -> portcullis_store::Result<bool> {
    loop {
        let left = personal_token::left_of_user(tx, user).await?;
        if left.is_empty() {
            return Ok(true);
        }
        if !sweep(tx, &left, room).await? {
            return Ok(false);
        }
    }
}
/// The same for an organization that is gone.
pub(crate) async fn sweep_organization(
    tx: &mut Tx,
    organization: Id<Organization>,
    room: &mut Room,
) -> portcullis_store::Result<bool> {
    loop {
        let left = personal_token::left_in_organization(tx, organization).await?;
        if left.is_empty() {
            return Ok(true);
        }
        if !sweep(tx, &left, room).await? {
            return Ok(false);
        }
    }
}
async fn sweep(tx: &mut Tx, tokens: &[Id<PersonalToken>], room: &mut Room) -> portcullis_store::Result<bool> {
    for id in tokens {
        if !take_everywhere(tx, Bearer::Pat(id.uuid()), room).await? || !room.one() {
            return Ok(false);
        }
        personal_token::delete(tx, *id).await?;
    }
    Ok(true)
}
async fn next(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<Id<PersonalToken>>> {
    personal_token::next_revoked(tx).await
}
async fn remove(tx: &mut Tx, id: &Id<PersonalToken>) -> portcullis_store::Result<()> {
    let mut room = Room::STEP;
    sweep(tx, &[*id], &mut room).await?;
    tx.bump().await?;
    Ok(())
}
