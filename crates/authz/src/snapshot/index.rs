//! From (principal, action, resource) to the few rules whose scopes could match.
//!
//! A rule is filed under each action or group that it names, and there under the one thing of its scope that narrows most: the
//! user or group, else the resource, else the role, else the resource's type, else nothing.
use std::collections::HashMap;

use portcullis_domain::Role;
use uuid::Uuid;

use super::Slot;
use super::scope::{Caller, Place, PrincipalScope, ResourceScope, Who};
use crate::actions::Kind;

type ById = HashMap<Box<str>, Vec<u32>>;

/// The rules that name one action or group.
#[derive(Debug, Default)]
struct Bucket {
    /// Users, service users and groups.
    principals: HashMap<Uuid, Vec<u32>>,
    roles: [Vec<u32>; 4],
    /// Type, then id.
    resources: HashMap<Box<str>, ById>,
    types: ById,
    rest: Vec<u32>,
}

/// All rules of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<Box<str>, Bucket>);
impl Index {
    pub fn new(slots: &[Slot]) -> Self {
        let mut index = Self::default();
        for (at, slot) in slots.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            for word in &slot.rule.actions {
                index.0.entry(word.clone()).or_default().file(at, slot);
            }
        }
        index
    }
    pub fn could_match(&self, action: &str) -> bool {
        self.buckets(action).next().is_some()
    }
    fn buckets(&self, action: &str) -> impl Iterator<Item = &Bucket> {
        let kind = Kind::of(action);
        let own = kind.and_then(|_| self.0.get(action));
        own.into_iter().chain(kind.and_then(Kind::group).and_then(|g| self.0.get(g)))
    }
    /// Adds what could match; repeats and false ones are possible.
    pub fn gather(&self, action: &str, caller: &Caller<'_>, place: Option<&Place<'_>>, out: &mut Vec<u32>) {
        for bucket in self.buckets(action) {
            bucket.gather(caller, place, out);
        }
    }
}
impl Bucket {
    fn file(&mut self, at: u32, slot: &Slot) {
        let Ok(body) = &slot.rule.body else { return self.rest.push(at) };
        let list = match (body.principal.who(), &body.resource) {
            (Some(Who::Nobody), _) => return,
            (Some(Who::User(id) | Who::ServiceUser(id) | Who::Group(id)), _) => self.principals.entry(id).or_default(),
            (_, ResourceScope::Eq(kind, id) | ResourceScope::In(kind, id) | ResourceScope::IsIn(_, kind, id)) => {
                self.resources.entry(kind.clone()).or_default().entry(id.clone()).or_default()
            }
            (Some(Who::Role(role)), _) if !matches!(body.principal, PrincipalScope::Eq(_)) => {
                &mut self.roles[role as usize]
            }
            (_, ResourceScope::Is(kind)) => self.types.entry(kind.clone()).or_default(),
            _ => &mut self.rest,
        };
        list.push(at);
    }
    fn gather(&self, caller: &Caller<'_>, place: Option<&Place<'_>>, out: &mut Vec<u32>) {
        out.extend_from_slice(&self.rest);
        if !self.principals.is_empty() {
            for id in std::iter::once(&caller.id).chain(caller.groups) {
                out.extend(self.principals.get(id).into_iter().flatten());
            }
        }
        for role in [Role::User, Role::Approver, Role::Admin, Role::Checker] {
            if caller.roles.has(role) {
                out.extend_from_slice(&self.roles[role as usize]);
            }
        }
        match place {
            None => {
                out.extend(self.types.values().flatten());
                out.extend(self.resources.values().flat_map(|ids| ids.values().flatten()));
            }
            Some(place) => {
                out.extend(self.types.get(&*place.target.kind).into_iter().flatten());
                if !self.resources.is_empty() {
                    for (kind, id) in place.entities() {
                        out.extend(self.resources.get(kind).and_then(|ids| ids.get(id)).into_iter().flatten());
                    }
                }
            }
        }
    }
}
