//! Checking a request against the rules of its fields (spec v1beta1 2.3, the braces), after authentication and before
//! authorization (decision 29). Every wrong field is told.
use portcullis_domain::FieldError;
use portcullis_domain::value::{Email, Slug};
use portcullis_wire_v1beta1::rule::{FieldRules, Rule, When, rules_of};
use portcullis_wire_v1beta1::{DynamicMessage, PACKAGE, ReflectMessage, Value};

use portcullis_domain::avatar;

/// No more than this many wrong fields are looked for (spec v1 2.4 tells at most 50).
const ENOUGH: usize = 50;

/// Everything that is wrong with a message, by path.
pub fn check(message: &DynamicMessage) -> Vec<FieldError> {
    let mut wrong = vec![];
    inside(message, "", &mut wrong);
    wrong
}

fn inside(message: &DynamicMessage, path: &str, wrong: &mut Vec<FieldError>) {
    let descriptor = message.descriptor();
    let Some(name) = descriptor.full_name().strip_prefix(PACKAGE).and_then(|n| n.strip_prefix('.')) else {
        return; // metadata and moments have no rules
    };
    for rules in rules_of(name) {
        field(message, rules, path, wrong);
    }
    for (field, value) in message.fields() {
        if wrong.len() >= ENOUGH {
            return;
        }
        let at = join(path, field.name());
        match value {
            Value::Message(m) => inside(m, &at, wrong),
            Value::List(items) => {
                for (i, m) in items.iter().enumerate().filter_map(|(i, v)| Some((i, v.as_message()?))) {
                    inside(m, &format!("{at}[{i}]"), wrong);
                }
            }
            _ => {}
        }
    }
}

fn field(message: &DynamicMessage, rules: &FieldRules, path: &str, wrong: &mut Vec<FieldError>) {
    let Some(descriptor) = message.descriptor().get_field_by_name(rules.field) else { return };
    let given = message.has_field(&descriptor);
    if !given && rules.when == When::IfGiven {
        return;
    }
    let value = message.get_field(&descriptor);
    let mut note = |at: String, what: String| wrong.push(FieldError { field: at.into(), message: what.into() });
    for rule in rules.rules {
        match (&*value, rule) {
            (_, Rule::Required) if !given => note(join(path, rules.field), "This must be there.".into()),
            (Value::List(items), Rule::MinItems(n)) if items.len() < *n => {
                note(join(path, rules.field), format!("At least {n}; this has {}.", items.len()));
            }
            (Value::List(items), Rule::MaxItems(n)) if items.len() > *n => {
                note(join(path, rules.field), format!("At most {n}; this has {}.", items.len()));
            }
            (_, Rule::MinItems(_) | Rule::MaxItems(_) | Rule::Required) => {}
            (Value::List(items), rule) => {
                for (i, what) in items.iter().enumerate().filter_map(|(i, v)| Some((i, one(v, *rule).err()?))) {
                    note(format!("{}[{i}]", join(path, rules.field)), what);
                }
            }
            (value, rule) => {
                if let Err(what) = one(value, *rule) {
                    return note(join(path, rules.field), what);
                }
            }
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn one(value: &Value, rule: Rule) -> Result<(), String> {
    match value {
        Value::String(s) => text(s, rule),
        Value::I32(n) | Value::EnumNumber(n) => number(i64::from(*n), rule),
        Value::U32(n) => number(i64::from(*n), rule),
        Value::I64(n) => number(*n, rule),
        _ => Ok(()),
    }
}

fn number(n: i64, rule: Rule) -> Result<(), String> {
    match rule {
        Rule::Min(min) if n < min => Err(format!("At least {min}.")),
        Rule::Max(max) if n > max => Err(format!("At most {max}.")),
        Rule::Above(low) if n <= low => Err(format!("More than {low}.")),
        Rule::OneOf(words) => one_of(&n.to_string(), words),
        _ => Ok(()),
    }
}

fn one_of(text: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&text) { Ok(()) } else { Err(format!("One of: {}.", words.join(", "))) }
}

fn text(s: &str, rule: Rule) -> Result<(), String> {
    let all = |ok: fn(char) -> bool, hint: &str| {
        if !s.is_empty() && s.chars().all(ok) { Ok(()) } else { Err(hint.to_owned()) }
    };
    match rule {
        Rule::MinChars(n) if s.chars().count() < n => Err(format!("At least {n} characters.")),
        Rule::MaxChars(n) if s.chars().count() > n => Err(format!("At most {n} characters.")),
        Rule::Email => Email::parse(s).map(|_| ()).map_err(Into::into),
        Rule::Uuid => match uuid::Uuid::try_parse(s) {
            Ok(_) if s.len() == 36 => Ok(()),
            _ => Err("This must be a UUID.".into()),
        },
        Rule::Uri => url::Url::parse(s).map(|_| ()).map_err(|_| "This must be an absolute URL.".into()),
        Rule::Slug => {
            all(|c| c.is_ascii_alphanumeric() || "-_".contains(c), "One or more of letters, digits, '-' and '_'.")
        }
        Rule::DottedSlug => {
            all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c), "One or more of letters, digits, '-', '_' and '.'.")
        }
        Rule::UserName if !s.is_empty() => Slug::parse(s).map(|_| ()).map_err(Into::into),
        Rule::Avatar if !s.is_empty() => avatar::either(s),
        Rule::Letters => all(|c| c.is_alphabetic() || c == ' ', "Letters and spaces only."),
        Rule::OneOf(words) => one_of(s, words),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use portcullis_wire_v1beta1::{Messages, json};

    fn wrong(message: &'static str, text: &str) -> Vec<String> {
        let m = json::read(Messages::named(message), text.as_bytes()).unwrap();
        check(&m).into_iter().map(|f| f.field.into_owned()).collect()
    }

    #[test]
    fn the_braces_of_the_table_hold() {
        assert_eq!(wrong("CreateUserRequest", "{}"), ["body"]);
        assert_eq!(wrong("CreateUserRequest", r#"{"body":{}}"#), [""; 0]);
        assert_eq!(
            wrong("CreateUserRequest", r#"{"body":{"name":"9lives","email":"x y","avatar":"http://x"}}"#),
            ["body.name", "body.email", "body.avatar"]
        );
        assert_eq!(wrong("CreateUserRequest", r#"{"body":{"name":"john.doe","email":"a@b.c"}}"#), [""; 0]);
        assert_eq!(wrong("ListUsersRequest", r#"{"page_size":0}"#), [""; 0]);
        assert_eq!(wrong("ListUsersRequest", r#"{"page_size":5001,"page_num":-1}"#), ["page_size", "page_num"]);
        assert_eq!(wrong("SearchUserOrganizationsRequest", r#"{"id":"x"}"#), ["id"]);
        assert_eq!(wrong("BatchCheckPermissionRequest", "{}"), ["bodies"]);
        assert_eq!(
            wrong("BatchCheckPermissionRequest", r#"{"bodies":[{"permission":"app.get"},{"permission":"a b"}]}"#),
            ["bodies[1].permission"]
        );
        assert_eq!(
            wrong("SearchUsersRequest", r#"{"query":{"limit":5001,"sort":[{"order":"up"}]}}"#),
            ["query.limit", "query.sort[0].order"]
        );
    }
}
