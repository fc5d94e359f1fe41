//! Accepting an invitation: membership, roles and groups in one transaction, for whoever proved the address that it names.
use portcullis_authz::Layer;
use portcullis_authz::graph::Object;
use portcullis_domain::access_role::{AccessRole, GROUP_MEMBER, ORGANIZATION_VIEWER};
use portcullis_domain::context::Notices;
use portcullis_domain::invitation::Invitation;
use portcullis_domain::preference::Whose;
use portcullis_domain::preference_trait::INVITE_WITH_ROLES;
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, access_role, group, invitation, role_binding};
use serde_json::json;

use crate::app::Scribe;
use crate::authorize::{Asked, Gate, decide, forbidden_unseen};
use crate::change::moved;
use crate::holder::{Give, give_too};
use crate::invitation::{CREATE, about};
use crate::newcomer::{newcomer, proved};
use crate::organization::{NAMESPACE, current};
use crate::organization_member::{fits, join};
use crate::preference;
use crate::{Answer, App, Reply, lookup};

const ACCEPT: &str = "app_invitation_accept";

impl App {
    /// Makes the caller a member with what the invitation gives, and ends the invitation. Who is a member already keeps what
    /// they are, and gets the groups.
    pub async fn accept_invitation(&self, cx: &Ctx, which: String, id: &str, reply: Reply<()>) -> Result<Answer> {
        let found = self.find_invitation(cx, &which, id, ACCEPT).await?;
        // what its maker may is asked beside the gate
        let gate = about(cx, &found, ACCEPT).once();
        let command = async {
            let stands = self.could_still_give(cx, &found).await?;
            Ok(Accept { invitation: found, stands, user: newcomer(cx)?, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, accept).await
    }

    /// Could whoever made an invitation still make it what it is?
    async fn could_still_give(&self, cx: &Ctx, i: &Invitation) -> Result<bool> {
        let Some(inviter) = i.inviter else { return Ok(false) };
        let subject = format!("{}:{}", inviter.namespace(), inviter.id());
        let Some(who) = self.somebody(cx, &subject).await? else { return Ok(false) };
        // their notices are not the caller's
        let theirs = Ctx { notices: Notices::default(), ..who.cx };
        if who.superuser {
            // a rule binds them too
            let target = Gate::on(Object::Organization(i.organization_id.uuid()), CREATE).target;
            let d = decide(&*self.snapshot(cx).await?, &theirs, CREATE, &target, &Asked::default(), None);
            return Ok(d.layer != Layer::Rule || d.allowed);
        }
        match self.may_invite_to(&theirs, i).await {
            Ok(()) => Ok(true),
            Err(e) if e.code() == Code::Forbidden => Ok(false),
            Err(e) => Err(e),
        }
    }
    async fn may_invite_to(&self, cx: &Ctx, i: &Invitation) -> Result<()> {
        let mut gives = vec![];
        for role in i.roles.iter().filter(|r| **r != ORGANIZATION_VIEWER.id()) {
            let role = self.named_role(cx, &role.to_string(), Some(i.organization_id)).await?;
            gives.extend(self.given_by(cx, role.as_ref()).await?);
        }
        self.allow(cx, &Gate::on(Object::Organization(i.organization_id.uuid()), CREATE).giving(gives)).await?;
        for group in &i.groups {
            if let Some(group) = self.0.db.read(cx.clone(), &group.to_string(), lookup::group).await? {
                self.may_add_to_group(cx, &group).await?;
            }
        }
        Ok(())
    }
}

struct Accept {
    /// As it was when its maker's rights were looked at.
    invitation: Invitation,
    /// Could its maker still give what it gives?
    stands: bool,
    user: Id<User>,
    scribe: Scribe,
}
async fn accept(tx: &mut Tx, c: &Accept) -> portcullis_store::Result<()> {
    let Some(i) = invitation::by_id(tx, c.invitation.id).await? else {
        return Err(Error::not_found("invitation").into());
    };
    if i != c.invitation {
        return Err(moved().into());
    }
    // superusers may do much, but not accept what names somebody else
    if proved(tx, c.user).await?.as_ref() != Some(&i.email) {
        return Err(forbidden_unseen(ACCEPT).into());
    }
    if !i.is_open(tx.cx.now) {
        return Err(Error::new(Code::InvalidInput, "invitation expired").into());
    }
    let organization = current(tx, i.organization_id).await?.id;
    let roles = membership(tx, c, &i).await?;
    let groups = groups(tx, c, &i).await?;
    invitation::delete(tx, i.id).await?;
    let event = c
        .scribe
        .event("organization.accepted", "organization", organization)
        .with("invitation_id", i.id.to_string())
        .with("user_id", c.user.to_string())
        .with("role_ids", json!(roles))
        .with("group_ids", json!(groups));
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(())
}

/// The roles that they got: of those that were named, if its maker could still give them, the ones that are still there and may be
/// given; else the least.
async fn membership(tx: &mut Tx, c: &Accept, i: &Invitation) -> portcullis_store::Result<Vec<Id<AccessRole>>> {
    let (bearer, object) = (Bearer::User(c.user.uuid()), i.organization_id.uuid());
    if !role_binding::held_on(tx, bearer, object).await?.is_empty() {
        return Ok(vec![]);
    }
    let mut roles = vec![];
    // switched off meanwhile, invitations give no roles
    let gives = c.stands && preference::is_on(tx, Whose::Platform, &INVITE_WITH_ROLES).await?;
    for id in i.roles.iter().filter(|_| gives) {
        if access_role::by_id(tx, *id).await?.is_some_and(|r| fits(&r, i.organization_id).is_ok()) {
            roles.push(*id);
        }
    }
    if roles.is_empty() {
        roles.push(ORGANIZATION_VIEWER.id());
    }
    for (n, role) in roles.iter().copied().enumerate() {
        if n == 0 {
            join(tx, &c.scribe, i.organization_id, c.user, role).await?;
        } else {
            let also = Give { id: c.scribe.id(), role, namespace: NAMESPACE, object, bearer, now: tx.cx.now };
            give_too(tx, &also).await?;
        }
    }
    Ok(roles)
}

/// The groups that they are in now and were not before: those of the organization that are still there and enabled.
async fn groups(
    tx: &mut Tx,
    c: &Accept,
    i: &Invitation,
) -> portcullis_store::Result<Vec<Id<portcullis_domain::group::Group>>> {
    let (bearer, mut out) = (Bearer::User(c.user.uuid()), vec![]);
    for id in i.groups.iter().filter(|_| c.stands) {
        let found = group::by_id(tx, *id).await?;
        let counts = found.is_some_and(|g| g.organization_id == Some(i.organization_id) && g.state.is_enabled());
        if !counts || !role_binding::held_on(tx, bearer, id.uuid()).await?.is_empty() {
            continue;
        }
        let role = GROUP_MEMBER.id();
        let member =
            Give { id: c.scribe.id(), role, namespace: "app/group", object: id.uuid(), bearer, now: tx.cx.now };
        give_too(tx, &member).await?;
        let event = c.scribe.event("group.member_added", "group", *id).with("user_id", c.user.to_string());
        c.scribe.write(tx, event.with("role_id", role.to_string()));
        out.push(*id);
    }
    Ok(out)
}
