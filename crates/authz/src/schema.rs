//! The Cedar schema: one built-in text that all tenants share, and what a tenant's own words add to it.
//!
//! Parsed once. A tenant's own types and actions are added only while a rule is validated, then dropped (engine.md 9).
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use cedar_policy::{Schema, Validator};

use crate::actions::{self, BuiltIn};

/// The part that a person writes: types, context, and the group of access actions.
const TYPES: &str = include_str!("schema.cedarschema");

/// Types that access actions may be about.
const ACCESS_TYPES: &[&str] = &[
    "AwsOrganizationalUnit",
    "AwsAccount",
    "AwsPermissionSet",
    "AwsS3Bucket",
    "AwsRdsInstance",
    "AwsEc2Instance",
    "PostgresRole",
    "SshPrincipal",
    "KubernetesRole",
    "PortcullisRole",
    "Organization",
    "Project",
];

/// The words of a tenant beyond the built-in ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Access actions: `assume`, `read`, …
    pub actions: BTreeSet<String>,
    /// Free resource types as Cedar writes them: `XDatabase`, `x_compute_order`.
    pub types: BTreeSet<String>,
}

/// The Cedar type of an API resource type: CamelCase (`aws_account` is `AwsAccount`, `x_database` is `XDatabase`); a type of a
/// custom namespace (`compute/order`) is `x_compute_order` (decision 24).
pub fn cedar_type(kind: &str) -> String {
    if let Some((namespace, name)) = kind.split_once('/') {
        return format!("x_{namespace}_{name}");
    }
    let mut out = String::with_capacity(kind.len());
    let mut chars = kind.chars().peekable();
    let mut upper = true;
    while let Some(c) = chars.next() {
        // INVARIANT: an underscore goes only where the next letter turns upper case, so no two types become one
        if c == '_' && chars.peek().is_some_and(char::is_ascii_lowercase) {
            upper = true;
        } else if upper {
            out.push(c.to_ascii_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}
/// Is this a free type as Cedar writes it: `X…` of `x_…`, or `x_<service>_<resource>`?
pub fn is_free_type(name: &str) -> bool {
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    name.len() <= 64
        && name.len() > 1
        && name.bytes().all(word)
        && (name.starts_with('X') || name.strip_prefix("x_").is_some_and(|r| r.contains('_')))
}
/// May access actions be about this type?
pub fn is_access_type(name: &str) -> bool {
    ACCESS_TYPES.contains(&name) || is_free_type(name)
}

/// Which part of the schema a rule needs: most need no built-in actions, and validate in a fraction of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Access,
    Full,
}

/// A validator for a rule with these words of its own.
pub(crate) fn validator(part: Part, words: &Words) -> Result<Arc<Validator>, String> {
    static FULL: LazyLock<Result<Arc<Validator>, String>> = LazyLock::new(|| build(&text(&Words::default())));
    static ACCESS: LazyLock<Result<Arc<Validator>, String>> = LazyLock::new(|| build(&access(&Words::default())));
    match (part, words.actions.is_empty() && words.types.is_empty()) {
        (Part::Full, true) => FULL.clone(),
        (Part::Access, true) => ACCESS.clone(),
        (Part::Full, false) => build(&text(words)),
        (Part::Access, false) => build(&access(words)),
    }
}
fn build(text: &str) -> Result<Arc<Validator>, String> {
    let (schema, _warnings) = Schema::from_cedarschema_str(text).map_err(|e| e.to_string())?;
    Ok(Arc::new(Validator::new(schema)))
}

/// Types, context, access actions; no built-in actions.
fn access(words: &Words) -> String {
    let mut out = String::with_capacity(TYPES.len() + 256);
    if words.types.is_empty() {
        out.push_str(TYPES);
    } else {
        let types = words.types.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        out.push_str(&TYPES.replace("Organization, Project\n", &format!("Organization, Project, {types}\n")));
        let _ = writeln!(
            out,
            "entity {types} in [Integration, Project, Organization, Tenant] =\n  \
             {{ name?: String, account_id?: String, rank?: Long }} tags String;\n"
        );
    }
    if !words.actions.is_empty() {
        let list = words.actions.iter().map(|a| format!("\"{a}\"")).collect::<Vec<_>>().join(", ");
        let types = ACCESS_TYPES.iter().copied().chain(words.types.iter().map(String::as_str)).collect::<Vec<_>>();
        let _ = writeln!(
            out,
            "action {list} in [request_access] appliesTo {{\n  principal: [User, ServiceUser],\n  resource: [{}],\n  \
             context: AccessContext,\n}};\n",
            types.join(", ")
        );
    }
    out
}
/// The schema of a tenant with these words as text: `GET /v1/policies/schema`.
pub fn text(words: &Words) -> String {
    let mut out = access(words);
    out.push_str("// ---- built-in actions, by area ----\n");
    for area in actions::AREAS {
        let _ = writeln!(out, "action \"{area}\";");
        for action in actions::ALL.iter().filter(|a| a.area == *area) {
            let _ = writeln!(
                out,
                "action \"{}\" in [\"{area}\"] appliesTo {{ principal: [User, ServiceUser], resource: [{}], context: {} }};",
                action.name,
                action.resources.join(", "),
                context_of(action)
            );
        }
    }
    out
}
fn context_of(action: &BuiltIn) -> &'static str {
    if has_user_context(action) { "UserContext" } else { "BuiltInContext" }
}
/// Do `roles`, `role`, `email_domain` and `auth_provider` appear in the context of this action (spec v1 6.2)?
pub(crate) fn has_user_context(action: &BuiltIn) -> bool {
    matches!(action.area, "users:*" | "roles:*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_parses_alone_and_with_a_tenants_words() {
        let words = Words {
            actions: ["assume".to_owned(), "read.all".to_owned()].into(),
            types: ["XDatabase".to_owned(), "x_compute_order".to_owned()].into(),
        };
        for part in [Part::Access, Part::Full] {
            validator(part, &Words::default()).unwrap();
            validator(part, &words).unwrap();
        }
    }

    #[test]
    fn no_two_free_types_become_one() {
        for (kind, cedar) in [
            ("aws_s3_bucket", "AwsS3Bucket"),
            ("aws_ec2_instance", "AwsEc2Instance"),
            ("x_database", "XDatabase"),
            ("x_a1", "XA1"),
            ("x_a_1", "XA_1"),
            ("x__a", "X_A"),
            ("x_a_", "XA_"),
            ("compute/order", "x_compute_order"),
        ] {
            assert_eq!(cedar_type(kind), cedar);
        }
        assert!(
            is_free_type("XDatabase") && is_free_type("x_compute_order") && !is_free_type("Xä") && !is_free_type("x_y")
        );
    }
}
