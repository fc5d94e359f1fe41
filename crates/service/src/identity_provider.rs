//! Identity providers of a tenant (spec v1 3.2, 4.6): list, read, make, change, end. What happens at a sign-in is in `federation.rs`.
//!
//! Whoever says which provider vouches for whom could become any of those people. So that takes, besides its own permission,
//! `roles:grant` for every role; and what would let somebody become the owner, or keep them out, is the owner's own.
use portcullis_authz::Target;
use portcullis_domain::api_key::{ApiKey, KeyOwner};
use portcullis_domain::fields::Fields;
use portcullis_domain::identity_provider::{IdentityProvider, ProviderType, SyncStatus};
use portcullis_domain::outbound::is_public;
use portcullis_domain::port::Random;
use portcullis_domain::provider_config::{ProviderConfig, SecretChange};
use portcullis_domain::session::Session;
use portcullis_domain::value::DomainName;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result, Role, Roles};
use portcullis_store::{
    Tx, api_key, group, identity, identity_provider, mfa_challenge, scim_user, session, tenant_domain, user,
};
use serde_json::{Map, Value, json};
use url::{Host, Url};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::change::moved;
use crate::federated_person::unlinked;
use crate::service_user::end_with_key;
use crate::session_end::end_alone;
use crate::tenancy::Tenancy;
use crate::user_change::{owner_protected, require_revision};
use crate::webhook::Reach;
use crate::{Answer, App, Page, PageRequest, Reply, application_session_end};

/// A provider to make.
#[derive(Clone, Debug)]
pub struct NewProvider {
    /// 1–120 characters.
    pub name: String,
    /// Its settings.
    pub config: ProviderConfig,
    /// And their secret.
    pub secret: SecretChange,
    /// Does it count from the start?
    pub enabled: bool,
}
/// Settings with their secret, and where they stand in the request.
pub(crate) struct Settings {
    pub config: ProviderConfig,
    pub secret: SecretChange,
    /// `config.`, or nothing in the view that `/v1/oidc-config` is.
    pub at: &'static str,
}
/// A change; `None` keeps.
#[derive(Clone, Debug, Default)]
pub struct ProviderPatch {
    /// 1–120 characters.
    pub name: Option<String>,
    /// All settings anew, as they were sent: what they mean depends on the type.
    pub config: Option<Map<String, Value>>,
    /// Does it count?
    pub enabled: Option<bool>,
}
/// What a list is narrowed by.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProviderFilter {
    /// Those that count, or those that do not.
    pub enabled: Option<bool>,
    /// Of this type.
    pub kind: Option<ProviderType>,
}

