//! The one place where a call is allowed or refused.
//!
//! A use case names its action, its target and what the body asks for; [`App::allow`] decides against the newest snapshot.
//! The decision's revision goes into the transaction, which refuses to commit if it moved (engine.md 15).
use std::borrow::Cow;
use std::sync::Arc;

use portcullis_authz::graph::{Disabled, Object, Permission};
pub(crate) use portcullis_authz::graph::{bearer, maker};
use portcullis_authz::{Decision, Facts, Layer, Reach, Request, Target};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::{Code, Credential, Ctx, Error, Principal, Result, Role, Roles, Subject};

use crate::App;
use crate::tenancy::Compiled;

/// What a body asks for, as far as rules may read it (`context.roles`, `email_domain`, `auth_provider`). Read leniently.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub roles: Option<Vec<String>>,
    pub email_domain: Option<String>,
    pub auth_provider: Option<String>,
}

/// What has to be allowed before something happens.
pub(crate) struct Gate {
    pub action: &'static str,
    pub target: Target<'static>,
    pub asked: Asked,
    /// Roles for each of which `roles:grant` is needed besides.
    pub grants: Roles,
    /// Roles that somebody gains or loses by the change although it does not name them: a group carries them (decision 18). For
    /// each of them `roles:grant` is needed too.
    pub carried: Roles,
    /// Further actions on the tenant that are needed besides.
    pub also: Vec<&'static str>,
    /// What is needed in the access graph, for actions that it decides.
    pub need: Option<Need>,
    /// Permissions that the change hands on: the caller must hold each on the object of `need` (nobody gives more than they
    /// have). Bindings count, rules do not: what somebody may do under a condition is not theirs to give for good.
    pub gives: Vec<String>,
    /// A service user that the change lets somebody act as: the caller must hold what it holds in its organization, by bindings.
    pub wields: Option<(uuid::Uuid, uuid::Uuid)>,
    /// What the graph and the rules are asked for instead of the action: a permission of the tenant's own.
    pub permission: Option<Permission>,
    /// Does what was found out on the way to the commit hold on any revision? If not, the caller is told to repeat the call
    /// when the revision moved in between.
    pub again: bool,
    /// Is it for a group or project that may be disabled? Whoever switches one on again, or is told that it is not found.
    pub asleep: bool,
}
impl Gate {
    pub fn new(action: &'static str, target: Target<'static>) -> Self {
        Self {
            action,
            target,
            asked: Asked::default(),
            grants: Roles::NONE,
            carried: Roles::NONE,
            also: vec![],
            need: None,
            permission: None,
            gives: vec![],
            wields: None,
            again: true,
            asleep: false,
        }
    }
    /// A permission on an object of the access graph.
    pub fn on(object: Object, permission: &'static str) -> Self {
        Self { need: Some(Need::On(object)), ..Self::new(permission, target(object)) }
    }
    /// What only superusers do.
    pub fn superuser(action: &'static str) -> Self {
        Self { need: Some(Need::Superuser), ..Self::new(action, Target::tenant()) }
    }
    /// What everybody does who is known.
    pub fn anyone(action: &'static str) -> Self {
        Self { need: Some(Need::Known), ..Self::new(action, Target::tenant()) }
    }
    /// Permissions that the change hands on.
    pub fn giving(mut self, permissions: Vec<String>) -> Self {
        self.gives = permissions;
        self
    }
    /// Roles that come or go with the change.
    pub const fn carrying(mut self, roles: Roles) -> Self {
        self.carried = roles;
        self
    }
    /// A service user that somebody can act as from then on.
    pub fn wielding(mut self, machine: &ServiceUser) -> Self {
        self.wields = machine.organization_id.map(|home| (machine.id.uuid(), home.uuid()));
        self
    }
    /// The object itself may be disabled.
    pub fn asleep(mut self) -> Self {
        self.asleep = true;
        self
    }
    /// Asks for this permission; the action only names the call.
    pub fn needing(mut self, permission: Permission, target: Target<'static>) -> Self {
        (self.permission, self.target) = (Some(permission), target);
        self
    }
    /// Something that is checked outside the gate stands on this revision only.
    pub fn once(mut self) -> Self {
        self.again = false;
        self
    }
}

