//! The one canonical layout of a rule.
use std::fmt::Write as _;

use super::parts::{RuleParts, ScopeType};

/// Lays out the parts. The result is trusted by nobody: it is parsed again.
pub(super) fn render(id: Option<&str>, parts: &RuleParts) -> Layout {
    let mut out = String::with_capacity(256);
    if let Some(id) = id {
        let _ = writeln!(out, "@id({})", quote(id));
    }
    if let Some(notice) = &parts.notice {
        let _ = writeln!(out, "@notice({})", quote(notice));
    }
    if !parts.audit_session {
        out.push_str("@audit_session(\"false\")\n");
    }
    let _ = write!(out, "{} (\n  ", parts.effect.as_str());
    entity_scope(
        &mut out,
        "principal",
        parts.principal_scope_type,
        parts.principal_entity_type.as_deref(),
        parts.principal_entity_id.as_deref(),
    );
    out.push_str(",\n  ");
    action_scope(&mut out, parts.action_scope_type, &parts.action_ids);
    out.push_str(",\n  ");
    entity_scope(
        &mut out,
        "resource",
        parts.resource_scope_type,
        parts.resource_entity_type.as_deref(),
        parts.resource_entity_id.as_deref(),
    );
    out.push_str("\n)");
    let mut conditions = 0..0;
    if let Some(c) = &parts.conditions {
        out.push('\n');
        conditions = out.len()..out.len() + c.len();
        out.push_str(c);
        // a comment at the end of what a form sent must not swallow the semicolon
        if c.lines().next_back().is_some_and(|l| l.contains("//")) {
            out.push('\n');
        }
    }
    out.push(';');
    Layout { text: out, conditions }
}

/// The text, and where the conditions lie in it.
pub(super) struct Layout {
    pub text: String,
    pub conditions: std::ops::Range<usize>,
}

fn entity_scope(out: &mut String, var: &str, scope: ScopeType, kind: Option<&str>, id: Option<&str>) {
    let (kind, id) = (kind.unwrap_or_default(), id.unwrap_or_default());
    let _ = match scope {
        ScopeType::Any => write!(out, "{var}"),
        ScopeType::Eq => write!(out, "{var} == {kind}::{}", quote(id)),
        ScopeType::In => write!(out, "{var} in {kind}::{}", quote(id)),
        ScopeType::Is => write!(out, "{var} is {kind}"),
        ScopeType::IsIn => write!(out, "{var} is {kind} in {id}"),
    };
}
pub(super) fn action_scope(out: &mut String, scope: ScopeType, ids: &[String]) {
    let list: Vec<String> = ids.iter().map(|id| format!("Action::{}", quote(id))).collect();
    let _ = match scope {
        ScopeType::Eq => write!(out, "action == {}", list.join(", ")),
        ScopeType::In => write!(out, "action in [{}]", list.join(", ")),
        ScopeType::Any | ScopeType::Is | ScopeType::IsIn => write!(out, "action"),
    };
}

/// A Cedar string literal.
pub(super) fn quote(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
