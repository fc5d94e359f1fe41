//! Which values of a document a path's filter means: `[type eq "work"]`.
use scim_v2::filter::{AttrExp, CompValue, CompareOp, ValFilter};
use serde_json::{Map, Value};

use crate::message::member;
use crate::read::truth;

/// Does the value match? What it does not have compares with nothing.
pub(crate) fn matches(filter: &ValFilter, value: &Map<String, Value>) -> bool {
    match filter {
        ValFilter::And(all) => all.iter().all(|f| matches(f, value)),
        ValFilter::Or(any) => any.iter().any(|f| matches(f, value)),
        ValFilter::Not(inner) => !matches(inner, value),
        ValFilter::Attr(AttrExp::Present(path)) => member(value, &path.name).is_some_and(|v| !v.is_null() && v != ""),
        ValFilter::Attr(AttrExp::Comparison(path, how, wanted)) => compares(member(value, &path.name), how, wanted),
    }
}
/// How many comparisons a filter makes.
pub(crate) fn terms(filter: &ValFilter) -> usize {
    match filter {
        ValFilter::And(all) | ValFilter::Or(all) => all.iter().map(terms).sum(),
        ValFilter::Not(inner) => terms(inner),
        ValFilter::Attr(_) => 1,
    }
}
fn compares(found: Option<&Value>, how: &CompareOp, wanted: &CompValue) -> bool {
    let opposite = *how == CompareOp::Ne;
    let how = if opposite { &CompareOp::Eq } else { how };
    let is = match (found.filter(|v| !v.is_null()), wanted) {
        (None, CompValue::Null) => *how == CompareOp::Eq,
        (Some(Value::String(found)), CompValue::Str(wanted)) => {
            text(&found.to_lowercase(), how, &wanted.to_lowercase())
        }
        (Some(found), CompValue::True | CompValue::False | CompValue::Str(_)) if *how == CompareOp::Eq => {
            let wanted = match wanted {
                CompValue::True => Some(true),
                CompValue::False => Some(false),
                CompValue::Str(s) => truth(&Value::from(s.as_str())),
                _ => None,
            };
            wanted.is_some() && truth(found) == wanted
        }
        (Some(Value::Number(found)), CompValue::Number(wanted)) => *how == CompareOp::Eq && found == wanted,
        _ => false,
    };
    is != opposite
}
fn text(found: &str, how: &CompareOp, wanted: &str) -> bool {
    match how {
        CompareOp::Eq | CompareOp::Ne => found == wanted,
        CompareOp::Co => found.contains(wanted),
        CompareOp::Sw => found.starts_with(wanted),
        CompareOp::Ew => found.ends_with(wanted),
        CompareOp::Gt => found > wanted,
        CompareOp::Ge => found >= wanted,
        CompareOp::Lt => found < wanted,
        CompareOp::Le => found <= wanted,
    }
}
/// What a filter demands that every part is equal to something; `None` for any other filter.
pub(crate) fn demands(filter: &ValFilter) -> Option<Map<String, Value>> {
    match filter {
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, wanted)) if path.sub_attr.is_none() => {
            let wanted = match wanted {
                CompValue::Str(s) => Value::from(s.as_str()),
                CompValue::True => Value::Bool(true),
                CompValue::False => Value::Bool(false),
                _ => return None,
            };
            Some(Map::from_iter([(path.name.clone(), wanted)]))
        }
        ValFilter::And(all) => {
            let each: Option<Vec<_>> = all.iter().map(demands).collect();
            Some(each?.into_iter().flatten().collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scim_v2::filter::PatchPath;
    use serde_json::json;

    fn filter(text: &str) -> ValFilter {
        match format!("emails[{text}]").parse() {
            Ok(PatchPath::Value(path)) => path.filter,
            other => panic!("{other:?}"),
        }
    }
    #[test]
    fn a_value_matches_whatever_the_case() {
        let email = json!({ "value": "Ada@corp.example", "type": "work", "primary": true });
        let is = |text| matches(&filter(text), email.as_object().unwrap());
        for yes in [
            r#"type eq "Work""#,
            r#"TYPE eq "work" and primary eq true"#,
            r#"primary eq "True""#,
            r#"value ew ".example""#,
            r#"display eq null"#,
            r#"not (display pr)"#,
            r#"type ne "home""#,
            r#"type eq "home" or value co "corp""#,
        ] {
            assert!(is(yes), "{yes}");
        }
        for no in [r#"type eq "home""#, "primary eq false", "display pr", r#"display eq "a""#, "type eq 5"] {
            assert!(!is(no), "{no}");
        }
    }
    #[test]
    fn a_filter_of_equalities_says_what_a_new_value_has() {
        assert_eq!(
            demands(&filter(r#"type eq "work" and primary eq true"#)),
            Some(json!({ "type": "work", "primary": true }).as_object().unwrap().clone())
        );
        assert_eq!(demands(&filter(r#"type eq "work" or type eq "home""#)), None);
        assert_eq!(demands(&filter(r#"type sw "w""#)), None);
    }
}
