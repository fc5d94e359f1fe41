//! Patches (RFC 7644 3.5.2), and how one changes a person's document. Directories are read leniently where the meaning is clear: the case
//! of `op`, truth written as text, members without a path whose names are paths, a value that a filter names and that is not there yet.
use portcullis_domain::Result;
use scim_v2::filter::{PatchPath, ValFilter};
use serde_json::{Map, Value, json};

use crate::Fault;
use crate::attribute::{Attribute, ENTERPRISE, Kind, Named, Place, find, of_user};
use crate::filter::TERMS;
use crate::matching::{demands, matches, terms};
use crate::message::member;
use crate::read::truth;

/// A patch of a group has at most so many operations.
pub(crate) const OF_GROUPS: usize = 1_000;
/// One of a person, each of which may look at every value.
pub(crate) const OF_USERS: usize = 100;
/// And a path so many bytes.
const PATH: usize = 4 << 10;
/// A person's attribute has at most so many values.
const VALUES: usize = 100;
/// A part of a value at most so many bytes: a patch may copy it to each of them.
const TEXT: usize = 1 << 10;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Add,
    Remove,
    Replace,
}
/// One operation.
pub(crate) struct Operation {
    pub deed: Deed,
    pub path: Option<Path>,
    pub value: Value,
}
/// Reads the body of a patch of at most so many operations.
pub(crate) fn operations(body: &Map<String, Value>, most: usize) -> Result<Vec<Operation>> {
    let syntax = |detail: &str| Fault::InvalidSyntax.because(detail);
    let Some(Value::Array(all)) = member(body, "Operations") else {
        return Err(syntax("Operations: a list of operations is needed."));
    };
    let too_many = || Fault::TooMany.because(format!("Operations: 1 to {most} of them."));
    if all.is_empty() || all.len() > most {
        return Err(too_many());
    }
    let read = |one: &Value| {
        let one = one.as_object().ok_or_else(|| syntax("Operations: each is an object."))?;
        let op = member(one, "op").and_then(Value::as_str).unwrap_or_default();
        let deed = [("add", Deed::Add), ("remove", Deed::Remove), ("replace", Deed::Replace)];
        let deed = deed.into_iter().find(|(word, _)| op.eq_ignore_ascii_case(word)).map(|(_, d)| d);
        let path = match member(one, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(Value::String(text)) => Some(path(text.trim())?),
            Some(_) => return Err(syntax("path: this must be text.")),
        };
        let value = member(one, "value").cloned().unwrap_or(Value::Null);
        Ok(Operation { deed: deed.ok_or_else(|| syntax("op: one of add, remove, replace."))?, path, value })
    };
    let all = all.iter().map(read).collect::<Result<Vec<Operation>>>()?;
    // without a path, each member of the value is an operation
    let deeds = |o: &Operation| match (&o.path, &o.value) {
        (None, Value::Object(members)) => members.len(),
        _ => 1,
    };
    if all.iter().map(deeds).sum::<usize>() > most { Err(too_many()) } else { Ok(all) }
}

/// A path that reads: the attribute's urn, its name, which of its values, which part of them.
pub(crate) struct Path {
    pub urn: Option<String>,
    pub name: String,
    pub filter: Option<ValFilter>,
    pub part: Option<String>,
}
/// Reads a path.
pub(crate) fn path(text: &str) -> Result<Path> {
    let wrong = || Fault::InvalidPath.because("The path does not read.");
    if text.len() > PATH {
        return Err(wrong());
    }
    Ok(match text.parse().map_err(|_| wrong())? {
        PatchPath::Attr(a) => Path { urn: a.uri, name: a.name, filter: None, part: a.sub_attr },
        PatchPath::Value(v) if v.attr.sub_attr.is_none() => {
            Path { urn: v.attr.uri, name: v.attr.name, filter: Some(v.filter), part: v.sub_attr }
        }
        PatchPath::Value(_) => return Err(wrong()),
    })
}
pub(crate) fn no_such_attribute() -> portcullis_domain::Error {
    Fault::InvalidPath.because("The path names no attribute of this resource.")
}
pub(crate) fn not_yours() -> portcullis_domain::Error {
    Fault::Mutability.because("Only the server writes this attribute.")
}
pub(crate) fn no_path() -> portcullis_domain::Error {
    Fault::NoTarget.because("remove needs a path.")
}

