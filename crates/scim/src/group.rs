//! Groups as they are written, read and patched. A patch becomes steps, so that a group of thousands is not read to add one.
use portcullis_domain::scim::{EXTERNAL_ID, GROUP as MOST, GroupChange, GroupListing, MEMBERS, MemberStep};
use portcullis_domain::user::User;
use portcullis_domain::{Error, Id, Result};
use scim_v2::filter::{AttrExp, CompValue, CompareOp, ValFilter};
use serde_json::{Map, Value, json};

use crate::Fault;
use crate::attribute::{GROUP, Named, of_group};
use crate::message::member;
use crate::patch::{self, Deed, Path};
use crate::read::line;

const NAME: usize = 120;

/// Reads a group from a body. Where `members` is left out, who is in it stays.
pub fn read(body: &Map<String, Value>) -> Result<GroupChange> {
    let members = match member(body, "members") {
        None => vec![],
        Some(list) => vec![MemberStep::Set(ids(list, MOST)?)],
    };
    Ok(GroupChange {
        title: Some(title(member(body, "displayName"))?),
        external_id: Some(external_id(member(body, "externalId"))?),
        members,
    })
}
fn title(v: Option<&Value>) -> Result<String> {
    line("displayName", v, NAME)?.ok_or_else(|| Fault::InvalidValue.because("displayName: This is required."))
}
fn external_id(v: Option<&Value>) -> Result<Option<String>> {
    line("externalId", v, EXTERNAL_ID)
}

/// The ids of members that shall be in a group.
fn ids(list: &Value, most: usize) -> Result<Vec<Id<User>>> {
    let list = each(list, most)?;
    list.into_iter().map(|v| id_of(v)?.ok_or_else(no_member)).collect()
}
fn each(list: &Value, most: usize) -> Result<Vec<&Value>> {
    let list = match list {
        Value::Null => vec![],
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    };
    if list.len() > most { Err(too_many()) } else { Ok(list) }
}
/// The id that a member names; `None`: it is none of ours.
fn id_of(v: &Value) -> Result<Option<Id<User>>> {
    let id = match v {
        Value::String(id) => Some(id.as_str()),
        Value::Object(one) => {
            if member(one, "type").and_then(Value::as_str).is_some_and(|t| !t.eq_ignore_ascii_case("User")) {
                return Err(Fault::InvalidValue.because("members: only users can be in a group here."));
            }
            member(one, "value").and_then(Value::as_str)
        }
        _ => None,
    };
    Ok(id.ok_or_else(no_member)?.parse().ok())
}
/// 400 for a member whom the connection did not make.
pub fn no_member() -> Error {
    Fault::InvalidValue.because("members.value: this must be the id of a user of this connection.")
}
/// 400 for more than one call does.
pub fn too_many() -> Error {
    Fault::TooMany.because(format!("One call changes at most {MEMBERS} members: send several."))
}

/// A group as it is shown; `base` is where `/Groups` is.
pub fn write(g: &GroupListing, base: &str) -> Map<String, Value> {
    let (group, id) = (&g.group, g.group.id.to_string());
    let mut out = Map::new();
    out.insert("schemas".into(), json!([GROUP]));
    out.insert("id".into(), json!(id));
    if let Some(external_id) = &group.external_id {
        out.insert("externalId".into(), json!(external_id));
    }
    out.insert("displayName".into(), json!(group.title));
    if let Some(members) = g.members.as_ref().filter(|m| !m.is_empty()) {
        let shown = |id: &Id<User>| json!({ "value": id, "$ref": format!("{base}/Users/{id}"), "type": "User" });
        out.insert("members".into(), members.iter().map(shown).collect());
    }
    out.insert(
        "meta".into(),
        json!({
            "resourceType": "Group", "created": group.created_at, "lastModified": group.updated_at,
            "location": format!("{base}/Groups/{id}"), "version": format!("\"{}\"", group.revision),
        }),
    );
    out
}

