//! Approval stages of a policy: their form (spec 3.4). Whether groups and users exist is decided where they are known.
use portcullis_domain::Role;
use portcullis_domain::fields::{self, Fields};
use serde_json::{Map, Value, json};

/// One stage in which anybody with the role `approver` decides.
pub fn usual() -> Value {
    json!([{ "name": "approval", "approvers": [{ "role": "approver" }], "required": 1, "escalate_after_seconds": null }])
}

/// `approval_stages`, each member present as it is stored; `None` when absent, null or wrong.
pub fn read(f: &mut Fields) -> Option<Value> {
    let list = f.optional("approval_stages", |v| match v {
        Value::Array(a) if (1..=5).contains(&a.len()) => Ok(a),
        _ => Err("A list of 1 to 5 stages."),
    })?;
    let mut stages = vec![];
    for (n, v) in list.into_iter().enumerate() {
        let at = format!("approval_stages[{n}]");
        match fields::object(v) {
            Ok(members) => {
                let mut inner = Fields::nested(members, at);
                stages.extend(stage(&mut inner));
                f.absorb(inner);
            }
            Err(e) => f.wrong(&at, e),
        }
    }
    Some(Value::Array(stages))
}

fn stage(f: &mut Fields) -> Option<Value> {
    let name = f.required("name", "Enter a name.", fields::line(60, "Enter a name."));
    let approvers = f.required("approvers", APPROVERS, |v| match v {
        Value::Array(a) if (1..=20).contains(&a.len()) => a.into_iter().map(approver).collect::<Result<Vec<_>, _>>(),
        _ => Err(APPROVERS),
    });
    let required = f.optional("required", |v| match v {
        Value::String(s) if s == "all" => Ok(Value::String(s)),
        v => fields::integer(1, 20)(v).map(Value::from).map_err(|_| "A whole number from 1 to 20, or \"all\"."),
    });
    let escalate = f.optional("escalate_after_seconds", fields::integer(300, 604_800));
    Some(json!({
        "name": name?,
        "approvers": approvers?,
        "required": required.unwrap_or(Value::from(1)),
        "escalate_after_seconds": escalate,
    }))
}

const APPROVERS: &str = "A list of 1 to 20 of {\"role\":…}, {\"group_id\":…}, {\"user_id\":…}, {\"manager\":true}.";

/// Exactly one of the four ways to name who may decide.
fn approver(v: Value) -> Result<Value, &'static str> {
    let Value::Object(members) = v else { return Err(APPROVERS) };
    let mut entries = members.into_iter();
    let (Some((key, v)), None) = (entries.next(), entries.next()) else { return Err(APPROVERS) };
    let v = match (key.as_str(), v) {
        ("role", Value::String(r)) if Role::parse(&r).is_some() => Value::String(r),
        ("group_id" | "user_id", v) => Value::from(fields::id::<Role>(v).map_err(|_| APPROVERS)?.to_string()),
        ("manager", Value::Bool(true)) => Value::Bool(true),
        _ => return Err(APPROVERS),
    };
    Ok(Value::Object(Map::from_iter([(key, v)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(v: Value) -> Result<Option<Value>, String> {
        let mut f = Fields::new(json!({ "approval_stages": v }).as_object().unwrap().clone());
        let read = read(&mut f);
        f.finish(Some(read)).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn stages_are_completed() {
        assert_eq!(
            of(json!([{ "name": "approval", "approvers": [{ "role": "approver" }] }])).unwrap().unwrap(),
            usual()
        );
        let id = "0199C0DE-0000-7000-8000-000000000001";
        let s = json!([{ "name": "x", "approvers": [{ "user_id": id }, { "manager": true }], "required": "all" }]);
        assert_eq!(of(s).unwrap().unwrap()[0]["approvers"][0]["user_id"], id.to_lowercase());
        assert_eq!(of(Value::Null).unwrap(), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        assert!(of(json!([])).unwrap_err().starts_with("approval_stages: "));
        let bad = json!([{ "approvers": [{ "role": "emperor" }], "required": 0, "extra": 1 }, 7]);
        assert_eq!(
            of(bad).unwrap_err(),
            "5 fields need attention: approval_stages[0].name, approval_stages[0].approvers, \
             approval_stages[0].required, approval_stages[0].extra, approval_stages[1]."
        );
        for approver in [json!({}), json!({ "role": "user", "manager": true }), json!({ "manager": false }), json!("x")]
        {
            assert!(of(json!([{ "name": "x", "approvers": [approver] }])).is_err());
        }
    }
}
