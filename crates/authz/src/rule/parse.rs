//! From text or parts to a [`RuleSource`]: one statement, names resolved, taken apart.
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{ActionConstraint, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};
use portcullis_domain::value::Email;
use uuid::Uuid;

use super::edit::{Edit, Edited};
use super::error::{Found, RuleErrors, RuleIssue};
use super::lex::{Kind, Token, guard, lex, string_value};
use super::parts::{Effect, RuleParts, ScopeType};
use super::{MAX_ACTIONS, MAX_CONDITIONS, MAX_NOTICE, MAX_SET, MAX_TEXT, render};
use crate::actions;
use crate::schema::{self, Words};

/// Turns the names that people write into ids: `User::"ada@example.com"`, `Group::"hr"`, `Group::"group:hr"`.
pub trait Resolver {
    /// The user of the tenant with this (normalised) address.
    fn user_by_email(&self, email: &str) -> Option<Uuid>;
    /// The group of the tenant with this name.
    fn group_by_name(&self, name: &str) -> Option<Uuid>;
}
/// Knows nobody: for texts that were resolved before they were stored.
impl Resolver for () {
    fn user_by_email(&self, _: &str) -> Option<Uuid> {
        None
    }
    fn group_by_name(&self, _: &str) -> Option<Uuid> {
        None
    }
}

/// A rule that was read: its parts, and the text it came from, for errors that point into it.
#[derive(Clone)]
pub struct RuleSource {
    /// The rule taken apart; names are ids.
    pub parts: RuleParts,
    /// What `@id` said.
    pub id: Option<String>,
    pub(super) origin: Arc<Origin>,
}
impl PartialEq for RuleSource {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts && self.id == other.id
    }
}
impl fmt::Debug for RuleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSource").field("id", &self.id).field("parts", &self.parts).finish()
    }
}
impl RuleSource {
    /// The canonical text, which is what is stored; `id` is the rule's own, or none yet.
    pub fn render(&self, id: Option<&str>) -> String {
        render::render(id, &self.parts).text
    }
    /// The access actions and free types that it names: what it adds to the tenant's schema.
    pub fn words(&self) -> &Words {
        &self.origin.words
    }
}

/// Where a rule came from.
#[derive(Debug)]
pub(super) struct Origin {
    /// The text that Cedar read (what was sent, or the layout of parts).
    pub text: String,
    /// The statement in it.
    pub statement: Range<usize>,
    /// The action part of its scope.
    pub action: Range<usize>,
    /// Names that became ids, and comments.
    pub edits: Vec<Edit>,
    /// Of a form: where its conditions lie in `text`.
    pub conditions: Option<Range<usize>>,
    pub words: Words,
    /// Names a built-in action anywhere.
    pub names_builtin: bool,
    /// Access actions named outside the scope: the schema must know them.
    pub actions_in_conditions: bool,
}
impl Origin {
    /// What the caller sees of a thing found in `text`.
    pub(super) fn show(&self, found: Found) -> RuleIssue {
        show(found, &self.text, self.conditions.as_ref())
    }
}
fn show(found: Found, text: &str, conditions: Option<&Range<usize>>) -> RuleIssue {
    match conditions {
        None => found.issue(text),
        Some(range) => {
            let within = found.offset.checked_sub(range.start).filter(|_| found.offset <= range.end);
            Found { offset: within.unwrap_or(0), ..found }.issue(&text[range.clone()])
        }
    }
}

/// Reads exactly one statement.
pub(super) fn one(text: &str, resolver: &dyn Resolver) -> Result<RuleSource, RuleErrors> {
    read_one(text, None, resolver)
        .map_err(|found| RuleErrors::new(found.into_iter().map(|f| show(f, text, None)).collect()))
}
/// Reads any number of statements, in order (`cedar_policy_set`). Every error of every statement is told.
pub fn parse_many(text: &str, resolver: &dyn Resolver) -> Result<Vec<RuleSource>, RuleErrors> {
    let fail = |found: Vec<Found>| RuleErrors::new(found.into_iter().map(|f| f.issue(text)).collect());
    if text.len() > MAX_SET {
        return Err(fail(vec![Found::new(MAX_SET, "This is longer than 256 KiB.", "Split it.")]));
    }
    let tokens = lex(text);
    let (mut rules, mut errors) = (vec![], vec![]);
    for range in statements(&tokens) {
        match statement(text, range, None, resolver) {
            Ok(rule) => rules.push(rule),
            Err(found) => errors.extend(found),
        }
        if errors.len() >= 50 {
            break;
        }
    }
    if errors.is_empty() { Ok(rules) } else { Err(fail(errors)) }
}

