//! Preferences: set and listed for the platform, an organization, a person (spec v1beta1 2.3.14, 3.13). What they may be is in the
//! catalogue of traits (`domain/src/preference_trait.rs`); what they do is done where it matters, by [`App::preference`] and
//! [`is_on`].
use portcullis_authz::graph::expand;
use portcullis_domain::organization::Organization;
use portcullis_domain::preference::{Level, Preference, Scope, Whose};
use portcullis_domain::preference_trait::{Trait, Traits};
use portcullis_domain::{Code, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::{Tx, organization, preference, user};

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::change::moved;
use crate::organization::on;
use crate::personal_token::blocked;
use crate::user::UserRef;
use crate::user_create::digest;
use crate::{Answer, App, Reply, lookup};

/// So many are set with one call.
const AT_ONCE: usize = 50;
/// So many somebody has at most, over all scopes.
const MOST: u16 = 1_000;
/// A longer value enters an event as a digest only.
const SHORT: usize = 256;

/// A preference to set, as it was sent.
#[derive(Clone, Debug)]
pub struct NewPreference {
    /// The trait's name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it shall count.
    pub scope: NewScope,
}
/// Where a preference counts, as it was sent; empty: everywhere.
#[derive(Clone, Debug, Default)]
pub struct NewScope {
    /// `app/organization`.
    pub kind: String,
    /// Which one.
    pub id: String,
}
impl NewScope {
    /// The organization that is named, by id or name. `None`: everywhere.
    fn organization(&self) -> Result<Option<String>> {
        let (kind, global) = (expand(&self.kind), uuid::Uuid::nil().to_string());
        match (&*kind, &*self.id) {
            ("", "") => Ok(None),
            // as this API shows what counts everywhere
            ("app/platform", id) if id == global => Ok(None),
            ("app/organization", id) if !id.is_empty() => Ok(Some(id.to_owned())),
            _ => Err(invalid_scope()),
        }
    }
}

/// What counts for somebody: what was set, or the trait's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferred {
    /// Of what was set; `None` for a default.
    pub id: Option<Id<Preference>>,
    /// For whom.
    pub whose: Whose,
    /// Where.
    pub scope: Scope,
    /// The trait.
    pub name: String,
    /// The value.
    pub value: String,
    /// What the value says to people, if the trait knows.
    pub description: String,
    /// When it was first and last set.
    pub times: Option<(Timestamp, Timestamp)>,
}
impl Preferred {
    fn set(p: Preference, traits: &Traits) -> Self {
        let description = traits.find(p.whose.level(), &p.name).map_or("", |t| t.describe(&p.value)).to_owned();
        let times = Some((p.created_at, p.updated_at));
        Self { id: Some(p.id), whose: p.whose, scope: p.scope, name: p.name, value: p.value, description, times }
    }
    fn default(whose: Whose, t: &Trait) -> Self {
        let (value, description) = (t.default.to_string(), t.describe(&t.default).to_owned());
        Self { id: None, whose, scope: None, name: t.name.to_string(), value, description, times: None }
    }
}