/// What the access graph has to say (spec v1beta1 2.3, column Authz).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// A person or a machine, nothing more.
    Known,
    /// A superuser (decision 17).
    Superuser,
    /// The action, which is a permission's slug, on this object.
    On(Object),
}

/// The Cedar resource of an object.
fn target(object: Object) -> Target<'static> {
    match object {
        Object::Organization(id) => Target::resource("organization", id.to_string()),
        Object::Project(id) => Target::resource("project", id.to_string()),
        Object::Group(id) => Target::group(id),
        Object::ServiceUser { organization } | Object::Invitation { organization, .. } => {
            Target::resource("organization", organization.to_string())
        }
        Object::Resource { id, project, .. } => {
            Target::new_in_tenant("Resource", id.to_string()).within("Project", project.to_string())
        }
    }
}

/// Is the caller a superuser (decision 17)? An admin, unless through a key without every scope.
pub(crate) fn is_superuser(principal: &Principal) -> bool {
    let all = match &principal.credential {
        Credential::ApiKey { scopes, .. } => scopes.is_all(),
        Credential::Session { .. } | Credential::Service { .. } => true,
        Credential::PersonalToken { .. } => false,
        Credential::None => matches!(principal.subject, Subject::System),
    };
    all && (principal.is_service_key()
        || principal.roles.has(Role::Admin)
        || principal.is_owner
        || matches!(principal.subject, Subject::System))
}
/// A yes, and on which revision of the tenant it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub revision: i64,
    pub reach: Reach,
}