fn read_one(text: &str, conditions: Option<Range<usize>>, resolver: &dyn Resolver) -> Result<RuleSource, Vec<Found>> {
    if text.len() > MAX_TEXT {
        return Err(vec![Found::new(MAX_TEXT, "This rule is longer than 16 KiB.", "Split it into several rules.")]);
    }
    let tokens = lex(text);
    let ranges = statements(&tokens);
    match ranges.as_slice() {
        [] => Err(vec![Found::new(0, "There is no rule here.", "Write one `permit` or `forbid` statement.")]),
        [range] => statement(text, range.clone(), conditions, resolver),
        [_, second, ..] => Err(vec![Found::new(
            second.start,
            "A rule is exactly one statement; here begins another.",
            "Make it a rule of its own.",
        )]),
    }
}
/// The byte range of each statement, from its first token to its `;` (or the end).
fn statements(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let (mut out, mut depth, mut start) = (vec![], 0usize, None);
    for t in tokens.iter().filter(|t| t.kind != Kind::Comment) {
        let begin = *start.get_or_insert(t.start);
        match t.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => {
                out.push(begin..t.end());
                start = None;
            }
            _ => {}
        }
    }
    if let (Some(begin), Some(last)) = (start, tokens.iter().rfind(|t| t.kind != Kind::Comment)) {
        out.push(begin..last.end());
    }
    out
}

/// Reads the statement at `range`.
fn statement(
    text: &str,
    range: Range<usize>,
    conditions: Option<Range<usize>>,
    resolver: &dyn Resolver,
) -> Result<RuleSource, Vec<Found>> {
    if range.len() > MAX_TEXT {
        return Err(vec![Found::new(range.start, "This rule is longer than 16 KiB.", "Split it into several rules.")]);
    }
    let all: Vec<Token<'_>> =
        lex(&text[range.clone()]).into_iter().map(|t| Token { start: t.start + range.start, ..t }).collect();
    // INVARIANT: Cedar never sees a text that has not passed the guard
    guard(&all).map_err(|(at, why)| vec![Found::new(at, why, "")])?;
    let cedar = |e: cedar_policy::ParseErrors| -> Vec<Found> {
        e.iter().map(|e| Found::cedar(e).moved(|o| o + range.start)).collect()
    };
    Policy::parse(None, &text[range.clone()]).map_err(cedar)?;
    let (comments, tokens): (Vec<_>, Vec<_>) = all.into_iter().partition(|t| t.kind == Kind::Comment);
    let shape = Shape::of(&tokens)?;
    let mut names = Names::read(&tokens, &shape, resolver)?;
    let annotations = Annotations::read(&tokens[..shape.effect])?;

    names.edits.extend(comments.iter().map(|c| Edit { start: c.start, end: c.end(), with: String::new() }));
    let edited = Edited::new(text, range.start, range.end, &names.edits);
    let policy = Policy::parse(None, &edited.text)
        .map_err(|e| e.iter().map(|e| Found::cedar(e).moved(|o| edited.back(o))).collect::<Vec<_>>())?;

    let body = Edited::new(text, shape.conditions.start, shape.conditions.end, &names.edits).text.trim().to_owned();
    let too_long = body.len() > MAX_CONDITIONS;
    let parts = parts(&policy, annotations.notice, annotations.audit_session, (!body.is_empty()).then_some(body))
        .map_err(|why| vec![Found::new(shape.action.start, why, "")])?;
    if too_long {
        return Err(vec![Found::new(
            shape.conditions.start,
            "The conditions are longer than 8 KiB.",
            "Split the rule.",
        )]);
    }
    let rule = RuleSource {
        parts,
        id: annotations.id,
        origin: Arc::new(Origin {
            text: text.to_owned(),
            statement: range.clone(),
            action: shape.action.clone(),
            edits: names.edits,
            conditions,
            words: names.words,
            names_builtin: names.builtin,
            actions_in_conditions: names.actions_in_conditions,
        }),
    };
    // 60 bytes leave room for `@id("<uuid>")`
    if rule.render(None).len() + 60 > MAX_TEXT {
        return Err(vec![Found::new(range.start, "This rule is longer than 16 KiB.", "Split it into several rules.")]);
    }
    Ok(rule)
}

