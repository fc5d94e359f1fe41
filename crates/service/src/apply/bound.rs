//! Who holds what: the bindings of a file, and the users of the platform.
use portcullis_authz::graph::Object;
use portcullis_domain::group::Group;
use portcullis_domain::organization::Organization;
use portcullis_domain::role_binding::{Bearer, Relation, RoleBinding};
use portcullis_domain::user::User;
use portcullis_domain::{Code, Error, Id, Role};
use portcullis_store::{Result, access_role, group, organization, project, resource, role_binding, user};
use serde_json::Map;
use uuid::Uuid;

use super::file::PlatformRelation;
use super::wanted::{On, Placed, To, WantedBinding};
use super::work::{ADMIN, BINDING, GROUP, MEMBER, ORGANIZATION, PROJECT, Work, named, providers};
use crate::role_binding as bindings;
use crate::thing::Thing;

impl Work<'_> {
    pub async fn binding(&mut self, w: &WantedBinding) -> Result<()> {
        let (thing, home) = self.thing(&w.on).await?;
        let bearer = self.bearer(&w.to).await?;
        let missing = || Error::new(Code::NotFound, format!("binding {}: there is no role {}.", w.text, w.role));
        let within = match &w.role.organization {
            None => None,
            Some(name) => Some(organization::by_name(self.tx, name).await?.ok_or_else(missing)?.id),
        };
        let role = access_role::by_name(self.tx, within, &w.role.name).await?.ok_or_else(missing)?;
        let now = self.tx.cx.now;
        let binding = RoleBinding {
            id: self.c.scribe.id(),
            role_id: role.id,
            namespace: thing.namespace.to_string(),
            object_id: thing.id,
            bearer,
            relation: Relation::Granted,
            title: String::new(),
            metadata: Map::new(),
            created_at: now,
            updated_at: now,
        };
        if let Some(old) = role_binding::same(self.tx, &binding).await? {
            return self.may_change(BINDING, old.id.uuid(), &w.text, false).await.map(drop);
        }
        // a role of one organization means nothing in another, and each role is for some kinds of objects
        let fits = role.organization_id.is_none_or(|o| Some(o) == home)
            && (role.scopes.is_empty() || role.scopes.iter().any(|s| **s == *thing.namespace));
        if !fits {
            let message = format!("binding {}: the role {} is not for this object.", w.text, w.role);
            return Err(Error::new(Code::InvalidInput, message).into());
        }
        let group = match thing.object {
            Object::Group(id) => group::by_id(self.tx, Id::from_uuid(id)).await?,
            _ => None,
        };
        let grant = bindings::Grant { binding, role, thing, group, scribe: self.scribe() };
        let made = bindings::grant(self.tx, &grant).await.map_err(|e| named(e, BINDING, &w.text))?;
        self.made(BINDING, made.id.uuid(), &w.text).await
    }
    /// What a binding is on, and the organization in which that lies.
    async fn thing(&mut self, on: &On) -> Result<(Thing, Option<Id<Organization>>)> {
        let missing = |what: &str, name: &dyn std::fmt::Display| {
            Error::new(Code::NotFound, format!("There is no {what} {name}: no binding can be on it."))
        };
        let named = |object: Object, namespace: &str, id: Uuid| Thing { object, namespace: namespace.into(), id };
        Ok(match on {
            On::Organization(name) => {
                let o = organization::by_name(self.tx, name).await?.ok_or_else(|| missing(ORGANIZATION, name))?;
                (named(Object::Organization(o.id.uuid()), "app/organization", o.id.uuid()), Some(o.id))
            }
            On::Project(name) => {
                let p = project::by_name(self.tx, name).await?.ok_or_else(|| missing(PROJECT, name))?;
                (named(Object::Project(p.id.uuid()), "app/project", p.id.uuid()), Some(p.organization_id))
            }
            On::Group(name) => {
                let g = self.group_named(name).await?.ok_or_else(|| missing(GROUP, name))?;
                (named(Object::Group(g.id.uuid()), "app/group", g.id.uuid()), g.organization_id)
            }
            On::Resource { namespace, id } => {
                let found = resource::by_id(self.tx, Id::from_uuid(*id)).await?.filter(|r| r.namespace == *namespace);
                let r = found.ok_or_else(|| missing(namespace, id))?;
                let p = project::by_id(self.tx, r.project_id).await?;
                (Thing::of(&r), p.map(|p| p.organization_id))
            }
        })
    }
    async fn bearer(&mut self, to: &To) -> Result<Bearer> {
        let missing = |what: &str, name: &dyn std::fmt::Display| {
            Error::new(Code::NotFound, format!("There is no {what} {name}: nothing can be bound to it."))
        };
        Ok(match to {
            To::User(email) => {
                let found = user::by_email(self.tx, email).await?;
                Bearer::User(found.ok_or_else(|| missing("user", email))?.id.uuid())
            }
            To::Group(name) => {
                Bearer::Group(self.group_named(name).await?.ok_or_else(|| missing(GROUP, name))?.id.uuid())
            }
            To::ServiceUser(id) => Bearer::ServiceUser(*id),
        })
    }
    async fn group_named(&mut self, name: &Placed) -> Result<Option<Group>> {
        let organization = match &name.organization {
            None => None,
            Some(o) => match organization::by_name(self.tx, o).await? {
                Some(o) => Some(o.id),
                None => return Ok(None),
            },
        };
        match group::by_name(self.tx, organization, &name.name).await? {
            Some(group) if group.identity_provider_id.is_some() => Err(providers(&name.to_string())),
            found => Ok(found),
        }
    }

    pub async fn platform_user(&mut self, email: &str, relation: PlatformRelation) -> Result<()> {
        let (kind, role) = match relation {
            PlatformRelation::Admin => (ADMIN, Role::Admin),
            PlatformRelation::Member => (MEMBER, Role::Checker),
        };
        let missing = || Error::new(Code::NotFound, format!("There is no user {email}: invite them first."));
        let before = user::by_email(self.tx, email).await?.ok_or_else(missing)?;
        if before.roles.has(role) {
            return self.may_change(kind, before.id.uuid(), email, false).await.map(drop);
        }
        let after = User { roles: before.roles.with(role), updated_at: self.tx.cx.now, ..before.clone() };
        self.save_user(&before, &after).await?;
        self.made(kind, after.id.uuid(), email).await
    }
}