impl App {
    /// The newest snapshot of the caller's tenant.
    pub(crate) async fn snapshot(&self, cx: &Ctx) -> Result<Arc<Compiled>> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        self.compiled(&tenancy).await
    }
    /// Decides, and refuses with 403 `forbidden`, the action, and the notices of the rules that decided.
    pub(crate) async fn allow(&self, cx: &Ctx, gate: &Gate) -> Result<Allowed> {
        cx.principal.is_whole()?;
        let compiled = self.snapshot(cx).await?;
        if let Some(need) = gate.need {
            let allowed = self.allow_in_graph(cx, &compiled, gate, need)?;
            holds_what_it_gives(cx, &compiled, gate, need)?;
            may_carry(cx, &compiled, gate)?;
            holds_what_it_wields(cx, &compiled, gate)?;
            return Ok(allowed);
        }
        let d = decide(&compiled, cx, gate.action, &gate.target, &gate.asked, None);
        report(cx, &d);
        cx.notices.add(&d.notice_strings());
        if !d.allowed {
            return Err(forbidden(gate.action, &d));
        }
        for action in &gate.also {
            let d = decide(&compiled, cx, action, &Target::tenant(), &gate.asked, None);
            cx.notices.add(&d.notice_strings());
            if !d.allowed || d.reach != Reach::All {
                return Err(forbidden(action, &d));
            }
        }
        may_carry(cx, &compiled, gate)?;
        Ok(Allowed { revision: compiled.revision, reach: d.reach })
    }
    /// Rules first; where they are silent, the graph decides. A disabled organization is told only to who might otherwise.
    fn allow_in_graph(&self, cx: &Ctx, compiled: &Compiled, gate: &Gate, need: Need) -> Result<Allowed> {
        let action = gate.permission.as_ref().map_or(gate.action, |p| &p.slug);
        let d = decide(compiled, cx, action, &gate.target, &gate.asked, None);
        report(cx, &d);
        cx.notices.add(&d.notice_strings());
        let yes = Ok(Allowed { revision: compiled.revision, reach: Reach::All });
        let no = Err(forbidden(gate.action, &d));
        let superuser = is_superuser(&cx.principal);
        let graph = &compiled.access.graph;
        let permission = gate.permission.as_ref().or_else(|| compiled.access.catalogue.get(gate.action));
        // what a rule permits to somebody, their token may where it was given it
        let beyond = |object: Object| match permission {
            Some(p) => graph.given_to(&cx.principal, p, object).is_some_and(|v| v.via.is_none()),
            None => cx.principal.credential.is_personal_token(),
        };
        match (d.layer, need) {
            (Layer::Rule, _) if !d.allowed => no,
            (Layer::Rule, Need::On(object)) if beyond(object) => no,
            // no rule lifts what is disabled (decision 19)
            (Layer::Rule, Need::On(object)) => match graph.disabled(object) {
                Some(_) if superuser => yes,
                Some(Disabled::Organization) => Err(organization_disabled()),
                Some(Disabled::Group | Disabled::Project) if !gate.asleep => no,
                _ => yes,
            },
            (_, Need::Known) if superuser || bearer(&cx.principal).is_some() => yes,
            (_, Need::Superuser) if superuser => yes,
            (_, Need::On(object)) if !superuser => {
                let Some(permission) = permission else { return no };
                let verdict = graph.verdict(&cx.principal, permission, object);
                match (verdict.via, verdict.disabled) {
                    (Some(_), None) => yes,
                    (Some(_), Some(Disabled::Organization)) => Err(organization_disabled()),
                    (Some(_), Some(Disabled::Group | Disabled::Project)) if gate.asleep => yes,
                    _ => no,
                }
            }
            (_, Need::On(_)) => yes,
            _ => no,
        }
    }
    /// The same for reading one thing: whoever may read only his own learns nothing about what is not there.
    pub(crate) async fn may_read<T>(
        &self,
        cx: &Ctx,
        action: &'static str,
        target: Target<'static>,
        found: Option<T>,
        what: &'static str,
    ) -> Result<T> {
        let compiled = self.snapshot(cx).await?;
        let d = decide(&compiled, cx, action, &target, &Asked::default(), None);
        cx.notices.add(&d.notice_strings());
        match found {
            _ if !d.allowed => Err(forbidden(action, &d)),
            Some(thing) => Ok(thing),
            None if d.reach == Reach::All => Err(Error::not_found(what)),
            None => Err(forbidden(action, &d)),
        }
    }
    /// The same for a simple action.
    pub(crate) async fn may(&self, cx: &Ctx, action: &'static str, target: Target<'static>) -> Result<Allowed> {
        self.allow(cx, &Gate::new(action, target)).await
    }
    /// 422 `invalid_roles` unless the caller may give (or take) each of these roles.
    pub(crate) async fn may_grant(&self, cx: &Ctx, gate: &Gate) -> Result<()> {
        if gate.grants.is_empty() {
            return Ok(());
        }
        let compiled = self.snapshot(cx).await?;
        // rules about giving roles speak of users and of the tenant
        let tenant = Target::tenant();
        let target = if gate.target.as_user().is_some() { &gate.target } else { &tenant };
        let ask = |role: Role| decide(&compiled, cx, "roles:grant", target, &gate.asked, Some(role.as_str()));
        let refused: Vec<(Role, Decision)> =
            gate.grants.iter().map(|r| (r, ask(r))).filter(|(_, d)| !d.allowed).collect();
        if refused.is_empty() {
            return Ok(());
        }
        let roles: Vec<&str> = refused.iter().map(|(r, _)| r.as_str()).collect();
        let allowed: Vec<&str> =
            Role::PUBLIC.into_iter().filter(|r| *r == Role::User || ask(*r).allowed).map(Role::as_str).collect();
        let mut notices: Vec<String> = vec![];
        for n in refused.iter().flat_map(|(_, d)| d.notice_strings()) {
            if !notices.contains(&n) {
                notices.push(n);
            }
        }
        cx.notices.add(&notices);
        let which = if roles.len() == 1 { "the role" } else { "the roles" };
        Err(Error::new(Code::InvalidRoles, format!("You may not give {which} {}.", roles.join(", ")))
            .detail("roles", roles)
            .detail("allowed", allowed)
            .notices(notices))
    }
    /// Would this be allowed? For what an answer shows only to those who may know it.
    pub(crate) async fn would_allow(&self, cx: &Ctx, action: &'static str, target: &Target<'static>) -> bool {
        match self.snapshot(cx).await {
            Ok(compiled) => decide(&compiled, cx, action, target, &Asked::default(), None).allowed,
            Err(_) => false,
        }
    }
}