/// Where the pieces of a statement lie. Only asked after Cedar has parsed it, so what is missing is our own bug.
struct Shape {
    /// Index of the token `permit` or `forbid`.
    effect: usize,
    /// Index of the token after the scope.
    after_scope: usize,
    action: Range<usize>,
    conditions: Range<usize>,
}
impl Shape {
    fn of(tokens: &[Token<'_>]) -> Result<Self, Vec<Found>> {
        Self::find(tokens).ok_or_else(|| {
            vec![Found::new(
                0,
                "This rule could not be taken apart.",
                "Write `permit (principal, action, resource) when { … };`.",
            )]
        })
    }
    fn find(tokens: &[Token<'_>]) -> Option<Self> {
        let mut effect = 0;
        while tokens.get(effect)?.is("@") {
            effect += 2;
            if tokens.get(effect)?.is("(") {
                effect += 3;
            }
        }
        let (mut depth, mut commas, mut close) = (0usize, vec![], None);
        for (i, t) in tokens.iter().enumerate().skip(effect + 1) {
            match t.text {
                "(" | "[" => depth += 1,
                "]" => depth = depth.checked_sub(1)?,
                ")" => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        close = Some(i);
                        break;
                    }
                }
                "," if depth == 1 => commas.push(i),
                _ => {}
            }
        }
        let (close, end) = (close?, tokens.last()?);
        let (first, second) = (*commas.first()?, commas.get(1).copied()?);
        Some(Self {
            effect,
            after_scope: close + 1,
            action: tokens.get(first + 1)?.start..tokens.get(second.checked_sub(1)?)?.end(),
            conditions: tokens.get(close)?.end()..end.start,
        })
    }
}

