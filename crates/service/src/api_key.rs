//! API keys: create, list, read, revoke.
use portcullis_authz::{Reach, Target, actions};
use portcullis_crypto::token;
use portcullis_domain::api_key::{ApiKey, KeyOwner, Scopes};
use portcullis_domain::identity_provider::{IdentityProvider, ProviderType};
use portcullis_domain::role_binding::Bearer;
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Credential, Ctx, Error, FieldError, Id, Result, Timestamp};
use portcullis_store::{Tx, api_key, identity_provider, service_user};
use serde_json::json;

use crate::app::Scribe;
use crate::authorize::{Asked, Gate, decide};
use crate::identity_provider::every_role;
use crate::service_user::{end_with_key, of_key};
use crate::{Answer, App, Page, PageRequest, Reply};

/// A tenant has at most so many live keys (spec v1 2.8).
const MOST: i64 = 10_000;
/// And one user so many that act for him.
const MOST_OF_ONE: usize = 200;

/// A key to make.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// 1–120 characters.
    pub name: String,
    /// Scope words as sent; `None` = `*` for user keys, 400 for service keys.
    pub scopes: Option<Vec<String>>,
    /// In the future.
    pub expires_at: Option<Timestamp>,
    /// `owner_type` `service`: a service user of its own.
    pub service: bool,
    /// A directory: the key works for it and for nothing else, and its scopes are none where they are not sent.
    pub identity_provider_id: Option<Id<IdentityProvider>>,
}

/// What a list of keys is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct ApiKeyFilter {
    /// `active`, `expired`, `revoked`.
    pub status: Option<&'static str>,
    /// Made by this user.
    pub created_by: Option<Id<User>>,
    /// Of this directory.
    pub identity_provider_id: Option<Id<IdentityProvider>>,
}