/// 403 unless the caller holds each permission that the change hands on; superusers hold everything.
fn holds_what_it_gives(cx: &Ctx, compiled: &Compiled, gate: &Gate, need: Need) -> Result<()> {
    let Need::On(object) = need else { return Ok(()) };
    if gate.gives.is_empty() || is_superuser(&cx.principal) {
        return Ok(());
    }
    let holds = |slug: &String| {
        let permission = compiled.access.catalogue.get(slug);
        permission.is_some_and(|p| compiled.access.graph.verdict(&cx.principal, p, object).holds())
    };
    let missing: Vec<&str> = gate.gives.iter().filter(|slug| !holds(slug)).map(String::as_str).collect();
    if missing.is_empty() { Ok(()) } else { Err(not_yours_to_give(gate, &missing)) }
}
fn not_yours_to_give(gate: &Gate, missing: &[&str]) -> Error {
    let message = format!("You cannot give what you do not hold here yourself: {}.", missing.join(", "));
    Error::new(Code::Forbidden, message).detail("action", gate.action).detail("permissions", missing)
}

const ADMINISTER: &str = "app_organization_administer";
/// What a service user holds is looked at only so far; of one that holds more, only administrators make credentials.
const MOST_LOOKS: usize = 10_000;

/// 403 unless the caller holds, in a service user's organization, all that it holds there: whoever makes a credential of it can act
/// as it. What other organizations gave it is theirs to give. To see their organization is what all service users may.
fn holds_what_it_wields(cx: &Ctx, compiled: &Compiled, gate: &Gate) -> Result<()> {
    let Some((machine, home)) = gate.wields else { return Ok(()) };
    if is_superuser(&cx.principal) {
        return Ok(());
    }
    let (access, machine, me) = (&compiled.access, Bearer::ServiceUser(machine), bearer(&cx.principal));
    let graph = &access.graph;
    let holds = |slug: &str, object: Object| {
        let (Some(me), Some(permission)) = (me, access.catalogue.get(slug)) else { return false };
        graph.check(me, None, permission, object).via.is_some()
    };
    // who administers the organization holds everything in it
    if holds(ADMINISTER, Object::Organization(home)) {
        return Ok(());
    }
    let mut looks = 0;
    let groups = graph.groups_of(machine).map(Bearer::Group);
    for (_, binding) in std::iter::once(machine).chain(groups).flat_map(|b| graph.bindings_of(b)) {
        let id = binding.object;
        let object = match (graph.organization(id), graph.project(id), graph.group(id)) {
            (Some(_), ..) if id == home => Object::Organization(id),
            (_, Some(p), _) if p.organization == home => Object::Project(id),
            (.., Some(g)) if g.organization == Some(home) => Object::Group(id),
            // a resource: the graph does not know where it lies
            (None, None, None) => return Err(not_yours_to_give(gate, &[ADMINISTER])),
            _ => continue,
        };
        for slug in graph.permissions_of(binding.role) {
            looks += 1;
            if looks > MOST_LOOKS {
                return Err(not_yours_to_give(gate, &[ADMINISTER]));
            }
            let counts = access.catalogue.get(slug).is_some_and(|p| graph.takes(p, object));
            let seen = slug == "app_organization_get" && object == Object::Organization(home);
            if counts && !seen && !holds(slug, object) {
                return Err(not_yours_to_give(gate, &[slug]));
            }
        }
    }
    Ok(())
}

/// 403 unless the caller may give each role that a group carries.
fn may_carry(cx: &Ctx, compiled: &Compiled, gate: &Gate) -> Result<()> {
    for role in gate.carried.iter() {
        let d = decide(compiled, cx, "roles:grant", &Target::tenant(), &gate.asked, Some(role.as_str()));
        cx.notices.add(&d.notice_strings());
        if !d.allowed {
            return Err(forbidden("roles:grant", &d).detail("role", role.as_str()));
        }
    }
    Ok(())
}

