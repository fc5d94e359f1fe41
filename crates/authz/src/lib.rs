//! Who may do what.
//!
//! Facts (roles, scopes, ownership) are decided by small tables, rules by Cedar, and Cedar runs only where a rule could match.
//! Pure: no IO, no clock, no async runtime. The way through this crate:
//!
//! 1. **Save a rule**: [`Rule::parse_text`] (or [`Rule::from_parts`], [`rule::parse_many`]) reads it, resolves names to ids
//!    and lays it out; [`rule::validate`] checks it strictly against the [`schema`]; [`RuleSource::render`] is what is stored.
//! 2. **Compile**: [`Snapshot::compile`] turns a tenant's policies into an immutable, indexed [`Snapshot`].
//! 3. **Decide**: [`Snapshot::decide`] answers a [`Request`] with a [`Decision`]: yes or no, by which layer and which rules,
//!    with their notices.
pub mod actions;
pub mod base;
mod decide;
mod decision;
mod evaluate;
mod facts;
pub mod graph;
#[doc(hidden)]
pub mod oracle;
mod rails;
pub mod rule;
pub mod schema;
mod snapshot;
mod target;

pub use decide::{Purpose, Request};
pub use decision::{Decision, Layer, Reach, RuleFault, Terms};
pub use facts::{CredentialKind, Facts};
pub use rule::{Resolver, Rule, RuleErrors, RuleParts, RuleSource, ScopeType, Warning};
pub use snapshot::{PolicySource, RuleRow, Snapshot, SnapshotInput};
pub use target::{Attribute, Target};
