//! Strict validation against the schema. Errors point into the text that was sent.
use cedar_policy::{Policy, PolicySet, ValidationMode};

use super::edit::{Edit, Edited};
use super::error::{Found, RuleErrors, Warning};
use super::parse::RuleSource;
use super::parts::ScopeType;
use super::render::action_scope;
use crate::actions;
use crate::schema::{self, Part, Words};

/// Conditions may read attributes of principal, action, resource and context, but not through them (`principal.manager.email`)
/// nor of entities that they name: those are not loaded, and the rule would fail whenever it is asked.
const DEREFERENCES: u32 = 1;

/// Checks a rule against the schema of its tenant: the built-in part and the words that the rule itself names.
///
/// All access actions have one signature, so they are checked as `request_access`; so is scope `any` (decision 26).
pub fn validate(rule: &RuleSource) -> Result<Vec<Warning>, RuleErrors> {
    let origin = &rule.origin;
    let mut edits = origin.edits.clone();
    edits.push(Edit { start: origin.action.start, end: origin.action.end, with: checked_action(rule) });
    let edited = Edited::new(&origin.text, origin.statement.start, origin.statement.end, &edits);
    let show = |e: &dyn miette::Diagnostic| origin.show(Found::cedar(e).moved(|o| edited.back(o)));
    let whole = |why: String| RuleErrors::new(vec![origin.show(Found::new(origin.statement.start, why, ""))]);

    let policy = Policy::parse(None, &edited.text).map_err(|e| RuleErrors::new(e.iter().map(|e| show(e)).collect()))?;
    let set = PolicySet::from_policies([policy]).map_err(|e| whole(e.to_string()))?;
    let mut words = Words { types: origin.words.types.clone(), ..Words::default() };
    if origin.actions_in_conditions {
        words.actions = origin.words.actions.clone();
    }
    let part = if origin.names_builtin { Part::Full } else { Part::Access };
    let validator = schema::validator(part, &words).map_err(whole)?;
    let result = validator.validate_with_level(&set, ValidationMode::Strict, DEREFERENCES);
    let errors: Vec<_> = result.validation_errors().map(|e| show(e)).collect();
    if errors.is_empty() {
        Ok(result.validation_warnings().map(|w| show(w)).collect())
    } else {
        Err(RuleErrors::new(errors))
    }
}

/// The action part of the scope with every free word replaced by the group that stands for them all.
fn checked_action(rule: &RuleSource) -> String {
    let free = |id: &String| !actions::is_builtin(id) && !actions::is_area(id);
    let mut ids: Vec<String> = rule.parts.action_ids.iter().filter(|id| !free(id)).cloned().collect();
    if rule.parts.action_scope_type == ScopeType::Any || rule.parts.action_ids.iter().any(free) {
        ids.push(actions::REQUEST_ACCESS.to_owned());
    }
    let mut out = String::new();
    action_scope(&mut out, ScopeType::In, &ids);
    out
}