/// What Frontier's clients read of an organization that is switched off (spec v1beta1 3.2).
pub(crate) fn organization_disabled() -> Error {
    Error::new(Code::Conflict, "org is disabled. Please contact your administrator to enable it")
        .detail("state", "disabled")
}

pub(crate) fn decide(
    compiled: &Compiled,
    cx: &Ctx,
    action: &str,
    target: &Target<'_>,
    asked: &Asked,
    role: Option<&str>,
) -> Decision {
    let mut facts = Facts::of(cx);
    facts.roles = asked.roles.as_ref().map(|r| r.iter().map(String::as_str).collect());
    facts.email_domain = asked.email_domain.as_deref();
    facts.auth_provider = asked.auth_provider.as_deref();
    facts.role = role;
    if !compiled.snapshot.could_match(action) {
        return compiled.snapshot.decide(&Request::new(&cx.principal, action, target, &facts));
    }
    let (principal, graph) = (in_groups(compiled, &cx.principal), &compiled.access.graph);
    // a rule may speak of the groups of whom something is done to, and of the roles that a group carries (spec v1 6.1)
    let target = match (target.as_user().map(Bearer::User), target.as_group().and_then(|id| graph.group(id))) {
        (Some(user), _) => Cow::Owned(target.clone().in_groups(&counting(compiled, user), graph.mapped_roles(user))),
        (_, Some(group)) => Cow::Owned(target.clone().in_groups(&[], group.roles)),
        _ => Cow::Borrowed(target),
    };
    compiled.snapshot.decide(&Request::new(&principal, action, &target, &facts))
}

/// The groups of somebody that count (decision 19).
pub(crate) fn counting(compiled: &Compiled, who: Bearer) -> Vec<uuid::Uuid> {
    let graph = &compiled.access.graph;
    let counts = |id: &uuid::Uuid| {
        let above = graph.group(*id).and_then(|g| g.organization);
        above.is_none_or(|o| graph.organization(o).is_some_and(|o| o.enabled))
    };
    graph.groups_of(who).filter(counts).collect()
}

/// The caller with the groups that count, for rules that speak of them (decision 19).
fn in_groups<'a>(compiled: &Compiled, principal: &'a Principal) -> Cow<'a, Principal> {
    let bearer = match &principal.subject {
        Subject::User(id) => Bearer::User(id.uuid()),
        Subject::ServiceUser(id) => Bearer::ServiceUser(id.uuid()),
        Subject::Directory(_) | Subject::System | Subject::Anonymous => return Cow::Borrowed(principal),
    };
    let groups = counting(compiled, bearer);
    if groups.is_empty() {
        return Cow::Borrowed(principal);
    }
    Cow::Owned(Principal { groups: groups.into(), ..principal.clone() })
}

/// A rule that cannot be evaluated is the operator's business: a forbid among them denies.
fn report(cx: &Ctx, d: &Decision) {
    for e in &d.errors {
        tracing::warn!(tenant = %cx.tenant_id, rule = %e.rule_id, policy = %e.policy_id, error = %e.message, "a rule failed");
    }
}

/// The same refusal where nothing was decided, since there is nothing to decide on.
pub(crate) fn forbidden_unseen(action: &str) -> Error {
    forbidden(action, &Decision::nothing())
}

/// 403, with the action that was missing.
pub(crate) fn forbidden(action: &str, d: &Decision) -> Error {
    let (area, verb) = action.split_once(':').unwrap_or((action, "use"));
    let (area, verb) = (area.replace('_', " "), verb.replace('_', " "));
    let e = Error::new(Code::Forbidden, format!("You may not {verb} {area} here. This needs the permission {action}."))
        .detail("action", action)
        .notices(d.notice_strings());
    // other layers would tell what is there from what is not
    if d.layer == Layer::Rule { e.detail("layer", "rule") } else { e }
}

/// 403 for an operation that only a person may do.
pub(crate) fn person_only() -> Error {
    Error::new(Code::Forbidden, "Only a signed-in person may do this: use a session token instead of an API key.")
}