impl App {
    /// A page of providers, oldest first. `identity_providers:list`.
    pub async fn list_identity_providers(
        &self,
        cx: &Ctx,
        filter: ProviderFilter,
        page: &PageRequest,
    ) -> Result<Page<IdentityProvider>> {
        self.may(cx, "identity_providers:list", Target::tenant()).await?;
        let after = self.page_start(cx, page).await?.map(|k| crate::page::text(&k, "id"));
        let mut rows = self.0.db.read(cx.clone(), &(), all).await?;
        rows.retain(|p| {
            filter.enabled.is_none_or(|e| p.enabled == e)
                && filter.kind.is_none_or(|k| p.kind() == k)
                && after.as_ref().is_none_or(|after| p.id.to_string() > *after)
        });
        rows.truncate(page.limit + 1);
        self.page(cx, page, rows, |p| json!({ "id": p.id })).await
    }
    /// One provider. `identity_providers:read`.
    pub async fn get_identity_provider(&self, cx: &Ctx, id: Id<IdentityProvider>) -> Result<IdentityProvider> {
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        self.may_read(cx, "identity_providers:read", target(found.as_ref()), found, WHAT).await
    }
    /// Makes one. `identity_providers:create`, and `roles:grant`.
    pub async fn create_identity_provider(
        &self,
        cx: &Ctx,
        new: Result<NewProvider>,
        reply: Reply<IdentityProvider>,
    ) -> Result<Answer> {
        let command = async { self.new_provider(cx, new?).await };
        let gate = Gate::new("identity_providers:create", Target::tenant()).carrying(every_role());
        self.answer(cx, gate, command, reply, insert).await
    }
    /// Changes one; a config that is sent replaces the old one. Switching it off ends the sessions that it vouched for.
    /// `identity_providers:update`, and `roles:grant` for all but switching off and another name.
    pub async fn update_identity_provider(
        &self,
        cx: &Ctx,
        id: Id<IdentityProvider>,
        patch: Result<ProviderPatch>,
        if_match: Option<i64>,
    ) -> Result<IdentityProvider> {
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        let gate = Gate::new("identity_providers:update", target(found.as_ref()));
        let vouches = patch.as_ref().is_ok_and(|p| p.config.is_some() || p.enabled == Some(true));
        let gate = if vouches { gate.carrying(every_role()) } else { gate };
        let command = async {
            let (before, patch) = (found.ok_or_else(gone)?, patch?);
            let settings = match patch.config {
                None => None,
                Some(members) => {
                    let mut f = Fields::nested(members, "config");
                    let read = ProviderConfig::read(before.kind(), &mut f);
                    let (config, secret) = f.finish(read)?;
                    Some(Settings { config, secret, at: "config." })
                }
            };
            let after = IdentityProvider {
                name: patch.name.unwrap_or_else(|| before.name.clone()),
                enabled: patch.enabled.unwrap_or(before.enabled),
                ..before.clone()
            };
            let after = self.with_settings(cx, after, settings).await?;
            let another = self.speaks_for_others(&before.config, &after.config)?;
            let event = "identity_provider.updated";
            Ok(Update { before, after, another, if_match, event, scribe: self.scribe(cx) })
        };
        let after = self.apply(cx, gate, command, update).await?;
        if let Err(e) = self.empty_groups(cx, &after).await {
            tracing::warn!(error = ?e, provider = %after.id, "members of its groups are left until they sign in");
        }
        Ok(after)
    }
    /// Ends one that nobody signs in through. `identity_providers:delete`.
    pub async fn delete_identity_provider(
        &self,
        cx: &Ctx,
        id: Id<IdentityProvider>,
        if_match: Option<i64>,
    ) -> Result<()> {
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        let gate = Gate::new("identity_providers:delete", target(found.as_ref()));
        let command = async {
            let seen = found.ok_or_else(gone)?;
            Ok(Delete { id: seen.id, if_match, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, delete).await
    }

    async fn new_provider(&self, cx: &Ctx, new: NewProvider) -> Result<Insert> {
        let settings = Settings { config: new.config.clone(), secret: new.secret, at: "config." };
        let provider = self.provider(cx, new.name, new.config, new.enabled);
        let provider = self.with_settings(cx, provider, Some(settings)).await?;
        Ok(Insert { provider, event: "identity_provider.created", scribe: self.scribe(cx) })
    }
    /// A provider that is not written yet, and has no secret.
    pub(crate) fn provider(&self, cx: &Ctx, name: String, config: ProviderConfig, enabled: bool) -> IdentityProvider {
        IdentityProvider {
            id: self.id(cx),
            name,
            config,
            sealed_secret: None,
            enabled,
            sync_status: SyncStatus::Pending,
            last_synced_at: None,
            sync_error: None,
            created_at: cx.now,
            updated_at: cx.now,
            revision: 1,
        }
    }
    /// The same with these settings, if this server would go where they lead.
    pub(crate) async fn with_settings(
        &self,
        cx: &Ctx,
        p: IdentityProvider,
        settings: Option<Settings>,
    ) -> Result<IdentityProvider> {
        let p = IdentityProvider { updated_at: cx.now, ..p };
        let Some(Settings { config, secret, at }) = settings else { return Ok(p) };
        let mut wrong = unreachable(&config, self.0.settings.federation, at);
        if secret == SecretChange::Keep && p.sealed_secret.is_none() {
            let message = "No secret is kept yet: send it.".into();
            wrong.push(FieldError { field: format!("{at}client_secret").into(), message });
        } else if secret == SecretChange::Keep && is_elsewhere(&p.config, &config) {
            let message = "The secret that is kept is for another issuer: give the secret again.".into();
            wrong.push(FieldError { field: format!("{at}client_secret").into(), message });
        }
        if !wrong.is_empty() {
            return Err(Error::fields(wrong));
        }
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let sealed_secret = match &config {
            ProviderConfig::Saml(saml) => {
                self.sensible(saml, at)?;
                match p.sealed_secret {
                    Some(kept) => Some(kept),
                    None => Some(self.new_saml_key(&tenancy, p.id, cx.now).await?),
                }
            }
            _ => self.sealed_secret(&tenancy, p.id, &secret, p.sealed_secret),
        };
        Ok(IdentityProvider { config, sealed_secret, ..p })
    }
    fn sealed_secret(
        &self,
        tenancy: &Tenancy,
        id: Id<IdentityProvider>,
        secret: &SecretChange,
        kept: Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        match secret {
            SecretChange::Absent => None,
            SecretChange::Keep => kept,
            SecretChange::Set(s) => Some(seal_secret(tenancy, id, s.expose().as_bytes(), &*self.0.random)),
        }
    }
}

const WHAT: &str = "identity provider";
pub(crate) fn gone() -> Error {
    Error::not_found(WHAT)
}
pub(crate) fn target(provider: Option<&IdentityProvider>) -> Target<'static> {
    let id = provider.map_or(Uuid::nil(), |p| p.id.uuid());
    let target = Target::new_in_tenant("IdentityProvider", id.to_string());
    match provider {
        Some(p) => target.attribute("name", &*p.name).into_owned(),
        None => target,
    }
}
/// Would what is sent to the issuer be sent to another one from then on? A secret was given for one of them, and who may change settings may
/// not read it.
fn is_elsewhere(before: &ProviderConfig, after: &ProviderConfig) -> bool {
    match (before, after) {
        (ProviderConfig::Oidc(before), ProviderConfig::Oidc(after)) => before.issuer_url != after.issuer_url,
        _ => false,
    }
}
/// Who names who vouches could become anybody.
pub(crate) fn every_role() -> Roles {
    Role::PUBLIC.into_iter().collect::<Roles>().without(Role::User)
}
fn aad(id: Id<IdentityProvider>) -> Vec<u8> {
    [b"identity-provider-secret:", &id.uuid().as_bytes()[..]].concat()
}
pub(crate) fn seal_secret(tenancy: &Tenancy, id: Id<IdentityProvider>, secret: &[u8], random: &dyn Random) -> Vec<u8> {
    tenancy.data_key.seal(&aad(id), secret, random)
}
/// The secret that a provider gave us, or our own key for it.
pub(crate) fn open_secret(tenancy: &Tenancy, p: &IdentityProvider) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let sealed = p.sealed_secret.as_ref();
    sealed.map(|s| tenancy.data_key.open(&aad(p.id), s).map_err(Error::internal)).transpose()
}
/// What of its URLs this server would never go to, as far as that is written there; where a name leads is looked at with each call.
fn unreachable(config: &ProviderConfig, reach: Reach, at: &str) -> Vec<FieldError> {
    let mut wrong = vec![];
    for (name, text) in config.urls() {
        let Ok(url) = Url::parse(text) else { continue };
        let public = match url.host() {
            Some(Host::Ipv4(ip)) => is_public(ip.into()),
            Some(Host::Ipv6(ip)) => is_public(ip.into()),
            Some(Host::Domain(host)) => {
                let host = host.trim_end_matches('.');
                host != "localhost" && !host.ends_with(".localhost")
            }
            None => false,
        };
        let message = if url.scheme() != "https" && !reach.http {
            "Write a URL that begins with https://."
        } else if !public && !reach.private {
            "This address is not public."
        } else {
            continue;
        };
        wrong.push(FieldError { field: format!("{at}{name}").into(), message: message.into() });
    }
    wrong
}