/// What `@id`, `@notice` and `@audit_session` say.
struct Annotations {
    id: Option<String>,
    notice: Option<String>,
    audit_session: bool,
}
impl Annotations {
    fn read(tokens: &[Token<'_>]) -> Result<Self, Vec<Found>> {
        let mut out = Self { id: None, notice: None, audit_session: true };
        let at_signs = tokens.iter().enumerate().filter(|(_, t)| t.is("@")).map(|(i, _)| i);
        for i in at_signs {
            let Some(name) = tokens.get(i + 1) else { continue };
            let value = tokens.get(i + 3).and_then(|t| string_value(t.text)).unwrap_or_default();
            match (name.text, value.as_str()) {
                ("id", _) => out.id = Some(value),
                ("notice", "") => {}
                ("notice", v) if v.chars().count() > MAX_NOTICE => {
                    return Err(vec![Found::new(name.start, "The notice is longer than 500 characters.", "")]);
                }
                ("notice", _) => out.notice = Some(value),
                ("audit_session", "true" | "false") => out.audit_session = value == "true",
                ("audit_session", _) => {
                    return Err(vec![Found::new(name.start, "`@audit_session` is \"true\" or \"false\".", "")]);
                }
                (other, _) => {
                    let why = format!("The annotation `@{other}` is not known here.");
                    return Err(vec![Found::new(name.start, why, "Use `@id`, `@notice` or `@audit_session`.")]);
                }
            }
        }
        Ok(out)
    }
}

/// The entities that a rule names: users and groups become ids, actions are checked, free words are noted.
#[derive(Default)]
struct Names {
    edits: Vec<Edit>,
    words: Words,
    builtin: bool,
    actions_in_conditions: bool,
}
impl Names {
    fn read(tokens: &[Token<'_>], shape: &Shape, resolver: &dyn Resolver) -> Result<Self, Vec<Found>> {
        let (mut out, mut errors) = (Self::default(), vec![]);
        for (i, t) in tokens.iter().enumerate() {
            let before = i.checked_sub(1).and_then(|i| tokens.get(i));
            if t.kind == Kind::Word && before.is_some_and(|b| b.is("is")) && schema::is_free_type(t.text) {
                out.words.types.insert(t.text.to_owned());
            }
            let (Some(colons), Some(literal)) = (tokens.get(i + 1), tokens.get(i + 2)) else { continue };
            if t.kind != Kind::Word || !colons.is("::") || literal.kind != Kind::Text {
                continue;
            }
            let Some(id) = string_value(literal.text) else { continue };
            let named = match t.text {
                _ if before.is_some_and(|b| b.is("::")) => Err(("Types have no namespace here.".into(), "")),
                "Action" => out.action(&id, i >= shape.after_scope),
                "User" => canonical(&id).or_else(|| user(&id, resolver)).map_or_else(
                    || {
                        Err((
                            format!("There is no user {id} in this tenant."),
                            "Write the user's e-mail address or id.",
                        ))
                    },
                    |u| Ok(Some(u)),
                ),
                "Group" => canonical(&id).or_else(|| group(&id, resolver)).map_or_else(
                    || {
                        Err((
                            format!("There is no group {id} in this tenant."),
                            "Write the group's name or id; of an identity provider's group, the id.",
                        ))
                    },
                    |g| Ok(Some(g)),
                ),
                kind => {
                    if schema::is_free_type(kind) {
                        out.words.types.insert(kind.to_owned());
                    }
                    let ours = matches!(
                        kind,
                        "Tenant" | "ServiceUser" | "Policy" | "ApiKey" | "Review" | "Grant" | "AccessRequest"
                    );
                    Ok(if ours { canonical(&id) } else { None })
                }
            };
            match named {
                Ok(Some(uuid)) if uuid.to_string() != id => out.edits.push(Edit {
                    start: literal.start,
                    end: literal.end(),
                    with: render::quote(&uuid.to_string()),
                }),
                Ok(_) => {}
                Err((why, help)) => errors.push(Found::new(literal.start, why, help)),
            }
        }
        if errors.is_empty() { Ok(out) } else { Err(errors) }
    }
    fn action(&mut self, id: &str, in_conditions: bool) -> Result<Option<Uuid>, (String, &'static str)> {
        if id == actions::REQUEST_ACCESS {
            return Ok(None);
        }
        if actions::is_builtin(id) || actions::is_area(id) {
            self.builtin = true;
            return Ok(None);
        }
        if id.contains(':') {
            return Err((
                format!("{id} is not a built-in action."),
                "Actions with a colon are ours; see GET /v1/policies/schema.",
            ));
        }
        if !actions::is_access_word(id) {
            let help = "A lower-case letter, then up to 63 of a-z, 0-9, '_', '.', '-'.";
            return Err((format!("{id:?} cannot be the name of an action."), help));
        }
        self.actions_in_conditions |= in_conditions;
        self.words.actions.insert(id.to_owned());
        Ok(None)
    }
}
fn canonical(id: &str) -> Option<Uuid> {
    (id.len() == 36).then(|| Uuid::try_parse(id).ok()).flatten()
}
fn user(name: &str, resolver: &dyn Resolver) -> Option<Uuid> {
    resolver.user_by_email(&Email::parse(name).ok()?)
}
fn group(name: &str, resolver: &dyn Resolver) -> Option<Uuid> {
    resolver.group_by_name(name.strip_prefix("group:").unwrap_or(name))
}

/// The parts of a parsed statement.
fn parts(
    policy: &Policy,
    notice: Option<String>,
    audit_session: bool,
    conditions: Option<String>,
) -> Result<RuleParts, String> {
    let effect = match policy.effect() {
        cedar_policy::Effect::Permit => Effect::Permit,
        cedar_policy::Effect::Forbid => Effect::Forbid,
    };
    let kind = |uid: &EntityUid| Some(uid.type_name().to_string());
    let id = |uid: &EntityUid| Some(uid.id().unescaped().to_owned());
    let whole = |uid: &EntityUid| Some(format!("{}::{}", uid.type_name(), render::quote(uid.id().unescaped())));
    let (principal_scope_type, principal_entity_type, principal_entity_id) = match policy.principal_constraint() {
        PrincipalConstraint::Any => (ScopeType::Any, None, None),
        PrincipalConstraint::Eq(u) => (ScopeType::Eq, kind(&u), id(&u)),
        PrincipalConstraint::In(u) => (ScopeType::In, kind(&u), id(&u)),
        PrincipalConstraint::Is(t) => (ScopeType::Is, Some(t.to_string()), None),
        PrincipalConstraint::IsIn(t, u) => (ScopeType::IsIn, Some(t.to_string()), whole(&u)),
    };
    let (resource_scope_type, resource_entity_type, resource_entity_id) = match policy.resource_constraint() {
        ResourceConstraint::Any => (ScopeType::Any, None, None),
        ResourceConstraint::Eq(u) => (ScopeType::Eq, kind(&u), id(&u)),
        ResourceConstraint::In(u) => (ScopeType::In, kind(&u), id(&u)),
        ResourceConstraint::Is(t) => (ScopeType::Is, Some(t.to_string()), None),
        ResourceConstraint::IsIn(t, u) => (ScopeType::IsIn, Some(t.to_string()), whole(&u)),
    };
    let word = |u: &EntityUid| u.id().unescaped().to_owned();
    let (action_scope_type, action_ids) = match policy.action_constraint() {
        ActionConstraint::Any => (ScopeType::Any, vec![]),
        // a group is never the action of a request, so `== group` can only mean `in group`
        ActionConstraint::Eq(u) if actions::is_group(&word(&u)) => (ScopeType::In, vec![word(&u)]),
        ActionConstraint::Eq(u) => (ScopeType::Eq, vec![word(&u)]),
        ActionConstraint::In(list) if list.is_empty() => return Err("This scope names no action.".into()),
        ActionConstraint::In(list) if list.len() > MAX_ACTIONS => return Err("At most 50 actions in one scope.".into()),
        ActionConstraint::In(list) => (ScopeType::In, list.iter().map(word).collect()),
    };
    Ok(RuleParts {
        effect,
        principal_scope_type,
        principal_entity_type,
        principal_entity_id,
        action_scope_type,
        action_ids,
        resource_scope_type,
        resource_entity_type,
        resource_entity_id,
        conditions,
        notice,
        audit_session,
    })
}

/// Lays out what a form sent, and reads that.
pub(super) fn from_parts(parts: &RuleParts, resolver: &dyn Resolver) -> Result<RuleSource, RuleErrors> {
    let fail = |why: String| RuleErrors::new(vec![Found::new(0, why, "").issue("")]);
    let mut laid = parts.clone();
    let p = ("principal", parts.principal_scope_type, &parts.principal_entity_type, &parts.principal_entity_id);
    laid.principal_entity_id = checked(p, principal_container).map_err(fail)?;
    let r = ("resource", parts.resource_scope_type, &parts.resource_entity_type, &parts.resource_entity_id);
    laid.resource_entity_id = checked(r, resource_container).map_err(fail)?;
    match (parts.action_scope_type, parts.action_ids.len()) {
        (ScopeType::Is | ScopeType::IsIn, _) => return Err(fail("action_scope_type is any, eq or in.".into())),
        (ScopeType::Eq, n) if n != 1 => return Err(fail("action_scope_type eq needs exactly one action id.".into())),
        (ScopeType::In, 0) => return Err(fail("action_scope_type in needs action ids.".into())),
        (ScopeType::Any, n) if n > 0 => return Err(fail("action_scope_type any takes no action ids.".into())),
        _ => {}
    }
    let layout = render::render(None, &laid);
    read_one(&layout.text, Some(layout.conditions.clone()), resolver).map_err(|found| {
        RuleErrors::new(found.into_iter().map(|f| show(f, &layout.text, Some(&layout.conditions))).collect())
    })
}
type Part<'a> = (&'static str, ScopeType, &'a Option<String>, &'a Option<String>);
/// Checks that type and id fit the scope type, and gives the id as it goes into the text.
fn checked((var, scope, kind, id): Part<'_>, container: fn(&str) -> Option<String>) -> Result<Option<String>, String> {
    let word = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let (needs_kind, needs_id) = match scope {
        ScopeType::Any => (false, false),
        ScopeType::Is => (true, false),
        ScopeType::Eq | ScopeType::In | ScopeType::IsIn => (true, true),
    };
    let scope_word = scope.as_str();
    if needs_kind != kind.is_some() || needs_id != id.is_some() {
        let (k, i) = (if needs_kind { "a" } else { "no" }, if needs_id { "an" } else { "no" });
        return Err(format!("{var}_scope_type {scope_word} takes {k} {var}_entity_type and {i} {var}_entity_id."));
    }
    if kind.as_deref().is_some_and(|k| !word(k)) {
        return Err(format!("{var}_entity_type is the name of a Cedar type, such as User or AwsAccount."));
    }
    let Some(id) = id.as_deref().filter(|_| scope == ScopeType::IsIn) else { return Ok(id.clone()) };
    let whole = match lex(id).as_slice() {
        [t, c, l] if t.kind == Kind::Word && c.is("::") && l.kind == Kind::Text && string_value(l.text).is_some() => {
            Some(id.to_owned())
        }
        _ if id.contains("::") => None,
        _ => container(id),
    };
    whole.map(Some).ok_or_else(|| format!("{var}_entity_id of an is_in scope is `Type::\"id\"`."))
}
fn principal_container(id: &str) -> Option<String> {
    let kind = if portcullis_domain::Role::parse(id).is_some() { "Role" } else { "Group" };
    Some(format!("{kind}::{}", render::quote(id)))
}
fn resource_container(id: &str) -> Option<String> {
    let kind = if id.starts_with("ou-") {
        "AwsOrganizationalUnit"
    } else if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) {
        "AwsAccount"
    } else {
        return None;
    };
    Some(format!("{kind}::{}", render::quote(id)))
}
