//! Personal access tokens: one's own, for one organization (spec v1beta1 2.3.16, 3.20). How they end with something else is in
//! `personal_token_end.rs`.
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use portcullis_authz::graph::{Object, expand};
use portcullis_crypto::token::{NewToken, Purpose, Raw};
use portcullis_domain::access_role::AccessRole;
use portcullis_domain::organization::Organization;
use portcullis_domain::personal_token::{PersonalToken, Reach, TokenScope, scopes};
use portcullis_domain::role_binding::{Bearer, RoleBinding};
use portcullis_domain::user::User;
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::access_change::Kind;
use portcullis_store::{Tx, organization, personal_token, project, role_binding, user};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access_role::RoleFilter;
use crate::app::Scribe;
use crate::authorize::{Gate, organization_disabled, person_only};
use crate::holder::{Room, active_user, bounded, same_role, take_everywhere};
use crate::organization::{current, on};
use crate::{Answer, App, Reply};

/// So many live tokens a person has in an organization at most (spec v1beta1 3.20).
const MOST_LIVE: usize = 50;
/// So many with those that ended by themselves, which stay until somebody deletes them.
const MOST: usize = 200;
/// A token names so many projects at most; one that is for more is for all.
const MOST_PROJECTS: usize = 90;
/// The longest life: 8,760 hours.
const LONGEST_SECONDS: i64 = 8_760 * 3_600;
/// What a person needs to have tokens in an organization.
const GET: &str = "app_organization_get";

/// What a token shall be, as it was sent.
#[derive(Clone, Debug)]
pub struct TokenContent {
    /// 1–50 characters.
    pub title: String,
    /// Its roles.
    pub scopes: Vec<NewScope>,
    /// Free JSON.
    pub metadata: Map<String, Value>,
}
/// A role that a token shall have.
#[derive(Clone, Debug)]
pub struct NewScope {
    /// Which.
    pub role_id: String,
    /// `app/organization` or `app/project`; short names too.
    pub resource_type: String,
    /// Which projects; none are all.
    pub resource_ids: Vec<String>,
}

/// A token with what it may do.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The token.
    pub token: PersonalToken,
    /// Its roles.
    pub scopes: Vec<TokenScope>,
    /// Its secret, in the answer to the call that made it.
    pub secret: Option<Raw>,
}

/// A token with its user, for superusers.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The token.
    pub token: PersonalToken,
    /// Its user; `None`: they are being deleted.
    pub user: Option<User>,
}