pub(crate) struct Insert {
    pub provider: IdentityProvider,
    pub event: &'static str,
    pub scribe: Scribe,
}
pub(crate) async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<IdentityProvider> {
    let others = identity_provider::all(tx).await?;
    if others.len() >= identity_provider::MOST {
        let e = Error::new(Code::Conflict, "A tenant has at most 50 identity providers: delete some.");
        return Err(e.detail("state", "full").into());
    }
    verified(tx, &c.provider, &[]).await?;
    if !identity_provider::insert(tx, &c.provider).await? {
        return Err(name_taken().into());
    }
    one_default(tx, c.provider.is_default(), others, c.provider.id, &c.scribe).await?;
    let event = c
        .scribe
        .event(c.event, "identity_provider", c.provider.id)
        .change("name", Value::Null, c.provider.name.as_str())
        .change("enabled", Value::Null, c.provider.enabled)
        .with("provider_type", c.provider.kind().as_str());
    c.scribe.write(tx, told(event, &Map::new(), &c.provider.config.members()));
    Ok(c.provider.clone())
}

pub(crate) struct Update {
    /// As it was when the change was decided.
    pub before: IdentityProvider,
    pub after: IdentityProvider,
    /// Is it another party that speaks from then on?
    pub another: bool,
    pub if_match: Option<i64>,
    pub event: &'static str,
    pub scribe: Scribe,
}
pub(crate) async fn update(tx: &mut Tx, c: &Update) -> portcullis_store::Result<IdentityProvider> {
    let before = identity_provider::by_id(tx, c.before.id).await?.ok_or_else(gone)?;
    require_revision(before.revision, c.if_match)?;
    if before.revision != c.before.revision {
        return Err(moved().into());
    }
    let mut after = c.after.clone();
    let (old, new) = (before.config.members(), after.config.members());
    let secret_moved = before.sealed_secret != after.sealed_secret;
    if old == new && !secret_moved && before.name == after.name && before.enabled == after.enabled {
        return Ok(before);
    }
    if old != new || secret_moved || before.enabled != after.enabled {
        owners_own(tx, before.id).await?;
    }
    verified(tx, &after, before.config.domains()).await?;
    identity_provider::update(tx, &after).await.map_err(|e| e.when_conflict("identity_providers_name", name_taken))?;
    after.revision += 1;
    let others = identity_provider::all(tx).await?;
    one_default(tx, after.is_default(), others, after.id, &c.scribe).await?;
    let event = c
        .scribe
        .event(c.event, "identity_provider", after.id)
        .change("name", before.name.as_str(), after.name.as_str())
        .change("enabled", before.enabled, after.enabled);
    let event = told(event, &old, &new);
    let event = if secret_moved { event.with("client_secret", "changed") } else { event };
    c.scribe.write(tx, event);
    if c.another {
        // its subjects are other people's now: each is found anew by a verified address
        forget_subjects(tx, &c.scribe, after.id, "provider_changed").await?;
        end_sessions(tx, &c.scribe, after.id, "provider_changed").await?;
    }
    let ends = before.enabled && !after.enabled;
    if ends {
        end_sessions(tx, &c.scribe, after.id, "provider_disabled").await?;
    }
    if c.another || ends {
        // keys and tokens of its people are remembered too
        tx.bump().await?;
    }
    Ok(after)
}
/// Forgets who somebody is there, each with its event.
async fn forget_subjects(
    tx: &mut Tx,
    scribe: &Scribe,
    provider: Id<IdentityProvider>,
    cause: &'static str,
) -> portcullis_store::Result<()> {
    let mut after = String::new();
    loop {
        let page = identity::of_provider(tx, provider, &after).await?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        for (_, user) in page {
            scribe.write(tx, unlinked(scribe, user, provider, cause));
        }
    }
    identity::delete_of_provider(tx, provider).await
}
/// Ends every session that this provider vouched for, here and at applications, each with its event, and sign-ins that wait for a second
/// factor; true if there was a session here.
async fn end_sessions(
    tx: &mut Tx,
    scribe: &Scribe,
    provider: Id<IdentityProvider>,
    cause: &'static str,
) -> portcullis_store::Result<bool> {
    mfa_challenge::delete_of_provider(tx, provider).await?;
    application_session_end::of_provider(tx, scribe, provider, cause).await?;
    let (mut after, mut any) = (Id::<Session>::from_uuid(Uuid::nil()), false);
    loop {
        let page = session::of_provider(tx, provider, after).await?;
        let Some(last) = page.last() else { return Ok(any) };
        after = last.id;
        for s in page {
            any |= end_alone(tx, scribe, s.id, s.user_id, cause).await?;
        }
    }
}