impl App {
    /// Makes a key; the raw key is in this answer only. `api_keys:create`, and `api_keys:create_service`. That of a directory takes what
    /// setting the directory up does: whoever holds it says who people are.
    pub async fn create_api_key(
        &self,
        cx: &Ctx,
        new: Result<NewApiKey>,
        reply: Reply<(ApiKey, String)>,
    ) -> Result<Answer> {
        // what the new key may do is compared with what the caller may do on this revision
        let mut gate = Gate::new("api_keys:create", own(Target::tenant(), cx)).once();
        if new.as_ref().is_ok_and(|n| n.service) {
            gate.also.push("api_keys:create_service");
        }
        if new.as_ref().is_ok_and(|n| n.identity_provider_id.is_some()) {
            gate.also.push("identity_providers:update");
            gate = gate.carrying(every_role());
        }
        let command = async { self.new_key(cx, new?).await };
        self.answer(cx, gate, command, reply, insert).await
    }
    async fn new_key(&self, cx: &Ctx, new: NewApiKey) -> Result<Insert> {
        let scopes = match (new.scopes.filter(|s| !s.is_empty()), new.service) {
            (Some(words), _) => check_scopes(words)?,
            _ if new.identity_provider_id.is_some() => Scopes::new(vec![]),
            (None, false) => Scopes::all(),
            (None, true) => return Err(Error::field("scopes", "Name the scopes of a service key.")),
        };
        if new.expires_at.is_some_and(|e| e <= cx.now) {
            return Err(Error::field("expires_at", "This must be in the future."));
        }
        self.within_own_rights(cx, &scopes, new.service).await?;
        let mut expires_at = new.expires_at;
        if let Credential::ApiKey { expires_at: Some(end), .. } = cx.principal.credential {
            // a key made with a key ends no later than that one (spec v1 4.7)
            expires_at = Some(expires_at.map_or(end, |e| e.min(end)));
        }
        let owner = match (new.service, cx.principal.user_id()) {
            (true, _) => KeyOwner::Service(self.id(cx)),
            (false, Some(user)) => KeyOwner::User(user),
            (false, None) => {
                return Err(Error::field("owner_type", "A service key can make only service keys: send \"service\"."));
            }
        };
        let raw = token::ApiKey::generate(&*self.0.random);
        let key = ApiKey {
            id: self.id(cx),
            name: new.name,
            prefix: raw.prefix.clone(),
            owner,
            scopes,
            created_by: cx.principal.acting_user,
            created_at: cx.now,
            last_used_at: None,
            expires_at,
            revoked_at: None,
            revoked_by: None,
            identity_provider_id: new.identity_provider_id,
        };
        let event = self
            .event(cx, "api_key.created", "api_key", key.id)
            .change("name", serde_json::Value::Null, key.name.as_str())
            .change("scopes", serde_json::Value::Null, key.scopes.as_slice().to_vec())
            .change("owner_type", serde_json::Value::Null, if new.service { "service" } else { "user" });
        let event = match key.identity_provider_id {
            Some(id) => event.with("identity_provider_id", id.to_string()),
            None => event,
        };
        let event = self.prepare(cx, event);
        Ok(Insert { key, hash: *raw.hash.bytes(), raw: raw.raw.expose().to_owned(), event })
    }
    /// 403 when a scope exceeds what the caller may do. A user key acts as its creator, so `*` means what that one may; a
    /// service key has its scopes as rights, so each has to be the caller's own.
    async fn within_own_rights(&self, cx: &Ctx, scopes: &Scopes, service: bool) -> Result<()> {
        if let Credential::ApiKey { scopes: mine, .. } = &cx.principal.credential
            && !mine.cover(scopes)
        {
            return Err(exceeds("This key cannot make one that may do more than itself."));
        }
        if service && !cx.principal.is_owner {
            // everywhere in the tenant: what the creator may do with his own things only, the key may not do with all
            let compiled = self.snapshot(cx).await?;
            for action in actions::ALL.iter().map(|a| a.name).filter(|a| scopes.allow(a)) {
                let d = decide(&compiled, cx, action, &Target::tenant(), &Asked::default(), None);
                if !d.allowed || d.reach != Reach::All {
                    return Err(exceeds("A scope exceeds what you may do yourself.").detail("action", action));
                }
            }
        }
        Ok(())
    }
    /// One key. `api_keys:list`.
    pub async fn get_api_key(&self, cx: &Ctx, id: Id<ApiKey>) -> Result<ApiKey> {
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        let target = about(found.as_ref());
        self.may_read(cx, "api_keys:list", target, found, "API key").await
    }
    /// A page of keys, newest first, revoked ones too. `api_keys:list`.
    pub async fn list_api_keys(&self, cx: &Ctx, filter: &ApiKeyFilter, page: &PageRequest) -> Result<Page<ApiKey>> {
        let reach = self.may(cx, "api_keys:list", Target::tenant()).await?.reach;
        let nobody = Id::from_uuid(uuid::Uuid::nil());
        let created_by = match reach {
            Reach::All => filter.created_by,
            _ => {
                let me = cx.principal.acting_user.unwrap_or(nobody);
                Some(if filter.created_by.is_none_or(|c| c == me) { me } else { nobody })
            }
        };
        let before = self.page_start(cx, page).await?.and_then(|k| crate::page::text(&k, "id").parse().ok());
        let identity_provider_id = filter.identity_provider_id;
        let filter = api_key::ApiKeyFilter { status: filter.status, created_by, identity_provider_id };
        let rows = self.0.db.read(cx.clone(), &(filter, before, page.limit + 1), list).await?;
        self.page(cx, page, rows, |k| json!({ "id": k.id })).await
    }
    /// Ends a key at once; again has no effect. `api_keys:revoke`.
    pub async fn revoke_api_key(&self, cx: &Ctx, id: Id<ApiKey>) -> Result<()> {
        let found = self.0.db.read(cx.clone(), &id, by_id).await?;
        let Some(key) = found else {
            return self.may_read(cx, "api_keys:revoke", about(None), None, "API key").await;
        };
        let gate = Gate::new("api_keys:revoke", about(Some(&key)));
        let service_user = match key.owner {
            KeyOwner::Service(id) => Some(id),
            KeyOwner::User(_) => None,
        };
        let command = async { Ok(Revoke { id, service_user, scribe: self.scribe(cx) }) };
        self.apply(cx, gate, command, revoke).await?;
        match service_user {
            Some(id) => self.take_from_deleted(cx, Bearer::ServiceUser(id.uuid())).await,
            None => Ok(()),
        }
    }
}

