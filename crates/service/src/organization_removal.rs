//! The end of an organization: its row goes first, so that nothing in it counts from then on; then, in small steps, all that
//! was in it (engine.md 18). What a call leaves behind, since it is too much or the server stopped, the worker removes.
//!
//! The same steps take what a deleted user held.
use portcullis_domain::organization::Organization;
use portcullis_domain::preference::Whose;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::{Ctx, Id, Result};
use portcullis_store::access_change::Kind;
use portcullis_store::{
    Tx, access_role, group, invitation, kyc, organization, organization_domain, organization_removal, preference,
    project, service_user,
};
use uuid::Uuid;

use crate::app::Scribe;
use crate::holder::{Room, take_everywhere, take_on, take_role};
use crate::organization::{current, on};
use crate::personal_token_end::{sweep_organization, sweep_user};
use crate::{App, group as groups, project as projects, service_user as machines};

/// A call does so many steps itself before it leaves the rest to the worker.
const AT_ONCE: usize = 50;

impl App {
    /// Deletes an organization with its projects and their resources, its groups, its service users, its roles, and every binding on any of them.
    pub async fn delete_organization(&self, cx: &Ctx, which: String) -> Result<()> {
        let found = self.find_organization(cx, &which, "app_organization_delete").await?;
        let gate = on(&found, "app_organization_delete");
        let command = async { Ok(Delete { id: found.id, scribe: self.scribe(cx) }) };
        self.apply(cx, gate, command, delete).await?;
        for _ in 0..AT_ONCE {
            match self.remove_step(cx, found.id).await {
                Ok(false) => {}
                Ok(true) => break,
                // it is deleted, whatever comes now
                Err(e) => {
                    tracing::warn!(error = ?e, organization = %found.id, "the rest of an organization is left to the worker");
                    break;
                }
            }
        }
        Ok(())
    }
    /// One step for an organization that is gone; true when nothing is left of it.
    async fn remove_step(&self, cx: &Ctx, id: Id<Organization>) -> Result<bool> {
        let step = Step { id, scribe: self.scribe(cx) };
        let done = self.0.db.write_bulk(cx.clone(), step, step_of_organization).await?;
        // each step is few enough changes for the graph to take them up one by one
        self.snapshot(cx).await?;
        Ok(done)
    }
    /// One step of what is left to be removed in a tenant, for the worker; true while there may be more.
    pub(crate) async fn remove_left_overs(&self, cx: &Ctx) -> Result<bool> {
        let Some(id) = self.0.db.read(cx.clone(), &(), next).await? else { return Ok(false) };
        self.remove_step(cx, id).await?;
        Ok(true)
    }
    /// Takes everything that somebody held who is deleted, on whatever it was.
    pub(crate) async fn take_from_deleted(&self, cx: &Ctx, who: Bearer) -> Result<()> {
        while !self.0.db.write_bulk(cx.clone(), who, step_of_bearer).await? {
            self.snapshot(cx).await?;
        }
        Ok(())
    }
}

pub(crate) struct Delete {
    pub id: Id<Organization>,
    pub scribe: Scribe,
}
pub(crate) async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let organization = current(tx, c.id).await?;
    organization::delete(tx, c.id).await?;
    tx.touch(Kind::Organization, c.id.uuid());
    organization_removal::add(tx, c.id).await?;
    preference::delete_of(tx, Whose::Organization(c.id)).await?;
    kyc::delete(tx, c.id).await?;
    let event = c.scribe.event("organization.deleted", "organization", c.id).with("name", &*organization.name);
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}

struct Step {
    id: Id<Organization>,
    scribe: Scribe,
}
async fn step_of_organization(tx: &mut Tx, c: &Step) -> portcullis_store::Result<bool> {
    let mut room = Room::STEP;
    let done = sweep(tx, c, &mut room).await?;
    if done {
        organization_removal::done(tx, c.id).await?;
    }
    tx.bump().await?;
    Ok(done)
}
/// Removes what is left, as far as the room goes; true when nothing is.
async fn sweep(tx: &mut Tx, c: &Step, room: &mut Room) -> portcullis_store::Result<bool> {
    if !take_on(tx, c.id.uuid(), room).await? {
        return Ok(false);
    }
    if !sweep_organization(tx, c.id, room).await? || !forget_preferences(tx, c.id, room).await? {
        return Ok(false);
    }
    // the first one each time: the one before is gone
    while let Some(p) = project::in_organization(tx, c.id, Uuid::nil()).await?.into_iter().next() {
        if !projects::empty(tx, p.id, room).await? || !room.one() {
            return Ok(false);
        }
        projects::remove(tx, &c.scribe, &p).await?;
    }
    while let Some(g) = group::in_scope(tx, Some(c.id), "").await?.into_iter().next() {
        let (object, bearer) = (g.id.uuid(), Bearer::Group(g.id.uuid()));
        if !take_on(tx, object, room).await? || !take_everywhere(tx, bearer, room).await? || !room.one() {
            return Ok(false);
        }
        groups::remove(tx, &c.scribe, &g).await?;
    }
    loop {
        let (invited, domains) =
            (invitation::in_organization(tx, c.id, "").await?, organization_domain::of(tx, c.id).await?);
        if invited.is_empty() && domains.is_empty() {
            break;
        }
        for i in invited {
            if !room.one() {
                return Ok(false);
            }
            invitation::delete(tx, i.id).await?;
        }
        for d in domains {
            if !room.one() {
                return Ok(false);
            }
            organization_domain::delete(tx, d.id).await?;
        }
    }
    while let Some(s) = service_user::in_scope(tx, Some(c.id), Uuid::nil()).await?.into_iter().next() {
        if !machines::empty(tx, s.id, room).await? || !room.one() {
            return Ok(false);
        }
        machines::remove(tx, &c.scribe, &s).await?;
    }
    while let Some(r) = access_role::in_scope(tx, Some(c.id), "").await?.into_iter().next() {
        if !take_role(tx, r.id, room).await? || !room.one() {
            return Ok(false);
        }
        access_role::delete(tx, r.id).await?;
        tx.touch(Kind::Role, r.id.uuid());
    }
    Ok(true)
}
/// Removes what people prefer in an organization that is gone; false when the room ended before.
async fn forget_preferences(
    tx: &mut Tx,
    organization: Id<Organization>,
    room: &mut Room,
) -> portcullis_store::Result<bool> {
    loop {
        let page = preference::scoped(tx, organization).await?;
        if page.is_empty() {
            return Ok(true);
        }
        for id in page {
            if !room.one() {
                return Ok(false);
            }
            preference::delete(tx, id).await?;
        }
    }
}
async fn next(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<Id<Organization>>> {
    organization_removal::next(tx).await
}

async fn step_of_bearer(tx: &mut Tx, who: &Bearer) -> portcullis_store::Result<bool> {
    let mut room = Room::STEP;
    let mut done = take_everywhere(tx, *who, &mut room).await?;
    if let (true, Bearer::User(user)) = (done, *who) {
        done = sweep_user(tx, Id::from_uuid(user), &mut room).await?;
    }
    if room.0 < Room::STEP.0 {
        tx.bump().await?;
    }
    Ok(done)
}
/// Takes what a user holds who is deleted in this transaction, but for what would make it too long. The caller moves the
/// revision.
pub(crate) async fn take_some(tx: &mut Tx, user: Id<User>) -> portcullis_store::Result<()> {
    let mut room = Room::STEP;
    take_everywhere(tx, Bearer::User(user.uuid()), &mut room).await.map(drop)
}