impl App {
    /// Makes a token; its secret is in this answer only. Persons only, and who may look at the organization.
    pub async fn create_personal_token(
        &self,
        cx: &Ctx,
        which: String,
        new: Result<(TokenContent, Option<Timestamp>)>,
        reply: Reply<Shown>,
    ) -> Result<Answer> {
        let organization = self.find_organization(cx, &which, GET).await?;
        let command = async {
            let user = person(cx)?;
            self.tokens_enabled()?;
            let (content, expires_at) = new?;
            let expires_at = end(expires_at, cx.now)?;
            let made = Purpose::PersonalAccess.generate(&*self.0.random);
            let token = PersonalToken {
                id: self.id(cx),
                user_id: user,
                organization_id: organization.id,
                title: content.title,
                metadata: content.metadata,
                generation: 1,
                expires_at,
                used_at: None,
                regenerated_at: None,
                revoked_at: None,
                created_at: cx.now,
                updated_at: cx.now,
            };
            let rights = self.rights(cx, &token, content.scopes).await?;
            Ok(Insert { token, rights, made, scribe: self.scribe(cx) })
        };
        self.answer(cx, on(&organization, GET), command, reply, insert).await
    }
    /// One of one's own tokens.
    pub async fn get_personal_token(&self, cx: &Ctx, id: &str) -> Result<Shown> {
        self.own_token(cx, id, Gate::anyone("personal_tokens:read")).await.map(|(shown, _)| shown)
    }
    /// Replaces title, metadata and roles of one of one's own tokens.
    pub async fn update_personal_token(&self, cx: &Ctx, id: &str, content: Result<TokenContent>) -> Result<Shown> {
        const ACTION: &str = "personal_tokens:update";
        person(cx)?;
        let (before, _) = self.own_token(cx, id, Gate::anyone(ACTION)).await?;
        let command = async {
            let content = content?;
            let token = PersonalToken {
                title: content.title,
                metadata: content.metadata,
                updated_at: cx.now,
                ..before.token.clone()
            };
            let rights = self.rights(cx, &token, content.scopes).await?;
            Ok(Update { token, rights, scribe: self.scribe(cx) })
        };
        self.apply(cx, Gate::anyone(ACTION), command, update).await
    }
    /// Puts a new secret in the place of the old one, with a new end; one that ended by itself lives again.
    pub async fn regenerate_personal_token(
        &self,
        cx: &Ctx,
        id: &str,
        expires_at: Option<Timestamp>,
        reply: Reply<Shown>,
    ) -> Result<Answer> {
        const ACTION: &str = "personal_tokens:regenerate";
        person(cx)?;
        let (before, _) = self.own_token(cx, id, Gate::anyone(ACTION)).await?;
        let command = async {
            let expires_at = end(expires_at, cx.now)?;
            let made = Purpose::PersonalAccess.generate(&*self.0.random);
            Ok(Regenerate { id: before.token.id, expires_at, made, scribe: self.scribe(cx) })
        };
        self.answer(cx, Gate::anyone(ACTION), command, reply, regenerate).await
    }
    /// Ends one of one's own tokens, at once and for good.
    pub async fn delete_personal_token(&self, cx: &Ctx, id: &str) -> Result<()> {
        const ACTION: &str = "personal_tokens:delete";
        person(cx)?;
        let (before, _) = self.own_token(cx, id, Gate::anyone(ACTION)).await?;
        let command = async { Ok(Delete { id: before.token.id, scribe: self.scribe(cx) }) };
        self.apply(cx, Gate::anyone(ACTION), command, delete).await
    }
    /// All of one's own tokens in an organization, oldest first.
    pub async fn list_personal_tokens(&self, cx: &Ctx, which: String) -> Result<Vec<Shown>> {
        let organization = self.organization_for(cx, &which, GET).await?;
        self.tokens_enabled()?;
        let user = cx.principal.user_id().ok_or_else(person_only)?;
        self.0.db.scan(cx.clone(), (user, organization.id), own).await.map_err(Error::from)
    }
    /// Has one no token of this title in the organization yet?
    pub async fn is_token_title_free(&self, cx: &Ctx, which: String, title: Result<String>) -> Result<bool> {
        let organization = self.organization_for(cx, &which, GET).await?;
        self.tokens_enabled()?;
        let user = cx.principal.user_id().ok_or_else(person_only)?;
        let taken = self.0.db.read(cx.clone(), &(user, organization.id, title?), titled).await?;
        Ok(taken.is_none())
    }
    /// The platform-wide roles that a token may have on an organization or on projects.
    pub async fn list_roles_for_tokens(&self, cx: &Ctx, on: &[String]) -> Result<Vec<AccessRole>> {
        let scopes: Vec<String> = match on {
            [] => ["app/organization", "app/project"].map(str::to_owned).into(),
            words => words.iter().map(|w| expand(w)).collect(),
        };
        let roles = self.list_roles(cx, &RoleFilter { state: None, scopes: scopes.clone() }).await?;
        self.tokens_enabled()?;
        if scopes.iter().any(|s| !is_supported(s)) {
            return Err(wrong(UNSUPPORTED));
        }
        Ok(roles.into_iter().filter(|r| r.state.is_enabled() && !self.is_denied(r)).collect())
    }
    /// All tokens of an organization, whoever's, oldest first. Superusers only.
    pub async fn list_organization_tokens(&self, cx: &Ctx, which: String) -> Result<Vec<Owned>> {
        self.allow(cx, &Gate::superuser("personal_tokens:list")).await?;
        let organization = self.find_organization(cx, &which, "personal_tokens:list").await?;
        let all = self.0.db.scan(cx.clone(), organization.id, of_organization).await?;
        bounded(all.len())?;
        Ok(all)
    }
    /// What each of these tokens may do, for a page of [`App::list_organization_tokens`].
    pub async fn scopes_of_tokens(&self, cx: &Ctx, tokens: Vec<Id<PersonalToken>>) -> Result<Vec<Vec<TokenScope>>> {
        self.allow(cx, &Gate::superuser("personal_tokens:list")).await?;
        self.0.db.scan(cx.clone(), tokens, scopes_of).await.map_err(Error::from)
    }