/// Changes a person's document.
pub(crate) fn apply(document: &mut Map<String, Value>, operation: &Operation) -> Result<()> {
    let Operation { deed, path, value } = operation;
    let Some(path) = path else {
        let Value::Object(members) = value else {
            return Err(match deed {
                Deed::Remove => no_path(),
                _ => Fault::InvalidValue.because("Without a path, value is an object."),
            });
        };
        if *deed == Deed::Remove {
            return Err(no_path());
        }
        return members.iter().try_for_each(|(name, value)| as_member(document, *deed, name, value));
    };
    match of_user(path.urn.as_deref(), &path.name, path.part.as_deref()).ok_or_else(no_such_attribute)? {
        Named::NotKept => Ok(()),
        Named::ReadOnly => Err(not_yours()),
        Named::Extension => extension(document, *deed, value),
        Named::Kept(place, attribute, part) => {
            change(document, place, &Target { attribute, part, filter: path.filter.as_ref() }, *deed, value)
        }
    }
}
/// A member of a value without a path. Its name may be a path; what it names that is not kept here is passed over, as in a body.
fn as_member(document: &mut Map<String, Value>, deed: Deed, name: &str, value: &Value) -> Result<()> {
    if name.eq_ignore_ascii_case(ENTERPRISE) {
        return extension(document, deed, value);
    }
    let Ok(path) = path(name) else { return Ok(()) };
    match of_user(path.urn.as_deref(), &path.name, path.part.as_deref()) {
        Some(Named::Kept(place, attribute, part)) => {
            change(document, place, &Target { attribute, part, filter: path.filter.as_ref() }, deed, value)
        }
        Some(Named::Extension) => extension(document, deed, value),
        _ => Ok(()),
    }
}
fn extension(document: &mut Map<String, Value>, deed: Deed, value: &Value) -> Result<()> {
    match (deed, value) {
        (Deed::Remove, _) | (_, Value::Null) => {
            document.remove(ENTERPRISE);
            Ok(())
        }
        (_, Value::Object(members)) => {
            members.iter().try_for_each(|(name, value)| match of_user(Some(ENTERPRISE), name, None) {
                Some(Named::Kept(place, attribute, part)) => {
                    change(document, place, &Target { attribute, part, filter: None }, deed, value)
                }
                _ => Ok(()),
            })
        }
        _ => Err(Fault::InvalidValue.because("The value of an extension is an object.")),
    }
}

