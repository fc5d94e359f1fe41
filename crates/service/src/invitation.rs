//! Invitations into organizations: make, look at, withdraw (spec v1beta1 2.3.7, 3.11). Accepting one is in
//! `invitation_accept.rs`. Whether one has expired is read off it when it is looked at.
use portcullis_authz::graph::{Object, Permission};
use portcullis_domain::access_role::{AccessRole, ORGANIZATION_VIEWER};
use portcullis_domain::group::Group;
use portcullis_domain::invitation::{Invitation, LIFE_SECONDS};
use portcullis_domain::organization::Organization;
use portcullis_domain::preference::Whose;
use portcullis_domain::preference_trait::{INVITE_MAIL_BODY, INVITE_MAIL_SUBJECT, INVITE_WITH_ROLES};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::user::User;
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, invitation, organization, role_binding, user};
use serde_json::json;
use uuid::Uuid;

use crate::app::Scribe;
use crate::authorize::{Gate, bearer, maker};
use crate::holder::{bounded, no_such_role, same_role};
use crate::letter::Letter;
use crate::mail::Post;
use crate::organization::{current, on, shown_outside};
use crate::organization_member::fits;
use crate::user::UserRef;
use crate::{Answer, App, Reply, group as groups};

/// Invitations to make: to each address the same.
#[derive(Clone, Debug)]
pub struct NewInvitations {
    /// Whom.
    pub emails: Vec<Email>,
    /// Groups of the organization, by id.
    pub groups: Vec<String>,
    /// Roles on the organization, by id; nobody is given them unless the platform's `invite_with_roles` is on.
    pub roles: Vec<String>,
}
impl NewInvitations {
    /// So many groups, and so many roles, are in one invitation.
    pub const MOST: usize = 20;
}

/// Invitations with the organizations that they are into.
#[derive(Clone, Debug)]
pub struct MyInvitations {
    /// The open ones.
    pub invitations: Vec<Invitation>,
    /// Each once.
    pub organizations: Vec<Organization>,
}

pub(crate) const CREATE: &str = "app_organization_invitationcreate";

