//! The first tenant, and what `dev` and the command line need: work of the server itself, for which nobody is asked.
use std::sync::Arc;

use portcullis_crypto::password::Password;
use portcullis_crypto::token;
use portcullis_domain::api_key::{ApiKey, KeyOwner, Scopes};
use portcullis_domain::tenant::Tenant;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Ctx, Error, Id, Principal, Result, Timestamp};
use portcullis_store::{Tx, api_key, directory, identity, mail_sign_in, service_user, tenant, user};

use crate::App;
use crate::app::Scribe;
use crate::federated_person::unlinked;
use crate::mfa;
use crate::service_user::{end_with_key, of_key};
use crate::session::{Given, Hold, Standing, Tokens};
use crate::tenant::{MadeTenant, NewTenant, NewTenantRows, insert};
use crate::user_change::end_access;

impl App {
    /// The default tenant, if the store has one.
    pub async fn first_tenant(&self) -> Result<Option<Id<Tenant>>> {
        match self.default_tenant().await {
            Ok(id) => Ok(Some(id)),
            Err(e) if e.code() == portcullis_domain::Code::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
    /// Makes the first tenant, which is the master and the default one (decision 9). With a password its owner may sign in at
    /// once; else the invitation link is answered.
    pub async fn init(&self, name: &str, owner: Email, password: Option<Password>) -> Result<MadeTenant> {
        let cx = self.nowhere();
        let hash = match password {
            Some(p) => Some(self.hash(p).await?),
            None => None,
        };
        let new = NewTenant {
            name: name.into(),
            slug: Some(Slug::tenant_from_name(name)),
            owner_email: owner,
            owner_name: Some("Owner".into()),
            locale: "en".into(),
            sso_start_url: None,
            sso_region: None,
        };
        let mut rows = self.new_tenant(&cx, new, hash)?;
        rows.first = true;
        let made = self.0.db.write(cx, rows, first).await?;
        Ok(made)
    }
    /// A context of the server itself in a tenant.
    pub async fn system(&self, id: Id<Tenant>) -> Result<Ctx> {
        let tenancy = self.tenancy(id).await?.ok_or_else(|| Error::not_found("tenant"))?;
        Ok(Ctx { principal: Arc::new(Principal::system()), ..self.nowhere().in_tenant(tenancy.key, tenancy.id) })
    }
    /// Makes a service key with scope `*`; one of the same name is revoked first. The raw key is answered once.
    pub async fn service_key(&self, cx: &Ctx, name: &str, expires_at: Option<Timestamp>) -> Result<String> {
        let owner = self.owner(cx).await?;
        let raw = token::ApiKey::generate(&*self.0.random);
        let key = ApiKey {
            id: self.id(cx),
            name: name.into(),
            prefix: raw.prefix.clone(),
            owner: KeyOwner::Service(self.id(cx)),
            scopes: Scopes::all(),
            created_by: Some(owner.id),
            created_at: cx.now,
            last_used_at: None,
            expires_at,
            revoked_at: None,
            revoked_by: None,
            identity_provider_id: None,
        };
        let c = ServiceKey { key, hash: *raw.hash.bytes(), scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, replace_key).await?;
        Ok(raw.raw.expose().to_owned())
    }
    /// Signs the owner in, for `dev`: on the machine itself, by whoever can read the store anyway.
    pub async fn sign_owner_in(&self, cx: &Ctx) -> Result<Tokens> {
        let owner = self.owner(cx).await?;
        let tenancy = self.tenancy_of(cx.tenant).await?;
        match self.start_session(cx, &tenancy, &owner, vec!["pwd".into()], Standing::Known, Hold::Tokens).await?.given {
            Given::Tokens(tokens) => Ok(tokens),
            Given::Cookie(_) => Err(Error::internal("a cookie in place of tokens")),
        }
    }
    /// Gives the owner a new password, with which they sign in here from then on, wherever they did before; makes them active, takes their
    /// second factors, and ends their sessions and keys.
    pub async fn reset_owner(&self, cx: &Ctx, password: Password) -> Result<User> {
        let hash = self.hash(password).await?;
        let c = ResetOwner { hash, scribe: self.scribe(cx) };
        self.0.db.write(cx.clone(), c, reset_owner).await.map_err(Error::from)
    }
    async fn owner(&self, cx: &Ctx) -> Result<User> {
        let found = self.0.db.read(cx.clone(), &(), owner).await?;
        found.ok_or_else(|| Error::internal("the tenant has no owner"))
    }
    /// Every part of the server that has to work before it may serve, by name.
    pub async fn readiness(&self) -> Vec<(&'static str, Result<(), String>)> {
        let schema = self.0.db.schema_version().await.map(drop).map_err(|e| e.to_string());
        let database = self.0.db.read(self.nowhere(), &(), alive).await.map_err(|e| e.to_string());
        let signing = self.keys().signing().map(drop).map_err(|e| e.cause().unwrap_or(e.message()).to_owned());
        vec![("database", database), ("migrations", schema), ("signing_key", signing)]
    }
}

async fn alive(tx: &mut Tx, (): &()) -> portcullis_store::Result<()> {
    directory::default_tenant(tx, &()).await.map(drop)
}
async fn first(tx: &mut Tx, rows: &NewTenantRows) -> portcullis_store::Result<MadeTenant> {
    if directory::default_tenant(tx, &()).await?.is_some() {
        let e = Error::new(
            portcullis_domain::Code::Conflict,
            "This store has a tenant already: there is nothing to initialise.",
        );
        return Err(e.into());
    }
    insert(tx, rows).await
}
async fn owner(tx: &mut Tx, (): &()) -> portcullis_store::Result<Option<User>> {
    user::owner(tx).await
}

struct ServiceKey {
    key: ApiKey,
    hash: [u8; 32],
    scribe: Scribe,
}
async fn replace_key(tx: &mut Tx, c: &ServiceKey) -> portcullis_store::Result<()> {
    let now = tx.cx.now;
    for old in api_key::named(tx, &c.key.name).await? {
        if matches!(old.owner, KeyOwner::Service(_)) && api_key::revoke(tx, old.id, now, None).await? {
            c.scribe.write(tx, c.scribe.event("api_key.revoked", "api_key", old.id).with("cause", "replaced"));
            if let KeyOwner::Service(id) = old.owner {
                end_with_key(tx, id).await?;
            }
        }
    }
    api_key::insert(tx, &c.key, &c.hash).await?;
    if let KeyOwner::Service(id) = c.key.owner {
        service_user::insert(tx, &of_key(id, &c.key.name, c.key.created_at)).await?;
    }
    let event = c.scribe.event("api_key.created", "api_key", c.key.id).with("owner_type", "service");
    c.scribe.write(tx, event.with("scopes", vec!["*"]));
    tx.bump().await?;
    Ok(())
}

struct ResetOwner {
    hash: String,
    scribe: Scribe,
}
async fn reset_owner(tx: &mut Tx, c: &ResetOwner) -> portcullis_store::Result<User> {
    tenant::get(tx).await?.ok_or_else(|| Error::not_found("tenant"))?;
    let before = user::owner(tx).await?.ok_or_else(|| portcullis_store::Error::internal("the tenant has no owner"))?;
    let (id, provider) = (before.id, before.identity_provider_id);
    let after = User {
        state: UserState::Active,
        email_verified: true,
        // a provider that they signed in at may be what is wrong
        auth_provider: AuthProvider::Local,
        identity_provider_id: None,
        updated_at: tx.cx.now,
        ..before
    };
    user::link(tx, &after).await?;
    identity::delete_of_user(tx, id).await?;
    if let Some(provider) = provider {
        c.scribe.write(tx, unlinked(&c.scribe, id, provider, "reset-owner"));
    }
    let now = tx.cx.now;
    user::set_password(tx, after.id, &c.hash, now).await?;
    user::set_token(tx, after.id, None).await?;
    c.scribe.write(tx, c.scribe.event("password.reset", "user", after.id).with("cause", "reset-owner"));
    if after.mfa_enrolled {
        c.scribe.write(tx, c.scribe.event("mfa.reset", "user", after.id).with("cause", "reset-owner"));
    }
    mfa::forget(tx, after.id).await?;
    mail_sign_in::delete_of(tx, &after.email).await?;
    end_access(tx, &c.scribe, after.id, "reset-owner").await?;
    tx.bump().await?;
    Ok(after)
}
