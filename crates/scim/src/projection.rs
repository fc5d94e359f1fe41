//! Which attributes an answer has (RFC 7644 3.9): `attributes`, or all but `excludedAttributes`. `schemas` and `id` say which
//! resource it is, and are always there.
use std::collections::BTreeSet;

use portcullis_domain::Result;
use serde_json::{Map, Value};

use crate::Fault;
use crate::attribute::{ENTERPRISE, GROUP, USER};

/// A call names at most so many attributes.
const NAMES: usize = 50;
/// Each in at most so many bytes.
const NAME: usize = 256;

/// A path, in lower case: an attribute, or an attribute and a part of it, an extension's under its urn.
type Steps = Vec<String>;

/// What of a resource is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    only: Option<Vec<Steps>>,
    without: Vec<Steps>,
}
impl Projection {
    /// Reads names; what names nothing asks for nothing. Not both at once, and not more of them than the bounds.
    pub fn read(attributes: &[&str], excluded: &[&str]) -> Result<Self> {
        for (which, names) in [("attributes", attributes), ("excludedAttributes", excluded)] {
            if names.len() > NAMES || names.iter().any(|n| n.len() > NAME) {
                let message = format!("{which}: at most {NAMES} names, each of at most {NAME} bytes.");
                return Err(Fault::InvalidValue.because(message));
            }
        }
        let steps = |names: &[&str]| -> Vec<Steps> {
            let each: BTreeSet<Steps> = names.iter().map(|n| steps(n)).filter(|s| !s.is_empty()).collect();
            each.into_iter().collect()
        };
        let (only, without) = (steps(attributes), steps(excluded));
        if !only.is_empty() && !without.is_empty() {
            return Err(Fault::InvalidValue.because("Send either attributes or excludedAttributes."));
        }
        Ok(Self { only: (!only.is_empty()).then_some(only), without })
    }
    /// Is an attribute of the resource itself answered, at least a part of it?
    pub fn shows(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let named = |steps: &Steps| steps[0] == name;
        match &self.only {
            Some(only) => only.iter().any(named),
            None => !self.without.iter().any(|s| s.len() == 1 && named(s)),
        }
    }
    /// Takes away what is not asked for.
    pub fn apply(&self, mut resource: Map<String, Value>) -> Map<String, Value> {
        if let Some(only) = &self.only {
            let always = ["schemas", "id"].map(|name| vec![name.to_owned()]);
            let paths: Vec<&[String]> = only.iter().chain(&always).map(Vec::as_slice).collect();
            keep(&mut resource, &paths);
            return resource;
        }
        for path in &self.without {
            if !["schemas", "id"].contains(&path[0].as_str()) {
                remove(&mut resource, path);
            }
        }
        resource
    }
}

fn steps(name: &str) -> Steps {
    let name = name.trim().to_ascii_lowercase();
    let after = |urn: &str| {
        let rest = name.strip_prefix(&urn.to_ascii_lowercase())?;
        rest.strip_prefix(':').or_else(|| rest.is_empty().then_some(""))
    };
    let dotted = |rest: &str| rest.split('.').filter(|s| !s.is_empty()).map(ToOwned::to_owned).collect::<Steps>();
    if let Some(rest) = after(ENTERPRISE) {
        return std::iter::once(ENTERPRISE.to_ascii_lowercase()).chain(dotted(rest)).collect();
    }
    match after(USER).or_else(|| after(GROUP)) {
        Some(rest) => dotted(rest),
        None => dotted(&name),
    }
}
fn keep(object: &mut Map<String, Value>, paths: &[&[String]]) {
    object.retain(|name, value| {
        let name = name.to_ascii_lowercase();
        let rest: Vec<&[String]> = paths.iter().filter(|p| p.first() == Some(&name)).map(|p| &p[1..]).collect();
        if rest.is_empty() {
            return false;
        }
        if rest.iter().all(|r| !r.is_empty()) {
            each(value, &mut |part| keep(part, &rest));
        }
        true
    });
}
fn remove(object: &mut Map<String, Value>, path: &[String]) {
    match path {
        [] => {}
        [last] => object.retain(|name, _| !name.eq_ignore_ascii_case(last)),
        [first, rest @ ..] => {
            for (_, value) in object.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case(first)) {
                each(value, &mut |part| remove(part, rest));
            }
        }
    }
}
fn each(value: &mut Value, f: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(part) => f(part),
        Value::Array(all) => all.iter_mut().filter_map(Value::as_object_mut).for_each(f),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(attributes: &[&str], excluded: &[&str]) -> Value {
        let whole = json!({
            "schemas": [USER], "id": "1", "userName": "ada", "name": { "givenName": "Ada", "familyName": "L" },
            "emails": [{ "value": "a@b.c", "type": "work" }], ENTERPRISE: { "manager": { "value": "2" } }, "meta": {},
        });
        let p = Projection::read(attributes, excluded).unwrap();
        Value::Object(p.apply(whole.as_object().unwrap().clone()))
    }

    #[test]
    fn what_is_asked_for_is_answered_and_what_tells_the_resource() {
        assert_eq!(seen(&["USERNAME"], &[]), json!({ "schemas": [USER], "id": "1", "userName": "ada" }));
        assert_eq!(
            seen(&["name.familyName", "emails.value"], &[]),
            json!({ "schemas": [USER], "id": "1", "name": { "familyName": "L" }, "emails": [{ "value": "a@b.c" }] })
        );
        let manager = format!("{ENTERPRISE}:manager.value");
        assert_eq!(seen(&[&manager], &[])[ENTERPRISE], json!({ "manager": { "value": "2" } }));
        assert_eq!(seen(&[ENTERPRISE], &[])[ENTERPRISE], json!({ "manager": { "value": "2" } }));
        let qualified = format!("{USER}:userName");
        assert_eq!(seen(&[&qualified], &[])["userName"], "ada");
        assert_eq!(seen(&["surprise"], &[]), json!({ "schemas": [USER], "id": "1" }));
    }

    #[test]
    fn what_is_excluded_is_left_out_but_for_the_id() {
        let left = seen(&[], &["id", "schemas", "emails", "name.givenName", ENTERPRISE]);
        assert_eq!(
            left,
            json!({ "schemas": [USER], "id": "1", "userName": "ada", "name": { "familyName": "L" }, "meta": {} })
        );
        assert!(Projection::read(&["a"], &["b"]).is_err());
        let p = Projection::read(&[], &["members"]).unwrap();
        assert!(!p.shows("members") && p.shows("displayName"));
        let p = Projection::read(&["members.value"], &[]).unwrap();
        assert!(p.shows("members") && !p.shows("displayName"));
        assert!(Projection::read(&[], &["members.value"]).unwrap().shows("members"));
        assert!(Projection::default().shows("members"));
    }

    #[test]
    fn sec_14_the_names_of_a_call_are_bounded() {
        let (long, longer) = ("x".repeat(256), "x".repeat(257));
        for (names, fits) in [
            (vec!["emails"; 50], true),
            (vec!["emails"; 51], false),
            (vec![long.as_str()], true),
            (vec![longer.as_str()], false),
        ] {
            assert_eq!(Projection::read(&names, &[]).is_ok(), fits, "{}", names.len());
            assert_eq!(Projection::read(&[], &names).is_ok(), fits, "{}", names.len());
        }
        let once = Projection::read(&["emails", "EMAILS", "name"], &[]).unwrap();
        assert_eq!(once.only.unwrap().len(), 2);
    }
}