    fn tokens_enabled(&self) -> Result<()> {
        if self.0.settings.personal_tokens.enabled {
            return Ok(());
        }
        Err(Error::new(Code::Conflict, "personal access tokens are not enabled").detail("state", "disabled"))
    }
    fn is_denied(&self, role: &AccessRole) -> bool {
        let denied = &self.0.settings.personal_tokens.denied_permissions;
        role.permissions.iter().any(|p| denied.contains(p))
    }
    /// One of the caller's own tokens in an organization that is enabled; another's is not there. A token looks at those of its
    /// own organization only.
    async fn own_token(&self, cx: &Ctx, id: &str, gate: Gate) -> Result<(Shown, Organization)> {
        self.allow(cx, &gate).await?;
        self.tokens_enabled()?;
        let found = match id.parse::<Id<PersonalToken>>() {
            Ok(id) => self.0.db.read(cx.clone(), &id, find).await?,
            Err(_) => None,
        };
        let seen = |token: &PersonalToken| match &cx.principal.credential {
            Credential::PersonalToken { organization, .. } => token.organization_id == *organization,
            _ => true,
        };
        let own = |token: &PersonalToken| cx.principal.user_id() == Some(token.user_id) && seen(token);
        let (shown, organization) = found.filter(|(shown, _)| own(&shown.token)).ok_or_else(not_found)?;
        if !organization.state.is_enabled() {
            return Err(organization_disabled());
        }
        Ok((shown, organization))
    }
    /// What a token shall be able to do, if it may be given that.
    async fn rights(&self, cx: &Ctx, token: &PersonalToken, asked: Vec<NewScope>) -> Result<Rights> {
        let compiled = self.snapshot(cx).await?;
        let graph = &compiled.access.graph;
        let mut rights = Rights { roles: vec![], scopes: vec![], bindings: vec![] };
        for new in asked {
            let on = expand(&new.resource_type);
            if !is_supported(&on) {
                return Err(wrong(UNSUPPORTED));
            }
            if rights.scopes.iter().any(|s: &TokenScope| s.reach.namespace() == on) {
                return Err(wrong("only one role per resource type is allowed"));
            }
            let ids = uuids(&new.resource_ids)?;
            let reach = match (&*on, ids.is_empty()) {
                ("app/project", true) => Reach::AllProjects,
                ("app/project", false) => Reach::Projects(ids),
                (_, _) if ids.iter().any(|id| *id != token.organization_id.uuid()) => {
                    return Err(wrong(
                        "An organization's role holds on the organization of the token, and nowhere else.",
                    ));
                }
                _ => Reach::Organization,
            };
            if let Reach::Projects(ids) = &reach {
                if ids.len() > MOST_PROJECTS {
                    return Err(wrong(format!("At most {MOST_PROJECTS} projects; without any the role holds on all.")));
                }
                let get = compiled.access.catalogue.get("app_project_get");
                let reached = |id: &Uuid| {
                    let inside = graph.project(*id).is_some_and(|p| p.organization == token.organization_id.uuid());
                    let object = Object::Project(*id);
                    inside && get.is_some_and(|p| graph.verdict(&cx.principal, p, object).holds() || superuser(cx))
                };
                if !ids.iter().all(reached) {
                    return Err(foreign_project());
                }
            }
            let role = self.named_role(cx, &new.role_id, Some(token.organization_id)).await?;
            let role = role.filter(|r| r.state.is_enabled());
            let role = role.ok_or_else(|| wrong("one or more requested roles do not exist"))?;
            if self.is_denied(&role) {
                return Err(wrong("one or more requested roles not permissible for personal access tokens"));
            }
            if !role.scopes.contains(&on) {
                return Err(wrong("role does not support the specified scope"));
            }
            let bindings =
                reach.bindings(token.organization_id).into_iter().map(|(namespace, object_id, relation)| RoleBinding {
                    id: self.id(cx),
                    role_id: role.id,
                    namespace: namespace.to_owned(),
                    object_id,
                    bearer: Bearer::Pat(token.id.uuid()),
                    relation,
                    title: String::new(),
                    metadata: Map::new(),
                    created_at: cx.now,
                    updated_at: cx.now,
                });
            rights.bindings.extend(bindings);
            rights.scopes.push(TokenScope { role_id: role.id, reach });
            rights.roles.push(role);
        }
        rights.scopes.sort_by_key(|s| s.reach.namespace());
        Ok(rights)
    }
}