struct Target<'t> {
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
    filter: Option<&'t ValFilter>,
}
fn change(document: &mut Map<String, Value>, place: Place, t: &Target<'_>, deed: Deed, value: &Value) -> Result<()> {
    let within = match place {
        Place::Core => document,
        Place::Enterprise => {
            let inner = document.entry(ENTERPRISE).or_insert_with(|| json!({}));
            if !inner.is_object() {
                *inner = json!({});
            }
            let Value::Object(inner) = inner else { return Err(no_such_attribute()) };
            inner
        }
    };
    let unset = deed == Deed::Remove || value.is_null();
    let a = t.attribute;
    if t.filter.is_some_and(|f| terms(f) > TERMS) {
        return Err(Fault::InvalidPath.because(format!("The filter of a path has at most {TERMS} terms.")));
    }
    if a.multi {
        let mut list = listed(within.remove(a.name));
        several(&mut list, t, deed, value)?;
        few(a, list.len())?;
        within.insert(a.name.into(), list.into_iter().map(Value::Object).collect());
        return Ok(());
    }
    if t.filter.is_some() {
        return Err(Fault::InvalidPath.because(format!("{} has one value: leave the filter out.", a.name)));
    }
    match (a.kind, t.part) {
        (Kind::Complex, Some(part)) => {
            let inner = within.entry(a.name).or_insert_with(|| json!({}));
            let Value::Object(inner) = inner else { return Err(no_such_attribute()) };
            if part.name == "$ref" {
                // it says whom the value means
                inner.remove("value");
            }
            put(inner, part.name, unset, value);
        }
        (Kind::Complex, None) => match value {
            _ if unset => drop(within.remove(a.name)),
            Value::Object(parts) => {
                let mut now = match within.remove(a.name) {
                    Some(Value::Object(kept)) if a.name == "name" => kept,
                    _ => Map::new(),
                };
                now.extend(known(a.parts, parts));
                within.insert(a.name.into(), Value::Object(now));
            }
            // Entra sends the manager's id alone, and nothing where there is none any more
            Value::String(id) if id.is_empty() => drop(within.remove(a.name)),
            Value::String(id) => drop(within.insert(a.name.into(), json!({ "value": id }))),
            _ => return Err(Fault::InvalidValue.because(format!("{}: this must be an object.", a.name))),
        },
        _ => put(within, a.name, unset, value),
    }
    Ok(())
}
fn put(into: &mut Map<String, Value>, name: &str, unset: bool, value: &Value) {
    if unset {
        into.remove(name);
    } else {
        into.insert(name.into(), value.clone());
    }
}
fn listed(v: Option<Value>) -> Vec<Map<String, Value>> {
    match v {
        Some(Value::Array(all)) => {
            all.into_iter().filter_map(|v| if let Value::Object(o) = v { Some(o) } else { None }).collect()
        }
        Some(Value::Object(one)) => vec![one],
        _ => vec![],
    }
}
/// The parts that are kept, under their own names.
pub(crate) fn known(parts: &'static [Attribute], sent: &Map<String, Value>) -> Map<String, Value> {
    sent.iter().filter_map(|(name, v)| Some((find(parts, name)?.name.to_owned(), v.clone()))).collect()
}
/// 400 `tooMany` for more values than an attribute has.
pub(crate) fn few(a: &Attribute, values: usize) -> Result<()> {
    if values <= VALUES {
        return Ok(());
    }
    Err(Fault::TooMany.because(format!("{}: at most {VALUES} values.", a.name)))
}
/// 400 unless a part of a value is a single one, of a length that it may have.
fn short(a: &Attribute, part: &Value) -> Result<()> {
    let fits = match part {
        Value::String(text) => text.len() <= TEXT,
        Value::Array(_) | Value::Object(_) => false,
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(Fault::InvalidValue.because(format!("{}: a part is text of at most {TEXT} bytes.", a.name)))
    }
}
/// The values that are sent, each an object.
fn sent(a: &'static Attribute, value: &Value) -> Result<Vec<Map<String, Value>>> {
    let one = |v: &Value| -> Result<Map<String, Value>> {
        let Value::Object(o) = v else {
            return Err(Fault::InvalidValue.because(format!("{}: a list of objects.", a.name)));
        };
        let parts = known(a.parts, o);
        parts.values().try_for_each(|part| short(a, part))?;
        Ok(parts)
    };
    match value {
        Value::Array(all) => {
            few(a, all.len())?;
            all.iter().map(one).collect()
        }
        other => Ok(vec![one(other)?]),
    }
}
fn several(list: &mut Vec<Map<String, Value>>, t: &Target<'_>, deed: Deed, value: &Value) -> Result<()> {
    let a = t.attribute;
    let unset = deed == Deed::Remove || value.is_null();
    if t.part.is_some() && !unset {
        short(a, value)?;
    }
    let Some(filter) = t.filter else {
        match (t.part, deed) {
            (Some(part), _) if list.is_empty() && !unset => {
                list.push(Map::from_iter([(part.name.to_owned(), value.clone())]));
            }
            (Some(part), _) => list.iter_mut().for_each(|v| put(v, part.name, unset, value)),
            (None, Deed::Remove) if !value.is_null() => {
                let gone = sent(a, value)?;
                list.retain(|v| !gone.iter().any(|g| g.get("value") == v.get("value")));
            }
            (None, Deed::Add) if !unset => {
                let new = sent(a, value)?;
                list.retain(|v| !new.iter().any(|n| n.get("value") == v.get("value")));
                if new.iter().any(is_primary) {
                    list.iter_mut().for_each(|v| drop(v.insert("primary".into(), Value::Bool(false))));
                }
                list.extend(new);
            }
            (None, Deed::Replace) if !unset => *list = sent(a, value)?,
            (None, _) => list.clear(),
        }
        return Ok(());
    };
    if unset {
        match t.part {
            Some(part) => list.iter_mut().filter(|v| matches(filter, v)).for_each(|v| drop(v.remove(part.name))),
            None => list.retain(|v| !matches(filter, v)),
        }
        return Ok(());
    }
    let new = match t.part {
        Some(part) => Map::from_iter([(part.name.to_owned(), value.clone())]),
        None => sent(a, value)?.into_iter().flatten().collect(),
    };
    let mut met = false;
    for v in list.iter_mut().filter(|v| matches(filter, v)) {
        v.extend(new.clone());
        met = true;
    }
    if !met {
        let none = || Fault::NoTarget.because(format!("No value of {} matches the filter.", a.name));
        let mut made = known(a.parts, &demands(filter).ok_or_else(none)?);
        made.extend(new);
        list.push(made);
    }
    Ok(())
}
pub(crate) fn is_primary(v: &Map<String, Value>) -> bool {
    v.get("primary").and_then(truth) == Some(true)
}