impl App {
    /// The catalogue. Everybody who is known.
    pub async fn describe_preferences(&self, cx: &Ctx) -> Result<&Traits> {
        self.allow(cx, &Gate::anyone("preferences:describe")).await?;
        Ok(&self.0.settings.traits)
    }
    /// Sets the platform's. Superusers.
    pub async fn set_preferences(
        &self,
        cx: &Ctx,
        new: Vec<NewPreference>,
        reply: Reply<Vec<Preferred>>,
    ) -> Result<Answer> {
        let command = self.to_set(cx, Whose::Platform, new, Needs::Nothing);
        self.answer(cx, Gate::superuser("preferences:create"), command, reply, set).await
    }
    /// Sets an organization's. `app_organization_update`.
    pub async fn set_organization_preferences(
        &self,
        cx: &Ctx,
        which: String,
        new: Vec<NewPreference>,
        reply: Reply<Vec<Preferred>>,
    ) -> Result<Answer> {
        let found = self.find_organization(cx, &which, "app_organization_update").await?;
        let command = self.to_set(cx, Whose::Organization(found.id), new, Needs::Nothing);
        self.answer(cx, on(&found, "app_organization_update"), command, reply, set).await
    }
    /// Sets a person's. Superusers.
    pub async fn set_user_preferences(
        &self,
        cx: &Ctx,
        which: Result<UserRef>,
        new: Vec<NewPreference>,
        reply: Reply<Vec<Preferred>>,
    ) -> Result<Answer> {
        let command = async {
            let user = self.find_user(cx, &which?).await?.ok_or_else(|| Error::not_found("user"))?;
            self.to_set(cx, Whose::User(user.id), new, Needs::Nothing).await
        };
        self.answer(cx, Gate::superuser("users:update"), command, reply, set).await
    }
    /// Sets one's own; for an organization, only for one that one may look at.
    pub async fn set_my_preferences(
        &self,
        cx: &Ctx,
        new: Vec<NewPreference>,
        reply: Reply<Vec<Preferred>>,
    ) -> Result<Answer> {
        if cx.principal.credential.is_personal_token() {
            return Err(blocked());
        }
        let scoped = new.iter().any(|n| !n.scope.kind.is_empty());
        let command = async { self.to_set(cx, me(cx)?, new, Needs::Get).await };
        let gate = Gate::anyone("preferences:create");
        // organizations are looked at after the gate: nothing may have moved in between
        let gate = if scoped { gate.once() } else { gate };
        self.answer(cx, gate, command, reply, set).await
    }
    /// Neither Frontier nor we know preferences of projects (decision 23); who might set them is told so.
    pub async fn project_preferences(&self, cx: &Ctx, which: String, permission: &'static str) -> Result<()> {
        self.project_for(cx, &which, permission).await?;
        Err(Error::new(Code::NotImplemented, "Projects have no preferences: set those of the organization."))
    }
    /// The same of groups.
    pub async fn group_preferences(&self, cx: &Ctx, which: String, permission: &'static str) -> Result<()> {
        self.group_for(cx, &which, permission).await?;
        Err(Error::new(Code::NotImplemented, "Groups have no preferences: set those of the organization."))
    }

    /// What was set for the platform. Superusers.
    pub async fn list_preferences(&self, cx: &Ctx) -> Result<Vec<Preferred>> {
        self.allow(cx, &Gate::superuser("preferences:list")).await?;
        self.what_was_set(cx, Whose::Platform).await
    }
    /// What was set for an organization. `app_organization_get`.
    pub async fn list_organization_preferences(&self, cx: &Ctx, which: String) -> Result<Vec<Preferred>> {
        let found = self.organization_for(cx, &which, "app_organization_get").await?;
        self.what_was_set(cx, Whose::Organization(found.id)).await
    }
    /// What counts for a person, in an organization if one is named. Superusers.
    pub async fn list_user_preferences(
        &self,
        cx: &Ctx,
        which: Result<UserRef>,
        scope: NewScope,
    ) -> Result<Vec<Preferred>> {
        self.allow(cx, &Gate::superuser("users:read")).await?;
        let user = self.find_user(cx, &which?).await?.ok_or_else(|| Error::not_found("user"))?;
        let scope = self.scope(cx, scope.organization()?.as_ref(), Needs::Nothing).await?;
        self.what_counts(cx, Whose::User(user.id), scope).await
    }
    /// What counts for oneself; in an organization, only in one that one may look at.
    pub async fn list_my_preferences(&self, cx: &Ctx, scope: NewScope) -> Result<Vec<Preferred>> {
        self.allow(cx, &Gate::anyone("preferences:list")).await?;
        let me = me(cx)?;
        let scope = self.scope(cx, scope.organization()?.as_ref(), Needs::Get).await?;
        self.what_counts(cx, me, scope).await
    }

