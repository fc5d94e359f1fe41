//! What the caller of an import may do with each of its rows, on one revision of the tenant, and whether it may invite.
//!
//! Rules speak of single users and of what a row asks for, so each row is asked for as the call for one user would be; but only
//! where a rule could have a say: an import of a million rows under no such rule is decided once a batch.
use std::sync::Arc;

use portcullis_authz::{Layer, Reach, Target};
use portcullis_domain::api_key::Scopes;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Credential, Ctx, Error, Principal, Result, Role, Roles};

use crate::App;
use crate::authorize::{Asked, decide, forbidden};
use crate::tenancy::Compiled;
use crate::user::target;
use crate::user_create::words;

/// What it takes to send invitations besides.
const INVITE: &str = "users:invite";

/// An import runs for minutes: this is asked for anew with every batch, and the batch commits on its revision only.
pub(crate) struct Right {
    pub revision: i64,
    /// The caller as of that revision.
    pub cx: Ctx,
    /// The same with every scope: `users:import` makes users without `users:create`, but not past the rules about that.
    unscoped: Ctx,
    compiled: Arc<Compiled>,
    ruled: Ruled,
    // what holds for rows that no rule speaks of
    grantable: Roles,
    may_update: bool,
    shows_ids: bool,
}
/// Which actions could a rule have a say on?
struct Ruled {
    create: bool,
    update: bool,
    grant: bool,
    read: bool,
}

impl App {
    /// Who is importing as of now, and what they may do. A refusal: they may import no more.
    pub(crate) async fn import_right(&self, cx: &Ctx) -> Result<Right> {
        let (cx, allowed) = self.still_may(cx, "users:import").await?;
        // A newer one than the import was allowed on is refused at commit.
        let compiled = self.snapshot(&cx).await?;
        let could = |action: &str| compiled.snapshot.could_match(action);
        let ruled = Ruled {
            create: could("users:create"),
            update: could("users:update"),
            grant: could("roles:grant"),
            read: could("users:read"),
        };
        let ask = |action: &str, role: Option<&str>| {
            let d = decide(&compiled, &cx, action, &Target::tenant(), &Asked::default(), role);
            d.allowed && d.reach == Reach::All
        };
        let grantable = Role::PUBLIC.into_iter().filter(|r| ask("roles:grant", Some(r.as_str()))).collect();
        let (may_update, shows_ids) = (ask("users:update", None), ask("users:read", None));
        let unscoped = with_every_scope(&cx);
        Ok(Right { revision: allowed.revision, cx, unscoped, compiled, ruled, grantable, may_update, shows_ids })
    }
    /// 403 for whom a rule lets invite some only: an import does not ask for each.
    pub(crate) async fn may_invite_all(&self, cx: &Ctx) -> Result<()> {
        match self.may(cx, INVITE, Target::tenant()).await?.reach {
            Reach::All => Ok(()),
            _ => Err(Error::new(Code::Forbidden, "You may not invite everybody: leave send_invites out.")
                .detail("action", INVITE)),
        }
    }
}

impl Right {
    /// May this user be made?
    pub fn create(&self, new: &User) -> Result<()> {
        let (tenant, asked) = (Target::tenant(), self.asked(new, true));
        if self.ruled.create {
            let d = decide(&self.compiled, &self.unscoped, "users:create", &tenant, &asked, None);
            if !d.allowed && d.layer == Layer::Rule {
                return Err(forbidden("users:create", &d));
            }
        }
        for role in new.roles.without(Role::User).iter() {
            self.grant(role, &tenant, &asked)?;
        }
        // what feeds policies is written only with users:update (decision 4)
        if new.metadata.contains_key("attributes")
            && let Err(e) = self.update_of(&tenant, &asked)
        {
            let e = Error::field("metadata.attributes", "This feeds policies: it needs the permission users:update.")
                .notices(e.notice_list().to_vec());
            return Err(e);
        }
        Ok(())
    }
    /// May this user be changed as the row wants, and each of these roles be given or taken?
    pub fn update(&self, user: &User, row: &User, names_roles: bool, roles: Roles) -> Result<()> {
        let (target, asked) = (target(Some(user)), self.asked(row, names_roles));
        self.update_of(&target, &asked)?;
        roles.iter().try_for_each(|role| self.grant(role, &target, &asked))
    }
    /// May the caller know of this user? Else a report does not say who has an address.
    pub fn shows(&self, user: &User) -> bool {
        match self.ruled.read {
            false => self.shows_ids,
            true => {
                decide(&self.compiled, &self.cx, "users:read", &target(Some(user)), &Asked::default(), None).allowed
            }
        }
    }
    fn update_of(&self, target: &Target<'_>, asked: &Asked) -> Result<()> {
        if !self.ruled.update {
            let no = || Error::new(Code::Forbidden, "Changing users needs the permission users:update.");
            return if self.may_update { Ok(()) } else { Err(no()) };
        }
        let d = decide(&self.compiled, &self.cx, "users:update", target, asked, None);
        if d.allowed && d.reach == Reach::All { Ok(()) } else { Err(forbidden("users:update", &d)) }
    }
    fn grant(&self, role: Role, target: &Target<'_>, asked: &Asked) -> Result<()> {
        let (may, notices) = match self.ruled.grant {
            false => (self.grantable.has(role), vec![]),
            true => {
                let d = decide(&self.compiled, &self.cx, "roles:grant", target, asked, Some(role.as_str()));
                (d.allowed, d.notice_strings())
            }
        };
        let no = || Error::new(Code::InvalidRoles, format!("You may not give or take the role {role}."));
        if may { Ok(()) } else { Err(no().notices(notices)) }
    }
    /// What rules may read of a row.
    fn asked(&self, row: &User, names_roles: bool) -> Asked {
        if !(self.ruled.create || self.ruled.update || self.ruled.grant) {
            return Asked::default();
        }
        Asked {
            roles: names_roles.then(|| words(row.roles).into_iter().map(str::to_owned).collect()),
            email_domain: Some(row.email.domain().to_owned()),
            auth_provider: Some(row.auth_provider.as_str().to_owned()),
        }
    }
}

fn with_every_scope(cx: &Ctx) -> Ctx {
    let Credential::ApiKey { id, owner, expires_at, .. } = &cx.principal.credential else { return cx.clone() };
    let credential = Credential::ApiKey { id: *id, owner: *owner, scopes: Scopes::all(), expires_at: *expires_at };
    Ctx { principal: Arc::new(Principal { credential, ..(*cx.principal).clone() }), ..cx.clone() }
}
