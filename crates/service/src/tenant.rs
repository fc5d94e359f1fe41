//! Tenants: made and administered by the master tenant.
use portcullis_authz::{Reach, Target};
use portcullis_crypto::seal::Key;
use portcullis_domain::branding::Template;
use portcullis_domain::meta_schema::{BUILT_IN, MetaSchema, built_in};
use portcullis_domain::policy::{AccessKind, ApprovalMode, Policy, Rule};
use portcullis_domain::tenant::{Tenant, TenantKey, TenantState};
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result, Role, Roles};
use portcullis_store::user::UserToken;
use portcullis_store::{Tx, access_role, directory, meta_schema, policy, tenant, user};
use serde_json::{Value, json};

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::mail::Post;
use crate::user_change::{record_update, require_revision};
use crate::user_create::{created, from_id};
use crate::{Answer, App, Page, PageRequest, Reply};

/// A tenant to make.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// 1–200 characters.
    pub name: String,
    /// Else made from the name.
    pub slug: Option<Slug>,
    /// Invited as owner.
    pub owner_email: Email,
    /// The owner's name.
    pub owner_name: Option<String>,
    /// BCP 47.
    pub locale: String,
    /// AWS access portal.
    pub sso_start_url: Option<String>,
    /// Its region.
    pub sso_region: Option<String>,
}

/// A made tenant, and the owner's invitation link when no mail is set up (decision 8).
#[derive(Clone, Debug)]
pub struct MadeTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Shown once.
    pub invitation_url: Option<String>,
}

/// A change of a tenant. `None` keeps; `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct TenantPatch {
    /// 1–200 characters.
    pub name: Option<String>,
    /// BCP 47.
    pub locale: Option<String>,
    /// Moves the ownership to an active admin. `tenants:transfer`.
    pub owner_user_id: Option<Id<User>>,
    /// Read-only: must equal the present one.
    pub owner_email: Option<String>,
    /// AWS access portal.
    pub sso_start_url: Option<Option<String>>,
    /// Its region.
    pub sso_region: Option<Option<String>>,
}