fn own(target: Target<'static>, cx: &Ctx) -> Target<'static> {
    match cx.principal.acting_user {
        Some(me) => target.about(me),
        None => target,
    }
}
fn about(key: Option<&ApiKey>) -> Target<'static> {
    // one that is not there is nobody's own: so 403 does not say whether an id exists (spec v1 2.3)
    let nobodys = || Target::api_key(Id::from_uuid(uuid::Uuid::nil()), None);
    key.map_or_else(nobodys, |k| Target::api_key(k.id, k.created_by))
}
fn exceeds(message: &'static str) -> Error {
    Error::new(Code::Forbidden, message).detail("action", "api_keys:create")
}
fn check_scopes(words: Vec<String>) -> Result<Scopes> {
    let unknown: Vec<FieldError> = words
        .iter()
        .enumerate()
        .filter(|(_, w)| !actions::is_scope(w))
        .map(|(i, w)| FieldError {
            field: format!("scopes[{i}]").into(),
            message: format!(
                "No such scope: {}. An action such as users:create, an area such as users:*, or *.",
                w.escape_debug()
            )
            .into(),
        })
        .collect();
    if unknown.is_empty() { Ok(Scopes::new(words)) } else { Err(Error::fields(unknown)) }
}

struct Insert {
    key: ApiKey,
    hash: [u8; 32],
    raw: String,
    event: portcullis_audit::Prepared,
}
async fn insert(tx: &mut Tx, c: &Insert) -> portcullis_store::Result<(ApiKey, String)> {
    if api_key::count(tx).await? >= MOST {
        return Err(Error::new(Code::Conflict, "A tenant has at most 10,000 live API keys: revoke some.").into());
    }
    if let KeyOwner::User(user) = c.key.owner
        && api_key::of_creator(tx, user, Id::from_uuid(uuid::Uuid::nil())).await?.len() >= MOST_OF_ONE
    {
        return Err(Error::new(Code::Conflict, "A user has at most 200 live API keys: revoke some.").into());
    }
    if let Some(id) = c.key.identity_provider_id {
        let known = identity_provider::by_id(tx, id).await?.is_some_and(|p| p.kind() == ProviderType::Scim);
        if !known {
            let message = "No identity provider of type scim in this tenant has this id.".into();
            let field = FieldError { field: "identity_provider_id".into(), message };
            return Err(Error::with_fields(Code::Unprocessable, vec![field]).into());
        }
    }
    api_key::insert(tx, &c.key, &c.hash).await?;
    if let KeyOwner::Service(id) = c.key.owner {
        service_user::insert(tx, &of_key(id, &c.key.name, c.key.created_at)).await?;
    }
    tx.audit(c.event.clone());
    Ok((c.key.clone(), c.raw.clone()))
}
struct Revoke {
    id: Id<ApiKey>,
    service_user: Option<Id<ServiceUser>>,
    scribe: Scribe,
}
async fn revoke(tx: &mut Tx, c: &Revoke) -> portcullis_store::Result<()> {
    let (now, by) = (tx.cx.now, tx.cx.principal.acting_user);
    if api_key::revoke(tx, c.id, now, by).await? {
        c.scribe.write(tx, c.scribe.event("api_key.revoked", "api_key", c.id).with("cause", "manual"));
        if let Some(id) = c.service_user {
            end_with_key(tx, id).await?;
        }
        tx.bump().await?;
    }
    Ok(())
}
async fn by_id(tx: &mut Tx, id: &Id<ApiKey>) -> portcullis_store::Result<Option<ApiKey>> {
    api_key::by_id(tx, *id).await
}
type List = (api_key::ApiKeyFilter, Option<Id<ApiKey>>, usize);
async fn list(tx: &mut Tx, (filter, before, limit): &List) -> portcullis_store::Result<Vec<ApiKey>> {
    api_key::list(tx, filter, *before, *limit).await
}