/// Ends the keys of a directory; true if there was one.
async fn end_keys(tx: &mut Tx, scribe: &Scribe, provider: Id<IdentityProvider>) -> portcullis_store::Result<bool> {
    let (now, by) = (tx.cx.now, tx.cx.principal.acting_user);
    let (mut after, mut any) = (Id::<ApiKey>::from_uuid(Uuid::nil()), false);
    loop {
        let page = api_key::of_provider(tx, provider, after).await?;
        let Some(last) = page.last() else { return Ok(any) };
        after = last.id;
        for k in page {
            if api_key::revoke(tx, k.id, now, by).await? {
                scribe.write(tx, scribe.event("api_key.revoked", "api_key", k.id).with("cause", "provider_deleted"));
                if let KeyOwner::Service(id) = k.owner {
                    end_with_key(tx, id).await?;
                }
                any = true;
            }
        }
    }
}

struct Delete {
    id: Id<IdentityProvider>,
    if_match: Option<i64>,
    scribe: Scribe,
}
async fn delete(tx: &mut Tx, c: &Delete) -> portcullis_store::Result<()> {
    let p = identity_provider::by_id(tx, c.id).await?.ok_or_else(gone)?;
    require_revision(p.revision, c.if_match)?;
    if user::has_provider(tx, c.id).await? || scim_user::has_any(tx, c.id).await? {
        let e = Error::new(Code::InUse, "There are people of this provider: switch it off, or delete them first.");
        return Err(e.detail("used_by", vec!["users"]).into());
    }
    forget_subjects(tx, &c.scribe, c.id, "provider_deleted").await?;
    let keys = end_keys(tx, &c.scribe, c.id).await?;
    // nobody else could change them any more
    group::release(tx, c.id).await?;
    identity_provider::delete(tx, c.id).await?;
    if end_sessions(tx, &c.scribe, c.id, "provider_deleted").await? || keys {
        tx.bump().await?;
    }
    let event = c.scribe.event("identity_provider.deleted", "identity_provider", c.id).with("name", p.name);
    c.scribe.write(tx, event.with("provider_type", p.config.kind().as_str()));
    Ok(())
}