    /// What counts for the platform, an organization or a person (everywhere), for whoever acts on it.
    pub(crate) async fn preference(&self, cx: &Ctx, whose: Whose, of: &'static Trait) -> Result<String> {
        let set = self.0.db.read(cx.clone(), &(whose, of.name.to_string()), read_one).await?;
        Ok(set.map_or_else(|| of.default.to_string(), |p| p.value))
    }
    /// Is this switch of the platform on?
    pub(crate) async fn is_on(&self, cx: &Ctx, switch: &'static Trait) -> Result<bool> {
        Ok(self.preference(cx, Whose::Platform, switch).await? == ON)
    }
    /// "function not available at the moment" while this switch of the platform is on.
    pub async fn unless_switched_off(&self, cx: &Ctx, by: &'static Trait) -> Result<()> {
        if self.is_on(cx, by).await? {
            return Err(Error::new(Code::NotAvailable, "The administrators of this platform switched this off."));
        }
        Ok(())
    }

    async fn what_was_set(&self, cx: &Ctx, whose: Whose) -> Result<Vec<Preferred>> {
        let set = self.0.db.read(cx.clone(), &(whose, None), read_scope).await?;
        Ok(set.into_iter().map(|p| Preferred::set(p, &self.0.settings.traits)).collect())
    }
    /// One for each trait of the level: what was set for the scope, else for everywhere, else the default.
    async fn what_counts(&self, cx: &Ctx, whose: Whose, scope: Scope) -> Result<Vec<Preferred>> {
        let everywhere = self.0.db.read(cx.clone(), &(whose, None), read_scope).await?;
        let here = match scope {
            None => vec![],
            scope => self.0.db.read(cx.clone(), &(whose, scope), read_scope).await?,
        };
        let traits = &self.0.settings.traits;
        let set = |t: &Trait| here.iter().chain(&everywhere).find(|p| p.name == t.name).cloned();
        let of_level = traits.iter().filter(|t| t.level == whose.level());
        Ok(of_level
            .map(|t| set(t).map_or_else(|| Preferred::default(whose, t), |p| Preferred::set(p, traits)))
            .collect())
    }
    /// The organization that a scope names, for whom that takes it to look at it.
    async fn scope(&self, cx: &Ctx, which: Option<&String>, needs: Needs) -> Result<Scope> {
        const GET: &str = "app_organization_get";
        Ok(match (which, needs) {
            (None, _) => None,
            (Some(which), Needs::Get) => Some(self.organization_for(cx, which, GET).await?.id),
            (Some(which), Needs::Nothing) => {
                let found = self.0.db.read(cx.clone(), which, lookup::organization).await?;
                Some(found.ok_or_else(|| Error::not_found("organization"))?.id)
            }
        })
    }
    /// Everything that can be made before the writer's turn.
    async fn to_set(&self, cx: &Ctx, whose: Whose, new: Vec<NewPreference>, needs: Needs) -> Result<Set> {
        if new.len() > AT_ONCE {
            return Err(Error::field("bodies", format!("At most {AT_ONCE}; this has {}.", new.len())));
        }
        let mut values: Vec<Preference> = Vec::with_capacity(new.len());
        for n in new {
            let t = self.0.settings.traits.find(whose.level(), &n.name).ok_or_else(no_such_trait)?;
            let organization = n.scope.organization()?;
            if organization.is_some() != t.scoped {
                return Err(invalid_scope());
            }
            let value = t
                .value(&n.value)
                .map_err(|e| Error::new(Code::InvalidInput, format!("invalid value for preference: {e}")))?;
            let scope = self.scope(cx, organization.as_ref(), needs).await?;
            let (id, now) = (self.id(cx), cx.now);
            values.push(Preference { id, whose, scope, name: n.name, value, created_at: now, updated_at: now });
        }
        Ok(Set { whose, values, traits: self.0.settings.traits.clone(), scribe: self.scribe(cx) })
    }
}

/// What it takes to name an organization as a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Nothing more: the caller may do everything.
    Nothing,
    /// To look at it.
    Get,
}

/// How a switch that is on is written.
const ON: &str = "true";

fn me(cx: &Ctx) -> Result<Whose> {
    let person = cx.principal.user_id();
    person.map(Whose::User).ok_or_else(|| Error::new(Code::Forbidden, "Only a person has preferences."))
}
fn no_such_trait() -> Error {
    let message = "preference trait not found, preferences can only be created with valid trait";
    Error::new(Code::InvalidInput, message)
}
fn invalid_scope() -> Error {
    let message = "invalid scope: trait does not support scoping or scope_type/scope_id must be provided together";
    Error::new(Code::InvalidInput, message)
}