/// Reads a patch.
pub fn patch(body: &Map<String, Value>) -> Result<GroupChange> {
    let mut change = GroupChange::default();
    for operation in patch::operations(body, patch::OF_GROUPS)? {
        match (&operation.path, &operation.value) {
            (None, _) if operation.deed == Deed::Remove => return Err(patch::no_path()),
            (None, Value::Object(members)) => {
                for (name, value) in members {
                    let Ok(path) = patch::path(name) else { continue };
                    if let Some(Named::Kept(..)) = of_group(path.urn.as_deref(), &path.name, path.part.as_deref()) {
                        step(&mut change, operation.deed, &path, value)?;
                    }
                }
            }
            (None, _) => return Err(Fault::InvalidValue.because("Without a path, value is an object.")),
            (Some(path), value) => step(&mut change, operation.deed, path, value)?,
        }
    }
    let named = |s: &MemberStep| match s {
        MemberStep::Add(ids) | MemberStep::Remove(ids) | MemberStep::Set(ids) => ids.len(),
    };
    if change.members.iter().map(named).sum::<usize>() > MEMBERS {
        return Err(too_many());
    }
    Ok(change)
}
fn step(change: &mut GroupChange, deed: Deed, path: &Path, value: &Value) -> Result<()> {
    let named = of_group(path.urn.as_deref(), &path.name, path.part.as_deref());
    let attribute = match named.ok_or_else(patch::no_such_attribute)? {
        Named::Kept(_, attribute, None) => attribute,
        Named::ReadOnly => return Err(patch::not_yours()),
        _ => return Err(patch::no_such_attribute()),
    };
    let unset = deed == Deed::Remove || value.is_null();
    match (attribute.name, &path.filter, deed) {
        ("members", Some(filter), Deed::Remove) => change.members.push(MemberStep::Remove(meant(filter)?)),
        ("members", None, Deed::Add) => change.members.push(MemberStep::Add(ids(value, MEMBERS)?)),
        ("members", None, Deed::Replace) => change.members.push(MemberStep::Set(ids(value, MEMBERS)?)),
        // Entra names whom it takes out in the value
        ("members", None, Deed::Remove) if !value.is_null() => {
            let mut gone = vec![];
            for one in each(value, MEMBERS)? {
                gone.extend(id_of(one)?);
            }
            change.members.push(MemberStep::Remove(gone));
        }
        ("members", None, Deed::Remove) => change.members.push(MemberStep::Set(vec![])),
        ("displayName", None, _) => change.title = Some(title(Some(value).filter(|_| !unset))?),
        ("externalId", None, _) => change.external_id = Some(external_id(Some(value).filter(|_| !unset))?),
        _ => return Err(Fault::InvalidPath.because("Only members are chosen by a filter, and only to remove them.")),
    }
    Ok(())
}
/// Whom `members[value eq "…" or value eq "…"]` means.
fn meant(filter: &ValFilter) -> Result<Vec<Id<User>>> {
    match filter {
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, CompValue::Str(id)))
            if path.name.eq_ignore_ascii_case("value") && path.sub_attr.is_none() =>
        {
            // whoever is none of ours is in no group
            Ok(id.parse().ok().into_iter().collect())
        }
        ValFilter::Or(any) => Ok(any.iter().map(meant).collect::<Result<Vec<_>>>()?.concat()),
        _ => Err(Fault::InvalidPath.because("Choose members by value eq \"…\", joined by or.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0199c0de-0000-7000-8000-00000000000a";
    const B: &str = "0199c0de-0000-7000-8000-00000000000b";
    fn id(s: &str) -> Id<User> {
        s.parse().unwrap()
    }
    fn patched(operations: Value) -> Result<GroupChange> {
        patch(json!({ "Operations": operations }).as_object().unwrap())
    }
    fn members(operations: Value) -> Vec<MemberStep> {
        patched(operations.clone()).unwrap_or_else(|e| panic!("{operations}: {e}")).members
    }
    fn fault(operations: Value) -> String {
        patched(operations).unwrap_err().details()["scim_type"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_body_names_its_members_or_leaves_them() {
        let of = |v: Value| read(v.as_object().unwrap());
        let change = of(json!({ "displayName": "Engineers", "members": [{ "value": A, "display": "Ada" }] })).unwrap();
        assert_eq!(change.members, [MemberStep::Set(vec![id(A)])]);
        assert_eq!((change.title.as_deref(), change.external_id), (Some("Engineers"), Some(None)));
        assert!(of(json!({ "displayName": "Engineers" })).unwrap().members.is_empty());
        for bad in [
            json!({}),
            json!({ "displayName": "" }),
            json!({ "displayName": "x".repeat(121) }),
            json!({ "displayName": "G", "members": [{ "value": "ada" }] }),
            json!({ "displayName": "G", "members": [{ "value": A, "type": "Group" }] }),
            json!({ "displayName": "G", "members": [5] }),
            json!({ "displayName": "G", "members": vec![json!({ "value": A }); 10_001] }),
        ] {
            assert!(of(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_directories_patch_becomes_steps() {
        let add = json!({ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": A }] });
        let gone = json!({ "op": "Remove", "path": "members", "value": [{ "value": B }] });
        let by_filter = json!({ "op": "remove", "path": format!(r#"members[value eq "{A}"]"#) });
        assert_eq!(
            members(json!([add, gone, by_filter])),
            [MemberStep::Add(vec![id(A)]), MemberStep::Remove(vec![id(B)]), MemberStep::Remove(vec![id(A)])]
        );
        let both = json!([{ "op": "remove", "path": format!(r#"members[value eq "{A}" or value eq "{B}"]"#) }]);
        assert_eq!(members(both), [MemberStep::Remove(vec![id(A), id(B)])]);
        assert_eq!(members(json!([{ "op": "remove", "path": "members" }])), [MemberStep::Set(vec![])]);
        assert_eq!(
            members(json!([{ "op": "replace", "path": "members", "value": [{ "value": B }] }])),
            [MemberStep::Set(vec![id(B)])]
        );
        // nobody of ours, so nobody goes
        assert_eq!(
            members(json!([{ "op": "remove", "path": r#"members[value eq "ada"]"# }])),
            [MemberStep::Remove(vec![])]
        );
        let renamed =
            patched(json!([{ "op": "replace", "value": { "id": A, "displayName": "New", "surprise": 1 } }])).unwrap();
        assert_eq!((renamed.title.as_deref(), renamed.members.len()), (Some("New"), 0));
        let renamed = patched(json!([
            { "op": "Replace", "path": "displayName", "value": "Newer" }, { "op": "remove", "path": "externalId" },
        ]));
        assert_eq!(
            renamed.unwrap(),
            GroupChange { title: Some("Newer".into()), external_id: Some(None), members: vec![] }
        );
    }

    #[test]
    fn sec_14_what_a_patch_cannot_do_is_refused() {
        let many = |n: usize| json!([{ "op": "add", "path": "members", "value": vec![json!({ "value": A }); n] }]);
        assert_eq!(members(many(1_000)).len(), 1);
        assert_eq!(fault(many(1_001)), "tooMany");
        let (half, other) = (many(600)[0].clone(), many(401)[0].clone());
        assert_eq!(fault(json!([half, other])), "tooMany");
        for (operation, word) in [
            (json!({ "op": "remove", "path": "displayName" }), "invalidValue"),
            (json!({ "op": "replace", "path": "id", "value": A }), "mutability"),
            (json!({ "op": "replace", "path": "owners", "value": A }), "invalidPath"),
            (json!({ "op": "remove", "path": r#"members[type eq "User"]"# }), "invalidPath"),
            (
                json!({ "op": "replace", "path": format!(r#"members[value eq "{A}"].value"#), "value": B }),
                "invalidPath",
            ),
            (json!({ "op": "add", "path": "members", "value": [{ "value": "ada" }] }), "invalidValue"),
            (json!({ "op": "add", "path": "members", "value": [{ "value": A, "type": "Group" }] }), "invalidValue"),
            (json!({ "op": "add", "value": [] }), "invalidValue"),
            (json!({ "op": "remove" }), "noTarget"),
        ] {
            assert_eq!(fault(json!([operation.clone()])), word, "{operation}");
        }
    }
}
