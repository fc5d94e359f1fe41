//! What the server tells about itself (RFC 7643 5 to 7). `base` is where all of it is; `groups`: does the connection write them?
use serde_json::{Value, json};

use crate::attribute::{Attribute, ENTERPRISE, ENTERPRISE_ATTRIBUTES, GROUP, GROUP_ATTRIBUTES, USER, USER_ATTRIBUTES};
use portcullis_domain::scim::PAGE;

const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

fn meta(kind: &str, location: String) -> Value {
    json!({ "resourceType": kind, "location": location })
}

/// `/ServiceProviderConfig`.
pub fn config(base: &str) -> Value {
    json!({
        "schemas": [CONFIG],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": PAGE },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "SCIM key", "primary": true, "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "description": "An API key of an identity provider of type scim, as a bearer token.",
        }],
        "meta": meta("ServiceProviderConfig", format!("{base}/ServiceProviderConfig")),
    })
}

/// `/ResourceTypes`, each with its id.
pub fn resource_types(base: &str, groups: bool) -> Vec<(&'static str, Value)> {
    let of = |name: &'static str, endpoint: &str, about: &str, schema: &str, extensions: Value| {
        let shown = json!({
            "schemas": [TYPE], "id": name, "name": name, "endpoint": endpoint, "description": about, "schema": schema,
            "schemaExtensions": extensions, "meta": meta("ResourceType", format!("{base}/ResourceTypes/{name}")),
        });
        (name, shown)
    };
    let extension = json!([{ "schema": ENTERPRISE, "required": false }]);
    let mut all = vec![of("User", "/Users", "A person.", USER, extension)];
    if groups {
        all.push(of("Group", "/Groups", "A group of people.", GROUP, json!([])));
    }
    all
}

/// `/Schemas`, each with its id.
pub fn schemas(base: &str, groups: bool) -> Vec<(&'static str, Value)> {
    let of = |id: &'static str, name: &str, about: &str, attributes: &[Attribute]| {
        let shown = json!({
            "schemas": [SCHEMA], "id": id, "name": name, "description": about,
            "attributes": attributes.iter().map(Attribute::shown).collect::<Vec<_>>(),
            "meta": meta("Schema", format!("{base}/Schemas/{id}")),
        });
        (id, shown)
    };
    let mut all = vec![
        of(USER, "User", "A person.", USER_ATTRIBUTES),
        of(ENTERPRISE, "EnterpriseUser", "What companies add.", ENTERPRISE_ATTRIBUTES),
    ];
    if groups {
        all.push(of(GROUP, "Group", "A group of people.", GROUP_ATTRIBUTES));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_there_is() {
        let config = config("https://id.example/scim/v2");
        for (feature, is) in [("patch", true), ("bulk", false), ("filter", true), ("sort", false), ("etag", true)] {
            assert_eq!(config[feature]["supported"], is, "{feature}");
        }
        let ids = |groups| schemas("", groups).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(ids(true), [USER, ENTERPRISE, GROUP]);
        assert_eq!(ids(false), [USER, ENTERPRISE]);
        for (_, t) in resource_types("", true) {
            assert!(ids(true).contains(&t["schema"].as_str().unwrap()));
        }
        let user = &schemas("", true)[0].1;
        let names: Vec<&str> =
            user["attributes"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["userName", "name", "displayName", "active", "emails"]);
    }
}