impl App {
    /// Makes a tenant with its owner and its `break-glass` policy. `tenants:create`, master tenant only.
    pub async fn create_tenant(&self, cx: &Ctx, new: Result<NewTenant>, reply: Reply<MadeTenant>) -> Result<Answer> {
        let gate = Gate::new("tenants:create", Target::tenant());
        let command = async {
            let mut rows = self.new_tenant(cx, new?, None)?;
            if self.sends_mail() {
                rows.post = Some(self.post_of(rows.tenant.name.clone(), rows.key.clone()));
            }
            Ok(rows)
        };
        self.answer(cx, gate, command, reply, insert).await
    }
    /// Everything that a new tenant begins with. With a password hash the owner may sign in at once; else they are invited.
    pub(crate) fn new_tenant(&self, cx: &Ctx, new: NewTenant, password_hash: Option<String>) -> Result<NewTenantRows> {
        let id: Id<Tenant> = self.id(cx);
        let key = Key::generate(&*self.0.random);
        let data_key = self.sealing()?.wrap(id.uuid().as_bytes(), &key, &*self.0.random);
        let (invitation_url, token) = self.invitation(cx);
        let invited = password_hash.is_none();
        let owner_id = self.id(cx);
        let owner = User {
            id: owner_id,
            slug: from_id(owner_id),
            title: new.owner_name.clone().unwrap_or_else(|| new.owner_email.local().to_owned()),
            email: new.owner_email.clone(),
            auth_provider: AuthProvider::Local,
            identity_provider_id: None,
            state: if invited { UserState::Invited } else { UserState::Active },
            email_verified: false,
            roles: Roles::NONE.with(Role::User).with(Role::Admin),
            is_owner: true,
            avatar: None,
            external_id: None,
            manager_id: None,
            metadata: serde_json::Map::new(),
            first_name: None,
            last_name: None,
            display_name: None,
            last_login_at: None,
            mfa_enrolled: false,
            created_at: cx.now,
            updated_at: cx.now,
            revision: 1,
        };
        let slug_sent = new.slug.is_some();
        let slug = new.slug.unwrap_or_else(|| Slug::tenant_from_name(&new.name));
        let tenant = Tenant {
            key: TenantKey(0),
            id,
            name: new.name,
            slug,
            locale: new.locale,
            is_master: false,
            state: TenantState::Active,
            owner_user_id: Some(owner.id),
            owner_email: Some(owner.email.to_string()),
            primary_domain: None,
            sso_start_url: new.sso_start_url,
            sso_region: new.sso_region,
            created_at: cx.now,
            updated_at: cx.now,
            revision: 1,
        };
        let (break_glass, rule) = self.break_glass(cx);
        let schemas = BUILT_IN
            .into_iter()
            .map(|name| MetaSchema {
                id: self.id(cx),
                name: Slug::stored(name),
                schema: built_in(name),
                created_at: cx.now,
                updated_at: cx.now,
            })
            .collect();
        Ok(NewTenantRows {
            tenant,
            slug_sent,
            key,
            data_key,
            owner,
            password_hash,
            invitation: invited.then_some((invitation_url, token)),
            post: None,
            policy: break_glass,
            rule,
            schemas,
            first: false,
            scribe: self.scribe(cx),
        })
    }
    /// The policy that every tenant begins with (spec v1 6.5).
    fn break_glass(&self, cx: &Ctx) -> (Policy, Rule) {
        let policy = Policy {
            id: self.id(cx),
            name: "break-glass".into(),
            description: Some("Emergency access for administrators. Change it, switch it off, or delete it.".into()),
            enabled: true,
            priority: 0,
            max_duration_seconds: 3_600,
            default_duration_seconds: None,
            notification_channel: None,
            approval_mode: ApprovalMode::BreakGlass,
            approval_timeout_seconds: 86_400,
            approval_stages: default_stages(),
            max_total_duration_seconds: None,
            access: AccessKind::OnRequest,
            created_at: cx.now,
            updated_at: cx.now,
            revision: 1,
        };
        let id: Id<Rule> = self.id(cx);
        let notice = "Emergency access: recorded, announced and reviewed.";
        let text = format!(
            "@notice(\"{notice}\") permit (principal in Role::\"admin\", action in Action::\"request_access\", resource);"
        );
        // INVARIANT: a constant that parses; the canonical layout is the parser's business
        let text = portcullis_authz::Rule::parse_text(&text, &()).map_or(text, |r| r.render(Some(&id.to_string())));
        let rule = Rule {
            id,
            policy_id: policy.id,
            ordinal: 1,
            text,
            notice: Some(notice.into()),
            audit_session: true,
            created_at: cx.now,
            updated_at: cx.now,
        };
        (policy, rule)
    }
    /// One tenant. `tenants:read`.
    pub async fn get_tenant(&self, cx: &Ctx, id: Id<Tenant>) -> Result<Tenant> {
        self.may(cx, "tenants:read", target(cx, id)).await?;
        self.0.db.read(cx.clone(), &id, by_id).await?.ok_or_else(|| Error::not_found("tenant"))
    }
    /// A page of tenants: all for the master tenant's admins, else one's own. `tenants:list`.
    pub async fn list_tenants(&self, cx: &Ctx, page: &PageRequest) -> Result<Page<Tenant>> {
        let reach = self.may(cx, "tenants:list", Target::tenant()).await?.reach;
        let all = reach == Reach::All && cx.principal.administers_tenants();
        let before = self.page_start(cx, page).await?.and_then(|k| k["key"].as_i64()).unwrap_or(i64::MAX);
        let c = List { all, before: TenantKey(before), limit: page.limit + 1 };
        let rows = self.0.db.read(cx.clone(), &c, list).await?;
        self.page(cx, page, rows, |t| json!({ "key": t.key.0 })).await
    }
    /// Changes a tenant. `tenants:update`, `tenants:transfer`.
    pub async fn update_tenant(
        &self,
        cx: &Ctx,
        id: Id<Tenant>,
        patch: Result<TenantPatch>,
        if_match: Option<i64>,
    ) -> Result<Tenant> {
        let mut gate = Gate::new("tenants:update", target(cx, id)).once();
        if patch.as_ref().is_ok_and(|p| p.owner_user_id.is_some()) {
            gate.action = "tenants:transfer";
        }
        let transfers = gate.action == "tenants:transfer";
        let command = async {
            let current = self.0.db.read(cx.clone(), &id, by_id).await?.ok_or_else(|| Error::not_found("tenant"))?;
            let patch = patch?;
            if patch.owner_email.as_ref().is_some_and(|e| Some(e.as_str()) != current.owner_email.as_deref()) {
                return Err(Error::field(
                    "owner_email",
                    "This is read-only: send owner_user_id to move the ownership.",
                ));
            }
            if transfers {
                // the gate asked for the transfer; the rest of the body needs its own permission
                self.may(cx, "tenants:update", target(cx, id)).await?;
            }
            Ok(Update { key: current.key, id, patch, if_match, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await
    }
}

/// The stages of a policy that names none (spec v1 3.4).
pub fn default_stages() -> Value {
    json!([{ "name": "approval", "approvers": [{ "role": "approver" }], "required": 1 }])
}

pub(crate) fn target(cx: &Ctx, id: Id<Tenant>) -> Target<'static> {
    if id == cx.tenant_id { Target::tenant() } else { Target::other_tenant(id) }
}
fn slug_taken() -> Error {
    Error::new(Code::AlreadyExists, "A tenant with this slug exists on this server.").detail("field", "slug")
}

/// All rows that a new tenant begins with.
pub(crate) struct NewTenantRows {
    pub tenant: Tenant,
    slug_sent: bool,
    /// Seals what the tenant keeps.
    key: Key,
    /// The same, wrapped.
    data_key: Vec<u8>,
    pub owner: User,
    password_hash: Option<String>,
    pub invitation: Option<(String, UserToken)>,
    /// Without it the invitation's link is answered.
    post: Option<Post>,
    policy: Policy,
    rule: Rule,
    schemas: Vec<MetaSchema>,
    /// The first on this server: the master and the default one (decision 9).
    pub first: bool,
    scribe: Scribe,
}

/// Writes a tenant. Its own log begins with its making; the master tenant's log says who made it.
pub(crate) async fn insert(tx: &mut Tx, c: &NewTenantRows) -> portcullis_store::Result<MadeTenant> {
    let outside = tx.cx.clone();
    let key = directory::next_tenant(tx, &()).await?;
    let mut t = Tenant { key, is_master: c.first, ..c.tenant.clone() };
    let wanted = t.slug.clone();
    let mut n = 1;
    while directory::tenant_by_slug(tx, &t.slug.to_string()).await?.is_some() {
        n += 1;
        if c.slug_sent || n > 99 {
            return Err(slug_taken().into());
        }
        t.slug = Slug::stored(format!("{wanted}-{n}"));
    }
    if !c.first {
        c.scribe.write(tx, c.scribe.event("tenant.created", "tenant", t.id).with("slug", &*t.slug));
    }
    tx.cx = outside.in_tenant(key, t.id);
    tenant::insert(tx, &t, c.first, &c.data_key).await?;
    let token = c.invitation.as_ref().map(|(_, token)| token);
    if !user::insert(tx, &c.owner, c.password_hash.as_deref(), token).await? {
        return Err(portcullis_store::Error::internal("the first user of a tenant met another one"));
    }
    for schema in &c.schemas {
        meta_schema::insert(tx, schema).await?;
    }
    access_role::insert_predefined(tx).await?;
    policy::insert(tx, &c.policy).await?;
    policy::insert_rule(tx, &c.rule).await?;
    // the tenant's own log begins with its making
    c.scribe.write(tx, c.scribe.event("tenant.created", "tenant", t.id).with("slug", &*t.slug));
    c.scribe.write(tx, created(c.scribe.event("user.created", "user", c.owner.id), &c.owner));
    if c.invitation.is_some() {
        c.scribe.write(tx, c.scribe.event("user.invited", "user", c.owner.id));
    }
    c.scribe.write(tx, c.scribe.event("policy.created", "policy", c.policy.id).with("name", c.policy.name.as_str()));
    crate::rule::record(tx, &c.scribe, "rule.created", &c.rule, None);
    let mut invitation_url = c.invitation.as_ref().map(|(url, _)| url.clone());
    if let (Some(post), Some(url)) = (&c.post, invitation_url.take_if(|_| c.post.is_some())) {
        let letter = post.letter(Template::Invitation, c.owner.name(), &url);
        post.write(tx, Some(c.owner.id), &c.owner.email, &letter).await?;
    }
    tx.cx = outside;
    Ok(MadeTenant { tenant: t, invitation_url })
}

async fn by_id(tx: &mut Tx, id: &Id<Tenant>) -> portcullis_store::Result<Option<Tenant>> {
    let Some((key, id)) = directory::tenant_by_id(tx, id).await? else { return Ok(None) };
    tx.cx = tx.cx.in_tenant(key, id);
    tenant::get(tx).await
}
struct List {
    all: bool,
    before: TenantKey,
    limit: usize,
}
async fn list(tx: &mut Tx, c: &List) -> portcullis_store::Result<Vec<Tenant>> {
    let own = tx.cx.clone();
    let keys = match c.all {
        true => directory::tenants_newest(tx, c.before, c.limit).await?,
        false if own.tenant < c.before => vec![own.tenant],
        false => vec![],
    };
    let mut out = Vec::with_capacity(keys.len());
    for key in keys {
        tx.cx = own.in_tenant(key, own.tenant_id);
        out.extend(tenant::get(tx).await?);
    }
    Ok(out)
}

struct Update {
    key: TenantKey,
    id: Id<Tenant>,
    patch: TenantPatch,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<Tenant> {
    let outside = tx.cx.clone();
    tx.cx = outside.in_tenant(c.key, c.id);
    let before = tenant::get(tx).await?.ok_or_else(|| Error::not_found("tenant"))?;
    require_revision(before.revision, c.if_match)?;
    let (mut after, p) = (before.clone(), c.patch.clone());
    if let Some(name) = p.name {
        after.name = name;
    }
    if let Some(locale) = p.locale {
        after.locale = locale;
    }
    if let Some(url) = p.sso_start_url {
        after.sso_start_url = url;
    }
    if let Some(region) = p.sso_region {
        after.sso_region = region;
    }
    after.updated_at = tx.cx.now;
    tenant::update(tx, &after).await?;
    after.revision += 1;
    if let Some(owner) = p.owner_user_id.filter(|o| Some(*o) != before.owner_user_id) {
        let new = transfer(tx, &c.scribe, owner).await?;
        after.owner_user_id = Some(new.id);
        after.owner_email = Some(new.email.to_string());
        tx.bump().await?;
    }
    // both logs say so: the tenant's own, and the one of the tenant that the caller acts in
    record(tx, &c.scribe, &before, &after);
    if outside.tenant != c.key {
        tx.cx = outside;
        record(tx, &c.scribe, &before, &after);
    }
    Ok(after)
}
fn record(tx: &mut Tx, scribe: &Scribe, before: &Tenant, after: &Tenant) {
    let text = |s: &Option<String>| s.clone().map_or(Value::Null, Value::from);
    let event = scribe
        .event("tenant.updated", "tenant", after.id)
        .change("name", before.name.as_str(), after.name.as_str())
        .change("locale", before.locale.as_str(), after.locale.as_str())
        .change("sso_start_url", text(&before.sso_start_url), text(&after.sso_start_url))
        .change("sso_region", text(&before.sso_region), text(&after.sso_region));
    if !event.changes.is_empty() {
        scribe.write(tx, event);
    }
    if before.owner_user_id != after.owner_user_id {
        let id = |o: Option<Id<User>>| o.map_or(Value::Null, |o| o.to_string().into());
        let event = scribe.event("tenant.owner_changed", "tenant", after.id);
        scribe.write(tx, event.change("owner_user_id", id(before.owner_user_id), id(after.owner_user_id)));
    }
}
/// Moves the ownership to an active admin of the tenant.
async fn transfer(tx: &mut Tx, scribe: &Scribe, to: Id<User>) -> portcullis_store::Result<User> {
    let refuse = || {
        let field = FieldError {
            field: "owner_user_id".into(),
            message: "The new owner is an active admin of this tenant.".into(),
        };
        Error::with_fields(Code::Unprocessable, vec![field])
    };
    let found = user::facts(tx, to).await?;
    let new = found.filter(|u| u.state == UserState::Active && u.roles.has(Role::Admin)).ok_or_else(refuse)?;
    let now = tx.cx.now;
    if let Some(old) = user::owner(tx).await? {
        let after = User { is_owner: false, updated_at: now, ..old.clone() };
        user::update(tx, &after).await?;
        record_update(tx, scribe, &old, &after);
    }
    let after = User { is_owner: true, updated_at: now, roles: new.roles.with(Role::User), ..new.clone() };
    user::update(tx, &after).await?;
    record_update(tx, scribe, &new, &after);
    Ok(after)
}