/// The person who calls: nothing else makes, widens or prolongs a token, or a stolen one would never end.
fn person(cx: &Ctx) -> Result<Id<User>> {
    match (&cx.principal.credential, cx.principal.user_id()) {
        (Credential::Session { .. }, Some(user)) => Ok(user),
        (Credential::PersonalToken { .. }, _) => Err(blocked()),
        _ => Err(person_only()),
    }
}
/// What no personal access token may do (spec v1beta1 2.3, "no PAT").
pub fn blocked() -> Error {
    Error::new(Code::Forbidden, "this operation is not allowed with a personal access token")
}
fn superuser(cx: &Ctx) -> bool {
    crate::authorize::is_superuser(&cx.principal)
}
fn is_supported(namespace: &str) -> bool {
    matches!(namespace, "app/organization" | "app/project")
}
/// Each once.
fn uuids(texts: &[String]) -> Result<Vec<Uuid>> {
    let ids: Result<Vec<Uuid>, _> = texts.iter().map(|t| t.parse::<Id<PersonalToken>>().map(Id::uuid)).collect();
    let mut ids = ids.map_err(|_| wrong("resource ids are UUIDs"))?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
/// When a token shall end.
fn end(asked: Option<Timestamp>, now: Timestamp) -> Result<Timestamp> {
    let at = asked.ok_or_else(|| wrong("expires_at is required"))?;
    if at <= now {
        return Err(wrong("expiry must be in the future"));
    }
    if at > now.plus_seconds(LONGEST_SECONDS) {
        return Err(wrong("expiry exceeds maximum allowed lifetime"));
    }
    Ok(at)
}

const UNSUPPORTED: &str = "role scope is not supported for personal access tokens";
fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::InvalidInput, message)
}
fn foreign_project() -> Error {
    wrong("user does not have access to one or more specified projects")
}
fn not_found() -> Error {
    Error::new(Code::NotFound, "not found")
}
fn title_taken() -> Error {
    Error::new(Code::AlreadyExists, "personal access token with this name already exists").detail("field", "title")
}

/// What a token may do, ready to be written.
struct Rights {
    /// As the call was decided with them.
    roles: Vec<AccessRole>,
    scopes: Vec<TokenScope>,
    bindings: Vec<RoleBinding>,
}
/// Are roles and projects still what was looked at?
async fn same_rights(tx: &mut Tx, token: &PersonalToken, rights: &Rights) -> portcullis_store::Result<()> {
    for role in &rights.roles {
        same_role(tx, role).await?;
    }
    for scope in &rights.scopes {
        let Reach::Projects(ids) = &scope.reach else { continue };
        for id in ids {
            let found = project::by_id(tx, Id::from_uuid(*id)).await?;
            if found.is_none_or(|p| p.organization_id != token.organization_id) {
                return Err(foreign_project().into());
            }
        }
    }
    Ok(())
}
async fn give(tx: &mut Tx, rights: &Rights) -> portcullis_store::Result<()> {
    for binding in &rights.bindings {
        role_binding::insert(tx, binding).await?;
        tx.touch(Kind::Binding, binding.id.uuid());
    }
    Ok(())
}
/// The organization, if it is enabled.
async fn enabled(tx: &mut Tx, id: Id<Organization>) -> portcullis_store::Result<()> {
    if current(tx, id).await?.state.is_enabled() { Ok(()) } else { Err(organization_disabled().into()) }
}
/// The caller's own token as the transaction sees it.
async fn owned(tx: &mut Tx, id: Id<PersonalToken>) -> portcullis_store::Result<PersonalToken> {
    let me = tx.cx.principal.user_id();
    let found = personal_token::by_id(tx, id).await?;
    let found = found.filter(|t| Some(t.user_id) == me && t.revoked_at.is_none()).ok_or_else(not_found)?;
    enabled(tx, found.organization_id).await?;
    Ok(found)
}
/// Is there room for one more that lives?
fn room(others: &[PersonalToken], now: Timestamp) -> Result<()> {
    if others.len() < MOST && others.iter().filter(|t| t.is_live(now)).count() < MOST_LIVE {
        return Ok(());
    }
    Err(Error::new(Code::RateLimited, "maximum number of personal access tokens reached"))
}
fn said(scopes: &[TokenScope]) -> Value {
    let say = |s: &TokenScope| {
        let ids: &[Uuid] = if let Reach::Projects(ids) = &s.reach { ids } else { &[] };
        json!({ "role_id": s.role_id.to_string(), "resource_type": s.reach.namespace(), "resource_ids": ids })
    };
    scopes.iter().map(say).collect()
}