fn name_taken() -> Error {
    Error::new(Code::AlreadyExists, "An identity provider with this name exists.").detail("field", "name")
}
/// Who could say who the owner is, or keep them out, could have what they have.
async fn owners_own(tx: &mut Tx, provider: Id<IdentityProvider>) -> portcullis_store::Result<()> {
    if tx.cx.principal.is_owner || tx.cx.principal.in_master {
        return Ok(());
    }
    match user::owner(tx).await? {
        Some(owner) if owner.identity_provider_id == Some(provider) => Err(owner_protected(
            "The owner signs in through this provider: only they, and the master tenant's administrators, change it.",
        )
        .into()),
        _ => Ok(()),
    }
}
/// 422 unless each domain is a verified one of the tenant. One that was named before and was lost since may stay: it counts for nothing.
async fn verified(tx: &mut Tx, p: &IdentityProvider, before: &[DomainName]) -> portcullis_store::Result<()> {
    let named = p.config.domains();
    if named.iter().all(|d| before.contains(d)) {
        return Ok(());
    }
    let proved = tenant_domain::proved(tx).await?;
    let missing: Vec<FieldError> = named
        .iter()
        .enumerate()
        .filter(|(_, d)| !before.contains(d) && !proved.contains(d))
        .map(|(n, d)| FieldError {
            field: format!("config.domains[{n}]").into(),
            message: format!("{} is no verified domain of this tenant.", &**d).into(),
        })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::with_fields(Code::Unprocessable, missing).into()) }
}
/// There is one default provider: the last that was made it.
async fn one_default(
    tx: &mut Tx,
    is: bool,
    all: Vec<IdentityProvider>,
    this: Id<IdentityProvider>,
    scribe: &Scribe,
) -> portcullis_store::Result<()> {
    if !is {
        return Ok(());
    }
    for mut other in all.into_iter().filter(|p| p.id != this && p.is_default()) {
        if let ProviderConfig::Oidc(oidc) = &mut other.config {
            oidc.is_default = false;
        }
        other.updated_at = tx.cx.now;
        identity_provider::update(tx, &other).await?;
        let event = scribe.event("identity_provider.updated", "identity_provider", other.id);
        scribe.write(tx, event.change("is_default", true, false));
    }
    Ok(())
}
/// The settings that changed; what is long is told by its length.
fn told(
    mut event: portcullis_domain::audit::Event,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> portcullis_domain::audit::Event {
    const LONG: [&str; 2] = ["metadata_xml", "certificates"];
    let shown = |name: &str, v: Option<&Value>| match v {
        Some(v) if LONG.contains(&name) => json!(format!("{} bytes", v.to_string().len())),
        Some(v) => v.clone(),
        None => Value::Null,
    };
    let mut changes = Map::new();
    for name in old.keys().chain(new.keys()) {
        let (a, b) = (old.get(name), new.get(name));
        if a != b {
            changes.insert(name.clone(), json!({ "before": shown(name, a), "after": shown(name, b) }));
        }
    }
    event.changes.extend(changes);
    event
}

pub(crate) async fn by_id(
    tx: &mut Tx,
    id: &Id<IdentityProvider>,
) -> portcullis_store::Result<Option<IdentityProvider>> {
    identity_provider::by_id(tx, *id).await
}
pub(crate) async fn all(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<IdentityProvider>> {
    identity_provider::all(tx).await
}