impl App {
    /// Invites people: all of them or nobody. Whoever is invited already keeps that invitation and its end; what it gives is
    /// what was asked last. Nobody gives more than they have, but for the least kind of membership: that is what inviting is.
    pub async fn invite(
        &self,
        cx: &Ctx,
        which: String,
        new: Result<NewInvitations>,
        reply: Reply<Vec<Invitation>>,
    ) -> Result<Answer> {
        let organization = self.find_organization(cx, &which, CREATE).await?;
        let named = match &new {
            // the platform may want that everybody begins as the least kind of member (spec v1beta1 3.11)
            Ok(n) if !n.roles.is_empty() && self.is_on(cx, &INVITE_WITH_ROLES).await? => n.roles.clone(),
            _ => vec![],
        };
        let (mut roles, mut gives) = (vec![], vec![]);
        for id in named.iter().take(NewInvitations::MOST) {
            let role = self.named_role(cx, id, Some(organization.id)).await?;
            if role.as_ref().is_some_and(|r| r.id != ORGANIZATION_VIEWER.id()) {
                gives.extend(self.given_by(cx, role.as_ref()).await?);
            }
            roles.push(role);
        }
        let mut gate = on(&organization, CREATE).giving(gives);
        if new.as_ref().is_ok_and(|n| !n.groups.is_empty()) {
            // what is needed on the groups is asked beside the gate
            gate = gate.once();
        }
        let command = async {
            let new = new?;
            let roles = given(roles, organization.id)?;
            let groups = self.groups_to_give(cx, &organization, &new.groups).await?;
            let invitation = |email| Invitation {
                id: self.id(cx),
                organization_id: organization.id,
                email,
                groups: groups.clone(),
                roles: roles.iter().map(|r| r.id).collect(),
                inviter: maker(&cx.principal),
                created_at: cx.now,
                expires_at: cx.now.plus_seconds(LIFE_SECONDS),
            };
            let mut invitations: Vec<Invitation> = vec![];
            for email in new.emails {
                if !invitations.iter().any(|i| i.email == email) {
                    invitations.push(invitation(email));
                }
            }
            let words = self.words(cx).await?;
            Ok(Invite { organization: organization.id, invitations, roles, words, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, invite).await
    }
    /// What an invitation's mail says on this platform; `None` where no mail is sent.
    async fn words(&self, cx: &Ctx) -> Result<Option<Words>> {
        let Some(post) = self.post(cx).await? else { return Ok(None) };
        let subject = self.preference(cx, Whose::Platform, &INVITE_MAIL_SUBJECT).await?;
        let body = self.preference(cx, Whose::Platform, &INVITE_MAIL_BODY).await?;
        Ok(Some(Words { post, subject, body }))
    }
    /// One invitation: for whom it names, and for who may invite or list.
    pub async fn get_invitation(&self, cx: &Ctx, which: String, id: &str) -> Result<Invitation> {
        let found = self.find_invitation(cx, &which, id, GET).await?;
        self.allow(cx, &about(cx, &found, GET)).await?;
        Ok(found)
    }
    /// Withdraws an invitation, or declines it: whom it names, and who may invite.
    pub async fn delete_invitation(&self, cx: &Ctx, which: String, id: &str) -> Result<()> {
        let found = self.find_invitation(cx, &which, id, DELETE).await?;
        let gate = about(cx, &found, DELETE);
        let command = async { Ok(Delete { id: found.id, scribe: self.scribe(cx) }) };
        self.apply(cx, gate, command, delete).await
    }
    /// The open invitations into an organization; to one address or user only, if it is named.
    pub async fn list_organization_invitations(&self, cx: &Ctx, which: String, to: &str) -> Result<Vec<Invitation>> {
        let organization = self.organization_for(cx, &which, "app_organization_invitationlist").await?.id;
        let to = match (to, Email::parse(to), to.parse()) {
            ("", ..) => None,
            (_, Ok(email), _) => Some(email),
            (.., Ok(id)) => match self.find_user(cx, &UserRef::Id(id)).await? {
                Some(user) => Some(user.email),
                None => return Ok(vec![]),
            },
            _ => return Ok(vec![]),
        };
        let all = self.0.db.scan(cx.clone(), List { organization, to }, list).await?;
        bounded(all.len())?;
        Ok(all.into_iter().filter(|i| i.is_open(cx.now)).collect())
    }
    /// The open invitations to a user, or to an address that nobody has yet. Superusers.
    pub async fn list_invitations_to(&self, cx: &Ctx, which: Result<UserRef>) -> Result<Vec<Invitation>> {
        self.allow(cx, &Gate::superuser("users:read")).await?;
        let email = match which? {
            UserRef::Email(email) => email,
            other => self.find_user(cx, &other).await?.ok_or_else(|| Error::not_found("user"))?.email,
        };
        Ok(self.invitations_to(cx, email).await?.invitations)
    }
    /// The open invitations to the caller. Who has not proved the address has none (decision 7).
    pub async fn list_my_invitations(&self, cx: &Ctx) -> Result<MyInvitations> {
        self.allow(cx, &Gate::anyone("invitations:list")).await?;
        match &cx.principal.email {
            // a token accepts none
            Some(email) if cx.principal.email_verified && cx.principal.himself().is_some() => {
                self.invitations_to(cx, email.clone()).await
            }
            _ => Ok(MyInvitations { invitations: vec![], organizations: vec![] }),
        }
    }
    async fn invitations_to(&self, cx: &Ctx, email: Email) -> Result<MyInvitations> {
        let all = self.0.db.scan(cx.clone(), email, list_to).await?;
        bounded(all.len())?;
        let mut mine = MyInvitations { invitations: vec![], organizations: vec![] };
        for (invitation, organization) in all {
            if invitation.is_open(cx.now) && organization.state.is_enabled() {
                mine.invitations.push(invitation);
                mine.organizations.push(shown_outside(organization));
            }
        }
        Ok(mine)
    }

    /// An invitation of an organization that the caller has yet to be allowed to look at.
    pub(crate) async fn find_invitation(
        &self,
        cx: &Ctx,
        which: &String,
        id: &str,
        action: &'static str,
    ) -> Result<Invitation> {
        let organization = self.find_organization(cx, which, action).await?.id;
        let found = match id.parse() {
            Ok(id) => self.0.db.read(cx.clone(), &id, by_id).await?,
            Err(_) => None,
        };
        found.filter(|i| i.organization_id == organization).ok_or_else(|| self.missing(cx, action, "invitation"))
    }
    /// Groups of the organization that the caller may put people in: what it takes for that, each time.
    async fn groups_to_give(&self, cx: &Ctx, into: &Organization, ids: &[String]) -> Result<Vec<Id<Group>>> {
        let mut out: Vec<Id<Group>> = vec![];
        for id in ids {
            let found = self.0.db.read(cx.clone(), id, crate::lookup::group).await?;
            let here = found.filter(|g| g.organization_id == Some(into.id) && g.state.is_enabled());
            let group = here.ok_or_else(|| Error::not_found("group"))?;
            self.may_add_to_group(cx, &group).await?;
            if !out.contains(&group.id) {
                out.push(group.id);
            }
        }
        Ok(out)
    }
}

const GET: &str = "app_invitation_get";
const DELETE: &str = "app_invitation_delete";

/// What it takes to do this to an invitation (spec v1beta1 5.4).
pub(crate) fn about(cx: &Ctx, i: &Invitation, action: &'static str) -> Gate {
    let p = &cx.principal;
    let named = p.email_verified && p.email.as_ref() == Some(&i.email);
    let addressee = bearer(p).filter(|_| named);
    let object = Object::Invitation { organization: i.organization_id.uuid(), addressee };
    let verb = action.rsplit('_').next().unwrap_or_default();
    let gate = Gate::on(object, action);
    let target = gate.target.clone();
    gate.needing(Permission::new("app/invitation", verb), target)
}

/// Roles that may be given on this organization, each once.
fn given(roles: Vec<Option<AccessRole>>, organization: Id<Organization>) -> Result<Vec<AccessRole>> {
    let mut out: Vec<AccessRole> = vec![];
    for role in roles {
        let role = role.ok_or_else(no_such_role)?;
        fits(&role, organization)?;
        if !out.iter().any(|r| r.id == role.id) {
            out.push(role);
        }
    }
    Ok(out)
}

/// The mail of an invitation (spec v1beta1 3.11).
struct Words {
    post: Post,
    subject: String,
    body: String,
}
impl Words {
    /// Tells them, each time that they are invited.
    async fn write(
        &self,
        tx: &mut Tx,
        to: Option<Id<User>>,
        into: &Organization,
        i: &Invitation,
    ) -> portcullis_store::Result<()> {
        self.post.count_invitation(tx, &i.email).await?;
        let (organization, invitation) = (into.id.to_string(), i.id.to_string());
        let title = if into.title.is_empty() { &*into.name } else { &into.title };
        let names = [
            ("UserID", &*i.email),
            ("Organization", title),
            ("OrganizationID", &organization),
            ("InviteID", &invitation),
        ];
        let letter = Letter::organization_invitation(&self.subject, &self.body, &names);
        self.post.write(tx, to, &i.email, &letter).await
    }
}

struct Invite {
    organization: Id<Organization>,
    invitations: Vec<Invitation>,
    roles: Vec<AccessRole>,
    /// Without it nobody is told.
    words: Option<Words>,
    scribe: Scribe,
}
async fn invite(tx: &mut Tx, c: &Invite) -> portcullis_store::Result<Vec<Invitation>> {
    let organization = current(tx, c.organization).await?;
    for role in &c.roles {
        same_role(tx, role).await?;
    }
    if let Some(i) = c.invitations.first() {
        for group in &i.groups {
            groups::enabled(groups::present(tx, *group).await?)?;
        }
    }
    let mut out = Vec::with_capacity(c.invitations.len());
    for new in &c.invitations {
        out.push(invite_one(tx, c, &organization, new).await?);
    }
    Ok(out)
}
async fn invite_one(
    tx: &mut Tx,
    c: &Invite,
    organization: &Organization,
    new: &Invitation,
) -> portcullis_store::Result<Invitation> {
    let known = user::facts_by_email(tx, &new.email).await?;
    if let Some(user) = &known
        && !role_binding::held_on(tx, Bearer::User(user.id.uuid()), organization.id.uuid()).await?.is_empty()
    {
        let e = Error::new(Code::AlreadyExists, "principal is already a member of the resource");
        return Err(e.detail("field", "user_ids").into());
    }
    let before = invitation::of(tx, organization.id, &new.email).await?;
    let made = match &before {
        Some(old) if old.is_open(tx.cx.now) => {
            let (groups, roles) = (new.groups.clone(), new.roles.clone());
            Invitation { groups, roles, inviter: new.inviter, ..old.clone() }
        }
        _ => new.clone(),
    };
    if let Some(words) = &c.words {
        words.write(tx, known.map(|u| u.id), organization, &made).await?;
    }
    match &before {
        Some(old) if old.is_open(tx.cx.now) => {
            if made == *old {
                return Ok(made);
            }
            invitation::update(tx, &made).await?;
        }
        expired => {
            if let Some(old) = expired {
                invitation::delete(tx, old.id).await?;
            }
            invitation::insert(tx, new).await?;
        }
    }
    // who may read the organization's log learns from it nothing of who has an account
    let event = event(&c.scribe, "organization.invited", &made).with("role_ids", json!(made.roles));
    c.scribe.write(tx, event.with("group_ids", json!(made.groups)));
    Ok(made)
}

/// An address may be that of somebody who is in no list of users, and whom no erasure will ever name: it does not enter.
fn event(scribe: &Scribe, action: &'static str, i: &Invitation) -> portcullis_domain::audit::Event {
    scribe.event(action, "organization", i.organization_id).with("invitation_id", i.id.to_string())
}

struct Delete {
    id: Id<Invitation>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let Some(i) = invitation::by_id(tx, c.id).await? else { return Err(Error::not_found("invitation").into()) };
    invitation::delete(tx, i.id).await?;
    c.scribe.write(tx, event(&c.scribe, "organization.invitation_deleted", &i));
    Ok(())
}

async fn by_id(tx: &mut Tx, id: &Id<Invitation>) -> portcullis_store::Result<Option<Invitation>> {
    invitation::by_id(tx, *id).await
}

struct List {
    organization: Id<Organization>,
    /// `None`: to anybody.
    to: Option<Email>,
}
async fn list(tx: &mut Tx, l: &List) -> portcullis_store::Result<Vec<Invitation>> {
    if let Some(email) = &l.to {
        return Ok(invitation::of(tx, l.organization, email).await?.into_iter().collect());
    }
    let (mut out, mut after): (Vec<Invitation>, _) = (vec![], String::new());
    loop {
        let page = invitation::in_organization(tx, l.organization, &after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.email.to_string();
        out.extend(page);
        if bounded(out.len()).is_err() {
            return Ok(out);
        }
    }
}
async fn list_to(tx: &mut Tx, email: &Email) -> portcullis_store::Result<Vec<(Invitation, Organization)>> {
    let (mut out, mut after) = (vec![], Uuid::nil());
    loop {
        let page = invitation::addressed_to(tx, email, after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.organization_id.uuid();
        for invitation in page {
            // one that is being removed is gone already
            if let Some(o) = organization::by_id(tx, invitation.organization_id).await? {
                out.push((invitation, o));
            }
        }
        if bounded(out.len()).is_err() {
            return Ok(out);
        }
    }
}