/// What counts for the platform, an organization or a person (everywhere), inside a transaction.
pub(crate) async fn value(tx: &mut Tx, whose: Whose, of: &Trait) -> portcullis_store::Result<String> {
    let set = preference::one(tx, whose, None, &of.name).await?;
    Ok(set.map_or_else(|| of.default.to_string(), |p| p.value))
}
/// Is this switch on?
pub(crate) async fn is_on(tx: &mut Tx, whose: Whose, of: &Trait) -> portcullis_store::Result<bool> {
    Ok(value(tx, whose, of).await? == ON)
}
async fn read_one(tx: &mut Tx, (whose, name): &(Whose, String)) -> portcullis_store::Result<Option<Preference>> {
    preference::one(tx, *whose, None, name).await
}
async fn read_scope(tx: &mut Tx, (whose, scope): &(Whose, Scope)) -> portcullis_store::Result<Vec<Preference>> {
    preference::in_scope(tx, *whose, *scope).await
}

struct Set {
    whose: Whose,
    values: Vec<Preference>,
    traits: Traits,
    scribe: Scribe,
}
async fn set(tx: &mut Tx, c: &Set) -> portcullis_store::Result<Vec<Preferred>> {
    match c.whose {
        Whose::Platform => {}
        Whose::Organization(id) => present(tx, id).await?,
        Whose::User(id) if user::facts(tx, id).await?.is_some() => {}
        Whose::User(_) => return Err(Error::not_found("user").into()),
    }
    let mut out = Vec::with_capacity(c.values.len());
    for p in &c.values {
        if let Some(id) = p.scope {
            present(tx, id).await?;
        }
        out.push(Preferred::set(set_one(tx, c, p).await?, &c.traits));
    }
    Ok(out)
}
async fn set_one(tx: &mut Tx, c: &Set, p: &Preference) -> portcullis_store::Result<Preference> {
    let Some(before) = preference::one(tx, p.whose, p.scope, &p.name).await? else {
        if preference::has(tx, p.whose, MOST).await? {
            return Err(Error::new(Code::RateLimited, format!("At most {MOST} preferences.")).into());
        }
        preference::insert(tx, p).await.map_err(|e| e.when_conflict("preferences_name", moved))?;
        c.scribe.write(tx, event(&c.scribe, "preference.created", None, p));
        return Ok(p.clone());
    };
    if before.value == p.value {
        return Ok(before);
    }
    let after = Preference { value: p.value.clone(), updated_at: p.updated_at, ..before.clone() };
    preference::update(tx, &after).await?;
    c.scribe.write(tx, event(&c.scribe, "preference.updated", Some(&before), &after));
    Ok(after)
}
fn event(
    scribe: &Scribe,
    action: &'static str,
    before: Option<&Preference>,
    after: &Preference,
) -> portcullis_domain::audit::Event {
    use serde_json::Value;
    let long = |p: &Preference| p.value.len() > SHORT;
    let old = before.map(|p| p.value.as_str());
    let event = scribe.event(action, "preference", after.id).with("name", after.name.as_str());
    let event = if long(after) || before.is_some_and(long) {
        let old = old.map_or(Value::Null, |v| Value::from(digest(v)));
        event.change("value_sha256", old, digest(&after.value))
    } else {
        event.change("value", old.map_or(Value::Null, Value::from), after.value.as_str())
    };
    let event = match after.whose {
        Whose::Platform => event.with("level", Level::Platform.as_str()),
        Whose::Organization(id) => event.with("organization_id", id.to_string()),
        // what a person prefers goes with the person
        Whose::User(id) => event.with("user_id", id.to_string()),
    };
    match after.scope {
        Some(organization) => event.with("organization_id", organization.to_string()),
        None => event,
    }
}
async fn present(tx: &mut Tx, id: Id<Organization>) -> portcullis_store::Result<()> {
    match organization::by_id(tx, id).await? {
        Some(_) => Ok(()),
        None => Err(Error::not_found("organization").into()),
    }
}
