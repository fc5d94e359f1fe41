//! A tenant's rules, compiled and indexed: immutable, made anew at each change, sharing what did not change.
mod compiled;
mod index;
mod scope;

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_domain::Id;
use portcullis_domain::policy::{AccessKind, ApprovalMode, Policy, Rule};
use portcullis_domain::tenant::Tenant;

pub(crate) use compiled::Compiled;
use index::Index;
pub(crate) use scope::{Caller, Place};

/// A rule as it is stored.
#[derive(Clone, Debug)]
pub struct RuleRow {
    /// Its id.
    pub id: Id<Rule>,
    /// From 1, unique in the policy.
    pub ordinal: i64,
    /// Canonical text.
    pub text: Arc<str>,
    /// Text for the caller when it decides.
    pub notice: Option<Arc<str>>,
    /// Is what happens under its grants recorded?
    pub audit_session: bool,
}

/// A policy as far as decisions read it.
#[derive(Clone, Debug)]
pub struct PolicySource {
    /// Its id.
    pub id: Id<Policy>,
    /// Higher first.
    pub priority: i64,
    /// Do its rules count?
    pub enabled: bool,
    /// What a permitted request needs.
    pub approval_mode: ApprovalMode,
    /// May ask, or may at once.
    pub access: AccessKind,
    /// Longest grant.
    pub max_duration_seconds: i64,
    /// Used when a request names no duration.
    pub default_duration_seconds: Option<i64>,
    /// Longest life with extensions; the maximum when absent.
    pub max_total_duration_seconds: Option<i64>,
    /// How many approval stages, for "the strictest counts".
    pub stages: u32,
    /// How many approvals they need together.
    pub people: u32,
    /// Its rules.
    pub rules: Vec<RuleRow>,
}
impl PolicySource {
    /// The cap on a grant's life with all extensions.
    pub fn max_total(&self) -> i64 {
        self.max_total_duration_seconds.unwrap_or(self.max_duration_seconds)
    }
}

/// What a snapshot is made of.
#[derive(Clone, Debug)]
pub struct SnapshotInput {
    /// Whose.
    pub tenant_id: Id<Tenant>,
    /// For `resource.slug`.
    pub tenant_slug: Arc<str>,
    /// Is it the master tenant?
    pub is_master: bool,
    /// The tenant's revision that these rows were read at.
    pub revision: i64,
    /// All policies, disabled ones too.
    pub policies: Vec<PolicySource>,
}

/// A rule in its place.
#[derive(Debug)]
pub(crate) struct Slot {
    pub rule: Arc<Compiled>,
    /// Its policy, by its place in the list.
    pub policy: u32,
    pub ordinal: i64,
    pub notice: Option<Arc<str>>,
    pub audit_session: bool,
}

/// The compiled rules of one tenant at one revision.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) tenant_id: Id<Tenant>,
    pub(crate) tenant_text: Arc<str>,
    pub(crate) tenant_slug: Arc<str>,
    pub(crate) is_master: bool,
    revision: i64,
    /// Without their rules.
    policies: Vec<PolicySource>,
    /// INVARIANT: sorted by priority, highest first, then ordinal; so a sorted list of places walks the priority groups.
    slots: Vec<Slot>,
    index: Index,
}
impl Snapshot {
    /// Compiles the enabled policies. A rule whose id and text are in `previous` is not compiled again.
    ///
    /// A rule that does not compile stays, as one that fails wherever it could apply: a broken forbid refuses.
    pub fn compile(input: SnapshotInput, previous: Option<&Self>) -> Self {
        let known: HashMap<Id<Rule>, &Arc<Compiled>> =
            previous.iter().flat_map(|p| &p.slots).map(|s| (s.rule.id, &s.rule)).collect();
        let SnapshotInput { tenant_id, tenant_slug, is_master, revision, mut policies } = input;
        policies.retain(|p| p.enabled);
        let mut slots = Vec::with_capacity(policies.iter().map(|p| p.rules.len()).sum());
        for (at, policy) in policies.iter_mut().enumerate() {
            for row in std::mem::take(&mut policy.rules) {
                let same = known.get(&row.id).filter(|r| r.text == row.text);
                let rule = same.map_or_else(|| Arc::new(Compiled::new(row.id, row.text)), |r| Arc::clone(r));
                slots.push(Slot {
                    rule,
                    policy: u32::try_from(at).unwrap_or(u32::MAX),
                    ordinal: row.ordinal,
                    notice: row.notice,
                    audit_session: row.audit_session,
                });
            }
        }
        let order = |s: &Slot| {
            let p = &policies[s.policy as usize];
            (std::cmp::Reverse(p.priority), s.ordinal, p.id, s.rule.id)
        };
        slots.sort_by_key(order);
        let index = Index::new(&slots);
        let tenant_text = tenant_id.to_string().into();
        Self { tenant_id, tenant_text, tenant_slug, is_master, revision, policies, slots, index }
    }
    /// The tenant's revision that it was made at.
    pub const fn revision(&self) -> i64 {
        self.revision
    }
    /// Whose rules these are.
    pub const fn tenant_id(&self) -> Id<Tenant> {
        self.tenant_id
    }
    /// Is it the master tenant's?
    pub const fn is_master(&self) -> bool {
        self.is_master
    }
    /// How many rules it holds.
    pub fn rule_count(&self) -> usize {
        self.slots.len()
    }
    /// Could any rule have a say on this action? A quick no spares the caller the work of loading a target's attributes.
    pub fn could_match(&self, action: &str) -> bool {
        self.index.could_match(action)
    }
    pub(crate) fn slot(&self, at: u32) -> (&Slot, &PolicySource) {
        let slot = &self.slots[at as usize];
        (slot, &self.policies[slot.policy as usize])
    }
    /// The rules whose scopes match, by priority. With `place` absent: whose principal and action do.
    pub(crate) fn candidates(&self, action: &str, caller: &Caller<'_>, place: Option<&Place<'_>>) -> Vec<u32> {
        let mut found = vec![];
        self.index.gather(action, caller, place, &mut found);
        found.retain(|at| self.slots[*at as usize].rule.in_scope(caller, place));
        found.sort_unstable();
        found.dedup();
        found
    }
}