struct Insert {
    token: PersonalToken,
    rights: Rights,
    made: NewToken,
    scribe: Scribe,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<Shown> {
    let t = &c.token;
    enabled(tx, t.organization_id).await?;
    active_user(tx, t.user_id).await?;
    same_rights(tx, t, &c.rights).await?;
    if personal_token::titled(tx, t.user_id, t.organization_id, &t.title).await?.is_some() {
        return Err(title_taken().into());
    }
    room(&personal_token::of_user_in(tx, t.user_id, t.organization_id).await?, tx.cx.now)?;
    personal_token::insert(tx, t, c.made.hash.bytes()).await?;
    give(tx, &c.rights).await?;
    let event = c
        .scribe
        .event("pat.created", "pat", t.id)
        .change("title", Value::Null, t.title.as_str())
        .change("expires_at", Value::Null, t.expires_at.to_string())
        .change("scopes", Value::Null, said(&c.rights.scopes))
        .with("organization_id", t.organization_id.to_string())
        .with("user_id", t.user_id.to_string());
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(Shown { token: t.clone(), scopes: c.rights.scopes.clone(), secret: Some(c.made.raw.clone()) })
}

struct Update {
    /// As it shall be.
    token: PersonalToken,
    rights: Rights,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Shown> {
    let before = owned(tx, c.token.id).await?;
    same_rights(tx, &before, &c.rights).await?;
    let namesake = personal_token::titled(tx, before.user_id, before.organization_id, &c.token.title).await?;
    if namesake.is_some_and(|t| t.id != before.id) {
        return Err(title_taken().into());
    }
    let after = PersonalToken {
        title: c.token.title.clone(),
        metadata: c.token.metadata.clone(),
        updated_at: c.token.updated_at,
        ..before.clone()
    };
    personal_token::update(tx, &after).await?;
    let held = bindings(tx, before.id).await?;
    let event = c
        .scribe
        .event("pat.updated", "pat", before.id)
        .change("title", before.title.as_str(), after.title.as_str())
        .change("metadata", Value::Object(before.metadata), Value::Object(after.metadata.clone()))
        .change("scopes", said(&scopes(&held)), said(&c.rights.scopes))
        .with("organization_id", after.organization_id.to_string())
        .with("user_id", after.user_id.to_string());
    for b in &held {
        role_binding::delete(tx, b.id).await?;
        tx.touch(Kind::Binding, b.id.uuid());
    }
    give(tx, &c.rights).await?;
    c.scribe.write(tx, event);
    tx.bump().await?;
    Ok(Shown { token: after, scopes: c.rights.scopes.clone(), secret: None })
}

struct Regenerate {
    id: Id<PersonalToken>,
    expires_at: Timestamp,
    made: NewToken,
    scribe: Scribe,
}
async fn regenerate(tx: &mut Tx, c: &Regenerate) -> portcullis_store::Result<Shown> {
    let before = owned(tx, c.id).await?;
    let now = tx.cx.now;
    if !before.is_live(now) {
        let mut others = personal_token::of_user_in(tx, before.user_id, before.organization_id).await?;
        others.retain(|t| t.id != before.id);
        room(&others, now)?;
    }
    let after = PersonalToken {
        generation: before.generation + 1,
        expires_at: c.expires_at,
        regenerated_at: Some(now),
        updated_at: now,
        ..before.clone()
    };
    personal_token::regenerate(tx, &after, c.made.hash.bytes()).await?;
    let event = c
        .scribe
        .event("pat.regenerated", "pat", c.id)
        .change("expires_at", before.expires_at.to_string(), after.expires_at.to_string())
        .with("organization_id", after.organization_id.to_string())
        .with("user_id", after.user_id.to_string());
    c.scribe.write(tx, event);
    // the old secret is worth nothing from here on
    tx.bump().await?;
    let scopes = scopes(&bindings(tx, c.id).await?);
    Ok(Shown { token: after, scopes, secret: Some(c.made.raw.clone()) })
}

struct Delete {
    id: Id<PersonalToken>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let token = owned(tx, c.id).await?;
    let now = tx.cx.now;
    personal_token::revoke(tx, c.id, now).await?;
    let mut room = Room::STEP;
    take_everywhere(tx, Bearer::Pat(c.id.uuid()), &mut room).await?;
    c.scribe.write(tx, crate::personal_token_end::revoked(&c.scribe, &token, "deleted"));
    tx.bump().await?;
    Ok(())
}

/// What a token holds: fewer bindings than a page.
async fn bindings(tx: &mut Tx, id: Id<PersonalToken>) -> portcullis_store::Result<Vec<RoleBinding>> {
    let mut held = role_binding::held_by(tx, Bearer::Pat(id.uuid()), Uuid::nil()).await?;
    held.retain(|b| b.bearer == Bearer::Pat(id.uuid()));
    Ok(held)
}
async fn shown(tx: &mut Tx, token: PersonalToken) -> portcullis_store::Result<Shown> {
    let scopes = scopes(&bindings(tx, token.id).await?);
    Ok(Shown { token, scopes, secret: None })
}
async fn find(tx: &mut Tx, id: &Id<PersonalToken>) -> portcullis_store::Result<Option<(Shown, Organization)>> {
    let Some(token) = personal_token::by_id(tx, *id).await?.filter(|t| t.revoked_at.is_none()) else { return Ok(None) };
    let Some(organization) = organization::by_id(tx, token.organization_id).await? else { return Ok(None) };
    Ok(Some((shown(tx, token).await?, organization)))
}
async fn own(tx: &mut Tx, c: &(Id<User>, Id<Organization>)) -> portcullis_store::Result<Vec<Shown>> {
    let mut out = vec![];
    for token in personal_token::of_user_in(tx, c.0, c.1).await? {
        out.push(shown(tx, token).await?);
    }
    Ok(out)
}
async fn titled(
    tx: &mut Tx,
    (user, organization, title): &(Id<User>, Id<Organization>, String),
) -> portcullis_store::Result<Option<PersonalToken>> {
    personal_token::titled(tx, *user, *organization, title).await
}
async fn of_organization(tx: &mut Tx, organization: &Id<Organization>) -> portcullis_store::Result<Vec<Owned>> {
    let (mut out, mut after) = (vec![], Id::from_uuid(Uuid::nil()));
    let mut users: HashMap<Id<User>, Option<User>> = HashMap::new();
    loop {
        let page = personal_token::in_organization(tx, *organization, after).await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.id;
        for token in page {
            let user = match users.entry(token.user_id) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(new) => new.insert(user::facts(tx, token.user_id).await?).clone(),
            };
            out.push(Owned { token, user });
        }
        if bounded(out.len()).is_err() {
            return Ok(out);
        }
    }
}
async fn scopes_of(tx: &mut Tx, tokens: &Vec<Id<PersonalToken>>) -> portcullis_store::Result<Vec<Vec<TokenScope>>> {
    let mut out = Vec::with_capacity(tokens.len());
    for id in tokens {
        out.push(scopes(&bindings(tx, *id).await?));
    }
    Ok(out)
}
